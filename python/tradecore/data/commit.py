"""How new parts become part of a catalog: at once, whatever ends the process, and whoever reads or writes beside it.

Each step leaves the catalog as it was before or as it is after: the parts are moved to names that nobody has, the new
manifest takes the place of the one before with one rename once all of them are on the disk, and then what it no longer
lists is retired. All of these names stand in a plan that is on the disk before the first step: whatever the plan names
and the manifest does not is retired, by this process or, if it is no more, by the next one that writes.

A manifest is read and replaced under the lock of its instrument, so two processes that write different days both get
their way. What is retired stays readable until nobody reads any more who may have begun before
(:func:`~tradecore.locks.lease`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tradecore._core import Instrument, seal_part
from tradecore.data import disk
from tradecore.data.layout import (
    OLD_MANIFEST,
    STAGING,
    find_manifest,
    folder_of,
    keep,
    manifest_of,
    month_name,
    old_manifests,
    part_name,
    retired_place,
)
from tradecore.data.manifest import Manifest, Month, Part, manifest_bytes, month_bytes, read_manifest
from tradecore.errors import CatalogError, OverlapError
from tradecore.interrupts import held_back
from tradecore.locks import hold, locked, remove_dead, remove_empty

__all__ = ["check_free", "check_same", "commit", "data_difference", "manifest_for", "modernize", "staging"]

_PATIENCE_S = 60.0
"""How long to wait for another process that changes the same instrument: it takes moments."""

_PLAN = "plan.json"
_OWNER = "owner.json"


_OF_DATA = (
    "id",
    "kind",
    "base",
    "quote",
    "settlement",
    "price_increment",
    "qty_increment",
    "contract_size",
    "expiry_ns",
    "strike",
    "option_side",
    "outcome",
)
"""What data means rests on: the instrument, what its numbers count and what a contract of it is.

Fees, the steps and sizes of orders, their changes and the listing say how it is traded, and may be others any time.
"""


def data_difference(stored: Instrument, other: Instrument) -> str | None:
    """Say what two specifications differ in that data stored with one of them rests on; None if in nothing."""
    if stored == other:  # mostly, and told without a look at each
        return None
    for name in _OF_DATA:
        old, new = getattr(stored, name), getattr(other, name)
        if old != new:
            return f"{name} {old}, not {new}"
    return None


def manifest_for(root: Path, instrument: Instrument) -> Manifest:
    """Return the manifest of an instrument, one without parts if the catalog does not hold it.

    Raises
    ------
    CatalogError
        Naming a manifest that is damaged, or that of an instrument that the file system takes for the same.
    """
    found = find_manifest(root, instrument.id)
    if found is None:
        return Manifest(root, manifest_of(root, instrument.id), instrument)
    held = read_manifest(root, found)
    if held.instrument.id != instrument.id:
        raise CatalogError(str(found), f"holds {held.instrument.id}, whose folder has the name of {instrument.id}")
    return held


def check_same(held: Manifest, instrument: Instrument) -> None:
    """Raise CatalogError where the data that is held means something else than with this specification."""
    if (other := data_difference(held.instrument, instrument)) is not None:
        raise CatalogError(
            str(held.path),
            f"holds {held.instrument.id} with another specification ({other}); to write with this one, replace what "
            "is there (replace=True)",
        )


def check_free(held: Manifest, first: int, last: int) -> None:
    """Raise OverlapError where events of a time are held."""
    for part in held.between(first, last):
        raise OverlapError(
            str(held.folder),
            f"already holds events of {held.instrument.id} at that time ({part.path}); import all files of a day in "
            "one call, or replace what is there (replace=True)",
        )


@contextlib.contextmanager
def staging(root: Path, instrument: str) -> Iterator[Path]:
    """Make a hidden folder of a catalog for what this process is about to write of an instrument.

    What dead processes left in theirs is settled first.
    """
    venue = folder_of(root, instrument).parent
    made = [folder for folder in (venue, *venue.parents) if not folder.exists()]

    def make() -> Path:
        disk.make_folder(venue)
        return Path(tempfile.mkdtemp(prefix=STAGING, dir=root))

    remove_dead(root.glob(f"{STAGING}*"), lambda folder: _settle(root, folder))
    folder, lock = hold(make)
    try:
        owner = {"instrument": instrument, "pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC)}
        (folder / _OWNER).write_bytes(orjson.dumps(owner))
        yield folder
    finally:
        if not (folder / _PLAN).exists():
            shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        remove_empty(*made)  # what is not empty is no longer ours alone


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is about to be done: files that come and that go below the instrument's folder, and old ones that go."""

    instrument: str
    coming: Sequence[str]
    gone: Sequence[str]
    old: Sequence[str]


def commit(
    root: Path,
    staged: Path,
    instrument: Instrument,
    new: Sequence[tuple[Path, Part]],
    *,
    replace: bool,
    old: Sequence[str] = (),
) -> None:
    """Make parts that lie in a staging folder those of an instrument, beside what it has or in its stead.

    Parameters
    ----------
    root, staged : Path
        The catalog and a folder of :func:`staging`.
    instrument : Instrument
    new : sequence of (Path, Part)
        Where each part lies and what it will be.
    replace : bool
        Whether they replace what there is of their days.
    old : sequence of str
        Files of the layout of before, relative to the catalog, that go with this.

    Raises
    ------
    CatalogError, OverlapError
        When another process holds the instrument, has changed it so that this does not fit any more, or a file cannot
        be written. The catalog is as before then.
    """
    folder = folder_of(root, instrument.id)
    days = {part.day for _, part in new}
    with _locked(root, instrument.id):
        if old and manifest_of(root, instrument.id).is_file():
            return  # another process did it, and may have gone on from there
        held = manifest_for(root, instrument)
        if not replace:
            check_same(held, instrument)
            for _, part in new:
                check_free(held, part.first_ts_recv, part.last_ts_recv)
        replaced = days if replace else set()
        touched = {part.month for part in held.recent} | {part.month for _, part in new}
        months = {month: held.of_month(month) for month in touched}
        kept = {month: [part for part in parts if part.day not in replaced] for month, parts in months.items()}
        if held.folder != folder and not old and any(kept.values()):
            for part in held.parts():  # one of them kept it in the layout of before
                seal_part(held.folder / part.path)
            raise CatalogError(str(held.path), "was changed by another process meanwhile; try again")
        untouched = [month for month in held.months if month.month not in touched]
        if (other := data_difference(held.instrument, instrument)) and (untouched or any(kept.values())):
            path = untouched[0].path if untouched else next(part.path for parts in kept.values() for part in parts)
            raise CatalogError(
                str(folder / path), f"was stored with {other}; replace every day at once, or import to another catalog"
            )
        parts = {
            month: sorted(
                [*map(_sealed(folder), parts), *(part for _, part in new if part.month == month)],
                key=lambda part: (part.first_ts_recv, part.path),
            )
            for month, parts in kept.items()
        }
        *earlier, last = sorted(parts) or [""]
        pages = {month: month_bytes(parts[month]) for month in earlier}
        fresh = [Month(month=month, path=month_name(month), checksum=digest) for month, (_, digest) in pages.items()]
        gone = [part.path for month in months for part in months[month] if part.day in replaced]
        gone += [month.path for month in held.months if month.month in touched]
        coming = [*(part.path for _, part in new), *(month.path for month in fresh)]
        plan = _Plan(instrument.id, coming, gone, old)
        with held_back():  # what Ctrl-C left now the next one would have to finish
            try:
                disk.write(staged / _PLAN, orjson.dumps(plan))
                disk.sync(staged)
                disk.sync(root)
                for day in sorted(days):
                    disk.make_folder(folder / day)
                for source, part in new:
                    disk.move(source, folder / part.path)
                for day in sorted(days):
                    disk.sync(folder / day)
                for month in fresh:
                    disk.write(staged / "month.part", pages[month.month][0])
                    disk.move(staged / "month.part", folder / month.path)
                listed = sorted([*untouched, *fresh], key=lambda month: month.month)
                disk.write(staged / "manifest.part", manifest_bytes(instrument, listed, parts.get(last, [])))
                disk.sync(folder)
                disk.move(staged / "manifest.part", manifest_of(root, instrument.id))
                disk.sync(folder)
            finally:
                with contextlib.suppress(OSError):  # then the plan stays, and the next one finishes it
                    _retire(root, staged, plan)


def _sealed(folder: Path) -> Any:
    """Return what gives a part of before, which had none, its checksums."""
    return lambda part: part if part.checksums else changed(part, checksums=seal_part(folder / part.path))


@contextlib.contextmanager
def _locked(root: Path, instrument: str) -> Iterator[None]:
    """Keep other processes from changing an instrument; its folder is made, and goes again if nothing came into it."""
    folder = folder_of(root, instrument)

    def make() -> Path:
        disk.make_folder(folder)
        return folder

    try:
        with locked(make, patience_s=_PATIENCE_S, busy=lambda: _busy(root, instrument)):
            yield
    finally:
        remove_empty(folder, folder.parent)


def _busy(root: Path, instrument: str) -> CatalogError:
    who = "another process"
    for path in root.glob(f"{STAGING}*/{_OWNER}"):
        with contextlib.suppress(OSError, orjson.JSONDecodeError, KeyError):
            owner = orjson.loads(path.read_bytes())
            if owner["instrument"] == instrument and owner["pid"] != os.getpid():
                who = f"process {owner['pid']} on {owner['host']}, which began at {owner['since']},"
    problem = f"is being changed by {who} for longer than {_PATIENCE_S:g} s; try again when it has ended"
    return CatalogError(str(folder_of(root, instrument)), problem)


def _settle(root: Path, staged: Path) -> bool:
    """Finish what the process that owned a staging folder had planned; return whether nothing is left to do."""
    try:
        plan = _Plan(**orjson.loads((staged / _PLAN).read_bytes()))
        with _locked(root, plan.instrument):
            _retire(root, staged, plan)
    except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
        return True  # it had done nothing yet
    except CatalogError:
        return False  # a damaged manifest, or a busy one: another time
    return True


def _retire(root: Path, staged: Path, plan: _Plan) -> None:
    """Take away what a plan names and the manifest does not, which is then the end of the plan."""
    folder, path = folder_of(root, plan.instrument), manifest_of(root, plan.instrument)
    # With the last one who keeps them goes what is retired: not before all of it is.
    kept = [keep(root, folder), *(keep(root, (root / name).parent) for name in plan.old if name.endswith(OLD_MANIFEST))]
    held = read_manifest(root, path) if path.is_file() else None
    never = _unlisted(held, folder, plan.coming)
    replaced = [*_unlisted(held, folder, plan.gone), *(root / name for name in (plan.old if held is not None else ()))]
    left = {file.parent for file in (*never, *replaced) if file.is_file()}
    for file in never:  # nobody can have begun to read it
        if file.is_file():
            disk.remove(file)
    for file in replaced:
        if file.is_file():
            target = retired_place(root, file.with_name(f"{file.name}.part"))
            disk.make_folder(target.parent)
            disk.move(file, target)
    # Without power they would be back, and no plan would name them.
    for parent in sorted(left):
        disk.sync(parent)
    emptied = {parent for file in (*never, *replaced) for parent in file.parents if root in parent.parent.parents}
    remove_empty(*sorted(emptied, reverse=True))
    with contextlib.suppress(FileNotFoundError):
        disk.remove(staged / _PLAN)
    kept.clear()


def _unlisted(held: Manifest | None, folder: Path, names: Sequence[str]) -> list[Path]:
    return [folder / name for name in names if held is None or not held.holds(name)]


def modernize(root: Path) -> None:
    """Bring what lies in the layout of before to the present one.

    What is damaged stays and is named when asked for; what another process brings there meanwhile is left to it.
    """
    for path in list(old_manifests(root)):
        try:
            held = read_manifest(root, path)
        except CatalogError:
            continue
        if manifest_of(root, held.instrument.id).is_file():
            continue  # somebody else's doing: both stay
        files = [held.folder / part.path for part in held.parts()]
        try:
            seals = [seal_part(file) for file in files]
        except CatalogError:
            continue
        with contextlib.suppress(FileNotFoundError), staging(root, held.instrument.id) as staged:
            new = []
            for number, (file, part, seal) in enumerate(zip(files, held.parts(), seals, strict=True)):
                place = staged / f"{number}.part"
                try:
                    os.link(file, place)
                except OSError:  # not every file system has links
                    shutil.copyfile(file, place)
                disk.sync(place)
                new.append((place, changed(part, path=part_name(part.first_ts_recv), checksums=seal)))
            old = [str(file.relative_to(root)) for file in (*files, path)]
            commit(root, staged, held.instrument, new, replace=True, old=old)
