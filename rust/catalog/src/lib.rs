//! Event columns in Parquet files, read ahead by threads of ours.
//!
//! The core opens no files; this crate does. A [`Part`] is one file of a catalog, found to hold the event columns; an
//! [`EventStream`] reads parts one after the other, in pieces of [`PackedColumns`], a bounded number of them ahead of
//! whoever takes them; the threads of a [`ReadAhead`] do so for any number of streams. What is wrong with a file is a [`PartError`] that names it.

#![forbid(unsafe_code)]

mod deltas;
mod error;
mod note;
mod packed;
mod part;
mod seal;
mod stream;
mod values;
mod write;

pub use error::{PartError, PartProblem};
pub use note::read_note;
pub use packed::{PackedColumns, PackedInts};
pub use part::{Part, PartFile, PartReader, Wanted};
pub use seal::{Seal, checksum};
pub use stream::{EventStream, ReadAhead, StreamConfig};
pub use write::{PartWriter, Written};
