//! Stops at work: prices go to the positions they watch, and what fires is closed in rounds until it is.
//!
//! A stop that closes all of a position cancels what the strategy has working in the instrument, ends its executions
//! and groups there, and nothing but reduce-only orders of it pass there until the position is closed: what was quoted
//! for it would open it again. One that closes a part leaves everything else as it is.
//!
//! Exits are reduce-only market orders, as those of the kill switch: they pass limits, and what a thin book leaves is sent
//! again a while later. Where the kill switch or the breaker is closing the position, stops leave it to them.

use std::sync::Arc;

use super::core::Core;
use super::events::StopMove;
use super::exits::{Exits, ROUND};
use super::record::StopRow;
use super::stop_sets::{Guarded, Pair, Stopping};
use super::view::Content;
use crate::book::MarkPrice;
use crate::orders::{Order, OrderId, Reason, TriggerBy};
use crate::risk::{BadLimit, Breach, Check, Fired, PositionStops, Scope, StopLevels, StopTerms, fine_of};
use crate::types::{Decoded, MarketId, Reader, StrategyId, Writer};

/// What a set of stops says of a strategy's position, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopUse {
    /// The instrument.
    pub market: MarketId,
    /// Whose set it is.
    pub scope: Scope,
    /// The name of the venue, instrument or strategy; the number of the account.
    pub name: Arc<str>,
    /// What it says.
    pub levels: StopLevels,
    /// Whether a stop is closing the position.
    pub is_closing: bool,
}

impl Core {
    /// Whether positions in a market are watched, so that every message of it is needed.
    #[inline]
    pub(super) fn watches_stops(&self, market: MarketId) -> bool {
        self.stopping.as_ref().is_some_and(|stopping| stopping.seen[market.index()].is_watched)
    }

    /// Whether they are watched by its trades.
    #[inline]
    pub(super) fn stops_need_trades(&self, market: MarketId) -> bool {
        self.stopping.as_ref().is_some_and(|stopping| stopping.seen[market.index()].needs_trades)
    }

    /// Whose a set is, in a word and by name.
    fn owner_of(&self, set: Option<usize>, strategy: StrategyId) -> (Scope, Arc<str>) {
        let set = set.and_then(|at| self.stopping.as_ref().and_then(|stopping| stopping.set(at)));
        match set.map(|set| (set.scope, &set.name)) {
            Some((Scope::Account, _)) => {
                (Scope::Account, self.trades_on[strategy.index()].index().to_string().into())
            }
            Some((scope, name)) => (scope, Arc::clone(name)),
            None => (Scope::Strategy, self.names[strategy.index()].as_str().into()),
        }
    }

    /// Lets stops of a market look at its mid, where rows of it are known that nobody was told of.
    #[inline]
    pub(super) fn stops_know(&mut self, market: MarketId) {
        if self.watches_stops(market) {
            self.watch_stops(market, None);
        }
    }

    /// Lets stops of a market look at its prices, which a message may have told.
    pub(super) fn watch_stops(&mut self, id: MarketId, content: Option<&Content>) {
        let tells_moves = self.wants_moves();
        let Some(stopping) = &mut self.stopping else { return };
        let (market, accounts, exits) = (&self.markets[id.index()], &self.accounts, &self.exits);
        if let Some(content) = content {
            stopping.seen[id.index()].note(content);
        }
        if stopping.positions.is_empty() {
            return;
        }
        let seen = stopping.seen[id.index()].clone();
        let (mut fired, mut moved, mut waits) = (Vec::new(), Vec::new(), false);
        for (pair, guarded) in stopping.in_market(id) {
            if exits.pairs.contains_key(&(pair.1, id)) {
                continue;
            }
            let position = accounts.position(pair.1, id);
            let lost = |price: MarkPrice| {
                let made = position.unrealized(&market.math, Some(price));
                made.ok().map(|made| -made.units())
            };
            let is_long = guarded.stops.is_long();
            let before: Vec<_> = if tells_moves { guarded.stops.levels().collect() } else { Vec::new() };
            for trigger in TriggerBy::ALL {
                seen.each_price(trigger, is_long, market, content, |price| {
                    let fine = fine_of(price, market.instrument.price_increment);
                    while let Some(stop) = guarded.stops.look(trigger, fine, || lost(price)) {
                        fired.push((pair, stop));
                    }
                });
            }
            waits |= guarded.stops.wanted() > 0;
            for (before, now) in before.iter().zip(guarded.stops.levels()) {
                if let Some((level, kind)) = now.stop.filter(|_| now.stop != before.stop) {
                    moved.push((pair, now.set, kind, level, before.stop.map(|(level, _)| level)));
                }
            }
        }
        for ((market, strategy), set, kind, level, before) in moved {
            let (scope, name) = self.owner_of(set, strategy);
            self.tell_move(StopMove { strategy, market, kind, level, before, scope, name });
        }
        for (pair, stop) in fired {
            self.stop_fired(pair, &stop);
        }
        // An instrument that could not be traded may be again.
        if waits && self.stopping.as_ref().is_some_and(|stopping| stopping.round.is_none()) {
            self.stop_round();
        }
    }

    fn stop_fired(&mut self, pair: Pair, fired: &Fired) {
        let (market, strategy) = pair;
        let position = self.accounts.position(strategy, market);
        let (scope, name) = self.owner_of(fired.set, strategy);
        let row = StopRow {
            ts: self.now,
            strategy,
            market,
            kind: fired.kind,
            trigger: fired.trigger,
            price: fired.price,
            level: fired.level,
            avg_entry_price: position.avg_entry_price(),
            position_qty: position.qty,
            qty: fired.qty,
            scope,
            name: Arc::clone(&name),
        };
        self.tell_stop(&row);
        self.record.stops.push(row);
        if fired.closes_all {
            let breach = Breach { check: Check::Stop, scope, name, limit: 0, value: 0 };
            self.desk.shut.insert((strategy, market), breach);
            let exits = self.guarded(pair).map(|guarded| guarded.exits.clone()).unwrap_or_default();
            self.cancel_executions(strategy, Some(market));
            self.call_off_groups(strategy, Some(market), Some(Reason::Risk));
            let is_meant = |order: &&Order| order.market == market && !exits.contains(&order.id);
            let ends: Vec<_> = self.desk.open(strategy).filter(is_meant).map(|order| order.id).collect();
            for id in ends {
                self.cancel(strategy, id, Some(Reason::Risk));
            }
        }
        self.send_stop_exit(pair);
        self.set_round();
    }

    fn guarded(&mut self, pair: Pair) -> Option<&mut Guarded> {
        self.stopping.as_mut().and_then(|stopping| stopping.positions.get_mut(&pair))
    }

    /// Asks for what is to be closed and is not on its way.
    fn send_stop_exit(&mut self, pair: Pair) {
        let (market, strategy) = pair;
        let is_listed = self.markets[market.index()].is_listed;
        if self.exits.pairs.contains_key(&(strategy, market)) || !is_listed {
            return;
        }
        let Some(stopping) = &mut self.stopping else { return };
        let Some(guarded) = stopping.positions.get_mut(&pair) else { return };
        let desk = &self.desk;
        guarded.exits.retain(|id| desk.own(strategy, *id).is_some());
        let left = |id: &OrderId| desk.own(strategy, *id).map(|order| order.most_left().steps());
        let on_way: i64 = guarded.exits.iter().filter_map(left).fold(0, i64::saturating_add);
        let missing = guarded.stops.wanted().saturating_sub(on_way);
        if missing <= 0 {
            return;
        }
        let signed = if guarded.stops.is_long() { missing } else { -missing };
        let sent = self.send_exit(strategy, market, signed);
        let Some(guarded) = self.guarded(pair) else { return };
        match sent {
            Some(id) => guarded.exits.push(id),
            // No venue takes so little.
            None if on_way == 0 => {
                guarded.stops.give_up();
                self.desk.shut.remove(&(strategy, market));
            }
            None => {}
        }
    }

    fn stop_round(&mut self) {
        let Some(stopping) = &self.stopping else { return };
        let wanting = stopping.positions.iter().filter(|(_, guarded)| guarded.stops.wanted() > 0);
        for pair in wanting.map(|(pair, _)| *pair).collect::<Vec<_>>() {
            self.send_stop_exit(pair);
        }
        if let Some(stopping) = &mut self.stopping {
            stopping.round = None;
        }
        self.set_round();
    }

    /// Sets when what is left of exits is sent again, where that is not known.
    fn set_round(&mut self) {
        let Some(stopping) = &mut self.stopping else { return };
        let markets = &self.markets;
        let waits = stopping
            .positions
            .iter()
            .any(|((market, _), guarded)| guarded.stops.wanted() > 0 && markets[market.index()].is_listed);
        stopping.round = waits.then(|| stopping.round.unwrap_or(self.now.saturating_add(ROUND)));
        stopping.refresh();
    }

    /// Time has gone on to what stops wait for.
    pub(super) fn elapse_stops(&mut self) {
        let (now, mut fired) = (self.now, Vec::new());
        let Some(stopping) = &mut self.stopping else { return };
        let is_round = stopping.round.is_some_and(|at| at <= now);
        for (pair, guarded) in &mut stopping.positions {
            fired.extend(guarded.stops.elapse(now).map(|stop| (*pair, stop)));
        }
        for (pair, mut stop) in fired {
            let market = &self.markets[pair.0.index()];
            let seen = self.stopping.as_ref().map(|stopping| &stopping.seen[pair.0.index()]);
            let price = seen.and_then(|seen| seen.now(stop.trigger, market));
            stop.price = price.map(|price| fine_of(price, market.instrument.price_increment));
            self.stop_fired(pair, &stop);
        }
        if is_round {
            self.stop_round();
        }
    }

    /// A position has changed, by a fill of an order of so much, or by its venue.
    #[inline]
    pub(super) fn position_changed(
        &mut self,
        strategy: StrategyId,
        market: MarketId,
        fill: Option<(OrderId, i64)>,
    ) {
        if self.stopping.is_some() {
            self.follow_position((market, strategy), fill);
        }
    }

    fn follow_position(&mut self, pair: Pair, fill: Option<(OrderId, i64)>) {
        let (market, strategy) = pair;
        let position = self.accounts.position(strategy, market);
        let (qty, average) = (position.qty, position.avg_entry_price().unwrap_or_default());
        let (now, state) = (self.now, &self.markets[market.index()]);
        let Some(stopping) = &mut self.stopping else { return };
        let due = |stopping: &Stopping| stopping.positions.get(&pair).and_then(|guarded| guarded.stops.due());
        let before = due(stopping);
        if let Some(guarded) = stopping.positions.get_mut(&pair) {
            if let Some((_, filled)) = fill.filter(|(order, _)| guarded.exits.contains(order)) {
                guarded.stops.closed(filled);
            }
            if qty != 0 && (qty > 0) == guarded.stops.is_long() {
                guarded.stops.follow(now, qty, average);
            } else {
                stopping.positions.remove(&pair);
                self.desk.shut.remove(&(strategy, market));
            }
        }
        if qty != 0 && !stopping.positions.contains_key(&pair) && stopping.of(pair).next().is_some() {
            let stops = PositionStops::open(&state.instrument, now, qty, average, stopping.of(pair));
            stopping.positions.insert(pair, Guarded { stops, exits: Vec::new() });
        }
        if due(stopping) != before {
            stopping.refresh();
        }
    }

    /// Sets stops of a strategy's own, in place of those it had; none takes them away.
    ///
    /// # Errors
    /// [`BadLimit`] naming what cannot be, or would be wider than before while something is held; nothing has changed
    /// then.
    pub(super) fn protect(
        &mut self,
        strategy: StrategyId,
        market: MarketId,
        terms: Option<Arc<StopTerms>>,
    ) -> Result<(), BadLimit> {
        let (pair, state) = ((market, strategy), &self.markets[market.index()]);
        if let Some(terms) = &terms {
            terms.check()?;
            terms.check_on(&state.instrument)?;
        }
        let position = self.accounts.position(strategy, market);
        let held = position.avg_entry_price().map(|average| (position.qty, average));
        let stopping = self.stopping.get_or_insert_with(|| Box::new(Stopping::bare(self.markets.len())));
        let price = terms.as_ref().and_then(|terms| stopping.seen[market.index()].now(terms.trigger, state));
        let price = price.map(|price| fine_of(price, state.instrument.price_increment));
        match (stopping.positions.get_mut(&pair), held, &terms) {
            (Some(guarded), _, terms) => guarded.stops.protect(terms.as_ref(), price)?,
            (None, Some((qty, average)), Some(terms)) => {
                let none = std::iter::empty();
                let mut stops = PositionStops::open(&state.instrument, self.now, qty, average, none);
                stops.protect(Some(terms), price)?;
                stopping.positions.insert(pair, Guarded { stops, exits: Vec::new() });
            }
            _ => {}
        }
        match terms {
            Some(terms) => stopping.own.insert(pair, terms),
            None => stopping.own.remove(&pair),
        };
        stopping.look_again(&self.markets);
        stopping.refresh();
        Ok(())
    }

    /// Writes down what is being closed, and stops.
    pub(super) fn save_closing(&self, w: &mut Writer<'_>) {
        self.exits.save(w);
        w.option(self.stopping.as_ref(), |w, stopping| stopping.save(w));
        w.index(self.desk.shut.len());
        for ((strategy, market), breach) in &self.desk.shut {
            w.index(strategy.index());
            w.index(market.index());
            w.breaches(std::slice::from_ref(breach));
        }
    }

    /// Goes on from what [`Core::save_closing`] wrote.
    pub(super) fn load_closing(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        let (strategies, markets) = (self.names.len(), self.markets.len());
        self.exits = Exits::load(r, strategies, markets)?;
        match (r.flag()?, &mut self.stopping) {
            (false, None) => {}
            (false, Some(_)) => return r.error("the stops of the session"),
            (true, stopping) => {
                let stopping = stopping.get_or_insert_with(|| Box::new(Stopping::bare(markets)));
                stopping.load(r, strategies, &self.markets)?;
            }
        }
        for _ in 0..r.index()? {
            let pair = (r.strategy_of(strategies)?, r.market_of(markets)?);
            self.desk.shut.extend(r.breaches()?.into_iter().map(|breach| (pair, breach)));
        }
        Ok(())
    }

    /// What stops say of a strategy's positions.
    pub(super) fn stop_uses(&self, strategy: StrategyId) -> Vec<StopUse> {
        let Some(stopping) = &self.stopping else { return Vec::new() };
        let mine = stopping.positions.iter().filter(|((_, whose), _)| *whose == strategy);
        let uses = mine.flat_map(|((market, _), guarded)| {
            guarded.stops.levels().map(|levels| {
                let (scope, name) = self.owner_of(levels.set, strategy);
                StopUse { market: *market, scope, name, levels, is_closing: guarded.stops.is_closing() }
            })
        });
        uses.collect()
    }
}
