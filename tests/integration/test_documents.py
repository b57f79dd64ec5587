"""What the documents and examples promise is what happens."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest

from conftest import ROOT

README = (ROOT / "README.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_first_program_of_the_readme_prints_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = blocks("python")[0]
    shown = README.split(program, 1)[1].split("```\n\n```\n", 1)[1].split("```", 1)[0]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(program, "README.md", "exec"), {"__name__": "readme"})
    assert out.getvalue() == shown


def test_the_readme_configuration_runs(tmp_path: Path, market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tradecore.cli import main

    config = tmp_path / "readme.toml"
    config.write_text(blocks("toml")[0])
    assert main(["backtest", "--config", str(config), "--data", str(market), "--output", str(tmp_path / "runs")]) == 0
    assert "digest" in capsys.readouterr().out
    assert len(list((tmp_path / "runs").iterdir())) == 6


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_an_example_runs(
    path: Path, market: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(path), str(market)])
    runpy.run_path(str(path), run_name="__main__")
    assert "digest" in capsys.readouterr().out


def test_links_of_the_documents_lead_somewhere() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text()):
            assert link.startswith("https://") or (ROOT / link).exists(), f"{name}: {link}"


def test_paths_in_the_documents_are_there() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for path in re.findall(r"`((?:rust|python|tests|benches|examples)/[^`\s]*)`", (ROOT / name).read_text()):
            assert (ROOT / path).exists(), f"{name}: {path}"


def test_the_table_of_places_names_what_is_there() -> None:
    table = re.findall(r"^\| (an? .+?) \| (.+) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert len(table) > 10
    for what, places in table:
        paths = [word for word in re.findall(r"`([^`]+)`", places) if re.search(r"/|\.\w+$", word)]
        assert paths, what
        for path in paths:
            assert (ROOT / path).exists(), f"{what}: {path}"
            assert path.endswith("/") == (ROOT / path).is_dir(), f"{what}: a folder ends in a slash, not {path}"
        for word, path in re.findall(r"`(\w+)` in `([^`]+)`", places):
            assert re.search(rf"\b{word}\b", (ROOT / path).read_text()), f"{what}: no {word} in {path}"


def test_the_version_is_one() -> None:
    import tradecore

    manifest = tomllib.loads((ROOT / "pyproject.toml").read_text())
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert manifest["project"]["version"] == workspace["workspace"]["package"]["version"] == tradecore.__version__
    assert f"## [{tradecore.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
