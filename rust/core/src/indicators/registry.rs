//! All indicators by name, and one of them with its parameters.

use std::fmt;

use super::spec::{BAR, Given, Input, Kind, Spec, Values};
use super::state::{Memory, Reader};
use super::stream::{NanPolicy, Row};
use super::{
    averages, bands, directional, estimators, momentum, oscillators, prices, ranges, statistics, trend,
    volume,
};
use crate::types::nearest;

const FAMILIES: &[(&str, &[Spec])] = &[
    ("averages", averages::SPECS),
    ("momentum", momentum::SPECS),
    ("oscillators", oscillators::SPECS),
    ("trend", trend::SPECS),
    ("directional movement", directional::SPECS),
    ("bands", bands::SPECS),
    ("ranges", ranges::SPECS),
    ("volatility", estimators::SPECS),
    ("volume", volume::SPECS),
    ("statistics", statistics::SPECS),
    ("prices", prices::SPECS),
];

/// Every family of indicators: its name, and what is in it.
pub fn families() -> impl Iterator<Item = (&'static str, &'static [Spec])> {
    FAMILIES.iter().copied()
}

/// Every indicator.
pub fn specs() -> impl Iterator<Item = &'static Spec> {
    FAMILIES.iter().flat_map(|(_, specs)| *specs)
}

/// What is no indicator, no parameter of it, or no state of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndicatorError {
    /// No indicator of this name.
    #[error("{name:?} is no indicator{}", hint(.close))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What is called almost so, or empty.
        close: String,
    },
    /// No parameter of this name.
    #[error("{name} has no parameter {param}; it has {known}")]
    NoParameter {
        /// The indicator.
        name: &'static str,
        /// What was given.
        param: String,
        /// What it has.
        known: String,
    },
    /// A value that a parameter cannot have.
    #[error("{param}: {expected}")]
    Value {
        /// The parameter.
        param: &'static str,
        /// What it can be.
        expected: String,
    },
    /// Bytes that are no saved indicator.
    #[error("no saved state of an indicator")]
    State,
}

fn hint(close: &str) -> String {
    if close.is_empty() { String::new() } else { format!("; did you mean {close}?") }
}

/// The indicator of a name.
///
/// # Errors
/// [`IndicatorError::Unknown`], with a name that is like it.
pub fn find(name: &str) -> Result<&'static Spec, IndicatorError> {
    const FAR: usize = 40;
    specs().find(|spec| spec.name == name).ok_or_else(|| {
        let close = nearest(name, specs().map(|spec| spec.name)).unwrap_or_default();
        IndicatorError::Unknown { name: name.chars().take(FAR).collect(), close: close.into() }
    })
}

/// An indicator with its parameters, from row to row.
pub struct Stream {
    spec: &'static Spec,
    values: Vec<f64>,
    policy: NanPolicy,
    /// What it reads of a bar, where that is one number.
    place: Option<u8>,
    row: Box<dyn Row>,
}

impl Stream {
    /// An indicator by name; parameters that are not given have their defaults.
    ///
    /// # Errors
    /// [`IndicatorError`] for a name or value that it does not have.
    pub fn parse(name: &str, given: &[(&str, Given<'_>)], policy: NanPolicy) -> Result<Self, IndicatorError> {
        let spec = find(name)?;
        let mut values: Vec<f64> = spec.params.iter().map(|param| param.default).collect();
        for (name, value) in given {
            let Some(place) = spec.params.iter().position(|param| param.name == *name) else {
                let known: Vec<&str> = spec.params.iter().map(|param| param.name).collect();
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                return Err(IndicatorError::NoParameter { name: spec.name, param: (*name).into(), known });
            };
            let param = &spec.params[place];
            values[place] = param
                .take(*value)
                .ok_or_else(|| IndicatorError::Value { param: param.name, expected: param.expected() })?;
        }
        Self::new(spec, values, policy)
    }

    fn new(spec: &'static Spec, values: Vec<f64>, policy: NanPolicy) -> Result<Self, IndicatorError> {
        for pair in spec.ascending.windows(2) {
            if values[pair[0]] >= values[pair[1]] {
                let [low, high] = [pair[0], pair[1]].map(|place| spec.params[place].name);
                let expected = format!("expected more than {low}, which is {}", values[pair[0]]);
                return Err(IndicatorError::Value { param: high, expected });
            }
        }
        let row = (spec.build)(policy, Values(&values));
        let place = if let [input] = spec.inputs { input.of_bar().map(|place| place as u8) } else { None };
        Ok(Self { spec, values, policy, place, row })
    }

    /// What it is.
    pub fn spec(&self) -> &'static Spec {
        self.spec
    }

    /// Its parameters, in their order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// What it does with a row that holds no number.
    pub fn policy(&self) -> NanPolicy {
        self.policy
    }

    /// Takes the next row, a number for each input, and gives what is known after it: NaN during the warm-up.
    ///
    /// # Panics
    /// If the row is shorter.
    #[inline]
    pub fn update(&mut self, row: &[f64]) -> &[f64] {
        self.row.update(row)
    }

    /// Takes the next bar `[open, high, low, close, volume, ts]`. What is none of a bar is NaN.
    #[inline]
    pub fn update_bar(&mut self, bar: &[f64; BAR]) -> &[f64] {
        if let Some(place) = self.place {
            return self.row.update(&[bar[usize::from(place)]]);
        }
        let mut row = [f64::NAN; BAR];
        for (to, input) in row.iter_mut().zip(self.spec.inputs) {
            *to = input.of_bar().map_or(f64::NAN, |place| bar[place]);
        }
        self.row.update(&row)
    }

    /// Takes many rows, a column for each input, into a column for each output.
    ///
    /// # Panics
    /// If columns are missing, or shorter than those of the outputs.
    pub fn batch(&mut self, columns: &[&[f64]], out: &mut [&mut [f64]]) {
        self.row.batch(columns, out);
    }

    /// What the last row gave; NaN before the first one.
    pub fn value(&self) -> &[f64] {
        self.row.value()
    }

    /// Whether the warm-up is over.
    pub fn is_ready(&self) -> bool {
        self.row.is_ready()
    }

    /// Rows of the warm-up.
    pub fn warm_up(&self) -> usize {
        self.spec.warm_up(&self.values)
    }

    /// How far back what it remembers goes; `None` if to the beginning.
    pub(super) fn memory(&self) -> Option<Memory> {
        self.row.memory()
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        self.row.reset();
    }

    /// What it is and remembers, as bytes.
    pub fn save(&self) -> Vec<u8> {
        let mut out = vec![VERSION, u8::from(self.policy == NanPolicy::Talib), self.spec.name.len() as u8];
        out.extend(self.spec.name.as_bytes());
        self.values.iter().for_each(|value| out.extend(value.to_le_bytes()));
        self.row.write(&mut out);
        out
    }

    /// Goes on from saved bytes.
    ///
    /// # Errors
    /// [`IndicatorError::State`] for anything else.
    pub fn load(bytes: &[u8]) -> Result<Self, IndicatorError> {
        Self::read(bytes).ok_or(IndicatorError::State)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[version, is_talib, length], rest) = bytes.split_first_chunk::<3>()?;
        let (name, rest) = rest.split_at_checked(usize::from(length))?;
        let spec = find(std::str::from_utf8(name).ok()?).ok()?;
        let policy = match (version, is_talib) {
            (VERSION, 0) => NanPolicy::Restart,
            (VERSION, 1) => NanPolicy::Talib,
            _ => return None,
        };
        let (values, state) = rest.split_at_checked(8 * spec.params.len())?;
        let values = values.chunks_exact(8).zip(spec.params).map(|(eight, param)| {
            let value = f64::from_le_bytes(eight.try_into().ok()?);
            let whole = (value.fract() == 0.0 && value.abs() < 1e15).then_some(value as i64);
            match param.kind {
                Kind::Word(words) => param.take(Given::Word(words.get(usize::try_from(whole?).ok()?)?)),
                Kind::Whole(..) => param.take(Given::Whole(whole?)),
                Kind::Number(..) => param.take(Given::Number(value)),
            }
        });
        let mut stream = Self::new(spec, values.collect::<Option<_>>()?, policy).ok()?;
        let mut reader = Reader(state);
        stream.row.read(&mut reader)?;
        reader.0.is_empty().then_some(stream)
    }
}

/// Of what [`Stream::save`] writes.
const VERSION: u8 = 2;

impl Clone for Stream {
    fn clone(&self) -> Self {
        let (values, row) = (self.values.clone(), self.row.copy());
        Self { spec: self.spec, values, policy: self.policy, place: self.place, row }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.spec.name, self.values)
    }
}

/// Names of what an indicator reads.
pub fn input_names(spec: &Spec) -> Vec<&'static str> {
    spec.inputs.iter().map(|input: &Input| input.name()).collect()
}
