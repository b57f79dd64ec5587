//! Latency, queue and fee models that Python classes implement: `tradecore.venue_models.VenueModel`.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};
use tradecore_core::kernel::HookError;
use tradecore_core::sim::{
    ChargedFill as CoreFill, CustomFees, CustomLatency, CustomQueue, FeeSource, LatencySource, Memory,
    QueueEvent, QueueSource, Source, Standing,
};
use tradecore_core::types::{Instrument, Money};

use crate::errors;
use crate::instrument::PyInstrument;
use crate::records::{liquidity_to_py, side_to_py};
use crate::values::{decimal_from_text, money_to_py, repr_of, to_decimal};

/// A model as a venue keeps it: what it is called, and the object that those of a run are copies of.
#[derive(FromPyObject)]
struct Kept<'py> {
    text: String,
    model: Bound<'py, PyAny>,
}

impl<'py> Kept<'py> {
    /// Of what a setting holds, if that is a model.
    fn of(given: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let class = given.py().import("tradecore.venue_models")?.getattr("VenueModel")?;
        if given.is_instance(&class)? { given.extract().map(Some) } else { Ok(None) }
    }
}

/// A copy of a pattern, as it was when the venue was declared.
fn copied(py: Python<'_>, pattern: &Py<PyAny>) -> PyResult<Py<PyAny>> {
    Ok(py.import("copy")?.call_method1("deepcopy", (pattern,))?.unbind())
}

/// What an exception of a model means to the run.
fn failed(py: Python<'_>, error: &PyErr) -> HookError {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        return HookError::Interrupted;
    }
    HookError::Failed(errors::traceback(py, error))
}

/// What a model returned, as a number of some kind; a truth value is none.
fn number<'py, T: FromPyObjectOwned<'py>>(given: &Bound<'py, PyAny>, expected: &str) -> Result<T, HookError> {
    let told = if given.is_instance_of::<PyBool>() { None } else { given.extract().ok() };
    told.ok_or_else(|| HookError::Failed(format!("returned {}, expected {expected}", repr_of(given))))
}

const WHOLE_NS: &str = "whole ns from 0 on";

/// A latency model of a leg, and of an instrument once there is one.
#[derive(Debug)]
struct Pattern {
    name: String,
    leg: &'static str,
    least: i64,
    model: Arc<Py<PyAny>>,
    instrument: String,
}

/// The latency model that a leg holds, if it holds one.
pub(crate) fn latency_model(
    leg: &'static str,
    given: &Bound<'_, PyAny>,
) -> PyResult<Option<Source<dyn LatencySource>>> {
    let Some(Kept { text, model }) = Kept::of(given)? else { return Ok(None) };
    let bad = |problem: String| errors::invalid(leg, format!("{text}.least: {problem}"));
    if model.is_none() {
        // Of a result that was saved.
        let model = Arc::new(model.unbind());
        let unknown = Pattern { name: text, leg, least: 0, model, instrument: String::new() };
        return Ok(Some(Source(Arc::new(unknown))));
    }
    let told = model.call_method0("least")?;
    let least = match number::<i64>(&told, WHOLE_NS) {
        Ok(least) if least >= 0 => least,
        Ok(least) => return Err(bad(format!("returned {least}, expected {WHOLE_NS}"))),
        Err(HookError::Failed(problem)) => return Err(bad(problem)),
        Err(HookError::Interrupted) => return Err(PyKeyboardInterrupt::new_err(())),
    };
    let model = Arc::new(model.unbind());
    Ok(Some(Source(Arc::new(Pattern { name: text, leg, least, model, instrument: String::new() }))))
}

impl LatencySource for Pattern {
    fn name(&self) -> &str {
        &self.name
    }

    fn method(&self) -> &'static str {
        self.leg
    }

    fn least(&self) -> i64 {
        self.least
    }

    fn of(&self, instrument: &str) -> Arc<dyn LatencySource> {
        let (name, model) = (self.name.clone(), Arc::clone(&self.model));
        Arc::new(Self { name, leg: self.leg, least: self.least, model, instrument: instrument.to_owned() })
    }

    fn begin(&self) -> Box<dyn CustomLatency> {
        Python::attach(|py| {
            let method = copied(py, &self.model).and_then(|model| model.getattr(py, self.leg));
            let method = method.map_err(|error| failed(py, &error));
            Box::new(Leg { method, instrument: PyString::new(py, &self.instrument).unbind() })
        })
    }
}

/// A latency model in use, or why there is none.
#[derive(Debug)]
struct Leg {
    method: Result<Py<PyAny>, HookError>,
    instrument: Py<PyString>,
}

impl CustomLatency for Leg {
    fn draw(&mut self, at: i64) -> Result<i64, HookError> {
        Python::attach(|py| {
            let method = self.method.as_ref().map_err(Clone::clone)?;
            let drawn = method.bind(py).call1((at, &self.instrument)).map_err(|error| failed(py, &error))?;
            number(&drawn, WHOLE_NS)
        })
    }
}

/// An order of one's own in the queue of its level, as a queue model is told of it.
///
/// Quantities are in increments, whole numbers of ``instrument.qty_increment``.
///
/// Examples
/// --------
/// ::
///
///     class Cautious:
///         def join(self, place):
///             place.memory = place.ts_ns
///             return place.ahead
///
///         def trade(self, place, qty):
///             return max(place.ahead - qty, 0)
///
///         def change(self, place, prev, new):
///             return min(place.ahead, new)
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct QueuePlace {
    instrument: Py<PyInstrument>,
    now: Mutex<(Standing, i64, bool)>,
    memory: Mutex<Option<Py<PyAny>>>,
}

impl QueuePlace {
    fn now(&self) -> (Standing, i64, bool) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl QueuePlace {
    /// What it is an order in.
    #[getter]
    fn instrument(&self, py: Python<'_>) -> Py<PyInstrument> {
        self.instrument.clone_ref(py)
    }

    /// Its side.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        side_to_py(py, self.now().0.side.sign())
    }

    /// Its price, in quote currency, exact.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_from_text(py, &self.instrument.get().0.format_price(self.now().0.price))
    }

    /// What of it is not filled, increments.
    #[getter]
    fn leaves(&self) -> i64 {
        self.now().0.leaves
    }

    /// What its level displays, increments.
    #[getter]
    fn displayed(&self) -> i64 {
        self.now().0.displayed
    }

    /// What is ahead of it, increments, as the model said last, or 0 after a trade beyond its price.
    ///
    /// In ``join`` all that is displayed and that own orders have not taken.
    #[getter]
    fn ahead(&self) -> f64 {
        self.now().0.ahead
    }

    /// Venue's time of what is told, ns UTC.
    #[getter]
    fn ts_ns(&self) -> i64 {
        self.now().0.at
    }

    /// In ``trade``: what own orders ahead got of the trade, increments, which the level will show as well.
    #[getter]
    fn own(&self) -> i64 {
        self.now().1
    }

    /// In ``trade``: whether the trade had happened when the level last shrank, which shows it.
    #[getter]
    fn is_shown(&self) -> bool {
        self.now().2
    }

    /// Whatever the model wants to remember of this order; None at first.
    #[getter]
    fn memory(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|kept| kept.clone_ref(py))
    }

    #[setter]
    fn set_memory(&self, value: Option<Py<PyAny>>) {
        let before =
            std::mem::replace(&mut *self.memory.lock().unwrap_or_else(PoisonError::into_inner), value);
        // Not while it is locked: what goes may look here.
        drop(before);
    }

    fn __repr__(&self) -> String {
        let (order, ..) = self.now();
        let spec = &self.instrument.get().0;
        format!(
            "<QueuePlace {} {} {} @ {}, {} ahead of {}>",
            spec.id,
            order.side.as_str(),
            order.leaves,
            spec.format_price(order.price),
            order.ahead,
            order.displayed
        )
    }
}

/// A queue model.
#[derive(Debug)]
struct QueuePattern {
    name: String,
    model: Py<PyAny>,
}

/// The queue model that a setting holds, if it holds one.
pub(crate) fn queue_model(given: &Bound<'_, PyAny>) -> PyResult<Option<Source<dyn QueueSource>>> {
    Ok(Kept::of(given)?.map(|Kept { text, model }| {
        let pattern: Arc<dyn QueueSource> = Arc::new(QueuePattern { name: text, model: model.unbind() });
        Source(pattern)
    }))
}

impl QueueSource for QueuePattern {
    fn name(&self) -> &str {
        &self.name
    }

    fn begin(&self, instrument: &Arc<Instrument>) -> Box<dyn CustomQueue> {
        Python::attach(|py| {
            let begun = || -> PyResult<(Py<PyAny>, Py<PyInstrument>)> {
                Ok((copied(py, &self.model)?, Py::new(py, PyInstrument(Arc::clone(instrument)))?))
            };
            Box::new(Queue { begun: begun().map_err(|error| failed(py, &error)) })
        })
    }
}

/// A queue model in use, or why there is none.
#[derive(Debug)]
struct Queue {
    begun: Result<(Py<PyAny>, Py<PyInstrument>), HookError>,
}

impl CustomQueue for Queue {
    fn ahead(
        &mut self,
        memory: &mut Option<Memory>,
        order: &Standing,
        event: QueueEvent,
    ) -> Result<f64, HookError> {
        Python::attach(|py| {
            let (model, instrument) = self.begun.as_ref().map_err(Clone::clone)?;
            let (own, is_shown) = match event {
                QueueEvent::Trade { own, is_shown, .. } => (own, is_shown),
                _ => (0, false),
            };
            let kept = memory.as_ref().and_then(|kept| kept.downcast_ref::<Py<QueuePlace>>());
            let place = match kept {
                Some(place) => place.clone_ref(py),
                None => {
                    let (instrument, now) = (instrument.clone_ref(py), Mutex::new((*order, 0, false)));
                    let place = QueuePlace { instrument, now, memory: Mutex::default() };
                    let place = Py::new(py, place).map_err(|error| failed(py, &error))?;
                    *memory = Some(Arc::new(place.clone_ref(py)));
                    place
                }
            };
            *place.get().now.lock().unwrap_or_else(PoisonError::into_inner) = (*order, own, is_shown);
            let (model, name) = (model.bind(py), event.method());
            let told = match event {
                QueueEvent::Join => model.call_method1(name, (&place,)),
                QueueEvent::Trade { qty, .. } => model.call_method1(name, (&place, qty)),
                QueueEvent::Change { prev, new } => model.call_method1(name, (&place, prev, new)),
            };
            number(&told.map_err(|error| failed(py, &error))?, "a number from 0 on")
        })
    }
}

/// A fill that a fee model is asked for.
///
/// Examples
/// --------
/// ::
///
///     class Rebate:
///         def fee(self, fill):
///             is_maker = fill.liquidity is tc.Liquidity.MAKER
///             return fill.value * (Decimal("-0.00005") if is_maker else Decimal("0.0004"))
#[pyclass(frozen, get_all, module = "tradecore")]
pub(crate) struct ChargedFill {
    /// What was traded.
    instrument: Py<PyInstrument>,
    /// Whether it was bought or sold.
    side: Py<PyAny>,
    /// Whether the order was a maker or a taker.
    liquidity: Py<PyAny>,
    /// Price, in quote currency, exact.
    price: Py<PyAny>,
    /// Quantity, in contracts (spot: base units), exact.
    qty: Py<PyAny>,
    /// What was traded is worth so much, in the settlement currency, exact.
    value: Py<PyAny>,
    /// What the account has traded at the venue in the 30 days before, in quote currency, exact.
    volume: Py<PyAny>,
    /// When, by the venue's clock, ns UTC.
    ts_ns: i64,
}

/// A fee model.
#[derive(Debug)]
struct FeePattern {
    name: String,
    model: Py<PyAny>,
}

/// The fee model that a setting holds, if it holds one.
pub(crate) fn fee_model(given: &Bound<'_, PyAny>) -> PyResult<Option<Source<dyn FeeSource>>> {
    Ok(Kept::of(given)?.map(|Kept { text, model }| {
        let pattern: Arc<dyn FeeSource> = Arc::new(FeePattern { name: text, model: model.unbind() });
        Source(pattern)
    }))
}

impl FeeSource for FeePattern {
    fn name(&self) -> &str {
        &self.name
    }

    fn begin(&self, instrument: &Instrument) -> Box<dyn CustomFees> {
        Python::attach(|py| {
            let begun = || -> PyResult<(Py<PyAny>, Py<PyInstrument>)> {
                let method = copied(py, &self.model)?.getattr(py, "fee")?;
                Ok((method, Py::new(py, PyInstrument(Arc::new(instrument.clone())))?))
            };
            Box::new(FeesOf { begun: begun().map_err(|error| failed(py, &error)) })
        })
    }
}

/// A fee model in use, or why there is none.
#[derive(Debug)]
struct FeesOf {
    begun: Result<(Py<PyAny>, Py<PyInstrument>), HookError>,
}

impl CustomFees for FeesOf {
    fn fee(&mut self, fill: &CoreFill<'_>) -> Result<Money, HookError> {
        Python::attach(|py| {
            let (method, instrument) = self.begun.as_ref().map_err(Clone::clone)?;
            let asked = || -> PyResult<Bound<'_, PyAny>> {
                // What cannot be counted fails its strategy when it is booked.
                let value = fill.math.value(fill.price, fill.qty).unwrap_or_default();
                let spec = fill.instrument;
                let told = ChargedFill {
                    instrument: instrument.clone_ref(py),
                    side: side_to_py(py, fill.side.sign())?.unbind(),
                    liquidity: liquidity_to_py(py, fill.liquidity as i64)?.unbind(),
                    price: decimal_from_text(py, &spec.format_price(fill.price.steps()))?.unbind(),
                    qty: decimal_from_text(py, &spec.format_qty(fill.qty.steps()))?.unbind(),
                    value: money_to_py(py, value)?.unbind(),
                    volume: money_to_py(py, fill.volume)?.unbind(),
                    ts_ns: fill.ts,
                };
                method.bind(py).call1((told,))
            };
            let told = asked().map_err(|error| failed(py, &error))?;
            let fee = to_decimal("fee", &told).ok().and_then(|fee| Money::from_decimal(fee).ok());
            fee.ok_or_else(|| {
                let problem = "an exact amount: a Decimal of at most 12 decimals, an int, or text";
                HookError::Failed(format!("returned {}, expected {problem}", repr_of(&told)))
            })
        })
    }
}
