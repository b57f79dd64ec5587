//! The rules an order keeps, once: for the gate in front of a venue and for the simulated venue itself.
//!
//! A mistake ([`OrderError`]) is a request no venue could be asked; a refusal ([`Reason`]) is a venue's answer to a
//! sound one.

use super::report::Reason;
use super::request::{OrderRequest, OrderType, TimeInForce};
use crate::ledger::{ContractMath, MoneyOverflow};
use crate::types::{Instrument, Money};

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
    /// Terms that contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The strategy already has an open order of that name.
    #[error("client id {0:?} is in use by an open order")]
    DuplicateClientId(String),
    /// An amount is out of range.
    #[error(transparent)]
    Money(#[from] MoneyOverflow),
}

impl OrderError {
    /// What a venue answers to such a request.
    pub fn reason(&self) -> Reason {
        match self {
            Self::OffGrid { .. } => Reason::OffGrid,
            Self::NotPositive { .. }
            | Self::Contradiction(_)
            | Self::DuplicateClientId(_)
            | Self::Money(_) => Reason::InvalidTerms,
        }
    }
}

/// What a sound request comes to: nothing against it, or why a venue would refuse it.
pub type Checked = Result<Option<Reason>, OrderError>;

/// Checks a new order. `market_price` is what a market order would be valued at, if there is a price.
///
/// # Errors
/// [`OrderError`] when the request is not one a venue could be asked.
pub fn check_request(
    instrument: &Instrument,
    math: &ContractMath,
    request: &OrderRequest,
    market_price: impl FnOnce() -> Option<i64>,
) -> Checked {
    let reason = match request.order_type {
        OrderType::Limit { price } => check_replace(instrument, math, price, request.qty, 0)?,
        OrderType::Market => {
            check_qty(instrument, "qty", request.qty)?;
            refusal(instrument, math, market_price(), request.qty)?
        }
    };
    let rests = request.order_type != OrderType::Market && request.time_in_force == TimeInForce::Gtc;
    if request.post_only && !rests {
        return Err(OrderError::Contradiction(
            "a post-only order must be a limit order that is good till cancelled",
        ));
    }
    Ok(reason)
}

/// Checks the price and total quantity of a limit order of which `filled` has been filled. No more than that asks for
/// the rest to be cancelled, which has no smallest size.
///
/// # Errors
/// [`OrderError`] when they do not fit the instrument.
pub fn check_replace(
    instrument: &Instrument,
    math: &ContractMath,
    price: i64,
    qty: i64,
    filled: i64,
) -> Checked {
    check_qty(instrument, "qty", qty)?;
    let grid = instrument.price_increment;
    check_step(instrument, "price", price, instrument.tick_size, |steps| grid.to_decimal(steps).to_string())?;
    if qty <= filled {
        return Ok(None);
    }
    refusal(instrument, math, Some(price), qty)
}

/// Checks that a quantity is whole lots.
///
/// # Errors
/// [`OrderError`] naming `field`.
pub fn check_qty(instrument: &Instrument, field: &'static str, qty: i64) -> Result<(), OrderError> {
    let grid = instrument.qty_increment;
    check_step(instrument, field, qty, instrument.lot_size, |steps| grid.to_decimal(steps).to_string())
}

/// The limits of size a venue sets.
fn refusal(instrument: &Instrument, math: &ContractMath, price: Option<i64>, qty: i64) -> Checked {
    if qty < instrument.min_qty {
        return Ok(Some(Reason::MinQty));
    }
    if instrument.min_notional > Money::ZERO
        && let Some(price) = price
        && math.notional(instrument, price, qty)? < instrument.min_notional
    {
        return Ok(Some(Reason::MinNotional));
    }
    Ok(None)
}

fn check_step(
    instrument: &Instrument,
    field: &'static str,
    value: i64,
    step: i64,
    show: impl Fn(i64) -> String,
) -> Result<(), OrderError> {
    if value <= 0 {
        return Err(OrderError::NotPositive {
            instrument: instrument.id.to_string(),
            field,
            value: show(value),
        });
    }
    if value % step != 0 {
        return Err(OrderError::OffGrid {
            instrument: instrument.id.to_string(),
            field,
            value: show(value),
            step: show(step),
        });
    }
    Ok(())
}
