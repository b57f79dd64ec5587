//! Tardis.dev CSV files, plain or gzip, merged into one stream of events of one instrument.
//!
//! Kinds are told by their header: `incremental_book_L2`, `trades`, `quotes` and `book_ticker`, `book_snapshot_5/25`,
//! `derivative_ticker`, `liquidations`. The last has the columns of `trades`; the file's name, or its folder in the
//! vendor's layout, tells which it is; where neither does, rows with ids are trades and rows without are refused.
//! Files must be in order of `local_timestamp`; of one kind they must follow one another (`sources`). Rules, from the
//! vendor's description:
//!
//! * book rows before the first snapshot are skipped; a snapshot row voids the book after a row that was none, and
//!   after one of another time: each snapshot stands alone;
//! * a trade whose id was there before is left out, so is one of amount 0;
//! * rows of one `local_timestamp` are one message of the book; amount 0 removes a level;
//! * `timestamp` is the venue's clock and may go back, `local_timestamp` is ours; both in microseconds;
//! * at equal `local_timestamp` trades come before the book, the book before quotes, quotes before tickers and
//!   liquidations, and files of one kind in the order given.

mod layout;
mod rows;
mod sources;
mod venues;

use std::sync::Arc;

use self::layout::Layout;
pub use self::layout::TardisKind;
use self::rows::Rows;
pub use self::rows::TardisCounts;
use self::sources::{Next, Sources};
pub(super) use self::venues::is_known;
pub use self::venues::{TARDIS_EXCHANGES, tardis_venue};
use super::error::{DecodeError, PlacedError, Strictness};
use super::late::{LateRow, earliest};
use super::lines::Lines;
use super::text::{Cells, MAX_ROW, is_above_header};
use crate::event::{EventColumns, Heads};
use crate::types::Instrument;

/// Rows a file reads ahead.
const BLOCK: usize = 1 << 13;

/// One file being read, with a block of its messages ready.
struct File {
    lines: Lines,
    rows: Rows,
    /// First row of the block not handed out.
    at: usize,
}

impl File {
    fn open(
        mut lines: Lines,
        instrument: Arc<Instrument>,
        strictness: Strictness,
        starts_empty: bool,
    ) -> Result<Self, PlacedError> {
        let Some((layout, cells)) = read_header(&mut lines)? else {
            return Err(lines.error(DecodeError::Io("the file is empty".into())));
        };
        let mut rows = Rows::new(layout, cells, instrument, strictness);
        if starts_empty {
            rows.start_empty();
        }
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
            rows.late.place(lines);
        }
        Ok(())
    }
}

/// Reads the header.
fn read_header(lines: &mut Lines) -> Result<Option<(Layout, Cells)>, PlacedError> {
    let name = lines.name().to_owned();
    loop {
        let read = lines.next_with(|line| {
            if is_above_header(line) {
                return Ok(None);
            }
            let mut cells = Cells::of(line);
            Layout::read(line, &mut cells, &name).map(|layout| Some((layout, cells)))
        })?;
        match read {
            None => return Ok(None),
            Some(None) => {}
            Some(header) => return Ok(header),
        }
    }
}

/// What the beginning of a file says of its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TardisOrigin {
    /// What it holds.
    pub kind: TardisKind,
    /// The instrument of its first row, by the names of this project; `None` if there is no row.
    pub instrument: Option<String>,
}

impl TardisOrigin {
    /// Reads the beginning of a file; `None` if it is none of the vendor's.
    ///
    /// # Errors
    /// [`PlacedError`] when the stream breaks, for a header that is not read, and for a first row that does not go
    /// with it.
    pub fn read(lines: &mut Lines) -> Result<Option<Self>, PlacedError> {
        let ahead = lines.ahead()?;
        if memchr::memmem::find(&ahead.to_ascii_lowercase(), b"local_timestamp").is_none() {
            return Ok(None);
        }
        if ahead.len() > MAX_ROW && memchr::memchr(b'\n', &ahead[..MAX_ROW]).is_none() {
            return Err(lines.error(DecodeError::TooMany { what: "bytes in a row", limit: MAX_ROW }));
        }
        let Some((layout, mut cells)) = read_header(lines)? else { return Ok(None) };
        let mut instrument = None;
        while instrument.is_none() {
            let read = lines.next_with(|line| {
                let row = cells.split(line)?;
                if !layout.is_event(&row)? {
                    return Ok(());
                }
                let text = |column: usize| String::from_utf8_lossy(row.cell(column)).into_owned();
                instrument =
                    Some(format!("{}.{}", text(layout.symbol), tardis_venue(&text(layout.exchange))));
                Ok(())
            })?;
            if read.is_none() {
                break;
            }
        }
        Ok(Some(Self { kind: layout.kind, instrument }))
    }
}

/// Several files of one instrument as one stream.
pub struct TardisReader {
    files: Vec<File>,
    heads: Heads,
    sources: Sources,
    /// Trades of one file that another one had.
    known_trades: u64,
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
        Self::open(inputs, instrument, strictness, false)
    }

    /// As [`Self::new`], but a book is made of nothing where no snapshot is.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn starting_empty(
        inputs: Vec<Lines>,
        instrument: &Arc<Instrument>,
        strictness: Strictness,
    ) -> Result<Self, PlacedError> {
        Self::open(inputs, instrument, strictness, true)
    }

    fn open(
        inputs: Vec<Lines>,
        instrument: &Arc<Instrument>,
        strictness: Strictness,
        starts_empty: bool,
    ) -> Result<Self, PlacedError> {
        let mut files = Vec::with_capacity(inputs.len());
        for lines in inputs {
            files.push(File::open(lines, Arc::clone(instrument), strictness, starts_empty)?);
        }
        let kinds = files.iter().map(|file| file.rows.layout.kind).collect();
        // At equal times the first file comes first.
        files.sort_by_key(|file| {
            let kind = file.rows.layout.kind.event_kind();
            (kind.merge_class(), kind as u8, file.time().unwrap_or(i64::MAX))
        });
        let mut heads = Heads::new(files.len());
        for (index, file) in files.iter().enumerate() {
            heads.set(index, file.time());
        }
        let sources = Sources::new(files.iter().map(|file| file.rows.layout.kind.event_kind()));
        Ok(Self { files, heads, sources, known_trades: 0, kinds })
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
            let last = self.heads.leads_until(index);
            let mut is_single = false;
            if self.sources.has_others(index) {
                match self.next(index) {
                    Next::Alone => {}
                    Next::Beside => is_single = true,
                    Next::Known => {
                        self.known_trades += 1;
                        let file = &mut self.files[index];
                        file.at = file.rows.out.view().message_end(file.at);
                        self.advance(index)?;
                        continue;
                    }
                    Next::Second(owner) => return Err(self.two_sources(index, owner)),
                }
            }
            let file = &mut self.files[index];
            // Every message up to the next head of another file goes in one copy.
            let (start, wanted) = (file.at, rows - out.len());
            loop {
                file.at = file.rows.out.view().message_end(file.at);
                if file.time().is_none_or(|time| time > last) || file.at - start >= wanted || is_single {
                    break;
                }
            }
            out.extend_from(&file.rows.out, start, file.at);
            if self.sources.has_others(index) {
                self.sources.remember(index, &file.rows.out, start..file.at);
            }
            self.advance(index)?;
        }
        Ok(true)
    }

    /// Goes on with a file whose newest messages were taken.
    fn advance(&mut self, index: usize) -> Result<(), PlacedError> {
        let file = &mut self.files[index];
        if file.at == file.rows.complete {
            file.fill()?;
        }
        self.heads.set(index, file.time());
        Ok(())
    }

    /// What a file's next message is to the others of its kind.
    fn next(&mut self, index: usize) -> Next {
        let Self { files, sources, .. } = self;
        let (rows, row) = (&files[index].rows.out, files[index].at);
        sources.next(index, rows, row, |file| files[file].time().is_none())
    }

    fn two_sources(&self, index: usize, owner: usize) -> PlacedError {
        let [file, other] = [index, owner].map(|at| &self.files[at]);
        let error = DecodeError::TwoSources {
            kind: file.rows.layout.kind.to_string(),
            time: file.time().unwrap_or_default() / 1_000,
            other: other.lines.name().to_owned(),
            other_kind: other.rows.layout.kind.to_string(),
        };
        PlacedError { source_name: file.lines.name().to_owned(), line: 0, error }
    }

    /// The first row that was received before one above it in its file.
    pub fn first_late(&self) -> Option<&LateRow> {
        earliest(self.files.iter().map(|file| &file.rows.late))
    }

    /// What has been read so far.
    pub fn counts(&self) -> TardisCounts {
        let mut sum = TardisCounts { duplicate_trades: self.known_trades, ..TardisCounts::default() };
        for file in &self.files {
            let c = &file.rows.counts;
            sum.skipped += c.skipped;
            sum.unsorted += c.unsorted;
            sum.duplicates += c.duplicates;
            sum.duplicate_trades += c.duplicate_trades;
            sum.empty_trades += c.empty_trades;
            sum.snapshots += c.snapshots;
            sum.book_updates += c.book_updates;
            sum.trades += c.trades;
            sum.quotes += c.quotes;
            sum.tickers += c.tickers;
            sum.liquidations += c.liquidations;
            sum.empty_liquidations += c.empty_liquidations;
            sum.files_without_rows += u64::from(!file.rows.has_any());
            for (symbol, rows) in &c.other_symbols {
                *sum.other_symbols.entry(symbol.clone()).or_default() += rows;
            }
        }
        // They were counted where they stand.
        sum.trades -= self.known_trades;
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::L2Book;
    use crate::event::{Columns as _, EventKind, FLAG_LAST};
    use crate::types::instrument::tests::linear;
    use crate::types::{Instrument, Side};

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

    proptest::proptest! {
        #[test]
        fn rows_read_at_once_equal_rows_read_cell_by_cell(
            rows in proptest::collection::vec((0u64..4, proptest::bool::ANY, 0usize..6, 1u32..2_000, 0u32..50), 1..60),
        ) {
            let header = "amount,price,side,is_snapshot,local_timestamp,timestamp,symbol,exchange\n";
            let (mut plain, mut turned, mut ts) = (BOOK_HEADER.to_owned(), header.to_owned(), 0);
            for (step, snapshot, side, price, amount) in rows {
                ts += step / 3;
                let side = ["bid", "ask", "buy", "sell", "bid", "ask"][side];
                let price = format!("{}.{}", price / 10, price % 10 / 5 * 5);
                let row = row(ts, &format!("{snapshot},{side},{price},{amount}"));
                plain += &row;
                let cells: Vec<_> = row.trim_end().rsplit(',').collect();
                turned += &(cells.join(",") + "\n");
            }
            let outcomes = [plain, turned].map(|text| read(&[&text]).map_err(|error| error.to_string()));
            proptest::prop_assert_eq!(&outcomes[0], &outcomes[1]);
        }
    }

    fn read_named(name: &str, text: &str) -> Result<(EventColumns, TardisCounts), PlacedError> {
        let mut reader = TardisReader::new(vec![lines(name, text)], &instrument(), Strictness::Strict)?;
        let mut out = EventColumns::default();
        while reader.read(&mut out, usize::MAX)? {}
        Ok((out, reader.counts()))
    }

    #[test]
    fn liquidations_are_no_trades_though_their_columns_are_the_same() {
        let text = [TRADE_HEADER.to_owned(), row(0, ",sell,100.0,3"), row(1, ",unknown,100.0,2")].concat();
        for name in [
            "18-liquidations.csv",
            "a/trades/binance-futures_liquidations_2024-08-08_BTCUSDT.csv.gz",
            "datasets/binance-futures/liquidations/2024/08/08/BTCUSDT.csv.gz",
        ] {
            let (out, counts) = read_named(name, &text).unwrap();
            assert_eq!(out.kind, [EventKind::Liquidation as u8; 2], "{name}");
            assert_eq!((&out.side[..], &out.qty[..]), (&[-1, 0][..], &[3_000, 2_000][..]));
            assert_eq!((counts.liquidations, counts.trades), (2, 0));
        }
        for name in ["trades.csv", "liquidations/bitmex_trades_2024-08-08.csv"] {
            let (out, counts) = read_named(name, &text).unwrap();
            assert_eq!((out.kind[0], counts.trades, counts.liquidations), (EventKind::Trade as u8, 2, 0));
        }
        // Neither the name nor an id tells.
        let error = read_named("liquidations_of_may/BTCUSDT.csv", &text).unwrap_err();
        assert!(error.line == 2 && error.to_string().contains("named after which"), "{error}");
        let text = [TRADE_HEADER.to_owned(), row(0, "71,sell,100.0,3")].concat();
        assert_eq!(read_named("BTCUSDT.csv", &text).unwrap().1.trades, 1);
    }

    #[test]
    fn a_ticker_row_gives_everything_it_holds() {
        let header = "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,\
                      open_interest,last_price,index_price,mark_price\n";
        let text = [
            header.to_owned(),
            row(0, "1641024000000000,0.000123456789,,43.2109,100.1,100.123456789,99.5"),
            row(1, ",,,,,,100"),
        ]
        .concat();
        let (out, counts) = read(&[&text]).unwrap();
        let rows: Vec<_> =
            (0..out.len()).map(|i| (out.kind[i], out.price[i], out.qty[i], out.id[i])).collect();
        let expected = [
            (EventKind::Funding as u8, 123_457, 0, 1_641_024_000_000_000_000),
            (EventKind::Index as u8, 100_123_456_789, 0, 0),
            (EventKind::Mark as u8, 99_500_000_000, 0, 0),
            (EventKind::OpenInterest as u8, 0, 43_211, 0),
            (EventKind::Mark as u8, 100_000_000_000, 0, 0),
        ];
        assert_eq!(rows, expected);
        assert_eq!(counts.tickers, 2);
    }

    #[test]
    fn a_price_of_zero_is_no_trade_and_no_level() {
        let trades = [TRADE_HEADER.to_owned(), row(0, "1,buy,0,1"), row(1, "2,buy,100.0,1")].concat();
        let (rows, counts) = read(&[&trades]).unwrap();
        assert_eq!((rows.len(), counts.trades, counts.empty_trades), (1, 1, 1));
        let text = [TRADE_HEADER.to_owned(), row(0, "1,buy,-1,1")].concat();
        let error = read(&[&text]).unwrap_err().to_string();
        assert_eq!(error, "f0.csv:2: price: \"-1\" is not greater than zero and below 2^60 steps");
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
