//! How far a mid may move before limits have to be told of it.
//!
//! While nothing is booked, what an account has made moves with the mids alone. So for every market in which something is
//! held there is a band of mids within which no loss reaches its limit and no highest equity is passed, whatever the
//! other markets do in theirs: a guard's room to either side is shared by its markets. Within its band a mid moves the
//! sums it enters by a product and nothing else changes, so only the last mid need be told of many. What is not such a
//! product (inverse contracts, other marks than the mid, amounts near the end of what is counted) has no band: every
//! move is told.

use super::check::{Check, Need, Units};
use super::engine::Engine;
use super::guard::{Guard, Stop, day_end};
use super::limits::{OnTrip, RiskConfig};
use super::mids::MidBand;
use crate::types::MarketId;

impl Engine {
    /// Within which mids of a market limits need not be told of every one; `None` where they need none.
    #[inline]
    pub fn band(&self, market: MarketId) -> Option<MidBand> {
        let band = self.markets[market.index()].band;
        (self.needs() == Need::Mids && band != MidBand::ALL).then_some(band)
    }

    /// Takes a market whose band has changed since it was last taken.
    #[inline]
    pub fn take_redrawn(&mut self) -> Option<MarketId> {
        let market = self.redrawn.pop()?;
        self.markets[market.index()].is_redrawn = false;
        Some(market)
    }

    fn set_band(&mut self, at: usize, band: MidBand) {
        let facts = &mut self.markets[at];
        if std::mem::replace(&mut facts.band, band) != band && !std::mem::replace(&mut facts.is_redrawn, true)
        {
            self.redrawn.push(MarketId::new(at));
        }
    }

    /// Something else than a mid has changed that limits look at: every market has to be looked at again.
    pub(super) fn forget_bands(&mut self) {
        for at in 0..self.markets.len() {
            self.set_band(at, MidBand::NONE);
        }
    }

    /// The mid of a market has moved within its band.
    #[inline]
    pub(super) fn shift(&mut self, market: MarketId, twice_mid: Option<i64>) {
        let before = std::mem::replace(&mut self.markets[market.index()].twice_mid, twice_mid);
        let (Some(to), Some(from)) = (twice_mid, before) else { return };
        let moved = Units::from(to) - Units::from(from);
        for guard in &mut self.guards {
            if let Some(slope) = guard.slopes[market.index()].filter(|slope| *slope != 0) {
                let change = slope * moved;
                guard.worths[market.index()] += change;
                guard.equity += change;
            }
        }
    }

    /// When a guard of a market that is stopped goes on by itself at the earliest, ns.
    fn resumes(&self, at: usize) -> i64 {
        let stopped = self.guards.iter().filter(|guard| guard.markets[at] && guard.may_resume());
        stopped.map(|guard| guard.until).min().filter(|_| self.config.auto_resume).unwrap_or(i64::MAX)
    }

    /// Draws the bands anew of a market that has just been looked at and of those that share its guards' room.
    pub(super) fn draw(&mut self, now: i64, market: MarketId) {
        if self.needs() != Need::Mids {
            return self.set_band(market.index(), MidBand::NONE);
        }
        let is_held =
            |guard: &Guard, at: usize| guard.counts && guard.markets[at] && guard.slopes[at] != Some(0);
        let at = market.index();
        let is_in = self.guards.iter().any(|guard| is_held(guard, at));
        match (self.held.binary_search(&at), is_in) {
            (Ok(place), false) => {
                self.held.remove(place);
            }
            (Err(place), true) => self.held.insert(place, at),
            _ => (),
        }
        if !is_in {
            self.set_band(at, MidBand { until: self.resumes(at), ..MidBand::ALL });
        }
        let until = day_end(now, self.config.day_begins);
        for place in 0..self.held.len() {
            let at = self.held[place];
            let twice_mid = self.markets[at].twice_mid;
            let bands = self.guards.iter().filter(|guard| is_held(guard, at)).map(|guard| {
                let sharing = self.held.iter().filter(|at| is_held(guard, **at)).count();
                guard.band(at, sharing, twice_mid, now, &self.config)
            });
            let until = until.min(self.resumes(at));
            let band = bands.fold(MidBand { until, ..MidBand::ALL }, MidBand::and);
            self.set_band(at, band);
        }
    }
}

impl Guard {
    /// What may be lost before a limit trips, where one can.
    fn room_below(&self, on_trip: OnTrip) -> Option<Units> {
        // What is stopped stays so, and what only refuses is asked with each order.
        if self.stop != Stop::None || on_trip == OnTrip::Refuse {
            return None;
        }
        let lost =
            [(Check::MaxDailyLoss, self.day_equity), (Check::MaxDrawdown, self.peak)].map(|(check, from)| {
                self.limits.get(check).map(|limit| limit.value - 1 - from.saturating_sub(self.equity))
            });
        lost.into_iter().flatten().min()
    }

    /// How far the mid of a market may move, as one of so many that share the room.
    fn band(
        &self,
        market: usize,
        sharing: usize,
        twice_mid: Option<i64>,
        now: i64,
        config: &RiskConfig,
    ) -> MidBand {
        let (Some(slope), Some(mid)) = (self.slopes[market], twice_mid) else { return MidBand::NONE };
        if !self.is_day(now, config.day_begins) {
            return MidBand::NONE;
        }
        let steps = |room: Units| {
            let steps = (room / sharing.max(1) as Units).max(0) / slope.abs().max(1);
            i64::try_from(steps).unwrap_or(i64::MAX)
        };
        let above = steps(self.peak - self.equity);
        let below = self.room_below(config.on_trip).map_or(i64::MAX, steps);
        let (down, up) = if slope > 0 { (below, above) } else { (above, below) };
        // Up to twice the mid amounts are known to be counted.
        MidBand {
            low: mid.saturating_sub(down).max(1),
            high: mid.saturating_add(up).min(mid.saturating_mul(2)),
            until: i64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Touch;
    use crate::risk::{ONE, Trip, Worth};
    use crate::types::instrument::tests::linear;
    use crate::types::{AccountId, Money, StrategyId, Writer};
    use proptest::prelude::*;

    const MARKETS: usize = 2;
    const STRATEGIES: usize = 2;
    /// What passes at a time, ns: a few of them are as long as a trip holds. A day begins soon.
    const TICK: i64 = 200_000;
    const BEGINS: i64 = 86_400_000_000_000 - 40 * TICK;

    #[derive(Debug, Clone)]
    enum Step {
        /// Time goes on and a mid moves by so many halves.
        Move(usize, i64, i64),
        /// Somebody trades so much.
        Trade(usize, usize, i64),
        /// Somebody looks.
        Look,
    }

    /// What is held, and the engine that is told of it.
    #[derive(Clone)]
    struct Side {
        engine: Engine,
        mids: [i64; MARKETS],
    }

    type Held = [[(i64, Units); STRATEGIES]; MARKETS];

    impl Side {
        fn mark(
            &mut self,
            now: i64,
            market: usize,
            held: &Held,
            (is_valued, is_even): (bool, bool),
        ) -> Vec<Trip> {
            let mid = self.mids[market];
            let worth = |strategy: StrategyId| {
                let (qty, cash) = held[market][strategy.index()];
                let made = Money::from_units(cash + Units::from(qty * mid) * ONE);
                let slope = is_even.then_some(Units::from(qty) * ONE).or((qty == 0).then_some(0));
                Some(Worth { made, slope })
            };
            let (market, touch) = (MarketId::new(market), Touch::default());
            self.engine.mark(now, market, &touch, Some(mid), is_valued, worth);
            self.engine.take_trips()
        }

        /// The same as if there were no bands.
        fn mark_fully(&mut self, now: i64, market: usize, held: &Held, is: (bool, bool)) -> Vec<Trip> {
            self.engine.forget_bands();
            self.mark(now, market, held, is)
        }

        fn bytes(&self) -> Vec<u8> {
            let mut bytes = Vec::new();
            self.engine.save(&mut Writer(&mut bytes));
            bytes
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0..MARKETS, 0i64..6, -6i64..7).prop_map(|(at, passed, by)| Step::Move(at, passed, by)),
            1 => (0..MARKETS, 0..STRATEGIES, -3i64..4).prop_map(|(at, who, qty)| Step::Trade(at, who, qty)),
            1 => Just(Step::Look),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn to_be_told_of_what_leaves_a_band_is_to_be_told_of_everything(
            steps in proptest::collection::vec(step(), 1..120),
            (loss, drawdown) in (20i64..200, 20i64..200),
            (does, auto_resume, is_even) in (0usize..4, any::<bool>(), prop_oneof![4 => Just(true), 1 => Just(false)]),
        ) {
            let mut config = RiskConfig {
                on_trip: OnTrip::ALL[does], auto_resume, cooldown: 1_000_000, ..RiskConfig::default()
            };
            config.account.parse(Check::MaxDailyLoss, &loss.to_string()).unwrap();
            config.account.parse(Check::MaxDrawdown, &drawdown.to_string()).unwrap();
            config.strategies.entry("a".into()).or_default().parse(Check::MaxDrawdown, "60").unwrap();
            let specs = [linear(), linear()];
            let seats = ["a", "b"].map(|name| (name.to_owned(), AccountId::new(0)));
            let engine = Engine::new(config, specs.iter(), &seats).unwrap();
            let mut all = Side { engine, mids: [1_000; MARKETS] };
            let mut some = all.clone();
            // What the engine that is told less has not been told of.
            let mut untold = [None; MARKETS];
            let (mut held, mut now): (Held, _) = ([[(0, 0); STRATEGIES]; MARKETS], BEGINS);
            let catch_up = |some: &mut Side, untold: &mut [Option<i64>; MARKETS], held: &Held| {
                for (market, told) in untold.iter_mut().enumerate() {
                    if let Some(ts) = told.take() {
                        prop_assert_eq!(some.mark(ts, market, held, (false, is_even)), vec![]);
                    }
                }
                Ok(())
            };
            for step in steps {
                if let Step::Move(_, passed, _) = step {
                    now += passed * TICK;
                }
                while let Some(due) = all.engine.next_due().filter(|due| *due < now) {
                    catch_up(&mut some, &mut untold, &held)?;
                    prop_assert_eq!(some.engine.next_due(), Some(due));
                    all.engine.elapse(due);
                    some.engine.elapse(due);
                    prop_assert_eq!(some.engine.take_trips(), all.engine.take_trips());
                }
                match step {
                    Step::Move(at, _, by) => {
                        all.mids[at] += by;
                        let (told, mid) = (all.mark_fully(now, at, &held, (false, is_even)), all.mids[at]);
                        let band = some.engine.band(MarketId::new(at));
                        if band.is_none_or(|band| band.holds(Some(mid), now)) {
                            prop_assert_eq!(told, vec![]);
                            (some.mids[at], untold[at]) = (mid, Some(now));
                        } else {
                            catch_up(&mut some, &mut untold, &held)?;
                            some.mids[at] = mid;
                            prop_assert_eq!(some.mark(now, at, &held, (false, is_even)), told);
                        }
                    }
                    Step::Trade(at, who, qty) => {
                        catch_up(&mut some, &mut untold, &held)?;
                        let (position, cash) = &mut held[at][who];
                        (*position, *cash) = (*position + qty, *cash - Units::from(qty * all.mids[at] + 1) * ONE);
                        let told = all.mark_fully(now, at, &held, (true, is_even));
                        prop_assert_eq!(some.mark(now, at, &held, (true, is_even)), told);
                    }
                    Step::Look => {
                        catch_up(&mut some, &mut untold, &held)?;
                        // Where nothing is held another day begins when somebody looks.
                        let days = |side: &Side| side.engine.guards.iter().map(|g| g.day).collect::<Vec<_>>();
                        if days(&all) == days(&some) {
                            prop_assert_eq!(all.bytes(), some.bytes());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_band_ends_where_a_limit_is_reached_or_equity_was_never_higher() {
        let mut config = RiskConfig::default();
        config.account.parse(Check::MaxDrawdown, "100").unwrap();
        for name in ["a", "b"] {
            config.strategies.entry(name.into()).or_default().parse(Check::MaxDrawdown, "1000000").unwrap();
        }
        let specs = [linear(), linear()];
        let seats = ["a", "b"].map(|name| (name.to_owned(), AccountId::new(0)));
        let engine = Engine::new(config, specs.iter(), &seats).unwrap();
        let mut side = Side { engine, mids: [1_000; MARKETS] };
        let mut held: Held = [[(0, 0); STRATEGIES]; MARKETS];
        let band = |side: &Side, market| side.engine.band(MarketId::new(market)).map(|b| (b.low, b.high));
        assert_eq!(band(&side, 0), Some((1, 0)));
        side.mark(1, 0, &held, (false, true));
        assert_eq!(band(&side, 0), None);
        held[0][0] = (2, -2_000 * ONE);
        side.mark(2, 0, &held, (true, true));
        assert_eq!(band(&side, 0), Some((951, 1_000)));
        side.mids[0] = 990;
        side.mark(3, 0, &held, (false, true));
        assert_eq!((band(&side, 0), side.engine.guards[0].equity), (Some((951, 1_000)), -20 * ONE));
        // What holds the other way somewhere else shares the room; its strategy has never had more.
        held[1][1] = (-1, 1_000 * ONE);
        side.mark(4, 1, &held, (true, true));
        assert_eq!((band(&side, 0), band(&side, 1)), (Some((971, 995)), Some((1_000, 1_039))));
    }
}
