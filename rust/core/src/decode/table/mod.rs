//! Tables of trades, quotes and depth: the official dumps of venues, and tables whose columns somebody names.
//!
//! What a file holds is told by its header or, where it has none, by how its rows look. Files of one kind follow one
//! another in order of time and are opened one after another; kinds are merged by the time of receipt. Most tables do
//! not say when rows were received: an assumed latency behind the venue's stamp stands for it. Rules:
//!
//! * a trade whose id was there before is a copy; one of no quantity is none; one outside of the book is a kind of its own;
//! * rows of one update of a book are one message; its sequence is followed where it has ids, a missing update voids it;
//! * a quote with an update id that is not above the last one is a late copy.

mod cells;
mod chain;
mod layout;
mod rows;

use std::collections::VecDeque;
use std::sync::Arc;

use self::cells::is_snap;
pub(super) use self::chain::{Chain, Step};
pub use self::layout::{ColumnMap, TableKind};
use self::layout::{Field, Layout, find};
use self::rows::Rows;
pub use self::rows::TableCounts;
use super::error::{DecodeError, PlacedError, Strictness};
use super::late::{LateRow, earliest};
use super::lines::Lines;
use super::named::{self, Origin};
use super::stamp::parse_stamp;
use super::text::{Cells, is_above_header};
use crate::book::SyncRule;
use crate::event::{Columns as _, Event, EventColumns, EventKind, FLAG_LAST, FLAG_SNAPSHOT, Heads};
use crate::types::Instrument;

/// Rows a stream reads ahead.
const BLOCK: usize = 1 << 13;

/// How tables are read.
#[derive(Debug, Clone, Default)]
pub struct TableOptions {
    /// From the venue's stamp to receipt, ns, for tables that do not say when rows were received.
    pub latency: Option<i64>,
    /// What the columns mean, where that is not known by itself.
    pub columns: Option<ColumnMap>,
    /// Whether a book without a snapshot begins empty.
    pub starts_empty: bool,
}

/// What a table says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableHead {
    /// Whose files look like this.
    pub publisher: &'static str,
    /// What its rows are.
    pub kind: TableKind,
    /// The symbol, by a column or the file's name.
    pub symbol: Option<String>,
    /// The venue, if it can be told.
    pub venue: Option<&'static str>,
}

impl TableHead {
    /// What a table says about itself; `None` if it is none that is known.
    ///
    /// # Errors
    /// [`PlacedError`] when it breaks, or holds what nothing can be made of.
    pub fn read(lines: Lines, columns: Option<&ColumnMap>) -> Result<Option<Self>, PlacedError> {
        Ok(File::open(lines, columns)?.ok().map(|file| file.head()))
    }
}

/// A file that was looked at.
struct File {
    lines: Lines,
    layout: Layout,
    cells: Cells,
    /// Lines that stand above its header or its first row.
    above: usize,
    /// Its header, if it has one.
    header: Vec<u8>,
    /// Its first row.
    first: Option<Vec<u8>>,
    /// The cells of that.
    row: Vec<Vec<u8>>,
    /// When that was, ns.
    time: Option<i64>,
    /// Whether the lines that were looked at come again.
    is_closed: bool,
}

impl File {
    /// Looks at the first lines of a file; the inner error is its first line where that is of no table that is known.
    fn open(
        mut lines: Lines,
        columns: Option<&ColumnMap>,
    ) -> Result<Result<Self, (Lines, Vec<u8>)>, PlacedError> {
        let mut above = 0;
        let line = loop {
            match lines.next_with(|line| Ok(line.to_vec()))? {
                Some(line) if is_above_header(&line) => above += 1,
                Some(line) => break line,
                None => return Err(lines.error(DecodeError::Io("the file is empty".into()))),
            }
        };
        let (layout, mut cells) = match find(&line, columns) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Err((lines, line))),
            Err(error) => return Err(lines.error(error)),
        };
        let (mut header, mut first) = (Vec::new(), Some(line));
        if layout.has_header {
            header = first.take().unwrap_or_default();
            first = lines.next_with(|line| Ok(line.to_vec()))?;
        }
        // A row that cannot be taken apart is an error where it is read.
        let row = first.as_deref().and_then(|line| cells.split(line).ok());
        let row = row.map(|row| row.iter().map(<[u8]>::to_vec).collect()).unwrap_or_default();
        let mut file = Self { lines, layout, cells, above, header, first, row, time: None, is_closed: false };
        if let Some(text) = file.cell(Field::Time).filter(|text| !text.is_empty()) {
            let time = parse_stamp("time", text);
            file.time = Some(time.map_err(|error| file.lines.error(error))?);
        }
        file.is_closed = file.lines.rewind();
        Ok(Ok(file))
    }

    /// What goes with its like: rows of one kind, of a book snapshots apart from updates, which come in other files.
    fn stream(&self) -> (TableKind, bool) {
        (self.layout.kind, self.cell(Field::UpdateType).and_then(is_snap) != Some(true))
    }

    /// A cell of the first row.
    fn cell(&self, field: Field) -> Option<&[u8]> {
        self.row.get(self.layout.place(field)?).map(Vec::as_slice)
    }

    fn head(&self) -> TableHead {
        let text =
            |cell: &[u8]| std::str::from_utf8(cell).ok().filter(|text| !text.is_empty()).map(str::to_owned);
        let name = self.lines.name();
        let symbol =
            self.cell(Field::Symbol).and_then(text).or_else(|| named::symbol(name).map(str::to_owned));
        let has_previous = self.cell(Field::PreviousId).is_some_and(|cell| !cell.is_empty());
        TableHead {
            publisher: self.layout.publisher,
            kind: self.layout.kind,
            venue: named::venue(self.layout.venues, symbol.as_deref(), name, has_previous),
            symbol,
        }
    }

    /// Refuses the file of another venue or symbol, as far as both are known: columns alike are not the same market.
    fn check(&self, instrument: &Instrument) -> Result<(), PlacedError> {
        let TableHead { publisher, venue, symbol, .. } = self.head();
        // What rows say is counted row by row.
        let symbol = symbol.filter(|_| self.layout.place(Field::Symbol).is_none());
        let told = Origin { publisher, venues: self.layout.venues, venue, symbol: symbol.as_deref() };
        told.check(&instrument.id).map_err(|error| self.lines.error(error))
    }
}

/// Files of one kind, one after another, with a block of their messages ready.
struct Stream {
    files: VecDeque<File>,
    current: Option<Lines>,
    rows: Rows,
    /// First row of the block not handed out.
    at: usize,
}

impl Stream {
    /// When the next message was received; `None` at the end.
    fn time(&self) -> Option<i64> {
        (self.at < self.rows.complete).then(|| self.rows.out.ts_recv[self.at])
    }

    /// Reads the next block.
    fn fill(&mut self) -> Result<(), PlacedError> {
        self.rows.out.drop_front(self.rows.complete);
        (self.at, self.rows.complete) = (0, 0);
        while self.rows.complete < BLOCK {
            let Some(lines) = &mut self.current else {
                let Some(file) = self.files.pop_front() else { return Ok(()) };
                self.begin(file)?;
                continue;
            };
            let read = lines.next_with(|line| self.rows.line(line))?;
            self.rows.late.place(lines);
            if read.is_none() {
                self.rows.end_message();
                self.current = None;
            }
        }
        Ok(())
    }

    fn begin(&mut self, file: File) -> Result<(), PlacedError> {
        let File { mut lines, layout, cells, above, header, first, is_closed, .. } = file;
        let above = above + usize::from(layout.has_header);
        self.rows.counts.files_without_rows += u64::from(first.is_none());
        self.rows.begin(layout, cells, header);
        if is_closed {
            for _ in 0..above {
                lines.next_with(|_| Ok(()))?;
            }
        } else if let Some(line) = first {
            // What was looked at does not come again.
            self.rows.line(&line).map_err(|error| lines.error(error))?;
            self.rows.late.place(&lines);
        }
        self.current = Some(lines);
        Ok(())
    }
}

/// How receive times are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// Every file says when its rows were received.
    Recorded,
    /// This long after the venue's stamp, ns.
    Assumed(i64),
    /// Not at all: they are taken for the venue's stamps.
    Missing,
}

impl Receipt {
    /// Of two sources merged, as of the one that says less.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        match (self, other) {
            (Self::Missing, _) | (_, Self::Missing) => Self::Missing,
            (Self::Assumed(latency), _) | (_, Self::Assumed(latency)) => Self::Assumed(latency),
            (Self::Recorded, Self::Recorded) => Self::Recorded,
        }
    }
}

/// Tables of one instrument as one stream of events.
pub struct TableReader {
    streams: Vec<Stream>,
    heads: Heads,
    receipt: Receipt,
    chain: Chain,
    has_book: bool,
    starts_empty: bool,
    counts: TableCounts,
}

impl TableReader {
    /// Looks at the files and reads the first messages of each kind.
    ///
    /// # Errors
    /// [`PlacedError`] naming the file and line: for a table that is not known, is another instrument's, or is a second
    /// source of what another file holds.
    pub fn new(
        inputs: Vec<Lines>,
        instrument: &Arc<Instrument>,
        options: &TableOptions,
        strictness: Strictness,
    ) -> Result<Self, PlacedError> {
        let mut files = Vec::with_capacity(inputs.len());
        for lines in inputs {
            match File::open(lines, options.columns.as_ref())? {
                Ok(file) => {
                    file.check(instrument)?;
                    files.push(file);
                }
                Err((lines, line)) => {
                    let expected = "the header or a row of a table that is known; say what its columns mean: --map \
                                    price=COLUMN,amount=COLUMN,time=COLUMN";
                    return Err(lines.error(DecodeError::value("first line", &line, expected)));
                }
            }
        }
        check_sources(&files)?;
        let has_receipt = files.iter().all(|file| file.layout.place(Field::Recv).is_some());
        let receipt = match options.latency {
            _ if has_receipt => Receipt::Recorded,
            Some(latency) => Receipt::Assumed(latency),
            None => Receipt::Missing,
        };
        files.sort_by_key(|file| (file.stream(), file.time));
        let (mut streams, mut last) = (Vec::<Stream>::new(), None);
        for file in files {
            if last.replace(file.stream()) == Some(file.stream())
                && let Some(stream) = streams.last_mut()
            {
                stream.files.push_back(file);
                continue;
            }
            let latency = options.latency.unwrap_or(0);
            let rows = Rows::new(file.layout.clone(), Arc::clone(instrument), strictness, latency);
            streams.push(Stream { files: VecDeque::from([file]), current: None, rows, at: 0 });
        }
        let mut heads = Heads::new(streams.len());
        for (index, stream) in streams.iter_mut().enumerate() {
            stream.fill()?;
            heads.set(index, stream.time());
        }
        Ok(Self {
            streams,
            heads,
            receipt,
            chain: Chain::default(),
            has_book: false,
            starts_empty: options.starts_empty,
            counts: TableCounts::default(),
        })
    }

    /// How receive times are known.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// What the tables hold.
    pub fn kinds(&self) -> impl Iterator<Item = TableKind> {
        let mut kinds: Vec<_> = self.streams.iter().map(|stream| stream.rows.layout.kind).collect();
        kinds.dedup();
        kinds.into_iter()
    }

    /// Appends whole messages until `out` holds at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] naming the file and line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        while out.len() < rows {
            let Some((index, _)) = self.heads.first() else { return Ok(false) };
            let last = self.heads.leads_until(index);
            let (start, wanted) = (self.streams[index].at, rows - out.len());
            // Every message up to the next head of another kind goes in one copy, but for those that are judged.
            loop {
                let stream = &mut self.streams[index];
                let from = stream.at;
                stream.at = stream.rows.out.view().message_end(from);
                let (to, is_depth) = (stream.at, stream.rows.layout.kind == TableKind::Depth);
                if is_depth {
                    self.depth(index, from, to, out);
                }
                let stream = &self.streams[index];
                if stream.time().is_none_or(|time| time > last) || to - start >= wanted {
                    if !is_depth {
                        out.extend_from(&stream.rows.out, start, to);
                    }
                    break;
                }
            }
            let stream = &mut self.streams[index];
            if stream.at == stream.rows.complete {
                stream.fill()?;
            }
            self.heads.set(index, stream.time());
        }
        Ok(true)
    }

    /// Appends a message of the book, if it is the next one.
    fn depth(&mut self, index: usize, from: usize, to: usize, out: &mut EventColumns) {
        let rows = &mut self.streams[index].rows;
        let Some(depth) = rows.depths.pop_front() else { return };
        let is_snapshot = depth.is_snapshot;
        let step = match depth.ids {
            None if is_snapshot || self.has_book => Step::Apply,
            None if self.starts_empty => Step::Start,
            None => Step::Unsynced,
            Some(ids) if is_snapshot => self.chain.snapshot(ids.last),
            Some(ids) => {
                // Spot numbers its updates without a hole; futures name the one before.
                let rule = match ids.previous {
                    Some(_) => SyncRule::BinanceFutures,
                    None => SyncRule::BinanceSpot,
                };
                self.chain.delta(rule, ids, self.starts_empty)
            }
        };
        let template =
            Event { kind: EventKind::BookClear, side: 0, price: 0, qty: 0, ..rows.out.view().event(from) };
        match step {
            Step::Known => self.counts.duplicates += 1,
            Step::Unsynced => self.counts.skipped += 1,
            Step::Gap | Step::Start => {
                if step == Step::Gap {
                    self.counts.gaps += 1;
                    out.push(Event { flags: FLAG_LAST, ..template });
                }
                if self.starts_empty {
                    self.counts.book_updates += 1;
                    self.has_book = true;
                    out.push(Event { flags: FLAG_SNAPSHOT, ..template });
                    let first = out.len();
                    out.extend_from(&rows.out, from, to);
                    out.flags[first..].iter_mut().for_each(|flags| *flags |= FLAG_SNAPSHOT);
                }
            }
            Step::Apply => {
                if is_snapshot {
                    self.counts.snapshots += 1;
                    out.push(Event { flags: FLAG_SNAPSHOT, ..template });
                } else {
                    self.counts.book_updates += 1;
                }
                self.has_book = true;
                out.extend_from(&rows.out, from, to);
            }
        }
    }

    /// The first row that was received before one above it.
    pub fn first_late(&self) -> Option<&LateRow> {
        earliest(self.streams.iter().map(|stream| &stream.rows.late))
    }

    /// What has been read so far.
    pub fn counts(&self) -> TableCounts {
        let mut sum = self.counts.clone();
        for stream in &self.streams {
            let c = &stream.rows.counts;
            sum.unsorted += c.unsorted;
            sum.duplicates += c.duplicates;
            sum.empty_trades += c.empty_trades;
            sum.holes.add(&c.holes);
            sum.files_without_rows += c.files_without_rows;
            for (symbol, rows) in &c.other_symbols {
                *sum.other_symbols.entry(symbol.clone()).or_default() += rows;
            }
        }
        sum
    }
}

/// Refuses two sources of the same: trades, and the same trades summed up.
fn check_sources(files: &[File]) -> Result<(), PlacedError> {
    let first = |kind: TableKind| files.iter().find(|file| file.layout.kind == kind);
    let (Some(single), Some(summed)) = (first(TableKind::Trades), first(TableKind::AggTrades)) else {
        return Ok(());
    };
    let problem =
        format!("it holds the trades of {} once more, summed up; give one of them", single.lines.name());
    let error = DecodeError::Value { field: "file", problem };
    Err(PlacedError { source_name: summed.lines.name().to_owned(), line: 1, error })
}
