"""Metrics of how a session stands: made of the newest sample, when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from tradecore.histogram import Histogram
from tradecore.observe.health import Health
from tradecore.observe.sample import MarketSample, Sample, VenueSample
from tradecore.types import BookState

__all__ = ["SampleCollector"]

_Rows: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
_TRADING = ("active", "reducing", "paused", "halted", "failed", "stopped")


def _of_markets(read: Callable[[MarketSample], float | None]) -> Callable[[Sample], _Rows]:
    def rows(sample: Sample) -> _Rows:
        values = ((name, read(market)) for name, market in sample.markets.items())
        return (((name,), value) for name, value in values if value is not None)

    return rows


def _of_sides(*read: Callable[[MarketSample], float | None]) -> Callable[[Sample], _Rows]:
    def rows(sample: Sample) -> _Rows:
        for name, market in sample.markets.items():
            for side, value in zip(("bid", "ask"), (each(market) for each in read), strict=True):
                if value is not None:
                    yield (name, side), value

    return rows


def _of_venues(read: Callable[[VenueSample], float | None]) -> Callable[[Sample], _Rows]:
    def rows(sample: Sample) -> _Rows:
        values = ((name, read(venue)) for name, venue in sample.venues.items())
        return (((name,), value) for name, value in values if value is not None)

    return rows


def _of_each(read: Callable[[VenueSample], Iterable[tuple[str, float]]]) -> Callable[[Sample], _Rows]:
    def rows(sample: Sample) -> _Rows:
        for name, venue in sample.venues.items():
            yield from (((name, what), value) for what, value in read(venue))

    return rows


def _of_positions(field: str) -> Callable[[Sample], _Rows]:
    def rows(sample: Sample) -> _Rows:
        for row in sample.positions:
            name = row["instrument"]
            yield (row["strategy"], name, sample.currencies[name]), float(row[field])

    return rows


def _of_currencies(field: str) -> Callable[[Sample], _Rows]:
    return lambda sample: (((currency,), float(value)) for currency, value in getattr(sample, field).items())


def _offset(venue: VenueSample) -> float | None:
    offset = venue.connection.clock_offset_ns
    return None if offset is None else offset / 1e9


def _sizes(sample: Sample) -> _Rows:
    return (((row["strategy"], row["instrument"]), float(row["qty"])) for row in sample.positions)


def _uses(sample: Sample) -> _Rows:
    for row in sample.limits:
        if row["used_pct"] is not None:
            yield (row["check"], row["scope"], str(row["name"])), row["used_pct"] / 100


def _states(sample: Sample) -> _Rows:
    for name, market in sample.markets.items():
        yield from (((name, state.name.lower()), float(state is market.state)) for state in BookState)


def _trading(sample: Sample) -> _Rows:
    for name, state in sample.trading.items():
        yield from (((name, each), float(each == state)) for each in _TRADING)


def _journal(field: str) -> Callable[[Sample], _Rows]:
    return lambda sample: [((), getattr(sample, field))] if sample.journal_written >= 0 else []


_MARKET, _VENUE, _SIDE = ("instrument",), ("venue",), ("instrument", "side")
_POSITION, _CURRENCY = ("strategy", "instrument", "currency"), ("currency",)

_GAUGES: tuple[tuple[str, str, tuple[str, ...], Callable[[Sample], _Rows]], ...] = (
    ("market_data_price", "Best prices, quote currency.", _SIDE, _of_sides(lambda m: m.best_bid, lambda m: m.best_ask)),
    (
        "market_data_orderbook_depth",
        "Price levels of the book.",
        _SIDE,
        _of_sides(lambda m: m.bid_levels, lambda m: m.ask_levels),
    ),
    ("market_data_book_state", "1 for the state a book is in.", ("instrument", "state"), _states),
    ("market_data_feed_age_seconds", "Since the newest message.", _MARKET, _of_markets(lambda m: m.age_s)),
    (
        "market_data_websocket_connected",
        "Whether a connection is up.",
        ("venue", "link"),
        _of_each(lambda v: ((link, float(is_up)) for link, is_up in v.connection.links.items())),
    ),
    ("market_data_message_queue_size", "Messages that wait to be read.", _VENUE, _of_venues(lambda v: v.queued)),
    ("market_data_queue_lag_seconds", "How long the oldest has waited.", _VENUE, _of_venues(lambda v: v.queue_lag_s)),
    (
        "market_data_lag_seconds",
        "How late the newest message was taken.",
        _VENUE,
        _of_venues(lambda v: v.lag_s),
    ),
    ("market_data_clock_offset_seconds", "The venue's clock minus ours.", _VENUE, _of_venues(_offset)),
    (
        "execution_rate_limit_remaining",
        "What is left of a limit of requests.",
        ("venue", "limit"),
        _of_each(lambda v: v.connection.remaining.items()),
    ),
    (
        "execution_orders_unresolved",
        "Orders of which nobody knows what became of them.",
        _VENUE,
        _of_venues(lambda v: v.connection.unresolved),
    ),
    ("execution_orders_open", "Open orders.", (), lambda s: [((), s.open_orders)]),
    ("risk_position_count", "Positions that are open.", (), lambda s: [((), sum(bool(p["qty"]) for p in s.positions))]),
    ("risk_position_size", "Signed quantity, contracts (spot: base units).", ("strategy", "instrument"), _sizes),
    ("risk_pnl_unrealized", "Settlement currency, before fees.", _POSITION, _of_positions("unrealized_pnl")),
    ("risk_pnl_realized", "Settlement currency, before fees.", _POSITION, _of_positions("realized_pnl")),
    ("risk_fees_paid", "Settlement currency; negative is a rebate.", _POSITION, _of_positions("fees")),
    ("risk_funding_paid", "Settlement currency; negative is received.", _POSITION, _of_positions("funding")),
    ("risk_pnl_net", "After fees, funding and interest.", _CURRENCY, _of_currencies("net_pnl")),
    ("risk_total_exposure", "Value of all positions.", _CURRENCY, _of_currencies("exposure")),
    ("risk_drawdown", "How far net profit is below its highest.", _CURRENCY, _of_currencies("drawdown")),
    ("risk_max_drawdown", "The largest since the process began.", _CURRENCY, _of_currencies("max_drawdown")),
    ("risk_limit_use_ratio", "Part of a limit that is used.", ("check", "scope", "name"), _uses),
    (
        "risk_circuit_breaker_status",
        "Whether a strategy may do less than it likes.",
        ("strategy",),
        lambda s: (((name,), float(state != "active")) for name, state in s.trading.items()),
    ),
    ("risk_trading_state", "1 for what a strategy may do.", ("strategy", "state"), _trading),
    (
        "tradecore_strategy_failed",
        "Whether a strategy failed.",
        ("strategy",),
        lambda s: (((name,), float(name in s.failures)) for name in s.trading),
    ),
    ("tradecore_journal_waiting_bytes", "Gathered and not written yet.", (), _journal("journal_waiting")),
    ("tradecore_journal_lag_seconds", "For how long nothing was written of it.", (), _journal("journal_lag_s")),
)
"""Name, help, labels, and how a sample has the values."""

_COUNTERS: tuple[tuple[str, str, tuple[str, ...], Callable[[Sample], _Rows]], ...] = (
    ("market_data_ticks_received", "Frames from a venue.", _VENUE, _of_venues(lambda v: v.frames + v.dropped)),
    ("market_data_frames_dropped", "Frames nobody had time for.", _VENUE, _of_venues(lambda v: v.dropped)),
    ("market_data_frames_malformed", "Frames that made no sense.", _VENUE, _of_venues(lambda v: v.malformed)),
    (
        "market_data_lag_excesses",
        "Times a session fell further behind than it may.",
        _VENUE,
        _of_venues(lambda v: v.times_behind),
    ),
    (
        "market_data_websocket_reconnects",
        "Connections that were lost.",
        _VENUE,
        _of_venues(lambda v: v.connection.reconnects),
    ),
    ("market_data_resyncs", "Books that began anew.", _VENUE, _of_venues(lambda v: v.connection.resyncs)),
    ("market_data_ticks_processed", "Messages decoded and delivered.", _MARKET, _of_markets(lambda m: m.messages)),
    ("market_data_orderbook_updates", "Messages of the book.", _MARKET, _of_markets(lambda m: m.books)),
    ("market_data_volume", "Traded by anybody, base units.", _MARKET, _of_markets(lambda m: m.traded_qty)),
    ("market_data_gaps", "Gaps in the venue's sequence.", _MARKET, _of_markets(lambda m: m.gaps)),
    (
        "execution_api_calls",
        "Requests by what came of them.",
        ("venue", "outcome"),
        _of_each(lambda v: v.connection.requests.items()),
    ),
    ("tradecore_journal_written_bytes", "Written to the journal.", (), _journal("journal_written")),
)

_HISTOGRAMS: tuple[tuple[str, str, Callable[[VenueSample], Histogram]], ...] = (
    (
        "market_data_processing_latency_seconds",
        "From the receipt of a frame until all it led to was done.",
        lambda v: v.processing,
    ),
    ("market_data_feed_latency_seconds", "From the venue's stamp to our receipt.", lambda v: v.feed_latency),
    ("execution_api_latency_seconds", "Answers to requests.", lambda v: v.connection.request_times),
)


class SampleCollector:
    """A collector of prometheus_client.

    Parameters
    ----------
    sample : callable
        Returns the newest sample; None before the first.
    health : callable
        Returns how the session is.
    lag : Histogram
        How late the event loop was.
    version : str
    """

    def __init__(
        self, sample: Callable[[], Sample | None], health: Callable[[], Health], lag: Histogram, version: str
    ) -> None:
        self._sample = sample
        self._health = health
        self._lag = lag
        self._version = version

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names are known without a sample, and none of them is anybody else's."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        health = self._health()
        yield GaugeMetricFamily("tradecore_live", "Whether the event loop runs.", float(health.is_live))
        yield GaugeMetricFamily("tradecore_ready", "Whether the session can trade.", float(health.is_ready))
        checks = GaugeMetricFamily("tradecore_check_healthy", "Whether a check of health is well.", labels=["check"])
        for check in health.checks:
            checks.add_metric([check.name], float(check.status == "healthy"))
        yield checks
        lag = HistogramMetricFamily("tradecore_event_loop_lag_seconds", "How late the event loop was.")
        yield _added(lag, (), self._lag)
        if (sample := self._sample()) is not None:
            yield from self._of(sample)

    def _of(self, sample: Sample) -> Iterator[Metric]:
        info = GaugeMetricFamily("tradecore_session_info", "Which it is.", labels=("session", "mode", "version"))
        yield _filled(info, [((sample.session, sample.mode, self._version), 1.0)])
        for name, text, named, rows in _GAUGES:
            yield _filled(GaugeMetricFamily(name, text, labels=named), rows(sample))
        for name, text, named, rows in _COUNTERS:
            yield _filled(CounterMetricFamily(name, text, labels=named), rows(sample))
        for name, text, read in _HISTOGRAMS:
            family = HistogramMetricFamily(name, text, labels=_VENUE)
            for venue, of in sample.venues.items():
                _added(family, (venue,), read(of))
            yield family


def _filled(family: Any, rows: _Rows) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    metric: Metric = family
    return metric


def _added(family: HistogramMetricFamily, labels: tuple[str, ...], of: Histogram) -> Metric:
    """Add a histogram, of which the loop may count meanwhile: its counts are read once."""
    counts = of.cumulative()
    bounds = [*(str(bound) for bound in of.bounds), "+Inf"]
    family.add_metric(labels, list(zip(bounds, counts, strict=True)), of.sum)
    return family
