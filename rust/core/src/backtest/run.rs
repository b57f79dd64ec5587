//! What a run is told, what it tells, and how it ends.

use super::reporting::{BadReporting, ReportingSettings};
use crate::event::ColumnsError;
use crate::kernel::{HookError, KernelError, OnError, Record, SetupError};
use crate::ledger::{CostBasis, MoneyOverflow};
use crate::orders::SessionId;
use crate::risk::RiskConfig;
use crate::sim::{SettingsError, VenueError};
use std::sync::Arc;

/// Settings of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunConfig {
    /// The name of the session, part of every client id.
    pub session: SessionId,
    /// Seed of the probabilistic parts.
    pub seed: u64,
    /// Time between equity samples, ns.
    pub sample_ns: i64,
    /// Length of recorded candles, ns; none when absent.
    pub candle_ns: Option<i64>,
    /// What it is reported in beside its settlement currencies.
    pub reporting: Option<ReportingSettings>,
    /// What a failing strategy ends.
    pub on_error: OnError,
    /// Which part of a position a fill closes first.
    pub cost_basis: CostBasis,
    /// Whether its accounts are checked after everything that moves money.
    pub checks: bool,
    /// Whether the kernel's inputs and commands are kept as a journal.
    pub keeps_journal: bool,
    /// Limits, where there are any.
    pub risk: Option<Arc<RiskConfig>>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Event rows the venue side has passed.
    pub rows: u64,
    /// Time on the strategy's clock, ns.
    pub now_ns: i64,
}

/// Watches a run from outside.
pub trait Monitor {
    /// Called every few milliseconds; `false` interrupts the run.
    fn poll(&mut self, progress: Progress) -> bool;

    /// Called with the record so far; may take rows out to keep memory flat.
    ///
    /// # Errors
    /// A sentence naming what could not be written, or that the user asked to stop.
    fn spill(&mut self, record: &mut Record) -> Result<(), HookError>;
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The kernel could not go on.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Data could not be read.
    #[error("{instrument}: {message}")]
    Source {
        /// The instrument.
        instrument: String,
        /// What happened.
        message: String,
    },
    /// Data is malformed.
    #[error("{instrument}: after {rows} rows: {error}")]
    Columns {
        /// The instrument.
        instrument: String,
        /// Rows read before the offending columns.
        rows: u64,
        /// What is wrong.
        error: ColumnsError,
    },
    /// A venue cannot be as it is set.
    #[error("{instrument}: {error}")]
    Settings {
        /// The instrument.
        instrument: String,
        /// What is wrong.
        error: SettingsError,
    },
    /// It cannot be reported as it is set.
    #[error(transparent)]
    Reporting(#[from] BadReporting),
    /// An amount is out of range.
    #[error(transparent)]
    Money(#[from] MoneyOverflow),
    /// There is no kernel of the set-up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Results could not be written.
    #[error("{0}")]
    Spill(String),
}

impl From<VenueError> for RunError {
    fn from(error: VenueError) -> Self {
        match error {
            VenueError::Settings { instrument, error } => Self::Settings { instrument, error },
            VenueError::Money(error) => Self::Money(error),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// At the end of the data.
    Finished,
    /// On request.
    Interrupted,
    /// With a strategy that failed, as [`OnError::StopRun`] has it.
    Failed,
}

/// An interrupted run and one whose strategy failed end early, with what was done; any other error fails it.
pub(super) fn ending(outcome: Result<(), RunError>) -> Result<RunEnd, RunError> {
    match outcome {
        Ok(()) => Ok(RunEnd::Finished),
        Err(RunError::Kernel(KernelError::Interrupted)) => Ok(RunEnd::Interrupted),
        Err(RunError::Kernel(KernelError::StrategyFailed { .. })) => Ok(RunEnd::Failed),
        Err(error) => Err(error),
    }
}
