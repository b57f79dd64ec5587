"""Fees as venues charge them, in the currency that accounts are kept in."""

from __future__ import annotations

from decimal import Decimal

from tradecore._core import Instrument

__all__ = ["Charged", "charged"]

Charged = tuple[Decimal | None, tuple[Decimal, str] | None]
"""A fee in the settlement currency, where it can be said in it, and as it was charged: amount and currency."""


def charged(spec: Instrument | None, price: Decimal, amount: str | None, currency: str | None) -> Charged:
    """Return a fee of a fill; one in the coin that was traded is worth what the fill's own price says.

    Parameters
    ----------
    spec : Instrument, optional
        None where the instrument is not known.
    price : Decimal
        Of the fill.
    amount, currency : str, optional
        As the venue tells them; None where it tells none.
    """
    if amount is None or currency is None:
        return None, None
    paid = Decimal(amount), currency
    if spec is None:
        return None, paid
    if currency == spec.settlement:
        return paid[0], paid
    if spec.kind == "spot" and currency == spec.base:
        return paid[0] * price, paid
    return None, paid
