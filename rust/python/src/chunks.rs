//! Columns of events a chunk at a time: totals of them, trades that are none, and rows of hftbacktest made into them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::decode::{
    FeedSummary as CoreSummary, HftDecoder as CoreHftDecoder, HftRows, PlacedError,
    TradeSieve as CoreTradeSieve,
};
use tradecore_core::event::{Columns as _, EventKind};
use tradecore_core::types::{Instrument, Side};

use crate::columns::{NumpyColumns, slice_of, to_arrays};
use crate::errors;
use crate::instrument::{Named, PyInstrument};
use crate::shared::lock;
use crate::stamps::{leads_to_py, wrong_stamps_to_py};

pub(crate) fn summary_dict<'py>(
    py: Python<'py>,
    s: &CoreSummary,
    i: &Instrument,
) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("events", s.events)?;
    out.set_item("messages", s.messages)?;
    out.set_item("level_updates", s.of(EventKind::BookSet))?;
    out.set_item("trades", s.of(EventKind::Trade))?;
    out.set_item("traded_qty", i.format_qty(s.traded_qty))?;
    out.set_item("off_book_trades", s.of(EventKind::OffBookTrade))?;
    out.set_item("off_book_qty", i.format_qty(s.off_book_qty))?;
    out.set_item("quotes", s.of(EventKind::Quote) / 2)?;
    out.set_item("bars", s.of(EventKind::BarClose))?;
    out.set_item("marks", s.of(EventKind::Mark))?;
    out.set_item("index_prices", s.of(EventKind::Index))?;
    out.set_item("funding_rates", s.of(EventKind::Funding))?;
    out.set_item("open_interests", s.of(EventKind::OpenInterest))?;
    out.set_item("liquidations", s.of(EventKind::Liquidation))?;
    out.set_item("liquidated_qty", i.format_qty(s.liquidated_qty))?;
    out.set_item("crossed", s.crossed)?;
    out.set_item("crossed_quotes", s.crossed_quotes)?;
    out.set_item("long_crossings", s.stuck)?;
    out.set_item("first_ts_long_crossing", s.first_stuck)?;
    out.set_item("book_is_sound", s.is_sound())?;
    out.set_item("equal_trades", s.equal_trades)?;
    out.set_item("quoted", s.quoted)?;
    out.set_item("quoted_otherwise", s.quoted_otherwise)?;
    out.set_item("quoted_ns", s.quoted_ns)?;
    out.set_item("quoted_otherwise_ns", s.quoted_otherwise_ns)?;
    out.set_item("in_order", s.order.is_kept())?;
    out.set_item("event_time_back", s.event_time_back)?;
    out.set_item("first_ts_recv", s.first_ts_recv)?;
    out.set_item("last_ts_recv", s.last_ts_recv)?;
    out.set_item("min_latency_ns", s.min_latency_ns)?;
    let steps = s.stamps.steps();
    out.set_item("clock_lead_ns", steps.iter().map(|step| step.lead_ns).max())?;
    out.set_item("clock_leads", leads_to_py(&steps))?;
    out.set_item("wrong_stamps", wrong_stamps_to_py(py, &s.stamps.wrong())?)?;
    let touch = s.touch();
    let level = |price: Option<i64>, qty| price.map(|p| vec![i.format_price(p), i.format_qty(qty)]);
    out.set_item("best_bid", level(touch.best_bid(), touch.bid_qty))?;
    out.set_item("best_ask", level(touch.best_ask(), touch.ask_qty))?;
    out.set_item("bid_levels", s.book.levels(Side::Buy))?;
    out.set_item("ask_levels", s.book.levels(Side::Sell))?;
    Ok(out)
}

/// Running totals over event columns of one instrument.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct FeedSummary {
    instrument: PyInstrument,
    summary: Mutex<Box<CoreSummary>>,
}

#[pymethods]
impl FeedSummary {
    #[new]
    fn new(instrument: Named) -> Self {
        Self { instrument: instrument.0, summary: Mutex::default() }
    }

    /// Take the next columns, of whole messages.
    fn push(&self, columns: &Bound<'_, PyAny>) -> PyResult<()> {
        let columns = NumpyColumns::new(columns)?;
        let view = columns.view();
        view.check()
            .map_err(|e| errors::DataError::new_err((self.instrument.0.id.to_string(), 0, e.to_string())))?;
        lock(&self.summary).push(&view);
        Ok(())
    }

    /// Return counts, times and the book so far.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let summary = lock(&self.summary);
        let out = summary_dict(py, &summary, &self.instrument.0)?;
        out.set_item("book_updates", summary.book_messages)?;
        out.set_item("snapshots", summary.snapshots)?;
        out.set_item("gaps", summary.gaps)?;
        Ok(out)
    }
}

/// Leaves trades out of columns that are none: those whose ids were there before, and those without price or size.
///
/// Trades without an id are all kept.
#[pyclass(frozen, module = "tradecore")]
#[derive(Default)]
pub(crate) struct TradeSieve(Mutex<CoreTradeSieve>);

#[pymethods]
impl TradeSieve {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Take the next columns, of whole messages, and return what is left of them: these columns, or shorter ones.
    fn push<'py>(&self, columns: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let given = NumpyColumns::new(columns)?;
        let view = given.view();
        view.check_lengths().map_err(|error| errors::invalid("columns", error.to_string()))?;
        match lock(&self.0).sift(&view) {
            Some(left) => Ok(to_arrays(columns.py(), left)?.into_any()),
            None => Ok(columns.clone()),
        }
    }

    /// How many trades were left out so far: ``duplicate_trades`` and ``empty_trades``.
    #[getter]
    fn counts(&self) -> BTreeMap<&'static str, u64> {
        trades_left_out(&lock(&self.0))
    }
}

/// What a sieve has counted, by the names that readers of files count it under.
pub(crate) fn trades_left_out(sieve: &CoreTradeSieve) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([("duplicate_trades", sieve.duplicate_trades), ("empty_trades", sieve.empty_trades)])
}

/// Turns an hftbacktest event array into event columns piece by piece.
///
/// Prices and quantities are in increments, times in ns UTC.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct HftDecoder(Mutex<Box<CoreHftDecoder>>);

#[pymethods]
impl HftDecoder {
    #[new]
    fn new(instrument: &PyInstrument, source: PathBuf) -> Self {
        let name = source.to_string_lossy().into_owned();
        Self(Mutex::new(Box::new(CoreHftDecoder::new(name, Arc::clone(&instrument.0)))))
    }

    /// Take the next rows and return the columns of the messages that are complete.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     With the row, from 1.
    #[allow(clippy::too_many_arguments, reason = "the fields of a row")]
    fn push<'py>(
        &self,
        py: Python<'py>,
        ev: PyReadonlyArray1<'py, u64>,
        exch_ts: PyReadonlyArray1<'py, i64>,
        local_ts: PyReadonlyArray1<'py, i64>,
        px: PyReadonlyArray1<'py, f64>,
        qty: PyReadonlyArray1<'py, f64>,
        order_id: PyReadonlyArray1<'py, u64>,
        ival: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let rows = HftRows {
            ev: slice_of(&ev, "ev")?,
            exch_ts: slice_of(&exch_ts, "exch_ts")?,
            local_ts: slice_of(&local_ts, "local_ts")?,
            px: slice_of(&px, "px")?,
            qty: slice_of(&qty, "qty")?,
            order_id: slice_of(&order_id, "order_id")?,
            ival: slice_of(&ival, "ival")?,
        };
        let others = [rows.exch_ts.len(), rows.local_ts.len(), rows.px.len(), rows.qty.len()];
        if others != [rows.ev.len(); 4] || [rows.order_id.len(), rows.ival.len()] != [rows.ev.len(); 2] {
            return Err(errors::invalid("rows", "columns differ in length"));
        }
        self.step(py, |decoder| decoder.push(rows))
    }

    /// Return the columns of the rest, the array having ended.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     With the first row that no time was found for.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.step(py, CoreHftDecoder::finish)
    }

    /// How many trades without price or quantity there were so far, which are none and left out.
    #[getter]
    fn empty_trades(&self) -> u64 {
        lock(&self.0).empty_trades()
    }
}

impl HftDecoder {
    fn step<'py>(
        &self,
        py: Python<'py>,
        step: impl Send + FnOnce(&mut CoreHftDecoder) -> Result<(), PlacedError>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let columns = py
            .detach(|| {
                let mut decoder = lock(&self.0);
                step(&mut decoder)?;
                Ok(decoder.take())
            })
            .map_err(errors::placed)?;
        to_arrays(py, columns)
    }
}
