//! Bars: what happened in a market, summed up by time or by what happened.
//!
//! A [`Builder`] makes them of single trades, one after the other, by the rule of a [`BarSpec`]; arrays, streams, the
//! kernel and a catalog all push into it. See [`builder`] for when a bar ends and what is late.

pub mod builder;
mod floats;
mod number;
mod rows;
mod rule;
mod spec;
mod tape;
mod words;

pub use builder::{Bar, BarsError, Builder, Tick};
pub use floats::BarFloats;
pub use number::{Exact, Number};
pub use rows::{MessageBars, RowBars};
pub use rule::{Expectations, Rule, Weight};
pub use spec::{BarSource, BarSpec, BarSpecError, DEFAULT_GRACE_NS};
pub use tape::{BarColumns, Tape, TapeError, is_price, is_qty};
