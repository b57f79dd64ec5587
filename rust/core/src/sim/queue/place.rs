//! What queue models are told apart by, and what they keep of an order.

use super::tracked::{Line, Told};
use crate::sim::custom::Memory;

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
    /// Who the level's own changes tell, of equal sizes by how many stand where; of the rest, in a feed that merges events,
    /// those behind the order first.
    Tracked,
    /// The same, of equal sizes those behind it.
    TrackedLow,
    /// The same, those ahead of it first, of equal sizes too.
    TrackedHigh,
    /// The same, `(front / (front + back))^n` of it ahead of the order.
    Fitted(f64),
    /// Whom a model of somebody else's says.
    Custom,
}

/// A resting order's place, in quantity increments (fractions arise from probabilities).
#[derive(Debug, Clone, Default)]
pub struct QueuePosition {
    /// Quantity ahead.
    pub front: f64,
    /// Traded at the level and not yet shown by its displayed size.
    pub(super) traded: f64,
    /// What left the level last without a trade.
    pub(super) departed: f64,
    /// How far the front came by that.
    pub(super) moved: f64,
    /// The level as pieces, where they are tracked.
    line: Option<Box<Line>>,
    /// What a model of somebody else's keeps of the order.
    pub(in crate::sim) memory: Option<Memory>,
}

impl QueuePosition {
    /// A place in a level that has not been seen.
    pub const UNKNOWN: Self =
        Self { front: f64::INFINITY, traded: 0.0, departed: 0.0, moved: 0.0, line: None, memory: None };

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
        (self.front, self.line) = (0.0, None);
    }

    /// What a level is made of, oldest first, by what was told of it, oldest first.
    pub fn pieces(told: impl IntoIterator<Item = Told>) -> Vec<i64> {
        Line::of(told)
    }

    /// What the level was made of before the order came: see [`QueuePosition::pieces`].
    pub fn know(&mut self, pieces: &[i64]) {
        self.track(|line| line.know(pieces));
    }

    /// Lets something act on the pieces; none once nothing can be ahead any more.
    pub(super) fn track<T>(&mut self, act: impl FnOnce(&mut Line) -> T) -> Option<T> {
        if self.line.is_none() && self.front <= 0.0 {
            return None;
        }
        let line = self.line.get_or_insert_with(|| Box::new(Line::behind(self.front as i64)));
        let acted = act(line);
        self.front = line.front() as f64;
        Some(acted)
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
