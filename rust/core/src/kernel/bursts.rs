//! How often a strategy does something without time going on.

use crate::types::{Decoded, Reader, StrategyId, Writer};

/// New orders and replacements that a strategy may send without time going on: no one means so many, but one that answers
/// each refusal with the next order does so for ever.
pub(super) const MOST_AT_ONCE: u32 = 100_000;

/// Timers for the very moment, and questions to a model, likewise. Each is a turn of its strategy: a session does nothing else
/// for as long as they take.
const MOST_TURNS: u32 = 10_000;

/// A strategy keeps time from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{most} {what}; a strategy that answers each with the next never ends: let time go on between them")]
pub struct TooManyAtOnce {
    /// How many there may be.
    pub most: u32,
    /// Of what, and when.
    pub what: &'static str,
}

/// By strategy, since when it does something and how often it has, within a spell.
#[derive(Debug)]
pub(super) struct Bursts {
    spell: i64,
    done: Vec<(i64, u32)>,
}

impl Default for Bursts {
    /// Without time going on.
    fn default() -> Self {
        Self::within(1)
    }
}

impl Bursts {
    /// In spells of so many ns, which begin with the first turn after the last one.
    pub(super) fn within(spell: i64) -> Self {
        Self { spell, done: Vec::new() }
    }

    /// Whether a strategy has done it so often in a spell that goes on.
    pub(super) fn reaches(&self, most: u32, strategy: StrategyId, now: i64) -> bool {
        let known = self.done.get(strategy.index());
        known.is_some_and(|(since, done)| *done >= most && now.saturating_sub(*since) < self.spell)
    }

    pub(super) fn count(&mut self, strategy: StrategyId, now: i64) {
        let at = strategy.index();
        if at >= self.done.len() {
            self.done.resize(at + 1, (i64::MIN, 0));
        }
        let (since, done) = &mut self.done[at];
        if now.saturating_sub(*since) >= self.spell {
            (*since, *done) = (now, 0);
        }
        *done = done.saturating_add(1);
    }

    /// Counts one more turn.
    ///
    /// # Errors
    /// [`TooManyAtOnce`] where it is one too many.
    pub(super) fn take(
        &mut self,
        strategy: StrategyId,
        now: i64,
        what: &'static str,
    ) -> Result<(), TooManyAtOnce> {
        if self.reaches(MOST_TURNS, strategy, now) {
            return Err(TooManyAtOnce { most: MOST_TURNS, what });
        }
        self.count(strategy, now);
        Ok(())
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.index(self.done.len());
        for &(since, done) in &self.done {
            w.i64(since);
            w.u64(u64::from(done));
        }
    }

    /// Goes on from what [`Bursts::save`] wrote.
    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        for _ in 0..r.index()? {
            self.done.push((r.i64()?, r.u64()? as u32));
        }
        Ok(())
    }
}
