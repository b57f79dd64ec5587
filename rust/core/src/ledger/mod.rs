//! Exact money and positions.

mod contract;
mod position;
mod profit;

pub use contract::{ACCOUNT_LIMIT, ContractMath, MoneyOverflow, Uncounted};
pub use position::Position;
pub use profit::ProfitParts;
