"""What was probably meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean", "did_you_mean_instrument"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint to put behind an error of a word that is nearly a known one, in whatever case; else nothing."""
    import difflib

    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""


def did_you_mean_instrument(text: str, known: Iterable[str]) -> str:
    """Return the same for an instrument: also one without its venue, or as others write it (``BTC/USDT:USDT``)."""
    ids = tuple(known)
    written = set() if "." in text else {_letters(part).upper() for part in (text, *text.split(":"))}
    meant = [name for name in ids if _letters(name.rpartition(".")[0]) in written]
    return f"; did you mean {', '.join(meant)}?" if meant else did_you_mean(text, ids)


def _letters(symbol: str) -> str:
    return "".join(filter(str.isalnum, symbol))
