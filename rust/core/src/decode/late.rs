//! Rows that were received before one above them.

use super::lines::Lines;

/// The first row that was received before one above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateRow {
    /// The file.
    pub source_name: String,
    /// Its line, from 1.
    pub line: u64,
    /// When it was received, ns.
    pub ts_recv: i64,
    /// When the newest of those above it was.
    pub previous: i64,
}

/// Remembers the first late row of a file: its stamps where they are read, its place where that is known.
#[derive(Debug, Default)]
pub(super) struct FirstLate {
    stamps: Option<(i64, i64)>,
    row: Option<LateRow>,
}

impl FirstLate {
    /// Takes the stamps of a late row, and of the newest above it.
    pub(super) fn note(&mut self, ts_recv: i64, previous: i64) {
        if self.row.is_none() {
            self.stamps.get_or_insert((ts_recv, previous));
        }
    }

    /// Takes the place of the row that was read last.
    pub(super) fn place(&mut self, lines: &Lines) {
        if self.stamps.is_some() {
            self.place_at(lines.name(), lines.number());
        }
    }

    /// Takes the place of the row that is read.
    pub(super) fn place_at(&mut self, name: &str, line: u64) {
        if let Some((ts_recv, previous)) = self.stamps.take() {
            self.row = Some(LateRow { source_name: name.to_owned(), line, ts_recv, previous });
        }
    }

    /// The first late row.
    pub(super) fn row(&self) -> Option<&LateRow> {
        self.row.as_ref()
    }
}

/// The one of several files that is the earliest.
pub(super) fn earliest<'a>(rows: impl Iterator<Item = &'a FirstLate>) -> Option<&'a LateRow> {
    rows.filter_map(FirstLate::row).min_by_key(|row| row.previous)
}
