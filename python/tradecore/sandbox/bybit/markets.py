"""The markets of a local Bybit, each a category."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tradecore.sandbox.bybit.refusals import bad
from tradecore.sandbox.bybit.requests import Asked
from tradecore.sandbox.bybit.shapes import Shapes
from tradecore.sandbox.candles import Candles
from tradecore.sandbox.desk import Desk

__all__ = ["CATEGORIES", "Market", "Markets"]

CATEGORIES = {"BYBIT": ("linear", "inverse"), "BYBIT_SPOT": ("spot",)}
"""By our names."""
_KNOWN = ("linear", "spot", "inverse", "option")


@dataclass(frozen=True, slots=True)
class Market:
    """A category: what it trades, of a desk that may trade more, and how it is written."""

    category: str
    traded: tuple[str, ...]
    """Its symbols."""
    desk: Desk
    shapes: Shapes
    candles: Candles

    @property
    def is_spot(self) -> bool:
        """Whether assets are traded, not contracts."""
        return self.category == "spot"

    def symbol(self, asked: Asked) -> str:
        """Read the symbol."""
        symbol = asked.text("symbol")
        if symbol not in self.traded:
            raise bad("symbol", "invalid")
        return symbol

    def symbols(self, asked: Asked) -> list[str]:
        """Read the symbol, if there is one; else all of a coin, if there is one."""
        if asked.params.get("symbol"):
            return [self.symbol(asked)]
        rows = [(symbol, self.desk.instruments[symbol]) for symbol in self.traded]
        for name, field in (("settleCoin", "settlement"), ("baseCoin", "base")):
            if coin := asked.params.get(name):
                return [symbol for symbol, instrument in rows if getattr(instrument, field) == coin]
        return list(self.traded)


class Markets:
    """All categories that are served."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._markets: dict[str, Market] = {}
        for venue, desk in desks.items():
            candles = Candles(desk)
            for category in CATEGORIES[venue]:
                of = desk.instruments.items()
                traded = tuple(symbol for symbol, instrument in of if instrument.kind == category)
                if traded:
                    self._markets[category] = Market(category, traded, desk, Shapes(category, desk), candles)

    def __iter__(self) -> Iterator[Market]:
        return iter(self._markets.values())

    @property
    def desks(self) -> list[Desk]:
        """Those of all categories, each once."""
        return list({id(market.desk): market.desk for market in self}.values())

    def get(self, category: str) -> Market | None:
        """Return a category, if it is served."""
        return self._markets.get(category)

    def of(self, asked: Asked) -> Market:
        """Read the category of a request, which has to be served."""
        market = self.listed(asked)
        if market is None:
            raise bad("category", f"{asked.params['category']} is not served here")
        return market

    def listed(self, asked: Asked) -> Market | None:
        """Read the category of a request; None for one of the venue's that has nothing here."""
        return self.get(asked.text("category", among=_KNOWN))
