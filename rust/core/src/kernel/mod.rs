//! The deterministic kernel and what strategies see of it.

mod context;
mod dispatch;
mod market_view;
mod record;
mod strategy;

pub(crate) use context::check_qty;
pub use context::{Account, Context, Core, MarketState, OrderError, QuoteSide};
pub use dispatch::{Kernel, KernelError, OnError, StrategySetup};
pub use market_view::MarketView;
pub use record::{CandleRow, EquityRow, FillRow, Record};
pub use strategy::{BookFilter, HookError, HookResult, Interest, Strategy, Trade};
