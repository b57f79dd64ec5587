"""``tradecore data import FOLDER``: what it made of each file, then all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tradecore.cli.console import emit, note, say
from tradecore.progress import progress_bar

if TYPE_CHECKING:
    from tradecore.data.formats import ReadOptions
    from tradecore.data.plan import Plan

__all__ = ["import_files"]


def import_files(
    words: Sequence[Path],
    catalog: Path | None,
    *,
    instrument: str | None,
    specs: Path | None,
    infer: bool,
    kind: str | None,
    contract_size: str | None,
    replace: bool,
    dry_run: bool,
    workers: int | None,
    options: ReadOptions,
    json: bool,
    quiet: bool,
) -> int:
    """Plan the import of files and, unless it is a dry run, carry it out; return the exit code."""
    from tradecore.data.batch import carry_out
    from tradecore.data.plan import files_of, make_plan
    from tradecore.errors import ConfigError
    from tradecore.instruments import load_instruments

    if catalog is None and not dry_run:
        raise ConfigError("data import", "--catalog", "is missing: the folder of the catalog to write to")
    files = files_of(words)
    with progress_bar("look", "files", quiet=quiet) as progress:
        plan = make_plan(
            files,
            instrument=instrument,
            specs=None if specs is None else load_instruments(specs),
            infer=infer,
            catalog=catalog,
            replace_days=replace,
            options=options,
            progress=progress,
        )
    if dry_run or not quiet:
        for line in _told(plan):
            say(line, err=json)
    outline = {
        "catalog": None if catalog is None else str(catalog),
        "files": [file.to_dict() for file in plan.files],
        "refused": len(plan.refused),
    }
    if dry_run or catalog is None:
        if json:
            imports = [job.to_dict() | {"state": "already in" if job.is_in else "to import"} for job in plan.jobs]
            emit(outline | {"imports": imports})
        return 0 if plan.jobs else 1
    states = {"imported": 0, "already in": 0, "failed": 0}
    imports = []
    inferred: set[str] = set()
    with progress_bar("import", "B", quiet=quiet) as progress:
        ended = carry_out(
            plan.jobs,
            catalog,
            replace_days=replace,
            kind=kind,
            contract_size=contract_size,
            workers=workers,
            options=options,
            progress=progress,
        )
        for done in ended:
            told = done.to_dict()
            imports.append(told)
            states[told["state"]] += 1
            if done.inferred is not None and done.job.instrument not in inferred:
                inferred.add(done.job.instrument)
                for text in done.inferred.notes:
                    note(f"inferred: {done.job.instrument}: {text}", quiet=quiet)
            if done.problem is not None:
                note(f"error: {done.job.instrument} {done.job.days}: {done.problem}")
            for text in told.get("problems", ()):
                note(f"warning: {done.job.instrument} {done.job.days}: {text}", quiet=quiet)
            for text in told.get("notes", ()):
                note(f"note: {done.job.instrument} {done.job.days}: {text}", quiet=quiet)
    imports.sort(key=lambda each: (each["instrument"], each["days"]))
    counts = {name.replace(" ", "_"): number for name, number in states.items()}
    if json:
        emit(outline | {"imports": imports} | counts)
    else:
        say(", ".join(f"{number} {name}" for name, number in states.items()) + f", {len(plan.refused)} files refused")
    return 1 if states["failed"] or plan.refused or not plan.jobs else 0


def _told(plan: Plan) -> Iterator[str]:
    """Yield a table of files, then what is refused and why, then the imports they make."""
    rows = [("file", "format", "holds", "instrument", "day", "size")]
    for file in plan.files:
        holds = ", ".join(file.kinds) or "-"
        size = f"{file.rows:,} rows" if file.rows is not None else _size(file.size)
        rows.append((str(file.path), file.format or "-", holds, file.instrument or "-", file.days or "-", size))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for file in plan.refused:
        yield f"refused: {file.path}: {file.refused}"
    for file in plan.files:
        if file.others:
            yield f"note: {file.path} also holds {', '.join(file.others)}; import them with --instrument, one at a time"
    for file in plan.left_out:
        yield f"left out: {file.path}: {file.refused}"
    for job in plan.jobs:
        what = "already in" if job.is_in else "to import" if job.spec else "to infer and import"
        files = "1 file" if len(job.files) == 1 else f"{len(job.files)} files"
        yield f"{what}: {job.instrument} {job.days}: {files}, {_size(job.size)}"


def _size(size: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
