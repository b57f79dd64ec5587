//! Frames of Binance's markets.

use super::Target;
use super::feed::hold;
use super::text::{MARKETS, frames, has_array};

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

fn run(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let venue = ["BINANCE", "BINANCE_USDM", "BINANCE_COINM"][usize::from(*first) % MARKETS.len()];
    let ids = ["BTCUSDT.BINANCE", "ETHUSDT.BINANCE"];
    // Of an array, what stands in front of the malformed frame has been taken.
    hold(venue, &ids[..=usize::from(*first >= 128)], text, has_array);
}
