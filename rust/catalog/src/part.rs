//! One Parquet file of a catalog.
//!
//! A part holds the event columns as integers of up to 64 bits, without empty values, in row groups of any size. It is
//! checked against its schema, its number of rows and, where it has one, the [`Seal`] of its footer when it is opened;
//! each row group against its checksum before it is decoded; rows as such are checked where they are used.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use parquet::basic::{LogicalType, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length as _;
use parquet::schema::types::ColumnDescPtr;

use crate::error::{PartError, PartProblem, reading};
use crate::packed::{PackedColumns, PackedInts};
use crate::seal::{self, Seal, read_exactly};
use crate::values::{Cell, ChunkBytes, Column};

const TS_EVENT: usize = 0;
const TS_RECV: usize = 1;
const KIND: usize = 2;
const SIDE: usize = 3;
const FLAGS: usize = 4;
const PRICE: usize = 5;
const QTY: usize = 6;
const ID: usize = 7;

/// The event columns and how Parquet stores them.
pub(crate) const COLUMNS: [(&str, Type); 8] = [
    ("ts_event", Type::INT64),
    ("ts_recv", Type::INT64),
    ("kind", Type::INT32),
    ("side", Type::INT32),
    ("flags", Type::INT32),
    ("price", Type::INT64),
    ("qty", Type::INT64),
    ("id", Type::INT64),
];

/// What is wanted of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Kinds of rows, as bits: kind `k` is bit `k`.
    pub kinds: u32,
    /// Whether ids are wanted.
    pub with_ids: bool,
}

impl Wanted {
    fn has(self, kind: u8) -> bool {
        kind < 32 && self.kinds >> kind & 1 == 1
    }
}

/// A file of up to so many bytes is read as a whole: its pages would be in memory anyway while they are used.
const SHORT: u64 = 1 << 17;

/// Rows of a piece that is looked at and forgotten.
const CHECKED_ROWS: usize = 1 << 14;

/// Where a part is and what was said of it when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFile {
    /// The file.
    pub path: PathBuf,
    /// Where it lies instead once it was replaced, for those who had begun to read.
    pub retired: PathBuf,
    /// Rows it should hold.
    pub rows: u64,
    /// Kinds of rows it holds, as bits: kind `k` is bit `k`.
    pub kinds: u32,
    /// What its bytes should be, if that was kept.
    pub seal: Option<Seal>,
}

impl PartFile {
    fn open(&self) -> std::io::Result<File> {
        // It moves at most once, so that it is in one place or the other.
        File::open(&self.path).or_else(|error| {
            if error.kind() != ErrorKind::NotFound {
                return Err(error);
            }
            File::open(&self.retired).map_err(|_| error)
        })
    }
}

/// A file found to hold the event columns.
pub struct Part {
    file: PartFile,
    found: Found,
}

/// What a part was found to be.
struct Found {
    /// The whole of a short file. A long one is not kept open: a run may read more parts at a time than a process may
    /// have files.
    bytes: Option<Bytes>,
    size: u64,
    metadata: ParquetMetaData,
    /// Where each of [`COLUMNS`] is among the file's.
    places: [usize; COLUMNS.len()],
}

impl Found {
    fn open(expected: &PartFile) -> Result<Self, PartProblem> {
        let mut file = expected.open()?;
        let size = file.len();
        if let Some(seal) = &expected.seal {
            seal.check_size(size)?;
        }
        let mut bytes = None;
        if size <= SHORT {
            bytes = Some(Bytes::from(read_exactly(&mut file, 0, size)?));
        }
        if let Some((range, checksum)) = expected.seal.as_ref().and_then(Seal::footer) {
            // Before it is believed what it says.
            let footer = match &bytes {
                Some(bytes) => bytes.slice(range.start as usize..range.end as usize),
                None => read_exactly(&mut file, range.start, range.end)?.into(),
            };
            seal::check(&footer, checksum, true)?;
        }
        let metadata = match &bytes {
            Some(bytes) => ParquetMetaDataReader::new().parse_and_finish(bytes)?,
            None => ParquetMetaDataReader::new().parse_and_finish(&file)?,
        };
        if let Some(seal) = &expected.seal
            && !seal.fits(&metadata)?
        {
            return Err(PartProblem::Unreadable("its row groups are not where its manifest says".into()));
        }
        let leaves = metadata.file_metadata().schema_descr().columns();
        let mut places = [0; COLUMNS.len()];
        // Missing columns come first, in the order of the alphabet, as they are told in Python.
        let mut missing: Vec<&str> = Vec::new();
        for (place, (name, _)) in places.iter_mut().zip(COLUMNS) {
            match leaves.iter().position(|leaf| leaf.path().parts() == [name]) {
                Some(found) => *place = found,
                None => missing.push(name),
            }
        }
        if let Some(name) = missing.into_iter().min() {
            return Err(PartProblem::NoColumn(name));
        }
        for (place, (name, physical)) in places.iter().zip(COLUMNS) {
            check_type(name, &leaves[*place], physical)?;
        }
        let got = metadata.row_groups().iter().try_fold(0_i64, |sum, group| {
            (group.num_rows() >= 0).then(|| sum.checked_add(group.num_rows())).flatten()
        });
        let got = got.ok_or_else(|| PartProblem::Unreadable("a row group of impossible size".into()))?;
        if u64::try_from(got) != Ok(expected.rows) {
            return Err(PartProblem::Rows { got, expected: expected.rows });
        }
        Ok(Self { bytes, size, metadata, places })
    }
}

impl Part {
    /// Opens a file and looks whether it is what it should be: its size and footer, its columns and number of rows.
    /// What its row groups hold is checked as they are read.
    ///
    /// # Errors
    /// [`PartError`] when it cannot be read or holds something else.
    pub fn open(file: PartFile) -> Result<Self, PartError> {
        let found = reading(&file.path, || Found::open(&file))?;
        Ok(Self { file, found })
    }

    /// Reads the wanted ones of its rows from the start. Where all of its kinds are wanted no row is looked at.
    pub fn read(self, wanted: Wanted) -> PartReader {
        let filters = self.file.kinds & !wanted.kinds != 0;
        PartReader { part: self, wanted, filters, next_group: 0, group: None, wide: Vec::new() }
    }

    /// Reads all of it: its bytes where they were sealed, else every row.
    ///
    /// # Errors
    /// [`PartError`] when it is not what was written.
    pub fn check(self) -> Result<(), PartError> {
        if let Some(seal) = &self.file.seal {
            return reading(&self.file.path, || seal.check_all(self.file.open()?));
        }
        let mut reader = self.read(Wanted { kinds: u32::MAX, with_ids: true });
        while reader.next(CHECKED_ROWS)?.is_some() {}
        Ok(())
    }

    fn open_group(&self, index: usize, with_ids: bool) -> Result<Group, PartProblem> {
        let found = &self.found;
        let (range, checksum) = match &self.file.seal {
            Some(seal) => seal.group(index).map(|(range, checksum)| (range, Some(checksum))),
            None => Some((group_range(&found.metadata, index)?, None)),
        }
        .filter(|(range, _)| range.end <= found.size)
        .ok_or_else(|| PartProblem::Unreadable("a row group goes beyond the file".into()))?;
        let bytes = match &found.bytes {
            Some(bytes) => bytes.slice(range.start as usize..range.end as usize),
            None => read_exactly(&mut self.file.open()?, range.start, range.end)?.into(),
        };
        if let Some(checksum) = checksum {
            seal::check(&bytes, checksum, false)?;
        }
        let stored = ChunkBytes { start: range.start, bytes };
        Ok(Group {
            rows_left: found.metadata.row_group(index).num_rows() as usize,
            ts_event: self.column(&stored, index, TS_EVENT)?,
            ts_recv: self.column(&stored, index, TS_RECV)?,
            kind: self.column(&stored, index, KIND)?,
            side: self.column(&stored, index, SIDE)?,
            flags: self.column(&stored, index, FLAGS)?,
            price: self.column(&stored, index, PRICE)?,
            qty: self.column(&stored, index, QTY)?,
            id: with_ids.then(|| self.column(&stored, index, ID)).transpose()?,
        })
    }

    fn column<T: Cell>(
        &self,
        stored: &ChunkBytes,
        group: usize,
        column: usize,
    ) -> Result<Column<T>, PartProblem> {
        let (name, group) = (COLUMNS[column].0, self.found.metadata.row_group(group));
        let chunk = group
            .columns()
            .get(self.found.places[column])
            .ok_or_else(|| PartProblem::Unreadable(format!("a row group lacks column {name}")))?;
        let bytes = stored
            .part(&byte_range(chunk)?)
            .ok_or_else(|| PartProblem::Unreadable(format!("column {name} goes beyond the file")))?;
        Column::new(name, bytes, chunk, group.num_rows() as usize)
    }
}

fn check_type(name: &'static str, leaf: &ColumnDescPtr, physical: Type) -> Result<(), PartProblem> {
    let expected = if physical == Type::INT32 { "INT32" } else { "INT64" };
    let refuse = |got: String| Err(PartProblem::Type { column: name, got, expected });
    if leaf.physical_type() != physical {
        return refuse(leaf.physical_type().to_string());
    }
    match leaf.logical_type_ref() {
        None | Some(LogicalType::Integer { .. }) => {}
        Some(other) => return refuse(format!("{other:?}")),
    }
    if leaf.max_rep_level() != 0 {
        return refuse("a list".to_owned());
    }
    Ok(())
}

/// Where a column chunk lies in its file; unlike Parquet's own function this does not take signs on trust.
fn byte_range(chunk: &ColumnChunkMetaData) -> Result<Range<u64>, PartProblem> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let end = start.checked_add(chunk.compressed_size());
    match (u64::try_from(start), end.map(u64::try_from)) {
        (Ok(start), Some(Ok(end))) if start <= end => Ok(start..end),
        _ => Err(PartProblem::Unreadable("a column before the start of the file".into())),
    }
}

/// Where a row group lies in its file.
pub(crate) fn group_range(metadata: &ParquetMetaData, group: usize) -> Result<Range<u64>, PartProblem> {
    let ranges = metadata.row_group(group).columns().iter().map(byte_range);
    let whole = ranges.reduce(|one, other| {
        let (one, other) = (one?, other?);
        Ok(one.start.min(other.start)..one.end.max(other.end))
    });
    whole.unwrap_or(Ok(0..0))
}

/// The row group being read.
struct Group {
    rows_left: usize,
    ts_event: Column<i64>,
    ts_recv: Column<i64>,
    kind: Column<u8>,
    side: Column<i8>,
    flags: Column<u8>,
    price: Column<i64>,
    qty: Column<i64>,
    id: Option<Column<u64>>,
}

/// Reads the rows of a part, piece by piece.
pub struct PartReader {
    part: Part,
    wanted: Wanted,
    /// Whether rows have to be left out.
    filters: bool,
    next_group: usize,
    group: Option<Group>,
    /// Prices or quantities before they are packed.
    wide: Vec<i64>,
}

impl PartReader {
    /// Whether every row has been read.
    pub fn is_done(&self) -> bool {
        self.group.is_none() && self.next_group == self.part.found.metadata.num_row_groups()
    }

    /// The wanted ones of the next `rows` rows at most, which may be none; `None` at the end. A piece ends where its
    /// row group does.
    ///
    /// # Errors
    /// [`PartError`] when the file is damaged.
    pub fn next(&mut self, rows: usize) -> Result<Option<PackedColumns>, PartError> {
        let path = self.part.file.path.clone();
        reading(&path, || self.next_inner(rows))
    }

    fn next_inner(&mut self, rows: usize) -> Result<Option<PackedColumns>, PartProblem> {
        while self.group.as_ref().is_none_or(|group| group.rows_left == 0) {
            if self.next_group == self.part.found.metadata.num_row_groups() {
                return Ok(None);
            }
            self.group = Some(self.part.open_group(self.next_group, self.wanted.with_ids)?);
            self.next_group += 1;
        }
        let Some(group) = &mut self.group else { return Ok(None) };
        let rows = rows.max(1).min(group.rows_left);
        group.rows_left -= rows;

        let mut kind = taken(&mut group.kind, rows, None)?;
        let keep: Option<Vec<bool>> =
            self.filters.then(|| kind.iter().map(|kind| self.wanted.has(*kind)).collect());
        let keep = keep.as_deref();
        retain(&mut kind, keep);
        let ts_event = taken(&mut group.ts_event, rows, keep)?;
        let ts_recv = taken(&mut group.ts_recv, rows, keep)?;
        let side = taken(&mut group.side, rows, keep)?;
        let flags = taken(&mut group.flags, rows, keep)?;
        let mut packed = |column: &mut Column<i64>| match keep {
            None => column.next_packed(rows, &mut self.wide),
            Some(_) => {
                column.next(rows, &mut self.wide)?;
                retain(&mut self.wide, keep);
                Ok(PackedInts::of(&self.wide))
            }
        };
        let price = packed(&mut group.price)?;
        let qty = packed(&mut group.qty)?;
        let id = group.id.as_mut().map(|column| taken(column, rows, keep)).transpose()?;
        if group.rows_left == 0 {
            // Its pages are not needed until the next piece is.
            self.group = None;
        }
        Ok(Some(PackedColumns { ts_event, ts_recv, kind, side, flags, price, qty, id }))
    }
}

/// The next `rows` values of a column, less those that are not kept.
fn taken<T: Cell>(column: &mut Column<T>, rows: usize, keep: Option<&[bool]>) -> Result<Vec<T>, PartProblem> {
    let mut values = Vec::new();
    column.next(rows, &mut values)?;
    retain(&mut values, keep);
    Ok(values)
}

/// Closes the gaps of rows that are not kept.
fn retain<T: Copy>(values: &mut Vec<T>, keep: Option<&[bool]>) {
    let Some(keep) = keep else { return };
    let mut end = 0;
    for (row, kept) in keep.iter().enumerate() {
        values[end] = values[row];
        end += usize::from(*kept);
    }
    values.truncate(end);
}
