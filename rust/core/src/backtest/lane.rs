//! One market's recorded data on its way to the venue and to us.

use std::sync::Arc;

use super::arrivals::{Arrival, Arrivals};
use super::order::{Ordering, Receipts};
use super::watch::{Watch, Watched};
use crate::book::{FillBasis, L2Book, MarkSource, MarketChunks, Uncrossed};
use crate::event::{Chunk, Columns, Cursor, EventKind, FeedError, Granularity, Span, WrongStamps};
use crate::kernel::HookError;
use crate::risk::MidBand;
use crate::sim::{FeedClock, ModelFailure, Past, Stamp, Told};
use crate::types::Side;

/// Where a market's columns come from, piece by piece in order of time.
pub trait ChunkSource: Send {
    /// The next columns, `None` at the end.
    ///
    /// # Errors
    /// A sentence naming what could not be read, or that the user asked to stop.
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError>;
}

/// So many messages at most are looked at together, right after their rows have been checked: what is asked of them
/// later then lies side by side, and not in four columns that have gone from the processor's cache.
const WINDOW: usize = 256;
/// There is room for so many from the beginning.
const LEAST_WINDOW: usize = 64;

/// A message to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upcoming {
    /// When it acts and when it is seen.
    pub(super) stamp: Stamp,
    /// The row of the front chunk behind its last.
    pub(super) to: usize,
    /// Whether all its rows are levels.
    pub(super) only_levels: bool,
}

/// Which messages of a market are told when they reach us. Of the others the last is known to whoever is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// None: nobody follows it.
    Last,
    /// Those that leave the mids of which limits need to know only the last.
    Beyond(MidBand),
    /// Every one.
    Each,
}

impl Delivery {
    /// The mids that need not be told, where others have to be.
    pub(super) fn band(self) -> Option<MidBand> {
        if let Self::Beyond(band) = self { Some(band) } else { None }
    }
}

/// One market's data.
pub(super) struct Lane {
    /// As far as the venue has got.
    pub(super) cursor: Cursor,
    /// Stamps each message once.
    clock: FeedClock,
    /// Messages to come, the next one at `at`. While the front chunk has rows there is one.
    pub(super) upcoming: Vec<Upcoming>,
    pub(super) at: usize,
    /// The row of the front chunk at which the first of them begins.
    start: usize,
    /// Whether an order was ever sent to it.
    pub(super) has_orders: bool,
    /// The mid that was written down last, as the sum of bid and ask.
    pub(super) twice_mid: Option<i64>,
    /// What the venue has passed and we do not know yet.
    pub(super) arrivals: Arrivals,
    /// What we do not know yet, where it reaches us in another order than the venue's.
    pub(super) receipts: Option<Box<Receipts>>,
    /// Which of its messages are told.
    pub(super) delivery: Delivery,
    /// Whether it waits among the markets of which something is on its way and nobody will be woken.
    pub(super) is_awaited: bool,
    /// What says how much was traded, and how much that is as far as the venue has got.
    pub(super) volume_in: EventKind,
    pub(super) volume: i64,
    /// Apart, because it is asked once in many messages: what is asked at every one lies in fewer cache lines.
    feed: Box<Feed>,
}

/// Where the next columns come from, and what is kept of those that have passed.
struct Feed {
    source: Box<dyn ChunkSource>,
    chunks: MarketChunks,
    /// Why there are no more, until somebody needs them.
    failed: Option<FeedError<HookError>>,
    /// What orders that join a level may look back at.
    past: Option<Past>,
    /// What brings messages in the order in which they acted, where they do not lie in it.
    ordering: Option<Box<Ordering>>,
    /// Whether the market never runs ahead: to go back it would have to know more than its book.
    stays: bool,
    /// Whether amounts are converted at its mid.
    converts: bool,
    watch: Watch,
}

impl Feed {
    fn pull(&mut self) -> Result<Option<Chunk>, FeedError<HookError>> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.chunks.pull(|| self.source.next_columns()),
        }
    }
}

impl Lane {
    pub(super) fn new(
        source: Box<dyn ChunkSource>,
        clock: FeedClock,
        basis: FillBasis,
        marks: MarkSource,
        chunks: MarketChunks,
        in_order: bool,
        stale_ns: i64,
    ) -> Self {
        // Of a feed latency of its own the order at the venue is that of the receipts, too.
        let receipts = (!in_order && !clock.has_feed()).then(|| Box::new(Receipts::new(basis, marks)));
        let feed = Feed {
            source,
            chunks,
            failed: None,
            past: None,
            ordering: (!in_order).then(Box::default),
            // The bar it is in, what was published before.
            stays: basis == FillBasis::Bars || marks != MarkSource::Mid,
            converts: false,
            watch: Watch::new(basis, marks, stale_ns),
        };
        Self {
            cursor: Cursor::new(),
            clock,
            upcoming: Vec::new(),
            at: 0,
            start: 0,
            has_orders: false,
            volume_in: if basis == FillBasis::Bars { EventKind::BarClose } else { EventKind::Trade },
            volume: 0,
            twice_mid: None,
            arrivals: Arrivals::default(),
            delivery: Delivery::Last,
            is_awaited: false,
            receipts,
            feed: Box::new(feed),
        }
    }

    /// Whether it may pass messages before the others are there.
    #[inline]
    pub(super) fn may_run_ahead(&self) -> bool {
        !self.has_orders && self.may_go_back()
    }

    /// Whether what it passed too early can be undone.
    fn may_go_back(&self) -> bool {
        !self.feed.stays && self.is_in_order()
    }

    /// Has it never run ahead.
    pub(super) fn stay(&mut self) {
        self.feed.stays = true;
    }

    /// Has amounts be converted at its mid, as of each sample.
    pub(super) fn convert(&mut self) {
        self.feed.converts = true;
        self.stay();
    }

    /// Whether they are.
    #[inline]
    pub(super) fn converts(&self) -> bool {
        self.feed.converts
    }

    /// Whether there is no more data.
    pub(super) fn is_ended(&self) -> bool {
        self.feed.chunks.is_ended()
    }

    /// When the next of the messages that were looked at acts.
    #[inline]
    pub(super) fn next_venue(&self) -> Option<i64> {
        self.upcoming.get(self.at).map(|next| next.stamp.venue)
    }

    /// Whether the venue has messages in the order in which they lie.
    #[inline]
    pub(super) fn is_in_order(&self) -> bool {
        self.feed.ordering.is_none()
    }

    /// What was removed of its book because it stayed locked or crossed.
    pub(super) fn uncrossed(&self) -> Uncrossed {
        self.feed.chunks.uncrossed()
    }

    /// How a feed latency of somebody else's failed, if it did and nobody has been told.
    pub(super) fn take_failure(&mut self) -> Option<ModelFailure> {
        self.clock.take_failure()
    }

    /// When it stayed so, each from and until, ns of receive time.
    pub(super) fn crossed(&self) -> &[(i64, i64)] {
        self.feed.chunks.crossed()
    }

    /// What there is to know of its data, of a run that ended at `end`.
    pub(super) fn watched(&self, end: i64) -> Watched {
        self.feed.watch.told(end)
    }

    /// Messages so far whose stamps are wrong.
    pub(super) fn wrong_stamps(&self) -> WrongStamps {
        self.feed.chunks.wrong_stamps()
    }

    /// What stamps its messages.
    pub(super) fn clock(&self) -> &FeedClock {
        &self.clock
    }

    /// When the next of those on their way reaches us.
    #[inline]
    pub(super) fn next_arrival(&self) -> Option<i64> {
        match &self.receipts {
            None => self.arrivals.next(),
            Some(receipts) => receipts.next(),
        }
    }

    /// Whether its messages are delivered one by one.
    #[inline]
    pub(super) fn is_followed(&self) -> bool {
        self.delivery == Delivery::Each
    }

    /// Takes the next of those on their way that is told, with all before it.
    #[inline]
    pub(super) fn receive(&mut self) -> Option<Arrival> {
        match (&mut self.receipts, self.delivery) {
            (None, Delivery::Beyond(band)) => self.arrivals.take_through(&band),
            (None, _) => self.arrivals.pop(),
            (Some(receipts), _) => receipts.pop(),
        }
    }

    /// Takes all that reach us before `limit` and returns the last of them.
    #[inline]
    pub(super) fn receive_before(&mut self, limit: i64) -> Option<Arrival> {
        match &mut self.receipts {
            None => self.arrivals.take_before(limit),
            Some(receipts) => receipts.take_before(limit),
        }
    }

    /// The book we know of, after so many rows, where it is not the venue's.
    pub(super) fn received_book(&self) -> Option<(u64, &L2Book)> {
        self.receipts.as_ref().map(|receipts| receipts.book())
    }

    /// When the next message that has not been delivered reaches us.
    #[inline]
    pub(super) fn next_visible(&self) -> Option<i64> {
        self.next_arrival().or_else(|| self.upcoming.get(self.at).map(|next| next.stamp.visible))
    }

    /// When somebody is to be told of a message of it next, as far as that is known.
    #[inline]
    pub(super) fn next_told(&self) -> Option<i64> {
        match &self.delivery {
            Delivery::Each => self.next_visible(),
            Delivery::Beyond(band) => self.arrivals.first_beyond(band),
            Delivery::Last => None,
        }
    }

    /// Goes back to what has happened by `now`. Returns how many rows of the market that are, if the venue was ahead
    /// of it.
    pub(super) fn go_back(&mut self, now: i64) -> Option<u64> {
        let (chunk, row) = self.cursor.front().filter(|_| self.may_go_back())?;
        let at = self.upcoming[..self.at].partition_point(|message| message.stamp.venue <= now);
        let back = at.checked_sub(1).map_or(self.start, |last| self.upcoming[last].to);
        if at == self.at {
            return None;
        }
        self.at = at;
        self.volume = self.volume.saturating_sub(chunk.view().qty_of(self.volume_in, back, row));
        let upto = self.cursor.passed() - (row - back) as u64;
        self.arrivals.forget_behind(upto);
        Some(upto)
    }

    /// Looks at the messages that come next in the front chunk.
    fn look_ahead(&mut self) {
        self.at = 0;
        self.upcoming.clear();
        self.upcoming.reserve(LEAST_WINDOW);
        let Some((chunk, row)) = self.cursor.front() else { return };
        self.start = row;
        let view = chunk.view();
        for rows in view.messages(row, chunk.end()).take(WINDOW) {
            let stamp = match &mut self.feed.ordering {
                None => Some(self.clock.stamp(view.ts_event[rows.from], view.ts_recv[rows.from])),
                Some(ordering) => ordering.next_stamp(),
            };
            let Some(stamp) = stamp else { break };
            self.feed.watch.see(stamp.venue, &view, rows);
            self.upcoming.push(Upcoming { stamp, to: rows.to, only_levels: rows.only_levels });
        }
    }

    /// Keeps the rows that pass, for [`Lane::told_of`].
    pub(super) fn keep_past(&mut self) {
        self.feed.past = Some(Past::default());
    }

    /// The venue is at `row` of the front chunk.
    #[inline]
    pub(super) fn advance_to(&mut self, row: usize) {
        if let (Some((chunk, _)), Some(past)) = (self.cursor.front(), &mut self.feed.past)
            && row == chunk.end()
        {
            past.pass(chunk.clone());
        }
        self.cursor.advance_to(row);
    }

    /// What the last rows told of a level, oldest first.
    pub(super) fn told_of(&self, basis: FillBasis, side: Side, price: i64) -> Vec<Told> {
        let Some(past) = &self.feed.past else { return Vec::new() };
        let front = self.cursor.front().map(|(chunk, row)| (chunk.view(), chunk.start()..row));
        past.told_of(front, basis, side, price)
    }

    /// Takes a chunk as it was received; `each` sees what we will be told of.
    fn take(&mut self, chunk: Chunk, each: &mut impl FnMut(Chunk)) {
        let Some(ordering) = &mut self.feed.ordering else {
            self.cursor.push(chunk.clone());
            return each(chunk);
        };
        let ordered = ordering.push(&chunk, &mut self.clock);
        if let Some(receipts) = &mut self.receipts {
            receipts.push(chunk.clone());
            each(chunk);
        }
        self.take_ordered(ordered, each);
    }

    /// Takes what is left of the data once there is no more.
    fn take_rest(&mut self, each: &mut impl FnMut(Chunk)) {
        let rest = self.feed.ordering.as_mut().and_then(|ordering| ordering.finish(&mut self.clock));
        self.take_ordered(rest, each);
    }

    fn take_ordered(&mut self, chunk: Option<Chunk>, each: &mut impl FnMut(Chunk)) {
        let Some(chunk) = chunk else { return };
        self.cursor.push(chunk.clone());
        if self.receipts.is_none() {
            each(chunk);
        }
    }

    /// Reads as far ahead as tells how fine the book is; `each` sees every chunk. What fails there fails when it is needed.
    ///
    /// Of a market whose messages lie in the order of the venue it is asked once the first of them are known.
    pub(super) fn granularity(&mut self, mut each: impl FnMut(Chunk)) -> i64 {
        let mut seen = Granularity::default();
        if self.is_in_order()
            && let Some((chunk, _)) = self.cursor.front()
        {
            let (view, mut from) = (chunk.view(), self.start);
            for &Upcoming { to, only_levels, .. } in &self.upcoming {
                seen.see(&view, Span { from, to, only_levels });
                from = to;
            }
            seen.see_all(&view, from, chunk.end());
        }
        while !seen.is_told() {
            match self.feed.pull() {
                Ok(Some(chunk)) => {
                    seen.see_all(&chunk.view(), chunk.start(), chunk.end());
                    self.take(chunk, &mut each);
                }
                Ok(None) => {
                    self.take_rest(&mut each);
                    break;
                }
                Err(error) => {
                    self.feed.failed = Some(error);
                    break;
                }
            }
        }
        seen.ns()
    }

    /// Makes the next message known, reading more data if needed; `each` sees every chunk. Returns its venue time.
    pub(super) fn load(&mut self, mut each: impl FnMut(Chunk)) -> Result<Option<i64>, FeedError<HookError>> {
        while self.cursor.is_empty() {
            match self.feed.pull() {
                Ok(Some(chunk)) => self.take(chunk, &mut each),
                Ok(None) => {
                    self.take_rest(&mut each);
                    break;
                }
                Err(error) => {
                    // What was read before it still acts.
                    self.take_rest(&mut each);
                    if self.cursor.is_empty() {
                        return Err(error);
                    }
                    self.feed.failed = Some(error);
                }
            }
        }
        self.look_ahead();
        Ok(self.upcoming.first().map(|next| next.stamp.venue))
    }
}
