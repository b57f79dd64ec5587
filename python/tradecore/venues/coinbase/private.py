"""What Coinbase says of an account, as values of our own. No socket is touched here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tradecore._core import Instrument
from tradecore.types import Side
from tradecore.venues.coinbase.market import VENUE
from tradecore.venues.events import ReportKind, VenueReport
from tradecore.venues.fees import charged
from tradecore.venues.orders import OrderState, StandingTerms

__all__ = ["AccountReader", "to_ns", "to_text"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIVES = {
    "IMMEDIATE_OR_CANCEL": "ioc_remainder",
    "FILL_OR_KILL": "fok_not_fillable",
    "GOOD_UNTIL_DATE_TIME": "gtd_reached",
}


def to_ns(text: str) -> int:
    """Return a time of the venue, ISO 8601 with up to nine decimals, in ns UTC."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = (datetime.fromisoformat(whole).replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
    return seconds * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))


def to_text(ts_ns: int) -> str:
    """Return a time as the venue writes it, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=ts_ns // 1_000)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class AccountReader:
    """Reads messages and answers about one account.

    Parameters
    ----------
    instruments : mapping of str to Instrument
        By id; says in which currency a fee is.
    """

    instruments: Mapping[str, Instrument]

    def order(self, row: Mapping[str, Any], ts_event: int, ts_recv: int) -> VenueReport | None:
        """Return what a row of the user channel says beside its fills; None for a status that says nothing."""
        status = row["status"]
        if status in ("PENDING", "OPEN", "CANCEL_QUEUED", "EDIT_QUEUED", "FILLED"):
            return self._report(row, ts_event, ts_recv, "accepted")
        end, reason = self._end(status, row.get("time_in_force", ""), row.get("order_type", ""))
        if end is None or end == "filled":
            return None
        said = str(row.get("reject_reason" if end == "rejected" else "cancel_reason", ""))
        return self._report(row, ts_event, ts_recv, end, reason, said)

    @staticmethod
    def _end(
        status: str, life: str, kind: str
    ) -> tuple[Literal["filled", "cancelled", "expired", "rejected"] | None, str | None]:
        match status:
            case "FILLED":
                return "filled", None
            case "FAILED":
                return "rejected", "venue"
            case "EXPIRED":
                return "expired", _LIVES.get(life, "venue")
            case "CANCELLED" if kind.upper() == "MARKET":
                return "expired", "no_liquidity"
            case "CANCELLED" if life in ("IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"):
                return "expired", _LIVES[life]
            case "CANCELLED":
                return "cancelled", None
            case _:
                return None, None

    def _report(
        self,
        row: Mapping[str, Any],
        ts_event: int,
        ts_recv: int,
        kind: ReportKind,
        reason: str | None = None,
        detail: str = "",
    ) -> VenueReport:
        return VenueReport(
            venue=VENUE,
            ts_recv=ts_recv,
            instrument=f"{row['product_id']}.{VENUE}",
            kind=kind,
            order=row.get("client_order_id") or None,
            venue_id=row["order_id"],
            ts_event=ts_event,
            reason=reason,
            detail=detail,
        )

    def fill(self, row: Mapping[str, Any], client_id: str | None, ts_recv: int) -> VenueReport:
        """Return a fill as ``GET fills`` shows it."""
        instrument, price = f"{row['product_id']}.{VENUE}", Decimal(row["price"])
        spec = self.instruments.get(instrument)
        quote = spec.quote if spec is not None else None
        fee, paid = charged(spec, price, row.get("commission") or None, quote)
        size = Decimal(row["size"])
        return VenueReport(
            venue=VENUE,
            ts_recv=ts_recv,
            instrument=instrument,
            kind="fill",
            order=client_id,
            venue_id=row["order_id"],
            execution=row["trade_id"],
            ts_event=to_ns(row["trade_time"]),
            price=price,
            qty=size / price if row.get("size_in_quote") else size,
            liquidity="maker" if row.get("liquidity_indicator") == "MAKER" else "taker",
            fee=fee,
            paid=paid,
        )

    @staticmethod
    def terms(row: Mapping[str, Any]) -> StandingTerms:
        """Return the terms of an order as a row of the user channel shows them."""
        qty = Decimal(row["cumulative_quantity"]) + Decimal(row.get("leaves_quantity") or 0)
        return StandingTerms(Decimal(row.get("limit_price") or 0) or None, qty)

    def order_state(self, row: Mapping[str, Any], fills: Sequence[Mapping[str, Any]], ts_recv: int) -> OrderState:
        """Return an order as a request shows it, with its fills."""
        (terms,) = row["order_configuration"].values()
        end, reason = self._end(row["status"], row.get("time_in_force", ""), row.get("order_type", ""))
        told = [self.fill(fill, row["client_order_id"], ts_recv) for fill in fills]
        return OrderState(
            venue_id=row["order_id"],
            end=end,
            terms=StandingTerms(
                Decimal(terms["limit_price"]) if "limit_price" in terms else None,
                Decimal(row["filled_size"] if end == "filled" else terms["base_size"]),
            ),
            ts_event=to_ns(row.get("last_fill_time") or row["created_time"]),
            reason=reason,
            fills=tuple(sorted(told, key=lambda fill: fill.ts_event or 0)),
        )

    @staticmethod
    def side_of(row: Mapping[str, Any]) -> Side:
        """Return the side of an order or a fill."""
        return Side.BUY if row["side"] == "BUY" else Side.SELL
