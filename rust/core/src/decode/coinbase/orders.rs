//! The orders of a product one by one, as the channel `full` of the Exchange feed tells them.
//!
//! Every message of the channel has the next number of its product, whether it changes the book or not. A snapshot is
//! asked for (`book?level=3`) and fed like a frame; what came before it waits. A hole voids the book until another
//! snapshot. Rows tell each order, and the levels that this changes, so that whoever reads levels alone has the book too.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::book::{BookSync, DeltaAction, DeltaIds, GapReason, SnapshotAction, SyncRule};
use crate::decode::feed::FeedSink;
use crate::decode::stamps::Stamps;
use crate::event::{Event, EventKind, FLAG_SNAPSHOT, STEPS_LIMIT};
use crate::types::Level;

/// Messages kept while waiting for a snapshot: what comes after is kept instead.
const MAX_KEPT: usize = 100_000;

/// An order's name at the venue, a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OrderKey(pub(super) u128);

impl OrderKey {
    /// The id of its rows: the same in every recording.
    fn id(self) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "both halves are folded")]
        let id = (self.0 >> 64) as u64 ^ self.0 as u64;
        id
    }
}

/// An order that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resting {
    /// 1 of a bid, -1 of an ask.
    pub(super) side: i8,
    pub(super) price: i64,
    pub(super) qty: i64,
}

impl Resting {
    fn row(self, kind: EventKind, key: OrderKey, stamps: Stamps) -> Event {
        let Self { side, price, qty } = self;
        Event { side, price, qty, id: key.id(), ..stamps.row(kind) }
    }
}

/// What a message does to the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: an order that does not rest.
    Nothing,
    /// An order rests from now on.
    Open(OrderKey, Resting),
    /// So much of an order has traded.
    Match(OrderKey, i64),
    /// An order is gone.
    Done(OrderKey),
    /// An order has this quantity from now on, and perhaps another price.
    Change(OrderKey, Option<i64>, i64),
}

/// A book of single orders.
#[derive(Debug)]
pub(super) struct Orders {
    sync: BookSync,
    resting: FxHashMap<OrderKey, Resting>,
    /// What rests at each price, of bids and asks.
    levels: [BTreeMap<i64, i128>; 2],
    /// What waits for a snapshot.
    kept: Vec<(Step, Stamps)>,
    /// Whether an order makes a book of nothing where no snapshot is.
    starts_empty: bool,
}

impl Orders {
    /// A book that has seen nothing, or a trade that has been told.
    pub(super) fn new(traded: Option<(Step, Stamps)>, starts_empty: bool) -> Self {
        let mut sync = BookSync::new(SyncRule::CoinbaseOrders, MAX_KEPT);
        if let Some((_, Stamps { id, .. })) = traded {
            sync.on_delta(DeltaIds::one(id));
        }
        let kept = traded.into_iter().collect();
        Self { sync, resting: FxHashMap::default(), levels: Default::default(), kept, starts_empty }
    }

    /// Where the book stands.
    pub(super) fn sync(&self) -> &BookSync {
        &self.sync
    }

    /// Takes a message with its number, and the trade that it is.
    pub(super) fn take(
        &mut self,
        step: Step,
        trade: Option<Event>,
        stamps: Stamps,
        out: &mut impl FeedSink,
    ) -> DeltaAction {
        let action = self.sync.on_delta(DeltaIds::one(stamps.id));
        match action {
            DeltaAction::Apply => {
                self.apply(step, trade, stamps, out);
                return action;
            }
            DeltaAction::Buffer | DeltaAction::Restart | DeltaAction::Gap => {
                if action == DeltaAction::Gap {
                    self.forget();
                    stamps.clear(out);
                }
                if action != DeltaAction::Buffer {
                    self.kept.clear();
                }
                self.kept.push((step, stamps));
                if let Step::Open(key, order) = step
                    && self.starts_empty
                {
                    self.snapshot(&[(key, order)], stamps, out);
                }
            }
            DeltaAction::Ignore | DeltaAction::Unsynced => {}
        }
        if let Some(trade) = trade {
            out.push(trade);
        }
        action
    }

    /// Takes every order there is after the message of a number, in the order of the queue.
    pub(super) fn snapshot(
        &mut self,
        orders: &[(OrderKey, Resting)],
        stamps: Stamps,
        out: &mut impl FeedSink,
    ) -> SnapshotAction {
        let action = self.sync.on_snapshot(stamps.id);
        let SnapshotAction::Load { from } = action else { return action };
        self.forget();
        let clear = Event { flags: FLAG_SNAPSHOT, ..stamps.row(EventKind::BookClear) };
        out.push(clear);
        for &(key, order) in orders {
            self.put(key, Some(order));
            out.push(Event { flags: FLAG_SNAPSHOT, ..order.row(EventKind::OrderAdd, key, stamps) });
        }
        let [bids, asks] = [0, 1].map(|side| {
            self.levels[side].iter().map(|(&price, &qty)| Level { price, qty: told(qty) }).collect::<Vec<_>>()
        });
        out.push_levels(Event { kind: EventKind::BookSet, ..clear }, &bids, &asks);
        out.end_message();
        for (step, then) in std::mem::take(&mut self.kept).into_iter().skip(from) {
            // What was kept becomes known now; its trades were told when they came.
            self.apply(step, None, Stamps { ts_recv: stamps.ts_recv, ..then }, out);
        }
        action
    }

    /// Voids the book for a reason that its own numbers do not show.
    pub(super) fn void(&mut self, reason: GapReason, stamps: Stamps, out: &mut impl FeedSink) {
        self.kept.clear();
        self.forget();
        if self.sync.void(reason) {
            stamps.clear(out);
        }
    }

    fn forget(&mut self) {
        self.resting.clear();
        self.levels.iter_mut().for_each(BTreeMap::clear);
    }

    fn apply(&mut self, step: Step, trade: Option<Event>, stamps: Stamps, out: &mut impl FeedSink) {
        let (key, row, now) = match step {
            Step::Nothing => return,
            Step::Open(key, order) => (key, order.row(EventKind::OrderAdd, key, stamps), Some(order)),
            Step::Match(key, qty) => {
                let Some(&order) = self.resting.get(&key) else {
                    // Nothing that rests here has traded.
                    return trade.into_iter().for_each(|trade| out.push(trade));
                };
                let qty = qty.min(order.qty);
                let left = Resting { qty: order.qty - qty, ..order };
                let executed = Resting { qty, ..order }.row(EventKind::OrderExecute, key, stamps);
                (key, executed, Some(left))
            }
            Step::Done(key) => {
                let Some(&order) = self.resting.get(&key) else { return };
                (key, order.row(EventKind::OrderCancel, key, stamps), None)
            }
            Step::Change(key, price, qty) => {
                let Some(&order) = self.resting.get(&key) else { return };
                let new = Resting { price: price.unwrap_or(order.price), qty, ..order };
                (key, new.row(EventKind::OrderModify, key, stamps), Some(new))
            }
        };
        out.push(row);
        if let Step::Match(..) = step {
            // A message of its own: the trade comes before the book without what it took.
            match trade {
                Some(trade) => out.push(trade),
                None => out.end_message(),
            }
        }
        for (side, price) in self.put(key, now.filter(|order| order.qty > 0)).into_iter().flatten() {
            let qty = self.levels[at(side)].get(&price).map_or(0, |&qty| told(qty));
            out.push(Event { side, price, qty, ..stamps.row(EventKind::BookSet) });
        }
        out.end_message();
    }

    /// Puts an order in the place of what was there of it; returns the levels that this changes.
    fn put(&mut self, key: OrderKey, order: Option<Resting>) -> [Option<(i8, i64)>; 2] {
        let old = match order {
            Some(order) => self.resting.insert(key, order),
            None => self.resting.remove(&key),
        };
        if let Some(Resting { side, price, qty }) = old
            && let Some(level) = self.levels[at(side)].get_mut(&price)
        {
            *level -= i128::from(qty);
            if *level <= 0 {
                self.levels[at(side)].remove(&price);
            }
        }
        if let Some(Resting { side, price, qty }) = order {
            *self.levels[at(side)].entry(price).or_default() += i128::from(qty);
        }
        let place = |order: Resting| (order.side, order.price);
        let (was, is) = (old.map(place), order.map(place));
        [was, is.filter(|_| is != was)]
    }
}

/// Where a side's levels are.
fn at(side: i8) -> usize {
    usize::from(side < 0)
}

/// The quantity of a level as rows have it: sums beyond what they hold are of no market.
fn told(qty: i128) -> i64 {
    i64::try_from(qty).map_or(STEPS_LIMIT, |qty| qty.min(STEPS_LIMIT))
}
