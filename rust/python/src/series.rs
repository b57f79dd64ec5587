//! Series that the core makes of a stream: the venue's own best prices, the book at regular times, bars.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_catalog::{EventStream as CoreStream, PartError};
use tradecore_core::backtest::RunError;
use tradecore_core::bars::{Bar, TimeBars};
use tradecore_core::book::{BookSampler, Level, Touch};
use tradecore_core::event::{Chunk, Chunker, Columns, ColumnsError, Cursor};
use tradecore_core::types::{Instrument, Side};

use crate::book::measures;
use crate::catalog::EventStream;
use crate::errors;
use crate::instrument::PyInstrument;

/// Why a series ends early.
enum Failure {
    Part(PartError),
    /// Behind so many rows of the stream.
    Rows(u64, ColumnsError),
}

/// The whole messages of a stream.
struct Feed {
    stream: CoreStream,
    chunker: Chunker,
    ended: bool,
}

impl Feed {
    /// The next messages; `None` at the end.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, Failure> {
        loop {
            let before = self.chunker.rows_before();
            if let Some(chunk) = self.chunker.next_chunk().map_err(|error| Failure::Rows(before, error))? {
                return Ok(Some(chunk));
            }
            if self.ended {
                return Ok(None);
            }
            let Some(piece) = self.stream.next_piece().map_err(Failure::Part)? else {
                self.ended = true;
                return Ok(self.chunker.finish());
            };
            let columns: Arc<dyn Columns> = Arc::new(piece);
            self.chunker.push(columns).map_err(|error| Failure::Rows(before, error))?;
        }
    }
}

/// What is made of the messages.
enum Maker {
    Quotes(Cursor),
    Book { sampler: Box<BookSampler>, depth: usize },
    Bars { bars: TimeBars, ended: VecDeque<Bar> },
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
const BAR: [&str; 5] = ["open", "high", "low", "close", "volume"];

impl Maker {
    fn table(&self) -> Table {
        match self {
            Self::Quotes(_) => Table::new(&["ts_recv", "ts_event"], TOUCH.map(str::to_owned)),
            Self::Book { depth, .. } => {
                let levels = 0..*depth;
                Table::new(&["ts"], levels.flat_map(|level| TOUCH.map(|name| format!("{name}_{level}"))))
            }
            Self::Bars { .. } => Table::new(&["ts_open", "trades"], BAR.map(str::to_owned)),
        }
    }

    /// Makes up to `rows` rows.
    fn read(&mut self, feed: &mut Feed, instrument: &Instrument, rows: usize) -> Result<Table, Failure> {
        let mut table = self.table();
        match self {
            Self::Quotes(cursor) => {
                while table.rows() < rows {
                    let Some((chunk, row)) = cursor.front() else {
                        let Some(chunk) = feed.next_chunk()? else { break };
                        cursor.push(chunk);
                        continue;
                    };
                    let view = chunk.view();
                    let end = view.message_end(row).min(chunk.end());
                    if let Some(quote) = Touch::quoted(&view, row, end) {
                        table.push(
                            &[view.ts_recv[end - 1], view.ts_event[end - 1]],
                            quoted(instrument, quote),
                        );
                    }
                    cursor.advance_to(end);
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
            Self::Bars { bars, ended } => {
                while ended.len() < rows {
                    let Some(chunk) = feed.next_chunk()? else {
                        ended.extend(bars.flush());
                        break;
                    };
                    bars.push_rows(&chunk.view(), chunk.start(), chunk.end(), |bar| ended.push_back(bar));
                }
                for bar in ended.drain(..rows.min(ended.len())) {
                    let price = |steps| measures::price(instrument, Some(steps));
                    let volume = instrument.qty_increment.to_f64(bar.volume);
                    let prices = [bar.open, bar.high, bar.low, bar.close].map(price);
                    table.push(
                        &[bar.ts_open, i64::from(bar.trades)],
                        prices.into_iter().chain([Some(volume)]),
                    );
                }
            }
        }
        Ok(table)
    }
}

fn quoted(instrument: &Instrument, quote: Touch) -> [Option<f64>; 4] {
    let price = |steps| measures::price(instrument, steps);
    let qty = |there: Option<i64>, qty| there.map(|_| instrument.qty_increment.to_f64(qty));
    let (bid, ask) = (quote.best_bid(), quote.best_ask());
    [price(bid), qty(bid, quote.bid_qty), price(ask), qty(ask, quote.ask_qty)]
}

/// The numbers of a row of levels. One that is not there, or of a book that is not the venue's, has none.
fn levels<'a>(
    instrument: &'a Instrument,
    sampler: &'a BookSampler,
    depth: usize,
) -> impl Iterator<Item = Option<f64>> + 'a {
    let book = sampler.book();
    let shown = if book.is_synced() { depth } else { 0 };
    let mut sides = [Side::Buy, Side::Sell].map(|side| book.iter(side).take(shown));
    (0..depth).flat_map(move |_| {
        let [bid, ask] = sides.each_mut().map(Iterator::next);
        let numbers = |level: Option<Level>| {
            [measures::price(instrument, level.map(|l| l.price)), measures::qty(instrument, level)]
        };
        let ([bid, bid_qty], [ask, ask_qty]) = (numbers(bid), numbers(ask));
        [bid, bid_qty, ask, ask_qty]
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
        let feed = |stream| Feed { stream, chunker: Chunker::default(), ended: false };
        let reading = stream.take().map(|stream| (feed(stream), maker));
        Self { instrument: instrument.clone(), reading: Mutex::new(reading) }
    }
}

#[pymethods]
impl SeriesReader {
    /// Return the venue's own best prices by message: ``ts_recv, ts_event`` (ns), ``bid, bid_qty, ask, ask_qty``.
    #[staticmethod]
    fn quotes(instrument: &PyInstrument, stream: &EventStream) -> Self {
        Self::of(instrument, stream, Maker::Quotes(Cursor::new()))
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

    /// Return bars of trades: ``ts_open`` (ns), ``trades, open, high, low, close, volume``.
    #[staticmethod]
    #[pyo3(signature = (instrument, stream, *, interval_ns))]
    fn bars(instrument: &PyInstrument, stream: &EventStream, interval_ns: i64) -> Self {
        Self::of(instrument, stream, Maker::Bars { bars: TimeBars::new(interval_ns), ended: VecDeque::new() })
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
        let table = py.detach(|| {
            let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((feed, maker)) = &mut *reading else { return Ok(None) };
            let table = maker.read(feed, instrument, rows.max(1));
            if table.as_ref().map_or(true, |table| table.rows() == 0) {
                *reading = None;
                return table.map(|_| None);
            }
            table.map(Some)
        });
        let table = table.map_err(|failure| match failure {
            Failure::Part(error) => errors::part(error),
            Failure::Rows(rows, error) => {
                errors::run(RunError::Columns { instrument: instrument.id.to_string(), rows, error })
            }
        })?;
        table.map(|table| table.into_arrays(py)).transpose()
    }

    /// End what reads the stream; nothing comes from then on.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.reading.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }
}
