//! Records of a file that is only appended to, as journals are: length and CRC-32 of what follows (little-endian, 32
//! bits each), a byte that says what it is, and the record itself. The sum goes on from that byte, so it is checked too.

use crc32fast::Hasher;

/// Bytes that stand before a record.
pub const RECORD_HEAD: usize = 9;

/// Bytes that a record has at most.
pub const RECORD_LIMIT: usize = 64 << 20;

/// What stands before a record; `kind` is not 0, which no record has.
#[must_use]
pub fn record_head(kind: u8, data: &[u8]) -> [u8; RECORD_HEAD] {
    let mut head = [0; RECORD_HEAD];
    head[..4].copy_from_slice(&(data.len() as u32).to_le_bytes());
    head[4..8].copy_from_slice(&checksum(kind, data).to_le_bytes());
    head[8] = kind;
    head
}

/// Appends the record of a frame as it came from a venue: receipt (64 bits), length of the venue's name (16 bits), both
/// little-endian, the name, and the bytes.
pub fn push_frame_record(kind: u8, ts_recv: i64, venue: &[u8], frame: &[u8], out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; RECORD_HEAD]);
    out.extend_from_slice(&ts_recv.to_le_bytes());
    out.extend_from_slice(&(venue.len() as u16).to_le_bytes());
    out.extend_from_slice(venue);
    out.extend_from_slice(frame);
    let head = record_head(kind, &out[at + RECORD_HEAD..]);
    out[at..at + RECORD_HEAD].copy_from_slice(&head);
}

fn checksum(kind: u8, data: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial(u32::from(kind));
    hasher.update(data);
    hasher.finalize()
}

/// What is behind the last whole record of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RecordRest {
    /// Nothing but zeros, or nothing.
    #[default]
    Nothing,
    /// One that was cut short, or is not right with nothing but zeros behind it: whoever wrote it was interrupted.
    Torn,
    /// One that is not right with something behind it.
    Damaged,
}

/// Where the whole records of a file are, up to the first that is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordIndex {
    /// What each of them is.
    pub kinds: Vec<u8>,
    /// Where each of them ends; what stands before the next begins there.
    pub ends: Vec<usize>,
    /// What is behind them.
    pub rest: RecordRest,
}

/// Finds the records in the bytes of a file, which may end in zeros, and checks their sums.
#[must_use]
pub fn index_records(data: &[u8]) -> RecordIndex {
    let mut index = RecordIndex::default();
    let (mut at, written) = (0, written(data));
    while at < written {
        let Some((head, behind)) = data[at..].split_first_chunk::<RECORD_HEAD>() else {
            index.rest = RecordRest::Torn;
            return index;
        };
        let word =
            |from: usize| u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]]);
        let (length, kind) = (word(0) as usize, head[8]);
        let body = behind.get(..length).filter(|_| kind != 0 && length <= RECORD_LIMIT);
        let end = at.saturating_add(RECORD_HEAD).saturating_add(length);
        if body.is_none_or(|body| checksum(kind, body) != word(4)) {
            index.rest = if end >= written { RecordRest::Torn } else { RecordRest::Damaged };
            return index;
        }
        index.kinds.push(kind);
        index.ends.push(end);
        at = end;
    }
    index
}

/// Bytes up to the last that is not zero.
fn written(data: &[u8]) -> usize {
    const PIECE: usize = 4096; // seen as a whole: a file is allocated long before it is full
    let mut end = data.len();
    for piece in data.rchunks(PIECE) {
        if piece.iter().fold(0, |all, byte| all | byte) != 0 {
            break;
        }
        end -= piece.len();
    }
    end - data[..end].iter().rev().take_while(|byte| **byte == 0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(records: &[(u8, &[u8])]) -> Vec<u8> {
        records.iter().flat_map(|(kind, data)| [&record_head(*kind, data), *data].concat()).collect()
    }

    #[test]
    fn the_sum_is_that_of_zlib_gone_on_from_the_kind() {
        // zlib.crc32(b"123456789", 2)
        assert_eq!(record_head(2, b"123456789")[4..8], 0xe502_11a0_u32.to_le_bytes());
    }

    #[test]
    fn records_are_found_whatever_zeros_follow() {
        let data = file(&[(1, b"head"), (2, b""), (3, b"ends in zeros\0\0\0")]);
        for zeros in [0, 1, 4095, 4096, 10_000] {
            let index = index_records(&[data.as_slice(), &vec![0; zeros]].concat());
            assert_eq!(index.kinds, [1, 2, 3]);
            assert_eq!(index.ends, [13, 22, data.len()]);
            assert_eq!(index.rest, RecordRest::Nothing);
        }
        assert_eq!(index_records(&[0; 5000]), RecordIndex::default());
    }

    #[test]
    fn what_is_cut_anywhere_is_torn() {
        let data = file(&[(1, b"one"), (2, b"another")]);
        let whole = index_records(&data);
        for cut in 0..data.len() {
            let index = index_records(&data[..cut]);
            let there = whole.ends.iter().take_while(|end| **end <= cut).count();
            assert_eq!(index.ends, whole.ends[..there]);
            let rest = if [0, 12].contains(&cut) { RecordRest::Nothing } else { RecordRest::Torn };
            assert_eq!(index.rest, rest, "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_byte_is_damage_where_something_is_behind_it() {
        let data = file(&[(1, b"one"), (2, b"two")]);
        for at in 4..12 {
            let mut changed = data.clone();
            changed[at] ^= 1;
            assert_eq!(index_records(&changed).rest, RecordRest::Damaged, "at {at}");
        }
        for at in 16..24 {
            let mut changed = data.clone();
            changed[at] ^= 1;
            assert_eq!(index_records(&changed).rest, RecordRest::Torn, "at {at}");
        }
    }
}
