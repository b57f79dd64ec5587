"""What Coinbase says of an account, as values of our own, and commands as it wants them. No socket is touched here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tradecore._core import Command, Instrument
from tradecore.types import OrderType, Side, TimeInForce
from tradecore.venues.base import symbol_of
from tradecore.venues.coinbase.market import VENUE
from tradecore.venues.events import ReportKind, VenueReport
from tradecore.venues.fees import charged
from tradecore.venues.orders import OrderState, Refusal

__all__ = ["AccountReader", "order_body", "refusal_of", "to_ns", "to_text"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIVES = {
    "IMMEDIATE_OR_CANCEL": "ioc_remainder",
    "FILL_OR_KILL": "fok_not_fillable",
    "GOOD_UNTIL_DATE_TIME": "gtd_reached",
}
_BY_CODE = {
    "INSUFFICIENT_FUND": "insufficient_balance",
    "INVALID_LIMIT_PRICE_POST_ONLY": "post_only_would_cross",
    "INVALID_SIZE_PRECISION": "off_grid",
    "INVALID_PRICE_PRECISION": "off_grid",
    "UNSUPPORTED_ORDER_CONFIGURATION": "unsupported",
    "INVALID_PRODUCT_ID": "not_listed",
    "UNKNOWN_CANCEL_ORDER": "unknown_order",
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

    def order_state(self, row: Mapping[str, Any], fills: Sequence[Mapping[str, Any]], ts_recv: int) -> OrderState:
        """Return an order as a request shows it, with its fills."""
        (terms,) = row["order_configuration"].values()
        end, reason = self._end(row["status"], row.get("time_in_force", ""), row.get("order_type", ""))
        told = [self.fill(fill, row["client_order_id"], ts_recv) for fill in fills]
        return OrderState(
            venue_id=row["order_id"],
            end=end,
            price=Decimal(terms["limit_price"]) if "limit_price" in terms else None,
            qty=Decimal(terms["base_size"]),
            ts_event=to_ns(row.get("last_fill_time") or row["created_time"]),
            reason=reason,
            fills=tuple(sorted(told, key=lambda fill: fill.ts_event or 0)),
        )

    @staticmethod
    def side_of(row: Mapping[str, Any]) -> Side:
        """Return the side of an order or a fill."""
        return Side.BUY if row["side"] == "BUY" else Side.SELL


def order_body(command: Command) -> dict[str, Any]:
    """Return a new order.

    Raises
    ------
    Refusal
        For terms the venue's interface has no words for.
    """
    if command.reduce_only or command.display_qty is not None or command.slides:
        raise Refusal("unsupported", "there are no reduce-only, iceberg or sliding orders here")
    return {
        "client_order_id": command.client_id,
        "product_id": symbol_of(command.instrument),
        "side": "BUY" if command.side is Side.BUY else "SELL",
        "order_configuration": _configuration(command),
    }


def _configuration(command: Command) -> dict[str, Any]:
    size = {"base_size": f"{command.qty:f}"}
    if command.order_type is OrderType.MARKET:
        return {"market_market_ioc": size}
    if command.price is None:
        raise Refusal("unsupported", "a conditional order needs a limit here")
    terms: dict[str, Any] = size | {"limit_price": f"{command.price:f}"}
    life = command.time_in_force
    if life is TimeInForce.GTD and command.expires_at is not None:
        terms["end_time"] = to_text(command.expires_at)
    if command.order_type in (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT):
        return _stop(command, terms)
    match life:
        case TimeInForce.GTC:
            return {"limit_limit_gtc": terms | {"post_only": command.post_only}}
        case TimeInForce.GTD:
            return {"limit_limit_gtd": terms | {"post_only": command.post_only}}
        case TimeInForce.FOK:
            return {"limit_limit_fok": terms}
        case TimeInForce.IOC:
            return {"sor_limit_ioc": terms}
        case _:
            raise Refusal("unsupported", f"time in force {life.name} is not one of the venue's")


def _stop(command: Command, terms: dict[str, Any]) -> dict[str, Any]:
    if command.post_only or command.trigger not in (None, "last"):
        raise Refusal("unsupported", "conditional orders are set off by the last price, and are not post-only")
    lives = {TimeInForce.GTC: "gtc", TimeInForce.GTD: "gtd"}
    if command.time_in_force not in lives:
        raise Refusal("unsupported", f"a conditional order is not {command.time_in_force.name} here")
    rises = (command.side is Side.BUY) == (command.order_type is OrderType.STOP_LIMIT)
    direction = "STOP_DIRECTION_STOP_UP" if rises else "STOP_DIRECTION_STOP_DOWN"
    stop = {"stop_price": f"{command.trigger_price:f}", "stop_direction": direction}
    return {f"stop_limit_stop_limit_{lives[command.time_in_force]}": terms | stop}


def refusal_of(answer: Mapping[str, Any]) -> Refusal:
    """Return what a refused order is in our words."""
    error = answer.get("error_response") or {}
    named = ("error", "new_order_failure_reason", "preview_failure_reason", "failure_reason", "edit_failure_reason")
    said = [str(source[name]) for source in (error, answer) for name in named if source.get(name)]
    words = [_BY_CODE.get(each.removeprefix("PREVIEW_")) for each in said]
    detail = ", ".join([*said, *([str(error["message"])] if error.get("message") else [])])
    return Refusal(next((word for word in words if word), "venue"), detail or "refused")
