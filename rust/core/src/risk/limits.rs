//! Limits as they are set: one set for accounts, more for single venues, instruments and strategies.

use std::collections::BTreeMap;

use super::amount::{BadLimit, positive, whole};
use super::check::{Check, Checks, Counts, ONE, Units};
use super::margin::{MarginTerms, MarketMargin};
use super::stop_terms::StopConfig;
use crate::types::{Instrument, parse_duration};

/// A limit that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The most it may come to (of a least notional, the least).
    pub value: Units,
    /// The length of time it counts over, ns; 0 where it has none.
    pub window: i64,
}

/// A set of limits: each is set or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Those that are set.
    set: Checks,
    /// By their numbers; of one that is not set nothing is looked at, and it is 0.
    limits: [Limit; Check::ALL.len()],
}

impl Default for Limits {
    fn default() -> Self {
        let none = Limit { value: 0, window: 0 };
        Self { set: Checks::NONE, limits: [none; Check::ALL.len()] }
    }
}

impl Limits {
    /// Of what needs more than the instrument of an order.
    const SUMS: Checks = Checks::of(&[
        Check::MaxGrossQty,
        Check::MaxGross,
        Check::MaxNetQty,
        Check::MaxNet,
        Check::MaxOpenPositions,
        Check::MaxLeverage,
        Check::MaxMarginUse,
    ]);
    /// Of what may be held.
    const EXPOSURE: Checks =
        Checks::of(&[Check::MaxPositionQty, Check::MaxPositionNotional]).with(Self::SUMS);

    /// A limit, where it is set.
    #[inline]
    pub fn get(&self, check: Check) -> Option<Limit> {
        self.set.has(check).then(|| self.limits[check.index()])
    }

    /// Those that are set.
    #[inline]
    pub(super) fn set_of(&self) -> Checks {
        self.set
    }

    /// Those that are set, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Check, Limit)> + '_ {
        Check::ALL.into_iter().filter_map(|check| self.get(check).map(|limit| (check, limit)))
    }

    /// Whether none is set.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.set == Checks::NONE
    }

    /// Whether one is set that needs more than the instrument of an order.
    #[inline]
    pub(super) fn has_sums(&self) -> bool {
        self.set.any_of(Self::SUMS)
    }

    /// Whether one is set of what may be held.
    #[inline]
    pub(super) fn has_exposure(&self) -> bool {
        self.set.any_of(Self::EXPOSURE)
    }

    /// Sets a limit.
    pub fn set(&mut self, check: Check, limit: Limit) {
        self.set = self.set.with(Checks::of(&[check]));
        self.limits[check.index()] = limit;
    }

    fn unset(&mut self, check: Check) {
        self.set = self.set.without(check);
        self.limits[check.index()] = Limit { value: 0, window: 0 };
    }

    /// Sets a limit as it is written: a number, `true`, a length of time, or a number `per` a length of time.
    ///
    /// # Errors
    /// [`BadLimit`] naming it.
    pub fn parse(&mut self, check: Check, text: &str) -> Result<(), BadLimit> {
        let limit =
            read(check.counts(), text.trim()).map_err(|problem| BadLimit::new(check.as_str(), problem))?;
        match limit {
            Some(limit) => self.set(check, limit),
            None => self.unset(check),
        }
        Ok(())
    }

    /// The first of other limits that is wider than the one that is set here.
    pub fn widened_by(&self, others: &Self) -> Option<Check> {
        others.iter().find_map(|(check, new)| {
            let old = self.get(check)?;
            is_wider(check, new, old).then_some(check)
        })
    }

    /// Takes the limits of another set that are set there.
    pub fn take(&mut self, others: &Self) {
        for (check, limit) in others.iter() {
            self.set(check, limit);
        }
    }

    /// Takes those of another set that are tighter than what is set here, or not set here.
    fn tighten(&mut self, others: &Self) {
        for (check, limit) in others.iter() {
            if self.get(check).is_none_or(|own| is_wider(check, own, limit)) {
                self.set(check, limit);
            }
        }
    }
}

/// Whether a limit lets more pass than another one.
fn is_wider(check: Check, new: Limit, old: Limit) -> bool {
    match check {
        Check::MinOrderNotional => new.value < old.value,
        _ => new.value > old.value || new.window < old.window,
    }
}

/// Reads a limit; `None` for a flag that is off.
fn read(counts: Counts, text: &str) -> Result<Option<Limit>, String> {
    let plain = |value| Ok(Some(Limit { value, window: 0 }));
    match counts {
        Counts::Flag => match text {
            "true" | "True" => plain(0),
            "false" | "False" => Ok(None),
            _ => Err(format!("{text:?} is not true or false")),
        },
        Counts::Length => {
            let ns = parse_duration(text)
                .ok()
                .filter(|ns| *ns > 0)
                .ok_or_else(|| format!("{text:?} is not a length of time above 0 such as \"5s\""))?;
            plain(i128::from(ns).saturating_mul(ONE))
        }
        Counts::Rate | Counts::BpsIn => {
            let shape = "expected a number per length of time, such as \"10 per 1s\"";
            let (number, length) = match text.split_once("per").or_else(|| text.split_once('/')) {
                Some((number, length)) => (number.trim(), length.trim()),
                None if counts == Counts::Rate => (text, "1s"),
                None => return Err(format!("{shape}, got {text:?}")),
            };
            let bare = length.starts_with(|c: char| c.is_ascii_alphabetic());
            let length = if bare { format!("1{length}") } else { length.to_owned() };
            let window = parse_duration(&length)
                .ok()
                .filter(|ns| *ns > 0)
                .ok_or_else(|| format!("{shape}, got {text:?}"))?;
            let value = if counts == Counts::Rate { whole(number) } else { positive(number) };
            let value = value.map_err(|problem| format!("{shape}: {problem}"))?;
            Ok(Some(Limit { value, window }))
        }
        Counts::Number => plain(whole(text)?),
        Counts::Qty | Counts::Money | Counts::Ratio | Counts::Bps => plain(positive(text)?),
    }
}

/// What is done where a limit that trips is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum OnTrip {
    /// Nothing more than that orders are refused while it is.
    Refuse = 0,
    /// Working orders that are not reduce-only are cancelled, and only orders that reduce a position pass.
    #[default]
    Reduce = 1,
    /// Everything is cancelled and closed, and nothing passes.
    Flatten = 2,
    /// Everything is cancelled, and nothing passes.
    Halt = 3,
}

impl OnTrip {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Refuse, Self::Reduce, Self::Flatten, Self::Halt];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Reduce => "reduce",
            Self::Flatten => "flatten",
            Self::Halt => "halt",
        }
    }
}

/// The limits of a session and what is done when one trips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskConfig {
    /// Of every account.
    pub account: Limits,
    /// Of what an account has at a venue, by its name.
    pub venues: BTreeMap<String, Limits>,
    /// Of what an account has in an instrument, by its id.
    pub instruments: BTreeMap<String, Limits>,
    /// Of a strategy, by its name.
    pub strategies: BTreeMap<String, Limits>,
    /// What an account begins with, in its settlement currency.
    pub capital: Option<Units>,
    /// What initial margin is counted by.
    pub margin: Option<MarginTerms>,
    /// What is done where a limit that trips is reached.
    pub on_trip: OnTrip,
    /// How long it holds at least, ns.
    pub cooldown: i64,
    /// Whether it goes on by itself after that.
    pub auto_resume: bool,
    /// When a day begins, after midnight UTC, ns.
    pub day_begins: i64,
    /// What closes positions by itself.
    pub stops: StopConfig,
}

impl Default for RiskConfig {
    fn default() -> Self {
        Self {
            account: Limits::default(),
            venues: BTreeMap::new(),
            instruments: BTreeMap::new(),
            strategies: BTreeMap::new(),
            capital: None,
            margin: None,
            on_trip: OnTrip::default(),
            cooldown: 60_000_000_000,
            auto_resume: false,
            day_begins: 0,
            stops: StopConfig::default(),
        }
    }
}

impl RiskConfig {
    /// All sets of limits.
    fn sets(&self) -> impl Iterator<Item = &Limits> {
        let named = self.venues.values().chain(self.instruments.values()).chain(self.strategies.values());
        std::iter::once(&self.account).chain(named)
    }

    /// The tightest of the limits that hold for an account in an instrument.
    pub fn of_instrument(&self, instrument: &Instrument) -> Limits {
        let mut limits = self.account.clone();
        let own = self.instruments.get(instrument.id.as_str());
        let sets = self.venues.get(instrument.id.venue()).into_iter().chain(own);
        sets.for_each(|set| limits.tighten(set));
        limits
    }

    /// The initial margin of an instrument.
    ///
    /// # Errors
    /// [`BadLimit`] saying why nobody knows.
    pub fn margin_of(&self, instrument: &Instrument) -> Result<MarketMargin, BadLimit> {
        let missing = || BadLimit::new("leverage", "missing: max_margin_use counts initial margin by it");
        self.margin.as_ref().ok_or_else(missing)?.of(instrument)
    }

    /// Checks that what is set can be held against orders and positions.
    ///
    /// # Errors
    /// [`BadLimit`] naming what is missing, or a price that is of no instrument.
    pub fn check(&self) -> Result<(), BadLimit> {
        self.sets().try_for_each(|limits| self.check_capital(limits))?;
        self.stops.check()?;
        self.check_sets()
    }

    /// Checks that there is a capital where limits are counted from it.
    ///
    /// # Errors
    /// [`BadLimit`] naming it.
    pub(super) fn check_capital(&self, limits: &Limits) -> Result<(), BadLimit> {
        let counted =
            [Check::MaxLeverage, Check::MaxMarginUse].into_iter().find(|check| limits.get(*check).is_some());
        match counted.filter(|_| self.capital.is_none()) {
            Some(check) => {
                Err(BadLimit::new("capital", format!("missing: {} is counted from it", check.as_str())))
            }
            None => Ok(()),
        }
    }

    /// Checks that the limits of every set go together.
    ///
    /// # Errors
    /// [`BadLimit`] naming one that does not.
    pub fn check_sets(&self) -> Result<(), BadLimit> {
        for limits in self.sets() {
            let least = limits.get(Check::MinOrderNotional);
            let most = limits.get(Check::MaxOrderNotional);
            if let (Some(least), Some(most)) = (least, most)
                && least.value > most.value
            {
                return Err(BadLimit::new("min_order_notional", "is more than max_order_notional"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(check: Check, text: &str) -> Result<Option<Limit>, String> {
        let mut limits = Limits::default();
        limits.parse(check, text).map_err(|error| error.to_string())?;
        Ok(limits.get(check))
    }

    #[test]
    fn limits_are_read_as_people_write_them() {
        let plain = |value| Ok(Some(Limit { value, window: 0 }));
        assert_eq!(limit(Check::MaxOrderQty, "0.5"), plain(ONE / 2));
        assert_eq!(limit(Check::MaxBookAge, "5s"), plain(5_000_000_000 * ONE));
        assert_eq!(limit(Check::SyncedBook, "True"), plain(0));
        assert_eq!(limit(Check::SyncedBook, "false"), Ok(None));
        for text in ["10 per 2s", "10/2s", "10 per 2000ms"] {
            let window = 2_000_000_000;
            assert_eq!(limit(Check::MaxOrderRate, text), Ok(Some(Limit { value: 10 * ONE, window })));
        }
        for text in ["10", "10/s", "10 per s"] {
            let window = 1_000_000_000;
            assert_eq!(limit(Check::MaxOrderRate, text), Ok(Some(Limit { value: 10 * ONE, window })));
        }
    }

    #[test]
    fn what_is_no_limit_says_so_by_name() {
        for (check, text) in [
            (Check::MaxOrderQty, "0"),
            (Check::MaxOrderQty, "-1"),
            (Check::MaxOrderQty, "1e30"),
            (Check::MaxOrderQty, "0.0000000000001"),
            (Check::MaxOrderQty, "nan"),
            (Check::MaxBookAge, "5"),
            (Check::MaxOrderRate, "1.5 per 1s"),
            (Check::MaxOpenOrders, "1.5"),
            (Check::MaxOrderRate, "5 per fortnight"),
            (Check::TripJumpBps, "50"),
            (Check::SyncedBook, "1"),
        ] {
            let problem = limit(check, text).unwrap_err();
            assert!(problem.starts_with(&format!("{}: ", check.as_str())), "{problem}");
        }
    }

    #[test]
    fn a_tighter_set_is_told_from_a_wider_one() {
        let set = |text: &str| {
            let mut limits = Limits::default();
            limits.parse(Check::MaxPositionQty, text).unwrap();
            limits
        };
        assert_eq!(set("2").widened_by(&set("3")), Some(Check::MaxPositionQty));
        assert_eq!(set("2").widened_by(&set("2")), None);
        assert_eq!(set("2").widened_by(&set("1")), None);
        assert_eq!(Limits::default().widened_by(&set("3")), None);
    }
}
