"""Configuration files: models, loading, and the founding market maker's format."""

from tradecore.config.loader import load_config
from tradecore.config.models import (
    BacktestConfig,
    DataConfig,
    OutputConfig,
    StrategyConfig,
    TardisConfig,
)

__all__ = [
    "BacktestConfig",
    "DataConfig",
    "OutputConfig",
    "StrategyConfig",
    "TardisConfig",
    "load_config",
]
