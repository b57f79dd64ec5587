//! Keeping a book equal to the venue's: one state machine, with each venue's sequence rule plugged in.
//!
//! `Empty -> Buffering -> Synced -> Gap -> Buffering`. Deltas that arrive before a snapshot are kept; the snapshot
//! is taken if a kept (or the next) delta continues it. A delta that does not follow the one before is a gap: the
//! book is void at once, the delta starts a new buffer, and only a new snapshot ends the gap. Nothing bridges it.
//!
//! Where a venue sends its snapshots in the stream of the deltas, in their place, nothing is kept: a delta without a
//! snapshot before it is dropped, and a snapshot counts whatever was before.

use std::fmt;

use super::state::BookState;

/// Sequence numbers of a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaIds {
    /// First update it covers.
    pub first: u64,
    /// Last update it covers.
    pub last: u64,
    /// Last update of the delta before it, where the venue says.
    pub previous: Option<u64>,
}

impl DeltaIds {
    /// A delta that is one update.
    pub fn one(id: u64) -> Self {
        Self { first: id, last: id, previous: None }
    }
}

/// How a delta relates to what has been applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// Covers nothing new.
    Stale,
    /// Continues without a hole.
    Next,
    /// Something in between is missing.
    Gap,
}

/// A venue's sequence rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncRule {
    /// Binance spot: update ids are contiguous, `U <= id + 1 <= u`.
    BinanceSpot,
    /// Binance futures: `pu` names the previous event; the first after a snapshot covers its id.
    BinanceFutures,
    /// Bybit: ids of one topic grow by one, and snapshots come in it.
    Bybit,
    /// Coinbase: a book's messages come in order, snapshots among them, and have no ids of their own. What is lost shows
    /// in the sequence of the whole connection, if anywhere.
    Coinbase,
    /// Coinbase's channel of single orders: each message of a product has the next number, snapshots are asked for.
    CoinbaseOrders,
}

impl SyncRule {
    /// Whether snapshots come between the deltas, in their place.
    pub fn is_in_stream(self) -> bool {
        match self {
            Self::BinanceSpot | Self::BinanceFutures | Self::CoinbaseOrders => false,
            Self::Bybit | Self::Coinbase => true,
        }
    }

    /// A delta after a snapshot with this id.
    pub fn after_snapshot(self, id: u64, delta: DeltaIds) -> Sequence {
        match self {
            Self::BinanceSpot | Self::Bybit | Self::Coinbase | Self::CoinbaseOrders => {
                self.after_delta(id, delta)
            }
            Self::BinanceFutures => {
                if delta.last < id {
                    Sequence::Stale
                } else if delta.first <= id || delta.previous == Some(id) {
                    Sequence::Next
                } else {
                    Sequence::Gap
                }
            }
        }
    }

    /// A delta after a delta that ended with this id.
    pub fn after_delta(self, id: u64, delta: DeltaIds) -> Sequence {
        if delta.last <= id {
            return Sequence::Stale;
        }
        let follows = match self {
            Self::BinanceSpot | Self::Bybit | Self::CoinbaseOrders => delta.first <= id.saturating_add(1),
            Self::BinanceFutures => delta.previous == Some(id),
            Self::Coinbase => true,
        };
        if follows { Sequence::Next } else { Sequence::Gap }
    }
}

/// What to do with a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaAction {
    /// Apply it.
    Apply,
    /// Keep it until a snapshot comes.
    Buffer,
    /// Drop everything kept, then keep it: what was kept does not lead to it.
    Restart,
    /// Nothing new in it.
    Ignore,
    /// A message is missing: void the book, then keep it where a snapshot may yet lead to it.
    Gap,
    /// Drop it: no snapshot came before it, and none can lead to it any more.
    Unsynced,
}

/// Why a book is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GapReason {
    /// A delta did not follow on the one before.
    Update {
        /// Last update before the hole.
        after: u64,
        /// The update that the delta is the first after, by its own account.
        previous: u64,
    },
    /// The messages of a connection are numbered, and some are missing: nobody knows of which book.
    Message {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// Trades are numbered, and some are missing, so changes of the book may be as well.
    Trade {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// A change crossed the book, so one that took the other side away is missing.
    Crossed,
    /// The venue's best prices say that a level is gone, and no change does.
    Denied,
    /// The venue's service began anew, and sent no snapshot with it.
    Restart,
    /// The connection ended, or another one began.
    Reconnect,
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update { after, previous } => {
                write!(f, "an update that follows on {previous} came after {after}")
            }
            Self::Message { expected, got } => {
                write!(f, "message {got} of the connection came where {expected} was due")
            }
            Self::Trade { expected, got } => write!(f, "trade {got} came where {expected} was due"),
            Self::Crossed => f.write_str("a change of a level is missing: the book is crossed"),
            Self::Denied => {
                f.write_str("a change of a level is missing: the venue's best price is worse than it")
            }
            Self::Restart => f.write_str("the venue's service began anew without a snapshot"),
            Self::Reconnect => f.write_str("the connection ended"),
        }
    }
}

/// What to do with a snapshot, given the deltas kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotAction {
    /// Load it, then apply the kept deltas from this one on.
    Load {
        /// Index of the first kept delta to apply.
        from: usize,
    },
    /// It is older than what is already known.
    Ignore,
    /// Even the oldest kept delta is too new: fetch another.
    TooOld,
}

/// Where a book stands with its venue.
#[derive(Debug, Clone)]
pub struct BookSync {
    rule: SyncRule,
    state: BookState,
    /// Last id applied, and whether it is a snapshot's.
    applied: (u64, bool),
    /// Ids of the deltas kept.
    kept: Vec<DeltaIds>,
    limit: usize,
    gaps: u64,
    reason: Option<GapReason>,
}

impl BookSync {
    /// A book that has seen nothing; at most `limit` deltas are kept.
    pub fn new(rule: SyncRule, limit: usize) -> Self {
        Self {
            rule,
            state: BookState::Empty,
            applied: (0, false),
            kept: Vec::new(),
            limit: limit.max(1),
            gaps: 0,
            reason: None,
        }
    }

    /// Where the book stands.
    pub fn state(&self) -> BookState {
        self.state
    }

    /// Gaps found so far.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Why the book was void last.
    pub fn gap_reason(&self) -> Option<GapReason> {
        self.reason
    }

    /// Voids the book, and what waits for a snapshot, for a reason that its own ids do not show. Whether there was a book.
    /// The end of a connection is no gap of the venue's sequence.
    pub fn void(&mut self, reason: GapReason) -> bool {
        let was_synced = self.state == BookState::Synced;
        self.kept.clear();
        if self.state != BookState::Empty {
            self.state = BookState::Gap;
            self.reason = Some(reason);
        }
        self.gaps += u64::from(was_synced && reason != GapReason::Reconnect);
        was_synced
    }

    /// Counts a hole in the ids.
    fn count_hole(&mut self, after: u64, ids: DeltaIds) {
        let previous = ids.previous.unwrap_or(ids.first.saturating_sub(1));
        self.gaps += 1;
        self.reason = Some(GapReason::Update { after, previous });
    }

    /// Last update id the book contains.
    pub fn last_id(&self) -> u64 {
        self.applied.0
    }

    /// Where the chain of deltas ends, if there is one.
    pub(crate) fn end(&self) -> Option<u64> {
        match (self.state, self.applied) {
            (BookState::Synced, (_, true)) => None,
            (BookState::Synced, (id, false)) => Some(id),
            _ => self.kept.last().map(|last| last.last),
        }
    }

    /// Takes the ids of a delta and says what to do with it.
    pub fn on_delta(&mut self, ids: DeltaIds) -> DeltaAction {
        if self.state == BookState::Synced {
            let (id, from_snapshot) = self.applied;
            let sequence = if from_snapshot {
                self.rule.after_snapshot(id, ids)
            } else {
                self.rule.after_delta(id, ids)
            };
            return match sequence {
                Sequence::Stale => DeltaAction::Ignore,
                Sequence::Next => {
                    self.applied = (ids.last, false);
                    DeltaAction::Apply
                }
                Sequence::Gap => {
                    self.count_hole(id, ids);
                    self.state = BookState::Gap;
                    if !self.rule.is_in_stream() {
                        self.restart(ids);
                    }
                    DeltaAction::Gap
                }
            };
        }
        if self.rule.is_in_stream() {
            return DeltaAction::Unsynced;
        }
        self.state = BookState::Buffering;
        let end = self.kept.last().map_or(0, |last| last.last);
        let sequence = (!self.kept.is_empty()).then(|| self.rule.after_delta(end, ids));
        match sequence {
            Some(Sequence::Stale) => DeltaAction::Ignore,
            Some(Sequence::Gap) => {
                self.count_hole(end, ids);
                self.restart(ids)
            }
            Some(Sequence::Next) if self.kept.len() >= self.limit => self.restart(ids),
            _ => {
                self.kept.push(ids);
                DeltaAction::Buffer
            }
        }
    }

    /// Keeps a delta, which has been taken, and none before it: for lack of room, or since they do not lead to it.
    pub fn restart(&mut self, ids: DeltaIds) -> DeltaAction {
        self.kept.clear();
        self.kept.push(ids);
        DeltaAction::Restart
    }

    /// Whether changes that a known book does not go on with go on from a snapshot that was not taken.
    pub fn leads_from(&self, snapshot: u64, delta: DeltaIds) -> bool {
        let (last, is_snapshot) = self.applied;
        let rule = self.rule;
        let own = if is_snapshot { rule.after_snapshot(last, delta) } else { rule.after_delta(last, delta) };
        let is_known = self.state == BookState::Synced;
        is_known && own == Sequence::Gap && rule.after_snapshot(snapshot, delta) == Sequence::Next
    }

    /// Takes a snapshot's id and says what to do with it.
    pub fn on_snapshot(&mut self, id: u64) -> SnapshotAction {
        if self.state == BookState::Synced && id <= self.applied.0 && !self.rule.is_in_stream() {
            return SnapshotAction::Ignore;
        }
        let stale = |delta: &&DeltaIds| self.rule.after_snapshot(id, **delta) == Sequence::Stale;
        let from = self.kept.iter().take_while(stale).count();
        if let Some(first) = self.kept.get(from)
            && self.rule.after_snapshot(id, *first) == Sequence::Gap
        {
            return SnapshotAction::TooOld;
        }
        self.applied = match self.kept.last() {
            Some(last) if from < self.kept.len() => (last.last, false),
            _ => (id, true),
        };
        self.kept.clear();
        self.state = BookState::Synced;
        SnapshotAction::Load { from }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(first: u64, last: u64) -> DeltaIds {
        DeltaIds { first, last, previous: None }
    }

    fn futures(first: u64, last: u64, previous: u64) -> DeltaIds {
        DeltaIds { first, last, previous: Some(previous) }
    }

    #[test]
    fn spot_bridges_a_snapshot_that_arrives_late() {
        let mut sync = BookSync::new(SyncRule::BinanceSpot, 100);
        for ids in [spot(1, 5), spot(6, 9), spot(10, 12)] {
            assert_eq!(sync.on_delta(ids), DeltaAction::Buffer);
        }
        assert_eq!(sync.state(), BookState::Buffering);
        assert_eq!(sync.on_snapshot(7), SnapshotAction::Load { from: 1 });
        assert_eq!((sync.state(), sync.last_id()), (BookState::Synced, 12));
        assert_eq!(sync.on_delta(spot(13, 13)), DeltaAction::Apply);
        assert_eq!(sync.on_delta(spot(10, 12)), DeltaAction::Ignore);
        assert_eq!(sync.on_delta(spot(15, 16)), DeltaAction::Gap);
        assert_eq!((sync.state(), sync.gaps()), (BookState::Gap, 1));
        assert_eq!(sync.on_delta(spot(17, 18)), DeltaAction::Buffer);
        assert_eq!(sync.on_snapshot(13), SnapshotAction::TooOld);
        assert_eq!(sync.on_snapshot(16), SnapshotAction::Load { from: 1 });
    }

    #[test]
    fn futures_jump_in_ids_but_not_in_links() {
        let mut sync = BookSync::new(SyncRule::BinanceFutures, 100);
        sync.on_delta(futures(10, 20, 5));
        sync.on_delta(futures(30, 40, 20));
        // The snapshot was taken exactly at an event's end.
        assert_eq!(sync.on_snapshot(40), SnapshotAction::Load { from: 1 });
        assert_eq!(sync.on_delta(futures(55, 60, 40)), DeltaAction::Apply);
        assert_eq!(sync.on_delta(futures(61, 70, 61)), DeltaAction::Gap);
    }

    #[test]
    fn a_snapshot_without_deltas_waits_for_the_one_that_continues_it() {
        let mut sync = BookSync::new(SyncRule::BinanceFutures, 100);
        assert_eq!(sync.on_snapshot(40), SnapshotAction::Load { from: 0 });
        assert_eq!(sync.on_delta(futures(1, 39, 0)), DeltaAction::Ignore);
        assert_eq!(sync.on_delta(futures(50, 60, 40)), DeltaAction::Apply);

        let mut late = BookSync::new(SyncRule::BinanceSpot, 100);
        assert_eq!(late.on_snapshot(40), SnapshotAction::Load { from: 0 });
        assert_eq!(late.on_delta(spot(43, 60)), DeltaAction::Gap);
    }

    #[test]
    fn a_hole_inside_the_buffer_is_a_gap_too() {
        let mut sync = BookSync::new(SyncRule::BinanceSpot, 100);
        sync.on_delta(spot(1, 5));
        assert_eq!(sync.on_delta(spot(8, 9)), DeltaAction::Restart);
        assert_eq!(sync.gaps(), 1);
        assert_eq!(sync.on_snapshot(6), SnapshotAction::TooOld);
        assert_eq!(sync.on_snapshot(8), SnapshotAction::Load { from: 0 });
    }

    #[test]
    fn a_snapshot_in_the_stream_counts_whatever_was_before() {
        let mut sync = BookSync::new(SyncRule::Bybit, 100);
        assert_eq!(sync.on_delta(spot(4, 4)), DeltaAction::Unsynced);
        assert_eq!(sync.state(), BookState::Empty);
        assert_eq!(sync.on_snapshot(7), SnapshotAction::Load { from: 0 });
        assert_eq!(sync.on_delta(spot(8, 8)), DeltaAction::Apply);
        assert_eq!(sync.on_delta(spot(8, 8)), DeltaAction::Ignore);
        assert_eq!(sync.on_delta(spot(10, 10)), DeltaAction::Gap);
        assert_eq!((sync.state(), sync.gaps()), (BookState::Gap, 1));
        assert_eq!(sync.gap_reason(), Some(GapReason::Update { after: 8, previous: 9 }));
        assert_eq!(sync.on_delta(spot(11, 11)), DeltaAction::Unsynced);
        assert_eq!(sync.state(), BookState::Gap);
        assert_eq!(sync.on_snapshot(1), SnapshotAction::Load { from: 0 });
        assert_eq!(sync.on_delta(spot(2, 2)), DeltaAction::Apply);
    }

    #[test]
    fn a_book_is_void_for_reasons_beyond_its_ids() {
        let mut sync = BookSync::new(SyncRule::Coinbase, 100);
        assert!(!sync.void(GapReason::Reconnect));
        assert_eq!((sync.state(), sync.gap_reason()), (BookState::Empty, None));
        sync.on_snapshot(3);
        assert_eq!(sync.on_delta(spot(9, 9)), DeltaAction::Apply);
        assert!(sync.void(GapReason::Message { expected: 10, got: 12 }));
        assert_eq!((sync.state(), sync.gaps()), (BookState::Gap, 1));
        assert_eq!(sync.on_delta(spot(12, 12)), DeltaAction::Unsynced);
        sync.on_snapshot(13);
        assert!(sync.void(GapReason::Reconnect));
        assert_eq!((sync.gaps(), sync.gap_reason()), (1, Some(GapReason::Reconnect)));
        let mut kept = BookSync::new(SyncRule::BinanceSpot, 100);
        kept.on_delta(spot(1, 5));
        assert!(!kept.void(GapReason::Reconnect));
        assert_eq!(kept.on_snapshot(3), SnapshotAction::Load { from: 0 });
        assert_eq!(kept.last_id(), 3, "what waited is gone");
    }

    #[test]
    fn the_buffer_is_bounded() {
        let mut sync = BookSync::new(SyncRule::BinanceSpot, 2);
        sync.on_delta(spot(1, 1));
        sync.on_delta(spot(2, 2));
        assert_eq!(sync.on_delta(spot(3, 3)), DeltaAction::Restart);
        assert_eq!(sync.on_snapshot(2), SnapshotAction::Load { from: 0 });
    }
}
