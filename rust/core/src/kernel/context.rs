//! The kernel as a strategy may read and change it from inside a hook: its own orders and positions, nothing else.

use std::sync::Arc;

use super::bursts::TooManyAtOnce;
use super::core::Core;
use super::exposure::Around;
use super::guarding::TradingState;
use super::market::Market;
use super::quoting::QuoteSide;
use super::record::RefusalRow;
use super::routing::{RouteError, RouteRequest};
use super::signals::{Question, Signal};
use super::stopping::StopUse;
use super::topics::{Subscription, Topics};
use crate::bars::{BarSpec, BarSpecError};
use crate::book::{FillBasis, L2Book, Touch};
use crate::exec::{Execution, ExecutionId, ExecutionRequest};
use crate::features::FeatureEngine;
use crate::indicators::Stream;
use crate::ledger::{Position, Uncounted};
use crate::orders::{
    Group, GroupId, GroupRequest, NewTerms, Order, OrderError, OrderId, OrderRequest, PostOnly,
};
use crate::risk::{BadLimit, Breach, Limits, StopTerms, Use};
use crate::types::{CurrencyId, Instrument, MarketId, Money, OrderTerms, Price, Qty, Side, StrategyId};

/// The kernel while a hook of one strategy runs.
///
/// It can be moved out of its place for the length of a hook (the default is an empty one), so that a strategy in
/// another language can own it.
#[derive(Default)]
pub struct Context {
    core: Option<Box<Core>>,
    strategy: StrategyId,
}

impl Context {
    pub(super) fn new(core: Core) -> Self {
        Self { core: Some(Box::new(core)), strategy: StrategyId::default() }
    }

    pub(super) fn enter(&mut self, strategy: StrategyId) {
        self.strategy = strategy;
    }

    /// Whether the kernel is there: it is not in a context whose content has been moved out.
    pub fn is_empty(&self) -> bool {
        self.core.is_none()
    }

    #[inline(always)]
    pub(super) fn core(&self) -> &Core {
        self.core.as_deref().expect("the kernel is in place")
    }

    #[inline(always)]
    pub(super) fn core_mut(&mut self) -> &mut Core {
        self.core.as_deref_mut().expect("the kernel is in place")
    }

    /// The kernel's time, ns UTC.
    #[inline]
    pub fn now_ns(&self) -> i64 {
        self.core().now
    }

    /// The strategy whose hook runs.
    pub fn strategy(&self) -> StrategyId {
        self.strategy
    }

    /// Number of instruments.
    pub fn markets(&self) -> usize {
        self.core().markets.len()
    }

    /// An instrument.
    pub fn instrument(&self, market: MarketId) -> &Arc<Instrument> {
        &self.core().market(market).instrument
    }

    /// What orders in an instrument are filled against.
    pub fn basis(&self, market: MarketId) -> FillBasis {
        self.core().market(market).view.basis()
    }

    /// What an order in an instrument has to keep to now.
    #[inline]
    pub fn terms(&self, market: MarketId) -> &OrderTerms {
        let core = self.core();
        core.market(market).instrument.terms_at(core.now)
    }

    /// Settlement currencies in use, by index.
    pub fn currencies(&self) -> &[String] {
        &self.core().currencies
    }

    /// Best prices of an instrument.
    #[inline]
    pub fn touch(&self, market: MarketId) -> Touch {
        self.core().market(market).view.touch()
    }

    /// The book of an instrument.
    pub fn book(&mut self, market: MarketId) -> &L2Book {
        self.core_mut().markets[market.index()].view.book()
    }

    /// The book of an instrument as its depth alone has it, without what newer quotes and trades say.
    pub fn depth(&mut self, market: MarketId) -> &L2Book {
        self.core_mut().markets[market.index()].view.depth()
    }

    /// Why the feed of an instrument is in its state, where its connection said so.
    pub fn feed_reason(&self, market: MarketId) -> Option<&str> {
        self.core().market(market).view.reason().map(AsRef::as_ref)
    }

    /// Whether an instrument can be traded.
    pub fn is_listed(&self, market: MarketId) -> bool {
        self.core().market(market).is_listed
    }

    /// The strategy's position in an instrument.
    #[inline]
    pub fn position(&self, market: MarketId) -> &Position {
        self.core().accounts.position(self.strategy, market)
    }

    /// Profit of that position at what it is valued at, before fees.
    ///
    /// # Errors
    /// [`Uncounted`].
    pub fn unrealized(&self, market: MarketId) -> Result<Money, Uncounted> {
        let state = self.core().market(market);
        let unrealized = self.position(market).unrealized(&state.math, state.view.mark());
        unrealized.map_err(|error| error.of(&state.instrument))
    }

    /// The strategy's cash plus marked positions in one settlement currency, after fees.
    ///
    /// # Errors
    /// [`Uncounted`].
    pub fn equity(&self, currency: CurrencyId) -> Result<Money, Uncounted> {
        let core = self.core();
        core.accounts.equity(self.strategy, currency, &core.markets)
    }

    /// What the venue says the strategy's account holds of a currency, where it said.
    pub fn balance(&self, currency: CurrencyId) -> Option<Money> {
        let core = self.core();
        core.accounts.balance(core.trades_on[self.strategy.index()], currency)
    }

    /// The strategy's open orders, oldest first.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> + '_ {
        self.core().desk.shown(self.strategy)
    }

    /// An open order of the strategy.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.core().desk.own(self.strategy, id).filter(|order| order.parent.is_none())
    }

    /// An order of the strategy, open or ended a short while ago.
    pub fn recent_order(&self, id: OrderId) -> Option<&Order> {
        self.core()
            .desk
            .orders()
            .find(id)
            .filter(|order| order.strategy == self.strategy && order.parent.is_none())
    }

    /// The id of the strategy's open order of that name.
    pub fn order_by_client_id(&self, client_id: &str) -> Option<OrderId> {
        self.open_orders().find(|order| order.client_id.as_deref() == Some(client_id)).map(|order| order.id)
    }

    /// Sends a new order and returns its id.
    ///
    /// # Errors
    /// [`OrderError`] when the request is not one a venue could be asked.
    pub fn submit(&mut self, request: OrderRequest) -> Result<OrderId, OrderError> {
        let strategy = self.strategy;
        self.core_mut().submit(strategy, request)
    }

    /// Sends a new order, of which the kernel does what its venue lacks (see [`Order::emulated`]), and returns its id.
    ///
    /// # Errors
    /// [`OrderError`] when the request is not one the venue could be asked in any other way.
    pub fn submit_emulated(&mut self, request: OrderRequest) -> Result<OrderId, OrderError> {
        let strategy = self.strategy;
        self.core_mut().submit_emulated(strategy, request)
    }

    /// Asks to cancel an order; `false` when there is nothing to cancel.
    pub fn cancel(&mut self, id: OrderId) -> bool {
        let strategy = self.strategy;
        self.core_mut().cancel(strategy, id, None)
    }

    /// Asks to cancel every open order, in one instrument or in all, and ends the executions and groups there; returns
    /// how many orders it is.
    pub fn cancel_all(&mut self, market: Option<MarketId>) -> usize {
        let strategy = self.strategy;
        self.core_mut().call_off(strategy, market)
    }

    /// Asks to give an order other terms; `false` when it is no longer open or already being cancelled. Of an order
    /// without a limit that waits for its trigger the price is not looked at.
    ///
    /// # Errors
    /// [`OrderError`] when they do not fit the instrument or the order, or the venue changes no such orders.
    pub fn replace(&mut self, id: OrderId, terms: NewTerms) -> Result<bool, OrderError> {
        let strategy = self.strategy;
        self.core_mut().replace(strategy, id, terms)
    }

    /// Makes the two-sided quote what it is asked to be, with as few requests as possible.
    ///
    /// The quantity is what shall rest, whatever has been filled before. A side of which that much already rests (or
    /// is on its way) at that price is left alone and keeps its queue place; another price or quantity replaces it,
    /// another `post_only` (which may also be `true` or `false`) makes it a new order; `None` cancels it. Nothing is sent unless both sides are sound.
    ///
    /// # Errors
    /// [`OrderError`] when a price or quantity does not fit the instrument.
    pub fn quote(
        &mut self,
        market: MarketId,
        bid: QuoteSide,
        ask: QuoteSide,
        post_only: impl Into<PostOnly>,
    ) -> Result<(), OrderError> {
        let strategy = self.strategy;
        let core = self.core_mut();
        let sender = core.sender(strategy);
        let around = Around { markets: &core.markets, accounts: &core.accounts, trades_on: &core.trades_on };
        core.quotes.quote(
            &mut core.desk,
            sender,
            around,
            market,
            [bid, ask],
            post_only.into(),
            &mut core.journal,
        )
    }

    /// Why limits refused the request that a hook is being told of.
    pub fn refusal(&self) -> Option<&RefusalRow> {
        self.core().refused.as_ref()
    }

    /// What the strategy may do.
    pub fn trading_state(&self) -> TradingState {
        self.core().trading_state(self.strategy)
    }

    /// What every limit that holds for the strategy stands at.
    pub fn limit_uses(&self) -> Vec<Use> {
        self.core().limit_uses(self.strategy)
    }

    /// Every limit that a new order would pass; nothing is sent, nothing changes.
    pub fn breaches(&mut self, request: &OrderRequest) -> Vec<Breach> {
        let strategy = self.strategy;
        let core = self.core_mut();
        core.read_for(request);
        core.breaches(strategy, request)
    }

    /// Says of many limit orders, each by itself, whether it would pass; nothing is sent, nothing changes.
    pub fn pass_limits(
        &self,
        market: MarketId,
        orders: impl Iterator<Item = (Side, Price, Qty)>,
        each: impl FnMut(bool),
    ) {
        self.core().pass_limits(self.strategy, market, orders, each);
    }

    /// Tightens the strategy's own limits.
    ///
    /// # Errors
    /// [`BadLimit`] naming one that would be wider than the one that holds; nothing has changed then.
    pub fn tighten(&mut self, limits: &Limits) -> Result<(), BadLimit> {
        let strategy = self.strategy;
        self.core_mut().tighten(strategy, limits)
    }

    /// Sets stops of the strategy's own on its positions in an instrument, in place of those it had; none takes them away.
    /// Those that came with limits stay.
    ///
    /// # Errors
    /// [`BadLimit`] naming what cannot be, or would be wider than before while something is held; nothing has changed
    /// then.
    pub fn protect(&mut self, market: MarketId, terms: Option<Arc<StopTerms>>) -> Result<(), BadLimit> {
        let strategy = self.strategy;
        self.core_mut().protect(strategy, market, terms)
    }

    /// What stops say of the strategy's positions.
    pub fn stop_uses(&self) -> Vec<StopUse> {
        self.core().stop_uses(self.strategy)
    }

    /// Cancels and closes everything, of every strategy; nothing else passes until a person resumes trading.
    pub fn kill(&mut self) {
        self.core_mut().kill();
    }

    /// Starts an execution, which sends its first order at once where one is due, and returns its number.
    ///
    /// # Errors
    /// [`OrderError`] when its quantity does not fit the instrument.
    pub fn execute(&mut self, request: ExecutionRequest) -> Result<ExecutionId, OrderError> {
        let strategy = self.strategy;
        self.core_mut().execute(strategy, request)
    }

    /// Splits a quantity over the venues of one asset, as their books are known, and starts an execution for each part;
    /// returns their numbers.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn route(&mut self, request: &RouteRequest) -> Result<Vec<ExecutionId>, RouteError> {
        let strategy = self.strategy;
        self.core_mut().route(strategy, request)
    }

    /// An execution of the strategy, at work or ended not too long ago.
    pub fn execution(&self, id: ExecutionId) -> Option<&Execution> {
        self.core().executions.find(self.strategy, id)
    }

    /// The strategy's executions at work, oldest first.
    pub fn executions(&self) -> impl Iterator<Item = &Execution> + '_ {
        self.core().executions.of(self.strategy)
    }

    /// Ends an execution of the strategy: its order is cancelled, and no other is sent. `false` when it has ended.
    pub fn cancel_execution(&mut self, id: ExecutionId) -> bool {
        let strategy = self.strategy;
        self.core_mut().cancel_execution(strategy, id)
    }

    /// Makes a group of orders, which sends what it begins with at once, and returns its number.
    ///
    /// # Errors
    /// [`OrderError`] when one of them is not one a venue could be asked, or they do not go together; nothing is sent
    /// then.
    pub fn start_group(&mut self, request: GroupRequest) -> Result<GroupId, OrderError> {
        let strategy = self.strategy;
        self.core_mut().start_group(strategy, request)
    }

    /// A group of the strategy, at work or ended not too long ago.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.core().groups.find(self.strategy, id)
    }

    /// The strategy's groups at work, oldest first.
    pub fn groups(&self) -> impl Iterator<Item = &Group> + '_ {
        self.core().groups.working().filter(|group| group.strategy == self.strategy)
    }

    /// Asks to cancel all orders of a group; `false` when there is nothing to cancel. What it has filled stays.
    pub fn cancel_group(&mut self, id: GroupId) -> bool {
        let strategy = self.strategy;
        self.core_mut().cancel_group(strategy, id)
    }

    /// Calls [`super::Strategy::on_timer`] every `interval_ns`, first one interval from now.
    pub fn every(&mut self, interval_ns: i64) -> u64 {
        let interval = interval_ns.max(1);
        let strategy = self.strategy;
        let core = self.core_mut();
        core.timers.set(core.now.checked_add(interval), strategy, interval)
    }

    /// Calls [`super::Strategy::on_timer`] once, at `ts_ns` (at once if that has passed).
    ///
    /// # Errors
    /// [`TooManyAtOnce`] for one that is always set again for the same moment, or for the next nanoseconds.
    pub fn at(&mut self, ts_ns: i64) -> Result<u64, TooManyAtOnce> {
        let strategy = self.strategy;
        let core = self.core_mut();
        core.timers.set_once(ts_ns, core.now, strategy)
    }

    /// Asks the strategy's model what it makes of these features; an answer holds for `lifetime_ns` from now on and
    /// arrives in [`super::Strategy::on_signal`].
    ///
    /// # Errors
    /// [`TooManyAtOnce`] for a strategy that answers each signal with the next question, where a model takes no time.
    pub fn ask(
        &mut self,
        market: MarketId,
        features: Arc<[f64]>,
        lifetime_ns: i64,
    ) -> Result<(), TooManyAtOnce> {
        let strategy = self.strategy;
        let core = self.core_mut();
        core.signals.ask(Question { ts: core.now, strategy, market, features, lifetime_ns })
    }

    /// What the strategy's model says of a market, as long as that holds.
    pub fn signal(&self, market: MarketId) -> Option<&Signal> {
        let core = self.core();
        core.signals.holding(self.strategy, market, core.now)
    }

    /// What the strategy's model says of every market, as far as that holds.
    pub fn signals(&self) -> impl Iterator<Item = (MarketId, &Signal)> + '_ {
        let core = self.core();
        core.signals.all_holding(self.strategy, core.now)
    }

    /// Follows something of a market from the next message on.
    ///
    /// # Errors
    /// [`BarSpecError`] for bars of a size the instrument cannot count.
    pub fn subscribe(&mut self, market: MarketId, subscription: Subscription) -> Result<(), BarSpecError> {
        let strategy = self.strategy;
        let core = self.core_mut();
        if let Subscription::Bars(spec) = &subscription {
            let Market { instrument, bars, view, .. } = &mut core.markets[market.index()];
            bars.follow(strategy, spec, instrument)?;
            view.follow();
            core.set_bars_due(market);
        }
        core.topics.add(strategy, market, subscription.topics());
        Ok(())
    }

    /// Follows something of a market no longer.
    pub fn unsubscribe(&mut self, market: MarketId, subscription: Subscription) {
        let strategy = self.strategy;
        let core = self.core_mut();
        let mut topics = subscription.topics();
        if let Subscription::Bars(spec) = &subscription {
            let bars = &mut core.markets[market.index()].bars;
            bars.unfollow(strategy, spec);
            if bars.are_needed_by(strategy) {
                topics = Topics::NONE;
            }
            core.set_bars_due(market);
        }
        core.topics.remove(strategy, market, topics);
    }

    /// Makes an indicator of a market's bars for the strategy, from the next bar on. One that is there already, for
    /// whomever, goes on with what it has seen.
    ///
    /// # Errors
    /// [`BarSpecError`] for bars that the instrument cannot have.
    pub fn follow_indicator(
        &mut self,
        market: MarketId,
        spec: &BarSpec,
        stream: Stream,
    ) -> Result<(), BarSpecError> {
        let strategy = self.strategy;
        let core = self.core_mut();
        let Market { instrument, bars, view, .. } = &mut core.markets[market.index()];
        bars.attach(strategy, spec, instrument, stream)?;
        view.follow();
        core.set_bars_due(market);
        core.topics.add(strategy, market, Topics::BARS);
        Ok(())
    }

    /// The indicator of a market's bars that the strategy has asked for, with what it says now.
    pub fn indicator(&self, market: MarketId, spec: &BarSpec, like: &Stream) -> Option<&Stream> {
        self.core().market(market).bars.indicator(self.strategy, spec, like)
    }

    /// Follows features of a market, which begin with the book as it is known now, and returns their place. Those of
    /// one schema are kept once.
    pub fn follow_features(&mut self, market: MarketId, engine: FeatureEngine) -> usize {
        let strategy = self.strategy;
        let core = self.core_mut();
        let Market { features, view, .. } = &mut core.markets[market.index()];
        features.follow(view, strategy, core.now, engine)
    }

    /// The place of features of a market that the strategy follows, by their schema's hash.
    pub fn find_features(&self, market: MarketId, schema_hash: &str) -> Option<usize> {
        self.core().market(market).features.find(schema_hash, self.strategy)
    }

    /// Writes features of a market as they are known now.
    pub fn read_features(&mut self, market: MarketId, place: usize, out: &mut [f64]) {
        let core = self.core_mut();
        core.markets[market.index()].features.values(place, core.now, out);
    }
}
