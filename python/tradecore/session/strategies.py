"""The strategies of a session: their classes by name, and themselves."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from tradecore.config import StrategyConfig
from tradecore.errors import ConfigError, HookError, InvalidValueError, StrategyError
from tradecore.hints import did_you_mean
from tradecore.imports import NotThereError, import_named
from tradecore.session.instruments import Scope
from tradecore.strategies import REGISTRY
from tradecore.strategy import Strategy

__all__ = ["build_strategies", "build_strategy", "strategy_class"]


def build_strategies(
    scope: Scope,
    configs: Sequence[StrategyConfig],
    *,
    recorded: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Strategy]:
    """Build the strategies of a configuration, each for those of its instruments that are traded.

    Parameters
    ----------
    scope : Scope
    configs : sequence of StrategyConfig
    recorded : mapping, optional
        To decide a session once more: what its journal keeps of the features of each strategy, by name.

    Raises
    ------
    ConfigError
        With the key of the first problem; an exception of a strategy's own code is in its text.
    """
    return [
        build_strategy(scope, f"strategies.{index}", config, recorded=recorded) for index, config in enumerate(configs)
    ]


def build_strategy(
    scope: Scope,
    key: str,
    config: StrategyConfig,
    *,
    recorded: Mapping[str, Mapping[str, Any]] | None = None,
) -> Strategy:
    """Build one strategy, whose table has a key; see :func:`build_strategies`."""
    cls = strategy_class(config.kind, scope.source, f"{key}.kind")
    instruments = scope.selected if config.instruments is None else config.instruments
    if scope.symbol is not None:
        instruments = tuple(i for i in instruments if i in scope.selected)
    if missing := [i for i in instruments if i not in scope.known]:
        raise scope.missing(f"{key}.instruments", missing[0])
    if not instruments:
        raise ConfigError(scope.source, f"{key}.instruments", "none left to trade")
    try:
        if recorded is not None:
            return cls._of_journal(config.called, instruments, config.params, recorded.get(config.called))
        return cls(config.called, instruments, **config.params)
    except HookError as error:
        raise ConfigError(scope.source, f"{key}.kind", str(error)) from None
    except InvalidValueError as error:
        place = error.field if error.field == "instruments" else f"params.{error.field}"
        raise ConfigError(scope.source, f"{key}.{place}", error.problem) from None
    except Exception as error:
        raise _failed(scope.source, f"{key}.kind", config.kind) from error


def strategy_class(kind: str, source: str, key: str) -> type[Strategy]:
    """Return a strategy's class: a shipped one by its name, or one to import, ``module:Class`` or ``file.py:Class``.

    Raises
    ------
    ConfigError
        Of ``key`` in ``source``, when there is none of that name or its module cannot be imported.
    """
    if kind in REGISTRY:
        return REGISTRY[kind]
    place, _, name = kind.rpartition(":")
    if kind.removesuffix(":").endswith(".py"):
        raise ConfigError(source, key, f"{kind!r} names no class of the file: expected {kind.removesuffix(':')}:Class")
    if not (place and name):
        hint = did_you_mean(kind, REGISTRY)
        raise ConfigError(source, key, f"{kind!r} is neither shipped ({', '.join(REGISTRY)}) nor module:Class{hint}")
    try:
        found = import_named(place, name)
    except NotThereError as error:
        raise ConfigError(source, key, str(error)) from None
    except (Exception, SystemExit) as error:
        raise _failed(source, key, kind) from error
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise ConfigError(source, key, f"{kind} is not a Strategy")
    return found


def _failed(source: str, key: str, kind: str) -> ConfigError:
    """Return the error for user code that raised while its strategy was being made."""
    return ConfigError(source, key, f"{kind}: {StrategyError(kind, traceback.format_exc()).problem}")
