//! Compiled strategies and their formulas.

mod avellaneda_stoikov;
mod quoting;
mod touch_maker;

pub use avellaneda_stoikov::{AvellanedaStoikov, AvellanedaStoikovParams, QuotingModel};
pub use quoting::{AvellanedaStoikovQuotes, GlftCoefficients, avellaneda_stoikov_quotes, glft_coefficients};
pub use touch_maker::TouchMaker;
