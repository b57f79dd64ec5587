"""On paper the exchange of a session that goes on takes over what was traded on the one of before."""

from __future__ import annotations

from typing import Any

import pytest
from test_margin import FUNDING, SECOND, A, Row, Script, book, buy, contract, mark, sell, tape
from test_sim_exchange import rows

import tradecore as tc
from tradecore.live.desk import PaperDesk
from tradecore.live.session import Session
from tradecore.live.tables import SessionTables
from tradecore.session.kernel import build_kernel
from tradecore.venues.clock import SystemClock

RENEWED = 5
"""The second at which another exchange takes its place."""


def market(at: float, price: float, before: float | None = None, *, more: list[Row] | None = None) -> list[Row]:
    """A book around a price, and its mark, in place of another."""
    gone = [] if before is None else [("bid", f"{before - 0.5:g}", "0"), ("ask", f"{before:g}", "0")]
    levels = [("bid", f"{price - 0.5:g}", "100000"), ("ask", f"{price:g}", "100000")]
    return [*book(at, *gone, *levels), *mark(at, f"{price:g}"), *(more or [])]


def traded(
    spec: tc.Instrument,
    steps: list[Any],
    parts: list[list[Row]],
    *,
    is_renewed: bool,
    others: list[Any] | None = None,
    cost_basis: str = "average",
    **settings: Any,
) -> dict[str, Any]:
    """Trade on paper, on one exchange or on two, and return what came of it."""

    def exchange() -> PaperDesk:
        venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), **settings)
        return PaperDesk([spec], {"TEST": venue})

    scripts = [Script(name, [A]).plan(*of) for name, of in (("s", steps), ("other", others)) if of is not None]
    desk = exchange()
    kernel = build_kernel("s1", scripts, desk.instruments, stop_run_on_error=True, cost_basis=cost_basis)
    session = Session(kernel, desk.instruments, desk)
    kept = SessionTables(session, [script.name for script in scripts], SystemClock(), lambda act: act())
    begin = None
    for _, at, piece in rows(tape(spec, *parts, end=20)):
        if begin is None:
            begin = at
            kernel.carry_refusals(at)
            session.start(at)
        session.advance(at - 1)
        if is_renewed and at >= begin + RENEWED * SECOND:
            is_renewed = False
            session.desk = desk = exchange()
            kept.take(kernel.take_tables())
            desk.take_over(kernel, kept.history)
        session.message(at, A, piece)
    session.advance(begin + 30 * SECOND)
    told = [[(paid.why, paid.price, paid.paid, paid.ts_event) for paid in script.paid] for script in scripts]
    there = {name: held for name, (held, _) in desk._exchange.balances(0)["TEST"].items()}
    ended = [script.ended for script in scripts]
    return {
        "position": kernel.positions[0],
        "positions": kernel.positions,
        "paid": told[0],
        "all paid": told,
        "refused": ended[0],
        "all refused": ended,
        "balances": there,
        "held": desk._exchange.position(0, 0),
    }


def same(spec: tc.Instrument, steps: list[Any], parts: list[list[Row]], **settings: Any) -> dict[str, Any]:
    """Return what comes of it on one exchange, which has to be the same on two."""
    one, two = (traded(spec, steps, parts, is_renewed=is_renewed, **settings) for is_renewed in (False, True))
    assert two == one
    return one


KINDS = {
    "linear": (contract(fee="5"), {"USDT": 1_000}),
    "inverse": (contract(kind="inverse", contract_size="10", settlement="A", fee="5"), {"A": 10}),
}
QTY = {"linear": ("80", "20", "60"), "inverse": ("800", "200", "600")}
"""What is bought, what of that is sold again, and what is left."""


@pytest.mark.parametrize("margin", ["cross", "isolated"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_on_margin_pays_funding_and_is_closed_as_if_nothing_had_happened(kind: str, margin: str) -> None:
    spec, balances = KINDS[kind]
    bought, sold, left = QTY[kind]
    prices = [market(0, 100), market(2, 104, 100), market(4, 103, 104), market(6, 101, 103)]
    fundings: list[Row] = [(3, FUNDING, 0, "0.001", "0"), (7, FUNDING, 0, "-0.002", "0")]
    steps = [(1, buy(bought)), (2.5, sell(sold)), (8, sell(left, reduce_only=True))]
    came = same(spec, steps, [*prices, fundings], margin=margin, leverage=10, balances=balances)
    assert came["position"]["qty"] == 0
    assert [why for why, *_ in came["paid"]] == ["funding", "funding"]
    (currency,) = balances
    assert came["balances"][currency] == balances[currency] + came["position"]["cash"]
    assert came["refused"] == []


@pytest.mark.parametrize("margin", ["cross", "isolated"])
@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_on_margin_stands_against_orders_and_is_liquidated_where_it_was(
    kind: str, side: str, margin: str
) -> None:
    spec, balances = KINDS[kind]
    _, part, left = QTY[kind]
    opens, adds = (buy, buy) if side == "buy" else (sell, sell)
    ends = 70 if side == "buy" else 140
    prices = [market(0, 100), market(1.5, 101, 100), market(4, 102, 101), market(6, 99, 102), market(10, ends, 99)]
    fundings: list[Row] = [(3, FUNDING, 0, "0.001" if side == "buy" else "-0.001", "0")]
    # In two, the average entry price is between two of the grid, and the margin is not that of what both had cost.
    steps = [(1, opens(part)), (2, opens(left)), (8, adds(left))]
    settings = {"margin": margin, "leverage": 10, "balances": balances, "maintenance": "0.005"}
    came = same(spec, steps, [*prices, fundings], **settings)
    assert came["refused"] == [(f"{side} {left}", "insufficient_margin")]
    assert [why for why, *_ in came["paid"]] == ["funding", "liquidation", "liquidation_fee"]
    assert came["position"]["qty"] == 0


@pytest.mark.parametrize("cost_basis", ["average", "fifo"])
@pytest.mark.parametrize("later", [(), ((8, sell("27")), (11, buy("5")))], ids=["held", "traded on"])
def test_the_margin_that_stands_behind_many_fills_is_what_it_was(later: tuple[Any, ...], cost_basis: str) -> None:
    prices = [market(at, 100 + at, None if at == 0 else 100 + at - 1) for at in range(18)]
    fundings: list[Row] = [(3, FUNDING, 0, "0.0003", "0"), (7, FUNDING, 0, "0.0007", "0")]
    steps = [(0.5, buy("13")), (1.5, buy("40")), (2, sell("17")), (3, buy("7")), (4, buy("11")), *later]
    settings = {"margin": "isolated", "leverage": 10, "balances": {"USDT": 2_000}}
    settings["maintenance"] = "0.004/0.05 to 4000, 0.01/0.2 to 1000000"
    came = same(contract(fee="5"), steps, [*prices, fundings], cost_basis=cost_basis, **settings)
    assert came["refused"] == []
    assert came["position"]["qty"] == (32 if later else 54)
    assert came["held"]["isolated_margin"] > 0


@pytest.mark.parametrize("margin", ["cross", "isolated"])
def test_strategies_that_share_a_market_have_together_what_they_had(margin: str) -> None:
    prices = [market(0, 100), market(2, 104, 100), market(4, 103, 104), market(6, 101, 103), market(12, 60, 101)]
    fundings: list[Row] = [(3, FUNDING, 0, "0.001", "0"), (7, FUNDING, 0, "-0.002", "0")]
    steps, others = [(1, buy("50")), (2.5, sell("10"))], [(1.5, buy("30")), (3.5, sell("45"))]
    settings = {"margin": margin, "leverage": 10, "balances": {"USDT": 1_000}, "maintenance": "0.005"}
    came = same(contract(fee="5"), steps, [*prices, fundings], others=others, **settings)
    assert [why for paid in came["all paid"] for why, *_ in paid].count("funding") == 4
    assert came["all refused"] == [[], []]


@pytest.mark.parametrize("borrows", [False, True])
def test_coins_that_were_bought_are_there_to_be_sold_and_no_more(borrows: bool) -> None:
    spec = contract(kind="spot", fee="10")
    prices = [market(0, 100), market(4, 101, 100)]
    steps = [(1, buy("5")), (2, sell("2")), (6, sell("4")), (7, sell("3"))]
    came = same(spec, steps, prices, balances={"USDT": 1_000}, borrowing="allowed" if borrows else "refused")
    assert came["refused"] == ([] if borrows else [("sell 4", "insufficient_balance")])
