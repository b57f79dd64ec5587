"""The accounts of a session: reconciled before it begins, watched while it trades, looked at once more in the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from tradecore.bus import EventBus
from tradecore.errors import TradecoreError
from tradecore.live.audit import Auditor
from tradecore.live.driver import Driver
from tradecore.live.events import ReconcileDifference, ReconcileFailed
from tradecore.live.line import Line
from tradecore.reconcile import ReconcileAction
from tradecore.venues.clock import Clock
from tradecore.venues.tasks import Tasks

__all__ = ["Accounts"]

_T = TypeVar("_T")
_LOG = logging.getLogger("tradecore.live")


class Accounts:
    """Those of all venues of a session.

    Parameters
    ----------
    driver : Driver
        Drives the session.
    clock : Clock
    events : EventBus
        Is told each difference, and what could not be looked at in the end.
    lines : sequence of Line
        Their venues.
    """

    def __init__(self, driver: Driver, clock: Clock, events: EventBus, lines: Sequence[Line]) -> None:
        self._driver = driver
        self._events = events
        self._lines = lines
        self._auditor = Auditor(driver.session, clock, driver.deliver, driver.now, self._differs)
        self._watches = Tasks()
        self._is_watching = False

    def begin_on_paper(self) -> None:
        """Bring the session in line with exchanges that begin anew."""
        for line in self._lines:
            self._auditor.begin_on_paper(line)

    async def begin(self, known_until_ns: int) -> None:
        """Bring it in line with its venues, as :meth:`Auditor.begin` says, then let it send, and watch from now on."""
        session = self._driver.session
        session.hold()
        for line in self._lines:
            await self._auditor.begin(line, known_until_ns)
        session.release(self._driver.now())
        self._is_watching = True
        for line in self._lines:
            self._watches.start(self._guarded(self._auditor.watch(line)), f"session audit {line.venue}")

    async def end(self) -> None:
        """Look at them once more, of a session that has begun and sends nothing any more."""
        await self.close()
        if not self._is_watching:
            return
        reasons = await asyncio.gather(*(self._guarded(self._auditor.end(line)) for line in self._lines))
        for line, reason in zip(self._lines, reasons, strict=True):
            if reason is not None:
                _LOG.error("the account at %s could not be looked at in the end: %s", line.venue, reason)
                self._events.publish(ReconcileFailed(self._driver.now(), line.venue, reason))

    async def close(self) -> None:
        """Watch no more."""
        await self._watches.close()

    async def _guarded(self, look: Coroutine[Any, Any, _T]) -> _T | None:
        """Look at an account; where what follows from that cannot be done, the session fails."""
        try:
            return await look
        except TradecoreError as error:
            self._driver.fail(error)
            return None

    def _differs(self, line: Line, action: ReconcileAction) -> None:
        at_ns = self._driver.session.now_ns
        self._events.publish(ReconcileDifference(at_ns, line.venue, action.instrument, action.kind, str(action)))
