//! Kinds of Tardis files, told by their header and name, and where their cells stand.

use std::fmt;

use crate::decode::error::DecodeError;
use crate::decode::text::{Cells, Row};
use crate::event::EventKind;

/// Most cells a known header has.
pub(super) const MAX_CELLS: usize = 4 + 25 * 4;

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
    /// The events its rows mainly make. What makes the same at the same time is a second source of it.
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

impl fmt::Display for TardisKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Book => f.write_str("incremental_book_L2"),
            Self::Trades => f.write_str("trades"),
            Self::Quotes => f.write_str("quotes"),
            Self::Snapshots { depth } => write!(f, "book_snapshot_{depth}"),
            Self::Ticker => f.write_str("derivative_ticker"),
            Self::Liquidations => f.write_str("liquidations"),
        }
    }
}

/// Where the cells of a kind stand in a file's rows.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) kind: TardisKind,
    /// Names of the columns, in small letters.
    pub(super) names: Vec<String>,
    pub(super) exchange: usize,
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

/// Which of two kinds with the same columns a file says it holds, in its own name or as the folder of the vendor's
/// layout (`exchange/liquidations/2024/08/08/BTCUSDT.csv.gz`). A name that has both words says nothing.
fn named_kind(path: &str) -> Option<TardisKind> {
    let mut parts = path.rsplit(['/', '\\']).map(str::to_ascii_lowercase);
    let kind = |word: &str| match word {
        "liquidation" | "liquidations" => Some(TardisKind::Liquidations),
        "trade" | "trades" => Some(TardisKind::Trades),
        _ => None,
    };
    let name = parts.next().unwrap_or_default();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(kind);
    match words.next() {
        Some(first) => words.all(|other| other == first).then_some(first),
        None => parts.find_map(|part| kind(&part)),
    }
}

impl Layout {
    /// The layout that a header makes in a file of this name.
    pub(super) fn read(header: &[u8], cells: &mut Cells, path: &str) -> Result<Self, DecodeError> {
        let row = cells.split(header)?;
        let text = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase();
        let names: Vec<String> = row.iter().take(MAX_CELLS + 1).map(text).collect();
        let find = |name: &str| names.iter().position(|n| *n == name);
        let need = |name: &str| {
            let at = find(name).ok_or_else(|| DecodeError::Column(name.to_owned()))?;
            if names[at + 1..].iter().any(|other| other == name) {
                return Err(DecodeError::Duplicate(name.to_owned()));
            }
            Ok(at)
        };
        let all = |wanted: &[&str]| wanted.iter().map(|name| need(name)).collect::<Result<Vec<_>, _>>();
        if find("strike_price").is_some() {
            return Err(DecodeError::Row(
                "options_chain is not read; take trades, quotes and incremental_book_L2 of the option instead",
            ));
        }
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
        } else if find("ask_amount").is_some() {
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
        let (exchange, symbol) = (need("exchange")?, need("symbol")?);
        let (timestamp, local) = (need("timestamp")?, need("local_timestamp")?);
        let is_plain_book =
            kind == TardisKind::Book && (names.len(), local, columns.as_slice()) == (8, 3, &[4, 5, 6, 7]);
        let is_plain_book = is_plain_book && cells.has_commas();
        Ok(Self {
            kind,
            names,
            exchange,
            symbol,
            timestamp,
            local,
            is_plain_book,
            are_trades_assumed,
            columns,
        })
    }

    /// Whether a row is one of the kind; not so a header once more and a row without anything in it.
    ///
    /// # Errors
    /// [`DecodeError`] for a row that has other cells than the header.
    #[inline(always)]
    pub(super) fn is_event(&self, row: &Row<'_>) -> Result<bool, DecodeError> {
        let is_row = row.len() == self.names.len()
            && !row.cell(self.symbol).is_empty()
            && row.cell(self.local).first().is_some_and(u8::is_ascii_digit);
        if is_row { Ok(true) } else { self.is_odd_event(row) }
    }

    #[cold]
    fn is_odd_event(&self, row: &Row<'_>) -> Result<bool, DecodeError> {
        let mut pairs = row.iter().zip(&self.names);
        let is_header = row.len() == self.names.len()
            && pairs.all(|(cell, name)| cell.eq_ignore_ascii_case(name.as_bytes()));
        if is_header || row.iter().all(<[u8]>::is_empty) {
            return Ok(false);
        }
        if row.iter().any(|cell| cell.eq_ignore_ascii_case(b"local_timestamp")) {
            return Err(DecodeError::Row("a second header, with other columns than the first"));
        }
        if row.len() == self.names.len() {
            let has_symbol = !row.cell(self.symbol).is_empty();
            // What else is wrong with a row is said where it is read.
            return if has_symbol { Ok(true) } else { Err(DecodeError::value("symbol", b"", "a symbol")) };
        }
        Err(DecodeError::Cells { got: row.len(), expected: self.names.len() })
    }
}
