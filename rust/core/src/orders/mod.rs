//! Orders: terms, life, and the messages between strategy and venue.

mod order;

pub use order::{
    Command, IllegalTransition, Liquidity, Order, OrderId, OrderRequest, OrderStatus, OrderType, Pending,
    Reason, TimeInForce, Update, UpdateKind,
};
