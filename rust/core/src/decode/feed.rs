//! What a decoder of a venue's live messages is: frames in, events of each instrument out, nothing else done.
//!
//! A driver opens the socket, feeds frames as they arrive, and asks what came of them: where each book stands and why it
//! is void, what the venue answered to requests, when each kind of message was heard last. A capture and a fuzzer feed
//! the same decoder.

use std::collections::BTreeMap;

use super::error::DecodeError;
use super::others::count_other;
use crate::book::{BookState, DeltaAction, GapReason, L2Book, SnapshotAction};
use crate::event::{EventColumns, EventSink, VenueBar};

/// What a frame was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedMessage {
    /// A change of the book.
    Depth(DeltaAction),
    /// A whole book.
    Snapshot(SnapshotAction),
    /// The best levels, which are the whole book where no updates are.
    PartialDepth,
    /// Depth of another stream than the one that makes the book.
    OtherDepth,
    /// Trades, aggregated or not.
    Trade,
    /// Prints that are no trades of the book.
    OffBookTrade,
    /// A trade without price or size, which says nothing.
    EmptyTrade,
    /// Trades whose ids have all been there.
    DuplicateTrade,
    /// Trades of before the subscription.
    TradeHistory,
    /// The venue's own best prices.
    Quote,
    /// Best prices that are not newer than those before them.
    StaleQuote,
    /// Mark price, index price, funding, open interest, perhaps with best prices.
    Ticker,
    /// A liquidation.
    Liquidation,
    /// Liquidations that were told before.
    DuplicateLiquidation,
    /// An answer to a request for the open interest.
    OpenInterest,
    /// A bar that is over.
    Kline,
    /// A bar that is not over.
    OpenKline,
    /// What concerns the connection: see [`Control`].
    Control,
    /// A numbered message that came before.
    Duplicate,
    /// A message of a kind or symbol that is known and not asked for.
    Ignored,
    /// A message of a kind that is not known: see [`FeedLog::unknown`].
    Unknown,
}

impl FeedMessage {
    /// What it is heard of; `None` for what says nothing of an instrument.
    fn subject(self) -> Option<Subject> {
        Some(match self {
            Self::Depth(_) | Self::Snapshot(_) | Self::PartialDepth => Subject::Book,
            Self::Trade
            | Self::OffBookTrade
            | Self::EmptyTrade
            | Self::DuplicateTrade
            | Self::TradeHistory => Subject::Trades,
            Self::Quote | Self::StaleQuote => Subject::Quotes,
            Self::Ticker | Self::OpenInterest => Subject::Ticker,
            Self::Liquidation | Self::DuplicateLiquidation => Subject::Liquidations,
            Self::Kline | Self::OpenKline => Subject::Klines,
            Self::OtherDepth | Self::Control | Self::Duplicate | Self::Ignored | Self::Unknown => {
                return None;
            }
        })
    }
}

/// What came of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedOutcome {
    /// What it was; of several messages in one, the last that is decoded.
    pub message: FeedMessage,
    /// The instrument it concerns.
    pub instrument: Option<usize>,
    /// Update id of a book's message or of best prices.
    pub id: u64,
    /// Changes it made part of the book: its own, or those that had waited for a snapshot.
    pub applied: usize,
    /// Trades in it whose ids had been there.
    pub duplicate_trades: u64,
    /// Trades in it without price or size.
    pub empty_trades: u64,
}

impl FeedOutcome {
    /// Nothing came of it.
    pub(super) const IGNORED: Self = Self::general(FeedMessage::Ignored);

    /// Of a message that concerns no instrument.
    pub(super) const fn general(message: FeedMessage) -> Self {
        Self { message, instrument: None, id: 0, applied: 0, duplicate_trades: 0, empty_trades: 0 }
    }

    /// This outcome, or that of a later part of the same frame, which counts unless it is a copy of something.
    pub(super) fn or(self, later: Self) -> Self {
        let is_copy = matches!(
            later.message,
            FeedMessage::DuplicateTrade | FeedMessage::EmptyTrade | FeedMessage::StaleQuote
        );
        let told = if is_copy && self.instrument.is_some() { self } else { later };
        Self {
            duplicate_trades: self.duplicate_trades + later.duplicate_trades,
            empty_trades: self.empty_trades + later.empty_trades,
            ..told
        }
    }

    pub(super) fn of(message: FeedMessage, index: usize, id: u64) -> Self {
        Self {
            message,
            instrument: Some(index),
            id,
            applied: usize::from(message == FeedMessage::Depth(DeltaAction::Apply)),
            duplicate_trades: u64::from(message == FeedMessage::DuplicateTrade),
            empty_trades: u64::from(message == FeedMessage::EmptyTrade),
        }
    }
}

/// What instruments have messages of, as streams are subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Changes of the book.
    Book,
    /// Trades.
    Trades,
    /// Best prices.
    Quotes,
    /// Mark and index price, funding, open interest.
    Ticker,
    /// Liquidations.
    Liquidations,
    /// Bars.
    Klines,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Book, Self::Trades, Self::Quotes, Self::Ticker, Self::Liquidations, Self::Klines];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Trades => "trades",
            Self::Quotes => "quotes",
            Self::Ticker => "ticker",
            Self::Liquidations => "liquidations",
            Self::Klines => "klines",
        }
    }
}

/// What a message is that concerns the connection and no market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKind {
    /// An answer to a request.
    Answer,
    /// Everything that is subscribed to now.
    Subscriptions,
    /// An answer to a ping.
    Pong,
    /// The connection is alive.
    Heartbeat,
    /// The venue will close the connection.
    Closing,
}

impl ControlKind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Subscriptions => "subscriptions",
            Self::Pong => "pong",
            Self::Heartbeat => "heartbeat",
            Self::Closing => "closing",
        }
    }
}

/// A message that concerns the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// What it is.
    pub kind: ControlKind,
    /// The operation that an answer names (`subscribe`).
    pub operation: String,
    /// The id of the request, as it was sent; empty where the venue tells none.
    pub request: String,
    /// Whether the request was granted.
    pub success: bool,
    /// The venue's words.
    pub text: String,
    /// What is subscribed to: names of channels, each with a colon and a product where it has one.
    pub channels: Vec<String>,
}

impl Control {
    /// A message of a kind, of which nothing else is known.
    pub(super) fn of(kind: ControlKind) -> Self {
        Self {
            kind,
            operation: String::new(),
            request: String::new(),
            success: true,
            text: String::new(),
            channels: Vec::new(),
        }
    }
}

/// What a decoder remembers of the messages it has seen.
#[derive(Debug)]
pub struct FeedLog {
    control: Option<Control>,
    unknown: BTreeMap<String, u64>,
    /// By instrument and [`Subject`]: receipt of the newest message, ns; `i64::MIN` before the first.
    heard: Vec<[i64; Subject::ALL.len()]>,
    duplicate_trades: u64,
    empty_trades: u64,
}

/// Most bytes of a kind's name that are kept.
const NAME: usize = 64;

impl FeedLog {
    pub(super) fn new(instruments: usize) -> Self {
        Self {
            control: None,
            unknown: BTreeMap::new(),
            heard: vec![[i64::MIN; Subject::ALL.len()]; instruments],
            duplicate_trades: 0,
            empty_trades: 0,
        }
    }

    /// The newest message that concerns the connection.
    pub fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    /// Messages of kinds that are not known, by the name of the kind.
    pub fn unknown(&self) -> &BTreeMap<String, u64> {
        &self.unknown
    }

    /// Trades of all instruments whose ids had been there.
    pub fn duplicate_trades(&self) -> u64 {
        self.duplicate_trades
    }

    /// Trades of all instruments without price or size.
    pub fn empty_trades(&self) -> u64 {
        self.empty_trades
    }

    /// When the newest message on a subject of an instrument was received, ns.
    pub fn heard(&self, instrument: usize, subject: Subject) -> Option<i64> {
        let at = self.heard[instrument][subject as usize];
        (at != i64::MIN).then_some(at)
    }

    /// Notes what came of a message.
    #[inline]
    pub(super) fn note(&mut self, outcome: FeedOutcome, ts_recv: i64) {
        if let (Some(index), Some(subject)) = (outcome.instrument, outcome.message.subject()) {
            self.heard[index][subject as usize] = ts_recv;
        }
        self.duplicate_trades += outcome.duplicate_trades;
        self.empty_trades += outcome.empty_trades;
    }

    pub(super) fn take_control(&mut self, control: Control) -> FeedOutcome {
        self.control = Some(control);
        FeedOutcome::general(FeedMessage::Control)
    }

    /// Counts a message of a kind that is not known.
    pub(super) fn count_unknown(&mut self, kind: &[u8]) -> FeedOutcome {
        count_other(&mut self.unknown, &kind[..kind.len().min(NAME)]);
        FeedOutcome::general(FeedMessage::Unknown)
    }
}

/// Where what is decoded goes.
pub trait FeedSink: EventSink {
    /// Whether bars are wanted; where they are not, they are not looked at.
    const TAKES_BARS: bool = false;

    /// Takes a bar that is over. Where trades are told as well it says them once more, so it is none of the rows.
    fn push_bar(&mut self, _bar: &VenueBar) {}
}

impl FeedSink for EventColumns {}
impl FeedSink for L2Book {}

/// Takes the frames of an array, told with where each begins: the outcome is that of the last one that is decoded.
pub(super) fn last_of<'a>(
    frames: impl IntoIterator<Item = (usize, &'a [u8])>,
    mut take: impl FnMut(&'a [u8]) -> Result<FeedOutcome, DecodeError>,
) -> Result<FeedOutcome, DecodeError> {
    let mut said = FeedOutcome::IGNORED;
    for (at, frame) in frames {
        let outcome = take(frame).map_err(|error| error.behind(at))?;
        if outcome.message != FeedMessage::Ignored {
            said = outcome;
        }
    }
    Ok(said)
}

/// What is wrong with an array at a place of an array of frames.
pub(super) fn nested(at: usize) -> DecodeError {
    DecodeError::Json { at, expected: "a frame, no array inside of an array" }
}

/// A venue's live messages, decoded for any number of its instruments, which are told by their place.
pub trait Decoder {
    /// Takes a frame received at `ts_recv` and hands its events to the sink of its instrument.
    ///
    /// # Errors
    /// [`DecodeError`] when the frame is malformed; state and sinks are as before then, but for the frames of an array in
    /// front of the malformed one.
    fn feed<S: FeedSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError>;

    /// Refuses frames that were received more than a day from the time that the venue names in them. A recording has both,
    /// while a live venue may be one that plays the past.
    fn check_clocks(&mut self);

    /// Makes books of nothing where no snapshot is: levels that no update has named are missing in them.
    fn start_empty(&mut self);

    /// Of several connections that are decoded together, the one by which frames come from here on, from 0. Only venues
    /// that number the messages of a connection tell them apart.
    fn connection(&mut self, _number: usize) {}

    /// The connection that told an instrument's book ended: voids it until a snapshot comes, and forgets where messages
    /// stood in it.
    fn disconnect<S: FeedSink>(&mut self, instrument: usize, ts_recv: i64, out: &mut S);

    /// Where an instrument's book stands.
    fn state(&self, instrument: usize) -> BookState;

    /// Gaps found in an instrument's book so far.
    fn gaps(&self, instrument: usize) -> u64;

    /// Why an instrument's book was void last.
    fn gap_reason(&self, instrument: usize) -> Option<GapReason>;

    /// What has been seen so far.
    fn log(&self) -> &FeedLog;
}
