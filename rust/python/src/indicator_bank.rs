//! Many indicators in one call.

use std::sync::{Mutex, MutexGuard, PoisonError};

use numpy::{PyArray1, PyArrayMethods as _, PyReadonlyArray1};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use tradecore_core::indicators as core;
use tradecore_core::indicators::BAR;

use crate::columns::{import_numpy, slice_of};
use crate::errors;
use crate::indicators::{Indicator, close, high, low, open, ts, volume};
use crate::outputs::{into_columns, is_ours_alone};
use crate::shared::GilCell;
use crate::values::repr_of;

/// Indicators that read the same bars, in one call.
#[pyclass(frozen, subclass, module = "tradecore.indicators")]
pub(crate) struct IndicatorBank {
    names: Vec<String>,
    inner: Mutex<core::Bank>,
    given: GilCell<GivenOut>,
}

/// Arrays that were given out last, to be filled again once nobody else holds them: to make one costs more than to fill
/// it. Two, since whoever asks for the next one may still hold the last one.
type GivenOut = [Option<Py<PyArray1<f64>>>; 2];

impl IndicatorBank {
    /// An array for the next values, with any numbers in it.
    fn room<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let rows = self.names.len();
        let free = self.given.with(py, |given| {
            let mut held = given.iter().flatten().map(|array| array.bind(py));
            held.find(|array| is_ours_alone(array, &[rows])).cloned()
        });
        if let Some(array) = free {
            return Ok(array);
        }
        import_numpy(py)?;
        // SAFETY: any bits are a float64.
        let array = unsafe { PyArray1::new(py, rows, false) };
        let dropped = self.given.with(py, |given| {
            given.swap(0, 1);
            given[0].replace(array.clone().unbind())
        });
        drop(dropped);
        Ok(array)
    }

    fn inner(&self) -> MutexGuard<'_, core::Bank> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl IndicatorBank {
    #[new]
    #[pyo3(signature = (**indicators))]
    fn new(indicators: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let (mut names, mut streams) = (Vec::new(), Vec::new());
        for (name, indicator) in indicators.into_iter().flatten() {
            let name: String = name.extract()?;
            let Ok(indicator) = indicator.cast::<Indicator>() else {
                let problem = format!("expected an indicator, got {}", repr_of(&indicator));
                return Err(errors::invalid(&name, problem));
            };
            let stream = indicator.get().0.with(indicator.py(), |stream| stream.clone());
            let spec = stream.spec();
            if !spec.reads_bars() {
                return Err(errors::invalid(&name, format!("{} does not read bars", spec.class)));
            }
            match spec.outputs {
                [_] => names.push(name),
                outputs => names.extend(outputs.iter().map(|output| format!("{name}.{}", output.0))),
            }
            streams.push(stream);
        }
        Ok(Self { names, inner: Mutex::new(core::Bank::new(streams)), given: GilCell::new([None, None]) })
    }

    /// Names of the outputs: that of the indicator, and behind a dot that of its output where it has several.
    #[getter]
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.names)
    }

    /// Names of the columns that are read.
    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let all: Vec<&str> =
            self.inner().streams().iter().flat_map(|stream| core::input_names(stream.spec())).collect();
        let mut once: Vec<&str> = Vec::new();
        for name in all {
            if !once.contains(&name) {
                once.push(name);
            }
        }
        PyTuple::new(py, once)
    }

    /// Whether the warm-up of each is over.
    #[getter]
    fn is_ready(&self) -> bool {
        self.inner().streams().iter().all(core::Stream::is_ready)
    }

    /// Take the next bar and return what is known after it, float64 in the order of ``names``.
    ///
    /// Parameters
    /// ----------
    /// open, high, low, close, volume : float
    /// ts : float
    ///     Time of the bar, ns UTC, for what asks for it.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For what is no number.
    #[allow(clippy::too_many_arguments, reason = "the columns of a bar")]
    #[pyo3(signature = (open, high, low, close, volume, ts=f64::NAN))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = open)] open: f64,
        #[pyo3(from_py_with = high)] high: f64,
        #[pyo3(from_py_with = low)] low: f64,
        #[pyo3(from_py_with = close)] close: f64,
        #[pyo3(from_py_with = volume)] volume: f64,
        #[pyo3(from_py_with = ts)] ts: f64,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let array = self.room(py)?;
        // SAFETY: only we hold the array, which is contiguous, and the bank writes all of its numbers.
        let out = unsafe { array.as_slice_mut()? };
        self.inner().update(&[open, high, low, close, volume, ts], out);
        Ok(array)
    }

    /// Take many bars by columns, empty where none is read; an array for each output.
    fn batch<'py>(
        &self,
        py: Python<'py>,
        columns: Vec<PyReadonlyArray1<'py, f64>>,
    ) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
        let slices: Vec<&[f64]> =
            columns.iter().map(|column| slice_of(column, "columns")).collect::<PyResult<_>>()?;
        let bars: [&[f64]; BAR] =
            slices.try_into().map_err(|_| PyTypeError::new_err(format!("expected {BAR} columns")))?;
        let rows = bars.iter().map(|column| column.len()).max().unwrap_or(0);
        into_columns(py, (self.names.len(), rows), |out| {
            self.inner().batch(&bars, out, core::threads_for(rows));
        })
    }

    /// Return the indicators in their present state: name, indicator, and what :meth:`Indicator.save` gives.
    fn states<'py>(&self, py: Python<'py>) -> Vec<(String, &'static str, Bound<'py, PyBytes>)> {
        let inner = self.inner();
        let mut names = self.names.iter();
        let all = inner.streams().iter().map(|stream| {
            let first = names.by_ref().take(stream.spec().outputs.len()).last().map_or("", String::as_str);
            let name = if stream.spec().outputs.len() == 1 {
                first
            } else {
                first.rsplit_once('.').map_or("", |x| x.0)
            };
            (name.to_owned(), stream.spec().name, PyBytes::new(py, &stream.save()))
        });
        all.collect()
    }

    /// Forget all bars.
    fn reset(&self) {
        self.inner().reset();
    }
}
