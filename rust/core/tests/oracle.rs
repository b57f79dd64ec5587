//! Frames against a full JSON parser: what we accept it accepts, and what we read are the values it reads.

use std::sync::Arc;

use crate::common;
use proptest::prelude::*;
use serde_json::Value;
use tradecore_core::book::DeltaAction;
use tradecore_core::decode::{BinanceDecoder, BinanceMarket, DecodeError, Decoder as _, FeedMessage};
use tradecore_core::event::{Columns as _, EventColumns, EventKind};
use tradecore_core::types::{Instrument, InstrumentKind};

const NOW: i64 = 1_781_416_603_300_000_000;

/// Frames of every kind that is read, as the venue writes them.
const FRAMES: [&str; 12] = [
    r#"{"u":400900217,"s":"BTCUSDT","b":"60000.10","B":"31.210","a":"60000.20","A":"40.660"}"#,
    r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"60000.1","B":"1.000","a":"60000.2","A":"2.5","T":1781416603268,"E":1781416603270}}"#,
    r#"{"e":"trade","E":1781416603270,"s":"BTCUSDT","t":12345,"p":"60000.10","q":"0.100","T":1781416603268,"m":true,"M":true}"#,
    r#"{"e":"aggTrade","E":1781416603270,"s":"BTCUSDT","a":26129,"p":"59999.90","q":"4.705","f":100,"l":105,"T":1781416603268,"m":false,"M":true}"#,
    r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1781416603270,"T":1781416603268,"s":"BTCUSDT","U":101,"u":110,"pu":100,"b":[["60000.10","1.000"],["59999.90","0.000"]],"a":[["60000.20","0.125"],["60001.00","3.500"]]}}"#,
    r#"{"e":"depthUpdate","E":1781416603270,"s":"BTCUSDT","U":101,"u":110,"b":[["60000.1","1"],["9.5","20.25"]],"a":[]}"#,
    r#"{"lastUpdateId":100,"E":1781416603270,"T":1781416603268,"bids":[["60000.10","4.000"],["60000.00","1.5"]],"asks":[["60000.30","12.000"]]}"#,
    r#"{"e":"markPriceUpdate","E":1781416603000,"s":"BTCUSDT","p":"60000.15000000","ap":"60000.1","P":"60010.0","i":"59990.12345678","r":"-0.00010000","T":1781424000000}"#,
    r#"{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1781416603268,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"64562.50","ap":"64310.61","X":"FILLED","l":"0.002","z":"0.010","T":1781416602260}}}"#,
    r#"{"openInterest":"10659.509","symbol":"BTCUSDT","time":1589437530011}"#,
    r#"{"result":null,"id":1}"#,
    r#"{"e":"continuous_kline","E":1781416603270,"s":"BTCUSDT","k":{"t":1,"T":2,"s":"BTCUSDT","i":"1m","o":"1.5e-7","x":false,"q":[1,-2.5,null,"\u00e9\n"]}}"#,
];

fn spec() -> Arc<Instrument> {
    common::instrument("BTCUSDT.BINANCE_USDM", InstrumentKind::LINEAR_PERPETUAL)
}

/// What a fresh decoder, whose book is synchronised at the given id, makes of a frame.
fn read(frame: &[u8], synced_at: Option<u64>) -> Result<(FeedMessage, EventColumns), DecodeError> {
    read_as(BinanceMarket::UsdM, frame, synced_at)
}

fn read_as(
    market: BinanceMarket,
    frame: &[u8],
    synced_at: Option<u64>,
) -> Result<(FeedMessage, EventColumns), DecodeError> {
    let mut decoder = BinanceDecoder::new(market, vec![spec()]);
    let mut out = [EventColumns::default()];
    if let Some(id) = synced_at {
        let snapshot = format!(r#"{{"lastUpdateId":{id},"bids":[["1.0","1"]],"asks":[]}}"#);
        decoder.feed(snapshot.as_bytes(), NOW, &mut out).unwrap();
        out[0].clear();
    }
    let outcome = decoder.feed(frame, NOW, &mut out)?;
    let [out] = out;
    out.view().check().unwrap();
    Ok((outcome.message, out))
}

/// Steps of a decimal as the parser read it, by arithmetic on its text.
fn steps(value: &Value, places: usize) -> i64 {
    let text = match value {
        Value::String(text) => text.clone(),
        number => number.to_string(),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (kept, rest) = fraction.split_at(fraction.len().min(places));
    assert!(rest.bytes().all(|c| c == b'0'), "{text}");
    format!("{whole}{kept:0<places$}").parse().unwrap()
}

/// Whether a statistic is the nearest count of steps.
fn is_near(steps: i64, value: &Value, places: i32) -> bool {
    let exact = match value {
        Value::String(text) => text.parse::<f64>().unwrap(),
        number => number.as_f64().unwrap(),
    } * 10f64.powi(places);
    (steps as f64 - exact).abs() <= 0.5 + exact.abs() * f64::EPSILON
}

fn time(value: &Value) -> i64 {
    let raw = value.as_i64().unwrap();
    // Seconds, milliseconds, microseconds or nanoseconds, told apart by their number of digits.
    raw * match raw.to_string().len() {
        9..=11 => 1_000_000_000,
        ..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    }
}

/// Holds what was read of a frame against the values of a parser.
fn compare(frame: &[u8], kind: FeedMessage, out: &EventColumns) {
    let parsed: Value = match serde_json::from_slice(frame) {
        Ok(parsed) => parsed,
        // It stops at a number beyond any float, which is JSON, too, and which nobody asked for.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(error) => {
            panic!("{error}, but it was taken for a {kind:?}: {}", String::from_utf8_lossy(frame))
        }
    };
    let message = parsed.get("data").filter(|data| data.is_object()).unwrap_or(&parsed);
    let shown = || String::from_utf8_lossy(frame).into_owned();
    let rows: Vec<_> = (0..out.len())
        .map(|at| (out.kind[at], out.side[at], out.price[at], out.qty[at], out.id[at]))
        .collect();
    let stamp = |keys: &[&str]| keys.iter().find_map(|key| message.get(key)).map_or(NOW, time);
    let levels = |sides: [(&str, i8); 2], id: u64| -> Vec<_> {
        let of_side = |(key, side): (&str, i8)| -> Vec<_> {
            let levels = message[key].as_array().unwrap();
            let row = |level: &Value| {
                (EventKind::BookSet as u8, side, steps(&level[0], 1), steps(&level[1], 3), id)
            };
            levels.iter().map(row).collect()
        };
        sides.into_iter().flat_map(of_side).collect()
    };
    let (want, times) = match kind {
        FeedMessage::Quote => {
            let id = message["u"].as_u64().unwrap();
            let side = |side: i8, price: &str, qty: &str| {
                (EventKind::Quote as u8, side, steps(&message[price], 1), steps(&message[qty], 3), id)
            };
            (vec![side(1, "b", "B"), side(-1, "a", "A")], stamp(&["T", "E"]))
        }
        FeedMessage::Trade | FeedMessage::OffBookTrade => {
            let id = message[if message["e"] == "trade" { "t" } else { "a" }].as_u64().unwrap();
            let side = if message["m"].as_bool().unwrap() { -1 } else { 1 };
            let is_of_book = message.get("X").is_none_or(|market| market == "MARKET");
            let kind = if is_of_book { EventKind::Trade } else { EventKind::OffBookTrade };
            let row = (kind as u8, side, steps(&message["p"], 1), steps(&message["q"], 3), id);
            (vec![row], stamp(&["T", "E"]))
        }
        FeedMessage::Depth(DeltaAction::Apply) if !out.is_empty() => {
            assert_eq!(message["e"], "depthUpdate", "{}", shown());
            let id = message["u"].as_u64().unwrap();
            (levels([("b", 1), ("a", -1)], id), stamp(&["T", "E"]))
        }
        FeedMessage::Snapshot(_) if !out.is_empty() => {
            let id = message["lastUpdateId"].as_u64().unwrap();
            let mut rows = vec![(EventKind::BookClear as u8, 0, 0, 0, id)];
            rows.extend(levels([("bids", 1), ("asks", -1)], id));
            (rows, stamp(&["T", "E"]))
        }
        FeedMessage::Liquidation => {
            let order = &message["o"];
            let side = if order["S"] == "BUY" { 1 } else { -1 };
            let row = (EventKind::Liquidation as u8, side, steps(&order["p"], 1), steps(&order["z"], 3), 0);
            (vec![row], time(&order["T"]))
        }
        FeedMessage::Ticker => {
            assert_eq!(message["e"], "markPriceUpdate", "{}", shown());
            assert!(is_near(out.price[0], &message["p"], 9), "{}", shown());
            return;
        }
        FeedMessage::OpenInterest => {
            assert!(is_near(out.qty[0], &message["openInterest"], 3), "{}", shown());
            return;
        }
        FeedMessage::Depth(DeltaAction::Gap) => {
            return assert_eq!(out.kind, [EventKind::BookClear as u8], "{}", shown());
        }
        _ => return assert!(out.is_empty(), "{}", shown()),
    };
    assert_eq!(rows, want, "{}", shown());
    assert!(out.ts_event.iter().all(|ts| *ts == times), "{}", shown());
}

/// Reads a frame of either market in both states of the book; whatever is taken is compared.
fn judge(frame: &[u8]) -> bool {
    let mut is_taken = false;
    let spot = (BinanceMarket::Spot, Some(100));
    for (market, synced_at) in [(BinanceMarket::UsdM, None), (BinanceMarket::UsdM, Some(100)), spot] {
        if let Ok((kind, out)) = read_as(market, frame, synced_at) {
            compare(frame, kind, &out);
            is_taken = true;
        }
    }
    is_taken
}

#[test]
fn frames_of_every_kind_are_taken_and_say_what_the_parser_says() {
    for frame in FRAMES {
        assert!(judge(frame.as_bytes()), "{frame}");
    }
    for market in [r#""MARKET""#, r#""INSURANCE_FUND""#, "100"] {
        let frame = FRAMES[2].replace(r#""M":true"#, &format!(r#""X":{market}"#));
        assert!(judge(frame.as_bytes()), "{frame}");
    }
}

#[test]
fn a_frame_torn_into_another_is_none_or_one_that_a_parser_takes() {
    let mut taken = 0;
    for first in FRAMES {
        for second in FRAMES {
            for cut in 0..first.len() {
                for start in (0..second.len()).step_by(second.len() / 3) {
                    let torn = [&first.as_bytes()[..cut], &second.as_bytes()[start..]].concat();
                    taken += usize::from(judge(&torn));
                }
            }
            // At the same offset of both, as a file that was written over at a block's border.
            for cut in 0..first.len().min(second.len()) {
                let torn = [&first.as_bytes()[..cut], &second.as_bytes()[cut..]].concat();
                taken += usize::from(judge(&torn));
            }
        }
    }
    assert!(taken > 100, "whole frames are among them: {taken}");
}

#[test]
fn every_byte_of_a_frame_changed_is_refused_or_read_as_the_parser_reads_it() {
    for frame in FRAMES {
        for at in 0..frame.len() {
            let mut changed = frame.as_bytes().to_vec();
            for byte in [
                b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', b'+', b'-', b'.', b'0', b'e', b' ', 0, 0xff,
                b'x',
            ] {
                changed[at] = byte;
                judge(&changed);
            }
            judge(&[&frame.as_bytes()[..at], &frame.as_bytes()[at + 1..]].concat());
            judge(&frame.as_bytes()[..at]);
        }
    }
}

#[test]
fn what_no_grammar_allows_is_refused_with_its_place() {
    let ticker = |text: &str| FRAMES[0].replace(r#""60000.10""#, text);
    for text in [
        r#""+5""#,
        r#"".5""#,
        r#""005.00""#,
        r#""5.""#,
        r#""1e3""#,
        r#"" 5""#,
        r#""""#,
        r#""0x10""#,
        r#""5_0""#,
    ] {
        let error = read(ticker(text).as_bytes(), None).unwrap_err().to_string();
        assert!(error.starts_with("b: ") && error.contains("is not a decimal number"), "{text}: {error}");
    }
    for text in ["+5", ".5", "005", "5.", "NaN", "Infinity", "-", "0x10"] {
        let error = read(ticker(text).as_bytes(), None).unwrap_err().to_string();
        assert!(error.starts_with("byte "), "{text}: {error}");
    }
    for (text, price) in [("60000.1", 600_001), ("6e4", 600_000), (r#""0.5""#, 5)] {
        assert_eq!(read(ticker(text).as_bytes(), None).unwrap().1.price[0], price, "{text}");
    }
    // In levels the same, whether the level before was read by its shape or not.
    let depth = FRAMES[4];
    for (old, new) in [
        ("60001.00", "00001.00"),
        ("59999.90", "+9999.90"),
        ("3.500", "3.50."),
        ("0.125", "00125"),
        ("0.125", ".1250"),
    ] {
        let error = read(depth.replacen(old, new, 1).as_bytes(), None).unwrap_err().to_string();
        assert!(error.contains("is not a decimal number"), "{new}: {error}");
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    for (frame, key) in
        FRAMES.iter().zip(["u", "e", "t", "q", "pu", "a", "lastUpdateId", "r", "z", "openInterest"])
    {
        let at = frame.find(&format!("\"{key}\":")).unwrap();
        let doubled = [&frame[..at], &format!("\"{key}\":\"1\","), &frame[at..]].concat();
        let error = read(doubled.as_bytes(), None).unwrap_err().to_string();
        assert_eq!(error, format!("{key} is there twice"), "{doubled}");
    }
    for frame in [
        r#"{"data":{"e":"kline"},"data":{}}"#,
        r#"{"stream":"a","stream":"b","data":{}}"#,
        r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":1,"b":[],"a":[],"b":"5"}"#,
    ] {
        assert!(matches!(read(frame.as_bytes(), None), Err(DecodeError::Duplicate(_))), "{frame}");
    }
}

#[test]
fn escapes_stand_for_what_they_name() {
    let escaped = FRAMES[4].replace(r#""s":"BTCUSDT""#, r#""s":"\u0042TC\u0055SDT""#);
    assert_eq!(
        read(escaped.as_bytes(), Some(100)).unwrap().1,
        read(FRAMES[4].as_bytes(), Some(100)).unwrap().1
    );
    let kind = FRAMES[2].replace("\"trade\"", "\"tr\\u0061de\"");
    assert_eq!(read(kind.as_bytes(), None).unwrap().0, FeedMessage::Trade);
    let partial = FRAMES[4].replace("@depth@100ms", "\\u0040depth20");
    assert_eq!(read(partial.as_bytes(), Some(100)).unwrap().0, FeedMessage::OtherDepth);
}

#[test]
fn a_frame_holds_no_more_levels_than_a_book_has() {
    let levels = |count: usize| r#"["1.0","1"],"#.repeat(count) + r#"["1.0","1"]"#;
    let frame = |bids: usize, asks: usize| {
        format!(
            r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":1,"b":[{}],"a":[{}]}}"#,
            levels(bids),
            levels(asks)
        )
    };
    assert!(read(frame(60_000, 60_000).as_bytes(), None).is_ok());
    let error = read(frame(70_000, 70_000).as_bytes(), None).unwrap_err().to_string();
    assert_eq!(error, "more than 131072 levels in a frame");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn damaged_frames_are_refused_or_read_as_the_parser_reads_them(
        frames in prop::collection::vec(prop::sample::select(FRAMES.to_vec()), 1..4),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut bytes = frames.concat().into_bytes();
        for (from, to) in cuts {
            let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
            bytes = if from <= to { bytes[from..to].to_vec() } else { [&bytes[..to], &bytes[from..]].concat() };
        }
        for (at, byte) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        judge(&bytes);
    }
}
