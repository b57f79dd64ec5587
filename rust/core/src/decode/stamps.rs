//! What the rows of a message have in common, and the messages that every venue tells alike.

use super::feed::FeedMessage;
use crate::event::{Event, EventKind, EventSink, FLAG_LAST, FLAG_SNAPSHOT};
use crate::types::Level;

/// Price and quantity of the best bid and the best ask; a quantity of 0 is an empty side.
pub(super) type Quoted = [(i64, i64); 2];

/// When a message was made and received, ns, and its id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamps {
    pub(super) ts_event: i64,
    pub(super) ts_recv: i64,
    pub(super) id: u64,
}

impl Stamps {
    /// A row of a kind that says nothing else.
    #[inline]
    pub(super) fn row(self, kind: EventKind) -> Event {
        let Self { ts_event, ts_recv, id } = self;
        Event { ts_event, ts_recv, kind, side: 0, flags: 0, price: 0, qty: 0, id }
    }

    /// Tells a whole book.
    pub(super) fn book(self, [bids, asks]: [&[Level]; 2], out: &mut impl EventSink) {
        let clear = Event { flags: FLAG_SNAPSHOT, ..self.row(EventKind::BookClear) };
        out.push(clear);
        out.push_levels(Event { kind: EventKind::BookSet, ..clear }, bids, asks);
        out.end_message();
    }

    /// Tells that there is no book any more.
    pub(super) fn clear(self, out: &mut impl EventSink) {
        out.push(Event { flags: FLAG_LAST, ..self.row(EventKind::BookClear) });
    }

    /// Tells best prices.
    pub(super) fn quote(self, quoted: Quoted, out: &mut impl EventSink) {
        for (side, (price, qty)) in [1, -1].into_iter().zip(quoted) {
            out.push(Event { side, price, qty, ..self.row(EventKind::Quote) });
        }
        out.end_message();
    }

    /// Tells best prices unless they are those told last.
    pub(super) fn quote_news(
        self,
        quoted: Quoted,
        last: &mut Option<Quoted>,
        out: &mut impl EventSink,
    ) -> FeedMessage {
        if last.replace(quoted) == Some(quoted) {
            return FeedMessage::StaleQuote;
        }
        self.quote(quoted, out);
        FeedMessage::Quote
    }
}
