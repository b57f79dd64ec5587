//! What an order has to keep to, and how that changed over time.
//!
//! Venues change ticks, lots and smallest sizes. Orders that rest stay as they are; new ones, and replacements, are
//! held against what is in force when they are checked.

use super::decimal::{Decimal, Increment};
use super::duration::TIME_LIMIT;
use super::money::Money;
use super::steps::STEPS_LIMIT;

/// What an order has to keep to, as decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderTermsSpec {
    /// Price step; the price increment when absent.
    pub tick_size: Option<Decimal>,
    /// Quantity step; the quantity increment when absent.
    pub lot_size: Option<Decimal>,
    /// Smallest quantity; one lot when absent.
    pub min_qty: Option<Decimal>,
    /// Largest quantity; none if absent.
    pub max_qty: Option<Decimal>,
    /// Smallest notional in quote currency; none when absent.
    pub min_notional: Option<Decimal>,
}

impl OrderTermsSpec {
    /// The same where `later` says nothing else.
    fn changed_by(self, later: Self) -> Self {
        Self {
            tick_size: later.tick_size.or(self.tick_size),
            lot_size: later.lot_size.or(self.lot_size),
            min_qty: later.min_qty.or(self.min_qty),
            max_qty: later.max_qty.or(self.max_qty),
            min_notional: later.min_notional.or(self.min_notional),
        }
    }

    /// The same in increments.
    fn on(self, price_increment: Increment, qty_increment: Increment) -> Result<OrderTerms, BadTerm> {
        let steps_of = |field: &'static str, grid: Increment, value: Option<Decimal>, default: i64| {
            let Some(value) = value else {
                return Ok(default);
            };
            let steps = grid.steps(value).map_err(|error| (field, error.to_string()))?;
            if steps <= 0 {
                return Err((field, format!("{value} must be greater than zero")));
            }
            if steps > STEPS_LIMIT {
                return Err((field, format!("{value} is 2^60 increments or more")));
            }
            Ok(steps)
        };
        let tick_size = steps_of("tick_size", price_increment, self.tick_size, 1)?;
        let lot_size = steps_of("lot_size", qty_increment, self.lot_size, 1)?;
        let min_qty = steps_of("min_qty", qty_increment, self.min_qty, lot_size)?;
        let max_qty =
            self.max_qty.map(|most| steps_of("max_qty", qty_increment, Some(most), 0)).transpose()?;
        if max_qty.is_some_and(|max_qty| max_qty < min_qty) {
            return Err(("max_qty", "is less than min_qty".into()));
        }
        let min_notional = Money::from_decimal(self.min_notional.unwrap_or(Decimal::ZERO))
            .map_err(|error| ("min_notional", error.to_string()))?;
        if min_notional < Money::ZERO {
            return Err(("min_notional", "must not be negative".into()));
        }
        Ok(OrderTerms { tick_size, lot_size, min_qty, max_qty, min_notional })
    }
}

/// A field that cannot be, and why.
pub(super) type BadTerm = (&'static str, String);

/// What an order has to keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTerms {
    /// Price step, in price increments.
    pub tick_size: i64,
    /// Quantity step, in quantity increments.
    pub lot_size: i64,
    /// Smallest quantity, in quantity increments.
    pub min_qty: i64,
    /// Largest quantity, in quantity increments, where there is one.
    pub max_qty: Option<i64>,
    /// Smallest notional in quote currency.
    pub min_notional: Money,
}

/// Terms that are in force from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermsChange {
    /// From when, ns.
    pub from: i64,
    /// What is in force from then on.
    pub terms: OrderTerms,
}

/// The terms before any change, and the changes; each names what becomes another.
pub(super) fn terms_over_time(
    first: OrderTermsSpec,
    changes: &[(i64, OrderTermsSpec)],
    price_increment: Increment,
    qty_increment: Increment,
) -> Result<(OrderTerms, Vec<TermsChange>), BadTerm> {
    let terms = first.on(price_increment, qty_increment)?;
    let (mut last, mut known) = (0, first);
    let mut dated = Vec::with_capacity(changes.len());
    for (number, &(from, change)) in (1..).zip(changes) {
        let fail = |problem: String| ("changes", format!("number {number}: {problem}"));
        if from <= 0 || from > TIME_LIMIT {
            return Err(fail(format!("from {from} is not a time in ns before 2116")));
        }
        if from <= last {
            return Err(fail("from is not later than that of the change before it".into()));
        }
        if change == OrderTermsSpec::default() {
            return Err(fail("names nothing that changes".into()));
        }
        (last, known) = (from, known.changed_by(change));
        let terms = known
            .on(price_increment, qty_increment)
            .map_err(|(field, problem)| fail(format!("{field}: {problem}")))?;
        dated.push(TermsChange { from, terms });
    }
    Ok((terms, dated))
}

#[cfg(test)]
mod tests {
    use super::OrderTermsSpec;
    use crate::types::instrument::tests::spec;
    use crate::types::{Decimal, Instrument, InstrumentKind, InstrumentSpec, Money, Side};

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn changing(changes: Vec<(i64, OrderTermsSpec)>) -> Result<Instrument, String> {
        let spec = spec("A.B", InstrumentKind::LINEAR_PERPETUAL, "USDT");
        Instrument::new(InstrumentSpec { changes, ..spec }).map_err(|error| error.to_string())
    }

    fn tick(text: &str) -> OrderTermsSpec {
        OrderTermsSpec { tick_size: Some(dec(text)), ..OrderTermsSpec::default() }
    }

    #[test]
    fn what_a_change_does_not_name_stays_and_what_follows_the_lot_follows_it() {
        let lots = OrderTermsSpec {
            lot_size: Some(dec("0.01")),
            min_notional: Some(dec("5")),
            ..OrderTermsSpec::default()
        };
        let instrument = changing(vec![(10, tick("0.5")), (20, lots)]).unwrap();
        let at = |time| {
            let terms = instrument.terms_at(time);
            (terms.tick_size, terms.lot_size, terms.min_qty)
        };
        assert_eq!(
            [i64::MIN, 9, 10, 19, 20, i64::MAX].map(at),
            [(1, 1, 1), (1, 1, 1), (5, 1, 1), (5, 1, 1), (5, 10, 10), (5, 10, 10)]
        );
        assert_eq!(instrument.terms_at(20).min_notional, "5".parse::<Money>().unwrap());
        assert_eq!([9, 10, 25].map(|time| instrument.since(time)), [None, Some(10), Some(20)]);
        let later = instrument.from_time(10);
        assert_eq!((later.terms.tick_size, later.changes.len()), (5, 1));
        assert_eq!(later.terms_at(20), instrument.terms_at(20));
        let prices = [9, 10].map(|time| instrument.round_price(instrument.terms_at(time), Side::Buy, 100.3));
        assert_eq!(prices, [Some(1_003), Some(1_000)]);
    }

    #[test]
    fn changes_that_cannot_be_are_told_by_number() {
        let told = |changes: &[(i64, OrderTermsSpec)]| changing(changes.to_vec()).unwrap_err();
        let off = "instrument A.B: changes: number 2: tick_size: 0.25 is not a multiple of 0.1";
        assert_eq!(told(&[(10, tick("0.5")), (20, tick("0.25"))]), off);
        assert!(
            told(&[(10, tick("0.5")), (10, tick("1"))])
                .ends_with("not later than that of the change before it")
        );
        assert!(told(&[(0, tick("0.5"))]).ends_with("from 0 is not a time in ns before 2116"));
        assert!(told(&[(1, OrderTermsSpec::default())]).ends_with("names nothing that changes"));
    }
}
