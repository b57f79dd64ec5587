//! Risk: nothing reaches a venue that the gate has not approved.

mod check;
mod engine;
mod gate;
mod guard;
mod limits;
mod review;
mod saved;
mod sizing;
mod standing;
mod uses;
mod window;

pub use check::{Breach, Check, Counts, ONE, Scope, Units, to_decimal};
pub use engine::Engine;
pub use gate::{Approved, Gate, Rules, Trading, Verdict};
pub use guard::{Stop, Trip};
pub use limits::{BadLimit, Limit, Limits, OnTrip, RiskConfig, parse_amount};
pub use review::{Amounts, Ask, Exposure, Stand};
pub use sizing::{Profile, SizeTerms, Sized, size};
pub use standing::{Holding, Measures, NOTIONAL, QTY, Standing, VALUE, Working};
pub use uses::Use;
