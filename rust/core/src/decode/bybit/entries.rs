//! Topics whose data are lists: trades, liquidations, bars.

use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value, unescaped};
use crate::decode::parse::{parse_nearest, parse_price, parse_qty, parse_time};
use crate::decode::symbol::{Symbol, find};
use crate::decode::trade_ids::trade_number;
use crate::event::{Event, EventKind, FLAG_LAST, VenueBar};
use crate::types::Instrument;

/// A trade.
pub(super) struct Print<'a> {
    pub(super) instrument: usize,
    /// Its id as it is written.
    pub(super) id: &'a [u8],
    pub(super) event: Event,
}

/// The entries of a list, or the only one there is.
fn each<'a>(
    mut json: Json<'a>,
    mut take: impl FnMut(&mut Json<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    if json.peek() == Some(b'[') { json.array(take) } else { take(&mut json) }
}

/// Values of the keys of an object.
fn fields<'a, const N: usize>(
    json: &mut Json<'a>,
    keys: &[&'static str; N],
) -> Result<[Option<Value<'a>>; N], DecodeError> {
    let mut found = [None; N];
    json.object(|json, key| {
        let value = json.value()?;
        if let Some(at) = keys.iter().position(|name| name.as_bytes() == key) {
            found[at] = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}

/// A side as the venue spells it.
fn side(field: &'static str, value: Value<'_>) -> Result<i8, DecodeError> {
    match &*unescaped(value.text()) {
        b"Buy" => Ok(1),
        b"Sell" => Ok(-1),
        other => Err(DecodeError::value(field, other, "Buy or Sell")),
    }
}

/// Trades of instruments that are asked for, in the order of the message.
pub(super) fn trades<'a>(
    json: Json<'a>,
    symbols: &[Symbol],
    ts_recv: i64,
) -> Result<Vec<Print<'a>>, DecodeError> {
    const KEYS: [&str; 8] = ["s", "i", "T", "p", "v", "S", "BT", "RPI"];
    let mut prints = Vec::new();
    each(json, |json| {
        let found = fields(json, &KEYS)?;
        let need =
            |at: usize| found[at].ok_or(DecodeError::Missing { message: "publicTrade", field: KEYS[at] });
        let Some(index) = find(symbols, need(0)?.text()) else { return Ok(()) };
        let (instrument, id) = (symbols[index].instrument(), need(1)?.text());
        // Blocks are agreed upon elsewhere, and orders of retail price improvement are not in the book.
        let is_off_book = [6, 7].iter().any(|at| found[*at].is_some_and(|value| value.raw() == b"true"));
        let event = Event {
            ts_event: parse_time("T", need(2)?.raw())?,
            ts_recv,
            kind: if is_off_book { EventKind::OffBookTrade } else { EventKind::Trade },
            side: side("S", need(5)?)?,
            flags: FLAG_LAST,
            price: parse_price("p", instrument.price_increment, need(3)?.decimal())?,
            qty: parse_qty("v", instrument.qty_increment, need(4)?.decimal())?,
            id: trade_number(id),
        };
        prints.push(Print { instrument: index, id, event });
        Ok(())
    })?;
    Ok(prints)
}

/// Liquidations of instruments that are asked for. The venue names the side of the position: that of a long is sold.
pub(super) fn liquidations(
    json: Json<'_>,
    symbols: &[Symbol],
    ts_recv: i64,
) -> Result<Vec<(usize, Event)>, DecodeError> {
    const KEYS: [&str; 5] = ["s", "T", "S", "v", "p"];
    const OLD: [&str; 5] = ["symbol", "updatedTime", "side", "size", "price"];
    let mut list = Vec::new();
    each(json, |json| {
        let start = json.clone();
        let mut found = fields(json, &KEYS)?;
        if found[0].is_none() {
            found = fields(&mut start.clone(), &OLD)?;
        }
        let need =
            |at: usize| found[at].ok_or(DecodeError::Missing { message: "allLiquidation", field: KEYS[at] });
        let Some(index) = find(symbols, need(0)?.text()) else { return Ok(()) };
        let instrument = symbols[index].instrument();
        let event = Event {
            ts_event: parse_time("T", need(1)?.raw())?,
            ts_recv,
            kind: EventKind::Liquidation,
            side: -side("S", need(2)?)?,
            flags: FLAG_LAST,
            price: parse_price("p", instrument.price_increment, need(4)?.decimal())?,
            qty: parse_qty("v", instrument.qty_increment, need(3)?.decimal())?,
            id: 0,
        };
        list.push((index, event));
        Ok(())
    })?;
    Ok(list)
}

/// Bars, each with whether it is over.
pub(super) fn bars(
    json: Json<'_>,
    instrument: &Instrument,
    ts_recv: i64,
) -> Result<Vec<(VenueBar, bool)>, DecodeError> {
    const KEYS: [&str; 8] = ["start", "end", "open", "high", "low", "close", "volume", "confirm"];
    /// Stamps are whole milliseconds: a bar ends right after its last one.
    const MS: i64 = 1_000_000;
    let mut bars = Vec::new();
    each(json, |json| {
        let found = fields(json, &KEYS)?;
        let need = |at: usize| found[at].ok_or(DecodeError::Missing { message: "kline", field: KEYS[at] });
        let price = |at: usize| parse_price(KEYS[at], instrument.price_increment, need(at)?.decimal());
        let bar = VenueBar {
            ts_open: parse_time("start", need(0)?.raw())?,
            ts_close: parse_time("end", need(1)?.raw())?.saturating_add(MS),
            ts_recv,
            open: price(2)?,
            high: price(3)?,
            low: price(4)?,
            close: price(5)?,
            volume: parse_nearest("volume", instrument.qty_increment, need(6)?.decimal())?,
            buy_volume: None,
            trades: 0,
        };
        bar.check()?;
        bars.push((bar, need(7)?.raw() == b"true"));
        Ok(())
    })?;
    Ok(bars)
}
