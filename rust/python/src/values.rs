//! Python numbers to integer steps and back.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString, PyType};
use tradecore_core::book::FillBasis;
use tradecore_core::event::{FINE_SCALE, TIME_LIMIT};
use tradecore_core::ledger::{CostBasis, UnknownCostBasis};
use tradecore_core::types::{
    Decimal, Increment, Instrument, Money, Price, Qty, Side, UnknownSide, format_duration, nearest_duration,
    parse_duration,
};

use crate::errors;
use crate::raised::answered;

static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static TIMEDELTA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static NANOSECONDS: PyOnceLock<Py<PyType>> = PyOnceLock::new();

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

/// A price of an instrument in steps.
pub(crate) fn price_to_py<'py>(py: Python<'py>, of: &Instrument, steps: i64) -> PyResult<Bound<'py, PyAny>> {
    decimal_from_text(py, &of.format_price(steps))
}

/// A quantity of an instrument in steps.
pub(crate) fn qty_to_py<'py>(py: Python<'py>, of: &Instrument, steps: i64) -> PyResult<Bound<'py, PyAny>> {
    decimal_from_text(py, &of.format_qty(steps))
}

pub(crate) fn decimal_to_py(py: Python<'_>, value: Decimal) -> PyResult<Bound<'_, PyAny>> {
    decimal_from_text(py, &value.to_string())
}

/// The text of a `Decimal`, `str` or `int`; `None` for other types.
fn exact_text(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = value.py();
    if value.is_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_instance(decimal_type(py)?)?
    {
        return text_of(value).map(Some);
    }
    if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    // Integers of other libraries (numpy) say so through __index__.
    let index = answered(py, value.call_method0(pyo3::intern!(py, "__index__")))?;
    index.map(|index| text_of(&index)).transpose()
}

/// What `str` makes of a value. Python looks for signals there, so that it can end in an interrupt: to show a value by
/// `Display` would lose that one and give a text that nobody wrote.
pub(crate) fn text_of(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.str()?.to_cow()?.into_owned())
}

/// An integer given as `int`, or as text in a specification.
pub(crate) fn to_integer(field: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let text = exact_text(value)?;
    text.as_deref()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| errors::invalid(field, format!("{} is not an integer", repr_of(value))))
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
    // What this cannot count its text says why.
    if value.is_exact_instance_of::<PyInt>()
        && let Some(steps) = value.extract().ok().and_then(|whole| grid.steps_from_whole(whole))
    {
        return Ok(steps);
    }
    if let Some(text) = exact_text(value)? {
        return grid.parse(text.as_bytes()).map_err(fail);
    }
    if let Some(text) = shortest_text(value)? {
        return grid.parse(text.as_bytes()).map_err(fail);
    }
    Err(PyTypeError::new_err(format!(
        "{field}: expected Decimal, str, int or float, not {}",
        value.get_type().name()?
    )))
}

/// Where a book comes from, by its word.
pub(crate) fn basis(word: &str) -> PyResult<FillBasis> {
    let found = FillBasis::ALL.into_iter().find(|basis| basis.as_str() == word);
    found.ok_or_else(|| {
        let words = FillBasis::ALL.map(FillBasis::as_str).join(", ");
        errors::invalid("basis", format!("{word:?} is none of {words}"))
    })
}

/// A number of any kind as a float.
pub(crate) fn to_f64(field: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(number) = value.extract::<f64>()
        && !value.is_instance_of::<PyBool>()
    {
        return Ok(number);
    }
    let text = value.cast::<PyString>().ok().and_then(|text| text.to_cow().ok()?.trim().parse().ok());
    text.ok_or_else(|| errors::invalid(field, format!("expected a number, got {}", repr_of(value))))
}

/// A whole number within bounds.
pub(crate) fn to_whole<'py, T>(
    field: &str,
    value: &Bound<'py, PyAny>,
    range: RangeInclusive<T>,
) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py> + PartialOrd + Debug,
{
    within(field, value, range, |range| {
        format!("a whole number from {:?} to {:?}", range.start(), range.end())
    })
}

/// The whole number of increments that a value of a table is.
pub(crate) fn to_count(field: &str, value: f64, increment: f64) -> PyResult<i64> {
    let count = (value / increment).round();
    if count.abs() < (1_i64 << 53) as f64 {
        return Ok(count as i64);
    }
    Err(errors::invalid(field, format!("{value} is too many times {increment} to be exact")))
}

/// A number of any kind within bounds, as a float.
pub(crate) fn to_number(field: &str, value: &Bound<'_, PyAny>, range: RangeInclusive<f64>) -> PyResult<f64> {
    within(field, value, range, |range| match (*range.start(), *range.end()) {
        (f64::MIN_POSITIVE, f64::MAX) => "a number greater than 0".to_owned(),
        (f64::MIN_POSITIVE, high) => format!("a number greater than 0, at most {high:?}"),
        (low, high) => format!("a number from {low:?} to {high:?}"),
    })
}

fn within<'py, T>(
    field: &str,
    value: &Bound<'py, PyAny>,
    range: RangeInclusive<T>,
    expected: impl FnOnce(&RangeInclusive<T>) -> String,
) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py> + PartialOrd + Debug,
{
    // What a number of Python is too large for is out of these bounds, too.
    value.extract::<T>().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        errors::invalid(field, format!("expected {}, got {}", expected(&range), repr_of(value)))
    })
}

/// Readers of arguments, by their name: a number that is out of bounds is said to be before it is used.
macro_rules! arguments {
    ($($vis:vis $name:ident: $type:ty = $read:ident($field:literal $(, $range:expr)?);)*) => {
        $($vis fn $name(value: &Bound<'_, PyAny>) -> PyResult<$type> {
            $read($field, value $(, $range)?)
        })*
    };
}
pub(crate) use arguments;

/// What random numbers begin with.
pub(crate) fn to_seed(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    value.extract().map_err(|_| unexpected("seed", "an integer from 0 to 2**64 - 1", value))
}

/// An argument that may be left out.
pub(crate) fn optional<T>(
    value: &Bound<'_, PyAny>,
    read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
) -> PyResult<Option<T>> {
    if value.is_none() { Ok(None) } else { read(value).map(Some) }
}

/// What Python shows of a value, the beginning of it if that is long.
pub(crate) fn repr_of(value: &Bound<'_, PyAny>) -> String {
    const SHOWN: usize = 200;
    let shown = value.repr().and_then(|shown| Ok(shown.to_cow()?.into_owned()));
    let Ok(shown) = shown else { return "a number of thousands of digits".into() };
    match shown.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// What is not what it should be.
pub(crate) fn unexpected(field: &str, what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    errors::invalid(field, format!("expected {what}, got {}", repr_of(given)))
}

/// The shortest decimal that a float of another library (`numpy.float32`) stands for, which is what it was made of:
/// as a Python float it has digits that nobody gave.
fn shortest_text(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if value.is_instance_of::<PyBool>() || !value.hasattr(pyo3::intern!(value.py(), "__float__"))? {
        return Ok(None);
    }
    let text = text_of(value)?;
    // `numpy.bool_` has a float, too.
    Ok(text.bytes().all(|c| c.is_ascii_digit() || b"+-.eE".contains(&c)).then_some(text))
}

/// A price of an instrument, given like any steps.
pub(crate) fn to_price(instrument: &Instrument, price: &Bound<'_, PyAny>) -> PyResult<Price> {
    to_steps("price", instrument.id.as_str(), instrument.price_increment, price).map(Price::new)
}

/// A quantity of an instrument, given like any steps.
pub(crate) fn to_qty(field: &str, instrument: &Instrument, qty: &Bound<'_, PyAny>) -> PyResult<Qty> {
    to_steps(field, instrument.id.as_str(), instrument.qty_increment, qty).map(Qty::new)
}

/// A side given as `Side`, 1 or -1, or a word for it.
pub(crate) fn to_side(value: &Bound<'_, PyAny>) -> PyResult<Side> {
    // Words first: to be no number takes an error of Python's.
    if let Ok(word) = value.cast::<PyString>() {
        let side = word.to_cow()?.parse();
        return side.map_err(|error: UnknownSide| errors::invalid("side", error.to_string()));
    }
    if let Some(side) = value.extract().ok().and_then(Side::from_column) {
        return Ok(side);
    }
    Err(errors::invalid("side", format!("{} is neither buy nor sell", value.repr()?)))
}

/// Which part of a position a fill closes, by its word.
pub(crate) fn to_cost_basis(word: &str) -> PyResult<CostBasis> {
    word.parse().map_err(|error: UnknownCostBasis| errors::invalid("cost_basis", error.to_string()))
}

/// A time from 1970 to 2116.
fn to_moment(field: &str, ns: &Bound<'_, PyAny>) -> PyResult<i64> {
    ns.extract().ok().filter(|ns| (0..=TIME_LIMIT).contains(ns)).ok_or_else(|| {
        errors::invalid(field, format!("{} is not a time in ns from 1970 to 2116", repr_of(ns)))
    })
}

/// When something happens, ns.
pub(crate) fn to_at(ns: &Bound<'_, PyAny>) -> PyResult<i64> {
    to_moment("at_ns", ns)
}

/// Until when something may happen, ns.
pub(crate) fn to_until(ns: &Bound<'_, PyAny>) -> PyResult<i64> {
    to_moment("until_ns", ns)
}

/// The venue's time of something, ns.
pub(crate) fn to_event(ns: &Bound<'_, PyAny>) -> PyResult<i64> {
    to_moment("ts_event", ns)
}

/// A length of time given as text such as `"100ms"`, as a `timedelta` or as a `Nanoseconds`; at least `least`.
pub(crate) fn to_duration(field: &str, value: &Bound<'_, PyAny>, least: i64) -> PyResult<i64> {
    let py = value.py();
    let ns = if let Ok(text) = value.cast::<PyString>() {
        let text = text.to_cow()?;
        parse_duration(&text).map_err(|_| {
            let near = text.parse().map_or_else(
                |_| nearest_duration(&text).map(|near| format!("{near:?}")),
                |number: f64| Some(with_units(number)),
            );
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            errors::invalid(
                field,
                format!("{text:?} is not a length of time such as \"100ms\", \"1s\" or \"5m\"{hint}"),
            )
        })?
    } else if value.is_instance(TIMEDELTA.import(py, "datetime", "timedelta")?)? {
        let part = |name| value.getattr(name)?.extract::<i64>();
        (part("days")? * 86_400 + part("seconds")?)
            .checked_mul(1_000_000)
            .and_then(|us| us.checked_add(part("microseconds").ok()?)?.checked_mul(1_000))
            .ok_or_else(|| errors::invalid(field, format!("{value} is out of range")))?
    } else if value.is_instance(NANOSECONDS.import(py, "tradecore.validation", "Nanoseconds")?)? {
        value.extract()?
    } else {
        unitless(field, value)?
    };
    let said = || if value.is_instance_of::<PyString>() { value.to_string() } else { format_duration(ns) };
    if ns < least {
        return Err(errors::invalid(field, format!("{} is less than {}", said(), format_duration(least))));
    }
    if ns > TIME_LIMIT {
        return Err(errors::invalid(field, format!("{} is more than a hundred years", said())));
    }
    Ok(ns)
}

/// A number that is to be a length of time: only 0 is one in every unit.
fn unitless(field: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let what = "expected a text such as \"100ms\", or a timedelta";
    let number = value.extract::<f64>().ok().filter(|_| !value.is_instance_of::<PyBool>());
    match number {
        Some(0.0) => Ok(0),
        Some(number) if number.is_finite() => Err(errors::invalid(
            field,
            format!("{value} has no unit: {what}; did you mean {}?", with_units(number)),
        )),
        _ => Err(errors::invalid(field, format!("{what}, got {}", repr_of(value)))),
    }
}

/// The likeliest lengths of time that somebody means with a number alone.
fn with_units(number: f64) -> String {
    let whole = number.fract() == 0.0 && number.abs() < 9e15;
    if !whole {
        return format!("\"{number}s\" or \"{number}ms\"");
    }
    let number = number as i64;
    // Other libraries count in nanoseconds; small numbers are mostly meant as seconds or milliseconds.
    if number.abs() < 100_000 {
        format!("\"{number}s\", \"{number}ms\" or \"{number}ns\"")
    } else {
        format!("\"{}\" or \"{}\"", format_duration(number), format_duration(number.saturating_mul(1_000)))
    }
}

/// A number that counts 10^-9.
pub(crate) fn fine(value: i64) -> f64 {
    value as f64 / 10f64.powi(FINE_SCALE as i32)
}
