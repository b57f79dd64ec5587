//! What a strategy is to the kernel.

use super::context::Context;
use super::published::{Stat, Trade};
use super::record::{FillRow, PaymentRow};
use super::signals::Signal;
use super::topics::Topics;
use crate::bars::{Bar, BarSpec};
use crate::book::{BookState, Touch};
use crate::exec::ExecutionId;
use crate::features::FeatureEngine;
use crate::orders::Order;
use crate::types::MarketId;

pub use crate::types::HookError;

/// What a hook returns.
pub type HookResult = Result<(), HookError>;

/// What a strategy wants to hear of from the start; only that costs anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "one for each thing to hear of")]
pub struct Interest {
    /// Of its markets.
    pub topics: Topics,
    /// Own fills.
    pub fill: bool,
    /// Own order updates.
    pub order: bool,
    /// Money that venues move of their own accord.
    pub payment: bool,
    /// Executions that have ended.
    pub execution: bool,
}

/// A strategy. Every hook has an empty default; what it is told of is up to [`Strategy::interest`] and to what it
/// subscribes to while it runs.
///
/// # Errors
/// Any hook may fail with a [`HookError`]; the kernel then stops the strategy, or the run.
#[allow(unused_variables, clippy::missing_errors_doc, reason = "the defaults do nothing and cannot fail")]
pub trait Strategy: Send {
    /// What this strategy wants from the start.
    fn interest(&self) -> Interest;

    /// Features it wants of markets from the first message on; asked once.
    fn features(&mut self) -> Vec<(MarketId, FeatureEngine)> {
        Vec::new()
    }

    /// Once, before the first event.
    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        Ok(())
    }

    /// A message changed the book of `market`.
    fn on_book(&mut self, ctx: &mut Context, market: MarketId) -> HookResult {
        Ok(())
    }

    /// A trade in `market`. The book is as it was after the message that carries it.
    fn on_trade(&mut self, ctx: &mut Context, market: MarketId, trade: Trade) -> HookResult {
        Ok(())
    }

    /// A venue's own best prices for `market`.
    fn on_quote(&mut self, ctx: &mut Context, market: MarketId, quote: Touch) -> HookResult {
        Ok(())
    }

    /// The book of `market` is in a new state.
    fn on_book_state(&mut self, ctx: &mut Context, market: MarketId, state: BookState) -> HookResult {
        Ok(())
    }

    /// A mark price, index price, funding rate, open interest or liquidation of `market`.
    fn on_stat(&mut self, ctx: &mut Context, market: MarketId, stat: Stat) -> HookResult {
        Ok(())
    }

    /// A bar of `market` is complete, or was changed by a late trade: one of those asked for by this specification.
    fn on_bar(&mut self, ctx: &mut Context, market: MarketId, spec: &BarSpec, bar: &Bar) -> HookResult {
        Ok(())
    }

    /// An own order traded.
    fn on_fill(&mut self, ctx: &mut Context, fill: &FillRow) -> HookResult {
        Ok(())
    }

    /// A venue moved money of its own accord, such as funding.
    fn on_payment(&mut self, ctx: &mut Context, payment: &PaymentRow) -> HookResult {
        Ok(())
    }

    /// An own order changed.
    fn on_order(&mut self, ctx: &mut Context, order: &Order) -> HookResult {
        Ok(())
    }

    /// An execution has ended.
    fn on_execution(&mut self, ctx: &mut Context, execution: ExecutionId) -> HookResult {
        Ok(())
    }

    /// The strategy's model has said something of `market`.
    fn on_signal(&mut self, ctx: &mut Context, market: MarketId, signal: &Signal) -> HookResult {
        Ok(())
    }

    /// The last signal of `market` has expired and there is no other.
    fn on_signal_expired(&mut self, ctx: &mut Context, market: MarketId, signal: &Signal) -> HookResult {
        Ok(())
    }

    /// A timer set with [`Context::every`] or [`Context::at`] went off.
    fn on_timer(&mut self, ctx: &mut Context, timer: u64) -> HookResult {
        Ok(())
    }

    /// A person gives new values to parameters, in words of the strategy's own.
    fn on_parameters(&mut self, ctx: &mut Context, values: &str) -> HookResult {
        Err(HookError::Failed("none of its parameters may change while it runs".to_owned()))
    }

    /// Once, after the last event.
    fn on_stop(&mut self, ctx: &mut Context) -> HookResult {
        Ok(())
    }

    /// What the strategy has to remember over a restart.
    fn save(&mut self) -> Result<Vec<u8>, HookError> {
        Ok(Vec::new())
    }

    /// Goes on from what [`Strategy::save`] told.
    fn load(&mut self, state: &[u8]) -> HookResult {
        Ok(())
    }
}
