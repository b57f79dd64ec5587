"""The bus by itself: order, isolation, counts and queues. What sessions tell is in ``test_session_events.py``."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path

import pytest

import tradecore as tc
from tradecore.bus import EventBus, EventCounts
from tradecore.bus.events import OF_SESSIONS, Event, RiskEvent, RiskResumed, SessionStarted, SessionStopped
from tradecore.errors import CatalogError, InvalidValueError, RunError


@dataclass(frozen=True, slots=True)
class Own(Event):
    """An event of one's own."""

    what: str
    price: Decimal = Decimal("0.10")


def many(count: int) -> Iterator[Own]:
    return (Own(at, str(at)) for at in range(count))


def test_subscribers_hear_of_a_class_and_those_derived_from_it_in_the_order_they_came() -> None:
    bus, told = EventBus(), list[tuple[str, str]]()
    bus.subscribe(Event, lambda event: told.append(("all", type(event).__name__)))
    bus.subscribe((RiskEvent, SessionStopped), lambda event: told.append(("two", type(event).__name__)))
    bus.publish(RiskResumed(1, "session", ""))
    bus.publish(SessionStarted(2))
    assert told == [("all", "RiskResumed"), ("two", "RiskResumed"), ("all", "SessionStarted")]


def test_what_is_published_meanwhile_comes_after() -> None:
    bus, told = EventBus(), list[str]()

    def answer(event: Own) -> None:
        told.append(f"answer to {event.what}")
        if event.what == "first":
            bus.publish(Own(2, "second"))

    bus.subscribe(Own, answer)
    bus.subscribe(Own, lambda event: told.append(f"seen {event.what}"))
    bus.publish(Own(1, "first"))
    assert told == ["answer to first", "seen first", "answer to second", "seen second"]


def test_another_thread_waits_its_turn_without_waiting() -> None:
    bus, told = EventBus(), list[str]()
    entered, leave = threading.Event(), threading.Event()

    def slow(event: Own) -> None:
        entered.set()
        assert leave.wait(60)
        told.append(event.what)

    bus.subscribe(Own, slow)
    first = threading.Thread(target=bus.publish, args=(Own(1, "first"),))
    first.start()
    assert entered.wait(60)
    bus.publish(Own(2, "second"))  # comes back at once: the first thread delivers it
    assert told == []
    leave.set()
    first.join()
    assert told == ["first", "second"]


def test_a_subscriber_that_raises_is_counted_and_the_others_go_on() -> None:
    bus, told = EventBus(), list[str]()

    def broken(event: Own) -> None:
        raise ValueError(f"no {event.what}")

    bus.subscribe(Own, broken)
    bus.subscribe(Own, lambda event: told.append(event.what))
    for event in many(150):
        bus.publish(event)
    assert len(told) == 150
    assert bus.counts == {Own: EventCounts(published=150, delivered=150, failed=150)}
    assert (bus.failed, len(bus.failures), bus.failures[0].event) == (150, 100, Own(0, "0"))
    assert bus.failures[0].subscriber.endswith("broken")
    assert "ValueError: no 0" in bus.failures[0].traceback


def test_ctrl_c_in_a_subscriber_is_passed_on_and_the_bus_can_still_be_used() -> None:
    bus, told = EventBus(), list[str]()

    def stop(event: Own) -> None:
        told.append(event.what)
        if event.what == "0":
            bus.publish(Own(1, "1"))
            raise KeyboardInterrupt

    bus.subscribe(Own, stop)
    with pytest.raises(KeyboardInterrupt):
        bus.publish(Own(0, "0"))
    bus.publish(Own(2, "2"))
    assert told == ["0", "1", "2"]


def test_a_subscription_ends_when_it_is_cancelled_even_by_an_earlier_subscriber() -> None:
    bus, told = EventBus(), list[str]()
    with bus.subscribe(Own, lambda event: told.append(event.what)):
        bus.publish(Own(1, "in"))
    bus.publish(Own(2, "out"))
    bus.subscribe(Own, lambda event: later.cancel())
    later = bus.subscribe(Own, lambda event: told.append("never"))
    bus.publish(Own(3, "x"))
    later.cancel()
    assert told == ["in"]


@pytest.mark.parametrize(
    ("policy", "kept", "lost"),
    [("drop_oldest", ["2", "3", "4"], 2), ("drop_newest", ["0", "1", "2"], 2), ("fail", ["0", "1", "2"], 2)],
)
def test_a_full_queue_loses_by_its_policy_and_counts(policy: str, kept: list[str], lost: int) -> None:
    bus = EventBus()
    queue = bus.queue(Own, size=3, policy=policy)  # type: ignore[arg-type]
    for event in many(5):
        bus.publish(event)
    assert len(queue) == 3
    taken = [queue.poll() for _ in range(3)]
    assert [event.what for event in taken if isinstance(event, Own)] == kept
    assert (queue.dropped, bus.counts[Own].dropped) == (lost, lost)
    assert bus.counts[Own].delivered == (5 if policy == "drop_oldest" else 3)
    if policy == "fail":
        with pytest.raises(RunError, match="queue of 3 events was full when Own came; 2 are lost"):
            list(queue)
    else:
        assert queue.poll() is None


def test_a_queue_wakes_whoever_waits_and_its_loop() -> None:
    bus, woken = EventBus(), list[int]()
    queue = bus.queue(Own, size=10, policy="fail", wake=lambda: woken.append(1))
    taken = list[Event | None]()

    def take() -> None:
        while (event := queue.get(timeout="60s")) is not None:
            taken.append(event)

    assert queue.get(timeout="1ms") is None
    for event in many(3):
        bus.publish(event)
    assert woken == [1]  # once: nobody had emptied it
    reader = threading.Thread(target=take)
    reader.start()
    bus.publish(Own(3, "3"))
    queue.close()
    reader.join(60)
    assert not reader.is_alive()
    assert taken == list(many(4))
    bus.publish(Own(4, "4"))
    assert (len(queue), bus.counts[Own].published) == (0, 5)


def test_lines_hold_exact_values_and_appear_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    bus = EventBus()

    def work() -> None:
        bus.publish(Own(1, "ä", Decimal("1E-8")))
        bus.publish(SessionStarted(2))
        assert not path.exists()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), bus.write(path, (Own, RiskEvent)):
        work()
    bus.publish(Own(3, "later"))
    assert path.read_text("utf-8") == '{"event":"Own","at_ns":1,"what":"ä","price":"0.00000001"}\n'
    with pytest.raises(CatalogError, match="nowhere"), bus.write(tmp_path / "nowhere" / "log.jsonl"):
        pass


def test_arguments_are_checked() -> None:
    bus = EventBus()
    for kinds in (int, "OrderFilled", (), (Own, 3)):
        with pytest.raises(InvalidValueError, match="kinds"):
            bus.subscribe(kinds, print)  # type: ignore[call-overload]
    with pytest.raises(InvalidValueError, match="function"):
        bus.subscribe(Own, None)  # type: ignore[call-overload]
    with pytest.raises(InvalidValueError, match="policy"):
        bus.queue(Own, size=1, policy="block")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="size"):
        bus.queue(Own, size=0, policy="fail")
    with pytest.raises(InvalidValueError, match="event"):
        bus.publish("no")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="events"):
        tc.Backtest([tc.Strategy("s", ["BTCUSDT.BINANCE"])], "nowhere", events=print)  # type: ignore[arg-type]


def test_events_are_values() -> None:
    """The ten of the founding document are among them; all can be kept, compared, hashed and pickled."""
    names = {kind.__name__ for kind in OF_SESSIONS}
    assert names >= {
        *("PriceUpdated", "SignalGenerated", "TradeExecuted", "TradeClosed", "RiskHalt"),
        *("OrderSubmitted", "OrderFilled", "OrderCancelled", "OrderRejected", "Error"),
    }
    for kind in OF_SESSIONS:
        event = kind(*range(len(fields(kind))))
        assert pickle.loads(pickle.dumps(event)) == event
        assert hash(event) == hash(kind(*range(len(fields(kind)))))
        assert not hasattr(event, "__dict__")
