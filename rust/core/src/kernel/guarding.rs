//! What limits, the circuit breaker and the kill switch do in the kernel: marks go to them, stops come from them.
//!
//! Closing everything goes in rounds: orders are cancelled, positions closed by reduce-only market orders, and what a
//! thin book has not filled is asked for again a while later, until nothing is held and nothing works.

use std::collections::BTreeSet;

use super::core::Core;
use super::exits::{Exits, ROUND};
use super::exposure::Earlier;
use super::market::Market;
use super::record::FillRow;
use crate::book::{MarkSource, Touch};
use crate::ledger::{ACCOUNT_LIMIT, Position};
use crate::orders::{OrderId, OrderRequest, OrderType, Reason, ReportKind, TimeInForce};
use crate::risk::{
    BadLimit, Breach, Check, Engine, Exposure, Hold, Limits, Need, OnTrip, RiskConfig, Scope, Stop, Trading,
    Trip, Units, Use, Worth,
};
use crate::types::{AccountId, MarketId, Money, Price, Qty, Side, StrategyId};

/// What a strategy may do, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TradingState {
    /// Send what its limits allow.
    Active,
    /// Reduce positions, or wait until they are closed.
    Reducing,
    /// Cancel, for as long as a person paused it or the session.
    Paused,
    /// Cancel, until a person starts it.
    Stopped,
    /// Cancel.
    Halted,
}

impl TradingState {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Reducing => "reducing",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Halted => "halted",
        }
    }
}

/// Limits at work over the markets and strategies of a kernel.
///
/// # Errors
/// [`BadLimit`].
pub(super) fn engine_of(
    config: RiskConfig,
    markets: &[Market],
    strategies: &[(String, AccountId)],
) -> Result<Engine, BadLimit> {
    Engine::new(config, markets.iter().map(|market| market.instrument.as_ref()), strategies)
}

impl Core {
    /// Tells limits of a market that something of it is known, or that something was booked in it.
    #[inline]
    pub(super) fn mark(&mut self, market: MarketId, is_booked: bool) {
        if self.desk.engine().is_some() {
            self.tell_mark(market, is_booked);
        }
    }

    fn tell_mark(&mut self, id: MarketId, is_booked: bool) {
        let Some(engine) = self.desk.engine_mut() else { return };
        if !is_booked {
            engine.heard(self.now, id);
        }
        if engine.needs() == Need::Nothing && !is_booked {
            return;
        }
        let (market, accounts) = (&self.markets[id.index()], &self.accounts);
        let (twice_mid, mark) = (market.view.twice_mid(), market.view.mark());
        let touch: Touch = market.view.touch();
        // What is not valued at the mid may be worth something else while that stays.
        let is_valued = is_booked || market.view.marks() != MarkSource::Mid;
        engine.mark(self.now, id, &touch, twice_mid, is_valued, |strategy| {
            let position = accounts.position(strategy, id);
            let made = position.equity(&market.math, mark).ok()?;
            Some(Worth { made, slope: slope_of(market, position) })
        });
        self.act_on_trips();
    }

    /// Does what follows where a limit has tripped.
    pub(super) fn act_on_trips(&mut self) {
        let Some(engine) = self.desk.engine_mut().filter(|engine| engine.has_trips()) else { return };
        for trip in engine.take_trips() {
            self.tell_trip(&trip);
            if trip.check.is_some() {
                self.stop_members(&trip);
            }
            self.record.trips.push(trip);
        }
    }

    fn stop_members(&mut self, trip: &Trip) {
        let Some(engine) = self.desk.engine() else { return };
        let members: Vec<_> = engine.members(trip).collect();
        let orders = self.desk.orders().open();
        let ends: Vec<_> = orders
            .filter(|order| members.contains(&(order.strategy, order.market)))
            .filter(|order| trip.does != OnTrip::Reduce || !order.reduce_only)
            .map(|order| (order.id, order.strategy, order.market))
            .collect();
        let closes = trip.does == OnTrip::Flatten;
        for &(strategy, market) in members.iter().filter(|_| closes) {
            if self.accounts.position(strategy, market).qty != 0 {
                self.exits.pairs.entry((strategy, market)).or_default();
            }
        }
        for (id, strategy, market) in ends {
            self.cancel(strategy, id, Some(Reason::Risk));
            if closes {
                self.exits.pairs.entry((strategy, market)).or_default();
            }
        }
        // They would send what is refused from now on.
        for &(strategy, market) in members.iter().filter(|_| trip.does != OnTrip::Reduce) {
            self.cancel_executions(strategy, Some(market));
            self.call_off_groups(strategy, Some(market), Some(Reason::Risk));
        }
        if closes {
            self.exit_round();
        }
    }

    /// Tells limits of a fill that was booked.
    pub(super) fn limits_filled(&mut self, fill: &FillRow, is_first: bool) {
        let Some(engine) = self.desk.engine_mut() else { return };
        let (before, after) = (fill.position_before(), fill.position_qty);
        let made = fill.realized_total.checked_sub(fill.fees_total).unwrap_or_default();
        engine.filled(self.now, (fill.strategy, fill.market), is_first, (before, after), made);
        self.tell_mark(fill.market, true);
    }

    /// Tells limits of an order that a venue refused.
    pub(super) fn limits_told(&mut self, market: MarketId, strategy: StrategyId, kind: ReportKind) {
        let (ReportKind::Rejected(reason) | ReportKind::ReplaceRejected(reason)) = kind else { return };
        if let Some(engine) = self.desk.engine_mut().filter(|_| is_venues(reason)) {
            engine.rejected(self.now, strategy, market);
            self.act_on_trips();
        }
    }

    /// Cancels everything, closes everything, and lets nothing else pass until trading is resumed by hand.
    pub(super) fn kill(&mut self) {
        self.desk.set_trading(Trading::Killed);
        self.note_kill(Some(Check::KillSwitch));
        for strategy in (0..self.trades_on.len()).map(StrategyId::new) {
            let markets = self.desk.open(strategy).map(|order| order.market).collect::<Vec<_>>();
            let held = self.accounts.traded().iter().copied();
            let held = held.filter(|market| self.accounts.position(strategy, *market).qty != 0);
            for market in markets.into_iter().chain(held.collect::<Vec<_>>()) {
                self.exits.pairs.entry((strategy, market)).or_default();
            }
            self.cancel_executions(strategy, None);
            self.call_off_groups(strategy, None, Some(Reason::Killed));
            self.cancel_all(strategy, None, Some(Reason::Killed));
        }
        self.exit_round();
    }

    /// Writes down for every account that the kill switch was thrown, or that it is armed again.
    fn note_kill(&mut self, check: Option<Check>) {
        let accounts: BTreeSet<AccountId> = self.trades_on.iter().copied().collect();
        let trip = |account: AccountId| Trip {
            ts: self.now,
            check,
            scope: Scope::Account,
            name: account.index().to_string().into(),
            limit: 0,
            value: 0,
            does: OnTrip::Flatten,
            guard: usize::MAX,
        };
        self.record.trips.extend(accounts.into_iter().map(trip));
    }

    /// Goes on, by hand.
    pub(super) fn resume(&mut self) {
        if self.desk.trading() == Trading::Killed {
            self.note_kill(None);
        }
        self.desk.set_trading(Trading::Active);
        self.exits = Exits::default();
        let now = self.now;
        if let Some(engine) = self.desk.engine_mut() {
            engine.resume(now);
            self.act_on_trips();
        }
        self.work_groups();
    }

    /// Asks for what is still held to be closed, and looks again a while later.
    pub(super) fn exit_round(&mut self) {
        let pairs: Vec<_> = self.exits.pairs.iter().map(|(pair, exit)| (*pair, *exit)).collect();
        for ((strategy, market), exit) in pairs {
            let held = self.accounts.position(strategy, market).qty;
            let is_working = |id: OrderId| self.desk.own(strategy, id).is_some();
            // What the gate refused is open until that is told, and no venue has it: a strategy that goes on sending
            // would be closing for ever.
            let waits = self.desk.open(strategy).any(|order| order.market == market && !order.never_sent);
            if exit.is_some_and(is_working) || (held == 0 && waits) {
                continue;
            }
            let sent = if held == 0 { None } else { self.send_exit(strategy, market, held) };
            match sent {
                Some(id) => self.exits.pairs.insert((strategy, market), Some(id)),
                // Nothing is held, or no venue takes so little.
                None => self.exits.pairs.remove(&(strategy, market)),
            };
        }
        self.exits.next = (!self.exits.pairs.is_empty()).then(|| self.now.saturating_add(ROUND));
        if !self.exits.are_on()
            && let Some(engine) = self.desk.engine_mut()
        {
            engine.flattened();
        }
    }

    /// Sends what closes so much, signed as it is held, or as much of it as the venue takes at a time and as fees have left
    /// of it. It is reduce-only where the venue takes such orders.
    pub(super) fn send_exit(&mut self, strategy: StrategyId, id: MarketId, held: i64) -> Option<OrderId> {
        let market = &self.markets[id.index()];
        let terms = market.instrument.terms_at(self.now);
        let most = terms.max_qty.unwrap_or(i64::MAX);
        let taken = self.accounts.taken(strategy, id, market);
        let own = self.accounts.position(strategy, id).qty.checked_abs()?.saturating_sub(taken);
        let qty = held.checked_abs()?.min(most).min(own);
        let qty = Qty::new(qty - qty % terms.lot_size);
        let side = if held > 0 { Side::Sell } else { Side::Buy };
        let request = OrderRequest {
            time_in_force: TimeInForce::Ioc,
            reduce_only: market.instrument.supports.reduce_only,
            ..OrderRequest::new(id, side, OrderType::Market, qty)
        };
        let sender = self.sender(strategy);
        self.desk.submit_exit(sender, market, request, &mut self.journal)
    }

    /// Time has gone on to what limits wait for.
    pub(super) fn elapse_limits(&mut self) {
        let now = self.now;
        if let Some(engine) = self.desk.engine_mut() {
            engine.elapse(now);
            self.act_on_trips();
        }
    }

    /// What a strategy may do.
    pub(super) fn trading_state(&self, strategy: StrategyId) -> TradingState {
        match self.desk.trading() {
            Trading::Killed if self.exits.are_on() => TradingState::Reducing,
            Trading::Killed => TradingState::Halted,
            _ if self.desk.held().get(&strategy) == Some(&Hold::Stopped) => TradingState::Stopped,
            _ if self.desk.is_paused(strategy) => TradingState::Paused,
            _ => match self.desk.engine().map_or(Stop::None, |engine| engine.stop_of(strategy)) {
                Stop::None => TradingState::Active,
                Stop::Reducing | Stop::Flattening => TradingState::Reducing,
                Stop::Halted => TradingState::Halted,
            },
        }
    }

    /// What every limit that holds for a strategy stands at.
    pub(super) fn limit_uses(&self, strategy: StrategyId) -> Vec<Use> {
        let Some(engine) = self.desk.engine() else { return Vec::new() };
        let standing = self.around().standing(engine, self.desk.orders(), strategy, None);
        engine.uses(strategy, &standing, self.now)
    }

    /// Every limit that a new order would pass; nothing is sent.
    pub(super) fn breaches(&self, strategy: StrategyId, request: &OrderRequest) -> Vec<Breach> {
        let stopped = self.desk.stop_breach((strategy, request.market), request.reduce_only).cloned();
        let Some(engine) = self.desk.engine() else { return stopped.into_iter().collect() };
        let (orders, who) = (self.desk.orders(), (strategy, self.now));
        let Exposure { ask, amounts, standing } =
            self.around().of_order(engine, orders, who, request, Earlier::default());
        let mut breaches = engine.review(&ask, &amounts, &standing);
        breaches.extend(stopped);
        breaches
    }

    /// Whether each of many limit orders by itself would pass no limit; nothing is sent.
    pub(super) fn pass_limits(
        &self,
        strategy: StrategyId,
        market: MarketId,
        orders: impl Iterator<Item = (Side, Price, Qty)>,
        mut each: impl FnMut(bool),
    ) {
        let is_shut = self.desk.stop_breach((strategy, market), false).is_some();
        let Some(engine) = self.desk.engine() else { return orders.for_each(|_| each(!is_shut)) };
        let around = self.around();
        let standing = around.standing(engine, self.desk.orders(), strategy, None);
        let step_value = around.market(market).math.step_value().map(Money::units);
        let stands = [Side::Buy, Side::Sell]
            .map(|side| engine.stand(around.ask(strategy, market, side, self.now), &standing, step_value));
        for (side, price, qty) in orders {
            let stand = &stands[side.index()];
            let passes =
                stand.is_safe(price, qty) || stand.passes(&around.amounts(engine, market, price, qty));
            each(passes && !is_shut);
        }
    }

    /// Tightens a strategy's own limits, of which there may have been none.
    ///
    /// # Errors
    /// [`BadLimit`].
    pub(super) fn tighten(&mut self, strategy: StrategyId, limits: &Limits) -> Result<(), BadLimit> {
        if self.desk.engine().is_none() {
            let engine = self.bare_engine()?;
            self.desk.set_engine(engine);
            let (accounts, signals) = (&self.accounts, &self.signals);
            if let Some(engine) = self.desk.engine_mut() {
                for (strategy, market, signal, _) in signals.list() {
                    engine.signalled(strategy, market, signal.ts);
                }
                engine.begin(|strategy, market| {
                    let position = accounts.position(strategy, market);
                    position.realized.checked_sub(position.fees).unwrap_or_default()
                });
            }
        }
        if self.desk.engine_mut().is_some_and(|engine| engine.counts_anew(strategy)) {
            for market in (0..self.markets.len()).map(MarketId::new) {
                self.tell_mark(market, true);
            }
            if let Some(engine) = self.desk.engine_mut() {
                engine.begin_counting(strategy);
            }
        }
        let Some(engine) = self.desk.engine_mut() else { return Ok(()) };
        engine.tighten(strategy, limits)
    }

    /// Limits of which none is set.
    ///
    /// # Errors
    /// [`BadLimit`].
    pub(super) fn bare_engine(&self) -> Result<Engine, BadLimit> {
        let seats: Vec<_> = self.names.iter().cloned().zip(self.trades_on.iter().copied()).collect();
        engine_of(RiskConfig::default(), &self.markets, &seats)
    }

    /// Whether every message of a market is needed for limits.
    #[inline]
    pub(super) fn limits_need_messages(&self, market: MarketId) -> bool {
        self.desk.engine().is_some_and(|engine| match engine.needs() {
            Need::Nothing => false,
            Need::Mids => self.market(market).view.marks() != MarkSource::Mid,
            Need::Messages => true,
        })
    }

    /// Whether the venue's stamps are needed for limits.
    #[inline]
    pub(super) fn limits_need_stamps(&self) -> bool {
        self.desk.engine().is_some_and(Engine::needs_stamps)
    }

    /// Whether trades are needed for limits.
    #[inline]
    pub(super) fn limits_need_trades(&self) -> bool {
        self.desk.engine().is_some_and(Engine::needs_trades)
    }
}

/// What a position is worth more with every half of a price increment that the mid of its market is higher, where that is
/// always the same, up to twice the mid.
fn slope_of(market: &Market, position: &Position) -> Option<Units> {
    if position.qty == 0 {
        return Some(0);
    }
    let step = market.math.step_value().map(Money::units)?;
    if step % 2 != 0 || market.view.marks() != MarkSource::Mid {
        return None;
    }
    let slope = (step / 2).checked_mul(position.qty.into())?;
    let most = slope.checked_abs()?.checked_mul(Units::from(market.view.twice_mid()?) * 2)?;
    (most <= ACCOUNT_LIMIT).then_some(slope)
}

/// Whether a refusal is the venue's own, so that it counts as one.
fn is_venues(reason: Reason) -> bool {
    !matches!(reason, Reason::Risk | Reason::Paused | Reason::Killed | Reason::NotListed | Reason::RunEnded)
}

/// The word of what tripped, or of going on.
pub fn trip_word(trip: &Trip) -> &'static str {
    trip.check.map_or("resumed", Check::as_str)
}
