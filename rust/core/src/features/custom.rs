//! Features that somebody else computes: a user's class, or anything registered with an engine (bars, indicators).

use crate::book::L2Book;
use crate::event::Event;
use crate::types::HookError;

/// A feature of somebody else's, told of every message.
pub trait Custom: Send {
    /// The value after a message: called once for each of its trades, or once without one. The book is as it is after
    /// the message, and again when this returns.
    ///
    /// # Errors
    /// [`HookError`], after which it is not called again.
    fn update(&mut self, book: &mut L2Book, trade: Option<Event>) -> Result<f64, HookError>;

    /// What it has to remember.
    ///
    /// # Errors
    /// [`HookError`].
    fn save(&mut self) -> Result<Vec<u8>, HookError>;

    /// Goes on from what [`Custom::save`] told.
    ///
    /// # Errors
    /// [`HookError`].
    fn load(&mut self, state: &[u8]) -> Result<(), HookError>;
}

/// A feature of somebody else's that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("feature {feature}: {error:?}")]
pub struct FeatureFailure {
    /// Its name in the set.
    pub feature: String,
    /// How.
    pub error: HookError,
}
