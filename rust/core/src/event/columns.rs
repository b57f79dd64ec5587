//! Events as columns: owned ([`EventColumns`]) and borrowed ([`View`]).
//!
//! A row is `ts_event, ts_recv, kind, side, flags, price, qty, id`; one column set belongs to one instrument.
//! Invariants of a checked view: all columns are equally long, `ts_recv` never decreases, kinds and sides are known
//! values, no quantity is negative, prices and quantities lie within ±2^60 and times within ±2^62. The price and
//! quantity columns may be 32 bits wide, which keeps a row within 32 bytes; readers go through [`Ints`] and do not
//! care.

use super::kind::{EventKind, FLAG_LAST, KindSet};
use tradecore_wide::{Wide, Work, widest};

use crate::types::{Level, STEPS_LIMIT, TIME_LIMIT, format_duration};

/// One event row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Venue's clock, ns UTC.
    pub ts_event: i64,
    /// Our clock when it was received, ns UTC.
    pub ts_recv: i64,
    /// What the row says.
    pub kind: EventKind,
    /// +1 buy or bid, -1 sell or ask, 0 none.
    pub side: i8,
    /// [`FLAG_LAST`], [`super::FLAG_SNAPSHOT`].
    pub flags: u8,
    /// Count of price increments (see [`EventKind`] for the exceptions).
    pub price: i64,
    /// Count of quantity increments.
    pub qty: i64,
    /// Venue's id of the row's message or trade, 0 when it has none.
    pub id: u64,
}

/// A borrowed integer column, 32 or 64 bits wide.
#[derive(Debug, Clone, Copy)]
pub enum Ints<'a> {
    /// 32-bit values.
    Narrow(&'a [i32]),
    /// 64-bit values.
    Wide(&'a [i64]),
}

impl Ints<'_> {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Narrow(v) => v.len(),
            Self::Wide(v) => v.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a row.
    #[inline(always)]
    pub fn get(&self, row: usize) -> i64 {
        match self {
            Self::Narrow(v) => i64::from(v[row]),
            Self::Wide(v) => v[row],
        }
    }

    fn rows(self, from: usize, to: usize) -> Self {
        match self {
            Self::Narrow(v) => Self::Narrow(&v[from..to]),
            Self::Wide(v) => Self::Wide(&v[from..to]),
        }
    }

    fn first_negative(&self) -> Option<usize> {
        // The fold keeps the common case branch-free.
        match self {
            Self::Narrow(v) if v.iter().fold(0, |acc, x| acc | x) < 0 => v.iter().position(|x| *x < 0),
            Self::Wide(v) if v.iter().fold(0, |acc, x| acc | x) < 0 => v.iter().position(|x| *x < 0),
            _ => None,
        }
    }

    fn first_beyond(&self, limit: i64) -> Option<usize> {
        match self {
            Self::Narrow(_) => None,
            Self::Wide(values) => first_beyond(values, limit),
        }
    }
}

/// Whether steps are a price that may enter a column of market data.
#[inline]
pub fn is_price(steps: i64) -> bool {
    (1..=STEPS_LIMIT).contains(&steps)
}

/// Whether steps are a quantity that may enter a column.
#[inline]
pub fn is_qty(steps: i64) -> bool {
    (0..=STEPS_LIMIT).contains(&steps)
}

/// The first value of a column beyond a limit on either side of zero; the limit is a power of two less one.
fn first_beyond(values: &[i64], limit: i64) -> Option<usize> {
    // What is within lies from 0 to twice the limit, once it is moved there: no bit above may show in any value.
    let reach = limit.unsigned_abs() + 1;
    let above = !(2 * reach - 1);
    let moved = |v: &i64| v.cast_unsigned().wrapping_add(reach);
    let found = values.iter().fold(0, |bits, v| bits | moved(v)) & above != 0;
    found.then(|| values.iter().position(|v| moved(v) & above != 0)).flatten()
}

/// Why a set of columns cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnsError {
    /// Columns differ in length.
    #[error("column {column} has {got} rows, expected {expected}")]
    Length {
        /// The column that differs.
        column: &'static str,
        /// Its length.
        got: usize,
        /// The length of `ts_recv`.
        expected: usize,
    },
    /// `ts_recv` decreases.
    #[error("row {row}: ts_recv {got} is before {previous}")]
    Unsorted {
        /// The first offending row.
        row: usize,
        /// Its time.
        got: i64,
        /// The time before it.
        previous: i64,
    },
    /// A venue's stamp that cannot be.
    #[error(
        "row {row}: stamped {ts_event} ns by the venue and received at {ts_recv} ns: once the clocks are set right it lies {} \
         behind its receipt",
        format_duration(*.behind_ns)
    )]
    Stamp {
        /// The first offending row.
        row: usize,
        /// The stamp, ns.
        ts_event: i64,
        /// The receipt, ns.
        ts_recv: i64,
        /// How far it is behind, ns.
        behind_ns: i64,
    },
    /// A value outside its column's vocabulary.
    #[error("row {row}: {column} {got} is not {expected}")]
    BadValue {
        /// The first offending row.
        row: usize,
        /// The column.
        column: &'static str,
        /// The value found.
        got: i64,
        /// What would have been right.
        expected: &'static str,
    },
}

impl ColumnsError {
    /// The same error of a row `by` rows further down.
    fn moved(mut self, by: usize) -> Self {
        match &mut self {
            Self::Unsorted { row, .. } | Self::BadValue { row, .. } | Self::Stamp { row, .. } => *row += by,
            Self::Length { .. } => {}
        }
        self
    }
}

/// Values of the kinds that must name a side.
const SIDED: [u8; KindSet::SIDED.bits().count_ones() as usize] = {
    let mut values = [0; KindSet::SIDED.bits().count_ones() as usize];
    let (mut value, mut at) = (0, 0);
    while at < values.len() {
        if KindSet::SIDED.has_column(value) {
            values[at] = value;
            at += 1;
        }
        value += 1;
    }
    values
};

/// Whether a kind must name a side: comparisons instead of a look into the set, because those are made for sixteen
/// rows at a time.
#[inline(always)]
fn needs_side(kind: u8) -> bool {
    SIDED.iter().fold(false, |found, value| found | (kind == *value))
}

/// What the receipt of a row is, where the one above does not end its message.
pub(super) const ONE_RECEIPT: &str =
    "that of the row above, which does not end its message: the last row of each needs the flag LAST, 1";

/// From each row to the next one.
#[derive(Clone, Copy)]
struct Steps<'a> {
    times: &'a [i64],
    flags: &'a [u8],
}

impl Steps<'_> {
    /// What differs between the receipts of both, all of it nothing where a message ends between them.
    #[inline(always)]
    fn bits(&self) -> impl Iterator<Item = i64> {
        let pairs = self.times.iter().zip(self.times.get(1..).unwrap_or_default());
        pairs
            .zip(self.flags)
            .map(|((before, after), flags)| (after ^ before) & (i64::from(flags & FLAG_LAST) - 1))
    }
}

impl Work for Steps<'_> {
    type Output = i64;

    #[inline(always)]
    fn run<V: Wide>(self) -> i64 {
        self.bits().fold(0, |all, bits| all | bits)
    }
}

/// Borrowed columns of one instrument.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Venue's clock, ns.
    pub ts_event: &'a [i64],
    /// Our clock, ns.
    pub ts_recv: &'a [i64],
    /// [`EventKind`] values.
    pub kind: &'a [u8],
    /// +1, -1 or 0.
    pub side: &'a [i8],
    /// Row flags.
    pub flags: &'a [u8],
    /// Prices.
    pub price: Ints<'a>,
    /// Quantities.
    pub qty: Ints<'a>,
    /// Ids; absent means all 0.
    pub id: Option<&'a [u64]>,
}

impl<'a> View<'a> {
    /// Rows `from..to`.
    #[inline]
    #[must_use]
    pub fn rows(self, from: usize, to: usize) -> View<'a> {
        View {
            ts_event: &self.ts_event[from..to],
            ts_recv: &self.ts_recv[from..to],
            kind: &self.kind[from..to],
            side: &self.side[from..to],
            flags: &self.flags[from..to],
            price: self.price.rows(from, to),
            qty: self.qty.rows(from, to),
            id: self.id.map(|ids| &ids[from..to]),
        }
    }
}

impl View<'_> {
    /// Number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.ts_recv.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ts_recv.is_empty()
    }

    /// The row behind the message that starts at `row` (the row after its [`FLAG_LAST`], or the end).
    #[inline]
    pub fn message_end(&self, row: usize) -> usize {
        // Eight flags at a time; a message holds some twenty rows.
        const LAST: u64 = u64::from_ne_bytes([FLAG_LAST; 8]);
        let rest = &self.flags[row..];
        let mut end = row;
        let (words, tail) = rest.as_chunks::<8>();
        for word in words {
            let found = u64::from_le_bytes(*word) & LAST;
            if found != 0 {
                return end + found.trailing_zeros() as usize / 8 + 1;
            }
            end += 8;
        }
        tail.iter().position(|f| f & FLAG_LAST != 0).map_or(self.flags.len(), |at| end + at + 1)
    }

    /// Where rows of a kind end, from a row on.
    #[inline]
    pub(crate) fn run_of(&self, kind: EventKind, from: usize, to: usize) -> usize {
        // Eight kinds at a time, as above.
        let (kinds, kind) = (&self.kind[from..to], kind as u8);
        let words = kinds.as_chunks::<8>().0.iter().take_while(|word| **word == [kind; 8]);
        let whole = 8 * words.count();
        from + whole + kinds[whole..].iter().take_while(|other| **other == kind).count()
    }

    /// Whether rows `from..to` are all levels.
    #[inline]
    pub fn are_levels(&self, from: usize, to: usize) -> bool {
        self.run_of(EventKind::BookSet, from, to) == to
    }

    /// Sum of the quantities of rows `from..to` of a kind.
    pub fn qty_of(&self, kind: EventKind, from: usize, to: usize) -> i64 {
        let rows = (from..to).filter(|row| self.kind[*row] == kind as u8);
        rows.fold(0, |sum, row| sum.saturating_add(self.qty.get(row)))
    }

    /// The row as a struct. The view must have been checked.
    pub fn event(&self, row: usize) -> Event {
        Event {
            ts_event: self.ts_event[row],
            ts_recv: self.ts_recv[row],
            kind: EventKind::from_column(self.kind[row]).unwrap_or(EventKind::BookClear),
            side: self.side[row],
            flags: self.flags[row],
            price: self.price.get(row),
            qty: self.qty.get(row),
            id: self.id.map_or(0, |ids| ids[row]),
        }
    }

    /// Checks the invariants named at the top of this module.
    ///
    /// # Errors
    /// [`ColumnsError`] naming the first row and value that breaks one.
    pub fn check(&self) -> Result<(), ColumnsError> {
        self.check_lengths()?;
        self.check_rows(0, self.len(), i64::MIN)
    }

    /// Checks that all columns are equally long.
    ///
    /// # Errors
    /// [`ColumnsError::Length`].
    pub fn check_lengths(&self) -> Result<(), ColumnsError> {
        let expected = self.len();
        for (column, got) in [
            ("ts_event", self.ts_event.len()),
            ("kind", self.kind.len()),
            ("side", self.side.len()),
            ("flags", self.flags.len()),
            ("price", self.price.len()),
            ("qty", self.qty.len()),
            ("id", self.id.map_or(expected, <[u64]>::len)),
        ] {
            if got != expected {
                return Err(ColumnsError::Length { column, got, expected });
            }
        }
        Ok(())
    }

    /// Checks rows `from..to` of columns of one length, the first of them against the `ts_recv` before it.
    ///
    /// # Errors
    /// [`ColumnsError`] naming the first row and value that breaks a rule.
    pub fn check_rows(&self, from: usize, to: usize, previous: i64) -> Result<(), ColumnsError> {
        if let Some(&got) = self.ts_recv[from..to].first()
            && got < previous
        {
            return Err(ColumnsError::Unsorted { row: from, got, previous });
        }
        self.rows(from, to).check_values().map_err(|error| error.moved(from))
    }

    fn check_values(&self) -> Result<(), ColumnsError> {
        // Each rule is first tried on the whole column without branches, then looked for row by row.
        let times = self.ts_recv;
        let back = times.iter().zip(times.get(1..).unwrap_or_default());
        if back.fold(0, |bad, (a, b)| bad | b.wrapping_sub(*a)) < 0
            && let Some(at) = times.windows(2).position(|w| w[1] < w[0])
        {
            let row = at + 1;
            return Err(ColumnsError::Unsorted { row, got: times[row], previous: times[at] });
        }
        if self.kind.iter().fold(0, |top, k| top.max(*k)) >= EventKind::COUNT {
            let row = self.kind.iter().position(|k| *k >= EventKind::COUNT).unwrap_or(0);
            return Err(ColumnsError::BadValue {
                row,
                column: "kind",
                got: i64::from(self.kind[row]),
                expected: "an event kind from 0 to 17",
            });
        }
        let bad_side = |(kind, side): (&u8, &i8)| {
            let unknown = side.wrapping_add(1) as u8 > 2;
            u8::from(unknown | (needs_side(*kind) & (*side == 0)))
        };
        if self.kind.iter().zip(self.side).fold(0, |bad, row| bad | bad_side(row)) != 0 {
            let row = self.kind.iter().zip(self.side).position(|row| bad_side(row) != 0).unwrap_or(0);
            return Err(ColumnsError::BadValue {
                row,
                column: "side",
                got: i64::from(self.side[row]),
                expected: "1 (buy, bid), -1 (sell, ask), or 0 for events without a side",
            });
        }
        let beyond = |column, row: Option<usize>, got: &dyn Fn(usize) -> i64, expected| match row {
            Some(row) => Err(ColumnsError::BadValue { row, column, got: got(row), expected }),
            None => Ok(()),
        };
        // Times of receipt are in order: where both ends are within, all are.
        let ends = [times.first(), times.last()].map(|time| time.copied().unwrap_or(0));
        let recv = first_beyond(&ends, TIME_LIMIT).and_then(|_| first_beyond(times, TIME_LIMIT));
        let event = first_beyond(self.ts_event, TIME_LIMIT);
        for (column, row, values) in [("ts_event", event, self.ts_event), ("ts_recv", recv, times)] {
            beyond(column, row, &|row| values[row], "a time before 2116")?;
        }
        for (column, values) in [("price", self.price), ("qty", self.qty)] {
            let row = values.first_beyond(STEPS_LIMIT);
            beyond(column, row, &|row| values.get(row), "within ±2^60")?;
        }
        beyond("qty", self.qty.first_negative(), &|row| self.qty.get(row), "zero or more")?;
        // Rates are negative at times.
        let below = |row: &usize| {
            let kind = EventKind::from_column(self.kind[*row]);
            self.price.get(*row) < 0 && kind.is_some_and(|kind| KindSet::ON_GRID.contains(kind))
        };
        let row = self.price.first_negative().and_then(|first| (first..self.len()).find(below));
        beyond("price", row, &|row| self.price.get(row), "zero or more")?;
        beyond("ts_recv", self.first_apart(), &|row| times[row], ONE_RECEIPT)
    }

    /// The first row that was received after the one above it, which is of the same message.
    fn first_apart(&self) -> Option<usize> {
        let steps = Steps { times: self.ts_recv, flags: self.flags };
        if widest(steps) == 0 {
            return None;
        }
        steps.bits().position(|bits| bits != 0).map(|at| at + 1)
    }
}

/// Something that holds event columns in memory for as long as it lives.
pub trait Columns: Send + Sync {
    /// The columns.
    fn view(&self) -> View<'_>;
}

/// Something that takes the events of messages.
pub trait EventSink {
    /// Takes an event.
    fn push(&mut self, event: Event);

    /// Takes a [`EventKind::BookSet`] like `template` for every bid, then for every ask.
    fn push_levels(&mut self, template: Event, bids: &[Level], asks: &[Level]);

    /// The newest event was the last of its message.
    fn end_message(&mut self);
}

/// Growable event columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventColumns {
    /// Venue's clock, ns.
    pub ts_event: Vec<i64>,
    /// Our clock, ns.
    pub ts_recv: Vec<i64>,
    /// [`EventKind`] values.
    pub kind: Vec<u8>,
    /// +1, -1 or 0.
    pub side: Vec<i8>,
    /// Row flags.
    pub flags: Vec<u8>,
    /// Prices.
    pub price: Vec<i64>,
    /// Quantities.
    pub qty: Vec<i64>,
    /// Ids.
    pub id: Vec<u64>,
}

impl EventColumns {
    /// No rows, with room for some.
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            ts_event: Vec::with_capacity(rows),
            ts_recv: Vec::with_capacity(rows),
            kind: Vec::with_capacity(rows),
            side: Vec::with_capacity(rows),
            flags: Vec::with_capacity(rows),
            price: Vec::with_capacity(rows),
            qty: Vec::with_capacity(rows),
            id: Vec::with_capacity(rows),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ts_recv.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ts_recv.is_empty()
    }

    /// Appends a row.
    #[inline]
    pub fn push(&mut self, event: Event) {
        self.ts_event.push(event.ts_event);
        self.ts_recv.push(event.ts_recv);
        self.kind.push(event.kind as u8);
        self.side.push(event.side);
        self.flags.push(event.flags);
        self.price.push(event.price);
        self.qty.push(event.qty);
        self.id.push(event.id);
    }

    /// Appends rows `from..to` of a view.
    pub fn push_rows(&mut self, view: &View<'_>, from: usize, to: usize) {
        self.ts_event.extend_from_slice(&view.ts_event[from..to]);
        self.ts_recv.extend_from_slice(&view.ts_recv[from..to]);
        self.kind.extend_from_slice(&view.kind[from..to]);
        self.side.extend_from_slice(&view.side[from..to]);
        self.flags.extend_from_slice(&view.flags[from..to]);
        for (column, values) in [(&mut self.price, view.price), (&mut self.qty, view.qty)] {
            match values {
                Ints::Narrow(values) => column.extend(values[from..to].iter().map(|value| i64::from(*value))),
                Ints::Wide(values) => column.extend_from_slice(&values[from..to]),
            }
        }
        match view.id {
            Some(ids) => self.id.extend_from_slice(&ids[from..to]),
            None => self.id.resize(self.id.len() + to - from, 0),
        }
    }

    /// Appends rows `from..to` of another set.
    pub fn extend_from(&mut self, other: &Self, from: usize, to: usize) {
        self.push_rows(&other.view(), from, to);
    }

    /// Drops the first `rows` rows.
    pub fn drop_front(&mut self, rows: usize) {
        self.ts_event.drain(..rows);
        self.ts_recv.drain(..rows);
        self.kind.drain(..rows);
        self.side.drain(..rows);
        self.flags.drain(..rows);
        self.price.drain(..rows);
        self.qty.drain(..rows);
        self.id.drain(..rows);
    }

    /// Marks the newest row as the last of its message.
    pub fn end_message(&mut self) {
        if let Some(flags) = self.flags.last_mut() {
            *flags |= FLAG_LAST;
        }
    }

    /// Drops all rows from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.ts_event.truncate(len);
        self.ts_recv.truncate(len);
        self.kind.truncate(len);
        self.side.truncate(len);
        self.flags.truncate(len);
        self.price.truncate(len);
        self.qty.truncate(len);
        self.id.truncate(len);
    }

    /// Drops all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }
}

impl EventSink for EventColumns {
    fn push(&mut self, event: Event) {
        Self::push(self, event);
    }

    fn push_levels(&mut self, template: Event, bids: &[Level], asks: &[Level]) {
        let rows = self.len() + bids.len() + asks.len();
        self.ts_event.resize(rows, template.ts_event);
        self.ts_recv.resize(rows, template.ts_recv);
        self.kind.resize(rows, template.kind as u8);
        self.side.resize(rows - asks.len(), 1);
        self.side.resize(rows, -1);
        self.flags.resize(rows, template.flags);
        self.price.extend(bids.iter().chain(asks).map(|level| level.price));
        self.qty.extend(bids.iter().chain(asks).map(|level| level.qty));
        self.id.resize(rows, template.id);
    }

    fn end_message(&mut self) {
        Self::end_message(self);
    }
}

impl Columns for EventColumns {
    fn view(&self) -> View<'_> {
        View {
            ts_event: &self.ts_event,
            ts_recv: &self.ts_recv,
            kind: &self.kind,
            side: &self.side,
            flags: &self.flags,
            price: Ints::Wide(&self.price),
            qty: Ints::Wide(&self.qty),
            id: Some(&self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ts: i64, kind: EventKind, side: i8, qty: i64) -> Event {
        Event { ts_event: ts, ts_recv: ts, kind, side, flags: FLAG_LAST, price: 100, qty, id: 0 }
    }

    fn columns(events: &[Event]) -> EventColumns {
        let mut columns = EventColumns::default();
        for e in events {
            columns.push(*e);
        }
        columns
    }

    #[test]
    fn a_sound_set_passes_and_names_its_rows() {
        let set = columns(&[
            event(1, EventKind::BookSet, 1, 5),
            event(1, EventKind::Trade, 0, 5),
            event(2, EventKind::BookClear, 0, 0),
        ]);
        set.view().check().unwrap();
        assert_eq!(set.view().event(1).kind, EventKind::Trade);
        assert_eq!(set.view().message_end(0), 1);
    }

    #[test]
    fn each_broken_rule_names_row_and_value() {
        let unsorted = columns(&[event(2, EventKind::Trade, 1, 5), event(1, EventKind::Trade, 1, 5)]);
        assert_eq!(unsorted.view().check().unwrap_err().to_string(), "row 1: ts_recv 1 is before 2");
        let negative = columns(&[event(1, EventKind::Trade, 1, 5), event(1, EventKind::Trade, 1, -5)]);
        assert!(negative.view().check().unwrap_err().to_string().starts_with("row 1: qty -5"));
        let sideless = columns(&[event(1, EventKind::BookSet, 0, 5)]);
        assert!(sideless.view().check().unwrap_err().to_string().starts_with("row 0: side 0"));
        let mut timeless = columns(&[event(1, EventKind::Trade, 1, 5); 2]);
        timeless.ts_event[1] = i64::MIN;
        let error = timeless.view().check().unwrap_err().to_string();
        assert!(error.starts_with("row 1: ts_event -9223372036854775808 is not a time"), "{error}");
        for (row, time) in [(0, -TIME_LIMIT - 2), (1, TIME_LIMIT + 1)] {
            let mut timeless = columns(&[event(1, EventKind::Trade, 1, 5); 2]);
            timeless.ts_recv[row] = time;
            let error = timeless.view().check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("row {row}: ts_recv {time} is not a time")), "{error}");
        }
        let mut huge = columns(&[event(1, EventKind::Trade, 1, 5)]);
        huge.qty[0] = 1 << 60;
        assert!(huge.view().check().unwrap_err().to_string().starts_with("row 0: qty 1152921504606846976"));
        for kind in KindSet::ALL.iter() {
            let mut low = columns(&[event(1, EventKind::Trade, 1, 5), event(1, kind, 1, 5)]);
            low.price[1] = -3;
            let error = low.view().check().err().map(|error| error.to_string());
            let told =
                KindSet::ON_GRID.contains(kind).then(|| "row 1: price -3 is not zero or more".to_owned());
            assert_eq!(error, told, "{kind:?}");
        }
        let mut endless = columns(&[1, 1, 2, 2].map(|ts| event(ts, EventKind::Trade, 1, 5)));
        endless.flags = vec![0, FLAG_LAST, 0, FLAG_LAST];
        endless.view().check().unwrap();
        endless.flags = vec![0, 0, 0, FLAG_LAST];
        let error = endless.view().check().unwrap_err().to_string();
        assert!(
            error.starts_with("row 2: ts_recv 2 is not that of the row above, which does not end"),
            "{error}"
        );
        let mut unknown = columns(&[event(1, EventKind::Trade, 1, 5)]);
        unknown.kind[0] = 200;
        assert!(unknown.view().check().unwrap_err().to_string().starts_with("row 0: kind 200"));
        for kind in KindSet::ALL.iter() {
            let sideless = columns(&[event(1, EventKind::BookSet, 1, 5), event(1, kind, 0, 5)]);
            let wants = KindSet::SIDED.contains(kind).then(|| "row 1: side 0 is not".to_owned());
            let error = sideless.view().check().err().map(|e| e.to_string()[..20].to_owned());
            assert_eq!(error, wants, "{kind:?}");
        }
        let mut short = columns(&[event(1, EventKind::Trade, 1, 5)]);
        short.price.clear();
        assert!(matches!(short.view().check(), Err(ColumnsError::Length { column: "price", .. })));
    }
}
