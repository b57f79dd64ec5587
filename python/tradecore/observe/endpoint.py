"""A small HTTP server for metrics and health, in a thread of its own."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tradecore.errors import ConfigError
from tradecore.observe.observer import Answer, Observer

__all__ = ["Endpoint"]

_PATIENCE_S = 10.0
"""How long a client may take over a request."""


class Endpoint:
    """Serves what an observer answers, to be used as a context.

    Parameters
    ----------
    observer : Observer
    port : int
        0 for a free one.
    host : str
        Metrics tell of positions and profit: other machines are answered only where this says so.
    source : str
        Whose the port is: a configuration's file, or ``metrics``.

    Attributes
    ----------
    url : str
        Where it is.

    Raises
    ------
    ConfigError
        When it cannot listen there.
    """

    def __init__(self, observer: Observer, port: int, host: str = "127.0.0.1", source: str = "metrics") -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = _PATIENCE_S

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def _answer(self, *, with_body: bool) -> None:
                path = self.path.partition("?")[0]
                found = observer.answer(path, self.headers.get("accept", ""))
                answer = found or Answer(404, "text/plain", b"there are /metrics, /health, /ready and /live\n")
                self.send_response(answer.status)
                self.send_header("content-type", answer.content_type)
                self.send_header("content-length", str(len(answer.body)))
                self.send_header("cache-control", "no-store")
                self.end_headers()
                if with_body:
                    self.wfile.write(answer.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: who scrapes comes every few seconds."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            problem = f"{host}:{port} cannot be listened on: {error.strerror or error}"
            raise ConfigError(source, "metrics.port", problem) from None
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, name="tradecore-metrics", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
