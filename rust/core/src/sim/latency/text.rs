//! Latency models as they are written:
//!
//! * a length of time: `5ms`;
//! * `lognormal(MEDIAN, SIGMA)`, `lognormal(MEDIAN, SIGMA, least=TIME)`;
//! * `mixture(WEIGHT MODEL, WEIGHT MODEL, ...)`;
//! * `load(MODEL, each=TIME, window=TIME)`;
//! * `series:FILE`.

use std::fmt;
use std::str::FromStr;

use super::LatencyModel;
use crate::types::{format_duration, parse_duration};

/// Models within models, at most.
const DEEPEST: usize = 8;

/// A text that is no latency model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no latency: {problem}; expected a length of time such as \"5ms\", \"lognormal(5ms, 0.3)\", \
     \"mixture(0.95 lognormal(4ms, 0.2), 0.05 lognormal(50ms, 1))\", \"load(4ms, each=20us, window=100ms)\" or \"series:FILE\""
)]
pub struct BadLatency {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

fn bad(text: &str, problem: impl Into<String>) -> BadLatency {
    BadLatency { text: text.to_owned(), problem: problem.into() }
}

/// A length of time, not negative.
fn time(text: &str) -> Result<i64, BadLatency> {
    match parse_duration(text) {
        Ok(ns) if ns < 0 => Err(bad(text, "it is negative")),
        Ok(ns) => Ok(ns),
        Err(error) => Err(bad(text, error.to_string())),
    }
}

fn number(text: &str) -> Result<f64, BadLatency> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| bad(text, "it is no number"))
}

/// The arguments between commas that lie in no inner parentheses.
fn arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0usize, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts
}

/// The value of an argument with this name.
fn named<'a>(argument: &'a str, name: &str) -> Result<&'a str, BadLatency> {
    let value = argument.split_once('=').filter(|(given, _)| given.trim() == name);
    value.map(|(_, value)| value.trim()).ok_or_else(|| bad(argument, format!("expected {name}=...")))
}

fn parse(text: &str, deep: usize) -> Result<LatencyModel, BadLatency> {
    if deep > DEEPEST {
        return Err(bad(text, format!("there are more than {DEEPEST} models within one another")));
    }
    if let Some(file) = text.strip_prefix("series:").map(str::trim) {
        if file.is_empty() {
            return Err(bad(text, "it names no file"));
        }
        return Ok(LatencyModel::Series { file: file.to_owned(), measured: [].into() });
    }
    let Some((name, rest)) = text.split_once('(') else { return time(text).map(LatencyModel::Constant) };
    let inner = rest.strip_suffix(')').ok_or_else(|| bad(text, "a parenthesis is not closed"))?;
    let given = arguments(inner);
    match (name.trim(), given.as_slice()) {
        ("lognormal", [median, sigma, least @ ..]) if least.len() <= 1 => {
            let least = least.first().map_or(Ok(0), |least| time(named(least, "least")?))?;
            let (median, sigma) = (time(median)?, number(sigma)?);
            if median < least {
                return Err(bad(text, "the median is less than the least"));
            }
            if !(0.0..=10.0).contains(&sigma) {
                return Err(bad(text, "sigma is not between 0 and 10"));
            }
            Ok(LatencyModel::Lognormal { median, sigma, least })
        }
        ("mixture", parts) => {
            let mut models = Vec::with_capacity(parts.len());
            for part in parts {
                let (weight, model) = part
                    .split_once(char::is_whitespace)
                    .ok_or_else(|| bad(part, "expected a weight and a model"))?;
                let weight = number(weight)?;
                if weight <= 0.0 {
                    return Err(bad(part, "its weight is not above 0"));
                }
                models.push((weight, parse(model.trim(), deep + 1)?));
            }
            let all: f64 = models.iter().map(|(weight, _)| weight).sum();
            if (all - 1.0).abs() > 1e-6 {
                return Err(bad(text, format!("its weights sum to {all}, not 1")));
            }
            Ok(LatencyModel::Mixture(models))
        }
        ("load", [base, each, window]) => {
            let (each, window) = (time(named(each, "each")?)?, time(named(window, "window")?)?);
            if window == 0 {
                return Err(bad(text, "its window is 0"));
            }
            Ok(LatencyModel::Load { base: Box::new(parse(base, deep + 1)?), each, window })
        }
        ("lognormal" | "load", _) => Err(bad(text, "too few or too many arguments")),
        (other, _) => Err(bad(text, format!("there is no model {other:?}"))),
    }
}

impl FromStr for LatencyModel {
    type Err = BadLatency;
    fn from_str(text: &str) -> Result<Self, BadLatency> {
        parse(text.trim(), 0)
    }
}

impl fmt::Display for LatencyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(ns) => f.write_str(&format_duration(*ns)),
            Self::Lognormal { median, sigma, least } => {
                write!(f, "lognormal({}, {sigma}", format_duration(*median))?;
                if *least > 0 {
                    write!(f, ", least={}", format_duration(*least))?;
                }
                f.write_str(")")
            }
            Self::Mixture(parts) => {
                f.write_str("mixture(")?;
                for (at, (weight, part)) in parts.iter().enumerate() {
                    write!(f, "{}{weight} {part}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::Series { file, .. } => write!(f, "series:{file}"),
            Self::Custom(source) => f.write_str(source.0.name()),
            Self::Load { base, each, window } => {
                write!(
                    f,
                    "load({base}, each={}, window={})",
                    format_duration(*each),
                    format_duration(*window)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "0ns",
            "5ms",
            "lognormal(5ms, 0.3)",
            "lognormal(5ms, 0.3, least=3ms)",
            "mixture(0.95 lognormal(4ms, 0.2), 0.05 lognormal(50ms, 1, least=10ms))",
            "load(lognormal(4ms, 0.2), each=20us, window=100ms)",
            "mixture(0.5 load(1ms, each=1us, window=1s), 0.5 2ms)",
            "series:folder/a, b (c).csv",
        ] {
            assert_eq!(text.parse::<LatencyModel>().unwrap().to_string(), text);
        }
        assert_eq!(
            " lognormal( 5000us ,0.30 ) ".parse::<LatencyModel>().unwrap().to_string(),
            "lognormal(5ms, 0.3)"
        );
    }

    #[test]
    fn what_is_no_model_says_what_is_wrong() {
        for (text, problem) in [
            ("5", "\"5\" is no latency: "),
            ("-5ms", "it is negative"),
            ("lognormal(5ms)", "too few or too many arguments"),
            ("lognormal(5ms, wide)", "it is no number"),
            ("lognormal(5ms, 11)", "sigma is not between 0 and 10"),
            ("lognormal(5ms, 0.3, least=6ms)", "the median is less than the least"),
            ("lognormal(5ms, 0.3, most=6ms)", "expected least=..."),
            ("lognormal(5ms, 0.3", "a parenthesis is not closed"),
            ("mixture(0.5 1ms, 0.4 2ms)", "its weights sum to 0.9, not 1"),
            ("mixture(1ms, 2ms)", "expected a weight and a model"),
            ("mixture(-1 1ms, 2 2ms)", "its weight is not above 0"),
            ("load(1ms, each=1us, window=0ns)", "its window is 0"),
            ("normal(5ms, 1)", "there is no model \"normal\""),
            ("series:", "it names no file"),
        ] {
            let told = text.parse::<LatencyModel>().unwrap_err().to_string();
            assert!(told.contains(problem), "{text}: {told}");
        }
        let deep = (0..40).fold("1ms".to_owned(), |inner, _| format!("load({inner}, each=1us, window=1s)"));
        assert!(deep.parse::<LatencyModel>().unwrap_err().to_string().contains("more than 8 models"));
    }
}
