//! What a session leaves behind: orders, fills, equity, candles, and what has to be reconciled.

use std::sync::Arc;

use super::published::Stat;
use super::signals::Answer;
use crate::bars::Bar;
use crate::exec::Execution;
use crate::ledger::Payment;
use crate::orders::TriggerBy;
use crate::orders::{
    Command, FeePaid, FillOrigin, Liquidity, Mismatch, Order, OrderId, OrderKey, OrderStatus, Reason,
};
use crate::risk::{Breach, FinePrice, Scope, StopKind, Trip};
use crate::types::{CurrencyId, MarketId, Money, Price, Qty, Side, StrategyId};

/// A fill as it was booked.
#[derive(Debug, Clone, PartialEq)]
pub struct FillRow {
    /// Time at the venue, ns.
    pub ts_event: i64,
    /// Time the strategy learnt of it, ns.
    pub ts_recv: i64,
    /// The order.
    pub order: OrderId,
    /// The strategy's own name for the order.
    pub client_id: Option<Arc<str>>,
    /// The strategy.
    pub strategy: StrategyId,
    /// The instrument.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// Fee in the settlement currency.
    pub fee: Money,
    /// What was paid of the fee in another coin, in place of it.
    pub paid: Option<FeePaid>,
    /// Profit it realised, before its fee.
    pub realized: Money,
    /// Cash it moved, before its fee: positive is received.
    pub flow: Money,
    /// Whether it completed the order.
    pub completes: bool,
    /// Position after it, signed.
    pub position_qty: i64,
    /// Average entry price after it, in price increments.
    pub avg_entry_price: Option<f64>,
    /// Profit realised so far by this strategy in this instrument, before fees.
    pub realized_total: Money,
    /// Fees so far.
    pub fees_total: Money,
    /// Cash from trading so far, after fees.
    pub cash: Money,
    /// How it came about, where the venue is a simulated one.
    pub origin: Option<FillOrigin>,
}

impl FillRow {
    /// Position before it, signed.
    pub(super) fn position_before(&self) -> i64 {
        self.position_qty.saturating_sub(self.side.sign().saturating_mul(self.qty.steps()))
    }
}

/// A mid of a venue that differs from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MidRow {
    /// Since when, the venue's time as the run has it, ns.
    pub ts: i64,
    /// The instrument.
    pub market: MarketId,
    /// Sum of best bid and best ask; twice the last price of a market without a book.
    pub twice_mid: i64,
}

/// Money that a venue moved, as it was booked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaymentRow {
    /// Time the strategy learnt of it, ns.
    pub ts_recv: i64,
    /// The strategy.
    pub strategy: StrategyId,
    /// What was paid; of what several strategies share, the strategy's part.
    pub payment: Payment,
    /// Profit it realised: nothing but where it closed something.
    pub realized: Money,
    /// Position after it, signed.
    pub position_qty: i64,
    /// Average entry price after it, in price increments.
    pub avg_entry_price: Option<f64>,
    /// Profit realised so far by this strategy in this instrument, before fees.
    pub realized_total: Money,
    /// Fees so far.
    pub fees_total: Money,
    /// Cash from trading so far, after fees.
    pub cash: Money,
}

/// Equity of one settlement currency at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EquityRow {
    /// Sample time, ns.
    pub ts: i64,
    /// The settlement currency.
    pub currency: CurrencyId,
    /// Cash from trading plus marked positions, after fees.
    pub equity: Money,
}

/// A finished candle of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleRow {
    /// The instrument.
    pub market: MarketId,
    /// The candle.
    pub bar: Bar,
}

/// Something a venue published that strategies were told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedRow {
    /// When it was known, ns.
    pub ts_recv: i64,
    /// The instrument.
    pub market: MarketId,
    /// What was published.
    pub stat: Stat,
}

/// An answer of a model, when it was known.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalRow {
    /// When it was known, ns.
    pub ts_recv: i64,
    /// The answer.
    pub answer: Answer,
    /// Why it was no signal then; `None` for one.
    pub problem: Option<Arc<str>>,
}

/// A request that limits of ours refused, with every limit it would have passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRow {
    /// When it was sent, ns.
    pub ts: i64,
    /// The order.
    pub order: OrderId,
    /// The strategy.
    pub strategy: StrategyId,
    /// The instrument.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// Whether it was a new order, else new terms of one.
    pub is_new: bool,
    /// The quantity it asked for.
    pub qty: Qty,
    /// The limit price it asked for, where it did.
    pub price: Option<Price>,
    /// What it would have passed.
    pub breaches: Arc<[Breach]>,
}

impl RefusalRow {
    /// The refusal of a command for an order.
    pub(super) fn of(order: &Order, command: &Command, ts: i64, breaches: Vec<Breach>) -> Self {
        let (price, qty) = match command {
            Command::Replace { terms, .. } => (Some(terms.price), terms.qty),
            Command::Submit { .. } | Command::Cancel { .. } => (order.price(), order.qty),
        };
        Self {
            ts,
            order: order.id,
            strategy: order.strategy,
            market: order.market,
            side: order.side,
            is_new: matches!(command, Command::Submit { .. }),
            qty,
            price,
            breaches: breaches.into(),
        }
    }
}

/// A stop that fired.
#[derive(Debug, Clone, PartialEq)]
pub struct StopRow {
    /// When, ns.
    pub ts: i64,
    /// Whose position it closes.
    pub strategy: StrategyId,
    /// The instrument.
    pub market: MarketId,
    /// What it is.
    pub kind: StopKind,
    /// Which price was looked at.
    pub trigger: TriggerBy,
    /// That price, where it is known.
    pub price: Option<FinePrice>,
    /// The level it had reached; none of time and of a loss in money.
    pub level: Option<FinePrice>,
    /// Average entry price, in price increments.
    pub avg_entry_price: Option<f64>,
    /// The position, signed.
    pub position_qty: i64,
    /// How much of it is to be closed.
    pub qty: i64,
    /// Whose stop it is.
    pub scope: Scope,
    /// The name of the venue, instrument or strategy; the number of the account.
    pub name: Arc<str>,
}

/// What does not agree between a venue and us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconcile {
    /// When we learnt of it, ns.
    pub ts: i64,
    /// The order, as the venue calls it.
    pub order: OrderKey,
    /// What is wrong; nothing more than that nobody knows the order, if `None`.
    pub mismatch: Option<Mismatch>,
}

/// Entries for reconciliation that are kept; what comes after is counted.
pub const RECONCILE_KEPT: usize = 10_000;

/// Tables of a session, in the order things happened. Orders are written a while after they end.
#[derive(Debug, Default)]
pub struct Record {
    /// Orders that have ended.
    pub orders: Vec<Order>,
    /// Fills.
    pub fills: Vec<FillRow>,
    /// Money that venues moved of their own accord.
    pub payments: Vec<PaymentRow>,
    /// Equity samples.
    pub equity: Vec<EquityRow>,
    /// The same in the one currency a backtest is reported in, where there is one.
    pub reported: Vec<(i64, Money)>,
    /// Candles.
    pub candles: Vec<CandleRow>,
    /// What venues published, as far as strategies were told.
    pub published: Vec<PublishedRow>,
    /// Answers of models.
    pub signals: Vec<SignalRow>,
    /// Executions that have ended, and at the end of a session those that have not.
    pub executions: Vec<Execution>,
    /// Requests that limits refused.
    pub refusals: Vec<RefusalRow>,
    /// When limits stopped somebody and when it went on.
    pub trips: Vec<Trip>,
    /// Stops that fired.
    pub stops: Vec<StopRow>,
    /// Mids of the markets orders were sent to, from the first order on, as a backtest's venue has them.
    pub mids: Vec<MidRow>,
    /// Fills that were ever booked.
    pub fill_count: u64,
    /// Those of them that made liquidity.
    pub maker_fill_count: u64,
    /// Orders that were ever written and had been rejected, in the order of [`Reason::ALL`].
    pub rejected: [u64; Reason::ALL.len()],
    /// What has to be reconciled with a venue, the first [`RECONCILE_KEPT`].
    pub reconcile: Vec<Reconcile>,
    /// Entries for reconciliation there ever were.
    pub reconcile_count: u64,
}

impl Record {
    /// Writes a fill down.
    pub(super) fn filled(&mut self, fill: FillRow) {
        self.fill_count += 1;
        self.maker_fill_count += u64::from(fill.liquidity == Liquidity::Maker);
        self.fills.push(fill);
    }

    /// Writes an order down, which nothing more can happen to. What is a part of another is written with that.
    pub(super) fn ended(&mut self, order: Order) {
        if order.parent.is_some() {
            return;
        }
        if let (OrderStatus::Rejected, Some(reason)) = (order.status(), order.reason) {
            self.rejected[reason.index()] += 1;
        }
        self.orders.push(order);
    }

    /// How many orders were rejected, by reason, as far as they are written.
    pub fn rejections(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().zip(self.rejected).filter(|(_, times)| *times > 0)
    }

    pub(super) fn note(&mut self, entry: Reconcile) {
        self.reconcile_count += 1;
        if self.reconcile.len() < RECONCILE_KEPT {
            self.reconcile.push(entry);
        }
    }

    /// Rows kept in memory.
    pub fn len(&self) -> usize {
        let market = self.candles.len()
            + self.published.len()
            + self.signals.len()
            + self.executions.len()
            + self.mids.len()
            + self.reported.len()
            + self.refusals.len()
            + self.trips.len()
            + self.stops.len();
        self.orders.len() + self.fills.len() + self.payments.len() + self.equity.len() + market
    }

    /// Forgets the rows, not the counts.
    pub fn clear(&mut self) {
        self.orders.clear();
        self.fills.clear();
        self.payments.clear();
        self.equity.clear();
        self.reported.clear();
        self.candles.clear();
        self.published.clear();
        self.signals.clear();
        self.executions.clear();
        self.mids.clear();
        self.refusals.clear();
        self.trips.clear();
        self.stops.clear();
    }

    /// Whether no row is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
