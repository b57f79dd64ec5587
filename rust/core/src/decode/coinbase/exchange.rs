//! Messages of the Exchange feed.

use super::head::{Head, Key};
use super::lists::named;
use super::market::Print;
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value};
use crate::decode::parse::{parse_price, parse_qty};
use crate::decode::stamps::Quoted;
use crate::decode::symbol::{MAX_LEVELS, Symbol};
use crate::event::{Event, EventKind, FLAG_LAST};
use crate::types::{Instrument, Level};

/// Reads the levels of a snapshot.
pub(super) fn snapshot(
    head: &Head<'_>,
    symbol: &mut Symbol,
    levels: &mut [Vec<Level>; 2],
) -> Result<(), DecodeError> {
    for (at, key) in [Key::Bids, Key::Asks].into_iter().enumerate() {
        symbol.levels(key.name(), &mut head.need_start("snapshot", key)?, &mut levels[at])?;
    }
    Ok(())
}

/// Reads the changes of an update: `[side, price, quantity]`.
pub(super) fn changes(
    head: &Head<'_>,
    instrument: &Instrument,
    levels: &mut [Vec<Level>; 2],
) -> Result<(), DecodeError> {
    head.need_start("l2update", Key::Changes)?.array(|json| {
        let [side, price, qty] = cells(json)?;
        let at = usize::from(side_of("changes", side)? < 0);
        if levels[at].len() == MAX_LEVELS {
            return Err(DecodeError::TooMany { what: "levels in a frame", limit: MAX_LEVELS });
        }
        levels[at].push(Level {
            price: parse_price("changes", instrument.price_increment, price.decimal())?,
            qty: parse_qty("changes", instrument.qty_increment, qty.decimal())?,
        });
        Ok(())
    })
}

/// Reads a side: 1 of what is bought, -1 of what is sold.
pub(super) fn side_of(field: &'static str, value: Value<'_>) -> Result<i8, DecodeError> {
    match value.text() {
        b"buy" => Ok(1),
        b"sell" => Ok(-1),
        other => Err(DecodeError::value(field, other, "buy or sell")),
    }
}

/// Reads the first three values of the array that is next.
pub(super) fn cells<'a>(json: &mut Json<'a>) -> Result<[Value<'a>; 3], DecodeError> {
    let mut cells: [Option<Value<'a>>; 3] = [None; 3];
    let mut count = 0;
    json.array(|json| {
        let value = json.value()?;
        if let Some(cell) = cells.get_mut(count) {
            *cell = Some(value);
        }
        count += 1;
        Ok(())
    })?;
    let [Some(first), Some(second), Some(third)] = cells else {
        return Err(DecodeError::Cells { got: count, expected: 3 });
    };
    Ok([first, second, third])
}

/// Reads a trade; the newest before the subscription (`last_match`) is history.
pub(super) fn trade(
    head: &Head<'_>,
    (instrument, spec): (usize, &Instrument),
    is_history: bool,
    ts_recv: i64,
) -> Result<Print, DecodeError> {
    const MESSAGE: &str = "match";
    let time = head.need(MESSAGE, Key::Time)?.text();
    let event = Event {
        ts_event: head
            .time(Key::Time)?
            .ok_or_else(|| DecodeError::value("time", time, "the time of a trade"))?,
        ts_recv,
        kind: EventKind::Trade,
        // The maker's: whoever crossed the spread is on the other side.
        side: -side_of("side", head.need(MESSAGE, Key::Side)?)?,
        flags: FLAG_LAST,
        // Of prints that are none venues write 0.
        price: parse_qty("price", spec.price_increment, head.need(MESSAGE, Key::Price)?.decimal())?,
        qty: parse_qty("size", spec.qty_increment, head.need(MESSAGE, Key::Size)?.decimal())?,
        id: head.number(MESSAGE, Key::TradeId)?,
    };
    Ok(Print { instrument, is_history, event })
}

/// Reads the best prices of a ticker; none where it has no quantities, as it had until 2022.
pub(super) fn quote(head: &Head<'_>, spec: &Instrument) -> Result<Option<Quoted>, DecodeError> {
    let keys = [Key::BestBid, Key::BestBidSize, Key::BestAsk, Key::BestAskSize];
    let grids = [spec.price_increment, spec.qty_increment];
    let mut numbers = [0; 4];
    for (at, key) in keys.into_iter().enumerate() {
        let Some(value) = head.value(key).filter(|value| value.raw() != b"\"\"") else { return Ok(None) };
        // A side that is empty has no price either.
        numbers[at] = parse_qty(key.name(), grids[at % 2], value.decimal())?;
    }
    Ok(Some([(numbers[0], numbers[1]), (numbers[2], numbers[3])]))
}

/// What is subscribed to, as `channel:product`.
pub(super) fn subscriptions(mut channels: Json<'_>) -> Result<Vec<String>, DecodeError> {
    let mut list = Vec::new();
    channels.array(|json| {
        let (mut name, mut products) = (None, Vec::new());
        json.object(|json, key| match key {
            b"name" => {
                name = Some(json.value()?);
                Ok(())
            }
            b"product_ids" => json.array(|json| {
                products.push(json.value()?);
                Ok(())
            }),
            _ => json.value().map(|_| ()),
        })?;
        let name = name.ok_or(DecodeError::Missing { message: "subscriptions", field: "name" })?;
        list.extend(products.into_iter().map(|product| named(name.text(), product.text())));
        Ok(())
    })?;
    Ok(list)
}
