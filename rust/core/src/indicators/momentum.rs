//! How far and how fast a price has moved.

use std::array;

use tradecore_wide::{Number, Wide};

use super::averages::Cascade;
use super::extremes::Channel;
use super::said::Said;
use super::smooth::{Lanes, Places, STRIDE, Smooth};
use super::spec::{Param, Spec, VALUE, period, spec};
use super::state::{Count, state};
use super::stream::{Bits, Fours, Indicator, Pairs, Strides, StridesMut, by_fours, single};
use super::windows::{Mean, Ring};

/// What is said of a change of the price, beside its size.
trait OfMove {
    fn of<N: Number>(change: N) -> N;
}

/// That and the sizes as Wilder averages them, in place of the averages their sums: what is asked for are ratios.
#[derive(Debug, Clone)]
struct Moves {
    has_last: bool,
    last: f64,
    count: Count,
    first: [f64; 2],
    sums: Lanes<2>,
}

state!(Moves { has_last, last, count, first, sums });

impl Moves {
    fn new(n: usize) -> Self {
        let keep = 1.0 - 1.0 / n as f64;
        let sums = Lanes::new([keep; 2]);
        Self { has_last: false, last: 0.0, count: Count::to(n), first: [0.0; 2], sums }
    }

    #[inline(always)]
    fn push<O: OfMove>(&mut self, x: f64) -> Option<f64> {
        let change = x - std::mem::replace(&mut self.last, x);
        let moves = [O::of(change), change.abs()];
        if self.count.is_full() {
            return Some(percent(self.sums.step(moves)));
        }
        if !self.has_last {
            self.has_last = true;
            return None;
        }
        self.count.next();
        self.first = array::from_fn(|lane| self.first[lane] + moves[lane]);
        if !self.count.is_full() {
            return None;
        }
        let first = std::mem::take(&mut self.first);
        self.sums.start(first);
        Some(percent(first))
    }

    #[inline(always)]
    fn to_next_stride(&self) -> Option<usize> {
        self.count.is_full().then(|| self.sums.to_next_stride())
    }

    #[inline(always)]
    fn parts<O: OfMove, V: Wide>(&mut self, numbers: Places<V>, strides: usize) -> [Places<V>; 2] {
        let end = numbers[STRIDE - 1];
        let before = end.after(V::splat(std::mem::replace(&mut self.last, end.numbers()[strides - 1])));
        let mut both = [numbers; 2];
        for place in 0..STRIDE {
            let last = if place == 0 { before } else { numbers[place - 1] };
            let change = numbers[place] - last;
            [both[0][place], both[1][place]] = [O::of(change), change.abs()];
        }
        self.sums.parts(both)
    }
}

/// A ratio, 0 where there is nothing to divide by.
#[inline(always)]
pub(super) fn ratio<N: Number>(part: N, whole: N) -> N {
    (part / whole).unless_zero(whole)
}

/// What part of the moves something is: 0 where nothing moved, as part of the least there is, and no number where they
/// are none. Never more than all of them, since both are rounded alike.
#[inline(always)]
fn percent<N: Number>([part, whole]: [N; 2]) -> N {
    N::splat(100.0) * (part / N::splat(f64::MIN_POSITIVE).greater(whole))
}

#[derive(Debug, Clone)]
pub(super) struct Rsi(Moves);

impl Rsi {
    pub(super) fn new(n: usize) -> Self {
        Self(Moves::new(n))
    }
}

impl OfMove for Rsi {
    /// A rise: which of the two a change is cannot be foretold, so nothing branches on it.
    #[inline(always)]
    fn of<N: Number>(change: N) -> N {
        change.greater(N::splat(0.0))
    }
}

#[derive(Debug, Clone)]
struct Cmo(Moves);

impl OfMove for Cmo {
    /// A rise less a fall.
    #[inline(always)]
    fn of<N: Number>(change: N) -> N {
        change
    }
}

/// What is said of all moves together.
macro_rules! of_moves {
    ($($type:ident)*) => {$(
        state!($type { 0 });

        impl Indicator<1, 1> for $type {
            #[inline(always)]
            fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
                Some([self.push(x)?])
            }

            #[inline(always)]
            fn to_next_stride(&self) -> Option<usize> {
                self.0.to_next_stride()
            }

            by_fours!(1);
        }

        impl $type {
            #[inline(always)]
            pub(super) fn push(&mut self, x: f64) -> Option<f64> {
                self.0.push::<Self>(x)
            }
        }

        impl Pairs for $type {
            #[inline(always)]
            fn parts<V: Wide>(&mut self, numbers: Places<V>, strides: usize) -> [Places<V>; 2] {
                self.0.parts::<Self, V>(numbers, strides)
            }

            #[inline(always)]
            fn lanes(&mut self) -> &mut Lanes<2> {
                &mut self.0.sums
            }

            #[inline(always)]
            fn of<V: Wide>(pair: [V; 2]) -> V {
                percent(pair)
            }
        }
    )*};
}

of_moves!(Rsi Cmo);

/// A number, and the one `n` rows ago.
#[derive(Debug, Clone)]
struct Lagged(Ring);

state!(Lagged { 0 });

impl Indicator<1, 2> for Lagged {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 2]> {
        self.0.swap(x).map(|old| [x, old])
    }
}

/// A number against the one `n` rows ago.
fn against(n: usize, how: impl Fn(f64, f64) -> f64 + Clone + Send + Sync + 'static) -> impl Indicator<1, 1> {
    Said::of(Lagged(Ring::new(n)), move |[x, old]: [f64; 2]| [how(x, old)])
}

/// The logarithm of a price to the one `n` rows ago.
#[derive(Debug, Clone)]
struct LogReturn(Ring);

state!(LogReturn { 0 });

impl Indicator<1, 1> for LogReturn {
    const FLOOR: f64 = f64::MIN_POSITIVE;

    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        self.0.swap(x).map(|old| [libm::log(x / old)])
    }
}

#[derive(Debug, Clone)]
struct Trix {
    averages: Cascade<3>,
    last: Ring,
}

state!(Trix { averages, last });

impl Indicator<1, 1> for Trix {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        let averages = self.averages.push(x)?;
        growth(&mut self.last, averages).map(|growth| [growth])
    }

    #[inline(always)]
    fn batch<V: Wide>(&mut self, [x]: [&[f64]; 1], [out]: &mut [&mut [f64]; 1]) -> bool {
        let mut is_ready = false;
        self.averages.batch::<V>(x, out, |averages| {
            let growth = growth(&mut self.last, averages);
            is_ready = growth.is_some();
            growth.unwrap_or(f64::NAN)
        });
        is_ready
    }
}

/// The growth of the third average, percent, once there was one before.
#[inline(always)]
fn growth(last: &mut Ring, [_, _, three]: [f64; 3]) -> Option<f64> {
    last.swap(three).map(|last| 100.0 * ratio(three - last, last))
}

/// Where a price lies between the lowest and the highest, 0 to 1.
#[inline(always)]
fn place((high, low): (f64, f64), x: f64) -> f64 {
    ratio(x - low, high - low)
}

#[derive(Debug, Clone)]
struct Willr(Channel);

state!(Willr { 0 });

impl Indicator<3, 1> for Willr {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let (high, low) = self.0.push(high, low)?;
        Some([-100.0 * ratio(high - close, high - low)])
    }
}

#[derive(Debug, Clone)]
struct Stochf {
    channel: Channel,
    mean: Mean,
}

state!(Stochf { channel, mean });

impl Stochf {
    fn new(n: usize, smooth: usize) -> Self {
        Self { channel: Channel::new(n), mean: Mean::new(smooth) }
    }

    #[inline(always)]
    fn push(&mut self, high: f64, low: f64, close: f64) -> Option<[f64; 2]> {
        let k = 100.0 * place(self.channel.push(high, low)?, close);
        self.mean.push(k).map(|d| [k, d])
    }
}

impl Indicator<3, 2> for Stochf {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 2]> {
        self.push(high, low, close)
    }
}

#[derive(Debug, Clone)]
struct Stoch {
    fast: Stochf,
    mean: Mean,
}

state!(Stoch { fast, mean });

impl Indicator<3, 2> for Stoch {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 2]> {
        let [_, k] = self.fast.push(high, low, close)?;
        self.mean.push(k).map(|d| [k, d])
    }
}

#[derive(Debug, Clone)]
struct Stochrsi {
    rsi: Rsi,
    fast: Stochf,
}

state!(Stochrsi { rsi, fast });

impl Indicator<1, 2> for Stochrsi {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 2]> {
        let rsi = self.rsi.push(x)?;
        self.fast.push(rsi, rsi, rsi)
    }
}

#[derive(Debug, Clone)]
struct Tsi {
    has_last: bool,
    last: f64,
    moves: [Smooth; 2],
    sizes: [Smooth; 2],
}

impl Tsi {
    fn new(long: usize, short: usize) -> Self {
        let both = || [long, short].map(Smooth::ema);
        Self { has_last: false, last: 0.0, moves: both(), sizes: both() }
    }
}

state!(Tsi { has_last, last, moves, sizes });
single!(Tsi);

impl Tsi {
    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        let change = x - std::mem::replace(&mut self.last, x);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        let twice = |[long, short]: &mut [Smooth; 2], x| long.push(x).and_then(|long| short.push(long));
        let moves = twice(&mut self.moves, change);
        twice(&mut self.sizes, change.abs()).zip(moves).map(|(size, change)| 100.0 * ratio(change, size))
    }
}

/// The change as a fraction, 0 of nothing.
fn less_one(x: f64, old: f64) -> f64 {
    if old == 0.0 { 0.0 } else { x / old - 1.0 }
}

const SMOOTH: Param = Param::whole("smooth", 1, 3, "Rows over which %K is smoothed.");
const SIGNAL: Param = Param::whole("signal", 1, 3, "Rows over which %D smooths %K.");
const LAG: Param = period(1, 10);

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "rsi" "RSI" CLOSE [period(2, 14)] -> [VALUE];
        "Relative strength index of Wilder, 0 to 100."
        "``100 G / (G + L)``, with ``G`` and ``L`` the averages of rises and falls: the mean of the first ``period`` \
         changes, then ``(before (period - 1) + change) / period``. 0 where nothing moved.";
        p.n(0); Rsi::new(p.n(0))),
    spec!(p; "cmo" "CMO" CLOSE [period(2, 14)] -> [VALUE];
        "Momentum oscillator of Chande, -100 to 100."
        "``100 (G - L) / (G + L)`` with the averages of :func:`rsi`. 0 where nothing moved.";
        p.n(0); Cmo(Moves::new(p.n(0)))),
    spec!(p; "mom" "MOM" CLOSE [LAG] -> [VALUE];
        "Momentum." "``x - x[period]``."; p.n(0); against(p.n(0), |x, old| x - old)),
    spec!(p; "roc" "ROC" CLOSE [LAG] -> [VALUE];
        "Rate of change, percent." "``100 (x / x[period] - 1)``; 0 where the old one is 0.";
        p.n(0); against(p.n(0), |x, old| 100.0 * less_one(x, old))),
    spec!(p; "rocp" "ROCP" CLOSE [LAG] -> [VALUE];
        "Rate of change, fraction." "``(x - x[period]) / x[period]``; 0 where the old one is 0.";
        p.n(0); against(p.n(0), less_one)),
    spec!(p; "rocr" "ROCR" CLOSE [LAG] -> [VALUE];
        "Rate of change as a ratio." "``x / x[period]``; 0 where the old one is 0.";
        p.n(0); against(p.n(0), ratio)),
    spec!(p; "log_return" "LogReturn" CLOSE [period(1, 1)] -> [VALUE];
        "Logarithmic return." "``ln(x / x[period])``; a price that is not above 0 is a row without a number.";
        p.n(0); LogReturn(Ring::new(p.n(0)))),
    spec!(p; "trix" "TRIX" CLOSE [period(2, 30)] -> [VALUE];
        "Change of a triple exponential average, percent."
        "``100 (e3 / e3[1] - 1)`` of EMAs of each other, each begun with the mean of its first ``period`` numbers.";
        3 * (p.n(0) - 1) + 1; Trix { averages: Cascade::new(p.n(0)), last: Ring::new(1) }),
    spec!(p; "willr" "WILLR" HLC [period(2, 14)] -> [VALUE];
        "%R of Williams, -100 to 0."
        "``-100 (HH - close) / (HH - LL)`` of the highest high and lowest low of ``period`` rows; 0 where both are one.";
        p.n(0) - 1; Willr(Channel::new(p.n(0)))),
    spec!(p; "stochf" "STOCHF" HLC [period(1, 14), SIGNAL] -> [("k", "%K, 0 to 100."), ("d", "%D, its average.")];
        "Fast stochastic oscillator."
        "``k = 100 (close - LL) / (HH - LL)`` over ``period`` rows, 0 where both are one; ``d = SMA(k, signal)``.";
        p.n(0) + p.n(1) - 2; Stochf::new(p.n(0), p.n(1))),
    spec!(p; "stoch" "STOCH" HLC [period(1, 14), SMOOTH, SIGNAL] -> [
        ("k", "%K, smoothed, 0 to 100."), ("d", "%D, its average."),
    ];
        "Slow stochastic oscillator."
        "``k`` is the SMA over ``smooth`` rows of ``100 (close - LL) / (HH - LL)``; ``d = SMA(k, signal)``.";
        p.n(0) + p.n(1) + p.n(2) - 3; Stoch { fast: Stochf::new(p.n(0), p.n(1)), mean: Mean::new(p.n(2)) }),
    spec!(p; "stochrsi" "STOCHRSI" CLOSE [
        period(2, 14), Param::whole("stoch", 1, 14, "Rows of the highest and lowest RSI."), SIGNAL,
    ] -> [("k", "%K, 0 to 100."), ("d", "%D, its average.")];
        "Stochastic oscillator of the relative strength index."
        "``k`` says where :func:`rsi` lies between its lowest and highest of ``stoch`` rows; ``d = SMA(k, signal)``.";
        p.n(0) + p.n(1) + p.n(2) - 2;
        Stochrsi { rsi: Rsi::new(p.n(0)), fast: Stochf::new(p.n(1), p.n(2)) }),
    spec!(p; "tsi" "TSI" CLOSE [
        Param::whole("long", 1, 25, "Length of the first average, rows."),
        Param::whole("short", 1, 13, "Length of the second one, rows."),
    ] -> [VALUE];
        "True strength index of Blau, -100 to 100."
        "``100 EMA(EMA(change, long), short) / EMA(EMA(|change|, long), short)``; 0 where nothing moved.";
        p.n(0) + p.n(1) - 1; Tsi::new(p.n(0), p.n(1))),
];

#[cfg(test)]
mod tests {
    use crate::indicators::{NanPolicy, Stream};
    use crate::random::Random;

    /// To the last bit, whatever is lost beside a larger sum, by rows and in columns.
    #[test]
    fn shares_of_moves_are_whole_where_all_are_of_a_kind_and_never_more() {
        let mut random = Random::new(7, 0);
        let rows = 40_000;
        let mut values = |falls: f64, size: f64| -> Vec<f64> {
            let mut x = 1.0;
            let moves = (0..rows).map(|_| {
                x += random.unit() * if random.unit() < falls { -size } else { 1.0 };
                x
            });
            moves.collect()
        };
        let (rising, mixed) = (values(0.0, 1.0), values(0.5, 1e-10));
        let (falling, flat) = (rising.iter().map(|x| -x).collect::<Vec<_>>(), vec![3.0; rows]);
        for (name, down, up) in [("rsi", 0.0, 100.0), ("cmo", -100.0, 100.0)] {
            for (column, all) in
                [(&rising, Some(up)), (&falling, Some(down)), (&flat, Some(0.0)), (&mixed, None)]
            {
                let mut stream = Stream::parse(name, &[], NanPolicy::Restart).unwrap();
                let mut out = vec![0.0; rows];
                stream.batch(&[column.as_slice()], &mut [out.as_mut_slice()]);
                for value in &out[stream.warm_up()..] {
                    match all {
                        Some(all) => assert_eq!(value.to_bits(), f64::to_bits(all), "{name}: {value}"),
                        None => assert!((down..=up).contains(value), "{name}: {value}"),
                    }
                }
            }
        }
    }
}
