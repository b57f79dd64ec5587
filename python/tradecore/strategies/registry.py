"""The shipped strategies by the name a configuration calls them."""

from tradecore.strategies.avellaneda_stoikov import AvellanedaStoikov
from tradecore.strategies.compiled import CompiledStrategy
from tradecore.strategies.touch_maker import TouchMaker

__all__ = ["REGISTRY"]

REGISTRY: dict[str, type[CompiledStrategy]] = {strategy.kind: strategy for strategy in (AvellanedaStoikov, TouchMaker)}
