//! The kernel by itself: inputs in, hooks and commands out.

mod arbitrary;
mod controlling;
mod groups;
mod slicing;

use std::sync::{Arc, Mutex};

use super::*;
use crate::bars::{Bar, BarSpec};
use crate::book::{BookState, FillBasis, MarkSource, Touch};
use crate::event::{Event, EventColumns, EventKind};
use crate::ledger::CostBasis;
use crate::orders::{
    Command, Liquidity, Mismatch, Order, OrderKey, OrderRequest, OrderStatus, OrderType, Reason, Report,
    ReportKind, VenueKey,
};
use crate::types::instrument::tests::linear;
use crate::types::{AccountId, CurrencyId, Instrument, MarketId, Money, Price, Qty, Side, StrategyId};

const M0: MarketId = MarketId::new(0);
const S0: StrategyId = StrategyId::new(0);

/// What a hook saw.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Book(i64, Option<i64>),
    Trade(i64, Option<i64>),
    State(BookState),
    Stat(Stat),
    Bar(i64),
    Order(OrderStatus),
    Fill(i64),
    Timer(u64),
    Stop,
}

type Log = Arc<Mutex<Vec<Told>>>;
type Act = Box<dyn FnMut(&mut Context, &Told) -> HookResult + Send>;

/// Notes what it is told and acts on it.
struct Witness {
    interest: Interest,
    log: Log,
    start: Box<dyn FnMut(&mut Context) + Send>,
    act: Act,
}

impl Witness {
    fn tell(&mut self, ctx: &mut Context, told: &Told) -> HookResult {
        self.log.lock().unwrap().push(told.clone());
        (self.act)(ctx, told)
    }
}

impl Strategy for Witness {
    fn interest(&self) -> Interest {
        self.interest
    }
    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        (self.start)(ctx);
        Ok(())
    }
    fn on_book(&mut self, ctx: &mut Context, market: MarketId) -> HookResult {
        assert_eq!(Touch::of(ctx.book(market)), ctx.touch(market));
        let told = Told::Book(ctx.now_ns(), ctx.touch(market).best_bid());
        self.tell(ctx, &told)
    }
    fn on_trade(&mut self, ctx: &mut Context, market: MarketId, trade: Trade) -> HookResult {
        let told = Told::Trade(trade.price, ctx.touch(market).best_bid());
        self.tell(ctx, &told)
    }
    fn on_book_state(&mut self, ctx: &mut Context, _: MarketId, state: BookState) -> HookResult {
        self.tell(ctx, &Told::State(state))
    }
    fn on_stat(&mut self, ctx: &mut Context, _: MarketId, stat: Stat) -> HookResult {
        self.tell(ctx, &Told::Stat(stat))
    }
    fn on_bar(&mut self, ctx: &mut Context, _: MarketId, _: &BarSpec, bar: &Bar) -> HookResult {
        self.tell(ctx, &Told::Bar(bar.ts_open))
    }
    fn on_fill(&mut self, ctx: &mut Context, fill: &FillRow) -> HookResult {
        self.tell(ctx, &Told::Fill(fill.qty.steps()))
    }
    fn on_order(&mut self, ctx: &mut Context, order: &Order) -> HookResult {
        self.tell(ctx, &Told::Order(order.status()))
    }
    fn on_timer(&mut self, ctx: &mut Context, timer: u64) -> HookResult {
        self.tell(ctx, &Told::Timer(timer))
    }
    fn on_stop(&mut self, ctx: &mut Context) -> HookResult {
        self.tell(ctx, &Told::Stop)
    }
}

/// A kernel with one strategy on two accounts' worth of one market.
struct Bench {
    kernel: Kernel,
    log: Log,
}

impl Bench {
    fn new(
        topics: Topics,
        start: impl FnMut(&mut Context) + Send + 'static,
        act: impl FnMut(&mut Context, &Told) -> HookResult + Send + 'static,
    ) -> Self {
        let log = Log::default();
        let witness = Witness {
            interest: Interest { topics, fill: true, order: true, payment: true, execution: true },
            log: Arc::clone(&log),
            start: Box::new(start),
            act: Box::new(act),
        };
        Self::of(linear(), witness, log)
    }

    fn of(instrument: Instrument, strategy: impl Strategy + 'static, log: Log) -> Self {
        let (config, markets, strategies) = parts(instrument, strategy, false);
        let mut kernel = Kernel::new(config, markets, strategies).unwrap();
        kernel.handle(0, Input::Control(&Control::Start)).unwrap();
        Self { kernel, log }
    }

    fn idle(topics: Topics) -> Self {
        Self::new(topics, |_| (), |_, _| Ok(()))
    }

    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    fn message(&mut self, at: i64, rows: &[(EventKind, i8, i64, i64)]) {
        let columns = columns(at, rows);
        self.kernel.handle(at, Input::Message { market: M0, rows: Rows::all(&columns) }).unwrap();
    }

    fn report(&mut self, at: i64, report: &Report) {
        self.kernel.handle(at, Input::Report(report)).unwrap();
    }

    fn commands(&mut self) -> Vec<Command> {
        self.kernel.drain().map(|outgoing| outgoing.command.into_inner()).collect()
    }
}

/// What a kernel is made of with one strategy in one market.
fn parts(
    instrument: Instrument,
    strategy: impl Strategy + 'static,
    keeps_journal: bool,
) -> (KernelConfig, Vec<MarketSpec>, Vec<StrategySetup>) {
    let config = KernelConfig {
        session: "unit".parse().unwrap(),
        on_error: OnError::StopStrategy,
        cost_basis: CostBasis::default(),
        checks: true,
        candle_ns: None,
        keeps_journal,
        risk: None,
    };
    let market =
        MarketSpec { instrument: Arc::new(instrument), basis: FillBasis::L2, marks: MarkSource::Mid };
    let strategy = StrategySetup {
        name: "w".into(),
        markets: vec![M0],
        account: AccountId::new(0),
        strategy: Box::new(strategy),
    };
    (config, vec![market], vec![strategy])
}

fn columns(at: i64, rows: &[(EventKind, i8, i64, i64)]) -> EventColumns {
    let mut columns = EventColumns::default();
    for (kind, side, price, qty) in rows {
        columns.push(Event {
            ts_event: at,
            ts_recv: at,
            kind: *kind,
            side: *side,
            flags: 0,
            price: *price,
            qty: *qty,
            id: 7,
        });
    }
    columns.end_message();
    columns
}

fn bid(price: i64) -> (EventKind, i8, i64, i64) {
    (EventKind::BookSet, 1, price, 5)
}

fn buy(price: i64) -> OrderRequest {
    OrderRequest::new(M0, Side::Buy, OrderType::Limit { price: Price::new(price) }, Qty::new(1_000))
}

fn fill(qty: i64) -> ReportKind {
    ReportKind::Fill {
        price: Price::new(100),
        qty: Qty::new(qty),
        liquidity: Liquidity::Maker,
        fee: Money::ZERO,
    }
}

#[test]
fn three_messages_in_one_nanosecond_are_three_calls_with_three_books() {
    let mut bench = Bench::idle(Topics::BOOK.with(Topics::TRADES));
    for price in [100, 101, 102] {
        bench.message(5, &[bid(price)]);
    }
    bench.message(5, &[(EventKind::Trade, 1, 103, 1)]);
    bench.message(5, &[bid(104)]);
    assert_eq!(
        bench.told(),
        [
            Told::Book(5, Some(100)),
            Told::Book(5, Some(101)),
            Told::Book(5, Some(102)),
            Told::Trade(103, Some(102)),
            Told::Book(5, Some(104)),
        ]
    );
}

#[test]
fn rows_supplied_ahead_are_not_seen_before_they_are_known() {
    let all = columns(5, &[bid(100), bid(101)]);
    let mut chunker = crate::event::Chunker::default();
    chunker.push(Arc::new(all)).unwrap();
    let chunk = chunker.next_chunk().unwrap().unwrap();
    let mut bench = Bench::idle(Topics::NONE);
    let supply = Supply::Chunk(chunk);
    bench.kernel.handle(i64::MIN, Input::Supply { market: M0, supply }).unwrap();
    assert_eq!((bench.kernel.touch(M0), Touch::of(bench.kernel.book(M0))), Default::default());
    let touch = Touch { bid: 101, bid_qty: 5, state: BookState::Synced, ..Touch::default() };
    let seen = Seen { touch, ..Seen::default() };
    let rows = Rows::Supplied { upto: 2, seen, only_levels: true };
    bench.kernel.handle(5, Input::Known { market: M0, rows }).unwrap();
    assert_eq!((bench.kernel.touch(M0), Touch::of(bench.kernel.book(M0))), (touch, touch));
    assert_eq!(bench.told(), []);
    // Rows at hand go on top of what was supplied, read or not.
    bench.message(6, &[bid(103)]);
    assert_eq!((bench.kernel.touch(M0).bid, bench.kernel.book(M0).levels(Side::Buy)), (103, 3));
}

#[test]
fn topics_can_be_followed_and_left_at_any_time() {
    let mut bench = Bench::new(
        Topics::NONE,
        |ctx| ctx.subscribe(M0, Subscription::parse("book").unwrap()).unwrap(),
        |ctx, told| {
            if *told == Told::Book(2, Some(101)) {
                ctx.subscribe(M0, Subscription::parse("trades").unwrap()).unwrap();
                ctx.unsubscribe(M0, Subscription::parse("book").unwrap());
            }
            Ok(())
        },
    );
    assert!(bench.kernel.is_followed(M0));
    let trade = (EventKind::Trade, 1, 100, 1);
    for (at, rows) in [(1, vec![bid(100), trade]), (2, vec![bid(101)]), (3, vec![bid(102), trade])] {
        bench.message(at, &rows);
    }
    assert_eq!(
        bench.told(),
        [Told::Book(1, Some(100)), Told::Book(2, Some(101)), Told::Trade(100, Some(102))]
    );
}

#[test]
fn what_a_venue_publishes_reaches_those_who_follow_it() {
    let mut bench = Bench::idle(Topics::MARK.with(Topics::FUNDING).with(Topics::OPEN_INTEREST));
    let rows = [
        (EventKind::Mark, 0, 100_500_000_000, 0),
        (EventKind::Index, 0, 100_400_000_000, 0),
        (EventKind::Funding, 0, 100_000, 0),
        (EventKind::OpenInterest, 0, 0, 42),
    ];
    bench.message(9, &rows);
    assert_eq!(
        bench.told(),
        [
            Told::Stat(Stat::Mark { price: 100_500_000_000, ts_event: 9 }),
            Told::Stat(Stat::Funding(Funding { rate: 100_000, next_ts: Some(7), ts_event: 9 })),
            Told::Stat(Stat::OpenInterest { qty: 42, ts_event: 9 }),
        ]
    );
}

#[test]
fn bars_are_made_of_delivered_trades() {
    let mut bench = Bench::new(
        Topics::NONE,
        |ctx| ctx.subscribe(M0, Subscription::parse("bars:1us").unwrap()).unwrap(),
        |_, _| Ok(()),
    );
    for at in [100, 900, 1_500, 3_200] {
        bench.message(at, &[(EventKind::Trade, 1, 100, 1)]);
    }
    assert_eq!(bench.told(), [Told::Bar(0), Told::Bar(1_000)]);
}

#[test]
fn a_feed_in_a_new_state_says_so_with_its_reason() {
    let mut bench = Bench::idle(Topics::BOOK_STATE);
    bench.message(1, &[bid(100)]);
    for (state, reason) in [(BookState::Stale, "silent for 5 s"), (BookState::Gap, "lost 3 messages")] {
        let update = FeedUpdate { state, reason: reason.into() };
        bench.kernel.handle(2, Input::Feed { market: M0, update: &update }).unwrap();
        bench.kernel.handle(2, Input::Feed { market: M0, update: &update }).unwrap();
        let bids = usize::from(state == BookState::Stale);
        assert_eq!(bench.kernel.book(M0).levels(Side::Buy), bids, "{state:?}");
    }
    let told = [BookState::Synced, BookState::Stale, BookState::Gap].map(Told::State);
    assert_eq!(bench.told(), told);
}

#[test]
fn reports_that_come_twice_late_or_for_nobody_are_not_fatal() {
    let mut bench = Bench::new(
        Topics::NONE,
        |ctx| {
            ctx.submit(buy(100)).unwrap();
        },
        |_, _| Ok(()),
    );
    let client = bench.kernel.session().client_id(S0, 1).to_string();
    let execution = |key, qty| Report {
        execution: Some(VenueKey::Number(key)),
        ..Report::of(OrderKey::Client(client.as_str().into()), 3, fill(qty))
    };
    // The fill overtakes the acknowledgement, and comes twice.
    bench.report(3, &execution(1, 400));
    bench.report(4, &execution(1, 400));
    let accepted = Report { venue_id: Some("V-9".into()), ..Report::on(1, 4, ReportKind::Accepted) };
    bench.report(5, &accepted);
    let by_venue = |kind| Report::of(OrderKey::Venue("V-9".into()), 6, kind);
    bench.report(6, &by_venue(ReportKind::Cancelled));
    // A fill that was under way when it was cancelled.
    bench.report(7, &execution(2, 100));
    for stranger in [OrderKey::Id(77), OrderKey::Venue("V-8".into()), OrderKey::Client("x".into())] {
        bench.report(8, &Report::of(stranger, 8, fill(5)));
    }
    bench.report(9, &Report::on(1, 9, ReportKind::Rejected(Reason::Venue)));
    assert_eq!(
        bench.told(),
        [
            Told::Fill(400),
            Told::Order(OrderStatus::PartiallyFilled),
            Told::Order(OrderStatus::Cancelled),
            Told::Fill(100),
            Told::Order(OrderStatus::Cancelled),
        ]
    );
    assert_eq!(bench.kernel.positions_in(M0).next().unwrap().qty, 500);
    let record = bench.kernel.record_ref();
    let named: Vec<String> = record.reconcile.iter().map(|entry| entry.order.to_string()).collect();
    assert_eq!(named, ["77", "venue id V-8", "client id \"x\"", "1"]);
    assert!(matches!(record.reconcile[3].mismatch, Some(Mismatch::Contradiction { .. })));
    assert!(record.reconcile[..3].iter().all(|entry| entry.mismatch.is_none()));
}

#[test]
fn only_what_the_gate_approved_leaves_and_refusals_come_back_with_the_next_input() {
    let mut bench = Bench::new(
        Topics::NONE,
        |ctx| {
            ctx.submit(buy(100)).unwrap();
        },
        |_, _| Ok(()),
    );
    assert_eq!(bench.commands().len(), 1);
    bench.kernel.handle(1, Input::Control(&Control::Pause)).unwrap();
    let by_hand = Control::Order { strategy: S0, request: buy(101) };
    bench.kernel.handle(2, Input::Control(&by_hand)).unwrap();
    assert_eq!((bench.commands(), bench.kernel.next_due(), bench.told()), (vec![], Some(2), vec![]));
    bench.kernel.handle(2, Input::Due).unwrap();
    assert_eq!(bench.told(), [Told::Order(OrderStatus::Rejected)]);
    bench.kernel.handle(3, Input::Control(&Control::Resume)).unwrap();
    bench.kernel.handle(3, Input::Control(&by_hand)).unwrap();
    assert_eq!(bench.commands().len(), 1);
    bench.kernel.handle(4, Input::Control(&Control::Kill)).unwrap();
    assert!(bench.commands().iter().all(|command| matches!(command, Command::Cancel { .. })));
    let wrong = Control::Order { strategy: S0, request: OrderRequest { qty: Qty::ZERO, ..buy(100) } };
    let refused = bench.kernel.handle(5, Input::Control(&wrong));
    assert!(matches!(refused, Err(KernelError::Order(_))));
    assert_eq!(bench.kernel.now_ns(), 4, "what was refused has changed nothing");
}

#[test]
fn a_delisted_instrument_takes_no_orders() {
    let mut bench = Bench::idle(Topics::NONE);
    let by_hand = Control::Order { strategy: S0, request: buy(100) };
    for (is_listed, commands) in [(false, 0), (true, 1)] {
        bench.kernel.handle(1, Input::Listing(&Listing { market: M0, is_listed })).unwrap();
        bench.kernel.handle(1, Input::Control(&by_hand)).unwrap();
        assert_eq!(bench.commands().len(), commands);
    }
}

#[test]
fn what_is_sent_in_the_last_hook_is_drained_and_nobody_is_told_after_it() {
    let mut bench = Bench::new(
        Topics::BOOK,
        |ctx| {
            ctx.every(10);
        },
        |ctx, told| {
            if *told == Told::Stop {
                ctx.submit(buy(100)).unwrap();
            }
            Ok(())
        },
    );
    bench.kernel.handle(5, Input::Control(&Control::Stop)).unwrap();
    assert_eq!(bench.commands().len(), 1);
    bench.report(6, &Report::on(1, 6, ReportKind::Accepted));
    bench.report(7, &Report::on(1, 7, fill(1_000)));
    bench.message(8, &[bid(100)]);
    assert_eq!((bench.told(), bench.kernel.next_due()), (vec![Told::Stop], None));
    assert_eq!(bench.kernel.positions_in(M0).next().unwrap().qty, 1_000);
}

#[test]
fn a_strategy_that_fails_is_left_alone() {
    let mut bench = Bench::new(
        Topics::BOOK,
        |ctx| {
            ctx.every(10);
            ctx.submit(buy(100)).unwrap();
        },
        |_, _| Err(HookError::Failed("oops".into())),
    );
    bench.commands();
    bench.message(1, &[bid(100)]);
    assert_eq!(bench.commands(), [Command::Cancel { order: 1, market: M0 }]);
    assert_eq!((bench.kernel.next_due(), bench.kernel.is_followed(M0)), (None, false));
    assert!(bench.kernel.all_failed());
    bench.message(2, &[bid(101)]);
    assert_eq!(bench.told().len(), 1);
}

#[test]
fn a_fill_that_no_account_can_count_is_not_booked_and_ends_its_strategy() {
    let start = |ctx: &mut Context| {
        ctx.submit(buy(100)).unwrap();
        ctx.submit(buy(99)).unwrap();
    };
    let mut bench = Bench::new(Topics::BOOK, start, |_, _| Ok(()));
    bench.commands();
    let dear = |kind| match kind {
        ReportKind::Fill { qty, liquidity, fee, .. } => {
            ReportKind::Fill { price: Price::new(1 << 59), qty: Qty::new(qty.steps() << 40), liquidity, fee }
        }
        other => other,
    };
    bench.report(1, &Report::on(1, 1, dear(fill(1_000))));
    let failure = "BTCUSDT.BINANCE_USDM: 1099511627776000 increments at 576460752303423488 price increments are worth \
                   more than 10^21 of the settlement currency";
    assert_eq!(bench.kernel.strategies().next(), Some(("w", Some(failure))));
    assert_eq!(bench.commands(), [Command::Cancel { order: 2, market: M0 }]);
    assert_eq!(bench.kernel.positions_in(M0).next().unwrap().fills, 0);
    assert_eq!((bench.told(), bench.kernel.record().fills.len()), (vec![], 0));
    // What comes later is booked as ever.
    bench.report(2, &Report::on(2, 2, fill(1_000)));
    assert_eq!(bench.kernel.positions_in(M0).next().unwrap().qty, 1_000);
}

#[test]
fn a_driver_that_cannot_count_an_account_fails_its_strategy_once() {
    let mut bench = Bench::idle(Topics::BOOK);
    for problem in ["too much", "still too much"] {
        let fail = Control::Fail { strategy: S0, problem: problem.into() };
        bench.kernel.handle(1, Input::Control(&fail)).unwrap();
    }
    assert_eq!(bench.kernel.strategies().next().unwrap().1, Some("too much"));
    let nobody = Control::Fail { strategy: StrategyId::new(9), problem: "".into() };
    let told = bench.kernel.handle(1, Input::Control(&nobody));
    assert_eq!(told, Err(KernelError::UnknownStrategy(StrategyId::new(9))));
}

#[test]
fn an_input_that_speaks_of_what_there_is_not_changes_nothing() {
    let mut bench = Bench::idle(Topics::BOOK);
    let columns = columns(1, &[bid(100)]);
    let nowhere = MarketId::new(1);
    let rows = Rows::all(&columns);
    let told = bench.kernel.handle(1, Input::Message { market: nowhere, rows });
    assert_eq!(told, Err(KernelError::UnknownMarket(nowhere)));
    let nobody = StrategyId::new(9);
    let by_hand = Control::Order { strategy: nobody, request: buy(100) };
    let told = bench.kernel.handle(1, Input::Control(&by_hand));
    assert_eq!(told, Err(KernelError::UnknownStrategy(nobody)));
    assert_eq!((bench.kernel.now_ns(), bench.told()), (0, vec![]));
}

#[test]
fn balances_are_what_the_venue_says() {
    let seen = Arc::new(Mutex::new(None));
    let told = Arc::clone(&seen);
    let mut bench = Bench::new(
        Topics::BOOK,
        |_| (),
        move |ctx, _| {
            *told.lock().unwrap() = ctx.balance(CurrencyId::new(0));
            Ok(())
        },
    );
    let total = Money::from_units(5);
    let (account, currency) = (AccountId::new(0), CurrencyId::new(0));
    bench.kernel.handle(1, Input::Balance { account, currency, total }).unwrap();
    bench.message(2, &[bid(100)]);
    assert_eq!(*seen.lock().unwrap(), Some(total));
}

#[test]
fn every_input_and_command_is_read_back_as_it_was_written() {
    use proptest::prelude::*;
    let (report, request) = (arbitrary::reports(), arbitrary::requests());
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    runner
        .run(&(any::<i64>(), report, request), |(at, report, request)| {
            let mut journal = journal::Journal::new("s", true);
            let columns = columns(3, &[bid(100), (EventKind::Trade, -1, 5, 6)]);
            let update = FeedUpdate { state: BookState::Stale, reason: "silent".into() };
            let control = Control::Order { strategy: S0, request: request.clone() };
            let fail = Control::Fail { strategy: S0, problem: "too much".into() };
            let inputs = [
                Input::Message { market: M0, rows: Rows::all(&columns) },
                Input::Known { market: M0, rows: Rows::all(&columns) },
                Input::Report(&report),
                Input::Feed { market: M0, update: &update },
                Input::Listing(&Listing { market: M0, is_listed: false }),
                Input::Due,
                Input::Control(&control),
                Input::Control(&Control::Kill),
                Input::Control(&fail),
            ];
            for input in &inputs {
                journal.input(at, input);
            }
            let command = Command::Submit { order: 3, request: request.clone() };
            journal.command(at, S0, &command);
            let read: Vec<Entry> = entries(&journal.take()).map(Result::unwrap).collect();
            let input = |input| Entry::Input { at, input };
            let wanted = [
                input(OwnedInput::Message(M0, columns.clone())),
                input(OwnedInput::Known(M0, columns.clone())),
                input(OwnedInput::Report(report)),
                input(OwnedInput::Feed(M0, update.clone())),
                input(OwnedInput::Listing(Listing { market: M0, is_listed: false })),
                input(OwnedInput::Due),
                input(OwnedInput::Control(control.clone())),
                input(OwnedInput::Control(Control::Kill)),
                input(OwnedInput::Control(fail.clone())),
                Entry::Command { at, strategy: S0, command },
            ];
            prop_assert_eq!(read.as_slice(), wanted.as_slice());
            Ok(())
        })
        .unwrap();
}

type Bars = Arc<Mutex<Vec<Bar>>>;

/// Follows bars and keeps what it is told.
struct BarWitness {
    spec: BarSpec,
    bars: Bars,
}

impl Strategy for BarWitness {
    fn interest(&self) -> Interest {
        Interest::default()
    }
    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.subscribe(M0, Subscription::Bars(self.spec)).unwrap();
        Ok(())
    }
    fn on_bar(&mut self, ctx: &mut Context, _: MarketId, spec: &BarSpec, bar: &Bar) -> HookResult {
        assert_eq!((*spec, bar.ts_available), (self.spec, ctx.now_ns()));
        self.bars.lock().unwrap().push(*bar);
        Ok(())
    }
}

fn bar_setup(spec: &str, bars: &Bars) -> (KernelConfig, Vec<MarketSpec>, Vec<StrategySetup>) {
    let config = KernelConfig {
        session: "unit".parse().unwrap(),
        on_error: OnError::StopStrategy,
        cost_basis: CostBasis::default(),
        checks: true,
        candle_ns: None,
        keeps_journal: false,
        risk: None,
    };
    let strategy = StrategySetup {
        name: "w".into(),
        markets: vec![M0],
        account: AccountId::new(0),
        strategy: Box::new(BarWitness { spec: BarSpec::parse(spec).unwrap(), bars: Arc::clone(bars) }),
    };
    let market = MarketSpec { instrument: Arc::new(linear()), basis: FillBasis::L2, marks: MarkSource::Mid };
    (config, vec![market], vec![strategy])
}

/// A message a row: what it is, and its stamps.
fn rows_of(tape: &[(i64, i64, i64, i64, u8)]) -> EventColumns {
    let (mut columns, mut recv) = (EventColumns::default(), 0);
    for (gap, lag, price, qty, kind) in tape {
        recv += gap;
        let kind = if *kind == 0 { EventKind::BookSet } else { EventKind::Trade };
        let (ts_event, side) = (recv - lag, if price % 2 == 0 { 1 } else { -1 });
        // Bids below, asks above, so that there is a mid.
        let price = if kind == EventKind::BookSet { 500 + side * (10 + price % 7) } else { *price };
        columns.push(Event {
            ts_event,
            ts_recv: recv,
            kind,
            side: side as i8,
            flags: 0,
            price,
            qty: *qty,
            id: 1,
        });
        columns.end_message();
    }
    columns
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(300))]
    #[test]
    fn what_a_strategy_is_told_are_the_bars_of_the_rows_also_after_a_restart(
        tape in proptest::collection::vec((0i64..400, -50i64..300, 90i64..110, 1i64..6, 0u8..3), 1..60),
        cut in 0usize..60,
        spec in proptest::sample::select(vec![
            "100ns,grace=30ns", "100ns+7ns,grace=0s,late=amend", "50ns,empty=carry,grace=200ns",
            "100ns", "100ns,source=mid,grace=10ns", "tick:3", "tick:2,source=mid", "volume:0.004",
            "volume:0.003,excess=split", "imbalance:tick,length=3,mean=0.6,span=3", "renko:0.3", "range:0.5",
        ]),
    ) {
        let columns = rows_of(&tape);
        let view = crate::event::Columns::view(&columns);
        let told = Bars::default();
        let (config, markets, strategies) = bar_setup(spec, &told);
        let instrument = Arc::clone(&markets[0].instrument);
        let mut kernel = Kernel::new(config, markets, strategies).unwrap();
        kernel.handle(0, Input::Control(&Control::Start)).unwrap();
        for row in 0..view.len() {
            let at = view.ts_recv[row];
            while let Some(due) = kernel.next_due().filter(|due| *due < at) {
                kernel.handle(due, Input::Due).unwrap();
            }
            if row == cut {
                let state = kernel.save().unwrap();
                let (config, markets, strategies) = bar_setup(spec, &told);
                kernel = Kernel::load(config, markets, strategies, &state).unwrap();
                proptest::prop_assert_eq!(kernel.save().unwrap(), state);
            }
            let rows = Rows::Here { view, from: row, to: row + 1 };
            kernel.handle(at, Input::Message { market: M0, rows }).unwrap();
        }
        let end = view.ts_recv[view.len() - 1];
        while let Some(due) = kernel.next_due().filter(|due| *due <= end) {
            kernel.handle(due, Input::Due).unwrap();
        }
        let mut made = Vec::new();
        let spec = BarSpec::parse(spec).unwrap();
        let mut bars = crate::bars::RowBars::new(&spec, &instrument, FillBasis::L2, i64::MIN).unwrap();
        bars.push(&view, 0, view.len(), &mut |bar| made.push(*bar)).unwrap();
        bars.flush(&mut |bar| made.push(*bar)).unwrap();
        made.retain(|bar| !bar.is_partial);
        proptest::prop_assert_eq!(&*told.lock().unwrap(), &made);
    }
}

#[test]
fn our_clock_closes_the_bar_of_a_silent_market() {
    let told = Bars::default();
    let (config, markets, strategies) = bar_setup("1us,grace=500ns", &told);
    let mut kernel = Kernel::new(config, markets, strategies).unwrap();
    kernel.handle(0, Input::Control(&Control::Start)).unwrap();
    assert_eq!(kernel.next_due(), None);
    let trade = columns(100, &[(EventKind::Trade, 1, 100, 1)]);
    kernel.handle(100, Input::Message { market: M0, rows: Rows::all(&trade) }).unwrap();
    assert_eq!((kernel.next_due(), told.lock().unwrap().len()), (Some(1_500), 0));
    kernel.handle(1_500, Input::Due).unwrap();
    assert_eq!((kernel.next_due(), told.lock().unwrap().len()), (None, 1));
    // A trade of that window is late now.
    kernel.handle(1_600, Input::Message { market: M0, rows: Rows::all(&trade) }).unwrap();
    let book = columns(9_000, &[bid(90)]);
    kernel.handle(9_000, Input::Message { market: M0, rows: Rows::all(&book) }).unwrap();
    assert_eq!((kernel.next_due(), told.lock().unwrap()[0].trades), (None, 1));
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[test]
fn bars_that_cannot_be_made_end_their_followers() {
    let told = Bars::default();
    let (config, markets, strategies) = bar_setup("1ns,empty=carry,grace=1h", &told);
    let mut kernel = Kernel::new(config, markets, strategies).unwrap();
    kernel.handle(0, Input::Control(&Control::Start)).unwrap();
    for at in [100, 5_000_000] {
        let trade = columns(at, &[(EventKind::Trade, 1, 100, 1)]);
        kernel.handle(at, Input::Message { market: M0, rows: Rows::all(&trade) }).unwrap();
    }
    let failure = kernel.strategies().next().and_then(|(_, failure)| failure.map(str::to_owned));
    assert!(failure.is_some_and(|failure| failure.contains("choose larger bars")));
    assert_eq!(kernel.next_due(), None);
}
