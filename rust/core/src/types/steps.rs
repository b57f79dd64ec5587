//! Prices and quantities as counts of an instrument's increments: one cannot be taken for the other.
//!
//! | | with | gives |
//! |---|---|---|
//! | quantity | `+`, `-` quantity | quantity |
//! | price | `-` price | a distance, as a plain count |
//!
//! Whatever else is to be done with the counts goes through `steps()`.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Largest price or quantity of market data and of orders, so that sums of a few and products with a sign cannot
/// overflow.
pub const STEPS_LIMIT: i64 = (1 << 60) - 1;

/// Decimal places of `price` in mark, index and funding rows, which lie off the price grid.
pub const FINE_SCALE: u32 = 9;

/// One of what such a row counts, and a whole of what is a fraction: 10^[`FINE_SCALE`].
pub const FINE_ONE: i64 = 10i64.pow(FINE_SCALE);

macro_rules! steps_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(transparent)]
        pub struct $name(i64);

        impl $name {
            /// None of it.
            pub const ZERO: Self = Self(0);

            /// So many increments.
            #[inline(always)]
            pub const fn new(steps: i64) -> Self {
                Self(steps)
            }

            /// How many increments.
            #[inline(always)]
            pub const fn steps(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

steps_type! {
    /// A price in price increments.
    Price
}
steps_type! {
    /// A quantity in quantity increments; signed where it is held.
    Qty
}

impl Sub for Price {
    type Output = i64;
    #[inline]
    fn sub(self, other: Self) -> i64 {
        self.0 - other.0
    }
}

impl Qty {
    /// The sum, or the largest there is.
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Whether it is more than nothing.
    #[inline]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl Add for Qty {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Qty {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Qty {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Qty {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Qty {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}
