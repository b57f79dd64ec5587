"""Latency models of files in which acknowledged orders were measured."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradecore._core import fit_latencies
from tradecore.errors import DataError, InvalidValueError
from tradecore.files import staged
from tradecore.venue import Latency

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LatencyFit", "LegFit", "fit_latency"]

_MOST_NS = (1 << 63) - 1
_REQUEST = "request"
"""The column that tells kinds of requests apart."""
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class LegFit:
    """What was measured of one leg, and the model of it.

    Attributes
    ----------
    model : str
        Of :class:`~tradecore.Latency`.
    used, negative : int
        Latencies that the model was made of, and those left out because they are negative: clocks that do not agree.
    p50_ns, p90_ns, p99_ns, p999_ns : int
        What half, 90, 99 and 99.9 % of them did not exceed, ns.
    """

    model: str
    used: int
    negative: int
    p50_ns: int
    p90_ns: int
    p99_ns: int
    p999_ns: int


@dataclass(frozen=True, slots=True)
class LatencyFit:
    """Latency models of a file.

    Attributes
    ----------
    entry, response : LegFit
        The legs.
    refused : int
        Rows without a time at the venue, or without an answer, which were left out.
    series : str or None
        The file of the series, where one was written.
    requests : dict of str to LatencyFit
        By kind of request, where the file tells kinds apart: those of which there is enough for a fit of its own.

    Examples
    --------
    >>> from tradecore.data.latencies import LegFit
    >>> leg = LegFit("4ms", 20, 0, *[4_000_000] * 4)
    >>> tc.LatencyFit(leg, leg).latency.entry
    '4ms'
    """

    entry: LegFit
    response: LegFit
    refused: int = 0
    series: str | None = None
    requests: dict[str, LatencyFit] = field(default_factory=dict)

    @property
    def latency(self) -> Latency:
        """A latency with both models."""
        return Latency(entry=self.entry.model, response=self.response.model)

    def summary(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)


def fit_latency(
    path: str | Path,
    *,
    sent: str = "sent_ns",
    acted: str = "acted_ns",
    received: str = "received_ns",
    took: str | None = None,
    only: str | None = None,
    series: str | Path | None = None,
) -> LatencyFit:
    r"""Fit latency models to a file of acknowledged orders, such as the ``latency.csv`` of ``tradecore compare``.

    Of each leg a lognormal distribution or, where the tail asks for it, a mixture of two. A column ``request``, such as
    ``submit`` and ``cancel``, tells kinds apart.

    Parameters
    ----------
    path : path
        CSV with a header.
    sent, acted, received : str
        Columns of when an order was sent, when it took effect at the venue (0 or nothing where it was refused) and
        when that was known. A name ends with its unit: ``_ns``, ``_us``, ``_ms`` or ``_s``; ns if it does not.
    took : str, optional
        Instead of them a column of how long orders took there and back; each leg then takes half of it. Nothing where
        there was no answer.
    only : str, optional
        Fit only requests of this kind.
    series : path, optional
        Where to write what was measured, for ``Latency(entry="series:FILE")``.

    Returns
    -------
    LatencyFit
        The models, with quantiles of what was measured.

    Raises
    ------
    DataError
        For a file that cannot be read, or that lacks a column.
    InvalidValueError
        For a kind that the file does not have, for fewer than 20 latencies that are not negative, and for a ``series``
        of a file without times.

    Examples
    --------
    >>> from pathlib import Path
    >>> rows = [f"{n * 10**9},{n * 10**9 + 4000000 + n},{n * 10**9 + 9000000}" for n in range(1, 30)]
    >>> _ = Path("acks.csv").write_text(chr(10).join(["sent_ns,acted_ns,received_ns", *rows]))
    >>> tc.fit_latency("acks.csv").entry.p50_ns
    4000015
    """
    import polars as pl

    if took is not None and series is not None:
        raise InvalidValueError("series", f"needs columns of times, which {took} is not")
    needed = {"took": took} if took is not None else {"sent": sent, "acted": acted, "received": received}
    frame = _read(path, needed)
    rows = pl.DataFrame({name: _ns(path, frame, column) for name, column in needed.items()})
    kinds = frame[_REQUEST] if _REQUEST in frame.columns else pl.Series([None] * rows.height, dtype=pl.String)
    each = {str(kind): rows.filter(kinds == kind) for kind in kinds.drop_nulls().unique(maintain_order=True)}
    if only is not None:
        if only not in each:
            known = ", ".join(each) or "it tells none apart"
            raise InvalidValueError("only", f"{path} has no requests of the kind {only!r}: {known}")
        rows, each = each[only], {}
    fit = _fit(path, rows)
    if len(each) > 1:
        of_kinds = {}
        for kind, those in each.items():
            with suppress(InvalidValueError):  # too few
                of_kinds[kind] = _fit(path, those)
        fit = replace(fit, requests=of_kinds)
    if series is not None:
        _write_series(rows, Path(series))
        fit = replace(fit, series=str(series))
    return fit


def _fit(path: str | Path, rows: pl.DataFrame) -> LatencyFit:
    """Return the models of rows of times, or of what both ways took."""
    import polars as pl

    key = "took" if "took" in rows.columns else "acted"
    taken = rows.filter(pl.col(key) > 0)
    if key == "took":
        entry = response = _leg(path, taken[key] // 2)
    else:
        entry = _leg(path, taken["acted"] - taken["sent"])
        response = _leg(path, taken["received"] - taken["acted"])
    return LatencyFit(entry, response, refused=rows.height - taken.height)


def _write_series(rows: pl.DataFrame, place: Path) -> None:
    import polars as pl

    forward = rows.filter(
        pl.col("acted") > 0, pl.col("acted") >= pl.col("sent"), pl.col("received") >= pl.col("acted")
    ).rename({name: f"{name}_ns" for name in rows.columns})
    with staged(place.parent, place.name) as folder:
        forward.sort("sent_ns").write_csv(folder / place.name)


def _read(path: str | Path, needed: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    if Path(path).is_dir():
        raise DataError(str(path), 0, "is a folder: a CSV file is expected, such as latency.csv of tradecore compare")
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(str(path), 0, f"cannot be read as CSV: {error}") from None
    for option, column in needed.items():
        if column not in frame.columns:
            problem = f"no column {column}, but {', '.join(frame.columns)}: say which with --{option} ({option}=)"
            raise DataError(str(path), 1, problem)
    return frame


def _ns(path: str | Path, frame: pl.DataFrame, column: str) -> pl.Series:
    """Return a column in ns; nothing counts as 0."""
    import polars as pl

    unit = _UNITS.get(column.rpartition("_")[2], 1)
    text = frame[column].str.strip_chars().fill_null("0").replace("", "0")
    # Whole numbers stay exact: a float does not hold a time in ns.
    whole = text.cast(pl.Int64, strict=False)
    whole = whole.set(whole.abs() > _MOST_NS // unit, None) * unit
    broken = (text.cast(pl.Float64, strict=False) * unit).round().cast(pl.Int64, strict=False)
    values = whole.fill_null(broken) if unit > 1 else whole
    if (missing := values.null_count()) > 0:
        line = int(values.is_null().arg_true()[0])
        more = f", and {missing - 1} more" if missing > 1 else ""
        raise DataError(str(path), line + 2, f"{column}: {text[line]!r} is no number, or too large{more}")
    return values


def _leg(path: str | Path, took: pl.Series) -> LegFit:
    try:
        model, used, negative, quantiles = fit_latencies(took.to_numpy())
    except InvalidValueError as error:
        raise InvalidValueError(str(path), error.problem) from None
    return LegFit(model, used, negative, *quantiles)
