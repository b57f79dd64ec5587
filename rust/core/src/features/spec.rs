//! One feature as it is written: `ofi(window=5s)`, or `flow = ofi(window=5s)` under a name of its own.

use std::fmt::Write as _;
use std::sync::Arc;

use super::registry::{Definition, FIRST_OUTPUT, Measure, Parameter, Takes, find};
use super::window::Window;
use crate::bars::{BarSpec, BarSpecError};
use crate::indicators::{self, Given, Kind, NanPolicy, Stream};
use crate::types::{did_you_mean, format_duration, is_printed, nearest, parse_duration};

/// Names in a set at most so long.
const MOST_NAME: usize = 200;
/// Numbers of a list at most.
const MOST_NUMBERS: usize = 100_000;

/// Why a feature cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// No such feature.
    #[error("no feature {name:?}{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// A name that is near.
        nearest: Option<String>,
    },
    /// No such parameter.
    #[error("{feature} has no parameter {name:?}{}; it has: {known}", did_you_mean(.nearest.as_deref()))]
    UnknownParameter {
        /// The feature.
        feature: String,
        /// What was given.
        name: String,
        /// A name that is near.
        nearest: Option<String>,
        /// The parameters there are.
        known: String,
    },
    /// A parameter without a default was not given.
    #[error("{feature} needs {parameter}")]
    Missing {
        /// The feature.
        feature: String,
        /// The parameter.
        parameter: String,
    },
    /// A value a parameter does not take.
    #[error("{feature}: {parameter} = {value} is not {expected}")]
    BadValue {
        /// The feature.
        feature: String,
        /// The parameter.
        parameter: String,
        /// What was given.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// Text that is no feature.
    #[error("{text:?} is not written like ofi(window=5s): {problem}")]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A name that is none, or there twice.
    #[error("the name {name:?} {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Bars that the instrument does not have.
    #[error("bars: {0}")]
    Bars(#[from] BarSpecError),
    /// A set without features.
    #[error("a set needs a feature")]
    Empty,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A window.
    Window(Window),
    /// A length of time, ns.
    Duration(i64),
    /// A whole number.
    Count(usize),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// One of the words a parameter takes.
    Word(&'static str),
    /// Numbers.
    Numbers(Arc<[f64]>),
    /// Bars.
    Bars(BarSpec),
}

impl Value {
    fn parse(takes: Takes, text: &str) -> Option<Self> {
        let count = |least, most| text.parse().ok().filter(|n| (least..=most).contains(n));
        let duration = |least, most| parse_duration(text).ok().filter(|ns| (least..=most).contains(ns));
        match takes {
            Takes::Window => {
                let most = super::registry::MOST_COUNT;
                let time = || duration(1, super::registry::MOST_WINDOW_NS).map(Window::Time);
                count(1, most).map(Window::Count).or_else(time).map(Self::Window)
            }
            Takes::Duration(least, most) => duration(least, most).map(Self::Duration),
            Takes::Count(least, most) => count(least, most).map(Self::Count),
            Takes::Number(least, most) => {
                text.parse().ok().filter(|x| (least..=most).contains(x)).map(Self::Number)
            }
            Takes::Flag => text.parse().ok().map(Self::Flag),
            Takes::Word(words) => words.iter().find(|word| **word == text).map(|word| Self::Word(word)),
            Takes::Bars => BarSpec::parse(unquoted(text)).ok().map(Self::Bars),
            Takes::Indicator => {
                indicators::find(text).ok().filter(|spec| spec.reads_bars()).map(|spec| Self::Word(spec.name))
            }
            Takes::Output => {
                let mut names = indicators::specs().flat_map(|spec| spec.outputs).map(|(name, _)| *name);
                let is_first = (text == FIRST_OUTPUT).then_some(FIRST_OUTPUT);
                is_first.or_else(|| names.find(|name| *name == text)).map(Self::Word)
            }
            Takes::Numbers => {
                let inner = text.strip_prefix('[')?.strip_suffix(']')?.trim_end().trim_end_matches(',');
                let numbers = inner.split(',').map(|number| number.trim().parse::<f64>().ok());
                let numbers: Option<Vec<f64>> = numbers.take(MOST_NUMBERS + 1).collect();
                numbers
                    .filter(|numbers| {
                        numbers.len() <= MOST_NUMBERS && !numbers.iter().any(|x| x.is_infinite())
                    })
                    .map(|numbers| Self::Numbers(numbers.into()))
            }
        }
    }

    /// As it is written.
    pub fn text(&self) -> String {
        match self {
            Self::Window(Window::Time(ns)) | Self::Duration(ns) => format_duration(*ns),
            Self::Window(Window::Count(n)) | Self::Count(n) => n.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Word(word) => (*word).to_owned(),
            Self::Numbers(numbers) => {
                let written: Vec<String> = numbers.iter().map(f64::to_string).collect();
                format!("[{}]", written.join(", "))
            }
            Self::Bars(bars) => {
                let text = bars.to_string();
                if text.contains(',') { format!("\"{text}\"") } else { text }
            }
        }
    }
}

/// What a parameter takes, in words.
fn expected(takes: Takes) -> String {
    match takes {
        Takes::Window => format!(
            "a length of time up to {} or a count from 1 to {}",
            format_duration(super::registry::MOST_WINDOW_NS),
            super::registry::MOST_COUNT
        ),
        Takes::Duration(least, most) => {
            format!("a length of time from {} to {}", format_duration(least), format_duration(most))
        }
        Takes::Count(least, most) => format!("a whole number from {least} to {most}"),
        Takes::Number(least, most) => format!("a number from {least} to {most}"),
        Takes::Flag => "true or false".to_owned(),
        Takes::Word(words) => format!("one of {}", words.join(", ")),
        Takes::Numbers => "a list of numbers such as [0.1, -0.2]".to_owned(),
        Takes::Bars => "bars such as 1m or tick:100".to_owned(),
        Takes::Indicator => "an indicator of bars such as rsi".to_owned(),
        Takes::Output => "an output of the indicator".to_owned(),
    }
}

impl Parameter {
    /// What it takes, in words.
    pub fn expected(&self) -> String {
        expected(self.takes)
    }
}

/// A feature with the values of all of its parameters, under a name.
#[derive(Debug, Clone)]
pub struct FeatureSpec {
    pub(super) definition: &'static Definition,
    pub(super) values: Vec<Value>,
    /// The indicator it reads, at its beginning, and the place of the output.
    pub(super) indicator: Option<(Stream, usize)>,
    name: Option<String>,
}

impl PartialEq for FeatureSpec {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.full_text()) == (&other.name, other.full_text())
    }
}

impl FeatureSpec {
    /// Reads `feature`, `feature(parameter=value, ...)` or `name = feature(...)`.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let bad = |problem| SpecError::Syntax { text: shortened(text), problem };
        let (head, body) = match text.find('(') {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let (name, feature) = match head.split_once('=') {
            Some((name, feature)) => (Some(name.trim()), feature.trim()),
            None => (None, head.trim()),
        };
        if feature.is_empty() {
            return Err(bad("it names no feature"));
        }
        let definition = find(feature).map_err(|nearest| SpecError::Unknown {
            name: shortened(feature),
            nearest: nearest.map(str::to_owned),
        })?;
        let mut given = vec![None; definition.parameters.len()];
        let mut of_indicator: Vec<(&str, &str)> = Vec::new();
        if let Some(body) = body {
            let inner = body.trim_end().strip_suffix(')').ok_or_else(|| bad("the bracket is not closed"))?;
            for part in arguments(inner) {
                let (parameter, value) =
                    part.split_once('=').ok_or_else(|| bad("expected parameter=value"))?;
                let (parameter, value) = (parameter.trim(), value.trim());
                let known = definition.parameters.iter().position(|p| p.name == parameter);
                let is_again = match known {
                    Some(at) => given[at].replace(read(definition, at, value)?).is_some(),
                    None if definition.measure == Measure::Indicator => {
                        of_indicator.push((parameter, value));
                        of_indicator.iter().filter(|(name, _)| *name == parameter).count() > 1
                    }
                    None => return Err(unknown_parameter(definition, parameter)),
                };
                if is_again {
                    return Err(bad("a parameter is given twice"));
                }
            }
        }
        let mut values = Vec::with_capacity(given.len());
        for (at, value) in given.into_iter().enumerate() {
            let parameter = &definition.parameters[at];
            values.push(match (value, parameter.default) {
                (Some(value), _) => value,
                (None, Some(default)) => read(definition, at, default)?,
                (None, None) => {
                    let (feature, parameter) = (definition.name.to_owned(), parameter.name.to_owned());
                    return Err(SpecError::Missing { feature, parameter });
                }
            });
        }
        let name = name.map(check_name).transpose()?;
        let indicator = match &*values {
            [Value::Word(name), _, Value::Word(output)] if definition.measure == Measure::Indicator => {
                Some(indicator(name, output, &of_indicator)?)
            }
            _ => None,
        };
        let spec = Self { definition, values, indicator, name };
        spec.check_table()?;
        Ok(spec)
    }

    /// A table has whole rows.
    fn check_table(&self) -> Result<(), SpecError> {
        let [Value::Numbers(table), Value::Count(buckets)] = &*self.values else { return Ok(()) };
        if !table.is_empty() && table.len().is_multiple_of(*buckets) {
            return Ok(());
        }
        Err(SpecError::BadValue {
            feature: self.definition.name.to_owned(),
            parameter: "table".to_owned(),
            value: format!("a list of {}", table.len()),
            expected: format!("rows of {buckets} numbers"),
        })
    }

    /// What it is.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// Its name in a set: the one it was given, or how it is written.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.written(false))
    }

    /// As it is written, with the name it was given.
    pub fn text(&self) -> String {
        let written = self.written(false);
        self.name.as_ref().map_or_else(|| written.clone(), |name| format!("{name} = {written}"))
    }

    /// As it is written with the values of all parameters.
    pub fn full_text(&self) -> String {
        self.written(true)
    }

    /// The values of its parameters, in their order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    fn written(&self, whole: bool) -> String {
        let mut out = self.definition.name.to_owned();
        let mut open = '(';
        for (at, value) in self.values.iter().enumerate() {
            let parameter = &self.definition.parameters[at];
            let is_default = parameter.default.and_then(|text| Value::parse(parameter.takes, text)).as_ref()
                == Some(value);
            if whole || !is_default {
                let lead = if open == '(' { "(" } else { ", " };
                let _ = write!(out, "{lead}{}={}", parameter.name, value.text());
                open = ',';
            }
        }
        if let Some((stream, _)) = &self.indicator {
            for (param, value) in stream.spec().params.iter().zip(stream.values()) {
                if whole || value.to_bits() != param.default.to_bits() {
                    let _ = match param.kind {
                        Kind::Word(words) => write!(out, ", {}={}", param.name, words[*value as usize]),
                        Kind::Whole(..) | Kind::Number(..) => write!(out, ", {}={value}", param.name),
                    };
                }
            }
        }
        if open == ',' {
            out.push(')');
        }
        out
    }
}

fn read(definition: &'static Definition, at: usize, text: &str) -> Result<Value, SpecError> {
    let parameter = &definition.parameters[at];
    Value::parse(parameter.takes, text).ok_or_else(|| {
        let problem = match parameter.takes {
            Takes::Bars => BarSpec::parse(unquoted(text)).err().map(|error| error.to_string()),
            Takes::Indicator => indicators::find(text).err().map(|error| error.to_string()),
            _ => None,
        };
        let problem = problem.map_or_else(String::new, |problem| format!(": {problem}"));
        bad_value(definition, parameter.name, text, parameter.expected() + &problem)
    })
}

fn bad_value(definition: &Definition, parameter: &str, text: &str, expected: String) -> SpecError {
    SpecError::BadValue {
        feature: definition.name.to_owned(),
        parameter: parameter.to_owned(),
        value: shortened(text),
        expected,
    }
}

/// The indicator of a name with the parameters given as text, and the place of an output.
fn indicator(name: &str, output: &str, given: &[(&str, &str)]) -> Result<(Stream, usize), SpecError> {
    let definition = find("indicator").map_err(|_| SpecError::Empty)?;
    let spec =
        indicators::find(name).map_err(|error| bad_value(definition, "name", name, error.to_string()))?;
    let mut values = Vec::with_capacity(given.len());
    for (name, text) in given {
        let Some(param) = spec.params.iter().find(|param| param.name == *name) else {
            let names = || spec.params.iter().map(|param| param.name);
            return Err(no_parameter(spec.name, name, names().chain(["bars", "output"])));
        };
        let number = text.parse().ok().map(Given::Number);
        let value = match param.kind {
            Kind::Whole(..) => text.parse().ok().map(Given::Whole),
            Kind::Number(..) => number,
            Kind::Word(_) => Some(Given::Word(text)),
        };
        let value = value.filter(|value| param.take(*value).is_some()).ok_or_else(|| {
            let expected = param.expected();
            let expected = expected.strip_prefix("expected ").unwrap_or(&expected);
            bad_value(definition, param.name, text, expected.to_owned())
        })?;
        values.push((*name, value));
    }
    let stream = Stream::parse(spec.name, &values, NanPolicy::Restart)
        .map_err(|error| bad_value(definition, "name", name, error.to_string()))?;
    let place = spec.outputs.iter().position(|(own, _)| *own == output);
    let place = place.or((output == FIRST_OUTPUT).then_some(0)).ok_or_else(|| {
        let names: Vec<&str> = spec.outputs.iter().map(|(name, _)| *name).collect();
        bad_value(definition, "output", output, format!("one of {} of {}", names.join(", "), spec.name))
    })?;
    Ok((stream, place))
}

fn unknown_parameter(definition: &Definition, name: &str) -> SpecError {
    no_parameter(definition.name, name, definition.parameters.iter().map(|p| p.name))
}

fn no_parameter<'a>(feature: &str, name: &str, known: impl Iterator<Item = &'a str>) -> SpecError {
    let known: Vec<_> = known.collect();
    SpecError::UnknownParameter {
        feature: feature.to_owned(),
        name: shortened(name),
        nearest: nearest(name, known.iter().copied()).map(str::to_owned),
        known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
    }
}

/// Arguments, between commas that stand in no list and in no quotes.
fn arguments(text: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut is_quoted) = (0i32, false);
    text.split(move |letter| {
        match letter {
            '"' => is_quoted = !is_quoted,
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0 && !is_quoted
    })
    .filter(|part| !part.trim().is_empty())
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// A name a feature may have in a set.
pub(super) fn check_name(name: &str) -> Result<String, SpecError> {
    let bad = |problem| Err(SpecError::Name { name: shortened(name), problem });
    if name.is_empty() {
        return bad("is empty");
    }
    if name.len() > MOST_NAME {
        return bad("is longer than 200 bytes");
    }
    if name != name.trim() || !name.chars().all(is_printed) {
        return bad("has white space at an end or a character that cannot be printed");
    }
    if ["ts", "ts_available"].contains(&name) {
        return bad("is that of a column of times");
    }
    Ok(name.to_owned())
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 80 {
        text.to_owned()
    } else {
        text.chars().take(77).chain("...".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "spread",
            "ofi(window=5s)",
            "ofi(window=100, level=3)",
            "flow = ofi(window=250ms)",
            "stoikov_microprice(table=[0.1, -0.2, NaN, 1], buckets=2)",
            "vpin(bucket=0.5)",
            "kyle_lambda(intercept=false)",
            "bar",
            "bar(bars=\"5m,source=mid\", field=vwap)",
            "indicator(name=rsi)",
            "slow = indicator(name=macd, bars=tick:100, output=signal, slow=30)",
        ] {
            let spec = FeatureSpec::parse(text).unwrap();
            assert_eq!(spec.text(), text);
        }
        let spec = FeatureSpec::parse(" multilevel_ofi ( levels = 5 , window=1000ms ) ").unwrap();
        assert_eq!(
            (spec.name().as_str(), spec.full_text().as_str()),
            ("multilevel_ofi", "multilevel_ofi(levels=5, window=1s)")
        );
    }

    #[test]
    fn what_cannot_be_had_is_told_with_what_can() {
        for (text, error) in [
            ("micro_price", "no feature \"micro_price\"; did you mean \"microprice\"?"),
            (
                "ofi(windw=1s)",
                "ofi has no parameter \"windw\"; did you mean \"window\"?; it has: window, level",
            ),
            ("spread(x=1)", "spread has no parameter \"x\"; it has: none"),
            ("vpin", "vpin needs bucket"),
            ("ofi(level=0)", "ofi: level = 0 is not a whole number from 1 to 200"),
            (
                "ofi(window=1s",
                "\"ofi(window=1s\" is not written like ofi(window=5s): the bracket is not closed",
            ),
            ("ofi(5)", "\"ofi(5)\" is not written like ofi(window=5s): expected parameter=value"),
            (
                "indicator(name=rsx)",
                "indicator: name = rsx is not an indicator of bars such as rsi: \"rsx\" is no indicator; did you mean rsi?",
            ),
            ("indicator(name=beta)", "indicator: name = beta is not an indicator of bars such as rsi"),
            (
                "indicator(name=rsi, perid=3)",
                "rsi has no parameter \"perid\"; did you mean \"period\"?; it has: period, bars, output",
            ),
            ("indicator(name=rsi, period=1)", "indicator: period = 1 is not a whole number from 2 to 100000"),
            ("indicator(name=rsi, output=signal)", "indicator: output = signal is not one of value of rsi"),
            (
                "indicator(name=rsi, period=3, period=4)",
                "\"indicator(name=rsi, period=3, period=4)\" is not written like ofi(window=5s): a parameter is given twice",
            ),
            (
                "bar(bars=tik:100)",
                "bar: bars = tik:100 is not bars such as 1m or tick:100: \"tik:100\" is no kind of bars; expected a length of time such as 1m, or tick:N, volume:SIZE, notional:SIZE, imbalance:tick, run:tick, renko:SIZE or range:SIZE; did you mean \"tick:100\"?",
            ),
            ("ts = mid", "the name \"ts\" is that of a column of times"),
            ("", "\"\" is not written like ofi(window=5s): it names no feature"),
        ] {
            assert_eq!(FeatureSpec::parse(text).unwrap_err().to_string(), error);
        }
    }
}
