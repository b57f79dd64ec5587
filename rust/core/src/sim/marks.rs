//! Prices that a venue publishes beside its book, and what contracts are settled at.

use crate::book::MarkSource;
use crate::event::{EventKind, Span, View};
use crate::types::{FINE_ONE, FINE_SCALE, Instrument, InstrumentKind};

/// The last mark price and the last index price of a market, in units of 10^-9, and the price of its last trade.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    mark: Option<i64>,
    index: Option<i64>,
    last: Option<i64>,
}

impl Marks {
    /// Takes a message.
    pub(super) fn on_message(&mut self, view: &View<'_>, rows: Span) {
        for row in rows.from..rows.to {
            let price = match EventKind::from_column(view.kind[row]) {
                Some(EventKind::Mark) => &mut self.mark,
                Some(EventKind::Index) => &mut self.index,
                Some(EventKind::Trade) => &mut self.last,
                _ => continue,
            };
            *price = Some(view.price.get(row));
        }
    }

    /// What was published last of what positions are valued at, as columns have it.
    pub(super) fn published(self, source: MarkSource) -> Option<i64> {
        match source {
            MarkSource::Mid => None,
            MarkSource::Mark => self.mark,
            MarkSource::Last => self.last,
        }
    }

    /// The price by which the venue itself counts, where the data has one: the mark, else the index.
    pub(super) fn price(self) -> Option<i64> {
        self.mark.or(self.index)
    }

    /// The mark price alone.
    pub(super) fn own_price(self) -> Option<i64> {
        self.mark
    }

    /// The index price.
    pub(super) fn index(self) -> Option<i64> {
        self.index
    }

    /// What a contract's underlying is worth at its expiry, when the middle of its book is `mid`: what its specification
    /// says, else
    ///
    /// * of a future the index, else the mark, else the middle of the book;
    /// * of an option the index;
    /// * of a binary the index or the mark where it is 0 or 1: else nobody knows yet how it ended.
    pub(super) fn settlement(self, instrument: &Instrument, mid: Option<i64>) -> Option<i64> {
        if let Some(given) = instrument.settlement_price {
            return given.at_scale(FINE_SCALE).and_then(|price| i64::try_from(price).ok());
        }
        match instrument.kind {
            InstrumentKind::Spot => None,
            InstrumentKind::Option { .. } => self.index,
            InstrumentKind::Binary { .. } => {
                [self.index, self.mark].into_iter().flatten().find(|price| [0, FINE_ONE].contains(price))
            }
            InstrumentKind::Linear { .. }
            | InstrumentKind::Inverse { .. }
            | InstrumentKind::Quanto { .. } => self.index.or(self.mark).or(mid),
        }
    }
}
