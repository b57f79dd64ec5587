//! Texts in the footers of Parquet files.

use std::path::Path;

use bytes::Bytes;
use parquet::file::metadata::ParquetMetaDataReader;

use crate::error::{PartError, reading};

/// The text that a file has under a key; `None` where it has none.
///
/// # Errors
/// [`PartError`] when it cannot be read.
pub fn read_note(path: &Path, key: &str) -> Result<Option<String>, PartError> {
    reading(path, || {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&Bytes::from(std::fs::read(path)?))?;
        let notes = metadata.file_metadata().key_value_metadata();
        Ok(notes.and_then(|notes| notes.iter().find(|note| note.key == key)?.value.clone()))
    })
}
