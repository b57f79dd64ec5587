//! Building blocks the integration tests share.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "fuzz targets, which are there by a path, use a part of this"
)]

use std::sync::Arc;

use tradecore_core::backtest::{ChunkSource, MarketSetup, Monitor, Progress};
use tradecore_core::decode::FeedSink;
use tradecore_core::event::{
    Columns, Event, EventColumns, EventKind, EventSink, KindSet, Latencies, VenueBar,
};
use tradecore_core::exec::{Algorithm, ExecutionRequest, PegTo, Schedule, ScheduleKind, split};
use tradecore_core::kernel::{
    Context, FillRow, HookError, HookResult, Interest, Record, Strategy, StrategySetup, Topics, Trade,
};
use tradecore_core::orders::{Command, NewTerms, OrderRequest, OrderType, ReportKind, TimeInForce};
use tradecore_core::random::Random;
use tradecore_core::sim::{
    Basis, ClockLead, FeeSettings, FundingSource, Latency, Matching, Uncross, VenueSettings, WrongStampRule,
};
use tradecore_core::synth::{Synth, SynthConfig};
use tradecore_core::types::{
    AccountId, FeeCurrency, Instrument, InstrumentKind, InstrumentSpec, Level, MarketId, OrderTerms,
    OrderTermsSpec, Price, Qty, Side,
};

/// The first market.
pub const M0: MarketId = MarketId::new(0);

/// A price and a quantity, as `ctx.quote` takes them.
pub fn level(price: i64, qty: i64) -> (Price, Qty) {
    (Price::new(price), Qty::new(qty))
}

/// A command to replace an order of the first market.
pub fn replace(order: u64, price: i64, qty: i64) -> Command {
    Command::Replace { order, market: M0, terms: NewTerms::new(Price::new(price), Qty::new(qty)) }
}

/// The report that a replacement was granted.
pub fn replaced(price: i64, qty: i64) -> ReportKind {
    ReportKind::Replaced(NewTerms::new(Price::new(price), Qty::new(qty)))
}

/// A strategy of the first account.
pub fn setup(name: &str, markets: &[MarketId], strategy: impl Strategy + 'static) -> StrategySetup {
    StrategySetup {
        name: name.into(),
        markets: markets.to_vec(),
        account: AccountId::new(0),
        strategy: Box::new(strategy),
    }
}

pub fn instrument(id: &str, kind: InstrumentKind) -> Arc<Instrument> {
    let inverse = kind.is_inverse();
    let dec = |text: &str| text.parse().unwrap();
    Arc::new(
        Instrument::new(InstrumentSpec {
            id: id.parse().unwrap(),
            kind,
            base: "BTC".into(),
            quote: "USDT".into(),
            settlement: if inverse { "BTC" } else { "USDT" }.into(),
            price_increment: dec("0.1"),
            qty_increment: dec(if inverse { "1" } else { "0.001" }),
            terms: OrderTermsSpec::default(),
            changes: Vec::new(),
            contract_size: dec("1"),
            maker_fee_bps: dec("-0.5"),
            taker_fee_bps: dec("5"),
            fee_currency: FeeCurrency::default(),
            listing: None,
            settlement_price: None,
        })
        .unwrap(),
    )
}

/// A good-till-cancelled limit order in the first market.
pub fn limit(side: Side, price: i64, qty: i64) -> OrderRequest {
    OrderRequest::new(M0, side, OrderType::Limit { price: Price::new(price) }, Qty::new(qty))
}

/// Writes a feed message by message.
#[derive(Default)]
pub struct Tape {
    pub columns: EventColumns,
    now: i64,
}

impl Tape {
    pub fn at(&mut self, now: i64) -> &mut Self {
        self.now = now;
        self
    }

    pub fn message(&mut self, rows: &[(EventKind, Option<Side>, i64, i64)]) -> &mut Self {
        for (kind, side, price, qty) in rows {
            self.columns.push(Event {
                ts_event: self.now,
                ts_recv: self.now,
                kind: *kind,
                side: side.map_or(0, |s| s as i8),
                flags: 0,
                price: *price,
                qty: *qty,
                id: 0,
            });
        }
        self.columns.end_message();
        self
    }

    pub fn book(&mut self, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> &mut Self {
        let side = |levels: &[(i64, i64)], side| {
            levels.iter().map(|(p, q)| (EventKind::BookSet, Some(side), *p, *q)).collect::<Vec<_>>()
        };
        self.message(&[side(bids, Side::Buy), side(asks, Side::Sell)].concat())
    }

    pub fn trade(&mut self, aggressor: Side, price: i64, qty: i64) -> &mut Self {
        self.message(&[(EventKind::Trade, Some(aggressor), price, qty)])
    }
}

/// Columns in pieces of a given size, cut anywhere.
pub struct Pieces {
    columns: EventColumns,
    size: usize,
    at: usize,
}

impl Pieces {
    pub fn new(columns: EventColumns, size: usize) -> Box<Self> {
        Box::new(Self { columns, size, at: 0 })
    }
}

impl ChunkSource for Pieces {
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError> {
        if self.at == self.columns.len() {
            return Ok(None);
        }
        let end = (self.at + self.size).min(self.columns.len());
        let mut piece = EventColumns::default();
        piece.extend_from(&self.columns, self.at, end);
        self.at = end;
        Ok(Some(Arc::new(piece)))
    }
}

/// A market with an L2 book and a probabilistic queue, its data cut into pieces.
pub fn market_setup(
    id: &str,
    kind: InstrumentKind,
    data: EventColumns,
    piece: usize,
    latency: Latency,
) -> MarketSetup {
    MarketSetup {
        instrument: instrument(id, kind),
        settings: Arc::new(VenueSettings {
            queue: "power(2)".parse().unwrap(),
            custom_queue: None,
            impact: None,
            granularity: None,
            basis: Basis::L2,
            latency,
            clock_lead: ClockLead::Ns(0),
            wrong_stamps: WrongStampRule::default(),
            stale_ns: 60_000_000_000,
            mark_source: tradecore_core::book::MarkSource::Mid,
            uncross: Uncross::default(),
            matching: Matching::default(),
            balances: None,
            margin: None,
            orders: tradecore_core::sim::OrderRules::default(),
            fees: FeeSettings::default(),
            funding: FundingSource::default(),
        }),
        source: Pieces::new(data, piece),
        holds: KindSet::LEVELS,
        is_sound: true,
        in_order: true,
        latencies: Latencies::default(),
    }
}

/// Watches nothing, keeps everything.
pub struct Quiet;

impl Monitor for Quiet {
    fn poll(&mut self, _progress: Progress) -> bool {
        true
    }

    fn spill(&mut self, _record: &mut Record) -> Result<(), HookError> {
        Ok(())
    }
}

/// An execution of any kind.
pub fn execution(
    random: &mut Random,
    now: i64,
    market: MarketId,
    side: Side,
    limit: Price,
) -> ExecutionRequest {
    let qty = 20 + random.below(60) as i64;
    let duration = (50 + random.below(2_000) as i64) * MS;
    let weights: Vec<f64> = (0..=random.below(6)).map(|_| random.unit()).collect();
    let schedule = Schedule::new(now, duration, &split(qty, &weights));
    let algorithm = match random.below(5) {
        0 => Algorithm::Schedule { kind: ScheduleKind::Vwap, schedule, makes: random.chance(0.5) },
        1 => Algorithm::Pov { rate: 0.1 + 0.5 * random.unit() },
        2 => Algorithm::Iceberg { display: Qty::new(1 + qty / 4), post_only: random.chance(0.5) },
        3 => Algorithm::Peg {
            to: if random.chance(0.5) { PegTo::Touch } else { PegTo::Mid },
            offset: random.below(2) as i64,
            most_moves: random.chance(0.5).then_some(5),
            pause: 30 * MS,
        },
        _ => Algorithm::Sniper { size: Qty::new(1 + qty / 2) },
    };
    let is_scheduled = matches!(algorithm, Algorithm::Schedule { .. });
    ExecutionRequest {
        market,
        side,
        qty: Qty::new(qty),
        limit: (random.chance(0.5) || matches!(algorithm, Algorithm::Iceberg { .. })).then_some(limit),
        reduce_only: random.chance(0.1),
        end: (is_scheduled || random.chance(0.7)).then_some(now + duration),
        algorithm,
    }
}

/// Does everything a strategy can do, at random.
///
/// What it does next follows from its seed and how often it has acted, so it can go on after a restart.
pub struct Monkey {
    seed: u64,
    stream: u64,
    acts: u64,
    markets: usize,
}

impl Monkey {
    pub fn new(seed: u64, stream: u64, markets: usize) -> Self {
        Self { seed, stream, acts: 0, markets }
    }

    fn dice(&mut self) -> Random {
        self.acts += 1;
        Random::new(self.seed ^ (self.acts << 20), self.stream)
    }

    fn act(&mut self, ctx: &mut Context) -> HookResult {
        let mut random = self.dice();
        let fail = |e: tradecore_core::orders::OrderError| HookError::Failed(e.to_string());
        let market = MarketId::new(random.below(self.markets as u64) as usize);
        let touch = ctx.touch(market);
        let (Some(bid), Some(ask)) = (touch.best_bid(), touch.best_ask()) else { return Ok(()) };
        let side = if random.chance(0.5) { Side::Buy } else { Side::Sell };
        let anchor = if side == Side::Buy { bid } else { ask };
        let price = anchor + random.below(7) as i64 - 3;
        let qty = 1 + random.below(60) as i64;
        let orders: Vec<u64> = ctx.open_orders().map(|o| o.id).collect();
        match random.below(10) {
            0..4 => {
                let order_type = if random.chance(0.2) {
                    OrderType::Market
                } else {
                    OrderType::Limit { price: Price::new(price) }
                };
                let tif = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok][random.below(3) as usize];
                let request = OrderRequest {
                    time_in_force: tif,
                    post_only: order_type != OrderType::Market
                        && tif == TimeInForce::Gtc
                        && random.chance(0.5),
                    ..OrderRequest::new(market, side, order_type, Qty::new(qty))
                };
                ctx.submit(request).map_err(fail)?;
            }
            4 if !orders.is_empty() => {
                let order = orders[random.below(orders.len() as u64) as usize];
                ctx.cancel(order);
            }
            5 if !orders.is_empty() => {
                let order = orders[random.below(orders.len() as u64) as usize];
                if ctx.order(order).is_some_and(|o| o.price().is_some()) {
                    ctx.replace(order, NewTerms::new(Price::new(price), Qty::new(qty))).map_err(fail)?;
                }
            }
            6 if random.chance(0.1) => {
                ctx.cancel_all(None);
            }
            7 if random.chance(0.3) => {
                let at_work: Vec<_> = ctx.executions().map(|execution| execution.id).collect();
                if let Some(id) = at_work.first().filter(|_| at_work.len() > 2) {
                    ctx.cancel_execution(*id);
                } else {
                    let request = execution(&mut random, ctx.now_ns(), market, side, Price::new(price));
                    ctx.execute(request).map_err(fail)?;
                }
            }
            _ => {
                {
                    let at = |price| Some((Price::new(price), Qty::new(qty)));
                    ctx.quote(market, at(bid - 1), at(ask + 1), true)
                }
                .map_err(fail)?;
            }
        }
        Ok(())
    }
}

impl Strategy for Monkey {
    fn interest(&self) -> Interest {
        Interest { topics: Topics::TRADES, fill: true, ..Interest::default() }
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(20 * MS);
        Ok(())
    }

    fn on_trade(&mut self, ctx: &mut Context, _market: MarketId, _trade: Trade) -> HookResult {
        if self.dice().chance(0.1) { self.act(ctx) } else { Ok(()) }
    }

    fn on_fill(&mut self, ctx: &mut Context, _fill: &FillRow) -> HookResult {
        if self.dice().chance(0.2) { self.act(ctx) } else { Ok(()) }
    }

    fn on_timer(&mut self, ctx: &mut Context, _timer: u64) -> HookResult {
        self.act(ctx)
    }

    fn save(&mut self) -> Result<Vec<u8>, HookError> {
        Ok(self.acts.to_le_bytes().to_vec())
    }

    fn load(&mut self, state: &[u8]) -> HookResult {
        self.acts = u64::from_le_bytes(state.try_into().map_err(|_| HookError::Failed("no count".into()))?);
        Ok(())
    }
}

/// The same instrument with other terms for orders.
pub fn with_terms<T>(instrument: &Instrument, change: impl FnOnce(&mut OrderTerms) -> T) -> Instrument {
    let mut instrument = instrument.clone();
    change(&mut instrument.terms);
    instrument
}

/// Nanoseconds in a millisecond.
pub const MS: i64 = 1_000_000;

/// A synthetic market.
pub fn market_data(seed: u64, rows: usize) -> EventColumns {
    let mut columns = EventColumns::default();
    Synth::new(SynthConfig {
        seed,
        start_price: 600_000,
        tick_size: 1,
        typical_qty: 800,
        lot_size: 1,
        start_ns: 1_700_000_000_000_000_000,
        message_gap_ns: 10 * MS,
        latency_ns: 3 * MS,
        jitter_ns: MS,
    })
    .unwrap()
    .fill(&mut columns, rows);
    columns
}

/// A sink that takes bars as well.
#[derive(Default, Clone)]
pub struct WithBars<S> {
    pub events: S,
    pub bars: Vec<VenueBar>,
}

impl<S: EventSink> EventSink for WithBars<S> {
    fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    fn push_levels(&mut self, template: Event, bids: &[Level], asks: &[Level]) {
        self.events.push_levels(template, bids, asks);
    }

    fn end_message(&mut self) {
        self.events.end_message();
    }
}

impl<S: EventSink> FeedSink for WithBars<S> {
    const TAKES_BARS: bool = true;

    fn push_bar(&mut self, bar: &VenueBar) {
        assert_eq!(bar.check(), Ok(()));
        self.bars.push(*bar);
    }
}
