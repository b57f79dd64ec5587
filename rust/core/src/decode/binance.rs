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

use super::error::{DecodeError, parse_qty, parse_time, parse_u64};
use super::json::Json;
use crate::book::{BookState, BookSync, DeltaAction, DeltaIds, Level, SnapshotAction, SyncRule};
use crate::event::{
    Columns as _, Event, EventColumns, EventKind, FINE_SCALE, FLAG_LAST, FLAG_SNAPSHOT, STEPS_LIMIT,
    is_price, is_qty,
};
use crate::types::{Decimal, Instrument, div_half_even};

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
    /// Events of the deltas kept.
    kept: EventColumns,
    /// Rows of each delta kept.
    kept_rows: Vec<usize>,
    /// Newest time the venue has named, ns.
    venue_time: i64,
    trades: Option<TradeStream>,
}

/// The levels of one side of a message.
enum Side<'a> {
    /// Rows of the decoder's levels.
    Read(Range<usize>),
    /// Not read: the message had not named its symbol yet.
    Text(&'a [u8]),
}

/// Raw values of a payload's keys.
struct Fields<'a> {
    /// Single-letter keys, by letter.
    letters: [Option<&'a [u8]>; 58],
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
            letters: [None; 58],
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
        feeds: &[Feed],
        levels: &mut Vec<Level>,
    ) -> Result<(), DecodeError> {
        match key {
            b"b" | b"bids" if json.peek() == Some(b'[') => {
                self.bids = Some(self.side("b", json, feeds, levels)?);
            }
            b"a" | b"asks" if json.peek() == Some(b'[') => {
                self.asks = Some(self.side("a", json, feeds, levels)?);
            }
            [letter] if letter.is_ascii_alphabetic() => {
                self.letters[usize::from(letter - b'A')] = Some(json.value()?);
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
        feeds: &[Feed],
        levels: &mut Vec<Level>,
    ) -> Result<Side<'a>, DecodeError> {
        Ok(match self.get(b's').and_then(|symbol| find(feeds, symbol)) {
            Some(index) => Side::Read(feeds[index].levels(field, json, levels)?),
            None => Side::Text(json.value()?),
        })
    }

    #[inline]
    fn get(&self, letter: u8) -> Option<&'a [u8]> {
        self.letters[usize::from(letter - b'A')]
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

    /// Takes a frame received at `ts_recv` and appends its events to the columns of its instrument.
    ///
    /// # Errors
    /// [`DecodeError`] when the frame is malformed; state and columns are as before then.
    pub fn feed(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [EventColumns],
    ) -> Result<BinanceOutcome, DecodeError> {
        let Self { feeds, levels } = self;
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

    fn message(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut [EventColumns],
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
        let rows = out.len();
        let (frame, id) = match kind {
            b"depthUpdate" => feed.depth(fields, levels, ts_recv, out),
            b"trade" => feed.trade(fields, TradeStream::Single, ts_recv, out),
            b"aggTrade" => feed.trade(fields, TradeStream::Aggregated, ts_recv, out),
            b"bookTicker" => feed.book_ticker(fields, ts_recv, out),
            b"markPriceUpdate" => feed.mark_price(fields, ts_recv, out),
            _ => return Ok(IGNORED),
        }
        .inspect_err(|_| out.truncate(rows))?;
        let applied = usize::from(frame == BinanceFrame::Depth(DeltaAction::Apply));
        Ok(BinanceOutcome { frame, instrument: Some(index), id, applied })
    }

    /// A snapshot that names no symbol belongs to the only instrument.
    fn snapshot(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut [EventColumns],
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
    /// The stamp of a message.
    fn stamp(&self, fields: &Fields<'_>, ts_recv: i64) -> Result<i64, DecodeError> {
        Ok(match fields.time()? {
            Some(time) => time,
            None if self.venue_time > 0 => self.venue_time,
            None => ts_recv,
        })
    }

    /// Remembers the newest time the venue has named.
    fn named(&mut self, fields: &Fields<'_>, ts_event: i64) {
        if fields.get(b'T').or(fields.get(b'E')).is_some() {
            self.venue_time = self.venue_time.max(ts_event);
        }
    }

    /// Reads an array of levels and returns the rows they take.
    #[inline]
    fn levels(
        &self,
        field: &'static str,
        json: &mut Json<'_>,
        levels: &mut Vec<Level>,
    ) -> Result<Range<usize>, DecodeError> {
        let start = levels.len();
        let grids = [self.instrument.price_increment, self.instrument.qty_increment];
        let read =
            |which: usize, text: &[u8]| grids[which].parse(text).map_err(|e| DecodeError::decimal(field, &e));
        json.levels(grids, read, |price, qty| {
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
        &self,
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

    fn depth(
        &mut self,
        fields: &Fields<'_>,
        levels: &mut Vec<Level>,
        ts_recv: i64,
        out: &mut EventColumns,
    ) -> Result<(BinanceFrame, u64), DecodeError> {
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
        let ts_event = self.stamp(fields, ts_recv)?;
        let [bids, asks] = self.both_sides(MESSAGE, fields, levels)?;
        // From here on nothing is malformed: the message may change the state.
        self.named(fields, ts_event);
        let template = Event {
            ts_event,
            ts_recv,
            kind: EventKind::BookSet,
            side: 0,
            flags: 0,
            price: 0,
            qty: 0,
            id: ids.last,
        };
        let write = |out: &mut EventColumns| {
            out.push_levels(template, &levels[bids.clone()], &levels[asks.clone()]);
            bids.len() + asks.len()
        };
        let action = self.sync.on_delta(ids);
        match action {
            DeltaAction::Apply => {
                if write(out) > 0 {
                    out.end_message();
                }
            }
            DeltaAction::Ignore => {}
            DeltaAction::Buffer => self.kept_rows.push(write(&mut self.kept)),
            DeltaAction::Restart | DeltaAction::Gap => {
                self.kept.clear();
                self.kept_rows.clear();
                self.kept_rows.push(write(&mut self.kept));
                if action == DeltaAction::Gap {
                    out.push(Event { kind: EventKind::BookClear, flags: FLAG_LAST, ..template });
                }
            }
        }
        Ok((BinanceFrame::Depth(action), ids.last))
    }

    fn snapshot(
        &mut self,
        fields: &Fields<'_>,
        levels: &mut Vec<Level>,
        ts_recv: i64,
        out: &mut EventColumns,
    ) -> Result<(SnapshotAction, u64), DecodeError> {
        const MESSAGE: &str = "depth snapshot";
        let missing = DecodeError::Missing { message: MESSAGE, field: "lastUpdateId" };
        let id = parse_u64("lastUpdateId", fields.last_update_id.ok_or(missing)?)?;
        let ts_event = self.stamp(fields, ts_recv)?;
        let [bids, asks] = self.both_sides(MESSAGE, fields, levels)?;
        self.named(fields, ts_event);
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
        out: &mut EventColumns,
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
        let ts_event = self.stamp(fields, ts_recv)?;
        self.named(fields, ts_event);
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
        out: &mut EventColumns,
    ) -> Result<(BinanceFrame, u64), DecodeError> {
        const MESSAGE: &str = "bookTicker";
        let id = parse_u64("u", fields.need(MESSAGE, b'u', "u")?)?;
        let ts_event = self.stamp(fields, ts_recv)?;
        for (side, price_key, price_field, qty_key, qty_field) in
            [(1, b'b', "b", b'B', "B"), (-1, b'a', "a", b'A', "A")]
        {
            // Both are zero on a side that is empty.
            let price = fields.need(MESSAGE, price_key, price_field)?;
            let price = parse_qty(price_field, self.instrument.price_increment, price)?;
            let qty = fields.need(MESSAGE, qty_key, qty_field)?;
            let qty = parse_qty(qty_field, self.instrument.qty_increment, qty)?;
            out.push(Event { ts_event, ts_recv, kind: EventKind::Quote, side, flags: 0, price, qty, id });
        }
        self.named(fields, ts_event);
        out.end_message();
        Ok((BinanceFrame::BookTicker, id))
    }

    fn mark_price(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut EventColumns,
    ) -> Result<(BinanceFrame, u64), DecodeError> {
        const MESSAGE: &str = "markPriceUpdate";
        // Here T is the time of the next funding, not of the event.
        let event_time = parse_time("E", fields.need(MESSAGE, b'E', "E")?)?;
        let next_funding = fields.get(b'T').map(|t| parse_time("T", t)).transpose()?.unwrap_or(0);
        let template = Event {
            ts_event: event_time,
            ts_recv,
            kind: EventKind::Mark,
            side: 0,
            flags: 0,
            price: parse_fine("p", fields.need(MESSAGE, b'p', "p")?)?,
            qty: 0,
            id: 0,
        };
        out.push(template);
        if let Some(index) = fields.get(b'i').filter(|text| !text.is_empty()) {
            out.push(Event { kind: EventKind::Index, price: parse_fine("i", index)?, ..template });
        }
        // Dated contracts have no funding: the rate is empty.
        if let Some(rate) = fields.get(b'r').filter(|text| !text.is_empty()) {
            let price = parse_fine("r", rate)?;
            out.push(Event { kind: EventKind::Funding, price, id: next_funding.unsigned_abs(), ..template });
        }
        self.venue_time = self.venue_time.max(event_time);
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
