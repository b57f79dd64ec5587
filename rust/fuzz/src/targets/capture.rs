//! A recording: read in pieces of any size, from a stream that is slow or packed, or twice in parallel, it is the same.
//! What is no message is left out when asked, and nothing else is.

use tradecore_core::decode::{CaptureCounts, CaptureReader, DecodeError, PlacedError, Strictness};
use tradecore_core::event::{Columns as _, EventColumns};
use tradecore_core::types::InstrumentKind;

use super::Target;
use super::text::{MARKETS, frames, gzip, has_array, lines};
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
    tokens: &[
        "\n",
        " ",
        "\r\n",
        "0 {}",
        "1700000000000000000 ",
        "1700000000.5 ",
        "\"s\":\"BTCUSDT\"",
        "\"lastUpdateId\":",
        "[",
        "]",
        ",",
        "\"stream\":\"btcusdt@depth@500ms\",\"data\":",
        "\"stream\":\"btcusdt@depth20@100ms\",\"data\":",
        "\"stream\":\"btcusdt@rpiDepth@500ms\",\"data\":",
        "\"data\":[",
        "\"X\":\"ADL\"",
        "\n1700000000000000000 pong\n",
    ],
    iterations: 500,
};

type Read = (EventColumns, CaptureCounts, Option<PlacedError>);

fn read(first: u8, text: &[u8], strictness: Strictness, rows: usize, most: usize) -> Read {
    read_all(first, &[text], strictness, rows, most)
}

fn read_all(first: u8, texts: &[&[u8]], strictness: Strictness, rows: usize, most: usize) -> Read {
    read_of(first, texts, strictness, most, |reader| reader, rows)
}

fn read_of(
    first: u8,
    texts: &[&[u8]],
    strictness: Strictness,
    most: usize,
    with: impl FnOnce(CaptureReader) -> CaptureReader,
    rows: usize,
) -> Read {
    let market = MARKETS[usize::from(first) % MARKETS.len()];
    let spec = instrument("BTCUSDT.BINANCE", InstrumentKind::LINEAR_PERPETUAL);
    let inputs = texts.iter().map(|text| lines("a", text, most)).collect();
    let mut reader = with(CaptureReader::new(market, &spec, inputs, strictness));
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
    // An array is one line of many frames.
    assert!(has_array(text) || counts.lines >= counts.trades + counts.quotes + counts.marks + counts.control);
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
    let skipping = read(*first, text, Strictness::Skip, usize::MAX, usize::MAX);
    skipping.0.view().check().expect("decoded rows keep the rules of columns");
    if lenient.2.is_none() {
        assert_eq!(skipping, lenient, "there was nothing to skip");
    }
    let is_rubbish =
        |found: &PlacedError| matches!(found.error, DecodeError::Rubbish(_) | DecodeError::Io(_));
    assert!(!skipping.2.as_ref().is_some_and(is_rubbish), "what is no message is left out");
    assert_eq!(read(*first, text, Strictness::Skip, 1, 3), skipping);
    let empty = read_of(*first, &[text], Strictness::Skip, 50, CaptureReader::starting_empty, 7);
    empty.0.view().check().expect("decoded rows keep the rules of columns");
    assert!(empty.1.book_updates >= skipping.1.book_updates);
    let (begin, end) = text.split_at(text.len() / 2);
    let halves = read_all(*first, &[end, begin], Strictness::Lenient, 7, usize::MAX);
    halves.0.view().check().expect("decoded rows keep the rules of columns");
}
