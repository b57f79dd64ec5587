//! What every strategy holds, and what the venues say the accounts hold.

use std::collections::BTreeMap;

use super::market::Market;
use super::record::{FillRow, PaymentRow};
use crate::ledger::{ContractMath, CostBasis, MoneyOverflow, Payment, Position, Uncounted};
use crate::orders::{FeeCoin, FeePaid, Order, OrderStatus, Report, ReportKind};
use crate::types::{AccountId, CurrencyId, MarketId, Money, Side, StrategyId};

/// Positions by strategy and market, and balances by account and currency.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    basis: CostBasis,
    positions: Vec<Vec<Position>>,
    /// The markets in which something was ever held, rising: in all others nothing has any worth.
    traded: Vec<MarketId>,
    balances: BTreeMap<(AccountId, CurrencyId), Money>,
    /// Fees that left what is held, in base units: of those a venue takes out of the coin that was bought.
    taken: BTreeMap<(StrategyId, MarketId), Money>,
    /// What fills moved besides, counted apart; only where accounts are checked.
    checks: Option<BTreeMap<(StrategyId, MarketId), Tally>>,
}

/// What all fills of a strategy in a market came to.
#[derive(Debug, Default)]
struct Tally {
    qty: i64,
    flow: Money,
}

impl Accounts {
    /// Nothing held by so many strategies in so many markets.
    pub(super) fn new(strategies: usize, markets: usize, basis: CostBasis, checks: bool) -> Self {
        Self {
            basis,
            positions: vec![vec![Position::new(basis); markets]; strategies],
            traded: Vec::new(),
            balances: BTreeMap::new(),
            taken: BTreeMap::new(),
            checks: checks.then(BTreeMap::new),
        }
    }

    /// Which part of a position a fill closes.
    pub(super) fn basis(&self) -> CostBasis {
        self.basis
    }

    /// What a strategy holds in a market.
    #[inline]
    pub(super) fn position(&self, strategy: StrategyId, market: MarketId) -> &Position {
        &self.positions[strategy.index()][market.index()]
    }

    /// Puts a position in place of what is held.
    pub(super) fn set_position(&mut self, strategy: StrategyId, market: MarketId, position: Position) {
        if position.fills > 0 {
            self.note_traded(market);
        }
        if let Some(checks) = &mut self.checks {
            let paid = [position.fees, position.funding, position.interest];
            let flow = paid.into_iter().try_fold(position.cash, Money::checked_add).unwrap_or_default();
            checks.insert((strategy, market), Tally { qty: position.qty, flow });
        }
        self.taken.remove(&(strategy, market));
        self.positions[strategy.index()][market.index()] = position;
    }

    /// The markets in which something was ever held, rising.
    pub(super) fn traded(&self) -> &[MarketId] {
        &self.traded
    }

    /// Whether something was ever held in a market.
    pub(super) fn has_traded(&self, market: MarketId) -> bool {
        self.traded.binary_search(&market).is_ok()
    }

    fn note_traded(&mut self, market: MarketId) {
        if let Err(at) = self.traded.binary_search(&market) {
            self.traded.insert(at, market);
        }
    }

    /// What every strategy holds in a market.
    pub(super) fn in_market(&self, market: MarketId) -> impl Iterator<Item = &Position> + '_ {
        self.positions.iter().map(move |positions| &positions[market.index()])
    }

    /// Every position with whose it is and where.
    pub(super) fn all(&self) -> impl Iterator<Item = (StrategyId, MarketId, &Position)> + '_ {
        self.positions.iter().enumerate().flat_map(|(s, positions)| {
            positions.iter().enumerate().map(move |(m, p)| (StrategyId::new(s), MarketId::new(m), p))
        })
    }

    /// What the venue says an account holds of a currency, if it said.
    pub(super) fn balance(&self, account: AccountId, currency: CurrencyId) -> Option<Money> {
        self.balances.get(&(account, currency)).copied()
    }

    /// Takes a venue's word on a balance.
    pub(super) fn set_balance(&mut self, account: AccountId, currency: CurrencyId, total: Money) {
        self.balances.insert((account, currency), total);
    }

    /// All balances the venues have told.
    pub(super) fn balances(&self) -> impl Iterator<Item = (AccountId, CurrencyId, Money)> + '_ {
        self.balances.iter().map(|((account, currency), total)| (*account, *currency, *total))
    }

    /// How much of what a strategy holds fees have taken, in quantity increments from the next one on: no venue has it to
    /// be sold.
    pub(super) fn taken(&self, strategy: StrategyId, id: MarketId, market: &Market) -> i64 {
        let Some(taken) = self.taken.get(&(strategy, id)) else { return 0 };
        let step = Money::from_decimal(market.instrument.qty_increment.value()).map_or(0, Money::units);
        let steps = if step > 0 { (taken.units() + step - 1).div_euclid(step) } else { 0 };
        i64::try_from(steps).map_or(i64::MAX, |steps| steps.clamp(0, self.position(strategy, id).qty.max(0)))
    }

    /// Every amount of fees that left what is held, with whose it is and where.
    pub(super) fn all_taken(&self) -> impl ExactSizeIterator<Item = (StrategyId, MarketId, Money)> + '_ {
        self.taken.iter().map(|((strategy, market), taken)| (*strategy, *market, *taken))
    }

    /// Takes what [`Accounts::all_taken`] told.
    pub(super) fn set_taken(&mut self, strategy: StrategyId, market: MarketId, taken: Money) {
        self.taken.insert((strategy, market), taken);
    }

    /// A strategy's cash plus marked positions in one settlement currency, after fees.
    ///
    /// # Errors
    /// [`Uncounted`].
    pub(super) fn equity(
        &self,
        strategy: StrategyId,
        currency: CurrencyId,
        markets: &[Market],
    ) -> Result<Money, Uncounted> {
        let mut total = Money::ZERO;
        for &id in &self.traded {
            let market = &markets[id.index()];
            if market.currency == currency {
                let equity = self.position(strategy, id).equity(&market.math, market.view.mark());
                let sum = equity.and_then(|equity| total.checked_add(equity).ok_or(MoneyOverflow::Sum));
                total = sum.map_err(|error| error.of(&market.instrument))?;
            }
        }
        Ok(total)
    }

    /// Checks what a strategy holds in a market, where that is asked for.
    ///
    /// # Errors
    /// What does not add up.
    pub(super) fn check(
        &self,
        strategy: StrategyId,
        market: MarketId,
        math: &ContractMath,
    ) -> Result<(), String> {
        let Some(tally) = self.checks.as_ref().and_then(|checks| checks.get(&(strategy, market))) else {
            return Ok(());
        };
        let position = self.position(strategy, market);
        let Position { qty, cash, fees, funding, interest, .. } = *position;
        if tally.qty != qty {
            return Err(format!(
                "fills of {strategy} in {market} sum to {}, the position is {qty}",
                tally.qty
            ));
        }
        // Cash, positions, fees, funding and interest: the ledger's accounts.
        let entries = [cash, -tally.flow, fees, funding, interest];
        let sum = entries.into_iter().try_fold(Money::ZERO, Money::checked_add);
        if sum != Some(Money::ZERO) {
            return Err(format!("the ledger of {strategy} in {market} sums to {sum:?}, not to 0"));
        }
        if !position.balances(math) {
            return Err(format!("profit and cash of {strategy} in {market} differ: {position:?}"));
        }
        Ok(())
    }

    /// Books a payment of an account, of which these strategies trade on it: each its part of the position. What was
    /// booked is in `rows`, also where the next part could not be.
    ///
    /// # Errors
    /// [`MoneyOverflow`]; nothing is booked then for the strategy it names.
    pub(super) fn pay(
        &mut self,
        payment: &Payment,
        strategies: &[StrategyId],
        math: &ContractMath,
        now: i64,
        rows: &mut Vec<PaymentRow>,
    ) -> Result<(), (StrategyId, MoneyOverflow)> {
        let held = |accounts: &Self, strategy: StrategyId| accounts.position(strategy, payment.market).qty;
        let mut holders: Vec<_> =
            strategies.iter().copied().filter(|strategy| held(self, *strategy) != 0).collect();
        if holders.is_empty() {
            // The venue counts a fill that has not reached us yet.
            holders.extend(strategies.first());
        }
        if payment.qty == 0 {
            // Nobody's position tells its share.
            holders.truncate(1);
        }
        self.note_traded(payment.market);
        let paid_on = i128::from(payment.qty);
        let net: i128 = holders.iter().map(|strategy| i128::from(held(self, *strategy))).sum();
        let (mut left, mut open) = (payment.paid, payment.qty);
        for (at, &strategy) in holders.iter().enumerate() {
            let own = i128::from(held(self, strategy));
            // Of what is closed everybody's share is that of what all of them hold.
            let share = if payment.kind.closes() && net != 0 {
                own.checked_mul(paid_on).map_or(own, |part| part / net)
            } else {
                own
            };
            let is_last = at + 1 == holders.len();
            let qty = match i64::try_from(share) {
                _ if holders.len() == 1 => payment.qty,
                _ if is_last && payment.kind.closes() => open,
                share => share.unwrap_or(0),
            };
            let paid = if is_last {
                Some(left)
            } else {
                payment.paid.scaled(i128::from(qty) * paid_on.signum(), paid_on.abs())
            };
            let (paid, rest) = paid
                .and_then(|paid| Some((paid, left.checked_sub(paid)?)))
                .ok_or((strategy, MoneyOverflow::Sum))?;
            (left, open) = (rest, open.saturating_sub(qty));
            let position = &mut self.positions[strategy.index()][payment.market.index()];
            let before = position.cash;
            let realized = position.pay(math, payment.kind, qty, paid).map_err(|error| (strategy, error))?;
            if let Some(checks) = self.checks.as_mut().filter(|_| payment.kind.closes()) {
                let tally = checks.entry((strategy, payment.market)).or_default();
                tally.qty = tally.qty.saturating_sub(qty);
                let flow = position.cash.checked_sub(before).and_then(|flow| tally.flow.checked_add(flow));
                tally.flow = flow.ok_or((strategy, MoneyOverflow::Sum))?;
            }
            rows.push(PaymentRow {
                ts_recv: now,
                strategy,
                payment: Payment { qty, paid, ..*payment },
                realized,
                position_qty: position.qty,
                avg_entry_price: position.avg_entry_price(),
                realized_total: position.realized,
                fees_total: position.fees,
                cash: position.cash,
            });
        }
        Ok(())
    }

    /// Books a fill of an order that has already taken it.
    ///
    /// # Errors
    /// [`MoneyOverflow`]; nothing is booked then.
    pub(super) fn book(
        &mut self,
        order: &Order,
        report: &Report,
        market: &Market,
        now: i64,
    ) -> Result<Option<FillRow>, MoneyOverflow> {
        let ReportKind::Fill { price, qty, liquidity, fee } = report.kind else { return Ok(None) };
        self.note_traded(order.market);
        let position = &mut self.positions[order.strategy.index()][order.market.index()];
        let before = position.cash;
        let realized = position.apply(&market.math, order.side, price, qty, fee)?;
        let flow = position.cash.checked_sub(before).and_then(|flow| flow.checked_add(fee));
        let flow = flow.ok_or(MoneyOverflow::Sum)?;
        let pair = (order.strategy, order.market);
        match report.paid {
            _ if position.qty <= 0 => drop(self.taken.remove(&pair)),
            Some(FeePaid { coin: FeeCoin::Base, amount }) => {
                let taken = self.taken.entry(pair).or_default();
                *taken = taken.checked_add(amount).unwrap_or(*taken);
            }
            _ => {}
        }
        if let Some(checks) = &mut self.checks {
            let tally = checks.entry((order.strategy, order.market)).or_default();
            tally.qty = tally.qty.saturating_add(order.side.sign() * qty.steps());
            let value = market.math.value(price, qty)?;
            let pays = (order.side == Side::Buy) != market.math.is_inverse();
            let moved = tally.flow.checked_add(if pays { -value } else { value });
            tally.flow = moved.ok_or(MoneyOverflow::Sum)?;
        }
        Ok(Some(FillRow {
            ts_event: report.ts_event,
            ts_recv: now,
            order: order.id,
            client_id: order.client_id.clone(),
            strategy: order.strategy,
            market: order.market,
            side: order.side,
            price,
            qty,
            liquidity,
            fee,
            paid: report.paid,
            realized,
            flow,
            completes: order.status() == OrderStatus::Filled,
            position_qty: position.qty,
            avg_entry_price: position.avg_entry_price(),
            realized_total: position.realized,
            fees_total: position.fees,
            cash: position.cash,
            origin: report.origin,
        }))
    }
}
