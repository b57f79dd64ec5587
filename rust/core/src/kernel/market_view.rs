//! A strategy's view of one instrument: the book as it was known at the kernel's time.
//!
//! Nothing is done before somebody looks. The best prices are read from a short list that the venue side leaves
//! behind as it passes (a message's outcome is the same book here, only later); the full book is caught up from
//! the data when depth is asked for. Events are delivered from a reading position of their own.

use std::collections::VecDeque;

use crate::book::{BookState, FillBasis, L2Book, Touch};
use crate::event::{Chunk, Cursor, EventKind, FeedClock, View};

/// A book some rows ahead, left by the venue side for a view that nobody reads.
struct Offer {
    passed: u64,
    visible: i64,
    clock: FeedClock,
    book: L2Book,
}

/// What a message that has just become visible contained and changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MessageContent {
    pub(crate) book: bool,
    pub(crate) touch_moved: bool,
    pub(crate) new_state: Option<BookState>,
}

/// A strategy's view of one instrument.
pub struct MarketView {
    basis: FillBasis,
    /// The book and how far it has been caught up.
    book: L2Book,
    cursor: Cursor,
    /// Reading position of event delivery, if a strategy wants events.
    events: Option<Cursor>,
    /// Best prices as of the last look.
    touch: Touch,
    /// Best prices as of the last event delivered.
    announced: Touch,
    /// Touches to come, by the time they become visible.
    ahead: VecDeque<(i64, Touch)>,
    /// Whether a venue side leaves touches; without one they are read off the book.
    has_venue: bool,
    offer: Option<Offer>,
    /// Memory for the next offer.
    spare: Option<L2Book>,
    /// Sum of the last two-sided best prices as of the last look.
    last_twice_mid: Option<i64>,
}

impl MarketView {
    /// A view of nothing yet. `has_venue` promises that touches will be pushed ahead of time.
    pub fn new(basis: FillBasis, clock: FeedClock, has_venue: bool) -> Self {
        Self {
            basis,
            book: L2Book::new(),
            cursor: Cursor::new(clock),
            events: None,
            touch: Touch::default(),
            announced: Touch::default(),
            ahead: VecDeque::new(),
            has_venue,
            offer: None,
            spare: None,
            last_twice_mid: None,
        }
    }

    /// Where its book comes from.
    pub fn basis(&self) -> FillBasis {
        self.basis
    }

    /// Asks for events to be delivered one by one.
    pub(crate) fn subscribe(&mut self, clock: FeedClock) {
        self.events.get_or_insert_with(|| Cursor::new(clock));
    }

    pub(crate) fn push(&mut self, chunk: Chunk) {
        if let Some(events) = &mut self.events {
            events.push(chunk.clone());
        }
        self.cursor.push(chunk);
    }

    /// When the next event to deliver becomes visible, if one is loaded.
    #[inline]
    pub(crate) fn next_event(&mut self) -> Option<i64> {
        self.events.as_mut()?.peek().map(|stamp| stamp.visible)
    }

    /// Rows the book has not read of those the venue side has passed.
    pub(crate) fn lag(&self, venue_passed: u64) -> u64 {
        venue_passed.saturating_sub(self.cursor.passed())
    }

    /// A touch that becomes visible at `visible`; nobody looks at the view before `now` any more.
    #[inline]
    pub(crate) fn push_touch(&mut self, visible: i64, touch: Touch, now: i64) {
        if self.ahead.back().map_or(&self.touch, |(_, t)| t) == &touch {
            return;
        }
        if self.ahead.len() >= 256 && self.ahead[1].0 <= now {
            self.see_touches(now);
        }
        self.ahead.push_back((visible, touch));
    }

    fn see_touches(&mut self, now: i64) {
        while let Some(&(visible, touch)) = self.ahead.front() {
            if visible > now {
                break;
            }
            self.set_touch(touch);
            self.ahead.pop_front();
        }
    }

    fn set_touch(&mut self, touch: Touch) {
        self.touch = touch;
        self.last_twice_mid = touch.twice_mid().or(self.last_twice_mid);
    }

    /// Best prices as known at `now`.
    #[inline]
    pub fn touch(&mut self, now: i64) -> Touch {
        if self.has_venue {
            self.see_touches(now);
        } else {
            let touch = Touch::of(self.book(now));
            self.set_touch(touch);
        }
        self.touch
    }

    /// Sum of best bid and ask as known at `now`, or the last time there were both.
    pub fn twice_mid(&mut self, now: i64) -> Option<i64> {
        self.touch(now);
        self.last_twice_mid
    }

    /// The full book as known at `now`.
    pub fn book(&mut self, now: i64) -> &L2Book {
        self.take_offer(now);
        while self.cursor.peek().is_some_and(|stamp| stamp.visible <= now) {
            let Some((chunk, row)) = self.cursor.front() else { break };
            let view = chunk.view();
            let end = view.message_end(row);
            for row in row..end {
                self.book.apply_event(self.basis, &view, row);
            }
            self.cursor.advance_to(end);
        }
        &self.book
    }

    /// A book that has already passed `passed` rows, the last of them visible at `visible`; nobody looks at the view
    /// before `now` any more.
    pub(crate) fn offer(&mut self, passed: u64, visible: i64, clock: FeedClock, book: &L2Book, now: i64) {
        self.take_offer(now);
        // An offer that cannot be taken yet stays: the next one would only be later still.
        if self.offer.is_none() {
            let mut copy = self.spare.take().unwrap_or_default();
            copy.clone_from(book);
            self.offer = Some(Offer { passed, visible, clock, book: copy });
            self.take_offer(now);
        }
    }

    fn take_offer(&mut self, now: i64) {
        if let Some(offer) = self.offer.take_if(|offer| offer.visible <= now)
            && offer.passed > self.cursor.passed()
        {
            self.cursor.jump_to(offer.passed, offer.clock);
            self.spare = Some(std::mem::replace(&mut self.book, offer.book));
        }
    }

    /// Reads the next event and says what it held; `each` sees its trade and quote rows.
    pub(crate) fn read_event(&mut self, now: i64, mut each: impl FnMut(&View<'_>, usize)) -> MessageContent {
        let mut content = MessageContent::default();
        let Some(events) = &mut self.events else { return content };
        let Some((chunk, row)) = events.front() else { return content };
        let view = chunk.view();
        let end = view.message_end(row);
        for row in row..end {
            match EventKind::from_column(view.kind[row]) {
                Some(EventKind::BookSet | EventKind::BookClear) => {
                    content.book |= self.basis == FillBasis::L2;
                }
                Some(EventKind::Trade) => each(&view, row),
                Some(EventKind::Quote) => {
                    content.book |= self.basis == FillBasis::L1;
                    each(&view, row);
                }
                _ => {}
            }
        }
        events.advance_to(end);
        if content.book {
            let touch = self.touch(now);
            content.touch_moved = touch.prices_differ(&self.announced);
            content.new_state = (touch.state != self.announced.state).then_some(touch.state);
            self.announced = touch;
        }
        content
    }
}
