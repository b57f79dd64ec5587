//! Depth streams: how their names tell them apart, and which of them makes the book.

use std::fmt;

/// What a stream's name (`btcusdt@depth20@100ms`) says of the depth in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Depth<'a> {
    /// Updates of the book (`depth@100ms`), by the name behind the symbol.
    Updates(&'a [u8]),
    /// The best levels alone (`depth20@100ms`), by the name behind the symbol. Its frames look like snapshots (spot) or
    /// like updates (futures) and are neither: taken for one they would cut the book short.
    Partial(&'a [u8]),
    /// A book with orders in it that not everybody can trade with (`rpiDepth@500ms`): its frames look like updates.
    Rpi,
    /// Something else, or no name at all.
    Unnamed,
}

impl<'a> Depth<'a> {
    /// Of a stream's name.
    #[inline]
    pub(in crate::decode) fn of(stream: &'a [u8]) -> Self {
        let kind = memchr::memchr(b'@', stream).map_or(&b""[..], |at| &stream[at + 1..]);
        match kind.strip_prefix(b"depth") {
            Some([] | [b'@', ..]) => Self::Updates(kind),
            Some([b'0'..=b'9', ..]) => Self::Partial(kind),
            _ if kind.starts_with(b"rpiDepth") => Self::Rpi,
            _ => Self::Unnamed,
        }
    }
}

/// Most levels a side of partial depth has.
pub(in crate::decode) const PARTIAL_LEVELS: usize = 20;

/// Whether a stream's name begins with a symbol, which it writes in lower case.
pub(in crate::decode) fn names(stream: &[u8], symbol: &str) -> bool {
    let name = stream.split(|c| *c == b'@').next().unwrap_or_default();
    std::str::from_utf8(name).is_ok_and(|name| name.to_lowercase() == symbol.to_lowercase())
}

/// The depth stream that makes an instrument's book; the others are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DepthSource {
    /// The first stream of updates there is.
    #[default]
    First,
    /// The updates under this name, such as `depth@100ms`, and those without a name that continue the book.
    Updates(String),
    /// Each message is a book of its own, of the best levels: under this name (`depth20@100ms`), or without a name.
    Partial(Option<String>),
}

impl fmt::Display for DepthSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "depth without a name",
            Self::Updates(name) | Self::Partial(Some(name)) => name,
            Self::Partial(None) => "partial depth without a name",
        })
    }
}

/// Chains of updates without a name, beside the one that is the book.
///
/// Streams of another speed, and those with other orders in them, number their updates by their own chain: an update of
/// theirs begins before the end of the book and leads beyond it. One that only leads beyond it is a hole.
#[derive(Debug, Default)]
pub(super) struct OtherChains {
    /// Last update of each.
    ends: Vec<u64>,
    /// Updates in a row that lie wholly beyond the book.
    beyond: u32,
}

/// Chains that are followed at once.
const MOST_CHAINS: usize = 4;

/// Updates of other chains beyond the book after which its own chain is taken for broken.
const MOST_BEYOND: u32 = 16;

impl OtherChains {
    /// Whether an update after `previous` up to `last` belongs to another chain than the one that ends at `end`.
    pub(super) fn takes(&mut self, end: u64, [previous, first, last]: [u64; 3]) -> bool {
        if previous == end {
            self.beyond = 0;
            return false;
        }
        if let Some(known) = self.ends.iter_mut().find(|known| **known == previous) {
            *known = last;
        } else if previous < end && end < last {
            if self.ends.len() == MOST_CHAINS {
                self.ends.remove(0);
            }
            self.ends.push(last);
        } else {
            return false;
        }
        self.beyond += u32::from(first > end.saturating_add(1));
        if self.beyond > MOST_BEYOND {
            *self = Self::default();
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_depth_is_in_a_stream() {
        for (name, depth) in [
            ("btcusdt@depth", Depth::Updates(b"depth")),
            ("btcusdt@depth@100ms", Depth::Updates(b"depth@100ms")),
            ("btcusdt@depth20", Depth::Partial(b"depth20")),
            ("btcusdt@depth5@500ms", Depth::Partial(b"depth5@500ms")),
            ("btcusdt@rpiDepth@500ms", Depth::Rpi),
            ("btcusdt@depthy", Depth::Unnamed),
            ("depth20", Depth::Unnamed),
            ("!bookTicker", Depth::Unnamed),
        ] {
            assert_eq!(Depth::of(name.as_bytes()), depth, "{name}");
        }
    }

    #[test]
    fn another_chain_overlaps_the_book_and_a_hole_does_not() {
        let mut others = OtherChains::default();
        assert!(!others.takes(108, [108, 109, 110]), "it goes on");
        assert!(!others.takes(108, [109, 110, 112]), "a hole");
        assert!(!others.takes(108, [98, 99, 105]), "it is old");
        assert!(others.takes(108, [100, 101, 111]), "another chain");
        assert!(others.takes(108, [111, 112, 121]), "it goes on, beyond the book");
        assert!(!others.takes(108, [122, 123, 124]), "a hole");
    }

    #[test]
    fn a_chain_that_does_not_go_on_is_broken_after_a_while() {
        let mut others = OtherChains::default();
        assert!(others.takes(108, [100, 101, 110]));
        for at in 0..u64::from(MOST_BEYOND) {
            assert!(others.takes(108, [110 + at, 111 + at, 111 + at]), "{at}");
        }
        assert!(!others.takes(108, [126, 127, 127]));
    }
}
