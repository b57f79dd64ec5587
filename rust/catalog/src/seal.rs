//! What the bytes of a part were when it was written: a checksum of each of its row groups, and one of the rest.
//!
//! A seal cuts a file into regions: one a row group, which begins where the one before it ends, and the last with the
//! footer. Every byte lies in one of them. So a reader checks what it reads and nothing else, and it does so before
//! it takes any of it for what it says. The text of a seal lists the regions by their ends, `END:CHECKSUM ...`; the
//! last end is the size of the file. Checksums are XXH3 of 64 bits: made to be quick, against accidents.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use twox_hash::XxHash3_64;

use crate::error::{PartError, PartProblem, reading};
use crate::part::group_range;

/// The checksum of bytes, as seals and manifests have it.
pub fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Region {
    end: u64,
    checksum: u64,
}

/// The regions of a part and their checksums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal(Vec<Region>);

impl Seal {
    /// Reads a part that was just written, and seals it.
    ///
    /// # Errors
    /// [`PartError`] when it cannot be read or its row groups are not one behind the other.
    pub fn of(path: &Path) -> Result<Self, PartError> {
        reading(path, || Self::of_inner(path))
    }

    fn of_inner(path: &Path) -> Result<Self, PartProblem> {
        let mut file = File::open(path)?;
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        let mut ends = (0..metadata.num_row_groups())
            .map(|group| group_range(&metadata, group).map(|range| range.end))
            .collect::<Result<Vec<u64>, _>>()?;
        ends.push(file.metadata()?.len());
        if !ends.is_sorted_by(|before, after| before < after) {
            return Err(PartProblem::Unreadable("its row groups are not one behind the other".into()));
        }
        file.rewind()?;
        let mut start = 0;
        let regions = ends.into_iter().map(|end| {
            let bytes = read_exactly(&mut file, start, end)?;
            start = end;
            Ok(Region { end, checksum: checksum(&bytes) })
        });
        regions.collect::<Result<_, PartProblem>>().map(Self)
    }

    /// Reads the text of a seal; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let region = |text: &str| {
            let (end, checksum) = text.split_once(':')?;
            Some(Region { end: end.parse().ok()?, checksum: u64::from_str_radix(checksum, 16).ok()? })
        };
        let regions: Vec<Region> = text.split(' ').map(region).collect::<Option<_>>()?;
        regions.is_sorted_by(|before, after| before.end < after.end).then_some(Self(regions))
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.0.last().map_or(0, |last| last.end)
    }

    /// Where a region lies: that of a row group, or behind them the rest.
    fn range(&self, region: usize) -> Option<(std::ops::Range<u64>, u64)> {
        let Region { end, checksum } = *self.0.get(region)?;
        let start = region.checked_sub(1).map_or(0, |before| self.0[before].end);
        Some((start..end, checksum))
    }

    /// The region of a row group.
    pub(crate) fn group(&self, group: usize) -> Option<(std::ops::Range<u64>, u64)> {
        self.range(group).filter(|_| group + 1 < self.0.len())
    }

    /// The region of the footer.
    pub(crate) fn footer(&self) -> Option<(std::ops::Range<u64>, u64)> {
        self.range(self.0.len().checked_sub(1)?)
    }

    /// Whether the row groups of a file lie where this says.
    pub(crate) fn fits(&self, metadata: &ParquetMetaData) -> Result<bool, PartProblem> {
        let mut fits = metadata.num_row_groups() + 1 == self.0.len();
        for group in 0..metadata.num_row_groups() {
            let range = group_range(metadata, group)?;
            fits &= self.group(group).is_some_and(|(at, _)| at.start <= range.start && range.end == at.end);
        }
        Ok(fits)
    }

    /// Reads a whole file and compares every region.
    pub(crate) fn check_all(&self, mut file: File) -> Result<(), PartProblem> {
        self.check_size(file.metadata()?.len())?;
        for region in 0..self.0.len() {
            if let Some((range, expected)) = self.range(region) {
                check(
                    &read_exactly(&mut file, range.start, range.end)?,
                    expected,
                    region + 1 == self.0.len(),
                )?;
            }
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, got: u64) -> Result<(), PartProblem> {
        let expected = self.size();
        if got == expected { Ok(()) } else { Err(PartProblem::Size { got, expected }) }
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Region { end, checksum }) in self.0.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(out, "{space}{end}:{checksum:016x}")?;
        }
        Ok(())
    }
}

/// Compares the bytes of a region with their checksum.
pub(crate) fn check(bytes: &[u8], expected: u64, is_footer: bool) -> Result<(), PartProblem> {
    if checksum(bytes) == expected {
        return Ok(());
    }
    Err(PartProblem::Checksum(if is_footer { "its footer" } else { "a row group" }))
}

/// The bytes of a file from `start` to `end`.
pub(crate) fn read_exactly(file: &mut File, start: u64, end: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; (end - start) as usize];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
