//! Distances of averages to each other.

use super::smooth::Smooth;
use super::spec::{CLOSE, Param, Spec};
use super::state::{Count, state};
use super::stream::{Indicator, guarded};
use super::windows::Sum;

#[derive(Debug, Clone)]
struct Macd {
    /// The fast average begins at the row of the slow one, with the mean of its last rows.
    lead: Sum,
    rows: Count,
    fast_n: f64,
    fast: Smooth,
    slow: Smooth,
    signal: Smooth,
}

state!(Macd { lead, rows, fast, slow, signal });

impl Macd {
    fn new(fast: usize, slow: usize, signal: usize) -> Self {
        Self {
            lead: Sum::new(fast),
            rows: Count::to(slow),
            fast_n: fast as f64,
            fast: Smooth::ema(fast),
            slow: Smooth::ema(slow),
            signal: Smooth::ema(signal),
        }
    }
}

impl Indicator<1, 3> for Macd {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 3]> {
        if self.rows.is_full() {
            self.fast.step(x);
            self.slow.step(x);
        } else {
            self.rows.next();
            let lead = self.lead.push(x);
            self.slow.push(x)?;
            self.fast.start(lead? / self.fast_n);
        }
        let line = self.fast.value() - self.slow.value();
        let signal = self.signal.push(line)?;
        Some([line, signal, line - signal])
    }
}

const FAST: Param = Param::whole("fast", 2, 12, "Length of the fast average, rows.");
const SLOW: Param = Param::whole("slow", 2, 26, "Length of the slow average, rows; above ``fast``.");
const SIGNAL: Param = Param::whole("signal", 1, 9, "Length of the average of the line, rows.");

pub(super) const SPECS: &[Spec] = &[Spec {
    name: "macd",
    class: "MACD",
    summary: "Moving average convergence divergence of Appel.",
    notes: "``macd = EMA(fast) - EMA(slow)``, ``signal = EMA(macd, signal)``, ``hist = macd - signal``. Both \
            averages begin at row ``slow - 1``, each with the mean of its last rows there; all outputs begin with \
            the signal.",
    inputs: CLOSE,
    params: &[FAST, SLOW, SIGNAL],
    ascending: &[0, 1],
    outputs: &[("macd", "The line."), ("signal", "Its average."), ("hist", "The difference of both.")],
    warm_up: |p| p.n(1) + p.n(2) - 2,
    build: |nan, p| guarded(nan, Macd::new(p.n(0), p.n(1), p.n(2))),
}];
