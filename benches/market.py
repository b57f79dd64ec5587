"""The data of the benchmarks: one synthetic market in every form a contender takes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

import tradecore as tc
from tradecore.data.exporters import export
from tradecore.instruments import instrument_from_dict

NAME = "BTCUSDT.SYNTH"


class Market:
    """A synthetic market of some rows in a folder, made once."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder = folder / str(rows)
        self.rows = rows
        self.catalog = self.folder / "catalog"
        if not tc.Catalog(self.catalog).instruments():
            tc.synthesize(self.catalog, events=rows, seed=7)
        self.spec = tc.Catalog(self.catalog).instrument(NAME)

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """All rows in memory, in the dtypes a backtest reads from a catalog."""
        pieces = list(tc.Catalog(self.catalog).stream(NAME))
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    @cached_property
    def every_row_alone(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The first rows, each a message with a time of its own, as columns and as hftbacktest's events."""
        rows = min(self.rows, 200_000)
        columns = {name: values[:rows].copy() for name, values in self.columns.items()}
        columns["flags"] |= np.uint8(tc.EventFlag.LAST)
        events = self.events[:rows].copy()
        for later in (columns["ts_event"], columns["ts_recv"], events["exch_ts"], events["local_ts"]):
            later += np.arange(rows)
        return columns, events

    @cached_property
    def quotes(self) -> dict[str, np.ndarray]:
        """The best prices after every message, as quotes."""
        bids, asks = tc.L2Book(self.spec).apply_and_trace(self.columns)
        ends = self.columns["flags"] & np.uint8(tc.EventFlag.LAST) != 0
        ends &= (bids > 0) & (asks < np.iinfo(np.int64).max)
        rows = np.repeat(np.flatnonzero(ends), 2)
        best = np.where(np.arange(len(rows)) % 2 == 0, bids[rows], asks[rows])
        last = np.tile(np.array([0, tc.EventFlag.LAST], dtype=np.uint8), len(rows) // 2)
        return {
            "ts_event": self.columns["ts_event"][rows],
            "ts_recv": self.columns["ts_recv"][rows],
            "kind": np.full(len(rows), tc.EventKind.QUOTE, dtype=np.uint8),
            "side": np.tile(np.array([1, -1], dtype=np.int8), len(rows) // 2),
            "flags": last,
            "price": best.astype(np.int32),
            "qty": np.full(len(rows), 1_000, dtype=np.int32),
        }

    @cached_property
    def npz(self) -> Path:
        """The rows as hftbacktest's event array, not compressed (its fastest form)."""
        path = self.folder / "events.npz"
        if not path.is_file():
            (made,) = export(self.catalog, NAME, self.folder / "packed.npz", form="hftbacktest")
            np.savez(path, data=np.load(made)["data"])
            made.unlink()
        return path

    @cached_property
    def events(self) -> np.ndarray:
        """Hftbacktest's event array in memory."""
        return np.load(self.npz)["data"]

    @cached_property
    def tardis(self) -> list[Path]:
        """The rows as Tardis files, trades first as hftbacktest wants them."""
        target = self.folder / "tardis"
        if not target.is_dir():
            export(self.catalog, NAME, target, form="tardis")
        return [target / "trades.csv.gz", target / "incremental_book_L2.csv.gz"]


class Crowd:
    """Many quiet markets of some rows each in a folder, made once; together they are as busy as one market.

    Of every book 120 prices are shown, and the messages of one lie between those of the others.
    """

    def __init__(self, folder: Path, count: int, rows: int) -> None:
        self.count = count
        self.folder = folder / f"{count}x{rows}"
        self.file = self.folder / "one.npz"
        self.catalog = self.folder / "catalog"
        if not self.file.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            np.savez(self.file, **self._shallow(rows))
        base = tc.Catalog(self.folder / "deep").instrument(NAME).to_dict()
        self.specs = {name: instrument_from_dict({**base, "id": name}) for name in self.names()}

    @classmethod
    def at(cls, folder: Path) -> Crowd:
        """Those whose folder it is."""
        count, _, rows = folder.name.partition("x")
        return cls(folder.parent, int(count), int(rows))

    def names(self) -> list[str]:
        """Ids of the instruments."""
        return [f"M{number:04}.SYNTH" for number in range(self.count)]

    def _shallow(self, rows: int) -> dict[str, np.ndarray]:
        """Whole messages, ``rows`` rows or a few more."""
        deep = self.folder / "deep"
        tc.synthesize(deep, events=3 * rows + 6_000, seed=7, message_gap="10s")
        pieces = list(tc.Catalog(deep).stream(NAME, with_ids=True))
        columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        flags = columns["flags"]
        message = np.cumsum(flags & np.uint8(tc.EventFlag.LAST)) - (flags & np.uint8(tc.EventFlag.LAST))
        price = columns["price"].astype(np.int64)
        shown = (price == 0) | (abs(price - np.median(price[price > 0])) <= 60)
        columns, message = {name: values[shown] for name, values in columns.items()}, message[shown]
        last = np.append(message[1:] != message[:-1], True)
        columns["flags"] = columns["flags"] & ~np.uint8(tc.EventFlag.LAST) | last.astype(np.uint8)
        end = int(np.flatnonzero(last)[np.searchsorted(np.flatnonzero(last), rows - 1)]) + 1
        return {name: values[:end] for name, values in columns.items()}

    def columns(self, number: int) -> dict[str, np.ndarray]:
        """Columns of one of them, not shared with another."""
        return {
            name: values + 13_700 * number if name.startswith("ts_") else values.copy()
            for name, values in self.one.items()
            if name != "id"
        }

    @cached_property
    def one(self) -> dict[str, np.ndarray]:
        """Columns of the first."""
        return dict(np.load(self.file))

    @cached_property
    def data(self) -> dict[str, dict[str, np.ndarray]]:
        """Columns of all of them."""
        return {name: self.columns(number) for number, name in enumerate(self.names())}

    @cached_property
    def alone(self) -> dict[str, np.ndarray]:
        """The same rows and messages in one market that is as busy as all of them: its book is sent anew each time."""
        one = {name: values for name, values in self.one.items() if name != "id"}
        columns = {name: np.tile(values, self.count) for name, values in one.items()}
        span = (int(one["ts_recv"][-1]) - int(one["ts_event"][0])) // self.count + 1
        for name in ("ts_event", "ts_recv"):
            start = int(one["ts_event"][0])
            rounds = np.repeat(np.arange(self.count) * span, len(one[name]))
            columns[name] = start + np.tile((one[name] - start) // self.count, self.count) + rounds
        return columns

    def store(self) -> Path:
        """Write all of them to a catalog, once."""
        if len(tc.Catalog(self.catalog).instruments()) < self.count:
            for name, columns in self.data.items():
                self._write(self.catalog, self.specs[name], columns)
        return self.catalog

    def store_alone(self) -> Path:
        """Write them to a catalog as one market, once."""
        catalog = self.folder / "alone"
        if not tc.Catalog(catalog).instruments():
            self._write(catalog, tc.Catalog(self.folder / "deep").instrument(NAME), self.alone)
        return catalog

    def _write(self, catalog: Path, spec: tc.Instrument, columns: dict[str, np.ndarray]) -> None:
        wide = {name: columns[name].astype(np.int64) for name in ("price", "qty")}
        ids = np.tile(self.one["id"], len(columns["kind"]) // len(self.one["kind"]))
        with tc.Catalog(catalog).writer(spec, replace=True) as writer:
            writer.write({**columns, **wide, "id": ids})


def depth_frames(count: int, levels: int = 10) -> list[bytes]:
    """Binance USD-M depth frames of twice ``levels`` levels around a moving price, unbroken in sequence."""
    random = np.random.default_rng(7)
    mid = 600_000 + np.cumsum(random.integers(-3, 4, count))
    frames = []
    for index in range(count):
        sides = []
        for sign in (-1, 1):
            steps = np.sort(random.choice(np.arange(1, 40), levels, replace=False)) * sign + mid[index]
            amounts = random.integers(0, 5_000, levels)
            sides.append(
                ",".join(
                    f'["{step // 10}.{step % 10}0","{amount / 1000:.3f}"]'
                    for step, amount in zip(steps, amounts, strict=True)
                )
            )
        time_ms = 1_700_000_000_000 + index * 100
        frames.append(
            f'{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{time_ms},"T":{time_ms - 4},'
            f'"s":"BTCUSDT","U":{index * 10 + 1},"u":{index * 10 + 10},"pu":{index * 10},'
            f'"b":[{sides[0]}],"a":[{sides[1]}]}}}}'.encode()
        )
    return frames


def depth_decoder(spec: tc.Instrument, first: bytes, *, keep_events: bool = True) -> tc.FeedDecoder:
    """Return a decoder whose book is synced with the first of some depth frames."""
    decoder = tc.FeedDecoder("BINANCE_USDM", [spec], keep_events=keep_events)
    decoder.feed(first, 0)
    decoder.feed(SNAPSHOT, 0)
    return decoder


SNAPSHOT = b'{"lastUpdateId":5,"bids":[["59000.00","1.000"]],"asks":[["61000.00","1.000"]]}'
"""What :func:`depth_frames` goes on from."""
