//! Live messages of venues: frames to books, events and what a connection has to know.

use std::sync::{Arc, Mutex};

use numpy::PyArray1;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySequence, PyString};
use tradecore_core::book::{BookState, L2Book, Level, SnapshotAction};
use tradecore_core::decode::{
    Control, Decoder as _, FEED_VENUES, FeedDecoder as CoreDecoder, FeedMessage, FeedSink, Subject,
};
use tradecore_core::event::{Columns as _, Event, EventColumns, EventKind, EventSink, TIME_LIMIT, VenueBar};

use crate::book::PyL2Book;
use crate::columns::to_arrays;
use crate::errors;
use crate::instrument::{Named, PyInstrument};
use crate::readers::starts_empty;
use crate::records::book_state_to_py;
use crate::shared::lock;
use crate::values::{arguments, to_whole};

arguments! {
    ts_recv: i64 = to_whole("ts_recv", 0..=TIME_LIMIT);
}

/// What a venue said that concerns the connection.
///
/// Examples
/// --------
/// >>> decoder = tc.FeedDecoder("BYBIT", ["BTCUSDT.BYBIT"])
/// >>> decoder.feed(b'{"success":true,"ret_msg":"","op":"subscribe","req_id":"7","conn_id":"c"}', ts_recv=1)
/// 'control'
/// >>> decoder.control
/// <FeedControl answer to subscribe 7: granted>
#[pyclass(frozen, eq, get_all, module = "tradecore")]
#[derive(PartialEq)]
pub(crate) struct FeedControl {
    /// ``answer``, ``subscriptions`` (everything subscribed to now), ``pong``, ``heartbeat``, or ``closing``.
    kind: &'static str,
    /// The operation that an answer names, such as ``subscribe``; empty where the venue names none.
    operation: String,
    /// Id of the request as it was sent; empty where the venue tells none.
    request: String,
    /// Whether the request was granted.
    success: bool,
    /// The venue's words.
    text: String,
    /// What is subscribed to: channels, each with a colon and a product where it has one.
    channels: Vec<String>,
}

#[pymethods]
impl FeedControl {
    fn __repr__(&self) -> String {
        let mut words = vec![self.kind.to_owned()];
        if !self.operation.is_empty() {
            words.push(format!("to {}", self.operation));
        }
        words.push(self.request.clone());
        words.retain(|word| !word.is_empty());
        let mut said = vec![words.join(" ")];
        if self.kind == "answer" {
            said[0] += if self.success { ": granted" } else { ": refused" };
        }
        said.extend([self.text.clone(), self.channels.join(" ")].into_iter().filter(|text| !text.is_empty()));
        format!("<FeedControl {}>", said.join(", "))
    }
}

impl FeedControl {
    fn of(control: &Control) -> Self {
        let Control { kind, operation, request, success, text, channels } = control.clone();
        Self { kind: kind.as_str(), operation, request, success, text, channels }
    }
}

/// Decodes a venue's live messages as they arrive, and keeps the books synchronised.
///
/// It does no I/O: frames go in as they were received, and what came of them is asked for.
///
/// Parameters
/// ----------
/// venue : str
///     ``BINANCE``, ``BINANCE_USDM``, ``BINANCE_COINM``, ``BYBIT`` (linear and inverse), ``BYBIT_SPOT`` or
///     ``COINBASE`` (Advanced Trade and Exchange feed).
/// instruments : sequence of Instrument or str
///     Frames of other symbols are ignored.
/// keep_events : bool
///     Whether to keep decoded events for :meth:`events`, and bars for :meth:`klines`.
/// start : str
///     ``snapshot``, or ``empty``: where no snapshot is, changes make a book of nothing. What no change has named since
///     is missing in it.
/// recorded : bool
///     Whether frames are of a recording: one that was received more than a day from the venue's stamp is refused. A
///     live venue may be one that plays the past.
///
/// Raises
/// ------
/// InvalidValueError
///     When the venue is none of these.
///
/// Examples
/// --------
/// >>> instrument = tc.find_instrument("BTCUSDT.BINANCE")
/// >>> decoder = tc.FeedDecoder("BINANCE", [instrument])
/// >>> decoder.needs_snapshot("BTCUSDT.BINANCE")
/// True
/// >>> frame = b'{"e":"trade","E":2,"T":1,"s":"BTCUSDT","t":7,"p":"60000.10","q":"0.00500","m":true}'
/// >>> decoder.feed(frame, ts_recv=2_500_000)
/// 'trade'
/// >>> decoder.events("BTCUSDT.BINANCE")["price"].tolist()
/// [6000010]
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct FeedDecoder {
    instruments: Vec<PyInstrument>,
    state: Mutex<Box<Decoding>>,
}

/// A column of bars.
type Value = fn(&VenueBar) -> i64;

struct Decoding {
    decoder: CoreDecoder,
    /// By instrument.
    outputs: Vec<Output>,
}

/// Where the events of an instrument go. The book is locked event by event: nobody sees half a message, because
/// the decoder holds the GIL.
struct Output {
    book: Arc<Mutex<L2Book>>,
    /// Events and bars not yet asked for, if they are wanted at all.
    kept: Option<(EventColumns, Vec<VenueBar>)>,
}

impl EventSink for Output {
    fn push(&mut self, event: Event) {
        lock(&self.book).push(event);
        if let Some((events, _)) = &mut self.kept {
            events.push(event);
        }
    }

    fn push_levels(&mut self, template: Event, bids: &[Level], asks: &[Level]) {
        lock(&self.book).push_levels(template, bids, asks);
        if let Some((events, _)) = &mut self.kept {
            events.push_levels(template, bids, asks);
        }
    }

    fn end_message(&mut self) {
        if let Some((events, _)) = &mut self.kept {
            events.end_message();
        }
    }
}

impl FeedSink for Output {
    const TAKES_BARS: bool = true;

    fn push_bar(&mut self, bar: &VenueBar) {
        if let Some((_, bars)) = &mut self.kept {
            bars.push(*bar);
        }
    }
}

impl FeedDecoder {
    /// Lends the events of an instrument that were not asked for yet.
    pub(crate) fn with_events<R>(
        &self,
        instrument: &str,
        with: impl FnOnce(&mut EventColumns) -> R,
    ) -> PyResult<R> {
        let index = self.index(instrument)?;
        match &mut lock(&self.state).outputs[index].kept {
            Some((events, _)) => Ok(with(events)),
            None => Err(errors::invalid("decoder", "it was made with keep_events=False")),
        }
    }

    /// Takes a frame; whether it could be read. One that cannot be changes nothing.
    pub(crate) fn takes(&self, frame: &[u8], ts_recv: i64) -> bool {
        let mut state = lock(&self.state);
        let Decoding { decoder, outputs } = &mut **state;
        (0..=TIME_LIMIT).contains(&ts_recv) && decoder.feed(frame, ts_recv, outputs).is_ok()
    }

    pub(crate) fn is_synced(&self, index: usize) -> bool {
        lock(&self.state).decoder.state(index) == BookState::Synced
    }

    /// What of an instrument is decoded and not taken: the newest row's stamp, the first one's kind, what was traded.
    pub(crate) fn pending_of(&self, index: usize) -> Option<(i64, u8, i64)> {
        let state = lock(&self.state);
        let rows = state.outputs[index].kept.as_ref()?.0.view();
        let (first, newest) = (rows.kind.first()?, rows.ts_event.last()?);
        let trades = (0..rows.kind.len()).filter(|row| rows.kind[*row] == EventKind::Trade as u8);
        let traded = trades.fold(0_i64, |sum, row| sum.saturating_add(rows.qty.get(row)));
        Some((*newest, *first, traded))
    }

    /// Hands over the rows of an instrument that were not asked for yet, for others that have been used up.
    pub(crate) fn swap_rows(&self, index: usize, rows: &mut EventColumns) {
        if let Some((events, _)) = &mut lock(&self.state).outputs[index].kept {
            std::mem::swap(events, rows);
        }
    }

    pub(crate) fn index(&self, instrument: &str) -> PyResult<usize> {
        self.instruments.iter().position(|i| i.0.id.as_str() == instrument).ok_or_else(|| {
            let known: Vec<String> = self.instruments.iter().map(|i| i.0.id.to_string()).collect();
            errors::UnknownInstrumentError::new_err((instrument.to_owned(), known))
        })
    }
}

#[pymethods]
impl FeedDecoder {
    #[new]
    #[pyo3(signature = (venue, instruments, *, keep_events=true, start="snapshot", recorded=false))]
    fn new(
        venue: &str,
        instruments: &Bound<'_, PySequence>,
        keep_events: bool,
        start: &str,
        recorded: bool,
    ) -> PyResult<Self> {
        if instruments.is_instance_of::<PyString>() {
            let problem = format!("expected a list of ids or instruments, got {}", instruments.repr()?);
            return Err(errors::invalid("instruments", problem));
        }
        // One by one: what a sequence says of its length is no reason to take memory.
        let instruments = instruments
            .try_iter()?
            .map(|given| Ok(given?.extract::<Named>()?.0))
            .collect::<PyResult<Vec<PyInstrument>>>()?;
        let mut decoder = CoreDecoder::new(venue, instruments.iter().map(|i| Arc::clone(&i.0)).collect())
            .ok_or_else(|| {
                errors::invalid("venue", format!("{venue:?} is none of {}", FEED_VENUES.join(", ")))
            })?;
        if starts_empty(start)? {
            decoder.start_empty();
        }
        if recorded {
            decoder.check_clocks();
        }
        let output = |_| Output { book: Arc::default(), kept: keep_events.then(Default::default) };
        let outputs = instruments.iter().map(output).collect();
        Ok(Self { instruments, state: Mutex::new(Box::new(Decoding { decoder, outputs })) })
    }

    /// Take a frame, or a depth snapshot by REST, and say what it was.
    ///
    /// Parameters
    /// ----------
    /// frame : bytes
    ///     JSON as the venue sent it.
    /// ts_recv : int
    ///     When it was received, ns UTC.
    /// connection : int
    ///     By which of several connections that are decoded together it came.
    ///
    /// Returns
    /// -------
    /// str
    ///     ``depth``, ``snapshot``, ``unused_snapshot`` (older than the book, or not needed for it), ``partial_depth``,
    ///     ``other_depth``; ``trade``, ``off_book_trade``, ``empty_trade``, ``duplicate_trade``, ``trade_history``;
    ///     ``quote``, ``stale_quote``; ``ticker`` (mark, index, funding, open interest), ``open_interest``;
    ///     ``liquidation``, ``duplicate_liquidation``; ``kline``, ``open_kline``;
    ///     ``control`` (see :attr:`control`); ``duplicate`` (a numbered message that was there), ``ignored``
    ///     (another symbol, or a known kind that is no market data) or ``unknown`` (see :attr:`unknown`). Of several
    ///     messages in one frame, what the last one was that is decoded.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     When the frame is malformed (a ``GridError`` for a number off the increments), or the time counts us,
    ///     ms or s; the state is as before.
    /// InvalidValueError
    ///     When the time is none from 1970 to 2116.
    #[pyo3(signature = (frame, ts_recv, connection=0))]
    fn feed<'py>(
        &self,
        py: Python<'py>,
        frame: &[u8],
        #[pyo3(from_py_with = ts_recv)] ts_recv: i64,
        connection: u16,
    ) -> PyResult<&Bound<'py, PyString>> {
        let mut state = lock(&self.state);
        let Decoding { decoder, outputs } = &mut **state;
        decoder.connection(connection.into());
        let outcome =
            decoder.feed(frame, ts_recv, outputs).map_err(|error| errors::frame(error.in_frame(frame)))?;
        Ok(match outcome.message {
            FeedMessage::Depth(_) => intern!(py, "depth"),
            FeedMessage::Snapshot(SnapshotAction::Load { .. }) => intern!(py, "snapshot"),
            FeedMessage::Snapshot(_) => intern!(py, "unused_snapshot"),
            FeedMessage::PartialDepth => intern!(py, "partial_depth"),
            FeedMessage::OtherDepth => intern!(py, "other_depth"),
            FeedMessage::Trade => intern!(py, "trade"),
            FeedMessage::OffBookTrade => intern!(py, "off_book_trade"),
            FeedMessage::EmptyTrade => intern!(py, "empty_trade"),
            FeedMessage::DuplicateTrade => intern!(py, "duplicate_trade"),
            FeedMessage::TradeHistory => intern!(py, "trade_history"),
            FeedMessage::Quote => intern!(py, "quote"),
            FeedMessage::StaleQuote => intern!(py, "stale_quote"),
            FeedMessage::Ticker => intern!(py, "ticker"),
            FeedMessage::Liquidation => intern!(py, "liquidation"),
            FeedMessage::DuplicateLiquidation => intern!(py, "duplicate_liquidation"),
            FeedMessage::OpenInterest => intern!(py, "open_interest"),
            FeedMessage::Kline => intern!(py, "kline"),
            FeedMessage::OpenKline => intern!(py, "open_kline"),
            FeedMessage::Control => intern!(py, "control"),
            FeedMessage::Duplicate => intern!(py, "duplicate"),
            FeedMessage::Ignored => intern!(py, "ignored"),
            FeedMessage::Unknown => intern!(py, "unknown"),
        })
    }

    /// Void books and forget where messages stood: their connection has ended.
    ///
    /// Parameters
    /// ----------
    /// ts_recv : int
    ///     When that was known, ns UTC.
    /// instrument : str, optional
    ///     The one whose book it told; all if not given.
    /// connection : int
    ///     Which of several connections that are decoded together.
    #[pyo3(signature = (ts_recv, instrument=None, connection=0))]
    fn disconnect(
        &self,
        #[pyo3(from_py_with = ts_recv)] ts_recv: i64,
        instrument: Option<&str>,
        connection: u16,
    ) -> PyResult<()> {
        let only = instrument.map(|name| self.index(name)).transpose()?;
        let mut state = lock(&self.state);
        let Decoding { decoder, outputs } = &mut **state;
        decoder.connection(connection.into());
        for (index, output) in outputs.iter_mut().enumerate() {
            if only.is_none_or(|wanted| wanted == index) {
                decoder.disconnect(index, ts_recv, output);
            }
        }
        Ok(())
    }

    /// Return the event columns decoded since the last call: arrays (n,) by name, prices in increments.
    ///
    /// Raises
    /// ------
    /// UnknownInstrumentError
    ///     When the decoder does not have the instrument; of every method.
    fn events<'py>(&self, py: Python<'py>, instrument: &str) -> PyResult<Bound<'py, PyDict>> {
        let index = self.index(instrument)?;
        let kept = &mut lock(&self.state).outputs[index].kept;
        to_arrays(py, kept.as_mut().map(|(events, _)| std::mem::take(events)).unwrap_or_default())
    }

    /// Return what of an instrument is decoded and not taken yet; None for nothing.
    ///
    /// Returns
    /// -------
    /// (int, int, int) or None
    ///     The newest row's ``ts_event`` in ns UTC, the first one's kind, and what was traded, in quantity increments.
    fn pending(&self, instrument: &str) -> PyResult<Option<(i64, u8, i64)>> {
        Ok(self.pending_of(self.index(instrument)?))
    }

    /// Return the venue's bars that ended since the last call: int64 arrays (n,) by name.
    ///
    /// They are no events: where trades are told as well they say them once more.
    ///
    /// Returns
    /// -------
    /// dict
    ///     ``ts_open``, ``ts_close`` (its end, where the next one begins) and ``ts_recv`` in ns UTC; ``open``,
    ///     ``high``, ``low``, ``close`` in price increments, ``volume`` and ``buy_volume`` in quantity increments (-1
    ///     where the venue does not say what takers bought), ``trades`` (0 where it does not say).
    fn klines<'py>(&self, py: Python<'py>, instrument: &str) -> PyResult<Bound<'py, PyDict>> {
        let index = self.index(instrument)?;
        let kept = &mut lock(&self.state).outputs[index].kept;
        let bars = kept.as_mut().map(|(_, bars)| std::mem::take(bars)).unwrap_or_default();
        let dict = PyDict::new(py);
        let columns: [(&str, Value); 10] = [
            ("ts_open", |bar| bar.ts_open),
            ("ts_close", |bar| bar.ts_close),
            ("ts_recv", |bar| bar.ts_recv),
            ("open", |bar| bar.open),
            ("high", |bar| bar.high),
            ("low", |bar| bar.low),
            ("close", |bar| bar.close),
            ("volume", |bar| bar.volume),
            ("buy_volume", |bar| bar.buy_volume.unwrap_or(-1)),
            ("trades", |bar| bar.trades),
        ];
        for (name, value) in columns {
            dict.set_item(name, PyArray1::from_iter(py, bars.iter().map(value)))?;
        }
        Ok(dict)
    }

    /// Return the book, which :meth:`feed` keeps up to date.
    fn book(&self, instrument: &str) -> PyResult<PyL2Book> {
        let index = self.index(instrument)?;
        let book = Arc::clone(&lock(&self.state).outputs[index].book);
        Ok(PyL2Book::shared(self.instruments[index].clone(), book))
    }

    /// Return whether the book waits for a depth snapshot.
    ///
    /// Binance's is fetched by REST and fed; others come when the stream is subscribed to anew.
    fn needs_snapshot(&self, instrument: &str) -> PyResult<bool> {
        let state = lock(&self.state).decoder.state(self.index(instrument)?);
        Ok(state != BookState::Synced)
    }

    /// Return where the book stands with the venue.
    fn state<'py>(&self, py: Python<'py>, instrument: &str) -> PyResult<Bound<'py, PyAny>> {
        let state = lock(&self.state).decoder.state(self.index(instrument)?);
        book_state_to_py(py, state as i64)
    }

    /// Return how many gaps in the venue's sequence were found.
    fn gaps(&self, instrument: &str) -> PyResult<u64> {
        Ok(lock(&self.state).decoder.gaps(self.index(instrument)?))
    }

    /// Return why the book was void last, in words; None if it never was.
    fn gap_reason(&self, instrument: &str) -> PyResult<Option<String>> {
        let reason = lock(&self.state).decoder.gap_reason(self.index(instrument)?);
        Ok(reason.map(|reason| reason.to_string()))
    }

    /// Return when the newest message on each subject was received, ns UTC, of those there was any on.
    ///
    /// Returns
    /// -------
    /// dict
    ///     By ``book``, ``trades``, ``quotes``, ``ticker``, ``liquidations``, ``klines``.
    fn heard<'py>(&self, py: Python<'py>, instrument: &str) -> PyResult<Bound<'py, PyDict>> {
        let index = self.index(instrument)?;
        let (dict, state) = (PyDict::new(py), lock(&self.state));
        for subject in Subject::ALL {
            if let Some(at) = state.decoder.log().heard(index, subject) {
                dict.set_item(subject.as_str(), at)?;
            }
        }
        Ok(dict)
    }

    /// The newest message that concerns the connection; None before the first.
    #[getter]
    fn control(&self) -> Option<FeedControl> {
        lock(&self.state).decoder.log().control().map(FeedControl::of)
    }

    /// How many messages there were of each kind that is not known, by its name.
    #[getter]
    fn unknown<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (dict, state) = (PyDict::new(py), lock(&self.state));
        for (kind, count) in state.decoder.log().unknown() {
            dict.set_item(kind, count)?;
        }
        Ok(dict)
    }

    /// How many trades had been there before, by their ids; of all instruments.
    #[getter]
    fn duplicate_trades(&self) -> u64 {
        lock(&self.state).decoder.log().duplicate_trades()
    }

    /// How many trades had no price or no size and say nothing; of all instruments.
    #[getter]
    fn empty_trades(&self) -> u64 {
        lock(&self.state).decoder.log().empty_trades()
    }
}
