//! Capture files: one frame a line, `<ts_recv> <raw JSON>`, decoded, replayed and judged.
//!
//! The time of receipt is in seconds, milliseconds, microseconds or nanoseconds, told by its size as the venue's own
//! stamps are; a frame that the venue stamped more than a day away from it is refused.
//!
//! A line with an array of frames is each of them, received at once. Before it reads, it looks at the beginning of the
//! recording to know which depth stream is the book.
//!
//! Several files are one recording, in order of time or taken in parallel ([`parallel`](super::parallel)): the book's
//! sequence goes on from one to the next. While it reads, the replayed book is held against the venue's own best
//! prices: after the depth update that ends with id `u`, best bid and ask with their sizes must equal the `bookTicker`
//! with the largest id not above `u`. That ticker may arrive later, so an update is judged once a ticker beyond it is
//! known.

use std::collections::VecDeque;
use std::sync::Arc;

use super::binance::{BinanceDecoder, BinanceMarket, DepthSource, frames};
use super::depths::DepthSurvey;
use super::error::{DecodeError, PlacedError, Strictness};
use super::feed::{Decoder as _, FeedMessage, FeedOutcome};
use super::late::{FirstLate, LateRow};
use super::lines::{BYTES_IN_LINE, Lines};
use super::parallel::{ClockOffset, Line, Recordings, receipt};
use crate::book::{BookState, DeltaAction, L2Book, SnapshotAction, Touch};
use crate::event::{Columns as _, EventColumns, EventKind, FLAG_LAST, FLAG_SNAPSHOT};
use crate::types::Instrument;

/// Bytes of a recording that are looked at beforehand, and of each of its files.
const LOOK: usize = 4 << 20;
const LOOK_EACH: usize = 1 << 20;

/// Most lines that are listed as left out.
const MAX_SKIPS: usize = 10_000;

/// Most venue quotes kept while the book is not synchronised, and most updates that wait for a later quote.
const MAX_HISTORY: usize = 500_000;

/// What a recording holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaptureCounts {
    /// Lines read.
    pub lines: u64,
    /// Receipt of the first line, ns.
    pub first_recv: Option<i64>,
    /// Receipt of the last line, ns.
    pub last_recv: Option<i64>,
    /// Depth updates made part of the book.
    pub book_updates: u64,
    /// Trades.
    pub trades: u64,
    /// Prints that are no trades of the book.
    pub off_book_trades: u64,
    /// Trades without price or size.
    pub empty_trades: u64,
    /// Trades whose id had been there.
    pub duplicate_trades: u64,
    /// Venue quotes.
    pub quotes: u64,
    /// Venue quotes that are not newer than those before them.
    pub stale_quotes: u64,
    /// Mark price messages.
    pub marks: u64,
    /// Liquidations.
    pub liquidations: u64,
    /// Answers that told the open interest.
    pub open_interests: u64,
    /// Snapshots loaded, partial depth among them where it is the book.
    pub snapshots: u64,
    /// Snapshots older than what was known, too old for the updates kept, or of few levels where the book goes on without.
    pub snapshots_unused: u64,
    /// Holes in the sequence of depth updates.
    pub gaps: u64,
    /// Line of the first hole, 0 if none.
    pub first_gap_line: u64,
    /// Depth updates that held nothing new after the book was synchronised.
    pub duplicates: u64,
    /// Messages left out because a recording taken in parallel had them. They are among the duplicates.
    pub parallel_duplicates: u64,
    /// Trades among them.
    pub parallel_trades: u64,
    /// Messages of other depth streams than the one that makes the book.
    pub other_depth: u64,
    /// Depth updates kept for a snapshot that has not come.
    pub unsynced: u64,
    /// Lines received before the line above.
    pub unsorted: u64,
    /// Lines that are no messages.
    pub skipped: u64,
    /// Answers to requests.
    pub control: u64,
    /// Messages of other kinds or symbols.
    pub ignored: u64,
}

/// How the replayed book compares with the venue's own best prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TickerCheck {
    /// Depth updates judged.
    pub compared: u64,
    /// Equal in price and size, both sides.
    pub equal: u64,
    /// Not equal.
    pub differing: u64,
    /// Judged while the replayed book was crossed.
    pub crossed: u64,
}

/// The venue's quotes and the updates that wait to be held against them.
#[derive(Debug, Default)]
struct Oracle {
    history: VecDeque<(u64, Touch)>,
    waiting: VecDeque<(u64, Touch)>,
    check: TickerCheck,
}

impl Oracle {
    fn quote(&mut self, id: u64, touch: Touch) {
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((id, touch));
        self.judge(false);
    }

    fn update(&mut self, id: u64, touch: Touch) {
        if self.waiting.len() == MAX_HISTORY {
            self.waiting.pop_front();
        }
        self.waiting.push_back((id, touch));
        self.judge(false);
    }

    /// Judges what can be judged: updates followed by a later quote, or all of them at the end.
    fn judge(&mut self, at_end: bool) {
        let newest = self.history.back().map_or(0, |(id, _)| *id);
        while let Some(&(id, touch)) = self.waiting.front() {
            if newest <= id && !at_end {
                break;
            }
            self.waiting.pop_front();
            // Keep the largest quote not above the update; older ones are done with.
            while self.history.len() > 1 && self.history[1].0 <= id {
                self.history.pop_front();
            }
            let Some(&(quoted, venue)) = self.history.front() else { continue };
            if quoted > id {
                continue;
            }
            self.check.compared += 1;
            let same = (venue.best_bid(), venue.bid_qty, venue.best_ask(), venue.ask_qty)
                == (touch.best_bid(), touch.bid_qty, touch.best_ask(), touch.ask_qty);
            if same {
                self.check.equal += 1;
            } else {
                self.check.differing += 1;
            }
            self.check.crossed += u64::from(touch.is_crossed());
        }
    }
}

/// A recording of one instrument of a Binance market.
pub struct CaptureReader {
    /// Of the files, in the order given.
    names: Vec<String>,
    /// Taken out while a line is read.
    inputs: Option<Box<Recordings>>,
    decoder: BinanceDecoder,
    strictness: Strictness,
    last_recv: i64,
    late: FirstLate,
    counts: CaptureCounts,
    oracle: Oracle,
    book: L2Book,
    /// Events of the frame at hand.
    frame: [EventColumns; 1],
    /// Depth updates waiting for a snapshot.
    waiting: u64,
    /// Whether updates make a book of nothing.
    starts_empty: bool,
    /// What was left out.
    skips: Vec<PlacedError>,
}

impl CaptureReader {
    /// A recording made of these files, in order or in parallel, of which the first bytes are read now.
    pub fn new(
        market: BinanceMarket,
        instrument: &Arc<Instrument>,
        mut inputs: Vec<Lines>,
        strictness: Strictness,
    ) -> Self {
        let survey = survey(&mut inputs, instrument.id.symbol());
        let mut decoder = BinanceDecoder::new(market, vec![Arc::clone(instrument)]);
        decoder.check_clocks();
        decoder.set_depth_source(0, survey.source(), survey.has_bare_partial());
        Self {
            names: inputs.iter().map(|lines| lines.name().to_owned()).collect(),
            inputs: Some(Box::new(Recordings::new(inputs))),
            decoder,
            strictness,
            last_recv: i64::MIN,
            late: FirstLate::default(),
            counts: CaptureCounts::default(),
            oracle: Oracle::default(),
            book: L2Book::new(),
            frame: [EventColumns::default()],
            waiting: 0,
            starts_empty: false,
            skips: Vec::new(),
        }
    }

    /// The first line that was received before one above it.
    pub fn first_late(&self) -> Option<&LateRow> {
        self.late.row()
    }

    /// Makes a book of nothing where no snapshot is: levels that no update has named are missing in it.
    #[must_use]
    pub fn starting_empty(mut self) -> Self {
        self.starts_empty = true;
        self.decoder.start_empty();
        self
    }

    /// Appends the events of whole frames until `out` holds at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] naming file and line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        while out.len() < rows {
            let Some(mut inputs) = self.inputs.take() else { return Ok(false) };
            let read = inputs.next_with(|line| self.line(line, out));
            self.inputs = Some(inputs);
            match read {
                Ok(Some(())) => {}
                Ok(None) => {
                    self.oracle.judge(true);
                    return Ok(false);
                }
                Err(PlacedError { source_name, line, error }) => {
                    let error = PlacedError { source_name, line, error: as_rubbish(error) };
                    if self.strictness != Strictness::Skip || !matches!(error.error, DecodeError::Rubbish(_))
                    {
                        return Err(error);
                    }
                    self.counts.skipped += 1;
                    if self.skips.len() < MAX_SKIPS {
                        self.skips.push(error);
                    }
                }
            }
        }
        Ok(true)
    }

    fn line(&mut self, line: &Line<'_>, out: &mut EventColumns) -> Result<(), DecodeError> {
        if line.text.is_empty() {
            return Ok(());
        }
        self.counts.lines += 1;
        let (ts_recv, frame) = receipt(line.text)?;
        if line.is_copy {
            self.count_copy(frame);
            return Ok(());
        }
        let ts_recv = ts_recv.saturating_add(line.shift);
        if ts_recv < self.last_recv {
            if self.strictness == Strictness::Strict {
                return Err(DecodeError::Unsorted {
                    field: "ts_recv",
                    got: ts_recv,
                    previous: self.last_recv,
                });
            }
            self.counts.unsorted += 1;
            self.late.note(ts_recv, self.last_recv);
            self.late.place_at(&self.names[line.file], line.number);
        }
        let ts = ts_recv.max(self.last_recv);
        self.feed(frame, ts, line.number, out).map_err(|error| match error {
            DecodeError::Json { .. } => DecodeError::Rubbish(Box::new(error.in_frame(frame))),
            error => error.in_frame(frame),
        })?;
        self.last_recv = ts;
        self.counts.first_recv.get_or_insert(ts_recv);
        self.counts.last_recv = Some(ts);
        Ok(())
    }

    /// Takes a frame, or each of an array.
    fn feed(&mut self, frame: &[u8], ts: i64, line: u64, out: &mut EventColumns) -> Result<(), DecodeError> {
        self.frame[0].clear();
        if let Some(outcome) = self.decoder.feed_one(frame, ts, &mut self.frame)? {
            self.take(outcome, line, out);
            return Ok(());
        }
        for (at, part) in frames(frame)? {
            self.frame[0].clear();
            let fed = self.decoder.feed_one(part, ts, &mut self.frame);
            if let Some(outcome) = fed.map_err(|error| error.behind(at))? {
                self.take(outcome, line, out);
            }
        }
        Ok(())
    }

    /// Takes what came of a frame.
    fn take(&mut self, outcome: FeedOutcome, line: u64, out: &mut EventColumns) {
        self.count(outcome.message);
        // An update that leads from a snapshot that was passed by comes with it.
        let begins_anew = self.frame[0].view().flags.first().is_some_and(|flags| flags & FLAG_SNAPSHOT != 0);
        if outcome.message == FeedMessage::Depth(DeltaAction::Apply) && begins_anew {
            self.counts.snapshots += 1;
            self.counts.snapshots_unused -= 1;
        }
        self.counts.book_updates += outcome.applied as u64;
        self.counts.gaps = self.decoder.gaps(0);
        if self.counts.gaps > 0 && self.counts.first_gap_line == 0 {
            self.counts.first_gap_line = line;
        }
        self.replay(outcome.message, outcome.id);
        out.extend_from(&self.frame[0], 0, self.frame[0].len());
    }

    fn count_copy(&mut self, frame: &[u8]) {
        let head = &frame[..frame.len().min(256)];
        let names = [&b"\"trade\""[..], b"\"aggTrade\""];
        let is_trade = names.iter().any(|name| memchr::memmem::find(head, name).is_some());
        self.counts.parallel_duplicates += 1;
        if is_trade {
            self.counts.parallel_trades += 1;
            self.counts.duplicate_trades += 1;
        } else {
            self.counts.duplicates += 1;
        }
    }

    fn count(&mut self, frame: FeedMessage) {
        match frame {
            FeedMessage::Depth(DeltaAction::Apply) => {}
            FeedMessage::Depth(DeltaAction::Buffer | DeltaAction::Restart | DeltaAction::Gap)
                if self.starts_empty =>
            {
                self.counts.book_updates += 1;
            }
            FeedMessage::Depth(DeltaAction::Ignore)
            | FeedMessage::DuplicateLiquidation
            | FeedMessage::Duplicate => {
                self.counts.duplicates += 1;
            }
            FeedMessage::Depth(DeltaAction::Buffer | DeltaAction::Unsynced) => self.waiting += 1,
            FeedMessage::Depth(DeltaAction::Restart | DeltaAction::Gap) => self.waiting = 1,
            FeedMessage::Snapshot(SnapshotAction::Load { .. }) => {
                self.counts.snapshots += 1;
                self.waiting = 0;
            }
            FeedMessage::Snapshot(_) => self.counts.snapshots_unused += 1,
            FeedMessage::PartialDepth => self.counts.snapshots += 1,
            FeedMessage::OtherDepth => self.counts.other_depth += 1,
            FeedMessage::Trade => self.counts.trades += 1,
            FeedMessage::OffBookTrade => self.counts.off_book_trades += 1,
            FeedMessage::EmptyTrade => self.counts.empty_trades += 1,
            FeedMessage::DuplicateTrade => self.counts.duplicate_trades += 1,
            FeedMessage::Quote => self.counts.quotes += 1,
            FeedMessage::StaleQuote => self.counts.stale_quotes += 1,
            FeedMessage::Ticker => self.counts.marks += 1,
            FeedMessage::Liquidation => self.counts.liquidations += 1,
            FeedMessage::OpenInterest => self.counts.open_interests += 1,
            FeedMessage::Control => self.counts.control += 1,
            FeedMessage::TradeHistory
            | FeedMessage::Kline
            | FeedMessage::OpenKline
            | FeedMessage::Ignored
            | FeedMessage::Unknown => self.counts.ignored += 1,
        }
    }

    /// Replays the frame's events in the book and holds it against the venue's quotes.
    fn replay(&mut self, frame: FeedMessage, id: u64) {
        let view = self.frame[0].view();
        match frame {
            FeedMessage::Quote => {
                let mut touch = Touch { state: BookState::Synced, ..Touch::default() };
                for row in 0..view.len() {
                    let (price, qty) = (view.price.get(row), view.qty.get(row));
                    touch.set(view.side[row], price, qty);
                }
                self.oracle.quote(id, touch);
            }
            FeedMessage::Depth(_) | FeedMessage::Snapshot(_) | FeedMessage::PartialDepth => {
                for row in 0..view.len() {
                    self.book.apply_row(&view, row);
                    let event = view.event(row);
                    if event.flags & FLAG_LAST == 0 {
                        continue;
                    }
                    if event.kind == EventKind::BookSet && event.flags & FLAG_SNAPSHOT == 0 {
                        self.oracle.update(event.id, Touch::of(&self.book));
                    }
                }
                // An update without levels changes nothing and is right or wrong like the book it leaves.
                if view.is_empty() && frame == FeedMessage::Depth(DeltaAction::Apply) {
                    self.oracle.update(id, Touch::of(&self.book));
                }
            }
            _ => {}
        }
    }

    /// What has been read so far.
    pub fn counts(&self) -> CaptureCounts {
        CaptureCounts { unsynced: self.waiting, ..self.counts }
    }

    /// How the clocks of recordings taken in parallel stood to one another.
    pub fn clocks(&self) -> &[ClockOffset] {
        self.inputs.as_ref().map_or(&[], |inputs| &inputs.clocks)
    }

    /// How the book compared with the venue's quotes; `None` when there was none to compare with.
    pub fn ticker_check(&self) -> Option<TickerCheck> {
        (self.counts.quotes > 0).then_some(self.oracle.check)
    }

    /// The depth stream that is the book.
    pub fn depth_source(&self) -> &DepthSource {
        self.decoder.depth_source(0)
    }

    /// Lines that were left out, the first ten thousand of them, and why.
    pub fn skips(&self) -> &[PlacedError] {
        &self.skips
    }

    /// Where the book stands with the venue.
    pub fn state(&self) -> BookState {
        self.decoder.state(0)
    }
}

/// What the beginning of a recording says of its depth.
fn survey(inputs: &mut [Lines], symbol: &str) -> DepthSurvey {
    let (mut survey, mut left) = (DepthSurvey::default(), LOOK);
    for lines in inputs {
        if left == 0 {
            break;
        }
        let head = lines.look(left.min(LOOK_EACH));
        left -= head.len();
        for line in head.split(|byte| *byte == b'\n') {
            if let Some(space) = memchr::memchr2(b' ', b'\t', line) {
                let frame = line[space + 1..].trim_ascii_end();
                match frames(frame) {
                    Ok(parts) if !parts.is_empty() => {
                        for (_, part) in parts {
                            survey.take(part, symbol);
                        }
                    }
                    _ => survey.take(frame, symbol),
                }
            }
        }
    }
    survey
}

/// An error as that of a line which is no message, if it is one.
fn as_rubbish(error: DecodeError) -> DecodeError {
    match error {
        DecodeError::Io(_)
        | DecodeError::TooMany { what: BYTES_IN_LINE, .. }
        | DecodeError::Value { field: "line" | "ts_recv", .. } => DecodeError::Rubbish(Box::new(error)),
        error => error,
    }
}
