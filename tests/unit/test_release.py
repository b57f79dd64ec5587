"""What is published: the wheel's contents and tags, and the workflow that builds and publishes it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import tradecore as tc
from conftest import ROOT

pytestmark = pytest.mark.release

SOURCES = ROOT / "python" / "tradecore"
MANIFEST = tomllib.loads((ROOT / "pyproject.toml").read_text())
TEXT = (ROOT / ".github" / "workflows" / "release.yml").read_text()


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    """The workflow; YAML reads the key `on` as true."""
    loaded: dict[Any, Any] = yaml.safe_load(TEXT)
    return loaded


def contents(package: Path) -> set[str]:
    """Files of a package, but what Python and the compiler put there."""
    files = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
    return {str(path) for path in files if "__pycache__" not in path.parts and path.suffix not in (".so", ".pyd")}


def test_what_is_installed_is_the_whole_package() -> None:
    """Of an installed wheel this says whether data files are in it; in place it is the sources themselves."""
    installed = contents(Path(tc.__file__).parent)
    assert contents(SOURCES) == installed
    assert {"py.typed", "_core.pyi", "specs/instruments.toml", "templates/maker.py", "templates/gitignore"} <= installed


def test_one_wheel_serves_every_python_that_is_supported() -> None:
    """The oldest Python of the stable ABI is the oldest that the package asks for, and the tools take it as theirs."""
    features = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]["pyo3"]["features"]
    oldest = MANIFEST["project"]["requires-python"].removeprefix(">=")
    assert f"abi3-py{oldest.replace('.', '')}" in features
    assert MANIFEST["tool"]["mypy"]["python_version"] == oldest
    assert f"OLDEST = ({oldest.replace('.', ', ')})" in (ROOT / ".ci" / "wheel_test.py").read_text()


def test_there_is_a_wheel_for_every_platform_that_is_promised(workflow: dict[Any, Any]) -> None:
    rows = workflow["jobs"]["wheel"]["strategy"]["matrix"]["include"]
    assert {row["target"]: row["os"].split("-")[0] for row in rows} == {
        "x86_64-unknown-linux-gnu": "ubuntu",
        "aarch64-unknown-linux-gnu": "ubuntu",
        "aarch64-apple-darwin": "macos",
        "x86_64-apple-darwin": "macos",
        "x86_64-pc-windows-msvc": "windows",
    }
    (flags,) = re.findall(r"(--zig [\w -]+)\)", (ROOT / "Makefile").read_text())
    assert {row.get("flags") for row in rows} == {flags, None}
    for row in rows:
        assert ("flags" in row) == row["os"].startswith("ubuntu"), row
        assert row["os"].endswith(("-arm", "-15")) == row["target"].startswith("aarch64"), row


def test_what_is_published_was_built_and_tried_before(workflow: dict[Any, Any]) -> None:
    jobs = workflow["jobs"]
    assert set(jobs) == {"wheel", "sdist", "publish"}
    assert set(jobs["publish"]["needs"]) == {"wheel", "sdist"}
    assert not any("needs" in jobs[name] for name in ("wheel", "sdist"))
    for name in ("wheel", "sdist"):
        order = [step.get("name") or step["uses"].split("@")[0] for step in jobs[name]["steps"]]
        tried = [index for index, what in enumerate(order) if " on " in what]
        assert tried, name
        assert order.index("Build") < min(tried)
        assert order[-1] == "actions/upload-artifact"
    uploaded = {jobs[name]["steps"][-1]["with"]["name"].split("-")[0] for name in ("wheel", "sdist")}
    assert {jobs["publish"]["steps"][0]["with"]["pattern"]} == {f"{name}-*" for name in uploaded}


def test_only_a_tag_publishes_and_without_a_secret(workflow: dict[Any, Any]) -> None:
    assert workflow[True] == {"push": {"tags": ["v*"]}, "workflow_dispatch": None}
    assert workflow["permissions"] == {"contents": "read"}
    publish = workflow["jobs"]["publish"]
    assert "startsWith(github.ref, 'refs/tags/v')" in publish["if"]
    assert (publish["environment"], publish["permissions"]) == ("pypi", {"id-token": "write"})
    assert [name for name, job in workflow["jobs"].items() if "permissions" in job] == ["publish"]
    assert "secrets." not in TEXT


def test_actions_are_pinned_to_a_commit_and_say_which_version_it_is() -> None:
    used = re.findall(r"uses: (.+)", TEXT)
    assert len(used) >= 8
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
    assert len({line.split("@")[0] for line in used}) == len(set(used)), "one version of each"


def test_the_paths_it_uses_are_there() -> None:
    for path in re.findall(r"\.ci/\w+\.py", TEXT):
        assert (ROOT / path).is_file(), path
    toolchain = re.search(r'RUST: "(\d+)\.(\d+)\.\d+"', TEXT)
    needed = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    assert toolchain is not None
    assert tuple(map(int, toolchain.groups())) >= tuple(map(int, needed.split(".")))
