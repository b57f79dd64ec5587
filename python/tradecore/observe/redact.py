"""Secrets taken out of text that somebody else may read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

__all__ = ["redactor"]

_NAMES = r"api[-_]?key|api[-_]?secret|secret|signature|token|password|passphrase|listen[-_]?key|authorization|cookie"
_NAMED = re.compile(rf"(?i)\b((?:[a-z0-9]+[-_])*(?:x-)?(?:{_NAMES}))(\\?[\"']?\s*[=:]\s*\\?[\"']?)([^\s\"'&,;}}\\]+)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
_OF_SECRETS = re.compile(r"(?i)(key|secret|token|passphrase|password)$")
_PARTS = re.compile(r"[/:@?&=,]+")
_SHORTEST = 6
"""Shorter values of the environment are words that may stand anywhere."""
_SHOWN = "[redacted]"


def redactor(
    more: Mapping[str, str] | None = None, environment: Mapping[str, str] = os.environ
) -> Callable[[str], str]:
    """Return what takes secrets out of text.

    Secrets are the values of variables whose names end in ``KEY``, ``SECRET``, ``TOKEN``, ``PASSPHRASE`` or
    ``PASSWORD``, the addresses in ``more`` and their parts, and what follows such a name in the text itself, as in a
    query.

    Examples
    --------
    >>> from tradecore.observe.redact import redactor
    >>> redact = redactor(environment={"TRADECORE_BINANCE_SECRET": "tr0ub4dor"})
    >>> redact("tr0ub4dor in GET /order?symbol=BTCUSDT&signature=9f86d0")
    '[redacted] in GET /order?symbol=BTCUSDT&signature=[redacted]'
    """
    known = {value for name, value in environment.items() if _OF_SECRETS.search(name)} | set((more or {}).values())
    known |= {part for address in (more or {}).values() for part in _PARTS.split(address)}
    # A secret of several lines, such as a PEM, is told by each of them.
    parts = {line.strip() for value in known for line in value.replace("\\n", "\n").splitlines()}
    longest_first = sorted((part for part in parts | known if len(part) >= _SHORTEST), key=len, reverse=True)
    values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def redact(text: str) -> str:
        if values is not None:
            text = values.sub(_SHOWN, text)
        return _NAMED.sub(rf"\1\2{_SHOWN}", _BEARER.sub(rf"\1 {_SHOWN}", text))

    return redact
