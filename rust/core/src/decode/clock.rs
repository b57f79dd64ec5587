//! The stamps of one instrument's messages.

use super::error::DecodeError;
use super::parse::check_apart;

/// The newest time that a venue has named, and how far from receipt a time may be.
#[derive(Debug)]
pub(super) struct VenueClock {
    /// ns; 0 before the first.
    newest: i64,
    /// ns.
    within: u64,
}

impl Default for VenueClock {
    fn default() -> Self {
        Self { newest: 0, within: u64::MAX }
    }
}

impl VenueClock {
    /// Refuses what is stamped more than `ns` from its receipt.
    pub(super) fn keep_within(&mut self, ns: u64) {
        self.within = ns;
    }

    /// The stamp of a message, given the time it names: one that names none was made after those that came before.
    pub(super) fn stamp(&self, time: Option<i64>, ts_recv: i64) -> i64 {
        match time {
            Some(time) => time,
            None if self.newest > 0 => self.newest,
            None => ts_recv,
        }
    }

    /// Refuses a frame that is stamped far from its receipt.
    #[inline]
    pub(super) fn check(&self, time: Option<i64>, ts_recv: i64) -> Result<(), DecodeError> {
        let cure = "before the frame stands when it was received, in s, ms, us or ns since 1970, UTC";
        time.map_or(Ok(()), |time| check_apart("frame", cure, ts_recv, time, self.within))
    }

    /// Remembers the newest time the venue has named.
    pub(super) fn named(&mut self, time: Option<i64>) {
        self.newest = self.newest.max(time.unwrap_or(0));
    }
}
