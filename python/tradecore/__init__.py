"""tradecore: tick-level backtesting with honest fills, for strategies written in plain Python."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import tradecore.forks  # noqa: F401 - what is forked from here on is noticed
from tradecore import errors
from tradecore._core import (
    FeedControl,
    FeedDecoder,
    Instrument,
    IntensityEstimator,
    L2Book,
    PositionLedger,
    QueueSimulator,
    RealizedVolatility,
    avellaneda_stoikov_quotes,
    fit_intensity,
    glft_coefficients,
)
from tradecore.errors import TradecoreError
from tradecore.instruments import find_instrument, load_instruments, shipped_instruments
from tradecore.types import (
    BookState,
    EventFlag,
    EventKind,
    InstrumentKind,
    Liquidity,
    OptionSide,
    OrderStatus,
    OrderType,
    Side,
    SignalAction,
    TimeInForce,
)
from tradecore.version import __version__ as __version__

if TYPE_CHECKING:
    from tradecore import bars, exec, indicators, ml, reconcile, risk
    from tradecore import features as features
    from tradecore import venues as venues
    from tradecore._core import (
        BookView,
        ChargedFill,
        Context,
        Fill,
        Order,
        OrderGroup,
        PositionView,
        QueuePlace,
        QuoteView,
        Signal,
        TradeView,
    )
    from tradecore.backtest import Backtest, ReplayResult, Result, Stats, load_result, replay
    from tradecore.backtest.lookahead import LookaheadReport, check_lookahead
    from tradecore.backtest.performance import RunPerformance
    from tradecore.bus import EventBus, events
    from tradecore.data.catalog import Catalog
    from tradecore.data.importers import (
        import_binance_ws,
        import_hftbacktest,
        import_klines,
        import_tables,
        import_tardis,
    )
    from tradecore.data.latencies import LatencyFit, fit_latency
    from tradecore.data.recorded import import_capture
    from tradecore.data.synthetic import synthesize, synthesize_orders
    from tradecore.features import FeatureSet
    from tradecore.fidelity import Compared, QueueFit, compare_queues, fit_queue
    from tradecore.live.captured import import_recorded, load_recording
    from tradecore.live.comparing import Comparison, OrderPair, RequestPair, compare_session
    from tradecore.live.market import SessionMarket, session_market
    from tradecore.live.resting import RestingOrder
    from tradecore.live.runner import Live
    from tradecore.orders import OrderSpec
    from tradecore.queue_models import FittedQueue, read_queue_model
    from tradecore.report.heatmap import BookPicture, plot_book
    from tradecore.report.statistics import Performance, performance, probabilistic_sharpe, sharpe_of_best_trial
    from tradecore.risk import RiskLimits, Stops
    from tradecore.server.client import Client
    from tradecore.strategies import (
        AvellanedaStoikov,
        Manual,
        MeanReversion,
        MomentumEma,
        MomentumReturn,
        MomentumRsiMacd,
        MovingAverageCross,
        TouchMaker,
    )
    from tradecore.strategy import Duration, PriceFailover, Strategy
    from tradecore.sweeps import Sweep, sweep
    from tradecore.venue import Latency, SimVenue
    from tradecore.venue_models import FeeModel, LatencyModel, QueueModel

_LATER = {
    "BookView": "_core",
    "Context": "_core",
    "Fill": "_core",
    "Order": "_core",
    "OrderGroup": "_core",
    "PositionView": "_core",
    "QuoteView": "_core",
    "Signal": "_core",
    "TradeView": "_core",
    "Backtest": "backtest",
    "ReplayResult": "backtest",
    "Result": "backtest",
    "Stats": "backtest",
    "load_result": "backtest",
    "RunPerformance": "backtest.performance",
    "replay": "backtest",
    "LookaheadReport": "backtest.lookahead",
    "check_lookahead": "backtest.lookahead",
    "EventBus": "bus",
    "events": "bus",
    "Catalog": "data.catalog",
    "import_binance_ws": "data.importers",
    "import_hftbacktest": "data.importers",
    "import_klines": "data.importers",
    "import_tables": "data.importers",
    "import_tardis": "data.importers",
    "import_capture": "data.recorded",
    "import_recorded": "live.captured",
    "load_recording": "live.captured",
    "Comparison": "live.comparing",
    "OrderPair": "live.comparing",
    "RequestPair": "live.comparing",
    "RestingOrder": "live.resting",
    "compare_session": "live.comparing",
    "SessionMarket": "live.market",
    "session_market": "live.market",
    "Client": "server.client",
    "Live": "live.runner",
    "LatencyFit": "data.latencies",
    "fit_latency": "data.latencies",
    "synthesize": "data.synthetic",
    "synthesize_orders": "data.synthetic",
    "Compared": "fidelity",
    "QueueFit": "fidelity",
    "compare_queues": "fidelity",
    "fit_queue": "fidelity",
    "FittedQueue": "queue_models",
    "read_queue_model": "queue_models",
    "FeatureSet": "features",
    "OrderSpec": "orders",
    "BookPicture": "report.heatmap",
    "plot_book": "report.heatmap",
    "Performance": "report.statistics",
    "performance": "report.statistics",
    "probabilistic_sharpe": "report.statistics",
    "sharpe_of_best_trial": "report.statistics",
    "RiskLimits": "risk",
    "Stops": "risk",
    "AvellanedaStoikov": "strategies",
    "Manual": "strategies",
    "MeanReversion": "strategies",
    "MomentumEma": "strategies",
    "MomentumReturn": "strategies",
    "MomentumRsiMacd": "strategies",
    "MovingAverageCross": "strategies",
    "TouchMaker": "strategies",
    "Duration": "strategy",
    "PriceFailover": "strategy",
    "Strategy": "strategy",
    "Sweep": "sweeps",
    "sweep": "sweeps",
    "Latency": "venue",
    "SimVenue": "venue",
    "FeeModel": "venue_models",
    "LatencyModel": "venue_models",
    "QueueModel": "venue_models",
    "ChargedFill": "_core",
    "QueuePlace": "_core",
}
"""Public names whose modules are imported when first asked for, so that `import tradecore` stays quick."""

_MODULES = frozenset({"bars", "exec", "features", "indicators", "ml", "reconcile", "risk", "venues"})
"""Public modules, likewise."""

__all__ = [
    "AvellanedaStoikov",
    "Backtest",
    "BookPicture",
    "BookState",
    "BookView",
    "Catalog",
    "ChargedFill",
    "Client",
    "Compared",
    "Comparison",
    "Context",
    "Duration",
    "EventBus",
    "EventFlag",
    "EventKind",
    "FeatureSet",
    "FeeModel",
    "FeedControl",
    "FeedDecoder",
    "Fill",
    "FittedQueue",
    "Instrument",
    "InstrumentKind",
    "IntensityEstimator",
    "L2Book",
    "Latency",
    "LatencyFit",
    "LatencyModel",
    "Liquidity",
    "Live",
    "LookaheadReport",
    "Manual",
    "MeanReversion",
    "MomentumEma",
    "MomentumReturn",
    "MomentumRsiMacd",
    "MovingAverageCross",
    "OptionSide",
    "Order",
    "OrderGroup",
    "OrderPair",
    "OrderSpec",
    "OrderStatus",
    "OrderType",
    "Performance",
    "PositionLedger",
    "PositionView",
    "PriceFailover",
    "QueueFit",
    "QueueModel",
    "QueuePlace",
    "QueueSimulator",
    "QuoteView",
    "RealizedVolatility",
    "ReplayResult",
    "RequestPair",
    "RestingOrder",
    "Result",
    "RiskLimits",
    "RunPerformance",
    "SessionMarket",
    "Side",
    "Signal",
    "SignalAction",
    "SimVenue",
    "Stats",
    "Stops",
    "Strategy",
    "Sweep",
    "TimeInForce",
    "TouchMaker",
    "TradeView",
    "TradecoreError",
    "avellaneda_stoikov_quotes",
    "bars",
    "check_lookahead",
    "compare_queues",
    "compare_session",
    "errors",
    "events",
    "exec",
    "find_instrument",
    "fit_intensity",
    "fit_latency",
    "fit_queue",
    "glft_coefficients",
    "import_binance_ws",
    "import_capture",
    "import_hftbacktest",
    "import_klines",
    "import_recorded",
    "import_tables",
    "import_tardis",
    "indicators",
    "load_instruments",
    "load_recording",
    "load_result",
    "ml",
    "performance",
    "plot_book",
    "probabilistic_sharpe",
    "read_queue_model",
    "reconcile",
    "replay",
    "risk",
    "session_market",
    "sharpe_of_best_trial",
    "shipped_instruments",
    "sweep",
    "synthesize",
    "synthesize_orders",
    "venues",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"tradecore.{name}")
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"tradecore.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
