"""Installs a wheel for each Python from 3.11 on that is here, without Rust, and runs the suite on what was installed.

    python .ci/wheel_test.py WHEEL

Says how large the installation is, and fails where a run of the project that `tradecore init` makes does not end with
the same digest on every Python.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)


def pythons() -> dict[tuple[int, int], str]:
    """Return an interpreter of each version from the oldest on, by version; that of this process before others."""
    folders = [*os.environ["PATH"].split(os.pathsep), *map(str, Path.home().glob(".pyenv/versions/*/bin"))]
    found: dict[tuple[int, int], str] = {}
    for path in [sys.executable, *(str(path) for folder in folders for path in sorted(Path(folder).glob("python3*")))]:
        if not re.fullmatch(r"python3?(\.\d+)?", Path(path).name):
            continue  # python3-config and the like
        code = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
        told = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False).stdout.split()
        if len(told) == 3 and told[0] == "cpython" and (version := (int(told[1]), int(told[2]))) >= OLDEST:
            found.setdefault(version, path)
    return dict(sorted(found.items()))


def megabytes(folder: Path) -> float:
    """Return what the files of a folder take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def check(python: str, wheel: Path, scratch: Path) -> str:
    """Install a wheel and run everything on it; return the digest of the sample project."""
    # What brings pip leaves a file in the folder of temporary files.
    subprocess.run([python, "-m", "venv", scratch / "venv"], env={**os.environ, "TMPDIR": str(scratch)}, check=True)
    own = scratch / "venv" / "bin"
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    clean["PATH"] = os.pathsep.join([str(own), "/usr/bin", "/bin"])
    if rust := shutil.which("rustc", path=clean["PATH"]):
        raise SystemExit(f"{rust}: the wheel is to be tried where there is no Rust")

    def run(*words: object, folder: Path = scratch) -> str:
        done = subprocess.run(
            list(map(str, words)), cwd=folder, env=clean, text=True, stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    pip = (own / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
    run(*pip, wheel)
    (site,) = (scratch / "venv" / "lib").glob("python*/site-packages")
    whole = sum(megabytes(path) for path in site.iterdir() if not path.name.startswith(("pip", "setuptools")))
    print(f"  installed: tradecore {megabytes(site / 'tradecore'):.1f} MB, with what it needs {whole:.0f} MB")
    run(own / "tradecore", "init", "demo")
    told = run(own / "tradecore", "backtest", "--config", "backtest.toml", "--json", folder=scratch / "demo")
    digest: str = json.loads(told)["digest"]
    run(*pip, f"{wheel}[dev,ml]")
    place = Path(run(own / "python", "-c", "import tradecore; print(tradecore.__file__)", folder=ROOT).strip())
    if not place.is_relative_to(site):
        raise SystemExit(f"{place}: the suite is to run on what was installed")
    said = run(own / "python", "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", folder=ROOT)
    print(f"  suite: {said.splitlines()[-1]}\n  digest: {digest}", flush=True)
    return digest


def main(wheel: Path) -> None:
    """Try a wheel on every Python."""
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    digests = set()
    for version, python in pythons().items():
        print(f"Python {'.'.join(map(str, version))} ({python})", flush=True)
        with tempfile.TemporaryDirectory(prefix="tradecore-wheel-") as scratch:
            digests.add(check(python, wheel, Path(scratch).resolve()))
    if len(digests) != 1:
        raise SystemExit(f"digests differ: {digests}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
