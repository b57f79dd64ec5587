"""The benchmarks still run; how fast is not a test's business."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT


@pytest.mark.release
@pytest.mark.timeout(300)  # more than what its process has
def test_the_benchmarks_run_without_peers(tmp_path: Path) -> None:
    words = ["--rows", "20000", "--rounds", "1", "--data", str(tmp_path / "data"), "--output", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "benches", *words], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    (report,) = (tmp_path / "out").glob("*.json")
    jobs = json.loads(report.read_text())["jobs"]
    assert len(jobs) == 54
    # Some are differences of two times, which a busy machine can turn round.
    assert all(math.isfinite(figure) for job in jobs for figure in job["figures"].values())
    assert any(figure > 0 for job in jobs for figure in job["figures"].values())
