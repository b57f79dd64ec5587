"""The page in a real Chromium: what a person does with it, and what it says when things go wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from stand_in import ADMIN, BTC, ETH, TRADER, StandIn

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=60_000)
pytestmark = pytest.mark.release

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
Visit = Callable[..., Any]
PAGES = ["trade", "portfolio", "strategies", "risk", "health", "backtests", "events", "people"]


# Of the module: while it lives an event loop runs in this thread, beside which no other can.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[StandIn]:
    stand_in = StandIn()
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open the page of a server; ``token`` signs in by the address. In the end it has broken no rule of its policy."""
    found: list[str] = []
    contexts: list[Any] = []

    def visit(
        server: StandIn, *, token: str | None = None, width: int = 1280, height: int = 900, **options: Any
    ) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()

        def heard(message: Any) -> None:
            if "Content Security Policy" in message.text or "TypeError" in message.text:
                found.append(message.text)

        def requested(request: Any) -> None:
            if urlsplit(request.url).hostname not in ("127.0.0.1", None, ""):
                found.append(f"external request: {request.url}")

        page.on("console", heard)
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("request", requested)
        page.goto(server.url + ("" if token is None else f"#token={token}"))
        return page

    yield visit
    for context in contexts:
        context.close()
    assert found == []


@pytest.fixture
def live() -> Iterator[StandIn]:
    stand_in = StandIn(mode="live", is_sandbox=False)
    stand_in.start()
    yield stand_in
    stand_in.stop()


def rows(page: Any, label: str) -> Any:
    return page.get_by_label(label, exact=True).locator("tbody tr")


def enter(page: Any, quantity: str, price: str | None) -> None:
    """Fill in the ticket and send it by the keyboard."""
    ticket = page.locator(".ticket")
    expect(page.locator(".link")).to_have_text("connected")
    ticket.get_by_role("button", name="Limit" if price else "Market", exact=True).click()
    if price:
        ticket.locator("[name=price]").fill(price)
    ticket.locator("[name=quantity]").fill(quantity)
    ticket.locator("[name=quantity]").press("Enter")


def test_market_is_shown(server: StandIn, visit: Visit) -> None:
    server.is_still = True
    page = visit(server)
    card = page.locator(f"[data-instrument='{BTC}']")
    expect(card.locator(".price")).to_have_text("64,000.00")
    expect(card).to_contain_text("63,999.9 / 64,000.1")
    expect(page.locator(".ladder .ask .price").last).to_have_text("64,000.1")
    expect(page.locator(".ladder .bid .price").first).to_have_text("63,999.9")
    expect(page.locator(".ladder .between")).to_have_text("spread 0.2")
    expect(page.locator(".link")).to_have_text("connected")
    expect(page).to_have_title("BTCUSDT 64,000.00 · tradecore")
    expect(page.locator(".candles canvas").first).to_be_visible()


@pytest.mark.parametrize(
    ("mode", "is_sandbox", "word"), [("paper", True, "SANDBOX"), ("paper", False, "PAPER"), ("live", False, "LIVE")]
)
def test_what_orders_are_is_unmistakable(visit: Visit, mode: str, is_sandbox: bool, word: str) -> None:
    server = StandIn(mode=mode, is_sandbox=is_sandbox)
    server.start()
    try:
        page = visit(server)
        expect(page.locator(".mode")).to_have_text(word)
        expect(page.locator("body")).to_have_attribute("data-mode", word.lower())
        expect(page).to_have_title(re.compile("^LIVE · " if word == "LIVE" else "^BTCUSDT "))
    finally:
        server.stop()


def test_resting_order_is_shown_and_cancelled(server: StandIn, visit: Visit) -> None:
    server.is_still = True
    page = visit(server, token=TRADER)
    enter(page, "0.5", "63999.5")
    order = rows(page, "Orders")
    expect(order).to_contain_text("accepted")
    expect(order).to_contain_text("63,999.5")
    server.is_still = False
    expect(page.locator(".ladder .own .price")).to_have_text("63,999.5")
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(order).to_have_count(0)
    assert server.orders[1]["status"] == "cancelled"
    enter(page, "0.5", "63000")
    expect(order).to_have_count(1)
    order.focus()
    page.keyboard.press("Delete")
    expect(order).to_have_count(0)
    page.get_by_role("button", name="All", exact=True).click()
    expect(order).to_have_count(2)


def test_cost_is_shown_before_a_market_order_fills(server: StandIn, visit: Visit) -> None:
    server.is_still = True
    page = visit(server, token=TRADER)
    expect(page.locator("[data-role=trade]")).to_be_visible()
    page.get_by_role("button", name="Market", exact=True).click()
    page.locator("[name=quantity]").fill("1.5")
    expected = server.preview({"symbol": BTC, "side": "buy", "quantity": "1.5", "price": None})
    cost = page.get_by_label("Cost by the book")
    expect(cost).to_contain_text("Taken at once1.5")
    expect(cost).to_contain_text(f"{expected['average_price']:,.3f}")
    expect(cost).to_contain_text(f"{expected['worst_price']:,.1f}")
    page.get_by_role("button", name="Buy 1.5 BTCUSDT").click()
    expect(page.locator("#notes")).to_contain_text("filled")
    server.is_still = False
    page.get_by_role("link", name="Portfolio").click()
    expect(rows(page, "Fills")).to_contain_text("taker")
    expect(rows(page, "Positions")).to_contain_text("1.500")


def test_order_is_changed_in_place_by_the_keyboard(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=TRADER)
    enter(page, "0.5", "63000.0")
    enter(page, "0.7", "62000.0")
    expect(rows(page, "Orders")).to_have_count(2)
    row = rows(page, "Orders").filter(has_text="63,000")
    row.focus()
    page.keyboard.press("e")
    price, quantity = row.get_by_label("New price"), row.get_by_label("New quantity")
    expect(price).to_be_focused()
    expect(price).to_have_value("63000.0")
    page.keyboard.press("ArrowUp")
    expect(price).to_have_value("63000.1")
    page.keyboard.press("Delete")  # what is written is no key of the row
    price.fill("9999999")
    price.press("Enter")
    expect(page.locator("#notes .bad")).to_contain_text("price: too far away")
    price.fill("63100.5")
    quantity.fill("0.4")
    quantity.press("Enter")
    changed = rows(page, "Orders").filter(has_text="63,100.5")
    expect(changed).to_contain_text("0 / 0.4")
    expect(changed).to_be_focused()
    page.keyboard.press("e")
    page.keyboard.press("Escape")
    expect(changed.get_by_label("New price")).to_be_hidden()
    expect(changed).to_be_focused()
    assert [(row["price_text"], row["quantity_text"], row["status"]) for row in server.orders.values()] == [
        *(("63100.5", "0.4", "accepted"), ("62000.0", "0.7", "accepted"))
    ]


def test_real_order_is_changed_only_when_that_is_meant(live: StandIn, visit: Visit) -> None:
    page = visit(live, token=TRADER)
    enter(page, "0.5", "63000")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send real order").click()
    row = rows(page, "Orders").first
    row.get_by_role("button", name="Change").click()
    row.get_by_label("New price").fill("63001")
    row.get_by_role("button", name="Send").click()
    expect(dialog).to_contain_text("price 63001")
    dialog.get_by_role("button", name="Back").click()
    assert live.orders[1]["price_text"] == "63000"
    row.get_by_role("button", name="Send").click()
    dialog.get_by_role("button", name="Change real order").click()
    expect(row).to_contain_text("63,001")


def test_refusal_says_why(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=TRADER)
    enter(page, "11", "63000")
    with page.expect_response("**/orders/preview"):
        expect(page.locator(".ticket .error")).to_have_text("quantity: max_order_qty: 10 at most")
    expect(page.locator(".ticket .error")).to_have_text("quantity: max_order_qty: 10 at most")
    enter(page, "-1", "63000")
    expect(page.locator(".ticket .error")).to_have_text("quantity: a number above zero")
    assert server.orders == {}


def test_real_order_is_asked_for(live: StandIn, visit: Visit) -> None:
    page = visit(live, token=TRADER)
    enter(page, "0.5", "63000")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Buy 0.5 BTCUSDT.BINANCE at 63,000.")
    page.keyboard.press("Enter")  # on what has the focus: going back
    expect(dialog).to_have_count(0)
    assert live.orders == {}
    enter(page, "0.5", "63000")
    dialog.get_by_role("button", name="Send real order").click()
    expect(rows(page, "Orders")).to_contain_text("accepted")
    assert len(live.orders) == 1


def test_kill_switch_cancels_and_holds_until_rearmed(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=ADMIN)
    enter(page, "0.5", "63000")
    expect(rows(page, "Orders")).to_have_count(1)
    page.locator("main").focus()
    page.keyboard.press("k")
    page.get_by_role("dialog").get_by_role("button", name="Kill").click()
    expect(page.locator("#alerts .killed")).to_contain_text("Kill switch is on")
    expect(rows(page, "Orders")).to_have_count(0)
    expect(page.locator(".ticket [type=submit]")).to_be_disabled()
    page.keyboard.press("4")
    page.locator("[data-act=resume]").click()
    page.get_by_role("dialog").get_by_role("button", name="Re-arm").click()
    expect(page.locator("#alerts .killed")).to_be_hidden()
    assert server.risk_state == "active"


def test_restart_of_the_server_is_told_and_survived(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=TRADER)
    enter(page, "0.5", "63000")
    expect(rows(page, "Orders")).to_have_count(1)
    server.stop()
    expect(page.locator("#alerts .offline")).to_contain_text("Disconnected since")
    expect(page.locator(".link")).to_have_text("disconnected")
    expect(page.locator(".ticket [type=submit]")).to_be_disabled()
    server.start()
    expect(page.locator(".link")).to_have_text("connected")
    expect(page.locator("#alerts .offline")).to_be_hidden()
    expect(rows(page, "Orders")).to_have_count(1)
    server.mid[BTC] = 65_000.0
    expect(page.locator(f"[data-instrument='{BTC}'] .price")).to_have_text(re.compile(r"^6(5,0|4,9)"))


def test_wrong_token_is_refused_and_the_right_one_accepted(server: StandIn, visit: Visit) -> None:
    page = visit(server)
    enter(page, "0.5", "63000")  # signed out: it asks for a token instead
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Token").fill("guess")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("Not signed in: unknown token")
    dialog.get_by_label("Token").fill(TRADER)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator("[data-role=trade]")).to_be_visible()
    assert server.orders == {}
    assert "token" not in page.url


def test_nothing_is_shown_without_leave_to_read(visit: Visit) -> None:
    server = StandIn(open_reads=False)
    server.start()
    try:
        page = visit(server)
        expect(page.get_by_role("dialog")).to_contain_text("Sign in")
        expect(page.locator(".market")).to_have_count(0)
        page.get_by_role("dialog").get_by_label("Token").fill(TRADER)
        page.keyboard.press("Enter")
        expect(page.locator(".market")).to_have_count(2)
    finally:
        server.stop()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_narrow_screen_shows_everything(server: StandIn, visit: Visit, scheme: str) -> None:
    page = visit(server, token=TRADER, width=390, height=844, color_scheme=scheme)
    expect(page.locator(".ladder .bid .price").first).not_to_be_empty()
    for name in PAGES:
        page.locator(f"nav a[href='#{name}']").click()
        expect(page.locator(f"nav a[href='#{name}']")).to_have_attribute("aria-current", "page")
        expect(page.locator("[data-act=kill]")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    page.locator("nav a[href='#trade']").click()
    enter(page, "0.5", "63000")
    expect(rows(page, "Orders")).to_have_count(1)


def test_burst_is_drawn_in_few_frames(server: StandIn, visit: Visit) -> None:
    server.is_still = True
    page = visit(server)
    price = page.locator(f"[data-instrument='{BTC}'] .price")
    expect(price).to_have_text("64,000.00")
    before = page.evaluate("[tradecore.received, tradecore.drawn]")
    told = server.state("prices")
    server.tell("prices", *[{**told, BTC: {**told[BTC], "mid": str(60_000 + n)}} for n in range(1000)])
    expect(price).to_have_text("60,999")
    after = page.evaluate("[tradecore.received, tradecore.drawn]")
    assert after[0] - before[0] >= 1000
    assert after[1] - before[1] < 500


WATCHED = """label => {
  window.touched = [];
  new MutationObserver((list) => touched.push(...list.map(({target}) => target))).observe(
    document.querySelector(label), {subtree: true, childList: true, characterData: true, attributes: true});
}"""


def test_a_book_touches_only_the_levels_that_it_changes(server: StandIn, visit: Visit) -> None:
    server.is_still = True
    page = visit(server)
    first = page.locator(".ladder .bid .qty").first
    expect(first).not_to_be_empty()
    told = server.state(f"book:{BTC}")
    page.evaluate(WATCHED, ".ladder")
    server.tell(f"book:{BTC}", *[told] * 200)
    # What the page has drawn since then is drawn behind these.
    server.tell("prices", {**(prices := server.state("prices")), BTC: {**prices[BTC], "mid": "60123"}})
    expect(page.locator(f"[data-instrument='{BTC}'] .price")).to_have_text("60,123")
    assert page.evaluate("touched.length") == 0
    (price, _), *others = told["bids"]
    server.tell(f"book:{BTC}", {**told, "bids": [[price, "0.0123"], *others]})
    expect(first).to_have_text("0.0123")
    rows = "new Set(touched.map((node) => (node.parentElement ?? node).closest('.row'))).size"
    # Sums follow on that side, and bars on both where the larger sum is another one.
    assert page.evaluate(rows) <= 2 * 15
    assert page.evaluate("touched.length") <= 1 + 15 + 2 * 15


def test_what_comes_into_sight_is_what_was_told_last(server: StandIn, visit: Visit) -> None:
    server.is_still = True
    page = visit(server, width=390, height=500)
    ladder = page.locator(".ladder .bid .qty").first
    expect(ladder).not_to_be_empty()
    expect(ladder).not_to_be_in_viewport()
    told = server.state(f"book:{BTC}")
    (price, _), *others = told["bids"]
    books = [{**told, "bids": [[price, f"{n}.5"], *others]} for n in range(1, 300)]
    drawn = page.evaluate("tradecore.drawn")
    server.tell(f"book:{BTC}", *books)
    expect(ladder).to_have_text("299.5")
    assert page.evaluate("tradecore.drawn") - drawn < 299
    server.tell(f"book:{BTC}", {**told, "bids": [[price, "7.25"], *others]})
    ladder.scroll_into_view_if_needed()
    expect(ladder).to_have_text("7.25")


def test_keys_reach_pages_instruments_and_the_ticket(server: StandIn, visit: Visit) -> None:
    page = visit(server)
    expect(page.locator(".market[aria-pressed=true]")).to_contain_text("BTCUSDT")
    page.keyboard.press("]")
    expect(page.locator(".market[aria-pressed=true]")).to_contain_text("ETHUSDT")
    expect(page.locator(".ladder .bid .price").first).to_have_text(re.compile("^3,1|^3,2"))
    for number, name in enumerate(PAGES, 1):
        page.keyboard.press(str(number))
        expect(page.locator(f"nav a[href='#{name}']")).to_have_attribute("aria-current", "page")
    page.keyboard.press("s")
    expect(page.locator(".ticket [name=quantity]")).to_be_focused()
    page.keyboard.type("2")
    expect(page.locator(".ticket [type=submit]")).to_have_text("Sell 2 ETHUSDT")
    page.locator("[name=price]").fill("3200.05")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[name=price]")).to_have_value("3200.10")


def test_what_others_wrote_stays_text(server: StandIn, visit: Visit) -> None:
    server.events.append({"seq": 1, "at_ns": 1, "event": "Note", "text": "<img src=x onerror=alert(1)>"})
    page = visit(server)
    page.get_by_role("link", name="Strategies").click()
    expect(page.get_by_text("<b>skew</b>")).to_be_visible()
    page.get_by_role("link", name="Events").click()
    expect(rows(page, "Events")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0


def test_parameter_of_a_strategy_is_changed(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=ADMIN)
    page.get_by_role("link", name="Strategies").click()
    expect(page.locator("[data-act=pause]")).to_be_enabled()
    expect(page.get_by_role("button", name="Resume")).to_be_disabled()
    value = page.get_by_label("half_spread")
    value.fill("many")
    value.press("Enter")
    expect(page.locator("#notes .bad")).to_contain_text("'many' is not a number")
    expect(value).to_have_value("2")
    value.fill("3")
    value.press("Enter")
    expect(page.locator("#notes .good")).to_contain_text("half_spread is 3")
    assert server.parameters["half_spread"] == "3"


def test_a_strategy_that_was_stopped_can_be_started_and_nothing_else(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=ADMIN)
    page.get_by_role("link", name="Strategies").click()
    page.get_by_role("tab", name="second").click()
    expect(page.locator("[data-act=start]")).to_be_enabled()
    for act in ("pause", "resume", "stop"):
        expect(page.locator(f"[data-act={act}]")).to_be_disabled()


def test_users_come_and_go_and_sessions_are_listed(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=ADMIN)
    page.get_by_role("link", name="Users").click()
    expect(rows(page, "Sessions").filter(has_text="this one")).to_contain_text("s1")
    expect(rows(page, "Users")).to_have_count(1)
    page.get_by_role("textbox", name="Name").fill("bob")
    page.get_by_label("Role").select_option("trade")
    page.get_by_role("textbox", name="Name").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Token of bob")).to_have_value("token of bob")
    page.keyboard.press("Escape")
    bob = rows(page, "Users").filter(has_text="bob")
    expect(bob).to_contain_text("trade")
    bob.get_by_role("button", name="New token").click()
    expect(dialog.get_by_label("Token of bob")).to_have_value("another token")
    page.keyboard.press("Escape")
    bob.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(bob).to_have_count(0)
    assert server.users == {"ada": "admin"}


def test_users_are_for_administrators(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=TRADER)
    page.get_by_role("link", name="Users").click()
    expect(page.get_by_text("Users are shown to administrators.")).to_be_visible()
    expect(page.get_by_role("button", name="Add a user")).to_be_hidden()


def test_backtest_is_launched_and_its_report_shown(server: StandIn, visit: Visit) -> None:
    page = visit(server, token=TRADER)
    page.get_by_role("link", name="Backtests").click()
    page.get_by_role("button", name="Run a backtest").click()
    expect(rows(page, "Backtests")).to_contain_text("done")
    page.locator("[data-act=report]").click()
    expect(page.frame_locator("iframe.report").locator("body")).to_contain_text("drawn by its script")


def test_limits_feeds_and_latencies_are_those_of_the_server(server: StandIn, visit: Visit) -> None:
    page = visit(server)
    page.get_by_role("link", name="Risk").click()
    expect(page.get_by_role("meter", name="max open orders")).to_have_attribute("aria-valuenow", "92")
    expect(page.locator(".use").last).to_have_text("max order qty (strategy maker)at most 10")
    page.get_by_role("link", name="Health").click()
    expect(rows(page, "Feeds").first).to_contain_text("121.5")
    expect(page.get_by_label("Latency: decision", exact=True)).to_contain_text("4,200 measured")
    expect(page.get_by_label("Latency: decision", exact=True)).to_contain_text("p90≤ 1.00 msp99≤ 2.50 ms")


SESSION = """
[mode]
session = "demo"
journal = "journal"

[[mode.connections]]
venue = "BINANCE"
sandbox = true

[server]
port = 0

[risk]
max_order_qty = "100"
max_position_qty = "1000"

[[strategies]]
kind = "manual"
instruments = ["BTCUSDT.BINANCE"]
"""
# What a page is told first of each topic.
SNAPSHOTS = """topics => new Promise(resolve => {
  const told = {};
  const socket = new WebSocket(`ws://${location.host}/api/v1/stream`);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.kind === "hello") {
      told.hello = message;
      socket.send(JSON.stringify({ op: "subscribe", topics, since: {} }));
    } else if (message.topic !== undefined) told[message.topic] ??= message.data;
    if (Object.keys(told).length > topics.length) { socket.close(); resolve(told); }
  };
})"""


class Engine:
    """A session on paper in a process of its own, served on one port however often it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        (folder / "serve.toml").write_text(SESSION)
        adds = subprocess.run(
            self.command("user", "add", "ada", "--role", "admin"),
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        self.token = adds.stdout.strip()

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "tradecore", *words, "--config", "serve.toml"]

    def start(self) -> None:
        with (self.folder / "log").open("w") as log:
            command = self.command("serve", "--port", str(self.port))
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        while (
            serving := re.search(r"serving at http://127.0.0.1:(\d+)", (told := (self.folder / "log").read_text()))
        ) is None:
            assert self.process.poll() is None, told
            time.sleep(0.05)
        self.port = int(serving[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path)
    engine.start()
    yield engine
    engine.kill()


def test_session_is_traded_killed_and_taken_up_again(engine: Engine, visit: Visit) -> None:
    page = visit(engine, token="guess")
    dialog = page.get_by_role("dialog")
    expect(page.locator("#notes .bad")).to_be_visible()
    dialog.get_by_label("Token").fill(engine.token)
    page.keyboard.press("Enter")
    expect(page.locator("[data-role=admin]")).to_be_visible()
    expect(page.locator(".mode")).to_have_text("SANDBOX")
    page.locator(".ladder .bid .price").first.filter(has_text=".").wait_for()

    enter(page, "0.05", "30000")
    resting = rows(page, "Orders").filter(has_text="30,000")
    expect(resting).to_contain_text("accepted")
    resting.get_by_role("button", name="Cancel").click()
    expect(resting).to_have_count(0)
    enter(page, "0.05", None)
    expect(rows(page, "Positions")).to_contain_text("0.05000")

    engine.kill()
    expect(page.locator("#alerts .offline")).to_contain_text("Disconnected since")
    engine.start()
    expect(page.locator(".link")).to_have_text("connected")
    expect(rows(page, "Positions")).to_contain_text("0.05000")

    page.get_by_role("button", name="Sign in").click()  # a cookie lives no longer than its server
    dialog.get_by_label("Token").fill(engine.token)
    page.keyboard.press("Enter")
    expect(page.locator("[data-role=admin]")).to_be_visible()
    page.locator("[data-act=kill]").click()
    dialog.get_by_role("button", name="Kill").click()
    expect(page.locator("#alerts .killed")).to_be_visible()


def invented(ours: Any, theirs: Any, place: str) -> Iterator[str]:
    """What the stand-in says that a session does not, or of another type; None and no rows say nothing of a type."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours:
            if name in theirs:
                yield from invented(ours[name], theirs[name], f"{place}.{name}")
            elif name not in (ETH, "maker"):
                yield f"{place}.{name}"
    elif isinstance(ours, list) and isinstance(theirs, list):
        for row in ours:  # of events there are kinds: each is to be like one of theirs
            yield from min((list(invented(row, other, f"{place}[]")) for other in theirs), key=len, default=[])
    elif ours is not None and theirs is not None and kind(ours) is not kind(theirs):
        yield f"{place} is {ours!r} and not like {theirs!r}"


def kind(value: Any) -> type:
    return float if type(value) is int else type(value)


def test_stand_in_says_nothing_that_a_session_does_not(engine: Engine, server: StandIn, visit: Visit) -> None:
    plain = "status prices positions portfolio risk feeds latency strategies equity orders fills events"
    topics = [*plain.split(), f"book:{BTC}", f"bars:{BTC}:1m"]
    said = []
    for of, token in ((server, TRADER), (engine, engine.token)):
        page = visit(of, token=token)
        page.locator(".ladder .bid .price").first.filter(has_text=".").wait_for()
        enter(page, "0.05", "30000")
        expect(rows(page, "Orders")).to_have_count(1)
        enter(page, "0.05", None)
        expect(rows(page, "Positions")).to_contain_text("0.050")
        said.append(page.evaluate(SNAPSHOTS, topics))
    ours, theirs = said
    assert all(theirs[topic] for topic in ("positions", "orders", "fills", "risk", "book:" + BTC))
    assert list(invented(ours, theirs, "")) == []
