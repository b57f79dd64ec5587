//! The kernel: inputs in, approved commands out.
//!
//! A deterministic state machine around the strategies. Its state after n inputs follows from these n inputs alone:
//! it never asks for the time, and every hook sees the state right after the input that woke it. Strategies are
//! called in the order they were given. Whoever feeds it keeps the order of inputs at one nanosecond: reports,
//! messages of markets, what is due, control; and what is due at a time before what comes later.

use super::accounts::Accounts;
use super::context::Context;
use super::core::{Core, Due};
use super::entry::Desk;
use super::executions::Executions;
use super::exits::Exits;
use super::feature_feed::FeatureFeeds;
use super::feeds::{BarFeeds, Finished};
use super::groups::Groups;
use super::guarding::engine_of;
use super::holds::Holds;
use super::input::{Input, Listing, Outgoing, Refusal, Rows};
use super::journal::Journal;
use super::market::Market;
use super::quoting::Quotes;
use super::record::{CandleRow, Record, SignalRow};
use super::signals::{Answer, Question, Signals};
use super::stop_sets::Stopping;
use super::strategy::{HookError, HookResult, Interest, Strategy};
use super::timers::Timers;
use super::topics::{Registry, Subscriber};
use super::view::{Content, MarketView};
use crate::book::{FillBasis, MarkSource};
use crate::event::Heads;
use crate::ledger::{ContractMath, CostBasis, MoneyOverflow};
use crate::orders::{OrderError, Reason, SessionId};
use crate::risk::{BadLimit, RiskConfig};
use crate::types::{AccountId, CurrencyId, Instrument, MarketId, StrategyId};
use std::sync::Arc;

/// Why a kernel did not take an input, or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// An input speaks of a market nobody set up; nothing has changed.
    #[error("no market {0}")]
    UnknownMarket(MarketId),
    /// An input speaks of a strategy nobody set up; nothing has changed.
    #[error("no strategy {0}")]
    UnknownStrategy(StrategyId),
    /// A person's order is not one a venue could be asked; nothing has changed.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A strategy failed and the run is to end with it.
    #[error("strategy {name} failed: {traceback}")]
    StrategyFailed {
        /// Its name.
        name: String,
        /// What it said.
        traceback: String,
    },
    /// The accounts do not add up, which is a bug of ours.
    #[error("debug check: {0}")]
    Unbalanced(String),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Why there is no kernel of such a set-up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// An instrument's increments are beyond any arithmetic.
    #[error(transparent)]
    Money(#[from] MoneyOverflow),
    /// Limits that do not go together, or that no instrument of the session can have.
    #[error("risk.{0}")]
    Risk(#[from] BadLimit),
}

/// What a failing hook ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Its strategy; the others go on.
    #[default]
    StopStrategy,
    /// The run.
    StopRun,
}

/// Settings of a kernel.
#[derive(Debug, Clone)]
pub struct KernelConfig {
    /// The name of the session, part of every client id.
    pub session: SessionId,
    /// What a failing strategy ends.
    pub on_error: OnError,
    /// Which part of a position a fill closes first.
    pub cost_basis: CostBasis,
    /// Whether its accounts are checked after everything that moves money.
    pub checks: bool,
    /// Length of recorded candles, ns; none when absent.
    pub candle_ns: Option<i64>,
    /// Whether inputs and commands are kept as a journal.
    pub keeps_journal: bool,
    /// Limits, where there are any.
    pub risk: Option<Arc<RiskConfig>>,
}

/// An instrument as the kernel is to know it.
#[derive(Debug, Clone)]
pub struct MarketSpec {
    /// The instrument.
    pub instrument: Arc<Instrument>,
    /// Where its book comes from.
    pub basis: FillBasis,
    /// What positions in it are valued at.
    pub marks: MarkSource,
}

/// A named strategy, the instruments it trades and the account it trades on.
pub struct StrategySetup {
    /// Its name, unique in a session.
    pub name: String,
    /// Its instruments.
    pub markets: Vec<MarketId>,
    /// Its account.
    pub account: AccountId,
    /// The strategy.
    pub strategy: Box<dyn Strategy>,
}

/// A strategy with what the kernel keeps about it.
pub(super) struct Runner {
    pub(super) name: String,
    /// What it trades.
    pub(super) markets: Vec<MarketId>,
    pub(super) strategy: Box<dyn Strategy>,
    pub(super) interest: Interest,
    pub(super) failure: Option<String>,
}

/// The deterministic state machine around the strategies.
pub struct Kernel {
    pub(super) ctx: Context,
    pub(super) runners: Vec<Runner>,
    pub(super) on_error: OnError,
    /// Whether the last hooks have been called.
    pub(super) is_stopped: bool,
    /// What the message being delivered holds.
    pub(super) content: Content,
    /// Bars that are being told of.
    pub(super) finished: Vec<Finished>,
}

impl Kernel {
    /// A kernel over these instruments and strategies.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(
        config: KernelConfig,
        markets: Vec<MarketSpec>,
        strategies: Vec<StrategySetup>,
    ) -> Result<Self, SetupError> {
        let mut currencies: Vec<String> = Vec::new();
        let mut states = Vec::with_capacity(markets.len());
        for spec in markets {
            let settlement = &spec.instrument.settlement;
            let currency = currencies.iter().position(|c| c == settlement).unwrap_or_else(|| {
                currencies.push(settlement.clone());
                currencies.len() - 1
            });
            let bars = BarFeeds::new(config.candle_ns);
            let mut market = Market {
                // Until an input says that the time has come.
                is_listed: spec.instrument.listing.is_none(),
                math: ContractMath::new(&spec.instrument)?,
                instrument: spec.instrument,
                currency: CurrencyId::new(currency),
                view: MarketView::new(spec.basis, spec.marks),
                bars,
                features: FeatureFeeds::default(),
            };
            if config.keeps_journal || !market.bars.are_idle() {
                market.view.follow();
            }
            states.push(market);
        }
        let (mut topics, mut followed) = (Registry::new(states.len()), Vec::new());
        let mut runners = Vec::with_capacity(strategies.len());
        let mut trades_on = Vec::with_capacity(strategies.len());
        for (index, mut setup) in strategies.into_iter().enumerate() {
            for (market, engine) in setup.strategy.features() {
                let Market { features, view, .. } = &mut states[market.index()];
                features.follow(view, StrategyId::new(index), i64::MIN, engine);
            }
            let interest = setup.strategy.interest();
            for &market in &setup.markets {
                let strategy = StrategyId::new(index);
                followed.push((market, Subscriber { strategy, topics: interest.topics }));
                if !interest.topics.is_empty() {
                    states[market.index()].view.follow();
                }
            }
            trades_on.push(setup.account);
            let StrategySetup { name, markets, strategy, .. } = setup;
            runners.push(Runner { name, markets, strategy, interest, failure: None });
        }
        topics.replace(followed);
        let bars_due = Heads::new(states.len());
        let names: Vec<String> = runners.iter().map(|runner: &Runner| runner.name.clone()).collect();
        let (mut desk, mut stopping) = (Desk::default(), None);
        if let Some(risk) = config.risk {
            let seats: Vec<_> = names.iter().cloned().zip(trades_on.iter().copied()).collect();
            stopping = Stopping::new(&risk.stops, &states, &seats)?.map(Box::new);
            desk.set_engine(engine_of(RiskConfig::clone(&risk), &states, &seats)?);
        }
        let core = Core {
            now: i64::MIN,
            journal: Journal::new(config.session.as_str(), config.keeps_journal),
            session: config.session,
            accounts: Accounts::new(runners.len(), states.len(), config.cost_basis, config.checks),
            quotes: Quotes::new(runners.len(), states.len()),
            markets: states,
            currencies,
            trades_on,
            names,
            desk,
            exits: Exits::default(),
            events: None,
            stopping,
            refused: None,
            timers: Timers::default(),
            executions: Executions::default(),
            groups: Groups::default(),
            holds: Holds::default(),
            signals: Signals::default(),
            bars_due,
            topics,
            record: Record::default(),
        };
        Ok(Self {
            ctx: Context::new(core),
            runners,
            on_error: config.on_error,
            is_stopped: false,
            content: Content::default(),
            finished: Vec::new(),
        })
    }

    /// Takes an input that arrives at `at`; time does not go back.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn handle(&mut self, at: i64, input: Input<'_>) -> Result<(), KernelError> {
        if self.ctx.core().events.is_some() { self.take_told(at, input) } else { self.take_input(at, input) }
    }

    /// Takes an input and tells whoever listens.
    #[cold]
    fn take_told(&mut self, at: i64, input: Input<'_>) -> Result<(), KernelError> {
        let taken = self.take_input(at, input);
        let handed = self.hand_over();
        taken.and(handed)
    }

    #[inline]
    fn take_input(&mut self, at: i64, input: Input<'_>) -> Result<(), KernelError> {
        // What comes most often comes first: a jump by kind would be guessed wrong nearly every time.
        if let Input::Known { market, rows } = input {
            self.prepare(at, &input, Some(market))?;
            return self.on_known(market, rows);
        }
        if let Input::Message { market, rows } = input {
            self.prepare(at, &input, Some(market))?;
            return self.on_message(at, market, rows);
        }
        if let Input::Report(report) = input {
            self.prepare(at, &input, None)?;
            return self.on_report(report);
        }
        if let Input::Due = input {
            self.prepare(at, &input, None)?;
            return self.on_due();
        }
        self.handle_other(at, input)
    }

    #[inline(never)]
    fn handle_other(&mut self, at: i64, input: Input<'_>) -> Result<(), KernelError> {
        match input {
            Input::Known { .. } | Input::Message { .. } | Input::Report(_) | Input::Due => {
                self.take_input(at, input)
            }
            Input::Supply { market, supply } => {
                self.check_market(market)?;
                self.ctx.core_mut().markets[market.index()].view.supply(supply);
                Ok(())
            }
            Input::Balance { account, currency, total } => {
                self.prepare(at, &input, None)?;
                self.ctx.core_mut().accounts.set_balance(account, currency, total);
                Ok(())
            }
            Input::Payment(payment) => {
                self.prepare(at, &input, Some(payment.market))?;
                self.on_payment(payment)
            }
            Input::Feed { market, update } => {
                self.prepare(at, &input, Some(market))?;
                self.on_feed(market, update)
            }
            Input::Listing(&Listing { market, is_listed }) => {
                self.prepare(at, &input, Some(market))?;
                self.ctx.core_mut().markets[market.index()].is_listed = is_listed;
                Ok(())
            }
            Input::Signal(answer) => {
                self.check_strategy(answer.strategy)?;
                self.prepare(at, &input, Some(answer.market))?;
                self.on_answer(answer)
            }
            Input::Control(control) => {
                self.check_control(at, control)?;
                self.prepare(at, &input, None)?;
                self.on_control(control)
            }
        }
    }

    /// Before an input is taken: it speaks of what there is, it is written down, what we report ourselves is told.
    #[inline]
    fn prepare(&mut self, at: i64, input: &Input<'_>, market: Option<MarketId>) -> Result<(), KernelError> {
        if let Some(market) = market {
            self.check_market(market)?;
        }
        if self.ctx.core().journal.is_kept() {
            self.write_down(at, input);
        }
        if self.ctx.core().desk.has_reports() {
            self.deliver_reports()?;
        }
        let core = self.ctx.core_mut();
        core.now = core.now.max(at);
        Ok(())
    }

    pub(super) fn check_strategy(&self, strategy: StrategyId) -> Result<(), KernelError> {
        if strategy.index() < self.runners.len() {
            Ok(())
        } else {
            Err(KernelError::UnknownStrategy(strategy))
        }
    }

    #[inline]
    pub(super) fn check_market(&self, market: MarketId) -> Result<(), KernelError> {
        if market.index() < self.ctx.core().markets.len() {
            Ok(())
        } else {
            Err(KernelError::UnknownMarket(market))
        }
    }

    /// Writes an input down with the rows it speaks of.
    #[cold]
    fn write_down(&mut self, at: i64, input: &Input<'_>) {
        let core = self.ctx.core_mut();
        match *input {
            Input::Message { market, rows: Rows::Supplied { upto, .. } } => {
                let columns = core.market(market).view.supplied(upto);
                core.journal.input(at, &Input::Message { market, rows: Rows::all(&columns) });
            }
            Input::Known { market, rows: Rows::Supplied { upto, .. } } => {
                let columns = core.market(market).view.supplied(upto);
                core.journal.input(at, &Input::Known { market, rows: Rows::all(&columns) });
            }
            _ => core.journal.input(at, input),
        }
    }

    /// When the kernel next has something to do by itself: hand it [`Input::Due`] then.
    #[inline]
    pub fn next_due(&self) -> Option<i64> {
        let core = self.ctx.core();
        if core.desk.has_reports() {
            return Some(core.now);
        }
        if self.is_stopped { None } else { core.next_due().map(|(at, _)| at) }
    }

    /// Commands that may go to their venues, in the order they were sent.
    #[inline]
    pub fn drain(&mut self) -> std::vec::Drain<'_, Outgoing> {
        self.ctx.core_mut().desk.outgoing().drain(..)
    }

    /// Refusals of our own, where whoever drives the kernel brings them back (see
    /// [`super::Control::CarryRefusals`]), in the order of the commands; none where the kernel tells of them itself.
    #[inline]
    pub fn refusals(&mut self) -> Vec<Refusal> {
        self.ctx.core_mut().desk.carried().map(std::mem::take).unwrap_or_default()
    }

    /// What strategies ask their models. Whoever takes a question hands back its answer as [`Input::Signal`].
    #[inline]
    pub fn questions(&mut self) -> &mut Vec<Question> {
        self.ctx.core_mut().signals.questions()
    }

    /// Whether anything waits for whoever drives the kernel: commands, carried refusals, or questions.
    #[inline]
    pub fn has_outgoing(&self) -> bool {
        let core = self.ctx.core();
        core.desk.waiting() > 0 || core.signals.has_questions()
    }

    /// Tells of what we report ourselves, at the time it came about. What they lead to waits for the next input.
    #[cold]
    fn deliver_reports(&mut self) -> Result<(), KernelError> {
        for _ in 0..self.ctx.core_mut().desk.reports().len() {
            if let Some(report) = self.ctx.core_mut().desk.reports().pop_front() {
                self.on_report(&report)?;
            }
        }
        self.ctx.core_mut().tell_submitted();
        Ok(())
    }

    fn on_due(&mut self) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let Some((_, due)) = core.next_due().filter(|(at, _)| *at <= core.now) else { return Ok(()) };
        match due {
            Due::Limits => {
                core.elapse_limits();
                Ok(())
            }
            Due::Exits => {
                core.exit_round();
                Ok(())
            }
            Due::Stops => {
                core.elapse_stops();
                Ok(())
            }
            Due::Held => {
                core.expire_held();
                Ok(())
            }
            Due::Bars(market) => self.close_bars(market),
            Due::Expiry => match core.signals.expire(core.now) {
                Some((strategy, market, signal)) => {
                    self.call(strategy, |s, ctx| s.on_signal_expired(ctx, market, &signal))
                }
                None => Ok(()),
            },
            Due::Timer => match core.timers.take(core.now) {
                Some(timer) => self.call(timer.strategy, |s, ctx| s.on_timer(ctx, timer.id)),
                None => Ok(()),
            },
            Due::Group => {
                self.on_group_due();
                Ok(())
            }
            Due::Execution => self.on_execution_due(),
        }
    }

    /// Takes what a model says: an answer that came too late, and none, are only written down.
    fn on_answer(&mut self, answer: &Answer) -> Result<(), KernelError> {
        let (strategy, market) = (answer.strategy, answer.market);
        if self.runners[strategy.index()].failure.is_some() {
            return Ok(());
        }
        let core = self.ctx.core_mut();
        let now = core.now;
        let problem = core.signals.take(answer, now).err();
        core.record.signals.push(SignalRow {
            ts_recv: now,
            answer: answer.clone(),
            problem: problem.clone(),
        });
        match &answer.outcome {
            Ok(signal) if problem.is_none() => {
                if let Some(engine) = core.desk.engine_mut() {
                    engine.signalled(strategy, market, signal.ts);
                }
                core.tell_signal(answer);
                self.call(strategy, |s, ctx| s.on_signal(ctx, market, signal))
            }
            _ => Ok(()),
        }
    }

    /// Whether the strategies have been stopped, and not started again.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Whether a strategy is told of its executions.
    pub(super) fn wants_executions(&self, strategy: StrategyId) -> bool {
        self.runners[strategy.index()].interest.execution
    }

    #[inline]
    pub(super) fn call(
        &mut self,
        strategy: StrategyId,
        hook: impl FnOnce(&mut dyn Strategy, &mut Context) -> HookResult,
    ) -> Result<(), KernelError> {
        let runner = &mut self.runners[strategy.index()];
        if runner.failure.is_some() || self.is_stopped {
            return Ok(());
        }
        self.ctx.enter(strategy);
        match hook(runner.strategy.as_mut(), &mut self.ctx) {
            Ok(()) => Ok(()),
            Err(HookError::Failed(traceback)) => self.failed(strategy, traceback),
            Err(HookError::Interrupted) => Err(KernelError::Interrupted),
        }
    }

    /// What the failure of a strategy ends; it fails once.
    #[cold]
    pub(super) fn failed(&mut self, strategy: StrategyId, traceback: String) -> Result<(), KernelError> {
        let runner = &mut self.runners[strategy.index()];
        if runner.failure.is_some() {
            return Ok(());
        }
        let name = runner.name.clone();
        runner.failure = Some(traceback.clone());
        let core = self.ctx.core_mut();
        core.tell_failure(strategy, &traceback);
        core.cancel_all(strategy, None, Some(Reason::StrategyStopped));
        core.timers.forget(strategy);
        core.stop_executions(strategy, |_| true);
        core.call_off_groups(strategy, None, Some(Reason::StrategyStopped));
        core.forget_bars(strategy);
        core.topics.forget(strategy);
        core.signals.forget(strategy);
        match self.on_error {
            OnError::StopStrategy => Ok(()),
            OnError::StopRun => Err(KernelError::StrategyFailed { name, traceback }),
        }
    }

    /// Closes the session: all orders go to the record, open bars end, balances go into the digest, which is returned.
    pub fn finish(&mut self) -> String {
        let core = self.ctx.core_mut();
        for order in core.desk.orders_mut().drain() {
            core.record.ended(order);
        }
        core.record.executions.extend(core.executions.drain());
        for (index, market) in core.markets.iter_mut().enumerate() {
            let market_id = MarketId::new(index);
            market.bars.last_candle(|bar| core.record.candles.push(CandleRow { market: market_id, bar }));
        }
        for (strategy, market, position) in core.accounts.all() {
            core.journal.holding(strategy, market, position);
        }
        core.journal.hex()
    }
}
