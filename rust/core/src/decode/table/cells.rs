//! Words of cells, as people and programs write them.

use crate::decode::text::{flag, is_blank};

/// A side as a sign, 0 where it is not known.
pub(super) fn side_of(cell: &[u8]) -> Option<i8> {
    if is_blank(cell) {
        return Some(0);
    }
    let mut word = [0; 8];
    let word = word.get_mut(..cell.len())?;
    word.copy_from_slice(cell);
    word.make_ascii_lowercase();
    match &*word {
        b"buy" | b"b" | b"bid" | b"bids" | b"1" => Some(1),
        b"sell" | b"s" | b"ask" | b"asks" | b"a" | b"-1" => Some(-1),
        b"unknown" | b"0" => Some(0),
        _ => None,
    }
}

/// Whether a cell says that something is there.
pub(super) fn is_said(cell: &[u8]) -> bool {
    !is_blank(cell) && flag(cell) != Some(false)
}

/// Whether a row of an update is one of a snapshot.
pub(super) fn is_snap(cell: &[u8]) -> Option<bool> {
    let is_snapshot = cell.eq_ignore_ascii_case(b"snap");
    (is_snapshot || cell.eq_ignore_ascii_case(b"set")).then_some(is_snapshot)
}
