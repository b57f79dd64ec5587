//! Stops as they are set: at what distance, by which price, how much, and of which positions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::amount::{BadLimit, parse_amount};
use super::check::{ONE, Scope, Units};
use crate::orders::TriggerBy;
use crate::types::{Decimal, Decoded, Instrument, MONEY_SCALE, Reader, Writer};

/// A hundred percent.
pub(super) const WHOLE: Units = 100 * ONE;

/// How far from a price, or which price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// So much of the price, in units of a percent.
    Percent(Units),
    /// So many ticks of the instrument.
    Ticks(i64),
    /// At this price, however far that is.
    Price(Decimal),
}

impl Distance {
    /// Reads `"2%"`, `"25 ticks"` or a price.
    ///
    /// # Errors
    /// [`BadLimit`] naming the field.
    pub fn parse(field: &str, text: &str) -> Result<Self, BadLimit> {
        let text = text.trim();
        let shape = "expected a percentage such as \"2%\", ticks such as \"25 ticks\", or a price";
        let bad = |problem: String| BadLimit::new(field, problem);
        if let Some(number) = text.strip_suffix('%') {
            return parse_amount(field, number.trim()).map(Self::Percent);
        }
        if let Some(number) = text.strip_suffix("ticks").or_else(|| text.strip_suffix("tick")) {
            let ticks: Option<i64> = number.trim().parse().ok().filter(|ticks| (1..1 << 40).contains(ticks));
            return ticks.map(Self::Ticks).ok_or_else(|| bad(format!("{shape}, got {text:?}")));
        }
        let price: Decimal = text.parse().map_err(|_| bad(format!("{shape}, got {text:?}")))?;
        if price.mantissa() > 0 { Ok(Self::Price(price)) } else { Err(bad(format!("{text} is not above 0"))) }
    }

    /// Whether it lies further away, where both are said alike.
    fn is_beyond(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::Percent(a), Self::Percent(b)) => Some(a > b),
            (Self::Ticks(a), Self::Ticks(b)) => Some(a > b),
            _ => None,
        }
    }
}

/// A rung of a ladder: where it is, and which share of the position it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Where.
    pub at: Distance,
    /// The share, in units of one.
    pub share: Units,
}

/// What closes a position by itself. Distances are from the average entry price where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopTerms {
    /// Where a loss is cut.
    pub stop_loss: Option<Distance>,
    /// How far from the best price since.
    pub trailing: Option<Distance>,
    /// The gain from which on that holds; from the beginning where there is none.
    pub trailing_from: Option<Distance>,
    /// Where gains are taken, in this order.
    pub take_profit: Vec<Rung>,
    /// The gain from which on no loss is taken any more.
    pub break_even: Option<Distance>,
    /// How long a position is held, ns.
    pub time: Option<i64>,
    /// The most the open quantity may lose, before fees, in the settlement currency.
    pub max_loss: Option<Units>,
    /// Which price is looked at.
    pub trigger: TriggerBy,
}

impl Default for StopTerms {
    fn default() -> Self {
        Self {
            stop_loss: None,
            trailing: None,
            trailing_from: None,
            take_profit: Vec::new(),
            break_even: None,
            time: None,
            max_loss: None,
            trigger: TriggerBy::Mid,
        }
    }
}

impl StopTerms {
    /// Checks that what is set goes together.
    ///
    /// # Errors
    /// [`BadLimit`] naming the first field that does not.
    pub fn check(&self) -> Result<(), BadLimit> {
        let bad = |field: &str, problem: &str| Err(BadLimit::new(field, problem));
        let closes = self.stop_loss.is_some()
            || self.trailing.is_some()
            || self.break_even.is_some()
            || self.time.is_some()
            || self.max_loss.is_some()
            || !self.take_profit.is_empty();
        if !closes {
            return bad("stop_loss", "nothing is set that closes a position");
        }
        for (field, distance) in [("stop_loss", self.stop_loss), ("trailing", self.trailing)] {
            if let Some(Distance::Percent(percent)) = distance
                && percent > WHOLE
            {
                return bad(field, &format!("{}% is more than 100%", Decimal::new(percent, MONEY_SCALE)));
            }
        }
        for (field, distance) in [
            ("trailing", self.trailing),
            ("trailing_from", self.trailing_from),
            ("break_even", self.break_even),
        ] {
            if let Some(Distance::Price(price)) = distance {
                let shape = "expected a percentage such as \"2%\" or ticks such as \"25 ticks\"";
                return bad(field, &format!("{shape}, got the price {price}"));
            }
        }
        if self.trailing_from.is_some() && self.trailing.is_none() {
            return bad("trailing", "missing: trailing_from says since when it holds");
        }
        if self.take_profit.iter().any(|rung| !(1..=ONE).contains(&rung.share))
            || self.take_profit.iter().map(|rung| rung.share).sum::<Units>() > ONE
        {
            return bad("take_profit", "shares are above 0 and sum to 1 at most");
        }
        let mut pairs = self.take_profit.windows(2);
        if pairs.any(|pair| pair[1].at.is_beyond(pair[0].at) == Some(false)) {
            return bad("take_profit", "each rung lies beyond the one before");
        }
        Ok(())
    }

    /// The prices among its distances, with their fields.
    fn prices(&self) -> impl Iterator<Item = (&'static str, Decimal)> + '_ {
        let rungs = self.take_profit.iter().map(|rung| ("take_profit", rung.at));
        self.stop_loss.map(|at| ("stop_loss", at)).into_iter().chain(rungs).filter_map(|(field, at)| match at
        {
            Distance::Price(price) => Some((field, price)),
            Distance::Percent(_) | Distance::Ticks(_) => None,
        })
    }

    /// Checks that an instrument can have its prices.
    ///
    /// # Errors
    /// [`BadLimit`] naming one that lies between two steps.
    pub fn check_on(&self, instrument: &Instrument) -> Result<(), BadLimit> {
        self.prices().try_for_each(|(field, price)| match instrument.price_increment.steps(price) {
            Ok(_) => Ok(()),
            Err(error) => Err(BadLimit::new(field, format!("of {}: {error}", instrument.id))),
        })
    }
}

impl Writer<'_> {
    fn distance(&mut self, distance: Distance) {
        match distance {
            Distance::Percent(percent) => {
                self.u8(0);
                self.i128(percent);
            }
            Distance::Ticks(ticks) => {
                self.u8(1);
                self.i64(ticks);
            }
            Distance::Price(price) => {
                self.u8(2);
                self.i128(price.mantissa());
                self.index(price.scale() as usize);
            }
        }
    }

    /// Stops as they are set.
    pub(crate) fn stop_terms(&mut self, terms: &StopTerms) {
        for distance in [terms.stop_loss, terms.trailing, terms.trailing_from, terms.break_even] {
            self.option(distance, Self::distance);
        }
        self.index(terms.take_profit.len());
        for rung in &terms.take_profit {
            self.distance(rung.at);
            self.i128(rung.share);
        }
        self.option(terms.time, Self::i64);
        self.option(terms.max_loss, Self::i128);
        self.u8(terms.trigger as u8);
    }
}

impl Reader<'_> {
    fn distance(&mut self) -> Decoded<Distance> {
        Ok(match self.u8()? {
            0 => Distance::Percent(self.i128()?),
            1 => Distance::Ticks(self.i64()?),
            2 => {
                let (mantissa, scale) = (self.i128()?, self.index()?);
                match u32::try_from(scale) {
                    Ok(scale) if scale <= 38 => Distance::Price(Decimal::new(mantissa, scale)),
                    _ => return self.error("a price"),
                }
            }
            _ => return self.error("how far a stop is"),
        })
    }

    /// See [`Writer::stop_terms`].
    pub(crate) fn stop_terms(&mut self) -> Decoded<StopTerms> {
        let mut terms = StopTerms {
            stop_loss: self.option(Self::distance)?,
            trailing: self.option(Self::distance)?,
            trailing_from: self.option(Self::distance)?,
            break_even: self.option(Self::distance)?,
            ..StopTerms::default()
        };
        for _ in 0..self.index()? {
            terms.take_profit.push(Rung { at: self.distance()?, share: self.i128()? });
        }
        (terms.time, terms.max_loss) = (self.option(Self::i64)?, self.option(Self::i128)?);
        let by = usize::from(self.u8()?);
        let Some(by) = TriggerBy::ALL.get(by) else { return self.error("which price a stop looks at") };
        terms.trigger = *by;
        if terms.check().is_ok() { Ok(terms) } else { self.error("stops that go together") }
    }
}

/// Stops of a session, which hold together: of all positions, and of those at a venue, in an instrument, of a strategy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopConfig {
    /// Of every position.
    pub account: Option<Arc<StopTerms>>,
    /// Of positions at a venue, by its name.
    pub venues: BTreeMap<String, Arc<StopTerms>>,
    /// Of positions in an instrument, by its id.
    pub instruments: BTreeMap<String, Arc<StopTerms>>,
    /// Of positions of a strategy, by its name.
    pub strategies: BTreeMap<String, Arc<StopTerms>>,
}

impl StopConfig {
    /// Every set with what it is of and its name, which an account's has not.
    pub fn sets(&self) -> impl Iterator<Item = (Scope, &str, &Arc<StopTerms>)> {
        let named = [
            (Scope::Venue, &self.venues),
            (Scope::Instrument, &self.instruments),
            (Scope::Strategy, &self.strategies),
        ];
        let named = named
            .into_iter()
            .flat_map(|(scope, sets)| sets.iter().map(move |(name, terms)| (scope, name.as_str(), terms)));
        self.account.iter().map(|terms| (Scope::Account, "", terms)).chain(named)
    }

    /// Checks that prices stand where they mean something.
    ///
    /// # Errors
    /// [`BadLimit`] naming one that is of no instrument.
    pub fn check(&self) -> Result<(), BadLimit> {
        for (scope, name, terms) in self.sets().filter(|(scope, ..)| *scope != Scope::Instrument) {
            if let Some((field, _)) = terms.prices().next() {
                let place = match scope {
                    Scope::Venue => format!("venues.{name}.stops.{field}"),
                    Scope::Strategy => format!("strategies.{name}.stops.{field}"),
                    Scope::Account | Scope::Instrument => format!("stops.{field}"),
                };
                let problem = "a price is one of an instrument: it is set with the limits of that";
                return Err(BadLimit::new(place, problem));
            }
        }
        Ok(())
    }
}
