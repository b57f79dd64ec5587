//! Margin of accounts at a simulated venue: what stands behind their contracts, and what their orders would ask.
//!
//! An account's balance in a settlement currency is the collateral of all contracts that settle in it. It moves by profit
//! that is realised, fees and funding. Options and binaries are paid in full by their own terms and are no part of it.
//!
//! * An instrument asks initial margin for the larger of what is held with the working buys, and with the working sells, each
//!   order at its price (a stop at its trigger, a market order at what the book asks), the position at the mark; isolated at
//!   what it had cost. Reduce-only orders ask nothing.
//! * Cross: all instruments together may ask no more than the account's equity: its balance and unrealised profit at the mark.
//! * Isolated: what stands behind each position, and what orders ask beyond that, may come to no more than the balance. A
//!   fill that opens puts its initial margin behind the position, one that closes frees its share; funding is taken from it.
//! * An order that could only make a position smaller, or that asks nothing more than was asked, is let in.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::margin::MarginMode;
use super::update::Update;
use super::wallet::{Coin, minus, plus};
use crate::ledger::{Brackets, ContractMath, Leverage, Payment, Position};
use crate::orders::{OrderId, ReportKind};
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
    pub(super) leverage: Leverage,
    pub(super) brackets: Brackets,
    /// What a liquidation costs, as a fraction of value in units of 10^-9.
    pub(super) fee: i64,
    pub(super) mode: MarginMode,
    pub(super) insured: bool,
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

    /// Whether each position has a margin of its own.
    pub(super) fn is_isolated(&self) -> bool {
        self.mode == MarginMode::Isolated
    }

    fn order_value(&self, order: &Working) -> Money {
        let leaves = (order.qty - order.filled).max(0);
        self.math.value(order.price, Qty::new(leaves)).unwrap_or_default()
    }
}

impl Sums {
    /// With one more order, or without it.
    pub(super) fn with(mut self, contract: &Contract, order: &Working, sign: i64) -> Self {
        if !order.reduce_only {
            let (at, value) = (order.side.index(), contract.order_value(order));
            self.value[at] =
                if sign > 0 { plus(self.value[at], value) } else { minus(self.value[at], value) };
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
    /// By how much it is levered.
    pub(super) fn leverage(&self, contract: &Contract) -> Leverage {
        self.leverage.unwrap_or(contract.leverage)
    }

    /// The initial margin of so much of the contract.
    fn initial(&self, contract: &Contract, value: Money) -> Money {
        contract.brackets.initial(value, self.leverage(contract))
    }

    /// The initial margin that is asked for it, with these orders, at a mark.
    pub(super) fn asks(&self, contract: &Contract, sums: Sums, mark: Option<i64>) -> Asked {
        let held = match contract.mode {
            MarginMode::Cross => contract.value(&self.position, mark),
            MarginMode::Isolated => self.position.open_cost,
        };
        let exposure = sums.exposure(self.position.qty, held);
        let all = self.initial(contract, exposure);
        let margin = match contract.mode {
            MarginMode::Cross => all,
            MarginMode::Isolated => {
                plus(self.margin, minus(all, self.initial(contract, held)).max(Money::ZERO))
            }
        };
        Asked { margin, exposure }
    }

    /// What its orders come to.
    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// What its orders come to where one takes the place of what has this number, and whether they only reduce.
    pub(super) fn sums_with(&self, contract: &Contract, id: OrderId, order: &Working) -> (Sums, bool) {
        let without = match self.working.get(&id) {
            Some(before) => self.sums.with(contract, before, -1),
            None => self.sums,
        };
        let sums = without.with(contract, order, 1);
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
            ReportKind::Replaced { price, qty } => {
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
        let held = self.position.qty;
        // What cannot be counted is not booked here either: its strategy fails.
        let Ok(gain) = self.position.apply(&contract.math, side, price, qty, fee) else { return Money::ZERO };
        let closed = if held.signum() == -sign { qty.steps().min(held.abs()) } else { 0 };
        self.free(held, closed);
        let opened = qty.steps() - closed;
        if contract.mode == MarginMode::Isolated && opened > 0 {
            let (cost, open) = (self.position.open_cost, self.position.qty.abs().max(1));
            let put = self.initial(contract, cost).scaled(opened.into(), open.into()).unwrap_or_default();
            self.margin = plus(self.margin, put);
        }
        minus(gain, fee)
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
            return gain;
        }
        if contract.mode == MarginMode::Isolated && held != 0 {
            self.margin = minus(self.margin, payment.paid);
        }
        minus(Money::ZERO, payment.paid)
    }
}
