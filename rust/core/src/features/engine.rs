//! The engine: rows of a market in, the vector of a set out.

use std::sync::Arc;

use super::custom::{Custom, FeatureFailure};
use super::depth::{self, Best};
use super::flow::Changes;
use super::intervals::log_return;
use super::measures;
use super::microprice::bucket;
use super::plan::{OfIntervals, OfTrades, Parts, Slot, compile};
use super::set::FeatureSet;
use super::spec::SpecError;
use crate::book::{BookState, FillBasis, L2Book, Touch};
use crate::event::{EventKind, Span, View};
use crate::types::{Decoded, HookError, Instrument, Reader, STEPS_LIMIT, Side, Writer};

/// A state that is none of an engine of this set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadState {
    /// The bytes are no state of such a set.
    #[error("is no state of the features {0}")]
    Foreign(String),
    /// A feature of somebody else's did not take what it had saved.
    #[error(transparent)]
    Custom(#[from] FeatureFailure),
}

/// Reads a market message by message and keeps what a set is made of.
pub struct FeatureEngine {
    set: Arc<FeatureSet>,
    instrument: Arc<Instrument>,
    basis: FillBasis,
    parts: Parts,
    slots: Vec<Slot>,
    /// Of a slot that is read from intervals, what it said when so many had ended.
    cached: Vec<(u64, f64)>,
    customs: Vec<Box<dyn Custom>>,
    custom_values: Vec<f64>,
    book: L2Book,
    touch: Touch,
    /// Sum of best bid and ask of a synchronised book.
    twice_mid: Option<i64>,
    /// The best levels, as far as a feature looks, and whether the book has changed since.
    best: Best,
    is_best_old: bool,
    /// When the first and the last message came.
    first: Option<i64>,
    last: i64,
    /// When the next interval ends.
    due: i64,
    last_trade: Option<i64>,
    last_book: Option<i64>,
    last_move: Option<i64>,
}

impl FeatureEngine {
    /// An engine that has seen nothing; `customs` are the features of the set that somebody else computes, in order.
    ///
    /// # Errors
    /// [`SpecError::BadValue`] for a value that the instrument does not allow; [`SpecError::Empty`] for a set without
    /// features, or with other customs than these.
    pub fn new(
        set: Arc<FeatureSet>,
        instrument: Arc<Instrument>,
        customs: Vec<Box<dyn Custom>>,
    ) -> Result<Self, SpecError> {
        if set.names().is_empty() || set.customs() != customs.len() {
            return Err(SpecError::Empty);
        }
        let (parts, slots) = compile(&set, &instrument)?;
        Ok(Self {
            cached: vec![(0, f64::NAN); slots.len()],
            custom_values: vec![f64::NAN; customs.len()],
            set,
            instrument,
            basis: FillBasis::L2,
            parts,
            slots,
            customs,
            book: L2Book::new(),
            touch: Touch::default(),
            twice_mid: None,
            best: Best::default(),
            is_best_old: true,
            first: None,
            last: i64::MIN,
            due: i64::MIN,
            last_trade: None,
            last_book: None,
            last_move: None,
        })
    }

    /// The same for a book that is made of these events, levels if nothing is said.
    #[must_use]
    pub fn of(mut self, basis: FillBasis) -> Self {
        self.basis = basis;
        self
    }

    /// The instrument of its market.
    pub(super) fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// Its set.
    pub fn set(&self) -> &Arc<FeatureSet> {
        &self.set
    }

    /// Sum of the best bid and ask after the last message.
    pub(super) fn twice_mid(&self) -> Option<i64> {
        self.touch.twice_mid()
    }

    /// When the last message came, ns; `None` before the first.
    pub fn last_message(&self) -> Option<i64> {
        self.first.map(|_| self.last)
    }

    /// Begins with a book that is known already at `ts`.
    pub fn begin(&mut self, ts: i64, book: &L2Book) {
        if book.state() == BookState::Empty {
            return;
        }
        self.arrive(ts);
        self.book.clone_from(book);
        self.look(ts, true, Changes::default());
    }

    /// The state of the feed is known to be another one at `ts`.
    pub fn set_state(&mut self, ts: i64, state: BookState) {
        let ts = self.arrive(ts);
        self.book.set_state(state);
        self.look(ts, true, Changes::default());
    }

    /// Reads rows `from..to` of a checked view, whole messages.
    ///
    /// # Errors
    /// [`FeatureFailure`] of a feature that somebody else computes; it is not called again.
    pub fn read(&mut self, view: &View<'_>, from: usize, to: usize) -> Result<(), FeatureFailure> {
        for message in view.messages(from, to) {
            self.message(view, message)?;
        }
        Ok(())
    }

    /// A message comes: intervals that were over before it end without it.
    #[inline]
    fn arrive(&mut self, received: i64) -> i64 {
        let ts = received.max(self.last);
        if ts >= self.due {
            for group in &mut self.parts.groups {
                group.message(ts, self.last, self.twice_mid);
            }
            self.find_due();
        }
        self.first.get_or_insert(ts);
        self.last = ts;
        ts
    }

    fn find_due(&mut self) {
        self.due = self.parts.groups.iter().map(super::intervals::Intervals::end).min().unwrap_or(i64::MAX);
    }

    #[inline]
    fn message(&mut self, view: &View<'_>, message: Span) -> Result<(), FeatureFailure> {
        let Span { from, to, only_levels } = message;
        let ts = self.arrive(view.ts_recv[to - 1]);
        if !only_levels && self.parts.reads_trades {
            for row in (from..to).filter(|row| view.kind[*row] == EventKind::Trade as u8) {
                self.trade(ts, view.price.get(row), view.qty.get(row), view.side[row]);
            }
        }
        if only_levels && self.basis == FillBasis::L2 {
            let is_near = self.parts.flows.reaches(view.side, view.price, from, to);
            let mut changes = Changes::default();
            if self.parts.flows.counts_changes {
                (changes.added, changes.removed) = self.book.count_levels(view, from, to);
            } else {
                self.book.apply_levels(view, from, to);
            }
            self.look(ts, is_near, changes);
        } else {
            self.mixed(ts, view, from, to);
        }
        if !self.parts.bars.is_empty() {
            self.count_bars(view, message)?;
        }
        if self.customs.is_empty() { Ok(()) } else { self.tell(view, from, to) }
    }

    /// Takes a message for bars, when the book is as it is after it.
    fn count_bars(&mut self, view: &View<'_>, message: Span) -> Result<(), FeatureFailure> {
        let (twice_mid, instrument) = (self.touch.twice_mid(), &self.instrument);
        let mut failed = None;
        for (at, bars) in self.parts.bars.iter_mut().enumerate() {
            if let Err(error) = bars.message(view, message, twice_mid, instrument) {
                failed.get_or_insert((at, error));
            }
        }
        failed.map_or(Ok(()), |(at, error)| {
            let is = |slot: &Slot| matches!(slot, Slot::Bar { bars, .. } | Slot::Indicator { bars, .. } if *bars == at);
            Err(self.failure(is, HookError::Failed(error.to_string())))
        })
    }

    /// Sets a level and counts what that added or removed.
    fn set_level(&mut self, view: &View<'_>, row: usize, changes: &mut Changes) {
        let (side, qty) = (if view.side[row] > 0 { Side::Buy } else { Side::Sell }, view.qty.get(row));
        let change = qty - self.book.set(side, view.price.get(row), qty);
        if change > 0 {
            changes.added = changes.added.saturating_add(change);
        } else {
            changes.removed = changes.removed.saturating_sub(change);
        }
    }

    /// Takes the book rows of a message that holds others, or of a book that is made of quotes.
    fn mixed(&mut self, ts: i64, view: &View<'_>, from: usize, to: usize) {
        let (mut changes, mut is_book, mut is_new) = (Changes::default(), false, false);
        for row in from..to {
            let kind = view.kind[row];
            match self.basis {
                FillBasis::L2 if kind == EventKind::BookSet as u8 => {
                    self.set_level(view, row, &mut changes);
                    self.book.mark(BookState::Synced);
                    is_book = true;
                }
                FillBasis::L2 if kind == EventKind::BookClear as u8 => {
                    self.book.clear();
                    (is_book, is_new) = (true, true);
                }
                FillBasis::L1 if kind == EventKind::Quote as u8 => {
                    self.book.apply_event(FillBasis::L1, view, row);
                    is_book = true;
                }
                _ => {}
            }
        }
        if is_book {
            // A snapshot says what the book is, not what was added and removed.
            self.look(ts, true, if is_new { Changes::default() } else { changes });
        }
    }

    /// The book has changed: looks at what follows from that.
    #[inline]
    fn look(&mut self, ts: i64, is_near: bool, changes: Changes) {
        let touch = Touch::of(&self.book);
        self.is_best_old = true;
        self.last_book = Some(ts);
        let is_synced = touch.state == BookState::Synced;
        if touch != self.touch {
            if is_synced && self.touch.state == BookState::Synced && touch.prices_differ(&self.touch) {
                self.last_move = Some(ts);
            }
            let twice_mid = touch.twice_mid().filter(|_| is_synced);
            if twice_mid != self.twice_mid {
                self.twice_mid = twice_mid;
                self.parts.histories.iter_mut().for_each(|history| history.push(ts, twice_mid));
                self.parts.signers.iter_mut().for_each(|signer| signer.mid(ts, twice_mid));
            }
            self.touch = touch;
        }
        if is_synced {
            self.parts.flows.update(ts, &self.book, is_near, changes);
        } else {
            self.parts.flows.lose();
        }
    }

    fn trade(&mut self, ts: i64, price: i64, qty: i64, aggressor: i8) {
        let parts = &mut self.parts;
        let mut signs = parts.signers.iter_mut().map(|own| own.sign_of(ts, price, aggressor, self.twice_mid));
        let sign = signs.next().unwrap_or(aggressor);
        signs.for_each(drop);
        parts.trades.iter_mut().for_each(|trades| trades.push(ts, price, qty, sign));
        parts.vpins.iter_mut().for_each(|vpin| vpin.push(qty, sign));
        parts.bulk_vpins.iter_mut().for_each(|vpin| vpin.push(price, qty));
        parts.rolls.iter_mut().for_each(|roll| roll.push(price));
        let tick = self.instrument.terms_at(ts).tick_size;
        parts.groups.iter_mut().for_each(|group| group.trade(price, qty, sign, tick));
        self.last_trade = Some(ts);
    }

    /// Tells what somebody else computes of a message.
    fn tell(&mut self, view: &View<'_>, from: usize, to: usize) -> Result<(), FeatureFailure> {
        let trades: Vec<_> = (from..to)
            .filter(|row| view.kind[*row] == EventKind::Trade as u8)
            .map(|row| Some(view.event(row)))
            .collect();
        let told = if trades.is_empty() { vec![None] } else { trades };
        for at in 0..self.customs.len() {
            for trade in &told {
                let value = self.customs[at].update(&mut self.book, *trade);
                self.custom_values[at] = value.map_err(|error| self.failed_custom(at, error))?;
            }
        }
        Ok(())
    }

    #[cold]
    fn failed_custom(&self, custom: usize, error: HookError) -> FeatureFailure {
        self.failure(|slot| matches!(slot, Slot::Custom(at) if *at == custom), error)
    }

    #[cold]
    fn failure(&self, is: impl Fn(&Slot) -> bool, error: HookError) -> FeatureFailure {
        let at = self.slots.iter().position(is).unwrap_or_default();
        FeatureFailure { feature: self.set.names()[at].clone(), error }
    }

    /// Writes the vector as known at `now`, not before the last message, into `out`, as long as the set.
    pub fn values(&mut self, now: i64, out: &mut [f64]) {
        if self.first.is_none() {
            out.fill(f64::NAN);
            return;
        }
        let now = now.max(self.last);
        if now >= self.due {
            for group in self.parts.groups.iter_mut().filter(|group| !group.is_silent(self.last, now)) {
                group.pass(now, self.twice_mid);
            }
            self.find_due();
        }
        self.parts.bars.iter_mut().for_each(|bars| bars.pass(now, &self.instrument));
        if self.is_best_old && self.parts.depth > 0 {
            for (levels, side) in self.best.iter_mut().zip([Side::Buy, Side::Sell]) {
                levels.clear();
                levels.extend(self.book.iter(side).take(self.parts.depth));
            }
            self.is_best_old = false;
        }
        for (at, out) in out.iter_mut().enumerate().take(self.slots.len()) {
            *out = self.value(at, now);
        }
    }

    fn price(&self, steps: f64) -> f64 {
        steps * self.instrument.price_increment.to_f64(1)
    }

    fn qty(&self, steps: i128) -> f64 {
        let increment = self.instrument.qty_increment;
        i64::try_from(steps)
            .map_or_else(|_| steps as f64 * increment.to_f64(1), |steps| increment.to_f64(steps))
    }

    /// Best prices of a synchronised book with both sides.
    fn both(&self) -> Option<Touch> {
        self.twice_mid.map(|_| self.touch)
    }

    fn share(&self) -> Option<f64> {
        let touch = self.both()?;
        Some(touch.bid_qty as f64 / (touch.bid_qty as f64 + touch.ask_qty as f64))
    }

    fn value(&mut self, at: usize, now: i64) -> f64 {
        // One NaN for all: which bits a division makes is up to the processor.
        self.known(at, now).filter(|value| !value.is_nan()).unwrap_or(f64::NAN)
    }

    #[allow(clippy::too_many_lines, reason = "a table")]
    fn known(&mut self, at: usize, now: i64) -> Option<f64> {
        let is_synced = self.touch.state == BookState::Synced;
        let since = |ts: Option<i64>| ts.map(|ts| now.saturating_sub(ts) as f64 * 1e-9);
        match &self.slots[at] {
            Slot::Spread => {
                let spread = self.both()?.spread()?;
                Some(self.instrument.price_increment.to_f64(spread))
            }
            Slot::RelativeSpread => {
                let touch = self.both()?;
                let relative = 2e4 * touch.spread()? as f64 / self.twice_mid? as f64;
                relative.is_finite().then_some(relative)
            }
            Slot::Mid => Some(self.price(self.both()?.mid()?)),
            Slot::Microprice => Some(self.price(self.both()?.microprice()?)),
            Slot::Stoikov { table, buckets } => {
                let (touch, tick) = (self.both()?, self.instrument.terms_at(now).tick_size);
                let spread = touch.spread().filter(|spread| *spread > 0)?;
                let row = ((spread + tick - 1) / tick).clamp(1, (table.len() / buckets) as i64) as usize - 1;
                let adjustment = table[row * buckets + bucket(self.share()?, *buckets)];
                Some(self.price(touch.mid()? + adjustment * tick as f64))
            }
            Slot::Imbalance => self.share(),
            Slot::QueueImbalance => {
                let touch = self.both()?;
                let (bid, ask) = (touch.bid_qty as f64, touch.ask_qty as f64);
                Some((bid - ask) / (bid + ask))
            }
            Slot::Depth { levels, sides } => {
                is_synced.then(|| self.qty(depth::depth(&self.best, *levels, *sides)))
            }
            Slot::DepthImbalance { weights } => {
                is_synced.then(|| depth::depth_imbalance(&self.best, weights))
            }
            Slot::DepthSlope { levels, sides } => {
                let slope = is_synced.then(|| depth::slope(&self.best, *levels, *sides))?;
                let (qty, tick) =
                    (self.instrument.qty_increment.to_f64(1), self.instrument.terms_at(now).tick_size);
                Some(slope * qty * tick as f64)
            }
            Slot::BookPressure { levels } => is_synced.then(|| depth::pressure(&self.best, *levels)),
            Slot::Flow(flow) => {
                let flows = &mut self.parts.flows;
                let sum = flows.all[*flow].sums.at(now, flows.since)?;
                Some(self.qty(sum))
            }
            Slot::Rate { is_qty: true, .. } | Slot::CancelRate { .. } if self.basis == FillBasis::L1 => None,
            Slot::Rate { flow, seconds, is_qty } => {
                let (seconds, is_qty, flows) = (*seconds, *is_qty, &mut self.parts.flows);
                let sum = flows.all[*flow].sums.at(now, flows.since)?;
                Some(if is_qty { self.qty(sum) } else { sum as f64 } / seconds)
            }
            Slot::CancelRate { removed, traded, seconds } => {
                let (seconds, flows) = (*seconds, &mut self.parts.flows);
                let removed = flows.all[*removed].sums.at(now, flows.since)?;
                let traded = self.parts.trades[*traded].at(now, self.first)?.volume;
                Some(self.qty((removed - traded).max(0)) / seconds)
            }
            Slot::TradeSign(signer) => self.parts.signers[*signer].sign().map(f64::from),
            Slot::Trades(window, of) => {
                let (of, totals) = (*of, self.parts.trades[*window].at(now, self.first)?);
                let volume = totals.volume as f64;
                match of {
                    OfTrades::Count => Some(totals.count as f64),
                    OfTrades::Volume => Some(self.qty(totals.volume)),
                    OfTrades::Bought => Some(self.qty(totals.bought)),
                    OfTrades::Sold => Some(self.qty(totals.sold)),
                    OfTrades::Flow => Some(self.qty(totals.bought - totals.sold)),
                    OfTrades::Imbalance => {
                        (volume > 0.0).then(|| (totals.bought - totals.sold) as f64 / volume)
                    }
                    OfTrades::Vwap => (volume > 0.0).then(|| self.price(totals.notional as f64 / volume)),
                }
            }
            Slot::Vpin(vpin) => self.parts.vpins[*vpin].value(),
            Slot::BulkVpin(vpin) => self.parts.bulk_vpins[*vpin].value(),
            Slot::Roll(roll) => self.parts.rolls[*roll].value().map(|spread| self.price(spread)),
            Slot::Intervals { group, recent, of } => {
                let (group, of) = (&self.parts.groups[*group], *of);
                if group.is_silent(self.last, now) {
                    return None;
                }
                let (version, value) = self.cached[at];
                if version == group.version {
                    return Some(value);
                }
                let recent = &group.recent[*recent];
                let value = recent.all().map_or(f64::NAN, |passed| {
                    let (price, qty) = (self.price(1.0), self.instrument.qty_increment.to_f64(1));
                    match of {
                        OfIntervals::Kyle { intercept } => {
                            measures::kyle(&passed, recent.window, intercept) * (price / 2.0) / qty
                        }
                        OfIntervals::Amihud => measures::amihud(passed) / (price * qty),
                        OfIntervals::Variance => measures::realized_variance(passed),
                        OfIntervals::Volatility { annualized } => {
                            let ns = annualized.then_some(group.ns);
                            measures::realized_volatility(passed, recent.window, ns)
                        }
                        OfIntervals::Bipower => measures::bipower(passed),
                        OfIntervals::BipowerVolatility => measures::bipower(passed).sqrt(),
                    }
                });
                self.cached[at] = (group.version, value);
                Some(value)
            }
            Slot::Ewma { group, ewma } => {
                let group = &self.parts.groups[*group];
                if group.is_silent(self.last, now) { None } else { group.ewmas[*ewma].volatility() }
            }
            Slot::ArrivalRate { group, intensity } | Slot::DepthDecay { group, intensity } => {
                let group = &self.parts.groups[*group];
                if group.is_silent(self.last, now) {
                    return None;
                }
                let (version, value) = self.cached[at];
                if version == group.version {
                    return Some(value);
                }
                let is_rate = matches!(self.slots[at], Slot::ArrivalRate { .. });
                let fit = group.intensities[*intensity].fit();
                let value = fit.map_or(f64::NAN, |(a, k)| if is_rate { a } else { k });
                self.cached[at] = (group.version, value);
                Some(value)
            }
            Slot::LogReturn(history) => {
                let before = self.parts.histories[*history].before(now)?;
                Some(log_return(before, self.twice_mid?))
            }
            Slot::SinceTrade => since(self.last_trade),
            Slot::SinceBookChange => since(self.last_book),
            Slot::SincePriceMove => since(self.last_move),
            Slot::Bar { bars, field } => self.parts.bars[*bars].field(*field),
            Slot::Indicator { bars, stream, output } => Some(self.parts.bars[*bars].output(*stream, *output)),
            Slot::Custom(custom) => Some(self.custom_values[*custom]),
        }
    }

    /// What it remembers, to go on from in another process with the same bits to come.
    ///
    /// # Errors
    /// [`FeatureFailure`] of a feature that somebody else computes.
    pub fn save(&mut self) -> Result<Vec<u8>, FeatureFailure> {
        let mut bytes = Vec::new();
        let mut w = Writer(&mut bytes);
        w.bytes(self.set.schema_hash().as_bytes());
        w.option(self.first, Writer::i64);
        w.i64(self.last);
        for stamp in [self.last_trade, self.last_book, self.last_move] {
            w.option(stamp, Writer::i64);
        }
        w.i64(self.book.state() as i64);
        for side in [Side::Buy, Side::Sell] {
            w.u64(self.book.levels(side) as u64);
            for level in self.book.iter(side) {
                w.i64(level.price);
                w.i64(level.qty);
            }
        }
        let parts = &self.parts;
        parts.flows.save(&mut w);
        parts.signers.iter().for_each(|own| own.save(&mut w));
        parts.trades.iter().for_each(|own| own.save(&mut w));
        parts.vpins.iter().for_each(|own| own.save(&mut w));
        parts.bulk_vpins.iter().for_each(|own| own.save(&mut w));
        parts.rolls.iter().for_each(|own| own.save(&mut w));
        parts.groups.iter().for_each(|own| own.save(&mut w));
        for history in &parts.histories {
            w.list(history.mids.iter(), |w, (ts, mid)| {
                w.i64(*ts);
                w.option(*mid, Writer::i64);
            });
        }
        parts.bars.iter().for_each(|own| own.save(&mut w));
        self.custom_values.iter().for_each(|value| w.f64(*value));
        for at in 0..self.customs.len() {
            let state = self.customs[at].save().map_err(|error| self.failed_custom(at, error))?;
            Writer(&mut bytes).bytes(&state);
        }
        Ok(bytes)
    }

    /// Goes on from a state that an engine of the same set saved.
    ///
    /// # Errors
    /// [`BadState`]; the engine is of no use then.
    pub fn load(&mut self, state: &[u8]) -> Result<(), BadState> {
        let mut r = Reader::new(state);
        let foreign = BadState::Foreign(self.set.name().to_owned());
        self.read_state(&mut r).map_err(|_| foreign.clone())?;
        for at in 0..self.customs.len() {
            let state = r.bytes().map_err(|_| foreign.clone())?;
            self.customs[at].load(state).map_err(|error| self.failed_custom(at, error))?;
        }
        if r.is_done() { Ok(()) } else { Err(foreign) }
    }

    fn read_state(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        if r.bytes()? != self.set.schema_hash().as_bytes() {
            return r.error("the hash of the set");
        }
        self.first = r.option(Reader::i64)?;
        self.last = r.i64()?;
        self.last_trade = r.option(Reader::i64)?;
        self.last_book = r.option(Reader::i64)?;
        self.last_move = r.option(Reader::i64)?;
        let state = match r.i64()? {
            0 => BookState::Empty,
            1 => BookState::Buffering,
            2 => BookState::Synced,
            3 => BookState::Gap,
            4 => BookState::Stale,
            _ => return r.error("the state of a book"),
        };
        self.book = L2Book::new();
        for side in [Side::Buy, Side::Sell] {
            for (price, qty) in r.list(|r| Ok((r.i64()?, r.i64()?)))? {
                if price.unsigned_abs() > STEPS_LIMIT as u64 + 1 || !crate::event::is_qty(qty) {
                    return r.error("a level");
                }
                self.book.set(side, price, qty);
            }
        }
        self.book.mark(state);
        self.touch = Touch::of(&self.book);
        self.twice_mid = self.touch.twice_mid().filter(|_| state == BookState::Synced);
        self.is_best_old = true;
        let parts = &mut self.parts;
        parts.flows.load(r, &self.book)?;
        parts.signers.iter_mut().try_for_each(|own| own.load(r))?;
        parts.trades.iter_mut().try_for_each(|own| own.load(r))?;
        parts.vpins.iter_mut().try_for_each(|own| own.load(r))?;
        parts.bulk_vpins.iter_mut().try_for_each(|own| own.load(r))?;
        parts.rolls.iter_mut().try_for_each(|own| own.load(r))?;
        parts.groups.iter_mut().try_for_each(|own| own.load(r, self.last))?;
        for history in &mut parts.histories {
            history.mids = r.list(|r| Ok((r.i64()?, r.option(Reader::i64)?)))?.into();
        }
        parts.bars.iter_mut().try_for_each(|own| own.load(r))?;
        for value in &mut self.custom_values {
            *value = r.f64()?;
        }
        self.cached.fill((0, f64::NAN));
        self.find_due();
        Ok(())
    }
}
