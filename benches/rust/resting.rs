//! What own orders far from the touch cost a market, beside the same market without any.
//!
//! `cargo bench --bench resting` prints the least of runs in turns: what else the machine does only adds. With a number
//! of orders as its argument it runs once, so that instructions can be counted:
//! `valgrind --tool=callgrind --toggle-collect='*resting::tape*' BINARY 400`.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::time::{Duration, Instant};

use tradecore_core::book::FillBasis;
use tradecore_core::event::{Columns, EventColumns, Ints, View};
use tradecore_core::orders::{Command, OrderRequest, OrderType, TimeInForce};
use tradecore_core::random::Random;
use tradecore_core::sim::{Market, Matching, QueueModel};
use tradecore_core::synth::{Synth, SynthConfig};
use tradecore_core::types::{
    AccountId, Decimal, Instrument, InstrumentKind, InstrumentSpec, MarketId, Price, Qty, Side,
};

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 25;
/// Orders rest from this far behind the touch, over as many ticks again.
const AWAY: i64 = 2_000;

fn instrument() -> Instrument {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    Instrument::new(InstrumentSpec {
        id: "BTCUSDT.SYNTH".parse().unwrap(),
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
    })
    .unwrap()
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

fn columns() -> Narrow {
    let config = SynthConfig {
        seed: 7,
        start_price: 600_000,
        tick_size: 1,
        typical_qty: 1_000,
        lot_size: 1,
        start_ns: 0,
        message_gap_ns: 5_000_000,
        latency_ns: 1_000_000,
        jitter_ns: 500_000,
    };
    let mut columns = EventColumns::with_capacity(ROWS + 64);
    Synth::new(config).unwrap().fill(&mut columns, ROWS);
    let narrow = |values: &[i64]| values.iter().map(|value| i32::try_from(*value).unwrap()).collect();
    Narrow { price: narrow(&columns.price), qty: narrow(&columns.qty), columns }
}

/// Places the orders after the first messages, and times the rest.
fn run(columns: &Narrow, orders: i64) -> Duration {
    let random = Random::new(1, 0);
    let queue = QueueModel::Power(3.0);
    let mut market = Market::new(&instrument(), FillBasis::L2, queue, Matching::default(), random).unwrap();
    let view = columns.view();
    let (mut row, mut out) = (0, Vec::new());
    for _ in 0..10 {
        let end = view.message_end(row);
        market.on_message(&view, row, end, 0, &mut out).unwrap();
        row = end;
    }
    for order in 0..orders {
        let side = if order % 2 == 0 { Side::Buy } else { Side::Sell };
        let best = if side == Side::Buy { market.book().best_bid() } else { market.book().best_ask() };
        let request = OrderRequest {
            market: MarketId::new(0),
            side,
            order_type: OrderType::Limit {
                price: Price::new(best.unwrap() - side.sign() * (AWAY + order / 2 * 7 % AWAY)),
            },
            qty: Qty::new(10),
            time_in_force: TimeInForce::Gtc,
            post_only: true,
            client_id: None,
        };
        let command = Command::Submit { order: order as u64 + 1, request };
        market.on_command(AccountId::new(0), command, 0, &mut out).unwrap();
    }
    assert_eq!(market.resting() as i64, orders);
    let started = Instant::now();
    tape(&mut market, columns, row);
    let spent = started.elapsed();
    assert_eq!(market.resting() as i64, orders, "they are far from the touch");
    spent
}

#[inline(never)]
fn tape(market: &mut Market, columns: &Narrow, from: usize) {
    let view = columns.view();
    let (mut row, mut out) = (from, Vec::new());
    while row < view.len() {
        let end = view.message_end(row);
        market.on_message(&view, row, end, 0, &mut out).unwrap();
        row = end;
    }
}

fn main() {
    let columns = columns();
    if let Some(orders) = std::env::args().skip(1).find_map(|argument| argument.parse().ok()) {
        run(&columns, orders);
        return;
    }
    let counts = [0, 1, 20, 400, 5_000];
    let mut least = counts.map(|_| f64::INFINITY);
    for _ in 0..ROUNDS {
        for (orders, least) in counts.iter().zip(&mut least) {
            *least = least.min(run(&columns, *orders).as_nanos() as f64 / ROWS as f64);
        }
    }
    for (orders, spent) in counts.iter().zip(least) {
        println!("{orders:5} orders: {spent:6.2} ns a row, {:.2} of one order", spent / least[1]);
    }
}
