//! How far what an account took moves the prices that it meets afterwards: the square-root law of impact, and how that
//! wears off.
//!
//! Of each side a market keeps how much was taken, and half of it is forgotten in each `recovery`. Who takes of that side
//! again meets every level further away, by what the law says of what is still remembered, in whole ticks. An order
//! itself pays what the book shows: it walks that.

use std::str::FromStr;

use crate::exec::ImpactLaw;
use crate::types::parse_duration;

/// In so long half of what was taken is forgotten, unless it is said.
const RECOVERY_NS: i64 = 60_000_000_000;

/// The law, and in how long it wears off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impact {
    law: ImpactLaw,
    recovery_ns: i64,
}

/// What is remembered of what was taken of a side: quantity in contracts (spot: base units), and as of when, ns.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pressed {
    qty: f64,
    at: i64,
}

impl Impact {
    /// What is left of it at a time.
    fn left(self, pressed: Pressed, now: i64) -> f64 {
        if pressed.qty == 0.0 {
            return 0.0;
        }
        let age = now.saturating_sub(pressed.at).max(0) as f64;
        pressed.qty * libm::exp2(-age / self.recovery_ns as f64)
    }

    /// The same with so much more.
    pub(super) fn press(self, pressed: Pressed, qty: f64, now: i64) -> Pressed {
        Pressed { qty: self.left(pressed, now) + qty, at: now }
    }

    /// How far a price stands away, in its increments and whole ticks.
    pub(super) fn shift(self, pressed: Pressed, price: i64, tick: i64, now: i64) -> i64 {
        let left = self.left(pressed, now);
        if left == 0.0 || price <= 0 {
            return 0;
        }
        let ticks = libm::round(price as f64 * self.law.at(left) / tick as f64);
        // Prices are below 2^60; nothing stands further away than the price itself.
        (ticks as i64).saturating_mul(tick).min(price)
    }
}

impl FromStr for Impact {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let fail = |problem: String| {
            format!(
                "{text:?} {problem}; expected a law such as \"sqrt(volatility=0.02, volume=20000)\", also with y=0.7 and \
                 recovery=30s"
            )
        };
        let inner = text.trim().strip_prefix("sqrt(").and_then(|rest| rest.strip_suffix(')'));
        let inner = inner.ok_or_else(|| fail("is no law of impact".into()))?;
        let (mut y, mut volatility, mut volume, mut recovery) = (None, None, None, None);
        for argument in inner.split(',') {
            let (name, value) = argument
                .split_once('=')
                .map(|(name, value)| (name.trim(), value.trim()))
                .ok_or_else(|| fail(format!("has {:?}, which names no parameter", argument.trim())))?;
            let place = match name {
                "y" => &mut y,
                "volatility" => &mut volatility,
                "volume" => &mut volume,
                "recovery" => &mut recovery,
                _ => return Err(fail(format!("has no parameter {name:?}"))),
            };
            if place.replace(value).is_some() {
                return Err(fail(format!("says {name} twice")));
            }
        }
        let number = |name: &str, given: Option<&str>| {
            let given = given.ok_or_else(|| fail(format!("does not say {name}")))?;
            given.parse::<f64>().map_err(|_| fail(format!("has {given:?} for {name}, which is no number")))
        };
        let y = y.map_or(Ok(1.0), |y| number("y", Some(y)))?;
        let (volatility, volume) = (number("volatility", volatility)?, number("volume", volume)?);
        let law =
            ImpactLaw::new(y, volatility, volume).map_err(|error| fail(format!("cannot be: {error}")))?;
        let recovery_ns = recovery.map_or(Some(RECOVERY_NS), |text| parse_duration(text).ok());
        let recovery_ns = recovery_ns.filter(|ns| *ns > 0);
        let recovery_ns = recovery_ns.ok_or_else(|| fail("has a recovery that is no time above 0".into()))?;
        Ok(Self { law, recovery_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_is_that_of_the_reference_and_half_is_forgotten_in_each_recovery() {
        // 2 % a day, a hundredth of a day's volume: 20 basis points, of 10,000.0 in steps of 0.1 that is 200 of them.
        let impact: Impact = "sqrt(volatility=0.02, volume=10000000, recovery=10s)".parse().unwrap();
        let pressed = impact.press(Pressed::default(), 100_000.0, 7);
        assert_eq!(impact.shift(pressed, 100_000, 1, 7), 200);
        let later = 7 + 20_000_000_000;
        assert_eq!(impact.shift(pressed, 100_000, 1, later), 100);
        let more = impact.press(pressed, 75_000.0, later);
        assert_eq!(impact.shift(more, 100_000, 1, later), 200);
        assert_eq!(impact.shift(more, 100_000, 15, later), 195, "whole ticks, the nearest");
        assert_eq!(impact.shift(Pressed::default(), 100_000, 1, later), 0);
        assert_eq!(impact.shift(more, -5, 1, later), 0, "a level that costs nothing stays where it is");
        let wild: Impact = "sqrt(y=1000, volatility=5, volume=1)".parse().unwrap();
        assert_eq!(wild.shift(wild.press(Pressed::default(), 1e18, 0), 100_000, 1, 0), 100_000);
    }

    #[test]
    fn what_is_no_law_is_told() {
        for (text, problem) in [
            ("0.02", "is no law of impact"),
            ("sqrt(0.02, volume=1)", "names no parameter"),
            ("sqrt(volatility=0.02)", "does not say volume"),
            ("sqrt(volatility=x, volume=1)", "is no number"),
            ("sqrt(volatility=-1, volume=1)", "volatility"),
            ("sqrt(volatility=1, volume=0)", "daily_volume"),
            ("sqrt(volatility=1, volume=1, volume=2)", "twice"),
            ("sqrt(volatility=1, volume=1, half=2)", "no parameter \"half\""),
            ("sqrt(volatility=1, volume=1, recovery=0s)", "no time above 0"),
        ] {
            let told = text.parse::<Impact>().unwrap_err();
            assert!(told.contains(problem) && told.contains("sqrt(volatility=0.02"), "{told}");
        }
    }
}
