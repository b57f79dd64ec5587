"""The shipped strategies."""

from tradecore.strategies.avellaneda_stoikov import AvellanedaStoikov
from tradecore.strategies.compiled import CompiledStrategy
from tradecore.strategies.touch_maker import TouchMaker

__all__ = ["REGISTRY", "AvellanedaStoikov", "CompiledStrategy", "TouchMaker"]

REGISTRY: dict[str, type[CompiledStrategy]] = {strategy.kind: strategy for strategy in (AvellanedaStoikov, TouchMaker)}
"""Shipped strategies by the name a configuration calls them."""
