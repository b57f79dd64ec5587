//! An order in the queue of its level, moved by hand.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use tradecore_core::event::STEPS_LIMIT;
use tradecore_core::random::Random;
use tradecore_core::sim::{Print, QueueModel, QueuePosition};

use crate::errors;
use crate::values::{arguments, to_number, to_seed, to_whole};

arguments! {
    displayed: i64 = to_whole("displayed", 0..=STEPS_LIMIT);
    lot: i64 = to_whole("lot", 1..=STEPS_LIMIT);
    new_qty: i64 = to_whole("new", 0..=STEPS_LIMIT);
    previous_qty: i64 = to_whole("previous", 0..=STEPS_LIMIT);
    qty: i64 = to_whole("qty", 0..=STEPS_LIMIT);
    unit: f64 = to_number("unit", f64::MIN_POSITIVE..=f64::MAX);
}

/// One resting order in the queue of its price level, advanced by hand.
///
/// Parameters
/// ----------
/// model : str
///     A queue model; see :class:`tradecore.SimVenue`.
/// displayed : int
///     Size of the level when the order joins, increments.
/// lot : int
///     Step of a fill, increments.
/// unit : float
///     Value of an increment; the logarithmic models depend on it.
/// seed : int
///     For ``depletion``.
/// throttled : bool
///     Whether a change of the size may be several events in one; for the tracked models.
///
/// Raises
/// ------
/// InvalidValueError
///     When there is no such model, or a number is out of range.
///
/// Examples
/// --------
/// >>> queue = tc.QueueSimulator("conservative", 100)
/// >>> queue.trade(60), queue.front
/// (0, 40.0)
/// >>> queue.trade(60)
/// 20
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct QueueSimulator {
    model: QueueModel,
    lot: i64,
    unit: f64,
    state: Mutex<Place>,
}

/// The order and its level, with a clock of changes.
struct Place {
    position: QueuePosition,
    random: Random,
    displayed: i64,
    time: i64,
}

#[pymethods]
impl QueueSimulator {
    #[new]
    #[pyo3(signature = (model, displayed, *, lot=1, unit=1.0, seed=0, throttled=false))]
    fn new(
        model: &str,
        #[pyo3(from_py_with = displayed)] displayed: i64,
        #[pyo3(from_py_with = lot)] lot: i64,
        #[pyo3(from_py_with = unit)] unit: f64,
        #[pyo3(from_py_with = to_seed)] seed: u64,
        throttled: bool,
    ) -> PyResult<Self> {
        let mut model: QueueModel = model
            .parse()
            .map_err(|e: tradecore_core::sim::UnknownQueueModel| errors::invalid("queue", e.to_string()))?;
        model.is_throttled = throttled;
        let (position, random) = (QueuePosition::behind(displayed), Random::new(seed, 0));
        Ok(Self { model, lot, unit, state: Mutex::new(Place { position, random, displayed, time: 0 }) })
    }

    /// Let a trade happen at the order's price and return how much of it reaches the order, in increments.
    ///
    /// It is ``shown`` when the displayed size shrank by it already.
    #[pyo3(signature = (qty, *, shown=false))]
    fn trade(&self, #[pyo3(from_py_with = qty)] qty: i64, shown: bool) -> i64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Place { position, random, displayed, time } = &mut *state;
        // Just before the last change, or just after it.
        let at = if shown { *time - 1 } else { *time + 1 };
        let print = Print { qty, at, is_shown: shown };
        self.model.on_trade(position, print, *displayed, self.lot, random)
    }

    /// Change the displayed size of the level from ``previous`` to ``new``, in increments.
    fn depth(
        &self,
        #[pyo3(from_py_with = previous_qty)] previous: i64,
        #[pyo3(from_py_with = new_qty)] new: i64,
    ) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.time += 3;
        let at = state.time;
        self.model.on_depth(&mut state.position, (previous, new), at, self.unit);
        state.displayed = new;
    }

    /// Quantity ahead of the order, in increments.
    #[getter]
    fn front(&self) -> f64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).position.front
    }
}
