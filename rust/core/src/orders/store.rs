//! Orders by who they are: the open ones, and those that ended a short while ago.
//!
//! Reports come late and twice, so an order that has ended stays findable while [`OrderStore::HORIZON`] others end
//! after it; only then it leaves for the record. Memory is bounded by the open orders and the horizon.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::identity::{ClientId, OrderId, OrderKey, SessionId, VenueKey};
use super::order::{Executions, Order};

/// Open orders, and those that ended a short while ago.
#[derive(Debug, Default)]
pub struct OrderStore {
    /// By ascending id. Each has its own place in memory: an order is large, and moves from list to list.
    #[allow(clippy::vec_box, reason = "see above")]
    open: Vec<Box<Order>>,
    /// In the order they ended.
    ended: VecDeque<Box<Order>>,
    by_venue_id: FxHashMap<VenueKey, OrderId>,
    last: OrderId,
}

impl OrderStore {
    /// How many orders that have ended stay findable.
    pub const HORIZON: usize = 256;

    /// The id of the next order.
    pub fn next_id(&mut self) -> OrderId {
        self.last += 1;
        self.last
    }

    /// The id given last, 0 before the first.
    pub fn last_id(&self) -> OrderId {
        self.last
    }

    /// Goes on after an id: what a restart begins with.
    pub fn continue_after(&mut self, last: OrderId) {
        self.last = self.last.max(last);
    }

    /// Takes a new order, with an id of [`OrderStore::next_id`].
    pub fn push(&mut self, order: Order) {
        debug_assert!(self.open.last().is_none_or(|last| last.id < order.id), "ids ascend");
        self.last = self.last.max(order.id);
        self.open.push(Box::new(order));
    }

    /// Takes back a saved order: those that have ended in the order they did, then the open ones.
    pub(crate) fn restore(&mut self, order: Order) {
        if order.is_closed() {
            self.last = self.last.max(order.id);
            self.ended.push_back(Box::new(order));
        } else {
            self.push(order);
        }
    }

    /// Open orders, oldest first.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Order> + ExactSizeIterator {
        self.open.iter().map(AsRef::as_ref)
    }

    /// Orders that have ended and are still findable, in the order they ended.
    pub fn ended(&self) -> impl DoubleEndedIterator<Item = &Order> + ExactSizeIterator {
        self.ended.iter().map(AsRef::as_ref)
    }

    /// Of what ended before this time orders may be forgotten, ns; 0 while all are findable.
    pub fn forgotten_before(&self) -> i64 {
        let is_full = self.ended.len() >= Self::HORIZON;
        self.ended.front().filter(|_| is_full).map_or(0, |oldest| oldest.ts_close)
    }

    /// An open order.
    #[inline]
    pub fn get(&self, id: OrderId) -> Option<&Order> {
        self.open_at(id).map(|at| self.open[at].as_ref())
    }

    /// An open order, to change it.
    #[inline]
    pub fn get_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        self.open_at(id).map(|at| self.open[at].as_mut())
    }

    /// An order, open or ended a short while ago.
    pub fn find_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        match self.open_at(id) {
            Some(at) => Some(self.open[at].as_mut()),
            None => self.ended.iter_mut().rev().find(|order| order.id == id).map(AsMut::as_mut),
        }
    }

    /// An order, open or ended a short while ago.
    pub fn find(&self, id: OrderId) -> Option<&Order> {
        self.get(id).or_else(|| self.ended().rev().find(|order| order.id == id))
    }

    fn open_at(&self, id: OrderId) -> Option<usize> {
        self.open.binary_search_by_key(&id, |order| order.id).ok()
    }

    /// Which of our orders a report is about.
    pub fn resolve(&self, key: &OrderKey, session: &SessionId) -> Option<OrderId> {
        match key {
            OrderKey::Id(id) => Some(*id),
            OrderKey::Client(text) => {
                ClientId::parse(text).filter(|id| id.session == *session).map(|id| id.order)
            }
            OrderKey::Venue(key) => self.by_venue_id.get(key).copied(),
        }
    }

    /// Remembers a venue's key for an order.
    pub fn note_venue_id(&mut self, id: OrderId, key: &VenueKey) {
        self.by_venue_id.insert(key.clone(), id);
    }

    /// Venues' keys with the orders they were last used for, in order of the keys.
    pub(crate) fn venue_ids(&self) -> Vec<(&VenueKey, OrderId)> {
        let mut keys: Vec<_> = self.by_venue_id.iter().map(|(key, id)| (key, *id)).collect();
        keys.sort_unstable();
        keys
    }

    /// Moves an order that has ended out of the open ones; returns the one whose time to be findable is over.
    pub fn retire(&mut self, id: OrderId) -> Option<Order> {
        let at = self.open_at(id).filter(|at| self.open[*at].is_closed())?;
        let order = self.open.remove(at);
        self.ended.push_back(order);
        if self.ended.len() <= Self::HORIZON {
            return None;
        }
        self.ended.pop_front().map(|order| self.forget(order))
    }

    /// Takes everything out: orders that have ended, then those that are open.
    pub fn drain(&mut self) -> impl Iterator<Item = Order> + '_ {
        self.by_venue_id.clear();
        self.ended.drain(..).chain(self.open.drain(..)).map(|order| *order)
    }

    fn forget(&mut self, mut order: Box<Order>) -> Order {
        // A replacement may have given it further keys, and another order may have taken one of them.
        if order.venue_id.is_some() {
            self.by_venue_id.retain(|_, id| *id != order.id);
        }
        order.executions = Executions::default();
        *order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{OrderRequest, OrderType, Report, ReportKind};
    use crate::types::{MarketId, Qty, Side, StrategyId};

    fn order(id: OrderId) -> Order {
        let request = OrderRequest::new(MarketId::new(0), Side::Buy, OrderType::Market, Qty::new(1));
        Order::new(id, StrategyId::new(0), &request, 0)
    }

    #[test]
    fn an_order_stays_findable_for_a_bounded_horizon() {
        let mut store = OrderStore::default();
        let mut left = Vec::new();
        let rounds = 3 * OrderStore::HORIZON as u64;
        for _ in 0..rounds {
            let id = store.next_id();
            store.push(order(id));
            let key = VenueKey::Number(1_000_000 + id);
            store.find_mut(id).unwrap().venue_id = Some(key.clone());
            store.note_venue_id(id, &key);
            store.find_mut(id).unwrap().apply(&Report::on(id, 0, ReportKind::Cancelled), 1);
            left.extend(store.retire(id).map(|order| order.id));
        }
        assert!(store.open().len() == 0 && store.get(rounds).is_none());
        assert_eq!(left.len() + OrderStore::HORIZON, rounds as usize);
        let session = "s".parse().unwrap();
        let oldest = rounds - OrderStore::HORIZON as u64 + 1;
        for id in [1, oldest - 1, oldest, rounds] {
            let findable = id > rounds - OrderStore::HORIZON as u64;
            assert_eq!(store.find(id).is_some(), findable, "{id}");
            let key = OrderKey::Venue(VenueKey::Number(1_000_000 + id));
            assert_eq!(store.resolve(&key, &session), findable.then_some(id));
        }
    }

    #[test]
    fn an_order_that_is_forgotten_takes_its_keys_along_and_no_others() {
        let mut store = OrderStore::default();
        for id in 1..=OrderStore::HORIZON as u64 + 1 {
            store.push(order(id));
            store.find_mut(id).unwrap().venue_id = Some("first".into());
            store.note_venue_id(id, &"first".into());
            if id == 1 {
                store.note_venue_id(id, &"second".into());
            }
            store.find_mut(id).unwrap().apply(&Report::on(id, 0, ReportKind::Cancelled), 1);
            assert_eq!(store.retire(id).is_some(), id > OrderStore::HORIZON as u64);
        }
        assert_eq!(store.venue_ids(), [(&"first".into(), OrderStore::HORIZON as u64 + 1)]);
    }

    #[test]
    fn a_report_finds_its_order_by_any_of_its_names() {
        let mut store = OrderStore::default();
        store.push(order(5));
        store.note_venue_id(5, &"x-1".into());
        let session: SessionId = "abc".parse().unwrap();
        let client = session.client_id(StrategyId::new(0), 5).to_string();
        assert_eq!(store.resolve(&OrderKey::Client(client.as_str().into()), &session), Some(5));
        assert_eq!(store.resolve(&OrderKey::Client(client.into()), &"other".parse().unwrap()), None);
        assert_eq!(store.resolve(&OrderKey::Venue("x-1".into()), &session), Some(5));
        assert_eq!(store.resolve(&OrderKey::Venue("x-2".into()), &session), None);
        assert_eq!(store.next_id(), 6);
    }
}
