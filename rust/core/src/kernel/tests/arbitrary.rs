//! Reports and requests with anything in their fields.

use proptest::prelude::*;

use crate::orders::{
    FeeCoin, FeePaid, FillEvent, FillOrigin, Liquidity, NewTerms, OrderKey, OrderRequest, OrderType, Reason,
    Report, ReportKind, TimeInForce, Trigger, TriggerAt, TriggerBy, VenueKey,
};
use crate::types::{MarketId, Money, Price, Qty, STEPS_LIMIT, Side};

fn prices() -> impl Strategy<Value = Price> {
    (0..=STEPS_LIMIT).prop_map(Price::new)
}

fn quantities() -> impl Strategy<Value = Qty> {
    (0..=i64::MAX).prop_map(Qty::new)
}

fn new_terms() -> impl Strategy<Value = NewTerms> {
    let parts = (prices(), quantities(), proptest::option::of(prices()));
    parts.prop_map(|(price, qty, trigger)| NewTerms { price, qty, trigger })
}

pub(super) fn reports() -> impl Strategy<Value = Report> {
    let key = prop_oneof![
        any::<u64>().prop_map(VenueKey::Number),
        "[a-z0-9-]{1,9}".prop_map(|t| t.as_str().into())
    ];
    let order = prop_oneof![
        any::<u64>().prop_map(OrderKey::Id),
        "\\PC{0,12}".prop_map(|t| OrderKey::Client(t.as_str().into())),
        key.clone().prop_map(OrderKey::Venue),
    ];
    let reason = proptest::sample::select(Reason::ALL.to_vec());
    let kind = prop_oneof![
        Just(ReportKind::Accepted),
        Just(ReportKind::Cancelled),
        Just(ReportKind::Unknown),
        Just(ReportKind::Triggered),
        quantities().prop_map(|qty| ReportKind::Reduced { qty }),
        prices().prop_map(|price| ReportKind::Repriced { price }),
        reason.clone().prop_map(ReportKind::Rejected),
        reason.clone().prop_map(ReportKind::CancelRejected),
        reason.clone().prop_map(ReportKind::ReplaceRejected),
        reason.prop_map(ReportKind::Expired),
        new_terms().prop_map(ReportKind::Replaced),
        (prices(), quantities(), any::<i64>()).prop_map(|(price, qty, fee)| ReportKind::Fill {
            price,
            qty,
            liquidity: Liquidity::Taker,
            fee: Money::from_units(i128::from(fee) << 60),
        }),
    ];
    let options =
        (proptest::option::of(key.clone()), proptest::option::of(key), proptest::option::of(quantities()));
    let ahead = (proptest::option::of(any::<i64>()), proptest::option::of(any::<i64>()));
    let origin = (any::<i64>(), any::<i64>(), ahead).prop_map(|(sent, arrived, ahead)| FillOrigin {
        event: FillEvent::Book,
        sent,
        arrived,
        ahead_at_entry: ahead.0,
        ahead_at_fill: ahead.1,
    });
    let coin = proptest::sample::select(vec![FeeCoin::Base, FeeCoin::Token]);
    let paid = (coin, any::<i64>())
        .prop_map(|(coin, amount)| FeePaid { coin, amount: Money::from_units(amount.into()) });
    let of_fills = (proptest::option::of(origin), proptest::option::of(paid));
    (order, options, any::<i64>(), kind, of_fills).prop_map(
        |(order, (venue_id, execution, cumulative), ts_event, kind, (origin, paid))| Report {
            order,
            venue_id,
            execution,
            cumulative,
            ts_event,
            paid: paid.filter(|_| matches!(kind, ReportKind::Fill { .. })),
            kind,
            origin,
        },
    )
}

pub(super) fn requests() -> impl Strategy<Value = OrderRequest> {
    let lives = prop_oneof![
        proptest::sample::select(TimeInForce::ALL.to_vec()),
        any::<i64>().prop_map(|expires_at| TimeInForce::Gtd { expires_at }),
    ];
    let at = prop_oneof![
        prices().prop_map(|price| TriggerAt::Stop { price }),
        prices().prop_map(|price| TriggerAt::TakeProfit { price }),
        prices().prop_map(|offset| TriggerAt::Trailing { offset }),
    ];
    let by = proptest::sample::select(TriggerBy::ALL.to_vec());
    let trigger = proptest::option::of((at, by).prop_map(|(at, by)| Trigger { at, by }));
    let terms = (lives, any::<[bool; 3]>(), proptest::option::of(quantities()), trigger);
    (
        any::<u32>(),
        any::<bool>(),
        proptest::option::of(prices()),
        quantities(),
        terms,
        proptest::option::of("\\PC{0,12}"),
    )
        .prop_map(|(market, is_buy, price, qty, (time_in_force, flags, display_qty, trigger), name)| {
            OrderRequest {
                time_in_force,
                post_only: flags[0],
                slides: flags[1],
                reduce_only: flags[2],
                display_qty,
                trigger,
                client_id: name.map(|name| name.as_str().into()),
                ..OrderRequest::new(
                    MarketId::new(market as usize),
                    if is_buy { Side::Buy } else { Side::Sell },
                    price.map_or(OrderType::Market, |price| OrderType::Limit { price }),
                    qty,
                )
            }
        })
}
