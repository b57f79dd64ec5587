//! Live messages of Bybit and Coinbase: books against a dictionary whatever is lost, doubled or begins anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tradecore_core::book::{BookState, DeltaAction, L2Book};
use tradecore_core::decode::{BybitDecoder, CoinbaseDecoder, Control, DecodeError, Decoder, FeedMessage};
use tradecore_core::event::{Columns as _, Event, EventColumns, EventKind};
use tradecore_core::types::{Instrument, InstrumentKind, Level, Side};

use crate::common::{self, WithBars};

pub(super) const NOW: i64 = 1_790_757_083_000_000_000;
pub(super) const MS: i64 = 1_790_757_082_283;

pub(super) fn spec(id: &str) -> Arc<Instrument> {
    common::instrument(id, InstrumentKind::LINEAR_PERPETUAL)
}

/// A decoder of one instrument, and what came of it.
pub(super) struct Fed<D> {
    pub(super) decoder: D,
    pub(super) out: [WithBars<EventColumns>; 1],
}

impl<D: Decoder> Fed<D> {
    pub(super) fn feed(&mut self, frame: &str) -> Result<FeedMessage, DecodeError> {
        self.decoder.feed(frame.as_bytes(), NOW, &mut self.out).map(|outcome| outcome.message)
    }

    pub(super) fn says(&mut self, frame: &str, message: FeedMessage) {
        assert_eq!(self.feed(frame), Ok(message), "{frame}");
    }

    /// Kind, side, price, quantity and id of the rows since the last call.
    pub(super) fn rows(&mut self) -> Vec<(EventKind, i8, i64, i64, u64)> {
        let events = std::mem::take(&mut self.out[0].events);
        events.view().check().unwrap();
        let view = events.view();
        let row = |event: Event| (event.kind, event.side, event.price, event.qty, event.id);
        (0..events.len()).map(|at| row(view.event(at))).collect()
    }

    pub(super) fn control(&self) -> &Control {
        self.decoder.log().control().unwrap()
    }
}

pub(super) fn bybit() -> Fed<BybitDecoder> {
    Fed { decoder: BybitDecoder::new(vec![spec("BTCUSDT.BYBIT")]), out: Default::default() }
}

pub(super) fn coinbase() -> Fed<CoinbaseDecoder> {
    Fed { decoder: CoinbaseDecoder::new(vec![spec("BTC-USD.COINBASE")]), out: Default::default() }
}

// --- Books ------------------------------------------------------------------------------------------------------------

type Levels = [BTreeMap<i64, i64>; 2];

/// Texts of a price and a quantity.
fn decimals((price, qty): (i64, i64)) -> (String, String) {
    (format!("{}.{}", price / 10, price % 10), format!("{}.{:03}", qty / 1_000, qty % 1_000))
}

fn arrays(levels: impl IntoIterator<Item = (i64, i64)>) -> String {
    let text = |level| {
        let (price, qty) = decimals(level);
        format!(r#"["{price}","{qty}"]"#)
    };
    levels.into_iter().map(text).collect::<Vec<_>>().join(",")
}

/// How a venue writes a book.
#[derive(Debug, Clone, Copy)]
pub(super) enum Writer {
    Bybit,
    Advanced,
    Exchange,
}

impl Writer {
    /// A change or a snapshot; `number` is the message's own, `trade` the newest trade's.
    pub(super) fn book(
        self,
        is_snapshot: bool,
        number: u64,
        sequence: u64,
        sides: [&[(i64, i64)]; 2],
    ) -> String {
        let kind = if is_snapshot { "snapshot" } else { "delta" };
        match self {
            Self::Bybit => {
                let [bids, asks] = sides.map(|side| arrays(side.iter().copied()));
                format!(
                    r#"{{"topic":"orderbook.50.BTCUSDT","type":"{kind}","ts":{MS},"data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{number},"seq":{sequence}}}}}"#
                )
            }
            Self::Advanced => {
                let kind = if is_snapshot { "snapshot" } else { "update" };
                let update = |side: &str, level| {
                    let (price, qty) = decimals(level);
                    format!(
                        r#"{{"side":"{side}","event_time":"2026-09-30T08:31:22.28Z","price_level":"{price}","new_quantity":"{qty}"}}"#
                    )
                };
                let updates: Vec<String> = ["bid", "offer"]
                    .into_iter()
                    .zip(sides)
                    .flat_map(|(side, levels)| levels.iter().map(move |level| update(side, *level)))
                    .collect();
                format!(
                    r#"{{"channel":"l2_data","timestamp":"2026-09-30T08:31:22.283Z","sequence_num":{number},"events":[{{"type":"{kind}","product_id":"BTC-USD","updates":[{}]}}]}}"#,
                    updates.join(",")
                )
            }
            Self::Exchange if is_snapshot => {
                let [bids, asks] = sides.map(|side| arrays(side.iter().copied()));
                format!(r#"{{"type":"snapshot","product_id":"BTC-USD","asks":[{asks}],"bids":[{bids}]}}"#)
            }
            Self::Exchange => {
                let change = |side: &str, level| {
                    let (price, qty) = decimals(level);
                    format!(r#"["{side}","{price}","{qty}"]"#)
                };
                let changes: Vec<String> = ["buy", "sell"]
                    .into_iter()
                    .zip(sides)
                    .flat_map(|(side, levels)| levels.iter().map(move |level| change(side, *level)))
                    .collect();
                format!(
                    r#"{{"type":"l2update","product_id":"BTC-USD","changes":[{}],"time":"2026-09-30T08:31:22.283Z"}}"#,
                    changes.join(",")
                )
            }
        }
    }
}

/// What happens between a venue and us.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A level changes, and we are told.
    Change { side: usize, price: i64, qty: i64 },
    /// The same, and the message is lost.
    Lost { side: usize, price: i64, qty: i64 },
    /// The message before comes again.
    Again,
    /// We subscribe anew.
    Snapshot,
    /// The service begins anew: its numbers do, too.
    Restart,
    /// The connection ends; another begins with a snapshot.
    Reconnect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let level = || (0..2usize, 1..40i64, 0..4i64);
    let step = prop_oneof![
        12 => level().prop_map(|(side, price, qty)| Step::Change { side, price, qty }),
        1 => level().prop_map(|(side, price, qty)| Step::Lost { side, price, qty }),
        1 => Just(Step::Again),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Restart),
        1 => Just(Step::Reconnect),
    ];
    proptest::collection::vec(step, 1..120)
}

fn equals(book: &L2Book, levels: &Levels) -> bool {
    let [bids, asks] = levels;
    let level = |(price, qty): (&i64, &i64)| Level { price: *price, qty: *qty };
    book.iter(Side::Buy).eq(bids.iter().rev().map(level)) && book.iter(Side::Sell).eq(asks.iter().map(level))
}

/// Follows a venue: a book that is called synchronised is the dictionary, and one that lacks a message is not.
fn follow(writer: Writer, mut decoder: impl Decoder, steps: &[Step]) {
    let mut levels = Levels::default();
    let mut book = [L2Book::new()];
    // Of the message before: the number in its topic or connection, and in the sequence of all.
    let (mut number, mut sequence) = (
        match writer {
            Writer::Advanced => 0,
            Writer::Bybit | Writer::Exchange => 7,
        },
        100,
    );
    let (mut lost, mut gaps, mut synced, mut last) = (false, 0, false, String::new());
    let snapshot = |levels: &Levels, number, sequence| {
        let sides = [0, 1].map(|at: usize| levels[at].iter().map(|(p, q)| (*p, *q)).collect::<Vec<_>>());
        writer.book(true, number, sequence, [&sides[0], &sides[1]])
    };
    for step in steps {
        let frame = match *step {
            Step::Change { side, price, qty } | Step::Lost { side, price, qty } => {
                if qty == 0 {
                    levels[side].remove(&price)
                } else {
                    levels[side].insert(price, qty)
                };
                (number, sequence) = (number + 1, sequence + 3);
                let mut sides: [&[(i64, i64)]; 2] = [&[], &[]];
                let change = [(price, qty)];
                sides[side] = &change;
                let frame = writer.book(false, number, sequence, sides);
                if let Step::Lost { .. } = step {
                    // The Exchange feed numbers no changes: one that is lost cannot be seen, so none is.
                    lost |= synced && !matches!(writer, Writer::Exchange);
                    if matches!(writer, Writer::Exchange) {
                        decoder.feed(frame.as_bytes(), NOW, &mut book).unwrap();
                        last = frame;
                    }
                    continue;
                }
                frame
            }
            // A copy on the Exchange feed sets what is set already.
            Step::Again => last.clone(),
            Step::Snapshot => {
                (number, sequence) = (number + u64::from(!matches!(writer, Writer::Bybit)), sequence + 1);
                gaps += u64::from(lost);
                (lost, synced) = (false, true);
                snapshot(&levels, number, sequence)
            }
            Step::Restart | Step::Reconnect => {
                let is_restart = matches!(step, Step::Restart) && matches!(writer, Writer::Bybit);
                if !is_restart {
                    decoder.disconnect(0, NOW, &mut book[0]);
                    assert_ne!(decoder.state(0), BookState::Synced);
                }
                sequence += 1;
                number = match writer {
                    Writer::Advanced => 0,
                    Writer::Bybit if is_restart => 1,
                    Writer::Bybit | Writer::Exchange => number,
                };
                (lost, synced) = (false, true);
                snapshot(&levels, number, sequence)
            }
        };
        if frame.is_empty() {
            continue;
        }
        let outcome = decoder.feed(frame.as_bytes(), NOW, &mut book).unwrap();
        last = frame;
        if lost && synced && !matches!(step, Step::Again) {
            (synced, gaps) = (false, gaps + 1);
        }
        if synced && !lost {
            assert_eq!(decoder.state(0), BookState::Synced, "{step:?}");
            assert!(equals(&book[0], &levels), "{step:?}");
        } else if !synced {
            assert_ne!(decoder.state(0), BookState::Synced, "{step:?}");
            assert_ne!(outcome.message, FeedMessage::Depth(DeltaAction::Apply));
            assert!(book[0].iter(Side::Buy).chain(book[0].iter(Side::Sell)).next().is_none());
        }
        assert!(decoder.gaps(0) <= gaps + u64::from(lost));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_book_of_bybit_is_the_venues_or_void(steps in steps()) {
        follow(Writer::Bybit, bybit().decoder, &steps);
    }

    #[test]
    fn a_book_of_advanced_trade_is_the_venues_or_void(steps in steps()) {
        follow(Writer::Advanced, coinbase().decoder, &steps);
    }

    #[test]
    fn a_book_of_the_exchange_feed_is_the_venues(steps in steps()) {
        // Which is never crossed.
        let apart = |side: usize, price: i64| price + 100 * side as i64;
        let uncrossed: Vec<_> = steps
            .into_iter()
            .map(|step| match step {
                Step::Change { side, price, qty } => Step::Change { side, price: apart(side, price), qty },
                Step::Lost { side, price, qty } => Step::Lost { side, price: apart(side, price), qty },
                other => other,
            })
            .collect();
        follow(Writer::Exchange, coinbase().decoder, &uncrossed);
    }
}
