//! Timers of strategies: what is due next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bursts::{Bursts, TooManyAtOnce};
use crate::types::StrategyId;

/// The shortest interval of a strategy's timer that repeats, ns: with less, it is called more than a million times for each
/// second of data, which takes longer than the second.
pub const SHORTEST_INTERVAL: i64 = 1_000;

/// A timer: when it goes off, who set it, how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    /// When it goes off next, ns.
    pub(super) at: i64,
    /// In order of creation.
    pub(super) id: u64,
    /// Whose it is.
    pub(super) strategy: StrategyId,
    /// Time to the next turn, 0 for once, ns.
    pub(super) interval: i64,
}

/// Timers, earliest first; those of one instant in order of creation.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    last: u64,
    /// Those that were set for the moment at which they were.
    at_once: Bursts,
}

impl Timers {
    /// Sets a timer that first goes off at `at`, or never when that lies beyond the end of time.
    pub(super) fn set(&mut self, at: Option<i64>, strategy: StrategyId, interval: i64) -> u64 {
        self.last += 1;
        if let Some(at) = at {
            self.heap.push(Reverse(Timer { at, id: self.last, strategy, interval }));
        }
        self.last
    }

    /// Sets a timer that goes off once, at once where `at` has come.
    ///
    /// # Errors
    /// [`TooManyAtOnce`] for a strategy that sets one for the same moment whenever one goes off.
    pub(super) fn set_once(&mut self, at: i64, now: i64, strategy: StrategyId) -> Result<u64, TooManyAtOnce> {
        if at <= now {
            self.at_once.take(strategy, now, "timers were set for now")?;
        }
        Ok(self.set(Some(at.max(now)), strategy, 0))
    }

    /// When the next one goes off.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse(timer)| timer.at)
    }

    /// Takes the next one that is due by `now`; one that repeats is set again, for its first turn after `now`.
    ///
    /// Turns that nobody could take, since the process stood still or was not there, are taken as one.
    pub(super) fn take(&mut self, now: i64) -> Option<Timer> {
        let Reverse(timer) = *self.heap.peek().filter(|Reverse(timer)| timer.at <= now)?;
        self.heap.pop();
        // A timer whose next turn lies beyond the end of time has had its last one.
        if timer.interval > 0
            && let Some(next) = now
                .checked_sub((now - timer.at) % timer.interval)
                .and_then(|at| at.checked_add(timer.interval))
        {
            self.heap.push(Reverse(Timer { at: next, ..timer }));
        }
        Some(timer)
    }

    /// Forgets the timers of a strategy.
    pub(super) fn forget(&mut self, strategy: StrategyId) {
        self.heap.retain(|Reverse(timer)| timer.strategy != strategy);
    }

    /// All of them in order, and the number given last.
    pub(super) fn list(&self) -> (Vec<Timer>, u64) {
        let mut timers: Vec<Timer> = self.heap.iter().map(|Reverse(timer)| *timer).collect();
        timers.sort_unstable();
        (timers, self.last)
    }

    /// What [`Timers::list`] told.
    pub(super) fn restore(timers: Vec<Timer>, last: u64) -> Self {
        Self { heap: timers.into_iter().map(Reverse).collect(), last, at_once: Bursts::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_of_one_instant_go_off_in_order_of_creation_one_at_a_time() {
        let mut timers = Timers::default();
        let (a, b) = (StrategyId::new(0), StrategyId::new(1));
        timers.set(Some(10), b, 5);
        timers.set(Some(10), a, 0);
        timers.set(None, a, 5);
        assert_eq!(timers.take(9), None);
        let told: Vec<_> = std::iter::from_fn(|| timers.take(14)).map(|t| (t.at, t.id, t.strategy)).collect();
        assert_eq!(told, [(10, 1, b), (10, 2, a)]);
        assert_eq!(timers.take(15).map(|t| (t.at, t.id)), Some((15, 1)));
        assert_eq!(timers.next(), Some(20));
        let (list, last) = timers.list();
        assert_eq!(Timers::restore(list.clone(), last).list(), (list, last));
        timers.forget(b);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn turns_that_were_missed_are_taken_as_one_and_the_rhythm_stays() {
        let mut timers = Timers::default();
        timers.set(Some(10), StrategyId::new(0), 5);
        assert_eq!(timers.take(1_003).map(|timer| timer.at), Some(10));
        assert_eq!((timers.take(1_003), timers.next()), (None, Some(1_005)));
        assert_eq!(timers.take(1_005).map(|timer| timer.at), Some(1_005));
        assert_eq!(timers.next(), Some(1_010));
    }

    #[test]
    fn a_turn_beyond_the_end_of_time_is_not_taken() {
        let mut timers = Timers::default();
        timers.set(Some(i64::MAX - 1), StrategyId::new(0), 5);
        assert!(timers.take(i64::MAX).is_some());
        assert_eq!(timers.next(), None);
    }
}
