//! The kernel's state while a hook of a Python strategy runs, and what never changes about it.
//!
//! While a hook runs, the kernel's context lies in its strategy's [`Shared`]; outside of hooks it does not, and every
//! access raises `ContextError`, as does one from another thread than the hook's. Views are made at most once per run and read the state when asked, so nothing is built per event.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use rustc_hash::FxHashMap;
use tradecore_core::kernel::Context;
use tradecore_core::types::{Instrument, MarketId};

use crate::errors;
use crate::instrument::{PyInstrument, no_instrument};

/// What a lock holds, whatever a thread that panicked with it left there.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cell for threads that hold the GIL, which every access has to prove.
pub(crate) struct GilCell<T>(RefCell<T>);

// SAFETY: the cell is only reached through methods that take a `Python` token. The extension is built for
// interpreters with a GIL (abi3), so whoever has a token is alone, and nobody keeps a borrow while the GIL is
// released: the closures given to `GilCell::with` call no Python code.
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    #[inline]
    pub(crate) fn with<R>(&self, _py: Python<'_>, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.borrow_mut())
    }
}

/// Tells apart threads that live at the same time.
#[inline]
fn this_thread(_py: Python<'_>) -> usize {
    // SAFETY: whoever has a token is attached, so there is a state of its thread; only its address is looked at.
    unsafe { pyo3::ffi::PyThreadState_Get() }.addr()
}

#[cold]
fn not_here() -> PyErr {
    errors::ContextError::new_err(("a context".to_owned(),))
}

/// What lies here while a hook runs.
struct Here {
    context: Context,
    /// The thread of the hook; 0 while none runs.
    thread: usize,
}

/// The instruments of a run, by market and by id.
pub(crate) struct Instruments {
    list: Vec<Arc<Instrument>>,
    index: FxHashMap<String, MarketId>,
}

impl Instruments {
    pub(crate) fn new(list: Vec<Arc<Instrument>>) -> Self {
        let numbered = list.iter().enumerate();
        let index = numbered.map(|(i, x)| (x.id.to_string(), MarketId::new(i))).collect();
        Self { list, index }
    }
}

/// The kernel's context while a hook of one strategy runs, and what never changes about it.
pub(crate) struct Shared {
    here: GilCell<Here>,
    instruments: Arc<Instruments>,
}

impl Shared {
    pub(crate) fn new(instruments: Arc<Instruments>) -> Self {
        Self { here: GilCell::new(Here { context: Context::default(), thread: 0 }), instruments }
    }

    /// Exchanges the context that lies here for another, empty or not.
    #[inline]
    pub(crate) fn swap(&self, py: Python<'_>, context: &mut Context) {
        self.here.with(py, |here| {
            std::mem::swap(&mut here.context, context);
            here.thread = if here.context.is_empty() { 0 } else { this_thread(py) };
        });
    }

    /// Acts on the context of the hook that runs, in its thread: what another one saw would be a matter of chance.
    #[inline]
    pub(crate) fn with<T>(&self, py: Python<'_>, act: impl FnOnce(&mut Context) -> T) -> PyResult<T> {
        self.here.with(py, |here| {
            if here.thread == this_thread(py) { Ok(act(&mut here.context)) } else { Err(not_here()) }
        })
    }

    /// How many markets the run has.
    pub(crate) fn markets(&self) -> usize {
        self.instruments.list.len()
    }

    /// An instrument of the run.
    #[inline]
    pub(crate) fn instrument(&self, market: MarketId) -> &Arc<Instrument> {
        &self.instruments.list[market.index()]
    }

    /// The id of an instrument of the run.
    pub(crate) fn id(&self, py: Python<'_>, market: MarketId) -> Py<PyString> {
        PyString::new(py, self.instrument(market).id.as_str()).unbind()
    }

    /// The market of an instrument, given by its id or itself.
    pub(crate) fn market(&self, instrument: &Bound<'_, PyAny>) -> PyResult<MarketId> {
        let unknown = |id: &str| {
            let known: Vec<String> = self.instruments.list.iter().map(|i| i.id.to_string()).collect();
            let known = PyTuple::new(instrument.py(), known)?;
            Ok::<_, PyErr>(errors::UnknownInstrumentError::new_err((id.to_owned(), known.unbind())))
        };
        if let Ok(text) = instrument.cast::<PyString>() {
            let id = text.to_cow()?;
            return match self.instruments.index.get(id.as_ref()) {
                Some(market) => Ok(*market),
                None => Err(unknown(&id)?),
            };
        }
        let given = instrument.cast::<PyInstrument>().map_err(|_| no_instrument(instrument))?.get();
        match self.instruments.index.get(given.0.id.as_str()) {
            Some(market) => Ok(*market),
            None => Err(unknown(given.0.id.as_str())?),
        }
    }
}
