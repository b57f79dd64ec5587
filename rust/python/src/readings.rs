//! What an indicator in the kernel says, as a strategy is told.

use pyo3::exceptions::{PyAttributeError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tradecore_core::indicators::{Spec, Stream};

/// What an indicator of bars says after the last of them. A value that may be kept.
///
/// Examples
/// --------
/// >>> class Trend(tc.Strategy):
/// ...     def on_start(self, ctx):
/// ...         ctx.indicator("macd", self.instruments[0], bars="1s", fast=3, slow=6, signal=3)
/// ...         ctx.every("1s", self.look)
/// ...
/// ...     def look(self, ctx):
/// ...         macd = ctx.indicator("macd", self.instruments[0], bars="1s", fast=3, slow=6, signal=3)
/// ...         if macd.is_ready and macd.hist > 0:
/// ...             ctx.log(f"rising by {macd.value:.3f}")
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct IndicatorReading {
    spec: &'static Spec,
    numbers: Vec<f64>,
    is_ready: bool,
}

impl IndicatorReading {
    pub(crate) fn of(stream: &Stream) -> Self {
        Self { spec: stream.spec(), numbers: stream.value().to_vec(), is_ready: stream.is_ready() }
    }

    fn find(&self, output: &str) -> Option<f64> {
        let at = self.spec.outputs.iter().position(|(name, ..)| *name == output)?;
        self.numbers.get(at).copied()
    }

    fn known(&self) -> String {
        self.spec.outputs.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
    }
}

#[pymethods]
impl IndicatorReading {
    /// What the indicator is called.
    #[getter]
    fn name(&self) -> &str {
        self.spec.name
    }

    /// Names of what it says, in order.
    #[getter]
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.spec.outputs.iter().map(|(name, ..)| *name))
    }

    /// What it says, the first of several; NaN before it is ready.
    ///
    /// In quote currency or as a fraction, as the indicator is defined.
    #[getter]
    fn value(&self) -> f64 {
        self.numbers[0]
    }

    /// All that it says, in order, in quote currency or as fractions; NaN before it is ready.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.numbers)
    }

    /// Whether it has seen enough bars.
    #[getter]
    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn __getitem__(&self, output: &str) -> PyResult<f64> {
        let unknown =
            || PyKeyError::new_err(format!("{} has no {output:?}; it says {}", self.spec.name, self.known()));
        self.find(output).ok_or_else(unknown)
    }

    fn __getattr__(&self, output: &str) -> PyResult<f64> {
        let unknown = || {
            PyAttributeError::new_err(format!(
                "{} has no {output:?}; it says {}",
                self.spec.name,
                self.known()
            ))
        };
        self.find(output).ok_or_else(unknown)
    }

    fn __float__(&self) -> f64 {
        self.numbers[0]
    }

    fn __repr__(&self) -> String {
        let names = self.spec.outputs.iter().zip(&self.numbers);
        let shown: Vec<_> = names.map(|((name, ..), number)| format!("{name}: {number}")).collect();
        format!("<{} {}>", self.spec.name, shown.join(", "))
    }
}
