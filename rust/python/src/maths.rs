//! Formulas and small models for research and tests.

use std::sync::{Mutex, PoisonError};

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::event::is_qty;
use tradecore_core::indicators as core;
use tradecore_core::ledger;
use tradecore_core::random::Random;
use tradecore_core::sim::{QueueModel, QueuePosition};
use tradecore_core::strategies;
use tradecore_core::types::{Price, Qty, Side};

use crate::columns::slice_of;
use crate::errors;
use crate::instrument::PyInstrument;
use crate::values::{money_to_py, to_duration, to_side};

/// A length of time such as `"100ms"` in ns.
#[pyfunction]
pub(crate) fn parse_duration(text: &Bound<'_, PyAny>) -> PyResult<i64> {
    to_duration("duration", text, 0)
}

/// A length of time in ns as text, in the largest unit that divides it.
#[pyfunction]
pub(crate) fn format_duration_ns(ns: i64) -> String {
    tradecore_core::types::format_duration(ns)
}

/// Avellaneda-Stoikov quotes for arrays of mids, inventories and times left.
#[pyfunction]
#[pyo3(signature = (s, q, tau, *, gamma, sigma, k))]
pub(crate) fn avellaneda_stoikov_quotes<'py>(
    py: Python<'py>,
    s: PyReadonlyArray1<'py, f64>,
    q: PyReadonlyArray1<'py, f64>,
    tau: PyReadonlyArray1<'py, f64>,
    gamma: f64,
    sigma: f64,
    k: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let (s, q, tau) = (slice_of(&s, "s")?, slice_of(&q, "q")?, slice_of(&tau, "tau")?);
    if s.len() != q.len() || s.len() != tau.len() {
        return Err(errors::invalid("s, q, tau", "must have one length"));
    }
    let quotes: Vec<_> = s
        .iter()
        .zip(q)
        .zip(tau)
        .map(|((s, q), tau)| strategies::avellaneda_stoikov_quotes(*s, *q, gamma, sigma, k, *tau))
        .collect();
    let out = PyDict::new(py);
    out.set_item("reservation", PyArray1::from_iter(py, quotes.iter().map(|x| x.reservation)))?;
    out.set_item("spread", PyArray1::from_iter(py, quotes.iter().map(|x| x.spread)))?;
    out.set_item("bid", PyArray1::from_iter(py, quotes.iter().map(|x| x.bid)))?;
    out.set_item("ask", PyArray1::from_iter(py, quotes.iter().map(|x| x.ask)))?;
    Ok(out)
}

/// The parts of the GLFT closed form.
#[pyfunction]
#[pyo3(signature = (*, gamma, sigma, a, k, delta=1.0, xi=None))]
pub(crate) fn glft_coefficients(
    py: Python<'_>,
    gamma: f64,
    sigma: f64,
    a: f64,
    k: f64,
    delta: f64,
    xi: Option<f64>,
) -> PyResult<Bound<'_, PyDict>> {
    let g = strategies::glft_coefficients(gamma, xi.unwrap_or(gamma), sigma, a, k, delta);
    let out = PyDict::new(py);
    for (name, value) in [("c1", g.c1), ("c2", g.c2), ("half_spread", g.half_spread), ("skew", g.skew)] {
        out.set_item(name, value)?;
    }
    Ok(out)
}

fn positive(name: &str, value: f64) -> PyResult<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(errors::invalid(name, format!("{value} is not a positive number")))
}

fn method(name: &str) -> PyResult<core::FitMethod> {
    match name {
        "weighted" => Ok(core::FitMethod::Weighted),
        "ols" => Ok(core::FitMethod::Ols),
        other => Err(errors::invalid("method", format!("{other:?} is not weighted or ols"))),
    }
}

fn fit_to_py(py: Python<'_>, fit: core::IntensityFit) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("a", fit.a)?;
    out.set_item("k", fit.k)?;
    out.set_item("r2", fit.r2)?;
    out.set_item("points", fit.points)?;
    Ok(out)
}

/// Fits counts of fills beyond distances to an exponential intensity.
#[pyfunction]
#[pyo3(signature = (distances, counts, seconds, *, method="weighted"))]
pub(crate) fn fit_intensity<'py>(
    py: Python<'py>,
    distances: PyReadonlyArray1<'py, f64>,
    counts: PyReadonlyArray1<'py, u64>,
    seconds: f64,
    method: &str,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let fit = core::fit_intensity(
        slice_of(&distances, "distances")?,
        slice_of(&counts, "counts")?,
        seconds,
        self::method(method)?,
    );
    fit.map(|f| fit_to_py(py, f)).transpose()
}

/// Rolling realised volatility from samples of a mid.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct RealizedVolatility(Mutex<core::RealizedVolatility>);

#[pymethods]
impl RealizedVolatility {
    #[new]
    #[pyo3(signature = (window, half_life_s=None))]
    fn new(window: usize, half_life_s: Option<f64>) -> PyResult<Self> {
        if window == 0 {
            return Err(errors::invalid("window", "must be at least 1"));
        }
        if let Some(half_life) = half_life_s {
            positive("half_life_s", half_life)?;
        }
        Ok(Self(Mutex::new(core::RealizedVolatility::new(window, half_life_s))))
    }

    fn update(&self, ts_ns: i64, mid: f64) -> PyResult<Option<f64>> {
        if !mid.is_finite() {
            return Err(errors::invalid("mid", format!("{mid} is not a price")));
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.push(ts_ns, mid);
        Ok(inner.sigma())
    }
}

/// Rolling estimate of the intensity of fills by distance.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct IntensityEstimator(Mutex<core::IntensityEstimator>);

#[pymethods]
impl IntensityEstimator {
    #[new]
    #[pyo3(signature = (*, bin_ticks=1.0, bins=100, window=120))]
    fn new(bin_ticks: f64, bins: usize, window: usize) -> PyResult<Self> {
        positive("bin_ticks", bin_ticks)?;
        if bins == 0 || window == 0 {
            return Err(errors::invalid("bins", "there must be a bin and an interval"));
        }
        Ok(Self(Mutex::new(core::IntensityEstimator::new(bin_ticks, bins, window))))
    }

    fn trade(&self, depth_ticks: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).trade(depth_ticks);
    }

    fn end_interval(&self, seconds: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).end_interval(seconds);
    }

    #[pyo3(signature = (*, method="weighted"))]
    fn fit<'py>(&self, py: Python<'py>, method: &str) -> PyResult<Option<Bound<'py, PyDict>>> {
        let fit = self.0.lock().unwrap_or_else(PoisonError::into_inner).fit(self::method(method)?);
        fit.map(|f| fit_to_py(py, f)).transpose()
    }
}

fn not_negative(name: &str, value: i64) -> PyResult<()> {
    if is_qty(value) {
        return Ok(());
    }
    Err(errors::invalid(name, format!("{value} is out of range")))
}

/// One resting order in a queue, advanced by hand.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct QueueSimulator {
    model: QueueModel,
    lot: i64,
    unit: f64,
    state: Mutex<(QueuePosition, Random, i64)>,
}

#[pymethods]
impl QueueSimulator {
    #[new]
    #[pyo3(signature = (model, displayed, *, lot=1, unit=1.0, seed=0))]
    fn new(model: &str, displayed: i64, lot: i64, unit: f64, seed: u64) -> PyResult<Self> {
        let model = model
            .parse()
            .map_err(|e: tradecore_core::sim::UnknownQueueModel| errors::invalid("queue", e.to_string()))?;
        not_negative("displayed", displayed)?;
        not_negative("lot", lot - 1)?;
        positive("unit", unit)?;
        let state = (QueuePosition::behind(displayed), Random::new(seed, 0), displayed);
        Ok(Self { model, lot, unit, state: Mutex::new(state) })
    }

    /// A trade at the order's price; returns what reaches the order.
    fn trade(&self, qty: i64) -> PyResult<i64> {
        not_negative("qty", qty)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, random, displayed) = &mut *state;
        Ok(self.model.on_trade(place, qty, *displayed, self.lot, random))
    }

    /// The displayed size of the level changes.
    fn depth(&self, previous: i64, new: i64) -> PyResult<()> {
        not_negative("previous", previous)?;
        not_negative("new", new)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.model.on_depth(&mut state.0, previous, new, self.unit);
        state.2 = new;
        Ok(())
    }

    /// Quantity ahead.
    #[getter]
    fn front(&self) -> f64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0.front
    }
}

/// A position of one instrument, booked fill by fill.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct PositionLedger {
    instrument: PyInstrument,
    math: ledger::ContractMath,
    position: Mutex<ledger::Position>,
}

impl PositionLedger {
    /// Price and quantity of a fill, in increments.
    fn terms(&self, price: &Bound<'_, PyAny>, qty: &Bound<'_, PyAny>) -> PyResult<(Price, Qty)> {
        let (price, qty) = (self.instrument.price_to_steps(price)?, self.instrument.qty_to_steps(qty)?);
        not_negative("price", price - 1)?;
        not_negative("qty", qty)?;
        Ok((Price::new(price), Qty::new(qty)))
    }
}

#[pymethods]
impl PositionLedger {
    #[new]
    fn new(instrument: &PyInstrument) -> PyResult<Self> {
        let math = ledger::ContractMath::new(&instrument.0).map_err(errors::money)?;
        Ok(Self { instrument: instrument.clone(), math, position: Mutex::default() })
    }

    /// Value of a quantity at a price, in the settlement currency.
    fn value<'py>(
        &self,
        py: Python<'py>,
        price: &Bound<'py, PyAny>,
        qty: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (price, qty) = self.terms(price, qty)?;
        money_to_py(py, self.math.value(price, qty).map_err(errors::money)?)
    }

    /// Fee of a fill.
    #[pyo3(signature = (price, qty, *, maker))]
    fn fee<'py>(
        &self,
        py: Python<'py>,
        price: &Bound<'py, PyAny>,
        qty: &Bound<'py, PyAny>,
        maker: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (price, qty) = self.terms(price, qty)?;
        let overflow = ledger::MoneyOverflow { price: price.steps(), qty: qty.steps() };
        let value = self.math.value(price, qty).map_err(errors::money)?;
        money_to_py(py, self.math.fee(value, maker).ok_or(overflow).map_err(errors::money)?)
    }

    /// Books a fill with its fee and returns the profit it realised.
    #[pyo3(signature = (side, price, qty, *, maker=false))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        side: &Bound<'py, PyAny>,
        price: &Bound<'py, PyAny>,
        qty: &Bound<'py, PyAny>,
        maker: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let side: Side = to_side(side)?;
        let (price, qty) = self.terms(price, qty)?;
        let overflow = ledger::MoneyOverflow { price: price.steps(), qty: qty.steps() };
        let value = self.math.value(price, qty).map_err(errors::money)?;
        let fee = self.math.fee(value, maker).ok_or(overflow).map_err(errors::money)?;
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        let realized = position.apply(&self.math, side, price, qty, fee).map_err(errors::money)?;
        money_to_py(py, realized)
    }

    /// The position after the fills so far, marked at a price.
    fn position<'py>(&self, py: Python<'py>, mark: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let twice = Some(self.instrument.price_to_steps(mark)?.saturating_mul(2));
        let i = &self.instrument.0;
        let position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        let out = PyDict::new(py);
        out.set_item("qty", crate::values::decimal_from_text(py, &i.format_qty(position.qty))?)?;
        let average = position.avg_entry_price();
        out.set_item("avg_entry_price", average.map(|p| p * i.price_increment.to_f64(1)))?;
        out.set_item("realized_pnl", money_to_py(py, position.realized)?)?;
        let unrealized = position.unrealized(&self.math, twice).map_err(errors::money)?;
        out.set_item("unrealized_pnl", money_to_py(py, unrealized)?)?;
        out.set_item("fees", money_to_py(py, position.fees)?)?;
        out.set_item("cash", money_to_py(py, position.cash)?)?;
        let equity = position.equity(&self.math, twice).map_err(errors::money)?;
        out.set_item("equity", money_to_py(py, equity)?)?;
        Ok(out)
    }
}
