"""Files of queue models that were fitted to how orders really filled."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tradecore.errors import InvalidValueError
from tradecore.files import placed

__all__ = ["FITTED", "FittedQueue", "read_queue_model"]

FITTED: Final = "fitted:"
"""How a ``queue`` begins that names a file."""

_FORMAT: Final = "tradecore queue model 1"
_MOST_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedQueue:
    """A fitted queue model, and what it was fitted to.

    Of a decrease of a level that the level's own changes do not explain, ``(ahead / level) ** exponent`` left from
    ahead of the order.

    Parameters
    ----------
    exponent : float
        Above 0: near 0 all of it left from ahead, with a large one from behind.
    instrument : str
        Whose orders it was fitted to.
    granularity_ms : float
        Of the book they were seen in: the time whose events are one message, ms.
    orders : int
        How many.
    source : str
        Where they came from.

    Examples
    --------
    ::

        tc.SimVenue("BINANCE", queue="fitted:queue.json")
    """

    exponent: float
    instrument: str
    granularity_ms: float
    orders: int
    source: str

    @property
    def queue(self) -> str:
        """The model as :class:`SimVenue <tradecore.SimVenue>` takes it."""
        return f"fitted({self.exponent:g})"

    def save(self, path: str | Path) -> None:
        """Write the model to a file, for ``SimVenue(queue="fitted:FILE")``. It appears at once or not at all.

        Parameters
        ----------
        path : path

        Raises
        ------
        CatalogError
            When it cannot be written.
        """
        text = json.dumps({"format": _FORMAT, **asdict(self)}, indent=2) + "\n"
        with placed(Path(path)) as fresh:
            fresh.write_text(text, encoding="utf-8")


def read_queue_model(path: str | Path) -> FittedQueue:
    """Read a file that :meth:`FittedQueue.save` wrote.

    Parameters
    ----------
    path : path

    Raises
    ------
    InvalidValueError
        For a file that is not there or holds no queue model.

    Examples
    --------
    ::

        print(tc.read_queue_model("queue.json").exponent)
    """
    try:
        with Path(path).open("rb") as file:
            held = json.loads(file.read(_MOST_BYTES))
    except OSError as error:
        raise InvalidValueError("queue", f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise InvalidValueError("queue", f"{path} is no queue model: it is not JSON") from None
    if not isinstance(held, dict) or held.pop("format", None) != _FORMAT:
        raise InvalidValueError("queue", f'{path} is no queue model: expected "format": "{_FORMAT}"')
    return _checked(str(path), held)


def _checked(path: str, held: dict[str, Any]) -> FittedQueue:
    kinds = {"exponent": float, "instrument": str, "granularity_ms": float, "orders": int, "source": str}
    values: dict[str, Any] = {}
    for key, kind in kinds.items():
        value = held.get(key)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InvalidValueError("queue", f"{path}: {key} is {value!r}, expected a {kind.__name__}")
        values[key] = value
    if not (math.isfinite(values["exponent"]) and values["exponent"] > 0):
        raise InvalidValueError("queue", f"{path}: exponent is {values['exponent']!r}, expected a number above 0")
    return FittedQueue(**values)
