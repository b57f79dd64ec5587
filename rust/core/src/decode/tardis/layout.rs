//! Kinds of Tardis files, told by their header and name, and where their cells stand.

use crate::decode::error::DecodeError;
use crate::event::EventKind;

/// Most cells a known header has.
pub(super) const MAX_CELLS: usize = 4 + 25 * 4;

/// Longest row: a known header with cells of six hundred bytes.
const MAX_ROW: usize = 1 << 16;

/// Kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TardisKind {
    /// `incremental_book_L2`.
    Book,
    /// `trades`.
    Trades,
    /// `quotes` or `book_ticker`.
    Quotes,
    /// `book_snapshot_5`, `book_snapshot_25`.
    Snapshots {
        /// Levels a side.
        depth: usize,
    },
    /// `derivative_ticker`.
    Ticker,
    /// `liquidations`.
    Liquidations,
}

impl TardisKind {
    /// The events its rows mainly make.
    pub(super) fn event_kind(self) -> EventKind {
        match self {
            Self::Trades => EventKind::Trade,
            Self::Book | Self::Snapshots { .. } => EventKind::BookSet,
            Self::Quotes => EventKind::Quote,
            Self::Ticker => EventKind::Mark,
            Self::Liquidations => EventKind::Liquidation,
        }
    }
}

/// Where the cells of a kind stand in a file's rows.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) kind: TardisKind,
    pub(super) cells: usize,
    pub(super) symbol: usize,
    pub(super) timestamp: usize,
    pub(super) local: usize,
    /// Whether it is a book whose columns stand in the vendor's order, the stamps before what changes with the row.
    pub(super) is_plain_book: bool,
    /// Whether the file is taken for trades though neither its name nor a row with an id says so.
    pub(super) are_trades_assumed: bool,
    /// Columns of the kind, in the order its reader wants them.
    pub(super) columns: Vec<usize>,
}

const BOOK: [&str; 4] = ["is_snapshot", "side", "price", "amount"];
const TRADES: [&str; 4] = ["id", "side", "price", "amount"];
const QUOTES: [&str; 4] = ["bid_price", "bid_amount", "ask_price", "ask_amount"];
const TICKER: [&str; 5] = ["funding_timestamp", "funding_rate", "open_interest", "index_price", "mark_price"];

/// The text of a row or a header, if the vendor may have written it: no quotes, nothing that does not show.
pub(super) fn text_of(line: &[u8]) -> Result<&str, DecodeError> {
    if line.len() > MAX_ROW {
        return Err(DecodeError::TooMany { what: "bytes in a row", limit: MAX_ROW });
    }
    if line.starts_with(b"\xef\xbb\xbf") {
        return Err(DecodeError::Row("a byte order mark in front; the file has to begin with the header"));
    }
    if line.iter().any(|c| *c < b' ' || matches!(c, b'"' | b'\x7f')) {
        return Err(DecodeError::Row(
            "a quote or a control character; cells are bare text, is this the right kind of file?",
        ));
    }
    std::str::from_utf8(line).map_err(|_| DecodeError::Row("the row is no text in UTF-8"))
}

/// Which of two kinds with the same columns a file says it holds, in its own name or as the folder of the vendor's
/// layout (`exchange/liquidations/2024/08/08/BTCUSDT.csv.gz`).
fn named_kind(path: &str) -> Option<TardisKind> {
    let mut parts = path.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let kind = |word: &str| match word {
        "liquidations" => Some(TardisKind::Liquidations),
        "trades" => Some(TardisKind::Trades),
        _ => None,
    };
    words.find_map(kind).or_else(|| parts.find_map(kind))
}

impl Layout {
    /// The layout that a header makes in a file of this name.
    pub(super) fn read(header: &[u8], path: &str) -> Result<Self, DecodeError> {
        let names: Vec<&str> = text_of(header)?.split(',').take(MAX_CELLS + 1).map(str::trim).collect();
        let find = |name: &str| names.iter().position(|n| *n == name);
        let need = |name: &str| {
            let at = find(name).ok_or_else(|| DecodeError::Column(name.to_owned()))?;
            if names[at + 1..].contains(&name) {
                return Err(DecodeError::Duplicate(name.to_owned()));
            }
            Ok(at)
        };
        let all = |wanted: &[&str]| wanted.iter().map(|name| need(name)).collect::<Result<Vec<_>, _>>();
        let mut are_trades_assumed = false;
        let (kind, columns) = if find("is_snapshot").is_some() {
            (TardisKind::Book, all(&BOOK)?)
        } else if find("asks[0].price").is_some() {
            let depth = (0..MAX_CELLS).take_while(|i| find(&format!("asks[{i}].price")).is_some()).count();
            let mut columns = Vec::new();
            for i in 0..depth {
                for name in ["bids", "asks"] {
                    columns.push(need(&format!("{name}[{i}].price"))?);
                    columns.push(need(&format!("{name}[{i}].amount"))?);
                }
            }
            (TardisKind::Snapshots { depth }, columns)
        } else if find("funding_rate").is_some() {
            (TardisKind::Ticker, all(&TICKER)?)
        } else if find("ask_amount").is_some() && find("strike_price").is_none() {
            (TardisKind::Quotes, all(&QUOTES)?)
        } else if find("side").is_some() {
            let named = named_kind(path);
            are_trades_assumed = named.is_none();
            (named.unwrap_or(TardisKind::Trades), all(&TRADES)?)
        } else {
            return Err(DecodeError::Column(
                "of incremental_book_L2, trades, liquidations, quotes, book_snapshot or derivative_ticker"
                    .into(),
            ));
        };
        if names.len() > MAX_CELLS {
            return Err(DecodeError::TooMany { what: "columns", limit: MAX_CELLS });
        }
        let (symbol, timestamp, local) = (need("symbol")?, need("timestamp")?, need("local_timestamp")?);
        let is_plain_book =
            kind == TardisKind::Book && (names.len(), local, columns.as_slice()) == (8, 3, &[4, 5, 6, 7]);
        Ok(Self {
            kind,
            cells: names.len(),
            symbol,
            timestamp,
            local,
            is_plain_book,
            are_trades_assumed,
            columns,
        })
    }
}
