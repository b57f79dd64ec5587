from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

import tradecore as tc
from tradecore.config import StrategyConfig
from tradecore.errors import ConfigError
from tradecore.session import Scope, build_strategies, build_venues, own_instruments, strategy_class

SCOPE = Scope(known=("BTC.ONE", "ETH.ONE", "ETH.TWO"), source="live.toml", place="the venues")


class Connector(NamedTuple):
    """A venue that is not simulated."""

    name: str
    account: str = "default"


def traders(*instruments: str) -> list[tc.Strategy]:
    return [tc.Strategy(instrument, [instrument]) for instrument in instruments]


def venues(scope: Scope, configured: list[Connector], *instruments: str) -> list[Connector]:
    return build_venues(scope, configured, traders(*instruments), default=Connector)


def test_a_symbol_selects_instruments_by_id_or_by_symbol() -> None:
    assert SCOPE.selected == SCOPE.known
    assert replace(SCOPE, symbol="ETH").selected == ("ETH.ONE", "ETH.TWO")
    assert replace(SCOPE, symbol="ETH.TWO").selected == ("ETH.TWO",)
    with pytest.raises(ConfigError) as caught:
        replace(SCOPE, symbol="ETH.THREE")
    assert str(caught.value) == (
        "live.toml: --symbol: ETH.THREE is not in the venues; there is BTC.ONE, ETH.ONE, ETH.TWO"
    )


def test_strategies_trade_what_they_name_of_what_is_selected() -> None:
    named = StrategyConfig(kind="tradecore:Strategy", name="named", instruments=("BTC.ONE", "ETH.ONE"))
    free = StrategyConfig(kind="tradecore:Strategy")
    built = build_strategies(SCOPE, [named, free])
    assert [(s.name, s.instruments) for s in built] == [
        ("named", ("BTC.ONE", "ETH.ONE")),
        ("Strategy", SCOPE.known),
    ]
    (one,) = build_strategies(replace(SCOPE, symbol="ETH"), [named])
    assert one.instruments == ("ETH.ONE",)
    with pytest.raises(ConfigError, match=r"live\.toml: strategies\.0\.instruments: none left to trade"):
        build_strategies(replace(SCOPE, symbol="ETH.TWO"), [named])
    with pytest.raises(ConfigError, match=r"strategies\.1\.instruments: X\.Y is not in the venues; there is BTC\.ONE,"):
        build_strategies(SCOPE, [free, StrategyConfig(kind="tradecore:Strategy", instruments=("X.Y",))])


def test_what_is_wrong_with_a_strategy_is_said_of_its_key(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "import tradecore as tc\n"
        "class Misspelt(tc.Strategy):\n"
        "    def on_trades(self, ctx, trade): ...\n"
        "class Raises(tc.Strategy):\n"
        "    def __init__(self, name, instruments):\n"
        "        raise OSError('no')\n"
    )
    for config, problem in (
        ({"kind": f"{file}:Misspelt"}, "kind: Misspelt.on_trades: is not a hook; did you mean on_trade?"),
        ({"kind": f"{file}:Raises"}, f"kind: {file}:Raises: OSError: no ({file}:6)"),
        ({"kind": "tradecore:Strategy", "params": {"x": 1}}, "params.x: unknown key"),
        (
            {"kind": "tradecore:Strategy", "instruments": ("BTC.ONE", "BTC.ONE")},
            "instruments: 'BTC.ONE' is listed twice",
        ),
    ):
        with pytest.raises(ConfigError) as caught:
            build_strategies(SCOPE, [StrategyConfig(**config)])
        assert str(caught.value).startswith(f"live.toml: strategies.0.{problem}")


def test_a_strategy_class_is_found_by_name() -> None:
    assert strategy_class("touch_maker", "f", "k") is tc.TouchMaker
    assert strategy_class("tradecore.strategies:AvellanedaStoikov", "f", "k") is tc.AvellanedaStoikov
    with pytest.raises(ConfigError, match=r"f: k: 'magic' is neither shipped .* module:Class$"):
        strategy_class("magic", "f", "k")
    with pytest.raises(ConfigError, match=r"did you mean touch_maker\?$"):
        strategy_class("touch_makre", "f", "k")


def test_venues_are_those_configured_and_those_traded_on() -> None:
    two = Connector("TWO", "main")
    assert venues(SCOPE, [two], "ETH.TWO", "BTC.ONE") == [two, Connector("ONE")]
    # One that nothing is traded on is for whoever runs the session to refuse,
    assert venues(SCOPE, [two], "BTC.ONE") == [two, Connector("ONE")]
    # but for one that the selection leaves without instruments.
    assert venues(replace(SCOPE, symbol="BTC"), [two], "BTC.ONE") == [Connector("ONE")]


def test_own_instruments_are_told_by_their_place() -> None:
    table = {"id": "A.B", "kind": "spot", "base": "A", "quote": "Q", "price_increment": "0.1", "qty_increment": "1"}
    assert list(own_instruments([table], "f")) == ["A.B"]
    with pytest.raises(ConfigError, match=r"f: instruments\.1\.id: A\.B is there twice"):
        own_instruments([table, table], "f")
    with pytest.raises(ConfigError, match=r"f: instruments\.0\.kind: "):
        own_instruments([{**table, "kind": "swap"}], "f")
