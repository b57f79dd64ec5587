//! How a recording looks over time: how long messages took, how long the book was locked or crossed, and a row for
//! each of some two thousand stretches of time, whatever its length.
//!
//! Memory is bounded: latencies are exact up to [`EXACT`] messages and within 1.6 % beyond, stretches are joined in pairs
//! when there are [`MOST_STRETCHES`] of them.

use crate::book::{BookState, L2Book, Touch};
use crate::event::{EventKind, FLAG_SNAPSHOT, View};

/// Stretches of time kept at most; once there were as many, at least half of them remain.
const MOST_STRETCHES: usize = 2_048;
/// Latencies kept as they are.
const EXACT: usize = 1 << 16;
/// A message received later than half of all by this much is not what a market looked like then, ns.
const LATE_NS: i64 = 60_000_000_000;
/// Width of the first stretches, ns.
const FIRST_WIDTH: i64 = 1_000;

/// Distribution of signed numbers of any size.
#[derive(Debug)]
struct Distribution {
    count: u64,
    exact: Vec<i64>,
    /// Once there are more: how many fell into each bucket.
    buckets: Vec<u64>,
    least: i64,
    most: i64,
}

/// Buckets of each power of two.
const PARTS: u32 = 64;
/// Buckets of numbers from 0 on: those below [`PARTS`] one by one, then each power of two in parts.
const HALF: usize = (PARTS + (64 - PARTS.ilog2()) * PARTS) as usize;

/// The bucket of a number that is not negative.
fn bucket(value: u64) -> usize {
    if value < u64::from(PARTS) {
        return value as usize;
    }
    let power = value.ilog2() - PARTS.ilog2();
    (PARTS + power * PARTS) as usize + (value >> power) as usize - PARTS as usize
}

/// The least number of a bucket.
fn least_of(bucket: usize) -> u64 {
    let (power, part) = (bucket as u32 / PARTS, u64::from(bucket as u32 % PARTS));
    if power == 0 { part } else { (part + u64::from(PARTS)) << (power - 1) }
}

impl Default for Distribution {
    fn default() -> Self {
        Self { count: 0, exact: Vec::new(), buckets: Vec::new(), least: i64::MAX, most: i64::MIN }
    }
}

impl Distribution {
    fn push(&mut self, value: i64) {
        self.count += 1;
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        if self.buckets.is_empty() {
            self.exact.push(value);
            if self.exact.len() == EXACT {
                self.buckets = vec![0; 2 * HALF];
                for value in std::mem::take(&mut self.exact) {
                    self.buckets[Self::place(value)] += 1;
                }
            }
        } else {
            self.buckets[Self::place(value)] += 1;
        }
    }

    /// Buckets in ascending order of what they hold.
    fn place(value: i64) -> usize {
        let bucket = bucket(value.unsigned_abs());
        if value < 0 { HALF - 1 - bucket } else { HALF + bucket }
    }

    /// The number below which (or at which) this share of all lies, in thousandths; `None` if there is none.
    fn quantile(&self, thousandths: u64) -> Option<i64> {
        let last = self.count.checked_sub(1)?;
        let rank = (last * thousandths + 500) / 1_000;
        if rank == 0 || rank == last {
            return Some(if rank == 0 { self.least } else { self.most });
        }
        if self.buckets.is_empty() {
            let mut sorted = self.exact.clone();
            let (_, value, _) = sorted.select_nth_unstable(rank as usize);
            return Some(*value);
        }
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen > rank
        })?;
        let value = if found < HALF {
            i64::try_from(least_of(HALF - 1 - found)).map_or(i64::MIN, |value| -value)
        } else {
            i64::try_from(least_of(found - HALF)).unwrap_or(i64::MAX)
        };
        Some(value.clamp(self.least, self.most))
    }
}

/// Numbers by bucket: how many, and the time of the first.
#[derive(Debug)]
struct Firsts(Vec<Occurrences>);

impl Firsts {
    fn push(&mut self, value: i64, ts: i64) {
        self.0[Distribution::place(value)].push(ts);
    }

    /// Those in buckets that lie as a whole above a number, which is not below 0.
    fn above(&self, limit: i64) -> Occurrences {
        Self::sum(&self.0[Distribution::place(limit.max(0)) + 1..])
    }

    fn sum(buckets: &[Occurrences]) -> Occurrences {
        Occurrences {
            count: buckets.iter().map(|each| each.count).sum(),
            first: buckets.iter().filter_map(|each| each.first).min(),
        }
    }
}

/// How long messages took from the venue's stamp to their receipt, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latencies {
    /// Smallest.
    pub least: i64,
    /// Of a thousand messages ten are below.
    pub p1: i64,
    /// Half are below.
    pub p50: i64,
    /// Of a thousand 900 are below.
    pub p90: i64,
    /// Of a thousand 990 are below.
    pub p99: i64,
    /// Of a thousand 999 are below.
    pub p999: i64,
    /// Largest.
    pub most: i64,
}

/// Messages of a kind: how many, and when the first was received, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Occurrences {
    /// How many.
    pub count: u64,
    /// Receipt of the first.
    pub first: Option<i64>,
}

impl Occurrences {
    fn push(&mut self, ts: i64) {
        self.count += 1;
        self.first.get_or_insert(ts);
    }
}

/// What was seen in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Messages.
    pub messages: u64,
    /// Trades.
    pub trades: u64,
    /// Gaps in the book.
    pub gaps: u64,
    /// Messages after which the book was locked or crossed.
    pub crossed: u64,
    /// Best prices at its end, in increments; a side is `None` where it is not known.
    pub bid: Option<i64>,
    /// See `bid`.
    pub ask: Option<i64>,
    /// Largest spread, in increments; negative where the book was crossed throughout.
    pub widest: Option<i64>,
    /// Sum of latencies, ns, and the largest.
    pub latency_sum: i128,
    /// See `latency_sum`.
    pub latency_most: i64,
}

impl Stretch {
    const EMPTY: Self = Self {
        messages: 0,
        trades: 0,
        gaps: 0,
        crossed: 0,
        bid: None,
        ask: None,
        widest: None,
        latency_sum: 0,
        latency_most: i64::MIN,
    };

    /// Mean latency, ns; `None` where there was no message.
    pub fn latency_mean(&self) -> Option<i64> {
        let mean = (self.messages > 0).then(|| self.latency_sum / i128::from(self.messages))?;
        i64::try_from(mean).ok()
    }

    /// This one and the next as one.
    fn with(self, next: Self) -> Self {
        let end = if next.messages > 0 { next } else { self };
        Self {
            messages: self.messages + next.messages,
            trades: self.trades + next.trades,
            gaps: self.gaps + next.gaps,
            crossed: self.crossed + next.crossed,
            bid: end.bid,
            ask: end.ask,
            widest: self.widest.max(next.widest),
            latency_sum: self.latency_sum + next.latency_sum,
            latency_most: self.latency_most.max(next.latency_most),
        }
    }
}

/// Stretches of one width from a start on.
#[derive(Debug)]
struct Stretches {
    start: i64,
    width: i64,
    rows: Vec<Stretch>,
}

impl Stretches {
    fn at(&mut self, ts: i64) -> &mut Stretch {
        if self.rows.is_empty() {
            self.start = ts;
        }
        while (ts - self.start) / self.width >= MOST_STRETCHES as i64 {
            let halved = self.rows.chunks(2).map(|pair| match pair {
                [first, second] => first.with(*second),
                alone => alone[0],
            });
            self.rows = halved.collect();
            self.width *= 2;
        }
        let index = ((ts - self.start) / self.width) as usize;
        if self.rows.len() <= index {
            self.rows.resize(index + 1, Stretch::EMPTY);
        }
        &mut self.rows[index]
    }
}

/// How best prices stand to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Apart,
    Locked,
    Crossed,
}

/// Times of a locked or crossed book, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spells {
    /// In all, best bid and best ask being equal.
    pub locked: i64,
    /// In all, best bid being above best ask.
    pub crossed: i64,
    /// The longest time of either without a break.
    pub longest: i64,
}

/// What was seen of a recording so far.
#[derive(Debug)]
pub struct Survey {
    book: L2Book,
    has_book: bool,
    quote: Touch,
    latencies: Distribution,
    /// Of messages that are no snapshots.
    stamps: Firsts,
    standing: Standing,
    /// Since when the best prices stand so.
    since: i64,
    /// Since when they are locked or crossed, without a break.
    spell_since: i64,
    spells: Spells,
    last: Option<i64>,
    /// The longest time without any message, ns, and its start.
    pub silence: (i64, Option<i64>),
    stretches: Stretches,
}

impl Default for Survey {
    fn default() -> Self {
        Self {
            book: L2Book::new(),
            has_book: false,
            quote: Touch::default(),
            latencies: Distribution::default(),
            stamps: Firsts(vec![Occurrences::default(); 2 * HALF]),
            standing: Standing::Apart,
            since: 0,
            spell_since: 0,
            spells: Spells::default(),
            last: None,
            silence: (0, None),
            stretches: Stretches { start: 0, width: FIRST_WIDTH, rows: Vec::new() },
        }
    }
}

impl Survey {
    /// Takes checked columns of whole messages, in order.
    pub fn push(&mut self, view: &View<'_>) {
        let mut from = 0;
        while from < view.len() {
            let to = view.message_end(from);
            self.message(view, from, to);
            from = to;
        }
    }

    fn message(&mut self, view: &View<'_>, from: usize, to: usize) {
        let (ts, latency) = (view.ts_recv[from], view.ts_recv[from] - view.ts_event[from]);
        let (mut trades, mut book_changed, mut quoted, mut is_snapshot) = (0, false, false, false);
        for row in from..to {
            match EventKind::from_column(view.kind[row]) {
                Some(EventKind::BookSet | EventKind::BookClear) => {
                    self.book.apply_row(view, row);
                    book_changed = true;
                }
                Some(EventKind::Quote) => {
                    self.quote.set(view.side[row], view.price.get(row), view.qty.get(row));
                    quoted = true;
                }
                Some(EventKind::Trade) => trades += 1,
                _ => {}
            }
            is_snapshot |= view.flags[row] & FLAG_SNAPSHOT != 0;
        }
        self.has_book |= book_changed;
        let touch = if self.has_book { Touch::of(&self.book) } else { self.quote };
        if book_changed || (quoted && !self.has_book) {
            self.stand(&touch, ts);
        }
        self.latencies.push(latency);
        if !is_snapshot {
            self.stamps.push(latency, ts);
        }
        if let Some(last) = self.last
            && ts - last > self.silence.0
        {
            self.silence = (ts - last, Some(last));
        }
        self.last = Some(ts);
        let is_gap = book_changed && !is_snapshot && self.book.state() == BookState::Gap;
        let stretch = self.stretches.at(ts);
        stretch.messages += 1;
        stretch.trades += trades;
        stretch.gaps += u64::from(is_gap);
        stretch.crossed += u64::from(book_changed && touch.is_crossed());
        (stretch.bid, stretch.ask) = (touch.best_bid(), touch.best_ask());
        stretch.widest = stretch.widest.max(touch.spread());
        stretch.latency_sum += i128::from(latency);
        stretch.latency_most = stretch.latency_most.max(latency);
    }

    /// Notes how the best prices stand from a time on.
    fn stand(&mut self, touch: &Touch, ts: i64) {
        let standing = match touch.spread() {
            Some(0) => Standing::Locked,
            Some(spread) if spread < 0 => Standing::Crossed,
            _ => Standing::Apart,
        };
        if standing == self.standing {
            return;
        }
        self.spells = self.spells_until(ts, standing == Standing::Apart);
        if self.standing == Standing::Apart {
            self.spell_since = ts;
        }
        (self.standing, self.since) = (standing, ts);
    }

    /// The times so far with the present one, which lasts until `ts` and may end there.
    fn spells_until(&self, ts: i64, is_over: bool) -> Spells {
        let mut spells = self.spells;
        match self.standing {
            Standing::Apart => return spells,
            Standing::Locked => spells.locked += ts - self.since,
            Standing::Crossed => spells.crossed += ts - self.since,
        }
        if is_over {
            spells.longest = spells.longest.max(ts - self.spell_since);
        }
        spells
    }

    /// How long the book was locked or crossed until the last message.
    pub fn spells(&self) -> Spells {
        self.last.map_or(self.spells, |last| self.spells_until(last, true))
    }

    /// How long messages took; `None` if there was none.
    pub fn latencies(&self) -> Option<Latencies> {
        let of = |thousandths| self.latencies.quantile(thousandths);
        Some(Latencies {
            least: of(0)?,
            p1: of(10)?,
            p50: of(500)?,
            p90: of(900)?,
            p99: of(990)?,
            p999: of(999)?,
            most: of(1_000)?,
        })
    }

    /// Messages, but no snapshots, received over a minute later than half of all messages are.
    pub fn late(&self) -> Occurrences {
        self.latencies
            .quantile(500)
            .map_or(Occurrences::default(), |usual| self.stamps.above(usual.max(0).saturating_add(LATE_NS)))
    }

    /// The stretches of time from the first message on: when the first begins and how long each is, ns.
    pub fn stretches(&self) -> (i64, i64, &[Stretch]) {
        (self.stretches.start, self.stretches.width, &self.stretches.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Columns as _, EventColumns, FLAG_LAST};

    fn row(
        columns: &mut EventColumns,
        ts: i64,
        latency: i64,
        kind: EventKind,
        side: i8,
        price: i64,
        qty: i64,
    ) {
        columns.push(crate::event::Event {
            ts_event: ts - latency,
            ts_recv: ts,
            kind,
            side,
            flags: FLAG_LAST,
            price,
            qty,
            id: 0,
        });
    }

    #[test]
    fn every_number_lies_in_a_bucket_whose_width_is_small() {
        let mut numbers: Vec<u64> = (0..64).map(|power| 1 << power).collect();
        numbers.extend((0..64).map(|power| (1u64 << power) - 1));
        numbers.extend([0, 63, 64, 65, 1_000_003, u64::MAX]);
        for number in numbers {
            let least = least_of(bucket(number));
            assert!(least <= number && (number - least) as f64 <= number as f64 / 64.0, "{number}");
            assert!(bucket(number) < HALF);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(8))]
        #[test]
        fn a_quantile_of_many_is_that_of_all_within_the_width_of_a_bucket(
            seed in proptest::collection::vec(-5_000_000i64..5_000_000_000, 50..80), share in 0u64..=1_000,
        ) {
            let (mut few, mut many) = (Distribution::default(), Distribution::default());
            for value in &seed {
                few.push(*value);
            }
            for _ in 0..EXACT / 25 {
                for value in &seed {
                    many.push(*value);
                }
            }
            proptest::prop_assert!(few.buckets.is_empty() && !many.buckets.is_empty());
            let mut sorted = seed.clone();
            sorted.sort_unstable();
            let got = many.quantile(share).unwrap();
            let near = sorted.iter().any(|value| (got - value).abs() <= value.abs() / 64 + 1);
            proptest::prop_assert!(near);
            proptest::prop_assert_eq!(many.quantile(0), few.quantile(0));
            proptest::prop_assert_eq!(many.quantile(1_000), few.quantile(1_000));
        }
    }

    #[test]
    fn a_book_is_locked_or_crossed_from_message_to_message() {
        let mut columns = EventColumns::default();
        let ms = 1_000_000;
        row(&mut columns, 0, 5, EventKind::BookSet, 1, 100, 1);
        row(&mut columns, 0, 5, EventKind::BookSet, -1, 102, 1);
        row(&mut columns, 10 * ms, 5, EventKind::BookSet, 1, 102, 1); // locked
        row(&mut columns, 40 * ms, 5, EventKind::BookSet, 1, 103, 1); // crossed
        row(&mut columns, 100 * ms, 5, EventKind::Trade, 1, 103, 1);
        row(&mut columns, 240 * ms, 5, EventKind::BookSet, 1, 103, 0); // locked
        row(&mut columns, 250 * ms, 5, EventKind::BookSet, 1, 102, 0);
        let mut survey = Survey::default();
        survey.push(&columns.view());
        let spells = survey.spells();
        assert_eq!((spells.locked, spells.crossed, spells.longest), (40 * ms, 200 * ms, 240 * ms));

        // One that is still locked at the end counts until the last message, of whatever kind.
        let mut more = EventColumns::default();
        row(&mut more, 300 * ms, 5, EventKind::BookSet, 1, 102, 1);
        row(&mut more, 1_300 * ms, 5, EventKind::Trade, 1, 103, 1);
        survey.push(&more.view());
        assert_eq!(survey.spells().longest, 1_000 * ms);
        assert_eq!(survey.silence, (1_000 * ms, Some(300 * ms)));
    }

    #[test]
    fn messages_that_come_long_after_the_others_are_counted_with_the_first_of_them() {
        let mut columns = EventColumns::default();
        let late = LATE_NS + 2_000_000_000;
        for (ts, latency) in [(1, 7), (4, LATE_NS), (5, late), (6, 9), (7, 9), (8, -1_000), (9, late)] {
            row(&mut columns, ts, latency, EventKind::Trade, 1, 100, 1);
        }
        let mut survey = Survey::default();
        survey.push(&columns.view());
        assert_eq!(survey.late(), Occurrences { count: 2, first: Some(5) });
        let latencies = survey.latencies().unwrap();
        assert_eq!((latencies.least, latencies.p50, latencies.most), (-1_000, 9, late));
        let none = Survey::default();
        assert_eq!((none.latencies(), none.late()), (None, Occurrences::default()));
    }

    #[test]
    fn stretches_cover_a_year_as_well_as_a_moment_and_lose_nothing() {
        for step in [1, 77_777, 3_600_000_000_000] {
            let mut columns = EventColumns::default();
            for at in 0..9_000 {
                row(&mut columns, 50 + at * step, at, EventKind::BookSet, 1, 100 + at % 7, 1);
            }
            let mut survey = Survey::default();
            survey.push(&columns.view());
            let (start, width, rows) = survey.stretches();
            assert_eq!(start, 50);
            assert!(rows.len() <= MOST_STRETCHES && (rows.len() as i64 - 1) * width <= 8_999 * step);
            assert_eq!(rows.iter().map(|row| row.messages).sum::<u64>(), 9_000);
            assert_eq!(rows.iter().map(|row| row.latency_sum).sum::<i128>(), 8_999 * 9_000 / 2);
            assert_eq!(rows.iter().map(|row| row.latency_most).max(), Some(8_999));
            assert_eq!(rows.last().unwrap().bid, Some(106));
        }
    }
}
