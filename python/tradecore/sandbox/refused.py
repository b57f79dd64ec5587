"""What a local venue answers with in place of a result."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["Refused"]


class Refused(Exception):
    """An error that a venue answers with; ``data`` is what was done all the same.

    Parameters
    ----------
    code : int or str
        The venue's.
    text : str
    status : int
        Of HTTP.
    headers : mapping
    data : mapping, optional
    """

    def __init__(
        self,
        code: int | str,
        text: str,
        *,
        status: int = 400,
        headers: Mapping[str, str] = MappingProxyType({}),
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.status = status
        self.headers = headers
        self.data = data
