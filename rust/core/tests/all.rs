//! All tests of the core by its public side, in one program: each further one costs seconds to compile and link.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod common;

mod backtest;
mod bybit;
mod coinbase;
mod coinbase_orders;
mod decode;
mod feeds;
mod indicators;
mod journal;
mod ledger;
mod limits;
mod market;
mod numbers;
mod oracle;
mod reports;
mod risk;
mod run;
mod signals;
mod stops;
mod terms;
