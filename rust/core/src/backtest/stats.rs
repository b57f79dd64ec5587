//! Statistics of a sampled equity curve, in one pass and constant memory.

/// Periods a Sharpe ratio may be taken over, ns: 1 s, 1 min, 1 h, 1 day.
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

impl Differences {
    /// Takes a sample; periods that ended since the one before saw no change but the first.
    fn push(&mut self, ts: i64, equity: f64) {
        if self.due == i64::MIN {
            self.last = equity;
            self.due = ts.saturating_add(self.period);
        }
        if ts < self.due {
            return;
        }
        let change = equity - self.last;
        self.n += 1.0;
        let delta = change - self.mean;
        self.mean += delta / self.n;
        self.sum_sq += delta * (change - self.mean);
        self.last = equity;
        let late = ts.saturating_sub(self.due);
        self.due = (ts - late % self.period).saturating_add(self.period);
        if late >= self.period {
            let (flat, before, mean) = ((late / self.period) as f64, self.n, self.mean);
            self.n += flat;
            self.mean = mean * before / self.n;
            self.sum_sq += mean * mean * before * flat / self.n;
        }
    }
}

/// Drawdown and Sharpe ratio of an equity curve.
#[derive(Debug, Clone)]
pub struct EquityStats {
    /// Those the samples are fine enough for, shortest first.
    periods: Vec<Differences>,
    peak: f64,
    drawdown: f64,
}

impl EquityStats {
    /// Statistics of nothing, to be sampled every `sample_ns`; the curve starts at 0, which counts as a peak.
    pub fn new(sample_ns: i64) -> Self {
        let empty = |period| Differences { period, due: i64::MIN, last: 0.0, n: 0.0, mean: 0.0, sum_sq: 0.0 };
        let periods = PERIODS_NS.into_iter().filter(|period| *period >= sample_ns).map(empty).collect();
        Self { periods, peak: 0.0, drawdown: 0.0 }
    }

    /// Takes a sample; times must not go back. Samples that were left out are taken to be equal to this one.
    pub fn push(&mut self, ts: i64, equity: f64) {
        self.peak = self.peak.max(equity);
        self.drawdown = self.drawdown.max(self.peak - equity);
        for differences in &mut self.periods {
            differences.push(ts, equity);
        }
    }

    /// Largest fall from a peak, in currency; zero or more.
    pub fn max_drawdown(&self) -> f64 {
        self.drawdown
    }

    /// Annualised Sharpe ratio of equity changes and the sampling period in ns.
    ///
    /// `mean / std (ddof 1) × sqrt(periods in 365 days)` over the longest period that gives at least 30 changes and
    /// is not shorter than the time between samples; NaN when none is, or nothing varies.
    pub fn sharpe(&self) -> (f64, i64) {
        let Some(d) = self.periods.iter().rev().find(|d| d.n >= 30.0) else {
            return (f64::NAN, self.periods.first().map_or(PERIODS_NS[3], |d| d.period));
        };
        let std = libm::sqrt(d.sum_sq / (d.n - 1.0));
        let sharpe = if std > 0.0 { d.mean / std * libm::sqrt(YEAR_NS / d.period as f64) } else { f64::NAN };
        (sharpe, d.period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn drawdown_counts_from_the_start() {
        let mut stats = EquityStats::new(1_000_000_000);
        for (second, equity) in [-10.0, 5.0, 20.0, 8.0, 15.0].into_iter().enumerate() {
            stats.push(second as i64 * 1_000_000_000, equity);
        }
        assert!((stats.max_drawdown() - 12.0).abs() < 1e-12);
    }

    #[test]
    fn sharpe_matches_the_formula_over_one_second_changes() {
        let mut stats = EquityStats::new(1_000_000_000);
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
        let mut stats = EquityStats::new(1_000_000_000);
        stats.push(0, 1.0);
        assert!(stats.sharpe().0.is_nan());
    }

    /// Equity after each of `hours` hours in steps of a second, at random.
    fn wander(hours: i64) -> impl Iterator<Item = (i64, f64)> {
        let mut random = Random::new(1, 1);
        let mut equity = 0.0;
        (0..=hours * 3_600).map(move |second| {
            equity += if random.chance(0.5) { 1.02 } else { -0.98 };
            (second * 1_000_000_000, equity)
        })
    }

    #[test]
    fn sharpe_is_not_taken_over_periods_shorter_than_the_time_between_samples() {
        let five_minutes = 300_000_000_000;
        let (mut fine, mut wide) = (EquityStats::new(1_000_000_000), EquityStats::new(five_minutes));
        for (ts, equity) in wander(40) {
            fine.push(ts, equity);
            if ts % five_minutes == 0 {
                wide.push(ts, equity);
            }
        }
        assert_eq!(fine.sharpe().1, 3_600_000_000_000);
        assert_eq!(wide.sharpe(), fine.sharpe());
        let mut daily = EquityStats::new(i64::MAX);
        daily.push(0, 1.0);
        assert!(daily.sharpe().0.is_nan());
    }

    #[test]
    fn samples_left_out_count_as_no_change() {
        let (mut all, mut ends) = (EquityStats::new(1_000_000_000), EquityStats::new(1_000_000_000));
        for (ts, equity) in wander(1) {
            let ts = ts * 700;
            all.push(ts, equity);
            ends.push(ts, equity);
            for second in 1..700 {
                all.push(ts + second * 1_000_000_000, equity);
            }
            ends.push(ts + 699_000_000_000, equity);
        }
        for (a, b) in all.periods.iter().zip(&ends.periods) {
            assert_eq!((a.period, a.n as i64, a.due), (b.period, b.n as i64, b.due));
            assert!((a.mean - b.mean).abs() < 1e-12 && (a.sum_sq / b.sum_sq - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_last_moment_there_is_does_not_wrap() {
        let mut stats = EquityStats::new(1);
        for ts in [0, i64::MAX - 1, i64::MAX] {
            stats.push(ts, 1.0);
        }
        assert!(stats.sharpe().0.is_nan());
    }
}
