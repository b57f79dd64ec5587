"""What the tests share."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import polars.selectors as cs
import pytest
from hypothesis import settings

os.environ.setdefault("TRADECORE_DEBUG_CHECKS", "1")  # Before the first import: accounts of every run are checked.

import tradecore as tc
from tradecore.data.catalog import Columns

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(ROOT / "tests"))
# Background jobs of a shell hear no Ctrl-C, those of `nohup` no hang-up: here they do.
for number, heard in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, heard)


settings.register_profile("tests", deadline=None)  # a machine with other work to do fails no test
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def decimals() -> Iterator[None]:
    """Each test has a decimal context of its own: ccxt changes how its process rounds for good."""
    with localcontext():
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and reference tables beside the project; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside the project: real data and reference tables are not here")
    return SHARED


@pytest.fixture
def cases(shared: Path) -> Path:
    """Small inputs of reported trouble; tests that need them skip without them."""
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip("no ../shared/cases beside the project: the reported inputs are not here")
    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A database of a PostgreSQL that runs as long as the tests; those that need it skip where there is none."""
    from store_servers import binaries, postgres

    if (programs := binaries()) is None:
        pytest.skip("no PostgreSQL on this machine")
    with postgres(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    import psycopg

    url = str(request.getfixturevalue("postgres_url"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    yield url


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with 60,000 rows of a synthetic market."""
    folder = tmp_path_factory.mktemp("market")
    tc.synthesize(folder, events=60_000, seed=11)
    return folder


@pytest.fixture
def instrument() -> tc.Instrument:
    """A linear perpetual on a 0.1 / 0.001 grid with a lot of 0.01."""
    return tc.Instrument(
        "BTCUSDT.TEST",
        kind="linear",
        base="BTC",
        quote="USDT",
        price_increment="0.1",
        qty_increment="0.001",
        lot_size="0.01",
        min_notional="100",
        maker_fee_bps="-1",
        taker_fee_bps="5",
    )


class Quoter(tc.Strategy):
    """Joins both best prices and takes now and then."""

    every: str = "100ms"
    taken: Decimal = Decimal("0.02")
    """What each twentieth call buys."""

    def on_start(self, ctx: tc.Context) -> None:
        self.calls = 0
        ctx.every(self.every, self.requote)

    def requote(self, ctx: tc.Context) -> None:
        self.calls += 1
        for inst in self.instruments:
            book = ctx.book(inst)
            if book.spread is not None:
                ctx.quote(inst, bid=book.best_bid, ask=book.best_ask, qty="0.01")
                if self.taken and self.calls % 20 == 0:
                    ctx.buy(inst, self.taken)


OF_MIDS = cs.starts_with("mid_", "markout_")
"""Columns of fills that only the simulation knows: one that is fed back from a journal has none of them."""


def cli(*words: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run a command; its exit code, and what it printed on stdout and stderr."""
    from tradecore.cli.app import main

    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def cli_json(*words: object, capsys: pytest.CaptureFixture[str], code: int = 0) -> Any:
    """Run a command that ends with an exit code and return the JSON it printed."""
    ended, out, err = cli(*words, "--json", "--quiet", capsys=capsys)
    assert ended == code, err
    return json.loads(out)


Row = tuple[int, int, int, int, int, int]


def columns(rows: Sequence[Row]) -> Columns:
    """Event columns from (ts, kind, side, flags, price, qty) rows; both stamps are ts."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    return {
        "ts_event": table[:, 0].copy(),
        "ts_recv": table[:, 0].copy(),
        "kind": table[:, 1].astype(np.uint8),
        "side": table[:, 2].astype(np.int8),
        "flags": table[:, 3].astype(np.uint8),
        "price": table[:, 4].copy(),
        "qty": table[:, 5].copy(),
        "id": np.zeros(len(table), np.uint64),
    }


SET, TRADE, QUOTE, CLEAR = (int(k) for k in (tc.EventKind.BOOK_SET, tc.EventKind.TRADE, tc.EventKind.QUOTE, 0))
LAST = int(tc.EventFlag.LAST)
"""Short names for rows written by hand."""
