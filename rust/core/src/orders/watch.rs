//! What sets an order off, held against the prices of its market: at the simulated venue, and in the kernel.

use super::request::{Trigger, TriggerAt, TriggerBy};
use crate::types::{FINE_ONE, Increment, Side};

/// What is known of a price: it is not below the one and not above the other, twice in price steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRange {
    /// Not below.
    pub low: i64,
    /// Not above.
    pub high: i64,
}

impl PriceRange {
    /// A price in steps.
    pub fn exactly(price: i64) -> Self {
        Self::of_twice(2 * price)
    }

    /// A price twice in steps, as a mid is kept.
    pub fn of_twice(twice: i64) -> Self {
        Self { low: twice, high: twice }
    }

    /// A price in units of 10^-9, as marks are told.
    pub fn of_fine(fine: i64, step: Increment) -> Self {
        let twice = 2 * i128::from(fine) * 10i128.pow(step.scale());
        let unit = i128::from(FINE_ONE) * step.value().mantissa();
        let steps = |twice: i128| i64::try_from(twice).unwrap_or(i64::MAX);
        Self { low: steps(twice.div_euclid(unit)), high: steps(-(-twice).div_euclid(unit)) }
    }
}

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Its side.
    pub side: Side,
    /// What sets it off.
    pub trigger: Trigger,
    /// The best price so far of one that trails, twice in price steps.
    pub extreme: Option<i64>,
}

impl Watch {
    /// One that has seen no price.
    pub fn new(side: Side, trigger: Trigger) -> Self {
        Self { side, trigger, extreme: None }
    }

    /// What is known of its price when it begins to wait, from the best prices, the mid and, of a market without a book,
    /// the last print. A mark is not known before it is told.
    pub fn at_hand(
        &self,
        best: Option<(i64, i64)>,
        mid: Option<PriceRange>,
        print: Option<PriceRange>,
    ) -> Option<PriceRange> {
        match self.trigger.by {
            TriggerBy::Mark => None,
            TriggerBy::Mid => mid,
            TriggerBy::Last => print.or_else(|| {
                // A trailing stop begins with a price that is known.
                let (bid, ask) = best.filter(|_| self.trigger.offset().is_none())?;
                Some(PriceRange { low: 2 * bid.min(ask), high: 2 * ask.max(bid) })
            }),
        }
    }

    /// Whether a price sets it off.
    pub fn sees(&mut self, price: PriceRange) -> bool {
        let rises = |twice: i64| price.low >= twice;
        let falls = |twice: i64| price.high <= twice;
        match (self.trigger.at, self.side) {
            (TriggerAt::Stop { price }, Side::Buy) | (TriggerAt::TakeProfit { price }, Side::Sell) => {
                rises(2 * price.steps())
            }
            (TriggerAt::Stop { price }, Side::Sell) | (TriggerAt::TakeProfit { price }, Side::Buy) => {
                falls(2 * price.steps())
            }
            (TriggerAt::Trailing { offset }, Side::Sell) => {
                let peak = self.extreme.map_or(price.low, |peak| peak.max(price.low));
                self.extreme = Some(peak);
                falls(peak.saturating_sub(2 * offset.steps()))
            }
            (TriggerAt::Trailing { offset }, Side::Buy) => {
                let trough = self.extreme.map_or(price.high, |trough| trough.min(price.high));
                self.extreme = Some(trough);
                rises(trough.saturating_add(2 * offset.steps()))
            }
        }
    }
}
