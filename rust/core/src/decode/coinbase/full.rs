//! Messages of the channel `full`, and the snapshot of single orders that it is laid on.

use super::exchange::{cells, side_of};
use super::head::{Head, Key};
use super::orders::{OrderKey, Resting, Step};
use crate::decode::error::DecodeError;
use crate::decode::json::Value;
use crate::decode::parse::{parse_price, parse_qty};
use crate::types::Instrument;

const MESSAGE: &str = "full";
/// Most orders that are taken of one snapshot.
const MAX_ORDERS: usize = 1 << 20;

/// Reads what a message that is no trade does.
pub(super) fn step(head: &Head<'_>, kind: &[u8], spec: &Instrument) -> Result<Step, DecodeError> {
    let qty = |key: Key| parse_qty(key.name(), spec.qty_increment, head.need(MESSAGE, key)?.decimal());
    let price = |key: Key| parse_price(key.name(), spec.price_increment, head.need(MESSAGE, key)?.decimal());
    Ok(match kind {
        b"open" => {
            let order = Resting {
                side: side_of(Key::Side.name(), head.need(MESSAGE, Key::Side)?)?,
                price: price(Key::Price)?,
                qty: qty(Key::RemainingSize)?,
            };
            let key = key(head, Key::OrderId)?;
            if order.qty > 0 { Step::Open(key, order) } else { Step::Nothing }
        }
        b"done" => Step::Done(key(head, Key::OrderId)?),
        // One of funds has no size: it never rests.
        b"change" if head.value(Key::NewSize).is_some() => {
            let moved = head.value(Key::NewPrice).map(|_| price(Key::NewPrice)).transpose()?;
            let (key, left) = (key(head, Key::OrderId)?, qty(Key::NewSize)?);
            if left > 0 { Step::Change(key, moved, left) } else { Step::Done(key) }
        }
        _ => Step::Nothing,
    })
}

/// Reads whose order has traded, of a trade of a quantity.
pub(super) fn execution(head: &Head<'_>, qty: i64) -> Result<Step, DecodeError> {
    Ok(Step::Match(key(head, Key::MakerOrderId)?, qty))
}

/// Whether a book that was asked for tells single orders: its rows end with a name, not with how many there are. Of an
/// empty one nobody knows.
pub(super) fn is_of_orders(head: &Head<'_>) -> Option<bool> {
    [Key::Bids, Key::Asks].into_iter().filter_map(|key| head.start(key)).find_map(|mut rows| {
        let mut is_named = None;
        let read = rows.array(|json| {
            let mut row = json.clone();
            json.value()?;
            is_named
                .get_or_insert_with(|| cells(&mut row).is_ok_and(|[.., last]| last.raw().starts_with(b"\"")));
            Ok(())
        });
        if read.is_ok() { is_named } else { Some(false) }
    })
}

/// Reads the orders of a snapshot, in the order of the queue: `[price, quantity, order]`.
pub(super) fn orders(head: &Head<'_>, spec: &Instrument) -> Result<Vec<(OrderKey, Resting)>, DecodeError> {
    let mut found = Vec::new();
    for (field, side) in [(Key::Bids, 1), (Key::Asks, -1)] {
        head.need_start("snapshot of orders", field)?.array(|json| {
            let [price, qty, name] = cells(json)?;
            if found.len() == MAX_ORDERS {
                return Err(DecodeError::TooMany { what: "orders in a frame", limit: MAX_ORDERS });
            }
            let order = Resting {
                side,
                price: parse_price(field.name(), spec.price_increment, price.decimal())?,
                qty: parse_qty(field.name(), spec.qty_increment, qty.decimal())?,
            };
            let key = named(field.name(), name)?;
            if order.qty > 0 {
                found.push((key, order));
            }
            Ok(())
        })?;
    }
    Ok(found)
}

fn key(head: &Head<'_>, key: Key) -> Result<OrderKey, DecodeError> {
    named(key.name(), head.need(MESSAGE, key)?)
}

/// Reads a UUID: 32 hexadecimal digits, and dashes.
fn named(field: &'static str, value: Value<'_>) -> Result<OrderKey, DecodeError> {
    let (mut number, mut digits) = (0_u128, 0);
    for &byte in value.text().iter().filter(|&&byte| byte != b'-') {
        let digit = char::from(byte).to_digit(16).filter(|_| digits < 32);
        let digit = digit.ok_or_else(|| DecodeError::value(field, value.text(), "a UUID"))?;
        (number, digits) = (number << 4 | u128::from(digit), digits + 1);
    }
    if digits == 32 { Ok(OrderKey(number)) } else { Err(DecodeError::value(field, value.text(), "a UUID")) }
}
