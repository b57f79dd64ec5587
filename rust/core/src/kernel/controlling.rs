//! What whoever runs a session, or a person, has the kernel do.

use super::events::{Halt, SessionEventKind};
use super::input::{Control, FeedUpdate};
use super::machine::{Kernel, KernelError};
use crate::book::BookState;
use crate::orders::check_countable;
use crate::risk::{Hold, Trading};
use crate::types::{MarketId, StrategyId};

impl Kernel {
    /// What no venue could be asked for is not written down: the journal could not be fed back.
    pub(super) fn check_control(&self, at: i64, control: &Control) -> Result<(), KernelError> {
        if let Some(strategy) = control.strategy() {
            self.check_strategy(strategy)?;
        }
        let core = self.ctx.core();
        match control {
            Control::Order { strategy, request } => {
                self.check_market(request.market)?;
                core.desk.check_submit(
                    core.sender_at(*strategy, at),
                    core.market(request.market),
                    request,
                )?;
            }
            Control::CancelAll { market: Some(market), .. } => self.check_market(*market)?,
            Control::Replace { strategy, order, terms } => {
                core.desk.check_replace(core.sender_at(*strategy, at), core.around(), *order, *terms)?;
                // Of an order that has ended, or has no limit, not all of them were looked at.
                check_countable(*terms)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Does what whoever runs the session says.
    pub(super) fn on_control(&mut self, control: &Control) -> Result<(), KernelError> {
        match control {
            Control::Start => {
                if self.is_stopped {
                    self.begin_again()?;
                }
                self.ctx.core_mut().tell_session(SessionEventKind::SessionStarted);
                for index in 0..self.runners.len() {
                    self.call(StrategyId::new(index), |s, ctx| s.on_start(ctx))?;
                }
            }
            Control::Stop => {
                for index in 0..self.runners.len() {
                    self.call(StrategyId::new(index), |s, ctx| s.on_stop(ctx))?;
                }
                self.ctx.core_mut().tell_session(SessionEventKind::SessionStopped);
                self.is_stopped = true;
            }
            Control::Order { strategy, request } => {
                self.ctx.core_mut().submit(*strategy, request.clone())?;
            }
            Control::Cancel { strategy, order } => {
                self.ctx.core_mut().cancel(*strategy, *order, None);
            }
            Control::CancelAll { strategy, market } => {
                self.ctx.core_mut().call_off(*strategy, *market);
            }
            Control::Replace { strategy, order, terms } => {
                self.ctx.core_mut().replace(*strategy, *order, *terms)?;
            }
            Control::Hold { strategy, hold } => {
                let core = self.ctx.core_mut();
                core.desk.hold(*strategy, *hold);
                if *hold == Some(Hold::Stopped) {
                    core.call_off(*strategy, None);
                }
                // Groups that waited for it ask again.
                core.work_groups();
            }
            Control::Parameters { strategy, values } => {
                return self.call(*strategy, |s, ctx| s.on_parameters(ctx, values));
            }
            Control::Rearm { strategy } => return self.rearm(*strategy),
            Control::Pause => {
                let core = self.ctx.core_mut();
                core.tell_halt(|| Halt::Pause);
                core.desk.set_trading(Trading::Paused);
            }
            Control::Resume => {
                let core = self.ctx.core_mut();
                core.tell_resumed();
                core.resume();
            }
            Control::Kill => {
                let core = self.ctx.core_mut();
                core.tell_halt(|| Halt::Kill);
                core.kill();
            }
            Control::CarryRefusals => self.ctx.core_mut().desk.carry_refusals(),
            Control::Fail { strategy, problem } => return self.failed(*strategy, problem.to_string()),
        }
        Ok(())
    }

    /// A strategy that has failed follows what it did at first, and starts. One whose features have failed does not: they
    /// begin anew with another session.
    fn rearm(&mut self, strategy: StrategyId) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let runner = &mut self.runners[strategy.index()];
        let is_blind = core.markets.iter().any(|market| market.features.has_failed(strategy));
        if self.is_stopped || is_blind || runner.failure.take().is_none() {
            return Ok(());
        }
        for market in &runner.markets {
            core.topics.add(strategy, *market, runner.interest.topics);
        }
        self.call(strategy, |s, ctx| s.on_start(ctx))
    }

    /// After a stop the strategies begin once more. What has an open order goes on, the rest of what was at work ended
    /// with the session; and nobody knows of a market until it is told anew.
    fn begin_again(&mut self) -> Result<(), KernelError> {
        for index in 0..self.runners.len() {
            let strategy = StrategyId::new(index);
            let core = self.ctx.core_mut();
            core.timers.forget(strategy);
            core.stop_executions(strategy, |open| open.parent.is_none() && open.child().is_none());
            core.end_idle_groups(strategy);
        }
        self.tell_of_ended()?;
        let update = FeedUpdate { state: BookState::Stale, reason: "the session had ended".into() };
        for market in (0..self.ctx.core().markets.len()).map(MarketId::new) {
            self.on_feed(market, &update)?;
        }
        self.is_stopped = false;
        Ok(())
    }
}
