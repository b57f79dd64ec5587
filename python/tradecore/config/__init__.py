"""Configuration files: models, loading, and the founding market maker's format."""

from tradecore.config.loader import load_config, load_model, load_train_config
from tradecore.config.models import (
    BacktestConfig,
    ConnectionConfig,
    DataConfig,
    ModeConfig,
    OutputConfig,
    StrategyConfig,
    TardisConfig,
)
from tradecore.config.training import TrainConfig, WalkConfig

__all__ = [
    "BacktestConfig",
    "ConnectionConfig",
    "DataConfig",
    "ModeConfig",
    "OutputConfig",
    "StrategyConfig",
    "TardisConfig",
    "TrainConfig",
    "WalkConfig",
    "load_config",
    "load_model",
    "load_train_config",
]
