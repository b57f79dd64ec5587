//! One instrument's part of a market: its book's state, its messages.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::fields::Fields;
use super::forced::ForcedOrder;
use super::stream::{Depth, DepthSource, OtherChains, PARTIAL_LEVELS};
use crate::book::{BookState, BookSync, DeltaAction, DeltaIds, GapReason, SnapshotAction, SyncRule};
use crate::decode::clock::VenueClock;
use crate::decode::error::DecodeError;
use crate::decode::feed::{FeedMessage, FeedSink};
use crate::decode::json::{Json, Value, unescaped};
use crate::decode::parse::{epoch_ns, parse_fine, parse_nearest, parse_qty, parse_time, parse_u64};
use crate::decode::seen::Seen;
use crate::decode::stamps::{Quoted, Stamps};
use crate::decode::symbol::{Symbol, find};
use crate::event::{Columns as _, Event, EventColumns, EventKind, EventSink as _, FLAG_LAST, FLAG_SNAPSHOT};
use crate::types::{Increment, Instrument, Level};

/// Deltas kept while waiting for a snapshot, and levels in them: what comes after is kept instead.
const MAX_KEPT: usize = 20_000;
const MAX_KEPT_ROWS: usize = 1 << 19;
/// Updates among which a copy is looked for.
const MOST_APPLIED: usize = 64;

/// Which trade stream counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TradeStream {
    Single,
    Aggregated,
}

/// One instrument's state.
#[derive(Debug)]
pub(super) struct Feed {
    instrument: Arc<Instrument>,
    sync: BookSync,
    /// Events of the deltas kept.
    kept: EventColumns,
    /// Rows of each delta kept.
    kept_rows: Vec<usize>,
    clock: VenueClock,
    last_liquidation: Option<Event>,
    trades: Option<TradeStream>,
    /// Ids of either trade stream.
    seen: [Seen; 2],
    /// Update id, prices and quantities of the newest best prices.
    quoted: Option<(u64, Quoted)>,
    /// Which depth is the book.
    source: DepthSource,
    others: OtherChains,
    /// First and last ids of the updates without a name that were applied last, the newest in front.
    applied: VecDeque<(u64, u64)>,
    /// Whether snapshots without a name that have few levels are partial depth.
    has_bare_partial: bool,
    /// A snapshot of few levels that was not taken for the book: its id, the venue's stamp, and its levels.
    passed_by: Option<(u64, i64, [Vec<Level>; 2])>,
    /// Update id of the partial depth that is the book.
    partial: Option<u64>,
    /// Whether updates make a book of nothing where no snapshot is.
    starts_empty: bool,
    /// Whether they do now.
    is_from_nothing: bool,
}

/// A depth update.
pub(super) struct Delta<'a> {
    /// Name of its stream, behind the symbol.
    stream: Option<&'a [u8]>,
    ids: DeltaIds,
    /// The venue's, ns.
    time: Option<i64>,
    /// Rows of the decoder's levels.
    bids: Range<usize>,
    asks: Range<usize>,
}

impl<'a> Delta<'a> {
    /// Reads a frame written just as the venue writes depth updates: keys in their order, no white space.
    ///
    /// `None` for anything else, which is to be walked key by key.
    pub(super) fn read(
        frame: &'a [u8],
        symbols: &mut [Symbol],
        levels: &mut Vec<Level>,
    ) -> Option<(usize, Self)> {
        let mut json = Json::new(frame);
        let wrapped = json.skip(b"{\"stream\":").is_some();
        let mut stream = None;
        if wrapped {
            let Depth::Updates(name) = Depth::of(json.plain_string()?) else { return None };
            stream = Some(name);
            json.skip(b",\"data\":")?;
        }
        json.skip(b"{\"e\":\"depthUpdate\",\"E\":")?;
        let mut time = json.integer()?;
        if json.skip(b",\"T\":").is_some() {
            time = json.integer()?;
        }
        json.skip(b",\"s\":")?;
        let index = find(symbols, json.plain_string()?)?;
        if json.skip(b",\"ps\":").is_some() {
            json.plain_string()?;
        }
        json.skip(b",\"U\":")?;
        let first = json.integer()?;
        json.skip(b",\"u\":")?;
        let mut ids = DeltaIds { first, last: json.integer()?, previous: None };
        if json.skip(b",\"pu\":").is_some() {
            ids.previous = Some(json.integer()?);
        }
        json.skip(b",\"b\":")?;
        let bids = symbols[index].levels("b", &mut json, levels).ok()?;
        json.skip(b",\"a\":")?;
        let asks = symbols[index].levels("a", &mut json, levels).ok()?;
        if json.skip(b",\"ps\":").is_some() {
            json.plain_string()?;
        }
        if json.skip(b",\"st\":").is_some() {
            json.integer()?;
        }
        json.skip(if wrapped { b"}}" } else { b"}" })?;
        json.end().ok()?;
        (ids.first <= ids.last)
            .then_some((index, Self { stream, ids, time: Some(epoch_ns(time)?), bids, asks }))
    }

    /// The update that fields make.
    pub(super) fn of(
        fields: &Fields<'_>,
        stream: Option<&'a [u8]>,
        symbol: &mut Symbol,
        levels: &mut Vec<Level>,
    ) -> Result<Self, DecodeError> {
        const MESSAGE: &str = "depthUpdate";
        let ids = DeltaIds {
            first: parse_u64("U", fields.need(MESSAGE, b'U', "U")?.raw())?,
            last: parse_u64("u", fields.need(MESSAGE, b'u', "u")?.raw())?,
            previous: fields.previous.map(|pu| parse_u64("pu", pu.raw())).transpose()?,
        };
        if ids.last < ids.first {
            return Err(DecodeError::Value {
                field: "u",
                problem: format!("last update id {} is before the first, {}", ids.last, ids.first),
            });
        }
        let time = fields.time()?;
        let [bids, asks] = fields.update(MESSAGE, symbol, levels)?;
        Ok(Self { stream, ids, time, bids, asks })
    }
}

impl Feed {
    pub(super) fn new(rule: SyncRule, instrument: Arc<Instrument>) -> Self {
        Self {
            instrument,
            sync: BookSync::new(rule, MAX_KEPT),
            kept: EventColumns::default(),
            kept_rows: Vec::new(),
            clock: VenueClock::default(),
            last_liquidation: None,
            trades: None,
            seen: Default::default(),
            quoted: None,
            source: DepthSource::First,
            others: OtherChains::default(),
            applied: VecDeque::new(),
            has_bare_partial: false,
            passed_by: None,
            partial: None,
            starts_empty: false,
            is_from_nothing: false,
        }
    }

    /// Which depth is the book, and whether snapshots without a name that have few levels are partial depth.
    pub(super) fn set_source(&mut self, source: DepthSource, has_bare_partial: bool) {
        self.source = source;
        self.has_bare_partial = has_bare_partial;
    }

    /// The depth stream that is the book.
    pub(super) fn source(&self) -> &DepthSource {
        &self.source
    }

    /// Makes a book of nothing where no snapshot is.
    pub(super) fn start_empty(&mut self) {
        self.starts_empty = true;
    }

    /// Whether updates are applied where no snapshot is.
    pub(super) fn starts_empty(&self) -> bool {
        self.starts_empty
    }

    /// See [`Decoder::check_clocks`](crate::decode::Decoder::check_clocks).
    pub(super) fn check_clocks(&mut self) {
        self.clock.begin_checks();
    }

    /// Where the book stands.
    pub(super) fn state(&self) -> BookState {
        if self.partial.is_some() || self.is_from_nothing { BookState::Synced } else { self.sync.state() }
    }

    /// Gaps found so far.
    pub(super) fn gaps(&self) -> u64 {
        self.sync.gaps()
    }

    /// Why the book was void last.
    pub(super) fn gap_reason(&self) -> Option<GapReason> {
        self.sync.gap_reason()
    }

    /// Voids the book, the connection having ended.
    pub(super) fn disconnect(&mut self, ts_recv: i64, out: &mut impl FeedSink) {
        if self.state() == BookState::Synced {
            Stamps { ts_event: self.clock.stamp(None, ts_recv), ts_recv, id: 0 }.clear(out);
        }
        self.sync.void(GapReason::Reconnect);
        self.kept.clear();
        self.kept_rows.clear();
        self.applied.clear();
        (self.partial, self.is_from_nothing, self.passed_by) = (None, false, None);
    }

    /// Deltas that wait for a snapshot.
    pub(super) fn waiting(&self) -> usize {
        self.kept_rows.len()
    }

    /// Whether an update is of another stream than the book's. The first name there is stays the book's.
    #[inline]
    fn is_other(&mut self, delta: &Delta<'_>) -> bool {
        match (&self.source, delta.stream) {
            (DepthSource::Updates(ours), Some(name)) => ours.as_bytes() != name,
            (DepthSource::First, Some(name)) => {
                self.source = DepthSource::Updates(String::from_utf8_lossy(name).into_owned());
                false
            }
            (DepthSource::Partial(ours), name) => ours.is_some() || name.is_some(),
            (_, None) => match (self.sync.end(), delta.ids.previous) {
                (Some(end), Some(previous)) => {
                    self.others.takes(end, [previous, delta.ids.first, delta.ids.last])
                }
                _ => false,
            },
        }
    }

    /// Takes the best levels for the whole book, if their stream is the one that makes it.
    pub(super) fn partial(
        &mut self,
        stream: Option<&[u8]>,
        (id, time): (u64, Option<i64>),
        sides: [&[Level]; 2],
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> Result<(FeedMessage, u64), DecodeError> {
        self.clock.check(time, ts_recv)?;
        let is_book = match &self.source {
            DepthSource::Partial(ours) => ours.as_deref().map(str::as_bytes) == stream,
            _ => false,
        };
        if !is_book {
            return Ok((FeedMessage::OtherDepth, id));
        }
        if self.partial.is_some_and(|newest| id <= newest) {
            return Ok((FeedMessage::Depth(DeltaAction::Ignore), id));
        }
        let ts_event = self.clock.stamp(time, ts_recv);
        self.clock.named(time);
        self.partial = Some(id);
        Stamps { ts_event, ts_recv, id }.book(sides, out);
        Ok((FeedMessage::PartialDepth, id))
    }

    /// Whether an update with nothing new is no copy of one that was applied: a stream of another speed tells the same in
    /// larger steps, behind the book.
    fn is_told_otherwise(&self, delta: &Delta<'_>) -> bool {
        let ids = (delta.ids.first, delta.ids.last);
        let reaches = self.applied.back().is_some_and(|oldest| oldest.0 <= ids.0);
        reaches && !self.applied.contains(&ids)
    }

    pub(super) fn depth(
        &mut self,
        delta: &Delta<'_>,
        levels: &[Level],
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> Result<(FeedMessage, u64), DecodeError> {
        let (bids, asks) = (&levels[delta.bids.clone()], &levels[delta.asks.clone()]);
        if delta.stream.is_none() && self.source == DepthSource::Partial(None) {
            return self.partial(None, (delta.ids.last, delta.time), [bids, asks], ts_recv, out);
        }
        self.clock.check(delta.time, ts_recv)?;
        if self.is_other(delta) {
            return Ok((FeedMessage::OtherDepth, delta.ids.last));
        }
        self.take_passed_by(delta.ids, ts_recv, out);
        let ts_event = self.clock.stamp(delta.time, ts_recv);
        self.clock.named(delta.time);
        let stamps = Stamps { ts_event, ts_recv, id: delta.ids.last };
        let template = stamps.row(EventKind::BookSet);
        let rows = bids.len() + asks.len();
        let gaps = self.sync.gaps();
        let mut action = self.sync.on_delta(delta.ids);
        if action == DeltaAction::Buffer && self.kept.len() + rows > MAX_KEPT_ROWS {
            action = self.sync.restart(delta.ids);
        }
        match action {
            DeltaAction::Apply => {
                if delta.stream.is_none() {
                    self.applied.truncate(MOST_APPLIED - 1);
                    self.applied.push_front((delta.ids.first, delta.ids.last));
                }
                if rows > 0 {
                    out.push_levels(template, bids, asks);
                    out.end_message();
                }
            }
            DeltaAction::Ignore if delta.stream.is_none() && self.is_told_otherwise(delta) => {
                return Ok((FeedMessage::OtherDepth, delta.ids.last));
            }
            DeltaAction::Ignore | DeltaAction::Unsynced => {}
            DeltaAction::Buffer | DeltaAction::Restart | DeltaAction::Gap => {
                if action != DeltaAction::Buffer {
                    self.kept.clear();
                    self.kept_rows.clear();
                    self.applied.clear();
                }
                self.kept.push_levels(template, bids, asks);
                self.kept_rows.push(rows);
                let is_hole = action == DeltaAction::Gap || (self.is_from_nothing && self.sync.gaps() > gaps);
                if is_hole {
                    stamps.clear(out);
                }
                if self.starts_empty && rows > 0 {
                    let mut first = template;
                    if is_hole || !self.is_from_nothing {
                        first.flags = FLAG_SNAPSHOT;
                        out.push(Event { kind: EventKind::BookClear, ..first });
                    }
                    out.push_levels(first, bids, asks);
                    out.end_message();
                    self.is_from_nothing = true;
                }
            }
        }
        Ok((FeedMessage::Depth(action), delta.ids.last))
    }

    /// Takes a snapshot that was passed by, if changes lead from it and not from the book: what comes behind a hole is the
    /// answer that was asked for because of it, however few levels it has.
    fn take_passed_by(&mut self, ids: DeltaIds, ts_recv: i64, out: &mut impl FeedSink) {
        let leads = |snapshot: &(u64, i64, _)| self.sync.leads_from(snapshot.0, ids);
        if let Some((id, ts_event, [bids, asks])) = self.passed_by.take_if(|snapshot| leads(snapshot)) {
            self.sync.on_snapshot(id);
            self.is_from_nothing = false;
            Stamps { ts_event, ts_recv, id }.book([&bids, &asks], out);
        }
    }

    /// Takes a snapshot; no action where it is partial depth.
    pub(super) fn snapshot(
        &mut self,
        fields: &Fields<'_>,
        symbol: &mut Symbol,
        levels: &mut Vec<Level>,
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> Result<(Option<SnapshotAction>, u64), DecodeError> {
        const MESSAGE: &str = "depth snapshot";
        let missing = DecodeError::Missing { message: MESSAGE, field: "lastUpdateId" };
        let id = parse_u64("lastUpdateId", fields.last_update_id.ok_or(missing)?.raw())?;
        let time = fields.time()?;
        // A quiet market's last transaction may be old.
        self.clock.check(fields.sent()?, ts_recv)?;
        let ts_event = self.clock.stamp(time, ts_recv);
        let [bids, asks] = fields.snapshot(MESSAGE, symbol, levels)?;
        self.clock.named(time);
        let is_shallow = bids.len().max(asks.len()) <= PARTIAL_LEVELS;
        // Updates lead beyond it by themselves, and it would cut their book short.
        let is_cut = || self.sync.end().is_some_and(|end| id > end) && self.sync.state() == BookState::Synced;
        if is_shallow && self.has_bare_partial {
            return Ok((None, id));
        }
        if is_shallow && is_cut() {
            self.passed_by = Some((id, ts_event, [levels[bids].to_vec(), levels[asks].to_vec()]));
            return Ok((Some(SnapshotAction::Ignore), id));
        }
        self.passed_by = None;
        let action = self.sync.on_snapshot(id);
        let SnapshotAction::Load { from } = action else {
            return Ok((Some(action), id));
        };
        self.is_from_nothing = false;
        Stamps { ts_event, ts_recv, id }.book([&levels[bids], &levels[asks]], out);
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
        Ok((Some(action), id))
    }

    pub(super) fn trade(
        &mut self,
        fields: &Fields<'_>,
        stream: TradeStream,
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> Result<(FeedMessage, u64), DecodeError> {
        let (message, id_key, id_field) = match stream {
            TradeStream::Single => ("trade", b't', "t"),
            TradeStream::Aggregated => ("aggTrade", b'a', "a"),
        };
        let id = parse_u64(id_field, fields.need(message, id_key, id_field)?.raw())?;
        // Both may be zero: see below.
        let price =
            parse_qty("p", self.instrument.price_increment, fields.need(message, b'p', "p")?.decimal())?;
        let qty = parse_qty("q", self.instrument.qty_increment, fields.need(message, b'q', "q")?.decimal())?;
        let side = match fields.need(message, b'm', "m")?.raw() {
            // True: the buyer is the maker, so a seller crossed the spread.
            b"true" => -1,
            b"false" => 1,
            other => return Err(DecodeError::value("m", other, "true or false")),
        };
        let time = fields.time()?;
        self.clock.check(time, ts_recv)?;
        let ts_event = self.clock.stamp(time, ts_recv);
        self.clock.named(time);
        // Spot trades and aggregated ones do not say: they are of the book.
        let is_of_book = match fields.get(b'X').map(Value::text) {
            None => true,
            Some(market) => *unescaped(market) == *b"MARKET",
        };
        // What happened off the book may come without price or size.
        if price == 0 || qty == 0 {
            return Ok((FeedMessage::EmptyTrade, id));
        }
        if is_of_book && *self.trades.get_or_insert(stream) != stream {
            return Ok((FeedMessage::Ignored, id));
        }
        if !self.seen[stream as usize].is_new(id) {
            return Ok((FeedMessage::DuplicateTrade, id));
        }
        let (kind, frame) = if is_of_book {
            (EventKind::Trade, FeedMessage::Trade)
        } else {
            (EventKind::OffBookTrade, FeedMessage::OffBookTrade)
        };
        let row = Stamps { ts_event, ts_recv, id }.row(kind);
        out.push(Event { side, flags: FLAG_LAST, price, qty, ..row });
        Ok((frame, id))
    }

    pub(super) fn book_ticker(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> Result<(FeedMessage, u64), DecodeError> {
        const MESSAGE: &str = "bookTicker";
        let id = parse_u64("u", fields.need(MESSAGE, b'u', "u")?.raw())?;
        let time = fields.time()?;
        self.clock.check(time, ts_recv)?;
        let ts_event = self.clock.stamp(time, ts_recv);
        // Price and quantity are both zero on a side that is empty.
        let number = |key: u8, field: &'static str, grid: Increment| {
            parse_qty(field, grid, fields.need(MESSAGE, key, field)?.decimal())
        };
        let (prices, quantities) = (self.instrument.price_increment, self.instrument.qty_increment);
        let bid = (number(b'b', "b", prices)?, number(b'B', "B", quantities)?);
        let ask = (number(b'a', "a", prices)?, number(b'A', "A", quantities)?);
        let quoted = [bid, ask];
        if self.quoted.is_some_and(|(newest, last)| id < newest || (id == newest && quoted == last)) {
            return Ok((FeedMessage::StaleQuote, id));
        }
        self.quoted = Some((id, quoted));
        Stamps { ts_event, ts_recv, id }.quote(quoted, out);
        self.clock.named(time);
        Ok((FeedMessage::Quote, id))
    }

    pub(super) fn mark_price(
        &mut self,
        fields: &Fields<'_>,
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> Result<(FeedMessage, u64), DecodeError> {
        const MESSAGE: &str = "markPriceUpdate";
        // Here T is the time of the next funding, not of the event.
        let event_time = parse_time("E", fields.need(MESSAGE, b'E', "E")?.raw())?;
        self.clock.check(Some(event_time), ts_recv)?;
        let next_funding = fields.get(b'T').map(|t| parse_time("T", t.raw())).transpose()?.unwrap_or(0);
        let fine = |key: u8, field: &'static str| match fields.get(key) {
            // Dated contracts have no funding: their rate is empty.
            None => Ok(None),
            Some(value) if value.raw() == b"\"\"" => Ok(None),
            Some(value) => parse_fine(field, value.decimal()).map(Some),
        };
        let mark = parse_fine("p", fields.need(MESSAGE, b'p', "p")?.decimal())?;
        let (index, rate) = (fine(b'i', "i")?, fine(b'r', "r")?);
        let event =
            |kind, price, id| Event { price, ..Stamps { ts_event: event_time, ts_recv, id }.row(kind) };
        out.push(event(EventKind::Mark, mark, 0));
        if let Some(index) = index {
            out.push(event(EventKind::Index, index, 0));
        }
        if let Some(rate) = rate {
            out.push(event(EventKind::Funding, rate, next_funding.unsigned_abs()));
        }
        self.clock.named(Some(event_time));
        out.end_message();
        Ok((FeedMessage::Ticker, 0))
    }

    pub(super) fn liquidation(
        &mut self,
        order: &ForcedOrder<'_>,
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> Result<FeedMessage, DecodeError> {
        let event = order.event(&self.instrument, ts_recv)?;
        self.clock.check(Some(event.ts_event), ts_recv)?;
        self.clock.named(Some(event.ts_event));
        if event.qty == 0 {
            return Ok(FeedMessage::Ignored);
        }
        // They have no ids. The venue tells one a second at most, so that an equal one is a copy of another socket.
        let same = Event { ts_recv: 0, ..event };
        if self.last_liquidation.replace(same) == Some(same) {
            return Ok(FeedMessage::DuplicateLiquidation);
        }
        out.push(event);
        Ok(FeedMessage::Liquidation)
    }

    pub(super) fn open_interest(
        &mut self,
        quantity: Value<'_>,
        time: Option<i64>,
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> Result<FeedMessage, DecodeError> {
        let qty = parse_nearest("openInterest", self.instrument.qty_increment, quantity.decimal())?;
        let ts_event = self.clock.stamp(time, ts_recv);
        self.clock.named(time);
        let row = Stamps { ts_event, ts_recv, id: 0 }.row(EventKind::OpenInterest);
        out.push(Event { qty, flags: FLAG_LAST, ..row });
        Ok(FeedMessage::OpenInterest)
    }
}
