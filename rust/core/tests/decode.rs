//! What hostile or broken frames may not do.

use std::sync::Arc;

use crate::common;
use proptest::prelude::*;
use tradecore_core::book::{BookState, L2Book};
use tradecore_core::decode::{
    BinanceDecoder, BinanceMarket, CaptureReader, DecodeError, Decoder as _, FeedMessage, Lines, Strictness,
};
use tradecore_core::event::{Columns as _, EventColumns, EventKind, FLAG_LAST};
use tradecore_core::types::{InstrumentKind, Side};

const TICKER: &str = r#"{"u":9,"s":"BTCUSDT","b":"100.0","B":"1","a":"100.1","A":"2"}"#;

struct Spot {
    decoder: BinanceDecoder,
    out: [EventColumns; 1],
}

impl Spot {
    fn new() -> Self {
        let spec = common::instrument("BTCUSDT.BINANCE", InstrumentKind::LINEAR_PERPETUAL);
        Self { decoder: BinanceDecoder::new(BinanceMarket::Spot, vec![spec]), out: Default::default() }
    }

    fn feed(&mut self, frame: &str) -> Result<(), DecodeError> {
        self.decoder.feed(frame.as_bytes(), 1_700_000_000_000_000_000, &mut self.out).map(|_| ())
    }
}

#[test]
fn a_malformed_frame_leaves_the_venue_clock_alone() {
    let mut spot = Spot::new();
    let trade = |time: &str, rest: &str| {
        format!(r#"{{"e":"trade","E":{time},"T":{time},"s":"BTCUSDT","t":1,"p":"100.0",{rest}"m":true}}"#)
    };
    spot.feed(&trade("1700000000000", r#""q":"1","#)).unwrap();
    for broken in [
        trade("4000000000000", ""),
        r#"{"e":"depthUpdate","E":4000000000000,"s":"BTCUSDT","U":1,"u":2,"b":[["1.0","x"]],"a":[]}"#.into(),
        r#"{"e":"depthUpdate","E":4000000000000,"s":"BTCUSDT","U":1,"u":2,"b":[["1.0","1"]]}"#.into(),
    ] {
        assert!(spot.feed(&broken).is_err(), "{broken}");
    }
    spot.feed(TICKER).unwrap();
    // The ticker names no time: it takes the newest the venue has named.
    assert_eq!(spot.out[0].ts_event.last(), Some(&1_700_000_000_000_000_000));
    assert_eq!(spot.decoder.state(0), BookState::Empty);
}

#[test]
fn numbers_beyond_any_arithmetic_are_refused() {
    let mut spot = Spot::new();
    let huge = "922337203685477580.7";
    for frame in [
        format!(r#"{{"lastUpdateId":1,"bids":[["{huge}","1"]],"asks":[]}}"#),
        format!(r#"{{"lastUpdateId":1,"bids":[],"asks":[["1.0","{huge}"]]}}"#),
        format!(r#"{{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":1,"p":"{huge}","q":"1","m":true}}"#),
        format!(r#"{{"u":9,"s":"BTCUSDT","b":"{huge}","B":"1","a":"100.1","A":"2"}}"#),
    ] {
        assert!(matches!(spot.feed(&frame), Err(DecodeError::Grid { .. })), "{frame}");
    }
    for time in ["20000000000000", "18500000000000000", "99999999999999", "9223372036854775807"] {
        let frame = format!(r#"{{"e":"markPriceUpdate","E":{time},"s":"BTCUSDT","p":"1","T":0}}"#);
        assert!(matches!(spot.feed(&frame), Err(DecodeError::Value { field: "E", .. })), "{time}");
    }
    assert!(spot.out[0].is_empty());
}

#[test]
fn a_forced_order_is_a_liquidation_and_no_trade() {
    let spec = common::instrument("BTCUSDT.BINANCE_USDM", InstrumentKind::LINEAR_PERPETUAL);
    let mut decoder = BinanceDecoder::new(BinanceMarket::UsdM, vec![spec]);
    let mut out = [EventColumns::default()];
    let frame = |symbol: &str, side: &str, filled: &str| {
        format!(
            r#"{{"stream":"btcusdt@forceOrder","data":{{"e":"forceOrder","E":1781416603268,"o":{{"s":"{symbol}","S":"{side}","o":"LIMIT","f":"IOC","q":"0.014","p":"64562.50","ap":"64310.61","X":"FILLED","l":"0.002","z":"{filled}","T":1781416602260}}}}}}"#
        )
    };
    let mut feed = |frame: &str| decoder.feed(frame.as_bytes(), 1_781_416_603_300_000_000, &mut out);
    assert_eq!(feed(&frame("BTCUSDT", "SELL", "0.010")).unwrap().message, FeedMessage::Liquidation);
    assert_eq!(feed(&frame("BTCUSDT", "BUY", "0.014")).unwrap().message, FeedMessage::Liquidation);
    assert_eq!(feed(&frame("ETHUSDT", "SELL", "0.010")).unwrap().message, FeedMessage::Ignored);
    assert_eq!(feed(&frame("BTCUSDT", "SELL", "0")).unwrap().message, FeedMessage::Ignored, "nothing filled");
    for broken in [
        frame("BTCUSDT", "sold", "1"),
        frame("BTCUSDT", "SELL", "x"),
        r#"{"e":"forceOrder","E":1781416603268}"#.into(),
        r#"{"e":"forceOrder","E":1781416603268,"o":"BTCUSDT"}"#.into(),
        r#"{"e":"forceOrder","E":1781416603268,"o":{"s":"BTCUSDT"}}"#.into(),
    ] {
        assert!(feed(&broken).is_err(), "{broken}");
    }
    let [out] = out;
    out.view().check().unwrap();
    assert_eq!(out.kind, [EventKind::Liquidation as u8; 2]);
    assert_eq!(
        (&out.side[..], &out.price[..], &out.qty[..]),
        (&[-1, 1][..], &[645_625; 2][..], &[10, 14][..])
    );
    assert_eq!((out.ts_event[0], out.flags[0]), (1_781_416_602_260_000_000, FLAG_LAST));
}

#[test]
fn an_answer_tells_the_open_interest() {
    let spec = common::instrument("BTCUSDT.BINANCE_USDM", InstrumentKind::LINEAR_PERPETUAL);
    let mut decoder = BinanceDecoder::new(BinanceMarket::UsdM, vec![spec]);
    let mut out = [EventColumns::default()];
    let mut feed = |frame: &str| decoder.feed(frame.as_bytes(), 1_589_437_531_000_000_000, &mut out);
    let answer = r#"{"openInterest":"10659.5094","symbol":"BTCUSDT","time":1589437530011}"#;
    assert_eq!(feed(answer).unwrap().message, FeedMessage::OpenInterest);
    assert_eq!(feed(&answer.replace("BTC", "ETH")).unwrap().message, FeedMessage::Ignored);
    assert!(feed(&answer.replace("10659.5094", "-1")).is_err());
    let [out] = out;
    assert_eq!(
        (out.kind[0], out.qty[0], out.ts_event[0], out.len()),
        (EventKind::OpenInterest as u8, 10_659_509, 1_589_437_530_011_000_000, 1)
    );
}

#[test]
fn a_capture_goes_on_in_the_same_file_after_a_bad_line() {
    let spec = common::instrument("BTCUSDT.BINANCE", InstrumentKind::LINEAR_PERPETUAL);
    let line = |id: u64| {
        let ts = 1_700_000_000_000_000_000 + id;
        format!(
            r#"{ts} {{"e":"trade","E":1,"T":1700000000000,"s":"BTCUSDT","t":{id},"p":"1.0","q":"1","m":true}}"#
        )
    };
    let first = [line(1), "not a line".into(), line(2)].join("\n");
    let lines =
        |name: &str, text: String| Lines::new(name.into(), std::io::Cursor::new(text.into_bytes())).unwrap();
    let inputs = vec![lines("a", first), lines("b", line(3))];
    let mut reader = CaptureReader::new(BinanceMarket::Spot, &Arc::clone(&spec), inputs, Strictness::Strict);
    let mut out = EventColumns::default();
    assert_eq!(reader.read(&mut out, 9).unwrap_err().line, 2);
    assert!(!reader.read(&mut out, 9).unwrap());
    assert_eq!(out.id, [1, 2, 3]);
}

/// A depth update: its ids, and levels as price and quantity steps.
fn depth_update(
    market: BinanceMarket,
    (first, last, previous): (u64, u64, u64),
    sides: [&[(i64, i64)]; 2],
) -> String {
    let [bids, asks] = sides.map(|levels| {
        let level = |(price, qty): &(i64, i64)| {
            format!(r#"["{}.{}0","{}.{:03}"]"#, price / 10, price % 10, qty / 1000, qty % 1000)
        };
        levels.iter().map(level).collect::<Vec<_>>().join(",")
    });
    let (time, pair, pu) = match market {
        BinanceMarket::Spot => ("", "", String::new()),
        BinanceMarket::UsdM => (r#""T":1700000000001,"#, "", format!(r#""pu":{previous},"#)),
        BinanceMarket::CoinM => {
            (r#""T":1700000000001,"#, r#""ps":"BTCUSD","#, format!(r#""pu":{previous},"#))
        }
    };
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1700000000002,{time}"s":"BTCUSDT",{pair}"U":{first},"u":{last},{pu}"b":[{bids}],"a":[{asks}]}}}}"#
    )
}

proptest! {
    /// The usual text of a depth update is read in one go, any other key by key: it must not make a difference. Nor
    /// must it whether a book follows the decoder itself or the columns it writes.
    #[test]
    fn however_a_depth_update_is_written_it_is_the_same(
        market in prop::sample::select(vec![BinanceMarket::Spot, BinanceMarket::UsdM, BinanceMarket::CoinM]),
        updates in prop::collection::vec(
            (0u64..3, 0u64..3, prop::collection::vec((1i64..200_000, 0i64..20_000), 0..4), prop::collection::vec((1i64..200_000, 0i64..20_000), 0..4)),
            1..12,
        ),
        snapshot_after in 0usize..4,
    ) {
        let spec = common::instrument("BTCUSDT.BINANCE", InstrumentKind::LINEAR_PERPETUAL);
        let decoder = || BinanceDecoder::new(market, vec![Arc::clone(&spec)]);
        let (mut usual, mut spaced, mut direct) = (decoder(), decoder(), decoder());
        let (mut events, mut spaced_events) = ([EventColumns::default()], [EventColumns::default()]);
        let mut book = [L2Book::new()];
        let mut last = 10;
        for (at, (skipped, wide, bids, asks)) in updates.iter().enumerate() {
            let ids = (last + 1 + skipped / 2, last + 1 + wide, last);
            last = ids.1.max(ids.0);
            let update = depth_update(market, ids, [bids, asks]);
            let snapshot = r#"{"lastUpdateId":11,"bids":[["1.0","1"]],"asks":[]}"#.to_owned();
            for text in if at == snapshot_after { vec![snapshot, update] } else { vec![update] } {
                let said = usual.feed(text.as_bytes(), at as i64, &mut events);
                let other_text = text.replacen(':', ": ", 1).replace(r#","b""#, r#", "b""#);
                prop_assert_eq!(&spaced.feed(other_text.as_bytes(), at as i64, &mut spaced_events), &said);
                prop_assert_eq!(&direct.feed(text.as_bytes(), at as i64, &mut book), &said);
            }
        }
        prop_assert_eq!(&events, &spaced_events);
        let mut replayed = L2Book::new();
        replayed.apply(&events[0].view(), 0, events[0].len());
        prop_assert_eq!(replayed.state(), book[0].state());
        for side in [Side::Buy, Side::Sell] {
            prop_assert_eq!(replayed.iter(side).collect::<Vec<_>>(), book[0].iter(side).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_damaged_number_is_refused_however_the_update_is_written() {
    let spec = common::instrument("BTCUSDT.BINANCE", InstrumentKind::LINEAR_PERPETUAL);
    // The event time counts where there is no transaction time.
    let keys = [("T", BinanceMarket::CoinM), ("U", BinanceMarket::CoinM), ("u", BinanceMarket::UsdM)];
    for (key, market) in [("E", BinanceMarket::Spot), ("pu", BinanceMarket::UsdM)].into_iter().chain(keys) {
        let update = depth_update(market, (11, 12, 10), [&[(10, 1)], &[]]);
        let (before, rest) = update.split_once(&format!(r#""{key}":"#)).unwrap();
        let (_, after) = rest.split_once(',').unwrap();
        for number in ["", "-1", "1.5", "x", "18446744073709551616", "1700000000000000000000", "[1]"] {
            let mut decoder = BinanceDecoder::new(market, vec![Arc::clone(&spec)]);
            let mut out = [EventColumns::default()];
            for space in ["", " "] {
                let damaged = format!(r#"{before}"{key}":{space}{number},{after}"#);
                assert!(decoder.feed(damaged.as_bytes(), 0, &mut out).is_err(), "{damaged}");
            }
            assert_eq!((decoder.state(0), out[0].len()), (BookState::Empty, 0));
        }
    }
}

#[test]
fn a_partial_book_is_not_taken_for_an_update() {
    let mut spot = Spot::new();
    let update = depth_update(BinanceMarket::Spot, (1, 2, 0), [&[(10, 1)], &[]]);
    for stream in ["btcusdt@depth20@100ms", "btcusdt@depth5"] {
        spot.feed(&update.replace("btcusdt@depth@100ms", stream)).unwrap();
        assert_eq!(spot.decoder.state(0), BookState::Empty, "{stream}");
    }
    spot.feed(&update).unwrap();
    assert_eq!(spot.decoder.state(0), BookState::Buffering);
}
