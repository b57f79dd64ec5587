//! Klines of Binance's public data (`data.binance.vision`): spot, USD-M and coin-M, with a header or without one, times in
//! milliseconds or microseconds, as programs write CSV. By a header columns may stand in any order, beside others.
//!
//! `open_time, open, high, low, close, volume, close_time, quote_volume, count, taker_buy_volume, ...`: a line is a bar
//! that ends right after its `close_time`. The files do not say when anything was received: a bar is taken to have been
//! received when it ended. Times may be dates, as in other tables.

use super::error::{DecodeError, PlacedError, utc};
use super::lines::Lines;
use super::named::{self, Origin};
use super::parse::{Written, epoch_ns, epoch_unit};
use super::stamp::{is_date, parse_stamp};
use super::text::{Cells, MAX_ROW, is_above_header, whole as spare};
use crate::event::{EventColumns, VenueBar};
use crate::types::{Increment, Instrument, InstrumentId, format_duration};

/// What a header calls the columns that are read, in the order of [`bar`], and where they stand in rows without
/// a header.
const READ: [(&str, usize); 9] = [
    ("open_time", 0),
    ("open", 1),
    ("high", 2),
    ("low", 3),
    ("close", 4),
    ("volume", 5),
    ("close_time", 6),
    ("count", 8),
    ("taker_buy_volume", 9),
];
/// Cells of a row without a header.
const CELLS: usize = 12;
/// Venues whose klines are read.
const VENUES: [&str; 3] = ["BINANCE", "BINANCE_USDM", "BINANCE_COINM"];
/// Folders of klines that are no bars of trades.
const PRICES: [&str; 3] = ["markPriceKlines", "indexPriceKlines", "premiumIndexKlines"];
/// How far a bar may reach into the next one, ns: the venue's own did in 2018, where it had stood still.
const MAX_OVERLAP: i64 = 1_000_000_000;

/// How the rows of a file are written.
#[derive(Debug, Clone)]
struct Layout {
    cells: Cells,
    has_header: bool,
    /// Whether no row was read so far.
    is_bare: bool,
    /// Cells of a row.
    width: usize,
    /// Where the columns that are read stand.
    places: [usize; READ.len()],
}

impl Layout {
    /// The layout of a file with this first line; `None` if it is neither a header of klines nor a bar.
    ///
    /// # Errors
    /// [`DecodeError`] for a header that lacks a column.
    fn of(line: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut cells = Cells::of(line);
        // Text of another kind has quotes as it likes.
        let Ok(row) = cells.split(line) else { return Ok(None) };
        let is_date = |cell: &[u8]| is_date(cell) && parse_stamp("", cell).is_ok();
        let is_time =
            |cell: &[u8]| is_date(cell) || (!cell.is_empty() && cell.iter().all(u8::is_ascii_digit));
        let find = |name: &str| row.iter().position(|cell| cell.eq_ignore_ascii_case(name.as_bytes()));
        let (width, mut places) = (row.len(), READ.map(|(_, place)| place));
        let has_header = find("open_time").is_some() && find("close_time").is_some();
        if has_header {
            for (place, (name, _)) in places.iter_mut().zip(READ) {
                *place = find(name).ok_or_else(|| DecodeError::Column(name.to_owned()))?;
            }
        } else if width != CELLS || !is_time(row.cell(0)) || !is_time(row.cell(6)) {
            return Ok(None);
        }
        Ok(Some(Self { cells, has_header, is_bare: true, width, places }))
    }
}

/// Whether a file with these first lines is one of klines: their header, or a bar, with what may stand above it.
pub fn is_kline<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let first = lines.into_iter().find(|line| !is_above_header(line));
    first.is_some_and(|line| !matches!(Layout::of(line.trim_ascii()), Ok(None)))
}

/// The symbol and the venue that the path of a file of klines tells, as far as it does:
/// `.../spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-08-08.zip`.
pub fn kline_origin(path: &str) -> (Option<&str>, Option<&'static str>) {
    let symbol = named::kline_name(path).map(|(symbol, _)| symbol);
    (symbol, named::venue(&VENUES, symbol, path, false))
}

/// Reads klines of one instrument, file by file.
pub struct KlineReader {
    inputs: std::vec::IntoIter<Lines>,
    current: Option<Lines>,
    /// Of the file at hand, once a line of it was seen.
    layout: Option<Layout>,
    id: InstrumentId,
    price: Increment,
    qty: Increment,
    /// The last bar: it ends where the next one begins.
    last: Option<VenueBar>,
    /// The file of the last bar, and that at hand.
    files: [String; 2],
    counts: KlineCounts,
}

/// What has been read of klines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KlineCounts {
    /// Bars that were there right before.
    pub duplicates: u64,
    /// How often a bar does not begin where the one before it ended.
    pub gaps: u64,
    /// End of the bar before the first of these, ns.
    pub first_gap: Option<i64>,
    /// Bars that end up to a second earlier than they say, where the next one begins.
    pub shortened: u64,
    /// Files that have a header and no rows.
    pub files_without_rows: u64,
}

impl KlineReader {
    /// Klines of these files, one after another by when they begin.
    pub fn new(instrument: &Instrument, inputs: Vec<Lines>) -> Self {
        let mut inputs: Vec<_> = inputs
            .into_iter()
            .map(|mut lines| (Self::of(instrument, Vec::new()).begins(&mut lines), lines))
            .collect();
        inputs.sort_by_key(|(begins, _)| *begins);
        Self::of(instrument, inputs.into_iter().map(|(_, lines)| lines).collect())
    }

    fn of(instrument: &Instrument, inputs: Vec<Lines>) -> Self {
        Self {
            inputs: inputs.into_iter(),
            current: None,
            layout: None,
            id: instrument.id.clone(),
            price: instrument.price_increment,
            qty: instrument.qty_increment,
            last: None,
            files: Default::default(),
            counts: KlineCounts::default(),
        }
    }

    /// When the first bar of a file begins, ns; the greatest time where nothing tells.
    fn begins(mut self, lines: &mut Lines) -> i64 {
        let head = lines.look(MAX_ROW);
        // So that a file is open only while it is read.
        lines.rewind();
        let mut bars = head.split(|byte| *byte == b'\n').map(|line| self.line(line.trim_ascii()));
        match bars.find(|bar| !matches!(bar, Ok(None))) {
            Some(Ok(Some(bar))) => bar.ts_open,
            _ => i64::MAX,
        }
    }

    /// What has been read so far.
    pub fn counts(&self) -> KlineCounts {
        self.counts
    }

    /// Refuses a file of another instrument, or of prices that nobody traded at.
    fn check(&self, path: &str) -> Result<(), DecodeError> {
        if path.split(['/', '\\']).any(|part| PRICES.contains(&part)) {
            return Err(DecodeError::Row(
                "lies in a folder of them: klines of a mark price, an index or a premium are no bars of trades and not read",
            ));
        }
        let before = &self.files[0];
        if let (Some((_, ours)), Some((_, theirs))) = (named::kline_name(path), named::kline_name(before))
            && ours != theirs
        {
            return Err(other_length(ours, before, theirs));
        }
        let (symbol, venue) = kline_origin(path);
        Origin { publisher: "Binance klines", venues: &VENUES, venue, symbol }.check(&self.id)
    }

    /// Adds the messages of the next bars, at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] with file and line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        while out.len() < rows {
            if self.current.is_none() {
                if self.layout.as_ref().is_some_and(|layout| !layout.is_bare) {
                    self.files.swap(0, 1);
                }
                (self.current, self.layout) = (self.inputs.next(), None);
                if let Some(lines) = &self.current {
                    self.check(lines.name()).map_err(|error| lines.error(error))?;
                    lines.name().clone_into(&mut self.files[1]);
                }
            }
            let Some(mut lines) = self.current.take() else {
                if let Some(last) = self.last.take() {
                    last.push(out);
                }
                return Ok(false);
            };
            let Some(bar) = lines.next_with(|line| self.line(line))? else {
                let is_empty = self.layout.as_ref().is_some_and(|layout| layout.is_bare);
                self.counts.files_without_rows += u64::from(is_empty);
                continue;
            };
            self.current = Some(lines);
            if let Some(bar) = bar
                && let Some(before) = self.last.replace(bar)
            {
                before.push(out);
            }
        }
        Ok(true)
    }

    /// The bar of a line, before which the last one ends; a header and a line without anything in it have none.
    fn line(&mut self, line: &[u8]) -> Result<Option<VenueBar>, DecodeError> {
        if is_above_header(line) {
            return Ok(None);
        }
        if self.layout.is_none() {
            let layout = Layout::of(line)?;
            let has_header = layout.as_ref().is_some_and(|layout| layout.has_header);
            self.layout = layout;
            if has_header {
                return Ok(None);
            }
        }
        let Some(Layout { cells, width, places, is_bare, .. }) = &mut self.layout else {
            let (mut cells, expected) = (Cells::of(line), CELLS);
            let row = cells.split(line)?;
            let is_header = row.cell(0).first().is_some_and(u8::is_ascii_alphabetic);
            return Err(match row.len() {
                got if got != expected && !is_header => DecodeError::Cells { got, expected },
                _ => DecodeError::Column("open_time".into()),
            });
        };
        let row = cells.split(line)?;
        let (got, expected) = (row.len(), *width);
        let is_header = |cell: &[u8]| cell.eq_ignore_ascii_case(READ[0].0.as_bytes());
        if row.iter().all(<[u8]>::is_empty) || (got == expected && is_header(row.cell(places[0]))) {
            return Ok(None);
        }
        if got != expected {
            return Err(DecodeError::Cells { got, expected });
        }
        let is_first = std::mem::take(is_bare);
        let read = places.map(|place| row.cell(place));
        let bar = bar(read, self.price, self.qty)?;
        let Some(last) = &mut self.last else { return Ok(Some(bar)) };
        if is_first && !is_alike(last, &bar) {
            let [before, _] = &self.files;
            let length = |bar: &VenueBar| format_duration(bar.ts_close.saturating_sub(bar.ts_open));
            return Err(other_length(&length(&bar), before, &length(last)));
        }
        if *last == bar {
            self.counts.duplicates += 1;
            return Ok(None);
        }
        if bar.ts_open < last.ts_close {
            if bar.ts_open <= last.ts_open || last.ts_close - bar.ts_open > MAX_OVERLAP {
                if is_first {
                    return Err(overlap(&self.files, bar.ts_open, last.ts_close));
                }
                let (field, got, previous) = ("open_time", bar.ts_open, last.ts_close);
                return Err(DecodeError::Unsorted { field, got, previous });
            }
            self.counts.shortened += 1;
            (last.ts_close, last.ts_recv) = (bar.ts_open, bar.ts_open);
        } else if bar.ts_open > last.ts_close {
            self.counts.gaps += 1;
            self.counts.first_gap.get_or_insert(last.ts_close);
        }
        Ok(Some(bar))
    }
}

/// Whether bars may be of one length: months are not, to a tenth, and some of 2018 are cut.
fn is_alike(one: &VenueBar, other: &VenueBar) -> bool {
    let lengths = [one, other].map(|bar| i128::from(bar.ts_close) - i128::from(bar.ts_open));
    lengths.iter().max().zip(lengths.iter().min()).is_none_or(|(most, least)| 4 * most < 5 * least)
}

/// What is wrong with a file of bars that are not as long as those before.
fn other_length(ours: &str, before: &str, theirs: &str) -> DecodeError {
    let problem =
        format!("it holds bars of {ours}, and {before} those of {theirs}; give those of one length");
    DecodeError::Value { field: "file", problem }
}

/// What is wrong with a file that begins before the one before it has ended.
fn overlap([before, file]: &[String; 2], begins: i64, ends: i64) -> DecodeError {
    if before == file {
        return DecodeError::Row("is named twice; leave one of them out");
    }
    let (begins, ends) = (utc(begins), utc(ends));
    let problem =
        format!("{begins}, which is before {before} ends at {ends}: leave one of the two files out");
    DecodeError::Value { field: "open_time", problem }
}

/// The bar of the cells that are read.
fn bar(cells: [&[u8]; READ.len()], price: Increment, qty: Increment) -> Result<VenueBar, DecodeError> {
    let [begin, open, high, low, close, volume, end, count, bought] = cells;
    let (volume, trades) = (Written::number(volume).steps("volume", qty)?, whole("count", count)?);
    if volume == 0 && trades > 0 {
        return Err(DecodeError::Row(
            "nothing was traded in a bar that counts prices: klines of a mark price, an index or a premium are no bars of \
             trades and not read",
        ));
    }
    let (ts_open, _) = time("open_time", begin)?;
    let (last, unit) = time("close_time", end)?;
    let ts_close = last.saturating_add(unit);
    let steps = |field, text| Written::number(text).steps(field, price);
    let bar = VenueBar {
        ts_open,
        ts_close,
        ts_recv: ts_close,
        open: steps("open", open)?,
        high: steps("high", high)?,
        low: steps("low", low)?,
        close: steps("close", close)?,
        volume,
        buy_volume: Some(Written::number(bought).steps("taker_buy_volume", qty)?),
        trades,
    };
    bar.check()?;
    Ok(bar)
}

fn whole(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    let number = std::str::from_utf8(spare(text)).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| DecodeError::value(field, text, "a whole number"))
}

/// A time in ns, and its unit, as [`epoch_ns`] tells it by its size; none that is 0 or so small. Of a date, and of a number
/// that programs wrote otherwise, the unit is the largest that it is whole in.
fn time(field: &'static str, text: &[u8]) -> Result<(i64, i64), DecodeError> {
    let Ok(number) = whole(field, text) else {
        let ns = parse_stamp(field, text)?;
        let unit = [1_000_000_000, 1_000_000, 1_000].into_iter().find(|unit| ns % unit == 0);
        return Ok((ns, unit.unwrap_or(1)));
    };
    let number = u64::try_from(number).unwrap_or(0);
    let ns = epoch_ns(number).filter(|_| number >= 100_000_000);
    let ns = ns.ok_or_else(|| DecodeError::value(field, text, "a time in s, ms, us or ns since 1970"))?;
    Ok((ns, epoch_unit(number).cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Columns as _;
    use crate::types::instrument::tests::linear;

    const SECOND: i64 = 1_000_000_000;

    fn read(text: &'static str) -> Result<EventColumns, String> {
        let lines = Lines::new("k.csv".into(), text.as_bytes()).unwrap();
        let mut reader = KlineReader::new(&linear(), vec![lines]);
        let mut columns = EventColumns::default();
        while reader.read(&mut columns, 1 << 20).map_err(|error| error.to_string())? {}
        Ok(columns)
    }

    #[test]
    fn a_line_is_a_bar_with_or_without_a_header_in_ms_or_us() {
        for text in [
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n\
             1723075200000,100.1,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n",
            "1723075200000000,100.1,101,99.9,100.5,3.5,1723075259999999,350,7,1.25,125,0\r\n\n",
        ] {
            let columns = read(text).unwrap();
            let view = columns.view();
            let bar = VenueBar::read(&view, 4, 1).unwrap();
            let begin = 1_723_075_200 * SECOND;
            assert_eq!(
                (view.len(), bar.ts_open, bar.ts_close, bar.ts_recv),
                (5, begin, begin + 60 * SECOND, begin + 60 * SECOND)
            );
            assert_eq!((bar.open, bar.high, bar.low, bar.close), (1_001, 1_010, 999, 1_005));
            assert_eq!((bar.volume, bar.buy_volume, bar.trades), (3_500, Some(1_250), 7));
        }
    }

    #[test]
    fn bars_are_the_same_however_their_file_is_written() {
        const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
                              taker_buy_quote_volume,ignore";
        let row = "1723075200000,100.1,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0";
        let both = format!("{HEADER}\n{row}\n");
        let each = |line: &str, with: &dyn Fn(&str) -> String| -> String {
            line.split(',').map(with).collect::<Vec<_>>().join(",")
        };
        let quoted = |line: &str| each(line, &|cell| format!("\"{cell}\""));
        let backward = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
        let expected = read(Box::leak(both.clone().into_boxed_str())).unwrap();
        assert_eq!(expected.len(), 5);
        for text in [
            format!("{row}\n"),
            format!("{HEADER}\n{row}\n,,,,,,,,,,,\n{HEADER}\n"),
            both.replace(',', ";"),
            row.replace(',', "\t"),
            format!("{}\n{}\n", quoted(HEADER), quoted(row)),
            format!("{}\n", quoted(row)),
            format!("\n{}\n{row}\n", HEADER.to_ascii_uppercase()),
            format!("{}\n{}\n", backward(HEADER), backward(row)),
            format!(",{HEADER}\n0,{row}\n"),
            both.replace("1723075200000", "1723075200000.0"),
        ] {
            let first = text.lines().find(|line| !line.is_empty()).unwrap().as_bytes().to_vec();
            let text: &'static str = Box::leak(text.into_boxed_str());
            assert!(is_kline([&first[..]]), "{text}");
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        let lacking: &'static str = Box::leak(both.replace(",count,", ",trades,").into_boxed_str());
        assert_eq!(read(lacking).unwrap_err(), "k.csv:1: no column count; is this the right kind of file?");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let line = "1723075200000,100.1,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n";
        for (text, told) in [
            ("id,price,qty,quote_qty,time,is_buyer_maker\n", "k.csv:1: no column open_time"),
            ("1,2,3\n", "k.csv:1: 3 cells, expected 12"),
            (
                "17,100.1,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n",
                "k.csv:1: open_time: \"17\" is not a time",
            ),
            (
                "1723075200000,100.123,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n",
                "open: 100.123 is not a multiple",
            ),
            (
                "1723075200000,102,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n",
                "high: 1010: expected no price below",
            ),
            (
                "1723075200000,-0.00016,-0.0001,-0.0002,-0.00017,0,1723075259999,0,60,0,0,0\n",
                "k.csv:1: nothing was traded in a bar that counts prices: klines of a mark price",
            ),
            (
                "1723075200000,100,101,99.9,100.5,3.5,1723075259999,350,7,9,125,0\n",
                "buy_volume: 9000: expected zero to the volume",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let other = line.replace(",7,", ",8,");
        let twice: &'static str = Box::leak(format!("{line}{line}{other}").into_boxed_str());
        assert!(read(twice).unwrap_err().contains("k.csv:3: open_time 1723075200000000000 is before"));
    }

    #[test]
    fn files_that_hold_the_same_time_are_both_named() {
        let line = |minute: i64| {
            let begin = 1_723_075_200_000 + minute * 60_000;
            format!("{begin},100.1,101,99.9,100.5,3.5,{},350,7,1.25,125,0\n", begin + 59_999)
        };
        let (day, hour) = ((0..4).map(line).collect::<String>(), (2..3).map(line).collect::<String>());
        for (files, told) in [
            ([("day.csv", &day), ("day.csv", &day)], "day.csv:1: is named twice; leave one of them out"),
            (
                [("BTCUSDT-1m-2024-08-08.csv", &day), ("BTCUSDT-5m-2024-08-08.csv", &hour)],
                "BTCUSDT-5m-2024-08-08.csv:1: file: it holds bars of 5m, and BTCUSDT-1m-2024-08-08.csv those of 1m; give \
                 those of one length",
            ),
            (
                [("day.csv", &day), ("hour.csv", &hour)],
                "hour.csv:1: open_time: 2024-08-08 00:02:00.000000000, which is before day.csv ends at \
                 2024-08-08 00:04:00.000000000: leave one of the two files out",
            ),
        ] {
            let lines = files.map(|(name, text)| {
                Lines::new(name.into(), std::io::Cursor::new(text.clone().into_bytes())).unwrap()
            });
            let mut reader = KlineReader::new(&linear(), lines.into());
            let error = reader.read(&mut EventColumns::default(), 1 << 20).unwrap_err();
            assert_eq!(error.to_string(), told);
        }
    }
}
