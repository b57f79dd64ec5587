"""Whether what was subscribed to arrives. A venue may acknowledge a stream and never send it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from tradecore.venues.events import Stream

__all__ = ["PATIENCE_S", "Silent", "Watchdog"]

_K = TypeVar("_K", bound=Hashable)

PATIENCE_S: Mapping[Stream, float | None] = {
    Stream.BOOK: 60.0,
    Stream.QUOTES: 60.0,
    Stream.MARK: 15.0,
    Stream.CANDLES: 60.0,
    Stream.OPEN_INTEREST: 90.0,
    Stream.TRADES: None,
    Stream.LIQUIDATIONS: None,
}
"""Seconds within which a stream says something where it is well; None where a quiet market says nothing for hours."""


@dataclass(frozen=True, slots=True)
class Silent(Generic[_K]):
    """A stream that should have said something."""

    key: _K
    is_acknowledged: bool
    has_delivered: bool

    @property
    def reason(self) -> str:
        """Why it counts as silent, in a few words."""
        if self.has_delivered:
            return "silent"
        return "acknowledged and never delivered" if self.is_acknowledged else "not acknowledged"


@dataclass(slots=True)
class _Watched:
    patience_ns: int | None
    since_ns: int
    is_acknowledged: bool = False
    has_delivered: bool = False
    is_told: bool = False


class Watchdog(Generic[_K]):
    """Watches streams, each by itself. Time is given, ns.

    A stream counts as there when the venue has acknowledged it *and* something of it has arrived. One without patience
    is only watched until it is acknowledged.

    Parameters
    ----------
    acknowledge_s : float
        Seconds within which a subscription is acknowledged.
    """

    __slots__ = ("_acknowledge_ns", "_watched")

    def __init__(self, acknowledge_s: float = 10.0) -> None:
        self._acknowledge_ns = round(acknowledge_s * 1e9)
        self._watched: dict[_K, _Watched] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._watched

    def requested(self, key: _K, now_ns: int, patience_s: float | None) -> None:
        """Watch a stream from now on, as one that was just asked for; one known to be silent is not told again."""
        patience_ns = None if patience_s is None else round(patience_s * 1e9)
        self._watched[key] = _Watched(patience_ns, now_ns, is_told=key in self.silent)

    def acknowledged(self, key: _K, now_ns: int) -> None:
        """Take the venue's word that the stream is on."""
        if (stream := self._watched.get(key)) is not None:
            stream.is_acknowledged = True
            if not stream.has_delivered:
                stream.since_ns = now_ns

    def seen(self, key: _K, now_ns: int) -> bool:
        """Note that something arrived; returns whether that ends a silence, or is the first of the stream."""
        stream = self._watched.get(key)
        if stream is None:
            return False
        is_news = stream.is_told or not stream.has_delivered
        stream.since_ns = now_ns
        stream.has_delivered = True
        stream.is_told = False
        return is_news

    def forget(self, key: _K) -> None:
        """Stop watching a stream."""
        self._watched.pop(key, None)

    def is_there(self, key: _K) -> bool:
        """Return whether a stream was acknowledged and has delivered, and is not silent."""
        stream = self._watched.get(key)
        return stream is not None and stream.is_acknowledged and stream.has_delivered and not stream.is_told

    def check(self, now_ns: int) -> list[Silent[_K]]:
        """Return what has become silent since the last call; each silence is told once."""
        silent = []
        for key, stream in self._watched.items():
            patience_ns = stream.patience_ns if stream.is_acknowledged else self._acknowledge_ns
            if stream.is_told or patience_ns is None or now_ns - stream.since_ns < patience_ns:
                continue
            stream.is_told = True
            silent.append(Silent(key, stream.is_acknowledged, stream.has_delivered))
        return silent

    @property
    def silent(self) -> tuple[_K, ...]:
        """What has been told to be silent and still is."""
        return tuple(key for key, stream in self._watched.items() if stream.is_told)
