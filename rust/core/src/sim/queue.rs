//! Where a resting order stands in the queue of its price level, seen through L2 data.
//!
//! State of an order: `front`, the quantity ahead of it, and `traded`, the volume of trades since the displayed
//! size last changed. On acceptance `front` is the displayed size.
//!
//! * A trade of `v` at the order's price: `front -= v; traded += v`. When that leaves `-front` of at least half a
//!   lot, that much (in whole lots) reaches the order and `front` becomes 0.
//! * The displayed size goes from `prev` to `new`: `c = prev - new - traded` left without trading; `traded = 0`.
//!   If it grew (`c < 0`) only `front = min(front, new)`. Otherwise, with `back = prev - front` and `p` the
//!   probability that a departure happened behind the order,
//!   `front = min(front - (1 - p) c + min(back - p c, 0), new)`.
//!
//! The models differ in `p`; `conservative` ignores departures; `depletion` draws, on every trade, whether the
//! order is reached (chance `1 - front / displayed`). The rules and the numbers they are tested against are those
//! published for hftbacktest's models; `depletion` is the rule of the founding market maker, seeded.

use std::fmt;
use std::str::FromStr;

use crate::random::Random;

/// How a resting order advances in its queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QueueModel {
    /// Only trades advance the order; a shrinking level merely caps what can be ahead.
    Conservative,
    /// `p = back^n / (back^n + front^n)`.
    Power(f64),
    /// `p = back^n / (back + front)^n`.
    Power2(f64),
    /// `p = 1 - (front / (front + back))^n`.
    Power3(f64),
    /// `p = ln(1 + back) / (ln(1 + back) + ln(1 + front))`.
    Log,
    /// `p = ln(1 + back) / ln(1 + back + front)`.
    Log2,
    /// Each trade reaches the order with probability `1 - front / displayed`.
    Depletion,
}

/// The text names no queue model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown queue model {0:?}; expected conservative, power(n), power2(n), power3(n), log, log2 or depletion with n > 0"
)]
pub struct UnknownQueueModel(pub String);

impl FromStr for QueueModel {
    type Err = UnknownQueueModel;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownQueueModel(text.to_owned());
        let (name, argument) = match text.split_once('(') {
            Some((name, rest)) => {
                let number = rest.strip_suffix(')').and_then(|n| n.trim().parse::<f64>().ok());
                (name, Some(number.ok_or_else(unknown)?))
            }
            None => (text, None),
        };
        let model = match (name, argument) {
            ("conservative", None) => Self::Conservative,
            ("log", None) => Self::Log,
            ("log2", None) => Self::Log2,
            ("depletion", None) => Self::Depletion,
            ("power", Some(n)) => Self::Power(n),
            ("power2", Some(n)) => Self::Power2(n),
            ("power3", Some(n)) => Self::Power3(n),
            _ => return Err(unknown()),
        };
        model.check().map_err(|_| unknown())?;
        Ok(model)
    }
}

impl fmt::Display for QueueModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conservative => f.write_str("conservative"),
            Self::Power(n) => write!(f, "power({n})"),
            Self::Power2(n) => write!(f, "power2({n})"),
            Self::Power3(n) => write!(f, "power3({n})"),
            Self::Log => f.write_str("log"),
            Self::Log2 => f.write_str("log2"),
            Self::Depletion => f.write_str("depletion"),
        }
    }
}

/// A resting order's place, in quantity increments (fractions arise from probabilities).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QueuePosition {
    /// Quantity ahead.
    pub front: f64,
    /// Traded at the level since its displayed size last changed.
    pub traded: f64,
}

impl QueuePosition {
    /// A place in a level that has not been seen.
    pub const UNKNOWN: Self = Self { front: f64::INFINITY, traded: 0.0 };

    /// Whether the level has not been seen.
    pub fn is_unknown(&self) -> bool {
        self.front == f64::INFINITY
    }

    /// The end of the queue of a level that displays `displayed`.
    pub fn behind(displayed: i64) -> Self {
        Self { front: displayed as f64, traded: 0.0 }
    }
}

impl QueueModel {
    /// Checks the exponent of a power model.
    ///
    /// # Errors
    /// [`UnknownQueueModel`] when it is not a finite number above 0.
    pub fn check(self) -> Result<(), UnknownQueueModel> {
        match self {
            Self::Power(n) | Self::Power2(n) | Self::Power3(n) if !(n.is_finite() && n > 0.0) => {
                Err(UnknownQueueModel(self.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// A trade of `qty` at the order's price; returns how much of it reaches the order, in whole lots.
    ///
    /// `displayed` is the size of the level before the trade, `lot` the quantity step of a fill.
    pub fn on_trade(
        self,
        place: &mut QueuePosition,
        qty: i64,
        displayed: i64,
        lot: i64,
        random: &mut Random,
    ) -> i64 {
        if place.is_unknown() {
            return 0;
        }
        if self == Self::Depletion {
            let reached = if displayed > 0 { 1.0 - place.front / displayed as f64 } else { 1.0 };
            if random.chance(reached) {
                place.front = 0.0;
                return qty;
            }
        }
        place.front -= qty as f64;
        self.on_trade_ahead(place, qty);
        let lots = libm::round(-place.front / lot as f64) as i64;
        if lots > 0 {
            place.front = 0.0;
            lots.saturating_mul(lot)
        } else {
            0
        }
    }

    /// A trade of `qty` at the order's price that went to others of our orders: the displayed size will show it.
    pub fn on_trade_ahead(self, place: &mut QueuePosition, qty: i64) {
        if !matches!(self, Self::Conservative | Self::Depletion) {
            place.traded += qty as f64;
        }
    }

    /// The displayed size of the order's level goes from `prev` to `new`.
    ///
    /// `unit` is the value of one quantity increment: the logarithms are not free of scale.
    pub fn on_depth(self, place: &mut QueuePosition, prev: i64, new: i64, unit: f64) {
        let (prev, new) = (prev as f64, new as f64);
        if matches!(self, Self::Conservative | Self::Depletion) {
            place.front = place.front.min(new);
            return;
        }
        let departed = prev - new - place.traded;
        place.traded = 0.0;
        if departed < 0.0 {
            place.front = place.front.min(new);
            return;
        }
        let (front, back) = (place.front, prev - place.front);
        let p = self.chance_behind(front, back, unit);
        place.front = if p.is_nan() {
            new
        } else {
            (front - (1.0 - p) * departed + (back - p * departed).min(0.0)).min(new)
        };
    }

    /// The probability that a departure happened behind the order; NaN for an empty level.
    fn chance_behind(self, front: f64, back: f64, unit: f64) -> f64 {
        let log = |x: f64| libm::log1p(x * unit);
        let p = match self {
            Self::Power(n) => pow(back, n) / (pow(back, n) + pow(front, n)),
            Self::Power2(n) => pow(back, n) / pow(back + front, n),
            Self::Power3(n) => 1.0 - pow(front / (front + back), n),
            Self::Log => log(back) / (log(back) + log(front)),
            Self::Log2 => log(back) / log(back + front),
            Self::Conservative | Self::Depletion => 0.0,
        };
        if p.is_infinite() { 1.0 } else { p }
    }
}

/// A power; by multiplication where the exponent is a small whole number, as it mostly is.
fn pow(x: f64, n: f64) -> f64 {
    if n.fract() == 0.0 && n <= 8.0 { (1..n as u32).fold(x, |power, _| power * x) } else { libm::pow(x, n) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for text in ["conservative", "power(2)", "power2(2.5)", "power3(3)", "log", "log2", "depletion"] {
            assert_eq!(text.parse::<QueueModel>().unwrap().to_string(), text);
        }
        for text in
            ["", "power", "power()", "power(0)", "power(-1)", "power(nan)", "log(2)", "fifo", "power(2"]
        {
            assert!(text.parse::<QueueModel>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_empty_level_leaves_no_nan() {
        for text in ["power(1)", "power2(2)", "power3(3)", "log", "log2"] {
            let model: QueueModel = text.parse().unwrap();
            let mut place = QueuePosition::default();
            model.on_depth(&mut place, 0, 0, 0.001);
            assert!(place.front.abs() < f64::EPSILON, "{text}");
        }
    }

    #[test]
    fn a_trade_equal_to_the_quantity_ahead_fills_nothing() {
        let mut random = Random::new(1, 0);
        let mut place = QueuePosition::behind(4_000);
        assert_eq!(QueueModel::Conservative.on_trade(&mut place, 4_000, 4_000, 1, &mut random), 0);
        assert_eq!(QueueModel::Conservative.on_trade(&mut place, 2_000, 0, 1, &mut random), 2_000);
    }

    #[test]
    fn a_trade_beyond_any_size_does_not_wrap() {
        let mut random = Random::new(1, 0);
        let mut place = QueuePosition::behind(0);
        let reach = QueueModel::Conservative.on_trade(&mut place, i64::MAX, 0, 10, &mut random);
        assert_eq!(reach, i64::MAX);
    }

    #[test]
    fn depletion_is_seeded_and_certain_at_the_front() {
        let run = |seed| {
            let mut random = Random::new(seed, 0);
            let mut place = QueuePosition::behind(100);
            (0..20)
                .map(|_| QueueModel::Depletion.on_trade(&mut place, 2, 150, 1, &mut random))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        let mut random = Random::new(9, 0);
        let mut front = QueuePosition::behind(0);
        assert_eq!(QueueModel::Depletion.on_trade(&mut front, 2, 150, 1, &mut random), 2);
    }
}
