//! Volatility of bars: of their closes, and of the prices between.

use super::spec::{Param, Spec, VALUE, period, spec};
use super::state::state;
use super::stream::Indicator;
use super::windows::{Mean, Moments};

/// Only prices have logarithms.
const PRICES: f64 = f64::MIN_POSITIVE;

#[derive(Debug, Clone)]
struct Historical {
    has_last: bool,
    last: f64,
    window: Moments,
    scale: f64,
}

state!(Historical { has_last, last, window });

impl Indicator<1, 1> for Historical {
    const FLOOR: f64 = PRICES;

    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        let last = std::mem::replace(&mut self.last, x);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        let [_, variance] = self.window.push(libm::log(x / last))?;
        Some([(variance * self.scale).sqrt()])
    }
}

/// The variance of a bar by one of the formulas, `[open, high, low, close]`.
type OfBar = fn([f64; 4]) -> f64;

fn garman_klass([open, high, low, close]: [f64; 4]) -> f64 {
    let (range, change) = (libm::log(high / low), libm::log(close / open));
    0.5 * range * range - (2.0 * std::f64::consts::LN_2 - 1.0) * change * change
}

fn rogers_satchell([open, high, low, close]: [f64; 4]) -> f64 {
    libm::log(high / close) * libm::log(high / open) + libm::log(low / close) * libm::log(low / open)
}

/// The root of the mean of what each bar says.
#[derive(Debug, Clone)]
struct Ranges {
    mean: Mean,
    of_bar: OfBar,
    scale: f64,
}

state!(Ranges { mean });

/// A volatility; below 0 are bars whose prices do not fit together, and the last digits of a sum of nothing.
fn root(variance: f64, scale: f64) -> f64 {
    (variance.max(0.0) * scale).sqrt()
}

impl Indicator<4, 1> for Ranges {
    const FLOOR: f64 = PRICES;

    #[inline(always)]
    fn update(&mut self, bar: [f64; 4]) -> Option<[f64; 1]> {
        Some([root(self.mean.push((self.of_bar)(bar))?, self.scale)])
    }
}

#[derive(Debug, Clone)]
struct Parkinson {
    mean: Mean,
    scale: f64,
}

state!(Parkinson { mean });

impl Indicator<2, 1> for Parkinson {
    const FLOOR: f64 = PRICES;

    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 1]> {
        let range = libm::log(high / low);
        let mean = self.mean.push(range * range / (4.0 * std::f64::consts::LN_2))?;
        Some([root(mean, self.scale)])
    }
}

#[derive(Debug, Clone)]
struct YangZhang {
    has_last: bool,
    last: f64,
    nights: Moments,
    days: Moments,
    ranges: Mean,
    n: f64,
    scale: f64,
}

state!(YangZhang { has_last, last, nights, days, ranges });

impl Indicator<4, 1> for YangZhang {
    const FLOOR: f64 = PRICES;

    #[inline(always)]
    fn update(&mut self, bar: [f64; 4]) -> Option<[f64; 1]> {
        let [open, _, _, close] = bar;
        let last = std::mem::replace(&mut self.last, close);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        let nights = self.nights.push(libm::log(open / last));
        let days = self.days.push(libm::log(close / open));
        let ranges = self.ranges.push(rogers_satchell(bar))?;
        let ([_, nights], [_, days]) = nights.zip(days)?;
        let sample = self.n / (self.n - 1.0);
        let weight = 0.34 / (1.34 + (self.n + 1.0) / (self.n - 1.0));
        let variance = sample * (nights + weight * days) + (1.0 - weight) * ranges;
        Some([root(variance, self.scale)])
    }
}

const BARS: Param =
    Param::number("bars_per_year", (0.0, 1e12), 1.0, "Bars to scale to; 1 is the volatility of one bar.");

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "historical_volatility" "HistoricalVolatility" CLOSE [period(2, 20), BARS] -> [VALUE];
    "Historical volatility."
    "The standard deviation of a sample (divided by ``period - 1``) of ``ln(close / close[1])``, times the root of \
     ``bars_per_year``. A price that is not above 0 is a row without a number.";
    p.n(0);
    Historical {
        has_last: false,
        last: 0.0,
        window: Moments::new(p.n(0)),
        scale: p.x(1) * p.n(0) as f64 / (p.n(0) as f64 - 1.0),
    }),
    spec!(p; "parkinson" "Parkinson" HL [period(1, 20), BARS] -> [VALUE];
        "Volatility of Parkinson."
        "``sqrt(mean(ln(high / low)^2) / (4 ln 2))`` over ``period`` rows, times the root of ``bars_per_year``.";
        p.n(0) - 1; Parkinson { mean: Mean::new(p.n(0)), scale: p.x(1) }),
    spec!(p; "garman_klass" "GarmanKlass" OHLC [period(1, 20), BARS] -> [VALUE];
        "Volatility of Garman and Klass."
        "``sqrt(mean(ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2))``, times the root of ``bars_per_year``.";
        p.n(0) - 1; Ranges { mean: Mean::new(p.n(0)), of_bar: garman_klass, scale: p.x(1) }),
    spec!(p; "rogers_satchell" "RogersSatchell" OHLC [period(1, 20), BARS] -> [VALUE];
        "Volatility of Rogers and Satchell."
        "``sqrt(mean(ln(high / close) ln(high / open) + ln(low / close) ln(low / open)))``, times the root of \
         ``bars_per_year``.";
        p.n(0) - 1; Ranges { mean: Mean::new(p.n(0)), of_bar: rogers_satchell, scale: p.x(1) }),
    spec!(p; "yang_zhang" "YangZhang" OHLC [period(2, 20), BARS] -> [VALUE];
    "Volatility of Yang and Zhang."
    "The root of ``V(ln(open / close[1])) + k V(ln(close / open)) + (1 - k) RS`` with ``V`` the variance of a \
     sample, ``RS`` the mean of :func:`rogers_satchell` and ``k = 0.34 / (1.34 + (period + 1) / (period - 1))``, \
     times that of ``bars_per_year``.";
    p.n(0);
    YangZhang {
        has_last: false,
        last: 0.0,
        nights: Moments::new(p.n(0)),
        days: Moments::new(p.n(0)),
        ranges: Mean::new(p.n(0)),
        n: p.n(0) as f64,
        scale: p.x(1),
    }),
];
