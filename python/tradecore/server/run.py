"""A server in a thread beside a session."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp

from tradecore.config.server import ServerConfig
from tradecore.errors import ConfigError, JournalError
from tradecore.live.journal import JournalReader
from tradecore.live.loop import run_loop
from tradecore.live.runner import Live
from tradecore.server.accounts import Accounts
from tradecore.server.app import create_app
from tradecore.server.bridge import Bridge, Sample
from tradecore.server.context import Judged, Service
from tradecore.server.diary import Diary
from tradecore.server.frames import Connection
from tradecore.server.guard import Logins
from tradecore.server.jobs import Jobs
from tradecore.server.view import View
from tradecore.server.way import RightOfWay
from tradecore.store import Store

__all__ = ["Server"]

_LOG = logging.getLogger("tradecore.server")
_BEGIN_S = 60.0
"""How long it may take to begin, which is long on a machine with other work to do."""
_END_S = 10.0


def _http() -> Any:
    """Return what reads requests: a connection of ours where its parser is installed."""
    try:
        from tradecore.server.direct import DirectConnection
    except ImportError:
        return "auto"
    return DirectConnection


class _Uvicorn(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._is_ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._is_ready.set()


class Server:
    """Serves a session: REST, WebSocket and the dashboard, in a thread with an event loop of its own.

    Use it as ``with Server(...)`` in the session's event loop, while the session is open.

    Parameters
    ----------
    live : Live
        A session that is open.
    config : ServerConfig
    is_sandbox : bool
        Whether servers of our own stand in for its venues.
    config_text : str
        The configuration of the session, TOML: what backtests begin with.
    journals : path, optional
        Folder of the journals of sessions.
    mounts : mapping of str to ASGI application, optional
        What answers other paths.
    health : callable, optional
        Judges the session, in any thread, for ``/health``.
    source : str
        Where the configuration came from, for messages.

    Attributes
    ----------
    url : str
        Where it is, once it runs.
    token : str or None
        A token of an administrator for this process alone, where there are no users.

    Raises
    ------
    ConfigError
        When the address cannot be listened on, or TLS files cannot be read.
    StoreError
        When the database cannot be opened.
    """

    def __init__(
        self,
        live: Live,
        config: ServerConfig,
        *,
        is_sandbox: bool = False,
        config_text: str = "",
        journals: str | Path | None = None,
        mounts: Mapping[str, ASGIApp] | None = None,
        health: Callable[[], Judged] | None = None,
        source: str = "server",
    ) -> None:
        self._config = config
        self._source = source
        self._text = config_text
        self._journals = None if journals is None else Path(journals)
        self._mounts = dict(mounts or {})
        self._health = health
        self._bridge = Bridge(live, is_sandbox=is_sandbox)
        self._way = RightOfWay()
        self._store = Store(config.database)
        self._accounts = Accounts(self._store)
        self._diary = Diary(self._store, self._bridge.session)
        self._view = View(self._bridge, live.earlier(), config.starting_cash, self._diary)
        self._ready = threading.Event()
        self._problem: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._uvicorn: uvicorn.Server | None = None
        self.token = None if self._accounts.has_users() else self._accounts.own_token()
        self.url = ""

    def __enter__(self) -> Self:
        try:
            listener = self._listen()
        except BaseException:
            self._store.close()
            raise
        scheme = "http" if self._config.tls_cert is None else "https"
        host = f"[{self._config.host}]" if ":" in self._config.host else self._config.host
        self.url = f"{scheme}://{host}:{listener.getsockname()[1]}"
        self._way.begin()
        self._thread = threading.Thread(target=self._run, args=(listener,), name="tradecore server", daemon=True)
        self._thread.start()
        if not self._ready.wait(_BEGIN_S) or self._problem is not None:
            self.__exit__(None, None, None)
            raise ConfigError(self._source, "server", f"does not start: {self._problem or 'no answer in time'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bridge.end()
        self._hand_over(self._view.history.end)
        self._way.end()
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
        self._thread.join(_END_S)
        self._store.close()

    def begin(self) -> None:
        """Give snapshots of the session to the server, from the session's event loop."""
        self._bridge.begin(partial(self._hand_over, self._sampled), self._way.take)

    def _listen(self) -> socket.socket:
        config = self._config
        self._check_tls()
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((config.host, config.port))
        except OSError as error:
            listener.close()
            place = f"{config.host}:{config.port}"
            raise ConfigError(self._source, "server.port", f"{place} cannot be listened on: {error.strerror}") from None
        return listener

    def _check_tls(self) -> None:
        """Refuse files that no connection could be served with, by their names."""
        cert, key = self._config.tls_cert, self._config.tls_key
        if cert is None or key is None:
            return
        for name, path in (("tls_cert", cert), ("tls_key", key)):
            if not Path(path).is_file():
                raise ConfigError(self._source, f"server.{name}", f"no file {path}")
        try:
            # Nobody is there who could be asked for a password.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
        except OSError as error:
            problem = f"{key} is no key without a password, PEM, of the certificate {cert}: {error.strerror or error}"
            raise ConfigError(self._source, "server.tls_key", problem) from None

    def _run(self, listener: socket.socket) -> None:
        try:
            run_loop(self._serve(listener))
        except BaseException as error:
            self._problem = error
            _LOG.exception("the server ends")
        finally:
            listener.close()
            self._ready.set()

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        view = self._view
        jobs = Jobs(partial(view.topics.update, "jobs"))
        view.jobs = jobs.listed
        service = Service(
            view=view,
            accounts=self._accounts,
            logins=Logins(),
            jobs=jobs,
            sessions=self._sessions,
            config_text=self._text,
            has_tls=self._config.tls_cert is not None or self._config.behind_tls,
            open_reads=self._config.open_reads,
            health=self._health,
        )
        app = create_app(service, way=self._way, rate=self._config.rate_per_second, mounts=self._mounts)
        self._queue = self._bridge.subscribe(partial(self._hand_over, self._drained))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http=_http(),
            ws=Connection,
            # On one machine bytes cost less than packing them for every client.
            ws_per_message_deflate=False,
            ws_max_size=1 << 16,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=self._config.tls_cert,
            ssl_keyfile=self._config.tls_key,
        )
        self._uvicorn = server = _Uvicorn(config, self._ready)
        jobs.begin()
        self._diary.begin()
        try:
            await server.serve(sockets=[listener])
        finally:
            self._queue.close()
            self._loop = None
            await jobs.end()
            await self._diary.end()

    def _hand_over(self, work: Callable[..., None], *given: Any) -> None:
        """Have the server's thread do something; called in any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # It has just been closed.
                loop.call_soon_threadsafe(work, *given)

    def _sampled(self, sample: Sample) -> None:
        self._way.give()
        self._view.take(sample)

    def _drained(self) -> None:
        for event in self._queue:
            self._way.give()
            self._view.history.take(event)

    def _sessions(self) -> list[dict[str, Any]]:
        """Return the sessions there are journals of, newest first."""
        found = []
        for folder in () if self._journals is None else self._journals.iterdir():
            try:
                header = JournalReader(folder).header
            except (JournalError, OSError):
                continue
            name = header.get("session", folder.name)
            written = max(path.stat().st_mtime_ns for path in folder.iterdir())
            is_current = name == self._bridge.session
            found.append({"session": name, "mode": header.get("mode"), "written_ns": written, "is_current": is_current})
        return sorted(found, key=lambda row: row["written_ns"], reverse=True)
