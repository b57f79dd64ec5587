//! Execution: what a large order costs, how it is cut into small ones, and the algorithms that work them off.
//!
//! What is here decides and computes; it sends nothing. The kernel shows an execution the market and carries out what
//! it asks for, through the same gate as any other order.

mod algorithm;
mod almgren_chriss;
mod execution;
mod router;
mod slices;
mod slippage;

pub use algorithm::{
    ALGORITHMS, Algorithm, PegTo, Schedule, ScheduleKind, Sight, unknown_algorithm, unknown_parameter,
};
pub use almgren_chriss::{CostModel, Trajectory};
pub use execution::{Act, Execution, ExecutionId, ExecutionRequest, ExecutionState};
pub use router::{MOST_VENUES, Offer, route};
pub use slices::{iceberg_slices, participation_target, split, volume_curve};
pub use slippage::{Against, ImpactLaw, Shortfall, Slippage, slippage_bps};

/// A parameter that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadParameter {
    /// Its name.
    pub field: &'static str,
    /// What is wrong, with the value and what was expected.
    pub problem: String,
}

impl BadParameter {
    /// A parameter and what is wrong with it.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// A number of a parameter that has to be finite and within bounds.
fn number(field: &'static str, value: f64, least: f64, what: &str) -> Result<f64, BadParameter> {
    if value.is_finite() && value >= least {
        Ok(value)
    } else {
        Err(BadParameter::new(field, format!("expected {what}, got {value:?}")))
    }
}
