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
    (index.kinds, index.ends, word_of(index.rest))
}

fn word_of(rest: RecordRest) -> &'static str {
    match rest {
        RecordRest::Nothing => "",
        RecordRest::Torn => "torn",
        RecordRest::Damaged => "damaged",
    }
}

/// Finds the records of a file that is read block by block, and checks their sums.
///
/// Parameters
/// ----------
/// joined : int
///     Records of this kind that stand together, but for those that are skipped, come as one.
/// skipped : bytes
///     Kinds that are left out.
/// since : int
///     Records that begin before this byte are left out.
/// is_packed : bool
///     Whether the file is packed, by gzip; bytes count as unpacked.
#[pyclass(module = "tradecore")]
pub(crate) struct RecordScan {
    scan: decode::RecordScan,
    joined: u8,
    skipped: Vec<u8>,
    since: usize,
}

/// Kind, record or records, and where the first of them begins.
type Found<'py> = (u8, Bound<'py, PyBytes>, usize);

#[pymethods]
impl RecordScan {
    #[new]
    #[pyo3(signature = (joined, skipped, *, since=0, is_packed=false))]
    fn new(joined: u8, skipped: Vec<u8>, since: usize, is_packed: bool) -> Self {
        Self { scan: decode::RecordScan::new(is_packed), joined, skipped, since }
    }

    /// Take the next bytes of the file.
    ///
    /// Returns
    /// -------
    /// list of (int, bytes, int)
    ///     What is whole by now: kind, record or records, and where the first of them begins.
    ///
    /// Raises
    /// ------
    /// OSError
    ///     For what cannot be unpacked.
    fn push<'py>(&mut self, py: Python<'py>, block: &[u8]) -> PyResult<Vec<Found<'py>>> {
        let (found, ()) = self.gather(py, |scan, each| scan.push(block, each))?;
        Ok(found)
    }

    /// Say that the file is at its end.
    ///
    /// Returns
    /// -------
    /// found : list of (int, bytes, int)
    ///     As of :meth:`push`.
    /// end : int
    ///     Where its last whole record ends.
    /// rest : str
    ///     What is behind that, as :func:`index_records` says it.
    ///
    /// Raises
    /// ------
    /// OSError
    ///     For a packed file that was cut.
    fn end<'py>(&mut self, py: Python<'py>) -> PyResult<(Vec<Found<'py>>, usize, &'static str)> {
        let (found, (end, rest)) = self.gather(py, |scan, each| scan.end(each))?;
        Ok((found, end, word_of(rest)))
    }
}

impl RecordScan {
    /// Has the scan go on, and gathers what it finds, without the interpreter.
    fn gather<'py, T: Send>(
        &mut self,
        py: Python<'py>,
        go_on: impl FnOnce(&mut decode::RecordScan, &mut dyn FnMut(u8, &[u8], usize)) -> std::io::Result<T> + Send,
    ) -> PyResult<(Vec<Found<'py>>, T)> {
        let Self { scan, joined, skipped, since } = self;
        let (found, told) = py.detach(|| {
            let mut found: Vec<(u8, Vec<u8>, usize)> = Vec::new();
            let told = go_on(scan, &mut |kind, record, at| {
                if at < *since || skipped.contains(&kind) {
                    return;
                }
                match found.last_mut().filter(|(last, ..)| kind == *joined && *last == kind) {
                    Some((_, records, _)) => records.extend_from_slice(record),
                    None => found.push((kind, record.to_vec(), at)),
                }
            });
            told.map(|told| (found, told))
        })?;
        let found = found.into_iter().map(|(kind, record, at)| (kind, PyBytes::new(py, &record), at));
        Ok((found.collect(), told))
    }
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
