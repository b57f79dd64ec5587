"""What people and disks may hand the Python side: every outcome is a value or an error of ours that names a place.

Inputs are mutated with a fixed seed. One that fails is cut as long as it fails the same way and written to
``regressions/NAME/HASH`` beside this file, where it is tried from then on. ``FUZZ_ROUNDS=100 FUZZ_SEED=2`` tries more.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from conftest import ROOT
from tradecore._core import checksum
from tradecore.cli.app import main
from tradecore.config.loader import load_config
from tradecore.errors import ConfigError, DataError, InstrumentError, InvalidValueError, TradecoreError
from tradecore.instruments import instrument_from_dict
from tradecore.session.instruments import own_instruments
from tradecore.strategy.state import decode, encode

pytestmark = pytest.mark.release

NAME = "BTCUSDT.SYNTH"
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
REGRESSIONS = Path(__file__).parent / "regressions"

NUMBERS = (b"0", b"-0", b"-1", b"0.1", b"1e400", b"nan", b"inf", b"007", b"9223372036854775808", b"1" * 400, b"1_0")


def mutated(dice: random.Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    """Change a few places of some bytes."""
    for _ in range(1 << dice.randrange(4)):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.randrange(1 << dice.randrange(1, 8)))
        match dice.randrange(8):
            case 0 if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:end] + data[at:]
            case 3:
                data = data[:at]
            case 4:
                data = data[:at] + dice.choice(tokens) + data[at:]
            case 5:
                data = data[:at] + dice.randbytes(dice.randrange(1, 9)) + data[end:]
            case 6:
                numbers = list(re.finditer(rb"[0-9][0-9.]*", data))
                if numbers:
                    place = dice.choice(numbers)
                    data = data[: place.start()] + dice.choice(NUMBERS) + data[place.end() :]
            case _:
                lines = data.split(b"\n")
                line = lines.pop(dice.randrange(len(lines)))
                if dice.random() < 0.7:
                    lines.insert(dice.randrange(len(lines) + 1), line)
                data = b"\n".join(lines)
    return data


Attempt = Callable[[bytes], object]
Accepts = Callable[[TradecoreError], bool]


def failure(attempt: Attempt, data: bytes, accepts: Accepts) -> BaseException | None:
    """What an input raises that is no error of ours, or one that says too little; a panic is no Exception."""
    try:
        attempt(data)
    except TradecoreError as error:
        return None if accepts(error) else error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return error
    return None


def smallest(attempt: Attempt, data: bytes, accepts: Accepts, kind: type[BaseException]) -> bytes:
    """Cut pieces as long as an input fails the same way."""
    size = len(data)
    while size := size // 2:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if type(failure(attempt, shorter, accepts)) is kind:
                data = shorter
            else:
                at += size
    return data


def fuzz(
    name: str,
    seeds: Sequence[bytes],
    attempt: Attempt,
    *,
    rounds: int,
    tokens: Sequence[bytes] = (b"",),
    accepts: Accepts = lambda error: True,
) -> None:
    """Try seeds, regressions and mutations of them."""
    dice = random.Random(f"{name} {SEED}")
    known = [*seeds, *(path.read_bytes() for path in sorted((REGRESSIONS / name).glob("*")))]

    def inputs() -> Iterator[bytes]:
        yield from known
        for _ in range(rounds * ROUNDS):
            yield mutated(dice, dice.choice(known), tokens)

    for data in inputs():
        if error := failure(attempt, data, accepts):
            data = smallest(attempt, data, accepts, type(error))
            path = REGRESSIONS / name / hashlib.sha256(data).hexdigest()[:16]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            raise AssertionError(f"{path}: {data[:400]!r}") from error


# Configurations and specifications


def shipped_configs() -> list[bytes]:
    """The configurations of the examples, the templates and the documents."""
    files = [*ROOT.glob("examples/*.toml"), ROOT / "python/tradecore/templates/backtest.toml"]
    blocks = [
        block
        for page in [ROOT / "README.md", *ROOT.glob("docs/pages/*.md")]
        for block in re.findall(r"^```toml.*?\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    ]
    configs = [path.read_bytes() for path in files] + [
        block.encode() for block in blocks if "instruments]]" not in block
    ]
    assert len(configs) >= 4
    return configs


WORDS = (
    b'"', b"'", b"[", b"]", b"{", b"}", b"=", b"\n", b"\\", b"#", b"[[venues]]\n", b"[data]\n", b"[[instruments]]\n",
    b"[strategy]\n", b"true", b"nan", b'"1ms"', b'"-1ms"', b'"1e99d"', b'"power(0)"', b"{}", b"[]", b"\xff", b"\x00",
    b"1979-05-27T07:32:00Z", b"seed", b"kind", b"name", b"params", b"latency", b"0x10", b"[[[", b"a.b.c = 1\n",
)  # fmt: skip


def names_a_key(error: TradecoreError) -> bool:
    """Whether an error names a key or a line, or that the file as a whole is no TOML."""
    if isinstance(error, InstrumentError):
        return bool(error.field)
    whole = ("is not TOML", "is no text in UTF-8", "is too deeply nested")
    return isinstance(error, ConfigError) and bool(error.key or error.problem.startswith(whole))


def test_a_damaged_configuration_is_loaded_or_refused_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"

    def attempt(data: bytes) -> None:
        path.write_bytes(data)
        config, notes = load_config(path)
        assert all(isinstance(note, str) for note in notes)
        own_instruments(config.instruments, str(path))

    fuzz("config", shipped_configs(), attempt, rounds=600, tokens=WORDS, accepts=names_a_key)


ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 2**200, 0.1, float("nan"), float("inf"), "", "x", "1ms", "0.1", "\ud800", b"x", [], [1], {},
    {"a": 1}, Decimal("NaN"), Decimal("0.1"), Decimal("1e999999"), datetime(2026, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 1, 1, tzinfo=UTC), object, ("a", "b"),
)  # fmt: skip


def test_any_value_in_a_specification_is_taken_or_refused_with_its_field() -> None:
    dice = random.Random(SEED)
    specs = tomllib.loads((ROOT / "python/tradecore/specs/instruments.toml").read_text())["instruments"]
    known = {key for spec in specs for key in spec}
    fields = sorted(
        {*known, "expiry", "expiry_ns", "listing", "listing_ns", "strike", "option_side", "outcome", "max_qty"}
    )
    for _ in range(3_000 * ROUNDS):
        spec = dict(dice.choice(specs))
        for _ in range(dice.randrange(1, 4)):
            if dice.random() < 0.2:
                spec.pop(dice.choice(list(spec)), None)
            else:
                spec[dice.choice([*fields, "unknown"])] = dice.choice(ODD)

        def attempt(_: bytes, spec: dict[str, Any] = spec) -> None:
            instrument = instrument_from_dict(spec)
            assert instrument_from_dict(instrument.to_dict()) == instrument

        if error := failure(attempt, b"", names_a_key):
            raise AssertionError(spec) from error


def test_a_damaged_file_of_instruments_is_loaded_or_refused(tmp_path: Path) -> None:
    text = (ROOT / "python/tradecore/specs/instruments.toml").read_bytes()[:2_000]
    json = b'{"instruments": [{"id": "A.B", "kind": "spot", "base": "A", "quote": "B", "price_increment": 0.1, "qty_increment": 1}]}'

    def attempt(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        assert all(name == spec.id for name, spec in tc.load_instruments(path).items())

    fuzz("specs_toml", [text], partial(attempt, tmp_path / "specs.toml"), rounds=300, tokens=WORDS)
    fuzz("specs_json", [json], partial(attempt, tmp_path / "specs.json"), rounds=300, tokens=WORDS)


# Files of ours


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small catalog."""
    folder = tmp_path_factory.mktemp("catalog")
    tc.synthesize(folder, events=2_000, seed=3)
    return folder


def test_a_damaged_manifest_is_read_or_refused_with_its_name(catalog: Path) -> None:
    [manifest] = (path for path in catalog.rglob("_*.parquet") if path.is_file())
    whole = manifest.read_bytes()
    notes = pl.read_parquet_metadata(manifest)
    key = "tradecore.manifest"
    told = notes[key].partition(" ")[2]
    before = tc.Catalog(catalog).info()
    frame = pl.read_parquet(manifest)

    def is_named(error: TradecoreError) -> bool:
        return str(catalog) in str(error) or NAME in str(error)

    def attempt_bytes(data: bytes) -> None:
        manifest.write_bytes(data)
        assert tc.Catalog(catalog).info() == before

    def attempt_text(data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return
        frame.write_parquet(manifest, metadata={**notes, key: f"{checksum(data)} {text}"})
        tc.Catalog(catalog).info()

    try:
        fuzz("manifest_bytes", [whole], attempt_bytes, rounds=200, accepts=is_named)
        fuzz(
            "manifest_text", [told.encode()], attempt_text, rounds=400, tokens=(*WORDS, b"null", b'"parts"', b'"rows":')
        )
    finally:
        manifest.write_bytes(whole)


class Quiet(tc.Strategy):
    """Does nothing."""


@pytest.fixture(scope="module")
def result(catalog: Path) -> tc.Result:
    """A result with orders, fills and its journal."""
    touch = tc.TouchMaker("touch", [NAME], quote_qty="0.01", max_position="0.05", interval="10ms")
    return tc.Backtest([touch], catalog, record=True).run()


def test_a_damaged_result_is_loaded_or_refused_with_its_name(result: tc.Result, tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    result.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def is_named(error: TradecoreError) -> bool:
        return isinstance(error, DataError) and str(path) in str(error)

    def read() -> None:
        loaded = tc.load_result(path)
        assert repr(loaded)
        assert str(loaded)

    def attempt_bytes(data: bytes) -> None:
        path.write_bytes(data)
        read()

    def attempt_member(name: str, data: bytes) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for member, whole in members.items():
                archive.writestr(member, data if member == name else whole)
        read()

    fuzz("result_bytes", [path.read_bytes()], attempt_bytes, rounds=200, accepts=is_named)
    tokens = (*WORDS, b"null", b'{"int":"0x1"}', b'{"decimal":"NaN"}', b'{"dict":[]}')
    for name, member, rounds in (("result_told", "result.json", 200), ("result_fills", "tables/fills", 100)):
        change = partial(attempt_member, member)
        fuzz(name, [members[member]], change, rounds=rounds, tokens=tokens, accepts=is_named)


def test_a_damaged_journal_is_replayed_or_refused(result: tc.Result) -> None:
    def attempt(data: bytes) -> None:
        again = tc.replay(data, [Quiet("touch", [NAME])], result.instruments, basis=result.fill_basis)
        assert len(again.digest) == 64

    fuzz("replay", [result.journal[:4_000], result.journal[:400], b""], attempt, rounds=400)


def test_a_damaged_memory_of_a_strategy_is_decoded_or_refused() -> None:
    value = {"a": [1, 2.5, None, True], ("b", 2): {Decimal("0.1"), b"x"}, "c": {"d": 2**70, "e": float("inf")}}

    def attempt(data: bytes) -> None:
        again = encode(decode(data))
        assert encode(decode(again)) == again

    tokens = (
        b'{"int":"0x1"}',
        b'{"float":"nan"}',
        b'{"decimal":"sNaN"}',
        b'{"set":[[]]}',
        b'{"ns":1}',
        b"[" * 70,
        *WORDS,
    )
    fuzz("state", [encode(value), encode([])], attempt, rounds=2_000, tokens=tokens)


# The command line

VECTOR = (
    "backtest", "strategies", "init", "data", "info", "check", "synth", "export", "import", "tardis", "binance-ws",
    "hftbacktest", "--config", "--data", "--catalog", "--events", "--seed", "--symbol", "--output", "--json", "--help", "-h",
    "--version", "--format", "--instrument", "--specs", "--from", "--to", "--", "-", "", "0", "-1", "1", "x", "1e3", "nan",
    "99999999999999999999999", "\x00", "config.toml", "market", "nowhere/x", ".", "/dev/null", NAME, "parquet",
    "--plot", "--quiet", "--replace", "--start", "2026-01-01", "=", "--config=", "--seed=x",
)  # fmt: skip


def test_any_words_on_the_command_line_end_with_an_exit_code_and_a_sentence(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "market").symlink_to(catalog)
    (tmp_path / "config.toml").write_text((ROOT / "examples/avellaneda.toml").read_text())
    dice = random.Random(SEED)
    for _ in range(150 * ROUNDS):
        words = [dice.choice(VECTOR) for _ in range(dice.randrange(7))]
        try:
            code = main(list(words))
        except BaseException as error:
            raise AssertionError(words) from error
        shown, said = capsys.readouterr()
        assert code in (0, 1, 2), words
        assert "internal error" not in said, (words, said)
        assert "Traceback" not in said, (words, said)
        # A group of commands by itself shows its help.
        assert code == 0 or said.strip() or "Usage" in shown, words


def test_what_is_fuzzed_fails_where_it_should() -> None:
    def attempt(data: bytes) -> None:
        if b"bad" in data:
            raise ValueError
        if b"ours" in data:
            raise InvalidValueError("x", "y")

    def anything(error: TradecoreError) -> bool:
        return True

    assert failure(attempt, b"ours", anything) is None
    assert isinstance(failure(attempt, b"ours", lambda error: False), InvalidValueError)
    assert isinstance(failure(attempt, b"a bad one", anything), ValueError)
    assert smallest(attempt, b"some bad bytes", anything, ValueError) == b"bad"
