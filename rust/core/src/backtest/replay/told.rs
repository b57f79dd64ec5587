//! What a run came to, for whoever ran it.

use super::Replay;
use crate::backtest::reporting::Reporting;
use crate::backtest::stats::CurrencyTotals;
use crate::backtest::watch::Watched;
use crate::book::{MarkPrice, MarkSource, Uncrossed};
use crate::event::WrongStamps;
use crate::sim::{Balance, FeedClock, Market};
use crate::types::{MarketId, Moments, Qty, StrategyId};

impl Replay {
    /// The venue's side of a market.
    pub fn market(&self, market: MarketId) -> &Market {
        self.venue.market(market)
    }

    /// Messages of a market whose stamps cannot be.
    pub fn wrong_stamps(&self, market: MarketId) -> WrongStamps {
        self.lanes[market.index()].wrong_stamps()
    }

    /// How the clock of a market's venue is taken to stand to ours.
    pub fn clock(&self, market: MarketId) -> &FeedClock {
        self.lanes[market.index()].clock()
    }

    /// What positions in a market are valued at, and the last such price.
    pub fn mark(&self, market: MarketId) -> (MarkSource, Option<MarkPrice>) {
        (self.venue.valued_at(market), self.venue.worth(market))
    }

    /// Quantity traded by everybody in a market, as far as the run has got.
    pub fn volume(&self, market: MarketId) -> Qty {
        Qty::new(self.lanes[market.index()].volume)
    }

    /// What was removed of a market's book because it stayed locked or crossed.
    pub fn uncrossed(&self, market: MarketId) -> Uncrossed {
        self.lanes[market.index()].uncrossed()
    }

    /// Bars of a market that met a stop and an order that rests, of which only one could take a position back.
    pub fn undecided(&self, market: MarketId) -> u64 {
        self.venue.market(market).undecided()
    }

    /// Event rows passed so far, without those that were added to uncross a book.
    pub fn rows(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.cursor.passed().saturating_sub(lane.uncrossed().levels)).sum()
    }

    /// Venue time of the first message and visible time of the last, ns; `None` without data.
    pub fn span(&self) -> Option<(i64, i64)> {
        (self.end > i64::MIN).then_some((self.start, self.end))
    }

    /// Totals by settlement currency, valid after [`Replay::run`]; the first strategy's if each is apart.
    pub fn totals(&self) -> &[CurrencyTotals] {
        self.totals_of(StrategyId::new(0))
    }

    /// Totals by the rule of a place of a run with bounds: 0 as set, 1 low, 2 high.
    pub fn bound_totals(&self, place: usize) -> &[CurrencyTotals] {
        self.sessions.seats().nth(place).map_or(&[], |seat| self.sessions.totals(seat))
    }

    /// When a market's book stayed locked or crossed, each from and until something was removed, ns of receive time.
    pub fn crossed(&self, market: MarketId) -> &[(i64, i64)] {
        self.lanes[market.index()].crossed()
    }

    /// What there is to know of a market's data, as far as the run has got.
    pub fn watched(&self, market: MarketId) -> Watched {
        self.lanes[market.index()].watched(self.latest)
    }

    /// When the venue's book of a market was locked or crossed, however shortly, as far as the run has got.
    pub fn crossings(&self, market: MarketId) -> Moments {
        self.market(market).crossed(self.latest)
    }

    /// What each strategy of the kernel that one is in has at venues with balances.
    pub fn balances_of(&self, strategy: StrategyId) -> impl Iterator<Item = (StrategyId, &str, Balance<'_>)> {
        let accounts = self.sessions.accounts_of(self.sessions.seat_of(strategy));
        accounts.enumerate().flat_map(move |(at, account)| {
            let of = move |(venue, balance)| (StrategyId::new(at), venue, balance);
            self.venue.balances(account).map(of)
        })
    }

    /// Totals in the currency that is reported in, of the kernel a strategy is in, once they are known, and for how many
    /// samples a rate was not known; `None` where none was asked for.
    pub fn reported_of(&self, strategy: StrategyId) -> Option<(Option<&CurrencyTotals>, u64)> {
        self.sessions.reported(self.sessions.seat_of(strategy))
    }

    /// The same by the rule of a place of a run with bounds.
    pub fn bound_reported(&self, place: usize) -> Option<&CurrencyTotals> {
        self.sessions.seats().nth(place).and_then(|seat| self.sessions.reported(seat)?.0)
    }

    /// How amounts become those of the currency that is reported in.
    pub fn reporting(&self) -> Option<&Reporting> {
        self.reporting.as_deref()
    }

    /// Totals of the kernel a strategy is in.
    pub fn totals_of(&self, strategy: StrategyId) -> &[CurrencyTotals] {
        self.sessions.totals(self.sessions.seat_of(strategy))
    }
}
