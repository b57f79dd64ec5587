//! The stamps of one instrument's messages.

use super::error::DecodeError;
use super::parse::{FIRST_MARKET, check_apart, check_unit};

/// The newest time that a venue has named, and whether times are held against those of receipt.
#[derive(Debug, Default)]
pub(super) struct VenueClock {
    /// ns; 0 before the first.
    newest: i64,
    is_checked: bool,
}

impl VenueClock {
    /// See [`Decoder::check_clocks`](super::Decoder::check_clocks).
    pub(super) fn begin_checks(&mut self) {
        self.is_checked = true;
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
        match time {
            Some(time) if self.is_checked => check_apart("frame", cure, ts_recv, time),
            // Receipts of before markets are of programs that count otherwise, or play at being in 1970.
            Some(time) if ts_recv < FIRST_MARKET => check_unit(ts_recv, time),
            _ => Ok(()),
        }
    }

    /// The same of a frame that says how things are, perhaps since long: it may not be stamped far after its receipt.
    pub(super) fn check_ahead(&self, time: Option<i64>, ts_recv: i64) -> Result<(), DecodeError> {
        self.check(time.map(|time| time.max(ts_recv)), ts_recv)
    }

    /// Remembers the newest time the venue has named.
    pub(super) fn named(&mut self, time: Option<i64>) {
        self.newest = self.newest.max(time.unwrap_or(0));
    }
}
