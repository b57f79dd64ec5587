from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial, partialmethod, wraps
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field

import tradecore as tc
from tradecore.errors import HookError, InvalidValueError
from tradecore.strategy.hooks import HOOKS


class Typed(tc.Strategy):
    half_spread: int = 2
    size: Decimal = Decimal("0.01")
    pause: tc.Duration = "1us"
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


class Plain(tc.Strategy):
    lots: int = 2
    ratio: float = 0.5
    label: str = "a"
    eager: bool = False
    size: Decimal = Decimal("0.01")
    pause: tc.Duration = "1us"


def test_plain_values_of_plain_parameters_are_what_the_model_makes_of_them() -> None:
    from tradecore.strategy import parameters

    given: dict[str, list[object]] = {
        "lots": [0, -(2**70), True, 3.0, "3", 3.5],
        "ratio": [1.5, float("inf"), 2, "0.1", None],
        "label": ["", "b", 5],
        "eager": [True, 1, "yes", "maybe"],
        "size": [Decimal("1E+3"), Decimal("NaN"), Decimal("-Infinity"), 2, "0.5", "x"],
        "pause": [0, timedelta(seconds=1), "100ms", "1s", -1, 10**9, 2**70, True, 1.5, timedelta(-1)],
    }

    def made(check: Callable[[], dict[str, object]]) -> object:
        try:
            return {name: (type(value), str(value)) for name, value in check().items()}
        except InvalidValueError as error:
            return str(error)

    def by_model(values: dict[str, object]) -> dict[str, object]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parameters, "_is_plain", lambda hint, value: False)
            return parameters.check_parameters(Plain, values)

    for name, values in given.items():
        for value in values:
            shown = made(lambda: parameters.check_parameters(Plain, {name: value}))  # noqa: B023
            assert shown == made(lambda: by_model({name: value})), (name, value)  # noqa: B023
    assert made(lambda: by_model({})) == made(lambda: parameters.check_parameters(Plain, {}))


@pytest.mark.parametrize(
    ("parameters", "field", "text"),
    [
        ({"half_spred": 3}, "half_spred", "unknown"),
        ({"half_spread": "wide"}, "half_spread", "got 'wide'"),
        ({"pause": "100 parsecs"}, "pause", "length of time"),
        ({"pause": True}, "pause", "expected a text such as"),
        ({"mode": "c"}, "mode", "'a' or 'b'"),
        ({"ratio": 1.5}, "ratio", "less than 1"),
    ],
)
def test_a_bad_parameter_is_named(parameters: dict[str, object], field: str, text: str) -> None:
    with pytest.raises(InvalidValueError, match=text) as caught:
        Typed("t", ["A.B"], **parameters)
    assert caught.value.field == field


@pytest.mark.parametrize("interval", ["0ns", "1ns", "999ns"])
@pytest.mark.parametrize("maker", [tc.TouchMaker, tc.AvellanedaStoikov])
def test_a_maker_is_not_called_more_than_a_million_times_a_second(maker: Any, interval: str) -> None:
    with pytest.raises(InvalidValueError, match=f"interval: {interval} is less than 1us"):
        maker("m", ["A.B"], quote_qty=1, max_position=1, interval=interval)


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


def build(**members: Any) -> tc.Strategy:
    return type("Own", (tc.Strategy,), members)("s", ["A.B"])


def refusal(**members: Any) -> HookError:
    with pytest.raises(HookError) as caught:
        build(**members)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_table_of_hooks_is_what_a_strategy_has() -> None:
    methods = {name: method for name, method in vars(tc.Strategy).items() if name.startswith("on_")}
    assert {name: tuple(inspect.signature(method).parameters)[1:] for name, method in methods.items()} == HOOKS
    assert all(inspect.getdoc(method) for method in methods.values())


@pytest.mark.parametrize("hook", HOOKS)
def test_a_misspelt_hook_is_named_with_the_one_that_was_meant(hook: str) -> None:
    error = refusal(**{f"{hook}x": lambda self, *arguments: None})
    assert (error.strategy, error.hook, error.field) == ("Own", f"{hook}x", f"{hook}x")
    listed = ", ".join(HOOKS)
    assert str(error) == f"Own.{hook}x: is not a hook; did you mean {hook}? Only hooks may begin with on_: {listed}"


def test_nothing_else_may_be_called_like_a_hook() -> None:
    assert refusal(on_zzz=1).problem.startswith("is not a hook. Only hooks may begin with on_: on_start,")
    assert refusal(__annotations__={"on_gap_close": bool}).hook == "on_gap_close"

    class Mixin:
        def on_fills(self) -> None: ...

    class Mixed(Mixin, tc.Strategy): ...

    with pytest.raises(HookError, match=r"Mixed\.on_fills: .* did you mean on_fill\?"):
        Mixed("m", ["A.B"])
    build(_on_anything=1, once=2, onward=3)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_takes_what_it_is_called_with(hook: str) -> None:
    arguments = ", ".join(HOOKS[hook])
    expected = f"is called with ({arguments}): expected {hook}(self, {arguments})"
    for wrong in ("", "self", f"self, {arguments}, more", f"self, {arguments}, *, more", f"{arguments}, *, self"):
        error = refusal(**{hook: eval(f"lambda {wrong}: None")})
        assert error.problem == f"takes ({wrong}) and {expected}"
    for right in (f"self, {arguments}", "*all", f"self, {arguments}, more=1", "self, *rest", f"self, {arguments}, **k"):
        assert list(build(**{hook: eval(f"lambda {right}: None")})._overridden()) == [hook]


def test_a_hook_is_judged_as_it_is_bound() -> None:
    def plain(ctx: Any, trade: Any) -> None: ...

    def method(self: Any, ctx: Any, trade: Any) -> None: ...

    def more(self: Any, what: str, ctx: Any, trade: Any) -> None: ...

    class Callback:
        def __call__(self, ctx: Any, trade: Any) -> None: ...

    for right in (staticmethod(plain), classmethod(method), partialmethod(more, "x"), Callback(), print):
        assert "on_trade" in build(on_trade=right)._overridden()
    for wrong, takes in (
        (staticmethod(method), "(self, ctx, trade)"),
        (classmethod(plain), "(ctx, trade)"),
        (partialmethod(method, "x"), "(trade)"),
        (type("Silent", (), {"__call__": lambda self: None})(), "()"),
    ):
        problem = refusal(on_trade=wrong).problem
        assert problem == f"takes {takes} and is called with (ctx, trade): expected on_trade(self, ctx, trade)"
    assert refusal(on_trade=5).problem == "expected a method, got int"
    assert refusal(on_trade=property(method)).problem == "expected a method, got property"


def test_a_decorator_decides_what_its_hook_takes() -> None:
    def logged(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def wrapper(self: tc.Strategy, *arguments: object) -> None:
            function(self, *arguments, "more")

        return wrapper

    build(on_fill=logged(lambda self, ctx, fill, extra: None))


def test_a_hook_that_would_never_run_is_refused() -> None:
    async def coroutine(self: Any, ctx: Any) -> None: ...

    async def async_generator(self: Any, ctx: Any) -> Any:
        yield

    def generator(self: Any, ctx: Any) -> Any:
        yield

    class Awaits:
        async def __call__(self, ctx: Any) -> None: ...

    for hook in (coroutine, Awaits(), staticmethod(partial(coroutine, None))):
        assert refusal(on_start=hook).problem == "an async def is never awaited: expected a plain function"
    for hook in (generator, async_generator, classmethod(generator)):
        assert refusal(on_stop=hook).problem == "a generator is never run: expected a function without yield"


def test_a_hook_on_the_object_is_refused_by_whoever_runs_it() -> None:
    strategy = build()
    strategy.on_fill = lambda ctx, fill: None  # type: ignore[method-assign]
    with pytest.raises(HookError, match="on_fill: is set on the object, but hooks are methods of the class"):
        strategy._overridden()


def test_a_class_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = build()
    monkeypatch.setattr("inspect.signature", lambda *_, **__: pytest.fail("looked again"))
    type(strategy)("t", ["A.B"])


def test_a_compiled_strategy_takes_no_hooks() -> None:
    class Extended(tc.TouchMaker):
        def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None: ...

    with pytest.raises(HookError, match=r"Extended\.on_fill: never runs"):
        Extended("e", ["A.B"], quote_qty=1, max_position=1)


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
    from tradecore.validation import Nanoseconds

    given = ("1s", "5m", "250us", "0.5ms", timedelta(milliseconds=1.5), timedelta(days=2), Nanoseconds(7), 0)
    ns = [10**9, 300 * 10**9, 250_000, 500_000, 1_500_000, 2 * 86_400 * 10**9, 7, 0]
    assert [parse_duration(t) for t in given] == ns
    assert format_duration_ns(90 * 10**9) == "90s"
    for bad in ("", "5", "s", "-1s", -1, 1.5, None, timedelta(-1), timedelta.max, Nanoseconds(-1), True):
        with pytest.raises(InvalidValueError):
            parse_duration(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "meant"),
    [
        (5, '"5s", "5ms" or "5ns"'),
        (100_000_000, '"100ms" or "100s"'),
        (0.25, '"0.25s" or "0.25ms"'),
        ("250", '"250s", "250ms" or "250ns"'),
        (np.int64(7), '"7s", "7ms" or "7ns"'),
    ],
)
def test_a_number_without_a_unit_is_refused_with_what_it_could_mean(number: Any, meant: str) -> None:
    with pytest.raises(InvalidValueError, match=re.escape(f"did you mean {meant}?")) as caught:
        tc.Latency(entry=number)
    assert caught.value.field == "entry"
    with pytest.raises(InvalidValueError, match=re.escape(meant)):
        tc.TouchMaker("m", ["A.B"], quote_qty=1, max_position=1, interval=number)
