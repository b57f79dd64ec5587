//! A column chunk's pages as integers.
//!
//! Framing and page headers are the `parquet` crate's. The values are decoded here, because its reader writes every
//! value twice and takes dictionary indices one at a time: that was two thirds of the time of a read. Pages are
//! unpacked here, too, with one zstd context a thread: the crate's reader makes one to read and one to write for
//! every column of every file, which was a third of the time a short file takes.
//! What can be read is what integers are written as: plain, as indices of a plain dictionary in runs (RLE and
//! bit-packed), or as differences, in pages of either version, all of them present.

use std::cell::{self, RefCell};
use std::io::Cursor;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageReader as _};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use zstd::bulk::Decompressor;
use zstd::zstd_safe;

use crate::deltas::Deltas;
use crate::error::PartProblem;
use crate::packed::PackedInts;

/// Some bytes of a file, addressed as in it.
pub(crate) struct ChunkBytes {
    /// Where they begin in their file.
    pub(crate) start: u64,
    /// The bytes.
    pub(crate) bytes: Bytes,
}

impl ChunkBytes {
    /// Those of a range, `None` if it is not within them.
    pub(crate) fn part(&self, range: &Range<u64>) -> Option<Self> {
        let start = range.start.checked_sub(self.start)?;
        let end = range.end.checked_sub(self.start).filter(|end| *end <= self.bytes.len() as u64)?;
        Some(Self { start: range.start, bytes: self.bytes.slice(start as usize..end as usize) })
    }

    fn from(&self, start: u64) -> ParquetResult<Bytes> {
        let at = start.checked_sub(self.start).filter(|at| *at <= self.bytes.len() as u64);
        let at =
            at.ok_or_else(|| ParquetError::EOF(format!("a page at {start} lies outside of its column")))?;
        Ok(self.bytes.slice(at as usize..))
    }
}

impl Length for ChunkBytes {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for ChunkBytes {
    // Heads of pages are read byte by byte.
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(Cursor::new(self.from(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let rest = self.from(start)?;
        if length > rest.len() {
            return Err(ParquetError::EOF(format!("a page of {length} bytes goes beyond its column")));
        }
        Ok(rest.slice(..length))
    }
}

/// A value of an event column.
pub(crate) trait Cell: Copy + Default {
    /// Bytes it is stored in: 8 (INT64) or 4 (INT32).
    const STORED: usize;
    /// What fits.
    const EXPECTED: &'static str;

    /// The value stored in [`Self::STORED`] bytes; what narrowing changed is added to `lost`.
    fn of(stored: &[u8], lost: &mut i32) -> Self;

    /// The value of an integer, of which as many bytes are looked at.
    #[inline]
    fn of_integer(value: i64, lost: &mut i32) -> Self {
        Self::of(&value.to_le_bytes()[..Self::STORED], lost)
    }
}

macro_rules! wide {
    ($type:ty) => {
        impl Cell for $type {
            const STORED: usize = 8;
            const EXPECTED: &'static str = "an integer";

            #[inline]
            fn of(stored: &[u8], _lost: &mut i32) -> Self {
                Self::from_le_bytes(stored.try_into().unwrap_or_default())
            }
        }
    };
}

macro_rules! byte {
    ($type:ty, $expected:literal) => {
        impl Cell for $type {
            const STORED: usize = 4;
            const EXPECTED: &'static str = $expected;

            #[inline]
            fn of(stored: &[u8], lost: &mut i32) -> Self {
                let value = i32::from_le_bytes(stored.try_into().unwrap_or_default());
                let kept = value as Self;
                *lost |= i32::from(kept) ^ value;
                kept
            }
        }
    };
}

wide!(i64);
wide!(u64);
byte!(u8, "an integer from 0 to 255");
byte!(i8, "an integer from -128 to 127");

/// Most bytes of a page, whatever it claims: a column is in memory page by page, eight of them at a time. Writers cut pages at a
/// megabyte.
const MOST_PAGE: usize = 10 << 20;

/// Bytes that a byte of a frame may stand for.
const CLOSEST: usize = 1 << 15;

thread_local! {
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A column of the row group being read.
pub(crate) struct Column<T> {
    name: &'static str,
    pages: SerializedPageReader<ChunkBytes>,
    is_zstd: bool,
    /// Whether every page says which rows have a value.
    has_levels: bool,
    dictionary: Vec<T>,
    /// The same in 32 bits once that was asked for, nothing where one does not fit.
    narrow: Option<Vec<i32>>,
    /// Values of the current page that have not been taken.
    left: usize,
    values: Values,
}

/// What is left of a page.
enum Values {
    Plain(Bytes),
    Indices(Runs),
    Deltas(Deltas),
}

impl<T: Cell> Column<T> {
    pub(crate) fn new(
        name: &'static str,
        bytes: ChunkBytes,
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Self, PartProblem> {
        let is_zstd = matches!(chunk.compression(), Compression::ZSTD(_));
        let pages = if is_zstd {
            let packed = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
            SerializedPageReader::new(Arc::new(bytes), &packed, rows, None)?
        } else {
            SerializedPageReader::new(Arc::new(bytes), chunk, rows, None)?
        };
        Ok(Self {
            name,
            pages,
            is_zstd,
            has_levels: chunk.column_descr().max_def_level() > 0,
            dictionary: Vec::new(),
            narrow: None,
            left: 0,
            values: Values::Plain(Bytes::new()),
        })
    }

    /// Replaces `out` with the next `rows` values.
    pub(crate) fn next(&mut self, rows: usize, out: &mut Vec<T>) -> Result<(), PartProblem> {
        out.clear();
        out.resize(rows, T::default());
        let mut rest = &mut out[..];
        while !rest.is_empty() {
            if self.left == 0 {
                self.next_page()?;
            }
            let (now, later) = rest.split_at_mut(self.left.min(rest.len()));
            self.left -= now.len();
            match &mut self.values {
                Values::Plain(bytes) => {
                    let taken = bytes.split_to(now.len() * T::STORED);
                    read_plain(self.name, &taken, now)?;
                }
                Values::Indices(runs) => {
                    runs.gather(&self.dictionary, now).map_err(|what| damaged(self.name, what))?;
                }
                Values::Deltas(deltas) => deltas.take(self.name, now)?,
            }
            rest = later;
        }
        Ok(())
    }

    /// Goes on to the next page that has values.
    fn next_page(&mut self) -> Result<(), PartProblem> {
        while self.left == 0 {
            let page = self.pages.get_next_page()?;
            match page.ok_or_else(|| damaged(self.name, "it ends before its row group"))? {
                Page::DictionaryPage { buf, num_values, encoding, .. } => {
                    if !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
                        return Err(damaged(
                            self.name,
                            &format!("a dictionary in {encoding}, expected PLAIN"),
                        ));
                    }
                    let buf = self.unpack(buf, num_values)?;
                    let bytes = first(&buf, num_values as usize, T::STORED)
                        .ok_or_else(|| damaged(self.name, "a dictionary ends before its values"))?;
                    self.dictionary.clear();
                    self.dictionary.resize(num_values as usize, T::default());
                    read_plain(self.name, &bytes, &mut self.dictionary)?;
                    self.narrow = None;
                }
                Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
                    let mut values = self.unpack(buf, num_values)?;
                    if self.has_levels {
                        if def_level_encoding != Encoding::RLE {
                            return Err(damaged(
                                self.name,
                                &format!("levels in {def_level_encoding}, expected RLE"),
                            ));
                        }
                        let length = values.try_get_u32_le().ok().map(|length| length as usize);
                        let length = length.filter(|length| *length <= values.len());
                        let length =
                            length.ok_or_else(|| damaged(self.name, "levels go beyond their page"))?;
                        let levels = values.split_to(length);
                        self.check_levels(levels, num_values as usize)?;
                    }
                    self.open(values, num_values as usize, encoding)?;
                }
                Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed,
                    ..
                } => {
                    let (skipped, length) = (rep_levels_byte_len as usize, def_levels_byte_len as usize);
                    let mut values = buf;
                    if skipped.checked_add(length).is_none_or(|both| both > values.len()) {
                        return Err(damaged(self.name, "levels go beyond their page"));
                    }
                    values.advance(skipped);
                    let levels = values.split_to(length);
                    if self.has_levels {
                        self.check_levels(levels, num_values as usize)?;
                    }
                    if is_compressed {
                        values = self.unpack(values, num_values)?;
                    }
                    self.open(values, num_values as usize, encoding)?;
                }
            }
        }
        Ok(())
    }

    /// What a page of so many values holds.
    fn unpack(&self, packed: Bytes, values: u32) -> Result<Bytes, PartProblem> {
        // A page without values has no frame.
        if !self.is_zstd || packed.is_empty() {
            return Ok(packed);
        }
        // No page says more than this, whatever its frame claims: a value takes eight bytes at most, or an index of
        // four in a run of its own, and which rows have one takes two.
        let most = (values as usize).saturating_mul(12).saturating_add(1 << 12);
        let claimed = zstd_safe::get_frame_content_size(&packed).ok().flatten();
        let size = claimed.and_then(|size| usize::try_from(size).ok()).map_or(most, |size| size.min(most));
        // Nor is anything packed closer than this, so that a short file cannot ask for all memory.
        let size = size.min(packed.len().saturating_mul(CLOSEST));
        if size > MOST_PAGE {
            return Err(damaged(self.name, &format!("a page of {size} bytes, at most {MOST_PAGE} are read")));
        }
        let unpacked = UNPACKER.with_borrow_mut(|unpacker| -> std::io::Result<Vec<u8>> {
            if unpacker.is_none() {
                *unpacker = Some(Decompressor::new()?);
            }
            unpacker.as_mut().map_or(Ok(Vec::new()), |unpacker| unpacker.decompress(&packed, size))
        });
        unpacked.map(Bytes::from).map_err(|error| damaged(self.name, &error.to_string()))
    }

    fn check_levels(&self, levels: Bytes, rows: usize) -> Result<(), PartProblem> {
        match Runs::new(levels, 1).are_ones(rows) {
            Ok(true) => Ok(()),
            Ok(false) => Err(PartProblem::Nulls(self.name)),
            Err(what) => Err(damaged(self.name, what)),
        }
    }

    fn open(&mut self, mut bytes: Bytes, rows: usize, encoding: Encoding) -> Result<(), PartProblem> {
        self.left = rows;
        self.values = match encoding {
            Encoding::PLAIN => {
                let bytes = first(&bytes, rows, T::STORED);
                Values::Plain(bytes.ok_or_else(|| damaged(self.name, "a page ends before its values"))?)
            }
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY if rows > 0 => {
                let width = bytes.try_get_u8().ok().filter(|width| *width <= 32);
                let width = width.ok_or_else(|| damaged(self.name, "indices of impossible width"))?;
                Values::Indices(Runs::new(bytes, width.into()))
            }
            Encoding::DELTA_BINARY_PACKED if rows > 0 => Values::Deltas(Deltas::new(self.name, bytes, rows)?),
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY | Encoding::DELTA_BINARY_PACKED => {
                Values::Plain(Bytes::new())
            }
            other => {
                let expected = "PLAIN, RLE_DICTIONARY or DELTA_BINARY_PACKED";
                return Err(damaged(self.name, &format!("values in {other}, expected {expected}")));
            }
        };
        Ok(())
    }
}

impl Column<i64> {
    /// The next `rows` values, packed; without a wide copy of them where they are indices of a dictionary that is narrow.
    pub(crate) fn next_packed(
        &mut self,
        rows: usize,
        wide: &mut Vec<i64>,
    ) -> Result<PackedInts, PartProblem> {
        if self.left == 0 && rows > 0 {
            self.next_page()?;
        }
        if self.left >= rows
            && let Values::Indices(runs) = &mut self.values
        {
            let narrow = self.narrow.get_or_insert_with(|| match PackedInts::of(&self.dictionary) {
                PackedInts::Narrow(values) => values,
                PackedInts::Wide(_) => Vec::new(),
            });
            if narrow.len() == self.dictionary.len() {
                let mut values = vec![0; rows];
                runs.gather(narrow, &mut values).map_err(|what| damaged(self.name, what))?;
                self.left -= rows;
                return Ok(PackedInts::Narrow(values));
            }
        }
        self.next(rows, wide)?;
        Ok(PackedInts::of(wide))
    }
}

pub(crate) fn damaged(column: &str, what: &str) -> PartProblem {
    PartProblem::Unreadable(format!("column {column}: {what}"))
}

/// The first `count` values of some bytes, `None` where there are fewer.
fn first(bytes: &Bytes, count: usize, width: usize) -> Option<Bytes> {
    let length = count.checked_mul(width).filter(|length| *length <= bytes.len())?;
    Some(bytes.slice(..length))
}

fn read_plain<T: Cell>(name: &'static str, bytes: &[u8], out: &mut [T]) -> Result<(), PartProblem> {
    let mut lost = 0;
    for (out, stored) in out.iter_mut().zip(bytes.chunks_exact(T::STORED)) {
        *out = T::of(stored, &mut lost);
    }
    if lost == 0 { Ok(()) } else { Err(refused::<T>(name, bytes.chunks_exact(T::STORED))) }
}

/// The first of some stored values that does not fit.
pub(crate) fn refused<T: Cell>(
    name: &'static str,
    mut stored: impl Iterator<Item = impl AsRef<[u8]>>,
) -> PartProblem {
    let bad = |stored: &[u8]| {
        let mut lost = 0;
        T::of(stored, &mut lost);
        lost != 0
    };
    let got = stored.find_map(|stored| stored.as_ref().first_chunk().copied().filter(|stored| bad(stored)));
    PartProblem::Value {
        column: name,
        got: got.map(i32::from_le_bytes).unwrap_or_default(),
        expected: T::EXPECTED,
    }
}

/// Integers in runs: one value many times, or values in few bits each.
struct Runs {
    bytes: Bytes,
    /// Where the next run begins.
    next: usize,
    /// Bits of a value.
    width: usize,
    run: Run,
}

enum Run {
    /// One value.
    Same { value: u32, left: usize },
    /// From value `at` of the bytes that begin at `start`.
    Packed { start: usize, at: usize, left: usize },
}

type Damage = &'static str;
pub(crate) const ENDS: Damage = "a page ends before its values";
const BEYOND: Damage = "an index beyond its dictionary";

impl Runs {
    fn new(bytes: Bytes, width: usize) -> Self {
        Self { bytes, next: 0, width, run: Run::Same { value: 0, left: 0 } }
    }

    /// Puts the values that the next indices stand for.
    fn gather<T: Copy + Default>(&mut self, dictionary: &[T], mut out: &mut [T]) -> Result<(), Damage> {
        while !out.is_empty() {
            let now;
            match &mut self.run {
                Run::Same { left: 0, .. } | Run::Packed { left: 0, .. } => self.next_run()?,
                Run::Same { value, left } => {
                    (now, out) = out.split_at_mut(out.len().min(*left));
                    now.fill(*dictionary.get(*value as usize).ok_or(BEYOND)?);
                    *left -= now.len();
                }
                Run::Packed { start, at, left } => {
                    (now, out) = out.split_at_mut(out.len().min(*left));
                    unpack(&self.bytes[*start..], self.width, *at, dictionary, now)?;
                    *at += now.len();
                    *left -= now.len();
                }
            }
        }
        Ok(())
    }

    /// Whether the next `count` values are all 1.
    fn are_ones(&mut self, mut count: usize) -> Result<bool, Damage> {
        let mut ones = true;
        let mut unpacked = Vec::new();
        while count > 0 && ones {
            match &mut self.run {
                Run::Same { left: 0, .. } | Run::Packed { left: 0, .. } => self.next_run()?,
                Run::Same { value, left } => {
                    ones = *value == 1;
                    count -= count.min(*left);
                    *left = 0;
                }
                Run::Packed { start, left, .. } => {
                    let take = count.min(*left);
                    unpacked.clear();
                    unpacked.resize(take, 0);
                    unpack(&self.bytes[*start..], 1, 0, &[0_u8, 1], &mut unpacked)?;
                    ones = unpacked.iter().all(|bit| *bit == 1);
                    count -= take;
                    *left = 0;
                }
            }
        }
        Ok(ones)
    }

    fn next_run(&mut self) -> Result<(), Damage> {
        let mut rest = &self.bytes[self.next..];
        let header = number(&mut rest, 35)?;
        let count = (header >> 1) as usize;
        self.run = if header & 1 == 0 {
            let mut value = [0; 4];
            rest.try_copy_to_slice(&mut value[..self.width.div_ceil(8)]).map_err(|_| ENDS)?;
            Run::Same { value: u32::from_le_bytes(value), left: count }
        } else {
            // Eight values fill as many bytes as each has bits; some writers leave out what nobody reads of the last.
            let length = (count * self.width).min(rest.len());
            let held = (length * 8).checked_div(self.width).unwrap_or(usize::MAX);
            let start = self.bytes.len() - rest.len();
            rest.advance(length);
            Run::Packed { start, at: 0, left: (count * 8).min(held) }
        };
        self.next = self.bytes.len() - rest.len();
        Ok(())
    }
}

/// A number of at most so many bits, seven in a byte.
pub(crate) fn number(bytes: &mut &[u8], bits: u32) -> Result<u64, Damage> {
    let mut number = 0;
    for shift in (0..bits).step_by(7) {
        let byte = bytes.try_get_u8().map_err(|_| ENDS)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(number)
}

/// Puts what packed indices of `width` bits stand for, from index `at` on.
fn unpack<T: Copy + Default>(
    bytes: &[u8],
    width: usize,
    mut at: usize,
    dictionary: &[T],
    out: &mut [T],
) -> Result<(), Damage> {
    let mask = (1_u64 << width) - 1;
    let beyond = cell::Cell::new(false);
    let look_up = |bits: u64| match dictionary.get((bits & mask) as usize) {
        Some(value) => *value,
        None => {
            beyond.set(true);
            T::default()
        }
    };
    let one = |at: usize| {
        let rest = &bytes[at * width / 8..];
        let mut word = [0; 8];
        let length = rest.len().min(8);
        word[..length].copy_from_slice(&rest[..length]);
        look_up(u64::from_le_bytes(word) >> (at * width % 8))
    };
    // Eight of them begin with a byte.
    let (before, out) = out.split_at_mut(out.len().min(at.wrapping_neg() % 8));
    for out in before {
        *out = one(at);
        at += 1;
    }
    let (eights, behind) = out.as_chunks_mut::<8>();
    let mut rest = bytes.get(at * width / 8..).unwrap_or_default();
    for eight in eights {
        // Four of so many bits lie in a word, as do the four behind them.
        let low = rest.first_chunk().map(|low| u64::from_le_bytes(*low));
        let high =
            rest.get(width / 2..).and_then(|high| high.first_chunk()).map(|high| u64::from_le_bytes(*high));
        if let (true, Some(low), Some(high)) = (width <= 16, low, high) {
            let high = high >> (4 * width % 8);
            let (first, second) = eight.split_at_mut(4);
            first.iter_mut().enumerate().for_each(|(k, out)| *out = look_up(low >> (k * width)));
            second.iter_mut().enumerate().for_each(|(k, out)| *out = look_up(high >> (k * width)));
        } else {
            eight.iter_mut().enumerate().for_each(|(k, out)| *out = one(at + k));
        }
        at += 8;
        rest = rest.get(width..).unwrap_or_default();
    }
    for out in behind {
        *out = one(at);
        at += 1;
    }
    if beyond.get() { Err(BEYOND) } else { Ok(()) }
}
