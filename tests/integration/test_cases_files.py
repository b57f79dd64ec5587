"""Trouble that people reported in public, as far as whole files are concerned: which they are, what is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.cli.app import main
from tradecore.data.inference import infer_instrument

BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"


@pytest.fixture
def cases(shared: Path) -> Path:
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip("no ../shared/cases beside the project: the reported inputs are not here")
    return folder


def cli(*words: object, capsys: pytest.CaptureFixture[str], code: int = 0) -> Any:
    """Run a command and return the JSON it printed."""
    assert main([*map(str, words), "--json", "--quiet"]) == code
    return json.loads(capsys.readouterr().out)


def book(path: Path, exchange: str, symbol: str, price: str = "60000.0", amount: str = "12") -> Path:
    rows = [f"{exchange},{symbol},1723075200000000,1723075200000900,true,{side}\n" for side in ("bid", "ask")]
    path.write_text(BOOK + rows[0][:-1] + f",{price},{amount}\n" + rows[1][:-1] + f",{float(price) + 1},{amount}\n")
    return path


# --- the kind of a contract ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deribit-BTC-PERPETUAL", ("BTC-PERPETUAL.DERIBIT", "inverse", "BTC", "1")),
        ("bybit-BTCUSD", ("BTCUSD.BYBIT", "inverse", "BTC", "1")),
        ("bitmex-ETHUSD", ("ETHUSD.BITMEX", "quanto", "XBT", "0.000001")),
        ("okex-swap-BTC-USDT-SWAP", ("BTC-USDT-SWAP.OKEX_SWAP", "linear", "USDT", "0.01")),
    ],
)
def test_the_reported_contracts_are_of_their_kind(
    name: str, expected: tuple[str, ...], cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = cases / f"12-infer-{name}.csv"
    spec = cli("data", "import", "tardis", file, "--infer", "--catalog", tmp_path, capsys=capsys)["inferred"]
    assert (spec["id"], spec["kind"], spec["settlement"], spec["contract_size"]) == expected


@pytest.mark.parametrize(
    ("exchange", "symbol", "expected"),
    [
        ("deribit", "ETH-26JUN26", ("inverse", "ETH", "1")),
        ("bybit", "XRPUSDM26", ("inverse", "XRP", "1")),
        ("bitmex", "LTCUSD", ("quanto", "XBT", "0.000002")),
        ("okex-futures", "ETH-USD-260626", ("inverse", "ETH", "10")),
        ("binance-delivery", "BTCUSD_260626", ("inverse", "BTC", "100")),
        ("coinbase-international", "BTC-PERP", ("linear", "USDC", "1")),
    ],
)
def test_a_contract_is_of_the_kind_its_symbol_says(
    exchange: str, symbol: str, expected: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = book(tmp_path / "book.csv", exchange, symbol)
    spec = cli("data", "import", "tardis", file, "--infer", "--catalog", tmp_path / "c", capsys=capsys)["inferred"]
    assert (spec["kind"], spec["settlement"], spec["contract_size"]) == expected


def test_what_the_symbol_does_not_say_is_asked_for_by_the_option_that_says_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "import", "tardis", "--infer", "--catalog", str(tmp_path / "c")]
    size = str(book(tmp_path / "a.csv", "okex-swap", "SOL-USDT-SWAP"))
    assert main([*command, size]) == 2
    error = capsys.readouterr().err
    assert "SOL-USDT-SWAP.OKEX_SWAP: contract_size: cannot be told" in error
    assert "--contract-size" in error
    kind = str(book(tmp_path / "b.csv", "newvenue", "FOO-USDT"))
    assert main([*command, kind]) == 2
    error = capsys.readouterr().err
    assert "FOO-USDT.NEWVENUE: kind: cannot be told" in error
    assert "--kind spot|linear" in error
    assert not (tmp_path / "c").exists()
    spec = cli(*command, size, "--contract-size", "1", capsys=capsys)["inferred"]
    assert (spec["kind"], spec["contract_size"]) == ("linear", "1")
    spec = cli(*command, kind, "--kind", "spot", capsys=capsys)["inferred"]
    assert (spec["kind"], spec["base"], spec["quote"]) == ("spot", "FOO", "USDT")
    assert main([*command[:3], "--catalog", "c", "--kind", "spot", kind]) == 2
    assert "--kind: goes with --infer" in capsys.readouterr().err


def test_a_kind_that_is_given_stands_over_the_symbol(tmp_path: Path) -> None:
    file = book(tmp_path / "a.csv", "bybit", "BTCUSDT")
    inferred = infer_instrument("tardis", "BTCUSDT.BYBIT", file, kind="spot")
    assert (inferred.instrument.kind, inferred.instrument.contract_size) == ("spot", 1)
    assert any("kind as given" in note for note in inferred.notes)
    with pytest.raises(tc.errors.InvalidValueError, match="kind: 'swap' is not one of spot"):
        infer_instrument("tardis", "BTCUSDT.BYBIT", file, kind="swap")
    with pytest.raises(tc.errors.InstrumentError, match="--specs FILE"):
        infer_instrument("tardis", "BTCUSDT.BYBIT", file, kind="quanto", contract_size="0.1")
    with pytest.raises(tc.errors.InstrumentError, match="contract_size"):
        infer_instrument("tardis", "BTCUSDT.BYBIT", file, contract_size="-1")
