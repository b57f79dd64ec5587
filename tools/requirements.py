"""Writes what the package and extras of its own need, a line each, for pip to read before there is a package.

python tools/requirements.py dev docs
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main(extras: list[str]) -> None:
    """Write the requirements of the package, and of these extras."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    print(*project["dependencies"], sep="\n")
    for extra in extras:
        print(*project["optional-dependencies"][extra], sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
