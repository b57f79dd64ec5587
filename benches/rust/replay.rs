//! What a backtest costs a row: nothing to do, a compiled maker, a maker beside a market nobody trades in.
//!
//! `cargo bench --bench replay` prints medians of runs in turns. With the name of a job as its argument it runs once, so that
//! instructions can be counted: `valgrind --tool=callgrind BINARY maker`.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tradecore_core::backtest::{ChunkSource, MarketSetup, Monitor, Progress, Replay, RunConfig};
use tradecore_core::book::FillBasis;
use tradecore_core::event::{Columns, EventColumns, Ints, View};
use tradecore_core::kernel::{
    Context, HookError, HookResult, Interest, OnError, Record, Strategy, StrategySetup, Topics,
};
use tradecore_core::sim::{Latency, Matching, QueueModel};
use tradecore_core::strategies::{QuoteSize, TouchMaker};
use tradecore_core::synth::{Synth, SynthConfig};
use tradecore_core::types::{AccountId, Decimal, Instrument, InstrumentKind, InstrumentSpec, MarketId, Qty};

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 9;
const JOBS: [&str; 4] = ["nothing", "maker", "every message", "maker of two markets"];

fn instrument(id: &str) -> Arc<Instrument> {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let spec = InstrumentSpec {
        id: id.parse().unwrap(),
        kind: InstrumentKind::LINEAR_PERPETUAL,
        base: "BTC".into(),
        quote: "USDT".into(),
        settlement: "USDT".into(),
        price_increment: decimal("0.1"),
        qty_increment: decimal("0.001"),
        tick_size: None,
        lot_size: None,
        min_qty: None,
        max_qty: None,
        min_notional: None,
        contract_size: Decimal::ONE,
        maker_fee_bps: decimal("2"),
        taker_fee_bps: decimal("5"),
    };
    Arc::new(Instrument::new(spec).unwrap())
}

/// A tape as a catalog gives it: prices and quantities of 32 bits.
struct Narrow {
    columns: EventColumns,
    price: Vec<i32>,
    qty: Vec<i32>,
}

impl Columns for Narrow {
    fn view(&self) -> View<'_> {
        View {
            price: Ints::Narrow(&self.price),
            qty: Ints::Narrow(&self.qty),
            id: None,
            ..self.columns.view()
        }
    }
}

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

fn columns() -> Arc<Narrow> {
    let config = SynthConfig {
        seed: 7,
        start_price: 600_000,
        tick_size: 1,
        typical_qty: 1_000,
        lot_size: 1,
        start_ns: 1_700_000_000_000_000_000,
        message_gap_ns: 5_000_000,
        latency_ns: 1_000_000,
        jitter_ns: 500_000,
    };
    let mut columns = EventColumns::with_capacity(ROWS + 64);
    Synth::new(config).unwrap().fill(&mut columns, ROWS);
    let narrow = |values: &[i64]| values.iter().map(|value| i32::try_from(*value).unwrap()).collect();
    Arc::new(Narrow { price: narrow(&columns.price), qty: narrow(&columns.qty), columns })
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

fn setup(columns: &Arc<Narrow>, id: &str) -> MarketSetup {
    MarketSetup {
        instrument: instrument(id),
        basis: FillBasis::L2,
        queue: QueueModel::Power3(3.0),
        matching: Matching::default(),
        latency: Latency { entry_ns: 5_000_000, response_ns: 5_000_000, feed_ns: None },
        venue_lead_ns: 0,
        source: Box::new(Once(Some(Arc::clone(columns)))),
    }
}

#[inline(never)]
fn run(columns: &Arc<Narrow>, job: &str) -> Duration {
    let size = QuoteSize::new(&instrument("A.SYNTH"), Qty::new(10), Qty::new(50)).unwrap();
    let maker = |markets: usize| -> Box<dyn Strategy> {
        let markets = (0..markets).map(|market| (MarketId::new(market), size)).collect();
        Box::new(TouchMaker { markets, offset_ticks: 0, interval_ns: 100_000_000 })
    };
    let (strategy, markets): (Box<dyn Strategy>, usize) = match job {
        "maker" => (maker(1), 1),
        "every message" => (Box::new(Every(0)), 1),
        "maker of two markets" => (maker(2), 2),
        _ => (maker(0), 1),
    };
    let setups = ["A.SYNTH", "B.SYNTH"].iter().take(markets).map(|id| setup(columns, id)).collect();
    let config = RunConfig {
        session: "bench".parse().unwrap(),
        seed: 1,
        sample_ns: 1_000_000_000,
        candle_ns: None,
        on_error: OnError::StopRun,
        keeps_journal: false,
    };
    let strategy = StrategySetup {
        name: "s".into(),
        markets: (0..markets).map(MarketId::new).collect(),
        account: AccountId::new(0),
        strategy,
    };
    let mut replay = Replay::new(config, setups, vec![strategy]).unwrap();
    let started = Instant::now();
    replay.run(&mut Quiet).unwrap();
    started.elapsed() / markets as u32
}

fn main() {
    let columns = columns();
    let named = std::env::args().skip(1).find(|argument| JOBS.contains(&argument.as_str()));
    if let Some(job) = named {
        run(&columns, &job);
        return;
    }
    let mut spent = JOBS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (job, spent) in JOBS.iter().zip(&mut spent) {
            spent.push(run(&columns, job).as_nanos() as f64 / ROWS as f64);
        }
    }
    for (job, mut spent) in JOBS.iter().zip(spent) {
        spent.sort_by(f64::total_cmp);
        println!("{job:22} {:6.2} ns a row", spent[spent.len() / 2]);
    }
}
