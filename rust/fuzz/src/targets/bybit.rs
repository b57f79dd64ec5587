//! Frames of Bybit's public topics.

use super::Target;
use super::feed::hold;
use super::venues::bybit_frames;

pub(super) const TARGET: Target = Target {
    name: "bybit",
    run: |input| hold("BYBIT", &["BTCUSDT.BYBIT", "ETHUSDT.BYBIT"], input, |_| false),
    seeds: || vec![bybit_frames(400).join("\n").into_bytes()],
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
        "[[\"1.0\",\"1\"]]",
        "\"topic\":\"orderbook.50.BTCUSDT\"",
        "\"topic\":\"orderbook.1.BTCUSDT\"",
        "\"topic\":\"orderbook.200.BTCUSDT\"",
        "\"topic\":\"publicTrade.BTCUSDT\"",
        "\"topic\":\"tickers.BTCUSDT\"",
        "\"topic\":\"allLiquidation.BTCUSDT\"",
        "\"topic\":\"kline.1.BTCUSDT\"",
        "\"type\":\"snapshot\"",
        "\"type\":\"delta\"",
        "\"data\":{",
        "\"data\":[",
        "\"ts\":1700000000000",
        "\"cts\":",
        "\"cs\":",
        "\"u\":1",
        "\"seq\":",
        "\"s\":\"BTCUSDT\"",
        "\"S\":\"Buy\"",
        "\"RPI\":true",
        "\"op\":\"ping\"",
        "\"success\":false",
        "\"bid1Price\":\"\"",
    ],
    iterations: 1_000,
};
