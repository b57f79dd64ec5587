//! Messages between the venue and us: passed there, not yet known here.

use std::collections::VecDeque;

use crate::kernel::{Rows, Seen};
use crate::risk::MidBand;

/// What is on its way is looked through when it is this much.
const MOST: usize = 64;

/// A message on its way to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// When it reaches us, ns.
    pub(super) visible: i64,
    /// Rows of its market up to its end.
    pub(super) upto: u64,
    /// The book after it.
    pub(super) seen: Seen,
    /// Whether all its rows are levels.
    pub(super) only_levels: bool,
}

impl Arrival {
    /// It alone, as an input says it.
    pub(super) fn alone(self) -> Rows<'static> {
        Rows::Supplied { upto: self.upto, seen: self.seen, only_levels: self.only_levels }
    }

    /// It and all before it, as an input says it.
    pub(super) fn with_earlier(self) -> Rows<'static> {
        Rows::Supplied { upto: self.upto, seen: self.seen, only_levels: false }
    }

    /// Whether it leaves a band.
    fn leaves(&self, band: &MidBand) -> bool {
        !band.holds(self.seen.twice_mid, self.visible)
    }
}

/// Messages of one market on their way to us, in order.
#[derive(Debug, Default)]
pub(super) struct Arrivals(VecDeque<Arrival>);

impl Arrivals {
    /// A message leaves the venue.
    #[inline]
    pub(super) fn push(&mut self, arrival: Arrival) {
        self.0.push_back(arrival);
    }

    /// Forgets what nobody can tell from what came after it: whoever looks does so at `now` or later. Only once
    /// there is something to be gained by it.
    #[inline]
    pub(super) fn forget_before(&mut self, now: i64) {
        if self.0.len() >= MOST {
            self.forget(now);
        }
    }

    #[cold]
    #[inline(never)]
    fn forget(&mut self, now: i64) {
        let seen = self.0.partition_point(|arrival| arrival.visible < now);
        self.0.drain(..seen.saturating_sub(1));
    }

    /// Forgets what comes after so many rows.
    pub(super) fn forget_behind(&mut self, upto: u64) {
        let kept = self.0.partition_point(|arrival| arrival.upto <= upto);
        self.0.truncate(kept);
    }

    /// When the next one reaches us.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        self.0.front().map(|arrival| arrival.visible)
    }

    /// Takes the next one.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Arrival> {
        self.0.pop_front()
    }

    /// When the first one reaches us that leaves a band.
    #[inline]
    pub(super) fn first_beyond(&self, band: &MidBand) -> Option<i64> {
        self.0.iter().find(|arrival| arrival.leaves(band)).map(|arrival| arrival.visible)
    }

    /// Takes all up to the first one that leaves a band, and returns it.
    pub(super) fn take_through(&mut self, band: &MidBand) -> Option<Arrival> {
        let beyond = self.0.iter().position(|arrival| arrival.leaves(band))?;
        self.0.drain(..=beyond).next_back()
    }

    /// Takes all that reach us before `limit` and returns the last of them.
    #[inline]
    pub(super) fn take_before(&mut self, limit: i64) -> Option<Arrival> {
        // Mostly there are few.
        let taken = self.0.iter().take_while(|arrival| arrival.visible < limit).count();
        for _ in 1..taken {
            self.0.pop_front();
        }
        if taken > 0 { self.0.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(times: &[i64]) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for (at, visible) in times.iter().enumerate() {
            let (upto, seen) = (at as u64, Seen::default());
            arrivals.push(Arrival { visible: *visible, upto, seen, only_levels: false });
        }
        arrivals
    }

    #[test]
    fn what_is_forgotten_could_not_be_told_from_what_is_left() {
        let times = [1, 3, 3, 5, 5, 8];
        for now in 0..10 {
            for limit in now..11 {
                let (mut all, mut pruned) = (arrivals(&times), arrivals(&times));
                pruned.forget(now);
                assert_eq!(all.take_before(limit), pruned.take_before(limit), "{now} {limit}");
            }
        }
    }
}
