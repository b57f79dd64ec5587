//! Exact money and positions.

mod contract;
mod position;

pub use contract::{ACCOUNT_LIMIT, ContractMath, MoneyOverflow, Uncounted};
pub use position::Position;
