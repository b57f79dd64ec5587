//! Venue bytes to events, without I/O of its own.

mod binance;
mod bybit;
mod capture;
mod depths;
mod error;
mod hft;
mod json;
mod klines;
mod levels;
mod lines;
mod merged;
mod named;
mod others;
mod packed;
mod parallel;
mod parse;
mod summary;
mod survey;
mod table;
mod tardis;
mod text;
mod trade_ids;

pub use binance::{BinanceDecoder, BinanceFrame, BinanceMarket, BinanceOutcome, DepthSource};
pub use bybit::{BybitCounts, BybitReader};
pub use capture::{CaptureCounts, CaptureReader, TickerCheck};
pub use error::{DecodeError, PlacedError, Strictness};
pub use hft::{HFT_OWN, HftDecoder, HftRows};
pub use klines::{KlineReader, is_kline, kline_origin};
pub use lines::{FileBytes, Lines, OpenFile};
pub use merged::{Merged, ReadEvents};
pub use parallel::ClockOffset;
pub use summary::FeedSummary;
pub use survey::{Latencies, Occurrences, Spells, Stretch, Survey};
pub use table::{ColumnMap, Receipt, TableCounts, TableHead, TableKind, TableOptions, TableReader};
pub use tardis::{TARDIS_EXCHANGES, TardisCounts, TardisKind, TardisOrigin, TardisReader, tardis_venue};
