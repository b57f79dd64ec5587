//! Venue bytes to events, without I/O of its own.

mod binance;
mod bybit;
mod capture;
mod clock;
mod coinbase;
mod date;
mod depths;
mod entry;
mod error;
mod exported;
mod feed;
mod feeds;
mod hft;
mod holes;
mod json;
mod klines;
mod late;
mod levels;
mod lines;
mod merged;
mod named;
mod others;
mod packed;
mod parallel;
mod parse;
mod records;
mod seen;
mod sieve;
mod stamp;
mod stamps;
mod stream_book;
mod summary;
mod survey;
mod symbol;
mod table;
mod tardis;
mod text;
mod trade_ids;

pub use binance::{BinanceDecoder, BinanceMarket, DepthSource};
pub use bybit::{BybitCounts, BybitDecoder, BybitReader};
pub use capture::{CaptureCounts, CaptureReader, TickerCheck};
pub use coinbase::CoinbaseDecoder;
pub use error::{DecodeError, PlacedError, Strictness};
pub use exported::{ExportedReader, is_exported};
pub use feed::{Control, ControlKind, Decoder, FeedLog, FeedMessage, FeedOutcome, FeedSink, Subject};
pub use feeds::{FEED_VENUES, FeedDecoder};
pub use hft::{HFT_OWN, HftDecoder, HftRows};
pub use holes::Holes;
pub use klines::{KlineCounts, KlineReader, is_kline, kline_origin};
pub use late::LateRow;
pub use lines::{FileBytes, Lines, OpenFile};
pub use merged::{Merged, ReadEvents};
pub use packed::gunzip;
pub use parallel::{ClockOffset, receipt};
pub use parse::{not_in_ns, other_unit};
pub use records::{
    RECORD_HEAD, RECORD_LIMIT, RecordIndex, RecordRest, RecordScan, index_records, push_frame_record,
    record_head,
};
pub use sieve::TradeSieve;
pub use summary::FeedSummary;
pub use survey::{Latencies, Occurrences, Spells, Stretch, Survey};
pub use table::{ColumnMap, Receipt, TableCounts, TableHead, TableKind, TableOptions, TableReader};
pub use tardis::{TARDIS_EXCHANGES, TardisCounts, TardisKind, TardisOrigin, TardisReader, tardis_venue};
