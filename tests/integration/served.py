"""A session on paper against a venue of our own, with its server, for tests."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import httpx

import tradecore as tc
from tradecore.config.server import ServerConfig
from tradecore.live.runner import Live
from tradecore.observe.health import Health
from tradecore.sandbox import BinanceServer
from tradecore.server.accounts import Accounts, Role
from tradecore.server.routes import orders
from tradecore.server.run import Server
from tradecore.store import Store
from tradecore.strategies.manual import Manual

BTC = "BTCUSDT.BINANCE"


class Shown(tc.Strategy):
    """Publishes, and has a parameter that may change."""

    changeable = ("step",)
    step: int = 1
    fixed: float = 0.5
    period: tc.Duration = "50ms"

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every(self.period, self.tick)

    def tick(self, ctx: tc.Context) -> None:
        ctx.publish("step", self.step)
        ctx.publish("steps", self.step, "series")
        ctx.publish("levels", [{"side": "bid", "qty": 1}], "table")


class Served:
    """Runs in a thread of its own, so that tests call it as any client would."""

    def __init__(
        self,
        folder: Path,
        *,
        strategies: Callable[[], Sequence[tc.Strategy]] | None = None,
        risk: tc.RiskLimits | None = None,
        journal: str | None = None,
        health: Callable[[], Health] | None = None,
        **settings: Any,
    ) -> None:
        self._strategies = strategies or (lambda: [Manual("manual", [BTC]), Shown("shown", [BTC])])
        self._risk = risk
        self._journal = journal
        self._health = health
        usual = {"database": f"sqlite:///{folder / 'server.db'}", "rate_per_second": 1e6}
        self.config = ServerConfig(port=0, **{**usual, **settings})
        self.verify: ssl.SSLContext | bool = (
            ssl.create_default_context(cafile=self.config.tls_cert) if self.config.tls_cert else True
        )
        self._ready = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.tokens: dict[str, str] = {}
        # What an order came to is known when it is answered, however slow the machine is.
        self._patient = patch.object(orders, "_PATIENCE_S", 60.0)

    def __enter__(self) -> Self:
        with Store(self.config.database) as store:
            accounts = Accounts(store)
            known = {user["name"] for user in accounts.listed()}
            for role in (Role.READ, Role.TRADE, Role.ADMIN):
                name = role.word
                if name in known:
                    accounts.revoke(name)
                self.tokens[role.word] = accounts.add(name, role, f"password of {role.word}")
        self._patient.start()
        self._thread.start()
        assert self._ready.wait(60)
        end = time.monotonic() + 60
        while self._problem is None and not (self.live.has_begun and self._is_told()):
            assert time.monotonic() < end
            time.sleep(0.02)
        if self._problem is not None:
            raise self._problem
        return self

    def _is_told(self) -> bool:
        """Whether the server has heard how the session stands since its books were synced."""
        answer = httpx.get(f"{self.url}/health", verify=self.verify, timeout=60)
        return answer.status_code == 200 and answer.json()["data"]["status"] == "healthy"

    def stop(self) -> None:
        """Have the session end."""
        self._loop.call_soon_threadsafe(self.live.stop)

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(60)
        self._patient.stop()
        assert not self._thread.is_alive()
        if self._problem is not None:
            raise self._problem

    def client(self, role: str | None = "admin") -> httpx.Client:
        headers = {} if role is None else {"Authorization": f"Bearer {self.tokens[role]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, verify=self.verify)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._problem = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with BinanceServer(symbols=[BTC], seed=3) as venue:
            connector = tc.venues.make_connector("BINANCE", url=venue.rest)
            self.live = Live(
                self._strategies(),
                [connector],
                paper=[tc.SimVenue("BINANCE")],
                risk=self._risk,
                journal=self._journal,
                session="s1",
            )
            async with self.live as live:
                with ExitStack() as stack:
                    server = stack.enter_context(
                        Server(live, self.config, is_sandbox=True, journals=self._journal, health=self._health)
                    )
                    server.begin()
                    self.url = server.url
                    self._ready.set()
                    self.result = await live.run()
