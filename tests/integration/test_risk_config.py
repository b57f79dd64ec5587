"""Limits in a configuration file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

import tradecore as tc
from conftest import cli, cli_json
from tradecore.config import load_config
from tradecore.errors import ConfigError

HEAD = """
[data]
catalog = "CATALOG"

[[strategies]]
kind = "touch_maker"
params = { quote_qty = "0.1", max_position = "1" }

[output]
dir = "runs"
"""


def write(tmp_path: Path, risk: str, market: Path | str = "nowhere") -> Path:
    path = tmp_path / "c.toml"
    path.write_text(HEAD.replace("CATALOG", str(market)) + risk)
    return path


def test_a_table_of_limits_is_the_dataclass(tmp_path: Path) -> None:
    config, _ = load_config(
        write(
            tmp_path,
            """
[risk]
max_gross = "100000"
max_daily_loss = 500.5
max_order_rate = "10 per 2s"
cooldown = "90s"
on_trip = "flatten"

[risk.instruments."BTCUSDT.SYNTH"]
max_order_qty = "0.5"

[risk.strategies.touch_maker]
max_open_orders = 2
""",
        )
    )
    assert config.risk == tc.RiskLimits(
        max_gross="100000",
        max_daily_loss=500.5,  # type: ignore[arg-type]
        max_order_rate="10 per 2s",
        cooldown="90s",
        on_trip="flatten",
        instruments={"BTCUSDT.SYNTH": tc.RiskLimits(max_order_qty="0.5")},
        strategies={"touch_maker": tc.RiskLimits(max_open_orders=2)},
    )


@pytest.mark.parametrize(
    ("risk", "key"),
    [
        ("[risk]\nmax_order_qtty = 1", "risk.max_order_qtty"),
        ("[risk]\nmax_order_qty = -1", "risk.max_order_qty"),
        ("[risk]\non_trip = 'panic'", "risk.on_trip"),
        ("[risk.instruments.'A.B']\nmax_order_rate = 'x'", "risk.instruments.A.B.max_order_rate"),
        ("[risk.instruments.'A.B']\ncapital = 5", "risk.instruments.A.B.capital"),
    ],
)
def test_a_bad_limit_names_its_key(tmp_path: Path, risk: str, key: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(write(tmp_path, risk))
    assert error.value.key == key


def test_limits_of_a_file_hold_and_are_written_beside_the_run(
    tmp_path: Path, market: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, "[risk]\nmax_order_qty = '0.05'\n", market)
    told = cli_json("backtest", "--config", path, capsys=capsys)
    assert told["fills"] == 0
    written = next((tmp_path / "runs").glob("*_config.toml"))
    assert tomllib.loads(written.read_text())["risk"] == {"max_order_qty": "0.05"}


def test_limits_of_what_is_not_in_the_run_are_a_mistake_of_the_file(
    tmp_path: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "[risk.instruments.'NOPE.SYNTH']\nmax_order_qty = 1\n", market)
    code, _, err = cli("backtest", "--config", path, capsys=capsys)
    assert code != 0
    assert "risk.instruments.NOPE.SYNTH" in err


def system(tmp_path: Path, **changes: object) -> Path:
    section = {
        "max_position_size": 10.0,
        "max_notional_exposure": 100000.0,
        "max_open_positions": 5,
        "stop_loss_percent": 2.0,
        "trailing_stop_percent": 1.5,
        "enable_circuit_breaker": True,
        "max_loss_threshold": 5000.0,
    }
    path = tmp_path / "system.json"
    path.write_text(json.dumps({"market_data": {"exchange": "binance"}, "risk": section | changes}))
    return path


def test_the_founding_risk_section_loads_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f"risk = {str(system(tmp_path))!r}\n" + HEAD)
    loaded, notes = load_config(config)
    assert loaded.risk == tc.RiskLimits(
        max_position_qty="10.0",
        max_gross="100000.0",
        max_open_positions=5,
        max_daily_loss="5000.0",
        on_trip="reduce",
        stops=tc.Stops(stop_loss="2.0%", trailing="1.5%", trailing_from="1.5%"),
    )
    assert notes == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"max_position_size": -1}, "risk.max_position_size"),
        ({"max_speed": 3}, "risk.max_speed"),
        ({"max_open_positions": 0}, "risk.max_open_positions"),
    ],
)
def test_a_founding_risk_section_that_is_none_says_where(
    tmp_path: Path, changes: dict[str, object], problem: str
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f"risk = {str(system(tmp_path, **changes))!r}\n" + HEAD)
    with pytest.raises(ConfigError, match=problem):
        load_config(config)
