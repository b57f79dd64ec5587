"""How a session stands, as it is answered and pushed: the newest snapshot, and what happened."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tradecore._core import L2Book, client_id_of, format_duration_ns
from tradecore.backtest.stats import net_of
from tradecore.server.bars import INTERVALS
from tradecore.server.bridge import DEPTH, Bridge, Sample
from tradecore.server.diary import MOST_POINTS, Diary, Point
from tradecore.server.history import History, shown_order
from tradecore.server.latency import shown
from tradecore.server.problems import Problem
from tradecore.server.topics import Topics
from tradecore.strategies.compiled import CompiledStrategy
from tradecore.strategy import Strategy
from tradecore.types import BookState
from tradecore.validation import Nanoseconds
from tradecore.version import __version__

__all__ = ["View"]

_SHOWN = 100
"""Items of a topic that its snapshot begins with."""
_SLOW = 10
"""What changes little is pushed with every so manyth snapshot."""

Row = dict[str, Any]


class View:
    """What can be asked of a session. It belongs to the server's event loop.

    Parameters
    ----------
    bridge : Bridge
    earlier : mapping
        What a session that goes on did before, as :meth:`tradecore.live.runner.Live.earlier` has it.
    cash : Decimal
        What the portfolio begins with.
    diary : Diary
        Keeps what only this view knows over a restart.
    """

    def __init__(self, bridge: Bridge, earlier: Mapping[str, Sequence[Row]], cash: Decimal, diary: Diary) -> None:
        self.bridge = bridge
        self.started_ns = time.time_ns()
        self.version = 0
        """Another one with every snapshot, and after everything that somebody has done."""
        self.ids = [instrument.id for instrument in bridge.instruments]
        self.topics = Topics(self.snapshot)
        self._diary = diary
        places = {strategy.name: place for place, strategy in enumerate(bridge.strategies)}
        self.history = History(self._tell, lambda name, order: client_id_of(bridge.session, places[name], order))
        self.history.seed(earlier, bridge.instruments)
        self.sample: Sample | None = None
        self.jobs: Callable[[], list[Row]] = list
        """Returns the backtests, newest first."""
        self._cash = cash
        self._equity: deque[Point] = deque(maxlen=MOST_POINTS)
        self._peak = float("-inf")
        if earlier:
            points, happened = diary.read()
            self.history.remember(happened)
            self._equity.extend(points)
            self._peak = max(
                (equity / (1 - drawdown) for _, equity, drawdown in points if drawdown < 1), default=self._peak
            )
        else:
            diary.forget()
        self._samples = 0
        self._rates: dict[str, float] = {}
        self._counted: Sample | None = None
        symbols = [name.rpartition(".")[0] for name in self.ids]
        pairs = zip(self.ids, symbols, strict=True)
        self._short = {name: symbol if symbols.count(symbol) == 1 else name for name, symbol in pairs}
        self._settlements = {instrument.id: instrument.settlement for instrument in bridge.instruments}
        self._of_session: dict[str, Callable[[], Any]] = {
            "status": self.status,
            "prices": self.quotes,
            "positions": self.positions,
            "portfolio": self.portfolio,
            "risk": self.risk,
            "feeds": self.feeds,
            "latency": self.latency,
            "strategies": self.strategies,
            "equity": lambda: self.equity(0, _SHOWN * 5),
            "orders": self._recent_orders,
            "fills": lambda: list(self.history.fills)[-_SHOWN:],
            "ledger": lambda: list(self.history.ledger)[-_SHOWN:],
            "events": lambda: list(self.history.events)[-_SHOWN:],
            "jobs": lambda: self.jobs()[::-1],
        }
        """What topics of the whole session begin with."""

    def find(self, symbol: str) -> str | None:
        """Return the id of an instrument by id or symbol, in whatever case."""
        wanted = symbol.upper()
        for name, short in self._short.items():
            if wanted in (name.upper(), short.upper()):
                return name
        return None

    def market(self, symbol: str, field: str | None = None) -> int:
        """Return the market of an id or symbol.

        Parameters
        ----------
        symbol : str
        field : str, optional
            The part of a request that names it; its path if not given.

        Raises
        ------
        Problem
        """
        found = self.find(symbol)
        if found is not None:
            return self.ids.index(found)
        text = f"{symbol!r} is not traded here; there is {', '.join(self.ids)}"
        raise Problem(404 if field is None else 422, "unknown_symbol", text, field)

    def renew(self, sample: Sample) -> None:
        """Have views made anew, of how the session stands after what somebody has done."""
        self.version += 1
        if self.sample is None or sample.at_ns >= self.sample.at_ns:
            self.sample = sample

    def take(self, sample: Sample) -> None:
        """Take a snapshot, and push what comes of it."""
        self.renew(sample)
        self.topics.at_ns = sample.at_ns
        self.history.bars.flush()
        self._samples += 1
        is_slow_turn = self._samples % _SLOW == 1
        if is_slow_turn:
            self._count(sample)
            self._point(sample)
        for topic in self.topics.wanted():
            head = topic.partition(":")[0]
            if head in ("status", "prices", "book", "positions", "portfolio", "risk", "feeds") or (
                is_slow_turn and head in ("latency", "strategies", "published")
            ):
                self.topics.state(topic, self.snapshot(topic))

    def snapshot(self, topic: str) -> Any:
        """Return what a topic begins with.

        Raises
        ------
        KeyError
            For a topic there is not.
        """
        head, _, rest = topic.partition(":")
        if not rest:
            return self._of_session[head]()
        if head == "book" and rest in self.ids:
            return self.book(rest, DEPTH)
        if head == "trades" and rest in self.ids:
            return list(self.history.trades.get(rest, ()))[-_SHOWN:]
        if head == "published" and any(rest == strategy.name for strategy in self.bridge.strategies):
            return self.published(rest)
        instrument, _, interval = rest.rpartition(":")
        if head == "bars" and instrument in self.ids and interval in INTERVALS:
            return self.history.bars.last(instrument, interval, 500)
        raise KeyError(topic)

    def names(self) -> list[str]:
        """Return the topics there are."""
        of_instruments = [f"{head}:{name}" for name in self.ids for head in ("book", "trades")]
        bars = [f"bars:{name}:{interval}" for name in self.ids for interval in INTERVALS]
        published = [f"published:{strategy.name}" for strategy in self.bridge.strategies]
        return [*self._of_session, *of_instruments, *bars, *published]

    def _known(self) -> Sample:
        if self.sample is None:
            raise Problem(503, "not_ready", "the session has not begun to tell how it stands")
        return self.sample

    def status(self) -> Row:
        """Return what the session is and does."""
        sample = self._known()
        return {
            "now_ns": sample.at_ns,
            "started_ns": self.started_ns,
            "mode": self.bridge.mode,
            "is_sandbox": self.bridge.is_sandbox,
            "session": self.bridge.session,
            "trading": sample.trading,
            "risk_state": sample.gate,
        }

    def health(self) -> Row:
        """Return whether market data is as it should be, and what the session is."""
        sample = self._known()
        feeds = {row["instrument"]: {"state": row["state"], "age_s": row["age_s"]} for row in self.feeds()}
        is_well = not sample.failures and all(feed["state"] == "synced" for feed in feeds.values())
        status = "healthy" if is_well else "degraded"
        return {"status": status, "version": __version__, **self.status(), "feeds": feeds}

    def book(self, name: str, depth: int) -> Row:
        """Return a book with the own orders in it."""
        state, stamp, bids, asks = self._known().books[self.ids.index(name)]
        own = [
            {"id": row["id"], "side": row["side"], "price": row["price_text"], "quantity": row["remaining_quantity"]}
            for row in reversed(self.history.orders.values())
            if row["is_open"] and row["symbol"] == name and row["price_text"] is not None
        ]
        return {
            "instrument": name,
            "state": state.name.lower(),
            "ts_event_ns": stamp,
            "ts_recv_ns": self._known().feeds[name]["last_ns"],
            "bids": bids[:depth],
            "asks": asks[:depth],
            "orders": own[:200],
        }

    def core_book(self, name: str) -> L2Book:
        """Return the levels that are shown."""
        market = self.ids.index(name)
        _, _, bids, asks = self._known().books[market]
        book = L2Book(self.bridge.instruments[market])
        for side, levels in (("bid", bids), ("ask", asks)):
            for price, qty in levels:
                book.set(side, price, qty)
        return book

    def within(self, name: str, side: str, limit: Decimal | None) -> Decimal | None:
        """Return how much an order with a limit could take of what is shown; None for one without."""
        if limit is None:
            return None
        _, _, bids, asks = self._known().books[self.ids.index(name)]
        is_buy = side == "buy"
        levels = ((Decimal(price), Decimal(qty)) for price, qty in (asks if is_buy else bids))
        return sum((qty for price, qty in levels if (price <= limit if is_buy else price >= limit)), Decimal(0))

    def quotes(self) -> dict[str, Row]:
        """Return best prices by instrument."""
        sample = self._known()
        shown: dict[str, Row] = {}
        for name, (state, _, bids, asks) in zip(self.ids, sample.books, strict=True):
            bid, ask = (bids[0][0] if bids else None), (asks[0][0] if asks else None)
            both = None if bid is None or ask is None else (Decimal(bid), Decimal(ask))
            trades = self.history.trades.get(name)
            shown[name] = {
                "bid": bid,
                "ask": ask,
                "mid": None if both is None else format(sum(both) / 2, "f"),
                "spread": None if both is None else format(both[1] - both[0], "f"),
                "last": trades[-1][1] if trades else None,
                "state": state.name.lower(),
                "age_s": sample.feeds[name]["age_s"],
            }
        return shown

    def prices(self) -> dict[str, float | None]:
        """Return the mid of every instrument, the last trade where there is none."""
        quotes = self.quotes()
        return {self._short[name]: _number(row["mid"] or row["last"]) for name, row in quotes.items()}

    def depth(self) -> dict[str, Row]:
        """Return the best prices of every instrument with their sizes, as numbers, by its short name."""
        shown = {}
        for name, (_, stamp, bids, asks) in zip(self.ids, self._known().books, strict=True):
            bid, ask = (bids[0] if bids else (None, None)), (asks[0] if asks else (None, None))
            prices = None if bid[0] is None or ask[0] is None else (Decimal(bid[0]), Decimal(ask[0]))
            shown[self._short[name]] = {
                "symbol": self._short[name],
                "bid_price": _number(bid[0]),
                "ask_price": _number(ask[0]),
                "bid_quantity": _number(bid[1]),
                "ask_quantity": _number(ask[1]),
                "spread": None if prices is None else float(prices[1] - prices[0]),
                "mid_price": None if prices is None else float(sum(prices) / 2),
                "last_update": datetime.fromtimestamp(stamp / 1e9, UTC).isoformat() if stamp > 0 else None,
            }
        return shown

    def positions(self) -> list[Row]:
        """Return what is held, and what was, by strategy and instrument."""
        quotes = self.quotes()
        return [
            {
                "symbol": row["instrument"],
                "strategy": row["strategy"],
                "quantity": format(row["qty"], "f"),
                "average_price": None if row["avg_entry_price"] is None else f"{row['avg_entry_price']:.12g}",
                "mark_price": quotes[row["instrument"]]["mid"],
                "market_value": format(net_of(row) - row["cash"], "f"),
                "unrealized_pnl": format(row["unrealized_pnl"], "f"),
                "realized_pnl": format(row["realized_pnl"], "f"),
                "fees": format(row["fees"], "f"),
                "funding": format(row["funding"], "f"),
                "currency": self._settlements[row["instrument"]],
            }
            for row in self._known().positions
            if row["fills"]
        ]

    def portfolio(self) -> Row:
        """Return cash, value and positions by short name, as numbers, in the first market's settlement currency."""
        currency = self.bridge.instruments[0].settlement
        held_in = self._settlements
        rows = [row for row in self._known().positions if row["fills"] and held_in[row["instrument"]] == currency]
        cash = self._cash_of(currency) + sum((row["cash"] for row in rows), Decimal(0))
        held: dict[str, Row] = {}
        for row in rows:
            one = held.setdefault(
                self._short[row["instrument"]], {"quantity": 0.0, "average_price": 0.0, "market_value": 0.0, "pnl": 0.0}
            )
            value = net_of(row) - row["cash"]
            one["quantity"] += float(row["qty"])
            one["market_value"] += float(value)
            one["pnl"] += float(row["unrealized_pnl"])
            one["average_price"] = row["avg_entry_price"] or one["average_price"]
        value = cash + sum((net_of(row) - row["cash"] for row in rows), Decimal(0))
        return {
            "cash_balance": float(cash),
            "total_value": float(value),
            "positions": held,
            "total_pnl": float(sum((net_of(row) for row in rows), Decimal(0))),
            "currency": currency,
        }

    def _cash_of(self, currency: str) -> Decimal:
        """Return what there was to begin with."""
        return self._cash if self.bridge.mode == "paper" else Decimal(self._known().balances.get(currency, 0))

    def equity(self, since_ns: int, points: int) -> Row:
        """Return so many points of the equity in time: when, equity, drawdown as a share of its peak."""
        kept = [point for point in self._equity if point[0] >= since_ns]
        step = max(len(kept) // points, 1) if points else 1
        thinned = kept[::-step][::-1][-points:]
        return {"currency": self.bridge.instruments[0].settlement, "points": thinned}

    def _point(self, sample: Sample) -> None:
        equity = self.portfolio()["total_value"]
        self._peak = max(self._peak, equity)
        drawdown = (self._peak - equity) / self._peak if self._peak > 0 else 0.0
        point: Point = (sample.at_ns, equity, drawdown)
        self._equity.append(point)
        self._tell("equity", point)

    def _tell(self, topic: str, item: Any) -> None:
        """Tell a further item of a topic, to who listens now and to who asks after a restart."""
        self.topics.update(topic, item)
        self._diary.take(topic, item)

    def risk(self) -> Row:
        """Return whether trading is ``active``, ``paused`` or ``killed``, and every limit with what it stands at."""
        sample = self._known()
        limits = [
            {
                "check": row["check"],
                "scope": row["scope"],
                "name": row["name"],
                "limit": None if row["limit"] is None else format(row["limit"], "f"),
                "window": row["window"],
                "value": None if row["value"] is None else format(row["value"], "f"),
                "use": None if row["used_pct"] is None else row["used_pct"] / 100,
            }
            for row in sample.limits
        ]
        return {"state": sample.gate, "trading": sample.trading, "limits": limits}

    def feeds(self) -> list[Row]:
        """Return how market data comes in, by instrument."""
        sample = self._known()
        return [
            {
                "instrument": name,
                "state": state.name.lower(),
                "reason": sample.feeds[name]["reason"],
                "age_s": sample.feeds[name]["age_s"],
                "messages_per_s": self._rates.get(name, 0.0),
                "messages": sample.feeds[name]["messages"],
                "gaps": sample.feeds[name]["gaps"],
                "lag_s": self.history.lags.get(name),
                "dropped": sample.feeds[name]["dropped"],
                "malformed": sample.feeds[name]["malformed"],
            }
            for name, (state, _, _, _) in zip(self.ids, sample.books, strict=True)
        ]

    def latency(self) -> Row:
        """Return how long things take, by name."""
        known = {**self._known().latencies, "order": self.history.answers, "api": self.bridge.handed_over}
        return {name: shown(histogram) for name, histogram in known.items()}

    def strategies(self) -> list[Row]:
        """Return the strategies with their parameters."""
        return [self.strategy(strategy) for strategy in self.bridge.strategies]

    def strategy(self, strategy: Strategy) -> Row:
        """Return a strategy with its parameters."""
        sample = self._known()
        rows = [row for row in sample.positions if row["strategy"] == strategy.name]
        parameters = [
            {
                "name": name,
                "type": getattr(kind, "__name__", str(kind)),
                "value": _plain(getattr(strategy, name)),
                "default": None if default is ... else _plain(default),
                "is_changeable": name in strategy.changeable,
            }
            for name, (kind, default) in type(strategy).parameters().items()
        ]
        kind = strategy.kind if isinstance(strategy, CompiledStrategy) else type(strategy).__name__
        return {
            "name": strategy.name,
            "kind": kind,
            "instruments": list(strategy.instruments),
            "state": sample.trading[strategy.name],
            "failure": sample.failures.get(strategy.name),
            "parameters": parameters,
            "pnl": format(sum((net_of(row) for row in rows), Decimal(0)), "f"),
        }

    def find_strategy(self, name: str) -> Strategy:
        """Return a strategy of a name.

        Raises
        ------
        Problem
        """
        for strategy in self.bridge.strategies:
            if strategy.name == name:
                return strategy
        there = ", ".join(strategy.name for strategy in self.bridge.strategies)
        raise Problem(404, "unknown_strategy", f"no strategy is called {name!r}; there is {there}")

    def published(self, name: str) -> Row:
        """Return what a strategy publishes."""
        empty: Row = {"values": {}, "series": {}, "tables": {}, "log": []}
        return self.history.published.get(name, empty)

    def _recent_orders(self) -> list[Row]:
        rows = list(self.history.orders.values())
        last = {row["id"] for row in rows[-_SHOWN:]}
        return [shown_order(row) for row in rows if row["is_open"] or row["id"] in last]

    def _count(self, sample: Sample) -> None:
        """Work out how many messages come in a second."""
        before, self._counted = self._counted, sample
        if before is not None and sample.at_ns > before.at_ns:
            seconds = (sample.at_ns - before.at_ns) / 1e9
            self._rates = {
                name: (feed["messages"] - before.feeds[name]["messages"]) / seconds
                for name, feed in sample.feeds.items()
            }

    def is_synced(self, name: str) -> bool:
        """Return whether a book can be trusted and has two sides."""
        state, _, bids, asks = self._known().books[self.ids.index(name)]
        return state is BookState.SYNCED and bool(bids) and bool(asks)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Nanoseconds):
        return format_duration_ns(value)
    return value if type(value) in (int, float) else str(value)
