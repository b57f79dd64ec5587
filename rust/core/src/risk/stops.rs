//! One position and the stops that watch it: whether one closes it, at which level, and how much of it.
//!
//! A level is reached by a price that is at it or beyond. Of several sets each is looked at for itself, and what cuts a
//! loss comes before what takes a gain.
//!
//! - A **stop loss** lies below the average entry price, which it follows when something is added; at a **price** it
//!   stays, and holds for positions that were begun on its other side.
//! - A **trailing** one lies below the best price since it holds, and only ever comes closer.
//! - **Break-even** is the average entry price, once the position was that much in gain.
//! - A rung of a **ladder** closes its share of the largest quantity that was held, whole lots; what is less than a lot
//!   goes to the next one, and the one that makes the shares whole closes what is left.
//! - **Time** is since the position was opened, a **loss** that of what is open.
//!
//! What closes a position closes it once. Adding to a position whose rest could not be closed begins anew, and so does
//! one that was turned around.
//!
//! Prices are counted in millionths of a price increment, and turned: up is a gain, also of what is short.

use std::sync::Arc;

use super::amount::BadLimit;
use super::check::Units;
use super::stop_terms::StopTerms;
use super::watch::{ALL, FinePrice, Grid, StopKind, Watch, fine_of_average};
use crate::orders::TriggerBy;
use crate::types::{Decoded, Increment, Instrument, Reader, Writer};

/// A stop that has fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// The set it is of, by its number; none where it is the strategy's own.
    pub set: Option<usize>,
    /// What it is.
    pub kind: StopKind,
    /// Which price was looked at.
    pub trigger: TriggerBy,
    /// That price, where one was.
    pub price: Option<FinePrice>,
    /// The level it had reached, where it is one of prices.
    pub level: Option<FinePrice>,
    /// How much is to be closed that was not before.
    pub qty: i64,
    /// Whether that is the whole position.
    pub closes_all: bool,
}

/// What a set of stops says of a position now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopLevels {
    /// The set, by its number; none where it is the strategy's own.
    pub set: Option<usize>,
    /// Which price is looked at.
    pub trigger: TriggerBy,
    /// Where a loss is cut, and by what.
    pub stop: Option<(FinePrice, StopKind)>,
    /// Where the next gain is taken.
    pub take_profit: Option<FinePrice>,
    /// When it has been held long enough, ns.
    pub until: Option<i64>,
    /// The most it may lose.
    pub max_loss: Option<Units>,
}

/// A position with the stops that watch it.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionStops {
    grid: Grid,
    /// Its average entry price, turned.
    entry: FinePrice,
    /// What is held, and the most that was, without sign.
    qty: i64,
    largest: i64,
    /// When it was opened, ns.
    since: i64,
    /// How much stops want closed that is not.
    left: i64,
    /// Whether one has closed all of it.
    is_spent: bool,
    watches: Vec<Watch>,
}

impl PositionStops {
    /// A position that was opened at a time, ns, by so much, signed, at an average price in price increments.
    pub fn open(
        instrument: &Instrument,
        now: i64,
        qty: i64,
        average: f64,
        sets: impl Iterator<Item = (Option<usize>, Arc<StopTerms>)>,
    ) -> Self {
        let terms = instrument.terms_at(now);
        let (step, is_long) = (instrument.price_increment, qty > 0);
        let grid = Grid { step, tick: terms.tick_size, lot: terms.lot_size, is_long };
        let entry = grid.turn(fine_of_average(average));
        let mut watches: Vec<_> = sets.map(|(set, terms)| Watch::new(set, terms, entry)).collect();
        for watch in &mut watches {
            watch.refresh(&grid, entry);
        }
        let qty = qty.saturating_abs();
        Self { grid, entry, qty, largest: qty, since: now, left: 0, is_spent: false, watches }
    }

    /// Whether it is a long one.
    pub fn is_long(&self) -> bool {
        self.grid.is_long
    }

    /// Its quantity has changed, signed as before, and with it its average price. One whose rest could not be closed
    /// is watched anew when something is added to it.
    pub fn follow(&mut self, now: i64, qty: i64, average: f64) {
        let (qty, entry) = (qty.saturating_abs(), self.grid.turn(fine_of_average(average)));
        let begins = self.is_spent && self.left == 0 && qty > self.qty;
        (self.qty, self.largest) = (qty, self.largest.max(qty));
        if begins {
            (self.is_spent, self.largest, self.since) = (false, qty, now);
            for watch in &mut self.watches {
                *watch = Watch::new(watch.set, Arc::clone(&watch.terms), entry);
            }
        }
        if begins || entry != self.entry {
            self.entry = entry;
            for watch in &mut self.watches {
                watch.refresh(&self.grid, entry);
            }
        }
    }

    /// Looks at a price of a kind; `lost` says what the open quantity has lost at it. To be asked until it says nothing:
    /// a gap reaches several rungs.
    #[inline]
    pub fn look(
        &mut self,
        trigger: TriggerBy,
        price: FinePrice,
        lost: impl Fn() -> Option<Units>,
    ) -> Option<Fired> {
        if self.is_spent {
            return None;
        }
        let turned = self.grid.turn(price);
        for watch in self.watches.iter_mut().filter(|watch| watch.terms.trigger == trigger) {
            watch.see(&self.grid, self.entry, turned);
        }
        let fired = |set, kind, level: Option<FinePrice>, qty, closes_all| {
            let level = level.map(|level| self.grid.turn(level));
            Fired { set, kind, trigger, price: Some(price), level, qty, closes_all }
        };
        let rest = self.qty.saturating_sub(self.left).max(0);
        for watch in self.watches.iter().filter(|watch| watch.terms.trigger == trigger) {
            if let Some((kind, level)) = watch.cut(turned, &lost) {
                (self.is_spent, self.left) = (true, ALL);
                return Some(fired(watch.set, kind, level, rest, true));
            }
        }
        for watch in self.watches.iter_mut().filter(|watch| watch.terms.trigger == trigger) {
            while let Some(level) = watch.goal.filter(|level| turned >= *level) {
                let part = watch.climb(&self.grid, self.entry, (self.largest, rest));
                if part == 0 {
                    continue;
                }
                let closes_all = part == ALL;
                let qty = part.min(rest);
                self.left = if closes_all { ALL } else { self.left + part };
                self.is_spent |= closes_all;
                return Some(fired(watch.set, StopKind::TakeProfit, Some(level), qty, closes_all));
            }
        }
        None
    }

    /// When it has been held long enough, ns.
    pub fn due(&self) -> Option<i64> {
        if self.is_spent {
            return None;
        }
        self.watches.iter().filter_map(|watch| watch.until(self.since)).min()
    }

    /// Time has gone on.
    pub fn elapse(&mut self, now: i64) -> Option<Fired> {
        if self.is_spent {
            return None;
        }
        let watch = self.watches.iter().find(|watch| watch.until(self.since).is_some_and(|at| at <= now))?;
        let (set, trigger) = (watch.set, watch.terms.trigger);
        let rest = self.qty.saturating_sub(self.left).max(0);
        (self.is_spent, self.left) = (true, ALL);
        let (kind, qty) = (StopKind::Time, rest);
        Some(Fired { set, kind, trigger, price: None, level: None, qty, closes_all: true })
    }

    /// How much is to be closed.
    #[inline]
    pub fn wanted(&self) -> i64 {
        self.left.min(self.qty)
    }

    /// Whether all of it is being closed.
    pub fn is_closing(&self) -> bool {
        self.left == ALL
    }

    /// So much of what was to be closed has been.
    pub fn closed(&mut self, qty: i64) {
        if self.left != ALL {
            self.left = (self.left - qty).max(0);
        }
    }

    /// What is left cannot be closed.
    pub fn give_up(&mut self) {
        self.left = 0;
    }

    /// Puts stops of the strategy's own in place of those it had; `price` is the one they look at, where it is known.
    ///
    /// # Errors
    /// [`BadLimit`] naming what would be wider than what it had, or would fire at once; nothing has changed then.
    pub fn protect(
        &mut self,
        terms: Option<&Arc<StopTerms>>,
        price: Option<FinePrice>,
    ) -> Result<(), BadLimit> {
        let place = self.watches.iter().position(|watch| watch.set.is_none());
        let old = place.map(|at| &self.watches[at]);
        let wider = |field: &str| {
            let problem = "would be wider: own stops are only tightened while a position is held";
            Err(BadLimit::new(field, problem))
        };
        let Some(terms) = terms else {
            return if old.is_some() { wider("stops") } else { Ok(()) };
        };
        let begun = price.map_or(self.entry, |price| self.grid.turn(price));
        let mut watch = Watch::new(None, Arc::clone(terms), begun);
        if let Some(old) = old.filter(|old| old.terms.trigger == terms.trigger) {
            if watch.trails && old.trails {
                watch.best = old.best.max(begun);
            }
            if old.terms.take_profit == terms.take_profit {
                (watch.rungs, watch.shares, watch.taken) = (old.rungs, old.shares, old.taken);
            }
        }
        if let Some(field) = watch.is_late(&self.grid) {
            return Err(BadLimit::new(field, "the market is there already, or beyond"));
        }
        watch.refresh(&self.grid, self.entry);
        watch.see(&self.grid, self.entry, begun);
        if let Some(old) = old {
            if let Some((level, kind)) = old.stop
                && watch.stop.is_none_or(|(new, _)| new < level)
            {
                return wider(kind.as_str());
            }
            if old.terms.time.is_some_and(|time| terms.time.is_none_or(|new| new > time)) {
                return wider("time");
            }
            if old.terms.max_loss.is_some_and(|most| terms.max_loss.is_none_or(|new| new > most)) {
                return wider("max_loss");
            }
        }
        match place {
            Some(at) => self.watches[at] = watch,
            None => self.watches.push(watch),
        }
        Ok(())
    }

    /// What every set says now.
    pub fn levels(&self) -> impl Iterator<Item = StopLevels> + '_ {
        let back = |price: FinePrice| self.grid.turn(price);
        self.watches.iter().map(move |watch| StopLevels {
            set: watch.set,
            trigger: watch.terms.trigger,
            stop: watch.stop.map(|(level, kind)| (back(level), kind)),
            take_profit: watch.goal.map(back),
            until: watch.until(self.since),
            max_loss: watch.terms.max_loss,
        })
    }

    /// Writes it down, but for the terms.
    pub(crate) fn save(&self, w: &mut Writer<'_>) {
        w.flag(self.grid.is_long);
        for number in [self.grid.tick, self.grid.lot, self.qty, self.largest, self.since, self.left] {
            w.i64(number);
        }
        w.i128(self.entry);
        w.flag(self.is_spent);
        w.index(self.watches.len());
        for watch in &self.watches {
            w.option(watch.set, Writer::index);
            w.i128(watch.begun);
            w.i128(watch.best);
            w.flag(watch.trails);
            w.flag(watch.is_even);
            w.index(watch.rungs);
            w.i128(watch.shares);
            w.i64(watch.taken);
        }
    }

    /// What [`PositionStops::save`] wrote, with the terms of each set.
    pub(crate) fn load(
        r: &mut Reader<'_>,
        step: Increment,
        terms_of: impl Fn(Option<usize>) -> Option<Arc<StopTerms>>,
    ) -> Decoded<Self> {
        let is_long = r.flag()?;
        let [tick, lot, qty, largest, since, left] =
            [r.i64()?, r.i64()?, r.i64()?, r.i64()?, r.i64()?, r.i64()?];
        if lot < 1 || qty < 1 || largest < qty || left < 0 {
            return r.error("a position with stops");
        }
        let grid = Grid { step, tick, lot, is_long };
        let (entry, is_spent) = (r.i128()?, r.flag()?);
        let mut watches = Vec::new();
        for _ in 0..r.index()? {
            let set = r.option(Reader::index)?;
            let Some(terms) = terms_of(set) else { return r.error("stops of the session") };
            let mut watch = Watch::new(set, terms, r.i128()?);
            watch.best = r.i128()?;
            (watch.trails, watch.is_even) = (r.flag()?, r.flag()?);
            (watch.rungs, watch.shares, watch.taken) = (r.index()?, r.i128()?, r.i64()?);
            watch.refresh(&grid, entry);
            watches.push(watch);
        }
        Ok(Self { grid, entry, qty, largest, since, left, is_spent, watches })
    }
}
