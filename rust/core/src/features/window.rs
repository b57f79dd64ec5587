//! Sums over the newest part of a stream, in integers.

use crate::types::{Decoded, Reader, Writer};
use std::collections::VecDeque;

/// The newest part of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// What came in so many ns.
    Time(i64),
    /// The last so many.
    Count(usize),
}

impl Window {
    /// Whether it is full: by the time since the stream began, or by what has come.
    pub(super) fn is_full(self, since: Option<i64>, now: i64, held: usize) -> bool {
        match self {
            Self::Time(ns) => since.is_some_and(|since| now.saturating_sub(since) >= ns),
            Self::Count(n) => held >= n,
        }
    }

    /// Its length in seconds, if it has one.
    pub(super) fn seconds(self) -> Option<f64> {
        match self {
            Self::Time(ns) => Some(ns as f64 * 1e-9),
            Self::Count(_) => None,
        }
    }
}

/// A running sum over a window of changes that come with book updates.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    window: Window,
    held: VecDeque<(i64, i64)>,
    sum: i128,
}

impl Sums {
    pub(super) fn new(window: Window) -> Self {
        Self { window, held: VecDeque::new(), sum: 0 }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// Takes what an update at `ts` adds.
    #[inline]
    pub(super) fn push(&mut self, ts: i64, value: i64) {
        self.sum += i128::from(value);
        match self.window {
            Window::Time(_) => {
                if value != 0 {
                    self.held.push_back((ts, value));
                }
                self.pass(ts);
            }
            Window::Count(n) => {
                self.held.push_back((ts, value));
                if self.held.len() > n
                    && let Some((_, old)) = self.held.pop_front()
                {
                    self.sum -= i128::from(old);
                }
            }
        }
    }

    #[inline]
    fn pass(&mut self, now: i64) {
        let Window::Time(ns) = self.window else { return };
        let oldest = now.saturating_sub(ns);
        while let Some(&(ts, old)) = self.held.front()
            && ts <= oldest
        {
            self.sum -= i128::from(old);
            self.held.pop_front();
        }
    }

    /// The sum at `now` of a stream that began at `since`, once the window is full.
    pub(super) fn at(&mut self, now: i64, since: Option<i64>) -> Option<i128> {
        self.pass(now);
        self.window.is_full(since, now, self.held.len()).then_some(self.sum)
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.sum = 0;
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.list(self.held.iter(), |w, (ts, value)| {
            w.i64(*ts);
            w.i64(*value);
        });
    }

    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        self.held = r.list(|r| Ok((r.i64()?, r.i64()?)))?.into();
        self.sum = self.held.iter().map(|(_, value)| i128::from(*value)).sum();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sum_is_that_of_the_newest_and_does_not_depend_on_when_it_was_asked(
            steps in proptest::collection::vec((0i64..5, -9i64..9, any::<bool>()), 1..80),
            length in 1usize..12,
            of_time in any::<bool>(),
        ) {
            let window = if of_time { Window::Time(length as i64) } else { Window::Count(length) };
            let (mut asked, mut quiet) = (Sums::new(window), Sums::new(window));
            let (mut now, mut all) = (0, Vec::new());
            for (wait, value, ask) in steps {
                now += wait;
                if ask {
                    asked.at(now, Some(0));
                }
                asked.push(now, value);
                quiet.push(now, value);
                all.push((now, value));
                let want: i64 = match window {
                    Window::Time(ns) => all.iter().filter(|(ts, _)| *ts > now - ns).map(|(_, v)| v).sum(),
                    Window::Count(n) => all.iter().rev().take(n).map(|(_, v)| v).sum(),
                };
                let full = match window {
                    Window::Time(ns) => now >= ns,
                    Window::Count(n) => all.len() >= n,
                };
                let want = full.then_some(i128::from(want));
                prop_assert_eq!((asked.at(now, Some(0)), quiet.clone().at(now, Some(0))), (want, want));
            }
        }
    }
}
