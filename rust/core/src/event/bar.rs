//! Bars as venues publish them (klines), in event columns.
//!
//! A bar is two messages. The first is a lone [`EventKind::BarOpen`] when it begins: there the market opens. The second
//! comes when it is over: [`EventKind::BarHigh`], [`EventKind::BarLow`], [`EventKind::BarOpen`] again, stamped with its
//! begin, and [`EventKind::BarClose`]. So nothing but its first price is known before it is over.

use super::columns::{Event, EventSink, View, is_price, is_qty};
use super::kind::{EventKind, FLAG_LAST};
use crate::types::TIME_LIMIT;

/// A bar that the venue published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VenueBar {
    /// When it began, venue's clock, ns.
    pub ts_open: i64,
    /// Its end, where the next one begins; venue's clock, ns.
    pub ts_close: i64,
    /// Our clock when it was received, ns.
    pub ts_recv: i64,
    /// First price, in price increments.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Quantity traded, in quantity increments.
    pub volume: i64,
    /// How much of it takers bought, where the venue says so.
    pub buy_volume: Option<i64>,
    /// Number of trades, 0 where it is not known.
    pub trades: i64,
}

/// Why four prices and a volume are no bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {got}: expected {expected}")]
pub struct BadBar {
    /// The field.
    pub field: &'static str,
    /// Its value: ns, or increments.
    pub got: i64,
    /// What it may be.
    pub expected: &'static str,
}

impl VenueBar {
    /// Checks that it is a bar.
    ///
    /// # Errors
    /// [`BadBar`] naming the first field that cannot be.
    pub fn check(&self) -> Result<(), BadBar> {
        let bought = self.buy_volume.unwrap_or(0);
        let top = self.open.max(self.close).max(self.low);
        let rules = [
            (
                "ts_open",
                self.ts_open,
                (1..self.ts_close).contains(&self.ts_open),
                "a time in ns before its end",
            ),
            ("ts_close", self.ts_close, self.ts_close <= TIME_LIMIT, "a time before 2116"),
            ("ts_recv", self.ts_recv, self.ts_recv <= TIME_LIMIT, "a time before 2116"),
            ("open", self.open, is_price(self.open), "a price above zero and below 2^60 increments"),
            ("low", self.low, is_price(self.low), "a price above zero and below 2^60 increments"),
            ("low", self.low, self.low <= self.open.min(self.close), "no price above open or close"),
            ("high", self.high, is_price(self.high) && self.high >= top, "no price below open, low or close"),
            ("volume", self.volume, is_qty(self.volume), "zero or more and below 2^60 increments"),
            ("trades", self.trades, is_qty(self.trades), "zero or more and below 2^60"),
            ("buy_volume", bought, (0..=self.volume).contains(&bought), "zero to the volume"),
        ];
        match rules.into_iter().find(|(.., holds, _)| !holds) {
            Some((field, got, _, expected)) => Err(BadBar { field, got, expected }),
            None => Ok(()),
        }
    }

    /// Passes its messages on. What opens it is received when it happens, for that alone is no look ahead.
    pub fn push(&self, sink: &mut impl EventSink) {
        let row = |kind, side, price, qty| Event {
            ts_event: self.ts_close,
            ts_recv: self.ts_recv,
            kind,
            side,
            flags: if kind == EventKind::BarClose { FLAG_LAST } else { 0 },
            price,
            qty,
            id: 0,
        };
        let known = i8::from(self.buy_volume.is_some());
        let bought = self.buy_volume.unwrap_or(0);
        let sold = self.buy_volume.map_or(0, |bought| self.volume - bought);
        let begin = Event { ts_event: self.ts_open, ..row(EventKind::BarOpen, 0, self.open, self.trades) };
        let opens = Event { ts_recv: self.ts_open, flags: FLAG_LAST, qty: self.volume, ..begin };
        sink.push(opens);
        sink.push(row(EventKind::BarHigh, known, self.high, bought));
        sink.push(row(EventKind::BarLow, -known, self.low, sold));
        sink.push(begin);
        sink.push(row(EventKind::BarClose, 0, self.close, self.volume));
    }

    /// The bar whose close is at a row of a checked view, if its message begins at `from` or later.
    pub fn read(view: &View<'_>, close: usize, from: usize) -> Option<Self> {
        const KINDS: [u8; 4] = [
            EventKind::BarHigh as u8,
            EventKind::BarLow as u8,
            EventKind::BarOpen as u8,
            EventKind::BarClose as u8,
        ];
        let first = close.checked_sub(KINDS.len() - 1).filter(|first| *first >= from)?;
        if view.kind[first..=close] != KINDS {
            return None;
        }
        let [high, low, open, close_price] = [0, 1, 2, 3].map(|at| view.price.get(first + at));
        Some(Self {
            ts_open: view.ts_event[first + 2],
            ts_close: view.ts_event[close],
            ts_recv: view.ts_recv[close],
            open,
            high,
            low,
            close: close_price,
            volume: view.qty.get(close),
            buy_volume: (view.side[first] > 0).then(|| view.qty.get(first)),
            trades: view.qty.get(first + 2),
        })
    }
}

/// Whether a row of a checked view says that a bar begins.
#[inline]
pub fn is_bar_begin(view: &View<'_>, row: usize) -> bool {
    view.kind[row] == EventKind::BarOpen as u8 && view.flags[row] & FLAG_LAST != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Columns as _, EventColumns};

    const BAR: VenueBar = VenueBar {
        ts_open: 60,
        ts_close: 120,
        ts_recv: 125,
        open: 100,
        high: 104,
        low: 99,
        close: 101,
        volume: 50,
        buy_volume: Some(20),
        trades: 7,
    };

    #[test]
    fn a_bar_is_read_as_it_was_written() {
        for bar in [
            BAR,
            VenueBar { buy_volume: None, ..BAR },
            VenueBar { volume: 0, buy_volume: Some(0), trades: 0, ..BAR },
        ] {
            let mut columns = EventColumns::default();
            bar.push(&mut columns);
            let view = columns.view();
            assert_eq!((view.check(), view.len()), (Ok(()), 5));
            assert!(is_bar_begin(&view, 0) && !is_bar_begin(&view, 3));
            assert_eq!((view.ts_event[0], view.ts_recv[0], view.qty.get(0)), (60, 60, bar.volume));
            assert_eq!(VenueBar::read(&view, 4, 1), Some(bar));
            assert_eq!((VenueBar::read(&view, 4, 2), VenueBar::read(&view, 3, 0)), (None, None));
        }
    }

    #[test]
    fn what_is_no_bar_is_told_by_field() {
        assert_eq!(BAR.check(), Ok(()));
        for (bar, field) in [
            (VenueBar { ts_open: 120, ..BAR }, "ts_open"),
            (VenueBar { open: 0, ..BAR }, "open"),
            (VenueBar { low: 102, ..BAR }, "low"),
            (VenueBar { high: 100, ..BAR }, "high"),
            (VenueBar { volume: -1, buy_volume: None, ..BAR }, "volume"),
            (VenueBar { buy_volume: Some(51), ..BAR }, "buy_volume"),
        ] {
            assert_eq!(bar.check().map_err(|error| error.field), Err(field));
        }
    }
}
