//! Binance spot, USD-M and COIN-M market streams.
//!
//! Takes combined-stream frames (`{"stream":...,"data":{...}}`), bare payloads and REST depth snapshots as they
//! arrive and hands events to a sink: `depthUpdate`, `trade`, `aggTrade`, `bookTicker`, `markPriceUpdate`,
//! `forceOrder`, and answers to requests for the open interest, which no stream carries. Book events only come out of a
//! book that is synchronised (see [`BookSync`](crate::book::BookSync)); a gap comes out as a lone clear. `ts_event` is the
//! transaction time `T` where there is one, else the event time `E`; a message with neither (spot `bookTicker`, spot
//! snapshot) takes the newest time the venue has named. Where both trade streams are recorded the first one seen
//! counts and the other is left out, since they carry the same trades.
//!
//! Source: the venue's documentation of its market streams and of keeping a local order book.

mod feed;
mod fields;
mod forced;

use std::sync::Arc;

use self::feed::{Delta, Feed, TradeStream, find};
use self::fields::{Fields, Rare};
use self::forced::ForcedOrder;
use super::error::DecodeError;
use super::json::Json;
use crate::book::{BookState, DeltaAction, SnapshotAction, SyncRule};
use crate::event::EventSink;
use crate::types::{Instrument, Level};

/// A Binance market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinanceMarket {
    /// Spot.
    Spot,
    /// USD-margined futures.
    UsdM,
    /// Coin-margined futures.
    CoinM,
}

impl BinanceMarket {
    /// From a venue name: `BINANCE`, `BINANCE_USDM`, `BINANCE_COINM`.
    pub fn from_venue(venue: &str) -> Option<Self> {
        match venue {
            "BINANCE" => Some(Self::Spot),
            "BINANCE_USDM" => Some(Self::UsdM),
            "BINANCE_COINM" => Some(Self::CoinM),
            _ => None,
        }
    }

    fn sync_rule(self) -> SyncRule {
        match self {
            Self::Spot => SyncRule::BinanceSpot,
            Self::UsdM | Self::CoinM => SyncRule::BinanceFutures,
        }
    }
}

/// What a frame was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinanceFrame {
    /// A depth update.
    Depth(DeltaAction),
    /// A depth snapshot.
    Snapshot(SnapshotAction),
    /// A trade or an aggregated trade.
    Trade,
    /// The venue's own best prices.
    BookTicker,
    /// Mark price, index price, funding rate.
    MarkPrice,
    /// A liquidation.
    Liquidation,
    /// An answer to a request for the open interest.
    OpenInterest,
    /// Another answer to a request.
    Control,
    /// A message of a kind or symbol that is not decoded, a partial book, or a trade of the second trade stream.
    Ignored,
}

/// What came of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinanceOutcome {
    /// What it was.
    pub frame: BinanceFrame,
    /// The instrument it concerns.
    pub instrument: Option<usize>,
    /// Update id of a depth update or `bookTicker`.
    pub id: u64,
    /// Depth updates it made part of the book: its own, or those that had waited for a snapshot.
    pub applied: usize,
}

impl BinanceOutcome {
    fn of(frame: BinanceFrame, index: usize, id: u64) -> Self {
        let applied = usize::from(frame == BinanceFrame::Depth(DeltaAction::Apply));
        Self { frame, instrument: Some(index), id, applied }
    }
}

const IGNORED: BinanceOutcome =
    BinanceOutcome { frame: BinanceFrame::Ignored, instrument: None, id: 0, applied: 0 };

/// Whether a stream (`symbol@depth20@100ms`) carries only the best levels. Its frames look like snapshots (spot) or
/// like updates (futures) and are neither: taken for one they would cut the book short.
fn is_partial_depth(stream: &[u8]) -> bool {
    let kind = stream.split(|b| *b == b'@').nth(1).unwrap_or_default();
    kind.strip_prefix(b"depth").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

/// Decodes the frames of one market for any number of instruments.
#[derive(Debug)]
pub struct BinanceDecoder {
    feeds: Vec<Feed>,
    /// Levels of the frame at hand.
    levels: Vec<Level>,
}

impl BinanceDecoder {
    /// A decoder for these instruments of one market.
    pub fn new(market: BinanceMarket, instruments: Vec<Arc<Instrument>>) -> Self {
        let feeds =
            instruments.into_iter().map(|instrument| Feed::new(market.sync_rule(), instrument)).collect();
        Self { feeds, levels: Vec::new() }
    }

    /// Where an instrument's book stands.
    pub fn state(&self, instrument: usize) -> BookState {
        self.feeds[instrument].state()
    }

    /// Gaps found in an instrument's book so far.
    pub fn gaps(&self, instrument: usize) -> u64 {
        self.feeds[instrument].gaps()
    }

    /// Takes a frame received at `ts_recv` and hands its events to the sink of its instrument.
    ///
    /// # Errors
    /// [`DecodeError`] when the frame is malformed; state and sinks are as before then.
    pub fn feed<S: EventSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        let Self { feeds, levels } = self;
        levels.clear();
        if let Some((index, delta)) = Delta::read(frame, feeds, levels) {
            let (frame, id) = feeds[index].depth(&delta, levels, ts_recv, &mut out[index]);
            return Ok(BinanceOutcome::of(frame, index, id));
        }
        levels.clear();
        let mut json = Json::new(frame);
        let (mut fields, mut wrapped) = (Fields::new(), false);
        let mut stream: &[u8] = b"";
        json.object(|json, key| match key {
            b"data" if json.peek() == Some(b'{') => {
                wrapped = true;
                fields = Fields::new();
                json.object(|json, key| fields.take(json, key, feeds, levels))
            }
            b"stream" => {
                stream = json.value()?;
                Ok(())
            }
            // Beside the payload nothing counts.
            _ if wrapped => json.value().map(|_| ()),
            _ => fields.take(json, key, feeds, levels),
        })?;
        json.end()?;
        if is_partial_depth(stream) {
            return Ok(IGNORED);
        }
        self.message(&fields, ts_recv, out)
    }

    fn message<S: EventSink>(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        if fields.last_update_id.is_some() {
            return self.snapshot(fields, ts_recv, out);
        }
        let kind = match fields.get(b'e') {
            Some(kind) => kind,
            // The spot bookTicker names no event.
            None if fields.get(b'u').is_some() && fields.get(b'A').is_some() => b"bookTicker",
            None if fields.is_answer => {
                return Ok(BinanceOutcome { frame: BinanceFrame::Control, ..IGNORED });
            }
            None => {
                return match fields.rare {
                    Some(Rare::OpenInterest(text)) => self.open_interest(fields, text, ts_recv, out),
                    Some(Rare::Order(_)) | None => Ok(IGNORED),
                };
            }
        };
        let Some(index) = fields.get(b's').and_then(|symbol| find(&self.feeds, symbol)) else {
            // It names its symbol further in.
            return if kind == b"forceOrder" { self.liquidation(fields, ts_recv, out) } else { Ok(IGNORED) };
        };
        let Self { feeds, levels } = self;
        let feed = &mut feeds[index];
        let out = &mut out[index];
        let (frame, id) = match kind {
            b"depthUpdate" => {
                feed.delta(fields, levels).map(|delta| feed.depth(&delta, levels, ts_recv, out))
            }
            b"trade" => feed.trade(fields, TradeStream::Single, ts_recv, out),
            b"aggTrade" => feed.trade(fields, TradeStream::Aggregated, ts_recv, out),
            b"bookTicker" => feed.book_ticker(fields, ts_recv, out),
            b"markPriceUpdate" => feed.mark_price(fields, ts_recv, out),
            _ => return Ok(IGNORED),
        }?;
        Ok(BinanceOutcome::of(frame, index, id))
    }

    /// A forced order of which nothing has been filled says nothing yet.
    #[cold]
    fn liquidation<S: EventSink>(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        let Some(Rare::Order(text)) = fields.rare else {
            return Err(DecodeError::Missing { message: "forceOrder", field: "o" });
        };
        let order = ForcedOrder::read(text)?;
        let Some(index) = find(&self.feeds, order.symbol()?) else {
            return Ok(IGNORED);
        };
        let frame = self.feeds[index].liquidation(&order, ts_recv, &mut out[index])?;
        Ok(BinanceOutcome::of(frame, index, 0))
    }

    #[cold]
    fn open_interest<S: EventSink>(
        &mut self,
        fields: &Fields<'_>,
        text: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        let Some(index) = fields.symbol.and_then(|symbol| find(&self.feeds, symbol)) else {
            return Ok(IGNORED);
        };
        let frame = self.feeds[index].open_interest(text, fields.time()?, ts_recv, &mut out[index])?;
        Ok(BinanceOutcome::of(frame, index, 0))
    }

    /// A snapshot that names no symbol belongs to the only instrument.
    fn snapshot<S: EventSink>(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        let index = match fields.symbol.or(fields.get(b's')) {
            Some(symbol) => find(&self.feeds, symbol),
            None if self.feeds.len() == 1 => Some(0),
            None => {
                return Err(DecodeError::Missing {
                    message: "depth snapshot for several instruments",
                    field: "symbol",
                });
            }
        };
        let Some(index) = index else {
            return Ok(IGNORED);
        };
        let kept = self.feeds[index].waiting();
        let (action, id) = self.feeds[index].snapshot(fields, &mut self.levels, ts_recv, &mut out[index])?;
        let applied = if let SnapshotAction::Load { from } = action { kept - from } else { 0 };
        Ok(BinanceOutcome { frame: BinanceFrame::Snapshot(action), instrument: Some(index), id, applied })
    }
}
