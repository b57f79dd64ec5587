//! A bar of the venue, which stands in an object of its own.

use crate::decode::error::DecodeError;
use crate::decode::feed::{FeedMessage, FeedSink};
use crate::decode::json::{Json, Value};
use crate::decode::parse::{parse_nearest, parse_price, parse_time, parse_u64};
use crate::event::VenueBar;
use crate::types::Instrument;

const MESSAGE: &str = "kline";

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
    let mut found: [Option<Value<'_>>; KEYS.len()] = [None; KEYS.len()];
    json.object(|json, key| {
        let value = json.value()?;
        if let Some(at) = KEYS.iter().position(|name| name.as_bytes() == key) {
            found[at] = Some(value);
        }
        Ok(())
    })?;
    let need = |at: usize| found[at].ok_or(DecodeError::Missing { message: MESSAGE, field: KEYS[at] });
    let price = |at: usize| parse_price(KEYS[at], instrument.price_increment, need(at)?.decimal());
    let qty = |at: usize| parse_nearest(KEYS[at], instrument.qty_increment, need(at)?.decimal());
    let is_over = match need(9)?.raw() {
        b"true" => true,
        b"false" => false,
        other => return Err(DecodeError::value("x", other, "true or false")),
    };
    let bar = VenueBar {
        ts_open: parse_time("t", need(0)?.raw())?,
        ts_close: parse_time("T", need(1)?.raw())?.saturating_add(MS),
        ts_recv,
        open: price(2)?,
        high: price(3)?,
        low: price(4)?,
        close: price(5)?,
        volume: qty(6)?,
        buy_volume: Some(qty(7)?),
        trades: parse_u64("n", need(8)?.raw())?.try_into().unwrap_or(i64::MAX),
    };
    bar.check()?;
    if is_over {
        out.push_bar(&bar);
    }
    Ok(if is_over { FeedMessage::Kline } else { FeedMessage::OpenKline })
}
