//! What a session tells whoever listens beside its strategies: an event bus, a log.
//!
//! Events say what an input led to. Those of one input are handed over when it has been taken, in the order in which
//! they came about; nothing is made of what nobody wants. Listening changes no state, no command and no digest: what a
//! listener wants of markets only lets their messages come one by one, as a strategy that follows them does.

use std::sync::Arc;

use super::published::{Stat, Trade};
use super::record::{FillRow, PaymentRow, Reconcile, StopRow};
use super::signals::Answer;
use crate::book::{BookState, Touch};
use crate::exec::Execution;
use crate::orders::{Group, Membership, Order, OrderId};
use crate::risk::{Breach, FinePrice, Scope, StopKind, Trip};
use crate::types::{HookError, MarketId, Qty, StrategyId};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// What an event is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum SessionEventKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl SessionEventKind {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }
    };
}

kinds! {
    /// The best prices of a market moved, or what is known of its book.
    PriceUpdated,
    /// A message changed the book of a market.
    BookUpdated,
    /// A trade of a market.
    TradePrinted,
    /// A book is in a new state.
    BookStateChanged,
    /// A venue published a mark price, an index price, a funding rate, open interest or a liquidation.
    StatPublished,
    /// A model has said something.
    SignalGenerated,
    /// An order went out.
    OrderSubmitted,
    /// A venue has taken an order.
    OrderAccepted,
    /// A venue has set an order off.
    OrderTriggered,
    /// An order has new terms.
    OrderReplaced,
    /// A cancel or a replacement was refused.
    OrderChangeRejected,
    /// What became of an order is not known.
    OrderUnknown,
    /// An order was filled, in part or to its end.
    OrderFilled,
    /// An order was cancelled.
    OrderCancelled,
    /// An order was refused, by limits of ours or by its venue.
    OrderRejected,
    /// An order ended by its own terms, or its venue ended it.
    OrderExpired,
    /// A fill opened a position or added to it.
    TradeExecuted,
    /// A position was closed, in part or all of it.
    TradeClosed,
    /// A venue moved money of its own accord.
    PaymentBooked,
    /// An execution has ended.
    ExecutionEnded,
    /// A stop of a position has fired.
    StopTriggered,
    /// The price at which a stop of a position cuts a loss has moved.
    StopMoved,
    /// An order of a group was cancelled.
    GroupLegCancelled,
    /// A group has ended.
    GroupEnded,
    /// A limit, the kill switch or a person stopped trading.
    RiskHalt,
    /// Trading goes on.
    RiskResumed,
    /// Strategies have been started.
    SessionStarted,
    /// Strategies have been stopped.
    SessionStopped,
    /// A strategy failed, or a venue's report does not agree with what is known.
    Error,
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionEventKinds(u32);

impl SessionEventKinds {
    /// From bits, the lowest that of the first kind.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Whether a kind is among them.
    #[inline]
    pub fn has(self, kind: SessionEventKind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    const fn of(kind: SessionEventKind) -> Self {
        Self(1 << kind as u32)
    }

    const fn with(self, kind: SessionEventKind) -> Self {
        Self(self.0 | Self::of(kind).0)
    }

    /// Those of markets, for which their messages come one by one.
    const MARKET: Self = Self::of(SessionEventKind::PriceUpdated)
        .with(SessionEventKind::BookUpdated)
        .with(SessionEventKind::TradePrinted)
        .with(SessionEventKind::BookStateChanged)
        .with(SessionEventKind::StatPublished);

    /// Those of them that are of markets.
    pub(super) fn of_markets(self) -> Self {
        Self(self.0 & Self::MARKET.0)
    }
}

/// What stopped trading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// A limit.
    Trip(Trip),
    /// The kill switch.
    Kill,
    /// A person, for a while.
    Pause,
}

/// A stop of a position that follows the price.
#[derive(Debug, Clone, PartialEq)]
pub struct StopMove {
    /// Whose position it is.
    pub strategy: StrategyId,
    /// The instrument.
    pub market: MarketId,
    /// By what a loss is cut there.
    pub kind: StopKind,
    /// Where it is cut from now on.
    pub level: FinePrice,
    /// Where it was before, if it was.
    pub before: Option<FinePrice>,
    /// Whose stop it is.
    pub scope: Scope,
    /// The name of the venue, instrument or strategy; the number of the account.
    pub name: Arc<str>,
}

/// An event of a session.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "what each is about says its kind")]
pub enum SessionEvent {
    /// Of [`SessionEventKind::PriceUpdated`] and [`SessionEventKind::BookUpdated`].
    Touch { kind: SessionEventKind, market: MarketId, touch: Touch },
    /// Of [`SessionEventKind::TradePrinted`].
    Trade { market: MarketId, trade: Trade },
    /// Of [`SessionEventKind::BookStateChanged`].
    BookState { market: MarketId, state: BookState, reason: Option<Arc<str>> },
    /// Of [`SessionEventKind::StatPublished`].
    Stat { market: MarketId, stat: Stat },
    /// Of [`SessionEventKind::SignalGenerated`].
    Signal(Box<Answer>),
    /// Of those kinds that tell how an order stands now; why limits refused it.
    Order { kind: SessionEventKind, order: Box<Order>, breaches: Arc<[Breach]> },
    /// Of [`SessionEventKind::OrderFilled`], [`SessionEventKind::TradeExecuted`] and
    /// [`SessionEventKind::TradeClosed`], each with what it is about of the fill's quantity.
    Fill { kind: SessionEventKind, fill: Arc<FillRow>, qty: Qty },
    /// Of [`SessionEventKind::PaymentBooked`] and [`SessionEventKind::TradeClosed`].
    Payment { kind: SessionEventKind, row: PaymentRow },
    /// Of [`SessionEventKind::ExecutionEnded`].
    Execution(Box<Execution>),
    /// Of [`SessionEventKind::StopTriggered`].
    Stop(Box<StopRow>),
    /// Of [`SessionEventKind::StopMoved`].
    StopMoved(Box<StopMove>),
    /// Of [`SessionEventKind::GroupLegCancelled`].
    GroupLeg(Box<Order>, Membership),
    /// Of [`SessionEventKind::GroupEnded`].
    Group(Box<Group>),
    /// Of [`SessionEventKind::RiskHalt`].
    Halt(Halt),
    /// Of [`SessionEventKind::RiskResumed`]: whose limits hold no more; everybody's, by hand, if none is named.
    Resumed(Option<Trip>),
    /// Of [`SessionEventKind::SessionStarted`] and [`SessionEventKind::SessionStopped`].
    Session(SessionEventKind),
    /// Of [`SessionEventKind::Error`].
    Failed { strategy: StrategyId, problem: Arc<str> },
    /// Of [`SessionEventKind::Error`].
    Mismatch(Box<Reconcile>),
}

/// Who listens to a session.
pub trait EventListener: Send {
    /// What it wants to hear of, from the next input on.
    fn wanted(&self) -> SessionEventKinds;

    /// Takes what an input led to, each with its time, ns, and leaves nothing behind.
    ///
    /// # Errors
    /// [`HookError`], which ends the session as Ctrl-C in a hook does.
    fn take(&mut self, told: &mut Vec<(i64, SessionEvent)>) -> Result<(), HookError>;
}

/// A listener, and what it is to be told.
pub(super) struct Events {
    pub(super) listener: Box<dyn EventListener>,
    pub(super) wanted: SessionEventKinds,
    pub(super) told: Vec<(i64, SessionEvent)>,
    /// The last order that was told of as submitted, or need not be.
    pub(super) last_order: OrderId,
    /// Grows with every change of whether markets are followed.
    pub(super) version: u64,
}
