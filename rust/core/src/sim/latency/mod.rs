//! How long things take on their way to a venue and back.
//!
//! A [`LatencyModel`] says how long one leg takes, [`Draws`] are what it takes, one thing after the other. Whatever is
//! drawn, nothing overtakes what went the same way before it: a connection keeps the order of what it carries.

mod draws;
mod fit;
mod series;
mod text;
mod ways;

use std::sync::Arc;

pub use draws::{Draws, Traffic};
pub use fit::{LatencyFit, TooFewLatencies, fit_latency};
pub use series::{BadSeries, SERIES_HEADER, read_series};
pub use text::BadLatency;
pub(super) use ways::Ways;

use super::custom::{LatencySource, Source};

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// From sending a command to its effect at the venue.
    Entry,
    /// From an event at the venue to our knowledge of it, for own orders.
    Response,
}

/// Latencies that were measured: each with when its way began, rising, and what it took, ns.
pub type Measured = Arc<[(i64, i64)]>;

/// How long one leg takes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LatencyModel {
    /// Always the same, ns.
    Constant(i64),
    /// `least + (median - least) × exp(sigma × z)`, `z` normal.
    Lognormal {
        /// Half of the draws take no longer, ns.
        median: i64,
        /// How far they spread.
        sigma: f64,
        /// None takes less, ns.
        least: i64,
    },
    /// One of these, by its weight; weights sum to 1.
    Mixture(Vec<(f64, LatencyModel)>),
    /// Measured ones of a file, linear in time between two, constant before the first and after the last; cut to whole ns.
    Series {
        /// The file.
        file: String,
        /// What was measured; nothing until the file is read.
        measured: Measured,
    },
    /// The more, the more messages its market had lately.
    Load {
        /// What it takes when the market is quiet.
        base: Box<LatencyModel>,
        /// What each message adds, ns.
        each: i64,
        /// Messages count for so long, ns.
        window: i64,
    },
    /// What a model of somebody else's says.
    Custom(Source<dyn LatencySource>),
}

impl Default for LatencyModel {
    fn default() -> Self {
        Self::Constant(0)
    }
}

impl LatencyModel {
    /// The least anything will ever take, ns.
    #[inline]
    pub fn least(&self) -> i64 {
        match self {
            Self::Constant(ns) => *ns,
            Self::Lognormal { least, .. } => *least,
            Self::Mixture(parts) => parts.iter().map(|(_, part)| part.least()).min().unwrap_or(0),
            Self::Series { measured, .. } => measured.iter().map(|(_, took)| *took).min().unwrap_or(0),
            Self::Load { base, .. } => base.least(),
            Self::Custom(source) => source.0.least(),
        }
    }

    /// For how long messages of its market count, ns; 0 where they do not.
    pub fn window(&self) -> i64 {
        match self {
            Self::Constant(_) | Self::Lognormal { .. } | Self::Series { .. } | Self::Custom(_) => 0,
            Self::Mixture(parts) => parts.iter().map(|(_, part)| part.window()).max().unwrap_or(0),
            Self::Load { base, window, .. } => base.window().max(*window),
        }
    }

    /// Reads what it has measured; `read` tells what a file holds.
    ///
    /// # Errors
    /// What `read` says.
    fn load<E>(&mut self, read: &mut impl FnMut(&str) -> Result<Measured, E>) -> Result<(), E> {
        match self {
            Self::Constant(_) | Self::Lognormal { .. } | Self::Custom(_) => Ok(()),
            Self::Mixture(parts) => parts.iter_mut().try_for_each(|(_, part)| part.load(read)),
            Self::Series { file, measured } => {
                *measured = read(file)?;
                Ok(())
            }
            Self::Load { base, .. } => base.load(read),
        }
    }
}

/// Latencies between us and a venue, a model for each leg: every command and report draws its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Latency {
    /// From sending a command to its effect at the venue.
    pub entry: LatencyModel,
    /// From an event at the venue to our knowledge of it, for own orders.
    pub response: LatencyModel,
    /// The same for market data; the recorded latency when absent.
    pub feed: Option<LatencyModel>,
}

impl Latency {
    /// The same for everything that goes one way, ns.
    pub fn constant(entry_ns: i64, response_ns: i64, feed_ns: Option<i64>) -> Self {
        Self {
            entry: LatencyModel::Constant(entry_ns),
            response: LatencyModel::Constant(response_ns),
            feed: feed_ns.map(LatencyModel::Constant),
        }
    }

    /// Reads what is measured; `read` tells what a file says of a leg, market data being what responds.
    ///
    /// # Errors
    /// What `read` says.
    pub fn load<E>(&mut self, mut read: impl FnMut(&str, Leg) -> Result<Measured, E>) -> Result<(), E> {
        self.entry.load(&mut |file: &str| read(file, Leg::Entry))?;
        let mut response = |file: &str| read(file, Leg::Response);
        self.response.load(&mut response)?;
        self.feed.as_mut().map_or(Ok(()), |feed| feed.load(&mut response))
    }

    /// The same for one instrument.
    #[must_use]
    pub fn of(&self, instrument: &str) -> Self {
        let mut own = self.clone();
        for model in [Some(&mut own.entry), Some(&mut own.response), own.feed.as_mut()].into_iter().flatten()
        {
            if let LatencyModel::Custom(source) = model {
                source.0 = source.0.of(instrument);
            }
        }
        own
    }

    /// Whether a model of somebody else's says what a leg takes.
    pub fn is_custom(&self) -> bool {
        let legs = [Some(&self.entry), Some(&self.response), self.feed.as_ref()];
        legs.into_iter().flatten().any(|model| matches!(model, LatencyModel::Custom(_)))
    }

    /// For how long messages of its market count for what commands and reports take, ns; 0 where they do not.
    pub fn window(&self) -> i64 {
        self.entry.window().max(self.response.window())
    }
}
