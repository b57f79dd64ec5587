//! Levels of a book as Python gives them: lists of pairs, or arrays.

use numpy::{PyArray2, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyList, PyTuple};
use tradecore_core::event::{
    Event, EventColumns, EventKind, EventSink as _, FLAG_SNAPSHOT, is_price, is_qty,
};
use tradecore_core::types::{Instrument, Level};

use crate::columns::slice_of;
use crate::errors;
use crate::values::to_steps;

/// Reads the levels of one side, `(price, qty)` in units, into memory that is used again.
///
/// Floats have a way of their own, without a word on what is wrong with them: where it fails, the way of all others
/// says it.
pub(crate) fn read_levels(
    instrument: &Instrument,
    levels: &Bound<'_, PyAny>,
    out: &mut Vec<Level>,
) -> PyResult<()> {
    out.clear();
    if let Ok(list) = levels.cast_exact::<PyList>() {
        for level in list {
            match plain_pair(instrument, &level) {
                Some(level) => out.push(level),
                None => out.push(any_pair(instrument, &level)?),
            }
        }
    } else if let Ok(array) = levels.cast::<PyArray2<f64>>() {
        if array.shape()[1] != 2 {
            return Err(errors::invalid("levels", "an array of levels has two columns, price and qty"));
        }
        let array = array.readonly();
        for pair in slice_of(&array, "levels")?.chunks_exact(2) {
            match float_level(instrument, pair[0], pair[1]) {
                Some(level) => out.push(level),
                None => {
                    let [price, qty] = [pair[0], pair[1]].map(|number| PyFloat::new(levels.py(), number));
                    out.push(checked_level(instrument, &price, &qty)?);
                }
            }
        }
    } else {
        for level in levels.try_iter()? {
            out.push(any_pair(instrument, &level?)?);
        }
    }
    Ok(())
}

/// A book update as one message, in memory that is used again.
pub(crate) struct LevelMessage<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) rows: &'a mut EventColumns,
    pub(crate) sides: &'a mut [Vec<Level>; 2],
}

impl LevelMessage<'_> {
    /// Makes the rows of an update that is known at `at_ns`; a snapshot replaces the book.
    pub(crate) fn read(
        self,
        (at_ns, ts_event): (i64, i64),
        bids: &Bound<'_, PyAny>,
        asks: &Bound<'_, PyAny>,
        snapshot: bool,
    ) -> PyResult<()> {
        let Self { instrument, rows, sides } = self;
        read_levels(instrument, bids, &mut sides[0])?;
        read_levels(instrument, asks, &mut sides[1])?;
        rows.clear();
        let template = Event {
            ts_event,
            ts_recv: at_ns,
            kind: EventKind::BookSet,
            side: 0,
            flags: if snapshot { FLAG_SNAPSHOT } else { 0 },
            price: 0,
            qty: 0,
            id: 0,
        };
        if snapshot {
            rows.push(Event { kind: EventKind::BookClear, ..template });
        }
        rows.push_levels(template, &sides[0], &sides[1]);
        rows.end_message();
        Ok(())
    }
}

/// A tuple of two floats that are a level; `None` for anything else.
#[inline]
fn plain_pair(instrument: &Instrument, level: &Bound<'_, PyAny>) -> Option<Level> {
    let pair = level.cast_exact::<PyTuple>().ok().filter(|pair| pair.len() == 2)?;
    let price = pair.get_borrowed_item(0).ok()?.cast_exact::<PyFloat>().ok()?.value();
    let qty = pair.get_borrowed_item(1).ok()?.cast_exact::<PyFloat>().ok()?.value();
    float_level(instrument, price, qty)
}

#[inline]
fn float_level(instrument: &Instrument, price: f64, qty: f64) -> Option<Level> {
    // Steps of a float are far from where prices end.
    let price = instrument.price_increment.near_steps(price)?;
    let qty = instrument.qty_increment.near_steps(qty)?;
    is_qty(qty).then_some(Level { price, qty })
}

/// A pair of anything that is a price and a quantity.
fn any_pair(instrument: &Instrument, level: &Bound<'_, PyAny>) -> PyResult<Level> {
    if let Ok(pair) = level.cast_exact::<PyTuple>()
        && pair.len() == 2
    {
        return checked_level(instrument, &*pair.get_borrowed_item(0)?, &*pair.get_borrowed_item(1)?);
    }
    let pair: Option<Vec<_>> = level.try_iter().ok().and_then(|items| items.collect::<PyResult<_>>().ok());
    match pair.as_deref() {
        Some([price, qty]) => checked_level(instrument, price, qty),
        _ => Err(errors::invalid("level", format!("{} is not (price, qty)", level.repr()?))),
    }
}

fn checked_level(
    instrument: &Instrument,
    price: &Bound<'_, PyAny>,
    qty: &Bound<'_, PyAny>,
) -> PyResult<Level> {
    let id = instrument.id.as_str();
    let price = to_steps("price", id, instrument.price_increment, price)?;
    let qty = to_steps("qty", id, instrument.qty_increment, qty)?;
    if !is_price(price) {
        return Err(errors::invalid("price", format!("{price} steps are beyond ±2^60")));
    }
    if !is_qty(qty) {
        return Err(errors::invalid("qty", format!("{qty} steps are negative or beyond 2^60")));
    }
    Ok(Level { price, qty })
}
