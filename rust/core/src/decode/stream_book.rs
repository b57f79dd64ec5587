//! A book whose snapshots come between its changes, in their place.

use crate::book::{BookState, BookSync, DeltaAction, DeltaIds, GapReason, SyncRule};
use crate::event::{EventKind, EventSink};
use crate::types::Level;

use super::feed::FeedMessage;
use super::stamps::Stamps;

/// Where a book stands; what is applied goes to a sink.
#[derive(Debug)]
pub(super) struct StreamBook {
    sync: BookSync,
    /// Whether changes make a book of nothing where no snapshot is.
    starts_empty: bool,
}

impl StreamBook {
    /// A book that has seen nothing.
    pub(super) fn new(rule: SyncRule) -> Self {
        debug_assert!(rule.is_in_stream(), "nothing waits for a snapshot here");
        Self { sync: BookSync::new(rule, 1), starts_empty: false }
    }

    /// Makes the book of nothing where no snapshot is.
    pub(super) fn start_empty(&mut self) {
        self.starts_empty = true;
    }

    /// Where the book stands.
    pub(super) fn sync(&self) -> &BookSync {
        &self.sync
    }

    /// Whether the book is the venue's.
    pub(super) fn is_synced(&self) -> bool {
        self.sync.state() == BookState::Synced
    }

    /// Takes a whole book.
    pub(super) fn snapshot(
        &mut self,
        id: u64,
        stamps: Stamps,
        sides: [&[Level]; 2],
        out: &mut impl EventSink,
    ) -> FeedMessage {
        let action = self.sync.on_snapshot(id);
        stamps.book(sides, out);
        FeedMessage::Snapshot(action)
    }

    /// Takes changes of levels; a hole voids the book, which begins anew with them where it may begin with nothing.
    pub(super) fn delta(
        &mut self,
        ids: DeltaIds,
        stamps: Stamps,
        [bids, asks]: [&[Level]; 2],
        out: &mut impl EventSink,
    ) -> FeedMessage {
        let action = self.sync.on_delta(ids);
        match action {
            DeltaAction::Apply if !(bids.is_empty() && asks.is_empty()) => {
                out.push_levels(stamps.row(EventKind::BookSet), bids, asks);
                out.end_message();
            }
            DeltaAction::Gap => stamps.clear(out),
            DeltaAction::Apply
            | DeltaAction::Ignore
            | DeltaAction::Unsynced
            | DeltaAction::Buffer
            | DeltaAction::Restart => {}
        }
        let has_none = matches!(action, DeltaAction::Unsynced | DeltaAction::Gap);
        if self.starts_empty && has_none && !(bids.is_empty() && asks.is_empty()) {
            self.sync.on_snapshot(ids.last);
            stamps.book([bids, asks], out);
        }
        FeedMessage::Depth(action)
    }

    /// Voids the book for a reason that its own ids do not show.
    pub(super) fn void(&mut self, reason: GapReason, stamps: Stamps, out: &mut impl EventSink) {
        if self.sync.void(reason) {
            stamps.clear(out);
        }
    }
}
