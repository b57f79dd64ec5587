//! Mistakes: requests that no venue could be asked.

use super::report::Reason;
use crate::ledger::Uncounted;
use crate::types::BadName;

/// Why a request cannot even be sent: a mistake in the strategy, not a venue's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// A price or quantity between two steps.
    #[error("{instrument}: {field} {value} is not a multiple of {step}")]
    OffGrid {
        /// The instrument.
        instrument: String,
        /// `price` or `qty`.
        field: &'static str,
        /// The value.
        value: String,
        /// The step.
        step: String,
        /// Since when it has been that, ns, where it was not always.
        since: Option<i64>,
    },
    /// A price or quantity that is zero or negative.
    #[error("{instrument}: {field} {value} must be greater than zero")]
    NotPositive {
        /// The instrument.
        instrument: String,
        /// `price` or `qty`.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// A price that the instrument cannot have.
    #[error("{instrument}: price {value} is not from {low} to {high}")]
    OutOfRange {
        /// The instrument.
        instrument: String,
        /// The price.
        value: String,
        /// The lowest it may be.
        low: String,
        /// The highest it may be.
        high: String,
    },
    /// A time to end at that is over.
    #[error("expires_at {expires_at} is not after the time it is, {now} (ns UTC)")]
    Over {
        /// When it is to end, ns.
        expires_at: i64,
        /// When it is sent, ns.
        now: i64,
    },
    /// Prices of a bracket that lie on the wrong sides of each other.
    #[error("{instrument}: {field} {value} has to be {expected} of a bracket that {does}")]
    Misplaced {
        /// The instrument.
        instrument: String,
        /// `stop_loss` or `price`.
        field: &'static str,
        /// The value.
        value: String,
        /// Where it has to lie, such as `below take_profit 105`.
        expected: String,
        /// `buys` or `sells`.
        does: &'static str,
    },
    /// Terms that contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The venue takes no order like this.
    #[error("{instrument}: {field} {value} is unsupported: the venue takes {takes}")]
    Unsupported {
        /// The instrument.
        instrument: String,
        /// The term.
        field: &'static str,
        /// What it is.
        value: String,
        /// What the venue takes in its place.
        takes: String,
    },
    /// The strategy already has an open order of that name.
    #[error("client id {0:?} is in use by an open order")]
    DuplicateClientId(String),
    /// The strategy's name for the order cannot be one.
    #[error(transparent)]
    Name(#[from] BadName),
    /// A price or quantity beyond what market data may hold.
    #[error("{instrument}: {field} {value} is 2^60 increments or more")]
    TooLarge {
        /// The instrument.
        instrument: String,
        /// `price` or `qty`.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// The strategy has sent that many without time going on.
    #[error(
        "{0} orders were sent at one moment; a strategy that answers each refusal with the next order never ends: send it \
         later, with ctx.at or ctx.every"
    )]
    TooManyAtOnce(u32),
    /// What it is worth is beyond exact money.
    #[error(transparent)]
    Money(#[from] Uncounted),
}

impl OrderError {
    /// What a venue answers to such a request.
    pub fn reason(&self) -> Reason {
        match self {
            Self::OffGrid { .. } => Reason::OffGrid,
            Self::Over { .. } => Reason::GtdReached,
            Self::Unsupported { .. } => Reason::Unsupported,
            Self::NotPositive { .. }
            | Self::OutOfRange { .. }
            | Self::Misplaced { .. }
            | Self::Contradiction(_)
            | Self::DuplicateClientId(_)
            | Self::TooLarge { .. }
            | Self::TooManyAtOnce(_)
            | Self::Name(_)
            | Self::Money(_) => Reason::InvalidTerms,
        }
    }
}
