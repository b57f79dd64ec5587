//! What an indicator is called, takes and gives: one description for every door to it.

use super::stream::{NanPolicy, Row};

/// The longest period.
pub const MOST_PERIOD: usize = 100_000;

/// A column that an indicator reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// First price of a bar.
    Open,
    /// Highest price of a bar.
    High,
    /// Lowest price of a bar.
    Low,
    /// Last price of a bar, or any series of numbers.
    Close,
    /// Quantity traded in a bar.
    Volume,
    /// Time of a bar, ns UTC.
    Ts,
    /// First of two series.
    X,
    /// Second of two series.
    Y,
}

impl Input {
    /// What it is called.
    pub fn name(self) -> &'static str {
        ["open", "high", "low", "close", "volume", "ts", "x", "y"][self as usize]
    }

    /// Its place in a bar `[open, high, low, close, volume, ts]`; `None` for what is none of a bar.
    #[inline]
    pub fn of_bar(self) -> Option<usize> {
        Some(self as usize).filter(|place| *place < BAR)
    }
}

/// Columns of a bar.
pub const BAR: usize = 6;

/// What a parameter can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number from one to the other.
    Whole(usize, usize),
    /// A number from one to the other.
    Number(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it can be.
    pub kind: Kind,
    /// What it is if not given; of words, the place among them.
    pub default: f64,
    /// What it does, and its unit.
    pub doc: &'static str,
}

/// A value given for a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Given<'a> {
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// A text.
    Word(&'a str),
}

impl Param {
    pub(super) const fn whole(name: &'static str, least: usize, default: usize, doc: &'static str) -> Self {
        Self { name, kind: Kind::Whole(least, MOST_PERIOD), default: default as f64, doc }
    }

    pub(super) const fn number(
        name: &'static str,
        (least, most): (f64, f64),
        default: f64,
        doc: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Number(least, most), default, doc }
    }

    pub(super) const fn word(name: &'static str, words: &'static [&'static str], doc: &'static str) -> Self {
        Self { name, kind: Kind::Word(words), default: 0.0, doc }
    }

    /// The value of what was given, if it can be one.
    pub fn take(&self, given: Given<'_>) -> Option<f64> {
        match (self.kind, given) {
            (Kind::Whole(least, most), Given::Whole(n)) => {
                usize::try_from(n).ok().filter(|n| (least..=most).contains(n)).map(|n| n as f64)
            }
            (Kind::Number(..), Given::Whole(n)) => self.take(Given::Number(n as f64)),
            (Kind::Number(least, most), Given::Number(x)) => Some(x).filter(|x| (least..=most).contains(x)),
            (Kind::Word(words), Given::Word(word)) => {
                words.iter().position(|known| *known == word).map(|place| place as f64)
            }
            _ => None,
        }
    }

    /// What was expected, for an error.
    pub fn expected(&self) -> String {
        match self.kind {
            Kind::Whole(least, most) => format!("expected a whole number from {least} to {most}"),
            Kind::Number(least, most) => format!("expected a number from {least:?} to {most:?}"),
            Kind::Word(words) => format!("expected one of {}", words.join(", ")),
        }
    }
}

/// A period of at least `least` rows.
pub(super) const fn period(least: usize, default: usize) -> Param {
    Param::whole("period", least, default, "Length of the window, rows.")
}

/// Values of all parameters, in their order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a>(pub(super) &'a [f64]);

impl Values<'_> {
    /// A whole number, or the place of a word.
    pub(super) fn n(&self, place: usize) -> usize {
        self.0[place] as usize
    }

    /// A number.
    pub(super) fn x(&self, place: usize) -> f64 {
        self.0[place]
    }
}

/// An output: its name, and what it is.
pub type Output = (&'static str, &'static str);

/// What an indicator is called, takes and gives.
#[derive(Debug)]
pub struct Spec {
    /// The name of its function.
    pub name: &'static str,
    /// The name of its class.
    pub class: &'static str,
    /// What it is, in a sentence.
    pub summary: &'static str,
    /// Its formula and conventions.
    pub notes: &'static str,
    /// What it reads.
    pub inputs: &'static [Input],
    /// Its parameters.
    pub params: &'static [Param],
    /// Places of parameters of which each has to be above the one before.
    pub ascending: &'static [usize],
    /// What it gives.
    pub outputs: &'static [Output],
    pub(super) warm_up: fn(Values<'_>) -> usize,
    pub(super) build: fn(NanPolicy, Values<'_>) -> Box<dyn Row>,
}

impl Spec {
    /// Rows before the first one that has values, of rows that all hold numbers.
    pub fn warm_up(&self, values: &[f64]) -> usize {
        (self.warm_up)(Values(values))
    }

    /// Whether it can read bars.
    pub fn reads_bars(&self) -> bool {
        self.inputs.iter().all(|input| input.of_bar().is_some())
    }
}

pub(super) const CLOSE: &[Input] = &[Input::Close];
pub(super) const HL: &[Input] = &[Input::High, Input::Low];
pub(super) const HLCVT: &[Input] = &[Input::High, Input::Low, Input::Close, Input::Volume, Input::Ts];
pub(super) const HLV: &[Input] = &[Input::High, Input::Low, Input::Volume];
pub(super) const HLC: &[Input] = &[Input::High, Input::Low, Input::Close];
pub(super) const HLCV: &[Input] = &[Input::High, Input::Low, Input::Close, Input::Volume];
pub(super) const OHLC: &[Input] = &[Input::Open, Input::High, Input::Low, Input::Close];
pub(super) const CV: &[Input] = &[Input::Close, Input::Volume];
pub(super) const XY: &[Input] = &[Input::X, Input::Y];
/// The only output, which needs no name but that of the indicator.
pub(super) const VALUE: Output = ("value", "");

/// A description, with `p` the values of the parameters: names, inputs, parameters, outputs; words; rows of the warm-up;
/// and how it is made.
macro_rules! spec {
    ($p:ident; $name:literal $class:literal $inputs:ident [$($param:expr),* $(,)?] -> [$($output:expr),* $(,)?];
     $summary:literal $notes:literal; $warm_up:expr; $make:expr $(; ascending $ascending:expr)?) => {
        $crate::indicators::spec::Spec {
            name: $name,
            class: $class,
            summary: $summary,
            notes: $notes,
            inputs: $crate::indicators::spec::$inputs,
            params: &[$($param),*],
            ascending: $crate::indicators::spec::places!($($ascending)?),
            outputs: &[$($output),*],
            warm_up: |$p| { let _ = $p; $warm_up },
            build: |nan, $p| { let _ = $p; $crate::indicators::stream::guarded(nan, $make) },
        }
    };
}
pub(super) use spec;

/// Places of parameters, none if not said.
macro_rules! places {
    () => {
        &[]
    };
    ($places:expr) => {
        &$places
    };
}
pub(super) use places;
