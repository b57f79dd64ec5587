from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

import tradecore as tc
from tradecore.errors import InvalidValueError


class Typed(tc.Strategy):
    half_spread: int = 2
    size: Decimal = Decimal("0.01")
    pause: tc.Duration = 1_000
    mode: Literal["a", "b"] = "a"
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5
    table: ClassVar[dict[str, int]] = {}

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None: ...


def test_parameters_are_typed_validated_and_listed() -> None:
    strategy = Typed("t", ["A.B"], half_spread="3", size="0.5", pause="100ms")
    assert (strategy.half_spread, strategy.size, strategy.pause, strategy.ratio) == (3, Decimal("0.5"), 10**8, 0.5)
    assert list(Typed.parameters()) == ["half_spread", "size", "pause", "mode", "ratio"]
    assert Typed.parameters()["half_spread"] == (int, 2)
    assert Typed("u", ["A.B"]).pause == 1_000
    assert repr(strategy) == "Typed('t', ['A.B'])"


@pytest.mark.parametrize(
    ("parameters", "field", "text"),
    [
        ({"half_spred": 3}, "half_spred", "unknown"),
        ({"half_spread": "wide"}, "half_spread", "got 'wide'"),
        ({"pause": "100 parsecs"}, "pause", "length of time"),
        ({"pause": True}, "pause", "expected nanoseconds or a text"),
        ({"mode": "c"}, "mode", "'a' or 'b'"),
        ({"ratio": 1.5}, "ratio", "less than 1"),
    ],
)
def test_a_bad_parameter_is_named(parameters: dict[str, object], field: str, text: str) -> None:
    with pytest.raises(InvalidValueError, match=text) as caught:
        Typed("t", ["A.B"], **parameters)
    assert caught.value.field == field


def test_a_bad_default_is_named_when_the_strategy_is_built() -> None:
    class Bad(tc.Strategy):
        width: int = "wide"  # type: ignore[assignment]
        pause: tc.Duration = "100ms"  # type: ignore[assignment]

    with pytest.raises(InvalidValueError, match=r"width: .*got 'wide'"):
        Bad("b", ["A.B"])
    assert Bad("b", ["A.B"], width=1).pause == 10**8  # type: ignore[comparison-overlap]


def test_an_unknown_parameter_comes_before_a_missing_one() -> None:
    with pytest.raises(InvalidValueError, match="quote_kty: unknown key; did you mean quote_qty"):
        tc.TouchMaker("m", ["A.B"], quote_kty=1, max_position=1)


def test_only_overridden_hooks_are_bound() -> None:
    assert list(Typed("t", ["A.B"])._overridden()) == ["on_fill"]


@pytest.mark.parametrize(("name", "instruments"), [("", ["A.B"]), ("x", "A.B"), ("x", [1])])
def test_name_and_instruments_are_checked(name: str, instruments: list[str]) -> None:
    with pytest.raises(InvalidValueError):
        tc.Strategy(name, instruments)


def test_the_shipped_maker_refuses_contradictions() -> None:
    good = {"quote_qty": "1", "max_position": "5"}
    tc.AvellanedaStoikov("a", ["A.B"], **good)
    for wrong, field in [
        ({"max_position": "0.5"}, "max_position"),
        ({"sigma_min": 2, "sigma_max": 1}, "sigma_min"),
        ({"arrival_rate": 1}, "arrival_rate"),
        ({"gamma": 0}, "gamma"),
        ({"gamma": float("nan")}, "gamma"),
        ({"interval": 0}, "interval"),
        ({"model": "magic"}, "model"),
    ]:
        with pytest.raises(InvalidValueError) as caught:
            tc.AvellanedaStoikov("a", ["A.B"], **{**good, **wrong})
        assert caught.value.field == field
    with pytest.raises(InvalidValueError, match="quote_qty: missing"):
        tc.AvellanedaStoikov("a", ["A.B"], max_position=1)


def test_durations() -> None:
    from tradecore._core import format_duration_ns, parse_duration

    assert [parse_duration(t) for t in ("1s", "5m", "250us", "0.5ms", 7)] == [10**9, 300 * 10**9, 250_000, 500_000, 7]
    assert format_duration_ns(90 * 10**9) == "90s"
    for bad in ("", "5", "s", "-1s", -1, 1.5, None):
        with pytest.raises(InvalidValueError):
            parse_duration(bad)  # type: ignore[arg-type]
