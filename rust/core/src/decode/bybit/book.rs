//! The data of `orderbook` topics, as connections and files have them.

use std::ops::Range;

use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value, set, unescaped};
use crate::decode::parse::parse_u64;
use crate::decode::stamps::Stamps;
use crate::decode::symbol::Symbol;
use crate::types::Level;

const MESSAGE: &str = "orderbook";

/// What stands under `data`, its levels read.
pub(super) struct BookData<'a> {
    symbol: Option<Value<'a>>,
    update: Option<Value<'a>>,
    sequence: Option<Value<'a>>,
    /// Rows of the levels: bids, asks.
    pub(super) sides: [Range<usize>; 2],
}

/// What a message says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct BookUpdate {
    pub(super) is_snapshot: bool,
    /// When it was sent, ns.
    pub(super) sent: i64,
    /// When the engine did it, ns.
    pub(super) engine: Option<i64>,
    /// Its number in the topic; 1 when the service began anew.
    pub(super) id: u64,
    /// Its place in the sequence of all topics, 0 without one.
    pub(super) sequence: u64,
}

impl BookUpdate {
    /// Its stamps, received at a time, ns.
    pub(super) fn stamps(&self, ts_recv: i64) -> Stamps {
        Stamps { ts_event: self.engine.unwrap_or(self.sent), ts_recv, id: self.id }
    }
}

impl<'a> BookData<'a> {
    /// Reads the object that is next.
    pub(super) fn read(
        json: &mut Json<'a>,
        symbol: &mut Symbol,
        levels: &mut Vec<Level>,
    ) -> Result<Self, DecodeError> {
        let (mut name, mut update, mut sequence, mut sides) = (None, None, None, [None, None]);
        json.object(|json, key| match key {
            b"b" => set(&mut sides[0], "b", symbol.levels("b", json, levels)?),
            b"a" => set(&mut sides[1], "a", symbol.levels("a", json, levels)?),
            b"s" => set(&mut name, "s", json.value()?),
            b"u" => set(&mut update, "u", json.value()?),
            b"seq" => set(&mut sequence, "seq", json.value()?),
            _ => json.value().map(|_| ()),
        })?;
        let sides = sides.map(|side| side.unwrap_or(0..0));
        Ok(Self { symbol: name, update, sequence, sides })
    }

    /// Refuses data of another symbol than their topic's.
    pub(super) fn check_symbol(&self, expected: &[u8]) -> Result<(), DecodeError> {
        let name = self.symbol.ok_or(DecodeError::Missing { message: MESSAGE, field: "s" })?;
        if name.text() == expected || unescaped(name.text()) == unescaped(expected) {
            return Ok(());
        }
        let expected = format!("the symbol of the topic, {}", String::from_utf8_lossy(expected));
        Err(DecodeError::value("s", name.text(), &expected))
    }

    /// Its number in the topic, and its place in the sequence of all topics.
    pub(super) fn ids(&self) -> Result<(u64, u64), DecodeError> {
        let update = self.update.ok_or(DecodeError::Missing { message: MESSAGE, field: "u" })?;
        let sequence = self.sequence.map_or(Ok(0), |value| parse_u64("seq", value.raw()))?;
        Ok((parse_u64("u", update.raw())?, sequence))
    }
}
