"""The application: routes behind the guard, the stream, and the page."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradecore.errors import TradecoreError
from tradecore.server.accounts import Role
from tradecore.server.answers import failed
from tradecore.server.context import Service
from tradecore.server.front import Front
from tradecore.server.guard import Guard, identity_of
from tradecore.server.kept import Kept
from tradecore.server.problems import Problem, problem_of
from tradecore.server.queries import check_query
from tradecore.server.routes import ROUTERS
from tradecore.server.stream import stream
from tradecore.server.way import RightOfWay
from tradecore.version import __version__

__all__ = ["create_app"]

_LOG = logging.getLogger("tradecore.server")
STATIC = Path(__file__).parent / "static"
_OPEN = ("/ready", "/live")
"""What tells nothing but whether it works."""
_CODES = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}


def create_app(service: Service, *, way: RightOfWay, rate: float, mounts: Mapping[str, ASGIApp] | None = None) -> Front:
    """Return the application.

    Parameters
    ----------
    service : Service
    way : RightOfWay
    rate : float
        Requests a second of one address.
    mounts : mapping of str to ASGI application, optional
        What answers other paths, such as ``/metrics``.
    """
    app = FastAPI(
        title="tradecore",
        version=__version__,
        description="A session on paper or live, and its markets. Every answer has the same envelope.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(check_query)])
    app.router.routes.append(WebSocketRoute("/api/v1/stream", stream))
    for path, answers in (mounts or {}).items():
        # At this very path: a mount would send whoever asks on to another one.
        app.router.routes.append(Route(path, _Beside(answers, Role.NONE if path in _OPEN else Role.READ)))
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(TradecoreError, _own)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)
    _pages(app)
    _secure(app)
    kept = Kept(_Whole(app), lambda: service.view.version)
    guard = Guard(
        kept,
        accounts=service.accounts,
        logins=service.logins,
        open_reads=service.open_reads,
        rate=rate,
        has_tls=service.has_tls,
    )
    return Front(guard, kept, way)


class _Whole:
    """Another application, whose errors end no connection once they are answered.

    Starlette passes on what a handler raises after it has sent the answer, and whoever has a connection with uvicorn
    then finds it closed with the next request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have it answered."""
        is_answered = False

        async def watched(message: Message) -> None:
            nonlocal is_answered
            is_answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if not is_answered:
                raise
            _LOG.exception("%s %r failed", scope["method"], scope["path"])


class _Beside:
    """Another application, for whoever has a role at least."""

    def __init__(self, app: ASGIApp, least: Role) -> None:
        self._app = app
        self._least = least

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have it answered."""
        if identity_of(scope).role >= self._least:
            await self._app(scope, receive, send)
            return
        problem = Problem(401, "unauthorized", f"this takes a token of role {self._least.word}")
        await failed(problem)(scope, receive, send)


def _pages(app: FastAPI) -> None:
    """Serve the dashboard."""
    headers = {"Cache-Control": "no-cache"}

    async def index(request: Request) -> Response:
        page = STATIC / "index.html"
        if not page.is_file():
            raise Problem(404, "no_page", "there is no dashboard in this installation")
        return FileResponse(page, headers=headers)

    app.router.routes.append(Route("/", index, include_in_schema=False))
    if STATIC.is_dir():
        app.mount("/static", _Static(directory=STATIC))


class _Static(StaticFiles):
    """Files that browsers ask for anew each time, and have not sent again where they did not change."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _secure(app: FastAPI) -> None:
    """Say in the document how requests are signed."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            document["components"].setdefault("securitySchemes", {})["token"] = {"type": "http", "scheme": "bearer"}
            document["security"] = [{"token": []}, {}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


async def _refused(request: Request, problem: Problem) -> Response:
    """Answer that something is wrong, once it is written down."""
    service: Service = request.app.state.service
    await service.refused(request, problem)
    return failed(problem)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return await _refused(request, error)


async def _own(request: Request, error: Exception) -> Response:
    assert isinstance(error, TradecoreError)
    return await _refused(request, problem_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    """Say the first thing that is wrong with what a request carries."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        text = f"the body is no JSON: {first['ctx']['error']}"
        return await _refused(request, Problem(400, "bad_json", text, "body"))
    code = "not_a_number" if first["type"] in ("decimal_parsing", "finite_number", "decimal_type") else "invalid_value"
    return await _refused(request, Problem(422, code, f"{place}: {first['msg']}", place))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, _CODES.get(error.status_code, "refused"), str(error.detail))
    response = await _refused(request, problem)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _broken(request: Request, error: Exception) -> Response:
    """Answer that something is wrong with the server itself; what it is goes to the log, and to nobody else."""
    return await _refused(
        request, Problem(500, "internal", f"{type(error).__name__} in the server, whose log says more")
    )
