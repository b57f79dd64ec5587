//! Side of an order, a trade's aggressor, or a book.

use std::fmt;
use std::str::FromStr;

/// Text that is no side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither buy nor sell")]
pub struct UnknownSide(pub String);

/// Buy or sell; the bid or the ask half of a book; who crossed the spread in a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i8)]
pub enum Side {
    /// Buy, or the bid side of a book.
    Buy = 1,
    /// Sell, or the ask side of a book.
    Sell = -1,
}

impl Side {
    /// +1 for buy, -1 for sell.
    #[inline]
    pub fn sign(self) -> i64 {
        self as i64
    }

    /// 0 for buy, 1 for sell.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self == Self::Sell)
    }

    /// The other side.
    #[inline]
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// From the value of an event's `side` column; `None` for 0 (unknown) and anything else.
    #[inline]
    pub fn from_column(value: i8) -> Option<Self> {
        match value {
            1 => Some(Self::Buy),
            -1 => Some(Self::Sell),
            _ => None,
        }
    }

    /// Lower-case word: `buy` or `sell`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

impl FromStr for Side {
    type Err = UnknownSide;

    /// Reads `buy` or `sell`, or as books and takers are told `bid` or `ask`, in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if is("buy") || is("bid") {
            Ok(Self::Buy)
        } else if is("sell") || is("ask") {
            Ok(Self::Sell)
        } else {
            Err(UnknownSide(text.to_owned()))
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_read_as_orders_and_as_books_have_them() {
        for (words, side) in [(["buy", "Buy", "BID"], Side::Buy), (["sell", "SELL", "Ask"], Side::Sell)] {
            for word in words {
                assert_eq!(word.parse(), Ok(side), "{word}");
            }
        }
        assert_eq!("long".parse::<Side>(), Err(UnknownSide("long".to_owned())));
    }
}
