"""Market data: the catalog, importers, checks and synthetic markets."""

from tradecore.data.catalog import Catalog
from tradecore.data.importers import ImportSummary, import_binance_ws, import_hftbacktest, import_tardis
from tradecore.data.synthetic import synthesize

__all__ = [
    "Catalog",
    "ImportSummary",
    "import_binance_ws",
    "import_hftbacktest",
    "import_tardis",
    "synthesize",
]
