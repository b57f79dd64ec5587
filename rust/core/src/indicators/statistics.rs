//! Statistics of the last rows.

use tradecore_wide::Number;

use super::extremes::{Channel, Extreme};
use super::fractional::{Fractional, LEAST_TAU, rows};
use super::momentum::ratio;
use super::smooth::forgets;
use super::spec::{Param, Spec, VALUE, period, spec};
use super::state::{Memory, Reader, State, state};
use super::stream::{Indicator, single};
use super::windows::{FromMoments, OfMoments, Ring, Sum, Weighted};

single!(Sum);
single!(Extreme);

impl Indicator<1, 2> for Channel {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 2]> {
        self.push(x, x).map(|(high, low)| [low, high])
    }
}

/// A standard deviation, times a number.
#[derive(Debug, Clone)]
struct Deviation(f64);

impl FromMoments<1> for Deviation {
    #[inline(always)]
    fn of<N: Number>(&self, _: N, _: N, variance: N) -> [N; 1] {
        [N::splat(self.0) * variance.sqrt()]
    }
}

#[derive(Debug, Clone)]
struct Variance;

impl FromMoments<1> for Variance {
    #[inline(always)]
    fn of<N: Number>(&self, _: N, _: N, variance: N) -> [N; 1] {
        [variance]
    }
}

/// A distance to the mean in standard deviations.
#[derive(Debug, Clone)]
struct Zscore;

impl FromMoments<1> for Zscore {
    #[inline(always)]
    fn of<N: Number>(&self, x: N, mean: N, variance: N) -> [N; 1] {
        [ratio(x - mean, variance.sqrt())]
    }
}

/// A number made of mean-free powers of the window, counted anew in each row.
#[derive(Debug, Clone)]
struct Shape {
    window: Ring,
    power: i32,
    less: f64,
}

state!(Shape { window });
single!(Shape);

impl Shape {
    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        self.window.push(x);
        if !self.window.is_full() {
            return None;
        }
        let n = self.window.size() as f64;
        let mean = self.window.mean();
        let widest = self.window.iter().fold(0.0, |widest: f64, x| widest.max((x - mean).abs()));
        if widest == 0.0 {
            return Some(f64::NAN);
        }
        // Of the widest distance, so that no power is too large.
        let moment = |power| self.window.iter().map(|x| ((x - mean) / widest).powi(power)).sum::<f64>() / n;
        let deviation = moment(2).sqrt();
        Some(moment(self.power) / deviation.powi(self.power) - self.less)
    }
}

#[derive(Debug, Clone)]
struct Avgdev(Ring);

state!(Avgdev { 0 });
single!(Avgdev);

impl Avgdev {
    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        self.0.push(x);
        let n = self.0.size() as f64;
        self.0.is_full().then(|| {
            let mean = self.0.mean();
            self.0.iter().map(|x| (x - mean).abs()).sum::<f64>() / n
        })
    }
}

/// The window in order of size.
#[derive(Debug, Clone)]
struct Quantile {
    window: Ring,
    sorted: Vec<f64>,
    q: f64,
}

impl State for Quantile {
    fn write(&self, out: &mut Vec<u8>) {
        self.window.write(out);
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.window.read(from)?;
        let filled = self.window.filled();
        self.sorted = self.window.places()[..filled].to_vec();
        self.sorted.sort_unstable_by(f64::total_cmp);
        Some(())
    }

    fn reset(&mut self) {
        self.window.reset();
        self.sorted.clear();
    }

    fn hollow(&mut self) {
        self.window.hollow();
        self.sorted = Vec::new();
    }

    fn memory(&self) -> Option<Memory> {
        self.window.memory()
    }
}

single!(Quantile);

impl Quantile {
    fn new(n: usize, q: f64) -> Self {
        Self { window: Ring::new(n), sorted: Vec::with_capacity(n), q }
    }

    fn place(&self, x: f64) -> usize {
        self.sorted.partition_point(|known| known.total_cmp(&x).is_lt())
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        if let Some(old) = self.window.swap(x) {
            self.sorted.remove(self.place(old));
        }
        self.sorted.insert(self.place(x), x);
        if !self.window.is_full() {
            return None;
        }
        let at = self.q * (self.sorted.len() - 1) as f64;
        let (low, part) = (at.floor(), at - at.floor());
        let low = self.sorted[low as usize];
        let high = self.sorted[at.ceil() as usize];
        Some(low + (high - low) * part)
    }
}

/// A straight line through the window.
#[derive(Debug, Clone)]
struct Line {
    window: Weighted,
    n: f64,
    how: fn(f64, f64, f64) -> f64,
}

state!(Line { window });
single!(Line);

impl Line {
    fn new(n: usize, how: fn(f64, f64, f64) -> f64) -> Self {
        Self { window: Weighted::new(n), n: n as f64, how }
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        let [origin, sum, weighted] = self.window.push(x)?;
        let n = self.n;
        let slope = (weighted - sum * (n + 1.0) / 2.0) * 12.0 / (n * (n * n - 1.0));
        // Of row 0 of the window, the oldest.
        let start = origin + sum / n - slope * (n - 1.0) / 2.0;
        Some((self.how)(start, slope, n))
    }
}

/// Two windows that are compared.
#[derive(Debug, Clone)]
struct Both {
    x: Ring,
    y: Ring,
}

state!(Both { x, y });

impl Both {
    fn new(n: usize) -> Self {
        Self { x: Ring::new(n), y: Ring::new(n) }
    }

    /// Takes a row; the sums of squares and products without the means.
    #[inline(always)]
    fn push(&mut self, x: f64, y: f64) -> Option<[f64; 3]> {
        self.x.push(x);
        self.y.push(y);
        if !self.x.is_full() {
            return None;
        }
        let [mean_x, mean_y] = [&self.x, &self.y].map(Ring::mean);
        let mut sums = [0.0; 3];
        for (x, y) in self.x.iter().zip(self.y.iter()) {
            let (x, y) = (x - mean_x, y - mean_y);
            sums = [sums[0] + x * x, sums[1] + y * y, sums[2] + x * y];
        }
        Some(sums)
    }
}

#[derive(Debug, Clone)]
struct Correl(Both);

state!(Correl { 0 });

impl Indicator<2, 1> for Correl {
    #[inline(always)]
    fn update(&mut self, [x, y]: [f64; 2]) -> Option<[f64; 1]> {
        let [xx, yy, xy] = self.0.push(x, y)?;
        Some([ratio(xy, xx.sqrt() * yy.sqrt())])
    }
}

#[derive(Debug, Clone)]
struct Beta {
    has_last: bool,
    last: [f64; 2],
    returns: Both,
}

state!(Beta { has_last, last, returns });

impl Indicator<2, 1> for Beta {
    #[inline(always)]
    fn update(&mut self, row: [f64; 2]) -> Option<[f64; 1]> {
        let last = std::mem::replace(&mut self.last, row);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        let [x, y] = [0, 1].map(|i| ratio(row[i] - last[i], last[i]));
        let [xx, _, xy] = self.returns.push(x, y)?;
        Some([ratio(xy, xx)])
    }
}

#[derive(Debug, Clone)]
struct Drawdown {
    has_peak: bool,
    peak: f64,
}

state!(Drawdown { has_peak, peak }; |_| None);

impl Indicator<1, 1> for Drawdown {
    const FLOOR: f64 = f64::MIN_POSITIVE;

    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        self.peak = if std::mem::replace(&mut self.has_peak, true) { self.peak.max(x) } else { x };
        Some([x / self.peak - 1.0])
    }
}

#[derive(Debug, Clone)]
struct Ewm {
    has_mean: bool,
    mean: f64,
    variance: f64,
    take: f64,
}

state!(Ewm { has_mean, mean, variance }; |own| Some(forgets(1.0 - own.take)));

impl Indicator<1, 2> for Ewm {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 2]> {
        if !std::mem::replace(&mut self.has_mean, true) {
            self.mean = x;
        }
        let distance = x - self.mean;
        self.mean += self.take * distance;
        self.variance = (1.0 - self.take) * (self.variance + self.take * distance * distance);
        Some([self.mean, self.variance])
    }
}

const SCALE: Param = Param::number("std", (0.0, 1e6), 1.0, "What the result is multiplied with.");

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "stddev" "STDDEV" CLOSE [period(2, 5), SCALE] -> [VALUE];
        "Standard deviation." "Of the population: divided by ``period``.";
        p.n(0) - 1; OfMoments::new(p.n(0), Deviation(p.x(1)))),
    spec!(p; "var" "VAR" CLOSE [period(2, 5)] -> [VALUE];
        "Variance." "Of the population: divided by ``period``.";
        p.n(0) - 1; OfMoments::new(p.n(0), Variance)),
    spec!(p; "zscore" "ZSCORE" CLOSE [period(2, 20)] -> [VALUE];
    "Distance to the mean in standard deviations."
    "``(x - mean) / std`` of the population of ``period`` rows, this one included; 0 where nothing deviates.";
    p.n(0) - 1; OfMoments::new(p.n(0), Zscore)),
    spec!(p; "skew" "SKEW" CLOSE [period(2, 20)] -> [VALUE];
        "Skewness." "``mean((x - mean)^3) / std^3`` of the population; NaN where nothing deviates.";
        p.n(0) - 1; Shape { window: Ring::new(p.n(0)), power: 3, less: 0.0 }),
    spec!(p; "kurt" "KURT" CLOSE [period(2, 20)] -> [VALUE];
        "Excess kurtosis, 0 of a normal distribution."
        "``mean((x - mean)^4) / std^4 - 3`` of the population; NaN where nothing deviates.";
        p.n(0) - 1; Shape { window: Ring::new(p.n(0)), power: 4, less: 3.0 }),
    spec!(p; "avgdev" "AVGDEV" CLOSE [period(2, 14)] -> [VALUE];
        "Mean absolute deviation." "``mean |x - mean|``."; p.n(0) - 1; Avgdev(Ring::new(p.n(0)))),
    spec!(p; "median" "MEDIAN" CLOSE [period(1, 20)] -> [VALUE];
        "Median." "The middle one of ``period`` rows, or the mean of the two in the middle.";
        p.n(0) - 1; Quantile::new(p.n(0), 0.5)),
    spec!(p; "quantile" "QUANTILE" CLOSE [
        period(1, 20), Param::number("q", (0.0, 1.0), 0.5, "Part of the rows that lie below."),
    ] -> [VALUE];
        "Quantile." "Between two rows interpolated on a straight line."; p.n(0) - 1; Quantile::new(p.n(0), p.x(1))),
    spec!(p; "max" "MAX" CLOSE [period(1, 30)] -> [VALUE];
        "Highest of the last rows." "Of ``period`` rows, this one included."; p.n(0) - 1; Extreme::highest(p.n(0))),
    spec!(p; "min" "MIN" CLOSE [period(1, 30)] -> [VALUE];
        "Lowest of the last rows." "Of ``period`` rows, this one included."; p.n(0) - 1; Extreme::lowest(p.n(0))),
    spec!(p; "minmax" "MINMAX" CLOSE [period(1, 30)] -> [("min", "The lowest."), ("max", "The highest.")];
        "Lowest and highest of the last rows." "Of ``period`` rows, this one included."; p.n(0) - 1; Channel::new(p.n(0))),
    spec!(p; "fracdiff" "FRACDIFF" CLOSE [
        Param::number("d", (0.0, 2.0), 0.4, "Order: 0 leaves the logarithm as it is, 1 makes log returns of it."),
        Param::number("tau", (LEAST_TAU, 1.0), 1e-3, "The least weight that counts."),
    ] -> [VALUE];
        "Fractional difference of the logarithm of a price."
        "``sum of w[k] log(x[k])`` over the rows before, ``w[0] = 1, w[k] = -w[k-1] (d - k + 1) / k`` up to the first \
         below ``tau``, as :func:`tradecore.ml.fractional_weights` gives them. A price that is not above 0 is a row \
         without a number.";
        rows(p.x(0), p.x(1)) - 1; Fractional::new(p.x(0), p.x(1))),
    spec!(p; "sum" "SUM" CLOSE [period(1, 30)] -> [VALUE];
        "Sum of the last rows." "Counted anew every ``period`` rows, so that it does not drift."; p.n(0) - 1; Sum::new(p.n(0))),
    spec!(p; "linearreg" "LINEARREG" CLOSE [period(2, 14)] -> [VALUE];
        "Linear regression: its value in this row." "The straight line of least squares through ``period`` rows.";
        p.n(0) - 1; Line::new(p.n(0), |start, slope, n| start + slope * (n - 1.0))),
    spec!(p; "linearreg_slope" "LinearRegSlope" CLOSE [period(2, 14)] -> [VALUE];
        "Linear regression: its slope, per row." "Of the line of :func:`linearreg`.";
        p.n(0) - 1; Line::new(p.n(0), |_, slope, _| slope)),
    spec!(p; "linearreg_intercept" "LinearRegIntercept" CLOSE [period(2, 14)] -> [VALUE];
        "Linear regression: its value in the oldest row." "Of the line of :func:`linearreg`.";
        p.n(0) - 1; Line::new(p.n(0), |start, _, _| start)),
    spec!(p; "linearreg_angle" "LinearRegAngle" CLOSE [period(2, 14)] -> [VALUE];
        "Linear regression: the angle of its slope, degrees." "``atan(slope)`` of the line of :func:`linearreg`.";
        p.n(0) - 1; Line::new(p.n(0), |_, slope, _| libm::atan(slope).to_degrees())),
    spec!(p; "tsf" "TSF" CLOSE [period(2, 14)] -> [VALUE];
        "Linear regression: its value in the next row." "Of the line of :func:`linearreg`.";
        p.n(0) - 1; Line::new(p.n(0), |start, slope, n| start + slope * n)),
    spec!(p; "correl" "CORREL" XY [period(2, 30)] -> [VALUE];
        "Correlation of Pearson, -1 to 1." "Of ``period`` rows; 0 where one of the two does not deviate.";
        p.n(0) - 1; Correl(Both::new(p.n(0)))),
    spec!(p; "beta" "BETA" XY [period(2, 5)] -> [VALUE];
        "Beta of the returns of ``y`` to those of ``x``."
        "``cov(x, y) / var(x)`` of returns ``x / x[1] - 1`` of ``period`` rows; 0 where ``x`` does not deviate.";
        p.n(0); Beta { has_last: false, last: [0.0; 2], returns: Both::new(p.n(0)) }),
    spec!(p; "drawdown" "Drawdown" CLOSE [] -> [VALUE];
        "Fall from the highest so far, a fraction from -1 to 0."
        "``x / max(x) - 1``; a value that is not above 0 is a row without a number.";
        0; Drawdown { has_peak: false, peak: 0.0 }),
    spec!(p; "ewm" "EWM" CLOSE [Param::whole("span", 1, 20, "Rows ``s`` of the weight ``2 / (s + 1)``.")] -> [
        ("mean", "The mean."), ("var", "The variance about it."),
    ];
        "Exponentially weighted mean and variance, begun with the first row."
        "``d = x - mean``, ``mean += a d``, ``var = (1 - a) (var + a d^2)`` with ``a = 2 / (span + 1)``.";
        0; Ewm { has_mean: false, mean: 0.0, variance: 0.0, take: 2.0 / (p.n(0) as f64 + 1.0) }),
];
