//! What a request for the depth by REST is answered with: `result` of `/v5/market/orderbook`.

use std::ops::Range;

use super::book::BookUpdate;
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value, set};
use crate::decode::parse::{parse_time, parse_u64};
use crate::decode::symbol::{Symbol, find};
use crate::types::Level;

fn need<'a>(value: Option<Value<'a>>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    value.map(Value::raw).ok_or(DecodeError::Missing { message: "answer", field })
}

/// A whole book.
pub(super) struct AnsweredBook {
    /// The place of its symbol; `None` if that was not asked for.
    pub(super) index: Option<usize>,
    pub(super) update: BookUpdate,
    /// Rows of the levels: bids, asks.
    pub(super) sides: [Range<usize>; 2],
}

impl AnsweredBook {
    /// Reads what an answer holds; `None` if it is no book.
    pub(super) fn read(
        result: &Json<'_>,
        symbols: &mut [Symbol],
        levels: &mut Vec<Level>,
    ) -> Result<Option<Self>, DecodeError> {
        let mut result = result.clone();
        if result.peek() != Some(b'{') {
            return Ok(None);
        }
        let (mut name, mut id, mut sequence) = (None, None, None);
        let (mut sent, mut engine, mut sides) = (None, None, [None, None]);
        result.object(|json, key| {
            let (slot, name): (&mut Option<Value<'_>>, _) = match key {
                b"s" => (&mut name, "s"),
                b"u" => (&mut id, "u"),
                b"seq" => (&mut sequence, "seq"),
                b"ts" => (&mut sent, "ts"),
                b"cts" => (&mut engine, "cts"),
                b"b" | b"a" => {
                    let (at, name) = if key == b"b" { (0, "b") } else { (1, "a") };
                    set(&mut sides[at], name, json.clone())?;
                    return json.value().map(|_| ());
                }
                _ => return json.value().map(|_| ()),
            };
            set(slot, name, json.value()?)
        })?;
        let (Some(name), [Some(bids), Some(asks)]) = (name, sides) else { return Ok(None) };
        let update = BookUpdate {
            is_snapshot: true,
            sent: parse_time("ts", need(sent, "ts")?)?,
            engine: engine.map(|value| parse_time("cts", value.raw())).transpose()?,
            id: parse_u64("u", need(id, "u")?)?,
            sequence: sequence.map_or(Ok(0), |value| parse_u64("seq", value.raw()))?,
        };
        let index = find(symbols, name.text());
        let mut rows = [0..0, 0..0];
        if let Some(index) = index {
            for (at, field, mut side) in [(0, "b", bids), (1, "a", asks)] {
                rows[at] = symbols[index].levels(field, &mut side, levels)?;
            }
        }
        Ok(Some(Self { index, update, sides: rows }))
    }
}
