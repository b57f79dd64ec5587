"""The file from which a sweep is resumed: a line of JSON for the sweep, then one for each point that is done.

Lines are only added, whole and flushed to the disk, so that a sweep that is killed loses what was under way and nothing
else. A last line that was not finished is taken away when the file is read again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import orjson

from tradecore.data.catalog import Catalog
from tradecore.errors import CatalogError, DataError, InvalidValueError
from tradecore.files import writing
from tradecore.strategy import Strategy
from tradecore.strategy.state import encode, is_plain
from tradecore.sweeps.batch import Bench, Outcome, own_bases
from tradecore.sweeps.points import Parameters
from tradecore.version import __version__

__all__ = ["Log"]

_FORM = "tradecore sweep 1"
_LINE = 16 << 20
"""Bytes of a line that is read: a point with the traceback of what it failed of has some thousand."""


class Log:
    """The file of a sweep, new or to be gone on with.

    Parameters
    ----------
    path : path
    bench : Bench
        What is run; a file of something else is refused.

    Attributes
    ----------
    done : dict of int to Outcome
        What the file holds of the points, by number.

    Raises
    ------
    InvalidValueError
        When the file belongs to another strategy, other data or other settings, or a parameter is not plain data.
    DataError
        For a line that is none of a sweep.
    CatalogError
        When the file cannot be read or written.
    """

    def __init__(self, path: str | Path, bench: Bench) -> None:
        self._path = Path(path)
        self._keys = [_key(number, point) for number, point in enumerate(bench.points)]
        head = {"form": _FORM, **_identity(bench)}
        with writing(self._path):
            self._file = self._path.open("ab+")
        try:
            self.done = self._read(head)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Add points that are done. One whose process died is left out: it may do better the next time."""
        self._append(
            {"point": self._keys[o.number], "figures": o.figures, "error": o.error, "traceback": o.traceback}
            for o in outcomes
            if not o.is_lost
        )

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        data = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        if not data:
            return
        with writing(self._path):
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())

    def _read(self, head: Mapping[str, Any]) -> dict[int, Outcome]:
        numbers: dict[str, list[int]] = {}
        for number, key in enumerate(self._keys):
            numbers.setdefault(key, []).append(number)
        done = {}
        for place, line in enumerate(self._lines(), start=1):
            if not line.endswith(b"\n"):
                self._take_away(line, place, head)
                break
            row = self._parse(line, place)
            if place == 1:
                self._check_head(row, head)
                continue
            try:
                for number in numbers.get(row["point"], ()):
                    done[number] = Outcome(number, row["figures"], row["error"], row["traceback"])
            except (KeyError, TypeError):
                raise DataError(str(self._path), place, "is not a point of a sweep") from None
        if self._file.seek(0, os.SEEK_END) == 0:
            self._append([head])
        return done

    def _lines(self) -> Iterator[bytes]:
        try:
            self._file.seek(0)
            while line := self._file.readline(_LINE + 1):
                if len(line) > _LINE:
                    raise DataError(str(self._path), 0, f"has a line of more than {_LINE >> 20} MiB")
                yield line
        except OSError as error:
            raise CatalogError(str(self._path), f"cannot be read: {error.strerror}") from None

    def _take_away(self, torn: bytes, place: int, head: Mapping[str, Any]) -> None:
        """Take a line away that was not finished; if it is the only one it has to be the beginning of ours."""
        if place == 1 and not orjson.dumps(head).startswith(torn):
            self._check_head({}, head)
        with writing(self._path):
            self._file.truncate(self._file.seek(-len(torn), os.SEEK_END))

    def _parse(self, line: bytes, place: int) -> dict[str, Any]:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = None
        if not isinstance(row, dict):
            raise DataError(str(self._path), place, "is not a line of a sweep's file")
        return row

    def _check_head(self, found: Mapping[str, Any], head: Mapping[str, Any]) -> None:
        if found.get("form") != _FORM:
            raise DataError(str(self._path), 1, f"is not the beginning of a sweep's file, {_FORM!r}")
        for name in ("strategy", "code", "data", "settings"):
            if found.get(name) != head[name]:
                what = {
                    "strategy": f"strategy {found.get('strategy')}, not {head['strategy']}",
                    "code": f"another version of {head['strategy']}",
                    "data": "other data",
                    "settings": "other settings (venues, specs, seed, sample_interval, instruments)",
                }[name]
                raise InvalidValueError("resume", f"{self._path} is of a sweep with {what}; choose another file")


def _key(number: int, point: Parameters) -> str:
    try:
        return encode(dict(sorted(point.items()))).decode()
    except InvalidValueError as error:
        raise InvalidValueError(
            "resume", f"the parameters of point {number} cannot be found again in a file: {error.problem}"
        ) from None


def _identity(bench: Bench) -> dict[str, str]:
    """Say what a sweep is of, as texts that differ when it does."""
    settings = {
        "version": __version__,
        "instruments": list(bench.instruments),
        **{name: _described(value) for name, value in sorted(bench.settings.items()) if name != "byte_budget"},
    }
    return {
        "strategy": bench.strategy.__qualname__,
        "code": _digest(_code(bench.strategy)),
        "data": _digest(_data(bench)),
        "settings": _digest([orjson.dumps(settings)]),
    }


def _described(value: Any) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {name: _described(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else repr(value)


def _digest(parts: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _data(bench: Bench) -> Iterable[bytes | memoryview]:
    data = bench.data
    if isinstance(data, Mapping):
        import numpy as np

        for name in bench.instruments:
            for column, array in sorted(data[name].items()):
                yield f"{name} {column} {array.dtype.str}".encode()
                yield np.ascontiguousarray(array).data.cast("B")
        return
    catalog = Catalog.of(data)
    for name in bench.instruments:
        manifest = catalog.manifest(name)
        yield orjson.dumps(manifest.instrument.to_dict())
        for part in manifest.parts():
            yield orjson.dumps([part.rows, part.first_ts_recv, part.last_ts_recv, part.kinds, part.checksums])


def _code(strategy: type[Strategy]) -> Iterable[bytes]:
    """Yield what a strategy's own classes do, comments and places left out."""
    for base in own_bases(strategy):
        for name, member in sorted(vars(base).items()):
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            code = getattr(function, "__code__", None)
            if code is not None:
                yield name.encode()
                yield from _instructions(code)
            elif not name.startswith("__"):
                yield f"{name}={member!r}".encode() if is_plain(member) else name.encode()


def _instructions(code: CodeType) -> Iterable[bytes]:
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode()
    for place, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            yield from _instructions(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, constant))).encode()
        elif place or not isinstance(constant, str):  # The first text is what documents it.
            yield repr(constant).encode()
