"""Loading configuration files."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from tradecore.config.founding import is_founding, translate
from tradecore.config.models import BacktestConfig
from tradecore.errors import ConfigError
from tradecore.files import config_text
from tradecore.validation import first_problem

__all__ = ["load_config"]


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
    path = Path(path)
    text = config_text(path)
    try:
        document = tomllib.loads(text)
    # Some numbers are too long for Python, and some nesting too deep.
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(path), "", f"is not TOML: {error}") from None
    if is_founding(document):
        return translate(document, str(path))
    try:
        return BacktestConfig.model_validate(document), []
    except ValidationError as error:
        raise ConfigError(str(path), *first_problem(error, BacktestConfig)) from None
