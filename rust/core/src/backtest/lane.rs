//! One market's recorded data on its way to the venue and to us.

use std::sync::Arc;

use super::arrivals::Arrivals;
use crate::event::{Chunk, Chunker, Columns, ColumnsError, Cursor};
use crate::kernel::HookError;
use crate::sim::{FeedClock, Stamp};

/// Where a market's columns come from, piece by piece in order of time.
pub trait ChunkSource: Send {
    /// The next columns, `None` at the end.
    ///
    /// # Errors
    /// A sentence naming what could not be read, or that the user asked to stop.
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError>;
}

/// Why no more of the data can be had.
pub(super) enum LaneError {
    /// The source gave none.
    Source(HookError),
    /// Columns are malformed; so many rows came before them.
    Columns(u64, ColumnsError),
}

/// One market's data.
pub(super) struct Lane {
    /// As far as the venue has got.
    pub(super) cursor: Cursor,
    /// Stamps each message once.
    pub(super) clock: FeedClock,
    /// Of the message that is next at the venue, while there is one.
    pub(super) head: Stamp,
    /// What the venue has passed and we do not know yet.
    pub(super) arrivals: Arrivals,
    /// Whether its messages are delivered one by one.
    pub(super) is_followed: bool,
    /// Whether it waits among the markets of which something is on its way and nobody will be woken.
    pub(super) is_awaited: bool,
    ended: bool,
    /// Apart, because it is asked once in many messages: what is asked at every one lies in fewer cache lines.
    feed: Box<Feed>,
}

/// Where the next columns come from.
struct Feed {
    source: Box<dyn ChunkSource>,
    chunker: Chunker,
}

impl Lane {
    pub(super) fn new(source: Box<dyn ChunkSource>, clock: FeedClock) -> Self {
        Self {
            cursor: Cursor::new(),
            clock,
            head: Stamp { venue: i64::MIN, visible: i64::MIN },
            arrivals: Arrivals::default(),
            is_followed: false,
            is_awaited: false,
            ended: false,
            feed: Box::new(Feed { source, chunker: Chunker::default() }),
        }
    }

    /// Whether there is no more data.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// When the next message that has not been delivered reaches us.
    #[inline]
    pub(super) fn next_visible(&self) -> Option<i64> {
        self.arrivals.next().or_else(|| (!self.cursor.is_empty()).then_some(self.head.visible))
    }

    /// Makes the next message known, reading more data if needed; `each` sees every chunk. Returns its venue time.
    pub(super) fn load(&mut self, mut each: impl FnMut(Chunk)) -> Result<Option<i64>, LaneError> {
        while self.cursor.is_empty() && !self.ended {
            let Feed { source, chunker } = &mut *self.feed;
            let before = chunker.rows_before();
            let mut chunk = chunker.next_chunk().map_err(|error| LaneError::Columns(before, error))?;
            if chunk.is_none() {
                if let Some(columns) = source.next_columns().map_err(LaneError::Source)? {
                    let before = chunker.rows_before();
                    chunker.push(columns).map_err(|error| LaneError::Columns(before, error))?;
                } else {
                    self.ended = true;
                    chunk = chunker.finish();
                }
            }
            if let Some(chunk) = chunk {
                self.cursor.push(chunk.clone());
                each(chunk);
            }
        }
        let Some((chunk, row)) = self.cursor.front() else { return Ok(None) };
        let view = chunk.view();
        self.head = self.clock.stamp(view.ts_event[row], view.ts_recv[row]);
        Ok(Some(self.head.venue))
    }
}
