//! Tardis.dev CSV files, plain or gzip, merged into one stream of events of one instrument.
//!
//! Kinds are told by their header: `incremental_book_L2`, `trades`, `quotes` and `book_ticker`, `book_snapshot_5/25`,
//! `derivative_ticker`. Files must be in order of `local_timestamp`. Rules, from the vendor's description:
//!
//! * book rows before the first snapshot are skipped; a snapshot row after a row that was none voids the book;
//! * rows of one `local_timestamp` are one message of the book; amount 0 removes a level;
//! * `timestamp` is the venue's clock and may go back, `local_timestamp` is ours; both in microseconds;
//! * at equal `local_timestamp` trades come before the book, the book before quotes, quotes before tickers, and files of
//!   one kind in the order given.

use std::sync::Arc;

use super::binance::parse_fine;
use super::error::{DecodeError, PlacedError, Strictness, parse_price, parse_qty, parse_time};
use super::lines::Lines;
use crate::event::{Event, EventColumns, EventKind, FLAG_SNAPSHOT, Heads};
use crate::types::{Decimal, Increment, Instrument, div_half_even};

/// Most cells a known header has.
const MAX_CELLS: usize = 4 + 25 * 4;
/// Rows a file reads ahead.
const BLOCK: usize = 1 << 13;

/// Kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TardisKind {
    /// `incremental_book_L2`.
    Book,
    /// `trades`.
    Trades,
    /// `quotes` or `book_ticker`.
    Quotes,
    /// `book_snapshot_5`, `book_snapshot_25`.
    Snapshots {
        /// Levels a side.
        depth: usize,
    },
    /// `derivative_ticker`.
    Ticker,
}

impl TardisKind {
    /// The events its rows mainly make.
    fn event_kind(self) -> EventKind {
        match self {
            Self::Trades => EventKind::Trade,
            Self::Book | Self::Snapshots { .. } => EventKind::BookSet,
            Self::Quotes => EventKind::Quote,
            Self::Ticker => EventKind::Mark,
        }
    }
}

/// Where the cells of a kind stand in a file's rows.
#[derive(Debug, Clone)]
struct Layout {
    kind: TardisKind,
    cells: usize,
    symbol: usize,
    timestamp: usize,
    local: usize,
    /// Columns of the kind, in the order its reader wants them.
    columns: Vec<usize>,
}

const BOOK: [&str; 4] = ["is_snapshot", "side", "price", "amount"];
const TRADES: [&str; 4] = ["id", "side", "price", "amount"];
const QUOTES: [&str; 4] = ["bid_price", "bid_amount", "ask_price", "ask_amount"];
const TICKER: [&str; 5] = ["funding_timestamp", "funding_rate", "open_interest", "index_price", "mark_price"];

impl Layout {
    fn read(header: &[u8]) -> Result<Self, DecodeError> {
        let names: Vec<&str> =
            header.split(|c| *c == b',').map(|name| std::str::from_utf8(name).unwrap_or("").trim()).collect();
        let find = |name: &str| names.iter().position(|n| *n == name);
        let need = |name: &str| find(name).ok_or_else(|| DecodeError::Column(name.to_owned()));
        let all = |wanted: &[&str]| wanted.iter().map(|name| need(name)).collect::<Result<Vec<_>, _>>();
        let (kind, columns) = if find("is_snapshot").is_some() {
            (TardisKind::Book, all(&BOOK)?)
        } else if find("asks[0].price").is_some() {
            let depth = (0..MAX_CELLS).take_while(|i| find(&format!("asks[{i}].price")).is_some()).count();
            let mut columns = Vec::new();
            for i in 0..depth {
                for name in ["bids", "asks"] {
                    columns.push(need(&format!("{name}[{i}].price"))?);
                    columns.push(need(&format!("{name}[{i}].amount"))?);
                }
            }
            (TardisKind::Snapshots { depth }, columns)
        } else if find("funding_rate").is_some() {
            (TardisKind::Ticker, all(&TICKER)?)
        } else if find("ask_amount").is_some() && find("strike_price").is_none() {
            (TardisKind::Quotes, all(&QUOTES)?)
        } else if find("side").is_some() {
            (TardisKind::Trades, all(&TRADES)?)
        } else {
            return Err(DecodeError::Column(
                "of incremental_book_L2, trades, quotes, book_snapshot or derivative_ticker".into(),
            ));
        };
        if names.len() > MAX_CELLS {
            return Err(DecodeError::Cells { got: names.len(), expected: MAX_CELLS });
        }
        Ok(Self {
            kind,
            cells: names.len(),
            symbol: need("symbol")?,
            timestamp: need("timestamp")?,
            local: need("local_timestamp")?,
            columns,
        })
    }
}

/// What has been read of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TardisCounts {
    /// Book rows before the first snapshot.
    pub skipped: u64,
    /// Rows of other symbols.
    pub other_symbols: u64,
    /// Rows received before the row above.
    pub unsorted: u64,
    /// Rows equal to the row above.
    pub duplicates: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Book messages that are no snapshot.
    pub book_updates: u64,
    /// Trades.
    pub trades: u64,
    /// Quotes.
    pub quotes: u64,
    /// Ticker rows.
    pub tickers: u64,
}

/// One file being read, with a block of its messages ready.
struct File {
    lines: Lines,
    rows: Rows,
    /// First row of the block not handed out.
    at: usize,
}

/// The rows of a file as events.
struct Rows {
    layout: Layout,
    instrument: Arc<Instrument>,
    strictness: Strictness,
    out: EventColumns,
    /// Rows of `out` that belong to complete messages.
    complete: usize,
    /// Whether the message under construction holds snapshot rows.
    in_snapshot: bool,
    seen_snapshot: bool,
    was_snapshot: bool,
    last_local: i64,
    local: Stamp,
    venue: Stamp,
    /// Where the cells of the line end.
    ends: Vec<usize>,
    /// The line above, to find rows that come twice.
    above: Vec<u8>,
    counts: TardisCounts,
}

/// A row's cells.
struct Row<'a> {
    line: &'a [u8],
    /// Where each cell ends.
    ends: &'a [usize],
}

impl<'a> Row<'a> {
    #[inline]
    fn split(line: &'a [u8], ends: &'a mut Vec<usize>, expected: usize) -> Result<Self, DecodeError> {
        ends.clear();
        commas(line, ends);
        ends.push(line.len());
        if ends.len() == expected {
            Ok(Self { line, ends })
        } else {
            Err(DecodeError::Cells { got: ends.len(), expected })
        }
    }

    #[inline]
    fn cell(&self, column: usize) -> &'a [u8] {
        let start = if column == 0 { 0 } else { self.ends[column - 1] + 1 };
        &self.line[start..self.ends[column]]
    }
}

/// Appends where the commas of a line are, eight bytes at a time: cells are too short for a search of each.
#[inline]
fn commas(line: &[u8], places: &mut Vec<usize>) {
    const LOW: u64 = u64::from_ne_bytes([0x7f; 8]);
    let mut find = |word: [u8; 8], start: usize| {
        let differs = u64::from_le_bytes(word) ^ u64::from_ne_bytes([b','; 8]);
        let mut found = !(((differs & LOW) + LOW) | differs | LOW);
        while found != 0 {
            places.push(start + found.trailing_zeros() as usize / 8);
            found &= found - 1;
        }
    };
    let (words, tail) = line.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        find(*word, 8 * at);
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    find(last, 8 * words.len());
}

/// The newest stamp of a column: the rows of a message repeat it.
#[derive(Default)]
struct Stamp {
    text: Vec<u8>,
    ns: i64,
}

impl Stamp {
    #[inline]
    fn read(&mut self, field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
        if text != self.text {
            self.ns = parse_time(field, text)?;
            self.text.clear();
            self.text.extend_from_slice(text);
        }
        Ok(self.ns)
    }
}

impl File {
    fn open(
        mut lines: Lines,
        instrument: Arc<Instrument>,
        strictness: Strictness,
    ) -> Result<Self, PlacedError> {
        let Some(layout) = lines.next_with(Layout::read)? else {
            return Err(lines.error(DecodeError::Io("the file is empty".into())));
        };
        let rows = Rows {
            layout,
            instrument,
            strictness,
            out: EventColumns::default(),
            complete: 0,
            in_snapshot: false,
            seen_snapshot: false,
            was_snapshot: false,
            last_local: i64::MIN,
            local: Stamp::default(),
            venue: Stamp::default(),
            ends: Vec::new(),
            above: Vec::new(),
            counts: TardisCounts::default(),
        };
        let mut file = Self { lines, rows, at: 0 };
        file.fill()?;
        Ok(file)
    }

    /// When the next message was received; `None` at the end of the file.
    fn time(&self) -> Option<i64> {
        (self.at < self.rows.complete).then(|| self.rows.out.ts_recv[self.at])
    }

    /// Reads the next block.
    fn fill(&mut self) -> Result<(), PlacedError> {
        let Self { lines, rows, at } = self;
        rows.out.drop_front(rows.complete);
        (*at, rows.complete) = (0, 0);
        while rows.complete < BLOCK {
            if lines.next_with(|line| rows.line(line))?.is_none() {
                rows.end_message();
                break;
            }
        }
        Ok(())
    }
}

impl Rows {
    /// Completes the message under construction.
    fn end_message(&mut self) {
        if self.out.len() == self.complete {
            return;
        }
        self.out.end_message();
        self.complete = self.out.len();
        if self.layout.kind == TardisKind::Book && !self.in_snapshot {
            self.counts.book_updates += 1;
        }
        self.in_snapshot = false;
    }

    /// Appends the events of a line; looks for defects that are counted only when asked to.
    fn line(&mut self, line: &[u8]) -> Result<(), DecodeError> {
        if self.strictness == Strictness::Lenient {
            self.counts.duplicates += u64::from(!line.is_empty() && line == self.above.as_slice());
            self.above.clear();
            self.above.extend_from_slice(line);
        }
        self.row(line)
    }

    fn row(&mut self, line: &[u8]) -> Result<(), DecodeError> {
        if line.is_empty() {
            return Ok(());
        }
        let mut ends = std::mem::take(&mut self.ends);
        let result = Row::split(line, &mut ends, self.layout.cells).and_then(|row| self.events(&row));
        self.ends = ends;
        result
    }

    fn events(&mut self, row: &Row<'_>) -> Result<(), DecodeError> {
        if row.cell(self.layout.symbol) != self.instrument.id.symbol().as_bytes() {
            self.counts.other_symbols += 1;
            return Ok(());
        }
        let mut ts_recv = self.local.read("local_timestamp", row.cell(self.layout.local))?;
        if ts_recv < self.last_local && self.strictness == Strictness::Lenient {
            self.counts.unsorted += 1;
            ts_recv = self.last_local;
        }
        if ts_recv < self.last_local {
            return Err(DecodeError::Unsorted {
                field: "local_timestamp",
                got: ts_recv / 1_000,
                previous: self.last_local / 1_000,
            });
        }
        let ts_event = match row.cell(self.layout.timestamp) {
            b"" => ts_recv,
            text => self.venue.read("timestamp", text)?,
        };
        let template =
            Event { ts_event, ts_recv, kind: EventKind::BookSet, side: 0, flags: 0, price: 0, qty: 0, id: 0 };
        // Only book rows group; any other row is a message of its own.
        if self.layout.kind != TardisKind::Book || self.out.ts_recv.last() != Some(&ts_recv) {
            self.end_message();
        }
        let rows = self.out.len();
        let result = match self.layout.kind {
            TardisKind::Book => self.book(row, template),
            TardisKind::Trades => self.trade(row, template),
            TardisKind::Quotes => self.quote(row, template),
            TardisKind::Snapshots { depth } => self.snapshot(row, depth, template),
            TardisKind::Ticker => self.ticker(row, template),
        };
        if result.is_err() {
            self.out.truncate(rows);
        } else {
            self.last_local = ts_recv;
        }
        result
    }

    #[inline]
    fn cell<'r>(&self, row: &Row<'r>, column: usize) -> &'r [u8] {
        row.cell(self.layout.columns[column])
    }

    #[inline]
    fn price(&self, text: &[u8]) -> Result<i64, DecodeError> {
        parse_price("price", self.instrument.price_increment, text)
    }

    #[inline]
    fn amount(&self, text: &[u8]) -> Result<i64, DecodeError> {
        parse_qty("amount", self.instrument.qty_increment, text)
    }

    fn book(&mut self, row: &Row<'_>, template: Event) -> Result<(), DecodeError> {
        let is_snapshot = match self.cell(row, 0) {
            b"true" => true,
            b"false" => false,
            other => return Err(DecodeError::value("is_snapshot", other, "true or false")),
        };
        let side = match self.cell(row, 1) {
            b"bid" | b"buy" => 1,
            b"ask" | b"sell" => -1,
            other => return Err(DecodeError::value("side", other, "bid or ask")),
        };
        let price = self.price(self.cell(row, 2))?;
        let qty = self.amount(self.cell(row, 3))?;
        if !is_snapshot && !self.seen_snapshot {
            self.counts.skipped += 1;
            return Ok(());
        }
        let flags = if is_snapshot { FLAG_SNAPSHOT } else { 0 };
        if is_snapshot && !self.was_snapshot {
            self.counts.snapshots += 1;
            self.out.push(Event { kind: EventKind::BookClear, flags, ..template });
        }
        self.seen_snapshot = true;
        self.was_snapshot = is_snapshot;
        self.in_snapshot |= is_snapshot;
        self.out.push(Event { side, flags, price, qty, ..template });
        Ok(())
    }

    fn trade(&mut self, row: &Row<'_>, template: Event) -> Result<(), DecodeError> {
        let side = match self.cell(row, 1) {
            b"buy" | b"bid" => 1,
            b"sell" | b"ask" => -1,
            b"unknown" => 0,
            other => return Err(DecodeError::value("side", other, "buy, sell or unknown")),
        };
        let price = self.price(self.cell(row, 2))?;
        let qty = self.amount(self.cell(row, 3))?;
        let id = trade_id(self.cell(row, 0));
        self.counts.trades += 1;
        self.out.push(Event { kind: EventKind::Trade, side, price, qty, id, ..template });
        Ok(())
    }

    fn quote(&mut self, row: &Row<'_>, template: Event) -> Result<(), DecodeError> {
        for (side, at) in [(1, 0), (-1, 2)] {
            let (price, qty) = match (self.cell(row, at), self.cell(row, at + 1)) {
                (b"", _) | (_, b"") => (0, 0),
                (price, amount) => (self.price(price)?, self.amount(amount)?),
            };
            self.out.push(Event { kind: EventKind::Quote, side, price, qty, ..template });
        }
        self.counts.quotes += 1;
        Ok(())
    }

    /// A row is the whole top of the book.
    fn snapshot(&mut self, row: &Row<'_>, depth: usize, template: Event) -> Result<(), DecodeError> {
        let flags = FLAG_SNAPSHOT;
        self.out.push(Event { kind: EventKind::BookClear, flags, ..template });
        for level in 0..depth {
            for (side, at) in [(1, level * 4), (-1, level * 4 + 2)] {
                let (price, amount) = (self.cell(row, at), self.cell(row, at + 1));
                if price.is_empty() || amount.is_empty() {
                    continue;
                }
                let (price, qty) = (self.price(price)?, self.amount(amount)?);
                self.out.push(Event { side, flags, price, qty, ..template });
            }
        }
        self.counts.snapshots += 1;
        Ok(())
    }

    fn ticker(&mut self, row: &Row<'_>, template: Event) -> Result<(), DecodeError> {
        let next_funding = match self.cell(row, 0) {
            b"" => 0,
            text => parse_time("funding_timestamp", text)?.unsigned_abs(),
        };
        let fine = [
            (1, EventKind::Funding, "funding_rate"),
            (3, EventKind::Index, "index_price"),
            (4, EventKind::Mark, "mark_price"),
        ];
        for (column, kind, field) in fine {
            let text = self.cell(row, column);
            if !text.is_empty() {
                let id = if kind == EventKind::Funding { next_funding } else { 0 };
                self.out.push(Event { kind, price: parse_fine(field, text)?, id, ..template });
            }
        }
        let interest = self.cell(row, 2);
        if !interest.is_empty() {
            let qty = nearest("open_interest", self.instrument.qty_increment, interest)?;
            self.out.push(Event { kind: EventKind::OpenInterest, qty, ..template });
        }
        self.counts.tickers += 1;
        Ok(())
    }
}

/// A statistic that need not lie on the grid, to the nearest step.
fn nearest(field: &'static str, grid: Increment, text: &[u8]) -> Result<i64, DecodeError> {
    let value = Decimal::parse(text).map_err(|e| DecodeError::decimal(field, &e))?;
    let step = grid.value();
    let scale = value.scale().max(step.scale());
    let steps = value.at_scale(scale).zip(step.at_scale(scale)).map(|(v, s)| div_half_even(v, s));
    steps
        .and_then(|s| i64::try_from(s).ok())
        .filter(|s| *s >= 0)
        .ok_or_else(|| DecodeError::value(field, text, "zero or more and within range"))
}

/// A trade id as a number: a numeric id as it is, the last 16 hexadecimal digits of any other (0 when empty).
fn trade_id(text: &[u8]) -> u64 {
    if text.len() <= 20
        && let Some(id) = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok())
    {
        return id;
    }
    let digits = text.iter().rev().filter_map(|c| char::from(*c).to_digit(16)).take(16);
    digits.enumerate().fold(0, |id, (place, digit)| id | u64::from(digit) << (4 * place))
}

/// Several files of one instrument as one stream.
pub struct TardisReader {
    files: Vec<File>,
    heads: Heads,
    kinds: Vec<TardisKind>,
}

impl TardisReader {
    /// Opens the files and reads their first messages.
    ///
    /// # Errors
    /// [`PlacedError`] naming the file and line.
    pub fn new(
        inputs: Vec<Lines>,
        instrument: &Arc<Instrument>,
        strictness: Strictness,
    ) -> Result<Self, PlacedError> {
        let mut files = Vec::with_capacity(inputs.len());
        for lines in inputs {
            files.push(File::open(lines, Arc::clone(instrument), strictness)?);
        }
        let kinds = files.iter().map(|file| file.rows.layout.kind).collect();
        // At equal times the first file comes first.
        files.sort_by_key(|file| file.rows.layout.kind.event_kind().merge_class());
        let mut heads = Heads::new(files.len());
        for (index, file) in files.iter().enumerate() {
            heads.set(index, file.time());
        }
        Ok(Self { files, heads, kinds })
    }

    /// Kinds of the files, in the order given.
    pub fn kinds(&self) -> impl Iterator<Item = TardisKind> + '_ {
        self.kinds.iter().copied()
    }

    /// Appends whole messages until `out` holds at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] naming the file and line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        use crate::event::Columns as _;
        while out.len() < rows {
            let Some((index, _)) = self.heads.first() else { return Ok(false) };
            let limit = self.heads.earliest_other(index);
            let file = &mut self.files[index];
            // Every message up to the next head of another file goes in one copy.
            let (start, wanted) = (file.at, rows - out.len());
            loop {
                file.at = file.rows.out.view().message_end(file.at);
                if file.time().is_none_or(|time| time >= limit) || file.at - start >= wanted {
                    break;
                }
            }
            out.extend_from(&file.rows.out, start, file.at);
            if file.at == file.rows.complete {
                file.fill()?;
            }
            self.heads.set(index, file.time());
        }
        Ok(true)
    }

    /// What has been read so far.
    pub fn counts(&self) -> TardisCounts {
        self.files.iter().fold(TardisCounts::default(), |sum, file| {
            let c = file.rows.counts;
            TardisCounts {
                skipped: sum.skipped + c.skipped,
                unsorted: sum.unsorted + c.unsorted,
                duplicates: sum.duplicates + c.duplicates,
                other_symbols: sum.other_symbols + c.other_symbols,
                snapshots: sum.snapshots + c.snapshots,
                book_updates: sum.book_updates + c.book_updates,
                trades: sum.trades + c.trades,
                quotes: sum.quotes + c.quotes,
                tickers: sum.tickers + c.tickers,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::L2Book;
    use crate::event::{Columns as _, FLAG_LAST};
    use crate::types::instrument::tests::linear;
    use crate::types::{Instrument, Side};

    proptest::proptest! {
        #[test]
        fn commas_are_where_they_are(line in "[a-c,\u{80}-\u{ff}]{0,40}") {
            let mut places = Vec::new();
            commas(line.as_bytes(), &mut places);
            let want: Vec<_> = (0..line.len()).filter(|at| line.as_bytes()[*at] == b',').collect();
            proptest::prop_assert_eq!(places, want);
        }
    }

    const BOOK_HEADER: &str = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n";
    const TRADE_HEADER: &str = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";

    fn instrument() -> Arc<Instrument> {
        Arc::new(linear())
    }

    fn lines(name: &str, text: &str) -> Lines {
        Lines::new(name.into(), std::io::Cursor::new(text.as_bytes().to_vec())).unwrap()
    }

    fn read(texts: &[&str]) -> Result<(EventColumns, TardisCounts), PlacedError> {
        let inputs = texts.iter().enumerate().map(|(i, t)| lines(&format!("f{i}.csv"), t)).collect();
        let mut reader = TardisReader::new(inputs, &instrument(), Strictness::Strict)?;
        let mut out = EventColumns::default();
        while reader.read(&mut out, usize::MAX)? {}
        out.view().check().unwrap();
        Ok((out, reader.counts()))
    }

    #[test]
    fn at_one_time_trades_come_first_even_with_stamps_in_nanoseconds() {
        let quotes = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n";
        let at = |ns: u64, rest: &str| {
            let ts = 1_640_995_200_000_000_000 + ns;
            format!("binance-futures,BTCUSDT,{ts},{ts},{rest}\n")
        };
        let quotes = [quotes.to_owned(), at(1, "1,101.0,100.0,1"), at(2, "1,101.0,100.0,2")].concat();
        let trades = [TRADE_HEADER.to_owned(), at(2, "1,buy,101.0,1"), at(3, "2,buy,101.0,1")].concat();
        let (events, _) = read(&[&quotes, &trades]).unwrap();
        assert_eq!(events.ts_recv.iter().map(|ts| ts % 10).collect::<Vec<_>>(), [1, 1, 2, 2, 2, 3]);
        assert_eq!(events.kind[2], EventKind::Trade as u8);
    }

    #[test]
    fn a_price_of_zero_is_refused() {
        let text = [TRADE_HEADER.to_owned(), row(0, "1,buy,0,1")].concat();
        let error = read(&[&text]).unwrap_err().to_string();
        assert_eq!(error, "f0.csv:2: price: \"0\" is not greater than zero and below 2^60 steps");
    }

    fn row(ts: u64, rest: &str) -> String {
        format!(
            "binance-futures,BTCUSDT,{},{},{rest}\n",
            1_640_995_200_000_000 + ts,
            1_640_995_200_000_100 + ts
        )
    }

    #[test]
    fn both_side_vocabularies_land_on_their_side_and_zero_removes() {
        let text = [
            BOOK_HEADER.to_owned(),
            row(0, "true,bid,100.0,1"),
            row(0, "true,sell,101.0,2"),
            row(5, "false,buy,100.0,0"),
            row(5, "false,bid,99.5,3"),
            row(9, "false,ask,777.7,0"),
        ]
        .concat();
        let (out, counts) = read(&[&text]).unwrap();
        let mut book = L2Book::new();
        book.apply(&out.view(), 0, out.len());
        assert_eq!((book.best_bid(), book.best_ask()), (Some(995), Some(1010)));
        assert_eq!((book.levels(Side::Buy), counts.book_updates, counts.snapshots), (1, 2, 1));
    }

    #[test]
    fn rows_of_one_local_time_are_one_message_and_the_first_snapshot_opens_the_book() {
        let text = [
            BOOK_HEADER.to_owned(),
            row(0, "false,bid,100.0,1"),
            row(1, "true,bid,100.0,1"),
            row(1, "true,ask,101.0,2"),
            row(1, "false,bid,99.0,4"),
            row(7, "false,bid,98.0,4"),
            row(8, "true,bid,50.0,1"),
            row(8, "true,ask,51.0,1"),
        ]
        .concat();
        let (out, counts) = read(&[&text]).unwrap();
        assert_eq!(counts.skipped, 1);
        let ends: Vec<usize> = (0..out.len()).filter(|i| out.flags[*i] & FLAG_LAST != 0).collect();
        assert_eq!(ends, [3, 4, 7]);
        let mut book = L2Book::new();
        book.apply(&out.view(), 0, out.len());
        assert_eq!((book.best_bid(), book.levels(Side::Buy)), (Some(500), 1));
    }

    #[test]
    fn trades_come_before_the_book_row_that_holds_their_effect() {
        let book = [BOOK_HEADER.to_owned(), row(0, "true,bid,100.0,1"), row(5, "false,bid,100.0,0")].concat();
        let trades =
            [TRADE_HEADER.to_owned(), row(5, "7,sell,100.0,1"), row(6, ",unknown,100.0,0.5")].concat();
        let (out, _) = read(&[&book, &trades]).unwrap();
        let kinds: Vec<u8> = out.kind.clone();
        assert_eq!(kinds, [0, 1, 2, 1, 2]);
        assert_eq!((out.side[2], out.id[2], out.side[4], out.id[4]), (-1, 7, 0, 0));
    }

    #[test]
    fn other_layouts_are_understood() {
        let quotes = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
            .to_owned()
            + &row(0, "2,101.0,100.0,1")
            + &row(1, ",,100.0,1");
        let (out, _) = read(&[&quotes]).unwrap();
        assert_eq!((out.side[0], out.price[0], out.side[1], out.qty[1]), (1, 1000, -1, 2000));
        assert_eq!((out.qty[2], out.qty[3]), (1000, 0));

        let snapshots = "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,asks[1].price,asks[1].amount,bids[1].price,bids[1].amount\n"
            .to_owned()
            + &row(0, "101.0,1,100.0,2,102.0,3,,");
        let (out, counts) = read(&[&snapshots]).unwrap();
        let mut book = L2Book::new();
        book.apply(&out.view(), 0, out.len());
        assert_eq!((book.levels(Side::Buy), book.levels(Side::Sell), counts.snapshots), (1, 2, 1));

        let ticker = "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price\n"
            .to_owned()
            + &row(0, "1640998800000000,0.0001,,1000.0004,9500.5,,9500.25");
        let (out, _) = read(&[&ticker]).unwrap();
        assert_eq!(out.kind, [6, 4, 7]);
        assert_eq!((out.price[0], out.id[0]), (100_000, 1_640_998_800_000_000_000));
        assert_eq!((out.price[1], out.qty[2]), (9_500_250_000_000, 1_000_000));
    }

    #[test]
    fn every_bad_row_names_file_and_line() {
        let head = BOOK_HEADER.to_owned() + &row(9, "true,bid,100.0,1");
        for (bad, text) in [
            (row(10, "false,bid,100.0,-1"), "amount: \"-1\" is not zero or more"),
            (row(10, "false,bid,NaN,1"), "price: \"NaN\" is not a decimal number"),
            (row(10, "false,middle,100.0,1"), "side: \"middle\" is not bid or ask"),
            (row(10, "false,bid,100.05,1"), "price: 100.05 is not a multiple of 0.1"),
            (row(10, "maybe,bid,100.0,1"), "is_snapshot"),
            (row(10, "false,bid,100.0"), "7 cells, expected 8"),
            (row(3, "false,bid,100.0,1"), "not sorted"),
        ] {
            let error = read(&[&(head.clone() + &bad)]).err().unwrap().to_string();
            assert!(error.starts_with("f0.csv:3: ") && error.contains(text), "{error}");
        }
        let error = read(&["exchange,symbol,price\n"]).err().unwrap().to_string();
        assert!(error.starts_with("f0.csv:1: no column"), "{error}");
        assert!(read(&[""]).err().unwrap().to_string().contains("empty"));
    }
}
