//! Python numbers to integer steps and back.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString, PyType};
use tradecore_core::event::{FINE_SCALE, TIME_LIMIT};
use tradecore_core::orders::TimeInForce;
use tradecore_core::types::{Decimal, Increment, Instrument, Money, Price, Qty, Side};

use crate::errors;

static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();

fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    DECIMAL.import(py, "decimal", "Decimal")
}

/// A Python `Decimal` with this text.
pub(crate) fn decimal_from_text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    decimal_type(py)?.call1((text,))
}

pub(crate) fn money_to_py(py: Python<'_>, amount: Money) -> PyResult<Bound<'_, PyAny>> {
    decimal_from_text(py, &amount.to_string())
}

pub(crate) fn decimal_to_py(py: Python<'_>, value: Decimal) -> PyResult<Bound<'_, PyAny>> {
    decimal_from_text(py, &value.to_string())
}

/// The text of a `Decimal`, `str` or `int`; `None` for other types.
fn exact_text(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = value.py();
    if value.is_instance_of::<PyString>() || value.is_exact_instance_of::<PyInt>() {
        return Ok(Some(value.str()?.to_string()));
    }
    if value.is_instance(decimal_type(py)?)? {
        return Ok(Some(value.str()?.to_string()));
    }
    if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    // Integers of other libraries (numpy) say so through __index__.
    match value.call_method0(pyo3::intern!(py, "__index__")) {
        Ok(index) => Ok(Some(index.str()?.to_string())),
        Err(_) => Ok(None),
    }
}

/// An integer given as `int`, or as text in a specification.
pub(crate) fn to_integer(field: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let text = exact_text(value)?;
    text.as_deref().and_then(|text| text.parse().ok()).ok_or_else(|| {
        errors::invalid(
            field,
            format!(
                "{} is not an integer",
                value.repr().map_or_else(|_| "this".into(), |shown| shown.to_string())
            ),
        )
    })
}

/// A decimal given as `Decimal`, `str` or `int`.
pub(crate) fn to_decimal(field: &str, value: &Bound<'_, PyAny>) -> PyResult<Decimal> {
    let Some(text) = exact_text(value)? else {
        return Err(PyTypeError::new_err(format!(
            "{field}: expected Decimal, str or int, not {}",
            value.get_type().name()?
        )));
    };
    text.parse().map_err(|e| errors::decimal(field, "", e))
}

/// A price or quantity given as `Decimal`, `str`, `int` or a `float` on the grid, in steps.
pub(crate) fn to_steps(
    field: &str,
    instrument: &str,
    grid: Increment,
    value: &Bound<'_, PyAny>,
) -> PyResult<i64> {
    let fail = |e| errors::decimal(field, instrument, e);
    if let Ok(float) = value.cast::<PyFloat>() {
        return grid.steps_from_f64(float.value()).map_err(fail);
    }
    if let Ok(text) = value.cast::<PyString>() {
        return grid.parse(text.to_cow()?.as_bytes()).map_err(fail);
    }
    let Some(text) = exact_text(value)? else {
        return Err(PyTypeError::new_err(format!(
            "{field}: expected Decimal, str, int or float, not {}",
            value.get_type().name()?
        )));
    };
    grid.parse(text.as_bytes()).map_err(fail)
}

/// A price of an instrument, given like any steps.
pub(crate) fn to_price(instrument: &Instrument, price: &Bound<'_, PyAny>) -> PyResult<Price> {
    to_steps("price", instrument.id.as_str(), instrument.price_increment, price).map(Price::new)
}

/// A quantity of an instrument, given like any steps.
pub(crate) fn to_qty(field: &str, instrument: &Instrument, qty: &Bound<'_, PyAny>) -> PyResult<Qty> {
    to_steps(field, instrument.id.as_str(), instrument.qty_increment, qty).map(Qty::new)
}

/// A side given as `Side`, 1 or -1, or a word.
pub(crate) fn to_side(value: &Bound<'_, PyAny>) -> PyResult<Side> {
    if let Ok(number) = value.extract::<i8>() {
        if let Some(side) = Side::from_column(number) {
            return Ok(side);
        }
    } else if let Ok(word) = value.cast::<PyString>() {
        match word.to_cow()?.to_ascii_lowercase().as_str() {
            "buy" | "bid" => return Ok(Side::Buy),
            "sell" | "ask" => return Ok(Side::Sell),
            _ => {}
        }
    }
    Err(errors::invalid("side", format!("{} is neither buy nor sell", value.repr()?)))
}

/// A time in force given as `TimeInForce` or a word.
pub(crate) fn to_time_in_force(value: &Bound<'_, PyAny>) -> PyResult<TimeInForce> {
    if let Ok(number) = value.extract::<u8>() {
        match number {
            0 => return Ok(TimeInForce::Gtc),
            1 => return Ok(TimeInForce::Ioc),
            2 => return Ok(TimeInForce::Fok),
            _ => {}
        }
    } else if let Ok(word) = value.cast::<PyString>() {
        match word.to_cow()?.to_ascii_lowercase().as_str() {
            "gtc" => return Ok(TimeInForce::Gtc),
            "ioc" => return Ok(TimeInForce::Ioc),
            "fok" => return Ok(TimeInForce::Fok),
            _ => {}
        }
    }
    Err(errors::invalid("time_in_force", format!("{} is not gtc, ioc or fok", value.repr()?)))
}

/// A length of time given in ns or as text such as `"100ms"`; at least `least`.
pub(crate) fn to_duration(field: &str, value: &Bound<'_, PyAny>, least: i64) -> PyResult<i64> {
    let ns = if let Ok(text) = value.cast::<PyString>() {
        let text = text.to_cow()?;
        tradecore_core::types::parse_duration(&text).map_err(|_| {
            errors::invalid(
                field,
                format!("{text:?} is not a length of time such as \"100ms\", \"1s\" or \"5m\""),
            )
        })?
    } else {
        let number = value.extract::<i64>().ok().filter(|_| !value.is_instance_of::<PyBool>());
        number.ok_or_else(|| errors::invalid(field, "expected nanoseconds or a text such as \"100ms\""))?
    };
    if ns < least {
        return Err(errors::invalid(field, format!("{ns} ns is less than {least} ns")));
    }
    if ns > TIME_LIMIT {
        return Err(errors::invalid(field, format!("{ns} ns is more than a hundred years")));
    }
    Ok(ns)
}

/// A number that counts 10^-9.
pub(crate) fn fine(value: i64) -> f64 {
    value as f64 / 10f64.powi(FINE_SCALE as i32)
}
