"""Whose messages a capture holds: the venue, the symbol and the market, and what they are concluded from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

__all__ = ["conclude", "conclude_other", "contradiction", "is_captured"]

_CAPTURED = re.compile(rb"[0-9]+(\.[0-9]+)?[ \t]+[\[{]")
_COIN_MARGINED = re.compile(r"USD_(PERP|[0-9]{6})$")
_OTHER_KEYS = (b'"topic"', b'"channel"', b'"product_id"', b'"retCode"')
"""What a frame of Bybit or Coinbase has one of, and none of Binance."""
_SPOT, _FUTURES = "spot", "futures"

_Reasons = dict[str, str]
"""By market, spot or futures, the first thing that tells it."""


def is_captured(line: bytes) -> bool:
    """Return whether a line begins as those of captures do."""
    return _CAPTURED.match(line) is not None


def _frame(line: bytes) -> bytes:
    """Return what stands behind a line's time of receipt."""
    return b"".join(line.split(maxsplit=1)[1:])


def conclude(heads: Sequence[Sequence[bytes]]) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    """Return the id of the instrument that captures of Binance are of, why, and the symbols they name.

    From their first lines. The id is None where it cannot be told, with what is missing.
    """
    symbols, general = _evidence(heads)
    if not symbols and (broken := _is_no_json(heads)) is not None:
        return None, (f"no frame is JSON, such as {broken}",), ()
    return *_concluded(symbols, general), tuple(symbols)


def _is_no_json(heads: Sequence[Sequence[bytes]]) -> str | None:
    """Return how the first frame begins, if none is JSON."""
    frames = [frame for head in heads for line in head if (frame := _frame(line))]
    for frame in frames:
        try:
            orjson.loads(frame)
        except orjson.JSONDecodeError:
            continue
        return None
    return repr(frames[0][:40].decode(errors="replace")) if frames else None


def conclude_other(heads: Sequence[Sequence[bytes]]) -> tuple[str | None, tuple[str, ...], tuple[str, ...]] | None:
    """Return the same of captures of Bybit or Coinbase; None where no frame is one of theirs."""
    symbols: dict[str, None] = {}
    told: dict[str, str] = {}
    is_theirs = False
    for number, line in enumerate((line for head in heads for line in head), start=1):
        for venue, symbol in _others(line):
            is_theirs = True
            if symbol:
                symbols.setdefault(symbol)
            if venue:
                told.setdefault(venue, f"line {number}")
    if not is_theirs:
        return None
    if len(symbols) != 1:
        return None, (f"holds {', '.join(sorted(symbols))}" if symbols else "no frame names a symbol",), tuple(symbols)
    (symbol,) = symbols
    if len(told) != 1:
        why = "are of derivatives and of spot" if told else "tell neither derivatives nor spot"
        return None, (f"frames of Bybit that name {symbol} and {why}",), (symbol,)
    ((venue, place),) = told.items()
    return f"{symbol}.{venue}", (f"frames of {venue.partition('_')[0].capitalize()}, {place}",), (symbol,)


def _others(line: bytes) -> Iterator[tuple[str | None, str]]:
    """Yield of what Bybit or Coinbase sent the venue and the symbol, each nothing where a frame does not say."""
    if not any(key in line for key in _OTHER_KEYS):
        return
    try:
        frames = orjson.loads(_frame(line))
    except orjson.JSONDecodeError:
        return
    for frame in frames if isinstance(frames, list) else [frames]:
        if isinstance(frame, dict):
            yield from _of_frame(frame)


def _of_frame(frame: dict[str, Any]) -> Iterator[tuple[str | None, str]]:
    """Yield the same of a frame."""
    topic, data = frame.get("topic"), frame.get("data")
    if isinstance(topic, str):
        first = next((part for part in (data if isinstance(data, list) else [data]) if isinstance(part, dict)), {})
        yield _bybit_market(topic, first), topic.rpartition(".")[2]
    elif "retCode" in frame and isinstance(result := frame.get("result"), dict) and isinstance(result.get("s"), str):
        yield None, result["s"]
    elif isinstance(frame.get("channel"), str) and isinstance(frame.get("events"), list):
        parts = [part for event in frame["events"] if isinstance(event, dict) for part in _products(event)]
        yield from (("COINBASE", part) for part in parts or [""])
    elif isinstance(frame.get("type"), str) and isinstance(frame.get("product_id"), str):
        yield "COINBASE", frame["product_id"]


def _bybit_market(topic: str, data: dict[str, Any]) -> str | None:
    """Return the venue that a message of Bybit can only be of."""
    if topic.startswith("publicTrade."):
        # The direction of the price is told of derivatives alone.
        return "BYBIT" if "L" in data else "BYBIT_SPOT"
    if topic.startswith(("allLiquidation.", "liquidation.")) or data.keys() & {"openInterest", "markPrice"}:
        return "BYBIT"
    return "BYBIT_SPOT" if topic.startswith("tickers.") and "usdIndexPrice" in data else None


def _products(event: dict[str, Any]) -> Iterator[str]:
    """Yield the products that an event of Coinbase names, itself or in its parts."""
    for part in [event, *(event.get("trades") or ()), *(event.get("tickers") or ())]:
        if isinstance(part, dict) and isinstance(name := part.get("product_id"), str):
            yield name


def _concluded(symbols: dict[str, _Reasons], general: _Reasons) -> tuple[str | None, tuple[str, ...]]:
    if not symbols:
        return None, ("no frame names a symbol",)
    if len(symbols) > 1:
        return None, (f"holds {', '.join(sorted(symbols))}",)
    ((symbol, reasons),) = symbols.items()
    reasons = reasons or general
    if len(reasons) > 1:
        both = " and ".join(f"of {market} ({reason})" for market, reason in reasons.items())
        return None, (f"holds frames of {symbol} {both}",)
    if not reasons:
        return None, (f"holds {symbol}, but no frame tells whether of spot, USD-M or COIN-M futures",)
    ((market, reason),) = reasons.items()
    if market == _SPOT:
        return f"{symbol}.BINANCE", (f"spot: {reason}",)
    if _COIN_MARGINED.search(symbol):
        return f"{symbol}.BINANCE_COINM", (f"futures: {reason}", f"COIN-M: the symbol {symbol}")
    return f"{symbol}.BINANCE_USDM", (f"futures: {reason}", f"USD-M: the symbol {symbol}")


def contradiction(head: Sequence[bytes], symbol: str, venue: str) -> str | None:
    """Return what in a capture's first lines shows that a symbol's messages are of another market than a venue's."""
    if not venue.startswith("BINANCE"):
        markets = {
            told: number for number, line in enumerate(head, start=1) for told, of in _others(line) if of == symbol
        }
        markets = {told: number for told, number in markets.items() if told is not None}
        if markets and venue not in markets:
            ((told, number), *_) = markets.items()
            return f"holds {symbol} of {told} (line {number}), but the instrument is {symbol}.{venue}"
        return None
    symbols, _ = _evidence([head])
    reasons = symbols.get(symbol, {})
    told, other = (_SPOT, _FUTURES) if venue == "BINANCE" else (_FUTURES, _SPOT)
    if other in reasons and told not in reasons:
        return f"holds {symbol} of {other} ({reasons[other]}), but the instrument is {symbol}.{venue}, of {told}"
    return None


def _evidence(heads: Sequence[Sequence[bytes]]) -> tuple[dict[str, _Reasons], _Reasons]:
    """Return what tells the market of each symbol that has streams of its own, and of anything."""
    symbols: dict[str, _Reasons] = {}
    in_passing: dict[str, _Reasons] = {}
    general: _Reasons = {}
    for head in heads:
        for number, line in enumerate(head, start=1):
            for stream, data, is_single in _messages(line):
                order = data.get("o")
                named = order.get("s") if isinstance(order, dict) else data.get("s")
                if named is None and "lastUpdateId" in data and "@" in stream[1:] and stream[0] != "!":
                    # Partial depth of spot has its symbol there alone.
                    named = stream.partition("@")[0].upper()
                found = _tell(stream, data)
                if found is not None:
                    found = (found[0], f"{found[1]}, line {number}")
                    general.setdefault(*found)
                if isinstance(named, str):
                    of = symbols if is_single and not stream.startswith("!") else in_passing
                    reasons = of.setdefault(named, {})
                    if found is not None:
                        reasons.setdefault(*found)
    return symbols or in_passing, general


def _messages(line: bytes) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield a line's messages, each with its stream and whether it stands alone."""
    try:
        frame = orjson.loads(_frame(line))
    except orjson.JSONDecodeError:
        return
    for part in frame if isinstance(frame, list) else [frame]:
        if not isinstance(part, dict):
            continue
        stream, data = part.get("stream"), part.get("data", part)
        is_single = isinstance(data, dict)
        for message in [data] if is_single else data if isinstance(data, list) else []:
            if isinstance(message, dict):
                yield stream if isinstance(stream, str) else "", message, is_single


def _tell(stream: str, data: dict[str, Any]) -> tuple[str, str] | None:
    """Return the market that a message can only be of, and why; None where it may be of any."""
    event = data.get("e")
    if "ps" in data or "st" in data:
        return _FUTURES, f"{event} has {'ps' if 'ps' in data else 'st'}"
    if event in ("markPriceUpdate", "forceOrder", "compositeIndex", "contractInfo") or "@rpiDepth" in stream:
        return _FUTURES, f"{event} is none of spot" if event != "depthUpdate" else "rpiDepth is none of spot"
    match event:
        case "depthUpdate":
            if "pu" in data:
                return _FUTURES, "depthUpdate has pu"
            return None if "T" in data else (_SPOT, "depthUpdate has neither pu nor T")
        case "trade" | "aggTrade":
            if "X" in data or "nq" in data:
                return _FUTURES, f"{event} has {'X' if 'X' in data else 'nq'}"
            if "M" in data:
                return _SPOT, f"{event} has M"
            return (_FUTURES, "aggTrade has no M") if event == "aggTrade" else None
        case "bookTicker":
            return _FUTURES, "bookTicker has e"
        case None:
            if {"u", "b", "B", "a", "A"} <= data.keys():
                return _SPOT, "bookTicker has no e"
            if "lastUpdateId" in data and "E" in data:
                return _FUTURES, "a depth snapshot has E"
            if "lastUpdateId" in data and stream:
                return _SPOT, "partial depth has lastUpdateId"
    return None
