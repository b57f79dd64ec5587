//! An order's life under reports in any order: what it holds is what the fills that count say, and what has ended has
//! ended.

use std::collections::BTreeSet;

use tradecore_core::orders::{
    Applied, Liquidity, NewTerms, Order, OrderStatus, Reason, Report, ReportKind, Trigger, TriggerAt,
    TriggerBy, VenueKey,
};
use tradecore_core::types::{Money, Price, Qty, Side, StrategyId};

use super::{Target, noise};
use crate::common::limit;
use crate::dice::Dice;

pub(super) const TARGET: Target = Target { name: "order", run, seeds: noise, tokens: &[], iterations: 6_000 };

/// Any report on an order.
pub(super) fn report(dice: &mut Dice<'_>, order: u64, now: i64) -> Report {
    let qty = |dice: &mut Dice<'_>| {
        Qty::new(if dice.chance(16) { dice.steps().max(0) } else { dice.within(0, 12) })
    };
    let price = |dice: &mut Dice<'_>| {
        Price::new(if dice.chance(16) { dice.steps().max(0) } else { dice.within(90, 110) })
    };
    let reason = |dice: &mut Dice<'_>| dice.pick(&Reason::ALL);
    let kind = match dice.below(16) {
        0..2 => ReportKind::Accepted,
        2 => ReportKind::Rejected(reason(dice)),
        3 => ReportKind::Cancelled,
        4 => ReportKind::CancelRejected(reason(dice)),
        5 => {
            ReportKind::Replaced(NewTerms { price: price(dice), qty: qty(dice), trigger: dice.maybe(price) })
        }
        6 => ReportKind::ReplaceRejected(reason(dice)),
        7 => ReportKind::Expired(reason(dice)),
        8 => ReportKind::Unknown,
        11 => ReportKind::Triggered,
        9 => ReportKind::Reduced { qty: qty(dice) },
        10 => ReportKind::Repriced { price: price(dice) },
        _ => ReportKind::Fill {
            price: price(dice),
            qty: qty(dice),
            liquidity: if dice.chance(128) { Liquidity::Maker } else { Liquidity::Taker },
            fee: Money::from_units(dice.steps().into()),
        },
    };
    let key = |dice: &mut Dice<'_>| match dice.below(6) {
        0 => VenueKey::Text("x".into()),
        number => VenueKey::Number(number),
    };
    Report {
        venue_id: dice.maybe(key),
        execution: dice.maybe(key),
        cumulative: dice.maybe(qty),
        ..Report::on(order, now, kind)
    }
}

/// Anything that sets an order off.
pub(super) fn trigger(dice: &mut Dice<'_>) -> Trigger {
    let price = Price::new(if dice.chance(16) { dice.steps().max(0) } else { dice.within(90, 110) });
    let offset = Price::new(dice.within(0, 6));
    let at = dice.pick(&[
        TriggerAt::Stop { price },
        TriggerAt::TakeProfit { price },
        TriggerAt::Trailing { offset },
    ]);
    Trigger { at, by: dice.pick(&TriggerBy::ALL) }
}

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    let request = limit(Side::Buy, 100, dice.within(1, 20));
    let mut order = Order::new(1, StrategyId::new(0), &request, 1);
    let (mut filled, mut notional, mut booked) = (Qty::ZERO, 0_i128, BTreeSet::new());
    let mut now = 1;
    while !dice.is_done() {
        now += 1;
        match dice.below(12) {
            0 if order.is_changeable() => order.cancel_sent(dice.maybe(|dice| dice.pick(&Reason::ALL))),
            1 if order.is_changeable() => {
                let terms = NewTerms::new(Price::new(dice.steps()), Qty::new(dice.steps()));
                order.replace_sent(terms, dice.chance(64));
            }
            _ => {}
        }
        let report = report(&mut dice, 1, now);
        let before = order.clone();
        let (applied, _) = order.apply(&report, now);
        let counts = match report.kind {
            ReportKind::Fill { price, qty, .. } if qty.is_positive() => {
                let is_new = match &report.execution {
                    Some(key) => booked.insert(key.to_string()),
                    None => report.cumulative.is_none_or(|cumulative| cumulative > filled),
                };
                if is_new {
                    filled = filled.saturating_add(qty);
                    notional += i128::from(price.steps()) * i128::from(qty.steps());
                }
                is_new
            }
            _ => false,
        };
        assert_eq!(applied == Applied::Fill, counts);
        assert_eq!((order.filled, order.filled_notional), (filled, notional));
        assert_eq!(order.is_closed(), order.ts_close != 0);
        if before.is_closed() {
            assert!(order.is_closed());
            assert!(order.status() == before.status() || order.status() == OrderStatus::Filled);
            assert_eq!(order.ts_close, before.ts_close);
            assert_eq!((order.qty, order.order_type), (before.qty, before.order_type));
        }
        if applied == Applied::Nothing {
            assert_eq!(order.status(), before.status());
        }
        match order.status() {
            OrderStatus::Filled => assert!(!order.leaves().is_positive()),
            OrderStatus::New => assert_eq!(filled, Qty::ZERO),
            OrderStatus::PartiallyFilled => assert!(filled.is_positive() && order.leaves().is_positive()),
            _ => {}
        }
        // The key of a replacement, or of what a trigger sent, takes the place of the one before.
        let may_change = before.venue_id.is_none()
            || matches!(report.kind, ReportKind::Accepted | ReportKind::Replaced(_));
        assert!(order.venue_id == before.venue_id || (may_change && order.venue_id == report.venue_id));
        let _ = (order.intended(), order.average_price());
    }
}
