//! How long messages took to arrive, by hour of receipt, and how far the venue's clock ran ahead of ours.
//!
//! A recording says of each message when the venue stamped it and when we received it. The smallest differences of an
//! hour tell how the two clocks stood then: no message arrives before it happened. One stamp alone tells nothing, for it
//! may be wrong, so the lead is a quantile: of an hour's messages the lowest thousandth, and at least one in a hundred of
//! the first thousand, may lie below it. Values more than [`OUTLIER_NS`] below the lowest tenth do not count at all.
//!
//! What is kept of an hour is small and can be added up: its number of messages and its latencies of rank 1, 2, 4, 8 and
//! so on. Of several such tables the number of messages below a value is known up to a factor of two.

use std::fmt;
use std::str::FromStr;

use super::columns::View;

/// An hour, ns.
const HOUR_NS: i64 = 3_600_000_000_000;
/// So far below the lowest tenth of an hour a latency is no latency, ns.
const OUTLIER_NS: i64 = 1_000_000_000;
/// An hour of fewer messages is looked at with those beside it.
const FEW: u64 = 20;
/// Latencies that are kept until they become a table.
const BATCH: usize = 1 << 18;

/// The latencies of an hour, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    /// Hours since 1970.
    hour: i64,
    messages: u64,
    /// The smallest, the second, the fourth and so on, ns.
    ranks: Vec<i64>,
}

impl Table {
    /// Of all latencies of an hour, which are put in another order.
    fn of(hour: i64, latencies: &mut [i64]) -> Self {
        let messages = latencies.len() as u64;
        let most = (messages / 4).max(messages.min(4));
        let mut ranks = Vec::new();
        let mut rest = latencies;
        for power in (0..=most.checked_ilog2().unwrap_or(0)).rev() {
            let (lower, value, _) = rest.select_nth_unstable((1 << power) - 1);
            ranks.push(*value);
            rest = lower;
        }
        ranks.reverse();
        Self { hour, messages, ranks }
    }
}

/// The latencies of a recording, by hour of receipt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latencies {
    tables: Vec<Table>,
    /// The smallest of data of which nothing else is known, ns.
    least: Option<i64>,
}

/// How the venue's clock stands to ours from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStep {
    /// From this receipt on, ns.
    pub from: i64,
    /// How far the venue's clock runs ahead of ours, ns.
    pub lead_ns: i64,
    /// The shortest that messages take once that is corrected, ns.
    pub least_ns: i64,
}

impl ClockStep {
    /// The same lead at all times.
    pub fn fixed(lead_ns: i64) -> Self {
        Self { from: i64::MIN, lead_ns, least_ns: 0 }
    }

    /// How far a stamp is after the receipt, once corrected, ns; not above 0 for one that can be.
    #[inline]
    pub fn beyond(&self, ts_event: i64, ts_recv: i64) -> i64 {
        ts_event.saturating_sub(self.lead_ns).saturating_sub(ts_recv)
    }
}

impl Latencies {
    /// Of data of which only the smallest latency is known.
    pub fn of_least(least_ns: i64) -> Self {
        Self { tables: Vec::new(), least: Some(least_ns) }
    }

    /// Of columns, one for each message.
    pub fn of(view: &View<'_>) -> Self {
        let mut meter = LatencyMeter::default();
        for rows in view.messages(0, view.len()) {
            meter.push(view.ts_event[rows.from], view.ts_recv[rows.from]);
        }
        meter.latencies()
    }

    /// Whether they are known hour by hour, and not only the smallest.
    pub fn are_by_hour(&self) -> bool {
        self.least.is_none()
    }

    /// The smallest of all, ns; `None` where nothing is known.
    pub fn least(&self) -> Option<i64> {
        self.tables.iter().filter_map(|table| table.ranks.first()).chain(&self.least).min().copied()
    }

    /// Adds those of other data.
    pub fn add(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.least = [self.least, other.least].into_iter().flatten().min();
    }

    /// How the clock of the venue stood, from the first hour on; nothing for no messages.
    pub fn steps(&self) -> Vec<ClockStep> {
        let floor = self.least.map_or(0, |least| least.saturating_neg().max(0));
        let mut tables: Vec<&Table> = self.tables.iter().filter(|table| !table.ranks.is_empty()).collect();
        tables.sort_by_key(|table| table.hour);
        let hours: Vec<&[&Table]> = tables.chunk_by(|a, b| a.hour == b.hour).collect();
        let mut steps: Vec<ClockStep> = Vec::with_capacity(hours.len().max(1));
        for at in 0..hours.len() {
            let quantile = quantile(&around(&hours, at));
            let lead_ns = quantile.saturating_neg().max(floor);
            let least_ns = quantile.saturating_add(lead_ns).max(0);
            let from = if at == 0 { i64::MIN } else { hours[at][0].hour.saturating_mul(HOUR_NS) };
            if steps.last().is_none_or(|last| (last.lead_ns, last.least_ns) != (lead_ns, least_ns)) {
                steps.push(ClockStep { from, lead_ns, least_ns });
            }
        }
        if steps.is_empty() && self.least.is_some() {
            steps.push(ClockStep::fixed(floor));
        }
        steps
    }
}

/// The tables of an hour, and of those beside it where it has few messages: the nearer ones first.
fn around<'a>(hours: &[&[&'a Table]], at: usize) -> Vec<&'a Table> {
    let mut tables = hours[at].to_vec();
    let count = |tables: &[&Table]| tables.iter().map(|table| table.messages).sum::<u64>();
    let (mut from, mut to) = (at, at + 1);
    let away = |other: usize| hours[other][0].hour.abs_diff(hours[at][0].hour);
    while count(&tables) < FEW {
        let before = from.checked_sub(1);
        let behind = (to < hours.len()).then_some(to);
        let next = match (before, behind) {
            (Some(before), Some(behind)) if away(behind) < away(before) => behind,
            (Some(before), _) => before,
            (None, Some(behind)) => behind,
            (None, None) => break,
        };
        tables.extend(hours[next]);
        (from, to) = (from.min(next), to.max(next + 1));
    }
    tables
}

/// The latency below which so few lie that they may be wrong.
fn quantile(tables: &[&Table]) -> i64 {
    // Each value with how many messages it adds to those known not to lie above it.
    let mut values: Vec<(i64, u64)> = tables
        .iter()
        .flat_map(|table| table.ranks.iter().enumerate())
        .map(|(place, value)| (*value, 1 << place.saturating_sub(1)))
        .collect();
    values.sort_unstable();
    let messages: u64 = tables.iter().map(|table| table.messages).sum();
    let last = values.last().map_or(0, |(value, _)| *value);
    let reached = |least: i64, rank: u64| {
        let mut seen = 0;
        values
            .iter()
            .filter(|(value, _)| *value >= least)
            .find(|(_, added)| {
                seen += added;
                seen >= rank
            })
            .map_or(last, |(value, _)| *value)
    };
    let least = reached(i64::MIN, messages.div_ceil(10)).saturating_sub(OUTLIER_NS);
    let wrong = messages.div_ceil(100).min(10).max(messages.div_ceil(1_000));
    reached(least, if messages < 3 { 1 } else { 1 + wrong })
}

/// Measures the latencies of messages in order of time, in bounded memory.
#[derive(Debug, Default)]
pub struct LatencyMeter {
    hour: i64,
    batch: Vec<i64>,
    tables: Vec<Table>,
}

impl LatencyMeter {
    /// Takes the next message.
    #[inline]
    pub fn push(&mut self, ts_event: i64, ts_recv: i64) {
        let hour = ts_recv.div_euclid(HOUR_NS);
        if hour != self.hour || self.batch.len() == BATCH {
            self.end_batch();
            self.hour = hour;
        }
        self.batch.push(ts_recv.saturating_sub(ts_event));
    }

    #[cold]
    fn end_batch(&mut self) {
        if !self.batch.is_empty() {
            self.tables.push(Table::of(self.hour, &mut self.batch));
            self.batch.clear();
        }
    }

    /// What was measured.
    pub fn latencies(mut self) -> Latencies {
        self.end_batch();
        Latencies { tables: self.tables, least: None }
    }

    /// What has been measured so far.
    pub fn so_far(&self) -> Latencies {
        let mut batch = self.batch.clone();
        let rest = (!batch.is_empty()).then(|| Table::of(self.hour, &mut batch));
        Latencies { tables: self.tables.iter().cloned().chain(rest).collect(), least: None }
    }
}

impl fmt::Display for Latencies {
    /// Each table as `HOUR:MESSAGES:RANK1,RANK2,RANK4`, a space between two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Table { hour, messages, ranks }) in self.tables.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{hour}:{messages}:")?;
            for (place, value) in ranks.iter().enumerate() {
                let comma = if place == 0 { "" } else { "," };
                write!(f, "{comma}{value}")?;
            }
        }
        Ok(())
    }
}

/// A text that tells no latencies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not HOUR:MESSAGES:RANKS, such as 478632:20:5000,5010,5300")]
pub struct BadLatencies(String);

impl FromStr for Latencies {
    type Err = BadLatencies;

    fn from_str(text: &str) -> Result<Self, BadLatencies> {
        let table = |text: &str| {
            let (hour, rest) = text.split_once(':')?;
            let (messages, ranks) = rest.split_once(':')?;
            let ranks = ranks.split(',').map(str::parse).collect::<Result<Vec<i64>, _>>().ok()?;
            let table = Table { hour: hour.parse().ok()?, messages: messages.parse().ok()?, ranks };
            let is_sound = table.ranks.is_sorted() && table.ranks.len() < 40 && table.messages < 1 << 40;
            is_sound.then_some(table)
        };
        let tables =
            text.split_ascii_whitespace().map(|one| table(one).ok_or_else(|| BadLatencies(one.into())));
        Ok(Self { tables: tables.collect::<Result<_, _>>()?, least: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    fn measured(messages: impl IntoIterator<Item = (i64, i64)>) -> Latencies {
        let mut meter = LatencyMeter::default();
        for (ts_recv, latency) in messages {
            meter.push(ts_recv - latency, ts_recv);
        }
        meter.latencies()
    }

    fn hour(hour: i64, count: i64, latency: impl Fn(i64) -> i64) -> impl Iterator<Item = (i64, i64)> {
        (0..count).map(move |at| (hour * HOUR_NS + at * MS, latency(at)))
    }

    fn leads(latencies: &Latencies) -> Vec<(i64, i64)> {
        let at = |from: i64| if from == i64::MIN { 0 } else { from / HOUR_NS };
        latencies.steps().iter().map(|step| (at(step.from), step.lead_ns / MS)).collect()
    }

    #[test]
    fn one_stamp_in_a_hundred_changes_nothing_and_one_in_ten_that_is_far_off() {
        for count in [20, 300, 5_000] {
            for ahead in [10 * MS, 400 * MS, 2_000 * MS, 90_000 * MS] {
                for lead in [0, 1_270 * MS] {
                    let sound = |_: i64| 5 * MS - lead;
                    let bad = |at: i64| if at % 100 == 7 { -lead - ahead } else { sound(at) };
                    let steps = |latencies: Latencies| latencies.steps();
                    assert_eq!(
                        steps(measured(hour(5, count, sound))),
                        steps(measured(hour(5, count.min(1_000), bad))),
                        "{count} {ahead} {lead}"
                    );
                }
            }
        }
        let many = measured(hour(5, 1_000, |at| if at % 11 == 0 { -2_000 * MS } else { -20 * MS }));
        assert_eq!(leads(&many), [(0, 20)]);
    }

    #[test]
    fn a_step_and_a_drift_are_followed_hour_by_hour() {
        let stepped =
            (10..14).flat_map(|h| hour(h, 200, move |at| 3 * MS + at % 2 - if h < 12 { 0 } else { 50 * MS }));
        assert_eq!(leads(&measured(stepped)), [(0, 0), (12, 47)]);
        let drifting = (10..14).flat_map(|h| hour(h, 200, move |_| -h * 10 * MS));
        assert_eq!(leads(&measured(drifting)), [(0, 100), (11, 110), (12, 120), (13, 130)]);
    }

    #[test]
    fn an_hour_of_few_messages_is_looked_at_with_those_beside_it() {
        let days = [(1, 200, -10), (2, 3, -5_000), (3, 200, -10)];
        let latencies =
            measured(days.into_iter().flat_map(|(h, count, ms)| hour(h, count, move |_| ms * MS)));
        assert_eq!(leads(&latencies), [(0, 10)]);
        let alone =
            |count: i64| leads(&measured(hour(9, count, |at| if at == 0 { -90 * MS } else { -30 * MS })));
        assert_eq!([alone(1), alone(2), alone(3), alone(4)], [[(0, 90)], [(0, 90)], [(0, 30)], [(0, 30)]]);
        assert_eq!(measured([]).steps(), []);
    }

    #[test]
    fn data_of_which_only_the_smallest_is_known_has_one_lead() {
        let mut all = Latencies::of_least(-20);
        assert_eq!(all.steps(), [ClockStep::fixed(20)]);
        assert!(!all.are_by_hour());
        all.add(Latencies::of_least(-50));
        assert_eq!(all.steps(), [ClockStep::fixed(50)]);
        all.add(measured(hour(3, 100, |_| -30)));
        assert_eq!(all.steps(), [ClockStep { from: i64::MIN, lead_ns: 50, least_ns: 20 }]);
        assert_eq!(Latencies::of_least(7).steps(), [ClockStep::fixed(0)]);
        assert_eq!(Latencies::of_least(i64::MIN).steps(), [ClockStep::fixed(i64::MAX)]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in ["1:2", "1:2:", "a:2:3", "1:2:3,x", "1:2:3,2", "1:-2:3"] {
            assert_eq!(text.parse::<Latencies>(), Err(BadLatencies(text.into())));
        }
        assert_eq!("".parse(), Ok(Latencies::default()));
    }

    proptest! {
        #[test]
        fn ranks_are_those_of_the_sorted_latencies_and_survive_as_text(
            mut latencies in proptest::collection::vec(-50i64..50, 1..300),
        ) {
            let measured = measured(latencies.iter().map(|latency| (HOUR_NS, *latency)));
            latencies.sort_unstable();
            let table = &measured.tables[0];
            for (place, value) in table.ranks.iter().enumerate() {
                prop_assert_eq!(*value, latencies[(1 << place) - 1]);
            }
            prop_assert!(8 * (1 << (table.ranks.len() - 1)) > latencies.len());
            prop_assert_eq!(measured.to_string().parse(), Ok(measured));
        }

        #[test]
        fn tables_added_up_put_the_lead_between_the_quantile_and_twice_its_rank(
            latencies in proptest::collection::vec(-500i64..500, 100..2_000),
            pieces in 1usize..8,
        ) {
            let mut all = Latencies::default();
            for piece in latencies.chunks(latencies.len().div_ceil(pieces)) {
                all.add(measured(piece.iter().map(|latency| (HOUR_NS, *latency))));
            }
            let mut sorted = latencies;
            sorted.sort_unstable();
            let wrong = sorted.len().div_ceil(100).min(10);
            let (least, most) = (sorted[wrong], sorted[(pieces * 2 * (wrong + 1)).min(sorted.len() - 1)]);
            let step = all.steps()[0];
            let quantile = step.least_ns - step.lead_ns;
            prop_assert!((least..=most).contains(&quantile), "{quantile} {least} {most}");
        }
    }
}
