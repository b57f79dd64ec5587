//! The deterministic half of tradecore: exact numbers, events, books, decoders, the simulated venue, the ledger,
//! the kernel and the compiled strategies.
//!
//! Nothing here reads a clock, a socket, a file or an unseeded random number: time and seeds are arguments, bytes
//! come in as slices or readers.

#![forbid(unsafe_code)]

pub mod backtest;
pub mod bars;
pub mod book;
pub mod decode;
pub mod event;
pub mod exec;
pub mod features;
pub mod indicators;
pub mod kernel;
pub mod ledger;
pub mod orders;
pub mod random;
pub mod risk;
pub mod sim;
pub mod strategies;
pub mod synth;
pub mod types;
