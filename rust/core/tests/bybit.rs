//! What each kind of Bybit's messages comes to.

use crate::feeds::{MS, NOW, bybit};
use tradecore_core::book::{BookState, DeltaAction, GapReason, SnapshotAction};
use tradecore_core::decode::{ControlKind, Decoder, FeedMessage, Subject};
use tradecore_core::event::{EventColumns, EventKind, VenueBar};
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

/// What `/v5/market/orderbook` answers.
fn answer(u: u64, seq: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"retCode":0,"retMsg":"OK","result":{{"s":"BTCUSDT","a":[{asks}],"b":[{bids}],"ts":{MS},"u":{u},"seq":{seq},"cts":{}}},"retExtInfo":{{}},"time":{MS}}}"#,
        MS - 5
    )
}

#[test]
fn a_depth_that_bybit_answers_is_a_snapshot_where_no_topic_tells_the_book() {
    let (load, unused) = (SnapshotAction::Load { from: 0 }, SnapshotAction::Ignore);
    let (bid, ask) = (r#"["10.0","1"]"#, r#"["10.2","2"]"#);
    let mut fed = bybit();
    // Each of those that are asked for alone is the book.
    for (u, seq, action) in [(7, 20, load), (7, 20, unused), (9, 25, load), (8, 22, unused)] {
        fed.says(&answer(u, seq, bid, ask), FeedMessage::Snapshot(action));
        let rows = if action == load { 3 } else { 0 };
        assert_eq!(fed.rows().len(), rows, "clear and two levels");
    }
    for (u, action) in [(9, unused), (10, load)] {
        let without = answer(u, 0, bid, ask).replace(r#","seq":0"#, "");
        fed.says(&without, FeedMessage::Snapshot(action));
        fed.rows();
    }
    fed.says(&answer(10, 25, bid, ask), FeedMessage::Snapshot(unused));
    fed.says(&answer(11, 30, bid, ask), FeedMessage::Snapshot(load));
    fed.rows();
    // A topic of the same numbers goes on from it, and tells the book from there on.
    fed.says(&depth("orderbook.1000", "delta", 11, 30, bid, ""), FeedMessage::Depth(DeltaAction::Ignore));
    fed.says(&depth("orderbook.1000", "delta", 12, 31, bid, ""), FeedMessage::Depth(DeltaAction::Apply));
    fed.says(&answer(13, 32, bid, ask), FeedMessage::Snapshot(unused));
    fed.says(&depth("orderbook.1000", "delta", 13, 32, bid, ""), FeedMessage::Depth(DeltaAction::Apply));
    // One of other numbers does not, be they greater or not.
    for other in [3, 400] {
        let mut fed = bybit();
        fed.says(&answer(9, 25, bid, ask), FeedMessage::Snapshot(load));
        let gap = FeedMessage::Depth(DeltaAction::Gap);
        fed.says(&depth("orderbook.50", "delta", other, 26, bid, ""), gap);
        assert_eq!(fed.decoder.state(0), BookState::Gap);
        fed.says(&answer(12, 28, bid, ask), FeedMessage::Snapshot(load));
        fed.says(&depth("orderbook.50", "snapshot", other + 3, 30, bid, ask), FeedMessage::Snapshot(load));
        fed.says(
            &depth("orderbook.50", "delta", other + 4, 31, bid, ""),
            FeedMessage::Depth(DeltaAction::Apply),
        );
    }
    // Of another symbol, and of anything else that is answered.
    fed.says(&answer(90, 90, bid, ask).replace("BTCUSDT", "ETHUSDT"), FeedMessage::Ignored);
    for result in ["{}", r#"{"list":[]}"#, "[]", r#""""#] {
        let frame = format!(r#"{{"retCode":0,"retMsg":"OK","result":{result},"time":{MS}}}"#);
        fed.says(&frame, FeedMessage::Control);
    }
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
