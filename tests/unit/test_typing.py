"""What a user's type checker says: a strategy with every kind of annotation passes, and a wrong one does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typed_strategy import TypedStrategy

import tradecore as tc
from conftest import ROOT

WRONG = """\
import tradecore as tc


class Wrong(tc.Strategy):
    interval: tc.Duration = "100ms"
    lots: int = "two"

    def on_trade(self, ctx: tc.Context, trade: tc.BookView) -> None: ...

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        ctx.buy("BTCUSDT.SYNTH", [1])
        self.interval.upper()
"""


@pytest.mark.release
def test_a_strategy_passes_a_strict_type_checker_and_mistakes_do_not(tmp_path: Path) -> None:
    """As strict as the package itself, and with its cache."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    right = ROOT / "tests" / "unit" / "typed_strategy.py"
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(right), str(wrong)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    errors = [line.split(":", 2) for line in done.stdout.splitlines() if ": error:" in line]
    # The package's own files are checked by themselves, with the numpy of the day.
    theirs = [(Path(path).name, int(line)) for path, line, _ in errors if Path(path).name in (right.name, wrong.name)]
    assert theirs == [("wrong.py", at) for at in (6, 8, 11, 12)], done.stdout
    assert 'has no attribute "upper"' in done.stdout


def test_what_the_type_checker_passes_runs(market: Path) -> None:
    strategy = TypedStrategy("typed", ["BTCUSDT.SYNTH"], hold="2s")
    result = tc.Backtest([strategy], market, on_error="stop_run").run()
    assert (strategy.interval, strategy.hold, strategy.lots) == (100_000_000, 2_000_000_000, 2)
    assert result.summary()["fills"] >= 4
