"""What the venue has of our orders, and spot orders that get other terms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tradecore._core import Command
from tradecore.errors import NoAnswerError, VenueError
from tradecore.venues.binance.api import BinanceApi, HalfDoneError
from tradecore.venues.binance.commands import Params, cancel_params, reduce_params, replace_params
from tradecore.venues.binance.market import Market
from tradecore.venues.binance.replacing import Incarnation, Replacements
from tradecore.venues.clock import Clock
from tradecore.venues.orders import Refusal, StandingTerms

__all__ = ["NOT_THERE", "Replaced", "StandingOrders"]

NOT_THERE = ("-2013", "-2011")
_LAST = "1000"
"""So many orders of a symbol are looked through for those that took the place of one."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What came of a replacement: the order has its new terms, or is gone; with the venue's word on it."""

    kind: Literal["replaced", "cancelled"]
    answer: Mapping[str, Any]
    detail: str = ""


class StandingOrders:
    """Finds what orders have become, cancels them, and replaces those of spot.

    A smaller quantity at the same price keeps the order and its place in the queue. For anything else the order is
    cancelled and another one takes its place: in one request while nothing of it was filled, else one after the other,
    so that no more than was asked for can fill, whatever fills meanwhile.

    Parameters
    ----------
    market : Market
    api : BinanceApi
    clock : Clock
    carry : callable
        Sends a request of a kind, as ``place``, with parameters.
    """

    def __init__(
        self, market: Market, api: BinanceApi, clock: Clock, carry: Callable[[str, Params], Awaitable[Any]]
    ) -> None:
        self._market = market
        self._api = api
        self._clock = clock
        self._carry = carry
        self.replacements = Replacements()

    async def cancel(self, command: Command, taken: Incarnation | None = None) -> Mapping[str, Any]:
        """Cancel what stands of an order; ``taken`` is what that makes room for.

        Raises
        ------
        VenueError
            When it stands as it did.
        NoAnswerError
            When nobody knows, as where it is not there any more.
        """
        params = cancel_params(command, self.replacements.of(command.client_id), taken)
        try:
            answer: Mapping[str, Any] = await self._carry("cancel", params)
        except VenueError as error:
            if error.code not in NOT_THERE:
                raise
            raise NoAnswerError(self._market.name, error.request, f"{error.problem} ({error.code})") from None
        return answer

    async def replace(self, command: Command, terms: StandingTerms | None) -> Replaced:
        """Give a spot order other terms; ``terms`` are those it has, where they are known.

        Raises
        ------
        Refusal, VenueError
            When it has the terms it had.
        NoAnswerError
            When nobody knows.
        """
        standing = self.replacements.of(command.client_id)
        taken = standing.next(standing.before)
        params = replace_params(self._market, command, taken)
        if terms is not None and terms.price == command.price and command.qty is not None and command.qty < terms.qty:
            answer = await self._carry("reduce", reduce_params(command, standing))
            return Replaced("replaced", answer["amendedOrder"])
        if not self.replacements.has_fills(command.client_id):
            replaced = await self._at_once(standing, taken, params)
            if replaced is not None:
                return replaced
        return await self._one_by_one(command, standing, taken)

    async def _at_once(self, standing: Incarnation, taken: Incarnation, params: Params) -> Replaced | None:
        """Replace an order of which nothing was filled; None where something was, and it stands as it did."""
        request = params | {
            "cancelReplaceMode": "STOP_ON_FAILURE",
            "cancelRestrictions": "ONLY_NEW",
            "cancelOrigClientOrderId": standing.text,
            "cancelNewClientOrderId": taken.cancel_id,
        }
        try:
            answer = await self._sent(taken, "replace", request)
        except HalfDoneError as error:
            told = error.data["cancelResponse"]
            if error.data["cancelResult"] == "SUCCESS":
                failed = error.data["newOrderResponse"]
                return Replaced("cancelled", told, f"{failed['msg']} ({failed['code']})")
            if "restrictions" in told["msg"]:
                return None
            raise NoAnswerError(self._market.name, error.request, f"{told['msg']} ({told['code']})") from None
        return Replaced("replaced", answer["newOrderResponse"])

    async def _one_by_one(self, command: Command, standing: Incarnation, taken: Incarnation) -> Replaced:
        """Replace an order of which something was filled: how much is certain once it is cancelled."""
        gone = await self.cancel(command, taken)
        filled = standing.before + Decimal(gone["executedQty"])
        if command.qty is None or filled >= command.qty:
            return Replaced("replaced", gone)
        try:
            taken = standing.next(filled)
            answer = await self._sent(taken, "place", replace_params(self._market, command, taken))
        except (Refusal, VenueError) as error:
            return Replaced("cancelled", gone, str(error))
        return Replaced("replaced", answer)

    async def _sent(self, taken: Incarnation, what: str, params: Params) -> Any:
        """Send what is to take a place; without an answer it may come there for a while."""
        self.replacements.sent(taken, self._clock.now_ns())
        try:
            answer = await self._carry(what, params)
        except VenueError:
            self.replacements.answered(taken.client_id)
            raise
        self.replacements.answered(taken.client_id)
        self.replacements.saw(taken.text)
        return answer

    async def rows(self, symbol: str, client_id: str) -> list[Mapping[str, Any]]:
        """Return what the venue has of an order, the last one as it stands; nothing if it never had it.

        Raises
        ------
        VenueError
        NoAnswerError
            Also while what was sent to take its place may still come.
        """
        params = {"symbol": symbol, "origClientOrderId": self.replacements.of(client_id).text}
        try:
            row = await self._api.read("order", params, signed=True)
        except VenueError as error:
            if error.code not in NOT_THERE:
                raise
            return []
        if row["status"] != "CANCELED" or not self._market.is_spot:
            return [row]
        rows = self.replacements.lineage(client_id, await self._last(symbol))
        if self.replacements.is_awaited(client_id, self._api.good_for_s, self._clock.now_ns()):
            raise NoAnswerError(self._market.name, "GET order", "what takes its place may still come")
        return rows or [row]

    async def client_ids(self, symbol: str) -> dict[int, str]:
        """Return whose orders the venue's last ones in a symbol are, by its numbers."""
        return {row["orderId"]: Incarnation.of(row["clientOrderId"]).client_id for row in await self._last(symbol)}

    async def _last(self, symbol: str) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = await self._api.read(
            "allOrders", {"symbol": symbol, "limit": _LAST}, signed=True
        )
        return rows
