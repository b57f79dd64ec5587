"""Live sessions on a virtual clock: a few seeds of what ``make simulate`` plays by the thousand, and deaths."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest

from simulation.deaths import differing, live_through
from simulation.faulted import CASES, Lived, cases_of, differences, live_under
from simulation.killed import kill
from simulation.scenario import FEEDS, play
from tradecore.live.line import Line
from tradecore.live.session import Session
from tradecore.sandbox import Fault
from tradecore.sandbox.registry import SERVERS

_SHARES = 6
_STEP = 3


@pytest.fixture(autouse=True)
def _quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("tradecore"), "level", logging.CRITICAL)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("venue", [server.name for server in SERVERS])
def test_a_session_is_safe_under_faults_and_well_once_they_stop(venue: str, seed: int) -> None:
    try:
        outcome = play(seed, venue)
    except Exception as error:
        error.add_note(f"to repeat: make simulate VENUE={venue} SEED={seed}")
        raise
    assert outcome.orders > 0


@pytest.mark.parametrize(("feed", "seed"), [("exchange", 2), ("exchange", 4), ("full", 1), ("full", 4)])
def test_a_session_on_another_feed_is_safe_and_well_too(feed: str, seed: int) -> None:
    try:
        outcome = play(seed, "coinbase", feed)
    except Exception as error:
        error.add_note(f"to repeat: make simulate VENUE=coinbase FEED={feed} SEED={seed}")
        raise
    assert (outcome.orders > 0, outcome.met > 0) == (True, True)


def test_a_seed_is_the_same_each_time() -> None:
    assert play(3) == play(3)


@pytest.mark.parametrize("venue", [server.name for server in SERVERS])
def test_what_goes_to_the_kernel_directly_leads_to_what_it_leads_to_otherwise(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[int] = []
    gone = Line.gone_through

    def counting(line: Line, taken: int, times: tuple[Sequence[float], Sequence[float]]) -> None:
        frames.append(taken)
        gone(line, taken, times)

    monkeypatch.setattr(Line, "gone_through", counting)
    directly = play(2, venue)
    assert sum(frames) > 100
    monkeypatch.setattr(Session, "open_door", lambda *_: None)
    frames.clear()
    assert play(2, venue) == directly
    assert frames == []


@functools.cache
def clean(venue: str) -> Lived:
    lived = live_under(venue)
    assert (lived.halted, lived.step, lived.held_there, lived.open_there) == ("", "done", 0, 0)
    assert (lived.book_here, lived.held_here) == (lived.book_there, lived.held_there)
    assert len(lived.orders) == 2 <= len(lived.fills_there)
    assert sorted(fill[1:] for fill in lived.fills_here) == sorted(fill[1:] for fill in lived.fills_there)
    return lived


@pytest.mark.release
@pytest.mark.parametrize(
    ("venue", "case"), [(venue, case) for venue in ("BINANCE", "BYBIT", "COINBASE") for case in cases_of(venue)]
)
def test_a_life_under_a_fault_comes_to_what_it_comes_to_without(venue: str, case: str) -> None:
    """``make faults`` has it as a table, for all venues."""
    lived = live_under(venue, case)
    assert differences(clean(venue), lived) == []
    assert lived.met > 0
    if case.startswith("duplicate"):  # of what comes twice nothing has to be found out by asking
        assert lived.seconds == clean(venue).seconds


def test_each_kind_of_fault_is_lived_under() -> None:
    kinds = get_args(Fault.model_fields["kind"].annotation)
    # In how many frames a message comes is of a real network: `test_sandbox_recorded`.
    assert set(kinds) - {"split"} == {name.partition(":")[0] for name in CASES}


@pytest.mark.release
def test_a_session_goes_on_where_its_process_was_killed(tmp_path: Path) -> None:
    killed = kill(1, tmp_path, kills=3)
    assert (killed.kills, killed.orders > 0, killed.faults > 0) == (3, True, True)


@pytest.mark.release
@pytest.mark.parametrize(
    ("venue", "feed", "share", "step"),
    [
        *[("BINANCE_USDM", None, share, _SHARES) for share in range(1, _SHARES + 1)],
        *[(venue, None, _STEP, _STEP) for venue in ("BINANCE", "BYBIT", "COINBASE")],
        *[("COINBASE", feed, 4 * _STEP, 4 * _STEP) for feed in FEEDS],
    ],
)
def test_an_order_lives_on_wherever_its_process_dies(venue: str, feed: str | None, share: int, step: int) -> None:
    """At each record at one venue, and at some at others; ``make kills`` has all of them."""
    whole = live_through(venue, 0, feed)
    assert differing(whole, 0) == ""
    for moment in range(share, whole.moments + 1, step):
        assert differing(live_through(venue, moment, feed), 1) == "", f"killed at record {moment}"
