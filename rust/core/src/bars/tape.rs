//! Bars of whole columns of trades, as arrays hold them.

use super::builder::{Bar, BarsError, Builder, Tick};
use super::floats::BarFloats;
use super::spec::BarSpec;

/// Columns of trades in the order they were received.
#[derive(Debug, Clone, Copy)]
pub struct Tape<'a> {
    /// Venue's clock, ns.
    pub ts_event: &'a [i64],
    /// Our clock, ns; without it nothing is closed by our clock, and what happened is known at once.
    pub ts_recv: Option<&'a [i64]>,
    /// Prices.
    pub price: &'a [f64],
    /// Quantities; of quotes there are none.
    pub qty: Option<&'a [f64]>,
    /// Aggressors: 1 buy, -1 sell, 0 unknown.
    pub side: Option<&'a [i8]>,
}

/// Why columns make no bars.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TapeError {
    /// Columns differ in length.
    #[error("{name} has {rows} rows, ts {expected}")]
    Length {
        /// The column.
        name: &'static str,
        /// Its rows.
        rows: usize,
        /// Those of the times.
        expected: usize,
    },
    /// A value is out of its range.
    #[error("{name} {value}: expected {expected}")]
    Value {
        /// Where it is, from 0.
        row: usize,
        /// The column.
        name: &'static str,
        /// The value.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// The bars are too small for the data.
    #[error(transparent)]
    BarsError(#[from] BarsError),
}

/// Bars as columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BarColumns {
    /// `ts_open, ts_close, ts_available`, ns.
    pub stamps: [Vec<i64>; 3],
    /// Numbers in the order of [`BarFloats::NAMES`].
    pub numbers: [Vec<f64>; 9],
    /// Numbers of trades.
    pub trades: Vec<u32>,
    /// How often late trades had changed each.
    pub revision: Vec<u32>,
    /// Whether the data ended before it was finished.
    pub is_partial: Vec<bool>,
    /// Late trades.
    pub late: u64,
}

impl BarColumns {
    /// Adds a bar.
    #[inline]
    pub fn push(&mut self, bar: &Bar<f64>) {
        let stamps = [bar.ts_open, bar.ts_close, bar.ts_available];
        for (column, stamp) in self.stamps.iter_mut().zip(stamps) {
            column.push(stamp);
        }
        let numbers: BarFloats = bar.to_floats();
        for (column, number) in self.numbers.iter_mut().zip(numbers.values()) {
            column.push(number);
        }
        self.trades.push(bar.trades);
        self.revision.push(bar.revision);
        self.is_partial.push(bar.is_partial);
    }
}

/// What a price may be.
const PRICES: &str = "a finite number above zero";
/// What a quantity may be.
const QUANTITIES: &str = "a finite number of zero or more";

/// Whether a number is a price.
#[inline(always)]
pub fn is_price(price: f64) -> bool {
    price > 0.0 && price < f64::INFINITY
}

/// Whether a number is a quantity.
#[inline(always)]
pub fn is_qty(qty: f64) -> bool {
    (0.0..f64::INFINITY).contains(&qty)
}

impl Tape<'_> {
    /// The bars of these trades; the last one, which nothing finished, if `partial`.
    ///
    /// # Errors
    /// [`TapeError`].
    pub fn bars(&self, spec: &BarSpec, partial: bool) -> Result<BarColumns, TapeError> {
        let expected = self.ts_event.len();
        let lengths = [
            ("ts_recv", self.ts_recv.map(<[i64]>::len)),
            ("price", Some(self.price.len())),
            ("qty", self.qty.map(<[f64]>::len)),
            ("side", self.side.map(<[i8]>::len)),
        ];
        for (name, rows) in lengths {
            if let Some(rows) = rows.filter(|rows| *rows != expected) {
                return Err(TapeError::Length { name, rows, expected });
            }
        }
        let rule = spec.rule_of_floats();
        let mut builder = match self.ts_recv {
            Some(_) => Builder::new(rule),
            None => Builder::without_clock(rule),
        };
        let mut columns = BarColumns::default();
        let mut out = |bar: &Bar<f64>| columns.push(bar);
        let mut known = i64::MIN;
        let rows = self.ts_event.iter().zip(self.price).enumerate();
        let ticks = rows.map(|(row, (&ts_event, &price))| {
            let qty = self.qty.map_or(0.0, |qty| qty[row]);
            let side = self.side.map_or(0, |side| side[row]);
            if !(is_price(price) && is_qty(qty)) {
                return Err(bad_row(row, price, qty));
            }
            known = known.max(self.ts_recv.map_or(ts_event, |ts_recv| ts_recv[row]));
            Ok(Tick { ts_event, clock: known, price, qty, side })
        });
        builder.push_all(ticks, &mut out)?;
        builder.flush(&mut |bar| {
            if partial || !bar.is_partial {
                out(bar);
            }
        })?;
        columns.late = builder.late();
        Ok(columns)
    }
}

#[cold]
fn bad_row(row: usize, price: f64, qty: f64) -> TapeError {
    if is_price(price) {
        TapeError::Value { row, name: "qty", value: qty, expected: QUANTITIES }
    } else {
        TapeError::Value { row, name: "price", value: price, expected: PRICES }
    }
}
