"""Write the docstrings of the compiled module into its stub, or check that they stand there.

The doc comments in ``rust/python/src`` are the source: Python shows them as docstrings, and ``_core.pyi``, which
editors and documentation read, repeats them. Signatures and types are the stub's own and are left alone.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

STUB = Path(__file__).parents[1] / "python" / "tradecore" / "_core.pyi"
MODULE = "tradecore._core"

Documented = ast.Module | ast.ClassDef | ast.FunctionDef


def main() -> int:
    """Rewrite the stub, or with ``--check`` show how it would change and return 1 if it would."""
    module = importlib.import_module(MODULE)
    old = STUB.read_text()
    new = with_docstrings(old, module)
    if "--check" not in sys.argv[1:]:
        STUB.write_text(new)
        return 0
    lines = (old.splitlines(keepends=True), new.splitlines(keepends=True))
    sys.stdout.writelines(difflib.unified_diff(*lines, str(STUB), f"docstrings of {MODULE}"))
    return int(old != new)


def with_docstrings(stub: str, module: object) -> str:
    """Return a stub's text with the docstrings of the objects it describes.

    Raises
    ------
    AttributeError
        For a name that the module does not have.
    ValueError
        For a docstring that cannot stand in a plain string.
    """
    lines = stub.splitlines()
    # From the end, so that the lines in front stay where they are.
    for node, described in reversed(list(_described(ast.parse(stub), module))):
        _replace(lines, node, _literal(inspect.cleandoc(described.__doc__ or ""), node))
    return "\n".join(lines) + "\n"


def _described(tree: ast.Module, module: object) -> Iterator[tuple[Documented, object]]:
    """Return what has a docstring in a stub, in order, with the object it describes; special methods have none."""
    yield tree, module
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            member = getattr(module, node.name)
            yield node, member
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("__"):
                    yield inner, getattr(member, inner.name)


def _literal(doc: str, node: Documented) -> list[str]:
    """Return the lines of a docstring as they stand in the stub, none of an empty one."""
    if not doc:
        return []
    if "\\" in doc or '"""' in doc or doc.endswith('"'):
        raise ValueError(f"{getattr(node, 'name', MODULE)}: a docstring with a backslash, or that ends with a quote")
    indent = "" if isinstance(node, ast.Module) else " " * (node.col_offset + 4)
    first, *rest = doc.split("\n")
    if not rest:
        return [f'{indent}"""{first}"""']
    return [f'{indent}"""{first}', *(f"{indent}{line}".rstrip() for line in rest), f'{indent}"""']


def _replace(lines: list[str], node: Documented, text: list[str]) -> None:
    """Exchange the docstring of a node for another, or none."""
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines[first.lineno - 1 : first.end_lineno] = text or [" " * first.col_offset + "..."]
    elif text:
        # A body of three dots, behind the signature.
        lines[first.lineno - 1] = lines[first.lineno - 1].removesuffix(" ...")
        lines[first.lineno : first.lineno] = text


if __name__ == "__main__":
    sys.exit(main())
