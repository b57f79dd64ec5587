//! What every strategy holds, and what the venues say the accounts hold.

use std::collections::BTreeMap;

use super::market::Market;
use super::record::FillRow;
use crate::ledger::{MoneyOverflow, Position, Uncounted};
use crate::orders::{Order, OrderStatus, Report, ReportKind};
use crate::types::{AccountId, CurrencyId, MarketId, Money, StrategyId};

/// Positions by strategy and market, and balances by account and currency.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    positions: Vec<Vec<Position>>,
    /// The markets in which something was ever held, rising: in all others nothing has any worth.
    traded: Vec<MarketId>,
    balances: BTreeMap<(AccountId, CurrencyId), Money>,
}

impl Accounts {
    /// Nothing held by so many strategies in so many markets.
    pub(super) fn new(strategies: usize, markets: usize) -> Self {
        Self {
            positions: vec![vec![Position::default(); markets]; strategies],
            traded: Vec::new(),
            balances: BTreeMap::new(),
        }
    }

    /// What a strategy holds in a market.
    #[inline]
    pub(super) fn position(&self, strategy: StrategyId, market: MarketId) -> &Position {
        &self.positions[strategy.index()][market.index()]
    }

    /// Puts a position in place of what is held.
    pub(super) fn set_position(&mut self, strategy: StrategyId, market: MarketId, position: Position) {
        if position != Position::default() {
            self.note_traded(market);
        }
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
                let equity = self.position(strategy, id).equity(&market.math, market.view.twice_mid());
                let sum = equity.and_then(|equity| total.checked_add(equity).ok_or(MoneyOverflow::Sum));
                total = sum.map_err(|error| error.of(&market.instrument))?;
            }
        }
        Ok(total)
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
        let realized = position.apply(&market.math, order.side, price, qty, fee)?;
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
            realized,
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
