"""A catalog under faults: processes that are killed, disks that lose power, others that write and read beside."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

import tradecore as tc
from conftest import LAST, SET, columns
from tradecore._core import read_note
from tradecore.cli import main
from tradecore.data import commit, disk, layout, manifest, views
from tradecore.data.catalog import COLUMNS
from tradecore.errors import CatalogError, OverlapError

pytestmark = pytest.mark.release

DAY = 86_400_000_000_000
AUGUST = 19_936 * DAY
"""2024-08-01."""
NAME = "BTCUSDT.TEST"

Scenario = Callable[[Path], None]


def write(root: Path, instrument: tc.Instrument, *days: int, price: int = 10, replace: bool = False) -> None:
    """Write two parts of a day each: the ends of the day."""
    with tc.Catalog(root).writer(instrument, replace=replace) as writer:
        for day in days:
            for hour in (1, 23):
                start = AUGUST + day * DAY + hour * 3_600_000_000_000
                writer.write(columns([(start + at, SET, 1, LAST, price + at, 1 + day) for at in range(3)]))
                writer._finish_part()


def contents(root: Path) -> dict[str, Any]:
    """Everything that can be read of a catalog."""
    catalog = tc.Catalog(root)
    return {name: catalog.scan(name).select(COLUMNS).collect().rows() for name in catalog.instruments()}


def leftovers(root: Path) -> list[str]:
    """Whatever lies in a catalog that it does not list."""
    listed = {held.folder / name for held in tc.Catalog(root).manifests() for name in held.names()}
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path not in listed]


# --- what is written, step by step -------------------------------------------------------------------------------


@pytest.fixture(
    params=["import", "append", "append to an earlier month", "next month", "replace", "replace a month", "of before"]
)
def scenario(
    request: pytest.FixtureRequest, tmp_path: Path, instrument: tc.Instrument, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Scenario]:
    """A catalog as it was before, and what is done to it."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # what is on the disk is told from the calls
    start = tmp_path / "start"
    start.mkdir()
    match request.param:
        case "import":
            return start, lambda root: write(root, instrument, 0, 1)
        case "append":
            write(start, instrument, 0, 1)
            return start, lambda root: write(root, instrument, 2)
        case "append to an earlier month":
            write(start, instrument, 0, 40, 80)
            return start, lambda root: write(root, instrument, 1, 41)
        case "next month":
            write(start, instrument, 0, 1)
            return start, lambda root: write(root, instrument, 31, 70)
        case "replace":
            write(start, instrument, 0, 1)
            return start, lambda root: write(root, instrument, 1, price=100, replace=True)
        case "replace a month":
            write(start, instrument, 0, 40, 80)
            return start, lambda root: write(root, instrument, 0, 40, 80, price=100, replace=True)
    write(start, instrument, 0, 1)
    age(start)
    return start, lambda root: write(root, instrument, 2)


def age(root: Path) -> None:
    """Turn a catalog into one of the layout before: parts that count, no checksums, a manifest in JSON."""
    for path in list(root.glob("*/*/_instrument.parquet")):
        document = json.loads((read_note(path, "tradecore.manifest") or "").partition(" ")[2])
        folder = root / "TEST" / "BTCUSDT"
        for number, part in enumerate(document["parts"]):
            del part["checksums"]
            source, part["path"] = part["path"], f"{part['path'][:10]}/{number:04}.parquet"
            (folder / part["path"]).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / source).rename(folder / part["path"])
        del document["months"]
        (folder / "instrument.json").write_text(json.dumps({**document, "version": 1}))
        shutil.rmtree(path.parents[1])


class Killed(BaseException):
    """The process is no more: from here on nothing it does has an effect."""


STEPS = ("make_folder", "move", "remove", "sync", "write")


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """End the process, as far as the disk is concerned, before a step."""
    left, dead = itertools.count(step, -1), [False]
    originals = {name: getattr(disk, name) for name in STEPS}

    def stepping(name: str) -> Callable[..., None]:
        def run(path: Path, *more: Any) -> None:
            dead[0] |= next(left) <= 0
            if dead[0]:
                if name == "write" and not path.exists():  # it was at it
                    path.write_bytes(more[0][: len(more[0]) // 2])
                raise Killed
            originals[name](path, *more)

        return run

    def unless_dead(call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: None if dead[0] else call(*args, **options)

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(disk, name, stepping(name))
        patch.setattr(commit, "remove_empty", unless_dead(commit.remove_empty))
        patch.setattr(shutil, "rmtree", unless_dead(shutil.rmtree))
        yield dead


def ends(scenario: tuple[Path, Scenario], tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the catalog holds before, and after, where nothing goes wrong."""
    start, act = scenario
    shutil.copytree(start, tmp_path / "new")
    act(tmp_path / "new")
    before, after = contents(start), contents(tmp_path / "new")
    assert before != after
    assert not leftovers(tmp_path / "new")
    return before, after


def test_whatever_step_a_process_is_killed_at_the_catalog_is_old_or_new(
    scenario: tuple[Path, Scenario], tmp_path: Path, instrument: tc.Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, act = scenario
    before, after = ends(scenario, tmp_path)
    seen = []
    for step in itertools.count():
        root = tmp_path / str(step)
        shutil.copytree(start, root)
        with killed_at(step, monkeypatch) as dead, suppress(Killed):
            act(root)
        found = contents(root)
        assert found in (before, after), step
        seen.append(found == after)
        # The next one that writes, whatever it writes, leaves nothing of it behind.
        write(root, instrument, 300)
        assert not leftovers(root), step
        found = contents(root)
        rows = [row for row in found[NAME] if row[0] < AUGUST + 300 * DAY]
        assert rows == (after if seen[-1] else before).get(NAME, []), step
        assert pl.read_parquet(root).height == len(found[NAME])
        shutil.rmtree(root)
        if not dead[0]:
            break
    assert seen == sorted(seen), "from one step on it is the new one"
    assert len(seen) > 10


class Power:
    """A disk that holds, once the power is gone, what was synced and nothing else."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: dict[Path, dict[str, int]] = {}
        self.files: dict[int, bytes] = {}
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
            self._sync_folder(folder)
        for path in root.rglob("*"):
            if path.is_file():
                self.files[path.stat().st_ino] = path.read_bytes()

    def _sync_folder(self, folder: Path) -> None:
        self.folders[folder] = {path.name: 0 if path.is_dir() else path.stat().st_ino for path in folder.iterdir()}

    def sync(self, path: Path) -> None:
        if path.is_dir():
            self._sync_folder(path)
        else:
            self.files[path.stat().st_ino] = path.read_bytes()

    def image(self, folder: Path, target: Path) -> None:
        """Write what is left of a folder."""
        target.mkdir()
        for name, inode in self.folders.get(folder, {}).items():
            if inode:
                (target / name).write_bytes(self.files.get(inode, b""))
            else:
                self.image(folder / name, target / name)


def test_whatever_step_the_power_is_lost_at_the_catalog_is_old_or_new(
    scenario: tuple[Path, Scenario], tmp_path: Path, instrument: tc.Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, act = scenario
    before, after = ends(scenario, tmp_path)
    seen = []
    for step in itertools.count():
        root = tmp_path / str(step)
        shutil.copytree(start, root)
        power = Power(root)

        def sync(path: Path, power: Power = power, original: Callable[[Path], None] = disk.sync) -> None:
            original(path)
            power.sync(path)

        with monkeypatch.context() as patch:
            patch.setattr(disk, "sync", sync)
            with killed_at(step, monkeypatch) as dead, suppress(Killed):
                act(root)
        power.image(root, tmp_path / f"image{step}")
        found = contents(tmp_path / f"image{step}")
        assert found in (before, after), step
        seen.append(found == after)
        write(tmp_path / f"image{step}", instrument, 300)
        assert not leftovers(tmp_path / f"image{step}")
        if not dead[0]:
            break
    assert seen[-1]
    assert seen == sorted(seen)


def test_a_process_that_is_really_killed_leaves_the_old_or_the_new(tmp_path: Path, instrument: tc.Instrument) -> None:
    """As the walk above, with a real process and its locks."""
    write(tmp_path / "cat", instrument, 0, 1)
    code = """
        import os, sys, itertools
        from pathlib import Path
        sys.path.insert(0, sys.argv[3])
        from faults.test_catalog import write, disk, STEPS
        import tradecore as tc
        left = itertools.count(int(sys.argv[2]), -1)
        def dying(call):
            def run(*args):
                if next(left) <= 0:
                    os._exit(9)
                call(*args)
            return run
        for name in STEPS:
            setattr(disk, name, dying(getattr(disk, name)))
        root = Path(sys.argv[1])
        write(root, tc.Catalog(root).instrument("BTCUSDT.TEST"), 1, 2, price=100, replace=True)
    """
    old = contents(tmp_path / "cat")[NAME]
    running = []
    for step in (0, 4, 9, 12, 16, 99):
        root = tmp_path / str(step)
        shutil.copytree(tmp_path / "cat", root)
        words = [sys.executable, "-c", textwrap.dedent(code), str(root), str(step), str(Path(__file__).parents[1])]
        running.append((root, subprocess.Popen(words)))
        if len(running) % 2 == 0:
            [process.wait() for _, process in running]
    codes = [process.wait() for _, process in running]
    assert (codes[0], codes[-1]) == (9, 0)
    found = [contents(root)[NAME] for root, _ in running]
    new = found[-1]
    assert new != old
    assert all(rows in (old, new) for rows in found)
    for root, _ in running:
        write(root, instrument, 5)
        assert not leftovers(root)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_import_that_is_told_to_end_leaves_the_catalog_as_it_was(
    tmp_path: Path, instrument: tc.Instrument, number: signal.Signals
) -> None:
    write(tmp_path / "cat", instrument, 0)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cat").rglob("*")}
    words = ["data", "synth", "--catalog", str(tmp_path / "cat"), "--events", str(10**9)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tradecore", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list((tmp_path / "cat").glob(".staging-*/*")):
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    _, told = process.communicate(timeout=100)
    assert (process.returncode, told.strip()) == (130, "interrupted")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cat").rglob("*")} == before


# --- beside one another -------------------------------------------------------------------------------------------


def test_two_that_write_different_days_both_get_their_way(tmp_path: Path, instrument: tc.Instrument) -> None:
    """In two processes, and in one: both began before either ended."""
    catalog = tc.Catalog(tmp_path / "one")
    with catalog.writer(instrument) as first, catalog.writer(instrument) as second:
        first.write(columns([(AUGUST, SET, 1, LAST, 5, 5)]))
        second.write(columns([(AUGUST + 40 * DAY, SET, 1, LAST, 5, 5)]))
    assert [part.day for part in catalog.parts(NAME)] == ["2024-08-01", "2024-09-10"]
    code = """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[3])
        from faults.test_catalog import write
        import tradecore as tc
        root = Path(sys.argv[1])
        instrument = tc.Catalog(root.parent / "one").instrument("BTCUSDT.TEST")
        for day in range(int(sys.argv[2]), 30, 2):
            write(root, instrument, day)
    """
    words = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "two")]
    both = [subprocess.Popen([*words, str(start), str(Path(__file__).parents[1])]) for start in (0, 1)]
    assert [process.wait() for process in both] == [0, 0]
    assert len({part.day for part in tc.Catalog(tmp_path / "two").parts(NAME)}) == 30
    assert not leftovers(tmp_path / "two")


def test_of_two_that_write_the_same_day_the_second_is_refused(tmp_path: Path, instrument: tc.Instrument) -> None:
    catalog = tc.Catalog(tmp_path)
    rows = [(AUGUST + at, SET, 1, LAST, 5, 5) for at in range(3)]
    other = tc.instruments.instrument_from_dict({**instrument.to_dict(), "contract_size": "7"})

    def both(late: Any, first: tc.Instrument, *, replace: bool) -> None:
        """Begin, let another one write the whole of it, and end."""
        with catalog.writer(instrument) as second:
            second.write(columns(late))
            with catalog.writer(first, replace=replace) as begun:
                begun.write(columns(rows))

    with pytest.raises(OverlapError, match=r"already holds events of BTCUSDT\.TEST at that time"):
        both(rows[1:2], instrument, replace=False)
    with pytest.raises(CatalogError, match="another specification"):
        both([(AUGUST + DAY, SET, 1, LAST, 5, 5)], other, replace=True)
    assert catalog.instrument(NAME) == other
    assert [part.rows for part in catalog.parts(NAME)] == [3]
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("moment", ["staging", "commit"])
def test_of_two_that_bring_a_catalog_to_the_present_layout_neither_loses_what_the_other_wrote(
    tmp_path: Path, instrument: tc.Instrument, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    write(tmp_path, instrument, 0, 1)
    age(tmp_path)
    found = layout.find_manifest(tmp_path, NAME)
    original = getattr(commit, moment)

    def late(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(commit, moment, original)
        write(tmp_path, instrument, 0, price=500, replace=True)
        return original(*args, **options)

    monkeypatch.setattr(commit, moment, late)
    write(tmp_path, instrument, 5)
    prices = [row[5] for row in contents(tmp_path)[NAME]]
    assert prices == [500, 501, 502] * 2 + [10, 11, 12] * 4
    assert not leftovers(tmp_path)
    # Who had found it before reads it where it is now.
    assert found is not None
    assert manifest.read_manifest(tmp_path, found).parts() == tc.Catalog(tmp_path).parts(NAME)


@pytest.mark.parametrize("damage", ["cut", "lose"])
def test_a_damaged_part_of_before_is_named_where_it_lies(
    tmp_path: Path, instrument: tc.Instrument, damage: str
) -> None:
    write(tmp_path, instrument, 0, 1)
    age(tmp_path)
    part = tmp_path / "TEST" / "BTCUSDT" / "2024-08-01" / "0000.parquet"
    whole = part.read_bytes()
    part.unlink()
    if damage == "cut":
        part.write_bytes(whole[:-50])
    tc.synthesize(tmp_path, events=1_000)  # another instrument is none the worse
    for days, replace in (((5,), False), ((0,), True), ((1,), True)):
        with pytest.raises(CatalogError) as caught:
            write(tmp_path, instrument, *days, replace=replace)
        assert caught.value.path == str(part)
    write(tmp_path, instrument, 0, 1, price=100, replace=True)
    assert [row[5] for row in contents(tmp_path)[NAME]] == [100, 101, 102] * 4


def test_who_holds_an_instrument_for_long_is_named(
    tmp_path: Path, instrument: tc.Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, instrument, 0)
    code = """
        import sys, time
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        from faults.test_catalog import write, disk
        import tradecore as tc
        def hang(*_):
            print("holding", flush=True)
            time.sleep(60)
        root = Path(sys.argv[1])
        disk.move = hang
        write(root, tc.Catalog(root).instrument("BTCUSDT.TEST"), 1)
    """
    words = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(Path(__file__).parents[1])]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        monkeypatch.setattr(commit, "_PATIENCE_S", 0.05)
        with pytest.raises(CatalogError, match=rf"is being changed by process {process.pid} on .* try again") as caught:
            write(tmp_path, instrument, 2)
        assert caught.value.path == str(layout.folder_of(tmp_path, NAME))
    finally:
        process.kill()
        process.communicate()
    # The lock died with it.
    write(tmp_path, instrument, 2)
    assert [part.day for part in tc.Catalog(tmp_path).parts(NAME)] == ["2024-08-01"] * 2 + ["2024-08-03"] * 2
    assert not leftovers(tmp_path)


def test_who_began_to_read_goes_on_with_what_was_there(tmp_path: Path, instrument: tc.Instrument) -> None:
    write(tmp_path, instrument, 0, 1, 40, 80)
    catalog = tc.Catalog(tmp_path)
    before = contents(tmp_path)[NAME]
    held = catalog.manifest(NAME)
    stream = catalog.stream(NAME, with_ids=True)
    write(tmp_path, instrument, 0, 1, 40, 80, price=100, replace=True)
    write(tmp_path, instrument, 0, 1, 40, 80, price=200, replace=True)
    late = catalog.stream(NAME, with_ids=True)
    for reading in (stream, held.stream(held.parts(), kinds=tc.EventKind, with_ids=True)):
        rows = [row for piece in reading for row in zip(*(piece[name].tolist() for name in COLUMNS), strict=True)]
        assert rows == before
    assert next(price for piece in late for price in piece["price"].tolist()) == 200
    assert list(tmp_path.glob(".retired"))
    del held, stream, late, reading
    assert not leftovers(tmp_path)
    assert not list(tmp_path.glob(".retired"))


def test_runs_beside_a_replace_are_those_of_the_old_or_the_new(tmp_path: Path) -> None:
    digests = set()
    for seed in (1, 2):
        tc.synthesize(tmp_path / "cat", events=20_000, seed=seed, replace=True)
        digests.add(run(tmp_path / "cat"))
    assert len(digests) == 2
    code = """
        import sys
        import tradecore as tc
        for seed in range(60):
            tc.synthesize(sys.argv[1], events=20_000, seed=1 + seed % 2, replace=True)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "cat")])
    runs = 0
    while process.poll() is None:
        assert run(tmp_path / "cat") in digests
        runs += 1
    assert process.returncode == 0
    assert runs > 10
    assert not leftovers(tmp_path / "cat")


def run(root: Path) -> str:
    maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.1", max_position="1")
    return tc.Backtest([maker], root).run().digest


# --- damage -------------------------------------------------------------------------------------------------------


def test_no_flipped_bit_of_a_catalog_is_read_as_other_data(tmp_path: Path, instrument: tc.Instrument) -> None:
    """Wherever it is: an error that names the file, or, where nobody looks, what was there."""
    write(tmp_path, instrument, 0, 40)
    before = contents(tmp_path)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        named = 0
        for at in range(0, len(whole), 7):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << at % 8
            path.write_bytes(damaged)
            try:
                found, told = contents(tmp_path), None
            except CatalogError as error:
                found, told = None, error.path
                named += 1
            assert (found, told) in ((before, None), (None, str(path)))
        path.write_bytes(whole)
        assert named > len(whole) / 7 / 3, path
    assert contents(tmp_path) == before


@pytest.mark.parametrize("damage", ["flip", "cut", "lose", "empty"])
def test_check_names_every_damaged_file(
    tmp_path: Path, instrument: tc.Instrument, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, instrument, 0, 40, 80)
    assert main(["data", "check", str(tmp_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    sizes = [path.stat().st_size for path in tmp_path.rglob("*/2024-*/*.parquet")]
    assert report == {
        "ok": True,
        "problems": [],
        "instruments": 1,
        "parts": 6,
        "rows": 18,
        "bytes": sum(sizes),
        "without_checksums": 0,
    }
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        match damage:
            case "flip":
                middle = whole.rfind(b'"rows":') + 7 if path.name.startswith("_") else len(whole) // 2
                path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
            case "cut":
                path.write_bytes(whole[:-1])
            case "lose":
                path.unlink()
            case "empty":
                path.write_bytes(b"")
        if damage == "lose" and path.name == "_instrument.parquet":
            path.write_bytes(whole)
            continue
        assert main(["data", "check", str(tmp_path), "--json"]) == 1
        problems = json.loads(capsys.readouterr().out)["problems"]
        assert problems[0].startswith(f"{path}: ")
        path.write_bytes(whole)
    assert main(["data", "check", str(tmp_path)]) == 0


def test_check_names_what_no_manifest_lists(tmp_path: Path, instrument: tc.Instrument) -> None:
    write(tmp_path, instrument, 0)
    (part, _) = tmp_path.rglob("*/2024-*/*.parquet")
    shutil.copy(part, part.with_name("mine.parquet"))
    from tradecore.data.check import check_catalog

    report = check_catalog(tmp_path)
    assert report["problems"] == [
        f"{part.with_name('mine.parquet')}: no manifest lists it, so nothing of it is read; who reads the whole folder "
        "would"
    ]
    age(tmp_path)
    assert check_catalog(tmp_path)["without_checksums"] == 2
    write(tmp_path, instrument, 5)
    assert check_catalog(tmp_path)["without_checksums"] == 0


# --- many days, and any name --------------------------------------------------------------------------------------


def test_adding_a_day_costs_the_same_however_many_there_are(
    tmp_path: Path, instrument: tc.Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, written = [0], [0]
    part, write_file = manifest._part, disk.write

    def reading(*args: Any) -> manifest.Part:
        read[0] += 1
        return part(*args)

    def writing(path: Path, data: bytes) -> None:
        written[0] += len(data)
        write_file(path, data)

    monkeypatch.setattr(manifest, "_part", reading)
    monkeypatch.setattr(disk, "write", writing)
    costs = []
    for day in range(150):
        read[0] = written[0] = 0
        with tc.Catalog(tmp_path).writer(instrument) as writer:
            writer.write(columns([(AUGUST + day * DAY, SET, 1, LAST, 5, 5)]))
        costs.append((read[0], written[0]))
    parts, sizes = zip(*costs, strict=True)
    assert max(parts[100:]) <= max(parts[:100]) < 100
    # One line more for every month.
    assert max(sizes[100:]) - max(sizes[31:62]) < 3 * 200
    held = tc.Catalog(tmp_path).parts(NAME)
    assert [one.day for one in held] == sorted({one.day for one in held})
    assert len(held) == 150
    assert pl.read_parquet(tmp_path).height == 150


@pytest.mark.parametrize(
    "symbol",
    ["..", ".", "A.B", "../../up", "/etc", "C:\\x", "CON", "NUL.", "ключ", "東京", "é", "a*?|<>\":", "%2E", "~", "A.",
     "x" * 123, "界" * 123],
)  # fmt: skip
def test_instruments_of_any_name_stay_in_their_folder_and_are_listed(tmp_path: Path, symbol: str) -> None:
    root = tmp_path / "deep" / "cat"
    spec = tc.Instrument(f"{symbol}.TEST", kind="spot", base="A", quote="B", price_increment="0.1", qty_increment="0.1")
    write(root, spec, 0)
    tc.synthesize(root, events=1_000)
    catalog = tc.Catalog(root)
    assert set(catalog.instruments()) == {spec.id, "BTCUSDT.SYNTH"}
    assert catalog.instrument(spec.id) == spec
    assert catalog.scan(spec.id).collect().height == 6
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["cat"]
    assert sorted(path.name for path in root.iterdir()) == ["venue=SYNTH", "venue=TEST"]
    write(root, spec, 1)
    assert len(catalog.parts(spec.id)) == 4


def test_what_is_asked_for_is_looked_for_in_the_catalog_only(tmp_path: Path, instrument: tc.Instrument) -> None:
    write(tmp_path / "cat", instrument, 0)
    age(tmp_path / "cat")
    (tmp_path / "other" / "BTCUSDT").mkdir(parents=True)
    manifest_file = tmp_path / "cat" / "TEST" / "BTCUSDT" / "instrument.json"
    shutil.copy(manifest_file, tmp_path / "other" / "BTCUSDT")
    for name in (
        f"BTCUSDT.{tmp_path}/other",
        "BTCUSDT...",
        "BTCUSDT.",
        "x.\0",
        "\ud800.TEST",
        "x.\udcff",
        "\udcff" * 99,
    ):
        with pytest.raises(tc.TradecoreError):
            tc.Catalog(tmp_path / "cat").parts(name)


def test_a_folder_that_another_instrument_took_is_not_written_over(tmp_path: Path, instrument: tc.Instrument) -> None:
    """As where a file system does not tell capitals from small letters."""
    write(tmp_path, instrument, 0)
    other = tc.instruments.instrument_from_dict({**instrument.to_dict(), "id": "BTCUSDt.TEST"})
    taken = layout.folder_of(tmp_path, NAME)
    taken.rename(layout.folder_of(tmp_path, other.id))
    with pytest.raises(CatalogError, match=r"holds BTCUSDT\.TEST, whose folder has the name of BTCUSDt\.TEST"):
        write(tmp_path, other, 1)
    with pytest.raises(tc.TradecoreError):
        tc.Catalog(tmp_path).parts(other.id)


def test_a_staging_folder_is_swept_whatever_process_had_its_number(tmp_path: Path, instrument: tc.Instrument) -> None:
    """In a container every import has the same number."""
    for name in (f".staging-{os.getpid()}-0", ".staging-x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.part").write_bytes(b"half")
    (tmp_path / ".staging-x" / "plan.json").write_bytes(orjson.dumps({"instrument": NAME})[:-3])
    write(tmp_path, instrument, 0)
    assert not leftovers(tmp_path)


def test_a_pinned_catalog_is_read_as_it_was_in_any_process(tmp_path: Path, instrument: tc.Instrument) -> None:
    write(tmp_path, instrument, 0, 40)
    before = contents(tmp_path)[NAME]
    pinned = tc.Catalog(tmp_path).pinned(NAME)
    write(tmp_path, instrument, 0, 40, price=100, replace=True)
    assert contents(tmp_path)[NAME] != before
    code = (
        "import pickle, sys; print([*map(list, pickle.load(sys.stdin.buffer).scan('BTCUSDT.TEST').collect().rows())])"
    )
    sent = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(pinned), capture_output=True, check=True)
    assert json.loads(sent.stdout) == list(map(list, before))
    assert pinned.scan(NAME).collect().rows() == before
    del pinned
    assert not leftovers(tmp_path)


def test_a_view_goes_on_with_what_was_there(tmp_path: Path, instrument: tc.Instrument) -> None:
    write(tmp_path, instrument, 0, 1, price=100)
    held = tc.Catalog(tmp_path).manifest(NAME)
    write(tmp_path, instrument, 0, 1, price=200, replace=True)
    assert views.events(lambda: held, views.Span()).collect()["price"].to_list() == [100, 101, 102] * 4


def test_polars_is_not_asked_to_read_what_nobody_vouches_for(tmp_path: Path, instrument: tc.Instrument) -> None:
    """Of a part without checksums: its schema for Arrow makes polars panic, and says nothing that is needed."""
    write(tmp_path, instrument, 0)
    before = contents(tmp_path)
    age(tmp_path)
    part = min((tmp_path / "TEST").rglob("*.parquet"))
    pl.read_parquet(part).write_parquet(part, metadata={"ARROW:schema": "none"})
    assert contents(tmp_path) == before


def test_a_folder_that_was_copied_is_no_data_of_its_own(tmp_path: Path, instrument: tc.Instrument) -> None:
    write(tmp_path, instrument, 0)
    folder = layout.folder_of(tmp_path, NAME)
    shutil.copytree(folder, folder.with_name("symbol=COPY"))
    assert main(["data", "check", str(tmp_path), "--quiet"]) == 1


def test_a_linked_folder_is_locked_as_the_one_it_is(tmp_path: Path, instrument: tc.Instrument) -> None:
    write(tmp_path / "real", instrument, 0)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "venue=TEST").symlink_to(tmp_path / "real" / "venue=TEST", target_is_directory=True)
    held = tc.Catalog(tmp_path / "cat").manifest(NAME)
    write(tmp_path / "cat", instrument, 0, 1, price=100, replace=True)
    assert views.events(lambda: held, views.Span()).collect()["price"].max() == 12
    assert len(tc.Catalog(tmp_path / "real").parts(NAME)) == 4
