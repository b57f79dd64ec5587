//! How recordings look over time: latencies, crossed books, a row for each stretch of time.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::decode::{Occurrences, Stretch, Survey as CoreSurvey};
use tradecore_core::event::{Columns as _, ColumnsError};

use crate::columns::NumpyColumns;
use crate::errors;

/// Measures event columns: how long messages took, for how long the book was crossed, and what there was when.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Survey(Mutex<Box<CoreSurvey>>);

/// A column of stretches: its name, and what stands in it.
type Of<T> = (&'static str, fn(&Stretch) -> T);

fn set_occurrences(out: &Bound<'_, PyDict>, name: &str, seen: Occurrences) -> PyResult<()> {
    out.set_item(name, seen.count)?;
    out.set_item(format!("first_{name}"), seen.first)
}

#[pymethods]
impl Survey {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    /// Take the next columns, of whole messages.
    fn push(&self, py: Python<'_>, columns: &Bound<'_, PyAny>) -> PyResult<()> {
        let columns = NumpyColumns::new(columns)?;
        let view = columns.view();
        py.detach(|| {
            view.check()?;
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(&view);
            Ok(())
        })
        .map_err(|e: ColumnsError| errors::DataError::new_err(("columns", 0, e.to_string())))
    }

    /// Return latencies and durations so far, ns: a dictionary.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let survey = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let out = PyDict::new(py);
        let latencies = survey.latencies().map(|taken| {
            let each = PyDict::new(py);
            for (name, value) in [
                ("min", taken.least),
                ("p1", taken.p1),
                ("p50", taken.p50),
                ("p90", taken.p90),
                ("p99", taken.p99),
                ("p99.9", taken.p999),
                ("max", taken.most),
            ] {
                each.set_item(name, value)?;
            }
            Ok::<_, PyErr>(each)
        });
        out.set_item("latency_ns", latencies.transpose()?)?;
        set_occurrences(&out, "late_stamps", survey.late())?;
        let spells = survey.spells();
        out.set_item("locked_ns", spells.locked)?;
        out.set_item("crossed_ns", spells.crossed)?;
        out.set_item("longest_crossed_ns", spells.longest)?;
        out.set_item("longest_silence_ns", survey.silence.0)?;
        out.set_item("longest_silence_from", survey.silence.1)?;
        Ok(out)
    }

    /// Return what there was in stretches of time of one length, at most 2,048: lists by name.
    ///
    /// ``ts`` is the start of each, ns; ``messages, trades, gaps, crossed`` are counts; ``bid, ask`` the best prices at
    /// its end and ``widest`` the largest spread, in increments; ``latency_mean, latency_max`` are ns. None where there
    /// was nothing.
    fn stretches<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let survey = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, width, rows) = survey.stretches();
        let out = PyDict::new(py);
        out.set_item("ts", (0..rows.len() as i64).map(|at| start + at * width).collect::<Vec<_>>())?;
        let counts: [Of<u64>; 4] = [
            ("messages", |row| row.messages),
            ("trades", |row| row.trades),
            ("gaps", |row| row.gaps),
            ("crossed", |row| row.crossed),
        ];
        for (name, of) in counts {
            out.set_item(name, rows.iter().map(of).collect::<Vec<_>>())?;
        }
        let values: [Of<Option<i64>>; 5] = [
            ("bid", |row| row.bid),
            ("ask", |row| row.ask),
            ("widest", |row| row.widest),
            ("latency_mean", Stretch::latency_mean),
            ("latency_max", |row| (row.messages > 0).then_some(row.latency_most)),
        ];
        for (name, of) in values {
            out.set_item(name, rows.iter().map(of).collect::<Vec<_>>())?;
        }
        out.set_item("width_ns", width)?;
        Ok(out)
    }
}
