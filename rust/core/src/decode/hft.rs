//! hftbacktest event arrays: the columns of its `.npz` files.
//!
//! Only rows flagged as local events are taken: rows that appear a second time for the exchange side carry nothing
//! new. A clear names a side and the price up to which it clears; it becomes removals of exactly those levels.
//! Rows of one (exchange, local) time and one class form a message. Flags and kinds are those of version 2 of the
//! format: depth 1, trade 2, depth clear 3, depth snapshot 4, best bid/offer 5; bits 31 exchange, 30 local, 29 buy,
//! 28 sell. Order-level kinds (10 and up) are refused, best bid/offer rows are left out.

use super::error::{DecodeError, PlacedError};
use crate::book::L2Book;
use crate::event::{Event, EventColumns, EventKind, FLAG_SNAPSHOT, TIME_LIMIT, is_qty};
use crate::types::{Increment, Instrument, Side};

const LOCAL: u64 = 1 << 30;
const BUY: u64 = 1 << 29;
const SELL: u64 = 1 << 28;

/// Borrowed columns of an event array; all of one length.
#[derive(Debug, Clone, Copy)]
pub struct HftRows<'a> {
    /// Kind and flags.
    pub ev: &'a [u64],
    /// Exchange time, ns.
    pub exch_ts: &'a [i64],
    /// Local time, ns.
    pub local_ts: &'a [i64],
    /// Prices.
    pub px: &'a [f64],
    /// Quantities.
    pub qty: &'a [f64],
}

impl HftRows<'_> {
    /// The rows as events of an instrument.
    ///
    /// # Errors
    /// [`PlacedError`] naming the row (from 1) as a line.
    pub fn decode(&self, source_name: String, instrument: &Instrument) -> Result<EventColumns, PlacedError> {
        let mut out = EventColumns::default();
        let mut book = L2Book::new();
        let mut last = (i64::MIN, i64::MIN, 0u8);
        for row in 0..self.ev.len() {
            if self.ev[row] & LOCAL != 0
                && let Err(error) = self.row(row, instrument, &mut book, &mut out, &mut last)
            {
                return Err(PlacedError { source_name, line: row as u64 + 1, error });
            }
        }
        out.end_message();
        Ok(out)
    }

    /// Exchange and local time of a row. Snapshots that hftbacktest makes have none: they take the next row's.
    fn times(&self, row: usize) -> Result<(i64, i64), DecodeError> {
        let place = (row..self.ev.len()).find(|at| self.local_ts[*at] != 0).unwrap_or(row);
        let times = (self.exch_ts[place], self.local_ts[place]);
        for (field, time) in [("exch_ts", times.0), ("local_ts", times.1)] {
            if time <= 0 || time > TIME_LIMIT {
                return Err(DecodeError::value(
                    field,
                    time.to_string().as_bytes(),
                    "a time in ns before 2116",
                ));
            }
        }
        Ok(times)
    }

    fn row(
        &self,
        row: usize,
        instrument: &Instrument,
        book: &mut L2Book,
        out: &mut EventColumns,
        last: &mut (i64, i64, u8),
    ) -> Result<(), DecodeError> {
        let ev = self.ev[row];
        let side = match (ev & BUY != 0, ev & SELL != 0) {
            (true, false) => Some(Side::Buy),
            (false, true) => Some(Side::Sell),
            _ => None,
        };
        let (ts_event, ts_recv) = self.times(row)?;
        if ts_recv < last.0 {
            return Err(DecodeError::Unsorted { field: "local_ts", got: ts_recv, previous: last.0 });
        }
        let kind = ev & 0xff;
        let class = u8::from(kind == 2);
        if (ts_recv, ts_event, class) != *last {
            out.end_message();
            *last = (ts_recv, ts_event, class);
        }
        let template = Event {
            ts_event,
            ts_recv,
            kind: EventKind::BookSet,
            side: side.map_or(0, |s| s as i8),
            flags: 0,
            price: 0,
            qty: 0,
            id: 0,
        };
        let steps = |field, grid: Increment, value: f64| {
            let steps = grid.steps_from_f64(value).map_err(|e| DecodeError::decimal(field, &e))?;
            if !is_qty(steps) {
                let expected = "zero or more and below 2^60 steps";
                return Err(DecodeError::value(field, value.to_string().as_bytes(), expected));
            }
            Ok(steps)
        };
        let need_side = || side.ok_or(DecodeError::Missing { message: "depth event", field: "side" });
        match kind {
            1 | 4 => {
                let side = need_side()?;
                let price = steps("px", instrument.price_increment, self.px[row])?;
                let qty = steps("qty", instrument.qty_increment, self.qty[row])?;
                let flags = if kind == 4 { FLAG_SNAPSHOT } else { 0 };
                book.set(side, price, qty);
                out.push(Event { flags, price, qty, ..template });
            }
            2 => {
                let price = steps("px", instrument.price_increment, self.px[row])?;
                let qty = steps("qty", instrument.qty_increment, self.qty[row])?;
                out.push(Event { kind: EventKind::Trade, price, qty, ..template });
            }
            3 => match side {
                None => {
                    book.clear();
                    out.push(Event { kind: EventKind::BookClear, flags: FLAG_SNAPSHOT, ..template });
                }
                Some(side) => {
                    // Without a price the whole side is cleared.
                    let price = Some(self.px[row]).filter(|px| px.is_finite());
                    let limit = price.map(|px| steps("px", instrument.price_increment, px)).transpose()?;
                    let gone: Vec<i64> = book
                        .iter(side)
                        .map(|l| l.price)
                        .take_while(|p| limit.is_none_or(|limit| (p - limit) * side.sign() >= 0))
                        .collect();
                    for price in gone {
                        book.set(side, price, 0);
                        out.push(Event { flags: FLAG_SNAPSHOT, price, ..template });
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
        HftRows { ev: &ev, exch_ts: &ts, local_ts: &ts, px: &px, qty: &qty }.decode("a.npz".into(), &linear())
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
