//! Groups of orders at work in the kernel.
//!
//! They act on inputs alone: after a report on one of their orders, and when they are due. Hooks that an input calls come
//! first. Their orders pass the gate as any other.

use super::core::Core;
use super::machine::Kernel;
use crate::ledger::ContractMath;
use crate::orders::{
    Emulated, Group, GroupAct, GroupId, GroupKind, GroupRequest, GroupSight, Member, Membership, NewTerms,
    Order, OrderError, OrderId, OrderRequest, Reason, Role, Trigger, emulated, least_order,
};
use crate::types::{Instrument, MarketId, OrderTerms, Price, Qty, Side, StrategyId};

/// What a group may do before something else happens: more than it ever means to.
const MOST_AT_ONCE: usize = 100;

impl Core {
    /// Makes a group, which sends what it begins with at once.
    ///
    /// # Errors
    /// [`OrderError`] when one of its orders is not one a venue could be asked, or they do not go together; nothing is
    /// sent then.
    pub(super) fn start_group(
        &mut self,
        strategy: StrategyId,
        request: GroupRequest,
    ) -> Result<GroupId, OrderError> {
        check_group(&request, &self.market(request.market).instrument)?;
        for (_, order) in &request.orders {
            if request.emulate {
                let lacks = emulated(&self.market(order.market).instrument, order);
                self.desk.review_emulated(self.sender(strategy), self.around(), order, lacks)?;
            } else {
                self.desk.check_submit(self.sender(strategy), self.market(request.market), order)?;
            }
        }
        let id = self.groups.add(strategy, request);
        self.work_group(id);
        Ok(id)
    }

    /// Cancels the orders of a group of a strategy; `false` when there is nothing to cancel.
    pub(super) fn cancel_group(&mut self, strategy: StrategyId, id: GroupId) -> bool {
        let group = self.groups.get_mut(id).filter(|group| group.strategy == strategy);
        let is_cancelled = group.is_some_and(|group| group.cancel(None));
        if is_cancelled {
            self.work_group(id);
        }
        is_cancelled
    }

    /// Ends the groups of a strategy, in one market or in all, whose orders are being cancelled.
    pub(super) fn call_off_groups(
        &mut self,
        strategy: StrategyId,
        only: Option<MarketId>,
        reason: Option<Reason>,
    ) {
        let is_there = |group: &Group| only.is_none_or(|market| market == group.market);
        self.end_groups(|group| group.strategy == strategy && is_there(group), reason);
    }

    /// Ends the groups of a strategy that was stopped, of which no order is open.
    pub(super) fn end_idle_groups(&mut self, strategy: StrategyId) {
        let is_idle = |group: &Group| !group.members.iter().any(|member| member.is_open);
        self.end_groups(|group| group.strategy == strategy && is_idle(group), Some(Reason::StrategyStopped));
    }

    fn end_groups(&mut self, is_meant: impl Fn(&Group) -> bool, reason: Option<Reason>) {
        for id in self.groups.ids(is_meant) {
            if let Some(group) = self.groups.get_mut(id) {
                group.call_off(reason);
            }
            self.settle_group(id);
        }
    }

    /// Lets all groups act: they may send again.
    pub(super) fn work_groups(&mut self) {
        for id in self.groups.ids(|_| true) {
            self.work_group(id);
        }
    }

    /// Lets a group do what it wants to do now.
    pub(super) fn work_group(&mut self, id: GroupId) {
        for _ in 0..MOST_AT_ONCE {
            if !self.step_group(id) {
                break;
            }
        }
        self.settle_group(id);
    }

    /// Notes where a group stands, and tells of its end.
    fn settle_group(&mut self, id: GroupId) {
        if self.groups.settle(id) {
            self.tell_group(id);
        }
    }

    /// Lets a group do one thing; `false` when there is nothing it would do.
    fn step_group(&mut self, id: GroupId) -> bool {
        let now = self.now;
        let Some(group) = self.groups.get_mut(id) else { return false };
        let (strategy, market) = (group.strategy, group.market);
        let state = &self.markets[market.index()];
        let stands = standing(group, &state.instrument);
        let terms = *state.instrument.terms_at(now);
        let taken = self.accounts.taken(strategy, market, state);
        let sight = GroupSight {
            now,
            held: self.accounts.position(strategy, market).qty.saturating_sub(taken),
            taken,
            lot: terms.lot_size,
            least: least_leg(group, &state.instrument, &state.math, &terms),
            reduces: state.instrument.supports.reduce_only || group.emulate,
            replaces: state.instrument.supports.replace,
            stands,
        };
        let orders = self.desk.orders();
        let act = group.act(&sight, |order| orders.get(order));
        match act {
            GroupAct::Nothing => return false,
            // It asks again when trading goes on.
            GroupAct::Submit(..) | GroupAct::Keep(..) | GroupAct::Resize(..) | GroupAct::Release(_)
                if self.desk.is_paused(strategy) =>
            {
                return false;
            }
            GroupAct::Submit(at, request) => self.submit_for(id, strategy, at, request, Emulated::NONE),
            GroupAct::Keep(at, request) => self.submit_for(id, strategy, at, request, Emulated::TRIGGER),
            GroupAct::Release(order) => self.release(order),
            GroupAct::Resize(order, qty) => {
                let price = self.desk.orders().get(order).and_then(Order::price).unwrap_or_default();
                // What cannot be replaced is cancelled next.
                let _ = self.replace(strategy, order, NewTerms::new(price, qty));
            }
            GroupAct::Cancel(order) => return self.cancel(strategy, order, None),
        }
        true
    }

    /// Sends an order for a member of a group, of which the kernel does so much and, where it is asked to, what its venue
    /// lacks.
    fn submit_for(
        &mut self,
        id: GroupId,
        strategy: StrategyId,
        at: usize,
        request: OrderRequest,
        kept: Emulated,
    ) {
        let (group, market) = (self.groups.find(strategy, id), self.market(request.market));
        let emulates = group.is_some_and(|group| group.emulate);
        let lacks = if emulates { emulated(&market.instrument, &request) } else { Emulated::NONE };
        let begun = group.filter(|_| at == 0);
        let is_passed = begun.is_some_and(|group| is_passed(group, market.taken_at(request.side)));
        let submitted = if is_passed {
            self.refuse(strategy, request, Reason::BracketPassed)
        } else {
            self.submit_lacking(strategy, request, lacks.with(kept))
        };
        let now = self.now;
        let Some(group) = self.groups.get_mut(id) else { return };
        match submitted {
            Ok(order) => {
                group.sent(at, order);
                let role = group.members[at].role;
                self.groups.own(order, id);
                if let Some(order) = self.desk.orders_mut().get_mut(order) {
                    order.group = Some(Membership { group: id, role });
                }
                self.begin_emulated(order);
            }
            Err(error) => group.unsent(at, error.reason(), now),
        }
    }

    /// Whether of the legs of a group one stands at the venue at a time.
    pub(super) fn stands_alone(&self, id: GroupId) -> bool {
        let group = self.groups.working().find(|group| group.id == id);
        group.is_some_and(|group| standing(group, &self.market(group.market).instrument).is_some())
    }

    /// Counts a fill for the group its order belongs to.
    pub(super) fn group_filled(&mut self, order: OrderId, side: Side, qty: Qty) {
        let Some(id) = self.groups.of_order(order) else { return };
        if let Some(group) = self.groups.get_mut(id) {
            group.filled_by(order, side, qty);
        }
        // One that had ended may go on.
        self.settle_group(id);
    }
}

/// Where a venue sets aside what each order may pay, and legs of a group pay the same: those that could stand there, a bit
/// for each place in the group.
fn standing(group: &Group, instrument: &Instrument) -> Option<u64> {
    let legs = || group.members.iter().enumerate().filter(|(_, member)| member.role.is_leg());
    let (_, first) = legs().next()?;
    let is_shared = legs().count() > 1 && legs().all(|(_, leg)| leg.request.side == first.request.side);
    let takes = |leg: &Member| !emulated(instrument, &leg.request).has(Emulated::TRIGGER);
    let bits = legs().filter(|(at, leg)| *at < 64 && takes(leg)).fold(0, |bits, (at, _)| bits | 1 << at);
    (instrument.supports.reserves && is_shared).then_some(bits)
}

/// The smallest order that any leg of a group may be, in quantity increments.
fn least_leg(group: &Group, instrument: &Instrument, math: &ContractMath, terms: &OrderTerms) -> i64 {
    let legs = group.members.iter().filter(|member| member.role != Role::Close).skip(1);
    let prices = legs.filter_map(|leg| {
        let request = &leg.request;
        request.order_type.price().or_else(|| request.trigger.and_then(Trigger::price))
    });
    prices.map(|price| least_order(instrument, math, terms, price)).max().unwrap_or(terms.min_qty)
}

/// Checks that the orders of a group go together.
fn check_group(request: &GroupRequest, instrument: &Instrument) -> Result<(), OrderError> {
    let wrong = |problem| Err(OrderError::Contradiction(problem));
    let orders = &request.orders;
    if orders.len() < 2 {
        return wrong("a group has two orders or more");
    }
    let names: Vec<_> = orders.iter().filter_map(|(_, order)| order.client_id.as_ref()).collect();
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(OrderError::DuplicateClientId(twice.1.to_string()));
    }
    match request.kind {
        GroupKind::Oco if orders.iter().any(|(_, order)| order.qty != orders[0].1.qty) => {
            wrong("the orders of one-cancels-other share one quantity")
        }
        GroupKind::Bracket => check_bracket(orders, instrument),
        GroupKind::Oco | GroupKind::Oto => Ok(()),
    }
}

/// Where the legs of a bracket and its entry have a price.
fn prices_of<'a>(
    orders: &(impl Iterator<Item = (Role, &'a OrderRequest)> + Clone),
) -> [(&'static str, Option<Price>); 3] {
    let price = |role: Role| {
        let (_, order) = orders.clone().find(|(other, _)| *other == role)?;
        order.trigger.and_then(Trigger::price).or(order.order_type.price())
    };
    [
        ("stop_loss", price(Role::StopLoss)),
        ("price", price(Role::Entry)),
        ("take_profit", price(Role::TakeProfit)),
    ]
}

/// Checks that a bracket takes its profit and ends its loss on the sides of its entry where they are.
fn check_bracket(orders: &[(Role, OrderRequest)], instrument: &Instrument) -> Result<(), OrderError> {
    let side = orders[0].1.side;
    let prices = prices_of(&orders.iter().map(|(role, order)| (*role, order)));
    let along: Vec<_> = prices.into_iter().filter_map(|(field, price)| Some((field, price?))).collect();
    let text = |price: Price| instrument.price_increment.to_decimal(price.steps()).to_string();
    let (word, does) = if side == Side::Buy { ("below", "buys") } else { ("above", "sells") };
    match along.windows(2).find(|pair| (pair[1].1 - pair[0].1) * side.sign() <= 0) {
        None => Ok(()),
        Some(pair) => Err(OrderError::Misplaced {
            instrument: instrument.id.to_string(),
            field: pair[0].0,
            value: text(pair[0].1),
            expected: format!("{word} {} {}", pair[1].0, text(pair[1].1)),
            does,
        }),
    }
}

/// Whether the market is beyond a leg of a bracket already, at whose best price its entry would take now.
fn is_passed(group: &Group, best: Option<Price>) -> bool {
    let Some((entry, best)) = group.members.first().zip(best) else { return false };
    let request = &entry.request;
    let (side, limit) = (request.side, request.order_type.price());
    let takes = request.trigger.is_none() && limit.is_none_or(|limit| (limit - best) * side.sign() >= 0);
    let orders = group.members.iter().map(|member| (member.role, &member.request));
    let [(_, stop), _, (_, profit)] = prices_of(&orders);
    let lies = |price: Option<Price>| price.map_or(0, |price| (price - best) * side.sign());
    let is_beyond = (stop.is_some() && lies(stop) >= 0) || (profit.is_some() && lies(profit) <= 0);
    group.kind == GroupKind::Bracket && takes && is_beyond
}

impl Kernel {
    /// Lets those groups act that are due.
    pub(super) fn on_group_due(&mut self) {
        let core = self.ctx.core_mut();
        let now = core.now;
        for id in core.groups.ids(|group| group.due.is_some_and(|at| at <= now)) {
            core.work_group(id);
        }
    }

    /// After a report on an order of a group: the group goes on.
    #[cold]
    pub(super) fn on_group_report(&mut self, order: OrderId, group: GroupId) {
        let core = self.ctx.core_mut();
        core.tell_leg(order);
        let ended = core.desk.orders().find(order).filter(|order| order.is_closed());
        if let (Some(ended), Some(group)) = (ended, core.groups.get_mut(group)) {
            group.ended(ended, core.now);
        }
        if !self.is_stopped {
            core.work_group(group);
        }
    }
}
