//! Features of one market: numbers that follow from its messages, for models and strategies.
//!
//! A [`FeatureSet`] names what is wanted; a [`FeatureEngine`] reads the rows of a market message by message, keeps a
//! book of its own and gives the vector of the set as known at a time. The same engine runs over a catalog
//! ([`FeatureSampler`]), by hand, and in the kernel, with the same bits: what changes with messages changes with
//! messages alone, and what depends on the time of reading is a function of both.
//!
//! Rules that hold for all of them:
//!
//! - The clock is ours, `ts_recv`. At `now` all that was received up to `now` is known.
//! - A window of time holds what came after `now - window`; one of a count the last so many.
//! - An interval is `[start, end)`, aligned to 1970. It ends with the messages received before its end, so that it is
//!   complete when a reader's clock shows its end.
//! - What is not known is NaN: before a window is full, without the side of a book that it takes, after a gap.
//! - Bars lie on the venue's clock and are known when they are available.
//! - Sums over windows are integers, so that a value does not depend on when it was asked for.

mod bars;
mod bulk;
mod custom;
mod depth;
mod engine;
mod flow;
mod intervals;
mod measures;
mod microprice;
mod plan;
mod registry;
mod sampler;
mod set;
mod spec;
mod trades;
mod window;

pub use custom::{Custom, FeatureFailure};
pub use engine::{BadState, FeatureEngine};
pub use microprice::{BadTable, FittedMicroprice, adjustments, fit_microprice};
pub use registry::{Definition, Parameter, Takes, definitions};
pub use sampler::{FeatureSampler, When};
pub use set::FeatureSet;
pub use spec::{FeatureSpec, SpecError, Value};
pub use window::Window;
