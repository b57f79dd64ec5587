"""What help() shows: every public name says what it is, stub and module say the same, and examples run."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tradecore as tc
import tradecore.strategy
from conftest import CLEAR, LAST, QUOTE, ROOT, SET, TRADE, columns
from tradecore import _core
from tradecore.data.catalog import Columns
from tradecore.strategy import Strategy
from tradecore.strategy.hooks import HOOKS

STUB = ROOT / "python" / "tradecore" / "_core.pyi"
INST = "BTCUSDT.SYNTH"
SECOND = 1_000_000_000

MODULES = (tc, _core, tc.errors, tc.ml, tradecore.strategy)
"""Where public names are listed."""

KINDS_OF_MEMBERS = (
    property,
    classmethod,
    staticmethod,
    type(tc.Order.price),  # a property of a compiled class
    type(tc.Context.buy),  # a method of a compiled class
    type(lambda: None),
)


def stub_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stub_docs", ROOT / "tools" / "stub_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public() -> Iterator[tuple[str, Any]]:
    """Every public class, with its public members, and function, each once, under its name."""
    seen: set[int] = set()
    for module in MODULES:
        for name in module.__all__:
            member = getattr(module, name)
            if not (inspect.isclass(member) or inspect.isroutine(member)) or id(member) in seen:
                continue
            seen.add(id(member))
            yield name, member
            if inspect.isclass(member):
                for key, value in vars(member).items():
                    if not key.startswith("_") and isinstance(value, KINDS_OF_MEMBERS):
                        yield f"{name}.{key}", getattr(member, key)


PUBLIC = dict(public())
EXAMPLES = [name for name, member in PUBLIC.items() if ">>>" in (member.__doc__ or "")]


def test_stub_and_module_say_the_same() -> None:
    done = subprocess.run([sys.executable, "tools/stub_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0), "write the stub anew: make stub"


def test_the_stub_is_written_from_the_module() -> None:
    stub = STUB.read_text()
    altered = stub.replace('"""Price, in quote currency."""', '"""Prize."""')
    altered = re.sub(
        r'(def best_bid\(self\) -> float \| None:)\n\s+""".*?"""', r"\1 ...", altered, count=1, flags=re.DOTALL
    )
    assert altered.count("\n") < stub.count("\n")
    assert "Prize" in altered
    assert stub_docs().with_docstrings(altered, _core) == stub


def test_everything_public_has_a_docstring() -> None:
    assert len(PUBLIC) > 300
    assert [name for name, member in PUBLIC.items() if not (member.__doc__ or "").strip()] == []


UNITS = re.compile(
    r"\bns\b|quote currency|settlement currency|base units|increments|basis points|fraction|Our (id|number)|Number of"
    r"|[Ii]ndex of|How many|the venue's id|quote units|Bytes",
    re.IGNORECASE,
)


def test_numbers_say_their_unit() -> None:
    numbers = []
    for cls in (node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.ClassDef)):
        for node in cls.body:
            if (
                isinstance(node, ast.FunctionDef)
                and any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)
                and node.returns is not None
                and {"int", "float", "Decimal"} & {n.id for n in ast.walk(node.returns) if isinstance(n, ast.Name)}
            ):
                numbers.append((f"{cls.name}.{node.name}", ast.get_docstring(node) or ""))
    assert len(numbers) > 80
    assert [name for name, doc in numbers if not UNITS.search(doc)] == []


def test_help_shows_signatures_with_their_defaults() -> None:
    shown = {name: str(inspect.signature(getattr(tc.Context, name))) for name in ("buy", "quote", "at", "cancel_all")}
    terms = (
        "type=None, trigger_price=None, trigger=None, trailing_offset=None, time_in_force=None, expires_at=None, "
        "post_only=False, reduce_only=False, display_qty=None, client_id=None, emulate=False"
    )
    assert shown["buy"] == f"(self, /, instrument, qty, price=None, *, {terms})"
    assert shown["quote"].endswith("bid=None, ask=None, qty=None, bid_qty=None, ask_qty=None, post_only=True)")
    assert shown["cancel_all"] == "(self, /, instrument=None)"
    assert str(inspect.signature(tc.L2Book.depth)) == "(self, /, n=10)"
    assert str(inspect.signature(tc.RealizedVolatility)) == "(window, half_life_s=None)"
    for name, member in PUBLIC.items():
        if inspect.isroutine(member):
            assert inspect.signature(member).parameters is not None, name


def test_the_hooks_are_listed_with_when_they_run() -> None:
    module, cls = inspect.getdoc(tradecore.strategy) or "", inspect.getdoc(Strategy) or ""
    for hook, arguments in HOOKS.items():
        row = re.search(rf"^``{hook}\(ctx.*\)`` +(\w+)", module, re.MULTILINE)
        assert row, hook
        assert row[1] in ("once", "after", "each")
        assert f":meth:`{hook}`" in cls, hook
        doc = inspect.getdoc(getattr(Strategy, hook)) or ""
        for argument in arguments[1:]:
            assert re.search(rf"^{argument} : \w+", doc, re.MULTILINE), (hook, argument)


@pytest.mark.parametrize("name", [
    "Context.buy", "Context.sell", "Context.submit", "Context.quote", "Context.every", "Context.at", "Context.subscribe",
    "Context.replace", "Context.cancel", "BookView.walk", "BookView.depth", "BookView.imbalance",
])  # fmt: skip
def test_what_is_not_obvious_has_an_example(name: str) -> None:
    assert name in EXAMPLES


def test_every_class_of_a_strategy_has_an_example() -> None:
    handed_out = [c for n in tradecore.strategy.__all__ if inspect.isclass(c := getattr(tradecore.strategy, n))]
    made = [tc.Instrument, tc.L2Book, tc.FeedDecoder, tc.QueueSimulator, tc.PositionLedger, tc.RealizedVolatility]
    for cls in (*handed_out, *made, tc.IntensityEstimator):
        assert cls.__name__ in EXAMPLES, cls


def test_every_public_class_and_function_has_an_example() -> None:
    for name in tc.__all__:
        member = getattr(tc, name)
        if inspect.isclass(member) and issubclass(member, (Enum, Exception)):
            continue
        if inspect.isclass(member) or inspect.isroutine(member):
            doc = inspect.getdoc(member) or ""
            assert ">>> " in doc or "::\n\n" in doc, name


def market() -> Columns:
    """A market that is spoken of in examples: two levels a side, then one message of each kind."""
    fine = 10**9
    rows = [
        (SECOND, CLEAR, 0, 0, 0, 0),
        (SECOND, SET, 1, 0, 600_000, 2_000),
        (SECOND, SET, 1, 0, 599_999, 3_000),
        (SECOND, SET, -1, 0, 600_001, 1_000),
        (SECOND, SET, -1, LAST, 600_002, 4_000),
    ]
    kinds = tc.EventKind
    for at in (2 * SECOND, 4 * SECOND):
        rows += [
            (at, TRADE, 1, LAST, 600_001, 500),
            (at, QUOTE, 1, 0, 600_000, 2_000),
            (at, QUOTE, -1, LAST, 600_001, 1_000),
            (at, int(kinds.MARK), 0, LAST, 60_000 * fine, 0),
            (at, int(kinds.INDEX), 0, LAST, 60_010 * fine, 0),
            (at, int(kinds.FUNDING), 0, LAST, fine // 10_000, 0),
            (at, int(kinds.OPEN_INTEREST), 0, LAST, 0, 7_000),
            (at, int(kinds.LIQUIDATION), -1, LAST, 599_000, 1_500),
            (at, SET, 1, LAST, 599_998, 1_000),
        ]
    return columns(rows)


def run(strategy: Strategy) -> tc.Result:
    return tc.Backtest([strategy], {INST: market()}, on_error="stop_run").run()


class Reader(Strategy):
    """Runs an example inside a hook."""

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("1500ms", self.read)
        self.names: dict[str, Any] | None = None

    def read(self, ctx: tc.Context) -> None:
        if self.names is None:
            self.names = {"tc": tc, "ctx": ctx, "book": ctx.book(INST), "Decimal": Decimal}
            self.names.update({name: getattr(tradecore.strategy, name) for name in tradecore.strategy.__all__})
            run_example(self.name, self.names)


def run_example(name: str, names: dict[str, Any]) -> None:
    told: list[str] = []
    documented = PUBLIC.get(name, tradecore.strategy)
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(documented) or "", names, name, None, 0)
    assert test.examples
    doctest.DocTestRunner().run(test, out=told.append, clear_globs=False)
    names.update(test.globs)
    assert not told, "".join(told)


@pytest.mark.parametrize("name", [*EXAMPLES, "tradecore.strategy"])
def test_the_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each inside a hook; a strategy that one defines then runs over the market, and each of its hooks is called."""
    monkeypatch.chdir(tmp_path)
    reader = Reader(name, [INST])
    run(reader)
    assert reader.names is not None
    written: list[type[Strategy]] = [
        c
        for c in reader.names.values()
        if inspect.isclass(c) and issubclass(c, Strategy) and c.__module__ == "builtins"
    ]
    for cls in written:
        assert called_methods(cls) == {name for name, member in vars(cls).items() if inspect.isfunction(member)}


def called_methods(cls: type[Strategy]) -> set[str]:
    """Run a strategy over the market and return which of its own methods were called."""
    called = set()

    def counted(name: str) -> Callable[..., None]:
        def call(self: Strategy, *args: Any) -> None:
            called.add(name)
            getattr(super(counting, self), name)(*args)

        return call

    methods = {name: counted(name) for name, member in vars(cls).items() if inspect.isfunction(member)}
    counting = type("Counting", (cls,), methods)
    run(counting("example", [INST]))
    return called
