"""A session that quotes for a while through faults keeps its size, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from conftest import ROOT


@pytest.mark.once
@pytest.mark.timeout(400)
def test_two_minutes_of_quotes_through_faults_leave_nothing() -> None:
    """What ``make soak`` does for longer; most of the time it waits."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), str(ROOT / "tests")])}
    words = ["--duration", "2m", "--venue", "BYBIT"]
    run = subprocess.run(
        [sys.executable, "-m", "simulation.soak", *words], env=environment, capture_output=True, text=True, timeout=360
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "none left, and no order" in run.stdout
