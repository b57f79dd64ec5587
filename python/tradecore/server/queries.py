"""What stands behind the question mark of a request: nothing but what its route takes."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from tradecore.server.problems import Problem

__all__ = ["check_query"]


async def check_query(request: Request) -> None:
    """Refuse a parameter that a route does not have, such as one that is misspelt: it would do nothing.

    Raises
    ------
    Problem
        It names the parameter, and those that there are.
    """
    if not request.scope["query_string"]:
        return
    route: APIRoute = request.scope["route"]
    known = tuple(_taken(route.dependant))
    for name in request.query_params:
        if name not in known:
            takes = f"takes {', '.join(known)}" if known else "takes none"
            text = f"query.{name}: no such parameter, {request.method} {route.path_format} {takes}"
            raise Problem(422, "unknown_parameter", text, f"query.{name}")


def _taken(by: Dependant) -> Iterator[str]:
    """Yield the parameters of a route, and of what it depends on."""
    yield from (field.alias for field in by.query_params)
    for other in by.dependencies:
        yield from _taken(other)
