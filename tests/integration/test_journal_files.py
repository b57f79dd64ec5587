"""Journals as files: what is written is read, what is torn is cut, what is damaged is said with its place."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tradecore._core import record_head
from tradecore.errors import InvalidValueError, JournalError, JournalFullError
from tradecore.live import journal as journals
from tradecore.live import segments
from tradecore.live.journal import JournalReader, JournalWriter, RecordKind, session_to_resume

HEADER = {"session": "s1"}
MIB = 1 << 20


def write(folder: Path, *entries: bytes, **options: Any) -> None:
    with JournalWriter(folder, HEADER, **options) as journal:
        for entry in entries:
            journal.entries(entry)


def read(folder: Path) -> list[bytes]:
    """What was written, by both ways to read it."""
    entries = [record.data for record in JournalReader(folder) if record.kind is RecordKind.ENTRIES]
    assert JournalReader(folder).entries() == b"".join(entries)
    return entries


def assert_wrong(folder: Path, match: str) -> None:
    """Both ways to read it say the same is wrong."""
    for records in (iter(JournalReader(folder)), JournalReader(folder).gathered()):
        with pytest.raises(JournalError, match=match):
            list(records)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, HEADER) as journal:
        journal.entries(b"one")
        journal.frame(17, "BINANCE", b'{"e":"trade"}')
        journal.state(b"saved")
        journal.entries(b"")  # nothing
    reader = JournalReader(tmp_path)
    assert reader.header == {"session": "s1", "version": 1}
    records = list(reader)
    assert [record.kind for record in records] == [1, 2, 3, 4]
    assert records[2].frame() == (17, "BINANCE", b'{"e":"trade"}')
    assert records[3].data == b"saved"
    assert reader.entries() == b"one"


def test_a_journal_goes_on_where_it_ended(tmp_path: Path) -> None:
    write(tmp_path, b"one")
    write(tmp_path, b"two")
    assert read(tmp_path) == [b"one", b"two"]


def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, HEADER) as journal:
        journal.entries(b"one")
        assert read(tmp_path) == []  # gathered, not yet handed over
        journal.flush()
        assert read(tmp_path) == [b"one"]
        assert (tmp_path / "000001.tcj").stat().st_size == journals.SEGMENT_BYTES


def test_only_one_process_writes(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, HEADER), pytest.raises(JournalError, match="another process writes"):
        JournalWriter(tmp_path, HEADER)
    write(tmp_path, b"free again")


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 12])
def test_a_torn_tail_is_cut_at_the_last_whole_record(tmp_path: Path, cut: int) -> None:
    write(tmp_path, b"one", b"twotwo")
    path = tmp_path / "000001.tcj"
    whole = path.read_bytes()
    for allocated in (b"", bytes(5_000)):
        path.write_bytes(whole[:-cut] + allocated)
        assert read(tmp_path) == [b"one"]
    write(tmp_path, b"three")
    assert read(tmp_path) == [b"one", b"three"]


def test_every_cut_of_a_journal_is_a_journal(tmp_path: Path) -> None:
    write(tmp_path, b"one", b"two", b"three")
    path = tmp_path / "000001.tcj"
    whole = path.read_bytes()
    first = len(whole) - sum(9 + len(entry) for entry in (b"one", b"two", b"three"))
    ends = [first, first + 12, first + 24, len(whole)]
    for cut in range(first, len(whole) + 1):
        path.write_bytes(whole[:cut])
        assert len(read(tmp_path)) == sum(end <= cut for end in ends) - 1


def test_damage_elsewhere_is_said_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, b"one", b"two", b"three")
    path = tmp_path / "000001.tcj"
    whole = bytearray(path.read_bytes())
    at = whole.index(b"two")
    whole[at] ^= 1
    path.write_bytes(whole)
    assert_wrong(tmp_path, rf"000001\.tcj, byte {at - 9}: is damaged")
    with pytest.raises(JournalError, match="is damaged"):
        JournalWriter(tmp_path, HEADER)


def test_segments_are_rotated_and_compressed(tmp_path: Path) -> None:
    entries = [os.urandom(50_000) for _ in range(60)]
    write(tmp_path, *entries, segment_bytes=MIB)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[0] == "000001.tcj.gz"
    assert names[-1].endswith(".tcj")
    assert len(names) == 5
    assert read(tmp_path) == entries
    write(tmp_path, b"more", segment_bytes=MIB)
    assert read(tmp_path) == [*entries, b"more"]


def test_states_and_what_is_behind_them_are_found_in_any_segment(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, HEADER, segment_bytes=MIB) as journal:
        for number in range(40):
            journal.entries(bytes([number]) * 60_000)
            journal.frame(number, "BINANCE", b"{}")
            if number % 15 == 14:
                journal.state(bytes([number]))
    assert len(list(tmp_path.iterdir())) == 4
    reader = JournalReader(tmp_path)
    states = list(reader.states())
    assert [state.data[0] for state in states] == [29, 14]
    for state in states:
        behind = b"".join(reader.pieces(state))
        assert sorted(set(behind)) == list(range(state.data[0] + 1, 40))
        assert len(behind) == 60_000 * (39 - state.data[0])
    assert b"".join(reader.pieces()) == reader.entries()
    (tmp_path / "000002.tcj.gz").write_bytes(b"")
    with pytest.raises(JournalError, match="cannot be read"):
        list(reader.pieces())
    assert [state.data[0] for state in reader.states()] == [29]


def test_a_missing_segment_and_a_torn_one_that_is_not_the_last_are_damage(tmp_path: Path) -> None:
    write(tmp_path, *(bytes([1]) * 60_000 for _ in range(60)), segment_bytes=MIB)
    (tmp_path / "000002.tcj.gz").rename(tmp_path / "kept")
    assert_wrong(tmp_path, "segment 000002 is missing")
    (tmp_path / "000002.tcj").write_bytes(b"")
    (tmp_path / "kept").rename(tmp_path / "000002.tcj.gz")
    packed = (tmp_path / "000002.tcj.gz").read_bytes()
    (tmp_path / "000002.tcj").unlink()
    (tmp_path / "000002.tcj.gz").write_bytes(packed[:-100])
    assert_wrong(tmp_path, r"000002\.tcj\.gz: cannot be read")


@pytest.mark.parametrize("block", [1, 30, 1 << 19])
def test_what_stands_together_is_gathered_however_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(segments, "_BLOCK", block)
    with JournalWriter(tmp_path, HEADER) as journal:
        for number in range(6):
            journal.entries(b"%d" % number)
            journal.frame(number, "BINANCE", b"{}")
        journal.end({"digest": "d"})
        journal.entries(b"6")
        journal.entries(b"7")
    records = list(JournalReader(tmp_path).gathered())
    told = [(record.kind, record.data) for record in records if record.kind is not RecordKind.ENTRIES]
    assert told == [(RecordKind.END, b'{"digest":"d"}')]
    at = [record.kind for record in records].index(RecordKind.END)
    assert b"".join(record.data for record in records[:at]) == b"012345"
    assert b"".join(record.data for record in records[at + 1 :]) == b"67"
    assert block < 1 << 19 or [len(record.data) for record in records] == [6, 14, 2]


def test_a_record_of_a_later_version_is_refused_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, b"one")
    path = tmp_path / "000001.tcj"
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(record_head(99, b"new")) + b"new")
    assert_wrong(tmp_path, rf"000001\.tcj, byte {len(whole)}: is of a later version: there is no record of kind 99")


def test_a_full_disk_leaves_room_for_cancels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_BUFFER_BYTES", 2 * MIB)
    journal = JournalWriter(tmp_path, HEADER, segment_bytes=MIB)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journals, "_allocate", full)
    journal.entries(bytes(800 << 10))
    with pytest.raises(JournalFullError, match=r"000002\.tcj: no room"):
        journal.flush()
    journal.entries(b"cancel everything")
    journal.flush_reserved()
    journal.close()
    assert read(tmp_path)[-1] == b"cancel everything"
    assert [path.name for path in tmp_path.iterdir()] == ["000001.tcj"]


@pytest.mark.parametrize(
    ("options", "match"), [({"durability": "memory"}, "durability"), ({"segment_bytes": 10}, "segment_bytes")]
)
def test_bad_settings_are_named(tmp_path: Path, options: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidValueError, match=match):
        JournalWriter(tmp_path, HEADER, **options)


def test_a_folder_without_a_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="holds no journal"):
        JournalReader(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="file: is a file: a journal is the folder"):
        JournalReader(tmp_path / "file")
    with pytest.raises(JournalError, match="no such folder"):
        JournalReader(tmp_path / "nowhere")
    for name in ("s2", "s1"):
        write(tmp_path / name, b"one")
    with pytest.raises(JournalError, match="folders of sessions: name one of s1, s2"):
        JournalReader(tmp_path)
    with pytest.raises(JournalError, match=r"below: cannot be made: .*; mode\.journal \(--journal\) names"):
        JournalWriter(tmp_path / "file" / "below", HEADER)


def test_a_journal_without_its_begin_is_no_whole_one(tmp_path: Path) -> None:
    write(tmp_path, b"one")
    first = tmp_path / "000001.tcj"
    first.rename(tmp_path / "000002.tcj")
    with pytest.raises(JournalError, match=r"000002\.tcj: segment 000001 is missing before it"):
        list(JournalReader(tmp_path))
    (tmp_path / "000002.tcj").write_bytes(b"no journal at all")
    with pytest.raises(JournalError, match="does not begin with a whole record"):
        JournalReader(tmp_path)


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    write(tmp_path, b"one")
    path = tmp_path / "000001.tcj"
    with JournalWriter(tmp_path / "later", {"version": 2}) as journal:
        journal.flush()
    path.write_bytes((tmp_path / "later" / "000001.tcj").read_bytes())
    with pytest.raises(JournalError, match="version 2, known is 1"):
        JournalReader(tmp_path)


def test_a_journal_that_was_cut_off_before_its_header_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(writer: JournalWriter) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(JournalWriter, "_head", die)
        with pytest.raises(Killed):
            JournalWriter(tmp_path / "s1", HEADER)
    assert any((tmp_path / "s1").glob("000001*"))
    assert session_to_resume(tmp_path) is None
    write(tmp_path / "s1", b"one")
    assert read(tmp_path / "s1") == [b"one"]


def test_what_was_flushed_outlives_kill_9(tmp_path: Path) -> None:
    code = f"""
        import os, signal
        from tradecore.live.journal import JournalWriter
        journal = JournalWriter({str(tmp_path)!r}, {{"session": "s1"}})
        journal.entries(b"one")
        journal.flush()
        journal.entries(b"gathered only")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert read(tmp_path) == [b"one"]
    write(tmp_path, b"two", durability="power")
    assert read(tmp_path) == [b"one", b"two"]
