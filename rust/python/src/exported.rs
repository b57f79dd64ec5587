//! Files of event columns as text.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::decode::{self, ExportedReader as CoreReader, Lines, PlacedError};
use tradecore_core::event::EventColumns;
use tradecore_core::types::Instrument;

use crate::columns::to_arrays;
use crate::errors;
use crate::files::open_file;
use crate::instrument::PyInstrument;
use crate::shared::lock;

/// Rows of a file of event columns as text, as ``data export`` writes them as CSV: plain or packed.
///
/// Raises
/// ------
/// DataError
///     When it cannot be opened.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct ExportedReader {
    instrument: Arc<Instrument>,
    inputs: Mutex<Box<(VecDeque<Lines>, Option<CoreReader>)>>,
}

#[pymethods]
impl ExportedReader {
    #[new]
    fn new(path: PathBuf, instrument: &PyInstrument) -> PyResult<Self> {
        let inputs = Mutex::new(Box::new((open_file(path)?.into(), None)));
        Ok(Self { instrument: Arc::clone(&instrument.0), inputs })
    }

    /// Return the next rows, at most ``rows``; None at the end. A message may go on in the next ones.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     With file and line.
    fn read<'py>(&self, py: Python<'py>, rows: usize) -> PyResult<Option<Bound<'py, PyDict>>> {
        let columns = py
            .detach(|| {
                let (inputs, current) = &mut **lock(&self.inputs);
                let mut columns = EventColumns::with_capacity(rows.min(1 << 20));
                while columns.len() < rows {
                    if current.is_none() {
                        let Some(lines) = inputs.pop_front() else { break };
                        *current = Some(CoreReader::new(lines, &self.instrument)?);
                    }
                    if let Some(reader) = current
                        && !reader.read(&mut columns, rows)?
                    {
                        *current = None;
                    }
                }
                Ok(columns)
            })
            .map_err(|error: PlacedError| errors::placed(error))?;
        if columns.is_empty() { Ok(None) } else { to_arrays(py, columns).map(Some) }
    }
}

/// Return whether the header of a file, plain or packed, has the columns of events.
#[pyfunction]
pub(crate) fn is_exported(path: PathBuf) -> bool {
    open_file(path).is_ok_and(|mut inputs| inputs.first_mut().is_some_and(decode::is_exported))
}

/// Return in which unit a time that counts ns would be a market's, and that time, ns; None where it is one.
#[pyfunction]
pub(crate) fn other_unit(ns: i64) -> Option<(&'static str, i64)> {
    decode::other_unit(ns)
}

/// Return what is wrong with a time in ns that would be a market's in another unit; None where nothing is.
#[pyfunction]
pub(crate) fn not_in_ns(ns: i64) -> Option<String> {
    decode::not_in_ns(ns)
}
