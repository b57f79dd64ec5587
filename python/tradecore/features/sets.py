"""Sets of features."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tradecore._core import FeatureSchema, feature_definitions
from tradecore.errors import InvalidValueError
from tradecore.features.custom import UserFeature, identity, name_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FeatureSet", "available"]


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
        own; or an object of one's own with a method ``update(book, trade) -> float``. :func:`available` lists names and
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
        for feature in features:
            if isinstance(feature, str):
                told.append(feature)
            elif not isinstance(feature, type) and callable(getattr(feature, "update", None)):
                told.append((name_of(feature), identity(feature)))
            else:
                problem = (
                    f"expected text such as 'ofi(window=5s)' or an object with update(book, trade), got {feature!r}"
                )
                raise InvalidValueError("features", problem)
        self.name, self.version = name, version
        self._features = tuple(features)
        self._schema = FeatureSchema(name, version, told)
        self._objects = tuple(feature for feature in features if not isinstance(feature, str))

    @classmethod
    def of(cls, features: FeatureSet | Sequence[str | UserFeature]) -> FeatureSet:
        """Return a set as it is, or one of a list of features."""
        return features if isinstance(features, FeatureSet) else cls(features)

    @classmethod
    def from_toml(cls, toml: str | Mapping[str, Any]) -> FeatureSet:
        """Return a set from TOML, as text or as a table that was parsed: keys ``features``, ``name``, ``version``.

        Raises
        ------
        InvalidValueError
            For what is no TOML, another key, and what the set does not take.
        """
        table = _table_of(toml) if isinstance(toml, str) else toml
        if unknown := sorted(set(table) - {"features", "name", "version"}):
            raise InvalidValueError("features", f"unknown key {unknown[0]!r}; expected features, name, version")
        return cls(table.get("features", ()), **{key: table[key] for key in ("name", "version") if key in table})

    def to_toml(self) -> str:
        """Return the set as TOML.

        Raises
        ------
        InvalidValueError
            For a set with a feature of one's own.
        """
        import tomli_w

        if self._objects:
            raise InvalidValueError(
                "features", f"{name_of(self._objects[0])} is a class of your own: no text tells of it"
            )
        table = {"name": self.name, "version": self.version, "features": [text or "" for text in self._schema.texts]}
        return tomli_w.dumps(table, multiline_strings=False)

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
        told = [text if text is not None else name for text, name in zip(self._schema.texts, self.names, strict=True)]
        return f"FeatureSet({told!r}, name={self.name!r}, version={self.version!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (list(self._features), self.name, self.version)


def _table_of(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        is_path = text.endswith(".toml") and "\n" not in text
        hint = "; expected text, not a path: Path(...).read_text()" if is_path else ""
        raise InvalidValueError("features", f"is not TOML: {error}{hint}") from None


def _again(features: list[str | UserFeature], name: str, version: str) -> FeatureSet:
    return FeatureSet(features, name=name, version=version)
