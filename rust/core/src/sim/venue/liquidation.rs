//! What margin has a venue do: it refuses orders that an account cannot margin, and liquidates what is not covered.
//!
//! Where the mark of a market changes (the mark price of the data, else the index, else the middle of the book), the accounts
//! that hold something in it are looked at. An account whose equity is no more than its maintenance margin is liquidated at
//! that moment, without a latency:
//!
//! 1. Its open orders expire: isolated those of the instrument, cross those of all contracts of the currency.
//! 2. The position is closed against the book, down to the price of bankruptcy, at which what is left pays the fee and no
//!    more. What the book does not take, the insurance fund does, at that price; without one it is closed at any
//!    price. Cross, positions go one by one, the largest loss first, until what is left is covered.
//! 3. The venue takes its fee of the value closed.
//!
//! Of options those that were written are closed; what is held of them, and binaries, stays. What it takes to be rid of what
//! was written stands behind no other position.
//!
//! A book that cannot be traded on is waited for. Others' profits are never taken: there is no auto-deleveraging.

use super::{Place, Venue};
use crate::ledger::{Payment, PaymentKind, bankruptcy, part};
use crate::orders::{Command, NewTerms, OrderId, Reason, ReportKind};
use crate::sim::holdings::{Contract, Holding, Marked, Terms, Working};
use crate::sim::marks::Marks;
use crate::sim::wallet::{minus, plus};
use crate::types::{AccountId, MarketId, Money, Price, Qty, Side};

/// Where an account stands in a currency, by all its contracts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    pub(super) equity: Money,
    pub(super) maintenance: Money,
    /// What of the equity stands behind single positions.
    behind: Money,
    /// What of it would be paid to be rid of what was written.
    owed: Money,
    /// Whether something may be liquidated by it.
    is_held: bool,
}

impl Standing {
    fn is_uncovered(self) -> bool {
        self.is_held && minus(self.equity, self.behind) <= self.maintenance
    }
}

impl Place {
    /// The price by which the venue counts, in units of 10^-9.
    pub(super) fn mark(&self) -> Option<i64> {
        self.marks.and_then(Marks::price).or_else(|| self.market.fine_mid())
    }

    /// The prices by which its contract counts.
    pub(super) fn marked(&self) -> Marked {
        Marked { price: self.own_mark(), underlying: self.marks.and_then(Marks::index) }
    }

    /// The price of the contract itself: the index price of an option is that of its underlying.
    fn own_mark(&self) -> Option<i64> {
        match self.contract.as_ref().map(|contract| &contract.terms) {
            Some(Terms::Paid { .. }) => {
                self.marks.and_then(Marks::own_price).or_else(|| self.market.fine_mid())
            }
            _ => self.mark(),
        }
    }

    /// Something by which it is told whether the mark has changed, at little cost.
    fn mark_key(&self) -> Option<(Option<i64>, Option<i64>)> {
        let marks = self.marks.unwrap_or_default();
        let (own, index) = match self.contract.as_ref().map(|contract| &contract.terms) {
            Some(Terms::Paid { .. }) => (marks.own_price(), marks.index()),
            _ => (marks.price(), None),
        };
        let own = own.or_else(|| self.market.twice_mid());
        (own.is_some() || index.is_some()).then_some((own, index))
    }
}

impl Venue {
    /// Where an account stands in the currency of a contract.
    pub(super) fn standing(&self, account: AccountId, of: &Contract) -> Standing {
        let mut sum =
            Standing { equity: self.wallets[of.wallets].held(account, of.coin), ..Standing::default() };
        for (market, holding) in self.margins[of.margins].0.get(&account).into_iter().flatten() {
            let place = &self.places[market.index()];
            let Some(contract) = place.contract.as_ref().filter(|contract| contract.coin == of.coin) else {
                continue;
            };
            if contract.stands_alone() {
                sum.behind = plus(sum.behind, holding.margin);
            } else if holding.position.qty != 0 {
                let (position, marked) = (&holding.position, place.marked());
                sum.equity = plus(sum.equity, contract.collateral(position, marked));
                sum.maintenance = plus(sum.maintenance, contract.maintenance(position, marked));
                sum.owed = plus(sum.owed, contract.owes(position, marked));
                sum.is_held |= contract.may_be_closed(position.qty);
            }
        }
        sum
    }

    /// Initial margin of all contracts of an account in the currency of one.
    pub(super) fn asked(&self, account: AccountId, of: &Contract) -> Money {
        let holdings = self.margins[of.margins].0.get(&account).into_iter().flatten();
        holdings.fold(Money::ZERO, |sum, (market, holding)| {
            let place = &self.places[market.index()];
            let contract = place.contract.as_ref().filter(|contract| contract.coin == of.coin);
            contract.map_or(sum, |contract| {
                plus(sum, holding.asks(contract, holding.sums(), place.marked()).margin)
            })
        })
    }

    pub(super) fn holding(
        &self,
        account: AccountId,
        market: MarketId,
        contract: &Contract,
    ) -> Option<&Holding> {
        self.margins[contract.margins].0.get(&account)?.get(&market)
    }

    /// Why an account cannot margin a command. An order that is let in asks for margin from then on.
    pub(super) fn lacks_margin(&mut self, account: AccountId, command: &Command) -> Option<ReportKind> {
        let market = command.market();
        self.places[market.index()].contract.as_ref()?;
        // What nobody knows the price of is not held against anything.
        let price = self.places[market.index()].price_of(account, command)?;
        let place = &self.places[market.index()];
        let contract = place.contract.as_ref()?;
        let (id, order) = match command {
            Command::Submit { order, request } => {
                let (side, qty) = (request.side, request.qty.steps());
                (*order, Working { side, price, qty, filled: 0, reduce_only: request.reduce_only })
            }
            Command::Replace { order, terms: NewTerms { qty, .. }, .. } => {
                let working = self.holding(account, market, contract)?.working(*order)?;
                (*order, Working { price, qty: qty.steps(), ..working })
            }
            Command::Cancel { .. } => return None,
        };
        if let Some(reason) = self.falls_short(account, market, (id, &order), false) {
            return Some(command.refusal(reason));
        }
        if matches!(command, Command::Submit { .. }) {
            self.with_holding(account, market, |contract, holding| {
                holding.set(contract, id, Some(order));
                Money::ZERO
            });
        }
        None
    }

    /// Why an account cannot margin an order at a price that has been set off: it asks as if it came now, for what stood behind
    /// the account then may be lost.
    pub(super) fn lacks_margin_now(
        &self,
        account: AccountId,
        market: MarketId,
        id: OrderId,
        price: Price,
    ) -> Option<Reason> {
        let contract = self.places[market.index()].contract.as_ref()?;
        let working = self.holding(account, market, contract)?.working(id)?;
        self.falls_short(account, market, (id, &Working { price, ..working }), true)
    }

    /// Why an account cannot have an order, in place of what has its number; one that came before only asks for what it asks
    /// more than that did.
    fn falls_short(
        &self,
        account: AccountId,
        market: MarketId,
        (id, order): (OrderId, &Working),
        is_new: bool,
    ) -> Option<Reason> {
        let place = &self.places[market.index()];
        let contract = place.contract.as_ref()?;
        let empty = Holding::default();
        let holding = self.holding(account, market, contract).unwrap_or(&empty);
        let marked = place.marked();
        let (sums, only_reduces) = holding.sums_with(contract, id, order);
        let asks = |sums| holding.asks(contract, sums, marked);
        let (held, after) = (asks(holding.sums()), asks(sums));
        let before = if is_new { asks(holding.sums_without(contract, id)) } else { held };
        if only_reduces || (after.margin <= before.margin && after.exposure <= before.exposure) {
            return None;
        }
        let equity = self.standing(account, contract).equity;
        let asked = plus(minus(self.asked(account, contract), held.margin), after.margin);
        let reason = contract.refusal();
        let may_owe = reason == Reason::InsufficientBalance && self.wallets[contract.wallets].may_borrow();
        ((asked > equity && !may_owe) || contract.forbids(after.exposure)).then_some(reason)
    }

    /// Changes what an account has in a contract, and its balance by what comes of it.
    pub(super) fn with_holding(
        &mut self,
        account: AccountId,
        market: MarketId,
        change: impl FnOnce(&Contract, &mut Holding) -> Money,
    ) {
        let Some(contract) = &self.places[market.index()].contract else { return };
        let holdings = self.margins[contract.margins].0.entry(account).or_default();
        let moved = change(contract, holdings.entry(market).or_default());
        self.wallets[contract.wallets].book(account, contract.coin, moved);
    }

    /// Looks at whether a market has to be watched for liquidations.
    pub(super) fn keep_watch(&mut self, market: MarketId) {
        let place = &mut self.places[market.index()];
        let of = place.contract.as_ref();
        let is_watched =
            of.is_some_and(|contract| place.market.held().any(|(_, qty)| contract.may_be_closed(qty)));
        self.watched = self.watched + usize::from(is_watched) - usize::from(place.is_watched);
        (place.is_watched, place.seen) = (is_watched, None);
    }

    /// Whether nothing of ours is in a market, so that it concerns no other.
    #[inline]
    pub fn is_quiet(&self, market: MarketId) -> bool {
        let place = &self.places[market.index()];
        place.market.is_untouched() && !place.is_watched
    }

    /// Whether positions may be liquidated somewhere.
    #[inline]
    pub fn is_watching(&self) -> bool {
        self.watched > 0
    }

    /// After a message of a market in which something is held: liquidates whom its mark leaves uncovered. Returns whether
    /// there is anybody.
    pub(super) fn guard(&mut self, market: MarketId, now: i64) -> bool {
        let place = &mut self.places[market.index()];
        let key = place.mark_key();
        if key.is_none() || key == place.seen {
            return false;
        }
        place.seen = key;
        let (mut last, mut found) = (None, false);
        while let Some(account) = self.next_uncovered(market, last) {
            (last, found) = (Some(account), true);
            self.liquidate(account, market, now);
        }
        found
    }

    /// The next account after one that holds something in a market and is not covered.
    fn next_uncovered(&self, market: MarketId, after: Option<AccountId>) -> Option<AccountId> {
        let place = &self.places[market.index()];
        let contract = place.contract.as_ref()?;
        let holders = place.market.held().map(|(account, _)| account);
        let mut next = holders.filter(|account| after.is_none_or(|after| *account > after));
        next.find(|account| self.is_uncovered(*account, market, contract))
    }

    fn is_uncovered(&self, account: AccountId, market: MarketId, contract: &Contract) -> bool {
        if !contract.stands_alone() {
            return self.standing(account, contract).is_uncovered();
        }
        self.holding(account, market, contract).is_some_and(|holding| {
            let (position, marked) = (&holding.position, self.places[market.index()].marked());
            let equity = plus(holding.margin, contract.collateral(position, marked));
            position.qty != 0 && equity <= contract.maintenance(position, marked)
        })
    }

    /// Liquidates an account that is not covered by the mark of a market.
    #[cold]
    fn liquidate(&mut self, account: AccountId, market: MarketId, now: i64) {
        let mut left = self.exposed(account, market);
        let orders: Vec<_> = left.iter().flat_map(|(of, _, ids)| ids.iter().map(|id| (*of, *id))).collect();
        for (of, id) in orders {
            let side = &mut self.places[of.index()].market;
            side.end_order(account, id, Reason::Liquidated, now, &mut self.fresh);
            self.report(of);
        }
        left.retain(|(of, ..)| self.held(account, *of) != 0);
        left.sort_by_key(|(of, unrealized, _)| (*unrealized, *of));
        for (of, ..) in left {
            let Some(contract) = &self.places[of.index()].contract else { continue };
            if !contract.may_be_closed(self.held(account, of)) {
                continue;
            }
            if !self.is_uncovered(account, of, contract) {
                break;
            }
            self.close(account, of, now);
        }
    }

    /// The contracts that share the fate of one: their unrealised profits and open orders.
    fn exposed(&self, account: AccountId, market: MarketId) -> Vec<(MarketId, Money, Vec<OrderId>)> {
        let Some(of) = &self.places[market.index()].contract else { return Vec::new() };
        let holdings = self.margins[of.margins].0.get(&account).into_iter().flatten();
        let shared = holdings.filter_map(|(other, holding)| {
            let place = &self.places[other.index()];
            let contract = place.contract.as_ref()?;
            let is_shared = *other == market
                || !(of.stands_alone() || contract.stands_alone()) && contract.coin == of.coin;
            let unrealized =
                contract.unrealized(&holding.position, contract.value(&holding.position, place.own_mark()));
            is_shared.then(|| (*other, unrealized, holding.orders()))
        });
        shared.collect()
    }

    /// Closes a position against the book, and what it does not take at the price of bankruptcy.
    fn close(&mut self, account: AccountId, market: MarketId, now: i64) {
        let place = &self.places[market.index()];
        let Some(contract) = &place.contract else { return };
        let Some(holding) = self.holding(account, market, contract) else { return };
        let (qty, cost) = (holding.position.qty, contract.sunk(&holding.position));
        let (gains, math, fee, insured) =
            (contract.math.gains(qty), contract.math, contract.fee, contract.insured);
        let margin = if contract.stands_alone() {
            holding.margin
        } else {
            let (all, marked) = (self.standing(account, contract), place.marked());
            let others = minus(all.owed, contract.owes(&holding.position, marked));
            let own = contract.collateral(&holding.position, marked);
            minus(minus(minus(all.equity, all.behind), others), own)
        };
        let bankrupt = bankruptcy(cost, margin, gains, fee).filter(|_| insured);
        let side = if qty > 0 { Side::Sell } else { Side::Buy };
        let endless = (i128::from(i64::MAX), 1);
        let price = bankrupt.and_then(|value| {
            // An inverse contract is worth nothing at no price.
            let is_nothing = value == Money::ZERO && math.is_inverse();
            if is_nothing { Some(endless) } else { math.price_at(value, qty.abs()) }
        });
        // No worse than the price of bankruptcy, on the grid.
        let limit = price.map(|(top, bottom)| {
            let (below, is_on) = (top.div_euclid(bottom), top.rem_euclid(bottom) == 0);
            let steps = if side == Side::Buy || is_on { below } else { below.saturating_add(1) };
            i64::try_from(steps).unwrap_or(i64::MAX)
        });
        let market_side = &mut self.places[market.index()].market;
        let fills = market_side.force(account, side, (limit, qty.abs()), now, &mut self.fresh);
        let Some(fills) = fills.filter(|fills| price.is_some() || !fills.is_empty()) else {
            // The next message is looked at again: a book that shows nothing may, and nobody else takes the rest.
            self.places[market.index()].seen = None;
            return;
        };
        self.report(market);
        let payment = |kind, qty, price, rate, paid| Payment {
            account,
            market,
            ts_event: now,
            kind,
            qty,
            price,
            rate,
            paid,
        };
        let fine_price = |top, bottom| math.fine_price(top, bottom).unwrap_or(i64::MAX);
        let mut left = qty.abs();
        let mut pieces: Vec<(i64, i64, Money)> = Vec::with_capacity(fills.len() + 1);
        for (price, filled) in fills {
            left -= filled;
            if let Ok(value) = math.value(Price::new(price), Qty::new(filled)) {
                pieces.push((filled, fine_price(price.into(), 1), value));
            }
        }
        if let Some((value, (top, bottom))) = bankrupt.zip(price).filter(|_| left > 0) {
            let value = value.scaled(left.into(), qty.unsigned_abs().into()).unwrap_or_default();
            self.places[market.index()].market.close_position(account, left * qty.signum());
            pieces.push((left, fine_price(top, bottom), value));
        }
        for (closed, price, value) in pieces {
            let (closed, paid) =
                (closed * qty.signum(), if gains { minus(Money::ZERO, value) } else { value });
            self.move_money(payment(PaymentKind::Liquidation, closed, price, 0, paid));
            if fee > 0 {
                self.move_money(payment(PaymentKind::LiquidationFee, closed, price, fee, part(value, fee)));
            }
        }
    }
}
