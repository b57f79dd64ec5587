//! One product's part of a connection: its book, its best prices, its trades.

use super::levels::Levels;
use super::orders::{Orders, Step};
use crate::book::{BookState, BookSync, DeltaAction, DeltaIds, GapReason, SyncRule};
use crate::decode::feed::{FeedMessage, FeedSink};
use crate::decode::seen::Seen;
use crate::decode::stamps::{Quoted, Stamps};
use crate::decode::stream_book::StreamBook;
use crate::event::{Event, VenueBar};
use crate::types::Level;

/// A trade.
#[derive(Debug)]
pub(super) struct Print {
    pub(super) instrument: usize,
    /// Whether it was before the subscription.
    pub(super) is_history: bool,
    pub(super) event: Event,
}

/// One product's state.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) book: StreamBook,
    /// The connection that tells it.
    teller: Option<usize>,
    /// Its levels, where changes of it have no numbers.
    levels: Levels,
    /// Whether changes make a book of nothing where no snapshot is.
    starts_empty: bool,
    /// The book of single orders, once they are told and levels are not: then it is the book.
    pub(super) orders: Option<Box<Orders>>,
    /// The newest trade, as long as nobody knows whether orders or levels are told: a snapshot of orders may be older.
    traded: Option<(Step, Stamps)>,
    /// Messages of the book so far: they have no numbers of their own.
    messages: u64,
    trades: Seen,
    /// Id of the connection's newest trade.
    newest_trade: Option<u64>,
    quoted: Option<Quoted>,
    /// Sequence of the newest ticker.
    ticked: Option<u64>,
    /// The bar that is not over.
    candle: Option<VenueBar>,
    /// Whether bars have come that were no history.
    has_candles: bool,
}

impl Default for Market {
    fn default() -> Self {
        Self {
            book: StreamBook::new(SyncRule::Coinbase),
            teller: None,
            levels: Levels::default(),
            starts_empty: false,
            orders: None,
            traded: None,
            messages: 0,
            trades: Seen::default(),
            newest_trade: None,
            quoted: None,
            ticked: None,
            candle: None,
            has_candles: false,
        }
    }
}

impl Market {
    /// Makes the book of nothing where no snapshot is.
    pub(super) fn start_empty(&mut self) {
        self.starts_empty = true;
        self.book.start_empty();
    }

    /// Where the book stands.
    pub(super) fn sync(&self) -> &BookSync {
        match &self.orders {
            Some(orders) => orders.sync(),
            None => self.book.sync(),
        }
    }

    /// Voids the book.
    pub(super) fn void(&mut self, reason: GapReason, stamps: Stamps, out: &mut impl FeedSink) {
        match &mut self.orders {
            Some(orders) => orders.void(reason, stamps, out),
            None => self.book.void(reason, stamps, out),
        }
    }

    /// The book of single orders, which what tells of them begins; none where the book is one of levels.
    pub(super) fn by_orders(&mut self) -> Option<&mut Orders> {
        if self.has_levels() {
            return None;
        }
        let begun = || Box::new(Orders::new(self.traded.take(), self.starts_empty));
        Some(self.orders.get_or_insert_with(begun))
    }

    /// Keeps what a trade does, as long as it may be one of the channel of single orders.
    pub(super) fn keep(&mut self, step: Step, stamps: Stamps) {
        let is_newer = self.traded.is_none_or(|(_, last)| last.id < stamps.id);
        if is_newer && self.orders.is_none() && !self.has_levels() {
            self.traded = Some((step, stamps));
        }
    }

    fn has_levels(&self) -> bool {
        self.book.sync().state() != BookState::Empty
    }

    /// Takes a trade that is a message of the channel of single orders.
    pub(super) fn execution(
        &mut self,
        step: Step,
        print: &Print,
        stamps: Stamps,
        out: &mut impl FeedSink,
    ) -> FeedMessage {
        let message = self.look(print);
        let trade = (message == FeedMessage::Trade).then_some(print.event);
        match &mut self.orders {
            Some(orders) => _ = orders.take(step, trade, stamps, out),
            None => trade.into_iter().for_each(|trade| out.push(trade)),
        }
        message
    }

    /// Whether it may be this connection that tells the book.
    pub(super) fn may_be_told_by(&self, connection: usize) -> bool {
        self.teller.is_none_or(|teller| teller == connection)
    }

    /// Takes a whole book, or changes of it; changes have numbers or none. One that is void begins anew by whatever
    /// connection.
    pub(super) fn book(
        &mut self,
        (is_snapshot, is_numbered): (bool, bool),
        connection: usize,
        stamps: Stamps,
        sides: [&[Level]; 2],
        out: &mut impl FeedSink,
    ) -> FeedMessage {
        let begins = is_snapshot && !self.book.is_synced();
        if self.orders.is_some() || !(begins || self.may_be_told_by(connection)) {
            return FeedMessage::OtherDepth;
        }
        // What begins with nothing knows nothing of the levels that nobody has told.
        if !is_numbered && !self.starts_empty {
            if is_snapshot {
                self.levels.begin(sides, stamps.ts_event);
            } else if self.book.is_synced()
                && let Some(reason) = self.levels.change(sides, stamps.ts_event)
            {
                self.book.void(reason, stamps, out);
                return FeedMessage::Depth(DeltaAction::Gap);
            }
        }
        self.messages += 1;
        let id = self.messages;
        let said = if is_snapshot {
            self.book.snapshot(id, stamps, sides, out)
        } else {
            self.book.delta(DeltaIds::one(id), stamps, sides, out)
        };
        if self.book.is_synced() {
            self.teller = Some(connection);
        }
        said
    }

    /// Holds the book against best prices of the venue.
    pub(super) fn deny(&mut self, quoted: Quoted, ts_event: i64) {
        if self.book.is_synced() && !self.starts_empty {
            self.levels.quote(quoted, ts_event);
        }
    }

    /// Takes a trade.
    pub(super) fn trade(&mut self, print: &Print, out: &mut impl FeedSink) -> FeedMessage {
        let message = self.look(print);
        if message == FeedMessage::Trade {
            out.push(print.event);
        }
        message
    }

    /// Says what a trade is, and remembers it.
    fn look(&mut self, print: &Print) -> FeedMessage {
        let is_new = self.trades.is_new(print.event.id);
        self.newest_trade = self.newest_trade.max(Some(print.event.id));
        if print.is_history {
            return FeedMessage::TradeHistory;
        }
        if !is_new {
            return FeedMessage::DuplicateTrade;
        }
        if print.event.qty == 0 || print.event.price == 0 {
            return FeedMessage::EmptyTrade;
        }
        FeedMessage::Trade
    }

    /// Voids the book if trades between the connection's newest one and this are missing.
    pub(super) fn check_trades(&mut self, print: &Print, stamps: Stamps, out: &mut impl FeedSink) {
        let got = print.event.id;
        if let Some(expected) = self.newest_trade.map(|newest| newest.saturating_add(1))
            && got > expected
            && !print.is_history
        {
            self.book.void(GapReason::Trade { expected, got }, stamps, out);
        }
    }

    /// Takes best prices.
    pub(super) fn quote(&mut self, quoted: Quoted, stamps: Stamps, out: &mut impl FeedSink) -> FeedMessage {
        stamps.quote_news(quoted, &mut self.quoted, out)
    }

    /// Whether a ticker is newer than the one before. The first one after subscribing is of any time before.
    pub(super) fn is_news(&mut self, sequence: u64) -> bool {
        self.ticked.replace(sequence).is_some_and(|last| sequence > last)
    }

    /// Takes a bar as it stands: the one before it is over. Those of before the first subscription are history.
    pub(super) fn candle(&mut self, bar: VenueBar, is_history: bool, out: &mut impl FeedSink) -> FeedMessage {
        let before = self.candle.filter(|last| bar.ts_open > last.ts_open && self.has_candles);
        self.has_candles |= !is_history;
        if self.candle.is_none_or(|last| bar.ts_open >= last.ts_open) {
            self.candle = Some(bar);
        }
        match before {
            Some(last) => {
                out.push_bar(&VenueBar { ts_recv: bar.ts_recv, ..last });
                FeedMessage::Kline
            }
            None => FeedMessage::OpenKline,
        }
    }

    /// Forgets what is the connection's: the book has been voided.
    pub(super) fn forget(&mut self) {
        (self.newest_trade, self.ticked, self.traded) = (None, None, None);
    }
}
