//! Writing the parts of a catalog, for Python.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_catalog::PartWriter as CoreWriter;
use tradecore_core::event::Columns as _;

use crate::columns::NumpyColumns;
use crate::errors;
use crate::forks::OfProcess;

/// Writes one part of a catalog: a Parquet file of event columns, in row groups that a thread writes.
///
/// Parameters
/// ----------
/// path : path
///     The file, which is made.
/// notes : dict of str to str
///     Texts for its footer.
///
/// Raises
/// ------
/// OSError
///     When it cannot be made; from each method when what was given before could not be written.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct PartWriter(Mutex<OfProcess<Option<CoreWriter>>>);

impl PartWriter {
    fn lock(&self) -> MutexGuard<'_, OfProcess<Option<CoreWriter>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_finished() -> PyErr {
    errors::invalid("part", "is finished already")
}

#[pymethods]
impl PartWriter {
    #[new]
    fn new(path: PathBuf, notes: &Bound<'_, PyDict>) -> PyResult<Self> {
        let notes = notes.extract::<std::collections::BTreeMap<String, String>>()?;
        let writer = CoreWriter::create(path, notes.into_iter().collect())?;
        Ok(Self(Mutex::new(OfProcess::new(Some(writer)))))
    }

    /// Return the number of rows that were given.
    #[getter]
    fn rows(&self) -> PyResult<u64> {
        self.lock().as_ref().map(CoreWriter::rows).ok_or_else(is_finished)
    }

    /// Add rows that were checked, :func:`check_columns`.
    fn push(&self, py: Python<'_>, columns: &Bound<'_, PyAny>) -> PyResult<()> {
        let columns = NumpyColumns::new(columns)?;
        let mut writer = self.lock();
        writer.check()?;
        let writer = writer.as_mut().ok_or_else(is_finished)?;
        py.detach(|| writer.push(&columns.view()))?;
        Ok(())
    }

    /// End the file.
    ///
    /// Returns
    /// -------
    /// dict
    ///     ``rows, first_ts_recv, last_ts_recv, min_latency_ns, kinds`` (rows by kind), ``max_price, max_qty,
    ///     checksums`` (as of :func:`seal_part`) and ``latencies`` (as of :func:`latencies_of`). None without any row.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let writer = {
            let mut writer = self.lock();
            writer.check()?;
            writer.take().ok_or_else(is_finished)?
        };
        let Some(written) = py.detach(|| writer.finish())? else { return Ok(None) };
        let out = PyDict::new(py);
        out.set_item("rows", written.rows)?;
        out.set_item("first_ts_recv", written.first_ts_recv)?;
        out.set_item("last_ts_recv", written.last_ts_recv)?;
        out.set_item("min_latency_ns", written.min_latency_ns)?;
        let kinds = PyDict::new(py);
        for (kind, rows) in written.kinds {
            kinds.set_item(kind, rows)?;
        }
        out.set_item("kinds", kinds)?;
        out.set_item("max_price", written.max_price)?;
        out.set_item("max_qty", written.max_qty)?;
        out.set_item("checksums", written.seal.to_string())?;
        out.set_item("latencies", written.latencies.to_string())?;
        Ok(Some(out))
    }
}
