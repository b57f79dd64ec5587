//! What must hold in every run: money and quantities add up, results do not depend on how the data is cut, and
//! nobody sees the future.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use crate::common::{self, M0, MS, Monkey, Quiet, Tape, market_data, market_setup};
use proptest::prelude::*;
use tradecore_core::backtest::{MarketSetup, Replay, RunConfig, RunEnd, RunError};
use tradecore_core::bars::{Bar, BarSpec};
use tradecore_core::book::{BookState, FillBasis, MarkPrice, Touch};
use tradecore_core::event::{Columns as _, EventColumns, EventKind, KindSet, Latencies, is_in_order};
use tradecore_core::kernel::{
    Context, FillRow, HookError, HookResult, Interest, OnError, Strategy as Maker, StrategySetup,
    Subscription, Topics,
};
use tradecore_core::ledger::ContractMath;
use tradecore_core::ledger::CostBasis;
use tradecore_core::orders::{Order, OrderRequest, OrderStatus, OrderType, Reason};
use tradecore_core::sim::{Basis, ClockLead, Latency, VenueSettings};
use tradecore_core::types::{AccountId, Instrument, InstrumentKind, MarketId, Money, Qty, Side, StrategyId};

fn config() -> RunConfig {
    RunConfig {
        seed: 3,
        sample_ns: 50 * MS,
        candle_ns: Some(1_000 * MS),
        reporting: None,
        on_error: OnError::StopRun,
        cost_basis: CostBasis::default(),
        checks: true,
        session: "test".parse().unwrap(),
        keeps_journal: false,
        risk: None,
    }
}

fn monkeys(seed: u64) -> Vec<StrategySetup> {
    (0..2)
        .map(|i| StrategySetup {
            name: format!("m{i}"),
            markets: vec![M0, MarketId::new(1)],
            account: AccountId::new(i as usize),
            strategy: Box::new(Monkey::new(seed, i, 2)),
        })
        .collect()
}

fn run_monkeys(seed: u64, rows: usize, piece: usize, latency: Latency) -> (String, Replay) {
    let markets = vec![
        market_setup(
            "A.TEST",
            InstrumentKind::LINEAR_PERPETUAL,
            market_data(seed, rows),
            piece,
            latency.clone(),
        ),
        market_setup(
            "B.TEST",
            InstrumentKind::INVERSE_PERPETUAL,
            market_data(seed + 1, rows),
            piece,
            latency,
        ),
    ];
    let mut simulation = Replay::new(config(), markets, monkeys(seed)).unwrap();
    let (end, digest) = simulation.run(&mut Quiet).unwrap();
    assert_eq!(end, RunEnd::Finished);
    (digest, simulation)
}

/// A sum that can be counted.
fn sum(a: Money, b: Money) -> Money {
    a.checked_add(b).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn fills_positions_fees_and_equity_add_up(
        seed in 0u64..1_000_000, entry in 0i64..20, response in 0i64..20, feed in proptest::option::of(0i64..20),
    ) {
        let latency = Latency::constant(entry * MS, response * MS, feed.map(|f| f * MS));
        let (_, mut simulation) = run_monkeys(seed, 12_000, 5_000, latency);
        let marks: Vec<i64> = (0..2).map(|m| simulation.market(MarketId::new(m)).twice_mid().unwrap()).collect();
        let totals = simulation.totals().to_vec();
        let kernel = simulation.kernel();
        let record = kernel.record_ref();
        prop_assert_eq!(&record.reconcile, &[]);
        prop_assert!(record.fill_count > 50, "only {} fills", record.fill_count);

        let mut filled: HashMap<u64, i64> = HashMap::new();
        let mut positions: HashMap<(StrategyId, MarketId), (i64, Money, Money)> = HashMap::new();
        for fill in &record.fills {
            *filled.entry(fill.order).or_default() += fill.qty.steps();
            let p = positions.entry((fill.strategy, fill.market)).or_default();
            p.0 += fill.side.sign() * fill.qty.steps();
            p.1 = sum(p.1, fill.fee);
            p.2 = sum(p.2, fill.realized);
            prop_assert_eq!((p.0, p.1, p.2), (fill.position_qty, fill.fees_total, fill.realized_total));
            prop_assert!(fill.ts_recv - fill.ts_event >= response * MS);
        }
        for order in &record.orders {
            prop_assert_eq!(order.filled.steps(), filled.remove(&order.id).unwrap_or(0));
            prop_assert!(order.filled <= order.qty || order.status() == OrderStatus::Cancelled);
            prop_assert_eq!(order.status() == OrderStatus::Filled, order.filled == order.qty);
        }
        prop_assert!(filled.is_empty());
        for (market, twice_mid) in marks.iter().enumerate() {
            let id = MarketId::new(market);
            let math = ContractMath::new(kernel.instrument(id)).unwrap();
            let (mut equity, mut gross, mut fees) = (Money::ZERO, Money::ZERO, Money::ZERO);
            for (strategy, p) in kernel.positions_in(id).enumerate() {
                let held = positions.get(&(StrategyId::new(strategy), id));
                let (qty, paid, realized) = held.copied().unwrap_or_default();
                prop_assert_eq!((p.qty, p.fees, p.realized), (qty, paid, realized));
                equity = sum(equity, p.equity(&math, Some(MarkPrice::Twice(*twice_mid))).unwrap());
                gross = sum(gross, sum(p.realized, p.unrealized(&math, Some(MarkPrice::Twice(*twice_mid))).unwrap()));
                fees = sum(fees, p.fees);
            }
            prop_assert_eq!(sum(equity, fees), gross);
            prop_assert_eq!((totals[market].gross, totals[market].fees), (gross, fees));
        }
    }
}

#[test]
fn the_digest_is_the_same_twice_and_however_the_data_is_cut() {
    let latency = Latency::constant(5 * MS, 4 * MS, None);
    let (first, _) = run_monkeys(7, 20_000, usize::MAX, latency.clone());
    for piece in [usize::MAX, 20_000, 4_096, 333, 7] {
        assert_eq!(run_monkeys(7, 20_000, piece, latency.clone()).0, first, "pieces of {piece}");
    }
    assert_ne!(run_monkeys(8, 20_000, 4_096, latency).0, first);
}

/// What is received in another order than it happened in is brought into it whatever the pieces, for those who follow a
/// market and those who do not.
#[test]
fn the_digest_of_data_out_of_order_does_not_depend_on_how_it_is_cut() {
    let late = |seed: u64| {
        let mut data = market_data(seed, 8_000);
        for row in 0..data.len() {
            // Streams that are late by as much as ten messages, a message alike.
            let lag = [70, 3, 25, 0][usize::from(data.kind[row]) % 4];
            data.ts_event[row] = data.ts_recv[row] - lag * MS;
        }
        assert!(!is_in_order(&data.view()));
        data
    };
    let digest = |piece: usize, in_order: bool, feed: Option<i64>| {
        let latency = Latency::constant(5 * MS, 4 * MS, feed);
        let kinds = [InstrumentKind::LINEAR_PERPETUAL, InstrumentKind::INVERSE_PERPETUAL];
        let markets = ["A.TEST", "B.TEST"].into_iter().zip(kinds).zip(3..).map(|((id, kind), seed)| {
            let setup = market_setup(id, kind, late(seed), piece, latency.clone());
            MarketSetup { in_order, ..setup }
        });
        let habits = (0..3).map(|kind| StrategySetup {
            name: format!("m{kind}"),
            markets: vec![M0, MarketId::new(1)],
            account: AccountId::new(kind),
            strategy: Box::new(Habit { monkey: Monkey::new(4, kind as u64, 2), kind, wakes: 0 }),
        });
        let mut simulation = Replay::new(config(), markets.collect(), habits.collect()).unwrap();
        simulation.run(&mut Quiet).unwrap().1
    };
    for feed in [None, Some(2 * MS)] {
        let whole = digest(usize::MAX, false, feed);
        for piece in [4_096, 333, 7] {
            assert_eq!(digest(piece, false, feed), whole, "pieces of {piece}, {feed:?}");
        }
        assert_ne!(digest(usize::MAX, true, feed), whole);
    }
}

/// A monkey that follows trades, nothing, or books for some of the time.
struct Habit {
    monkey: Monkey,
    kind: usize,
    wakes: u64,
}

impl Maker for Habit {
    fn interest(&self) -> Interest {
        let topics = if self.kind == 0 { Topics::TRADES } else { Topics::NONE };
        Interest { topics, fill: true, ..Interest::default() }
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every((20 + 7 * self.kind as i64) * MS);
        Ok(())
    }

    fn on_timer(&mut self, ctx: &mut Context, timer: u64) -> HookResult {
        self.wakes += 1;
        match (self.kind, self.wakes % 40) {
            (2, 10) => ctx.subscribe(M0, Subscription::Topics(Topics::BOOK)).unwrap(),
            (2, 20) => ctx.unsubscribe(M0, Subscription::Topics(Topics::BOOK)),
            (3, 10) => ctx.subscribe(M0, Subscription::Bars(BarSpec::time(50 * MS))).unwrap(),
            _ => {}
        }
        if self.kind == 1 && self.wakes.is_multiple_of(16) {
            self.wakes += ctx.book(M0).levels(Side::Buy) as u64 % 2;
        }
        self.monkey.on_timer(ctx, timer)
    }

    fn on_trade(
        &mut self,
        ctx: &mut Context,
        market: MarketId,
        trade: tradecore_core::kernel::Trade,
    ) -> HookResult {
        self.monkey.on_trade(ctx, market, trade)
    }

    fn on_book(&mut self, ctx: &mut Context, market: MarketId) -> HookResult {
        let is_even = ctx.touch(market).best_bid().is_some_and(|bid| bid % 2 == 0);
        if is_even && self.wakes.is_multiple_of(3) { self.monkey.on_timer(ctx, 0) } else { Ok(()) }
    }

    fn on_bar(&mut self, _ctx: &mut Context, _market: MarketId, _spec: &BarSpec, bar: &Bar) -> HookResult {
        self.wakes += bar.volume as u64 % 2;
        Ok(())
    }

    fn on_fill(&mut self, ctx: &mut Context, fill: &FillRow) -> HookResult {
        self.monkey.on_fill(ctx, fill)
    }
}

fn habits(seed: u64) -> Vec<StrategySetup> {
    let habit = |i: usize| StrategySetup {
        name: format!("h{i}"),
        markets: vec![M0, MarketId::new(1)],
        account: AccountId::new(0),
        strategy: Box::new(Habit { monkey: Monkey::new(seed, i as u64, 2), kind: i % 4, wakes: 0 }),
    };
    (0..6).map(habit).collect()
}

/// What a run left behind, part by part, to be compared.
fn leavings(digest: &str, simulation: &mut Replay, strategy: StrategyId) -> [Vec<String>; 5] {
    let totals = simulation.totals_of(strategy).iter().map(|t| {
        let stats = (t.stats.max_drawdown().to_bits(), t.stats.ratios());
        format!("{:?}", (t.gross, t.fees, t.turnover, stats))
    });
    let totals = totals.chain([digest.to_owned()]).collect();
    let record = simulation.kernel_of(strategy).record_ref();
    assert!(record.fill_count > 5, "only {} fills", record.fill_count);
    let orders = record.orders.iter().map(|row| format!("{row:?}")).collect();
    let fills = record.fills.iter().map(|row| format!("{row:?}")).collect();
    let equity = record.equity.iter().map(|row| format!("{row:?}")).collect();
    // Those of several markets stand in the order in which they were known to be over.
    let mut candles: Vec<_> = record.candles.iter().map(|row| format!("{row:?}")).collect();
    candles.sort_unstable();
    [orders, fills, equity, totals, candles]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn strategies_that_are_apart_leave_behind_what_runs_of_their_own_do(
        seed in 0u64..1_000_000, entry in 0i64..20, response in 0i64..20, feed in proptest::option::of(0i64..20),
        piece in 500usize..9_000,
    ) {
        let latency = Latency::constant(entry * MS, response * MS, feed.map(|f| f * MS));
        let kinds = [("A.TEST", InstrumentKind::LINEAR_PERPETUAL), ("B.TEST", InstrumentKind::INVERSE_PERPETUAL)];
        let markets = || -> Vec<MarketSetup> {
            let queue = |mut market: MarketSetup| {
                Arc::make_mut(&mut market.settings).queue = "depletion".parse().unwrap();
                market
            };
            let data = |i: usize| market_data(seed + i as u64, 8_000);
            let setup = |(i, (id, kind)): (usize, (&str, InstrumentKind))| {
                queue(market_setup(id, kind, data(i), piece, latency.clone()))
            };
            kinds.iter().cloned().enumerate().map(setup).collect()
        };
        let mut together = Replay::apart(config(), markets(), habits(seed)).unwrap();
        let (end, digests) = together.run_all(&mut Quiet).unwrap();
        prop_assert_eq!((end, digests.len()), (RunEnd::Finished, 6));
        for (index, setup) in habits(seed).into_iter().enumerate() {
            let mut alone = Replay::new(config(), markets(), vec![setup]).unwrap();
            let (_, digest) = alone.run(&mut Quiet).unwrap();
            let of = StrategyId::new(index);
            let got = leavings(&digests[index], &mut together, of);
            for (what, own) in leavings(&digest, &mut alone, StrategyId::new(0)).into_iter().enumerate() {
                let first = got[what].iter().zip(&own).find(|(got, own)| got != own);
                prop_assert_eq!(first, None, "strategy {}, part {}", index, what);
                prop_assert_eq!(got[what].len(), own.len(), "strategy {}, part {}", index, what);
            }
        }
    }
}

/// Writes down what it sees and when.
struct Witness {
    /// When, the best prices, and whether a message was the reason to look.
    seen: Arc<Mutex<Vec<(i64, Touch, bool)>>>,
    every: bool,
}

impl Maker for Witness {
    fn interest(&self) -> Interest {
        let topics = if self.every { Topics::BOOK } else { Topics::NONE };
        Interest { topics, ..Interest::default() }
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(7 * MS);
        Ok(())
    }

    fn on_book(&mut self, ctx: &mut Context, market: MarketId) -> HookResult {
        self.look(ctx, market, true);
        Ok(())
    }

    fn on_timer(&mut self, ctx: &mut Context, _timer: u64) -> HookResult {
        self.look(ctx, M0, false);
        Ok(())
    }
}

impl Witness {
    fn look(&mut self, ctx: &mut Context, market: MarketId, told: bool) {
        let touch = ctx.touch(market);
        // The short way to the best prices and the full book must tell the same.
        assert_eq!(touch, Touch::of(ctx.book(market)));
        self.seen.lock().unwrap().push((ctx.now_ns(), touch, told));
    }
}

#[test]
fn a_strategy_sees_the_book_as_it_was_known_at_its_time() {
    let data = market_data(11, 30_000);
    for (every, feed_ns) in [(false, None), (true, None), (false, Some(12 * MS)), (true, Some(0))] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let latency = Latency::constant(0, 0, feed_ns);
        let witness = StrategySetup {
            name: "witness".into(),
            markets: vec![M0],
            account: AccountId::new(0),
            strategy: Box::new(Witness { seen: Arc::clone(&seen), every }),
        };
        let markets =
            vec![market_setup("A.TEST", InstrumentKind::LINEAR_PERPETUAL, data.clone(), 4_000, latency)];
        Replay::new(config(), markets, vec![witness]).unwrap().run(&mut Quiet).unwrap();

        // The slow, obvious way: message by message, and for a timer every message that is visible by then.
        let mut book = tradecore_core::book::L2Book::merging();
        let mut row = 0;
        let seen = seen.lock().unwrap();
        assert!(seen.len() > 500);
        for (now, touch, told) in seen.iter() {
            let view = data.view();
            let mut told = *told;
            while row < data.len() {
                let visible = feed_ns.map_or(data.ts_recv[row], |feed| data.ts_event[row] + feed);
                if visible > *now {
                    break;
                }
                let end = view.message_end(row);
                let (kinds, before) = (&data.kind[row..end], Touch::of(&book));
                book.apply(&view, row, end);
                row = end;
                // One that holds a level or moves a best price wakes; the hook sees the book right after it.
                let moves = Touch::of(&book).prices_differ(&before);
                if told && (moves || kinds.contains(&(EventKind::BookSet as u8))) {
                    told = false;
                    assert_eq!(visible, *now);
                    break;
                }
            }
            assert!(!told, "woken at {now} by nothing");
            assert_eq!(*touch, Touch::of(&book), "at {now}");
        }
    }
}

/// Sends the first orders to each market at a time of its own, and more from then on.
struct Late {
    from: Vec<i64>,
    /// Whether every market has had an order of no consequence from the start.
    early: bool,
}

impl Maker for Late {
    fn interest(&self) -> Interest {
        Interest::default()
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(2 * MS);
        for market in (0..self.from.len()).map(MarketId::new).filter(|_| self.early) {
            let far = OrderRequest { market, ..common::limit(Side::Buy, 1, 1) };
            let order = ctx.submit(far).unwrap();
            ctx.cancel(order);
        }
        Ok(())
    }

    fn on_timer(&mut self, ctx: &mut Context, _timer: u64) -> HookResult {
        let now = ctx.now_ns();
        for (at, from) in self.from.iter().enumerate() {
            let market = MarketId::new(at);
            let touch = ctx.touch(market);
            if now < *from || (now - from) / MS % 40 >= 2 {
                continue;
            }
            let (Some(bid), Some(ask)) = (touch.best_bid(), touch.best_ask()) else { continue };
            ctx.submit(OrderRequest { market, ..common::limit(Side::Buy, ask, 30) }).unwrap();
            ctx.submit(OrderRequest { market, ..common::limit(Side::Sell, bid + 2, 20) }).unwrap();
            ctx.submit(OrderRequest { market, ..common::limit(Side::Buy, bid, 10) }).unwrap();
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_market_that_ran_ahead_is_where_it_should_be_at_its_first_order(
        seed in 0u64..1_000_000,
        from in proptest::collection::vec(0i64..1_500, 4),
        entry in 0i64..4,
        feed in proptest::option::of(0i64..4),
        piece in prop_oneof![Just(usize::MAX), 5usize..400],
    ) {
        let run = |early| {
            let latency = Latency::constant(entry * MS, MS, feed.map(|f| f * MS));
            let markets: Vec<_> = (0..from.len())
                .map(|at| {
                    let data = market_data(seed + at as u64, 9_000);
                    market_setup(&format!("M{at}.TEST"), InstrumentKind::LINEAR_PERPETUAL, data, piece, latency.clone())
                })
                .collect();
            let start = market_data(seed, 1).ts_recv[0];
            let late = Late { from: from.iter().map(|ms| start + ms * MS).collect(), early };
            let strategy = StrategySetup {
                name: "late".into(),
                markets: (0..from.len()).map(MarketId::new).collect(),
                account: AccountId::new(0),
                strategy: Box::new(late),
            };
            let mut run = Replay::new(config(), markets, vec![strategy]).unwrap();
            run.run(&mut Quiet).unwrap();
            let span = run.span();
            let record = run.kernel().record_ref();
            let fills: Vec<_> =
                record.fills.iter().map(|f| (f.ts_event, f.ts_recv, f.market, f.price, f.qty, f.cash)).collect();
            (fills, span, record.equity.last().copied())
        };
        let (ran_ahead, kept_back) = (run(false), run(true));
        prop_assert!(!ran_ahead.0.is_empty());
        prop_assert_eq!(ran_ahead, kept_back);
    }
}

/// Sends one market order at the start and remembers when it learnt of the fill.
struct Once {
    sent: Option<i64>,
    told: Arc<Mutex<Vec<(i64, FillRow)>>>,
}

impl Maker for Once {
    fn interest(&self) -> Interest {
        Interest { topics: Topics::BOOK, fill: true, ..Interest::default() }
    }

    fn on_book(&mut self, ctx: &mut Context, market: MarketId) -> HookResult {
        if self.sent.is_none() {
            self.sent = Some(ctx.now_ns());
            ctx.submit(OrderRequest::new(market, Side::Buy, OrderType::Market, Qty::new(1))).unwrap();
        }
        Ok(())
    }

    fn on_fill(&mut self, _ctx: &mut Context, fill: &FillRow) -> HookResult {
        self.told.lock().unwrap().push((self.sent.unwrap(), fill.clone()));
        Ok(())
    }
}

#[test]
fn an_order_travels_there_and_back_and_meets_the_book_of_its_arrival() {
    let mut tape = Tape::default();
    tape.at(1_000).book(&[(990, 5)], &[(1_000, 5)]);
    tape.at(1_029).book(&[], &[(1_000, 0), (1_003, 5)]);
    tape.at(1_031).book(&[], &[(1_003, 0), (1_007, 5)]);
    tape.at(2_000).book(&[(991, 5)], &[]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let once = StrategySetup {
        name: "once".into(),
        markets: vec![M0],
        account: AccountId::new(0),
        strategy: Box::new(Once { sent: None, told: Arc::clone(&told) }),
    };
    let latency = Latency::constant(20, 30, Some(10));
    let markets = vec![market_setup("A.TEST", InstrumentKind::LINEAR_PERPETUAL, tape.columns, 2, latency)];
    Replay::new(config(), markets, vec![once]).unwrap().run(&mut Quiet).unwrap();
    let told = told.lock().unwrap();
    // Seen at 1010, sent, there at 1030: the offer at 1003 is the best; known at 1060.
    let (sent, fill) = &told[0];
    assert_eq!((*sent, fill.ts_event, fill.price.steps(), fill.ts_recv), (1_010, 1_030, 1_003, 1_060));
}

#[test]
fn a_failing_strategy_is_stopped_and_the_others_go_on() {
    struct Bad;
    impl Maker for Bad {
        fn interest(&self) -> Interest {
            Interest::default()
        }
        fn on_start(&mut self, ctx: &mut Context) -> HookResult {
            ctx.every(50 * MS);
            Ok(())
        }
        fn on_timer(&mut self, ctx: &mut Context, _timer: u64) -> HookResult {
            let touch = ctx.touch(M0);
            ctx.quote(M0, touch.best_bid().map(|p| common::level(p - 500, 10)), None, true).unwrap();
            if ctx.open_orders().any(|o| o.status() == OrderStatus::New) {
                return Err(HookError::Failed("boom".into()));
            }
            Ok(())
        }
    }
    let markets = || {
        let data = market_data(5, 8_000);
        vec![market_setup("A.TEST", InstrumentKind::LINEAR_PERPETUAL, data, 4_000, Latency::default())]
    };
    let strategies = || {
        vec![
            common::setup("bad", &[M0], Bad),
            StrategySetup {
                name: "good".into(),
                markets: vec![M0],
                account: AccountId::new(0),
                strategy: Box::new(Monkey::new(2, 2, 1)),
            },
        ]
    };
    let tolerant = RunConfig { on_error: OnError::StopStrategy, ..config() };
    let mut simulation = Replay::new(tolerant, markets(), strategies()).unwrap();
    simulation.run(&mut Quiet).unwrap();
    let failures: Vec<_> =
        simulation.kernel().strategies().map(|(n, f)| (n.to_owned(), f.map(str::to_owned))).collect();
    assert_eq!(failures, [("bad".into(), Some("boom".into())), ("good".into(), None)]);
    let record = &simulation.kernel().record();
    let bad: Vec<_> = record.orders.iter().filter(|o| o.strategy.index() == 0).collect();
    assert_eq!((bad[0].status(), bad[0].reason), (OrderStatus::Cancelled, Some(Reason::StrategyStopped)));
    assert!(record.orders.iter().any(|o| o.strategy.index() == 1 && o.ts_submit > bad[0].ts_close));

    let strict = RunConfig { on_error: OnError::StopRun, ..config() };
    let mut stopped = Replay::new(strict, markets(), strategies()).unwrap();
    assert_eq!(stopped.run(&mut Quiet).unwrap().0, RunEnd::Failed);
    assert!(stopped.rows() < simulation.rows(), "the run ended with it");
    let failures: Vec<_> = stopped.kernel().strategies().map(|(_, f)| f.map(str::to_owned)).collect();
    assert_eq!(failures, [Some("boom".into()), None]);
}

#[test]
fn a_gap_is_told_and_an_empty_run_is_no_error() {
    struct States(Arc<Mutex<Vec<BookState>>>);
    impl Maker for States {
        fn interest(&self) -> Interest {
            Interest { topics: Topics::BOOK_STATE, ..Interest::default() }
        }
        fn on_book_state(&mut self, _ctx: &mut Context, _market: MarketId, state: BookState) -> HookResult {
            self.0.lock().unwrap().push(state);
            Ok(())
        }
    }
    let mut tape = Tape::default();
    tape.at(1).book(&[(990, 5)], &[(1_000, 5)]);
    tape.at(2).message(&[(EventKind::BookClear, None, 0, 0)]);
    tape.at(3).book(&[(991, 5)], &[(1_000, 5)]);
    let states = Arc::new(Mutex::new(Vec::new()));
    let strategy = common::setup("s", &[M0], States(Arc::clone(&states)));
    let markets =
        vec![market_setup("A.TEST", InstrumentKind::LINEAR_PERPETUAL, tape.columns, 9, Latency::default())];
    Replay::new(config(), markets, vec![strategy]).unwrap().run(&mut Quiet).unwrap();
    assert_eq!(*states.lock().unwrap(), [BookState::Synced, BookState::Gap, BookState::Synced]);

    let markets = vec![market_setup(
        "A.TEST",
        InstrumentKind::LINEAR_PERPETUAL,
        EventColumns::default(),
        9,
        Latency::default(),
    )];
    let (end, _) = Replay::new(config(), markets, vec![]).unwrap().run(&mut Quiet).unwrap();
    assert_eq!(end, RunEnd::Finished);
}

/// Writes down every message it is told of; follows a market from one timer to the next, not after that, and so on.
struct Follower {
    told: Arc<Mutex<Vec<(i64, MarketId, Touch)>>>,
    /// When it starts or stops to follow which market.
    turns: Vec<(i64, MarketId)>,
}

impl Maker for Follower {
    fn interest(&self) -> Interest {
        let topics = if self.turns.is_empty() { Topics::BOOK } else { Topics::NONE };
        Interest { topics, ..Interest::default() }
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        for (at, _) in &self.turns {
            ctx.at(*at).unwrap();
        }
        Ok(())
    }

    fn on_timer(&mut self, ctx: &mut Context, timer: u64) -> HookResult {
        let turn = timer as usize - 1;
        let market = self.turns[turn].1;
        let before = self.turns[..turn].iter().filter(|(_, other)| *other == market).count();
        let book = Subscription::Topics(Topics::BOOK);
        if before % 2 == 0 {
            ctx.subscribe(market, book).unwrap();
        } else {
            ctx.unsubscribe(market, book);
        }
        Ok(())
    }

    fn on_book(&mut self, ctx: &mut Context, market: MarketId) -> HookResult {
        let touch = ctx.touch(market);
        assert_eq!(touch, Touch::of(ctx.book(market)));
        self.told.lock().unwrap().push((ctx.now_ns(), market, touch));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn who_follows_a_market_for_a_while_is_told_of_every_message_of_it(
        seed in 0u64..1_000,
        feed in proptest::option::of(0i64..20),
        turns in proptest::collection::vec((0i64..3_000, 0usize..2), 2..20),
    ) {
        let start = 1_700_000_000_000_000_000;
        let mut turns: Vec<(i64, MarketId)> =
            turns.iter().map(|(ms, market)| (start + ms * MS, MarketId::new(*market))).collect();
        turns.sort_unstable();
        let latency = Latency::constant(0, 0, feed.map(|f| f * MS));
        let run = |turns: Vec<(i64, MarketId)>| {
            let told = Arc::new(Mutex::new(Vec::new()));
            let follower = Follower { told: Arc::clone(&told), turns };
            let markets = vec![
                market_setup("A.TEST", InstrumentKind::LINEAR_PERPETUAL, market_data(seed, 16_000), 1_000, latency.clone()),
                market_setup("B.TEST", InstrumentKind::LINEAR_PERPETUAL, market_data(seed + 1, 16_000), 700, latency.clone()),
            ];
            let strategies = vec![common::setup("f", &[M0, MarketId::new(1)], follower)];
            Replay::new(config(), markets, strategies).unwrap().run(&mut Quiet).unwrap();
            Arc::try_unwrap(told).unwrap().into_inner().unwrap()
        };
        // Timers come after the messages of their instant.
        let follows = |at: i64, market: MarketId| {
            turns.iter().filter(|(turn, of)| *of == market && *turn < at).count() % 2 == 1
        };
        let always = run(Vec::new());
        let expected: Vec<_> = always.iter().filter(|(at, of, _)| follows(*at, *of)).copied().collect();
        prop_assert!(always.len() > 250, "{}", always.len());
        prop_assert_eq!(run(turns.clone()), expected);
    }
}

/// Lets an order rest in each market, and asks for another one every 10 ms.
struct UntilExpiry {
    told: Arc<Mutex<Vec<String>>>,
}

impl UntilExpiry {
    fn tell_listed(&self, ctx: &Context) {
        let listed: String =
            [0, 1, 2].map(|m| if ctx.is_listed(MarketId::new(m)) { '+' } else { '-' }).into_iter().collect();
        self.told.lock().unwrap().push(format!("{} {listed}", ctx.now_ns() / MS));
    }
}

impl Maker for UntilExpiry {
    fn interest(&self) -> Interest {
        Interest { order: true, ..Interest::default() }
    }
    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        self.tell_listed(ctx);
        ctx.every(10 * MS);
        Ok(())
    }
    fn on_timer(&mut self, ctx: &mut Context, _: u64) -> HookResult {
        for market in [0, 1, 2].map(MarketId::new) {
            let request = OrderRequest { market, ..common::limit(Side::Buy, 90, 1) };
            ctx.submit(request).map_err(|error| HookError::Failed(error.to_string()))?;
        }
        self.tell_listed(ctx);
        Ok(())
    }
    fn on_order(&mut self, ctx: &mut Context, order: &Order) -> HookResult {
        if let Some(reason) = order.reason.filter(|reason| *reason != Reason::RunEnded) {
            let status = order.status();
            let line = format!("{} {} {status:?} {reason:?}", ctx.now_ns() / MS, order.market);
            self.told.lock().unwrap().push(line);
        }
        Ok(())
    }
}

/// At its expiry an instrument's orders expire, the strategy knows, and no order is let in any more: of one that was
/// on its way at the venue, of later ones before they are sent. Others go on.
#[test]
fn an_instrument_that_expires_is_not_traded_any_more() {
    let data = || {
        let mut tape = Tape::default();
        for at in 1..=5 {
            tape.at(at * 10 * MS - 1).book(&[(100, 10 + at)], &[(110, 10)]);
        }
        tape.columns.clone()
    };
    let expires = |at| InstrumentKind::Linear { expiry: Some(at) };
    let kinds = [InstrumentKind::LINEAR_PERPETUAL, expires(30 * MS), expires(1)];
    let markets = ["A.TEST", "B.TEST", "C.TEST"].iter().zip(kinds);
    let latency = || Latency::constant(2 * MS, 3 * MS, None);
    let markets = markets.map(|(id, kind)| market_setup(id, kind, data(), 100, latency())).collect();
    let told = Arc::default();
    let strategy = UntilExpiry { told: Arc::clone(&told) };
    let strategy = common::setup("s", &[0, 1, 2].map(MarketId::new), strategy);
    let mut simulation = Replay::new(config(), markets, vec![strategy]).unwrap();
    simulation.run(&mut Quiet).unwrap();
    let told = told.lock().unwrap();
    let expected = [
        "9 ++-",
        "19 ++-",
        "24 2 Rejected NotListed",
        "29 ++-",
        "33 1 Expired NotListed",
        "34 2 Rejected NotListed",
        "34 1 Rejected NotListed",
        "39 +--",
        "44 1 Rejected NotListed",
        "44 2 Rejected NotListed",
        "49 +--",
        "54 1 Rejected NotListed",
        "54 2 Rejected NotListed",
    ];
    assert_eq!(*told, expected);
}

#[test]
fn an_instrument_is_traded_from_its_listing_on() {
    let data = || {
        let mut tape = Tape::default();
        for at in 1..=4 {
            tape.at(at * 10 * MS - 1).book(&[(100, 10 + at)], &[(110, 10)]);
        }
        tape.columns.clone()
    };
    let markets = ["A.TEST", "B.TEST", "C.TEST"].iter().zip([None, Some(25 * MS), Some(1)]);
    let markets = markets.map(|(id, listing)| {
        let kind = InstrumentKind::LINEAR_PERPETUAL;
        let setup = market_setup(id, kind, data(), 100, Latency::constant(2 * MS, 3 * MS, None));
        let instrument = Instrument { listing, ..(*setup.instrument).clone() };
        MarketSetup { instrument: Arc::new(instrument), ..setup }
    });
    let told = Arc::default();
    let strategy = UntilExpiry { told: Arc::clone(&told) };
    let strategy = common::setup("s", &[0, 1, 2].map(MarketId::new), strategy);
    let mut simulation = Replay::new(config(), markets.collect(), vec![strategy]).unwrap();
    simulation.run(&mut Quiet).unwrap();
    let told = told.lock().unwrap();
    let expected = ["9 +-+", "19 +-+", "24 1 Rejected NotListed", "29 +++", "39 +++"];
    assert_eq!(*told, expected);
}

/// Markets without data, as they are set and what is known of their data.
fn settled(markets: Vec<(&str, Basis, ClockLead, KindSet, i64)>) -> Result<Replay, RunError> {
    let setups = markets.into_iter().map(|(id, basis, clock_lead, holds, least)| {
        let kind = InstrumentKind::LINEAR_PERPETUAL;
        let setup = market_setup(id, kind, EventColumns::default(), 9, Latency::default());
        let settings = Arc::new(VenueSettings { basis, clock_lead, ..(*setup.settings).clone() });
        MarketSetup { settings, holds, latencies: Latencies::of_least(least), ..setup }
    });
    Replay::new(config(), setups.collect(), vec![])
}

#[test]
fn a_run_tells_what_it_chose_where_a_setting_is_left_open() {
    let replay = settled(vec![
        ("A.ONE", Basis::Auto, ClockLead::Auto, KindSet::LEVELS, -20),
        ("B.ONE", Basis::Auto, ClockLead::Auto, KindSet::EMPTY, -50),
        ("C.TWO", Basis::L1, ClockLead::Auto, KindSet::LEVELS, 10),
        ("D.SIX", Basis::L2, ClockLead::Ns(7), KindSet::EMPTY, -90),
    ])
    .unwrap();
    let chosen: Vec<_> = (0..4)
        .map(MarketId::new)
        .map(|market| (replay.market(market).basis(), replay.clock(market).steps()[0].lead_ns))
        .collect();
    // One clock for both instruments of a venue.
    let expected = [(FillBasis::L2, 50), (FillBasis::L1, 50), (FillBasis::L1, 0), (FillBasis::L2, 7)];
    assert_eq!(chosen, expected);
}

#[test]
fn a_run_refuses_settings_that_cannot_be() {
    let error = settled(vec![("A.ONE", Basis::Auto, ClockLead::Ns(-1), KindSet::LEVELS, 0)]).err().unwrap();
    assert_eq!(error.to_string(), "A.ONE: clock_lead: -1 ns is negative");
}
