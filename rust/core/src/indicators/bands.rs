//! Bands around a price.

use tradecore_wide::Number;

use super::extremes::Channel;
use super::momentum::ratio;
use super::ranges::Atr;
use super::smooth::Smooth;
use super::spec::{Output, Param, Spec, VALUE, period, spec};
use super::state::state;
use super::stream::{Indicator, single};
use super::windows::{FromMoments, OfMoments};

/// Bands, so many standard deviations from the mean.
#[derive(Debug, Clone)]
struct Bollinger(f64);

impl FromMoments<3> for Bollinger {
    #[inline(always)]
    fn of<N: Number>(&self, _: N, mean: N, variance: N) -> [N; 3] {
        let width = N::splat(self.0) * variance.sqrt();
        [mean + width, mean, mean - width]
    }
}

/// Where a number lies between its bands.
#[derive(Debug, Clone)]
struct PercentB(Bollinger);

impl FromMoments<1> for PercentB {
    #[inline(always)]
    fn of<N: Number>(&self, x: N, mean: N, variance: N) -> [N; 1] {
        let [upper, _, lower] = self.0.of(x, mean, variance);
        let width = upper - lower;
        // Nothing by nothing, which is no number, where both are one.
        [(x - lower).unless_zero(width) / width]
    }
}

#[derive(Debug, Clone)]
struct Bandwidth(Bollinger);

impl FromMoments<1> for Bandwidth {
    #[inline(always)]
    fn of<N: Number>(&self, x: N, mean: N, variance: N) -> [N; 1] {
        let [upper, middle, lower] = self.0.of(x, mean, variance);
        [ratio(upper - lower, middle)]
    }
}

#[derive(Debug, Clone)]
struct Keltner {
    middle: Smooth,
    range: Atr,
    width: f64,
}

state!(Keltner { middle, range });

impl Indicator<3, 3> for Keltner {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 3]> {
        let middle = self.middle.push(close);
        let width = self.width * self.range.push(high, low, close)?;
        middle.map(|middle| [middle + width, middle, middle - width])
    }
}

#[derive(Debug, Clone)]
struct Donchian(Channel);

state!(Donchian { 0 });

impl Indicator<2, 3> for Donchian {
    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 3]> {
        let (high, low) = self.0.push(high, low)?;
        Some([high, f64::midpoint(high, low), low])
    }
}

#[derive(Debug, Clone)]
struct Midprice(Channel);

state!(Midprice { 0 });

impl Indicator<2, 1> for Midprice {
    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 1]> {
        self.0.push(high, low).map(|(high, low)| [f64::midpoint(high, low)])
    }
}

#[derive(Debug, Clone)]
struct Midpoint(Channel);

state!(Midpoint { 0 });
single!(Midpoint);

impl Midpoint {
    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        self.0.push(x, x).map(|(high, low)| f64::midpoint(high, low))
    }
}

const WIDTHS: (f64, f64) = (0.0, 1e6);
const STD: Param = Param::number("std", WIDTHS, 2.0, "Standard deviations from the middle to a band.");
const UPPER: Output = ("upper", "The upper band.");
const MIDDLE: Output = ("middle", "The middle.");
const LOWER: Output = ("lower", "The lower band.");

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "bbands" "BBANDS" CLOSE [period(2, 20), STD] -> [UPPER, MIDDLE, LOWER];
        "Bollinger bands."
        "``middle = SMA(close, period)``; ``upper`` and ``lower`` lie ``std`` standard deviations of the population \
         (divided by ``period``) away.";
        p.n(0) - 1; OfMoments::new(p.n(0), Bollinger(p.x(1)))),
    spec!(p; "percent_b" "PercentB" CLOSE [period(2, 20), STD] -> [VALUE];
        "Where a price lies between its Bollinger bands: 0 the lower, 1 the upper one."
        "``(close - lower) / (upper - lower)`` of :func:`bbands`; NaN where both are one.";
        p.n(0) - 1; OfMoments::new(p.n(0), PercentB(Bollinger(p.x(1))))),
    spec!(p; "bandwidth" "Bandwidth" CLOSE [period(2, 20), STD] -> [VALUE];
        "Width of Bollinger bands as a fraction of their middle."
        "``(upper - lower) / middle`` of :func:`bbands`; 0 where the middle is 0.";
        p.n(0) - 1; OfMoments::new(p.n(0), Bandwidth(Bollinger(p.x(1))))),
    spec!(p; "keltner" "KELTNER" HLC [
        period(2, 20), Param::whole("atr", 1, 10, "Length of the average true range, rows."),
        Param::number("width", WIDTHS, 2.0, "Average true ranges from the middle to a band."),
    ] -> [UPPER, MIDDLE, LOWER];
        "Keltner channel."
        "``EMA(close, period)``, and ``width`` times ``ATR(atr)`` above and below it.";
        (p.n(0) - 1).max(p.n(1));
        Keltner { middle: Smooth::ema(p.n(0)), range: Atr::new(p.n(1)), width: p.x(2) }),
    spec!(p; "donchian" "DONCHIAN" HL [period(1, 20)] -> [
        ("upper", "The highest high."), ("middle", "The middle."), ("lower", "The lowest low."),
    ];
        "Donchian channel."
        "Of the last ``period`` rows, this one included: for a breakout compare with the row before.";
        p.n(0) - 1; Donchian(Channel::new(p.n(0)))),
    spec!(p; "midpoint" "MIDPOINT" CLOSE [period(1, 14)] -> [VALUE];
        "Middle of the highest and the lowest." "``(max + min) / 2`` of the last ``period`` rows.";
        p.n(0) - 1; Midpoint(Channel::new(p.n(0)))),
    spec!(p; "midprice" "MIDPRICE" HL [period(1, 14)] -> [VALUE];
        "Middle of the highest high and the lowest low." "``(HH + LL) / 2`` of the last ``period`` rows.";
        p.n(0) - 1; Midprice(Channel::new(p.n(0)))),
];
