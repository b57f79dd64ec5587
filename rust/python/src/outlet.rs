//! Where what strategies publish goes: a bus that is known when the session runs, or nowhere.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use crate::events::Bus;

/// The way out for what strategies publish.
#[derive(Clone, Default)]
pub(crate) struct Outlet(Arc<Mutex<Option<Py<PyAny>>>>);

impl Outlet {
    /// Leads to this bus from now on.
    pub(crate) fn set(&self, bus: Option<&Bus>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bus.map(Bus::taker);
    }

    /// Hands over an event.
    pub(crate) fn give(&self, py: Python<'_>, event: Bound<'_, PyAny>) -> PyResult<()> {
        let taker = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taker = taker.as_ref().map(|taker| taker.clone_ref(py));
        // The lock is free again: a subscriber may do what it likes.
        taker.map_or(Ok(()), |taker| taker.call1(py, ((event,),)).map(drop))
    }
}
