//! What a context hands out: books, positions, trades and quotes. Made once per run, they read when asked.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use tradecore_core::book::Touch;
use tradecore_core::kernel::Trade;
use tradecore_core::ledger::Position;
use tradecore_core::types::{Instrument, MarketId, Money, Side};

use crate::book::{PyL2Book, measures};
use crate::errors;
use crate::instrument::{PyInstrument, rounded_price};
use crate::lending::{Lease, View};
use crate::records::{book_state_to_py, side_to_py};
use crate::shared::Shared;
use crate::values::{money_to_py, to_side, to_steps};

/// The book of one instrument as known at the context's time.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct BookView {
    pub(crate) shared: Arc<Shared>,
    pub(crate) market: MarketId,
    #[pyo3(get)]
    pub(crate) instrument: Py<PyString>,
    #[pyo3(get)]
    pub(crate) tick_size: f64,
    #[pyo3(get)]
    pub(crate) lot_size: f64,
    pub(crate) lease: Lease,
}

impl View for BookView {
    fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl BookView {
    fn spec(&self) -> &Instrument {
        self.shared.instrument(self.market)
    }

    #[inline]
    fn touch(&self, py: Python<'_>) -> PyResult<Touch> {
        self.lease.check("a book")?;
        self.shared.with(py, |ctx| ctx.touch(self.market))
    }

    fn book<T>(&self, py: Python<'_>, read: impl FnOnce(&tradecore_core::book::L2Book) -> T) -> PyResult<T> {
        self.lease.check("a book")?;
        self.shared.with(py, |ctx| read(ctx.book(self.market)))
    }
}

#[pymethods]
impl BookView {
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        book_state_to_py(py, self.touch(py)?.state as i64)
    }

    #[getter]
    fn state_reason(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.lease.check("a book")?;
        self.shared.with(py, |ctx| ctx.feed_reason(self.market).map(str::to_owned))
    }

    #[getter]
    fn is_synced(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.touch(py)?.state == tradecore_core::book::BookState::Synced)
    }

    #[getter]
    fn is_crossed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.touch(py)?.is_crossed())
    }

    #[getter]
    fn best_bid(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::price(self.spec(), self.touch(py)?.best_bid()))
    }

    #[getter]
    fn best_ask(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::price(self.spec(), self.touch(py)?.best_ask()))
    }

    #[getter]
    fn bid_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let touch = self.touch(py)?;
        Ok(touch.best_bid().map(|_| self.spec().qty_increment.to_f64(touch.bid_qty)))
    }

    #[getter]
    fn ask_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let touch = self.touch(py)?;
        Ok(touch.best_ask().map(|_| self.spec().qty_increment.to_f64(touch.ask_qty)))
    }

    #[getter]
    fn mid(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::fine_price(self.spec(), self.touch(py)?.mid()))
    }

    #[getter]
    fn microprice(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::fine_price(self.spec(), self.touch(py)?.microprice()))
    }

    #[getter]
    fn spread(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::price(self.spec(), self.touch(py)?.spread()))
    }

    #[getter]
    fn bid_levels(&self, py: Python<'_>) -> PyResult<usize> {
        self.book(py, |b| b.levels(Side::Buy))
    }

    #[getter]
    fn ask_levels(&self, py: Python<'_>) -> PyResult<usize> {
        self.book(py, |b| b.levels(Side::Sell))
    }

    #[pyo3(signature = (n=1))]
    fn imbalance(&self, py: Python<'_>, n: usize) -> PyResult<Option<f64>> {
        self.book(py, |b| b.imbalance(n))
    }

    #[pyo3(signature = (n=10))]
    fn depth<'py>(&self, py: Python<'py>, n: usize) -> PyResult<Bound<'py, PyTuple>> {
        let levels = self.book(py, |b| measures::top(b, n))?;
        measures::depth(py, self.spec(), &levels)?.into_pyobject(py)
    }

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

    fn round_bid(&self, price: &Bound<'_, PyAny>) -> PyResult<f64> {
        rounded_price(self.spec(), Side::Buy, price)
    }

    fn round_ask(&self, price: &Bound<'_, PyAny>) -> PyResult<f64> {
        rounded_price(self.spec(), Side::Sell, price)
    }

    fn copy(&self, py: Python<'_>) -> PyResult<PyL2Book> {
        let book = self.book(py, tradecore_core::book::L2Book::clone)?;
        Ok(PyL2Book::shared(
            PyInstrument(Arc::clone(self.shared.instrument(self.market))),
            Arc::new(Mutex::new(book)),
        ))
    }

    fn __repr__(&self) -> String {
        format!("<BookView {}>", self.spec().id)
    }
}

/// The strategy's position in one instrument.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct PositionView {
    pub(crate) shared: Arc<Shared>,
    pub(crate) market: MarketId,
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
    #[getter]
    fn qty(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.spec().qty_increment.to_f64(self.read(py, |position| position.qty)?))
    }

    #[getter]
    fn avg_entry_price(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::fine_price(self.spec(), self.read(py, Position::avg_entry_price)?))
    }

    #[getter]
    fn realized_pnl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.read(py, |position| position.realized)?)
    }

    #[getter]
    fn unrealized_pnl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.unrealized(py)?)
    }

    #[getter]
    fn fees<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.read(py, |position| position.fees)?)
    }

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

/// The trade a strategy is being told of.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct TradeView {
    pub(crate) trade: Mutex<Trade>,
    pub(crate) spec: Arc<Instrument>,
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
    #[getter]
    fn price(&self) -> PyResult<f64> {
        Ok(self.spec.price_increment.to_f64(self.get()?.price))
    }

    #[getter]
    fn qty(&self) -> PyResult<f64> {
        Ok(self.spec.qty_increment.to_f64(self.get()?.qty))
    }

    #[getter]
    fn aggressor_side<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.get()?.aggressor_side.map(|side| side_to_py(py, side.sign())).transpose()
    }

    #[getter]
    fn ts_event(&self) -> PyResult<i64> {
        Ok(self.get()?.ts_event)
    }

    #[getter]
    fn trade_id(&self) -> PyResult<u64> {
        Ok(self.get()?.id)
    }

    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            trade: Mutex::new(self.get()?),
            spec: Arc::clone(&self.spec),
            instrument: self.instrument.clone_ref(py),
            lease: Lease::default(),
        })
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

/// The venue's own best prices a strategy is being told of.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct QuoteView {
    pub(crate) quote: Mutex<Touch>,
    pub(crate) spec: Arc<Instrument>,
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
    #[getter]
    fn best_bid(&self) -> PyResult<Option<f64>> {
        Ok(measures::price(&self.spec, self.get()?.best_bid()))
    }

    #[getter]
    fn best_ask(&self) -> PyResult<Option<f64>> {
        Ok(measures::price(&self.spec, self.get()?.best_ask()))
    }

    #[getter]
    fn bid_qty(&self) -> PyResult<Option<f64>> {
        let quote = self.get()?;
        Ok(quote.best_bid().map(|_| self.spec.qty_increment.to_f64(quote.bid_qty)))
    }

    #[getter]
    fn ask_qty(&self) -> PyResult<Option<f64>> {
        let quote = self.get()?;
        Ok(quote.best_ask().map(|_| self.spec.qty_increment.to_f64(quote.ask_qty)))
    }

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
