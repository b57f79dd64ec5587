//! Smart order routing: how a quantity is split over the venues that trade the same asset.
//!
//! Each venue's levels are walked at what they cost all in, so what a part costs grows with it and never falls. Among
//! the venues that get a part, each of them gets the least that its venue takes and then always the cheapest lot on display is
//! next; which venues those are is tried out. That is the cheapest of the splits that fill the most wherever all lots
//! are of one size; where they differ, what is left in the end is smaller than the smallest of them.

/// The most venues that a quantity is split over: every choice among them is tried where venues have smallest orders.
pub const MOST_VENUES: usize = 8;

/// What one venue offers. Quantities are in one unit for all venues.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Best first: what a unit costs all in, negative where it is received, and how many there are.
    pub levels: Vec<(f64, i64)>,
    /// Parts are whole lots.
    pub lot: i64,
    /// The smallest part, if there is one at all.
    pub least: i64,
}

/// A venue's part as it grows.
struct Part<'a> {
    offer: &'a Offer,
    taken: i64,
    /// The level it is at, and what it has taken of that.
    level: usize,
    of_level: i64,
    cost: f64,
}

impl<'a> Part<'a> {
    fn new(offer: &'a Offer) -> Self {
        Self { offer, taken: 0, level: 0, of_level: 0, cost: 0.0 }
    }

    /// What is left at the level it is at, where something is on display.
    fn here(&self) -> Option<(f64, i64)> {
        self.offer.levels.get(self.level).map(|(cost, qty)| (*cost, qty - self.of_level))
    }

    /// Takes so much; `false` where that is not on display.
    fn take(&mut self, qty: i64) -> bool {
        let mut left = qty;
        while left > 0 {
            let Some((cost, here)) = self.here() else { return false };
            let taken = here.min(left);
            self.cost += cost * taken as f64;
            (self.taken, self.of_level, left) = (self.taken + taken, self.of_level + taken, left - taken);
            if taken == here {
                (self.level, self.of_level) = (self.level + 1, 0);
            }
        }
        true
    }

    /// What a unit of the next lot costs, and how much may be taken at that: whole lots of a level, or one that takes of
    /// several; none where no whole lot is on display.
    fn next(&self) -> Option<(f64, i64)> {
        let lot = self.offer.lot;
        let (cost, here) = self.here()?;
        if here >= lot {
            return Some((cost, here - here % lot));
        }
        let mut trial = Part { offer: self.offer, ..*self };
        trial.cost = 0.0;
        trial.take(lot).then(|| (trial.cost / lot as f64, lot))
    }
}

/// The parts that venues get of a quantity: as much as can be had, for as little as that can be.
pub fn route(offers: &[Offer], qty: i64) -> Vec<i64> {
    let all = (1u32 << offers.len().min(MOST_VENUES)) - 1;
    let is_free = offers.iter().all(|offer| offer.least <= offer.lot);
    let choices = if is_free { all..=all } else { 0..=all };
    let mut best: Option<(i64, f64, Vec<i64>)> = None;
    for chosen in choices {
        let Some((filled, cost, parts)) = split(offers, chosen, qty) else { continue };
        let is_better =
            |(other, at, _): &(i64, f64, Vec<i64>)| filled > *other || filled == *other && cost < *at;
        if best.as_ref().is_none_or(is_better) {
            best = Some((filled, cost, parts));
        }
    }
    best.map_or_else(|| vec![0; offers.len()], |(_, _, parts)| parts)
}

/// The split over these venues, all of which get a part; `None` where that cannot be.
fn split(offers: &[Offer], chosen: u32, qty: i64) -> Option<(i64, f64, Vec<i64>)> {
    let mut parts: Vec<Part<'_>> = offers.iter().map(Part::new).collect();
    let is_chosen = |at: usize| at < MOST_VENUES && chosen & 1 << at != 0;
    let mut left = qty;
    for (at, part) in
        parts.iter_mut().enumerate().filter(|(at, part)| is_chosen(*at) && part.offer.least > part.offer.lot)
    {
        let lot = offers[at].lot;
        let least = part.offer.least.checked_add(lot - 1)? / lot * lot;
        left -= least;
        if left < 0 || !part.take(least) {
            return None;
        }
    }
    loop {
        let next = parts.iter().enumerate().filter(|(at, part)| is_chosen(*at) && part.offer.lot <= left);
        let next = next.filter_map(|(at, part)| part.next().map(|(cost, most)| (cost, at, most)));
        // Of equal ones the first venue's.
        let Some((_, at, most)) = next.min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        let lot = parts[at].offer.lot;
        let taken = most.min(left - left % lot);
        parts[at].take(taken);
        left -= taken;
    }
    let cost = parts.iter().map(|part| part.cost).sum();
    Some((qty - left, cost, parts.iter().map(|part| part.taken).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offer(levels: &[(f64, i64)], least: i64) -> Offer {
        Offer { levels: levels.to_vec(), lot: 10, least }
    }

    /// What a part costs, the slow way; `None` where it cannot be.
    fn cost(offer: &Offer, mut part: i64) -> Option<f64> {
        let mut cost = 0.0;
        for (price, qty) in &offer.levels {
            let taken = part.min(*qty);
            cost += price * taken as f64;
            part -= taken;
        }
        (part == 0).then_some(cost)
    }

    /// Every split there is.
    fn brute(offers: &[Offer], qty: i64) -> (i64, f64) {
        let Some((first, rest)) = offers.split_first() else { return (0, 0.0) };
        let mut best = (0, 0.0);
        for part in (0..=qty).step_by(first.lot as usize).filter(|part| *part == 0 || *part >= first.least) {
            if let Some(cost) = cost(first, part) {
                let (filled, others) = brute(rest, qty - part);
                let (filled, cost) = (filled + part, cost + others);
                if filled > best.0 || filled == best.0 && cost < best.1 {
                    best = (filled, cost);
                }
            }
        }
        best
    }

    #[test]
    fn the_cheapest_levels_are_taken_whichever_venue_shows_them() {
        let offers = [offer(&[(100.0, 20), (103.0, 50)], 10), offer(&[(101.0, 30), (102.0, 30)], 10)];
        assert_eq!(route(&offers, 60), [20, 40]);
        assert_eq!(route(&offers, 500), [70, 60], "no more than there is");
        assert_eq!(route(&offers, 9), [0, 0]);
        assert_eq!(route(&[], 10), Vec::<i64>::new());
    }

    #[test]
    fn a_venue_gets_its_smallest_order_or_nothing() {
        // Ten more at the first venue would be cheaper, but it takes no less than fifty.
        let offers = [offer(&[(100.0, 200)], 50), offer(&[(100.5, 200)], 10)];
        assert_eq!(route(&offers, 40), [0, 40]);
        assert_eq!(route(&offers, 60), [60, 0]);
        let scarce = [offer(&[(100.0, 50)], 50), offer(&[(100.5, 200)], 30)];
        assert_eq!(route(&scarce, 60), [0, 60], "what is left could not be sent");
    }

    #[test]
    fn parts_are_whole_lots_of_each_venue() {
        let offers = [
            Offer { levels: vec![(100.0, 25)], lot: 10, least: 10 },
            Offer { levels: vec![(101.0, 100)], lot: 3, least: 3 },
        ];
        assert_eq!(route(&offers, 50), [20, 30]);
    }

    fn offers() -> impl Strategy<Value = Vec<Offer>> {
        let level = (0i64..6, 1i64..40);
        let of_venue = (proptest::collection::vec(level, 0..4), 0i64..5).prop_map(|(steps, least)| {
            let mut price = 100.0;
            let levels = steps.into_iter().map(|(up, qty)| {
                price += up as f64;
                (price, qty)
            });
            Offer { levels: levels.collect(), lot: 10, least: least * 10 }
        });
        proptest::collection::vec(of_venue, 1..4)
    }

    proptest! {
        #[test]
        fn no_split_fills_more_or_costs_less(offers in offers(), qty in 0i64..120) {
            let parts = route(&offers, qty);
            let (mut filled, mut spent) = (0, 0.0);
            for (offer, part) in offers.iter().zip(&parts) {
                prop_assert!(part % offer.lot == 0 && (*part == 0 || *part >= offer.least));
                spent += cost(offer, *part).unwrap();
                filled += part;
            }
            let (most, least) = brute(&offers, qty);
            prop_assert_eq!(filled, most);
            prop_assert!((spent - least).abs() < 1e-6, "{spent} for {filled}, {least} can be had");
        }
    }
}
