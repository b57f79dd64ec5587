//! Small integer identities: what an index means is part of its type.

use std::fmt;

macro_rules! index_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u32);

        impl $name {
            /// The identity of the item at `index`; past four thousand million there is none.
            ///
            /// # Panics
            /// When the index does not fit 32 bits.
            #[inline]
            pub const fn new(index: usize) -> Self {
                assert!(index <= u32::MAX as usize, "an index of more than 32 bits");
                Self(index as u32)
            }

            /// Where the item is.
            #[inline(always)]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

index_type! {
    /// An instrument of a session.
    MarketId
}
index_type! {
    /// A strategy of a session.
    StrategyId
}
index_type! {
    /// An account at a venue.
    AccountId
}
index_type! {
    /// A settlement currency of a session.
    CurrencyId
}
