//! Distances of averages to each other.

use tradecore_wide::Wide;

use super::momentum::ratio;
use super::ranges::TrueRange;
use super::smooth::{Lanes, Places, Smooth, ema_weight};
use super::spec::{Param, Spec, VALUE, period, spec};
use super::state::{Count, State, state};
use super::stream::{Bits, Four, Fours, Indicator, Pairs, Strides, StridesMut, single};
use super::windows::{Mean, Ring, Sum};

/// A fast and a slow exponential average.
#[derive(Debug, Clone)]
struct Averages {
    takes: [f64; 2],
    lanes: Lanes<2>,
}

state!(Averages { lanes });

impl Averages {
    #[inline(always)]
    fn push(&mut self, x: f64) -> [f64; 2] {
        self.lanes.step(self.takes.map(|take| take * x))
    }
}

impl Pairs for Averages {
    #[inline(always)]
    fn parts<V: Wide>(&mut self, numbers: Places<V>, _: usize) -> [Places<V>; 2] {
        let mut taken = [numbers; 2];
        for (taken, take) in taken.iter_mut().zip(self.takes) {
            for number in taken {
                *number = V::splat(take) * *number;
            }
        }
        self.lanes.parts(taken)
    }

    #[inline(always)]
    fn lanes(&mut self) -> &mut Lanes<2> {
        &mut self.lanes
    }

    #[inline(always)]
    fn of<V: Wide>([fast, slow]: [V; 2]) -> V {
        fast - slow
    }
}

/// Both, begun in one row, each with the mean of its last rows there.
#[derive(Debug, Clone)]
struct Pair {
    sums: [Sum; 2],
    rows: Count,
    sizes: [f64; 2],
    averages: Averages,
}

state!(Pair { sums, rows, averages });

impl Pair {
    fn new(fast: usize, slow: usize) -> Self {
        let sizes = [fast, slow];
        let takes = sizes.map(ema_weight);
        Self {
            sums: sizes.map(Sum::new),
            rows: Count::to(slow),
            sizes: sizes.map(|n| n as f64),
            averages: Averages { takes, lanes: Lanes::new(takes.map(|take| 1.0 - take)) },
        }
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<[f64; 2]> {
        if self.rows.is_full() {
            return Some(self.averages.push(x));
        }
        self.rows.next();
        let (fast, slow) = (self.sums[0].push(x), self.sums[1].push(x)?);
        let means = [fast? / self.sizes[0], slow / self.sizes[1]];
        self.averages.lanes.start(means);
        self.sums.reset();
        Some(means)
    }
}

/// An average of a line, and what is left of the line without it.
#[derive(Debug, Clone)]
struct Signal(Smooth);

state!(Signal { 0 });

impl Fours<1, 2> for Signal {
    type Begun<V: Wide> = (Four<V>, Places<V>);
    type Linked<V: Wide> = V;

    #[inline(always)]
    fn begin<V: Wide>(&mut self, [line]: [Four<V>; 1], _: usize) -> (Four<V>, Places<V>) {
        (line, self.0.parts(V::transpose(line)))
    }

    #[inline(always)]
    fn link<V: Wide>(&mut self, (_, parts): &(Four<V>, Places<V>), strides: usize) -> V {
        self.0.link(parts, strides)
    }

    #[inline(always)]
    fn end<V: Wide>(&mut self, (line, parts): (Four<V>, Places<V>), before: V) -> [Four<V>; 2] {
        let signal = V::transpose(self.0.places(parts, before));
        let mut hist = line;
        for (hist, signal) in hist.iter_mut().zip(signal) {
            *hist = *hist - signal;
        }
        [signal, hist]
    }
}

#[derive(Debug, Clone)]
struct Macd {
    pair: Pair,
    signal: Signal,
}

state!(Macd { pair, signal });

impl Indicator<1, 3> for Macd {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 3]> {
        let [fast, slow] = self.pair.push(x)?;
        let line = fast - slow;
        let has_begun = self.signal.0.has_begun();
        let signal = self.signal.0.push(line)?;
        if !has_begun {
            // So that the strides of all begin in one row.
            self.pair.averages.lanes.begin_stride();
        }
        Some([line, signal, line - signal])
    }

    #[inline(always)]
    fn to_next_stride(&self) -> Option<usize> {
        self.signal.0.to_next_stride().filter(|rows| self.pair.averages.lanes.to_next_stride() == *rows)
    }

    #[inline(always)]
    fn strides<V: Wide>(&mut self, x: [Strides<'_>; 1], [line, signal, hist]: [StridesMut<'_>; 3]) -> Bits {
        let bits = self.pair.averages.take::<V>(x, [line]);
        self.signal.take::<V>([line], [signal, hist]);
        bits
    }
}

/// The difference of two averages of one kind, of itself or of the slow one, percent.
#[derive(Debug, Clone)]
struct PriceOscillator {
    is_ema: bool,
    is_percent: bool,
    means: [Mean; 2],
    averages: [Smooth; 2],
}

state!(PriceOscillator { means, averages });
single!(PriceOscillator);

impl PriceOscillator {
    fn new(fast: usize, slow: usize, is_ema: bool, is_percent: bool) -> Self {
        Self {
            is_ema,
            is_percent,
            means: [fast, slow].map(Mean::new),
            averages: [fast, slow].map(Smooth::ema),
        }
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        let (fast, slow) = if self.is_ema {
            (self.averages[0].push(x), self.averages[1].push(x)?)
        } else {
            (self.means[0].push(x), self.means[1].push(x)?)
        };
        let fast = fast?;
        Some(if self.is_percent { 100.0 * ratio(fast - slow, slow) } else { fast - slow })
    }
}

#[derive(Debug, Clone)]
struct Awesome([Mean; 2]);

state!(Awesome { 0 });

impl Indicator<2, 1> for Awesome {
    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 1]> {
        let middle = f64::midpoint(high, low);
        let fast = self.0[0].push(middle);
        let slow = self.0[1].push(middle)?;
        Some([fast? - slow])
    }
}

#[derive(Debug, Clone)]
struct Cci {
    window: Ring,
}

state!(Cci { window });

impl Indicator<3, 1> for Cci {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let price = (high + low + close) / 3.0;
        self.window.push(price);
        if !self.window.is_full() {
            return None;
        }
        let n = self.window.size() as f64;
        let mean = self.window.mean();
        let deviation = self.window.iter().map(|x| (x - mean).abs()).sum::<f64>() / n;
        Some([ratio(price - mean, 0.015 * deviation)])
    }
}

#[derive(Debug, Clone)]
struct Ultosc {
    range: TrueRange,
    last: f64,
    pressures: [Sum; 3],
    ranges: [Sum; 3],
}

state!(Ultosc { range, last, pressures, ranges });

impl Ultosc {
    fn new(periods: [usize; 3]) -> Self {
        Self {
            range: TrueRange::default(),
            last: 0.0,
            pressures: periods.map(Sum::new),
            ranges: periods.map(Sum::new),
        }
    }
}

impl Indicator<3, 1> for Ultosc {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let last = std::mem::replace(&mut self.last, close);
        let range = self.range.push(high, low, close)?;
        let pressure = close - low.min(last);
        let mut total = Some(0.0);
        for (i, weight) in [4.0, 2.0, 1.0].into_iter().enumerate() {
            let part = self.pressures[i].push(pressure).zip(self.ranges[i].push(range));
            total = total.zip(part).map(|(total, (pressure, range))| total + weight * ratio(pressure, range));
        }
        total.map(|total| [100.0 * total / 7.0])
    }
}

#[derive(Debug, Clone)]
struct Bop;

state!(Bop {});

impl Indicator<4, 1> for Bop {
    #[inline(always)]
    fn update(&mut self, [open, high, low, close]: [f64; 4]) -> Option<[f64; 1]> {
        Some([if high > low { (close - open) / (high - low) } else { 0.0 }])
    }
}

#[derive(Debug, Clone)]
struct Dpo {
    past: Ring,
    mean: Mean,
}

state!(Dpo { past, mean });
single!(Dpo);

impl Dpo {
    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        let past = self.past.swap(x);
        let mean = self.mean.push(x)?;
        Some(past? - mean)
    }
}

const FAST: Param = Param::whole("fast", 2, 12, "Length of the fast average, rows.");
const SLOW: Param = Param::whole("slow", 2, 26, "Length of the slow average, rows; above ``fast``.");
const SIGNAL: Param = Param::whole("signal", 1, 9, "Length of the average of the line, rows.");

const MA: Param = Param::word("ma", &["sma", "ema"], "Kind of the averages.");

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "macd" "MACD" CLOSE [FAST, SLOW, SIGNAL] -> [
        ("macd", "The line."), ("signal", "Its average."), ("hist", "The difference of both."),
    ];
        "Moving average convergence divergence of Appel."
        "``macd = EMA(fast) - EMA(slow)``, ``signal = EMA(macd, signal)``, ``hist = macd - signal``. Both averages \
         begin at row ``slow - 1``, each with the mean of its last rows there; all outputs begin with the signal.";
        p.n(1) + p.n(2) - 2; Macd { pair: Pair::new(p.n(0), p.n(1)), signal: Signal(Smooth::ema(p.n(2))) };
        ascending [0, 1]),
    spec!(p; "apo" "APO" CLOSE [FAST, SLOW, MA] -> [VALUE];
        "Absolute price oscillator."
        "The fast average less the slow one; each begins by itself, which :func:`macd` does not.";
        p.n(1) - 1; PriceOscillator::new(p.n(0), p.n(1), p.n(2) == 1, false); ascending [0, 1]),
    spec!(p; "ppo" "PPO" CLOSE [FAST, SLOW, MA] -> [VALUE];
        "Percentage price oscillator."
        "``100 (fast - slow) / slow`` of two averages; each begins by itself, which :func:`macd` does not.";
        p.n(1) - 1; PriceOscillator::new(p.n(0), p.n(1), p.n(2) == 1, true); ascending [0, 1]),
    spec!(p; "ao" "AO" HL [
        Param::whole("fast", 1, 5, "Length of the fast average, rows."),
        Param::whole("slow", 2, 34, "Length of the slow average, rows; above ``fast``."),
    ] -> [VALUE];
        "Awesome oscillator of Williams."
        "``SMA(m, fast) - SMA(m, slow)`` of the middles ``m = (high + low) / 2``.";
        p.n(1) - 1; Awesome([p.n(0), p.n(1)].map(Mean::new)); ascending [0, 1]),
    spec!(p; "dpo" "DPO" CLOSE [period(1, 20)] -> [VALUE];
        "Detrended price oscillator."
        "``x[period // 2 + 1] - SMA(x, period)``: the old price against the average of now, so nothing is read ahead.";
        (p.n(0) - 1).max(p.n(0) / 2 + 1);
        Dpo { past: Ring::new(p.n(0) / 2 + 1), mean: Mean::new(p.n(0)) }),
    spec!(p; "cci" "CCI" HLC [period(2, 20)] -> [VALUE];
        "Commodity channel index of Lambert."
        "``(tp - SMA(tp)) / (0.015 mean |tp - SMA(tp)|)`` of the typical price ``(high + low + close) / 3``; 0 where \
         nothing deviates.";
        p.n(0) - 1; Cci { window: Ring::new(p.n(0)) }),
    spec!(p; "ultosc" "ULTOSC" HLC [
        Param::whole("short", 1, 7, "The shortest window, rows."),
        Param::whole("middle", 1, 14, "The middle one, rows; above ``short``."),
        Param::whole("long", 1, 28, "The longest one, rows; above ``middle``."),
    ] -> [VALUE];
        "Ultimate oscillator of Williams, 0 to 100."
        "``sum(close - min(low, close[1])) / sum(true range)`` over three windows, weighted 4, 2 and 1.";
        p.n(2); Ultosc::new([p.n(0), p.n(1), p.n(2)]); ascending [0, 1, 2]),
    spec!(p; "bop" "BOP" OHLC [] -> [VALUE];
        "Balance of power, -1 to 1." "``(close - open) / (high - low)``; 0 of a bar without a range.";
        0; Bop),
];
