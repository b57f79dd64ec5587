//! Which of several files of one kind is read at a time.
//!
//! Files of one kind follow one another, as days do. Where one begins before the one in front of it ends they are two
//! sources of the same, which makes every level, quote or mark come twice: an error. Trades may be there twice, in a file
//! that is named twice or overlaps: those that another file has of the same receive time are left out, and any that it
//! has not make an error, too.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::event::{EventColumns, EventKind};

/// The files of a reader, in its order: those of one kind behind one another, by their first receive times.
pub(super) struct Sources {
    groups: Vec<Group>,
    /// Group of each file.
    of: Vec<usize>,
}

/// Files of one kind.
struct Group {
    kind: EventKind,
    files: Range<usize>,
    /// The first that has not ended: what it says is so.
    owner: usize,
    prints: Prints,
}

/// Trades that were read last of one file, by what they say, as far as no other file has said them, too.
#[derive(Default)]
struct Prints {
    file: usize,
    time: i64,
    left: FxHashMap<(i64, i8, i64, i64, u64), u32>,
}

fn print_of(rows: &EventColumns, row: usize) -> (i64, i8, i64, i64, u64) {
    (rows.ts_event[row], rows.side[row], rows.price[row], rows.qty[row], rows.id[row])
}

/// What a file's next message is to the other files.
pub(super) enum Next {
    /// No other file says anything of the time until theirs come.
    Alone,
    /// Of one time with what another file said.
    Beside,
    /// A trade that another file has as well.
    Known,
    /// Second to what this file says.
    Second(usize),
}

impl Sources {
    pub(super) fn new(kinds: impl Iterator<Item = EventKind>) -> Self {
        let (mut groups, mut of) = (Vec::<Group>::new(), Vec::new());
        for (file, kind) in kinds.enumerate() {
            if groups.last().is_none_or(|group| group.kind != kind) {
                groups.push(Group { kind, files: file..file, owner: file, prints: Prints::default() });
            }
            of.push(groups.len() - 1);
            if let Some(group) = groups.last_mut() {
                group.files.end += 1;
            }
        }
        Self { groups, of }
    }

    /// Whether others are of the file's kind.
    #[inline]
    pub(super) fn has_others(&self, file: usize) -> bool {
        self.groups[self.of[file]].files.len() > 1
    }

    /// What the message at a row is. `has_ended` tells whether nothing of a file is left.
    pub(super) fn next(
        &mut self,
        file: usize,
        rows: &EventColumns,
        row: usize,
        has_ended: impl Fn(usize) -> bool,
    ) -> Next {
        let group = &mut self.groups[self.of[file]];
        while group.owner < file && has_ended(group.owner) {
            group.owner += 1;
        }
        let is_close = group.prints.time == rows.ts_recv[row] && group.prints.file != file;
        if is_close
            && let Some(left) = group.prints.left.get_mut(&print_of(rows, row))
            && *left > 0
        {
            *left -= 1;
            return Next::Known;
        }
        match (group.owner == file, is_close) {
            (false, _) => Next::Second(group.owner),
            (true, true) => Next::Beside,
            (true, false) => Next::Alone,
        }
    }

    /// Remembers what other files may say as well of rows that were read.
    pub(super) fn remember(&mut self, file: usize, rows: &EventColumns, read: Range<usize>) {
        let group = &mut self.groups[self.of[file]];
        let (prints, time) = (&mut group.prints, rows.ts_recv[read.end - 1]);
        if group.kind != EventKind::Trade || (prints.time == time && prints.file != file) {
            return;
        }
        if prints.time != time {
            (prints.time, prints.file) = (time, file);
            prints.left.clear();
            prints.left.shrink_to(64);
        }
        for row in read.rev().take_while(|row| rows.ts_recv[*row] == time) {
            *prints.left.entry(print_of(rows, row)).or_default() += 1;
        }
    }
}
