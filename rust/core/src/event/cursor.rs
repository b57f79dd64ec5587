//! Reading position in a stream of column chunks, message by message.

use std::collections::VecDeque;
use std::sync::Arc;

use super::clock::{FeedClock, Stamp};
use super::columns::{Columns, ColumnsError, EventColumns, View};
use super::kind::FLAG_LAST;

/// Rows `start..end` of shared columns; whole messages only.
#[derive(Clone)]
pub struct Chunk {
    columns: Arc<dyn Columns>,
    start: usize,
    end: usize,
}

impl Chunk {
    /// The columns, cut behind the chunk's last row.
    #[inline]
    pub fn view(&self) -> View<'_> {
        self.columns.view().head(self.end)
    }
}

/// Cuts checked columns into chunks of whole messages: a message that spans two column sets is joined.
#[derive(Default)]
pub struct Chunker {
    carry: EventColumns,
    last_recv: Option<i64>,
    rows: u64,
}

impl Chunker {
    /// Takes the next columns and returns the chunks that are complete now.
    ///
    /// # Errors
    /// [`ColumnsError`] when the columns are malformed or begin before the previous ones end.
    pub fn push(&mut self, columns: Arc<dyn Columns>) -> Result<Vec<Chunk>, ColumnsError> {
        let view = columns.view();
        view.check()?;
        let rows = view.len();
        let Some((&first, &last)) = view.ts_recv.first().zip(view.ts_recv.last()) else {
            return Ok(Vec::new());
        };
        if let Some(previous) = self.last_recv
            && first < previous
        {
            return Err(ColumnsError::Unsorted { row: 0, got: first, previous });
        }
        self.last_recv = Some(last);
        self.rows += rows as u64;

        let mut chunks = Vec::new();
        let mut start = 0;
        if !self.carry.is_empty() {
            start = view.message_end(0);
            for row in 0..start {
                self.carry.push(view.event(row));
            }
            if view.flags[start - 1] & FLAG_LAST != 0 {
                chunks.push(self.carried());
            }
        }
        let end = view.flags.iter().rposition(|f| f & FLAG_LAST != 0).map_or(0, |row| row + 1);
        for row in end.max(start)..rows {
            self.carry.push(view.event(row));
        }
        if end > start {
            chunks.push(Chunk { columns, start, end });
        }
        Ok(chunks)
    }

    /// What is left at the end of the data: a message without a last row counts as complete.
    pub fn finish(&mut self) -> Option<Chunk> {
        self.carry.end_message();
        (!self.carry.is_empty()).then(|| self.carried())
    }

    /// Rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn carried(&mut self) -> Chunk {
        let columns = std::mem::take(&mut self.carry);
        let end = columns.len();
        Chunk { columns: Arc::new(columns), start: 0, end }
    }
}

/// A reading position in chunks, with the clock that stamps messages.
pub struct Cursor {
    chunks: VecDeque<Chunk>,
    row: usize,
    passed: u64,
    clock: FeedClock,
}

impl Cursor {
    /// At the start of nothing.
    pub fn new(clock: FeedClock) -> Self {
        Self { chunks: VecDeque::new(), row: 0, passed: 0, clock }
    }

    /// Appends a chunk.
    pub fn push(&mut self, chunk: Chunk) {
        if self.chunks.is_empty() {
            self.row = chunk.start;
        }
        self.chunks.push_back(chunk);
    }

    /// The chunk and row of the next message, if one is loaded.
    #[inline]
    pub fn front(&self) -> Option<(&Chunk, usize)> {
        self.chunks.front().map(|chunk| (chunk, self.row))
    }

    /// The stamp of the next message, if one is loaded.
    #[inline]
    pub fn peek(&mut self) -> Option<Stamp> {
        let chunk = self.chunks.front()?;
        let view = chunk.view();
        Some(self.clock.stamp(view.ts_event[self.row], view.ts_recv[self.row]))
    }

    /// The clock that stamps messages.
    #[inline]
    pub fn clock_mut(&mut self) -> &mut FeedClock {
        &mut self.clock
    }

    /// Moves on to `row` of the front chunk, and past it at its end.
    #[inline]
    pub fn advance_to(&mut self, row: usize) {
        self.passed += (row - self.row) as u64;
        self.row = row;
        if let Some(chunk) = self.chunks.front()
            && row >= chunk.end
        {
            self.chunks.pop_front();
            self.row = self.chunks.front().map_or(0, |c| c.start);
        }
    }

    /// Whether no message is loaded.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Rows passed since the start.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Moves on to where another cursor over the same chunks stood after `passed` rows, with its clock.
    pub fn jump_to(&mut self, passed: u64, clock: FeedClock) {
        while self.passed < passed {
            let Some(chunk) = self.chunks.front() else { break };
            let step = (passed - self.passed).min((chunk.end - self.row) as u64);
            self.advance_to(self.row + step as usize);
        }
        self.clock = clock;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventKind};
    use proptest::prelude::*;

    fn rows(flags: &[bool]) -> EventColumns {
        let mut columns = EventColumns::default();
        for (i, last) in flags.iter().enumerate() {
            columns.push(Event {
                ts_event: i as i64,
                ts_recv: i as i64,
                kind: EventKind::Trade,
                side: 1,
                flags: u8::from(*last),
                price: i as i64,
                qty: 1,
                id: 0,
            });
        }
        columns
    }

    fn split(columns: &EventColumns, cuts: &[usize]) -> Vec<EventColumns> {
        let mut parts = vec![EventColumns::default()];
        for row in 0..columns.len() {
            if cuts.contains(&row) {
                parts.push(EventColumns::default());
            }
            if let Some(part) = parts.last_mut() {
                part.push(columns.view().event(row));
            }
        }
        parts
    }

    fn messages(parts: Vec<EventColumns>) -> Vec<Vec<i64>> {
        let mut chunker = Chunker::default();
        let mut cursor = Cursor::new(FeedClock::new(0, None));
        for part in parts {
            for chunk in chunker.push(Arc::new(part)).unwrap() {
                cursor.push(chunk);
            }
        }
        if let Some(chunk) = chunker.finish() {
            cursor.push(chunk);
        }
        let mut out = Vec::new();
        while let Some((chunk, row)) = cursor.front() {
            let view = chunk.view();
            let end = view.message_end(row);
            out.push((row..end).map(|r| view.price.get(r)).collect());
            cursor.advance_to(end);
        }
        out
    }

    proptest! {
        #[test]
        fn however_the_columns_are_cut_the_messages_are_the_same(
            flags in proptest::collection::vec(any::<bool>(), 1..60),
            cuts in proptest::collection::vec(0usize..60, 0..12),
        ) {
            let columns = rows(&flags);
            let whole = messages(vec![columns.clone()]);
            let total: usize = whole.iter().map(Vec::len).sum();
            prop_assert_eq!(total, flags.len());
            prop_assert_eq!(messages(split(&columns, &cuts)), whole);
        }
    }

    #[test]
    fn columns_that_begin_before_the_last_ended_are_refused() {
        let mut chunker = Chunker::default();
        chunker.push(Arc::new(rows(&[true, true, true]))).unwrap();
        assert!(matches!(
            chunker.push(Arc::new(rows(&[true]))),
            Err(ColumnsError::Unsorted { row: 0, got: 0, previous: 2 })
        ));
    }
}
