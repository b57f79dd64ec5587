"""A session with a model is decided once more without the model: its journal has what was asked and answered."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression
from test_live import NAME, SETTINGS, connector, paper, run, subscribed

import tradecore as tc
from tradecore.bus.events import SignalGenerated
from tradecore.cli import main
from tradecore.config import BacktestConfig
from tradecore.errors import ConfigError, InvalidValueError, JournalError, ModelWarning
from tradecore.features.recorded import RecordedFeatures
from tradecore.live.journal import JournalReader, JournalWriter, RecordKind
from tradecore.live.replay import Replay
from tradecore.live.runner import Live
from tradecore.live.state import SessionResult
from tradecore.session import Scope, build_strategies
from tradecore.strategy import Strategy
from venue_binance import FakeBinance
from venue_live import until

pytestmark = pytest.mark.release

BTC = "BTCUSDT.SYNTH"
OWN = "class Lean:\n    def update(self, book, trade):\n        return book.imbalance(2)\n"
NAMING = """
import tradecore as tc

class Naming(tc.ml.SignalStrategy):
    def __init__(self, name, instruments):
        super().__init__(name, instruments, model="up.tcm", qty="0.01", interval="20ms", style="quote", buy_above=0)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    Path("leans.py").write_text(OWN)
    Path("naming.py").write_text(NAMING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        yield tmp_path


def train(market: Path, *features: str, path: str = "up.tcm", seed: int = 0) -> None:
    label = tc.ml.Label("forward_return", horizon="500ms", classes="up")
    given = tc.FeatureSet(features)
    data = tc.ml.build_dataset(market, BTC, given, label=label, at="200ms", progress=False)
    model = tc.ml.train(data, LogisticRegression(C=1 + seed), importance=0, name=f"up{seed}")
    tc.ml.save_model(model, path)


def configured(kind: str = "tradecore.ml:SignalStrategy", **params: Any) -> BacktestConfig:
    given = {"model": "up.tcm", "qty": "0.01", "interval": "20ms", "style": "quote", "buy_above": 0.0, **params}
    strategy = {"kind": kind, "name": "m", "instruments": [NAME], "params": given if "SignalS" in kind else {}}
    return BacktestConfig.model_validate({"strategies": [strategy], "venues": [{"name": "BINANCE"}]})


def built(config: BacktestConfig) -> list[Strategy]:
    return build_strategies(Scope(known=(NAME,), source="here", place="here"), config.strategies)


def record(config: BacktestConfig) -> SessionResult:
    """Trade on paper until the model has said something and an order was sent."""
    results: list[SessionResult] = []

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await until(lambda: live.session.kernel.account_state()["orders"])

        header = {"config": config.model_dump(mode="json")}
        options: dict[str, Any] = {"journal": "journal", "session": "s1", "header": header}
        results.append(await paper(server, during, *built(config), **options))

    run(work)
    (result,) = results
    assert result.tables.table("signals")["problem"].null_count() > 0
    return result


def test_a_replay_needs_no_model(market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(market, "queue_imbalance", "fast = ofi(window=100ms)")
    result = record(configured())
    Path("up.tcm").unlink()
    replay = Replay("journal/s1")
    assert len(list(replay.steps())) > 0
    summary = replay.checked_summary()
    assert (summary["digest"], summary["faithful"]) == (result.digest, True)
    assert summary["commands"] > 0
    train(market, "mid")
    assert main(["replay", "journal/s1", "--step"]) == 0
    out = capsys.readouterr().out
    assert "m: buy 0.010" in out or "m: sell 0.010" in out
    assert result.digest in out
    Path("up.tcm").write_bytes(b"no model")
    assert main(["replay", "journal/s1"]) == 0
    assert tc.compare_session("journal/s1").orders


def test_a_class_that_names_its_model_itself_is_replayed_without_it(market: Path) -> None:
    train(market, "queue_imbalance")
    result = record(configured("naming.py:Naming"))
    Path("up.tcm").unlink()
    replay = Replay("journal/s1")
    assert len(list(replay.steps())) > 0
    assert replay.checked_summary()["digest"] == result.digest


def test_features_of_ones_own_need_their_code(market: Path) -> None:
    features = ("queue_imbalance", "lean = leans.py:Lean")
    train(market, *features)
    result = record(configured(features=list(features)))
    Path("up.tcm").unlink()
    replay = Replay("journal/s1")
    assert len(list(replay.steps())) > 0
    assert replay.checked_summary()["digest"] == result.digest
    Path("leans.py").write_text(OWN.replace("    def", "    version = 2\n\n    def"))
    with pytest.raises(ConfigError, match=r"the same features with other parameters: schema \w{12} in the journal"):
        Replay("journal/s1")
    Path("leans.py").unlink()
    with pytest.raises(ConfigError, match=r"strategies\.0\.params\.features: no file leans\.py"):
        Replay("journal/s1")


def test_a_journal_without_the_features_is_replayed_by_the_models_file(market: Path) -> None:
    train(market, "queue_imbalance")
    result = record(configured())
    reader = JournalReader("journal/s1")
    header = {key: value for key, value in reader.header.items() if key not in ("version", "features")}
    with JournalWriter("older", header) as older:
        for each in reader:
            if each.kind is not RecordKind.HEADER:
                older._append(each.kind, each.data)
    replay = Replay("older")
    assert len(list(replay.steps())) > 0
    assert replay.checked_summary()["digest"] == result.digest
    Path("up.tcm").unlink()
    with pytest.raises(ConfigError, match=r"up\.tcm"):
        Replay("older")


def test_a_session_that_goes_on_refuses_a_model_of_other_features(market: Path) -> None:
    train(market, "queue_imbalance", "mid")
    config = configured()
    results: list[SessionResult] = []

    async def work(server: FakeBinance) -> None:
        def live() -> Live:
            header = {"config": config.model_dump(mode="json")}
            venue = connector(server, keys=False)
            return Live(built(config), [venue], paper=[SETTINGS], journal="journal", session="s1", header=header)

        async with live() as cut:
            running = asyncio.create_task(cut.run())
            await subscribed(server)
            await until(lambda: cut.session.kernel.account_state()["orders"])
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        train(market, "queue_imbalance", "microprice")
        with pytest.raises(JournalError, match=r"m would go on with other features: missing mid; added microprice"):
            async with live():
                pass
        train(market, "queue_imbalance", "mid", seed=1)
        async with live() as again:
            said = again.events.queue(SignalGenerated, size=1, policy="drop_oldest")
            running = asyncio.create_task(again.run())
            await subscribed(server)
            await until(lambda: said)
            again.stop()
            results.append(await running)

    run(work)
    (result,) = results
    assert result.tables.table("signals")["model_id"].drop_nulls().n_unique() == 2  # none where an answer was late
    Path("up.tcm").unlink()
    replay = Replay("journal/s1")
    assert len(list(replay.steps())) > 0
    assert replay.checked_summary()["digest"] == result.digest


def test_what_a_journal_keeps_of_features_is_read_again() -> None:
    given = tc.FeatureSet(["spread", "fast = ofi(window=100ms)"], name="touch", version="3")
    kept = RecordedFeatures.of(given)
    again = RecordedFeatures.from_table(kept.to_table())
    assert (again, again.feature_set()) == (kept, given)
    assert again.difference(tc.FeatureSet(["fast = ofi(window=100ms)", "spread"], version="3")) == (
        "other features: in another order: fast where spread was, at 0"
    )

    class Own:
        def update(self, book: Any, trade: Any) -> float:
            return 0.0

    told = RecordedFeatures.of(tc.FeatureSet(["mid", Own()]))
    assert (told.toml, told.names) == (None, ("mid", "Own"))
    with pytest.raises(InvalidValueError, match="mid, Own: their code made them"):
        told.feature_set()
    for damaged in (
        {},
        None,
        {"names": 1, "schema_hash": "", "toml": None},
        {"names": [], "schema_hash": 1, "toml": ""},
    ):
        with pytest.raises(InvalidValueError, match="expected names, schema_hash and toml"):
            RecordedFeatures.from_table(damaged)
