//! What a replacement asks for, and what is told of it.

use crate::types::{Price, Qty};

/// What an order is to have from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NewTerms {
    /// Its limit; of an order without one, what it is valued at.
    pub price: Price,
    /// Its total quantity, what has been filled included.
    pub qty: Qty,
    /// Of an order that waits for its trigger: where that lies or, where it trails, how far; as it was if absent.
    pub trigger: Option<Price>,
}

impl NewTerms {
    /// Another limit and quantity.
    pub fn new(price: Price, qty: Qty) -> Self {
        Self { price, qty, trigger: None }
    }
}
