//! The market the benchmarks of the core run on.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each benchmark uses a part of this")]

use std::sync::Arc;

use tradecore_core::event::{Columns, EventColumns, Ints, View};
use tradecore_core::synth::{Synth, SynthConfig};
use tradecore_core::types::{
    Decimal, FeeCurrency, Instrument, InstrumentKind, InstrumentSpec, OrderTermsSpec,
};

pub const START_NS: i64 = 1_700_000_000_000_000_000;
/// Between messages.
pub const GAP_NS: i64 = 5_000_000;

pub fn instrument(id: &str) -> Arc<Instrument> {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let spec = InstrumentSpec {
        id: id.parse().unwrap(),
        kind: InstrumentKind::LINEAR_PERPETUAL,
        base: "BTC".into(),
        quote: "USDT".into(),
        settlement: "USDT".into(),
        price_increment: decimal("0.1"),
        qty_increment: decimal("0.001"),
        terms: OrderTermsSpec::default(),
        changes: Vec::new(),
        contract_size: Decimal::ONE,
        maker_fee_bps: decimal("2"),
        taker_fee_bps: decimal("5"),
        fee_currency: FeeCurrency::default(),
        listing: None,
        settlement_price: None,
    };
    Arc::new(Instrument::new(spec).unwrap())
}

/// A tape as a catalog gives it: prices and quantities of 32 bits.
pub struct Narrow {
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

pub fn synth(start_ns: i64, message_gap_ns: i64) -> Synth {
    let config = SynthConfig {
        seed: 7,
        start_price: 600_000,
        tick_size: 1,
        typical_qty: 1_000,
        lot_size: 1,
        start_ns,
        message_gap_ns,
        latency_ns: 1_000_000,
        jitter_ns: 500_000,
    };
    Synth::new(config).unwrap()
}

pub fn narrow(columns: EventColumns) -> Arc<Narrow> {
    let narrow = |values: &[i64]| values.iter().map(|value| i32::try_from(*value).unwrap()).collect();
    Arc::new(Narrow { price: narrow(&columns.price), qty: narrow(&columns.qty), columns })
}

/// A busy market of some rows with a deep book.
pub fn busy(rows: usize) -> Arc<Narrow> {
    let mut columns = EventColumns::default();
    synth(START_NS, GAP_NS).fill(&mut columns, rows);
    narrow(columns)
}
