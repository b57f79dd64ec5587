"""Files as venues and vendors hand them out: packed, in official dumps, in columns of any name."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import tradecore as tc
from tradecore.data.check import check_files
from tradecore.errors import DataError

USDM = "BTCUSDT.BINANCE_USDM"
START = 1_723_075_200_000
"""2024-08-08 in ms."""


# --- packed files -------------------------------------------------------------------------------------------------


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return buffer.getvalue()


def zstd(text: bytes) -> bytes:
    """A frame of stored blocks, as no library of Python's own makes one."""
    pieces = [text[at : at + 100_000] for at in range(0, len(text), 100_000)]
    blocks = [
        (len(piece) << 3 | (number == len(pieces))).to_bytes(3, "little") + piece
        for number, piece in enumerate(pieces, start=1)
    ]
    return b"\x28\xb5\x2f\xfd\xa0" + len(text).to_bytes(4, "little") + b"".join(blocks)


PACKS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zip": lambda text: zipped(("inside.csv", text)),
    "zst": zstd,
    "xz": lzma.compress,
    "gz.zip": lambda text: zipped(("inside.csv.gz", gzip.compress(text))),
}


def tardis_trades(rows: int, first: int = 0) -> bytes:
    lines = ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"]
    for i in range(first, first + rows):
        at = START * 1_000 + i * 1_000
        lines.append(f"binance-futures,BTCUSDT,{at},{at + 700},{i + 1},{'buy' if i % 2 else 'sell'},60000.{i % 10},0.5")
    return ("\n".join(lines) + "\n").encode()


def capture(rows: int) -> bytes:
    frames = (
        f'{START}000700 {{"e":"trade","E":{START},"T":{START},"s":"BTCUSDT","t":{i},"p":"60000.1","q":"0.5",'
        f'"X":"MARKET","m":true}}\n'
        for i in range(1, rows + 1)
    )
    return "".join(frames).encode()


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("name", ["trades.csv", "trades.csv.gz", "trades.bin"])
def test_what_a_file_is_packed_with_is_told_by_its_bytes(tmp_path: Path, pack: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PACKS[pack](tardis_trades(7)))
    assert check_files(path)["trades"] == 7
    assert tc.import_tardis(path, USDM, tmp_path / "market")["trades"] == 7
    path.write_bytes(PACKS[pack](capture(5)))
    assert check_files(path)["trades"] == 5
    assert tc.import_binance_ws(path, USDM, tmp_path / "captured")["trades"] == 5


def test_each_member_of_an_archive_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "days.zip"
    path.write_bytes(
        zipped(
            ("a/trades-1.csv", tardis_trades(4)),
            ("a/trades-2.csv.gz", gzip.compress(tardis_trades(3, first=4))),
            ("README.md", b"words"),
            ("__MACOSX/a/._trades-1.csv", b"\0\5\26\7"),
        )
    )
    assert tc.import_tardis(path, USDM, tmp_path / "market")["trades"] == 7


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (zipped(), "the zip archive holds no file"),
        (
            zipped(("a.png", b"1"), ("b.pdf", b"2")),
            "no member of the zip archive is a table or a recording: a.png, b.pdf",
        ),
        (zipped(("a.csv", tardis_trades(900)))[:4_000], "the zip archive is cut off or damaged: "),
        (gzip.compress(tardis_trades(900))[:4_000], "the gzip stream is cut off"),
        (lzma.compress(tardis_trades(900))[:900], "the xz stream is cut off"),
        (zstd(tardis_trades(9_000))[:200_000], "the zstd stream is cut off"),
        (zipped(("a.zip", zipped(("a.csv", tardis_trades(1))))), "a zip archive inside of another stream is not read"),
        (gzip.compress(b"")[:6], "the gzip stream is cut off"),
        (b"", "the file is empty"),
        (gzip.compress(b""), "the file is empty"),
    ],
)
def test_what_is_cut_or_damaged_is_an_error_at_its_place(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "trades.csv.gz"
    path.write_bytes(content)
    for read in (check_files, lambda path: tc.import_tardis(path, USDM, tmp_path / "market")):
        with pytest.raises(DataError, match=problem) as caught:
            read(path)
        assert caught.value.source.startswith(str(path))
        assert caught.value.line >= 1
    assert not (tmp_path / "market").exists() or tc.Catalog(tmp_path / "market").instruments() == ()


def test_the_line_where_a_stream_breaks_is_named(tmp_path: Path) -> None:
    text = tardis_trades(20_000)
    path = tmp_path / "trades.csv"
    path.write_bytes(zstd(text)[:500_000])
    with pytest.raises(DataError, match="cut off") as caught:
        tc.import_tardis(path, USDM, tmp_path / "market")
    assert 5_000 < caught.value.line < 20_000
