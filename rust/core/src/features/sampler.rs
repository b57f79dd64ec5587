//! The vector of a set at regular times, at trades, at messages or at the bars of a stream.

use std::collections::VecDeque;

use super::custom::FeatureFailure;
use super::engine::FeatureEngine;
use crate::bars::{Bar, BarSpec, BarSpecError, BarsError, MessageBars};
use crate::event::{Chunk, Cursor, EventKind, FLAG_LAST, View};
use crate::types::HookError;

/// When the vector is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At the multiples of so many ns, on our clock, from the first message up to the last.
    Every(i64),
    /// At every trade, after the message that carries it.
    Trade,
    /// After every message.
    Message,
    /// When a bar is available: after the message that ends it, or when our clock closes it.
    Bar(BarSpec),
}

/// Replays messages into an engine and stops when its vector is wanted.
pub struct FeatureSampler {
    engine: FeatureEngine,
    when: When,
    from_ns: i64,
    cursor: Cursor,
    /// The next regular time, once there was a message.
    next: Option<i64>,
    /// Times that have not been told: of the last message, or of bars that ended before the next one.
    due: VecDeque<i64>,
    bars: Option<MessageBars>,
}

impl FeatureSampler {
    /// Wants the vector at times from `from_ns` on.
    ///
    /// # Errors
    /// [`BarSpecError`] for bars that the instrument does not have.
    pub fn new(engine: FeatureEngine, when: When, from_ns: i64) -> Result<Self, BarSpecError> {
        let bars = match &when {
            When::Bar(spec) => Some(MessageBars::new(spec, engine.instrument())?),
            When::Every(_) | When::Trade | When::Message => None,
        };
        Ok(Self { engine, when, from_ns, cursor: Cursor::new(), next: None, due: VecDeque::new(), bars })
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
        loop {
            if let Some(at) = self.due.pop_front() {
                return Ok(Some(at));
            }
            let Some((chunk, row)) = self.cursor.front() else { return Ok(None) };
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
                let end = known_by(&view, row, chunk.end(), next).max(end);
                self.engine.read(&view, row, end)?;
                self.cursor.advance_to(end);
                continue;
            }
            // What is known at an instant was known before that instant had passed.
            if self.bars.as_ref().and_then(MessageBars::deadline).is_some_and(|due| due < received) {
                self.close_bars(received - 1)?;
                continue;
            }
            self.engine.read(&view, row, end)?;
            let told = match self.when {
                When::Every(_) | When::Bar(_) => 0,
                When::Trade => (row..end).filter(|row| view.kind[*row] == EventKind::Trade as u8).count(),
                When::Message => 1,
            };
            if received >= self.from_ns {
                self.due.extend(std::iter::repeat_n(received, told));
            }
            if let Some(bars) = &mut self.bars {
                let (due, from_ns, mid) = (&mut self.due, self.from_ns, self.engine.twice_mid());
                for message in view.messages(row, end) {
                    let pushed = bars.push(&view, message, mid, &mut |bar| tell(due, from_ns, bar));
                    pushed.map_err(too_many)?;
                }
            }
            self.cursor.advance_to(end);
        }
    }

    /// Our clock closes bars up to a time.
    fn close_bars(&mut self, clock: i64) -> Result<(), FeatureFailure> {
        let Self { bars: Some(bars), due, from_ns, .. } = self else { return Ok(()) };
        bars.elapse(clock, &mut |bar| tell(due, *from_ns, bar)).map_err(too_many)
    }

    /// The next time once all messages have been taken; `None` when there is none up to the last of them.
    ///
    /// # Errors
    /// [`FeatureFailure`].
    pub fn advance_at_end(&mut self) -> Result<Option<i64>, FeatureFailure> {
        let Some(last) = self.engine.last_message() else { return Ok(None) };
        if let When::Every(every) = self.when {
            let next = self.next.filter(|next| *next <= last);
            self.next = next.map(|next| next.saturating_add(every.max(1))).or(self.next);
            return Ok(next);
        }
        self.close_bars(last)?;
        Ok(self.due.pop_front())
    }

    /// Writes the vector at the time last returned.
    pub fn values(&mut self, at: i64, out: &mut [f64]) {
        self.engine.values(at, out);
    }
}

/// The row behind the messages from `row` on that were received by `now`.
fn known_by(view: &View<'_>, row: usize, end: usize, now: i64) -> usize {
    let known = row + view.ts_recv[row..end].partition_point(|received| *received <= now);
    let last = view.flags[row..known].iter().rposition(|flags| flags & FLAG_LAST != 0);
    if known == end { end } else { last.map_or(row, |last| row + last + 1) }
}

/// A bar is available for the first time.
fn tell(due: &mut VecDeque<i64>, from_ns: i64, bar: &Bar) {
    if bar.revision == 0 && bar.ts_available >= from_ns {
        due.push_back(bar.ts_available);
    }
}

#[cold]
fn too_many(error: BarsError) -> FeatureFailure {
    FeatureFailure { feature: "of the rows' bars".to_owned(), error: HookError::Failed(error.to_string()) }
}
