//! Event columns as text: what `data export` writes as CSV, and files of these columns that others wrote.
//!
//! Columns are told by the header, in any order and with others between them. Kinds are words, prices and quantities are
//! in units, times count ns or are dates, UTC where they have no zone: a file whose first times would be those of a market in another unit is refused.

use std::sync::Arc;

use super::date::date_time;
use super::error::{DecodeError, PlacedError};
use super::lines::Lines;
use super::parse::{Written, not_in_ns, parse_fine, parse_qty, parse_u64};
use super::stamp::is_date;
use super::text::{Cells, Row, is_above_header, is_blank, whole};
use crate::event::{Event, EventColumns, EventKind, KindSet};
use crate::types::{Instrument, snake_case};

/// The columns, in the order they are written in.
const COLUMNS: [&str; 8] = ["ts_event", "ts_recv", "kind", "side", "flags", "price", "qty", "id"];

/// Reads the rows of a file.
pub struct ExportedReader {
    lines: Lines,
    instrument: Arc<Instrument>,
    cells: Cells,
    header: Vec<u8>,
    width: usize,
    places: [usize; COLUMNS.len()],
    words: Vec<(String, EventKind)>,
    /// When the row read last was received, ns; `None` before the first, whose times are looked at.
    last: Option<i64>,
}

impl ExportedReader {
    /// Reads the header.
    ///
    /// # Errors
    /// [`PlacedError`] for a file that is none of these, and when it cannot be read.
    pub fn new(mut lines: Lines, instrument: &Arc<Instrument>) -> Result<Self, PlacedError> {
        let Some(header) = header(&mut lines)? else {
            return Err(lines.error(DecodeError::Io("the file is empty".into())));
        };
        let mut cells = Cells::of(&header);
        let row = cells.split(&header).map_err(|error| lines.error(error))?;
        let (width, places) = (row.len(), places(row).map_err(|error| lines.error(error))?);
        let words = KindSet::ALL.iter().map(|kind| (snake_case(&format!("{kind:?}")), kind)).collect();
        let instrument = Arc::clone(instrument);
        Ok(Self { lines, instrument, cells, header, width, places, words, last: None })
    }

    /// Appends rows until `out` holds so many; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] naming the line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        let Self { lines, instrument, cells, header, width, places, words, last } = self;
        while out.len() < rows {
            let read = lines.next_with(|line| {
                if line.is_empty() || line == header.as_slice() {
                    return Ok(());
                }
                let row = cells.split(line)?;
                if row.iter().all(<[u8]>::is_empty) {
                    return Ok(());
                }
                if row.len() != *width {
                    return Err(DecodeError::Cells { got: row.len(), expected: *width });
                }
                let event = event(places.map(|place| row.cell(place)), words, instrument)?;
                match *last {
                    Some(previous) if event.ts_recv < previous => {
                        return Err(DecodeError::Unsorted { field: "ts_recv", got: event.ts_recv, previous });
                    }
                    Some(_) => {}
                    None => {
                        check_unit("ts_event", event.ts_event)?;
                        check_unit("ts_recv", event.ts_recv)?;
                    }
                }
                *last = Some(event.ts_recv);
                out.push(event);
                Ok(())
            })?;
            if read.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether a file is one of these, by its header.
pub fn is_exported(lines: &mut Lines) -> bool {
    let Ok(Some(header)) = header(lines) else { return false };
    Cells::of(&header).split(&header).is_ok_and(|row| places(row).is_ok())
}

/// The header, with what may stand above it left out.
fn header(lines: &mut Lines) -> Result<Option<Vec<u8>>, PlacedError> {
    loop {
        match lines.next_with(|line| Ok(line.to_vec()))? {
            Some(line) if is_above_header(&line) => {}
            found => return Ok(found),
        }
    }
}

fn places(header: Row<'_>) -> Result<[usize; COLUMNS.len()], DecodeError> {
    let mut places = [0; COLUMNS.len()];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let mut found =
            header.iter().enumerate().filter(|(_, cell)| cell.eq_ignore_ascii_case(name.as_bytes()));
        *place = found.next().ok_or_else(|| DecodeError::Column(name.to_owned()))?.0;
        if found.next().is_some() {
            return Err(DecodeError::Duplicate(name.to_owned()));
        }
    }
    Ok(places)
}

fn event(
    [ts_event, ts_recv, kind, side, flags, price, qty, id]: [&[u8]; COLUMNS.len()],
    words: &[(String, EventKind)],
    instrument: &Instrument,
) -> Result<Event, DecodeError> {
    let found = words.iter().find(|(word, _)| kind.eq_ignore_ascii_case(word.as_bytes()));
    let kind = found.ok_or_else(|| DecodeError::value("kind", kind, "a kind of event such as trade"))?.1;
    let price = Written::number(price);
    Ok(Event {
        ts_event: time("ts_event", ts_event)?,
        ts_recv: time("ts_recv", ts_recv)?,
        kind,
        side: match whole(side) {
            b"1" => 1,
            b"-1" => -1,
            b"0" => 0,
            none if is_blank(none) => 0,
            _ => return Err(DecodeError::value("side", side, "1 (buy, bid), -1 (sell, ask) or 0")),
        },
        flags: match whole(flags) {
            [digit @ b'0'..=b'3'] => digit - b'0',
            _ => {
                return Err(DecodeError::value(
                    "flags",
                    flags,
                    "0 to 3: 1 ends a message, 2 is of a snapshot",
                ));
            }
        },
        price: if KindSet::FINE.contains(kind) {
            parse_fine("price", price)?
        } else {
            price.steps("price", instrument.price_increment)?
        },
        qty: parse_qty("qty", instrument.qty_increment, Written::number(qty))?,
        id: if is_blank(id) { 0 } else { parse_u64("id", whole(id))? },
    })
}

/// A time in ns, which may be before 1970, or a date with a time of day.
fn time(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    const EXPECTED: &str = "a time in ns since 1970, a whole number, or such as 2024-08-08T00:00:00.1Z";
    if is_date(text) {
        return date_time(text).ok_or_else(|| DecodeError::value(field, text, EXPECTED));
    }
    let ns = std::str::from_utf8(whole(text)).ok().and_then(|text| text.parse().ok());
    ns.ok_or_else(|| DecodeError::value(field, text, EXPECTED))
}

/// Refuses a time that would be a market's in another unit.
fn check_unit(field: &'static str, ns: i64) -> Result<(), DecodeError> {
    not_in_ns(ns).map_or(Ok(()), |problem| Err(DecodeError::Value { field, problem }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::instrument::tests::linear;

    fn read(text: &str) -> Result<EventColumns, String> {
        let lines = Lines::new("f.csv".into(), std::io::Cursor::new(text.as_bytes().to_vec())).unwrap();
        let mut out = EventColumns::default();
        let mut reader =
            ExportedReader::new(lines, &Arc::new(linear())).map_err(|error| error.to_string())?;
        while reader.read(&mut out, usize::MAX).map_err(|error| error.to_string())? {}
        Ok(out)
    }

    const HEADER: &str = "ts_event,ts_recv,kind,side,flags,price,qty,id\n";
    const NS: i64 = 1_723_075_200_000_000_000;

    #[test]
    fn rows_are_read_however_they_are_written() {
        let rows = [
            format!("{HEADER}{NS},{NS},trade,1,1,100.5,2,7\n{NS},{NS},mark,0,1,100.123456789,0,0\n"),
            format!(
                "# made by hand\n\nid;qty;price;flags;side;kind;ts_recv;ts_event;more\r\n7;\"2.0\";1.005e2;1;1;Trade;{NS};{NS};x\r\n\
                 0.0;0;100.123456789;1;0;MARK;{NS}.0;{NS};"
            ),
        ];
        for text in rows {
            let out = read(&text).unwrap();
            assert_eq!(
                (&out.kind[..], &out.side[..], &out.flags[..]),
                (&[2, 4][..], &[1, 0][..], &[1, 1][..])
            );
            assert_eq!((&out.price[..], &out.qty[..]), (&[1_005, 100_123_456_789][..], &[2_000, 0][..]));
            assert_eq!(
                (&out.id[..], &out.ts_event[..], &out.ts_recv[..]),
                (&[7, 0][..], &[NS; 2][..], &[NS; 2][..])
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (row, problem) in [
            ("1,2,trade,1,1,x,1,0", "f.csv:2: price: \"x\" is not a decimal number"),
            ("1,2,trade,1,1,0.25,1,0", "f.csv:2: price: 0.25 is not a multiple of 0.1"),
            ("1,2,traded,1,1,1,1,0", "f.csv:2: kind: \"traded\" is not a kind of event such as trade"),
            ("1,2,trade,2,1,1,1,0", "f.csv:2: side: \"2\" is not 1 (buy, bid), -1 (sell, ask) or 0"),
            ("1,2,trade,1,4,1,1,0", "f.csv:2: flags: \"4\" is not 0 to 3"),
            (
                "1,2024-08-08,trade,1,1,1,1,0",
                "f.csv:2: ts_recv: \"2024-08-08\" is not a time in ns since 1970",
            ),
            ("1,2,trade,1,1,1,1", "f.csv:2: 7 cells, expected 8"),
            ("1,2,trade,1,1,1,-1,0", "f.csv:2: qty: \"-1\" is not zero or more and below 2^60 steps"),
            ("1,2,trade,1,1,1,1,0\n1,1,trade,1,1,1,1,0", "f.csv:3: ts_recv 1 is before 2 of the row above"),
            (
                "1723075200000000,1723075200000900,trade,1,1,1,1,0",
                "f.csv:2: ts_event: 1723075200000000 is not a time in ns since 1970: that would be 1970-01-20 \
                 22:37:55.200000000 UTC, while as us it is 2024-08-08 00:00:00.000000000 UTC; write the times in ns",
            ),
        ] {
            let error = read(&format!("{HEADER}{row}\n")).unwrap_err();
            assert!(error.starts_with(problem), "{error}");
        }
        assert_eq!(
            read("ts_event,ts_recv\n").unwrap_err(),
            "f.csv:1: no column kind; is this the right kind of file?"
        );
    }
}
