"""The shipped strategies, imported when first asked for: a run of one's own strategies needs none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradecore.strategies.avellaneda_stoikov import AvellanedaStoikov
    from tradecore.strategies.compiled import CompiledStrategy
    from tradecore.strategies.manual import Manual
    from tradecore.strategies.mean_reversion import MeanReversion
    from tradecore.strategies.momentum_ema import MomentumEma
    from tradecore.strategies.momentum_return import MomentumReturn
    from tradecore.strategies.momentum_rsi_macd import MomentumRsiMacd
    from tradecore.strategies.moving_average_cross import MovingAverageCross
    from tradecore.strategies.registry import REGISTRY
    from tradecore.strategies.touch_maker import TouchMaker

__all__ = [
    "REGISTRY",
    "AvellanedaStoikov",
    "CompiledStrategy",
    "Manual",
    "MeanReversion",
    "MomentumEma",
    "MomentumReturn",
    "MomentumRsiMacd",
    "MovingAverageCross",
    "TouchMaker",
]

_LATER = {
    "REGISTRY": "registry",
    "AvellanedaStoikov": "avellaneda_stoikov",
    "CompiledStrategy": "compiled",
    "Manual": "manual",
    "MeanReversion": "mean_reversion",
    "MomentumEma": "momentum_ema",
    "MomentumReturn": "momentum_return",
    "MomentumRsiMacd": "momentum_rsi_macd",
    "MovingAverageCross": "moving_average_cross",
    "TouchMaker": "touch_maker",
}


def __getattr__(name: str) -> Any:
    import importlib

    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
