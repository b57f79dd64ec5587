//! Groups of orders against a venue that answers late, refuses and fills as it likes.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::orders::{
    GroupKind, GroupRequest, GroupState, OnReject, OrderId, Role, Trigger, TriggerAt, TriggerBy,
};
use crate::types::{Instrument, OrderSupport, WordSet};

const QTY: i64 = 10_000;

/// An order as the venue has it.
#[derive(Debug, Clone)]
pub(super) struct There {
    pub(super) id: OrderId,
    side: Side,
    pub(super) filled: i64,
    pub(super) qty: i64,
    reduce_only: bool,
}

/// What a kernel is made of.
type Setup = Box<dyn Fn() -> (KernelConfig, Vec<MarketSpec>, Vec<StrategySetup>)>;

/// A kernel with a group or an order, and its venue, whose answers are on their way.
pub(super) struct Toy {
    pub(super) kernel: Kernel,
    setup: Setup,
    pub(super) orders: Vec<There>,
    pub(super) position: i64,
    pub(super) to_venue: VecDeque<Command>,
    pub(super) to_us: VecDeque<Report>,
    now: i64,
}

fn limit(side: Side, price: i64) -> OrderRequest {
    OrderRequest::new(M0, side, OrderType::Limit { price: Price::new(price) }, Qty::new(QTY))
}

fn stop(side: Side, price: i64) -> OrderRequest {
    let at = TriggerAt::Stop { price: Price::new(price) };
    let trigger = Some(Trigger { at, by: TriggerBy::Last });
    OrderRequest { trigger, ..OrderRequest::new(M0, side, OrderType::Market, Qty::new(QTY)) }
}

fn bracket(side: Side, reduce_only: bool, on_reject: OnReject) -> GroupRequest {
    let back = side.opposite();
    let leg = |request: OrderRequest| OrderRequest { reduce_only, ..request };
    let (low, high) = (stop(back, 100_000 - side.sign() * 1_000), limit(back, 100_000 + side.sign() * 1_000));
    GroupRequest {
        kind: GroupKind::Bracket,
        market: M0,
        orders: vec![
            (Role::Entry, limit(side, 100_000)),
            (Role::StopLoss, leg(low)),
            (Role::TakeProfit, leg(high)),
        ],
        on_reject,
        emulate: false,
    }
}

fn oco(side: Side, on_reject: OnReject) -> GroupRequest {
    let orders = [limit(side, 101_000), stop(side, 99_000)].map(|order| (Role::Leg, order));
    GroupRequest { kind: GroupKind::Oco, market: M0, orders: orders.to_vec(), on_reject, emulate: false }
}

impl Toy {
    fn new(instrument: &Instrument, request: GroupRequest) -> Self {
        Self::begin(instrument, |kernel| assert_eq!(kernel.ctx.core_mut().start_group(S0, request), Ok(1)))
    }

    /// A kernel that has begun so.
    pub(super) fn begin(instrument: &Instrument, begin: impl FnOnce(&mut Kernel)) -> Self {
        let instrument = Arc::new(instrument.clone());
        let setup = move || {
            let config = KernelConfig {
                session: "unit".parse().unwrap(),
                on_error: OnError::StopStrategy,
                cost_basis: CostBasis::default(),
                checks: true,
                candle_ns: None,
                keeps_journal: false,
                risk: None,
            };
            let witness = Witness {
                interest: Interest::default(),
                log: Log::default(),
                start: Box::new(|_| ()),
                act: Box::new(|_, _| Ok(())),
            };
            let strategy = StrategySetup {
                name: "w".into(),
                markets: vec![M0],
                account: AccountId::new(0),
                strategy: Box::new(witness),
            };
            let market = MarketSpec {
                instrument: Arc::clone(&instrument),
                basis: FillBasis::L2,
                marks: MarkSource::Mid,
            };
            (config, vec![market], vec![strategy])
        };
        let (config, markets, strategies) = setup();
        let mut kernel = Kernel::new(config, markets, strategies).unwrap();
        kernel.handle(0, Input::Control(&Control::Start)).unwrap();
        begin(&mut kernel);
        let (orders, to_venue, to_us) = (Vec::new(), VecDeque::new(), VecDeque::new());
        let mut toy = Self { kernel, setup: Box::new(setup), orders, position: 0, to_venue, to_us, now: 1 };
        toy.collect();
        toy
    }

    fn linear(request: GroupRequest) -> Self {
        Self::new(&linear(), request)
    }

    pub(super) fn collect(&mut self) {
        self.to_venue.extend(self.kernel.drain().map(|outgoing| outgoing.command.into_inner()));
    }

    fn say(&mut self, order: OrderId, kind: ReportKind) {
        self.to_us.push_back(Report::on(order, self.now, kind));
    }

    fn reducible(&self, side: Side) -> i64 {
        (self.position * -side.sign()).max(0)
    }

    /// The next command arrives at the venue.
    pub(super) fn arrive(&mut self, is_refused: bool) {
        match self.to_venue.pop_front() {
            None => {}
            Some(Command::Submit { order, request }) => {
                let room = if request.reduce_only { self.reducible(request.side) } else { i64::MAX };
                if is_refused || room == 0 {
                    let reason = if is_refused { Reason::Venue } else { Reason::ReduceOnly };
                    return self.say(order, ReportKind::Rejected(reason));
                }
                self.say(order, ReportKind::Accepted);
                let (side, qty, reduce_only) = (request.side, request.qty.steps(), request.reduce_only);
                self.orders.push(There { id: order, side, filled: 0, qty, reduce_only });
                if request.order_type == OrderType::Market && request.trigger.is_none() {
                    let at = self.orders.len() - 1;
                    self.fill(at, qty);
                    if self.orders.last().is_some_and(|last| last.id == order) {
                        self.orders.pop();
                        self.say(order, ReportKind::Expired(Reason::NoLiquidity));
                    }
                }
            }
            Some(Command::Cancel { order, .. }) => match self.place(order) {
                Some(at) => {
                    self.orders.remove(at);
                    self.say(order, ReportKind::Cancelled);
                }
                None => self.say(order, ReportKind::CancelRejected(Reason::UnknownOrder)),
            },
            Some(Command::Replace { order, terms, .. }) => match self.place(order) {
                Some(at) if is_refused || terms.qty.steps() <= self.orders[at].filled => {
                    self.say(order, ReportKind::ReplaceRejected(Reason::Venue));
                }
                Some(at) => {
                    self.orders[at].qty = terms.qty.steps();
                    self.say(order, ReportKind::Replaced(terms));
                }
                None => self.say(order, ReportKind::ReplaceRejected(Reason::UnknownOrder)),
            },
        }
    }

    pub(super) fn place(&self, order: OrderId) -> Option<usize> {
        self.orders.iter().position(|there| there.id == order)
    }

    /// An order at the venue fills, as far as it may.
    pub(super) fn fill(&mut self, at: usize, qty: i64) {
        let Some(There { id, side, filled, qty: whole, reduce_only }) = self.orders.get(at).cloned() else {
            return;
        };
        let room = if reduce_only { self.reducible(side) } else { i64::MAX };
        let qty = qty.min(whole - filled).min(room);
        if qty == 0 {
            self.orders.remove(at);
            return self.say(id, ReportKind::Expired(Reason::ReduceOnly));
        }
        self.position += side.sign() * qty;
        self.orders[at].filled += qty;
        if self.orders[at].filled == whole {
            self.orders.remove(at);
        }
        let price = Price::new(100_000);
        let kind =
            ReportKind::Fill { price, qty: Qty::new(qty), liquidity: Liquidity::Maker, fee: Money::ZERO };
        self.say(id, kind);
    }

    /// The next report arrives at the kernel.
    pub(super) fn tell(&mut self) {
        if let Some(report) = self.to_us.pop_front() {
            self.now += 1;
            self.kernel.handle(self.now, Input::Report(&report)).unwrap();
            self.collect();
        }
    }

    /// Somebody trades at a price.
    fn trade(&mut self, price: i64) {
        self.now += 1;
        let trade = columns(self.now, &[(EventKind::Trade, -1, price, 1)]);
        self.kernel.handle(self.now, Input::Message { market: M0, rows: Rows::all(&trade) }).unwrap();
        self.collect();
    }

    pub(super) fn wait(&mut self) {
        if let Some(due) = self.kernel.next_due() {
            self.now = self.now.max(due);
            self.kernel.handle(self.now, Input::Due).unwrap();
            self.collect();
        }
    }

    /// Lets everything arrive that is on its way, and what follows.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.to_us.is_empty() {
                self.tell();
            } else if !self.to_venue.is_empty() {
                self.arrive(false);
            } else if self.kernel.next_due().is_some() {
                self.wait();
            } else {
                return;
            }
        }
        panic!("orders that never rest: {:?}", self.kernel.orders().collect::<Vec<_>>());
    }

    fn group(&self) -> &crate::orders::Group {
        self.kernel.ctx.core().groups.find(S0, 1).unwrap()
    }

    fn order(&self, role: Role) -> OrderId {
        let member = self.group().members.iter().find(|member| member.role == role).unwrap();
        *member.orders.last().unwrap()
    }

    /// An order of the group fills at the venue.
    fn fill_of(&mut self, role: Role, qty: i64) {
        let at = self.place(self.order(role)).unwrap();
        self.fill(at, qty);
    }

    /// What each order at the venue may still fill, in the order they arrived.
    fn rest(&self) -> Vec<i64> {
        self.orders.iter().map(|there| there.qty - there.filled).collect()
    }

    fn cancel_group(&mut self) -> bool {
        let is_cancelled = self.kernel.ctx.core_mut().cancel_group(S0, 1);
        self.collect();
        is_cancelled
    }

    /// The kernel goes on in another process.
    pub(super) fn restart(&mut self) {
        let state = self.kernel.save().unwrap();
        let (config, markets, strategies) = (self.setup)();
        self.kernel = Kernel::load(config, markets, strategies, &state).unwrap();
        assert_eq!(self.kernel.save().unwrap(), state);
    }

    fn is_flat_and(&self, state: GroupState) {
        assert_eq!((self.position, self.group().state), (0, state), "{:?}", self.group());
        assert!(self.orders.is_empty());
        assert_eq!(self.kernel.ctx.core().accounts.position(S0, M0).qty, 0);
    }
}

#[test]
fn legs_are_as_large_as_what_the_entry_has_filled() {
    for side in [Side::Buy, Side::Sell] {
        let mut toy = Toy::linear(bracket(side, true, OnReject::Close));
        toy.settle();
        assert_eq!(toy.rest(), [QTY], "legs wait for a fill");
        toy.fill_of(Role::Entry, 4_000);
        toy.settle();
        assert_eq!(toy.rest(), [6_000, 4_000, 4_000]);
        toy.fill_of(Role::Entry, 6_000);
        toy.settle();
        assert_eq!(toy.rest(), [QTY, QTY]);
        toy.fill_of(Role::TakeProfit, 3_000);
        toy.settle();
        assert_eq!(toy.rest(), [7_000, 7_000], "what one leg fills the other loses");
        toy.fill_of(Role::StopLoss, 7_000);
        toy.settle();
        toy.is_flat_and(GroupState::Done);
    }
}

#[test]
fn the_first_fill_of_a_leg_ends_the_entry() {
    let mut toy = Toy::linear(bracket(Side::Buy, true, OnReject::Close));
    toy.settle();
    toy.fill_of(Role::Entry, 4_000);
    toy.settle();
    toy.fill_of(Role::StopLoss, 4_000);
    toy.settle();
    toy.is_flat_and(GroupState::Done);
}

#[test]
fn a_venue_that_replaces_nothing_gets_a_new_leg_once_the_old_one_has_ended() {
    let supports = OrderSupport { replace: false, ..OrderSupport::default() };
    let mut toy = Toy::new(&linear().with_support(supports), bracket(Side::Buy, true, OnReject::Close));
    toy.settle();
    for (fill, rests) in [(4_000, vec![6_000, 4_000, 4_000]), (6_000, vec![QTY, QTY])] {
        toy.fill_of(Role::Entry, fill);
        toy.settle();
        assert_eq!(toy.rest(), rests);
    }
    assert_eq!(toy.group().members[1].orders.len(), 2);
}

#[test]
fn legs_that_fill_in_one_message_are_closed_back_where_the_venue_lets_them() {
    let mut toy = Toy::linear(bracket(Side::Buy, false, OnReject::Close));
    toy.settle();
    toy.fill_of(Role::Entry, QTY);
    toy.settle();
    toy.fill_of(Role::TakeProfit, QTY);
    toy.fill_of(Role::StopLoss, QTY);
    assert_eq!(toy.position, -QTY);
    toy.settle();
    toy.is_flat_and(GroupState::Done);
    assert_eq!(toy.group().over, QTY);
    // Where orders may be reduce-only, the venue does not let them.
    let mut toy = Toy::linear(bracket(Side::Buy, true, OnReject::Close));
    toy.settle();
    toy.fill_of(Role::Entry, QTY);
    toy.settle();
    toy.fill_of(Role::TakeProfit, QTY);
    toy.fill_of(Role::StopLoss, QTY);
    toy.settle();
    toy.is_flat_and(GroupState::Done);
    assert_eq!(toy.group().over, 0);
}

#[test]
fn a_refused_leg_does_what_was_asked_for() {
    for (on_reject, state, position, rests) in [
        (OnReject::Close, GroupState::Failed, 0, vec![]),
        (OnReject::Cancel, GroupState::Failed, QTY, vec![]),
        (OnReject::Keep, GroupState::Working, QTY, vec![QTY]),
    ] {
        let mut toy = Toy::linear(bracket(Side::Buy, true, on_reject));
        toy.settle();
        toy.fill_of(Role::Entry, QTY);
        toy.tell();
        toy.arrive(true);
        toy.settle();
        assert_eq!((toy.group().state, toy.position, toy.rest()), (state, position, rests));
        assert_eq!(toy.group().reason, Some(Reason::Venue));
    }
}

#[test]
fn an_entry_that_ends_without_a_fill_ends_its_group() {
    let mut toy = Toy::linear(bracket(Side::Buy, true, OnReject::Close));
    toy.arrive(true);
    toy.settle();
    toy.is_flat_and(GroupState::Cancelled);
    assert_eq!(toy.group().reason, Some(Reason::Venue));
}

#[test]
fn a_fill_that_crosses_the_cancel_of_its_entry_is_protected() {
    let mut toy = Toy::linear(bracket(Side::Buy, true, OnReject::Close));
    toy.settle();
    let entry = toy.order(Role::Entry);
    let core = toy.kernel.ctx.core_mut();
    assert!(core.cancel(S0, entry, None));
    toy.collect();
    toy.fill_of(Role::Entry, 4_000);
    // What became of the cancel is known before the fill.
    toy.arrive(false);
    toy.to_us.make_contiguous().reverse();
    toy.settle();
    assert_eq!((toy.rest(), toy.group().state), (vec![4_000, 4_000], GroupState::Working));
    toy.fill_of(Role::StopLoss, 4_000);
    toy.settle();
    toy.is_flat_and(GroupState::Done);
}

#[test]
fn a_leg_that_is_refused_while_nothing_is_open_is_there_for_what_the_entry_fills_after_it() {
    let mut toy = Toy::linear(bracket(Side::Sell, false, OnReject::Close));
    // Entry, its first fill, and the stop are there; the stop fills that, and the take profit is refused.
    toy.arrive(false);
    toy.fill(0, 1_000);
    toy.tell();
    toy.tell();
    toy.arrive(false);
    toy.fill(1, 1_000);
    toy.arrive(true);
    // The cancel of the entry comes too late for another fill.
    toy.fill(0, 1_000);
    toy.settle();
    assert_eq!(
        (toy.rest(), toy.position, toy.group().state),
        (vec![1_000, 1_000], -1_000, GroupState::Working)
    );
    toy.fill_of(Role::TakeProfit, 1_000);
    toy.settle();
    toy.is_flat_and(GroupState::Done);
}

#[test]
fn the_cancel_of_a_group_cancels_all_of_it_and_leaves_what_is_held() {
    let mut toy = Toy::linear(bracket(Side::Buy, true, OnReject::Close));
    toy.settle();
    toy.fill_of(Role::Entry, 4_000);
    toy.settle();
    assert!(toy.cancel_group() && !toy.cancel_group());
    toy.fill_of(Role::Entry, 1_000);
    toy.settle();
    assert_eq!((toy.rest(), toy.group().state), (vec![], GroupState::Cancelled));
    assert_eq!((toy.position, toy.group().open_qty()), (5_000, 5_000));
}

#[test]
fn a_killed_session_has_no_groups_any_more() {
    let mut toy = Toy::linear(bracket(Side::Buy, true, OnReject::Close));
    toy.settle();
    toy.fill_of(Role::Entry, 4_000);
    toy.settle();
    toy.kernel.handle(toy.now, Input::Control(&Control::Kill)).unwrap();
    toy.collect();
    toy.settle();
    toy.is_flat_and(GroupState::Cancelled);
    assert_eq!(toy.group().reason, Some(Reason::Killed));
}

#[test]
fn a_paused_session_sends_the_legs_when_it_goes_on() {
    let mut toy = Toy::linear(bracket(Side::Buy, true, OnReject::Close));
    toy.settle();
    toy.kernel.handle(toy.now, Input::Control(&Control::Pause)).unwrap();
    toy.fill_of(Role::Entry, QTY);
    toy.settle();
    assert_eq!((toy.rest(), toy.group().state), (vec![], GroupState::Working));
    toy.kernel.handle(toy.now, Input::Control(&Control::Resume)).unwrap();
    toy.collect();
    toy.settle();
    assert_eq!(toy.rest(), [QTY, QTY]);
}

#[test]
fn one_cancels_other_fills_one_quantity() {
    let mut toy = Toy::linear(oco(Side::Sell, OnReject::Cancel));
    toy.settle();
    toy.fill(0, 4_000);
    toy.settle();
    assert_eq!(toy.rest(), [6_000, 6_000]);
    toy.fill(1, 6_000);
    toy.settle();
    assert_eq!((toy.position, toy.rest(), toy.group().state), (-QTY, vec![], GroupState::Done));
    // Both at once.
    let mut toy = Toy::linear(oco(Side::Sell, OnReject::Cancel));
    toy.settle();
    toy.fill(0, 4_000);
    toy.fill(1, QTY);
    toy.settle();
    assert_eq!((toy.position, toy.rest(), toy.group().state), (-QTY, vec![], GroupState::Done));
    assert_eq!(toy.group().over, 4_000);
}

#[test]
fn one_triggers_other_sends_the_others_after_a_whole_fill() {
    let orders = vec![
        (Role::First, limit(Side::Buy, 100_000)),
        (Role::Then, limit(Side::Buy, 99_000)),
        (Role::Then, limit(Side::Sell, 101_000)),
    ];
    let request =
        GroupRequest { kind: GroupKind::Oto, market: M0, orders, on_reject: OnReject::Keep, emulate: false };
    let mut toy = Toy::linear(request.clone());
    toy.settle();
    toy.fill_of(Role::First, 4_000);
    toy.settle();
    assert_eq!(toy.rest(), [6_000]);
    toy.fill_of(Role::First, 6_000);
    toy.settle();
    assert_eq!(toy.rest(), [QTY, QTY]);
    toy.fill(1, QTY);
    toy.fill(0, QTY);
    toy.settle();
    assert_eq!(toy.group().state, GroupState::Done);
    let mut toy = Toy::linear(request);
    toy.arrive(true);
    toy.settle();
    assert_eq!((toy.rest(), toy.group().state), (vec![], GroupState::Cancelled));
}

#[test]
fn orders_that_do_not_go_together_are_a_mistake_and_none_is_sent() {
    let mut toy = Toy::linear(bracket(Side::Buy, true, OnReject::Close));
    toy.settle();
    let mut told = |change: &dyn Fn(&mut GroupRequest)| {
        let mut request = bracket(Side::Buy, true, OnReject::Close);
        change(&mut request);
        let error = toy.kernel.ctx.core_mut().start_group(S0, request).unwrap_err();
        assert!(toy.kernel.drain().next().is_none());
        error.to_string()
    };
    let swapped = told(&|request| request.orders[1].1 = stop(Side::Sell, 102_000));
    let expected = "stop_loss 10200 has to be below price 10000 of a bracket that buys";
    assert_eq!(swapped, format!("BTCUSDT.BINANCE_USDM: {expected}"));
    assert_eq!(told(&|request| request.orders.truncate(1)), "a group has two orders or more");
    let off = told(&|request| request.orders[2].1.qty = Qty::new(0));
    assert_eq!(off, "BTCUSDT.BINANCE_USDM: qty 0 must be greater than zero");
    let twice = told(&|request| {
        request.orders.iter_mut().for_each(|(_, order)| order.client_id = Some("x".into()));
    });
    assert_eq!(twice, "client id \"x\" is in use by an open order");
    let uneven = told(&|request| {
        *request = oco(Side::Sell, OnReject::Cancel);
        request.orders[1].1.qty = Qty::new(5_000);
    });
    assert_eq!(uneven, "the orders of one-cancels-other share one quantity");
}

#[test]
fn a_kept_stop_is_sent_when_its_price_is_told_also_after_a_restart() {
    let supports = OrderSupport {
        kinds: WordSet::parse("market, limit", &crate::orders::ORDER_KINDS).unwrap(),
        reduce_only: false,
        ..OrderSupport::default()
    };
    let request = GroupRequest { emulate: true, ..bracket(Side::Buy, true, OnReject::Close) };
    let mut toy = Toy::new(&linear().with_support(supports), request);
    toy.settle();
    toy.fill_of(Role::Entry, 4_000);
    toy.settle();
    assert_eq!(toy.rest(), [6_000, 4_000], "the stop is not there");
    toy.fill_of(Role::Entry, 6_000);
    toy.settle();
    let stop = toy.order(Role::StopLoss);
    let kept = |toy: &Toy| {
        let order = toy.kernel.ctx.core().desk.orders().find(stop).cloned().unwrap();
        (order.is_held, order.qty.steps(), order.status())
    };
    assert_eq!(kept(&toy), (true, QTY, OrderStatus::New));
    toy.restart();
    assert!(toy.kernel.is_followed(M0));
    toy.trade(99_001);
    assert!(toy.to_venue.is_empty());
    toy.trade(99_000);
    assert_eq!(kept(&toy), (false, QTY, OrderStatus::PendingNew));
    toy.settle();
    toy.is_flat_and(GroupState::Done);
    assert!(!toy.kernel.is_followed(M0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever comes first, refuses or crosses: no more is ever held than the entry and nothing the other way round
    /// where the venue knows reduce-only orders, and in the end nothing is left that is neither protected nor closed.
    #[test]
    fn no_order_of_reports_leaves_more_open_than_the_entry(
        steps in proptest::collection::vec((0..12u8, 0..4usize, 1..=10i64), 1..80),
        is_buy in any::<bool>(),
        reduces in any::<bool>(),
        replaces in any::<bool>(),
        reserves in any::<bool>(),
        is_inverse in any::<bool>(),
    ) {
        let supports = OrderSupport { replace: replaces, reduce_only: reduces, reserves, ..OrderSupport::default() };
        let instrument = if is_inverse { crate::types::instrument::tests::inverse() } else { linear() };
        let side = if is_buy { Side::Buy } else { Side::Sell };
        let request = bracket(side, reduces, OnReject::Close);
        let mut toy = Toy::new(&instrument.with_support(supports), request);
        let lowest = if reduces { 0 } else { -QTY };
        let mut is_called_off = false;
        for (what, at, tenths) in steps {
            match what {
                0..=2 => toy.tell(),
                3..=5 => toy.arrive(false),
                6 => toy.arrive(at == 0),
                7..=8 => toy.fill(at, tenths * QTY / 10),
                9 if at > 1 => toy.trade(100_000 + (at as i64 * 2 - 5) * side.sign() * 1_000),
                9 => toy.wait(),
                10 if at == 0 => toy.restart(),
                11 if tenths == 1 => is_called_off |= toy.cancel_group(),
                11 if tenths == 2 => {
                    let core = toy.kernel.ctx.core_mut();
                    let entry = core.groups.find(S0, 1).unwrap().members[0].orders[0];
                    core.cancel(S0, entry, None);
                    toy.collect();
                }
                _ => {}
            }
            let held = toy.position * side.sign();
            prop_assert!((lowest..=QTY).contains(&held), "{held}");
            let legs = toy.orders.iter().filter(|order| order.side != side);
            prop_assert!(!reserves || legs.count() <= 1, "{:?}", toy.orders);
        }
        toy.settle();
        let (group, held) = (toy.group(), toy.position * side.sign());
        prop_assert_eq!(group.net, toy.position);
        prop_assert!((0..=QTY).contains(&held), "{} after {:?}", held, group);
        if group.state.is_done() {
            prop_assert!(toy.orders.is_empty(), "{:?}", group);
            prop_assert!(held == 0 || is_called_off, "{} {:?}", held, group);
        } else {
            // The entry rests, or both legs protect what is open.
            let legs: Vec<_> = toy.orders.iter().filter(|order| order.side != side).collect();
            let entry_rests = toy.orders.len() > legs.len();
            let there = if reserves { 1 } else { 2 };
            prop_assert!(held == 0 && entry_rests || legs.len() == there, "{:?} {:?}", toy.orders, group);
            let kept = toy.kernel.orders().filter(|order| order.is_held).map(|order| order.leaves().steps());
            let is_kept = kept.eq(std::iter::repeat_n(held, 1));
            prop_assert!(!reserves || held == 0 || is_kept, "{:?}", toy.kernel.orders().collect::<Vec<_>>());
            prop_assert!(legs.iter().all(|leg| leg.qty - leg.filled == held), "{:?} {:?}", legs, group);
        }
    }

    /// The same of one-cancels-other: it comes to one quantity, or what legs filled beyond it is undone.
    #[test]
    fn legs_of_one_cancels_other_come_to_one_quantity(
        steps in proptest::collection::vec((0..10u8, 0..3usize, 1..=10i64), 1..60),
        replaces in any::<bool>(),
    ) {
        let supports = OrderSupport { replace: replaces, ..OrderSupport::default() };
        let mut toy = Toy::new(&linear().with_support(supports), oco(Side::Sell, OnReject::Cancel));
        for (what, at, tenths) in steps {
            match what {
                0..=2 => toy.tell(),
                3..=5 => toy.arrive(false),
                6..=7 => toy.fill(at, tenths * QTY / 10),
                8 => toy.wait(),
                _ if at == 0 => toy.restart(),
                _ => {}
            }
            prop_assert!((-2 * QTY..=0).contains(&toy.position));
        }
        toy.settle();
        let sold = -toy.position;
        prop_assert!((0..=QTY).contains(&sold), "{} {:?}", sold, toy.group());
        prop_assert!(toy.rest().iter().all(|left| *left == QTY - sold), "{:?} {:?}", toy.rest(), toy.group());
        prop_assert_eq!(toy.group().state == GroupState::Done, toy.orders.is_empty());
    }
}
