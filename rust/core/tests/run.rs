//! What a run tells its strategies, what it keeps, and how it ends, on feeds written by hand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::{self, M0, Pieces, Quiet, Tape, instrument, level, limit, with_terms};
use tradecore_core::backtest::{ChunkSource, MarketSetup, Monitor, Progress, Replay, RunConfig, RunEnd};
use tradecore_core::book::{MarkPrice, MarkSource, Touch};
use tradecore_core::event::{Columns, EventColumns, KindSet, Latencies, TIME_LIMIT, View};
use tradecore_core::kernel::{
    Context, FillRow, HookError, HookResult, Interest, OnError, Record, Strategy as Maker, Topics,
};
use tradecore_core::ledger::ContractMath;
use tradecore_core::ledger::CostBasis;
use tradecore_core::orders::{NewTerms, Order, OrderRequest, OrderStatus, OrderType, Pending, Reason};
use tradecore_core::sim::{
    Basis, ClockLead, FeeSettings, FundingSource, Latency, Matching, Uncross, VenueSettings, WrongStampRule,
};
use tradecore_core::strategies::{QuoteSize, TouchMaker};
use tradecore_core::types::{CurrencyId, Instrument, InstrumentKind, MarketId, Money, Price, Qty, Side};

type Step = Box<dyn FnMut(&mut Context, usize) -> HookResult + Send>;
type Told = Arc<Mutex<Vec<(i64, OrderStatus, Option<Reason>)>>>;

/// Calls `step` with 1, 2, 3 ... on book updates and timers, and notes what it is told of its orders.
struct Script {
    interest: Interest,
    every: i64,
    calls: usize,
    step: Step,
    stop: Step,
    on_fill: HookResult,
    told: Told,
}

impl Script {
    fn on_book(step: impl FnMut(&mut Context, usize) -> HookResult + Send + 'static) -> Self {
        Self {
            interest: Interest {
                topics: Topics::BOOK,
                fill: true,
                order: true,
                payment: true,
                execution: true,
            },
            every: 0,
            calls: 0,
            step: Box::new(step),
            stop: Box::new(|_, _| Ok(())),
            on_fill: Ok(()),
            told: Told::default(),
        }
    }

    fn idle() -> Self {
        Self { interest: Interest::default(), ..Self::on_book(|_, _| Ok(())) }
    }

    fn next(&mut self, ctx: &mut Context) -> HookResult {
        self.calls += 1;
        (self.step)(ctx, self.calls)
    }
}

impl Maker for Script {
    fn interest(&self) -> Interest {
        self.interest
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        if self.every > 0 {
            ctx.every(self.every);
        }
        Ok(())
    }

    fn on_book(&mut self, ctx: &mut Context, _market: MarketId) -> HookResult {
        self.next(ctx)
    }

    fn on_timer(&mut self, ctx: &mut Context, _timer: u64) -> HookResult {
        self.next(ctx)
    }

    fn on_fill(&mut self, _ctx: &mut Context, _fill: &FillRow) -> HookResult {
        self.on_fill.clone()
    }

    fn on_order(&mut self, ctx: &mut Context, order: &Order) -> HookResult {
        self.told.lock().unwrap().push((ctx.now_ns(), order.status(), order.reason));
        Ok(())
    }

    fn on_stop(&mut self, ctx: &mut Context) -> HookResult {
        (self.stop)(ctx, self.calls)
    }
}

fn config(sample_ns: i64) -> RunConfig {
    RunConfig {
        seed: 1,
        sample_ns,
        candle_ns: None,
        reporting: None,
        on_error: OnError::StopRun,
        cost_basis: CostBasis::default(),
        checks: true,
        session: "test".parse().unwrap(),
        keeps_journal: false,
        risk: None,
    }
}

fn market(instrument: Arc<Instrument>, data: EventColumns, latency: Latency) -> MarketSetup {
    MarketSetup {
        instrument,
        settings: Arc::new(VenueSettings {
            queue: "conservative".parse().unwrap(),
            custom_queue: None,
            impact: None,
            granularity: None,
            basis: Basis::L2,
            latency,
            clock_lead: ClockLead::Ns(0),
            wrong_stamps: WrongStampRule::default(),
            stale_ns: 60_000_000_000,
            mark_source: MarkSource::Mid,
            uncross: Uncross::default(),
            matching: Matching::default(),
            balances: None,
            margin: None,
            orders: tradecore_core::sim::OrderRules::default(),
            fees: FeeSettings::default(),
            funding: FundingSource::default(),
        }),
        source: Pieces::new(data, 1 << 20),
        holds: KindSet::LEVELS,
        is_sound: true,
        in_order: true,
        latencies: Latencies::default(),
    }
}

fn linear() -> Arc<Instrument> {
    instrument("A.TEST", InstrumentKind::LINEAR_PERPETUAL)
}

fn simulation(sample_ns: i64, market: MarketSetup, script: Script) -> Replay {
    let setup = common::setup("s", &[M0], script);
    Replay::new(config(sample_ns), vec![market], vec![setup]).unwrap()
}

fn run(data: EventColumns, script: Script) -> Replay {
    let mut simulation = simulation(250, market(linear(), data, Latency::default()), script);
    simulation.run(&mut Quiet).unwrap();
    simulation
}

fn at_market(side: Side, qty: i64) -> OrderRequest {
    OrderRequest { order_type: OrderType::Market, ..limit(side, 0, qty) }
}

fn submit(ctx: &mut Context, request: OrderRequest) {
    ctx.submit(request).unwrap();
}

/// `n` messages, 100 ns apart, around a market of 990 to 1000.
fn steady(n: i64) -> Tape {
    let mut tape = Tape::default();
    for k in 0..n {
        tape.at(1_000 + k * 100).book(&[(990, 5_000 + k)], &[(1_000, 5_000)]);
    }
    tape
}

/// A market that loses its ask and gets it back.
fn one_sided_for_a_while(comes_back: bool) -> Tape {
    let mut tape = Tape::default();
    tape.at(1_000).book(&[(600_000, 5_000)], &[(600_010, 5_000)]);
    tape.at(2_000).book(&[(599_999, 5_000)], &[]);
    tape.at(3_000).book(&[], &[(600_010, 0)]);
    tape.at(3_500).book(&[(599_998, 1)], &[]);
    if comes_back {
        tape.at(4_000).book(&[], &[(600_010, 5_000)]);
        tape.at(4_500).book(&[], &[(600_010, 5_001)]);
    }
    tape
}

#[test]
fn equity_keeps_its_mark_while_a_side_is_empty() {
    for comes_back in [false, true] {
        let buyer = Script::on_book(|ctx, n| {
            if n == 1 {
                submit(ctx, at_market(Side::Buy, 1_000));
            }
            Ok(())
        });
        let mut simulation = run(one_sided_for_a_while(comes_back).columns, buyer);
        let totals = simulation.totals()[0].clone();
        assert!(totals.stats.max_drawdown() < 40.0, "{}", totals.stats.max_drawdown());
        let twice_mid = simulation.market(M0).twice_mid();
        assert_eq!(twice_mid, Some(1_200_010));
        let last = simulation.kernel().record().equity.last().unwrap().equity;
        let position = simulation.kernel().positions_in(M0).next().unwrap();
        let math = ContractMath::new(&linear()).unwrap();
        assert_eq!(
            Some(last),
            position.cash.checked_add(position.marked(&math, twice_mid.map(MarkPrice::Twice)).unwrap())
        );
        assert_eq!(Some(last), totals.gross.checked_sub(totals.fees));
    }
}

#[test]
fn a_position_without_any_mid_is_worth_what_it_cost() {
    let mut tape = Tape::default();
    for k in 0..8 {
        tape.at(1_000 + k * 100).book(&[], &[(1_000, 5_000 + k)]);
    }
    let seen = Arc::new(Mutex::new(Money::ZERO));
    let equity = Arc::clone(&seen);
    let buyer = Script::on_book(move |ctx, n| {
        if n == 1 {
            submit(ctx, at_market(Side::Buy, 1_000));
        }
        *equity.lock().unwrap() = ctx.equity(CurrencyId::new(0)).unwrap();
        Ok(())
    });
    let mut simulation = run(tape.columns, buyer);
    let totals = simulation.totals()[0].clone();
    let last = simulation.kernel().record().equity.last().unwrap().equity;
    assert_eq!(last.to_string(), "-0.05");
    assert_eq!(Some(last), totals.gross.checked_sub(totals.fees));
    assert_eq!(last, *seen.lock().unwrap());
}

#[test]
fn equity_does_not_depend_on_whether_a_strategy_looked_before() {
    let equity = |looks: bool| {
        let mut tape = Tape::default();
        tape.at(1_000).book(&[(990, 5_000)], &[(1_000, 5_000)]);
        tape.at(1_100).book(&[(990, 5_000)], &[(1_000, 5_001)]);
        tape.at(1_200).book(&[(1_990, 5_000)], &[(1_000, 0), (2_000, 5_001)]);
        tape.at(1_300).book(&[], &[(2_000, 0)]);
        tape.at(1_400).book(&[(1_980, 1)], &[]);
        let seen = Arc::new(Mutex::new(Money::ZERO));
        let told = Arc::clone(&seen);
        run(
            tape.columns,
            Script::on_book(move |ctx, n| {
                match n {
                    1 => submit(ctx, at_market(Side::Buy, 1_000)),
                    2 if looks => *told.lock().unwrap() = ctx.equity(CurrencyId::new(0)).unwrap(),
                    5 => *told.lock().unwrap() = ctx.equity(CurrencyId::new(0)).unwrap(),
                    _ => {}
                }
                Ok(())
            }),
        );
        *seen.lock().unwrap()
    };
    assert_eq!(equity(false), equity(true));
    assert_eq!(equity(false).to_string(), "99.45");
}

/// Counts its calls and asks to stop after some.
struct Polls {
    left: u64,
}

impl Monitor for Polls {
    fn poll(&mut self, _progress: Progress) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    fn spill(&mut self, _record: &mut Record) -> Result<(), HookError> {
        Ok(())
    }
}

#[test]
fn a_gap_in_the_data_is_sampled_at_its_ends() {
    let year = 365 * 86_400 * 1_000_000_000i64;
    let mut tape = Tape::default();
    tape.at(0).book(&[(990, 5_000)], &[(1_000, 5_000)]);
    tape.at(50 * year).book(&[(991, 5_000)], &[(1_000, 5_000)]);
    let mut gap = simulation(1_000, market(linear(), tape.columns, Latency::default()), Script::idle());
    gap.run(&mut Quiet).unwrap();
    let times: Vec<i64> = gap.kernel().record().equity.iter().map(|row| row.ts).collect();
    assert_eq!(times, [1_000, 50 * year]);
}

#[test]
fn any_sample_interval_works() {
    for sample_ns in [1, 99, i64::MAX - 1, i64::MAX] {
        let mut simulation =
            simulation(sample_ns, market(linear(), steady(5).columns, Latency::default()), Script::idle());
        simulation.run(&mut Quiet).unwrap();
        assert_eq!(simulation.kernel().record().equity.last().unwrap().ts, 1_400);
    }
}

#[test]
fn a_run_without_end_in_sight_can_be_interrupted() {
    let mut tape = steady(1);
    tape.at(1 << 60).book(&[(991, 5_000)], &[(1_000, 5_000)]);
    let timer = Script { every: 1, ..Script::idle() };
    let mut simulation = simulation(1, market(linear(), tape.columns, Latency::default()), timer);
    assert_eq!(simulation.run(&mut Polls { left: 3 }).unwrap().0, RunEnd::Interrupted);
}

#[test]
fn the_end_of_time_and_the_longest_latency_end_a_run() {
    let longest = Latency::constant(i64::MAX, i64::MAX, Some(i64::MAX));
    for latency in [Latency::default(), longest] {
        for ts in [TIME_LIMIT - 1, TIME_LIMIT] {
            let mut tape = steady(3);
            tape.at(ts).book(&[(991, 5_000)], &[(1_000, 5_000)]);
            tape.columns.ts_event[6] = 2_000;
            tape.columns.ts_event[7] = 2_000;
            let buyer = Script::on_book(|ctx, n| {
                submit(ctx, at_market(Side::Buy, 1));
                ctx.every(if n == 1 { i64::MAX } else { i64::MAX - 1_000 });
                Ok(())
            });
            let mut simulation = simulation(1_000, market(linear(), tape.columns, latency.clone()), buyer);
            let (end, _) = simulation.run(&mut Polls { left: 100 }).unwrap();
            assert_eq!(end, RunEnd::Finished, "{ts}");
        }
    }
}

#[test]
fn a_fill_is_booked_before_its_hook_is_called() {
    let interrupted = Script {
        on_fill: Err(HookError::Interrupted),
        ..Script::on_book(|ctx, n| {
            if n == 1 {
                submit(ctx, at_market(Side::Buy, 1_000));
            }
            Ok(())
        })
    };
    let mut simulation =
        simulation(250, market(linear(), steady(9).columns, Latency::default()), interrupted);
    assert_eq!(simulation.run(&mut Quiet).unwrap().0, RunEnd::Interrupted);
    let kernel = simulation.kernel();
    let record = kernel.record_ref();
    assert_eq!((record.fills.len(), record.fill_count, kernel.open_orders()), (1, 1, 0));
    assert_eq!(kernel.positions_in(M0).next().unwrap().qty, 1_000);
    assert_eq!(record.orders[0].status(), OrderStatus::Filled);
}

/// What rests after a quote of 10 at 980 was filled by 6 and `second` was quoted.
fn after_a_partial_fill(second: (i64, i64), post_only: bool) -> (Vec<(i64, i64, bool)>, Replay) {
    let mut tape = Tape::default();
    tape.at(1_000).book(&[(970, 5_000)], &[(1_000, 5_000)]);
    tape.at(1_100).book(&[(971, 5_000)], &[(1_000, 5_000)]);
    tape.at(1_200).trade(Side::Sell, 980, 6);
    for k in 0..10 {
        tape.at(2_000 + k * 100).book(&[(970, 5_001 + k)], &[(1_000, 5_000)]);
    }
    let open = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&open);
    let simulation = run(
        tape.columns,
        Script::on_book(move |ctx, n| {
            match n {
                1 => ctx.quote(M0, Some(level(980, 10)), None, true).unwrap(),
                4 | 6 => ctx.quote(M0, Some(level(second.0, second.1)), None, post_only).unwrap(),
                8 => {
                    let orders = ctx
                        .open_orders()
                        .map(|o| (o.price().unwrap().steps(), o.leaves().steps(), o.post_only));
                    *seen.lock().unwrap() = orders.collect();
                }
                _ => {}
            }
            Ok(())
        }),
    );
    let open = open.lock().unwrap().clone();
    (open, simulation)
}

#[test]
fn a_quoted_quantity_is_what_rests_whatever_was_filled() {
    for second in [(979, 10), (980, 5), (980, 4), (980, 10)] {
        let (open, mut simulation) = after_a_partial_fill(second, true);
        assert_eq!(open, [(second.0, second.1, true)]);
        let replaced = simulation.kernel().record().orders[0].replaced;
        assert_eq!(replaced, u32::from(second != (980, 4)), "what rests already is left alone");
    }
}

#[test]
fn a_quote_that_stops_being_post_only_is_a_new_order() {
    let (open, mut simulation) = after_a_partial_fill((980, 4), false);
    assert_eq!(open, [(980, 4, false)]);
    let orders = &simulation.kernel().record().orders;
    assert_eq!((orders[0].status(), orders[0].filled.steps(), orders.len()), (OrderStatus::Cancelled, 6, 2));
}

#[test]
fn a_quote_with_a_mistake_on_one_side_sends_neither() {
    let mut simulation = run(
        steady(3).columns,
        Script::on_book(|ctx, _| {
            for ask in [(1_010, -1), (0, 10)] {
                ctx.quote(M0, Some(level(980, 10)), Some(level(ask.0, ask.1)), true).unwrap_err();
            }
            Ok(())
        }),
    );
    assert_eq!(simulation.kernel().order_count(), 0);
}

#[test]
fn a_replacement_below_the_smallest_order_is_refused_and_says_so() {
    let strict =
        with_terms(&linear(), |terms| (terms.min_qty, terms.min_notional) = (100, "5".parse().unwrap()));
    let open = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&open);
    let script = Script::on_book(move |ctx, n| {
        match n {
            1 => ctx.quote(M0, Some(level(980, 200)), None, true).unwrap(),
            4 => ctx.quote(M0, Some(level(980, 1)), None, true).unwrap(),
            5 => assert!(ctx.replace(1, NewTerms::new(Price::new(10), Qty::new(150))).unwrap()),
            8 => {
                *seen.lock().unwrap() = ctx
                    .open_orders()
                    .map(|o| (o.price().map(Price::steps), o.qty.steps(), o.pending(), o.reason))
                    .collect();
            }
            _ => {}
        }
        Ok(())
    });
    let told = Arc::clone(&script.told);
    let mut simulation =
        simulation(250, market(Arc::new(strict), steady(10).columns, Latency::default()), script);
    simulation.run(&mut Quiet).unwrap();
    assert_eq!(*open.lock().unwrap(), [(Some(980), 200, Pending::Nothing, Some(Reason::MinNotional))]);
    let reasons: Vec<_> = told.lock().unwrap().iter().map(|(_, status, reason)| (*status, *reason)).collect();
    assert_eq!(
        reasons,
        [
            (OrderStatus::New, None),
            (OrderStatus::New, Some(Reason::MinQty)),
            (OrderStatus::New, Some(Reason::MinNotional))
        ]
    );
}

static ALIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Columns that are counted while they live.
struct Counted(EventColumns);

impl Columns for Counted {
    fn view(&self) -> View<'_> {
        self.0.view()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

struct CountedPieces(i64);

impl ChunkSource for CountedPieces {
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError> {
        if self.0 == 100 {
            return Ok(None);
        }
        let mut tape = Tape::default();
        for k in 0..5_000 {
            tape.at(1 + self.0 * 5_000 + k).book(&[(990 + k % 3, 5_000 + k)], &[(1_000, 5_000)]);
        }
        self.0 += 1;
        MOST.fetch_max(ALIVE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Ok(Some(Arc::new(Counted(tape.columns))))
    }
}

#[test]
fn data_that_nobody_will_look_at_any_more_is_let_go() {
    let setup = MarketSetup {
        source: Box::new(CountedPieces(0)),
        ..market(linear(), EventColumns::default(), Latency::default())
    };
    simulation(100_000, setup, Script::idle()).run(&mut Quiet).unwrap();
    assert!(MOST.load(Ordering::SeqCst) < 20, "{MOST:?} of 100 pieces at once");
}

#[test]
fn on_stop_sees_the_world_at_the_last_visible_time() {
    let mut tape = steady(3);
    tape.at(5_000).book(&[(995, 7)], &[]);
    let feed = Latency::constant(0, 0, Some(30));
    let seen = Arc::new(Mutex::new(None));
    let told = Arc::clone(&seen);
    let look = Script {
        stop: Box::new(move |ctx, _| {
            let (touch, book) = (ctx.touch(M0), Touch::of(ctx.book(M0)));
            *told.lock().unwrap() = Some((ctx.now_ns(), touch.best_bid(), touch == book));
            Ok(())
        }),
        ..Script::idle()
    };
    simulation(250, market(linear(), tape.columns, feed), look).run(&mut Quiet).unwrap();
    assert_eq!(*seen.lock().unwrap(), Some((5_030, Some(995), true)));
}

#[test]
fn a_request_of_on_stop_is_refused_at_once() {
    let late = Script {
        stop: Box::new(|ctx, _| {
            assert_eq!(ctx.open_orders().count(), 1);
            submit(ctx, at_market(Side::Buy, 1_000));
            assert_eq!(ctx.cancel_all(None), 2);
            Ok(())
        }),
        ..Script::on_book(|ctx, n| {
            if n == 1 {
                submit(ctx, limit(Side::Buy, 980, 1_000));
            }
            Ok(())
        })
    };
    let mut simulation = run(steady(9).columns, late);
    let orders = &simulation.kernel().record().orders;
    let ends: Vec<_> = orders.iter().map(|o| (o.id, o.status(), o.reason, o.pending())).collect();
    assert_eq!(
        ends,
        [
            (2, OrderStatus::Rejected, Some(Reason::RunEnded), Pending::Nothing),
            (1, OrderStatus::New, Some(Reason::RunEnded), Pending::Nothing)
        ]
    );
}

#[test]
fn an_instrument_named_twice_is_delivered_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let script = Script::on_book(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let setup = common::setup("s", &[M0, M0], script);
    let markets = vec![market(linear(), steady(4).columns, Latency::default())];
    Replay::new(config(250), markets, vec![setup]).unwrap().run(&mut Quiet).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

/// Gives one piece and is interrupted when asked for the next.
struct Stopped(Option<EventColumns>);

impl ChunkSource for Stopped {
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError> {
        match self.0.take() {
            Some(columns) => Ok(Some(Arc::new(columns))),
            None => Err(HookError::Interrupted),
        }
    }
}

/// Is interrupted while writing.
struct Full;

impl Monitor for Full {
    fn poll(&mut self, _progress: Progress) -> bool {
        true
    }

    fn spill(&mut self, _record: &mut Record) -> Result<(), HookError> {
        Err(HookError::Interrupted)
    }
}

#[test]
fn an_interrupted_source_or_spill_ends_the_run_with_its_result() {
    let setup = MarketSetup {
        source: Box::new(Stopped(Some(steady(9).columns))),
        ..market(linear(), EventColumns::default(), Latency::default())
    };
    let mut stopped = simulation(250, setup, Script::idle());
    assert_eq!(stopped.run(&mut Quiet).unwrap().0, RunEnd::Interrupted);
    assert_eq!(stopped.rows(), 18);
    let mut full = simulation(250, market(linear(), steady(9).columns, Latency::default()), Script::idle());
    assert_eq!(full.run(&mut Full).unwrap().0, RunEnd::Interrupted);
}

#[test]
fn a_touch_maker_quotes_on_the_tick_grid_and_no_bid_at_nothing() {
    let quotes = |bid: i64, ask: i64| {
        let coarse = with_terms(&linear(), |terms| terms.tick_size = 10);
        let mut tape = Tape::default();
        for k in 0..8 {
            tape.at(1_000 + k * 100).book(&[(bid, 5_000 + k)], &[(ask, 5_000)]);
        }
        let size = QuoteSize::new(&coarse, Qty::new(10), Qty::new(100)).unwrap();
        let maker = TouchMaker { markets: vec![(M0, size)], offset_ticks: 1, interval_ns: 100 };
        let setup = common::setup("s", &[M0], maker);
        let markets = vec![market(Arc::new(coarse), tape.columns, Latency::default())];
        let mut simulation = Replay::new(config(250), markets, vec![setup]).unwrap();
        simulation.run(&mut Quiet).unwrap();
        let orders = &simulation.kernel().record().orders;
        orders.iter().map(|o| (o.side, o.price().unwrap().steps())).collect::<Vec<_>>()
    };
    assert_eq!(quotes(993, 1_004), [(Side::Buy, 980), (Side::Sell, 1_020)]);
    assert_eq!(quotes(10, 30), [(Side::Sell, 40)]);
}
