//! Views that are lent to a strategy for the length of a hook.
//!
//! A view is made once a market and given again and again, so that nothing is built per event. What a strategy keeps
//! beyond the hook would then change under its hands: a stored trade would show the next one's price. So a view of
//! which references are left when the hook is over is ended, and raises from then on, and the next hook gets another.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tradecore_core::types::MarketId;

use crate::errors;
use crate::shared::GilCell;

/// Whether a view may be read.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    /// Whether it was given in the hook that runs.
    is_given: AtomicBool,
    has_ended: AtomicBool,
}

impl Lease {
    /// Raises `ContextError` when the hook that got the view is over.
    #[inline(always)]
    pub(crate) fn check(&self, what: &str) -> PyResult<()> {
        if self.has_ended() { Err(ended(what)) } else { Ok(()) }
    }

    #[inline(always)]
    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    #[cold]
    fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }
}

#[cold]
fn ended(what: &str) -> PyErr {
    errors::ContextError::new_err((what.to_owned(),))
}

/// A view that is lent.
pub(crate) trait View: PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync {
    fn lease(&self) -> &Lease;
}

/// References to a Python object, as far as 32 bits hold them: newer Pythons keep something else in the upper ones.
#[inline]
fn references(object: &Bound<'_, PyAny>) -> u32 {
    // SAFETY: a bound object is alive, and its token proves that nobody else counts.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) as u32 }
}

/// The views of one kind, by market.
pub(crate) struct Lent<T: View> {
    views: GilCell<Vec<Option<Py<T>>>>,
    /// Those given in the hook that runs.
    given: GilCell<Vec<MarketId>>,
}

impl<T: View> Lent<T> {
    pub(crate) fn new(markets: usize) -> Self {
        Self { views: GilCell::new((0..markets).map(|_| None).collect()), given: GilCell::new(Vec::new()) }
    }

    /// The view of a market, made if there is none that may be read.
    pub(crate) fn get<'py>(
        &self,
        py: Python<'py>,
        market: MarketId,
        make: impl FnOnce() -> PyResult<Bound<'py, T>>,
    ) -> PyResult<Bound<'py, T>> {
        let found =
            self.views.with(py, |views| views[market.index()].as_ref().map(|view| view.clone_ref(py)));
        if let Some(view) = found.filter(|view| !view.get().lease().has_ended()) {
            return Ok(view.into_bound(py));
        }
        let view = make()?;
        self.views.with(py, |views| views[market.index()] = Some(view.clone().unbind()));
        Ok(view)
    }

    /// The same for a strategy that asks for it.
    pub(crate) fn give<'py>(
        &self,
        py: Python<'py>,
        market: MarketId,
        make: impl FnOnce() -> PyResult<Bound<'py, T>>,
    ) -> PyResult<Bound<'py, T>> {
        let view = self.get(py, market, make)?;
        if !view.get().lease().is_given.swap(true, Ordering::Relaxed) {
            self.given.with(py, |given| given.push(market));
        }
        Ok(view)
    }

    /// After a hook: ends what was given in it and is still held, apart from what holds it for us.
    #[inline]
    pub(crate) fn take_back(&self, py: Python<'_>, held_by_us: impl Fn(MarketId) -> u32) {
        while let Some(market) = self.given.with(py, Vec::pop) {
            let view =
                self.views.with(py, |views| views[market.index()].as_ref().map(|view| view.clone_ref(py)));
            let Some(view) = view else { continue };
            let lease = view.get().lease();
            lease.is_given.store(false, Ordering::Relaxed);
            // The list's reference, ours here, and those of arguments that wait for their next use.
            if references(view.bind(py).as_any()) > 2 + held_by_us(market) {
                lease.end();
            }
        }
    }
}

/// Arguments `(ctx, view)` of a hook by market, made once and used again. A context must not hold them: they hold it.
pub(crate) struct Arguments<T: View> {
    made: Vec<Option<Py<PyTuple>>>,
    /// References to a view that others of ours hold.
    others: u32,
    views: PhantomData<T>,
}

impl<T: View> Arguments<T> {
    pub(crate) fn new(markets: usize, others: u32) -> Self {
        Self { made: (0..markets).map(|_| None).collect(), others, views: PhantomData }
    }

    /// How many references they hold to the view of a market.
    #[inline]
    pub(crate) fn held(&self, market: MarketId) -> u32 {
        u32::from(self.made[market.index()].is_some())
    }

    /// Calls a hook with the view of a market, `set` to what it is told, and ends the view if it was kept.
    #[inline]
    pub(crate) fn call<'py>(
        &mut self,
        market: MarketId,
        context: &Py<impl PyClass>,
        method: &Bound<'py, PyAny>,
        make: impl FnOnce() -> PyResult<Bound<'py, T>>,
        set: impl FnOnce(&T),
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, slot) = (method.py(), &mut self.made[market.index()]);
        let arguments = match slot.take() {
            Some(made) => made.into_bound(py),
            None => PyTuple::new(py, [context.bind(py).as_any(), make()?.as_any()])?,
        };
        let view = arguments.get_borrowed_item(1)?;
        let lent = view.cast::<T>()?.get();
        set(lent);
        let returned = method.call1(&arguments);
        if references(arguments.as_any()) > 1 || references(&view) > 1 + self.others {
            lent.lease().end();
        } else {
            *slot = Some(arguments.unbind());
        }
        returned
    }
}
