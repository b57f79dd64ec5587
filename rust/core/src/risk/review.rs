//! An order held against limits.
//!
//! What it would come to counts everything that works on its side; it fails a limit that it would pass and that it takes
//! it further beyond, so nobody is held back from getting closer. An order that truly reduces a position, with all that
//! works against it counted, passes every limit; after a hard halt nothing does. One that only reduces while others do so
//! already is held against exposure alone: what it takes from them they may open the other way.
//!
//! What a guard allows comes to bounds, each on one figure of an order: its quantity, its price, what it adds to what
//! works on its side. They follow from what is held, works and has happened, so that they are worked out once for many
//! orders; what an order would come to is only worked out where it is beyond one.

use std::sync::Arc;

use super::check::{Breach, Check, ONE, Units};
use super::engine::Engine;
use super::guard::{Guard, Stop};
use super::limits::{Limit, Limits};
use super::standing::{Holding, Measures, NOTIONAL, QTY, Standing, VALUE};
use crate::book::{BookState, Touch};
use crate::ledger::ACCOUNT_LIMIT;
use crate::types::{MarketId, Price, Qty, Side, StrategyId};

/// Basis points in one, in units: what prices are scaled by, so that nothing is divided.
const BPS: Units = 10_000 * ONE;
/// What stands for a figure that has no bound, such as the leverage on nothing: 10^9.
const BOUNDLESS: Units = 10i128.pow(9) * ONE;

/// An order, or new terms of one, as it is held against limits: all but its size and its price.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "terms that are there or not")]
pub struct Ask {
    /// Who asks.
    pub strategy: StrategyId,
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// When, ns.
    pub now: i64,
    /// What the order whose terms it changes has working now; it is not in the standing.
    pub before: Measures,
    /// Whether it is a new order.
    pub is_new: bool,
    /// Whether its price is a limit price.
    pub is_limit: bool,
    /// Whether it only makes a position smaller.
    pub reduce_only: bool,
    /// Orders and requests that are sent right before it.
    pub earlier: (u32, u32),
    /// Best prices.
    pub touch: Touch,
    /// What the market is marked at.
    pub twice_mid: Option<i64>,
    /// Whether the market has a book.
    pub has_book: bool,
}

/// The size and the price of an order.
#[derive(Debug, Clone, Copy)]
pub struct Amounts {
    /// All of it, in the three measures, at the worst price it may get.
    pub total: Measures,
    /// What it would have working, likewise.
    pub working: Measures,
    /// Its limit price, or the worst that a market order would meet, in price increments; none for what waits.
    pub price: Option<i64>,
}

/// What an order is held against limits with.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// What is asked for.
    pub ask: Ask,
    /// How much of it, at which price.
    pub amounts: Amounts,
    /// What is held and works besides.
    pub standing: Standing,
}

/// What of an order a bound is on.
#[derive(Debug, Clone, Copy)]
enum Figure {
    /// That it is one: 0.
    Itself,
    /// Its quantity.
    Qty,
    /// Its notional.
    Notional,
    /// Its notional below zero, where there is a price to count it at.
    Smallness,
    /// What it adds to what works on its side, in the three measures.
    AddsQty,
    AddsNotional,
    AddsValue,
    /// Twice its price in 10^-16 of a price increment: against whoever sends it, and for them.
    Worse,
    Better,
}

/// By their numbers.
type Figures = [Units; 9];

impl Figure {
    /// What an order adds, by measure.
    const ADDS: [Self; 3] = [Self::AddsQty, Self::AddsNotional, Self::AddsValue];

    /// Whether it is what an order adds.
    fn is_added(self) -> bool {
        matches!(self, Self::AddsQty | Self::AddsNotional | Self::AddsValue)
    }
}

/// A bound of a guard.
struct Bound<'a> {
    check: Check,
    limit: Units,
    figure: Figure,
    /// The most that the figure may be.
    most: Units,
    /// What an order comes to whose figure is beyond it.
    value: &'a dyn Fn(Units) -> Units,
}

/// Where bounds of limits that are set go.
struct Bounds<'a, F> {
    limits: &'a Limits,
    each: F,
}

impl<F: FnMut(&Bound<'_>)> Bounds<'_, F> {
    /// Whatever is asked for fails.
    fn refuse(&mut self, check: Check, limit: Units, value: Units) {
        (self.each)(&Bound { check, limit, figure: Figure::Itself, most: -1, value: &|_| value });
    }

    /// Whatever is asked for fails where the limit is passed.
    fn count(&mut self, check: Check, value: impl FnOnce(Limit) -> Units) {
        if let Some(limit) = self.limits.get(check) {
            let value = value(limit);
            if value > limit.value {
                self.refuse(check, limit.value, value);
            }
        }
    }

    /// Whatever is asked for fails where the limit is reached.
    fn lose(&mut self, check: Check, value: impl FnOnce() -> Units) {
        if let Some(limit) = self.limits.get(check) {
            let value = value();
            if value >= limit.value {
                self.refuse(check, limit.value, value);
            }
        }
    }

    /// A figure has at most to be what a limit says.
    fn most(&mut self, check: Check, figure: Figure) {
        if let Some(Limit { value: limit, .. }) = self.limits.get(check) {
            (self.each)(&Bound { check, limit, figure, most: limit, value: &|figure| figure });
        }
    }

    /// A price is no further than so much beyond another one, both times two.
    fn near(&mut self, check: Check, limit: Limit, figure: Figure, twice: i64, sign: i128) {
        let (from, scale) = (i128::from(twice) * sign * BPS, i128::from(twice.max(1)));
        // The most of what comes to the limit when it is divided by the price.
        let room = (limit.value + 1).saturating_mul(scale) - 1;
        let value = &|figure: Units| (figure - from) / scale;
        (self.each)(&Bound { check, limit: limit.value, figure, most: from.saturating_add(room), value });
    }
}

/// What is held on the side of an order in its market, in one measure, and what there is besides.
#[derive(Clone, Copy, Default)]
struct Room {
    /// What is held once everything on the side has filled, positive in its direction.
    toward: Units,
    /// The same with what the order has working before it is changed.
    before: Units,
    /// The most that is held without its sign whatever fills, with that.
    worst: Units,
    /// Sums over the other markets.
    gross: Units,
    net: Units,
}

impl Room {
    fn of(ask: &Ask, here: &Holding, measure: usize) -> Self {
        let side = ask.side.index();
        let toward = here.toward(side, measure);
        let before = toward.saturating_add(here.further(side, measure, ask.before[measure], ask.reduce_only));
        Self { toward, before, worst: here.worst_beside(side, measure).max(before.abs()), ..Self::default() }
    }
}

impl<F: FnMut(&Bound<'_>)> Bounds<'_, F> {
    /// What an order adds takes a sum no further beyond its limit than it was before.
    fn room(
        &mut self,
        check: Check,
        measure: usize,
        room: &Room,
        (others, before): (Units, Units),
        most: impl FnOnce(Units) -> Units,
        value: impl Fn(Units) -> Units,
    ) {
        let Some(Limit { value: limit, .. }) = self.limits.get(check) else { return };
        let most = most(limit).saturating_sub(others).max(before).saturating_sub(room.toward);
        let from = others.saturating_add(room.toward);
        let value = &|adds: Units| value(from.saturating_add(adds));
        (self.each)(&Bound { check, limit, figure: Figure::ADDS[measure], most, value });
    }
}

impl Engine {
    /// Every limit that an order would pass.
    pub fn review(&self, ask: &Ask, amounts: &Amounts, standing: &Standing) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for guard in self.holding(ask) {
            let here = standing.in_market(ask.market, |strategy| guard.has(strategy));
            let side = ask.side.index();
            let further = [QTY, NOTIONAL, VALUE]
                .map(|measure| here.further(side, measure, amounts.working[measure], ask.reduce_only));
            let held = if ask.side == Side::Buy { here.held[QTY] } else { -here.held[QTY] };
            let is_against = held < 0 && !guard.stop.is_hard();
            if is_against && further[QTY] <= -here.toward(side, QTY) {
                continue;
            }
            // Beside others that reduce as much it may leave them nothing to reduce.
            let only_exposure = is_against && ask.reduce_only;
            let figures = figures(ask, amounts, further);
            let has_room = self.has_room(guard, amounts, standing);
            self.bound(guard, ask, &here, standing, has_room, |bound| {
                let figure = figures[bound.figure as usize];
                if figure > bound.most && (bound.figure.is_added() || !only_exposure) {
                    let (scope, name) = (guard.scope, Arc::clone(&guard.name));
                    let (check, limit, value) = (bound.check, bound.limit, (bound.value)(figure));
                    breaches.push(Breach { check, scope, name, limit, value });
                }
            });
        }
        breaches
    }

    /// What orders of one kind are held against, worked out once. `step_value` is what a price increment times a quantity
    /// increment is worth, where the value of an order is that times both.
    pub fn stand<'a>(&'a self, ask: Ask, standing: &'a Standing, step_value: Option<Units>) -> Stand<'a> {
        let mut most = [Units::MAX; 9];
        for guard in self.holding(&ask) {
            let here = standing.in_market(ask.market, |strategy| guard.has(strategy));
            self.bound(guard, &ask, &here, standing, false, |bound| {
                let least = &mut most[bound.figure as usize];
                *least = bound.most.min(*least);
            });
        }
        let unit = self.markets[ask.market.index()].unit;
        let safe = step_value.and_then(|value| Safe::within(&most, ask.side, unit, value));
        Stand { engine: self, ask, standing, most, safe: safe.unwrap_or(Safe::NOTHING) }
    }

    /// The guards that an order falls under and that say something.
    fn holding(&self, ask: &Ask) -> impl Iterator<Item = &Guard> {
        let (strategy, market) = (ask.strategy, ask.market);
        self.guards.iter().filter(move |guard| {
            guard.covers(strategy, market) && !(guard.limits.is_empty() && guard.stop == Stop::None)
        })
    }

    /// Whether an order passes every limit of exposure even if nothing offset anything; false says nothing.
    fn has_room(&self, guard: &Guard, amounts: &Amounts, standing: &Standing) -> bool {
        let limits = &guard.limits;
        if !limits.has_exposure() || limits.get(Check::MaxMarginUse).is_some() {
            return false;
        }
        let (bulk, markets) = standing.bulk(|market, strategy| guard.covers(strategy, market));
        let [qty, notional, value] =
            [QTY, NOTIONAL, VALUE].map(|measure| bulk[measure].saturating_add(amounts.working[measure]));
        let within = |check, sum| limits.get(check).is_none_or(|limit| sum <= limit.value);
        let is_levered = |limit: Limit| {
            let most = limit.value.saturating_mul(self.equity(guard));
            value.checked_mul(ONE).is_some_and(|value| value <= most)
        };
        [Check::MaxPositionQty, Check::MaxGrossQty, Check::MaxNetQty]
            .into_iter()
            .all(|check| within(check, qty))
            && [Check::MaxPositionNotional, Check::MaxGross, Check::MaxNet]
                .into_iter()
                .all(|check| within(check, notional))
            && within(Check::MaxOpenPositions, (markets as Units + 1) * ONE)
            && limits.get(Check::MaxLeverage).is_none_or(is_levered)
    }

    /// What a guard allows, in the order in which it is told; nothing of exposure where there surely is room for that.
    fn bound(
        &self,
        guard: &Guard,
        ask: &Ask,
        here: &Holding,
        standing: &Standing,
        has_room: bool,
        each: impl FnMut(&Bound<'_>),
    ) {
        let mut to = Bounds { limits: &guard.limits, each };
        if guard.stop != Stop::None {
            to.refuse(Check::Breaker, 0, 0);
        }
        if guard.stop.is_hard() || guard.limits.is_empty() {
            return;
        }
        to.most(Check::MaxOrderQty, Figure::Qty);
        to.most(Check::MaxOrderNotional, Figure::Notional);
        if ask.is_new {
            let more = i128::from(ask.earlier.0) + 1;
            to.count(Check::MaxOpenOrders, |_| (i128::from(guard.open_orders(standing)) + more) * ONE);
        }
        let more = i128::from(ask.earlier.1) + 1;
        for (check, window) in
            [(Check::MaxOrderRate, &guard.orders), (Check::MaxMessageRate, &guard.messages)]
        {
            to.count(check, |limit| (window.count(ask.now, limit.window) as i128 + more) * ONE);
        }
        let today = || guard.today(ask.now, self.config.day_begins);
        to.count(Check::MaxTradesPerDay, |_| (i128::from(today().0) + 1) * ONE);
        self.bound_prices(ask, &mut to);
        // What is at its limit is reached: not one more loss.
        to.lose(Check::MaxDailyLoss, || today().1);
        to.lose(Check::MaxDrawdown, || guard.peak.saturating_sub(guard.equity));
        to.lose(Check::MaxConsecutiveLosses, || i128::from(guard.losses) * ONE);
        if let Some(Limit { value: limit, .. }) = guard.limits.get(Check::MinOrderNotional) {
            let (check, figure, value) = (Check::MinOrderNotional, Figure::Smallness, &|small: Units| -small);
            (to.each)(&Bound { check, limit, figure, most: -limit, value });
        }
        if guard.limits.get(Check::SyncedBook).is_some()
            && ask.has_book
            && (ask.touch.state != BookState::Synced || ask.touch.is_crossed())
        {
            to.refuse(Check::SyncedBook, 0, i128::from(ask.touch.state as u8) * ONE);
        }
        if guard.limits.has_exposure() && !has_room {
            self.bound_exposure(guard, ask, here, standing, &mut to);
        }
    }

    /// What there is behind what a guard counts: the capital, and what was made.
    pub(super) fn equity(&self, guard: &Guard) -> Units {
        self.config.capital.unwrap_or_default().saturating_add(guard.equity)
    }

    fn bound_prices(&self, ask: &Ask, to: &mut Bounds<'_, impl FnMut(&Bound<'_>)>) {
        let facts = &self.markets[ask.market.index()];
        to.count(Check::MaxBookAge, |_| {
            let age = facts.heard.map_or(i64::MAX, |heard| ask.now.saturating_sub(heard));
            i128::from(age).saturating_mul(ONE)
        });
        if let Some(ts) = self.signals[ask.strategy.index()][ask.market.index()] {
            to.count(Check::MaxSignalAge, |_| i128::from(ask.now.saturating_sub(ts)).saturating_mul(ONE));
        }
        let sign = i128::from(ask.side.sign());
        if let Some(limit) = to.limits.get(Check::CollarTouchBps)
            && let Some(best) = ask.touch.best(ask.side.opposite())
        {
            let twice = best.price.saturating_mul(2);
            to.near(Check::CollarTouchBps, limit, Figure::Worse, twice, sign);
        }
        if let Some(limit) = to.limits.get(Check::CollarLastBps)
            && let Some(last) = facts.last
        {
            to.near(Check::CollarLastBps, limit, Figure::Worse, last.saturating_mul(2), sign);
        }
        if let Some(limit) = to.limits.get(Check::FatFingerBps)
            && ask.is_limit
            && let Some(twice_mid) = ask.twice_mid
        {
            to.near(Check::FatFingerBps, limit, Figure::Worse, twice_mid, sign);
            to.near(Check::FatFingerBps, limit, Figure::Better, twice_mid, -sign);
        }
    }

    fn bound_exposure(
        &self,
        guard: &Guard,
        ask: &Ask,
        here: &Holding,
        standing: &Standing,
        to: &mut Bounds<'_, impl FnMut(&Bound<'_>)>,
    ) {
        let mut rooms = [QTY, NOTIONAL, VALUE].map(|measure| Room::of(ask, here, measure));
        let (as_it_is, same) = (|limit: Units| limit, |sum: Units| sum);
        for (check, measure) in [(Check::MaxPositionQty, QTY), (Check::MaxPositionNotional, NOTIONAL)] {
            let room = &rooms[measure];
            to.room(check, measure, room, (0, room.before), as_it_is, same);
        }
        if !guard.limits.has_sums() {
            return;
        }
        let (mut open, mut margin) = (0, 0);
        let counts_margin = to.limits.get(Check::MaxMarginUse).is_some();
        let is_other = |market, strategy| market != ask.market && guard.covers(strategy, market);
        for (market, holding) in standing.by_market(is_other) {
            open += i128::from(holding.is_open());
            if counts_margin {
                margin = self.initial_margin(market, holding.worst(VALUE)).saturating_add(margin);
            }
            for (measure, room) in rooms.iter_mut().enumerate() {
                room.gross = room.gross.saturating_add(holding.worst(measure));
                room.net = room.net.saturating_add(holding.toward(ask.side.index(), measure));
            }
        }
        for (check, measure) in [(Check::MaxGrossQty, QTY), (Check::MaxGross, NOTIONAL)] {
            let room = &rooms[measure];
            to.room(check, measure, room, (room.gross, room.worst), as_it_is, same);
        }
        for (check, measure) in [(Check::MaxNetQty, QTY), (Check::MaxNet, NOTIONAL)] {
            let room = &rooms[measure];
            to.room(check, measure, room, (room.net, room.before), as_it_is, same);
        }
        if let Some(Limit { value: limit, .. }) = to.limits.get(Check::MaxOpenPositions)
            && !(here.is_open() || ask.before[QTY] != 0 || ask.reduce_only)
            && (open + 1) * ONE > limit
        {
            // Any quantity opens one more.
            let value = &|_| (open + 1) * ONE;
            (to.each)(&Bound {
                check: Check::MaxOpenPositions,
                limit,
                figure: Figure::AddsQty,
                most: 0,
                value,
            });
        }
        let room = &rooms[VALUE];
        let equity = self.equity(guard);
        let (most, value) = (|limit| most_at(limit, equity), |sum| leverage(sum, equity));
        to.room(Check::MaxLeverage, VALUE, room, (room.gross, room.worst), most, value);
        if let Ok(own) = &self.markets[ask.market.index()].margin {
            let most = |limit| own.most(most_at(limit, equity).saturating_sub(margin));
            let value = |sum: Units| leverage(own.initial(sum.max(0)).saturating_add(margin), equity);
            to.room(Check::MaxMarginUse, VALUE, room, (0, room.worst), most, value);
        }
    }
}

/// What orders that differ in size and price alone are held against.
pub struct Stand<'a> {
    engine: &'a Engine,
    ask: Ask,
    standing: &'a Standing,
    /// The least of all bounds on each figure.
    most: Figures,
    safe: Safe,
}

impl Stand<'_> {
    /// Whether a limit order passes no limit as far as can be told in steps alone: false says nothing.
    #[inline]
    pub fn is_safe(&self, price: Price, qty: Qty) -> bool {
        self.safe.holds(price.steps(), qty.steps())
    }

    /// Whether an order passes no limit.
    #[inline]
    pub fn passes(&self, amounts: &Amounts) -> bool {
        // It adds no more than what it would have working.
        let figures = figures(&self.ask, amounts, amounts.working);
        let is_within =
            figures.iter().zip(&self.most).fold(true, |all, (figure, most)| all & (figure <= most));
        is_within || self.engine.review(&self.ask, amounts, self.standing).is_empty()
    }
}

/// Limit orders that are surely within the bounds of all figures, in steps: of many orders most are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Safe {
    /// The lowest price and the highest.
    price: (i64, i64),
    /// The largest quantity.
    qty: i64,
    /// The least and the most that price times quantity may be.
    product: (i64, i64),
}

impl Safe {
    const NOTHING: Self = Self { price: (1, 0), qty: 0, product: (1, 0) };

    /// Those within the most that each figure may be, of quantity increments of `unit` and products of increments worth
    /// `value`. None where an order fails whatever it is, or all that can be told needs more digits.
    fn within(most: &Figures, side: Side, unit: Units, value: Units) -> Option<Self> {
        if most[Figure::Itself as usize] < 0 || unit <= 0 || value <= 0 {
            return None;
        }
        let least = |figures: &[Figure]| figures.iter().map(|at| most[*at as usize]).min();
        let at_most = |steps: Units| steps.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        // One more than what is rounded down is never too few.
        let at_least = |over: Units, step: Units| i64::try_from(over.div_euclid(step) + 1).ok();
        let qty = least(&[Figure::Qty, Figure::AddsQty])?.div_euclid(unit);
        // Beyond what an account can hold an order counts as so much.
        let worth = least(&[Figure::Notional, Figure::AddsNotional, Figure::AddsValue])?.min(ACCOUNT_LIMIT);
        let small = most[Figure::Smallness as usize].saturating_neg().max(1);
        let (worse, better) = (most[Figure::Worse as usize], most[Figure::Better as usize]);
        let (above, below) = if side == Side::Buy { (worse, better) } else { (better, worse) };
        let step = 2 * BPS;
        let lowest = below.saturating_neg().max(0);
        Some(Self {
            price: (at_least(lowest, step)?, at_most(above.div_euclid(step))),
            qty: at_most(qty),
            product: (at_least(small, value)?, at_most(worth.div_euclid(value))),
        })
    }

    #[inline]
    fn holds(self, price: i64, qty: i64) -> bool {
        let (product, overflows) = price.overflowing_mul(qty);
        // All of them, since what would be skipped costs less than to skip it.
        (price >= self.price.0)
            & (price <= self.price.1)
            & (qty > 0)
            & (qty <= self.qty)
            & !overflows
            & (product >= self.product.0)
            & (product <= self.product.1)
    }
}

/// The figures of an order that adds so much to what works on its side.
#[inline]
fn figures(ask: &Ask, amounts: &Amounts, [qty, notional, value]: Measures) -> Figures {
    let Amounts { total, price, .. } = amounts;
    let smallness = if total[NOTIONAL] > 0 { -total[NOTIONAL] } else { Units::MIN };
    let twice = |price: i64| 2 * i128::from(price) * i128::from(ask.side.sign()) * BPS;
    let (worse, better) = price.map_or((Units::MIN, Units::MIN), |price| (twice(price), -twice(price)));
    [0, total[QTY], total[NOTIONAL], smallness, qty, notional, value, worse, better]
}

/// How many times the equity a value is.
pub(super) fn leverage(value: Units, equity: Units) -> Units {
    if value == 0 {
        return 0;
    }
    if equity <= 0 {
        return BOUNDLESS;
    }
    value.checked_mul(ONE).map_or(BOUNDLESS, |value| (value / equity).min(BOUNDLESS))
}

/// The most that a value may be so that its leverage is no more than a limit.
fn most_at(limit: Units, equity: Units) -> Units {
    if limit >= BOUNDLESS {
        return Units::MAX;
    }
    (limit + 1).saturating_mul(equity.max(0)).saturating_sub(1).max(0) / ONE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_most_at_a_leverage_is_the_most(
            limit in 1i128..BOUNDLESS, equity in -10 * ONE..10i128.pow(33), part in 0i128..4, over in -2i128..3,
        ) {
            let most = most_at(limit, equity);
            prop_assert!(leverage(most, equity) <= limit && leverage(most + 1, equity) > limit);
            let other = (most / (part + 1) + over).max(0);
            prop_assert_eq!(leverage(other, equity) <= limit, other <= most);
        }
    }
}
