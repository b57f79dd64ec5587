//! Frames of Coinbase, of either feed.

use super::Target;
use super::feed::hold;
use super::venues::{advanced_frames, exchange_frames};

pub(super) const TARGET: Target = Target {
    name: "coinbase",
    run: |input| hold("COINBASE", &["BTC-USD.COINBASE", "ETH-USD.COINBASE"], input, |_| false),
    seeds: || {
        [advanced_frames(400), exchange_frames(400)].map(|frames| frames.join("\n").into_bytes()).into()
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
        "\n",
        "\n#\n",
        " ",
        "\"channel\":\"l2_data\"",
        "\"channel\":\"market_trades\"",
        "\"channel\":\"ticker\"",
        "\"channel\":\"candles\"",
        "\"channel\":\"subscriptions\"",
        "\"channel\":\"heartbeats\"",
        "\"sequence_num\":",
        "\"timestamp\":\"2023-11-14T22:13:20Z\"",
        "\"events\":[{",
        "\"type\":\"snapshot\"",
        "\"type\":\"update\"",
        "\"product_id\":\"BTC-USD\"",
        "\"updates\":[{",
        "{\"side\":\"bid\",\"event_time\":\"1970-01-01T00:00:00Z\",\"price_level\":\"1.0\",\"new_quantity\":\"0\"}",
        "\"side\":\"offer\"",
        "\"trades\":[{",
        "\"trade_id\":",
        "\"type\":\"l2update\"",
        "\"type\":\"match\"",
        "\"type\":\"last_match\"",
        "\"changes\":[[\"buy\",\"1.0\",\"1\"]]",
        "\"time\":\"0001-01-01T00:00:00Z\"",
        "\"sequence\":",
    ],
    iterations: 1_000,
};
