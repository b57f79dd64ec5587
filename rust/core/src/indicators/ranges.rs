//! Ranges of bars.

use tradecore_wide::{Number, WIDTH, Wide};

use super::extremes::{Channel, Extreme};
use super::momentum::ratio;
use super::smooth::{Places, STRIDE, Smooth};
use super::spec::{Spec, VALUE, period, spec};
use super::state::state;
use super::stream::{Bits, Four, Fours, Indicator, Strides, StridesMut, by_fours};
use super::windows::{Mean, Sum};

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
        Some(true_range(high, low, last))
    }

    /// Takes up to four strides of bars after the first one.
    #[inline(always)]
    fn ranges<V: Wide>(&mut self, [high, low, close]: [Four<V>; 3], strides: usize) -> Four<V> {
        let mut before =
            V::splat(std::mem::replace(&mut self.last, close[strides - 1].numbers()[STRIDE - 1]));
        let mut ranges = high;
        for s in 0..WIDTH {
            ranges[s] = true_range(high[s], low[s], close[s].after(before));
            before = close[s];
        }
        ranges
    }
}

#[inline(always)]
fn true_range<N: Number>(high: N, low: N, last: N) -> N {
    let range = high - low;
    let up = (high - last).abs();
    let down = (low - last).abs();
    down.greater(up.greater(range))
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

    #[inline(always)]
    fn to_next_stride(&self) -> Option<usize> {
        self.mean.to_next_stride()
    }

    by_fours!(3);
}

impl Fours<3, 1> for Atr {
    type Begun<V: Wide> = Places<V>;
    type Linked<V: Wide> = V;

    #[inline(always)]
    fn begin<V: Wide>(&mut self, bars: [Four<V>; 3], strides: usize) -> Places<V> {
        self.mean.parts(V::transpose(self.range.ranges(bars, strides)))
    }

    #[inline(always)]
    fn link<V: Wide>(&mut self, begun: &Places<V>, strides: usize) -> V {
        self.mean.link(begun, strides)
    }

    #[inline(always)]
    fn end<V: Wide>(&mut self, begun: Places<V>, before: V) -> [Four<V>; 1] {
        [V::transpose(self.mean.places(begun, before))]
    }
}

impl Indicator<3, 1> for TrueRange {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        Some([self.push(high, low, close)?])
    }

    #[inline(always)]
    fn to_next_stride(&self) -> Option<usize> {
        self.has_last.then_some(0)
    }

    by_fours!(3);
}

impl Fours<3, 1> for TrueRange {
    type Begun<V: Wide> = Four<V>;
    type Linked<V: Wide> = ();

    #[inline(always)]
    fn begin<V: Wide>(&mut self, bars: [Four<V>; 3], strides: usize) -> Four<V> {
        self.ranges(bars, strides)
    }

    #[inline(always)]
    fn link<V: Wide>(&mut self, _: &Four<V>, _: usize) {}

    #[inline(always)]
    fn end<V: Wide>(&mut self, begun: Four<V>, (): ()) -> [Four<V>; 1] {
        [begun]
    }
}

#[derive(Debug, Clone)]
struct Natr(Atr);

state!(Natr { 0 });

impl Indicator<3, 1> for Natr {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        Some([100.0 * ratio(self.0.push(high, low, close)?, close)])
    }
}

#[derive(Debug, Clone)]
struct Chop {
    range: TrueRange,
    sum: Sum,
    channel: Channel,
    log_n: f64,
}

state!(Chop { range, sum, channel });

impl Indicator<3, 1> for Chop {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let range = self.range.push(high, low, close);
        let channel = self.channel.push(high, low);
        let sum = self.sum.push(range?)?;
        let (high, low) = channel?;
        Some([if high > low { 100.0 * libm::log10(sum / (high - low)) / self.log_n } else { f64::NAN }])
    }
}

#[derive(Debug, Clone)]
struct Ulcer {
    peak: Extreme,
    squares: Mean,
}

state!(Ulcer { peak, squares });

impl Indicator<1, 1> for Ulcer {
    const FLOOR: f64 = f64::MIN_POSITIVE;

    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        let peak = self.peak.push(x)?;
        let fall = 100.0 * (x / peak - 1.0);
        Some([self.squares.push(fall * fall)?.max(0.0).sqrt()])
    }
}

#[derive(Debug, Clone)]
struct Mass {
    averages: [Smooth; 2],
    sum: Sum,
}

state!(Mass { averages, sum });

impl Indicator<2, 1> for Mass {
    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 1]> {
        let one = self.averages[0].push(high - low)?;
        let two = self.averages[1].push(one)?;
        Some([self.sum.push(ratio(one, two))?])
    }
}

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "trange" "TRANGE" HLC [] -> [VALUE];
        "True range, in units of price." "``max(high - low, |high - close[1]|, |low - close[1]|)``.";
        1; TrueRange::default()),
    spec!(p; "atr" "ATR" HLC [period(1, 14)] -> [VALUE];
        "Average true range of Wilder, in units of price."
        "The mean of the true ranges of rows 1 to ``period``, then ``(before (period - 1) + range) / period``.";
        p.n(0); Atr::new(p.n(0))),
    spec!(p; "natr" "NATR" HLC [period(1, 14)] -> [VALUE];
        "Average true range, percent of the close." "``100 ATR / close``; 0 where the close is 0.";
        p.n(0); Natr(Atr::new(p.n(0)))),
    spec!(p; "chop" "CHOP" HLC [period(2, 14)] -> [VALUE];
    "Choppiness index, up to 100."
    "``100 log10(sum(true range) / (HH - LL)) / log10(period)`` over ``period`` rows; NaN where the highest high is \
     the lowest low.";
    p.n(0);
    Chop {
        range: TrueRange::default(),
        sum: Sum::new(p.n(0)),
        channel: Channel::new(p.n(0)),
        log_n: libm::log10(p.n(0) as f64),
    }),
    spec!(p; "ulcer" "ULCER" CLOSE [period(2, 14)] -> [VALUE];
        "Ulcer index of Martin, percent."
        "The root of the mean over ``period`` rows of squared falls from the highest close of ``period`` rows. A price \
         that is not above 0 is a row without a number.";
        2 * (p.n(0) - 1); Ulcer { peak: Extreme::highest(p.n(0)), squares: Mean::new(p.n(0)) }),
    spec!(p; "mass" "MASS" HL [
        period(2, 9), super::spec::Param::whole("sum", 1, 25, "Rows over which ratios are summed."),
    ] -> [VALUE];
        "Mass index of Dorsey."
        "The sum over ``sum`` rows of ``EMA(high - low) / EMA(EMA(high - low))``, a ratio of 0 where there is no range.";
        2 * (p.n(0) - 1) + p.n(1) - 1;
        Mass { averages: [p.n(0); 2].map(Smooth::ema), sum: Sum::new(p.n(1)) }),
];
