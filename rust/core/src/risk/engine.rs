//! Limits at work: what each counts, who it is of, and whether the breaker has tripped.
//!
//! Every set of limits becomes a guard for what it is of: an account, what it has at a venue or in an instrument, a
//! strategy; and that apart for what is counted in different currencies. An order is held against all guards it falls
//! under (`review.rs`).
//!
//! To ask changes nothing. What was sent, filled, rejected and marked is told by whoever keeps orders and positions.

use std::cell::Cell;

use super::amount::BadLimit;
use super::check::{Check, Checks, Need, ONE, Scope, Units};
use super::guard::{Guard, Stop, Trip};
use super::limits::{Limit, Limits, OnTrip, RiskConfig};
use super::margin::MarketMargin;
use super::mids::{MidBand, Worth};
use crate::book::Touch;
use crate::types::{AccountId, Instrument, MONEY_SCALE, MarketId, Money, StrategyId};

/// The shortest cooldown, ns: what holds by itself is looked at again no sooner.
const SHORTEST: i64 = 1_000_000;

/// A market as limits need it.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// A quantity increment in units.
    pub(super) unit: Units,
    /// The settlement currency and the one of notionals: what is counted together has both.
    pub(super) currencies: (String, String),
    /// When something of it was known last, ns.
    pub(super) heard: Option<i64>,
    /// Its last trade, in price increments.
    pub(super) last: Option<i64>,
    /// The mid it was marked at last.
    pub(super) twice_mid: Option<i64>,
    /// Where the mid may be without anything to be done, and whether that is another one than whoever asks knows of.
    pub(super) band: MidBand,
    pub(super) is_redrawn: bool,
    /// How far our clock was ahead of the venue's at its last message, ns, where a limit asks.
    pub(super) ahead: Option<i64>,
    /// The initial margin it asks, or why nobody knows.
    pub(super) margin: Result<MarketMargin, BadLimit>,
}

/// All guards of a session.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) config: RiskConfig,
    pub(super) guards: Vec<Guard>,
    pub(super) markets: Vec<Facts>,
    /// What every strategy had made in every market when it last held nothing there.
    pub(super) flat_at: Vec<Vec<Money>>,
    /// When the features were taken that the newest signal of every strategy in every market was made of, ns.
    pub(super) signals: Vec<Vec<Option<i64>>>,
    /// What tripped, until somebody takes it.
    pub(super) tripped: Vec<Trip>,
    /// Markets in which something is held, rising.
    pub(super) held: Vec<usize>,
    /// Markets whose band has changed since somebody asked.
    pub(super) redrawn: Vec<MarketId>,
    /// Checks that any guard has a limit of.
    limited: Checks,
    needs: Need,
    /// Grows with every change of [`Engine::needs`].
    version: u64,
}

impl Engine {
    /// Guards for these strategies, each with its name and its account.
    ///
    /// # Errors
    /// [`BadLimit`] for limits that do not go together, or a market whose quantities are too fine to be limited.
    pub fn new<'a>(
        config: RiskConfig,
        instruments: impl Iterator<Item = &'a Instrument>,
        strategies: &[(String, AccountId)],
    ) -> Result<Self, BadLimit> {
        config.check()?;
        let (mut markets, mut places) = (Vec::new(), Vec::new());
        for instrument in instruments {
            let step = instrument.qty_increment.value();
            let unit = step.at_scale(MONEY_SCALE).ok_or_else(|| {
                let id = &instrument.id;
                BadLimit::new(
                    "risk",
                    format!("quantities of {id} are finer than 10^-12: no limit counts them"),
                )
            })?;
            let of_notional =
                if instrument.kind.is_inverse() { &instrument.quote } else { &instrument.settlement };
            markets.push(Facts {
                unit,
                currencies: (instrument.settlement.clone(), of_notional.clone()),
                heard: None,
                last: None,
                twice_mid: None,
                band: MidBand::NONE,
                is_redrawn: false,
                ahead: None,
                margin: config.margin_of(instrument),
            });
            places.push((instrument.id.to_string(), instrument.id.venue().to_owned()));
        }
        let mut groups: Vec<&(String, String)> = markets.iter().map(|facts| &facts.currencies).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut accounts: Vec<AccountId> = strategies.iter().map(|(_, account)| *account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let mut guards = Vec::new();
        for group in groups {
            let is_of = |at: usize| markets[at].currencies == *group;
            let mut guard = |scope,
                             name: &str,
                             limits: &Limits,
                             who: &dyn Fn(usize) -> bool,
                             at: &dyn Fn(usize) -> bool| {
                let strategies: Vec<bool> = (0..strategies.len()).map(who).collect();
                let markets: Vec<bool> = (0..markets.len()).map(|m| is_of(m) && at(m)).collect();
                if strategies.contains(&true) && markets.contains(&true) {
                    guards.push(Guard::new(scope, name.into(), limits.clone(), strategies, markets));
                }
            };
            for account in &accounts {
                let trades_on = |s: usize| strategies[s].1 == *account;
                if !config.account.is_empty() {
                    guard(Scope::Account, &account.index().to_string(), &config.account, &trades_on, &|_| {
                        true
                    });
                }
                for (name, limits) in &config.venues {
                    guard(Scope::Venue, name, limits, &trades_on, &|m| places[m].1 == *name);
                }
                for (name, limits) in &config.instruments {
                    guard(Scope::Instrument, name, limits, &trades_on, &|m| places[m].0 == *name);
                }
            }
            let none = Limits::default();
            for (at, (name, _)) in strategies.iter().enumerate() {
                let limits = config.strategies.get(name).unwrap_or(&none);
                guard(Scope::Strategy, name, limits, &|s| s == at, &|_| true);
            }
        }
        for guard in &guards {
            check_margins(&guard.limits, &guard.markets, &markets)
                .map_err(|BadLimit { field, problem }| BadLimit::new(format!("risk.{field}"), problem))?;
        }
        let mut engine = Self {
            flat_at: vec![vec![Money::ZERO; markets.len()]; strategies.len()],
            signals: vec![vec![None; markets.len()]; strategies.len()],
            config,
            guards,
            markets,
            tripped: Vec::new(),
            held: Vec::new(),
            redrawn: Vec::new(),
            limited: Checks::NONE,
            needs: Need::Nothing,
            version: 0,
        };
        engine.look();
        Ok(engine)
    }

    /// What the limits that are set have to see.
    pub(super) fn look(&mut self) {
        let sets = self.guards.iter().map(|guard| guard.limits.set_of());
        self.limited = sets.fold(Checks::NONE, Checks::with);
        let limited = Check::ALL.into_iter().filter(|check| self.limits_any(*check));
        let needs = limited.map(Check::needs).max().unwrap_or(Need::Nothing);
        self.version += u64::from(needs != self.needs);
        self.needs = needs;
        self.forget_bands();
    }

    /// Counts from here on what `made` says that every strategy has made in every market.
    pub fn begin(&mut self, made: impl Fn(StrategyId, MarketId) -> Money) {
        for (s, markets) in self.flat_at.iter_mut().enumerate() {
            for (m, since) in markets.iter_mut().enumerate() {
                *since = made(StrategyId::new(s), MarketId::new(m));
            }
        }
    }

    /// Has a strategy's own guards count what it makes, where they have no limit yet. Returns whether that is new to one:
    /// every market has to be told then, and after that that it [begins](Engine::begin_counting).
    pub fn counts_anew(&mut self, strategy: StrategyId) -> bool {
        self.own(strategy).fold(false, |is_new, guard| is_new | !std::mem::replace(&mut guard.counts, true))
    }

    /// What a strategy's own guards count of profit and loss counts from here on.
    pub fn begin_counting(&mut self, strategy: StrategyId) {
        self.own(strategy).for_each(|guard| (guard.peak, guard.day_equity) = (guard.equity, guard.equity));
    }

    fn own(&mut self, strategy: StrategyId) -> impl Iterator<Item = &mut Guard> {
        self.guards.iter_mut().filter(move |guard| guard.is_own(strategy))
    }

    /// Whether any guard has a limit of a check.
    #[inline]
    fn limits_any(&self, check: Check) -> bool {
        self.limited.has(check)
    }

    /// What was set.
    pub fn config(&self) -> &RiskConfig {
        &self.config
    }

    /// What it has to be told of every market.
    #[inline]
    pub fn needs(&self) -> Need {
        self.needs
    }

    /// Whether the last trade of every message has to be told.
    #[inline]
    pub fn needs_trades(&self) -> bool {
        self.limits_any(Check::CollarLastBps)
    }

    /// Whether the venue's stamp of every message has to be told.
    #[inline]
    pub fn needs_stamps(&self) -> bool {
        self.limits_any(Check::TripClockJump)
    }

    /// Grows with every change of [`Engine::needs`].
    #[inline]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A quantity of a market in units.
    #[inline]
    pub fn to_units(&self, market: MarketId, qty: i64) -> Units {
        let unit = self.markets[market.index()].unit;
        match i64::try_from(unit) {
            Ok(unit) => i128::from(qty) * i128::from(unit),
            Err(_) => i128::from(qty).saturating_mul(unit),
        }
    }

    /// A request has been sent.
    pub fn sent(&mut self, now: i64, strategy: StrategyId, market: MarketId, is_cancel: bool) {
        for guard in self.guards.iter_mut().filter(|guard| guard.covers(strategy, market)) {
            if let Some(limit) = guard.limits.get(Check::MaxMessageRate) {
                guard.messages.note(now, limit.window);
            }
            if !is_cancel && let Some(limit) = guard.limits.get(Check::MaxOrderRate) {
                guard.orders.note(now, limit.window);
            }
        }
    }

    /// An order has traded, for the first time or again. `made` is what its strategy has made in the market so far,
    /// after fees; the trip ends where nothing is held, or the other way round.
    pub fn filled(
        &mut self,
        now: i64,
        (strategy, market): (StrategyId, MarketId),
        is_first: bool,
        (before, after): (i64, i64),
        made: Money,
    ) {
        let ended = before != 0 && before.signum() != after.signum();
        let since = &mut self.flat_at[strategy.index()][market.index()];
        let result = if ended { made.units() - since.units() } else { 0 };
        if ended {
            *since = made;
        }
        let day_begins = self.config.day_begins;
        for guard in self.guards.iter_mut().filter(|guard| guard.covers(strategy, market)) {
            guard.roll(now, day_begins);
            guard.trades += u64::from(is_first);
            if result != 0 {
                guard.losses = if result < 0 { guard.losses + 1 } else { 0 };
            }
        }
    }

    /// A venue refused an order.
    pub fn rejected(&mut self, now: i64, strategy: StrategyId, market: MarketId) {
        for guard in self.guards.iter_mut().filter(|guard| guard.covers(strategy, market)) {
            if let Some(limit) = guard.limits.get(Check::TripRejectRate) {
                guard.rejects.note(now, limit.window);
            }
        }
        self.elapse(now);
    }

    /// How far a price may take beyond the best one, basis points in units, where that is limited.
    pub fn collar(&self, strategy: StrategyId, market: MarketId) -> Option<Units> {
        let guards = self.guards.iter().filter(|guard| guard.covers(strategy, market));
        guards.filter_map(|guard| guard.limits.get(Check::CollarTouchBps)).map(|limit| limit.value).min()
    }

    /// Something of a market is known.
    #[inline]
    pub fn heard(&mut self, now: i64, market: MarketId) {
        self.markets[market.index()].heard = Some(now);
    }

    /// The last trade of a market.
    #[inline]
    pub fn traded(&mut self, market: MarketId, price: i64) {
        self.markets[market.index()].last = Some(price);
    }

    /// A strategy has a new signal in a market, made of features that were taken at `ts`.
    pub fn signalled(&mut self, strategy: StrategyId, market: MarketId, ts: i64) {
        self.signals[strategy.index()][market.index()] = Some(ts);
    }

    /// A message of a market came at `at` of our clock, with the venue's stamp. A step of either clock shows in how far
    /// one is ahead of the other, as does a message that is late by as much.
    pub fn stamped(&mut self, at: i64, market: MarketId, ts_event: i64) {
        let ahead = at.saturating_sub(ts_event);
        let Some(before) = self.markets[market.index()].ahead.replace(ahead) else { return };
        let jump = i128::from(ahead.abs_diff(before)).saturating_mul(ONE);
        for index in 0..self.guards.len() {
            let guard = &mut self.guards[index];
            if let Some(limit) = guard.limits.get(Check::TripClockJump)
                && guard.markets[market.index()]
                && jump > limit.value
            {
                guard.sudden = Some((Check::TripClockJump, limit.value, jump));
                self.judge(index, at);
                self.guards[index].sudden = None;
            }
        }
    }

    /// A market is at these prices. Where the mid has moved, or something else `is_valued` anew, what `worth` says that every
    /// strategy has made there and holds is counted again. What trips is in [`Engine::take_trips`].
    pub fn mark(
        &mut self,
        now: i64,
        market: MarketId,
        touch: &Touch,
        twice_mid: Option<i64>,
        is_valued: bool,
        worth: impl Fn(StrategyId) -> Option<Worth>,
    ) {
        // A spread may widen around its mid.
        let looks = self.limits_any(Check::TripSilence) || self.limits_any(Check::TripSpreadBps);
        let Facts { twice_mid: before, band, .. } = self.markets[market.index()];
        let has_moved = twice_mid != before;
        if !has_moved && !is_valued && !looks {
            if band == MidBand::NONE {
                self.draw(now, market);
            }
            return;
        }
        if !is_valued && self.needs == Need::Mids && band.holds(twice_mid, now) {
            return self.shift(market, twice_mid);
        }
        self.markets[market.index()].twice_mid = twice_mid;
        // An account with one strategy has two guards that ask of the same.
        let last = Cell::new(None);
        let worth = |strategy| match last.get() {
            Some((asked, worth)) if asked == strategy => worth,
            _ => {
                let worth = worth(strategy);
                last.set(Some((strategy, worth)));
                worth
            }
        };
        for at in 0..self.guards.len() {
            let guard = &mut self.guards[at];
            if !guard.counts || !guard.markets[market.index()] {
                continue;
            }
            guard.roll(now, self.config.day_begins);
            if has_moved || is_valued {
                guard.value(market, worth);
            }
            guard.look(now, market, touch, twice_mid.filter(|_| has_moved));
            self.judge(at, now);
            self.guards[at].sudden = None;
        }
        if !self.tripped.is_empty() {
            // What has stopped or goes on may have other markets.
            self.forget_bands();
        }
        self.draw(now, market);
    }

    /// Time goes on to what [`Engine::next_due`] told.
    pub fn elapse(&mut self, now: i64) {
        let before = self.tripped.len();
        for at in 0..self.guards.len() {
            self.judge(at, now);
        }
        if self.tripped.len() > before {
            self.forget_bands();
        }
    }

    /// When something is to be done without anything that happens.
    #[inline]
    pub fn next_due(&self) -> Option<i64> {
        if !self.limits_any(Check::TripSilence) && !self.config.auto_resume {
            return None;
        }
        let mut next: Option<i64> = None;
        let mut sooner = |at: i64| next = Some(next.map_or(at, |other| other.min(at)));
        for guard in &self.guards {
            if guard.stop == Stop::None {
                if let Some(limit) = guard.limits.get(Check::TripSilence)
                    && self.config.on_trip != OnTrip::Refuse
                {
                    self.silences(guard).for_each(|heard| sooner(heard.saturating_add(length(limit))));
                }
            } else if self.config.auto_resume && guard.may_resume() {
                sooner(guard.until);
            }
        }
        next
    }

    /// The initial margin of a position of a value in a market; none where nobody knows, so that no limit counts it.
    pub(super) fn initial_margin(&self, market: MarketId, value: Units) -> Units {
        self.markets[market.index()].margin.as_ref().map_or(0, |margin| margin.initial(value.max(0)))
    }

    pub(super) fn silences<'a>(&'a self, guard: &'a Guard) -> impl Iterator<Item = i64> + 'a {
        self.markets
            .iter()
            .zip(&guard.markets)
            .filter(|(_, is_in)| **is_in)
            .filter_map(|(facts, _)| facts.heard)
    }

    /// Trips a guard that has reached a limit, or lets one go on.
    fn judge(&mut self, at: usize, now: i64) {
        let guard = &self.guards[at];
        let silent = guard.limits.get(Check::TripSilence).and_then(|limit| {
            let oldest = self.silences(guard).min()?;
            let value = i128::from(now.saturating_sub(oldest)).saturating_mul(ONE);
            (value >= limit.value).then_some((Check::TripSilence, limit.value, value))
        });
        let config = &self.config;
        let guard = &mut self.guards[at];
        guard.roll(now, config.day_begins);
        if guard.stop != Stop::None {
            if !config.auto_resume || !guard.may_resume() || now < guard.until {
                return;
            }
            // What holds by itself keeps it stopped.
            if silent.or_else(|| guard.reached(now, false)).is_some() {
                guard.until = now.saturating_add(config.cooldown.max(SHORTEST));
                return;
            }
            guard.resume(false);
            self.tripped.push(guard.trip(at, now, None, config.on_trip));
            return;
        }
        let Some(reached) = silent.or_else(|| guard.reached(now, true)) else { return };
        if config.on_trip == OnTrip::Refuse {
            return;
        }
        guard.stop = Stop::of(config.on_trip);
        guard.until = now.saturating_add(config.cooldown.max(SHORTEST));
        self.tripped.push(guard.trip(at, now, Some(reached), config.on_trip));
    }

    /// What has tripped or goes on since it was last asked.
    #[inline]
    pub fn take_trips(&mut self) -> Vec<Trip> {
        std::mem::take(&mut self.tripped)
    }

    /// Whether something has tripped or goes on.
    #[inline]
    pub fn has_trips(&self) -> bool {
        !self.tripped.is_empty()
    }

    /// Whose a guard is: every strategy and market that falls under it.
    pub fn members(&self, trip: &Trip) -> impl Iterator<Item = (StrategyId, MarketId)> + '_ {
        let guard = &self.guards[trip.guard];
        let strategies = guard.strategies.iter().enumerate().filter(|(_, is_in)| **is_in);
        strategies.flat_map(|(s, _)| {
            let markets = guard.markets.iter().enumerate().filter(|(_, is_in)| **is_in);
            markets.map(move |(m, _)| (StrategyId::new(s), MarketId::new(m)))
        })
    }

    /// What was to be closed is.
    pub fn flattened(&mut self) {
        for guard in &mut self.guards {
            if guard.stop == Stop::Flattening {
                guard.stop = Stop::Halted;
            }
        }
        self.forget_bands();
    }

    /// Goes on, by hand: all is counted anew.
    pub fn resume(&mut self, now: i64) {
        for at in 0..self.guards.len() {
            let guard = &mut self.guards[at];
            guard.roll(now, self.config.day_begins);
            if guard.stop != Stop::None {
                guard.resume(true);
                self.tripped.push(guard.trip(at, now, None, self.config.on_trip));
            }
        }
        self.forget_bands();
    }

    /// What stops a strategy most, over its guards.
    pub fn stop_of(&self, strategy: StrategyId) -> Stop {
        let guards = self.guards.iter().filter(|guard| guard.has(strategy));
        guards.map(|guard| guard.stop).max().unwrap_or_default()
    }

    /// Tightens a strategy's own limits.
    ///
    /// # Errors
    /// [`BadLimit`] naming one that would be wider than what holds for it; nothing has changed then.
    pub fn tighten(&mut self, strategy: StrategyId, limits: &Limits) -> Result<(), BadLimit> {
        self.config.check_capital(limits)?;
        for guard in self.guards.iter().filter(|guard| guard.is_own(strategy)) {
            check_margins(limits, &guard.markets, &self.markets)?;
            if let Some(check) = guard.limits.widened_by(limits) {
                let problem = "would be wider: own limits are only tightened";
                return Err(BadLimit::new(check.as_str(), problem));
            }
        }
        self.own(strategy).for_each(|guard| guard.limits.take(limits));
        self.look();
        Ok(())
    }
}

/// Checks that the initial margin is known of every market in which limits count it.
///
/// # Errors
/// [`BadLimit`] saying why it is not.
fn check_margins(limits: &Limits, covered: &[bool], markets: &[Facts]) -> Result<(), BadLimit> {
    if limits.get(Check::MaxMarginUse).is_none() {
        return Ok(());
    }
    let covered = markets.iter().zip(covered).filter(|(_, is_in)| **is_in);
    covered
        .map(|(facts, _)| facts.margin.as_ref())
        .try_for_each(|margin| margin.map(drop).map_err(Clone::clone))
}

/// The length of time of a limit, ns.
fn length(limit: Limit) -> i64 {
    i64::try_from(limit.value / ONE).unwrap_or(i64::MAX)
}
