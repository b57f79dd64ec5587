//! Where a book of snapshots and deltas stands, when both come in the order they were made in: nothing waits for
//! anything.

use crate::book::{DeltaIds, Sequence, SyncRule};

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Step {
    /// It is the next one.
    Apply,
    /// It is the first one, and the book may begin with nothing.
    Start,
    /// It is a copy, or older than what is known.
    Known,
    /// No snapshot came before it.
    Unsynced,
    /// One is missing before it: the book is void, or begins anew with it where it may begin with nothing.
    Gap,
}

/// The sequence of a book's messages.
#[derive(Debug, Default)]
pub(in crate::decode) struct Chain {
    /// Last id applied, and whether it is a snapshot's.
    applied: Option<(u64, bool)>,
}

impl Chain {
    /// A delta; where the book may begin with nothing, the first one does it.
    pub(in crate::decode) fn delta(&mut self, rule: SyncRule, ids: DeltaIds, may_start: bool) -> Step {
        let Some((id, is_snapshot)) = self.applied else {
            if may_start {
                self.applied = Some((ids.last, false));
            }
            return if may_start { Step::Start } else { Step::Unsynced };
        };
        let sequence = if is_snapshot { rule.after_snapshot(id, ids) } else { rule.after_delta(id, ids) };
        match sequence {
            Sequence::Stale => Step::Known,
            Sequence::Next => {
                self.applied = Some((ids.last, false));
                Step::Apply
            }
            Sequence::Gap => {
                self.applied = may_start.then_some((ids.last, false));
                Step::Gap
            }
        }
    }

    /// A snapshot: applied, unless the book has got to it already.
    pub(in crate::decode) fn snapshot(&mut self, id: u64) -> Step {
        if self.applied.is_some_and(|(last, _)| id <= last) {
            return Step::Known;
        }
        self.restart(id);
        Step::Apply
    }

    /// A snapshot that counts whatever was before: the venue began anew.
    pub(in crate::decode) fn restart(&mut self, id: u64) {
        self.applied = Some((id, true));
    }
}
