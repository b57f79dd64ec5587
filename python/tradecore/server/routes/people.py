"""Who may do what: logging in, users, tokens, and the audit log."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from tradecore.errors import InvalidValueError
from tradecore.server.accounts import Role
from tradecore.server.answers import ok
from tradecore.server.bodies import BodyRoute, LoginBody, TokenBody, UserBody
from tradecore.server.context import Served, needs
from tradecore.server.described import described
from tradecore.server.guard import COOKIE, identity_of
from tradecore.server.problems import Problem

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["people"], route_class=BodyRoute)
_ADMIN = [needs(Role.ADMIN)]
_ME = {"user": "ada", "role": "trade", "csrf": "...", "auth_required": True}


@router.post("/login", summary="Log in with a browser: sets a cookie", responses=described(_ME, 401, 403))
async def login(request: Request, body: LoginBody, service: Served) -> Response:
    if body.token is not None:
        who = await asyncio.to_thread(service.accounts.of_token, body.token)
    elif body.user is not None and body.password is not None:
        service.passwords.count(request.client.host if request.client else "")
        who = await asyncio.to_thread(service.accounts.of_password, body.user, body.password)
    else:
        raise Problem(422, "invalid_value", "expected a token, or a user and a password", "body")
    if who is None:
        await service.note(request, body.user or "by token", 401, "login")
        raise Problem(401, "unauthorized", "nobody is known by that")
    await service.note(request, "by password" if body.token is None else "by token", 200, "login", who)
    key, csrf = service.logins.open(who)
    response = ok({"user": who.user, "role": who.role.word, "csrf": csrf})
    response.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=service.has_tls, path="/")
    return response


@router.post("/logout", summary="Log out", responses=described({}, 403))
async def logout(request: Request, service: Served) -> Response:
    key = request.scope["state"].get("login")
    if key is not None:
        service.logins.close(key)
    response = ok({})
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=service.has_tls)
    return response


@router.get("/me", summary="Who one is", responses=described(_ME))
async def me(request: Request, service: Served) -> Response:
    who = identity_of(request.scope)
    csrf = request.scope["state"].get("csrf")
    shown = {"user": who.user, "role": who.role.word, "csrf": csrf, "auth_required": not service.open_reads}
    return ok(shown)


@router.get("/users", summary="Users", dependencies=_ADMIN, responses=described([], 401, 403))
async def users(service: Served) -> Response:
    return ok(await asyncio.to_thread(service.accounts.listed))


@router.post(
    "/users",
    summary="Add a user; the answer has a token, this once",
    status_code=201,
    dependencies=[needs(Role.ADMIN, "add user")],
    responses=described({"name": "ada", "role": "trade", "token": "..."}, 401, 403, status=201),
)
async def add_user(request: Request, body: UserBody, service: Served) -> Response:
    service.says(request, f"{body.name} {body.role}")
    token = await asyncio.to_thread(service.accounts.add, body.name, Role.of(body.role), body.password)
    await service.note(request, f"{body.name} {body.role}", 201)
    return ok({"name": body.name, "role": body.role, "token": token}, 201)


@router.delete(
    "/users/{name}",
    summary="Take a user away",
    dependencies=[needs(Role.ADMIN, "revoke user")],
    responses=described({}, 401, 403, 404),
)
async def revoke(request: Request, name: Annotated[str, Path(max_length=64)], service: Served) -> Response:
    try:
        await asyncio.to_thread(service.accounts.revoke, name)
    except InvalidValueError as error:
        raise Problem(404, "unknown_user", str(error)) from None
    await service.note(request, name, 200)
    return ok({"name": name})


@router.post(
    "/tokens",
    summary="Another token of a user, told this once",
    status_code=201,
    dependencies=[needs(Role.ADMIN, "add token")],
    responses=described({"name": "ada", "token": "..."}, 401, 403, 404, status=201),
)
async def add_token(request: Request, body: TokenBody, service: Served) -> Response:
    service.says(request, body.name)
    try:
        token = await asyncio.to_thread(service.accounts.add_token, body.name)
    except InvalidValueError as error:
        raise Problem(404, "unknown_user", str(error)) from None
    await service.note(request, body.name, 201)
    return ok({"name": body.name, "token": token}, 201)


@router.get("/audit", summary="Who did what, newest first", dependencies=_ADMIN, responses=described([], 401, 403))
async def audit(service: Served, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    return ok(await asyncio.to_thread(service.accounts.noted, limit))
