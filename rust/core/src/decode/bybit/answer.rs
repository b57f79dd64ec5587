//! What a request for the depth by REST is answered with: `result` of `/v5/market/orderbook`.

use std::ops::Range;

use super::book::{BookData, BookUpdate};
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value, set};
use crate::decode::parse::parse_time;
use crate::decode::symbol::Symbol;
use crate::types::Level;

/// A whole book, its levels not yet read.
pub(super) struct AnsweredBook<'a> {
    symbol: Value<'a>,
    sent: Option<Value<'a>>,
    engine: Option<Value<'a>>,
    data: Json<'a>,
}

impl<'a> AnsweredBook<'a> {
    /// Looks what an answer holds; `None` if it is no book.
    pub(super) fn read(result: &Json<'a>) -> Result<Option<Self>, DecodeError> {
        let mut json = result.clone();
        if json.peek() != Some(b'{') {
            return Ok(None);
        }
        let (mut symbol, mut sent, mut engine, mut sides) = (None, None, None, [false; 2]);
        json.object(|json, key| {
            let (slot, name) = match key {
                b"s" => (&mut symbol, "s"),
                b"ts" => (&mut sent, "ts"),
                b"cts" => (&mut engine, "cts"),
                _ => {
                    sides = [sides[0] || key == b"b", sides[1] || key == b"a"];
                    return json.value().map(|_| ());
                }
            };
            set(slot, name, json.value()?)
        })?;
        let book = symbol.filter(|_| sides == [true; 2]);
        Ok(book.map(|symbol| Self { symbol, sent, engine, data: result.clone() }))
    }

    /// Whose it is.
    pub(super) fn symbol(&self) -> &'a [u8] {
        self.symbol.text()
    }

    /// What it says of itself, and the rows of its levels: bids, asks.
    pub(super) fn book(
        &self,
        symbol: &mut Symbol,
        levels: &mut Vec<Level>,
    ) -> Result<(BookUpdate, [Range<usize>; 2]), DecodeError> {
        let data = BookData::read(&mut self.data.clone(), symbol, levels)?;
        let (id, sequence) = data.ids()?;
        let sent = self.sent.ok_or(DecodeError::Missing { message: "answer", field: "ts" })?;
        let sent = parse_time("ts", sent.raw())?;
        let engine = self.engine.map(|value| parse_time("cts", value.raw())).transpose()?;
        Ok((BookUpdate { is_snapshot: true, sent, engine, id, sequence }, data.sides))
    }
}
