//! Depth that Bybit publishes: messages of `orderbook.N.SYMBOL`, one a line (`ob200`, `ob500`).
//!
//! A snapshot replaces the book, a delta changes it; `u` rises by one from message to message, and a hole voids the
//! book. With `u` 1 the service began anew. `seq` never goes back, so a message of a smaller one is a copy, and where it
//! rises a `ts` may go back. `cts` is when the matching engine did it, `ts` when it was sent. The lines do not say when
//! they were received: an assumed latency behind `ts` stands for it. Files are read in order of time; of several depths
//! the first is the book.
//!
//! Source: the venue's documentation of the order book topic.

use std::collections::VecDeque;
use std::sync::Arc;

use super::book::BookUpdate;
use super::envelope::{Envelope, Topic};
use crate::book::{DeltaIds, SyncRule};
use crate::decode::error::{DecodeError, PlacedError, Strictness};
use crate::decode::late::{FirstLate, LateRow};
use crate::decode::lines::Lines;
use crate::decode::named::Origin;
use crate::decode::symbol::{Symbol, find};
use crate::decode::table::{Chain, Receipt, Step, TableOptions};
use crate::event::{Event, EventColumns, EventKind, EventSink as _, FLAG_SNAPSHOT};
use crate::types::{Instrument, Level};

/// Venues whose depth is published in this form.
const VENUES: [&str; 3] = ["BYBIT", "BYBIT_SPOT", "BYBIT_OPTIONS"];

/// What has been read of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BybitCounts {
    /// Messages of other symbols and topics.
    pub ignored: u64,
    /// Deltas before the first snapshot.
    pub skipped: u64,
    /// Messages sent before the one above.
    pub unsorted: u64,
    /// Messages that were there before.
    pub duplicates: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Deltas made part of the book.
    pub book_updates: u64,
    /// Holes in the sequence.
    pub gaps: u64,
}

/// A recording of one instrument's depth.
pub struct BybitReader {
    inputs: VecDeque<Lines>,
    symbols: [Symbol; 1],
    strictness: Strictness,
    latency: Option<i64>,
    starts_empty: bool,
    chain: Chain,
    last_recv: i64,
    /// When the newest message was sent, ns.
    last_sent: i64,
    /// The depth that is the book.
    depth: Option<u32>,
    /// `seq` and `u` of the newest message.
    newest: (u64, u64),
    late: FirstLate,
    levels: Vec<Level>,
    counts: BybitCounts,
}

impl BybitReader {
    /// A recording made of these files.
    ///
    /// # Errors
    /// [`PlacedError`] when the instrument is of another venue that is known, as far as files tell, or a file cannot be read.
    pub fn new(
        instrument: &Arc<Instrument>,
        mut inputs: Vec<Lines>,
        options: &TableOptions,
        strictness: Strictness,
    ) -> Result<Self, PlacedError> {
        for lines in &inputs {
            let in_spot = lines.name().split(['/', '\\']).any(|part| part == "spot");
            let venue = in_spot.then_some("BYBIT_SPOT");
            let told = Origin { publisher: "files of Bybit's depth", venues: &VENUES, venue, symbol: None };
            told.check(&instrument.id).map_err(|error| lines.error(error))?;
        }
        if inputs.len() > 1 {
            let times: Vec<_> = inputs.iter_mut().map(begins_at).collect::<Result<_, _>>()?;
            let mut placed: Vec<_> = times.into_iter().zip(inputs).collect();
            placed.sort_by_key(|(time, _)| *time);
            inputs = placed.into_iter().map(|(_, lines)| lines).collect();
        }
        Ok(Self {
            inputs: inputs.into(),
            symbols: [Symbol::new(Arc::clone(instrument))],
            strictness,
            latency: options.latency,
            starts_empty: options.starts_empty,
            chain: Chain::default(),
            last_recv: i64::MIN,
            last_sent: i64::MIN,
            depth: None,
            newest: (0, 0),
            late: FirstLate::default(),
            levels: Vec::new(),
            counts: BybitCounts::default(),
        })
    }

    /// How receive times are known.
    pub fn receipt(&self) -> Receipt {
        self.latency.map_or(Receipt::Missing, Receipt::Assumed)
    }

    /// What has been read so far.
    pub fn counts(&self) -> BybitCounts {
        self.counts
    }

    /// The first message that was sent before one above it.
    pub fn first_late(&self) -> Option<&LateRow> {
        self.late.row()
    }

    /// Appends whole messages until `out` holds at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] naming file and line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        while out.len() < rows {
            let Some(mut lines) = self.inputs.pop_front() else { return Ok(false) };
            let read = lines.next_with(|line| self.line(line, out).map_err(|error| error.in_frame(line)));
            self.late.place(&lines);
            if !matches!(read, Ok(None)) {
                self.inputs.push_front(lines);
            }
            read?;
        }
        Ok(true)
    }

    fn line(&mut self, line: &[u8], out: &mut EventColumns) -> Result<(), DecodeError> {
        if line.is_empty() {
            return Ok(());
        }
        self.levels.clear();
        let mut envelope = Envelope::read(line, &mut self.symbols, &mut self.levels)?;
        let asked = match envelope.topic {
            Some(Topic::Book { depth, symbol }) if self.depth.is_none_or(|ours| ours == depth) => {
                find(&self.symbols, symbol).map(|index| (depth, symbol, index))
            }
            _ => None,
        };
        let Some((depth, symbol, index)) = asked else {
            self.counts.ignored += 1;
            return Ok(());
        };
        let data = envelope.book(index, &mut self.symbols, &mut self.levels)?;
        data.check_symbol(symbol)?;
        let BookUpdate { is_snapshot, sent, engine, id, sequence } = envelope.update(&data)?;
        self.depth = Some(depth);
        // A service that began anew counts anew.
        let is_restart = is_snapshot && id == 1 && sent > self.last_sent;
        self.last_sent = self.last_sent.max(sent);
        if sequence > 0 && !is_restart && (sequence, id) <= self.newest {
            self.counts.duplicates += 1;
            return Ok(());
        }
        let mut ts_recv = sent + self.latency.unwrap_or(0);
        if ts_recv < self.last_recv {
            if self.strictness == Strictness::Strict && sequence == 0 {
                return Err(DecodeError::Unsorted {
                    field: "ts",
                    got: ts_recv - self.latency.unwrap_or(0),
                    previous: self.last_recv - self.latency.unwrap_or(0),
                });
            }
            self.counts.unsorted += 1;
            self.late.note(ts_recv, self.last_recv);
            ts_recv = self.last_recv;
        }
        let [bids, asks] = data.sides.clone().map(|range| &self.levels[range]);
        let template = Event {
            ts_event: engine.unwrap_or(sent),
            ts_recv,
            kind: EventKind::BookSet,
            side: 0,
            flags: if is_snapshot { FLAG_SNAPSHOT } else { 0 },
            price: 0,
            qty: 0,
            id,
        };
        let step = if is_snapshot {
            self.chain.restart(id);
            Step::Apply
        } else {
            let ids = DeltaIds::one(id);
            self.chain.delta(SyncRule::Bybit, ids, self.starts_empty)
        };
        match step {
            Step::Known => self.counts.duplicates += 1,
            Step::Unsynced => self.counts.skipped += 1,
            Step::Gap | Step::Start => {
                if step == Step::Gap {
                    self.counts.gaps += 1;
                    out.push(Event { kind: EventKind::BookClear, ..template });
                    out.end_message();
                }
                if self.starts_empty {
                    self.counts.book_updates += 1;
                    let first = Event { flags: FLAG_SNAPSHOT, ..template };
                    out.push(Event { kind: EventKind::BookClear, ..first });
                    out.push_levels(first, bids, asks);
                    out.end_message();
                }
            }
            Step::Apply => {
                if is_snapshot {
                    self.counts.snapshots += 1;
                    out.push(Event { kind: EventKind::BookClear, ..template });
                } else {
                    self.counts.book_updates += 1;
                }
                let rows = out.len();
                out.push_levels(template, bids, asks);
                if is_snapshot || out.len() > rows {
                    out.end_message();
                }
            }
        }
        self.last_recv = ts_recv;
        self.newest = if is_restart { (sequence, id) } else { self.newest.max((sequence, id)) };
        Ok(())
    }
}

/// When a file begins, by its first message; that is read once more.
fn begins_at(lines: &mut Lines) -> Result<Option<i64>, PlacedError> {
    loop {
        let read = lines.next_with(|line| {
            // What cannot be read is an error where it is read.
            let envelope = Envelope::read(line, &mut [], &mut Vec::new());
            Ok((line.is_empty(), envelope.and_then(|envelope| envelope.sent()).ok()))
        })?;
        if let Some((true, None)) = read {
            continue;
        }
        lines.rewind();
        return Ok(read.and_then(|(_, sent)| sent));
    }
}
