//! Series that the core makes of a stream: the venue's own best prices, the book at regular times, bars.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_catalog::PartError;
use tradecore_core::bars::{Bar, BarFloats, BarSpec, BarSpecError, BarsError, RowBars};
use tradecore_core::book::{BookSampler, FillBasis, Level, MarketChunks, Touch};
use tradecore_core::event::{Chunk, Columns, FeedError};
use tradecore_core::types::{Instrument, Side};

use crate::book::measures;
use crate::catalog::{EventStream, Leased};
use crate::columns::import_numpy;
use crate::errors;
use crate::instrument::PyInstrument;

/// Why a series ends early.
enum Failure {
    Feed(FeedError<PartError>),
    Bars(BarsError),
}

impl From<FeedError<PartError>> for Failure {
    fn from(error: FeedError<PartError>) -> Self {
        Self::Feed(error)
    }
}

impl From<BarsError> for Failure {
    fn from(error: BarsError) -> Self {
        Self::Bars(error)
    }
}

/// The whole messages of a stream.
struct Feed {
    stream: Leased,
    chunks: MarketChunks,
}

impl Feed {
    /// The next messages; `None` at the end.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, Failure> {
        let Self { stream, chunks } = self;
        Ok(chunks.pull(|| Ok(stream.next_piece()?.map(|piece| Arc::new(piece) as Arc<dyn Columns>)))?)
    }
}

/// What is made of the messages.
enum Maker {
    Quotes(VecDeque<(i64, i64, Touch)>),
    Book { sampler: Box<BookSampler>, depth: usize },
    Bars { spec: BarSpec, bars: Box<RowBars>, ended: VecDeque<Bar>, is_whole: bool },
}

/// Columns by name, in the order they were named.
#[derive(Default)]
struct Table {
    stamps: Vec<(String, Vec<i64>)>,
    numbers: Vec<(String, Vec<f64>)>,
}

impl Table {
    fn new(stamps: &[&str], numbers: impl IntoIterator<Item = String>) -> Self {
        Self {
            stamps: stamps.iter().map(|name| ((*name).to_owned(), Vec::new())).collect(),
            numbers: numbers.into_iter().map(|name| (name, Vec::new())).collect(),
        }
    }

    fn rows(&self) -> usize {
        self.stamps[0].1.len()
    }

    /// Adds a row; a number that is not there is NaN.
    fn push(&mut self, stamps: &[i64], numbers: impl IntoIterator<Item = Option<f64>>) {
        for ((_, column), stamp) in self.stamps.iter_mut().zip(stamps) {
            column.push(*stamp);
        }
        for ((_, column), number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number.unwrap_or(f64::NAN));
        }
    }

    fn into_arrays(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        import_numpy(py)?;
        let arrays = PyDict::new(py);
        for (name, column) in self.stamps {
            arrays.set_item(name, PyArray1::from_vec(py, column))?;
        }
        for (name, column) in self.numbers {
            arrays.set_item(name, PyArray1::from_vec(py, column))?;
        }
        Ok(arrays)
    }
}

const TOUCH: [&str; 4] = ["bid", "bid_qty", "ask", "ask_qty"];
const BAR_STAMPS: [&str; 6] = ["ts_open", "ts_close", "ts_available", "trades", "revision", "is_partial"];

impl Maker {
    fn table(&self) -> Table {
        match self {
            Self::Quotes(_) => Table::new(&["ts_recv", "ts_event"], TOUCH.map(str::to_owned)),
            Self::Book { depth, .. } => {
                let levels = 0..*depth;
                Table::new(&["ts"], levels.flat_map(|level| TOUCH.map(|name| format!("{name}_{level}"))))
            }
            Self::Bars { .. } => Table::new(&BAR_STAMPS, BarFloats::NAMES.map(str::to_owned)),
        }
    }

    /// Makes up to `rows` rows.
    fn read(&mut self, feed: &mut Feed, instrument: &Instrument, rows: usize) -> Result<Table, Failure> {
        let mut table = self.table();
        match self {
            Self::Quotes(ready) => {
                while ready.len() < rows {
                    let Some(chunk) = feed.next_chunk()? else { break };
                    let view = chunk.view();
                    for message in view.messages(chunk.start(), chunk.end()).filter(|m| !m.only_levels) {
                        let last = message.to - 1;
                        let quote = Touch::quoted(&view, message.from, message.to);
                        ready.extend(quote.map(|quote| (view.ts_recv[last], view.ts_event[last], quote)));
                    }
                }
                for (ts_recv, ts_event, quote) in ready.drain(..rows.min(ready.len())) {
                    let levels = SIDES.map(|side| numbers(instrument, quote.best(side)));
                    table.push(&[ts_recv, ts_event], levels.into_iter().flatten());
                }
            }
            Self::Book { sampler, depth } => {
                while table.rows() < rows {
                    let time = match sampler.next_sample() {
                        Some(time) => time,
                        None => match feed.next_chunk()? {
                            Some(chunk) => {
                                sampler.push(chunk);
                                continue;
                            }
                            None => match sampler.last_sample() {
                                Some(time) => time,
                                None => break,
                            },
                        },
                    };
                    table.push(&[time], levels(instrument, sampler, *depth));
                }
            }
            Self::Bars { spec, bars, ended, is_whole } => {
                while ended.len() < rows && !*is_whole {
                    let mut end = |bar: &Bar| ended.push_back(*bar);
                    match feed.next_chunk()? {
                        Some(chunk) => bars.push(&chunk.view(), chunk.start(), chunk.end(), &mut end)?,
                        None => {
                            bars.flush(&mut end)?;
                            *is_whole = true;
                        }
                    }
                }
                for bar in ended.drain(..rows.min(ended.len())) {
                    table.push(
                        &[
                            bar.ts_open,
                            bar.ts_close,
                            bar.ts_available,
                            i64::from(bar.trades),
                            i64::from(bar.revision),
                            i64::from(bar.is_partial),
                        ],
                        bar.to_floats(spec, instrument).values().map(Some),
                    );
                }
            }
        }
        Ok(table)
    }
}

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

/// Price and quantity of a level, if there is one.
fn numbers(instrument: &Instrument, level: Option<Level>) -> [Option<f64>; 2] {
    [measures::price(instrument, level.map(|level| level.price)), measures::qty(instrument, level)]
}

/// The numbers of a row of levels. One that is not there, or of a book that is not the venue's, has none.
fn levels<'a>(
    instrument: &'a Instrument,
    sampler: &'a BookSampler,
    depth: usize,
) -> impl Iterator<Item = Option<f64>> + 'a {
    let book = sampler.book();
    let shown = if book.is_synced() { depth } else { 0 };
    let mut sides = SIDES.map(|side| book.iter(side).take(shown));
    (0..depth).flat_map(move |_| {
        sides.each_mut().map(|side| numbers(instrument, side.next())).into_iter().flatten()
    })
}

/// Makes a series of the events of an instrument, piece by piece. It takes the stream over as it stands.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct SeriesReader {
    instrument: PyInstrument,
    reading: Mutex<Option<(Feed, Maker)>>,
}

impl SeriesReader {
    fn of(instrument: &PyInstrument, stream: &EventStream, maker: Maker) -> Self {
        let feed = |stream: Leased| Feed { chunks: stream.chunks(), stream };
        let reading = stream.take().map(|stream| (feed(stream), maker));
        Self { instrument: instrument.clone(), reading: Mutex::new(reading) }
    }
}

#[pymethods]
impl SeriesReader {
    /// Return the venue's own best prices by message: ``ts_recv, ts_event`` (ns), ``bid, bid_qty, ask, ask_qty``.
    #[staticmethod]
    fn quotes(instrument: &PyInstrument, stream: &EventStream) -> Self {
        Self::of(instrument, stream, Maker::Quotes(VecDeque::new()))
    }

    /// Return the best levels every ``every_ns`` from ``from_ns`` on, ns: ``ts, bid_0, bid_qty_0, ask_0`` ...
    #[staticmethod]
    #[pyo3(signature = (instrument, stream, *, depth, every_ns, from_ns))]
    fn book(
        instrument: &PyInstrument,
        stream: &EventStream,
        depth: usize,
        every_ns: i64,
        from_ns: i64,
    ) -> Self {
        let sampler = Box::new(BookSampler::new(every_ns, from_ns));
        Self::of(instrument, stream, Maker::Book { sampler, depth })
    }

    /// Return bars by a specification.
    ///
    /// Times are ``ts_open, ts_close, ts_available`` (ns), counts ``trades, revision, is_partial``; numbers are ``open,
    /// high, low, close, volume, quote_volume, buy_volume, sell_volume, vwap``. Mid prices are those of the book, or of
    /// the venue's own best prices where it has none.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When there are no such bars, or none of this instrument.
    #[staticmethod]
    #[pyo3(signature = (instrument, stream, *, spec, has_book, from_ns))]
    fn bars(
        instrument: &PyInstrument,
        stream: &EventStream,
        spec: &str,
        has_book: bool,
        from_ns: i64,
    ) -> PyResult<Self> {
        let refuse = |error: BarSpecError| errors::invalid("every", error.to_string());
        let spec = BarSpec::parse(spec).map_err(refuse)?;
        let basis = if has_book { FillBasis::L2 } else { FillBasis::L1 };
        let bars = Box::new(RowBars::new(&spec, &instrument.0, basis, from_ns).map_err(refuse)?);
        Ok(Self::of(instrument, stream, Maker::Bars { spec, bars, ended: VecDeque::new(), is_whole: false }))
    }

    /// Return the next ``rows`` rows at most, None at the end.
    ///
    /// Times and counts are int64; numbers are float64 in units of the instrument, NaN where there is none.
    ///
    /// Raises
    /// ------
    /// CatalogError, DataError
    ///     When a file cannot be read, or its rows break a rule of events.
    fn read<'py>(&self, py: Python<'py>, rows: usize) -> PyResult<Option<Bound<'py, PyDict>>> {
        let instrument = &self.instrument.0;
        let failed = |failure| match failure {
            Failure::Bars(error) => errors::invalid("every", error.to_string()),
            Failure::Feed(failure) => errors::feed(instrument, failure),
        };
        let table = py.detach(|| {
            let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((feed, maker)) = &mut *reading else { return Ok(None) };
            feed.stream.check()?;
            let table = maker.read(feed, instrument, rows.max(1)).map_err(failed);
            if table.as_ref().map_or(true, |table| table.rows() == 0) {
                *reading = None;
                return table.map(|_| None);
            }
            table.map(Some)
        })?;
        table.map(|table| table.into_arrays(py)).transpose()
    }

    /// End what reads the stream; nothing comes from then on.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.reading.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }
}
