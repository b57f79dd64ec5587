//! What Python code raised during a run, so that it can be raised again as it was.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use tradecore_core::kernel::HookError;

/// The first exception that has to be raised when the run is over.
#[derive(Clone, Default)]
pub(crate) struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    /// What an exception means to the run: Ctrl-C ends it with its result, anything else is raised when it is over.
    pub(crate) fn keep(&self, py: Python<'_>, error: PyErr) -> HookError {
        if error.is_instance_of::<PyKeyboardInterrupt>(py) {
            return HookError::Interrupted;
        }
        let text = error.to_string();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        HookError::Failed(text)
    }

    /// What was kept, before anything else that could be raised.
    pub(crate) fn or(&self, error: PyErr) -> PyErr {
        self.take().unwrap_or(error)
    }

    /// What was kept.
    pub(crate) fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
