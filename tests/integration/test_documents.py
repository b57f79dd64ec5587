"""What the documents and examples promise is what happens."""

from __future__ import annotations

import contextlib
import doctest
import inspect
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

import tradecore as tc
from conftest import ROOT

pytestmark = pytest.mark.release

DOCS = ROOT / "docs"
PAGES = sorted(path for path in (DOCS / "pages").rglob("*.md") if path.parent.name != "reference")
README = ROOT / "README.md"
DOCUMENTS = [README, *PAGES]


@dataclass(frozen=True)
class Block:
    """A fenced block of a document: what it is, and what is shown right below it."""

    language: str
    title: str | None
    code: str
    line: int
    shown: str | None
    raises: bool
    """Whether what is shown is the error it ends with."""
    not_run: bool


_FENCE = re.compile(r"^(<!-- not run: .+ -->\n)?```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of a document.

    One without a language right below a program or command is what it printed, one of ``pytb`` the error it ends with.
    """
    text = path.read_text()
    found = list(_FENCE.finditer(text))
    assert len(re.findall(r"^\s*```", text, re.MULTILINE)) == 2 * len(found), f"{path}: a fence that is not read here"
    shown_as = ("", "text", "pytb")
    for index, fence in enumerate(found):
        words = fence[2].split(maxsplit=1)
        shown, raises = None, False
        following = found[index + 1] if index + 1 < len(found) else None
        if following is not None and following[2] in shown_as and not text[fence.end() : following.start()].strip():
            shown, raises = following[3], following[2] == "pytb"
        title = re.search(r'title="(.+?)"', fence[2])
        line = text[: fence.start(2)].count("\n") + 1
        language = words[0] if words else ""
        yield Block(language, title and title[1], fence[3], line, shown, raises, not_run=bool(fence[1]))


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of each `tradecore` command in a block; several may stand on one line."""
    if block.language in ("sh", ""):
        for line in block.code.splitlines():
            for command in re.split(r"  +(?=tradecore )", line):
                if command.startswith("tradecore "):
                    yield shlex.split(command, comments=True)[1:]


def compare(path: Path, block: Block, printed: str) -> None:
    """Hold what was printed against what is shown; `...` stands for anything."""
    if block.shown is not None:
        same = doctest.OutputChecker().check_output(block.shown, printed, doctest.ELLIPSIS)
        assert same, f"{path.name}:{block.line} shows\n{block.shown}\nand prints\n{printed}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_page_does_what_it_says(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs and commands, in order, in one folder; a block with a title is a file there."""
    from tradecore.cli import main

    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": path.stem}
    for block in blocks(path):
        place = f"{path.name}:{block.line}"
        if block.title is not None:
            (tmp_path / block.title).write_text(block.code)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            if block.language == "python":
                run = compile(block.code, place, "exec", dont_inherit=True)
                if block.raises:
                    print(_raised(run, namespace))
                else:
                    exec(run, namespace)
            elif block.language == "sh" and not block.not_run:
                for words in commands(block):
                    assert _exit_code(main, words) == 0, f"{place}: {words}"
        compare(path, block, out.getvalue())


def test_the_programs_of_the_readme_can_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = "".join(block.code for block in blocks(README) if block.language == "python")
    digests = set()
    for _ in range(2):
        namespace: dict[str, Any] = {}
        exec(program, namespace)
        digests.add(namespace["result"].digest)
    assert len(digests) == 1


def _raised(run: CodeType, namespace: dict[str, Any]) -> str:
    """Return the last line of the traceback that a program ends with."""
    try:
        exec(run, namespace)
    except Exception as error:
        cls = type(error)
        return f"{'' if cls.__module__ == 'builtins' else f'{cls.__module__}.'}{cls.__qualname__}: {error}"
    raise AssertionError(f"{run.co_filename}: raises nothing")


def _exit_code(main: Any, words: list[str]) -> int:
    try:
        return int(main(words))
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_commands_in_the_documents_are_understood(path: Path) -> None:
    """Every `tradecore` command parses, those that are not run too; `[--option X]` and `...` are marks of a usage."""
    from tradecore.cli.app import _commands

    for block in blocks(path):
        for words in commands(block):
            plain = [word.strip("[]") for word in words if word != "..."]
            command: Any = _commands()
            known = "tradecore"
            while plain and plain[0] in getattr(command, "commands", {}):
                known = f"{known} {plain[0]}"
                command = command.commands[plain.pop(0)]
            if plain == ["--version"]:
                continue
            numbers = ["1" if word in ("N", "SEED") else word for word in plain]
            command.make_context(known, numbers)  # raises for an option or argument there is not


def test_targets_of_make_in_the_documents_are_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in [*DOCUMENTS, ROOT / "CONTRIBUTING.md"]:
        told = re.findall(r"^make ([\w-]+)|`make ([\w-]+)`", path.read_text(), re.MULTILINE)
        assert {target for pair in told for target in pair if target} <= targets, path


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated pages."""
    pytest.importorskip("griffe", reason="the reference is generated with griffelib, of the extra docs")
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, str(DOCS / "reference"), str(folder)], check=True)
    return folder


def test_the_site_builds_without_a_broken_link_and_without_the_network(reference: Path, tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="the site is built with zensical, of the extra docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    pages = tmp_path / "docs" / "pages"
    shutil.copytree(DOCS / "pages", pages, ignore=shutil.ignore_patterns("reference"))
    shutil.copytree(reference, pages / "reference")
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "site"
    html = sorted(site.rglob("*.html"))
    named = {page.relative_to(pages).with_suffix("") for page in pages.rglob("*.md")}
    assert {page.relative_to(site).with_suffix("") for page in html} == named | {Path("404")}
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert {Path(page).with_suffix("") for page in _strings(nav)} == named
    for page in html:
        text = page.read_text()
        assets = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\ssrc=\"?([^\s\">]+)", text)
        assets += re.findall(r"<link\b[^>]*\shref=\"?([^\s\">]+)", text)
        assert assets, page
        assert not [asset for asset in assets if re.match(r"(https?:)?//", asset)], page
        # What would have the theme's script fetch a library.
        assert not re.search(r'class="?(mermaid|glightbox|pyodide)', text), page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", sheet.read_text()), sheet


def _strings(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for inner in nav.values() if isinstance(nav, dict) else nav:
            yield from _strings(inner)


def test_the_reference_has_every_public_name(reference: Path) -> None:
    import tradecore

    text = "".join(path.read_text() for path in reference.glob("*.md"))
    for name in set(tradecore.__all__) - {"indicators"}:  # which have a page of their own, with all of them
        member = getattr(tradecore, name)
        names = member.__all__ if inspect.ismodule(member) else (name,)
        for heading in names:
            assert f"## `{heading}` {{ #{heading} }}" in text, heading
    assert not re.search(r":(class|meth|func|attr|data|mod):`", text), "a role that was not turned into a link"


def test_the_reference_has_every_key_with_its_meaning(reference: Path) -> None:
    from dataclasses import fields

    import tradecore as tc
    from tradecore.config import BacktestConfig, DataConfig, OutputConfig, StrategyConfig, TardisConfig

    text = (reference / "configuration.md").read_text()
    rows = re.findall(r"^\| <code>(\w+)</code> \| (.*?) \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    keys = {key for key, *_ in rows}
    tables = set(re.findall(r"^## `\[+(?:\w+\.)?(\w+)\]+`", text, re.MULTILINE))
    for model in (BacktestConfig, DataConfig, OutputConfig, StrategyConfig, TardisConfig):
        assert model.model_fields.keys() <= keys | tables, model
    assert {field.name for field in fields(tc.SimVenue)} - {"latency"} <= keys
    assert {f"{leg.name}_latency" for leg in fields(tc.Latency)} <= keys
    for strategy in (tc.AvellanedaStoikov, tc.TouchMaker):
        assert strategy.parameters().keys() <= keys
    assert not [key for key, kind, _, meaning in rows if not kind or not meaning], "keys without a type or a meaning"


def test_the_reference_has_every_command(reference: Path) -> None:
    from tradecore.cli.app import _commands

    text = (reference / "commands.md").read_text()

    def walk(command: Any, path: str) -> None:
        assert f"## `{path}`" in text, path
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{path} {name}")

    walk(_commands(), "tradecore")


def test_the_page_of_strategies_has_every_hook_and_all_of_the_context() -> None:
    from tradecore._core import Context
    from tradecore.strategy.hooks import HOOKS

    text = (DOCS / "pages" / "strategies.md").read_text()
    for hook, arguments in HOOKS.items():
        assert f"| `{hook}({', '.join(arguments)})` |" in text, hook
    for name in dir(Context):
        assert name.startswith("_") or name == "strategy" or re.search(rf"`ctx\.{name}\b", text), name


def test_the_page_of_the_founding_configuration_has_every_key() -> None:
    from tradecore.config.founding import _Founding
    from tradecore.validation import _models_in

    text = (DOCS / "pages" / "founding.md").read_text()

    def walk(model: Any) -> None:
        for key, field in model.model_fields.items():
            inner = list(_models_in(field.annotation))
            for section in inner:
                walk(section)
            assert inner or re.search(rf"^\| .*\b{key}`.* \|.*\|$", text, re.MULTILINE), key

    walk(_Founding)


def test_the_page_of_fills_has_every_reason_and_setting() -> None:
    import typing

    import tradecore as tc

    text = (DOCS / "pages" / "fills.md").read_text()
    words = set(re.findall(r"`(\w+)`", text))
    hints = typing.get_type_hints(tc.SimVenue)
    for setting in ("accounts", "self_trade"):
        assert set(typing.get_args(hints[setting])) <= words
    source = (ROOT / "rust/core/src/orders/report.rs").read_text()
    reasons = re.findall(r'=> "(\w+)"', source[source.index("impl Reason") : source.index("pub enum ReportKind")])
    assert "post_only_would_cross" in reasons
    assert set(reasons) <= words


def test_the_readme_configuration_runs(tmp_path: Path, market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tradecore.cli import main

    config = tmp_path / "readme.toml"
    config.write_text(next(block.code for block in blocks(README) if block.language == "toml"))
    assert main(["backtest", "--config", str(config), "--data", str(market), "--output", str(tmp_path / "runs")]) == 0
    assert "digest" in capsys.readouterr().out
    assert len(list((tmp_path / "runs").iterdir())) == 7


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").rglob("*.py")), ids=lambda path: str(path.parent.name + "/" + path.name)
)
def test_an_example_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = 300_000 if "ml" in path.parent.name else 60_000  # a model needs some samples
    tc.synthesize(tmp_path / "market", events=events, seed=4)
    monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path / "market")])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert "digest" in capsys.readouterr().out


def test_links_of_the_documents_lead_somewhere() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text()):
            assert link.startswith("https://") or (ROOT / link).exists(), f"{name}: {link}"


def test_paths_in_the_documents_are_there() -> None:
    for document in (README, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *PAGES):
        for path in re.findall(r"`((?:rust|python|tests|benches|examples|docs)/[^`\s]*)`", document.read_text()):
            assert (ROOT / path).exists(), f"{document}: {path}"


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
