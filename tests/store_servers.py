"""A PostgreSQL of the tests' own: in a folder of its own, reached by a socket in it, no port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_USER = "postgres"
"""Who runs it where the tests are run by root, which it refuses."""


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL here; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    where = shutil.which("postgres")
    return None if where is None else Path(where).resolve().parent


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """Run one; give the URL of its database."""
    # The path of a socket has to be short, and where root tests another user has to get in.
    folder = Path(tempfile.mkdtemp(prefix="tcpg"))
    data, log = folder / "data", folder / "log"

    def run(*words: str | Path) -> None:
        of = _USER if os.getuid() == 0 else None
        subprocess.run(words, user=of, group=of, cwd=folder, check=True, stdout=subprocess.DEVNULL, env={"LC_ALL": "C"})

    try:
        if os.getuid() == 0:
            shutil.chown(folder, _USER, _USER)
        run(programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run(programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"postgresql://tests@/postgres?host={folder}"
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
