//! Own orders by price, so that a message costs only what it concerns.
//!
//! A key is a price times the sign of its side: the larger of two keys is the better price on either side. Orders at
//! one key stand in order of arrival, linked to each other in one vector of slots.

use rustc_hash::FxHashMap;

use super::terms::Terms;
use crate::orders::OrderId;
use crate::sim::queue::QueuePosition;
use crate::types::{AccountId, Side};

/// Place of an order in memory, for as long as it rests.
pub(super) type Slot = u32;

/// No neighbour.
const END: Slot = Slot::MAX;

/// Below every key.
pub(super) const NO_KEY: i64 = i64::MIN;

/// When an order was put where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// When it was sent, ns.
    pub(super) sent: i64,
    /// When it arrived, ns.
    pub(super) arrived: i64,
}

/// An own order in the venue's book.
#[derive(Debug, Clone)]
pub(super) struct Resting {
    pub(super) id: OrderId,
    pub(super) account: AccountId,
    /// The accounts that share what is there to take.
    pub(super) pool: u32,
    pub(super) side: Side,
    pub(super) price: i64,
    /// Total quantity and what has been filled of it.
    pub(super) qty: i64,
    pub(super) filled: i64,
    pub(super) terms: Terms,
    /// What is displayed of it is gone when so much of it has been filled.
    pub(super) tip: i64,
    pub(super) place: QueuePosition,
    /// Displayed size of its level when last seen.
    pub(super) displayed: i64,
    pub(super) placed: Placed,
    /// Quantity ahead when it joined its level, and right before what last reached it; infinite while unknown.
    pub(super) ahead_at_entry: f64,
    pub(super) ahead: f64,
    /// Venue's time of what the book showed when it joined its level, and when that last shrank, ns.
    pub(super) joined_at: i64,
    pub(super) shrunk_at: i64,
}

impl Resting {
    pub(super) fn leaves(&self) -> i64 {
        self.qty - self.filled
    }

    /// How much of it is displayed.
    pub(super) fn shown(&self) -> i64 {
        self.tip.min(self.qty) - self.filled
    }

    pub(super) fn key(&self) -> i64 {
        self.price * self.side.sign()
    }
}

#[derive(Debug)]
struct Node {
    order: Resting,
    /// Rises from one arrival to the next.
    arrival: u64,
    before: Slot,
    behind: Slot,
    /// Where it stands in [`OwnOrders::all`].
    listed: u32,
}

/// First and last order at a price.
#[derive(Debug, Clone, Copy)]
struct Queue {
    first: Slot,
    last: Slot,
}

#[derive(Debug)]
struct OwnSide {
    /// Rising, so that what comes and goes near the touch does so at the end.
    keys: Vec<i64>,
    /// The orders at each of them.
    queues: Vec<Queue>,
    /// The best key, or [`NO_KEY`].
    best: i64,
    /// No level above this key has anything to learn when the data shows deeper than before; [`NO_KEY`] for none.
    unseen: i64,
}

/// The own orders of a market.
#[derive(Debug)]
pub(super) struct OwnOrders {
    nodes: Vec<Node>,
    free: Vec<Slot>,
    /// Every order, in no order.
    all: Vec<Slot>,
    slots: FxHashMap<(AccountId, OrderId), Slot>,
    sides: [OwnSide; 2],
    arrivals: u64,
    /// How many of them only reduce a position.
    reduce_only: usize,
}

impl OwnOrders {
    pub(super) fn new() -> Self {
        let side = || OwnSide { keys: Vec::new(), queues: Vec::new(), best: NO_KEY, unseen: NO_KEY };
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            all: Vec::new(),
            slots: FxHashMap::default(),
            sides: [side(), side()],
            arrivals: 0,
            reduce_only: 0,
        }
    }

    /// Whether one of them only reduces a position.
    pub(super) fn has_reduce_only(&self) -> bool {
        self.reduce_only > 0
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn find(&self, account: AccountId, id: OrderId) -> Option<Slot> {
        self.slots.get(&(account, id)).copied()
    }

    /// Where the orders are.
    #[inline]
    pub(super) fn all(&self) -> &[Slot] {
        &self.all
    }

    /// Where the orders are, in order of arrival.
    pub(super) fn by_arrival(&self) -> Vec<Slot> {
        let mut slots = self.all.clone();
        slots.sort_unstable_by_key(|slot| self.arrival(*slot));
        slots
    }

    pub(super) fn get(&self, slot: Slot) -> &Resting {
        &self.nodes[slot as usize].order
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Resting {
        &mut self.nodes[slot as usize].order
    }

    /// The order at a place, if one is there.
    pub(super) fn still(&mut self, slot: Slot) -> Option<&mut Resting> {
        let node = &mut self.nodes[slot as usize];
        (self.all.get(node.listed as usize) == Some(&slot)).then_some(&mut node.order)
    }

    pub(super) fn arrival(&self, slot: Slot) -> u64 {
        self.nodes[slot as usize].arrival
    }

    /// Puts an order behind all others of its price; where it is.
    pub(super) fn push(&mut self, order: Resting) -> Slot {
        let key = order.key();
        let slot = self.free.pop().unwrap_or(self.nodes.len() as Slot);
        let side = &mut self.sides[order.side.index()];
        let before = match side.keys.binary_search(&key) {
            Ok(at) => std::mem::replace(&mut side.queues[at].last, slot),
            Err(at) => {
                side.keys.insert(at, key);
                side.queues.insert(at, Queue { first: slot, last: slot });
                END
            }
        };
        side.best = side.best.max(key);
        self.slots.insert((order.account, order.id), slot);
        self.arrivals += 1;
        self.reduce_only += usize::from(order.terms.reduce_only);
        let node = Node { order, arrival: self.arrivals, before, behind: END, listed: self.all.len() as u32 };
        self.all.push(slot);
        if slot as usize == self.nodes.len() {
            self.nodes.push(node);
        } else {
            self.nodes[slot as usize] = node;
        }
        if before != END {
            self.nodes[before as usize].behind = slot;
        }
        slot
    }

    /// Takes an order out.
    pub(super) fn remove(&mut self, slot: Slot) -> Resting {
        let Node { order, before, behind, listed, .. } = &mut self.nodes[slot as usize];
        let place = std::mem::take(&mut order.place);
        let (order, before, behind, listed) = (Resting { place, ..order.clone() }, *before, *behind, *listed);
        self.all.swap_remove(listed as usize);
        if let Some(moved) = self.all.get(listed as usize) {
            self.nodes[*moved as usize].listed = listed;
        }
        if before != END {
            self.nodes[before as usize].behind = behind;
        }
        if behind != END {
            self.nodes[behind as usize].before = before;
        }
        let (side, key) = (&mut self.sides[order.side.index()], order.key());
        let at = side.keys.partition_point(|k| *k < key);
        if before == END && behind == END {
            side.keys.remove(at);
            side.queues.remove(at);
            side.best = side.keys.last().map_or(NO_KEY, |key| *key);
            if key == side.unseen {
                side.unseen = at.checked_sub(1).map_or(NO_KEY, |below| side.keys[below]);
            }
        } else {
            let queue = &mut side.queues[at];
            if before == END {
                queue.first = behind;
            }
            if behind == END {
                queue.last = before;
            }
        }
        self.slots.remove(&(order.account, order.id));
        self.reduce_only -= usize::from(order.terms.reduce_only);
        self.free.push(slot);
        order
    }

    /// The best key of a side, or [`NO_KEY`].
    #[inline]
    pub(super) fn best(&self, side: Side) -> i64 {
        self.sides[side.index()].best
    }

    /// The keys of a side, rising.
    pub(super) fn keys(&self, side: Side) -> &[i64] {
        &self.sides[side.index()].keys
    }

    /// The best level at or below a key, and its first order.
    pub(super) fn level_below(&self, side: Side, key: i64) -> Option<(i64, Slot)> {
        let side = &self.sides[side.index()];
        let above = if key >= side.best { side.keys.len() } else { side.keys.partition_point(|k| *k <= key) };
        let at = above.checked_sub(1)?;
        Some((side.keys[at], side.queues[at].first))
    }

    /// Adds the orders at and above a key to `slots`, the best price first, then in order of arrival.
    pub(super) fn down_to(&self, side: Side, key: i64, slots: &mut Vec<Slot>) {
        let own = &self.sides[side.index()];
        for (_, queue) in own.keys.iter().zip(&own.queues).rev().take_while(|(own, _)| **own >= key) {
            slots.extend(std::iter::successors(Some(queue.first), |slot| self.behind(*slot)));
        }
    }

    /// The first order at a key.
    pub(super) fn first_at(&self, side: Side, key: i64) -> Option<Slot> {
        let side = &self.sides[side.index()];
        side.keys.binary_search(&key).ok().map(|at| side.queues[at].first)
    }

    /// The order behind another one of its price.
    pub(super) fn behind(&self, slot: Slot) -> Option<Slot> {
        let behind = self.nodes[slot as usize].behind;
        (behind != END).then_some(behind)
    }

    /// See [`OwnSide::unseen`].
    #[inline]
    pub(super) fn unseen(&self, side: Side) -> i64 {
        self.sides[side.index()].unseen
    }

    /// The data does not reach as deep as a level.
    pub(super) fn set_unseen(&mut self, side: Side, key: i64) {
        let unseen = &mut self.sides[side.index()].unseen;
        *unseen = key.max(*unseen);
    }

    /// Forgets which levels have not been seen, because they are about to be looked at.
    pub(super) fn take_unseen(&mut self, side: Side) -> i64 {
        std::mem::replace(&mut self.sides[side.index()].unseen, NO_KEY)
    }
}
