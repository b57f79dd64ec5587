//! What is looked at once an interval: returns of the mid and what was traded meanwhile.
//!
//! Intervals are `[start, end)`. One ends with what was received before its end, so it is complete as soon as anybody's
//! clock shows the end, and it makes no difference who looks first.

use std::collections::VecDeque;

use crate::indicators::{FitMethod, IntensityEstimator, IntensityState};
use crate::types::{Decoded, Reader, Writer};

/// After so many intervals without a message it all begins anew: the market was away, and a clock that jumps costs no
/// more than that.
pub(super) const MOST_SILENT: i64 = 100_000;

/// An interval that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// Log return of the mid; NaN where there was none at an end.
    pub(super) log_return: f64,
    /// Change of the mid, half price increments.
    pub(super) change: f64,
    /// Bought less sold, quantity increments.
    pub(super) signed: f64,
    /// Sum of price times quantity, in increments of both.
    pub(super) notional: f64,
}

/// The last intervals of a window.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    pub(super) window: usize,
    passed: VecDeque<Passed>,
}

impl Recent {
    /// The intervals, oldest first, once the window is full.
    pub(super) fn all(&self) -> Option<impl Iterator<Item = &Passed> + Clone> {
        (self.passed.len() == self.window).then(|| self.passed.iter())
    }
}

/// A smoothed variance.
#[derive(Debug, Clone)]
pub(super) struct Ewma {
    pub(super) half_life: usize,
    keep: f64,
    variance: f64,
    seen: usize,
}

impl Ewma {
    fn push(&mut self, log_return: f64) {
        let square = log_return * log_return;
        if square.is_nan() {
            self.seen = 0;
            return;
        }
        self.variance =
            if self.seen == 0 { square } else { self.keep * self.variance + (1.0 - self.keep) * square };
        self.seen = self.seen.saturating_add(1);
    }

    pub(super) fn volatility(&self) -> Option<f64> {
        (self.seen >= self.half_life).then(|| self.variance.sqrt())
    }
}

/// A fill intensity; parameters as they were given.
#[derive(Debug, Clone)]
pub(super) struct Intensity {
    pub(super) terms: (usize, f64, usize),
    estimator: IntensityEstimator,
}

impl Intensity {
    fn new(terms: (usize, f64, usize)) -> Self {
        let (window, bin, bins) = terms;
        Self { terms, estimator: IntensityEstimator::new(bin, bins, window) }
    }

    /// `A` and `k` once the window is full.
    pub(super) fn fit(&self) -> Option<(f64, f64)> {
        let fit = self.estimator.is_full().then(|| self.estimator.fit(FitMethod::Weighted)).flatten()?;
        Some((fit.a, fit.k))
    }
}

/// The start of the open interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The interval had begun when the first message came.
    Missed,
    /// There was no mid.
    NoMid,
    /// Twice the mid.
    TwiceMid(i64),
}

impl From<Option<i64>> for Start {
    fn from(twice_mid: Option<i64>) -> Self {
        twice_mid.map_or(Self::NoMid, Self::TwiceMid)
    }
}

/// All that is computed by intervals of one length.
#[derive(Debug, Clone)]
pub(super) struct Intervals {
    pub(super) ns: i64,
    pub(super) recent: Vec<Recent>,
    pub(super) ewmas: Vec<Ewma>,
    pub(super) intensities: Vec<Intensity>,
    /// Where the open interval ends.
    end: Option<i64>,
    start: Start,
    signed: i64,
    notional: i128,
    /// Grows with every interval that ends.
    pub(super) version: u64,
}

impl Intervals {
    pub(super) fn new(ns: i64) -> Self {
        Self {
            ns,
            recent: Vec::new(),
            ewmas: Vec::new(),
            intensities: Vec::new(),
            end: None,
            start: Start::Missed,
            signed: 0,
            notional: 0,
            version: 0,
        }
    }

    /// The place of a window of so many intervals.
    pub(super) fn window(&mut self, window: usize) -> usize {
        self.recent.iter().position(|recent| recent.window == window).unwrap_or_else(|| {
            self.recent.push(Recent { window, passed: VecDeque::new() });
            self.recent.len() - 1
        })
    }

    /// The place of a variance of such a half-life.
    pub(super) fn ewma(&mut self, half_life: usize) -> usize {
        self.ewmas.iter().position(|ewma| ewma.half_life == half_life).unwrap_or_else(|| {
            let keep = libm::exp2(-1.0 / half_life as f64);
            self.ewmas.push(Ewma { half_life, keep, variance: 0.0, seen: 0 });
            self.ewmas.len() - 1
        })
    }

    /// The place of an intensity of such a window, width of a bin in ticks, and number of bins.
    pub(super) fn intensity(&mut self, terms: (usize, f64, usize)) -> usize {
        self.intensities.iter().position(|own| own.terms == terms).unwrap_or_else(|| {
            self.intensities.push(Intensity::new(terms));
            self.intensities.len() - 1
        })
    }

    /// When the open interval ends.
    pub(super) fn end(&self) -> i64 {
        self.end.unwrap_or(i64::MIN)
    }

    /// Whether nothing came for so long at `now` that there is nothing to say.
    pub(super) fn is_silent(&self, last_message: i64, now: i64) -> bool {
        now.saturating_sub(last_message) > self.ns.saturating_mul(MOST_SILENT)
    }

    /// A message comes at `ts` after one at `last_message`; the mid has been `twice_mid` since that one.
    pub(super) fn message(&mut self, ts: i64, last_message: i64, twice_mid: Option<i64>) {
        match self.end {
            Some(_) if !self.is_silent(last_message, ts) => self.pass(ts, twice_mid),
            _ => {
                self.recent.iter_mut().for_each(|recent| recent.passed.clear());
                self.ewmas.iter_mut().for_each(|ewma| ewma.seen = 0);
                self.intensities.iter_mut().for_each(|own| *own = Intensity::new(own.terms));
                (self.start, self.signed, self.notional) = (Start::Missed, 0, 0);
                self.end = Some(ts.saturating_sub(ts.rem_euclid(self.ns)).saturating_add(self.ns));
                self.version += 1;
            }
        }
    }

    /// Ends the intervals that are over at `now`.
    pub(super) fn pass(&mut self, now: i64, twice_mid: Option<i64>) {
        while let Some(end) = self.end
            && end <= now
        {
            self.close(twice_mid);
            self.end = Some(end.saturating_add(self.ns));
        }
    }

    fn close(&mut self, twice_mid: Option<i64>) {
        self.version += 1;
        if self.start != Start::Missed {
            let (log_return, change) = match (self.start, twice_mid) {
                (Start::TwiceMid(from), Some(to)) => (log_return(from, to), to as f64 - from as f64),
                _ => (f64::NAN, f64::NAN),
            };
            let (signed, notional) = (self.signed as f64, self.notional as f64);
            let passed = Passed { log_return, change, signed, notional };
            for recent in &mut self.recent {
                recent.passed.push_back(passed);
                if recent.passed.len() > recent.window {
                    recent.passed.pop_front();
                }
            }
            self.ewmas.iter_mut().for_each(|ewma| ewma.push(log_return));
            let seconds = self.ns as f64 * 1e-9;
            for Intensity { estimator, .. } in &mut self.intensities {
                match self.start {
                    Start::TwiceMid(_) => estimator.end_interval(seconds),
                    Start::NoMid | Start::Missed => estimator.drop_interval(),
                }
            }
        }
        (self.start, self.signed, self.notional) = (twice_mid.into(), 0, 0);
    }

    /// A trade in the open interval.
    pub(super) fn trade(&mut self, price: i64, qty: i64, sign: i8, tick: i64) {
        self.signed = self.signed.saturating_add(i64::from(sign) * qty);
        self.notional = self.notional.saturating_add(i128::from(price) * i128::from(qty));
        if let Start::TwiceMid(twice_mid) = self.start
            && sign != 0
        {
            let depth = (2 * price - twice_mid) as f64 * f64::from(sign) / (2 * tick) as f64;
            self.intensities.iter_mut().for_each(|own| own.estimator.trade(depth));
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.option(self.end, Writer::i64);
        w.option((self.start != Start::Missed).then_some(self.start), |w, start| {
            let twice_mid = if let Start::TwiceMid(twice_mid) = start { Some(twice_mid) } else { None };
            w.option(twice_mid, Writer::i64);
        });
        w.i64(self.signed);
        w.i128(self.notional);
        for recent in &self.recent {
            w.list(recent.passed.iter(), |w, passed| {
                for number in [passed.log_return, passed.change, passed.signed, passed.notional] {
                    w.f64(number);
                }
            });
        }
        for ewma in &self.ewmas {
            w.f64(ewma.variance);
            w.u64(ewma.seen as u64);
        }
        for own in &self.intensities {
            let state = own.estimator.state();
            w.list(state.intervals.iter(), |w, (reached, seconds)| {
                w.u64(*reached as u64);
                w.f64(*seconds);
            });
            w.f64(state.seconds);
            w.f64(state.deepest);
        }
    }

    /// Goes on after a message at `last_message`.
    pub(super) fn load(&mut self, r: &mut Reader<'_>, last_message: i64) -> Decoded<()> {
        self.version += 1;
        self.end = r.option(Reader::i64)?;
        if self.end.is_some_and(|end| end <= last_message) {
            return r.error("an interval that ends after the last message");
        }
        self.start = r.option(|r| r.option(Reader::i64).map(Start::from))?.unwrap_or(Start::Missed);
        (self.signed, self.notional) = (r.i64()?, r.i128()?);
        for recent in &mut self.recent {
            let read = r.list(|r| {
                Ok(Passed { log_return: r.f64()?, change: r.f64()?, signed: r.f64()?, notional: r.f64()? })
            })?;
            if read.len() > recent.window {
                return r.error("no more intervals than the window holds");
            }
            recent.passed = read.into();
        }
        for ewma in &mut self.ewmas {
            (ewma.variance, ewma.seen) = (r.f64()?, r.i64()? as usize);
        }
        for own in &mut self.intensities {
            let intervals = r.list(|r| Ok((r.i64()? as usize, r.f64()?)))?;
            let state = IntensityState { intervals, seconds: r.f64()?, deepest: r.f64()? };
            if !own.estimator.restore(state) {
                return r.error("the state of an intensity");
            }
        }
        Ok(())
    }
}

/// The log return from one price to another, in any unit; NaN where one is not above 0.
pub(super) fn log_return(from: i64, to: i64) -> f64 {
    if from > 0 && to > 0 { libm::log(to as f64 / from as f64) } else { f64::NAN }
}
