//! What a context hands out: books, positions, trades and quotes. Made once per run, they read when asked.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use tradecore_core::book::Touch;
use tradecore_core::kernel::Trade;
use tradecore_core::ledger::Position;
use tradecore_core::types::{Instrument, MarketId, Money, OrderTerms, Side};

use crate::book::{PyL2Book, measures, to_levels};
use crate::errors;
use crate::instrument::{PyInstrument, rounded_price, rounded_qty};
use crate::lending::{Lease, View};
use crate::records::{book_state_to_py, side_to_py};
use crate::shared::Shared;
use crate::values::{money_to_py, to_side, to_steps};

/// The book of one instrument as known at the context's time. Valid only inside a hook.
///
/// It is read when it is asked, so within a hook it always shows what is known at ``ctx.now_ns``; outside of hooks
/// it raises ``ContextError``. An empty side is ``None``.
///
/// Where the data has depth and top-of-book quotes or trades, the book is what the newest of them says: a quote that is
/// newer than the depth removes better levels and sets its own, a trade that is newer than both removes levels better
/// than its price and takes its quantity off the one there, until newer depth comes. ``ctx.book(..., view="depth")`` is
/// the depth alone.
///
/// Examples
/// --------
/// >>> book = ctx.book("BTCUSDT.SYNTH")
/// >>> book.best_bid, book.best_ask, book.mid
/// (60000.0, 60000.1, 60000.05)
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct BookView {
    pub(crate) shared: Arc<Shared>,
    pub(crate) market: MarketId,
    /// Id of the instrument.
    #[pyo3(get)]
    pub(crate) instrument: Py<PyString>,
    /// Whether it shows the depth alone.
    pub(crate) is_depth: bool,
    pub(crate) lease: Lease,
}

impl View for BookView {
    fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl BookView {
    pub(crate) fn spec(&self) -> &Instrument {
        self.shared.instrument(self.market)
    }

    /// What an order has to keep to now; where that never changes, whenever it is asked.
    fn terms(&self, py: Python<'_>) -> PyResult<OrderTerms> {
        let spec = self.spec();
        if spec.changes.is_empty() {
            return Ok(spec.terms);
        }
        self.lease.check("a book")?;
        self.shared.with(py, |ctx| *ctx.terms(self.market))
    }

    #[inline]
    fn touch(&self, py: Python<'_>) -> PyResult<Touch> {
        if self.is_depth {
            return self.book(py, Touch::of);
        }
        self.lease.check("a book")?;
        self.shared.with(py, |ctx| ctx.touch(self.market))
    }

    pub(crate) fn book<T>(
        &self,
        py: Python<'_>,
        read: impl FnOnce(&tradecore_core::book::L2Book) -> T,
    ) -> PyResult<T> {
        self.lease.check("a book")?;
        let market = self.market;
        self.shared.with(py, |ctx| read(if self.is_depth { ctx.depth(market) } else { ctx.book(market) }))
    }
}

#[pymethods]
impl BookView {
    /// Step of an order's price now, in quote currency.
    #[getter]
    fn tick_size(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.spec().price_increment.to_f64(self.terms(py)?.tick_size))
    }

    /// Step of an order's quantity now, in contracts (spot: base units).
    #[getter]
    fn lot_size(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.spec().qty_increment.to_f64(self.terms(py)?.lot_size))
    }

    /// What is known about the book; see :class:`~tradecore.types.BookState`.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        book_state_to_py(py, self.touch(py)?.state as i64)
    }

    /// Why the feed is in its state, where its connection said so; None where it did not, as in a backtest.
    #[getter]
    fn state_reason(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.lease.check("a book")?;
        self.shared.with(py, |ctx| ctx.feed_reason(self.market).map(str::to_owned))
    }

    /// Whether the book equals the venue's; without that, orders are refused and its prices mean nothing.
    #[getter]
    fn is_synced(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.touch(py)?.state == tradecore_core::book::BookState::Synced)
    }

    /// Whether the best bid is at or above the best ask.
    #[getter]
    fn is_crossed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.touch(py)?.is_crossed())
    }

    /// Highest price of a bid, in quote currency; None if there are no bids.
    #[getter]
    fn best_bid(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::price(self.spec(), self.touch(py)?.best_bid()))
    }

    /// Lowest price of an ask, in quote currency; None if there are no asks.
    #[getter]
    fn best_ask(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::price(self.spec(), self.touch(py)?.best_ask()))
    }

    /// Quantity at the best bid, in contracts (spot: base units); None if there are no bids.
    #[getter]
    fn bid_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::qty(self.spec(), self.touch(py)?.best(Side::Buy)))
    }

    /// Quantity at the best ask, in contracts (spot: base units); None if there are no asks.
    #[getter]
    fn ask_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::qty(self.spec(), self.touch(py)?.best(Side::Sell)))
    }

    /// Half way between best bid and best ask, in quote currency; None if a side is empty.
    #[getter]
    fn mid(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::fine_price(self.spec(), self.touch(py)?.mid()))
    }

    /// ``(bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)`` at the best prices, in quote currency.
    ///
    /// It leans to the side with the smaller quantity; None if a side is empty.
    #[getter]
    fn microprice(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::fine_price(self.spec(), self.touch(py)?.microprice()))
    }

    /// Best ask minus best bid, in quote currency, negative when crossed; None if a side is empty.
    #[getter]
    fn spread(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::price(self.spec(), self.touch(py)?.spread()))
    }

    /// How many prices have bids.
    #[getter]
    fn bid_levels(&self, py: Python<'_>) -> PyResult<usize> {
        self.book(py, |b| b.levels(Side::Buy))
    }

    /// How many prices have asks.
    #[getter]
    fn ask_levels(&self, py: Python<'_>) -> PyResult<usize> {
        self.book(py, |b| b.levels(Side::Sell))
    }

    /// Return ``(bids - asks) / (bids + asks)``, a fraction from -1 to 1, over the best ``n`` levels a side.
    ///
    /// Of their quantities; None if both sides are empty.
    ///
    /// Examples
    /// --------
    /// With bids of 2 and 3 and asks of 1 and 4, best first:
    ///
    /// >>> round(book.imbalance(), 3), book.imbalance(2)
    /// (0.333, 0.0)
    #[pyo3(signature = (n=1))]
    fn imbalance(&self, py: Python<'_>, #[pyo3(from_py_with = to_levels)] n: usize) -> PyResult<Option<f64>> {
        self.book(py, |b| b.imbalance(n))
    }

    /// Return the best ``n`` bids and the best ``n`` asks, best first.
    ///
    /// Returns
    /// -------
    /// bids, asks : float64 (levels, 2)
    ///     Price in quote currency and quantity in contracts (spot: base units); fewer than ``n`` rows where there are
    ///     fewer levels.
    ///
    /// Examples
    /// --------
    /// >>> bids, asks = book.depth(2)
    /// >>> asks.tolist()
    /// [[60000.1, 1.0], [60000.2, 4.0]]
    /// >>> float(bids[:, 1].sum())
    /// 5.0
    #[pyo3(signature = (n=10))]
    fn depth<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = to_levels)] n: usize,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let levels = self.book(py, |b| measures::top(b, n))?;
        measures::depth(py, self.spec(), &levels)?.into_pyobject(py)
    }

    /// Return what taking a quantity at once would pay; the book does not change.
    ///
    /// Parameters
    /// ----------
    /// side : Side or str
    ///     Of the taker: ``buy`` goes through the asks, ``sell`` through the bids.
    /// qty : Decimal, str, int or float
    ///     Quantity in contracts (spot: base units).
    ///
    /// Returns
    /// -------
    /// average, worst : float or None
    ///     Price on average and of the last level, in quote currency; None if the side is empty.
    /// unfilled : float
    ///     What the book does not hold, in contracts (spot: base units).
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When the quantity lies between two increments.
    /// InvalidValueError
    ///     When the side is neither buy nor sell, or the quantity is out of range.
    ///
    /// Examples
    /// --------
    /// >>> average, worst, unfilled = book.walk("buy", 3)
    /// >>> round(average, 2), worst, unfilled
    /// (60000.17, 60000.2, 0.0)
    fn walk(
        &self,
        py: Python<'_>,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
    ) -> PyResult<(Option<f64>, Option<f64>, f64)> {
        let i = self.spec();
        let side = to_side(side)?;
        let qty = to_steps("qty", i.id.as_str(), i.qty_increment, qty)?;
        self.book(py, |b| measures::walk(i, b, side, qty))
    }

    /// Return the highest price, in quote currency, that a buy order may have and that is not above ``price``.
    ///
    /// Examples
    /// --------
    /// >>> book = ctx.book("BTCUSDT.SYNTH")
    /// >>> book.round_bid(59999.97), book.round_ask(59999.97)
    /// (59999.9, 60000.0)
    fn round_bid(&self, price: &Bound<'_, PyAny>) -> PyResult<f64> {
        rounded_price(self.spec(), &self.terms(price.py())?, Side::Buy, price)
    }

    /// Return the lowest price, in quote currency, that a sell order may have and that is not below ``price``.
    fn round_ask(&self, price: &Bound<'_, PyAny>) -> PyResult<f64> {
        rounded_price(self.spec(), &self.terms(price.py())?, Side::Sell, price)
    }

    /// Return the largest quantity of an order, in contracts (spot: base units), that is not above ``qty``.
    ///
    /// It is 0 below one lot.
    fn round_qty(&self, qty: &Bound<'_, PyAny>) -> PyResult<f64> {
        rounded_qty(self.spec(), &self.terms(qty.py())?, qty)
    }

    /// Return the book as it is now, as a book of your own; unlike the view it may be kept.
    fn copy(&self, py: Python<'_>) -> PyResult<PyL2Book> {
        let book = self.book(py, |book| book.clone().into_plain())?;
        Ok(PyL2Book::shared(
            PyInstrument(Arc::clone(self.shared.instrument(self.market))),
            Arc::new(Mutex::new(book)),
        ))
    }

    fn __repr__(&self) -> String {
        format!("<BookView {}>", self.spec().id)
    }
}

/// The strategy's position in one instrument. Valid only inside a hook.
///
/// Money is exact, in the instrument's settlement currency. Equity is cash plus value: ``realized_pnl +
/// unrealized_pnl - fees``.
///
/// Examples
/// --------
/// >>> position = ctx.position("BTCUSDT.SYNTH")
/// >>> position.qty, position.avg_entry_price, position.realized_pnl
/// (0.0, None, Decimal('0'))
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct PositionView {
    pub(crate) shared: Arc<Shared>,
    pub(crate) market: MarketId,
    /// Id of the instrument.
    #[pyo3(get)]
    pub(crate) instrument: Py<PyString>,
    pub(crate) lease: Lease,
    /// What a copy holds.
    pub(crate) held: Option<Held>,
}

/// A position, and what closing it at the mid would bring.
#[derive(Clone)]
pub(crate) struct Held {
    position: Position,
    unrealized: Money,
}

impl View for PositionView {
    fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl PositionView {
    fn spec(&self) -> &Instrument {
        self.shared.instrument(self.market)
    }

    fn read<T>(&self, py: Python<'_>, read: impl FnOnce(&Position) -> T) -> PyResult<T> {
        if let Some(held) = &self.held {
            return Ok(read(&held.position));
        }
        self.lease.check("a position")?;
        self.shared.with(py, |ctx| read(ctx.position(self.market)))
    }

    fn unrealized(&self, py: Python<'_>) -> PyResult<Money> {
        if let Some(held) = &self.held {
            return Ok(held.unrealized);
        }
        self.lease.check("a position")?;
        self.shared.with(py, |ctx| ctx.unrealized(self.market))?.map_err(errors::money)
    }
}

#[pymethods]
impl PositionView {
    /// What is held, in contracts (spot: base units); negative is short.
    #[getter]
    fn qty(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.spec().qty_increment.to_f64(self.read(py, |position| position.qty)?))
    }

    /// Average price of what is held, in quote currency; None when nothing is.
    #[getter]
    fn avg_entry_price(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::fine_price(self.spec(), self.read(py, Position::avg_entry_price)?))
    }

    /// Profit booked by closing, before fees, in the settlement currency.
    #[getter]
    fn realized_pnl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.read(py, |position| position.realized)?)
    }

    /// Profit of what is held at the mid (or the last there was), before fees, in the settlement currency.
    #[getter]
    fn unrealized_pnl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.unrealized(py)?)
    }

    /// Fees paid, in the settlement currency; negative when rebates exceed them.
    #[getter]
    fn fees<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.read(py, |position| position.fees)?)
    }

    /// Return the position as it is now; unlike the view it may be kept.
    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            shared: Arc::clone(&self.shared),
            market: self.market,
            instrument: self.instrument.clone_ref(py),
            lease: Lease::default(),
            held: Some(Held { position: self.read(py, Position::clone)?, unrealized: self.unrealized(py)? }),
        })
    }

    fn __repr__(&self) -> String {
        format!("<PositionView {}>", self.spec().id)
    }
}

/// The trade a strategy is being told of. Valid only inside ``on_trade``.
///
/// Examples
/// --------
/// >>> class Tape(tc.Strategy):
/// ...     def on_start(self, ctx):
/// ...         self.volume = 0.0
/// ...
/// ...     def on_trade(self, ctx, trade):
/// ...         if trade.aggressor_side is tc.Side.BUY:
/// ...             self.volume += trade.qty
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct TradeView {
    pub(crate) trade: Mutex<Trade>,
    pub(crate) spec: Arc<Instrument>,
    /// Id of the instrument.
    #[pyo3(get)]
    pub(crate) instrument: Py<PyString>,
    pub(crate) lease: Lease,
}

impl View for TradeView {
    fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl TradeView {
    /// The view of a market's trades, of none so far.
    pub(crate) fn new<'py>(py: Python<'py>, shared: &Shared, market: MarketId) -> PyResult<Bound<'py, Self>> {
        let none = Trade { price: 0, qty: 0, aggressor_side: None, ts_event: 0, ts_recv: 0, id: 0 };
        let (trade, spec) = (Mutex::new(none), Arc::clone(shared.instrument(market)));
        Bound::new(py, Self { trade, spec, instrument: shared.id(py, market), lease: Lease::default() })
    }

    /// A trade as a value that may be kept.
    pub(crate) fn of(trade: Trade, spec: &Arc<Instrument>, instrument: Py<PyString>) -> Self {
        Self { trade: Mutex::new(trade), spec: Arc::clone(spec), instrument, lease: Lease::default() }
    }

    pub(crate) fn set(&self, trade: Trade) {
        *self.trade.lock().unwrap_or_else(PoisonError::into_inner) = trade;
    }

    fn get(&self) -> PyResult<Trade> {
        self.lease.check("a trade")?;
        Ok(*self.trade.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl TradeView {
    /// Price, in quote currency.
    #[getter]
    fn price(&self) -> PyResult<f64> {
        Ok(self.spec.price_increment.to_f64(self.get()?.price))
    }

    /// Quantity, in contracts (spot: base units).
    #[getter]
    fn qty(&self) -> PyResult<f64> {
        Ok(self.spec.qty_increment.to_f64(self.get()?.qty))
    }

    /// Side of the order that took liquidity; None where the venue does not say.
    #[getter]
    fn aggressor_side<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.get()?.aggressor_side.map(|side| side_to_py(py, side.sign())).transpose()
    }

    /// When it happened by the venue's clock, ns UTC; ``ctx.now_ns`` is when it was known.
    #[getter]
    fn ts_event(&self) -> PyResult<i64> {
        Ok(self.get()?.ts_event)
    }

    /// The venue's id of the trade; 0 where the data has none.
    #[getter]
    fn trade_id(&self) -> PyResult<u64> {
        Ok(self.get()?.id)
    }

    /// Return the trade as a value that may be kept.
    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        Ok(Self::of(self.get()?, &self.spec, self.instrument.clone_ref(py)))
    }

    fn __repr__(&self) -> String {
        let Ok(trade) = self.get() else { return format!("<Trade {} of an earlier hook>", self.spec.id) };
        let side = trade.aggressor_side.map_or("unknown", Side::as_str);
        format!(
            "<Trade {} {side} {} @ {}>",
            self.spec.id,
            self.spec.format_qty(trade.qty),
            self.spec.format_price(trade.price)
        )
    }
}

/// The venue's own best prices a strategy is being told of. Valid only inside ``on_quote``.
///
/// Examples
/// --------
/// >>> class Spread(tc.Strategy):
/// ...     def on_quote(self, ctx, quote):
/// ...         if quote.best_bid is not None and quote.best_ask is not None:
/// ...             self.spread = quote.best_ask - quote.best_bid
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct QuoteView {
    pub(crate) quote: Mutex<Touch>,
    pub(crate) spec: Arc<Instrument>,
    /// Id of the instrument.
    #[pyo3(get)]
    pub(crate) instrument: Py<PyString>,
    pub(crate) lease: Lease,
}

impl View for QuoteView {
    fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl QuoteView {
    /// The view of a market's quotes, of none so far.
    pub(crate) fn new<'py>(py: Python<'py>, shared: &Shared, market: MarketId) -> PyResult<Bound<'py, Self>> {
        let (quote, spec) = (Mutex::default(), Arc::clone(shared.instrument(market)));
        Bound::new(py, Self { quote, spec, instrument: shared.id(py, market), lease: Lease::default() })
    }

    pub(crate) fn set(&self, quote: Touch) {
        *self.quote.lock().unwrap_or_else(PoisonError::into_inner) = quote;
    }

    fn get(&self) -> PyResult<Touch> {
        self.lease.check("a quote")?;
        Ok(*self.quote.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl QuoteView {
    /// Highest price of a bid, in quote currency; None where the message tells of none.
    #[getter]
    fn best_bid(&self) -> PyResult<Option<f64>> {
        Ok(measures::price(&self.spec, self.get()?.best_bid()))
    }

    /// Lowest price of an ask, in quote currency; None where the message tells of none.
    #[getter]
    fn best_ask(&self) -> PyResult<Option<f64>> {
        Ok(measures::price(&self.spec, self.get()?.best_ask()))
    }

    /// Quantity at the best bid, in contracts (spot: base units); None where the message tells of none.
    #[getter]
    fn bid_qty(&self) -> PyResult<Option<f64>> {
        Ok(measures::qty(&self.spec, self.get()?.best(Side::Buy)))
    }

    /// Quantity at the best ask, in contracts (spot: base units); None where the message tells of none.
    #[getter]
    fn ask_qty(&self) -> PyResult<Option<f64>> {
        Ok(measures::qty(&self.spec, self.get()?.best(Side::Sell)))
    }

    /// Return the quote as a value that may be kept.
    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            quote: Mutex::new(self.get()?),
            spec: Arc::clone(&self.spec),
            instrument: self.instrument.clone_ref(py),
            lease: Lease::default(),
        })
    }

    fn __repr__(&self) -> String {
        format!("<Quote {}>", self.spec.id)
    }
}
