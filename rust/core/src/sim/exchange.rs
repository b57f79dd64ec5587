//! A venue that is driven from outside, one thing after the other: by paper trading, and by the servers that speak a
//! venue's protocol.
//!
//! Where a backtest reads recorded data, whoever drives an exchange pushes messages and commands as they come and asks
//! for what came of them. It is the same venue: the same rows, commands and times make the same reports.
//!
//! Commands of strategies have passed the gate of their kernel. Those of outside clients pass the exchange's own,
//! which has no limits; what it refuses comes back as the venue's refusals do.

use std::sync::Arc;

use super::builder::Added;
use super::custom::ModelFailure;
use super::market::{Market, OpenOrder};
use super::moved::Moved;
use super::past::Past;
use super::venue::{Notice, Venue};
use crate::book::FillBasis;
use crate::event::{Chunk, Columns as _, EventColumns, EventKind, Granularity, Span, View};
use crate::ledger::Leverage;
use crate::orders::{Command, OrderId, Reason};
use crate::risk::{Approved, Gate, Rules, Verdict};
use crate::types::{AccountId, MarketId, Money, Price, Qty};

/// So many rows pass at once into what orders may look back at.
const PIECE: usize = 1 << 10;

/// Why an exchange did not take something. It is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Its time does not go back.
    #[error("{at} lies before {now}, where the exchange is (ns UTC): its time does not go back")]
    Past {
        /// When it was to happen, ns.
        at: i64,
        /// The exchange's time, ns.
        now: i64,
    },
    /// A model of somebody else's has failed. It is not asked again.
    #[error("{0}")]
    Model(ModelFailure),
}

/// What is kept of a market beside the venue's own.
struct Told {
    /// The last rows, where orders look back at them.
    past: Option<(Past, EventColumns)>,
    /// What tells how fine its book is, where that was not given.
    granularity: Option<Granularity>,
    /// Price and quantity of the last trade.
    last: Option<(Price, Qty)>,
}

/// A simulated exchange.
pub struct Exchange {
    venue: Venue,
    gate: Gate,
    told: Vec<Told>,
    now: i64,
}

impl Exchange {
    /// An exchange of these markets, in the order in which they were added to the venue: of each, whether orders look back
    /// at its rows, and how fine its book is, where that is given (else it is told by what comes).
    pub fn new(mut venue: Venue, markets: &[(Added, bool, Option<i64>)]) -> Self {
        let told = markets.iter().map(|&(added, looks_back, granularity)| {
            let has_levels = added.basis == FillBasis::L2;
            if has_levels {
                venue.set_granularity(added.market, granularity.unwrap_or(0));
            }
            Told {
                past: looks_back.then(Default::default),
                granularity: (has_levels && granularity.is_none()).then(Granularity::default),
                last: None,
            }
        });
        let told = told.collect();
        Self { venue, gate: Gate::default(), told, now: i64::MIN }
    }

    /// How far it has got, ns; the least number before anything has happened.
    pub fn now_ns(&self) -> i64 {
        self.now
    }

    /// The venue, to be looked at.
    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    /// A market.
    pub fn market(&self, market: MarketId) -> &Market {
        self.venue.market(market)
    }

    /// Price and quantity of the last trade of a market, as it was pushed.
    pub fn last_trade(&self, market: MarketId) -> Option<(Price, Qty)> {
        self.told[market.index()].last
    }

    /// Something happens at `at`.
    fn begin(&mut self, at: i64) -> Result<(), ExchangeError> {
        if at < self.now {
            return Err(ExchangeError::Past { at, now: self.now });
        }
        if self.now == i64::MIN {
            self.venue.begin(at);
        }
        self.now = at;
        Ok(())
    }

    /// How a model of somebody else's failed meanwhile.
    fn ended(&mut self) -> Result<(), ExchangeError> {
        match self.venue.take_failure() {
            Some((_, failure)) => Err(ExchangeError::Model(failure)),
            None => Ok(()),
        }
    }

    /// Lets the messages of a checked view happen at `at`, one after the other, after what was due before.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn on_messages(&mut self, at: i64, market: MarketId, view: &View<'_>) -> Result<(), ExchangeError> {
        self.begin(at)?;
        self.settle(at.saturating_sub(1));
        for rows in view.messages(0, view.len()) {
            self.venue.on_message(market, view, rows, at);
            self.note(market, view, rows);
        }
        self.ended()
    }

    /// Keeps what others ask of a market.
    fn note(&mut self, market: MarketId, view: &View<'_>, rows: Span) {
        let told = &mut self.told[market.index()];
        if !rows.only_levels {
            let is_trade = |row: &usize| view.kind[*row] == EventKind::Trade as u8;
            if let Some(row) = (rows.from..rows.to).rfind(is_trade) {
                told.last = Some((Price::new(view.price.get(row)), Qty::new(view.qty.get(row))));
            }
        }
        if let Some((past, recent)) = &mut told.past {
            recent.push_rows(view, rows.from, rows.to);
            if recent.len() >= PIECE {
                past.pass(Chunk::of(Arc::new(std::mem::take(recent))));
            }
        }
        if let Some(seen) = &mut told.granularity {
            seen.see(view, rows);
            self.venue.set_granularity(market, seen.clone().ns());
            if seen.is_told() {
                told.granularity = None;
            }
        }
    }

    /// Takes a command of a strategy, sent at `at`, that its kernel's gate has approved.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn on_command(
        &mut self,
        at: i64,
        account: AccountId,
        command: Approved<Command>,
    ) -> Result<(), ExchangeError> {
        self.begin(at)?;
        self.venue.on_command(account, command, at);
        self.ended()
    }

    /// Brings back a command that its kernel's gate has refused, when the venue's own refusal would have come.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn refuse(
        &mut self,
        at: i64,
        account: AccountId,
        command: &Command,
        reason: Reason,
    ) -> Result<(), ExchangeError> {
        self.begin(at)?;
        self.venue.refuse(account, command, reason, at);
        self.ended()
    }

    /// Takes a command of an outside client, sent at `at`.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn ask(&mut self, at: i64, account: AccountId, command: &Command) -> Result<(), ExchangeError> {
        self.begin(at)?;
        let market = self.venue.market(command.market());
        let rules = Rules {
            instrument: market.instrument(),
            math: market.math(),
            is_listed: market.is_listed(),
            now: at,
            filled: self.find(account, command.order()).map_or(Qty::ZERO, |open| open.filled),
            exposure: None,
            hold: None,
            is_exit: false,
        };
        match self.gate.review(command.clone(), &rules, || None) {
            Ok(Verdict::Approved(command)) => self.venue.on_command(account, command, at),
            Ok(Verdict::Refused(command, reason, _)) => self.venue.refuse(account, &command, reason, at),
            Err(mistake) => self.venue.refuse(account, command, mistake.reason(), at),
        }
        self.ended()
    }

    /// An open order of an account, wherever it is.
    pub fn find(&self, account: AccountId, order: OrderId) -> Option<OpenOrder> {
        self.open_orders(account).map(|(_, open)| open).find(|open| open.order == order)
    }

    /// The open orders of an account, by market.
    pub fn open_orders(&self, account: AccountId) -> impl Iterator<Item = (MarketId, OpenOrder)> + '_ {
        (0..self.told.len()).map(MarketId::new).flat_map(move |market| {
            let open = self.venue.market(market).open_orders();
            open.filter(move |open| open.account == account).map(move |open| (market, open))
        })
    }

    /// Lets happen what is due by `until`: commands arrive, orders end, instruments come and go, funding is paid.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn advance(&mut self, until: i64) -> Result<(), ExchangeError> {
        self.begin(until)?;
        self.settle(until);
        self.ended()
    }

    fn settle(&mut self, until: i64) {
        self.venue.advance(until);
        let told = &self.told;
        self.venue.look_back(|market, basis, side, price| {
            let Some((past, recent)) = &told[market.index()].past else { return Vec::new() };
            past.told_of(Some((recent.view(), 0..recent.len())), basis, side, price)
        });
    }

    /// See [`Venue::set_leverage`].
    pub fn set_leverage(&mut self, account: AccountId, market: MarketId, leverage: Leverage) -> bool {
        self.venue.set_leverage(account, market, leverage)
    }

    /// See [`Venue::take_over`].
    pub fn take_over(&mut self, account: AccountId, market: MarketId, cash: Money, moves: &[Moved]) {
        self.venue.take_over(account, market, cash, moves);
    }

    /// When something is next due by itself, ns.
    pub fn next_due(&self) -> Option<i64> {
        self.venue.next_due()
    }

    /// When the next report arrives, ns.
    pub fn next_report(&self) -> Option<i64> {
        self.venue.next_report()
    }

    /// What has arrived next by `until`, with its time.
    pub fn receive(&mut self, until: i64) -> Option<(i64, Notice)> {
        self.venue.receive(until)
    }
}
