"""The server of a session: routes, refusals, roles, and what a restart keeps."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from served import BTC, Served

import tradecore as tc
from tradecore.errors import ConfigError, JournalFullError, StoreError
from tradecore.live.journal import JournalWriter
from tradecore.live.runner import Live
from tradecore.live.state import strategy_states
from tradecore.observe.health import Check, Health
from tradecore.server.accounts import Accounts
from tradecore.server.history import History
from tradecore.server.jobs import Jobs
from tradecore.server.routes import orders
from tradecore.strategies.manual import Manual

pytestmark = pytest.mark.release

pytest.importorskip("fastapi")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = tc.RiskLimits(max_order_qty="1", max_open_orders=50)
    with Served(tmp_path_factory.mktemp("served"), risk=limits) as served:
        yield served


@pytest.fixture
def admin(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def data(response: httpx.Response, status: int = 200) -> Any:
    body = response.json()
    assert response.status_code == status, body
    assert body["success"] is True
    assert body["error"] is None
    return body["data"]


def problem(response: httpx.Response, status: int) -> str:
    body = response.json()
    assert (response.status_code, body["success"], body["data"]) == (status, False, None), body
    assert body["error"]
    return str(body["code"])


def order(client: httpx.Client, **terms: Any) -> httpx.Response:
    return client.post("/api/v1/orders", json={"symbol": "BTCUSDT", "side": "Buy", "quantity": 0.001, **terms})


def until(look: Any, seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return seen


def test_the_founding_routes_answer_as_they_did(admin: httpx.Client) -> None:
    health = data(admin.get("/health"))
    assert (health["status"], health["mode"], health["is_sandbox"]) == ("healthy", "paper", True)
    prices, depth = data(admin.get("/api/v1/prices")), data(admin.get("/api/v1/depth"))
    assert prices.keys() == depth.keys() == {"BTCUSDT"}
    book = depth["BTCUSDT"]
    assert list(book) == [
        *("symbol", "bid_price", "ask_price", "bid_quantity", "ask_quantity", "spread", "mid_price", "last_update")
    ]
    assert book["bid_price"] < book["mid_price"] < book["ask_price"]
    sent = data(order(admin, price=None), 201)
    assert {"id", "symbol", "side", "quantity", "price", "status", "timestamp"} <= sent.keys()
    assert (sent["side"], sent["quantity"], sent["price"], sent["status"]) == ("buy", 0.001, None, "filled")
    portfolio = until(lambda: (found := data(admin.get("/api/v1/portfolio")))["positions"] and found)
    assert portfolio["positions"]["BTCUSDT"].keys() == {"quantity", "average_price", "market_value", "pnl"}
    assert portfolio["positions"]["BTCUSDT"]["quantity"] >= 0.001
    assert portfolio["cash_balance"] < 100_000 < portfolio["cash_balance"] + 1_000
    assert abs(portfolio["total_value"] - 100_000) < 10
    assert sent["id"] in [row["id"] for row in data(admin.get("/api/v1/orders"))]


@pytest.mark.parametrize(
    ("terms", "status", "code"),
    [
        ({"symbol": "NOPE"}, 422, "unknown_symbol"),
        ({"side": "up"}, 422, "unknown_side"),
        ({"quantity": "NaN"}, 422, "not_a_number"),
        ({"quantity": "many"}, 422, "not_a_number"),
        ({"quantity": -1}, 422, "invalid_value"),
        ({"quantity": 0}, 422, "invalid_value"),
        ({"quantity": True}, 422, "invalid_value"),
        ({"quantity": "0.0000000001"}, 422, "off_grid"),
        ({"price": "50000.001"}, 422, "off_grid"),
        ({"price": 1e300}, 422, "invalid_value"),
        ({"quantity": 2, "price": 50000}, 422, "risk_limit"),
        ({"strategy": "nobody"}, 404, "unknown_strategy"),
        ({"type": "wish"}, 422, "invalid_value"),
        ({"prise": 1}, 422, "invalid_value"),
        ({"trigger_price": 50000, "type": "limit"}, 422, "invalid_value"),
    ],
)
def test_what_is_no_order_is_refused_with_the_reason(
    admin: httpx.Client, terms: dict[str, Any], status: int, code: str
) -> None:
    assert problem(order(admin, **terms), status) == code


def test_without_a_book_nothing_is_bought_at_the_market_or_priced(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradecore.server.view.View.is_synced", lambda self, name: False)
    assert problem(order(admin, price=None), 422) == "no_book"
    asked = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}
    assert problem(admin.post("/api/v1/orders/preview", json=asked), 422) == "no_book"
    resting = data(order(admin, price=50_000), 201)
    assert data(admin.delete(f"/api/v1/orders/{resting['id']}"), 202)["id"] == resting["id"]


def test_what_is_no_json_is_refused(admin: httpx.Client) -> None:
    sent = admin.post("/api/v1/orders", content=b"{", headers={"Content-Type": "application/json"})
    assert problem(sent, 400) == "bad_json"
    nan = b'{"symbol": "BTCUSDT", "side": "buy", "quantity": NaN}'
    sent = admin.post("/api/v1/orders", content=nan, headers={"Content-Type": "application/json"})
    assert problem(sent, 422) == "not_a_number"
    twice = b'{"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "price": 50000, "quantity": "1"}'
    sent = admin.post("/api/v1/orders", content=twice, headers={"Content-Type": "application/json"})
    assert problem(sent, 400) == "bad_json"
    assert "'quantity' stands twice" in sent.json()["error"]
    assert problem(admin.post("/api/v1/orders", content=b"x" * (1 << 21)), 413) == "too_large"
    assert problem(admin.get("/api/v1/nowhere"), 404) == "not_found"
    assert problem(admin.put("/health"), 405) == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "field", "takes"),
    [
        ("/api/v1/bars/BTCUSDT?spec=zz", "query.spec", "GET /api/v1/bars/{name} takes interval, limit"),
        ("/api/v1/orders?status=open&symbols=BTCUSDT", "query.symbols", "symbol"),
        ("/api/v1/prices?symbol=BTCUSDT", "query.symbol", "GET /api/v1/prices takes none"),
        ("/api/v1/strategies/shown?x", "query.x", "takes none"),
        ("/health?full=1", "query.full", "GET /health takes none"),
    ],
)
def test_a_parameter_that_a_route_does_not_have_is_refused(
    served: Served, admin: httpx.Client, path: str, field: str, takes: str
) -> None:
    for _ in range(2):  # what is answered without the application is not either
        answer = admin.get(path)
        assert problem(answer, 422) == "unknown_parameter"
        assert answer.json()["field"] == field
        assert takes in answer.json()["error"]
    assert data(admin.get("/api/v1/bars/BTCUSDT?interval=1s&limit=5")) is not None


def test_an_order_is_changed_and_cancelled(admin: httpx.Client) -> None:
    sent = data(order(admin, price="50000.00", quantity="0.00200"), 201)
    assert (sent["status"], sent["price_text"], sent["quantity_text"]) == ("accepted", "50000.00", "0.00200")
    one = f"/api/v1/orders/{sent['id']}"
    data(admin.put(one, json={"price": 50001, "quantity": "0.001"}), 202)
    changed = until(lambda: (row := data(admin.get(one)))["price_text"] == "50001.00" and row)
    assert (changed["quantity"], changed["fills"]) == (0.001, [])
    book = until(lambda: [row for row in data(admin.get("/api/v1/book/BTCUSDT"))["orders"] if row["id"] == sent["id"]])
    assert (book[0]["side"], book[0]["price"], book[0]["quantity"]) == ("buy", "50001.00", "0.00100")
    data(admin.delete(one), 202)
    until(lambda: data(admin.get(one))["status"] == "cancelled")
    assert problem(admin.delete(one), 409) == "ended"
    assert problem(admin.put(one, json={"price": 1}), 409) == "ended"
    noted = [(row["what"], row["status"]) for row in data(admin.get("/api/v1/audit?limit=5"))]
    assert noted == [("replace", 409), ("cancel", 409), ("cancel", 200), ("replace", 200), ("order", 200)]
    assert problem(admin.get("/api/v1/orders/999999"), 404) == "unknown_order"
    for _ in range(2):
        data(order(admin, price=50000), 201)
    assert data(admin.delete("/api/v1/orders", params={"symbol": "BTCUSDT"}))["requested"] == 2
    until(lambda: not data(admin.get("/api/v1/orders", params={"status": "open"})))


def test_a_request_with_a_key_is_done_once(admin: httpx.Client) -> None:
    key = {"Idempotency-Key": "k1"}
    body = {"symbol": "BTCUSDT", "side": "sell", "quantity": "0.001", "price": "70000"}
    first = admin.post("/api/v1/orders", json=body, headers=key)
    again = admin.post("/api/v1/orders", json=body, headers=key)
    assert data(first, 201) == data(again, 201)
    assert again.headers["idempotent-replay"] == "true"
    other = admin.post("/api/v1/orders", json={**body, "quantity": 1}, headers=key)
    assert problem(other, 409) == "other_request"
    refused = {"Idempotency-Key": "k2"}
    for _ in range(2):
        assert problem(admin.post("/api/v1/orders", json={**body, "symbol": "X"}, headers=refused), 422)
    data(admin.delete(f"/api/v1/orders/{first.json()['data']['id']}"), 202)


def test_what_an_order_would_cost_is_read_off_the_book(admin: httpx.Client) -> None:
    sent = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}
    shown = data(admin.post("/api/v1/orders/preview", json=sent))
    assert shown["is_complete"] is True
    assert shown["average_price"] == pytest.approx(60_000, rel=0.05)
    assert shown["slippage_bps"] >= 0
    far = data(admin.post("/api/v1/orders/preview", json={**sent, "price": 1}))
    assert (far["filled_quantity"], far["average_price"], far["left_quantity"]) == (0, None, 0.001)


@pytest.mark.parametrize("is_heard_of", [True, False], ids=["heard of", "unheard of"])
def test_an_order_that_left_is_answered_as_one_though_the_session_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_heard_of: bool
) -> None:
    """The server ends, too, while the answer waits for the venue's word, which it does for a minute here."""
    answered, take = History.answered, History.take

    async def stopping(history: History, *given: Any, **terms: Any) -> Any:
        row = await answered(history, *given, **terms) if is_heard_of else None
        served.stop()
        return row or await answered(history, *given, **terms)

    def deaf(history: History, event: Any) -> None:
        if is_heard_of or not isinstance(event, tc.events.OrderEvent):
            take(history, event)

    monkeypatch.setattr(History, "answered", stopping)
    monkeypatch.setattr(History, "take", deaf)
    with Served(tmp_path) as served, served.client() as admin:
        sent = data(order(admin, price=50_000, quantity="0.002", strategy="manual"), 201)
    assert sent["status"] in (("accepted", "cancelled") if is_heard_of else ("unknown",))
    assert (sent["venue_client_id"], sent["quantity"], sent["type"]) == ("s1-0-1", 0.002, "limit")
    assert [row["order_id"] for row in served.result.orders.iter_rows(named=True)] == [sent["id"]]


def test_an_order_that_cannot_be_written_down_is_answered_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}

    def full(_: Any) -> None:
        raise JournalFullError("journal", "no room")

    answers: list[httpx.Response] = []
    answered = threading.Event()

    async def until_answered(_: Any) -> None:
        """In place of what waits for confirmations of what was not sent: a server ends with its session."""
        await asyncio.to_thread(answered.wait, 60)

    def ask(served: Served) -> None:
        with served, served.client() as admin:
            monkeypatch.setattr(JournalWriter, "flush", full)
            monkeypatch.setattr(Live, "_flat_of_orders", until_answered)
            # The second time with the key of an order that never was.
            answers.extend(admin.post("/api/v1/orders", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))
            answered.set()

    served = Served(tmp_path, journal=str(tmp_path / "journal"))
    with pytest.raises(JournalFullError):
        ask(served)
    assert [problem(answer, 503) for answer in answers] == ["not_trading", "not_trading"]
    assert not any("Idempotent-Replay" in answer.headers for answer in answers)
    assert not served.live.session.desk._exchange.open_orders(0)


def test_an_order_that_left_is_answered_as_one_though_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "price": "50000"}

    def full(*_: Any) -> None:
        raise StoreError("server.db", "no room")

    with Served(tmp_path) as served, served.client() as admin:
        monkeypatch.setattr(Accounts, "note", full)
        monkeypatch.setattr(Accounts, "end_request", full)
        sent = data(admin.post("/api/v1/orders", json=body, headers={"Idempotency-Key": "k"}), 201)
        again = admin.post("/api/v1/orders", json=body, headers={"Idempotency-Key": "k"})
        assert problem(again, 409) == "no_answer_known"
    assert f"'order', '{sent['id']} {{" in caplog.text, "who did what is in the log then"


def test_roles_say_who_may_do_what(served: Served) -> None:
    body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "price": "50000"}
    with served.client(None) as nobody, served.client("read") as reader, served.client("trade") as trader:
        assert data(nobody.get("/api/v1/orders")) is not None
        assert problem(nobody.post("/api/v1/orders", json=body), 401) == "unauthorized"
        assert nobody.post("/api/v1/orders", json=body).headers["www-authenticate"] == "Bearer"
        assert problem(reader.post("/api/v1/orders", json=body), 403) == "forbidden"
        for path in ("users", "audit"):
            assert problem(trader.get(f"/api/v1/{path}"), 403) == "forbidden"
        for path in ("risk/resume", "strategies/shown/pause"):
            assert problem(trader.post(f"/api/v1/{path}"), 403) == "forbidden"
        sent = data(trader.post("/api/v1/orders", json=body), 201)
        data(trader.delete(f"/api/v1/orders/{sent['id']}"), 202)
        wrong = {"Authorization": "Bearer " + "x" * 43}
        assert problem(nobody.get("/api/v1/orders", headers=wrong), 401) == "unauthorized"
        assert problem(nobody.get("/api/v1/orders", headers={"Authorization": "Basic eDp5"}), 401) == "unauthorized"


def test_a_browser_logs_in_and_its_requests_carry_more_than_a_cookie(served: Served, admin: httpx.Client) -> None:
    with served.client(None) as browser:
        assert problem(browser.post("/api/v1/login", json={"user": "trade", "password": "wrong"}), 401)
        answer = browser.post("/api/v1/login", json={"user": "trade", "password": "password of trade"})
        csrf = data(answer)["csrf"]
        logins = [(row["user"], row["status"]) for row in data(admin.get("/api/v1/audit?limit=2"))]
        assert logins == [("trade", 200), (None, 401)]
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert data(browser.get("/api/v1/me"))["role"] == "trade"
        body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "price": "50000"}
        assert problem(browser.post("/api/v1/orders", json=body), 403) == "csrf"
        signed = {"X-CSRF-Token": csrf}
        foreign = {**signed, "Origin": "http://evil.example"}
        assert problem(browser.post("/api/v1/orders", json=body, headers=foreign), 403) == "origin"
        sent = data(browser.post("/api/v1/orders", json=body, headers=signed), 201)
        data(browser.delete(f"/api/v1/orders/{sent['id']}", headers=signed), 202)
        data(browser.post("/api/v1/logout", headers=signed))
        assert data(browser.get("/api/v1/me"))["user"] is None


def test_a_name_that_was_made_to_point_here_reads_nothing(served: Served, admin: httpx.Client) -> None:
    for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "[", ""):
        assert problem(admin.get("/api/v1/orders", headers={"Host": host}), 403) == "host"
    for host in ("localhost", "127.0.0.1:1", "[::1]:8080", "[::1]"):
        data(admin.get("/api/v1/orders", headers={"Host": host}))


def test_users_come_and_go_and_what_they_do_is_written_down(served: Served, admin: httpx.Client) -> None:
    made = data(admin.post("/api/v1/users", json={"name": "ada", "role": "trade"}), 201)
    assert problem(admin.post("/api/v1/users", json={"name": "ada", "role": "trade"}), 422) == "invalid_value"
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {made['token']}"}, timeout=60) as ada:
        data(ada.post("/api/v1/risk/pause", json={"reason": "lunch"}))
        assert problem(order(ada, price=50000), 422) == "paused"
        data(admin.post("/api/v1/risk/resume"))
        data(admin.delete("/api/v1/users/ada"))
        assert problem(ada.get("/api/v1/orders"), 401) == "unauthorized"
    noted = data(admin.get("/api/v1/audit"))
    paused = next(row for row in noted if row["what"] == "risk pause")
    assert (paused["user"], paused["detail"], paused["status"]) == ("ada", "lunch", 200)
    refused, sent = [row for row in noted if row["what"] in ("order refused", "order")][:2]
    number, _, why = refused["detail"].partition(" ")
    assert (refused["user"], refused["status"], sent["what"]) == ("ada", 422, "order")
    assert "paused" in why
    assert sent["detail"].startswith(f"{number} {{")
    assert made["token"] not in admin.get("/api/v1/audit").text


def test_what_somebody_was_allowed_to_try_is_written_down_with_what_it_came_to_nothing_by(
    served: Served, admin: httpx.Client
) -> None:
    body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "price": "50000"}
    with served.client("read") as reader, served.client("trade") as trader:
        problem(reader.post("/api/v1/orders", json=body), 403)
        problem(admin.patch("/api/v1/strategies/shown/parameters", json={"fixed": 1}), 422)
        problem(admin.post("/api/v1/strategies/nobody/stop"), 404)
        problem(
            trader.post("/api/v1/orders", json={**body, "symbol": "NOPE"}, headers={"Idempotency-Key": "nope"}), 422
        )
        problem(trader.post("/api/v1/orders", json={**body, "quantity": "NaN"}), 422)
        problem(trader.post("/api/v1/orders?strategi=shown", json=body), 422)
        problem(trader.delete("/api/v1/orders/987654321"), 404)
        problem(trader.post("/api/v1/jobs", json={"config": ""}), 403)
        problem(admin.post("/api/v1/users", json={"name": "bob", "role": "trade", "password": "hunter2"}), 422)
        problem(admin.post("/api/v1/users", content=b"{", headers={"Content-Type": "application/json"}), 400)
    rows = data(admin.get("/api/v1/audit?limit=9"))[::-1]
    assert [(row["user"], row["what"], row["status"]) for row in rows] == [
        *(("admin", "parameters", 422), ("admin", "strategy stop", 404), ("trade", "order", 422)),
        *(("trade", "order", 422), ("trade", "order", 422), ("trade", "cancel", 404), ("trade", "job", 403)),
        *(("admin", "add user", 422), ("admin", "add user", 400)),
    ]
    told = [row["detail"] for row in rows]
    assert told[0].startswith("""shown {"fixed": 1}: fixed: does not change while 'shown' runs""")
    assert told[1].startswith("nobody: no strategy is called 'nobody'")
    assert '"symbol":"NOPE"' in told[2]
    assert "strategi: no such parameter" in told[4]
    assert told[7].startswith("body.password: ")
    assert "hunter2" not in str(told)


def test_what_fails_in_the_server_itself_is_written_down_too_and_tells_nothing_of_its_inside(
    served: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("inside")

    body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "price": "50000"}
    with monkeypatch.context() as broken, served.client("trade") as trader:
        broken.setattr(Jobs, "add", breaks)
        broken.setattr(Jobs, "listed", breaks)
        broken.setattr(orders, "_market_and_side", breaks)
        answers = [
            trader.post("/api/v1/orders", json=body),
            trader.post("/api/v1/orders", json=body, headers={"Idempotency-Key": "broken"}),
            trader.post("/api/v1/jobs", json={}),
            trader.get("/api/v1/jobs"),
        ]
    assert [problem(answer, 500) for answer in answers] == ["internal"] * 4
    assert "inside" not in "".join(answer.text for answer in answers)
    assert "content-security-policy" in answers[0].headers
    assert "ZeroDivisionError: inside" in caplog.text
    rows = data(admin.get("/api/v1/audit?limit=3"))[::-1]
    assert [(row["user"], row["what"], row["status"]) for row in rows] == [
        *(("trade", "order", 500), ("trade", "order", 500), ("trade", "job", 500)),
    ]
    assert all('"quantity":"0.001"' in row["detail"] for row in rows[:2])


def test_a_database_that_fails_is_no_fault_of_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> None:
        raise StoreError("server.db", "gone")

    body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "price": "50000"}
    with Served(tmp_path) as served, served.client() as admin:
        monkeypatch.setattr(Accounts, "begin_request", gone)
        monkeypatch.setattr(Accounts, "listed", gone)
        sent = admin.post("/api/v1/orders", json=body, headers={"Idempotency-Key": "k"})
        assert [problem(answer, 503) for answer in (sent, admin.get("/api/v1/users"))] == ["not_kept", "not_kept"]
        monkeypatch.setattr(Accounts, "of_token", gone)
        assert problem(admin.get("/api/v1/portfolio"), 503) == "not_kept"


def test_every_answer_has_the_headers_of_a_careful_server(served: Served, admin: httpx.Client) -> None:
    for answer in (admin.get("/health"), admin.get("/api/v1/nowhere"), admin.post("/api/v1/orders", content=b"{")):
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
    preflight = admin.options(
        "/api/v1/orders", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert "access-control-allow-origin" not in preflight.headers


def test_a_strategy_is_held_changed_and_shown(served: Served, admin: httpx.Client) -> None:
    (shown,) = (row for row in data(admin.get("/api/v1/strategies")) if row["name"] == "shown")
    assert [(p["name"], p["value"], p["is_changeable"]) for p in shown["parameters"]] == [
        *(("step", 1, True), ("fixed", 0.5, False), ("period", "50ms", False))
    ]
    assert data(admin.post("/api/v1/strategies/shown/pause"))["state"] == "paused"
    assert problem(order(admin, price=50000, strategy="shown"), 422) == "paused"
    assert data(admin.post("/api/v1/strategies/shown/start"))["state"] == "active"
    resting = data(order(admin, price=50000, strategy="shown"), 201)
    assert data(admin.post("/api/v1/strategies/shown/stop"))["state"] == "stopped"
    until(lambda: data(admin.get(f"/api/v1/orders/{resting['id']}"))["status"] == "cancelled")
    assert data(admin.post("/api/v1/strategies/shown/pause"))["state"] == "stopped"
    assert problem(order(admin, price=50000, strategy="shown"), 422) == "stopped"
    assert data(admin.get("/api/v1/strategies/shown"))["state"] == "stopped"
    for path in ("/health", "/api/v1/risk"):
        assert data(admin.get(path))["trading"] == {"manual": "active", "shown": "stopped"}
    assert served.live.state.trading == {"manual": "active", "shown": "stopped"}
    assert data(admin.post("/api/v1/strategies/shown/start"))["state"] == "active"
    one = "/api/v1/strategies/shown/parameters"
    assert data(admin.patch(one, json={"step": 7}))["parameters"][0]["value"] == 7
    until(lambda: data(admin.get("/api/v1/strategies/shown/published"))["values"].get("step") == 7)
    published = data(admin.get("/api/v1/strategies/shown/published"))
    assert published["series"]["steps"][-1][1] == 7.0
    assert published["tables"]["levels"] == {"columns": ["side", "qty"], "rows": [["bid", 1]]}
    assert problem(admin.patch(one, json={"fixed": 1}), 422) == "invalid_value"
    assert problem(admin.patch(one, json={"step": "many"}), 422) == "invalid_value"
    assert problem(admin.patch(one, json={"nope": 1}), 422) == "invalid_value"
    assert problem(admin.post("/api/v1/strategies/nobody/pause"), 404) == "unknown_strategy"


def test_a_strategy_that_failed_says_so_wherever_it_is_shown(tmp_path: Path) -> None:
    is_asked_for = threading.Event()

    class Failing(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("10ms", self.fail)

        def fail(self, ctx: tc.Context) -> None:
            if is_asked_for.is_set():
                raise ValueError("on purpose")

    with Served(tmp_path, strategies=lambda: [Manual("manual", [BTC]), Failing("failing", [BTC])]) as served:
        with served.client() as admin:
            is_asked_for.set()
            shown = until(lambda: (row := data(admin.get("/api/v1/strategies/failing")))["failure"] and row)
            assert (shown["state"], "on purpose" in shown["failure"]) == ("failed", True)
            states = {"manual": "active", "failing": "failed"}
            assert data(admin.get("/api/v1/risk"))["trading"] == states
            assert data(admin.get("/health"))["trading"] == states
            for act in ("stop", "resume", "pause"):
                assert problem(admin.post(f"/api/v1/strategies/failing/{act}"), 409) == "strategy_failed"
            noted = data(admin.get("/api/v1/audit"))[0]
            assert (noted["what"], noted["status"]) == ("strategy pause", 409)
            assert data(admin.post("/api/v1/strategies/manual/pause"))["state"] == "paused"
            assert data(admin.get("/api/v1/strategies/manual"))["state"] == "paused"
            is_asked_for.clear()
            again = data(admin.post("/api/v1/strategies/failing/start"))
            assert (again["state"], again["failure"]) == ("active", None)
            is_asked_for.set()
            until(lambda: data(admin.get("/api/v1/strategies/failing"))["state"] == "failed")
        kernel = served.live.session.kernel
    assert strategy_states(kernel) == {"manual": "stopped", "failing": "failed"}


def test_the_kill_switch_closes_everything_until_it_is_armed_again(admin: httpx.Client) -> None:
    data(order(admin), 201)
    data(order(admin, price=50000), 201)
    assert data(admin.post("/api/v1/risk/kill"))["state"] == "killed"
    assert problem(order(admin, price=50000), 422) == "killed"
    until(lambda: data(admin.get("/api/v1/risk"))["state"] == "killed")
    until(lambda: all(float(row["quantity"]) == 0 for row in data(admin.get("/api/v1/positions"))))
    assert not data(admin.get("/api/v1/orders", params={"status": "open"}))
    assert data(admin.post("/api/v1/risk/resume"))["state"] == "active"
    limits = until(lambda: data(admin.get("/api/v1/risk"))["limits"])
    assert {"check", "limit", "value", "use"} <= limits[0].keys()


def test_the_rest_of_what_is_read(admin: httpx.Client) -> None:
    data(order(admin), 201)
    fills = until(lambda: data(admin.get("/api/v1/fills")))
    assert {"order_id", "price", "quantity", "fee", "liquidity"} <= fills[0].keys()
    book = data(admin.get("/api/v1/book/BTCUSDT", params={"depth": 3}))
    assert (len(book["bids"]), len(book["asks"]), book["state"]) == (3, 3, "synced")
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])
    assert until(lambda: data(admin.get("/api/v1/trades/BTCUSDT")))
    bar = until(lambda: data(admin.get("/api/v1/bars/BTCUSDT", params={"interval": "1s"})))[-1]
    assert bar[3] <= min(bar[1], bar[4]) <= max(bar[1], bar[4]) <= bar[2]
    points = until(lambda: data(admin.get("/api/v1/equity"))["points"])
    assert points[-1][1] == pytest.approx(100_000, rel=0.001)
    assert data(admin.get("/api/v1/feeds"))[0]["state"] == "synced"
    assert data(admin.get("/api/v1/latency"))["decision"]["count"] > 0
    assert data(admin.get("/api/v1/instruments/BTCUSDT"))["id"] == BTC
    assert any(row["event"] == "OrderFilled" for row in data(admin.get("/api/v1/events")))
    assert problem(admin.get("/api/v1/book/NOPE"), 404) == "unknown_symbol"
    assert data(admin.get("/api/v1/sessions")) == []
    document = admin.get("/api/v1/openapi.json").json()
    assert "example" in document["paths"]["/api/v1/orders"]["post"]["responses"]["201"]["content"]["application/json"]


def test_a_view_is_sent_to_who_has_it_no_more_until_it_changes(served: Served, admin: httpx.Client) -> None:
    def fetch(tag: str = "") -> httpx.Response:
        return admin.get("/api/v1/orders", headers={"If-None-Match": tag} if tag else {})

    first = fetch()
    tag = first.headers["etag"]
    again = fetch(tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert "content-security-policy" in again.headers
    sent = data(order(admin, price=50000), 201)
    changed = fetch(tag)
    assert changed.headers["etag"] != tag
    assert data(changed)[0]["id"] == sent["id"]
    data(admin.delete(f"/api/v1/orders/{sent['id']}"), 202)
    assert "etag" not in admin.get("/api/v1/me").headers
    assert problem(admin.get("/api/v1/orders", headers={"Authorization": "Bearer x", "If-None-Match": tag}), 401)


def test_what_one_may_read_is_not_kept_for_another(tmp_path: Path) -> None:
    with Served(tmp_path, open_reads=False) as served, served.client("read") as reader, served.client(None) as nobody:
        for _ in range(20):
            data(reader.get("/api/v1/prices"))
            assert problem(nobody.get("/api/v1/prices"), 401) == "unauthorized"


def test_health_is_what_judges_the_whole_session_not_its_market_data_alone(tmp_path: Path) -> None:
    judged = [Health(is_live=True, is_ready=True, checks=(Check("journal", "healthy"),))]
    with Served(tmp_path, health=lambda: judged[-1]) as served, served.client(None) as anybody:
        well = data(anybody.get("/health"))
        assert (well["status"], well["is_ready"], well["mode"]) == ("healthy", True, "paper")
        assert well["feeds"][BTC]["state"] == "synced"
        checks = (Check("trading", "degraded", "shown is halted"),)
        judged.append(Health(is_live=True, is_ready=False, checks=checks))
        halted = data(anybody.get("/health"))
        assert (halted["status"], halted["is_ready"]) == ("degraded", False)
        assert halted["checks"] == [{"name": "trading", "status": "degraded", "detail": "shown is halted"}]
        checks = (*checks, Check("journal", "unhealthy", "nothing written for 11 s"))
        judged.append(Health(is_live=True, is_ready=False, checks=checks))
        answer = anybody.get("/health")
        assert problem(answer, 503) == "unhealthy"
        assert answer.json()["error"] == "trading: shown is halted; journal: nothing written for 11 s"


def test_who_asks_too_often_is_told_to_wait(tmp_path: Path) -> None:
    with Served(tmp_path, rate_per_second=5.0) as served, served.client("read") as client:
        answers = [client.get("/health") for _ in range(40)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert refused[0].headers["retry-after"] == "1"
        assert problem(refused[0], 429) == "too_many_requests"


def certificate(folder: Path) -> dict[str, str]:
    """Make a certificate for this machine's own address, and its key; return the settings that name them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = {"tls_cert": folder / "cert.pem", "tls_key": folder / "key.pem"}
    files["tls_cert"].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files["tls_key"].write_bytes(key.private_bytes(*form))
    return {name: str(path) for name, path in files.items()}


@pytest.mark.parametrize("key", ["another", "with a password", "none"])
def test_a_key_that_no_connection_could_be_served_with_is_refused_by_its_name(tmp_path: Path, key: str) -> None:
    files = certificate(tmp_path)
    made, password = ec.generate_private_key(ec.SECP256R1()), serialization.BestAvailableEncryption(b"secret")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    text = {
        "another": made.private_bytes(*form, serialization.NoEncryption()),
        "with a password": made.private_bytes(*form, password),
        "none": b"-----BEGIN",
    }
    Path(files["tls_key"]).write_bytes(text[key])
    named = r"server\.tls_key: .*key\.pem is no key without a password, PEM, of .*cert\.pem"
    with pytest.raises(ConfigError, match=named), Served(tmp_path, **files):
        pass


def test_a_certificate_by_configuration_makes_everything_go_by_tls(tmp_path: Path) -> None:
    with Served(tmp_path, **certificate(tmp_path)) as served, served.client("trade") as trader:
        assert served.url.startswith("https://")
        assert data(order(trader), 201)["status"] == "filled"
        answer = trader.get("/api/v1/prices")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        cookie = trader.post("/api/v1/login", json={"token": served.tokens["trade"]}).headers["set-cookie"]
        assert "; secure" in cookie.lower()
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{served.url}/health")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{served.url.replace('https', 'http')}/health")

        async def hello() -> Any:
            assert isinstance(served.verify, ssl.SSLContext)
            url = f"{served.url}/api/v1/stream"
            async with aiohttp.ClientSession() as http, http.ws_connect(url, ssl=served.verify) as socket:
                return await socket.receive_json(timeout=60)

        assert asyncio.run(hello())["kind"] == "hello"


def test_users_and_keys_may_be_in_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with Served(tmp_path, database=postgres_url) as served, served.client() as admin:
        made = data(admin.post("/api/v1/users", json={"name": "grace", "role": "trade"}), 201)
        body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}
        headers = {"Authorization": f"Bearer {made['token']}", "Idempotency-Key": "k1"}
        first, again = (
            httpx.post(f"{served.url}/api/v1/orders", json=body, headers=headers, timeout=60) for _ in range(2)
        )
        assert data(first, 201) == data(again, 201)
        noted = data(admin.get("/api/v1/audit"))
        assert [row["user"] for row in noted if row["what"] == "order"] == ["grace"]
        data(admin.delete("/api/v1/users/grace"))


def backtest_of(folder: Path, strategy: str, events: int) -> str:
    """Return the configuration of a backtest on a market in a folder."""
    tc.synthesize(folder / "market", events=events, seed=1)
    return f"""
    [data]
    catalog = "{folder / "market"}"
    [[venues]]
    name = "SYNTH"
    [[strategies]]
    {strategy}
    """


def test_backtests_run_beside_the_session_and_show_their_report(served: Served, tmp_path: Path) -> None:
    maker = 'kind = "touch_maker"\nparams = { quote_qty = "0.01", max_position = "0.05" }'
    config = backtest_of(tmp_path, maker, events=3_000)
    with served.client() as admin, served.client("trade") as trader:
        assert problem(trader.post("/api/v1/jobs", json={"config": config}), 403) == "forbidden"
        good = data(admin.post("/api/v1/jobs", json={"config": config, "seed": 7}), 202)
        bad = data(admin.post("/api/v1/jobs", json={"config": "[data]\ncatalog = 1\n"}), 202)
        last = data(admin.post("/api/v1/jobs", json={"config": config}), 202)
        assert problem(admin.get(f"/api/v1/jobs/{last['id']}/report"), 404) == "no_report"
        assert data(admin.delete(f"/api/v1/jobs/{last['id']}"))["status"] == "cancelled"

        def ended() -> dict[int, Any] | None:
            listed = data(admin.get("/api/v1/jobs"))
            assert [job["id"] for job in listed[:3]] == [last["id"], bad["id"], good["id"]]
            jobs = {job["id"]: job for job in listed}
            return None if any(job["status"] in ("queued", "running") for job in listed) else jobs

        jobs = until(ended, 120)
        assert (jobs[good["id"]]["status"], jobs[good["id"]]["error"]) == ("done", None)
        assert jobs[good["id"]]["summary"]["seed"] == 7
        assert jobs[bad["id"]]["status"] == "failed"
        assert "data.catalog" in jobs[bad["id"]]["error"]
        assert jobs[last["id"]]["status"] == "cancelled"
        page = admin.get(f"/api/v1/jobs/{good['id']}/report")
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["content-security-policy"].startswith("sandbox allow-scripts")
        assert "touch_maker" in page.text
        assert problem(admin.get("/api/v1/jobs/999"), 404) == "unknown_job"


STUCK = """
import pathlib, signal, time
import tradecore as tc


class Stuck(tc.Strategy):
    def on_start(self, ctx):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path(__file__).with_name("began").touch()
        time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are told apart by Linux's /proc")
def test_a_cancelled_backtest_ends_with_its_process_and_its_files(served: Served, tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(STUCK)
    config = backtest_of(tmp_path, f'kind = "{tmp_path / "stuck.py"}:Stuck"', events=1_000)

    def processes(folder: Path) -> list[Path]:
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if str(folder) in (place / "cmdline").read_text():
                    found.append(place)
        return found

    with served.client() as admin:
        job = data(admin.post("/api/v1/jobs", json={"config": config}), 202)
        waiting = data(admin.post("/api/v1/jobs", json={"config": config}), 202)
        until((tmp_path / "began").exists, 60)
        folders = Path(tempfile.gettempdir()).glob(f"tradecore-jobs-{os.getpid()}-*/{job['id']}")
        folder = next(path for path in folders if processes(path))
        assert data(admin.get(f"/api/v1/jobs/{job['id']}"))["status"] == "running"
        assert data(admin.delete(f"/api/v1/jobs/{waiting['id']}"))["status"] == "cancelled"
        assert not (folder.parent / str(waiting["id"])).exists()
        assert data(admin.delete(f"/api/v1/jobs/{job['id']}"))["status"] == "cancelled"
        until(lambda: not processes(folder) and not folder.exists(), 60)
        shown = data(admin.get(f"/api/v1/jobs/{job['id']}"))
        assert (shown["status"], shown["summary"], shown["error"]) == ("cancelled", None, None)
        assert shown["ended_ns"] >= shown["started_ns"]
        assert problem(admin.get(f"/api/v1/jobs/{job['id']}/report"), 404) == "no_report"
        assert data(admin.delete(f"/api/v1/jobs/{job['id']}")) == shown


CONFIG = """
[mode]
journal = "journal"
session = "s1"
[[mode.connections]]
venue = "BINANCE"
sandbox = true
[server]
port = 0
database = "server.db"
[[strategies]]
kind = "manual"
instruments = ["BTCUSDT.BINANCE"]
"""


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``tradecore serve`` in a folder; yields where it serves once its session takes orders."""
    command = [sys.executable, "-m", "tradecore", "serve", "--config", "serve.toml"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                if line.startswith("serving at "):
                    break
            assert lines, "it says nothing"
            assert lines[-1].startswith("serving at "), "".join(lines)
            assert "token" not in "".join(lines)
            url = lines[-1].removeprefix("serving at ").strip()
            until(lambda: httpx.get(f"{url}/health", timeout=60).json()["data"])
            yield url, process
        finally:
            process.kill()


def test_a_killed_server_goes_on_with_positions_kill_switch_users_and_keys(tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text(CONFIG)
    add = [sys.executable, "-m", "tradecore", "user", "add", "ada", "--role", "admin", "--config", "serve.toml"]
    token = subprocess.run(add, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    key = {"Idempotency-Key": "once"}
    body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}
    with serving(tmp_path) as (url, process), httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        sent = until(lambda: (answer := client.post("/api/v1/orders", json=body)).status_code == 201 and answer).json()
        first = data(client.post("/api/v1/orders", json=body, headers=key), 201)
        for number in (sent["data"]["id"], first["id"]):
            until(lambda number=number: data(client.get(f"/api/v1/orders/{number}"))["status"] == "filled")
        data(client.post("/api/v1/risk/pause"))
        (added,) = (row for row in data(client.get("/api/v1/audit")) if row["what"] == "add user")
        assert (added["user"], added["detail"]) == ("command line", "ada admin")
        until(lambda: data(client.get("/api/v1/risk"))["state"] == "paused")
        held = until(lambda: data(client.get("/api/v1/positions")))[0]["quantity"]
        paths = ("orders", "fills", "ledger")
        before = {path: data(client.get(f"/api/v1/{path}")) for path in paths}
        happened, points = data(client.get("/api/v1/events")), data(client.get("/api/v1/equity"))["points"]
        with closing(sqlite3.connect(tmp_path / "server.db")) as kept:
            newest = "SELECT coalesce(max({}), 0) FROM {}"
            until(lambda: kept.execute(newest.format("number", "events")).fetchone()[0] >= happened[0]["seq"])
            until(lambda: kept.execute(newest.format("ts", "equity")).fetchone()[0] >= points[-1][0])
        process.kill()
    with serving(tmp_path) as (url, _), httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        assert data(client.get("/api/v1/me"))["role"] == "admin"
        assert data(client.get("/api/v1/positions"))[0]["quantity"] == held
        assert data(client.get("/api/v1/risk"))["state"] == "paused"
        assert {path: data(client.get(f"/api/v1/{path}")) for path in paths} == before
        again = data(client.get(f"/api/v1/events?before_seq={happened[0]['seq'] + 1}"))
        assert [row["event"] for row in again].count("OrderFilled") == len(before["fills"]) >= 2
        assert again == happened
        assert until(lambda: data(client.get("/api/v1/events"))[0]["seq"] > happened[0]["seq"])
        assert data(client.get("/api/v1/equity"))["points"][: len(points)] == [list(point) for point in points]
        one = f"/api/v1/orders/{first['id']}"
        fills = [row for row in reversed(before["fills"]) if row["order_id"] == first["id"]]
        assert data(client.get(one))["fills"] == fills
        assert data(client.post("/api/v1/orders", json=body, headers=key), 201) == first
        assert [row["session"] for row in data(client.get("/api/v1/sessions"))] == ["s1"]
        assert token not in "".join(path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended in order"])
def test_the_kill_switch_of_a_server_stays_on_until_a_person_resumes(tmp_path: Path, ends: signal.Signals) -> None:
    (tmp_path / "serve.toml").write_text(CONFIG)
    add = [sys.executable, "-m", "tradecore", "user", "add", "ada", "--role", "admin", "--config", "serve.toml"]
    token = subprocess.run(add, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}

    def state(client: httpx.Client) -> str:
        return str(data(client.get("/api/v1/risk"))["state"])

    with serving(tmp_path) as (url, process), httpx.Client(base_url=url, headers=headers, timeout=20) as client:
        until(lambda: order(client).status_code == 201)
        held = until(lambda: data(client.get("/api/v1/positions")))
        process.send_signal(ends)
        process.wait(30)
    # What is held was traded on an exchange that is gone, and is closed on the next.
    with serving(tmp_path) as (url, process), httpx.Client(base_url=url, headers=headers, timeout=20) as client:
        until(lambda: data(client.get("/api/v1/prices")))
        assert [row["quantity"] for row in data(client.get("/api/v1/positions"))] == [row["quantity"] for row in held]
        assert data(client.post("/api/v1/risk/kill", json={"reason": "tried"}))["state"] == "killed"
        until(lambda: not any(float(row["quantity"]) for row in data(client.get("/api/v1/positions"))))
        process.send_signal(ends)
        process.wait(30)
    with serving(tmp_path) as (url, _), httpx.Client(base_url=url, headers=headers, timeout=20) as client:
        until(lambda: data(client.get("/api/v1/prices")))
        assert (state(client), problem(order(client), 422)) == ("killed", "killed")
        assert data(client.get("/api/v1/strategies"))[0]["state"] == "halted"
        assert data(client.post("/api/v1/risk/resume"))["state"] == "active"
        until(lambda: order(client).status_code == 201)
        whats = [row["what"] for row in data(client.get("/api/v1/audit"))]
        assert (whats.count("risk kill"), whats.count("risk resume")) == (1, 1)


def test_the_example_takes_the_requests_of_document_004_and_says_how_it_is(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "serve.toml"
    (tmp_path / "serve.toml").write_text(example.read_text().replace("port = 8080", "port = 0"))
    add = [sys.executable, "-m", "tradecore", "user", "add", "ada", "--role", "trade", "--config", "serve.toml"]
    token = subprocess.run(add, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    symbols = {"BTCUSDT": 0.001, "ETHUSDT": 0.01, "SOLUSDT": 0.1}
    with serving(tmp_path) as (url, _), httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        until(lambda: all((data(client.get("/api/v1/prices")).get(symbol) or 0) > 0 for symbol in symbols))
        assert set(data(client.get("/api/v1/prices"))) == set(data(client.get("/api/v1/depth"))) == set(symbols)
        for symbol, quantity in symbols.items():
            body = {"symbol": symbol, "side": "Buy", "quantity": quantity, "price": None}

            def is_filled(body: dict[str, Any] = body) -> bool:
                # A market that has just begun may have nothing to sell at a time.
                answer = client.post("/api/v1/orders", json=body)
                return answer.status_code == 201 and data(answer, 201)["status"] == "filled"

            assert until(is_filled)
        assert symbols.keys() <= data(client.get("/api/v1/portfolio"))["positions"].keys()
        # What is observed is a second old at most.
        ready = until(lambda: (answer := client.get("/ready")).status_code == 200 and answer)
        assert data(ready)["is_ready"]
        assert data(client.get("/live"))["is_live"]
        assert "execution_api_latency_seconds_count" in client.get("/metrics").text
        checks = {check["name"] for check in data(client.get("/health"))["checks"]}
        assert checks >= {"loop", "feeds", "journal", "trading"}


def test_nothing_that_was_acknowledged_is_lost_to_a_kill_in_the_middle_of_writes(tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text(CONFIG.replace("[server]", "[server]\nrate_per_second = 1e6"))
    add = [sys.executable, "-m", "tradecore", "user", "add", "ada", "--role", "admin", "--config", "serve.toml"]
    token = subprocess.run(add, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    acknowledged: list[dict[str, Any]] = []
    with serving(tmp_path) as (url, process):
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            until(lambda: order(client).status_code == 201)

        def write(number: int) -> None:
            price = None if number % 2 else 50_000
            with httpx.Client(base_url=url, headers=headers, timeout=60) as client, suppress(httpx.TransportError):
                while True:
                    answer = order(client, price=price)
                    if answer.status_code == 201:
                        acknowledged.append(answer.json()["data"])

        with ThreadPoolExecutor(8) as writers:
            done = [writers.submit(write, number) for number in range(8)]
            until(lambda: len(acknowledged) >= 100)
            process.kill()
            for each in done:
                each.result(60)
    with serving(tmp_path) as (url, _), httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        known = {row["id"]: row for row in data(client.get("/api/v1/orders", params={"limit": 1000}))}
        fills = {row["order_id"] for row in data(client.get("/api/v1/fills", params={"limit": 10_000}))}
    for told in acknowledged:
        row = known[told["id"]]
        assert (row["client_id"], row["quantity_text"]) == (told["client_id"], told["quantity_text"])
        if told["status"] == "filled":
            assert (row["status"], row["average_price"]) == ("filled", told["average_price"])
            assert told["id"] in fills
