//! The rules an order keeps, once: for the gate in front of a venue and for the simulated venue itself.
//!
//! A mistake ([`OrderError`]) is a request no venue could be asked; a refusal ([`Reason`]) is a venue's answer to a
//! sound one.

use super::error::OrderError;
use super::report::Reason;
use super::request::{OrderRequest, OrderType, TimeInForce, Trigger};
use super::support::{check_moves, check_replaces, check_supported};
use super::terms::NewTerms;
use crate::ledger::ContractMath;
use crate::types::{Increment, Instrument, Money, Price, Qty, STEPS_LIMIT};

/// What a sound request comes to: nothing against it, or why a venue would refuse it.
pub type Checked = Result<Option<Reason>, OrderError>;

/// Checks a new order at a time, ns. `market_price` is what a market order would be valued at, if there is a price.
///
/// # Errors
/// [`OrderError`] when the request is not one a venue could be asked.
pub fn check_request(
    instrument: &Instrument,
    math: &ContractMath,
    at: i64,
    request: &OrderRequest,
    market_price: impl FnOnce() -> Option<Price>,
) -> Checked {
    check_supported(instrument, request)?;
    let reason = match request.order_type {
        OrderType::Limit { price } => check_limit(instrument, math, at, price, request.qty, Qty::ZERO)?,
        OrderType::Market => {
            check_qty(instrument, at, "qty", request.qty)?;
            let triggered = request.trigger.and_then(Trigger::price);
            refusal(instrument, math, at, triggered.or_else(market_price), request.qty)?
        }
    };
    check_terms(instrument, at, request)?;
    Ok(reason)
}

/// Checks that the terms of a new order go together.
fn check_terms(instrument: &Instrument, at: i64, request: &OrderRequest) -> Result<(), OrderError> {
    let is_limit = request.order_type != OrderType::Market;
    let rests = is_limit && request.time_in_force.rests();
    let contradiction = |problem| Err(OrderError::Contradiction(problem));
    if request.post_only && !rests {
        return contradiction("a post-only order must be a limit order that rests: gtc, gtd or day");
    }
    if request.slides && !request.post_only {
        return contradiction("only a post-only order slides");
    }
    if let Some(trigger) = request.trigger {
        check_trigger(instrument, at, trigger)?;
        if is_limit && trigger.offset().is_some() {
            return contradiction("a trailing stop has no limit price: it takes what the book offers");
        }
    }
    match request.time_in_force {
        TimeInForce::Gtd { .. } | TimeInForce::Day if !is_limit && request.trigger.is_none() => {
            return contradiction("a market order takes at once: gtd and day are for orders that rest");
        }
        TimeInForce::Gtd { expires_at } if expires_at <= at => {
            return Err(OrderError::Over { expires_at, now: at });
        }
        _ => {}
    }
    if let Some(display) = request.display_qty {
        if !rests {
            return contradiction("display_qty is for limit orders that rest: gtc, gtd or day");
        }
        check_qty(instrument, at, "display_qty", display)?;
        if display > request.qty {
            return contradiction("display_qty is more than the quantity");
        }
    }
    Ok(())
}

/// Checks that what sets an order off lies on the grid.
fn check_trigger(instrument: &Instrument, at: i64, trigger: Trigger) -> Result<(), OrderError> {
    let (tick, grid) = (instrument.terms_at(at).tick_size, instrument.price_increment);
    for (field, steps) in [("trigger_price", trigger.price()), ("trailing_offset", trigger.offset())] {
        if let Some(steps) = steps {
            check_step(instrument, at, field, steps.steps(), tick, grid)?;
        }
    }
    Ok(())
}

/// Checks where a replacement moves what sets an order off that waits for this, if it waits, at a time, ns. Returns what
/// it is to wait for from then on.
///
/// # Errors
/// [`OrderError`] when the order does not wait, the venue moves no triggers or the new one lies off the grid.
pub fn check_moved(
    instrument: &Instrument,
    at: i64,
    trigger: Option<Trigger>,
    to: Option<Price>,
) -> Result<Option<Trigger>, OrderError> {
    let Some(to) = to else { return Ok(trigger) };
    let Some(trigger) = trigger else {
        return Err(OrderError::Contradiction("only an order that waits for its trigger gets another one"));
    };
    check_moves(instrument, trigger)?;
    check_trigger(instrument, at, trigger.moved(to))?;
    Ok(Some(trigger.moved(to)))
}

/// Checks the price and total quantity of a limit order of which `filled` has been filled, at a time, ns. No more than
/// that asks for the rest to be cancelled, which has no smallest size.
///
/// # Errors
/// [`OrderError`] when they do not fit the instrument, or its venue replaces nothing.
pub fn check_replace(
    instrument: &Instrument,
    math: &ContractMath,
    at: i64,
    price: Price,
    qty: Qty,
    filled: Qty,
) -> Checked {
    check_replaces(instrument)?;
    check_limit(instrument, math, at, price, qty, filled)
}

/// The same of an order that need not be replaced for it.
fn check_limit(
    instrument: &Instrument,
    math: &ContractMath,
    at: i64,
    price: Price,
    qty: Qty,
    filled: Qty,
) -> Checked {
    check_qty(instrument, at, "qty", qty)?;
    let (grid, terms) = (instrument.price_increment, instrument.terms_at(at));
    check_step(instrument, at, "price", price.steps(), terms.tick_size, grid)?;
    if let Some(limits) = instrument.price_limits(terms)
        && !limits.contains(&price.steps())
    {
        let text = |steps: i64| grid.to_decimal(steps).to_string();
        let [value, low, high] = [price.steps(), *limits.start(), *limits.end()].map(text);
        return Err(OrderError::OutOfRange { instrument: instrument.id.to_string(), value, low, high });
    }
    if qty <= filled {
        return Ok(None);
    }
    refusal(instrument, math, at, Some(price), qty)
}

/// Checks that new terms are numbers of orders at all, whatever the order is.
///
/// # Errors
/// [`OrderError::Contradiction`].
pub fn check_countable(terms: NewTerms) -> Result<(), OrderError> {
    let is_price = |price: Price| (0..=STEPS_LIMIT).contains(&price.steps());
    if is_price(terms.price) && terms.trigger.is_none_or(is_price) && terms.qty >= Qty::ZERO {
        return Ok(());
    }
    Err(OrderError::Contradiction("no order has terms below zero, nor prices of 2^60 increments or more"))
}

/// Checks that a quantity is whole lots at a time, ns.
///
/// # Errors
/// [`OrderError`] naming `field`.
pub fn check_qty(instrument: &Instrument, at: i64, field: &'static str, qty: Qty) -> Result<(), OrderError> {
    let lot = instrument.terms_at(at).lot_size;
    check_step(instrument, at, field, qty.steps(), lot, instrument.qty_increment)
}

/// The limits of size a venue sets, and those of exact money.
pub(crate) fn refusal(
    instrument: &Instrument,
    math: &ContractMath,
    at: i64,
    price: Option<Price>,
    qty: Qty,
) -> Checked {
    let terms = instrument.terms_at(at);
    if qty.steps() < terms.min_qty {
        return Ok(Some(Reason::MinQty));
    }
    if terms.max_qty.is_some_and(|most| qty.steps() > most) {
        return Ok(Some(Reason::MaxQty));
    }
    let Some(price) = price else { return Ok(None) };
    let value = math.value(price, qty).map_err(|error| error.of(instrument))?;
    if terms.min_notional > Money::ZERO
        && math.notional(instrument, value, qty).map_err(|error| error.of(instrument))? < terms.min_notional
    {
        return Ok(Some(Reason::MinNotional));
    }
    Ok(None)
}

fn check_step(
    instrument: &Instrument,
    at: i64,
    field: &'static str,
    value: i64,
    step: i64,
    grid: Increment,
) -> Result<(), OrderError> {
    let show = |steps: i64| grid.to_decimal(steps).to_string();
    if value <= 0 {
        return Err(OrderError::NotPositive {
            instrument: instrument.id.to_string(),
            field,
            value: show(value),
        });
    }
    if value > STEPS_LIMIT {
        return Err(OrderError::TooLarge {
            instrument: instrument.id.to_string(),
            field,
            value: show(value),
        });
    }
    if value % step != 0 {
        return Err(OrderError::OffGrid {
            instrument: instrument.id.to_string(),
            field,
            value: show(value),
            step: show(step),
            since: instrument.since(at),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::instrument::tests::spec;
    use crate::types::{InstrumentKind, MarketId, Side};

    /// Ticks of 0.5, lots of 0.01 on a 0.1 / 0.001 grid; 0.02 to 5, at least 10 USDT.
    fn coarse() -> (Instrument, ContractMath) {
        let mut s = spec("A.B", InstrumentKind::LINEAR_PERPETUAL, "USDT");
        let decimal = |text: &str| Some(text.parse().unwrap());
        (s.terms.tick_size, s.terms.lot_size) = (decimal("0.5"), decimal("0.01"));
        (s.terms.min_qty, s.terms.max_qty, s.terms.min_notional) =
            (decimal("0.02"), decimal("5"), decimal("10"));
        let instrument = Instrument::new(s).unwrap();
        let math = ContractMath::new(&instrument).unwrap();
        (instrument, math)
    }

    fn order(order_type: OrderType, qty: i64) -> OrderRequest {
        OrderRequest::new(MarketId::new(0), Side::Buy, order_type, Qty::new(qty))
    }

    fn limit(price: i64, qty: i64) -> OrderRequest {
        order(OrderType::Limit { price: Price::new(price) }, qty)
    }

    #[test]
    fn mistakes_name_field_value_and_step() {
        let (instrument, math) = coarse();
        let text = |request: &OrderRequest| {
            check_request(&instrument, &math, 0, request, || None).unwrap_err().to_string()
        };
        assert_eq!(text(&limit(1_001, 100)), "A.B: price 100.1 is not a multiple of 0.5");
        assert_eq!(text(&limit(1_000, 101)), "A.B: qty 0.101 is not a multiple of 0.01");
        assert_eq!(text(&limit(0, 100)), "A.B: price 0 must be greater than zero");
        assert_eq!(text(&limit(1_000, -10)), "A.B: qty -0.01 must be greater than zero");
        let ioc = OrderRequest { post_only: true, time_in_force: TimeInForce::Ioc, ..limit(1_000, 10) };
        assert!(text(&ioc).starts_with("a post-only order must be"), "before it is too small");
    }

    #[test]
    fn what_is_beyond_arithmetic_is_a_mistake_that_names_its_instrument() {
        let instrument = crate::types::instrument::tests::linear();
        let math = ContractMath::new(&instrument).unwrap();
        let text = |request: &OrderRequest, price| {
            check_request(&instrument, &math, 0, request, || price).unwrap_err().to_string()
        };
        let large = "BTCUSDT.BINANCE_USDM: qty 1152921504606846.976 is 2^60 increments or more";
        assert_eq!(text(&limit(1_000, STEPS_LIMIT + 1), None), large);
        assert_eq!(text(&order(OrderType::Market, STEPS_LIMIT + 1), None), large);
        let dear = "BTCUSDT.BINANCE_USDM: price 922337203685477580.7 is 2^60 increments or more";
        assert_eq!(text(&limit(i64::MAX, 1), None), dear);
        let worth = "BTCUSDT.BINANCE_USDM: 10000000000000000 increments at 10000000000 price increments are worth \
                     more than 10^21 of the settlement currency";
        let (price, qty) = (10_000_000_000, 10_000_000_000_000_000);
        assert_eq!(text(&limit(price, qty), None), worth);
        assert_eq!(text(&order(OrderType::Market, qty), Some(Price::new(price))), worth);
        assert_eq!(
            check_request(&instrument, &math, 0, &limit(price, qty / 10), || None),
            Ok(None),
            "10^21 can be counted"
        );
    }

    #[test]
    fn sound_orders_outside_of_a_venues_sizes_are_refused_with_the_reason() {
        let (instrument, math) = coarse();
        let reason = |request: &OrderRequest, price: Option<i64>| {
            check_request(&instrument, &math, 0, request, || price.map(Price::new)).unwrap()
        };
        assert_eq!(reason(&limit(1_000, 10), None), Some(Reason::MinQty));
        assert_eq!(reason(&limit(1_000, 5_010), None), Some(Reason::MaxQty));
        assert_eq!(reason(&limit(1_000, 20), None), Some(Reason::MinNotional));
        assert_eq!(reason(&limit(1_000, 5_000), None), None);
        let market = order(OrderType::Market, 20);
        assert_eq!(reason(&market, Some(1_000)), Some(Reason::MinNotional));
        assert_eq!(reason(&market, None), None, "without a price its notional is not known");
    }

    #[test]
    fn asking_for_no_more_than_is_filled_has_no_smallest_size() {
        let (instrument, math) = coarse();
        assert_eq!(
            check_replace(&instrument, &math, 0, Price::new(1_000), Qty::new(10), Qty::new(0)).unwrap(),
            Some(Reason::MinQty)
        );
        assert_eq!(
            check_replace(&instrument, &math, 0, Price::new(1_000), Qty::new(10), Qty::new(10)).unwrap(),
            None
        );
        assert!(check_replace(&instrument, &math, 0, Price::new(1_001), Qty::new(10), Qty::new(10)).is_err());
    }

    #[test]
    fn a_binary_costs_less_than_what_it_pays() {
        let outcome = InstrumentKind::Binary { outcome: "Yes".into(), expiry: None };
        let mut s = spec("YES.POLY", outcome, "USDC");
        (s.quote, s.price_increment) = ("USDC".into(), "0.01".parse().unwrap());
        let instrument = Instrument::new(s).unwrap();
        let math = ContractMath::new(&instrument).unwrap();
        assert!(check_request(&instrument, &math, 0, &limit(99, 10), || None).is_ok());
        let refused = check_request(&instrument, &math, 0, &limit(100, 10), || None).unwrap_err();
        assert_eq!(refused.to_string(), "YES.POLY: price 1 is not from 0.01 to 0.99");
    }
}
