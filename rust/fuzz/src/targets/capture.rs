//! A recording: read in pieces of any size, from a stream that is slow or packed, or twice in parallel, it is the same.

use tradecore_core::decode::{CaptureCounts, CaptureReader, PlacedError, Strictness};
use tradecore_core::event::{Columns as _, EventColumns};
use tradecore_core::types::InstrumentKind;

use super::Target;
use super::text::{MARKETS, frames, gzip, lines};
use crate::common::instrument;

pub(super) const TARGET: Target = Target {
    name: "capture",
    run,
    seeds: || {
        let line = |(recv, text): (i64, String)| format!("{recv} {text}\n");
        let of = |at: usize| {
            let text: String = frames(MARKETS[at], 300).into_iter().map(line).collect();
            [&[b"\x00\x01\x02"[at]], text.as_bytes()].concat()
        };
        (0..MARKETS.len()).map(of).collect()
    },
    tokens: &["\n", " ", "\r\n", "0 {}", "1700000000000000000 ", "\"s\":\"BTCUSDT\"", "\"lastUpdateId\":"],
    iterations: 500,
};

type Read = (EventColumns, CaptureCounts, Option<PlacedError>);

fn read(first: u8, text: &[u8], strictness: Strictness, rows: usize, most: usize) -> Read {
    read_all(first, &[text], strictness, rows, most)
}

fn read_all(first: u8, texts: &[&[u8]], strictness: Strictness, rows: usize, most: usize) -> Read {
    let market = MARKETS[usize::from(first) % MARKETS.len()];
    let spec = instrument("BTCUSDT.BINANCE", InstrumentKind::LINEAR_PERPETUAL);
    let inputs = texts.iter().map(|text| lines("a", text, most)).collect();
    let mut reader = CaptureReader::new(market, &spec, inputs, strictness);
    let (mut all, mut error) = (EventColumns::default(), None);
    loop {
        let mut out = EventColumns::default();
        let more = reader.read(&mut out, rows);
        all.extend_from(&out, 0, out.len());
        match more {
            Ok(true) => {}
            Ok(false) => break,
            Err(found) => {
                error = Some(found);
                break;
            }
        }
    }
    if let Some(check) = reader.ticker_check() {
        assert_eq!(check.compared, check.equal + check.differing);
    }
    (all, reader.counts(), error)
}

fn run(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let strict = read(*first, text, Strictness::Strict, usize::MAX, usize::MAX);
    let (events, counts, error) = &strict;
    events.view().check().expect("decoded rows keep the rules of columns");
    assert!(counts.lines >= counts.trades + counts.quotes + counts.marks + counts.control);
    assert_eq!(read(*first, text, Strictness::Strict, 1, 3), strict);
    if !text.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(read(*first, &gzip(text), Strictness::Strict, 5, 100), strict);
    }
    let lenient = read(*first, text, Strictness::Lenient, usize::MAX, usize::MAX);
    if error.is_none() {
        assert_eq!(lenient, strict, "there was nothing to be lenient about");
        let twice = read_all(*first, &[text, text], Strictness::Strict, usize::MAX, usize::MAX);
        assert_eq!((&twice.0, &twice.2), (events, error), "what two recordings hold counts once");
    }
    lenient.0.view().check().expect("decoded rows keep the rules of columns");
    let (begin, end) = text.split_at(text.len() / 2);
    let halves = read_all(*first, &[end, begin], Strictness::Lenient, 7, usize::MAX);
    halves.0.view().check().expect("decoded rows keep the rules of columns");
}
