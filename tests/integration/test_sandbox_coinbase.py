"""A local Coinbase, as clients that nobody here wrote meet it: aiohttp, websockets and ccxt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sandbox_clients import now_ms, run, serving, take
from tradecore.sandbox import CoinbaseServer, Fault
from tradecore.venues import Credentials, Secret
from tradecore.venues.clock import VirtualClock
from tradecore.venues.signing import JwtSigner
from wire_shapes import fixture, lacks, missing, told_by

pytestmark = pytest.mark.release

PREFIX = "/api/v3/brokerage"
CONTROLS = ("subscriptions", "heartbeats")


class Rest:
    """A client with a key."""

    def __init__(self, server: CoinbaseServer, session: aiohttp.ClientSession, account: int = 0) -> None:
        self.server, self.session = server, session
        self.client = server.clients[account]
        self.headers: Mapping[str, str] = {}
        self.numbers = count()
        keys = Credentials(key=self.client.key, secret=Secret(self.client.secret))
        self.signer = JwtSigner("COINBASE", keys, issuer="cdp", lifetime_s=120)

    def token(self, uri: str | None = None, ahead_s: int = 0) -> str:
        return self.signer.token(now_ms(self.server) // 1000 + ahead_s, f"{next(self.numbers):016x}", uri)

    async def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **params: Any) -> Any:
        """The answer; an error's as ``(status, code)``."""
        host = self.server.rest.removeprefix("http://")
        headers = {"Authorization": f"Bearer {token or self.token(f'{method} {host}{PREFIX}/{path}')}"}
        url = f"{self.server.rest}{PREFIX}/{path}" + (f"?{urlencode(params, doseq=True)}" if params else "")
        async with self.session.request(method, url, headers=headers, json=body) as answer:
            told = await answer.json()
            self.headers = answer.headers
            return told if answer.status == 200 else (answer.status, told["error"])

    async def place(self, side: str, name: str, client_id: str, **terms: Any) -> Any:
        configuration = {name: {key: value if key == "post_only" else str(value) for key, value in terms.items()}}
        head = {"client_order_id": client_id, "product_id": "BTC-USD", "side": side}
        return await self.ask("POST", "orders", {**head, "order_configuration": configuration})

    async def limit(self, side: str, price: Any, size: Any, client_id: str, **more: Any) -> Any:
        return await self.place(side, "limit_limit_gtc", client_id, base_size=size, limit_price=price, **more)

    async def best(self) -> tuple[Decimal, Decimal]:
        book = (await self.ask("GET", "market/product_book", product_id="BTC-USD", limit=1))["pricebook"]
        return Decimal(book["bids"][0]["price"]), Decimal(book["asks"][0]["price"])


def served(**options: Any) -> AbstractAsyncContextManager[tuple[CoinbaseServer, Rest]]:
    return serving(CoinbaseServer(**options), Rest)


async def say(socket: ClientConnection, channel: str, *products: str, what: str = "subscribe", **more: Any) -> None:
    await socket.send(json.dumps({"type": what, "channel": channel, "product_ids": products, **more}))


@asynccontextmanager
async def user(rest: Rest) -> AsyncIterator[ClientConnection]:
    async with connect(f"{rest.server.ws}/user", max_queue=None) as socket:
        await say(socket, "user", jwt=rest.token())
        await take(socket, lambda m: m["channel"] == "subscriptions")
        yield socket


def test_messages_of_a_connection_are_numbered_together_and_keep_its_books() -> None:
    async def work() -> None:
        async with (
            served(seed=4) as (server, _),
            connect(f"{server.ws}/market", max_queue=None, max_size=None) as socket,
        ):
            await say(socket, "heartbeats")
            for channel in ("level2", "market_trades", "ticker", "candles"):
                await say(socket, channel, "BTC-USD", "ETH-USD")
            sides: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
            seen = set()
            for number in range(150):
                told = json.loads(await socket.recv())
                assert told["sequence_num"] == number
                [event] = told["events"]
                seen.add(told["channel"])
                if told["channel"] != "l2_data":
                    continue
                book = sides.setdefault(event["product_id"], {"bid": {}, "offer": {}})
                assert (event["type"] == "snapshot") == (not book["bid"])
                for row in event["updates"]:
                    side, price, qty = book[row["side"]], Decimal(row["price_level"]), Decimal(row["new_quantity"])
                    side[price] = qty
                    if not qty:
                        del side[price]
                assert max(book["bid"]) < min(book["offer"])
            assert seen == {"l2_data", "market_trades", "ticker", "candles", *CONTROLS}
            assert set(sides) == {"BTC-USD", "ETH-USD"}

    run(work)


def test_what_is_subscribed_to_is_told_each_time() -> None:
    async def work() -> None:
        async with served() as (server, rest), connect(f"{server.ws}/market", max_size=None) as socket:
            for channel, products, then in [
                ("heartbeats", (), {"heartbeats": ["heartbeats"]}),
                ("candles", ("BTC-USD", "ETH-USD"), {"heartbeats": ["heartbeats"], "candles": ["BTC-USD", "ETH-USD"]}),
            ]:
                await say(socket, channel, *products)
                ack = await take(socket, lambda m: m.get("channel") == "subscriptions")
                assert ack["events"] == [{"subscriptions": then}]
            await say(socket, "candles", "BTC-USD", what="unsubscribe")
            ack = await take(socket, lambda m: m.get("channel") == "subscriptions")
            assert ack["events"][0]["subscriptions"]["candles"] == ["ETH-USD"]
            await say(socket, "candles", what="unsubscribe")
            await say(socket, "heartbeats", what="unsubscribe")
            await take(socket, lambda m: m.get("channel") == "subscriptions")
            ack = await take(socket, lambda m: m.get("channel") == "subscriptions")
            assert ack["events"] == [{"subscriptions": {}}]
            for channel, products, more, text in [
                ("level3", ("BTC-USD",), {}, "authentication failure"),
                ("level2", ("NOPE",), {}, "failure to subscribe"),
                ("level2", (), {}, "failure to subscribe"),
                ("user", (), {"jwt": "x.y.z"}, "authentication failure"),
                ("user", (), {"jwt": rest.token()}, "failure to subscribe"),
            ]:
                await say(socket, channel, *products, **more)
                assert json.loads(await socket.recv()) == {"type": "error", "message": text}

    run(work)


def test_a_connection_that_subscribes_to_nothing_ends() -> None:
    async def work() -> None:
        clock = VirtualClock()
        async with served(clock=clock) as (server, _), connect(f"{server.ws}/market") as socket:
            await clock.advance(4.9)
            assert await (await socket.ping()) >= 0
            await clock.advance(0.2)
            with pytest.raises(ConnectionClosed):
                await socket.recv()

    run(work)


def test_orders_of_clients_stand_in_the_public_book_and_trade_for_all_to_see() -> None:
    async def work() -> None:
        async with served(seed=1) as (server, rest):
            other = Rest(server, rest.session, 1)
            bid, ask = await rest.best()
            below, inside = bid - 2, ((bid + ask) / 2).quantize(Decimal("0.01"))
            await rest.limit("BUY", below, "7.5", "far")
            book = (await rest.ask("GET", "product_book", product_id="BTC-USD"))["pricebook"]
            assert sum(Decimal(row["size"]) for row in book["bids"] if Decimal(row["price"]) == below) >= Decimal("7.5")
            async with connect(f"{server.ws}/market", max_queue=None) as trades:
                await say(trades, "market_trades", "BTC-USD")
                mine = await rest.limit("BUY", inside, "0.777", "near")
                assert mine["success"]
                await other.place("SELL", "market_market_ioc", "sold", base_size="0.777")
                sold = (await other.ask("GET", "orders/historical/fills", product_ids="BTC-USD"))["fills"]
                assert sum(Decimal(fill["size"]) for fill in sold) == Decimal("0.777")
                numbers = {str(int(fill["trade_id"].rpartition("-")[2], 16)): fill for fill in sold}
                while numbers:
                    told = await take(trades, lambda m: m["channel"] == "market_trades")
                    for row in told["events"][0]["trades"]:
                        if (fill := numbers.pop(row["trade_id"], None)) is not None:
                            # The side of a trade is the maker's, and the one of a fill is one's own.
                            assert (row["side"], row["price"]) == ("BUY", fill["price"])
                            assert (fill["side"], fill["liquidity_indicator"]) == ("SELL", "TAKER")

    run(work)


def test_requests_are_checked_as_the_venue_checks_them() -> None:
    async def work() -> None:
        async with served() as (server, rest):
            bid, ask = await rest.best()
            host = server.rest.removeprefix("http://")
            for token in (
                "x.y.z",
                rest.token(f"GET {host}{PREFIX}/orders"),
                rest.token(f"GET {host}{PREFIX}/accounts", ahead_s=-200),
                rest.token(f"GET {host}{PREFIX}/accounts", ahead_s=60),
                rest.token(f"GET {host}{PREFIX}/accounts")[:-8] + "AAAAAAAA",
            ):
                assert await rest.ask("GET", "accounts", token=token) == (401, "UNAUTHENTICATED")
            assert await rest.ask("GET", "products/NOPE") == (404, "NOT_FOUND")
            assert await rest.ask("GET", "orders/historical/none") == (404, "NOT_FOUND")
            assert await rest.ask("GET", "market/products/BTC-USD/candles", granularity="X") == (
                400,
                "INVALID_ARGUMENT",
            )
            assert await rest.ask("POST", "orders", {"side": "BUY"}) == (400, "INVALID_ARGUMENT")
            assert (await rest.ask("GET", "no/such"))[0] == 404

            async def refused(answer: Any) -> str:
                assert answer["success"] is False
                return str(answer["error_response"]["error"])

            assert await refused(await rest.limit("BUY", bid + Decimal("0.001"), 1, "a")) == "INVALID_PRICE_PRECISION"
            assert await refused(await rest.limit("BUY", bid, "0.000000001", "b")) == "INVALID_SIZE_PRECISION"
            assert await refused(await rest.limit("BUY", bid - 10, 5000, "c")) == "INSUFFICIENT_FUND"
            assert await refused(await rest.limit("BUY", bid, "0.00000002", "d")) == "ORDER_SIZE_TOO_SMALL"
            crossing = await rest.limit("BUY", ask + 10, 1, "e", post_only=True)
            assert await refused(crossing) == "INVALID_LIMIT_PRICE_POST_ONLY"
            twap = await rest.place("BUY", "twap_limit_gtd", "f", base_size=1)
            assert await refused(twap) == "UNSUPPORTED_ORDER_CONFIGURATION"
            assert await rest.place("BUY", "limit_limit_gtc", "g", base_size=1) == (400, "INVALID_ARGUMENT")
            assert await rest.place("BUY", "sor_limit_ioc", "h", base_size=1, limit_price=bid, stop_price=bid) == (
                400,
                "INVALID_ARGUMENT",
            )
            first = await rest.limit("BUY", bid - 10, 1, "once")
            again = await rest.limit("BUY", bid - 20, 1, "once")
            assert again["success_response"]["order_id"] == first["success_response"]["order_id"]
            assert "PRIVATE" not in repr(server)

    run(work)


def test_rates_are_told_and_held() -> None:
    async def work() -> None:
        clock = VirtualClock()
        async with served(clock=clock) as (_, rest):
            answers = [await rest.ask("GET", "market/products") for _ in range(40)]
            assert (429, "rate_limit_exceeded") in answers
            await clock.advance(1.1)
            await rest.ask("GET", "market/products")
            assert (rest.headers["x-ratelimit-limit"], rest.headers["x-ratelimit-remaining"]) == ("10", "9")

    run(work)


def test_an_order_lives_as_the_user_channel_tells() -> None:
    async def work() -> None:
        async with served() as (_, rest), user(rest) as socket:
            bid, _ = await rest.best()

            async def told() -> Any:
                return (await take(socket, lambda m: m["channel"] == "user"))["events"][0]["orders"][0]

            placed = (await rest.limit("BUY", bid - 10, 2, "mine"))["success_response"]
            row = await told()
            assert (row["status"], row["order_id"], row["client_order_id"]) == ("OPEN", placed["order_id"], "mine")
            edit = {"order_id": placed["order_id"], "price": str(bid - 20), "size": "1"}
            assert await rest.ask("POST", "orders/edit", edit) == {"success": True, "errors": []}
            row = await told()
            assert (Decimal(row["leaves_quantity"]), Decimal(row["limit_price"])) == (1, bid - 20)
            [order] = (await rest.ask("GET", "orders/historical/batch", order_status="OPEN"))["orders"]
            terms = order["order_configuration"]["limit_limit_gtc"]
            assert (Decimal(terms["base_size"]), terms["post_only"]) == (1, False)
            accounts = (await rest.ask("GET", "accounts"))["accounts"]
            held = {row["currency"]: Decimal(row["hold"]["value"]) for row in accounts}
            assert held["USD"] >= bid - 20
            ids = [placed["order_id"], "nothing"]
            results = (await rest.ask("POST", "orders/batch_cancel", {"order_ids": ids}))["results"]
            assert [(row["success"], row["order_id"]) for row in results] == [(True, ids[0]), (False, ids[1])]
            assert (await told())["status"] == "CANCELLED"
            late = await rest.ask("POST", "orders/edit", edit)
            assert late["errors"][0]["edit_failure_reason"] == "ORDER_NOT_FOUND"
            bought = await rest.place("BUY", "market_market_ioc", "bought", quote_size=600)
            order_id = bought["success_response"]["order_id"]
            order = (await rest.ask("GET", f"orders/historical/{order_id}"))["order"]
            assert (order["status"], Decimal(550) < Decimal(order["filled_value"]) <= 600) == ("FILLED", True)
            fills = (await rest.ask("GET", "orders/historical/fills", order_ids=order_id))["fills"]
            assert sum(Decimal(fill["commission"]) for fill in fills) == Decimal(order["total_fees"])
            stop = {"base_size": "0.5", "limit_price": bid - 400, "stop_price": bid - 300}
            placed = await rest.place(
                "SELL", "stop_limit_stop_limit_gtc", "stop", **stop, stop_direction="STOP_DIRECTION_STOP_DOWN"
            )
            order_id = placed["success_response"]["order_id"]
            order = (await rest.ask("GET", f"orders/historical/{order_id}"))["order"]
            assert (order["status"], order["trigger_status"]) == ("OPEN", "STOP_PENDING")
            first = await rest.ask("GET", "orders/historical/batch", limit=1)
            second = await rest.ask("GET", "orders/historical/batch", limit=1, cursor=first["cursor"])
            names = [page["orders"][0]["client_order_id"] for page in (first, second)]
            assert (names, first["has_next"]) == (["stop", "bought"], True)
            assert (await rest.ask("GET", "key_permissions"))["can_transfer"] is False
            assert Decimal((await rest.ask("GET", "transaction_summary"))["fee_tier"]["taker_fee_rate"]) > 0

    run(work)


@pytest.fixture
def wire(shared: Path) -> Path:
    folder = shared / "wire" / "coinbase"
    if not folder.is_dir():
        pytest.skip("no ../shared/wire/coinbase beside the project: the recorded messages are not here")
    return folder


def test_messages_have_the_keys_and_types_of_recorded_ones(wire: Path) -> None:
    async def work() -> None:
        session, docs = wire / "advanced_20260930.session.jsonl", wire / "fixtures_ws.jsonl"
        async with served(seed=3) as (server, rest):
            async with connect(f"{server.ws}/market", max_queue=None, max_size=None) as socket:
                for channel in ("heartbeats", "level2", "market_trades", "ticker", "candles"):
                    await say(socket, channel, *([] if channel == "heartbeats" else ["BTC-USD"]))
                found: dict[tuple[str, str], Any] = {}
                wanted = {(c, k) for c in ("l2_data", "market_trades") for k in ("snapshot", "update")}
                wanted |= {("ticker", "update"), ("candles", "update"), *((c, "") for c in CONTROLS)}
                while not wanted <= set(found):
                    told = json.loads(await socket.recv())
                    found[told["channel"], told["events"][0].get("type", "")] = told
            for (channel, kind), told in found.items():
                if channel == "candles":
                    # Recorded ones of other channels have no client_id any more.
                    assert lacks(told, fixture(docs, "ws_candles")) == [".client_id is missing"]
                elif channel == "ticker":
                    assert lacks(told, told_by(wire / "advanced_ticker.jsonl", lambda m: True)) == []
                elif channel == "subscriptions":
                    real = told_by(session, lambda m: m["channel"] == "subscriptions")
                    assert missing(told, real) == []
                else:
                    real = told_by(
                        session,
                        lambda m, c=channel, k=kind: m["channel"] == c and m["events"][0].get("type", "") == k,
                    )
                    assert lacks(told, real) == [], (channel, kind)
            async with user(rest) as socket:
                bid, _ = await rest.best()
                await rest.limit("BUY", bid - 10, 1, "mine")
                told = await take(socket, lambda m: m["channel"] == "user")
            recorded = told_by(wire / "advanced_user_20260930.jsonl", lambda m: m["channel"] == "user")
            recorded["events"][0]["orders"] = fixture(wire / "fixtures_docs_ws.jsonl", "docs_User")["events"][0][
                "orders"
            ]
            recorded["events"][0]["orders"][0] |= {"client_order_id": "mine", "end_time": "never"}
            assert lacks(told, recorded) == [".client_id is missing"]

    run(work)


def test_answers_have_the_keys_and_types_of_recorded_ones(wire: Path) -> None:
    async def work() -> None:
        async with served() as (_, rest):
            bid, _ = await rest.best()
            product = json.loads((wire / "advanced_product_btc_usd_20260930.json").read_text())
            assert (
                lacks(await rest.ask("GET", "market/products/BTC-USD"), {**product, "price_percentage_change_24h": "0"})
                == []
            )
            accounts = json.loads((wire / "advanced_accounts_20260930.json").read_text())
            assert missing(await rest.ask("GET", "accounts"), {"accounts": accounts["accounts"]}) == []
            rows = wire / "fixtures_rest.jsonl"
            book = await rest.ask("GET", "product_book", product_id="BTC-USD")
            assert lacks(book, fixture(rows, "http_product_book")) == []
            candles = await rest.ask("GET", "market/products/BTC-USD/candles", granularity="ONE_HOUR")
            assert lacks(candles, fixture(rows, "http_candles")) == []
            assert lacks(await rest.ask("GET", "products/BTC-USD/ticker"), fixture(rows, "http_ticker")) == []
            await rest.limit("BUY", bid - 10, 1, "mine")
            [order] = (await rest.ask("GET", "orders/historical/batch"))["orders"]
            real = fixture(rows, "http_order")["order"] | {"fee": "", "last_fill_time": None}
            assert lacks(order, real) == []
            await rest.place("BUY", "market_market_ioc", "bought", base_size="0.1")
            fills = await rest.ask("GET", "orders/historical/fills")
            assert (
                missing(fills["fills"], [fixture(rows, "http_fills")["fills"][0] | {"retail_portfolio_id": "x"}]) == []
            )

    run(work)


@pytest.mark.filterwarnings("default")  # what another package warns of is not ours
def test_ccxt_trades_here() -> None:
    pytest.importorskip("ccxt")
    import ccxt.async_support as ccxt

    async def work() -> None:
        async with CoinbaseServer(seed=2) as server:
            client = server.clients[0]
            venue = ccxt.coinbase({"apiKey": client.key, "secret": client.secret})
            venue.has["fetchCurrencies"] = False
            venue.options |= {"fetchMarkets": "fetchMarketsV3", "fetchBalance": "v3PrivateGetBrokerageAccounts"}
            venue.urls["api"]["rest"] = server.rest
            try:
                markets = await venue.load_markets()
                symbol = "BTC/USD"
                assert markets[symbol]["precision"]["price"] == 0.01
                book = await venue.fetch_order_book(symbol, 10)
                bid = book["bids"][0][0]
                assert book["asks"][0][0] > bid
                assert (await venue.fetch_balance())["USD"]["total"] == 1_000_000
                order = await venue.create_order(symbol, "limit", "buy", 0.5, bid - 100)
                await venue.edit_order(order["id"], symbol, "limit", "buy", 0.4, bid - 90)
                [open_order] = await venue.fetch_open_orders(symbol)
                assert (open_order["amount"], open_order["price"]) == (0.4, pytest.approx(bid - 90))
                await venue.cancel_order(order["id"], symbol)
                assert await venue.fetch_open_orders(symbol) == []
                await venue.create_order(symbol, "market", "sell", 0.01)
                fills = await venue.fetch_my_trades(symbol)
                assert sum(fill["amount"] for fill in fills) == pytest.approx(0.01)
            finally:
                await venue.close()

    asyncio.run(work())


def test_the_script_of_faults_holds_here_too() -> None:
    orders = f"POST {PREFIX}/orders"
    script = [
        Fault(kind="drop", on="level2.BTC-USD", skip=3, count=1),
        Fault(kind="swallow", on=orders, count=1),
        Fault(kind="status", on=orders, skip=1, count=1, status=429, delay_ms=3_000),
        Fault(kind="status", on=orders, skip=2, count=1, status=503),
        Fault(kind="expire_keys", after_s=1.0),
    ]

    async def work() -> None:
        async with served(faults=script) as (server, rest), user(rest) as stream:
            bid, _ = await rest.best()
            async with connect(f"{server.ws}/market", max_size=None) as socket:
                await say(socket, "level2", "BTC-USD")
                numbers = [json.loads(await socket.recv())["sequence_num"] for _ in range(6)]
            assert sorted(set(range(max(numbers) + 1)) - set(numbers)) == [4]
            with pytest.raises(aiohttp.ClientConnectionError):
                await rest.limit("BUY", bid - 10, 1, "swallowed")
            [order] = (await rest.ask("GET", "orders/historical/batch"))["orders"]
            assert order["client_order_id"] == "swallowed"
            assert await rest.limit("BUY", bid - 10, 1, "x") == (429, "rate_limit_exceeded")
            assert rest.headers["x-ratelimit-reset"] == "3"
            assert (await rest.limit("BUY", bid - 10, 1, "x"))[0] == 503
            with pytest.raises(ConnectionClosed):
                await take(stream, lambda m: False)

    run(work)
