"""Sets of features."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tradecore._core import FeatureSchema, feature_definitions
from tradecore.errors import InvalidValueError
from tradecore.features.custom import UserFeature, identity, name_of
from tradecore.imports import is_named, made_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FeatureSet", "available", "schema_difference"]

_CALLED: Final = re.compile(r"\s*(?P<name>[^=():]+?)\s*=(?P<text>[^()]+:.*)", re.DOTALL)
"""A class of one's own under another name, ``wall = walls.py:BidWall(levels=10)``."""


def available() -> pl.DataFrame:
    """Return the features there are: name, parameters with defaults, unit, formula, warm-up.

    Examples
    --------
    >>> tc.features.available().row(0, named=True)["formula"]
    'best ask - best bid; negative while the book is crossed'
    """
    import polars as pl

    rows = [
        {
            "name": row["name"],
            "parameters": ", ".join(
                name if default is None else f"{name}={default}" for name, _, default in row["parameters"]
            ),
            "unit": row["unit"],
            "formula": row["formula"],
            "warm_up": row["warm_up"],
        }
        for row in feature_definitions()
    ]
    return pl.DataFrame(rows)


class FeatureSet:
    """A named, ordered, versioned list of features.

    Parameters
    ----------
    features : sequence of str or object
        Each as it is written: ``"spread"``, ``"ofi(window=5s)"``, ``"fast = ofi(window=100ms)"`` under a name of its
        own; or an object of one's own with a method ``update(book, trade) -> float``, also as a text that names its
        class, ``"wall = walls.py:BidWall(levels=10)"`` or ``"mymodule:BidWall"``. :func:`available` lists names and
        parameters. Without a name of its own a feature is called as it is written, defaults left out.
    name : str
        Of the set.
    version : str
        Changes the hash of the schema: change it when a feature of one's own changes what it means.

    Raises
    ------
    InvalidValueError
        For an unknown name or parameter, with what is near it; a value a parameter does not take; a name twice.

    Examples
    --------
    >>> set_ = tc.FeatureSet(["spread", "fast = ofi(window=100ms)"], name="touch", version="1")
    >>> set_.names
    ('spread', 'fast')
    >>> set_ == tc.FeatureSet.from_toml(set_.to_toml())
    True
    """

    __slots__ = ("_features", "_objects", "_schema", "name", "version")

    name: str
    version: str

    def __init__(self, features: Sequence[str | UserFeature], *, name: str = "features", version: str = "1") -> None:
        if isinstance(features, str) or not isinstance(features, Sequence):
            raise InvalidValueError("features", f"expected a list of features, got {features!r}")
        for field, value in (("name", name), ("version", version)):
            if not isinstance(value, str):
                raise InvalidValueError(field, f"expected text, got {value!r}")
        told: list[str | tuple[str, str]] = []
        own: list[UserFeature] = []
        for feature in features:
            called, made = _own(feature) if isinstance(feature, str) else (None, feature)
            if isinstance(made, str):
                told.append(made)
            elif not isinstance(made, type) and callable(getattr(made, "update", None)):
                told.append((called or name_of(made), identity(made)))
                own.append(made)
            else:
                problem = f"expected text such as 'ofi(window=5s)' or an object with update(book, trade), got {made!r}"
                raise InvalidValueError("features", problem)
        self.name, self.version = name, version
        self._features = tuple(features)
        self._schema = FeatureSchema(name, version, told)
        self._objects = tuple(own)

    @classmethod
    def of(cls, features: FeatureSet | Sequence[str | UserFeature]) -> FeatureSet:
        """Return a set as it is, or one of a list of features."""
        return features if isinstance(features, FeatureSet) else cls(features)

    @classmethod
    def from_toml(cls, toml: str | Mapping[str, Any], *, own_classes: bool = True) -> FeatureSet:
        """Return a set from TOML, as text or as a table that was parsed: keys ``features``, ``name``, ``version``.

        Parameters
        ----------
        toml : str or mapping
        own_classes : bool
            Whether it may name classes of one's own, whose code is run.

        Raises
        ------
        InvalidValueError
            For what is no TOML, another key, and what the set does not take.
        """
        table = _table_of(toml) if isinstance(toml, str) else toml
        if not isinstance(table, Mapping):
            raise InvalidValueError("features", f"expected TOML as text or as a table, got {table!r}")
        if unknown := sorted(set(table) - {"features", "name", "version"}):
            raise InvalidValueError("features", f"unknown key {unknown[0]!r}; expected features, name, version")
        features = table.get("features", ())
        texts = [each for each in features if isinstance(each, str)] if isinstance(features, Sequence) else []
        if not own_classes and (named := [text for text in texts if _named(text)[1] is not None]):
            raise InvalidValueError("features", f"{named[0]} is a class of one's own, whose code would be run")
        return cls(features, **{key: table[key] for key in ("name", "version") if key in table})

    def to_toml(self) -> str:
        """Return the set as TOML.

        Raises
        ------
        InvalidValueError
            For a set with a feature of one's own that was given as an object.
        """
        import tomli_w

        if not self.is_text:
            first = next(feature for feature in self._features if not isinstance(feature, str))
            problem = f"{name_of(first)} is an object of a class of your own: no text tells of it"
            raise InvalidValueError("features", problem)
        table = {"name": self.name, "version": self.version, "features": self._texts()}
        return tomli_w.dumps(table, multiline_strings=False)

    def _texts(self) -> list[str]:
        """Return what each feature is written as; an object is its name."""
        return [
            text if text is not None else feature if isinstance(feature, str) else name
            for text, feature, name in zip(self._schema.texts, self._features, self.names, strict=True)
        ]

    @property
    def is_text(self) -> bool:
        """Whether text tells of all of it: no feature was given as an object."""
        return all(isinstance(feature, str) for feature in self._features)

    @property
    def has_own_classes(self) -> bool:
        """Whether some of the features are classes of one's own, in whatever way they were given."""
        return bool(self._objects)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order: columns of a table, keys of a vector."""
        return self._schema.names

    @property
    def schema_hash(self) -> str:
        """SHA-256, in hexadecimal, of the version and of the names and parameters of the features, in order."""
        return self._schema.schema_hash

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FeatureSet):
            return NotImplemented
        return (self.name, self.schema_hash) == (other.name, other.schema_hash)

    def __hash__(self) -> int:
        return hash((self.name, self.schema_hash))

    def __repr__(self) -> str:
        return f"FeatureSet({self._texts()!r}, name={self.name!r}, version={self.version!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (list(self._features), self.name, self.version)


def _named(text: str) -> tuple[str | None, str | None]:
    """Return the name, if any, and the class that a text gives to a feature of one's own; None, None for another."""
    found = _CALLED.fullmatch(text)
    name, written = (None, text) if found is None else (found["name"], found["text"])
    return (name, written.strip()) if is_named(written) else (None, None)


def _own(text: str) -> tuple[str | None, Any]:
    """Return the name and the object of a feature of one's own that a text names; None and the text for another."""
    name, written = _named(text)
    return (None, text) if written is None else (name, made_of("features", written))


def _table_of(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        is_path = text.endswith(".toml") and "\n" not in text
        hint = "; expected text, not a path: Path(...).read_text()" if is_path else ""
        raise InvalidValueError("features", f"is not TOML: {error}{hint}") from None


def _again(features: list[str | UserFeature], name: str, version: str) -> FeatureSet:
    return FeatureSet(features, name=name, version=version)


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
