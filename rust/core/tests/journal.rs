//! A session fed back from its journal is the session: whole, cut anywhere, saved and loaded.

use crate::common::{M0, MS, Monkey, Quiet, Tape, instrument, limit, market_data, market_setup, replaced};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use tradecore_core::backtest::{Replay, RunConfig};
use tradecore_core::book::{FillBasis, L2Book, MarkSource};
use tradecore_core::event::Event;
use tradecore_core::exec::Execution;
use tradecore_core::features::{Custom, FeatureEngine, FeatureSet};
use tradecore_core::kernel::{
    Context, Control, Entry, FillRow, HookError, HookResult, Interest, Kernel, KernelConfig, MarketSpec,
    OnError, OwnedInput, Strategy, StrategySetup, Topics, Trade, entries,
};
use tradecore_core::ledger::CostBasis;
use tradecore_core::orders::{Command, Order, OrderKey, Report, ReportKind};
use tradecore_core::sim::Latency;
use tradecore_core::types::{AccountId, InstrumentKind, MarketId, Side, StrategyId};

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

fn markets() -> Vec<MarketSpec> {
    [("A.TEST", InstrumentKind::LINEAR_PERPETUAL), ("B.TEST", InstrumentKind::INVERSE_PERPETUAL)]
        .into_iter()
        .map(|(id, kind)| MarketSpec {
            instrument: instrument(id, kind),
            basis: FillBasis::L2,
            marks: MarkSource::Mid,
        })
        .collect()
}

fn config(keeps_journal: bool) -> KernelConfig {
    KernelConfig {
        session: "test".parse().unwrap(),
        on_error: OnError::StopRun,
        cost_basis: CostBasis::Fifo,
        checks: true,
        candle_ns: Some(1_000 * MS),
        keeps_journal,
        risk: None,
    }
}

/// What a session came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    digest: String,
    orders: Vec<Order>,
    fills: Vec<FillRow>,
    candles: usize,
    executions: Vec<Execution>,
    /// Commands in the order they left.
    commands: Vec<(i64, StrategyId, Command)>,
}

/// Runs a backtest; with the journal if it is kept.
fn backtest(seed: u64, rows: usize, latency: Latency, keeps_journal: bool) -> (Outcome, Vec<u8>) {
    let markets = vec![
        market_setup(
            "A.TEST",
            InstrumentKind::LINEAR_PERPETUAL,
            market_data(seed, rows),
            3_000,
            latency.clone(),
        ),
        market_setup(
            "B.TEST",
            InstrumentKind::INVERSE_PERPETUAL,
            market_data(seed + 1, rows),
            3_000,
            latency,
        ),
    ];
    let config = RunConfig {
        session: "test".parse().unwrap(),
        seed: 3,
        sample_ns: 50 * MS,
        candle_ns: Some(1_000 * MS),
        reporting: None,
        on_error: OnError::StopRun,
        cost_basis: CostBasis::Fifo,
        checks: true,
        keeps_journal,
        risk: None,
    };
    let mut replay = Replay::new(config, markets, monkeys(seed)).unwrap();
    let (_, digest) = replay.run(&mut Quiet).unwrap();
    let journal = replay.kernel().take_journal();
    let record = replay.kernel().record_ref();
    let outcome = Outcome {
        digest,
        orders: record.orders.clone(),
        fills: record.fills.clone(),
        candles: record.candles.len(),
        executions: record.executions.clone(),
        commands: commands(&journal),
    };
    (outcome, journal)
}

fn commands(journal: &[u8]) -> Vec<(i64, StrategyId, Command)> {
    entries(journal)
        .filter_map(|entry| match entry.unwrap() {
            Entry::Command { at, strategy, command } => Some((at, strategy, command)),
            Entry::Input { .. } => None,
        })
        .collect()
}

fn inputs(journal: &[u8]) -> Vec<(i64, OwnedInput)> {
    entries(journal)
        .filter_map(|entry| match entry.unwrap() {
            Entry::Input { at, input } => Some((at, input)),
            Entry::Command { .. } => None,
        })
        .collect()
}

/// Feeds inputs one at a time; `cut` says after how many the state is saved and another kernel goes on.
fn feed(seed: u64, inputs: &[(i64, OwnedInput)], cut: Option<usize>) -> Outcome {
    let mut kernel = Kernel::new(config(true), markets(), monkeys(seed)).unwrap();
    let (mut orders, mut fills, mut candles, mut journal) = (Vec::new(), Vec::new(), 0, Vec::new());
    let mut executions = Vec::new();
    for (n, (at, input)) in inputs.iter().enumerate() {
        if cut == Some(n) {
            let state = kernel.save().unwrap();
            journal.extend(kernel.take_journal());
            let record = kernel.record();
            orders.append(&mut record.orders);
            fills.append(&mut record.fills);
            candles += record.candles.len();
            executions.append(&mut record.executions);
            kernel = Kernel::load(config(true), markets(), monkeys(seed), &state).unwrap();
            assert_eq!(kernel.save().unwrap(), state);
        }
        kernel.handle(*at, input.as_input()).unwrap();
        kernel.drain();
    }
    let digest = kernel.finish();
    journal.extend(kernel.take_journal());
    let record = kernel.record();
    orders.append(&mut record.orders);
    fills.append(&mut record.fills);
    candles += record.candles.len();
    executions.append(&mut record.executions);
    Outcome { digest, orders, fills, candles, executions, commands: commands(&journal) }
}

fn latency(feed_ns: Option<i64>) -> Latency {
    Latency::constant(5 * MS, 4 * MS, feed_ns)
}

#[test]
fn a_backtest_fed_back_from_its_journal_is_the_same_to_the_byte() {
    for latency in [latency(None), Latency::default(), latency(Some(7 * MS))] {
        let (kept, journal) = backtest(7, 9_000, latency.clone(), true);
        let (plain, nothing) = backtest(7, 9_000, latency, false);
        assert!(nothing.is_empty() && kept.fills.len() > 50, "{}", kept.fills.len());
        assert!(kept.executions.len() > 10, "{}", kept.executions.len());
        assert_eq!((&plain.digest, &plain.orders, &plain.fills), (&kept.digest, &kept.orders, &kept.fills));
        assert_eq!(feed(7, &inputs(&journal), None), kept);
    }
}

/// Features with windows of every sort, and one with a feature of its own.
const FEATURES: [&str; 15] = [
    "microprice",
    "depth_slope",
    "multilevel_ofi(levels=3, window=300ms)",
    "ofi(window=20)",
    "cancel_rate",
    "trade_sign(rule=lee_ready, lag=50ms)",
    "trade_flow(window=9)",
    "vpin(bucket=2, window=3)",
    "bulk_vpin(bucket=2, window=3)",
    "roll_spread(window=8)",
    "kyle_lambda(interval=50ms, window=6)",
    "ewma_volatility(interval=50ms, half_life=4)",
    "arrival_rate(interval=20ms, window=30)",
    "log_return(horizon=200ms)",
    "own",
];

/// A feature of somebody else's: the messages it was told of, and its quantity of bids.
struct Counter(f64);

impl Custom for Counter {
    fn update(&mut self, book: &mut L2Book, _: Option<Event>) -> Result<f64, HookError> {
        self.0 += 1.0;
        Ok(self.0 + book.levels(Side::Buy) as f64 / 1e6)
    }

    fn save(&mut self) -> Result<Vec<u8>, HookError> {
        Ok(self.0.to_le_bytes().to_vec())
    }

    fn load(&mut self, state: &[u8]) -> Result<(), HookError> {
        self.0 = f64::from_le_bytes(state.try_into().unwrap());
        Ok(())
    }
}

fn engine(with_own: bool) -> FeatureEngine {
    let mut set = FeatureSet::new("tested", "1").unwrap();
    for text in &FEATURES[..14] {
        set.add(text).unwrap();
    }
    let mut customs: Vec<Box<dyn Custom>> = Vec::new();
    if with_own {
        set.add_custom("own", "counter").unwrap();
        customs.push(Box::new(Counter(0.0)));
    }
    FeatureEngine::new(Arc::new(set), instrument("A.TEST", InstrumentKind::LINEAR_PERPETUAL), customs)
        .unwrap()
}

type Bits = Arc<Mutex<Vec<Vec<u64>>>>;

/// Notes the features it is told of: of a set it declares, and of another one that it asks for in a hook.
struct Watcher(Bits);

impl Strategy for Watcher {
    fn interest(&self) -> Interest {
        Interest { topics: Topics::TRADES, ..Interest::default() }
    }

    fn features(&mut self) -> Vec<(MarketId, FeatureEngine)> {
        vec![(M0, engine(true))]
    }

    fn on_trade(&mut self, ctx: &mut Context, market: MarketId, _: Trade) -> HookResult {
        if market == M0 {
            for with_own in [true, false] {
                let other = engine(with_own);
                let place = ctx.find_features(market, &other.set().schema_hash());
                let place = place.unwrap_or_else(|| ctx.follow_features(market, other));
                let mut numbers = vec![f64::NAN; 13 + usize::from(with_own)];
                ctx.read_features(market, place, &mut numbers);
                self.0.lock().unwrap().push(numbers.iter().map(|number| number.to_bits()).collect());
            }
        }
        Ok(())
    }
}

fn watch(inputs: &[(i64, OwnedInput)], cut: Option<usize>) -> Vec<Vec<u64>> {
    let bits = Bits::default();
    let watcher = || {
        let (name, strategy) = ("w".to_owned(), Box::new(Watcher(Arc::clone(&bits))));
        vec![StrategySetup { name, markets: vec![M0], account: AccountId::new(0), strategy }]
    };
    let mut kernel = Kernel::new(config(false), markets(), watcher()).unwrap();
    for (n, (at, input)) in inputs.iter().enumerate() {
        if cut == Some(n) {
            let state = kernel.save().unwrap();
            kernel = Kernel::load(config(false), markets(), watcher(), &state).unwrap();
            assert_eq!(kernel.save().unwrap(), state);
        }
        kernel.handle(*at, input.as_input()).unwrap();
    }
    bits.lock().unwrap().clone()
}

#[test]
fn features_go_on_after_a_cut_to_the_bit() {
    let (_, journal) = backtest(11, 9_000, Latency::default(), true);
    let mut told = inputs(&journal);
    told.retain(|(_, input)| matches!(input, OwnedInput::Message { .. } | OwnedInput::Known { .. }));
    let whole = watch(&told, None);
    assert!(whole.len() > 50 && whole.iter().flatten().any(|bits| !f64::from_bits(*bits).is_nan()));
    for place in [0, 1, told.len() / 3, told.len() / 2, told.len() - 1] {
        assert_eq!(watch(&told, Some(place)), whole, "cut at {place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_session_that_is_cut_saved_and_loaded_goes_on_as_if_it_had_not(
        seed in 0u64..1_000, place in 0.0f64..1.0,
    ) {
        let (whole, journal) = backtest(seed, 3_000, latency(None), true);
        let inputs = inputs(&journal);
        let cut = (inputs.len() as f64 * place) as usize;
        prop_assert_eq!(feed(seed, &inputs, Some(cut)), whole);
    }

    #[test]
    fn a_damaged_journal_or_state_is_an_error_and_never_a_panic(
        at in 0.0f64..1.0, bit in 0u8..8, cut in 0.0f64..1.0,
    ) {
        let (_, journal) = backtest(1, 400, latency(None), true);
        let place = |bytes: &[u8], part: f64| ((bytes.len() - 1) as f64 * part) as usize;
        let mut flipped = journal.clone();
        let byte = place(&journal, at);
        flipped[byte] ^= 1 << bit;
        for entry in entries(&flipped) {
            let Ok(Entry::Input { at, input }) = entry else { continue };
            let mut kernel = Kernel::new(config(false), markets(), monkeys(1)).unwrap();
            let _ = kernel.handle(at, input.as_input());
        }
        prop_assert!(entries(&journal[..place(&journal, cut)]).filter(Result::is_err).count() <= 1);

        let mut kernel = Kernel::new(config(false), markets(), monkeys(1)).unwrap();
        for (at, input) in inputs(&journal) {
            kernel.handle(at, input.as_input()).unwrap();
            kernel.drain();
        }
        let state = kernel.save().unwrap();
        let mut flipped = state.clone();
        let byte = place(&state, at);
        flipped[byte] ^= 1 << bit;
        let _ = Kernel::load(config(false), markets(), monkeys(1), &flipped);
        let shorter = Kernel::load(config(false), markets(), monkeys(1), &state[..place(&state, cut)]);
        prop_assert!(shorter.is_err());
    }
}

/// Columns may hold prices of 0 and below, and a venue may give an order another key when it is replaced.
#[test]
fn a_saved_state_knows_every_level_and_every_key_of_a_venue() {
    let mut kernel = Kernel::new(config(false), markets(), monkeys(1)).unwrap();
    let columns = Tape::default().at(1).book(&[(-3, 7), (0, 5)], &[(2, 9)]).columns.clone();
    let report = |key: &str, kind| Report { venue_id: Some(key.into()), ..Report::on(1, 1, kind) };
    let inputs = [
        OwnedInput::Message(M0, columns),
        OwnedInput::Control(Control::Order {
            strategy: StrategyId::new(0),
            request: limit(Side::Buy, 1, 10),
        }),
        OwnedInput::Report(report("first", ReportKind::Accepted)),
        OwnedInput::Report(report("second", replaced(2, 10))),
    ];
    for input in &inputs {
        kernel.handle(1, input.as_input()).unwrap();
        kernel.drain();
    }
    let state = kernel.save().unwrap();
    let mut loaded = Kernel::load(config(false), markets(), monkeys(1), &state).unwrap();
    assert_eq!(loaded.save().unwrap(), state);
    assert_eq!(loaded.book(M0).qty_at(Side::Buy, -3), 7);
    for key in ["first", "second"] {
        assert_eq!(loaded.order(&OrderKey::Venue(key.into())).map(|order| order.id), Some(1), "{key}");
    }
}

#[test]
fn a_state_is_loaded_only_into_the_set_up_it_was_saved_from() {
    let state = Kernel::new(config(false), markets(), monkeys(1)).unwrap().save().unwrap();
    let refused = |config, markets, strategies| match Kernel::load(config, markets, strategies, &state) {
        Ok(_) => panic!("loaded"),
        Err(error) => error.to_string(),
    };
    let other = KernelConfig { session: "other".parse().unwrap(), ..config(false) };
    assert_eq!(refused(other, markets(), monkeys(1)), "saved with session test, set up with session other");
    let average = KernelConfig { cost_basis: CostBasis::Average, ..config(false) };
    let told = "saved with cost basis fifo, set up with cost basis average";
    assert_eq!(refused(average, markets(), monkeys(1)), told);
    let one = markets().into_iter().take(1).collect();
    assert_eq!(
        refused(config(false), one, Vec::new()),
        "saved with instruments 2, set up with instruments 1"
    );
    let none = refused(config(false), markets(), Vec::new());
    assert_eq!(none, "saved with strategies 2, set up with strategies 0");
}
