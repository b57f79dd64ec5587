//! Venue's stamps that cannot be: those that lie behind the receipt once the clocks' difference is corrected.

use std::sync::Arc;

use super::columns::{ColumnsError, View};
use super::latencies::{ClockStep, LatencyMeter};

/// So far behind the receipt a corrected stamp has to lie to be counted as a wrong one, ns: clocks that are set right
/// waver by less.
pub const BEYOND_NS: i64 = 10_000_000;
/// Messages stamped behind their receipt that are kept until the clock's lead of their hour is known.
const MOST_AHEAD: usize = 1 << 16;

/// Messages whose stamps lie more than [`BEYOND_NS`] behind their receipt, once the clocks' difference is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WrongStamps {
    /// How many.
    pub messages: u64,
    /// How far the worst of them is behind, ns.
    pub worst_ns: i64,
    /// What the venue stamped that one with, ns.
    pub worst_ts_event: i64,
    /// Its receipt, ns.
    pub worst_ts_recv: i64,
}

impl WrongStamps {
    /// Takes a message as a clock stood; counts it if it is far enough behind.
    pub fn push(&mut self, step: &ClockStep, ts_event: i64, ts_recv: i64) {
        let beyond = step.beyond(ts_event, ts_recv);
        if beyond <= BEYOND_NS {
            return;
        }
        self.messages += 1;
        if beyond > self.worst_ns {
            (self.worst_ns, self.worst_ts_event, self.worst_ts_recv) = (beyond, ts_event, ts_recv);
        }
    }
}

/// So far behind the receipt no clock and no network puts a stamp, ns.
const REFUSED_NS: i64 = 1_000_000_000;

/// Refuses messages whose stamps lie more than a second behind their receipt, once the clocks' difference is corrected.
#[derive(Debug)]
pub struct StampGate {
    steps: Arc<[ClockStep]>,
}

impl StampGate {
    /// As a venue's clock stood.
    pub fn new(steps: Arc<[ClockStep]>) -> Self {
        Self { steps }
    }

    /// Looks at the messages of some rows, before which there were so many.
    ///
    /// # Errors
    /// [`ColumnsError::Stamp`] with the first that is refused.
    pub fn check(&self, view: &View<'_>, from: usize, to: usize, passed: u64) -> Result<(), ColumnsError> {
        for rows in view.messages(from, to) {
            let (ts_event, ts_recv) = (view.ts_event[rows.from], view.ts_recv[rows.from]);
            // Most stamps lie before their receipt, whatever the clock.
            if ts_event.saturating_sub(ts_recv) > REFUSED_NS {
                let behind_ns = step_at(&self.steps, ts_recv).beyond(ts_event, ts_recv);
                if behind_ns > REFUSED_NS {
                    let row = passed as usize + rows.from - from;
                    return Err(ColumnsError::Stamp { row, ts_event, ts_recv, behind_ns });
                }
            }
        }
        Ok(())
    }
}

/// Looks at the stamps of messages in order of time, in bounded memory.
#[derive(Debug, Default)]
pub struct StampCheck {
    meter: LatencyMeter,
    /// `ts_event` and `ts_recv` of messages that are stamped far behind their receipt, uncorrected.
    ahead: Vec<(i64, i64)>,
}

impl StampCheck {
    /// Takes the next message.
    #[inline]
    pub fn push(&mut self, ts_event: i64, ts_recv: i64) {
        self.meter.push(ts_event, ts_recv);
        if ts_event.saturating_sub(ts_recv) > BEYOND_NS {
            self.note_ahead(ts_event, ts_recv);
        }
    }

    #[cold]
    fn note_ahead(&mut self, ts_event: i64, ts_recv: i64) {
        if self.ahead.len() == MOST_AHEAD {
            // Where the whole clock is ahead that is no fault of any message.
            let steps = self.steps();
            self.ahead.retain(|(event, recv)| step_at(&steps, *recv).beyond(*event, *recv) > BEYOND_NS);
            self.ahead.truncate(MOST_AHEAD / 2);
        }
        self.ahead.push((ts_event, ts_recv));
    }

    /// How the venue's clock stood to ours, hour by hour.
    pub fn steps(&self) -> Vec<ClockStep> {
        self.meter.so_far().steps()
    }

    /// Messages whose stamps are wrong, as the clocks stood.
    pub fn wrong(&self) -> WrongStamps {
        let (steps, mut wrong) = (self.steps(), WrongStamps::default());
        for (ts_event, ts_recv) in &self.ahead {
            wrong.push(&step_at(&steps, *ts_recv), *ts_event, *ts_recv);
        }
        wrong
    }
}

/// The step that counts at a receipt.
fn step_at(steps: &[ClockStep], ts_recv: i64) -> ClockStep {
    let behind = steps.partition_point(|step| step.from <= ts_recv);
    behind.checked_sub(1).map_or(ClockStep::fixed(0), |at| steps[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn checked(count: i64, latency: impl Fn(i64) -> i64) -> StampCheck {
        let mut check = StampCheck::default();
        for at in 0..count {
            check.push(at * MS - latency(at), at * MS);
        }
        check
    }

    #[test]
    fn a_stamp_far_behind_its_receipt_is_counted_and_the_worst_one_named() {
        let wrong = checked(3_000, |at| if at % 1_000 == 7 { -2_000 * MS - at } else { 5 * MS }).wrong();
        let worst_ts_recv = 2_007 * MS;
        let worst_ns = 2_000 * MS + 2_007;
        let worst_ts_event = worst_ts_recv + worst_ns;
        assert_eq!(wrong, WrongStamps { messages: 3, worst_ns, worst_ts_event, worst_ts_recv });
        assert_eq!(checked(3_000, |at| at % 3 * MS).wrong(), WrongStamps::default());
    }

    #[test]
    fn a_clock_that_is_ahead_as_a_whole_is_no_fault_of_any_message() {
        let most = MOST_AHEAD as i64;
        let ahead = |at: i64| -1_270 * MS - if at == most + 9 { 300 * MS } else { 0 };
        let check = checked(3 * most, ahead);
        assert_eq!(check.steps(), [ClockStep::fixed(1_270 * MS)]);
        assert_eq!((check.wrong().messages, check.wrong().worst_ns), (1, 300 * MS));
        assert!(check.ahead.len() <= MOST_AHEAD);
    }
}
