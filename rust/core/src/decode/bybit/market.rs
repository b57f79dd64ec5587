//! One instrument's part of a connection: its book, its best prices, its trades.

use super::book::BookUpdate;
use super::entries::Print;
use super::ticker::News;
use crate::book::{DeltaAction, DeltaIds, GapReason, SnapshotAction, SyncRule};
use crate::decode::clock::VenueClock;
use crate::decode::feed::{FeedMessage, FeedSink};
use crate::decode::stamps::{Quoted, Stamps};
use crate::decode::stream_book::StreamBook;
use crate::decode::trade_ids::TradeIds;
use crate::event::{Event, EventKind, FLAG_LAST};
use crate::types::Level;

/// One instrument's state.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) clock: VenueClock,
    pub(super) book: StreamBook,
    /// The depth that is the book.
    depth: Option<u32>,
    /// Place of the book's newest message in the sequence of all topics.
    sequence: u64,
    /// Place of the snapshot the book began with.
    base: u64,
    /// Whether that answered a request: its ids are those of one depth, and nobody says whether of the topic's.
    is_answer: bool,
    /// `orderbook.1`: id and place of the newest message, and what it left.
    top: Option<(u64, u64, Quoted)>,
    /// Place of the newest ticker.
    ticked: u64,
    /// Newest values of what tickers say.
    news: News,
    /// Best prices told last.
    quoted: Option<Quoted>,
    trades: TradeIds,
    /// When the newest liquidations were sent, ns.
    pub(super) liquidated: i64,
}

impl Default for Market {
    fn default() -> Self {
        Self {
            clock: VenueClock::default(),
            book: StreamBook::new(SyncRule::Bybit),
            depth: None,
            sequence: 0,
            base: 0,
            is_answer: false,
            top: None,
            ticked: 0,
            news: News::default(),
            quoted: None,
            trades: TradeIds::recent(),
            liquidated: 0,
        }
    }
}

impl Market {
    /// Whether a topic tells the book.
    fn is_told(&self) -> bool {
        self.book.is_synced() && !self.is_answer
    }

    /// Whether a depth above 1 is none of the book.
    pub(super) fn is_other(&self, depth: u32, is_snapshot: bool) -> bool {
        let is_other = depth > 1 && self.depth.is_some_and(|ours| ours != depth);
        is_other && (self.is_told() || !is_snapshot)
    }

    /// Takes a message of a depth above 1.
    pub(super) fn book(
        &mut self,
        depth: u32,
        update: &BookUpdate,
        sides: [&[Level]; 2],
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> FeedMessage {
        let &BookUpdate { is_snapshot, id, sequence, .. } = update;
        if self.is_other(depth, is_snapshot) {
            return FeedMessage::OtherDepth;
        }
        self.depth = Some(depth);
        if self.is_copy(update) {
            return if is_snapshot {
                FeedMessage::Snapshot(SnapshotAction::Ignore)
            } else {
                FeedMessage::Depth(DeltaAction::Ignore)
            };
        }
        let stamps = update.stamps(ts_recv);
        let begins_anew = id == 1 && !is_snapshot;
        if begins_anew && sides.iter().all(|side| side.is_empty()) {
            self.book.void(GapReason::Restart, stamps, out);
            return FeedMessage::Depth(DeltaAction::Gap);
        }
        if is_snapshot || begins_anew {
            (self.sequence, self.base, self.is_answer) = (sequence, sequence, false);
            return self.book.snapshot(id, stamps, sides, out);
        }
        // Newer by its place and not by its id: those are of another depth, and nothing leads from the answer to it.
        let is_after_answer = sequence > self.sequence && std::mem::take(&mut self.is_answer);
        self.sequence = sequence;
        let after = self.book.sync().last_id();
        if is_after_answer && self.book.is_synced() && id <= after {
            self.book.void(GapReason::Update { after, previous: id.saturating_sub(1) }, stamps, out);
            return FeedMessage::Depth(DeltaAction::Gap);
        }
        self.book.delta(DeltaIds::one(id), stamps, sides, out)
    }

    /// Takes the book that a request was answered with, unless a topic tells it.
    pub(super) fn answer(
        &mut self,
        update: &BookUpdate,
        sides: [&[Level]; 2],
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> FeedMessage {
        let &BookUpdate { id, sequence, .. } = update;
        let is_synced = self.book.is_synced();
        // Answers had no place in the sequence before 2023.
        let is_old = match (sequence, self.sequence) {
            (0, _) | (_, 0) => is_synced && id <= self.book.sync().last_id(),
            (sequence, newest) => sequence < newest || (is_synced && sequence == newest),
        };
        if self.is_told() || is_old {
            return FeedMessage::Snapshot(SnapshotAction::Ignore);
        }
        (self.sequence, self.base, self.is_answer) = (sequence, sequence, true);
        self.book.snapshot(id, update.stamps(ts_recv), sides, out)
    }

    /// Whether a message has been there: another socket brings it again.
    fn is_copy(&self, update: &BookUpdate) -> bool {
        let &BookUpdate { is_snapshot, id, sequence, .. } = update;
        if sequence == 0 || (id == 1 && sequence != self.base) {
            return false;
        }
        let is_held = self.book.is_synced() && sequence == self.sequence && id == self.book.sync().last_id();
        sequence < self.sequence || (is_snapshot && is_held)
    }

    /// Takes a message of `orderbook.1`. It is a snapshot, or (until 2023) the side that changed.
    pub(super) fn top(
        &mut self,
        update: &BookUpdate,
        sides: [&[Level]; 2],
        ts_recv: i64,
        out: &mut impl FeedSink,
    ) -> FeedMessage {
        let &BookUpdate { is_snapshot, id, sequence, .. } = update;
        let quoted = match self.top {
            _ if is_snapshot => sides.map(best),
            Some((last, _, quoted)) if last + 1 == id => {
                [0, 1].map(|at| if sides[at].is_empty() { quoted[at] } else { best(sides[at]) })
            }
            // What the other side is cannot be known before the next snapshot.
            _ => return FeedMessage::StaleQuote,
        };
        if self.top.is_some_and(|(_, newest, _)| sequence < newest) {
            return FeedMessage::StaleQuote;
        }
        self.top = Some((id, sequence, quoted));
        update.stamps(ts_recv).quote_news(quoted, &mut self.quoted, out)
    }

    /// Takes what a ticker says. Its best prices count where `orderbook.1` is not subscribed to: they come later.
    pub(super) fn ticker(
        &mut self,
        news: News,
        sequence: u64,
        (ts_event, ts_recv): (i64, i64),
        out: &mut impl FeedSink,
    ) -> FeedMessage {
        if sequence < self.ticked {
            return FeedMessage::StaleQuote;
        }
        self.ticked = sequence;
        self.clock.named(Some(ts_event));
        let stamps = Stamps { ts_event, ts_recv, id: 0 };
        let mut says = false;
        for (kind, price) in [(EventKind::Mark, news.mark), (EventKind::Index, news.index)] {
            if let Some(price) = price {
                out.push(Event { price, ..stamps.row(kind) });
                says = true;
            }
        }
        self.news.merge(&news);
        if (news.funding.is_some() || news.next_funding.is_some())
            && let Some(price) = self.news.funding
        {
            let id = self.news.next_funding.unwrap_or(0).unsigned_abs();
            out.push(Event { price, id, ..stamps.row(EventKind::Funding) });
            says = true;
        }
        if says {
            out.end_message();
        }
        if let Some(qty) = news.open_interest {
            out.push(Event { qty, flags: FLAG_LAST, ..stamps.row(EventKind::OpenInterest) });
        }
        if self.top.is_none()
            && news.has_quote()
            && let Some(quoted) = self.news.quoted()
        {
            stamps.quote_news(quoted, &mut self.quoted, out);
        }
        FeedMessage::Ticker
    }

    /// Takes a trade.
    pub(super) fn trade(&mut self, print: &Print<'_>, out: &mut impl FeedSink) -> FeedMessage {
        self.clock.named(Some(print.event.ts_event));
        if print.event.qty == 0 || print.event.price == 0 {
            return FeedMessage::EmptyTrade;
        }
        if !self.trades.insert(print.id) {
            return FeedMessage::DuplicateTrade;
        }
        out.push(print.event);
        if print.event.kind == EventKind::Trade { FeedMessage::Trade } else { FeedMessage::OffBookTrade }
    }

    /// Takes a liquidation of a message sent at a time.
    pub(super) fn liquidation(&mut self, event: Event, sent: i64, out: &mut impl FeedSink) -> FeedMessage {
        self.clock.named(Some(event.ts_event));
        self.liquidated = sent;
        out.push(event);
        FeedMessage::Liquidation
    }

    /// Voids the book, the connection having ended, and forgets what changes build on.
    pub(super) fn disconnect(&mut self, ts_recv: i64, out: &mut impl FeedSink) {
        let stamps = Stamps { ts_event: self.clock.stamp(None, ts_recv), ts_recv, id: 0 };
        self.book.void(GapReason::Reconnect, stamps, out);
        (self.depth, self.sequence) = (None, 0);
        (self.top, self.news) = (None, News::default());
    }
}

/// The level of one side that is not removed; none is a quantity of 0.
fn best(levels: &[Level]) -> (i64, i64) {
    levels.iter().find(|level| level.qty > 0).map_or((0, 0), |level| (level.price, level.qty))
}
