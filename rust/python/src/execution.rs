//! What execution costs and how a quantity is cut: doors to the core's arithmetic.

use std::ops::RangeInclusive;

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::book::L2Book;
use tradecore_core::event::STEPS_LIMIT;
use tradecore_core::exec::{self, Against, BadParameter, CostModel, ImpactLaw, Trajectory};
use tradecore_core::types::Instrument;

use crate::book::PyL2Book;
use crate::columns::{import_numpy, slice_of};
use crate::errors;
use crate::values::{arguments, repr_of, to_duration, to_number, to_qty, to_side, to_whole};
use crate::views::BookView;

/// Most parts that a quantity is cut into.
const MOST_SLICES: usize = 100_000;
/// Numbers from 0 on.
const NOT_NEGATIVE: RangeInclusive<f64> = 0.0..=f64::MAX;
/// Numbers above 0.
const POSITIVE: RangeInclusive<f64> = f64::MIN_POSITIVE..=f64::MAX;
/// Shares of a volume that leave something for the others.
const RATES: RangeInclusive<f64> = 1e-9..=0.999_999_999;

arguments! {
    display: i64 = to_whole("display", 1..=STEPS_LIMIT);
    market_volume: f64 = to_number("market_volume", NOT_NEGATIVE);
    pub(crate) rate: f64 = to_number("rate", RATES);
    pub(crate) slices: usize = to_whole("slices", 1..=MOST_SLICES);
    total: f64 = to_number("total", POSITIVE);
    total_lots: i64 = to_whole("total", 0..=STEPS_LIMIT);
}

/// A parameter of the core's that cannot be.
pub(crate) fn bad_parameter(error: BadParameter) -> PyErr {
    errors::invalid(error.field, error.problem)
}

/// What taking a quantity would cost against a reference price.
///
/// Prices are in quote currency, quantities in contracts (spot: base units). ``str(estimate)`` says it in a line.
///
/// Examples
/// --------
/// >>> book = tc.L2Book(tc.find_instrument("BTCUSDT.SYNTH"))
/// >>> for side, price, qty in [("bid", 99, 1), ("ask", 101, 1), ("ask", 103, 2)]:
/// ...     book.set(side, price, qty)
/// >>> estimate = tc.exec.slippage(book, "buy", 2)
/// >>> estimate.average_price, estimate.worst_price, estimate.bps
/// (102.0, 103.0, 200.0)
#[pyclass(frozen, get_all, module = "tradecore")]
pub(crate) struct Slippage {
    /// The average price against the reference, basis points: positive is worse for the taker.
    bps: f64,
    /// Price on average, in quote currency, of all that can be priced.
    average_price: f64,
    /// Price of the last level taken, in quote currency; beyond the display where the law of impact has it.
    worst_price: f64,
    /// The price it is counted from, in quote currency.
    reference_price: f64,
    /// Quantity taken from levels on display, in contracts (spot: base units).
    displayed_qty: f64,
    /// Quantity beyond them, in contracts (spot: base units), priced by the law of impact.
    beyond_qty: f64,
    /// Quantity in contracts (spot: base units) that is not on display, where no law was given to price it.
    unfilled_qty: f64,
}

#[pymethods]
impl Slippage {
    fn __repr__(&self) -> String {
        format!("<Slippage {:.2} bps, average {}, worst {}>", self.bps, self.average_price, self.worst_price)
    }
}

/// What an estimate of slippage is asked with.
pub(crate) struct SlippageTerms<'a, 'py> {
    pub(crate) side: &'a Bound<'py, PyAny>,
    pub(crate) qty: &'a Bound<'py, PyAny>,
    pub(crate) reference: &'a str,
    pub(crate) volatility: Option<&'a Bound<'py, PyAny>>,
    pub(crate) daily_volume: Option<&'a Bound<'py, PyAny>>,
    pub(crate) y: Option<&'a Bound<'py, PyAny>>,
}

/// Coefficient of the law where none is given: of 0.5 to 1 as published, the upper end.
const DEFAULT_Y: f64 = 1.0;

impl SlippageTerms<'_, '_> {
    /// Estimates against the book that `read` shows.
    pub(crate) fn estimate(
        &self,
        instrument: &Instrument,
        read: impl FnOnce(&mut dyn FnMut(&L2Book)) -> PyResult<()>,
    ) -> PyResult<Option<Slippage>> {
        let side = to_side(self.side)?;
        let qty = to_qty("qty", instrument, self.qty)?.steps();
        if !(1..=STEPS_LIMIT).contains(&qty) {
            let shown = repr_of(self.qty);
            return Err(errors::invalid("qty", format!("expected a quantity greater than 0, got {shown}")));
        }
        let against = Against::ALL.into_iter().find(|against| against.as_str() == self.reference);
        let against = against.ok_or_else(|| {
            errors::invalid("reference", format!("expected \"mid\" or \"touch\", got {:?}", self.reference))
        })?;
        let law = self.law(instrument)?;
        let mut found = None;
        read(&mut |book| found = exec::Slippage::estimate(book, side, qty, against, law))?;
        let tick = instrument.price_increment.to_f64(1);
        let qty = |steps| instrument.qty_increment.to_f64(steps);
        Ok(found.map(|estimate| Slippage {
            bps: estimate.bps,
            average_price: estimate.average * tick,
            worst_price: if estimate.worst.fract() == 0.0 {
                instrument.price_increment.to_f64(estimate.worst as i64)
            } else {
                estimate.worst * tick
            },
            reference_price: estimate.reference * tick,
            displayed_qty: qty(estimate.displayed),
            beyond_qty: qty(estimate.beyond),
            unfilled_qty: qty(estimate.unfilled),
        }))
    }

    fn law(&self, instrument: &Instrument) -> PyResult<Option<ImpactLaw>> {
        let (volatility, volume) = match (self.volatility, self.daily_volume) {
            (Some(volatility), Some(volume)) => (volatility, volume),
            (None, None) if self.y.is_none() => return Ok(None),
            (None, _) => return Err(errors::invalid("volatility", "goes together with daily_volume")),
            (_, None) => return Err(errors::invalid("daily_volume", "goes together with volatility")),
        };
        let volatility = to_number("volatility", volatility, NOT_NEGATIVE)?;
        let volume = to_number("daily_volume", volume, POSITIVE)? / instrument.qty_increment.to_f64(1);
        let y = self.y.map_or(Ok(DEFAULT_Y), |y| to_number("y", y, NOT_NEGATIVE))?;
        ImpactLaw::new(y, volatility, volume).map(Some).map_err(bad_parameter)
    }
}

/// Return what taking a quantity at once would cost against a book; None where there is no reference price.
///
/// Levels on display are walked first. What they do not hold is priced by the square-root law of impact, ``y *
/// volatility * sqrt(qty / daily_volume)``, from the last level on, where volatility and volume are given; without them
/// it is ``unfilled_qty`` and not part of the average.
///
/// Parameters
/// ----------
/// book : L2Book or BookView
///     Is not changed.
/// side : Side or str
///     Of the taker: ``buy`` goes through the asks, ``sell`` through the bids.
/// qty : Decimal, str, int or float
///     Quantity in contracts (spot: base units).
/// reference : "mid" or "touch"
///     The price it is counted from: half-way between the best prices, or the best of the side that is taken from.
/// volatility : float, optional
///     Standard deviation of a day's return, a fraction: 0.03 for 3 %.
/// daily_volume : float, optional
///     Quantity traded a day, in the unit of ``qty``.
/// y : float, optional
///     Coefficient of the law, 1 if not given; from 0.5 to 1 as published, to be fitted to one's own fills.
///
/// Raises
/// ------
/// OffGridError
///     When the quantity lies between two increments.
/// InvalidValueError
///     Naming the parameter, for numbers out of range, and for a volatility without a volume or the reverse.
///
/// Examples
/// --------
/// >>> book = tc.L2Book(tc.find_instrument("BTCUSDT.SYNTH"))
/// >>> for side, price, qty in [("bid", 99, 1), ("ask", 101, 1)]:
/// ...     book.set(side, price, qty)
/// >>> tc.exec.slippage(book, "buy", 4).unfilled_qty
/// 3.0
/// >>> round(tc.exec.slippage(book, "buy", 4, volatility=0.02, daily_volume=400).bps, 2)
/// 104.21
#[pyfunction]
#[pyo3(signature = (book, side, qty, *, reference="mid", volatility=None, daily_volume=None, y=None))]
pub(crate) fn slippage(
    book: &Bound<'_, PyAny>,
    side: &Bound<'_, PyAny>,
    qty: &Bound<'_, PyAny>,
    reference: &str,
    volatility: Option<&Bound<'_, PyAny>>,
    daily_volume: Option<&Bound<'_, PyAny>>,
    y: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Slippage>> {
    let py = book.py();
    let terms = SlippageTerms { side, qty, reference, volatility, daily_volume, y };
    if let Ok(book) = book.cast::<PyL2Book>() {
        let book = book.get();
        return book.read(|instrument, book| {
            terms.estimate(instrument, |act| {
                act(book);
                Ok(())
            })
        });
    }
    let view = book.cast::<BookView>().map_err(|_| {
        errors::invalid("book", format!("expected an L2Book or a book of a context, got {}", repr_of(book)))
    })?;
    let view = view.get();
    terms.estimate(view.spec(), |act| view.book(py, |book| act(book)))
}

/// Return how a quantity is cut into equal parts, as a TWAP does: what does not divide goes to the earlier ones.
///
/// Parameters
/// ----------
/// total : int
///     Lots to cut.
/// slices : int
///     Parts.
///
/// Returns
/// -------
/// list of int
///     Lots of each part; they sum to ``total``.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the parameter that is out of range.
///
/// Examples
/// --------
/// >>> tc.exec.twap_slices(100, 3)
/// [34, 33, 33]
#[pyfunction]
pub(crate) fn twap_slices(
    #[pyo3(from_py_with = total_lots)] total: i64,
    #[pyo3(from_py_with = slices)] slices: usize,
) -> Vec<i64> {
    exec::split(total, &vec![1.0; slices])
}

/// Return how a quantity is cut in proportion to a volume curve, as a VWAP does.
///
/// Each part gets the whole lots of its share; the rest goes one by one to the largest remainders, of equal ones to the
/// earlier part.
///
/// Parameters
/// ----------
/// total : int
///     Lots to cut.
/// curve : float64 (n,)
///     Volume expected in each part, in any unit.
///
/// Returns
/// -------
/// list of int
///     Lots of each part; they sum to ``total``.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the parameter that is out of range.
///
/// Examples
/// --------
/// >>> tc.exec.vwap_slices(25, [10, 20, 5, 15, 50])
/// [3, 5, 1, 4, 12]
#[pyfunction]
pub(crate) fn vwap_slices(
    #[pyo3(from_py_with = total_lots)] total: i64,
    curve: &Bound<'_, PyAny>,
) -> PyResult<Vec<i64>> {
    Ok(exec::split(total, &to_curve(curve)?))
}

/// A volume curve: numbers from 0 on, one at least above 0.
pub(crate) fn to_curve(curve: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let given = || {
        errors::invalid(
            "curve",
            format!(
                "expected 1 to {MOST_SLICES} volumes from 0 on, one at least above 0, got {}",
                repr_of(curve)
            ),
        )
    };
    let weights: Vec<f64> = curve
        .try_iter()
        .and_then(|items| items.map(|item| item?.extract()).collect())
        .map_err(|_| given())?;
    let are_volumes = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
    let is_sound = are_volumes && weights.len() <= MOST_SLICES && weights.iter().any(|weight| *weight > 0.0);
    if is_sound { Ok(weights) } else { Err(given()) }
}

/// Return a volume curve for a schedule, learnt from trades of the past.
///
/// Of each part it is what was traded at that time of day, over all days there are: what ``ctx.execute("vwap", ...)``
/// takes as its ``curve``.
///
/// Parameters
/// ----------
/// ts_ns : int64 (n,)
///     Times of the trades, ns UTC.
/// qty : float64 (n,)
///     Their quantities, in any unit.
/// start : int
///     When the schedule begins, ns UTC.
/// duration : duration
///     How long it is.
/// slices : int
///     Its parts.
///
/// Returns
/// -------
/// list of float
///     Volume of each part, in the unit of ``qty``.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the parameter that is out of range, and for trades of which none lies at that time of day.
///
/// Examples
/// --------
/// >>> import numpy as np
/// >>> hour = 3_600_000_000_000
/// >>> tc.exec.volume_curve(np.array([hour, 2 * hour]), np.array([1.0, 3.0]), start=hour, duration="2h", slices=2)
/// [1.0, 3.0]
#[pyfunction]
#[pyo3(signature = (ts_ns, qty, *, start, duration, slices))]
pub(crate) fn volume_curve(
    ts_ns: PyReadonlyArray1<'_, i64>,
    qty: PyReadonlyArray1<'_, f64>,
    start: i64,
    duration: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = slices)] slices: usize,
) -> PyResult<Vec<f64>> {
    let (ts, qty) = (slice_of(&ts_ns, "ts_ns")?, slice_of(&qty, "qty")?);
    if ts.len() != qty.len() {
        return Err(errors::invalid("ts_ns, qty", "must have one length"));
    }
    if let Some(wrong) = qty.iter().find(|qty| !(qty.is_finite() && **qty >= 0.0)) {
        return Err(errors::invalid("qty", format!("expected quantities from 0 on, got {wrong:?}")));
    }
    let duration = to_duration("duration", duration, 1)?;
    let trades = ts.iter().copied().zip(qty.iter().copied());
    let curve = exec::volume_curve(trades, start, duration, slices);
    if curve.iter().all(|volume| *volume == 0.0) {
        return Err(errors::invalid("ts_ns", "none of the trades lies at the schedule's time of day"));
    }
    Ok(curve)
}

/// Return what an iceberg order shows, one after another.
///
/// Parameters
/// ----------
/// total, display : int
///     Lots of the order, and on display at a time.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the parameter that is out of range, and for more than 100,000 parts.
///
/// Examples
/// --------
/// >>> tc.exec.iceberg_slices(10, 3)
/// [3, 3, 3, 1]
#[pyfunction]
pub(crate) fn iceberg_slices(
    #[pyo3(from_py_with = total_lots)] total: i64,
    #[pyo3(from_py_with = display)] display: i64,
) -> PyResult<Vec<i64>> {
    if total / display > MOST_SLICES as i64 {
        return Err(errors::invalid(
            "display",
            format!("{display} makes more than {MOST_SLICES} parts of {total}"),
        ));
    }
    Ok(exec::iceberg_slices(total, display))
}

/// Return how much a POV order is to have done when the others have traded so much.
///
/// ``rate / (1 - rate) * market_volume``, which is the rate of all volume, its own included; never more than the total.
///
/// Parameters
/// ----------
/// rate : float
///     Share of all volume, between 0 and 1.
/// market_volume : float
///     What the others have traded since the start.
/// total : float
///     The whole order, in the same unit.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the parameter that is out of range.
///
/// Examples
/// --------
/// >>> tc.exec.pov_target(0.2, 100, 30), tc.exec.pov_target(0.2, 1000, 30)
/// (25.0, 30.0)
#[pyfunction]
pub(crate) fn pov_target(
    #[pyo3(from_py_with = rate)] rate: f64,
    #[pyo3(from_py_with = market_volume)] market_volume: f64,
    #[pyo3(from_py_with = total)] total: f64,
) -> f64 {
    exec::participation_target(rate, market_volume, total)
}

/// Return where the square-root law of impact has the price, in basis points.
///
/// It is ``1e4 * y * volatility * sqrt(qty / daily_volume)``.
///
/// Parameters
/// ----------
/// qty, daily_volume : float
///     What is taken, and what is traded a day, in one unit.
/// volatility : float
///     Standard deviation of a day's return, a fraction: 0.02 for 2 %.
/// y : float
///     Coefficient of the law.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the parameter that is out of range.
///
/// Examples
/// --------
/// >>> round(tc.exec.impact_bps(1_000, daily_volume=100_000, volatility=0.02), 6)
/// 20.0
#[pyfunction]
#[pyo3(signature = (qty, *, daily_volume, volatility, y=None))]
pub(crate) fn impact_bps(
    qty: &Bound<'_, PyAny>,
    daily_volume: &Bound<'_, PyAny>,
    volatility: &Bound<'_, PyAny>,
    y: Option<&Bound<'_, PyAny>>,
) -> PyResult<f64> {
    let qty = to_number("qty", qty, NOT_NEGATIVE)?;
    let volume = to_number("daily_volume", daily_volume, POSITIVE)?;
    let volatility = to_number("volatility", volatility, NOT_NEGATIVE)?;
    let y = y.map_or(Ok(DEFAULT_Y), |y| to_number("y", y, NOT_NEGATIVE))?;
    Ok(1e4 * ImpactLaw::new(y, volatility, volume).map_err(bad_parameter)?.at(qty))
}

/// Return the schedule of Almgren and Chriss (2000) and what it is expected to cost.
///
/// Parameters
/// ----------
/// qty : float
///     What is to be sold or bought.
/// duration : float
///     Time for it, in the unit of time of the other parameters (days, mostly).
/// slices : int
///     Equal steps.
/// sigma : float
///     Volatility: price by square root of time.
/// eta, gamma : float
///     Temporary impact (price by rate of trading) and permanent impact (price by quantity).
/// epsilon : float
///     Fixed cost of trading, a price: half the spread.
/// risk_aversion : float
///     1 / money; at 0 the schedule is a straight line.
///
/// Returns
/// -------
/// dict
///     ``holdings`` float64 (slices + 1,) and ``trades`` float64 (slices,) in the unit of ``qty``; ``kappa``, 1 / time;
///     ``half_life``, the time in which the position falls by the factor e (None for a straight line);
///     ``expected_cost`` and ``variance``.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the parameter that is out of range; ``eta`` has to be more than ``gamma`` times half a step's length.
///
/// Examples
/// --------
/// >>> plan = tc.exec.almgren_chriss(
/// ...     1_000_000, 5, 5, sigma=0.95, eta=2.5e-6, gamma=2.5e-7, epsilon=0.0625, risk_aversion=1e-6
/// ... )
/// >>> plan["trades"].round().tolist()
/// [458044.0, 252101.0, 141957.0, 85756.0, 62142.0]
/// >>> round(plan["expected_cost"])
/// 911227
#[pyfunction]
#[pyo3(signature = (qty, duration, slices, *, sigma, eta, gamma=0.0, epsilon=0.0, risk_aversion=0.0))]
#[allow(clippy::too_many_arguments, reason = "the published parameters")]
pub(crate) fn almgren_chriss(
    py: Python<'_>,
    qty: f64,
    duration: f64,
    #[pyo3(from_py_with = slices)] slices: usize,
    sigma: f64,
    eta: f64,
    gamma: f64,
    epsilon: f64,
    risk_aversion: f64,
) -> PyResult<Bound<'_, PyDict>> {
    let model = CostModel { sigma, eta, gamma, epsilon, risk_aversion };
    let plan = Trajectory::new(qty, duration, slices, &model).map_err(bad_parameter)?;
    let half_life = plan.half_life();
    let found = PyDict::new(py);
    found.set_item("kappa", plan.kappa)?;
    found.set_item("half_life", half_life)?;
    found.set_item("expected_cost", plan.expected_cost)?;
    found.set_item("variance", plan.variance)?;
    import_numpy(py)?;
    found.set_item("holdings", PyArray1::from_vec(py, plan.holdings))?;
    found.set_item("trades", PyArray1::from_vec(py, plan.trades))?;
    Ok(found)
}

/// Return what an order came to cost against the price at which it was decided (Perold 1988).
///
/// Parameters
/// ----------
/// side : Side or str
/// qty : float
///     The whole order.
/// decision_price, end_price : float
///     The price when it was decided, and when what is left was given up.
/// fills : sequence of (float, float)
///     Quantity and price of each fill.
/// fees : float
///     Money paid besides.
///
/// Returns
/// -------
/// dict of float
///     ``execution_cost`` of what was filled, ``opportunity_cost`` of what was not, ``total_cost`` with fees, in money,
///     and ``bps`` of the whole order at the decision price.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the parameter that is out of range, and for more filled than ordered.
///
/// Examples
/// --------
/// >>> cost = tc.exec.implementation_shortfall(
/// ...     "buy", 1000, decision_price=100, fills=[(300, 100.2), (500, 100.6)], end_price=101, fees=12
/// ... )
/// >>> round(cost["total_cost"], 6), round(cost["bps"], 6)
/// (572.0, 57.2)
#[pyfunction]
#[pyo3(signature = (side, qty, *, decision_price, fills, end_price, fees=0.0))]
pub(crate) fn implementation_shortfall<'py>(
    side: &Bound<'py, PyAny>,
    qty: f64,
    decision_price: f64,
    fills: Vec<[f64; 2]>,
    end_price: f64,
    fees: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let fills: Vec<(f64, f64)> = fills.into_iter().map(|[part, price]| (part, price)).collect();
    let cost = exec::Shortfall::of(to_side(side)?, qty, decision_price, &fills, end_price, fees);
    let cost = cost.map_err(bad_parameter)?;
    let found = PyDict::new(side.py());
    found.set_item("execution_cost", cost.execution)?;
    found.set_item("opportunity_cost", cost.opportunity)?;
    found.set_item("total_cost", cost.total)?;
    found.set_item("bps", cost.bps)?;
    Ok(found)
}
