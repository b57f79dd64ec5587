//! Words of cells, as people and programs write them.

use crate::decode::text::flag;

/// A side as a sign, 0 where it is not known.
pub(super) fn side_of(cell: &[u8]) -> Option<i8> {
    let mut word = [0; 8];
    let word = word.get_mut(..cell.len())?;
    word.copy_from_slice(cell);
    word.make_ascii_lowercase();
    match &*word {
        b"buy" | b"b" | b"bid" | b"bids" | b"1" => Some(1),
        b"sell" | b"s" | b"ask" | b"asks" | b"a" | b"-1" => Some(-1),
        b"unknown" | b"none" | b"null" | b"" | b"0" => Some(0),
        _ => None,
    }
}

/// Whether a cell says that something is there.
pub(super) fn is_said(cell: &[u8]) -> bool {
    !matches!(cell, b"" | b"null" | b"None" | b"none" | b"nan" | b"NaN") && flag(cell) != Some(false)
}
