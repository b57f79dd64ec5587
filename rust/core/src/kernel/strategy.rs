//! What a strategy is to the kernel.

use super::context::Context;
use super::record::FillRow;
use crate::book::{BookState, Touch};
use crate::orders::Order;
use crate::types::Side;

/// Why a hook, or other code of the user's that a run calls, did not return normally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookError {
    /// It failed; the text says how (a traceback).
    Failed(String),
    /// The user asked to stop.
    Interrupted,
}

/// What a hook returns.
pub type HookResult = Result<(), HookError>;

/// Which book updates wake a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BookFilter {
    /// None.
    #[default]
    Off,
    /// Every message that changes the book.
    Message,
    /// Only messages that move a best price.
    Touch,
}

/// The hooks a strategy wants; only those cost anything.
#[allow(clippy::struct_excessive_bools, reason = "one switch a hook")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interest {
    /// Book updates.
    pub book: BookFilter,
    /// Trades.
    pub trade: bool,
    /// Top-of-book quotes.
    pub quote: bool,
    /// Changes of a book's state.
    pub book_state: bool,
    /// Own fills.
    pub fill: bool,
    /// Own order updates.
    pub order: bool,
}

impl Interest {
    /// Whether market events must be delivered one by one.
    pub fn wants_market(&self) -> bool {
        self.book != BookFilter::Off || self.trade || self.quote || self.book_state
    }
}

/// A trade as a strategy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// In price increments.
    pub price: i64,
    /// In quantity increments.
    pub qty: i64,
    /// Who crossed the spread, if the venue says.
    pub aggressor_side: Option<Side>,
    /// Venue's clock, ns.
    pub ts_event: i64,
    /// The venue's id, 0 if none.
    pub id: u64,
}

/// A strategy. Every hook has an empty default; a hook is called only if [`Strategy::interest`] asks for it.
///
/// # Errors
/// Any hook may fail with a [`HookError`]; the kernel then stops the strategy, or the run.
#[allow(unused_variables, clippy::missing_errors_doc, reason = "the defaults do nothing and cannot fail")]
pub trait Strategy: Send {
    /// The hooks this strategy wants.
    fn interest(&self) -> Interest;

    /// Once, before the first event.
    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        Ok(())
    }

    /// A message changed the book of `market`.
    fn on_book(&mut self, ctx: &mut Context, market: usize) -> HookResult {
        Ok(())
    }

    /// A trade in `market`. The book is as it was after the message that carries it.
    fn on_trade(&mut self, ctx: &mut Context, market: usize, trade: Trade) -> HookResult {
        Ok(())
    }

    /// A venue's own best prices for `market`.
    fn on_quote(&mut self, ctx: &mut Context, market: usize, quote: Touch) -> HookResult {
        Ok(())
    }

    /// The book of `market` is in a new state.
    fn on_book_state(&mut self, ctx: &mut Context, market: usize, state: BookState) -> HookResult {
        Ok(())
    }

    /// An own order traded.
    fn on_fill(&mut self, ctx: &mut Context, fill: &FillRow) -> HookResult {
        Ok(())
    }

    /// An own order changed.
    fn on_order(&mut self, ctx: &mut Context, order: &Order) -> HookResult {
        Ok(())
    }

    /// A timer set with [`super::Core::every`] or [`super::Core::at`] went off.
    fn on_timer(&mut self, ctx: &mut Context, timer: u64) -> HookResult {
        Ok(())
    }

    /// Once, after the last event.
    fn on_stop(&mut self, ctx: &mut Context) -> HookResult {
        Ok(())
    }
}
