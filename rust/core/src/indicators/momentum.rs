//! How far and how fast a price has moved.

use super::smooth::Smooth;
use super::spec::{CLOSE, Spec, VALUE, period};
use super::state::state;
use super::stream::{Indicator, guarded};

/// Wilder's averages of rises and falls.
#[derive(Debug, Clone)]
struct Moves {
    has_last: bool,
    last: f64,
    rises: Smooth,
    falls: Smooth,
}

state!(Moves { has_last, last, rises, falls });

impl Moves {
    fn new(n: usize) -> Self {
        Self { has_last: false, last: 0.0, rises: Smooth::wilder(n), falls: Smooth::wilder(n) }
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<(f64, f64)> {
        let change = x - std::mem::replace(&mut self.last, x);
        if !self.has_last {
            self.has_last = true;
            return None;
        }
        let rises = self.rises.push(if change > 0.0 { change } else { 0.0 });
        let falls = self.falls.push(if change < 0.0 { -change } else { 0.0 });
        rises.zip(falls)
    }
}

/// A ratio, 0 where there is nothing to divide by.
#[inline(always)]
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

#[derive(Debug, Clone)]
pub(super) struct Rsi(Moves);

state!(Rsi { 0 });

impl Rsi {
    pub(super) fn new(n: usize) -> Self {
        Self(Moves::new(n))
    }
}

impl Indicator<1, 1> for Rsi {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        let (rises, falls) = self.0.push(x)?;
        Some([100.0 * ratio(rises, rises + falls)])
    }
}

pub(super) const SPECS: &[Spec] = &[Spec {
    name: "rsi",
    class: "RSI",
    summary: "Relative strength index of Wilder, 0 to 100.",
    notes: "``100 G / (G + L)``, with ``G`` and ``L`` the averages of rises and falls of the close: the mean of the \
            first ``period`` changes, then ``(before (period - 1) + change) / period``. 0 where nothing moved.",
    inputs: CLOSE,
    params: &[period(2, 14)],
    ascending: &[],
    outputs: &[VALUE],
    warm_up: |p| p.n(0),
    build: |nan, p| guarded(nan, Rsi::new(p.n(0))),
}];
