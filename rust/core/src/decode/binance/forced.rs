//! The order of a liquidation, which stands in an object of its own.

use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value, set};
use crate::decode::parse::{parse_price, parse_qty, parse_time};
use crate::event::{Event, EventKind, FLAG_LAST};
use crate::types::Instrument;

const MESSAGE: &str = "forceOrder";

/// Raw values of a `forceOrder`.
#[derive(Default)]
pub(super) struct ForcedOrder<'a> {
    symbol: Option<Value<'a>>,
    side: Option<Value<'a>>,
    price: Option<Value<'a>>,
    filled: Option<Value<'a>>,
    time: Option<Value<'a>>,
}

impl<'a> ForcedOrder<'a> {
    /// Reads the object that is next.
    pub(super) fn read(mut json: Json<'a>) -> Result<Self, DecodeError> {
        let mut order = Self::default();
        json.object(|json, key| {
            let value = json.value()?;
            match key {
                b"s" => set(&mut order.symbol, "s", value),
                b"S" => set(&mut order.side, "S", value),
                b"p" => set(&mut order.price, "p", value),
                b"z" => set(&mut order.filled, "z", value),
                b"T" => set(&mut order.time, "T", value),
                _ => Ok(()),
            }
        })?;
        Ok(order)
    }

    pub(super) fn symbol(&self) -> Result<&'a [u8], DecodeError> {
        need(self.symbol, "s").map(Value::text)
    }

    /// What it says of an instrument: the order's price, and what has been filled of it so far. The average price of
    /// the fills (`ap`) lies off the grid.
    pub(super) fn event(&self, instrument: &Instrument, ts_recv: i64) -> Result<Event, DecodeError> {
        let side = match need(self.side, "S")?.text() {
            b"BUY" => 1,
            b"SELL" => -1,
            other => return Err(DecodeError::value("S", other, "BUY or SELL")),
        };
        Ok(Event {
            ts_event: parse_time("T", need(self.time, "T")?.raw())?,
            ts_recv,
            kind: EventKind::Liquidation,
            side,
            flags: FLAG_LAST,
            price: parse_price("p", instrument.price_increment, need(self.price, "p")?.decimal())?,
            qty: parse_qty("z", instrument.qty_increment, need(self.filled, "z")?.decimal())?,
            id: 0,
        })
    }
}

fn need<'a>(value: Option<Value<'a>>, field: &'static str) -> Result<Value<'a>, DecodeError> {
    value.ok_or(DecodeError::Missing { message: MESSAGE, field })
}
