//! Records of files that are only appended to.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tradecore_core::decode::{self, RECORD_LIMIT, RecordRest};

use crate::errors;

/// Return what stands before a record: its length, its sum and its kind, nine bytes.
///
/// Raises
/// ------
/// InvalidValueError
///     For a record of more than 64 MiB, and for the kind 0, which no record has.
#[pyfunction]
pub(crate) fn record_head(kind: u8, data: &[u8]) -> PyResult<[u8; decode::RECORD_HEAD]> {
    check(kind, data)?;
    Ok(decode::record_head(kind, data))
}

/// Return the record of a frame as it came from a venue, with what stands before it.
///
/// It holds the receipt (ns UTC, 64 bits), the length of the venue's name (16 bits), both little-endian, the name,
/// and the bytes.
///
/// Raises
/// ------
/// InvalidValueError
///     As :func:`record_head`, and for a name of more than 256 bytes.
#[pyfunction]
pub(crate) fn frame_record<'py>(
    py: Python<'py>,
    kind: u8,
    ts_recv: i64,
    venue: &str,
    data: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    const LONGEST: usize = 256;
    if venue.len() > LONGEST {
        return Err(errors::invalid("venue", format!("{} bytes, more than {LONGEST}", venue.len())));
    }
    check(kind, data)?;
    let mut record = Vec::with_capacity(data.len() + LONGEST);
    decode::push_frame_record(kind, ts_recv, venue.as_bytes(), data, &mut record);
    Ok(PyBytes::new(py, &record))
}

fn check(kind: u8, data: &[u8]) -> PyResult<()> {
    if kind == 0 {
        return Err(errors::invalid("kind", "no record is of kind 0"));
    }
    if data.len() > RECORD_LIMIT {
        let problem = format!("{} bytes, more than the {RECORD_LIMIT} of a record", data.len());
        return Err(errors::invalid("data", problem));
    }
    Ok(())
}

/// Find the records in the bytes of a file, which may end in zeros, and check their sums.
///
/// Returns
/// -------
/// kinds : bytes
///     What each record is, up to the first that is not whole.
/// ends : list of int
///     Where each ends. The next begins nine bytes behind that.
/// rest : str
///     What is behind the last: ``""`` for nothing, ``"torn"`` for a record that was cut short, or is not right with
///     nothing but zeros behind it, ``"damaged"`` for one that is not right otherwise.
#[pyfunction]
pub(crate) fn index_records(py: Python<'_>, data: &[u8]) -> (Vec<u8>, Vec<usize>, &'static str) {
    let index = py.detach(|| decode::index_records(data));
    let rest = match index.rest {
        RecordRest::Nothing => "",
        RecordRest::Torn => "torn",
        RecordRest::Damaged => "damaged",
    };
    (index.kinds, index.ends, rest)
}

/// Unpack a gzip file that is small enough for memory.
///
/// Raises
/// ------
/// OSError
///     For bytes that are none, or that were cut.
#[pyfunction]
pub(crate) fn gunzip<'py>(py: Python<'py>, packed: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let plain = py.detach(|| decode::gunzip(packed))?;
    Ok(PyBytes::new(py, &plain))
}
