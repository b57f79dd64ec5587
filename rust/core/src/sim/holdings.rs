//! Margin of accounts at a simulated venue: what stands behind their contracts, and what their orders would ask.
//!
//! An account's balance in a settlement currency is the collateral of all contracts that settle in it. It moves by profit
//! that is realised, fees and funding. Options and binaries move it by what is paid for them.
//!
//! * An instrument asks initial margin for the larger of what is held with the working buys, and with the working sells, each
//!   order at its price (a stop at its trigger, a market order at what the book asks), the position at the mark; isolated at
//!   what it had cost. Reduce-only orders ask nothing.
//! * Cross: all instruments together may ask no more than the account's equity: its balance and unrealised profit at the mark.
//! * Isolated: what stands behind each position, and what orders ask beyond that, may come to no more than the balance. A
//!   fill that opens puts its initial margin behind the position, one that closes frees its share; funding is taken from it.
//! * An option or a binary asks for what its working buys cost with their fees, and for what is written of it, or would be by
//!   its working sells, what [`Written`] says, less what these sells bring. What is held of it is no collateral.
//! * An order that could only make a position smaller, or that asks nothing more than was asked, is let in.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::fees::FeeModel;
use super::margin::MarginMode;
use super::moved::Moved;
use super::update::Update;
use super::wallet::{Coin, minus, plus};
use crate::ledger::{Brackets, ContractMath, Cover, Leverage, Payment, Position, Written};
use crate::orders::{NewTerms, OrderId, Reason, ReportKind};
use crate::types::{AccountId, MarketId, Money, Price, Qty, Side};

/// What is known of a contract's margin.
#[derive(Debug)]
pub(super) struct Contract {
    pub(super) math: ContractMath,
    /// Whose accounts.
    pub(super) margins: usize,
    pub(super) wallets: usize,
    /// The currency it settles in.
    pub(super) coin: Coin,
    pub(super) terms: Terms,
    /// What is charged by a formula of its own.
    pub(super) charged: Option<FeeModel>,
    /// What a liquidation costs, as a fraction of value in units of 10^-9.
    pub(super) fee: i64,
    pub(super) insured: bool,
}

/// How a contract is paid for.
#[derive(Debug)]
pub(super) enum Terms {
    /// By what it made, when that is realised; margin stands behind it.
    Leveraged { leverage: Leverage, brackets: Brackets, mode: MarginMode },
    /// In full, at once. What it asks when it is written; of an option that is not held to margin nothing.
    Paid { written: Option<Written>, is_margined: bool },
}

/// The prices by which a contract counts, in units of 10^-9.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marked {
    /// Its own.
    pub(super) price: Option<i64>,
    /// That of what it is written on.
    pub(super) underlying: Option<i64>,
}

/// An order that may still fill.
#[derive(Debug, Clone, Copy)]
pub(super) struct Working {
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) qty: i64,
    pub(super) filled: i64,
    pub(super) reduce_only: bool,
}

/// What working orders come to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    value: [Money; 2],
    /// What they may cost in fees.
    fees: [Money; 2],
    qty: [i64; 2],
}

/// What an account has in one contract.
#[derive(Debug, Default)]
pub(super) struct Holding {
    pub(super) position: Position,
    /// What stands behind it, where it is isolated.
    pub(super) margin: Money,
    /// By how much the account levers it, where it has said so.
    pub(super) leverage: Option<Leverage>,
    working: FxHashMap<OrderId, Working>,
    sums: Sums,
}

/// The contracts of all accounts at a venue.
#[derive(Debug, Default)]
pub(super) struct Margins(pub(super) BTreeMap<AccountId, BTreeMap<MarketId, Holding>>);

impl Contract {
    /// What a position is worth at a mark in units of 10^-9; what it had cost where nobody knows one.
    pub(super) fn value(&self, position: &Position, mark: Option<i64>) -> Money {
        let value = mark.and_then(|mark| self.math.value_at_fine(mark, position.qty.abs()).ok());
        value.unwrap_or(position.open_cost)
    }

    /// The unrealised profit of a position that is worth so much.
    pub(super) fn unrealized(&self, position: &Position, value: Money) -> Money {
        if self.math.gains(position.qty) {
            minus(value, position.open_cost)
        } else {
            minus(position.open_cost, value)
        }
    }

    /// Whether only what was put behind a position stands there.
    pub(super) fn stands_alone(&self) -> bool {
        matches!(self.terms, Terms::Leveraged { mode: MarginMode::Isolated, .. })
    }

    /// Whether what is held may be liquidated.
    pub(super) fn may_be_closed(&self, qty: i64) -> bool {
        match self.terms {
            Terms::Leveraged { .. } => qty != 0,
            Terms::Paid { written, .. } => qty < 0 && matches!(written, Some(Written::Option { .. })),
        }
    }

    /// Why an order that asks too much is refused.
    pub(super) fn refusal(&self) -> Reason {
        match self.terms {
            Terms::Paid { is_margined: false, .. } => Reason::InsufficientBalance,
            _ => Reason::InsufficientMargin,
        }
    }

    /// Whether no position may come to so much.
    pub(super) fn forbids(&self, exposure: Money) -> bool {
        matches!(&self.terms, Terms::Leveraged { brackets, .. } if brackets.forbid(exposure))
    }

    /// What has to be left of the collateral.
    pub(super) fn maintenance(&self, position: &Position, marked: Marked) -> Money {
        let value = self.value(position, marked.price);
        match &self.terms {
            Terms::Leveraged { brackets, .. } => brackets.maintenance(value),
            Terms::Paid { .. } => self.cover((-position.qty).max(0), marked, value).maintenance,
        }
    }

    /// What of a position's value is collateral beside the balance.
    pub(super) fn collateral(&self, position: &Position, marked: Marked) -> Money {
        match self.terms {
            Terms::Leveraged { .. } => self.unrealized(position, self.value(position, marked.price)),
            Terms::Paid { .. } => Money::ZERO,
        }
    }

    /// What it takes to be rid of what was written: the worth of an option, all that a binary may pay.
    pub(super) fn owes(&self, position: &Position, marked: Marked) -> Money {
        match self.terms {
            Terms::Paid { written: Some(Written::Binary), .. } => self.maintenance(position, marked),
            Terms::Paid { .. } if position.qty < 0 => self.value(position, marked.price),
            _ => Money::ZERO,
        }
    }

    /// What had been paid for a position out of the balance, by which it is told what is left when it is closed.
    pub(super) fn sunk(&self, position: &Position) -> Money {
        match self.terms {
            Terms::Leveraged { .. } => position.open_cost,
            Terms::Paid { .. } => Money::ZERO,
        }
    }

    fn cover(&self, written: i64, marked: Marked, worth: Money) -> Cover {
        match self.terms {
            Terms::Paid { written: Some(terms), .. } if written > 0 => {
                terms.cover(&self.math, written, marked.underlying, worth)
            }
            _ => Cover::default(),
        }
    }

    /// What is asked for a position that is paid in full, with these orders.
    fn asks_in_full(&self, position: &Position, sums: Sums, marked: Marked) -> Money {
        let ([bought, sold], held) = (sums.value, position.qty);
        let [buying, selling] = sums.fees;
        let opens = sums.qty[Side::Sell.index()].saturating_sub(held.max(0)).max(0);
        let all = sums.qty[Side::Sell.index()].max(1);
        let brings = minus(sold, selling).scaled(opens.into(), all.into()).unwrap_or_default();
        let written = opens.saturating_add((-held).max(0));
        let own = if held < 0 { position.open_cost } else { Money::ZERO };
        let at_mark = marked.price.and_then(|price| self.math.value_at_fine(price, written).ok());
        let cover = self.cover(written, marked, at_mark.unwrap_or_else(|| plus(own, brings))).initial;
        plus(minus(cover, brings).max(Money::ZERO), plus(bought, buying))
    }

    /// What is left of an order is worth, and may cost in fees where it is paid in full.
    fn order_value(&self, order: &Working) -> (Money, Money) {
        let leaves = Qty::new((order.qty - order.filled).max(0));
        let value = self.math.value(order.price, leaves).unwrap_or_default();
        let fee = match (&self.terms, &self.charged) {
            (Terms::Leveraged { .. }, _) => None,
            (Terms::Paid { .. }, Some(model)) => model.most(&self.math, order.price, leaves),
            (Terms::Paid { .. }, None) => self.math.fee(value, false).ok(),
        };
        (value, fee.unwrap_or_default().max(Money::ZERO))
    }
}

impl Sums {
    /// With one more order, or without it.
    pub(super) fn with(mut self, contract: &Contract, order: &Working, sign: i64) -> Self {
        if !order.reduce_only {
            let (at, (value, fee)) = (order.side.index(), contract.order_value(order));
            let count = if sign > 0 { plus } else { minus };
            (self.value[at], self.fees[at]) = (count(self.value[at], value), count(self.fees[at], fee));
            let leaves = (order.qty - order.filled).max(0);
            self.qty[at] = self.qty[at].saturating_add(leaves.saturating_mul(sign));
        }
        self
    }

    /// The most that is held when all orders of a side have filled, of a position that is worth so much now.
    pub(super) fn exposure(&self, qty: i64, value: Money) -> Money {
        let [buys, sells] = self.value;
        let (adds, takes) = if qty >= 0 { (buys, sells) } else { (sells, buys) };
        let turned = minus(value, takes);
        plus(value, adds).max(Money::from_units(turned.units().saturating_abs()))
    }

    /// Whether the orders of a side that is opposite to a position come to no more than it.
    fn only_reduce(&self, side: Side, qty: i64) -> bool {
        qty.signum() == -side.sign() && self.qty[side.index()] <= qty.abs()
    }
}

/// What is asked for a contract of an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) margin: Money,
    pub(super) exposure: Money,
}

impl Holding {
    /// By how much it is levered; `None` of what is paid in full.
    pub(super) fn leverage(&self, contract: &Contract) -> Option<Leverage> {
        match contract.terms {
            Terms::Leveraged { leverage, .. } => Some(self.leverage.unwrap_or(leverage)),
            Terms::Paid { .. } => None,
        }
    }

    /// The initial margin that is asked for it, with these orders, at a mark.
    pub(super) fn asks(&self, contract: &Contract, sums: Sums, marked: Marked) -> Asked {
        let Terms::Leveraged { leverage, brackets, mode } = &contract.terms else {
            let margin = contract.asks_in_full(&self.position, sums, marked);
            return Asked { margin, exposure: margin };
        };
        let held = match mode {
            MarginMode::Cross => contract.value(&self.position, marked.price),
            MarginMode::Isolated => self.position.open_cost,
        };
        let exposure = sums.exposure(self.position.qty, held);
        let leverage = self.leverage.unwrap_or(*leverage);
        let all = brackets.initial(exposure, leverage);
        let margin = match mode {
            MarginMode::Cross => all,
            MarginMode::Isolated => {
                plus(self.margin, minus(all, brackets.initial(held, leverage)).max(Money::ZERO))
            }
        };
        Asked { margin, exposure }
    }

    /// What its orders come to.
    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// What its orders come to without what has this number.
    pub(super) fn sums_without(&self, contract: &Contract, id: OrderId) -> Sums {
        match self.working.get(&id) {
            Some(before) => self.sums.with(contract, before, -1),
            None => self.sums,
        }
    }

    /// What its orders come to where one takes the place of what has this number, and whether they only reduce.
    pub(super) fn sums_with(&self, contract: &Contract, id: OrderId, order: &Working) -> (Sums, bool) {
        let sums = self.sums_without(contract, id).with(contract, order, 1);
        (sums, order.reduce_only || sums.only_reduce(order.side, self.position.qty))
    }

    /// An order that may still fill.
    pub(super) fn working(&self, id: OrderId) -> Option<Working> {
        self.working.get(&id).copied()
    }

    /// The numbers of its orders, rising.
    pub(super) fn orders(&self) -> Vec<OrderId> {
        let mut ids: Vec<_> = self.working.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Puts an order in place of what has its number; none where nothing of it may fill any more.
    pub(super) fn set(&mut self, contract: &Contract, id: OrderId, order: Option<Working>) {
        let before = match order {
            Some(order) => self.working.insert(id, order),
            None => self.working.remove(&id),
        };
        if let Some(before) = before {
            self.sums = self.sums.with(contract, &before, -1);
        }
        if let Some(order) = order {
            self.sums = self.sums.with(contract, &order, 1);
        }
    }

    /// Takes what happened to an order. Returns by how much the balance has changed.
    pub(super) fn apply(&mut self, contract: &Contract, update: &Update) -> Money {
        let mut order = self.working(update.order);
        let mut change = Money::ZERO;
        match update.kind {
            ReportKind::Fill { price, qty, fee, .. } => {
                // What was paid in another coin does not leave this one.
                let owed = if update.paid.is_some() { Money::ZERO } else { fee };
                change = self.fill(contract, update.change.signum(), (price, qty), owed);
                if let Some(order) = &mut order {
                    order.filled += qty.steps();
                }
            }
            ReportKind::Rejected(_) | ReportKind::Expired(_) | ReportKind::Cancelled => order = None,
            ReportKind::Replaced(NewTerms { price, qty, .. }) => {
                order = order.map(|order| Working { price, qty: qty.steps(), ..order });
            }
            ReportKind::Reduced { qty } => order = order.map(|order| Working { qty: qty.steps(), ..order }),
            ReportKind::Repriced { price } => order = order.map(|order| Working { price, ..order }),
            ReportKind::Accepted
            | ReportKind::CancelRejected(_)
            | ReportKind::ReplaceRejected(_)
            | ReportKind::Triggered
            | ReportKind::Unknown => return change,
        }
        self.set(contract, update.order, order.filter(|order| order.filled < order.qty));
        change
    }

    /// Books a fill. Returns by how much the balance has changed.
    fn fill(&mut self, contract: &Contract, sign: i64, (price, qty): (Price, Qty), fee: Money) -> Money {
        let side = if sign > 0 { Side::Buy } else { Side::Sell };
        let (held, cash) = (self.position.qty, self.position.cash);
        // What cannot be counted is not booked here either: its strategy fails.
        let Ok(gain) = self.position.apply(&contract.math, side, price, qty, fee) else { return Money::ZERO };
        let closed = if held.signum() == -sign { qty.steps().min(held.abs()) } else { 0 };
        self.free(held, closed);
        let opened = qty.steps() - closed;
        if matches!(contract.terms, Terms::Paid { .. }) {
            return minus(self.position.cash, cash);
        }
        if opened > 0 {
            self.margin = plus(self.margin, self.initial(contract, opened));
        }
        minus(gain, fee)
    }

    /// The margin that is put behind a part of the position when that opens, where it is isolated.
    fn initial(&self, contract: &Contract, part: i64) -> Money {
        match &contract.terms {
            Terms::Leveraged { leverage, brackets, mode: MarginMode::Isolated } => {
                let (cost, open) = (self.position.open_cost, self.position.qty.abs().max(1));
                let initial = brackets.initial(cost, self.leverage.unwrap_or(*leverage));
                initial.scaled(part.into(), open.into()).unwrap_or_default()
            }
            _ => Money::ZERO,
        }
    }

    /// Comes to what it would have come to here by all that moved it elsewhere, in that order, and brought so much cash.
    /// Returns by how much the balance has changed.
    pub(super) fn take_over(&mut self, contract: &Contract, moves: &[Moved], cash: Money) -> Money {
        for moved in moves {
            match moved {
                Moved::Fill { side, price, qty } => {
                    self.fill(contract, side.sign(), (*price, *qty), Money::ZERO)
                }
                Moved::Payment(payment) => self.pay(contract, payment),
            };
        }
        match contract.terms {
            Terms::Paid { .. } => cash,
            // What was earned less what was paid: the cash there is with the open quantity at cost.
            Terms::Leveraged { .. } => {
                plus(cash, contract.math.signed(self.position.qty, self.position.open_cost))
            }
        }
    }

    /// Frees the share of the margin that stood behind what is closed.
    fn free(&mut self, held: i64, closed: i64) {
        let left = held.abs() - closed;
        let kept = self.margin.scaled(left.into(), held.abs().max(1).into());
        self.margin = if left == 0 { Money::ZERO } else { kept.unwrap_or_default() };
    }

    /// Books what the venue moved. Returns by how much the balance has changed.
    pub(super) fn pay(&mut self, contract: &Contract, payment: &Payment) -> Money {
        let held = self.position.qty;
        let Ok(gain) = self.position.pay(&contract.math, payment.kind, payment.qty, payment.paid) else {
            return Money::ZERO;
        };
        if payment.kind.closes() {
            self.free(held, payment.qty.abs());
            let is_paid = matches!(contract.terms, Terms::Paid { .. });
            return if is_paid { minus(Money::ZERO, payment.paid) } else { gain };
        }
        if contract.stands_alone() && held != 0 {
            self.margin = minus(self.margin, payment.paid);
        }
        minus(Money::ZERO, payment.paid)
    }
}
