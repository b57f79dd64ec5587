//! Parts written in every way a writer may choose, and damaged in every way a disk may.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{DataType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use tempfile::TempDir;
use tradecore_catalog::{
    EventStream, PackedInts, Part, PartError, PartFile, PartProblem, ReadAhead, Seal, StreamConfig, Wanted,
};
use tradecore_core::event::{Columns as _, Event, EventColumns, EventKind};

const ALL: Wanted = Wanted { kinds: u32::MAX, with_ids: true };
const MARKET: u32 = 0b1111;

const SCHEMA: [(&str, &str); 8] = [
    ("ts_event", "INT64"),
    ("ts_recv", "INT64"),
    ("kind", "INT32 (INTEGER(8,false))"),
    ("side", "INT32 (INTEGER(8,true))"),
    ("flags", "INT32 (INTEGER(8,false))"),
    ("price", "INT64"),
    ("qty", "INT64"),
    ("id", "INT64 (INTEGER(64,false))"),
];

/// How a file is written.
#[derive(Debug, Clone, Copy)]
struct Form {
    group_rows: usize,
    optional: bool,
    /// What values are written as, `None` for indices of a dictionary.
    encoding: Option<Encoding>,
    version: WriterVersion,
    zstd: bool,
    page_rows: usize,
}

const PLAIN: Form = Form {
    group_rows: 1 << 16,
    optional: true,
    encoding: None,
    version: WriterVersion::PARQUET_1_0,
    zstd: true,
    page_rows: 20_000,
};

impl Form {
    fn properties(self) -> WriterPropertiesBuilder {
        let compression =
            if self.zstd { Compression::ZSTD(ZstdLevel::default()) } else { Compression::UNCOMPRESSED };
        WriterProperties::builder()
            .set_writer_version(self.version)
            .set_dictionary_enabled(self.encoding.is_none())
            .set_encoding(self.encoding.unwrap_or(Encoding::PLAIN))
            .set_compression(compression)
            .set_data_page_row_count_limit(self.page_rows)
            .set_write_batch_size(self.page_rows.min(1_024))
    }
}

fn schema(columns: &[(&str, &str)], optional: bool) -> String {
    let repetition = if optional { "OPTIONAL" } else { "REQUIRED" };
    let fields: Vec<String> = columns
        .iter()
        .map(|(name, kind)| {
            let (physical, logical) = kind.split_once(' ').unwrap_or((kind, ""));
            format!("{repetition} {physical} {name} {logical};")
        })
        .collect();
    format!("message events {{ {} }}", fields.join(" "))
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    optional: bool,
) {
    let levels = vec![1_i16; values.len()];
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(values, optional.then_some(&levels[..]), None).unwrap();
    column.close().unwrap();
}

fn write_with(path: &Path, rows: &EventColumns, form: Form, properties: WriterProperties) {
    let message = Arc::new(parse_message_type(&schema(&SCHEMA, form.optional)).unwrap());
    let mut writer =
        SerializedFileWriter::new(File::create(path).unwrap(), message, Arc::new(properties)).unwrap();
    for start in (0..rows.len()).step_by(form.group_rows) {
        let range = start..rows.len().min(start + form.group_rows);
        let mut group = writer.next_row_group().unwrap();
        let ids: Vec<i64> = rows.id[range.clone()].iter().map(|id| id.cast_signed()).collect();
        let bytes = |values: &[u8]| values.iter().map(|v| i32::from(*v)).collect::<Vec<_>>();
        let sides: Vec<i32> = rows.side[range.clone()].iter().map(|v| i32::from(*v)).collect();
        write_column::<Int64Type>(&mut group, &rows.ts_event[range.clone()], form.optional);
        write_column::<Int64Type>(&mut group, &rows.ts_recv[range.clone()], form.optional);
        write_column::<Int32Type>(&mut group, &bytes(&rows.kind[range.clone()]), form.optional);
        write_column::<Int32Type>(&mut group, &sides, form.optional);
        write_column::<Int32Type>(&mut group, &bytes(&rows.flags[range.clone()]), form.optional);
        write_column::<Int64Type>(&mut group, &rows.price[range.clone()], form.optional);
        write_column::<Int64Type>(&mut group, &rows.qty[range], form.optional);
        write_column::<Int64Type>(&mut group, &ids, form.optional);
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn write(path: &Path, rows: &EventColumns, form: Form) {
    write_with(path, rows, form, form.properties().build());
}

/// Rows as a market has them: messages of one time, levels around a price, now and then something else.
fn market(rows: usize) -> EventColumns {
    let mut columns = EventColumns::default();
    let mut state = 0x9e37_79b9_u64;
    for row in 0..rows {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let message = (row / 20) as i64;
        let kind = match state % 40 {
            0 => EventKind::Trade,
            1 => EventKind::Mark,
            _ => EventKind::BookSet,
        };
        columns.push(Event {
            ts_event: 1_700_000_000_000_000_000 + message * 10_000_019,
            ts_recv: 1_700_000_000_000_000_000 + message * 10_000_019 + (state >> 60) as i64,
            kind,
            side: if state >> 20 & 1 == 0 { 1 } else { -1 },
            flags: u8::from(row % 20 == 19),
            price: if kind == EventKind::Mark {
                60_000_123_456_789
            } else {
                600_000 + (state >> 30 & 0xfff) as i64
            },
            qty: (state >> 44 & 0x3ff) as i64,
            id: u64::MAX - row as u64 / 20,
        });
    }
    columns
}

/// A file that is where it should be, of which no checksums were kept.
fn unsealed(path: &Path, rows: usize) -> PartFile {
    PartFile { path: path.into(), retired: "retired".into(), rows: rows as u64, kinds: u32::MAX, seal: None }
}

fn sealed(path: &Path, rows: usize) -> PartFile {
    PartFile { seal: Some(Seal::of(path).unwrap()), ..unsealed(path, rows) }
}

/// What is read, joined again.
fn read(path: &Path, rows: usize, wanted: Wanted, piece_rows: usize) -> Result<EventColumns, PartError> {
    read_file(unsealed(path, rows), wanted, piece_rows)
}

fn read_file(file: PartFile, wanted: Wanted, piece_rows: usize) -> Result<EventColumns, PartError> {
    let mut reader = Part::open(file)?.read(wanted);
    let mut joined = EventColumns::default();
    while let Some(piece) = reader.next(piece_rows)? {
        assert!(piece.len() <= piece_rows);
        let view = piece.view();
        view.check_lengths().unwrap();
        for row in 0..piece.len() {
            joined.push(view.event(row));
        }
    }
    Ok(joined)
}

fn kept(rows: &EventColumns, kinds: u32) -> EventColumns {
    let mut kept = EventColumns::default();
    let view = rows.view();
    (0..rows.len())
        .filter(|row| kinds >> rows.kind[*row] & 1 == 1)
        .for_each(|row| kept.push(view.event(row)));
    kept
}

fn problem(path: &Path, rows: usize) -> PartProblem {
    let error = read(path, rows, ALL, 1_000).unwrap_err();
    assert_eq!(error.path, path);
    assert!(error.to_string().starts_with(&format!("{}: ", path.display())));
    error.problem
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0000.parquet");
    (folder, path)
}

#[test]
fn rows_come_back_however_they_were_written() {
    let (_folder, path) = folder();
    let rows = market(30_000);
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let (plain, deltas) = (Some(Encoding::PLAIN), Some(Encoding::DELTA_BINARY_PACKED));
        for (optional, encoding, zstd) in [
            (true, None, true),
            (false, None, false),
            (true, plain, true),
            (false, plain, false),
            (true, deltas, true),
            (false, deltas, false),
        ] {
            for (group_rows, page_rows) in [(1 << 16, 20_000), (7_001, 977)] {
                let form = Form { group_rows, optional, encoding, version, zstd, page_rows };
                write(&path, &rows, form);
                for piece_rows in [1_003, 1 << 14, 1 << 20] {
                    assert_eq!(
                        read(&path, rows.len(), ALL, piece_rows).unwrap(),
                        rows,
                        "{form:?} {piece_rows}"
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_values_in_runs_of_any_length_come_back(
        runs in proptest::collection::vec((any::<i64>(), any::<i8>(), any::<u8>(), 1..40_usize), 1..300),
        few in any::<bool>(),
        encoding in proptest::sample::select(vec![None, Some(Encoding::PLAIN), Some(Encoding::DELTA_BINARY_PACKED)]),
        page_rows in 5..3_000_usize,
        piece_rows in 1..5_000_usize,
    ) {
        let mut rows = EventColumns::default();
        for (value, side, flags, length) in runs {
            let value = if few { value % 40 } else { value };
            for _ in 0..length {
                rows.ts_event.push(value);
                rows.ts_recv.push(value ^ 1);
                rows.kind.push(flags % 13);
                rows.side.push(side);
                rows.flags.push(flags);
                rows.price.push(value >> (flags % 64));
                rows.qty.push(value);
                rows.id.push(value.cast_unsigned());
            }
        }
        let (_folder, path) = folder();
        write(&path, &rows, Form { encoding, page_rows, ..PLAIN });
        let mut reader = Part::open(unsealed(&path, rows.len())).unwrap().read(ALL);
        let mut at = 0;
        while let Some(piece) = reader.next(piece_rows).unwrap() {
            let (view, expected) = (piece.view(), rows.view().rows(at, at + piece.len()));
            prop_assert_eq!(view.ts_event, expected.ts_event);
            prop_assert_eq!(view.ts_recv, expected.ts_recv);
            prop_assert_eq!(view.kind, expected.kind);
            prop_assert_eq!(view.side, expected.side);
            prop_assert_eq!(view.flags, expected.flags);
            prop_assert_eq!(view.id, expected.id);
            for row in 0..piece.len() {
                prop_assert_eq!(view.price.get(row), expected.price.get(row));
                prop_assert_eq!(view.qty.get(row), expected.qty.get(row));
            }
            at += piece.len();
        }
        prop_assert_eq!(at, rows.len());
    }
}

#[test]
fn only_wanted_kinds_are_read_and_decide_how_wide_the_rest_is() {
    let (_folder, path) = folder();
    let rows = market(10_000);
    write(&path, &rows, PLAIN);
    let wanted = Wanted { kinds: MARKET, with_ids: false };
    let mut reader = Part::open(unsealed(&path, 10_000)).unwrap().read(wanted);
    let piece = reader.next(10_000).unwrap().unwrap();
    assert_eq!(piece.len(), kept(&rows, MARKET).len());
    assert!(piece.len() < 10_000);
    assert!(matches!((&piece.price, &piece.qty), (PackedInts::Narrow(_), PackedInts::Narrow(_))));
    assert_eq!(piece.id, None);
    assert!(reader.next(10_000).unwrap().is_none());
    for kinds in [MARKET, 1 << EventKind::Mark as u32, 0, u32::MAX] {
        let wanted = Wanted { kinds, with_ids: true };
        assert_eq!(read(&path, 10_000, wanted, 999).unwrap(), kept(&rows, kinds));
    }
    // Nothing is looked at where the part is known to hold nothing else.
    let file = PartFile { kinds: MARKET, ..unsealed(&path, 10_000) };
    let mut reader = Part::open(file).unwrap().read(wanted);
    let piece = reader.next(10_000).unwrap().unwrap();
    assert!(matches!((piece.len(), &piece.price), (10_000, PackedInts::Wide(_))));
}

#[test]
fn what_is_no_part_is_named() {
    let (_folder, path) = folder();
    let rows = market(2_000);
    assert!(matches!(problem(&path, 1), PartProblem::Unreadable(text) if text.contains("No such file")));
    write(&path, &rows, PLAIN);
    assert_eq!(problem(&path, 1_999), PartProblem::Rows { got: 2_000, expected: 1_999 });
    let whole = fs::read(&path).unwrap();
    for length in [0, 3, 500, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(problem(&path, 2_000), PartProblem::Unreadable(_)), "{length}");
    }
    let split = PLAIN.properties().set_dictionary_enabled(false).set_encoding(Encoding::BYTE_STREAM_SPLIT);
    write_with(&path, &rows, PLAIN, split.build());
    let expected =
        "column kind: values in BYTE_STREAM_SPLIT, expected PLAIN, RLE_DICTIONARY or DELTA_BINARY_PACKED";
    assert_eq!(problem(&path, 2_000), PartProblem::Unreadable(expected.into()));
}

/// Writes three rows of other columns than a part should have.
fn write_three(path: &Path, columns: &[(&str, &str)], kind: i32, nulls: bool) {
    let message = Arc::new(parse_message_type(&schema(columns, true)).unwrap());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), message, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (name, stored) in columns {
        if nulls && *name == "qty" {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(&[1, 2], Some(&[1, 0, 1]), None).unwrap();
            column.close().unwrap();
        } else if stored.starts_with("INT64") {
            write_column::<Int64Type>(&mut group, &[1; 3], true);
        } else if stored.starts_with("INT32") {
            write_column::<Int32Type>(&mut group, &[if *name == "kind" { kind } else { 1 }; 3], true);
        } else {
            write_column::<DoubleType>(&mut group, &[1.0; 3], true);
        }
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn columns_of_another_kind_are_named() {
    let (_folder, path) = folder();
    write_three(&path, &SCHEMA[..5], 1, false);
    assert_eq!(problem(&path, 3), PartProblem::NoColumn("id"));
    let mut other = SCHEMA;
    for (stored, got) in
        [("DOUBLE", "DOUBLE"), ("INT32", "INT32"), ("INT64 (TIMESTAMP(MILLIS,true))", "Timestamp")]
    {
        other[5].1 = stored;
        write_three(&path, &other, 1, false);
        assert!(
            matches!(problem(&path, 3), PartProblem::Type { column: "price", got: is, expected: "INT64" } if is.starts_with(got)),
            "{stored}"
        );
    }
    write_three(&path, &SCHEMA, 1, true);
    assert_eq!(problem(&path, 3), PartProblem::Nulls("qty"));
    write_three(&path, &SCHEMA, 300, false);
    let expected = "an integer from 0 to 255";
    assert_eq!(problem(&path, 3), PartProblem::Value { column: "kind", got: 300, expected });
    write_three(&path, &SCHEMA, 1, false);
    assert_eq!(read(&path, 3, ALL, 10).unwrap().len(), 3);
}

#[test]
fn no_damage_is_more_than_an_error() {
    let (_folder, path) = folder();
    let rows = market(80);
    let mut refused = 0;
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for zstd in [false, true] {
            write(&path, &rows, Form { version, zstd, page_rows: 40, ..PLAIN });
            let whole = fs::read(&path).unwrap();
            for at in 0..whole.len() {
                let mut damaged = whole.clone();
                damaged[at] ^= [0x01, 0x80, 0xff][at % 3];
                fs::write(&path, &damaged).unwrap();
                refused += usize::from(read(&path, 80, ALL, 30).is_err());
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
}

fn parts(folder: &TempDir, lengths: &[usize]) -> (Vec<PartFile>, EventColumns) {
    let mut all = EventColumns::default();
    let files = lengths.iter().enumerate().map(|(number, length)| {
        let path = folder.path().join(format!("{number:04}.parquet"));
        let rows = market(*length);
        write(&path, &rows, PLAIN);
        all.extend_from(&rows, 0, *length);
        PartFile { kinds: 0b1_0110, ..sealed(&path, *length) }
    });
    (files.collect(), all)
}

fn config(kinds: u32, budget_bytes: usize) -> StreamConfig {
    StreamConfig { wanted: Wanted { kinds, with_ids: true }, piece_rows: 1_000, budget_bytes }
}

#[test]
fn a_stream_reads_part_after_part_whatever_its_budget() {
    let (folder, _) = folder();
    let (files, all) = parts(&folder, &[2_500, 1, 4_000]);
    for budget in [0, 100_000, 1 << 30] {
        for kinds in [MARKET, u32::MAX, 1 << EventKind::Trade as u32] {
            let mut stream = EventStream::start(files.clone(), config(kinds, budget)).unwrap();
            let mut joined = EventColumns::default();
            while let Some(piece) = stream.next_piece().unwrap() {
                assert!(!piece.is_empty());
                (0..piece.len()).for_each(|row| joined.push(piece.view().event(row)));
            }
            assert_eq!(joined, kept(&all, kinds));
            assert_eq!(stream.next_piece(), Ok(None));
        }
    }
    let none = 1 << EventKind::OpenInterest as u32;
    assert_eq!(EventStream::start(files, config(none, 0)).unwrap().next_piece(), Ok(None));
}

#[test]
fn a_stream_ends_with_its_first_damaged_part() {
    let (folder, _) = folder();
    let (files, _) = parts(&folder, &[1_500, 1_500, 1_500]);
    fs::remove_file(&files[1].path).unwrap();
    let mut stream = EventStream::start(files.clone(), config(MARKET, 0)).unwrap();
    assert!(stream.next_piece().unwrap().is_some() && stream.next_piece().unwrap().is_some());
    let error = stream.next_piece().unwrap_err();
    assert_eq!(error.path, files[1].path);
    assert_eq!(stream.next_piece(), Ok(None));
}

/// Taken in turns, all at once and one after the other, with pieces smaller than asked for where the budget is small.
#[test]
fn streams_that_share_threads_do_not_mix() {
    let (folder, _) = folder();
    let (files, _) = parts(&folder, &[2_500, 1, 4_000, 1_500]);
    for budget in [0, 1 << 20] {
        let ahead = ReadAhead::new();
        let large = StreamConfig { piece_rows: 1 << 20, ..config(MARKET, budget) };
        let start = |file: &PartFile| ahead.stream(vec![file.clone(), file.clone()], large).unwrap();
        let mut streams: Vec<_> = files.iter().cycle().take(40).map(start).collect();
        drop(ahead);
        let mut read = vec![EventColumns::default(); streams.len()];
        let mut left = streams.len();
        while left > 0 {
            left = 0;
            for (stream, read) in streams.iter_mut().zip(&mut read) {
                let Some(piece) = stream.next_piece().unwrap() else { continue };
                assert!(budget > 0 || piece.len() <= 1_024);
                (0..piece.len()).for_each(|row| read.push(piece.view().event(row)));
                left += 1;
            }
        }
        for (read, file) in read.iter().zip(files.iter().cycle()) {
            let mut twice = EventColumns::default();
            for _ in 0..2 {
                let mut one = EventStream::start(vec![file.clone()], config(MARKET, 1 << 30)).unwrap();
                while let Some(piece) = one.next_piece().unwrap() {
                    (0..piece.len()).for_each(|row| twice.push(piece.view().event(row)));
                }
            }
            assert!(!twice.is_empty() && *read == twice);
        }
    }
}

#[test]
fn a_part_that_is_retired_while_it_is_read_is_read_to_its_end() {
    for group_rows in [10_000, 1_000] {
        let (folder, path) = folder();
        let retired = folder.path().join("retired.part");
        let rows = market(2 * group_rows);
        write(&path, &rows, Form { group_rows, ..PLAIN });
        let file = PartFile { retired: retired.clone(), ..sealed(&path, rows.len()) };
        let mut reader = Part::open(file.clone()).unwrap().read(ALL);
        assert_eq!(reader.next(group_rows).unwrap().map(|piece| piece.len()), Some(group_rows));
        fs::rename(&path, &retired).unwrap();
        assert_eq!(reader.next(group_rows).unwrap().map(|piece| piece.len()), Some(group_rows));
        assert_eq!(read_file(file.clone(), ALL, 1_000).unwrap(), rows);
        fs::remove_file(&retired).unwrap();
        let error = read_file(file, ALL, 1_000).unwrap_err();
        assert!(error.path == path && error.to_string().contains("No such file"), "{error}");
    }
}

/// Every bit of every byte: those that no reader needs, too, when all of it is checked.
#[test]
fn no_flipped_bit_of_a_sealed_part_is_read() {
    let (_folder, path) = folder();
    let rows = market(300);
    write(&path, &rows, Form { group_rows: 150, ..PLAIN });
    let (file, whole) = (sealed(&path, 300), fs::read(&path).unwrap());
    let seal = file.seal.clone().unwrap();
    assert_eq!(seal.size(), whole.len() as u64);
    assert_eq!(Seal::parse(&seal.to_string()), Some(seal.clone()));
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, &damaged).unwrap();
        let error = read_file(file.clone(), ALL, 1_000).unwrap_err();
        assert!(matches!(error.problem, PartProblem::Checksum(_)), "{at}: {error}");
        assert_eq!(Part::open(file.clone()).and_then(Part::check), Err(error));
    }
    for cut in [0, 1, 300, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        let expected = PartProblem::Size { got: cut as u64, expected: whole.len() as u64 };
        assert_eq!(read_file(file.clone(), ALL, 1_000).unwrap_err().problem, expected);
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(read_file(file, ALL, 1_000).unwrap(), rows);
}

#[test]
fn a_long_part_is_checked_a_row_group_at_a_time() {
    let (_folder, path) = folder();
    let rows = market(1 << 18);
    write(&path, &rows, PLAIN);
    let (file, mut whole) = (sealed(&path, rows.len()), fs::read(&path).unwrap());
    let last = whole.len() - whole.len() / 8;
    whole[last] ^= 1;
    fs::write(&path, &whole).unwrap();
    let mut reader = Part::open(file.clone()).unwrap().read(ALL);
    for _ in 0..3 {
        assert_eq!(reader.next(1 << 16).unwrap().map(|piece| piece.len()), Some(1 << 16));
    }
    assert_eq!(reader.next(1 << 16).unwrap_err().problem, PartProblem::Checksum("a row group"));
    let end = whole.len() - 20;
    whole[end] ^= 1;
    fs::write(&path, &whole).unwrap();
    assert_eq!(Part::open(file).err().unwrap().problem, PartProblem::Checksum("its footer"));
}

/// As small as it is, it would take the memory of what it claims to hold.
#[test]
fn a_page_larger_than_any_writer_makes_is_refused() {
    let (_folder, path) = folder();
    let rows = (10 << 20) / 8 + 1;
    let mut columns = EventColumns::default();
    let same =
        Event { ts_event: 1, ts_recv: 1, kind: EventKind::Trade, side: 1, flags: 1, price: 1, qty: 1, id: 1 };
    (0..rows).for_each(|_| columns.push(same));
    let form =
        Form { group_rows: rows, encoding: Some(Encoding::PLAIN), optional: false, page_rows: rows, ..PLAIN };
    write_with(&path, &columns, form, form.properties().set_data_page_size_limit(1 << 30).build());
    assert!(fs::metadata(&path).unwrap().len() < 2 << 20);
    let told = problem(&path, rows).to_string();
    assert!(told.contains("a page of 10485768 bytes, at most 10485760 are read"), "{told}");
}

#[test]
fn what_is_no_seal_is_none() {
    for text in ["", "1", "1:g", "x:1", "5:1 5:2", "5:1 4:2", "-1:1", "5:1  6:1", "5:1,6:1"] {
        assert_eq!(Seal::parse(text), None, "{text}");
    }
}

#[test]
fn a_closed_stream_has_no_more() {
    let (folder, _) = folder();
    let (files, _) = parts(&folder, &[5_000]);
    let mut stream = EventStream::start(files, config(MARKET, 1 << 20)).unwrap();
    assert!(stream.next_piece().unwrap().is_some());
    stream.close();
    assert_eq!(stream.next_piece(), Ok(None));
}

/// Runs itself again, alone in a process, so that the threads it counts are its own.
#[test]
fn a_dropped_stream_leaves_no_thread() {
    if std::env::var_os("COUNT_THREADS").is_none() {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "a_dropped_stream_leaves_no_thread";
        assert!(again.args(["--exact", name]).env("COUNT_THREADS", "1").status().unwrap().success());
        return;
    }
    let readers = || {
        let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        tasks
            .filter(|task| {
                fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "tradecore-read\n")
            })
            .count()
    };
    let (folder, _) = folder();
    let (files, _) = parts(&folder, &[5_000, 5_000]);
    let mut stream = EventStream::start(files, config(MARKET, 0)).unwrap();
    assert!(stream.next_piece().unwrap().is_some());
    // A thread gives itself its name once it runs.
    let expected = usize::from(cfg!(target_os = "linux"));
    (0..1_000).take_while(|_| readers() != expected).for_each(|_| sleep(Duration::from_millis(1)));
    assert_eq!(readers(), expected);
    drop(stream);
    assert_eq!(readers(), 0);
}
