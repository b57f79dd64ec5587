//! Readers of files and frames, and the synthetic market: bytes to event columns.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tradecore_core::decode::{
    self, BinanceMarket, BybitReader, CaptureReader, ClockOffset, ColumnMap, FeedSummary as CoreSummary,
    Holes, KlineCounts, KlineReader, LateRow, Merged, PlacedError, ReadEvents, Receipt, Strictness,
    TARDIS_EXCHANGES, TableKind, TableReader, TardisOrigin, TardisReader,
};
use tradecore_core::event::{Columns as _, EventColumns};
use tradecore_core::synth::{OrdersConfig, OrdersSynth, Sizes, Synth as CoreSynth, SynthConfig, SynthError};

use crate::chunks::summary_dict;
use crate::columns::to_arrays;
use crate::errors;
use crate::files::{open, open_file};
use crate::instrument::PyInstrument;
use crate::records::book_state_to_py;
use crate::shared::lock;
use crate::tables::{self, TableInput};
use crate::values::{arguments, to_duration, to_number, to_seed, to_whole};

enum Source {
    Capture(Box<CaptureReader>),
    Tardis(TardisReader),
    Klines(Box<KlineReader>),
    Tables(Box<TableReader>),
    Bybit(Box<BybitReader>),
    Synth { synth: Synthetic, left: usize },
    Merged(Merged<Source>),
}

impl ReadEvents for Source {
    fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        match self {
            Self::Capture(reader) => reader.read(out, rows),
            Self::Tardis(reader) => reader.read(out, rows),
            Self::Klines(reader) => reader.read(out, rows),
            Self::Tables(reader) => reader.read(out, rows),
            Self::Bybit(reader) => reader.read(out, rows),
            Self::Synth { synth, left } => {
                synth.fill(out, rows.min(*left));
                if out.len() > *left {
                    out.truncate(*left);
                    out.end_message();
                }
                *left -= out.len();
                Ok(*left > 0)
            }
            Self::Merged(merged) => merged.read(out, rows),
        }
    }
}

/// A market that is made.
enum Synthetic {
    Levels(Box<CoreSynth>),
    Orders(Box<OrdersSynth>),
}

impl Synthetic {
    fn fill(&mut self, out: &mut EventColumns, rows: usize) {
        match self {
            Self::Levels(synth) => synth.fill(out, rows),
            Self::Orders(synth) => synth.fill(out, rows),
        }
    }
}

impl Source {
    /// How receive times are known: of several, as of the one that says least.
    fn receipt(&self) -> Receipt {
        match self {
            Self::Tables(reader) => reader.receipt(),
            Self::Bybit(reader) => reader.receipt(),
            Self::Merged(merged) => {
                merged.readers().map(Self::receipt).fold(Receipt::Recorded, Receipt::least)
            }
            _ => Receipt::Recorded,
        }
    }
}

struct Reading {
    source: Source,
    summary: CoreSummary,
    ended: bool,
}

/// Reads files of one instrument piece by piece.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct EventReader {
    instrument: PyInstrument,
    /// In a box: Python's objects have no room for its alignment.
    reading: Mutex<Box<Reading>>,
    /// Of each reader that it is made of.
    passed: Vec<Arc<AtomicU64>>,
    total: u64,
}

impl EventReader {
    fn new(instrument: &PyInstrument, source: Source, passed: Arc<AtomicU64>, total: u64) -> Self {
        let reading = Box::new(Reading { source, summary: CoreSummary::default(), ended: false });
        Self { instrument: instrument.clone(), reading: Mutex::new(reading), passed: vec![passed], total }
    }
}

/// Whether an option is the word that is not the usual one.
fn is_other(name: &'static str, given: &str, word: &str, usual: &str) -> PyResult<bool> {
    if given != word && given != usual {
        return Err(errors::invalid(name, format!("{given:?} is not {usual} or {word}")));
    }
    Ok(given == word)
}

/// Whether a book is made of nothing where no snapshot is.
pub(crate) fn starts_empty(start: &str) -> PyResult<bool> {
    is_other("start", start, "empty", "snapshot")
}

fn strictness(lenient: bool) -> Strictness {
    if lenient { Strictness::Lenient } else { Strictness::Strict }
}

/// Return what the beginning of a CSV file of Tardis says of its origin; None if it is another file.
///
/// Returns
/// -------
/// tuple or None
///     The kind of its rows, and the id of the instrument of the first one, None without rows.
///
/// Raises
/// ------
/// DataError
///     When it cannot be read, or has a header that is not.
#[pyfunction]
pub(crate) fn tardis_origin(path: PathBuf) -> PyResult<Option<(String, Option<String>)>> {
    let mut inputs = open_file(path)?;
    let Some(lines) = inputs.first_mut() else { return Ok(None) };
    let origin = TardisOrigin::read(lines).map_err(errors::placed)?;
    Ok(origin.map(|origin| (origin.kind.to_string(), origin.instrument)))
}

/// Return the venues of the exchanges that Tardis has.
#[pyfunction]
pub(crate) fn tardis_venues() -> BTreeMap<&'static str, String> {
    TARDIS_EXCHANGES.into_iter().map(|exchange| (exchange, decode::tardis_venue(exchange))).collect()
}

/// Return the venue that an exchange of Tardis is called here.
#[pyfunction]
pub(crate) fn tardis_venue(exchange: &str) -> String {
    decode::tardis_venue(exchange)
}

#[pymethods]
impl EventReader {
    /// Open Binance captures of one recording, in order or in parallel.
    ///
    /// Parameters
    /// ----------
    /// instrument : Instrument
    ///     Of one of the venues ``BINANCE``, ``BINANCE_USDM`` and ``BINANCE_COINM``.
    /// paths : list of path
    /// lenient : bool
    ///     Whether lines that were received before the one above are counted and read.
    /// on_error : str
    ///     ``strict``, or ``skip``: lenient, and lines that are no messages are left out and listed (:meth:`skipped`).
    /// start : str
    ///     ``snapshot``, or ``empty``: where no snapshot is, the book is made of nothing.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When a word is none of these, or the venue.
    /// DataError
    ///     When a file cannot be opened.
    #[staticmethod]
    #[pyo3(signature = (instrument, paths, *, lenient=false, on_error="strict", start="snapshot"))]
    fn binance(
        py: Python<'_>,
        instrument: &PyInstrument,
        paths: Vec<PathBuf>,
        lenient: bool,
        on_error: &str,
        start: &str,
    ) -> PyResult<Self> {
        let skips = is_other("on_error", on_error, "skip", "strict")?;
        let starts_empty = starts_empty(start)?;
        let venue = instrument.0.id.venue();
        let market = BinanceMarket::from_venue(venue).ok_or_else(|| {
            errors::invalid(
                "instrument",
                format!(
                    "venue {venue} is not BINANCE, BINANCE_USDM or BINANCE_COINM; captures of other venues: data import \
                     capture (import_capture)"
                ),
            )
        })?;
        let passed = Arc::default();
        let (inputs, total) = open(&paths, &passed)?;
        let strictness = if skips { Strictness::Skip } else { strictness(lenient) };
        let mut reader = py.detach(|| CaptureReader::new(market, &instrument.0, inputs, strictness));
        if starts_empty {
            reader = reader.starting_empty();
        }
        Ok(Self::new(instrument, Source::Capture(Box::new(reader)), passed, total))
    }

    /// Open Tardis CSV files of one instrument.
    ///
    /// Parameters
    /// ----------
    /// instrument : Instrument
    /// paths : list of path
    /// lenient : bool
    ///     Whether rows out of order are counted instead of refused.
    /// start : str
    ///     ``snapshot``, or ``empty``: where no snapshot is, the book is made of nothing.
    #[staticmethod]
    #[pyo3(signature = (instrument, paths, *, lenient=false, start="snapshot"))]
    fn tardis(
        py: Python<'_>,
        instrument: &PyInstrument,
        paths: Vec<PathBuf>,
        lenient: bool,
        start: &str,
    ) -> PyResult<Self> {
        let starts_empty = starts_empty(start)?;
        let passed = Arc::default();
        let (inputs, total) = open(&paths, &passed)?;
        let strictness = strictness(lenient);
        let open = if starts_empty { TardisReader::starting_empty } else { TardisReader::new };
        let reader = py.detach(|| open(inputs, &instrument.0, strictness)).map_err(errors::placed)?;
        Ok(Self::new(instrument, Source::Tardis(reader), passed, total))
    }

    /// Open klines of Binance's public data, in any order of their files.
    #[staticmethod]
    fn klines(instrument: &PyInstrument, paths: Vec<PathBuf>) -> PyResult<Self> {
        let passed = Arc::default();
        let (inputs, total) = open(&paths, &passed)?;
        let reader = KlineReader::new(&instrument.0, inputs);
        Ok(Self::new(instrument, Source::Klines(Box::new(reader)), passed, total))
    }

    /// Open tables of one instrument: official dumps, or such whose columns are named.
    ///
    /// Parameters
    /// ----------
    /// instrument : Instrument
    /// inputs : list of path or (str, iterator of bytes)
    ///     Files, or text with its name.
    /// lenient : bool
    ///     Whether rows out of order are counted instead of refused.
    /// assume_latency : str or timedelta, optional
    ///     From the venue's stamp to receipt, where the tables do not say when that was.
    /// columns : list of (str, str), optional
    ///     What the columns mean: a field and the name of its column, or the number from 1.
    /// start : str
    ///     ``snapshot``, or ``empty``: where no snapshot is, the book is made of nothing.
    #[staticmethod]
    #[pyo3(signature = (instrument, inputs, *, lenient=false, assume_latency=None, columns=None, start="snapshot"))]
    fn tables(
        py: Python<'_>,
        instrument: &PyInstrument,
        inputs: Vec<TableInput>,
        lenient: bool,
        assume_latency: Option<&Bound<'_, PyAny>>,
        columns: Option<ColumnMap>,
        start: &str,
    ) -> PyResult<Self> {
        let (passed, mut total, mut lines) = (Arc::default(), 0, Vec::with_capacity(inputs.len()));
        for input in inputs {
            match input {
                TableInput::Path(path) => {
                    let (found, size) = open(&[path], &passed)?;
                    total += size;
                    lines.extend(found);
                }
                TableInput::Text(name, pieces) => lines.push(tables::pulled(name, pieces)?),
            }
        }
        let options = tables::options(assume_latency, columns, starts_empty(start)?)?;
        let strictness = strictness(lenient);
        let reader = py
            .detach(|| TableReader::new(lines, &instrument.0, &options, strictness))
            .map_err(errors::placed)?;
        Ok(Self::new(instrument, Source::Tables(Box::new(reader)), passed, total))
    }

    /// Open files of Bybit's depth (``ob200``, ``ob500``), in order. See :meth:`tables` for the rest.
    #[staticmethod]
    #[pyo3(signature = (instrument, paths, *, lenient=false, assume_latency=None, start="snapshot"))]
    fn bybit(
        instrument: &PyInstrument,
        paths: Vec<PathBuf>,
        lenient: bool,
        assume_latency: Option<&Bound<'_, PyAny>>,
        start: &str,
    ) -> PyResult<Self> {
        let passed = Arc::default();
        let (inputs, total) = open(&paths, &passed)?;
        let options = tables::options(assume_latency, None, starts_empty(start)?)?;
        let reader =
            BybitReader::new(&instrument.0, inputs, &options, strictness(lenient)).map_err(errors::placed)?;
        Ok(Self::new(instrument, Source::Bybit(Box::new(reader)), passed, total))
    }

    /// Return a reader of what several readers of one instrument have yet to read, merged by the time of receipt.
    ///
    /// Nothing comes from these any more.
    #[staticmethod]
    fn merged(readers: Vec<Bound<'_, Self>>) -> PyResult<Self> {
        let first = readers.first().ok_or_else(|| errors::invalid("readers", "expected at least one"))?;
        let instrument = first.get().instrument.clone();
        let (mut sources, mut passed, mut total) = (Vec::with_capacity(readers.len()), Vec::new(), 0);
        for reader in &readers {
            let reader = reader.get();
            let nothing = Source::Merged(Merged::new(Vec::new()));
            sources.push(std::mem::replace(&mut lock(&reader.reading).source, nothing));
            passed.extend(reader.passed.iter().cloned());
            total += reader.total;
        }
        let source = Source::Merged(Merged::new(sources));
        let reading = Box::new(Reading { source, summary: CoreSummary::default(), ended: false });
        Ok(Self { instrument, reading: Mutex::new(reading), passed, total })
    }

    /// Return the next event columns, at least ``rows`` rows of whole messages; None at the end.
    ///
    /// Arrays (n,) by name, prices and quantities in increments, times in ns UTC.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     With file and line.
    fn read<'py>(&self, py: Python<'py>, rows: usize) -> PyResult<Option<Bound<'py, PyDict>>> {
        let columns = py
            .detach(|| {
                let mut reading = lock(&self.reading);
                let Reading { source, summary, ended } = &mut **reading;
                // Room for the rest of the message that goes beyond.
                let mut columns = EventColumns::with_capacity(rows.min(1 << 20) + (1 << 12));
                if !*ended {
                    *ended = !source.read(&mut columns, rows)?;
                    summary.push(&columns.view());
                }
                Ok(columns)
            })
            .map_err(errors::placed)?;
        if columns.is_empty() { Ok(None) } else { to_arrays(py, columns).map(Some) }
    }

    /// Return the lines of a capture that were left out, at most 10,000 of them: file, line and problem of each.
    fn skipped(&self) -> Vec<(String, u64, String)> {
        match &lock(&self.reading).source {
            Source::Capture(reader) => {
                let listed =
                    |skip: &PlacedError| (skip.source_name.clone(), skip.line, skip.error.to_string());
                reader.skips().iter().map(listed).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether receive times are not known, so that the venue's stamps stand for them.
    #[getter]
    fn lacks_receive_times(&self) -> bool {
        lock(&self.reading).source.receipt() == Receipt::Missing
    }

    /// Bytes read so far, and bytes of all files.
    #[getter]
    fn progress(&self) -> (u64, u64) {
        let passed: u64 = self.passed.iter().map(|passed| passed.load(Ordering::Relaxed)).sum();
        (passed.min(self.total), self.total)
    }

    /// Return counts, times and the book as of what has been read.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let reading = lock(&self.reading);
        let out = summary_dict(py, &reading.summary, &self.instrument.0)?;
        counts_to_py(py, &reading.source, &reading.summary, &out)?;
        Ok(out)
    }
}

/// Adds what a source counted to a summary.
fn counts_to_py(
    py: Python<'_>,
    source: &Source,
    summary: &CoreSummary,
    out: &Bound<'_, PyDict>,
) -> PyResult<()> {
    match source {
        Source::Capture(reader) => {
            let c = reader.counts();
            // Of the recording, not of the first event a synchronised book let through.
            out.set_item("first_ts_recv", c.first_recv)?;
            out.set_item("last_ts_recv", c.last_recv)?;
            out.set_item("lines", c.lines)?;
            out.set_item("book_updates", c.book_updates)?;
            out.set_item("snapshots", c.snapshots)?;
            out.set_item("snapshots_unused", c.snapshots_unused)?;
            out.set_item("gaps", c.gaps)?;
            out.set_item("first_gap_line", (c.first_gap_line > 0).then_some(c.first_gap_line))?;
            out.set_item("duplicates", c.duplicates)?;
            out.set_item("parallel_duplicates", c.parallel_duplicates)?;
            out.set_item("parallel_trades", c.parallel_trades)?;
            out.set_item("clocks", clocks_to_py(py, reader.clocks())?)?;
            out.set_item("unsynced", c.unsynced)?;
            out.set_item("unsorted", c.unsorted)?;
            set_first_late(out, reader.first_late())?;
            out.set_item("empty_trades", c.empty_trades)?;
            out.set_item("duplicate_trades", c.duplicate_trades)?;
            out.set_item("stale_quotes", c.stale_quotes)?;
            let depth = reader.depth_source();
            out.set_item("depth_stream", (c.snapshots + c.book_updates > 0).then(|| depth.to_string()))?;
            out.set_item("other_depth", c.other_depth)?;
            out.set_item("skipped_lines", c.skipped)?;
            out.set_item("ignored", c.ignored)?;
            out.set_item("book_state", book_state_to_py(py, reader.state() as i64)?)?;
            let check = reader.ticker_check().map(|t| {
                let check = PyDict::new(py);
                check.set_item("compared", t.compared)?;
                check.set_item("equal", t.equal)?;
                check.set_item("differing", t.differing)?;
                check.set_item("crossed", t.crossed)?;
                Ok::<_, PyErr>(check)
            });
            out.set_item("book_ticker", check.transpose()?)?;
        }
        Source::Tardis(reader) => {
            let c = reader.counts();
            out.set_item("book_updates", c.book_updates)?;
            out.set_item("snapshots", c.snapshots)?;
            out.set_item("gaps", 0)?;
            out.set_item("skipped", c.skipped)?;
            out.set_item("unsorted", c.unsorted)?;
            set_first_late(out, reader.first_late())?;
            out.set_item("duplicates", c.duplicates)?;
            out.set_item("duplicate_trades", c.duplicate_trades)?;
            out.set_item("empty_trades", c.empty_trades)?;
            out.set_item("empty_liquidations", c.empty_liquidations)?;
            out.set_item("other_symbols", c.other_symbols)?;
            out.set_item("tickers", c.tickers)?;
            out.set_item("files_without_rows", c.files_without_rows)?;
            out.set_item("kinds", reader.kinds().map(|kind| kind.to_string()).collect::<Vec<_>>())?;
        }
        Source::Tables(reader) => {
            let c = reader.counts();
            out.set_item("book_updates", c.book_updates)?;
            out.set_item("snapshots", c.snapshots)?;
            out.set_item("gaps", c.gaps)?;
            out.set_item("skipped", c.skipped)?;
            out.set_item("unsorted", c.unsorted)?;
            set_first_late(out, reader.first_late())?;
            out.set_item("duplicates", c.duplicates)?;
            out.set_item("other_symbols", c.other_symbols)?;
            out.set_item("empty_trades", c.empty_trades)?;
            set_holes(out, &c.holes)?;
            out.set_item("files_without_rows", c.files_without_rows)?;
            out.set_item("kinds", reader.kinds().map(TableKind::name).collect::<Vec<_>>())?;
            tables::show_receipt(out, reader.receipt())?;
        }
        Source::Bybit(reader) => {
            let c = reader.counts();
            out.set_item("book_updates", c.book_updates)?;
            out.set_item("snapshots", c.snapshots)?;
            out.set_item("gaps", c.gaps)?;
            out.set_item("skipped", c.skipped)?;
            out.set_item("unsorted", c.unsorted)?;
            set_first_late(out, reader.first_late())?;
            out.set_item("duplicates", c.duplicates)?;
            out.set_item("ignored", c.ignored)?;
            tables::show_receipt(out, reader.receipt())?;
        }
        Source::Klines(_) | Source::Synth { .. } => {
            if let Source::Klines(reader) = source {
                klines_to_py(reader.counts(), out)?;
            }
            out.set_item("book_updates", summary.book_messages)?;
            out.set_item("snapshots", summary.snapshots)?;
            out.set_item("gaps", summary.gaps)?;
        }
        Source::Merged(merged) => {
            sum_to_py(py, merged, out)?;
            tables::show_receipt(out, source.receipt())?;
        }
    }
    Ok(())
}

/// The key of the first row that was received before one above it.
const FIRST_LATE: &str = "first_unsorted";

/// Adds where the first late row is, and its stamps.
fn set_first_late(out: &Bound<'_, PyDict>, row: Option<&LateRow>) -> PyResult<()> {
    let told = row.map(|row| {
        let told = PyDict::new(out.py());
        told.set_item("file", &row.source_name)?;
        told.set_item("line", row.line)?;
        told.set_item("ts_recv", row.ts_recv)?;
        told.set_item("previous", row.previous)?;
        Ok::<_, PyErr>(told)
    });
    out.set_item(FIRST_LATE, told.transpose()?)
}

/// Adds which trades are missing by their ids.
fn set_holes(out: &Bound<'_, PyDict>, holes: &Holes) -> PyResult<()> {
    out.set_item("missing_trades", holes.missing())?;
    out.set_item("trade_gaps", holes.leaps())?;
    out.set_item("first_ts_trade_gap", holes.first())
}

/// Adds what was read of klines.
fn klines_to_py(counts: KlineCounts, out: &Bound<'_, PyDict>) -> PyResult<()> {
    out.set_item("files_without_rows", counts.files_without_rows)?;
    out.set_item("duplicates", counts.duplicates)?;
    out.set_item("bar_gaps", counts.gaps)?;
    out.set_item("first_ts_bar_gap", counts.first_gap)?;
    out.set_item("shortened_bars", counts.shortened)
}

/// Adds what the sources of one reader counted, each for itself.
fn sum_to_py(py: Python<'_>, merged: &Merged<Source>, out: &Bound<'_, PyDict>) -> PyResult<()> {
    for reader in merged.readers() {
        let own = PyDict::new(py);
        counts_to_py(py, reader, &CoreSummary::default(), &own)?;
        for (key, value) in own {
            let sum = match out.get_item(&key)? {
                // Of one file is enough: who reads on will meet those of others.
                Some(other) if key.eq(FIRST_LATE)? => {
                    if other.is_none() {
                        out.set_item(key, value)?;
                    }
                    continue;
                }
                Some(other) if value.is_instance_of::<PyDict>() => {
                    add_up(other.cast()?, value.cast()?)?;
                    continue;
                }
                Some(other) if !other.is_none() && !value.is_none() => other.add(value)?,
                _ => value,
            };
            out.set_item(key, sum)?;
        }
    }
    Ok(())
}

/// Adds the numbers of one dictionary to those of another.
fn add_up(sums: &Bound<'_, PyDict>, numbers: &Bound<'_, PyDict>) -> PyResult<()> {
    for (key, number) in numbers {
        let sum = match sums.get_item(&key)? {
            Some(other) => other.add(number)?,
            None => number,
        };
        sums.set_item(key, sum)?;
    }
    Ok(())
}

/// How clocks of recordings stood, as dictionaries.
fn clocks_to_py<'py>(py: Python<'py>, clocks: &[ClockOffset]) -> PyResult<Bound<'py, PyList>> {
    let out = PyList::empty(py);
    for clock in clocks {
        let each = PyDict::new(py);
        each.set_item("file", &clock.file)?;
        each.set_item("to", &clock.other)?;
        each.set_item("equal", clock.equal)?;
        each.set_item("offset_ns", clock.offset_ns)?;
        each.set_item("spread_ns", clock.spread_ns)?;
        each.set_item("moved", clock.moved)?;
        out.append(each)?;
    }
    Ok(out)
}

/// Rows of a synthetic market at most: more would fill any disk.
const MOST_EVENTS: usize = 10_000_000_000;

arguments! {
    events: usize = to_whole("events", 0..=MOST_EVENTS);
}

/// Synthetic markets.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Synth;

#[pymethods]
impl Synth {
    /// Return a reader over a market of ``events`` rows.
    #[staticmethod]
    #[pyo3(signature = (instrument, *, events, seed, start_price, typical_qty, start_ns, message_gap, latency, jitter))]
    #[allow(clippy::too_many_arguments, reason = "the shape of a market")]
    fn reader(
        instrument: &PyInstrument,
        #[pyo3(from_py_with = events)] events: usize,
        #[pyo3(from_py_with = to_seed)] seed: u64,
        start_price: &Bound<'_, PyAny>,
        typical_qty: &Bound<'_, PyAny>,
        start_ns: i64,
        message_gap: &Bound<'_, PyAny>,
        latency: &Bound<'_, PyAny>,
        jitter: &Bound<'_, PyAny>,
    ) -> PyResult<EventReader> {
        let config = SynthConfig {
            seed,
            start_price: instrument.price_to_steps(start_price)?,
            tick_size: instrument.0.terms.tick_size,
            typical_qty: instrument.qty_to_steps(typical_qty)?,
            lot_size: instrument.0.terms.lot_size,
            start_ns,
            message_gap_ns: to_duration("message_gap", message_gap, 1)?,
            latency_ns: to_duration("latency", latency, 0)?,
            jitter_ns: to_duration("jitter", jitter, 0)?,
        };
        let synth = Synthetic::Levels(Box::new(CoreSynth::new(config).map_err(unmade)?));
        let source = Source::Synth { synth, left: events };
        Ok(EventReader::new(instrument, source, Arc::default(), 0))
    }

    /// Return a reader over a market of single orders of ``events`` rows.
    #[staticmethod]
    #[pyo3(signature = (instrument, *, events, seed, start_price, typical_qty, start_ns, event_gap, granularity, sizes,
        amendments, latency))]
    #[allow(clippy::too_many_arguments, reason = "the shape of a market")]
    fn order_reader(
        instrument: &PyInstrument,
        #[pyo3(from_py_with = events)] events: usize,
        #[pyo3(from_py_with = to_seed)] seed: u64,
        start_price: &Bound<'_, PyAny>,
        typical_qty: &Bound<'_, PyAny>,
        start_ns: i64,
        event_gap: &Bound<'_, PyAny>,
        granularity: &Bound<'_, PyAny>,
        sizes: &str,
        amendments: &Bound<'_, PyAny>,
        latency: &Bound<'_, PyAny>,
    ) -> PyResult<EventReader> {
        let config = OrdersConfig {
            seed,
            start_price: instrument.price_to_steps(start_price)?,
            tick_size: instrument.0.terms.tick_size,
            typical_qty: instrument.qty_to_steps(typical_qty)?,
            lot_size: instrument.0.terms.lot_size,
            start_ns,
            gap_ns: to_duration("event_gap", event_gap, 1)?,
            granularity_ns: to_duration("granularity", granularity, 0)?,
            sizes: match sizes {
                "few" => Sizes::Few,
                "many" => Sizes::Many,
                other => return Err(errors::invalid("sizes", format!("{other:?} is not few or many"))),
            },
            amendments: to_number("amendments", amendments, 0.0..=1.0)?,
            latency_ns: to_duration("latency", latency, 0)?,
        };
        let synth = Synthetic::Orders(Box::new(OrdersSynth::new(config).map_err(unmade)?));
        let source = Source::Synth { synth, left: events };
        Ok(EventReader::new(instrument, source, Arc::default(), 0))
    }
}

fn unmade(error: SynthError) -> PyErr {
    match error {
        SynthError::StartPrice => errors::invalid("start_price", error.to_string()),
        SynthError::TypicalQty => errors::invalid("typical_qty", error.to_string()),
    }
}
