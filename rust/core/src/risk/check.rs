//! What can be limited, and what a limit that was passed says.

use std::sync::Arc;

use crate::types::{Decimal, MONEY_SCALE};

/// A figure or a limit, in units of 10^-12 of what it counts.
pub type Units = i128;

/// One of what a limit counts.
pub const ONE: Units = 10i128.pow(MONEY_SCALE);

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Contracts (spot: base units).
    Qty,
    /// Money: notional in the quote currency, profit in the settlement currency.
    Money,
    /// Things.
    Number,
    /// How many times something.
    Ratio,
    /// Basis points of a price.
    Bps,
    /// Things in so much time.
    Rate,
    /// Basis points of a price in so much time.
    BpsIn,
    /// Time.
    Length,
    /// Nothing: it holds or it does not.
    Flag,
}

impl Counts {
    /// Whether it has a length of time beside its number.
    pub fn has_window(self) -> bool {
        matches!(self, Self::Rate | Self::BpsIn)
    }
}

/// A row of the table of checks: variant, word, what it counts.
macro_rules! checks {
    ($($(#[$doc:meta])* $variant:ident $word:literal $counts:ident,)+) => {
        /// A check, named after its limit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Check {
            $($(#[$doc])* $variant,)+
        }

        impl Check {
            /// All of them, in the order of their numbers.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// Its word, which is the name of its limit.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What its limit counts.
            pub fn counts(self) -> Counts {
                match self { $(Self::$variant => Counts::$counts,)+ }
            }
        }
    };
}

checks! {
    /// Quantity of one order.
    MaxOrderQty "max_order_qty" Qty,
    /// Notional of one order.
    MaxOrderNotional "max_order_notional" Money,
    /// Least notional of one order.
    MinOrderNotional "min_order_notional" Money,
    /// Quantity held in an instrument, if everything that works on a side fills.
    MaxPositionQty "max_position_qty" Qty,
    /// Notional held in an instrument, likewise.
    MaxPositionNotional "max_position_notional" Money,
    /// Sum of the quantities held, each taken without its sign.
    MaxGrossQty "max_gross_qty" Qty,
    /// Sum of the notionals held, each taken without its sign.
    MaxGross "max_gross" Money,
    /// Sum of the quantities held, with their signs.
    MaxNetQty "max_net_qty" Qty,
    /// Sum of the notionals held, with their signs.
    MaxNet "max_net" Money,
    /// Gross value over capital plus profit.
    MaxLeverage "max_leverage" Ratio,
    /// Initial margin over capital plus profit.
    MaxMarginUse "max_margin_use" Ratio,
    /// Orders open at a time.
    MaxOpenOrders "max_open_orders" Number,
    /// Instruments held or with orders that would open a position.
    MaxOpenPositions "max_open_positions" Number,
    /// New orders and replacements in a window.
    MaxOrderRate "max_order_rate" Rate,
    /// All requests to a venue in a window, cancels included.
    MaxMessageRate "max_message_rate" Rate,
    /// How far a price may take beyond the best price of the other side.
    CollarTouchBps "collar_touch_bps" Bps,
    /// How far a price may be worse than the last trade.
    CollarLastBps "collar_last_bps" Bps,
    /// How far a limit price may lie from the mid, to either side.
    FatFingerBps "fat_finger_bps" Bps,
    /// Age of what is known of the market.
    MaxBookAge "max_book_age" Length,
    /// Age of the newest signal of the strategy in the market, where there is one.
    MaxSignalAge "max_signal_age" Length,
    /// Whether the book is in sync and not crossed.
    SyncedBook "synced_book" Flag,
    /// Loss since the day began.
    MaxDailyLoss "max_daily_loss" Money,
    /// Loss since equity was highest.
    MaxDrawdown "max_drawdown" Money,
    /// Round trips in a row that lost.
    MaxConsecutiveLosses "max_consecutive_losses" Number,
    /// Orders that traded since the day began.
    MaxTradesPerDay "max_trades_per_day" Number,
    /// Orders a venue refused in a window; no check of an order, it only trips.
    TripRejectRate "trip_reject_rate" Rate,
    /// Silence of a market; likewise.
    TripSilence "trip_silence" Length,
    /// Move of the mid in a window; likewise.
    TripJumpBps "trip_jump_bps" BpsIn,
    /// Spread over mid; likewise.
    TripSpreadBps "trip_spread_bps" Bps,
    /// How much the venue's clock and ours move against each other between two messages of a market; likewise.
    TripClockJump "trip_clock_jump" Length,
    /// The circuit breaker has tripped; it has no limit of its own.
    Breaker "breaker" Flag,
    /// A stop is closing the position; likewise.
    Stop "stop" Flag,
    /// The kill switch was thrown; likewise, and no check of an order.
    KillSwitch "kill_switch" Flag,
}

impl Check {
    /// Its place in [`Check::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// From its number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether it can be set: all but what the breaker, stops and the kill switch say themselves.
    pub fn is_limit(self) -> bool {
        !matches!(self, Self::Breaker | Self::Stop | Self::KillSwitch)
    }

    /// Whether what reaches its limit trips the circuit breaker.
    pub fn trips(self) -> bool {
        matches!(
            self,
            Self::MaxDailyLoss
                | Self::MaxDrawdown
                | Self::MaxConsecutiveLosses
                | Self::TripRejectRate
                | Self::TripSilence
                | Self::TripJumpBps
                | Self::TripSpreadBps
                | Self::TripClockJump
        )
    }

    /// What it has to be told of its markets.
    pub fn needs(self) -> Need {
        match self {
            Self::MaxLeverage | Self::MaxMarginUse | Self::MaxDailyLoss | Self::MaxDrawdown => Need::Mids,
            Self::CollarLastBps
            | Self::TripSilence
            | Self::TripJumpBps
            | Self::TripSpreadBps
            | Self::TripClockJump => Need::Messages,
            _ => Need::Nothing,
        }
    }
}

/// What limits have to be told of markets, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// What positions are worth: where that is their mid, no more than what leaves a band of mids.
    Mids,
    /// Every message.
    Messages,
}

/// A set of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checks(u64);

impl Checks {
    /// None of them.
    pub(super) const NONE: Self = Self(0);

    /// These.
    pub(super) const fn of(checks: &[Check]) -> Self {
        const { assert!(Check::ALL.len() <= 64, "a bit each") }
        let (mut set, mut at) = (0, 0);
        while at < checks.len() {
            set |= 1 << checks[at] as u64;
            at += 1;
        }
        Self(set)
    }

    /// Whether it has one.
    #[inline]
    pub(super) const fn has(self, check: Check) -> bool {
        self.0 >> check as u64 & 1 == 1
    }

    /// Whether it has any of others.
    #[inline]
    pub(super) const fn any_of(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// With others.
    pub(super) const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Without one.
    pub(super) const fn without(self, check: Check) -> Self {
        Self(self.0 & !(1 << check as u64))
    }
}

/// What limits are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// An account.
    Account = 0,
    /// What an account has at a venue.
    Venue = 1,
    /// What an account has in an instrument.
    Instrument = 2,
    /// A strategy.
    Strategy = 3,
}

impl Scope {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Account, Self::Venue, Self::Instrument, Self::Strategy];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Venue => "venue",
            Self::Instrument => "instrument",
            Self::Strategy => "strategy",
        }
    }
}

/// A limit that an order would have passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The check that failed.
    pub check: Check,
    /// Whose limit it is.
    pub scope: Scope,
    /// The name of the venue, instrument or strategy; the number of the account.
    pub name: Arc<str>,
    /// The limit.
    pub limit: Units,
    /// What it would have come to.
    pub value: Units,
}

/// Units as a decimal.
pub fn to_decimal(units: Units) -> Decimal {
    Decimal::new(units, MONEY_SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_stands_where_its_index_says() {
        for (index, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!((check.index(), Check::from_code(check as u8)), (index, Some(check)));
        }
    }
}
