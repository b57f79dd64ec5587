//! What hostile or broken frames may not do.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use tradecore_core::book::BookState;
use tradecore_core::decode::{BinanceDecoder, BinanceMarket, CaptureReader, DecodeError, Lines, Strictness};
use tradecore_core::event::EventColumns;
use tradecore_core::types::InstrumentKind;

const TICKER: &str = r#"{"u":9,"s":"BTCUSDT","b":"100.0","B":"1","a":"100.1","A":"2"}"#;

struct Spot {
    decoder: BinanceDecoder,
    out: [EventColumns; 1],
}

impl Spot {
    fn new() -> Self {
        let spec = common::instrument("BTCUSDT.BINANCE", InstrumentKind::Linear);
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
        assert!(matches!(spot.feed(&frame), Err(DecodeError::Value { .. })), "{frame}");
    }
    for time in ["20000000000000", "18500000000000000", "99999999999999", "9223372036854775807"] {
        let frame = format!(r#"{{"e":"markPriceUpdate","E":{time},"s":"BTCUSDT","p":"1","T":0}}"#);
        assert!(matches!(spot.feed(&frame), Err(DecodeError::Value { field: "E", .. })), "{time}");
    }
    assert!(spot.out[0].is_empty());
}

#[test]
fn a_capture_goes_on_in_the_same_file_after_a_bad_line() {
    let spec = common::instrument("BTCUSDT.BINANCE", InstrumentKind::Linear);
    let line = |id: u64| {
        let ts = 1_700_000_000_000_000_000 + id;
        format!(r#"{ts} {{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":{id},"p":"1.0","q":"1","m":true}}"#)
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
