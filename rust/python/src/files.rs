//! Files as lines: opened, unpacked and counted; and those of settings.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tradecore_core::decode::{FileBytes, Lines, OpenFile};
use tradecore_core::ledger::{Brackets, read_brackets};
use tradecore_core::types::BySymbol;

use crate::errors;

/// Counts the bytes that pass, for a progress bar.
struct Counted {
    file: File,
    passed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.passed.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

/// Files as lines, counting what is read of them: of a zip archive one for each of its members.
pub(crate) fn open(paths: &[PathBuf], passed: &Arc<AtomicU64>) -> PyResult<(Vec<Lines>, u64)> {
    let mut total = 0;
    let mut inputs = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.to_string_lossy().into_owned();
        let fail = |e: std::io::Error| {
            errors::DataError::new_err((name.clone(), 0, format!("cannot be opened: {e}")))
        };
        let meta = path.metadata().map_err(fail)?;
        if meta.is_dir() {
            return Err(errors::DataError::new_err((name, 0, "is a directory, not a file")));
        }
        total += meta.len();
        let (path, passed) = (path.clone(), Arc::clone(passed));
        let open: OpenFile = Arc::new(move || {
            Ok(Box::new(Counted { file: File::open(&path)?, passed: Arc::clone(&passed) })
                as Box<dyn FileBytes>)
        });
        inputs.extend(Lines::of_file(&name, &open).map_err(errors::placed)?);
    }
    Ok((inputs, total))
}

/// The lines of a file that only its beginning is wanted of.
pub(crate) fn open_file(path: PathBuf) -> PyResult<Vec<Lines>> {
    Ok(open(&[path], &Arc::default())?.0)
}

/// Return the first lines of a file, unpacked; of a zip archive those of its first member.
///
/// Parameters
/// ----------
/// path : path
/// lines : int
///     Lines at most.
/// size : int
///     Bytes at most; the line that goes beyond is the last, and cut.
///
/// Raises
/// ------
/// DataError
///     When it cannot be opened, or its first line cannot be read.
#[pyfunction]
#[pyo3(signature = (path, lines, size))]
pub(crate) fn read_head(
    py: Python<'_>,
    path: PathBuf,
    lines: usize,
    size: usize,
) -> PyResult<Vec<Bound<'_, PyBytes>>> {
    let mut inputs = open_file(path)?;
    let (mut head, mut left) = (Vec::new(), size);
    while let Some(input) = inputs.first_mut()
        && head.len() < lines
        && left > 0
    {
        match input.next_with(|line| Ok(PyBytes::new(py, &line[..line.len().min(left)]))) {
            Ok(Some(line)) => {
                left = left.saturating_sub(line.as_bytes().len() + 1);
                head.push(line);
            }
            Err(error) if head.is_empty() => return Err(errors::placed(error)),
            // What is whole of it tells enough; reading it will say the rest.
            Ok(None) | Err(_) => break,
        }
    }
    Ok(head)
}

/// Return the number of the first line of a file, unpacked, in which of each of some lists of texts one stands.
///
/// Parameters
/// ----------
/// path : path
/// texts : list of list of str
///
/// Raises
/// ------
/// DataError
///     When the file cannot be read as far as that line.
#[pyfunction]
pub(crate) fn find_line(path: PathBuf, texts: Vec<Vec<String>>) -> PyResult<Option<u64>> {
    let inputs = open_file(path)?;
    let has = |line: &[u8]| {
        texts.iter().all(|any| {
            any.iter().any(|text| line.windows(text.len().max(1)).any(|part| part == text.as_bytes()))
        })
    };
    for mut input in inputs {
        while let Some(is_it) = input.next_with(|line| Ok(has(line))).map_err(errors::placed)? {
            if is_it {
                return Ok(Some(input.number()));
            }
        }
    }
    Ok(None)
}

/// The brackets of a file.
pub(crate) fn brackets_of(file: &str) -> PyResult<BySymbol<Brackets>> {
    read_file(file, read_brackets).map(BySymbol::of_pairs)
}

/// What a text file holds, or the line that is wrong.
pub(crate) fn read_file<T>(file: &str, read: impl FnOnce(&str) -> Result<T, (u64, String)>) -> PyResult<T> {
    let fail = |(line, problem): (u64, String)| errors::DataError::new_err((file.to_owned(), line, problem));
    let text =
        std::fs::read_to_string(file).map_err(|error| fail((0, format!("cannot be read: {error}"))))?;
    // Editors put a byte order mark in front.
    read(text.strip_prefix('\u{feff}').unwrap_or(&text)).map_err(fail)
}
