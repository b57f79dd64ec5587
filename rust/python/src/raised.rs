//! What Python code raised during a run, so that it can be raised again as it was.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use tradecore_core::kernel::HookError;

/// What Python code answered, `None` if it raised; but an interrupt is no answer and is passed on.
pub(crate) fn answered<T>(py: Python<'_>, result: PyResult<T>) -> PyResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error),
        Err(_) => Ok(None),
    }
}

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
