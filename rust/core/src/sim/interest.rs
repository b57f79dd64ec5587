//! What loans cost at a simulated venue: see `venue/loans` for when it is paid.

use std::fmt;
use std::str::FromStr;

use super::funding::{read_every, write_every};
use crate::types::BySymbol;

/// What a loan costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterestRate {
    /// A fraction of what is owed, in units of 10^-9.
    pub rate: i64,
    /// For so long, ns.
    pub interval: i64,
}

/// What loans cost, by currency.
pub type InterestRates = BySymbol<InterestRate>;

impl FromStr for InterestRate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let read = read_every(text).unwrap_or(Err("is no interest"));
        let read = read.and_then(|every| if every.0 < 0 { Err("has a rate below 0") } else { Ok(every) });
        let (rate, interval) = read
            .map_err(|problem| format!("{text:?} {problem}; expected a rate such as \"0.00001 every 1h\""))?;
        Ok(Self { rate, interval })
    }
}

impl fmt::Display for InterestRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_every(f, self.rate, self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["0.00001 every 1h", "0 every 1d"] {
            assert_eq!(text.parse::<InterestRate>().unwrap().to_string(), text);
        }
        for (text, problem) in [
            ("0.1", "is no interest"),
            ("-0.1 every 1h", "has a rate below 0"),
            ("2 every 1h", "has no rate between -1 and 1"),
            ("0.1 every 0s", "has no interval of at least 1s"),
        ] {
            let told = text.parse::<InterestRate>().unwrap_err();
            assert!(told.contains(problem) && told.contains("0.00001 every 1h"), "{told}");
        }
    }
}
