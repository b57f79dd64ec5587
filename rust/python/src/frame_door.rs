//! Frames of a live session, many in one call: what nearly all of them lead to happens here, and whatever is not of that
//! kind is left to the session, which goes on from there.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use tradecore_core::decode::push_frame_record;
use tradecore_core::event::EventKind;
use tradecore_core::types::MarketId;

use crate::feeds::FeedDecoder;
use crate::kernel::PyKernel;

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
#[pyclass(get_all, module = "tradecore")]
#[derive(Default)]
pub(crate) struct Heard {
    /// How many messages.
    messages: u64,
    /// How many of them were of trades.
    trades: u64,
    /// How many were of the order book.
    books: u64,
    /// What was traded, in quantity increments.
    traded_qty: i64,
    /// When the newest one was read from its socket, ns UTC; 0 before any.
    last_ns: i64,
}

#[pymethods]
impl Heard {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Count a message: when it was received (ns UTC), the kind of its first row, what was traded (increments).
    fn count(&mut self, ts_recv: i64, kind: u8, traded_qty: i64) {
        self.messages += 1;
        self.last_ns = ts_recv;
        if kind == EventKind::BookSet as u8 || kind == EventKind::BookClear as u8 {
            self.books += 1;
        } else if kind == EventKind::Trade as u8 {
            self.trades += 1;
            self.traded_qty = self.traded_qty.saturating_add(traded_qty);
        }
    }

    /// Return for how long nothing arrived, seconds; None before anything did.
    fn age_s(&self, now_ns: i64) -> Option<f64> {
        (self.last_ns != 0).then(|| now_ns.saturating_sub(self.last_ns).max(0) as f64 / 1e9)
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
///     For a market that the kernel does not have, and for a decoder that keeps no events.
/// UnknownInstrumentError
///     For an instrument that the decoder does not have.
#[pyclass(module = "tradecore")]
pub(crate) struct FrameDoor {
    kernel: Py<PyKernel>,
    decoder: Py<FeedDecoder>,
    venue: String,
    places: HashMap<String, Place>,
    clock: Py<PyAny>,
    book: Py<PyAny>,
    record: Option<u8>,
    /// Index of the first event of the newest call that was not taken.
    #[pyo3(get)]
    taken: usize,
    /// Whether that event's bytes are with the decoder all the same, and its rows wait there.
    #[pyo3(get)]
    is_decoded: bool,
    /// Time at which the kernel was given something last, ns UTC.
    #[pyo3(get)]
    now_ns: i64,
    records: Vec<u8>,
    /// From the venue's stamp to the receipt of each, and from there until all was done, s.
    times: (Vec<f64>, Vec<f64>),
}

/// An instrument at the kernel and at the decoder.
struct Place {
    market: MarketId,
    index: usize,
    heard: Py<Heard>,
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
            decoder.get().with_events(&name, |_| ())?;
            Ok((name, Place { market, index, heard }))
        };
        let places = places.into_iter().map(place).collect::<PyResult<_>>()?;
        Ok(Self {
            kernel,
            decoder,
            venue,
            places,
            clock: now_ns,
            book,
            record,
            taken: 0,
            is_decoded: false,
            now_ns: 0,
            records: Vec::new(),
            times: Default::default(),
        })
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
    fn take(
        &mut self,
        py: Python<'_>,
        events: &Bound<'_, PyList>,
        start: usize,
        now_ns: i64,
    ) -> PyResult<bool> {
        (self.taken, self.is_decoded, self.now_ns) = (start, false, now_ns);
        let mut clock_ns = self.clock_ns(py)?;
        for event in events.iter().skip(start) {
            let decoder = self.decoder.get();
            let Some((place, ts_recv, data, is_book)) = framed(&self.places, &self.book, &event)? else {
                break;
            };
            let bytes = data.as_bytes();
            if bytes.len() > ROOM || !decoder.is_synced(place.index) || !decoder.takes(bytes, ts_recv) {
                break;
            }
            let at = clock_ns.max(self.now_ns);
            let pending = decoder.pending_of(place.index);
            let told = match pending {
                _ if is_book && !decoder.is_synced(place.index) => Ok(None),
                None => Ok(Some(false)),
                Some(_) => self.kernel.get().take_decoded(at, place.market, decoder, place.index),
            };
            if matches!(told, Ok(None)) {
                self.is_decoded = true;
                break;
            }
            clock_ns = self.clock_ns(py)?;
            self.taken += 1;
            if let Some(kind) = self.record {
                push_frame_record(kind, ts_recv, self.venue.as_bytes(), bytes, &mut self.records);
            }
            if pending.is_some() {
                self.now_ns = at;
            }
            let has_outgoing = told? == Some(true);
            if let Some((ts_event, kind, traded_qty)) = pending {
                place.heard.borrow_mut(py).count(ts_recv, kind, traded_qty);
                self.times.0.push((ts_recv - ts_event) as f64 / 1e9);
            }
            self.times.1.push((clock_ns - ts_recv) as f64 / 1e9);
            if has_outgoing {
                return Ok(true);
            }
            if self.records.len() > ROOM {
                break;
            }
        }
        Ok(false)
    }

    /// Take the records of the frames that were taken.
    fn records<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &std::mem::take(&mut self.records))
    }

    /// Take how long they took, seconds: from the venue's stamps to receipt, and from there until all was done.
    fn times(&mut self) -> (Vec<f64>, Vec<f64>) {
        std::mem::take(&mut self.times)
    }
}

impl FrameDoor {
    fn clock_ns(&self, py: Python<'_>) -> PyResult<i64> {
        self.clock.call0(py)?.extract(py)
    }
}

/// An event that is a frame of one of these: its place, its receipt, its bytes, and whether it is of a book.
#[allow(clippy::type_complexity, reason = "what a frame is")]
fn framed<'a, 'py>(
    places: &'a HashMap<String, Place>,
    book: &Py<PyAny>,
    event: &Bound<'py, PyAny>,
) -> PyResult<Option<(&'a Place, i64, Bound<'py, PyBytes>, bool)>> {
    let Ok(frame) = event.cast::<PyTuple>() else { return Ok(None) };
    let Ok(name) = frame.get_item(3)?.cast_into::<PyString>() else { return Ok(None) };
    let Some(place) = places.get(name.to_str()?) else { return Ok(None) };
    let data = frame.get_item(2)?.cast_into::<PyBytes>()?;
    let is_book = frame.get_item(4)?.is(book);
    Ok(Some((place, frame.get_item(1)?.extract()?, data, is_book)))
}
