"""Folders and patterns of files: what each file holds, which of them are one import, and which a catalog has already.

A plan is made of the beginnings of files, before anything is written. Files of one instrument, format and day are one
import, which a catalog takes as a whole or not at all. What a recording continues it goes with: captures of a day that
begin without a snapshot need the book of the day before.

The catalog remembers the files it has by their size and the bytes at their ends, whatever they are called now, so that
an import that was interrupted goes on where it was.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

from tradecore._core import Instrument, read_note
from tradecore.data.catalog import Catalog
from tradecore.data.event_arrays import event_arrays, is_array
from tradecore.data.exported import first_receipt, is_exported, stored_instrument
from tradecore.data.findings import lacks_snapshot
from tradecore.data.formats import (
    AS_RECORDED,
    CAPTURES,
    DUMPS,
    ReadOptions,
    Sniffed,
    begins_at,
    check_receipt,
    open_reader,
    sniff,
)
from tradecore.data.inference import fitted, telling_increments
from tradecore.data.layout import MANIFEST, OLD_MANIFEST, SOURCES, day_of
from tradecore.errors import CatalogError, ConfigError, DataError, TradecoreError, UnknownInstrumentError
from tradecore.instruments import find_instrument, venue_of

__all__ = ["FileFound", "Job", "Plan", "files_of", "make_plan"]

_ROWS = 4_096
"""Rows that are read of a file to see what it holds."""
_END = 1 << 20
"""Bytes at each end of a file that tell it from others."""
_MAY_HOLD_DATA = frozenset(
    {"", ".csv", ".data", ".gz", ".json", ".jsonl", ".log", ".ndjson", ".parquet", ".txt", ".xz", ".zip", ".zst"}
)
"""How names of files end that are missed when nothing is made of them; others are readmes, checksums and the like."""
_BARE = "a header and no rows"
_KINDS = ("book_updates", "trades", "quotes", "marks", "open_interests", "liquidations", "off_book_trades")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFound:
    """What a file was found to be.

    Attributes
    ----------
    path : Path
    size : int
        Bytes.
    format, instrument : str or None
        None where they are not known.
    others : tuple of str
        Instruments that it holds, too, and that are not imported with it.
    kinds : tuple of str
        What it holds, as far as its beginning tells.
    first_ts_recv, last_ts_recv : int or None
        ns UTC; the last only of a file that was read to its end.
    rows : int or None
        Rows of events, of a file that was read to its end.
    lacks_book : bool
        Whether its book begins elsewhere.
    refused : str or None
        Why it is not imported.
    is_left_out : bool
        Whether it is refused for no fault: it is empty, a copy, or of an instrument that nobody asked for.
    digest : str
        Tells it from other files.
    """

    path: Path
    size: int = 0
    format: str | None = None
    instrument: str | None = None
    others: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    first_ts_recv: int | None = None
    last_ts_recv: int | None = None
    rows: int | None = None
    lacks_book: bool = False
    refused: str | None = None
    is_left_out: bool = False
    digest: str = ""

    @property
    def days(self) -> str | None:
        """The UTC day it begins on, and the one it ends on where that is known to be another."""
        if self.first_ts_recv is None:
            return None
        first = day_of(self.first_ts_recv)
        last = first if self.last_ts_recv is None else day_of(self.last_ts_recv)
        return first if first == last else f"{first} to {last}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "file": str(self.path),
            "bytes": self.size,
            "format": self.format,
            "instrument": self.instrument,
            "others": list(self.others),
            "kinds": list(self.kinds),
            "days": self.days,
            "rows": self.rows,
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Files that are imported as a whole.

    Attributes
    ----------
    instrument : str
    spec : Instrument or None
        None where it is yet to be inferred.
    format : str
    files : sequence of FileFound
        In order of time.
    is_in : bool
        Whether the catalog has them all.
    """

    instrument: str
    spec: Instrument | None
    format: str
    files: Sequence[FileFound]
    is_in: bool = False

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files)

    def each_day(self) -> list[str]:
        """Return the UTC days its files begin on."""
        return sorted({day_of(file.first_ts_recv) for file in self.files if file.first_ts_recv is not None})

    @property
    def days(self) -> str:
        """The UTC days its files begin on, as text."""
        days = self.each_day()
        return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "instrument": self.instrument,
            "format": self.format,
            "days": self.days,
            "files": [str(file.path) for file in self.files],
            "bytes": self.size,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made of files: each of them, and the imports they make."""

    files: list[FileFound] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    @property
    def refused(self) -> list[FileFound]:
        """Files that are not imported, and might have been meant to be."""
        return [file for file in self.files if file.refused is not None and not file.is_left_out]

    @property
    def left_out(self) -> list[FileFound]:
        """Files of which nothing is missed."""
        return [file for file in self.files if file.is_left_out]


def files_of(words: Sequence[str | Path]) -> list[Path]:
    """Return the files that words name: files, folders with all below them, patterns such as ``data/**/*.csv.gz``.

    What begins with a dot is left out of folders. In the order given, each once; those of a folder or pattern sorted.

    Raises
    ------
    ConfigError
        For a word that names nothing, or a catalog.
    """
    found: dict[Path, None] = {}
    for word in words:
        named = Path(word)
        if named.is_dir():
            found.update(dict.fromkeys(_below(named)))
        elif named.exists():
            found[named] = None
        else:
            matching = sorted(glob.glob(str(word), recursive=True))
            files = [path for path in map(Path, matching) if path.is_file()] or [
                path for folder in map(Path, matching) for path in _below(folder)
            ]
            if not files:
                raise ConfigError("data import", str(word), "names no file, no folder with files and no pattern of any")
            found.update(dict.fromkeys(files))
    if not found:
        raise ConfigError("data import", " ".join(map(str, words)), "holds no files")
    return list(found)


def _below(folder: Path) -> list[Path]:
    """Return the files below a folder."""
    files = []
    for place, folders, names in os.walk(folder):
        if MANIFEST in names or OLD_MANIFEST in names:
            raise ConfigError("data import", str(folder), f"{place} belongs to a catalog, which is no source of files")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(files)


def make_plan(
    files: Sequence[Path],
    *,
    instrument: str | None = None,
    specs: Mapping[str, Instrument] | None = None,
    infer: bool = False,
    catalog: Path | None = None,
    replace_days: bool = False,
    options: ReadOptions = AS_RECORDED,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Say what is made of files.

    Parameters
    ----------
    files : sequence of Path
    instrument : str, optional
        The only one to import. Files that name none are taken for its.
    specs : mapping, optional
        Specifications by id, beside the shipped ones.
    infer : bool
        Whether a specification that is not known will be inferred.
    catalog : Path, optional
        Where they are to go: what is there is left out.
    replace_days : bool
        Whether they replace what is there of their days; nothing is left out then, and all of an instrument is one
        import, since days are replaced as a whole.
    options : ReadOptions
        How files are read, as far as their formats take it.
    progress : callable, optional
        Called with the files looked at and all files.
    """
    known: dict[str, FileFound] = {}
    found = []
    for path in files:
        file = _look(path, instrument, specs, infer, options)
        if file.refused is None and (same := known.setdefault(file.digest, file)) is not file:
            file = replace(file, refused=f"holds the same as {same.path}", is_left_out=True, first_ts_recv=None)
        found.append(file)
        if progress is not None:
            progress(len(found), len(files))
    groups: dict[tuple[str, str | frozenset[str]], list[FileFound]] = {}
    for file in found:
        # One that has a fault keeps out what it would be imported with: a day is in as a whole.
        if file.refused is None or file.first_ts_recv is not None:
            form = file.format or ""
            groups.setdefault((file.instrument or "", DUMPS if form in DUMPS else form), []).append(file)
    jobs: list[Job] = []
    refused: dict[Path, str] = {}
    for (name, _), held in sorted(groups.items(), key=lambda group: (group[0][0], str(group[1][0].format))):
        stored = stored_instrument(held[0].path) if held[0].format == "exported" else None
        spec = _spec(name, specs, catalog if infer else None, stored)
        had = set() if catalog is None or replace_days else _sources(catalog, name)
        for each in _days(held, as_one=replace_days):
            is_in = all(file.digest in had for file in each)
            job = Job(instrument=name, spec=spec, format=_format(each), files=each, is_in=is_in)
            faulty = next((file for file in each if file.refused is not None), None)
            if faulty is not None:
                refused |= {
                    file.path: f"goes with {faulty.path}, which is refused" for file in each if not file.refused
                }
            elif not is_in and (problem := _against(job, options)) is not None:
                refused |= {file.path: problem for file in each}
            else:
                jobs.append(job)
    jobs, twice = _without_rivals(jobs)
    refused |= twice
    found = [replace(file, refused=refused[file.path]) if file.path in refused else file for file in found]
    return Plan(found, jobs)


def _look(
    path: Path, wanted: str | None, specs: Mapping[str, Instrument] | None, infer: bool, options: ReadOptions
) -> FileFound:
    """Say what a file is."""
    file = FileFound(path=path)
    try:
        file = replace(file, size=path.stat().st_size, digest=_digest(path))
        if is_array(path):
            return _array(file, wanted, specs)
        if is_exported(path):
            return _exported(file, wanted, specs)
        told = sniff(path, options)
        name, others = _names(told, wanted)
        file = replace(file, format=told.format, instrument=name, others=others)
        if name is None and told.format == "tardis":
            return replace(file, refused=_BARE, is_left_out=True)
        if name is None:
            why = "; ".join(told.reasons) or "names no symbol"
            return replace(file, refused=f"{why}; say which instrument it is with --instrument")
        if wanted is not None and name != wanted:
            return replace(file, refused=f"is of {name}, not of {wanted}", is_left_out=True)
        spec = _spec(name, specs, None)
        if spec is None:
            file = fitted(name, partial(_begun, file, options.within(told.format)))[1]
        else:
            with telling_increments(told.format, spec, [path], options.within(told.format)):
                file = _begun(file, options.within(told.format), spec)
        if file.refused is None and spec is None and not infer:
            return replace(file, refused=_unknown(name), first_ts_recv=None)
        return file
    except OSError as error:
        return replace(file, refused=f"cannot be read: {error.strerror}")
    except DataError as error:
        if file.format is None and path.suffix.lower() not in _MAY_HOLD_DATA:
            return replace(file, refused="holds no market data", is_left_out=True)
        place = "" if error.line in (0, 1) else f"line {error.line}: "
        begins = begins_at(path) if file.instrument is not None else None
        return replace(file, refused=f"{place}{error.problem}", first_ts_recv=begins)
    except TradecoreError as error:
        return replace(file, refused=str(error))


def _names(told: Sniffed, wanted: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return whose a file is taken for, which is who is asked for or who alone is in it, and the others in it."""
    held = [] if told.instrument is None else [told.instrument]
    if told.format in CAPTURES:
        venue = venue_of(told.instrument or wanted or "")
        held += [f"{symbol}.{venue}" for symbol in told.symbols] if venue else []
    if told.instrument is None and not held:
        return wanted, ()
    name = told.instrument if wanted is None else wanted if wanted in held else held[0]
    return name, tuple(dict.fromkeys(other for other in held if other != name))


def _unknown(name: str) -> str:
    return f"no specification of {name} is known; give one with --specs, or derive it with --infer"


def _array(file: FileFound, wanted: str | None, specs: Mapping[str, Instrument] | None) -> FileFound:
    """Say what an event array is, which names no instrument."""
    file = replace(file, format="hftbacktest", instrument=wanted, kinds=("events",))
    if wanted is None:
        return replace(file, refused="an event array names no instrument; say which one it is with --instrument")
    if _spec(wanted, specs, None) is None:
        return replace(file, refused=_unknown(wanted))
    for _, _, receipts, *_ in event_arrays(file.path):
        times = receipts[receipts > 0]
        if len(times):
            return replace(file, first_ts_recv=int(times[0]))
    return replace(file, refused="holds no events")


def _exported(file: FileFound, wanted: str | None, specs: Mapping[str, Instrument] | None) -> FileFound:
    """Say what a file of event columns is: Parquet holds the specification, CSV names no instrument."""
    stored = stored_instrument(file.path)
    name = wanted if stored is None else stored.id
    file = replace(file, format="exported", instrument=name, kinds=("events",))
    if name is None:
        return replace(file, refused="names no symbol; say which instrument it is with --instrument")
    if wanted not in (None, name):
        return replace(file, refused=f"is of {name}, not of {wanted}", is_left_out=True)
    if (spec := _spec(name, specs, None, stored)) is None:
        return replace(file, refused=_unknown(name))
    first = first_receipt(file.path, spec)
    return replace(file, refused="holds no events") if first is None else replace(file, first_ts_recv=first)


def _begun(file: FileFound, options: ReadOptions, spec: Instrument) -> FileFound:
    """Read the beginning of a file."""
    reader = open_reader(str(file.format), spec, [file.path], lenient=True, options=options)
    check_receipt(reader, file.path)
    has_more = reader.read(_ROWS) is not None and reader.read(_ROWS) is not None
    summary = reader.summary()
    waiting = {"book_updates"} if summary.get("unsynced") or summary.get("skipped") else set()
    kinds = summary.get("kinds") or [name for name in _KINDS if summary.get(name) or name in waiting]
    lacks_book = lacks_snapshot(summary)
    if lacks_book and file.format == "table" and options.start == "snapshot":
        # Its snapshots are in a file of their own; when it begins it says itself.
        begun = _begun(file, replace(options, start="empty"), spec)
        return replace(begun, kinds=tuple(kinds), lacks_book=True)
    if summary["first_ts_recv"] is None and summary.get("files_without_rows"):
        return replace(file, refused=_BARE, is_left_out=True)
    if summary["first_ts_recv"] is None:
        return replace(file, refused=f"holds no events of {spec.id}")
    return replace(
        file,
        kinds=tuple(kinds),
        first_ts_recv=summary["first_ts_recv"],
        last_ts_recv=None if has_more else summary["last_ts_recv"],
        rows=None if has_more else summary["events"],
        lacks_book=lacks_book,
    )


def _digest(path: Path) -> str:
    """Return what tells a file from others: its size and the bytes at its ends."""
    size = path.stat().st_size
    digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=8)
    with path.open("rb") as file:
        digest.update(file.read(_END))
        if size > _END:
            file.seek(max(_END, size - _END))
            digest.update(file.read(_END))
    return digest.hexdigest()


def _spec(
    name: str, specs: Mapping[str, Instrument] | None, catalog: Path | None, stored: Instrument | None = None
) -> Instrument | None:
    """Return what is known of an instrument: given, stored with the data, shipped, or what a catalog has of it."""
    if stored is not None and name not in (specs or {}):
        return stored
    try:
        return find_instrument(name, specs)
    except UnknownInstrumentError:
        pass
    if catalog is not None and name in Catalog(catalog).instruments():
        return Catalog(catalog).instrument(name)
    return None


def _sources(catalog: Path, name: str) -> set[str]:
    """Return the digests of the files that a catalog has of an instrument."""
    held = Catalog(catalog)
    if name not in held.instruments():
        return set()
    manifest = held.manifest(name)
    notes = (_note(manifest.folder / part.path) for part in manifest.parts())
    return {digest for note in notes if note for digest in note.split()}


def _note(part: Path) -> str | None:
    try:
        return read_note(part, SOURCES)
    except CatalogError:  # damaged or replaced meanwhile: not there
        return None


def _format(files: Sequence[FileFound]) -> str:
    """Return the format of files of one import; of several together that of tables stands for all."""
    forms = {str(file.format) for file in files}
    return forms.pop() if len(forms) == 1 else "table"


def _days(files: Sequence[FileFound], *, as_one: bool) -> Iterator[list[FileFound]]:
    """Yield the files of each day; what needs the book of the day before goes with it."""
    group: list[FileFound] = []
    ordered = sorted(files, key=lambda file: (file.first_ts_recv or 0, str(file.path)))
    by_day: dict[str, list[FileFound]] = {}
    for file in ordered:
        by_day.setdefault("" if as_one else day_of(file.first_ts_recv or 0), []).append(file)
    for day in by_day.values():
        goes_on = any(file.lacks_book for file in day) and all(file.lacks_book or _no_book(file) for file in day)
        if group and not (goes_on and day[0].format in CAPTURES):
            yield group
            group = []
        group = [*group, *day]
    if group:
        yield group


def _no_book(file: FileFound) -> bool:
    return "book_updates" not in file.kinds


def _without_rivals(jobs: Sequence[Job]) -> tuple[list[Job], dict[Path, str]]:
    """Leave out what is of one instrument and day in several formats; nobody knows which of them is wanted."""
    formats: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        for day in job.each_day():
            formats.setdefault((job.instrument, day), []).append(job)
    refused: dict[Path, str] = {}
    for (name, day), rivals in formats.items():
        for job, other in permutations(rivals, 2):
            kinds, others = ({kind for file in each.files for kind in file.kinds} for each in (job, other))
            why = "two formats do not make one import" if kinds.isdisjoint(others) else "two sources of one kind"
            problem = (
                f"is of {name} and {day} as {other.files[0].path} is, in another format ({other.format}): "
                f"{why}; leave one of them out"
            )
            refused |= {file.path: problem for file in job.files}
    return [job for job in jobs if job.files[0].path not in refused], refused


def _against(job: Job, options: ReadOptions) -> str | None:
    """Say why files cannot be read as one, as far as their beginnings tell."""
    if job.format in ("exported", "hftbacktest") or len(job.files) == 1:
        return None

    def begin(spec: Instrument) -> None:
        files = [file.path for file in job.files]
        open_reader(job.format, spec, files, lenient=True, options=options.within(job.format)).read(_ROWS)

    try:
        if job.spec is not None:
            begin(job.spec)
        else:
            fitted(job.instrument, begin)
    except DataError as error:
        return str(error)
    return None
