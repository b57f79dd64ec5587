"""Splits for samples whose labels span time, with scikit-learn's interface of splitters.

Samples are in order of ``t0``; a label spans the closed interval ``[t0, t1]``. A sample is purged from training when
its span meets that of a test block, ``[min t0, max t1]``; an embargo drops a further share of all samples after it.
Blocks are never shuffled.

The closed interval is the strict reading: a label that ends where a test block begins is purged too. Implementations
that keep it train on one sample more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tradecore.errors import InvalidValueError
from tradecore.ml.columns import Floats, Horizon, Rows, as_long, finite_number, rows_ahead, spans
from tradecore.validation import to_count, to_ns

__all__ = ["CombinatorialPurgedCV", "PurgedKFold", "Split", "WalkForward"]

Split: TypeAlias = tuple[Rows, Rows]
"""Rows to train on and rows to test on."""

_MOST_WINDOWS = 1_000_000


class _Purged(ABC):
    """What the splitters share: the spans of labels, and what of training meets them."""

    def __init__(self, t0: Any, t1: Any, horizon: Horizon | None, embargo: float) -> None:
        if (t1 is None) == (horizon is None):
            raise InvalidValueError("t1", "expected the ends of the labels, or their horizon, and not both")
        self.t0, self.t1, self.horizon = t0, t1, horizon
        if not 0 <= finite_number("embargo", embargo) < 1:
            raise InvalidValueError("embargo", f"expected a share from 0 to less than 1, got {embargo!r}")
        self.embargo = embargo
        self._spans: Split | None = None
        if t1 is not None:
            self._spans = spans(np.arange(np.size(t1), dtype=np.int64) if t0 is None else t0, t1)
        elif isinstance(horizon, int):
            rows_ahead(horizon, 0)

    def __repr__(self) -> str:
        given = {name: value for name, value in vars(self).items() if not name.startswith("_") and value is not None}
        shown = (f"{name}={'...' if np.size(value) > 1 else repr(value)}" for name, value in given.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    def spans_of(self, rows: int) -> Split:
        """Return the first and last moments of the labels of so many samples."""
        if self._spans is not None:
            as_long("X", np.empty(rows, np.bool_), len(self._spans[0]))
            return self._spans
        assert self.horizon is not None
        at = np.arange(rows, dtype=np.int64)
        if isinstance(self.horizon, int):
            return at if self.t0 is None else spans(self.t0, self.t0, rows=rows)[0], at + self.horizon
        first, _ = spans(self.t0, self.t0, rows=rows) if self.t0 is not None else (None, None)
        if first is None:
            raise InvalidValueError("t0", f"a horizon of time, {self.horizon!r}, needs the times of the samples")
        return first, first + to_ns("horizon", self.horizon)

    def _purged(self, rows: int, test: NDArray[np.bool_], blocks: Sequence[slice]) -> Split:
        """Return the rows to train and to test on, the blocks being what of them is tested in one piece each."""
        first, last = self.spans_of(rows)
        train = ~test
        for block in blocks:
            begin, end = first[block.start], last[block].max()
            train &= (last < begin) | (first > end)
            after = int(np.searchsorted(first, end, side="right"))
            train[after : after + int(rows * self.embargo)] = False
        return np.flatnonzero(train), np.flatnonzero(test)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield for each split the rows to train on and the rows to test on.

        Parameters
        ----------
        X : array-like (n, ...)
            Samples in order of time; only their number counts.
        y, groups : ignored
            There for scikit-learn.

        Raises
        ------
        InvalidValueError
            For another number of samples than there are labels, for fewer than are needed, and where purging leaves
            nothing to train on.
        """
        rows = _rows_of(X)
        self.spans_of(rows)
        for number, (train, test) in enumerate(self._splits(rows)):
            if not len(train):
                raise InvalidValueError("X", f"split {number}: nothing is left to train on; labels span too much")
            yield train, test

    @abstractmethod
    def _splits(self, rows: int) -> Iterator[Split]: ...


def _blocks(rows: int, number: int) -> list[slice]:
    """Return contiguous blocks, the first ones a row longer where the rows do not divide."""
    if rows < number:
        raise InvalidValueError("X", f"expected at least {number} samples, got {rows}")
    ends = np.cumsum([rows // number + (block < rows % number) for block in range(number)]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _masked(rows: int, blocks: Sequence[slice]) -> NDArray[np.bool_]:
    mask = np.zeros(rows, np.bool_)
    for block in blocks:
        mask[block] = True
    return mask


class PurgedKFold(_Purged):
    """k-fold over contiguous blocks of time, purged and embargoed.

    Parameters
    ----------
    n_splits : int
        Number of blocks, from 2.
    t1 : int (n,), optional
        Last moment of each label; rows or ns, as ``t0``.
    t0 : int (n,), optional
        First moment of each label, never going back; row numbers if not given.
    horizon : int or duration, optional
        Instead of ``t1``: every label spans so many rows, or so much time from ``t0`` in ns on.
    embargo : float, fraction
        Share of all samples that is dropped after each test block too.

    Raises
    ------
    InvalidValueError
        For what is beyond these limits.

    Examples
    --------
    >>> for train, test in tc.ml.PurgedKFold(3, horizon=2).split(range(9)):
    ...     print(train.tolist(), test.tolist())
    [5, 6, 7, 8] [0, 1, 2]
    [0, 8] [3, 4, 5]
    [0, 1, 2, 3] [6, 7, 8]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        t1: Any = None,
        t0: Any = None,
        horizon: Horizon | None = None,
        embargo: float = 0.0,
    ) -> None:
        self.n_splits = _several("n_splits", n_splits)
        super().__init__(t0, t1, horizon, embargo)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return self.n_splits

    def _splits(self, rows: int) -> Iterator[Split]:
        for block in _blocks(rows, self.n_splits):
            yield self._purged(rows, _masked(rows, [block]), [block])


class CombinatorialPurgedCV(_Purged):
    """Every choice of test blocks among blocks of time, purged and embargoed, so that there are several paths.

    With N blocks of which k are tested there are ``binom(N, k)`` splits; every block is tested in
    ``binom(N-1, k-1)`` of them, which makes that many paths of predictions over all of the time.

    Parameters
    ----------
    n_blocks : int
        N, from 3.
    n_test : int
        k, from 1 to less than N.
    t1, t0, horizon, embargo
        As of :class:`PurgedKFold`.

    Raises
    ------
    InvalidValueError
        For what is beyond these limits.

    Examples
    --------
    >>> splitter = tc.ml.CombinatorialPurgedCV(4, 2, horizon=1)
    >>> splitter.get_n_splits(), splitter.paths().tolist()
    (6, [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]])
    """

    def __init__(
        self,
        n_blocks: int = 6,
        n_test: int = 2,
        *,
        t1: Any = None,
        t0: Any = None,
        horizon: Horizon | None = None,
        embargo: float = 0.0,
    ) -> None:
        self.n_blocks = to_count("n_blocks", n_blocks)
        self.n_test = to_count("n_test", n_test)
        if not 1 <= self.n_test < self.n_blocks or self.n_blocks < 3:
            raise InvalidValueError("n_test", f"expected from 1 to less than n_blocks >= 3, got {n_test} of {n_blocks}")
        super().__init__(t0, t1, horizon, embargo)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return comb(self.n_blocks, self.n_test)

    def _splits(self, rows: int) -> Iterator[Split]:
        blocks = _blocks(rows, self.n_blocks)
        for chosen in combinations(blocks, self.n_test):
            yield self._purged(rows, _masked(rows, chosen), chosen)

    def paths(self) -> Rows:
        """Return which split each path takes each block's predictions from.

        Returns
        -------
        int64 (paths, blocks)
            Every split and block that is tested in it is in exactly one path.
        """
        chosen = list(combinations(range(self.n_blocks), self.n_test))
        tested = [[number for number, blocks in enumerate(chosen) if block in blocks] for block in range(self.n_blocks)]
        return np.array(tested, dtype=np.int64).T

    def path_predictions(self, predictions: Sequence[Any]) -> Floats:
        """Put the predictions of the splits together to paths.

        Parameters
        ----------
        predictions : sequence of float64
            Of each split, in order, one for each of its test rows.

        Returns
        -------
        float64 (paths, n)

        Raises
        ------
        InvalidValueError
            For another number of splits or of predictions.
        """
        if len(predictions) != self.get_n_splits():
            raise InvalidValueError(
                "predictions", f"expected those of {self.get_n_splits()} splits, got {len(predictions)}"
            )
        # Every block is tested equally often.
        rows = sum(map(len, predictions)) * self.n_blocks // (self.n_test * self.get_n_splits())
        blocks = _blocks(rows, self.n_blocks)
        full = np.full((len(predictions), rows), np.nan)
        for number, chosen in enumerate(combinations(blocks, self.n_test)):
            test = _masked(rows, chosen)
            as_long(f"predictions[{number}]", np.asarray(predictions[number]), int(test.sum()))
            full[number, test] = predictions[number]
        paths = self.paths()
        return np.stack([np.concatenate([full[n, b] for n, b in zip(path, blocks, strict=True)]) for path in paths])


class WalkForward(_Purged):
    """Train on the past, test on what follows, roll on.

    Parameters
    ----------
    train, test : int or duration
        Length of the two, in rows, or as time such as ``"1d"``, both in the same.
    step : int or duration, optional
        How far both move on from split to split; as long as the test if not given.
    anchored : bool
        Whether training always begins with the first sample, and grows.
    t1, t0, horizon
        As of :class:`PurgedKFold`. Lengths of time need ``t0`` in ns; windows of time without samples to train or to
        test on are left out. What is trained on lies before what is tested, so there is no embargo.

    Raises
    ------
    InvalidValueError
        For what is beyond these limits, data that is too short for one split, and steps of time that give more than
        1,000,000 windows.

    Examples
    --------
    >>> for train, test in tc.ml.WalkForward(4, 2, horizon=1).split(range(9)):
    ...     print(train.tolist(), test.tolist())
    [0, 1, 2] [4, 5]
    [2, 3, 4] [6, 7]
    """

    def __init__(
        self,
        train: Horizon,
        test: Horizon,
        *,
        step: Horizon | None = None,
        anchored: bool = False,
        t1: Any = None,
        t0: Any = None,
        horizon: Horizon | None = None,
    ) -> None:
        self.train, self.test, self.step = train, test, test if step is None else step
        self.anchored = anchored
        lengths = {"train": train, "test": test, "step": self.step}
        kinds = {isinstance(length, int) and type(length) is int for length in lengths.values()}
        if len(kinds) > 1:
            raise InvalidValueError("test", "expected train, test and step all as rows or all as time")
        self._by_rows = kinds.pop()
        self._lengths = {
            name: to_count(name, length) if self._by_rows else to_ns(name, length) for name, length in lengths.items()
        }
        for name, length in self._lengths.items():
            if not length:
                raise InvalidValueError(name, "expected more than 0")
        if not self._by_rows and t0 is None:
            raise InvalidValueError("t0", "lengths of time need the times of the samples")
        super().__init__(t0, t1, horizon, 0.0)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits, which takes the samples to say."""
        if X is None and self._spans is None:
            raise InvalidValueError("X", "the number of splits follows from the samples; give them")
        rows = len(self._spans[0]) if X is None and self._spans is not None else _rows_of(X)
        return sum(1 for _ in self._splits(rows))

    def _splits(self, rows: int) -> Iterator[Split]:
        train, test, step = self._lengths.values()
        at = np.arange(rows, dtype=np.int64) if self._by_rows else self.spans_of(rows)[0]
        start = int(at[0]) if rows else 0
        last = int(at[-1]) + 1 if rows else 0
        # In rows a last piece that is shorter than a test is left out; in time it is what there is.
        whole = test if self._by_rows else 1
        if start + train + whole > last:
            raise InvalidValueError("X", f"samples are too few for one split of {self.train!r} and {self.test!r}")
        first, ends = self.spans_of(rows)
        count = (last - whole - start - train) // step + 1
        if count > _MOST_WINDOWS:
            problem = f"{self.step!r} gives {count:,} windows, more than {_MOST_WINDOWS:,}: expected a longer one"
            raise InvalidValueError("step", problem)
        for number in range(count):
            begin = start + train + number * step
            a, b, c = np.searchsorted(at, (start if self.anchored else begin - train, begin, begin + test))
            if a == b or b == c:
                continue
            rows_before = np.arange(a, b, dtype=np.int64)
            yield rows_before[ends[a:b] < first[b]], np.arange(b, c, dtype=np.int64)


def _several(name: str, number: int) -> int:
    if to_count(name, number) < 2:
        raise InvalidValueError(name, f"expected at least 2, got {number}")
    return number


def _rows_of(X: Any) -> int:
    """Return how many samples there are."""
    shape = getattr(X, "shape", None)
    if shape:
        return int(shape[0])
    if shape is None and hasattr(X, "__len__"):
        return len(X)
    raise InvalidValueError("X", f"expected samples, got {X!r}")
