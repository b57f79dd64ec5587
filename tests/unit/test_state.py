"""What strategies remember over a restart."""

from __future__ import annotations

import math
import warnings
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tradecore as tc
from tradecore.errors import InvalidValueError
from tradecore.strategy.state import decode, encode

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
)
keys = st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text())
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
    ),
    max_leaves=12,
)


def types(value: Any) -> Any:
    """A value with the types of all its parts, signs of zeros and the order of a dict's keys."""
    if isinstance(value, float):
        return float, math.copysign(1, value), value
    if isinstance(value, Decimal):
        return Decimal, str(value)
    if isinstance(value, dict):
        return dict, [(types(key), types(item)) for key, item in value.items()]
    if isinstance(value, set):
        return set, sorted(repr(types(item)) for item in value)
    if isinstance(value, list | tuple):
        return type(value), [types(item) for item in value]
    return type(value), value


@given(plain)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    data = encode(value)
    assert types(decode(data)) == types(value)
    assert encode(decode(data)) == data


def test_what_json_has_no_room_for() -> None:
    assert math.isnan(decode(encode(math.nan)))
    assert decode(encode([math.inf, -math.inf, 2**200, -(2**63) - 1])) == [math.inf, -math.inf, 2**200, -(2**63) - 1]
    assert str(decode(encode(Decimal("sNaN")))) == "sNaN"
    assert encode({"b", "a", "c"}) == encode({"c", "b", "a"}), "a set has no order"


@pytest.mark.parametrize("value", [object(), tc.Side.BUY, [{"deep": {1: object}}], frozenset(), "\ud800", 1j])
def test_what_is_not_plain_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"^state: "):
        encode(value)


def test_what_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append({"again": (value,)})
    with pytest.raises(InvalidValueError, match="holds itself"):
        encode(value)


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"int":5}', b'{"no":1}', b"{}", b'{"set":[[]]}', b'{"decimal":"x"}', b'{"dict":[1]}']
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidValueError, match=r"^state: "):
        decode(data)


class Remembers(tc.Strategy):
    """Has attributes of all sorts."""

    spread: int = 2

    def __init__(self, *arguments: Any, **parameters: Any) -> None:
        super().__init__(*arguments, **parameters)
        self.seen: list[float] = []
        self._by_name = {"a": (1, Decimal("0.10"))}

    def requote(self, ctx: tc.Context) -> None:
        """Do nothing."""

    def __hidden(self, ctx: tc.Context) -> None:
        """Do nothing."""

    def hidden(self) -> Any:
        return self.__hidden


def test_parameters_and_plain_attributes_are_saved() -> None:
    strategy = Remembers("r", ["A.B"], spread=5)
    strategy.seen += [0.1, math.inf]
    other = Remembers("r", ["A.B"])
    assert other._load_state(strategy._save_state([])) == []
    assert vars(other) == vars(strategy)
    assert other._save_state([]) == strategy._save_state([])


def test_timers_find_their_methods_again() -> None:
    strategy, other = Remembers("r", ["A.B"]), Remembers("r", ["A.B"])
    timers = [(3, strategy.requote, True), (7, strategy.hidden(), False)]
    assert other._load_state(strategy._save_state(timers)) == [(3, other.requote, True), (7, other.hidden(), False)]
    for callback in (lambda ctx: None, other.requote, print, Remembers.requote):
        with pytest.raises(InvalidValueError, match=r"^callback: a timer calls .* use a method of the strategy"):
            strategy._save_state([(1, callback, False)])


def test_a_method_that_is_gone_is_named() -> None:
    class Shorter(tc.Strategy):
        pass

    saved = Remembers("r", ["A.B"])._save_state([])
    assert Shorter("r", ["A.B"])._load_state(saved) == []
    strategy = Remembers("r", ["A.B"])
    saved = strategy._save_state([(1, strategy.requote, False)])
    with pytest.raises(InvalidValueError, match=r"^requote: a timer calls it, and Shorter has no such method"):
        Shorter("r", ["A.B"])._load_state(saved)
    for other in (encode(None), encode((1, 2)), encode(({}, [1]))):
        with pytest.raises(InvalidValueError, match=r"^state: is not one of a strategy"):
            strategy._load_state(other)


def test_what_is_left_out_is_named_once() -> None:
    class Holds(tc.Strategy):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.kept, self.book, self.side = 1, object(), tc.Side.BUY

    with pytest.warns(RuntimeWarning, match=r"Holds\('h', .* does not save book \(object\), side \(Side\)"):
        assert Holds("h", ["A.B"]).save() == {"kept": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Holds("h", ["A.B"]).save() == {"kept": 1}


def test_a_strategy_may_choose_what_it_saves() -> None:
    class Chooses(tc.Strategy):
        side = tc.Side.BUY

        def save(self) -> object:
            return int(self.side)

        def load(self, state: Any) -> None:
            self.side = tc.Side(state)

    strategy, other = Chooses("c", ["A.B"]), Chooses("c", ["A.B"])
    strategy.side = tc.Side.SELL
    other._load_state(strategy._save_state([]))
    assert other.side is tc.Side.SELL

    class Wrong(tc.Strategy):
        def save(self) -> object:
            return tc.Side.BUY

    with pytest.raises(InvalidValueError, match=r"^state: Side is not plain data"):
        Wrong("w", ["A.B"])._save_state([])
