"""Metrics of what happens: orders, fills, limits, signals, from the events of a session."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tradecore.bus import EventBus, Subscription
from tradecore.bus import events as told
from tradecore.live.events import ReconcileDifference, SessionFailed
from tradecore.types import Liquidity, Side

__all__ = ["EventMetrics"]

_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WAITS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
_BPS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)

_OF_STRATEGY = ("strategy",)


class _Sent:
    """An order that is open: when it went out, at which mid, and what was heard of it."""

    __slots__ = ("at_ns", "is_answered", "is_filled", "mid")

    def __init__(self, at_ns: int, mid: float | None) -> None:
        self.at_ns = at_ns
        self.mid = mid
        self.is_answered = False
        self.is_filled = False


class EventMetrics:
    """Counts events.

    Parameters
    ----------
    registry : CollectorRegistry
    mid : callable
        Returns the middle of an instrument's best prices; None where one is missing.
    """

    def __init__(self, registry: CollectorRegistry, mid: Callable[[str], float | None]) -> None:
        self._mid = mid
        self._open: dict[int, _Sent] = {}

        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def histogram(name: str, text: str, bounds: tuple[float, ...]) -> Histogram:
            return Histogram(name, text, _OF_STRATEGY, buckets=bounds, registry=registry)

        self._orders = {
            told.OrderSubmitted: counter("execution_orders_submitted", "Orders that went out.", _OF_STRATEGY),
            told.OrderCancelled: counter("execution_orders_cancelled", "Orders that were cancelled.", _OF_STRATEGY),
            told.OrderRejected: counter(
                "execution_orders_rejected", "Orders that a limit or the venue refused.", _OF_STRATEGY
            ),
            told.OrderExpired: counter("execution_orders_expired", "Orders that ended by their terms.", _OF_STRATEGY),
        }
        self._filled = counter("execution_orders_filled", "Orders that were filled completely.", _OF_STRATEGY)
        self._fills = counter("execution_fills", "Fills.", ("strategy", "liquidity"))
        self._last_fill = Gauge(
            "execution_last_fill_price", "Price of the last fill, quote currency.", ("instrument",), registry=registry
        )
        self._answer = histogram(
            "execution_time_seconds", "From an order to the first word of its venue on it.", _TIMES
        )
        self._wait = histogram("execution_fill_latency_seconds", "From an order to its first fill.", _WAITS)
        self._slippage = histogram(
            "execution_slippage_bps", "What takers' fills cost against the mid when sent; better ones count as 0.", _BPS
        )
        self._breaches = counter("risk_limit_breaches", "Orders refused, by the limit.", ("check",))
        self._stops = counter("risk_stop_loss_triggers", "Stops of positions that fired.", ("strategy", "kind"))
        self._trips = counter("risk_circuit_breaker_trips", "Times trading was stopped, by the reason.", ("reason",))
        self._checks = counter("risk_position_checks", "Orders that were held against the limits.")
        self._signals = counter("signals", "Signals of models.", ("strategy", "action"))
        self._errors = counter("tradecore_errors", "Failures of strategies and of reports, by the source.", ("source",))
        self._differences = counter(
            "tradecore_reconcile_differences", "Differences between an account and what was known of it.", ("action",)
        )
        self._failures = counter("tradecore_session_failures", "Sessions that ended since something failed.")

    def listen(self, bus: EventBus) -> list[Subscription]:
        """Subscribe; what is returned is to be cancelled in the end."""
        return [
            bus.subscribe(told.OrderUpdate, self._update),
            bus.subscribe(told.OrderFilled, self._fill),
            bus.subscribe(told.RiskHalt, lambda event: self._trips.labels(event.reason).inc()),
            bus.subscribe(told.StopTriggered, lambda event: self._stops.labels(event.strategy, event.kind).inc()),
            bus.subscribe(told.SignalGenerated, self._signal),
            bus.subscribe(told.Error, lambda event: self._errors.labels(event.source).inc()),
            bus.subscribe(ReconcileDifference, lambda event: self._differences.labels(event.action).inc()),
            bus.subscribe(SessionFailed, lambda event: self._failures.inc()),
        ]

    def _signal(self, event: told.SignalGenerated) -> None:
        self._signals.labels(event.strategy, event.action.name.lower()).inc()

    def _update(self, event: told.OrderUpdate) -> None:
        if (counter := self._orders.get(type(event))) is not None:
            counter.labels(event.strategy).inc()
        if isinstance(event, told.OrderSubmitted):
            self._checks.inc()
            self._open[event.order_id] = _Sent(event.at_ns, self._mid(event.instrument))
            return
        if isinstance(event, told.OrderRejected) and event.order_id not in self._open:
            self._checks.inc()
        for breach in event.breaches:
            self._breaches.labels(str(breach.check.value)).inc()
        self._answered(event)
        if isinstance(event, told.OrderCancelled | told.OrderRejected | told.OrderExpired):
            self._open.pop(event.order_id, None)

    def _answered(self, event: told.OrderEvent) -> None:
        sent = self._open.get(event.order_id)
        if sent is not None and not sent.is_answered:
            sent.is_answered = True
            self._answer.labels(event.strategy).observe((event.at_ns - sent.at_ns) / 1e9)

    def _fill(self, event: told.OrderFilled) -> None:
        self._answered(event)
        self._fills.labels(event.strategy, event.liquidity.name.lower()).inc()
        self._last_fill.labels(event.instrument).set(float(event.price))
        sent = self._open.get(event.order_id)
        if sent is not None and not sent.is_filled:
            sent.is_filled = True
            self._wait.labels(event.strategy).observe((event.at_ns - sent.at_ns) / 1e9)
        if sent is not None and sent.mid and event.liquidity is Liquidity.TAKER:
            cost = (float(event.price) / sent.mid - 1) * 1e4
            self._slippage.labels(event.strategy).observe(max(cost if event.side is Side.BUY else -cost, 0.0))
        if event.completes_order:
            self._filled.labels(event.strategy).inc()
            self._open.pop(event.order_id, None)
