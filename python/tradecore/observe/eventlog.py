"""Events of a session as lines of its log, by the part of the engine they are of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import structlog

from tradecore.bus import EventBus, Subscription
from tradecore.bus import events as told
from tradecore.live.events import LagChanged, LinkChanged, LoopBlocked, ReconcileDifference, SessionFailed
from tradecore.types import BookState

__all__ = ["events_logged"]

_Log = Any  # structlog's loggers are made of what they are asked for

_VERBS = {
    told.OrderSubmitted: ("info", "Order submitted"),
    told.OrderAccepted: ("info", "Order accepted"),
    told.OrderTriggered: ("info", "Order triggered"),
    told.OrderReplaced: ("info", "Order replaced"),
    told.OrderCancelled: ("info", "Order cancelled"),
    told.OrderExpired: ("info", "Order expired"),
    told.OrderRejected: ("warning", "Order rejected"),
    told.OrderChangeRejected: ("warning", "Change of order rejected"),
    told.OrderUnknown: ("warning", "Order unknown to us or its venue"),
}


@contextmanager
def events_logged(bus: EventBus, session: str) -> Iterator[None]:
    """Log what a bus tells while a block runs, with the session's name in every line of it."""
    with ExitStack() as stack:
        stack.enter_context(structlog.contextvars.bound_contextvars(session=session))
        for subscription in _subscriptions(bus, session):
            stack.callback(subscription.cancel)
        yield


def _subscriptions(bus: EventBus, session: str) -> list[Subscription]:
    def log(module: str) -> _Log:
        return structlog.get_logger(module).bind(session=session)

    market, orders, risk = log("market_data"), log("execution_engine"), log("risk_manager")
    signals, engine = log("signal_bridge"), log("session")
    listened: list[tuple[type[told.Event], Callable[[Any], None]]] = [
        (LinkChanged, lambda event: _link(market, event)),
        (LagChanged, lambda event: _lag(market, event)),
        (told.BookStateChanged, lambda event: _book(market, event)),
        (told.SignalGenerated, lambda event: _signal(signals, event)),
        (told.OrderUpdate, lambda event: _order(orders, event)),
        (told.OrderFilled, lambda event: _fill(orders, event)),
        (told.ExecutionEnded, lambda event: _execution(orders, event)),
        (told.GroupEnded, lambda event: _group(orders, event)),
        (told.StopTriggered, lambda event: _stop(risk, event)),
        (told.RiskHalt, lambda event: _halt(risk, event)),
        (told.RiskResumed, lambda event: risk.info(f"Trading resumed: {event.scope} {event.name}".rstrip())),
        (told.SessionStarted, lambda event: engine.info("Strategies started")),
        (told.SessionStopped, lambda event: engine.info("Strategies stopped")),
        (told.Error, lambda event: engine.error(f"Failure of {event.source} {event.name}: {event.message}")),
        (LoopBlocked, lambda event: _blocked(engine, event)),
        (ReconcileDifference, lambda event: engine.warning(f"Reconciled with {event.venue}: {event.detail}")),
        (SessionFailed, lambda event: engine.error(f"Session ends: {event.error}: {event.message}")),
    ]
    # Every message would be looked at for it, so nobody subscribes unless somebody reads it.
    if logging.getLogger("market_data.orderbook").isEnabledFor(logging.DEBUG):
        books = log("market_data.orderbook")
        listened.append((told.PriceUpdated, lambda event: _prices(books, event)))
    return [bus.subscribe(kind, function) for kind, function in listened]


def _link(log: _Log, event: LinkChanged) -> None:
    if event.is_up:
        log.info(f"WebSocket connected to {event.venue} ({event.link}): {event.reason}")
    else:
        log.warning(f"WebSocket disconnected from {event.venue} ({event.link}): {event.reason}")


def _lag(log: _Log, event: LagChanged) -> None:
    if event.is_behind:
        log.warning(f"Behind {event.venue} by {event.seconds:.1f} s, more than {event.limit_s:.3g} s")
    else:
        log.info(f"Caught up with {event.venue}")


def _blocked(log: _Log, event: LoopBlocked) -> None:
    whose = "" if event.strategy is None else f" by {event.hook} of {event.strategy}"
    log.error(f"Event loop was blocked{whose} for {event.seconds:.1f} s at {event.line}")


def _book(log: _Log, event: told.BookStateChanged) -> None:
    text = f"Order book {event.state.name.lower()}: {event.instrument}" + (f", {event.reason}" if event.reason else "")
    (log.warning if event.state in (BookState.GAP, BookState.STALE) else log.info)(text)


def _prices(log: _Log, event: told.PriceUpdated) -> None:
    log.debug(f"Order book updated: {event.instrument} bid={event.best_bid} ask={event.best_ask}")


def _signal(log: _Log, event: told.SignalGenerated) -> None:
    text = f"Signal generated: {event.action.name} {event.instrument} confidence={event.confidence:.2f}"
    log.info(text, strategy=event.strategy)


def _order(log: _Log, event: told.OrderUpdate) -> None:
    level, verb = _VERBS[type(event)]
    price = f" at {event.price:f}" if event.price is not None else ""
    reason = f": {event.reason}" if event.reason else ""
    text = f"{verb}: {event.side.name} {event.qty:f} {event.instrument}{price}{reason}"
    getattr(log, level)(text, strategy=event.strategy, order=event.order_id)


def _fill(log: _Log, event: told.OrderFilled) -> None:
    text = f"Order filled: {event.side.name} {event.qty:f} {event.instrument} at {event.price:f}"
    log.info(
        f"{text} as {event.liquidity.name.lower()}, fee {event.fee:f}", strategy=event.strategy, order=event.order_id
    )


def _execution(log: _Log, event: told.ExecutionEnded) -> None:
    text = f"Execution {event.state}: {event.algorithm} {event.side.name} {event.filled_qty:f} of {event.qty:f}"
    log.info(f"{text} {event.instrument}", strategy=event.strategy, execution=event.execution_id)


def _group(log: _Log, event: told.GroupEnded) -> None:
    reason = f": {event.reason}" if event.reason else ""
    text = f"Group {event.state}: {event.kind} in {event.instrument}{reason}"
    log.info(text, strategy=event.strategy, group=event.group_id)


def _stop(log: _Log, event: told.StopTriggered) -> None:
    at = f" at {event.price:g}" if event.price is not None else ""
    text = f"Stop fired: {event.kind} of {event.scope} {event.name}{at}, closes {event.qty:f} of {event.position_qty:f}"
    log.warning(f"{text} {event.instrument}", strategy=event.strategy)


def _halt(log: _Log, event: told.RiskHalt) -> None:
    at = f", {event.value:f} of {event.limit:f}" if event.value is not None and event.limit is not None else ""
    log.error(f"Trading stopped: {event.reason} ({event.does}) for {event.scope} {event.name}".rstrip() + at)
