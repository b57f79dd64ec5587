//! Exact numbers, sides, levels, identities, instruments.

mod bytes;
mod decimal;
mod duration;
mod fees;
mod hook;
mod ids;
pub(crate) mod instrument;
mod kind;
mod level;
mod money;
mod names;
mod near;
mod order_terms;
mod side;
mod steps;
pub(crate) mod words;

pub use bytes::CodecError;
pub(crate) use bytes::{Decoded, Reader, Writer};
pub use decimal::{Decimal, DecimalError, Increment};
pub(crate) use decimal::{POW10, pow10_i128};
pub use duration::{TIME_LIMIT, format_duration, parse_duration};
pub use fees::{FeeCurrency, Fees};
pub use hook::HookError;
pub use ids::{AccountId, CurrencyId, MarketId, StrategyId};
pub use instrument::{Instrument, InstrumentError, InstrumentId, InstrumentSpec};
pub use kind::{InstrumentKind, KindTerms, OptionSettlement, OptionSide, TermsError};
pub use level::Level;
pub(crate) use money::MONEY_LIMIT;
pub(crate) use money::div_half_even;
pub use money::{MONEY_SCALE, Money};
pub use names::{BadName, NameProblem, Named};
pub use near::nearest_duration;
pub(crate) use near::{did_you_mean, nearest};
pub use order_terms::{OrderTerms, OrderTermsSpec, TermsChange};
pub use side::Side;
pub use steps::{FINE_SCALE, Price, Qty, STEPS_LIMIT};
