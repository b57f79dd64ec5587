//! A synthetic market of single orders: everybody's order is known, and so is what became of it.
//!
//! Orders arrive, shrink, move and leave mostly near the touch, market orders eat the front of the best level, first come
//! first served. Every event is told by order (add, modify, cancel, execute) and by its trade; besides, the levels are
//! told as a feed of levels would: with every event, or what changed in some time as one message. The events are the same
//! for every such time.
//!
//! Same configuration, same rows, on every platform.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use super::SynthError;
use crate::event::{Event, EventColumns, EventKind, FLAG_LAST, FLAG_SNAPSHOT};
use crate::random::Random;
use crate::types::{STEPS_LIMIT, Side};

/// Levels a side has at first, and is never left without.
const LEVELS: i64 = 20;
/// Orders at each of them at first.
const QUEUE: u64 = 6;
/// Orders a side is drawn to have.
const CROWD: usize = 110;

/// How large orders are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// 1, 2, 5 or 10 times the typical one, as people type them.
    Few,
    /// Any number of lots, exponential.
    Many,
}

/// What the market of orders looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct OrdersConfig {
    /// Seed of everything.
    pub seed: u64,
    /// First mid price, in price increments.
    pub start_price: i64,
    /// Price step, in price increments.
    pub tick_size: i64,
    /// Typical size of an order, in quantity increments.
    pub typical_qty: i64,
    /// Quantity step, in quantity increments.
    pub lot_size: i64,
    /// Time of the first row, ns.
    pub start_ns: i64,
    /// Mean time between events, ns.
    pub gap_ns: i64,
    /// The time whose changes of levels are one message, ns; 0 tells every event.
    pub granularity_ns: i64,
    /// How large orders are.
    pub sizes: Sizes,
    /// Share of events that change an order, from 0 to 1.
    pub amendments: f64,
    /// From an event to its receipt, ns.
    pub latency_ns: i64,
}

#[derive(Debug, Clone, Copy)]
struct Order {
    id: u64,
    qty: i64,
}

#[derive(Debug, Default)]
struct BookSide {
    /// By price times the sign of the side, so that the best is the last.
    levels: BTreeMap<i64, VecDeque<Order>>,
    /// Ids of the orders that stand here, to draw one of them.
    live: Vec<u64>,
}

/// Where an order is: its side, its level, its place in the list to draw from.
#[derive(Debug, Clone, Copy)]
struct Place {
    side: usize,
    key: i64,
    drawn: usize,
}

/// Makes the rows of a market of orders, in order, as many as asked for.
pub struct OrdersSynth {
    config: OrdersConfig,
    random: Random,
    sides: [BookSide; 2],
    places: FxHashMap<u64, Place>,
    /// Levels that changed since they were last told, as side and key.
    changed: BTreeSet<(usize, i64)>,
    now: i64,
    /// When levels are next told, where they are not with every event.
    tells_at: i64,
    orders: u64,
    trades: u64,
    aggressor: usize,
    is_open: bool,
}

/// The last row ends its message.
fn end(out: &mut EventColumns) {
    if let Some(flags) = out.flags.last_mut() {
        *flags |= FLAG_LAST;
    }
}

fn side_of(index: usize) -> Side {
    if index == 0 { Side::Buy } else { Side::Sell }
}

impl OrdersSynth {
    /// A market that has not opened yet.
    ///
    /// # Errors
    /// [`SynthError`].
    pub fn new(config: OrdersConfig) -> Result<Self, SynthError> {
        let ticks = config.start_price / config.tick_size.max(1);
        if ticks < 1_000 * LEVELS || config.start_price > STEPS_LIMIT / 2 || config.tick_size <= 0 {
            return Err(SynthError::StartPrice);
        }
        let sizes = 1..=STEPS_LIMIT >> 20;
        if !(sizes.contains(&config.typical_qty) && sizes.contains(&config.lot_size)) {
            return Err(SynthError::TypicalQty);
        }
        Ok(Self {
            random: Random::new(config.seed, 2),
            sides: Default::default(),
            places: FxHashMap::default(),
            changed: BTreeSet::new(),
            now: config.start_ns,
            tells_at: config.start_ns,
            orders: 0,
            trades: 0,
            aggressor: 0,
            is_open: false,
            config,
        })
    }

    /// Appends the next whole messages to `out` until it holds at least `rows` rows.
    pub fn fill(&mut self, out: &mut EventColumns, rows: usize) {
        while out.len() < rows {
            if self.is_open {
                self.step(out);
            } else {
                self.is_open = true;
                self.open(out);
            }
        }
    }

    /// The opening book: its orders, and its levels as a snapshot.
    fn open(&mut self, out: &mut EventColumns) {
        let mid = self.config.start_price / self.config.tick_size;
        for side in 0..2 {
            for back in 0..LEVELS {
                for _ in 0..=self.random.below(QUEUE) {
                    let key = if side == 0 { mid - back } else { -(mid + 1 + back) };
                    self.add(side, key, out);
                }
            }
        }
        self.push(out, EventKind::BookClear, None, 0, 0, 0);
        let levels = std::mem::take(&mut self.changed);
        let first = out.len() - 1;
        self.tell(levels.iter().rev(), out);
        out.flags[first..].iter_mut().for_each(|flags| *flags |= FLAG_SNAPSHOT);
        end(out);
    }

    fn step(&mut self, out: &mut EventColumns) {
        let gap = self.random.exponential(self.config.gap_ns as f64) as i64;
        self.now = self.now.saturating_add(gap).saturating_add(1);
        self.tell_due(out);
        let (begin, side) = (out.len(), self.random.below(2) as usize);
        let few = self.sides[side].live.len() < CROWD || self.sides[side].levels.len() < LEVELS as usize;
        let kind = self.random.unit();
        if kind < self.config.amendments {
            self.amend(side, out);
        } else if self.random.chance(0.06) {
            self.market_order(out);
        } else if self.random.chance(if few { 0.58 } else { 0.46 }) {
            let key = self.joins(side);
            self.add(side, key, out);
        } else {
            self.leave(side, out);
        }
        if self.config.granularity_ns == 0 {
            let levels = std::mem::take(&mut self.changed);
            self.tell(levels.iter(), out);
        }
        if out.len() > begin {
            end(out);
        }
    }

    /// Tells the levels that changed by the end of the times that are over.
    fn tell_due(&mut self, out: &mut EventColumns) {
        let every = self.config.granularity_ns;
        if every == 0 || self.now < self.tells_at {
            return;
        }
        let levels = std::mem::take(&mut self.changed);
        let now = std::mem::replace(&mut self.now, self.tells_at);
        if !levels.is_empty() {
            self.tell(levels.iter(), out);
            end(out);
        }
        self.now = now;
        let passed = (now - self.tells_at) / every + 1;
        self.tells_at = self.tells_at.saturating_add(passed.saturating_mul(every));
    }

    fn tell<'a>(&mut self, levels: impl Iterator<Item = &'a (usize, i64)>, out: &mut EventColumns) {
        for (side, key) in levels {
            let level = self.sides[*side].levels.get(key);
            let qty = level.map_or(0, |orders| orders.iter().map(|order| order.qty).sum());
            self.push(out, EventKind::BookSet, Some(*side), *key, qty, 0);
        }
    }

    /// Where an order of a side joins: mostly near the touch, at times inside of a wide spread.
    fn joins(&mut self, side: usize) -> i64 {
        let (own, other) = (self.best(side), self.best(1 - side));
        // Keys of the two sides meet where their sum is 0.
        let spread = -(own + other);
        if spread > 1 && self.random.chance(0.35) {
            return own + 1;
        }
        let mut back = 0;
        while back < LEVELS && self.random.chance(0.62) {
            back += 1;
        }
        own - back
    }

    fn best(&self, side: usize) -> i64 {
        let last = self.sides[side].levels.last_key_value().map(|(key, _)| *key);
        // A side is never left empty: see `leaves_some`.
        last.unwrap_or(i64::MIN / 4)
    }

    fn size(&mut self) -> i64 {
        let typical = self.config.typical_qty;
        let qty = match self.config.sizes {
            Sizes::Few => typical * [1, 1, 1, 2, 2, 5, 5, 10][self.random.below(8) as usize],
            Sizes::Many => 1 + self.random.exponential(3.0 * typical as f64) as i64,
        };
        (qty / self.config.lot_size).max(1) * self.config.lot_size
    }

    fn add(&mut self, side: usize, key: i64, out: &mut EventColumns) {
        self.orders += 1;
        let order = Order { id: self.orders, qty: self.size() };
        let live = &mut self.sides[side].live;
        self.places.insert(order.id, Place { side, key, drawn: live.len() });
        live.push(order.id);
        self.rest(side, key, order);
        self.push(out, EventKind::OrderAdd, Some(side), key, order.qty, order.id);
    }

    fn rest(&mut self, side: usize, key: i64, order: Order) {
        self.sides[side].levels.entry(key).or_default().push_back(order);
        self.changed.insert((side, key));
    }

    /// Takes an order out of its level.
    fn pull(&mut self, id: u64, Place { side, key, .. }: Place) -> Option<Order> {
        let level = self.sides[side].levels.get_mut(&key)?;
        let at = level.iter().position(|order| order.id == id)?;
        let order = level.remove(at);
        if level.is_empty() {
            self.sides[side].levels.remove(&key);
        }
        self.changed.insert((side, key));
        order
    }

    /// An order is gone: it is not drawn any more.
    fn forget(&mut self, id: u64) {
        if let Some(Place { side, drawn, .. }) = self.places.remove(&id) {
            let live = &mut self.sides[side].live;
            live.swap_remove(drawn);
            if let Some(moved) = live.get(drawn)
                && let Some(place) = self.places.get_mut(moved)
            {
                place.drawn = drawn;
            }
        }
    }

    /// An order of a side, of those near the touch more often; of so many the one that came last.
    fn draw(&mut self, side: usize, of: usize) -> Option<(u64, Place)> {
        let best = self.best(side);
        let mut drawn = None;
        for _ in 0..8 {
            let live = &self.sides[side].live;
            let drawn_of = (0..of).map(|_| live[self.random.below(live.len() as u64) as usize]);
            let Some(id) = drawn_of.max() else { break };
            let place = self.places[&id];
            drawn = Some((id, place));
            let back = (best - place.key).min(LEVELS) as f64;
            if self.random.chance(1.0 / (1.0 + 0.3 * back)) {
                break;
            }
        }
        drawn
    }

    /// Whether a side has levels enough to lose one.
    fn leaves_some(&self, side: usize) -> bool {
        self.sides[side].levels.len() > 2
    }

    fn leave(&mut self, side: usize, out: &mut EventColumns) {
        // Who came last is the first to leave again, mostly.
        if let Some((id, place)) = self.draw(side, 4).filter(|_| self.leaves_some(side))
            && let Some(order) = self.pull(id, place)
        {
            self.forget(id);
            self.push(out, EventKind::OrderCancel, Some(side), place.key, order.qty, id);
        }
    }

    /// An order shrinks and keeps its place, or changes its price and loses it.
    fn amend(&mut self, side: usize, out: &mut EventColumns) {
        let Some((id, place)) = self.draw(side, 1).filter(|_| self.leaves_some(side)) else { return };
        let lot = self.config.lot_size;
        let level = self.sides[side].levels.get_mut(&place.key);
        let Some(order) = level.and_then(|orders| orders.iter_mut().find(|order| order.id == id)) else {
            return;
        };
        if order.qty >= 2 * lot && self.random.chance(0.6) {
            let lots = order.qty / lot;
            order.qty -= (1 + self.random.below((lots - 1) as u64) as i64) * lot;
            let qty = order.qty;
            self.changed.insert((side, place.key));
            self.push(out, EventKind::OrderModify, Some(side), place.key, qty, id);
        } else if let Some(order) = self.pull(id, place) {
            let key = self.joins(side);
            let key = if key == place.key { key - 1 } else { key };
            self.places.entry(id).and_modify(|place| place.key = key);
            self.rest(side, key, order);
            self.push(out, EventKind::OrderModify, Some(side), key, order.qty, id);
        }
    }

    /// Somebody takes from the front of the other side.
    fn market_order(&mut self, out: &mut EventColumns) {
        if self.random.chance(0.4) {
            self.aggressor = 1 - self.aggressor;
        }
        let side = 1 - self.aggressor;
        let mut left = self.size();
        if self.random.chance(0.25) {
            left = left.saturating_mul(4);
        }
        while left > 0 && self.leaves_some(side) {
            let key = self.best(side);
            let mut traded = 0;
            self.trades += 1;
            while let Some(first) = self.sides[side].levels.get_mut(&key).and_then(VecDeque::front_mut) {
                let qty = left.min(first.qty);
                first.qty -= qty;
                let (id, rest) = (first.id, first.qty);
                (left, traded) = (left - qty, traded + qty);
                self.push(out, EventKind::OrderExecute, Some(side), key, qty, id);
                if rest == 0 {
                    self.pull(id, Place { side, key, drawn: 0 });
                    self.forget(id);
                }
                if left == 0 {
                    break;
                }
            }
            self.changed.insert((side, key));
            // Behind its executions, so that a message ends with what everybody reads.
            self.push(out, EventKind::Trade, Some(side), key, traded, self.trades);
            if let Some(aggressor) = out.side.last_mut() {
                *aggressor = -*aggressor;
            }
        }
    }

    fn push(
        &self,
        out: &mut EventColumns,
        kind: EventKind,
        side: Option<usize>,
        key: i64,
        qty: i64,
        id: u64,
    ) {
        let side = side.map(side_of);
        let price = side.map_or(0, |side| key * side.sign() * self.config.tick_size);
        let ts_recv = self.now.saturating_add(self.config.latency_ns);
        let side = side.map_or(0, |side| side as i8);
        out.push(Event { ts_event: self.now, ts_recv, kind, side, flags: 0, price, qty, id });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Columns;

    fn config(granularity_ns: i64, sizes: Sizes) -> OrdersConfig {
        OrdersConfig {
            seed: 7,
            start_price: 600_000,
            tick_size: 1,
            typical_qty: 10,
            lot_size: 1,
            start_ns: 1_000,
            gap_ns: 2_000_000,
            granularity_ns,
            sizes,
            amendments: 0.05,
            latency_ns: 1_000_000,
        }
    }

    fn made(config: OrdersConfig, rows: usize) -> EventColumns {
        let mut out = EventColumns::default();
        OrdersSynth::new(config).unwrap().fill(&mut out, rows);
        out.view().check().unwrap();
        out
    }

    /// The market as its order rows tell it: size by side and price.
    fn levels(columns: &EventColumns) -> BTreeMap<(i8, i64), i64> {
        let mut orders: BTreeMap<u64, (i8, i64, i64)> = BTreeMap::new();
        let view = columns.view();
        for row in 0..columns.len() {
            let Event { kind, side, price, qty, id, .. } = view.event(row);
            match kind {
                EventKind::OrderAdd | EventKind::OrderModify => {
                    orders.insert(id, (side, price, qty));
                }
                EventKind::OrderCancel => {
                    assert_eq!(orders.remove(&id), Some((side, price, qty)));
                }
                EventKind::OrderExecute => {
                    let order = orders.get_mut(&id).unwrap();
                    assert!(order.1 == price && order.2 >= qty);
                    order.2 -= qty;
                    if order.2 == 0 {
                        orders.remove(&id);
                    }
                }
                _ => {}
            }
        }
        let mut levels = BTreeMap::new();
        for (side, price, qty) in orders.into_values() {
            *levels.entry((side, price)).or_default() += qty;
        }
        levels
    }

    #[test]
    fn the_levels_are_the_orders_added_up() {
        for sizes in [Sizes::Few, Sizes::Many] {
            let columns = made(config(0, sizes), 20_000);
            let mut book: BTreeMap<(i8, i64), i64> = BTreeMap::new();
            let view = columns.view();
            for row in 0..columns.len() {
                let Event { kind, side, price, qty, .. } = view.event(row);
                if kind == EventKind::BookSet {
                    book.insert((side, price), qty);
                }
            }
            book.retain(|_, qty| *qty > 0);
            assert_eq!(book, levels(&columns));
        }
    }

    #[test]
    fn the_events_are_the_same_however_fine_the_levels_are() {
        let events = |granularity| {
            let columns = made(config(granularity, Sizes::Few), 60_000);
            let view = columns.view();
            let all = (0..columns.len()).map(|row| (view.event(row).kind, view.event(row)));
            all.filter(|(kind, _)| *kind != EventKind::BookSet && *kind != EventKind::BookClear)
                .map(|(_, event)| (event.ts_event, event.kind as u8, event.price, event.qty, event.id))
                .take(15_000)
                .collect::<Vec<_>>()
        };
        let every = events(0);
        assert_eq!(every.len(), 15_000);
        for granularity in [1_000_000, 100_000_000] {
            assert_eq!(events(granularity), every);
        }
    }

    #[test]
    fn executions_are_first_come_first_served_and_add_up_to_the_trade() {
        let columns = made(config(0, Sizes::Many), 20_000);
        let (view, mut trades) = (columns.view(), 0);
        let mut queues: BTreeMap<(i8, i64), VecDeque<u64>> = BTreeMap::new();
        let mut at: BTreeMap<u64, (i8, i64)> = BTreeMap::new();
        let mut executed = 0;
        for row in 0..columns.len() {
            let Event { kind, side, price, qty, id, .. } = view.event(row);
            match kind {
                EventKind::OrderAdd => {
                    queues.entry((side, price)).or_default().push_back(id);
                    at.insert(id, (side, price));
                }
                EventKind::OrderModify if at[&id] != (side, price) => {
                    queues.get_mut(&at[&id]).unwrap().retain(|other| *other != id);
                    queues.entry((side, price)).or_default().push_back(id);
                    at.insert(id, (side, price));
                }
                EventKind::OrderCancel => {
                    queues.get_mut(&at[&id]).unwrap().retain(|other| *other != id);
                }
                EventKind::Trade => {
                    assert_eq!(qty, executed);
                    (executed, trades) = (0, trades + 1);
                }
                EventKind::OrderExecute => {
                    executed += qty;
                    let queue = queues.get_mut(&(side, price)).unwrap();
                    // Those in front have traded in full.
                    while queue.front() != Some(&id) {
                        queue.pop_front().unwrap();
                    }
                }
                _ => {}
            }
        }
        assert!(trades > 100, "{trades}");
    }

    #[test]
    fn a_market_that_cannot_be_is_refused() {
        let bad = OrdersConfig { start_price: 100, ..config(0, Sizes::Few) };
        assert_eq!(OrdersSynth::new(bad).err(), Some(SynthError::StartPrice));
        let bad = OrdersConfig { typical_qty: 0, ..config(0, Sizes::Few) };
        assert_eq!(OrdersSynth::new(bad).err(), Some(SynthError::TypicalQty));
    }
}
