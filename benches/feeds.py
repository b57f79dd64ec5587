"""Live frames of every venue, from bytes to book and events, against parsing alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import orjson

import tradecore as tc
from benches.harness import Job, Target
from benches.market import SNAPSHOT, depth_frames

FRAMES = 4_000


def feed_jobs() -> dict[str, Callable[[], Job]]:
    """Jobs by name."""
    return {"live frames": live_frames}


def live_frames() -> Job:
    """Take depth frames of twenty levels, with a trade after every fourth, of each venue."""
    work: dict[str, Callable[[], float]] = {}
    targets = []
    for venue, symbol, frames in _venues():
        spec = tc.Instrument(
            f"{symbol}.{venue}", kind="linear", base="B", quote="Q", price_increment="0.01", qty_increment="0.001"
        )
        work[f"tradecore, {venue}"] = _decoding(venue, spec, frames)
        work[f"orjson alone, {venue}"] = _parsing(frames)
        targets.append(Target(f"tradecore, {venue}", f"orjson alone, {venue}", 1.0))
    return Job("us/frame", dict.fromkeys(work, FRAMES), work, tuple(targets))


def _decoding(venue: str, spec: tc.Instrument, frames: Sequence[bytes]) -> Callable[[], float]:
    def run() -> float:
        decoder = tc.FeedDecoder(venue, [spec])
        feed = decoder.feed
        started = time.perf_counter()
        for frame in frames:
            feed(frame, 0)
        seconds = time.perf_counter() - started
        assert (decoder.state(spec.id), decoder.gaps(spec.id)) == (tc.BookState.SYNCED, 0)
        return seconds

    return run


def _parsing(frames: Sequence[bytes]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        for frame in frames:
            orjson.loads(frame)
        return time.perf_counter() - started

    return run


def _venues() -> list[tuple[str, str, list[bytes]]]:
    """Frames of each venue: a snapshot, then changes and trades."""
    binance = depth_frames(FRAMES - 1)
    return [
        ("BINANCE_USDM", "BTCUSDT", [binance[0], SNAPSHOT, *binance[1:]]),
        ("BYBIT", "BTCUSDT", _frames(_bybit)),
        ("COINBASE", "BTC-USD", _frames(_coinbase)),
    ]


Level = tuple[str, str]


def _frames(write: Callable[[int, list[Level], list[Level]], bytes]) -> list[bytes]:
    random = np.random.default_rng(7)
    mid = 600_000 + np.cumsum(random.integers(-3, 4, FRAMES))
    frames = []
    for number in range(FRAMES):
        sides: list[list[Level]] = []
        for sign in (-1, 1):
            steps = np.sort(random.choice(np.arange(1, 40), 10, replace=False)) * sign + mid[number]
            amounts = random.integers(0, 5_000, 10)
            sides.append([(f"{s // 10}.{s % 10}0", f"{a / 1000:.3f}") for s, a in zip(steps, amounts, strict=True)])
        frames.append(write(number, *sides))
    return frames


def _bybit(number: int, bids: list[Level], asks: list[Level]) -> bytes:
    ms = 1_700_000_000_000 + 20 * number
    if number % 5 == 4:
        price, qty = bids[0]
        return (
            f'{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":{ms},"data":[{{"T":{ms - 1},"s":"BTCUSDT",'
            f'"S":"Sell","v":"{qty}","p":"{price}","L":"MinusTick","i":"8c931d9a-b703-5c34-9aeb-{number:012x}",'
            f'"BT":false,"RPI":false,"seq":{number}}}]}}'
        ).encode()
    kind = "delta" if number else "snapshot"
    update = number - number // 5 + 10
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": update, "seq": 3 * number + 1}
    frame = {"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": ms, "data": data, "cts": ms - 4}
    return orjson.dumps(frame)


def _coinbase(number: int, bids: list[Level], asks: list[Level]) -> bytes:
    ms = 20 * number
    stamp = f"2026-09-30T02:{39 + ms // 60_000:02}:{ms // 1_000 % 60:02}.{ms % 1_000:03}495Z"
    event: dict[str, object]
    if number % 5 == 4:
        price, qty = bids[0]
        trade = {"product_id": "BTC-USD", "trade_id": str(number), "price": price, "size": qty, "time": stamp}
        channel, event = "market_trades", {"type": "update", "trades": [{**trade, "side": "BUY"}]}
    else:
        updates = [
            {"side": side, "event_time": stamp, "price_level": price, "new_quantity": qty}
            for side, levels in (("bid", bids), ("offer", asks))
            for price, qty in levels
        ]
        kind = "update" if number else "snapshot"
        channel, event = "l2_data", {"type": kind, "product_id": "BTC-USD", "updates": updates}
    return orjson.dumps({"channel": channel, "timestamp": stamp, "sequence_num": number, "events": [event]})
