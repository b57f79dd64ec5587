"""Which alerts there are, and which are sent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tradecore.bus import events as told
from tradecore.config.observe import AlertsConfig, AlertTarget
from tradecore.errors import ConfigError
from tradecore.live.events import ReconcileDifference, SessionFailed
from tradecore.observe.alerting import EVENTS, Alert, Conditions, Policy, alert_of
from tradecore.observe.health import Check, Health
from tradecore.observe.sample import Sample
from tradecore.observe.targets import targets_of
from tradecore.types import BookState

WELL = Health(is_live=True, is_ready=True, checks=(Check("loop", "healthy"),))
CONFIG = AlertsConfig(targets=(AlertTarget(name="ops", variable="OPS_URL"),))


def sample(state: BookState = BookState.SYNCED, used: float | None = None) -> Sample:
    limit = {"check": "max_position_qty", "scope": "strategy", "name": "m", "used_pct": used}
    markets = {"BTCUSDT.BINANCE": SimpleNamespace(state=state)}
    return cast(Sample, SimpleNamespace(has_begun=True, markets=markets, limits=[limit]))


@pytest.mark.parametrize(
    ("event", "severity", "text"),
    [
        (told.RiskHalt(1, "kill", "halt", "session", "", None, None), "critical", "kill switch"),
        (
            told.RiskHalt(1, "max_daily_loss", "flatten", "strategy", "m", Decimal(100), Decimal("120.5")),
            "critical",
            "max_daily_loss stopped strategy m, 120.5 of 100: flatten",
        ),
        (told.RiskHalt(1, "pause", "refuse", "session", "", None, None), "warning", "pause stopped session"),
        (told.RiskResumed(1, "session", ""), "info", "trading goes on: session"),
        (told.Error(1, "strategy", "m", "Traceback ...\nValueError: x\n"), "critical", "strategy m: ValueError: x"),
        (told.Error(1, "report", "7", "unknown order"), "warning", "report 7: unknown order"),
        (ReconcileDifference(1, "BINANCE", "A.BINANCE", "halt", "position"), "critical", "BINANCE: position"),
        (ReconcileDifference(1, "BINANCE", "A.BINANCE", "replay", "a fill"), "warning", "BINANCE: a fill"),
        (SessionFailed(1, "JournalFullError", "no room"), "critical", "the session ends: JournalFullError: no room"),
    ],
)
def test_events_are_alerts(event: told.Event, severity: str, text: str) -> None:
    alert = alert_of(event)
    assert alert is not None
    assert isinstance(event, EVENTS)
    assert alert.severity == severity
    assert text in alert.text


def test_what_reconciliation_does_at_every_start_is_no_alert() -> None:
    assert alert_of(ReconcileDifference(1, "BINANCE", None, "set_balance", "USDT")) is None


def test_a_gap_is_an_alert_when_it_lasts_and_once_more_when_it_is_over() -> None:
    conditions = Conditions(CONFIG, feed_gap_s=10)
    look = lambda state, now: [a.text for a in conditions.look(sample(state), WELL, now)]  # noqa: E731
    assert look(BookState.GAP, 0.0) == []
    assert look(BookState.SYNCED, 5.0) == [], "a short one is nothing, nor is its end"
    assert look(BookState.GAP, 6.0) == []
    assert look(BookState.BUFFERING, 16.0) == ["the book of BTCUSDT.BINANCE is out of sync (buffering)"]
    assert look(BookState.BUFFERING, 60.0) == []
    assert look(BookState.SYNCED, 61.0) == ["over: the book of BTCUSDT.BINANCE is out of sync (buffering)"]
    assert look(BookState.SYNCED, 62.0) == []


def test_a_limit_that_is_nearly_used_and_a_loop_that_hangs_are_alerts() -> None:
    conditions = Conditions(CONFIG, feed_gap_s=10)
    assert list(conditions.look(sample(used=79.0), WELL, 0.0)) == []
    (near,) = conditions.look(sample(used=85.0), WELL, 1.0)
    assert near.text == "max_position_qty of strategy m is used to 85 %"
    hung = replace(WELL, checks=(Check("loop", "unhealthy", "the event loop hangs for 12 s"),))
    (alert,) = conditions.look(sample(used=85.0), hung, 2.0)
    assert (alert.severity, alert.text) == ("critical", "loop: the event loop hangs for 12 s")


def test_silence_is_an_alert_whatever_the_check_says_of_it() -> None:
    conditions = Conditions(CONFIG, feed_gap_s=10)
    late = replace(WELL, checks=(Check("feeds", "degraded", "nothing comes", ("BTCUSDT.BINANCE",)),))
    worded = replace(WELL, checks=(Check("feeds", "degraded", "SILENT.BINANCE is silent in its name alone"),))
    assert list(conditions.look(sample(), worded, 0.0)) == []
    (alert,) = conditions.look(sample(), late, 1.0)
    assert (alert.key, alert.severity, alert.text) == ("silence", "warning", "feeds: nothing comes")
    (over,) = conditions.look(sample(), WELL, 2.0)
    assert over.text == "over: feeds: nothing comes"


def test_the_same_alert_waits_and_the_hour_is_limited() -> None:
    policy = Policy(repeat_after_s=60, per_hour=3)
    warn = lambda key: Alert("warning", key, key)  # noqa: E731
    assert policy.admits(warn("a"), 0.0)
    assert not policy.admits(warn("a"), 59.0)
    assert policy.admits(warn("a"), 60.0)
    assert policy.admits(warn("b"), 61.0)
    assert not policy.admits(warn("c"), 62.0), "three in this hour"
    assert policy.admits(Alert("critical", "k", "k"), 63.0), "what is critical goes beyond it"
    assert policy.held_back == 2
    assert policy.admits(warn("d"), 3_664.0)


def test_targets_come_from_the_environment_and_stay_hidden() -> None:
    (target,) = targets_of(CONFIG, "f.toml", {"OPS_URL": "json://user:hunter2@127.0.0.1:9/x"})
    assert target.wants("critical")
    assert not target.wants("info")
    assert "hunter2" not in repr(target)
    with pytest.raises(ConfigError, match=r"f\.toml: alerts\.targets\.0\.variable: OPS_URL is not set"):
        targets_of(CONFIG, "f.toml", {})
    with pytest.raises(ConfigError, match="OPS_URL holds no address") as caught:
        targets_of(CONFIG, "f.toml", {"OPS_URL": "nothing-of-the-kind hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_configuration_holds_no_address() -> None:
    given: Any = {"name": "ops", "variable": "slack://T/B/hunter2"}
    with pytest.raises(ValueError, match="variable"):
        AlertTarget(**given)
