"""Loading configuration files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tradecore.config.founding import is_founding, translate
from tradecore.config.models import BacktestConfig
from tradecore.config.training import TrainConfig
from tradecore.errors import ConfigError
from tradecore.files import config_text
from tradecore.validation import first_problem

__all__ = ["load_config", "load_model", "load_train_config"]

_Config = TypeVar("_Config", bound=BaseModel)


def load_config(path: str | Path) -> tuple[BacktestConfig, list[str]]:
    """Load a backtest's configuration from TOML, in our format or the founding market maker's.

    Returns
    -------
    tuple of BacktestConfig and list of str
        The configuration, and notes the user should see.

    Raises
    ------
    ConfigError
        With the file and the key path of the first problem.
    """
    document = _read(Path(path))
    if is_founding(document):
        return translate(document, str(path))
    return _validated(BacktestConfig, document, path), []


def load_model(path: str | Path, model: type[_Config]) -> _Config:
    """Load a file of TOML as a model says.

    Raises
    ------
    ConfigError
        With the file and the key path of the first problem.
    """
    return _validated(model, _read(Path(path)), path)


def load_train_config(path: str | Path) -> TrainConfig:
    """Load the configuration of a training from TOML.

    Raises
    ------
    ConfigError
        With the file and the key path of the first problem.
    """
    return load_model(path, TrainConfig)


def _read(path: Path) -> dict[str, Any]:
    text = config_text(path)
    try:
        return tomllib.loads(text)
    # Some numbers are too long for Python, and some nesting too deep.
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(path), "", f"is not TOML: {error}") from None


def _validated(model: type[_Config], document: dict[str, Any], path: str | Path) -> _Config:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigError(str(path), *first_problem(error, model)) from None
