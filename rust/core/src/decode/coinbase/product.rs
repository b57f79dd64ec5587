//! Products as frames name them.

use crate::decode::symbol::{Symbol, find};

/// The product that a frame names: itself, or the alias of it (`BTC-USDC` of `BTC-USD`) where that alone is asked for.
pub(super) fn product(symbols: &[Symbol], name: &[u8]) -> Option<usize> {
    let is_alias = |symbol: &Symbol| symbol.name().as_bytes().strip_suffix(b"C") == Some(name);
    find(symbols, name)
        .or_else(|| name.ends_with(b"-USD").then(|| symbols.iter().position(is_alias)).flatten())
}
