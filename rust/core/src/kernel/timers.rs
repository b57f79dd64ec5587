//! Timers of strategies: what is due next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bursts::{Bursts, TooManyAtOnce};
use crate::types::{Decoded, Reader, StrategyId, Writer};

/// The shortest interval of a strategy's timer that repeats, ns: with less, it is called more than a million times for each
/// second of data, which takes longer than the second.
pub const SHORTEST_INTERVAL: i64 = 1_000;

/// Timers of a strategy that go off once may do so as often within this time before it has to let time go on, too, ns.
const SPELL: i64 = 100_000_000;
const MOST_A_SPELL: u32 = (SPELL / SHORTEST_INTERVAL) as u32;

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
#[derive(Debug)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    last: u64,
    /// Those that were set for the moment at which they were.
    at_once: Bursts,
    /// Those that went off and do so once.
    gone_off: Bursts,
}

impl Default for Timers {
    fn default() -> Self {
        let (heap, at_once) = (BinaryHeap::new(), Bursts::default());
        Self { heap, last: 0, at_once, gone_off: Bursts::within(SPELL) }
    }
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
    /// [`TooManyAtOnce`] for a strategy that sets one for the same moment, or for the next nanoseconds, whenever one goes
    /// off.
    pub(super) fn set_once(&mut self, at: i64, now: i64, strategy: StrategyId) -> Result<u64, TooManyAtOnce> {
        if at <= now {
            self.at_once.take(strategy, now, "timers were set for now at one moment")?;
        }
        let is_soon = at.saturating_sub(now) < SHORTEST_INTERVAL;
        if is_soon && self.gone_off.reaches(MOST_A_SPELL, strategy, now) {
            return Err(TooManyAtOnce { most: MOST_A_SPELL, what: "timers went off within 100ms" });
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
        if timer.interval == 0 {
            self.gone_off.count(timer.strategy, now);
        }
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

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        let mut timers: Vec<Timer> = self.heap.iter().map(|Reverse(timer)| *timer).collect();
        timers.sort_unstable();
        w.index(timers.len());
        for timer in timers {
            w.i64(timer.at);
            w.u64(timer.id);
            w.index(timer.strategy.index());
            w.i64(timer.interval);
        }
        w.u64(self.last);
        self.gone_off.save(w);
    }

    /// What [`Timers::save`] wrote.
    pub(super) fn load(r: &mut Reader<'_>, strategies: usize) -> Decoded<Self> {
        let mut timers = Self::default();
        for _ in 0..r.index()? {
            let (at, id) = (r.i64()?, r.u64()?);
            let timer = Timer { at, id, strategy: r.strategy_of(strategies)?, interval: r.i64()? };
            timers.heap.push(Reverse(timer));
        }
        timers.last = r.u64()?;
        timers.gone_off.load(r)?;
        Ok(timers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(timers: &Timers) -> Vec<u8> {
        let mut bytes = Vec::new();
        timers.save(&mut Writer(&mut bytes));
        bytes
    }

    fn restored(timers: &Timers) -> Timers {
        Timers::load(&mut Reader::new(&saved(timers)), 2).unwrap()
    }

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
        assert_eq!(saved(&restored(&timers)), saved(&timers));
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
    fn timers_in_a_chain_may_go_off_as_often_as_one_that_repeats() {
        let strategy = StrategyId::new(0);
        // Sets the next one whenever one goes off, and tells when that was refused.
        let refused = |step: i64, most: u32| {
            let (mut timers, mut now) = (Timers::default(), 0);
            (0..most).find_map(|_| {
                let error = timers.set_once(now + step, now, strategy).err();
                now = timers.next().unwrap_or(now);
                timers.take(now);
                error.map(|error| (now, error.to_string()))
            })
        };
        assert_eq!(refused(SHORTEST_INTERVAL, 3 * MOST_A_SPELL), None);
        let (at, error) = refused(1, 2 * MOST_A_SPELL).unwrap();
        assert_eq!(at, i64::from(MOST_A_SPELL));
        assert!(error.starts_with("100000 timers went off within 100ms; "), "{error}");
    }

    #[test]
    fn timers_far_ahead_and_of_another_strategy_or_spell_can_be_set_all_the_same() {
        let [busy, other] = [0, 1].map(StrategyId::new);
        let mut timers = Timers::default();
        for at in 0..i64::from(MOST_A_SPELL) {
            timers.set(Some(at), busy, 0);
            timers.take(at);
        }
        let now = i64::from(MOST_A_SPELL);
        assert!(timers.set_once(now + 1, now, busy).is_err());
        assert!(timers.set_once(now + SHORTEST_INTERVAL, now, busy).is_ok());
        assert!(timers.set_once(now + 1, now, other).is_ok());
        assert!(timers.set_once(SPELL + 1, SPELL, busy).is_ok());
        assert!(restored(&timers).set_once(now + 1, now, busy).is_err());
    }

    #[test]
    fn a_turn_beyond_the_end_of_time_is_not_taken() {
        let mut timers = Timers::default();
        timers.set(Some(i64::MAX - 1), StrategyId::new(0), 5);
        assert!(timers.take(i64::MAX).is_some());
        assert_eq!(timers.next(), None);
    }
}
