//! An engine's state as bytes: fields of fixed width in little endian, lists with their length.

/// A state that is none of an engine like this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign;

pub(super) type Loaded<T> = Result<T, Foreign>;

/// Appends fields to bytes.
pub(super) struct StateWriter<'a>(pub(super) &'a mut Vec<u8>);

impl StateWriter<'_> {
    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn f64(&mut self, value: f64) {
        self.i64(value.to_bits().cast_signed());
    }

    pub(super) fn i128(&mut self, value: i128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn len(&mut self, value: usize) {
        self.i64(value as i64);
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.i64(i64::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.len(items.len());
        items.for_each(|item| write(self, item));
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.len(value.len());
        self.0.extend_from_slice(value);
    }
}

/// Reads fields from bytes.
pub(super) struct StateReader<'a>(pub(super) &'a [u8]);

impl<'a> StateReader<'a> {
    fn take<const N: usize>(&mut self) -> Loaded<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(Foreign)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn i64(&mut self) -> Loaded<i64> {
        self.take().map(i64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Loaded<f64> {
        self.i64().map(|bits| f64::from_bits(bits.cast_unsigned()))
    }

    pub(super) fn i128(&mut self) -> Loaded<i128> {
        self.take().map(i128::from_le_bytes)
    }

    pub(super) fn sign(&mut self) -> Loaded<i8> {
        match self.i64()? {
            sign @ -1..=1 => Ok(sign as i8),
            _ => Err(Foreign),
        }
    }

    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Loaded<T>) -> Loaded<Option<T>> {
        match self.i64()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Foreign),
        }
    }

    /// A list, each item of which takes 8 bytes at the least: a length that the bytes do not hold asks for no memory.
    pub(super) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Loaded<T>) -> Loaded<Vec<T>> {
        let len = self.i64()?;
        let len = usize::try_from(len).ok().filter(|len| *len <= self.0.len() / 8).ok_or(Foreign)?;
        (0..len).map(|_| read(self)).collect()
    }

    pub(super) fn bytes(&mut self) -> Loaded<&'a [u8]> {
        let len = self.i64()?;
        let len = usize::try_from(len).ok().filter(|len| *len <= self.0.len()).ok_or(Foreign)?;
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        Ok(bytes)
    }
}
