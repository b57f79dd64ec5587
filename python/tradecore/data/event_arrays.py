"""The event arrays of hftbacktest, ``.npy`` files and ``.npz`` archives, read piece by piece.

Whatever a file claims, no more of it is in memory than a piece and the message that it ends in. Nothing in a file is
executed: pickled objects are refused.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from tradecore.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FIELDS", "event_arrays", "is_array"]

FIELDS: Final = {"ev": "uint64", "exch_ts": "int64", "local_ts": "int64", "px": "float64", "qty": "float64"}
"""Fields that are read of a row, and their types."""
_MORE: Final = {"order_id": "uint64", "ival": "int64"}
"""Fields that are read where there are any; 0 where there are none."""

_PIECE: Final = 1 << 22
"""Bytes read at a time."""
_HEADER: Final = 1 << 16
"""Bytes that the description of an array lies in."""


def is_array(path: Path) -> bool:
    """Whether a file is an array, by its name."""
    return path.suffix.lower() in (".npz", ".npy")


def event_arrays(path: Path) -> Iterator[list[NDArray[Any]]]:
    """Yield an event array in pieces: of each the columns of :data:`FIELDS`, then ``order_id`` and ``ival``.

    Raises
    ------
    DataError
        When it is no such array.
    """
    try:
        with _opened(path) as file:
            yield from _pieces(path, file)
    except DataError:
        raise
    except OSError as error:
        raise DataError(str(path), 0, f"cannot be read: {error.strerror or error}") from None
    # numpy, zipfile and zlib raise all sorts of things on a damaged file.
    except Exception as error:
        raise DataError(str(path), 0, f"is not an event array: {error}") from None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open the array: of an archive the one called ``data``, or the only one."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            file.seek(0)
            yield file
            return
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            if not names:
                raise DataError(str(path), 0, "is not an event array: the archive holds none")
            if len(names) > 1 and "data.npy" not in names:
                held = ", ".join(name.removesuffix(".npy") for name in names)
                raise DataError(
                    str(path), 0, f"holds several arrays and none called data: {held}; write each to a file"
                )
            member = archive.getinfo("data.npy" if "data.npy" in names else names[0])
            # Others may ask for as much memory as they like before the first byte.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DataError(
                    str(path), 0, "is not an event array: it is compressed with something else than deflate"
                )
            with archive.open(member) as array:
                yield array


def _pieces(path: Path, file: IO[bytes]) -> Iterator[list[NDArray[Any]]]:
    import numpy as np

    head = file.read(_HEADER)
    start = io.BytesIO(head)
    version = np.lib.format.read_magic(start)
    if version not in ((1, 0), (2, 0)):
        raise DataError(str(path), 0, f"is not an event array: format {version[0]}.{version[1]}, expected 1.0 or 2.0")
    described = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = described(start)
    _check(path, shape, dtype)
    (rows,) = shape
    size, rest = rows * dtype.itemsize, head[start.tell() :]
    piece = max(_PIECE // dtype.itemsize, 1) * dtype.itemsize
    while size:
        wanted = min(size, piece)
        data = rest + _read(file, wanted - len(rest)) if len(rest) < wanted else rest[:wanted]
        rest = rest[wanted:]
        if len(data) < wanted:
            raise DataError(str(path), 0, f"was cut: it says that it has {rows:,} rows")
        size -= wanted
        yield _columns(path, np.frombuffer(data, dtype))
    if rest or file.read(1):
        raise DataError(str(path), 0, f"has more than the {rows:,} rows it says")


def _read(file: IO[bytes], size: int) -> bytes:
    """Read as many bytes, or all there are."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _check(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if len(shape) != 1:
        raise DataError(str(path), 0, f"is not an event array: {len(shape)} dimensions, expected 1")
    if shape[0] < 0:
        raise DataError(str(path), 0, f"is not an event array: {shape[0]} rows")
    if dtype.hasobject:
        raise DataError(str(path), 0, "is not an event array: it holds pickled objects, which are not read")
    if missing := [field for field in FIELDS if field not in (dtype.names or ())]:
        raise DataError(str(path), 0, f"has no field {missing[0]}; expected {', '.join(FIELDS)}")
    if dtype.itemsize > _HEADER:
        raise DataError(str(path), 0, f"is not an event array: {dtype.itemsize:,} bytes a row")


def _columns(path: Path, rows: NDArray[Any]) -> list[NDArray[Any]]:
    import numpy as np

    columns = []
    for field, wanted in (FIELDS | _MORE).items():
        if field in _MORE and field not in (rows.dtype.names or ()):
            columns.append(np.zeros(len(rows), wanted))
            continue
        values = rows[field]
        if values.ndim != 1 or not np.can_cast(values.dtype, wanted, "safe"):
            raise DataError(str(path), 0, f"field {field} has dtype {rows.dtype[field]}, expected {wanted}")
        columns.append(np.ascontiguousarray(values, dtype=wanted))
    return columns
