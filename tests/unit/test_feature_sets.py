"""Sets of features, and that a table, an engine fed by hand and a strategy say the same."""

from __future__ import annotations

import hashlib
import importlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import LAST, ROOT, SET, TRADE, columns
from tradecore.backtest import Backtest
from tradecore.data.catalog import Columns
from tradecore.errors import ContextError, InvalidValueError

INST = "BTCUSDT.SYNTH"
NEEDED = {
    "vpin": "bucket=0.5, window=5",
    "bulk_vpin": "bucket=0.5, window=5",
    "stoikov_microprice": "table=[-0.5, -0.1, 0.1, 0.5], buckets=4",
    "bar": "bars=tick:20",
    "indicator": "name=rsi, bars=500ms, period=5",
}
SHORT = {
    "interval": "100ms",
    "half_life": "5",
    "horizon": "300ms",
}


def every_feature(short: bool = True) -> list[str]:
    """Every registered feature, with windows that a short market fills."""
    names = []
    for row in tc._core.feature_definitions():
        name, known = row["name"], [parameter for parameter, _, _ in row["parameters"]]
        given = [NEEDED[name]] if name in NEEDED else []
        given += [f"{key}={value}" for key, value in SHORT.items() if key in known and short]
        if "interval" in known and "window" in known and short:
            given.append("window=8")
        names.append(f"{name} = {name}({', '.join(given)})")
    return names


ALL = tc.FeatureSet(every_feature(), name="all", version="1")


class Momentum:
    """Signed quantity, smoothed: a feature of one's own that remembers."""

    def __init__(self, keep: float) -> None:
        self.keep = keep
        self._value = 0.0
        self._books: list[Any] = []

    def update(self, book: tc.features.FeatureBook, trade: tc.TradeView | None) -> float:
        if trade is not None:
            sign = 0 if trade.aggressor_side is None else int(trade.aggressor_side)
            self._value = self.keep * self._value + (1 - self.keep) * sign * trade.qty
        return self._value + (book.mid or 0.0)


def seen(catalog: Path, features: tc.FeatureSet, every: str = "100ms") -> dict[int, bytes]:
    """What a strategy is given, by time."""
    told: dict[int, bytes] = {}

    class Watcher(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every(every, self.look)

        def look(self, ctx: tc.Context) -> None:
            told[ctx.now_ns] = ctx.features(INST).values.tobytes()

    watcher = Watcher("w", [INST])
    watcher.features = features
    Backtest([watcher], str(catalog)).run()
    return told


def rows(table: pl.DataFrame) -> dict[int, bytes]:
    times = table["ts"].to_physical().to_list()
    values = table.drop("ts", "ts_available").to_numpy()
    return {ts: np.ascontiguousarray(row).tobytes() for ts, row in zip(times, values, strict=True)}


def test_a_strategy_is_given_what_stands_in_the_table(market: Path) -> None:
    told, table = seen(market, ALL), rows(tc.features.compute(market, INST, ALL, "100ms"))
    common = told.keys() & table.keys()
    assert len(common) > 150
    assert [ts for ts in common if told[ts] != table[ts]] == []


def test_so_is_one_that_is_woken_by_messages(market: Path) -> None:
    told: list[bytes] = []

    class Watcher(tc.Strategy):
        features = ALL

        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            told.append(ctx.features(INST).values.tobytes())

    Backtest([Watcher("w", [INST])], str(market)).run()
    table = tc.features.compute(market, INST, ALL, "trade").drop("ts", "ts_available").to_numpy()
    assert len(told) == len(table) > 100
    assert b"".join(told) == np.ascontiguousarray(table).tobytes()


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_engine_fed_by_hand_says_the_same_and_goes_on_from_a_state(market: Path, step: int) -> None:
    (instrument,) = (tc.Catalog(market).instrument(INST),)
    mine = tc.FeatureSet([*every_feature(), Momentum(0.9)])
    events = {name: values[:9_000] for name, values in whole(market).items()}
    ends = np.flatnonzero(events["flags"] & LAST)[::step] + 1
    table = rows(tc.features.compute(events, instrument, mine, "message"))
    engine, begin = tc.features.FeatureEngine(instrument, mine), 0
    for at, end in enumerate(ends[:400]):
        engine.update({name: values[begin:end] for name, values in events.items()})
        if at % 50 == 7:
            state = engine.save()
            engine = tc.features.FeatureEngine(instrument, mine)
            engine.load(state)
            assert engine.save() == state
        begin, now = end, int(events["ts_recv"][end - 1])
        if end == len(events["flags"]) or events["ts_recv"][end] > now:
            assert engine.values(now).values.tobytes() == table[now]


def whole(catalog: Path) -> Columns:
    pieces = list(tc.Catalog(catalog).stream(INST))
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def test_a_table_does_not_depend_on_how_often_it_is_read(market: Path) -> None:
    fine, coarse = (rows(tc.features.compute(market, INST, ALL, at)) for at in ("10ms", "1s"))
    assert coarse.items() <= fine.items()
    tail = tc.features.compute(market, INST, ALL, "1s", start="2026-01-01T00:00:05Z", end="2026-01-01T00:00:08Z")
    assert len(tail) == 3
    assert rows(tail).items() <= coarse.items()


def test_the_values_of_a_synthetic_market_stay_what_they_are(market: Path) -> None:
    table = tc.features.compute(market, INST, ALL, "100ms").drop("ts", "ts_available")
    digest = hashlib.sha256(np.ascontiguousarray(table.to_numpy()).tobytes()).hexdigest()
    assert table.select(pl.all().is_not_nan().any()).row(0) == (True,) * len(ALL)
    assert digest == "1765c624c1bf5e92589792996aed17af57a1ee13c4a01ee269ce4380e06d5d97"


def test_order_flow_and_trades_against_a_slow_obvious_way(market: Path) -> None:
    events = whole(market)
    instrument = tc.Catalog(market).instrument(INST)
    names = ["ofi(window=500ms)", "trade_flow(window=500ms)", "volume(window=500ms)", "log_return(horizon=500ms)"]
    table = tc.features.compute(events, instrument, names, "message")
    book = tc.L2Book(instrument)
    touch: list[tuple[float, float, float, float]] = []
    ts, flow, signed, volume, mids = [], [], [], [], []
    begin = 0
    for end in (np.flatnonzero(events["flags"] & LAST) + 1)[:3_000]:
        part = {name: values[begin:end] for name, values in events.items()}
        book.apply(part)
        trades = part["kind"] == TRADE
        ts.append(int(part["ts_recv"][-1]))
        signed.append(float((part["side"] * part["qty"])[trades].sum()) * 0.001)
        volume.append(float(part["qty"][trades].sum()) * 0.001)
        now = (book.best_bid or 0, book.bid_qty or 0, book.best_ask or 0, book.ask_qty or 0)
        e = 0.0
        if touch:
            (b0, qb0, a0, qa0), (b1, qb1, a1, qa1) = touch[-1], now
            e = (b1 >= b0) * qb1 - (b1 <= b0) * qb0 - (a1 <= a0) * qa1 + (a1 >= a0) * qa0
        touch.append(now)
        flow.append(e)
        mids.append((now[0] + now[2]) / 2)
        begin = end
    time = np.array(ts)
    for at in range(500, 3_000, 7):
        inside = (time > time[at] - 500_000_000) & (np.arange(3_000) <= at)
        for name, values in (("ofi", flow), ("trade_flow", signed), ("volume", volume)):
            got = table[f"{name}(window=500ms)"][at]
            if not np.isnan(got):
                assert got == pytest.approx(np.array(values)[inside].sum(), abs=1e-9), (name, at)
        before = np.flatnonzero(time <= time[at] - 500_000_000)
        if len(before):
            want = np.log(mids[at] / mids[before[-1]])
            assert table["log_return(horizon=500ms)"][at] == pytest.approx(want, abs=1e-12)


def test_strategies_with_one_schema_share_what_is_computed(market: Path) -> None:
    calls = []

    class Counted:
        def update(self, book: tc.features.FeatureBook, trade: tc.TradeView | None) -> float:
            calls.append(1)
            return 1.0

    class Watcher(tc.Strategy):
        features = tc.FeatureSet([Counted()])

        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("1s", self.look)

        def look(self, ctx: tc.Context) -> None:
            assert ctx.features(INST)["Counted"] == 1.0

    Backtest([Watcher("a", [INST])], str(market)).run()
    once = len(calls)
    Backtest([Watcher("a", [INST]), Watcher("b", [INST])], str(market)).run()
    assert once > 1_000
    assert len(calls) == 2 * once


def test_features_that_are_first_asked_for_in_a_hook_begin_with_the_book_that_is_there(market: Path) -> None:
    told = []

    class Watcher(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(1_767_225_605_000_000_000, self.look)

        def look(self, ctx: tc.Context) -> None:
            f = ctx.features(INST, tc.FeatureSet(["mid", "ofi"]))
            told.append((f["mid"], f.mask.tolist(), f.is_ready, ctx.book(INST).mid))
            ctx.at(ctx.now_ns + 1_500_000_000, self.again)

        def again(self, ctx: tc.Context) -> None:
            told.append(ctx.features(INST, tc.FeatureSet(["mid", "ofi"])).is_ready)

    Backtest([Watcher("w", [INST])], str(market)).run()
    (mid, mask, is_ready, of_book), later = told
    assert (mid, mask, is_ready, later) == (of_book, [True, False], False, True)


def test_a_set_says_what_it_is() -> None:
    features = ["spread", "ofi(window=5s)", "fast = ofi(window=100ms)"]
    own = tc.FeatureSet(features, name="touch", version="2")
    assert own.names == ("spread", "ofi(window=5s)", "fast")
    assert repr(own) == f"FeatureSet({features!r}, name='touch', version='2')"
    assert eval(repr(own), {"FeatureSet": tc.FeatureSet}) == own
    assert tc.FeatureSet.from_toml(own.to_toml()) == own == pickle.loads(pickle.dumps(own))
    assert tc.FeatureSet.from_toml({"features": features, "name": "touch", "version": "2"}) == own
    assert hash(own) == hash(tc.FeatureSet(features, name="touch", version="2"))
    assert own != tc.FeatureSet(features, name="touch", version="3")
    assert len(own.schema_hash) == 64


def test_a_feature_of_ones_own_is_told_by_its_class_and_parameters() -> None:
    def hash_of(feature: Any) -> str:
        return tc.FeatureSet([feature]).schema_hash

    newer = Momentum(0.5)
    newer.version = 2  # type: ignore[attr-defined]
    assert hash_of(Momentum(0.5)) == hash_of(Momentum(0.5))
    assert len({hash_of(Momentum(0.5)), hash_of(Momentum(0.6)), hash_of(newer)}) == 3
    assert pickle.loads(pickle.dumps(tc.FeatureSet([Momentum(0.5)]))) == tc.FeatureSet([Momentum(0.5)])
    with pytest.raises(InvalidValueError, match="Momentum is an object of a class of your own"):
        tc.FeatureSet([Momentum(0.5)]).to_toml()


WALL = """
class Wall:
    def __init__(self, levels=1):
        self.levels = levels

    def update(self, book, trade):
        bids, _ = book.depth(self.levels)
        return float(bids[:, 1].max()) if len(bids) else float("nan")
"""


def test_a_feature_of_ones_own_is_named_by_text(tmp_path: Path, market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it stands in TOML, beside the others."""
    (tmp_path / "tc_test_walls.py").write_text(WALL)
    monkeypatch.syspath_prepend(tmp_path)
    file = str(tmp_path / "tc_test_walls.py")
    given = ["mid", f"near = {file}:Wall", "tc_test_walls:Wall(levels=10)", "close = bar(bars=tick:5)"]
    own = tc.FeatureSet(given)
    assert own.names == ("mid", "near", "Wall", "close")
    assert own.has_own_classes
    assert not tc.FeatureSet(["mid", "close = bar(bars=tick:5)"]).has_own_classes
    for again in (tc.FeatureSet.from_toml(own.to_toml()), pickle.loads(pickle.dumps(own)), eval(repr(own), vars(tc))):
        assert again == own
    module = importlib.import_module("tc_test_walls")
    assert own.schema_hash == tc.FeatureSet(["mid", given[1], module.Wall(10), given[3]]).schema_hash
    table = tc.features.compute(market, INST, own, "1s", progress=False)
    assert (table["Wall"] >= table["near"]).all()
    assert (table["Wall"] > table["near"]).any()
    with pytest.raises(InvalidValueError, match="whose code would be run"):
        tc.FeatureSet.from_toml(own.to_toml(), own_classes=False)
    for wrong, problem in (
        ("tc_test_walls:Wal", "tc_test_walls has no Wal"),
        ("nowhere_at_all:Wall", "no module nowhere_at_all"),
        ("tc_test_walls:Wall(5)", "plain data by name"),
        ("tc_test_walls:Wall(depth=5)", "unexpected keyword argument"),
        ("json:dumps", "TypeError"),
        ("os:name", "no feature"),
    ):
        with pytest.raises(InvalidValueError, match=problem):
            tc.FeatureSet([wrong])
    with pytest.raises(InvalidValueError, match="parameters are plain data"):
        tc.FeatureSet([Momentum(object())])  # type: ignore[arg-type]


def test_a_book_that_is_kept_beyond_update_is_refused() -> None:
    kept: list[tc.features.FeatureBook] = []

    class Keeps:
        def update(self, book: tc.features.FeatureBook, trade: tc.TradeView | None) -> float:
            kept.append(book)
            return book.depth(1)[0][0, 1]  # type: ignore[no-any-return]

    engine = tc.features.FeatureEngine(tc.find_instrument(INST), tc.FeatureSet([Keeps()]))
    engine.update(columns([(1, SET, 1, LAST, 100, 7)]))
    assert engine.values()["Keeps"] == pytest.approx(0.007)
    with pytest.raises(ContextError):
        _ = kept[0].best_bid


def test_a_vector_is_read_by_name_and_by_attribute() -> None:
    engine = tc.features.FeatureEngine(tc.find_instrument(INST), tc.FeatureSet(["mid", "ofi(window=2)"]))
    engine.update(columns([(1, SET, 1, 0, 100, 7), (1, SET, -1, LAST, 102, 7)]))
    f = engine.values()
    assert (f["mid"], f.mid, len(f), "ofi" in f, "nope" in f) == (f.values[0], f.values[0], 2, True, False)
    assert (f.mask.tolist(), f.is_ready, np.isnan(f["ofi"])) == ([True, False], False, True)
    with pytest.raises(KeyError, match="no feature"):
        f["nope"]
    with pytest.raises(AttributeError, match="no feature"):
        _ = f.nope


def test_the_page_lists_every_feature_as_it_is() -> None:
    page = (ROOT / "docs" / "pages" / "features.md").read_text().splitlines()
    listed = {line.split(" | ")[0].strip("| `"): line for line in page if line.startswith("| `")}
    rows = {row["name"]: row for row in tc._core.feature_definitions()}
    assert list(listed) == list(rows) == tc.features.available()["name"].to_list()
    for name, row in rows.items():
        formula = row["formula"].replace("|", r"\|")
        assert listed[name].endswith(f"| {row['unit']} | {formula} | {row['warm_up']} |")
        for parameter, _, default in row["parameters"]:
            assert f"`{parameter}`" in listed[name] if default is None else f"`{parameter}={default}`" in listed[name]
