//! Exact money and positions.

mod contract;
mod position;

pub use contract::{ContractMath, MoneyOverflow};
pub use position::Position;
