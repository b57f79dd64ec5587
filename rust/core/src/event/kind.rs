//! What an event row says, sets of kinds, and the flags that group rows into messages.

/// Kind of an event row; the value of the `kind` column.
///
/// Values are stored in files: new kinds are appended, old ones keep their number.
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
    /// A forced close. `side` is that of the liquidation order (sell: a long was closed), 0 when the venue does not
    /// say. What it took from the book comes as trades of its own, so it never fills an order nor makes a bar.
    Liquidation = 8,
    /// Order `id` rests from now on: its `side`, `price` and `qty`.
    OrderAdd = 9,
    /// Order `id` of `side` rests with this `price` and `qty` from now on.
    OrderModify = 10,
    /// Order `id` of `side` is gone.
    OrderCancel = 11,
    /// `qty` of order `id` of `side` has traded at `price`; what is left of it stays.
    OrderExecute = 12,
    /// A print that is no trade of the book (insurance fund, auto-deleveraging, block trade, retail price improvement);
    /// `side` is the aggressor, 0 when the venue does not say. It never fills an order nor makes a bar.
    OffBookTrade = 13,
    /// A bar of the venue (see [`super::VenueBar`]) begins: its first price, and what will trade in it. Once more when it
    /// is over, with the begin as `ts_event` and the number of trades as `qty`.
    BarOpen = 14,
    /// Its highest price, and what takers bought; `side` is 1 where that is known.
    BarHigh = 15,
    /// Its lowest price, and what takers sold; `side` is -1 where that is known.
    BarLow = 16,
    /// Its last price, and all that traded. It ended at `ts_event`.
    BarClose = 17,
}

impl EventKind {
    /// How many kinds there are; every valid column value is below it.
    pub const COUNT: u8 = 18;

    /// From the value of a `kind` column.
    #[inline]
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
            8 => Self::Liquidation,
            9 => Self::OrderAdd,
            10 => Self::OrderModify,
            11 => Self::OrderCancel,
            12 => Self::OrderExecute,
            13 => Self::OffBookTrade,
            14 => Self::BarOpen,
            15 => Self::BarHigh,
            16 => Self::BarLow,
            17 => Self::BarClose,
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
            Self::BookClear
            | Self::BookSet
            | Self::OrderAdd
            | Self::OrderModify
            | Self::OrderCancel
            | Self::OrderExecute => 1,
            Self::Quote => 2,
            Self::Mark
            | Self::Index
            | Self::Funding
            | Self::OpenInterest
            | Self::Liquidation
            | Self::OffBookTrade
            | Self::BarOpen
            | Self::BarHigh
            | Self::BarLow
            | Self::BarClose => 3,
        }
    }
}

/// A set of kinds, as bits: kind `k` is bit `k`.
///
/// What is to be done with rows of some kinds and not of others is asked of a set, never of an order of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KindSet(u32);

impl KindSet {
    /// No kind.
    pub const EMPTY: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self((1 << EventKind::COUNT) - 1);
    /// What makes a book of levels.
    pub const LEVELS: Self = Self::of(&[EventKind::BookClear, EventKind::BookSet]);
    /// What makes a book of single orders.
    pub const ORDERS: Self = Self::of(&[
        EventKind::OrderAdd,
        EventKind::OrderModify,
        EventKind::OrderCancel,
        EventKind::OrderExecute,
    ]);
    /// The rows of a bar that the venue published, in their order.
    pub const BARS: Self =
        Self::of(&[EventKind::BarOpen, EventKind::BarHigh, EventKind::BarLow, EventKind::BarClose]);
    /// What moves books and fills in a run.
    pub const MARKET: Self = Self::LEVELS.with(EventKind::Trade).with(EventKind::Quote).union(Self::BARS);
    /// What must say its side; the others may leave it at 0.
    pub const SIDED: Self = Self::ORDERS.with(EventKind::BookSet).with(EventKind::Quote);
    /// What carries a price and a quantity on the instrument's grid.
    pub const ON_GRID: Self =
        Self::MARKET.union(Self::ORDERS).with(EventKind::Liquidation).with(EventKind::OffBookTrade);

    /// What carries a price in units of 10^-[`FINE_SCALE`].
    pub const FINE: Self = Self::of(&[EventKind::Mark, EventKind::Index, EventKind::Funding]);

    /// These kinds.
    pub const fn of(kinds: &[EventKind]) -> Self {
        let (mut set, mut at) = (Self::EMPTY, 0);
        while at < kinds.len() {
            set = set.with(kinds[at]);
            at += 1;
        }
        set
    }

    /// From its bits; `None` when one of them is no kind's.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 { Some(Self(bits)) } else { None }
    }

    /// Its bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set with a kind added.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Kinds of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Kinds of both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether a kind is in the set.
    #[inline]
    pub const fn contains(self, kind: EventKind) -> bool {
        self.has_column(kind as u8)
    }

    /// Whether a value of a `kind` column is in the set; one that is no kind is not.
    #[inline]
    pub const fn has_column(self, value: u8) -> bool {
        value < EventKind::COUNT && self.0 >> value & 1 == 1
    }

    /// Whether there is no kind in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its kinds, in order of their values.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        (0..EventKind::COUNT).filter(move |value| self.has_column(*value)).filter_map(EventKind::from_column)
    }
}

impl FromIterator<EventKind> for KindSet {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::EMPTY, Self::with)
    }
}

pub use crate::types::FINE_SCALE;

/// Row flag: last row of its message. A book is only judged there.
pub const FLAG_LAST: u8 = 1;
/// Row flag: the row belongs to a full snapshot.
pub const FLAG_SNAPSHOT: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_value_below_the_count_is_a_kind_and_nothing_else_is() {
        for value in 0..=u8::MAX {
            let kind = EventKind::from_column(value);
            assert_eq!(kind.map(|k| k as u8), (value < EventKind::COUNT).then_some(value));
            assert_eq!(KindSet::ALL.has_column(value), kind.is_some());
        }
        assert_eq!(KindSet::from_bits(1 << EventKind::COUNT), None);
    }

    #[test]
    fn the_named_sets_hold_what_files_were_written_with() {
        assert_eq!(KindSet::BARS.bits(), 0b11_1100_0000_0000_0000);
        assert_eq!(KindSet::MARKET.bits(), 0b11_1100_0000_0000_1111);
        assert_eq!(KindSet::SIDED.bits(), 0b1_1110_0000_1010);
        assert_eq!(KindSet::ON_GRID.bits(), 0b11_1111_1111_0000_1111);
        assert_eq!(KindSet::FINE.bits(), 0b111_0000);
        assert_eq!(KindSet::LEVELS.intersection(KindSet::ORDERS), KindSet::EMPTY);
        let priced = KindSet::ON_GRID.union(KindSet::FINE).with(EventKind::OpenInterest);
        assert_eq!(priced, KindSet::ALL, "every kind says what its price counts");
        assert!(KindSet::ON_GRID.intersection(KindSet::FINE).is_empty());
    }

    proptest! {
        #[test]
        fn a_set_is_the_kinds_it_was_made_of(values in proptest::collection::btree_set(0..EventKind::COUNT, 0..18)) {
            let kinds: Vec<_> = values.iter().filter_map(|value| EventKind::from_column(*value)).collect();
            let set: KindSet = kinds.iter().copied().collect();
            prop_assert_eq!(set, KindSet::of(&kinds));
            prop_assert_eq!(KindSet::from_bits(set.bits()), Some(set));
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), kinds);
            prop_assert_eq!(set.is_empty(), values.is_empty());
            for value in 0..=u8::MAX {
                prop_assert_eq!(set.has_column(value), values.contains(&value));
            }
        }
    }
}
