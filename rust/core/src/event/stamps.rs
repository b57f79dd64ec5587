//! Venue's stamps that cannot be: those that lie behind the receipt once the clocks' difference is corrected.

use std::sync::Arc;

use super::columns::{ColumnsError, Event, EventColumns, View};
use super::cursor::Chunk;
use super::latencies::{ClockStep, Latencies, LatencyMeter};

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

/// What becomes of wrong stamps, which are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StampRules {
    /// Whether they are set right. By a clock that was not measured of the data all of it may be wrong, and then what is
    /// newer than what is told by the stamps as they are.
    pub mends: bool,
    /// Whether one that lies more than a second behind is refused.
    pub refuses: bool,
}

/// Sets right the stamps of a market's data that lie more than [`BEYOND_NS`] behind their receipt: what tells which of two
/// messages is newer, and in which bar a trade lies, are stamps. Such a message is taken to have come as fast as the fastest
/// of its hour, and its stamp is what the venue's clock showed then.
#[derive(Debug)]
pub struct StampMender {
    steps: Arc<[ClockStep]>,
    /// A stamp that lies no more behind its receipt is never a wrong one, ns.
    usual_ns: i64,
    rules: StampRules,
    /// Rows that have passed.
    passed: usize,
    wrong: WrongStamps,
}

impl StampMender {
    /// As a venue's clock stood.
    pub fn new(steps: Arc<[ClockStep]>, rules: StampRules) -> Self {
        let usual_ns = usual(&steps);
        Self { steps, usual_ns, rules, passed: 0, wrong: WrongStamps::default() }
    }

    /// Whether data may hold a wrong stamp whose messages took so long; it may where nothing is known.
    pub fn is_needed(latencies: &Latencies, steps: &[ClockStep]) -> bool {
        latencies.least().is_none_or(|least| least.saturating_neg() > usual(steps))
    }

    /// Takes the next messages and returns them as they are, or with stamps set right.
    ///
    /// # Errors
    /// [`ColumnsError::Stamp`] with the first that is refused.
    pub fn take(&mut self, chunk: Chunk) -> Result<Chunk, ColumnsError> {
        let (view, from, to) = (chunk.view(), chunk.start(), chunk.end());
        let rows = view.ts_event[from..to].iter().zip(&view.ts_recv[from..to]);
        let is_ahead = |(event, recv): (&i64, &i64)| event.saturating_sub(*recv) > self.usual_ns;
        let is_wrong =
            rows.map(is_ahead).fold(false, |any, is_ahead| any | is_ahead) && self.count(&view, from, to)?;
        self.passed += to - from;
        if !(is_wrong && self.rules.mends) {
            return Ok(chunk);
        }
        let mut mended = EventColumns::with_capacity(to - from);
        for row in from..to {
            let Event { ts_event, ts_recv, .. } = view.event(row);
            let step = step_at(&self.steps, ts_recv);
            let is_wrong = step.beyond(ts_event, ts_recv) > BEYOND_NS;
            let fastest = ts_recv.saturating_sub(step.least_ns).saturating_add(step.lead_ns);
            mended.push(Event { ts_event: if is_wrong { fastest } else { ts_event }, ..view.event(row) });
        }
        Ok(Chunk::of(Arc::new(mended)))
    }

    /// Counts the messages with wrong stamps in some rows; whether there is a wrong stamp.
    #[cold]
    fn count(&mut self, view: &View<'_>, from: usize, to: usize) -> Result<bool, ColumnsError> {
        for rows in view.messages(from, to) {
            let (ts_event, ts_recv) = (view.ts_event[rows.from], view.ts_recv[rows.from]);
            let step = step_at(&self.steps, ts_recv);
            let behind_ns = step.beyond(ts_event, ts_recv);
            if self.rules.refuses && behind_ns > REFUSED_NS {
                let row = self.passed + rows.from - from;
                return Err(ColumnsError::Stamp { row, ts_event, ts_recv, behind_ns });
            }
            self.wrong.push(&step, ts_event, ts_recv);
        }
        let beyond = |row: usize| {
            step_at(&self.steps, view.ts_recv[row]).beyond(view.ts_event[row], view.ts_recv[row])
        };
        Ok((from..to).any(|row| beyond(row) > BEYOND_NS))
    }

    /// Messages so far whose stamps are wrong.
    pub fn wrong(&self) -> WrongStamps {
        self.wrong
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

/// A stamp that lies no more behind its receipt is never a wrong one where a clock stood like this, ns.
fn usual(steps: &[ClockStep]) -> i64 {
    let lead_ns = steps.iter().map(|step| step.lead_ns).min().unwrap_or(0);
    lead_ns.min(0).saturating_add(BEYOND_NS)
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

    fn rows(stamps: &[(i64, i64)]) -> Chunk {
        let mut columns = EventColumns::default();
        for &(ts_event, ts_recv) in stamps {
            let (kind, flags) = (crate::event::EventKind::Trade, crate::event::FLAG_LAST);
            columns.push(Event { ts_event, ts_recv, kind, side: 1, flags, price: 1, qty: 1, id: 7 });
        }
        Chunk::of(Arc::new(columns))
    }

    #[test]
    fn a_stamp_that_cannot_be_becomes_that_of_the_fastest_message_of_its_hour() {
        let steps = [
            ClockStep { from: i64::MIN, lead_ns: 0, least_ns: 5 * MS },
            ClockStep { from: 100 * MS, lead_ns: 40 * MS, least_ns: 0 },
        ];
        let given = [(10, 15), (2_020, 20), (29, 30), (38, 30), (99, 99), (150, 110), (161, 110), (100, 120)];
        let expected = [(10, 15), (15, 20), (29, 30), (38, 30), (99, 99), (150, 110), (150, 110), (100, 120)];
        let [given, expected] = [given, expected].map(|all| all.map(|(event, recv)| (event * MS, recv * MS)));
        let mut mender = StampMender::new(steps.into(), StampRules { mends: true, refuses: false });
        let mut mended = Vec::new();
        for piece in given.chunks(3) {
            let chunk = mender.take(rows(piece)).unwrap();
            let view = chunk.view();
            mended.extend(view.ts_event.iter().copied().zip(view.ts_recv.iter().copied()));
            assert!(view.id.is_some_and(|ids| ids.iter().all(|id| *id == 7)));
        }
        assert_eq!(mended, expected);
        assert_eq!((mender.wrong().messages, mender.wrong().worst_ns), (2, 2_000 * MS));
    }

    #[test]
    fn a_stamp_more_than_a_second_behind_is_refused_by_its_row_where_it_is_to_be() {
        let mut mender = StampMender::new([].into(), StampRules { mends: true, refuses: true });
        assert!(mender.take(rows(&[(1, 2), (900 * MS, 2)])).is_ok());
        let refused = mender.take(rows(&[(5, 5), (1_001 * MS, 6)])).map(|_| ()).unwrap_err();
        assert!(matches!(refused, ColumnsError::Stamp { row: 3, .. }), "{refused}");
    }
}
