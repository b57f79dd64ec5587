//! A simulated venue put together of settings: markets with what their accounts hold and are charged.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fees::FeeSettings;
use super::funding::FundingSource;
use super::margin::MarginRules;
use super::market::{FillRule, Market};
use super::settings::{Balances, SettingsError, VenueSettings};
use super::venue::Venue;
use crate::book::FillBasis;
use crate::event::{EventKind, KindSet};
use crate::ledger::MoneyOverflow;
use crate::random::Random;
use crate::types::{Instrument, MarketId};

/// What is drawn for the queues and the ways of orders of the first market; of the next ones it follows.
const QUEUE_STREAM: u64 = 1_000;
const LATENCY_STREAM: u64 = 1 << 32;

/// What the accounts of each venue hold, and how they trade on margin, with its markets.
type Holding = BTreeMap<String, (Balances, Option<MarginRules>, Vec<MarketId>)>;
/// What each venue charges, with its markets.
type Charging = BTreeMap<String, (FeeSettings, Vec<MarketId>)>;

/// A venue that cannot be as it is set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VenueError {
    /// A setting.
    #[error("{instrument}: {error}")]
    Settings {
        /// The instrument, or the venue of several.
        instrument: String,
        /// What is wrong.
        error: SettingsError,
    },
    /// An amount is out of range.
    #[error(transparent)]
    Money(#[from] MoneyOverflow),
}

/// A market that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Its place.
    pub market: MarketId,
    /// What orders fill against.
    pub basis: FillBasis,
    /// Whether its messages matter to accounts that have no order in it: by their number, or by what is paid and
    /// valued at their prices.
    pub is_awaited: bool,
}

/// Puts a venue together, market by market.
pub struct VenueBuilder {
    venue: Venue,
    seed: u64,
    count: u64,
    holding: Holding,
    charging: Charging,
}

impl VenueBuilder {
    /// Adds markets to a venue that has none; what they draw follows from the seed.
    pub fn new(venue: Venue, seed: u64) -> Self {
        Self { venue, seed, count: 0, holding: Holding::new(), charging: Charging::new() }
    }

    /// Adds a market of data that holds these kinds of events. Accounts may stand in groups, each with a filling rule.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn add(
        &mut self,
        instrument: &Arc<Instrument>,
        settings: &VenueSettings,
        holds: KindSet,
        filling: Option<(usize, Vec<FillRule>)>,
    ) -> Result<Added, VenueError> {
        let fail = |error| VenueError::Settings { instrument: instrument.id.to_string(), error };
        settings.check().map_err(fail)?;
        let draws = |stream| Random::new(self.seed, stream + self.count);
        let basis = settings.basis.resolve(holds);
        let (queue, matching) = (settings.queue, settings.matching);
        let mut market = Market::new(Arc::clone(instrument), basis, queue, matching, draws(QUEUE_STREAM))?;
        market.set_data(holds);
        market.set_rules(settings.orders);
        market.set_impact(settings.impact.as_ref().and_then(|impact| impact.of(&instrument.id)).copied());
        market.set_custom_queue(settings.custom_queue.clone());
        if let Some((group, rules)) = filling {
            market.set_filling(group, rules);
        }
        let latency = settings.latency.of(instrument.id.as_str());
        let counts = latency.window() > 0;
        let id = self.venue.add(market, latency, draws(LATENCY_STREAM));
        self.count += 1;
        self.venue.value_at(id, settings.mark_source.resolve(holds));
        let pays = settings.funding != FundingSource::Data || holds.contains(EventKind::Funding);
        let is_told = settings.funding.kinds().iter().any(|kind| holds.contains(*kind));
        let is_funded = pays && self.venue.fund(id, settings.funding.clone()) && is_told;
        let expires = instrument.kind.expiry().is_some();
        if expires {
            self.venue.settle(id);
        }
        let is_marked = (expires || settings.margin.is_some())
            && [EventKind::Mark, EventKind::Index].into_iter().any(|kind| holds.contains(kind));
        let name = instrument.id.venue();
        match self.charging.get_mut(name) {
            Some((_, markets)) => markets.push(id),
            None => drop(self.charging.insert(name.to_owned(), (settings.fees.clone(), vec![id]))),
        }
        if let Some(balances) = &settings.balances {
            let held = self.holding.entry(name.to_owned());
            held.or_insert_with(|| (balances.clone(), settings.margin.clone(), Vec::new())).2.push(id);
        }
        for (at, is_listed) in [(instrument.listing, true), (instrument.kind.expiry(), false)] {
            if let Some(at) = at {
                self.venue.list_at(id, at, is_listed);
            }
        }
        Ok(Added { market: id, basis, is_awaited: counts || is_funded || is_marked })
    }

    /// The venue, open: accounts hold what they begin with, and fills are charged.
    ///
    /// # Errors
    /// [`VenueError::Settings`] for coins that cannot be counted or priced, and contracts without leverage or brackets.
    pub fn open(self) -> Result<Venue, VenueError> {
        let Self { mut venue, holding, charging, .. } = self;
        let fail = |instrument: String| move |error| VenueError::Settings { instrument, error };
        for (name, (balances, margin, markets)) in holding {
            venue.hold(&markets, &balances, margin.as_ref()).map_err(fail(name))?;
        }
        for (name, (fees, markets)) in charging {
            venue.charge(&markets, &fees).map_err(fail(name))?;
        }
        Ok(venue)
    }
}
