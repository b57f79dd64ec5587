//! Orders that depend on each other: one-cancels-other, bracket, one-triggers-other.
//!
//! A group holds at most one open order for each of its members. It is told what they come to ([`Group::filled_by`],
//! [`Group::ended`]) and asked what to do next ([`Group::act`]); it says one thing at a time. What it keeps to:
//!
//! * Of a bracket each leg asks for what is open: what the entry has filled less what legs have. The first fill of a leg
//!   ends the entry. When nothing is open any more, the other leg is cancelled.
//! * Of one-cancels-other the legs share one quantity: what one of them fills, the others lose.
//! * A leg gets another quantity by a replacement where its venue takes one; else it is cancelled and, once that is
//!   certain, sent again. It never asks for more than is open.
//! * Legs that fill on their way can come to more than there was. That is closed at the market, and [`Group::over`]
//!   counts it.
//! * Where the venue sets aside what each order may pay, one leg stands there at a time, a stop if it takes one, and the
//!   kernel keeps the others ([`GroupSight::stands`]). One that is set off takes the place of the other, once that has ended.
//! * What closes at the market waits until nothing else of the group can fill, and is asked for again until it has.

mod standing;

use super::identity::OrderId;
use super::order::{Order, OrderStatus};
use super::report::Reason;
use super::request::{OrderRequest, OrderType, TimeInForce};
use super::role::{GroupId, Role};
use crate::types::{MarketId, Qty, Side, StrategyId};

/// How long a group waits before it asks again to close at the market, ns.
const PAUSE: i64 = 100_000_000;
/// Refusals in a row after which it no longer asks.
const MOST_REFUSALS: u32 = 10;

/// How the orders of a group depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum GroupKind {
    /// What one fills, the others lose.
    Oco = 0,
    /// An entry whose fills are protected by legs that exclude each other.
    Bracket = 1,
    /// When the first is filled whole, the others are sent.
    Oto = 2,
}

impl GroupKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Oco, Self::Bracket, Self::Oto];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oco => "oco",
            Self::Bracket => "bracket",
            Self::Oto => "oto",
        }
    }
}

/// What becomes of a group of which a leg was refused, or ended by its venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OnReject {
    /// All others are cancelled, and what is open is closed at the market.
    Close = 0,
    /// All others are cancelled.
    Cancel = 1,
    /// The others go on.
    Keep = 2,
}

impl OnReject {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Close, Self::Cancel, Self::Keep];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Cancel => "cancel",
            Self::Keep => "keep",
        }
    }
}

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum GroupState {
    /// It works.
    Working = 0,
    /// Its orders are being cancelled.
    Cancelling = 1,
    /// They are, and what must not stay open is closed at the market.
    Closing = 2,
    /// It came to its end.
    Done = 3,
    /// It was cancelled, or what it begins with filled nothing.
    Cancelled = 4,
    /// An order of it was refused.
    Failed = 5,
}

impl GroupState {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Working, Self::Cancelling, Self::Closing, Self::Done, Self::Cancelled, Self::Failed];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Cancelling => "cancelling",
            Self::Closing => "closing",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing happens to a group any more.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// An order that a group has or will have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "what has happened to it")]
pub struct Member {
    /// What it is to the group.
    pub role: Role,
    /// What is asked for; of a bracket's leg the quantity is the entry's.
    pub request: OrderRequest,
    /// What all its orders have filled.
    pub filled: Qty,
    /// All its orders, in the order they were sent.
    pub orders: Vec<OrderId>,
    /// Whether the newest of them is open.
    pub is_open: bool,
    /// Whether it has ended and is not sent again.
    pub is_over: bool,
    /// Whether its newest order was filled whole.
    pub is_whole: bool,
    /// What was last asked of the open order to have left, in quantity increments.
    pub(crate) asked: Option<i64>,
    /// Whether its cancel was asked for, to send it again.
    pub(crate) is_resent: bool,
    /// What its venue found too little, in quantity increments.
    pub(crate) too_little: i64,
}

impl Member {
    /// One that has not been sent.
    pub fn new(role: Role, request: OrderRequest) -> Self {
        Self {
            role,
            request,
            filled: Qty::ZERO,
            orders: Vec::new(),
            is_open: false,
            is_over: false,
            is_whole: false,
            asked: None,
            is_resent: false,
            too_little: 0,
        }
    }

    /// Its open order.
    pub fn order(&self) -> Option<OrderId> {
        self.orders.last().copied().filter(|_| self.is_open)
    }
}

/// What a group is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRequest {
    /// How its orders depend on each other.
    pub kind: GroupKind,
    /// The instrument.
    pub market: MarketId,
    /// Its orders; what it begins with comes first.
    pub orders: Vec<(Role, OrderRequest)>,
    /// What becomes of it when a leg is refused.
    pub on_reject: OnReject,
    /// Whether the kernel does of its orders what their venue lacks.
    pub emulate: bool,
}

/// What a group sees.
#[derive(Debug, Clone, Copy)]
pub struct GroupSight {
    /// The time, ns.
    pub now: i64,
    /// The strategy's position, signed, less what fees have taken of it.
    pub held: i64,
    /// What fees have taken of a position that was bought.
    pub taken: i64,
    /// The lot size.
    pub lot: i64,
    /// The smallest order.
    pub least: i64,
    /// Whether orders may be reduce-only.
    pub reduces: bool,
    /// Whether orders may be replaced.
    pub replaces: bool,
    /// Where only one leg may stand at the venue at a time: by their places in the group which could, a bit each.
    pub stands: Option<u64>,
}

/// What a group asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAct {
    /// Nothing.
    Nothing,
    /// An order for the member at a place.
    Submit(usize, OrderRequest),
    /// An order for the member at a place that the kernel keeps.
    Keep(usize, OrderRequest),
    /// An order that the kernel keeps is to go to the venue.
    Release(OrderId),
    /// Another total quantity of an order.
    Resize(OrderId, Qty),
    /// The end of an order.
    Cancel(OrderId),
}

/// Orders that depend on each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub id: GroupId,
    /// Whose it is.
    pub strategy: StrategyId,
    /// The instrument.
    pub market: MarketId,
    /// How its orders depend on each other.
    pub kind: GroupKind,
    /// What becomes of it when a leg is refused.
    pub on_reject: OnReject,
    /// Whether the kernel does of its orders what their venue lacks.
    pub emulate: bool,
    /// Its orders; what it begins with comes first.
    pub members: Vec<Member>,
    /// Where it stands.
    pub state: GroupState,
    /// Why it ended as it did, where there is a reason.
    pub reason: Option<Reason>,
    /// What its fills come to, signed, in quantity increments.
    pub net: i64,
    /// What legs ever filled beyond what there was, in quantity increments.
    pub over: i64,
    /// When it wants to be asked at the latest, ns.
    pub due: Option<i64>,
    /// Of one-cancels-other: what is to be undone, signed.
    pub(crate) excess: i64,
    /// Where it will stand once nothing is open.
    pub(crate) verdict: GroupState,
    /// The place of the leg that stands at the venue, where one may at a time.
    pub(crate) lead: Option<usize>,
    /// Whether that was set off, and waits for the end of the one that stands there yet.
    pub(crate) is_set_off: bool,
    /// Whether its strategy cancelled it.
    pub(crate) is_called_off: bool,
    pub(crate) refusals: u32,
    pub(crate) not_before: i64,
}

impl Group {
    /// A group of which nothing has been sent.
    pub fn new(id: GroupId, strategy: StrategyId, request: GroupRequest) -> Self {
        let GroupRequest { kind, market, orders, on_reject, emulate } = request;
        Self {
            id,
            strategy,
            market,
            kind,
            on_reject,
            emulate,
            members: orders.into_iter().map(|(role, request)| Member::new(role, request)).collect(),
            state: GroupState::Working,
            reason: None,
            net: 0,
            over: 0,
            due: None,
            excess: 0,
            verdict: GroupState::Done,
            lead: None,
            is_set_off: false,
            is_called_off: false,
            refusals: 0,
            not_before: i64::MIN,
        }
    }

    /// What the entry of a bracket has filled and no leg has, in quantity increments; below 0 where legs filled more.
    pub fn open_qty(&self) -> i64 {
        if self.kind == GroupKind::Bracket { self.net * self.begins_on().sign() } else { 0 }
    }

    fn begins_on(&self) -> Side {
        self.members.first().map_or(Side::Buy, |member| member.request.side)
    }

    /// The member whose order it is, open or not.
    fn of(&mut self, order: OrderId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.orders.contains(&order))
    }

    /// Cancels it on request; `false` when there is nothing to cancel. What legs filled too much is undone nevertheless.
    pub fn cancel(&mut self, reason: Option<Reason>) -> bool {
        let can = matches!(self.state, GroupState::Working | GroupState::Closing) && !self.is_called_off;
        if can {
            self.is_called_off = true;
            (self.reason, self.verdict) = (reason, GroupState::Cancelled);
            let undoes = self.to_undo() != 0;
            self.state = if undoes { GroupState::Closing } else { GroupState::Cancelling };
        }
        can
    }

    /// Ends it at once: its orders are being cancelled by somebody else.
    pub fn call_off(&mut self, reason: Option<Reason>) {
        if self.cancel(reason) {
            self.finish(GroupState::Cancelled);
        }
    }

    fn finish(&mut self, state: GroupState) {
        (self.state, self.due) = (state, None);
    }

    /// An order was sent for the member at a place.
    pub fn sent(&mut self, at: usize, order: OrderId) {
        let member = &mut self.members[at];
        member.orders.push(order);
        (member.is_open, member.asked, member.is_resent) = (true, None, false);
    }

    /// An order of it traded, if it ended meanwhile, too.
    pub fn filled_by(&mut self, order: OrderId, side: Side, qty: Qty) {
        let quantity = self.members.first().map_or(Qty::ZERO, |member| member.request.qty);
        let Some(member) = self.of(order) else { return };
        member.filled = member.filled.saturating_add(qty);
        let role = member.role;
        let signed = side.sign().saturating_mul(qty.steps());
        self.net = self.net.saturating_add(signed);
        if self.kind == GroupKind::Oco {
            if role == Role::Close {
                self.excess = self.excess.saturating_add(signed);
            } else {
                let beyond = self.legs_filled().saturating_sub(quantity.steps()).clamp(0, qty.steps());
                self.excess = self.excess.saturating_add(side.sign() * beyond);
                self.over = self.over.saturating_add(beyond);
            }
        } else if role.is_leg() && self.open_qty() < 0 {
            self.over = self.over.saturating_add(qty.steps().min(-self.open_qty()));
        }
        if self.to_undo() != 0 {
            self.close(GroupState::Done);
        } else if self.state.is_done() && !self.is_called_off && self.open_qty() > 0 {
            // What was certain to have ended has filled.
            self.state = GroupState::Working;
        }
    }

    fn legs(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.role.is_leg())
    }

    fn legs_filled(&self) -> i64 {
        self.legs().fold(0, |sum, leg| sum.saturating_add(leg.filled.steps()))
    }

    /// What its legs have left to fill, in quantity increments.
    fn left(&self) -> i64 {
        if self.kind == GroupKind::Bracket {
            return self.open_qty();
        }
        let quantity = self.members.first().map_or(0, |leg| leg.request.qty.steps());
        quantity.saturating_sub(self.legs_filled()).max(0)
    }

    /// What legs have filled beyond what there was, signed.
    fn to_undo(&self) -> i64 {
        match self.kind {
            GroupKind::Oco => self.excess,
            GroupKind::Bracket if self.open_qty() < 0 => self.net,
            GroupKind::Bracket | GroupKind::Oto => 0,
        }
    }

    fn close(&mut self, verdict: GroupState) {
        if self.state != GroupState::Closing {
            (self.state, self.verdict, self.refusals) = (GroupState::Closing, verdict, 0);
        }
    }

    /// An order of it has ended.
    pub fn ended(&mut self, order: &Order, now: i64) {
        let (state, left) = (self.state, self.left());
        let Some(member) = self.of(order.id).filter(|member| member.order() == Some(order.id)) else {
            return;
        };
        member.is_open = false;
        let role = member.role;
        let is_resent = std::mem::take(&mut member.is_resent);
        if let Some(price) = order.price() {
            // Where its strategy has put it.
            member.request.order_type = OrderType::Limit { price };
        }
        let refused = order.status() == OrderStatus::Rejected;
        if role == Role::Close {
            self.refusals = if refused { self.refusals + 1 } else { 0 };
            self.not_before = now.saturating_add(PAUSE);
            if refused {
                self.reason = order.reason;
            }
            return;
        }
        let is_filled = order.status() == OrderStatus::Filled;
        member.is_whole = is_filled;
        if !role.is_leg() {
            member.is_over = true;
            if matches!(role, Role::Entry | Role::First) && !member.filled.is_positive() {
                self.reason = order.reason;
            }
            return;
        }
        if is_filled || (is_resent && order.status() == OrderStatus::Cancelled) {
            return;
        }
        match order.reason {
            Some(Reason::MinQty | Reason::MinNotional) => member.too_little = order.qty.steps(),
            // It came when all was closed. Should the entry fill more it is sent again, and is lost if that is refused.
            reason if left <= 0 && (refused || reason == Some(Reason::ReduceOnly)) => {}
            _ => member.is_over = true,
        }
        let is_lost = member.is_over && order.status() != OrderStatus::Cancelled;
        if is_lost && state == GroupState::Working && left > 0 {
            self.lost(order.reason);
        }
    }

    /// A leg ended that was neither filled nor cancelled.
    fn lost(&mut self, reason: Option<Reason>) {
        match reason {
            Some(Reason::GtdReached | Reason::DayEnded | Reason::IocRemainder | Reason::FokNotFillable) => {}
            Some(Reason::ReduceOnly) => {
                // Nothing is held any more that it could protect.
                self.reason = reason;
                (self.state, self.verdict) = (GroupState::Cancelling, GroupState::Done);
            }
            _ => {
                self.reason = reason;
                match self.on_reject {
                    OnReject::Close => self.close(GroupState::Failed),
                    OnReject::Cancel => {
                        (self.state, self.verdict) = (GroupState::Cancelling, GroupState::Failed);
                    }
                    OnReject::Keep => {}
                }
            }
        }
    }

    /// The order of the member at a place could not be sent.
    pub fn unsent(&mut self, at: usize, reason: Reason, now: i64) {
        let member = &mut self.members[at];
        if member.role == Role::Close {
            (self.refusals, self.not_before) = (self.refusals + 1, now.saturating_add(PAUSE));
            self.reason = Some(reason);
        } else if member.role.is_leg() {
            member.is_over = true;
            self.lost(Some(reason));
        } else {
            member.is_over = true;
            self.reason = Some(reason);
        }
    }

    /// What is to be done now. `order_of` finds open orders.
    pub fn act<'a>(
        &mut self,
        sight: &GroupSight,
        order_of: impl Fn(OrderId) -> Option<&'a Order> + Copy,
    ) -> GroupAct {
        self.due = None;
        match (self.state, self.kind) {
            (GroupState::Done | GroupState::Cancelled | GroupState::Failed, _) => GroupAct::Nothing,
            (GroupState::Cancelling | GroupState::Closing, _) => self.wind_down(sight, order_of),
            (GroupState::Working, GroupKind::Oco) => self.act_legs(self.left(), true, sight, order_of),
            (GroupState::Working, GroupKind::Bracket) => self.act_bracket(sight, order_of),
            (GroupState::Working, GroupKind::Oto) => self.act_oto(),
        }
    }

    /// The first order to be cancelled among the members that are meant, or whether one of them is open.
    fn cancel_open<'a>(
        &self,
        order_of: impl Fn(OrderId) -> Option<&'a Order>,
        is_meant: impl Fn(Role) -> bool,
    ) -> Result<bool, GroupAct> {
        let mut is_open = false;
        for id in self.members.iter().filter(|member| is_meant(member.role)).filter_map(Member::order) {
            is_open = true;
            if order_of(id).is_some_and(|order| order.is_changeable() && !order.never_sent) {
                return Err(GroupAct::Cancel(id));
            }
        }
        Ok(is_open)
    }

    /// Cancels what is open, then closes what must not stay so.
    fn wind_down<'a>(
        &mut self,
        sight: &GroupSight,
        order_of: impl Fn(OrderId) -> Option<&'a Order> + Copy,
    ) -> GroupAct {
        let closes = self.state == GroupState::Closing;
        match self.cancel_open(order_of, |role| !closes || role != Role::Close) {
            Err(cancel) => return cancel,
            Ok(true) => return GroupAct::Nothing,
            Ok(false) => {}
        }
        if !closes {
            self.finish(self.verdict);
            return GroupAct::Nothing;
        }
        if self.members.iter().any(|member| member.is_open) {
            return GroupAct::Nothing;
        }
        let is_undoing = self.to_undo() != 0;
        let open = if self.kind == GroupKind::Bracket { self.net } else { self.excess };
        let side = if open > 0 { Side::Sell } else { Side::Buy };
        let held = sight.held.saturating_mul(-side.sign()).max(0);
        // What was filled too much may have come out of what is held besides; else only what is held is closed.
        let qty = if is_undoing { open.abs() } else { open.abs().min(held) };
        let qty = qty - qty.rem_euclid(sight.lot);
        if qty < sight.lot || self.refusals >= MOST_REFUSALS {
            let verdict = if self.refusals >= MOST_REFUSALS { GroupState::Failed } else { self.verdict };
            self.finish(verdict);
            return GroupAct::Nothing;
        }
        if sight.now < self.not_before {
            self.due = Some(self.not_before);
            return GroupAct::Nothing;
        }
        let request = OrderRequest {
            time_in_force: TimeInForce::Ioc,
            reduce_only: sight.reduces && held >= qty,
            ..OrderRequest::new(self.market, side, OrderType::Market, Qty::new(qty))
        };
        let place = self.members.iter().position(|member| member.role == Role::Close);
        let place = place.unwrap_or_else(|| {
            self.members.push(Member::new(Role::Close, request.clone()));
            self.members.len() - 1
        });
        GroupAct::Submit(place, request)
    }

    fn act_oto(&mut self) -> GroupAct {
        let Some(first) = self.members.first() else { return GroupAct::Nothing };
        if !first.is_over {
            let unsent = !first.is_open;
            return if unsent { GroupAct::Submit(0, first.request.clone()) } else { GroupAct::Nothing };
        }
        if !first.is_whole {
            self.finish(GroupState::Cancelled);
            return GroupAct::Nothing;
        }
        let waits = |member: &Member| member.orders.is_empty() && !member.is_over;
        if let Some(at) = self.members.iter().position(waits) {
            return GroupAct::Submit(at, self.members[at].request.clone());
        }
        if !self.members.iter().any(|member| member.is_open) {
            self.finish(GroupState::Done);
        }
        GroupAct::Nothing
    }

    fn act_bracket<'a>(
        &mut self,
        sight: &GroupSight,
        order_of: impl Fn(OrderId) -> Option<&'a Order> + Copy,
    ) -> GroupAct {
        let Some(entry) = self.members.first() else { return GroupAct::Nothing };
        let (is_over, has_filled) = (entry.is_over, entry.filled.is_positive());
        if !is_over && !entry.is_open {
            return GroupAct::Submit(0, entry.request.clone());
        }
        if self.legs().any(|leg| leg.filled.is_positive())
            && let Err(cancel) = self.cancel_open(order_of, |role| role == Role::Entry)
        {
            return cancel;
        }
        if is_over && !has_filled {
            self.finish(GroupState::Cancelled);
            return GroupAct::Nothing;
        }
        // What fees have taken cannot be sold.
        let taken = if self.net > 0 { sight.taken } else { 0 };
        self.act_legs((self.open_qty() - taken).max(0), is_over, sight, order_of)
    }

    /// Makes each leg ask for what is open, which will not grow any more where it `is_final`.
    fn act_legs<'a>(
        &mut self,
        open: i64,
        is_final: bool,
        sight: &GroupSight,
        order_of: impl Fn(OrderId) -> Option<&'a Order> + Copy,
    ) -> GroupAct {
        let open = open - open.rem_euclid(sight.lot);
        let mut is_dust = false;
        // What is closed already is cancelled where it is.
        let mut place =
            sight.stands.filter(|_| open > 0).map(|stands| self.take_place(stands, open, order_of));
        if let Some(act) = place.as_mut().and_then(|place| place.act.take()) {
            return act;
        }
        for at in 0..self.members.len() {
            let member = &mut self.members[at];
            if !member.role.is_leg() {
                continue;
            }
            if let Some(id) = member.order() {
                let order = order_of(id);
                if let Some(act) = order.and_then(|order| steer(member, order, open, sight.replaces)) {
                    return act;
                }
            } else if !member.is_over && open > 0 {
                if open >= sight.least && open > member.too_little {
                    let request = OrderRequest { qty: Qty::new(open), ..member.request.clone() };
                    match &place {
                        None => return GroupAct::Submit(at, request),
                        Some(place) if place.is_leaving => continue,
                        Some(place) if place.lead == Some(at) => return GroupAct::Submit(at, request),
                        Some(_) => return GroupAct::Keep(at, request),
                    }
                }
                // It will not become more.
                member.is_over = is_final;
                is_dust |= is_final;
            }
        }
        if is_dust {
            self.lost(Some(Reason::MinQty));
            // No report on an order will let it act again.
            return self.act(sight, order_of);
        }
        let is_idle = !self.legs().any(|leg| leg.is_open);
        if self.state == GroupState::Working
            && is_final
            && is_idle
            && (open == 0 || self.legs().all(|leg| leg.is_over))
        {
            self.finish(GroupState::Done);
        }
        GroupAct::Nothing
    }
}

/// What makes an open leg ask for what is open.
fn steer(member: &mut Member, order: &Order, open: i64, replaces: bool) -> Option<GroupAct> {
    let is_known = !matches!(order.status(), OrderStatus::PendingNew | OrderStatus::Unknown);
    let is_free = is_known && order.is_changeable() && order.replaces_in_flight == 0;
    if !is_free || order.leaves().steps() == open {
        return None;
    }
    let is_new = member.asked != Some(open);
    // What is set off is on its way to be filled.
    let can_replace = (replaces || !order.is_venues())
        && open > 0
        && (order.price().is_some() || order.waits_for_trigger());
    if is_new && can_replace {
        member.asked = Some(open);
        return Some(GroupAct::Resize(order.id, order.filled.saturating_add(Qty::new(open))));
    }
    if is_new || !member.is_resent {
        (member.asked, member.is_resent) = (Some(open), true);
        return Some(GroupAct::Cancel(order.id));
    }
    None
}
