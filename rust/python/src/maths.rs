//! Formulas and small models for research and tests.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::indicators as core;
use tradecore_core::strategies;

use crate::columns::slice_of;
use crate::errors;
use crate::values::{arguments, optional, to_duration, to_number, to_whole};

/// Numbers above 0.
const POSITIVE: RangeInclusive<f64> = f64::MIN_POSITIVE..=f64::MAX;
/// Numbers from 0 on.
const NOT_NEGATIVE: RangeInclusive<f64> = 0.0..=f64::MAX;

arguments! {
    any_time: i64 = to_whole("ns", i64::MIN..=i64::MAX);
    a: f64 = to_number("a", POSITIVE);
    bin_ticks: f64 = to_number("bin_ticks", POSITIVE);
    bins: usize = to_whole("bins", 1..=core::MOST_BINS);
    delta: f64 = to_number("delta", POSITIVE);
    depth_ticks: f64 = to_number("depth_ticks", f64::MIN..=f64::MAX);
    gamma: f64 = to_number("gamma", NOT_NEGATIVE);
    half_life: f64 = to_number("half_life_s", POSITIVE);
    k: f64 = to_number("k", POSITIVE);
    mid: f64 = to_number("mid", -core::MOST_MID..=core::MOST_MID);
    seconds: f64 = to_number("seconds", 0.0..=core::MOST_SECONDS);
    sigma: f64 = to_number("sigma", NOT_NEGATIVE);
    ts_ns: i64 = to_whole("ts_ns", i64::MIN..=i64::MAX);
    window: usize = to_whole("window", 1..=core::MOST_WINDOW);
    xi: f64 = to_number("xi", NOT_NEGATIVE);
}

fn half_life_or_none(value: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    optional(value, half_life)
}

fn xi_or_none(value: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    optional(value, xi)
}

/// Return a length of time such as ``"100ms"``, ``"1s"``, ``"5m"`` in ns.
///
/// Raises
/// ------
/// InvalidValueError
///     When it is not one, or negative.
#[pyfunction]
pub(crate) fn parse_duration(text: &Bound<'_, PyAny>) -> PyResult<i64> {
    to_duration("duration", text, 0)
}

/// Return a length of time, given in ns, as text in the largest unit that divides it.
#[pyfunction]
pub(crate) fn format_duration_ns(#[pyo3(from_py_with = any_time)] ns: i64) -> String {
    tradecore_core::types::format_duration(ns)
}

/// Return a length of time, given in ns, as people say it: the two largest units that are not 0, or seconds.
#[pyfunction]
pub(crate) fn format_span_ns(#[pyo3(from_py_with = any_time)] ns: i64) -> String {
    tradecore_core::types::format_span(ns)
}

/// Return why there are no statistics of so few changes of a period, in so long a time, ns.
#[pyfunction]
pub(crate) fn few_changes_text(
    changes: u64,
    #[pyo3(from_py_with = any_time)] period_ns: i64,
    #[pyo3(from_py_with = any_time)] span_ns: i64,
) -> String {
    tradecore_core::backtest::NoRatio::TooFew { changes, period: period_ns, span: span_ns }.to_string()
}

/// Return what equal changes of an equity differ by at most, at levels and with changes up to such.
#[pyfunction]
pub(crate) fn equal_within(level: f64, change: f64) -> f64 {
    tradecore_core::backtest::equal_within(level, change)
}

/// Return Avellaneda-Stoikov quotes, element by element.
///
/// Parameters
/// ----------
/// s, q, tau : float64 (n,)
///     Mid (price), inventory (any unit of quantity), time left.
/// gamma, sigma, k : float
///     Risk aversion (per price and unit of quantity), volatility (price per square root of time), decay of the fill
///     rate (per price).
///
/// Returns
/// -------
/// dict of float64 (n,)
///     ``reservation, spread, bid, ask``: ``r = s - q gamma sigma^2 tau`` and
///     ``spread = gamma sigma^2 tau + (2 / gamma) ln(1 + gamma / k)``.
///
/// Raises
/// ------
/// InvalidValueError
///     When the arrays differ in length, a parameter is negative (or ``k`` 0), or a quote of finite numbers is none.
///
/// Examples
/// --------
/// >>> import numpy as np
/// >>> quotes = tc.avellaneda_stoikov_quotes(
/// ...     np.array([100.0]), np.array([1.0]), np.array([1.0]), gamma=0.1, sigma=2.0, k=1.5
/// ... )
/// >>> quotes["reservation"].tolist(), quotes["bid"].round(2).tolist(), quotes["ask"].round(2).tolist()
/// ([99.6], [98.75], [100.45])
#[pyfunction]
#[pyo3(signature = (s, q, tau, *, gamma, sigma, k))]
pub(crate) fn avellaneda_stoikov_quotes<'py>(
    py: Python<'py>,
    s: PyReadonlyArray1<'py, f64>,
    q: PyReadonlyArray1<'py, f64>,
    tau: PyReadonlyArray1<'py, f64>,
    #[pyo3(from_py_with = gamma)] gamma: f64,
    #[pyo3(from_py_with = sigma)] sigma: f64,
    #[pyo3(from_py_with = k)] k: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let (s, q, tau) = (slice_of(&s, "s")?, slice_of(&q, "q")?, slice_of(&tau, "tau")?);
    if s.len() != q.len() || s.len() != tau.len() {
        return Err(errors::invalid("s, q, tau", "must have one length"));
    }
    let quotes: Vec<_> = s
        .iter()
        .zip(q)
        .zip(tau)
        .map(|((s, q), tau)| {
            let quotes = strategies::avellaneda_stoikov_quotes(*s, *q, gamma, sigma, k, *tau);
            // What is no number in is none out.
            let is_sound = !(s.is_finite() && q.is_finite() && tau.is_finite())
                || (quotes.bid.is_finite() && quotes.ask.is_finite());
            is_sound.then_some(quotes).ok_or_else(|| beyond("gamma, sigma, k"))
        })
        .collect::<PyResult<_>>()?;
    let out = PyDict::new(py);
    out.set_item("reservation", PyArray1::from_iter(py, quotes.iter().map(|x| x.reservation)))?;
    out.set_item("spread", PyArray1::from_iter(py, quotes.iter().map(|x| x.spread)))?;
    out.set_item("bid", PyArray1::from_iter(py, quotes.iter().map(|x| x.bid)))?;
    out.set_item("ask", PyArray1::from_iter(py, quotes.iter().map(|x| x.ask)))?;
    Ok(out)
}

/// Return ``c1, c2, half_spread, skew`` of the GLFT closed form; ``xi`` is ``gamma`` if not given.
///
/// Parameters
/// ----------
/// gamma, xi : float
///     Risk aversion, per tick and unit of quantity.
/// sigma : float
///     Volatility, ticks per square root of a second.
/// a, k : float
///     Rate of fills ``a exp(-k d)`` at ``d`` ticks from the mid: per second, and per tick.
/// delta : float
///     What one filled quote adds to the inventory.
///
/// Returns
/// -------
/// dict of float
///     ``half_spread`` in ticks, ``skew`` in ticks for a unit of inventory, and the two constants they come from.
///
/// Raises
/// ------
/// InvalidValueError
///     When ``a``, ``k`` or ``delta`` is not above 0, another one negative, or a result no finite number.
///
/// Examples
/// --------
/// >>> quote = tc.glft_coefficients(gamma=0.1, sigma=0.5, a=1.0, k=1.5)
/// >>> round(quote["half_spread"], 3), round(quote["skew"], 3)
/// (0.722, 0.153)
#[pyfunction]
#[pyo3(signature = (*, gamma, sigma, a, k, delta=1.0, xi=None))]
pub(crate) fn glft_coefficients(
    py: Python<'_>,
    #[pyo3(from_py_with = gamma)] gamma: f64,
    #[pyo3(from_py_with = sigma)] sigma: f64,
    #[pyo3(from_py_with = a)] a: f64,
    #[pyo3(from_py_with = k)] k: f64,
    #[pyo3(from_py_with = delta)] delta: f64,
    #[pyo3(from_py_with = xi_or_none)] xi: Option<f64>,
) -> PyResult<Bound<'_, PyDict>> {
    let g = strategies::glft_coefficients(gamma, xi.unwrap_or(gamma), sigma, a, k, delta);
    let out = PyDict::new(py);
    for (name, value) in [("c1", g.c1), ("c2", g.c2), ("half_spread", g.half_spread), ("skew", g.skew)] {
        if !value.is_finite() {
            return Err(beyond("gamma, sigma, a, k, delta, xi"));
        }
        out.set_item(name, value)?;
    }
    Ok(out)
}

/// Parameters that are numbers each, of which the formula makes none.
fn beyond(names: &str) -> PyErr {
    errors::invalid(names, "the formula gives no number for them")
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

/// Fit ``counts / seconds = a exp(-k distances)``.
///
/// Parameters
/// ----------
/// distances : float64 (n,)
///     From the mid, in ticks or another unit of price.
/// counts : uint64 (n,)
///     How often a trade reached beyond each.
/// seconds : float
///     Time they were counted over.
/// method : "weighted" or "ols"
///     Least squares of the log rate, weighted with the counts or plain.
///
/// Returns
/// -------
/// dict of float, or None
///     ``a`` (per second), ``k`` (per unit of distance), ``r2``, ``points``; None with fewer than three counts above 0
///     or a rate that does not fall.
///
/// Raises
/// ------
/// InvalidValueError
///     When there is no such method, or no such time.
///
/// Examples
/// --------
/// >>> import numpy as np
/// >>> fit = tc.fit_intensity(np.array([0.5, 1.5, 2.5]), np.array([100, 37, 14], dtype=np.uint64), 10.0)
/// >>> round(fit["a"], 1), round(fit["k"], 2)
/// (16.4, 0.99)
#[pyfunction]
#[pyo3(signature = (distances, counts, seconds, *, method="weighted"))]
pub(crate) fn fit_intensity<'py>(
    py: Python<'py>,
    distances: PyReadonlyArray1<'py, f64>,
    counts: PyReadonlyArray1<'py, u64>,
    #[pyo3(from_py_with = seconds)] seconds: f64,
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

/// Rolling realised volatility ``sqrt(sum r^2 / sum dt)`` of a mid, price units per square root of a second.
///
/// Parameters
/// ----------
/// window : int
///     Steps, up to 10,000,000.
/// half_life_s : float, optional
///     Smoothing of the squared volatility over time, seconds; none if not given.
///
/// Raises
/// ------
/// InvalidValueError
///     When there is no such window, or the half-life is not above 0.
///
/// Examples
/// --------
/// >>> volatility = tc.RealizedVolatility(100)
/// >>> volatility.update(0, 100.0)
/// >>> volatility.update(1_000_000_000, 100.5)
/// 0.5
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct RealizedVolatility(Mutex<core::RealizedVolatility>);

#[pymethods]
impl RealizedVolatility {
    #[new]
    #[pyo3(signature = (window, half_life_s=None))]
    fn new(
        #[pyo3(from_py_with = window)] window: usize,
        #[pyo3(from_py_with = half_life_or_none)] half_life_s: Option<f64>,
    ) -> Self {
        Self(Mutex::new(core::RealizedVolatility::new(window, half_life_s)))
    }

    /// Take a sample of the mid at a time, ns UTC, and return the volatility; None before the second one.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When the mid is no number up to 1e100.
    fn update(
        &self,
        #[pyo3(from_py_with = ts_ns)] ts_ns: i64,
        #[pyo3(from_py_with = mid)] mid: f64,
    ) -> Option<f64> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.push(ts_ns, mid);
        inner.sigma()
    }
}

/// Rolling estimate of ``A exp(-k d)``, the rate of fills at a distance of ``d`` ticks from the mid.
///
/// Parameters
/// ----------
/// bin_ticks : float
///     Spacing of the distances ``(j + 1/2) * bin_ticks``, ticks.
/// bins : int
///     How many distances, up to 100,000.
/// window : int
///     Intervals, up to 10,000,000; the deepest trade of each counts.
///
/// Raises
/// ------
/// InvalidValueError
///     When one of them is not above 0, or too many.
///
/// Examples
/// --------
/// >>> intensity = tc.IntensityEstimator(bins=3)
/// >>> for deepest in (0.8, 1.1, 2.9, 0.7, 1.8, 0.9, 0.6, 1.3):
/// ...     intensity.trade(deepest)
/// ...     intensity.end_interval(1.0)
/// >>> fit = intensity.fit()
/// >>> round(fit["a"], 2), round(fit["k"], 2)
/// (1.72, 1.14)
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct IntensityEstimator(Mutex<core::IntensityEstimator>);

#[pymethods]
impl IntensityEstimator {
    #[new]
    #[pyo3(signature = (*, bin_ticks=1.0, bins=100, window=120))]
    fn new(
        #[pyo3(from_py_with = bin_ticks)] bin_ticks: f64,
        #[pyo3(from_py_with = bins)] bins: usize,
        #[pyo3(from_py_with = window)] window: usize,
    ) -> Self {
        Self(Mutex::new(core::IntensityEstimator::new(bin_ticks, bins, window)))
    }

    /// Take a trade, by its distance in ticks from the mid at the start of the interval.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When it is no number.
    fn trade(&self, #[pyo3(from_py_with = depth_ticks)] depth_ticks: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).trade(depth_ticks);
    }

    /// End an interval of that length, in seconds.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When it is negative, or longer than 1e10 s.
    fn end_interval(&self, #[pyo3(from_py_with = seconds)] seconds: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).end_interval(seconds);
    }

    /// Return ``a`` (fills a second), ``k`` (per tick), ``r2`` and ``points``; None without a sound fit.
    ///
    /// Method ``weighted`` (by counts) or ``ols``. A fit needs three distances that trades have reached.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When there is no such method.
    #[pyo3(signature = (*, method="weighted"))]
    fn fit<'py>(&self, py: Python<'py>, method: &str) -> PyResult<Option<Bound<'py, PyDict>>> {
        let fit = self.0.lock().unwrap_or_else(PoisonError::into_inner).fit(self::method(method)?);
        fit.map(|f| fit_to_py(py, f)).transpose()
    }
}
