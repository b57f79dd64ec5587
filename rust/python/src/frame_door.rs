//! Frames of a live session, many in one call: what nearly all of them lead to happens here, and whatever is not of that
//! kind is left to the session, which goes on from there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use tradecore_core::decode::push_frame_record;
use tradecore_core::event::EventKind;
use tradecore_core::types::MarketId;

use crate::feeds::FeedDecoder;
use crate::kernel::{Delivered, PyKernel};
use crate::readers::lock;

/// Bytes of records after which the session is to take them.
const ROOM: usize = 64 << 10;

/// What arrived of an instrument, counted: messages by what their first row is.
///
/// Examples
/// --------
/// >>> from tradecore._core import Heard
/// >>> heard = Heard()
/// >>> heard.count(5, tc.EventKind.TRADE, 7)
/// >>> (heard.messages, heard.trades, heard.traded_qty, heard.last_ns)
/// (1, 1, 7, 5)
#[pyclass(frozen, module = "tradecore")]
#[derive(Default)]
pub(crate) struct Heard(Mutex<Counted>);

#[derive(Default, Clone, Copy)]
struct Counted {
    messages: u64,
    trades: u64,
    books: u64,
    traded_qty: i64,
    last_ns: i64,
}

impl Heard {
    fn counted(&self) -> Counted {
        *lock(&self.0)
    }
}

#[pymethods]
impl Heard {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Count a message: when it was received (ns UTC), the kind of its first row, what was traded (increments).
    fn count(&self, ts_recv: i64, kind: u8, traded_qty: i64) {
        let mut counted = lock(&self.0);
        counted.messages += 1;
        counted.last_ns = ts_recv;
        if kind == EventKind::BookSet as u8 || kind == EventKind::BookClear as u8 {
            counted.books += 1;
        } else if kind == EventKind::Trade as u8 {
            counted.trades += 1;
            counted.traded_qty = counted.traded_qty.saturating_add(traded_qty);
        }
    }

    /// Return for how long nothing arrived, seconds; None before anything did.
    fn age_s(&self, now_ns: i64) -> Option<f64> {
        let last_ns = self.counted().last_ns;
        (last_ns != 0).then(|| now_ns.saturating_sub(last_ns).max(0) as f64 / 1e9)
    }

    /// How many messages.
    #[getter]
    fn messages(&self) -> u64 {
        self.counted().messages
    }

    /// How many of them were of trades.
    #[getter]
    fn trades(&self) -> u64 {
        self.counted().trades
    }

    /// How many were of the order book.
    #[getter]
    fn books(&self) -> u64 {
        self.counted().books
    }

    /// What was traded, in quantity increments.
    #[getter]
    fn traded_qty(&self) -> i64 {
        self.counted().traded_qty
    }

    /// When the newest one was read from its socket, ns UTC; 0 before any.
    #[getter]
    fn last_ns(&self) -> i64 {
        self.counted().last_ns
    }
}

/// Takes frames of a venue whose books are all synced: decodes them and gives what they hold to a kernel.
///
/// Parameters
/// ----------
/// kernel : Kernel
/// decoder : FeedDecoder
/// venue : str
/// places : dict of str to (int, Heard)
///     The kernel's market of each of the decoder's instruments, and what counts its messages.
/// now_ns : callable
///     The time, ns UTC.
/// book : object
///     What frames of books have as their stream.
/// record : int, optional
///     Kind of the records that frames are written down as; they are not if not given.
///
/// Raises
/// ------
/// InvalidValueError
///     For a market that the kernel does not have.
/// UnknownInstrumentError
///     For an instrument that the decoder does not have.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct FrameDoor {
    kernel: Py<PyKernel>,
    decoder: Py<FeedDecoder>,
    venue: String,
    places: HashMap<String, Place>,
    clock: Py<PyAny>,
    book: Py<PyAny>,
    record: Option<u8>,
    done: Mutex<Done>,
}

/// An instrument at the kernel and at the decoder.
struct Place {
    market: MarketId,
    index: usize,
    heard: Py<Heard>,
}

/// What came of a call so far.
#[derive(Default)]
struct Done {
    taken: usize,
    now_ns: i64,
    is_decoded: bool,
    records: Vec<u8>,
    /// From the venue's stamp to the receipt of each, and from there until all was done, s.
    feed_latency: Vec<f64>,
    processing: Vec<f64>,
}

#[pymethods]
impl FrameDoor {
    #[new]
    #[pyo3(signature = (kernel, decoder, venue, places, *, now_ns, book, record=None))]
    #[allow(clippy::too_many_arguments, reason = "all that a frame passes")]
    fn new(
        kernel: Py<PyKernel>,
        decoder: Py<FeedDecoder>,
        venue: String,
        places: HashMap<String, (usize, Py<Heard>)>,
        now_ns: Py<PyAny>,
        book: Py<PyAny>,
        record: Option<u8>,
    ) -> PyResult<Self> {
        let place = |(name, (market, heard)): (String, (usize, Py<Heard>))| {
            let market = kernel.get().market(market)?;
            let index = decoder.get().index(&name)?;
            Ok((name, Place { market, index, heard }))
        };
        let places = places.into_iter().map(place).collect::<PyResult<_>>()?;
        let done = Mutex::default();
        Ok(Self { kernel, decoder, venue, places, clock: now_ns, book, record, done })
    }

    /// Take the frames of a list of events from a place on, up to one that leads to more than hooks.
    ///
    /// Such are events that are no frames, those of no instrument and of others, a frame that cannot be read, a book
    /// that is not synced before or after, something that is due before, and commands. What came of it is to be asked
    /// for also after an error.
    ///
    /// Parameters
    /// ----------
    /// events : list
    /// start : int
    /// now_ns : int
    ///     The kernel's time, ns UTC: messages are not given to it earlier.
    ///
    /// Returns
    /// -------
    /// bool
    ///     Whether commands, refusals or questions wait for being taken.
    ///
    /// Raises
    /// ------
    /// StrategyError
    ///     As :meth:`Kernel.decoded`.
    fn take(&self, py: Python<'_>, events: &Bound<'_, PyList>, start: usize, now_ns: i64) -> PyResult<bool> {
        *self.done() = Done { taken: start, now_ns, ..Done::default() };
        let decoder = self.decoder.get();
        let mut clock_ns = self.clock_ns(py)?;
        for event in events.iter().skip(start) {
            let Some((place, ts_recv, data, is_book)) = self.frame(&event)? else { break };
            let bytes = data.as_bytes();
            if bytes.len() > ROOM || !decoder.is_synced(place.index) || !decoder.takes(bytes, ts_recv) {
                break;
            }
            let pending = decoder.pending_of(place.index);
            let told = match pending {
                _ if is_book && !decoder.is_synced(place.index) => Ok(Delivered::Due),
                None => Ok(Delivered::Quiet),
                Some(_) => {
                    let at = clock_ns.max(self.done().now_ns);
                    let told = self.kernel.get().take_decoded(at, place.market, decoder, place.index);
                    if !matches!(told, Ok(Delivered::Due)) {
                        self.done().now_ns = at;
                    }
                    told
                }
            };
            if matches!(told, Ok(Delivered::Due)) {
                self.done().is_decoded = true;
                break;
            }
            clock_ns = self.clock_ns(py)?;
            let mut done = self.done();
            done.taken += 1;
            if let Some(kind) = self.record {
                push_frame_record(kind, ts_recv, self.venue.as_bytes(), bytes, &mut done.records);
            }
            let told = told?;
            if let Some((ts_event, kind, traded_qty)) = pending {
                place.heard.get().count(ts_recv, kind, traded_qty);
                done.feed_latency.push((ts_recv - ts_event) as f64 / 1e9);
            }
            done.processing.push((clock_ns - ts_recv) as f64 / 1e9);
            if matches!(told, Delivered::Sent) {
                return Ok(true);
            }
            if done.records.len() > ROOM {
                break;
            }
        }
        Ok(false)
    }

    /// Index of the first event of the newest call that was not taken.
    #[getter]
    fn taken(&self) -> usize {
        self.done().taken
    }

    /// Whether that event's bytes are with the decoder all the same, and its rows wait there.
    #[getter]
    fn is_decoded(&self) -> bool {
        self.done().is_decoded
    }

    /// Time at which the kernel was given something last, ns UTC.
    #[getter]
    fn now_ns(&self) -> i64 {
        self.done().now_ns
    }

    /// Take the records of the frames that were taken.
    fn records<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &std::mem::take(&mut self.done().records))
    }

    /// Take how long they took, seconds: from the venue's stamps to receipt, and from there until all was done.
    fn times(&self) -> (Vec<f64>, Vec<f64>) {
        let mut done = self.done();
        (std::mem::take(&mut done.feed_latency), std::mem::take(&mut done.processing))
    }
}

impl FrameDoor {
    fn done(&self) -> MutexGuard<'_, Done> {
        lock(&self.done)
    }

    fn clock_ns(&self, py: Python<'_>) -> PyResult<i64> {
        self.clock.call0(py)?.extract(py)
    }

    /// An event that is a frame of one of the instruments: that, its receipt, its bytes, and whether it is of a book.
    #[allow(clippy::type_complexity, reason = "what a frame is")]
    fn frame<'a, 'py>(
        &'a self,
        event: &Bound<'py, PyAny>,
    ) -> PyResult<Option<(&'a Place, i64, Bound<'py, PyBytes>, bool)>> {
        let Ok(frame) = event.cast::<PyTuple>() else { return Ok(None) };
        let Ok(name) = frame.get_item(3)?.cast_into::<PyString>() else { return Ok(None) };
        let Some(place) = self.places.get(name.to_str()?) else { return Ok(None) };
        let data = frame.get_item(2)?.cast_into::<PyBytes>()?;
        let is_book = frame.get_item(4)?.is(&self.book);
        Ok(Some((place, frame.get_item(1)?.extract()?, data, is_book)))
    }
}
