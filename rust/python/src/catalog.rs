//! Streams over the parts of a catalog, for Python and for a run.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_catalog::{
    EventStream as CoreStream, Part, PartFile, ReadAhead as CoreReadAhead, StreamConfig, Wanted,
    read_note as read_core_note,
};
use tradecore_core::backtest::ChunkSource;
use tradecore_core::event::Columns;
use tradecore_core::kernel::HookError;

use crate::columns::packed_to_arrays;
use crate::errors;
use crate::raised::Raised;

/// Raise CatalogError if a file is not Parquet with the event columns and this many rows.
#[pyfunction]
pub(crate) fn check_part(py: Python<'_>, path: PathBuf, rows: u64) -> PyResult<()> {
    py.detach(|| Part::open(&path, rows)).map(drop).map_err(errors::part)
}

/// Return the text that a Parquet file has under a key in its footer, None if it has none.
///
/// Raises
/// ------
/// CatalogError
///     When the file cannot be read.
#[pyfunction]
pub(crate) fn read_note(path: PathBuf, key: &str) -> PyResult<Option<String>> {
    read_core_note(&path, key).map_err(errors::part)
}

/// A few threads that read any number of streams ahead. They end with the last stream.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct ReadAhead(Mutex<CoreReadAhead>);

#[pymethods]
impl ReadAhead {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(CoreReadAhead::new()))
    }
}

/// The events of an instrument's parts in a catalog, read ahead on threads, without the interpreter.
///
/// An iterator of event columns, which raises ``CatalogError`` for a part that is damaged or not there; a simulation
/// takes it over as it stands, and nothing comes from it then. Close it, or exhaust it, to end what reads it.
///
/// Parameters
/// ----------
/// parts : sequence of (path, int, int)
///     Each file, its rows, and the kinds of its rows as bits: kind ``k`` is bit ``k``.
/// kinds : int
///     The kinds to read, as bits. Rows are only looked at where a part holds others.
/// with_ids : bool
///     Whether to read the ``id`` column.
/// piece_rows : int
///     Most rows of a piece; fewer where the budget does not hold two of them.
/// budget_bytes : int
///     About how many bytes of columns may lie in memory at a time; two pieces of 1,024 rows at the least.
/// ahead : ReadAhead, optional
///     The threads that read; a thread of its own if not given.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct EventStream(Mutex<Option<CoreStream>>);

impl EventStream {
    fn stream(&self) -> MutexGuard<'_, Option<CoreStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the stream away: whoever has it is the only one to read from it.
    pub(crate) fn take(&self) -> Option<CoreStream> {
        self.stream().take()
    }

    /// Moves the stream into a run.
    pub(crate) fn source(&self, raised: Raised) -> Option<Box<dyn ChunkSource>> {
        let stream = self.take()?;
        Some(Box::new(StreamSource { stream, raised }))
    }
}

#[pymethods]
impl EventStream {
    #[new]
    #[pyo3(signature = (parts, *, kinds, with_ids, piece_rows, budget_bytes, ahead=None))]
    fn new(
        py: Python<'_>,
        parts: Vec<(PathBuf, u64, u32)>,
        kinds: u32,
        with_ids: bool,
        piece_rows: usize,
        budget_bytes: usize,
        ahead: Option<&ReadAhead>,
    ) -> PyResult<Self> {
        let parts = parts.into_iter().map(|(path, rows, kinds)| PartFile { path, rows, kinds }).collect();
        let config = StreamConfig { wanted: Wanted { kinds, with_ids }, piece_rows, budget_bytes };
        let stream = py.detach(|| match ahead {
            Some(ahead) => ahead.0.lock().unwrap_or_else(PoisonError::into_inner).stream(parts, config),
            None => CoreStream::start(parts, config),
        })?;
        Ok(Self(Mutex::new(Some(stream))))
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let piece = py.detach(|| self.stream().as_mut().map_or(Ok(None), CoreStream::next_piece));
        piece.map_err(errors::part)?.map(|piece| packed_to_arrays(py, piece)).transpose()
    }

    /// End what reads it; nothing comes any more.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.stream().take()));
    }
}

/// A stream that feeds a run.
struct StreamSource {
    stream: CoreStream,
    raised: Raised,
}

impl ChunkSource for StreamSource {
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError> {
        match self.stream.next_piece() {
            Ok(piece) => Ok(piece.map(|piece| Arc::new(piece) as Arc<dyn Columns>)),
            Err(error) => Python::attach(|py| Err(self.raised.keep(py, errors::part(error)))),
        }
    }
}
