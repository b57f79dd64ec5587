//! Ranges of bars.

use super::smooth::Smooth;
use super::spec::{HLC, Spec, VALUE, period};
use super::state::state;
use super::stream::{Indicator, guarded};

/// The range of a bar that counts the way from the last close.
#[derive(Debug, Clone, Default)]
pub(super) struct TrueRange {
    has_last: bool,
    last: f64,
}

state!(TrueRange { has_last, last });

impl TrueRange {
    /// Takes a bar; its range, from the second one on.
    #[inline(always)]
    pub(super) fn push(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        let last = std::mem::replace(&mut self.last, close);
        if !self.has_last {
            self.has_last = true;
            return None;
        }
        let range = high - low;
        let up = (high - last).abs();
        let down = (low - last).abs();
        let range = if up > range { up } else { range };
        Some(if down > range { down } else { range })
    }
}

/// Wilder's average of true ranges.
#[derive(Debug, Clone)]
pub(super) struct Atr {
    range: TrueRange,
    mean: Smooth,
}

state!(Atr { range, mean });

impl Atr {
    pub(super) fn new(n: usize) -> Self {
        Self { range: TrueRange::default(), mean: Smooth::wilder(n) }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        self.mean.push(self.range.push(high, low, close)?)
    }
}

impl Indicator<3, 1> for Atr {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        Some([self.push(high, low, close)?])
    }
}

pub(super) const SPECS: &[Spec] = &[Spec {
    name: "atr",
    class: "ATR",
    summary: "Average true range of Wilder, in units of price.",
    notes: "The mean of the true ranges of rows 1 to ``period``, then ``(before (period - 1) + range) / period``.",
    inputs: HLC,
    params: &[period(1, 14)],
    ascending: &[],
    outputs: &[VALUE],
    warm_up: |p| p.n(0),
    build: |nan, p| guarded(nan, Atr::new(p.n(0))),
}];
