//! The groups of orders of a session, and their bytes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use crate::orders::{Group, GroupId, GroupKind, GroupRequest, GroupState, Member, OnReject, OrderId, Role};
use crate::types::{Decoded, Reader, StrategyId, Writer};

/// Groups that have ended and can still be asked for.
pub(super) const KEPT: usize = 1_000;

/// The groups of a session.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: BTreeMap<GroupId, Group>,
    /// Those at work.
    open: BTreeSet<GroupId>,
    /// Those that have ended, in the order they did.
    ended: VecDeque<GroupId>,
    /// Whose each of their orders is.
    owners: FxHashMap<OrderId, GroupId>,
    last: GroupId,
    /// When one is due next.
    due: Option<i64>,
}

impl Groups {
    /// When one is due next.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        self.due
    }

    /// Takes a new group.
    pub(super) fn add(&mut self, strategy: StrategyId, request: GroupRequest) -> GroupId {
        self.last += 1;
        self.all.insert(self.last, Group::new(self.last, strategy, request));
        self.open.insert(self.last);
        self.last
    }

    /// A strategy's group, at work or ended.
    pub(super) fn find(&self, strategy: StrategyId, id: GroupId) -> Option<&Group> {
        self.all.get(&id).filter(|group| group.strategy == strategy)
    }

    pub(super) fn get_mut(&mut self, id: GroupId) -> Option<&mut Group> {
        self.all.get_mut(&id)
    }

    /// Groups at work, oldest first.
    pub(super) fn working(&self) -> impl Iterator<Item = &Group> + '_ {
        self.open.iter().filter_map(|id| self.all.get(id))
    }

    /// Ids of groups at work that are wanted, oldest first.
    pub(super) fn ids(&self, wanted: impl Fn(&Group) -> bool) -> Vec<GroupId> {
        self.working().filter(|group| wanted(group)).map(|group| group.id).collect()
    }

    /// The group that an order belongs to.
    #[inline]
    pub(super) fn of_order(&self, order: OrderId) -> Option<GroupId> {
        if self.owners.is_empty() { None } else { self.owners.get(&order).copied() }
    }

    /// An order belongs to a group.
    pub(super) fn own(&mut self, order: OrderId, group: GroupId) {
        self.owners.insert(order, group);
    }

    /// After something was done with a group: notes its end, and when one is due next. Whether it has ended now.
    pub(super) fn settle(&mut self, id: GroupId) -> bool {
        let Some(is_done) = self.all.get(&id).map(|group| group.state.is_done()) else { return false };
        let has_ended = is_done && self.open.remove(&id);
        if has_ended {
            self.ended.push_back(id);
        } else if !is_done && self.open.insert(id) {
            // One that was certain to have ended goes on.
            self.ended.retain(|other| *other != id);
        }
        if self.ended.len() > KEPT
            && let Some(group) = self.ended.pop_front().and_then(|oldest| self.all.remove(&oldest))
        {
            for order in group.members.iter().flat_map(|member| &member.orders) {
                self.owners.remove(order);
            }
        }
        self.due = self.working().filter_map(|group| group.due).min();
        has_ended
    }

    /// Writes them down.
    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u64(self.last);
        w.list(self.all.values(), save_group);
        w.list(self.ended.iter(), |w, id| w.u64(*id));
    }

    /// What [`Groups::save`] wrote.
    pub(super) fn load(r: &mut Reader<'_>, strategies: usize, markets: usize) -> Decoded<Self> {
        let mut groups = Self { last: r.u64()?, ..Self::default() };
        for _ in 0..r.u64()? {
            let group = load_group(r, strategies, markets)?;
            let is_next = groups.all.keys().next_back().is_none_or(|last| *last < group.id);
            if !is_next || group.id > groups.last {
                return r.error("groups by ascending id");
            }
            let orders = group.members.iter().flat_map(|member| &member.orders);
            groups.owners.extend(orders.map(|order| (*order, group.id)));
            if !group.state.is_done() {
                groups.open.insert(group.id);
            }
            groups.all.insert(group.id, group);
        }
        for _ in 0..r.u64()? {
            let id = r.u64()?;
            if !groups.all.get(&id).is_some_and(|group| group.state.is_done()) {
                return r.error("a group that has ended");
            }
            groups.ended.push_back(id);
        }
        groups.due = groups.working().filter_map(|group| group.due).min();
        Ok(groups)
    }
}

fn save_group(w: &mut Writer<'_>, group: &Group) {
    w.u64(group.id);
    w.index(group.strategy.index());
    w.index(group.market.index());
    w.u8(group.kind as u8);
    w.u8(group.on_reject as u8);
    w.flag(group.emulate);
    w.u8(group.state as u8);
    w.u8(group.verdict as u8);
    w.list(group.members.iter(), save_member);
    w.reason(group.reason);
    for number in [group.net, group.over, group.excess, group.not_before] {
        w.i64(number);
    }
    w.option(group.due, Writer::i64);
    w.flag(group.is_called_off);
    w.option(group.lead.map(|at| at as u64), Writer::u64);
    w.flag(group.is_set_off);
    w.u64(group.refusals.into());
}

fn load_group(r: &mut Reader<'_>, strategies: usize, markets: usize) -> Decoded<Group> {
    let id = r.u64()?;
    let (strategy, market) = (r.strategy_of(strategies)?, r.market_of(markets)?);
    let kind = one_of(r, &GroupKind::ALL, "a kind of group")?;
    let on_reject = one_of(r, &OnReject::ALL, "what becomes of a group")?;
    let emulate = r.flag()?;
    let mut group =
        Group::new(id, strategy, GroupRequest { kind, market, orders: Vec::new(), on_reject, emulate });
    group.state = one_of(r, &GroupState::ALL, "where a group stands")?;
    group.verdict = one_of(r, &GroupState::ALL, "where a group will stand")?;
    for _ in 0..r.u64()? {
        let member = load_member(r)?;
        if member.request.market != market {
            return r.error("an order of the group's market");
        }
        group.members.push(member);
    }
    group.reason = r.reason()?;
    (group.net, group.over, group.excess, group.not_before) = (r.i64()?, r.i64()?, r.i64()?, r.i64()?);
    group.due = r.option(Reader::i64)?;
    group.is_called_off = r.flag()?;
    group.lead = r.option(Reader::u64)?.map(|at| at as usize);
    group.is_set_off = r.flag()?;
    group.refusals = r.u64()? as u32;
    Ok(group)
}

fn save_member(w: &mut Writer<'_>, member: &Member) {
    w.u8(member.role as u8);
    w.request(&member.request);
    w.i64(member.filled.steps());
    w.list(member.orders.iter(), |w, order| w.u64(*order));
    for flag in [member.is_open, member.is_over, member.is_whole, member.is_resent] {
        w.flag(flag);
    }
    w.option(member.asked, Writer::i64);
    w.i64(member.too_little);
}

fn load_member(r: &mut Reader<'_>) -> Decoded<Member> {
    let role = one_of(r, &Role::ALL, "what an order is to its group")?;
    let mut member = Member::new(role, r.request()?);
    member.filled = r.qty()?;
    for _ in 0..r.u64()? {
        member.orders.push(r.u64()?);
    }
    (member.is_open, member.is_over) = (r.flag()?, r.flag()?);
    (member.is_whole, member.is_resent) = (r.flag()?, r.flag()?);
    member.asked = r.option(Reader::i64)?;
    member.too_little = r.i64()?;
    Ok(member)
}

/// One of some things by its number.
pub(super) fn one_of<T: Copy>(r: &mut Reader<'_>, all: &[T], expected: &'static str) -> Decoded<T> {
    let number = usize::from(r.u8()?);
    all.get(number).copied().map_or_else(|| r.error(expected), Ok)
}
