//! What a fork leaves behind: the threads that read streams of events.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use pyo3::PyResult;

use crate::errors;

/// Something with threads, which a fork does not copy: a forked child must not use it, and leaves it alone when it goes.
pub(crate) struct OfProcess<T> {
    value: ManuallyDrop<T>,
    process: u32,
}

impl<T> OfProcess<T> {
    /// Of this process.
    pub(crate) fn new(value: T) -> Self {
        Self { value: ManuallyDrop::new(value), process: std::process::id() }
    }

    /// Raises `RunError` in another process than the one that made it.
    pub(crate) fn check(&self) -> PyResult<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(errors::RunError::new_err(
            "this process was forked from one that reads these events, whose threads did not come along: open a \
             stream in this one, or start processes with multiprocessing.get_context(\"spawn\")",
        ))
    }

    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Deref for OfProcess<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for OfProcess<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: it is dropped here and nowhere else, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}
