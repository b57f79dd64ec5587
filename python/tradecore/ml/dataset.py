"""Data sets: features, labels and their times, and where they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import orjson

from tradecore.arrays import to_floats
from tradecore.data.arguments import id_of
from tradecore.data.catalog import Catalog
from tradecore.errors import InvalidValueError
from tradecore.features import FeatureSet, compute
from tradecore.ml.columns import Floats, Horizon, Rows, as_long, integers, prices, refuse_at, rows_ahead, times
from tradecore.ml.splits import CombinatorialPurgedCV, PurgedKFold, WalkForward
from tradecore.ml.target import Label, checked_params
from tradecore.ml.weights import return_weights, time_decay, uniqueness
from tradecore.validation import DurationLike

if TYPE_CHECKING:
    from tradecore._core import Instrument

__all__ = ["Dataset", "build_dataset", "names_of", "schema_hash_of"]

SPLITTERS: Mapping[str, type[PurgedKFold | CombinatorialPurgedCV | WalkForward]] = {
    "purged_kfold": PurgedKFold,
    "combinatorial": CombinatorialPurgedCV,
    "walk_forward": WalkForward,
}
"""Splitters by the name they have in a configuration."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Samples to train and test on, in order of time, without a value missing.

    Attributes
    ----------
    X : float64 (n, m)
        Features.
    y : float64 (n,)
        Labels.
    features : tuple of str
        Names of the columns of X.
    ts : int64 (n,), ns
        When a sample's features were known.
    t1 : int64 (n,), ns
        When its label was known.
    ret : float64 (n,), fraction, optional
        The return that came in between, if known.
    weights : float64 (n,), optional
        How much each sample counts in training.
    price : float64 (n,), quote currency, optional
        What labels were made of, if known; it is no feature.
    side : str, optional
        The feature whose sign is bet on: labels are meta-labels then, 1 where that paid, else 0.
    schema_hash : str
        Stands for the features with their parameters and their order.
    instruments : tuple of str
        Of what the data is; empty if unknown.
    label : str
        What was labelled, in words.
    feature_set : str, optional
        The features as TOML, to be made again from; None where they are bare columns, or have a class of one's own.
    dropped : mapping of str to int
        How many rows were left out, by reason.
    """

    X: Floats
    y: Floats
    features: tuple[str, ...]
    ts: Rows
    t1: Rows
    ret: Floats | None = None
    weights: Floats | None = None
    price: Floats | None = None
    side: str | None = None
    schema_hash: str = ""
    instruments: tuple[str, ...] = ()
    label: str = ""
    feature_set: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(names_of(self.features)))
        try:
            object.__setattr__(self, "X", np.ascontiguousarray(self.X, dtype=np.float64))
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidValueError("X", f"expected rows of numbers: {error}") from None
        if self.X.ndim != 2 or self.X.shape[1] != len(self.features):
            raise InvalidValueError("X", f"expected {len(self.features)} columns, got an array of {self.X.shape}")
        if len(set(self.features)) != len(self.features) or not self.features:
            raise InvalidValueError("features", f"expected at least one, and none twice, got {list(self.features)}")
        rows = len(self.X)
        if not rows:
            left_out = ", ".join(f"{number:,} {why}" for why, number in self.dropped.items() if number)
            raise InvalidValueError("X", f"no row is left; left out: {left_out or 'none'}")
        object.__setattr__(self, "ts", times("ts", self.ts, rows))
        object.__setattr__(self, "t1", integers("t1", self.t1))
        for name in ("y", "t1", "ret", "weights", "price"):
            if (values := getattr(self, name)) is not None:
                as_long(name, values, rows)
        refuse_at("t1", self.t1 < self.ts, self.t1, "no time before ts")
        wrong = np.argwhere(~np.isfinite(self.X))
        if len(wrong):
            row, column = wrong[0]
            raise InvalidValueError(
                self.features[column], f"row {row}: expected a finite number, got {self.X[row, column]}"
            )
        for name in ("y", "ret"):
            if (values := getattr(self, name)) is not None:
                object.__setattr__(self, name, to_floats(name, values))
                refuse_at(name, ~np.isfinite(getattr(self, name)), getattr(self, name), "a finite number")
        if self.weights is not None:
            object.__setattr__(self, "weights", to_floats("weights", self.weights))
            refuse_at("weights", ~((self.weights >= 0) & (self.weights < np.inf)), self.weights, "a weight from 0")
        if self.price is not None:
            object.__setattr__(self, "price", prices("price", self.price))
        if self.side is not None:
            _check_side(self.side, self.features)
            refuse_at("y", ~np.isin(self.y, (0.0, 1.0)), self.y, f"1 where the bet by {self.side} paid, or 0")
        if not self.schema_hash:
            object.__setattr__(self, "schema_hash", schema_hash_of(self.features))

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        of = f" of {', '.join(self.instruments)}" if self.instruments else ""
        return f"<Dataset{of}: {len(self):,} rows, {len(self.features)} features>"

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        features: Any,
        label: Any,
        *,
        ts: str = "ts_available",
        t1: str | Horizon | None = None,
        price: str | None = None,
        ret: str | None = None,
        weights: str | None = None,
        instrument: str | None = None,
    ) -> Dataset:
        """Make a data set of the columns of a frame.

        Rows with a NaN, a null or an infinity among their features, or without a label, are left out and counted;
        nothing is filled.

        Parameters
        ----------
        frame : DataFrame
            Of polars or pandas, in order of time.
        features : list of str, or FeatureSet
            Columns that are features.
        label : str or Label
            The column with the labels, or how they are made of the column ``price``.
        ts : str
            The column of times, ns, at which the features are known.
        t1 : str, int or duration, optional
            When a label in a column is known: the column that says so (ns), or the horizon in rows or time.
        price : str, optional
            The column of prices, for a :class:`Label` and for weights by returns; a label skips rows without one.
        ret, weights : str, optional
            Columns with the returns that came, as fractions, and with weights.
        instrument : str, optional
            Of what the data is.

        Raises
        ------
        InvalidValueError
            For a column that is not there or of another kind, and when no row is left.

        Examples
        --------
        >>> import polars as pl
        >>> frame = pl.DataFrame(
        ...     {"ts_available": [1, 2, 3, 4], "f": [None, 0.1, 0.2, 0.3], "mid": [10.0, 10.1, 10.0, 10.2]}
        ... )
        >>> label = tc.ml.Label("forward_return", horizon=1, classes="up")
        >>> data = tc.ml.Dataset.from_frame(frame, ["f"], label, price="mid")
        >>> data.X.tolist(), data.y.tolist(), dict(data.dropped)
        ([[0.1], [0.2]], [0.0, 1.0], {'not ready': 1, 'without a label': 1})
        """
        names = tuple(names_of(features))
        rows = len(frame)
        at = times("ts", _column(frame, ts), rows)
        X = np.column_stack([to_floats(name, _column(frame, name)) for name in names]) if names else np.empty((rows, 0))
        came = None if ret is None else to_floats(ret, _column(frame, ret))
        paid = None if price is None else to_floats(price, _column(frame, price))
        side = label.side if isinstance(label, Label) else None
        if side is not None:
            _check_side(side, names)
        if isinstance(label, Label):
            if paid is None or t1 is not None:
                raise InvalidValueError("price", "a Label takes the column of prices, and says itself when it is known")
            there = np.flatnonzero(~np.isnan(paid))
            got = label.of(paid[there], at[there], None if side is None else X[there, names.index(side)])
            y, came, ends, said = np.full(rows, np.nan), np.full(rows, np.nan), at.copy(), repr(label)
            y[there], came[there], ends[there] = got.y, got.ret, at[there][got.t1]
        elif isinstance(label, str) and t1 is not None:
            y, said = to_floats(label, _column(frame, label)), label
            if isinstance(t1, str) and t1 in frame.columns:
                ends = integers(t1, _column(frame, t1))
            else:
                ahead = rows_ahead(t1, rows, at)
                ends = at[np.minimum(ahead, max(rows - 1, 0))]
        else:
            raise InvalidValueError("t1", "a column of labels needs when they are known: a column, or a horizon")
        weigh = None if weights is None else to_floats(weights, _column(frame, weights))
        ready = np.isfinite(X).all(axis=1)
        labelled = np.isfinite(y) & (True if came is None else np.isfinite(came))
        kept = ready & labelled
        return cls(
            X=X[kept],
            y=y[kept],
            features=names,
            ts=at[kept],
            t1=ends[kept],
            ret=None if came is None else came[kept],
            weights=None if weigh is None else weigh[kept],
            price=None if paid is None else paid[kept],
            side=side,
            schema_hash=schema_hash_of(features),
            instruments=() if instrument is None else (instrument,),
            label=said,
            feature_set=text_of(features),
            dropped={"not ready": int((~ready).sum()), "without a label": int((ready & ~labelled).sum())},
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything a model is trained on, in hexadecimal."""
        found = hashlib.sha256(orjson.dumps([self.features, self.X.shape]))
        for values in (self.X, self.y, self.ts, self.t1, self.weights):
            found.update(b"-" if values is None else values.astype(values.dtype.newbyteorder("<")).tobytes())
        return found.hexdigest()

    @property
    def span_ns(self) -> tuple[int, int]:
        """First time of features and last time of labels, ns."""
        return int(self.ts[0]), int(self.t1.max())

    def rows(self, chosen: Any) -> Dataset:
        """Return the data set of some rows, by index or mask."""
        return replace(
            self,
            X=self.X[chosen],
            y=self.y[chosen],
            ts=self.ts[chosen],
            t1=self.t1[chosen],
            ret=None if self.ret is None else self.ret[chosen],
            weights=None if self.weights is None else self.weights[chosen],
            price=None if self.price is None else self.price[chosen],
        )

    def between(self, start: int | None, end: int | None) -> Dataset:
        """Return the samples whose features and labels were known from ``start`` on and before ``end``, ns.

        Raises
        ------
        InvalidValueError
            When there is none.
        """
        kept = np.ones(len(self), np.bool_)
        if start is not None:
            kept &= self.ts >= start
        if end is not None:
            kept &= self.t1 < end
        if not kept.any():
            raise InvalidValueError("start", f"no sample lies between {start} and {end}; they span {self.span_ns}")
        outside = self.dropped.get("outside the span", 0) + int((~kept).sum())
        return replace(self.rows(kept), dropped={**self.dropped, "outside the span": outside})

    @property
    def bets(self) -> Floats | None:
        """Which way is bet at each sample, -1, 0 or 1, where labels are meta-labels."""
        return None if self.side is None else np.sign(self.X[:, self.features.index(self.side)])

    def weighted(self, decay: float = 1.0, by: Literal["uniqueness", "returns"] = "uniqueness") -> Dataset:
        """Return the data set with weights by what is a label's own, and by age.

        Parameters
        ----------
        decay : float
            As ``oldest`` of :func:`time_decay`; 1 for none.
        by : {"uniqueness", "returns"}
            :func:`uniqueness` of the labels, or :func:`return_weights`, which take the price.

        Raises
        ------
        InvalidValueError
            For another word, and returns where the price is not known: of several instruments each is weighed by
            itself, before they are joined.
        """
        if by not in ("uniqueness", "returns"):
            raise InvalidValueError("by", f"expected uniqueness or returns, got {by!r}")
        rows = np.arange(len(self))
        ends = np.searchsorted(self.ts, self.t1, side="right") - 1
        unique = uniqueness(rows, ends)
        own = unique
        if by == "returns":
            if self.price is None:
                raise InvalidValueError("price", "weights by returns need the prices of one instrument")
            own = return_weights(self.price, rows, ends)
        return replace(self, weights=own * time_decay(unique, decay))

    def splitter(self, kind: str = "purged_kfold", **params: Any) -> PurgedKFold | CombinatorialPurgedCV | WalkForward:
        """Return a splitter that knows when the labels begin and end.

        Parameters
        ----------
        kind : {"purged_kfold", "combinatorial", "walk_forward"}
        **params
            Of :class:`PurgedKFold`, :class:`CombinatorialPurgedCV` or :class:`WalkForward`.

        Raises
        ------
        InvalidValueError
            For an unknown kind, and parameters that it does not have.
        """
        if kind not in SPLITTERS:
            raise InvalidValueError("kind", f"expected {', '.join(SPLITTERS)}, got {kind!r}")
        for key in ("t0", "t1", "horizon"):
            if key in params:
                raise InvalidValueError(key, f"{kind}: follows from the data set")
        made = SPLITTERS[kind]
        return made(**checked_params(kind, made, params | {"t0": self.ts, "t1": self.t1}))

    @classmethod
    def joined(cls, parts: Sequence[Dataset]) -> Dataset:
        """Return the samples of several data sets of the same features, in order of time.

        Raises
        ------
        InvalidValueError
            For none, and for other features, labels or weights. Prices are not kept: they are of several instruments.
        """
        if not parts:
            raise InvalidValueError("parts", "expected at least one data set")
        first, kind_of = parts[0], attrgetter("features", "schema_hash", "label", "side")
        for part in parts[1:]:
            if kind_of(part) != kind_of(first):
                raise InvalidValueError("parts", "expected data sets of the same features and labels")
        order = np.argsort(np.concatenate([part.ts for part in parts]), kind="stable")

        def column(name: str) -> Any:
            values = [getattr(part, name) for part in parts]
            missing = [value is None for value in values]
            if any(missing) and not all(missing):
                raise InvalidValueError(name, "is there in some of the data sets only")
            return None if missing[0] else np.concatenate(values)[order]

        reasons = dict.fromkeys(why for part in parts for why in part.dropped)
        return replace(
            first,
            **{name: column(name) for name in ("X", "y", "ts", "t1", "ret", "weights")},
            price=first.price if len(parts) == 1 else None,
            instruments=tuple(dict.fromkeys(name for part in parts for name in part.instruments)),
            dropped={why: sum(part.dropped.get(why, 0) for part in parts) for why in reasons},
        )


def _check_side(side: str, features: Sequence[str]) -> None:
    if side not in features:
        raise InvalidValueError("side", f"expected one of the features, which say what is bet: {', '.join(features)}")


def names_of(features: Any) -> Sequence[str]:
    """Return the names of features that are given as such or as a FeatureSet."""
    names = getattr(features, "names", features)
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InvalidValueError("features", f"expected names of features, or a FeatureSet, got {features!r}")
    return names


def schema_hash_of(features: Any) -> str:
    """Return the hash of a feature set, or of bare names in their order."""
    own = getattr(features, "schema_hash", None)
    return str(own) if own else hashlib.sha256(orjson.dumps(list(names_of(features)))).hexdigest()


def text_of(features: Any) -> str | None:
    """Return a feature set as TOML, where there is one; a model's file never names code to be run."""
    return features.to_toml() if isinstance(features, FeatureSet) and not features.has_own_classes else None


def _column(frame: Any, name: str) -> Any:
    if name not in frame.columns:
        known = ", ".join(map(str, frame.columns))
        raise InvalidValueError(name, f"no such column; there are {known}")
    return frame[name]


def build_dataset(
    catalog: Any,
    instrument: str | Instrument,
    features: Any,
    *,
    label: Label,
    at: DurationLike,
    price: str = "mid",
    progress: bool = True,
) -> Dataset:
    """Make a data set of the data in a catalog.

    Parameters
    ----------
    catalog : Catalog or path
    instrument : str or Instrument
    features : list of str, or FeatureSet
        What ``tc.features.compute`` takes.
    label : Label
        How labels are made of the price.
    at : duration or "trade"
        At which moments there are samples, as :func:`tradecore.features.compute`.
    price : str
        The feature that labels are made of. The model does not see it unless it is among its features.
    progress : bool
        Whether to show a bar, on a terminal.

    Raises
    ------
    InvalidValueError
        When no row is left, and for what is none of these.

    Examples
    --------
    ::

        label = tc.ml.Label("forward_return", horizon="1s", classes="sign")
        data = tc.ml.build_dataset("market", "BTCUSDT.SYNTH", ["imbalance", "ofi"], label=label, at="100ms")
    """
    import polars as pl

    held = Catalog.of(catalog).pinned(instrument)
    chosen = FeatureSet.of(features)
    column = f"price of {price}"
    frame = compute(held, instrument, chosen, at, progress=progress)
    (priced,) = FeatureSet([price]).names
    frame = frame.with_columns(compute(held, instrument, [price], at, progress=progress)[priced].alias(column))
    times = pl.col("ts", "ts_available").cast(pl.Int64)
    return Dataset.from_frame(frame.with_columns(times), chosen, label, price=column, instrument=id_of(instrument))
