"""Write ``python/tradecore/indicators/__init__.pyi`` and the table of the documentation, or check that they are right.

The descriptions in ``rust/core/src/indicators`` are the source of both.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import tradecore.indicators as ti
from tradecore._core import indicator_specs

ROOT = Path(__file__).parents[1]
STUB = ROOT / "python" / "tradecore" / "indicators" / "__init__.pyi"
PAGE = ROOT / "docs" / "pages" / "indicators.md"
BEGIN, END = "<!-- all indicators -->\n", "<!-- end -->\n"

HEAD = """from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, overload

import polars as pl
from numpy.typing import NDArray

from tradecore._core import Indicator as Indicator
from tradecore.indicators.bank import Bank as Bank
from tradecore.indicators.doors import panel as panel

_Column = TypeVar("_Column", NDArray[Any], pl.Series)
_Nan: TypeAlias = Literal["restart", "talib"]
"""


def quoted(doc: str, indent: str) -> list[str]:
    """Return a docstring as it stands in the stub."""
    first, *rest = doc.split("\n")
    return [f'{indent}"""{first}', *(f"{indent}{line}".rstrip() for line in rest), f'{indent}"""']


def parameters(spec: dict[str, Any]) -> str:
    """Return the parameters as they stand in a signature."""
    given = []
    for one in spec["params"]:
        kind = one["type"]
        if kind == "str":
            kind = f"Literal[{', '.join(repr(word) for word in one['bounds'])}]".replace("'", '"')
        default = repr(one["default"]).replace("'", '"')
        given.append(f"{one['name']}: {kind} = {default}")
    return ", ".join([*given, '*, nan: _Nan = "restart"'])


def entry(spec: dict[str, Any]) -> list[str]:
    """Return named tuple, function and class of an indicator."""
    name, cls, inputs, outputs = spec["name"], spec["class"], spec["inputs"], [one for one, _ in spec["outputs"]]
    params, several = parameters(spec), len(outputs) > 1
    lines = []
    if several:
        lines += [f"class {cls}Values(NamedTuple, Generic[_T]):", *(f"    {output}: _T" for output in outputs)]
    gives = f"{cls}Values[{{}}]" if several else "{}"
    columns = ", ".join(f"{one}: _Column" for one in inputs)
    lines += ["@overload", f"def {name}({columns}, {params}) -> {gives.format('_Column')}:"]
    lines += quoted(getattr(ti, name).__doc__, "    ")
    lines += ["@overload", f"def {name}(frame: Any, /, {params}) -> {gives.format('Any')}: ..."]
    if len(inputs) > 1:
        # Of series of pandas, which has no types of its own.
        columns = ", ".join(f"{one}: Any" for one in inputs)
        lines += ["@overload", f"def {name}({columns}, {params}) -> {gives.format('Any')}: ..."]
    row = ", ".join(f"{one}: float" for one in inputs)
    update = f"tuple[{', '.join(['float'] * len(outputs))}]" if several else "float"
    lines += [f"class {cls}(Indicator):", *quoted(getattr(ti, cls).__doc__, "    ")]
    lines += [f"    def __init__(self, {params}) -> None: ..."]
    lines += [f"    def update(self, {row}, /) -> {update}: ...  # type: ignore[override]"]
    lines += ["    @property", f"    def value(self) -> {gives.format('float')}: ..."]
    return lines


def stub() -> str:
    """Return the text of the stub."""
    lines = ["# ruff: noqa: D204, D401", *quoted(ti.__doc__ or "", ""), HEAD, '_T = TypeVar("_T")', ""]
    for spec in indicator_specs():
        lines += [*entry(spec), ""]
    return "\n".join(lines)


def table() -> str:
    """Return the table of all indicators."""
    lines = []
    family = None
    for spec in indicator_specs():
        if spec["family"] != family:
            family = spec["family"]
            lines += ["", f"### {family.capitalize()}", "", "| function, class | reads | parameters | gives | what |"]
            lines += ["|---|---|---|---|---|"]
        params = ", ".join(f"{one['name']}={one['default']}" for one in spec["params"])
        outputs = ", ".join(name for name, _ in spec["outputs"]) if len(spec["outputs"]) > 1 else ""
        reads = ", ".join(spec["inputs"])
        cells = (f"`{spec['name']}`, `{spec['class']}`", reads, params, outputs, spec["summary"])
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", ""])


def main() -> int:
    """Write both, or with ``--check`` return 1 if they would change."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    files = {PAGE: before + BEGIN + table() + END + after}
    wanted = stub()
    if "--check" in sys.argv[1:]:
        stale = [path for path, text in files.items() if path.read_text() != text]
        # The stub is formatted after it is written: what it says is compared, not how it is set.
        if ast.dump(ast.parse(wanted)) != ast.dump(ast.parse(STUB.read_text())):
            stale.append(STUB)
        for path in stale:
            sys.stdout.write(f"{path.relative_to(ROOT)} is stale: make stub\n")
        return len(stale)
    STUB.write_text(wanted)
    for path, text in files.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
