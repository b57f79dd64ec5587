//! Integers as differences, each packed in as few bits as the largest of its group takes (`DELTA_BINARY_PACKED`).
//!
//! A block says its least difference and, for each of its groups, how many bits a difference above that takes.

use bytes::Bytes;

use crate::error::PartProblem;
use crate::values::{Cell, ENDS, damaged, number, refused};

/// Values that are unpacked at a time.
const BATCH: usize = 32;
/// Bytes that as many values take at most, and a word behind them.
const ROOM: usize = BATCH * 8 + 16;
/// Most values of a block: writers use 128 or 256.
const MOST_BLOCK: u64 = 1 << 20;

const LAYOUT: &str = "differences in blocks of an impossible size";

/// The values of a page that have not been taken.
pub(crate) struct Deltas {
    bytes: Bytes,
    /// Where the next group or block begins.
    rest: usize,
    /// The value that comes next, if `left` is not 0.
    next: i64,
    /// Values left, with that.
    left: usize,
    /// Groups of a block, and values of a group.
    groups: usize,
    group: usize,
    /// The least difference of the block.
    least: i64,
    /// Bits of the differences of the groups of the block to come, first one last.
    widths: Vec<u8>,
    /// The group begun: where, bits of a value, and which value of it is next.
    start: usize,
    width: usize,
    at: usize,
}

impl Deltas {
    /// Reads the head of a page of so many values.
    pub(crate) fn new(name: &str, bytes: Bytes, values: usize) -> Result<Self, PartProblem> {
        let fail = |what| damaged(name, what);
        let mut rest = &bytes[..];
        let (block, groups) = (number(&mut rest, 64).map_err(fail)?, number(&mut rest, 64).map_err(fail)?);
        let group = block.checked_div(groups).unwrap_or(0);
        let is_whole = group > 0 && group * groups == block && group.is_multiple_of(BATCH as u64);
        if !is_whole || block > MOST_BLOCK {
            return Err(fail(LAYOUT));
        }
        if number(&mut rest, 64).map_err(fail)? != values as u64 {
            return Err(fail("differences of another number of values than their page says"));
        }
        let next = signed(number(&mut rest, 64).map_err(fail)?);
        let (groups, group) = (groups as usize, group as usize);
        let rest = bytes.len() - rest.len();
        let widths = Vec::with_capacity(groups);
        Ok(Self {
            bytes,
            rest,
            next,
            left: values,
            groups,
            group,
            least: 0,
            widths,
            start: 0,
            width: 0,
            at: group,
        })
    }

    /// Puts the next values, of which there are as many.
    pub(crate) fn take<T: Cell>(&mut self, name: &'static str, mut out: &mut [T]) -> Result<(), PartProblem> {
        while !out.is_empty() {
            // The last value has no difference behind it.
            if self.left == 1 {
                self.left = 0;
                return out
                    .first_mut()
                    .map_or(Ok(()), |out| same(name, self.next, std::slice::from_mut(out)));
            }
            if self.at == self.group {
                self.begin_group().map_err(|what| damaged(name, what))?;
            }
            let now;
            (now, out) = out.split_at_mut(out.len().min(BATCH - self.at % BATCH).min(self.left - 1));
            if self.width == 0 && self.least == 0 {
                same(name, self.next, now)?;
            } else {
                let (first, mut lost) = (self.next, 0);
                self.unpack(now, &mut lost).map_err(|what| damaged(name, what))?;
                if lost != 0 {
                    // Once more as they are, to name the first that does not fit.
                    let mut values = [0_i64; BATCH];
                    self.next = first;
                    self.unpack(&mut values[..now.len()], &mut 0).map_err(|what| damaged(name, what))?;
                    return Err(refused::<T>(
                        name,
                        values[..now.len()].iter().map(|value| value.to_le_bytes()),
                    ));
                }
            }
            self.at += now.len();
            self.left -= now.len();
        }
        Ok(())
    }

    /// Puts the values at which the next differences begin, and goes on to the one behind them.
    #[inline]
    fn unpack<T: Cell>(&mut self, values: &mut [T], lost: &mut i32) -> Result<(), &'static str> {
        let (width, first) = (self.width, self.at * self.width);
        let needed = (first + values.len() * width).div_ceil(8);
        let from = self.start + first / 8;
        let bytes = self.bytes.get(from..self.start + needed).ok_or(ENDS)?;
        // With room behind the last one, so that each lies in a whole word.
        let mut padded;
        let packed = match self.bytes[from..].first_chunk() {
            Some(packed) => packed,
            None => {
                padded = [0; ROOM];
                padded[..bytes.len()].copy_from_slice(bytes);
                &padded
            }
        };
        let mask = u64::MAX.checked_shr(64 - width as u32).unwrap_or(0);
        let (mut value, least) = (self.next, self.least);
        let mut put = |out: &mut T, difference: u64| {
            *out = T::of_integer(value, lost);
            value = value.wrapping_add(least).wrapping_add((difference & mask).cast_signed());
        };
        if width <= 8 && first.is_multiple_of(8) {
            // Eight of them lie in one word.
            for (eight, out) in values.chunks_mut(8).enumerate() {
                let word = word(packed, eight * width);
                out.iter_mut().enumerate().for_each(|(k, out)| put(out, word >> (k * width)));
            }
        } else if width <= 56 {
            for (k, out) in values.iter_mut().enumerate() {
                let bit = first % 8 + k * width;
                put(out, word(packed, bit / 8) >> (bit % 8));
            }
        } else {
            for (k, out) in values.iter_mut().enumerate() {
                let bit = first % 8 + k * width;
                let (low, high) = (word(packed, bit / 8), word(packed, bit / 8 + 8));
                put(out, ((u128::from(high) << 64 | u128::from(low)) >> (bit % 8)) as u64);
            }
        }
        self.next = value;
        Ok(())
    }

    fn begin_group(&mut self) -> Result<(), &'static str> {
        if self.widths.is_empty() {
            let mut rest = self.bytes.get(self.rest..).ok_or(ENDS)?;
            self.least = signed(number(&mut rest, 64)?);
            let (widths, rest) = rest.split_at_checked(self.groups).ok_or(ENDS)?;
            self.widths.extend(widths.iter().rev());
            self.rest = self.bytes.len() - rest.len();
        }
        self.width = usize::from(self.widths.pop().unwrap_or_default());
        if self.width > 64 {
            return Err(LAYOUT);
        }
        (self.start, self.at) = (self.rest, 0);
        // Some writers leave out what nobody reads of the last one.
        self.rest += self.group / 8 * self.width;
        Ok(())
    }
}

/// Eight bytes from one on.
#[inline]
fn word(bytes: &[u8; ROOM], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

/// Puts one value many times.
fn same<T: Cell>(name: &'static str, value: i64, out: &mut [T]) -> Result<(), PartProblem> {
    let mut lost = 0;
    out.fill(T::of_integer(value, &mut lost));
    if lost == 0 { Ok(()) } else { Err(refused::<T>(name, std::iter::once(value.to_le_bytes()))) }
}

/// The number that alternates between the signs stands for.
fn signed(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
