"""The shipped strategies by the name a configuration calls them."""

from tradecore.strategies.avellaneda_stoikov import AvellanedaStoikov
from tradecore.strategies.manual import Manual
from tradecore.strategies.mean_reversion import MeanReversion
from tradecore.strategies.momentum_ema import MomentumEma
from tradecore.strategies.momentum_return import MomentumReturn
from tradecore.strategies.momentum_rsi_macd import MomentumRsiMacd
from tradecore.strategies.moving_average_cross import MovingAverageCross
from tradecore.strategies.touch_maker import TouchMaker
from tradecore.strategy import Strategy

__all__ = ["REGISTRY"]

REGISTRY: dict[str, type[Strategy]] = {
    strategy.kind: strategy
    for strategy in (
        AvellanedaStoikov,
        TouchMaker,
        MeanReversion,
        MovingAverageCross,
        MomentumReturn,
        MomentumEma,
        MomentumRsiMacd,
        Manual,
    )
}
