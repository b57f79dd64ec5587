//! Kinds of instruments and the terms that belong to them.
//!
//! How a kind turns price into value (see [`ContractMath`](crate::ledger::ContractMath)):
//!
//! | kind | value of a quantity at a price | settled in |
//! |---|---|---|
//! | spot | price × qty | quote |
//! | linear | price × qty × contract size (base units a contract) | quote, or what stands for it |
//! | inverse | qty × contract size (quote units a contract) / price | base |
//! | quanto | price × qty × contract size (settlement units a unit of price is worth) | a third currency |
//! | option, cash | premium × qty × contract size (base units a contract) | quote, or what stands for it |
//! | option, coin | the same, with a premium quoted in coin | base |
//! | binary | price × qty, the price between 0 and 1 | quote |

use std::fmt;
use std::str::FromStr;

use super::decimal::Decimal;
use super::duration::TIME_LIMIT;
use super::steps::{FINE_ONE, FINE_SCALE};

/// What an option gives its holder the right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptionSide {
    /// To buy.
    Call,
    /// To sell.
    Put,
}

impl OptionSide {
    /// Lower-case word: `call` or `put`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Put => "put",
        }
    }
}

impl fmt::Display for OptionSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OptionSide {
    type Err = TermsError;
    fn from_str(text: &str) -> Result<Self, TermsError> {
        match text {
            "call" => Ok(Self::Call),
            "put" => Ok(Self::Put),
            _ => Err(TermsError { field: "option_side", problem: format!("{text:?} is not call or put") }),
        }
    }
}

/// What an option's premium and payoff are paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptionSettlement {
    /// The quote currency, or one that stands for it.
    Cash,
    /// The base coin.
    Coin,
}

/// How a position turns price into profit, and in which currency. Times of expiry are ns UTC.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InstrumentKind {
    /// Asset against quote currency, settled at once.
    Spot,
    /// Contract whose value is `qty × multiplier × price`, settled in the quote currency.
    Linear {
        /// `None` for a perpetual.
        expiry: Option<i64>,
    },
    /// Contract worth a fixed amount of quote currency, settled in the base coin: `qty × multiplier / price`.
    Inverse {
        /// `None` for a perpetual.
        expiry: Option<i64>,
    },
    /// Contract whose value is `qty × multiplier × price` in a currency that is neither base nor quote.
    Quanto {
        /// `None` for a perpetual.
        expiry: Option<i64>,
    },
    /// European option on a contract's worth of the base.
    Option {
        /// Price of exercise, in quote currency.
        strike: Decimal,
        /// When it is exercised or void.
        expiry: i64,
        /// Call or put.
        side: OptionSide,
        /// What premium and payoff are paid in.
        settles: OptionSettlement,
    },
    /// Token that pays 1 unit of the quote currency if its outcome comes true, else nothing.
    Binary {
        /// The outcome, in the venue's words.
        outcome: String,
        /// When it is decided, where that is known.
        expiry: Option<i64>,
    },
}

/// Terms of a specification, before they are held against a kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KindTerms {
    /// When it expires, ns UTC.
    pub expiry: Option<i64>,
    /// An option's strike.
    pub strike: Option<Decimal>,
    /// An option's side.
    pub option_side: Option<OptionSide>,
    /// A binary's outcome.
    pub outcome: Option<String>,
}

/// A term that is missing, does not belong to the kind, or makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct TermsError {
    /// The term as a field of a specification.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl InstrumentKind {
    /// The words of [`Self::as_str`].
    pub const WORDS: [&'static str; 6] = ["spot", "linear", "inverse", "quanto", "option", "binary"];
    /// A linear contract without expiry.
    pub const LINEAR_PERPETUAL: Self = Self::Linear { expiry: None };
    /// An inverse contract without expiry.
    pub const INVERSE_PERPETUAL: Self = Self::Inverse { expiry: None };

    /// The kind of a word with its terms. An option whose settlement currency is its base is settled in coin.
    ///
    /// # Errors
    /// [`TermsError`] for an unknown word, a term the kind cannot do without, and one it does not have.
    pub fn from_terms(word: &str, terms: KindTerms, settles_in_base: bool) -> Result<Self, TermsError> {
        let KindTerms { expiry, strike, option_side, outcome } = terms;
        let needs = |field| TermsError { field, problem: format!("missing: {word} instruments have one") };
        let kind = match word {
            "spot" => Self::Spot,
            "linear" => Self::Linear { expiry },
            "inverse" => Self::Inverse { expiry },
            "quanto" => Self::Quanto { expiry },
            "option" => Self::Option {
                strike: strike.ok_or_else(|| needs("strike"))?,
                expiry: expiry.ok_or_else(|| needs("expiry_ns"))?,
                side: option_side.ok_or_else(|| needs("option_side"))?,
                settles: if settles_in_base { OptionSettlement::Coin } else { OptionSettlement::Cash },
            },
            "binary" => Self::Binary { outcome: outcome.clone().ok_or_else(|| needs("outcome"))?, expiry },
            _ => {
                let words = Self::WORDS.join(", ");
                return Err(TermsError { field: "kind", problem: format!("{word:?} is not one of {words}") });
            }
        };
        let known = kind.terms();
        for (field, is_superfluous) in [
            ("expiry_ns", expiry != known.expiry),
            ("strike", strike != known.strike),
            ("option_side", option_side != known.option_side),
            ("outcome", outcome != known.outcome),
        ] {
            if is_superfluous {
                return Err(TermsError { field, problem: format!("{word} instruments have none") });
            }
        }
        Ok(kind)
    }

    /// The terms it holds.
    pub fn terms(&self) -> KindTerms {
        match self {
            Self::Spot => KindTerms::default(),
            Self::Linear { expiry } | Self::Inverse { expiry } | Self::Quanto { expiry } => {
                KindTerms { expiry: *expiry, ..KindTerms::default() }
            }
            Self::Option { strike, expiry, side, settles: _ } => KindTerms {
                expiry: Some(*expiry),
                strike: Some(*strike),
                option_side: Some(*side),
                outcome: None,
            },
            Self::Binary { outcome, expiry } => {
                KindTerms { expiry: *expiry, outcome: Some(outcome.clone()), ..KindTerms::default() }
            }
        }
    }

    /// Lower-case word: `spot`, `linear`, `inverse`, `quanto`, `option`, `binary`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Linear { .. } => "linear",
            Self::Inverse { .. } => "inverse",
            Self::Quanto { .. } => "quanto",
            Self::Option { .. } => "option",
            Self::Binary { .. } => "binary",
        }
    }

    /// When it expires, ns UTC; `None` if it does not, or the day is not known.
    pub fn expiry(&self) -> Option<i64> {
        match self {
            Self::Spot => None,
            Self::Linear { expiry }
            | Self::Inverse { expiry }
            | Self::Quanto { expiry }
            | Self::Binary { expiry, .. } => *expiry,
            Self::Option { expiry, .. } => Some(*expiry),
        }
    }

    /// The strike of an option in units of 10^-9. What is finer or larger than any price that is quoted counts as the nearest
    /// that could be.
    pub fn fine_strike(&self) -> Option<i64> {
        let Self::Option { strike, .. } = self else { return None };
        let units = strike.at_scale(FINE_SCALE).and_then(|units| i64::try_from(units).ok());
        Some(units.unwrap_or_else(|| (strike.to_f64() * FINE_ONE as f64) as i64).max(1))
    }

    /// Whether value is in inverse proportion to price.
    pub fn is_inverse(&self) -> bool {
        match self {
            Self::Inverse { .. } => true,
            Self::Spot
            | Self::Linear { .. }
            | Self::Quanto { .. }
            | Self::Option { .. }
            | Self::Binary { .. } => false,
        }
    }

    /// Whether it is a contract that never expires.
    pub fn is_perpetual(&self) -> bool {
        match self {
            Self::Linear { expiry } | Self::Inverse { expiry } | Self::Quanto { expiry } => expiry.is_none(),
            Self::Spot | Self::Option { .. } | Self::Binary { .. } => false,
        }
    }

    /// Whether venues ask margin for it: a contract that follows a price, perpetual or dated.
    pub fn is_margined(&self) -> bool {
        match self {
            Self::Linear { .. } | Self::Inverse { .. } | Self::Quanto { .. } => true,
            Self::Spot | Self::Option { .. } | Self::Binary { .. } => false,
        }
    }

    /// The currency it settles in unless something else is said; a quanto contract has to say it.
    pub fn default_settlement<'a>(&self, base: &'a str, quote: &'a str) -> Option<&'a str> {
        match self {
            Self::Spot | Self::Linear { .. } | Self::Binary { .. } => Some(quote),
            Self::Inverse { .. } => Some(base),
            Self::Quanto { .. } => None,
            Self::Option { settles, .. } => Some(match settles {
                OptionSettlement::Cash => quote,
                OptionSettlement::Coin => base,
            }),
        }
    }

    /// Checks the terms, and the currency it settles in.
    pub(super) fn check(&self, base: &str, quote: &str, settlement: &str) -> Result<(), TermsError> {
        let fail = |field, problem| Err(TermsError { field, problem });
        if let Some(expiry) = self.expiry().filter(|ns| *ns <= 0 || *ns > TIME_LIMIT) {
            return fail("expiry_ns", format!("{expiry} is not a time in ns before 2116"));
        }
        let word = self.as_str();
        let only = |currency: &str| {
            if currency == settlement {
                Ok(())
            } else {
                fail("settlement", format!("{word} settles in {currency}, not {settlement}"))
            }
        };
        match self {
            Self::Quanto { .. } if settlement == base || settlement == quote => fail(
                "settlement",
                format!("quanto settles in a currency that is neither base nor quote, not {settlement}"),
            ),
            Self::Option { strike, .. } if strike.mantissa() <= 0 => {
                fail("strike", format!("{strike} must be greater than zero"))
            }
            Self::Option { settles: OptionSettlement::Cash, .. } if settlement == base => {
                fail("settlement", format!("an option settled in cash does not settle in its base, {base}"))
            }
            Self::Binary { outcome, .. } if outcome.trim().is_empty() => {
                fail("outcome", "must not be empty".into())
            }
            Self::Spot | Self::Binary { .. } => only(quote),
            Self::Inverse { .. } | Self::Option { settles: OptionSettlement::Coin, .. } => only(base),
            // A stablecoin may stand for the quote currency.
            Self::Linear { .. }
            | Self::Quanto { .. }
            | Self::Option { settles: OptionSettlement::Cash, .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Instrument;
    use crate::types::instrument::tests::spec;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// Terms of all sorts, of which a kind takes its own.
    fn terms() -> KindTerms {
        KindTerms {
            expiry: Some(1_800_000_000_000_000_000),
            strike: Some(dec("60000")),
            option_side: Some(OptionSide::Put),
            outcome: Some("Yes".into()),
        }
    }

    #[test]
    fn every_kind_comes_back_from_its_word_and_terms() {
        let own = [
            ("spot", KindTerms::default(), "USDT"),
            ("linear", KindTerms::default(), "USDT"),
            ("inverse", KindTerms { expiry: terms().expiry, ..KindTerms::default() }, "BTC"),
            ("quanto", KindTerms::default(), "XBT"),
            ("option", KindTerms { outcome: None, ..terms() }, "BTC"),
            ("option", KindTerms { outcome: None, ..terms() }, "USDT"),
            ("binary", KindTerms { outcome: terms().outcome, ..KindTerms::default() }, "USDT"),
        ];
        for (word, terms, settlement) in own {
            let kind = InstrumentKind::from_terms(word, terms.clone(), settlement == "BTC").unwrap();
            assert_eq!((kind.as_str(), kind.terms()), (word, terms));
            assert!(InstrumentKind::WORDS.contains(&word));
            let default = kind.default_settlement("BTC", "USDT").unwrap_or("XBT");
            assert_eq!(default, settlement);
            let mut s = spec("A.B", kind.clone(), settlement);
            s.price_increment = dec("0.01");
            assert_eq!(Instrument::new(s).unwrap().kind, kind);
        }
    }

    #[test]
    fn terms_that_are_missing_or_of_another_kind_are_named() {
        for (word, terms, error) in [
            (
                "option",
                KindTerms { strike: None, outcome: None, ..terms() },
                "strike: missing: option instruments have one",
            ),
            (
                "option",
                KindTerms { expiry: None, outcome: None, ..terms() },
                "expiry_ns: missing: option instruments have one",
            ),
            (
                "option",
                KindTerms { option_side: None, outcome: None, ..terms() },
                "option_side: missing: option instruments have one",
            ),
            ("option", terms(), "outcome: option instruments have none"),
            ("binary", KindTerms::default(), "outcome: missing: binary instruments have one"),
            (
                "spot",
                KindTerms { expiry: Some(1), ..KindTerms::default() },
                "expiry_ns: spot instruments have none",
            ),
            (
                "linear",
                KindTerms { strike: Some(dec("1")), ..KindTerms::default() },
                "strike: linear instruments have none",
            ),
            (
                "swap",
                KindTerms::default(),
                "kind: \"swap\" is not one of spot, linear, inverse, quanto, option, binary",
            ),
        ] {
            let got = InstrumentKind::from_terms(word, terms, false).unwrap_err().to_string();
            assert_eq!(got, error);
        }
        assert_eq!(
            "CALL".parse::<OptionSide>().unwrap_err().to_string(),
            "option_side: \"CALL\" is not call or put"
        );
    }

    #[test]
    fn terms_that_make_no_sense_are_refused() {
        let option = |strike: &str, expiry, settles| InstrumentKind::Option {
            strike: dec(strike),
            expiry,
            side: OptionSide::Call,
            settles,
        };
        let binary = |outcome: &str| InstrumentKind::Binary { outcome: outcome.into(), expiry: None };
        for (kind, settlement, error) in [
            (option("-1", 1, OptionSettlement::Cash), "USDT", "strike: -1 must be greater than zero"),
            (option("0", 1, OptionSettlement::Cash), "USDT", "strike: 0 must be greater than zero"),
            (option("1", 0, OptionSettlement::Cash), "USDT", "expiry_ns: 0 is not a time in ns before 2116"),
            (option("1", 1, OptionSettlement::Coin), "USDT", "settlement: option settles in BTC, not USDT"),
            (
                option("1", 1, OptionSettlement::Cash),
                "BTC",
                "settlement: an option settled in cash does not settle in its base, BTC",
            ),
            (
                InstrumentKind::Linear { expiry: Some(-1) },
                "USDT",
                "expiry_ns: -1 is not a time in ns before 2116",
            ),
            (
                InstrumentKind::Quanto { expiry: None },
                "USDT",
                "settlement: quanto settles in a currency that is neither base nor quote, not USDT",
            ),
            (binary(" "), "USDT", "outcome: must not be empty"),
            (binary("Yes"), "BTC", "settlement: binary settles in USDT, not BTC"),
        ] {
            let got = Instrument::new(spec("A.B", kind, settlement)).unwrap_err().to_string();
            assert_eq!(got, format!("instrument A.B: {error}"));
        }
    }

    #[test]
    fn a_binary_lies_on_a_grid_from_0_to_1() {
        let build = |increment: &str, tick: &str, size: &str| {
            let mut s = spec("A.B", InstrumentKind::Binary { outcome: "Yes".into(), expiry: None }, "USDT");
            s.price_increment = dec(increment);
            s.terms.tick_size = Some(dec(tick));
            s.contract_size = dec(size);
            Instrument::new(s).map_err(|error| error.to_string())
        };
        for (tick, limits) in [("0.1", 1_000..=9_000), ("0.0025", 25..=9_975), ("0.0001", 1..=9_999)] {
            let built = build("0.0001", tick, "1").unwrap();
            assert_eq!(built.price_limits(&built.terms), Some(limits));
        }
        for (increment, tick, size, field) in [
            ("0.03", "0.03", "1", "price_increment"),
            ("0.1", "0.3", "1", "tick_size"),
            ("0.5", "1", "1", "tick_size"),
            ("0.01", "0.01", "10", "contract_size"),
        ] {
            let error = build(increment, tick, size).unwrap_err();
            assert!(error.starts_with(&format!("instrument A.B: {field}: ")), "{error}");
        }
        let linear = Instrument::new(spec("A.B", InstrumentKind::LINEAR_PERPETUAL, "USDT")).unwrap();
        assert_eq!(linear.price_limits(&linear.terms), None);
    }
}
