"""What the OpenAPI document says of answers: the envelope, with an example of what is in it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

__all__ = ["Answer", "Failure", "described"]

_TEXTS = {
    401: "No token, or none that is known",
    403: "The role does not allow it, or the page is not ours",
    404: "There is none",
    409: "It contradicts what was asked before",
    422: "A value that cannot be, or an order that was refused",
    429: "Too many requests",
    503: "The session does not take it now",
}


class Answer(BaseModel):
    """What was asked for."""

    success: bool = True
    data: Any = None
    error: str | None = None


class Failure(BaseModel):
    """What is wrong."""

    success: bool = False
    data: None = None
    error: str = Field(description="For people")
    code: str = Field(description="For programs")
    field: str | None = Field(description="The part of the request")


def described(example: Any, *failures: int, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Return what a route says of its answers: an example of the data, and how it may fail.

    Parameters
    ----------
    example : object
        Of ``data``.
    *failures : int
        Status codes.
    status : int
        Of success.
    """
    shown = {"success": True, "data": example, "error": None}
    said: dict[int | str, dict[str, Any]] = {
        status: {"model": Answer, "description": "Done", "content": {"application/json": {"example": shown}}}
    }
    for code in dict.fromkeys((*failures, 422, 429)):
        said[code] = {"model": Failure, "description": _TEXTS[code]}
    return said
