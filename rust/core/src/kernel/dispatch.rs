//! The kernel: order updates, market events and timers in, commands out.
//!
//! Within one nanosecond the order is: venue order updates, market events, timers. Strategies are called in the
//! order they were given. The kernel never asks for the time; [`Kernel::dispatch`] is told.

use std::cmp::Reverse;

use super::context::{Context, Core, MarketState};
use super::market_view::MessageContent;
use super::record::FillRow;
use super::strategy::{BookFilter, HookError, HookResult, Interest, Strategy, Trade};
use crate::book::{BookState, Touch};
use crate::event::{EventKind, View};
use crate::ledger::MoneyOverflow;
use crate::orders::{IllegalTransition, OrderStatus, Reason, Update, UpdateKind};
use crate::types::{Money, Side};

/// Why a kernel cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A venue's update contradicts what is known of the order.
    #[error(transparent)]
    Transition(#[from] IllegalTransition),
    /// An update for an order nobody sent.
    #[error("update for unknown order {0}")]
    UnknownOrder(u64),
    /// An amount is out of range.
    #[error(transparent)]
    Money(#[from] MoneyOverflow),
    /// A strategy failed and the run is to end with it.
    #[error("strategy {name} failed: {traceback}")]
    StrategyFailed {
        /// Its name.
        name: String,
        /// What it said.
        traceback: String,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
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

/// A strategy with what the kernel keeps about it.
struct Runner {
    name: String,
    strategy: Box<dyn Strategy>,
    interest: Interest,
    failure: Option<String>,
}

/// The deterministic state machine around the strategies.
pub struct Kernel {
    ctx: Context,
    runners: Vec<Runner>,
    on_error: OnError,
    /// Strategies that want market events, by instrument.
    subscribers: Vec<Vec<usize>>,
    trades: Vec<Trade>,
}

/// A named strategy and the instruments it trades.
pub struct StrategySetup {
    /// Its name, unique in a run.
    pub name: String,
    /// Indices of its instruments.
    pub markets: Vec<usize>,
    /// The strategy.
    pub strategy: Box<dyn Strategy>,
}

impl Kernel {
    /// A kernel over these instruments and strategies.
    pub fn new(
        markets: Vec<MarketState>,
        currencies: Vec<String>,
        strategies: Vec<StrategySetup>,
        on_error: OnError,
    ) -> Self {
        let mut core = Core::new(markets, currencies, strategies.len());
        let mut subscribers = vec![Vec::new(); core.markets.len()];
        let mut runners = Vec::with_capacity(strategies.len());
        for (index, setup) in strategies.into_iter().enumerate() {
            let interest = setup.strategy.interest();
            if interest.wants_market() {
                for market in setup.markets {
                    if subscribers[market].last() == Some(&index) {
                        continue;
                    }
                    subscribers[market].push(index);
                    let state = &mut core.markets[market];
                    state.view.subscribe(state.clock);
                }
            }
            runners.push(Runner { name: setup.name, strategy: setup.strategy, interest, failure: None });
        }
        Self { ctx: Context::new(core), runners, on_error, subscribers, trades: Vec::new() }
    }

    /// The state, for the driver.
    pub fn core(&mut self) -> &mut Core {
        &mut self.ctx
    }

    /// The state, to read.
    pub fn core_ref(&self) -> &Core {
        &self.ctx
    }

    /// Names of the strategies and how those that failed did.
    pub fn strategies(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.runners.iter().map(|r| (r.name.as_str(), r.failure.as_deref()))
    }

    /// Whether every strategy has failed.
    pub fn all_failed(&self) -> bool {
        !self.runners.is_empty() && self.runners.iter().all(|r| r.failure.is_some())
    }

    /// Starts the strategies at `now`.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn start(&mut self, now: i64) -> Result<(), KernelError> {
        self.ctx.now = now;
        for index in 0..self.runners.len() {
            self.call(index, |s, ctx| s.on_start(ctx))?;
        }
        Ok(())
    }

    /// Stops the strategies at `now`, the end of the run. What they still ask for reaches no venue: it is refused,
    /// and as nothing comes after their last hook they are not told.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn stop(&mut self, now: i64) -> Result<(), KernelError> {
        self.ctx.now = self.ctx.now.max(now);
        for index in 0..self.runners.len() {
            self.call(index, |s, ctx| s.on_stop(ctx))?;
        }
        let core = &mut *self.ctx;
        let now = core.now;
        let mut refusals = std::mem::take(&mut core.refusals);
        refusals.extend(core.commands.drain(..).map(|c| c.refused(Reason::RunEnded, now)));
        for refusal in refusals {
            if let Some(at) = self.book(&refusal, now)? {
                self.ctx.retire(at);
            }
        }
        Ok(())
    }

    /// When the kernel next has something to do by itself: a timer, or a market event somebody reads.
    #[inline]
    pub fn next_wake(&mut self) -> Option<i64> {
        let core = &mut *self.ctx;
        let mut wake = core.timers.peek().map(|Reverse(timer)| timer.0);
        for (market, subscribers) in core.markets.iter_mut().zip(&self.subscribers) {
            if subscribers.is_empty() {
                continue;
            }
            if let Some(visible) = market.view.next_event() {
                wake = Some(wake.map_or(visible, |w| w.min(visible)));
            }
        }
        wake
    }

    /// Takes a venue's update at `now`.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn on_update(&mut self, update: &Update, now: i64) -> Result<(), KernelError> {
        let Some(at) = self.book(update, now)? else { return Ok(()) };
        let strategy = self.ctx.orders[at].strategy;
        let told = self.tell(strategy, update);
        if let Some(at) = self.ctx.find(update.order) {
            self.ctx.retire(at);
        }
        told
    }

    /// Brings order, position and record up to date with an update, before anybody hears of it. Returns where the
    /// order is, if it is still open to updates.
    fn book(&mut self, update: &Update, now: i64) -> Result<Option<usize>, KernelError> {
        let core = &mut *self.ctx;
        core.now = core.now.max(now);
        let now = core.now;
        core.digest.update(now, update);
        let at = match core.find(update.order) {
            Some(at) => at,
            // A refused cancel or replacement may come back after the order has ended.
            None if matches!(update.kind, UpdateKind::CancelRejected(_) | UpdateKind::ReplaceRejected(_)) => {
                return Ok(None);
            }
            None => return Err(KernelError::UnknownOrder(update.order)),
        };
        core.orders[at].apply(update.kind, now)?;
        let realized = core.book_fill(at, update)?;
        if let Some(fill) = fill_row(core, at, update, now, realized) {
            core.record.fill_count += 1;
            core.record.fills.push(fill);
        }
        Ok(Some(at))
    }

    /// Tells a strategy of an update that has just been booked.
    fn tell(&mut self, strategy: usize, update: &Update) -> Result<(), KernelError> {
        let interest = self.runners[strategy].interest;
        if interest.fill
            && matches!(update.kind, UpdateKind::Fill { .. })
            && let Some(fill) = self.ctx.record.fills.last().cloned()
        {
            self.call(strategy, |s, ctx| s.on_fill(ctx, &fill))?;
        }
        if interest.order
            && let Some(at) = self.ctx.find(update.order)
        {
            let order = self.ctx.orders[at].clone();
            self.call(strategy, |s, ctx| s.on_order(ctx, &order))?;
        }
        Ok(())
    }

    /// Delivers market events and timers that are due at `now`.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn dispatch(&mut self, now: i64) -> Result<(), KernelError> {
        self.ctx.now = self.ctx.now.max(now);
        for market in 0..self.subscribers.len() {
            if self.subscribers[market].is_empty() {
                continue;
            }
            while self.ctx.markets[market].view.next_event().is_some_and(|visible| visible <= now) {
                self.deliver(market)?;
            }
        }
        while let Some(&Reverse((at, id, strategy, interval))) = self.ctx.timers.peek()
            && at <= now
        {
            self.ctx.timers.pop();
            if self.runners[strategy].failure.is_some() {
                continue;
            }
            // A timer whose next turn lies beyond the end of time has had its last one.
            if interval > 0
                && let Some(next) = at.checked_add(interval)
            {
                self.ctx.timers.push(Reverse((next, id, strategy, interval)));
            }
            self.call(strategy, |s, ctx| s.on_timer(ctx, id))?;
        }
        Ok(())
    }

    /// Reads the next event of a market and calls those who want it.
    fn deliver(&mut self, market: usize) -> Result<(), KernelError> {
        let mut trades = std::mem::take(&mut self.trades);
        trades.clear();
        let mut quote: Option<Touch> = None;
        let now = self.ctx.now;
        let content = self.ctx.markets[market].view.read_event(now, |view, row| {
            if view.kind[row] == EventKind::Trade as u8 {
                trades.push(trade_at(view, row));
            } else {
                add_quote_row(quote.get_or_insert_default(), view, row);
            }
        });
        let result = self.announce(market, content, quote, &trades);
        self.trades = trades;
        result
    }

    fn announce(
        &mut self,
        market: usize,
        content: MessageContent,
        quote: Option<Touch>,
        trades: &[Trade],
    ) -> Result<(), KernelError> {
        for at in 0..self.subscribers[market].len() {
            let index = self.subscribers[market][at];
            let interest = self.runners[index].interest;
            if interest.book_state
                && let Some(state) = content.new_state
            {
                self.call(index, |s, ctx| s.on_book_state(ctx, market, state))?;
            }
            if interest.trade {
                for trade in trades {
                    self.call(index, |s, ctx| s.on_trade(ctx, market, *trade))?;
                }
            }
            if interest.quote
                && let Some(quote) = quote
            {
                self.call(index, |s, ctx| s.on_quote(ctx, market, quote))?;
            }
            let book = match interest.book {
                BookFilter::Off => false,
                BookFilter::Message => content.book,
                BookFilter::Touch => content.touch_moved,
            };
            if book {
                self.call(index, |s, ctx| s.on_book(ctx, market))?;
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        index: usize,
        hook: impl FnOnce(&mut dyn Strategy, &mut Context) -> HookResult,
    ) -> Result<(), KernelError> {
        let runner = &mut self.runners[index];
        if runner.failure.is_some() {
            return Ok(());
        }
        self.ctx.active = index;
        match hook(runner.strategy.as_mut(), &mut self.ctx) {
            Ok(()) => Ok(()),
            Err(HookError::Interrupted) => Err(KernelError::Interrupted),
            Err(HookError::Failed(traceback)) => {
                let name = runner.name.clone();
                runner.failure = Some(traceback.clone());
                self.ctx.cancel_all(None, Reason::StrategyStopped);
                match self.on_error {
                    OnError::StopStrategy => Ok(()),
                    OnError::StopRun => Err(KernelError::StrategyFailed { name, traceback }),
                }
            }
        }
    }

    /// Closes the books of the run: open orders go to the record, balances into the digest.
    pub fn finish(&mut self) -> String {
        let core = &mut *self.ctx;
        let open = std::mem::take(&mut core.orders);
        core.record.orders.extend(open);
        for (strategy, accounts) in core.accounts.iter().enumerate() {
            for (market, account) in accounts.iter().enumerate() {
                let p = &account.position;
                core.digest.balance(strategy, market, p.qty, [p.cash, p.open_cost, p.realized, p.fees]);
            }
        }
        core.digest.hex()
    }
}

fn trade_at(view: &View<'_>, row: usize) -> Trade {
    Trade {
        price: view.price.get(row),
        qty: view.qty.get(row),
        aggressor_side: Side::from_column(view.side[row]),
        ts_event: view.ts_event[row],
        id: view.id.map_or(0, |ids| ids[row]),
    }
}

fn add_quote_row(quote: &mut Touch, view: &View<'_>, row: usize) {
    quote.state = BookState::Synced;
    quote.set(view.side[row], view.price.get(row), view.qty.get(row));
}

fn fill_row(core: &Core, at: usize, update: &Update, now: i64, realized: Money) -> Option<FillRow> {
    let UpdateKind::Fill { price, qty, liquidity, fee } = update.kind else {
        return None;
    };
    let order = &core.orders[at];
    let position = &core.accounts[order.strategy][order.market].position;
    Some(FillRow {
        ts_event: update.ts_event,
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
        completes: order.status == OrderStatus::Filled,
        position_qty: position.qty,
        avg_entry_price: position.avg_entry_price(),
        realized_total: position.realized,
        fees_total: position.fees,
        cash: position.cash,
    })
}
