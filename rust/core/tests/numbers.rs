//! Prices and quantities from the ends of what there is: nothing panics, no sum wraps, and who cannot be counted fails
//! alone.

use std::sync::Arc;

use crate::common::{self, M0, Pieces, Quiet, Tape, limit};
use proptest::prelude::*;
use tradecore_core::backtest::{MarketSetup, Replay, RunConfig, RunEnd};
use tradecore_core::book::{FillBasis, MarkPrice, MarkSource};
use tradecore_core::event::{KindSet, Latencies, STEPS_LIMIT};
use tradecore_core::kernel::{
    Context, FillRow, HookError, HookResult, Interest, Kernel, KernelConfig, MarketSpec, OnError, Strategy,
    StrategySetup, Topics,
};
use tradecore_core::ledger::{ACCOUNT_LIMIT, ContractMath, CostBasis, Position};
use tradecore_core::orders::{NewTerms, OrderRequest, OrderType, TimeInForce};
use tradecore_core::random::Random;
use tradecore_core::sim::{
    Accounts, Basis, ClockLead, FeeSettings, FundingSource, Latency, Matching, Uncross, VenueSettings,
    WrongStampRule,
};
use tradecore_core::types::{
    AccountId, CurrencyId, Decimal, FeeCurrency, Instrument, InstrumentKind, InstrumentSpec, MarketId, Money,
    OrderTermsSpec, Price, Qty, Side, StrategyId,
};

/// What prices and quantities are drawn from.
const EXTREMES: [i64; 12] = [
    0,
    1,
    7,
    1_000,
    1_000_000,
    1 << 40,
    1 << 59,
    STEPS_LIMIT - 1,
    STEPS_LIMIT,
    STEPS_LIMIT + 1,
    i64::MAX,
    -1,
];

const CANDLE_NS: Option<i64> = Some(500);

fn extreme(random: &mut Random) -> i64 {
    EXTREMES[random.below(EXTREMES.len() as u64) as usize]
}

fn instrument(inverse: bool, increments: [&str; 3]) -> Option<Arc<Instrument>> {
    let dec = |text: &str| text.parse::<Decimal>().unwrap();
    let kind = if inverse { InstrumentKind::INVERSE_PERPETUAL } else { InstrumentKind::LINEAR_PERPETUAL };
    let instrument = Instrument::new(InstrumentSpec {
        id: "A.TEST".parse().unwrap(),
        kind,
        base: "BTC".into(),
        quote: "USDT".into(),
        settlement: if inverse { "BTC" } else { "USDT" }.into(),
        price_increment: dec(increments[0]),
        qty_increment: dec(increments[1]),
        terms: OrderTermsSpec { min_notional: Some(dec("0.000001")), ..OrderTermsSpec::default() },
        changes: Vec::new(),
        contract_size: dec(increments[2]),
        maker_fee_bps: dec("-0.123456789012"),
        taker_fee_bps: dec("1000"),
        fee_currency: FeeCurrency::default(),
        listing: None,
        settlement_price: None,
    });
    instrument.ok().filter(|instrument| ContractMath::new(instrument).is_ok()).map(Arc::new)
}

/// A market that jumps between the ends of what prices and quantities there are.
fn data(seed: u64, rough: bool) -> Tape {
    let mut random = Random::new(seed, 7);
    let mut tape = Tape::default();
    let mut before = (0, 0);
    for k in 0..60 {
        let price = if rough {
            extreme(&mut random).clamp(2, STEPS_LIMIT - 1)
        } else {
            1_000 + random.below(9) as i64
        };
        let mut qty = || if rough { extreme(&mut random).clamp(1, STEPS_LIMIT) } else { 1_000 };
        let (bid, ask) = ((price - 1, qty()), (price + 1, qty()));
        tape.at(1_000 + k * 100).book(
            &[(before.0, 0), bid].into_iter().filter(|(p, _)| *p > 0).collect::<Vec<_>>(),
            &[(before.1, 0), ask].into_iter().filter(|(p, _)| *p > 0).collect::<Vec<_>>(),
        );
        before = (bid.0, ask.0);
        let side = if k % 2 == 0 { Side::Buy } else { Side::Sell };
        tape.at(1_050 + k * 100).trade(side, price, qty());
    }
    tape
}

/// Sends whatever comes, from the extremes or within reason, and reads what it holds.
struct Reckless {
    random: Random,
    is_modest: bool,
}

impl Reckless {
    fn act(&mut self, ctx: &mut Context) -> HookResult {
        let random = &mut self.random;
        let touch = ctx.touch(M0);
        let near = touch.best_bid().unwrap_or(5);
        let (price, qty) = if self.is_modest {
            (near + random.below(5) as i64 - 2, 1 + random.below(9) as i64)
        } else {
            (if random.chance(0.5) { near } else { extreme(random) }, extreme(random))
        };
        let side = if random.chance(0.5) { Side::Buy } else { Side::Sell };
        let order_type = if random.chance(0.5) {
            OrderType::Market
        } else {
            OrderType::Limit { price: Price::new(price) }
        };
        let time_in_force = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok][random.below(3) as usize];
        let open = ctx.open_orders().next().map(|order| order.id);
        // A mistake is its own and need not end it.
        match (random.below(4), open) {
            (0, Some(order)) => {
                let _ = ctx.replace(order, NewTerms::new(Price::new(price), Qty::new(qty)));
            }
            (1, _) => {
                let at = |price: i64| Some((Price::new(price), Qty::new(qty)));
                let _ = ctx.quote(M0, at(price), at(price.saturating_add(3)), false);
            }
            _ => {
                let request = OrderRequest { order_type, time_in_force, ..limit(side, price, qty) };
                let _ = ctx.submit(request);
            }
        }
        let counted = ctx.equity(CurrencyId::new(0)).and(ctx.unrealized(M0));
        counted.map(|_| ()).map_err(|error| HookError::Failed(error.to_string()))
    }
}

impl Strategy for Reckless {
    fn interest(&self) -> Interest {
        let topics = if self.is_modest { Topics::TRADES } else { Topics::BOOK };
        Interest { topics, fill: true, order: true, payment: true, execution: true }
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(i64::MAX);
        ctx.at(i64::MAX).unwrap();
        ctx.at(i64::MIN).unwrap();
        ctx.every(330);
        Ok(())
    }

    fn on_book(&mut self, ctx: &mut Context, _: MarketId) -> HookResult {
        self.act(ctx)
    }

    fn on_timer(&mut self, ctx: &mut Context, _: u64) -> HookResult {
        self.act(ctx)
    }
}

/// A modest strategy, with a reckless one beside it or without.
fn strategies(seed: u64, with_reckless: bool) -> Vec<StrategySetup> {
    let strategy = |account: usize, is_modest| {
        let reckless = Reckless { random: Random::new(seed, account as u64), is_modest };
        let setup = common::setup(if is_modest { "modest" } else { "reckless" }, &[M0], reckless);
        StrategySetup { account: AccountId::new(account), ..setup }
    };
    let mut strategies = vec![strategy(0, true)];
    if with_reckless {
        strategies.push(strategy(1, false));
    }
    strategies
}

fn run(instrument: &Arc<Instrument>, data: Tape, strategies: Vec<StrategySetup>) -> Replay {
    let market = MarketSetup {
        instrument: Arc::clone(instrument),
        settings: Arc::new(VenueSettings {
            queue: "power(2)".parse().unwrap(),
            custom_queue: None,
            impact: None,
            granularity: None,
            basis: Basis::L2,
            latency: Latency::constant(30, 20, None),
            clock_lead: ClockLead::Ns(0),
            wrong_stamps: WrongStampRule::default(),
            stale_ns: 60_000_000_000,
            mark_source: MarkSource::Mid,
            uncross: Uncross::default(),
            matching: Matching { accounts: Accounts::Isolated, ..Matching::default() },
            balances: None,
            margin: None,
            orders: tradecore_core::sim::OrderRules::default(),
            fees: FeeSettings::default(),
            funding: FundingSource::default(),
        }),
        source: Pieces::new(data.columns, 1 << 20),
        holds: KindSet::LEVELS,
        is_sound: true,
        in_order: true,
        latencies: Latencies::default(),
    };
    let config = RunConfig {
        seed: 1,
        sample_ns: 250,
        candle_ns: CANDLE_NS,
        reporting: None,
        on_error: OnError::StopStrategy,
        cost_basis: CostBasis::default(),
        checks: true,
        session: "test".parse().unwrap(),
        keeps_journal: true,
        risk: None,
    };
    let mut replay = Replay::new(config, vec![market], strategies).unwrap();
    let (end, _) = replay.run(&mut Quiet).unwrap();
    assert_eq!(end, RunEnd::Finished);
    replay
}

/// Whether the journal of a run leads other strategies of the same kind to the same commands.
fn is_fed_back(replay: &mut Replay, instrument: &Arc<Instrument>, strategies: Vec<StrategySetup>) -> bool {
    let config = KernelConfig {
        session: "test".parse().unwrap(),
        on_error: OnError::StopStrategy,
        cost_basis: CostBasis::default(),
        checks: true,
        candle_ns: CANDLE_NS,
        keeps_journal: true,
        risk: None,
    };
    let market =
        MarketSpec { instrument: Arc::clone(instrument), basis: FillBasis::L2, marks: MarkSource::Mid };
    let mut kernel = Kernel::new(config, vec![market], strategies).unwrap();
    kernel.feed_back(&replay.kernel().take_journal(), || true, |_, _, _| ()).unwrap() == (None, Vec::new())
}

/// Time, side, price, quantity and fee of a fill.
type Fill = (i64, Side, Price, Qty, Money);

/// What a strategy traded and holds in the end.
fn traded(replay: &mut Replay, strategy: StrategyId) -> (Vec<Fill>, Position) {
    let kernel = replay.kernel();
    let own = |fill: &&FillRow| fill.strategy == strategy;
    let fills = kernel.record_ref().fills.iter().filter(own);
    let fills = fills.map(|f| (f.ts_event, f.side, f.price, f.qty, f.fee)).collect();
    (fills, kernel.positions_in(M0).nth(strategy.index()).unwrap().clone())
}

fn is_counted(amount: Money) -> bool {
    amount.is_within(ACCOUNT_LIMIT)
}

/// Buys as much every 250 ns.
struct Buyer(i64);

impl Strategy for Buyer {
    fn interest(&self) -> Interest {
        Interest::default()
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(250);
        Ok(())
    }

    fn on_timer(&mut self, ctx: &mut Context, _: u64) -> HookResult {
        let request = OrderRequest { order_type: OrderType::Market, ..limit(Side::Buy, 0, self.0) };
        ctx.submit(request).map(|_| ()).map_err(|error| HookError::Failed(error.to_string()))
    }
}

#[test]
fn a_position_that_cannot_be_marked_fails_its_strategy_and_counts_at_cost() {
    let instrument = common::instrument("A.TEST", InstrumentKind::LINEAR_PERPETUAL);
    let buyers = || {
        let buyer = |account: usize, name, qty| {
            let setup = common::setup(name, &[M0], Buyer(qty));
            StrategySetup { account: AccountId::new(account), ..setup }
        };
        vec![buyer(0, "small", 1), buyer(1, "large", 1 << 45)]
    };
    let mut tape = Tape::default();
    tape.at(1_000).book(&[(999, 1 << 50)], &[(1_001, 1 << 50)]);
    tape.at(1_400).book(&[(999, 0), ((1 << 59) - 1, 1 << 50)], &[(1_001, 0), ((1 << 59) + 1, 1 << 50)]);
    tape.at(3_000).trade(Side::Buy, 1_000, 1);
    let mut replay = run(&instrument, tape, buyers());
    let failures: Vec<_> =
        replay.kernel().strategies().map(|(_, failure)| failure.map(str::to_owned)).collect();
    let problem = "A.TEST: 35184372088832 increments at 576460752303423488 price increments are worth more than 10^21 \
                   of the settlement currency";
    assert_eq!(failures, [None, Some(problem.to_owned())]);
    let [small, large] = [0, 1].map(|s| traded(&mut replay, StrategyId::new(s)).1);
    assert!(small.fills > 1 && large.fills == 1);
    let math = ContractMath::new(&instrument).unwrap();
    let mid = Some(MarkPrice::Twice(1 << 60));
    assert_eq!((small.mark(&math, mid), large.mark(&math, mid)), (mid, None));
    let [small, large] = [(&small, mid), (&large, None)].map(|(p, mid)| p.equity(&math, mid).unwrap());
    let last = replay.kernel().record_ref().equity.last().unwrap().equity;
    let totals = &replay.totals()[0];
    assert_eq!(Some(last), small.checked_add(large));
    assert_eq!(Some(last), totals.gross.checked_sub(totals.fees));
    assert!(is_fed_back(&mut replay, &instrument, buyers()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn a_strategy_beyond_arithmetic_fails_alone_and_no_sum_wraps(
        seed in any::<u64>(),
        rough in any::<bool>(),
        inverse in any::<bool>(),
        price in prop::sample::select(vec!["0.1", "1", "1e-18", "1e-12", "1e6", "1e12"]),
        qty in prop::sample::select(vec!["0.001", "1", "1e-18", "1e-8", "1e6"]),
        size in prop::sample::select(vec!["1", "1e-12", "1e12", "0.01", "123456.789"]),
    ) {
        let Some(instrument) = instrument(inverse, [price, qty, size]) else { return Ok(()) };
        let mut both = run(&instrument, data(seed, rough), strategies(seed, true));
        for strategy in [0, 1].map(StrategyId::new) {
            let (fills, position) = traded(&mut both, strategy);
            let signed = |(_, side, _, qty, _): &Fill| {
                i128::from(side.sign()) * i128::from(qty.steps())
            };
            prop_assert_eq!(fills.iter().map(signed).sum::<i128>(), i128::from(position.qty));
            let fees = fills.iter().map(|fill| fill.4.units()).sum::<i128>();
            prop_assert_eq!(fees, position.fees.units());
            let Position { cash, realized, fees, turnover, open_cost, .. } = position;
            prop_assert!([cash, realized, fees, turnover, open_cost].into_iter().all(is_counted));
        }
        for row in &both.kernel().record_ref().equity {
            prop_assert!(row.equity.units().abs() <= 4 * ACCOUNT_LIMIT, "{:?}", row);
        }
        let failures: Vec<_> = both.kernel().strategies().map(|(_, failure)| failure.map(str::to_owned)).collect();
        for failure in failures.iter().flatten() {
            prop_assert!(failure.starts_with("A.TEST: "), "{}", failure);
        }
        prop_assert!(is_fed_back(&mut both, &instrument, strategies(seed, true)));
        let mut alone = run(&instrument, data(seed, rough), strategies(seed, false));
        let modest = StrategyId::new(0);
        prop_assert_eq!(traded(&mut alone, modest), traded(&mut both, modest));
    }

    #[test]
    fn a_position_is_exact_or_refuses_the_fill(
        inverse in any::<bool>(),
        sizes in (0usize..5, 0usize..5, 0usize..4),
        fills in prop::collection::vec((any::<bool>(), 0usize..12, 0usize..12, any::<i64>()), 1..40),
        mark in prop::option::of(0usize..12),
    ) {
        let increments = [
            ["0.1", "1", "1e-18", "1e-12", "1e12"][sizes.0],
            ["0.001", "1", "1e-18", "1e-8", "1e6"][sizes.1],
            ["1", "1e-12", "1e12", "0.01"][sizes.2],
        ];
        let Some(instrument) = instrument(inverse, increments) else { return Ok(()) };
        let math = ContractMath::new(&instrument).unwrap();
        let mut position = Position::default();
        let (mut qty, mut cash, mut fees) = (0i128, 0i128, 0i128);
        for (buy, price, size, fee) in fills {
            let side = if buy { Side::Buy } else { Side::Sell };
            let (price, size) = (Price::new(EXTREMES[price].max(1)), Qty::new(EXTREMES[size].max(1)));
            let fee = Money::from_units(i128::from(fee) << 40);
            let before = position.clone();
            if position.apply(&math, side, price, size, fee).is_err() {
                prop_assert_eq!(&position, &before);
                continue;
            }
            let value = math.value(price, size).unwrap().units();
            qty += i128::from(side.sign()) * i128::from(size.steps());
            cash += if buy == inverse { value } else { -value } - fee.units();
            fees += fee.units();
            prop_assert_eq!((i128::from(position.qty), position.cash.units(), position.fees.units()), (qty, cash, fees));
            let mid = mark.map(|at| MarkPrice::Twice(EXTREMES[at].clamp(1, STEPS_LIMIT) * 2));
            let mid = position.mark(&math, mid);
            let gross = position.realized.checked_add(position.unrealized(&math, mid).unwrap()).unwrap();
            prop_assert_eq!(gross.checked_sub(position.fees), position.equity(&math, mid).ok());
        }
    }
}
