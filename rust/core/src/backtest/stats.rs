//! Statistics of a sampled equity curve, in one pass and constant memory.

use crate::types::{Money, format_duration, format_span};

/// Periods a Sharpe ratio may be taken over, ns: 1 min, 1 h, 1 day. Changes of seconds say nothing of a year: what they
/// vary by is mostly the spread, and half a minute of them would do.
const PERIODS_NS: [i64; 3] = [60_000_000_000, 3_600_000_000_000, 86_400_000_000_000];

/// Changes a ratio needs at least.
pub const CHANGES_NEEDED: u32 = 30;

/// What equal changes of an equity differ by at most, at levels and with changes up to such: both are rounded to doubles,
/// and what is large beside its changes takes their last digits.
pub fn equal_within(level: f64, change: f64) -> f64 {
    (8.0 * f64::EPSILON * level).max(1e-8 * change)
}

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
    /// Squares of the differences from the mean.
    sum_sq: f64,
    /// Squares of the losses.
    loss_sq: f64,
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
        self.loss_sq += change.min(0.0) * change.min(0.0);
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

/// Why an equity curve has no ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRatio {
    /// Samples lie further apart than any period a ratio is taken over.
    #[error("samples of equity lie more than {} apart", format_duration(*.longest))]
    TooCoarse {
        /// The longest period, ns.
        longest: i64,
    },
    /// The run is too short.
    #[error("{changes} change{} of {} in {}: at least {CHANGES_NEEDED} needed", if *.changes == 1 { "" } else { "s" }, format_duration(*.period), format_span(*.span))]
    TooFew {
        /// How many there are.
        changes: u64,
        /// Their length, ns.
        period: i64,
        /// From the first sample to the last, ns.
        span: i64,
    },
    /// Nothing was ever gained or lost.
    #[error("equity never changed")]
    Flat,
    /// What was gained or lost came after the last whole period.
    #[error("equity was the same at the end of all {changes} periods of {}", format_duration(*.period))]
    FlatSoFar {
        /// How many there are.
        changes: u64,
        /// Their length, ns.
        period: i64,
    },
    /// All changes are the same, so nothing can be said of their variation.
    #[error("equity changed by the same amount every {}", format_duration(*.period))]
    Constant {
        /// Their length, ns.
        period: i64,
    },
    /// There is nothing to hold the gains against.
    #[error("no {} change was a loss", format_duration(*.period))]
    NoLoss {
        /// The length of a change, ns.
        period: i64,
    },
}

/// Gains of an equity curve against their variation, annualised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratios {
    /// Length of the changes they are taken over, ns.
    pub period: i64,
    /// `mean / std (ddof 1) × sqrt(periods in 365 days)`.
    pub sharpe: Result<f64, NoRatio>,
    /// `mean / sqrt(mean of squared losses, gains as 0) × sqrt(periods in 365 days)`.
    pub sortino: Result<f64, NoRatio>,
}

/// Drawdown, Sharpe and Sortino ratio of an equity curve.
#[derive(Debug, Clone)]
pub struct EquityStats {
    /// Those the samples are fine enough for, shortest first.
    periods: Vec<Differences>,
    peak: f64,
    drawdown: f64,
    /// Of the first sample and the last.
    sampled: Option<(i64, i64)>,
}

impl EquityStats {
    /// Statistics of nothing, to be sampled every `sample_ns`; the curve starts at 0, which counts as a peak.
    pub fn new(sample_ns: i64) -> Self {
        let empty = |period| Differences {
            period,
            due: i64::MIN,
            last: 0.0,
            n: 0.0,
            mean: 0.0,
            sum_sq: 0.0,
            loss_sq: 0.0,
        };
        let periods = PERIODS_NS.into_iter().filter(|period| *period >= sample_ns).map(empty).collect();
        Self { periods, peak: 0.0, drawdown: 0.0, sampled: None }
    }

    /// Takes a sample; times must not go back. Samples that were left out are taken to be equal to this one.
    pub fn push(&mut self, ts: i64, equity: f64) {
        self.sampled.get_or_insert((ts, ts)).1 = ts;
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

    /// Ratios over the longest period that gives at least 30 changes and is not shorter than the time between samples.
    pub fn ratios(&self) -> Ratios {
        let Some(d) = self.periods.iter().rev().find(|d| d.n >= f64::from(CHANGES_NEEDED)) else {
            let longest = PERIODS_NS[PERIODS_NS.len() - 1];
            let (period, why) = self.periods.first().map_or((longest, NoRatio::TooCoarse { longest }), |d| {
                let span = self.sampled.map_or(0, |(first, last)| last.saturating_sub(first));
                (d.period, NoRatio::TooFew { changes: d.n as u64, period: d.period, span })
            });
            return Ratios { period, sharpe: Err(why), sortino: Err(why) };
        };
        let period = d.period;
        let annual = libm::sqrt(YEAR_NS / period as f64);
        let ratio = |squares: f64, n: f64, least: f64, why| {
            let deviation = libm::sqrt(squares / n);
            if deviation > least { Ok(d.mean / deviation * annual) } else { Err(why) }
        };
        let flat = if self.peak == 0.0 && self.drawdown == 0.0 {
            NoRatio::Flat
        } else {
            NoRatio::FlatSoFar { changes: d.n as u64, period }
        };
        let constant = if d.mean == 0.0 { flat } else { NoRatio::Constant { period } };
        let least = equal_within(self.peak.max(self.drawdown), libm::fabs(d.mean));
        let sharpe = ratio(d.sum_sq, d.n - 1.0, least, constant);
        let no_loss = if sharpe.is_err() && d.mean == 0.0 { flat } else { NoRatio::NoLoss { period } };
        Ratios { period, sharpe, sortino: ratio(d.loss_sq, d.n, 0.0, no_loss) }
    }
}

/// What a run came to in one settlement currency.
#[derive(Debug, Clone)]
pub struct CurrencyTotals {
    /// The currency.
    pub currency: String,
    /// Realised and unrealised profit before fees.
    pub gross: Money,
    /// Fees paid.
    pub fees: Money,
    /// Funding paid, negative where more was received.
    pub funding: Money,
    /// Interest paid on loans.
    pub interest: Money,
    /// Sum of values traded.
    pub turnover: Money,
    /// Statistics of the sampled equity.
    pub stats: EquityStats,
}

impl CurrencyTotals {
    /// Nothing yet, of equity to be sampled every `sample_ns`.
    pub(super) fn new(currency: String, sample_ns: i64) -> Self {
        let [gross, fees, funding, interest, turnover] = [Money::ZERO; 5];
        Self { currency, gross, fees, funding, interest, turnover, stats: EquityStats::new(sample_ns) }
    }

    /// Profit after fees, funding and interest; `None` beyond any money.
    pub fn net(&self) -> Option<Money> {
        self.gross.checked_sub(self.fees)?.checked_sub(self.funding)?.checked_sub(self.interest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const MINUTE: i64 = 60_000_000_000;

    #[test]
    fn drawdown_counts_from_the_start() {
        let mut stats = EquityStats::new(1_000_000_000);
        for (second, equity) in [-10.0, 5.0, 20.0, 8.0, 15.0].into_iter().enumerate() {
            stats.push(second as i64 * 1_000_000_000, equity);
        }
        assert!((stats.max_drawdown() - 12.0).abs() < 1e-12);
    }

    #[test]
    fn ratios_match_their_formulas_over_changes_of_a_minute() {
        let mut stats = EquityStats::new(MINUTE);
        let (mut equity, mut changes) = (0.0, Vec::new());
        stats.push(0, equity);
        for minute in 1..=40i64 {
            let change = ((minute * 7919) % 13) as f64 - 5.0;
            equity += change;
            changes.push(change);
            stats.push(minute * MINUTE, equity);
        }
        let n = changes.len() as f64;
        let mean = changes.iter().sum::<f64>() / n;
        let var = changes.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / (n - 1.0);
        let want = mean / var.sqrt() * (365.0f64 * 1_440.0).sqrt();
        let losses = changes.iter().map(|c| c.min(0.0) * c.min(0.0)).sum::<f64>() / n;
        let want_sortino = mean / losses.sqrt() * (365.0f64 * 1_440.0).sqrt();
        let ratios = stats.ratios();
        assert_eq!(ratios.period, MINUTE);
        assert!((ratios.sharpe.unwrap() / want - 1.0).abs() < 1e-12);
        assert!((ratios.sortino.unwrap() / want_sortino - 1.0).abs() < 1e-12);
    }

    /// What is said instead of both ratios of a curve sampled once a minute.
    fn missing(equity: impl IntoIterator<Item = f64>) -> [String; 2] {
        let mut stats = EquityStats::new(MINUTE);
        for (minute, equity) in equity.into_iter().enumerate() {
            stats.push(minute as i64 * MINUTE, equity);
        }
        let ratios = stats.ratios();
        [ratios.sharpe, ratios.sortino]
            .map(|ratio| ratio.map_or_else(|why| why.to_string(), |_| "there".into()))
    }

    #[test]
    fn a_ratio_that_is_not_there_says_why() {
        let short = "3 changes of 1m in 3 min: at least 30 needed";
        assert_eq!(missing([1.0, 2.0, 1.0, 3.0]), [short; 2]);
        assert_eq!(missing([1.0, 2.0])[0], "1 change of 1m in 60 s: at least 30 needed");
        assert_eq!(missing([0.0; 31]), ["equity never changed"; 2]);
        let late = "equity was the same at the end of all 30 periods of 1m";
        let mut stats = EquityStats::new(MINUTE);
        (0..=30).for_each(|minute| stats.push(minute * MINUTE, 0.0));
        stats.push(30 * MINUTE + MINUTE / 2, 1.0);
        assert_eq!(stats.ratios().sharpe.unwrap_err().to_string(), late);
        let steady = ["equity changed by the same amount every 1m", "no 1m change was a loss"];
        assert_eq!(missing((0..31).map(f64::from)), steady);
        // Tenths are no doubles: a ratio of 10^17 was that of their rounding.
        assert_eq!(missing((0..31).map(|n| f64::from(n) / 10.0)), steady);
        assert_eq!(missing((0..31).map(|n| 1e9 + f64::from(n) / 10.0)), steady);
        assert_eq!(missing((0..31).map(|n| f64::from(n) / 10.0 + f64::from(n % 3) * 1e-6))[0], "there");
        let gains = (0..31).map(|n| f64::from(n * n));
        assert_eq!(missing(gains), ["there", "no 1m change was a loss"]);
        let around = (0..31).map(|n| f64::from(n % 2));
        assert_eq!(missing(around), ["there"; 2]);
        let mut rare = EquityStats::new(i64::MAX);
        rare.push(0, 1.0);
        assert_eq!(rare.ratios().sharpe.unwrap_err().to_string(), "samples of equity lie more than 1d apart");
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
        assert_eq!(fine.ratios().period, 3_600_000_000_000);
        assert_eq!(wide.ratios(), fine.ratios());
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
            assert!((a.loss_sq - b.loss_sq).abs() <= 1e-9 * a.loss_sq);
        }
    }

    #[test]
    fn the_last_moment_there_is_does_not_wrap() {
        let mut stats = EquityStats::new(1);
        for ts in [0, i64::MAX - 1, i64::MAX] {
            stats.push(ts, 1.0);
        }
        assert!(stats.ratios().sharpe.is_err());
    }
}
