//! Whose data a file says it holds, in its name and where it lies.

use super::error::DecodeError;
use super::tardis::is_known;
use crate::types::InstrumentId;

/// What a file says of its origin.
pub(super) struct Origin<'a> {
    pub(super) publisher: &'static str,
    /// Venues that publish such files; none where anybody may.
    pub(super) venues: &'a [&'static str],
    /// The one of them that it is of, if that is known.
    pub(super) venue: Option<&'static str>,
    /// The symbol that it is named after.
    pub(super) symbol: Option<&'a str>,
}

impl Origin<'_> {
    /// Refuses the file of another venue or symbol, as far as both are known: columns alike are not the same market.
    pub(super) fn check(&self, id: &InstrumentId) -> Result<(), DecodeError> {
        let fail = |problem| Err(DecodeError::Value { field: "file", problem });
        let is_other = match self.venue {
            Some(venue) => venue != id.venue(),
            None => !self.venues.is_empty() && !self.venues.contains(&id.venue()),
        };
        if is_other && is_known(id.venue()) {
            let whose = self.venue.map_or_else(|| self.venues.join(" or "), ToOwned::to_owned);
            return fail(format!("{} are of venue {whose}, expected {}", self.publisher, id.venue()));
        }
        match self.symbol {
            Some(symbol) if symbol != id.symbol() => {
                fail(format!("it is named after {symbol}, expected {}", id.symbol()))
            }
            _ => Ok(()),
        }
    }
}

/// The symbol in the name of an official file (`BTCUSDT-aggTrades-2024-08-08.csv`, `BTC-USDT-SWAP-trades-2024-08-08.csv`,
/// `BTCUSDT_2022-11-10.csv`): what stands before the kind or the date, written as venues write symbols.
pub(super) fn symbol(path: &str) -> Option<&str> {
    let name = path.rsplit(['/', '\\']).next()?;
    let before = |mark: &str| name.find(mark).map(|at| &name[..at]);
    let kinds = ["-aggTrades", "-trades", "-bookTicker", "-klines", "_T_DEPTH"];
    let symbol = kinds.iter().find_map(|kind| before(kind)).or_else(|| {
        // The mark before a year.
        let at = name.find("_20").or_else(|| name.find("-20"))?;
        name.get(at + 1..at + 5)?.bytes().all(|byte| byte.is_ascii_digit()).then_some(&name[..at])
    })?;
    is_symbol(symbol).then_some(symbol)
}

/// The symbol and the interval in the name of an official file of klines, `BTCUSDT-1m-2024-08-08.csv`.
pub(super) fn kline_name(path: &str) -> Option<(&str, &str)> {
    let name = path.rsplit(['/', '\\']).next()?;
    let (before, _) = name.split_at_checked(name.find("-20")?)?;
    let (symbol, interval) = before.rsplit_once('-')?;
    let is_interval = interval.ends_with(|c: char| "smhdwo".contains(c))
        && interval.starts_with(|c: char| c.is_ascii_digit());
    (is_interval && is_symbol(symbol)).then_some((symbol, interval))
}

fn is_symbol(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_ascii_lowercase() || c.is_whitespace())
}

/// The one of some venues that a symbol, a path or the ids of a book tell.
pub(super) fn venue(
    venues: &[&'static str],
    symbol: Option<&str>,
    path: &str,
    has_previous: bool,
) -> Option<&'static str> {
    if let [only] = venues {
        return Some(only);
    }
    let words = || path.split(|c: char| !c.is_ascii_alphanumeric());
    let told = |word: &str| words().any(|w| w == word);
    let name = if venues.contains(&"OKEX") {
        okx(symbol?)
    } else if told("spot") {
        "BINANCE"
    } else if told("um") {
        "BINANCE_USDM"
    } else if told("cm") {
        "BINANCE_COINM"
    } else if venues.contains(&"BINANCE") && !has_previous {
        return None;
    } else {
        // Coin-margined contracts have what they end with behind a bar, and are quoted in dollars; dated ones of the
        // other market are quoted in coins.
        match symbol?.split_once('_') {
            Some((pair, _)) if pair.ends_with("USD") => "BINANCE_COINM",
            _ => "BINANCE_USDM",
        }
    };
    venues.iter().find(|venue| **venue == name).copied()
}

fn okx(symbol: &str) -> &'static str {
    match symbol.rsplit('-').next() {
        Some("SWAP") => "OKEX_SWAP",
        Some("C" | "P") => "OKEX_OPTIONS",
        Some(date) if date.len() == 6 && date.bytes().all(|byte| byte.is_ascii_digit()) => "OKEX_FUTURES",
        _ => "OKEX",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn official_names_begin_with_the_symbol() {
        for (path, expected) in [
            ("a/BTCUSDT-aggTrades-2024-08-08.zip/BTCUSDT-aggTrades-2024-08-08.csv", Some("BTCUSDT")),
            ("BTCUSD_PERP-trades-2024-08.csv", Some("BTCUSD_PERP")),
            ("币安人生USDT-bookTicker-2026-01-01.csv", Some("币安人生USDT")),
            ("BTCUSDT_T_DEPTH_2021-12-01_depth_snap.csv", Some("BTCUSDT")),
            ("BTC-USDT-SWAP-trades-2024-08-08.csv", Some("BTC-USDT-SWAP")),
            ("BTCUSDT_2022-11-10.csv.gz", Some("BTCUSDT")),
            ("BTCUSDT2022-11-10.csv.gz", None),
            ("01-vision-um-aggTrades-header.csv", None),
            ("my trades-2024.csv", None),
            ("trades.csv", None),
        ] {
            assert_eq!(symbol(path), expected, "{path}");
        }
    }

    #[test]
    fn names_of_klines_have_an_interval() {
        for (path, expected) in [
            ("data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-08-08.zip", Some("BTCUSDT")),
            ("BTCUSD_PERP-12h-2024-08.csv", Some("BTCUSD_PERP")),
            ("BTCUSDT_240927-1mo-2024-08.csv.gz", Some("BTCUSDT_240927")),
            ("BTCUSDT-trades-2024-08.csv", None),
            ("BTCUSDT-2024-08.csv", None),
            ("my bars-1m-2024.csv", None),
            ("klines.csv", None),
        ] {
            assert_eq!(kline_name(path).map(|(symbol, _)| symbol), expected, "{path}");
        }
    }

    #[test]
    fn a_market_is_told_or_not_at_all() {
        let (futures, all) =
            (&["BINANCE_USDM", "BINANCE_COINM"], &["BINANCE", "BINANCE_USDM", "BINANCE_COINM"]);
        assert_eq!(venue(futures, Some("BTCUSDT"), "x.csv", false), Some("BINANCE_USDM"));
        assert_eq!(venue(futures, Some("BTCUSDT_240927"), "x.csv", false), Some("BINANCE_USDM"));
        assert_eq!(venue(futures, Some("BTCUSD_PERP"), "x.csv", false), Some("BINANCE_COINM"));
        assert_eq!(venue(futures, None, "data/futures/cm/x.csv", false), Some("BINANCE_COINM"));
        assert_eq!(venue(futures, None, "x.csv", false), None);
        assert_eq!(venue(all, Some("BTCUSDT"), "x.csv", false), None);
        assert_eq!(venue(all, Some("BTCUSDT"), "x.csv", true), Some("BINANCE_USDM"));
        assert_eq!(venue(all, Some("BTCUSDT"), "data/spot/x.csv", false), Some("BINANCE"));
        let okx = &["OKEX", "OKEX_SWAP", "OKEX_FUTURES", "OKEX_OPTIONS"];
        for (symbol, expected) in [
            ("BTC-USDT", "OKEX"),
            ("BTC-USDT-SWAP", "OKEX_SWAP"),
            ("BTC-USD-240927", "OKEX_FUTURES"),
            ("BTC-USD-240927-60000-C", "OKEX_OPTIONS"),
        ] {
            assert_eq!(venue(okx, Some(symbol), "x.csv", false), Some(expected));
        }
    }
}
