"""The features that a strategy is asked with, as the journal of its session keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from tradecore.errors import InvalidValueError
from tradecore.features.sets import FeatureSet, schema_difference

__all__ = ["RecordedFeatures"]


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
