//! What can be set of margin: how a venue keeps it, and how much it asks of which contract (see `holdings` and
//! `venue/liquidation` for what comes of it).

use crate::ledger::{BadBrackets, BadLeverage, Brackets, Leverage, OptionRates};
use crate::types::{BySymbol, Decimal, FINE_ONE, FINE_SCALE, Instrument, MONEY_SCALE, Money};

/// What stands behind a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarginMode {
    /// All that the account has.
    Cross,
    /// What was put behind it.
    Isolated,
}

/// Where brackets come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maintenance {
    /// They are given.
    Given(BySymbol<Brackets>),
    /// They are in a file.
    File(String),
}

/// How a venue keeps margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarginRules {
    /// What stands behind a position.
    pub mode: MarginMode,
    /// How many times its margin a position may be worth.
    pub leverage: BySymbol<Leverage>,
    /// What has to be left of it.
    pub maintenance: Maintenance,
    /// What the venue takes for a liquidation, as a fraction of value in units of 10^-9; what a taker pays if not given.
    pub liquidation_fee: Option<i64>,
    /// What written options ask.
    pub option: OptionRates,
    /// Whether an insurance fund takes over what the book does not at the price of bankruptcy.
    pub insured: bool,
}

impl MarginRules {
    /// Leverages as they are written.
    ///
    /// # Errors
    /// What is wrong.
    pub fn leverage(text: &str) -> Result<BySymbol<Leverage>, String> {
        BySymbol::parse(text, |value| value.parse().map_err(|error: BadLeverage| error.to_string()))
    }

    /// Brackets as they are written, or the file they are in.
    ///
    /// # Errors
    /// What is wrong.
    pub fn maintenance(text: &str) -> Result<Maintenance, String> {
        if let Some(file) = text.strip_prefix("brackets:").map(str::trim) {
            return if file.is_empty() {
                Err(format!("{text:?} names no file"))
            } else {
                Ok(Maintenance::File(file.to_owned()))
            };
        }
        let read = |value: &str| value.parse().map_err(|error: BadBrackets| error.to_string());
        BySymbol::parse(text, read).map(Maintenance::Given)
    }

    /// What a taker pays as a fraction in units of 10^-9, nothing where it is paid.
    pub(super) fn taker_fee(instrument: &Instrument) -> i64 {
        let bps = Money::from_decimal(instrument.taker_fee_bps).map_or(0, Money::units);
        i64::try_from(bps / 10i128.pow(MONEY_SCALE + 4 - FINE_SCALE)).unwrap_or(0).max(0)
    }

    /// A fee in basis points as a fraction in units of 10^-9; `None` where it is below 0, beyond a whole or finer.
    pub fn fraction_of_bps(bps: Decimal) -> Option<i64> {
        let units = i64::try_from(bps.at_scale(FINE_SCALE - 4)?).ok()?;
        (0..=FINE_ONE).contains(&units).then_some(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::InstrumentId;

    #[test]
    fn values_are_by_symbol_or_for_all() {
        let id = |text: &str| text.parse::<InstrumentId>().unwrap();
        let leverages = MarginRules::leverage("BTCUSDT: 20; ETHUSDT.V: 10; *: 5").unwrap();
        let of = |text: &str| leverages.of(&id(text)).copied();
        assert_eq!(of("BTCUSDT.V"), "20".parse().ok());
        assert_eq!(of("ETHUSDT.V"), "10".parse().ok());
        assert_eq!(of("XRPUSDT.V"), "5".parse().ok());
        assert_eq!(MarginRules::leverage("3").unwrap().of(&id("A.V")).copied(), "3".parse().ok());
        assert_eq!(MarginRules::leverage("A: 3").unwrap().of(&id("B.V")), None);
        assert_eq!(MarginRules::leverage("A: 3; A: 4").unwrap_err(), "A is there twice");
        assert!(MarginRules::leverage("A: x").unwrap_err().contains("is no number above 0"));
        assert_eq!(MarginRules::maintenance("brackets: f.csv"), Ok(Maintenance::File("f.csv".into())));
        assert!(MarginRules::maintenance("brackets:").unwrap_err().contains("names no file"));
        let tiers = MarginRules::maintenance("BTCUSDT: 0.004 to 50000, 0.005; *: 0.01").unwrap();
        assert!(
            matches!(tiers, Maintenance::Given(tiers) if tiers.of(&id("BTCUSDT.V")) == "0.004 to 50000, 0.005".parse().ok().as_ref())
        );
    }

    #[test]
    fn a_fee_of_basis_points_is_a_fraction() {
        let of = |text: &str| MarginRules::fraction_of_bps(text.parse().unwrap());
        assert_eq!(
            ["5", "0.00001", "10000", "0"].map(of),
            [Some(500_000), Some(1), Some(10i64.pow(9)), Some(0)]
        );
        assert_eq!(["-1", "10001", "0.000001"].map(of), [None; 3]);
    }
}
