//! Time bars: windows of fixed length on the UTC clock.
//!
//! A bar covers `[start, start + interval)` and is stamped with its start; it is final when a trade of a later
//! window arrives or the data ends. Windows without a trade make no bar.

use crate::event::{EventKind, View};

/// Open, high, low, close and volume of one window, in increments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Start of the window, ns.
    pub ts_open: i64,
    /// First price.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Quantity traded.
    pub volume: i64,
    /// Number of trades.
    pub trades: u32,
}

/// Aggregates trades, in order of time, into time bars.
#[derive(Debug, Clone)]
pub struct TimeBars {
    interval_ns: i64,
    current: Option<Bar>,
}

impl TimeBars {
    /// Windows of `interval_ns`, at least 1 ns.
    pub fn new(interval_ns: i64) -> Self {
        Self { interval_ns: interval_ns.max(1), current: None }
    }

    /// Takes a trade and returns the bar it ended, if any. A trade of an older window counts for the open bar.
    #[inline]
    pub fn push(&mut self, ts: i64, price: i64, qty: i64) -> Option<Bar> {
        match &mut self.current {
            Some(bar) if ts < bar.ts_open.saturating_add(self.interval_ns) => {
                bar.high = bar.high.max(price);
                bar.low = bar.low.min(price);
                bar.close = price;
                bar.volume = bar.volume.saturating_add(qty);
                bar.trades = bar.trades.saturating_add(1);
                None
            }
            current => {
                let ts_open = ts.saturating_sub(ts.rem_euclid(self.interval_ns));
                current.replace(Bar {
                    ts_open,
                    open: price,
                    high: price,
                    low: price,
                    close: price,
                    volume: qty,
                    trades: 1,
                })
            }
        }
    }

    /// Takes the trades among rows `from..to`, in the order they were received, and passes on the bars they ended.
    #[inline]
    pub fn push_rows(&mut self, view: &View<'_>, from: usize, to: usize, mut ended: impl FnMut(Bar)) {
        for row in from..to {
            if view.kind[row] == EventKind::Trade as u8
                && let Some(bar) = self.push(view.ts_recv[row], view.price.get(row), view.qty.get(row))
            {
                ended(bar);
            }
        }
    }

    /// The open bar.
    pub fn open(&self) -> Option<Bar> {
        self.current
    }

    /// Goes on with an open bar.
    pub fn restore(interval_ns: i64, open: Option<Bar>) -> Self {
        Self { current: open, ..Self::new(interval_ns) }
    }

    /// The open bar, which ends here.
    pub fn flush(&mut self) -> Option<Bar> {
        self.current.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_fall_into_windows_stamped_with_their_start() {
        let mut bars = TimeBars::new(60);
        assert_eq!(bars.push(61, 10, 1), None);
        assert_eq!(bars.push(90, 14, 2), None);
        assert_eq!(bars.push(119, 9, 3), None);
        let bar = bars.push(240, 11, 4).unwrap();
        let want = Bar { ts_open: 60, open: 10, high: 14, low: 9, close: 9, volume: 6, trades: 3 };
        assert_eq!(bar, want);
        assert_eq!(bars.flush().unwrap().ts_open, 240);
        assert_eq!(bars.flush(), None);
    }
}
