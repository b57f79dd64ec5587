"""Write the reference pages: what the configuration, the command line and the public names say of themselves.

    python docs/reference [FOLDER]

The pages are made of the models, the commands and the docstrings, and nothing of them is written by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import griffe
from api import api_pages
from commands import commands_page
from configuration import configuration_page

ROOT = Path(__file__).parents[2]


def main(folder: Path) -> None:
    """Write all pages into a folder."""
    package = griffe.load("tradecore", search_paths=[str(ROOT / "python")], allow_inspection=False)
    assert isinstance(package, griffe.Module)
    pages = {
        "configuration": configuration_page(package),
        "commands": commands_page(),
        **api_pages(package),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pages" / "reference")
