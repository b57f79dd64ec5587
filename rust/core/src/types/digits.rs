//! Plain decimal digits, up to sixteen at a time, without a branch per digit.
//!
//! The text is taken from the end of a 16-byte word, so that its last digit is always in the same place; what
//! lies before it is masked to zeros. Anything but digits and one point is left to the slower, general parser.

const ONES: u128 = u128::from_ne_bytes([1; 16]);
const HIGH: u128 = ONES << 7;

/// A piece of a longer text, which often lets sixteen bytes be read where the piece is shorter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    around: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Text<'a> {
    /// Bytes `start..end` of `around`.
    #[inline]
    pub(crate) fn inside(around: &'a [u8], start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= around.len());
        Self { around, start, end }
    }

    /// The bytes.
    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        &self.around[self.start..self.end]
    }

    /// The sixteen bytes that end with the text, and how many of them are the text; `None` if it is empty or longer.
    #[inline]
    pub(crate) fn word(self) -> Option<(u128, usize)> {
        let len = self.end - self.start;
        if len.wrapping_sub(1) >= 16 {
            return None;
        }
        if let Some(word) = self.around.get(..self.end).and_then(<[u8]>::last_chunk) {
            return Some((u128::from_le_bytes(*word), len));
        }
        let mut word = [0; 16];
        word[16 - len..].copy_from_slice(self.bytes());
        Some((u128::from_le_bytes(word), len))
    }

    /// Digits with at most one point, as an integer and the number of digits behind the point.
    #[inline]
    pub(crate) fn digits(self) -> Option<(u64, u32)> {
        let (word, len) = self.word()?;
        digits(word, len)
    }

    /// Digits only.
    #[inline]
    pub(crate) fn integer(self) -> Option<u64> {
        let (word, len) = self.word()?;
        eights(values(word, len))
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Self { around: bytes, start: 0, end: bytes.len() }
    }
}

/// The last `len` bytes of a word less the character `0`, zeros before them.
#[inline]
fn values(word: u128, len: usize) -> u128 {
    (word ^ (ONES * u128::from(b'0'))) & (u128::MAX << (8 * (16 - len)))
}

#[inline]
fn digits(word: u128, len: usize) -> Option<(u64, u32)> {
    let text = values(word, len);
    let without = text ^ (ONES * u128::from(b'.' ^ b'0'));
    // The lowest bit found belongs to a point, whatever lies above it.
    let points = without.wrapping_sub(ONES) & !without & HIGH;
    if points == 0 {
        return Some((eights(text)?, 0));
    }
    if len == 1 {
        return None;
    }
    let at = points.trailing_zeros() & !7;
    let (whole, fraction) = (text & ((1 << at) - 1), text & (u128::MAX << at << 8));
    Some((eights(whole << 8 | fraction)?, 15 - at / 8))
}

/// The number of sixteen digit values, the first in the lowest byte; `None` if one is no digit.
#[inline]
fn eights(digits: u128) -> Option<u64> {
    let beyond_nine = (digits & !HIGH) + ONES * (0x7f - 9);
    if (beyond_nine | digits) & HIGH != 0 {
        return None;
    }
    Some(eight(digits as u64) * 100_000_000 + eight((digits >> 64) as u64))
}

/// Pairs, then fours, then eight digits by multiplication.
#[inline]
fn eight(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let first = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let second = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    first.wrapping_add(second) >> 32
}

/// How many of sixteen bytes are digits before one is not.
#[inline]
pub(crate) fn leading_digits(word: u128) -> usize {
    let values = word ^ (ONES * u128::from(b'0'));
    let beyond_nine = (values & !HIGH) + ONES * (0x7f - 9);
    ((beyond_nine | values) & HIGH).trailing_zeros() as usize / 8
}

/// Where in sixteen bytes a byte first stands.
#[inline]
pub(crate) fn find(word: u128, byte: u8) -> Option<usize> {
    let without = word ^ (ONES * u128::from(byte));
    let found = without.wrapping_sub(ONES) & !without & HIGH;
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_are_read_and_nothing_else_is() {
        for (text, want) in [
            ("0", Some((0, 0))),
            ("7", Some((7, 0))),
            ("1234567890123456", Some((1_234_567_890_123_456, 0))),
            ("60012.30", Some((6_001_230, 2))),
            (".5", Some((5, 1))),
            ("5.", Some((5, 0))),
            ("9999999.99999999", Some((999_999_999_999_999, 8))),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("-1", None),
            ("1e5", None),
            ("12345678901234567", None),
            ("1\u{e9}", None),
        ] {
            assert_eq!(Text::from(text.as_bytes()).digits(), want, "{text:?}");
        }
        assert_eq!(Text::from(&b"1.5"[..]).integer(), None);
    }

    proptest! {
        #[test]
        fn what_stands_around_the_text_does_not_matter(
            before in proptest::collection::vec(any::<u8>(), 0..40),
            text in "[0-9.]{0,17}",
            after in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let around = [&before[..], text.as_bytes(), &after[..]].concat();
            let inside = Text::inside(&around, before.len(), before.len() + text.len());
            let plain = text.len() <= 16 && text.matches('.').count() <= 1 && text.contains(|c| c != '.');
            let want = plain.then(|| {
                let places = text.find('.').map_or(0, |at| text.len() - at - 1);
                (text.replace('.', "").parse().unwrap(), places as u32)
            });
            prop_assert_eq!(inside.digits(), want);
            prop_assert_eq!(inside.integer(), want.map(|w| w.0).filter(|_| !text.contains('.')));
            prop_assert_eq!(Text::from(text.as_bytes()).digits(), want);
        }

        #[test]
        fn a_byte_is_found_where_it_first_stands(bytes in proptest::array::uniform16(0u8..4)) {
            let want = bytes.iter().position(|b| *b == 2);
            prop_assert_eq!(find(u128::from_le_bytes(bytes), 2), want);
            let text = bytes.map(|b| b"0 9\xff"[usize::from(b)]);
            let want = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(16);
            prop_assert_eq!(leading_digits(u128::from_le_bytes(text)), want);
        }
    }
}
