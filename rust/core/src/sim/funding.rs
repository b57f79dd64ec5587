//! Funding of perpetual contracts: at its times those who are long pay a part of their position's value to those who are
//! short, or the reverse.
//!
//! `value at the mark × rate`, paid by longs where the rate is above 0, on what an account holds at that very moment; at one
//! nanosecond with a command, before it. A position is valued at the last mark price of the data, else at its last index
//! price, else at the middle of the book.
//!
//! A rate in the data with the time of its payment counts for that time, the last one before it; one without is paid as
//! it is told, as files of past funding have it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::decode::not_in_ns;
use crate::event::{EventKind, Span, View};
use crate::types::{Decimal, FINE_ONE, FINE_SCALE, format_duration, parse_duration};

/// Rates by the times they are paid, rising: ns, and units of 10^-9.
pub type FundingRates = Arc<[(i64, i64)]>;

/// Where funding comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FundingSource {
    /// Rates in the data.
    #[default]
    Data,
    /// None is paid.
    Off,
    /// Always the same rate, in units of 10^-9, in an interval, ns.
    Every {
        /// The rate.
        rate: i64,
        /// The interval.
        interval: i64,
        /// So long after whole multiples of it.
        from: i64,
    },
    /// Rates of a file.
    Series {
        /// The file.
        file: String,
        /// What it holds; nothing until it is read.
        rates: FundingRates,
    },
}

/// A text that says no source of funding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} {problem}; expected data, off, a rate such as \"0.0001 every 8h\" or \"0.0001 every 8h from 4h\", or \"series:FILE\""
)]
pub struct BadFunding {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

fn bad(text: &str, problem: &'static str) -> BadFunding {
    BadFunding { text: text.to_owned(), problem }
}

/// A rate in units of 10^-9.
fn rate(text: &str) -> Option<i64> {
    let units = text.parse::<Decimal>().ok()?.at_scale(FINE_SCALE)?;
    i64::try_from(units).ok().filter(|rate| rate.abs() <= FINE_ONE)
}

/// The shortest interval at which a venue may ask for payments, ns.
const SHORTEST: i64 = 1_000_000_000;

/// A rate in units of 10^-9 at whole multiples of an interval, ns: `0.0001 every 8h`; `None` for what is nothing like it.
pub(super) fn read_every(text: &str) -> Option<Result<(i64, i64), &'static str>> {
    let (paid, interval) = text.split_once(" every ")?;
    let rate = rate(paid.trim()).ok_or("has no rate between -1 and 1 of up to 9 decimals");
    let interval = parse_duration(interval.trim()).ok().filter(|ns| *ns >= SHORTEST);
    Some(rate.and_then(|rate| Ok((rate, interval.ok_or("has no interval of at least 1s")?))))
}

pub(super) fn write_every(f: &mut fmt::Formatter<'_>, rate: i64, interval: i64) -> fmt::Result {
    let rate = Decimal::new(i128::from(rate), FINE_SCALE).to_string();
    let rate = if rate.contains('.') { rate.trim_end_matches('0').trim_end_matches('.') } else { &rate };
    write!(f, "{rate} every {}", format_duration(interval))
}

/// The first whole multiple of an interval that is not before a time, ns.
pub(super) fn next_multiple(now: i64, interval: i64) -> i64 {
    let at = now.div_euclid(interval).saturating_add(i64::from(now.rem_euclid(interval) > 0));
    at.saturating_mul(interval)
}

impl FundingSource {
    /// The kinds of events by which it is paid and valued.
    #[must_use]
    pub fn kinds(&self) -> &'static [EventKind] {
        match self {
            Self::Data => &[EventKind::Mark, EventKind::Index, EventKind::Funding],
            Self::Off => &[],
            Self::Every { .. } | Self::Series { .. } => &[EventKind::Mark, EventKind::Index],
        }
    }
}

impl FromStr for FundingSource {
    type Err = BadFunding;
    fn from_str(text: &str) -> Result<Self, BadFunding> {
        if let Some(file) = text.strip_prefix("series:").map(str::trim) {
            if file.is_empty() {
                return Err(bad(text, "names no file"));
            }
            return Ok(Self::Series { file: file.to_owned(), rates: [].into() });
        }
        match text {
            "data" => return Ok(Self::Data),
            "off" => return Ok(Self::Off),
            _ => {}
        }
        let (every, from) =
            text.split_once(" from ").map_or((text, None), |(every, from)| (every, Some(from)));
        let every = read_every(every).unwrap_or(Err("is no funding"));
        let (rate, interval) = every.map_err(|problem| bad(text, problem))?;
        let from = from.map_or(Some(0), |from| parse_duration(from.trim()).ok());
        let from = from.filter(|from| (0..interval).contains(from));
        let from = from.ok_or_else(|| bad(text, "begins at no time within its interval"))?;
        Ok(Self::Every { rate, interval, from })
    }
}

impl fmt::Display for FundingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data => f.write_str("data"),
            Self::Off => f.write_str("off"),
            Self::Every { rate, interval, from } => {
                write_every(f, *rate, *interval)?;
                if *from > 0 { write!(f, " from {}", format_duration(*from)) } else { Ok(()) }
            }
            Self::Series { file, .. } => write!(f, "series:{file}"),
        }
    }
}

/// The first line of a file of rates.
const HEADER: &str = "ts_ns,rate";

/// Rates of a file: lines of `ts_ns,rate`, in order of time, the rate as a fraction.
///
/// # Errors
/// The number of a line, from 1, and what is wrong with it.
pub fn read_rates(text: &str) -> Result<FundingRates, (u64, String)> {
    let mut lines = text.lines().enumerate();
    let head = lines.next().map_or("", |(_, head)| head.trim());
    if head != HEADER {
        return Err((1, format!("expected {HEADER}, got {head:?}")));
    }
    let mut rates: Vec<(i64, i64)> = Vec::new();
    for (line, row) in lines.filter(|(_, row)| !row.trim().is_empty()) {
        let fail = |problem: String| (line as u64 + 1, problem);
        let read =
            row.split_once(',').and_then(|(ts, paid)| Some((ts.trim().parse().ok()?, rate(paid.trim())?)));
        let read: (i64, i64) = read.ok_or_else(|| {
            fail(format!("expected a time in ns and a rate of up to 9 decimals, got {row:?}"))
        })?;
        if rates.last().is_some_and(|(before, _)| *before >= read.0) {
            return Err(fail(format!("{} is not after the line before", read.0)));
        }
        if let Some(problem) = not_in_ns(read.0).filter(|_| rates.is_empty()) {
            return Err(fail(problem));
        }
        rates.push(read);
    }
    Ok(rates.into())
}

/// What is known of one market's funding.
#[derive(Debug)]
pub(super) struct Funding {
    source: FundingSource,
    /// The next payment: when, and its rate.
    next: Option<(i64, i64)>,
    /// The last one that was made.
    paid: i64,
}

impl Funding {
    /// Of a source; `None` where nothing is ever paid.
    pub(super) fn new(source: FundingSource) -> Option<Self> {
        let funding = Self { source, next: None, paid: i64::MIN };
        (funding.source != FundingSource::Off).then_some(funding)
    }

    /// When the next payment is due.
    pub(super) fn due(&self) -> Option<i64> {
        self.next.map(|(at, _)| at)
    }

    /// The data begins.
    pub(super) fn begin(&mut self, now: i64) {
        match self.source {
            FundingSource::Every { rate, interval, from } => {
                let at = next_multiple(now.saturating_sub(from), interval).saturating_add(from);
                self.next = Some((at, rate));
            }
            FundingSource::Series { .. } => self.next = self.rate_from(now),
            FundingSource::Data | FundingSource::Off => {}
        }
    }

    fn rate_from(&self, now: i64) -> Option<(i64, i64)> {
        let FundingSource::Series { rates, .. } = &self.source else { return None };
        rates.get(rates.partition_point(|(at, _)| *at < now)).copied()
    }

    /// Takes a message. Returns whether the next payment is due at another time now.
    pub(super) fn on_message(&mut self, view: &View<'_>, rows: Span, now: i64) -> bool {
        let before = self.due();
        for row in rows.from..rows.to {
            let is_rate = EventKind::from_column(view.kind[row]) == Some(EventKind::Funding);
            if is_rate && self.source == FundingSource::Data {
                let told = view.id.map_or(0, |ids| ids[row]) as i64;
                let at = if told > 0 { told } else { now };
                if at >= now && at > self.paid {
                    self.next = Some((at, view.price.get(row)));
                }
            }
        }
        self.due() != before
    }

    /// The rate of the payment that is due by a time, and when it is; the next one is awaited from then on.
    pub(super) fn take(&mut self, until: i64) -> Option<(i64, i64)> {
        let (at, rate) = self.next.filter(|(at, _)| *at <= until)?;
        self.paid = at;
        self.next = match &self.source {
            FundingSource::Every { rate, interval, .. } => {
                at.checked_add(*interval).map(|next| (next, *rate))
            }
            FundingSource::Series { .. } => self.rate_from(at.saturating_add(1)),
            FundingSource::Data | FundingSource::Off => None,
        };
        Some((at, rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "data",
            "off",
            "0.0001 every 8h",
            "0.0001 every 8h from 4h",
            "-0.000000001 every 1h",
            "series:a b.csv",
        ] {
            assert_eq!(text.parse::<FundingSource>().unwrap().to_string(), text);
        }
        for (text, problem) in [
            ("on", "is no funding"),
            ("2 every 8h", "has no rate between -1 and 1"),
            ("0.0000000001 every 8h", "has no rate"),
            ("0.0001 every 8", "has no interval of at least 1s"),
            ("0.0001 every 0s", "has no interval of at least 1s"),
            ("0.0001 every -8h", "has no interval of at least 1s"),
            ("0.0001 every 999ms", "has no interval of at least 1s"),
            ("0.0001 every 8h from 8h", "begins at no time within its interval"),
            ("0.0001 every 8h from noon", "begins at no time within its interval"),
            ("series:", "names no file"),
        ] {
            let told = text.parse::<FundingSource>().unwrap_err().to_string();
            assert!(told.contains(problem) && told.contains("expected data, off"), "{told}");
        }
    }

    #[test]
    fn a_line_that_is_no_rate_is_named() {
        let read = |text: &str| read_rates(text).map_err(|(line, problem)| format!("{line}: {problem}"));
        assert_eq!(
            read("ts_ns,rate\n100,0.0001\n200,-0.00000001\n").unwrap()[..],
            [(100, 100_000), (200, -10)]
        );
        assert_eq!(read("a\n").unwrap_err(), "1: expected ts_ns,rate, got \"a\"");
        assert!(read("ts_ns,rate\n100,x\n").unwrap_err().starts_with("2: expected a time in ns"));
        let told = read("ts_ns,rate\n1723075200000,0\n").unwrap_err();
        assert!(told.contains("while as ms it is 2024-08-08 00:00:00.000000000 UTC"), "{told}");
        assert_eq!(read("ts_ns,rate\n100,0\n100,0\n").unwrap_err(), "3: 100 is not after the line before");
    }

    #[test]
    fn a_schedule_is_paid_at_whole_intervals_and_a_series_at_its_times() {
        let mut every = Funding::new(FundingSource::Every { rate: 7, interval: 100, from: 0 }).unwrap();
        every.begin(200);
        assert_eq!((every.take(199), every.take(200), every.due()), (None, Some((200, 7)), Some(300)));
        every.begin(301);
        assert_eq!(every.due(), Some(400));
        let mut later = Funding::new(FundingSource::Every { rate: 7, interval: 100, from: 40 }).unwrap();
        later.begin(240);
        assert_eq!((later.take(240), later.due()), (Some((240, 7)), Some(340)));
        later.begin(241);
        assert_eq!(later.due(), Some(340));
        let rates = [(100, 1), (200, 2)].into();
        let mut series = Funding::new(FundingSource::Series { file: "f".into(), rates }).unwrap();
        series.begin(150);
        assert_eq!((series.take(1_000), series.take(1_000)), (Some((200, 2)), None));
        assert!(Funding::new(FundingSource::Off).is_none());
    }
}
