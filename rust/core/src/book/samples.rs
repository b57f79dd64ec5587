//! A book as it stood at regular times.

use super::l2::L2Book;
use crate::event::{Chunk, Cursor};

/// Replays messages into a book and stops at the multiples of an interval, on our clock.
///
/// At such a time the book holds the messages received up to it, and no later ones. The first time is not before the
/// first message, the last one not after the last message; in between none is left out, however long nothing came.
#[derive(Default)]
pub struct BookSampler {
    book: L2Book,
    every_ns: i64,
    from_ns: i64,
    cursor: Cursor,
    /// The next time, once there was a message.
    next: Option<i64>,
    /// When the newest message in the book was received.
    known: i64,
}

impl BookSampler {
    /// At multiples of `every_ns`, at least 1 ns, from `from_ns` on.
    pub fn new(every_ns: i64, from_ns: i64) -> Self {
        Self { every_ns: every_ns.max(1), from_ns, ..Self::default() }
    }

    /// Takes the next messages, once [`Self::next_sample`] has no more.
    pub fn push(&mut self, chunk: Chunk) {
        self.cursor.push(chunk);
    }

    /// The next time, at which [`Self::book`] then is; `None` when more messages are needed.
    pub fn next_sample(&mut self) -> Option<i64> {
        while let Some((chunk, row)) = self.cursor.front() {
            let view = chunk.view();
            let end = view.message_end(row);
            let received = view.ts_recv[end - 1];
            let next = *self.next.get_or_insert_with(|| {
                let from = received.max(self.from_ns);
                from.saturating_add((-from).rem_euclid(self.every_ns))
            });
            if next < received {
                return Some(self.pass(next));
            }
            self.book.apply(&view, row, end);
            self.known = received;
            self.cursor.advance_to(end);
        }
        None
    }

    /// The next time once all messages have been taken; `None` when there is none up to the last of them.
    pub fn last_sample(&mut self) -> Option<i64> {
        let next = self.next.filter(|next| *next <= self.known)?;
        Some(self.pass(next))
    }

    /// The book at the time last returned.
    pub fn book(&self) -> &L2Book {
        &self.book
    }

    fn pass(&mut self, time: i64) -> i64 {
        self.next = Some(time.saturating_add(self.every_ns));
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Chunker, Event, EventColumns, EventKind, FLAG_LAST};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn chunks(events: &[Event], block: usize) -> Vec<Chunk> {
        let mut columns = EventColumns::default();
        for event in events {
            columns.push(*event);
        }
        let mut chunker = Chunker::new(block);
        chunker.push(Arc::new(columns)).unwrap();
        let mut chunks = Vec::new();
        while let Some(chunk) = chunker.next_chunk().unwrap() {
            chunks.push(chunk);
        }
        chunks.extend(chunker.finish());
        chunks
    }

    fn samples(events: &[Event], block: usize, every: i64, from: i64) -> Vec<(i64, Option<i64>)> {
        let mut sampler = BookSampler::new(every, from);
        let mut out = Vec::new();
        for chunk in chunks(events, block) {
            sampler.push(chunk);
            while let Some(time) = sampler.next_sample() {
                out.push((time, sampler.book().best_bid()));
            }
        }
        while let Some(time) = sampler.last_sample() {
            out.push((time, sampler.book().best_bid()));
        }
        out
    }

    fn bid(ts: i64, price: i64, qty: i64, last: bool) -> Event {
        let (kind, flags) = (EventKind::BookSet, if last { FLAG_LAST } else { 0 });
        Event { ts_event: ts, ts_recv: ts, kind, side: 1, flags, price, qty, id: 0 }
    }

    #[test]
    fn a_message_counts_from_the_time_it_was_received_and_only_as_a_whole() {
        let events = [bid(7, 5, 1, true), bid(10, 6, 1, true), bid(21, 7, 1, false), bid(21, 8, 1, true)];
        assert_eq!(samples(&events, 1, 10, i64::MIN), [(10, Some(6)), (20, Some(6))]);
        assert_eq!(samples(&events, 1, 7, 0), [(7, Some(5)), (14, Some(6)), (21, Some(8))]);
        assert_eq!(samples(&events, 1, 10, 11), [(20, Some(6))]);
        assert_eq!(samples(&events, 1, 10, 21), []);
        assert_eq!(samples(&[], 1, 10, 0), []);
    }

    proptest! {
        #[test]
        fn a_sample_is_the_book_of_the_messages_received_by_then(
            rows in proptest::collection::vec((0i64..12, 1i64..9, 0i64..3), 1..60),
            every in 1i64..9,
            from in 0i64..80,
            block in 1usize..20,
        ) {
            let mut now = 0;
            let mut events = Vec::new();
            for (wait, price, qty) in rows {
                now += wait;
                events.push(bid(now, price, qty, true));
            }
            let (first, last) = (events[0].ts_recv.max(from), now);
            let expected: Vec<_> = (first..=last)
                .filter(|time| time % every == 0)
                .map(|time| {
                    let mut book = L2Book::new();
                    for event in events.iter().filter(|event| event.ts_recv <= time) {
                        book.set(crate::types::Side::Buy, event.price, event.qty);
                    }
                    (time, book.best_bid())
                })
                .collect();
            prop_assert_eq!(samples(&events, block, every, from), expected);
        }
    }
}
