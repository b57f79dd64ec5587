//! A part being written: row groups are encoded and written by a thread of its own while the next rows are made.
//!
//! A few row groups are in memory at a time, however long the part. Times and ids are written as differences,
//! which is half of the work of packing them plain; the other columns as indices of a dictionary, where it stays small.
//! A short part is not packed beyond that: to begin with a page would take longer than its rows. Prices and quantities
//! are differences there, and times are indices where messages have several rows, which is about as small.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use parquet::basic::{Compression, ConvertedType, Encoding, Repetition, ZstdLevel};
use parquet::data_type::{DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};
use tradecore_core::event::{Ints, KindSet, Latencies, LatencyMeter, View};

use crate::part::COLUMNS;
use crate::seal::Seal;

/// Rows of a row group.
const GROUP_ROWS: usize = 1 << 16;
/// A part of so many rows is short.
const SHORT_ROWS: usize = 1 << 13;
/// Row groups that wait for the thread.
const WAITING: usize = 1;
/// Rows that a time stands for, on average, to be written as an index in a short part.
const REPEATED: usize = 3;

/// What a part holds that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Number of rows.
    pub rows: u64,
    /// Receipt of the first row, ns.
    pub first_ts_recv: i64,
    /// Receipt of the last row, ns.
    pub last_ts_recv: i64,
    /// The shortest time between a row's venue time and its receipt, ns.
    pub min_latency_ns: i64,
    /// Rows of each kind that is there, in the order of kinds.
    pub kinds: Vec<(u8, u64)>,
    /// The largest price of rows on the grid, in increments, 0 without any.
    pub max_price: i64,
    /// The largest quantity of rows on the grid, in increments, 0 without any.
    pub max_qty: i64,
    /// How long messages took, hour by hour.
    pub latencies: Latencies,
    /// What the bytes of the file are.
    pub seal: Seal,
}

/// Writes the rows of one part.
pub struct PartWriter {
    path: PathBuf,
    filling: Rows,
    rows: u64,
    meter: LatencyMeter,
    /// Gone once the thread has failed.
    waiting: Option<SyncSender<Rows>>,
    thread: Option<JoinHandle<io::Result<Facts>>>,
}

impl PartWriter {
    /// Makes a file with texts in its footer.
    ///
    /// # Errors
    /// [`io::Error`] when it cannot be made, or the system has no thread left.
    pub fn create(path: PathBuf, notes: Vec<(String, String)>) -> io::Result<Self> {
        let file = BufWriter::new(File::create(&path)?);
        let notes = notes.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
        let (waiting, groups) = sync_channel(WAITING);
        let thread =
            Builder::new().name("tradecore-write".into()).spawn(move || write(file, notes, &groups))?;
        let (filling, meter) = (Rows::default(), LatencyMeter::default());
        Ok(Self { path, filling, rows: 0, meter, waiting: Some(waiting), thread: Some(thread) })
    }

    /// Number of rows that were given.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds checked rows.
    ///
    /// # Errors
    /// [`io::Error`] when rows given before could not be written.
    pub fn push(&mut self, view: &View<'_>) -> io::Result<()> {
        for rows in view.messages(0, view.len()) {
            self.meter.push(view.ts_event[rows.from], view.ts_recv[rows.from]);
        }
        let mut from = 0;
        while from < view.len() {
            let to = view.len().min(from + GROUP_ROWS - self.filling.len());
            self.filling.extend(view, from, to);
            self.rows += (to - from) as u64;
            from = to;
            if self.filling.len() == GROUP_ROWS {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    /// Ends the file and says what it holds; `None` without any row.
    ///
    /// # Errors
    /// [`io::Error`] when it could not be written.
    pub fn finish(mut self) -> io::Result<Option<Written>> {
        if self.filling.len() > 0 {
            self.hand_over()?;
        }
        self.waiting = None;
        let facts = self.end()?;
        if self.rows == 0 {
            return Ok(None);
        }
        let kinds = (0..=u8::MAX).zip(facts.kinds).filter(|(_, count)| *count > 0).collect();
        Ok(Some(Written {
            rows: self.rows,
            first_ts_recv: facts.first_ts_recv,
            last_ts_recv: facts.last_ts_recv,
            min_latency_ns: facts.min_latency_ns,
            kinds,
            max_price: facts.max_price,
            max_qty: facts.max_qty,
            latencies: std::mem::take(&mut self.meter).latencies(),
            seal: Seal::of(&self.path).map_err(io::Error::other)?,
        }))
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.filling);
        match &self.waiting {
            Some(waiting) if waiting.send(rows).is_ok() => Ok(()),
            // The thread takes rows until it fails.
            _ => {
                self.waiting = None;
                self.end().and(Err(io::Error::other("could not be written before")))
            }
        }
    }

    /// Waits for the thread, which must have been told that there is no more.
    fn end(&mut self) -> io::Result<Facts> {
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(facts)) => facts,
            _ => Err(io::Error::other("the thread that writes it has ended")),
        }
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        self.waiting = None;
        if let Some(thread) = self.thread.take() {
            // Whoever drops it before its end wants nothing of it.
            drop(thread.join());
        }
    }
}

/// The columns of a row group, as Parquet stores them.
#[derive(Default)]
struct Rows {
    ts_event: Vec<i64>,
    ts_recv: Vec<i64>,
    kind: Vec<i32>,
    side: Vec<i32>,
    flags: Vec<i32>,
    price: Vec<i64>,
    qty: Vec<i64>,
    id: Vec<i64>,
}

impl Rows {
    fn len(&self) -> usize {
        self.ts_recv.len()
    }

    fn extend(&mut self, view: &View<'_>, from: usize, to: usize) {
        if self.len() == 0 {
            self.reserve();
        }
        self.ts_event.extend_from_slice(&view.ts_event[from..to]);
        self.ts_recv.extend_from_slice(&view.ts_recv[from..to]);
        self.kind.extend(view.kind[from..to].iter().map(|kind| i32::from(*kind)));
        self.side.extend(view.side[from..to].iter().map(|side| i32::from(*side)));
        self.flags.extend(view.flags[from..to].iter().map(|flags| i32::from(*flags)));
        append_ints(&mut self.price, view.price, from, to);
        append_ints(&mut self.qty, view.qty, from, to);
        match view.id {
            Some(id) => self.id.extend(id[from..to].iter().map(|id| id.cast_signed())),
            None => self.id.resize(self.id.len() + (to - from), 0),
        }
    }

    fn reserve(&mut self) {
        for column in [&mut self.ts_event, &mut self.ts_recv, &mut self.price, &mut self.qty, &mut self.id] {
            column.reserve_exact(GROUP_ROWS);
        }
        for column in [&mut self.kind, &mut self.side, &mut self.flags] {
            column.reserve_exact(GROUP_ROWS);
        }
    }
}

fn append_ints(out: &mut Vec<i64>, values: Ints<'_>, from: usize, to: usize) {
    match values {
        Ints::Narrow(values) => out.extend(values[from..to].iter().map(|value| i64::from(*value))),
        Ints::Wide(values) => out.extend_from_slice(&values[from..to]),
    }
}

/// What was seen of the rows while they were written.
struct Facts {
    first_ts_recv: i64,
    last_ts_recv: i64,
    min_latency_ns: i64,
    kinds: [u64; 256],
    max_price: i64,
    max_qty: i64,
}

impl Facts {
    fn new() -> Self {
        let (first_ts_recv, last_ts_recv, min_latency_ns) = (i64::MAX, i64::MIN, i64::MAX);
        Self { first_ts_recv, last_ts_recv, min_latency_ns, kinds: [0; 256], max_price: 0, max_qty: 0 }
    }

    fn add(&mut self, rows: &Rows) {
        let (Some(first), Some(last)) = (rows.ts_recv.first(), rows.ts_recv.last()) else { return };
        self.first_ts_recv = self.first_ts_recv.min(*first);
        self.last_ts_recv = *last;
        for (event, recv) in rows.ts_event.iter().zip(&rows.ts_recv) {
            self.min_latency_ns = self.min_latency_ns.min(recv.saturating_sub(*event));
        }
        for (row, kind) in rows.kind.iter().enumerate() {
            let kind = *kind as u8;
            self.kinds[usize::from(kind)] += 1;
            if KindSet::ON_GRID.has_column(kind) {
                self.max_price = self.max_price.max(rows.price[row]);
                self.max_qty = self.max_qty.max(rows.qty[row]);
            }
        }
    }
}

/// Encodes and writes row groups until there are no more; only the last one is not full.
fn write(file: BufWriter<File>, notes: Vec<KeyValue>, groups: &Receiver<Rows>) -> io::Result<Facts> {
    let mut facts = Facts::new();
    let first = groups.recv().unwrap_or_default();
    let properties = Arc::new(properties(notes, &first)?);
    let mut writer = SerializedFileWriter::new(file, schema().map_err(cause)?, properties).map_err(cause)?;
    for rows in std::iter::once(first).chain(groups).filter(|rows| rows.len() > 0) {
        facts.add(&rows);
        write_group(&mut writer, &rows).map_err(cause)?;
    }
    writer.close().map_err(cause)?;
    Ok(facts)
}

fn write_group(writer: &mut SerializedFileWriter<BufWriter<File>>, rows: &Rows) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    write_column::<Int64Type>(&mut group, &rows.ts_event)?;
    write_column::<Int64Type>(&mut group, &rows.ts_recv)?;
    write_column::<Int32Type>(&mut group, &rows.kind)?;
    write_column::<Int32Type>(&mut group, &rows.side)?;
    write_column::<Int32Type>(&mut group, &rows.flags)?;
    write_column::<Int64Type>(&mut group, &rows.price)?;
    write_column::<Int64Type>(&mut group, &rows.qty)?;
    write_column::<Int64Type>(&mut group, &rows.id)?;
    group.close()?;
    Ok(())
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, BufWriter<File>>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, None, None)?;
        column.close()?;
    }
    Ok(())
}

/// The event columns with the integers they are of.
fn schema() -> Result<Arc<Type>, ParquetError> {
    let fields = COLUMNS.map(|(name, physical)| {
        let converted = match name {
            "kind" | "flags" => ConvertedType::UINT_8,
            "side" => ConvertedType::INT_8,
            "id" => ConvertedType::UINT_64,
            _ => ConvertedType::NONE,
        };
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
        field.with_converted_type(converted).build().map(Arc::new)
    });
    let fields = fields.into_iter().collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("events").with_fields(fields).build().map(Arc::new)
}

/// How a part is written that begins with these rows.
fn properties(notes: Vec<KeyValue>, first: &Rows) -> io::Result<WriterProperties> {
    let is_short = first.len() <= SHORT_ROWS;
    let compression = if is_short {
        Compression::UNCOMPRESSED
    } else {
        Compression::ZSTD(ZstdLevel::try_new(1).map_err(cause)?)
    };
    let mut properties = WriterProperties::builder()
        .set_compression(compression)
        .set_encoding(Encoding::DELTA_BINARY_PACKED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(GROUP_ROWS)
        .set_key_value_metadata(Some(notes));
    for (name, is_indexed) in [
        ("ts_event", is_short && repeats(&first.ts_event)),
        ("ts_recv", is_short && repeats(&first.ts_recv)),
        ("price", !is_short),
        ("qty", !is_short),
        ("id", false),
    ] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(name), is_indexed);
    }
    Ok(properties.build())
}

/// Whether values mostly are the one before.
fn repeats(values: &[i64]) -> bool {
    let changes = values.windows(2).filter(|both| both[0] != both[1]).count();
    changes * REPEATED < values.len()
}

/// What the system said, where it was that which failed.
fn cause(error: ParquetError) -> io::Error {
    let ParquetError::External(inner) = error else { return io::Error::other(error) };
    match inner.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(other) => io::Error::other(other),
    }
}
