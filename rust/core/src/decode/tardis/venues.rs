//! Names of venues, by those that Tardis gives its exchanges.

/// Exchanges of Tardis.
pub const TARDIS_EXCHANGES: [&str; 57] = [
    "ascendex",
    "binance",
    "binance-delivery",
    "binance-dex",
    "binance-european-options",
    "binance-futures",
    "binance-jersey",
    "binance-options",
    "binance-us",
    "bitfinex",
    "bitfinex-derivatives",
    "bitflyer",
    "bitget",
    "bitget-futures",
    "bitmex",
    "bitnomial",
    "bitstamp",
    "blockchain-com",
    "bybit",
    "bybit-options",
    "bybit-spot",
    "coinbase",
    "coinbase-international",
    "coinflex",
    "crypto-com",
    "cryptofacilities",
    "delta",
    "deribit",
    "dydx",
    "dydx-v4",
    "ftx",
    "ftx-us",
    "gate-io",
    "gate-io-futures",
    "gemini",
    "hitbtc",
    "huobi",
    "huobi-dm",
    "huobi-dm-linear-swap",
    "huobi-dm-options",
    "huobi-dm-swap",
    "hyperliquid",
    "kraken",
    "kucoin",
    "kucoin-futures",
    "mango",
    "okcoin",
    "okex",
    "okex-futures",
    "okex-options",
    "okex-spreads",
    "okex-swap",
    "phemex",
    "poloniex",
    "serum",
    "upbit",
    "woo-x",
];

/// The venue of an exchange: its name in capitals and with underscores, but for three that are called otherwise here.
pub fn tardis_venue(exchange: &str) -> String {
    match exchange.to_uppercase().replace('-', "_").as_str() {
        "BINANCE_FUTURES" => "BINANCE_USDM".into(),
        "BINANCE_DELIVERY" => "BINANCE_COINM".into(),
        "CRYPTOFACILITIES" => "KRAKEN_FUTURES".into(),
        venue => venue.into(),
    }
}

/// Whether rows of an exchange may be of an instrument at a venue: symbols alone are not unique. Of names that are not
/// known here the user knows better.
pub(super) fn may_be_of(exchange: &str, venue: &str) -> bool {
    let own = tardis_venue(exchange);
    own == venue || !is_known(&own) || !is_known(venue)
}

/// Whether a venue is one that data is published of by that name, and not one of somebody's own.
pub(in crate::decode) fn is_known(venue: &str) -> bool {
    TARDIS_EXCHANGES.iter().any(|known| tardis_venue(known) == venue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_a_venue_and_no_other_that_is_known() {
        assert_eq!(tardis_venue("Binance-Futures"), "BINANCE_USDM");
        assert_eq!(tardis_venue("okex-swap"), "OKEX_SWAP");
        assert!(may_be_of("okex-swap", "OKEX_SWAP") && may_be_of("okex-swap", "MINE"));
        assert!(may_be_of("bybit", "BYBIT") && may_be_of("mine", "BYBIT"));
        for (exchange, venue) in
            [("bybit-spot", "BYBIT"), ("binance", "BINANCE_USDM"), ("BINANCE", "OKEX"), ("okex", "BINANCE")]
        {
            assert!(!may_be_of(exchange, venue), "{exchange}");
        }
    }
}
