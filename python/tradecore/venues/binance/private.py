"""What Binance says of an account, as values of our own. No socket is touched here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tradecore._core import Instrument
from tradecore.types import Side
from tradecore.venues.binance.algos import algo_report
from tradecore.venues.binance.replacing import Incarnation, is_replacing
from tradecore.venues.events import Balance, Event, Position, ReportKind, VenueReport
from tradecore.venues.fees import charged
from tradecore.venues.orders import OrderState, StandingTerms

__all__ = ["AccountReader"]

_MS = 1_000_000

_EXPIRED: Mapping[str, str] = {
    "UNFILLED_IOC_QUANTITY_EXPIRED": "ioc_remainder",
    "UNFILLED_FOK_ORDER_EXPIRED": "fok_not_fillable",
    "INSUFFICIENT_LIQUIDITY": "no_liquidity",
}
_REFUSED: Mapping[str, str] = {
    "GTX_ORDER_REJECT": "post_only_would_cross",
    "INSUFFICIENT_BALANCE": "insufficient_balance",
    "INSUFFICIENT_BALANCES": "insufficient_balance",
}
_BY_LIFE: Mapping[str, str] = {
    "IOC": "ioc_remainder",
    "FOK": "fok_not_fillable",
    "GTX": "post_only_would_cross",
    "GTD": "gtd_reached",
}
_CONDITIONAL = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_NO_TRADE = (-1, 0, None)
_ENDS: Mapping[str, Literal["filled", "cancelled", "expired", "rejected"]] = {
    "FILLED": "filled",
    "CANCELED": "cancelled",
    "PENDING_CANCEL": "cancelled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
    "REJECTED": "rejected",
}


@dataclass(frozen=True, slots=True)
class AccountReader:
    """Reads messages and answers about one account.

    Parameters
    ----------
    venue : str
    instruments : mapping of str to Instrument
        By id; says in which currency a fee is one of the settlement.
    """

    venue: str
    instruments: Mapping[str, Instrument]

    def events(self, message: Mapping[str, Any], ts_recv: int) -> list[Event]:
        """Return what a message of the user stream says; nothing of what concerns no order and no holding."""
        match message.get("e"):
            case "executionReport":
                report = self._spot_report(message, ts_recv)
                return [] if report is None else [report]
            case "ORDER_TRADE_UPDATE":
                report = self._contract_report(message["o"], ts_recv)
                return [] if report is None else [report]
            case "ALGO_UPDATE":
                report = algo_report(self.venue, message, ts_recv)
                return [] if report is None else [report]
            case "outboundAccountPosition":
                return [self._holding(row, ts_recv) for row in message["B"]]
            case "ACCOUNT_UPDATE":
                return self._holdings(message["a"], ts_recv)
            case _:
                return []

    def _holding(self, row: Mapping[str, Any], ts_recv: int) -> Balance:
        free = Decimal(row["f"])
        return Balance(self.venue, ts_recv, row["a"], free + Decimal(row["l"]), free)

    def _holdings(self, update: Mapping[str, Any], ts_recv: int) -> list[Event]:
        found: list[Event] = [
            Balance(self.venue, ts_recv, row["a"], Decimal(row["wb"]), Decimal(row["cw"])) for row in update["B"]
        ]
        # Of an account in hedge mode both sides are told beside the net one, which is what positions are here.
        for row in update["P"]:
            if row.get("ps", "BOTH") == "BOTH":
                qty = Decimal(row["pa"])
                entry = Decimal(row["ep"]) if qty else None
                found.append(Position(self.venue, ts_recv, self._id(row["s"]), qty, entry))
        return found

    def _spot_report(self, row: Mapping[str, Any], ts_recv: int) -> VenueReport | None:
        # On a cancel and a replacement `c` is the id of the request, and `C` that of the order.
        client_id = row.get("C") or row["c"]
        match row["x"]:
            case "CANCELED" if is_replacing(row["c"]):
                return None
            case "REJECTED" if Incarnation.of(client_id).number:  # what it was to replace is gone
                return self._report(row, ts_recv, client_id, "cancelled", detail=str(row.get("r", "")))
            case "NEW":
                is_triggered = row["o"] in _CONDITIONAL and bool(row.get("w")) and row.get("W", row["T"]) > row["O"]
                return self._report(row, ts_recv, client_id, "triggered" if is_triggered else "accepted")
            case "REPLACED":
                return self._replaced(row, ts_recv, client_id)
            case "TRADE" | "CALCULATED" if Decimal(row["l"]) > 0:
                return self._fill(row, ts_recv, client_id)
            case "REJECTED":
                reason = _REFUSED.get(row.get("r", ""), "venue")
                return self._report(row, ts_recv, client_id, "rejected", reason, detail=str(row.get("r", "")))
            case _:
                return self._ended(row, ts_recv, client_id)

    def _contract_report(self, row: Mapping[str, Any], ts_recv: int) -> VenueReport | None:
        client_id = row["c"]
        match row["x"]:
            case "NEW":
                return self._report(row, ts_recv, client_id, "accepted")
            case "AMENDMENT":
                return self._replaced(row, ts_recv, client_id)
            case "TRADE" | "CALCULATED" if Decimal(row["l"]) > 0:
                return self._fill(row, ts_recv, client_id)
            case _:
                return self._ended(row, ts_recv, client_id)

    def _ended(self, row: Mapping[str, Any], ts_recv: int, client_id: str) -> VenueReport | None:
        """Return the end of an order, whatever else the message is about; None while it is open."""
        match _ENDS.get(row["X"]):
            case "cancelled":
                return self._report(row, ts_recv, client_id, "cancelled")
            case "expired":
                detail = str(row.get("eR", row["X"]))
                return self._report(row, ts_recv, client_id, "expired", self._why_expired(row), detail=detail)
            case "rejected":
                return self._report(row, ts_recv, client_id, "rejected", "venue", detail=str(row.get("r", "")))
            case _:
                return None

    @staticmethod
    def _why_expired(row: Mapping[str, Any]) -> str:
        if row["X"] == "EXPIRED_IN_MATCH":
            return "self_trade"
        if (reason := _EXPIRED.get(row.get("eR", ""))) is not None:
            return reason
        if row.get("o") == "MARKET":
            return "no_liquidity"
        return _BY_LIFE.get(row.get("f", ""), "venue")

    def _replaced(self, row: Mapping[str, Any], ts_recv: int, client_id: str) -> VenueReport:
        price, qty = Decimal(row["p"]), Decimal(row["q"]) + Incarnation.of(client_id).before
        return self._report(row, ts_recv, client_id, "replaced", price=price, qty=qty)

    def _fill(self, row: Mapping[str, Any], ts_recv: int, client_id: str) -> VenueReport:
        instrument = self._id(row["s"])
        qty = Decimal(row["l"])
        price = Decimal(row["L"]) or Decimal(row.get("Y") or 0) / qty or Decimal(row["p"])
        fee, paid = charged(self.instruments.get(instrument), price, row.get("n"), row.get("N"))
        return self._report(
            row,
            ts_recv,
            client_id,
            "fill",
            execution=None if row["t"] in _NO_TRADE else str(row["t"]),
            cumulative=Decimal(row["z"]) + Incarnation.of(client_id).before,
            price=price,
            qty=qty,
            liquidity="maker" if row["m"] else "taker",
            fee=fee,
            paid=paid,
        )

    def _report(
        self,
        row: Mapping[str, Any],
        ts_recv: int,
        client_id: str,
        kind: ReportKind,
        reason: str | None = None,
        **fields: Any,
    ) -> VenueReport:
        return VenueReport(
            venue=self.venue,
            ts_recv=ts_recv,
            instrument=self._id(row["s"]),
            kind=kind,
            order=Incarnation.of(client_id).client_id or None,
            venue_id=str(row["i"]),
            ts_event=int(row["T"]) * _MS,
            reason=reason,
            **fields,
        )

    def order_state(self, row: Mapping[str, Any], trades: list[dict[str, Any]], ts_recv: int) -> OrderState:
        """Return an order as ``GET order`` shows it, with its trades."""
        return OrderState(
            venue_id=str(row["orderId"]),
            end=_ENDS.get(row["status"]),
            terms=StandingTerms(
                Decimal(row["price"]) or None, Decimal(row["origQty"]) + Incarnation.of(row["clientOrderId"]).before
            ),
            ts_event=int(row.get("updateTime") or row["time"]) * _MS,
            reason=self._why_expired({"X": row["status"], "f": row["timeInForce"], "o": row["type"]})
            if _ENDS.get(row["status"]) == "expired"
            else None,
            fills=tuple(self.trade(trade, ts_recv) for trade in sorted(trades, key=lambda trade: trade["id"])),
        )

    def trade(self, row: Mapping[str, Any], ts_recv: int) -> VenueReport:
        """Return the fill that a row of own trades is."""
        instrument, price = self._id(row["symbol"]), Decimal(row["price"])
        fee, paid = charged(self.instruments.get(instrument), price, row.get("commission"), row.get("commissionAsset"))
        return VenueReport(
            venue=self.venue,
            ts_recv=ts_recv,
            instrument=instrument,
            kind="fill",
            venue_id=str(row["orderId"]),
            execution=str(row["id"]),
            ts_event=int(row["time"]) * _MS,
            price=price,
            qty=Decimal(row["qty"]),
            liquidity="maker" if row.get("isMaker", row.get("maker")) else "taker",
            fee=fee,
            paid=paid,
        )

    @staticmethod
    def side_of(row: Mapping[str, Any]) -> Side:
        """Return the side of a trade or an order."""
        if "side" in row:
            return Side.BUY if row["side"] == "BUY" else Side.SELL
        return Side.BUY if row["isBuyer"] else Side.SELL

    def _id(self, symbol: str) -> str:
        return f"{symbol}.{self.venue}"
