//! Exact money and positions.

mod contract;
mod lots;
mod margin;
mod payment;
mod position;
mod premium;
mod profit;

pub(crate) use contract::gcd;
pub use contract::{ACCOUNT_LIMIT, ContractMath, MoneyOverflow, Uncounted};
pub use lots::{CostBasis, UnknownCostBasis};
pub use margin::{
    BadBrackets, BadLeverage, Bracket, BracketLine, Brackets, Leverage, bankruptcy, part, read_brackets,
};
pub use payment::{Payment, PaymentKind};
pub use position::Position;
pub use premium::{BadOptionRates, Cover, OptionRates, Written};
pub use profit::ProfitParts;
