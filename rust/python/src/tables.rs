//! Tables: what a file says about itself, and columns that another library hands over as text.

use std::io::Read;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use tradecore_core::decode::{self, ColumnMap, Lines, Receipt, TableHead, TableOptions};

use crate::errors;
use crate::files::open_file;
use crate::values::to_duration;

/// A file, or the name of a stream and what gives the pieces of its text.
#[derive(FromPyObject)]
pub(crate) enum TableInput {
    /// A file.
    Path(PathBuf),
    /// Text that is made as it is read.
    Text(String, Py<PyAny>),
}

/// Pulls text from an iterator of Python's.
struct Pulled {
    pieces: Py<PyAny>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pulled {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.piece.len() {
            let next = Python::attach(|py| {
                let next = self.pieces.call_method0(py, "__next__");
                match next {
                    Ok(piece) => {
                        piece.cast_bound::<PyBytes>(py).map(|b| b.as_bytes().to_vec()).map_err(PyErr::from)
                    }
                    Err(end) if end.is_instance_of::<pyo3::exceptions::PyStopIteration>(py) => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            });
            self.piece = next.map_err(|error| std::io::Error::other(error.to_string()))?;
            self.at = 0;
        }
        let n = buffer.len().min(self.piece.len() - self.at);
        buffer[..n].copy_from_slice(&self.piece[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// The lines of text that is made as it is read.
pub(crate) fn pulled(name: String, pieces: Py<PyAny>) -> PyResult<Lines> {
    Lines::new(name, Pulled { pieces, piece: Vec::new(), at: 0 }).map_err(errors::placed)
}

/// How tables are read, as Python says it.
pub(crate) fn options(
    assume_latency: Option<&Bound<'_, PyAny>>,
    columns: Option<ColumnMap>,
    starts_empty: bool,
) -> PyResult<TableOptions> {
    let latency = assume_latency.map(|value| to_duration("assume_latency", value, 0)).transpose()?;
    Ok(TableOptions { latency, columns, starts_empty })
}

/// Says in a summary how receive times are known.
pub(crate) fn show_receipt(out: &Bound<'_, PyDict>, receipt: Receipt) -> PyResult<()> {
    let (how, latency) = match receipt {
        Receipt::Recorded => ("recorded", None),
        Receipt::Assumed(latency) => ("assumed", Some(latency)),
        Receipt::Missing => ("missing", None),
    };
    out.set_item("receive_times", how)?;
    out.set_item("assumed_latency_ns", latency)
}

/// Return what a table says about itself: publisher, kind, symbol and venue; None if it is none that is known.
///
/// Symbol and venue are None where the file does not tell.
///
/// Parameters
/// ----------
/// path : path
/// columns : list of (str, str), optional
///     What its columns mean, where that is not known.
///
/// Raises
/// ------
/// DataError
///     When it cannot be read, or nothing can be made of what it holds.
#[pyfunction]
#[pyo3(signature = (path, columns=None))]
#[allow(clippy::type_complexity, reason = "a row of text")]
pub(crate) fn table_head(
    path: PathBuf,
    columns: Option<ColumnMap>,
) -> PyResult<Option<(&'static str, &'static str, Option<String>, Option<&'static str>)>> {
    let Some(lines) = open_file(path)?.into_iter().next() else { return Ok(None) };
    let head = TableHead::read(lines, columns.as_ref()).map_err(errors::placed)?;
    Ok(head.map(|head| (head.publisher, head.kind.name(), head.symbol, head.venue)))
}

/// Whether a file with these first lines is one of klines of Binance's public data: of their header, or a bar.
#[pyfunction]
pub(crate) fn is_kline(lines: Vec<PyBackedBytes>) -> bool {
    decode::is_kline(lines.iter().map(|line| &line[..]))
}

/// Return the symbol and the venue that the path of a file of klines tells; each None where it does not.
#[pyfunction]
pub(crate) fn kline_origin(path: &str) -> (Option<String>, Option<&'static str>) {
    let (symbol, venue) = decode::kline_origin(path);
    (symbol.map(str::to_owned), venue)
}
