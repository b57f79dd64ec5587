"""The session goes before its server."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from tradecore.server.way import RightOfWay

pytestmark = pytest.mark.release


@pytest.fixture
def way() -> Iterator[RightOfWay]:
    way = RightOfWay()
    way.begin()
    yield way
    way.end()


def waiting(way: RightOfWay) -> tuple[threading.Thread, threading.Event]:
    """Return a server that waits for its way, and what it says when it has it."""
    has_it = threading.Event()

    def serve() -> None:
        way.give()
        has_it.set()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread, has_it


def test_a_server_goes_on_at_once_while_the_session_rests(way: RightOfWay) -> None:
    way.give()
    way.take(True)
    way.take(False)
    way.give()


def test_a_server_waits_until_the_session_has_done_its_work(way: RightOfWay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradecore.server.way._PATIENCE_S", 60.0)
    way.take(True)
    thread, has_it = waiting(way)
    assert not has_it.wait(0.05)
    way.take(False)
    assert has_it.wait(30)
    thread.join()


def test_a_session_that_never_rests_lets_the_server_go_on_after_a_while(way: RightOfWay) -> None:
    way.take(True)
    for _ in range(3):
        thread, has_it = waiting(way)
        assert has_it.wait(30)
        thread.join()


def test_a_bell_that_nobody_heard_ends_no_later_wait_for_good(way: RightOfWay, monkeypatch: pytest.MonkeyPatch) -> None:
    way.take(True)
    way._is_awaited = True  # as it stands between a server's last look and its wait
    way.take(False)
    monkeypatch.setattr("tradecore.server.way._PATIENCE_S", 60.0)
    way.take(True)
    way.give()  # hears the bell of before
    thread, has_it = waiting(way)
    assert not has_it.wait(0.05)
    way.take(False)
    assert has_it.wait(30)
    thread.join()


def test_the_interpreter_is_left_as_it_was() -> None:
    before, way = sys.getswitchinterval(), RightOfWay()
    way.begin()
    resting = sys.getswitchinterval()
    way.take(True)
    assert resting < sys.getswitchinterval() < before
    way.take(False)
    assert sys.getswitchinterval() == resting
    way.take(True)
    way.end()
    assert sys.getswitchinterval() == before
    way.give()
