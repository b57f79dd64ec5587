//! The algorithms: what an execution wants to have at the venue, given what it sees.
//!
//! Each is a pure function from [`Sight`] and what has been done to a [`Want`]; [`super::Execution`] makes the order
//! at the venue what is wanted.

use crate::book::Touch;
use crate::types::{OrderTerms, Price, Qty, Side, did_you_mean, nearest};

/// What is due by when: quantities from the start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When each part is due, ns, rising, and how much is due with it.
    pub steps: Vec<(i64, i64)>,
    /// When what is left is taken, ns.
    pub end: i64,
}

impl Schedule {
    /// Parts spread over a time, each due at the start of its share of it.
    pub fn new(start: i64, duration: i64, parts: &[i64]) -> Self {
        let (count, mut due) = (parts.len() as i128, 0);
        let at =
            |part: usize| start.saturating_add((i128::from(duration) * part as i128 / count.max(1)) as i64);
        let steps = parts.iter().enumerate().map(|(part, qty)| {
            due += qty;
            (at(part), due)
        });
        Self { steps: steps.collect(), end: start.saturating_add(duration) }
    }

    /// What is due by now, and when the next part is.
    fn due(&self, now: i64) -> (i64, Option<i64>) {
        let next = self.steps.partition_point(|(at, _)| *at <= now);
        let due = next.checked_sub(1).map_or(0, |last| self.steps[last].1);
        (due, self.steps.get(next).map(|(at, _)| *at))
    }

    /// Which part is due.
    fn part(&self, now: i64) -> usize {
        self.steps.partition_point(|(at, _)| *at <= now)
    }
}

/// Which schedule an execution keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ScheduleKind {
    /// Equal parts.
    Twap = 0,
    /// In proportion to a volume curve.
    Vwap = 1,
    /// As Almgren and Chriss weigh cost against risk.
    AlmgrenChriss = 2,
}

/// What a pegged order follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PegTo {
    /// The best price of its own side.
    Touch = 0,
    /// Half-way between the best prices, rounded away from the other side.
    Mid = 1,
}

/// How an execution works its order off.
#[derive(Debug, Clone, PartialEq)]
pub enum Algorithm {
    /// By a schedule.
    Schedule {
        /// Which one.
        kind: ScheduleKind,
        /// What is due when.
        schedule: Schedule,
        /// Whether parts rest at the best price of their own side, until the next is due, rather than to take.
        makes: bool,
    },
    /// As a share of all volume.
    Pov {
        /// The share.
        rate: f64,
    },
    /// Shows a part at a time, at the limit.
    Iceberg {
        /// The part.
        display: Qty,
        /// Whether a part is rejected rather than take.
        post_only: bool,
    },
    /// Follows the market with a resting order.
    Peg {
        /// What it follows.
        to: PegTo,
        /// How far it stays behind, in price increments.
        offset: i64,
        /// How often it may be moved.
        most_moves: Option<u32>,
        /// How long it stays at the least, ns.
        pause: i64,
    },
    /// Takes when enough is on display at the limit or better.
    Sniper {
        /// How much is enough.
        size: Qty,
    },
    /// Takes once: a part of what was routed over several venues.
    Route,
}

/// The words of the algorithms that are asked for by name.
pub const ALGORITHMS: [&str; 7] = ["twap", "vwap", "pov", "iceberg", "peg", "almgren_chriss", "sniper"];

/// What is wrong with the name of an algorithm that there is none of.
pub fn unknown_algorithm(name: &str) -> String {
    let hint = did_you_mean(nearest(name, ALGORITHMS.into_iter()));
    format!("unknown algorithm {name:?}; expected {}{hint}", ALGORITHMS.join(", "))
}

/// What is wrong with a parameter that an algorithm does not have.
pub fn unknown_parameter(algorithm: &str, known: &[&str], name: &str) -> String {
    let hint = did_you_mean(nearest(name, known.iter().copied()));
    format!("{algorithm} has no such parameter; it has {}{hint}", known.join(", "))
}

/// What an execution sees.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    /// The time, ns.
    pub now: i64,
    /// Best prices; none of a book that is not known.
    pub touch: Touch,
    /// Twice the last price the market was at, in price increments.
    pub twice_mid: Option<i64>,
    /// What an order has to keep to now.
    pub terms: OrderTerms,
    /// The smallest quantity that an order may have at that price, its worth counted.
    pub least: i64,
    /// On display at the limit or better, where an algorithm asks for it.
    pub offered: i64,
}

/// What is wanted at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// No order.
    Nothing,
    /// This much, at once.
    Take(i64),
    /// This much, resting.
    Rest {
        /// What is to rest.
        qty: i64,
        /// Where.
        price: Price,
        /// Whether it never takes.
        post_only: bool,
        /// Whether what rests may get another price and quantity.
        moves: bool,
    },
}

/// What has been done, and what is still to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) side: Side,
    pub(super) filled: i64,
    pub(super) left: i64,
    /// What others have traded since the start.
    pub(super) volume: i64,
    pub(super) limit: Option<Price>,
    /// How often an order was moved, and when last.
    pub(super) moves: u32,
    pub(super) moved_at: i64,
}

impl Done {
    /// A price no worse than the limit.
    fn within(&self, price: i64) -> Price {
        let price = match (self.limit, self.side) {
            (Some(limit), Side::Buy) => price.min(limit.steps()),
            (Some(limit), Side::Sell) => price.max(limit.steps()),
            (None, _) => price,
        };
        Price::new(price)
    }
}

/// A price on the tick grid, rounded away from the other side.
fn on_tick(side: Side, price: i64, tick: i64) -> i64 {
    let below = price - price.rem_euclid(tick);
    if side == Side::Sell && below != price { below + tick } else { below }
}

impl Algorithm {
    /// Its word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Schedule { kind: ScheduleKind::Twap, .. } => "twap",
            Self::Schedule { kind: ScheduleKind::Vwap, .. } => "vwap",
            Self::Schedule { kind: ScheduleKind::AlmgrenChriss, .. } => "almgren_chriss",
            Self::Pov { .. } => "pov",
            Self::Iceberg { .. } => "iceberg",
            Self::Peg { .. } => "peg",
            Self::Sniper { .. } => "sniper",
            Self::Route => "route",
        }
    }

    /// Whether it acts on what the market does, and not on its time alone.
    pub(super) fn follows(&self) -> bool {
        !matches!(self, Self::Schedule { .. } | Self::Iceberg { .. } | Self::Route)
    }

    /// Whether it asks for [`Sight::offered`].
    pub(super) fn looks_into_the_book(&self) -> bool {
        matches!(self, Self::Sniper { .. })
    }

    /// When it wants to look again, at the latest.
    pub(super) fn next(&self, now: i64) -> Option<i64> {
        match self {
            Self::Schedule { schedule, .. } => schedule.due(now).1,
            Self::Pov { .. }
            | Self::Iceberg { .. }
            | Self::Peg { .. }
            | Self::Sniper { .. }
            | Self::Route => None,
        }
    }

    /// What it wants now.
    pub(super) fn want(&self, done: &Done, sight: &Sight) -> Want {
        match self {
            Self::Schedule { schedule, makes, .. } => {
                let (due, _) = schedule.due(sight.now);
                if sight.now >= schedule.end {
                    return Want::Take(done.left);
                }
                let qty = part(due - done.filled, done.left, sight);
                if !makes {
                    return if qty > 0 { Want::Take(qty) } else { Want::Nothing };
                }
                match sight.touch.best(done.side) {
                    // A part that rests is moved when the next is due, not with every tick of the market.
                    Some(best) if qty > 0 => Want::Rest {
                        qty,
                        price: done.within(on_tick(done.side, best.price, sight.terms.tick_size)),
                        post_only: true,
                        moves: schedule.part(done.moved_at) < schedule.part(sight.now),
                    },
                    _ => Want::Nothing,
                }
            }
            Self::Pov { rate } => {
                let total = (done.filled + done.left) as f64;
                let target = super::participation_target(*rate, done.volume as f64, total) as i64;
                let qty = part(target - done.filled, done.left, sight);
                if qty > 0 { Want::Take(qty) } else { Want::Nothing }
            }
            Self::Iceberg { display, post_only } => {
                let qty = shown(display.steps(), done.left, sight);
                match done.limit {
                    Some(price) if qty > 0 => Want::Rest { qty, price, post_only: *post_only, moves: false },
                    _ => Want::Nothing,
                }
            }
            Self::Peg { to, offset, most_moves, pause } => {
                let mark = match to {
                    PegTo::Touch => sight.touch.best(done.side).map(|best| best.price),
                    PegTo::Mid => sight.touch.twice_mid().map(|twice| match done.side {
                        Side::Buy => twice.div_euclid(2),
                        Side::Sell => -(-twice).div_euclid(2),
                    }),
                };
                let Some(mark) = mark else { return Want::Nothing };
                let price = on_tick(done.side, mark - done.side.sign() * offset, sight.terms.tick_size);
                let rested = sight.now.saturating_sub(done.moved_at) >= *pause;
                Want::Rest {
                    qty: done.left,
                    price: done.within(price),
                    post_only: true,
                    moves: rested && most_moves.is_none_or(|most| done.moves < most),
                }
            }
            Self::Sniper { size } => {
                let enough = size.steps().min(done.left);
                let qty = part(sight.offered.min(done.left), done.left, sight);
                if sight.offered >= enough && qty > 0 { Want::Take(qty) } else { Want::Nothing }
            }
            Self::Route => Want::Take(done.left),
        }
    }
}

/// Whole lots of what is due, nothing below the smallest order, and all that is left where the rest could not be
/// sent by itself.
fn part(due: i64, left: i64, sight: &Sight) -> i64 {
    let due = due.min(left);
    let lots = due - due.rem_euclid(sight.terms.lot_size);
    if lots < sight.least || lots <= 0 {
        // What is smaller than an order waits for more; the last part is not left behind.
        return 0;
    }
    if left - lots < sight.least { left } else { lots }
}

/// What an iceberg shows of what is left: no more than is to be shown, and less where the rest could not be sent by itself.
fn shown(display: i64, left: i64, sight: &Sight) -> i64 {
    let most = display.min(left);
    let most = most - most.rem_euclid(sight.terms.lot_size);
    let leaves_enough = left - sight.least;
    let is_short = most < left && leaves_enough < most && leaves_enough >= sight.least;
    let qty = if is_short { leaves_enough } else { most };
    if qty < sight.least { 0 } else { qty }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::BookState;
    use crate::types::Money;
    use proptest::prelude::*;

    fn sight(now: i64) -> Sight {
        let mut touch = Touch { state: BookState::Synced, ..Touch::default() };
        touch.set(1, 1_000, 50);
        touch.set(-1, 1_007, 40);
        let terms =
            OrderTerms { tick_size: 5, lot_size: 10, min_qty: 20, max_qty: None, min_notional: Money::ZERO };
        Sight { now, touch, twice_mid: touch.twice_mid(), terms, least: 20, offered: 0 }
    }

    fn done(side: Side, filled: i64, left: i64) -> Done {
        Done { side, filled, left, volume: 0, limit: None, moves: 0, moved_at: i64::MIN }
    }

    #[test]
    fn an_iceberg_shows_no_more_than_it_is_to_and_leaves_what_can_be_sent() {
        let all = |display, mut left: i64| {
            let next = || {
                let part = shown(display, left, &sight(0));
                left -= part;
                (part > 0).then_some(part)
            };
            std::iter::from_fn(next).collect::<Vec<_>>()
        };
        assert_eq!(all(30, 100), [30, 30, 20, 20], "ten at the end could not be sent");
        assert_eq!(all(40, 100), [40, 40, 20]);
        assert_eq!(all(20, 50), [20, 20], "no cut leaves enough");
        assert_eq!(all(200, 100), [100]);
        assert_eq!(all(10, 100), [0; 0], "no order is that small");
    }

    #[test]
    fn parts_wait_until_they_can_be_sent_and_none_is_left_behind() {
        assert_eq!([9, 19, 25, 38, 100].map(|due| part(due, 100, &sight(0))), [0, 0, 20, 30, 100]);
        assert_eq!(part(80, 99, &sight(0)), 99, "the rest could not be sent");
    }

    #[test]
    fn a_peg_stays_on_its_own_side_of_the_mid_and_within_its_limit() {
        let peg = |to, offset| Algorithm::Peg { to, offset, most_moves: Some(1), pause: 10 };
        let price = |algorithm: &Algorithm, done: &Done| match algorithm.want(done, &sight(100)) {
            Want::Rest { price, moves, .. } => (price.steps(), moves),
            other => panic!("{other:?}"),
        };
        let (buy, sell) = (done(Side::Buy, 0, 100), done(Side::Sell, 0, 100));
        assert_eq!(price(&peg(PegTo::Touch, 5), &buy), (995, true));
        assert_eq!(price(&peg(PegTo::Mid, 0), &buy), (1_000, true));
        assert_eq!(price(&peg(PegTo::Mid, 0), &sell), (1_005, true));
        let limited = Done { limit: Some(Price::new(990)), moves: 1, ..buy };
        assert_eq!(price(&peg(PegTo::Touch, 0), &limited), (990, false));
        assert_eq!(price(&peg(PegTo::Touch, 0), &Done { moved_at: 95, ..buy }), (1_000, false));
    }

    #[test]
    fn a_sniper_waits_for_its_size() {
        let sniper = Algorithm::Sniper { size: Qty::new(60) };
        let want = |offered, left| sniper.want(&done(Side::Buy, 0, left), &Sight { offered, ..sight(0) });
        assert_eq!(
            [want(50, 100), want(60, 100), want(500, 100)],
            [Want::Nothing, Want::Take(60), Want::Take(100)]
        );
        assert_eq!(want(30, 30), Want::Take(30), "less than its size is left");
    }

    #[test]
    fn names_that_are_none_come_with_the_nearest() {
        assert!(unknown_algorithm("twpa").ends_with("did you mean \"twap\"?"));
        assert!(unknown_parameter("pov", &["rate", "limit"], "rat").ends_with("did you mean \"rate\"?"));
    }

    proptest! {
        #[test]
        fn a_schedule_is_done_in_whole_orders_that_sum_to_it(
            parts in proptest::collection::vec(0i64..400, 1..30),
            filled_of in 0.0..1.0,
        ) {
            let total = parts.iter().sum::<i64>() * 10 + 20;
            let split = super::super::split(total / 10, &parts.iter().map(|p| *p as f64 + 0.5).collect::<Vec<_>>());
            let split: Vec<i64> = split.iter().map(|lots| lots * 10).collect();
            let schedule = Schedule::new(1_000, 777, &split);
            prop_assert_eq!(schedule.steps.last().unwrap().1, total);
            let algorithm = Algorithm::Schedule { kind: ScheduleKind::Vwap, schedule, makes: false };
            let (mut filled, mut at) = (0, Some(1_000));
            while let Some(now) = at {
                if let Want::Take(qty) = algorithm.want(&done(Side::Buy, filled, total - filled), &sight(now)) {
                    prop_assert!(qty >= 20 && qty % 10 == 0);
                    filled += qty;
                }
                at = algorithm.next(now);
            }
            prop_assert_eq!(filled, total);
            // What the market did not give is wanted at the end.
            let missed = ((total as f64 * filled_of) as i64 / 10) * 10;
            let at_end = algorithm.want(&done(Side::Buy, total - missed, missed), &sight(1_777));
            prop_assert_eq!(at_end, Want::Take(missed));
        }
    }
}
