//! Parts that are written are what is read.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;

use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader};
use tradecore_catalog::{Part, PartFile, PartWriter, Seal, Wanted, Written, read_note};
use tradecore_core::event::{Columns as _, Event, EventColumns, EventKind, FLAG_LAST, Latencies};

/// More than two row groups.
const ROWS: i64 = 150_001;

fn rows(count: i64) -> EventColumns {
    let mut columns = EventColumns::default();
    for at in 0..count {
        columns.push(Event {
            ts_event: 1_000 + at - at % 3,
            ts_recv: 1_500 + at,
            kind: if at % 4 == 0 { EventKind::Trade } else { EventKind::BookSet },
            side: if at % 2 == 0 { 1 } else { -1 },
            flags: if at % 5 == 4 { FLAG_LAST } else { 0 },
            price: if at == 70_000 { 1 << 59 } else { 600_000 + at % 50 },
            qty: at % 1_000,
            id: if at == 7 { u64::MAX } else { at as u64 },
        });
    }
    columns
}

fn write(path: &Path, columns: &EventColumns, pieces: usize) -> Written {
    let notes = vec![("tradecore.instrument".to_owned(), "{\"é\": 1}".to_owned())];
    let mut writer = PartWriter::create(path.to_owned(), notes).unwrap();
    let view = columns.view();
    let mut from = 0;
    while from < view.len() {
        let to = view.len().min(from + pieces);
        writer.push(&view.rows(from, to)).unwrap();
        from = to;
    }
    assert_eq!(writer.rows(), view.len() as u64);
    writer.finish().unwrap().unwrap()
}

fn read(path: &Path, written: &Written) -> EventColumns {
    let file = PartFile {
        path: path.to_owned(),
        retired: path.to_owned(),
        rows: written.rows,
        kinds: u32::MAX,
        seal: Some(written.seal.clone()),
    };
    let mut reader = Part::open(file).unwrap().read(Wanted { kinds: u32::MAX, with_ids: true });
    let mut out = EventColumns::default();
    while let Some(piece) = reader.next(10_000).unwrap() {
        let view = piece.view();
        (0..view.len()).for_each(|row| out.push(view.event(row)));
    }
    out
}

#[test]
fn what_was_written_is_read_whatever_pieces_it_came_in() {
    let (folder, columns) = (tempfile::tempdir().unwrap(), rows(ROWS));
    let mut bytes = Vec::new();
    for (number, pieces) in [1 << 20, 65_536, 10_000, 777].into_iter().enumerate() {
        let path = folder.path().join(number.to_string());
        let written = write(&path, &columns, pieces);
        assert_eq!(read(&path, &written), columns);
        assert_eq!(written.seal, Seal::of(&path).unwrap());
        assert_eq!(read_note(&path, "tradecore.instrument").unwrap().unwrap(), "{\"é\": 1}");
        bytes.push(std::fs::read(path).unwrap());
    }
    assert!(bytes.iter().all(|other| *other == bytes[0]));
}

/// Levels around a price that wanders, so many of one time.
fn messages(count: i64, levels: i64) -> EventColumns {
    let mut columns = EventColumns::default();
    for at in 0..count {
        let (message, noise) = (at / levels, at * 7_919 % 61);
        columns.push(Event {
            ts_event: 1_700_000_000_000_000_000 + message * 3_600_000_011,
            ts_recv: 1_700_000_000_004_000_000 + message * 3_600_000_011 + message % 7,
            kind: EventKind::BookSet,
            side: if noise % 2 == 0 { 1 } else { -1 },
            flags: if at % levels == levels - 1 { FLAG_LAST } else { 0 },
            price: 600_000 + message % 10 + noise,
            qty: at * 104_729 % 5_003,
            id: message as u64,
        });
    }
    columns
}

#[test]
fn a_short_part_is_not_packed_and_is_small_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (name, count, levels, most, is_packed) in [
        ("one", 1, 1, 1_500, false),
        ("of messages", 1_000, 20, 8_000, false),
        ("of levels", 1_000, 1, 16_000, false),
        ("as long as they are", 1 << 13, 20, 50_000, false),
        ("longer", (1 << 13) + 1, 20, 50_000, true),
    ] {
        let (path, columns) = (folder.path().join(name), messages(count, levels));
        let written = write(&path, &columns, 700);
        assert_eq!(read(&path, &written), columns, "{name}");
        let file = std::fs::File::open(&path).unwrap();
        assert!(file.metadata().unwrap().len() < most, "{name}: {}", file.metadata().unwrap().len());
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
        let packed = |column: &ColumnChunkMetaData| column.compression() != Compression::UNCOMPRESSED;
        assert!(metadata.row_group(0).columns().iter().all(|column| packed(column) == is_packed), "{name}");
    }
}

#[test]
fn a_part_says_what_it_holds() {
    let (folder, columns) = (tempfile::tempdir().unwrap(), rows(ROWS));
    let written = write(&folder.path().join("part"), &columns, 10_000);
    assert_eq!(written.rows, ROWS as u64);
    assert_eq!((written.first_ts_recv, written.last_ts_recv), (1_500, 1_500 + ROWS - 1));
    assert_eq!(written.min_latency_ns, 500);
    assert_eq!(written.kinds, [(EventKind::BookSet as u8, 112_500), (EventKind::Trade as u8, 37_501)]);
    assert_eq!((written.max_price, written.max_qty), (1 << 59, 999));
    assert_eq!(written.latencies, Latencies::of(&columns.view()));
}

#[test]
fn a_writer_that_got_no_rows_says_so_and_one_that_is_dropped_ends() {
    let folder = tempfile::tempdir().unwrap();
    let writer = PartWriter::create(folder.path().join("none"), Vec::new()).unwrap();
    assert_eq!(writer.finish().unwrap(), None);
    let mut writer = PartWriter::create(folder.path().join("left"), Vec::new()).unwrap();
    writer.push(&rows(100_000).view()).unwrap();
    drop(writer);
    assert!(PartWriter::create(folder.path().join("no/folder"), Vec::new()).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_what_the_system_calls_it() {
    let columns = rows(1 << 18);
    let mut writer = PartWriter::create("/dev/full".into(), Vec::new()).unwrap();
    let pushed = (0..8).try_for_each(|_| writer.push(&columns.view()));
    let error = pushed.and_then(|()| writer.finish().map(drop)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}
