//! Signals from Python and back: what a strategy's predictor says, asked by a backtest or by whoever drives a kernel.

use std::sync::Arc;

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyString;
use tradecore_core::backtest::{Model, ModelSetup};
use tradecore_core::kernel::{
    Confidence, HookError, Opinion, Question as CoreQuestion, Signal as CoreSignal, SignalAction,
};
use tradecore_core::sim::LatencyModel;
use tradecore_core::types::Instrument;

use crate::errors;
use crate::raised::Raised;
use crate::records::signal_action_to_py;
use crate::values::{repr_of, text_of, to_duration};

/// Features at most: each question carries them.
const MOST_FEATURES: usize = 1 << 16;

/// What a model says of an instrument, for as long as it holds. A value that may be kept.
///
/// Examples
/// --------
/// >>> class Bull:
/// ...     model_id, latency = "bull", "1ms"
/// ...
/// ...     def opinion(self, instrument, ts_ns, features):
/// ...         return 1, 0.9, float(features[0])
/// >>> class Follower(tc.Strategy):
/// ...     predictor = Bull()
/// ...
/// ...     def on_start(self, ctx):
/// ...         for instrument in self.instruments:
/// ...             ctx.predict(instrument, [0.001], lifetime="1m")
/// ...
/// ...     def on_signal(self, ctx, signal):
/// ...         if signal.action is tc.SignalAction.BUY and signal.confidence > 0.6:
/// ...             ctx.buy(signal.instrument, "0.01")
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Signal {
    signal: CoreSignal,
    instrument: Arc<Instrument>,
}

impl Signal {
    pub(crate) fn new(signal: CoreSignal, instrument: &Arc<Instrument>) -> Self {
        Self { signal, instrument: Arc::clone(instrument) }
    }
}

#[pymethods]
impl Signal {
    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.instrument.id.as_str()
    }

    /// ``SignalAction.BUY``, ``HOLD`` or ``SELL``.
    #[getter]
    fn action<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        signal_action_to_py(py, self.signal.opinion.action as i64)
    }

    /// How sure the model is: a fraction, from 0 to 1.
    #[getter]
    fn confidence(&self) -> f64 {
        self.signal.opinion.confidence.get()
    }

    /// What the action was made from: a fraction, be it a difference of probabilities or an expected return.
    #[getter]
    fn value(&self) -> f64 {
        self.signal.opinion.value
    }

    /// Which model it was.
    #[getter]
    fn model_id(&self) -> &str {
        &self.signal.opinion.model
    }

    /// What the model saw: float64 (n,), an array of its own.
    #[getter]
    fn features<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.signal.features)
    }

    /// When the features were taken, ns UTC.
    #[getter]
    fn ts(&self) -> i64 {
        self.signal.ts
    }

    /// From when on it says nothing any more, ns UTC.
    #[getter]
    fn expires(&self) -> i64 {
        self.signal.expires
    }

    fn __repr__(&self) -> String {
        let Opinion { action, confidence, model, .. } = &self.signal.opinion;
        format!(
            "<Signal {} {} confidence={:.2} of {model}>",
            action.word(),
            self.instrument.id,
            confidence.get()
        )
    }
}

/// What a strategy asks its model: for :meth:`Kernel.answer`, from whoever has the model.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Question {
    pub(crate) asked: CoreQuestion,
    strategy: String,
    instrument: Arc<Instrument>,
}

impl Question {
    pub(crate) fn new(question: CoreQuestion, strategy: String, instrument: &Arc<Instrument>) -> Self {
        Self { asked: question, strategy, instrument: Arc::clone(instrument) }
    }
}

#[pymethods]
impl Question {
    /// Name of the strategy.
    #[getter]
    fn strategy(&self) -> &str {
        &self.strategy
    }

    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.instrument.id.as_str()
    }

    /// When it was asked, ns UTC.
    #[getter]
    fn ts(&self) -> i64 {
        self.asked.ts
    }

    /// How long an answer holds from ``ts`` on, ns.
    #[getter]
    fn lifetime_ns(&self) -> i64 {
        self.asked.lifetime_ns
    }

    /// What the strategy saw: float64 (n,), an array of its own.
    #[getter]
    fn features<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.asked.features)
    }

    fn __repr__(&self) -> String {
        let n = self.asked.features.len();
        format!("<Question of {} on {} with {n} features>", self.strategy, self.instrument.id)
    }
}

/// The features of a question: float64 (n,), without copying them twice.
pub(crate) fn to_features(given: &Bound<'_, PyAny>) -> PyResult<Arc<[f64]>> {
    let refuse = |found: String| {
        errors::invalid("features", format!("expected up to {MOST_FEATURES} numbers, got {found}"))
    };
    let features: Arc<[f64]> = match given.extract::<PyReadonlyArray1<'_, f64>>() {
        Ok(array) => array.as_array().iter().copied().collect(),
        Err(_) => given.extract::<Vec<f64>>().map_err(|_| refuse(repr_of(given)))?.into(),
    };
    if features.len() > MOST_FEATURES { Err(refuse(features.len().to_string())) } else { Ok(features) }
}

/// What a predictor said, in the terms of the core.
pub(crate) fn to_opinion(action: i64, confidence: f64, value: f64, model: Arc<str>) -> PyResult<Opinion> {
    let action = SignalAction::from_number(action)
        .ok_or_else(|| errors::invalid("action", format!("{action} is not 1, 0 or -1")))?;
    let confidence = Confidence::new(confidence)
        .ok_or_else(|| errors::invalid("confidence", format!("{confidence} is not from 0 to 1")))?;
    if !value.is_finite() {
        return Err(errors::invalid("value", format!("{value} is no finite number")));
    }
    Ok(Opinion { action, confidence, value, model })
}

/// The predictor of a strategy in Python, as a backtest asks it.
struct PyModel {
    opinion: Py<PyAny>,
    id: Arc<str>,
    /// Ids of the markets.
    markets: Vec<Py<PyString>>,
    raised: Raised,
}

impl Model for PyModel {
    fn opinion(&mut self, question: &CoreQuestion) -> Result<Opinion, HookError> {
        Python::attach(|py| {
            let ask = || -> PyResult<Opinion> {
                let features = PyArray1::from_slice(py, &question.features);
                let market = &self.markets[question.market.index()];
                let said = self.opinion.call1(py, (market, question.ts, features))?;
                let (action, confidence, value) = said.extract(py).map_err(|_| {
                    let said = repr_of(said.bind(py));
                    errors::invalid("opinion", format!("expected (action, confidence, value), got {said}"))
                })?;
                to_opinion(action, confidence, value, Arc::clone(&self.id))
            };
            ask().map_err(|error| {
                if error.is_instance_of::<pyo3::exceptions::PyException>(py) {
                    return HookError::Failed(error.to_string());
                }
                // Ctrl-C, SystemExit and the like end the run.
                self.raised.keep(py, error);
                HookError::Interrupted
            })
        })
    }
}

/// The predictor of a strategy, if it has one.
pub(crate) fn predictor<'py>(strategy: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let found = strategy.getattr_opt(pyo3::intern!(strategy.py(), "predictor"))?;
    Ok(found.filter(|predictor| !predictor.is_none()))
}

/// The model of a strategy in Python, for a backtest.
pub(crate) fn model_of(
    strategy: &Bound<'_, PyAny>,
    instruments: &[Arc<Instrument>],
    raised: &Raised,
) -> PyResult<Option<ModelSetup>> {
    let py = strategy.py();
    let Some(predictor) = predictor(strategy)? else { return Ok(None) };
    let latency = to_duration("latency", &predictor.getattr("latency")?, 0)?;
    let model = PyModel {
        opinion: predictor.getattr("opinion")?.unbind(),
        id: text_of(&predictor.getattr("model_id")?)?.into(),
        markets: instruments.iter().map(|i| PyString::new(py, i.id.as_str()).unbind()).collect(),
        raised: raised.clone(),
    };
    Ok(Some(ModelSetup { model: Box::new(model), latency: LatencyModel::Constant(latency) }))
}
