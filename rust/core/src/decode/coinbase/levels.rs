//! What is told of a book whose changes have no numbers, held against itself and against the venue's best prices.
//!
//! A deletion that is lost leaves a level that is gone. Where the other side comes to it the book is crossed, which the
//! venue's never is but in an auction: then its snapshot is. Before that a ticker tells it: its best prices are worse
//! than the level. Changes and tickers are of two channels, of which one may gather what happens, so a level is one that
//! nobody has spoken of for a second before the ticker, nor for a second after it.

use std::collections::BTreeMap;

use crate::book::GapReason;
use crate::decode::stamps::Quoted;
use crate::types::{Level, Side};

/// Changes and tickers may be this far apart, ns.
const APART_NS: i64 = 1_000_000_000;

/// Levels that a ticker denies.
#[derive(Debug)]
struct Doubt {
    /// When a change of each would have come, ns.
    until: i64,
    levels: Vec<(Side, i64)>,
}

/// The levels of a book.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// Of bids and asks, by price: when each was told last, by the venue's clock, ns.
    told: [BTreeMap<i64, i64>; 2],
    is_crossed: bool,
    doubt: Option<Doubt>,
}

impl Levels {
    /// Takes a whole book.
    pub(super) fn begin(&mut self, sides: [&[Level]; 2], at: i64) {
        *self = Self::default();
        self.set(sides, at);
        self.is_crossed = self.crosses();
    }

    /// Takes changes; returns why one before them has to be missing, if so.
    pub(super) fn change(&mut self, sides: [&[Level]; 2], at: i64) -> Option<GapReason> {
        self.set(sides, at);
        let is_crossed = self.crosses();
        let was_crossed = std::mem::replace(&mut self.is_crossed, is_crossed);
        if is_crossed && !was_crossed {
            return Some(GapReason::Crossed);
        }
        let doubt = self.doubt.take_if(|doubt| doubt.until < at || doubt.levels.is_empty())?;
        (!doubt.levels.is_empty()).then_some(GapReason::Denied)
    }

    /// Takes best prices of the venue at a time.
    pub(super) fn quote(&mut self, quoted: Quoted, at: i64) {
        if self.doubt.is_some() || self.is_crossed {
            return;
        }
        let mut levels = Vec::new();
        for side in [Side::Buy, Side::Sell] {
            let ((best, qty), told) = (quoted[side.index()], &self.told[side.index()]);
            let better = match side {
                Side::Buy => told.range(best.saturating_add(1)..),
                Side::Sell => told.range(..best),
            };
            let are_old = better.filter(|(_, told)| qty > 0 && **told < at - APART_NS);
            levels.extend(are_old.map(|(price, _)| (side, *price)));
        }
        if !levels.is_empty() {
            self.doubt = Some(Doubt { until: at + APART_NS, levels });
        }
    }

    fn set(&mut self, sides: [&[Level]; 2], at: i64) {
        for (side, levels) in [Side::Buy, Side::Sell].into_iter().zip(sides) {
            let told = &mut self.told[side.index()];
            for level in levels {
                if level.qty == 0 {
                    told.remove(&level.price);
                } else {
                    told.insert(level.price, at);
                }
            }
            if let Some(doubt) = &mut self.doubt {
                let is_told = |price| levels.iter().any(|level| level.price == price);
                doubt.levels.retain(|(of, price)| *of != side || !is_told(*price));
            }
        }
    }

    fn crosses(&self) -> bool {
        let [bids, asks] = &self.told;
        matches!((bids.last_key_value(), asks.first_key_value()), (Some((bid, _)), Some((ask, _))) if bid >= ask)
    }
}
