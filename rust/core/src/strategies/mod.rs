//! Compiled strategies and their formulas.

mod avellaneda_stoikov;
mod quoting;
mod touch_maker;

use crate::kernel::QuoteSide;
use crate::orders::{OrderError, check_qty};
use crate::types::{Instrument, Price, Qty, Side};

/// How much a maker quotes in one instrument, in quantity increments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteSize {
    /// Quantity of each quote.
    qty: Qty,
    /// No quote that could take the position beyond this, long or short.
    max_position: Qty,
}

impl QuoteSize {
    /// The size quoted in an instrument.
    ///
    /// # Errors
    /// [`OrderError`] if no order of that quantity could ever be sent.
    pub fn new(instrument: &Instrument, qty: Qty, max_position: Qty) -> Result<Self, OrderError> {
        let check = |at| check_qty(instrument, at, "quote_qty", qty);
        if !instrument.changes.iter().any(|change| check(change.from).is_ok()) {
            check(i64::MIN)?;
        }
        Ok(Self { qty, max_position })
    }

    /// A quote of a side at a price on the tick grid, unless there is no such price or a fill of it could take the
    /// position beyond the limit.
    fn at(self, side: Side, price: Option<i64>, position: Qty) -> QuoteSide {
        let held = if side == Side::Buy { position } else { -position };
        let price = price.filter(|price| *price > 0)?;
        (held.saturating_add(self.qty) <= self.max_position).then_some((Price::new(price), self.qty))
    }
}

/// The highest price of the tick grid that is not above `price`.
fn tick_below(price: i64, tick: i64) -> i64 {
    price.saturating_sub(price.rem_euclid(tick))
}

/// The lowest price of the tick grid that is not below `price`.
fn tick_above(price: i64, tick: i64) -> i64 {
    tick_below(price.saturating_add(tick - 1), tick)
}

pub use avellaneda_stoikov::{AvellanedaStoikov, AvellanedaStoikovParams, QuotingModel};
pub use quoting::{AvellanedaStoikovQuotes, GlftCoefficients, avellaneda_stoikov_quotes, glft_coefficients};
pub use touch_maker::TouchMaker;
