//! Text eight bytes at a time: the first byte of a word is its lowest.

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The word a text begins with.
#[inline(always)]
pub(crate) fn word(text: &[u8]) -> Option<u64> {
    text.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Four words.
#[inline(always)]
pub(crate) fn four(text: &[u8; 32]) -> [u64; 4] {
    let (words, _) = text.as_chunks::<8>();
    std::array::from_fn(|at| u64::from_le_bytes(words[at]))
}

/// A word of one byte.
#[inline(always)]
pub(crate) const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Bytes of a word before the first that is a quote, a backslash, a control character or beyond ASCII; 8 if none is.
#[inline(always)]
pub(crate) fn plain(word: u64) -> usize {
    // Borrows go upwards, from a byte that is marked itself, so the lowest mark is right.
    let equal = |byte| (word ^ all(byte)).wrapping_sub(all(1));
    let marks = (equal(b'"') | equal(b'\\') | word.wrapping_sub(all(b' ')) | word) & HIGH_BITS;
    marks.trailing_zeros() as usize / 8
}

/// Digits a word begins with.
#[inline(always)]
pub(crate) fn leading_digits(word: u64) -> usize {
    not_digits(word ^ all(b'0')).trailing_zeros() as usize / 8
}

/// Marks the bytes above 9.
#[inline(always)]
fn not_digits(values: u64) -> u64 {
    let low_bits = values & !HIGH_BITS;
    ((low_bits + all(0x7f - 9)) | values) & HIGH_BITS
}

/// The number that eight bytes from 0 to 9 write.
#[inline(always)]
pub(crate) fn eight_digits(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let high = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    low.wrapping_add(high) >> 32
}

/// The number a text of 8 to 16 digits writes; `None` for anything else.
#[inline]
pub(crate) fn long_number(text: &[u8]) -> Option<u64> {
    let head = text.len().checked_sub(8).filter(|head| *head <= 8)?;
    let (first, last) = (word(text)?, word(&text[head..])?);
    if leading_digits(first) < 8 || leading_digits(last) < 8 {
        return None;
    }
    let last = eight_digits(last ^ all(b'0'));
    // The first word without what the last one holds too; a shift by all 64 bits leaves nothing.
    let first = (first ^ all(b'0')).checked_shl(8 * (8 - head) as u32).map_or(0, eight_digits);
    Some(first * 100_000_000 + last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_say_what_a_loop_says(text in prop::collection::vec(any::<u8>(), 8)) {
            let whole = word(&text).unwrap();
            let until = |found: &dyn Fn(u8) -> bool| text.iter().position(|c| found(*c)).unwrap_or(8);
            prop_assert_eq!(leading_digits(whole), until(&|c| !c.is_ascii_digit()));
            prop_assert_eq!(plain(whole), until(&|c| !matches!(c, b' '..0x80) || matches!(c, b'"' | b'\\')));
        }

        #[test]
        fn plain_text_ends_where_it_does(text in "[ -~]{0,7}[\"\\\\\u{0}-\u{1f}é]") {
            let padded = format!("{text}       ");
            let plain_bytes = text.bytes().position(|c| !matches!(c, b' '..0x80) || matches!(c, b'"' | b'\\'));
            prop_assert_eq!(plain(word(padded.as_bytes()).unwrap()), plain_bytes.unwrap().min(8));
        }

        #[test]
        fn digits_are_counted(text in "[0-9]{0,8}[ -~]") {
            let padded = format!("{text}        ");
            let digits = text.bytes().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
            prop_assert_eq!(leading_digits(word(padded.as_bytes()).unwrap()), digits.min(8));
        }

        #[test]
        fn long_numbers_are_read(text in "[0-9]{6,18}", spoilt in 0usize..18, by in "[ -~]") {
            let value = text.parse::<u64>().ok().filter(|_| (8..=16).contains(&text.len()));
            prop_assert_eq!(long_number(text.as_bytes()), value);
            let mut spoilt_text = text.clone();
            let at = spoilt % text.len();
            spoilt_text.replace_range(at..=at, &by);
            let value = spoilt_text.parse::<u64>().ok().filter(|_| value.is_some() && by != "+");
            prop_assert_eq!(long_number(spoilt_text.as_bytes()), value);
        }
    }
}
