//! Levels of a book as Python gives them: lists of pairs, or arrays.

use numpy::{PyArray2, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyList, PyTuple};
use tradecore_core::event::{is_price, is_qty};
use tradecore_core::types::{Increment, Instrument, Level};

use crate::columns::slice_of;
use crate::errors;
use crate::values::to_steps;

/// Reads the levels of one side, `(price, qty)` in units.
struct Levels<'a> {
    instrument: &'a Instrument,
    out: &'a mut Vec<Level>,
}

/// The levels of a side, read into memory that is used again.
pub(crate) fn read_levels(
    instrument: &Instrument,
    levels: &Bound<'_, PyAny>,
    out: &mut Vec<Level>,
) -> PyResult<()> {
    out.clear();
    Levels { instrument, out }.read(levels)
}

impl Levels<'_> {
    #[inline]
    fn push(&mut self, price: i64, qty: i64) -> PyResult<()> {
        if !is_price(price) || !is_qty(qty) {
            let (field, limit) = if is_qty(qty) {
                ("price", "is beyond ±2^60 steps")
            } else {
                ("qty", "is negative or beyond 2^60 steps")
            };
            let value = if is_qty(qty) { price } else { qty };
            return Err(errors::invalid(field, format!("{value} {limit}")));
        }
        self.out.push(Level { price, qty });
        Ok(())
    }

    #[inline]
    fn steps(&self, field: &str, grid: Increment, value: &Bound<'_, PyAny>) -> PyResult<i64> {
        if let Ok(float) = value.cast_exact::<PyFloat>() {
            return self.float_steps(field, grid, float.value());
        }
        to_steps(field, self.instrument.id.as_str(), grid, value)
    }

    #[inline]
    fn float_steps(&self, field: &str, grid: Increment, value: f64) -> PyResult<i64> {
        grid.steps_from_f64(value).map_err(|e| errors::decimal(field, self.instrument.id.as_str(), e))
    }

    fn pair(&mut self, price: &Bound<'_, PyAny>, qty: &Bound<'_, PyAny>) -> PyResult<()> {
        let price = self.steps("price", self.instrument.price_increment, price)?;
        let qty = self.steps("qty", self.instrument.qty_increment, qty)?;
        self.push(price, qty)
    }

    fn level(&mut self, level: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(pair) = level.cast_exact::<PyTuple>()
            && pair.len() == 2
        {
            return self.pair(&*pair.get_borrowed_item(0)?, &*pair.get_borrowed_item(1)?);
        }
        let pair: Option<Vec<_>> =
            level.try_iter().ok().and_then(|items| items.collect::<PyResult<_>>().ok());
        match pair.as_deref() {
            Some([price, qty]) => self.pair(price, qty),
            _ => Err(errors::invalid("level", format!("{} is not (price, qty)", level.repr()?))),
        }
    }

    fn read(&mut self, levels: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(list) = levels.cast_exact::<PyList>() {
            for level in list {
                self.level(&level)?;
            }
            return Ok(());
        }
        if let Ok(array) = levels.cast::<PyArray2<f64>>() {
            return self.array(array);
        }
        for level in levels.try_iter()? {
            self.level(&level?)?;
        }
        Ok(())
    }

    fn array(&mut self, array: &Bound<'_, PyArray2<f64>>) -> PyResult<()> {
        if array.shape()[1] != 2 {
            return Err(errors::invalid("levels", "an array of levels has two columns, price and qty"));
        }
        let array = array.readonly();
        let numbers = slice_of(&array, "levels")?;
        for pair in numbers.chunks_exact(2) {
            let price = self.float_steps("price", self.instrument.price_increment, pair[0])?;
            let qty = self.float_steps("qty", self.instrument.qty_increment, pair[1])?;
            self.push(price, qty)?;
        }
        Ok(())
    }
}
