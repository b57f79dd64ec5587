//! Depth that Bybit publishes: messages of `orderbook.N.SYMBOL`, one a line (`ob200`, `ob500`).
//!
//! A snapshot replaces the book, a delta changes it; `u` rises by one from message to message, and a hole voids the
//! book. With `u` 1 the service began anew. `seq` never goes back, so a message of a smaller one is a copy. `cts` is
//! when the matching engine did it, `ts` when it was sent. The lines do not say when they were received: an assumed
//! latency behind `ts` stands for it.
//!
//! Source: the venue's documentation of the order book topic.

use std::collections::VecDeque;
use std::sync::Arc;

use super::binance::symbol::{Symbol, find};
use super::error::{DecodeError, PlacedError, Strictness};
use super::json::{Json, Value};
use super::lines::Lines;
use super::parse::{parse_time, parse_u64};
use super::table::{Chain, Receipt, Step, TableOptions, is_known};
use crate::book::{DeltaIds, SyncRule};
use crate::event::{Event, EventColumns, EventKind, EventSink as _, FLAG_SNAPSHOT};
use crate::types::{Instrument, Level};

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

/// A message of the book.
#[derive(Default)]
struct Message<'a> {
    is_snapshot: Option<bool>,
    sent: Option<i64>,
    engine: Option<i64>,
    symbol: Option<Value<'a>>,
    update: Option<u64>,
    sequence: u64,
    /// Where bids and asks begin: they are read once the symbol is known.
    sides: [Option<Json<'a>>; 2],
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
    last_sequence: u64,
    levels: Vec<Level>,
    counts: BybitCounts,
}

impl BybitReader {
    /// A recording made of these files, in order.
    ///
    /// # Errors
    /// [`PlacedError`] when the instrument is of another venue that is known.
    pub fn new(
        instrument: &Arc<Instrument>,
        inputs: Vec<Lines>,
        options: &TableOptions,
        strictness: Strictness,
    ) -> Result<Self, PlacedError> {
        let venue = instrument.id.venue();
        if let Some(lines) = inputs.first()
            && is_known(venue)
            && !venue.starts_with("BYBIT")
        {
            let problem =
                format!("depth that Bybit publishes is of venue BYBIT or BYBIT_SPOT, expected {venue}");
            return Err(lines.error(DecodeError::Value { field: "file", problem }));
        }
        Ok(Self {
            inputs: inputs.into(),
            symbols: [Symbol::new(Arc::clone(instrument))],
            strictness,
            latency: options.latency,
            starts_empty: options.starts_empty,
            chain: Chain::default(),
            last_recv: i64::MIN,
            last_sequence: 0,
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

    /// Appends whole messages until `out` holds at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] naming file and line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        while out.len() < rows {
            let Some(mut lines) = self.inputs.pop_front() else { return Ok(false) };
            let read = lines.next_with(|line| self.line(line, out).map_err(|error| error.in_frame(line)));
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
        let Some(message) = Message::read(line)? else {
            self.counts.ignored += 1;
            return Ok(());
        };
        if message.symbol.and_then(|symbol| find(&self.symbols, symbol.text())).is_none() {
            self.counts.ignored += 1;
            return Ok(());
        }
        let need = |field| DecodeError::Missing { message: "orderbook", field };
        let is_snapshot = message.is_snapshot.ok_or_else(|| need("type"))?;
        let (sent, id) = (message.sent.ok_or_else(|| need("ts"))?, message.update.ok_or_else(|| need("u"))?);
        if message.sequence > 0 && message.sequence <= self.last_sequence {
            self.counts.duplicates += 1;
            return Ok(());
        }
        let mut ts_recv = sent + self.latency.unwrap_or(0);
        if ts_recv < self.last_recv {
            if self.strictness == Strictness::Strict {
                return Err(DecodeError::Unsorted {
                    field: "ts",
                    got: ts_recv - self.latency.unwrap_or(0),
                    previous: self.last_recv - self.latency.unwrap_or(0),
                });
            }
            self.counts.unsorted += 1;
            ts_recv = self.last_recv;
        }
        self.levels.clear();
        let mut ranges = [0..0, 0..0];
        for (at, name) in ["b", "a"].into_iter().enumerate() {
            if let Some(mut json) = message.sides[at].clone() {
                ranges[at] = self.symbols[0].levels(name, &mut json, &mut self.levels)?;
            }
        }
        let [bids, asks] = ranges.map(|range| &self.levels[range]);
        let template = Event {
            ts_event: message.engine.unwrap_or(sent),
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
            // Its ids are consecutive, which is spot's rule for updates of one id.
            let ids = DeltaIds { first: id, last: id, previous: None };
            self.chain.delta(SyncRule::BinanceSpot, ids, self.starts_empty)
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
        self.last_sequence = self.last_sequence.max(message.sequence);
        Ok(())
    }
}

impl<'a> Message<'a> {
    /// What a line says; `None` if it is of another topic.
    fn read(line: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        let (mut message, mut is_book) = (Self::default(), false);
        let mut json = Json::new(line);
        json.object(|json, key| {
            match key {
                b"topic" => is_book = json.value()?.text().starts_with(b"orderbook."),
                b"type" => {
                    message.is_snapshot = match json.value()?.text() {
                        b"snapshot" => Some(true),
                        b"delta" => Some(false),
                        other => return Err(DecodeError::value("type", other, "snapshot or delta")),
                    }
                }
                b"ts" => message.sent = Some(parse_time("ts", json.value()?.raw())?),
                b"cts" => message.engine = Some(parse_time("cts", json.value()?.raw())?),
                b"data" if json.peek() == Some(b'{') => json.object(|json, key| {
                    match key {
                        b"s" => message.symbol = Some(json.value()?),
                        b"u" => message.update = Some(parse_u64("u", json.value()?.raw())?),
                        b"seq" => message.sequence = parse_u64("seq", json.value()?.raw())?,
                        b"b" | b"a" => {
                            message.sides[usize::from(key == b"a")] = Some(json.clone());
                            json.value()?;
                        }
                        _ => {
                            json.value()?;
                        }
                    }
                    Ok(())
                })?,
                _ => {
                    json.value()?;
                }
            }
            Ok(())
        })?;
        json.end()?;
        Ok(is_book.then_some(message))
    }
}
