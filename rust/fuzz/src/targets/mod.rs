//! What is fuzzed, a file for each.

mod backtest;
mod binance;
mod book;
mod bybit;
mod capture;
mod coinbase;
mod columns;
mod feed;
mod hft;
mod instrument;
mod journal;
mod kernel;
mod ledger;
mod lines;
mod market;
mod numbers;
mod order;
mod part;
mod records;
mod session;
mod state;
mod sync;
mod table;
mod tardis;
mod text;
mod venues;

/// Something that takes bytes and panics where a rule is broken.
pub struct Target {
    /// Its name, that of its file.
    pub name: &'static str,
    /// Tries an input.
    pub run: fn(&[u8]),
    /// Inputs of our own generators to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of its format.
    pub tokens: &'static [&'static str],
    /// Mutations that the tests try.
    pub iterations: u64,
}

/// All targets.
pub const TARGETS: [Target; 22] = [
    backtest::TARGET,
    binance::TARGET,
    book::TARGET,
    bybit::TARGET,
    capture::TARGET,
    coinbase::TARGET,
    columns::TARGET,
    hft::TARGET,
    instrument::TARGET,
    journal::TARGET,
    kernel::TARGET,
    ledger::TARGET,
    lines::TARGET,
    market::TARGET,
    numbers::TARGET,
    order::TARGET,
    part::TARGET,
    records::TARGET,
    state::TARGET,
    sync::TARGET,
    table::TARGET,
    tardis::TARGET,
];

/// Seeds for inputs that are drawn: noise of a few lengths.
fn noise() -> Vec<Vec<u8>> {
    let mut random = tradecore_core::random::Random::new(7, 0);
    [16, 64, 256, 1_024].map(|len| (0..len).map(|_| random.bits() as u8).collect()).to_vec()
}
