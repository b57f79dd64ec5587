//! Bybit v5: the live topics of spot, linear and inverse contracts, and the files of its depth.
//!
//! Live: `orderbook.N` (the first depth above 1 that is seen is the book, `orderbook.1` are best prices), `publicTrade`,
//! `tickers` (fields that a message lacks are as they were), `allLiquidation`, `kline`, and answers to requests. The
//! depth that a request by REST is answered with is a snapshot where no topic tells the book. A symbol alone names an
//! instrument here, so a connection's category has to be that of the instruments.
//!
//! Source: the venue's documentation of its public topics, and recorded messages where they differ.

mod answer;
mod book;
mod dump;
mod entries;
mod envelope;
mod market;
mod ticker;

use std::sync::Arc;

pub use self::dump::{BybitCounts, BybitReader};
use self::entries::{bars, liquidations, trades};
use self::envelope::{Envelope, Topic};
use self::market::Market;
use self::ticker::TickerData;
use super::error::DecodeError;
use super::feed::{Decoder, FeedLog, FeedMessage, FeedOutcome, FeedSink};
use super::symbol::{Symbol, find};
use crate::book::{BookState, GapReason};
use crate::types::{Instrument, Level};

/// Topics that are known and not decoded: other books, statistics, what concerns an account.
const KNOWN: [&[u8]; 12] = [
    b"order",
    b"execution",
    b"position",
    b"wallet",
    b"greeks",
    b"dcp",
    b"insurance",
    b"adlAlert",
    b"priceLimit",
    b"lt",
    b"tickers_lt",
    b"kline_lt",
];

/// Decodes the frames of a category for any number of instruments.
#[derive(Debug)]
pub struct BybitDecoder {
    /// Of each instrument, its name and how its levels are read.
    symbols: Vec<Symbol>,
    /// Of each instrument, its part of the market.
    markets: Vec<Market>,
    /// Levels of the frame at hand.
    levels: Vec<Level>,
    log: FeedLog,
}

impl BybitDecoder {
    /// A decoder for these instruments.
    pub fn new(instruments: Vec<Arc<Instrument>>) -> Self {
        let parts = |instrument| (Symbol::new(instrument), Market::default());
        let (symbols, markets): (Vec<_>, Vec<_>) = instruments.into_iter().map(parts).unzip();
        let log = FeedLog::new(markets.len());
        Self { symbols, markets, levels: Vec::new(), log }
    }

    fn one<S: FeedSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        self.levels.clear();
        let mut envelope = Envelope::read(frame, &mut self.symbols, &mut self.levels)?;
        let Some(topic) = envelope.topic else {
            if let Some(answer) = envelope.answered()? {
                let Some(index) = find(&self.symbols, answer.symbol()) else {
                    return Ok(FeedOutcome::IGNORED);
                };
                let (update, sides) = answer.book(&mut self.symbols[index], &mut self.levels)?;
                let market = &mut self.markets[index];
                market.clock.check(Some(update.sent), ts_recv)?;
                let sides = sides.map(|side| &self.levels[side]);
                let message = market.answer(&update, sides, ts_recv, &mut out[index]);
                market.clock.named(Some(update.sent));
                return Ok(FeedOutcome::of(message, index, update.sequence));
            }
            return Ok(match envelope.control() {
                Some(control) => self.log.take_control(control),
                None => self.log.count_unknown(envelope.operation().unwrap_or(b"(no topic)")),
            });
        };
        match topic {
            Topic::Book { depth, symbol } => self.book(&mut envelope, (depth, symbol), ts_recv, out),
            Topic::Trades => {
                let trades = trades(envelope.data()?, &self.symbols, ts_recv)?;
                for trade in &trades {
                    let clock = &self.markets[trade.instrument].clock;
                    clock.check(Some(trade.event.ts_event), ts_recv)?;
                }
                let mut said = FeedOutcome::IGNORED;
                for trade in trades {
                    let message = self.markets[trade.instrument].trade(&trade, &mut out[trade.instrument]);
                    said = said.or(FeedOutcome::of(message, trade.instrument, trade.event.id));
                }
                Ok(said)
            }
            Topic::Tickers => {
                let data = TickerData::read(envelope.data()?)?;
                let Some(index) = find(&self.symbols, data.symbol()?) else {
                    return Ok(FeedOutcome::IGNORED);
                };
                let market = &mut self.markets[index];
                let sent = envelope.sent()?;
                market.clock.check(Some(sent), ts_recv)?;
                let news = data.news(self.symbols[index].instrument())?;
                let message = market.ticker(news, envelope.sequence()?, (sent, ts_recv), &mut out[index]);
                Ok(FeedOutcome::of(message, index, 0))
            }
            Topic::Liquidations => {
                let sent = envelope.sent()?;
                let list = liquidations(envelope.data()?, &self.symbols, ts_recv)?;
                for (index, event) in &list {
                    self.markets[*index].clock.check(Some(event.ts_event), ts_recv)?;
                }
                let mut said = FeedOutcome::IGNORED;
                let newest: Vec<i64> =
                    list.iter().map(|(index, _)| self.markets[*index].liquidated).collect();
                for ((index, event), newest) in list.into_iter().zip(newest) {
                    let market = &mut self.markets[index];
                    let message = if sent > newest {
                        market.liquidation(event, sent, &mut out[index])
                    } else {
                        FeedMessage::DuplicateLiquidation
                    };
                    said = said.or(FeedOutcome::of(message, index, 0));
                }
                Ok(said)
            }
            Topic::Klines { .. } if !S::TAKES_BARS => Ok(FeedOutcome::IGNORED),
            Topic::Klines { symbol } => {
                let Some(index) = find(&self.symbols, symbol) else { return Ok(FeedOutcome::IGNORED) };
                let mut message = FeedMessage::OpenKline;
                for (bar, is_over) in bars(envelope.data()?, self.symbols[index].instrument(), ts_recv)? {
                    if is_over {
                        out[index].push_bar(&bar);
                        message = FeedMessage::Kline;
                    }
                }
                Ok(FeedOutcome::of(message, index, 0))
            }
            Topic::OtherBook => Ok(FeedOutcome::general(FeedMessage::OtherDepth)),
            Topic::Other(name) if KNOWN.contains(&name) => Ok(FeedOutcome::IGNORED),
            Topic::Other(name) => Ok(self.log.count_unknown(name)),
        }
    }

    fn book<S: FeedSink>(
        &mut self,
        envelope: &mut Envelope<'_>,
        (depth, symbol): (u32, &[u8]),
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        let Some(index) = find(&self.symbols, symbol) else { return Ok(FeedOutcome::IGNORED) };
        let data = envelope.book(index, &mut self.symbols, &mut self.levels)?;
        data.check_symbol(symbol)?;
        let update = envelope.update(&data)?;
        let market = &mut self.markets[index];
        if !market.is_other(depth, update.is_snapshot) {
            market.clock.check(Some(update.sent), ts_recv)?;
        }
        let sides = data.sides.clone().map(|side| &self.levels[side]);
        let out = &mut out[index];
        let message = if depth == 1 {
            market.top(&update, sides, ts_recv, out)
        } else {
            market.book(depth, &update, sides, ts_recv, out)
        };
        market.clock.named(Some(update.sent));
        let id = if update.sequence > 0 { update.sequence } else { update.id };
        Ok(FeedOutcome::of(message, index, id))
    }
}

impl Decoder for BybitDecoder {
    fn feed<S: FeedSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        let outcome = self.one(frame, ts_recv, out)?;
        self.log.note(outcome, ts_recv);
        Ok(outcome)
    }

    fn check_clocks(&mut self) {
        self.markets.iter_mut().for_each(|market| market.clock.begin_checks());
    }

    fn start_empty(&mut self) {
        self.markets.iter_mut().for_each(|market| market.book.start_empty());
    }

    fn disconnect<S: FeedSink>(&mut self, instrument: usize, ts_recv: i64, out: &mut S) {
        self.markets[instrument].disconnect(ts_recv, out);
    }

    fn state(&self, instrument: usize) -> BookState {
        self.markets[instrument].book.sync().state()
    }

    fn gaps(&self, instrument: usize) -> u64 {
        self.markets[instrument].book.sync().gaps()
    }

    fn gap_reason(&self, instrument: usize) -> Option<GapReason> {
        self.markets[instrument].book.sync().gap_reason()
    }

    fn log(&self) -> &FeedLog {
        &self.log
    }
}
