//! What an event row says, and the flags that group rows into messages.

/// Kind of an event row; the value of the `kind` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// The book is void: empty every level. Alone in its message it marks a sequence gap.
    BookClear = 0,
    /// A book level holds `qty` from now on (absolute); 0 removes it.
    BookSet = 1,
    /// A trade; `side` is the aggressor, 0 when the venue does not say.
    Trade = 2,
    /// One side of the top of book; two rows make a quote. `qty` 0 means the side is empty.
    Quote = 3,
    /// Mark price; `price` counts 10^-9.
    Mark = 4,
    /// Index price; `price` counts 10^-9.
    Index = 5,
    /// Funding rate; `price` counts 10^-9, `id` is the time of the next payment in ns (0 unknown).
    Funding = 6,
    /// Open interest in `qty`.
    OpenInterest = 7,
}

impl EventKind {
    /// How many kinds there are; every valid column value is below it.
    pub const COUNT: u8 = 8;

    /// From the value of a `kind` column.
    pub fn from_column(value: u8) -> Option<Self> {
        Some(match value {
            0 => Self::BookClear,
            1 => Self::BookSet,
            2 => Self::Trade,
            3 => Self::Quote,
            4 => Self::Mark,
            5 => Self::Index,
            6 => Self::Funding,
            7 => Self::OpenInterest,
            _ => return None,
        })
    }

    /// Order of kinds that become visible at the same nanosecond when files are merged.
    ///
    /// Trades come before the book update that already contains their effect; the other way round a queue model
    /// would count them twice.
    pub fn merge_class(self) -> u8 {
        match self {
            Self::Trade => 0,
            Self::BookClear | Self::BookSet => 1,
            Self::Quote => 2,
            Self::Mark | Self::Index | Self::Funding | Self::OpenInterest => 3,
        }
    }
}

/// Decimal places of `price` in mark, index and funding rows, which lie off the price grid.
pub const FINE_SCALE: u32 = 9;

/// Row flag: last row of its message. A book is only judged there.
pub const FLAG_LAST: u8 = 1;
/// Row flag: the row belongs to a full snapshot.
pub const FLAG_SNAPSHOT: u8 = 2;
