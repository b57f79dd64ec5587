//! Binance spot, USD-M and COIN-M market streams.
//!
//! Takes combined-stream frames (`{"stream":...,"data":{...}}`), bare payloads and REST depth snapshots as they
//! arrive and hands events to a sink: `depthUpdate`, `trade`, `aggTrade`, `bookTicker`, `markPriceUpdate`,
//! `forceOrder`, and answers to requests for the open interest, which no stream carries. Book events only come out of a
//! book that is synchronised (see [`BookSync`](crate::book::BookSync)); a gap comes out as a lone clear. `ts_event` is the
//! transaction time `T` where there is one, else the event time `E`; a message with neither (spot `bookTicker`, spot
//! snapshot) takes the newest time the venue has named. Where both trade streams are recorded the first one seen
//! counts and the other is left out, since they carry the same trades. A trade counts once, by its id, and best prices never
//! go back to a smaller update id: two sockets, a reconnect or a copied block bring both again. One depth stream is the
//! book ([`DepthSource`]); another speed, partial depth beside updates and depth with retail orders are left out. The
//! frames of a JSON array are taken one after another.
//!
//! Source: the venue's documentation of its market streams and of keeping a local order book.

mod feed;
mod fields;
mod forced;
mod frame;
mod seen;
mod stream;
pub(super) mod symbol;

use std::borrow::Cow;
use std::sync::Arc;

use self::feed::{Delta, Feed, TradeStream};
use self::fields::{Fields, set};
use self::forced::ForcedOrder;
pub use self::frame::{BinanceFrame, BinanceOutcome};
pub use self::stream::DepthSource;
pub(super) use self::stream::{Depth, PARTIAL_LEVELS, names};
use self::symbol::{Symbol, find};
use super::error::DecodeError;
use super::json::{Elements, Json, Value, unescaped};
use super::parse::parse_u64;
use crate::book::{BookState, SnapshotAction, SyncRule};
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

/// Decodes the frames of one market for any number of instruments.
#[derive(Debug)]
pub struct BinanceDecoder {
    /// Of each instrument, its name and how its levels are read.
    symbols: Vec<Symbol>,
    /// Of each instrument, its part of the market.
    feeds: Vec<Feed>,
    /// Levels of the frame at hand.
    levels: Vec<Level>,
}

impl BinanceDecoder {
    /// A decoder for these instruments of one market.
    pub fn new(market: BinanceMarket, instruments: Vec<Arc<Instrument>>) -> Self {
        let parts =
            |instrument| (Symbol::new(Arc::clone(&instrument)), Feed::new(market.sync_rule(), instrument));
        let (symbols, feeds) = instruments.into_iter().map(parts).unzip();
        Self { symbols, feeds, levels: Vec::new() }
    }

    /// Refuses frames whose time of receipt is more than `ns` away from the time the venue names in them. A recording
    /// has both, while a live venue may be one that plays the past.
    #[must_use]
    pub fn with_clocks_within(mut self, ns: u64) -> Self {
        self.feeds.iter_mut().for_each(|feed| feed.keep_clocks_within(ns));
        self
    }

    /// Says which depth stream is an instrument's book. `has_bare_partial` tells that snapshots without a name of at most
    /// twenty levels are none.
    pub fn set_depth_source(&mut self, instrument: usize, source: DepthSource, has_bare_partial: bool) {
        self.feeds[instrument].set_source(source, has_bare_partial);
    }

    /// The depth stream that is an instrument's book, as far as it is known.
    pub fn depth_source(&self, instrument: usize) -> &DepthSource {
        self.feeds[instrument].source()
    }

    /// Makes books of nothing where no snapshot is: levels that no update has named are missing in them.
    pub fn start_empty(&mut self) {
        self.feeds.iter_mut().for_each(Feed::start_empty);
    }

    /// Where an instrument's book stands.
    pub fn state(&self, instrument: usize) -> BookState {
        self.feeds[instrument].state()
    }

    /// Gaps found in an instrument's book so far.
    pub fn gaps(&self, instrument: usize) -> u64 {
        self.feeds[instrument].gaps()
    }

    /// Takes a frame received at `ts_recv` and hands its events to the sink of its instrument. Of an array of frames, the
    /// outcome is that of the last one that is decoded.
    ///
    /// # Errors
    /// [`DecodeError`] when the frame is malformed; state and sinks are as before then, but for the frames of an array in
    /// front of the malformed one.
    pub fn feed<S: EventSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        if let Some(outcome) = self.feed_one(frame, ts_recv, out)? {
            return Ok(outcome);
        }
        let mut said = BinanceOutcome::IGNORED;
        for part in frames(frame)? {
            match self.feed_one(part.raw(), ts_recv, out)? {
                Some(outcome) if outcome.frame != BinanceFrame::Ignored => said = outcome,
                _ => {}
            }
        }
        Ok(said)
    }

    /// Takes a frame as [`feed`](Self::feed) does; `None` for an array of them, of which nothing is taken.
    pub(super) fn feed_one<S: EventSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<Option<BinanceOutcome>, DecodeError> {
        let Self { symbols, feeds, levels } = self;
        levels.clear();
        if let Some((index, delta)) = Delta::read(frame, symbols, levels) {
            let (frame, id) = feeds[index].depth(&delta, levels, ts_recv, &mut out[index])?;
            return Ok(Some(BinanceOutcome::of(frame, index, id)));
        }
        levels.clear();
        let mut json = Json::new(frame);
        if json.peek() == Some(b'[') {
            return Ok(None);
        }
        let mut is_array = false;
        let (mut fields, mut payload, mut stream) = (Fields::new(), None, None);
        json.object(|json, key| match key {
            b"data" if json.peek() == Some(b'{') => {
                set(&mut payload, "data", ())?;
                fields = Fields::new();
                levels.clear();
                json.object(|json, key| fields.take(json, key, symbols, levels))
            }
            b"data" if json.peek() == Some(b'[') => {
                set(&mut payload, "data", ())?;
                is_array = true;
                json.value().map(|_| ())
            }
            b"stream" => set(&mut stream, "stream", json.value()?),
            // Beside the payload nothing counts.
            _ if payload.is_some() => json.value().map(|_| ()),
            _ => fields.take(json, key, symbols, levels),
        })?;
        json.end()?;
        if is_array {
            return Ok(None);
        }
        let stream = stream.map(|stream| unescaped(stream.text())).unwrap_or_default();
        self.message(&fields, &stream, ts_recv, out).map(Some)
    }

    fn message<S: EventSink>(
        &mut self,
        fields: &Fields<'_>,
        stream: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        fields.check_sides()?;
        let depth = Depth::of(stream);
        if let Depth::Partial(name) = depth {
            return self.partial(fields, stream, name, ts_recv, out);
        }
        if fields.last_update_id.is_some() {
            return self.snapshot(fields, ts_recv, out);
        }
        let kind = match fields.get(b'e') {
            Some(kind) => unescaped(kind.text()),
            // The spot bookTicker names no event.
            None if fields.get(b'u').is_some() && fields.get(b'A').is_some() => {
                Cow::Borrowed(&b"bookTicker"[..])
            }
            None if fields.is_answer => {
                return Ok(BinanceOutcome { frame: BinanceFrame::Control, ..BinanceOutcome::IGNORED });
            }
            None => {
                return match fields.open_interest {
                    Some(quantity) => self.open_interest(fields, quantity, ts_recv, out),
                    None => Ok(BinanceOutcome::IGNORED),
                };
            }
        };
        let Some(index) = fields.get(b's').and_then(|symbol| find(&self.symbols, symbol.text())) else {
            // It names its symbol further in.
            return if *kind == *b"forceOrder" {
                self.liquidation(fields, ts_recv, out)
            } else {
                Ok(BinanceOutcome::IGNORED)
            };
        };
        let feed = &mut self.feeds[index];
        let out = &mut out[index];
        let (frame, id) = match &*kind {
            b"depthUpdate" if depth == Depth::Rpi => Ok((BinanceFrame::OtherDepth, 0)),
            b"depthUpdate" => {
                let levels = &mut self.levels;
                let stream = if let Depth::Updates(name) = depth { Some(name) } else { None };
                Delta::of(fields, stream, &mut self.symbols[index], levels)
                    .and_then(|delta| feed.depth(&delta, levels, ts_recv, out))
            }
            b"trade" => feed.trade(fields, TradeStream::Single, ts_recv, out),
            b"aggTrade" => feed.trade(fields, TradeStream::Aggregated, ts_recv, out),
            b"bookTicker" => feed.book_ticker(fields, ts_recv, out),
            b"markPriceUpdate" => feed.mark_price(fields, ts_recv, out),
            _ => return Ok(BinanceOutcome::IGNORED),
        }?;
        Ok(BinanceOutcome::of(frame, index, id))
    }

    /// The best levels, whose frames are written as snapshots or as updates are. A spot market's name their symbol in the
    /// name of their stream alone.
    #[cold]
    fn partial<S: EventSink>(
        &mut self,
        fields: &Fields<'_>,
        stream: &[u8],
        name: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        const MESSAGE: &str = "partial depth";
        let Self { symbols, feeds, levels } = self;
        let index = match fields.get(b's') {
            Some(symbol) => find(symbols, symbol.text()),
            None => symbols.iter().position(|symbol| names(stream, symbol.name())),
        };
        let Some(index) = index else {
            return Ok(BinanceOutcome::IGNORED);
        };
        let symbol = &mut symbols[index];
        let (id, sides) = match fields.last_update_id {
            Some(id) => (parse_u64("lastUpdateId", id.raw())?, fields.snapshot(MESSAGE, symbol, levels)?),
            None => (
                parse_u64("u", fields.need(MESSAGE, b'u', "u")?.raw())?,
                fields.update(MESSAGE, symbol, levels)?,
            ),
        };
        let sides = sides.map(|side| &levels[side]);
        let (frame, id) =
            feeds[index].partial(Some(name), (id, fields.time()?), sides, ts_recv, &mut out[index])?;
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
        let order = fields.order.clone();
        let order =
            ForcedOrder::read(order.ok_or(DecodeError::Missing { message: "forceOrder", field: "o" })?)?;
        let Some(index) = find(&self.symbols, order.symbol()?) else {
            return Ok(BinanceOutcome::IGNORED);
        };
        let frame = self.feeds[index].liquidation(&order, ts_recv, &mut out[index])?;
        Ok(BinanceOutcome::of(frame, index, 0))
    }

    #[cold]
    fn open_interest<S: EventSink>(
        &mut self,
        fields: &Fields<'_>,
        quantity: Value<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<BinanceOutcome, DecodeError> {
        let Some(index) = fields.symbol.and_then(|symbol| find(&self.symbols, symbol.text())) else {
            return Ok(BinanceOutcome::IGNORED);
        };
        let frame =
            self.feeds[index].open_interest(quantity, fields.time_of_answer()?, ts_recv, &mut out[index])?;
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
            Some(symbol) => find(&self.symbols, symbol.text()),
            None if self.feeds.len() == 1 => Some(0),
            None => {
                return Err(DecodeError::Missing {
                    message: "depth snapshot for several instruments",
                    field: "symbol",
                });
            }
        };
        let Some(index) = index else {
            return Ok(BinanceOutcome::IGNORED);
        };
        let Self { symbols, feeds, levels } = self;
        let feed = &mut feeds[index];
        let (kept, were_applied) = (feed.waiting(), feed.starts_empty());
        let (action, id) = feed.snapshot(fields, &mut symbols[index], levels, ts_recv, &mut out[index])?;
        let Some(action) = action else {
            return Ok(BinanceOutcome::of(BinanceFrame::OtherDepth, index, id));
        };
        let applied = match action {
            SnapshotAction::Load { from } if !were_applied => kept - from,
            _ => 0,
        };
        Ok(BinanceOutcome { frame: BinanceFrame::Snapshot(action), instrument: Some(index), id, applied })
    }
}

/// The frames of an array, or of a wrapper around one.
pub(super) fn frames(frame: &[u8]) -> Result<Elements<'_>, DecodeError> {
    let mut json = Json::new(frame);
    if json.peek() == Some(b'[') {
        let elements = json.elements()?;
        json.end()?;
        return Ok(elements);
    }
    let mut elements = None;
    json.object(|json, key| match key {
        b"data" if json.peek() == Some(b'[') => json.elements().map(|found| elements = Some(found)),
        _ => json.value().map(|_| ()),
    })?;
    elements.ok_or(DecodeError::Missing { message: "array of frames", field: "data" })
}
