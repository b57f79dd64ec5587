//! When bars end, in the numbers of a tape.

use super::number::Number;

/// How much a trade counts in imbalance and run bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// One.
    Tick,
    /// Its quantity.
    Volume,
    /// Price times quantity.
    Notional,
}

/// What imbalance and run bars expect at first, and how they learn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectations {
    /// How much a trade counts.
    pub weight: Weight,
    /// What a count of price and quantity is worth.
    pub units: [f64; 2],
    /// Trades a bar is expected to have.
    pub length: f64,
    /// What a trade is expected to add to the imbalance, or to the larger of the two runs.
    pub mean: f64,
    /// Weight of the last bar in the averages; 0 if they are constant.
    pub gain: f64,
    /// Averages stay within this factor of what was given.
    pub clamp: f64,
}

/// When a bar ends, in the numbers of a tape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule<N: Number> {
    /// With its window.
    Time {
        /// Length of the windows, ns.
        interval: i64,
        /// Where one begins, ns, below the length.
        origin: i64,
        /// Whether windows without a trade make a bar.
        carries: bool,
        /// Whether late trades are added to their bars.
        amends: bool,
        /// How far behind its window our clock may be, ns.
        grace: i64,
    },
    /// After so many trades.
    Tick(u32),
    /// When so much was traded.
    Volume {
        /// How much.
        limit: N,
        /// Whether a larger trade is split.
        splits: bool,
    },
    /// When price times quantity adds up to so much.
    Notional {
        /// How much.
        limit: N::Limit,
        /// Whether a larger trade is split.
        splits: bool,
    },
    /// When signed trades outweigh what is expected.
    Imbalance(Expectations),
    /// When buys or sells alone do.
    Run(Expectations),
    /// When the price has moved by a brick.
    Renko(N),
    /// When high and low are so far apart.
    Range(N),
}
