//! What whoever drives a kernel may read of it.

use std::sync::Arc;

use super::guarding::TradingState;
use super::machine::Kernel;
use super::record::Record;
use super::topics::Topics;
use super::view::Known;
use crate::book::{L2Book, MarkPrice, Touch};
use crate::ledger::{ContractMath, Position};
use crate::orders::reconcile::{Known as KnownAccount, KnownOrder};
use crate::orders::{ClientId, Order, OrderId, OrderKey, SessionId};
use crate::risk::{Engine, MidBand, Need, Trading, Use};
use crate::types::{AccountId, CurrencyId, Instrument, MarketId, Qty, StrategyId};

impl Kernel {
    /// Orders of a strategy, in one market or in all, that could be cancelled.
    pub fn cancellable(&self, strategy: StrategyId, only: Option<MarketId>) -> usize {
        let is_meant =
            |order: &&Order| only.is_none_or(|market| market == order.market) && order.is_changeable();
        self.ctx.core().desk.shown(strategy).filter(is_meant).count()
    }

    /// The kernel's time, ns UTC.
    pub fn now_ns(&self) -> i64 {
        self.ctx.core().now
    }

    /// The name of the session.
    pub fn session(&self) -> &SessionId {
        &self.ctx.core().session
    }

    /// Names of the strategies and how those that failed did.
    pub fn strategies(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.runners.iter().map(|r| (r.name.as_str(), r.failure.as_deref()))
    }

    /// The account a strategy trades on.
    pub fn account_of(&self, strategy: StrategyId) -> AccountId {
        self.ctx.core().trades_on[strategy.index()]
    }

    /// Whether a strategy has failed.
    pub fn has_failed(&self, strategy: StrategyId) -> bool {
        self.runners[strategy.index()].failure.is_some()
    }

    /// Whether every strategy has failed.
    pub fn all_failed(&self) -> bool {
        !self.runners.is_empty() && self.runners.iter().all(|r| r.failure.is_some())
    }

    /// Open orders of all strategies.
    #[inline]
    pub fn open_orders(&self) -> usize {
        self.ctx.core().desk.orders().open().len()
    }

    /// Orders that were ever sent, which is also the id of the last one.
    pub fn order_count(&self) -> u64 {
        self.ctx.core().desk.orders().last_id()
    }

    /// Orders that are not in the record yet: open ones, and those that ended a short while ago, without those that are
    /// parts of others.
    pub fn known_orders(&self) -> impl Iterator<Item = &Order> + '_ {
        let orders = self.ctx.core().desk.orders();
        orders.open().chain(orders.ended()).filter(|order| order.parent.is_none())
    }

    /// Which of our orders a report speaks of, open or ended a short while ago.
    pub fn order(&self, key: &OrderKey) -> Option<&Order> {
        let core = self.ctx.core();
        let orders = core.desk.orders();
        orders.find(orders.resolve(key, &core.session)?)
    }

    /// What is known of an account, to be compared with what its venue says: orders of the venue's that are open or ended
    /// a short while ago, their executions, positions and balances.
    pub fn account_state(&self, account: AccountId) -> KnownAccount {
        let core = self.ctx.core();
        let mut known = KnownAccount::default();
        let orders = core.desk.orders();
        let is_own = |order: &&Order| core.trades_on[order.strategy.index()] == account && order.is_venues();
        for order in orders.open().chain(orders.ended()).filter(is_own) {
            let booked = order.executions.iter().map(|key| (order.market, key.clone()));
            known.executions.extend(booked);
            known.orders.insert(order.id, KnownOrder::of(order));
        }
        for &market in core.accounts.traded() {
            let held = core.trades_on.iter().zip(core.accounts.in_market(market));
            let qty = held.filter(|(own, _)| **own == account).map(|(_, position)| position.qty).sum();
            known.positions.insert(market, Qty::new(qty));
        }
        let balances = core.accounts.balances().filter(|(own, ..)| *own == account);
        known.balances = balances.map(|(_, currency, total)| (currency, total)).collect();
        known
    }

    /// The client id of an order that is open or ended a short while ago.
    pub fn client_id(&self, order: OrderId) -> Option<ClientId> {
        let core = self.ctx.core();
        let found = core.desk.orders().find(order)?;
        Some(core.session.client_id(found.strategy, order))
    }

    /// Of what ended before this time orders and executions may be forgotten, ns; 0 while nothing is.
    pub fn forgotten_before(&self) -> i64 {
        self.ctx.core().desk.orders().forgotten_before()
    }

    /// Whether somebody follows a market: its messages are then to be delivered one by one.
    #[inline]
    pub fn is_followed(&self, market: MarketId) -> bool {
        let core = self.ctx.core();
        core.is_followed(market) || core.events_follow()
    }

    /// Within which mids of a market nobody follows it need not be told of every one: of a message that leaves them the
    /// kernel is told right when it is known, as of what came before if that is of another day. `None` where it need not be.
    #[inline]
    pub fn mid_band(&self, market: MarketId) -> Option<MidBand> {
        self.ctx.core().desk.engine()?.band(market)
    }

    /// Whether there are bands of mids.
    pub fn needs_mids(&self) -> bool {
        self.ctx.core().desk.engine().is_some_and(|engine| engine.needs() == Need::Mids)
    }

    /// Takes a market whose [`Kernel::mid_band`] has changed since it was last taken.
    #[inline]
    pub fn take_redrawn(&mut self) -> Option<MarketId> {
        self.ctx.core_mut().desk.engine_mut()?.take_redrawn()
    }

    /// Grows with every change of [`Kernel::is_followed`].
    #[inline]
    pub fn topics_version(&self) -> u64 {
        let core = self.ctx.core();
        let stops = core.stopping.as_ref().map_or(0, |stopping| stopping.version());
        core.topics.version() + core.desk.engine().map_or(0, Engine::version) + core.events_version() + stops
    }

    /// Grows with every change of [`Kernel::followed`].
    #[inline]
    pub fn followed_version(&self) -> u64 {
        self.ctx.core().topics.changes()
    }

    /// What strategies follow of each market, by its words.
    pub fn followed(&self) -> impl Iterator<Item = (MarketId, StrategyId, Topics)> + '_ {
        self.ctx.core().topics.list().map(|(market, follower)| (market, follower.strategy, follower.topics))
    }

    /// Whether orders may be sent.
    pub fn trading(&self) -> Trading {
        self.ctx.core().desk.trading()
    }

    /// What a strategy may do.
    pub fn trading_state(&self, strategy: StrategyId) -> TradingState {
        self.ctx.core().trading_state(strategy)
    }

    /// What every limit that holds for a strategy stands at.
    pub fn limit_uses(&self, strategy: StrategyId) -> Vec<Use> {
        self.ctx.core().limit_uses(strategy)
    }

    /// What the limits of all strategies stand at, each once.
    pub fn all_limit_uses(&self) -> Vec<Use> {
        let mut told: Vec<Use> = Vec::new();
        for strategy in 0..self.strategies().count() {
            for of in self.limit_uses(StrategyId::new(strategy)) {
                if !told.iter().any(|other| (other.check, other.guard) == (of.check, of.guard)) {
                    told.push(of);
                }
            }
        }
        told
    }

    /// The open orders of all strategies, oldest first, without those that are parts of others.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.ctx.core().desk.orders().open().filter(|order| order.parent.is_none())
    }

    /// Best prices of an instrument.
    pub fn touch(&self, market: MarketId) -> Touch {
        self.ctx.core().market(market).view.touch()
    }

    /// What positions in an instrument are valued at, as far as it is known.
    pub fn mark(&self, market: MarketId) -> Option<MarkPrice> {
        self.ctx.core().market(market).view.mark()
    }

    /// The book of an instrument.
    pub fn book(&mut self, market: MarketId) -> &L2Book {
        self.ctx.core_mut().markets[market.index()].view.book()
    }

    /// All that is known of an instrument's market, and where what was supplied goes on.
    pub fn known(&mut self, market: MarketId) -> Known {
        self.ctx.core_mut().markets[market.index()].view.all_known()
    }

    /// An instrument.
    pub fn instrument(&self, market: MarketId) -> &Arc<Instrument> {
        &self.ctx.core().market(market).instrument
    }

    /// Settlement currencies in use, by index.
    pub fn currencies(&self) -> &[String] {
        &self.ctx.core().currencies
    }

    /// The currency an instrument settles in.
    pub fn currency_of(&self, market: MarketId) -> CurrencyId {
        self.ctx.core().market(market).currency
    }

    /// The arithmetic of an instrument.
    pub fn math(&self, market: MarketId) -> &ContractMath {
        &self.ctx.core().market(market).math
    }

    /// What every strategy holds in an instrument.
    pub fn positions_in(&self, market: MarketId) -> impl Iterator<Item = &Position> + '_ {
        self.ctx.core().accounts.in_market(market)
    }

    /// The markets in which something was ever held.
    pub fn traded(&self) -> &[MarketId] {
        self.ctx.core().accounts.traded()
    }

    /// Whether something was ever held in a market.
    #[inline]
    pub fn has_traded(&self, market: MarketId) -> bool {
        self.ctx.core().accounts.has_traded(market)
    }

    /// Tables of the session, to read and to take rows out.
    pub fn record(&mut self) -> &mut Record {
        &mut self.ctx.core_mut().record
    }

    /// Tables of the session.
    pub fn record_ref(&self) -> &Record {
        &self.ctx.core().record
    }

    /// The journal's bytes since the last call; empty when it is not kept.
    pub fn take_journal(&mut self) -> Vec<u8> {
        self.ctx.core_mut().journal.take()
    }

    /// Inputs that were written to the journal since this kernel was made, or loaded; 0 when it is not kept.
    pub fn inputs(&self) -> u64 {
        self.ctx.core().journal.inputs()
    }
}
