//! What an order is to the group it belongs to.

/// Number of a group within a session: 1, 2, 3 ... in the order they were made.
pub type GroupId = u64;

/// What an order is to its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Of one-cancels-other.
    Leg = 0,
    /// What a bracket begins with.
    Entry = 1,
    /// The leg of a bracket that ends a loss.
    StopLoss = 2,
    /// The leg of a bracket that takes a profit.
    TakeProfit = 3,
    /// What one-triggers-other begins with.
    First = 4,
    /// What it triggers.
    Then = 5,
    /// Closes at the market what must not stay open.
    Close = 6,
}

impl Role {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Leg, Self::Entry, Self::StopLoss, Self::TakeProfit, Self::First, Self::Then, Self::Close];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leg => "leg",
            Self::Entry => "entry",
            Self::StopLoss => "stop_loss",
            Self::TakeProfit => "take_profit",
            Self::First => "first",
            Self::Then => "then",
            Self::Close => "close",
        }
    }

    /// Whether it is one of those that share what is open.
    pub(crate) fn is_leg(self) -> bool {
        matches!(self, Self::Leg | Self::StopLoss | Self::TakeProfit)
    }
}

/// The group of an order, and what the order is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    /// What the order is to it.
    pub role: Role,
}
