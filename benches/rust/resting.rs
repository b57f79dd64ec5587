//! What own orders far from the touch cost a market, beside the same market without any.
//!
//! `cargo bench --bench resting` prints the least of runs in turns: what else the machine does only adds. With a number
//! of orders as its argument it runs once, so that instructions can be counted:
//! `valgrind --tool=callgrind --toggle-collect='*resting::tape*' BINARY 400`.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

mod tape;

use std::time::{Duration, Instant};

use tape::{Narrow, busy, instrument};
use tradecore_core::book::FillBasis;
use tradecore_core::event::Columns;
use tradecore_core::orders::{Command, OrderRequest, OrderType};
use tradecore_core::random::Random;
use tradecore_core::sim::{Market, Matching, QueueRule};
use tradecore_core::types::{AccountId, MarketId, Price, Qty, Side};

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 25;
/// Orders rest from this far behind the touch, over as many ticks again.
const AWAY: i64 = 2_000;

/// Places the orders after the first messages, and times the rest.
fn run(columns: &Narrow, orders: i64) -> Duration {
    let random = Random::new(1, 0);
    let queue = QueueRule::Power(3.0).into();
    let mut market =
        Market::new(instrument("BTCUSDT.SYNTH"), FillBasis::L2, queue, Matching::default(), random).unwrap();
    let view = columns.view();
    let (mut row, mut out) = (0, Vec::new());
    for rows in view.messages(0, view.len()).take(10) {
        market.on_message(&view, rows, 0, &mut out);
        row = rows.to;
    }
    for order in 0..orders {
        let side = if order % 2 == 0 { Side::Buy } else { Side::Sell };
        let best = if side == Side::Buy { market.book().best_bid() } else { market.book().best_ask() };
        let request = OrderRequest {
            post_only: true,
            ..OrderRequest::new(
                MarketId::new(0),
                side,
                OrderType::Limit {
                    price: Price::new(best.unwrap() - side.sign() * (AWAY + order / 2 * 7 % AWAY)),
                },
                Qty::new(10),
            )
        };
        let command = Command::Submit { order: order as u64 + 1, request };
        market.on_command(AccountId::new(0), command, 0, &mut out);
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
    let mut out = Vec::new();
    for rows in view.messages(from, view.len()) {
        market.on_message(&view, rows, 0, &mut out);
    }
}

fn main() {
    let columns = busy(ROWS);
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
