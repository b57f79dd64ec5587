//! A backtest: recorded data through the simulated venue and the kernel, on one timeline.
//!
//! The timeline is the strategy's clock. A message acts at the venue at its venue time and reaches the strategies
//! at its visible time (see [`crate::sim::FeedClock`]); a command acts at the venue one entry latency after it
//! was sent; what comes of it is known one response latency later. At one nanosecond the venue goes first
//! (messages, then instruments that come and go, then commands in order of sending), then the kernel, one input at a time:
//! reports, messages by market, instruments that come and go, timers. The run ends with the last visible message; what the
//! venue had already decided by then is still booked.
//!
//! Messages of a market that somebody follows are delivered one by one. Of the others the kernel is told, before
//! it is woken, how many rows it knows by then ([`Input::Known`]).
//!
//! An instrument is listed from its listing, or the start of the run, until its expiry, if its kind has one, on the run's clock. Its
//! data may go on; its orders do not.
//!
//! Equity is sampled at a fixed interval; of equal samples in a row the first and the last are kept.
//!
//! Strategies share a kernel, or each is alone with the market in a kernel of its own: many runs over one pass of the data
//! (see [`Replay::apart`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use super::arrivals::Arrival;
use super::lane::{Lane, LaneError, Upcoming};
use super::sessions::{Seat, Sessions};
use super::setup::{MarketSetup, clock_leads};
use super::stats::CurrencyTotals;
use crate::book::Touch;
use crate::event::{ColumnsError, Heads, Span};
use crate::kernel::{
    Control, HookError, Input, Kernel, KernelConfig, KernelError, Known, Listing, MarketSpec, OnError,
    Outgoing, Record, Seen, StrategySetup,
};
use crate::ledger::MoneyOverflow;
use crate::orders::{Reason, SessionId};
use crate::random::Random;
use crate::sim::{Accounts, FeedClock, Market, SettingsError, Venue};
use crate::types::{MarketId, StrategyId};

/// The monitor is asked after this many messages or wake-ups.
const POLL_EVERY: u32 = 1 << 13;

/// A market of which fewer messages were due at once runs ahead: what is far away in memory is fetched once for many.
const FEW: usize = 4;
/// By so many messages.
const AHEAD: usize = 8;

/// Settings of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunConfig {
    /// The name of the session, part of every client id.
    pub session: SessionId,
    /// Seed of the probabilistic parts.
    pub seed: u64,
    /// Time between equity samples, ns.
    pub sample_ns: i64,
    /// Length of recorded candles, ns; none when absent.
    pub candle_ns: Option<i64>,
    /// What a failing strategy ends.
    pub on_error: OnError,
    /// Whether the kernel's inputs and commands are kept as a journal.
    pub keeps_journal: bool,
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
    /// A venue cannot be as it is set.
    #[error("{instrument}: {error}")]
    Settings {
        /// The instrument.
        instrument: String,
        /// What is wrong.
        error: SettingsError,
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
    /// With a strategy that failed, as [`OnError::StopRun`] has it.
    Failed,
}

/// What the kernel does next, by time and then in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    /// A report reaches it.
    Report,
    /// A message of a followed market does.
    Message(MarketId),
    /// An instrument comes or goes.
    Listing(MarketId),
    /// Something it waited for is due.
    Due(Seat),
}

/// How far a market may go on by itself.
struct Limits {
    /// Whether nothing of ours is in it.
    is_alone: bool,
    /// The last time at which it is still the next of all markets.
    leads_until: i64,
    /// We are not woken before.
    wake: i64,
    /// Its last message is not later.
    stop: i64,
    /// The shortest way from a venue back to us, ns.
    least_response: i64,
}

impl Limits {
    /// When we can be woken at the earliest after a message at `now` that is followed by one at `next`.
    #[inline]
    fn woken(&self, now: i64, next: i64, touched: bool) -> i64 {
        if self.is_alone {
            return self.wake;
        }
        let happens = if touched { now } else { next.min(self.leads_until) };
        self.wake.min(happens.saturating_add(self.least_response))
    }
}

/// A backtest in progress.
pub struct Replay {
    sessions: Sessions,
    venue: Venue,
    lanes: Vec<Lane>,
    /// Venue time of each market's next message.
    heads: Heads,
    /// Visible time of the next message of each followed market.
    followed: Heads,
    /// Markets nobody follows of which something is on its way: no later than when it reaches us.
    awaited: BinaryHeap<Reverse<(i64, MarketId)>>,
    /// Instruments that will come or go and when, the next one last.
    listings: Vec<(i64, Listing)>,
    /// The shortest way from a venue back to us, ns.
    least_response: i64,
    config: RunConfig,
    next_sample: i64,
    /// Venue time of the first message.
    start: i64,
    /// Venue time of the last message.
    latest: i64,
    /// Visible time of the last message seen.
    end: i64,
    polls: u32,
}

impl Replay {
    /// A run over these markets with these strategies.
    ///
    /// # Errors
    /// [`RunError::Settings`] for settings that fail their check, [`RunError::Money`] when an instrument's
    /// increments are beyond any arithmetic.
    pub fn new(
        config: RunConfig,
        markets: Vec<MarketSetup>,
        strategies: Vec<StrategySetup>,
    ) -> Result<Self, RunError> {
        Self::of(config, markets, vec![strategies], Venue::new())
    }

    /// A run of each of these strategies over one pass of the data: each is alone with the market, whatever the accounts
    /// of a venue are to each other, and leaves behind what a run of its own would, digest included. Only that a strategy
    /// that fails while others go on is marked to the end of the data, and candles of several markets may stand in another
    /// order.
    ///
    /// # Errors
    /// See [`Replay::new`].
    pub fn apart(
        config: RunConfig,
        mut markets: Vec<MarketSetup>,
        strategies: Vec<StrategySetup>,
    ) -> Result<Self, RunError> {
        for market in &mut markets {
            market.settings.matching.accounts = Accounts::Isolated;
        }
        let groups = strategies.into_iter().map(|strategy| vec![strategy]).collect();
        Self::of(config, markets, groups, Venue::apart())
    }

    fn of(
        config: RunConfig,
        markets: Vec<MarketSetup>,
        groups: Vec<Vec<StrategySetup>>,
        mut venue: Venue,
    ) -> Result<Self, RunError> {
        let leads = clock_leads(&markets);
        let mut specs = Vec::with_capacity(markets.len());
        let mut lanes = Vec::with_capacity(markets.len());
        let mut listings = Vec::new();
        for (index, (setup, lead)) in markets.into_iter().zip(leads).enumerate() {
            let MarketSetup { instrument, settings, source, has_book, .. } = setup;
            settings
                .check()
                .map_err(|error| RunError::Settings { instrument: instrument.id.to_string(), error })?;
            let random = Random::new(config.seed, 1_000 + index as u64);
            let basis = settings.basis.resolve(has_book);
            let market =
                Market::new(Arc::clone(&instrument), basis, settings.queue, settings.matching, random)?;
            lanes.push(Lane::new(source, FeedClock::new(lead, settings.latency.feed.clone())));
            let id = venue.add(market, settings.latency);
            for (at, is_listed) in [(instrument.listing, true), (instrument.kind.expiry(), false)] {
                if let Some(at) = at {
                    venue.list_at(id, at, is_listed);
                    listings.push((at, Listing { market: id, is_listed }));
                }
            }
            specs.push(MarketSpec { instrument, basis });
        }
        listings.sort_unstable_by_key(|(at, listing)| Reverse((*at, listing.market, listing.is_listed)));
        let kernel_config = KernelConfig {
            session: config.session.clone(),
            on_error: config.on_error,
            candle_ns: config.candle_ns,
            keeps_journal: config.keeps_journal,
        };
        let sessions = Sessions::new(&kernel_config, &specs, groups, config.sample_ns)?;
        Ok(Self {
            heads: Heads::new(lanes.len()),
            followed: Heads::new(lanes.len()),
            awaited: BinaryHeap::new(),
            listings,
            least_response: venue.least_response(),
            sessions,
            venue,
            lanes,
            config,
            next_sample: i64::MAX,
            start: i64::MIN,
            latest: i64::MIN,
            end: i64::MIN,
            polls: 0,
        })
    }

    /// The kernel, for what the run left behind; the first strategy's if each has its own.
    pub fn kernel(&mut self) -> &mut Kernel {
        self.kernel_of(StrategyId::new(0))
    }

    /// The kernel a strategy is in, for what it left behind.
    pub fn kernel_of(&mut self, strategy: StrategyId) -> &mut Kernel {
        self.sessions.kernel(self.sessions.seat_of(strategy))
    }

    /// The venue's side of a market.
    pub fn market(&self, market: MarketId) -> &Market {
        self.venue.market(market)
    }

    /// How far the clock of a market's venue is taken to run ahead of ours, ns.
    pub fn clock_lead_ns(&self, market: MarketId) -> i64 {
        self.lanes[market.index()].venue_lead_ns()
    }

    /// Event rows passed so far.
    pub fn rows(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.cursor.passed()).sum()
    }

    /// Venue time of the first message and visible time of the last, ns; `None` without data.
    pub fn span(&self) -> Option<(i64, i64)> {
        (self.end > i64::MIN).then_some((self.start, self.end))
    }

    /// Totals by settlement currency, valid after [`Replay::run`]; the first strategy's if each is apart.
    pub fn totals(&self) -> &[CurrencyTotals] {
        self.totals_of(StrategyId::new(0))
    }

    /// Totals of the kernel a strategy is in.
    pub fn totals_of(&self, strategy: StrategyId) -> &[CurrencyTotals] {
        self.sessions.totals(self.sessions.seat_of(strategy))
    }

    /// Runs to the end of the data and returns how it ended and the digest, the first strategy's if each is apart.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&mut self, monitor: &mut dyn Monitor) -> Result<(RunEnd, String), RunError> {
        let (end, digests) = self.run_all(monitor)?;
        Ok((end, digests.into_iter().next().unwrap_or_default()))
    }

    /// Runs to the end of the data and returns how it ended and the digests, one if the strategies share a kernel.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run_all(&mut self, monitor: &mut dyn Monitor) -> Result<(RunEnd, Vec<String>), RunError> {
        let ran = ending(self.run_inner(monitor))?;
        self.sessions.close(self.end, &self.venue)?;
        let digests = self.sessions.finish();
        let spilled = ending(self.spill(monitor))?;
        let end = if spilled == RunEnd::Finished { ran } else { spilled };
        Ok((end, digests))
    }

    fn run_inner(&mut self, monitor: &mut dyn Monitor) -> Result<(), RunError> {
        for market in 0..self.lanes.len() {
            self.load(MarketId::new(market))?;
        }
        let Some((_, first)) = self.heads.first() else {
            return Ok(());
        };
        self.start = first;
        self.next_sample = first.saturating_add(self.config.sample_ns);
        self.follow();
        while self.listings.last().is_some_and(|(at, _)| *at <= first) {
            self.change_listing(first)?;
        }
        for seat in self.sessions.seats() {
            self.tell(seat, first, Input::Control(&Control::Start))?;
        }
        loop {
            let wake = self.next_wake();
            let arrival = self.venue.next_due();
            let horizon = earliest(wake.map(|(at, _)| at), arrival);
            if !self.advance(horizon.unwrap_or(i64::MAX), monitor)? {
                continue;
            }
            // The venue is past the horizon, or out of data.
            let Some(horizon) = horizon.filter(|at| self.heads.first().is_some() || *at <= self.end) else {
                break;
            };
            match wake {
                Some((at, wake)) if arrival.is_none_or(|arrival| arrival > horizon) => self.wake(at, wake)?,
                _ => self.venue.advance(horizon)?,
            }
            if self.sessions.are_over() {
                break;
            }
            self.poll(monitor)?;
        }
        self.finish()
    }

    /// What the venue decided before the data ended is still known to us in the end. Nothing sent after it reaches
    /// the venue any more.
    fn finish(&mut self) -> Result<(), RunError> {
        self.know(self.end.saturating_add(1), self.end.saturating_add(1), MarketId::new(0))?;
        while let Some((at, account, report)) = self.venue.receive(i64::MAX) {
            self.sessions.handle(self.sessions.owner(account), at, Input::Report(&report))?;
        }
        for seat in self.sessions.seats() {
            self.sessions.handle(seat, self.end, Input::Control(&Control::Stop))?;
            let kernel = self.sessions.kernel(seat);
            let (now, late) = (kernel.now_ns(), kernel.drain().collect::<Vec<Outgoing>>());
            for outgoing in late {
                let refused = outgoing.command.get().refused(Reason::RunEnded, now);
                kernel.handle(now, Input::Report(&refused))?;
            }
            if let Some(due) = kernel.next_due() {
                kernel.handle(due, Input::Due)?;
            }
        }
        Ok(())
    }

    /// What the kernel does next, and when.
    #[inline]
    fn next_wake(&self) -> Option<(i64, Wake)> {
        let report = self.venue.next_report().map(|at| (at, Wake::Report));
        let message = self.followed.first().map(|(market, at)| (at, Wake::Message(MarketId::new(market))));
        let listing = self.listings.last().map(|(at, listing)| (*at, Wake::Listing(listing.market)));
        let due = self.sessions.next_due().map(|(at, seat)| (at, Wake::Due(seat)));
        earliest(earliest(report, message), earliest(listing, due))
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
            let market = MarketId::new(market);
            let limits = self.limits(market, horizon);
            loop {
                let touched = self.pass(market, &limits)?;
                self.poll(monitor)?;
                if touched {
                    return Ok(false);
                }
                if self.lanes[market.index()].next_venue().is_none_or(|next| next > limits.stop) {
                    break;
                }
            }
        }
        let until = horizon.min(self.latest.saturating_sub(1));
        if self.next_sample <= until {
            self.sample_until(until)?;
        }
        Ok(true)
    }

    /// How far a market may go on by itself when we are not woken before `horizon`, or what comes of orders.
    ///
    /// A market with orders of ours goes on as long as it is the next one. One without concerns no other: it goes on
    /// until something could come of the others. One in which nothing was ever held is not sampled either.
    fn limits(&self, market: MarketId, horizon: i64) -> Limits {
        let is_alone = self.venue.market(market).is_untouched();
        let leads_until = self.heads.leads_until(market.index());
        let wake = if is_alone && self.sessions.have_open_orders() {
            horizon.min(leads_until.saturating_add(self.least_response))
        } else {
            horizon
        };
        let stop = if is_alone { wake } else { wake.min(leads_until) };
        let is_sampled = !is_alone || self.sessions.have_traded(market);
        Limits {
            is_alone,
            leads_until,
            wake,
            stop: if is_sampled { stop.min(self.next_sample) } else { stop },
            least_response: self.least_response,
        }
    }

    /// Takes the messages of a market that have been looked at, within its limits. Returns whether own orders were
    /// touched.
    fn pass(&mut self, market: MarketId, limits: &Limits) -> Result<bool, RunError> {
        let lane = &mut self.lanes[market.index()];
        let Some((chunk, first)) = lane.cursor.front() else {
            return Ok(false);
        };
        let (columns, end, passed) = (chunk.view(), chunk.end(), lane.cursor.passed());
        let (mut row, mut now, mut touched) = (first, self.end, false);
        let (mut taken, mut ahead) = (0, 0);
        while let Some(&Upcoming { stamp, to, only_levels }) = lane.upcoming.get(lane.at) {
            lane.at += 1;
            touched |=
                self.venue.on_message(market, &columns, Span { from: row, to, only_levels }, stamp.venue)?;
            (row, now) = (to, stamp.venue);
            let next = lane.upcoming.get(lane.at).map(|next| next.stamp);
            if ahead == 0 {
                (self.latest, self.end) = (self.latest.max(now), self.end.max(stamp.visible));
                taken += 1;
            }
            // Between messages that reach us before anything can wake us nobody can look.
            if lane.is_followed
                || next.is_none_or(|next| next.visible >= limits.woken(now, next.venue, touched))
            {
                let side = self.venue.market(market);
                let seen = Seen { touch: Touch::of(side.book()), twice_mid: side.twice_mid() };
                if !lane.is_followed && ahead == 0 {
                    lane.arrivals.forget_before(now);
                }
                let upto = passed + (row - first) as u64;
                lane.arrivals.push(Arrival { visible: stamp.visible, upto, seen, only_levels });
            }
            if touched || next.is_none() {
                break;
            }
            if next.is_some_and(|next| next.venue > limits.stop) {
                // The last one is kept: with it all that was looked at would be gone, and there were no way back.
                let may = limits.is_alone && !lane.has_orders && taken < FEW && ahead < AHEAD;
                if !may || lane.at + 1 == lane.upcoming.len() {
                    break;
                }
                ahead += 1;
            }
        }
        lane.cursor.advance_to(row);
        if !lane.is_followed
            && !lane.is_awaited
            && let Some(at) = lane.arrivals.next()
        {
            lane.is_awaited = true;
            self.awaited.push(Reverse((at, market)));
        }
        if row == end {
            self.let_go(market, now)?;
        }
        match self.lanes[market.index()].next_venue() {
            Some(next) => self.heads.set(market.index(), Some(next)),
            None => self.load(market)?,
        }
        Ok(touched)
    }

    /// At the end of a chunk: a view that is far behind need not keep it.
    fn let_go(&mut self, market: MarketId, now: i64) -> Result<(), RunError> {
        let lane = &mut self.lanes[market.index()];
        if lane.is_ended() {
            return Ok(());
        }
        if !lane.is_followed
            && let Some(arrival) = lane.arrivals.take_before(now)
        {
            self.sessions.know_at_once(market, arrival)?;
        }
        self.sessions.supply_checkpoint(market, lane.cursor.passed(), self.venue.book(market))?;
        Ok(())
    }

    /// Makes the next message of a market known, reading more data if needed.
    fn load(&mut self, market: MarketId) -> Result<(), RunError> {
        let (sessions, mut supplied) = (&mut self.sessions, Ok(()));
        let loaded =
            self.lanes[market.index()].load(|chunk| supplied = sessions.supply_chunk(market, &chunk));
        supplied?;
        let name = || self.venue.market(market).instrument().id.to_string();
        let head = match loaded {
            Ok(head) => head,
            Err(LaneError::Source(HookError::Interrupted)) => return Err(KernelError::Interrupted.into()),
            Err(LaneError::Source(HookError::Failed(message))) => {
                return Err(RunError::Source { instrument: name(), message });
            }
            Err(LaneError::Columns(rows, error)) => {
                return Err(RunError::Columns { instrument: name(), rows, error });
            }
        };
        self.heads.set(market.index(), head);
        Ok(())
    }

    /// Lets the kernel do what is due at `now`.
    fn wake(&mut self, now: i64, wake: Wake) -> Result<(), RunError> {
        match wake {
            Wake::Report => {
                self.know(now, now, MarketId::new(0))?;
                if let Some((at, account, report)) = self.venue.receive(now) {
                    self.tell(self.sessions.owner(account), at, Input::Report(&report))?;
                }
            }
            Wake::Message(market) => {
                self.know(now, now.saturating_add(1), market)?;
                let lane = &mut self.lanes[market.index()];
                if let Some(arrival) = lane.arrivals.pop() {
                    self.followed.set(market.index(), lane.next_visible());
                    self.deliver(market, arrival)?;
                }
            }
            Wake::Listing(_) => {
                let all = now.saturating_add(1);
                self.know(all, all, MarketId::new(0))?;
                self.change_listing(now)?;
            }
            Wake::Due(seat) => {
                let all = now.saturating_add(1);
                self.know(all, all, MarketId::new(0))?;
                self.tell(seat, now, Input::Due)?;
            }
        }
        Ok(())
    }

    /// Tells of the next instrument that comes or goes, at `now`.
    fn change_listing(&mut self, now: i64) -> Result<(), RunError> {
        if let Some((_, listing)) = self.listings.pop() {
            for seat in self.sessions.seats() {
                self.tell(seat, now, Input::Listing(&listing))?;
            }
        }
        Ok(())
    }

    /// Delivers a message to those who follow its market.
    #[inline]
    fn deliver(&mut self, market: MarketId, arrival: Arrival) -> Result<(), RunError> {
        if let Some(only) = self.sessions.only() {
            return self.tell(only, arrival.visible, Input::Message { market, rows: arrival.alone() });
        }
        for seat in self.sessions.deliver(market, arrival) {
            self.tell(seat, arrival.visible, Input::Message { market, rows: arrival.alone() })?;
        }
        Ok(())
    }

    /// Tells the kernel what it knows of markets nobody follows: all that reaches us before `limit`, or, in markets
    /// before `first`, before `limit_of_those`.
    #[inline]
    fn know(&mut self, limit: i64, limit_of_those: i64, first: MarketId) -> Result<(), RunError> {
        match self.awaited.peek() {
            Some(Reverse((at, market))) if *at < if *market < first { limit_of_those } else { limit } => {
                self.know_awaited(limit, limit_of_those, first)
            }
            _ => Ok(()),
        }
    }

    fn know_awaited(&mut self, limit: i64, limit_of_those: i64, first: MarketId) -> Result<(), RunError> {
        while let Some(mut next) = self.awaited.peek_mut() {
            let Reverse((at, market)) = *next;
            let limit = if market < first { limit_of_those } else { limit };
            if at >= limit {
                // Of one instant the markets before `first` come first in the heap.
                break;
            }
            let lane = &mut self.lanes[market.index()];
            let known = if lane.is_followed { None } else { lane.arrivals.take_before(limit) };
            match lane.arrivals.next().filter(|_| !lane.is_followed) {
                Some(at) => *next = Reverse((at, market)),
                None => {
                    lane.is_awaited = false;
                    PeekMut::pop(next);
                }
            }
            if let Some(arrival) = known {
                self.sessions.know(market, arrival)?;
            }
        }
        Ok(())
    }

    /// Hands a kernel an input and sends what its strategies ask for on its way.
    #[inline]
    fn tell(&mut self, seat: Seat, at: i64, input: Input<'_>) -> Result<(), RunError> {
        let told = self.sessions.handle(seat, at, input);
        let mut first = Vec::new();
        let accounts = self.sessions.accounts(seat);
        for Outgoing { at, account, command, .. } in self.sessions.kernel(seat).drain() {
            let market = command.get().market();
            if !std::mem::replace(&mut self.lanes[market.index()].has_orders, true) {
                first.push((market, at));
            }
            self.venue.on_command(accounts.unwrap_or(account), command, at);
        }
        for (market, at) in first {
            self.go_back(seat, market, at)?;
        }
        if self.sessions.has_changed_topics(seat) {
            self.follow();
        }
        Ok(told?)
    }

    /// Takes a market back to `now`, at its first order. Its book is made again of what whoever sent it knows, and what
    /// has happened since.
    #[cold]
    fn go_back(&mut self, seat: Seat, market: MarketId, now: i64) -> Result<(), RunError> {
        let lane = &mut self.lanes[market.index()];
        let Some(upto) = lane.go_back(now) else { return Ok(()) };
        let Known { book, twice_mid, mut cursor } = self.sessions.kernel(seat).known(market);
        self.venue.restart(market, book, twice_mid);
        let mut taken = Ok(false);
        cursor.read_until(upto, |view, from, to| {
            for rows in view.messages(from, to) {
                if taken.is_ok() {
                    taken = self.venue.on_message(market, view, rows, now);
                }
            }
        });
        taken?;
        lane.cursor = cursor;
        self.heads.set(market.index(), lane.next_venue());
        self.followed.set(market.index(), lane.next_visible().filter(|_| lane.is_followed));
        Ok(())
    }

    /// Delivers messages of the markets that are followed now, one by one.
    fn follow(&mut self) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let market = MarketId::new(index);
            lane.is_followed = self.sessions.is_followed(market);
            let next = lane.next_visible();
            self.followed.set(index, next.filter(|_| lane.is_followed));
            if !lane.is_followed && !lane.is_awaited && lane.arrivals.next().is_some() {
                lane.is_awaited = true;
                self.awaited.extend(next.map(|at| Reverse((at, market))));
            }
        }
    }

    /// Takes the samples that are due by `until`. Nothing changes between them, so the first and the last tell all.
    fn sample_until(&mut self, until: i64) -> Result<(), RunError> {
        let (first, every) = (self.next_sample, self.config.sample_ns);
        let last = until - (until.abs_diff(first) % every.unsigned_abs()) as i64;
        self.sessions.sample(first, &self.venue)?;
        if last > first {
            self.sessions.sample(last, &self.venue)?;
        }
        self.next_sample = last.saturating_add(every);
        Ok(())
    }

    fn poll(&mut self, monitor: &mut dyn Monitor) -> Result<(), RunError> {
        self.polls += 1;
        if self.polls < POLL_EVERY {
            return Ok(());
        }
        self.polls = 0;
        let progress = Progress { rows: self.rows(), now_ns: self.sessions.now_ns() };
        if !monitor.poll(progress) {
            return Err(KernelError::Interrupted.into());
        }
        self.spill(monitor)
    }

    fn spill(&mut self, monitor: &mut dyn Monitor) -> Result<(), RunError> {
        self.sessions.records().try_for_each(|record| monitor.spill(record)).map_err(|error| match error {
            HookError::Interrupted => KernelError::Interrupted.into(),
            HookError::Failed(message) => RunError::Spill(message),
        })
    }
}

/// An interrupted run and one whose strategy failed end early, with what was done; any other error fails it.
fn ending(outcome: Result<(), RunError>) -> Result<RunEnd, RunError> {
    match outcome {
        Ok(()) => Ok(RunEnd::Finished),
        Err(RunError::Kernel(KernelError::Interrupted)) => Ok(RunEnd::Interrupted),
        Err(RunError::Kernel(KernelError::StrategyFailed { .. })) => Ok(RunEnd::Failed),
        Err(error) => Err(error),
    }
}

fn earliest<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
