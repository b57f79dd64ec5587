//! Records of a file that is only appended to, as journals are: length and CRC-32 of what follows (little-endian, 32
//! bits each), a byte that says what it is, and the record itself. The sum goes on from that byte, so it is checked too.

use std::io::{Result, Write};

use crc32fast::Hasher;
use flate2::write::MultiGzDecoder;

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
    let mut at = 0;
    loop {
        let length = match next_record(&data[at..]) {
            Next::Whole(kind, record) => {
                at += RECORD_HEAD + record.len();
                index.kinds.push(kind);
                index.ends.push(at);
                continue;
            }
            Next::Cut => usize::MAX,
            Next::Wrong(length) => length,
        };
        index.rest = rest_of(at, length, written(data));
        return index;
    }
}

/// What bytes begin with.
enum Next<'a> {
    /// A whole record, with its kind.
    Whole(u8, &'a [u8]),
    /// What may be one, with the bytes that are missing.
    Cut,
    /// None: it would be of so many bytes, by what it says itself.
    Wrong(usize),
}

fn next_record(data: &[u8]) -> Next<'_> {
    let Some((head, behind)) = data.split_first_chunk::<RECORD_HEAD>() else { return Next::Cut };
    let word = |from: usize| u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]]);
    let (length, kind) = (word(0) as usize, head[8]);
    let wrong = Next::Wrong(RECORD_HEAD.saturating_add(length));
    if kind == 0 || length > RECORD_LIMIT {
        return wrong;
    }
    match behind.get(..length) {
        None => Next::Cut,
        Some(record) if checksum(kind, record) == word(4) => Next::Whole(kind, record),
        Some(_) => wrong,
    }
}

/// What is behind the whole records of a file, which end at `at`, where the next one would be of so many bytes and from
/// `written` on all is zero.
fn rest_of(at: usize, length: usize, written: usize) -> RecordRest {
    if at >= written {
        RecordRest::Nothing
    } else if at.saturating_add(length) >= written {
        RecordRest::Torn
    } else {
        RecordRest::Damaged
    }
}

/// Finds the records of a file that is read block by block, with room for a block and a record: [`index_records`] of what
/// needs not be in memory.
#[derive(Debug)]
pub struct RecordScan {
    unpacked: Unpacked,
    /// Where the last whole record ends, and what is unpacked begins.
    at: usize,
    /// What is known of what is behind that, once it is no record.
    behind: Option<Behind>,
}

/// What of a file is no record yet.
#[derive(Debug)]
enum Unpacked {
    Plain(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Unpacked {
    fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Gzip(decoder) => decoder.get_mut(),
        }
    }
}

/// What is behind the whole records of a file.
#[derive(Debug)]
struct Behind {
    /// The bytes that the first of it would be, by what it says itself.
    length: usize,
    /// How far it has been looked through, and where what is not zero ends.
    seen: usize,
    written: usize,
}

impl RecordScan {
    /// Of a file as it was written, or packed by gzip.
    #[must_use]
    pub fn new(is_packed: bool) -> Self {
        let unpacked = if is_packed {
            Unpacked::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
        } else {
            Unpacked::Plain(Vec::new())
        };
        Self { unpacked, at: 0, behind: None }
    }

    /// Takes the next bytes of the file. `each` sees every record that is whole by now: its kind, itself, and where what stands
    /// before it begins.
    ///
    /// # Errors
    /// For what cannot be unpacked.
    pub fn push(&mut self, block: &[u8], each: impl FnMut(u8, &[u8], usize)) -> Result<()> {
        match &mut self.unpacked {
            Unpacked::Plain(bytes) => bytes.extend_from_slice(block),
            Unpacked::Gzip(decoder) => decoder.write_all(block)?,
        }
        self.look(each);
        Ok(())
    }

    /// The file is at its end. `each` sees what was not unpacked before. Returns where the last whole record ends, and what is
    /// behind it.
    ///
    /// # Errors
    /// For a packed file that was cut.
    pub fn end(&mut self, each: impl FnMut(u8, &[u8], usize)) -> Result<(usize, RecordRest)> {
        if let Unpacked::Gzip(decoder) = &mut self.unpacked {
            decoder.try_finish()?;
        }
        self.look(each);
        let rest = match &self.behind {
            Some(Behind { length, written, .. }) => rest_of(self.at, *length, *written),
            None => rest_of(0, usize::MAX, written(self.unpacked.bytes())),
        };
        Ok((self.at, rest))
    }

    fn look(&mut self, mut each: impl FnMut(u8, &[u8], usize)) {
        let bytes = self.unpacked.bytes();
        let mut done = 0;
        while self.behind.is_none() {
            match next_record(&bytes[done..]) {
                Next::Whole(kind, record) => {
                    each(kind, record, self.at + done);
                    done += RECORD_HEAD + record.len();
                }
                Next::Cut => break,
                Next::Wrong(length) => {
                    let seen = self.at + done;
                    self.behind = Some(Behind { length, seen, written: seen });
                }
            }
        }
        self.at += done;
        bytes.drain(..done);
        if let Some(Behind { seen, written: end, .. }) = &mut self.behind {
            let more = written(bytes);
            *end = if more > 0 { *seen + more } else { *end };
            *seen += bytes.len();
            bytes.clear();
        }
    }
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
    use flate2::Compression;
    use flate2::write::GzEncoder;

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

    /// What a scan of blocks finds: kinds, ends, and what is behind them.
    fn scanned(data: &[u8], block: usize, is_packed: bool) -> Result<RecordIndex> {
        let (mut scan, mut index) = (RecordScan::new(is_packed), RecordIndex::default());
        let mut each = |kind, record: &[u8], at: usize| {
            index.kinds.push(kind);
            index.ends.push(at + RECORD_HEAD + record.len());
        };
        for block in data.chunks(block) {
            scan.push(block, &mut each)?;
        }
        let (end, rest) = scan.end(&mut each)?;
        assert_eq!(end, index.ends.last().copied().unwrap_or(0));
        Ok(RecordIndex { rest, ..index })
    }

    #[test]
    fn a_scan_of_blocks_finds_what_is_in_the_whole() {
        let whole = file(&[(1, b"head"), (2, b""), (3, &[5; 300]), (2, b"ends in zeros\0\0\0")]);
        let mut damaged = whole.clone();
        damaged[30] ^= 1;
        for data in [&whole, &damaged, &[whole.as_slice(), &[0; 90]].concat(), &vec![0; 50]] {
            for cut in 0..=data.len() {
                let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
                packer.write_all(&data[..cut]).unwrap();
                let packed = packer.finish().unwrap();
                for block in [1, 7, 4096] {
                    assert_eq!(scanned(&data[..cut], block, false).unwrap(), index_records(&data[..cut]));
                    assert_eq!(scanned(&packed, block, true).unwrap(), index_records(&data[..cut]));
                    for cut in [0, 5, packed.len() - 1] {
                        assert!(scanned(&packed[..cut], block, true).is_err(), "packed, cut at {cut}");
                    }
                }
            }
        }
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
