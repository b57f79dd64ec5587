//! Event columns in Parquet files, read ahead by a thread of ours.
//!
//! The core opens no files; this crate does. A [`Part`] is one file of a catalog, found to hold the event columns; an
//! [`EventStream`] reads parts one after the other on a thread of its own, in pieces of [`PackedColumns`], a bounded
//! number of them ahead of whoever takes them. What is wrong with a file is a [`PartError`] that names it.

#![forbid(unsafe_code)]

mod error;
mod packed;
mod part;
mod stream;
mod values;

pub use error::{PartError, PartProblem};
pub use packed::{PackedColumns, PackedInts};
pub use part::{Part, PartReader, Wanted};
pub use stream::{EventStream, PartFile, StreamConfig};
