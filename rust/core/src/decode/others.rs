//! Rows of other symbols than the one that is read, counted by symbol.

use std::collections::BTreeMap;

/// Symbols that rows are counted of; those of later ones are summed up.
const MOST_SYMBOLS: usize = 1 << 10;

/// Counts a row of another symbol; rows of those beyond the first thousand are counted under `...`.
pub(super) fn count_other(others: &mut BTreeMap<String, u64>, symbol: &[u8]) {
    let symbol = String::from_utf8_lossy(symbol);
    if let Some(rows) = others.get_mut(&*symbol) {
        *rows += 1;
        return;
    }
    let name = if others.len() < MOST_SYMBOLS { symbol.into_owned() } else { "...".to_owned() };
    *others.entry(name).or_default() += 1;
}
