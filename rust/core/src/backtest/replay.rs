//! A backtest: recorded data through the simulated venue and the kernel, on one timeline.
//!
//! The timeline is the strategy's clock. A message acts at the venue at its venue time and reaches the strategies
//! at its visible time (see [`crate::sim::FeedClock`]); a command acts at the venue one entry latency after it
//! was sent; what comes of it is known one response latency later. At one nanosecond the venue goes first
//! (messages, then instruments that come and go, then funding, then commands in order of sending), then the kernel, one input at a time:
//! reports, messages by market, instruments that come and go, timers, signals. The run ends with the last visible message; what the
//! venue had already decided by then is still booked.
//!
//! Messages of a market that somebody follows are delivered one by one. Of the others the kernel is told, before
//! it is woken, how many rows it knows by then ([`Input::Known`]).
//!
//! An instrument is listed from its listing, or the start of the run, until its expiry, if its kind has one, on the run's clock. Its
//! data may go on; its orders do not, and positions in it are settled.
//!
//! Equity is sampled at a fixed interval; of equal samples in a row the first and the last are kept. A strategy whose
//! positions cannot be counted at their mark fails right after the kernel is next woken; from then on they count at cost.
//!
//! Strategies share a kernel, or each is alone with the market in a kernel of its own: many runs over one pass of the data
//! (see [`Replay::apart`]).

mod delivery;
mod passing;
mod told;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::lane::Lane;
use super::models::{ModelSetup, Models};
use super::reporting::Reporting;
use super::run::{Monitor, Progress, RunConfig, RunEnd, RunError, ending};
use super::sessions::{Seat, Sessions};
use super::setup::{MarketSetup, clock_steps};
use crate::book::{FillBasis, MarketChunks};
use crate::event::{Heads, StampRules};
use crate::kernel::{
    Control, HookError, Input, Kernel, KernelConfig, KernelError, Listing, MarketSpec, StrategySetup,
};
use crate::ledger::Payment;
use crate::orders::Reason;
use crate::random::Random;
use crate::sim::{
    Accounts, Added, ClockLead, FeedClock, FillRule, ModelFailure, Notice, QueueModel, QueueRule, Uncross,
    Venue, VenueBuilder, WrongStampRule,
};
use crate::types::{MarketId, StrategyId};

/// Runs beside each other in one with bounds.
const BOUNDS: usize = 3;
/// The monitor is asked after this many messages or wake-ups.
const POLL_EVERY: u32 = 1 << 13;

/// What is drawn for the feed of the first market; of the next ones it follows.
const FEED_STREAM: u64 = 2 << 32;
/// What is drawn for how long the first model takes.
const MODEL_STREAM: u64 = 3 << 32;

/// What the kernel does next, at one time in this order.
#[derive(Debug, Clone, Copy)]
enum Wake {
    /// A report reaches it.
    Report,
    /// A message of a followed market does.
    Message(MarketId),
    /// An instrument comes or goes.
    Listing,
    /// Something it waited for is due.
    Due(Seat),
    /// A model answers.
    Signal,
}

/// Models of somebody else's.
#[derive(Default)]
struct Custom {
    are_there: bool,
    /// How feeds failed, until somebody has been told.
    feeds: Vec<ModelFailure>,
    /// What failed first, and whose it was.
    first: Option<(Seat, ModelFailure)>,
}

impl Custom {
    fn of(markets: &[MarketSetup]) -> Self {
        let are_there = markets.iter().any(|market| market.settings.has_custom());
        Self { are_there, ..Self::default() }
    }
}

/// A backtest in progress.
pub struct Replay {
    sessions: Sessions,
    venue: Venue,
    models: Models,
    lanes: Vec<Lane>,
    /// Of each market whether it has a book, and how fine it is where that is given.
    granularities: Vec<(bool, Option<i64>)>,
    /// How amounts become those of the one currency that is reported in.
    reporting: Option<Arc<Reporting>>,
    /// See [`Replay::bounded`].
    is_bounded: bool,
    /// Markets of which limits need to know the mid.
    banded: usize,
    /// Models of somebody else's.
    custom: Custom,
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
        Self::of(config, markets, vec![strategies], Venue::new(), false)
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
            Arc::make_mut(&mut market.settings).matching.accounts = Accounts::Isolated;
        }
        let groups = strategies.into_iter().map(|strategy| vec![strategy]).collect();
        Self::of(config, markets, groups, Venue::grouped(1), false)
    }

    /// A run of these strategies with the same twice more beside it, over one pass of the data: a third of them each, with
    /// accounts numbered through, fills as set, by what is surely a fill (tracked low, trades alone), and by what may be
    /// one (tracked high). What the first leaves behind is what a run of its own would.
    ///
    /// # Errors
    /// See [`Replay::new`].
    pub fn bounded(
        config: RunConfig,
        markets: Vec<MarketSetup>,
        mut strategies: Vec<StrategySetup>,
    ) -> Result<Self, RunError> {
        let each = strategies.len() / BOUNDS;
        let high = strategies.split_off(2 * each);
        let low = strategies.split_off(each);
        Self::of(config, markets, vec![strategies, low, high], Venue::grouped(each), true)
    }

    #[allow(clippy::too_many_lines, reason = "all that a run is made of")]
    fn of(
        config: RunConfig,
        markets: Vec<MarketSetup>,
        groups: Vec<Vec<StrategySetup>>,
        venue: Venue,
        is_bounded: bool,
    ) -> Result<Self, RunError> {
        let clocks = clock_steps(&markets);
        let mut specs = Vec::with_capacity(markets.len());
        let mut lanes = Vec::with_capacity(markets.len());
        let mut listings = Vec::new();
        let mut granularities = Vec::with_capacity(markets.len());
        let custom = Custom::of(&markets);
        let mut builder = VenueBuilder::new(venue.with_room(markets.len()), config.seed);
        for (index, (setup, steps)) in markets.into_iter().zip(clocks).enumerate() {
            let MarketSetup { instrument, settings, source, holds, is_sound, in_order, latencies } = setup;
            let filling = is_bounded.then(|| (groups[0].len(), bounds_of(settings.queue)));
            let Added { market: id, basis, is_awaited } =
                builder.add(&instrument, &settings, holds, filling)?;
            let uncrosses = settings.uncross == Uncross::DropOlder && basis == FillBasis::L2 && !is_sound;
            let feed = settings.latency.of(instrument.id.as_str()).feed;
            let stamps = StampRules {
                mends: settings.clock_lead == ClockLead::Auto,
                refuses: settings.wrong_stamps == WrongStampRule::Refuse,
            };
            let chunks = MarketChunks::new(uncrosses).with_stamps(&latencies, &steps, stamps);
            let clock = FeedClock::new(steps, feed, Random::new(config.seed, FEED_STREAM + index as u64));
            // What there is without a book is one stream.
            let in_order = in_order || !basis.has_book();
            let marks = settings.mark_source.resolve(holds);
            let mut lane = Lane::new(source, clock, basis, marks, chunks, in_order, settings.stale_ns);
            if is_bounded || settings.queue.is_tracked() {
                lane.keep_past();
            }
            granularities.push((basis == FillBasis::L2, settings.granularity));
            if is_awaited {
                // Which messages came lately, and what is paid.
                lane.stay();
            }
            lanes.push(lane);
            for (at, is_listed) in [(instrument.listing, true), (instrument.kind.expiry(), false)] {
                if let Some(at) = at {
                    listings.push((at, Listing { market: id, is_listed }));
                }
            }
            specs.push(MarketSpec { instrument, basis, marks });
        }
        let venue = builder.open()?;
        listings.sort_unstable_by_key(|(at, listing)| Reverse((*at, listing.market, listing.is_listed)));
        let kernel_config = KernelConfig {
            session: config.session.clone(),
            on_error: config.on_error,
            cost_basis: config.cost_basis,
            checks: config.checks,
            candle_ns: config.candle_ns,
            keeps_journal: config.keeps_journal,
            risk: config.risk.clone(),
        };
        let mut sessions = Sessions::new(&kernel_config, &specs, groups, config.sample_ns, is_bounded)?;
        let reporting = report_in(&config, &specs, &mut lanes, &mut sessions)?;
        Ok(Self {
            heads: Heads::new(lanes.len()),
            followed: Heads::new(lanes.len()),
            awaited: BinaryHeap::new(),
            listings,
            least_response: venue.least_response(),
            sessions,
            venue,
            models: Models::default(),
            lanes,
            granularities,
            reporting,
            is_bounded,
            banded: 0,
            custom,
            config,
            next_sample: i64::MAX,
            start: i64::MIN,
            latest: i64::MIN,
            end: i64::MIN,
            polls: 0,
        })
    }

    /// Gives strategies their models, one each or none, in the order of the strategies.
    pub fn set_models(&mut self, models: Vec<Option<ModelSetup>>) {
        self.models = Models::new(models, |at| Random::new(self.config.seed, MODEL_STREAM + at as u64));
    }

    /// The kernel, for what the run left behind; the first strategy's if each has its own.
    pub fn kernel(&mut self) -> &mut Kernel {
        self.kernel_of(StrategyId::new(0))
    }

    /// The kernel a strategy is in, for what it left behind.
    pub fn kernel_of(&mut self, strategy: StrategyId) -> &mut Kernel {
        self.sessions.kernel(self.sessions.seat_of(strategy))
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
        self.sessions.close(self.last_known(), &self.venue)?;
        let counted = ending(self.fail_uncounted(self.end))?;
        let digests = self.sessions.finish();
        let spilled = ending(self.spill(monitor))?;
        let end = [spilled, ran, counted].into_iter().find(|end| *end != RunEnd::Finished);
        Ok((end.unwrap_or(RunEnd::Finished), digests))
    }

    /// When the run is over: with its last message, or later, where it ended early and was sampled since.
    fn last_known(&self) -> i64 {
        let sampled = self.next_sample.saturating_sub(self.config.sample_ns);
        if self.end == i64::MIN { self.end } else { self.end.max(sampled) }
    }

    fn run_inner(&mut self, monitor: &mut dyn Monitor) -> Result<(), RunError> {
        for market in (0..self.lanes.len()).map(MarketId::new) {
            // What is brought in order is looked at as it was received, before.
            let is_in_order = self.lanes[market.index()].is_in_order();
            if is_in_order {
                self.load(market)?;
            }
            self.tell_granularity(market)?;
            if !is_in_order {
                self.load(market)?;
            }
        }
        let Some((_, first)) = self.heads.first() else {
            return Ok(());
        };
        self.start = first;
        self.next_sample = first.saturating_add(self.config.sample_ns);
        self.venue.begin(first);
        self.follow_all();
        while self.listings.last().is_some_and(|(at, _)| *at <= first) {
            self.change_listing(first)?;
        }
        for seat in self.sessions.seats() {
            self.sessions.handle(seat, first, Input::Control(&Control::CarryRefusals))?;
            self.tell(seat, first, Input::Control(&Control::Start))?;
        }
        // What the kernel does next, where nothing has happened since that was asked.
        let mut next = None;
        loop {
            let wake = match next.take() {
                Some(wake) => wake,
                None => {
                    self.fail_models()?;
                    self.next_wake()
                }
            };
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
                Some((at, wake)) if arrival.is_none_or(|arrival| arrival > horizon) => {
                    next = Some(self.wake_all(at, wake)?);
                }
                _ => {
                    self.venue.advance(horizon);
                    let lanes = &self.lanes;
                    self.venue.look_back(|market, basis, side, price| {
                        lanes[market.index()].told_of(basis, side, price)
                    });
                }
            }
            if self.sessions.are_over() {
                // Markets may have run ahead, as far as their data was cut.
                self.end = horizon;
                break;
            }
            self.poll(monitor)?;
        }
        self.fail_models()?;
        self.finish()
    }

    /// What the venue decided before the data ended is still known to us in the end. Nothing sent after it reaches
    /// the venue any more.
    fn finish(&mut self) -> Result<(), RunError> {
        self.know((self.end.saturating_add(1), MarketId::new(0)))?;
        self.fail_uncounted(self.end)?;
        self.venue.end(self.end);
        while let Some((at, told)) = self.venue.receive(i64::MAX) {
            match told {
                Notice::Report(account, _, report) => {
                    self.sessions.handle(self.sessions.owner(account), at, Input::Report(&report))?;
                }
                Notice::Payment(payment) => {
                    let (seat, payment) = self.payee(payment);
                    self.sessions.handle(seat, at, Input::Payment(&payment))?;
                }
            }
        }
        for seat in self.sessions.seats() {
            self.sessions.handle(seat, self.end, Input::Control(&Control::Stop))?;
            let kernel = self.sessions.kernel(seat);
            let (now, refusals) = (kernel.now_ns(), kernel.refusals());
            let late = kernel.drain().map(|outgoing| outgoing.command.get().refused(Reason::RunEnded, now));
            let refused = refusals.iter().map(|refusal| refusal.command.refused(refusal.reason, now));
            for report in late.chain(refused).collect::<Vec<_>>() {
                kernel.handle(now, Input::Report(&report))?;
            }
        }
        Ok(())
    }

    /// What the kernel does next, and when.
    #[inline]
    fn next_wake(&self) -> Option<(i64, Wake)> {
        let report = self.venue.next_report().map(|at| (at, Wake::Report));
        let message = self.followed.first().map(|(market, at)| (at, Wake::Message(MarketId::new(market))));
        let listing = self.listings.last().map(|(at, _)| (*at, Wake::Listing));
        let due = self.sessions.next_due().map(|(at, seat)| (at, Wake::Due(seat)));
        let signal = self.models.next().map(|at| (at, Wake::Signal));
        let mut next = report;
        for other in [message, listing, due, signal] {
            // At one time they come in this order.
            if let Some((at, _)) = other
                && next.is_none_or(|(first, _)| at < first)
            {
                next = other;
            }
        }
        next
    }

    /// Lets the kernel do what is due at `now`, one thing after the other as long as nothing acts at the venue before.
    /// Returns what is next.
    fn wake_all(&mut self, now: i64, first: Wake) -> Result<Option<(i64, Wake)>, RunError> {
        self.wake(now, first)?;
        loop {
            self.fail_models()?;
            let next = self.next_wake();
            match next {
                Some((at, wake))
                    if at <= now
                        && !self.sessions.are_over()
                        && self.venue.next_due().is_none_or(|due| due > now)
                        && self.heads.first().is_none_or(|(_, time)| time > now) =>
                {
                    self.wake(at, wake)?;
                }
                _ => return Ok(next),
            }
        }
    }

    /// Lets the kernel do what is due next, at `now`.
    fn wake(&mut self, now: i64, wake: Wake) -> Result<(), RunError> {
        match wake {
            Wake::Report => {
                self.know((now, MarketId::new(0)))?;
                match self.venue.receive(now) {
                    Some((at, Notice::Report(account, _, report))) => {
                        self.tell(self.sessions.owner(account), at, Input::Report(&report))?;
                    }
                    Some((at, Notice::Payment(payment))) => {
                        let (seat, payment) = self.payee(payment);
                        self.tell(seat, at, Input::Payment(&payment))?;
                    }
                    None => {}
                }
            }
            Wake::Message(market) => {
                self.know((now, market))?;
                let lane = &mut self.lanes[market.index()];
                let arrival = lane.receive();
                self.followed.set(market.index(), lane.next_told());
                if let Some(arrival) = arrival {
                    self.deliver(market, arrival)?;
                }
            }
            Wake::Listing => {
                self.know((now.saturating_add(1), MarketId::new(0)))?;
                self.change_listing(now)?;
            }
            Wake::Due(seat) => {
                self.know((now.saturating_add(1), MarketId::new(0)))?;
                self.tell(seat, now, Input::Due)?;
            }
            Wake::Signal => {
                self.know((now.saturating_add(1), MarketId::new(0)))?;
                if let Some((seat, answer)) = self.models.pop() {
                    self.tell(seat, now, Input::Signal(&answer))?;
                }
            }
        }
        self.fail_uncounted(now)
    }

    /// Whose a payment is, with the account as its kernel knows it.
    fn payee(&self, payment: Payment) -> (Seat, Payment) {
        let seat = self.sessions.owner(payment.account);
        (seat, Payment { account: self.sessions.account_in(seat, payment.account), ..payment })
    }

    /// Fails the strategies whose account could not be counted when it was last sampled.
    #[inline]
    fn fail_uncounted(&mut self, now: i64) -> Result<(), RunError> {
        while let Some((seat, control)) = self.sessions.next_uncounted() {
            self.tell(seat, now, Input::Control(&control))?;
        }
        Ok(())
    }

    /// Fails the strategies that met a model of somebody else's which has failed.
    #[inline]
    fn fail_models(&mut self) -> Result<(), RunError> {
        if !self.custom.are_there {
            return Ok(());
        }
        for failure in std::mem::take(&mut self.custom.feeds) {
            for seat in self.sessions.seats() {
                self.fail_by_model(seat, &failure)?;
            }
        }
        while let Some((account, failure)) = self.venue.take_failure() {
            self.fail_by_model(self.sessions.owner(account), &failure)?;
        }
        Ok(())
    }

    /// Fails every strategy of a kernel.
    #[cold]
    fn fail_by_model(&mut self, seat: Seat, failure: &ModelFailure) -> Result<(), RunError> {
        if failure.error == HookError::Interrupted {
            return Err(KernelError::Interrupted.into());
        }
        self.custom.first.get_or_insert_with(|| (seat, failure.clone()));
        let kernel = self.sessions.kernel(seat);
        let (now, strategies) = (kernel.now_ns().max(self.start), kernel.strategies().count());
        let problem: Arc<str> = failure.to_string().into();
        for strategy in (0..strategies).map(StrategyId::new) {
            let control = Control::Fail { strategy, problem: Arc::clone(&problem) };
            self.tell(seat, now, Input::Control(&control))?;
        }
        Ok(())
    }

    /// How a model of somebody else's failed that the kernel of a strategy met, if it was the first to fail.
    pub fn model_failure(&self, strategy: StrategyId) -> Option<&ModelFailure> {
        let met = |(seat, _): &&(Seat, ModelFailure)| *seat == self.sessions.seat_of(strategy);
        self.custom.first.as_ref().filter(met).map(|(_, failure)| failure)
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
        // Of what runs beside a run for its bounds only the totals are wanted.
        let wanted = if self.is_bounded { 1 } else { usize::MAX };
        for (place, record) in self.sessions.records().enumerate() {
            if place >= wanted {
                record.clear();
                continue;
            }
            monitor.spill(record).map_err(|error| match error {
                HookError::Interrupted => KernelError::Interrupted.into(),
                HookError::Failed(message) => RunError::Spill(message),
            })?;
        }
        Ok(())
    }
}

/// Has a run reported in one currency, where that is asked for: the mids that convert are those of a sample's time, not of later.
fn report_in(
    config: &RunConfig,
    specs: &[MarketSpec],
    lanes: &mut [Lane],
    sessions: &mut Sessions,
) -> Result<Option<Arc<Reporting>>, RunError> {
    let Some(settings) = &config.reporting else { return Ok(None) };
    let instruments: Vec<_> = specs.iter().map(|spec| Arc::clone(&spec.instrument)).collect();
    let reporting = Arc::new(Reporting::new(settings, &instruments, sessions.currencies())?);
    reporting.markets().for_each(|market| lanes[market.index()].convert());
    sessions.report_in(&reporting, config.sample_ns);
    Ok(Some(reporting))
}

/// How orders fill in a run with bounds: as set, by what is surely a fill, by what may be one.
fn bounds_of(queue: QueueModel) -> Vec<FillRule> {
    let rule = |queue, reaches| FillRule { queue, reaches };
    vec![
        rule(queue, true),
        rule(QueueRule::TrackedLow.into(), false),
        rule(QueueRule::TrackedHigh.into(), true),
    ]
}

fn earliest<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
