"""Strategies with a model in a session: it is asked beside the event loop, and its answers are inputs of the journal."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from test_live import NAME, SETTINGS, again, connector, paper, run, subscribed

import tradecore as tc
from tradecore.errors import InvalidValueError
from tradecore.live.runner import Live
from tradecore.live.state import SessionResult
from venue_binance import FakeBinance
from venue_live import until

pytestmark = pytest.mark.release


class Up:
    """Says up, on what thread it was asked; from some question on it hangs until it is let go."""

    model_id, latency = "up", "1ms"

    def __init__(self, hangs_after: int = 10**9) -> None:
        self.asked = 0
        self.hangs_after = hangs_after
        self.threads: set[str] = set()
        self.go_on = threading.Event()

    def opinion(self, instrument: str, ts_ns: int, features: Any) -> tuple[int, float, float]:
        self.asked += 1
        self.threads.add(threading.current_thread().name)
        if self.asked > self.hangs_after:
            self.go_on.wait(60)
        return 1, 0.9, float(features[0])


class Never(Up):
    def opinion(self, instrument: str, ts_ns: int, features: Any) -> tuple[int, float, float]:
        raise AssertionError("the journal has the answers")


def trader(predictor: Up) -> tc.ml.SignalStrategy:
    settings: dict[str, Any] = {"qty": "0.01", "interval": "20ms", "time_to_live": "400ms", "style": "quote"}
    return tc.ml.SignalStrategy("model", [NAME], predictor=predictor, features=["mid"], **settings)


def signals(result: SessionResult) -> list[dict[str, Any]]:
    return result.tables.table("signals").to_dicts()


def test_a_model_is_asked_on_its_own_thread_and_a_journal_needs_none(tmp_path: Path) -> None:
    up, results = Up(), []

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await until(lambda: live.state.open_orders)
            await until(lambda: up.asked > 10)

        results.append(await paper(server, during, trader(up), journal=tmp_path, inference_deadline=60.0))

    run(work)
    (result,) = results
    assert up.threads == {"predictor of model"}
    told = [row for row in signals(result) if row["problem"] is None]
    assert len(told) >= 5
    assert all(row["ts"] < row["ts_recv"] <= row["ts"] + 60_000_000_000 for row in told)
    assert set(result.orders["status"]) == {"cancelled"}, "with the signal, or when the session ended"
    assert again(tmp_path / result.session, trader(Never())) == (result.digest, None)


def test_a_model_that_hangs_holds_nothing_and_its_quotes_go(tmp_path: Path) -> None:
    up, results = Up(hangs_after=3), []

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await until(lambda: live.state.open_orders)
            await until(lambda: up.asked > 3)
            await until(lambda: not live.state.open_orders)
            up.go_on.set()
            await until(lambda: live.state.open_orders)

        results.append(await paper(server, during, trader(up), journal=tmp_path, inference_deadline=0.2))

    run(work)
    (result,) = results
    problems = Counter(row["problem"] for row in signals(result))
    assert problems["no answer by the deadline"] >= 1
    assert set(problems) <= {None, "no answer by the deadline", "overtaken by a younger question"}
    assert again(tmp_path / result.session, trader(Never())) == (result.digest, None)


def test_a_session_that_was_cut_asks_on_and_knows_what_was_said(tmp_path: Path) -> None:
    results: list[SessionResult] = []
    first, second = Up(), Up()
    patient: dict[str, Any] = {"journal": tmp_path, "inference_deadline": 60.0}

    async def work(server: FakeBinance) -> None:
        made = Live([trader(first)], [connector(server, keys=False)], paper=[SETTINGS], **patient)
        async with made as cut:
            running = asyncio.create_task(cut.run())
            await subscribed(server)
            await until(lambda: first.asked > 5)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        async def during(live: Live) -> None:
            await until(lambda: second.asked > 5)

        results.append(await paper(server, during, trader(second), **patient))

    run(work)
    (result,) = results
    assert [row["problem"] for row in signals(result)].count(None) > 8, "of both"
    assert again(tmp_path / result.session, trader(Never())) == (result.digest, None)


def test_a_deadline_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="inference_deadline"):
        Live([trader(Up())], [], paper=[], inference_deadline=0)
