//! One side of a book: a dense window of levels around the touch and a sparse map for the rest.
//!
//! Levels are kept under a *key* that grows towards the touch: the price for bids, the negated price for asks. So
//! both sides share one piece of code and the best level is always the largest key. The window is a ring of
//! `W` slots (`key & (W - 1)`) with an occupancy bitmap; the next best level is found by a bit scan. Levels that
//! lie outside (`BitMEX` has asks at fifty times the price) live in an ordered map. Slots are 32 bits wide, which
//! keeps the books of many instruments in the processor's cache; the rare larger quantity lives in a second map.
//!
//! Invariants: `base` is a multiple of 64; a level is in the window if and only if `base <= key < base + W`;
//! the best level is in the window; a bit is set if and only if its slot is not zero; a key of the window is in
//! `large` if and only if its slot is [`LARGE`]. Quantities are not negative.

use std::collections::BTreeMap;

/// Slots of a ladder's window unless chosen otherwise.
pub(crate) const DEFAULT_WINDOW: usize = 1 << 14;

/// Marks an empty side.
const NONE: i64 = i64::MIN;
/// Marks a slot whose quantity does not fit it.
const LARGE: u32 = u32::MAX;

/// Levels of one side, best first.
#[derive(Debug)]
pub(crate) struct Ladder<const W: usize = DEFAULT_WINDOW, const WORDS: usize = { DEFAULT_WINDOW / 64 }> {
    base: i64,
    best: i64,
    qty: Box<[u32; W]>,
    occupied: Box<[u64; WORDS]>,
    far: BTreeMap<i64, i64>,
    large: BTreeMap<i64, i64>,
}

impl<const W: usize, const WORDS: usize> Clone for Ladder<W, WORDS> {
    fn clone(&self) -> Self {
        Self {
            qty: self.qty.clone(),
            occupied: self.occupied.clone(),
            far: self.far.clone(),
            large: self.large.clone(),
            ..*self
        }
    }

    /// Reuses the window's memory.
    fn clone_from(&mut self, source: &Self) {
        self.base = source.base;
        self.best = source.best;
        self.qty.clone_from(&source.qty);
        self.occupied.clone_from(&source.occupied);
        self.far.clone_from(&source.far);
        self.large.clone_from(&source.large);
    }
}

impl<const W: usize, const WORDS: usize> Ladder<W, WORDS> {
    const MASK: i64 = W as i64 - 1;
    /// Where a fresh best lands in the window: most of the room is for the levels behind it.
    const HEADROOM: i64 = (W / 4) as i64;

    pub(crate) fn new() -> Self {
        const { assert!(W.is_power_of_two() && W >= 256 && W == 64 * WORDS) };
        Self {
            base: 0,
            best: NONE,
            qty: vec![0; W].into_boxed_slice().try_into().expect("as many slots as were made"),
            occupied: vec![0; WORDS].into_boxed_slice().try_into().expect("as many words as were made"),
            far: BTreeMap::new(),
            large: BTreeMap::new(),
        }
    }

    /// Key of the best level.
    #[inline(always)]
    pub(crate) fn best(&self) -> Option<i64> {
        (self.best != NONE).then_some(self.best)
    }

    /// Key of the best level, or `i64::MIN`.
    #[inline(always)]
    pub(crate) fn best_or_min(&self) -> i64 {
        self.best
    }

    /// Number of levels; counted when asked for.
    pub(crate) fn len(&self) -> usize {
        self.occupied.iter().map(|word| word.count_ones() as usize).sum::<usize>() + self.far.len()
    }

    /// Quantity at a key, 0 when there is no level.
    #[inline(always)]
    pub(crate) fn get(&self, key: i64) -> i64 {
        if self.in_window(key) {
            match self.qty[(key & Self::MASK) as usize] {
                LARGE => self.large.get(&key).copied().unwrap_or(0),
                qty => i64::from(qty),
            }
        } else {
            self.far.get(&key).copied().unwrap_or(0)
        }
    }

    #[inline(always)]
    fn in_window(&self, key: i64) -> bool {
        (key.wrapping_sub(self.base) as u64) < W as u64
    }

    /// Sets a level (0 removes it) and returns the quantity it held before.
    #[inline(always)]
    pub(crate) fn set(&mut self, key: i64, qty: i64) -> i64 {
        match u32::try_from(qty) {
            Ok(narrow) if narrow != LARGE && self.in_window(key) => {
                let before = self.put(key, narrow);
                // So for a new best level and for one deleted there or above: both are rare. Whether a row deletes is
                // a coin toss and must not be a branch of its own.
                if key + i64::from(narrow == 0) > self.best {
                    self.best_changed(key, narrow);
                }
                before
            }
            _ => self.set_otherwise(key, qty),
        }
    }

    /// [`Self::set`] of a large quantity or outside of the window.
    #[cold]
    #[inline(never)]
    fn set_otherwise(&mut self, key: i64, qty: i64) -> i64 {
        if self.in_window(key) {
            let before = self.place(key, qty);
            self.best = self.best.max(key);
            before
        } else if qty != 0 && key > self.best {
            self.recentre(key);
            self.set(key, qty)
        } else {
            if qty == 0 { self.far.remove(&key) } else { self.far.insert(key, qty) }.unwrap_or(0)
        }
    }

    /// A level above the best one has been set, or one there or above deleted.
    #[inline]
    fn best_changed(&mut self, key: i64, qty: u32) {
        if qty != 0 {
            self.best = key;
        } else if key == self.best {
            self.best_left();
        }
    }

    /// Writes a quantity of any size inside the window.
    fn place(&mut self, key: i64, qty: i64) -> i64 {
        let narrow = u32::try_from(qty).unwrap_or(LARGE);
        let before = self.put(key, narrow);
        if narrow == LARGE {
            self.large.insert(key, qty);
        }
        before
    }

    /// Writes a slot inside the window and keeps the bitmap.
    #[inline(always)]
    fn put(&mut self, key: i64, qty: u32) -> i64 {
        let slot = (key & Self::MASK) as usize;
        let before = std::mem::replace(&mut self.qty[slot], qty);
        let bit = slot & 63;
        let word = &mut self.occupied[slot >> 6];
        *word = (*word & !(1 << bit)) | (u64::from(qty != 0) << bit);
        if before == LARGE { self.take_large(key) } else { i64::from(before) }
    }

    #[cold]
    #[inline(never)]
    fn take_large(&mut self, key: i64) -> i64 {
        self.large.remove(&key).unwrap_or(0)
    }

    /// The best level has just been removed: find the next one.
    #[inline(never)]
    fn best_left(&mut self) {
        if let Some(next) = self.next_in_window(self.best) {
            self.best = next;
            // Keep room behind the touch, or deep levels would pile up in the map.
            if next - self.base < Self::HEADROOM && !self.far.is_empty() {
                self.recentre(next);
            }
        } else if let Some((&next, _)) = self.far.last_key_value() {
            self.recentre(next);
        } else {
            self.best = NONE;
        }
    }

    /// The largest occupied key below `key` inside the window.
    #[inline]
    fn next_in_window(&self, key: i64) -> Option<i64> {
        let offset = key - self.base;
        let slot = (key & Self::MASK) as usize;
        let below = self.occupied[slot >> 6] & ((1u64 << (slot & 63)) - 1);
        let word_key = key & !63;
        if below != 0 {
            return Some(word_key + 63 - i64::from(below.leading_zeros()));
        }
        for step in 1..=(offset >> 6) {
            let key = word_key - 64 * step;
            let word = self.occupied[(key & Self::MASK) as usize >> 6];
            if word != 0 {
                return Some(key + 63 - i64::from(word.leading_zeros()));
            }
        }
        None
    }

    /// Whether a level lies below `key`, which is below the best one.
    pub(crate) fn has_below(&self, key: i64) -> bool {
        if self.far.first_key_value().is_some_and(|(first, _)| *first < key) {
            return true;
        }
        if !self.in_window(key) {
            return false;
        }
        let [start, word] = [self.base, key].map(|key| (key & Self::MASK) as usize >> 6);
        let any = |words: &[u64]| words.iter().fold(0, |bits, word| bits | word) != 0;
        self.occupied[word] & ((1u64 << (key & 63)) - 1) != 0
            || if start <= word {
                any(&self.occupied[start..word])
            } else {
                any(&self.occupied[start..]) || any(&self.occupied[..word])
            }
    }

    /// Moves the window so that `best` has headroom above it, and moves levels between window and map.
    #[cold]
    #[inline(never)]
    fn recentre(&mut self, best: i64) {
        let target = best.saturating_add(Self::HEADROOM).saturating_sub(W as i64) & !63;
        let old = self.base;
        if target != old {
            // Levels that leave the window: the words of the old window outside the new one.
            for word in 0..WORDS as i64 {
                let start = old + 64 * word;
                let stays = (start.wrapping_sub(target) as u64) < W as u64;
                let index = (start & Self::MASK) as usize >> 6;
                if stays || self.occupied[index] == 0 {
                    continue;
                }
                let mut bits = std::mem::take(&mut self.occupied[index]);
                while bits != 0 {
                    let key = start + i64::from(bits.trailing_zeros());
                    let narrow = std::mem::take(&mut self.qty[(key & Self::MASK) as usize]);
                    let large = if narrow == LARGE { self.large.remove(&key) } else { None };
                    self.far.insert(key, large.unwrap_or(i64::from(narrow)));
                    bits &= bits - 1;
                }
            }
            self.base = target;
            let end = target.saturating_add(W as i64);
            let entering: Vec<i64> = self.far.range(target..end).map(|(k, _)| *k).collect();
            for key in entering {
                if let Some(qty) = self.far.remove(&key) {
                    self.place(key, qty);
                }
            }
        }
        self.best = if self.get(best) != 0 { best } else { self.next_in_window(best).unwrap_or(NONE) };
    }

    /// Removes every level.
    pub(crate) fn clear(&mut self) {
        for (index, word) in self.occupied.iter_mut().enumerate() {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                self.qty[index * 64 + bits.trailing_zeros() as usize] = 0;
                bits &= bits - 1;
            }
        }
        self.far.clear();
        self.large.clear();
        self.best = NONE;
    }

    /// Levels from the best outwards, as `(key, qty)`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let mut next = self.best();
        let window = std::iter::from_fn(move || {
            let key = next?;
            next = self.next_in_window(key);
            Some((key, self.get(key)))
        });
        window.chain(self.far.iter().rev().map(|(k, q)| (*k, *q)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(ladder: &Ladder<256, 4>, model: &BTreeMap<i64, i64>) {
        assert_eq!(ladder.best(), model.last_key_value().map(|(k, _)| *k));
        assert_eq!(ladder.len(), model.len());
        assert!(ladder.iter().eq(model.iter().rev().map(|(k, q)| (*k, *q))));
    }

    #[test]
    fn a_level_far_away_does_not_disturb_the_touch() {
        let mut ladder = Ladder::<256, 4>::new();
        ladder.set(-646_001, 7);
        ladder.set(-32_010_300, 9);
        assert_eq!(ladder.best(), Some(-646_001));
        assert_eq!(ladder.set(-646_001, 0), 7);
        assert_eq!(ladder.best(), Some(-32_010_300));
        assert_eq!(ladder.set(-32_010_300, 0), 9);
        assert_eq!(ladder.best(), None);
        assert_eq!(ladder.len(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn any_stream_equals_an_ordered_map(
            start in -100_000i64..100_000,
            steps in proptest::collection::vec((-90i64..90, 0u8..10, 0i64..4), 1..400),
        ) {
            let mut ladder = Ladder::<256, 4>::new();
            let mut model = BTreeMap::new();
            let mut centre = start;
            for (offset, jump, qty) in steps {
                // Mostly near the last touch, sometimes far away, so that the window moves often.
                let key = if jump == 0 { centre + offset * 50 } else { centre + offset };
                // Now and then a quantity that does not fit a slot, or just does.
                let qty = if jump == 1 && qty > 0 { i64::from(LARGE) + qty - 2 } else { qty };
                centre = model.last_key_value().map_or(centre, |(k, _): (&i64, &i64)| *k);
                let before = ladder.set(key, qty);
                let expected = if qty == 0 { model.remove(&key) } else { model.insert(key, qty) };
                prop_assert_eq!(before, expected.unwrap_or(0));
                prop_assert_eq!(ladder.get(key), qty);
                check(&ladder, &model);
                for probe in [key, centre - 1, start] {
                    if probe < ladder.best_or_min() {
                        prop_assert_eq!(ladder.has_below(probe), model.range(..probe).next().is_some());
                    }
                }
            }
            ladder.clear();
            model.clear();
            check(&ladder, &model);
        }
    }
}
