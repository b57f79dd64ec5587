"""NautilusTrader's side of the comparison of checks. Import only where nautilus_trader 1 is installed."""

from __future__ import annotations

from typing import Any

from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.config import RiskEngineConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import AccountId, StrategyId, TraderId
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.execution import TestExecStubs

_RATE = "1000000/00:00:01"


class Checked:
    """A risk engine over a margin account, and orders of 600 to buy under a limit of so much notional."""

    def __init__(self, max_notional: int, count: int) -> None:
        clock, trader, strategy = TestClock(), TraderId("T-001"), StrategyId("S-001")
        bus = MessageBus(trader_id=trader, clock=clock)
        instrument = TestInstrumentProvider.btcusdt_perp_binance()
        cache = TestComponentStubs.cache()
        cache.add_instrument(instrument)
        cache.add_account(TestExecStubs.margin_account(account_id=AccountId("BINANCE-001")))
        limits = RiskEngineConfig(
            max_order_submit_rate=_RATE,
            max_order_modify_rate=_RATE,
            max_notional_per_order={str(instrument.id): max_notional},
        )
        portfolio = Portfolio(msgbus=bus, cache=cache, clock=clock)
        self.engine = RiskEngine(portfolio=portfolio, msgbus=bus, cache=cache, clock=clock, config=limits)
        self.passed: list[Any] = []
        self.denied: list[Any] = []
        bus.register("ExecEngine.execute", self.passed.append)
        bus.register("ExecEngine.process", self.denied.append)
        self.engine.start()
        factory = OrderFactory(trader_id=trader, strategy_id=strategy, clock=clock)
        qty, price = instrument.make_qty(0.01), instrument.make_price(60_000)

        def command() -> SubmitOrder:
            order = factory.limit(instrument.id, OrderSide.BUY, qty, price)
            return SubmitOrder(
                trader_id=trader, strategy_id=strategy, order=order, command_id=UUID4(), ts_init=clock.timestamp_ns()
            )

        self.commands = [command() for _ in range(count)]

    def run(self) -> None:
        """Have every order checked."""
        for command in self.commands:
            self.engine.execute(command)
