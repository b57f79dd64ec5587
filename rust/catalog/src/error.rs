//! What can be wrong with a part, and which one it is.

use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

/// A part that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct PartError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: PartProblem,
}

/// What is wrong with a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartProblem {
    /// It is not there, cut off, or not Parquet.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// An event column is missing.
    #[error("has no column {0}")]
    NoColumn(&'static str),
    /// An event column holds something else.
    #[error("column {column} is {got}, expected {expected}")]
    Type {
        /// The column.
        column: &'static str,
        /// What it holds.
        got: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// It is shorter or longer than it was written.
    #[error("holds {got} rows, expected {expected}")]
    Rows {
        /// Rows of the file.
        got: i64,
        /// Rows it should have.
        expected: u64,
    },
    /// A column has rows without a value.
    #[error("column {0} has rows without a value")]
    Nulls(&'static str),
    /// A column holds a value that does not fit it.
    #[error("column {column} holds {got}, expected {expected}")]
    Value {
        /// The column.
        column: &'static str,
        /// The first such value.
        got: i32,
        /// What would have fitted.
        expected: &'static str,
    },
}

impl PartProblem {
    pub(crate) fn of(self, path: &Path) -> PartError {
        PartError { path: path.to_owned(), problem: self }
    }
}

impl From<std::io::Error> for PartProblem {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<ParquetError> for PartProblem {
    fn from(error: ParquetError) -> Self {
        Self::Unreadable(match error {
            ParquetError::General(text) | ParquetError::EOF(text) => text,
            other => other.to_string(),
        })
    }
}
