"""Packages that come with extras."""

from __future__ import annotations

import importlib.util

from tradecore.errors import ConfigError

__all__ = ["needs"]


def needs(module: str, extra: str, source: str, key: str) -> None:
    """Refuse a key of a configuration that needs a package which is not installed.

    Raises
    ------
    ConfigError
    """
    if importlib.util.find_spec(module) is None:
        raise ConfigError(source, key, f"needs {module}, which is not installed: pip install 'tradecore[{extra}]'")
