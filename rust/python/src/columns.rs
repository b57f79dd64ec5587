//! Event columns between numpy and Rust.
//!
//! Input is borrowed: [`NumpyColumns`] keeps a reference to every array and the addresses of their data, so that
//! the kernel can read them without the GIL. Output is moved: vectors become arrays without a copy.

use std::sync::Arc;

use numpy::ndarray::Dimension;
use numpy::{Element, PyArray1, PyArrayMethods as _, PyReadonlyArray};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMapping};
use tradecore_catalog::{PackedColumns, PackedInts};
use tradecore_core::event::{Columns, EventColumns, FLAG_LAST, Ints, View};

use crate::errors;

fn mistyped(value: &Bound<'_, PyAny>, name: &str, expected: &str) -> PyErr {
    let found = match value.getattr("dtype") {
        Ok(dtype) => format!("dtype {dtype}"),
        Err(_) => format!("{}", value.get_type()),
    };
    PyTypeError::new_err(format!("column {name}: expected a one-dimensional {expected} array, not {found}"))
}

/// Columns by name, of a mapping or a frame.
pub(crate) struct ByName<'a, 'py> {
    given: &'a Bound<'py, PyAny>,
    names: Bound<'py, PyAny>,
}

impl<'a, 'py> ByName<'a, 'py> {
    /// `None` for what is neither of the two.
    pub(crate) fn of(given: &'a Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let mapping = || Some(given.cast::<PyMapping>().ok()?.clone().into_any());
        let names = given.getattr_opt("columns")?.or_else(mapping);
        Ok(names.map(|names| Self { given, names }))
    }

    /// A column, as an array where it knows how to become one. `None` if it is not there; an `id` may be None, too.
    pub(crate) fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        if !self.names.contains(name)? {
            return Ok(None);
        }
        let column = self.given.get_item(name)?;
        let column = match column.getattr_opt("to_numpy")? {
            Some(to_numpy) => to_numpy.call0()?,
            None => column,
        };
        Ok(Some(column).filter(|column| name != "id" || !column.is_none()))
    }
}

/// Borrowed numpy columns.
pub(crate) struct NumpyColumns {
    /// Lives no longer than `arrays`: it is only given out for as long as `self` is borrowed.
    view: View<'static>,
    _arrays: Arrays,
}

/// The arrays that own what a view shows.
#[derive(Default)]
struct Arrays(Vec<Py<PyAny>>);

impl Arrays {
    fn keep<T: Element>(
        &mut self,
        value: &Bound<'_, PyAny>,
        name: &str,
        expected: &str,
    ) -> PyResult<&'static [T]> {
        let array = value.cast::<PyArray1<T>>().map_err(|_| mistyped(value, name, expected))?;
        // SAFETY: the array owns this memory and is kept. It could only change under us if another Python thread
        // wrote to it, which the documentation forbids.
        let slice =
            unsafe { array.as_slice() }.map_err(|_| errors::invalid(name, "the array is not contiguous"))?;
        self.0.push(value.clone().unbind());
        // SAFETY: as above.
        Ok(unsafe { std::slice::from_raw_parts(slice.as_ptr(), slice.len()) })
    }

    fn keep_ints(&mut self, value: &Bound<'_, PyAny>, name: &str) -> PyResult<Ints<'static>> {
        if value.cast::<PyArray1<i32>>().is_ok() {
            return self.keep(value, name, "int32").map(Ints::Narrow);
        }
        self.keep(value, name, "int32 or int64").map(Ints::Wide)
    }
}

impl NumpyColumns {
    /// Borrows the arrays of a mapping, or of a frame, by column name; `id` may be absent.
    pub(crate) fn new(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Some(columns) = ByName::of(given)? else {
            let found = given.get_type().name()?;
            return Err(errors::invalid(
                "columns",
                format!("expected arrays by name, or a frame, got a {found}"),
            ));
        };
        Self::of(|name| columns.get(name))
    }

    /// Borrows columns of sound rows that hold whole messages.
    pub(crate) fn whole_messages(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let columns = Self::new(given)?;
        columns.view.check().map_err(|error| errors::invalid("columns", error.to_string()))?;
        if columns.view.flags.last().is_some_and(|flags| flags & FLAG_LAST == 0) {
            return Err(errors::invalid("flags", "the last row does not end its message"));
        }
        Ok(columns)
    }

    /// Borrows the arrays that are found by their names.
    pub(crate) fn of<'py>(find: impl Fn(&str) -> PyResult<Option<Bound<'py, PyAny>>>) -> PyResult<Self> {
        Python::attach(import_numpy)?;
        let get = |name: &str| find(name)?.ok_or_else(|| errors::invalid(name, "this column is missing"));
        let mut arrays = Arrays::default();
        let id = find("id")?.map(|id| arrays.keep(&id, "id", "uint64")).transpose()?;
        let view = View {
            ts_event: arrays.keep(&get("ts_event")?, "ts_event", "int64")?,
            ts_recv: arrays.keep(&get("ts_recv")?, "ts_recv", "int64")?,
            kind: arrays.keep(&get("kind")?, "kind", "uint8")?,
            side: arrays.keep(&get("side")?, "side", "int8")?,
            flags: arrays.keep(&get("flags")?, "flags", "uint8")?,
            price: arrays.keep_ints(&get("price")?, "price")?,
            qty: arrays.keep_ints(&get("qty")?, "qty")?,
            id,
        };
        Ok(Self { view, _arrays: arrays })
    }

    pub(crate) fn shared(mapping: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Columns>> {
        Ok(Arc::new(Self::new(mapping)?))
    }
}

impl Columns for NumpyColumns {
    #[inline]
    fn view(&self) -> View<'_> {
        self.view
    }
}

/// Raise DataError naming the first row that breaks a rule of events, or begins before the time ``previous``, ns.
#[pyfunction]
#[pyo3(signature = (instrument, columns, previous=None))]
pub(crate) fn check_columns(
    py: Python<'_>,
    instrument: String,
    columns: &Bound<'_, PyAny>,
    previous: Option<i64>,
) -> PyResult<()> {
    let columns = NumpyColumns::new(columns)?;
    let view = columns.view();
    py.detach(|| {
        view.check_lengths()?;
        view.check_rows(0, view.len(), previous.unwrap_or(i64::MIN))
    })
    .map_err(|error| errors::DataError::new_err((instrument, 0, error.to_string())))
}

/// Imports numpy before the first array is made: that imports it, too, and looks at its version, in calls that cannot fail,
/// where Ctrl-C would be a panic.
pub(crate) fn import_numpy(py: Python<'_>) -> PyResult<()> {
    static IMPORTED: PyOnceLock<()> = PyOnceLock::new();
    let import = || {
        py.import("numpy")?;
        py.check_signals()?;
        PyArray1::<u8>::zeros(py, 0, false);
        Ok(())
    };
    IMPORTED.get_or_try_init(py, import).copied()
}

/// Moves columns into a dictionary of arrays.
pub(crate) fn to_arrays(py: Python<'_>, columns: EventColumns) -> PyResult<Bound<'_, PyDict>> {
    import_numpy(py)?;
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

/// Moves packed columns into a dictionary of arrays.
pub(crate) fn packed_to_arrays(py: Python<'_>, columns: PackedColumns) -> PyResult<Bound<'_, PyDict>> {
    import_numpy(py)?;
    let dict = PyDict::new(py);
    let ints = |name: &str, values: PackedInts| match values {
        PackedInts::Narrow(values) => dict.set_item(name, PyArray1::from_vec(py, values)),
        PackedInts::Wide(values) => dict.set_item(name, PyArray1::from_vec(py, values)),
    };
    dict.set_item("ts_event", PyArray1::from_vec(py, columns.ts_event))?;
    dict.set_item("ts_recv", PyArray1::from_vec(py, columns.ts_recv))?;
    dict.set_item("kind", PyArray1::from_vec(py, columns.kind))?;
    dict.set_item("side", PyArray1::from_vec(py, columns.side))?;
    dict.set_item("flags", PyArray1::from_vec(py, columns.flags))?;
    ints("price", columns.price)?;
    ints("qty", columns.qty)?;
    if let Some(id) = columns.id {
        dict.set_item("id", PyArray1::from_vec(py, id))?;
    }
    Ok(dict)
}

/// An array's data as a slice, row by row, for calls that finish before they return.
pub(crate) fn slice_of<'a, 'py, T: Element, D: Dimension>(
    array: &'a PyReadonlyArray<'py, T, D>,
    name: &str,
) -> PyResult<&'a [T]>
where
    'py: 'a,
{
    array.as_slice().map_err(|_| errors::invalid(name, "the array is not contiguous"))
}
