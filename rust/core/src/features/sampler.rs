//! The vector of a set at regular times, at trades or at messages of a stream.

use super::custom::FeatureFailure;
use super::engine::FeatureEngine;
use crate::event::{Chunk, Cursor, EventKind};

/// When the vector is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At the multiples of so many ns, on our clock, from the first message up to the last.
    Every(i64),
    /// At every trade, after the message that carries it.
    Trade,
    /// After every message.
    Message,
}

/// Replays messages into an engine and stops when its vector is wanted.
pub struct FeatureSampler {
    engine: FeatureEngine,
    when: When,
    from_ns: i64,
    cursor: Cursor,
    /// The next regular time, once there was a message.
    next: Option<i64>,
    /// Trades of the last message that have not been told.
    left: usize,
}

impl FeatureSampler {
    /// Wants the vector at times from `from_ns` on.
    pub fn new(engine: FeatureEngine, when: When, from_ns: i64) -> Self {
        Self { engine, when, from_ns, cursor: Cursor::new(), next: None, left: 0 }
    }

    /// Takes the next messages, once [`Self::advance`] has no more.
    pub fn push(&mut self, chunk: Chunk) {
        self.cursor.push(chunk);
    }

    /// The next time at which the vector is wanted, which [`Self::values`] then gives; `None` when more messages are
    /// needed.
    ///
    /// # Errors
    /// [`FeatureFailure`].
    pub fn advance(&mut self) -> Result<Option<i64>, FeatureFailure> {
        if self.left > 0 {
            self.left -= 1;
            return Ok(self.engine.last_message());
        }
        while let Some((chunk, row)) = self.cursor.front() {
            let view = chunk.view();
            let end = view.message_end(row);
            let received = view.ts_recv[end - 1];
            if let When::Every(every) = self.when {
                let every = every.max(1);
                let next = *self.next.get_or_insert_with(|| {
                    let from = received.max(self.from_ns);
                    from.saturating_add((-from).rem_euclid(every))
                });
                if next < received {
                    self.next = Some(next.saturating_add(every));
                    return Ok(Some(next));
                }
            }
            self.engine.read(&view, row, end)?;
            let told = match self.when {
                _ if received < self.from_ns => 0,
                When::Every(_) => 0,
                When::Trade => (row..end).filter(|row| view.kind[*row] == EventKind::Trade as u8).count(),
                When::Message => 1,
            };
            self.cursor.advance_to(end);
            if told > 0 {
                self.left = told - 1;
                return Ok(Some(received));
            }
        }
        Ok(None)
    }

    /// The next time once all messages have been taken; `None` when there is none up to the last of them.
    pub fn advance_at_end(&mut self) -> Option<i64> {
        let When::Every(every) = self.when else { return None };
        let last = self.engine.last_message()?;
        let next = self.next.filter(|next| *next <= last)?;
        self.next = Some(next.saturating_add(every.max(1)));
        Some(next)
    }

    /// Writes the vector at the time last returned.
    pub fn values(&mut self, at: i64, out: &mut [f64]) {
        self.engine.values(at, out);
    }
}
