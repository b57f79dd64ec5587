"""What was probably meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint to put behind an error of a word that is nearly a known one, in whatever case; else nothing."""
    import difflib

    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""
