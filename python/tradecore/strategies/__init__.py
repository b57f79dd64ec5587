"""The shipped strategies, imported when first asked for: a run of one's own strategies needs none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradecore.strategies.avellaneda_stoikov import AvellanedaStoikov
    from tradecore.strategies.compiled import CompiledStrategy
    from tradecore.strategies.registry import REGISTRY
    from tradecore.strategies.touch_maker import TouchMaker

__all__ = ["REGISTRY", "AvellanedaStoikov", "CompiledStrategy", "TouchMaker"]

_LATER = {
    "REGISTRY": "registry",
    "AvellanedaStoikov": "avellaneda_stoikov",
    "CompiledStrategy": "compiled",
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
