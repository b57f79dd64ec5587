//! Whole runs over any sound data and settings: the same again, the same on one that keeps its journal, and nothing
//! traded that the orders do not say.

use std::sync::Arc;

use tradecore_core::backtest::{MarketSetup, Replay, RunConfig};
use tradecore_core::book::MarkSource;
use tradecore_core::event::{Event, EventColumns, EventKind, KindSet, Latencies};
use tradecore_core::kernel::{OnError, StrategySetup};
use tradecore_core::ledger::{CostBasis, OptionRates};
use tradecore_core::sim::{
    Accounts, Balances, Basis, ClockLead, FeeSettings, FundingSource, InterestRates, Latency, MarginMode,
    MarginRules, Matching, SelfTrade, Uncross, VenueSettings, WrongStampRule,
};
use tradecore_core::types::{AccountId, BySymbol, InstrumentKind, MarketId, Side};

use super::{Target, noise};
use crate::common::{M0, MS, Monkey, Pieces, Quiet, instrument};
use crate::dice::Dice;

pub(super) const TARGET: Target =
    Target { name: "backtest", run, seeds: noise, tokens: &[], iterations: 500 };

const START: i64 = 1_700_000_000_000_000_000;

fn data(dice: &mut Dice<'_>) -> EventColumns {
    let (mut columns, mut now, mut middle) = (EventColumns::default(), START, 1_000);
    for _ in 0..dice.below(200) {
        now += i64::from(dice.byte()) * MS / 4;
        middle += dice.within(-1, 1);
        for _ in 0..=dice.below(5) {
            let kind = match dice.below(16) {
                0..9 => EventKind::BookSet,
                9..14 => EventKind::Trade,
                14 => EventKind::Quote,
                _ => EventKind::from_column(dice.below(13) as u8).unwrap_or(EventKind::Trade),
            };
            let side = if dice.chance(128) { Side::Buy } else { Side::Sell };
            columns.push(Event {
                ts_event: now - dice.within(-2, 30) * MS,
                ts_recv: now,
                kind,
                side: side as i8,
                flags: 0,
                price: middle - side.sign() * dice.within(0, 8),
                qty: dice.within(0, 120),
                id: 0,
            });
        }
        columns.end_message();
    }
    columns
}

struct Setup {
    settings: VenueSettings,
    data: [EventColumns; 2],
    piece: usize,
    seed: u64,
}

/// Digest, orders and fills of a run.
fn outcome(setup: &Setup, piece: usize, keeps_journal: bool) -> (String, String) {
    let kinds = [("A.TEST", InstrumentKind::LINEAR_PERPETUAL), ("B.TEST", InstrumentKind::INVERSE_PERPETUAL)];
    let markets = kinds.into_iter().zip(&setup.data).map(|((id, kind), data)| MarketSetup {
        instrument: instrument(id, kind),
        settings: Arc::new(setup.settings.clone()),
        source: Pieces::new(data.clone(), piece),
        holds: KindSet::LEVELS,
        is_sound: false,
        in_order: false,
        latencies: Latencies::of_least(-2 * MS),
    });
    let strategy = |at: u64| StrategySetup {
        name: format!("m{at}"),
        markets: vec![M0, MarketId::new(1)],
        account: AccountId::new(at as usize),
        strategy: Box::new(Monkey::new(setup.seed, at, 2)),
    };
    let config = RunConfig {
        session: "test".parse().expect("a session"),
        seed: setup.seed,
        sample_ns: 50 * MS,
        candle_ns: Some(1_000 * MS),
        reporting: None,
        on_error: OnError::StopStrategy,
        cost_basis: CostBasis::default(),
        checks: true,
        keeps_journal,
        risk: None,
    };
    let mut replay =
        Replay::new(config, markets.collect(), vec![strategy(0), strategy(1)]).expect("a sound setup");
    let (_, digest) = replay.run(&mut Quiet).expect("sound data make a run");
    let record = replay.kernel().record_ref();
    for order in &record.orders {
        assert!(order.filled <= order.qty);
        let fills = record.fills.iter().filter(|fill| fill.order == order.id);
        assert_eq!(fills.map(|fill| fill.qty.steps()).sum::<i64>(), order.filled.steps());
    }
    assert_eq!(record.reconcile_count, 0, "the simulated venue contradicts nobody");
    (digest, format!("{:?} {:?}", record.orders, record.fills))
}

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    let queues = ["conservative", "power(2)", "log", "depletion", "tracked", "tracked_low", "tracked_high"];
    let policies =
        [SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth, SelfTrade::Decrement];
    let margin = dice.maybe(|dice| MarginRules {
        mode: dice.pick(&[MarginMode::Cross, MarginMode::Isolated]),
        leverage: MarginRules::leverage("20").expect("a leverage"),
        maintenance: MarginRules::maintenance("0.004/0.1 to 100, 0.05").expect("brackets"),
        liquidation_fee: dice.maybe(|dice| i64::from(dice.byte()) * 100_000),
        option: OptionRates::default(),
        insured: dice.chance(128),
    });
    let mut balances =
        Balances::parse(dice.pick(&["1 USDT, 0.001 BTC", "1000 USDT, 1 BTC"]), dice.chance(64));
    if let Ok(balances) = &mut balances {
        balances.interest =
            dice.maybe(|_| InterestRates::parse("0.001 every 1s", str::parse).expect("a rate"));
    }
    let time = |dice: &mut Dice<'_>| i64::from(dice.byte() / 8) * MS;
    let mut setup = Setup {
        settings: VenueSettings {
            queue: dice.pick(&queues).parse().expect("a queue model"),
            custom_queue: None,
            impact: None,
            granularity: None,
            basis: dice.pick(&[Basis::Auto, Basis::L1]),
            latency: Latency::constant(time(&mut dice), time(&mut dice), dice.maybe(time)),
            clock_lead: dice.pick(&[ClockLead::Auto, ClockLead::Ns(0), ClockLead::Ns(3 * MS)]),
            wrong_stamps: WrongStampRule::default(),
            stale_ns: 60_000_000_000,
            mark_source: dice.pick(&MarkSource::ALL),
            uncross: dice.pick(&[Uncross::DropOlder, Uncross::Off]),
            matching: Matching {
                accounts: dice.pick(&[Accounts::Shared, Accounts::Isolated]),
                self_trade: dice.pick(&policies),
            },
            balances: margin.as_ref().map(|_| balances.expect("amounts")),
            margin,
            orders: tradecore_core::sim::OrderRules::default(),
            fees: FeeSettings::default(),
            funding: FundingSource::default(),
        },
        piece: 1 + dice.below(64) as usize,
        seed: dice.byte().into(),
        data: [data(&mut dice), data(&mut dice)],
    };
    if setup.seed % 4 == 3 {
        let law = "sqrt(y=5, volatility=0.5, volume=1, recovery=10ms)";
        setup.settings.impact = Some(BySymbol::parse(law, str::parse).expect("a law"));
    }
    let whole = outcome(&setup, 1 << 20, false);
    assert_eq!(outcome(&setup, setup.piece, false), whole, "however the data is cut");
    assert_eq!(outcome(&setup, 1 << 20, true), whole, "whether a journal is kept or not");
}
