//! What has been taken of displayed levels that still show it.

use crate::types::Side;

/// Quantity of one level that the accounts of one pool have taken.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Price times the sign of its side.
    key: i64,
    pool: u32,
    /// What the level shows; as long as it does, `qty` of it is gone.
    displayed: i64,
    qty: i64,
}

/// All of it, by side in order of key and pool.
#[derive(Debug, Default)]
pub(super) struct Taken {
    sides: [Vec<Entry>; 2],
}

impl Taken {
    pub(super) fn is_empty(&self) -> bool {
        self.sides.iter().all(Vec::is_empty)
    }

    /// Quantity taken at a price.
    pub(super) fn at(&self, side: Side, key: i64, pool: u32) -> i64 {
        let entries = &self.sides[side.index()];
        entries.get(place(entries, key, pool)).filter(|e| (e.key, e.pool) == (key, pool)).map_or(0, |e| e.qty)
    }

    /// Takes `qty` more of a level that shows `displayed`.
    pub(super) fn add(&mut self, side: Side, key: i64, pool: u32, displayed: i64, qty: i64) {
        let entries = &mut self.sides[side.index()];
        let at = place(entries, key, pool);
        match entries.get_mut(at).filter(|e| (e.key, e.pool) == (key, pool)) {
            Some(entry) => entry.qty += qty,
            None => entries.insert(at, Entry { key, pool, displayed, qty }),
        }
    }

    /// A level may have changed and shows `displayed` now.
    pub(super) fn level_shows(&mut self, side: Side, key: i64, displayed: i64) {
        let entries = &mut self.sides[side.index()];
        let from = place(entries, key, 0);
        let count = entries[from..].iter().take_while(|e| e.key == key).count();
        // What was taken while the level showed the same is kept: all of one level were.
        if count > 0 && entries[from].displayed != displayed {
            entries.drain(from..from + count);
        }
    }

    /// Any level may have changed; `shows` says what they show now.
    pub(super) fn levels_show(&mut self, shows: impl Fn(Side, i64) -> i64) {
        for side in [Side::Buy, Side::Sell] {
            self.sides[side.index()].retain(|e| shows(side, e.key) == e.displayed);
        }
    }

    /// Lowest and highest key of a side.
    pub(super) fn bounds(&self, side: Side) -> Option<(i64, i64)> {
        let entries = &self.sides[side.index()];
        entries.first().zip(entries.last()).map(|(first, last)| (first.key, last.key))
    }
}

/// Where the entry of a key and pool is or would be.
fn place(entries: &[Entry], key: i64, pool: u32) -> usize {
    entries.partition_point(|e| (e.key, e.pool) < (key, pool))
}
