//! What indicators cost inside of the kernel: a bar to each, and a column of them.
//!
//! `cargo bench --bench indicators` prints the least of runs, ns a row: what else the machine does only adds.
//! With names as arguments those are run.
#![allow(clippy::unwrap_used, clippy::needless_range_loop, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use tradecore_core::indicators::{BAR, NanPolicy, Stream};
use tradecore_core::random::Random;

const ROWS: usize = 100_000;
const ROUNDS: usize = 200;
const NAMES: [&str; 10] = ["rsi", "macd", "bbands", "atr", "ema", "sma", "dema", "tema", "natr", "adx"];

/// The least of several runs, ns a row.
fn least(mut run: impl FnMut()) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        run();
        started.elapsed().as_secs_f64() * 1e9 / ROWS as f64
    });
    times.fold(f64::INFINITY, f64::min)
}

/// A random walk: columns of bars.
fn market() -> [Vec<f64>; BAR] {
    let mut random = Random::new(1, 0);
    let mut close = 100.0;
    let mut bars: [Vec<f64>; BAR] = Default::default();
    for at in 0..ROWS {
        let open = close;
        close *= 1.0 + 0.002 * (random.unit() - 0.5);
        let range = 0.001 * close * random.unit();
        let bar = [open, open.max(close) + range, open.min(close) - range, close, 5.0, at as f64];
        bars.iter_mut().zip(bar).for_each(|(column, value)| column.push(value));
    }
    bars
}

fn main() {
    let bars = market();
    println!("{:<8} {:>8} {:>8}", "", "a bar", "a column");
    let mut names: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if names.is_empty() {
        names = NAMES.map(str::to_owned).to_vec();
    }
    for name in names {
        let mut stream = Stream::parse(&name, &[], NanPolicy::Restart).unwrap();
        let bar = least(|| {
            for at in 0..ROWS {
                let bar = [bars[0][at], bars[1][at], bars[2][at], bars[3][at], bars[4][at], bars[5][at]];
                black_box(stream.update_bar(black_box(&bar)));
            }
        });
        let spec = stream.spec();
        let columns: Vec<&[f64]> =
            spec.inputs.iter().map(|input| bars[input.of_bar().unwrap()].as_slice()).collect();
        let mut out = vec![vec![0.0; ROWS]; spec.outputs.len()];
        let mut into: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        let column = least(|| stream.batch(&columns, black_box(&mut into)));
        println!("{name:<8} {bar:>8.2} {column:>8.2}");
    }
}
