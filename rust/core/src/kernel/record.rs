//! What a run leaves behind: orders, fills, equity, and the digest over all of it.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::bars::Bar;
use crate::orders::{Command, Liquidity, Order, OrderId, Update, UpdateKind};
use crate::types::{Money, Side};

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
    /// Index of the strategy.
    pub strategy: usize,
    /// Index of the instrument.
    pub market: usize,
    /// Buy or sell.
    pub side: Side,
    /// In price increments.
    pub price: i64,
    /// In quantity increments.
    pub qty: i64,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// Fee in the settlement currency.
    pub fee: Money,
    /// Profit it realised, before its fee.
    pub realized: Money,
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
}

/// Equity of one settlement currency at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EquityRow {
    /// Sample time, ns.
    pub ts: i64,
    /// Index of the settlement currency.
    pub currency: usize,
    /// Cash from trading plus marked positions, after fees.
    pub equity: Money,
}

/// A finished candle of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleRow {
    /// Index of the instrument.
    pub market: usize,
    /// The candle.
    pub bar: Bar,
}

/// Tables of a run, in the order things happened. Orders are written when they end.
#[derive(Debug, Default)]
pub struct Record {
    /// Orders that have ended.
    pub orders: Vec<Order>,
    /// Fills.
    pub fills: Vec<FillRow>,
    /// Equity samples.
    pub equity: Vec<EquityRow>,
    /// Candles.
    pub candles: Vec<CandleRow>,
    /// Orders that were ever sent.
    pub order_count: u64,
    /// Fills that were ever booked.
    pub fill_count: u64,
}

impl Record {
    /// Rows kept in memory.
    pub fn len(&self) -> usize {
        self.orders.len() + self.fills.len() + self.equity.len() + self.candles.len()
    }

    /// Forgets the rows, not the counts.
    pub fn clear(&mut self) {
        self.orders.clear();
        self.fills.clear();
        self.equity.clear();
        self.candles.clear();
    }

    /// Whether no row is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Most numbers one entry of the digest holds.
const MOST_NUMBERS: usize = 10;

/// SHA-256 over everything a run decided and what came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunDigest(Sha256);

impl RunDigest {
    fn numbers<const N: usize>(&mut self, tag: u8, numbers: [i64; N]) {
        let mut bytes = [0; 1 + 8 * MOST_NUMBERS];
        bytes[0] = tag;
        for (place, n) in bytes[1..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&n.to_le_bytes());
        }
        self.0.update(&bytes[..=8 * N]);
    }

    /// A command, as it left the strategy at `now`.
    pub(crate) fn command(&mut self, now: i64, strategy: usize, command: &Command) {
        match command {
            Command::Submit { order, request } => self.numbers(
                1,
                [
                    now,
                    strategy as i64,
                    *order as i64,
                    request.market as i64,
                    request.side.sign(),
                    request.order_type as i64,
                    request.time_in_force as i64,
                    i64::from(request.post_only),
                    request.price,
                    request.qty,
                ],
            ),
            Command::Cancel { order, market } => {
                self.numbers(2, [now, strategy as i64, *order as i64, *market as i64]);
            }
            Command::Replace { order, market, price, qty } => {
                self.numbers(3, [now, strategy as i64, *order as i64, *market as i64, *price, *qty]);
            }
        }
    }

    /// An update, as it reached the strategy at `now`.
    pub(crate) fn update(&mut self, now: i64, update: &Update) {
        let order = update.order as i64;
        match update.kind {
            UpdateKind::Accepted => self.numbers(10, [now, update.ts_event, order]),
            UpdateKind::Rejected(reason) => self.numbers(11, [now, update.ts_event, order, reason as i64]),
            UpdateKind::Fill { price, qty, liquidity, fee } => {
                self.numbers(12, [now, update.ts_event, order, price, qty, liquidity as i64]);
                self.money(fee);
            }
            UpdateKind::Cancelled => self.numbers(13, [now, update.ts_event, order]),
            UpdateKind::CancelRejected(reason) => {
                self.numbers(14, [now, update.ts_event, order, reason as i64]);
            }
            UpdateKind::Replaced { price, qty } => {
                self.numbers(15, [now, update.ts_event, order, price, qty]);
            }
            UpdateKind::ReplaceRejected(reason) => {
                self.numbers(16, [now, update.ts_event, order, reason as i64]);
            }
            UpdateKind::Expired(reason) => self.numbers(17, [now, update.ts_event, order, reason as i64]),
        }
    }

    /// A ledger balance at the end.
    pub(crate) fn balance(&mut self, strategy: usize, market: usize, qty: i64, amounts: [Money; 4]) {
        self.numbers(20, [strategy as i64, market as i64, qty]);
        for amount in amounts {
            self.money(amount);
        }
    }

    fn money(&mut self, amount: Money) {
        self.0.update(amount.units().to_le_bytes());
    }

    /// The digest so far, as lower-case hex.
    pub(crate) fn hex(&self) -> String {
        use std::fmt::Write as _;
        self.0.clone().finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
