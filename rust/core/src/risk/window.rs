//! What happened lately, by the kernel's time.

use std::collections::VecDeque;

use crate::types::{Decoded, Reader, Writer};

/// Times of things that happened, the oldest first; those that no window reaches back to are forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window(VecDeque<i64>);

impl Window {
    /// How many happened in the last `window` ns.
    pub(super) fn count(&self, now: i64, window: i64) -> usize {
        let since = now.saturating_sub(window);
        self.0.len() - self.0.partition_point(|at| *at <= since)
    }

    /// Something happens.
    pub(super) fn note(&mut self, now: i64, window: i64) {
        let since = now.saturating_sub(window);
        while self.0.front().is_some_and(|at| *at <= since) {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Nothing has happened.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.list(self.0.iter(), |w, at| w.i64(*at));
    }

    pub(super) fn load(r: &mut Reader<'_>) -> Decoded<Self> {
        r.list(Reader::i64).map(|times| Self(times.into()))
    }
}

/// Where a price has been lately: its highest and its lowest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Range {
    /// Falling prices and rising times: the first is the highest.
    high: VecDeque<(i64, i64)>,
    low: VecDeque<(i64, i64)>,
}

impl Range {
    /// The price is so much from now on. Returns the highest and the lowest of the last `window` ns.
    pub(super) fn note(&mut self, now: i64, price: i64, window: i64) -> (i64, i64) {
        let since = now.saturating_sub(window);
        for (ends, sign) in [(&mut self.high, 1), (&mut self.low, -1)] {
            // The last price before the window still held when it began.
            while ends.len() > 1 && ends[1].0 <= since {
                ends.pop_front();
            }
            while ends.back().is_some_and(|(_, last)| last * sign <= price * sign) {
                ends.pop_back();
            }
            ends.push_back((now, price));
        }
        (self.high[0].1, self.low[0].1)
    }

    /// Nothing has been seen.
    pub(super) fn clear(&mut self) {
        self.high.clear();
        self.low.clear();
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        for ends in [&self.high, &self.low] {
            w.list(ends.iter(), |w, (at, price)| {
                w.i64(*at);
                w.i64(*price);
            });
        }
    }

    pub(super) fn load(r: &mut Reader<'_>) -> Decoded<Self> {
        let mut ends = || r.list(|r| Ok((r.i64()?, r.i64()?))).map(VecDeque::from);
        Ok(Self { high: ends()?, low: ends()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_happened_a_window_ago_is_over() {
        let mut window = Window::default();
        for at in [1, 2, 3] {
            window.note(at, 10);
        }
        assert_eq!([10, 11, 12, 13].map(|now| window.count(now, 10)), [3, 2, 1, 0]);
    }

    proptest! {
        #[test]
        fn a_range_is_that_of_the_prices_that_held_in_the_window(
            steps in proptest::collection::vec((0i64..5, 1i64..20), 1..60),
        ) {
            let (mut range, mut now, mut seen) = (Range::default(), 0, Vec::new());
            for (passed, price) in steps {
                now += passed;
                seen.push((now, price));
                let told = range.note(now, price, 7);
                let held = seen.iter().rposition(|(at, _)| *at <= now - 7).unwrap_or(0);
                // Of prices at one time the last one held.
                let prices: Vec<i64> = seen[held..].iter().map(|(_, price)| *price).collect();
                let high = *prices.iter().max().unwrap();
                let low = *prices.iter().min().unwrap();
                prop_assert!(told.0 >= high && told.1 <= low, "{told:?} {seen:?}");
                prop_assert!(seen.iter().any(|(_, price)| *price == told.0));
            }
        }
    }
}
