//! Event columns between numpy and Rust.
//!
//! Input is borrowed: [`NumpyColumns`] keeps a reference to every array and the addresses of their data, so that
//! the kernel can read them without the GIL. Output is moved: vectors become arrays without a copy.

use std::sync::Arc;

use numpy::{Element, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::event::{Columns, EventColumns, Ints, View};

use crate::errors;

/// A contiguous column whose array is kept alive.
struct Column<T> {
    /// Owns the memory behind `data`.
    _array: Py<PyAny>,
    data: *const T,
    len: usize,
}

// SAFETY: the column is read-only memory owned by `_array`, which outlives it; a `Py` may move between threads.
unsafe impl<T: Sync> Send for Column<T> {}
// SAFETY: as above; only shared reads happen.
unsafe impl<T: Sync> Sync for Column<T> {}

impl<T: Element> Column<T> {
    fn new(array: &PyReadonlyArray1<'_, T>, name: &str) -> PyResult<Self> {
        let slice = slice_of(array, name)?;
        Ok(Self { _array: array.as_any().clone().unbind(), data: slice.as_ptr(), len: slice.len() })
    }

    #[inline]
    fn slice(&self) -> &[T] {
        // SAFETY: `data` and `len` came from a contiguous array that `_array` keeps alive. The array could only
        // change under us if another Python thread wrote to it, which the documentation forbids.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

enum IntColumn {
    Narrow(Column<i32>),
    Wide(Column<i64>),
}

impl IntColumn {
    fn new(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        if let Ok(narrow) = value.extract::<PyReadonlyArray1<'_, i32>>() {
            return Ok(Self::Narrow(Column::new(&narrow, name)?));
        }
        Ok(Self::Wide(Column::new(&typed(value, name, "int32 or int64")?, name)?))
    }

    #[inline]
    fn ints(&self) -> Ints<'_> {
        match self {
            Self::Narrow(column) => Ints::Narrow(column.slice()),
            Self::Wide(column) => Ints::Wide(column.slice()),
        }
    }
}

fn typed<'py, T: Element>(
    value: &Bound<'py, PyAny>,
    name: &str,
    expected: &str,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    value.extract::<PyReadonlyArray1<'py, T>>().map_err(|_| {
        let found = match value.getattr("dtype") {
            Ok(dtype) => format!("dtype {dtype}"),
            Err(_) => format!("{}", value.get_type()),
        };
        PyTypeError::new_err(format!(
            "column {name}: expected a one-dimensional {expected} array, not {found}"
        ))
    })
}

/// Borrowed numpy columns.
pub(crate) struct NumpyColumns {
    ts_event: Column<i64>,
    ts_recv: Column<i64>,
    kind: Column<u8>,
    side: Column<i8>,
    flags: Column<u8>,
    price: IntColumn,
    qty: IntColumn,
    id: Option<Column<u64>>,
}

impl NumpyColumns {
    /// Borrows the arrays of a mapping by column name; `id` may be absent.
    pub(crate) fn new(mapping: &Bound<'_, PyAny>) -> PyResult<Self> {
        let get = |name: &str| -> PyResult<Bound<'_, PyAny>> {
            mapping.get_item(name).map_err(|e| {
                if e.is_instance_of::<PyKeyError>(mapping.py()) {
                    errors::invalid(name, "this column is missing")
                } else {
                    e
                }
            })
        };
        let id = match mapping.call_method1("get", ("id",)) {
            Ok(value) if !value.is_none() => Some(Column::new(&typed(&value, "id", "uint64")?, "id")?),
            _ => None,
        };
        Ok(Self {
            ts_event: Column::new(&typed(&get("ts_event")?, "ts_event", "int64")?, "ts_event")?,
            ts_recv: Column::new(&typed(&get("ts_recv")?, "ts_recv", "int64")?, "ts_recv")?,
            kind: Column::new(&typed(&get("kind")?, "kind", "uint8")?, "kind")?,
            side: Column::new(&typed(&get("side")?, "side", "int8")?, "side")?,
            flags: Column::new(&typed(&get("flags")?, "flags", "uint8")?, "flags")?,
            price: IntColumn::new(&get("price")?, "price")?,
            qty: IntColumn::new(&get("qty")?, "qty")?,
            id,
        })
    }

    pub(crate) fn shared(mapping: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Columns>> {
        Ok(Arc::new(Self::new(mapping)?))
    }
}

impl Columns for NumpyColumns {
    #[inline]
    fn view(&self) -> View<'_> {
        View {
            ts_event: self.ts_event.slice(),
            ts_recv: self.ts_recv.slice(),
            kind: self.kind.slice(),
            side: self.side.slice(),
            flags: self.flags.slice(),
            price: self.price.ints(),
            qty: self.qty.ints(),
            id: self.id.as_ref().map(Column::slice),
        }
    }
}

/// Moves columns into a dictionary of arrays.
pub(crate) fn to_arrays(py: Python<'_>, columns: EventColumns) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ts_event", PyArray1::from_vec(py, columns.ts_event))?;
    dict.set_item("ts_recv", PyArray1::from_vec(py, columns.ts_recv))?;
    dict.set_item("kind", PyArray1::from_vec(py, columns.kind))?;
    dict.set_item("side", PyArray1::from_vec(py, columns.side))?;
    dict.set_item("flags", PyArray1::from_vec(py, columns.flags))?;
    dict.set_item("price", PyArray1::from_vec(py, columns.price))?;
    dict.set_item("qty", PyArray1::from_vec(py, columns.qty))?;
    dict.set_item("id", PyArray1::from_vec(py, columns.id))?;
    Ok(dict)
}

/// An array's data as a slice, for calls that finish before they return.
pub(crate) fn slice_of<'a, 'py, T: Element>(
    array: &'a PyReadonlyArray1<'py, T>,
    name: &str,
) -> PyResult<&'a [T]>
where
    'py: 'a,
{
    array.as_slice().map_err(|_| errors::invalid(name, "the array is not contiguous"))
}
