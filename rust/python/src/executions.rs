//! Executions of a strategy: how one is asked for, and the handle to watch it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tradecore_core::exec::{
    self, ALGORITHMS, Algorithm, CostModel, Execution as CoreExecution, ExecutionId, ExecutionRequest, PegTo,
    Schedule, ScheduleKind, Trajectory, split,
};
use tradecore_core::types::{Instrument, MarketId, OrderTerms, Qty};

use crate::errors;
use crate::execution::{bad_parameter, rate, slices, to_curve};
use crate::records::side_to_py;
use crate::shared::Shared;
use crate::values::{repr_of, to_duration, to_number, to_price, to_qty, to_side, to_whole, unexpected};

/// Parts of a schedule where none are said.
const DEFAULT_SLICES: usize = 10;
/// Nanoseconds of a day, the unit of time of the impact parameters.
const DAY: f64 = 86_400e9;

/// What an execution is asked for, and when.
pub(crate) struct Asked<'a> {
    pub(crate) market: MarketId,
    pub(crate) instrument: &'a Instrument,
    pub(crate) terms: OrderTerms,
    pub(crate) now: i64,
}

/// The parameters of an algorithm.
struct Given<'a, 'py> {
    algorithm: &'a str,
    parameters: Option<&'a Bound<'py, PyDict>>,
}

impl<'py> Given<'_, 'py> {
    fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(parameters) = self.parameters else { return Ok(None) };
        Ok(parameters.get_item(name)?.filter(|value| !value.is_none()))
    }

    fn need(&self, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.get(name)?.ok_or_else(|| errors::invalid(name, format!("missing: {} needs it", self.algorithm)))
    }

    fn flag(&self, name: &str) -> PyResult<bool> {
        self.get(name)?
            .map_or(Ok(false), |value| value.extract().map_err(|_| unexpected(name, "True or False", &value)))
    }

    fn number(&self, name: &str, default: Option<f64>) -> PyResult<f64> {
        match (self.get(name)?, default) {
            (None, Some(default)) => Ok(default),
            (None, None) => self.need(name)?.extract(),
            (Some(value), _) => to_number(name, &value, 0.0..=f64::MAX),
        }
    }

    /// One of two words; the first where none is given.
    fn word(&self, name: &str, words: [&str; 2]) -> PyResult<bool> {
        let Some(value) = self.get(name)? else { return Ok(false) };
        let given = value.cast::<PyString>().ok().and_then(|word| Some(word.to_cow().ok()?.into_owned()));
        match words.iter().position(|word| Some(*word) == given.as_deref()) {
            Some(at) => Ok(at == 1),
            None => Err(unexpected(name, &format!("{:?} or {:?}", words[0], words[1]), &value)),
        }
    }

    fn check_names(&self, own: &[&str]) -> PyResult<()> {
        let known = [own, &["limit", "reduce_only", "duration"]].concat();
        for name in self.parameters.iter().flat_map(|parameters| parameters.keys()) {
            let name: String = name.extract()?;
            if !known.contains(&name.as_str()) {
                return Err(errors::invalid(&name, exec::unknown_parameter(self.algorithm, &known, &name)));
            }
        }
        Ok(())
    }
}

impl Asked<'_> {
    /// Reads what is to be executed.
    pub(crate) fn request(
        &self,
        algorithm: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        parameters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<ExecutionRequest> {
        let word: String = algorithm
            .extract()
            .map_err(|_| unexpected("algorithm", &format!("one of {}", ALGORITHMS.join(", ")), algorithm))?;
        let given = Given { algorithm: &word, parameters };
        if !ALGORITHMS.contains(&word.as_str()) {
            return Err(errors::invalid("algorithm", exec::unknown_algorithm(&word)));
        }
        given.check_names(match word.as_str() {
            "twap" => &["slices", "style"],
            "vwap" => &["curve", "style"],
            "pov" => &["rate"],
            "iceberg" => &["display", "post_only"],
            "peg" => &["to", "offset_ticks", "max_moves", "interval"],
            "almgren_chriss" => &["slices", "style", "sigma", "eta", "gamma", "risk_aversion"],
            _ => &["size"],
        })?;
        let side = to_side(side)?;
        let shown = qty;
        let qty = to_qty("qty", self.instrument, qty)?;
        if qty.steps() < self.terms.min_qty {
            let least = self.instrument.format_qty(self.terms.min_qty);
            let shown = repr_of(shown);
            return Err(errors::invalid(
                "qty",
                format!("expected the smallest order, {least}, or more, got {shown}"),
            ));
        }
        let limit = given.get("limit")?.map(|price| to_price(self.instrument, &price)).transpose()?;
        let duration = given.get("duration")?.map(|value| to_duration("duration", &value, 1)).transpose()?;
        let need_duration = || to_duration("duration", &given.need("duration")?, 1);
        let parts = || given.get("slices")?.map_or(Ok(DEFAULT_SLICES), |value| slices(&value));
        let in_lots = |weights: &[f64]| {
            let lot = self.terms.lot_size;
            split(qty.steps() / lot, weights).into_iter().map(|lots| lots * lot).collect::<Vec<_>>()
        };
        let schedule = |kind, weights: &[f64]| {
            let schedule = Schedule::new(self.now, need_duration()?, &in_lots(weights));
            let makes = given.word("style", ["take", "make"])?;
            Ok::<_, PyErr>(Algorithm::Schedule { kind, schedule, makes })
        };
        let algorithm = match word.as_str() {
            "twap" => schedule(ScheduleKind::Twap, &vec![1.0; parts()?])?,
            "vwap" => schedule(ScheduleKind::Vwap, &to_curve(&given.need("curve")?)?)?,
            "almgren_chriss" => {
                let model = CostModel {
                    sigma: given.number("sigma", None)?,
                    eta: given.number("eta", None)?,
                    gamma: given.number("gamma", Some(0.0))?,
                    epsilon: 0.0,
                    risk_aversion: given.number("risk_aversion", None)?,
                };
                let units = self.instrument.qty_increment.to_f64(qty.steps());
                let days = need_duration()? as f64 / DAY;
                let plan = Trajectory::new(units, days, parts()?, &model).map_err(bad_parameter)?;
                schedule(ScheduleKind::AlmgrenChriss, &plan.trades)?
            }
            "pov" => Algorithm::Pov { rate: rate(&given.need("rate")?)? },
            "iceberg" => self.iceberg(&given, qty)?,
            "peg" => self.peg(&given)?,
            _ => Algorithm::Sniper {
                size: given.get("size")?.map_or(Ok(qty), |size| {
                    let steps = to_qty("size", self.instrument, &size)?;
                    if steps.is_positive() && steps <= qty {
                        return Ok(steps);
                    }
                    Err(unexpected("size", "a quantity above 0, not more than the whole", &size))
                })?,
            },
        };
        Ok(ExecutionRequest {
            market: self.market,
            side,
            qty,
            limit,
            reduce_only: given.flag("reduce_only")?,
            end: duration.map(|duration| self.now.saturating_add(duration)),
            algorithm,
        })
    }

    fn iceberg(&self, given: &Given<'_, '_>, qty: Qty) -> PyResult<Algorithm> {
        given.need("limit")?;
        let display = given.need("display")?;
        let steps = to_qty("display", self.instrument, &display)?;
        if steps.steps() < self.terms.min_qty || steps > qty {
            let least = self.instrument.format_qty(self.terms.min_qty);
            let shown = repr_of(&display);
            let problem = format!("expected from {least} to the whole quantity, got {shown}");
            return Err(errors::invalid("display", problem));
        }
        Ok(Algorithm::Iceberg { display: steps, post_only: given.flag("post_only")? })
    }

    fn peg(&self, given: &Given<'_, '_>) -> PyResult<Algorithm> {
        Ok(Algorithm::Peg {
            to: if given.word("to", ["touch", "mid"])? { PegTo::Mid } else { PegTo::Touch },
            offset: given.get("offset_ticks")?.map_or(Ok(0), |ticks| {
                to_whole("offset_ticks", &ticks, 0..=1_000_000i64).map(|ticks| ticks * self.terms.tick_size)
            })?,
            most_moves: given
                .get("max_moves")?
                .map(|most| to_whole("max_moves", &most, 0..=u32::MAX))
                .transpose()?,
            pause: given.get("interval")?.map_or(Ok(0), |value| to_duration("interval", &value, 0))?,
        })
    }
}

/// An execution, to watch and to cancel: what ``ctx.execute`` returns. Valid only inside a hook.
///
/// It shows what is known at ``ctx.now_ns``; what became of it is in ``result.executions``. A handle is no plain data:
/// keep ``execution_id`` in what a strategy saves, and ask ``ctx.execution(execution_id)``.
///
/// Examples
/// --------
/// >>> execution = ctx.execute("peg", "BTCUSDT.SYNTH", "buy", 1, limit=59000)
/// >>> execution
/// <Execution 1 peg buy 0.000 of 1.000 BTCUSDT.SYNTH, working>
/// >>> execution.progress, execution.arrival_price, execution.cancel()
/// (0.0, 60000.05, True)
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Execution {
    shared: Arc<Shared>,
    /// Number of the execution in the run: 1, 2, 3 ... in the order they were started.
    #[pyo3(get)]
    execution_id: ExecutionId,
}

impl Execution {
    pub(crate) fn new(shared: &Arc<Shared>, execution_id: ExecutionId) -> Self {
        Self { shared: Arc::clone(shared), execution_id }
    }

    fn read<T>(&self, py: Python<'_>, read: impl FnOnce(&CoreExecution) -> T) -> PyResult<T> {
        self.shared.with(py, |ctx| ctx.execution(self.execution_id).map(read))?.ok_or_else(|| {
            let id = self.execution_id;
            errors::invalid("execution", format!("{id} ended too long ago: see the result's executions"))
        })
    }

    fn instrument_of(&self, of: &CoreExecution) -> &Arc<Instrument> {
        self.shared.instrument(of.request.market)
    }

    fn qty_of(&self, py: Python<'_>, qty: impl FnOnce(&CoreExecution) -> Qty) -> PyResult<f64> {
        self.read(py, |of| self.instrument_of(of).qty_increment.to_f64(qty(of).steps()))
    }
}

#[pymethods]
impl Execution {
    /// Id of the instrument.
    #[getter]
    fn instrument(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |of| self.instrument_of(of).id.to_string())
    }

    /// Its algorithm: that of ``ctx.execute``, or ``route``.
    #[getter]
    fn algorithm(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, |of| of.request.algorithm.as_str())
    }

    /// Buy or sell.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let side = self.read(py, |of| of.request.side)?;
        side_to_py(py, side as i64)
    }

    /// The whole quantity, in contracts (spot: base units).
    #[getter]
    fn qty(&self, py: Python<'_>) -> PyResult<f64> {
        self.qty_of(py, |of| of.request.qty)
    }

    /// Quantity filled so far, in contracts (spot: base units).
    #[getter]
    fn filled(&self, py: Python<'_>) -> PyResult<f64> {
        self.qty_of(py, |of| of.filled)
    }

    /// Quantity that is left, in contracts (spot: base units).
    #[getter]
    fn remaining(&self, py: Python<'_>) -> PyResult<f64> {
        self.qty_of(py, |of| Qty::new((of.request.qty - of.filled).steps().max(0)))
    }

    /// Share of the quantity that is filled, a fraction from 0 to 1.
    #[getter]
    fn progress(&self, py: Python<'_>) -> PyResult<f64> {
        self.read(py, |of| of.filled.steps() as f64 / of.request.qty.steps() as f64)
    }

    /// Where it stands: ``working``, ``cancelling``, ``filled``, ``cancelled``, ``expired`` or ``failed``.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, |of| of.state.as_str())
    }

    /// Why its last order was refused; None where none was.
    #[getter]
    fn reason(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        self.read(py, |of| of.reason.map(tradecore_core::orders::Reason::as_str))
    }

    /// Whether nothing happens to it any more.
    #[getter]
    fn is_done(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, CoreExecution::is_done)
    }

    /// The mid when it was started, in quote currency; None while nothing is known of the market.
    #[getter]
    fn arrival_price(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |of| {
            of.arrival.map(|twice| twice as f64 / 2.0 * self.instrument_of(of).price_increment.to_f64(1))
        })
    }

    /// Price of its fills on average, in quote currency; None before the first.
    #[getter]
    fn average_price(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |of| {
            of.average_price().map(|steps| steps * self.instrument_of(of).price_increment.to_f64(1))
        })
    }

    /// The average price against the arrival price, basis points: positive is worse. None before the first fill.
    #[getter]
    fn slippage_bps(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, CoreExecution::slippage_bps)
    }

    /// Share of all that was traded since the start, its own fills included, a fraction; None where nothing was.
    #[getter]
    fn participation(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, CoreExecution::participation)
    }

    /// Number of each of its orders, in the order they were sent.
    #[getter]
    fn order_ids(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        self.read(py, |of| of.children.clone())
    }

    /// End it: its order is cancelled and no other is sent. False when it has ended, or was cancelled before.
    fn cancel(&self, py: Python<'_>) -> PyResult<bool> {
        self.shared.with(py, |ctx| ctx.cancel_execution(self.execution_id))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            other.execution_id == self.execution_id && Arc::ptr_eq(&other.shared, &self.shared)
        })
    }

    fn __hash__(&self) -> u64 {
        self.execution_id
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |of| {
            let i = self.instrument_of(of);
            let (side, state) = (of.request.side, of.state.as_str());
            let (filled, qty) = (i.format_qty(of.filled.steps()), i.format_qty(of.request.qty.steps()));
            let algorithm = of.request.algorithm.as_str();
            format!("<Execution {} {algorithm} {side} {filled} of {qty} {}, {state}>", of.id, i.id)
        })
    }
}
