//! What positions are valued at: the middle of the book, the venue's mark price or the last trade.

use std::fmt;

use crate::event::{EventKind, KindSet, View};
use crate::types::{Decimal, FINE_SCALE, Increment};

/// A price that positions are valued at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkPrice {
    /// So many halves of a price increment: of a mid the sum of bid and ask.
    Twice(i64),
    /// So many units of 10^-9, which need not lie on the grid.
    Fine(i64),
}

/// Where the price comes from that positions are valued at; the mid as long as there has been no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MarkSource {
    /// The middle of the best prices, the last time there were both.
    #[default]
    Mid,
    /// The last mark price that the venue published.
    Mark,
    /// The price of the last trade.
    Last,
}

impl MarkPrice {
    /// In units of price, of which an increment is that.
    pub fn to_f64(self, increment: Increment) -> f64 {
        match self {
            Self::Twice(twice) => increment.to_f64(twice) / 2.0,
            Self::Fine(fine) => Decimal::new(i128::from(fine), FINE_SCALE).to_f64(),
        }
    }
}

impl MarkSource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mid, Self::Mark, Self::Last];

    /// Lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mid => "mid",
            Self::Mark => "mark",
            Self::Last => "last",
        }
    }

    /// What publishes it; nothing does the mid.
    pub fn kind(self) -> Option<EventKind> {
        match self {
            Self::Mid => None,
            Self::Mark => Some(EventKind::Mark),
            Self::Last => Some(EventKind::Trade),
        }
    }

    /// What it is for data that holds these kinds: the mid where nothing publishes it.
    #[must_use]
    pub fn resolve(self, holds: KindSet) -> Self {
        if self.kind().is_some_and(|kind| holds.contains(kind)) { self } else { Self::Mid }
    }

    /// What these rows publish of it last, as the columns have it.
    pub fn published(self, view: &View<'_>, from: usize, to: usize) -> Option<i64> {
        let kind = self.kind()? as u8;
        (from..to).rev().find(|row| view.kind[*row] == kind).map(|row| view.price.get(row))
    }

    /// The price, when this was published last and the sum of best bid and best ask was that.
    #[inline]
    pub fn price(self, published: Option<i64>, twice_mid: Option<i64>) -> Option<MarkPrice> {
        let told = match self {
            Self::Mid => None,
            Self::Mark => published.map(MarkPrice::Fine),
            Self::Last => published.map(|price| MarkPrice::Twice(2 * price)),
        };
        told.or(twice_mid.map(MarkPrice::Twice))
    }
}

impl fmt::Display for MarkSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
