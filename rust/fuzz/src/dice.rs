//! Typed values from bytes: the same bytes are the same values, so that a typed input can be mutated, cut and kept as
//! any other.

use tradecore_core::event::STEPS_LIMIT;

/// Numbers at which arithmetic turns.
pub(crate) const EDGES: [i64; 20] = [
    0,
    1,
    -1,
    i8::MAX as i64,
    i8::MIN as i64,
    i16::MAX as i64,
    i32::MAX as i64,
    i32::MAX as i64 + 1,
    i32::MIN as i64,
    u32::MAX as i64,
    1 << 53,
    1 << 59,
    (1 << 60) - 1,
    1 << 60,
    -1 << 60,
    (-1 << 60) - 1,
    (1 << 62) - 1,
    1 << 62,
    i64::MAX,
    i64::MIN,
];

/// Draws values from bytes; at their end everything is 0.
#[derive(Debug, Clone)]
pub struct Dice<'a> {
    bytes: &'a [u8],
}

impl<'a> Dice<'a> {
    /// Values of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether nothing is left to draw from.
    pub fn is_done(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// Eight bytes as a number.
    pub fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        let drawn = match n {
            0..=0x100 => self.byte().into(),
            0x101..=0x1_0000 => u16::from_le_bytes([self.byte(), self.byte()]).into(),
            _ => self.word(),
        };
        drawn % n
    }

    /// A number from `low` to `high`.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    /// Whether something happens that does so `n` times in 256.
    pub fn chance(&mut self, n: u8) -> bool {
        self.byte() > u8::MAX - n
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// Any number: mostly a small one, now and then one at which arithmetic turns.
    pub fn number(&mut self) -> i64 {
        match self.byte() {
            small @ 0..160 => i64::from(small) - 16,
            160..216 => i64::from(i16::from_le_bytes([self.byte(), self.byte()])),
            216..240 => self.pick(&EDGES),
            _ => self.word().cast_signed(),
        }
    }

    /// A number that may enter where prices and quantities do.
    pub fn steps(&mut self) -> i64 {
        self.number().clamp(-STEPS_LIMIT, STEPS_LIMIT)
    }

    /// Something, or nothing.
    pub fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.chance(96) { Some(draw(self)) } else { None }
    }
}
