//! Readers of different formats as one: a venue publishes depth in one form, trades in another.

use super::error::PlacedError;
use crate::event::{Columns as _, EventColumns, Heads};

/// Rows that a reader reads ahead.
const BLOCK: usize = 1 << 13;

/// Reads whole messages in order of receipt.
pub trait ReadEvents {
    /// Appends whole messages until `out` holds at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] naming the file and line.
    fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError>;
}

/// A reader with a block of its messages.
struct Ahead<R> {
    reader: R,
    block: EventColumns,
    /// First row of the block not handed out.
    at: usize,
    has_ended: bool,
}

impl<R: ReadEvents> Ahead<R> {
    /// When the next message was received, read if need be; `None` at the end.
    fn time(&mut self) -> Result<Option<i64>, PlacedError> {
        while self.at == self.block.len() {
            if self.has_ended {
                return Ok(None);
            }
            self.block.truncate(0);
            self.at = 0;
            self.has_ended = !self.reader.read(&mut self.block, BLOCK)?;
        }
        Ok(Some(self.block.ts_recv[self.at]))
    }
}

/// Readers merged by the time of receipt; of equal times the first reader's messages come first.
pub struct Merged<R> {
    ahead: Vec<Ahead<R>>,
    heads: Heads,
    has_begun: bool,
}

impl<R: ReadEvents> Merged<R> {
    /// Merges readers of one instrument.
    pub fn new(readers: Vec<R>) -> Self {
        let heads = Heads::new(readers.len());
        let ahead = |reader| Ahead { reader, block: EventColumns::default(), at: 0, has_ended: false };
        Self { ahead: readers.into_iter().map(ahead).collect(), heads, has_begun: false }
    }

    /// The readers.
    pub fn readers(&self) -> impl Iterator<Item = &R> {
        self.ahead.iter().map(|ahead| &ahead.reader)
    }
}

impl<R: ReadEvents> ReadEvents for Merged<R> {
    fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        if !self.has_begun {
            for (index, ahead) in self.ahead.iter_mut().enumerate() {
                self.heads.set(index, ahead.time()?);
            }
            self.has_begun = true;
        }
        while out.len() < rows {
            let Some((index, _)) = self.heads.first() else { return Ok(false) };
            let (last, ahead) = (self.heads.leads_until(index), &mut self.ahead[index]);
            let (start, wanted) = (ahead.at, rows - out.len());
            // Every message up to the next head of another reader goes in one copy.
            while ahead.at < ahead.block.len()
                && ahead.block.ts_recv[ahead.at] <= last
                && ahead.at - start < wanted
            {
                ahead.at = ahead.block.view().message_end(ahead.at);
            }
            out.extend_from(&ahead.block, start, ahead.at);
            let time = ahead.time()?;
            self.heads.set(index, time);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventKind, FLAG_LAST};

    /// Messages of two rows at some times, as many a read as asked for.
    struct Times(Vec<i64>, u64);

    impl ReadEvents for Times {
        fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
            while out.len() < rows {
                if self.0.is_empty() {
                    return Ok(false);
                }
                let time = self.0.remove(0);
                for flags in [0, FLAG_LAST] {
                    out.push(Event {
                        ts_event: time,
                        ts_recv: time,
                        kind: EventKind::BookSet,
                        side: 1,
                        flags,
                        price: 1,
                        qty: 1,
                        id: self.1,
                    });
                }
            }
            Ok(true)
        }
    }

    #[test]
    fn messages_come_whole_and_in_order_of_receipt() {
        for rows in [1, 3, 4, 1_000] {
            let readers = vec![Times(vec![1, 4, 4, 9], 1), Times(vec![], 2), Times(vec![0, 4, 5, 10], 3)];
            let (mut merged, mut out) = (Merged::new(readers), EventColumns::default());
            loop {
                let mut piece = EventColumns::default();
                let goes_on = merged.read(&mut piece, rows).unwrap();
                assert!(piece.len() <= rows + 1);
                out.extend_from(&piece, 0, piece.len());
                if !goes_on {
                    break;
                }
            }
            let told: Vec<_> = out.ts_recv.chunks(2).zip(out.id.chunks(2)).collect();
            let expected = [(0, 3), (1, 1), (4, 1), (4, 1), (4, 3), (5, 3), (9, 1), (10, 3)];
            let got: Vec<_> = told.iter().map(|(times, ids)| (times[0], ids[0])).collect();
            assert_eq!(got, expected);
            assert!(told.iter().all(|(times, ids)| times[0] == times[1] && ids[0] == ids[1]));
        }
    }
}
