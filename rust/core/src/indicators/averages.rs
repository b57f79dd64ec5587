//! Moving averages.

use tradecore_wide::Wide;

use super::smooth::{Places, Smooth, forgets};
use super::spec::{Param, Spec, VALUE, period, spec};
use super::state::{State, state};
use super::stream::{Bits, Four, Fours, Indicator, Strides, StridesMut, by_fours, single};
use super::windows::{Mean, Ring, Sum, Weighted};

single!(Mean);

impl Indicator<1, 1> for Smooth {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        Some([self.push(x)?])
    }

    #[inline(always)]
    fn to_next_stride(&self) -> Option<usize> {
        Self::to_next_stride(self)
    }

    by_fours!(1);
}

impl Fours<1, 1> for Smooth {
    type Begun<V: Wide> = Places<V>;
    type Linked<V: Wide> = V;

    #[inline(always)]
    fn begin<V: Wide>(&mut self, [numbers]: [Four<V>; 1], _: usize) -> Places<V> {
        self.parts(V::transpose(numbers))
    }

    #[inline(always)]
    fn link<V: Wide>(&mut self, begun: &Places<V>, strides: usize) -> V {
        self.link(begun, strides)
    }

    #[inline(always)]
    fn end<V: Wide>(&mut self, begun: Places<V>, before: V) -> [Four<V>; 1] {
        [V::transpose(self.places(begun, before))]
    }
}

/// Weights from 1 to `n`, the newest the heaviest.
#[derive(Debug, Clone)]
pub(super) struct Wma {
    window: Weighted,
    inverse: f64,
}

state!(Wma { window });
single!(Wma);

impl Wma {
    pub(super) fn new(n: usize) -> Self {
        Self { window: Weighted::new(n), inverse: 2.0 / (n as f64 * (n as f64 + 1.0)) }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<f64> {
        let [origin, _, weighted] = self.window.push(x)?;
        Some(origin + weighted * self.inverse)
    }
}

/// Averages of averages: each begins with the mean of the first `n` numbers of the one before.
#[derive(Debug, Clone)]
pub(super) struct Cascade<const N: usize>([Smooth; N]);

impl<const N: usize> Cascade<N> {
    pub(super) fn new(n: usize) -> Self {
        Self(std::array::from_fn(|_| Smooth::ema(n)))
    }

    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<[f64; N]> {
        let mut out = [x; N];
        let mut last = x;
        for (smooth, value) in self.0.iter_mut().zip(&mut out) {
            last = smooth.push(last)?;
            *value = last;
        }
        Some(out)
    }

    /// Takes a column: what is said of the averages after each number, NaN until there are all of them. Whether there are.
    ///
    /// Each goes over some numbers before the next one does: one that has to be waited for is enough.
    #[inline(always)]
    pub(super) fn batch<V: Wide>(
        &mut self,
        numbers: &[f64],
        out: &mut [f64],
        mut said: impl FnMut([f64; N]) -> f64,
    ) -> bool {
        const ROWS: usize = 256;
        let mut at = 0;
        while at < numbers.len() && !self.0[N - 1].has_begun() {
            out[at] = self.push(numbers[at]).map_or(f64::NAN, &mut said);
            at += 1;
        }
        let mut averages = [[0.0; ROWS]; N];
        for (numbers, out) in numbers[at..].chunks(ROWS).zip(out[at..].chunks_mut(ROWS)) {
            let rows = numbers.len();
            for (k, smooth) in self.0.iter_mut().enumerate() {
                let (before, after) = averages.split_at_mut(k);
                let from = before.last().map_or(numbers, |last| &last[..rows]);
                Indicator::batch::<V>(smooth, [from], &mut [&mut after[0][..rows]]);
            }
            for (row, out) in out.iter_mut().enumerate() {
                *out = said(std::array::from_fn(|k| averages[k][row]));
            }
        }
        self.0[N - 1].has_begun()
    }
}

state!(Cascade<2> { 0 });
state!(Cascade<3> { 0 });
state!(Cascade<6> { 0 });

/// What is said of averages of averages.
#[derive(Clone)]
struct OfCascade<F, const N: usize> {
    averages: Cascade<N>,
    said: F,
}

state!(impl [F] OfCascade<F, 2> { averages });
state!(impl [F] OfCascade<F, 3> { averages });
state!(impl [F] OfCascade<F, 6> { averages });

impl<F, const N: usize> Indicator<1, 1> for OfCascade<F, N>
where
    F: Fn([f64; N]) -> f64 + Clone + Send + Sync + 'static,
    Self: State,
{
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        self.averages.push(x).map(|averages| [(self.said)(averages)])
    }

    #[inline(always)]
    fn batch<V: Wide>(&mut self, [x]: [&[f64]; 1], [out]: &mut [&mut [f64]; 1]) -> bool {
        self.averages.batch::<V>(x, out, &self.said)
    }
}

fn of_cascade<F: Fn([f64; N]) -> f64, const N: usize>(n: usize, said: F) -> OfCascade<F, N> {
    OfCascade { averages: Cascade::new(n), said }
}

/// What T3 says of six averages.
fn t3(v: f64) -> impl Fn([f64; 6]) -> f64 + Clone + Send + Sync {
    let (square, cube) = (v * v, v * v * v);
    let weights =
        [-cube, 3.0 * (square + cube), -6.0 * square - 3.0 * (v + cube), 1.0 + 3.0 * v + cube + 3.0 * square];
    move |[_, _, three, four, five, six]| {
        weights[0] * six + weights[1] * five + weights[2] * four + weights[3] * three
    }
}

#[derive(Debug, Clone)]
struct Trima([Mean; 2]);

state!(Trima { 0 });
single!(Trima);

impl Trima {
    fn new(n: usize) -> Self {
        Self([n.div_ceil(2), n / 2 + 1].map(Mean::new))
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        let inner = self.0[0].push(x)?;
        self.0[1].push(inner)
    }
}

#[derive(Debug, Clone)]
struct Hma {
    half: Wma,
    full: Wma,
    last: Wma,
}

state!(Hma { half, full, last });
single!(Hma);

/// The whole part of the square root of a period.
fn root(n: usize) -> usize {
    (n as f64).sqrt() as usize
}

impl Hma {
    fn new(n: usize) -> Self {
        Self { half: Wma::new(n / 2), full: Wma::new(n), last: Wma::new(root(n)) }
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        let half = self.half.push(x);
        let full = self.full.push(x)?;
        self.last.push(2.0 * half? - full)
    }
}

#[derive(Debug, Clone)]
struct Zlema {
    past: Ring,
    lag: usize,
    average: Smooth,
}

state!(Zlema { past, average });
single!(Zlema);

impl Zlema {
    fn new(n: usize) -> Self {
        Self { past: Ring::new((n - 1) / 2), lag: (n - 1) / 2, average: Smooth::ema(n) }
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        let old = if self.lag == 0 { x } else { self.past.swap(x)? };
        self.average.push(2.0 * x - old)
    }
}

#[derive(Debug, Clone)]
struct Alma {
    window: Ring,
    weights: Vec<f64>,
}

state!(Alma { window });
single!(Alma);

impl Alma {
    fn new(n: usize, offset: f64, sigma: f64) -> Self {
        let (middle, width) = (offset * (n as f64 - 1.0), n as f64 / sigma);
        let bell = |i: usize| libm::exp(-(i as f64 - middle) * (i as f64 - middle) / (2.0 * width * width));
        let weights: Vec<f64> = (0..n).map(bell).collect();
        let total: f64 = weights.iter().sum();
        Self { window: Ring::new(n), weights: weights.iter().map(|weight| weight / total).collect() }
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        self.window.push(x);
        self.window
            .is_full()
            .then(|| self.window.iter().zip(&self.weights).map(|(x, weight)| x * weight).sum())
    }
}

#[derive(Debug, Clone)]
struct Kama {
    past: Ring,
    way: Sum,
    has_last: bool,
    last: f64,
    has_value: bool,
    value: f64,
    fast: f64,
    slow: f64,
}

// The least that is taken of a number is `slow` squared; over some rows it is more than `slow`.
state!(Kama { past, way, has_last, last, has_value, value }; |own| Some(forgets(1.0 - own.slow)));
single!(Kama);

impl Kama {
    fn new(n: usize, fast: usize, slow: usize) -> Self {
        let [fast, slow] = [fast, slow].map(|n| 2.0 / (n as f64 + 1.0));
        let (past, way) = (Ring::new(n), Sum::new(n));
        Self { past, way, has_last: false, last: 0.0, has_value: false, value: 0.0, fast, slow }
    }

    #[inline(always)]
    fn push(&mut self, x: f64) -> Option<f64> {
        let last = std::mem::replace(&mut self.last, x);
        let old = self.past.swap(x);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        let way = self.way.push((x - last).abs())?;
        let change = x - old?;
        // Nothing moved, or all in one direction.
        let efficiency = if way <= change || way == 0.0 { 1.0 } else { (change / way).abs() };
        let constant = efficiency * (self.fast - self.slow) + self.slow;
        if !std::mem::replace(&mut self.has_value, true) {
            self.value = last;
        }
        self.value += constant * constant * (x - self.value);
        Some(self.value)
    }
}

#[derive(Debug, Clone)]
struct Vwma {
    notional: Sum,
    volume: Sum,
}

state!(Vwma { notional, volume });

impl Indicator<2, 1> for Vwma {
    #[inline(always)]
    fn update(&mut self, [price, volume]: [f64; 2]) -> Option<[f64; 1]> {
        let notional = self.notional.push(price * volume);
        let volume = self.volume.push(volume)?;
        Some([if volume == 0.0 { f64::NAN } else { notional? / volume }])
    }
}

const OFFSET: Param =
    Param::number("offset", (0.0, 1.0), 0.85, "Where the bell is highest: 1 the newest row.");
const SIGMA: Param = Param::number("sigma", (0.01, 1e6), 6.0, "Windows to a standard deviation of the bell.");
const VOLUME_FACTOR: Param = Param::number("v", (0.0, 1.0), 0.7, "Volume factor: 0 is a triple average.");

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "sma" "SMA" CLOSE [period(1, 30)] -> [VALUE];
        "Simple moving average." "The mean of the last ``period`` rows.";
        p.n(0) - 1; Mean::new(p.n(0))),
    spec!(p; "ema" "EMA" CLOSE [period(2, 30)] -> [VALUE];
        "Exponential moving average."
        "``e += 2 / (period + 1) (x - e)``, begun with the mean of the first ``period`` rows.";
        p.n(0) - 1; Smooth::ema(p.n(0))),
    spec!(p; "rma" "RMA" CLOSE [period(1, 14)] -> [VALUE];
        "Moving average of Wilder (SMMA)."
        "``e += (x - e) / period``, begun with the mean of the first ``period`` rows.";
        p.n(0) - 1; Smooth::wilder(p.n(0))),
    spec!(p; "wma" "WMA" CLOSE [period(1, 30)] -> [VALUE];
        "Linearly weighted moving average." "Weights 1 to ``period``, that of the newest row the largest.";
        p.n(0) - 1; Wma::new(p.n(0))),
    spec!(p; "dema" "DEMA" CLOSE [period(2, 30)] -> [VALUE];
        "Double exponential moving average."
        "``2 e1 - e2``, with ``e2`` the EMA of ``e1``; each begins with the mean of its first ``period`` numbers.";
        2 * (p.n(0) - 1); of_cascade(p.n(0), |[one, two]| 2.0 * one - two)),
    spec!(p; "tema" "TEMA" CLOSE [period(2, 30)] -> [VALUE];
        "Triple exponential moving average."
        "``3 e1 - 3 e2 + e3`` of EMAs of each other, each begun with the mean of its first ``period`` numbers.";
        3 * (p.n(0) - 1); of_cascade(p.n(0), |[one, two, three]| 3.0 * one - 3.0 * two + three)),
    spec!(p; "t3" "T3" CLOSE [period(2, 5), VOLUME_FACTOR] -> [VALUE];
        "Moving average T3 of Tillson."
        "``-v^3 e6 + 3 (v^2 + v^3) e5 - (6 v^2 + 3 v + 3 v^3) e4 + (1 + 3 v + 3 v^2 + v^3) e3`` of six EMAs of each \
         other.";
        6 * (p.n(0) - 1); of_cascade(p.n(0), t3(p.x(1)))),
    spec!(p; "trima" "TRIMA" CLOSE [period(2, 30)] -> [VALUE];
        "Triangular moving average."
        "The SMA over ``period // 2 + 1`` rows of the SMA over ``(period + 1) // 2``.";
        p.n(0) - 1; Trima::new(p.n(0))),
    spec!(p; "hma" "HMA" CLOSE [period(2, 16)] -> [VALUE];
        "Moving average of Hull."
        "``WMA(2 WMA(period // 2) - WMA(period), floor(sqrt(period)))``.";
        p.n(0) + root(p.n(0)) - 2; Hma::new(p.n(0))),
    spec!(p; "zlema" "ZLEMA" CLOSE [period(1, 20)] -> [VALUE];
        "Exponential moving average without lag."
        "The EMA of ``2 x - x[lag]`` with ``lag = (period - 1) // 2``, begun when there is such a row.";
        p.n(0) - 1 + (p.n(0) - 1) / 2; Zlema::new(p.n(0))),
    spec!(p; "alma" "ALMA" CLOSE [period(1, 9), OFFSET, SIGMA] -> [VALUE];
        "Moving average of Arnaud Legoux."
        "Weights ``exp(-(i - m)^2 / (2 s^2))`` with ``m = offset (period - 1)``, ``s = period / sigma`` and ``i`` \
         from 0, the oldest row.";
        p.n(0) - 1; Alma::new(p.n(0), p.x(1), p.x(2))),
    spec!(p; "kama" "KAMA" CLOSE [
        period(2, 10),
        Param::whole("fast", 1, 2, "Rows of the fastest average."),
        Param::whole("slow", 1, 30, "Rows of the slowest average; above ``fast``."),
    ] -> [VALUE];
        "Adaptive moving average of Kaufman."
        "``k += s^2 (x - k)`` with ``s`` between ``2 / (slow + 1)`` and ``2 / (fast + 1)`` by the efficiency ``|x - \
         x[period]| / sum |change|``; begun with the row before the first value.";
        p.n(0); Kama::new(p.n(0), p.n(1), p.n(2)); ascending [1, 2]),
    spec!(p; "vwma" "VWMA" CV [period(1, 20)] -> [VALUE];
        "Volume-weighted moving average."
        "``sum(close volume) / sum(volume)`` over ``period`` rows; NaN where nothing was traded.";
        p.n(0) - 1; Vwma { notional: Sum::new(p.n(0)), volume: Sum::new(p.n(0)) }),
];
