//! What queue models are told apart by, and what they keep of an order.

/// Who leaves a level that shrinks without a trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QueueRule {
    /// Those behind the order: only trades advance it; a shrinking level merely caps what can be ahead.
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
    /// As the first; each trade reaches the order with probability `1 - front / displayed`.
    Depletion,
}

/// A resting order's place, in quantity increments (fractions arise from probabilities).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QueuePosition {
    /// Quantity ahead.
    pub front: f64,
    /// Traded at the level and not yet shown by its displayed size.
    pub(super) traded: f64,
    /// What left the level last without a trade.
    pub(super) departed: f64,
    /// How far the front came by that.
    pub(super) moved: f64,
}

impl QueuePosition {
    /// A place in a level that has not been seen.
    pub const UNKNOWN: Self = Self { front: f64::INFINITY, traded: 0.0, departed: 0.0, moved: 0.0 };

    /// Whether the level has not been seen.
    pub fn is_unknown(&self) -> bool {
        self.front == f64::INFINITY
    }

    /// The end of the queue of a level that displays `displayed`.
    pub fn behind(displayed: i64) -> Self {
        Self { front: displayed as f64, ..Self::default() }
    }

    /// Everything ahead has traded.
    pub fn pass(&mut self) {
        self.front = 0.0;
    }

    /// As far as what left last was this trade of `qty`: takes back what it did. Returns how much of it that was.
    pub(super) fn take_back(&mut self, qty: f64) -> f64 {
        let known = qty.min(self.departed);
        if known > 0.0 {
            let moved = self.moved * (known / self.departed);
            self.front += moved;
            self.moved -= moved;
            self.departed -= known;
        }
        known
    }
}

/// A power; by multiplication where the exponent is a small whole number, as it mostly is.
pub(super) fn pow(x: f64, n: f64) -> f64 {
    if n.fract() == 0.0 && n <= 8.0 { (1..n as u32).fold(x, |power, _| power * x) } else { libm::pow(x, n) }
}
