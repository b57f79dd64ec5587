//! How long things take on their way to a venue and back.

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// From sending a command to its effect at the venue.
    Entry,
    /// From an event at the venue to our knowledge of it, for own orders.
    Response,
}

/// How long one leg takes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LatencyModel {
    /// Always the same, ns.
    Constant(i64),
}

impl Default for LatencyModel {
    fn default() -> Self {
        Self::Constant(0)
    }
}

impl LatencyModel {
    /// What something sent now takes, ns.
    #[inline]
    pub fn draw(&mut self) -> i64 {
        match self {
            Self::Constant(ns) => *ns,
        }
    }

    /// The least anything will ever take, ns.
    #[inline]
    pub fn least(&self) -> i64 {
        match self {
            Self::Constant(ns) => *ns,
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

    /// What something sent now takes, ns.
    #[inline]
    pub fn draw(&mut self, leg: Leg) -> i64 {
        match leg {
            Leg::Entry => self.entry.draw(),
            Leg::Response => self.response.draw(),
        }
    }

    /// The least anything will ever take, ns.
    #[inline]
    pub fn least(&self, leg: Leg) -> i64 {
        match leg {
            Leg::Entry => self.entry.least(),
            Leg::Response => self.response.least(),
        }
    }
}
