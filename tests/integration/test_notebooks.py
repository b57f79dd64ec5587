"""Notebooks: the one in the examples, and that a strategy of a cell reaches the workers of a sweep."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from conftest import ROOT

pytestmark = pytest.mark.release

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def execute(notebook: Any, folder: Path) -> None:
    """Run all cells in a folder; one that raises fails the test with its traceback."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its packages say of each other
        NotebookClient(notebook, timeout=250, resources={"metadata": {"path": str(folder)}}).execute()


def shown(cell: Any) -> str:
    """What a cell displays, as a page if it has one."""
    pages = [output.data.get("text/html", "") for output in cell.outputs if output.output_type == "execute_result"]
    return "".join(pages) + "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_of_the_examples_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 5
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "what it showed is in the file"
    execute(notebook, tmp_path)
    assert "12 points of Quoter" in "".join(map(shown, code))
    assert list(tmp_path.iterdir()) == []


def test_there_is_one() -> None:
    assert NOTEBOOKS


def test_a_strategy_of_a_cell_reaches_the_workers(market: Path, tmp_path: Path) -> None:
    cells = [
        "from __future__ import annotations\nimport tradecore as tc\nSIZE = '0.01'",
        "class Buyer(tc.Strategy):\n"
        "    pause: tc.Duration = '1s'\n"
        "    def on_start(self, ctx): ctx.every(self.pause, self.wake)\n"
        "    def wake(self, ctx): ctx.buy(self.instruments[0], SIZE)",
        f"sweep = tc.sweep(Buyer, {str(market)!r}, {{'pause': ['1s', '2s', '3s']}}, workers=2)\nsweep",
        "sweep.frame.sort('net_pnl')\nprint(sweep.failures, len(sweep.best().parameters))",
        f"again = tc.sweep(Buyer, {str(market)!r}, {{'pause': ['1s', '2s', '3s']}}, workers=2)\n"
        "print(again.frame.equals(sweep.frame))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    execute(notebook, tmp_path)
    page = shown(notebook.cells[2])
    assert "3 points of Buyer" in page
    assert "<table" in page
    assert [shown(cell) for cell in notebook.cells[3:]] == ["{} 1\n", "True\n"]
