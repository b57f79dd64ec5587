//! hftbacktest event arrays: the columns of its `.npz` files, taken in pieces of any size.
//!
//! Only rows flagged as local events are taken: rows that appear a second time for the exchange side carry nothing
//! new. A clear names a side and the price up to which it clears; it becomes removals of exactly those levels.
//! Rows of one (exchange, local) time and one class form a message; in arrays that were exported here `ival` says where
//! messages end (see [`HFT_OWN`]), so that several of one time stay apart. Flags and kinds are those of version 2 of the
//! format: depth 1, trade 2, depth clear 3, depth snapshot 4, best bid/offer 5; bits 31 exchange, 30 local, 29 buy,
//! 28 sell. Order-level kinds (10 and up) are refused, best bid/offer rows are left out.

use std::sync::Arc;

use super::error::{DecodeError, PlacedError};
use super::parse::{check_apart, epoch_ns};
use crate::book::L2Book;
use crate::event::{Event, EventColumns, EventKind, FLAG_LAST, FLAG_SNAPSHOT, TIME_LIMIT, is_qty};
use crate::types::{Increment, Instrument, Side};

/// Bit of `ival` that marks a row as exported here; the bits below are the row's flags ([`FLAG_LAST`], [`FLAG_SNAPSHOT`]).
/// hftbacktest leaves the field to whoever makes an array, and makes it 0 itself.
pub const HFT_OWN: i64 = 4;

const LOCAL: u64 = 1 << 30;
const BUY: u64 = 1 << 29;
const SELL: u64 = 1 << 28;

/// Most rows of one message, and most that wait for the times of one behind them.
const MAX_ROWS: usize = 1 << 19;

/// Borrowed columns of a piece of an event array; all of one length.
#[derive(Debug, Clone, Copy)]
pub struct HftRows<'a> {
    /// Kind and flags.
    pub ev: &'a [u64],
    /// Exchange time in s, ms, us or ns, told by its size; of rows exported here in ns.
    pub exch_ts: &'a [i64],
    /// Local time, in the same way.
    pub local_ts: &'a [i64],
    /// Prices.
    pub px: &'a [f64],
    /// Quantities.
    pub qty: &'a [f64],
    /// Ids of orders or trades, 0 for none.
    pub order_id: &'a [u64],
    /// What whoever made the array put there.
    pub ival: &'a [i64],
}

/// A row without its times.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// From 1.
    number: u64,
    ev: u64,
    px: f64,
    qty: f64,
    id: u64,
    ival: i64,
}

impl Row {
    /// The flags it was exported with, if it was exported here.
    fn own_flags(&self) -> Option<u8> {
        let flags = self.ival.checked_sub(HFT_OWN)?;
        u8::try_from(flags).ok().filter(|flags| flags & !(FLAG_LAST | FLAG_SNAPSHOT) == 0)
    }
}

/// Turns an event array into events piece by piece.
#[derive(Debug)]
pub struct HftDecoder {
    source_name: String,
    instrument: Arc<Instrument>,
    book: L2Book,
    out: EventColumns,
    /// Rows of `out` that belong to complete messages.
    complete: usize,
    /// Local time, exchange time and class of the message under construction.
    message: (i64, i64, u8),
    /// Rows read.
    rows: u64,
    /// Trades without price or quantity, which are none.
    empty_trades: u64,
    /// Rows that take the times of the next one that has some.
    untimed: Vec<Row>,
}

impl HftDecoder {
    /// A decoder at the beginning of an array, which errors call by this name.
    pub fn new(source_name: String, instrument: Arc<Instrument>) -> Self {
        Self {
            source_name,
            instrument,
            book: L2Book::new(),
            out: EventColumns::default(),
            complete: 0,
            message: (i64::MIN, i64::MIN, 0),
            rows: 0,
            empty_trades: 0,
            untimed: Vec::new(),
        }
    }

    /// Takes the next rows.
    ///
    /// # Errors
    /// [`PlacedError`] naming the row (from 1) as a line.
    pub fn push(&mut self, rows: HftRows<'_>) -> Result<(), PlacedError> {
        for at in 0..rows.ev.len() {
            self.rows += 1;
            let (ev, px, qty) = (rows.ev[at], rows.px[at], rows.qty[at]);
            let row = Row { number: self.rows, ev, px, qty, id: rows.order_id[at], ival: rows.ival[at] };
            if rows.local_ts[at] != 0 {
                self.timed(Some(row), rows.exch_ts[at], rows.local_ts[at])?;
            } else if row.ev & LOCAL != 0 {
                if self.untimed.len() == MAX_ROWS {
                    let error = DecodeError::TooMany { what: "rows without a time", limit: MAX_ROWS };
                    return Err(self.placed(row.number, error));
                }
                self.untimed.push(row);
            }
        }
        Ok(())
    }

    /// The array has ended.
    ///
    /// # Errors
    /// [`PlacedError`] naming a row that no time was found for.
    pub fn finish(&mut self) -> Result<(), PlacedError> {
        self.timed(None, 0, 0)?;
        self.end_message();
        Ok(())
    }

    /// The events of the messages that are complete and were not taken yet.
    pub fn take(&mut self) -> EventColumns {
        let mut rest = EventColumns::default();
        rest.extend_from(&self.out, self.complete, self.out.len());
        let mut taken = std::mem::replace(&mut self.out, rest);
        taken.truncate(self.complete);
        self.complete = 0;
        taken
    }

    /// Trades without price or quantity so far, which are none.
    pub fn empty_trades(&self) -> u64 {
        self.empty_trades
    }

    fn placed(&self, row: u64, error: DecodeError) -> PlacedError {
        PlacedError { source_name: self.source_name.clone(), line: row, error }
    }

    fn end_message(&mut self) {
        self.out.end_message();
        self.complete = self.out.len();
    }

    /// Takes a row, and before it those that waited for its times. Snapshots that hftbacktest makes have none.
    fn timed(&mut self, row: Option<Row>, exch_ts: i64, local_ts: i64) -> Result<(), PlacedError> {
        let waiting = std::mem::take(&mut self.untimed);
        for row in waiting.into_iter().chain(row).filter(|row| row.ev & LOCAL != 0) {
            self.row(row, exch_ts, local_ts).map_err(|error| self.placed(row.number, error))?;
        }
        Ok(())
    }

    fn row(&mut self, row: Row, exch_ts: i64, local_ts: i64) -> Result<(), DecodeError> {
        // What was exported here is in ns, whatever its size.
        let own = row.own_flags();
        let time = |field, time: i64| {
            let ns = match u64::try_from(time) {
                Ok(1..) if own.is_some() => Some(time).filter(|ns| *ns <= TIME_LIMIT),
                Ok(value @ 1..) => epoch_ns(value),
                _ => None,
            };
            let expected = "a time in s, ms, us or ns before 2116";
            ns.ok_or_else(|| DecodeError::value(field, time.to_string().as_bytes(), expected))
        };
        let (ts_event, ts_recv) = (time("exch_ts", exch_ts)?, time("local_ts", local_ts)?);
        let cure = "local_ts and exch_ts count s, ms, us or ns since 1970, UTC";
        check_apart("row", cure, ts_recv, ts_event)?;
        let side = match (row.ev & BUY != 0, row.ev & SELL != 0) {
            (true, false) => Some(Side::Buy),
            (false, true) => Some(Side::Sell),
            _ => None,
        };
        let previous = self.message.0;
        if ts_recv < previous {
            return Err(DecodeError::Unsorted { field: "local_ts", got: ts_recv, previous });
        }
        let kind = row.ev & 0xff;
        let message = (ts_recv, ts_event, u8::from(kind == 2));
        // Of what was exported here the flags tell, but not that something was received before it was.
        if message != self.message && (own.is_none() || ts_recv != previous) {
            self.end_message();
        }
        self.message = message;
        if self.out.len() - self.complete >= MAX_ROWS {
            return Err(DecodeError::TooMany { what: "rows of one time", limit: MAX_ROWS });
        }
        let template = Event {
            ts_event,
            ts_recv,
            kind: EventKind::BookSet,
            side: side.map_or(0, |s| s as i8),
            flags: own.unwrap_or(0) & FLAG_SNAPSHOT,
            price: 0,
            qty: 0,
            id: row.id,
        };
        let steps = |field, grid: Increment, value: f64| {
            let steps = grid.steps_from_f64(value).map_err(|e| DecodeError::decimal(field, &e))?;
            if !is_qty(steps) {
                let expected = "zero or more and below 2^60 steps";
                return Err(DecodeError::value(field, value.to_string().as_bytes(), expected));
            }
            Ok(steps)
        };
        let price = || steps("px", self.instrument.price_increment, row.px);
        let qty = || steps("qty", self.instrument.qty_increment, row.qty);
        let need_side = || side.ok_or(DecodeError::Missing { message: "depth event", field: "side" });
        match kind {
            1 | 4 => {
                let (side, price, qty) = (need_side()?, price()?, qty()?);
                let flags = if kind == 4 { FLAG_SNAPSHOT } else { template.flags };
                self.book.set(side, price, qty);
                self.out.push(Event { flags, price, qty, ..template });
            }
            2 => {
                let (price, qty) = (price()?, qty()?);
                if qty > 0 && price > 0 {
                    self.out.push(Event { kind: EventKind::Trade, price, qty, ..template });
                } else {
                    self.empty_trades += 1;
                }
            }
            3 => match side {
                None => {
                    self.book.clear();
                    let flags = if own.is_some() { template.flags } else { FLAG_SNAPSHOT };
                    self.out.push(Event { kind: EventKind::BookClear, flags, ..template });
                }
                Some(side) => {
                    // Without a price the whole side is cleared.
                    let limit = if row.px.is_finite() { Some(price()?) } else { None };
                    let gone: Vec<i64> = match limit {
                        Some(limit) => self.book.through(side, limit).collect(),
                        None => self.book.iter(side).map(|level| level.price).collect(),
                    };
                    for price in gone {
                        self.book.set(side, price, 0);
                        self.out.push(Event { flags: FLAG_SNAPSHOT, price, ..template });
                    }
                }
            },
            5 => {}
            other => {
                return Err(DecodeError::Value {
                    field: "ev",
                    problem: format!("event kind {other} is not depth, trade, clear or snapshot"),
                });
            }
        }
        if own.is_some_and(|flags| flags & FLAG_LAST != 0) {
            self.end_message();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Columns as _, FLAG_LAST};
    use crate::types::instrument::tests::linear;

    const BOTH: u64 = LOCAL | 1 << 31;

    fn decode(rows: &[(u64, i64, f64, f64)]) -> Result<EventColumns, PlacedError> {
        let ev: Vec<u64> = rows.iter().map(|r| r.0).collect();
        let ts: Vec<i64> = rows.iter().map(|r| r.1).collect();
        let px: Vec<f64> = rows.iter().map(|r| r.2).collect();
        let qty: Vec<f64> = rows.iter().map(|r| r.3).collect();
        let at_once = pieces(&ev, &ts, &px, &qty, rows.len().max(1));
        // In whatever pieces they come, it is the same.
        assert_eq!(pieces(&ev, &ts, &px, &qty, 1), at_once);
        at_once
    }

    fn pieces(
        ev: &[u64],
        ts: &[i64],
        px: &[f64],
        qty: &[f64],
        size: usize,
    ) -> Result<EventColumns, PlacedError> {
        let mut decoder = HftDecoder::new("a.npz".into(), Arc::new(linear()));
        let mut out = EventColumns::default();
        for start in (0..ev.len()).step_by(size) {
            let rows = start..ev.len().min(start + size);
            let (ts, px, qty) = (&ts[rows.clone()], &px[rows.clone()], &qty[rows.clone()]);
            let (order_id, ival) = (&vec![0; rows.len()][..], &vec![0; rows.len()][..]);
            decoder.push(HftRows { ev: &ev[rows], exch_ts: ts, local_ts: ts, px, qty, order_id, ival })?;
            let taken = decoder.take();
            assert!(taken.flags.last().is_none_or(|flags| flags & FLAG_LAST != 0), "whole messages");
            out.extend_from(&taken, 0, taken.len());
        }
        decoder.finish()?;
        let taken = decoder.take();
        out.extend_from(&taken, 0, taken.len());
        Ok(out)
    }

    #[test]
    fn a_trade_of_nothing_is_none_and_counted() {
        let rows = |qty| {
            [
                (BOTH | BUY | 4, 5, 100.0, 1.0),
                (BOTH | SELL | 2, 6, 100.0, qty),
                (BOTH | BUY | 1, 7, 99.0, 1.0),
            ]
        };
        assert_eq!(decode(&rows(2.0)).unwrap().kind, [1, 2, 1]);
        let left = decode(&rows(0.0)).unwrap();
        assert_eq!((left.kind, left.flags), (vec![1, 1], vec![FLAG_SNAPSHOT | FLAG_LAST, FLAG_LAST]));
    }

    #[test]
    fn rows_that_wait_and_rows_of_one_time_have_a_limit() {
        let rows = vec![(BOTH | BUY | 4, 0, 100.0, 1.0); MAX_ROWS + 1];
        let [timeless, alike] = [0, 5].map(|ts| {
            let column = |value| vec![value; rows.len()];
            let ev: Vec<u64> = rows.iter().map(|row| row.0).collect();
            pieces(&ev, &vec![ts; rows.len()], &column(100.0), &column(1.0), 1 << 16).unwrap_err().to_string()
        });
        assert_eq!(timeless, "a.npz:524289: more than 524288 rows without a time");
        assert_eq!(alike, "a.npz:524289: more than 524288 rows of one time");
    }

    #[test]
    fn rows_that_were_exported_here_keep_their_messages_flags_and_ids() {
        let rows: [(u64, f64, f64, u64, i64); 6] = [
            (BOTH | 3, 0.0, 0.0, 0, HFT_OWN | 1),
            (BOTH | 3, 0.0, 0.0, 0, HFT_OWN | 2),
            (BOTH | BUY | 4, 100.0, 1.0, 0, HFT_OWN | 2),
            (BOTH | BUY | 2, 100.0, 1.0, 77, HFT_OWN | 3),
            (BOTH | BUY | 1, 99.0, 1.0, 0, HFT_OWN | 1),
            // Neither has been exported here.
            (BOTH | BUY | 1, 98.0, 1.0, 0, HFT_OWN | 8),
        ];
        let mut decoder = HftDecoder::new("a.npz".into(), Arc::new(linear()));
        let ts = [5; 6];
        decoder
            .push(HftRows {
                ev: &rows.map(|row| row.0),
                exch_ts: &ts,
                local_ts: &ts,
                px: &rows.map(|row| row.1),
                qty: &rows.map(|row| row.2),
                order_id: &rows.map(|row| row.3),
                ival: &rows.map(|row| row.4),
            })
            .unwrap();
        decoder.finish().unwrap();
        let out = decoder.take();
        assert_eq!(out.kind, [0, 0, 1, 2, 1, 1]);
        assert_eq!(out.flags, [1, 2, 2, 3, 1, 1]);
        assert_eq!(out.id, [0, 0, 0, 77, 0, 0]);
    }

    #[test]
    fn a_clear_without_a_price_removes_the_side() {
        let out = decode(&[
            (BOTH | BUY | 4, 1, 100.0, 1.0),
            (BOTH | BUY | 4, 1, 99.0, 1.0),
            (BOTH | SELL | 4, 1, 101.0, 1.0),
            (BOTH | BUY | 3, 2, f64::NAN, 0.0),
        ])
        .unwrap();
        let mut book = L2Book::new();
        book.apply(&out.view(), 0, out.len());
        assert_eq!((book.levels(Side::Buy), book.levels(Side::Sell)), (0, 1));
    }

    #[test]
    fn a_snapshot_without_times_takes_the_next_rows() {
        let out = decode(&[
            (BOTH | BUY | 4, 0, 100.0, 1.0),
            (BOTH | SELL | 4, 0, 101.0, 1.0),
            (BOTH | BUY | 1, 1_700_000_000_000_000_000, 100.0, 2.0),
        ])
        .unwrap();
        assert_eq!(out.ts_recv, [1_700_000_000_000_000_000; 3]);
        assert_eq!(out.ts_event, out.ts_recv);
        let error = decode(&[(BOTH | BUY | 1, 0, 100.0, 1.0)]).unwrap_err().to_string();
        assert!(error.contains("a.npz:1: exch_ts") && error.contains("is not a time"), "{error}");
    }

    #[test]
    fn a_clear_removes_levels_up_to_its_price() {
        let out = decode(&[
            (BOTH | BUY | 4, 1, 100.0, 1.0),
            (BOTH | BUY | 4, 1, 99.0, 1.0),
            (BOTH | BUY | 4, 1, 90.0, 1.0),
            (BOTH | BUY | 3, 2, 95.0, 0.0),
            (BOTH | SELL | 2, 2, 99.5, 0.5),
            (1 << 31 | BUY | 1, 3, 80.0, 1.0),
        ])
        .unwrap();
        let mut book = L2Book::new();
        book.apply(&out.view(), 0, out.len());
        assert_eq!((book.best_bid(), book.levels(Side::Buy)), (Some(900), 1));
        assert_eq!(out.kind.last(), Some(&(EventKind::Trade as u8)));
        let ends = out.flags.iter().filter(|f| *f & FLAG_LAST != 0).count();
        assert_eq!(ends, 3, "snapshot, clear, trade");
    }

    #[test]
    fn rows_that_cannot_be_taken_are_named() {
        let error = decode(&[(BOTH | BUY | 1, 1, 100.0, 1.0), (BOTH | BUY | 1, 2, 100.05, 1.0)]).unwrap_err();
        assert_eq!(error.to_string(), "a.npz:2: px: 100.05 is not a multiple of 0.1");
        assert!(decode(&[(BOTH | BUY | 0x0a, 1, 1.0, 1.0)]).unwrap_err().to_string().contains("kind 10"));
        let back = [(BOTH | BUY | 1, 2, 1.0, 1.0), (BOTH | BUY | 1, 1, 1.0, 1.0)];
        assert!(decode(&back).unwrap_err().to_string().contains("not sorted"));
        assert!(decode(&[(BOTH | BUY | 1, 1, f64::NAN, 1.0)]).is_err());
    }
}
