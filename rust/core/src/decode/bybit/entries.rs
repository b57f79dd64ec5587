//! Topics whose data are lists: trades, liquidations, bars.

use crate::decode::entry::Entry;
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, unescaped};
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

/// A side as the venue spells it.
fn side<const N: usize>(entry: &Entry<'_, N>, at: usize) -> Result<i8, DecodeError> {
    match &*unescaped(entry.need(at)?.text()) {
        b"Buy" => Ok(1),
        b"Sell" => Ok(-1),
        other => Err(DecodeError::value(entry.key(at), other, "Buy or Sell")),
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
        let entry = Entry::read(json, "publicTrade", &KEYS)?;
        let Some(index) = find(symbols, entry.need(0)?.text()) else { return Ok(()) };
        let (instrument, id) = (symbols[index].instrument(), entry.need(1)?.text());
        // Blocks are agreed upon elsewhere, and orders of retail price improvement are not in the book.
        let is_off_book = [6, 7].iter().any(|at| entry.get(*at).is_some_and(|value| value.raw() == b"true"));
        let event = Event {
            ts_event: entry.time(2)?,
            ts_recv,
            kind: if is_off_book { EventKind::OffBookTrade } else { EventKind::Trade },
            side: side(&entry, 5)?,
            flags: FLAG_LAST,
            price: entry.paid(3, instrument)?,
            qty: entry.qty(4, instrument)?,
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
        let mut start = json.clone();
        let mut entry = Entry::read(json, "allLiquidation", &KEYS)?;
        if entry.get(0).is_none() {
            entry = Entry::read(&mut start, "liquidation", &OLD)?;
        }
        let Some(index) = find(symbols, entry.need(0)?.text()) else { return Ok(()) };
        let instrument = symbols[index].instrument();
        let event = Event {
            ts_event: entry.time(1)?,
            ts_recv,
            kind: EventKind::Liquidation,
            side: -side(&entry, 2)?,
            flags: FLAG_LAST,
            price: entry.paid(4, instrument)?,
            qty: entry.qty(3, instrument)?,
            id: 0,
        };
        // The price at which nothing is left is 0 of a long position without leverage: nobody traded there.
        if event.price > 0 {
            list.push((index, event));
        }
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
        let entry = Entry::read(json, "kline", &KEYS)?;
        let bar = VenueBar {
            ts_open: entry.time(0)?,
            ts_close: entry.time(1)?.saturating_add(MS),
            ts_recv,
            open: entry.price(2, instrument)?,
            high: entry.price(3, instrument)?,
            low: entry.price(4, instrument)?,
            close: entry.price(5, instrument)?,
            volume: entry.volume(6, instrument)?,
            buy_volume: None,
            trades: 0,
        };
        bar.check()?;
        bars.push((bar, entry.need(7)?.raw() == b"true"));
        Ok(())
    })?;
    Ok(bars)
}
