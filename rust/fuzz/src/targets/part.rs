//! A damaged file of a catalog: it is refused, or read to the number of rows it was opened with; and so are the notes
//! in its footer.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{DataType, Int32Type, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use tempfile::NamedTempFile;
use tradecore_catalog::{Part, PartFile, Seal, Wanted, read_note};
use tradecore_core::event::Columns as _;

use super::Target;
use super::text::rows;

pub(super) const TARGET: Target =
    Target { name: "part", run, seeds, tokens: &["PAR1", "ts_event", "kind", "note"], iterations: 1_500 };

/// Rows of each seed.
const ROWS: usize = 48;
/// Every kind.
const KINDS: u32 = (1 << 13) - 1;

const SCHEMA: &str = "message events {
    OPTIONAL INT64 ts_event; OPTIONAL INT64 ts_recv; OPTIONAL INT32 kind (INTEGER(8,false));
    OPTIONAL INT32 side (INTEGER(8,true)); OPTIONAL INT32 flags (INTEGER(8,false)); OPTIONAL INT64 price;
    OPTIONAL INT64 qty; OPTIONAL INT64 id (INTEGER(64,false));
}";

fn write_column<T: DataType>(group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>, values: &[T::T]) {
    let mut column = group.next_column().expect("memory takes every byte").expect("a column of the schema");
    column
        .typed::<T>()
        .write_batch(values, Some(&vec![1; values.len()]), None)
        .expect("as many levels as values");
    column.close().expect("memory takes every byte");
}

/// A file with all event columns.
fn written(zstd: bool, dictionary: bool, version: WriterVersion) -> Vec<u8> {
    let mut events = rows(ROWS);
    events.truncate(ROWS);
    let compression = if zstd { Compression::ZSTD(ZstdLevel::default()) } else { Compression::UNCOMPRESSED };
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(dictionary)
        .set_writer_version(version)
        .set_data_page_row_count_limit(ROWS / 3)
        .set_key_value_metadata(Some(vec![KeyValue::new("note".into(), "a text".to_owned())]))
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA).expect("a schema"));
    let mut bytes = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).expect("a sound schema");
    let mut group = writer.next_row_group().expect("memory takes every byte");
    let view = events.view();
    let wide = |value: fn(&tradecore_core::event::Event) -> i64| -> Vec<i64> {
        (0..ROWS).map(|row| value(&view.event(row))).collect()
    };
    let narrow = |value: fn(&tradecore_core::event::Event) -> i32| -> Vec<i32> {
        (0..ROWS).map(|row| value(&view.event(row))).collect()
    };
    write_column::<Int64Type>(&mut group, &wide(|event| event.ts_event));
    write_column::<Int64Type>(&mut group, &wide(|event| event.ts_recv));
    write_column::<Int32Type>(&mut group, &narrow(|event| event.kind as i32));
    write_column::<Int32Type>(&mut group, &narrow(|event| event.side.into()));
    write_column::<Int32Type>(&mut group, &narrow(|event| event.flags.into()));
    write_column::<Int64Type>(&mut group, &wide(|event| event.price));
    write_column::<Int64Type>(&mut group, &wide(|event| event.qty));
    write_column::<Int64Type>(&mut group, &wide(|event| event.id.cast_signed()));
    group.close().expect("memory takes every byte");
    writer.close().expect("memory takes every byte");
    bytes
}

fn seeds() -> Vec<Vec<u8>> {
    vec![
        written(true, true, WriterVersion::PARQUET_1_0),
        written(false, false, WriterVersion::PARQUET_2_0),
        written(true, false, WriterVersion::PARQUET_2_0),
    ]
}

/// What was written, and its checksums.
static SEALED: LazyLock<Vec<(Vec<u8>, Seal)>> = LazyLock::new(|| {
    let sealed = |bytes: Vec<u8>| {
        let seal = Seal::of(temporary(&bytes).path()).expect("a file just written");
        (bytes, seal)
    };
    seeds().into_iter().map(sealed).collect()
});

fn temporary(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    file
}

/// Reads all of a file; the rows read, unless it is refused.
fn read(path: &Path, seal: Option<&Seal>, wanted: Wanted) -> Option<usize> {
    let file = PartFile {
        path: path.into(),
        retired: path.into(),
        rows: ROWS as u64,
        kinds: KINDS,
        seal: seal.cloned(),
    };
    let mut reader = Part::open(file).ok()?.read(wanted);
    let mut rows = 0;
    while let Some(columns) = reader.next(7).ok()? {
        let view = columns.view();
        view.check_lengths().expect("columns of one length");
        // What it holds is checked where it is used.
        let _ = view.check();
        rows += view.len();
    }
    assert!(reader.is_done());
    Some(rows)
}

fn run(input: &[u8]) {
    let file = temporary(input);
    let all = Wanted { kinds: KINDS, with_ids: true };
    let read_all = read(file.path(), None, all);
    assert!(read_all.is_none_or(|rows| rows == ROWS));
    let trades = read(file.path(), None, Wanted { kinds: 1 << 2, with_ids: false });
    assert!(trades.is_none_or(|rows| rows <= ROWS));
    for (written, seal) in SEALED.iter() {
        let expected = read_all.filter(|_| input == written);
        assert_eq!(read(file.path(), Some(seal), all), expected, "read what was not written");
    }
    let _ = read_note(file.path(), "note");
}
