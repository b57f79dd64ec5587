//! Which bars: a kind with its size, and options, in one form of text for subscriptions, Python and the command line.
//!
//! ```text
//! 1m                     windows of a minute from 00:00 UTC on; weeks (1w) begin on Monday
//! 1d+8h                  windows that begin eight hours later
//! tick:100               every 100 trades
//! volume:5               every 5 units of quantity
//! notional:1000000       every 1,000,000 of price times quantity
//! imbalance:tick         when signed trades (or volume, notional) outweigh what is expected
//! run:volume             when the buys or the sells alone do
//! renko:10               every move by a brick of 10
//! range:20               when high and low are 20 apart
//! ```
//!
//! Options follow, each after a comma, in any order: `source=trades|quotes|mid`; of windows `empty=skip|carry`,
//! `late=drop|amend`, `grace=1s`; of volume and notional `excess=keep|split`; of imbalance and run, where both of the
//! first must be given, `length=50` and `mean=0.5`, and `span=20`, `clamp=10`.

use std::fmt;

use super::number::Number;
use super::rule::{Expectations, Rule, Weight};
use crate::types::{
    DAY, Decimal, DecimalError, Increment, Instrument, did_you_mean, format_duration, nearest,
    nearest_duration, parse_duration,
};

/// A week, ns.
const WEEK: i64 = 7 * DAY;
/// The first Monday of the epoch, 1970-01-05, ns.
const MONDAY: i64 = 4 * DAY;

/// How long after the end of its window a bar is closed on our clock, where nothing closed it before, ns.
pub const DEFAULT_GRACE_NS: i64 = 1_000_000_000;

/// Why a text names no bars, or none of this instrument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BarSpecError {
    /// No kind of bars is called this.
    #[error(
        "{0:?} is no kind of bars; expected a length of time such as 1m, or tick:N, volume:SIZE, notional:SIZE, imbalance:tick, run:tick, renko:SIZE or range:SIZE{hint}",
        hint = did_you_mean(near_kind(.0).as_deref())
    )]
    Kind(String),
    /// A size, length or count is out of its range.
    #[error("{what} {value:?}: expected {expected}{}", did_you_mean(nearest_duration(.value).as_deref()))]
    Value {
        /// What it is of.
        what: &'static str,
        /// As given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// There is no such option, or these bars do not have it.
    #[error("{kind} bars have no option {option:?}; they have {known}{}", did_you_mean(nearest(.option, .known.split(", "))))]
    Option {
        /// The kind of bars.
        kind: &'static str,
        /// As given.
        option: String,
        /// Those they have.
        known: String,
    },
    /// An option must be given.
    #[error("{kind} bars need the options length and mean: {kind}:tick,length=50,mean=0.5")]
    Missing {
        /// The kind of bars.
        kind: &'static str,
    },
    /// Bars of prices that nobody traded at cannot be measured by quantities.
    #[error("{kind} bars are made of trades; a source of {source_word} has no quantities")]
    NeedsTrades {
        /// The kind of bars.
        kind: &'static str,
        /// The source.
        source_word: &'static str,
    },
    /// A size is not on the instrument's grid.
    #[error("{what} of {instrument}: {error}")]
    Grid {
        /// What it is of.
        what: &'static str,
        /// The instrument.
        instrument: String,
        /// What is wrong with it.
        error: DecimalError,
    },
}

/// What bars are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BarSource {
    /// Trades.
    #[default]
    Trades,
    /// The middle of the venue's own best prices, at each of its messages.
    Quotes,
    /// The middle of the book, at each message that moves it.
    Mid,
}

/// Words for a choice, the default first.
type Choice<T> = &'static [(&'static str, T)];

const SOURCES: Choice<BarSource> =
    &[("trades", BarSource::Trades), ("quotes", BarSource::Quotes), ("mid", BarSource::Mid)];
const EMPTY: Choice<bool> = &[("skip", false), ("carry", true)];
const LATE: Choice<bool> = &[("drop", false), ("amend", true)];
const EXCESS: Choice<bool> = &[("keep", false), ("split", true)];
const WEIGHTS: Choice<Weight> =
    &[("tick", Weight::Tick), ("volume", Weight::Volume), ("notional", Weight::Notional)];

fn word_of<T: Copy + PartialEq>(words: Choice<T>, value: T) -> &'static str {
    words.iter().find(|(_, other)| *other == value).map_or("", |(word, _)| word)
}

/// What imbalance and run bars expect at first, and how they learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Expected {
    length: Decimal,
    mean: Decimal,
    span: Option<u32>,
    clamp: Decimal,
}

/// The kind of bars with its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Time { interval: i64, offset: i64, carries: bool, amends: bool, grace: i64 },
    Tick(u32),
    Volume { size: Decimal, splits: bool },
    Notional { size: Decimal, splits: bool },
    Imbalance(Weight, Expected),
    Run(Weight, Expected),
    Renko(Decimal),
    Range(Decimal),
}

/// Which bars to make. Two are equal if they make the same bars; printed, it is the text it is read from, with what is
/// the default left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BarSpec {
    kind: Kind,
    source: BarSource,
}

/// Options as they are written.
struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|(other, _)| *other == name)?;
        Some(self.0.remove(at).1)
    }

    fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: Choice<T>,
        expected: &'static str,
    ) -> Result<T, BarSpecError> {
        let Some(value) = self.take(name) else { return Ok(words[0].1) };
        let found = words.iter().find(|(word, _)| *word == value);
        found.map(|(_, value)| *value).ok_or_else(|| bad(name, value, expected))
    }
}

fn bad(what: &'static str, value: &str, expected: &'static str) -> BarSpecError {
    let value = value.chars().take(64).collect();
    BarSpecError::Value { what, value, expected }
}

fn size(what: &'static str, text: &str) -> Result<Decimal, BarSpecError> {
    let value = Decimal::parse(text.trim().as_bytes()).ok();
    value
        .filter(|value| value.mantissa() > 0 && value.to_f64() < 1e30)
        .ok_or_else(|| bad(what, text, "a decimal number above zero"))
}

fn duration(what: &'static str, text: &str, least: i64) -> Result<i64, BarSpecError> {
    let text = text.trim();
    // Only here is a week a length of time: it has a day to begin with.
    let weeks = text.strip_suffix('w').map(|weeks| format!("{weeks}d"));
    let ns = match weeks {
        Some(days) => parse_duration(&days).ok().and_then(|ns| ns.checked_mul(7)),
        None => parse_duration(text).ok(),
    };
    ns.filter(|ns| *ns >= least)
        .ok_or_else(|| bad(what, text, "a length of time such as 30s, 1m or 1w, above zero"))
}

fn show_duration(ns: i64) -> String {
    if ns > 0 && ns % WEEK == 0 { format!("{}w", ns / WEEK) } else { format_duration(ns) }
}

impl BarSpec {
    /// Windows of this length without options.
    pub fn time(interval_ns: i64) -> Self {
        let interval = interval_ns.max(1);
        let kind = Kind::Time { interval, offset: 0, carries: false, amends: false, grace: DEFAULT_GRACE_NS };
        Self { kind, source: BarSource::Trades }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`BarSpecError`].
    pub fn parse(text: &str) -> Result<Self, BarSpecError> {
        let mut parts = text.split(',').map(str::trim);
        let head = parts.next().unwrap_or_default();
        let (name, value) =
            head.split_once(':').map_or(("", head), |(name, value)| (name.trim(), value.trim()));
        let mut options = Vec::new();
        for part in parts {
            let (option, value) = part.split_once('=').unwrap_or((part, ""));
            let option = option.trim();
            if options.iter().any(|(other, _)| *other == option) {
                return Err(bad("option", part, "each option once"));
            }
            options.push((option, value.trim()));
        }
        let mut options = Options(options);
        let kind = match name {
            "" => time(value, &mut options)?,
            "tick" => {
                let count = value.parse().ok().filter(|count| *count > 0);
                Kind::Tick(count.ok_or_else(|| bad("tick", value, "a whole number above zero"))?)
            }
            "volume" => Kind::Volume { size: size("volume", value)?, splits: splits(&mut options)? },
            "notional" => Kind::Notional { size: size("notional", value)?, splits: splits(&mut options)? },
            "imbalance" => Kind::Imbalance(weight(value)?, expected("imbalance", &mut options)?),
            "run" => Kind::Run(weight(value)?, expected("run", &mut options)?),
            "renko" => Kind::Renko(size("renko", value)?),
            "range" => Kind::Range(size("range", value)?),
            _ => return Err(BarSpecError::Kind(head.chars().take(64).collect())),
        };
        let source = options.word("source", SOURCES, "trades, quotes or mid")?;
        let spec = Self { kind, source };
        if let Some((option, _)) = options.0.first() {
            return Err(BarSpecError::Option {
                kind: spec.word(),
                option: option.chars().take(64).collect(),
                known: spec.option_names().join(", "),
            });
        }
        if source != BarSource::Trades && spec.needs_quantities() {
            return Err(BarSpecError::NeedsTrades { kind: spec.word(), source_word: spec.source_word() });
        }
        Ok(spec)
    }

    fn needs_quantities(&self) -> bool {
        match self.kind {
            Kind::Volume { .. } | Kind::Notional { .. } => true,
            Kind::Imbalance(weight, _) | Kind::Run(weight, _) => weight != Weight::Tick,
            Kind::Time { .. } | Kind::Tick(_) | Kind::Renko(_) | Kind::Range(_) => false,
        }
    }

    /// What kind of bars they are, in a word.
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Time { .. } => "time",
            Kind::Tick(_) => "tick",
            Kind::Volume { .. } => "volume",
            Kind::Notional { .. } => "notional",
            Kind::Imbalance(..) => "imbalance",
            Kind::Run(..) => "run",
            Kind::Renko(_) => "renko",
            Kind::Range(_) => "range",
        }
    }

    fn option_names(&self) -> Vec<&'static str> {
        let own: &[&str] = match self.kind {
            Kind::Time { .. } => &["empty", "late", "grace"],
            Kind::Volume { .. } | Kind::Notional { .. } => &["excess"],
            Kind::Imbalance(..) | Kind::Run(..) => &["length", "mean", "span", "clamp"],
            Kind::Tick(_) | Kind::Renko(_) | Kind::Range(_) => &[],
        };
        own.iter().copied().chain(["source"]).collect()
    }

    /// What they are made of.
    pub fn source(&self) -> BarSource {
        self.source
    }

    /// What they are made of, in a word.
    pub fn source_word(&self) -> &'static str {
        word_of(SOURCES, self.source)
    }

    /// How many of its units make one price increment: prices between two ticks are halves.
    pub fn price_parts(&self) -> i64 {
        if self.source == BarSource::Trades { 1 } else { 2 }
    }

    /// Length of the windows, ns; `None` of other bars.
    pub fn interval_ns(&self) -> Option<i64> {
        match self.kind {
            Kind::Time { interval, .. } => Some(interval),
            _ => None,
        }
    }

    /// The rule in floats of the tape's own units.
    pub fn rule_of_floats(&self) -> Rule<f64> {
        let to_float = |_: &'static str, value: Decimal| Ok(value.to_f64());
        self.rule([1.0, 1.0], to_float, to_float, |value| Ok(value.to_f64())).expect("floats are on no grid")
    }

    /// The rule in counts of an instrument's increments (halves of its price increment, see [`Self::price_parts`]).
    ///
    /// # Errors
    /// [`BarSpecError::Grid`] for a size the instrument cannot count.
    pub fn rule_of(&self, instrument: &Instrument) -> Result<Rule<i64>, BarSpecError> {
        let Instrument { price_increment, qty_increment, .. } = instrument;
        let parts = self.price_parts();
        let grid = |what, error| BarSpecError::Grid { what, instrument: instrument.id.to_string(), error };
        let steps = |what, increment: &Increment, value: Decimal, parts: i64| {
            let counted = increment.steps(value).map_err(|error| grid(what, error))?;
            counted.checked_mul(parts).ok_or_else(|| grid(what, DecimalError::OutOfRange(value.to_string())))
        };
        let product = |value: Decimal| {
            let unit = Decimal::new(
                price_increment.value().mantissa() * qty_increment.value().mantissa(),
                price_increment.value().scale() + qty_increment.value().scale(),
            );
            // The least count that is not below it: sums are whole counts.
            let scale = unit.scale().max(value.scale());
            let counts = value.at_scale(scale).zip(unit.at_scale(scale));
            let counts = counts.map(|(value, unit)| value / unit + i128::from(value % unit > 0));
            counts.ok_or_else(|| grid("notional", DecimalError::OutOfRange(value.to_string())))
        };
        let units = [price_increment.value().to_f64(), qty_increment.value().to_f64()];
        self.rule(
            units,
            |what, value| steps(what, price_increment, value, parts),
            |what, value| steps(what, qty_increment, value, 1),
            product,
        )
    }

    /// The rule of windows, which is the same in all numbers; `None` of other bars.
    pub fn rule_of_windows<N: Number>(&self) -> Option<Rule<N>> {
        match self.kind {
            Kind::Time { interval, offset, carries, amends, grace } => {
                Some(windows(interval, offset, carries, amends, grace))
            }
            _ => None,
        }
    }

    fn rule<N: Number>(
        &self,
        units: [f64; 2],
        price: impl Fn(&'static str, Decimal) -> Result<N, BarSpecError>,
        qty: impl Fn(&'static str, Decimal) -> Result<N, BarSpecError>,
        product: impl Fn(Decimal) -> Result<N::Limit, BarSpecError>,
    ) -> Result<Rule<N>, BarSpecError> {
        let learn = |weight: Weight, expected: Expected| Expectations {
            weight,
            units,
            length: expected.length.to_f64(),
            mean: expected.mean.to_f64(),
            gain: expected.span.map_or(0.0, |span| 2.0 / (f64::from(span) + 1.0)),
            clamp: expected.clamp.to_f64(),
        };
        Ok(match self.kind {
            Kind::Time { interval, offset, carries, amends, grace } => {
                windows(interval, offset, carries, amends, grace)
            }
            Kind::Tick(count) => Rule::Tick(count),
            Kind::Volume { size, splits } => Rule::Volume { limit: qty("volume", size)?, splits },
            Kind::Notional { size, splits } => Rule::Notional { limit: product(size)?, splits },
            Kind::Imbalance(weight, expected) => Rule::Imbalance(learn(weight, expected)),
            Kind::Run(weight, expected) => Rule::Run(learn(weight, expected)),
            Kind::Renko(size) => Rule::Renko(price("renko", size)?),
            Kind::Range(size) => Rule::Range(price("range", size)?),
        })
    }
}

/// The bars whose kind was written otherwise: `ticks:5`, `dollar:1000`, `time:1m`.
fn near_kind(text: &str) -> Option<String> {
    const KINDS: [&str; 7] = ["tick", "volume", "notional", "imbalance", "run", "renko", "range"];
    let (name, value) = text.split_once(':')?;
    let near = match name.to_lowercase().as_str() {
        "time" | "bar" | "bars" => return Some(value.to_owned()),
        "dollar" | "dollars" | "value" | "quote_volume" => "notional",
        _ => nearest(name, KINDS.into_iter())?,
    };
    Some(format!("{near}:{value}"))
}

fn time(text: &str, options: &mut Options<'_>) -> Result<Kind, BarSpecError> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(BarSpecError::Kind(text.chars().take(64).collect()));
    }
    let (length, offset) =
        text.split_once('+').map_or((text, None), |(length, offset)| (length, Some(offset)));
    let interval = duration("length", length, 1)?;
    let offset = offset.map_or(Ok(0), |offset| duration("offset", offset, 0))?;
    if offset >= interval {
        return Err(bad("offset", text, "less than the length of the windows"));
    }
    let grace = options.take("grace").map_or(Ok(DEFAULT_GRACE_NS), |text| duration("grace", text, 0))?;
    let carries = options.word("empty", EMPTY, "skip or carry")?;
    let amends = options.word("late", LATE, "drop or amend")?;
    Ok(Kind::Time { interval, offset, carries, amends, grace })
}

fn windows<N: Number>(interval: i64, offset: i64, carries: bool, amends: bool, grace: i64) -> Rule<N> {
    let origin = if interval % WEEK == 0 { MONDAY } else { 0 };
    let origin = origin.saturating_add(offset).rem_euclid(interval);
    Rule::Time { interval, origin, carries, amends, grace }
}

fn splits(options: &mut Options<'_>) -> Result<bool, BarSpecError> {
    options.word("excess", EXCESS, "keep or split")
}

fn weight(text: &str) -> Result<Weight, BarSpecError> {
    let found = WEIGHTS.iter().find(|(word, _)| *word == text);
    found.map(|(_, weight)| *weight).ok_or_else(|| bad("weight", text, "tick, volume or notional"))
}

fn expected(kind: &'static str, options: &mut Options<'_>) -> Result<Expected, BarSpecError> {
    let (Some(length), Some(mean)) = (options.take("length"), options.take("mean")) else {
        return Err(BarSpecError::Missing { kind });
    };
    let span = options.take("span").map(|text| {
        let span = text.parse().ok().filter(|span| *span > 0);
        span.ok_or_else(|| bad("span", text, "a whole number above zero"))
    });
    let clamp = options.take("clamp").map_or(Ok(Decimal::new(10, 0)), |text| size("clamp", text))?;
    if clamp.to_f64() < 1.0 {
        return Err(bad("clamp", &clamp.to_string(), "a factor of 1 or more"));
    }
    Ok(Expected {
        length: size("length", length)?,
        mean: size("mean", mean)?,
        span: span.transpose()?,
        clamp,
    })
}

impl fmt::Display for BarSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let excess = |splits| if splits { ",excess=split" } else { "" };
        match self.kind {
            Kind::Time { interval, offset, carries, amends, grace } => {
                f.write_str(&show_duration(interval))?;
                if offset > 0 {
                    write!(f, "+{}", show_duration(offset))?;
                }
                if carries {
                    f.write_str(",empty=carry")?;
                }
                if amends {
                    f.write_str(",late=amend")?;
                }
                if grace != DEFAULT_GRACE_NS {
                    write!(f, ",grace={}", show_duration(grace))?;
                }
            }
            Kind::Tick(count) => write!(f, "tick:{count}")?,
            Kind::Volume { size, splits } => write!(f, "volume:{size}{}", excess(splits))?,
            Kind::Notional { size, splits } => write!(f, "notional:{size}{}", excess(splits))?,
            Kind::Imbalance(weight, expected) | Kind::Run(weight, expected) => {
                let Expected { length, mean, span, clamp } = expected;
                write!(f, "{}:{},length={length},mean={mean}", self.word(), word_of(WEIGHTS, weight))?;
                if let Some(span) = span {
                    write!(f, ",span={span}")?;
                }
                if clamp != Decimal::new(10, 0) {
                    write!(f, ",clamp={clamp}")?;
                }
            }
            Kind::Renko(size) => write!(f, "renko:{size}")?,
            Kind::Range(size) => write!(f, "range:{size}")?,
        }
        if self.source != BarSource::Trades {
            write!(f, ",source={}", word_of(SOURCES, self.source))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        for text in [
            "1m",
            "1m+30s",
            "1w",
            "1d+8h,empty=carry,late=amend,grace=250ms,source=mid",
            "tick:100",
            "tick:100,source=quotes",
            "volume:0.5,excess=split",
            "notional:1000000",
            "imbalance:volume,length=50,mean=0.5,span=20,clamp=4",
            "run:tick,length=20,mean=0.6",
            "renko:10",
            "range:2.5,source=mid",
        ] {
            let spec = BarSpec::parse(text).unwrap();
            assert_eq!(spec.to_string(), text);
            assert_eq!(BarSpec::parse(&format!(" {} ", text.replace(',', " , "))), Ok(spec));
        }
        assert_eq!(BarSpec::parse("60s,grace=1s,empty=skip"), Ok(BarSpec::time(60_000_000_000)));
        assert_eq!(BarSpec::parse("7d").unwrap().to_string(), "1w");
    }

    #[test]
    fn what_makes_no_bars_is_refused_by_name() {
        for (text, words) in [
            ("", "is no kind of bars"),
            ("minute", "is no kind of bars"),
            ("ticks:5", "did you mean \"tick:5\"?"),
            ("dollar:1000", "did you mean \"notional:1000\"?"),
            ("time:1m", "did you mean \"1m\"?"),
            ("1min", "did you mean \"1m\"?"),
            ("1m,emtpy=carry", "did you mean \"empty\"?"),
            ("0s", "length \"0s\""),
            ("-1m", "is no kind of bars"),
            ("1m+1m", "less than the length"),
            ("1m+x", "offset \"x\""),
            ("tick:0", "a whole number above zero"),
            ("tick:1.5", "a whole number above zero"),
            ("volume:-5", "a decimal number above zero"),
            ("volume:nan", "a decimal number above zero"),
            ("volume:1e31", "a decimal number above zero"),
            ("renko:0", "a decimal number above zero"),
            ("imbalance:tick", "need the options length and mean"),
            ("imbalance:side,length=5,mean=1", "tick, volume or notional"),
            ("run:tick,length=5,mean=1,span=0", "a whole number above zero"),
            ("run:tick,length=5,mean=1,clamp=0.5", "a factor of 1 or more"),
            ("1m,empty=fill", "skip or carry"),
            ("1m,empty=carry,empty=skip", "each option once"),
            ("1m,excess=split", "time bars have no option \"excess\"; they have empty, late, grace, source"),
            ("tick:5,late=drop", "tick bars have no option \"late\"; they have source"),
            ("volume:5,source=mid", "a source of mid has no quantities"),
        ] {
            let error = BarSpec::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
