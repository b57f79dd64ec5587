//! Coinbase: the channels of Advanced Trade and those of the Exchange feed, told apart by their frames.
//!
//! Advanced Trade numbers every message of a connection, so one that is missing voids every book of it: nobody knows
//! what it was. Of several connections that are decoded together the first tells the book: nothing says where another
//! one stands in it. The Exchange feed numbers none; a hole in the ids of a product's trades voids its book, and so does a
//! level that can only be there since a change was lost (see `levels`). Either sends a
//! snapshot when a book is subscribed to, and nothing else mends one. Its channel `full` tells single orders and numbers
//! the messages of each product: their snapshot (`book?level=3`) is asked for, and fed like a frame.
//!
//! `side` of a trade is the maker's: the aggressor is on the other side. Trades of before the subscription are history
//! and no events. A product that is an alias of another (`BTC-USDC` of `BTC-USD`) has its messages under the other's
//! name: they are its own where the other is not asked for.
//!
//! Source: the venue's documentation of both feeds, and recorded messages where they differ.

mod book;
mod exchange;
mod full;
mod head;
mod levels;
mod lists;
mod market;
mod orders;
mod product;
mod stamp;

use std::sync::Arc;

use self::head::{Head, Key};
use self::market::{Market, Print};
use self::product::product;
use super::clock::VenueClock;
use super::error::DecodeError;
use super::feed::{Control, ControlKind, Decoder, FeedLog, FeedMessage, FeedOutcome, FeedSink};
use super::stamps::Stamps;
use super::symbol::Symbol;
use crate::book::{BookState, GapReason};
use crate::types::{Instrument, Level};

/// Channels of Advanced Trade that are known and not decoded.
const KNOWN: [&[u8]; 5] = [b"status", b"user", b"futures_balance_summary", b"ticker_batch", b"candles"];

/// Types of the Exchange feed that are known and not decoded.
const KNOWN_TYPES: [&[u8]; 4] = [b"activate", b"status", b"auction", b"rfq_match"];

/// Decodes the frames of a connection for any number of products.
#[derive(Debug)]
pub struct CoinbaseDecoder {
    /// Of each product, its name and how its levels are read.
    symbols: Vec<Symbol>,
    /// Of each product, its part of the market.
    markets: Vec<Market>,
    /// Bids and asks of the frame at hand.
    levels: [Vec<Level>; 2],
    clock: VenueClock,
    /// By connection, the number of its newest message.
    newest: Vec<Option<u64>>,
    /// By connection, the number of the newest message of the one that it came after.
    ended: Vec<Option<u64>>,
    /// When the newest message was sent, by connection, ns.
    sent: Vec<i64>,
    /// Whether frames were written down, in files that may hold those of several connections.
    is_recorded: bool,
    /// The connection by which frames come now.
    connection: usize,
    log: FeedLog,
}

impl CoinbaseDecoder {
    /// A decoder for these products.
    pub fn new(instruments: Vec<Arc<Instrument>>) -> Self {
        let parts = |instrument| (Symbol::new(instrument), Market::default());
        let (symbols, markets): (Vec<_>, Vec<_>) = instruments.into_iter().map(parts).unzip();
        let log = FeedLog::new(markets.len());
        Self {
            symbols,
            markets,
            levels: Default::default(),
            clock: VenueClock::default(),
            newest: vec![None],
            ended: vec![None],
            sent: vec![0],
            is_recorded: false,
            connection: 0,
            log,
        }
    }

    /// Takes a message of Advanced Trade. What it holds is read before anything changes.
    fn advanced<S: FeedSink>(
        &mut self,
        head: Head<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        let channel = head.text(Key::Channel).unwrap_or_default();
        let number = head.number("message", Key::SequenceNum)?;
        let sent = head.time(Key::Timestamp)?;
        self.clock.check(sent, ts_recv)?;
        let events = head.need_start("message", Key::Events)?;
        match channel {
            b"l2_data" => {
                let events = match head.book {
                    Some(events) => events,
                    None => book::book_events(&mut events.clone(), &self.symbols, &mut self.levels)?,
                };
                self.take(number, sent, ts_recv, out, |this, out| {
                    let mut said = FeedOutcome::IGNORED;
                    for event in events {
                        let ts_event = this.clock.stamp(event.time.or(sent), ts_recv);
                        let stamps = Stamps { ts_event, ts_recv, id: number };
                        let [bids, asks] = event.sides;
                        let sides = [&this.levels[0][bids], &this.levels[1][asks]];
                        let (at, out) = (event.instrument, &mut out[event.instrument]);
                        let kind = (event.is_snapshot, true);
                        let message = this.markets[at].book(kind, this.connection, stamps, sides, out);
                        said = FeedOutcome::of(message, at, number);
                    }
                    said
                })
            }
            b"market_trades" => {
                let prints = lists::trades(events, &self.symbols, ts_recv)?;
                self.take(number, sent, ts_recv, out, |this, out| {
                    prints.iter().fold(FeedOutcome::IGNORED, |said, print| {
                        let at = print.instrument;
                        let message = this.markets[at].trade(print, &mut out[at]);
                        said.or(FeedOutcome::of(message, at, print.event.id))
                    })
                })
            }
            b"ticker" => {
                let quotes = lists::tickers(events, &self.symbols)?;
                self.take(number, sent, ts_recv, out, |this, out| {
                    let ts_event = this.clock.stamp(sent, ts_recv);
                    quotes.into_iter().fold(FeedOutcome::IGNORED, |said, (at, quoted)| {
                        let stamps = Stamps { ts_event, ts_recv, id: number };
                        let message = this.markets[at].quote(quoted, stamps, &mut out[at]);
                        said.or(FeedOutcome::of(message, at, number))
                    })
                })
            }
            b"candles" if S::TAKES_BARS => {
                let bars = lists::candles(events, &self.symbols, ts_recv)?;
                self.take(number, sent, ts_recv, out, |this, out| {
                    bars.into_iter().fold(FeedOutcome::IGNORED, |_, (at, bar, is_history)| {
                        FeedOutcome::of(this.markets[at].candle(bar, is_history, &mut out[at]), at, 0)
                    })
                })
            }
            b"subscriptions" => {
                let channels = lists::subscriptions(events)?;
                let control = Control { channels, ..Control::of(ControlKind::Subscriptions) };
                self.take(number, sent, ts_recv, out, |this, _| this.log.take_control(control))
            }
            b"heartbeats" => self.take(number, sent, ts_recv, out, |this, _| {
                this.log.take_control(Control::of(ControlKind::Heartbeat))
            }),
            other => self.take(number, sent, ts_recv, out, |this, _| {
                if KNOWN.contains(&other) { FeedOutcome::IGNORED } else { this.log.count_unknown(other) }
            }),
        }
    }

    /// Numbers a message of the connection and, unless it was there, does what it says.
    fn take<S: FeedSink>(
        &mut self,
        got: u64,
        sent: Option<i64>,
        ts_recv: i64,
        out: &mut [S],
        act: impl FnOnce(&mut Self, &mut [S]) -> FeedOutcome,
    ) -> Result<FeedOutcome, DecodeError> {
        let at = self.connection;
        let time = sent.unwrap_or(self.sent[at]);
        if let Some(newest) = self.newest[at] {
            let expected = newest.saturating_add(1);
            // A copy was sent when the message was.
            if (got == 0 && newest > 0) || (self.is_recorded && got <= newest && time > self.sent[at]) {
                self.ended[at] = Some(newest);
                self.void(GapReason::Reconnect, ts_recv, out);
            } else if got <= newest {
                return Ok(FeedOutcome::general(FeedMessage::Duplicate));
            } else if got > expected {
                if self.is_recorded && self.ended[at].is_some_and(|ended| got == ended.saturating_add(1)) {
                    return Err(two_connections(got, newest));
                }
                self.void(GapReason::Message { expected, got }, ts_recv, out);
            }
        }
        self.newest[at] = Some(got);
        self.sent[at] = self.sent[at].max(time);
        self.clock.named(sent);
        Ok(act(self, out))
    }

    /// Voids every book that the connection tells.
    fn void<S: FeedSink>(&mut self, reason: GapReason, ts_recv: i64, out: &mut [S]) {
        let stamps = Stamps { ts_event: self.clock.stamp(None, ts_recv), ts_recv, id: 0 };
        for (market, out) in self.markets.iter_mut().zip(out) {
            if market.may_be_told_by(self.connection) {
                market.void(reason, stamps, out);
            }
        }
    }

    /// Takes a message of the Exchange feed.
    fn exchange<S: FeedSink>(
        &mut self,
        head: &Head<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        let Some(kind) = head.text(Key::Type) else {
            // An answer by REST; nothing leads from one of levels to the stream.
            let is_book = head.value(Key::Bids).is_some() && head.value(Key::Asks).is_some();
            let has_orders = || self.markets.iter().any(|market| market.orders.is_some());
            return Ok(if is_book && full::is_of_orders(head).unwrap_or_else(has_orders) {
                self.orders(head, ts_recv, out)?
            } else if is_book {
                FeedOutcome::general(FeedMessage::OtherDepth)
            } else {
                self.log.count_unknown(b"(no type)")
            });
        };
        match kind {
            b"error" => {
                let words = [head.words(Key::Message), head.words(Key::Reason)];
                let text =
                    words.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(": ");
                let control = Control { success: false, text, ..Control::of(ControlKind::Answer) };
                Ok(self.log.take_control(control))
            }
            b"subscriptions" => {
                let channels = exchange::subscriptions(head.need_start("subscriptions", Key::Channels)?)?;
                let control = Control { channels, ..Control::of(ControlKind::Subscriptions) };
                Ok(self.log.take_control(control))
            }
            b"heartbeat" => Ok(self.log.take_control(Control::of(ControlKind::Heartbeat))),
            b"snapshot" | b"l2update" | b"match" | b"last_match" | b"ticker" | b"received" | b"open"
            | b"done" | b"change" => {
                let name = head.need("message", Key::ProductId)?.text();
                match product(&self.symbols, name) {
                    Some(index) => self.of_product(head, kind, index, ts_recv, &mut out[index]),
                    None => Ok(FeedOutcome::IGNORED),
                }
            }
            other if KNOWN_TYPES.contains(&other) => Ok(FeedOutcome::IGNORED),
            other => Ok(self.log.count_unknown(other)),
        }
    }

    /// Takes all orders of a product, which the answer does not name: of several it has to be written into it.
    fn orders<S: FeedSink>(
        &mut self,
        head: &Head<'_>,
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        const MESSAGE: &str = "snapshot of orders";
        let named = head.text(Key::ProductId).map(|name| product(&self.symbols, name));
        let index = match (named, self.symbols.len()) {
            (Some(Some(index)), _) => index,
            (Some(None), _) => return Ok(FeedOutcome::IGNORED),
            (None, 1) => 0,
            (None, _) => return Err(DecodeError::Missing { message: MESSAGE, field: "product_id" }),
        };
        let id = head.number(MESSAGE, Key::Sequence)?;
        let time = head.time(Key::Time)?;
        self.clock.check_ahead(time, ts_recv)?;
        let orders = full::orders(head, self.symbols[index].instrument())?;
        let Some(book) = self.markets[index].by_orders() else {
            return Ok(FeedOutcome::general(FeedMessage::OtherDepth));
        };
        let stamps = Stamps { ts_event: self.clock.stamp(time, ts_recv), ts_recv, id };
        let action = book.snapshot(&orders, stamps, &mut out[index]);
        self.clock.named(time);
        Ok(FeedOutcome::of(FeedMessage::Snapshot(action), index, id))
    }

    /// Takes a message of the Exchange feed on a product.
    fn of_product<S: FeedSink>(
        &mut self,
        head: &Head<'_>,
        kind: &[u8],
        index: usize,
        ts_recv: i64,
        out: &mut S,
    ) -> Result<FeedOutcome, DecodeError> {
        let Self { symbols, markets, levels, clock, connection, .. } = self;
        let (symbol, market) = (&mut symbols[index], &mut markets[index]);
        let spec = Arc::clone(symbol.instrument());
        let time = head.time(Key::Time)?;
        match kind {
            b"snapshot" | b"ticker" | b"last_match" => clock.check_ahead(time, ts_recv)?,
            _ => clock.check(time, ts_recv)?,
        }
        let stamps = Stamps { ts_event: clock.stamp(time, ts_recv), ts_recv, id: 0 };
        let mut id = 0;
        let message = match kind {
            b"snapshot" | b"l2update" => {
                let is_snapshot = kind == b"snapshot";
                if is_snapshot {
                    exchange::snapshot(head, symbol, levels)?;
                } else {
                    exchange::changes(head, &spec, levels)?;
                }
                market.book((is_snapshot, false), *connection, stamps, [&levels[0], &levels[1]], out)
            }
            b"ticker" => {
                let quote = exchange::quote(head, &spec)?;
                id = head.number("ticker", Key::Sequence)?;
                match quote {
                    _ if !market.is_news(id) => FeedMessage::StaleQuote,
                    Some(quoted) => {
                        market.deny(quoted, stamps.ts_event);
                        market.quote(quoted, Stamps { id, ..stamps }, out)
                    }
                    None => FeedMessage::Ignored,
                }
            }
            b"received" | b"open" | b"done" | b"change" => {
                id = head.number("full", Key::Sequence)?;
                let step = full::step(head, kind, &spec)?;
                match market.by_orders() {
                    Some(orders) => FeedMessage::Depth(orders.take(step, None, Stamps { id, ..stamps }, out)),
                    None => FeedMessage::OtherDepth,
                }
            }
            b"match" if market.orders.is_some() => {
                let print = exchange::trade(head, (index, &spec), false, ts_recv)?;
                id = print.event.id;
                let step = full::execution(head, print.event.qty)?;
                let sequence = head.number("match", Key::Sequence)?;
                market.execution(step, &print, Stamps { id: sequence, ..stamps }, out)
            }
            _ => {
                let print: Print = exchange::trade(head, (index, &spec), kind == b"last_match", ts_recv)?;
                id = print.event.id;
                if let (Ok(step), Ok(id)) =
                    (full::execution(head, print.event.qty), head.number("match", Key::Sequence))
                {
                    market.keep(step, Stamps { id, ..stamps });
                }
                market.check_trades(&print, stamps, out);
                market.trade(&print, out)
            }
        };
        clock.named(time);
        Ok(FeedOutcome::of(message, index, id))
    }
}

/// What is wrong with messages of a connection that go on behind those of a later one.
fn two_connections(number: u64, other: u64) -> DecodeError {
    let expected = format!(
        "a number that goes on from {other}; it goes on from {} of an earlier connection: the frames of two stand in one \
         file and nothing tells them apart; give each a file of its own",
        number.saturating_sub(1)
    );
    DecodeError::value("sequence_num", number.to_string().as_bytes(), &expected)
}

impl Decoder for CoinbaseDecoder {
    fn feed<S: FeedSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        self.levels.iter_mut().for_each(Vec::clear);
        let head = Head::read(frame, &self.symbols, &mut self.levels)?;
        let outcome = if head.value(Key::Channel).is_some() {
            self.advanced(head, ts_recv, out)?
        } else {
            self.exchange(&head, ts_recv, out)?
        };
        self.log.note(outcome, ts_recv);
        Ok(outcome)
    }

    fn check_clocks(&mut self) {
        self.is_recorded = true;
        self.clock.begin_checks();
    }

    fn start_empty(&mut self) {
        self.markets.iter_mut().for_each(Market::start_empty);
    }

    fn connection(&mut self, number: usize) {
        self.connection = number;
        if self.newest.len() <= number {
            self.newest.resize(number + 1, None);
            self.ended.resize(number + 1, None);
            self.sent.resize(number + 1, 0);
        }
    }

    fn disconnect<S: FeedSink>(&mut self, instrument: usize, ts_recv: i64, out: &mut S) {
        self.newest[self.connection] = None;
        let stamps = Stamps { ts_event: self.clock.stamp(None, ts_recv), ts_recv, id: 0 };
        let market = &mut self.markets[instrument];
        if !market.may_be_told_by(self.connection) {
            return;
        }
        market.void(GapReason::Reconnect, stamps, out);
        market.forget();
    }

    fn state(&self, instrument: usize) -> BookState {
        self.markets[instrument].sync().state()
    }

    fn gaps(&self, instrument: usize) -> u64 {
        self.markets[instrument].sync().gaps()
    }

    fn gap_reason(&self, instrument: usize) -> Option<GapReason> {
        self.markets[instrument].sync().gap_reason()
    }

    fn log(&self) -> &FeedLog {
        &self.log
    }
}
