//! What can be wrong with a part, and which one it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
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
    /// It has another size than it was written with.
    #[error("has {got} bytes, expected {expected}: it was cut, or changed after it was written")]
    Size {
        /// Bytes of the file.
        got: u64,
        /// Bytes it should have.
        expected: u64,
    },
    /// Its bytes are not those that were written.
    #[error("is damaged: the checksum of {0} is not that of what was written")]
    Checksum(&'static str),
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
    fn of(self, path: &Path) -> PartError {
        PartError { path: path.to_owned(), problem: self }
    }
}

/// Names a file in what is wrong with it. Where it is damaged in a way that the decoder of Parquet did not think of,
/// that is an error, too.
pub(crate) fn reading<T>(path: &Path, read: impl FnOnce() -> Result<T, PartProblem>) -> Result<T, PartError> {
    let contradicts = |_| Err(PartProblem::Unreadable("its pages contradict each other".into()));
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(contradicts).map_err(|problem| problem.of(path))
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
