//! A backtest: recorded data through the simulated venue and the kernel, on one timeline.
//!
//! The timeline is the strategy's clock. A message acts at the venue at its venue time and reaches the strategies
//! at its visible time (see [`crate::event::FeedClock`]); a command acts at the venue one entry latency after it
//! was sent; what comes of it is known one response latency later. At one nanosecond the venue goes first
//! (messages, then commands in order of sending), then the kernel (updates, market events, timers). The run ends
//! with the last visible message; what the venue had already decided by then is still booked.
//! Equity is sampled at a fixed interval; of samples between which nothing can have changed the first and the last
//! are kept.

use std::sync::Arc;

use super::channel::Channel;
use super::market::Market;
use super::queue::QueueModel;
use super::stats::EquityStats;
use crate::bars::TimeBars;
use crate::book::{FillBasis, Touch};
use crate::event::{Chunker, Columns, ColumnsError, Cursor, EventKind, FeedClock, Heads, Stamp};
use crate::kernel::{
    CandleRow, EquityRow, HookError, Kernel, KernelError, MarketState, MarketView, OnError, Record,
    StrategySetup,
};
use crate::ledger::{ContractMath, MoneyOverflow};
use crate::orders::{Command, Update};
use crate::random::Random;
use crate::types::{Instrument, Money};

/// A strategies' view that is this many rows behind is offered a copy of the venue's book.
const OFFER_LAG: u64 = 1 << 16;
/// The monitor is asked after this many messages or wake-ups.
const POLL_EVERY: u32 = 1 << 13;

/// Where a market's columns come from, piece by piece in order of time.
pub trait ChunkSource: Send {
    /// The next columns, `None` at the end.
    ///
    /// # Errors
    /// A sentence naming what could not be read, or that the user asked to stop.
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError>;
}

/// Constant latencies, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// From sending a command to its effect at the venue.
    pub entry_ns: i64,
    /// From an event at the venue to our knowledge of it, for own orders.
    pub response_ns: i64,
    /// The same for market data; the recorded latency when absent.
    pub feed_ns: Option<i64>,
}

/// One instrument of a run.
pub struct MarketSetup {
    /// The instrument.
    pub instrument: Arc<Instrument>,
    /// Where its book comes from.
    pub basis: FillBasis,
    /// How resting orders queue.
    pub queue: QueueModel,
    /// Latencies to and from its venue.
    pub latency: Latency,
    /// How far the venue's clock runs ahead of ours, ns.
    pub venue_lead_ns: i64,
    /// Its data.
    pub source: Box<dyn ChunkSource>,
}

/// Settings of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunConfig {
    /// Seed of the probabilistic parts.
    pub seed: u64,
    /// Time between equity samples, ns.
    pub sample_ns: i64,
    /// Length of recorded candles, ns; none when absent.
    pub candle_ns: Option<i64>,
    /// What a failing strategy ends.
    pub on_error: OnError,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Event rows the venue side has passed.
    pub rows: u64,
    /// Time on the strategy's clock, ns.
    pub now_ns: i64,
}

/// Watches a run from outside.
pub trait Monitor {
    /// Called every few milliseconds; `false` interrupts the run.
    fn poll(&mut self, progress: Progress) -> bool;

    /// Called with the record so far; may take rows out to keep memory flat.
    ///
    /// # Errors
    /// A sentence naming what could not be written, or that the user asked to stop.
    fn spill(&mut self, record: &mut Record) -> Result<(), HookError>;
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The kernel could not go on.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Data could not be read.
    #[error("{instrument}: {message}")]
    Source {
        /// The instrument.
        instrument: String,
        /// What happened.
        message: String,
    },
    /// Data is malformed.
    #[error("{instrument}: after {rows} rows: {error}")]
    Columns {
        /// The instrument.
        instrument: String,
        /// Rows read before the offending columns.
        rows: u64,
        /// What is wrong.
        error: ColumnsError,
    },
    /// An amount is out of range.
    #[error(transparent)]
    Money(#[from] MoneyOverflow),
    /// Results could not be written.
    #[error("{0}")]
    Spill(String),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// At the end of the data.
    Finished,
    /// On request.
    Interrupted,
}

/// A run's totals for one settlement currency.
#[derive(Debug, Clone)]
pub struct CurrencyTotals {
    /// The currency.
    pub currency: String,
    /// Realised and unrealised profit before fees.
    pub gross: Money,
    /// Fees paid.
    pub fees: Money,
    /// Sum of values traded.
    pub turnover: Money,
    /// Statistics of the sampled equity.
    pub stats: EquityStats,
}

/// What goes on at the venue for one instrument.
struct VenueSide {
    market: Market,
    cursor: Cursor,
    latency: Latency,
    source: Box<dyn ChunkSource>,
    /// Of the message that is next, while there is one.
    head: Stamp,
    chunker: Chunker,
    ended: bool,
    candles: Option<TimeBars>,
}

impl VenueSide {
    /// Whether its messages have no effect but on its own book.
    fn is_quiet(&self) -> bool {
        self.market.is_untouched() && self.candles.is_none()
    }
}

/// A backtest in progress.
pub struct Simulation {
    kernel: Kernel,
    venues: Vec<VenueSide>,
    /// Venue time of each market's next message.
    heads: Heads,
    /// The shortest way from a venue back to us, ns.
    least_response: i64,
    commands: Channel<Command>,
    updates: Channel<Update>,
    config: RunConfig,
    next_sample: i64,
    /// Venue time of the first message.
    start: i64,
    /// Visible time of the last message seen.
    end: i64,
    totals: Vec<CurrencyTotals>,
    polls: u32,
    fresh: Vec<Update>,
}

impl Simulation {
    /// A run over these markets with these strategies.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when an instrument's increments are beyond any arithmetic.
    pub fn new(
        config: RunConfig,
        markets: Vec<MarketSetup>,
        strategies: Vec<StrategySetup>,
    ) -> Result<Self, MoneyOverflow> {
        let mut currencies: Vec<String> = Vec::new();
        let mut states = Vec::with_capacity(markets.len());
        let mut venues = Vec::with_capacity(markets.len());
        for (index, setup) in markets.into_iter().enumerate() {
            let settlement = &setup.instrument.settlement;
            let currency = currencies.iter().position(|c| c == settlement).unwrap_or_else(|| {
                currencies.push(settlement.clone());
                currencies.len() - 1
            });
            let clock = FeedClock::new(setup.venue_lead_ns, setup.latency.feed_ns);
            let random = Random::new(config.seed, 1_000 + index as u64);
            venues.push(VenueSide {
                market: Market::new(&setup.instrument, setup.basis, setup.queue, random)?,
                cursor: Cursor::new(clock),
                head: Stamp { venue: i64::MIN, visible: i64::MIN },
                latency: setup.latency,
                source: setup.source,
                chunker: Chunker::default(),
                ended: false,
                candles: config.candle_ns.map(TimeBars::new),
            });
            states.push(MarketState {
                math: ContractMath::new(&setup.instrument)?,
                instrument: setup.instrument,
                currency,
                clock,
                view: MarketView::new(setup.basis, clock, true),
            });
        }
        let totals = currencies
            .iter()
            .map(|currency| CurrencyTotals {
                currency: currency.clone(),
                gross: Money::ZERO,
                fees: Money::ZERO,
                turnover: Money::ZERO,
                stats: EquityStats::new(config.sample_ns),
            })
            .collect();
        Ok(Self {
            heads: Heads::new(venues.len()),
            least_response: venues.iter().map(|venue| venue.latency.response_ns).min().unwrap_or(0),
            kernel: Kernel::new(states, currencies, strategies, config.on_error),
            venues,
            commands: Channel::new(),
            updates: Channel::new(),
            config,
            next_sample: i64::MAX,
            start: i64::MIN,
            end: i64::MIN,
            totals,
            polls: 0,
            fresh: Vec::new(),
        })
    }

    /// The kernel, for what the run left behind.
    pub fn kernel(&mut self) -> &mut Kernel {
        &mut self.kernel
    }

    /// The venue's side of a market.
    pub fn market(&self, market: usize) -> &Market {
        &self.venues[market].market
    }

    /// Event rows passed so far.
    pub fn rows(&self) -> u64 {
        self.venues.iter().map(|v| v.cursor.passed()).sum()
    }

    /// Venue time of the first message and visible time of the last, ns; `None` without data.
    pub fn span(&self) -> Option<(i64, i64)> {
        (self.end > i64::MIN).then_some((self.start, self.end))
    }

    /// Totals by settlement currency, valid after [`Simulation::run`].
    pub fn totals(&self) -> &[CurrencyTotals] {
        &self.totals
    }

    /// Runs to the end of the data and returns how it ended and the digest.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&mut self, monitor: &mut dyn Monitor) -> Result<(RunEnd, String), RunError> {
        let ran = ending(self.run_inner(monitor))?;
        self.close()?;
        let digest = self.kernel.finish();
        let spilled = ending(self.spill(monitor))?;
        let end = if spilled == RunEnd::Interrupted { spilled } else { ran };
        Ok((end, digest))
    }

    fn run_inner(&mut self, monitor: &mut dyn Monitor) -> Result<(), RunError> {
        for market in 0..self.venues.len() {
            self.load(market)?;
        }
        let Some((_, first)) = self.heads.first() else {
            return Ok(());
        };
        self.start = first;
        self.next_sample = first.saturating_add(self.config.sample_ns);
        self.kernel.start(first)?;
        self.collect(first);
        loop {
            let wake = earliest(self.updates.next(), self.kernel.next_wake());
            let arrival = self.commands.next();
            let horizon = earliest(wake, arrival);
            if !self.advance(horizon.unwrap_or(i64::MAX), monitor)? {
                continue;
            }
            // The venue is past the horizon, or out of data.
            let Some(horizon) = horizon.filter(|at| self.heads.first().is_some() || *at <= self.end) else {
                break;
            };
            if let Some(at) = arrival
                && at == horizon
            {
                self.arrive(at)?;
                continue;
            }
            self.wake(horizon)?;
            if self.kernel.all_failed() && self.kernel.core().orders_open() == 0 {
                break;
            }
            self.poll(monitor)?;
        }
        // What the venue decided before the data ended is still known to us in the end.
        while let Some((at, update)) = self.updates.receive(i64::MAX) {
            self.kernel.on_update(&update, at)?;
        }
        self.kernel.stop(self.end)?;
        Ok(())
    }

    /// Lets the venue take every message up to `horizon`. Returns `false` when own orders were touched on the way
    /// and the horizon may have come closer.
    fn advance(&mut self, horizon: i64, monitor: &mut dyn Monitor) -> Result<bool, RunError> {
        while let Some((market, time)) = self.heads.first() {
            let sample = self.next_sample;
            if time > horizon || time > sample {
                if sample > horizon {
                    return Ok(true);
                }
                self.sample_until(horizon.min(time - 1))?;
                self.poll(monitor)?;
                continue;
            }
            let touched = self.advance_market(market, horizon.min(sample))?;
            self.poll(monitor)?;
            if touched {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes messages of one market for as long as it is the next one. Returns whether own orders were touched.
    ///
    /// A market without orders of ours concerns no other: it goes on until something could come of the others.
    fn advance_market(&mut self, market: usize, horizon: i64) -> Result<bool, RunError> {
        let alone = self.venues[market].is_quiet();
        let core = self.kernel.core();
        let horizon = if alone && core.orders_open() > 0 {
            // Nothing can be learnt of the messages of other markets before this.
            horizon.min(self.heads.earliest_other(market).saturating_add(self.least_response))
        } else {
            horizon
        };
        let view = &mut core.markets[market].view;
        let venue = &mut self.venues[market];
        let Some((chunk, mut row)) = venue.cursor.front() else {
            return Ok(false);
        };
        let (columns, end) = (chunk.view(), chunk.end());
        let mut clock = venue.cursor.clock();
        let mut stamp = venue.head;
        let last = loop {
            let from = row;
            row = columns.message_end(row);
            venue.market.on_message(&columns, from, row, stamp.venue, &mut self.fresh)?;
            // No wake-up can come before the message that is next at a venue.
            view.push_touch(stamp.visible, Touch::of(venue.market.book()), stamp.venue);
            if let Some(bars) = &mut venue.candles
                && venue.market.has_traded()
            {
                for at in from..row {
                    if columns.kind[at] == EventKind::Trade as u8
                        && let Some(bar) =
                            bars.push(columns.ts_recv[at], columns.price.get(at), columns.qty.get(at))
                    {
                        core.record.candles.push(CandleRow { market, bar });
                    }
                }
            }
            if row == end {
                break stamp;
            }
            let next = clock.stamp(columns.ts_event[row], columns.ts_recv[row]);
            self.heads.set(market, Some(next.venue));
            let others_first = !alone && self.heads.first().is_none_or(|(first, _)| first != market);
            if others_first || next.venue > horizon || !self.fresh.is_empty() {
                break std::mem::replace(&mut stamp, next);
            }
            stamp = next;
        };
        self.end = self.end.max(last.visible);
        venue.head = stamp;
        venue.cursor.set_clock(clock);
        venue.cursor.advance_to(row);
        let touched = !self.fresh.is_empty();
        for update in self.fresh.drain(..) {
            self.updates.send(update.ts_event.saturating_add(venue.latency.response_ns), update);
        }
        if row == end {
            if !venue.ended {
                let passed = venue.cursor.passed();
                if view.lag(passed) >= OFFER_LAG {
                    view.offer(passed, last.visible, clock, venue.market.book(), last.venue);
                }
            }
            self.load(market)?;
        }
        Ok(touched)
    }

    /// Makes the next message of a market known, reading more data if needed.
    fn load(&mut self, market: usize) -> Result<(), RunError> {
        let venue = &mut self.venues[market];
        let state = &mut self.kernel.core().markets[market];
        while venue.cursor.is_empty() && !venue.ended {
            let malformed =
                |rows, error| RunError::Columns { instrument: state.instrument.id.to_string(), rows, error };
            let before = venue.chunker.rows_before();
            let mut chunk = venue.chunker.next_chunk().map_err(|error| malformed(before, error))?;
            if chunk.is_none() {
                let columns = venue.source.next_columns().map_err(|error| match error {
                    HookError::Interrupted => KernelError::Interrupted.into(),
                    HookError::Failed(message) => {
                        RunError::Source { instrument: state.instrument.id.to_string(), message }
                    }
                })?;
                if let Some(columns) = columns {
                    let before = venue.chunker.rows_before();
                    venue.chunker.push(columns).map_err(|error| malformed(before, error))?;
                } else {
                    venue.ended = true;
                    chunk = venue.chunker.finish();
                }
            }
            if let Some(chunk) = chunk {
                venue.cursor.push(chunk.clone());
                state.view.push(chunk);
            }
        }
        let head = venue.cursor.peek();
        venue.head = head.unwrap_or(venue.head);
        self.heads.set(market, head.map(|stamp| stamp.venue));
        Ok(())
    }

    /// Lets every command that has arrived by `at` act at its venue.
    fn arrive(&mut self, at: i64) -> Result<(), RunError> {
        while let Some((time, command)) = self.commands.receive(at) {
            let venue = &mut self.venues[command.market()];
            venue.market.on_command(command, time, &mut self.fresh)?;
            for update in self.fresh.drain(..) {
                self.updates.send(update.ts_event.saturating_add(venue.latency.response_ns), update);
            }
        }
        Ok(())
    }

    /// Lets the kernel do what is due at `now`.
    fn wake(&mut self, now: i64) -> Result<(), RunError> {
        while let Some((at, update)) = self.updates.receive(now) {
            self.kernel.on_update(&update, at)?;
        }
        self.kernel.dispatch(now)?;
        self.collect(now);
        Ok(())
    }

    /// Sends what the strategies have asked for on its way.
    fn collect(&mut self, now: i64) {
        let core = self.kernel.core();
        for command in core.commands.drain(..) {
            let latency = self.venues[command.market()].latency;
            self.commands.send(now.saturating_add(latency.entry_ns), command);
        }
        for refusal in core.refusals.drain(..) {
            self.updates.send(now, refusal);
        }
    }

    /// Takes the samples that are due by `until`. Nothing changes between them, so the first and the last tell all.
    fn sample_until(&mut self, until: i64) -> Result<(), RunError> {
        let (first, every) = (self.next_sample, self.config.sample_ns);
        let last = until - (until.abs_diff(first) % every.unsigned_abs()) as i64;
        self.sample(first)?;
        if last > first {
            self.sample(last)?;
        }
        self.next_sample = last.saturating_add(every);
        Ok(())
    }

    /// Samples equity at the venue's mid prices.
    fn sample(&mut self, ts: i64) -> Result<(), RunError> {
        for (currency, total) in self.totals.iter_mut().enumerate() {
            let mut equity = Money::ZERO;
            for (market, venue) in self.venues.iter().enumerate() {
                let state = &self.kernel.core_ref().markets[market];
                if state.currency == currency {
                    for account in self.kernel.core_ref().accounts_in(market) {
                        equity += account.position.equity(&state.math, venue.market.twice_mid())?;
                    }
                }
            }
            total.stats.push(ts, equity.to_f64());
            self.kernel.core().record.equity.push(EquityRow { ts, currency, equity });
        }
        Ok(())
    }

    fn poll(&mut self, monitor: &mut dyn Monitor) -> Result<(), RunError> {
        self.polls += 1;
        if self.polls < POLL_EVERY {
            return Ok(());
        }
        self.polls = 0;
        let progress = Progress { rows: self.rows(), now_ns: self.kernel.core().now_ns() };
        if !monitor.poll(progress) {
            return Err(KernelError::Interrupted.into());
        }
        self.spill(monitor)
    }

    fn spill(&mut self, monitor: &mut dyn Monitor) -> Result<(), RunError> {
        monitor.spill(&mut self.kernel.core().record).map_err(|error| match error {
            HookError::Interrupted => KernelError::Interrupted.into(),
            HookError::Failed(message) => RunError::Spill(message),
        })
    }

    /// The last sample, the open candles, the totals.
    fn close(&mut self) -> Result<(), RunError> {
        if self.end > i64::MIN {
            self.sample(self.end)?;
        }
        for market in 0..self.venues.len() {
            let venue = &mut self.venues[market];
            if let Some(bar) = venue.candles.as_mut().and_then(TimeBars::flush) {
                self.kernel.core().record.candles.push(CandleRow { market, bar });
            }
            let twice_mid = self.venues[market].market.twice_mid();
            let core = self.kernel.core_ref();
            let state = &core.markets[market];
            let total = &mut self.totals[state.currency];
            for account in core.accounts_in(market) {
                let position = &account.position;
                total.gross += position.realized + position.unrealized(&state.math, twice_mid)?;
                total.fees += position.fees;
                total.turnover += position.turnover;
            }
        }
        Ok(())
    }
}

/// An interrupted run ends early; any other error fails it.
fn ending(outcome: Result<(), RunError>) -> Result<RunEnd, RunError> {
    match outcome {
        Ok(()) => Ok(RunEnd::Finished),
        Err(RunError::Kernel(KernelError::Interrupted)) => Ok(RunEnd::Interrupted),
        Err(error) => Err(error),
    }
}

fn earliest(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
