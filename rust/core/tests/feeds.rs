//! Live messages of Bybit and Coinbase: books against a dictionary whatever is lost, doubled or begins anew, and what
//! each kind of message comes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tradecore_core::book::{BookState, DeltaAction, GapReason, L2Book, SnapshotAction};
use tradecore_core::decode::{
    BybitDecoder, CoinbaseDecoder, Control, ControlKind, DecodeError, Decoder, FeedMessage, Subject,
};
use tradecore_core::event::{Columns as _, Event, EventColumns, EventKind, VenueBar};
use tradecore_core::types::{Instrument, InstrumentKind, Level, Side};

use crate::common::{self, WithBars};

const NOW: i64 = 1_790_757_083_000_000_000;
const MS: i64 = 1_790_757_082_283;

fn spec(id: &str) -> Arc<Instrument> {
    common::instrument(id, InstrumentKind::LINEAR_PERPETUAL)
}

/// A decoder of one instrument, and what came of it.
struct Fed<D> {
    decoder: D,
    out: [WithBars<EventColumns>; 1],
}

impl<D: Decoder> Fed<D> {
    fn feed(&mut self, frame: &str) -> Result<FeedMessage, DecodeError> {
        self.decoder.feed(frame.as_bytes(), NOW, &mut self.out).map(|outcome| outcome.message)
    }

    fn says(&mut self, frame: &str, message: FeedMessage) {
        assert_eq!(self.feed(frame), Ok(message), "{frame}");
    }

    /// Kind, side, price, quantity and id of the rows since the last call.
    fn rows(&mut self) -> Vec<(EventKind, i8, i64, i64, u64)> {
        let events = std::mem::take(&mut self.out[0].events);
        events.view().check().unwrap();
        let view = events.view();
        let row = |event: Event| (event.kind, event.side, event.price, event.qty, event.id);
        (0..events.len()).map(|at| row(view.event(at))).collect()
    }

    fn control(&self) -> &Control {
        self.decoder.log().control().unwrap()
    }
}

fn bybit() -> Fed<BybitDecoder> {
    Fed { decoder: BybitDecoder::new(vec![spec("BTCUSDT.BYBIT")]), out: Default::default() }
}

fn coinbase() -> Fed<CoinbaseDecoder> {
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
enum Writer {
    Bybit,
    Advanced,
    Exchange,
}

impl Writer {
    /// A change or a snapshot; `number` is the message's own, `trade` the newest trade's.
    fn book(self, is_snapshot: bool, number: u64, sequence: u64, sides: [&[(i64, i64)]; 2]) -> String {
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

// --- Bybit ------------------------------------------------------------------------------------------------------------

fn depth(topic: &str, kind: &str, u: u64, seq: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"topic":"{topic}.BTCUSDT","ts":{MS},"type":"{kind}","data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{u},"seq":{seq}}},"cts":{}}}"#,
        MS - 5
    )
}

#[test]
fn one_depth_of_bybit_is_the_book() {
    let mut fed = bybit();
    let load = FeedMessage::Snapshot(SnapshotAction::Load { from: 0 });
    fed.says(&depth("orderbook.50", "delta", 3, 3, "", ""), FeedMessage::Depth(DeltaAction::Unsynced));
    fed.says(&depth("orderbook.50", "snapshot", 4, 4, r#"["10.0","1"]"#, r#"["10.2","2"]"#), load);
    fed.says(&depth("orderbook.200", "snapshot", 9, 5, r#"["9.0","1"]"#, ""), FeedMessage::OtherDepth);
    fed.says(&depth("orderbook.rpi", "snapshot", 9, 5, "", ""), FeedMessage::OtherDepth);
    fed.says(
        &depth("orderbook.50", "delta", 5, 6, "", r#"["10.2","0"]"#),
        FeedMessage::Depth(DeltaAction::Apply),
    );
    fed.says(&depth("orderbook.50", "delta", 5, 6, "", ""), FeedMessage::Depth(DeltaAction::Ignore));
    fed.says(&depth("orderbook.50", "snapshot", 4, 4, "", ""), FeedMessage::Snapshot(SnapshotAction::Ignore));
    let rows = fed.rows();
    assert_eq!(rows.len(), 4, "clear, two levels, one removed: {rows:?}");
    assert_eq!(fed.decoder.log().heard(0, Subject::Book), Some(NOW));
    fed.says(&depth("orderbook.50", "delta", 7, 8, "", ""), FeedMessage::Depth(DeltaAction::Gap));
    assert_eq!(fed.decoder.gap_reason(0), Some(GapReason::Update { after: 5, previous: 6 }));
    assert_eq!(fed.rows(), [(EventKind::BookClear, 0, 0, 0, 7)]);
    fed.says(&depth("orderbook.200", "snapshot", 12, 9, r#"["9.0","1"]"#, ""), load);
    fed.says(&depth("orderbook.200", "delta", 1, 2, "", ""), FeedMessage::Depth(DeltaAction::Gap));
    assert_eq!((fed.decoder.gap_reason(0), fed.decoder.gaps(0)), (Some(GapReason::Restart), 2));
    fed.says(&depth("orderbook.200", "delta", 1, 2, r#"["9.0","1"]"#, ""), load);
}

#[test]
fn the_first_depth_of_bybit_is_best_prices() {
    let mut fed = bybit();
    let sides = (r#"["10.0","1"]"#, r#"["10.2","2"]"#);
    let quotes = [(EventKind::Quote, 1, 100, 1_000, 4), (EventKind::Quote, -1, 102, 2_000, 4)];
    fed.says(&depth("orderbook.1", "snapshot", 4, 4, sides.0, sides.1), FeedMessage::Quote);
    assert_eq!(fed.rows(), quotes);
    fed.says(&depth("orderbook.1", "snapshot", 4, 9, sides.0, sides.1), FeedMessage::StaleQuote);
    fed.says(&depth("orderbook.1", "snapshot", 3, 3, sides.1, sides.1), FeedMessage::StaleQuote);
    fed.says(&depth("orderbook.1", "delta", 5, 10, r#"["10.0","0"],["9.9","3"]"#, ""), FeedMessage::Quote);
    assert_eq!(fed.rows()[0], (EventKind::Quote, 1, 99, 3_000, 5));
    fed.says(&depth("orderbook.1", "delta", 8, 13, sides.0, ""), FeedMessage::StaleQuote);
    fed.says(&depth("orderbook.1", "snapshot", 9, 14, "", sides.1), FeedMessage::Quote);
    assert_eq!(fed.rows()[0], (EventKind::Quote, 1, 0, 0, 9), "a side that is empty");
    assert_eq!(fed.decoder.state(0), BookState::Empty);
}

#[test]
fn a_ticker_of_bybit_leaves_out_what_is_as_it_was() {
    let mut fed = bybit();
    let ticker = |kind: &str, cs: u64, data: &str| {
        format!(
            r#"{{"topic":"tickers.BTCUSDT","type":"{kind}","data":{{"symbol":"BTCUSDT",{data}}},"cs":{cs},"ts":{MS}}}"#
        )
    };
    let whole = r#""markPrice":"10.05","indexPrice":"10","openInterest":"7","nextFundingTime":"1790784000000","fundingRate":"0.0001","bid1Price":"10.0","bid1Size":"1","ask1Price":"10.1","ask1Size":"2","preQty":"""#;
    fed.says(&ticker("snapshot", 5, whole), FeedMessage::Ticker);
    let next = 1_790_784_000_000_000_000;
    assert_eq!(
        fed.rows(),
        [
            (EventKind::Mark, 0, 10_050_000_000, 0, 0),
            (EventKind::Index, 0, 10_000_000_000, 0, 0),
            (EventKind::Funding, 0, 100_000, 0, next),
            (EventKind::OpenInterest, 0, 0, 7_000, 0),
            (EventKind::Quote, 1, 100, 1_000, 0),
            (EventKind::Quote, -1, 101, 2_000, 0),
        ]
    );
    fed.says(&ticker("delta", 6, r#""fundingRate":"0.0002""#), FeedMessage::Ticker);
    assert_eq!(fed.rows(), [(EventKind::Funding, 0, 200_000, 0, next)]);
    fed.says(&ticker("delta", 7, r#""ask1Size":"3""#), FeedMessage::Ticker);
    assert_eq!(fed.rows()[1], (EventKind::Quote, -1, 101, 3_000, 0));
    fed.says(&ticker("delta", 6, r#""markPrice":"9""#), FeedMessage::StaleQuote);
    fed.says(&ticker("delta", 8, r#""lastPrice":"9""#), FeedMessage::Ticker);
    assert!(fed.feed(&ticker("delta", 9, r#""markPrice":"x""#)).is_err());
    assert!(fed.rows().is_empty());
    // Where best prices have a topic of their own, the ticker's come late.
    fed.says(&depth("orderbook.1", "snapshot", 4, 4, "", r#"["10.2","2"]"#), FeedMessage::Quote);
    fed.rows();
    fed.says(&ticker("delta", 9, r#""ask1Size":"4""#), FeedMessage::Ticker);
    assert!(fed.rows().is_empty());
}

#[test]
fn trades_of_bybit_count_once_and_blocks_are_no_trades_of_the_book() {
    let mut fed = bybit();
    let trade = |id: &str, more: &str| {
        format!(r#"{{"T":{MS},"s":"BTCUSDT","S":"Sell","v":"0.5","p":"10.5","i":"{id}","BT":false{more}}}"#)
    };
    let message = |trades: &[String]| {
        format!(
            r#"{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":{MS},"data":[{}]}}"#,
            trades.join(",")
        )
    };
    let uuid = "8c931d9a-b703-5c34-9aeb-860867cf1f66";
    fed.says(&message(&[trade("17", ""), trade(uuid, "")]), FeedMessage::Trade);
    let id = 0x9aeb_8608_67cf_1f66;
    assert_eq!(fed.rows(), [(EventKind::Trade, -1, 105, 500, 17), (EventKind::Trade, -1, 105, 500, id)]);
    fed.says(&message(&[trade(uuid, "")]), FeedMessage::DuplicateTrade);
    fed.says(&message(&[trade("18", ""), trade("17", "")]), FeedMessage::Trade);
    fed.says(&message(&[trade("19", r#","RPI":true"#)]), FeedMessage::OffBookTrade);
    assert_eq!(
        fed.rows().iter().map(|row| row.0).collect::<Vec<_>>(),
        [EventKind::Trade, EventKind::OffBookTrade]
    );
    let other = message(&[trade("20", "").replace("BTCUSDT", "ETHUSDT")]);
    fed.says(&other, FeedMessage::Ignored);
    // What is sound in front of what is not is not taken.
    assert!(fed.feed(&message(&[trade("21", ""), trade("22", "").replace("0.5", "x")])).is_err());
    fed.says(&message(&[trade("21", "")]), FeedMessage::Trade);
}

#[test]
fn a_liquidation_of_bybit_sells_what_was_long() {
    let mut fed = bybit();
    let list = |ts: i64| {
        format!(
            r#"{{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":{ts},"data":[{{"T":{MS},"s":"BTCUSDT","S":"Buy","v":"0.5","p":"10.5"}},{{"T":{MS},"s":"BTCUSDT","S":"Buy","v":"0.5","p":"10.5"}}]}}"#
        )
    };
    fed.says(&list(MS), FeedMessage::Liquidation);
    assert_eq!(fed.rows(), [(EventKind::Liquidation, -1, 105, 500, 0); 2]);
    fed.says(&list(MS), FeedMessage::DuplicateLiquidation);
    fed.says(&list(MS + 1), FeedMessage::Liquidation);
    let old = format!(
        r#"{{"data":{{"price":"10.5","side":"Sell","size":"0.5","symbol":"BTCUSDT","updatedTime":{MS}}},"topic":"liquidation.BTCUSDT","ts":{},"type":"snapshot"}}"#,
        MS + 2
    );
    fed.rows();
    fed.says(&old, FeedMessage::Liquidation);
    assert_eq!(fed.rows(), [(EventKind::Liquidation, 1, 105, 500, 0)]);
}

#[test]
fn a_bar_of_bybit_counts_when_it_is_over() {
    let mut fed = bybit();
    let bar = |confirm: bool| {
        format!(
            r#"{{"topic":"kline.5.BTCUSDT","data":[{{"start":1672324800000,"end":1672325099999,"interval":"5","open":"16.5","close":"16.7","high":"16.7","low":"16.0","volume":"2.081","turnover":"3","confirm":{confirm},"timestamp":1}}],"ts":1672324988882,"type":"snapshot"}}"#
        )
    };
    fed.says(&bar(false), FeedMessage::OpenKline);
    fed.says(&bar(true), FeedMessage::Kline);
    let [VenueBar { ts_open, ts_close, open, high, low, close, volume, buy_volume, .. }] =
        fed.out[0].bars[..]
    else {
        panic!("one bar")
    };
    assert_eq!((ts_open, ts_close), (1_672_324_800_000_000_000, 1_672_325_100_000_000_000));
    assert_eq!((open, high, low, close, volume, buy_volume), (165, 167, 160, 167, 2_081, None));
    assert!(fed.rows().is_empty());
    let impossible = bar(true).replace(r#""low":"16.0""#, r#""low":"17.0""#);
    assert!(fed.feed(&impossible).is_err());
    let outcome = fed.decoder.feed(impossible.as_bytes(), NOW, &mut [EventColumns::default()]).unwrap();
    assert_eq!(outcome.message, FeedMessage::Ignored, "where nobody wants bars they are not looked at");
}

#[test]
fn answers_of_bybit_have_five_shapes() {
    let mut fed = bybit();
    for (frame, kind, operation, request, success, text) in [
        (
            r#"{"success":true,"ret_msg":"subscribe","conn_id":"c","op":"subscribe"}"#,
            ControlKind::Answer,
            "subscribe",
            "",
            true,
            "subscribe",
        ),
        (
            r#"{"success":false,"ret_msg":"Invalid symbol :[x]","conn_id":"c","req_id":"s-1","op":"subscribe"}"#,
            ControlKind::Answer,
            "subscribe",
            "s-1",
            false,
            "Invalid symbol :[x]",
        ),
        (
            r#"{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"p1","op":"ping"}"#,
            ControlKind::Pong,
            "ping",
            "p1",
            true,
            "pong",
        ),
        (r#"{"op":"pong","args":["1753340040127"],"conn_id":"c"}"#, ControlKind::Pong, "pong", "", true, ""),
        (
            r#"{"reqId":"1","retCode":10004,"retMsg":"bad \"sign\"","op":"auth","connId":"c"}"#,
            ControlKind::Answer,
            "auth",
            "1",
            false,
            "bad \"sign\"",
        ),
    ] {
        fed.says(frame, FeedMessage::Control);
        let control = fed.control();
        assert_eq!(control.kind, kind, "{frame}");
        assert_eq!((&*control.operation, &*control.request), (operation, request));
        assert_eq!((control.success, &*control.text), (success, text));
    }
    fed.says(r#"{"op":"surprise"}"#, FeedMessage::Unknown);
    fed.says(r#"{"topic":"weather.BTCUSDT","ts":1,"data":[]}"#, FeedMessage::Unknown);
    fed.says(r#"{"topic":"order","id":"1","data":[{"category":"linear"}]}"#, FeedMessage::Ignored);
    let unknown: Vec<(&str, u64)> =
        fed.decoder.log().unknown().iter().map(|(kind, count)| (&**kind, *count)).collect();
    assert_eq!(unknown, [("surprise", 1), ("weather", 1)]);
}

// --- Coinbase ---------------------------------------------------------------------------------------------------------

fn advanced(channel: &str, number: u64, events: &str) -> String {
    format!(
        r#"{{"channel":"{channel}","timestamp":"2026-09-30T08:31:22.283Z","sequence_num":{number},"events":[{events}]}}"#
    )
}

#[test]
fn trades_of_coinbase_name_the_maker_and_those_before_are_history() {
    let mut fed = coinbase();
    let trade = |id: u64, side: &str| {
        format!(
            r#"{{"product_id":"BTC-USD","trade_id":"{id}","price":"10.5","size":"0.5","time":"2026-09-30T08:31:22.2Z","side":"{side}"}}"#
        )
    };
    let event =
        |kind: &str, trades: &[String]| format!(r#"{{"type":"{kind}","trades":[{}]}}"#, trades.join(","));
    fed.says(
        &advanced("market_trades", 0, &event("snapshot", &[trade(5, "BUY")])),
        FeedMessage::TradeHistory,
    );
    assert!(fed.rows().is_empty());
    let newest_first = [trade(7, "SELL"), trade(6, "BUY"), trade(5, "BUY")];
    fed.says(&advanced("market_trades", 1, &event("update", &newest_first)), FeedMessage::Trade);
    assert_eq!(fed.rows(), [(EventKind::Trade, -1, 105, 500, 6), (EventKind::Trade, 1, 105, 500, 7)]);
    fed.says(&advanced("market_trades", 1, &event("update", &[trade(8, "BUY")])), FeedMessage::Duplicate);
    assert!(fed.feed(&advanced("market_trades", 2, &event("update", &[trade(8, "buy")]))).is_err());
    fed.says(&advanced("market_trades", 2, &event("update", &[trade(8, "BUY")])), FeedMessage::Trade);
}

#[test]
fn a_hole_between_messages_of_a_connection_voids_books_of_all_products() {
    let specs = ["BTC-USD.COINBASE", "ETH-USD.COINBASE", "SOL-USD.COINBASE"].map(spec);
    let mut decoder = CoinbaseDecoder::new(specs.to_vec());
    let mut books: [L2Book; 3] = Default::default();
    let mut feed = |decoder: &mut CoinbaseDecoder, frame: &str| {
        decoder.feed(frame.as_bytes(), NOW, &mut books).unwrap().message
    };
    let level = r#"[{"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":"10","new_quantity":"1"},{"event_time":"2026-09-30T08:31:22Z","side":"ask","price_level":"11","new_quantity":"1"}]"#;
    for (number, product) in ["BTC-USD", "ETH-USD"].into_iter().enumerate() {
        let event = format!(r#"{{"type":"snapshot","product_id":"{product}","updates":{level}}}"#);
        feed(&mut decoder, &advanced("l2_data", number as u64, &event));
    }
    assert_eq!(
        [0, 1, 2].map(|at| decoder.state(at)),
        [BookState::Synced, BookState::Synced, BookState::Empty]
    );
    feed(&mut decoder, &advanced("heartbeats", 4, r#"{"heartbeat_counter":1}"#));
    assert_eq!([0, 1, 2].map(|at| decoder.state(at)), [BookState::Gap, BookState::Gap, BookState::Empty]);
    assert_eq!([0, 1, 2].map(|at| decoder.gaps(at)), [1, 1, 0]);
    let reason = decoder.gap_reason(0).unwrap();
    assert_eq!(reason.to_string(), "message 4 of the connection came where 2 was due");
    let event = format!(r#"{{"updates":{level},"type":"snapshot","product_id":"BTC-USD"}}"#);
    feed(&mut decoder, &advanced("l2_data", 5, &event));
    assert_eq!(decoder.state(0), BookState::Synced, "keys in another order");
    // Another connection counts from nothing.
    feed(&mut decoder, &advanced("subscriptions", 0, r#"{"subscriptions":{}}"#));
    assert_eq!((decoder.state(0), decoder.gap_reason(0)), (BookState::Gap, Some(GapReason::Reconnect)));
    assert!(books.iter().all(|book| book.best_bid().is_none()));
}

#[test]
fn what_coinbase_says_of_a_connection() {
    let mut fed = coinbase();
    let both = r#"{"subscriptions":{"heartbeats":["heartbeats"],"level2":["BTC-USD","ETH-USD"]}}"#;
    fed.says(&advanced("subscriptions", 0, both), FeedMessage::Control);
    assert_eq!(fed.control().kind, ControlKind::Subscriptions);
    assert_eq!(fed.control().channels, ["heartbeats:heartbeats", "level2:BTC-USD", "level2:ETH-USD"]);
    let list = r#"{"type":"subscriptions","channels":[{"name":"level2","product_ids":["BTC-USD"]}]}"#;
    fed.says(list, FeedMessage::Control);
    assert_eq!(fed.control().channels, ["level2:BTC-USD"]);
    fed.says(r#"{"type":"error","message":"failure","reason":"BTC is no product"}"#, FeedMessage::Control);
    assert_eq!((fed.control().success, &*fed.control().text), (false, "failure: BTC is no product"));
    fed.says(&advanced("heartbeats", 1, r#"{"heartbeat_counter":7}"#), FeedMessage::Control);
    assert_eq!(fed.control().kind, ControlKind::Heartbeat);
    fed.says(&advanced("user", 2, r#"{"type":"snapshot","orders":[]}"#), FeedMessage::Ignored);
    fed.says(&advanced("weather", 3, ""), FeedMessage::Unknown);
    fed.says(r#"{"type":"activate","product_id":"BTC-USD"}"#, FeedMessage::Ignored);
    fed.says(r#"{"type":"storm"}"#, FeedMessage::Unknown);
    assert_eq!(fed.decoder.log().unknown().keys().collect::<Vec<_>>(), ["storm", "weather"]);
    assert!(fed.feed(r#"{"channel":"heartbeats","events":[]}"#).is_err(), "messages are numbered");
}

#[test]
fn a_bar_of_coinbase_is_over_when_another_begins() {
    let mut fed = coinbase();
    let candle = |start: u64, close: &str| {
        format!(
            r#"{{"start":"{start}","high":"20","low":"9","open":"10","close":"{close}","volume":"0.25","product_id":"BTC-USD"}}"#
        )
    };
    let event =
        |kind: &str, candles: &[String]| format!(r#"{{"type":"{kind}","candles":[{}]}}"#, candles.join(","));
    let history = [candle(1_790_756_700, "11"), candle(1_790_756_400, "12")];
    fed.says(&advanced("candles", 0, &event("snapshot", &history)), FeedMessage::OpenKline);
    fed.says(
        &advanced("candles", 1, &event("update", &[candle(1_790_756_700, "13")])),
        FeedMessage::OpenKline,
    );
    assert!(fed.out[0].bars.is_empty());
    fed.says(&advanced("candles", 2, &event("update", &[candle(1_790_757_000, "14")])), FeedMessage::Kline);
    let bar = fed.out[0].bars.pop().unwrap();
    assert_eq!((bar.ts_open, bar.ts_close), (1_790_756_700_000_000_000, 1_790_757_000_000_000_000));
    assert_eq!((bar.close, bar.volume, bar.ts_recv), (130, 250, NOW));
}

#[test]
fn best_prices_of_coinbase() {
    let mut fed = coinbase();
    let ticker = |bid: &str| {
        format!(
            r#"{{"type":"update","tickers":[{{"type":"ticker","product_id":"BTC-USD","price":"10","best_bid":"{bid}","best_bid_quantity":"1","best_ask":"10.1","best_ask_quantity":"2"}}]}}"#
        )
    };
    fed.says(&advanced("ticker", 0, &ticker("10.0")), FeedMessage::Quote);
    assert_eq!(fed.rows(), [(EventKind::Quote, 1, 100, 1_000, 0), (EventKind::Quote, -1, 101, 2_000, 0)]);
    fed.says(&advanced("ticker", 1, &ticker("10.0")), FeedMessage::StaleQuote);
    let exchange = |sequence: u64, bid: &str| {
        format!(
            r#"{{"type":"ticker","sequence":{sequence},"product_id":"BTC-USD","best_bid":"{bid}","best_bid_size":"1","best_ask":"10.1","best_ask_size":"2","side":"buy","time":"2026-09-30T08:31:22Z","trade_id":1}}"#
        )
    };
    let mut fed = coinbase();
    fed.says(&exchange(5, "9.0"), FeedMessage::StaleQuote);
    fed.says(&exchange(6, "9.1"), FeedMessage::Quote);
    fed.says(&exchange(6, "9.2"), FeedMessage::StaleQuote);
    assert_eq!(fed.rows().len(), 2);
    let old = exchange(7, "9.3").replace(r#""best_bid_size":"1","#, "");
    fed.says(&old, FeedMessage::Ignored);
}

#[test]
fn trades_missing_on_the_exchange_feed_void_its_book() {
    let mut fed = coinbase();
    fed.says(
        &Writer::Exchange.book(true, 0, 0, [&[(100, 1_000)], &[]]),
        FeedMessage::Snapshot(SnapshotAction::Load { from: 0 }),
    );
    let trade = |kind: &str, id: u64| {
        format!(
            r#"{{"type":"{kind}","trade_id":{id},"side":"sell","size":"0.5","price":"10.5","product_id":"BTC-USD","sequence":9,"time":"2026-09-30T08:31:22.2Z"}}"#
        )
    };
    fed.says(&trade("last_match", 4), FeedMessage::TradeHistory);
    fed.says(&trade("match", 5), FeedMessage::Trade);
    fed.says(&trade("match", 5), FeedMessage::DuplicateTrade);
    assert_eq!(fed.decoder.state(0), BookState::Synced);
    fed.says(&trade("match", 8), FeedMessage::Trade);
    assert_eq!(fed.decoder.gap_reason(0), Some(GapReason::Trade { expected: 6, got: 8 }));
    assert_eq!(fed.decoder.state(0), BookState::Gap);
    let rows = fed.rows();
    assert_eq!(
        rows[rows.len() - 2..].iter().map(|row| row.0).collect::<Vec<_>>(),
        [EventKind::BookClear, EventKind::Trade]
    );
    fed.says(
        &Writer::Exchange.book(false, 0, 0, [&[(100, 0)], &[]]),
        FeedMessage::Depth(DeltaAction::Unsynced),
    );
}

/// A change of the Exchange feed, and a ticker of it, in a second.
fn told_at(second: u32, changes: &str) -> String {
    format!(
        r#"{{"type":"l2update","product_id":"BTC-USD","changes":[{changes}],"time":"2026-09-30T08:31:{second:02}Z"}}"#
    )
}

fn ticked_at(second: u32, bid: &str, ask: &str) -> String {
    format!(
        r#"{{"type":"ticker","sequence":{second},"product_id":"BTC-USD","best_bid":"{bid}","best_bid_size":"1","best_ask":"{ask}","best_ask_size":"2","time":"2026-09-30T08:31:{second:02}Z"}}"#
    )
}

/// A book of the Exchange feed of bids at 9.9 and 10.0 and asks at 10.1 and 10.2.
fn exchange_book() -> Fed<CoinbaseDecoder> {
    let mut fed = coinbase();
    let snapshot = r#"{"type":"snapshot","product_id":"BTC-USD","bids":[["10.0","1"],["9.9","1"]],"asks":[["10.1","1"],["10.2","1"]]}"#;
    assert!(matches!(fed.feed(snapshot).unwrap(), FeedMessage::Snapshot(_)));
    fed.says(&told_at(1, r#"["buy","9.8","1"]"#), FeedMessage::Depth(DeltaAction::Apply));
    fed.says(&ticked_at(2, "10.0", "10.1"), FeedMessage::StaleQuote);
    fed
}

#[test]
fn a_change_that_crosses_the_book_of_the_exchange_feed_says_that_one_is_missing() {
    let mut fed = exchange_book();
    fed.rows();
    fed.says(
        &told_at(3, r#"["sell","10.1","0"],["buy","10.1","1"]"#),
        FeedMessage::Depth(DeltaAction::Apply),
    );
    assert_eq!(fed.decoder.state(0), BookState::Synced);
    // The deletion of the ask at 10.2 was lost.
    fed.says(&told_at(4, r#"["buy","10.2","1"]"#), FeedMessage::Depth(DeltaAction::Gap));
    assert_eq!(fed.decoder.gap_reason(0), Some(GapReason::Crossed));
    assert_eq!(fed.rows().last().unwrap().0, EventKind::BookClear);
    // In an auction the venue's own book is crossed.
    let crossed = r#"{"type":"snapshot","product_id":"BTC-USD","bids":[["10.3","1"]],"asks":[["10.1","1"]]}"#;
    assert!(matches!(fed.feed(crossed).unwrap(), FeedMessage::Snapshot(_)));
    fed.says(&told_at(5, r#"["buy","10.2","1"]"#), FeedMessage::Depth(DeltaAction::Apply));
    assert_eq!(fed.decoder.state(0), BookState::Synced);
}

#[test]
fn a_level_that_best_prices_deny_says_that_a_change_of_the_exchange_feed_is_missing() {
    for (bid, ask) in [("9.9", "10.1"), ("10.0", "10.2")] {
        let mut fed = exchange_book();
        fed.says(&ticked_at(30, bid, ask), FeedMessage::Quote);
        fed.says(&told_at(31, r#"["buy","9.7","1"]"#), FeedMessage::Depth(DeltaAction::Apply));
        fed.says(&told_at(32, r#"["buy","9.7","0"]"#), FeedMessage::Depth(DeltaAction::Gap));
        assert_eq!(fed.decoder.gap_reason(0), Some(GapReason::Denied));
    }
}

#[test]
fn a_level_that_changes_speak_of_about_the_time_of_a_ticker_is_there() {
    let mut fed = exchange_book();
    // Gathered changes come later than tickers, or of what was after them.
    fed.says(&ticked_at(30, "9.9", "10.1"), FeedMessage::Quote);
    fed.says(&told_at(31, r#"["buy","10.0","3"]"#), FeedMessage::Depth(DeltaAction::Apply));
    fed.says(&told_at(39, r#"["buy","9.7","1"]"#), FeedMessage::Depth(DeltaAction::Apply));
    fed.says(&ticked_at(40, "10.0", "10.2"), FeedMessage::Quote);
    fed.says(&told_at(41, r#"["sell","10.1","0"]"#), FeedMessage::Depth(DeltaAction::Apply));
    fed.says(&told_at(49, r#"["sell","10.1","2"]"#), FeedMessage::Depth(DeltaAction::Apply));
    fed.says(&ticked_at(50, "10.0", "10.2"), FeedMessage::StaleQuote);
    fed.says(&told_at(55, r#"["buy","9.7","2"]"#), FeedMessage::Depth(DeltaAction::Apply));
    assert_eq!(fed.decoder.state(0), BookState::Synced);
}

#[test]
fn a_product_is_found_by_the_name_of_what_it_is_an_alias_of() {
    let usdc = CoinbaseDecoder::new(vec![spec("BTC-USDC.COINBASE")]);
    let both = CoinbaseDecoder::new(vec![spec("BTC-USDC.COINBASE"), spec("BTC-USD.COINBASE")]);
    let frame = Writer::Advanced.book(true, 0, 0, [&[(100, 1_000)], &[]]);
    for (mut decoder, instrument) in [(usdc, 0), (both, 1)] {
        let mut books: [L2Book; 2] = Default::default();
        assert_eq!(decoder.feed(frame.as_bytes(), NOW, &mut books).unwrap().instrument, Some(instrument));
    }
}
