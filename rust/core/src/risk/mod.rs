//! Risk: nothing reaches a venue that the gate has not approved.

mod amount;
mod bands;
mod check;
mod engine;
mod gate;
mod guard;
mod limits;
mod margin;
mod mids;
mod review;
mod saved;
mod sizing;
mod standing;
mod stop_terms;
mod stops;
mod uses;
mod watch;
mod window;

pub use amount::{BadLimit, parse_amount};
pub use check::{Breach, Check, Counts, Need, ONE, Scope, Units, to_decimal};
pub use engine::Engine;
pub use gate::{Approved, Gate, Hold, Rules, Trading, Verdict};
pub use guard::{Stop, Trip};
pub use limits::{Limit, Limits, OnTrip, RiskConfig};
pub use margin::{MarginTerms, MarketMargin};
pub use mids::{MidBand, Worth};
pub use review::{Amounts, Ask, Exposure, Stand};
pub use sizing::{Profile, SizeTerms, Sized, size};
pub use standing::{Holding, Measures, NOTIONAL, QTY, Standing, VALUE, Working};
pub use stop_terms::{Distance, Rung, StopConfig, StopTerms};
pub use stops::{Fired, PositionStops, StopLevels};
pub use uses::Use;
pub use watch::{FinePrice, StopKind, fine_of, fine_to_f64};
