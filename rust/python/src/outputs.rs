//! Arrays that results are written into.

use std::ops::RangeInclusive;

use numpy::ndarray::Dimension;
use numpy::npyffi::{_PyArray_GET_ITEM_DATA, NPY_ARRAY_WRITEABLE};
use numpy::{PyArray, PyArray1, PyArray2, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::ffi::Py_REFCNT;
use pyo3::prelude::*;

use crate::columns::import_numpy;
use crate::shared::GilCell;

/// A large array that was given out last, to be filled again once nobody holds any of it: what the system gives anew it
/// clears first, which takes longer than to fill it.
static LAST: GilCell<Option<Py<PyArray2<f64>>>> = GilCell::new(None);
/// Bytes of such: more than malloc keeps (of GNU, 32 MiB), and not so many that anybody misses them.
const KEPT: RangeInclusive<usize> = 32 << 20..=128 << 20;

/// An array with any numbers in it, of which nobody has anything.
fn room_for(py: Python<'_>, shape: [usize; 2]) -> PyResult<Bound<'_, PyArray2<f64>>> {
    import_numpy(py)?;
    let is_kept = KEPT.contains(&(shape[0] * shape[1] * size_of::<f64>()));
    let free = LAST.with(py, |last| {
        let array = last.as_ref().filter(|_| is_kept)?.bind(py);
        is_ours_alone(array, &shape).then(|| array.clone())
    });
    if let Some(array) = free {
        return Ok(array);
    }
    // SAFETY: any bits are a float64.
    let array = unsafe { PyArray2::new(py, shape, false) };
    let dropped = LAST.with(py, |last| if is_kept { last.replace(array.clone().unbind()) } else { None });
    drop(dropped);
    Ok(array)
}

/// Whether only we hold an array, and nobody has changed its form.
pub(crate) fn is_ours_alone<D: Dimension>(array: &Bound<'_, PyArray<f64, D>>, shape: &[usize]) -> bool {
    // SAFETY: it is an object, and the GIL is held.
    if unsafe { Py_REFCNT(array.as_ptr()) } != 1 {
        return false;
    }
    // SAFETY: it is an array, and nobody else is there to change it meanwhile.
    let flags = unsafe { (*_PyArray_GET_ITEM_DATA(array.as_array_ptr())).flags };
    flags & NPY_ARRAY_WRITEABLE != 0
        && array.as_any().cast::<PyArray<f64, D>>().is_ok_and(|array| array.shape() == shape)
}

/// Runs over columns into new ones, without the GIL.
///
/// They are the rows of one array: what is given back and asked for again as one piece the allocator keeps, where columns
/// of their own would be taken from the system, page by page, in each call. Larger pieces than it keeps are kept here.
pub(crate) fn into_columns(
    py: Python<'_>,
    (outputs, rows): (usize, usize),
    work: impl FnOnce(&mut [&mut [f64]]) + Send,
) -> PyResult<Vec<Bound<'_, PyArray1<f64>>>> {
    let array = room_for(py, [outputs, rows])?;
    // SAFETY: nobody else has it, and it is contiguous. `work` writes every row before Python sees one.
    let mut left = unsafe { array.as_slice_mut()? };
    let mut out = Vec::with_capacity(outputs);
    for _ in 0..outputs {
        let (row, rest) = left.split_at_mut(rows);
        out.push(row);
        left = rest;
    }
    py.detach(|| work(&mut out));
    (0..outputs).map(|row| Ok(array.get_item(row)?.cast_into::<PyArray1<f64>>()?)).collect()
}
