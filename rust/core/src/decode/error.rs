//! What can be wrong with a venue's bytes.

use crate::event::BadBar;
use crate::types::{DAY, Decimal, DecimalError, Increment, date};

/// Why a frame or a row cannot be decoded. Nothing has been taken from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text is not the JSON it should be.
    #[error("byte {at}: expected {expected}")]
    Json {
        /// Offset in the frame.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A field the message cannot do without.
    #[error("{message} without {field}")]
    Missing {
        /// Kind of message.
        message: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A field whose value makes no sense.
    #[error("{field}: {problem}")]
    Value {
        /// The field.
        field: &'static str,
        /// What is wrong, with the value.
        problem: String,
    },
    /// A number that is none of an instrument's increments can count.
    #[error("{field}: {problem}")]
    Grid {
        /// The field.
        field: &'static str,
        /// The number.
        value: String,
        /// The increment that does not hold it.
        step: String,
        /// What is wrong, with both.
        problem: String,
    },
    /// A key that stands in an object twice, or a column in a header.
    #[error("{0} is there twice")]
    Duplicate(String),
    /// More of something than any venue sends.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many of them are taken.
        limit: usize,
    },
    /// What is wrong with a frame, and the frame as far as it helps.
    #[error("{problem} in {frame}")]
    Frame {
        /// What is wrong.
        problem: String,
        /// Text of the frame, cut and safe to print.
        frame: String,
    },
    /// A row or a header that is not written as the vendor writes them.
    #[error("{0}")]
    Row(&'static str),
    /// Rows of another exchange than the instrument's.
    #[error("exchange {exchange} is venue {got}, expected {expected}")]
    Exchange {
        /// Its name in the file.
        exchange: String,
        /// The venue it is.
        got: String,
        /// The venue of the instrument.
        expected: String,
    },
    /// Two files that say what happened at one time, each in its own words.
    #[error(
        "holds {kind} of a time (local_timestamp {time}) at which {other} holds {other_kind}: two sources of one kind; \
         leave one of them out"
    )]
    TwoSources {
        /// What it holds.
        kind: String,
        /// Receive time from which on they meet, us.
        time: i64,
        /// Name of the other file.
        other: String,
        /// What that holds.
        other_kind: String,
    },
    /// A row with the wrong number of cells.
    #[error("{got} cells, expected {expected}")]
    Cells {
        /// Cells found.
        got: usize,
        /// Cells in the header.
        expected: usize,
    },
    /// A header that lacks a column.
    #[error("no column {0}; is this the right kind of file?")]
    Column(String),
    /// A row earlier than the one before it.
    #[error("{field} {got} is before {previous} of the row above: the file is not sorted")]
    Unsorted {
        /// The time column.
        field: &'static str,
        /// Its value.
        got: i64,
        /// The value above.
        previous: i64,
    },
    /// A frame or row whose time of receipt is not that of its venue.
    #[error("received {received}, but the venue stamped the {what} {stamped}: more than a day apart; {cure}")]
    Apart {
        /// What was received.
        what: &'static str,
        /// Where its times stand, and how they are written.
        cure: &'static str,
        /// Date of receipt.
        received: String,
        /// Date that the venue named.
        stamped: String,
    },
    /// The bytes could not be read.
    #[error("{0}")]
    Io(String),
    /// No message of the venue at all: what another program wrote in between, or what a crash has cut.
    #[error("{0}")]
    Rubbish(Box<DecodeError>),
}

impl From<BadBar> for DecodeError {
    fn from(BadBar { field, got, expected }: BadBar) -> Self {
        Self::Value { field, problem: format!("{got}: expected {expected}") }
    }
}

impl DecodeError {
    /// An error for a number that lies between two steps of a grid, or beyond the last.
    #[cold]
    pub(crate) fn grid(field: &'static str, grid: Increment, value: Decimal) -> Self {
        let problem = match grid.steps(value) {
            Err(error @ DecimalError::OffGrid { .. }) => error.to_string(),
            _ => format!("{value} is 2^60 steps of {} or more", grid.value()),
        };
        Self::Grid { field, value: value.to_string(), step: grid.value().to_string(), problem }
    }

    /// A value error from a decimal error.
    pub(crate) fn decimal(field: &'static str, error: &DecimalError) -> Self {
        Self::Value { field, problem: error.to_string() }
    }

    /// A value error naming the text.
    pub(crate) fn value(field: &'static str, text: &[u8], expected: &str) -> Self {
        let shown: String = String::from_utf8_lossy(&text[..text.len().min(256)]).chars().take(64).collect();
        Self::Value { field, problem: format!("{shown:?} is not {expected}") }
    }

    /// The error of a part of a frame that begins so many bytes behind its beginning.
    #[must_use]
    pub(super) fn behind(self, bytes: usize) -> Self {
        match self {
            Self::Json { at, expected } => Self::Json { at: at + bytes, expected },
            other => other,
        }
    }

    /// The error with the frame it was found in: its beginning, or what stands around the place where JSON broke.
    #[must_use]
    pub fn in_frame(self, frame: &[u8]) -> Self {
        let start = match &self {
            Self::Json { at, .. } if *at > SHOWN / 2 => (at - SHOWN / 2).min(frame.len()),
            _ => 0,
        };
        let end = frame.len().min(start + SHOWN);
        let cut = |is_cut| if is_cut { "…" } else { "" };
        let text = printable(&String::from_utf8_lossy(&frame[start..end]));
        let frame = cut(start > 0).to_owned() + &text + cut(end < frame.len());
        match self {
            Self::Grid { field, value, step, problem } => {
                Self::Grid { field, value, step, problem: format!("{problem} in {frame}") }
            }
            other => Self::Frame { problem: other.to_string(), frame },
        }
    }
}

/// A time in ns since 1970 as a date people write.
pub(crate) fn utc(ns: i64) -> String {
    let (days, ns) = (ns.div_euclid(DAY), ns.rem_euclid(DAY));
    let (year, month, day) = date(days);
    let (seconds, part) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{part:09}")
}

/// Bytes of a frame that an error shows.
const SHOWN: usize = 200;

/// Text with everything that would not show as itself, or would move what does, as an escape.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\'' | '\\' => out.push(letter),
            _ => out.extend(letter.escape_debug()),
        }
    }
    out
}

/// A decoding error with its place in the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}:{line}: {error}")]
pub struct PlacedError {
    /// Name of the file or stream.
    pub source_name: String,
    /// Line, from 1.
    pub line: u64,
    /// What is wrong there.
    pub error: DecodeError,
}

/// Whether defects end the reading or are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The first malformed or misplaced line is an error.
    Strict,
    /// Misplaced lines are counted and read.
    Lenient,
    /// The same, and lines that are no messages are left out and listed.
    Skip,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_a_date() {
        for (seconds, date) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_723_075_200, "2024-08-08 00:00:00"),
            (1_735_689_599, "2024-12-31 23:59:59"),
            (4_607_496_061, "2116-01-03 12:01:01"),
            (-1, "1969-12-31 23:59:59"),
        ] {
            assert_eq!(utc(seconds * 1_000_000_000 + 5), format!("{date}.000000005"));
        }
    }

    #[test]
    fn a_frame_is_shown_around_the_place_and_moves_no_terminal() {
        let error = DecodeError::Json { at: 3, expected: "a colon" };
        let shown = |error: &DecodeError, frame: &str| error.clone().in_frame(frame.as_bytes()).to_string();
        assert_eq!(
            shown(&error, "{\"a\"\u{1b}[2J\u{202e}é\r}"),
            r#"byte 3: expected a colon in {"a"\u{1b}[2J\u{202e}é\r}"#
        );
        let long = format!("{}{}", "x".repeat(1_000), "y".repeat(1_000));
        let error = DecodeError::Json { at: 1_000, expected: "a colon" };
        let text = format!("…{}{}…", "x".repeat(SHOWN / 2), "y".repeat(SHOWN / 2));
        assert!(shown(&error, &long).ends_with(&text));
        assert!(
            shown(&DecodeError::Duplicate("b".into()), &long)
                .ends_with(&format!("twice in {}…", "x".repeat(SHOWN)))
        );
    }
}
