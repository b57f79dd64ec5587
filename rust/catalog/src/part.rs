//! One Parquet file of a catalog.
//!
//! A part holds the event columns as integers of up to 64 bits, without empty values, in row groups of any size. It is
//! checked against its schema and its number of rows when it is opened, and while it is read against what its pages
//! say; rows as such are checked where they are used.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parquet::basic::{LogicalType, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length as _;
use parquet::schema::types::ColumnDescPtr;

use crate::error::{PartError, PartProblem};
use crate::packed::{PackedColumns, PackedInts};
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
const COLUMNS: [(&str, Type); 8] = [
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

/// What tells a file from one that has taken its place.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    length: u64,
    /// Of the bytes that describe its pages, with their statistics.
    footer: u64,
}

impl Found {
    fn of(mut file: &File) -> std::io::Result<Self> {
        let length = file.len();
        let mut end = [0; 8];
        file.seek(SeekFrom::Start(length.saturating_sub(8)))?;
        file.read_exact(&mut end)?;
        let [a, b, c, d, ..] = end;
        let footer = u64::from(u32::from_le_bytes([a, b, c, d])).saturating_add(8).min(length);
        let mut bytes = vec![0; footer as usize];
        file.seek(SeekFrom::Start(length - footer))?;
        file.read_exact(&mut bytes)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Ok(Self { length, footer: hasher.finish() })
    }
}

/// A file of up to so many bytes is read as a whole: its pages would be in memory anyway while they are used.
const SHORT: u64 = 1 << 17;

/// Where the bytes of a part are.
enum Stored {
    /// In memory.
    Here(Bytes),
    /// In the file as it was found. It is not kept open: a run may read more parts at a time than a process may have
    /// files.
    There(Found),
}

/// A file found to hold the event columns.
pub struct Part {
    path: PathBuf,
    stored: Stored,
    metadata: ParquetMetaData,
    /// Where each of [`COLUMNS`] is among the file's.
    places: [usize; COLUMNS.len()],
}

impl Part {
    /// Opens a file that should hold this many rows.
    ///
    /// # Errors
    /// [`PartError`] when it cannot be read or holds something else.
    pub fn open(path: &Path, rows: u64) -> Result<Self, PartError> {
        Self::open_inner(path, rows).map_err(|problem| problem.of(path))
    }

    fn open_inner(path: &Path, expected: u64) -> Result<Self, PartProblem> {
        let mut file = File::open(path)?;
        let (stored, metadata) = if file.len() <= SHORT {
            let mut bytes = Vec::with_capacity(file.len() as usize);
            file.read_to_end(&mut bytes)?;
            let bytes = Bytes::from(bytes);
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes)?;
            (Stored::Here(bytes), metadata)
        } else {
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
            (Stored::There(Found::of(&file)?), metadata)
        };
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
        if u64::try_from(got) != Ok(expected) {
            return Err(PartProblem::Rows { got, expected });
        }
        Ok(Self { path: path.to_owned(), stored, metadata, places })
    }

    /// Reads the wanted ones of its rows, which are of these kinds, from the start. Where all of them are wanted no
    /// row is looked at.
    pub fn read(self, wanted: Wanted, kinds: u32) -> PartReader {
        let filters = kinds & !wanted.kinds != 0;
        PartReader { part: self, wanted, filters, next_group: 0, group: None, wide: Vec::new() }
    }

    fn open_group(&self, index: usize, with_ids: bool) -> Result<Group, PartProblem> {
        let source = match &self.stored {
            Stored::Here(bytes) => Source::Memory(bytes),
            Stored::There(found) => {
                let file = File::open(&self.path)?;
                if Found::of(&file)? != *found {
                    return Err(PartProblem::Unreadable("it was replaced while it was read".into()));
                }
                Source::File(file)
            }
        };
        let file = &source;
        Ok(Group {
            rows_left: self.metadata.row_group(index).num_rows() as usize,
            ts_event: self.column(file, index, TS_EVENT)?,
            ts_recv: self.column(file, index, TS_RECV)?,
            kind: self.column(file, index, KIND)?,
            side: self.column(file, index, SIDE)?,
            flags: self.column(file, index, FLAGS)?,
            price: self.column(file, index, PRICE)?,
            qty: self.column(file, index, QTY)?,
            id: with_ids.then(|| self.column(file, index, ID)).transpose()?,
        })
    }

    fn column<T: Cell>(
        &self,
        source: &Source<'_>,
        group: usize,
        column: usize,
    ) -> Result<Column<T>, PartProblem> {
        let (name, group) = (COLUMNS[column].0, self.metadata.row_group(group));
        let chunk = group
            .columns()
            .get(self.places[column])
            .ok_or_else(|| PartProblem::Unreadable(format!("a row group lacks column {name}")))?;
        let (start, length) = byte_range(chunk)?;
        if start.checked_add(length).is_none_or(|end| end > source.len()) {
            return Err(PartProblem::Unreadable(format!("column {name} goes beyond the file")));
        }
        let bytes = source.read(start, length)?;
        Column::new(name, ChunkBytes { start, bytes }, chunk, group.num_rows() as usize)
    }
}

/// What the columns of a row group are read from.
enum Source<'a> {
    Memory(&'a Bytes),
    File(File),
}

impl Source<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.len(),
        }
    }

    fn read(&self, start: u64, length: u64) -> std::io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.slice(start as usize..(start + length) as usize)),
            Self::File(file) => {
                let (mut file, mut bytes) = (file, vec![0; length as usize]);
                file.seek(SeekFrom::Start(start))?;
                file.read_exact(&mut bytes)?;
                Ok(bytes.into())
            }
        }
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
fn byte_range(chunk: &ColumnChunkMetaData) -> Result<(u64, u64), PartProblem> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    match (u64::try_from(start), u64::try_from(chunk.compressed_size())) {
        (Ok(start), Ok(length)) => Ok((start, length)),
        _ => Err(PartProblem::Unreadable("a column before the start of the file".into())),
    }
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
        self.group.is_none() && self.next_group == self.part.metadata.num_row_groups()
    }

    /// The wanted ones of the next `rows` rows at most, which may be none; `None` at the end. A piece ends where its
    /// row group does.
    ///
    /// # Errors
    /// [`PartError`] when the file is damaged.
    pub fn next(&mut self, rows: usize) -> Result<Option<PackedColumns>, PartError> {
        self.next_inner(rows).map_err(|problem| problem.of(&self.part.path))
    }

    fn next_inner(&mut self, rows: usize) -> Result<Option<PackedColumns>, PartProblem> {
        while self.group.as_ref().is_none_or(|group| group.rows_left == 0) {
            if self.next_group == self.part.metadata.num_row_groups() {
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
        let mut packed = |column: &mut Column<i64>| {
            column.next(rows, &mut self.wide)?;
            retain(&mut self.wide, keep);
            Ok::<_, PartProblem>(PackedInts::of(&self.wide))
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
