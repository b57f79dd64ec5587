"""What a run says of its data: gaps, moments of a crossed book, silences, stale marks, and stamps that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, Row, cli_json, columns
from tradecore.errors import DataError, InvalidValueError

SECOND = 1_000_000_000
NAME = "BTCUSDT.TEST"


def book(ts: int, bid: int = 990, ask: int = 1_010) -> list[Row]:
    return [(ts, CLEAR, 0, 2, 0, 0), (ts, SET, 1, 2, bid, 5_000), (ts, SET, -1, LAST | 2, ask, 5_000)]


def touched(*seconds: int) -> list[Row]:
    return [(at * SECOND, SET, 1, LAST, 980, at) for at in seconds]


class Idle(tc.Strategy):
    """Does nothing."""


class Buys(tc.Strategy):
    """Buys at a time, if it is given one."""

    at: int = 0

    def on_start(self, ctx: tc.Context) -> None:
        if self.at:
            ctx.at(self.at * SECOND, lambda ctx: ctx.buy(NAME, "2"))
        ctx.at(3 * SECOND, lambda ctx: ctx.buy(NAME, "2", 95))


def run(instrument: tc.Instrument, rows: list[Row], *, at: int = 0, **settings: Any) -> tc.Result:
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), **settings)
    return tc.Backtest([Buys("b", [NAME], at=at)], {NAME: columns(rows)}, [venue], specs=[instrument]).run()


def test_data_without_events_is_said_to_have_none(instrument: tc.Instrument) -> None:
    empty = {name: values[:0] for name, values in columns(touched(1)).items()}
    result = tc.Backtest([Idle("i", [NAME])], {NAME: empty}, specs=[instrument]).run()
    assert "the data holds no events" in result.notes
    assert not any("top-of-book" in note for note in result.notes)


def test_a_gap_is_counted_from_the_lost_message_to_the_next_snapshot(instrument: tc.Instrument, tmp_path: Path) -> None:
    lost = (10 * SECOND, CLEAR, 0, LAST, 0, 0)
    rows = [*book(SECOND), *touched(2, 5), lost, *book(14 * SECOND), *touched(20), (25 * SECOND, CLEAR, 0, LAST, 0, 0)]
    made = run(instrument, [*rows, (26 * SECOND, TRADE, 1, LAST, 1_000, 1)])
    moments = [(10 * SECOND, 14 * SECOND), (25 * SECOND, 26 * SECOND)]
    assert made.gaps == {
        NAME: {"times": 2, "total_ns": 5 * SECOND, "longest_ns": 4 * SECOND, "moments": moments},
    }
    assert any("its book was unknown 2 times, for 4 s at most and 5 s in all" in note for note in made.notes)
    assert made.summary()["gaps"] == {NAME: {"times": 2, "total_ns": 5 * SECOND, "longest_ns": 4 * SECOND}}
    page = made.report(tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'class="bands c-loss"' in page
    assert "1970-01-01 00:00:10" in page
    made.save(tmp_path / "run.tcr")
    again = tc.load_result(tmp_path / "run.tcr")
    assert again.gaps == made.gaps
    assert 'class="bands c-loss"' in again.report(tmp_path / "b.html").read_text(encoding="utf-8")
    assert run(instrument, [*book(SECOND), *touched(2, 5)]).gaps == {}


def test_moments_of_a_crossed_book_are_told(instrument: tc.Instrument, tmp_path: Path) -> None:
    rows = [*book(SECOND), (4 * SECOND, SET, 1, LAST, 1_020, 5), *touched(6, 8), (9 * SECOND, SET, -1, LAST, 1_030, 5)]
    made = run(instrument, rows)
    assert made.uncrossed[NAME]["times"] == 1
    assert made.crossed == {NAME: [(4 * SECOND, 6 * SECOND)]}
    page = made.report(tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'class="bands c-second"' in page
    assert "locked or crossed" in page


@pytest.mark.parametrize("has_orders", [True, False])
def test_a_book_that_was_crossed_for_less_than_a_second_is_told_too(
    instrument: tc.Instrument, tmp_path: Path, has_orders: bool
) -> None:
    def crossed(at_ms: int, until_ms: int, price: int = 1_020) -> list[Row]:
        ms = SECOND // 1_000
        return [(at_ms * ms, SET, 1, LAST, price, 5), (until_ms * ms, SET, 1, LAST, price, 0)]

    # Locked for a millisecond, crossed for a quarter of a second, and at the end.
    rows = [*book(SECOND), *touched(2), *crossed(4_000, 4_001, 1_010), *touched(5), *crossed(6_000, 6_250)]
    rows += [*touched(8), (9 * SECOND, SET, 1, LAST, 1_020, 5), (9 * SECOND + 10, TRADE, -1, LAST, 900, 5)]
    strategy = Buys("b", [NAME]) if has_orders else Idle("i", [NAME])
    made = tc.Backtest([strategy], {NAME: columns(rows)}, [tc.SimVenue("TEST")], specs=[instrument]).run()
    moments = [(4 * SECOND, 4_001_000_000), (6 * SECOND, 6_250_000_000), (9 * SECOND, 9 * SECOND + 10)]
    counts = {"times": 3, "total_ns": 251_000_010, "longest_ns": 250_000_000}
    assert made.crossings == {NAME: {**counts, "moments": moments}}
    assert (made.crossed, made.uncrossed) == ({}, {}), "nothing was removed"
    assert made.summary()["crossings"] == {NAME: counts}
    page = made.report(tmp_path / "a.html").read_text(encoding="utf-8")
    assert f"The book of {NAME} was locked or crossed 3 times, for 0.25 s at most and 0.251 s in all" in page
    made.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").crossings == made.crossings
    assert run(instrument, [*book(SECOND), *touched(2, 5)]).crossings == {}


def test_a_position_marked_at_what_was_old_is_counted(instrument: tc.Instrument, tmp_path: Path) -> None:
    rows = [*book(SECOND), *touched(2, 4, 30, 31, 95, 96)]
    flat, held, late = (run(instrument, rows, at=at, stale_after="20s") for at in (0, 3, 50))
    silences = {"times": 2, "total_ns": 90 * SECOND, "longest_ns": 64 * SECOND}
    assert flat.silences == {NAME: {**silences, "moments": [(4 * SECOND, 30 * SECOND), (31 * SECOND, 95 * SECOND)]}}
    assert flat.stale_marks == {}
    assert held.stale_marks == {NAME: {"times": 2, "longest_ns": 64 * SECOND}}
    assert late.stale_marks == {NAME: {"times": 1, "longest_ns": 64 * SECOND}}
    page = held.report(tmp_path / "a.html").read_text(encoding="utf-8")
    assert "A position in BTCUSDT.TEST was marked at what was old 2 times, for 64 s at most." in page
    assert "stale_after=&#x27;20s&#x27;" in page
    assert run(instrument, rows).silences[NAME]["times"] == 1, "a minute is the default"


def ahead(ns: int, at: int = 3) -> dict[str, Any]:
    """Columns of which one message is stamped so far after its receipt."""
    data = columns([*book(SECOND), *touched(*range(2, 60))])
    data["ts_event"] -= 5_000_000
    data["ts_event"][3 + at] = data["ts_recv"][3 + at] + ns
    return data


@pytest.mark.parametrize("lead", ["auto", "0ms"])
def test_a_stamp_behind_its_receipt_is_set_aside_or_ends_the_run_with_its_row(
    instrument: tc.Instrument, tmp_path: Path, lead: str
) -> None:
    def go(data: Any, rule: str | None) -> tc.Result:
        settings: dict[str, Any] = {} if rule is None else {"wrong_stamps": rule}
        venue = tc.SimVenue("TEST", clock_lead=lead, **settings)
        return tc.Backtest([Buys("b", [NAME], at=10)], data, [venue], specs=[instrument]).run()

    far = ahead(2 * SECOND)
    aside = go({NAME: far}, None)
    assert aside.wrong_stamps[NAME]["messages"] == 1
    assert aside.digest == go({NAME: ahead(-5_000_000)}, None).digest
    with tc.Catalog(tmp_path).writer(instrument) as writer:
        writer.write(far)
    for data in ({NAME: far}, tmp_path):
        with pytest.raises(DataError, match=f"row 6: stamped {7 * SECOND} ns by the venue.* 2s behind its receipt"):
            go(data, "refuse")
    near = go({NAME: ahead(900_000_000)}, "refuse")
    assert near.wrong_stamps[NAME]["messages"] == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"wrong_stamps": "ignore"}, 'wrong_stamps: "ignore" is not set_aside or refuse'),
        ({"wrong_stamps": True}, "wrong_stamps: expected a word"),
        ({"stale_after": "0s"}, "stale_after"),
        ({"stale_after": "soon"}, "stale_after"),
    ],
)
def test_a_setting_of_data_that_cannot_be_is_named(settings: Any, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        tc.SimVenue("TEST", **settings)


def test_a_configuration_says_how_good_data_has_to_be(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        f'[data]\ncatalog = "{market}"\n[[venues]]\nname = "SYNTH"\nwrong_stamps = "refuse"\nstale_after = "10ms"\n'
        '[[strategies]]\nkind = "touch_maker"\nparams = { quote_qty = "0.01", max_position = "0.05" }\n'
    )
    told = cli_json("backtest", "--config", config, capsys=capsys)
    assert told["gaps"] == {}
    assert told["silences"]["BTCUSDT.SYNTH"]["times"] > 0
