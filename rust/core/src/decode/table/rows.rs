//! Rows of tables of one kind as events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::cells::{is_said, is_snap, side_of};
use super::layout::{Field, Layout, TableKind};
use crate::book::DeltaIds;
use crate::decode::error::{DecodeError, Strictness};
use crate::decode::holes::Holes;
use crate::decode::late::FirstLate;
use crate::decode::others::count_other;
use crate::decode::parse::{Written, check_apart, parse_price, parse_qty, parse_u64};
use crate::decode::stamp::Stamp;
use crate::decode::text::{Cells, Row, flag, is_nothing, is_zero, whole};
use crate::decode::trade_ids::{Copies, trade_id, trade_number};
use crate::event::{Event, EventColumns, EventKind, FLAG_SNAPSHOT};
use crate::types::Instrument;

/// Most rows of one message: the deepest books have a tenth of it.
const MAX_MESSAGE: usize = 1 << 19;

/// What has been read of tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableCounts {
    /// Book messages before the first snapshot.
    pub skipped: u64,
    /// Rows of other symbols, by symbol; `...` are those beyond the first thousand.
    pub other_symbols: BTreeMap<String, u64>,
    /// Rows received before the row above.
    pub unsorted: u64,
    /// Rows and messages that were there before.
    pub duplicates: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Book messages that are no snapshot.
    pub book_updates: u64,
    /// Messages of the book that are missing.
    pub gaps: u64,
    /// Trades of no quantity, which are none.
    pub empty_trades: u64,
    /// Trades that are missing by their numbers, where the venue numbers them without a hole.
    pub holes: Holes,
    /// Files with a header and nothing else.
    pub files_without_rows: u64,
}

/// What tells a message of a book from the one above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Depth {
    ts_event: i64,
    pub(super) is_snapshot: bool,
    /// Where the file has them.
    pub(super) ids: Option<DeltaIds>,
}

/// The rows of a file, and of those that go on where it ends.
pub(super) struct Rows {
    pub(super) layout: Layout,
    cells: Cells,
    header: Vec<u8>,
    instrument: Arc<Instrument>,
    strictness: Strictness,
    /// From the venue's stamp to receipt, where the file does not say when it was.
    latency: i64,
    pub(super) out: EventColumns,
    /// Rows of `out` that belong to complete messages.
    pub(super) complete: usize,
    /// What the messages of a book are, in their order; the last one may not be complete.
    pub(super) depths: VecDeque<Depth>,
    last_recv: i64,
    last_event: i64,
    last_id: u64,
    /// Whether sides were written as -1, 0 and 1.
    signs: [bool; 3],
    copies: Copies,
    time: Stamp,
    sent: Stamp,
    recv: Stamp,
    pub(super) late: FirstLate,
    pub(super) counts: TableCounts,
}

impl Rows {
    pub(super) fn new(
        layout: Layout,
        instrument: Arc<Instrument>,
        strictness: Strictness,
        latency: i64,
    ) -> Self {
        Self {
            layout,
            cells: Cells::default(),
            header: Vec::new(),
            instrument,
            strictness,
            latency,
            out: EventColumns::default(),
            complete: 0,
            depths: VecDeque::new(),
            last_recv: i64::MIN,
            last_event: i64::MIN,
            last_id: 0,
            signs: [false; 3],
            copies: Copies::default(),
            time: Stamp::default(),
            sent: Stamp::default(),
            recv: Stamp::default(),
            late: FirstLate::default(),
            counts: TableCounts::default(),
        }
    }

    /// Goes on with another file; its header is known again further down, where files were joined with theirs.
    pub(super) fn begin(&mut self, layout: Layout, cells: Cells, header: Vec<u8>) {
        (self.layout, self.cells, self.header) = (layout, cells, header);
    }

    /// Completes the message under construction.
    pub(super) fn end_message(&mut self) {
        if self.out.len() > self.complete {
            self.out.end_message();
            self.complete = self.out.len();
        }
    }

    /// Appends the events of a line.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), DecodeError> {
        if line.is_empty() || (!self.header.is_empty() && line == self.header.as_slice()) {
            return Ok(());
        }
        let mut cells = std::mem::take(&mut self.cells);
        let rows = self.out.len();
        let result = cells.split(line).and_then(|row| self.events(row));
        self.cells = cells;
        if result.is_err() {
            self.out.truncate(rows);
        }
        result
    }

    fn events(&mut self, row: Row<'_>) -> Result<(), DecodeError> {
        if row.len() != self.layout.cells {
            return Err(DecodeError::Cells { got: row.len(), expected: self.layout.cells });
        }
        if let Some(symbol) = self.layout.place(Field::Symbol)
            && row.cell(symbol) != self.instrument.id.symbol().as_bytes()
        {
            count_other(&mut self.counts.other_symbols, row.cell(symbol));
            return Ok(());
        }
        let cell = |field: Field| self.layout.place(field).map(|at| row.cell(at));
        let time = cell(Field::Time).unwrap_or_default();
        if time.is_empty() && row.iter().all(<[u8]>::is_empty) {
            return Ok(());
        }
        let ts_event = self.time.read("time", time)?;
        let sent = match cell(Field::Sent) {
            Some(text) if !text.is_empty() => self.sent.read("sent", text)?,
            _ => ts_event,
        };
        let ts_recv = match cell(Field::Recv) {
            Some(text) => {
                let ts_recv = self.recv.read("recv", text)?;
                let cure = "the times of a row count s, ms, us or ns since 1970, or are dates, UTC";
                check_apart("row", cure, ts_recv, ts_event)?;
                ts_recv
            }
            None => sent + self.latency,
        };
        let (kind, id) = (self.layout.kind, self.id(row)?);
        let number =
            if id == 0 { cell(Field::Id).map_or(0, |text| trade_number(trade_id(text))) } else { id };
        if kind != TableKind::Depth && !self.is_new(row, id, ts_event) {
            self.counts.duplicates += 1;
            return Ok(());
        }
        let ts_recv = self.in_order(ts_recv, id, row)?;
        if self.layout.is_numbered && id != 0 {
            self.counts.holes.pass(id, ts_recv);
        }
        let template = Event {
            ts_event,
            ts_recv,
            kind: EventKind::Trade,
            side: 0,
            flags: 0,
            price: 0,
            qty: 0,
            id: number,
        };
        match kind {
            TableKind::Trades | TableKind::AggTrades => self.trade(row, template)?,
            TableKind::Quotes => self.quote(row, template)?,
            TableKind::Depth => self.level(row, template)?,
        }
        self.last_recv = ts_recv;
        self.last_event = self.last_event.max(ts_event);
        self.last_id = id;
        Ok(())
    }

    /// The number that a row is told by, 0 where it has none.
    fn id(&self, row: Row<'_>) -> Result<u64, DecodeError> {
        match (self.layout.place(Field::LastId), self.layout.place(Field::Id)) {
            (Some(at), _) => parse_u64("update_id", whole(row.cell(at))),
            // Some venues name their trades instead of counting them.
            (None, Some(at)) => Ok(parse_u64("id", trade_id(row.cell(at))).unwrap_or(0)),
            (None, None) => Ok(0),
        }
    }

    /// Whether a row was not there before.
    fn is_new(&mut self, row: Row<'_>, id: u64, ts_event: i64) -> bool {
        if self.layout.kind == TableKind::Quotes {
            return id == 0 || id > self.last_id || ts_event > self.last_event;
        }
        let name = self.layout.place(Field::Id).map(|at| trade_id(row.cell(at))).unwrap_or_default();
        name.is_empty() || self.copies.take(ts_event, |ids| ids.insert(name))
    }

    /// When a row was received, not before the one above. Where ids rise the venue's order is theirs, and its stamps
    /// may go back a little.
    fn in_order(&mut self, ts_recv: i64, id: u64, row: Row<'_>) -> Result<i64, DecodeError> {
        if ts_recv >= self.last_recv {
            return Ok(ts_recv);
        }
        if self.strictness == Strictness::Strict && (id == 0 || id < self.last_id) {
            let field = if self.layout.place(Field::Recv).is_some() { Field::Recv } else { Field::Time };
            let text = String::from_utf8_lossy(row.cell(self.layout.place(field).unwrap_or(0))).into_owned();
            return Err(DecodeError::Value {
                field: "time",
                problem: format!(
                    "{text} is before the row above: rows are not in order of time; sort them, oldest first, or give \
                     files that do not overlap"
                ),
            });
        }
        self.counts.unsorted += 1;
        self.late.note(ts_recv, self.last_recv);
        Ok(self.last_recv)
    }

    fn price(&self, row: Row<'_>, field: Field, name: &'static str) -> Result<i64, DecodeError> {
        let text = self.layout.place(field).map_or(&b""[..], |at| row.cell(at));
        parse_price(name, self.instrument.price_increment, Written::number(text))
    }

    fn amount(&self, row: Row<'_>, field: Field, name: &'static str) -> Result<i64, DecodeError> {
        let text = self.layout.place(field).map_or(&b""[..], |at| row.cell(at));
        parse_qty(name, self.instrument.qty_increment, Written::number(text))
    }

    fn trade(&mut self, row: Row<'_>, template: Event) -> Result<(), DecodeError> {
        let cell = |field: Field| self.layout.place(field).map(|at| row.cell(at));
        let side = if let Some(text) = cell(Field::BuyerMaker) {
            match flag(text) {
                // The buyer was the maker, so a seller crossed the spread.
                Some(true) => -1,
                Some(false) => 1,
                None => return Err(DecodeError::value("buyer_is_maker", text, "true or false")),
            }
        } else if let Some(text) = cell(Field::MakerSide) {
            -trade_side(text, &mut self.signs)?
        } else if let Some(text) = cell(Field::Side) {
            trade_side(text, &mut self.signs)?
        } else {
            0
        };
        let qty = self.amount(row, Field::Amount, "amount")?;
        if qty == 0 || cell(Field::Price).is_some_and(is_zero) {
            self.counts.empty_trades += 1;
            return Ok(());
        }
        let price = self.price(row, Field::Price, "price")?;
        let is_off_book = cell(Field::OffBook).is_some_and(is_said);
        let kind = if is_off_book { EventKind::OffBookTrade } else { EventKind::Trade };
        self.out.push(Event { kind, side, price, qty, ..template });
        self.end_message();
        Ok(())
    }

    fn quote(&mut self, row: Row<'_>, template: Event) -> Result<(), DecodeError> {
        let sides = [
            (1, Field::BidPrice, "bid_price", Field::BidAmount, "bid_amount"),
            (-1, Field::AskPrice, "ask_price", Field::AskAmount, "ask_amount"),
        ];
        for (side, price_field, price_name, amount_field, amount_name) in sides {
            let text = self.layout.place(price_field).map_or(&b""[..], |at| row.cell(at));
            let (price, qty) = if is_nothing(text) {
                (0, 0)
            } else {
                (self.price(row, price_field, price_name)?, self.amount(row, amount_field, amount_name)?)
            };
            self.out.push(Event { kind: EventKind::Quote, side, price, qty, ..template });
        }
        self.end_message();
        Ok(())
    }

    /// A row of a book; rows of one update are one message.
    fn level(&mut self, row: Row<'_>, template: Event) -> Result<(), DecodeError> {
        let cell = |field: Field| self.layout.place(field).map(|at| row.cell(at));
        let is_snapshot = match (cell(Field::UpdateType), cell(Field::IsSnapshot)) {
            (Some(text), _) => {
                is_snap(text).ok_or_else(|| DecodeError::value("update_type", text, "snap or set"))?
            }
            (None, Some(text)) => {
                flag(text).ok_or_else(|| DecodeError::value("is_snapshot", text, "true or false"))?
            }
            (None, None) => false,
        };
        let ids = match cell(Field::FirstId) {
            None => None,
            Some(first) => Some(DeltaIds {
                first: parse_u64("first_update_id", whole(first))?,
                last: template.id,
                previous: match cell(Field::PreviousId).map(whole) {
                    // A snapshot has none, which some files write as -1.
                    None | Some(b"" | b"-1") => None,
                    Some(text) => Some(parse_u64("pu", text)?),
                },
            }),
        };
        let text = cell(Field::Side).unwrap_or_default();
        let side = side_of(text).filter(|side| *side != 0);
        let side = side.ok_or_else(|| DecodeError::value("side", text, "bid or ask"))?;
        let price = self.price(row, Field::Price, "price")?;
        let qty = self.amount(row, Field::Amount, "amount")?;
        let depth = Depth { ts_event: template.ts_event, is_snapshot, ids };
        if self.out.len() == self.complete || self.depths.back() != Some(&depth) {
            self.end_message();
            self.depths.push_back(depth);
        }
        if self.out.len() - self.complete >= MAX_MESSAGE {
            return Err(DecodeError::TooMany { what: "rows of one update", limit: MAX_MESSAGE });
        }
        let flags = if is_snapshot { FLAG_SNAPSHOT } else { 0 };
        self.out.push(Event { kind: EventKind::BookSet, side, price, qty, flags, ..template });
        Ok(())
    }
}

/// The side of a trade, and which signs there were so far: 0 is none beside 1 and -1, and may be a sell beside 1 alone.
fn trade_side(text: &[u8], signs: &mut [bool; 3]) -> Result<i8, DecodeError> {
    if let Some(sign) = [&b"-1"[..], b"0", b"1"].iter().position(|sign| *sign == text) {
        signs[sign] = true;
        if *signs == [false, true, true] {
            let expected =
                "a side that is clear: there are 0 and 1 and no -1, so that 0 may be a sell or unknown";
            return Err(DecodeError::value("side", text, expected));
        }
    }
    side_of(text).ok_or_else(|| DecodeError::value("side", text, "buy, sell or unknown"))
}
