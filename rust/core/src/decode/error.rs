//! What can be wrong with a venue's bytes.

use crate::types::DecimalError;

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
    /// The bytes could not be read.
    #[error("{0}")]
    Io(String),
}

impl DecodeError {
    /// A value error from a decimal error.
    pub(crate) fn decimal(field: &'static str, error: &DecimalError) -> Self {
        Self::Value { field, problem: error.to_string() }
    }

    /// A value error naming the text.
    pub(crate) fn value(field: &'static str, text: &[u8], expected: &str) -> Self {
        let shown: String = String::from_utf8_lossy(text).chars().take(64).collect();
        Self::Value { field, problem: format!("{shown:?} is not {expected}") }
    }
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
}
