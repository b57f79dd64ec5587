//! What a backtest costs a row: nothing to do, a compiled maker without limits and with fourteen, a maker beside a market
//! nobody trades in, a thousand markets in one run; and what a wake costs with one market and with a thousand.
//!
//! `cargo bench --bench replay` prints medians of runs in turns. With the name of a job as its argument it runs once, or as
//! often as a number behind it says, and prints the least and the median time in ms. So two builds can take turns, and
//! instructions can be counted: `valgrind --tool=callgrind BINARY maker`.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

mod tape;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tape::{GAP_NS, Narrow, START_NS, busy, instrument, narrow, synth};
use tradecore_core::backtest::{ChunkSource, MarketSetup, Monitor, Progress, Replay, RunConfig};
use tradecore_core::book::MarkSource;
use tradecore_core::event::{Columns, EventColumns, KindSet, Latencies};
use tradecore_core::kernel::{
    Context, HookError, HookResult, Interest, OnError, Record, Strategy, StrategySetup, Topics,
};
use tradecore_core::ledger::CostBasis;
use tradecore_core::risk::{Check, ONE, RiskConfig};
use tradecore_core::sim::{
    Basis, ClockLead, FeeSettings, FundingSource, Latency, Matching, QueueRule, Uncross, VenueSettings,
    WrongStampRule,
};
use tradecore_core::strategies::{QuoteSize, TouchMaker};
use tradecore_core::types::{AccountId, MarketId, Qty};

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 9;
const MANY: usize = 1_000;
/// Per row of data.
const JOBS: [&str; 8] = [
    "nothing",
    "maker",
    "maker with limits",
    "every message",
    "maker of two markets",
    "nothing, many markets",
    "timer, many markets",
    "every message, many markets",
];
/// Per wake: with a timer of 1 ms, less what the same data costs without.
const WAKES: [&str; 2] = ["a wake", "a wake, many markets"];

struct Once(Option<Arc<Narrow>>);

impl ChunkSource for Once {
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError> {
        Ok(self.0.take().map(|columns| columns as Arc<dyn Columns>))
    }
}

struct Quiet;

impl Monitor for Quiet {
    fn poll(&mut self, _: Progress) -> bool {
        true
    }
    fn spill(&mut self, record: &mut Record) -> Result<(), HookError> {
        record.clear();
        Ok(())
    }
}

/// One of [`MANY`] quiet markets of some rows, which together are as busy: of its book 120 prices are shown.
fn quiet(rows: usize, number: usize) -> Arc<Narrow> {
    let (mut all, mut shown) = (EventColumns::default(), EventColumns::default());
    synth(START_NS + number as i64 * 13_700, GAP_NS * MANY as i64).fill(&mut all, 3 * rows + 6_000);
    let view = all.view();
    let mut row = 0;
    while shown.len() < rows {
        let end = view.message_end(row);
        let near = |row: &usize| view.price.get(*row) == 0 || (view.price.get(*row) - 600_000).abs() <= 60;
        (row..end).filter(near).for_each(|row| shown.push(view.event(row)));
        shown.end_message();
        row = end;
    }
    narrow(shown)
}

/// Reads the best prices at every message.
struct Every(i64);

impl Strategy for Every {
    fn interest(&self) -> Interest {
        Interest { topics: Topics::BOOK, ..Interest::default() }
    }
    fn on_book(&mut self, ctx: &mut Context, market: MarketId) -> HookResult {
        self.0 += ctx.touch(market).bid;
        Ok(())
    }
}

/// Does nothing.
struct Idle;

impl Strategy for Idle {
    fn interest(&self) -> Interest {
        Interest::default()
    }
}

/// Reads the best bids of ten markets at fixed intervals.
struct Timer {
    interval_ns: i64,
    markets: usize,
    wakes: Arc<AtomicU64>,
    sum: i64,
}

impl Strategy for Timer {
    fn interest(&self) -> Interest {
        Interest::default()
    }
    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(self.interval_ns);
        Ok(())
    }
    fn on_timer(&mut self, ctx: &mut Context, _: u64) -> HookResult {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        for market in 0..self.markets.min(10) {
            self.sum += ctx.touch(MarketId::new(market)).bid;
        }
        Ok(())
    }
}

/// The data of the jobs.
struct Data {
    one: Arc<Narrow>,
    many: Vec<Arc<Narrow>>,
}

fn setup(columns: &Arc<Narrow>, id: &str) -> MarketSetup {
    MarketSetup {
        instrument: instrument(id),
        settings: Arc::new(VenueSettings {
            queue: QueueRule::Power3(3.0).into(),
            custom_queue: None,
            impact: None,
            granularity: None,
            basis: Basis::L2,
            latency: Latency::constant(5_000_000, 5_000_000, None),
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
        source: Box::new(Once(Some(Arc::clone(columns)))),
        holds: KindSet::LEVELS,
        is_sound: true,
        in_order: true,
        latencies: Latencies::default(),
    }
}

/// Limits that nothing reaches, of losses and of leverage among them.
fn limits() -> RiskConfig {
    let mut config = RiskConfig { capital: Some(1_000_000 * ONE), ..RiskConfig::default() };
    for (check, limit) in [
        (Check::MaxOrderQty, "10"),
        (Check::MaxOrderNotional, "1000000"),
        (Check::MaxPositionQty, "20"),
        (Check::MaxPositionNotional, "2000000"),
        (Check::MaxGross, "3000000"),
        (Check::MaxNet, "3000000"),
        (Check::MaxLeverage, "10"),
        (Check::MaxOpenOrders, "50"),
        (Check::MaxOpenPositions, "5"),
        (Check::MaxOrderRate, "1000 per 1s"),
        (Check::CollarTouchBps, "100"),
        (Check::FatFingerBps, "500"),
        (Check::MaxDailyLoss, "10000"),
        (Check::MaxDrawdown, "20000"),
    ] {
        config.account.parse(check, limit).unwrap();
    }
    config
}

/// Runs a job and returns the time it took and how often its timer went off.
#[inline(never)]
fn run(data: &Data, job: &str) -> (Duration, u64) {
    let size = QuoteSize::new(&instrument("A.SYNTH"), Qty::new(10), Qty::new(50)).unwrap();
    let columns: Vec<&Arc<Narrow>> = match job {
        _ if job.ends_with("many markets") => data.many.iter().collect(),
        "maker of two markets" => vec![&data.one; 2],
        _ => vec![&data.one],
    };
    let wakes = Arc::new(AtomicU64::new(0));
    let timer = |interval_ns| -> Box<dyn Strategy> {
        Box::new(Timer { interval_ns, markets: columns.len(), wakes: Arc::clone(&wakes), sum: 0 })
    };
    let maker = |markets: usize| -> Box<dyn Strategy> {
        let markets = (0..markets).map(|market| (MarketId::new(market), size)).collect();
        Box::new(TouchMaker { markets, offset_ticks: 0, interval_ns: 100_000_000 })
    };
    let strategy = match job {
        "maker" | "maker with limits" => maker(1),
        "every message" | "every message, many markets" => Box::new(Every(0)),
        "maker of two markets" => maker(2),
        "timer, many markets" => timer(100_000_000),
        "a wake" | "a wake, many markets" => timer(1_000_000),
        _ => Box::new(Idle),
    };
    let setups = columns.iter().enumerate().map(|(at, one)| setup(one, &format!("M{at:03}.SYNTH"))).collect();
    let config = RunConfig {
        session: "bench".parse().unwrap(),
        seed: 1,
        sample_ns: 1_000_000_000,
        candle_ns: None,
        reporting: None,
        on_error: OnError::StopRun,
        cost_basis: CostBasis::default(),
        checks: false,
        keeps_journal: false,
        risk: (job == "maker with limits").then(|| Arc::new(limits())),
    };
    let strategy = StrategySetup {
        name: "s".into(),
        markets: (0..columns.len()).map(MarketId::new).collect(),
        account: AccountId::new(0),
        strategy,
    };
    let mut replay = Replay::new(config, setups, vec![strategy]).unwrap();
    let started = Instant::now();
    replay.run(&mut Quiet).unwrap();
    (started.elapsed(), wakes.load(Ordering::Relaxed))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let data = Data { one: busy(ROWS), many: (0..MANY).map(|number| quiet(ROWS / MANY, number)).collect() };
    let is_job = |argument: &String| JOBS.iter().chain(&WAKES).any(|job| job == argument);
    if let Some(job) = std::env::args().skip(1).find(is_job) {
        let times = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1);
        let mut spent: Vec<f64> = (0..times).map(|_| run(&data, &job).0.as_secs_f64() * 1e3).collect();
        spent.sort_by(f64::total_cmp);
        println!("{:.2} {:.2}", spent[0], spent[spent.len() / 2]);
        return;
    }
    let mut spent = JOBS.map(|_| Vec::new());
    let mut woken = WAKES.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (job, spent) in JOBS.iter().zip(&mut spent) {
            let rows = if *job == "maker of two markets" { 2 * ROWS } else { ROWS };
            spent.push(run(&data, job).0.as_nanos() as f64 / rows as f64);
        }
        for ((job, idle), woken) in WAKES.iter().zip(["nothing", "nothing, many markets"]).zip(&mut woken) {
            let ((with, wakes), (without, _)) = (run(&data, job), run(&data, idle));
            woken.push((with.as_nanos() as f64 - without.as_nanos() as f64) / wakes as f64);
        }
    }
    for (job, spent) in JOBS.iter().zip(spent) {
        println!("{job:27} {:7.2} ns a row", median(spent));
    }
    for (job, woken) in WAKES.iter().zip(woken) {
        println!("{job:27} {:7.0} ns", median(woken));
    }
}
