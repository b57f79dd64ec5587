//! Captures as frames, for decoders of live messages.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tradecore_core::decode::{Lines, receipt};

use crate::errors;
use crate::files::open;
use crate::shared::lock;

/// Receipt (ns UTC), bytes, file and line.
type Frame<'py> = (i64, Bound<'py, PyBytes>, (String, u64));

/// Frames of captures, one file after the other: receipt (ns UTC), bytes, and the file and line where they stand.
///
/// Parameters
/// ----------
/// paths : list of path
///     Each line ``<ts_recv> <frame>``, plain or packed.
///
/// Raises
/// ------
/// DataError
///     When a file cannot be read, or a line has no time of receipt.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct CaptureFrames {
    inputs: Mutex<VecDeque<Lines>>,
}

#[pymethods]
impl CaptureFrames {
    #[new]
    fn new(paths: Vec<PathBuf>) -> PyResult<Self> {
        let (inputs, _) = open(&paths, &Arc::default())?;
        Ok(Self { inputs: Mutex::new(inputs.into()) })
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Frame<'py>>> {
        let mut inputs = lock(&self.inputs);
        while let Some(lines) = inputs.front_mut() {
            let read = lines.next_with(|line| {
                if line.is_empty() {
                    return Ok(None);
                }
                let (ts_recv, frame) = receipt(line)?;
                Ok(Some((ts_recv, PyBytes::new(py, frame))))
            });
            match read.map_err(errors::placed)? {
                Some(Some((ts_recv, frame))) => {
                    return Ok(Some((ts_recv, frame, (lines.name().to_owned(), lines.number()))));
                }
                Some(None) => {}
                None => drop(inputs.pop_front()),
            }
        }
        Ok(None)
    }
}
