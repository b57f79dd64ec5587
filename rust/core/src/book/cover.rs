//! What lies over the depth of a book: what newer quotes and trades say of its best levels (see `l2/merged.rs`).

use super::ladder::Ladder;
use crate::event::View;
use crate::types::Side;

/// No time, and the key of a side on which nothing is.
pub(super) const NONE: i64 = i64::MIN;

/// When a message was of, ns of the venue, and its update id, 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) at: i64,
    pub(crate) id: u64,
}

impl Mark {
    pub(crate) const NONE: Self = Self { at: NONE, id: 0 };

    pub(super) fn of(view: &View<'_>, row: usize) -> Self {
        Self { at: view.ts_event[row], id: view.id.map_or(0, |ids| ids[row]) }
    }

    /// Whether a quote of this time is newer than depth of another.
    pub(super) fn is_newer(self, depth: Self) -> bool {
        if self.id != 0 && depth.id != 0 { self.id > depth.id } else { self.at >= depth.at }
    }
}

/// What is known of a side beyond its depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cover {
    /// The best key there is; [`NONE`] for an empty side.
    pub(crate) key: i64,
    /// What a quote said is there, else it is what the depth shows.
    pub(crate) quoted: Option<i64>,
    /// What has traded there since.
    pub(crate) traded: i64,
    /// Of the quote, [`Mark::NONE`] without one.
    pub(crate) quote: Mark,
    /// Of the newest trade, ns.
    pub(crate) traded_at: i64,
}

impl Cover {
    /// Whether depth shows all that it is made of.
    pub(super) fn is_shown(&self, depth: Mark) -> bool {
        (self.quote == Mark::NONE || !self.quote.is_newer(depth)) && depth.at >= self.traded_at
    }
}

/// What lies over the depth of a book, by side.
#[derive(Debug, Clone, Default)]
pub(super) struct Merge {
    pub(super) covers: [Option<Cover>; 2],
    /// Keys and quantities of the depth as far as the ladders differ from it.
    pub(super) hidden: [Vec<(i64, i64)>; 2],
}

impl Merge {
    /// Makes a side's ladder its depth.
    pub(super) fn put_back(&mut self, side: Side, ladders: &mut [Ladder; 2]) {
        for (key, qty) in self.hidden[side.index()].drain(..).rev() {
            ladders[side.index()].set(key, qty);
        }
    }

    /// Makes a side's ladder, which is its depth, what is known beyond it.
    pub(super) fn lay(&mut self, side: Side, ladders: &mut [Ladder; 2]) {
        let Some(cover) = self.covers[side.index()] else { return };
        let (ladder, hidden) = (&mut ladders[side.index()], &mut self.hidden[side.index()]);
        while let Some(best) = ladder.best().filter(|best| *best > cover.key) {
            hidden.push((best, ladder.set(best, 0)));
        }
        self.lay_level(side, ladders);
    }

    /// The same where no better level has come or gone: the best one alone.
    #[inline]
    pub(super) fn lay_level(&mut self, side: Side, ladders: &mut [Ladder; 2]) {
        let Some(cover) = self.covers[side.index()].filter(|cover| cover.key != NONE) else { return };
        let (ladder, hidden) = (&mut ladders[side.index()], &mut self.hidden[side.index()]);
        let shown = match hidden.pop_if(|(key, _)| *key == cover.key) {
            Some((_, shown)) => shown,
            None => ladder.get(cover.key),
        };
        let left = (cover.quoted.unwrap_or(shown) - cover.traded).max(0);
        ladder.set(cover.key, left);
        if left != shown {
            hidden.push((cover.key, shown));
        }
    }
}
