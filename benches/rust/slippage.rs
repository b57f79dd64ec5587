//! What an estimate of slippage costs that walks fifty levels, and one that goes on by the law.
//!
//! `cargo bench --bench slippage` prints the least of runs, ns an estimate: what else the machine does only adds.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use tradecore_core::book::L2Book;
use tradecore_core::exec::{Against, ImpactLaw, Slippage};
use tradecore_core::random::Random;
use tradecore_core::types::Side;

const LEVELS: i64 = 50;
const ROUNDS: usize = 200;
const TIMES: usize = 10_000;

fn main() {
    let (mut book, mut random, mut price) = (L2Book::new(), Random::new(1, 0), 600_000);
    book.set(Side::Buy, price, 10);
    let mut total = 0;
    for _ in 0..2 * LEVELS {
        price += 1 + (random.unit() * 5.0) as i64;
        book.set(Side::Sell, price, 7);
        total += 7;
    }
    let law = ImpactLaw::new(0.8, 0.03, 1e6).unwrap();
    for (what, qty) in [("50 levels", total / 2), ("100 levels and the law", 2 * total)] {
        let least = (0..ROUNDS).fold(f64::INFINITY, |least, _| {
            let started = Instant::now();
            for _ in 0..TIMES {
                let book = black_box(&book);
                black_box(Slippage::estimate(book, Side::Buy, black_box(qty), Against::Mid, Some(law)));
            }
            least.min(started.elapsed().as_secs_f64() * 1e9 / TIMES as f64)
        });
        println!("{what:<24} {least:>8.1} ns");
    }
}
