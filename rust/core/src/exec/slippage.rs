//! What taking a quantity costs against a reference price.
//!
//! The levels on display are walked first. What they do not hold is priced by the square-root law of impact, `Y sigma
//! sqrt(Q / V)` (Almgren, Thum, Hauptmann, Li 2005; Bouchaud, Bonart, Donier, Gould 2018, chapter 12): the price goes
//! on from the last level by what the law adds from the quantity on display to the whole, so the estimate has no step
//! where the display ends. The law says where the price is when so much has been taken; what is paid on average is its
//! mean on the way there, two thirds of it where nothing is on display.

use super::{BadParameter, number};
use crate::book::L2Book;
use crate::types::Side;

/// Basis points of one.
const BPS: f64 = 1e4;

/// What a price is worse than another for whoever takes that side, bps; negative where it is better.
pub fn slippage_bps(side: Side, price: f64, reference: f64) -> f64 {
    BPS * side.sign() as f64 * (price - reference) / reference
}

/// The price slippage is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Against {
    /// Half-way between the best prices.
    #[default]
    Mid,
    /// The best price of the side that is taken from.
    Touch,
}

impl Against {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Mid, Self::Touch];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mid => "mid",
            Self::Touch => "touch",
        }
    }

    fn price(self, book: &L2Book, taken: Side) -> Option<f64> {
        match self {
            Self::Mid => book.mid(),
            Self::Touch => book.best(taken).map(|level| level.price as f64),
        }
    }
}

/// The square-root law of impact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImpactLaw {
    /// What the law moves at one day's volume, a fraction of the price: `Y sigma`.
    scale: f64,
    /// Quantity traded a day.
    daily_volume: f64,
}

impl ImpactLaw {
    /// The law with a coefficient, a volatility a day (a fraction of the price) and a quantity traded a day.
    ///
    /// # Errors
    /// [`BadParameter`] for numbers that are negative or not finite, and for no volume.
    pub fn new(y: f64, volatility: f64, daily_volume: f64) -> Result<Self, BadParameter> {
        let y = number("y", y, 0.0, "a number from 0 on")?;
        let volatility = number("volatility", volatility, 0.0, "a fraction from 0 on")?;
        let daily_volume =
            number("daily_volume", daily_volume, f64::MIN_POSITIVE, "a quantity greater than 0")?;
        Ok(Self { scale: y * volatility, daily_volume })
    }

    /// Where the price is when so much has been taken, as a fraction of it.
    pub fn at(self, qty: f64) -> f64 {
        self.scale * (qty / self.daily_volume).sqrt()
    }

    /// How far the price is on average from where it stood at `from`, on the way from there to `to`, as a fraction.
    fn mean_beyond(self, from: f64, to: f64) -> f64 {
        let (low, high) = ((from / self.daily_volume).sqrt(), (to / self.daily_volume).sqrt());
        // The mean of sqrt over [low^2, high^2], with nothing that cancels.
        let mean = 2.0 / 3.0 * (low * low + low * high + high * high) / (low + high);
        self.scale * (mean - low)
    }
}

/// What taking a quantity would cost. Prices are in price increments, quantities in quantity increments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slippage {
    /// The price it is counted from.
    pub reference: f64,
    /// Paid on average, of all that can be priced.
    pub average: f64,
    /// The last price: of the last level, or where the law has it.
    pub worst: f64,
    /// Taken from levels on display.
    pub displayed: i64,
    /// Priced by the law, beyond them.
    pub beyond: i64,
    /// Not on display, where there is no law to price it.
    pub unfilled: i64,
    /// The average against the reference: positive is worse.
    pub bps: f64,
}

impl Slippage {
    /// What a taker of `side` would pay for `qty`; `None` where there is no reference price, or nothing to take.
    pub fn estimate(
        book: &L2Book,
        side: Side,
        qty: i64,
        against: Against,
        law: Option<ImpactLaw>,
    ) -> Option<Self> {
        let taken = side.opposite();
        let reference = against.price(book, taken)?;
        let walk = book.walk(taken, qty);
        let displayed = qty - walk.unfilled;
        let (walked, last) = (walk.average?, walk.worst? as f64);
        let mut estimate = Self {
            reference,
            average: walked,
            worst: last,
            displayed,
            beyond: 0,
            unfilled: walk.unfilled,
            bps: 0.0,
        };
        if let Some(law) = law.filter(|_| walk.unfilled > 0) {
            let (from, to, sign) = (displayed as f64, qty as f64, side.sign() as f64);
            let further = last * (1.0 + sign * law.mean_beyond(from, to));
            (estimate.beyond, estimate.unfilled) = (walk.unfilled, 0);
            estimate.average = (walked * from + further * walk.unfilled as f64) / to;
            estimate.worst = last * (1.0 + sign * (law.at(to) - law.at(from)));
        }
        estimate.bps = slippage_bps(side, estimate.average, reference);
        Some(estimate)
    }
}

/// What an order came to cost against the price it was decided at (Perold 1988), in money.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shortfall {
    /// Of what was filled.
    pub execution: f64,
    /// Of what was not: how far the price went without it.
    pub opportunity: f64,
    /// All of it, fees included.
    pub total: f64,
    /// The total against the whole order at the price it was decided at.
    pub bps: f64,
}

impl Shortfall {
    /// Of an order for `qty` decided at `decision`, its fills `(qty, price)`, and where the price is at the end.
    ///
    /// # Errors
    /// [`BadParameter`] for numbers that are none, and for more filled than was ordered.
    pub fn of(
        side: Side,
        qty: f64,
        decision: f64,
        fills: &[(f64, f64)],
        end: f64,
        fees: f64,
    ) -> Result<Self, BadParameter> {
        let qty = number("qty", qty, f64::MIN_POSITIVE, "a quantity greater than 0")?;
        let decision = number("decision_price", decision, f64::MIN_POSITIVE, "a price greater than 0")?;
        number("end_price", end, f64::MIN_POSITIVE, "a price greater than 0")?;
        number("fees", fees, f64::MIN, "a number")?;
        let mut filled = 0.0;
        let mut execution = 0.0;
        for &(part, price) in fills {
            number("fills", part, 0.0, "quantities from 0 on")?;
            number("fills", price, f64::MIN_POSITIVE, "prices greater than 0")?;
            filled += part;
            execution += part * (price - decision);
        }
        // Sums of decimals may end a rounding above the whole.
        if filled > qty * (1.0 + 1e-12) {
            return Err(BadParameter::new("fills", format!("{filled} is more than the order's {qty}")));
        }
        let sign = side.sign() as f64;
        let (execution, opportunity) = (sign * execution, sign * (qty - filled).max(0.0) * (end - decision));
        let total = execution + opportunity + fees;
        Ok(Self { execution, opportunity, total, bps: BPS * total / (qty * decision) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn book() -> L2Book {
        let mut book = L2Book::new();
        for (price, qty) in [(1_000, 2), (1_005, 3), (1_010, 5), (1_030, 10)] {
            book.set(Side::Sell, price, qty);
        }
        for (price, qty) in [(995, 4), (990, 4), (980, 20)] {
            book.set(Side::Buy, price, qty);
        }
        book
    }

    fn law() -> ImpactLaw {
        ImpactLaw::new(1.0, 0.02, 1_000.0).unwrap()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
    }

    #[test]
    fn levels_on_display_are_walked_and_what_they_lack_is_said() {
        let buy = Slippage::estimate(&book(), Side::Buy, 25, Against::Mid, None).unwrap();
        assert_eq!((buy.displayed, buy.beyond, buy.unfilled), (20, 0, 5));
        assert!(close(buy.average, 1_018.25) && close(buy.bps, 208.020_050_125_313_28));
        let sell = Slippage::estimate(&book(), Side::Sell, 10, Against::Touch, None).unwrap();
        assert!(close(sell.average, 990.0) && close(sell.bps, 50.251_256_281_407_03));
        assert_eq!(Slippage::estimate(&L2Book::new(), Side::Buy, 1, Against::Mid, None), None);
    }

    #[test]
    fn the_law_takes_over_where_the_display_ends_without_a_step() {
        let at = |qty| Slippage::estimate(&book(), Side::Buy, qty, Against::Mid, Some(law())).unwrap();
        assert_eq!((at(25).displayed, at(25).beyond, at(25).unfilled), (20, 5, 0));
        // The fifth beyond pays the last level and what the law adds from 20 to 25 on average.
        let exact: f64 = (0..1_000_000)
            .map(|i| law().at(20.0 + 5.0 * (f64::from(i) + 0.5) / 1e6) - law().at(20.0))
            .sum::<f64>()
            / 1e6;
        let expected = (1_018.25 * 20.0 + 1_030.0 * (1.0 + exact) * 5.0) / 25.0;
        assert!((at(25).average - expected).abs() < 1e-9 * expected);
        assert!(at(25).worst > 1_030.0 && at(20).worst.to_bits() == 1_030f64.to_bits());
    }

    #[test]
    fn the_law_is_what_is_published() {
        let bps = |y, sigma, qty, volume| BPS * ImpactLaw::new(y, sigma, volume).unwrap().at(qty);
        assert!(close(bps(1.0, 0.02, 1e5, 1e7), 20.0));
        assert!(close(bps(0.8, 0.04, 50.0, 20_000.0), 16.0));
        for (y, sigma, volume, field) in
            [(-1.0, 0.1, 1.0, "y"), (1.0, f64::NAN, 1.0, "volatility"), (1.0, 0.1, 0.0, "daily_volume")]
        {
            assert_eq!(ImpactLaw::new(y, sigma, volume).unwrap_err().field, field);
        }
    }

    #[test]
    fn a_shortfall_counts_fills_what_was_missed_and_fees() {
        let fills = [(300.0, 100.2), (500.0, 100.6)];
        let cost = Shortfall::of(Side::Buy, 1_000.0, 100.0, &fills, 101.0, 12.0).unwrap();
        assert!(close(cost.execution, 360.0) && close(cost.opportunity, 200.0));
        assert!(close(cost.total, 572.0) && close(cost.bps, 57.2));
        let over = Shortfall::of(Side::Buy, 700.0, 100.0, &fills, 101.0, 0.0);
        assert_eq!(over.unwrap_err().field, "fills");
    }

    proptest! {
        #[test]
        fn more_never_costs_less_a_unit(levels in proptest::collection::vec(1i64..50, 1..20), y in 0.0..2.0) {
            let mut book = L2Book::new();
            book.set(Side::Buy, 9_999, 1);
            for (price, qty) in (10_000..).step_by(3).zip(&levels) {
                book.set(Side::Sell, price, *qty);
            }
            let law = ImpactLaw::new(y, 0.05, 500.0).unwrap();
            let mut before = f64::MIN;
            for qty in 1..2 * levels.iter().sum::<i64>() {
                let now = Slippage::estimate(&book, Side::Buy, qty, Against::Mid, Some(law)).unwrap();
                prop_assert_eq!(now.displayed + now.beyond, qty);
                prop_assert!(now.bps >= before - 1e-9 && now.worst + 1e-9 >= now.average);
                before = now.bps;
            }
        }
    }
}
