//! What has to stand behind options and binaries that were written. Who buys one pays for it in full.
//!
//! With `N` the value of the underlying, `O` what the option is out of the money and `M` what it is worth at the mark, all of
//! the whole quantity and in the settlement currency, and the rates `a`, `l` and `m` (0.15, 0.1 and 0.075):
//!
//! * short call: maintenance margin `m N + M`, initial margin `max(a N - O, l N) + M`;
//! * short put: maintenance margin `max(m N, m M) + M`, initial margin as of a call, and no less than maintenance;
//! * short binary: both are what it pays if its outcome comes true, 1 each; nothing can be lost beyond.
//!
//! Of an option that settles in coin `N` is its quantity of the underlying. Where nobody knows what that is worth, the strike
//! stands for it. Source: Deribit's page on margin of options (standard margin).

use std::str::FromStr;

use super::contract::{ACCOUNT_LIMIT, ContractMath};
use super::margin::{fraction, part};
use crate::types::{FINE_ONE, InstrumentKind, Money, OptionSettlement, OptionSide};

/// What is asked for written options, as fractions of the underlying's value in units of 10^-9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionRates {
    /// Initial margin at the money.
    pub at_the_money: i64,
    /// The least initial margin.
    pub least: i64,
    /// Maintenance margin.
    pub maintenance: i64,
}

impl Default for OptionRates {
    fn default() -> Self {
        Self { at_the_money: 150_000_000, least: 100_000_000, maintenance: 75_000_000 }
    }
}

/// A text that says no rates of options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not initial margin at the money, its least and maintenance margin, each from 0 to 1 of up to 9 decimals, \
     such as \"0.15, 0.1, 0.075\""
)]
pub struct BadOptionRates(pub String);

impl FromStr for OptionRates {
    type Err = BadOptionRates;
    fn from_str(text: &str) -> Result<Self, BadOptionRates> {
        let rates: Option<Vec<i64>> = text.split(',').map(fraction).collect();
        match rates.as_deref() {
            Some(&[at_the_money, least, maintenance]) => Ok(Self { at_the_money, least, maintenance }),
            _ => Err(BadOptionRates(text.to_owned())),
        }
    }
}

/// What may have been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// An option.
    Option {
        /// What is asked for it.
        rates: OptionRates,
        /// Its strike, in units of 10^-9.
        strike: i64,
        /// Call or put.
        side: OptionSide,
        /// Whether it settles in coin.
        in_coin: bool,
    },
    /// A binary.
    Binary,
}

/// What is asked for what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cover {
    /// To write it.
    pub initial: Money,
    /// To keep it.
    pub maintenance: Money,
}

impl Written {
    /// What an instrument of a kind is when it is written; `None` for what is no option or binary.
    pub fn of(kind: &InstrumentKind, rates: OptionRates) -> Option<Self> {
        match kind {
            InstrumentKind::Option { side, settles, .. } => {
                let in_coin = *settles == OptionSettlement::Coin;
                kind.fine_strike().map(|strike| Self::Option { rates, strike, side: *side, in_coin })
            }
            InstrumentKind::Binary { .. } => Some(Self::Binary),
            _ => None,
        }
    }

    /// What is asked for so much of it, worth `worth` at the mark, when the underlying is worth `underlying`, in units of 10^-9.
    pub fn cover(&self, math: &ContractMath, qty: i64, underlying: Option<i64>, worth: Money) -> Cover {
        let value = |price| math.value_at_fine(price, qty).unwrap_or(Money::from_units(ACCOUNT_LIMIT));
        let Self::Option { rates, strike, side, in_coin } = *self else {
            let all = value(FINE_ONE);
            return Cover { initial: all, maintenance: all };
        };
        let spot = underlying.filter(|price| *price > 0).unwrap_or(strike);
        let whole = value(if in_coin { FINE_ONE } else { spot });
        let out = match side {
            OptionSide::Call => strike.saturating_sub(spot),
            OptionSide::Put => spot.saturating_sub(strike),
        };
        let out = whole.scaled(out.max(0).into(), spot.into()).unwrap_or(whole);
        let with_worth = |margin: Money| margin.checked_add(worth).unwrap_or(margin);
        let open = part(whole, rates.at_the_money).checked_sub(out).unwrap_or_default();
        let initial = with_worth(open.max(part(whole, rates.least)));
        let keeps = part(whole, rates.maintenance);
        match side {
            OptionSide::Call => Cover { initial, maintenance: with_worth(keeps) },
            OptionSide::Put => {
                let maintenance = with_worth(keeps.max(part(worth, rates.maintenance)));
                Cover { initial: initial.max(maintenance), maintenance }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Instrument;
    use crate::types::instrument::tests::spec;
    use proptest::prelude::*;

    const RATES: &str = "0.15, 0.1, 0.075";

    fn cover(side: OptionSide, settles: OptionSettlement, spot: Option<i64>, worth: &str) -> [String; 2] {
        let kind = InstrumentKind::Option { strike: "100000".parse().unwrap(), expiry: 1, side, settles };
        let settlement = if settles == OptionSettlement::Coin { "BTC" } else { "USDC" };
        let mut s = spec("A.B", kind, settlement);
        (s.price_increment, s.qty_increment) = ("0.0005".parse().unwrap(), "0.1".parse().unwrap());
        let option = Instrument::new(s).unwrap();
        let math = ContractMath::new(&option).unwrap();
        let written = Written::of(&option.kind, RATES.parse().unwrap()).unwrap();
        // Two of the underlying.
        let told = written.cover(&math, 20, spot.map(|spot| spot * FINE_ONE), worth.parse().unwrap());
        [told.initial, told.maintenance].map(|money| money.to_string())
    }

    #[test]
    fn written_options_ask_what_deribit_publishes() {
        let (call, put) = (OptionSide::Call, OptionSide::Put);
        let (coin, cash) = (OptionSettlement::Coin, OptionSettlement::Cash);
        // At the money, and in it.
        assert_eq!(cover(call, coin, Some(100_000), "0.06"), ["0.36", "0.21"]);
        assert_eq!(cover(call, coin, Some(125_000), "0.5"), ["0.8", "0.65"]);
        // A fifth out of the money: the least; a fiftieth: what is left.
        assert_eq!(cover(call, coin, Some(80_000), "0.01"), ["0.21", "0.16"]);
        assert_eq!(cover(put, coin, Some(125_000), "0.01"), ["0.21", "0.16"]);
        assert_eq!(cover(call, cash, Some(98_000), "100"), ["25500", "14800"]);
        assert_eq!(cover(put, cash, Some(100_000), "3000"), ["33000", "18000"]);
        // A put that is worth more than its underlying.
        assert_eq!(cover(put, coin, Some(20_000), "8"), ["8.6", "8.6"]);
        // Nobody knows the underlying: the strike.
        assert_eq!(cover(call, cash, None, "0"), ["30000", "15000"]);
    }

    #[test]
    fn rates_are_three() {
        let rates: OptionRates = RATES.parse().unwrap();
        assert_eq!(
            (rates.at_the_money, rates.least, rates.maintenance),
            (150_000_000, 100_000_000, 75_000_000)
        );
        for bad in ["", "0.1", "0.1, 0.1", "0.1, 0.1, 2", "0.1, 0.1, 0.1, 0.1", "a, 0.1, 0.1"] {
            assert!(bad.parse::<OptionRates>().unwrap_err().to_string().contains("0.075"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn initial_margin_is_no_less_than_maintenance_and_covers_the_worth(
            call in any::<bool>(), coin in any::<bool>(), spot in 1i64..1_000_000, worth in 0i64..1_000,
        ) {
            let side = if call { OptionSide::Call } else { OptionSide::Put };
            let settles = if coin { OptionSettlement::Coin } else { OptionSettlement::Cash };
            let [initial, maintenance] = cover(side, settles, Some(spot), &worth.to_string())
                .map(|money| money.parse::<Money>().unwrap());
            prop_assert!(initial >= maintenance && maintenance >= worth.to_string().parse().unwrap());
        }
    }
}
