"""What every route needs: the view, the accounts, who asks; and that what changes something is written down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from tradecore.errors import StoreError, TradecoreError
from tradecore.live.session import Session
from tradecore.server.accounts import Accounts, Identity, Role
from tradecore.server.guard import Logins, identity_of
from tradecore.server.jobs import Jobs
from tradecore.server.problems import Problem, problem_of
from tradecore.server.view import View

__all__ = ["Judged", "Served", "Service", "needs"]

T = TypeVar("T")

_LOG = logging.getLogger("tradecore.server")
_MOST_ATTEMPTS = 10
_MOST_PEERS = 10_000


class Attempts:
    """Counts attempts at passwords, which take long to check: a few a minute of an address."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, list[float]] = OrderedDict()

    def count(self, peer: str) -> None:
        """Count one.

        Raises
        ------
        Problem
            For one too many.
        """
        now = time.monotonic()
        times = [at for at in self._times.pop(peer, []) if now - at < 60]
        self._times[peer] = times
        if len(self._times) > _MOST_PEERS:
            self._times.popitem(last=False)
        if len(times) >= _MOST_ATTEMPTS:
            raise Problem(429, "too_many_requests", f"more than {_MOST_ATTEMPTS} passwords a minute")
        times.append(now)


class Judged(Protocol):
    """How a session is, as somebody judged it who looks at all of it."""

    @property
    def status(self) -> str:
        """``healthy``, ``degraded`` or ``unhealthy``."""
        ...

    @property
    def problems(self) -> str:
        """What is not healthy."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        ...


@dataclass
class Service:
    """What is served.

    Parameters
    ----------
    view : View
    accounts : Accounts
    logins : Logins
    jobs : Jobs
    sessions : callable
        Returns the sessions there are journals of.
    config_text : str
        The configuration of the session, TOML.
    has_tls, open_reads : bool
    health : callable, optional
        Judges the session; without it, its market data alone does.
    """

    view: View
    accounts: Accounts
    logins: Logins
    jobs: Jobs
    sessions: Callable[[], list[dict[str, Any]]]
    config_text: str
    has_tls: bool
    open_reads: bool
    health: Callable[[], Judged] | None = None
    passwords: Attempts = field(default_factory=Attempts)
    streams: int = 0
    """Clients of the stream."""

    async def perform(
        self,
        request: Request,
        detail: str,
        act: Callable[[Session, int], T],
        *,
        names: Callable[[T], object] | None = None,
    ) -> T:
        """Do something in the session for somebody, and write that down, with a name for what came of it.

        Raises
        ------
        Problem
            Where it has not been done.
        """
        self.says(request, detail)
        try:
            bridge = self.view.bridge
            done, sample = await bridge.perform(lambda session, now: (act(session, now), bridge.look()))
            self.view.renew(sample)
        except TradecoreError as error:
            raise problem_of(error) from None
        await self.note(request, detail if names is None else f"{names(done)} {detail}", 200)
        return done

    @staticmethod
    def says(request: Request, detail: str) -> None:
        """Keep what a request asks for, to be written down with whatever comes of it."""
        request.scope["state"]["detail"] = detail

    async def refused(self, request: Request, problem: Problem) -> None:
        """Write down what somebody was allowed to try, and what it came to nothing by."""
        state = request.scope["state"]
        if attempted(request) is not None and "noted" not in state:
            detail = state.get("detail") or " ".join(map(str, request.path_params.values()))
            await self.note(request, f"{detail}: {problem.text}" if detail else problem.text, problem.status)

    async def note(
        self, request: Request, detail: str, status: int, what: str | None = None, who: Identity | None = None
    ) -> None:
        """Write down what somebody did: what the request does, and whoever it is of, if not given.

        What has been done is answered also where that fails, which the log says.
        """
        request.scope["state"]["noted"] = True
        who, peer = who or identity_of(request.scope), request.client.host if request.client else ""
        what = what or attempted(request)
        await self.keep(self.accounts.note, who.user, peer, what, detail[:1000], status)

    async def keep(self, write: Callable[..., None], *given: Any) -> None:
        """Have the database keep something; where it does not, the log does."""
        try:
            await asyncio.to_thread(write, *given)
        except StoreError as error:
            _LOG.error("not kept: %s: %s", given, error)


async def service_of(request: Request) -> Service:
    """Return the service of a request, without a thread of its own."""
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]
"""The service, as routes take it."""


class _Needs:
    """Lets nobody pass who has too small a role, for a route that does something or only reads."""

    def __init__(self, role: Role, what: str | None) -> None:
        self.role = role
        self.what = what

    async def __call__(self, request: Request) -> Identity:
        """Return who passes."""
        who = identity_of(request.scope)
        if who.role >= self.role:
            return who
        if who.user is None:
            raise Problem(401, "unauthorized", f"this takes a token of role {self.role.word}")
        raise Problem(403, "forbidden", f"this takes role {self.role.word}, and {who.user} has {who.role.word}")


def needs(role: Role, what: str | None = None) -> Any:
    """Return what a route depends on that takes a role, and what it does in the words of the audit log, if anything."""
    return Depends(_Needs(role, what))


def attempted(request: Request) -> str | None:
    """Return what a request tries to do, of somebody who may try it."""
    route = request.scope.get("route")
    for needed in route.dependant.dependencies if isinstance(route, APIRoute) else ():
        if isinstance(needed.call, _Needs) and identity_of(request.scope).role >= needed.call.role:
            return needed.call.what
    return None
