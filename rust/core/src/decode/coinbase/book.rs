//! Events of the channel `l2_data`: levels as objects, both sides mixed.

use std::ops::Range;

use crate::decode::entry::Entry;
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value};
use crate::decode::parse::{Written, parse_price, parse_qty};
use crate::decode::symbol::{MAX_LEVELS, Symbol};
use crate::types::{Instrument, Level};

use super::product::product;
use super::stamp::stamp;

/// Changes of a product's book, or the whole of it.
#[derive(Debug)]
pub(super) struct BookEvent {
    pub(super) instrument: usize,
    pub(super) is_snapshot: bool,
    /// The newest time that one of its levels names, ns.
    pub(super) time: Option<i64>,
    /// Rows of the decoder's bids and asks.
    pub(super) sides: [Range<usize>; 2],
}

/// A level as it is written.
struct Update<'a> {
    is_bid: bool,
    time: &'a [u8],
    price: Written<'a>,
    qty: Written<'a>,
}

/// Reads the events that are next, of products that are asked for. Changes of one product that follow each other are one
/// event: a book between them never was.
pub(super) fn book_events(
    json: &mut Json<'_>,
    symbols: &[Symbol],
    levels: &mut [Vec<Level>; 2],
) -> Result<Vec<BookEvent>, DecodeError> {
    const MESSAGE: &str = "l2_data";
    let mut events: Vec<BookEvent> = Vec::with_capacity(1);
    json.array(|json| {
        let (mut kind, mut name, mut unread, mut read) = (None, None, None, None);
        json.object(|json, key| {
            match key {
                b"type" => kind = Some(json.value()?),
                b"product_id" => name = Some(json.value()?),
                b"updates" => match name.and_then(|name: Value<'_>| product(symbols, name.text())) {
                    Some(index) => {
                        read = Some((index, side_rows(json, symbols[index].instrument(), levels)?));
                    }
                    None => {
                        unread = Some(json.clone());
                        json.value()?;
                    }
                },
                _ => {
                    json.value()?;
                }
            }
            Ok(())
        })?;
        let need = |field| DecodeError::Missing { message: MESSAGE, field };
        let name = name.ok_or_else(|| need("product_id"))?;
        let (instrument, (time, sides)) = match (read, unread) {
            (Some(read), None) => read,
            (None, Some(mut start)) => match product(symbols, name.text()) {
                Some(index) => (index, side_rows(&mut start, symbols[index].instrument(), levels)?),
                None => return Ok(()),
            },
            (None, None) => return Err(need("updates")),
            (Some(_), Some(_)) => return Err(DecodeError::Duplicate("updates".into())),
        };
        let is_snapshot = match kind.ok_or_else(|| need("type"))?.text() {
            b"snapshot" => true,
            b"update" => false,
            other => return Err(DecodeError::value("type", other, "snapshot or update")),
        };
        match events.last_mut() {
            Some(last) if last.instrument == instrument && !(last.is_snapshot || is_snapshot) => {
                last.time = last.time.max(time);
                last.sides.iter_mut().zip(sides).for_each(|(last, side)| last.end = side.end);
            }
            _ => events.push(BookEvent { instrument, is_snapshot, time, sides }),
        }
        Ok(())
    })?;
    Ok(events)
}

/// Reads the levels that are next: the newest time they name, and their rows.
fn side_rows(
    json: &mut Json<'_>,
    instrument: &Instrument,
    levels: &mut [Vec<Level>; 2],
) -> Result<(Option<i64>, [Range<usize>; 2]), DecodeError> {
    let starts = [levels[0].len(), levels[1].len()];
    let (mut newest, mut known): (Option<i64>, &[u8]) = (None, b"");
    json.array(|json| {
        let update = match usual(&mut json.clone()) {
            Some((update, rest)) => {
                *json = rest;
                update
            }
            None => general(json)?,
        };
        // Levels mostly repeat the time of the one before.
        if update.time != known {
            newest = newest.max(stamp("event_time", update.time)?);
            known = update.time;
        }
        let level = Level {
            price: parse_price("price_level", instrument.price_increment, update.price)?,
            qty: parse_qty("new_quantity", instrument.qty_increment, update.qty)?,
        };
        if levels[0].len() + levels[1].len() == MAX_LEVELS {
            return Err(DecodeError::TooMany { what: "levels in a frame", limit: MAX_LEVELS });
        }
        levels[usize::from(!update.is_bid)].push(level);
        Ok(())
    })?;
    Ok((newest, [starts[0]..levels[0].len(), starts[1]..levels[1].len()]))
}

/// Reads a level written just as the venue writes them: keys in their order, no white space.
#[inline(always)]
fn usual<'a>(json: &mut Json<'a>) -> Option<(Update<'a>, Json<'a>)> {
    json.skip(b"{\"side\":\"")?;
    let is_bid = json.skip(b"bid\"").is_some();
    if !is_bid {
        json.skip(b"offer\"")?;
    }
    json.skip(b",\"event_time\":")?;
    let time = json.plain_string()?;
    json.skip(b",\"price_level\":")?;
    let price = Written::plain(json.plain_string()?);
    json.skip(b",\"new_quantity\":")?;
    let qty = Written::plain(json.plain_string()?);
    json.skip(b"}")?;
    Some((Update { is_bid, time, price, qty }, json.clone()))
}

/// Reads a level key by key.
#[inline(never)]
fn general<'a>(json: &mut Json<'a>) -> Result<Update<'a>, DecodeError> {
    const KEYS: [&str; 4] = ["side", "event_time", "price_level", "new_quantity"];
    let entry = Entry::read(json, "l2_data", &KEYS)?;
    let is_bid = match entry.need(0)?.text() {
        b"bid" => true,
        b"offer" | b"ask" => false,
        other => return Err(DecodeError::value("side", other, "bid or offer")),
    };
    let [time, price, qty] = [entry.need(1)?, entry.need(2)?, entry.need(3)?];
    Ok(Update { is_bid, time: time.text(), price: price.decimal(), qty: qty.decimal() })
}
