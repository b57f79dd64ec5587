//! Frames of a venue. Whatever is refused leaves nothing behind, the way that is written for the usual text of a depth
//! update reads as the general one, and a book that takes the events directly is the book of their columns.

use std::sync::Arc;

use tradecore_core::book::{BookState, L2Book};
use tradecore_core::decode::BinanceDecoder;
use tradecore_core::event::{Columns as _, EventColumns};
use tradecore_core::types::{InstrumentKind, Side};

use super::Target;
use super::text::{MARKETS, frames, has_array};
use crate::common::instrument;

pub(super) const TARGET: Target = Target {
    name: "binance",
    run,
    seeds: || {
        let of = |at: usize| {
            let frames: Vec<String> = frames(MARKETS[at], 400).into_iter().map(|(_, text)| text).collect();
            let (head, tail) = frames.split_at(frames.len().min(8));
            [[b"\x00\x01\x02"[at]].as_slice(), head.join("\n").as_bytes(), b"\n", tail.join("\n").as_bytes()]
                .concat()
        };
        (0..MARKETS.len()).map(of).collect()
    },
    tokens: &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "true",
        "\\u0000",
        "\\\"",
        "\n",
        " ",
        "[[\"1.0\",\"1\"]]",
        "\"T\":",
        "\"E\":",
        "\"s\":\"BTCUSDT\"",
        "\"e\":",
        "depthUpdate",
        "trade",
        "aggTrade",
        "bookTicker",
        "markPriceUpdate",
        "forceOrder",
        "\"lastUpdateId\":",
        "\"stream\":",
        "\"data\":{",
        "btcusdt@depth20",
        "\"pu\":",
        "\"U\":",
        "\"u\":",
        "\"bids\":",
        "\"asks\":",
        "openInterest",
        "\"symbol\":",
        "\"time\":",
        "\"o\":{",
        "\"ps\":",
        "\"data\":[",
        "btcusdt@rpiDepth@500ms",
        "btcusdt@depth@500ms",
    ],
    iterations: 1_500,
};

/// A time of receipt.
const RECV: i64 = 1_700_000_000_000_000_000;

fn run(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let market = MARKETS[usize::from(*first) % MARKETS.len()];
    let ids = ["BTCUSDT.BINANCE", "ETHUSDT.BINANCE"];
    let instruments = || {
        ids[..=usize::from(*first >= 128)]
            .iter()
            .map(|id| instrument(id, InstrumentKind::LINEAR_PERPETUAL))
            .collect::<Vec<Arc<_>>>()
    };
    let decoder = || BinanceDecoder::new(market, instruments());
    let (mut usual, mut general, mut direct) = (decoder(), decoder(), decoder());
    let (mut events, mut other_events): ([EventColumns; 2], [EventColumns; 2]) = Default::default();
    let mut books: [L2Book; 2] = Default::default();
    for (at, frame) in text.split(|byte| *byte == b'\n').enumerate() {
        let recv = RECV + at as i64;
        let before = (events[0].len(), events[1].len(), usual.state(0), usual.gaps(0));
        let said = usual.feed(frame, recv, &mut events);
        // Of an array, what stands in front of the malformed frame has been taken.
        if said.is_err() && !has_array(frame) {
            assert_eq!((events[0].len(), events[1].len(), usual.state(0), usual.gaps(0)), before);
        }
        // White space in front is no part of the usual text.
        let spaced = [b" ", frame].concat();
        assert_eq!(general.feed(&spaced, recv, &mut other_events).is_ok(), said.is_ok());
        assert_eq!(direct.feed(frame, recv, &mut books), said);
        if let Ok(outcome) = said {
            assert!(outcome.instrument.is_none_or(|at| at < instruments().len()));
        }
    }
    assert_eq!(events, other_events);
    for (events, book) in events.iter().zip(&books) {
        events.view().check().expect("decoded rows keep the rules of columns");
        let mut replayed = L2Book::new();
        replayed.apply(&events.view(), 0, events.len());
        assert_eq!(replayed.state(), book.state());
        for side in [Side::Buy, Side::Sell] {
            assert!(replayed.iter(side).eq(book.iter(side)));
        }
    }
    assert_eq!(usual.state(0) == BookState::Synced, general.state(0) == BookState::Synced);
}
