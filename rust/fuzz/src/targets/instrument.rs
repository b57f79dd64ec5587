//! Instruments of any terms: what is accepted can be traded, and every price and quantity that an order may have is
//! written and read without loss.

use tradecore_core::ledger::ContractMath;
use tradecore_core::orders::{OrderRequest, OrderType, TimeInForce, check_qty, check_request};
use tradecore_core::types::{
    Decimal, FeeCurrency, Instrument, InstrumentKind, InstrumentSpec, KindTerms, Money, OptionSide,
    OrderTermsSpec, Price, Qty, Side,
};

use super::order::trigger;
use super::{Target, noise};
use crate::common::M0;
use crate::dice::Dice;

pub(super) const TARGET: Target =
    Target { name: "instrument", run, seeds: noise, tokens: &[], iterations: 10_000 };

/// Mostly one that makes sense.
fn decimal(dice: &mut Dice<'_>) -> Decimal {
    match dice.byte() {
        0..200 => Decimal::new(dice.pick(&[1, 1, 1, 5, 25, 2, 10, 100]), dice.below(9) as u32),
        200..225 => Decimal::new(dice.number().into(), dice.below(39) as u32),
        225..240 => Decimal::new(i128::from(dice.number()) << 62, dice.below(39) as u32),
        _ => Decimal::ZERO,
    }
}

pub(super) fn spec(dice: &mut Dice<'_>) -> Option<InstrumentSpec> {
    let word = dice.pick(&InstrumentKind::WORDS);
    let is_option = word == "option";
    let terms = KindTerms {
        expiry: if is_option { Some(dice.number()) } else { dice.maybe(Dice::number) },
        strike: if is_option { Some(decimal(dice)) } else { None },
        option_side: is_option.then_some(OptionSide::Put),
        outcome: (word == "binary").then(|| "yes".to_owned()),
    };
    let kind = InstrumentKind::from_terms(word, terms, dice.chance(128)).ok()?;
    let settlement = kind.default_settlement("BTC", "USDT").unwrap_or("EUR").to_owned();
    let one = kind == InstrumentKind::Spot || word == "binary";
    Some(InstrumentSpec {
        id: "A.TEST".parse().ok()?,
        base: "BTC".into(),
        quote: "USDT".into(),
        settlement: if dice.chance(8) { dice.pick(&["", "BTC", "EUR"]).to_owned() } else { settlement },
        price_increment: decimal(dice),
        qty_increment: decimal(dice),
        terms: order_terms(dice),
        changes: (1..=dice.below(4)).map(|time| (time as i64 * 1_000, order_terms(dice))).collect(),
        contract_size: if one { Decimal::ONE } else { decimal(dice) },
        maker_fee_bps: decimal(dice),
        taker_fee_bps: decimal(dice),
        fee_currency: FeeCurrency::from_word(
            dice.maybe(|dice| dice.pick(&["received", "BTC", "BNB", ""]).to_owned()),
        ),
        listing: dice.maybe(Dice::number),
        settlement_price: dice.maybe(decimal),
        kind,
    })
}

fn order_terms(dice: &mut Dice<'_>) -> OrderTermsSpec {
    OrderTermsSpec {
        tick_size: dice.maybe(decimal),
        lot_size: dice.maybe(decimal),
        min_qty: dice.maybe(decimal),
        max_qty: dice.maybe(decimal),
        min_notional: dice.maybe(decimal),
    }
}

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    let Some(instrument) = spec(&mut dice).and_then(|spec| Instrument::new(spec).ok()) else { return };
    let at = instrument.changes.get(dice.below(4) as usize).map_or(0, |change| change.from);
    let terms = instrument.terms_at(at);
    assert!(terms.tick_size > 0 && terms.lot_size > 0 && terms.min_qty > 0);
    assert_eq!(instrument.from_time(at).terms_at(0), terms);
    let Ok(math) = ContractMath::new(&instrument) else { return };
    for _ in 0..8 {
        let (price, qty) = (Price::new(dice.steps()), Qty::new(dice.steps()));
        let request = OrderRequest {
            time_in_force: match dice.pick(&TimeInForce::ALL) {
                TimeInForce::Gtd { .. } => TimeInForce::Gtd { expires_at: dice.number() },
                other => other,
            },
            post_only: dice.chance(60),
            slides: dice.chance(20),
            reduce_only: dice.chance(20),
            trigger: dice.maybe(trigger),
            display_qty: dice.maybe(|dice| Qty::new(dice.steps())),
            ..OrderRequest::new(
                M0,
                Side::Buy,
                if dice.chance(60) { OrderType::Market } else { OrderType::Limit { price } },
                qty,
            )
        };
        let checked = check_request(&instrument, &math, at, &request, || Some(Price::new(dice.steps())));
        let is_whole = |steps: i64, step: i64| steps > 0 && steps % step == 0;
        if checked.is_ok() {
            assert!(is_whole(qty.steps(), terms.lot_size));
            assert!(request.order_type.price().is_none_or(|p| is_whole(p.steps(), terms.tick_size)));
        }
        assert_eq!(check_qty(&instrument, at, "qty", qty).is_ok(), is_whole(qty.steps(), terms.lot_size));
        let shown = instrument.format_price(price.steps());
        assert_eq!(instrument.price_increment.parse(shown.as_bytes()), Ok(price.steps()));
        let shown = instrument.format_qty(qty.steps());
        assert_eq!(instrument.qty_increment.parse(shown.as_bytes()), Ok(qty.steps()));
        let near =
            instrument.price_increment.to_f64(price.steps()) * (1.0 + dice.within(-4, 4) as f64 / 64.0);
        let sides = [Side::Buy, Side::Sell].map(|side| instrument.round_price(terms, side, near));
        if let [Some(buy), Some(sell)] = sides {
            assert!(buy <= sell && sell - buy <= terms.tick_size, "{buy} {sell}");
            assert_eq!((buy % terms.tick_size, sell % terms.tick_size), (0, 0));
        }
        if let Ok(value) = math.value(price, qty)
            && price.steps() > 0
            && qty.steps() > 0
        {
            assert!(value >= Money::ZERO);
            let _ = (math.fee(value, true), math.fee(value, false));
        }
    }
}
