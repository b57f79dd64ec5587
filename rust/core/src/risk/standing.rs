//! What is held and what works, in the three measures that limits are in.

use super::check::Units;
use crate::types::{MarketId, StrategyId};

/// Quantity, notional, and value in the settlement currency: of a linear contract the last two are the same.
pub type Measures = [Units; 3];

/// The quantity of [`Measures`].
pub const QTY: usize = 0;
/// The notional.
pub const NOTIONAL: usize = 1;
/// The value in the settlement currency.
pub const VALUE: usize = 2;

/// Orders that work on a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Working {
    /// Their number.
    pub orders: u32,
    /// What they have left.
    pub plain: Measures,
    /// The same of reduce-only ones, which are not in `plain`.
    pub reducing: Measures,
}

/// What somebody holds in a market and what works there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    /// The position at the mark; negative is short.
    pub held: Measures,
    /// Orders to buy, and to sell.
    pub sides: [Working; 2],
}

impl Holding {
    /// Adds what another one holds in the market.
    pub(super) fn add(&mut self, other: &Self) {
        add(&mut self.held, &other.held);
        for (mine, theirs) in self.sides.iter_mut().zip(&other.sides) {
            mine.orders += theirs.orders;
            add(&mut mine.plain, &theirs.plain);
            add(&mut mine.reducing, &theirs.reducing);
        }
    }

    /// What is held once everything on a side has filled, buys for `side` 0: a reduce-only order goes no further than
    /// to nothing.
    #[inline]
    pub(super) fn filled(&self, side: usize, measure: usize) -> Units {
        let (held, working) = (self.held[measure], &self.sides[side]);
        let (sign, against) = if side == 0 { (1, -held) } else { (-1, held) };
        let reduced = working.reducing[measure].min(against.max(0));
        held.saturating_add(sign * working.plain[measure].saturating_add(reduced))
    }

    /// The same, positive in the direction of the side.
    #[inline]
    pub(super) fn toward(&self, side: usize, measure: usize) -> Units {
        let filled = self.filled(side, measure);
        if side == 0 { filled } else { -filled }
    }

    /// How much further that is with so much more on the side.
    #[inline]
    pub(super) fn further(&self, side: usize, measure: usize, more: Units, reduce_only: bool) -> Units {
        if !reduce_only {
            return more;
        }
        let (held, reducing) = (self.held[measure], self.sides[side].reducing[measure]);
        let against = if side == 0 { -held } else { held }.max(0);
        reducing.saturating_add(more).min(against) - reducing.min(against)
    }

    /// The most that is held without its sign, whatever fills on the other side of one.
    #[inline]
    pub(super) fn worst_beside(&self, side: usize, measure: usize) -> Units {
        self.held[measure].abs().max(self.filled(1 - side, measure).abs())
    }

    /// The most that is held without its sign, whatever fills.
    #[inline]
    pub(super) fn worst(&self, measure: usize) -> Units {
        self.worst_beside(0, measure).max(self.filled(0, measure).abs())
    }

    /// Whether something is held, or would be if orders filled.
    pub(super) fn is_open(&self) -> bool {
        self.held[QTY] != 0 || self.sides.iter().any(|working| working.plain[QTY] != 0)
    }
}

fn add(to: &mut Measures, what: &Measures) {
    for (to, what) in to.iter_mut().zip(what) {
        *to = to.saturating_add(*what);
    }
}

/// What strategies hold and have working, by market and then by strategy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    rows: Vec<(MarketId, StrategyId, Holding)>,
}

impl Standing {
    /// What a strategy holds in a market, to add to it.
    pub fn of_mut(&mut self, market: MarketId, strategy: StrategyId) -> &mut Holding {
        let at = self.rows.partition_point(|(m, s, _)| (*m, *s) < (market, strategy));
        if self.rows.get(at).is_none_or(|(m, s, _)| (*m, *s) != (market, strategy)) {
            if self.rows.is_empty() {
                // Mostly there is a row or two; what a vector begins with is more than allocators hand out at once.
                self.rows.reserve_exact(3);
            }
            self.rows.insert(at, (market, strategy, Holding::default()));
        }
        &mut self.rows[at].2
    }

    /// What the strategies that are members hold in a market.
    pub(super) fn in_market(&self, market: MarketId, is_member: impl Fn(StrategyId) -> bool) -> Holding {
        let from = self.rows.partition_point(|(m, ..)| *m < market);
        let mut rows =
            self.rows[from..].iter().take_while(|(m, ..)| *m == market).filter(|(_, s, _)| is_member(*s));
        let mut sum = rows.next().map_or_else(Holding::default, |(_, _, first)| *first);
        rows.for_each(|(_, _, holding)| sum.add(holding));
        sum
    }

    /// The orders of theirs that work.
    pub(super) fn orders(&self, is_member: impl Fn(MarketId, StrategyId) -> bool) -> u32 {
        let theirs = self.rows.iter().filter(|(m, s, _)| is_member(*m, *s));
        theirs.flat_map(|(_, _, holding)| &holding.sides).map(|side| side.orders).sum()
    }

    /// All they hold and have working, as if nothing offset anything, and in how many markets that is at most.
    pub(super) fn bulk(&self, is_member: impl Fn(MarketId, StrategyId) -> bool) -> (Measures, usize) {
        let (mut all, mut markets) = (Measures::default(), 0);
        for (_, _, holding) in self.rows.iter().filter(|(m, s, _)| is_member(*m, *s)) {
            markets += 1;
            add(&mut all, &holding.held.map(Units::abs));
            for side in holding.sides.iter().filter(|side| side.orders > 0) {
                add(&mut all, &side.plain);
                add(&mut all, &side.reducing);
            }
        }
        (all, markets)
    }

    /// What they hold in each market where they hold something or have something working.
    pub(super) fn by_market<'a>(
        &'a self,
        is_member: impl Fn(MarketId, StrategyId) -> bool + 'a,
    ) -> impl Iterator<Item = (MarketId, Holding)> + 'a {
        let mut rows = self.rows.iter().filter(move |(m, s, _)| is_member(*m, *s)).peekable();
        std::iter::from_fn(move || {
            let (market, _, first) = rows.next()?;
            let mut sum = *first;
            while let Some((_, _, holding)) = rows.next_if(|(m, ..)| m == market) {
                sum.add(holding);
            }
            Some((*market, sum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn working(plain: Units, reducing: Units) -> Working {
        Working { orders: 1, plain: [plain; 3], reducing: [reducing; 3] }
    }

    #[test]
    fn reduce_only_orders_go_no_further_than_to_nothing() {
        let holding = |held, sells| Holding { held: [held; 3], sides: [Working::default(), sells] };
        assert_eq!(holding(10, working(0, 25)).filled(1, QTY), 0);
        assert_eq!(holding(10, working(5, 25)).filled(1, QTY), -5);
        assert_eq!(holding(-10, working(5, 25)).filled(1, QTY), -15);
        assert_eq!(holding(10, working(5, 0)).worst(QTY), 10);
        assert_eq!(holding(10, working(25, 0)).worst(QTY), 15);
    }
}
