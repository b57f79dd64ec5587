//! What accounts have at a venue, to be looked at from outside.

use super::Venue;
use crate::ledger::{Leverage, Position};
use crate::sim::holdings::Holding;
use crate::sim::moved::Moved;
use crate::types::{AccountId, MarketId, Money};

/// What an account has in a contract on margin.
#[derive(Debug, Clone)]
pub struct Margined {
    /// The position.
    pub position: Position,
    /// What it is valued at, in units of 10^-9 of price.
    pub mark: Option<i64>,
    /// What it is worth at that, and gains or loses.
    pub value: Money,
    /// What it gains or loses at that.
    pub unrealized: Money,
    /// What is asked for it with the orders in it.
    pub initial: Money,
    /// What it must not fall below.
    pub maintenance: Money,
    /// What stands behind it, where it is isolated.
    pub isolated: Option<Money>,
    /// By how much it is levered.
    pub leverage: Leverage,
}

impl Venue {
    /// What an account has bought in a market less what it has sold, in quantity increments.
    pub fn held(&self, account: AccountId, market: MarketId) -> i64 {
        self.market(market).position(account)
    }

    /// The price by which the venue counts in a market, in units of 10^-9.
    pub fn mark(&self, market: MarketId) -> Option<i64> {
        self.places[market.index()].mark()
    }

    /// What an account has in a contract; `None` where there is no margin, or it is paid in full.
    pub fn margined(&self, account: AccountId, market: MarketId) -> Option<Margined> {
        let contract = self.places[market.index()].contract.as_ref()?;
        let empty = Holding::default();
        let holding = self.holding(account, market, contract).unwrap_or(&empty);
        let leverage = holding.leverage(contract)?;
        let marked = self.places[market.index()].marked();
        let value = contract.value(&holding.position, marked.price);
        Some(Margined {
            position: holding.position.clone(),
            mark: marked.price,
            value,
            unrealized: contract.unrealized(&holding.position, value),
            initial: holding.asks(contract, holding.sums(), marked).margin,
            maintenance: contract.maintenance(&holding.position, marked),
            isolated: contract.stands_alone().then_some(holding.margin),
            leverage,
        })
    }

    /// Levers what an account trades in a contract from now on by so much, if it can be margined so. Returns whether it is.
    pub fn set_leverage(&mut self, account: AccountId, market: MarketId, leverage: Leverage) -> bool {
        let Some(contract) = &self.places[market.index()].contract else { return false };
        let holding = self.holding(account, market, contract);
        if holding.unwrap_or(&Holding::default()).leverage(contract).is_none() {
            return false;
        }
        let before = holding.and_then(|holding| holding.leverage);
        self.lever(account, market, Some(leverage));
        let Some(contract) = &self.places[market.index()].contract else { return false };
        let is_covered = self.asked(account, contract) <= self.standing(account, contract).equity;
        if !is_covered {
            self.lever(account, market, before);
        }
        is_covered
    }

    /// Lets an account have in a market what it came to elsewhere by these moves, which have brought so much cash.
    pub fn take_over(&mut self, account: AccountId, market: MarketId, cash: Money, moves: &[Moved]) {
        let qty = Moved::held(moves);
        let place = &mut self.places[market.index()];
        place.market.take_over(account, qty);
        if let (Some(spot), Some(wallets)) = (&place.spot, place.wallets) {
            self.wallets[wallets].take_over(account, spot, qty, cash);
        }
        self.with_holding(account, market, |contract, holding| holding.take_over(contract, moves, cash));
        self.keep_watch(market);
    }

    fn lever(&mut self, account: AccountId, market: MarketId, leverage: Option<Leverage>) {
        self.with_holding(account, market, |_, holding| {
            holding.leverage = leverage;
            Money::ZERO
        });
    }
}
