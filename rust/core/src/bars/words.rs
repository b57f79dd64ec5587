//! State as a row of 64-bit words, to go on from in another process.

use std::slice::Iter;

/// What can be written as words and read again.
pub trait Words: Sized {
    /// Appends it.
    fn put(&self, out: &mut Vec<i64>);
    /// Reads it; `None` when the words are not those of one.
    fn read(words: &mut Iter<'_, i64>) -> Option<Self>;
}

impl Words for i64 {
    fn put(&self, out: &mut Vec<i64>) {
        out.push(*self);
    }
    fn read(words: &mut Iter<'_, i64>) -> Option<Self> {
        words.next().copied()
    }
}

impl Words for u64 {
    fn put(&self, out: &mut Vec<i64>) {
        out.push(self.cast_signed());
    }
    fn read(words: &mut Iter<'_, i64>) -> Option<Self> {
        words.next().map(|word| word.cast_unsigned())
    }
}

impl Words for u32 {
    fn put(&self, out: &mut Vec<i64>) {
        out.push(i64::from(*self));
    }
    fn read(words: &mut Iter<'_, i64>) -> Option<Self> {
        Self::try_from(*words.next()?).ok()
    }
}

impl Words for bool {
    fn put(&self, out: &mut Vec<i64>) {
        out.push(i64::from(*self));
    }
    fn read(words: &mut Iter<'_, i64>) -> Option<Self> {
        match words.next()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Words for f64 {
    fn put(&self, out: &mut Vec<i64>) {
        self.to_bits().put(out);
    }
    fn read(words: &mut Iter<'_, i64>) -> Option<Self> {
        u64::read(words).map(Self::from_bits)
    }
}

impl Words for i128 {
    fn put(&self, out: &mut Vec<i64>) {
        out.extend([(*self >> 64) as i64, *self as i64]);
    }
    fn read(words: &mut Iter<'_, i64>) -> Option<Self> {
        Some(Self::from(i64::read(words)?) << 64 | Self::from(u64::read(words)?))
    }
}

impl<T: Words> Words for Option<T> {
    fn put(&self, out: &mut Vec<i64>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn read(words: &mut Iter<'_, i64>) -> Option<Self> {
        if bool::read(words)? { T::read(words).map(Some) } else { Some(None) }
    }
}

/// Words as bytes.
pub(super) fn to_bytes(words: &[i64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The words of bytes; `None` when there is a part of one.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<Vec<i64>> {
    let (words, rest) = bytes.as_chunks();
    rest.is_empty().then(|| words.iter().map(|word| i64::from_le_bytes(*word)).collect())
}
