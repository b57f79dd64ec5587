"""What Bybit says of an account, as values of our own. No socket is touched here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tradecore._core import Instrument
from tradecore.types import Side
from tradecore.venues.events import Balance, Position, ReportKind, VenueReport
from tradecore.venues.fees import charged
from tradecore.venues.orders import OrderState, StandingTerms

__all__ = ["AccountReader"]

_MS = 1_000_000
_WORKS = frozenset({"New", "PartiallyFilled", "Filled", "Untriggered"})
_CANCELLED = frozenset({"Cancelled", "PartiallyFilledCanceled", "Deactivated"})
_BY_US = frozenset({"CancelByUser", "CancelByAdmin", ""})
_REASONS: Mapping[str, str] = {
    "EC_PostOnlyWillTakeLiquidity": "post_only_would_cross",
    "EC_NoImmediateQtyToFill": "ioc_remainder",
    "EC_CancelForNoFullFill": "fok_not_fillable",
    "EC_NoEnoughQtyToFill": "no_liquidity",
    "EC_BySelfMatch": "self_trade",
    "CancelBySmp": "self_trade",
    "CancelByReduceOnly": "reduce_only",
    "CancelByPrepareLiq": "liquidated",
    "CancelAllBeforeLiq": "liquidated",
}


def number(text: str | None) -> Decimal:
    """Return a number; what is empty is none, and counts as 0."""
    return Decimal(text) if text else Decimal(0)


@dataclass(frozen=True, slots=True)
class AccountReader:
    """Reads messages and answers about one account.

    Parameters
    ----------
    venue : str
    categories : collection of str
        Rows of others say nothing here.
    instruments : mapping of str to Instrument
        By id; says in which currency a fee is one of the settlement.
    """

    venue: str
    categories: Collection[str]
    instruments: Mapping[str, Instrument]

    def order(self, row: Mapping[str, Any], ts_recv: int) -> VenueReport | None:
        """Return what a row of the order stream says; None for one of another category, and in between."""
        if self._is_foreign(row):
            return None
        status = row["orderStatus"]
        if status in _WORKS:
            return self._report(row, ts_recv, "accepted")
        if status == "Triggered":
            return self._report(row, ts_recv, "triggered")
        if status != "Rejected" and status not in _CANCELLED:
            return None
        kind, reason = self._end(row)
        detail = f"{row.get('rejectReason', '')} {row.get('cancelType', '')}".strip()
        return self._report(row, ts_recv, kind, reason, detail)

    @staticmethod
    def _end(row: Mapping[str, Any]) -> tuple[Literal["rejected", "cancelled", "expired"], str | None]:
        reason, cancel = row.get("rejectReason", ""), row.get("cancelType", "")
        word = _REASONS.get(reason) or _REASONS.get(cancel)
        # One that new terms would have had take has rested until then, and may have been filled.
        is_untouched = not Decimal(row.get("cumExecQty") or 0)
        if row["orderStatus"] == "Rejected" or (word == "post_only_would_cross" and is_untouched):
            return "rejected", word or "venue"
        if word is not None:
            return "expired", word
        if cancel in _BY_US or reason == "EC_PerCancelRequest":
            return "cancelled", None
        if row.get("orderType") == "Market":
            return "expired", "no_liquidity"
        return "expired", {"IOC": "ioc_remainder", "FOK": "fok_not_fillable"}.get(row.get("timeInForce", ""), "venue")

    def execution(self, row: Mapping[str, Any], ts_recv: int) -> VenueReport | None:
        """Return a fill; None for one of another category, and for what is no trade of an order of one's own."""
        if self._is_foreign(row) or row["execType"] != "Trade":
            return None
        instrument, price = self._id(row), Decimal(row["execPrice"])
        spec = self.instruments.get(instrument)
        currency = row.get("feeCurrency") or (spec.settlement if spec is not None else None)
        fee, paid = charged(spec, price, row.get("execFee") or None, currency)
        return VenueReport(
            venue=self.venue,
            ts_recv=ts_recv,
            instrument=instrument,
            kind="fill",
            order=row.get("orderLinkId") or None,
            venue_id=row["orderId"],
            execution=row["execId"],
            ts_event=int(row["execTime"]) * _MS,
            price=price,
            qty=Decimal(row["execQty"]),
            liquidity="maker" if row["isMaker"] else "taker",
            fee=fee,
            paid=paid,
        )

    def position(self, row: Mapping[str, Any], ts_recv: int) -> Position | None:
        """Return a position; None for one of another category, or of one side of an account in hedge mode."""
        if self._is_foreign(row) or row.get("positionIdx"):
            return None
        qty = self.signed(row)
        entry = number(row.get("entryPrice") or row.get("avgPrice"))
        return Position(self.venue, ts_recv, self._id(row), qty, entry if qty else None)

    def balances(self, account: Mapping[str, Any], ts_recv: int) -> list[Balance]:
        """Return what a wallet holds, coin by coin."""
        return [
            Balance(self.venue, ts_recv, coin["coin"], number(coin["walletBalance"]), self._available(coin))
            for coin in account["coin"]
        ]

    @staticmethod
    def _available(coin: Mapping[str, Any]) -> Decimal:
        bound = sum((number(coin.get(name)) for name in ("locked", "totalOrderIM", "totalPositionIM")), Decimal(0))
        return max(number(coin["walletBalance"]) - bound, Decimal(0))

    @staticmethod
    def terms(row: Mapping[str, Any]) -> StandingTerms:
        """Return the terms of an order as a row of it shows them."""
        trigger_price = number(row.get("triggerPrice") or "") or None
        return StandingTerms(number(row["price"]) or None, Decimal(row["qty"]), trigger_price)

    def order_state(self, row: Mapping[str, Any], executions: Sequence[Mapping[str, Any]], ts_recv: int) -> OrderState:
        """Return an order as a request shows it, with its executions."""
        end: Literal["filled", "cancelled", "expired", "rejected"] | None = None
        reason = None
        if row["orderStatus"] == "Filled":
            end = "filled"
        elif row["orderStatus"] == "Rejected" or row["orderStatus"] in _CANCELLED:
            end, reason = self._end(row)
        fills = [fill for each in executions if (fill := self.execution(each, ts_recv)) is not None]
        return OrderState(
            venue_id=row["orderId"],
            end=end,
            terms=self.terms(row),
            ts_event=int(row["updatedTime"]) * _MS,
            reason=reason,
            fills=tuple(sorted(fills, key=lambda fill: fill.ts_event or 0)),
        )

    @staticmethod
    def side_of(row: Mapping[str, Any]) -> Side:
        """Return the side of an order or an execution."""
        return Side.BUY if row["side"] == "Buy" else Side.SELL

    @staticmethod
    def signed(row: Mapping[str, Any]) -> Decimal:
        """Return a position's quantity; it is flat where the venue names no side."""
        return number(row["size"]) * {"Buy": 1, "Sell": -1}.get(row["side"], 0)

    def _is_foreign(self, row: Mapping[str, Any]) -> bool:
        return "category" in row and row["category"] not in self.categories

    def _id(self, row: Mapping[str, Any]) -> str:
        return f"{row['symbol']}.{self.venue}"

    def _report(
        self, row: Mapping[str, Any], ts_recv: int, kind: ReportKind, reason: str | None = None, detail: str = ""
    ) -> VenueReport:
        return VenueReport(
            venue=self.venue,
            ts_recv=ts_recv,
            instrument=self._id(row),
            kind=kind,
            order=row.get("orderLinkId") or None,
            venue_id=row["orderId"],
            ts_event=int(row["updatedTime"]) * _MS,
            reason=reason,
            detail=detail,
        )
