//! Binance spot, USD-M and COIN-M market streams.
//!
//! Takes combined-stream frames (`{"stream":...,"data":{...}}`), bare payloads and REST depth snapshots as they
//! arrive and hands events to a sink: `depthUpdate`, `trade`, `aggTrade`, `bookTicker`, `markPriceUpdate`,
//! `forceOrder`, `kline`, and answers to requests for the open interest, which no stream carries. Book events only come out of a
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
mod kinds;
mod kline;
mod stream;

use std::borrow::Cow;
use std::sync::Arc;

use self::feed::{Delta, Feed, TradeStream};
use self::fields::Fields;
use self::forced::ForcedOrder;
use self::kinds::{answer, is_known};
use self::kline::read_kline;
pub use self::stream::DepthSource;
pub(super) use self::stream::{Depth, PARTIAL_LEVELS, names};
use super::error::DecodeError;
use super::feed::{Decoder, FeedLog, FeedMessage, FeedOutcome, FeedSink, last_of, nested};
use super::json::{Json, Value, set, unescaped};
use super::parse::parse_u64;
use super::symbol::{Symbol, find};
use crate::book::{BookState, GapReason, SnapshotAction, SyncRule};
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
    log: FeedLog,
}

impl BinanceDecoder {
    /// A decoder for these instruments of one market.
    pub fn new(market: BinanceMarket, instruments: Vec<Arc<Instrument>>) -> Self {
        let parts =
            |instrument| (Symbol::new(Arc::clone(&instrument)), Feed::new(market.sync_rule(), instrument));
        let (symbols, feeds): (Vec<_>, Vec<_>) = instruments.into_iter().map(parts).unzip();
        let log = FeedLog::new(feeds.len());
        Self { symbols, feeds, levels: Vec::new(), log }
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

    /// Takes a frame as [`feed`](Decoder::feed) does; `None` for an array of them, of which nothing is taken.
    pub(super) fn feed_one<S: FeedSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<Option<FeedOutcome>, DecodeError> {
        let mut outcome = self.one(frame, ts_recv, out)?;
        if let Some(outcome) = &mut outcome {
            if outcome.message == FeedMessage::Control {
                *outcome = self.log.take_control(answer(frame)?);
            }
            self.log.note(*outcome, ts_recv);
        }
        Ok(outcome)
    }

    #[inline]
    fn one<S: FeedSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<Option<FeedOutcome>, DecodeError> {
        let Self { symbols, feeds, levels, .. } = self;
        levels.clear();
        if let Some((index, delta)) = Delta::read(frame, symbols, levels) {
            let (frame, id) = feeds[index].depth(&delta, levels, ts_recv, &mut out[index])?;
            return Ok(Some(FeedOutcome::of(frame, index, id)));
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

    fn message<S: FeedSink>(
        &mut self,
        fields: &Fields<'_>,
        stream: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
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
            None if fields.is_answer => return Ok(FeedOutcome::general(FeedMessage::Control)),
            None => {
                return match fields.open_interest {
                    Some(quantity) => self.open_interest(fields, quantity, ts_recv, out),
                    None => Ok(self.log.count_unknown(b"(no event)")),
                };
            }
        };
        let Some(index) = fields.get(b's').and_then(|symbol| find(&self.symbols, symbol.text())) else {
            // It names its symbol further in.
            return match &*kind {
                b"forceOrder" => self.liquidation(fields, ts_recv, out),
                b"serverShutdown" => Ok(FeedOutcome::general(FeedMessage::Control)),
                kind if is_known(kind) => Ok(FeedOutcome::IGNORED),
                kind => Ok(self.log.count_unknown(kind)),
            };
        };
        let feed = &mut self.feeds[index];
        let out = &mut out[index];
        let (message, id) = match &*kind {
            b"depthUpdate" if depth == Depth::Rpi => Ok((FeedMessage::OtherDepth, 0)),
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
            b"kline" if S::TAKES_BARS => {
                let kline = fields.kline.clone();
                let kline = kline.ok_or(DecodeError::Missing { message: "kline", field: "k" })?;
                Ok((read_kline(kline, self.symbols[index].instrument(), ts_recv, out)?, 0))
            }
            kind if is_known(kind) => return Ok(FeedOutcome::IGNORED),
            kind => return Ok(self.log.count_unknown(kind)),
        }?;
        Ok(FeedOutcome::of(message, index, id))
    }

    /// The best levels, whose frames are written as snapshots or as updates are. A spot market's name their symbol in the
    /// name of their stream alone.
    #[cold]
    fn partial<S: FeedSink>(
        &mut self,
        fields: &Fields<'_>,
        stream: &[u8],
        name: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        const MESSAGE: &str = "partial depth";
        let Self { symbols, feeds, levels, .. } = self;
        let index = match fields.get(b's') {
            Some(symbol) => find(symbols, symbol.text()),
            None => symbols.iter().position(|symbol| names(stream, symbol.name())),
        };
        let Some(index) = index else {
            return Ok(FeedOutcome::IGNORED);
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
        Ok(FeedOutcome::of(frame, index, id))
    }

    /// A forced order of which nothing has been filled says nothing yet.
    #[cold]
    fn liquidation<S: FeedSink>(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        let order = fields.order.clone();
        let order =
            ForcedOrder::read(order.ok_or(DecodeError::Missing { message: "forceOrder", field: "o" })?)?;
        let Some(index) = find(&self.symbols, order.symbol()?) else {
            return Ok(FeedOutcome::IGNORED);
        };
        let frame = self.feeds[index].liquidation(&order, ts_recv, &mut out[index])?;
        Ok(FeedOutcome::of(frame, index, 0))
    }

    #[cold]
    fn open_interest<S: FeedSink>(
        &mut self,
        fields: &Fields<'_>,
        quantity: Value<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        let Some(index) = fields.symbol.and_then(|symbol| find(&self.symbols, symbol.text())) else {
            return Ok(FeedOutcome::IGNORED);
        };
        let frame =
            self.feeds[index].open_interest(quantity, fields.time_of_answer()?, ts_recv, &mut out[index])?;
        Ok(FeedOutcome::of(frame, index, 0))
    }

    /// A snapshot that names no symbol belongs to the only instrument.
    fn snapshot<S: FeedSink>(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
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
            return Ok(FeedOutcome::IGNORED);
        };
        let Self { symbols, feeds, levels, .. } = self;
        let feed = &mut feeds[index];
        let (kept, were_applied) = (feed.waiting(), feed.starts_empty());
        let (action, id) = feed.snapshot(fields, &mut symbols[index], levels, ts_recv, &mut out[index])?;
        let Some(action) = action else {
            return Ok(FeedOutcome::of(FeedMessage::OtherDepth, index, id));
        };
        let applied = match action {
            SnapshotAction::Load { from } if !were_applied => kept - from,
            _ => 0,
        };
        Ok(FeedOutcome { applied, ..FeedOutcome::of(FeedMessage::Snapshot(action), index, id) })
    }
}

impl Decoder for BinanceDecoder {
    /// Of an array of frames, the outcome is that of the last one that is decoded.
    fn feed<S: FeedSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        if let Some(outcome) = self.feed_one(frame, ts_recv, out)? {
            return Ok(outcome);
        }
        last_of(frames(frame)?, |part| Ok(self.feed_one(part, ts_recv, out)?.unwrap_or(FeedOutcome::IGNORED)))
    }

    fn check_clocks(&mut self) {
        self.feeds.iter_mut().for_each(Feed::check_clocks);
    }

    fn start_empty(&mut self) {
        self.feeds.iter_mut().for_each(Feed::start_empty);
    }

    fn disconnect<S: FeedSink>(&mut self, instrument: usize, ts_recv: i64, out: &mut S) {
        self.feeds[instrument].disconnect(ts_recv, out);
    }

    fn state(&self, instrument: usize) -> BookState {
        self.feeds[instrument].state()
    }

    fn gaps(&self, instrument: usize) -> u64 {
        self.feeds[instrument].gaps()
    }

    fn gap_reason(&self, instrument: usize) -> Option<GapReason> {
        self.feeds[instrument].gap_reason()
    }

    fn log(&self) -> &FeedLog {
        &self.log
    }
}

/// The frames of an array, or of a wrapper around one, and where each begins. A wrapper may stand in an array; an array in
/// an array is none of the venue's.
pub(super) fn frames(frame: &[u8]) -> Result<Vec<(usize, &[u8])>, DecodeError> {
    let place = |part: &[u8]| part.as_ptr().addr() - frame.as_ptr().addr();
    let mut all = Vec::new();
    for part in array(frame)?.unwrap_or_default() {
        let parts = match array(part)? {
            None => vec![part],
            Some(_) if part.starts_with(b"[") => return Err(nested(place(part))),
            Some(parts) => parts,
        };
        for inner in parts {
            if inner != part && array(inner)?.is_some() {
                return Err(nested(place(inner)));
            }
            all.push((place(inner), inner));
        }
    }
    Ok(all)
}

/// What an array holds, or one in a wrapper; `None` of anything else.
fn array(frame: &[u8]) -> Result<Option<Vec<&[u8]>>, DecodeError> {
    let (mut json, mut elements) = (Json::new(frame), None);
    match json.peek() {
        Some(b'[') => elements = Some(json.elements()?),
        Some(b'{') => json.object(|json, key| match key {
            b"data" if json.peek() == Some(b'[') => {
                json.elements().and_then(|found| set(&mut elements, "data", found))
            }
            _ => json.value().map(|_| ()),
        })?,
        _ => return Ok(None),
    }
    json.end()?;
    Ok(elements.map(|elements| elements.map(Value::raw).collect()))
}
