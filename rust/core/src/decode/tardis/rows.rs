//! Rows of one Tardis file as events: cells, stamps, sides, snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::layout::{Layout, TardisKind};
use super::venues::{may_be_of, tardis_venue};
use crate::decode::error::{DecodeError, Strictness};
use crate::decode::late::FirstLate;
use crate::decode::others::count_other;
use crate::decode::parse::{
    Written, check_apart, parse_fine, parse_nearest, parse_price, parse_qty, parse_time,
};
use crate::decode::text::{Cells, Row, flag, is_blank, is_nothing, is_zero, whole};
use crate::decode::trade_ids::{TradeIds, trade_id, trade_number};
use crate::event::{Event, EventColumns, EventKind, FLAG_SNAPSHOT, is_price, is_qty};
use crate::types::Instrument;

/// Most rows of one message: the deepest books have a tenth of it.
const MAX_MESSAGE: usize = 1 << 19;

/// A book row but for its stamps, side, price and quantity.
const BOOK_ROW: Event =
    Event { ts_event: 0, ts_recv: 0, kind: EventKind::BookSet, side: 0, flags: 0, price: 0, qty: 0, id: 0 };

/// What has been read of the files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TardisCounts {
    /// Book rows before the first snapshot.
    pub skipped: u64,
    /// Rows of other symbols, by symbol; `...` are those beyond the first thousand.
    pub other_symbols: BTreeMap<String, u64>,
    /// Rows received before the row above.
    pub unsorted: u64,
    /// Rows equal to the row above, but for trades.
    pub duplicates: u64,
    /// Trades that were read before: of the same id, or without one equal in all and received at the same time.
    pub duplicate_trades: u64,
    /// Trades of nothing, which are none.
    pub empty_trades: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Book messages that are no snapshot.
    pub book_updates: u64,
    /// Trades.
    pub trades: u64,
    /// Quotes.
    pub quotes: u64,
    /// Ticker rows.
    pub tickers: u64,
    /// Liquidations.
    pub liquidations: u64,
    /// Liquidations of nothing, or at a price of 0, which nobody traded at.
    pub empty_liquidations: u64,
    /// Files that have a header and no more.
    pub files_without_rows: u64,
}

/// What is known of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Book {
    /// Nothing before its first snapshot.
    Awaited,
    /// It begins with nothing.
    Empty,
    /// It has begun.
    Begun,
}

/// The rows of a file as events.
pub(super) struct Rows {
    pub(super) layout: Layout,
    instrument: Arc<Instrument>,
    strictness: Strictness,
    pub(super) out: EventColumns,
    /// Rows of `out` that belong to complete messages.
    pub(super) complete: usize,
    /// Whether the message under construction holds snapshot rows.
    in_snapshot: bool,
    book: Book,
    was_snapshot: bool,
    /// Stamps of the newest snapshot row.
    snapshot_at: (i64, i64),
    ids: TradeIds,
    /// Trades without an id of the newest receive time.
    unnamed: FxHashSet<(i64, i8, i64, i64)>,
    last_local: i64,
    local: Stamp,
    venue: Stamp,
    cells: Cells,
    /// The exchange of the rows so far.
    exchange: Option<Vec<u8>>,
    /// What the rows of a book message begin with, up to its stamps, and the event they make.
    head: Vec<u8>,
    template: Event,
    /// The line above, to find rows that come twice.
    above: Vec<u8>,
    pub(super) late: FirstLate,
    pub(super) counts: TardisCounts,
}

/// The newest stamp of a column: the rows of a message repeat it.
#[derive(Default)]
struct Stamp {
    text: Vec<u8>,
    ns: i64,
}

impl Stamp {
    #[inline]
    fn read(&mut self, field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
        if text != self.text || text.is_empty() {
            self.ns = parse_time(field, whole(text))?;
            self.text.clear();
            self.text.extend_from_slice(text);
        }
        Ok(self.ns)
    }
}

impl Rows {
    pub(super) fn new(
        layout: Layout,
        cells: Cells,
        instrument: Arc<Instrument>,
        strictness: Strictness,
    ) -> Self {
        Self {
            layout,
            instrument,
            strictness,
            out: EventColumns::default(),
            complete: 0,
            in_snapshot: false,
            book: Book::Awaited,
            was_snapshot: false,
            snapshot_at: (i64::MIN, i64::MIN),
            ids: TradeIds::default(),
            unnamed: FxHashSet::default(),
            last_local: i64::MIN,
            local: Stamp::default(),
            venue: Stamp::default(),
            cells,
            exchange: None,
            head: Vec::new(),
            template: BOOK_ROW,
            above: Vec::new(),
            late: FirstLate::default(),
            counts: TardisCounts::default(),
        }
    }

    /// Whether there was any row.
    pub(super) fn has_any(&self) -> bool {
        self.exchange.is_some()
    }

    /// Makes the book of nothing where no snapshot is.
    pub(super) fn start_empty(&mut self) {
        self.book = Book::Empty;
    }

    /// Completes the message under construction.
    pub(super) fn end_message(&mut self) {
        if self.out.len() == self.complete {
            return;
        }
        self.out.end_message();
        self.complete = self.out.len();
        if self.layout.kind == TardisKind::Book && !self.in_snapshot {
            self.counts.book_updates += 1;
        }
        self.in_snapshot = false;
    }

    /// Appends the events of a line; looks for defects that are counted only when asked to.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), DecodeError> {
        if self.strictness == Strictness::Lenient && self.layout.kind != TardisKind::Trades {
            self.counts.duplicates += u64::from(!line.is_empty() && line == self.above.as_slice());
            self.above.clear();
            self.above.extend_from_slice(line);
        }
        self.row(line)
    }

    fn row(&mut self, line: &[u8]) -> Result<(), DecodeError> {
        if line.is_empty() {
            return Ok(());
        }
        // Most rows of a book follow another one of their message, and are plain.
        if !self.head.is_empty()
            && let Some(rest) = line.strip_prefix(self.head.as_slice())
            && let Some((is_snapshot, side, price, qty)) = self.plain_level(rest)
        {
            return self.level(is_snapshot, Event { side, price, qty, ..self.template });
        }
        let mut cells = std::mem::take(&mut self.cells);
        let result = cells.split(line).and_then(|row| self.events(line, &row));
        self.cells = cells;
        result
    }

    fn events(&mut self, line: &[u8], row: &Row<'_>) -> Result<(), DecodeError> {
        if !self.layout.is_event(row)? {
            return Ok(());
        }
        let exchange = row.cell(self.layout.exchange);
        if self.exchange.as_deref() != Some(exchange) {
            self.check_exchange(exchange)?;
        }
        if row.cell(self.layout.symbol) != self.instrument.id.symbol().as_bytes() {
            count_other(&mut self.counts.other_symbols, row.cell(self.layout.symbol));
            return Ok(());
        }
        // Looked for before the order of rows: a block that is repeated goes back.
        if self.layout.kind == TardisKind::Trades {
            let id = trade_id(self.cell(row, 0));
            if !id.is_empty() && !self.ids.insert(id) {
                self.counts.duplicate_trades += 1;
                return Ok(());
            }
        }
        let mut ts_recv = self.local.read("local_timestamp", row.cell(self.layout.local))?;
        let is_late = ts_recv < self.last_local && self.strictness == Strictness::Lenient;
        if is_late {
            self.counts.unsorted += 1;
            self.late.note(ts_recv, self.last_local);
            ts_recv = self.last_local;
        }
        if ts_recv < self.last_local {
            return Err(DecodeError::Unsorted {
                field: "local_timestamp",
                got: ts_recv / 1_000,
                previous: self.last_local / 1_000,
            });
        }
        let ts_event = match row.cell(self.layout.timestamp) {
            // Of some venues 0 stands for a time that they do not tell.
            text if is_nothing(text) => ts_recv,
            text => self.venue.read("timestamp", text)?,
        };
        self.check_clocks(ts_event, ts_recv)?;
        let template = Event { ts_event, ts_recv, ..BOOK_ROW };
        // Only book rows group; any other row is a message of its own.
        if self.layout.kind != TardisKind::Book || self.out.ts_recv.last() != Some(&ts_recv) {
            self.end_message();
        }
        let rows = self.out.len();
        let result = match self.layout.kind {
            TardisKind::Book => self.book(line, row, template, is_late),
            TardisKind::Trades => self.trade(row, template),
            TardisKind::Liquidations => self.liquidation(row, template),
            TardisKind::Quotes => self.quote(row, template),
            TardisKind::Snapshots { depth } => self.snapshot(row, depth, template),
            TardisKind::Ticker => self.ticker(row, template),
        };
        if result.is_err() {
            self.out.truncate(rows);
        } else {
            self.last_local = ts_recv;
        }
        result
    }

    /// Refuses a row that was stamped far from its receipt. What stands in a book or a ticker may be old.
    #[inline]
    fn check_clocks(&self, ts_event: i64, ts_recv: i64) -> Result<(), DecodeError> {
        let is_new =
            matches!(self.layout.kind, TardisKind::Trades | TardisKind::Liquidations | TardisKind::Quotes);
        if is_new || ts_event > ts_recv {
            let cure = "timestamp and local_timestamp count us since 1970, UTC";
            check_apart("row", cure, ts_recv, ts_event)?;
        }
        Ok(())
    }

    #[inline]
    fn cell<'r>(&self, row: &Row<'r>, column: usize) -> &'r [u8] {
        row.cell(self.layout.columns[column])
    }

    #[inline]
    fn price(&self, text: &[u8]) -> Result<i64, DecodeError> {
        parse_price("price", self.instrument.price_increment, Written::number(text))
    }

    #[inline]
    fn amount(&self, text: &[u8]) -> Result<i64, DecodeError> {
        parse_qty("amount", self.instrument.qty_increment, Written::number(text))
    }

    /// Looks whether rows of this exchange may stand here, and remembers it.
    #[cold]
    fn check_exchange(&mut self, exchange: &[u8]) -> Result<(), DecodeError> {
        let name = String::from_utf8_lossy(exchange);
        let venue = self.instrument.id.venue();
        if exchange.is_empty() {
            return Err(DecodeError::value("exchange", exchange, "the name of an exchange"));
        }
        if !may_be_of(&name, venue) {
            let (got, expected) = (tardis_venue(&name), venue.to_owned());
            return Err(DecodeError::Exchange { exchange: name.into_owned(), got, expected });
        }
        if let Some(above) = &self.exchange {
            let expected = format!("{:?}, the exchange of the rows above", String::from_utf8_lossy(above));
            return Err(DecodeError::value("exchange", exchange, &expected));
        }
        self.exchange = Some(exchange.to_vec());
        Ok(())
    }

    fn book(
        &mut self,
        line: &[u8],
        row: &Row<'_>,
        template: Event,
        is_late: bool,
    ) -> Result<(), DecodeError> {
        let Some(is_snapshot) = flag(self.cell(row, 0)) else {
            return Err(DecodeError::value("is_snapshot", self.cell(row, 0), "true or false"));
        };
        let side = match self.cell(row, 1) {
            b"bid" | b"buy" => 1,
            b"ask" | b"sell" => -1,
            other => return Err(DecodeError::value("side", other, "bid or ask")),
        };
        let price = self.price(self.cell(row, 2))?;
        let qty = self.amount(self.cell(row, 3))?;
        self.level(is_snapshot, Event { side, price, qty, ..template })?;
        self.head.clear();
        // A late row has to be counted, so nothing is taken for its like.
        if self.layout.is_plain_book
            && !is_late
            && let Some(head) = row.up_to(self.layout.local, line)
        {
            self.head.extend_from_slice(head);
            self.template = template;
        }
        Ok(())
    }

    /// The end of a plain book row: `is_snapshot,side,price,amount`. Anything else is for [`Self::book`].
    #[inline]
    fn plain_level(&self, rest: &[u8]) -> Option<(bool, i8, i64, i64)> {
        let (is_snapshot, rest) = match rest.strip_prefix(b"false,") {
            Some(rest) => (false, rest),
            None => (true, rest.strip_prefix(b"true,")?),
        };
        let (side, rest) = match rest.strip_prefix(b"bid,") {
            Some(rest) => (1, rest),
            None => (-1, rest.strip_prefix(b"ask,")?),
        };
        let (price, used) = self.instrument.price_increment.read(rest)?;
        let rest = rest[used..].strip_prefix(b",")?;
        let (qty, used) = self.instrument.qty_increment.read(rest)?;
        let is_sound = used == rest.len() && is_price(price) && is_qty(qty);
        is_sound.then_some((is_snapshot, side, price, qty))
    }

    /// Appends a level, and what has to be said before it.
    #[inline]
    fn level(&mut self, is_snapshot: bool, level: Event) -> Result<(), DecodeError> {
        let starts = !is_snapshot && self.book == Book::Empty;
        if !is_snapshot && self.book == Book::Awaited {
            self.counts.skipped += 1;
            return Ok(());
        }
        if self.out.len() - self.complete >= MAX_MESSAGE {
            return Err(DecodeError::TooMany { what: "rows of one local_timestamp", limit: MAX_MESSAGE });
        }
        let flags = if is_snapshot { FLAG_SNAPSHOT } else { 0 };
        if is_snapshot && !(self.was_snapshot && self.snapshot_at == (level.ts_event, level.ts_recv)) {
            self.begin_snapshot(level);
        }
        if starts {
            let flags = FLAG_SNAPSHOT;
            self.out.push(Event { kind: EventKind::BookClear, side: 0, price: 0, qty: 0, flags, ..level });
        }
        self.book = Book::Begun;
        self.was_snapshot = is_snapshot;
        self.in_snapshot |= is_snapshot;
        self.out.push(Event { flags, ..level });
        Ok(())
    }

    /// Voids the book in front of a snapshot's first level.
    #[cold]
    fn begin_snapshot(&mut self, level: Event) {
        if self.was_snapshot {
            self.end_message();
        }
        self.snapshot_at = (level.ts_event, level.ts_recv);
        self.counts.snapshots += 1;
        let flags = FLAG_SNAPSHOT;
        self.out.push(Event { kind: EventKind::BookClear, side: 0, price: 0, qty: 0, flags, ..level });
    }

    fn trade(&mut self, row: &Row<'_>, template: Event) -> Result<(), DecodeError> {
        let qty = self.amount(self.cell(row, 3))?;
        if qty == 0 || is_zero(self.cell(row, 2)) {
            self.counts.empty_trades += 1;
            return Ok(());
        }
        if self.layout.are_trades_assumed {
            let id = self.cell(row, 0);
            if is_blank(id) {
                return Err(DecodeError::value(
                    "id",
                    id,
                    "the id of a trade: liquidations look like trades, so a file without ids has to be named after \
                     which of the two it holds",
                ));
            }
            self.layout.are_trades_assumed = false;
        }
        let trade = self.print(row, Event { kind: EventKind::Trade, qty, ..template })?;
        if trade_id(self.cell(row, 0)).is_empty() && !self.is_new(&trade) {
            self.counts.duplicate_trades += 1;
            return Ok(());
        }
        self.counts.trades += 1;
        self.out.push(trade);
        Ok(())
    }

    /// Whether a trade without an id differs from the others of its receive time.
    fn is_new(&mut self, trade: &Event) -> bool {
        if trade.ts_recv != self.last_local {
            self.unnamed.clear();
            self.unnamed.shrink_to(64);
        }
        self.unnamed.insert((trade.ts_event, trade.side, trade.price, trade.qty))
    }

    fn liquidation(&mut self, row: &Row<'_>, template: Event) -> Result<(), DecodeError> {
        let qty = self.amount(self.cell(row, 3))?;
        if qty == 0 || is_zero(self.cell(row, 2)) {
            self.counts.empty_liquidations += 1;
            return Ok(());
        }
        let liquidation = self.print(row, Event { kind: EventKind::Liquidation, qty, ..template })?;
        self.counts.liquidations += 1;
        self.out.push(liquidation);
        Ok(())
    }

    /// A row of `id,side,price,amount`, whose amount was read.
    fn print(&self, row: &Row<'_>, template: Event) -> Result<Event, DecodeError> {
        let side = match self.cell(row, 1) {
            b"buy" | b"bid" => 1,
            b"sell" | b"ask" => -1,
            b"unknown" => 0,
            other => return Err(DecodeError::value("side", other, "buy, sell or unknown")),
        };
        let price = self.price(self.cell(row, 2))?;
        Ok(Event { side, price, id: trade_number(trade_id(self.cell(row, 0))), ..template })
    }

    fn quote(&mut self, row: &Row<'_>, template: Event) -> Result<(), DecodeError> {
        for (side, at) in [(1, 0), (-1, 2)] {
            let (price, amount) = (self.cell(row, at), self.cell(row, at + 1));
            let (price, qty) = if is_nothing(price) || is_blank(amount) {
                (0, 0)
            } else {
                (self.price(price)?, self.amount(amount)?)
            };
            self.out.push(Event { kind: EventKind::Quote, side, price, qty, ..template });
        }
        self.counts.quotes += 1;
        Ok(())
    }

    /// A row is the whole top of the book.
    fn snapshot(&mut self, row: &Row<'_>, depth: usize, template: Event) -> Result<(), DecodeError> {
        let flags = FLAG_SNAPSHOT;
        self.out.push(Event { kind: EventKind::BookClear, flags, ..template });
        for level in 0..depth {
            for (side, at) in [(1, level * 4), (-1, level * 4 + 2)] {
                let (price, amount) = (self.cell(row, at), self.cell(row, at + 1));
                if is_nothing(price) || is_blank(amount) {
                    continue;
                }
                let (price, qty) = (self.price(price)?, self.amount(amount)?);
                self.out.push(Event { side, flags, price, qty, ..template });
            }
        }
        self.counts.snapshots += 1;
        Ok(())
    }

    fn ticker(&mut self, row: &Row<'_>, template: Event) -> Result<(), DecodeError> {
        let next_funding = match self.cell(row, 0) {
            text if is_blank(text) => 0,
            text => parse_time("funding_timestamp", whole(text))?.unsigned_abs(),
        };
        let fine = [
            (1, EventKind::Funding, "funding_rate"),
            (3, EventKind::Index, "index_price"),
            (4, EventKind::Mark, "mark_price"),
        ];
        for (column, kind, field) in fine {
            let text = self.cell(row, column);
            if !is_blank(text) {
                let id = if kind == EventKind::Funding { next_funding } else { 0 };
                self.out.push(Event {
                    kind,
                    price: parse_fine(field, Written::number(text))?,
                    id,
                    ..template
                });
            }
        }
        let interest = self.cell(row, 2);
        if !is_blank(interest) {
            let qty =
                parse_nearest("open_interest", self.instrument.qty_increment, Written::number(interest))?;
            self.out.push(Event { kind: EventKind::OpenInterest, qty, ..template });
        }
        self.counts.tickers += 1;
        Ok(())
    }
}
