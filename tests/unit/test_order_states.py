"""What reports make of an order: one table, in the core and in the documentation."""

from __future__ import annotations

from itertools import takewhile

import pytest

import tradecore as tc
from conftest import ROOT

pytestmark = pytest.mark.release


def rows(text: str) -> list[str]:
    """The table of reports in a text, as lines without what comments begin with."""
    lines = [line.removeprefix("//! ") for line in text.splitlines()]
    begin = next(at for at, line in enumerate(lines) if line.startswith("| report |"))
    return list(takewhile(lambda line: line.startswith("|"), lines[begin:]))


def test_the_documentation_shows_the_table_of_the_core() -> None:
    core = (ROOT / "rust/core/src/orders/order.rs").read_text()
    page = (ROOT / "docs/pages/fills.md").read_text()
    assert len(rows(core)) == 10
    assert rows(page.partition("## The life of an order")[2]) == rows(core)


def test_the_documentation_names_every_status() -> None:
    told = (ROOT / "docs/pages/fills.md").read_text().partition("## The life of an order")[2].partition("\n## ")[0]
    assert [status.name for status in tc.OrderStatus if f"`{status.name}`" not in told] == []
