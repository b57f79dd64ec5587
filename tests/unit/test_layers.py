"""Who may import whom: layers of the core, and no circles between files, in Rust and in Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest import ROOT

CORE = ROOT / "rust" / "core" / "src"
BINDING = ROOT / "rust" / "python" / "src"
PACKAGE = ROOT / "python" / "tradecore"

CORE_LAYERS = [
    {"types", "random"},
    {"event"},
    {"book"},
    {"decode", "synth", "ledger", "orders", "indicators", "bars", "options"},
    {"features"},
    {"exec"},
    {"risk"},
    {"kernel", "sim"},
    {"backtest", "strategies"},
]
"""A layer imports itself and those above it in this list."""

Name = tuple[str, ...]
"""A module, or something in it, by its path from the root of the crate."""

_NO_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'|pub\(in [^)]*\)""", re.DOTALL
)
_INNER_MODULE = re.compile(r"(#\[cfg\(test\)\]\s*)?(?:\bpub(?:\(\w+\))? )?\bmod (\w+) \{")
_USE = re.compile(r"\b(pub(?:\(\w+\))?\s+)?use\s+([^;]+);")
_INLINE = re.compile(r"(?<![\w:])((?:\w+::)+\w+)")


class Use(NamedTuple):
    """One name that a file imports."""

    path: Name
    name: str
    """What it is called here; ``*`` for everything."""
    public: bool


class Source(NamedTuple):
    """A Rust module: its file, what it imports, and the rest of it, without tests, comments and texts."""

    file: Path
    uses: list[Use]
    body: str


def split(here: Name, code: str) -> dict[Name, str]:
    """A file's module and those written out inside of it, but for tests."""
    inner: dict[Name, str] = {}
    while found := _INNER_MODULE.search(code):
        end, depth = found.end(), 1
        while depth:
            depth += {"{": 1, "}": -1}.get(code[end], 0)
            end += 1
        if not found[1]:
            inner |= split((*here, found[2]), code[found.end() : end - 1])
        code = code[: found.start()] + code[end:]
    return {here: code, **inner}


def flattened(tree: str, prefix: Name = ()) -> Iterator[tuple[Name, str]]:
    """Paths of a use tree such as ``a::{self, b::C as D}``, with what each is called."""
    head, brace, rest = tree.strip().partition("{")
    words = [word.strip() for word in head.split("::") if word.strip()]
    if brace:
        start = depth = 0
        parts = rest.rstrip()[:-1]
        for at, letter in enumerate(parts + ","):
            depth += {"{": 1, "}": -1}.get(letter, 0)
            if letter == "," and depth == 0:
                if part := parts[start:at].strip():
                    yield from flattened(part, (*prefix, *words))
                start = at + 1
        return
    last, _, alias = words[-1].partition(" as ")
    path = (*prefix, *words[:-1], *(() if last == "self" and (prefix or words[:-1]) else (last,)))
    yield path, alias.strip() or path[-1]


def parse(here: Name, file: Path, text: str) -> dict[Name, Source]:
    return {
        module: Source(
            file,
            [Use(path, name, bool(public)) for public, tree in _USE.findall(code) for path, name in flattened(tree)],
            _USE.sub(" ", code),
        )
        for module, code in split(here, _NO_CODE.sub(" ", text)).items()
    }


def crate(root: Path) -> dict[Name, Source]:
    """The modules of a crate."""
    modules: dict[Name, Source] = {}
    for file in root.rglob("*.rs"):
        parts = file.relative_to(root).with_suffix("").parts
        modules |= parse(parts[:-1] if parts[-1] in ("mod", "lib") else parts, file, file.read_text())
    return modules


def defines(modules: Mapping[Name, Source], here: Name, path: Name) -> Name | None:
    """The module that defines what a path means in a module; None for what is not of this crate."""
    at, rest = here, list(path)
    if rest[0] == "crate":
        at = ()
    while rest and rest[0] in ("crate", "self", "super"):
        at = at[:-1] if rest.pop(0) == "super" else at
    if rest == list(path) and (*here, rest[0]) not in modules:
        return None
    while rest and (*at, rest[0]) in modules:
        at = (*at, rest.pop(0))
    for use in modules[at].uses if rest else ():
        if use.name == rest[0] and (found := defines(modules, at, use.path)) is not None:
            return found
    return at


def rust_imports(modules: Mapping[Name, Source]) -> dict[Path, set[Path]]:
    """By file, those it needs. To pass a name on is not to need it."""
    graph: dict[Path, set[Path]] = {source.file: set() for source in modules.values()}
    for here, source in modules.items():
        paths = [tuple(path.split("::")) for path in _INLINE.findall(source.body)]
        paths += [
            use.path for use in source.uses if not use.public or re.search(rf"\b{re.escape(use.name)}\b", source.body)
        ]
        found = {module for path in paths if (module := defines(modules, here, path)) is not None}
        graph[source.file] |= {modules[module].file for module in found} - {source.file}
    return graph


def python_imports(root: Path) -> dict[Path, set[Path]]:
    """By file of a package, those it imports; a name that a package passes on counts as its origin's."""
    trees = {file: ast.parse(file.read_text()) for file in root.rglob("*.py")}

    def module(name: str) -> Path | None:
        place = root.parent.joinpath(*name.split("."))
        return next((f for f in (place.with_suffix(".py"), place / "__init__.py") if f in trees), None)

    def origin(name: str, member: str) -> Path | None:
        file = module(f"{name}.{member}") or module(name)
        if file is not None and file.name == "__init__.py":
            for node in ast.walk(trees[file]):
                if isinstance(node, ast.ImportFrom) and node.module and node.module != name:
                    for alias in node.names:
                        if member == (alias.asname or alias.name):
                            return origin(node.module, alias.name)
        return file

    def needs(file: Path) -> Iterator[Path | None]:
        for node in ast.walk(trees[file]):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: a relative import"
                yield from (origin(node.module or "", alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from (module(alias.name) for alias in node.names)

    return {file: {other for other in needs(file) if other is not None} - {file} for file in trees}


def circles(graph: Mapping[Path, set[Path]]) -> set[tuple[str, ...]]:
    """Groups of files that reach each other."""

    def reach(start: Path) -> set[Path]:
        seen: set[Path] = set()
        waiting = list(graph[start])
        while waiting:
            if (file := waiting.pop()) not in seen:
                seen.add(file)
                waiting.extend(graph[file])
        return seen

    reached = {file: reach(file) for file in graph}
    return {
        tuple(sorted(str(o.relative_to(ROOT)) for o in graph if o in reached[file] and file in reached[o]))
        for file in graph
        if file in reached[file]
    }


def test_modules_of_the_core_import_down_only() -> None:
    level = {module: rank for rank, names in enumerate(CORE_LAYERS) for module in names}

    def module(file: Path) -> str:
        return file.relative_to(CORE).parts[0].removesuffix(".rs")

    graph = rust_imports(crate(CORE))
    assert {module(file) for file in graph} - {"lib"} <= set(level)
    links = {(module(file), module(other)) for file, others in graph.items() for other in others}
    assert {("strategies", "kernel"), ("backtest", "kernel"), ("kernel", "book"), ("book", "event")} <= links
    assert {(own, other) for own, other in links if level[other] > level[own]} == set()


@pytest.mark.parametrize("root", [CORE, BINDING], ids=["core", "binding"])
def test_no_rust_files_import_each_other(root: Path) -> None:
    graph = rust_imports(crate(root))
    assert sum(map(len, graph.values())) > 30
    assert circles(graph) == set()


def test_no_python_files_import_each_other() -> None:
    graph = python_imports(PACKAGE)
    assert sum(map(len, graph.values())) > 80
    assert circles(graph) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use super::b::B;", {"b"}),
        ("use crate::a::{self, b::{B as C}, D};", {"a", "b"}),
        ("use super::B;", {"b"}),
        ("use super::Here;", {"a"}),
        ("use super::*;", {"a"}),
        ("use std::fmt; use other::a::b;", set()),
        ("fn f() -> crate::a::B { super::b::g() }", {"b"}),
        ('// crate::a::b\nconst S: &str = "crate::a::b"; /* super::b::B */', set()),
        ("#[cfg(test)]\nmod tests {\n    use crate::a::b; fn f() { if true {} }\n}\nuse super::Here;", {"a"}),
        ("pub use super::b::B;", set()),
        (
            "pub(crate) mod inner {\n    use super::*; use crate::a::b::B;\n    mod deep { fn f() { super::super::g(); } }\n}",
            {"b"},
        ),
        ("pub(crate) use super::b::B; fn f(b: B) {}", {"b"}),
        ("pub(in crate::a::b) fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' || c == '\"' }", set()),
    ],
)
def test_a_rust_file_needs_what_it_names(text: str, expected: set[str]) -> None:
    files = {("a",): "mod b; mod c; pub use b::B; pub struct Here;", ("a", "b"): "pub struct B;", ("a", "c"): text}
    modules: dict[Name, Source] = {}
    for module, code in files.items():
        modules |= parse(module, Path(module[-1]), code)
    graph = rust_imports(modules)
    assert graph[Path("c")] == {Path(name) for name in expected}
    assert graph[Path("a")] == set()


def test_circles_are_found_however_long() -> None:
    a, b, c, d = (ROOT / name for name in "abcd")
    assert circles({a: {b}, b: {c}, c: {a}, d: {a}}) == {("a", "b", "c")}
    assert circles({a: {b}, b: {a}, c: {d, a}, d: {c}}) == {("a", "b"), ("c", "d")}
    assert circles({a: {b, c}, b: {c}, c: set()}) == set()


def test_every_class_of_the_extension_is_held_to_the_alignment_of_objects() -> None:
    """Python lays objects out at 16 bytes: one that asks for more is undefined behaviour."""
    source = ROOT / "rust" / "python" / "src"
    held = set(re.findall(r"^    (\w+::\w+),$", (source / "lib.rs").read_text(), re.MULTILINE))
    pattern = re.compile(r"#\[pyclass\b[^\]]*\]\n(?:#\[[^\n]*\n)*pub\(crate\) (?:struct|enum) (\w+)")
    classes = {f"{path.stem}::{name}" for path in source.glob("*.rs") for name in pattern.findall(path.read_text())}
    assert len(classes) > 25
    assert classes <= held
