//! The order of a liquidation, which stands in an object of its own.

use crate::decode::error::DecodeError;
use crate::decode::json::Json;
use crate::decode::parse::{parse_price, parse_qty, parse_time};
use crate::event::{Event, EventKind, FLAG_LAST};
use crate::types::Instrument;

const MESSAGE: &str = "forceOrder";

/// Raw values of a `forceOrder`.
#[derive(Default)]
pub(super) struct ForcedOrder<'a> {
    symbol: Option<&'a [u8]>,
    side: Option<&'a [u8]>,
    price: Option<&'a [u8]>,
    filled: Option<&'a [u8]>,
    time: Option<&'a [u8]>,
}

impl<'a> ForcedOrder<'a> {
    /// Reads the text of the object.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, DecodeError> {
        let mut order = Self::default();
        Json::new(text).object(|json, key| {
            let value = json.value()?;
            match key {
                b"s" => order.symbol = Some(value),
                b"S" => order.side = Some(value),
                b"p" => order.price = Some(value),
                b"z" => order.filled = Some(value),
                b"T" => order.time = Some(value),
                _ => {}
            }
            Ok(())
        })?;
        Ok(order)
    }

    pub(super) fn symbol(&self) -> Result<&'a [u8], DecodeError> {
        need(self.symbol, "s")
    }

    /// What it says of an instrument: the order's price, and what has been filled of it so far. The average price of
    /// the fills (`ap`) lies off the grid.
    pub(super) fn event(&self, instrument: &Instrument, ts_recv: i64) -> Result<Event, DecodeError> {
        let side = match need(self.side, "S")? {
            b"BUY" => 1,
            b"SELL" => -1,
            other => return Err(DecodeError::value("S", other, "BUY or SELL")),
        };
        Ok(Event {
            ts_event: parse_time("T", need(self.time, "T")?)?,
            ts_recv,
            kind: EventKind::Liquidation,
            side,
            flags: FLAG_LAST,
            price: parse_price("p", instrument.price_increment, need(self.price, "p")?)?,
            qty: parse_qty("z", instrument.qty_increment, need(self.filled, "z")?)?,
            id: 0,
        })
    }
}

fn need<'a>(value: Option<&'a [u8]>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    value.ok_or(DecodeError::Missing { message: MESSAGE, field })
}
