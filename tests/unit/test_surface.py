"""The package as a whole: names, types, layers, import time."""

from __future__ import annotations

import ast
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import tradecore as tc
from conftest import ROOT
from tradecore import errors, types
from tradecore._core import vocabulary

PACKAGE = ROOT / "python" / "tradecore"

LAYERS = [
    {"_core", "errors", "hints", "types", "forks", "interrupts", "locks", "memory", "text", "version"},
    {
        "instruments",
        "imports",
        "validation",
        "venue",
        "profiles",
        "venue_models",
        "queue_models",
        "risk",
        "config",
        "progress",
        "files",
        "arrays",
        "bars",
        "bus",
        "exec",
        "histogram",
        "orders",
        "reconcile",
        "indicators",
    },
    {"data", "strategy", "report"},
    {"features", "fidelity"},
    {"strategies"},
    {"session"},
    {"backtest", "ml", "research"},
    {"sweeps"},
    {"venues", "sandbox", "store"},
    {"live"},
    {"server", "observe"},
    {"cli", "templates", "__main__"},
]
"""Who may import whom: a layer imports itself and those above it in this list."""


def level(module: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if module in names)


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tradecore."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found.update(alias.name.split(".")[1] for alias in node.names if alias.name.startswith("tradecore."))
    return found


def test_imports_point_down_only() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE]
    assert len(files) > 30
    for path in files:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for other in imported(path):
            assert level(other) <= level(own), f"{path}: {own} imports {other}"


def test_the_core_does_not_know_python_and_opens_no_file() -> None:
    manifest = (ROOT / "rust" / "core" / "Cargo.toml").read_text()
    assert "pyo3" not in manifest
    sources = "".join(path.read_text() for path in (ROOT / "rust" / "core" / "src").rglob("*.rs"))
    for forbidden in ("std::fs", "SystemTime", "Instant::now", "std::env", "std::net", "unsafe {"):
        assert forbidden not in sources, forbidden


def test_the_catalog_crate_knows_neither_python_nor_the_clock() -> None:
    manifest = (ROOT / "rust" / "catalog" / "Cargo.toml").read_text()
    assert "pyo3" not in manifest
    sources = "".join(path.read_text() for path in (ROOT / "rust" / "catalog" / "src").rglob("*.rs"))
    assert "#![forbid(unsafe_code)]" in sources
    for forbidden in ("SystemTime", "Instant::now", "std::env", "std::net"):
        assert forbidden not in sources, forbidden


def test_nothing_below_the_venues_is_asynchronous() -> None:
    for path in PACKAGE.rglob("*.py"):
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        assert own == "__init__" or level(own) >= level("venues") or "asyncio" not in path.read_text(), path


def test_both_languages_have_one_vocabulary() -> None:
    enums = {name: member for name, member in vars(types).items() if name in types.__all__ and inspect.isclass(member)}
    assert vocabulary() == {
        name: {member.name.lower(): member.value for member in enum} for name, enum in enums.items()
    }


def test_every_public_name_is_there_and_documented() -> None:
    for name in tc.__all__:
        member = getattr(tc, name)
        assert name in dir(tc)
        if inspect.isclass(member) or inspect.isfunction(member):
            assert member.__module__.startswith("tradecore"), name
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = tc.nope  # type: ignore[attr-defined]


def test_heavy_packages_are_not_imported_by_the_bare_package() -> None:
    code = (
        "import sys, tradecore; heavy = {'polars', 'numpy', 'pydantic', 'typer', 'rich', 'structlog', 'prometheus_client', 'apprise'};"
        "heavy &= set(sys.modules);"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_from_a_catalog_needs_no_heavy_package(market: Path) -> None:
    """Orders, fills and equity leave memory during it, and its figures are read."""
    code = f"""
import sys
import tradecore as tc
import tradecore.backtest.engine

tradecore.backtest.engine._SPILL_ROWS = 100

class Maker(tc.Strategy):
    def on_start(self, ctx):
        ctx.every("100ms", self.requote)

    def requote(self, ctx):
        (inst,) = self.instruments
        book = ctx.book(inst)
        if book.is_synced:
            ctx.quote(inst, bid=book.best_bid, ask=book.best_ask, qty=0.01, post_only=True)

class Plain(Maker):
    lots: int = 2
    ratio: float = 0.5
    pause: tc.Duration = "1us"

names = ["BTCUSDT.SYNTH"]
result = tc.Backtest([Maker("m", names), Plain("p", names, lots=3)], {str(market)!r}).run()
assert result.summary()["orders"] > 100 and result.net_pnl and result.final_positions and str(result)
heavy = {{"polars", "pandas", "pyarrow", "numpy", "pydantic"}} & set(sys.modules)
assert result.tables.folder is not None
print(sorted(heavy), len(result.orders) == result.summary()["orders"], result.orders["price"].null_count())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[] True 0", "")


ERRORS = [
    errors.InstrumentError("A.B", "base", "missing"),
    errors.UnknownInstrumentError("A.B", ("C.D",)),
    errors.UnsupportedOrderError("A.B", "type", "trailing_stop", "market, limit"),
    errors.InvalidValueError("qty", "no"),
    errors.HookError("Quoter", "on_trades", "is not a hook"),
    errors.OffGridError("price", "1.05", "0.1", "A.B"),
    errors.DataError("f.csv", 3, "bad"),
    errors.DataError("f.csv", 0, "bad"),
    errors.GridError("f.csv", 3, "bad", "0.15", "0.1"),
    errors.CatalogError("dir", "bad"),
    errors.OverlapError("dir", "bad"),
    errors.ConfigError("f.toml", "a.b", "bad"),
    errors.ConfigError("f.toml", "", "bad"),
    errors.ModelError("m.tcm", "bad"),
    errors.ModelError("m.tcm", "bad", ("a.B",)),
    errors.FeatureError("f", "Traceback\nValueError: x"),
    errors.StrategyError("s", "Traceback\nValueError: x"),
    errors.VenueModelError("m:Model(a=1)", "join", "returned -1, expected a quantity from 0 on"),
    errors.OrderError("x"),
    errors.ContextError(),
    errors.RunError("x"),
    errors.CredentialsError("BINANCE", "bad"),
    errors.VenueError("BINANCE", "POST /api/v3/order", "-2010", "bad"),
    errors.JournalError("journal/000001.tcj, byte 40", "is damaged"),
    errors.JournalFullError("journal/000002.tcj", "no room for another segment on this disk"),
    errors.StoreError("sqlite:///tradecore.db", "disk I/O error"),
    errors.NoAnswerError("BINANCE", "POST /api/v3/order", "timeout"),
    errors.RequestError(422, "off_grid", "price 1.001 is not a multiple of 0.01"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_errors_have_one_root_pickle_and_read_as_one_line(error: errors.TradecoreError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(error, tc.TradecoreError)
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert "\n" not in str(error)
    assert str(error)


def test_every_error_class_is_exported() -> None:
    defined = {n for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, errors.TradecoreError)}
    assert defined == {type(e).__name__ for e in ERRORS} | {"TradecoreError"}
    # Python's own words for Ctrl-C and for what does not end a run.
    assert set(errors.__all__) == defined | {"ModelWarning", "RunInterrupted", "StrategyWarning"}
