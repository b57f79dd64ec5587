//! The book over time as a picture.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tradecore_catalog::PartError;
use tradecore_core::book::{BookRaster, BookSampler, MarketChunks};
use tradecore_core::event::{Columns, FeedError};

use crate::catalog::{EventStream, Leased};
use crate::errors;
use crate::instrument::PyInstrument;
use crate::memory::MemoryColumns;

/// Where the events come from.
enum Source {
    Stream(Leased),
    Memory(Option<Arc<dyn Columns>>),
}

impl Source {
    fn next(&mut self) -> Result<Option<Arc<dyn Columns>>, PartError> {
        Ok(match self {
            Self::Stream(stream) => stream.next_piece()?.map(|piece| Arc::new(piece) as Arc<dyn Columns>),
            Self::Memory(columns) => columns.take(),
        })
    }
}

/// Paint the book of an instrument over time.
///
/// Parameters
/// ----------
/// instrument : Instrument
/// events : EventStream or MemoryColumns
///     Taken over; with the events from the last snapshot before the time on.
/// start_ns, end_ns : int
///     First and last time, ns UTC: what was received by then.
/// columns, rows : int
///     Width, and height at most: a row is a price, or as many as have to share one.
/// low, high : float, optional
///     Prices, quote currency; where the best prices went, with as much again around them, if not given.
///
/// Returns
/// -------
/// dict or None
///     ``shades`` (bytes, row by row from the highest price; 0 for nothing), ``rows``, ``low`` and ``high`` (prices of
///     the lower and the upper edge), ``brightest`` (the quantity of the brightest shade), ``bid`` and ``ask`` (list of
///     float, NaN where there was none) of each column; None where no best price was seen.
///
/// Raises
/// ------
/// CatalogError, DataError
///     When a file cannot be read, or its rows break a rule of events.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "keywords in Python")]
#[pyo3(signature = (instrument, events, *, start_ns, end_ns, columns, rows, low=None, high=None))]
pub(crate) fn book_raster<'py>(
    py: Python<'py>,
    instrument: &PyInstrument,
    events: &Bound<'py, PyAny>,
    start_ns: i64,
    end_ns: i64,
    columns: usize,
    rows: usize,
    low: Option<f64>,
    high: Option<f64>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let instrument = &instrument.0;
    if end_ns <= start_ns || columns == 0 || rows == 0 {
        return Err(errors::invalid("end_ns", "a picture needs a width, a height and a time"));
    }
    let (mut source, mut chunks) = if let Ok(stream) = events.cast::<EventStream>() {
        let Some(leased) = stream.get().take() else {
            return Err(errors::RunError::new_err("the stream was read before"));
        };
        leased.check()?;
        let chunks = leased.chunks();
        (Source::Stream(leased), chunks)
    } else {
        let memory = events.cast::<MemoryColumns>()?;
        (Source::Memory(Some(Arc::clone(&memory.get().columns))), MarketChunks::new(true))
    };
    let every = (end_ns.abs_diff(start_ns) / columns as u64).max(1) as i64;
    let painted = py.detach(|| -> Result<BookRaster, FeedError<PartError>> {
        let mut sampler = BookSampler::new(every, start_ns);
        let mut raster = BookRaster::new(columns);
        let column = |time: i64| usize::try_from((time - start_ns) / every).unwrap_or(usize::MAX);
        while let Some(chunk) = chunks.pull(|| source.next())? {
            sampler.push(chunk);
            while let Some(time) = sampler.next_sample() {
                raster.see(column(time), sampler.book());
                if time >= end_ns {
                    return Ok(raster);
                }
            }
        }
        while let Some(time) = sampler.last_sample() {
            raster.see(column(time), sampler.book());
        }
        Ok(raster)
    });
    let raster = painted.map_err(|failure| errors::feed(instrument, failure))?;
    let Some(reach) = raster.reach() else { return Ok(None) };
    let unit = instrument.price_increment.to_f64(1);
    let steps = |price: f64| (price / unit).round() as i64;
    let (low, high) = (low.map_or(reach.0, steps), high.map_or(reach.1, steps));
    let picture = raster.paint(low.min(high), high.max(low), rows);
    let price = |steps: Option<i64>| steps.map_or(f64::NAN, |steps| instrument.price_increment.to_f64(steps));
    let told = PyDict::new(py);
    told.set_item("shades", PyBytes::new(py, &picture.shades))?;
    told.set_item("rows", picture.rows)?;
    // A price stands in the middle of its row.
    told.set_item("low", instrument.price_increment.to_f64(picture.low) - unit / 2.0)?;
    told.set_item("high", instrument.price_increment.to_f64(picture.high) - unit / 2.0)?;
    told.set_item("brightest", instrument.qty_increment.to_f64(picture.brightest))?;
    told.set_item("bid", raster.touch().map(|(bid, _)| price(bid)).collect::<Vec<_>>())?;
    told.set_item("ask", raster.touch().map(|(_, ask)| price(ask)).collect::<Vec<_>>())?;
    Ok(Some(told))
}
