"""What goes wrong with a request, as its answer says it."""

from __future__ import annotations

from tradecore.errors import (
    InvalidValueError,
    JournalError,
    OffGridError,
    OrderError,
    RunError,
    StoreError,
    TradecoreError,
    UnknownInstrumentError,
)

__all__ = ["Busy", "Problem", "problem_of"]


class Problem(Exception):
    """Why a request is not answered with what it asks for.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : str
        For programs.
    text : str
        For people.
    field : str, optional
        The part of the request, such as ``body.quantity``.
    """

    def __init__(self, status: int, code: str, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.field = field


class Busy(Problem):
    """The session has more to do than it should be asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(503, "busy", text)


def problem_of(error: TradecoreError) -> Problem:
    """Return what an error of the package means to a client."""
    text = str(error)
    match error:
        case OffGridError():
            return Problem(422, "off_grid", text)
        case UnknownInstrumentError():
            return Problem(422, "unknown_symbol", text)
        case InvalidValueError():
            return Problem(422, "invalid_value", text, f"body.{error.field}")
        case OrderError():
            return Problem(422, "invalid_order", text)
        case RunError() | JournalError():
            return Problem(503, "not_trading", text)
        case StoreError():
            return Problem(503, "not_kept", text)
        case _:
            return Problem(422, "refused", text)
