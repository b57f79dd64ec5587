//! How far what a pool has taken of a side moves what it meets there next (see [`Impact`](crate::sim::Impact)).

use super::Market;
use crate::types::Side;

impl Market {
    /// How far the levels of a side stand away from a pool, in increments of price.
    #[inline]
    pub(super) fn shift(&self, passive: Side, pool: u32) -> i64 {
        self.impact.map_or(0, |impact| {
            let best = self.book.best(passive).map(|level| level.price).or_else(|| self.last_print());
            let pressed = self.pools[pool as usize].pressed[passive.index()];
            let tick = self.instrument.terms_at(self.now).tick_size;
            best.map_or(0, |best| impact.shift(pressed, best, tick, self.now))
        })
    }

    /// Where a price of a side stands that is moved so far: on the grid, and within what the instrument may cost.
    #[inline]
    pub(super) fn moved(&self, passive: Side, price: i64, shift: i64) -> i64 {
        if shift == 0 { price } else { self.moved_away(passive, price, shift) }
    }

    #[cold]
    fn moved_away(&self, passive: Side, price: i64, shift: i64) -> i64 {
        let terms = self.instrument.terms_at(self.now);
        let limits = self.instrument.price_limits(terms);
        let (low, high) =
            limits.map_or((terms.tick_size, i64::MAX), |limits| (*limits.start(), *limits.end()));
        match passive {
            Side::Buy => (price - shift).max(low.min(price)),
            Side::Sell => (price + shift).min(high.max(price)),
        }
    }

    /// Remembers that a pool took so much of a side.
    #[inline]
    pub(super) fn press(&mut self, passive: Side, pool: u32, qty: i64) {
        if let Some(impact) = self.impact {
            let pressed = &mut self.pools[pool as usize].pressed[passive.index()];
            *pressed = impact.press(*pressed, qty as f64 * self.unit, self.now);
        }
    }
}
