//! A bar of the venue, which stands in an object of its own.

use crate::decode::entry::Entry;
use crate::decode::error::DecodeError;
use crate::decode::feed::{FeedMessage, FeedSink};
use crate::decode::json::Json;
use crate::decode::parse::parse_u64;
use crate::event::VenueBar;
use crate::types::Instrument;

/// What is read of it, in the order of [`KEYS`].
const KEYS: [&str; 10] = ["t", "T", "o", "h", "l", "c", "v", "V", "n", "x"];

/// Stamps are whole milliseconds: a bar ends right after its last one.
const MS: i64 = 1_000_000;

/// Reads a bar, and hands it to the sink if it is over.
pub(super) fn read_kline(
    mut json: Json<'_>,
    instrument: &Instrument,
    ts_recv: i64,
    out: &mut impl FeedSink,
) -> Result<FeedMessage, DecodeError> {
    let entry = Entry::read(&mut json, "kline", &KEYS)?;
    let is_over = match entry.need(9)?.raw() {
        b"true" => true,
        b"false" => false,
        other => return Err(DecodeError::value("x", other, "true or false")),
    };
    let bar = VenueBar {
        ts_open: entry.time(0)?,
        ts_close: entry.time(1)?.saturating_add(MS),
        ts_recv,
        open: entry.price(2, instrument)?,
        high: entry.price(3, instrument)?,
        low: entry.price(4, instrument)?,
        close: entry.price(5, instrument)?,
        volume: entry.volume(6, instrument)?,
        buy_volume: Some(entry.volume(7, instrument)?),
        trades: parse_u64("n", entry.need(8)?.raw())?.try_into().unwrap_or(i64::MAX),
    };
    bar.check()?;
    if is_over {
        out.push_bar(&bar);
    }
    Ok(if is_over { FeedMessage::Kline } else { FeedMessage::OpenKline })
}
