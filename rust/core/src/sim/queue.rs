//! Where a resting order stands in the queue of its price level, seen through L2 data.
//!
//! State of an order: `front`, the quantity ahead of it, and `traded`, the volume of trades that the displayed size does
//! not show yet. On acceptance `front` is the displayed size.
//!
//! * A trade of `v` at the order's price: `front -= v; traded += v`. What is left of it when nothing is ahead any more
//!   reaches the order, to the next whole lot, and never more than the trade.
//! * The displayed size grows: nobody joins ahead. `traded = 0`.
//! * It shrinks: as much of that as was `traded` is explained and no longer to be shown. The rest, `c`, left without
//!   trading. Of `front` ahead and `back` behind, with `p` the probability that a departure happened behind the order,
//!   `front -= (1 - p) c`, and what `back` has not got left as well. `front` lies between 0 and the displayed size.
//! * A trade that is told after the change that shows it: as far as `c` was that trade, what it did to `front` is
//!   taken back first, so that the two count once whichever comes first.
//!
//! The models differ in `p`; `conservative` says 1; `depletion` says 1 and draws, on every trade, whether the order is
//! reached (chance `1 - front / displayed`), the rule of the founding market maker, seeded. The forms of `p` are those
//! published for hftbacktest's models. As published, to the last digit, the models are with `compat=True`: see
//! [`published`]. `tracked`, its two bounds and `fitted` know who stands where by the level's own changes: see [`tracked`].

#[cfg(test)]
pub(super) mod obvious;
mod place;
mod power;
mod published;
mod tracked;

use std::fmt;
use std::str::FromStr;

pub use self::place::{QueuePosition, QueueRule};
use self::power::pow;
pub use self::tracked::Told;
use self::tracked::{Departures, Ties, Unmatched};
use crate::random::Random;

/// How a resting order advances in its queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueueModel {
    /// Who leaves.
    pub rule: QueueRule,
    /// Whether it is as published for hftbacktest, weaknesses included.
    pub is_compat: bool,
    /// Whether a change of the displayed size may be several events in one: then a tracked order cannot know who left.
    pub is_throttled: bool,
}

impl From<QueueRule> for QueueModel {
    fn from(rule: QueueRule) -> Self {
        Self { rule, is_compat: false, is_throttled: false }
    }
}

/// The text names no queue model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown queue model {0:?}; expected tracked, tracked_low, tracked_high, fitted(n), conservative, power(n), power2(n), power3(n), \
     log, log2 or depletion with n > 0; conservative, the powers and the logarithms also with compat=True, as \
     power(3, compat=True)"
)]
pub struct UnknownQueueModel(pub String);

impl FromStr for QueueModel {
    type Err = UnknownQueueModel;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownQueueModel(text.to_owned());
        let (name, arguments) = match text.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(unknown)?),
            None => (text, ""),
        };
        let (mut number, mut is_compat) = (None, false);
        for argument in arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty()) {
            match argument {
                "compat=True" if !is_compat => is_compat = true,
                n if number.is_none() && !is_compat => {
                    number = Some(n.parse::<f64>().map_err(|_| unknown())?);
                }
                _ => return Err(unknown()),
            }
        }
        let rule = match (name, number) {
            ("conservative", None) => QueueRule::Conservative,
            ("log", None) => QueueRule::Log,
            ("log2", None) => QueueRule::Log2,
            ("depletion", None) if !is_compat => QueueRule::Depletion,
            ("tracked", None) if !is_compat => QueueRule::Tracked,
            ("tracked_low", None) if !is_compat => QueueRule::TrackedLow,
            ("tracked_high", None) if !is_compat => QueueRule::TrackedHigh,
            ("fitted", Some(n)) if !is_compat => QueueRule::Fitted(n),
            ("power", Some(n)) => QueueRule::Power(n),
            ("power2", Some(n)) => QueueRule::Power2(n),
            ("power3", Some(n)) => QueueRule::Power3(n),
            _ => return Err(unknown()),
        };
        let model = Self { is_compat, ..Self::from(rule) };
        model.check().map_err(|_| unknown())?;
        Ok(model)
    }
}

impl fmt::Display for QueueModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, number) = match self.rule {
            QueueRule::Conservative => ("conservative", None),
            QueueRule::Power(n) => ("power", Some(n)),
            QueueRule::Power2(n) => ("power2", Some(n)),
            QueueRule::Power3(n) => ("power3", Some(n)),
            QueueRule::Log => ("log", None),
            QueueRule::Log2 => ("log2", None),
            QueueRule::Depletion => ("depletion", None),
            QueueRule::Tracked => ("tracked", None),
            QueueRule::TrackedLow => ("tracked_low", None),
            QueueRule::TrackedHigh => ("tracked_high", None),
            QueueRule::Fitted(n) => ("fitted", Some(n)),
            QueueRule::Custom => ("custom", None),
        };
        match (number, self.is_compat) {
            (None, false) => f.write_str(name),
            (None, true) => write!(f, "{name}(compat=True)"),
            (Some(n), false) => write!(f, "{name}({n})"),
            (Some(n), true) => write!(f, "{name}({n}, compat=True)"),
        }
    }
}

/// A trade at an order's price.
#[derive(Debug, Clone, Copy)]
pub struct Print {
    /// Its quantity.
    pub qty: i64,
    /// When it happened, venue's time, ns.
    pub at: i64,
    /// Whether it had happened when the displayed size last shrank: that shows it.
    pub is_shown: bool,
}

impl QueueModel {
    /// Whether it follows the pieces of a level, and whom it takes to leave where they do not tell.
    fn departures(self) -> Option<Departures> {
        let (ties, merged) = match self.rule {
            QueueRule::Tracked => (Ties::Weighed, Unmatched::Behind),
            QueueRule::TrackedLow => (Ties::Behind, Unmatched::Behind),
            QueueRule::TrackedHigh => (Ties::Ahead, Unmatched::Ahead),
            QueueRule::Fitted(n) => (Ties::Weighed, Unmatched::Split(n)),
            _ => return None,
        };
        // Of a feed that tells every event all that joined behind is known.
        let unmatched = if self.is_throttled { merged } else { Unmatched::Ahead };
        Some(Departures { ties, unmatched })
    }

    /// Whether what was told of a level before an order came tells something: see [`QueuePosition::know`].
    pub fn is_tracked(self) -> bool {
        self.departures().is_some()
    }

    /// Checks the exponent of a power model.
    ///
    /// # Errors
    /// [`UnknownQueueModel`] when it is not a finite number above 0.
    pub fn check(self) -> Result<(), UnknownQueueModel> {
        match self.rule {
            QueueRule::Power(n) | QueueRule::Power2(n) | QueueRule::Power3(n) | QueueRule::Fitted(n)
                if !(n.is_finite() && n > 0.0) =>
            {
                Err(UnknownQueueModel(self.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// A trade at the order's price; returns how much of it reaches the order, in whole lots.
    ///
    /// `displayed` is the size of the level before the trade, `lot` the quantity step of a fill.
    pub fn on_trade(
        self,
        place: &mut QueuePosition,
        print: Print,
        displayed: i64,
        lot: i64,
        random: &mut Random,
    ) -> i64 {
        if place.is_unknown() {
            return 0;
        }
        if self.is_compat {
            return published::on_trade(self.rule, place, print.qty, lot);
        }
        if let Some(rule) = self.departures() {
            let past = place.track(|line| line.trade(print.qty, print.at, true, rule));
            return past.unwrap_or(print.qty) / lot * lot;
        }
        if self.rule == QueueRule::Depletion {
            let reached = if displayed > 0 { 1.0 - place.front / displayed as f64 } else { 1.0 };
            if random.chance(reached) {
                place.front = 0.0;
                return print.qty / lot * lot;
            }
        }
        self.on_trade_ahead(place, print);
        let front = place.front - print.qty as f64;
        place.front = front.max(0.0);
        // Probabilities leave fractions of a lot ahead: the nearest lot.
        let lots = libm::round(-front / lot as f64) as i64;
        lots.clamp(0, print.qty / lot) * lot
    }

    /// A trade at the order's price that went to others of our orders: the displayed size will show it.
    pub fn on_trade_ahead(self, place: &mut QueuePosition, print: Print) {
        let qty = print.qty as f64;
        if self.is_compat {
            return published::on_trade_ahead(self.rule, place, qty);
        }
        if let Some(rule) = self.departures() {
            place.track(|line| line.trade(print.qty, print.at, false, rule));
            return;
        }
        let known = if print.is_shown { place.take_back(qty) } else { 0.0 };
        place.traded += qty - known;
    }

    /// The displayed size of the order's level goes from `prev` to `new`, by a row of `at`, venue's time.
    ///
    /// `unit` is the value of one quantity increment: the logarithms are not free of scale.
    pub fn on_depth(self, place: &mut QueuePosition, (prev, new): (i64, i64), at: i64, unit: f64) {
        if let Some(rule) = self.departures() {
            if place.front > 0.0 {
                place.track(|line| line.show(prev, new, at, rule));
            } else {
                place.pass();
            }
            return;
        }
        let (prev, new) = (prev as f64, new as f64);
        if self.is_compat {
            return published::on_depth(self.rule, place, prev, new, unit);
        }
        (place.departed, place.moved) = (0.0, 0.0);
        if new >= prev {
            place.traded = 0.0;
            place.front = place.front.min(new);
            return;
        }
        let explained = place.traded.min(prev - new);
        place.traded -= explained;
        let size = prev - explained;
        let departed = size - new;
        let front = place.front.clamp(0.0, size);
        let back = size - front;
        if departed > 0.0 && front > 0.0 {
            let p = self.chance_behind(front, back, unit);
            place.front = (front - (1.0 - p) * departed + (back - p * departed).min(0.0)).clamp(0.0, new);
        } else {
            place.front = front.min(new);
        }
        (place.departed, place.moved) = (departed, front - place.front);
    }

    /// The probability that a departure happened behind an order that has something ahead.
    fn chance_behind(self, front: f64, back: f64, unit: f64) -> f64 {
        let log = |x: f64| libm::log1p(x * unit);
        let size = front + back;
        match self.rule {
            QueueRule::Power(n) => 1.0 / (1.0 + pow(front / back, n)),
            QueueRule::Power2(n) => pow(back / size, n),
            QueueRule::Power3(n) => 1.0 - pow(front / size, n),
            QueueRule::Log => log(back) / (log(back) + log(front)),
            QueueRule::Log2 => log(back) / log(size),
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [&str; 7] =
        ["conservative", "power(2)", "power(0.5)", "power2(2)", "power3(3)", "log", "log2"];

    fn model(text: &str) -> QueueModel {
        text.parse().unwrap()
    }

    /// A trade that is told before the change that shows it.
    fn trade(model: QueueModel, place: &mut QueuePosition, qty: i64) -> i64 {
        let print = Print { qty, at: 0, is_shown: false };
        model.on_trade(place, print, 0, 1, &mut Random::new(1, 0))
    }

    fn late_trade(model: QueueModel, place: &mut QueuePosition, qty: i64) -> i64 {
        let print = Print { qty, at: 0, is_shown: true };
        model.on_trade(place, print, 0, 1, &mut Random::new(1, 0))
    }

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for text in
            RULES.iter().chain(&["depletion", "power2(2.5)", "log(compat=True)", "power(3, compat=True)"])
        {
            assert_eq!(model(text).to_string(), *text);
        }
        assert_eq!(model("power( 3,compat=True )"), model("power(3, compat=True)"));
        for text in [
            "",
            "power",
            "power()",
            "power(0)",
            "power(-1)",
            "power(nan)",
            "log(2)",
            "fifo",
            "power(2",
            "power(compat=True)",
            "power(2, 3)",
            "depletion(compat=True)",
            "log(compat=False)",
        ] {
            assert!(text.parse::<QueueModel>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_empty_level_leaves_no_nan() {
        for text in RULES {
            for text in [text.to_owned(), text.replace(')', ", compat=True)")] {
                let mut place = QueuePosition::default();
                model(&text).on_depth(&mut place, (0, 0), 0, 0.001);
                assert!(place.front.abs() < f64::EPSILON, "{text}");
            }
        }
    }

    #[test]
    fn a_trade_equal_to_the_quantity_ahead_fills_nothing() {
        let mut place = QueuePosition::behind(4_000);
        assert_eq!(trade(model("conservative"), &mut place, 4_000), 0);
        assert_eq!(trade(model("conservative"), &mut place, 2_000), 2_000);
    }

    #[test]
    fn a_trade_and_the_change_that_shows_it_count_once_whichever_comes_first() {
        for text in RULES {
            let model = model(text);
            let (mut before, mut after) = (QueuePosition::behind(10), QueuePosition::behind(10));
            for place in [&mut before, &mut after] {
                model.on_depth(place, (10, 16), 0, 1.0);
            }
            assert_eq!(trade(model, &mut before, 4), 0);
            model.on_depth(&mut before, (16, 12), 0, 1.0);
            model.on_depth(&mut after, (16, 12), 0, 1.0);
            assert_eq!(late_trade(model, &mut after, 4), 0);
            assert!((before.front - 6.0).abs() < 1e-9, "{text}: {}", before.front);
            assert!((after.front - 6.0).abs() < 1e-9, "{text}: {}", after.front);
            assert_eq!(late_trade(model, &mut after, 1), 0, "{text}: what left was that trade alone");
            assert!((after.front - 5.0).abs() < 1e-9, "{text}: {}", after.front);
        }
    }

    #[test]
    fn a_change_in_parts_shows_a_trade_once() {
        let model = model("power(1)");
        let mut place = QueuePosition::behind(10);
        assert_eq!(trade(model, &mut place, 6), 0);
        model.on_depth(&mut place, (10, 8), 0, 1.0);
        model.on_depth(&mut place, (8, 4), 0, 1.0);
        assert!((place.front - 4.0).abs() < 1e-9, "{}", place.front);
    }

    #[test]
    fn whoever_is_first_stays_first() {
        for text in RULES {
            let model = model(text);
            let mut place = QueuePosition::behind(5);
            model.on_depth(&mut place, (5, 20), 0, 1.0);
            assert_eq!(trade(model, &mut place, 5), 0);
            model.on_depth(&mut place, (20, 15), 0, 1.0);
            model.on_depth(&mut place, (15, 2), 0, 1.0);
            assert!(place.front.abs() < 1e-9, "{text}: {}", place.front);
        }
    }

    #[test]
    fn no_more_than_the_trade_reaches_the_order() {
        for text in RULES.iter().chain(&["depletion"]) {
            let model = model(text);
            let mut random = Random::new(1, 0);
            let mut place = QueuePosition::behind(0);
            let print = Print { qty: i64::MAX, at: 0, is_shown: false };
            assert_eq!(model.on_trade(&mut place, print, 0, 10, &mut random), i64::MAX / 10 * 10, "{text}");
            let print = Print { qty: 15, at: 0, is_shown: false };
            assert_eq!(model.on_trade(&mut place, print, 0, 10, &mut random), 10, "{text}: whole lots");
        }
    }

    #[test]
    fn depletion_is_seeded_and_certain_at_the_front() {
        let print = Print { qty: 2, at: 0, is_shown: false };
        let run = |seed| {
            let mut random = Random::new(seed, 0);
            let mut place = QueuePosition::behind(100);
            (0..20)
                .map(|_| model("depletion").on_trade(&mut place, print, 150, 1, &mut random))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        let mut random = Random::new(9, 0);
        let mut front = QueuePosition::behind(0);
        assert_eq!(model("depletion").on_trade(&mut front, print, 150, 1, &mut random), 2);
    }
}
