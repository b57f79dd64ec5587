//! What our own orders have taken of displayed levels, which the data cannot know.
//!
//! It stands at the front of its level. A trade there takes it first, for the market took then what we had taken. Any
//! other decrease takes its share of it. Growth is others that came, and leaves it as it is.

use super::resting::NO_KEY;
use crate::types::Side;

/// Quantity of one level that the accounts of one pool have taken.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Price times the sign of its side.
    key: i64,
    pool: u32,
    /// What the level shows.
    displayed: i64,
    qty: i64,
    /// What has traded there and is not yet seen in `displayed`.
    traded: i64,
    /// Venue's time of the message by which the level last shrank, ns.
    shrunk_at: i64,
}

impl Entry {
    fn is_gone(&self) -> bool {
        self.qty == 0 && self.traded == 0
    }

    fn shows(&mut self, new: i64, at: i64) {
        let shrink = self.displayed - new;
        self.displayed = new;
        if shrink <= 0 {
            // What grew came after what traded, and shows it.
            self.traded = 0;
            return;
        }
        self.shrunk_at = at;
        let explained = self.traded.min(shrink);
        self.traded -= explained;
        let before = new + shrink - explained;
        if before > new {
            // Rounded up: what is not sure to be there is not.
            let share =
                (i128::from(self.qty) * i128::from(new) + i128::from(before) - 1) / i128::from(before);
            self.qty = i64::try_from(share).unwrap_or(self.qty);
        }
        self.qty = self.qty.min(new);
    }
}

/// All of it, by side in order of key and pool.
#[derive(Debug)]
pub(super) struct Taken {
    sides: [Vec<Entry>; 2],
    /// No level above this key has anything to learn when the data shows deeper than before; [`NO_KEY`] for none.
    unseen: [i64; 2],
}

impl Default for Taken {
    fn default() -> Self {
        Self { sides: [Vec::new(), Vec::new()], unseen: [NO_KEY; 2] }
    }
}

impl Taken {
    pub(super) fn len(&self) -> usize {
        self.sides.iter().map(Vec::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sides.iter().all(Vec::is_empty)
    }

    /// Quantity at a price that is displayed and no longer there.
    pub(super) fn at(&self, side: Side, key: i64, pool: u32) -> i64 {
        let entries = &self.sides[side.index()];
        let entry = entries.get(place(entries, key, pool)).filter(|e| (e.key, e.pool) == (key, pool));
        entry.map_or(0, |e| (e.qty + e.traded).min(e.displayed))
    }

    /// Takes `qty` more of a level that shows `displayed`.
    pub(super) fn add(&mut self, side: Side, key: i64, pool: u32, displayed: i64, qty: i64) {
        let entries = &mut self.sides[side.index()];
        let at = place(entries, key, pool);
        match entries.get_mut(at).filter(|e| (e.key, e.pool) == (key, pool)) {
            Some(entry) => entry.qty += qty,
            None => entries.insert(at, Entry { key, pool, displayed, qty, traded: 0, shrunk_at: i64::MIN }),
        }
    }

    /// `qty` traded at a level at `at`, venue's time.
    pub(super) fn trade(&mut self, side: Side, key: i64, qty: i64, at: i64) {
        let entries = &mut self.sides[side.index()];
        let from = place(entries, key, 0);
        for entry in entries[from..].iter_mut().take_while(|e| e.key == key) {
            // One that the level had shown already took its share then.
            if at > entry.shrunk_at {
                entry.qty -= entry.qty.min(qty);
                entry.traded = entry.traded.saturating_add(qty).min(entry.displayed);
            }
        }
    }

    /// A level may have changed by a message of `at`, venue's time, and shows `displayed` now, if the data reaches there.
    pub(super) fn level_shows(&mut self, side: Side, key: i64, displayed: Option<i64>, at: i64) {
        let entries = &mut self.sides[side.index()];
        let from = place(entries, key, 0);
        let count = entries[from..].iter().take_while(|e| e.key == key).count();
        if count == 0 {
            return;
        }
        let Some(displayed) = displayed else {
            self.unseen[side.index()] = self.unseen[side.index()].max(key);
            return;
        };
        // All of one level were shown the same.
        if entries[from].displayed != displayed {
            entries[from..from + count].iter_mut().for_each(|e| e.shows(displayed, at));
            entries.retain(|e| !e.is_gone());
        }
    }

    /// Any level of a side may have changed; `shows` says what they show now, if the data reaches there, and of when
    /// that is, venue's time.
    pub(super) fn levels_show(&mut self, side: Side, shows: impl Fn(i64) -> Option<(i64, i64)>) {
        let mut unseen = NO_KEY;
        self.sides[side.index()].retain_mut(|e| {
            match shows(e.key) {
                Some((displayed, at)) if displayed != e.displayed => e.shows(displayed, at),
                Some(_) => {}
                None => unseen = e.key,
            }
            !e.is_gone()
        });
        self.unseen[side.index()] = unseen;
    }

    /// See [`Taken::unseen`].
    #[inline]
    pub(super) fn unseen(&self, side: Side) -> i64 {
        self.unseen[side.index()]
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
