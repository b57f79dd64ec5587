//! Layouts of tables: the official dumps of venues, told by their header or by how a row without one looks, and tables
//! whose columns somebody names.

use crate::decode::error::DecodeError;
use crate::decode::klines::is_kline;
use crate::decode::text::{Cells, flag};
use crate::types::{did_you_mean, nearest};

/// Most columns a table has.
const MAX_CELLS: usize = 256;

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableKind {
    /// Trades, one by one.
    Trades,
    /// Trades at one price by one order, summed up.
    AggTrades,
    /// Levels that changed, and snapshots.
    Depth,
    /// Best prices.
    Quotes,
}

impl TableKind {
    /// The kind in the words of those who publish it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::AggTrades => "aggTrades",
            Self::Depth => "depth",
            Self::Quotes => "bookTicker",
        }
    }
}

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Symbol,
    Id,
    /// When the venue did it.
    Time,
    /// When the venue sent it, where that is told, too.
    Sent,
    /// When it was received.
    Recv,
    /// The taker's side, of levels their own.
    Side,
    /// Whether the buyer was the maker.
    BuyerMaker,
    /// The maker's side.
    MakerSide,
    Price,
    Amount,
    BidPrice,
    BidAmount,
    AskPrice,
    AskAmount,
    FirstId,
    LastId,
    PreviousId,
    /// `snap` for the rows of a snapshot.
    UpdateType,
    IsSnapshot,
    /// What says that a trade was none of the book, if it says anything but no.
    OffBook,
    /// A column that tells what a file is and is not read.
    Skipped,
}

const FIELDS: usize = 21;

/// What people name columns after in a mapping.
const NAMES: [(&str, Field); 16] = [
    ("symbol", Field::Symbol),
    ("id", Field::Id),
    ("time", Field::Time),
    ("sent", Field::Sent),
    ("recv", Field::Recv),
    ("side", Field::Side),
    ("buyer_is_maker", Field::BuyerMaker),
    ("maker_side", Field::MakerSide),
    ("price", Field::Price),
    ("amount", Field::Amount),
    ("bid_price", Field::BidPrice),
    ("bid_amount", Field::BidAmount),
    ("ask_price", Field::AskPrice),
    ("ask_amount", Field::AskAmount),
    ("is_snapshot", Field::IsSnapshot),
    ("off_book", Field::OffBook),
];

/// A mapping: of each field the name of its column, or its number from 1.
pub type ColumnMap = Vec<(String, String)>;

/// Where the cells of a table stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) kind: TableKind,
    /// Who publishes such files, in words.
    pub(super) publisher: &'static str,
    /// Venues whose files these are; none where anybody's may be.
    pub(super) venues: &'static [&'static str],
    /// Whether the venue numbers these trades without a hole.
    pub(super) is_numbered: bool,
    pub(super) has_header: bool,
    pub(super) cells: usize,
    places: [Option<u16>; FIELDS],
}

impl Layout {
    #[inline]
    pub(super) fn place(&self, field: Field) -> Option<usize> {
        self.places[field as usize].map(usize::from)
    }
}

/// A file that venues publish.
struct Known {
    publisher: &'static str,
    kind: TableKind,
    venues: &'static [&'static str],
    /// Columns that are needed, by the names that they have in the header.
    columns: &'static [(Field, &'static str)],
    /// Columns that are read where they are there.
    more: &'static [(Field, &'static str)],
    /// Whether the venue numbers these trades without a hole.
    is_numbered: bool,
    /// What the cells of a row look like, where files come without a header: `i` an integer, `d` a decimal, `b` true or
    /// false, `t` a point in time, `w` a word.
    shape: &'static str,
}

const FUTURES: &[&str] = &["BINANCE_USDM", "BINANCE_COINM"];
const SPOT: &[&str] = &["BINANCE"];
const OKX: &[&str] = &["OKEX", "OKEX_SWAP", "OKEX_FUTURES", "OKEX_OPTIONS"];

const TRADE: &[(Field, &str)] = &[
    (Field::Id, "id"),
    (Field::Price, "price"),
    (Field::Amount, "qty"),
    (Field::Time, "time"),
    (Field::BuyerMaker, "is_buyer_maker"),
];
const AGG_TRADE: &[(Field, &str)] = &[
    (Field::Id, "agg_trade_id"),
    (Field::Price, "price"),
    (Field::Amount, "quantity"),
    (Field::Time, "transact_time"),
    (Field::BuyerMaker, "is_buyer_maker"),
];

/// The files, those that are told by more columns first. Numbered without a hole are trades of Binance's spot market and of
/// Coinbase, and aggregated ones; of the trades of futures Binance leaves out those of its insurance fund, of which no
/// number is told. Sources: the readme of data.binance.vision, the headers of
/// public.bybit.com, the pages of historical data of OKX, the answers of the interfaces of Deribit and Coinbase.
const KNOWN: &[Known] = &[
    Known {
        publisher: "Binance T_DEPTH",
        kind: TableKind::Depth,
        venues: &["BINANCE", "BINANCE_USDM", "BINANCE_COINM"],
        columns: &[
            (Field::Symbol, "symbol"),
            (Field::Time, "timestamp"),
            (Field::FirstId, "first_update_id"),
            (Field::LastId, "last_update_id"),
            (Field::Side, "side"),
            (Field::UpdateType, "update_type"),
            (Field::Price, "price"),
            (Field::Amount, "qty"),
        ],
        more: &[(Field::PreviousId, "pu")],
        is_numbered: false,
        shape: "wtiiwwddi",
    },
    Known {
        publisher: "Binance bookTicker",
        kind: TableKind::Quotes,
        venues: FUTURES,
        columns: &[
            (Field::LastId, "update_id"),
            (Field::BidPrice, "best_bid_price"),
            (Field::BidAmount, "best_bid_qty"),
            (Field::AskPrice, "best_ask_price"),
            (Field::AskAmount, "best_ask_qty"),
            (Field::Time, "transaction_time"),
            (Field::Sent, "event_time"),
        ],
        more: &[(Field::Symbol, "symbol")],
        is_numbered: false,
        shape: "iddddtt",
    },
    Known {
        publisher: "Binance spot aggTrades",
        kind: TableKind::AggTrades,
        venues: SPOT,
        columns: &[
            (Field::Id, "agg_trade_id"),
            (Field::Price, "price"),
            (Field::Amount, "quantity"),
            (Field::Time, "transact_time"),
            (Field::BuyerMaker, "is_buyer_maker"),
            (Field::Skipped, "is_best_match"),
        ],
        more: &[],
        is_numbered: true,
        shape: "iddiitbb",
    },
    Known {
        publisher: "Binance futures aggTrades",
        kind: TableKind::AggTrades,
        venues: FUTURES,
        columns: AGG_TRADE,
        more: &[],
        is_numbered: true,
        shape: "iddiitb",
    },
    Known {
        publisher: "Binance spot trades",
        kind: TableKind::Trades,
        venues: SPOT,
        columns: &[
            (Field::Id, "id"),
            (Field::Price, "price"),
            (Field::Amount, "qty"),
            (Field::Time, "time"),
            (Field::BuyerMaker, "is_buyer_maker"),
            (Field::Skipped, "is_best_match"),
        ],
        more: &[],
        is_numbered: true,
        shape: "idddtbb",
    },
    Known {
        publisher: "Binance USD-M trades",
        kind: TableKind::Trades,
        venues: &["BINANCE_USDM"],
        columns: &[
            (Field::Id, "id"),
            (Field::Price, "price"),
            (Field::Amount, "qty"),
            (Field::Skipped, "quote_qty"),
            (Field::Time, "time"),
            (Field::BuyerMaker, "is_buyer_maker"),
        ],
        more: &[],
        is_numbered: false,
        shape: "",
    },
    Known {
        publisher: "Binance COIN-M trades",
        kind: TableKind::Trades,
        venues: &["BINANCE_COINM"],
        columns: &[
            (Field::Id, "id"),
            (Field::Price, "price"),
            (Field::Amount, "qty"),
            (Field::Skipped, "base_qty"),
            (Field::Time, "time"),
            (Field::BuyerMaker, "is_buyer_maker"),
        ],
        more: &[],
        is_numbered: false,
        shape: "",
    },
    Known {
        publisher: "Binance futures trades",
        kind: TableKind::Trades,
        venues: FUTURES,
        columns: TRADE,
        more: &[],
        is_numbered: false,
        shape: "idddtb",
    },
    Known {
        publisher: "Bybit trades",
        kind: TableKind::Trades,
        venues: &["BYBIT"],
        columns: &[
            (Field::Time, "timestamp"),
            (Field::Symbol, "symbol"),
            (Field::Side, "side"),
            (Field::Amount, "size"),
            (Field::Price, "price"),
            (Field::Id, "trdmatchid"),
        ],
        more: &[(Field::OffBook, "rpi"), (Field::OffBook, "isblocktrade")],
        is_numbered: false,
        shape: "",
    },
    Known {
        publisher: "Bybit spot trades",
        kind: TableKind::Trades,
        venues: &["BYBIT_SPOT"],
        columns: &[
            (Field::Id, "id"),
            (Field::Time, "timestamp"),
            (Field::Price, "price"),
            (Field::Amount, "volume"),
            (Field::Side, "side"),
        ],
        more: &[(Field::OffBook, "rpi")],
        is_numbered: false,
        shape: "",
    },
    Known {
        publisher: "OKX trades",
        kind: TableKind::Trades,
        venues: OKX,
        columns: &[
            (Field::Id, "trade_id"),
            (Field::Side, "side"),
            (Field::Price, "price"),
            (Field::Amount, "size"),
            (Field::Time, "created_time"),
        ],
        more: &[(Field::Symbol, "instrument_name")],
        is_numbered: false,
        shape: "",
    },
    Known {
        publisher: "Deribit trades",
        kind: TableKind::Trades,
        venues: &["DERIBIT"],
        columns: &[
            (Field::Id, "trade_id"),
            (Field::Time, "timestamp"),
            (Field::Symbol, "instrument_name"),
            (Field::Side, "direction"),
            (Field::Price, "price"),
            (Field::Amount, "amount"),
        ],
        more: &[(Field::OffBook, "block_trade_id")],
        is_numbered: false,
        shape: "",
    },
    Known {
        publisher: "Coinbase trades",
        kind: TableKind::Trades,
        venues: &["COINBASE"],
        columns: &[
            (Field::Id, "trade_id"),
            (Field::MakerSide, "side"),
            (Field::Price, "price"),
            (Field::Amount, "size"),
            (Field::Time, "time"),
        ],
        more: &[(Field::Symbol, "product_id")],
        is_numbered: true,
        shape: "",
    },
];

/// What a file tells that no book or trade can be made of, by a column that only it has, and why.
const REFUSED: [(&str, &str); 7] = [
    ("open_time", KLINES),
    (
        "percentage",
        "bookDepth holds sums of quantity within some per cent of the mid price and no levels, so that no \
                    book can be made of it; depth comes from T_DEPTH files, captures or Tardis",
    ),
    ("funding_rate", FUNDING),
    ("last_funding_rate", FUNDING),
    (
        "last_fill_quantity",
        "a table of liquidations is not read; Tardis liquidations files and captures hold them",
    ),
    (
        "trdtype",
        "a dump of BitMEX holds trades of all its symbols in the columns of Bybit's; take those of one out, and say what \
         the columns mean: data import tables --map price=price,amount=size,side=side,time=timestamp,id=trdMatchID",
    ),
    (
        "sum_open_interest",
        "a table of metrics is not read; Tardis derivative_ticker files hold the open interest",
    ),
];
const FUNDING: &str =
    "a table of funding rates is not read; Tardis derivative_ticker files and captures hold them";
const KLINES: &str = "klines are bars and no trades; they come in by themselves: data import klines FILE";

/// The layout of a file that begins with this line, and what takes its lines apart; `None` if it is no table that is
/// known.
pub(super) fn find(first: &[u8], map: Option<&ColumnMap>) -> Result<Option<(Layout, Cells)>, DecodeError> {
    // Headers in two languages are written in whatever encoding; what is read of them is ASCII.
    let first = String::from_utf8_lossy(first);
    let mut splitter = Cells::of(first.as_bytes());
    let cells: Vec<&[u8]> = match splitter.split(first.as_bytes()) {
        Ok(row) if row.len() <= MAX_CELLS => row.iter().collect(),
        Ok(_) => return Err(DecodeError::TooMany { what: "columns", limit: MAX_CELLS }),
        // Text of another kind has quotes as it likes.
        Err(DecodeError::Row(_)) if map.is_none() => return Ok(None),
        Err(error) => return Err(error),
    };
    let layout = match map {
        Some(map) => Some(mapped(&cells, map)?),
        None => known(&cells)?,
    };
    if layout.is_none() && is_kline([first.as_bytes()]) {
        return Err(DecodeError::Row(KLINES));
    }
    Ok(layout.map(|layout| (layout, splitter)))
}

/// The layout of a file with this first row, of those that are known.
fn known(cells: &[&[u8]]) -> Result<Option<Layout>, DecodeError> {
    let names: Vec<String> = cells.iter().map(|cell| column_name(cell)).collect();
    if let Some((_, why)) = REFUSED.iter().find(|(name, _)| names.iter().any(|n| n == name)) {
        return Err(DecodeError::Row(why));
    }
    for known in KNOWN {
        if let Some(layout) = known.by_header(&names)? {
            return Ok(Some(layout));
        }
    }
    for known in KNOWN.iter().filter(|known| !known.shape.is_empty()) {
        if has_shape(cells, known.shape) {
            return Ok(Some(known.by_order(cells.len())));
        }
    }
    Ok(None)
}

/// A column's name in small letters; of one in two languages (`price/价格`, in whatever encoding) the first.
fn column_name(cell: &[u8]) -> String {
    let first = cell.split(|byte| *byte == b'/').next().unwrap_or_default();
    String::from_utf8_lossy(first).trim().to_lowercase()
}

impl Known {
    fn by_header(&self, names: &[String]) -> Result<Option<Layout>, DecodeError> {
        let find = |name: &str| names.iter().position(|n| n == name);
        if !self.columns.iter().all(|(_, name)| find(name).is_some()) {
            return Ok(None);
        }
        let mut places = [None; FIELDS];
        for (field, name) in self.columns.iter().chain(self.more) {
            let Some(at) = find(name) else { continue };
            if names[at + 1..].iter().any(|n| n == name) {
                return Err(DecodeError::Duplicate((*name).to_owned()));
            }
            places[*field as usize].get_or_insert(at as u16);
        }
        Ok(Some(self.layout(places, true, names.len())))
    }

    /// The layout of a file without a header: each needed column stands where the shape has it.
    fn by_order(&self, cells: usize) -> Layout {
        let order: &[Field] = match self.shape {
            "wtiiwwddi" => &[
                Field::Symbol,
                Field::Time,
                Field::FirstId,
                Field::LastId,
                Field::Side,
                Field::UpdateType,
                Field::Price,
                Field::Amount,
                Field::PreviousId,
            ],
            "iddddtt" => &[
                Field::LastId,
                Field::BidPrice,
                Field::BidAmount,
                Field::AskPrice,
                Field::AskAmount,
                Field::Time,
                Field::Sent,
            ],
            "iddiitb" | "iddiitbb" => &[
                Field::Id,
                Field::Price,
                Field::Amount,
                Field::Skipped,
                Field::Skipped,
                Field::Time,
                Field::BuyerMaker,
            ],
            _ => &[Field::Id, Field::Price, Field::Amount, Field::Skipped, Field::Time, Field::BuyerMaker],
        };
        let mut places = [None; FIELDS];
        for (at, field) in order.iter().enumerate() {
            places[*field as usize] = Some(at as u16);
        }
        self.layout(places, false, cells)
    }

    fn layout(&self, places: [Option<u16>; FIELDS], has_header: bool, cells: usize) -> Layout {
        Layout {
            kind: self.kind,
            publisher: self.publisher,
            venues: self.venues,
            is_numbered: self.is_numbered,
            has_header,
            cells,
            places,
        }
    }
}

/// Whether the cells of a row look like this.
fn has_shape(cells: &[&[u8]], shape: &str) -> bool {
    cells.len() == shape.len() && cells.iter().zip(shape.bytes()).all(|(cell, kind)| looks_like(cell, kind))
}

fn looks_like(cell: &[u8], kind: u8) -> bool {
    let is_integer = !cell.is_empty() && cell.iter().all(u8::is_ascii_digit);
    match kind {
        b'i' => is_integer,
        b'd' => is_number(cell),
        // ms to ns since 2001: no price or quantity of whole units is one.
        b't' => is_integer && (13..=19).contains(&cell.len()),
        b'b' => flag(cell).is_some() && !is_integer,
        _ => !cell.is_empty() && !is_number(cell),
    }
}

fn is_number(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|text| text.parse::<f64>().is_ok_and(f64::is_finite))
}

/// The layout that a mapping makes of a file's first line.
fn mapped(cells: &[&[u8]], map: &ColumnMap) -> Result<Layout, DecodeError> {
    let fault = |problem: String| DecodeError::Value { field: "map", problem };
    let names: Vec<String> =
        cells.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
    // A number is a name only among names: the cells of a row are numbers, too.
    let are_names = map.iter().all(|(_, column)| names.contains(column));
    let mut places = [None; FIELDS];
    let mut has_header = None;
    for (name, column) in map {
        let Some((_, field)) = NAMES.iter().find(|(known, _)| known == name) else {
            let known = NAMES.map(|(known, _)| known);
            let hint = meant(nearest(name, known.into_iter()));
            return Err(fault(format!("there is no field {name:?}{hint} Fields: {}", known.join(", "))));
        };
        let is_name = are_names || column.parse::<usize>().is_err();
        let by_name = names.iter().position(|n| n == column && is_name);
        let number = column.parse::<usize>().ok().filter(|n| (1..=cells.len()).contains(n));
        let at = by_name.or(number.map(|n| n - 1)).ok_or_else(|| {
            let hint = meant(nearest(column, names.iter().map(String::as_str)));
            fault(format!("{name} is column {column:?}, which is not there{hint} Columns: {}", shown(&names)))
        })?;
        if by_name.is_some_and(|at| names[at + 1..].contains(column)) {
            return Err(DecodeError::Duplicate(column.clone()));
        }
        if places[*field as usize].replace(at as u16).is_some() {
            return Err(fault(format!("{name} is given twice")));
        }
        // Columns by number are of a file with or without a header: a header is no price.
        if matches!(field, Field::Price | Field::BidPrice | Field::AskPrice) {
            has_header = Some(by_name.is_some() || !is_number(cells[at]));
        }
    }
    let has = |field: Field| places[field as usize].is_some();
    let missing = |fields: &[(&str, Field)]| {
        fields.iter().filter(|(_, field)| !has(*field)).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    let is_quote =
        [Field::BidPrice, Field::BidAmount, Field::AskPrice, Field::AskAmount].into_iter().any(has);
    let (kind, lacks) = if is_quote {
        (TableKind::Quotes, missing(&[NAMES[2], NAMES[10], NAMES[11], NAMES[12], NAMES[13]]))
    } else if has(Field::IsSnapshot) {
        (TableKind::Depth, missing(&[NAMES[2], NAMES[5], NAMES[8], NAMES[9]]))
    } else {
        (TableKind::Trades, missing(&[NAMES[2], NAMES[8], NAMES[9]]))
    };
    if !lacks.is_empty() {
        let problem = format!("{} need {lacks}, too. Columns: {}", kind.name(), shown(&names));
        return Err(fault(problem));
    }
    let sides = [Field::Side, Field::BuyerMaker, Field::MakerSide].into_iter().filter(|f| has(*f)).count();
    if sides > 1 {
        return Err(fault("side, buyer_is_maker and maker_side say the same; give one of them".into()));
    }
    let has_header = has_header.unwrap_or(true);
    Ok(Layout {
        kind,
        publisher: "mapped columns",
        venues: &[],
        is_numbered: false,
        has_header,
        cells: cells.len(),
        places,
    })
}

/// The end of a sentence that a word was not known in.
fn meant(near: Option<&str>) -> String {
    near.map_or_else(|| ".".to_owned(), |near| did_you_mean(Some(near)))
}

/// The names of columns as far as a sentence holds them.
fn shown(names: &[String]) -> String {
    let some: Vec<_> = names.iter().take(24).map(|name| name.chars().take(40).collect::<String>()).collect();
    some.join(", ") + if names.len() > some.len() { ", ..." } else { "" }
}
