//! Statistics of a sampled equity curve, in one pass and constant memory.

/// Sampling periods a Sharpe ratio may be taken over, ns: 1 s, 1 min, 1 h, 1 day.
const PERIODS_NS: [i64; 4] = [1_000_000_000, 60_000_000_000, 3_600_000_000_000, 86_400_000_000_000];

/// A year of 365 days, ns: crypto markets do not close.
const YEAR_NS: f64 = 365.0 * 86_400e9;

/// Mean and variance of differences (Welford), sampled every `period`.
#[derive(Debug, Clone, Copy)]
struct Differences {
    period: i64,
    due: i64,
    last: f64,
    n: f64,
    mean: f64,
    sum_sq: f64,
}

/// Drawdown and Sharpe ratio of an equity curve.
#[derive(Debug, Clone)]
pub struct EquityStats {
    periods: [Differences; 4],
    first: Option<i64>,
    last: i64,
    peak: f64,
    drawdown: f64,
}

impl Default for EquityStats {
    fn default() -> Self {
        Self::new()
    }
}

impl EquityStats {
    /// Statistics of nothing; the curve starts at 0, which counts as a peak.
    pub fn new() -> Self {
        let empty = |period| Differences { period, due: i64::MIN, last: 0.0, n: 0.0, mean: 0.0, sum_sq: 0.0 };
        Self { periods: PERIODS_NS.map(empty), first: None, last: 0, peak: 0.0, drawdown: 0.0 }
    }

    /// Takes a sample; times must not go back.
    pub fn push(&mut self, ts: i64, equity: f64) {
        self.peak = self.peak.max(equity);
        self.drawdown = self.drawdown.max(self.peak - equity);
        self.last = ts;
        self.first.get_or_insert(ts);
        for d in &mut self.periods {
            if d.due == i64::MIN {
                d.last = equity;
                d.due = ts + d.period;
            } else if ts >= d.due {
                let change = equity - d.last;
                d.n += 1.0;
                let delta = change - d.mean;
                d.mean += delta / d.n;
                d.sum_sq += delta * (change - d.mean);
                d.last = equity;
                d.due += d.period;
            }
        }
    }

    /// Largest fall from a peak, in currency; zero or more.
    pub fn max_drawdown(&self) -> f64 {
        self.drawdown
    }

    /// Annualised Sharpe ratio of equity changes and the sampling period in ns.
    ///
    /// `mean / std (ddof 1) × sqrt(periods in 365 days)` over the longest period that gives at least 30 changes;
    /// NaN when none does or nothing varies.
    pub fn sharpe(&self) -> (f64, i64) {
        let Some(d) = self.periods.iter().rev().find(|d| d.n >= 30.0) else {
            return (f64::NAN, self.periods[0].period);
        };
        let std = libm::sqrt(d.sum_sq / (d.n - 1.0));
        let sharpe = if std > 0.0 { d.mean / std * libm::sqrt(YEAR_NS / d.period as f64) } else { f64::NAN };
        (sharpe, d.period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawdown_counts_from_the_start() {
        let mut stats = EquityStats::new();
        for (second, equity) in [-10.0, 5.0, 20.0, 8.0, 15.0].into_iter().enumerate() {
            stats.push(second as i64 * 1_000_000_000, equity);
        }
        assert!((stats.max_drawdown() - 12.0).abs() < 1e-12);
    }

    #[test]
    fn sharpe_matches_the_formula_over_one_second_changes() {
        let mut stats = EquityStats::new();
        let (mut equity, mut changes) = (0.0, Vec::new());
        stats.push(0, equity);
        for second in 1..=40i64 {
            let change = ((second * 7919) % 13) as f64 - 5.0;
            equity += change;
            changes.push(change);
            stats.push(second * 1_000_000_000, equity);
        }
        let n = changes.len() as f64;
        let mean = changes.iter().sum::<f64>() / n;
        let var = changes.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / (n - 1.0);
        let want = mean / var.sqrt() * (365.0f64 * 86_400.0).sqrt();
        let (sharpe, period) = stats.sharpe();
        assert_eq!(period, 1_000_000_000);
        assert!((sharpe / want - 1.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_samples_give_nan() {
        let mut stats = EquityStats::new();
        stats.push(0, 1.0);
        assert!(stats.sharpe().0.is_nan());
    }
}
