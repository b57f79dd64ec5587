//! Compiled strategies and their formulas.

mod avellaneda_stoikov;
mod quoting;
mod touch_maker;

/// How much a maker quotes in one instrument, in quantity increments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteSize {
    /// Quantity of each quote.
    pub qty: i64,
    /// No quote that could take the position beyond this, long or short.
    pub max_position: i64,
}

pub use avellaneda_stoikov::{AvellanedaStoikov, AvellanedaStoikovParams, QuotingModel};
pub use quoting::{AvellanedaStoikovQuotes, GlftCoefficients, avellaneda_stoikov_quotes, glft_coefficients};
pub use touch_maker::TouchMaker;
