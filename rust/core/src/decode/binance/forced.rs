//! The order of a liquidation, which stands in an object of its own.

use crate::decode::entry::Entry;
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value};
use crate::event::{Event, EventKind, FLAG_LAST};
use crate::types::Instrument;

/// What is read of it.
const KEYS: [&str; 5] = ["s", "S", "p", "z", "T"];

/// A `forceOrder`.
pub(super) struct ForcedOrder<'a>(Entry<'a, { KEYS.len() }>);

impl<'a> ForcedOrder<'a> {
    /// Reads the object that is next.
    pub(super) fn read(mut json: Json<'a>) -> Result<Self, DecodeError> {
        Entry::read(&mut json, "forceOrder", &KEYS).map(Self)
    }

    pub(super) fn symbol(&self) -> Result<&'a [u8], DecodeError> {
        self.0.need(0).map(Value::text)
    }

    /// What it says of an instrument: the order's price, and what has been filled of it so far. The average price of
    /// the fills (`ap`) lies off the grid.
    pub(super) fn event(&self, instrument: &Instrument, ts_recv: i64) -> Result<Event, DecodeError> {
        let side = match self.0.need(1)?.text() {
            b"BUY" => 1,
            b"SELL" => -1,
            other => return Err(DecodeError::value("S", other, "BUY or SELL")),
        };
        Ok(Event {
            ts_event: self.0.time(4)?,
            ts_recv,
            kind: EventKind::Liquidation,
            side,
            flags: FLAG_LAST,
            price: self.0.price(2, instrument)?,
            qty: self.0.qty(3, instrument)?,
            id: 0,
        })
    }
}
