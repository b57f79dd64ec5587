"""Lines of logs: levels, formats, and no secrets."""

from __future__ import annotations

import json
import logging
import re
from decimal import Decimal
from pathlib import Path

import pytest
import structlog

import tradecore as tc
from tradecore.bus import events as told
from tradecore.config.observe import LogConfig, log_config
from tradecore.errors import ConfigError, InvalidValueError
from tradecore.live.events import LinkChanged
from tradecore.observe.eventlog import events_logged
from tradecore.observe.logs import logged
from tradecore.observe.redact import redactor
from tradecore.types import BookState, OrderType, Side, SignalAction

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_levels_by_module_and_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    with logged(LogConfig(level="warn,market_data=debug,market_data::trades=off"), "f"):
        structlog.get_logger("market_data.orderbook").debug("Order book updated: X", instrument="X")
        structlog.get_logger("market_data.trades").error("no")
        structlog.get_logger("execution_engine").info("no")
        logging.getLogger("tradecore.live").warning("%d orders", 3)
    first, second = lines(capsys)
    assert re.fullmatch(TIME + r" DEBUG \[market_data::orderbook\] Order book updated: X instrument=X", first)
    assert re.fullmatch(TIME + r" WARNING \[tradecore::live\] 3 orders", second)


def test_after_the_block_nothing_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    with logged(LogConfig(level="trace"), "f"):
        assert logging.getLogger().level == 5
        assert logging.getLogger("websockets").level == logging.INFO, "every byte of a socket is asked for by name"
    assert (logging.getLogger().handlers, logging.getLogger().level) == (handlers, level)
    assert not structlog.is_configured()


def test_lines_for_machines(tmp_path: Path) -> None:
    path = tmp_path / "s.log"
    with logged(LogConfig(format="json", file=str(path)), "f"):
        structlog.get_logger("execution_engine").info("Order filled\nand more", strategy="m", order=7)
        try:
            raise ValueError("on purpose")
        except ValueError:
            logging.getLogger("x").exception("failed")
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert re.fullmatch(TIME, first.pop("timestamp"))
    assert first == {
        "level": "info",
        "module": "execution_engine",
        "message": "Order filled\nand more",
        "strategy": "m",
        "order": 7,
    }
    assert "ValueError: on purpose" in second["exception"]


def test_no_line_can_be_forged(capsys: pytest.CaptureFixture[str]) -> None:
    with logged(LogConfig(), "f"):
        logging.getLogger("x").warning("a\n2026-01-01T00:00:00.000000Z INFO [risk_manager] all is well\x1b[2J")
    first, second = lines(capsys)
    assert first.endswith("[x] a")
    assert second == "    2026-01-01T00:00:00.000000Z INFO [risk_manager] all is well\\x1b[2J"


def test_events_read_as_document_001_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    bus = tc.EventBus()
    with logged(LogConfig(level="info,market_data=debug"), "f"), events_logged(bus, "s1"):
        bus.publish(LinkChanged(1, "BINANCE", "public", True, "connected"))
        bus.publish(told.PriceUpdated(1, "BTCUSDT", 42150.5, 42151.0, None, None, BookState.SYNCED))  # type: ignore[arg-type]
        signal = ("BTCUSDT", "m", SignalAction.BUY, 0.87, 0.9, "model", 2)
        bus.publish(told.SignalGenerated(1, *signal))
        bus.publish(told.Error(1, "strategy", "m", "ValueError: x"))
    bus.publish(LinkChanged(1, "BINANCE", "public", True, "nobody listens"))
    said = [line.partition(" ")[2] for line in lines(capsys)]
    assert said == [
        "INFO [market_data] WebSocket connected to BINANCE (public): connected session=s1",
        "DEBUG [market_data::orderbook] Order book updated: BTCUSDT bid=42150.5 ask=42151.0 session=s1",
        "INFO [signal_bridge] Signal generated: BUY BTCUSDT confidence=0.87 session=s1 strategy=m",
        "ERROR [session] Failure of strategy m: ValueError: x session=s1",
    ]
    assert bus.failures == ()


def test_nobody_is_woken_for_prices_that_nobody_reads() -> None:
    bus = tc.EventBus()
    with logged(LogConfig(), "f"), events_logged(bus, "s1"):
        bus.publish(told.PriceUpdated(1, "X", None, None, None, None, BookState.SYNCED))
    assert bus.counts[told.PriceUpdated].delivered == 0


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_secret_is_in_no_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setenv("TRADECORE_BINANCE_SECRET", "s3cr3t-of-the-environment")
    config = LogConfig(level="trace", format=format)  # type: ignore[arg-type]
    with logged(config, "f", {"OPS_URL": "slack://T1/B2/hunter2"}):
        log = structlog.get_logger("venues")
        log.info("signed with s3cr3t-of-the-environment")
        log.info("GET /order?timestamp=1&signature=deadbeefcafe0123&recvWindow=5", apiKey="AK-9f8e7d")
        log.info("headers", headers={"X-MBX-APIKEY": "AK-9f8e7d", "Authorization": "Bearer eyJhbGci.payload"})
        log.warning("cannot reach slack://T1/B2/hunter2")
        try:
            raise ValueError("token: tok-42abc")
        except ValueError:
            log.exception("failed")
    text = capsys.readouterr().err
    assert len(text.splitlines()) >= 5
    for secret in ("s3cr3t-of", "deadbeefcafe0123", "AK-9f8e7d", "eyJhbGci", "hunter2", "tok-42abc"):
        assert secret not in text, secret
    if format == "json":
        assert all(json.loads(line) for line in text.splitlines())


def test_what_is_no_secret_stays() -> None:
    redact = redactor(environment={"PATH": "/usr/bin", "API_KEY": "ab"})
    for text in ("Order filled: BUY 1 BTCUSDT", "key of the book", "tokens: none", "in /usr/bin, ab"):
        assert redact(text) == text


def test_the_environment_goes_before_the_file() -> None:
    assert log_config(None, {}) is None
    assert log_config(LogConfig(level="error"), {}) == LogConfig(level="error")
    said = log_config(LogConfig(level="error", format="json"), {"TRADECORE_LOG": "info,market_data=debug"})
    assert said == LogConfig(level="info,market_data=debug", format="json")
    with pytest.raises(InvalidValueError, match="TRADECORE_LOG: 'loud' is no level"):
        log_config(None, {"TRADECORE_LOG": "loud"})
    with pytest.raises(ValueError, match="is no name of a module"):
        LogConfig(level="info,a b=debug")


def test_a_file_that_cannot_be_written_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"f\.toml: log\.file"),
        logged(LogConfig(file=str(tmp_path / "no" / "s.log")), "f.toml"),
    ):
        pass


def test_orders_and_halts_are_told_with_their_ids(capsys: pytest.CaptureFixture[str]) -> None:
    bus = tc.EventBus()
    order = ("X", "m", 7, None, Side.BUY, OrderType.MARKET, Decimal("1.50"), None, None, Decimal(0), "no_book", ())
    with logged(LogConfig(), "f"), events_logged(bus, "s1"):
        bus.publish(told.RiskHalt(1, "max_daily_loss", "halt", "strategy", "m", Decimal(100), Decimal(120)))
        bus.publish(told.OrderRejected(1, *order))
        stop = ("trailing", "last", 99.5, 99.75, Decimal(2), Decimal(2), "strategy", "m")
        bus.publish(told.StopTriggered(1, "X", "m", *stop))
        bus.publish(told.GroupEnded(1, "X", "m", 3, "bracket", "failed", "min_qty"))
    assert bus.failures == ()
    halted, rejected, stopped, ended = (line.partition(" ")[2] for line in lines(capsys))
    assert halted == (
        "ERROR [risk_manager] Trading stopped: max_daily_loss (halt) for strategy m, 120 of 100 session=s1"
    )
    assert rejected == ("WARNING [execution_engine] Order rejected: BUY 1.50 X: no_book session=s1 strategy=m order=7")
    assert stopped == (
        "WARNING [risk_manager] Stop fired: trailing of strategy m at 99.5, closes 2 of 2 X session=s1 strategy=m"
    )
    assert ended == "INFO [execution_engine] Group failed: bracket in X: min_qty session=s1 strategy=m group=3"
