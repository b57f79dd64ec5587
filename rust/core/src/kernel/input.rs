//! What goes into the kernel and what comes out of it.

use std::fmt;
use std::sync::Arc;

use super::signals::Answer;
use crate::book::{BookState, L2Book, Touch};
use crate::event::{Chunk, Columns, View};
use crate::ledger::Payment;
use crate::orders::{Command, NewTerms, OrderId, OrderRequest, Reason, Report};
use crate::risk::{Approved, Hold};
use crate::types::{AccountId, CurrencyId, MarketId, Money, StrategyId};

/// What a book looked like after some rows, worked out by whoever applied them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Best prices.
    pub touch: Touch,
    /// Sum of best bid and best ask, the last time there were both.
    pub twice_mid: Option<i64>,
    /// The last mark price or trade, as columns have it, where positions are valued at that.
    pub published: Option<i64>,
}

/// Where the rows of a message (or of several) are.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// Rows `from..to` of these columns, which have been checked.
    Here {
        /// The columns.
        view: View<'a>,
        /// The first row.
        from: usize,
        /// The row behind the last.
        to: usize,
    },
    /// The rows of what was supplied before, from the last known one up to `upto`, counted from the market's first.
    Supplied {
        /// Rows known after it.
        upto: u64,
        /// The book's outcome: it must be what the rows make of it.
        seen: Seen,
        /// All of them are [`EventKind::BookSet`](crate::event::EventKind::BookSet); `false` when that is not known.
        only_levels: bool,
    },
}

impl<'a> Rows<'a> {
    /// All rows of some columns.
    pub fn all(columns: &'a dyn Columns) -> Self {
        let view = columns.view();
        Self::Here { view, from: 0, to: view.len() }
    }
}

/// The state of a feed, as its connection knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedUpdate {
    /// What is known about the book from now on.
    pub state: BookState,
    /// Why, in a few words.
    pub reason: Arc<str>,
}

/// An instrument comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// The instrument.
    pub market: MarketId,
    /// Whether it can be traded from now on. The orders of one that goes end by the venue's reports.
    pub is_listed: bool,
}

/// Something asked for from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// Start the strategies: their first hook, also of a session that goes on after it was stopped.
    Start,
    /// Stop the strategies: their last hook. What they ask for in it is drained like any other command.
    Stop,
    /// A person's order, on behalf of a strategy.
    Order {
        /// Whose order it becomes.
        strategy: StrategyId,
        /// Its terms.
        request: OrderRequest,
    },
    /// A person's cancel of a strategy's order; one that has ended is left alone.
    Cancel {
        /// Whose order it is.
        strategy: StrategyId,
        /// The order.
        order: OrderId,
    },
    /// A person's cancel of all open orders of a strategy, with its executions and groups there.
    CancelAll {
        /// Whose orders they are.
        strategy: StrategyId,
        /// The only instrument, where there is one.
        market: Option<MarketId>,
    },
    /// New terms for a strategy's order, by a person.
    Replace {
        /// Whose order it is.
        strategy: StrategyId,
        /// The order.
        order: OrderId,
        /// What it is to have.
        terms: NewTerms,
    },
    /// Refuse everything but cancels of one strategy, or let it go on. What a stopped one has at work is cancelled.
    Hold {
        /// The strategy.
        strategy: StrategyId,
        /// How it is held from now on.
        hold: Option<Hold>,
    },
    /// New values for parameters of a strategy, in words of its own.
    Parameters {
        /// The strategy.
        strategy: StrategyId,
        /// The values.
        values: Arc<str>,
    },
    /// Refuse everything but cancels.
    Pause,
    /// Go on after a pause, or arm the kill switch again.
    Resume,
    /// Cancel everything and refuse everything but cancels.
    Kill,
    /// From now on whoever drives the kernel brings refusals of our own back as reports (see
    /// [`super::Kernel::refusals`]), after the time that answers of a venue take.
    CarryRefusals,
    /// Start a strategy that has failed once more.
    Rearm {
        /// The strategy.
        strategy: StrategyId,
    },
    /// A strategy has failed by what only its driver sees: its account cannot be counted any more.
    Fail {
        /// The strategy.
        strategy: StrategyId,
        /// What is wrong.
        problem: Arc<str>,
    },
}

impl Control {
    /// The strategy it is about, where it is about one.
    pub(super) fn strategy(&self) -> Option<StrategyId> {
        match self {
            Self::Order { strategy, .. }
            | Self::Cancel { strategy, .. }
            | Self::CancelAll { strategy, .. }
            | Self::Replace { strategy, .. }
            | Self::Hold { strategy, .. }
            | Self::Parameters { strategy, .. }
            | Self::Rearm { strategy }
            | Self::Fail { strategy, .. } => Some(*strategy),
            Self::Start | Self::Stop | Self::Pause | Self::Resume | Self::Kill | Self::CarryRefusals => None,
        }
    }
}

/// What the kernel is told.
pub enum Input<'a> {
    /// Data handed over ahead of the inputs that speak of it. Nothing of it can be observed before.
    Supply {
        /// The market.
        market: MarketId,
        /// The data.
        supply: Supply<'a>,
    },
    /// A message of a market: those who subscribed to what it holds are woken.
    Message {
        /// The market.
        market: MarketId,
        /// Its rows.
        rows: Rows<'a>,
    },
    /// Rows of a market that are known from now on; nobody is woken.
    Known {
        /// The market.
        market: MarketId,
        /// The rows.
        rows: Rows<'a>,
    },
    /// A venue's word on an order.
    Report(&'a Report),
    /// What an account holds of a currency, by the venue's count.
    Balance {
        /// The account.
        account: AccountId,
        /// The currency.
        currency: CurrencyId,
        /// The amount.
        total: Money,
    },
    /// Money that a venue moved on an account.
    Payment(&'a Payment),
    /// The state of a market's feed.
    Feed {
        /// The market.
        market: MarketId,
        /// What is known from now on.
        update: &'a FeedUpdate,
    },
    /// An instrument comes or goes.
    Listing(&'a Listing),
    /// Something the kernel waited for is due (see [`super::Kernel::next_due`]).
    Due,
    /// What a strategy's model answers.
    Signal(&'a Answer),
    /// Something asked for from outside.
    Control(&'a Control),
}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here { from, to, .. } => write!(f, "rows {from}..{to}"),
            Self::Supplied { upto, .. } => write!(f, "rows up to {upto}"),
        }
    }
}

/// Data handed over ahead.
pub enum Supply<'a> {
    /// The columns in which the rows to come lie, in order.
    Chunk(Chunk),
    /// A book that is so many rows ahead: a view that is far behind may take it over instead of reading them.
    Checkpoint {
        /// Rows the book has read.
        passed: u64,
        /// The book.
        book: &'a L2Book,
    },
}

/// A command on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// When it was sent, ns.
    pub at: i64,
    /// The account it is for.
    pub account: AccountId,
    /// The strategy that asked for it.
    pub strategy: StrategyId,
    /// The command.
    pub command: Approved<Command>,
}

/// A command that was refused on our side, to be brought back (see [`Control::CarryRefusals`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When it was sent, ns.
    pub at: i64,
    /// The account it was for.
    pub account: AccountId,
    /// The command.
    pub command: Command,
    /// Why it was refused.
    pub reason: Reason,
}
