//! What an indicator remembers: as bytes, and forgotten.
//!
//! Everything remembered begins as zero, so that to forget is the same for all. Parameters are no state: bytes are
//! read into an indicator of the same ones, and what could not be a state of it is refused.

/// Reads a state from bytes.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    fn eight(&mut self) -> Option<[u8; 8]> {
        let (first, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(*first)
    }

    /// A count up to `most`.
    pub(super) fn count(&mut self, most: usize) -> Option<usize> {
        let count = u64::from_le_bytes(self.eight()?);
        usize::try_from(count).ok().filter(|count| *count <= most)
    }
}

/// How far back it is that what is remembered began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// Rows after which nothing is left of those before, to the last bit, unless by chance.
    pub(super) rows: usize,
    /// Rows in which what is counted begins anew: only a whole number of them later it is the same.
    pub(super) phase: usize,
}

impl Memory {
    /// Of what comes from this row or the one before.
    pub(super) const NONE: Self = Self { rows: 1, phase: 1 };

    /// Both, one after the other.
    pub(super) fn and(self, other: Self) -> Self {
        let (mut divisor, mut rest) = (self.phase, other.phase);
        while rest > 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Self {
            rows: self.rows.saturating_add(other.rows),
            phase: self.phase.saturating_mul(other.phase / divisor),
        }
    }
}

/// What is remembered between two rows.
pub(super) trait State {
    /// Appends it to bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// Takes it from bytes; `None` for what it cannot be, and then it is any state.
    fn read(&mut self, from: &mut Reader<'_>) -> Option<()>;
    /// Becomes what it was at first.
    fn reset(&mut self);
    /// Gives back what memory it holds; it is of no use then.
    fn hollow(&mut self) {}
    /// How far back what it remembers goes; `None` if to the beginning.
    fn memory(&self) -> Option<Memory>;
}

impl State for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.to_bits().to_le_bytes());
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        *self = Self::from_bits(u64::from_le_bytes(from.eight()?));
        Some(())
    }

    fn reset(&mut self) {
        *self = 0.0;
    }

    fn memory(&self) -> Option<Memory> {
        Some(Memory::NONE)
    }
}

impl State for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        *self = Self::from_le_bytes(from.eight()?);
        Some(())
    }

    fn reset(&mut self) {
        *self = 0;
    }

    fn memory(&self) -> Option<Memory> {
        Some(Memory::NONE)
    }
}

impl State for bool {
    fn write(&self, out: &mut Vec<u8>) {
        u64::from(*self).write(out);
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        *self = from.count(1)? == 1;
        Some(())
    }

    fn reset(&mut self) {
        *self = false;
    }

    fn memory(&self) -> Option<Memory> {
        Some(Memory::NONE)
    }
}

impl<T: State, const N: usize> State for [T; N] {
    fn write(&self, out: &mut Vec<u8>) {
        for one in self {
            one.write(out);
        }
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.iter_mut().try_for_each(|one| one.read(from))
    }

    fn reset(&mut self) {
        self.iter_mut().for_each(State::reset);
    }

    fn hollow(&mut self) {
        self.iter_mut().for_each(State::hollow);
    }

    fn memory(&self) -> Option<Memory> {
        self.iter().try_fold(Memory::NONE, |all, one| Some(all.and(one.memory()?)))
    }
}

/// How many of `target` rows have been counted: it stays there.
#[derive(Debug, Clone)]
pub(super) struct Count {
    done: usize,
    target: usize,
}

impl Count {
    pub(super) fn to(target: usize) -> Self {
        Self { done: 0, target }
    }

    /// Counts a row and says which it is, from 1 on; the target from there on.
    #[inline(always)]
    pub(super) fn next(&mut self) -> usize {
        self.done += usize::from(self.done < self.target);
        self.done
    }

    /// Whether the target was reached.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.done == self.target
    }

    /// Counts from nothing again.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.done = 0;
    }

    /// Rows counted.
    #[inline(always)]
    pub(super) fn done(&self) -> usize {
        self.done
    }
}

impl State for Count {
    fn write(&self, out: &mut Vec<u8>) {
        (self.done as u64).write(out);
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.done = from.count(self.target)?;
        Some(())
    }

    fn reset(&mut self) {
        self.clear();
    }

    fn memory(&self) -> Option<Memory> {
        Some(Memory { rows: self.target, phase: 1 })
    }
}

/// The state of a type is that of these fields; the others are parameters. What they remember goes as far back as each by
/// itself, and as is said behind them.
macro_rules! state {
    (impl [$($generics:tt)*] $type:ty { $($field:tt),* $(,)? } $(; $memory:expr)?) => {
        impl<$($generics)*> $crate::indicators::state::State for $type {
            fn write(&self, _out: &mut Vec<u8>) {
                $($crate::indicators::state::State::write(&self.$field, _out);)*
            }

            fn read(&mut self, _from: &mut $crate::indicators::state::Reader<'_>) -> Option<()> {
                $($crate::indicators::state::State::read(&mut self.$field, _from)?;)*
                Some(())
            }

            fn reset(&mut self) {
                $($crate::indicators::state::State::reset(&mut self.$field);)*
            }

            fn hollow(&mut self) {
                $($crate::indicators::state::State::hollow(&mut self.$field);)*
            }

            fn memory(&self) -> Option<$crate::indicators::state::Memory> {
                let all = $crate::indicators::state::Memory::NONE;
                $(let all = all.and($crate::indicators::state::State::memory(&self.$field)?);)*
                $(
                    let own: fn(&Self) -> Option<$crate::indicators::state::Memory> = $memory;
                    let all = all.and(own(self)?);
                )?
                Some(all)
            }
        }
    };
    ($type:ty { $($field:tt),* $(,)? } $(; $memory:expr)?) => {
        $crate::indicators::state::state!(impl [] $type { $($field),* } $(; $memory)?);
    };
}
pub(super) use state;
