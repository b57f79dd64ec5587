//! Best prices and sizes: what most readers of a book want.

use super::state::BookState;
use crate::event::{EventKind, View};
use crate::types::{Level, Side};

/// Best prices and sizes of a book. A size of 0 means the side is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Touch {
    /// Best bid price, if `bid_qty` is not 0.
    pub bid: i64,
    /// Quantity there.
    pub bid_qty: i64,
    /// Best ask price, if `ask_qty` is not 0.
    pub ask: i64,
    /// Quantity there.
    pub ask_qty: i64,
    /// What is known about the book.
    pub state: BookState,
}

impl Touch {
    /// The venue's own best prices as the quotes in rows `from..to`, a message, say them; `None` if there are none.
    pub fn quoted(view: &View<'_>, from: usize, to: usize) -> Option<Self> {
        let mut quote = None;
        for row in (from..to).filter(|row| view.kind[*row] == EventKind::Quote as u8) {
            let quote = quote.get_or_insert(Self { state: BookState::Synced, ..Self::default() });
            quote.set(view.side[row], view.price.get(row), view.qty.get(row));
        }
        quote
    }

    /// Sets the side an event's `side` column names: +1 the bid, else the ask.
    pub fn set(&mut self, side: i8, price: i64, qty: i64) {
        if side > 0 {
            (self.bid, self.bid_qty) = (price, qty);
        } else {
            (self.ask, self.ask_qty) = (price, qty);
        }
    }

    /// Best bid price.
    #[inline]
    pub fn best_bid(&self) -> Option<i64> {
        (self.bid_qty != 0).then_some(self.bid)
    }

    /// Best ask price.
    #[inline]
    pub fn best_ask(&self) -> Option<i64> {
        (self.ask_qty != 0).then_some(self.ask)
    }

    /// The best level of a side.
    #[inline]
    pub fn best(&self, side: Side) -> Option<Level> {
        let (price, qty) = match side {
            Side::Buy => (self.best_bid(), self.bid_qty),
            Side::Sell => (self.best_ask(), self.ask_qty),
        };
        price.map(|price| Level { price, qty })
    }

    /// Sum of best bid and best ask.
    #[inline]
    pub fn twice_mid(&self) -> Option<i64> {
        Some(self.best_bid()? + self.best_ask()?)
    }

    /// Half-way between the best prices, in price increments.
    #[inline]
    pub fn mid(&self) -> Option<f64> {
        self.twice_mid().map(|twice| twice as f64 / 2.0)
    }

    /// Mid weighted by the opposite sizes, in price increments.
    pub fn microprice(&self) -> Option<f64> {
        let (bid, ask) = (self.best_bid()? as f64, self.best_ask()? as f64);
        let (bid_qty, ask_qty) = (self.bid_qty as f64, self.ask_qty as f64);
        Some((bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty))
    }

    /// Best ask minus best bid, in price increments.
    pub fn spread(&self) -> Option<i64> {
        Some(self.best_ask()? - self.best_bid()?)
    }

    /// Whether the best bid is at or above the best ask.
    pub fn is_crossed(&self) -> bool {
        matches!((self.best_bid(), self.best_ask()), (Some(bid), Some(ask)) if bid >= ask)
    }

    /// Whether best prices differ from another touch's.
    pub fn prices_differ(&self, other: &Self) -> bool {
        self.best_bid() != other.best_bid() || self.best_ask() != other.best_ask()
    }
}
