//! Executions at work in the kernel.
//!
//! They act on inputs alone: when something they wait for is due, after a report on one of their orders, and after a
//! message of their market where they follow it. Hooks that an input calls come first.

use super::core::Core;
use super::executions::KEPT;
use super::machine::{Kernel, KernelError};
use super::topics::Topics;
use super::view::Content;
use crate::book::{BookState, FillBasis, Touch};
use crate::exec::{Act, Algorithm, Execution, ExecutionId, ExecutionRequest, ExecutionState, Sight};
use crate::orders::{
    NewTerms, Order, OrderError, OrderId, OrderRequest, Reason, check_qty, check_replace, least_order,
};
use crate::types::{MarketId, Price, Qty, StrategyId};

impl Core {
    /// Starts an execution, which sends what is due at once.
    pub(super) fn execute(
        &mut self,
        strategy: StrategyId,
        request: ExecutionRequest,
    ) -> Result<ExecutionId, OrderError> {
        let market = request.market;
        let state = self.market(market);
        check_qty(&state.instrument, self.now, "qty", request.qty)?;
        if let Algorithm::Iceberg { display, .. } = &request.algorithm {
            check_qty(&state.instrument, self.now, "display", *display)?;
        }
        if let Some(limit) = request.limit {
            // What a venue would refuse now it may take later, so only its grid is looked at.
            check_replace(&state.instrument, &state.math, self.now, limit, request.qty, Qty::ZERO)?;
        }
        self.executions.last += 1;
        let id = self.executions.last;
        self.executions.open.push(Execution::new(id, strategy, request, self.now));
        self.topics.add(strategy, market, Topics::EXECUTION);
        self.work(id);
        Ok(id)
    }

    /// Ends an execution of a strategy; `false` when it has ended.
    pub(super) fn cancel_execution(&mut self, strategy: StrategyId, id: ExecutionId) -> bool {
        let Some(at) = self.executions.place(id) else { return false };
        let execution = &mut self.executions.open[at];
        if execution.strategy != strategy || execution.state != ExecutionState::Working {
            return false;
        }
        execution.cancel();
        self.work(id);
        true
    }

    /// Ends all executions of a strategy, in one market or in all; returns how many had an order.
    pub(super) fn cancel_executions(&mut self, strategy: StrategyId, only: Option<MarketId>) -> usize {
        let is_meant = |open: &&Execution| only.is_none_or(|market| market == open.request.market);
        let meant = self.executions.of(strategy).filter(is_meant);
        let meant: Vec<_> = meant.map(|open| (open.id, open.child().is_some())).collect();
        for (id, _) in &meant {
            self.cancel_execution(strategy, *id);
        }
        meant.iter().filter(|(_, has_order)| *has_order).count()
    }

    /// Ends executions of a strategy that was stopped, whose orders have ended or are being cancelled.
    pub(super) fn stop_executions(&mut self, strategy: StrategyId, is_meant: impl Fn(&Execution) -> bool) {
        let meant = self.executions.of(strategy).filter(|execution| is_meant(execution));
        for id in meant.map(|execution| execution.id).collect::<Vec<_>>() {
            if let Some(at) = self.executions.place(id) {
                let execution = &mut self.executions.open[at];
                execution.reason = Some(Reason::StrategyStopped);
                execution.finish(ExecutionState::Cancelled, self.now);
                self.close(at);
            }
        }
    }

    /// Lets an execution do what it wants to do now.
    pub(super) fn work(&mut self, id: ExecutionId) {
        let Some(at) = self.executions.place(id) else { return };
        let now = self.now;
        let sight = self.sight(at);
        let execution = &mut self.executions.open[at];
        let child = execution.child().and_then(|order| self.desk.orders().get(order));
        let (strategy, parent) = (execution.strategy, execution.parent);
        let act = execution.act(&sight, child);
        match act {
            Act::Nothing => {}
            // It asks again until trading goes on.
            Act::Submit(_) if parent.is_some() && self.desk.is_paused(strategy) => {
                self.executions.open[at].wait(now);
            }
            Act::Submit(request) => {
                // Where no post-only order slides one that would take is refused, and sent again.
                let slides = self.market(request.market).instrument.supports.post_only.has(true.into());
                let request = OrderRequest { slides: request.slides && slides, ..request };
                match self.submit_child(strategy, parent, request) {
                    Ok(order) => {
                        self.executions.open[at].sent(order, now);
                        if parent.is_none() {
                            self.executions.owners.insert(order, id);
                        }
                    }
                    Err(error) => self.executions.open[at].fail(error.reason(), now),
                }
            }
            Act::Replace { order, price, qty } => {
                if let Err(error) = self.replace(strategy, order, NewTerms::new(price, qty)) {
                    let execution = &mut self.executions.open[at];
                    if parent.is_some() || matches!(error, OrderError::Unsupported { .. }) {
                        execution.recall();
                    } else {
                        execution.reason = Some(error.reason());
                        execution.cancel();
                    }
                    self.cancel(strategy, order, None);
                }
            }
            Act::Cancel(order) => {
                self.cancel(strategy, order, None);
            }
        }
        let execution = &mut self.executions.open[at];
        execution.due = execution.next(now);
        let is_done = execution.is_done();
        if let Some(parent) = parent {
            self.answer_sliced(parent, at);
        }
        if is_done {
            self.close(at);
        }
        self.executions.refresh();
    }

    /// What an execution sees.
    fn sight(&mut self, at: usize) -> Sight {
        let execution = &self.executions.open[at];
        let (request, looks) = (&execution.request, execution.looks_into_the_book());
        let (side, limit) = (request.side, request.limit);
        let market = &mut self.markets[request.market.index()];
        let terms = *market.instrument.terms_at(self.now);
        let (touch, twice_mid) = (market.view.touch(), market.view.twice_mid());
        let touch = if touch.state == BookState::Synced { touch } else { Touch::default() };
        let price = limit.or(twice_mid.map(|twice| Price::new(twice / 2)));
        let least =
            price.map_or(terms.min_qty, |price| least_order(&market.instrument, &market.math, &terms, price));
        let taken = side.opposite();
        let mut offered = 0;
        if looks && let Some(best) = touch.best(taken) {
            let worst = limit.map_or(best.price, Price::steps);
            let within = |price: i64| (price - worst) * side.sign() <= 0;
            let levels = market.view.book().iter(taken).take_while(|level| within(level.price));
            offered = levels.fold(0i64, |sum, level| sum.saturating_add(level.qty));
        }
        Sight { now: self.now, touch, twice_mid, terms, least, offered }
    }

    /// Moves an execution that has ended out of those at work.
    fn close(&mut self, at: usize) {
        let execution = self.executions.open.remove(at);
        self.executions.refresh();
        if execution.parent.is_some() {
            return;
        }
        let (strategy, market) = (execution.strategy, execution.request.market);
        self.executions.untold.push_back(execution.id);
        self.executions.ended.push_back(execution);
        if self.executions.ended.len() > KEPT
            && let Some(oldest) = self.executions.ended.pop_front()
        {
            for order in &oldest.children {
                self.executions.owners.remove(order);
            }
        }
        if !self.executions.of(strategy).any(|other| other.request.market == market) {
            self.topics.remove(strategy, market, Topics::EXECUTION);
        }
    }

    /// Whether an order is one of an execution's.
    #[inline]
    pub(super) fn has_execution(&self, order: OrderId) -> bool {
        !self.executions.owners.is_empty() && self.executions.owners.contains_key(&order)
    }

    /// Counts a fill for the execution it belongs to.
    pub(super) fn execution_filled(&mut self, order: OrderId, price: Price, qty: Qty) {
        if let Some(execution) = self.executions.of_child(order) {
            execution.filled_by(price, qty);
        }
    }

    /// Counts what a message says was traded.
    pub(super) fn count_volume(&mut self, market: MarketId, content: &Content) {
        // As everywhere else what trades at a market of bars is what its bars say.
        let traded = if self.market(market).view.basis() == FillBasis::Bars {
            content.bars.iter().map(|bar| bar.volume).fold(0, i64::saturating_add)
        } else {
            content.trades.iter().map(|trade| trade.qty).fold(0, i64::saturating_add)
        };
        for execution in
            self.executions.open.iter_mut().filter(|execution| execution.request.market == market)
        {
            execution.volume = execution.volume.saturating_add(traded);
        }
    }
}

impl Kernel {
    /// Lets those executions act that are due, and tells of those that have ended.
    pub(super) fn on_execution_due(&mut self) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let now = core.now;
        for id in core.executions.ids(|execution| execution.due.is_some_and(|at| at <= now)) {
            core.work(id);
        }
        self.tell_of_ended()
    }

    /// After a message of a market: lets those act that follow it.
    pub(super) fn on_execution_message(&mut self, market: MarketId) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        for id in core.executions.ids(|execution| execution.request.market == market && execution.follows()) {
            core.work(id);
        }
        self.tell_of_ended()
    }

    /// After a report on an order: its execution goes on.
    #[cold]
    pub(super) fn on_execution_report(&mut self, order: OrderId) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let now = core.now;
        let reported = core.desk.orders().find(order).cloned();
        let Some(execution) = core.executions.of_child(order) else { return Ok(()) };
        if let Some(reported) = reported.filter(Order::is_closed) {
            execution.child_ended(&reported, now);
        }
        let id = execution.id;
        if execution.is_done() {
            if let Some(at) = core.executions.place(id) {
                core.close(at);
            }
        } else {
            core.work(id);
        }
        self.tell_of_ended()
    }

    /// Tells strategies of their executions that have ended.
    pub(super) fn tell_of_ended(&mut self) -> Result<(), KernelError> {
        while let Some(id) = self.ctx.core_mut().executions.untold.pop_front() {
            let core = self.ctx.core_mut();
            let Some(execution) =
                core.executions.ended.iter().rev().find(|execution| execution.id == id).cloned()
            else {
                continue;
            };
            let strategy = execution.strategy;
            core.tell_execution(&execution);
            core.record.executions.push(execution);
            if self.wants_executions(strategy) {
                self.call(strategy, |s, ctx| s.on_execution(ctx, id))?;
            }
        }
        Ok(())
    }
}
