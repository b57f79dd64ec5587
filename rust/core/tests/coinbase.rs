//! What each kind of Coinbase's messages comes to.

use crate::feeds::{Fed, NOW, Writer, coinbase, spec};
use tradecore_core::book::{BookState, DeltaAction, GapReason, L2Book, SnapshotAction};
use tradecore_core::decode::{CoinbaseDecoder, ControlKind, Decoder, FeedMessage};
use tradecore_core::event::EventKind;
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
