//! What a frame can be, and what can come of it.

use crate::book::{DeltaAction, SnapshotAction};

/// What a frame was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinanceFrame {
    /// A depth update.
    Depth(DeltaAction),
    /// A depth snapshot.
    Snapshot(SnapshotAction),
    /// The best levels, which are the whole book where no updates are.
    PartialDepth,
    /// Depth of another stream than the one that makes the book.
    OtherDepth,
    /// A trade or an aggregated trade.
    Trade,
    /// A print that is no trade of the book.
    OffBookTrade,
    /// A trade without price or size, which says nothing.
    EmptyTrade,
    /// A trade whose id has been there.
    DuplicateTrade,
    /// The venue's own best prices.
    BookTicker,
    /// Best prices that are not newer than those before them.
    StaleQuote,
    /// Mark price, index price, funding rate.
    MarkPrice,
    /// A liquidation.
    Liquidation,
    /// The liquidation that was told last, once more.
    DuplicateLiquidation,
    /// An answer to a request for the open interest.
    OpenInterest,
    /// Another answer to a request.
    Control,
    /// A message of a kind or symbol that is not decoded, or a trade of the second trade stream.
    Ignored,
}

/// What came of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinanceOutcome {
    /// What it was.
    pub frame: BinanceFrame,
    /// The instrument it concerns.
    pub instrument: Option<usize>,
    /// Update id of a depth update or `bookTicker`.
    pub id: u64,
    /// Depth updates it made part of the book: its own, or those that had waited for a snapshot.
    pub applied: usize,
}

impl BinanceOutcome {
    /// Nothing came of it.
    pub(super) const IGNORED: Self =
        Self { frame: BinanceFrame::Ignored, instrument: None, id: 0, applied: 0 };

    pub(super) fn of(frame: BinanceFrame, index: usize, id: u64) -> Self {
        let applied = usize::from(frame == BinanceFrame::Depth(DeltaAction::Apply));
        Self { frame, instrument: Some(index), id, applied }
    }
}
