//! How often a strategy does something without time going on.

use crate::types::StrategyId;

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

/// By strategy, when it did something last and how often it did then.
#[derive(Debug, Default)]
pub(super) struct Bursts(Vec<(i64, u32)>);

impl Bursts {
    /// Whether a strategy has done it so often without time going on.
    pub(super) fn reaches(&self, most: u32, strategy: StrategyId, now: i64) -> bool {
        self.0.get(strategy.index()) == Some(&(now, most))
    }

    pub(super) fn count(&mut self, strategy: StrategyId, now: i64) {
        let at = strategy.index();
        if at >= self.0.len() {
            self.0.resize(at + 1, (i64::MIN, 0));
        }
        let (last, done) = &mut self.0[at];
        *done = if *last == now { *done + 1 } else { 1 };
        *last = now;
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
}
