//! Fields as bytes: integers of fixed width in little endian, texts and lists with their length, options with a flag.
//!
//! Rooms that keep values of their own teach [`Writer`] and [`Reader`] to write and read them.

/// Bytes that are not what was asked for: no journal or state of ours, or of another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: expected {expected}")]
pub struct CodecError {
    /// Where.
    pub at: usize,
    /// What would have been right.
    pub expected: &'static str,
}

pub(crate) type Decoded<T> = Result<T, CodecError>;

/// Appends fields to bytes.
pub(crate) struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    pub(crate) fn i128(&mut self, value: i128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn index(&mut self, value: usize) {
        self.0.extend_from_slice(&(value as u32).to_le_bytes());
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.u64(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Room for `n` bytes more, to be written to.
    pub(crate) fn room(&mut self, n: usize) -> &mut [u8] {
        let start = self.0.len();
        self.0.resize(start + n, 0);
        &mut self.0[start..]
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.u64(items.len() as u64);
        items.for_each(|item| write(self, item));
    }
}

/// Reads fields from bytes.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(crate) fn error<T>(&self, expected: &'static str) -> Decoded<T> {
        Err(CodecError { at: self.at, expected })
    }

    pub(crate) fn take(&mut self, n: usize, expected: &'static str) -> Decoded<&'a [u8]> {
        match self.bytes.get(self.at..self.at.saturating_add(n)) {
            Some(bytes) => {
                self.at += n;
                Ok(bytes)
            }
            None => self.error(expected),
        }
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Decoded<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, expected)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Decoded<u8> {
        Ok(self.array::<1>("a byte")?[0])
    }

    pub(crate) fn flag(&mut self) -> Decoded<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => self.error("a flag of 0 or 1"),
        }
    }

    pub(crate) fn u16(&mut self) -> Decoded<u16> {
        self.array("a number of 2 bytes").map(u16::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Decoded<u64> {
        self.array("a number of 8 bytes").map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Decoded<i64> {
        self.array("a number of 8 bytes").map(i64::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Decoded<f64> {
        self.u64().map(f64::from_bits)
    }

    pub(crate) fn i128(&mut self) -> Decoded<i128> {
        self.array("a number of 16 bytes").map(i128::from_le_bytes)
    }

    pub(crate) fn index(&mut self) -> Decoded<usize> {
        self.array("a number of 4 bytes").map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    pub(crate) fn bytes(&mut self) -> Decoded<&'a [u8]> {
        let len = self.u64()?;
        self.take(usize::try_from(len).unwrap_or(usize::MAX), "as many bytes as their length says")
    }

    pub(crate) fn text(&mut self) -> Decoded<&'a str> {
        let at = self.at;
        std::str::from_utf8(self.bytes()?).map_err(|_| CodecError { at, expected: "a text in UTF-8" })
    }

    pub(crate) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    /// A list, each item of which takes 8 bytes at the least: a length that the bytes do not hold asks for no memory.
    pub(crate) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        let (len, most) = (self.u64()?, (self.bytes.len() - self.at) / 8);
        match usize::try_from(len) {
            Ok(len) if len <= most => (0..len).map(|_| read(self)).collect(),
            _ => self.error("as many items as their number says"),
        }
    }
}
