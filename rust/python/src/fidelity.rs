//! Orders of a script in a recorded market, for what queue models say of them.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tradecore_core::backtest::{Outcome, Scripted, orders_at_touch, replay};
use tradecore_core::event::Columns;
use tradecore_core::sim::{QueueModel, UnknownQueueModel};
use tradecore_core::types::Side;

use crate::errors;
use crate::instrument::PyInstrument;
use crate::memory::MemoryColumns;

/// Side (1 buys), price and quantity in increments, and when it comes and goes, ns.
type Row = (i8, i64, i64, i64, i64);

/// Columns that are sound.
fn checked(instrument: &PyInstrument, columns: &MemoryColumns) -> PyResult<Arc<dyn Columns>> {
    let columns = Arc::clone(&columns.columns);
    columns
        .view()
        .check()
        .map_err(|e| errors::DataError::new_err((instrument.0.id.to_string(), 0, e.to_string())))?;
    Ok(columns)
}

/// Return orders that join the touch of a market of single orders.
///
/// Of each side in turn, one in ``every`` ns, for ``hold`` ns each: side (1 buys), price and quantity in
/// increments, when they come and go, ns. The best prices have stood for ``steady`` ns when one comes, so that a
/// feed that fine shows them. Raises InvalidValueError where the data is more than 1,000,000 times as long as
/// ``every``.
#[pyfunction]
#[pyo3(signature = (instrument, columns, *, qty, every, hold, steady))]
pub(crate) fn touch_orders(
    py: Python<'_>,
    instrument: &PyInstrument,
    columns: &MemoryColumns,
    qty: i64,
    every: i64,
    hold: i64,
    steady: i64,
) -> PyResult<Vec<Row>> {
    let columns = checked(instrument, columns)?;
    let orders = py
        .detach(|| orders_at_touch(&columns.view(), qty, every, hold, steady))
        .map_err(|error| errors::invalid("every", error.to_string()))?;
    Ok(orders.into_iter().map(|o| (o.side as i8, o.price, o.qty, o.from, o.until)).collect())
}

/// Let orders come and go in a market, each alone with it, by each of these queue models.
///
/// Returns ``met``, whether a trade printed at an order's price while it was there; ``truth``, what became of
/// each where the data tells single orders, else None; ``models``, the same by model; ``granularity_ns``. An
/// outcome is the quantity that filled, in increments, when the last of it did, ns or None, whether it came to
/// rest, and the sum and number of the errors of what is ahead at trades at its price, model less truth, in
/// increments.
#[pyfunction]
#[pyo3(signature = (instrument, columns, orders, models, *, granularity_ns=None))]
pub(crate) fn replay_orders<'py>(
    py: Python<'py>,
    instrument: &PyInstrument,
    columns: &MemoryColumns,
    orders: Vec<Row>,
    models: Vec<String>,
    granularity_ns: Option<i64>,
) -> PyResult<Bound<'py, PyDict>> {
    let columns = checked(instrument, columns)?;
    let mut scripted = Vec::with_capacity(orders.len());
    for (side, price, qty, from, until) in orders {
        let side = Side::from_column(side).ok_or_else(|| errors::invalid("side", "expected 1 or -1"))?;
        scripted.push(Scripted { side, price, qty, from, until });
    }
    let models = models.iter().map(|text| text.parse::<QueueModel>());
    let models: Result<Vec<_>, UnknownQueueModel> = models.collect();
    let models = models.map_err(|error| errors::invalid("queue", error.to_string()))?;
    let mut signal = None;
    let goes_on = || {
        signal = Python::attach(|py| py.check_signals().err());
        signal.is_none()
    };
    let replayed = py
        .detach(|| replay(&columns, &instrument.0, &scripted, &models, granularity_ns, goes_on))
        .map_err(errors::money)?;
    if let Some(signal) = signal {
        return Err(signal);
    }
    let rows = |outcomes: &[Outcome]| {
        let row = |o: &Outcome| (o.filled, o.filled_at, o.rested, o.error, o.errors);
        PyList::new(py, outcomes.iter().map(row))
    };
    let out = PyDict::new(py);
    out.set_item("met", &replayed.met)?;
    out.set_item("truth", replayed.truth.as_deref().map(rows).transpose()?)?;
    let by_model: PyResult<Vec<_>> = replayed.models.iter().map(|outcomes| rows(outcomes)).collect();
    out.set_item("models", by_model?)?;
    out.set_item("granularity_ns", replayed.granularity)?;
    Ok(out)
}
