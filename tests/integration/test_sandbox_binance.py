"""A local Binance, as clients that nobody here wrote meet it: aiohttp, websockets and ccxt."""

from __future__ import annotations

import asyncio
import hmac
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from websockets.asyncio.client import connect

import tradecore as tc
from sandbox_clients import Rest, best, now_ms, order_path, run, served, stream_url, take
from tradecore.errors import InvalidValueError
from tradecore.sandbox import BinanceServer, Client, Fault
from tradecore.venues import Credentials, Feed, FeedState, Frame, Secret, Stream, SystemClock, VenueReport
from tradecore.venues.binance import BinanceConnector
from tradecore.venues.clock import VirtualClock
from tradecore.venues.transport import NetworkTransport
from venue_live import Trader
from wire_shapes import fixture, lacks, missing, shape, told_by

pytestmark = pytest.mark.release

BOTH = pytest.mark.parametrize("is_spot", [True, False], ids=["spot", "usdm"])


@BOTH
def test_a_book_kept_by_the_venues_rules_has_the_best_prices_that_the_venue_tells(is_spot: bool) -> None:
    async def work() -> None:
        async with served(seed=4) as (server, rest):
            # One of no interval is not there, and stops nobody else's.
            url = stream_url(server, "btcusdt@depth@0ms/btcusdt@depth@100ms/btcusdt@bookTicker", is_spot=is_spot)
            async with connect(url) as socket:
                frames = [json.loads(await socket.recv()) for _ in range(10)]
                path = "/api/v3/depth" if is_spot else "/fapi/v1/depth"
                snapshot = await rest.ask("GET", path, sign=False, symbol="BTCUSDT", limit=1000)
                frames += [json.loads(await socket.recv()) for _ in range(150)]
            sides = [{Decimal(p): Decimal(q) for p, q in snapshot[side]} for side in ("bids", "asks")]
            last, checked = snapshot["lastUpdateId"], 0
            touches = {f["data"]["u"]: f["data"] for f in frames if f["stream"].endswith("bookTicker")}
            chain = None
            for update in (f["data"] for f in frames if "@depth" in f["stream"]):
                if update["u"] < last + is_spot:
                    continue
                if chain is None:
                    assert update["U"] <= last + is_spot
                    assert update["u"] >= last + is_spot or update["pu"] == last
                else:
                    assert update["U"] == chain + 1
                    assert is_spot or update["pu"] == chain
                chain = update["u"]
                for side, changes in zip(sides, (update["b"], update["a"]), strict=True):
                    for price, qty in changes:
                        side[Decimal(price)] = Decimal(qty)
                        if not Decimal(qty):
                            del side[Decimal(price)]
                known = [u for u in touches if u <= update["u"]]
                if known:
                    told = touches[max(known)]
                    bid, ask = max(sides[0]), min(sides[1])
                    assert (bid, sides[0][bid]) == (Decimal(told["b"]), Decimal(told["B"]))
                    assert (ask, sides[1][ask]) == (Decimal(told["a"]), Decimal(told["A"]))
                    checked += 1
            assert checked >= 5

    run(work)


@BOTH
def test_orders_of_clients_stand_in_the_public_book_and_trade_for_all_to_see(is_spot: bool) -> None:
    async def work() -> None:
        async with served(seed=1) as (server, rest):
            other = Rest(server, rest.session, 1)
            bid, ask = await best(rest, is_spot)
            price = (bid - 2).quantize(Decimal("0.1"))
            placed = await rest.limit("BUY", price, "7.5", is_spot=is_spot, newOrderRespType="RESULT")
            assert placed["status"] == "NEW"
            depth = "/api/v3/depth" if is_spot else "/fapi/v1/depth"
            book = await rest.ask("GET", depth, sign=False, symbol="BTCUSDT", limit=1000)
            assert sum(Decimal(qty) for at, qty in book["bids"] if Decimal(at) == price) >= Decimal("7.5")
            async with connect(
                stream_url(server, "btcusdt@trade", is_spot=is_spot, route="market"), max_queue=None
            ) as trades:
                inside = (bid + ask) / 2
                inside -= inside % Decimal("0.1" if not is_spot else "0.01")
                mine = await rest.limit("BUY", inside, "0.777", is_spot=is_spot)
                assert mine["status"] in ("NEW", "PARTIALLY_FILLED", "FILLED"), mine
                sold = await other.ask(
                    "POST", order_path(is_spot), symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.777",
                    newOrderRespType="RESULT",
                )  # fmt: skip
                assert sold["status"] == "FILLED"
                path = "/api/v3/myTrades" if is_spot else "/fapi/v1/userTrades"
                fills = await rest.ask("GET", path, symbol="BTCUSDT", orderId=mine["orderId"])
                for fill in fills:
                    told = await take(trades, lambda message, fill=fill: message["data"]["t"] == fill["id"])
                    assert Decimal(told["data"]["p"]) == Decimal(fill["price"])
                assert fills or Decimal(sold["executedQty"]) == Decimal("0.777")

    run(work)


@BOTH
def test_requests_are_checked_as_the_venue_checks_them(is_spot: bool) -> None:
    async def work() -> None:
        async with served() as (server, rest):
            bid, ask = await best(rest, is_spot)
            now = now_ms(server)
            path = order_path(is_spot)
            stale = await rest.ask("GET", path, symbol="BTCUSDT", orderId=1, timestamp=now - 6_000)
            assert stale == (400, -1021, "Timestamp for this request is outside of the recvWindow.")
            early = await rest.ask("GET", path, symbol="BTCUSDT", orderId=1, timestamp=now + 3_000)
            assert early[1] == -1021
            assert (await rest.ask("GET", path, symbol="BTCUSDT", orderId=1)) == (400, -2013, "Order does not exist.")
            assert (await rest.ask("DELETE", path, symbol="BTCUSDT", orderId=1))[1] == -2011
            assert (await rest.ask("DELETE", path, symbol="NOPE", orderId=1))[1] == -1121
            assert (await rest.ask("DELETE", path, symbol="BTCUSDT"))[1] == -1102
            off_tick = await rest.limit("BUY", bid + Decimal("0.001"), 1, is_spot=is_spot)
            assert off_tick[1] == (-1013 if is_spot else -4014)
            off_lot = await rest.limit("BUY", bid, "0.0000001", is_spot=is_spot)
            assert off_lot[1] == (-1013 if is_spot else -4023)
            small = await rest.limit("BUY", 3000, "0.001", is_spot=is_spot)
            assert small[1] == (-1013 if is_spot else -4164)
            rich = await rest.limit("BUY", bid - 100, 5000, is_spot=is_spot, newClientOrderId="rich")
            assert rich[1] == (-2010 if is_spot else -2019)
            assert (await rest.ask("GET", path, symbol="BTCUSDT", origClientOrderId="rich"))[1] == -2013
            maker = {"type": "LIMIT_MAKER"} if is_spot else {"type": "LIMIT", "timeInForce": "GTX"}
            crossing = {"symbol": "BTCUSDT", "side": "BUY", "price": ask + 100, "quantity": 1, **maker}
            assert (await rest.ask("POST", path, **crossing))[1] == (-2010 if is_spot else -5022)
            assert (await rest.limit("BUY", bid - 100, "1e40", is_spot=is_spot))[1] == -1100
            url = f"{server.rest}{path}?symbol=%FF"
            async with rest.session.post(url, data=b"\xff\xfe") as answer:
                assert (answer.status, (await answer.json())["code"]) == (400, -1101)
            unknown = await rest.limit("BUY", bid - 100, 1, is_spot=is_spot, icebergQty=1)
            assert unknown == (400, -1104, "Not all sent parameters were read; 'icebergQty' is none here.")
            assert (await rest.limit("BUY", bid - 100, 1, is_spot=is_spot, newClientOrderId="a b"))[1] == -1100
            await rest.limit("BUY", bid - 100, 1, is_spot=is_spot, newClientOrderId="twice")
            again = await rest.limit("BUY", bid - 100, 1, is_spot=is_spot, newClientOrderId="twice")
            assert again[1] == (-2010 if is_spot else -4116)
            rest.client = Client(key=rest.client.key, secret="wrong")
            assert (await rest.ask("GET", path, symbol="BTCUSDT", orderId=1))[1] == -1022
            rest.client = Client(key="nobody", secret="x")
            assert (await rest.ask("GET", path, symbol="BTCUSDT", orderId=1))[:2] == (401, -2015)
            assert "secret" not in repr(server)

    run(work)


def test_spot_orders_live_as_the_private_stream_tells() -> None:
    async def work() -> None:
        async with served() as (server, rest), connect(f"{server.ws}/ws-api/v3") as socket:
            bid, _ = await best(rest, True)

            async def call(method: str, **params: Any) -> Any:
                params |= {"apiKey": rest.client.key, "timestamp": now_ms(server)}
                text = "&".join(f"{name}={params[name]}" for name in sorted(params))
                params["signature"] = hmac.digest(rest.client.secret.encode(), text.encode(), "sha256").hex()
                await socket.send(json.dumps({"id": method, "method": method, "params": params}))
                return await take(socket, lambda message: message.get("id") == method)

            assert (await call("userDataStream.subscribe.signature"))["result"] == {"subscriptionId": 0}
            params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
            await socket.send("{")
            assert (await take(socket, lambda m: m.get("id", 0) is None))["status"] == 400
            placed = await call("order.place", **params, price=str(bid - 10), quantity="2", newClientOrderId="mine")
            assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
            assert placed["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"
            await rest.ask(
                "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", origClientOrderId="mine", newQty=1
            )
            told = await take(socket, lambda m: m.get("event", {}).get("x") == "REPLACED")
            assert (told["event"]["q"], told["event"]["c"]) == ("1.00000000", "mine")
            moved = await take(socket, lambda m: m.get("event", {}).get("e") == "outboundAccountPosition")
            locked = {row["a"]: row["l"] for row in moved["event"]["B"]}
            assert Decimal(locked["USDT"]) >= bid - 10
            replaced = await rest.ask(
                "POST", "/api/v3/order/cancelReplace", **params, price=bid - 20, quantity=1, newClientOrderId="next",
                cancelReplaceMode="STOP_ON_FAILURE", cancelOrigClientOrderId="mine", cancelNewClientOrderId="bye",
            )  # fmt: skip
            assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
            told = await take(socket, lambda m: m.get("event", {}).get("x") == "CANCELED")
            assert (told["event"]["c"], told["event"]["C"]) == ("bye", "mine")
            failed = await rest.ask(
                "POST", "/api/v3/order/cancelReplace", **params, price=bid - 20, quantity=1,
                cancelReplaceMode="STOP_ON_FAILURE", cancelOrigClientOrderId="mine",
            )  # fmt: skip
            assert failed[:2] == (400, -2022)
            assert [o["clientOrderId"] for o in await rest.ask("GET", "/api/v3/openOrders", symbol="BTCUSDT")] == [
                "next"
            ]
            bought = await rest.ask(
                "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty=600
            )
            assert (bought["status"], len(bought["fills"]) > 0) == ("FILLED", True)
            trade = await take(socket, lambda m: m.get("event", {}).get("x") == "TRADE")
            assert (trade["event"]["N"], trade["event"]["m"]) == ("BTC", False)
            account = await rest.ask("GET", "/api/v3/account")
            held = {row["asset"]: Decimal(row["free"]) for row in account["balances"]}
            paid = sum(Decimal(fill["commission"]) for fill in bought["fills"])
            assert held["BTC"] == 10 + Decimal(bought["executedQty"]) - paid
            assert len(await rest.ask("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")) == 1
            stop = await call(
                "order.place", symbol="BTCUSDT", side="SELL", type="STOP_LOSS_LIMIT", timeInForce="GTC",
                quantity="1", price=str(bid - 300), stopPrice=str(bid - 200),
            )  # fmt: skip
            status = await call("order.status", symbol="BTCUSDT", orderId=stop["result"]["orderId"])
            assert (status["result"]["isWorking"], status["result"]["status"]) == (False, "NEW")
            assert (await call("session.logon"))["error"]["code"] == -4056
            assert (await call("no.such"))["error"]["code"] == -1000

    run(work)


def test_futures_orders_and_positions_as_the_private_stream_tells() -> None:
    async def work() -> None:
        async with served() as (server, rest):
            bid, _ = await best(rest, False)
            key = (await rest.ask("POST", "/fapi/v1/listenKey", sign=False))["listenKey"]
            assert (await rest.ask("PUT", "/fapi/v1/listenKey", sign=False))["listenKey"] == key
            async with connect(f"{server.ws}/private/ws/{key}") as socket:
                assert (await rest.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5))["leverage"] == 5
                assert (await take(socket, lambda m: m["e"] == "ACCOUNT_CONFIG_UPDATE"))["ac"] == {
                    "s": "BTCUSDT",
                    "l": 5,
                }
                order = await rest.limit("BUY", bid - 10, "0.5", is_spot=False)
                told = await take(socket, lambda m: m["e"] == "ORDER_TRADE_UPDATE")
                assert (told["o"]["x"], told["o"]["X"], told["o"]["i"]) == ("NEW", "NEW", order["orderId"])
                change = {"symbol": "BTCUSDT", "orderId": order["orderId"], "side": "BUY"}
                moved = await rest.ask("PUT", "/fapi/v1/order", **change, price=bid - 20, quantity="0.4")
                assert (moved["status"], Decimal(moved["origQty"])) == ("NEW", Decimal("0.4"))
                assert (await take(socket, lambda m: m["e"] == "ORDER_TRADE_UPDATE"))["o"]["x"] == "AMENDMENT"
                await rest.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=order["orderId"])
                assert (await take(socket, lambda m: m["e"] == "ORDER_TRADE_UPDATE"))["o"]["X"] == "CANCELED"
                bought = await rest.ask(
                    "POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.02"
                )
                assert bought["status"] == "NEW", "an ACK says nothing of fills"
                account = await take(socket, lambda m: m["e"] == "ACCOUNT_UPDATE")
                assert account["a"]["P"][0]["s"] == "BTCUSDT"
                [risk] = await rest.ask("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")
                assert (Decimal(risk["positionAmt"]), risk["leverage"]) == (Decimal("0.02"), "5")
                told = await rest.ask("GET", "/fapi/v3/account")
                assert Decimal(told["totalInitialMargin"]) == Decimal(risk["initialMargin"]) > 200
                refused = await rest.limit("BUY", bid - 10, 1, is_spot=False, reduceOnly="true")
                assert refused[:2] == (400, -2022)
                stop = {
                    "symbol": "BTCUSDT",
                    "side": "SELL",
                    "type": "STOP_MARKET",
                    "stopPrice": bid - 50,
                    "quantity": 1,
                }
                assert (await rest.ask("POST", "/fapi/v1/order", **stop))[1] == -4120
            await rest.ask("DELETE", "/fapi/v1/listenKey", sign=False)
            assert (await rest.ask("PUT", "/fapi/v1/listenKey", sign=False))[1] == -1125

    run(work)


def test_futures_streams_are_acknowledged_on_the_wrong_route_and_never_come() -> None:
    async def work() -> None:
        async with served() as (server, _):
            async with connect(f"{server.ws}/public/ws") as socket:
                wish = {"method": "SUBSCRIBE", "params": ["btcusdt@markPrice@1s", "btcusdt@bookTicker"], "id": 7}
                await socket.send(json.dumps(wish))
                assert json.loads(await socket.recv()) == {"result": None, "id": 7}
                await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 8}))
                listed = await take(socket, lambda m: m.get("id") == 8)
                assert listed["result"] == ["btcusdt@bookTicker"]
                assert (await take(socket, lambda m: "id" not in m))["e"] == "bookTicker"
                await socket.send(json.dumps({"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 9}))
                await take(socket, lambda m: m.get("id") == 9)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(socket.recv(), 0.3)
            async with connect(f"{server.ws}/market/ws/btcusdt@markPrice@1s") as socket:
                assert json.loads(await socket.recv())["e"] == "markPriceUpdate"

    run(work)


def test_weights_are_counted_and_a_client_that_goes_on_is_banned() -> None:
    async def work() -> None:
        async with served(clock=VirtualClock()) as (_, rest):
            for asked in range(1, 24):
                answer = await rest.ask("GET", "/api/v3/depth", sign=False, symbol="BTCUSDT", limit=5000)
                assert answer["lastUpdateId"]
                assert rest.headers["X-MBX-USED-WEIGHT-1M"] == str(250 * asked)
            await rest.ask("GET", "/api/v3/depth", sign=False, symbol="BTCUSDT", limit=5000)
            answers = [await rest.ask("GET", "/api/v3/ping", sign=False) for _ in range(13)]
            assert answers[0][:2] == (429, -1003)
            assert 0 < int(rest.headers["Retry-After"]) <= 121
            assert answers[-1][0] == 418
            assert await rest.ask("GET", "/fapi/v1/ping", sign=False) == {}, "the other market has limits of its own"

    run(work)


@pytest.fixture
def wire(shared: Path) -> Path:
    folder = shared / "wire" / "binance"
    if not folder.is_dir():
        pytest.skip("no ../shared/wire/binance beside the project: the recorded messages are not here")
    return folder


def recorded(path: Path, stream: str) -> Any:
    for line in path.read_text().splitlines():
        message = json.loads(line)
        if message.get("stream") == stream:
            return message["data"]
    raise LookupError(stream)


@BOTH
def test_market_messages_have_the_keys_and_types_of_recorded_ones(is_spot: bool, wire: Path) -> None:
    async def work() -> None:
        async with served() as (server, rest):
            file = wire / ("spot_btcusdt_20240808.session.jsonl" if is_spot else "usdm_btcusdt_20240808.session.jsonl")
            ours = {"btcusdt@bookTicker": "public", "btcusdt@depth@100ms": "public", "btcusdt@trade": "market"}
            for stream, route in ours.items():
                async with connect(stream_url(server, stream, is_spot=is_spot, route=route)) as socket:
                    told = await take(socket, lambda m: m["data"].get("b", [1]) and m["data"].get("a", [1]))
                real = recorded(file, stream if is_spot else stream.replace("@100ms", "@0ms"))
                assert lacks(told["data"], real) == [], stream
            name = "spot_aggtrade_202606.jsonl" if is_spot else "usdm_frames_202606.jsonl"
            real = json.loads((wire / name).read_text().splitlines()[0])
            async with connect(stream_url(server, "btcusdt@aggTrade", is_spot=is_spot, route="market")) as socket:
                assert lacks((await take(socket, lambda m: True))["data"], real) == []
            path = "/api/v3/depth" if is_spot else "/fapi/v1/depth"
            snapshot = await rest.ask("GET", path, sign=False, symbol="BTCUSDT")
            [real] = [m for m in map(json.loads, file.read_text().splitlines()) if "stream" not in m]
            assert lacks(snapshot, real) == []
            if not is_spot:
                real = recorded(wire / "usdm_markprice_rollover_20260930.jsonl", "btcusdt@markPrice@1s")
                async with connect(stream_url(server, "btcusdt@markPrice@1s", is_spot=False, route="market")) as socket:
                    told = (await take(socket, lambda m: True))["data"]
                assert lacks(told, real) == [".st is missing"], "which is of the migration and says nothing by itself"

    run(work)


def test_answers_and_private_messages_have_the_keys_and_types_of_the_venues(wire: Path) -> None:
    async def work() -> None:
        async with served() as (_, rest):
            bid, _ = await best(rest, True)
            spot, usdm = wire / "fixtures_rest_spot.jsonl", wire / "fixtures_rest_usdm.jsonl"
            order = await rest.limit("BUY", bid - 10, 1)
            which = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
            told = {
                "order_response.json": await rest.ask("GET", "/api/v3/order", **which),
                "account_response.json": await rest.ask("GET", "/api/v3/account"),
                "cancel_order_response.json": await rest.ask("DELETE", "/api/v3/order", **which),
                "new_order_full_response.json": await rest.ask(
                    "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity=1
                ),
                "account_trades_response.json": await rest.ask("GET", "/api/v3/myTrades", symbol="BTCUSDT"),
                "trades_response.json": await rest.ask("GET", "/api/v3/trades", sign=False, symbol="BTCUSDT"),
                "book_ticker_response.json": await rest.ask(
                    "GET", "/api/v3/ticker/bookTicker", sign=False, symbol="BTCUSDT"
                ),
                "server_time_response.json": await rest.ask("GET", "/api/v3/time", sign=False),
            }
            for name, message in told.items():
                assert lacks(message, fixture(spot, name)) == [], name
            real = fixture(spot, "exchange_info_response.json")["symbols"][0]
            info = await rest.ask("GET", "/api/v3/exchangeInfo", sign=False)
            assert lacks(info["symbols"][0], {**real, "filters": []}) == []
            await rest.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
            real = json.loads((wire / "usdm_demo_account_v3_20260930.json").read_text())
            account = await rest.ask("GET", "/fapi/v3/account")
            real_assets, real_positions = real.pop("assets"), real.pop("positions")
            assert lacks({k: v for k, v in account.items() if k not in ("assets", "positions")}, real) == []
            assert lacks(account["assets"], real_assets) == []
            assert lacks(account["positions"], real_positions) == []
            assert lacks(await rest.ask("GET", "/fapi/v3/balance"), fixture(usdm, "balance.json")) == []
            trades = await rest.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
            assert lacks(trades, fixture(usdm, "http_futures_account_trades.json")) == []
            index = await rest.ask("GET", "/fapi/v1/premiumIndex", sign=False, symbol="BTCUSDT")
            assert lacks(index, fixture(usdm, "http_futures_market_premium_index.json")) == []

    run(work)


def test_private_messages_have_the_keys_and_types_of_recorded_ones(wire: Path) -> None:
    async def work() -> None:
        async with served() as (server, rest):
            key = (await rest.ask("POST", "/fapi/v1/listenKey", sign=False))["listenKey"]
            async with connect(f"{server.ws}/private/ws/{key}") as socket:
                market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
                await rest.ask("POST", "/fapi/v1/order", **market)
                placed = await take(socket, lambda m: m["e"] == "ORDER_TRADE_UPDATE")
                account = await take(socket, lambda m: m["e"] == "ACCOUNT_UPDATE")
                traded = await take(socket, lambda m: m.get("o", {}).get("x") == "TRADE")
                stop = {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "triggerPrice": "1000"}
                stop |= {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1", "workingType": "CONTRACT_PRICE"}
                await rest.ask("POST", "/fapi/v1/algoOrder", **stop)
                waits = await take(socket, lambda m: m["e"] == "ALGO_UPDATE")
                (listed,) = await rest.ask("GET", "/fapi/v1/openAlgoOrders")
            assert missing(waits, fixture(wire / "fixtures_usdm_user.jsonl", "algo_update_new.json")) == []
            (real,) = fixture(wire / "fixtures_rest_usdm.jsonl", "open_algo_orders.json")
            assert missing(listed, {"orderType": real.pop("type"), **real}) == []
            orders = wire / "user_usdm_ORDER_TRADE_UPDATE.pm_stream.jsonl"
            for told, kind in ((placed, "NEW"), (traded, "TRADE")):
                real = told_by(orders, lambda m, kind=kind: m["o"]["x"] == kind)
                fee = {"n", "N"} if kind == "NEW" else set()
                real = {name: value for name, value in real.items() if name != "fs"}
                real["o"] = {name: value for name, value in real["o"].items() if name not in fee}
                assert missing(told, real) == [], kind
            real = told_by(wire / "user_usdm_ACCOUNT_UPDATE.pm_stream.jsonl", lambda m: m["a"]["P"])
            assert missing(account, {name: value for name, value in real.items() if name != "fs"}) == []
            async with connect(f"{server.ws}/ws-api/v3") as socket:
                params = {"apiKey": rest.client.key, "timestamp": now_ms(server)}
                text = "&".join(f"{name}={params[name]}" for name in sorted(params))
                signature = hmac.digest(rest.client.secret.encode(), text.encode(), "sha256").hex()
                wish = {
                    "id": 1,
                    "method": "userDataStream.subscribe.signature",
                    "params": {**params, "signature": signature},
                }
                await socket.send(json.dumps(wish))
                await take(socket, lambda m: m.get("id") == 1)
                await rest.ask("POST", "/api/v3/order", **market)
                reports = [
                    await take(socket, lambda m, x=x: m.get("event", {}).get("x") == x) for x in ("NEW", "TRADE")
                ]
                moved = await take(socket, lambda m: m["event"]["e"] == "outboundAccountPosition")
            recorded = wire / "user_spot_executionReport.pm_stream.jsonl"
            for told, kind in zip(reports, ("NEW", "TRADE"), strict=True):
                assert missing(told["event"], told_by(recorded, lambda m, kind=kind: m["x"] == kind)) == [], kind
            assert lacks(moved, fixture(wire / "spot_demo_user_20260930.jsonl", "demo_outbound_account_position")) == []

    run(work)


@BOTH
def test_aggregated_trades_and_the_average_price_are_those_of_the_trades(is_spot: bool, wire: Path) -> None:
    base = "/api/v3" if is_spot else "/fapi/v1"

    async def work() -> None:
        clock = VirtualClock(1_700_000_000_000_000_000)
        async with served(clock=clock, symbols=[f"BTCUSDT.{'BINANCE' if is_spot else 'BINANCE_USDM'}"]) as (_, rest):
            ask = partial(rest.ask, "GET", sign=False, symbol="BTCUSDT")
            await clock.advance(3.0)
            trades = {trade["id"]: trade for trade in await ask(f"{base}/trades", limit=1_000)}
            rows = await ask(f"{base}/aggTrades", limit=1_000)
            for row in rows:
                parts = [trades[number] for number in range(row["f"], row["l"] + 1)]
                assert sum(Decimal(part["qty"]) for part in parts) == Decimal(row["q"])
                told = {(part["price"], part["isBuyerMaker"], part["time"]) for part in parts}
                assert told == {(row["p"], row["m"], row["T"])}
            assert [row["f"] for row in rows[1:]] == [row["l"] + 1 for row in rows[:-1]]
            third = rows[2]
            assert await ask(f"{base}/aggTrades", fromId=third["a"], limit=2) == rows[2:4]
            assert await ask(f"{base}/aggTrades", limit=2) == rows[-2:]
            later = [row for row in rows if row["T"] >= third["T"]]
            assert await ask(f"{base}/aggTrades", startTime=third["T"], limit=1_000) == later
            assert await ask(f"{base}/aggTrades", endTime=third["T"] - 1, limit=1_000) == rows[: -len(later)]
            recorded_rows = map(json.loads, (wire / "rest_recorded_gct.jsonl").read_text().splitlines())
            real = {row["path"]: row["response"] for row in recorded_rows}
            if not is_spot:
                assert (await ask(f"{base}/avgPrice"))[0] == 404
                return
            assert lacks(third, real["/api/v3/aggTrades"][0]) == []
            average = await ask(f"{base}/avgPrice")
            # The time of the last trade is newer than the recording.
            assert lacks(average, real["/api/v3/avgPrice"] | {"closeTime": 0}) == []
            quote = sum(Decimal(trade["price"]) * Decimal(trade["qty"]) for trade in trades.values())
            qty = sum(Decimal(trade["qty"]) for trade in trades.values())
            assert Decimal(average["price"]) == pytest.approx(quote / qty, abs=Decimal("1e-8"))
            assert (average["mins"], average["closeTime"]) == (5, rows[-1]["T"])

    run(work)


def test_the_average_price_is_told_each_second() -> None:
    async def work() -> None:
        async with served() as (server, rest):
            async with connect(stream_url(server, "btcusdt@avgPrice", is_spot=True, route="market")) as socket:
                told = (await take(socket, lambda m: True))["data"]
            assert {name: told[name] for name in "esi"} == {"e": "avgPrice", "s": "BTCUSDT", "i": "5m"}
            asked = await rest.ask("GET", "/api/v3/avgPrice", sign=False, symbol="BTCUSDT")
            assert Decimal(told["w"]) == pytest.approx(Decimal(asked["price"]), rel=Decimal("0.01"))

    run(work)


@BOTH
def test_candles_and_tickers_are_those_of_the_trades(is_spot: bool) -> None:
    base = "/api/v3" if is_spot else "/fapi/v1"

    async def work() -> None:
        minute_ms = 60_000
        clock = VirtualClock((28_333_333 * minute_ms - 1_000) * 1_000_000)
        async with served(clock=clock, symbols=[f"BTCUSDT.{'BINANCE' if is_spot else 'BINANCE_USDM'}"]) as (_, rest):
            ask = partial(rest.ask, "GET", sign=False, symbol="BTCUSDT")
            await clock.advance(3.0)
            trades = await ask(f"{base}/trades", limit=1_000)
            minutes: dict[int, list[Any]] = {}
            for trade in trades:
                minutes.setdefault(trade["time"] - trade["time"] % minute_ms, []).append(trade)
            assert len(minutes) == 2
            rows = await ask(f"{base}/klines", interval="1m")
            for row, (start, of) in zip(rows, minutes.items(), strict=True):
                prices, sizes = ([Decimal(trade[name]) for trade in of] for name in ("price", "qty"))
                bought = sum(size for size, trade in zip(sizes, of, strict=True) if not trade["isBuyerMaker"])
                quote = sum(price * size for price, size in zip(prices, sizes, strict=True))
                assert (row[0], row[6], row[8]) == (start, start + minute_ms - 1, len(of))
                assert [Decimal(text) for text in row[1:6]] == [
                    prices[0], max(prices), min(prices), prices[-1], sum(sizes),
                ]  # fmt: skip
                assert (Decimal(row[7]), Decimal(row[9])) == (pytest.approx(quote), bought)
            assert await ask(f"{base}/klines", interval="1m", startTime=rows[1][0], limit=1) == rows[1:]
            assert await ask(f"{base}/klines", interval="1m", endTime=rows[1][0] - 1) == rows[:1]
            assert await ask(f"{base}/klines", interval="1m", limit=1) == rows[1:]
            for interval, start in (("1w", "Mon"), ("1M", "01")):
                [row] = await ask(f"{base}/klines", interval=interval)
                begun = datetime.fromtimestamp(row[0] / 1_000, UTC)
                assert begun.strftime("%a %d %H:%M").endswith(" 00:00")
                assert start in begun.strftime("%a %d")
                assert row[8] == len(trades)
            if is_spot:
                seconds = await ask(f"{base}/klines", interval="1s")
                assert [(row[6] - row[0], row[0] % 1_000) for row in seconds] == [(999, 0)] * len(seconds)
                assert [row[0] for row in seconds] == sorted({t["time"] // 1_000 * 1_000 for t in trades})
                for minute in rows:
                    within = [row for row in seconds if minute[0] <= row[0] <= minute[6]]
                    assert (within[0][1], within[-1][4]) == (minute[1], minute[4])
                    assert sum(row[8] for row in within) == minute[8]
                    assert sum(Decimal(row[5]) for row in within) == Decimal(minute[5])
            else:
                assert await ask(f"{base}/klines", interval="1s") == (400, -1120, "Invalid interval.")
            assert await ask(f"{base}/klines", interval="7m") == (400, -1120, "Invalid interval.")
            day = await ask(f"{base}/ticker/24hr")
            assert (day["count"], day["firstId"], day["lastId"]) == (len(trades), trades[0]["id"], trades[-1]["id"])
            assert Decimal(day["priceChange"]) == Decimal(day["lastPrice"]) - Decimal(trades[0]["price"])
            assert day["lastPrice"] == (await ask(f"{base}/ticker/price"))["price"] == trades[-1]["price"]
            for path in ("24hr", "price"):
                everybody = await rest.ask("GET", f"{base}/ticker/{path}", sign=False)
                assert everybody == [await ask(f"{base}/ticker/{path}")]

    run(work)


@BOTH
def test_candles_and_tickers_have_the_keys_and_types_of_recorded_ones(is_spot: bool, wire: Path) -> None:
    base, route = ("/api/v3", "") if is_spot else ("/fapi/v1", "/market")
    frames = [json.loads(line) for line in (wire / "misc_streams_2021_2022.jsonl").read_text().splitlines()]

    def real(kind: str) -> Any:
        told = (each["data"] for each in frames if each["stream"].endswith(f"@{kind}") and each["stream"][0] != "!")
        return next(each for each in told if kind != "ticker" or ("x" in each) == is_spot)

    async def work() -> None:
        async with served(symbols=[f"BTCUSDT.{'BINANCE' if is_spot else 'BINANCE_USDM'}"]) as (server, rest):
            names = [
                "!ticker@arr",
                "!miniTicker@arr",
                *(f"btcusdt@{kind}" for kind in ("kline_1m", "ticker", "miniTicker")),
            ]
            told: dict[str, Any] = {}
            async with connect(f"{server.ws}{route}/stream?streams={'/'.join(names)}") as socket:
                while len(told) < len(names):
                    message = json.loads(await socket.recv())
                    told[message["stream"]] = message["data"]
            for kind in ("kline_1m", "ticker"):
                assert lacks(told[f"btcusdt@{kind}"], real(kind)) == [], kind
            assert lacks(told["!ticker@arr"], [real("ticker")]) == []
            assert set(told["btcusdt@miniTicker"]) == set(told["!miniTicker@arr"][0]) == set("eEscohlvq")
            documented = wire / f"fixtures_rest_{'spot' if is_spot else 'usdm'}.jsonl"
            rows = await rest.ask("GET", f"{base}/klines", sign=False, symbol="BTCUSDT", interval="1m")
            name = "http_spot_market_klines.json" if is_spot else "http_futures_market_klines.json"
            assert [shape(each) for each in rows[0]] == [shape(each) for each in fixture(documented, name)[0]]
            recorded = wire / "rest_recorded_gct.jsonl"
            day = await rest.ask("GET", f"{base}/ticker/24hr", sign=False, symbol="BTCUSDT")
            assert (
                lacks(
                    day,
                    told_by(recorded, lambda m: m["path"] == f"{base}/ticker/24hr" and "symbol" in m["response"])[
                        "response"
                    ],
                )
                == []
            )
            price = await rest.ask("GET", f"{base}/ticker/price", sign=False, symbol="BTCUSDT")
            spot = told_by(recorded, lambda m: m["path"] == "/api/v3/ticker/price")["response"]
            assert lacks(price, spot if is_spot else {**spot, "time": 1}) == []

    run(work)


def test_candles_of_a_second_are_told_each_second_until_they_are_over() -> None:
    async def work() -> None:
        async with served(symbols=["BTCUSDT.BINANCE"]) as (server, rest):
            told: list[dict[str, Any]] = []
            async with connect(f"{server.ws}/ws/btcusdt@kline_1s") as socket:
                while len({message["k"]["t"] for message in told}) < 4:
                    told.append(json.loads(await socket.recv()))
            assert {(message["e"], message["k"]["i"]) for message in told} == {("kline", "1s")}
            over = {message["k"]["t"]: message["k"] for message in told if message["k"]["x"]}
            asked = await rest.ask("GET", "/api/v3/klines", sign=False, symbol="BTCUSDT", interval="1s")
            rows = {row[0]: row for row in asked}
            assert len(over) >= 2
            for start, candle in over.items():
                assert [candle[name] for name in "tohlcvTqnVQ"] == rows[start][:11]

    run(work)


def by_ccxt(server: BinanceServer, kind: str) -> Any:
    """A ccxt client of the server."""
    import ccxt.async_support as ccxt

    client = server.clients[0]
    linear = {"fetchMarkets": {"types": ["linear" if kind == "binanceusdm" else "spot"]}}
    options = {"fetchCurrencies": False, "fetchMargins": False, **linear}
    made = getattr(ccxt, kind)({"apiKey": client.key, "secret": client.secret, "options": options})
    for name, url in made.urls["api"].items():
        if isinstance(url, str):
            for host in ("https://api.binance.com", "https://fapi.binance.com"):
                url = url.replace(host, server.rest)
            made.urls["api"][name] = url
    return made


@pytest.mark.parametrize(("kind", "symbol"), [("binance", "BTC/USDT"), ("binanceusdm", "BTC/USDT:USDT")])
@pytest.mark.filterwarnings("default")  # what another package warns of is not ours
def test_ccxt_trades_here(kind: str, symbol: str) -> None:
    pytest.importorskip("ccxt")
    of_account = {"type": "spot"} if kind == "binance" else {"type": "swap", "subType": "linear"}

    async def work() -> None:
        async with BinanceServer(seed=2) as server:
            venue = by_ccxt(server, kind)
            try:
                markets = await venue.load_markets()
                assert symbol in markets
                assert markets[symbol]["limits"]["amount"]["min"] > 0
                book = await venue.fetch_order_book(symbol, 10)
                bid = book["bids"][0][0]
                assert book["asks"][0][0] > bid
                assert (await venue.fetch_balance(of_account))["USDT"]["total"] == 1_000_000
                order = await venue.create_order(symbol, "limit", "buy", 0.5, bid - 100)
                assert order["status"] == "open"
                amended = await venue.edit_order(order["id"], symbol, "limit", "buy", 0.4, bid - 90)
                [open_order] = await venue.fetch_open_orders(symbol)
                assert (open_order["amount"], open_order["price"]) == (0.4, pytest.approx(bid - 90))
                cancelled = await venue.cancel_order(amended["id"], symbol)
                assert cancelled["status"] == "canceled"
                assert await venue.fetch_open_orders(symbol) == []
                await venue.create_order(symbol, "market", "buy", 0.01)
                ticker = await venue.fetch_ticker(symbol)
                assert ticker["low"] <= ticker["last"] <= ticker["high"]
                assert ticker["baseVolume"] > 0
                candles = await venue.fetch_ohlcv(symbol, "1m")
                assert candles[-1][4] == pytest.approx(ticker["last"], rel=0.01)
                fills = await venue.fetch_my_trades(symbol)
                assert sum(fill["amount"] for fill in fills) == pytest.approx(0.01)
                if kind == "binanceusdm":
                    [position] = await venue.fetch_positions([symbol])
                    assert position["contracts"] == 0.01
            finally:
                await venue.close()

    asyncio.run(work())


def test_a_client_may_sign_with_a_private_key() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    async def work() -> None:
        import base64

        async with served(clients=[Client(key="k", public_key=public)]) as (server, rest):
            now = now_ms(server)
            signature = base64.b64encode(private.sign(f"timestamp={now}".encode())).decode()
            url = f"{server.rest}/api/v3/account?timestamp={now}&{urlencode({'signature': signature})}"
            async with rest.session.get(url, headers={"X-MBX-APIKEY": "k"}) as answer:
                assert answer.status == 200
            async with connect(f"{server.ws}/ws-api/v3") as socket:
                signature = base64.b64encode(private.sign(f"apiKey=k&timestamp={now}".encode())).decode()
                params = {"apiKey": "k", "timestamp": now, "signature": signature}
                await socket.send(json.dumps({"id": 1, "method": "session.logon", "params": params}))
                assert json.loads(await socket.recv())["result"]["apiKey"] == "k"
                await socket.send(json.dumps({"id": 2, "method": "account.status", "params": {"timestamp": now}}))
                assert json.loads(await socket.recv())["result"]["accountType"] == "SPOT"

    run(work)


def test_a_catalog_moves_the_market_at_its_own_pace_or_faster(tmp_path: Path) -> None:
    tc.synthesize(tmp_path / "market", events=20_000, seed=3, instrument="BTCUSDT.BINANCE")

    async def work() -> None:
        clock = VirtualClock()
        async with served(data=tmp_path / "market", speed=20, clock=clock) as (server, rest):
            async with connect(stream_url(server, "btcusdt@depth@100ms", is_spot=True)) as socket:
                await clock.advance(0.25)  # five of the six seconds there are
                first = (await take(socket, lambda m: True))["data"]
                second = (await take(socket, lambda m: True))["data"]
            assert second["U"] == first["u"] + 1
            info = await rest.ask("GET", "/api/v3/exchangeInfo", sign=False)
            assert [row["symbol"] for row in info["symbols"]] == ["BTCUSDT"]
            assert (await rest.ask("GET", "/fapi/v1/time", sign=False))[0] == 404

    run(work)


@pytest.mark.parametrize("venue", ["binance", "bybit", "coinbase"])
def test_the_command_says_one_line_when_it_is_ready_and_ends_with_ctrl_c(venue: str) -> None:
    command = [sys.executable, "-m", "tradecore", "sandbox", venue, "--seed", "7", "--clients", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        assert (ready["ready"], ready["venue"], len(ready["accounts"])) == (True, venue, 3)
        assert ready["rest"].startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


def test_the_command_ends_with_the_process_that_started_it() -> None:
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'tradecore', 'sandbox', 'binance'], stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    pid, _, ready = ran.stdout.partition(" ")
    rest = json.loads(ready)["rest"]

    async def is_there() -> bool:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(f"{rest}/api/v3/ping") as answer:
                    return answer.status == 200
            except aiohttp.ClientConnectionError:
                return False

    ends = time.monotonic() + 60
    while asyncio.run(is_there()):
        assert time.monotonic() < ends, f"process {pid} goes on"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"symbols": ["BTCUSDT.BYBIT"]},
            "symbols: BTCUSDT.BYBIT is not traded here: expected one of BINANCE, BINANCE_USDM",
        ),
        ({"speed": 0}, "speed: 0 is no number above zero"),
        ({"speed": float("inf")}, "speed: inf is no number above zero"),
        ({"clients": 0}, "clients: expected at least one"),
        ({"clients": [Client(key="a", secret="b")] * 2}, "clients: two of them have one key"),
    ],
)
def test_what_cannot_be_served_is_said(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        BinanceServer(**options)
    assert str(caught.value) == problem


@BOTH
def test_our_own_connector_trades_here(is_spot: bool) -> None:
    venue = "BINANCE" if is_spot else "BINANCE_USDM"
    name = f"BTCUSDT.{venue}"

    async def until(condition: Callable[[], object]) -> None:
        while not condition():  # noqa: ASYNC110 - what is waited for is a state
            await asyncio.sleep(0.01)

    async def work() -> None:
        async with served(seed=9) as (server, rest):
            keys = Credentials(key=rest.client.key, secret=Secret(rest.client.secret))
            clock = SystemClock()
            transport = NetworkTransport(clock, is_fast=False)
            connector = BinanceConnector(
                venue, url=server.rest, transport=transport, clock=clock, seed=1, credentials=keys
            )
            events: list[Any] = []
            states: list[FeedState] = []
            async with connector:
                await connector.start(events.append)
                instrument = (await connector.instruments())[name]
                decoder = tc.FeedDecoder(connector.name, [instrument])
                feed = Feed(connector, decoder, [name], states.append)
                trader = Trader(instrument)
                connector.subscribe("s", name, [Stream.BOOK])
                done = 0

                def is_synced() -> bool:
                    nonlocal done
                    for event in events[done:]:
                        if isinstance(event, Frame):
                            feed.frame(event)
                        elif isinstance(event, FeedState):
                            feed.state(event)
                    done = len(events)
                    return bool(states) and states[-1].state is tc.BookState.SYNCED

                await until(is_synced)
                bids, _ = decoder.book(name).depth(1)
                bid = Decimal(str(bids[0][0]))
                bid -= bid % instrument.tick_size

                async def send(what: Callable[[tc.Context], Any]) -> VenueReport:
                    [command] = trader.act(what)
                    report = await connector.send(command)
                    trader.take(report)
                    return report

                assert (await send(lambda ctx: ctx.buy(name, "0.5", bid - 5))).kind == "accepted"
                [order] = await rest.ask("GET", order_path(is_spot).replace("order", "openOrders"), symbol="BTCUSDT")
                assert order["clientOrderId"] == "T1-0-1"
                assert (await send(lambda ctx: ctx.cancel(trader.done))).kind == "cancelled"
                await send(lambda ctx: ctx.buy(name, "0.01"))
                fills = [event for event in events if isinstance(event, VenueReport) and event.kind == "fill"]
                if not fills:
                    await until(
                        lambda: any(isinstance(event, VenueReport) and event.kind == "fill" for event in events)
                    )
                assert await rest.ask("GET", order_path(is_spot).replace("order", "openOrders"), symbol="BTCUSDT") == []

    run(work)


def test_a_server_runs_on_the_clock_it_is_given() -> None:
    async def work() -> None:
        minute_ns = 60_000_000_000
        clock = VirtualClock(28_333_333 * minute_ns - minute_ns // 60)
        script = [Fault(kind="clock_step", after_s=1.5, step_ms=5_000)]
        async with served(clock=clock, faults=script) as (_, rest):
            told = []
            for _ in range(3):
                answer = await rest.ask("GET", "/api/v3/time", sign=False)
                told.append((answer["serverTime"] * 1_000_000 - clock.now_ns(), rest.headers["X-MBX-USED-WEIGHT-1M"]))
                await clock.advance(1.0)
            assert told == [(0, "1"), (0, "1"), (5_000_000_000, "2")]

    run(work)
