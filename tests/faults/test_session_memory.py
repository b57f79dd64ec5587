"""A session's memory does not grow with what it has done."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from conftest import ROOT

GROWTH = """
import gc, resource, sys
import tradecore as tc
from conftest import CLEAR, LAST, SET, columns
from tradecore.live.desk import PaperDesk
from tradecore.live.session import Session
from tradecore.live.tables import SessionTables
from tradecore.session.kernel import build_kernel
from tradecore.venues.clock import VirtualClock

moves = sys.argv[1] == "moves"
venue = tc.SimVenue("SYNTH", latency=tc.Latency(entry="1ms", response="1ms"))

class Busy(tc.Strategy):
    def on_start(self, ctx):
        self.name = self.instruments[0]
        ctx.every("10ms", self.again)

    def again(self, ctx):
        ctx.cancel_all()
        for below in range(20):
            ctx.buy(self.name, 1, 90 - below, post_only=True)

spec = tc.Instrument("X.SYNTH", kind="linear", base="X", quote="USDT", price_increment="1", qty_increment="1")
desk = PaperDesk([spec], {"SYNTH": venue})
kernel = build_kernel("s", [Busy("b", [spec.id])], desk.instruments, keeps_journal=False)
session = Session(kernel, desk.instruments, desk)
tables = SessionTables(session, ["b"], VirtualClock(), lambda work: work())
start = 10**18
session.start(start)
rows = [(start, CLEAR, 0, 0, 0, 0), (start, SET, 1, 0, 100, 5), (start, SET, -1, LAST, 101, 5)]
session.message(start, spec.id, columns(rows))

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6

at, begin = start, None
for second in range(60):
    at += 10**9
    session.advance(at)
    if moves:
        tables.take(kernel.take_tables())
    if second == 10:
        begin = resident()
grown = resident() - begin
tables.end()
print(tables.store.table("orders", ["order_id"]).height, round(grown, 1))
"""


def grown(*, moves: bool) -> tuple[int, float]:
    """Orders of a session of 60 s, and by how many MB its process grew in the last 50 of them."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), str(ROOT / "tests")])}
    run = subprocess.run(
        [sys.executable, "-c", GROWTH, "moves" if moves else "stays"],
        env=environment, capture_output=True, text=True, timeout=290, check=True,
    )  # fmt: skip
    orders, size = run.stdout.split()
    return int(orders), float(size)


@pytest.mark.release
def test_rows_of_many_orders_leave_memory() -> None:
    orders, stays = grown(moves=False)
    same, moved = grown(moves=True)
    assert orders == same > 100_000
    assert stays > 20
    assert moved < 4
