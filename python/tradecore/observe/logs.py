"""Logs: lines for people or objects of JSON, levels by module, times in UTC, without secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import IO, Any

import orjson
import structlog
from structlog.typing import Processor

from tradecore.config.levels import LEVELS, Levels, parse_levels
from tradecore.config.observe import LogConfig
from tradecore.errors import ConfigError
from tradecore.observe.redact import redactor
from tradecore.text import printable

__all__ = ["logged"]

_CHATTY = ("aiohttp", "asyncio", "urllib3", "websockets")
"""Loggers of others that tell every byte at debug: they are asked for by name only."""

logging.addLevelName(LEVELS["trace"], "TRACE")


@contextmanager
def logged(config: LogConfig, source: str, secrets: Mapping[str, str] | None = None) -> Iterator[None]:
    """Log while a block runs, what the standard library's loggers are told as well.

    Parameters
    ----------
    config : LogConfig
    source : str
        Where it came from, for messages.
    secrets : mapping, optional
        Values that must not be seen, beside those of the environment.

    Raises
    ------
    ConfigError
        When the file cannot be opened.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
    ]
    redact = redactor(secrets)
    render = _json if config.format == "json" else _text

    def rendered(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        return redact(render(event))

    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            rendered,
        ],
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = _handler(config, source)
    handler.setFormatter(formatter)
    with _levels(parse_levels(config.level)):
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)
            handler.close()
            structlog.reset_defaults()


class _Stderr(logging.StreamHandler[IO[str]]):
    """Writes to what stderr is at the time: a view of the terminal takes it over."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> IO[str]:  # type: ignore[override]
        return sys.stderr


def _handler(config: LogConfig, source: str) -> logging.Handler:
    if config.file is None:
        return _Stderr()
    try:
        return logging.FileHandler(config.file, encoding="utf-8")
    except OSError as error:
        raise ConfigError(source, "log.file", f"{config.file} cannot be written: {error.strerror}") from error


@contextmanager
def _levels(levels: Levels) -> Iterator[None]:
    quiet = {name: max(levels.root, logging.INFO) for name in _CHATTY}
    wanted = {"": levels.root, **quiet, **levels.modules}
    loggers = {name: logging.getLogger(name) for name in wanted}
    before = {name: logger.level for name, logger in loggers.items()}
    for name, logger in loggers.items():
        logger.setLevel(wanted[name])
    try:
        yield
    finally:
        for name, logger in loggers.items():
            logger.setLevel(before[name])


def _module(event: MutableMapping[str, Any]) -> str:
    return str(event.pop("logger", "")).replace(".", "::")


def _text(event: MutableMapping[str, Any]) -> str:
    """Return a line such as ``2025-10-14T20:15:32.123456Z INFO [market_data] text key=value``.

    Nothing that is told begins a line of its own at its left edge, so that none can be forged.
    """
    time, level, module = event.pop("timestamp"), str(event.pop("level")).upper(), _module(event)
    text, exception = str(event.pop("event")), event.pop("exception", None)
    ids = "".join(f" {name}={value}" for name, value in event.items())
    lines = printable(f"{text}{ids}" + (f"\n{exception}" if exception else ""), lines=True)
    return f"{time} {level} [{module}] " + lines.replace("\n", "\n    ")


def _json(event: MutableMapping[str, Any]) -> str:
    told = {
        "timestamp": event.pop("timestamp"),
        "level": event.pop("level"),
        "module": _module(event),
        "message": str(event.pop("event")),
    }
    return orjson.dumps({**told, **event}, default=str).decode()
