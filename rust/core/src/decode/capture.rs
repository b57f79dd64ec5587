//! Capture files: one frame a line, `<ts_recv> <raw JSON>`, decoded, replayed and judged.
//!
//! The time of receipt is in seconds, milliseconds, microseconds or nanoseconds, told by its size as the venue's own
//! stamps are; a frame that the venue stamped more than a day away from it is refused.
//!
//! Several files are one recording, in order of time or taken in parallel ([`parallel`](super::parallel)): the book's
//! sequence goes on from one to the next. While it reads, the replayed book is held against the venue's own best
//! prices: after the depth update that ends with id `u`, best bid and ask with their sizes must equal the `bookTicker` with the largest id not above `u`. That ticker may arrive later, so
//! an update is judged once a ticker beyond it is known.

use std::collections::VecDeque;
use std::sync::Arc;

use super::binance::{BinanceDecoder, BinanceFrame, BinanceMarket};
use super::error::{DecodeError, PlacedError, Strictness};
use super::lines::Lines;
use super::parallel::{ClockOffset, Line, Recordings, receipt};
use super::parse::CLOCKS_WITHIN;
use crate::book::{BookState, DeltaAction, L2Book, SnapshotAction, Touch};
use crate::event::{Columns as _, EventColumns, EventKind, FLAG_LAST, FLAG_SNAPSHOT};
use crate::types::Instrument;

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
    /// Snapshots loaded.
    pub snapshots: u64,
    /// Snapshots older than what was known, or too old for the updates kept.
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
    /// Depth updates kept for a snapshot that has not come.
    pub unsynced: u64,
    /// Lines received before the line above.
    pub unsorted: u64,
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
    /// Taken out while a line is read.
    inputs: Option<Box<Recordings>>,
    decoder: BinanceDecoder,
    strictness: Strictness,
    last_recv: i64,
    counts: CaptureCounts,
    oracle: Oracle,
    book: L2Book,
    /// Events of the frame at hand.
    frame: [EventColumns; 1],
    /// Depth updates waiting for a snapshot.
    waiting: u64,
}

impl CaptureReader {
    /// A recording made of these files, in order or in parallel.
    pub fn new(
        market: BinanceMarket,
        instrument: &Arc<Instrument>,
        inputs: Vec<Lines>,
        strictness: Strictness,
    ) -> Self {
        Self {
            inputs: Some(Box::new(Recordings::new(inputs))),
            decoder: BinanceDecoder::new(market, vec![Arc::clone(instrument)])
                .with_clocks_within(CLOCKS_WITHIN),
            strictness,
            last_recv: i64::MIN,
            counts: CaptureCounts::default(),
            oracle: Oracle::default(),
            book: L2Book::new(),
            frame: [EventColumns::default()],
            waiting: 0,
        }
    }

    /// Appends the events of whole frames until `out` holds at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] naming file and line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        while out.len() < rows {
            let Some(mut inputs) = self.inputs.take() else { return Ok(false) };
            let read = inputs.next_with(|line| self.line(line));
            self.inputs = Some(inputs);
            if read?.is_none() {
                self.oracle.judge(true);
                return Ok(false);
            }
            out.extend_from(&self.frame[0], 0, self.frame[0].len());
        }
        Ok(true)
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), DecodeError> {
        self.frame[0].clear();
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
        }
        let outcome = self
            .decoder
            .feed(frame, ts_recv.max(self.last_recv), &mut self.frame)
            .map_err(|error| error.in_frame(frame))?;
        self.last_recv = self.last_recv.max(ts_recv);
        self.counts.first_recv.get_or_insert(ts_recv);
        self.counts.last_recv = Some(self.last_recv);
        self.count(outcome.frame);
        self.counts.book_updates += outcome.applied as u64;
        self.counts.gaps = self.decoder.gaps(0);
        if self.counts.gaps > 0 && self.counts.first_gap_line == 0 {
            self.counts.first_gap_line = line.number;
        }
        self.replay(outcome.frame, outcome.id);
        Ok(())
    }

    fn count_copy(&mut self, frame: &[u8]) {
        let head = &frame[..frame.len().min(256)];
        let is_trade = [&b"\"e\":\"trade\""[..], b"\"e\":\"aggTrade\""]
            .iter()
            .any(|kind| memchr::memmem::find(head, kind).is_some());
        self.counts.parallel_duplicates += 1;
        if is_trade {
            self.counts.parallel_trades += 1;
            self.counts.duplicate_trades += 1;
        } else {
            self.counts.duplicates += 1;
        }
    }

    fn count(&mut self, frame: BinanceFrame) {
        match frame {
            BinanceFrame::Depth(DeltaAction::Apply) => {}
            BinanceFrame::Depth(DeltaAction::Ignore) => self.counts.duplicates += 1,
            BinanceFrame::Depth(DeltaAction::Buffer) => self.waiting += 1,
            BinanceFrame::Depth(DeltaAction::Restart | DeltaAction::Gap) => self.waiting = 1,
            BinanceFrame::Snapshot(SnapshotAction::Load { .. }) => {
                self.counts.snapshots += 1;
                self.waiting = 0;
            }
            BinanceFrame::Snapshot(_) => self.counts.snapshots_unused += 1,
            BinanceFrame::Trade => self.counts.trades += 1,
            BinanceFrame::OffBookTrade => self.counts.off_book_trades += 1,
            BinanceFrame::EmptyTrade => self.counts.empty_trades += 1,
            BinanceFrame::DuplicateTrade => self.counts.duplicate_trades += 1,
            BinanceFrame::BookTicker => self.counts.quotes += 1,
            BinanceFrame::StaleQuote => self.counts.stale_quotes += 1,
            BinanceFrame::MarkPrice => self.counts.marks += 1,
            BinanceFrame::Liquidation => self.counts.liquidations += 1,
            BinanceFrame::OpenInterest => self.counts.open_interests += 1,
            BinanceFrame::Control => self.counts.control += 1,
            BinanceFrame::Ignored => self.counts.ignored += 1,
        }
    }

    /// Replays the frame's events in the book and holds it against the venue's quotes.
    fn replay(&mut self, frame: BinanceFrame, id: u64) {
        let view = self.frame[0].view();
        match frame {
            BinanceFrame::BookTicker => {
                let mut touch = Touch { state: BookState::Synced, ..Touch::default() };
                for row in 0..view.len() {
                    let (price, qty) = (view.price.get(row), view.qty.get(row));
                    touch.set(view.side[row], price, qty);
                }
                self.oracle.quote(id, touch);
            }
            BinanceFrame::Depth(_) | BinanceFrame::Snapshot(_) => {
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
                if view.is_empty() && frame == BinanceFrame::Depth(DeltaAction::Apply) {
                    self.oracle.update(id, Touch::of(&self.book));
                }
            }
            BinanceFrame::Trade
            | BinanceFrame::OffBookTrade
            | BinanceFrame::EmptyTrade
            | BinanceFrame::DuplicateTrade
            | BinanceFrame::StaleQuote
            | BinanceFrame::MarkPrice
            | BinanceFrame::Liquidation
            | BinanceFrame::OpenInterest
            | BinanceFrame::Control
            | BinanceFrame::Ignored => {}
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

    /// Where the book stands with the venue.
    pub fn state(&self) -> BookState {
        self.decoder.state(0)
    }
}
