//! Fees in basis points of a fill's value.

use super::decimal::Decimal;
use super::kind::TermsError;

/// The currency in which the fees of a spot instrument are paid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FeeCurrency {
    /// The settlement currency: the quote.
    #[default]
    Settlement,
    /// What is bought: the base of a buy, the quote of a sell.
    Received,
    /// This one.
    Coin(String),
}

impl FeeCurrency {
    /// By its word: `received`, or a currency; the settlement currency without one.
    pub fn from_word(word: Option<String>) -> Self {
        match word {
            None => Self::Settlement,
            Some(word) if word == "received" => Self::Received,
            Some(coin) => Self::Coin(coin),
        }
    }

    /// Its word, where it has one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Settlement => None,
            Self::Received => Some("received"),
            Self::Coin(coin) => Some(coin),
        }
    }
}

/// Decimals of a fee at most: with more of them a fee of a large fill could not be counted.
const DECIMALS: u32 = 12;

/// Fees that go before an instrument's own, where they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fees {
    maker_bps: Option<Decimal>,
    taker_bps: Option<Decimal>,
}

impl Fees {
    /// Fees of a maker and of a taker fill, basis points; negative for a rebate.
    ///
    /// # Errors
    /// [`TermsError`] for a fee outside ±1000 bps, or of more than 12 decimals.
    pub fn new(maker_bps: Option<Decimal>, taker_bps: Option<Decimal>) -> Result<Self, TermsError> {
        for (field, fee) in [("maker_fee_bps", maker_bps), ("taker_fee_bps", taker_bps)] {
            let Some(fee) = fee else { continue };
            if fee.to_f64().abs() > 1000.0 {
                return Err(TermsError { field, problem: format!("{fee} is outside ±1000 bps") });
            }
            if fee.scale() > DECIMALS {
                return Err(TermsError {
                    field,
                    problem: format!("{fee} has more than {DECIMALS} decimals"),
                });
            }
        }
        Ok(Self { maker_bps, taker_bps })
    }

    /// The maker fee, where there is one.
    pub fn maker_bps(self) -> Option<Decimal> {
        self.maker_bps
    }

    /// The taker fee, where there is one.
    pub fn taker_bps(self) -> Option<Decimal> {
        self.taker_bps
    }
}
