//! Fuzz targets of the core and the catalog.
//!
//! A [`Target`] takes bytes and panics where a rule is broken: what is written for machines or people is mutated as it
//! is, typed inputs are drawn from the bytes by [`Dice`]. [`Fuzzer`] mutates seeds of our own generators, keeps what
//! reaches new code where the build counts it (feature `guided`), and makes what fails as small as it can.

mod coverage;
mod dice;
mod fuzzer;
mod mutate;
mod targets;

#[path = "../../core/tests/common/mod.rs"]
mod common;

pub use dice::Dice;
pub use fuzzer::{Failure, Fuzzer, attempt, save};
pub use targets::{TARGETS, Target};
