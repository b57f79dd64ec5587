"""Every indicator through every door: the doors agree to the last bit, and what is odd has a defined result."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tradecore as tc
from tradecore._core import indicator_specs
from tradecore.errors import InvalidValueError

ti = tc.indicators
SPECS = {spec["name"]: spec for spec in indicator_specs()}
EVERY = pytest.mark.parametrize("name", SPECS)
DAY = 86_400_000_000_000


def function(name: str) -> Any:
    return getattr(ti, name)


def stream(name: str, **params: Any) -> Any:
    return getattr(ti, SPECS[name]["class"])(**params)


def short(name: str) -> dict[str, Any]:
    """Parameters with which the warm-up is over soon: 3, 4, ... for whole numbers."""
    whole = [one["name"] for one in SPECS[name]["params"] if one["type"] == "int"]
    return {param: 3 + place for place, param in enumerate(whole)}


def columns(name: str, close: Any) -> list[Any]:
    """Inputs made of one column."""
    close = np.asarray(close, float)
    with np.errstate(all="ignore"):
        made = {
            "open": close * 1.001,
            "high": close + abs(close) * 0.01,
            "low": close - abs(close) * 0.01,
            "close": close,
            "volume": 10.0 + np.arange(len(close)) % 7,
            "ts": np.arange(len(close)) * (DAY / 5),
            "x": close,
            "y": close[::-1] * 2,
        }
    return [made[one] for one in SPECS[name]["inputs"]]


def arrays(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def bits(values: Any) -> list[bytes]:
    """Bits of each column, all NaN taken for one."""
    return [np.where(np.isnan(one), np.nan, one).tobytes() for one in (np.asarray(v, float) for v in values)]


def row_by_row(one: Any, given: list[Any], cut: int | None = None, how: str = "save") -> list[Any]:
    rows = []
    for at, row in enumerate(zip(*given, strict=True)):
        if at == cut:
            one = type(one).load(one.save()) if how == "save" else pickle.loads(pickle.dumps(one))
        rows.append(one.update(*(float(x) for x in row)))
    width = len(one.outputs)
    return list(np.array(rows, float).reshape(len(rows), width).T) if rows else [np.empty(0)] * width


def walk(n: int = 300, seed: int = 3) -> Any:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(size=n)) * 0.01)


ODD = {
    "random": walk(),
    "constant": np.full(60, 42.5),
    "holes": np.where(np.arange(120) % 29 == 13, np.nan, walk(120)),
    "infinities": np.where(np.arange(120) % 37 == 20, np.inf, walk(120)),
    "extreme": np.where(np.arange(120) % 31 == 5, 1e300, np.where(np.arange(120) % 17 == 3, 1e-300, walk(120))),
    "negative": -walk(80),
    "zero": np.zeros(50),
    "all nan": np.full(30, np.nan),
    "one row": np.array([5.0]),
    "empty": np.empty(0),
}


@EVERY
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("nan", ["restart", "talib"])
def test_a_batch_is_the_stream_in_a_loop(name: str, kind: str, nan: str) -> None:
    given, params = columns(name, ODD[kind]), short(name) | {"nan": nan}
    batch = bits(arrays(function(name)(*given, **params)))
    assert batch == bits(row_by_row(stream(name, **params), given))
    assert batch == bits(row_by_row(stream(name, **params), given, cut=len(given[0]) // 2))
    assert batch == bits(row_by_row(stream(name, **params), given, cut=len(given[0]) // 3, how="pickle"))


NUMBERS = st.one_of(st.floats(width=64), st.floats(1, 200), st.sampled_from([1.0, 2.0, 2.0, 0.0, -1.0, 1e100, np.nan]))


@settings(max_examples=150)
@given(st.sampled_from(sorted(SPECS)), st.data())
def test_doors_agree_over_any_numbers(name: str, data: Any) -> None:
    n = data.draw(st.integers(0, 60))
    given = [data.draw(hnp.arrays(np.float64, n, elements=NUMBERS)) for _ in SPECS[name]["inputs"]]
    params = short(name) | {"nan": data.draw(st.sampled_from(["restart", "talib"]))}
    cut = data.draw(st.integers(0, max(n, 1)))
    with np.errstate(all="ignore"):
        batch = bits(arrays(function(name)(*given, **params)))
        assert batch == bits(row_by_row(stream(name, **params), given, cut))


@EVERY
def test_the_warm_up_is_as_long_as_it_says(name: str) -> None:
    for params in ({}, short(name)):
        one = stream(name, **params)
        given = columns(name, walk(400))
        for column in arrays(function(name)(*given, **params)):
            assert int(np.argmax(~np.isnan(column))) == one.warm_up
        for at, row in enumerate(zip(*given, strict=True)):
            one.update(*row)
            assert one.is_ready == (at >= one.warm_up)


@EVERY
def test_a_hole_does_not_spoil_the_rest(name: str) -> None:
    close = walk(300)
    given = columns(name, close)
    for column in given:
        column[100] = np.nan
    after = [column[101:] for column in given]
    whole = arrays(function(name)(*given, **short(name)))
    assert all(np.isnan(column[100]) for column in whole)
    assert bits(column[101:] for column in whole) == bits(arrays(function(name)(*after, **short(name))))


@EVERY
def test_large_numbers_leave_no_trace(name: str) -> None:
    """What is beyond 1e100 restarts, what is just below does not stay for ever."""
    close = walk(400)
    close[50] = 9e99
    for column in arrays(function(name)(*columns(name, close), **short(name))):
        assert len(column) == 400
    close[50] = 1e101
    whole = arrays(function(name)(*columns(name, close), **short(name)))
    assert all(np.isfinite(column[200:]).any() for column in whole)


@EVERY
def test_odd_arrays(name: str) -> None:
    given, params = columns(name, walk(90)), short(name)
    want = bits(arrays(function(name)(*given, **params)))
    strided = [np.repeat(column, 2)[::2] for column in given]
    for column in strided:
        column.flags.writeable = False
    assert bits(arrays(function(name)(*strided, **params))) == want
    assert bits(arrays(function(name)(*(column.tolist() for column in given), **params))) == want
    whole = arrays(function(name)(*(np.arange(1, 40, dtype=np.int32) for _ in given), **params))
    assert all(len(column) == 39 for column in whole)
    for wrong in (np.zeros((3, 3)), np.array(["a", "b"]), np.zeros(3, complex), "abc", 5.0, None):
        with pytest.raises(InvalidValueError):
            function(name)(*[wrong] * len(given), **params)
    if len(given) > 1:
        with pytest.raises(InvalidValueError, match="rows where"):
            function(name)(given[0], *(column[:-1] for column in given[1:]), **params)
        with pytest.raises(TypeError, match="missing"):
            function(name)(given[0], **params)
    with pytest.raises(TypeError):
        stream(name).update(*[1.0] * (len(given) + 1))
    one = stream(name)
    state = one.save()
    for place, column in enumerate(SPECS[name]["inputs"]):
        for wrong in ("a", [1.0], 10**400):
            row = [1.0] * len(given)
            row[place] = wrong
            with pytest.raises(InvalidValueError, match=f"^{column}: expected a number, got "):
                one.update(*row)
    assert one.save() == state


@EVERY
def test_a_window_longer_than_the_data_gives_nothing(name: str) -> None:
    whole = [one["name"] for one in SPECS[name]["params"] if one["type"] == "int"]
    params = {param: 1000 + place for place, param in enumerate(whole)}
    one = stream(name, **params)
    done = arrays(function(name)(*columns(name, walk(20)), **params))
    assert all(np.isnan(column).all() == (one.warm_up >= 20) for column in done)


@EVERY
def test_bad_parameters_are_named(name: str) -> None:
    for one in SPECS[name]["params"]:
        param, kind = one["name"], one["type"]
        wrong = [None, True, "nope", float("nan"), -1, 10**30, [1], float("inf")]
        for value in (*wrong, *([0, 2.5] if kind == "int" else [])):
            if kind == "int" and value == 0 and one["bounds"][0] == 0:
                continue
            with pytest.raises(InvalidValueError, match=param):
                stream(name, **{param: value})
            with pytest.raises(InvalidValueError, match=param):
                function(name)(*columns(name, walk(5)), **{param: value})
    with pytest.raises(InvalidValueError, match="nan"):
        stream(name, nan="skip")
    with pytest.raises(TypeError, match="no parameter"):
        stream(name, perid=5)


@EVERY
def test_a_stream_is_a_value(name: str) -> None:
    one, given = stream(name, **short(name)), columns(name, walk(60))
    fresh = one.copy()
    row_by_row(one, given)
    again = copy.deepcopy(one)
    assert again == one
    assert one != fresh
    assert bits(np.atleast_1d(again.value)) == bits(np.atleast_1d(one.value))
    assert eval(repr(one), vars(ti)).params == one.params
    one.reset()
    assert one == fresh
    assert not one.is_ready
    assert np.isnan(np.atleast_1d(one.value)).all()
    assert type(one.value).__name__ == ("float" if len(one.outputs) == 1 else f"{type(one).__name__}Values")


@EVERY
def test_bytes_that_are_no_state_are_refused(name: str) -> None:
    one = stream(name, **short(name))
    row_by_row(one, columns(name, walk(40)))
    state = one.save()
    cls = type(one)
    for wrong in (b"", state[:-1], state + b"\0", b"\xff" + state[1:], b"\x01\x00\x04nope"):
        with pytest.raises(InvalidValueError, match="state"):
            cls.load(wrong)
    random = np.random.default_rng(1)
    for _ in range(60):
        broken = bytearray(state)
        broken[random.integers(len(broken))] = random.integers(256)
        try:
            other = cls.load(bytes(broken))
        except InvalidValueError:
            continue
        row_by_row(other, columns(name, walk(40)))
    other = "rsi" if name != "rsi" else "sma"
    with pytest.raises(InvalidValueError, match=f"not of {other}"):
        type(stream(other)).load(state)


@EVERY
def test_series_and_frames_come_out_as_what_they_were(name: str) -> None:
    spec, params = SPECS[name], short(name)
    given = columns(name, walk(50))
    want = bits(arrays(function(name)(*given, **params)))
    index = pd.RangeIndex(7, 57)
    made = dict(zip(spec["inputs"], given, strict=True))
    for frame, kind in (
        (pl.DataFrame(made), pl.Series),
        (pd.DataFrame(made, index=index), pd.Series),
        (made, np.ndarray),
    ):
        for result in (
            function(name)(frame, **params),
            function(name)(*(frame[column] for column in spec["inputs"]), **params),
        ):
            assert all(isinstance(column, kind) for column in arrays(result))
            assert bits(column.to_numpy() if kind is not np.ndarray else column for column in arrays(result)) == want
            if kind is pd.Series:
                assert all(column.index.equals(index) for column in arrays(result))
    with pytest.raises(InvalidValueError, match="no such column"):
        function(name)(pl.DataFrame({"other": [1.0]}), **params)


@EVERY
def test_a_panel_is_each_series_by_itself(name: str) -> None:
    params = short(name)
    each = [columns(name, walk(80, seed)) for seed in range(9)]
    stacked = [np.stack(column) for column in zip(*each, strict=True)]
    stacked[0][4, 30] = each[4][0][30] = np.nan
    done = arrays(ti.panel(name, *stacked, **params))
    for symbol, series in enumerate(each):
        assert bits(column[symbol] for column in done) == bits(arrays(function(name)(*series, **params)))
    assert all(column.shape == (0, 5) for column in arrays(ti.panel(name, *[np.empty((0, 5))] * len(stacked))))
    with pytest.raises(InvalidValueError, match="dimensions"):
        ti.panel(name, *[np.zeros(4)] * len(stacked))


def test_a_bank_says_what_its_indicators_say() -> None:
    named = {name: stream(name, **short(name)) for name in SPECS if "x" not in SPECS[name]["inputs"]}
    bank, made = ti.Bank(**named), dict(zip(["close"], [walk(700)], strict=True))
    close = made["close"]
    bars = {
        "open": close * 1.001, "high": close * 1.01, "low": close * 0.99, "close": close,
        "volume": 10.0 + np.arange(700) % 7, "ts": np.arange(700) * (DAY / 5),
    }  # fmt: skip
    bars["close"] = np.where(np.arange(700) == 333, np.nan, close)
    together = bank.copy().compute(bars)
    rows = np.array([bank.update(*row) for row in zip(*bars.values(), strict=True)]).T
    assert bits(rows) == bits(together.values())
    at = 0
    for name in named:
        given = [bars[one] for one in SPECS[name]["inputs"]]
        done = bits(arrays(function(name)(*given, **short(name))))
        assert bits(rows[at : at + len(done)]) == done
        at += len(done)
    again = pickle.loads(pickle.dumps(bank))
    last = [1.0, 2.0, 0.5, 1.5, 3.0, 1e18]
    assert bits([again.update(*last)]) == bits([bank.update(*last)])
    assert type(ti.Bank(a=ti.RSI(2)).compute(pl.DataFrame(bars))) is pl.DataFrame


def test_a_bank_leaves_values_alone_that_somebody_holds() -> None:
    close = walk(60).tolist()
    expected = ti.sma(np.array(close), 3)
    bank = ti.Bank(mean=ti.SMA(3))
    for at, price in enumerate(close):
        values = bank.update(*[price] * 5)
        assert bits([values]) == bits([expected[at : at + 1]])
        # Whatever becomes of them then, the next ones are as ever.
        if at % 4 == 1:
            values.flags.writeable = False
        elif at % 4 == 2:
            values.shape = (1, 1)
    bank.reset()
    kept = [bank.update(*[price] * 5)[:] for price in close]
    assert bits([np.concatenate(kept)]) == bits([expected])


def test_a_bank_refuses_what_it_cannot_feed() -> None:
    bank = ti.Bank(rsi=ti.RSI(3))
    for place, column in enumerate(("open", "high", "low", "close", "volume", "ts")):
        row: list[Any] = [1.0] * 6
        row[place] = "a"
        with pytest.raises(InvalidValueError, match=f"^{column}: expected a number, got 'a'"):
            bank.update(*row)
    with pytest.raises(InvalidValueError, match="does not read bars"):
        ti.Bank(beta=ti.BETA())
    with pytest.raises(InvalidValueError, match="expected an indicator"):
        ti.Bank(beta=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="no such column"):
        ti.Bank(atr=ti.ATR()).compute({"high": [1.0]})
    with pytest.raises(InvalidValueError, match="rows where"):
        ti.Bank(atr=ti.ATR()).compute({"high": [1.0], "low": [1.0, 2.0], "close": [1.0]})


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(InvalidValueError, match="did you mean rsi"):
        ti.panel("rsl", np.zeros((1, 1)))
    with pytest.raises(InvalidValueError, match="more than fast"):
        ti.MACD(26, 12)
    with pytest.raises(TypeError, match="takes 1 parameters"):
        ti.RSI(1, 2)  # type: ignore[call-arg]


def test_threads_take_turns_with_a_bank() -> None:
    """Columns are worked off without the GIL: whoever comes meanwhile waits, and no row is lost or taken twice."""
    closes = walk(300_000)
    bank = ti.Bank(ad=ti.AD(), ema=ti.EMA(50))
    one = {"high": closes + 2.0, "low": closes, "close": closes + 2.0, "volume": np.ones(len(closes))}
    updates = 2_000

    def update() -> None:
        for _ in range(updates):
            bank.update(1.0, 3.0, 1.0, 3.0, 1.0)

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(bank.compute, one) for _ in range(4)] + [pool.submit(update) for _ in range(4)]
        for each in work:
            each.result()
    # Every row added its volume, 1.
    assert bank.update(1.0, 3.0, 1.0, 3.0, 1.0)[0] == 4 * len(closes) + 4 * updates + 1


def test_large_columns_are_left_alone_while_somebody_holds_any_of_them() -> None:
    """What they lie in is used again by the next call of the same size, once all of it was let go."""
    first, second = walk(1_200_000), walk(1_200_000)[::-1].copy()
    bank = ti.Bank(bands=ti.BBANDS(20), macd=ti.MACD())  # 6 columns, 58 MB

    def compute(closes: Any) -> dict[str, Any]:
        return bank.copy().compute({"close": closes})

    expected = {name: column.copy() for name, column in compute(first).items()}
    kept = compute(first)["macd.signal"]
    part = compute(first)["bands.lower"][1_000:]
    shown = memoryview(compute(first)["bands.upper"])
    for _ in range(3):
        whole = compute(second)
        assert bits([whole["macd.hist"]]) != bits([expected["macd.hist"]])
    assert bits([kept, part, np.asarray(shown)]) == bits(
        [expected["macd.signal"], expected["bands.lower"][1_000:], expected["bands.upper"]]
    )
    del kept, part, shown, whole
    assert bits(compute(first).values()) == bits(expected.values())
    panel = np.stack([first, second, first, second])
    stacked, turned = (ti.panel("sma", each, period=5) for each in (panel, panel[::-1].copy()))
    assert bits(stacked) == bits(turned[::-1])
