//! One side of a book: a dense window of levels around the touch and a sparse map for the rest.
//!
//! Levels are kept under a *key* that grows towards the touch: the price for bids, the negated price for asks. So
//! both sides share one piece of code and the best level is always the largest key. The window is an array of slots
//! with an occupancy bitmap; the next best level is found by a bit scan. Levels that lie outside (`BitMEX` has asks
//! at fifty times the price) live in an ordered map. Slots are 32 bits wide, which keeps the books of many
//! instruments in the processor's cache; the rare larger quantity lives in a second map.
//!
//! A side that never held a level has no window. The first is small; it gains slots once levels that a larger one
//! would hold have gone to the map often enough, and never shrinks.
//!
//! Invariants: `base` is a multiple of 64; a level is in the window if and only if `base <= key < base + width`;
//! the best level is in the window; a bit is set if and only if its slot is not zero; a key of the window is in
//! `large` if and only if its slot is [`LARGE`]. Quantities are not negative.

use std::collections::BTreeMap;

/// Slots a word of the bitmap stands for.
const WORD: usize = 64;
/// Slots of the first window. A smaller one could be laid past its best level, as its start is rounded to a word.
const FIRST: usize = 256;
/// Slots of the largest window.
const LARGEST: usize = 1 << 14;
const _: () = assert!(FIRST.is_power_of_two() && LARGEST.is_power_of_two() && FIRST / 4 >= WORD);
/// Slots the window may gain for a miss. With as many a level takes about the memory it would take in the map.
const SLOTS_PER_MISS: usize = 8;
/// Best levels deleted that make up for one miss: rarer misses cost next to nothing.
const FORGIVEN_AFTER: usize = 16;
/// What a level takes in an ordered map, bytes; about, as it depends on how full the nodes are.
const MAP_BYTES: usize = 32;

/// Marks an empty side.
const NONE: i64 = i64::MIN;
/// Marks a slot whose quantity does not fit it.
const LARGE: u32 = u32::MAX;

/// Levels of one side, best first.
///
/// The alignment makes its size a power of two: rows find their side by a shift instead of a multiplication.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Ladder {
    base: i64,
    best: i64,
    qty: Box<[u32]>,
    occupied: Box<[u64]>,
    /// What speaks for a larger window, in parts of a miss: see [`Self::miss`].
    misses: usize,
    far: BTreeMap<i64, i64>,
    large: BTreeMap<i64, i64>,
}

impl Clone for Ladder {
    fn clone(&self) -> Self {
        Self {
            qty: self.qty.clone(),
            occupied: self.occupied.clone(),
            far: self.far.clone(),
            large: self.large.clone(),
            ..*self
        }
    }

    /// Reuses the window's memory if it is as large.
    fn clone_from(&mut self, source: &Self) {
        self.base = source.base;
        self.best = source.best;
        self.qty.clone_from(&source.qty);
        self.occupied.clone_from(&source.occupied);
        self.misses = source.misses;
        self.far.clone_from(&source.far);
        self.large.clone_from(&source.large);
    }
}

impl Ladder {
    pub(crate) fn new() -> Self {
        Self {
            base: 0,
            best: NONE,
            qty: Box::default(),
            occupied: Box::default(),
            misses: 0,
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

    /// Memory it has allocated, in bytes: exact for the window, an estimate for the maps.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.qty)
            + size_of_val(&*self.occupied)
            + (self.far.len() + self.large.len()) * MAP_BYTES
    }

    /// Quantity at a key, 0 when there is no level.
    #[inline(always)]
    pub(crate) fn get(&self, key: i64) -> i64 {
        match self.qty.get(self.offset(key)) {
            Some(&LARGE) => self.large.get(&key).copied().unwrap_or(0),
            Some(&qty) => i64::from(qty),
            None => self.far.get(&key).copied().unwrap_or(0),
        }
    }

    /// Where a key's slot is; beyond the last one when the key lies outside of the window.
    #[inline(always)]
    fn offset(&self, key: i64) -> usize {
        usize::try_from(key.wrapping_sub(self.base) as u64).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    fn in_window(&self, key: i64) -> bool {
        self.offset(key) < self.qty.len()
    }

    /// Slots of the window, as a distance of keys.
    fn width(&self) -> i64 {
        self.qty.len() as i64
    }

    /// Where a fresh best lands in the window: most of the room is for the levels behind it.
    fn headroom(&self) -> i64 {
        self.width() / 4
    }

    /// Sets a level (0 removes it) and returns the quantity it held before.
    #[inline(always)]
    pub(crate) fn set(&mut self, key: i64, qty: i64) -> i64 {
        if let Ok(narrow) = u32::try_from(qty)
            && narrow != LARGE
            && let Some(before) = self.put(key, narrow)
        {
            // So for a new best level and for one deleted there or above: both are rare. Whether a row deletes is a
            // coin toss and must not be a branch of its own.
            if key + i64::from(narrow == 0) > self.best {
                self.best_changed(key, narrow);
            }
            return before;
        }
        self.set_otherwise(key, qty)
    }

    /// [`Self::set`] of a large quantity or outside of the window.
    #[cold]
    #[inline(never)]
    fn set_otherwise(&mut self, key: i64, qty: i64) -> i64 {
        if let Some(before) = self.place(key, qty) {
            self.best = self.best.max(key);
            before
        } else if qty != 0 && key > self.best {
            self.recentre(key);
            self.set(key, qty)
        } else {
            let before = if qty == 0 { self.far.remove(&key) } else { self.far.insert(key, qty) };
            self.miss(key, self.best);
            self.grow_if_worthwhile(self.best);
            before.unwrap_or(0)
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

    /// Writes a quantity of any size and returns the one before, if the key lies in the window.
    fn place(&mut self, key: i64, qty: i64) -> Option<i64> {
        let narrow = u32::try_from(qty).unwrap_or(LARGE);
        let before = self.put(key, narrow)?;
        if narrow == LARGE {
            self.large.insert(key, qty);
        }
        Some(before)
    }

    /// Writes a slot, keeps the bitmap and returns the quantity before, if the key lies in the window. Both bounds
    /// checks are that question, so that there is no other.
    #[inline(always)]
    fn put(&mut self, key: i64, qty: u32) -> Option<i64> {
        let offset = self.offset(key);
        let (slot, word) = (self.qty.get_mut(offset)?, self.occupied.get_mut(offset / WORD)?);
        let before = std::mem::replace(slot, qty);
        let bit = offset % WORD;
        *word = (*word & !(1 << bit)) | (u64::from(qty != 0) << bit);
        Some(if before == LARGE { self.take_large(key) } else { i64::from(before) })
    }

    #[cold]
    #[inline(never)]
    fn take_large(&mut self, key: i64) -> i64 {
        self.large.remove(&key).unwrap_or(0)
    }

    /// The best level has just been removed: find the next one.
    #[inline(never)]
    fn best_left(&mut self) {
        self.misses = self.misses.saturating_sub(1);
        if let Some(next) = self.next_in_window(self.best) {
            self.best = next;
            // Keep room behind the touch, or deep levels would pile up in the map.
            if next - self.base < self.headroom() && !self.far.is_empty() {
                self.recentre(next);
            }
        } else if let Some((&next, _)) = self.far.last_key_value() {
            self.recentre(next);
        } else {
            self.best = NONE;
        }
    }

    /// The largest occupied key below `key`, which lies inside the window.
    #[inline]
    fn next_in_window(&self, key: i64) -> Option<i64> {
        let slot = self.offset(key);
        let mut index = slot / WORD;
        let mut word = self.occupied[index] & ((1 << (slot % WORD)) - 1);
        if word == 0 {
            index = self.occupied[..index].iter().rposition(|word| *word != 0)?;
            word = self.occupied[index];
        }
        Some(self.base + (index * WORD) as i64 + i64::from(word.ilog2()))
    }

    /// Whether a level lies below `key`, which is below the best one.
    pub(crate) fn has_below(&self, key: i64) -> bool {
        self.far.first_key_value().is_some_and(|(first, _)| *first < key)
            || (self.in_window(key) && self.next_in_window(key).is_some())
    }

    /// Lays the window so that `best` has headroom above it, and moves levels between window and map.
    #[cold]
    #[inline(never)]
    fn recentre(&mut self, best: i64) {
        if self.qty.is_empty() {
            self.qty = vec![0; FIRST].into();
            self.occupied = vec![0; FIRST / WORD].into();
        }
        self.move_window(best);
        self.grow_if_worthwhile(best);
        self.best = if self.get(best) != 0 { best } else { self.next_in_window(best).unwrap_or(NONE) };
    }

    fn move_window(&mut self, best: i64) {
        let target = best.saturating_add(self.headroom()).saturating_sub(self.width()) & !(WORD as i64 - 1);
        let words = self.occupied.len() as i64;
        let shift = target.saturating_sub(self.base) / WORD as i64;
        for word in 0..words {
            if !(shift..shift + words).contains(&word) {
                self.spill(word as usize, best);
            }
        }
        if shift.abs() < words {
            // What has been spilled left zeros, they come round to the other end.
            let shift = shift.rem_euclid(words) as usize;
            self.occupied.rotate_left(shift);
            self.qty.rotate_left(shift * WORD);
        }
        self.base = target;
        // No level is above the best one: what is not below the window belongs into it.
        while let Some(level) = self.far.last_entry()
            && *level.key() >= target
        {
            let (key, qty) = level.remove_entry();
            self.place(key, qty);
        }
    }

    /// Moves the levels of a word to the map.
    fn spill(&mut self, index: usize, best: i64) {
        let mut word = std::mem::take(&mut self.occupied[index]);
        while word != 0 {
            let slot = index * WORD + word.trailing_zeros() as usize;
            let key = self.base + slot as i64;
            let qty = match std::mem::take(&mut self.qty[slot]) {
                LARGE => self.take_large(key),
                qty => i64::from(qty),
            };
            self.far.insert(key, qty);
            self.miss(key, best);
            word &= word - 1;
        }
    }

    /// The map has been written. That counts as a miss if the largest window would have held the level; levels out of
    /// every reach, however many, do not make the window grow.
    fn miss(&mut self, key: i64, best: i64) {
        const REACH: u64 = (LARGEST - LARGEST / 4) as u64;
        if self.qty.len() < LARGEST && (best.wrapping_sub(key) as u64) < REACH {
            self.misses += FORGIVEN_AFTER;
        }
    }

    /// Gives the window more slots after enough misses: its widths are powers of two, and half-way between.
    fn grow_if_worthwhile(&mut self, best: i64) {
        let width = self.qty.len();
        let gain = if width.is_power_of_two() { width / 2 } else { width / 3 };
        if self.misses * SLOTS_PER_MISS <= gain * FORGIVEN_AFTER {
            return;
        }
        let mut qty = vec![0; gain + width].into_boxed_slice();
        qty[gain..].copy_from_slice(&self.qty);
        let mut occupied = vec![0; (gain + width) / WORD].into_boxed_slice();
        occupied[gain / WORD..].copy_from_slice(&self.occupied);
        self.base = self.base.saturating_sub(gain as i64);
        (self.qty, self.occupied, self.misses) = (qty, occupied, 0);
        self.move_window(best);
    }

    /// Removes every level.
    pub(crate) fn clear(&mut self) {
        for (word, slots) in self.occupied.iter_mut().zip(self.qty.chunks_exact_mut(WORD)) {
            if std::mem::take(word) != 0 {
                slots.fill(0);
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

    fn check(ladder: &Ladder, model: &BTreeMap<i64, i64>) {
        assert_eq!(ladder.best(), model.last_key_value().map(|(k, _)| *k));
        assert_eq!(ladder.len(), model.len());
        assert!(ladder.iter().eq(model.iter().rev().map(|(k, q)| (*k, *q))));
        assert!(ladder.far.keys().all(|key| *key < ladder.base));
        assert!(ladder.best().is_none_or(|best| ladder.in_window(best)));
        assert!(ladder.large.keys().all(|key| ladder.qty[ladder.offset(*key)] == LARGE));
    }

    fn set(ladder: &mut Ladder, model: &mut BTreeMap<i64, i64>, key: i64, qty: i64) {
        let before = ladder.set(key, qty);
        let expected = if qty == 0 { model.remove(&key) } else { model.insert(key, qty) };
        assert_eq!((before, ladder.get(key)), (expected.unwrap_or(0), qty));
    }

    #[test]
    fn a_level_far_away_does_not_disturb_the_touch() {
        let mut ladder = Ladder::new();
        ladder.set(-646_001, 7);
        ladder.set(-32_010_300, 9);
        assert_eq!(ladder.best(), Some(-646_001));
        assert_eq!(ladder.set(-646_001, 0), 7);
        assert_eq!(ladder.best(), Some(-32_010_300));
        assert_eq!(ladder.set(-32_010_300, 0), 9);
        assert_eq!(ladder.best(), None);
        assert_eq!(ladder.len(), 0);
    }

    #[test]
    fn a_side_without_levels_holds_no_memory() {
        let mut ladder = Ladder::new();
        ladder.set(5, 0);
        ladder.clear();
        assert_eq!((ladder.heap_bytes(), ladder.get(5), ladder.has_below(5)), (0, 0, false));
        ladder.set(5, 1);
        assert_eq!(ladder.qty.len(), FIRST);
    }

    #[test]
    fn a_wide_book_soon_has_no_more_to_do_with_the_map() {
        let (mut ladder, mut model) = (Ladder::new(), BTreeMap::new());
        // A snapshot of 12,000 ticks, best first.
        for back in 0..12_000 {
            set(&mut ladder, &mut model, 600_000 - back, 1 + back);
        }
        check(&ladder, &model);
        let width = ladder.qty.len();
        assert!(width >= LARGEST / 2, "{width}");
        let mut misses = 0;
        for step in 0..100_000 {
            let key = 600_000 - step * 7_919 % 12_000;
            misses += usize::from(!ladder.in_window(key));
            set(&mut ladder, &mut model, key, 1 + step);
        }
        check(&ladder, &model);
        assert_eq!(ladder.qty.len(), LARGEST);
        assert!(misses <= LARGEST / 4 / SLOTS_PER_MISS + 1, "{misses}");
        assert!(ladder.far.is_empty());
    }

    #[test]
    fn levels_out_of_every_reach_do_not_make_the_window_grow() {
        let mut ladder = Ladder::new();
        ladder.set(-646_001, 7);
        for step in 0..50_000 {
            ladder.set(-32_010_300 + step % 1_000, step % 3);
        }
        assert_eq!(ladder.qty.len(), FIRST);
    }

    #[test]
    fn rare_levels_deep_in_the_book_do_not_make_the_window_grow() {
        let mut ladder = Ladder::new();
        ladder.set(1_000, 1);
        for step in 0..20_000 {
            ladder.set(1_001 + step % 3, 1);
            ladder.set(1_001 + step % 3, 0);
            if step % 20 == 0 {
                ladder.set(-1_000 - step % 500, 1);
            }
        }
        assert_eq!(ladder.qty.len(), FIRST);
        assert!(ladder.far.len() > 20);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn any_stream_equals_an_ordered_map(
            start in -100_000i64..100_000,
            steps in proptest::collection::vec((-90i64..90, 0u8..10, 0i64..4), 1..400),
        ) {
            let mut ladder = Ladder::new();
            let mut model = BTreeMap::new();
            let mut centre = start;
            for (offset, jump, qty) in steps {
                // Mostly near the last touch, sometimes far away, so that the window moves often.
                let key = if jump == 0 { centre + offset * 50 } else { centre + offset };
                // Now and then a quantity that does not fit a slot, or just does.
                let qty = if jump == 1 && qty > 0 { i64::from(LARGE) + qty - 2 } else { qty };
                centre = model.last_key_value().map_or(centre, |(k, _): (&i64, &i64)| *k);
                set(&mut ladder, &mut model, key, qty);
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn a_window_that_grows_keeps_every_level(
            depth in 600i64..14_000,
            steps in proptest::collection::vec((0i64..1_000, -3i64..4, 0u8..40, 0i64..4), 300..1_200),
        ) {
            let (mut ladder, mut model) = (Ladder::new(), BTreeMap::new());
            // Copies into windows of every size, also larger and smaller ones.
            let mut copies = [Ladder::new(), Ladder::new()];
            let mut touch = 50_000;
            for (at, (back, step, event, qty)) in steps.into_iter().enumerate() {
                touch += step;
                let qty = if event == 1 && qty > 0 { i64::from(LARGE) + qty - 2 } else { qty };
                set(&mut ladder, &mut model, touch - back * depth / 1_000, qty);
                // Mostly the market just goes on; sometimes it loses its best levels, rarely all of them.
                if event == 2 {
                    for key in model.keys().rev().take(20).copied().collect::<Vec<_>>() {
                        set(&mut ladder, &mut model, key, 0);
                    }
                } else if event == 3 && back < 50 {
                    ladder.clear();
                    model.clear();
                }
                if at % 16 == 0 {
                    check(&ladder, &model);
                    let copy = &mut copies[usize::from(back % 4 == 0)];
                    copy.clone_from(&ladder);
                    check(copy, &model);
                }
            }
            check(&ladder, &model);
            prop_assert!(ladder.qty.len() > FIRST && ladder.qty.len() <= LARGEST);
        }
    }
}
