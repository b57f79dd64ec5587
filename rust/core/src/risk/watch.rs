//! A set of stops on a position: its levels, and how prices bring them closer.

use std::sync::Arc;

use super::check::{ONE, Units};
use super::stop_terms::{Distance, StopTerms, WHOLE};
use crate::book::MarkPrice;
use crate::types::{Decimal, FINE_ONE, Increment};

/// A price in millionths of a price increment.
pub type FinePrice = i128;

/// A price increment.
const STEP: FinePrice = 1_000_000;

/// All of a position, as a quantity to close.
pub(super) const ALL: i64 = i64::MAX;

/// A price that a market is at.
#[inline]
pub fn fine_of(price: MarkPrice, step: Increment) -> FinePrice {
    match price {
        MarkPrice::Twice(twice) => i128::from(twice) * (STEP / 2),
        MarkPrice::Fine(fine) => {
            let step = step.value();
            let scaled = i128::from(fine).saturating_mul(10i128.pow(step.scale())).saturating_mul(STEP);
            scaled / (i128::from(FINE_ONE) * step.mantissa())
        }
    }
}

/// A price in price increments, between two of which it may lie.
pub(super) fn fine_of_average(steps: f64) -> FinePrice {
    libm::round(steps * STEP as f64) as FinePrice
}

/// A price on a grid, as the nearest number.
pub fn fine_to_f64(price: FinePrice, step: Increment) -> f64 {
    let step = step.value();
    Decimal::new(price.saturating_mul(step.mantissa()), step.scale() + 6).to_f64()
}

/// What closed a position, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopKind {
    /// Its loss.
    StopLoss,
    /// What it had lost of its best price.
    Trailing,
    /// A gain that was none any more.
    BreakEven,
    /// A gain.
    TakeProfit,
    /// Its loss in money.
    MaxLoss,
    /// How long it was held.
    Time,
}

impl StopKind {
    /// Its word, which is the name of its field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StopLoss => "stop_loss",
            Self::Trailing => "trailing",
            Self::BreakEven => "break_even",
            Self::TakeProfit => "take_profit",
            Self::MaxLoss => "max_loss",
            Self::Time => "time",
        }
    }
}

/// The grid of an instrument, and which way a position gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) step: Increment,
    pub(super) tick: i64,
    pub(super) lot: i64,
    pub(super) is_long: bool,
}

impl Grid {
    /// A price with up as a gain, and back.
    #[inline]
    pub(super) fn turn(&self, price: FinePrice) -> FinePrice {
        if self.is_long { price } else { -price }
    }

    /// The level so far on the side of gains, or of losses.
    pub(super) fn level(&self, distance: Distance, from: FinePrice, gains: bool) -> Option<FinePrice> {
        let by = match distance {
            Distance::Percent(percent) => from.abs().saturating_mul(percent) / WHOLE,
            Distance::Ticks(ticks) => i128::from(ticks) * i128::from(self.tick) * STEP,
            Distance::Price(price) => {
                return self.step.steps(price).ok().map(|steps| self.turn(i128::from(steps) * STEP));
            }
        };
        Some(if gains { from.saturating_add(by) } else { from.saturating_sub(by) })
    }
}

/// A set of stops on a position; all prices are turned.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Watch {
    pub(super) set: Option<usize>,
    pub(super) terms: Arc<StopTerms>,
    /// The price it began at.
    pub(super) begun: FinePrice,
    /// The best price since it trails.
    pub(super) best: FinePrice,
    pub(super) trails: bool,
    pub(super) is_even: bool,
    /// Rungs behind us, the sum of the shares they closed, and how much that was.
    pub(super) rungs: usize,
    pub(super) shares: Units,
    pub(super) taken: i64,
    /// Where a loss is cut, as it follows from the above.
    pub(super) stop: Option<(FinePrice, StopKind)>,
    /// Where the next gain is taken.
    pub(super) goal: Option<FinePrice>,
    /// From where on it trails, and is at break-even, where it is not.
    trails_at: Option<FinePrice>,
    even_at: Option<FinePrice>,
}

impl Watch {
    pub(super) fn new(set: Option<usize>, terms: Arc<StopTerms>, begun: FinePrice) -> Self {
        let trails = terms.trailing.is_some() && terms.trailing_from.is_none();
        Self {
            set,
            terms,
            begun,
            best: begun,
            trails,
            is_even: false,
            rungs: 0,
            shares: 0,
            taken: 0,
            stop: None,
            goal: None,
            trails_at: None,
            even_at: None,
        }
    }

    /// Works out its levels again.
    pub(super) fn refresh(&mut self, grid: &Grid, entry: FinePrice) {
        let terms = &self.terms;
        let fixed = terms.stop_loss.and_then(|at| {
            let level = grid.level(at, entry, false)?;
            let holds = !matches!(at, Distance::Price(_)) || level < self.begun;
            holds.then_some((level, StopKind::StopLoss))
        });
        let trailing = terms
            .trailing
            .filter(|_| self.trails)
            .and_then(|by| grid.level(by, self.best, false).map(|level| (level, StopKind::Trailing)));
        let even = self.is_even.then_some((entry, StopKind::BreakEven));
        let closer = |a: (FinePrice, StopKind), b: (FinePrice, StopKind)| if b.0 > a.0 { b } else { a };
        self.stop = [fixed, trailing, even].into_iter().flatten().reduce(closer);
        self.goal = None;
        while let Some(rung) = terms.take_profit.get(self.rungs) {
            let level = grid.level(rung.at, entry, true);
            if !matches!(rung.at, Distance::Price(_)) || level.is_some_and(|level| level > self.begun) {
                self.goal = level;
                break;
            }
            self.rungs += 1;
        }
        let gain = |distance: Option<Distance>| distance.and_then(|from| grid.level(from, entry, true));
        self.trails_at = gain(terms.trailing_from).filter(|_| !self.trails);
        self.even_at = gain(terms.break_even).filter(|_| !self.is_even);
    }

    /// Sees a price, which may bring its levels closer.
    #[inline]
    pub(super) fn see(&mut self, grid: &Grid, entry: FinePrice, price: FinePrice) {
        let begins = self.trails_at.is_some_and(|at| price >= at);
        let is_better = self.trails && price > self.best;
        let is_even = self.even_at.is_some_and(|at| price >= at);
        if begins || is_better {
            (self.trails, self.best) = (true, price);
        }
        self.is_even |= is_even;
        if begins || is_better || is_even {
            self.refresh(grid, entry);
        }
    }

    /// What cuts the loss at a price.
    #[inline]
    pub(super) fn cut(
        &self,
        price: FinePrice,
        lost: &impl Fn() -> Option<Units>,
    ) -> Option<(StopKind, Option<FinePrice>)> {
        if let Some((level, kind)) = self.stop.filter(|(level, _)| price <= *level) {
            return Some((kind, Some(level)));
        }
        let most = self.terms.max_loss?;
        lost().filter(|lost| *lost >= most).map(|_| (StopKind::MaxLoss, None))
    }

    /// What the rung closes that a price has reached: nothing where that is less than a lot.
    pub(super) fn climb(&mut self, grid: &Grid, entry: FinePrice, (largest, most): (i64, i64)) -> i64 {
        let Some(rung) = self.terms.take_profit.get(self.rungs) else { return 0 };
        self.rungs += 1;
        self.shares += rung.share;
        self.refresh(grid, entry);
        if self.shares >= ONE {
            return ALL;
        }
        let share = i128::from(largest).saturating_mul(self.shares) / ONE;
        let so_far = i64::try_from(share).unwrap_or(largest);
        let part = (so_far - so_far % grid.lot - self.taken).clamp(0, most);
        self.taken += part;
        part
    }

    /// The field of a price that the market was at, or beyond, when it began.
    pub(super) fn is_late(&self, grid: &Grid) -> Option<&'static str> {
        let price = |at: Distance| {
            let level = matches!(at, Distance::Price(_)).then(|| grid.level(at, 0, true));
            level.flatten()
        };
        if self.terms.stop_loss.and_then(price).is_some_and(|level| level >= self.begun) {
            return Some("stop_loss");
        }
        let rungs = self.terms.take_profit.iter().skip(self.rungs);
        let is_late = |level: FinePrice| level <= self.begun;
        rungs.filter_map(|rung| price(rung.at)).any(is_late).then_some("take_profit")
    }

    pub(super) fn until(&self, since: i64) -> Option<i64> {
        self.terms.time.map(|time| since.saturating_add(time))
    }
}
