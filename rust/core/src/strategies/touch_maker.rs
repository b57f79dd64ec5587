//! The plainest market maker: both sides at a fixed distance from the touch, requoted on a timer.
//!
//! A yardstick for the engine and a baseline for other makers; it has no view on risk beyond a position limit.

use super::{QuoteSize, tick_above, tick_below};
use crate::kernel::{Context, HookError, HookResult, Interest, Strategy};
use crate::types::{MarketId, Qty, Side};

/// Quotes `offset_ticks` behind the best price of each side every `interval_ns`.
pub struct TouchMaker {
    /// Instruments, with what to quote in each.
    pub markets: Vec<(MarketId, QuoteSize)>,
    /// Distance from the best price of the own side, in ticks; 0 joins it.
    pub offset_ticks: i64,
    /// Time between quotes, ns.
    pub interval_ns: i64,
}

impl Strategy for TouchMaker {
    fn interest(&self) -> Interest {
        Interest::default()
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(self.interval_ns);
        Ok(())
    }

    fn on_timer(&mut self, ctx: &mut Context, _timer: u64) -> HookResult {
        for &(market, size) in &self.markets {
            let touch = ctx.touch(market);
            if touch.is_crossed() {
                // Nothing can be said of a book that takes no orders: what rests stays.
                continue;
            }
            let tick = ctx.terms(market).tick_size;
            let offset = self.offset_ticks.saturating_mul(tick);
            let position = Qty::new(ctx.position(market).qty);
            let bid = touch.best_bid().map(|p| tick_below(p.saturating_sub(offset), tick));
            let ask = touch.best_ask().map(|p| tick_above(p.saturating_add(offset), tick));
            let (bid, ask) = (size.at(Side::Buy, bid, position), size.at(Side::Sell, ask, position));
            ctx.quote(market, bid, ask, true).map_err(|e| HookError::Failed(e.to_string()))?;
        }
        Ok(())
    }
}
