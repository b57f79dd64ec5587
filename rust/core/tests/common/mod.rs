//! Building blocks the integration tests share.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses a part of this"
)]

use std::sync::Arc;

use tradecore_core::event::{Columns, Event, EventColumns, EventKind, FLAG_LAST};
use tradecore_core::kernel::{HookError, Record};
use tradecore_core::orders::{OrderRequest, OrderType, TimeInForce};
use tradecore_core::sim::{ChunkSource, Monitor, Progress};
use tradecore_core::types::{Instrument, InstrumentKind, InstrumentSpec, Side};

pub fn instrument(id: &str, kind: InstrumentKind) -> Arc<Instrument> {
    let inverse = kind == InstrumentKind::Inverse;
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
            tick_size: None,
            lot_size: None,
            min_qty: None,
            min_notional: None,
            contract_size: dec("1"),
            maker_fee_bps: dec("-0.5"),
            taker_fee_bps: dec("5"),
        })
        .unwrap(),
    )
}

/// A good-till-cancelled limit order in the first market.
pub fn limit(side: Side, price: i64, qty: i64) -> OrderRequest {
    OrderRequest {
        market: 0,
        side,
        order_type: OrderType::Limit,
        price,
        qty,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        client_id: None,
    }
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

/// Whether a row ends its message.
pub fn is_last(columns: &EventColumns, row: usize) -> bool {
    columns.flags[row] & FLAG_LAST != 0
}
