"""The features that a strategy is asked with, as the journal of its session keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from tradecore.errors import InvalidValueError
from tradecore.features.sets import FeatureSet

__all__ = ["RecordedFeatures", "schema_difference"]


def schema_difference(
    before: Sequence[str], before_hash: str, now: Sequence[str], now_hash: str, *, when: str
) -> str | None:
    """Return in words what features differ by from those of before; None where they are the same.

    Parameters
    ----------
    before, now : sequence of str
        Their names, in order.
    before_hash, now_hash : str
        Of their schemas.
    when : str
        When before was, such as ``in training``.
    """
    if before_hash == now_hash and tuple(before) == tuple(now):
        return None
    missing = [name for name in before if name not in now]
    added = [name for name in now if name not in before]
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"added {', '.join(added)}"] if added else []
    if parts:
        return f"other features: {'; '.join(parts)}"
    for place, (name, was) in enumerate(zip(now, before, strict=False)):
        if name != was:
            return f"other features: in another order: {name} where {was} was, at {place}"
    return f"the same features with other parameters: schema {before_hash[:12]} {when}, {now_hash[:12]} now"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFeatures:
    """A feature set in the header of a journal.

    Parameters
    ----------
    names : tuple of str
    schema_hash : str
    toml : str, optional
        The set itself; None where no text tells of it, as of objects that a strategy's code makes.
    """

    names: tuple[str, ...]
    schema_hash: str
    toml: str | None

    @classmethod
    def of(cls, features: FeatureSet) -> Self:
        """Return what is kept of a set."""
        toml = features.to_toml() if features.is_text else None
        return cls(names=features.names, schema_hash=features.schema_hash, toml=toml)

    @classmethod
    def from_table(cls, table: Any) -> Self:
        """Return what :meth:`to_table` made this of.

        Raises
        ------
        InvalidValueError
            For anything else.
        """
        try:
            names, schema_hash, toml = table["names"], table["schema_hash"], table["toml"]
            if isinstance(schema_hash, str) and isinstance(toml, str | None):
                return cls(names=tuple(map(str, names)), schema_hash=schema_hash, toml=toml)
        except (TypeError, KeyError):
            pass
        raise InvalidValueError("features", f"expected names, schema_hash and toml, got {table!r}")

    def to_table(self) -> Mapping[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    def feature_set(self) -> FeatureSet:
        """Return the set again.

        Raises
        ------
        InvalidValueError
            Where no text tells of it, for a class of one's own that is gone, and for what means something else today.
        """
        if self.toml is None:
            raise InvalidValueError("features", f"{', '.join(self.names)}: their code made them, no text tells of them")
        made = FeatureSet.from_toml(self.toml)
        self.check(made)
        return made

    def check(self, features: FeatureSet) -> None:
        """See that features are these.

        Raises
        ------
        InvalidValueError
            With the difference.
        """
        if (said := self.difference(features)) is not None:
            raise InvalidValueError("features", f"expected those of the session, got {said}")

    def difference(self, features: FeatureSet) -> str | None:
        """Return in words what features differ by from these; None where they are the same."""
        then = (self.names, self.schema_hash)
        return schema_difference(*then, features.names, features.schema_hash, when="in the journal")
