//! Venue bytes to events, without I/O of its own.

mod binance;
mod capture;
mod error;
mod json;
mod lines;
mod tardis;

pub use binance::{BinanceDecoder, BinanceFrame, BinanceMarket, BinanceOutcome};
pub use capture::{CaptureCounts, CaptureReader, Strictness, TickerCheck};
pub use error::{DecodeError, PlacedError};
pub use lines::Lines;
pub use tardis::{TardisCounts, TardisKind, TardisReader};
