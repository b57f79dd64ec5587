//! Event columns in memory, as a backtest is given them.

use std::collections::BTreeMap;
use std::sync::Arc;

use numpy::{PyArrayDescr, PyArrayDescrMethods as _, PyUntypedArray, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use tradecore_core::book::is_sound;
use tradecore_core::decode::TradeSieve;
use tradecore_core::event::{Columns, EventKind, Latencies, is_in_order};

use crate::chunks::trades_left_out;
use crate::columns::{ByName, NumpyColumns};
use crate::errors::DataError;

/// The columns in their order, with the type the core reads; prices and quantities may be 32 bits wide.
const COLUMNS: [(&str, &str); 8] = [
    ("ts_event", "int64"),
    ("ts_recv", "int64"),
    ("kind", "uint8"),
    ("side", "int8"),
    ("flags", "uint8"),
    ("price", "int64"),
    ("qty", "int64"),
    ("id", "uint64"),
];

/// An instrument's event columns in memory, as a backtest takes them: without trades that are none.
///
/// Parameters
/// ----------
/// name : str
///     The instrument's id, for messages.
/// given : mapping of str to array, or polars DataFrame
///     The columns by name. Arrays of the right type are not copied, but where trades are left out.
/// with_ids : bool
///     Whether to take the ``id`` column where there is one. Trades are told by it in any case.
///
/// Raises
/// ------
/// DataError
///     For a column that is missing, no array, or of another type, shape or length.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct MemoryColumns {
    pub(crate) columns: Arc<dyn Columns>,
    sieve: TradeSieve,
}

#[pymethods]
impl MemoryColumns {
    #[new]
    #[pyo3(signature = (name, given, *, with_ids))]
    fn new(py: Python<'_>, name: &str, given: &Bound<'_, PyAny>, with_ids: bool) -> PyResult<Self> {
        let refuse = |problem: String| DataError::new_err((name.to_owned(), 0, problem));
        let Some(columns) = ByName::of(given)? else {
            return Err(refuse(format!("expected columns by name, got {}", given.get_type().name()?)));
        };
        let mut arrays = Vec::with_capacity(COLUMNS.len());
        let mut expected = None;
        for (column, wanted) in COLUMNS {
            let Some(found) = columns.get(column)? else {
                if column == "id" {
                    continue;
                }
                return Err(refuse(format!("has no column {column}")));
            };
            let found = if column == "id" { numbered(found)? } else { found };
            let array = match array(found.clone(), column, wanted)? {
                Ok(array) => array,
                Err(_) if column == "id" && !with_ids => continue,
                Err(problem) => {
                    let arrays = py.import("tradecore.arrays")?;
                    let row: Option<u64> = arrays.call_method1("missing_row", (found,))?.extract()?;
                    return Err(row.map_or_else(
                        || refuse(problem),
                        |row| {
                            let problem = format!("column {column} has no value, expected {wanted}");
                            DataError::new_err((name.to_owned(), row, problem))
                        },
                    ));
                }
            };
            let (rows, expected) = (array.len(), *expected.get_or_insert(array.len()));
            if rows != expected {
                return Err(refuse(format!(
                    "column {column} has {rows} rows, expected {expected} as in ts_event"
                )));
            }
            arrays.push((column, array.into_any()));
        }
        let find =
            |name: &str| arrays.iter().find(|(column, _)| *column == name).map(|(_, array)| array.clone());
        let columns = NumpyColumns::of(|name| Ok(find(name)))?;
        let mut sieve = TradeSieve::default();
        let left = py.detach(|| sieve.sift(&columns.view()));
        let columns: Arc<dyn Columns> = match left {
            Some(left) => Arc::new(left),
            None if with_ids => Arc::new(columns),
            None => Arc::new(NumpyColumns::of(|name| Ok(find(name).filter(|_| name != "id")))?),
        };
        Ok(Self { columns, sieve })
    }

    /// Number of rows.
    #[getter]
    fn rows(&self) -> usize {
        self.columns.view().len()
    }

    /// How many trades were left out: ``duplicate_trades``, by their ids, ``empty_trades``, of no price or size.
    #[getter]
    fn left_out(&self) -> BTreeMap<&'static str, u64> {
        trades_left_out(&self.sieve)
    }

    /// Whether there are levels.
    #[getter]
    fn has_book(&self) -> bool {
        self.columns.view().kind.contains(&(EventKind::BookSet as u8))
    }

    /// Return the kinds of events there are.
    fn kinds(&self) -> Vec<u8> {
        let mut seen = [false; 256];
        self.columns.view().kind.iter().for_each(|kind| seen[usize::from(*kind)] = true);
        (0..=u8::MAX).filter(|kind| seen[usize::from(*kind)]).collect()
    }

    /// Return whether the book is sound, and whether the messages are in order.
    ///
    /// A sound book is its own from the beginning and never stays locked or crossed; messages in order lie as they
    /// acted at the venue.
    fn order(&self, py: Python<'_>) -> (bool, bool) {
        py.detach(|| {
            let view = self.columns.view();
            // Of columns that break a rule of events the run says what is wrong with them.
            if view.check().is_ok() { (is_sound(&view), is_in_order(&view)) } else { (false, false) }
        })
    }

    /// Return how long the messages took, as :func:`latencies_of` does.
    fn latencies(&self, py: Python<'_>) -> String {
        py.detach(|| Latencies::of(&self.columns.view()).to_string())
    }
}

/// Ids as whole numbers from 0, which frames have as signed ones and, where some are missing, as floats; others as they
/// are, and floats beyond what they tell apart.
fn numbered(ids: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let np = ids.py().import("numpy")?;
    let Ok(dtype) = ids.getattr("dtype") else { return Ok(ids) };
    let kind: String = dtype.getattr("kind")?.extract()?;
    let whole = match kind.as_str() {
        "i" => ids,
        "f" => {
            let whole = np.call_method1("nan_to_num", (&ids,))?;
            let beyond = np.call_method1("greater_equal", (&whole, 2f64.powi(53)))?;
            if beyond.call_method0("any")?.is_truthy()? {
                return Ok(ids);
            }
            whole
        }
        _ => return Ok(ids),
    };
    // None is written as a negative one, too.
    np.call_method1("maximum", (whole, 0))?.call_method1("astype", ("uint64",))
}

/// A column as a contiguous array of its type, or what is wrong with it.
fn array<'py>(
    values: Bound<'py, PyAny>,
    column: &str,
    wanted: &str,
) -> PyResult<Result<Bound<'py, PyUntypedArray>, String>> {
    let py = values.py();
    let kind = values.get_type();
    let Ok(array) = values.cast_into::<PyUntypedArray>() else {
        return Ok(Err(format!("column {column} is a {}, expected a numpy array", kind.name()?)));
    };
    if !kind.is(py.get_type::<PyUntypedArray>())
        && array.is_instance(&py.import("numpy.ma")?.getattr("MaskedArray")?)?
    {
        return Ok(Err(format!("column {column} is a {}, expected a numpy array", kind.name()?)));
    }
    if array.ndim() != 1 {
        return Ok(Err(format!("column {column} has {} dimensions, expected 1", array.ndim())));
    }
    let found = array.dtype();
    let is_narrow = matches!(column, "price" | "qty") && found.is_equiv_to(&numpy::dtype::<i32>(py));
    if !is_narrow && !found.is_equiv_to(&PyArrayDescr::new(py, wanted)?) {
        return Ok(Err(format!("column {column} has dtype {found}, expected {wanted}")));
    }
    if array.is_contiguous() {
        return Ok(Ok(array));
    }
    let copied = py.import("numpy")?.call_method1("ascontiguousarray", (array,))?;
    Ok(Ok(copied.cast_into()?))
}
