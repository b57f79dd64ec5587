"""What a venue's symbol says of an instrument, by the grammar that the venue documents for its symbols.

A rule is a pattern of symbols and what they stand for. What a symbol does not say, or not for certain, stays unknown:
a wrong contract size is a wrong result without a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tradecore.types import InstrumentKind, OptionSide

__all__ = ["Terms", "describe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is known of an instrument by its symbol; None where the symbol does not say.

    Attributes
    ----------
    kind : InstrumentKind or None
    base, quote : str or None
        Currencies.
    settlement : str or None
        Currency of profit and loss, where it is not what the kind implies.
    contract_size : Decimal or None
        Base units a contract or a unit of quantity stands for (quote units if inverse, settlement units a unit of price
        is worth if quanto).
    expiry_ns : int or None
        ns UTC.
    strike : Decimal or None
    option_side : OptionSide or None
    says : str
        From what this was concluded, or why nothing was.
    """

    kind: InstrumentKind | None = None
    base: str | None = None
    quote: str | None = None
    settlement: str | None = None
    contract_size: Decimal | None = None
    expiry_ns: int | None = None
    strike: Decimal | None = None
    option_side: OptionSide | None = None
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """Symbols of one kind of contract.

    The groups of ``pattern`` are ``base``, ``quote``, ``strike``, ``side`` and ``day`` (``260327``, ``27MAR26``, or
    ``H26`` for the last Friday of that month). ``size`` is by base where contracts differ, ``*`` for all others.
    """

    pattern: re.Pattern[str]
    kind: InstrumentKind | None
    says: str
    quote: str | None = None
    settlement: str | None = None
    size: Mapping[str, str] | str | None = "1"
    hour: int = 8
    is_london: bool = False
    """Whether the hour of expiry is London's, not UTC's."""


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH_LETTERS = "FGHJKMNQUVXZ"
_FRIDAY, _SUNDAY = 4, 6

_YMD = r"(?P<day>\d{6})"
_DMY = rf"(?P<day>\d{{1,2}}(?:{'|'.join(_MONTHS)})\d\d)"
_LETTER = rf"(?P<day>[{_MONTH_LETTERS}]\d\d)"
_OPTION = r"(?P<strike>\d+(?:[.D]\d+)?)-(?P<side>[CP])"
_COIN = r"(?P<base>[^-_/]+)"
_SPOT_QUOTES = (
    "USDT|USDC|FDUSD|TUSD|BUSD|USDP|USDS|USD1|USDE|DAI|EUR|GBP|AUD|TRY|BRL|RUB|UAH|JPY|ZAR|PLN|MXN|ARS|COP|CZK|RON|IDRT|"
    "BTC|ETH|BNB|XRP|TRX|DOGE|SOL"
)
_PAIR = rf"(?P<base>.+?)(?P<quote>{_SPOT_QUOTES}|USD)"

_SPOT, _LINEAR, _INVERSE = InstrumentKind.SPOT, InstrumentKind.LINEAR, InstrumentKind.INVERSE
_QUANTO, _OPT = InstrumentKind.QUANTO, InstrumentKind.OPTION
_HUNDRED_OR_TEN = {"BTC": "100", "*": "10"}
_BITMEX_QUANTO = {"ETH": "0.000001", "BCH": "0.000001", "LTC": "0.000002", "XRP": "0.0002"}


def _rule(pattern: str, kind: InstrumentKind | None, says: str, **rest: object) -> _Rule:
    return _Rule(pattern=re.compile(pattern), kind=kind, says=says, **rest)  # type: ignore[arg-type]


def _okx() -> list[_Rule]:
    coin = rf"{_COIN}-(?P<quote>USD)"
    cash = rf"{_COIN}-(?P<quote>USDT|USDC)"
    sizes = {"BTC": "0.01", "ETH": "0.1"}
    return [
        _rule(rf"{coin}-SWAP", _INVERSE, "inverse perpetual, contracts of USD", size=_HUNDRED_OR_TEN),
        _rule(rf"{coin}-{_YMD}", _INVERSE, "inverse future, contracts of USD", size=_HUNDRED_OR_TEN),
        _rule(rf"{_COIN}-(?P<quote>USDT)-SWAP", _LINEAR, "linear perpetual", size=sizes),
        _rule(rf"{_COIN}-(?P<quote>USDT)-{_YMD}", _LINEAR, "linear future", size=sizes),
        _rule(rf"{cash}-SWAP", _LINEAR, "linear perpetual", size=None),
        _rule(rf"{cash}-{_YMD}", _LINEAR, "linear future", size=None),
        _rule(rf"{coin}-{_YMD}-{_OPTION}", _OPT, "option settled in coin", settlement="base", size=None),
    ]


_OKX_PAIR = _rule(rf"{_COIN}-(?P<quote>[^-_/]+)", _SPOT, "spot")
_BYBIT_OPTIONS = [
    _rule(rf"{_COIN}-{_DMY}-{_OPTION}", _OPT, "option settled in USDC", quote="USDC"),
    _rule(rf"{_COIN}-{_DMY}-{_OPTION}-(?P<quote>USDT)", _OPT, "option settled in USDT"),
]
_COINBASE_PERPETUAL = _rule(rf"{_COIN}-PERP", _LINEAR, "linear perpetual settled in USDC", quote="USDC")

_RULES: dict[str, list[_Rule]] = {
    "BINANCE": [_rule(rf"(?P<base>[^-_/]+?)(?P<quote>{_SPOT_QUOTES})", _SPOT, "spot")],
    "BINANCE_USDM": [
        _rule(r"(?P<base>[^-_/]+?)(?P<quote>USDT|USDC|BUSD|USD1)", _LINEAR, "linear perpetual"),
        _rule(rf"(?P<base>[^-_/]+?)(?P<quote>USDT|USDC)_{_YMD}", _LINEAR, "linear future"),
        _rule(rf"{_COIN}USD_.+", None, "symbol of a coin-margined contract, whose venue is BINANCE_COINM"),
    ],
    "BINANCE_COINM": [
        _rule(rf"{_COIN}(?P<quote>USD)_PERP", _INVERSE, "inverse perpetual, contracts of USD", size=_HUNDRED_OR_TEN),
        _rule(rf"{_COIN}(?P<quote>USD)_{_YMD}", _INVERSE, "inverse future, contracts of USD", size=_HUNDRED_OR_TEN),
    ],
    "BINANCE_EUROPEAN_OPTIONS": [
        _rule(
            rf"{_COIN}-{_YMD}-{_OPTION}", _OPT, "option settled in USDT", quote="USDT", size={"BTC": "1", "ETH": "1"}
        ),
    ],
    "BYBIT": [
        _rule(r"(?P<base>[^-_/]+?)(?P<quote>USDT)", _LINEAR, "linear perpetual"),
        _rule(r"(?P<base>[^-_/]+?)PERP", _LINEAR, "linear perpetual settled in USDC", quote="USDC"),
        _rule(r"(?P<base>[^-_/]+?)(?P<quote>USD)", _INVERSE, "inverse perpetual, contracts of 1 USD"),
        _rule(rf"(?P<base>[^-_/]+?)(?P<quote>USD){_LETTER}", _INVERSE, "inverse future, contracts of 1 USD"),
        _rule(rf"(?P<base>[^-_/]+?)(?P<quote>USDT)-{_DMY}", _LINEAR, "linear future"),
        _rule(rf"{_COIN}-{_DMY}", _LINEAR, "linear future settled in USDC", quote="USDC"),
        *_BYBIT_OPTIONS,
    ],
    "BYBIT_SPOT": [_rule(rf"(?P<base>[^-_/]+?)(?P<quote>{_SPOT_QUOTES})", _SPOT, "spot")],
    "BYBIT_OPTIONS": _BYBIT_OPTIONS,
    "DERIBIT": [
        _rule(r"[A-Z0-9_]+-[A-Z]+-.+", None, "combination of several instruments"),
        _rule(r"[A-Z]+DVOL_.+", None, "future on a volatility, no amount of a coin"),
        _rule(rf"{_COIN}-PERPETUAL", _INVERSE, "inverse perpetual, amounts in USD", quote="USD"),
        _rule(rf"{_COIN}-{_DMY}", _INVERSE, "inverse future, amounts in USD", quote="USD"),
        _rule(rf"{_COIN}-{_DMY}-{_OPTION}", _OPT, "option settled in coin", quote="USD", settlement="base"),
        _rule(rf"{_COIN}_(?P<quote>USDC|USDT)-PERPETUAL", _LINEAR, "linear perpetual, amounts in coin"),
        _rule(rf"{_COIN}_(?P<quote>USDC|USDT)-{_DMY}", _LINEAR, "linear future, amounts in coin"),
        _rule(rf"{_COIN}_(?P<quote>USDC|USDT)-{_DMY}-{_OPTION}", _OPT, "option settled in cash"),
        _rule(rf"{_COIN}_(?P<quote>[A-Z]+)", _SPOT, "spot"),
    ],
    "OKX": [*_okx(), _OKX_PAIR],
    "OKEX": [_OKX_PAIR],
    "OKEX_SWAP": _okx(),
    "OKEX_FUTURES": _okx(),
    "OKEX_OPTIONS": _okx(),
    "BITMEX": [
        _rule(r"(?P<base>XBT)(?P<quote>USD)", _INVERSE, "inverse perpetual, contracts of 1 USD"),
        _rule(rf"(?P<base>XBT){_LETTER}", _INVERSE, "inverse future, contracts of 1 USD", quote="USD", hour=12),
        _rule(r"(?P<base>XBT)(?P<quote>USDT)", _LINEAR, "linear perpetual, contracts of 0.000001 XBT", size="0.000001"),
        _rule(
            rf"(?P<base>{'|'.join(_BITMEX_QUANTO)})(?P<quote>USD)(?:{_LETTER})?",
            _QUANTO,
            "quanto settled in XBT",
            settlement="XBT",
            size=_BITMEX_QUANTO,
            hour=12,
        ),
        _rule(rf"(?P<base>XRP|TRX){_LETTER}", _LINEAR, "linear future against XBT", quote="XBT", hour=12),
        _rule(rf"{_COIN}_(?P<quote>USDT)", _SPOT, "spot"),
    ],
    "SYNTH": [_rule(r"(?P<base>[^-_/]+?)(?P<quote>USDT)", _LINEAR, "linear perpetual")],
    "COINBASE": [
        _rule(rf"{_COIN}-(?P<quote>(?!PERP$)[^-_/]+)", _SPOT, "spot"),
        _rule(rf"{_COIN}-PERP-INTX", _LINEAR, "linear perpetual settled in USDC", quote="USDC"),
    ],
    "COINBASE_INTERNATIONAL": [_COINBASE_PERPETUAL],
    "KRAKEN": [_rule(rf"{_COIN}[-/](?P<quote>[^-_/]+)", _SPOT, "spot")],
    "KRAKEN_FUTURES": [
        _rule(r"PI_(?P<base>[A-Z0-9]+)(?P<quote>USD)", _INVERSE, "inverse perpetual, contracts of 1 USD"),
        _rule(
            rf"FI_(?P<base>[A-Z0-9]+)(?P<quote>USD)_{_YMD}",
            _INVERSE,
            "inverse future, contracts of 1 USD",
            hour=16,
            is_london=True,
        ),
        _rule(r"PF_(?P<base>[A-Z0-9]+)(?P<quote>USD|EUR|GBP)", _LINEAR, "linear perpetual, amounts in coin"),
        _rule(
            rf"FF_(?P<base>[A-Z0-9]+)(?P<quote>USD|EUR|GBP)_{_YMD}",
            _LINEAR,
            "linear future, amounts in coin",
            hour=16,
            is_london=True,
        ),
    ],
    "HUOBI": [_rule(rf"(?P<base>[^-_/]+?)(?P<quote>{_SPOT_QUOTES}|HUSD|HT)", _SPOT, "spot")],
    "HUOBI_DM_SWAP": [
        _rule(rf"{_COIN}-(?P<quote>USD)", _INVERSE, "inverse perpetual, contracts of USD", size=_HUNDRED_OR_TEN),
    ],
    "HUOBI_DM_LINEAR_SWAP": [
        _rule(rf"{_COIN}-(?P<quote>USDT)", _LINEAR, "linear perpetual", size={"BTC": "0.001"}),
    ],
}
"""Rules of symbols by venue; the first that fits a symbol is its."""

_ANY = [
    _rule(rf"{_COIN}[-_/](?P<quote>{_SPOT_QUOTES}|USD)(?:[-_/].*)?", None, ""),
    _rule(_PAIR, None, ""),
]
"""How a symbol of any venue names its currencies."""


def describe(symbol: str, venue: str) -> Terms:
    """Say what a symbol of a venue tells of its instrument.

    Parameters
    ----------
    symbol, venue : str
        The venue's own symbol, and its name here.

    Returns
    -------
    Terms
        What is unknown is None; ``says`` tells from what it was concluded.

    Examples
    --------
    >>> from tradecore.data.symbols import describe
    >>> terms = describe("ETHUSD", "BITMEX")
    >>> terms.kind.value, terms.settlement, terms.contract_size
    ('quanto', 'XBT', Decimal('0.000001'))
    """
    name = symbol.upper()
    rules = _RULES.get(venue)
    for rule in rules or ():
        if (found := rule.pattern.fullmatch(name)) and (terms := _terms(rule, found.groupdict())) is not None:
            return terms
    reason = "no rule is known here for symbols of that venue" if rules is None else f"no symbol of {venue} known here"
    for rule in _ANY:
        if found := rule.pattern.fullmatch(name):
            return Terms(base=found["base"], quote=found["quote"], says=reason)
    return Terms(says=reason)


def _terms(rule: _Rule, words: Mapping[str, str | None]) -> Terms | None:
    """Return what a rule makes of a symbol; None if its day is none of the calendar."""
    expiry = None
    if (day := words.get("day")) is not None:
        date = _date(day)
        if date is None:
            return None
        hour = rule.hour - (1 if rule.is_london and _is_summer_time(date) else 0)
        expiry = int((date + timedelta(hours=hour)).timestamp()) * 1_000_000_000
    base = words.get("base")
    strike, side = words.get("strike"), words.get("side")
    size = rule.size
    if isinstance(size, Mapping):
        size = size.get(base or "", size.get("*"))
    return Terms(
        kind=rule.kind,
        base=base,
        quote=words.get("quote") or rule.quote,
        settlement=base if rule.settlement == "base" else rule.settlement,
        contract_size=None if size is None or rule.kind is None else Decimal(size),
        expiry_ns=expiry,
        strike=None if strike is None else Decimal(strike.replace("D", ".")),
        option_side=None if side is None else OptionSide.CALL if side == "C" else OptionSide.PUT,
        says=rule.says,
    )


def _date(text: str) -> datetime | None:
    """Return the day that a symbol names, at midnight UTC."""
    try:
        if text[0] in _MONTH_LETTERS:
            return _last(_FRIDAY, 2000 + int(text[1:]), _MONTH_LETTERS.index(text[0]) + 1)
        if text.isdigit():
            return datetime(2000 + int(text[:2]), int(text[2:4]), int(text[4:]), tzinfo=UTC)
        return datetime(2000 + int(text[-2:]), _MONTHS.index(text[-5:-2]) + 1, int(text[:-5]), tzinfo=UTC)
    except ValueError:
        return None


def _last(weekday: int, year: int, month: int) -> datetime:
    """Return the last such day of a month."""
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)
    return end - timedelta(days=(end.weekday() - weekday) % 7)


def _is_summer_time(day: datetime) -> bool:
    """Whether London's clocks are an hour ahead of UTC in the afternoon of a day."""
    return _last(_SUNDAY, day.year, 3) <= day < _last(_SUNDAY, day.year, 10)
