//! Reading position in a stream of column chunks, message by message.

use std::collections::VecDeque;
use std::sync::Arc;

use super::columns::{Columns, ColumnsError, EventColumns, ONE_RECEIPT, View};
use super::kind::FLAG_LAST;

/// Rows `start..end` of shared columns; whole messages only.
#[derive(Clone)]
pub struct Chunk {
    columns: Arc<dyn Columns>,
    start: usize,
    end: usize,
}

impl Chunk {
    /// All rows of columns that are sound and hold whole messages.
    pub fn of(columns: Arc<dyn Columns>) -> Self {
        let end = columns.view().len();
        Self { columns, start: 0, end }
    }

    /// The columns; rows beyond [`Self::end`] are not the chunk's and may be malformed.
    #[inline]
    pub fn view(&self) -> View<'_> {
        self.columns.view()
    }

    /// The chunk's first row.
    #[inline]
    pub fn start(&self) -> usize {
        self.start
    }

    /// The row behind the chunk's last.
    #[inline]
    pub fn end(&self) -> usize {
        self.end
    }
}

/// Cuts columns into chunks of whole messages; a message that spans two column sets is joined.
///
/// Rows are checked a block at a time, right before they are used: the check brings a block into the processor's
/// cache in one go, which matters when the messages of many instruments take turns.
pub struct Chunker {
    block: usize,
    /// The columns being cut, and the first row that is not.
    open: Option<(Arc<dyn Columns>, usize)>,
    carry: EventColumns,
    last_recv: i64,
    /// Rows of the columns before the open ones.
    before: u64,
    /// Whether there are no more columns.
    ended: bool,
}

/// Why no more of the data can be had.
#[derive(Debug)]
pub enum FeedError<E> {
    /// Its source gave none.
    Source(E),
    /// Columns are malformed; so many rows came before them.
    Columns(u64, ColumnsError),
}

impl Default for Chunker {
    fn default() -> Self {
        Self::new(1 << 11)
    }
}

impl Chunker {
    /// Cuts chunks of about `block` rows.
    pub fn new(block: usize) -> Self {
        Self {
            block: block.max(1),
            open: None,
            carry: EventColumns::default(),
            last_recv: i64::MIN,
            before: 0,
            ended: false,
        }
    }

    /// Takes the next columns, once [`Self::next_chunk`] has no more of the previous ones.
    ///
    /// # Errors
    /// [`ColumnsError`] when the columns differ in length.
    pub fn push(&mut self, columns: Arc<dyn Columns>) -> Result<(), ColumnsError> {
        columns.view().check_lengths()?;
        self.open = Some((columns, 0));
        Ok(())
    }

    /// The next chunk; `None` when more columns are needed.
    ///
    /// # Errors
    /// [`ColumnsError`] when a row is malformed or lies before the row above, which may be in earlier columns.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, ColumnsError> {
        while let Some((columns, start)) = self.open.take() {
            let view = columns.view();
            let rows = view.len();
            if start == rows {
                self.before += rows as u64;
                break;
            }
            let joins = !self.carry.is_empty();
            let least = if joins { start + 1 } else { rows.min(start + self.block) };
            let end = view.message_end(least - 1);
            view.check_rows(start, end, self.last_recv)?;
            let got = view.ts_recv[start];
            if joins && got != self.last_recv {
                let (row, column) = (start, "ts_recv");
                return Err(ColumnsError::BadValue { row, column, got, expected: ONE_RECEIPT });
            }
            self.last_recv = view.ts_recv[end - 1];
            // What follows the last complete message waits for the columns to come.
            let whole = view.flags[start..end]
                .iter()
                .rposition(|f| f & FLAG_LAST != 0)
                .map_or(start, |last| start + last + 1);
            if joins || whole < end {
                for row in if joins { start } else { whole }..end {
                    self.carry.push(view.event(row));
                }
            }
            self.open = Some((Arc::clone(&columns), end));
            if joins && whole > start {
                return Ok(Some(self.carried()));
            }
            if !joins && whole > start {
                return Ok(Some(Chunk { columns, start, end: whole }));
            }
        }
        Ok(None)
    }

    /// The next chunk, asking `more` for columns as long as it needs any; `None` at the end of the data.
    ///
    /// # Errors
    /// [`FeedError`]; nothing comes after one.
    pub fn pull<E>(
        &mut self,
        mut more: impl FnMut() -> Result<Option<Arc<dyn Columns>>, E>,
    ) -> Result<Option<Chunk>, FeedError<E>> {
        loop {
            let chunk = self.next_chunk().map_err(|error| FeedError::Columns(self.before, error))?;
            if chunk.is_some() || self.ended {
                return Ok(chunk);
            }
            let Some(columns) = more().map_err(FeedError::Source)? else {
                self.ended = true;
                return Ok(self.finish());
            };
            self.push(columns).map_err(|error| FeedError::Columns(self.before, error))?;
        }
    }

    /// Whether the end of the data was reached.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// What is left at the end of the data: a message without a last row counts as complete.
    pub fn finish(&mut self) -> Option<Chunk> {
        self.carry.end_message();
        (!self.carry.is_empty()).then(|| self.carried())
    }

    /// Rows of the columns before those being cut.
    pub fn rows_before(&self) -> u64 {
        self.before
    }

    fn carried(&mut self) -> Chunk {
        Chunk::of(Arc::new(std::mem::take(&mut self.carry)))
    }
}

/// A reading position in chunks.
#[derive(Clone, Default)]
pub struct Cursor {
    /// The chunk being read.
    front: Option<Chunk>,
    later: VecDeque<Chunk>,
    row: usize,
    passed: u64,
}

impl Cursor {
    /// At the start of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// At the start of what comes after `passed` rows.
    pub fn after(passed: u64) -> Self {
        Self { passed, ..Self::default() }
    }

    /// Appends a chunk.
    pub fn push(&mut self, chunk: Chunk) {
        if self.front.is_some() {
            self.later.push_back(chunk);
        } else {
            self.row = chunk.start;
            self.front = Some(chunk);
        }
    }

    /// The chunk and row of the next message, if one is loaded.
    #[inline]
    pub fn front(&self) -> Option<(&Chunk, usize)> {
        self.front.as_ref().map(|chunk| (chunk, self.row))
    }

    /// Moves on to `row` of the front chunk, and past it at its end.
    #[inline]
    pub fn advance_to(&mut self, row: usize) {
        self.passed += (row - self.row) as u64;
        self.row = row;
        if let Some(chunk) = &self.front
            && row >= chunk.end
        {
            self.front = self.later.pop_front();
            self.row = self.front.as_ref().map_or(0, |c| c.start);
        }
    }

    /// Whether no message is loaded.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// Rows passed since the start.
    #[inline]
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Moves on over what is loaded until `passed` rows have been passed; `each` sees the rows, piece by piece.
    pub fn read_until(&mut self, passed: u64, mut each: impl FnMut(&View<'_>, usize, usize)) {
        self.move_until(passed, |chunk, from, to| each(&chunk.view(), from, to));
    }

    /// Moves on as [`Cursor::read_until`], unread.
    pub fn skip_until(&mut self, passed: u64) {
        self.move_until(passed, |_, _, _| ());
    }

    #[inline]
    fn move_until(&mut self, passed: u64, mut each: impl FnMut(&Chunk, usize, usize)) {
        while self.passed < passed {
            let Some(chunk) = &self.front else { break };
            let step = (passed - self.passed).min((chunk.end - self.row) as u64);
            let end = self.row + step as usize;
            each(chunk, self.row, end);
            self.advance_to(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventKind};
    use proptest::prelude::*;

    fn rows(flags: &[bool]) -> EventColumns {
        let mut columns = EventColumns::default();
        let mut ts_recv = 0;
        for (i, last) in flags.iter().enumerate() {
            // What is of one message is received at once.
            if i == 0 || flags[i - 1] {
                ts_recv = i as i64;
            }
            columns.push(Event {
                ts_event: i as i64,
                ts_recv,
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

    fn messages(parts: Vec<EventColumns>, block: usize) -> Vec<Vec<i64>> {
        let mut chunker = Chunker::new(block);
        let mut cursor = Cursor::new();
        for part in parts {
            chunker.push(Arc::new(part)).unwrap();
            while let Some(chunk) = chunker.next_chunk().unwrap() {
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
            block in 1usize..20,
        ) {
            let columns = rows(&flags);
            let whole = messages(vec![columns.clone()], 100);
            prop_assert!(whole.iter().flatten().copied().eq(0..flags.len() as i64));
            prop_assert_eq!(messages(split(&columns, &cuts), block), whole);
        }
    }

    #[test]
    fn a_message_that_goes_on_in_other_columns_was_received_at_once() {
        for (ts_recv, is_sound) in [(1, true), (2, false)] {
            let mut chunker = Chunker::new(2);
            chunker.push(Arc::new(rows(&[true, false]))).unwrap();
            while chunker.next_chunk().unwrap().is_some() {}
            let mut rest = rows(&[true]);
            rest.ts_recv[0] = ts_recv;
            chunker.push(Arc::new(rest)).unwrap();
            let error = chunker.next_chunk().err().map(|error| error.to_string());
            assert_eq!(error.is_none(), is_sound, "{error:?}");
        }
    }

    #[test]
    fn columns_that_begin_before_the_last_ended_are_refused() {
        let mut chunker = Chunker::new(2);
        chunker.push(Arc::new(rows(&[true, true, true]))).unwrap();
        while chunker.next_chunk().unwrap().is_some() {}
        assert_eq!(chunker.rows_before(), 3);
        chunker.push(Arc::new(rows(&[true]))).unwrap();
        assert_eq!(chunker.next_chunk().err(), Some(ColumnsError::Unsorted { row: 0, got: 0, previous: 2 }));
    }

    #[test]
    fn a_bad_row_is_named_by_its_place_in_its_columns() {
        let mut columns = rows(&[true; 8]);
        columns.qty[5] = -3;
        let mut chunker = Chunker::new(2);
        chunker.push(Arc::new(columns)).unwrap();
        assert!(chunker.next_chunk().unwrap().is_some() && chunker.next_chunk().unwrap().is_some());
        let error = chunker.next_chunk().err().map(|e| e.to_string());
        assert_eq!(error.as_deref(), Some("row 5: qty -3 is not zero or more"));
    }
}
