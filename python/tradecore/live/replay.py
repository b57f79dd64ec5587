"""A session decided once more, from its journal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tradecore._core import Command, Kernel, Notice, journal_begins, journal_commands, taken_at
from tradecore.config import BacktestConfig
from tradecore.errors import InvalidValueError, JournalError, StrategyError
from tradecore.instruments import instrument_from_dict
from tradecore.live.journal import JournalReader, RecordKind
from tradecore.live.requests import Clocks
from tradecore.risk import needing_synced_books
from tradecore.session import Scope, build_strategies, build_venues
from tradecore.session.kernel import build_kernel
from tradecore.venue import SimVenue, real_venue

__all__ = ["Replay", "read_time"]


class Replay:
    """Feeds the journal of a session that was made from a configuration to strategies made from the same.

    Parameters
    ----------
    folder : path
        That of the session.
    until_ns : int, optional
        Inputs from this time on are left out, ns UTC.

    Raises
    ------
    InvalidValueError
        By what takes it, when nothing in it is before ``until_ns``.
    JournalError
        For a journal that is damaged, or of a session that no configuration made.
    ConfigError
        When its strategies cannot be made any more.

    Attributes
    ----------
    session, mode : str
    instruments : list of Instrument
        In the order of the kernel's markets.
    strategies : list of str
        Names, in the kernel's order.
    kernel : Kernel
        As far as the journal has been taken.
    venues : list of SimVenue
        The simulated venues of its configuration.
    seed : int
    sent : list of (int, Command), optional
        Where the commands of each piece are added, with their times, if whoever reads it makes one.
    told : list of Notice, optional
        Likewise for the reports of each piece.
    clocks : Clocks
        Of venues, as far as the journal has been taken.
    ended : str, optional
        The digest that the journal ends with, once that has been read; None where its session did not end in order.
    """

    def __init__(self, folder: str | Path, *, until_ns: int | None = None) -> None:
        self._reader = JournalReader(folder)
        header = self._reader.header
        if "config" not in header:
            raise JournalError(str(folder), "has no configuration: feed its entries to tradecore.replay")
        config = BacktestConfig.model_validate_json(orjson.dumps(header["config"]))
        listed = [instrument_from_dict(table) for table in header["instruments"]]
        known = tuple(instrument.id for instrument in listed)
        scope = Scope(known=known, source=str(folder), place="the journal")
        self.strategies = [strategy.called for strategy in config.strategies]
        strategies = build_strategies(scope, config.strategies, recorded=header.get("features", {}))
        is_real = header["mode"] == "live"
        default = real_venue if is_real else SimVenue
        self.venues = build_venues(scope, config.venues, strategies, default=default)
        settings = {venue.name: venue for venue in self.venues}
        # What their venues take is not in the header.
        self.instruments = [taken_at(i, settings[i.venue], is_real=is_real) for i in listed]
        self.kernel: Kernel = build_kernel(
            header["session"],
            strategies,
            self.instruments,
            stop_run_on_error=len(strategies) == 1,
            keeps_journal=True,
            cost_basis=config.cost_basis,
            risk=config.risk if config.mode.max_lag == "off" else needing_synced_books(config.risk),
        )
        self.session: str = header["session"]
        self.mode: str = header["mode"]
        self.seed = config.seed
        self.sent: list[tuple[int, Command]] | None = None
        self.told: list[Notice] | None = None
        self.clocks = Clocks()
        self._until = until_ns
        self._commands = 0
        self._diverged: int | None = None
        self.ended: str | None = None
        self._is_cut = False

    def steps(self) -> Iterator[str]:
        """Take what is in the journal piece by piece; yield each command in words, with its time.

        Raises
        ------
        JournalError, DataError
            For a damaged journal; what came before it has been taken.
        """
        terms: dict[int, str] = {}
        for entries in self.pieces():
            for at, strategy, text in journal_commands(entries, self.instruments, terms=terms):
                self._commands += 1
                yield f"{_moment(at)} {self.strategies[strategy]}: {text}"

    def pieces(self, *, singly: bool = False) -> Iterator[bytes]:
        """Take what is in the journal piece by piece; yield the entries of each once they have been taken.

        Parameters
        ----------
        singly : bool
            Whether each is what the session wrote down in one turn; else it is as much as is quick.

        Raises
        ------
        JournalError, DataError
            For a damaged journal; what came before it has been taken.
        StrategyError
            Where the only strategy failed, and was not started once more; all has been taken.
        """
        is_singly = singly or self._until is not None
        for record in self._reader if is_singly else self._reader.gathered():
            if record.kind is RecordKind.END:
                self.ended = orjson.loads(record.data)["digest"]
            if record.kind is RecordKind.CLOCK:
                self.clocks.add(**orjson.loads(record.data))
            if record.kind is not RecordKind.ENTRIES:
                continue
            self.ended = None  # or it went on
            if self._until is not None and (at_ns := journal_begins(record.data) or 0) >= self._until:
                if self.kernel.inputs == 0:
                    raise InvalidValueError("until", f"the first input of {self._reader.folder} is of {_moment(at_ns)}")
                self._is_cut = True
                return
            diverged, _ = self.kernel.replay(record.data, sent=self.sent, told=self.told)
            if self._diverged is None:
                self._diverged = diverged
            self.kernel.take_journal()
            self.kernel.questions()  # their answers are in the journal
            yield record.data
        if len(self.strategies) == 1 and self.kernel.failures:
            raise StrategyError.first_of(self.kernel.failures)

    def check(self) -> None:
        """Refuse a session that its strategies decide otherwise today, as far as it has been taken.

        Raises
        ------
        JournalError
            It says from when on.
        """
        if self._diverged is not None:
            raise self._otherwise(_moment(self._diverged))

    def checked_summary(self) -> dict[str, Any]:
        """Return the :meth:`summary` of a session that came to the same.

        Raises
        ------
        JournalError
            As of :meth:`check`, and where only the digest differs.
        """
        summary = self.summary()
        self.check()
        if not summary["faithful"]:
            raise self._otherwise("its end")
        return summary

    def _otherwise(self, since: str) -> JournalError:
        return JournalError(str(self._reader.folder), f"its strategies decide otherwise today, from {since} on")

    def summary(self) -> dict[str, Any]:
        """Close the session and return what it came to.

        ``faithful`` is whether every decision was the same, and where the session ended in order (``ended``) the digest
        too.
        """
        digest = self.kernel.finish()
        ended = self.ended is not None and not self._is_cut
        same = not ended or digest == self.ended
        return {
            "session": self.session,
            "inputs": self.kernel.inputs,
            "commands": self._commands,
            "digest": digest,
            "ended": ended,
            "faithful": self._diverged is None and same,
            "diverged": None if self._diverged is None else _moment(self._diverged),
        }


def read_time(name: str, text: str) -> int:
    """Return a time as ns UTC, of ISO 8601 or a number of ns, that was given by this name.

    Raises
    ------
    InvalidValueError
    """
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValueError(name, f"expected ISO 8601 or ns UTC, got {text!r}") from None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def _moment(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 1_000_000_000:09}Z"
