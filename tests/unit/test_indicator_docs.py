"""The doors of indicators say what the descriptions in the core say."""

from __future__ import annotations

import ast
import doctest
import inspect
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from conftest import ROOT
from tradecore._core import indicator_specs

ti = tc.indicators
SPECS = {spec["name"]: spec for spec in indicator_specs()}
STUB = ast.parse((ROOT / "python" / "tradecore" / "indicators" / "__init__.pyi").read_text())


def test_stub_and_page_are_written_from_the_core() -> None:
    done = subprocess.run(
        [sys.executable, "tools/indicator_stub.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_there_are_at_least_sixty_in_every_family() -> None:
    assert len(SPECS) >= 60
    families = {"averages", "momentum", "trend", "volatility", "volume", "statistics", "bands"}
    assert families <= {spec["family"] for spec in SPECS.values()}


def test_names_are_public_and_typed() -> None:
    defined = {node.name for node in STUB.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    imported = {alias.asname for node in STUB.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(ti.__all__) == defined | {"Bank", "Indicator", "panel"}
    assert {"Bank", "Indicator", "panel"} <= imported
    for name in ti.__all__:
        assert (getattr(ti, name).__doc__ or "").strip(), name


@pytest.mark.parametrize("name", SPECS)
def test_signatures_have_the_parameters_of_the_core(name: str) -> None:
    spec = SPECS[name]
    defaults = {one["name"]: one["default"] for one in spec["params"]} | {"nan": "restart"}
    for door, inputs in ((getattr(ti, name), spec["inputs"]), (getattr(ti, spec["class"]), [])):
        parameters = inspect.signature(door).parameters
        assert list(parameters) == [*inputs, *defaults]
        assert {key: parameters[key].default for key in defaults} == defaults
    assert getattr(ti, spec["class"])().params == {key: defaults[key] for key in defaults if key != "nan"}


@pytest.mark.parametrize("name", SPECS)
def test_examples_run(name: str) -> None:
    for member in (getattr(ti, name), getattr(ti, SPECS[name]["class"])):
        run(member)


@pytest.mark.parametrize("member", [ti.panel, ti.Bank])
def test_examples_of_many_run(member: Any) -> None:
    run(member)


def run(member: Any) -> None:
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    (test,) = finder.find(member, member.__name__, globs={"tc": tc})
    assert test.examples
    runner.run(test)
    assert runner.failures == 0, member


def test_a_stream_updates_as_its_help_says() -> None:
    stream = ti.MACD(2, 3, 2)
    for x in (1.0, 2.0, 4.0):
        assert not stream.is_ready
        stream.update(x)
    assert stream.update(8.0) == stream.value
    assert stream.value._fields == stream.outputs == ("macd", "signal", "hist")
    assert (stream.inputs, stream.warm_up) == (("close",), 3)
    with pytest.raises(TypeError, match="take one of the classes"):
        ti.Indicator()
    assert np.isnan(ti.RSI().value)
