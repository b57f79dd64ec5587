//! A level's own changes tell who stands where.
//!
//! An order's line is the level as pieces, those ahead of it and those behind, oldest first:
//!
//! * growth is an order behind of that size;
//! * a decrease that equals a piece behind is that one leaving, the latest such; else one that equals a piece ahead is. Where
//!   a size is there several times, ahead and behind, nobody knows which: see [`Ties`];
//! * trades eat the front;
//! * what matches nothing came from ahead where the feed tells every event: all that joined behind is known. Of a feed
//!   that merges events it is taken from behind first, from ahead first, or split (see [`Unmatched`]);
//! * what the level no longer shows is gone.
//!
//! A change shows all trades before it. So of a change at a later time than the trades told, what they took is set off
//! in full, and growth that hid behind it is told apart; at the time of a trade itself no more than the decrease is. A
//! trade told after the change that shows it undoes the change, eats the front, and lets the change act again.

use super::power::pow;

/// Who leaves, of a decrease that equals pieces on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ties {
    /// Who stands behind.
    Behind,
    /// Either, as often as pieces of that size stand there: ahead, `a` of them and as many more as the oldest piece holds, if it
    /// is made up as the others are; behind, `b`. What is left over is carried on.
    Weighed,
    /// Who stands ahead.
    Ahead,
}

/// Who leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Departures {
    /// With a size that stands on both sides.
    pub(super) ties: Ties,
    /// With one that is nobody's.
    pub(super) unmatched: Unmatched,
}

/// Who leaves, of a decrease that equals no piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unmatched {
    /// Those ahead first.
    Ahead,
    /// Those behind first.
    Behind,
    /// `(ahead / level)^n` of it from ahead.
    Split(f64),
}

/// What is told of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It shows so much, by a row of `at`, venue's time.
    Size {
        /// Quantity increments.
        qty: i64,
        /// ns.
        at: i64,
    },
    /// So much traded there at `at`.
    Trade {
        /// Quantity increments.
        qty: i64,
        /// ns.
        at: i64,
    },
}

/// What a change did to the pieces, to be taken back.
#[derive(Debug, Clone, Copy)]
struct Removed {
    is_ahead: bool,
    at: usize,
    qty: i64,
    /// Whether nothing of the piece was left.
    whole: bool,
}

/// Pieces in order of arrival.
#[derive(Debug, Clone, Default)]
struct Pieces {
    /// The first is at `first`: what is eaten is not moved away at once.
    each: Vec<i64>,
    first: usize,
    qty: i64,
}

impl Pieces {
    fn push(&mut self, qty: i64) {
        self.each.push(qty);
        self.qty += qty;
    }

    fn latest(&self, qty: i64) -> Option<usize> {
        self.each[self.first..].iter().rposition(|piece| *piece == qty).map(|at| self.first + at)
    }

    fn count(&self, qty: i64) -> usize {
        self.left().filter(|piece| *piece == qty).count()
    }

    fn left(&self) -> impl Iterator<Item = i64> + '_ {
        self.each[self.first..].iter().copied()
    }

    /// Puts all of another's pieces behind its own; returns how much that was.
    fn take_from(&mut self, other: &mut Self) -> i64 {
        self.each.extend_from_slice(&other.each[other.first..]);
        other.each.clear();
        other.first = 0;
        let qty = std::mem::take(&mut other.qty);
        self.qty += qty;
        qty
    }

    /// Takes so much from the front; returns what was not there.
    fn eat(&mut self, mut qty: i64) -> i64 {
        while qty > 0
            && let Some(piece) = self.each.get_mut(self.first)
        {
            let eaten = qty.min(*piece);
            *piece -= eaten;
            self.qty -= eaten;
            qty -= eaten;
            self.first += usize::from(*piece == 0);
        }
        if self.first == self.each.len() {
            self.each.clear();
            self.first = 0;
        }
        qty
    }
}

/// The level as an order in it sees it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    ahead: Pieces,
    behind: Pieces,
    /// Traded and not shown yet, and when that last was.
    traded: i64,
    traded_at: i64,
    /// When the level last changed, by how much but for what traded, and what that did.
    changed_at: i64,
    change: i64,
    removed: Vec<Removed>,
    /// Whether that can still be taken back.
    is_fresh: bool,
    /// The part of a unit that splits have left ahead.
    carry: f64,
    /// The part of a departure that ties have left ahead.
    tied: f64,
    /// Both before the last change.
    before: (f64, f64),
}

impl Line {
    /// The end of a level that is one piece.
    pub(super) fn behind(qty: i64) -> Self {
        let mut ahead = Pieces::default();
        if qty > 0 {
            ahead.push(qty);
        }
        Self {
            ahead,
            behind: Pieces::default(),
            traded: 0,
            traded_at: i64::MIN,
            changed_at: i64::MIN,
            change: 0,
            removed: Vec::new(),
            is_fresh: false,
            carry: 0.0,
            tied: 0.0,
            before: (0.0, 0.0),
        }
    }

    /// What stands ahead.
    pub(super) fn front(&self) -> i64 {
        self.ahead.qty
    }

    /// What stands ahead is these pieces, oldest first, as far as they fit: what is more than stands there is not there
    /// any more, what is less is one piece before them.
    pub(super) fn know(&mut self, pieces: &[i64]) {
        let (front, told) = (self.ahead.qty, pieces.iter().sum::<i64>());
        self.ahead = Pieces { each: Vec::with_capacity(pieces.len() + 1), ..Pieces::default() };
        if told < front {
            self.ahead.push(front - told);
        }
        for piece in pieces {
            self.ahead.push(*piece);
        }
        self.ahead.eat((told - front).max(0));
    }

    /// A trade at the level at `at`; if it `eats`, of what stands here. Returns how much of it goes past the front.
    pub(super) fn trade(&mut self, qty: i64, at: i64, eats: bool, rule: Departures) -> i64 {
        let shown = match at.cmp(&self.changed_at) {
            std::cmp::Ordering::Less => qty,
            std::cmp::Ordering::Equal => qty.min((-self.change).max(0)),
            std::cmp::Ordering::Greater => 0,
        };
        let mut past = 0;
        if shown > 0 && self.is_fresh {
            self.take_back();
            past += self.eat(shown, eats);
            self.change += shown;
            self.act(rule);
        }
        let rest = qty - shown;
        if rest > 0 {
            past += self.eat(rest, eats);
            self.traded = self.traded.saturating_add(rest);
            self.traded_at = self.traded_at.max(at);
            self.is_fresh = false;
        }
        past
    }

    /// What a level was told to be before an order came, as pieces, oldest first.
    pub(super) fn of(told: impl IntoIterator<Item = Told>) -> Vec<i64> {
        let rule = Departures { ties: Ties::Ahead, unmatched: Unmatched::Ahead };
        let mut line = Self::behind(0);
        let mut size = None;
        for told in told {
            match (told, size) {
                (Told::Size { qty, at }, Some(prev)) => line.show(prev, qty, at, rule),
                (Told::Size { qty, .. }, None) => line.ahead.push(qty),
                (Told::Trade { qty, at }, Some(_)) => {
                    line.trade(qty, at, true, rule);
                }
                (Told::Trade { .. }, None) => {}
            }
            if let Told::Size { qty, .. } = told {
                size = Some(qty);
            }
            // All of them stand ahead of who comes then.
            line.is_fresh &= line.ahead.take_from(&mut line.behind) == 0;
        }
        line.ahead.left().filter(|piece| *piece > 0).collect()
    }

    fn eat(&mut self, qty: i64, eats: bool) -> i64 {
        if !eats {
            return 0;
        }
        let past = self.ahead.eat(qty);
        self.behind.eat(past);
        past
    }

    /// The level goes from `prev` to `new` at `at`.
    pub(super) fn show(&mut self, prev: i64, new: i64, at: i64, rule: Departures) {
        let grows = new >= prev;
        let explained = if at > self.traded_at || grows { self.traded } else { self.traded.min(prev - new) };
        self.traded -= explained;
        (self.change, self.changed_at) = (new - prev + explained, self.changed_at.max(at));
        self.act(rule);
        let gone = self.ahead.qty - new;
        if gone > 0 {
            self.ahead.eat(gone);
            self.is_fresh = false;
        }
    }

    /// Lets the change act.
    fn act(&mut self, rule: Departures) {
        self.removed.clear();
        (self.is_fresh, self.before) = (true, (self.carry, self.tied));
        if self.change > 0 {
            self.behind.push(self.change);
        } else if self.change < 0 {
            self.depart(-self.change, rule);
        }
    }

    fn take_back(&mut self) {
        (self.carry, self.tied) = self.before;
        if self.change > 0
            && let Some(grown) = self.behind.each.pop()
        {
            self.behind.qty -= grown;
        }
        while let Some(Removed { is_ahead, at, qty, whole }) = self.removed.pop() {
            let pieces = if is_ahead { &mut self.ahead } else { &mut self.behind };
            pieces.qty += qty;
            if whole {
                pieces.each.insert(at, qty);
            } else {
                pieces.each[at] += qty;
            }
        }
    }

    fn depart(&mut self, qty: i64, rule: Departures) {
        match (self.behind.latest(qty), self.ahead.latest(qty)) {
            (None, None) => {}
            (None, Some(at)) => return self.remove(true, at, qty),
            (Some(at), other) => {
                return match (self.is_ahead(qty, rule.ties), other) {
                    (false, _) => self.remove(false, at, qty),
                    (true, Some(at)) => self.remove(true, at, qty),
                    (true, None) => self.leave_ahead(qty),
                };
            }
        }
        let (front, back) = (self.ahead.qty, self.behind.qty);
        let ahead = match rule.unmatched {
            Unmatched::Ahead => qty,
            Unmatched::Behind => qty - back,
            Unmatched::Split(n) if front > 0 => {
                let share = pow(front as f64 / (front + back) as f64, n) * qty as f64 + self.carry;
                let whole = libm::round(share);
                self.carry = share - whole;
                whole as i64
            }
            Unmatched::Split(_) => 0,
        };
        let ahead = ahead.max(qty - back).clamp(0, front);
        self.leave_ahead(ahead);
        let mut left = (qty - ahead).min(back);
        while left > 0 {
            let at = self.behind.each.len() - 1;
            let taken = left.min(self.behind.each[at]);
            self.remove(false, at, taken);
            left -= taken;
        }
    }

    /// Whether one of a size that stands behind, and may stand ahead too, leaves ahead.
    fn is_ahead(&mut self, qty: i64, ties: Ties) -> bool {
        let (ahead, behind) = (self.ahead.count(qty), self.behind.count(qty));
        match ties {
            Ties::Behind => false,
            Ties::Ahead => ahead > 0,
            Ties::Weighed => {
                let ahead = ahead as f64 + self.hidden(qty, ahead + behind);
                self.tied += ahead / (ahead + behind as f64);
                let is_ahead = self.tied >= 0.5;
                self.tied -= f64::from(u8::from(is_ahead));
                is_ahead
            }
        }
    }

    /// How many of a size the oldest piece may hold, of which nobody knows what it is made of: as many for what it is as there
    /// are, but for one, in all others. One alone says nothing of how common it is.
    fn hidden(&self, qty: i64, known: usize) -> f64 {
        let rest = self.ahead.left().next().unwrap_or(0);
        let others = self.ahead.qty + self.behind.qty - rest - qty;
        if rest > qty && others > 0 { rest as f64 * (known - 1) as f64 / others as f64 } else { 0.0 }
    }

    /// So much leaves ahead. Who is known by size leaves by size: the one of unknown make-up is the oldest.
    fn leave_ahead(&mut self, qty: i64) {
        let mut left = qty;
        while left > 0 {
            let at = self.ahead.first;
            let taken = left.min(self.ahead.each[at]);
            self.remove(true, at, taken);
            left -= taken;
        }
    }

    fn remove(&mut self, is_ahead: bool, at: usize, qty: i64) {
        let pieces = if is_ahead { &mut self.ahead } else { &mut self.behind };
        let whole = pieces.each[at] == qty;
        pieces.qty -= qty;
        if whole {
            pieces.each.remove(at);
        } else {
            pieces.each[at] -= qty;
        }
        self.removed.push(Removed { is_ahead, at, qty, whole });
    }
}

#[cfg(test)]
mod tests {
    use super::super::obvious::Obvious;
    use super::super::{Print, QueueModel, QueuePosition};
    use super::*;
    use crate::random::Random;
    use proptest::prelude::*;

    fn model(text: &str, is_throttled: bool) -> QueueModel {
        QueueModel { is_throttled, ..text.parse().unwrap() }
    }

    /// An order behind `ahead`, then sizes that its level shows in turn; what is ahead in the end.
    fn front(model: QueueModel, ahead: &[i64], sizes: &[i64]) -> f64 {
        let mut shown = ahead.iter().sum();
        let mut place = QueuePosition::behind(shown);
        place.know(&QueuePosition::pieces(told(ahead)));
        for (at, size) in (1..).zip(sizes) {
            model.on_depth(&mut place, (shown, *size), at, 1.0);
            shown = *size;
        }
        place.front
    }

    /// A level that grew to be these pieces.
    fn told(pieces: &[i64]) -> Vec<Told> {
        let mut size = 0;
        let mut grow = |piece: &i64| {
            size += piece;
            Told::Size { qty: size, at: 0 }
        };
        pieces.iter().map(&mut grow).collect()
    }

    fn same(front: f64, expected: f64) {
        assert!((front - expected).abs() < 1e-9, "{front} is not {expected}");
    }

    #[test]
    fn who_joins_later_and_leaves_is_known_by_size() {
        for throttled in [false, true] {
            for text in ["tracked", "tracked_low", "tracked_high", "fitted(1)"] {
                let model = model(text, throttled);
                same(front(model, &[10], &[14, 17, 13]), 10.0);
                same(front(model, &[10], &[14, 17, 14, 10]), 10.0);
            }
        }
    }

    #[test]
    fn who_stood_ahead_and_leaves_is_known_by_size() {
        for throttled in [false, true] {
            let model = model("tracked", throttled);
            same(front(model, &[10, 3, 5], &[20, 17]), 15.0);
            same(front(model, &[10, 3, 5], &[20, 15, 12]), 10.0);
        }
    }

    #[test]
    fn of_two_of_a_size_behind_the_later_one_left() {
        let mut line = Line::behind(10);
        let rule = model("tracked", false).departures().unwrap();
        for (at, (prev, new)) in [(10, 14), (14, 20), (20, 24), (24, 20)].into_iter().enumerate() {
            line.show(prev, new, at as i64, rule);
        }
        assert_eq!(line.behind.left().collect::<Vec<_>>(), [4, 6]);
    }

    #[test]
    fn one_of_a_size_that_stands_on_both_sides_is_weighed_or_left_to_the_bounds() {
        for (text, expected) in [("tracked_low", 10.0), ("tracked_high", 6.0), ("tracked", 6.0)] {
            same(front(model(text, true), &[6, 4], &[14, 10]), expected);
        }
        // One ahead, three behind and those that the six may hold: the first leaves behind, the second ahead.
        let sizes = [14, 18, 22, 18, 14];
        same(front(model("tracked", true), &[6, 4], &sizes), 6.0);
        same(front(model("tracked_low", true), &[6, 4], &sizes), 10.0);
    }

    #[test]
    fn what_stood_there_before_anything_was_told_may_hold_a_size_that_is_common() {
        // Three of four behind what is unknown: most of them stand in it.
        let sizes = [104, 108, 112, 108];
        same(front(model("tracked", false), &[100], &sizes), 96.0);
        same(front(model("tracked_low", false), &[100], &sizes), 100.0);
        // One alone is the one that came.
        same(front(model("tracked", false), &[100], &[104, 109, 105]), 100.0);
    }

    #[test]
    fn where_every_event_is_told_what_matches_nothing_stood_ahead() {
        for text in ["tracked", "tracked_high", "fitted(3)"] {
            same(front(model(text, false), &[10], &[14, 12]), 8.0);
        }
    }

    #[test]
    fn where_events_are_merged_what_matches_nothing_is_up_to_the_model() {
        for (text, expected) in
            [("tracked", 10.0), ("tracked_high", 8.0), ("fitted(1)", 9.0), ("fitted(0.01)", 8.0)]
        {
            same(front(model(text, true), &[10], &[16, 14]), expected);
        }
        same(front(model("tracked", true), &[10], &[14, 7]), 7.0);
        same(front(model("tracked_high", true), &[3], &[14, 7]), 0.0);
    }

    #[test]
    fn parts_of_a_unit_are_not_lost_to_rounding() {
        let sizes: Vec<i64> = (0..40).map(|step| 139 - step).collect();
        let mut shown = 100;
        let mut place = QueuePosition::behind(shown);
        let model = model("fitted(1)", true);
        for (at, size) in (1..).zip([40].map(|grown| 100 + grown).into_iter().chain(sizes)) {
            model.on_depth(&mut place, (shown, size), at, 1.0);
            shown = size;
        }
        assert!((place.front - 100.0 * 100.0 / 140.0).abs() < 1.0, "{}", place.front);
    }

    #[test]
    fn growth_that_hides_behind_a_trade_is_told_apart() {
        let model = model("tracked", true);
        let mut place = QueuePosition::behind(10);
        let print = Print { qty: 4, at: 5, is_shown: false };
        assert_eq!(model.on_trade(&mut place, print, 10, 1, &mut Random::new(1, 0)), 0);
        model.on_depth(&mut place, (10, 9), 6, 1.0);
        model.on_depth(&mut place, (9, 6), 7, 1.0);
        same(place.front, 6.0);
    }

    #[test]
    fn a_trade_told_after_its_change_counts_once() {
        for is_throttled in [false, true] {
            let model = model("tracked", is_throttled);
            let mut place = QueuePosition::behind(10);
            model.on_depth(&mut place, (10, 16), 1, 1.0);
            model.on_depth(&mut place, (16, 12), 5, 1.0);
            let print = Print { qty: 4, at: 4, is_shown: true };
            assert_eq!(model.on_trade(&mut place, print, 12, 1, &mut Random::new(1, 0)), 0);
            same(place.front, 6.0);
        }
    }

    #[test]
    fn what_was_told_before_says_what_a_level_is_made_of() {
        let told = [
            Told::Size { qty: 10, at: 0 },
            Told::Size { qty: 13, at: 1 },
            Told::Size { qty: 18, at: 2 },
            Told::Trade { qty: 4, at: 3 },
            Told::Size { qty: 14, at: 4 },
            Told::Size { qty: 11, at: 5 },
            Told::Size { qty: 9, at: 6 },
        ];
        assert_eq!(Line::of(told), [4, 5]);
        let mut line = Line::behind(12);
        line.know(&Line::of(told));
        assert_eq!(line.ahead.left().collect::<Vec<_>>(), [3, 4, 5]);
        let mut line = Line::behind(6);
        line.know(&Line::of(told));
        assert_eq!(line.ahead.left().collect::<Vec<_>>(), [1, 5]);
    }

    proptest! {
        #[test]
        fn the_line_fares_as_the_obvious_one(
            (text, is_throttled, ahead) in
                (prop_oneof![Just("tracked"), Just("tracked_low"), Just("tracked_high"), Just("fitted(2)")], any::<bool>(), 0i64..12),
            events in proptest::collection::vec((0u8..3, 0i64..12, -2i64..2), 1..60),
        ) {
            let model = model(text, is_throttled);
            let (mut place, mut obvious) = (QueuePosition::behind(ahead), Obvious::behind(model, ahead));
            let mut shown = ahead;
            for (at, (kind, qty, late)) in events.into_iter().enumerate() {
                let at = at as i64 + late;
                if kind == 0 {
                    let print = Print { qty: qty + 1, at, is_shown: false };
                    let reached = model.on_trade(&mut place, print, shown, 1, &mut Random::new(1, 0));
                    prop_assert_eq!(reached, obvious.trade(print, true));
                } else {
                    model.on_depth(&mut place, (shown, qty), at, 1.0);
                    obvious.show(shown, qty, at);
                    shown = qty;
                }
                prop_assert_eq!(place.front as i64, obvious.front());
                prop_assert!(kind == 0 || place.front <= shown as f64);
            }
        }
    }
}
