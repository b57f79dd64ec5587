//! Binance spot, USD-M and COIN-M market streams.
//!
//! Takes combined-stream frames (`{"stream":...,"data":{...}}`), bare payloads and REST depth snapshots as they
//! arrive and appends events: `depthUpdate`, `trade`, `aggTrade`, `bookTicker`, `markPriceUpdate`. Book events only
//! come out of a book that is synchronised (see [`BookSync`]); a gap comes out as a lone clear. `ts_event` is the
//! transaction time `T` where there is one, else the event time `E`; a message with neither (spot `bookTicker`, spot
//! snapshot) takes the newest time the venue has named. Where both trade streams are recorded the first one seen
//! counts and the other is left out, since they carry the same trades.
//!
//! Source: the venue's documentation of its market streams and of keeping a local order book.

use std::ops::Range;
use std::sync::Arc;

use super::error::{DecodeError, epoch_ns, parse_qty, parse_time, parse_u64};
use super::json::Json;
use super::levels::LevelReader;
use crate::book::{BookState, BookSync, DeltaAction, DeltaIds, Level, SnapshotAction, SyncRule};
use crate::event::{
    Columns as _, Event, EventColumns, EventKind, EventSink, FINE_SCALE, FLAG_LAST, FLAG_SNAPSHOT,
    STEPS_LIMIT, is_price, is_qty,
};
use crate::types::{Decimal, Increment, Instrument, div_half_even};

/// Deltas kept while waiting for a snapshot.
const MAX_KEPT: usize = 20_000;

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
    /// An answer to a request.
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

/// Which trade stream counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TradeStream {
    Single,
    Aggregated,
}

/// One instrument's state.
#[derive(Debug)]
struct Feed {
    instrument: Arc<Instrument>,
    sync: BookSync,
    reader: LevelReader,
    /// Events of the deltas kept.
    kept: EventColumns,
    /// Rows of each delta kept.
    kept_rows: Vec<usize>,
    /// Newest time the venue has named, ns.
    venue_time: i64,
    trades: Option<TradeStream>,
}

/// A depth update.
struct Delta {
    ids: DeltaIds,
    /// The venue's, ns.
    time: Option<i64>,
    /// Rows of the decoder's levels.
    bids: Range<usize>,
    asks: Range<usize>,
}

impl Delta {
    /// Reads a frame written just as the venue writes depth updates: keys in their order, no white space.
    ///
    /// `None` for anything else, which is to be walked key by key.
    fn read(frame: &[u8], feeds: &mut [Feed], levels: &mut Vec<Level>) -> Option<(usize, Self)> {
        let mut json = Json::new(frame);
        let wrapped = json.skip(b"{\"stream\":").is_some();
        if wrapped {
            if is_partial_depth(json.string().ok()?) {
                return None;
            }
            json.skip(b",\"data\":")?;
        }
        let event_time = json.integer_behind(b"{\"e\":\"depthUpdate\",\"E\":")?;
        let time = json.integer_behind(b",\"T\":").unwrap_or(event_time);
        json.skip(b",\"s\":")?;
        let index = find(feeds, json.string().ok()?)?;
        if json.skip(b",\"ps\":").is_some() {
            json.string().ok()?;
        }
        let ids = DeltaIds {
            first: json.integer_behind(b",\"U\":")?,
            last: json.integer_behind(b",\"u\":")?,
            previous: json.integer_behind(b",\"pu\":"),
        };
        json.skip(b",\"b\":")?;
        let bids = feeds[index].levels("b", &mut json, levels).ok()?;
        json.skip(b",\"a\":")?;
        let asks = feeds[index].levels("a", &mut json, levels).ok()?;
        json.skip(if wrapped { b"}}" } else { b"}" })?;
        json.end().ok()?;
        (ids.first <= ids.last).then_some((index, Self { ids, time: Some(epoch_ns(time)?), bids, asks }))
    }
}

/// The levels of one side of a message.
enum Side<'a> {
    /// Rows of the decoder's levels.
    Read(Range<usize>),
    /// Not read: the message had not named its symbol yet.
    Text(&'a [u8]),
}

/// The single-letter keys that are read.
const LETTERS: &[u8; 16] = b"AaBbEeimpqrsTtUu";

/// Where each letter from `A` on stands in [`LETTERS`].
const PLACES: [u8; 58] = {
    let mut places = [u8::MAX; 58];
    let mut place = 0;
    while place < LETTERS.len() {
        places[(LETTERS[place] - b'A') as usize] = place as u8;
        place += 1;
    }
    places
};

/// The place of a key among [`LETTERS`].
#[inline(always)]
fn place(letter: u8) -> Option<usize> {
    PLACES.get(usize::from(letter.wrapping_sub(b'A'))).map(|place| usize::from(*place))
}

/// Raw values of a payload's keys.
struct Fields<'a> {
    /// Values of [`LETTERS`].
    letters: [Option<&'a [u8]>; LETTERS.len()],
    previous: Option<&'a [u8]>,
    last_update_id: Option<&'a [u8]>,
    bids: Option<Side<'a>>,
    asks: Option<Side<'a>>,
    symbol: Option<&'a [u8]>,
    is_answer: bool,
}

impl<'a> Fields<'a> {
    fn new() -> Self {
        Self {
            letters: [None; LETTERS.len()],
            previous: None,
            last_update_id: None,
            bids: None,
            asks: None,
            symbol: None,
            is_answer: false,
        }
    }

    #[inline(always)]
    fn take(
        &mut self,
        json: &mut Json<'a>,
        key: &'a [u8],
        feeds: &mut [Feed],
        levels: &mut Vec<Level>,
    ) -> Result<(), DecodeError> {
        match key {
            b"b" | b"bids" if json.peek() == Some(b'[') => {
                self.bids = Some(self.side("b", json, feeds, levels)?);
            }
            b"a" | b"asks" if json.peek() == Some(b'[') => {
                self.asks = Some(self.side("a", json, feeds, levels)?);
            }
            [letter] => {
                let value = json.value()?;
                if let Some(field) = place(*letter).and_then(|place| self.letters.get_mut(place)) {
                    *field = Some(value);
                }
            }
            b"pu" => self.previous = Some(json.value()?),
            b"lastUpdateId" => self.last_update_id = Some(json.value()?),
            b"symbol" => self.symbol = Some(json.value()?),
            b"result" | b"error" | b"code" => {
                json.value()?;
                self.is_answer = true;
            }
            _ => {
                json.value()?;
            }
        }
        Ok(())
    }

    fn side(
        &self,
        field: &'static str,
        json: &mut Json<'a>,
        feeds: &mut [Feed],
        levels: &mut Vec<Level>,
    ) -> Result<Side<'a>, DecodeError> {
        Ok(match self.get(b's').and_then(|symbol| find(feeds, symbol)) {
            Some(index) => Side::Read(feeds[index].levels(field, json, levels)?),
            None => Side::Text(json.value()?),
        })
    }

    #[inline]
    fn get(&self, letter: u8) -> Option<&'a [u8]> {
        place(letter).and_then(|place| self.letters.get(place).copied().flatten())
    }

    fn need(&self, message: &'static str, letter: u8, field: &'static str) -> Result<&'a [u8], DecodeError> {
        self.get(letter).ok_or(DecodeError::Missing { message, field })
    }

    /// The venue's time: transaction time, else event time.
    fn time(&self) -> Result<Option<i64>, DecodeError> {
        match (self.get(b'T'), self.get(b'E')) {
            (Some(t), _) => parse_time("T", t).map(Some),
            (None, Some(e)) => parse_time("E", e).map(Some),
            (None, None) => Ok(None),
        }
    }
}

#[inline]
fn find(feeds: &[Feed], symbol: &[u8]) -> Option<usize> {
    feeds.iter().position(|f| f.instrument.id.symbol().as_bytes() == symbol)
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
        let feeds = instruments
            .into_iter()
            .map(|instrument| Feed {
                reader: LevelReader::new([instrument.price_increment, instrument.qty_increment]),
                instrument,
                sync: BookSync::new(market.sync_rule(), MAX_KEPT),
                kept: EventColumns::default(),
                kept_rows: Vec::new(),
                venue_time: 0,
                trades: None,
            })
            .collect();
        Self { feeds, levels: Vec::new() }
    }

    /// Where an instrument's book stands.
    pub fn state(&self, instrument: usize) -> BookState {
        self.feeds[instrument].sync.state()
    }

    /// Gaps found in an instrument's book so far.
    pub fn gaps(&self, instrument: usize) -> u64 {
        self.feeds[instrument].sync.gaps()
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
            None => return Ok(IGNORED),
        };
        let Some(index) = fields.get(b's').and_then(|symbol| find(&self.feeds, symbol)) else {
            return Ok(IGNORED);
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
        let kept = self.feeds[index].kept_rows.len();
        let (action, id) = self.feeds[index].snapshot(fields, &mut self.levels, ts_recv, &mut out[index])?;
        let applied = if let SnapshotAction::Load { from } = action { kept - from } else { 0 };
        Ok(BinanceOutcome { frame: BinanceFrame::Snapshot(action), instrument: Some(index), id, applied })
    }
}

impl Feed {
    /// The stamp of a message, given the time it names.
    fn stamp(&self, time: Option<i64>, ts_recv: i64) -> i64 {
        match time {
            Some(time) => time,
            None if self.venue_time > 0 => self.venue_time,
            None => ts_recv,
        }
    }

    /// Remembers the newest time the venue has named.
    fn named(&mut self, time: Option<i64>) {
        self.venue_time = self.venue_time.max(time.unwrap_or(0));
    }

    /// Reads an array of levels and returns the rows they take.
    #[inline]
    fn levels(
        &mut self,
        field: &'static str,
        json: &mut Json<'_>,
        levels: &mut Vec<Level>,
    ) -> Result<Range<usize>, DecodeError> {
        let start = levels.len();
        let grids = [self.instrument.price_increment, self.instrument.qty_increment];
        let read =
            |which: usize, text: &[u8]| grids[which].parse(text).map_err(|e| DecodeError::decimal(field, &e));
        json.levels(&mut self.reader, read, |price, qty| {
            if !(is_price(price) && is_qty(qty)) {
                let level = format!("{} x {}", grids[0].format(price), grids[1].format(qty));
                let expected = "a positive price x a quantity that is not negative, both below 2^60 steps";
                return Err(DecodeError::value(field, level.as_bytes(), expected));
            }
            levels.push(Level { price, qty });
            Ok(())
        })?;
        Ok(start..levels.len())
    }

    /// The rows of both sides of a message.
    fn both_sides(
        &mut self,
        message: &'static str,
        fields: &Fields<'_>,
        levels: &mut Vec<Level>,
    ) -> Result<[Range<usize>; 2], DecodeError> {
        let mut read = |field, side: &Option<Side<'_>>| match side {
            Some(Side::Read(rows)) => Ok(rows.clone()),
            Some(Side::Text(text)) => self.levels(field, &mut Json::new(text), levels),
            None => Err(DecodeError::Missing { message, field }),
        };
        Ok([read("b", &fields.bids)?, read("a", &fields.asks)?])
    }

    fn delta(&mut self, fields: &Fields<'_>, levels: &mut Vec<Level>) -> Result<Delta, DecodeError> {
        const MESSAGE: &str = "depthUpdate";
        let ids = DeltaIds {
            first: parse_u64("U", fields.need(MESSAGE, b'U', "U")?)?,
            last: parse_u64("u", fields.need(MESSAGE, b'u', "u")?)?,
            previous: fields.previous.map(|pu| parse_u64("pu", pu)).transpose()?,
        };
        if ids.last < ids.first {
            return Err(DecodeError::Value {
                field: "u",
                problem: format!("last update id {} is before the first, {}", ids.last, ids.first),
            });
        }
        let time = fields.time()?;
        let [bids, asks] = self.both_sides(MESSAGE, fields, levels)?;
        Ok(Delta { ids, time, bids, asks })
    }

    fn depth(
        &mut self,
        delta: &Delta,
        levels: &[Level],
        ts_recv: i64,
        out: &mut impl EventSink,
    ) -> (BinanceFrame, u64) {
        let ts_event = self.stamp(delta.time, ts_recv);
        self.named(delta.time);
        let (bids, asks) = (&levels[delta.bids.clone()], &levels[delta.asks.clone()]);
        let template = Event {
            ts_event,
            ts_recv,
            kind: EventKind::BookSet,
            side: 0,
            flags: 0,
            price: 0,
            qty: 0,
            id: delta.ids.last,
        };
        let rows = bids.len() + asks.len();
        let action = self.sync.on_delta(delta.ids);
        match action {
            DeltaAction::Apply => {
                if rows > 0 {
                    out.push_levels(template, bids, asks);
                    out.end_message();
                }
            }
            DeltaAction::Ignore => {}
            DeltaAction::Buffer | DeltaAction::Restart | DeltaAction::Gap => {
                if action != DeltaAction::Buffer {
                    self.kept.clear();
                    self.kept_rows.clear();
                }
                self.kept.push_levels(template, bids, asks);
                self.kept_rows.push(rows);
                if action == DeltaAction::Gap {
                    out.push(Event { kind: EventKind::BookClear, flags: FLAG_LAST, ..template });
                }
            }
        }
        (BinanceFrame::Depth(action), delta.ids.last)
    }

    fn snapshot(
        &mut self,
        fields: &Fields<'_>,
        levels: &mut Vec<Level>,
        ts_recv: i64,
        out: &mut impl EventSink,
    ) -> Result<(SnapshotAction, u64), DecodeError> {
        const MESSAGE: &str = "depth snapshot";
        let missing = DecodeError::Missing { message: MESSAGE, field: "lastUpdateId" };
        let id = parse_u64("lastUpdateId", fields.last_update_id.ok_or(missing)?)?;
        let time = fields.time()?;
        let ts_event = self.stamp(time, ts_recv);
        let [bids, asks] = self.both_sides(MESSAGE, fields, levels)?;
        self.named(time);
        let action = self.sync.on_snapshot(id);
        let SnapshotAction::Load { from } = action else {
            return Ok((action, id));
        };
        let template = Event {
            ts_event,
            ts_recv,
            kind: EventKind::BookSet,
            side: 0,
            flags: FLAG_SNAPSHOT,
            price: 0,
            qty: 0,
            id,
        };
        out.push(Event { kind: EventKind::BookClear, ..template });
        out.push_levels(template, &levels[bids], &levels[asks]);
        out.end_message();
        let mut row: usize = self.kept_rows[..from].iter().sum();
        for &rows in &self.kept_rows[from..] {
            for at in row..row + rows {
                // Kept deltas become known now.
                out.push(Event { ts_recv, ..self.kept.view().event(at) });
            }
            if rows > 0 {
                out.end_message();
            }
            row += rows;
        }
        self.kept.clear();
        self.kept_rows.clear();
        Ok((action, id))
    }

    fn trade(
        &mut self,
        fields: &Fields<'_>,
        stream: TradeStream,
        ts_recv: i64,
        out: &mut impl EventSink,
    ) -> Result<(BinanceFrame, u64), DecodeError> {
        let (message, id_key, id_field) = match stream {
            TradeStream::Single => ("trade", b't', "t"),
            TradeStream::Aggregated => ("aggTrade", b'a', "a"),
        };
        let id = parse_u64(id_field, fields.need(message, id_key, id_field)?)?;
        // Both may be zero: see below.
        let price = parse_qty("p", self.instrument.price_increment, fields.need(message, b'p', "p")?)?;
        let qty = parse_qty("q", self.instrument.qty_increment, fields.need(message, b'q', "q")?)?;
        let side = match fields.need(message, b'm', "m")? {
            // True: the buyer is the maker, so a seller crossed the spread.
            b"true" => -1,
            b"false" => 1,
            other => return Err(DecodeError::value("m", other, "true or false")),
        };
        let time = fields.time()?;
        let ts_event = self.stamp(time, ts_recv);
        self.named(time);
        // Not a trade of the book (insurance fund, auto-deleveraging): the venue sends it without price or size.
        if *self.trades.get_or_insert(stream) != stream || price == 0 || qty == 0 {
            return Ok((BinanceFrame::Ignored, id));
        }
        out.push(Event { ts_event, ts_recv, kind: EventKind::Trade, side, flags: FLAG_LAST, price, qty, id });
        Ok((BinanceFrame::Trade, id))
    }

    fn book_ticker(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut impl EventSink,
    ) -> Result<(BinanceFrame, u64), DecodeError> {
        const MESSAGE: &str = "bookTicker";
        let id = parse_u64("u", fields.need(MESSAGE, b'u', "u")?)?;
        let time = fields.time()?;
        let ts_event = self.stamp(time, ts_recv);
        // Price and quantity are both zero on a side that is empty.
        let number = |key: u8, field: &'static str, grid: Increment| {
            parse_qty(field, grid, fields.need(MESSAGE, key, field)?)
        };
        let (prices, quantities) = (self.instrument.price_increment, self.instrument.qty_increment);
        let bid = (1, number(b'b', "b", prices)?, number(b'B', "B", quantities)?);
        let ask = (-1, number(b'a', "a", prices)?, number(b'A', "A", quantities)?);
        for (side, price, qty) in [bid, ask] {
            out.push(Event { ts_event, ts_recv, kind: EventKind::Quote, side, flags: 0, price, qty, id });
        }
        self.named(time);
        out.end_message();
        Ok((BinanceFrame::BookTicker, id))
    }

    fn mark_price(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut impl EventSink,
    ) -> Result<(BinanceFrame, u64), DecodeError> {
        const MESSAGE: &str = "markPriceUpdate";
        // Here T is the time of the next funding, not of the event.
        let event_time = parse_time("E", fields.need(MESSAGE, b'E', "E")?)?;
        let next_funding = fields.get(b'T').map(|t| parse_time("T", t)).transpose()?.unwrap_or(0);
        let fine = |key: u8, field: &'static str| match fields.get(key) {
            // Dated contracts have no funding: their rate is empty.
            None | Some(b"") => Ok(None),
            Some(text) => parse_fine(field, text).map(Some),
        };
        let mark = parse_fine("p", fields.need(MESSAGE, b'p', "p")?)?;
        let (index, rate) = (fine(b'i', "i")?, fine(b'r', "r")?);
        let event = |kind, price, id| Event {
            ts_event: event_time,
            ts_recv,
            kind,
            side: 0,
            flags: 0,
            price,
            qty: 0,
            id,
        };
        out.push(event(EventKind::Mark, mark, 0));
        if let Some(index) = index {
            out.push(event(EventKind::Index, index, 0));
        }
        if let Some(rate) = rate {
            out.push(event(EventKind::Funding, rate, next_funding.unsigned_abs()));
        }
        self.named(Some(event_time));
        out.end_message();
        Ok((BinanceFrame::MarkPrice, 0))
    }
}

/// A decimal as a count of 10^-9, rounded half to even: mark prices and rates lie off every grid.
pub(crate) fn parse_fine(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    let value = Decimal::parse(text).map_err(|e| DecodeError::decimal(field, &e))?;
    let units = match value.at_scale(FINE_SCALE) {
        Some(units) => Some(units),
        None if value.scale() > FINE_SCALE => {
            crate::types::pow10_i128(value.scale() - FINE_SCALE).map(|d| div_half_even(value.mantissa(), d))
        }
        None => None,
    };
    units
        .and_then(|u| i64::try_from(u).ok())
        .filter(|u| u.abs() <= STEPS_LIMIT)
        .ok_or_else(|| DecodeError::value(field, text, "within range"))
}
