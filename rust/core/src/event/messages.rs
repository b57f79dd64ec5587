//! The messages of event columns, one after the other.

use super::columns::View;
use super::kind::{EventKind, FLAG_LAST};

/// Rows of a view that make a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first row.
    pub from: usize,
    /// The row behind the last.
    pub to: usize,
    /// Whether all of them are [`EventKind::BookSet`]; found once, asked by everybody the message reaches.
    pub only_levels: bool,
}

/// Rows that are looked at together.
const BLOCK: usize = u64::BITS as usize;

/// The messages of a view, one after the other (see [`View::messages`]).
///
/// Flags and kinds are made bits, 64 rows at a time: a search for the end of each message and a look at each of its
/// rows would be guessed wrong nearly every time.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    flags: &'a [u8],
    kinds: &'a [u8],
    /// The first row of the next message.
    from: usize,
    /// The row behind those made bits: the highest bit is the row before.
    seen: usize,
    /// Rows before `seen` that end a message and have not been passed.
    lasts: u64,
    /// Rows before `seen` that are no levels and have not been passed.
    others: u64,
    /// Whether the next message holds only levels before the rows made bits.
    only_levels: bool,
}

impl Iterator for Messages<'_> {
    type Item = Span;

    #[inline]
    fn next(&mut self) -> Option<Span> {
        while self.lasts == 0 {
            self.only_levels &= self.others == 0;
            self.others = 0;
            if self.seen == self.flags.len() {
                return self.rest();
            }
            self.look();
        }
        let bit = self.lasts.trailing_zeros();
        let passed = u64::MAX >> (BLOCK as u32 - 1 - bit);
        let to = self.seen + bit as usize + 1 - BLOCK;
        let span = Span { from: self.from, to, only_levels: self.only_levels && self.others & passed == 0 };
        self.lasts &= !passed;
        self.others &= !passed;
        (self.from, self.only_levels) = (to, true);
        Some(span)
    }
}

impl Messages<'_> {
    /// Makes the next rows bits.
    #[inline]
    fn look(&mut self) {
        let (flags, kinds) = (&self.flags[self.seen..], &self.kinds[self.seen..]);
        if let (Some(flags), Some(kinds)) = (flags.first_chunk(), kinds.first_chunk()) {
            (self.lasts, self.others) = to_bits(flags, kinds);
            self.seen += BLOCK;
        } else {
            // Of fewer rows than fit, the last bits are theirs.
            let free = BLOCK - flags.len();
            let (mut all_flags, mut all_kinds) = ([0; BLOCK], [EventKind::BookSet as u8; BLOCK]);
            all_flags[free..].copy_from_slice(flags);
            all_kinds[free..].copy_from_slice(kinds);
            (self.lasts, self.others) = to_bits(&all_flags, &all_kinds);
            self.seen = self.flags.len();
        }
    }

    /// What is behind the last flag.
    fn rest(&mut self) -> Option<Span> {
        let (from, to) = (self.from, self.flags.len());
        self.from = to;
        (from < to).then_some(Span { from, to, only_levels: self.only_levels })
    }
}

/// Which rows end a message, and which are no levels.
#[inline]
fn to_bits(flags: &[u8; BLOCK], kinds: &[u8; BLOCK]) -> (u64, u64) {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const LEVEL: u64 = u64::from_ne_bytes([EventKind::BookSet as u8; 8]);
    let (mut lasts, mut others) = (0, 0);
    for (at, (flags, kinds)) in flags.as_chunks::<8>().0.iter().zip(kinds.as_chunks::<8>().0).enumerate() {
        let last = u64::from_le_bytes(*flags) & (ONES * u64::from(FLAG_LAST));
        let differs = u64::from_le_bytes(*kinds) ^ LEVEL;
        // The highest bit of every byte that is not 0, moved to its lowest.
        let other = (((differs & (ONES * 0x7f)) + ONES * 0x7f) | differs) >> 7 & ONES;
        lasts |= gather(last) << (8 * at);
        others |= gather(other) << (8 * at);
    }
    (lasts, others)
}

/// The lowest bits of eight bytes, of which no other is set, as one byte.
#[inline(always)]
const fn gather(bytes: u64) -> u64 {
    const { assert!(FLAG_LAST == 1) };
    bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

impl View<'_> {
    /// The messages in rows `from..to`; what is behind the last [`FLAG_LAST`] is one, too.
    #[inline]
    pub fn messages(&self, from: usize, to: usize) -> Messages<'_> {
        let (flags, kinds) = (&self.flags[..to], &self.kind[..to]);
        Messages { flags, kinds, from, seen: from, lasts: 0, others: 0, only_levels: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Columns as _, Event, EventColumns};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn messages_come_one_by_one_as_they_are_searched(
            rows in proptest::collection::vec((0u8..4, prop_oneof![9 => Just(1u8), 1 => 0u8..9]), 0..400),
            from in 0usize..100,
            to in 0usize..400,
        ) {
            let mut columns = EventColumns::default();
            for (flags, kind) in &rows {
                let kind = EventKind::from_column(*kind).unwrap();
                columns.push(Event { flags: *flags, ts_event: 1, ts_recv: 1, kind, side: 1, price: 100, qty: 1, id: 0 });
            }
            let (view, to) = (columns.view(), to.min(rows.len()));
            let (mut expected, mut row) = (Vec::new(), from.min(to));
            while row < to {
                let end = view.message_end(row).min(to);
                let only_levels = rows[row..end].iter().all(|(_, kind)| *kind == EventKind::BookSet as u8);
                expected.push(Span { from: row, to: end, only_levels });
                row = end;
            }
            prop_assert_eq!(view.messages(from.min(to), to).collect::<Vec<_>>(), expected);
        }
    }
}
