//! How long things take on their way to a venue and back.

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// From sending a command to its effect at the venue.
    Entry,
    /// From an event at the venue to our knowledge of it, for own orders.
    Response,
}

/// Latencies between us and a venue, ns. A model of them: every command and report draws its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// From sending a command to its effect at the venue.
    pub entry_ns: i64,
    /// From an event at the venue to our knowledge of it, for own orders.
    pub response_ns: i64,
    /// The same for market data; the recorded latency when absent.
    pub feed_ns: Option<i64>,
}

impl Latency {
    /// What something sent now takes.
    #[inline]
    pub fn draw(&mut self, leg: Leg) -> i64 {
        self.least(leg)
    }

    /// The least anything will ever take.
    #[inline]
    pub fn least(&self, leg: Leg) -> i64 {
        match leg {
            Leg::Entry => self.entry_ns,
            Leg::Response => self.response_ns,
        }
    }
}
