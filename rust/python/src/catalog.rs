//! Streams over the parts of a catalog, for Python and for a run.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_catalog::{
    EventStream as CoreStream, PackedColumns, Part, PartError, PartFile, ReadAhead as CoreReadAhead, Seal,
    StreamConfig, Wanted, checksum as core_checksum, read_note as read_core_note,
};
use tradecore_core::backtest::ChunkSource;
use tradecore_core::book::MarketChunks;
use tradecore_core::event::{Columns, Latencies};
use tradecore_core::kernel::HookError;

use crate::columns::packed_to_arrays;
use crate::errors;
use crate::forks::OfProcess;
use crate::raised::Raised;
use crate::stamps::to_latencies;
use crate::values::{arguments, to_whole};

/// A part as Python tells it: the file, where it lies once it was replaced, its rows, the kinds of its rows as bits and
/// its checksums.
type Told = (PathBuf, PathBuf, u64, u32, Option<String>);

fn part_file((path, retired, rows, kinds, checksums): Told) -> PyResult<PartFile> {
    let seal = match &checksums {
        Some(text) => Some(Seal::parse(text).ok_or_else(|| {
            errors::invalid("checksums", format!("expected END:CHECKSUM a region, got {text:?}"))
        })?),
        None => None,
    };
    Ok(PartFile { path, retired, rows, kinds, seal })
}

/// Return the checksum of bytes as manifests have it: 16 digits.
#[pyfunction]
pub(crate) fn checksum(data: &[u8]) -> String {
    format!("{:016x}", core_checksum(data))
}

/// Return the checksums of a part that was just written, ``END:CHECKSUM`` a row group and one for the rest.
///
/// Raises
/// ------
/// CatalogError
///     When the file cannot be read.
#[pyfunction]
pub(crate) fn seal_part(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    py.detach(|| Seal::of(&path)).map(|seal| seal.to_string()).map_err(errors::part)
}

/// Raise CatalogError if a part is not Parquet with the event columns and its rows, or not what was written.
///
/// Parameters
/// ----------
/// part : tuple
///     As :class:`EventStream` is given it.
/// whole : bool
///     Whether to read all of it, rather than what says how it is laid out.
#[pyfunction]
#[pyo3(signature = (part, *, whole=false))]
pub(crate) fn check_part(py: Python<'_>, part: Told, whole: bool) -> PyResult<()> {
    let file = part_file(part)?;
    py.detach(|| {
        let part = Part::open(file)?;
        if whole { part.check() } else { Ok(()) }
    })
    .map_err(errors::part)
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
pub(crate) struct ReadAhead(Mutex<OfProcess<CoreReadAhead>>);

#[pymethods]
impl ReadAhead {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(OfProcess::new(CoreReadAhead::new())))
    }
}

/// The events of an instrument's parts in a catalog, read ahead on threads, without the interpreter.
///
/// An iterator of event columns, which raises ``CatalogError`` for a part that is damaged or not there; a simulation
/// takes it over as it stands, and nothing comes from it then. Close it, or exhaust it, to end what reads it.
///
/// Parameters
/// ----------
/// parts : sequence of (path, path, int, int, str or None)
///     Each file, where it lies once it was replaced, its rows, the kinds of its rows as bits (kind ``k`` is bit
///     ``k``), and its checksums (:func:`seal_part`) if they were kept: what is read is compared with them.
/// kinds : int
///     The kinds to read, as bits. Rows are only looked at where a part holds others.
/// with_ids : bool
///     Whether to read the ``id`` column.
/// piece_rows : int
///     Most rows of a piece; fewer where the budget does not hold two of them.
/// budget_bytes : int
///     About how many bytes of columns may lie in memory at a time; two pieces of 1,024 rows at the least.
/// uncross : bool
///     Whether whoever makes series or features of it is to uncross the book. Its pieces are as they were stored.
/// latencies : sequence of (str or None, int)
///     How long the messages of the parts took, each as :func:`latencies_of` says it, or the smallest where that is not
///     known, ns: series and features are made with stamps set right that cannot be.
/// ahead : ReadAhead, optional
///     The threads that read; a thread of its own if not given.
/// lease : object, optional
///     What keeps the files where they are. It is let go of with the stream.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct EventStream(Mutex<Option<Leased>>);

/// A stream with what keeps its files.
pub(crate) struct Leased {
    stream: OfProcess<CoreStream>,
    uncrosses: bool,
    latencies: Latencies,
    _lease: Option<Py<PyAny>>,
}

impl Leased {
    /// Raises `RunError` in a process that was forked from the one that reads.
    pub(crate) fn check(&self) -> PyResult<()> {
        self.stream.check()
    }

    /// What takes what comes, for a series or features.
    pub(crate) fn chunks(&self) -> MarketChunks {
        MarketChunks::measured(self.uncrosses, &self.latencies)
    }

    /// The next piece; `None` at the end.
    pub(crate) fn next_piece(&mut self) -> Result<Option<PackedColumns>, PartError> {
        self.stream.next_piece()
    }
}

impl EventStream {
    fn stream(&self) -> MutexGuard<'_, Option<Leased>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the stream away: whoever has it is the only one to read from it.
    pub(crate) fn take(&self) -> Option<Leased> {
        self.stream().take()
    }

    /// Moves the stream into a run.
    pub(crate) fn source(&self, raised: Raised) -> Option<Box<dyn ChunkSource>> {
        let stream = self.take()?;
        Some(Box::new(StreamSource { stream, raised }))
    }
}

arguments! {
    piece_rows: usize = to_whole("piece_rows", 1..=usize::MAX);
    budget_bytes: usize = to_whole("budget_bytes", 0..=usize::MAX);
}

#[pymethods]
impl EventStream {
    #[new]
    #[pyo3(signature = (parts, *, kinds, with_ids, piece_rows, budget_bytes, uncross=false, latencies=Vec::new(),
        ahead=None, lease=None))]
    #[allow(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        py: Python<'_>,
        parts: Vec<Told>,
        kinds: u32,
        with_ids: bool,
        #[pyo3(from_py_with = piece_rows)] piece_rows: usize,
        #[pyo3(from_py_with = budget_bytes)] budget_bytes: usize,
        uncross: bool,
        latencies: Vec<(Option<String>, i64)>,
        ahead: Option<&ReadAhead>,
        lease: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let parts = parts.into_iter().map(part_file).collect::<PyResult<_>>()?;
        let latencies = to_latencies(latencies)?;
        let config = StreamConfig { wanted: Wanted { kinds, with_ids }, piece_rows, budget_bytes };
        let stream = py.detach(|| match ahead {
            Some(ahead) => {
                let ahead = ahead.0.lock().unwrap_or_else(PoisonError::into_inner);
                ahead.check()?;
                Ok(ahead.stream(parts, config)?)
            }
            None => Ok::<_, PyErr>(CoreStream::start(parts, config)?),
        })?;
        let stream = OfProcess::new(stream);
        Ok(Self(Mutex::new(Some(Leased { stream, uncrosses: uncross, latencies, _lease: lease }))))
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let piece = py.detach(|| match self.stream().as_mut() {
            Some(stream) => {
                stream.check()?;
                stream.next_piece().map_err(errors::part)
            }
            None => Ok(None),
        });
        piece?.map(|piece| packed_to_arrays(py, piece)).transpose()
    }

    /// End what reads it; nothing comes any more.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.stream().take()));
    }
}

/// A stream that feeds a run.
struct StreamSource {
    stream: Leased,
    raised: Raised,
}

impl ChunkSource for StreamSource {
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError> {
        match self.stream.check().and_then(|()| self.stream.next_piece().map_err(errors::part)) {
            Ok(piece) => Ok(piece.map(|piece| Arc::new(piece) as Arc<dyn Columns>)),
            Err(error) => Python::attach(|py| Err(self.raised.keep(py, error))),
        }
    }
}
