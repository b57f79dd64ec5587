//! Limits over random tapes: whatever the market, the venue and a strategy do, what is held stays inside of them, and a
//! kernel that was saved goes on as one that was not.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use crate::common::{Tape, instrument, setup};
use proptest::prelude::*;
use proptest::strategy::Strategy as _;
use tradecore_core::book::{FillBasis, MarkSource};
use tradecore_core::kernel::{
    Context, Control, HookResult, Input, Interest, Kernel, KernelConfig, MarketSpec, OnError, Rows, Strategy,
    StrategySetup, Topics,
};
use tradecore_core::ledger::CostBasis;
use tradecore_core::orders::{
    Command, Liquidity, NewTerms, OrderId, OrderRequest, OrderType, Reason, Report, ReportKind, TriggerBy,
};
use tradecore_core::risk::{Check, Distance, ONE, OnTrip, RiskConfig, Rung, StopConfig, StopTerms, Trading};
use tradecore_core::types::{InstrumentKind, MarketId, Money, Price, Qty, Side, StrategyId};

const MARKETS: usize = 2;
/// The most that may be held in a market, in quantity increments of 0.001.
const MOST: i64 = 5_000;
/// And the most of all of them, without signs and with.
const GROSS_QTY: i64 = 8_000;
const NET_QTY: i64 = 6_000;
/// And the most of the notional of all.
const GROSS: f64 = 700.0;
/// Prices lie between these, which is how much the market may change what is held.
const MIDS: std::ops::Range<i64> = 90..111;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// A market goes to this mid.
    Move(usize, i64),
    /// An order: market, whether it buys, price (none for a market order), quantity, reduce-only.
    Send(usize, bool, Option<i64>, i64, bool),
    /// A person's order, likewise, not reduce-only.
    ByHand(usize, bool, Option<i64>, i64),
    /// A quote of both sides.
    Quote(usize, i64, i64),
    /// New terms of the open order at this place.
    Replace(usize, i64, i64),
    /// The open order at this place is cancelled.
    Cancel(usize),
    /// Own stops on the position in a market, in hundredths of a percent.
    Protect(usize, i64),
    /// The venue takes the request that has waited longest, or refuses it.
    Answer(bool),
    /// The order the venue has at this place fills by so much.
    Fill(usize, i64),
    /// We hear what the venue said longest ago.
    Hear,
}

fn tapes() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    let (market, price, size) = (0..MARKETS, 95i64..106, (1i64..40).prop_map(|qty| qty * 100));
    let sent =
        (market.clone(), any::<bool>(), proptest::option::of(price.clone()), size.clone(), any::<bool>());
    let by_hand = (market.clone(), any::<bool>(), proptest::option::of(price.clone()), size.clone());
    let step = prop_oneof![
        1 => by_hand.prop_map(|(market, buys, price, qty)| Step::ByHand(market, buys, price, qty)),
        2 => (market.clone(), MIDS).prop_map(|(market, mid)| Step::Move(market, mid)),
        4 => sent.prop_map(|(market, buys, price, qty, reduces)| Step::Send(market, buys, price, qty, reduces)),
        1 => (market, 1i64..4, size.clone()).prop_map(|(market, off, qty)| Step::Quote(market, off, qty)),
        2 => (0usize..6, price, size.clone()).prop_map(|(at, price, qty)| Step::Replace(at, price, qty)),
        1 => (0usize..6).prop_map(Step::Cancel),
        1 => (0..MARKETS, 10i64..900).prop_map(|(market, off)| Step::Protect(market, off)),
        8 => proptest::bool::weighted(0.9).prop_map(Step::Answer),
        6 => (0usize..6, size).prop_map(|(at, qty)| Step::Fill(at, qty)),
        12 => Just(Step::Hear),
    ];
    proptest::collection::vec(step, 1..160)
}

type Slot = Arc<Mutex<Option<Step>>>;

/// Does what the tape says when it is woken.
struct Hand(Slot);

impl Strategy for Hand {
    fn interest(&self) -> Interest {
        Interest { topics: Topics::BOOK, ..Interest::default() }
    }

    fn on_book(&mut self, ctx: &mut Context, _: MarketId) -> HookResult {
        let Some(step) = self.0.lock().unwrap().take() else { return Ok(()) };
        let ids: Vec<OrderId> = ctx.open_orders().map(|order| order.id).collect();
        match step {
            Step::Send(market, buys, price, qty, reduce_only) => {
                ctx.submit(OrderRequest { reduce_only, ..request(market, buys, price, qty) }).unwrap();
            }
            Step::Quote(market, off, qty) => {
                let market = MarketId::new(market);
                let mid = ctx.touch(market).twice_mid().unwrap() / 2;
                let side = |by: i64| Some((Price::new(mid + by * 10), Qty::new(qty)));
                ctx.quote(market, side(-off), side(off), false).unwrap();
            }
            Step::Replace(at, price, qty) => {
                if let Some(id) = ids.get(at) {
                    // A market order cannot be replaced.
                    let _ = ctx.replace(*id, NewTerms::new(Price::new(price * 10), Qty::new(qty)));
                }
            }
            Step::Protect(market, off) => {
                let own = StopTerms { trailing: Some(percent(off)), ..StopTerms::default() };
                // One that would be wider is refused.
                let _ = ctx.protect(MarketId::new(market), Some(Arc::new(own)));
            }
            Step::Cancel(at) => {
                ids.get(at).map(|id| ctx.cancel(*id));
            }
            Step::Move(..) | Step::ByHand(..) | Step::Answer(_) | Step::Fill(..) | Step::Hear => {}
        }
        Ok(())
    }
}

fn request(market: usize, buys: bool, price: Option<i64>, qty: i64) -> OrderRequest {
    let side = if buys { Side::Buy } else { Side::Sell };
    let limit = |price: i64| OrderType::Limit { price: Price::new(price * 10) };
    OrderRequest::new(MarketId::new(market), side, price.map_or(OrderType::Market, limit), Qty::new(qty))
}

/// An order as the venue has it.
#[derive(Debug, Clone)]
struct Resting {
    request: OrderRequest,
    filled: i64,
}

/// A venue that takes its time, and what it knows before we do.
#[derive(Debug, Clone, Default)]
struct Exchange {
    requests: VecDeque<Command>,
    orders: BTreeMap<OrderId, Resting>,
    reports: VecDeque<Report>,
    held: [i64; MARKETS],
}

impl Exchange {
    fn tell(&mut self, order: OrderId, kind: ReportKind) {
        self.reports.push_back(Report::on(order, 0, kind));
    }

    fn answer(&mut self, takes: bool) {
        let Some(command) = self.requests.pop_front() else { return };
        let id = command.order();
        if !takes && !matches!(command, Command::Cancel { .. }) {
            return self.tell(id, command.refusal(Reason::Venue));
        }
        match command {
            Command::Submit { request, .. } => {
                self.orders.insert(id, Resting { request, filled: 0 });
                self.tell(id, ReportKind::Accepted);
            }
            Command::Cancel { .. } => match self.orders.remove(&id) {
                Some(_) => self.tell(id, ReportKind::Cancelled),
                None => self.tell(id, ReportKind::CancelRejected(Reason::UnknownOrder)),
            },
            Command::Replace { terms, .. } => match self.orders.get_mut(&id) {
                Some(order) if terms.qty.steps() > order.filled => {
                    order.request.qty = terms.qty;
                    self.tell(id, ReportKind::Replaced(terms));
                }
                _ => self.tell(id, ReportKind::ReplaceRejected(Reason::UnknownOrder)),
            },
        }
    }

    fn fill(&mut self, at: usize, qty: i64, mids: [i64; MARKETS]) {
        let Some((&id, order)) = self.orders.iter_mut().nth(at) else { return };
        let market = order.request.market.index();
        let sign = order.request.side.sign();
        let mut qty = qty.min(order.request.qty.steps() - order.filled);
        if order.request.reduce_only {
            qty = qty.min((-self.held[market] * sign).max(0));
        }
        if qty == 0 {
            self.orders.remove(&id);
            return self.tell(id, ReportKind::Expired(Reason::ReduceOnly));
        }
        order.filled += qty;
        self.held[market] += qty * sign;
        let price = order.request.order_type.price().unwrap_or(Price::new(mids[market] * 10));
        if order.filled == order.request.qty.steps() {
            self.orders.remove(&id);
        }
        let (qty, liquidity, fee) = (Qty::new(qty), Liquidity::Maker, Money::ZERO);
        self.tell(id, ReportKind::Fill { price, qty, liquidity, fee });
    }
}

/// A kernel, its venue and its market.
struct World {
    kernel: Kernel,
    slot: Slot,
    exchange: Exchange,
    mids: [i64; MARKETS],
    now: i64,
}

fn limits() -> RiskConfig {
    let mut config = RiskConfig { on_trip: OnTrip::Refuse, ..RiskConfig::default() };
    config.account.parse(Check::MaxPositionQty, "5").unwrap();
    config.account.parse(Check::MaxGrossQty, "8").unwrap();
    config.account.parse(Check::MaxNetQty, "6").unwrap();
    config.account.parse(Check::MaxGross, "700").unwrap();
    config.account.parse(Check::MaxOpenOrders, "4").unwrap();
    config.account.parse(Check::MaxDailyLoss, "60").unwrap();
    config.account.parse(Check::MaxConsecutiveLosses, "9").unwrap();
    config.account.parse(Check::MaxMessageRate, "20 per 30ms").unwrap();
    config.account.parse(Check::TripJumpBps, "2500 per 40ms").unwrap();
    config
}

fn percent(hundredths: i64) -> Distance {
    Distance::Percent(i128::from(hundredths) * ONE / 100)
}

/// Stops of every position, and of those in one market by what was traded.
fn stops() -> StopConfig {
    let rung = |off, share| Rung { at: percent(off), share };
    let all = StopTerms {
        stop_loss: Some(percent(300)),
        trailing: Some(Distance::Ticks(25)),
        trailing_from: Some(percent(100)),
        take_profit: vec![rung(150, ONE / 3), rung(400, ONE / 3)],
        time: Some(90_000_000),
        ..StopTerms::default()
    };
    let one = StopTerms {
        break_even: Some(percent(200)),
        max_loss: Some(5 * ONE),
        trigger: TriggerBy::Last,
        ..StopTerms::default()
    };
    StopConfig {
        account: Some(Arc::new(all)),
        instruments: [("B.X".to_owned(), Arc::new(one))].into(),
        ..StopConfig::default()
    }
}

fn set_up(slot: &Slot, risk: RiskConfig) -> (KernelConfig, Vec<MarketSpec>, Vec<StrategySetup>) {
    let config = KernelConfig {
        session: "risk".parse().unwrap(),
        on_error: OnError::StopRun,
        cost_basis: CostBasis::default(),
        checks: true,
        candle_ns: None,
        keeps_journal: false,
        risk: Some(Arc::new(risk)),
    };
    let market = |name| MarketSpec {
        instrument: instrument(name, InstrumentKind::LINEAR_PERPETUAL),
        basis: FillBasis::L2,
        marks: MarkSource::Mid,
    };
    let markets = [MarketId::new(0), MarketId::new(1)];
    (config, vec![market("A.X"), market("B.X")], vec![setup("hand", &markets, Hand(Arc::clone(slot)))])
}

impl World {
    fn new(risk: RiskConfig) -> Self {
        let slot = Slot::default();
        let (config, markets, strategies) = set_up(&slot, risk);
        let kernel = Kernel::new(config, markets, strategies).unwrap();
        let mut world = Self { kernel, slot, exchange: Exchange::default(), mids: [100; MARKETS], now: 0 };
        world.kernel.handle(0, Input::Control(&Control::Start)).unwrap();
        (0..MARKETS).for_each(|market| world.message(market));
        world
    }

    /// The same from a saved state.
    fn again(&mut self, risk: RiskConfig) -> Self {
        let slot = Slot::default();
        let (config, markets, strategies) = set_up(&slot, risk);
        let state = self.kernel.save().unwrap();
        let kernel = Kernel::load(config, markets, strategies, &state).unwrap();
        Self { kernel, slot, exchange: self.exchange.clone(), ..*self }
    }

    /// The book of a market at its mid, which wakes the strategy.
    fn message(&mut self, market: usize) {
        let (mid, mut tape) = (self.mids[market] * 10, Tape::default());
        let clear = (tradecore_core::event::EventKind::BookClear, None, 0, 0);
        let set = |side, price| (tradecore_core::event::EventKind::BookSet, Some(side), price, 3_000);
        tape.at(self.now).message(&[clear, set(Side::Buy, mid - 10), set(Side::Sell, mid + 10)]);
        let rows = Rows::all(&tape.columns);
        self.kernel.handle(self.now, Input::Message { market: MarketId::new(market), rows }).unwrap();
    }

    fn step(&mut self, step: &Step) {
        self.now += 1_000_000;
        while self.kernel.next_due().is_some_and(|due| due <= self.now) {
            self.kernel.handle(self.now, Input::Due).unwrap();
        }
        match step {
            Step::Move(market, mid) => {
                self.mids[*market] = *mid;
                self.message(*market);
            }
            Step::ByHand(market, buys, price, qty) => {
                let request = request(*market, *buys, *price, *qty);
                let order = Control::Order { strategy: StrategyId::new(0), request };
                self.kernel.handle(self.now, Input::Control(&order)).unwrap();
            }
            Step::Answer(takes) => self.exchange.answer(*takes),
            Step::Fill(at, qty) => self.exchange.fill(*at, *qty, self.mids),
            Step::Hear => {
                if let Some(report) = self.exchange.reports.pop_front() {
                    self.kernel.handle(self.now, Input::Report(&report)).unwrap();
                }
            }
            own => {
                *self.slot.lock().unwrap() = Some(own.clone());
                self.message(0);
            }
        }
        self.exchange.requests.extend(self.kernel.drain().map(|outgoing| outgoing.command.into_inner()));
    }

    /// What is held at the venue, at the mids.
    fn gross(&self) -> f64 {
        let held = self.exchange.held.iter().zip(self.mids);
        held.map(|(held, mid)| held.abs() as f64 / 1e3 * mid as f64).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_that_happens_takes_what_is_held_beyond_the_limits(tape in tapes()) {
        let mut world = World::new(limits());
        // How much more the same quantity may be worth: by the market's move since, both ways.
        let moved = (MIDS.end as f64 / MIDS.start as f64).powi(2);
        for step in &tape {
            world.step(step);
            let held = world.exchange.held;
            prop_assert!(held.iter().all(|held| held.abs() <= MOST), "{step:?}: {held:?}");
            prop_assert!(held.iter().map(|held| held.abs()).sum::<i64>() <= GROSS_QTY, "{step:?}: {held:?}");
            prop_assert!(held.iter().sum::<i64>().abs() <= NET_QTY, "{step:?}: {held:?}");
            prop_assert!(world.gross() <= GROSS * moved, "{step:?}: {}", world.gross());
        }
    }

    #[test]
    fn limits_go_on_from_a_saved_state_as_if_nothing_had_been(tape in tapes(), does in 0usize..4) {
        let risk = || RiskConfig { on_trip: OnTrip::ALL[does], stops: stops(), ..limits() };
        let mut world = World::new(risk());
        let (before, after) = tape.split_at(tape.len() / 2);
        for step in before {
            world.step(step);
        }
        let mut again = world.again(risk());
        for step in after {
            world.step(step);
            again.step(step);
        }
        prop_assert_eq!(world.kernel.save().unwrap(), again.kernel.save().unwrap());
    }

    #[test]
    fn what_stops_close_is_closed_and_nothing_is_turned_around(tape in tapes()) {
        let mut world = World::new(RiskConfig { stops: stops(), ..limits() });
        for step in &tape {
            world.step(step);
            for held in world.exchange.held {
                prop_assert!(held.abs() <= MOST, "{step:?}: {held}");
            }
        }
        // The market falls as far as it can: every position is beyond a stop or has been held for too long.
        for market in 0..MARKETS {
            world.step(&Step::Move(market, MIDS.start));
        }
        let before = world.exchange.held;
        for _ in 0..300 {
            for step in [Step::Answer(true), Step::Answer(true), Step::Fill(0, 700), Step::Hear, Step::Hear] {
                world.step(&step);
            }
            world.message(0);
            world.message(1);
        }
        prop_assert_eq!(world.exchange.held, [0; MARKETS], "{:?}", before);
    }

    #[test]
    fn after_the_kill_switch_nothing_is_left_once_the_venue_has_answered(tape in tapes()) {
        let mut world = World::new(limits());
        for step in &tape {
            world.step(step);
        }
        world.kernel.handle(world.now, Input::Control(&Control::Kill)).unwrap();
        world.exchange.requests.extend(world.kernel.drain().map(|outgoing| outgoing.command.into_inner()));
        for _ in 0..300 {
            for step in [Step::Answer(true), Step::Answer(true), Step::Fill(0, 700), Step::Hear, Step::Hear] {
                world.step(&step);
            }
        }
        prop_assert_eq!(world.exchange.held, [0; MARKETS]);
        prop_assert_eq!(world.kernel.open_orders(), 0);
        prop_assert_eq!(world.kernel.trading(), Trading::Killed);
        let state = world.kernel.trading_state(StrategyId::new(0));
        prop_assert_eq!(state.as_str(), "halted");
    }
}
