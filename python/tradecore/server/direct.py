"""Views that are known already, answered where a request is read: without a task, and without the application."""

from __future__ import annotations

from typing import Any, cast

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tradecore.server.front import Front

__all__ = ["DirectConnection"]


class DirectConnection(HttpToolsProtocol):
    """A connection of HTTP/1.1 that has its application's :class:`~tradecore.server.front.Front` asked first.

    What that has no answer to goes the usual way, and so does all that is not a plain read by itself: a request behind
    another one, of a client that does not take what it was sent, or with anything unusual about it. Who asks the same
    again, to the byte, is not parsed again.
    """

    def __init__(self, config: Any, **given: Any) -> None:
        super().__init__(config, **given)
        self._front: Front = config.app
        self._place = (b"", b"")
        """Path and query of the newest request that was answered at once."""
        self._asked: bytes | None = None
        """That request, where it came by itself and whole, and nothing came since."""
        self._is_between = True
        """Whether no request has been read in part."""
        self._requests = 0
        """Begun in what is being read."""
        self._is_answered = False

    def data_received(self, data: bytes) -> None:
        """Read requests, of which the first may be answered at once."""
        self._front.way.give()
        if data == self._asked and self._answers():
            self.on_response_complete()
            return
        may_repeat = self._is_between
        self._asked, self._requests = None, 0
        super().data_received(data)
        if may_repeat and self._is_between and self._requests == 1 and self._is_answered:
            self._asked = data

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._is_between = False
        self._requests += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer, or have it answered."""
        self._is_answered = self._requests == 1 and self._is_plain() and self._answers()
        if not self._is_answered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take what a request carries; with one that was answered that is nothing to us."""
        if not self._is_answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._is_between = True
        if self._is_answered:
            self.on_response_complete()
        else:
            super().on_message_complete()

    def _is_plain(self) -> bool:
        """Take the request whose headers are there for one that may be answered at once, if it is."""
        parser = self.parser
        if (
            parser.get_method() != b"GET"
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
        ):
            return False
        self.scope["method"] = "GET"
        url = httptools.parse_url(self.url)
        self._place = url.path, url.query or b""
        return True

    def _answers(self) -> bool:
        """Answer the newest request, if that can be done at once."""
        if self.flow.write_paused or not (self.cycle is None or self.cycle.response_complete):
            return False
        wire = self._front.at_once(cast("Scope", self.scope), *self._place)
        if wire is None:
            return False
        date = b"".join(b"%b: %b\r\n" % pair for pair in self.server_state.default_headers)
        self.transport.write(b"%b%b%b" % (wire.head, date, wire.rest))
        return True
