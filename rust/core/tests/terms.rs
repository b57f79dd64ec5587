//! What the terms of orders lead to at the simulated venue.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::{M0, Tape, instrument, limit, replace};
use tradecore_core::book::FillBasis;
use tradecore_core::event::{Columns, EventKind, KindSet};
use tradecore_core::orders::{
    Command, NewTerms, OrderRequest, OrderType, Reason, ReportKind, TimeInForce, Trigger, TriggerAt,
    TriggerBy,
};
use tradecore_core::random::Random;
use tradecore_core::sim::{
    Amend, AmendCrossing, Market, Matching, OrderRules, QueueRule, ReduceOnly, Update,
};
use tradecore_core::types::{AccountId, InstrumentKind, OrderSupport, Price, Qty, Side, WordSet};

const ME: AccountId = AccountId::new(0);
const OTHER: AccountId = AccountId::new(1);
const HOUR: i64 = 3_600_000_000_000;

/// A venue that is fed by hand: asks 3 @ 100 and 4 @ 101, bids 5 @ 99 and 6 @ 98.
struct Desk {
    market: Market,
    now: i64,
}

impl Desk {
    fn new(rules: OrderRules) -> Self {
        Self::of(FillBasis::L2, rules)
    }

    fn of(basis: FillBasis, rules: OrderRules) -> Self {
        let instrument = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
        let instrument = Arc::new(instrument.with_support(rules.supports()));
        let (queue, random) = (QueueRule::Conservative.into(), Random::new(1, 0));
        let mut market = Market::new(instrument, basis, queue, Matching::default(), random).unwrap();
        market.set_rules(rules);
        let mut desk = Self { market, now: 0 };
        desk.play(|t| {
            t.book(&[(990, 5_000), (980, 6_000)], &[(1_000, 3_000), (1_010, 4_000)]);
        });
        desk
    }

    fn play(&mut self, write: impl FnOnce(&mut Tape)) -> Vec<(u64, ReportKind)> {
        let (mut tape, mut out) = (Tape::default(), Vec::new());
        self.now += 1;
        write(tape.at(self.now));
        let view = tape.columns.view();
        for rows in view.messages(0, view.len()) {
            self.market.on_message(&view, rows, self.now, &mut out);
        }
        told(out)
    }

    fn trade(&mut self, aggressor: Side, price: i64, qty: i64) -> Vec<(u64, ReportKind)> {
        self.play(|t| {
            t.trade(aggressor, price, qty);
        })
    }

    fn send_as(&mut self, account: AccountId, command: Command) -> Vec<(u64, ReportKind)> {
        let mut out = Vec::new();
        self.market.on_command(account, command, self.now, &mut out);
        told(out)
    }

    fn submit(&mut self, id: u64, request: OrderRequest) -> Vec<(u64, ReportKind)> {
        self.send_as(ME, Command::Submit { order: id, request })
    }

    fn expire(&mut self, now: i64) -> Vec<(u64, ReportKind)> {
        let mut out = Vec::new();
        self.market.expire(now, &mut out);
        self.now = now;
        told(out)
    }
}

fn told(out: Vec<(AccountId, Update)>) -> Vec<(u64, ReportKind)> {
    out.into_iter().map(|(_, update)| (update.order, update.kind)).collect()
}

/// Orders, prices and quantities of fills.
fn fills(told: &[(u64, ReportKind)]) -> Vec<(u64, i64, i64)> {
    let fill = |(id, kind): &(u64, ReportKind)| match kind {
        ReportKind::Fill { price, qty, .. } => Some((*id, price.steps(), qty.steps())),
        _ => None,
    };
    told.iter().filter_map(fill).collect()
}

fn until(expires_at: i64, order: OrderRequest) -> OrderRequest {
    OrderRequest { time_in_force: TimeInForce::Gtd { expires_at }, ..order }
}

fn reducing(order: OrderRequest) -> OrderRequest {
    OrderRequest { reduce_only: true, ..order }
}

fn at_market(side: Side, qty: i64) -> OrderRequest {
    OrderRequest { order_type: OrderType::Market, ..limit(side, 0, qty) }
}

const fn expired(id: u64, reason: Reason) -> (u64, ReportKind) {
    (id, ReportKind::Expired(reason))
}

#[test]
fn an_order_that_is_good_till_a_time_ends_then_without_a_message() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, until(50, limit(Side::Buy, 990, 1_000)));
    desk.submit(2, until(40, limit(Side::Buy, 980, 1_000)));
    assert_eq!(desk.market.next_expiry(), Some(40));
    assert_eq!(desk.expire(39), []);
    assert_eq!(desk.expire(60), [expired(2, Reason::GtdReached), expired(1, Reason::GtdReached)]);
    assert_eq!((desk.market.next_expiry(), desk.market.resting()), (None, 0));
}

#[test]
fn what_has_ended_otherwise_does_not_end_again() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, until(50, limit(Side::Buy, 990, 1_000)));
    desk.send_as(ME, Command::Cancel { order: 1, market: M0 });
    // The number is used again, by an order that lives longer.
    desk.submit(1, until(70, limit(Side::Buy, 990, 1_000)));
    assert_eq!(desk.expire(60), []);
    assert_eq!(desk.expire(70), [expired(1, Reason::GtdReached)]);
}

#[test]
fn a_replacement_ends_when_its_order_would_have() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, until(50, limit(Side::Buy, 990, 1_000)));
    desk.send_as(ME, replace(1, 980, 2_000));
    assert_eq!(desk.expire(50), [expired(1, Reason::GtdReached)]);
}

#[test]
fn an_order_that_arrives_after_its_end_is_refused() {
    let mut desk = Desk::new(OrderRules::default());
    let late = desk.submit(1, until(desk.now, limit(Side::Buy, 990, 1_000)));
    assert_eq!(late, [(1, ReportKind::Rejected(Reason::GtdReached))]);
}

#[test]
fn an_order_for_the_day_ends_with_the_venues_day() {
    for (day_begins, ends) in [(0, 24 * HOUR), (8 * HOUR, 8 * HOUR)] {
        let mut desk = Desk::new(OrderRules { day_begins, ..OrderRules::default() });
        let day = OrderRequest { time_in_force: TimeInForce::Day, ..limit(Side::Buy, 990, 1_000) };
        desk.submit(1, day);
        assert_eq!(desk.expire(ends - 1), []);
        assert_eq!(desk.expire(ends), [expired(1, Reason::DayEnded)]);
    }
}

#[test]
fn memory_of_ends_is_bounded_by_the_orders_that_have_one() {
    let mut desk = Desk::new(OrderRules::default());
    for id in 0..10_000 {
        desk.submit(id, until(1_000_000 + id as i64, limit(Side::Buy, 990, 1_000)));
        desk.send_as(ME, Command::Cancel { order: id, market: M0 });
    }
    // What is left is stale, and was thrown away on the way but for the newest.
    assert!(desk.market.next_expiry().is_none_or(|at| at > 1_000_000 + 9_800));
}

#[test]
fn a_reduce_only_order_shrinks_to_the_position() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, at_market(Side::Buy, 2_000));
    let told = desk.submit(2, reducing(limit(Side::Sell, 1_020, 5_000)));
    assert_eq!(told, [(2, ReportKind::Accepted), (2, ReportKind::Reduced { qty: Qty::new(2_000) })]);
}

#[test]
fn a_reduce_only_order_that_would_reduce_nothing_is_refused() {
    let mut desk = Desk::new(OrderRules::default());
    let refused = |id| vec![(id, ReportKind::Rejected(Reason::ReduceOnly))];
    assert_eq!(desk.submit(1, reducing(at_market(Side::Sell, 1_000))), refused(1));
    desk.submit(2, at_market(Side::Buy, 1_000));
    assert_eq!(desk.submit(3, reducing(limit(Side::Buy, 900, 1_000))), refused(3));
    // All that there is to reduce is being reduced.
    desk.submit(4, reducing(limit(Side::Sell, 1_020, 1_000)));
    assert_eq!(desk.submit(5, reducing(limit(Side::Sell, 1_030, 1_000))), refused(5));
    // Another account has no position here.
    let request = reducing(at_market(Side::Sell, 1_000));
    assert_eq!(desk.send_as(OTHER, Command::Submit { order: 6, request }), refused(6));
}

#[test]
fn a_venue_may_refuse_what_is_larger_than_the_position() {
    let mut desk = Desk::new(OrderRules { reduce_only: ReduceOnly::Refused, ..OrderRules::default() });
    desk.submit(1, at_market(Side::Buy, 1_000));
    let told = desk.submit(2, reducing(limit(Side::Sell, 1_020, 1_500)));
    assert_eq!(told, [(2, ReportKind::Rejected(Reason::ReduceOnly))]);
    assert_eq!(desk.submit(3, reducing(limit(Side::Sell, 1_020, 1_000))), [(3, ReportKind::Accepted)]);
}

#[test]
fn reduce_only_orders_shrink_with_the_position_the_newest_first() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, at_market(Side::Buy, 3_000));
    desk.submit(2, reducing(limit(Side::Sell, 1_030, 1_000)));
    desk.submit(3, reducing(limit(Side::Sell, 1_020, 1_000)));
    desk.submit(4, reducing(limit(Side::Sell, 1_020, 1_000)));
    let told = desk.submit(5, at_market(Side::Sell, 1_500));
    let reduced = (3, ReportKind::Reduced { qty: Qty::new(500) });
    assert_eq!(told[told.len() - 2..], [reduced, expired(4, Reason::ReduceOnly)]);
    desk.submit(6, at_market(Side::Sell, 1_500));
    assert_eq!(desk.market.resting(), 0);
}

#[test]
fn one_trade_through_several_orders_does_not_turn_a_position_over() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, at_market(Side::Buy, 2_000));
    desk.submit(2, reducing(limit(Side::Sell, 1_030, 2_000)));
    desk.submit(3, limit(Side::Sell, 1_020, 1_500));
    let told = desk.trade(Side::Buy, 1_050, 9_000);
    assert_eq!(fills(&told), [(3, 1_020, 1_500), (2, 1_030, 500)]);
    assert_eq!(told.last(), Some(&expired(2, Reason::ReduceOnly)));
}

#[test]
fn a_taker_meets_no_more_of_a_reduce_only_order_than_its_position() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, at_market(Side::Buy, 2_000));
    desk.submit(2, reducing(limit(Side::Sell, 1_008, 2_000)));
    desk.submit(3, limit(Side::Sell, 1_005, 1_500));
    let request = limit(Side::Buy, 1_009, 9_000);
    let told = desk.send_as(OTHER, Command::Submit { order: 4, request });
    let of_mine: Vec<_> = fills(&told).into_iter().filter(|(id, ..)| *id != 4).collect();
    assert_eq!(of_mine, [(3, 1_005, 1_500), (2, 1_008, 500)]);
}

#[test]
fn a_replacement_of_a_reduce_only_order_is_cut_too() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, at_market(Side::Buy, 2_000));
    desk.submit(2, reducing(limit(Side::Sell, 1_030, 1_000)));
    let told = desk.send_as(ME, replace(2, 1_020, 5_000));
    assert_eq!(told, [(2, ReportKind::Replaced(NewTerms::new(Price::new(1_020), Qty::new(2_000))))]);
}

#[test]
fn a_smaller_quantity_keeps_its_place_where_the_venue_says_so() {
    for (amend, ahead) in [(Amend::KeepsPlace, 5_000.0), (Amend::LosesPlace, 7_000.0)] {
        let mut desk = Desk::new(OrderRules { amend, ..OrderRules::default() });
        desk.submit(1, limit(Side::Buy, 990, 2_000));
        desk.play(|t| {
            t.book(&[(990, 7_000)], &[]);
        });
        desk.send_as(ME, replace(1, 990, 1_000));
        assert_eq!(desk.market.queue_ahead(ME, 1), Some(ahead), "{amend:?}");
    }
}

#[test]
fn an_amended_post_only_order_never_takes() {
    for (amend_crossing, rests) in [(AmendCrossing::Refused, 1), (AmendCrossing::Cancelled, 0)] {
        let mut desk = Desk::new(OrderRules { amend_crossing, ..OrderRules::default() });
        desk.submit(1, OrderRequest { post_only: true, ..limit(Side::Buy, 990, 1_000) });
        let told = desk.send_as(ME, replace(1, 1_000, 1_000));
        assert_eq!(told[0], (1, ReportKind::ReplaceRejected(Reason::PostOnlyWouldCross)));
        assert_eq!(told[1..] == [expired(1, Reason::PostOnlyWouldCross)], rests == 0);
        assert_eq!(desk.market.resting(), rests);
    }
}

#[test]
fn a_post_only_order_slides_to_the_best_price_that_takes_nothing() {
    let mut desk = Desk::new(OrderRules::default());
    let slides = |side, price| OrderRequest { post_only: true, slides: true, ..limit(side, price, 1_000) };
    let repriced = |price| ReportKind::Repriced { price: Price::new(price) };
    assert_eq!(desk.submit(1, slides(Side::Buy, 1_010)), [(1, ReportKind::Accepted), (1, repriced(999))]);
    // Now that is the best bid of its pool.
    assert_eq!(desk.submit(2, slides(Side::Sell, 900)), [(2, ReportKind::Accepted), (2, repriced(1_000))]);
    // One that takes nothing stays where it was asked for.
    assert_eq!(desk.submit(3, slides(Side::Buy, 980)), [(3, ReportKind::Accepted)]);
    // A replacement slides as well.
    let replaced = ReportKind::Replaced(NewTerms::new(Price::new(999), Qty::new(2_000)));
    assert_eq!(desk.send_as(ME, replace(3, 1_020, 2_000)), [(3, replaced)]);
}

#[test]
fn an_iceberg_gives_a_trade_what_it_displays_and_queues_again() {
    let mut desk = Desk::new(OrderRules::default());
    let iceberg = OrderRequest { display_qty: Some(Qty::new(1_000)), ..limit(Side::Buy, 990, 3_000) };
    desk.submit(1, iceberg);
    desk.submit(2, limit(Side::Buy, 990, 500));
    assert_eq!(desk.market.queue_ahead(ME, 1), Some(5_000.0));
    // The five that were ahead, and what it displays.
    assert_eq!(fills(&desk.trade(Side::Sell, 990, 6_000)), [(1, 990, 1_000)]);
    // Its next part is behind the order that was behind it.
    assert_eq!(fills(&desk.trade(Side::Sell, 990, 700)), [(2, 990, 500), (1, 990, 200)]);
}

#[test]
fn what_an_iceberg_hides_stands_behind_all_that_is_displayed_at_its_price() {
    let mut desk = Desk::new(OrderRules::default());
    let iceberg = OrderRequest { display_qty: Some(Qty::new(1_000)), ..limit(Side::Sell, 1_005, 3_000) };
    desk.submit(1, iceberg);
    desk.submit(2, limit(Side::Sell, 1_005, 500));
    let request = OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_005, 6_000) };
    let told = desk.send_as(OTHER, Command::Submit { order: 3, request });
    let makers: Vec<_> = fills(&told).into_iter().filter(|(id, ..)| *id != 3).collect();
    assert_eq!(makers, [(1, 1_005, 1_000), (2, 1_005, 500), (1, 1_005, 1_500)]);
    // The displayed three at 100 were first; half of the hidden two is left.
    assert_eq!(desk.market.resting(), 1);
}

#[test]
fn a_trade_through_an_iceberg_fills_all_of_it() {
    let mut desk = Desk::new(OrderRules::default());
    let iceberg = OrderRequest { display_qty: Some(Qty::new(1_000)), ..limit(Side::Buy, 990, 3_000) };
    desk.submit(1, iceberg);
    assert_eq!(fills(&desk.trade(Side::Sell, 985, 9_000)), [(1, 990, 3_000)]);
}

#[test]
fn without_a_book_terms_hold_as_well() {
    let mut desk = Desk::of(FillBasis::Trades, OrderRules::default());
    desk.trade(Side::Buy, 1_000, 1_000);
    desk.submit(1, at_market(Side::Buy, 2_000));
    assert_eq!(fills(&desk.trade(Side::Buy, 1_000, 5_000)), [(1, 1_000, 2_000)]);
    desk.submit(2, reducing(limit(Side::Sell, 1_010, 5_000)));
    desk.submit(3, until(50, limit(Side::Buy, 900, 1_000)));
    let slides = OrderRequest { post_only: true, slides: true, ..limit(Side::Buy, 1_020, 1_000) };
    let repriced = ReportKind::Repriced { price: Price::new(1_000) };
    assert_eq!(desk.submit(4, slides), [(4, ReportKind::Accepted), (4, repriced)]);
    assert_eq!(fills(&desk.trade(Side::Buy, 1_020, 9_000)), [(2, 1_010, 2_000)]);
    assert_eq!(desk.expire(50), [expired(3, Reason::GtdReached)]);
}

fn stop(by: TriggerBy, price: i64, order: OrderRequest) -> OrderRequest {
    let at = TriggerAt::Stop { price: Price::new(price) };
    OrderRequest { trigger: Some(Trigger { at, by }), ..order }
}

fn take_profit(price: i64, order: OrderRequest) -> OrderRequest {
    let at = TriggerAt::TakeProfit { price: Price::new(price) };
    OrderRequest { trigger: Some(Trigger { at, by: TriggerBy::Last }), ..order }
}

fn trailing(offset: i64, order: OrderRequest) -> OrderRequest {
    let at = TriggerAt::Trailing { offset: Price::new(offset) };
    OrderRequest { trigger: Some(Trigger { at, by: TriggerBy::Last }), ..order }
}

const ACCEPTED: fn(u64) -> Vec<(u64, ReportKind)> = |id| vec![(id, ReportKind::Accepted)];

#[test]
fn a_stop_takes_nothing_and_stands_nowhere_before_its_price_trades() {
    let mut desk = Desk::new(OrderRules::default());
    assert_eq!(desk.submit(1, stop(TriggerBy::Last, 985, at_market(Side::Sell, 2_000))), ACCEPTED(1));
    assert_eq!((desk.market.resting(), desk.market.queue_ahead(ME, 1)), (1, None));
    assert_eq!(desk.trade(Side::Sell, 990, 1_000), []);
    let told = desk.trade(Side::Sell, 985, 1_000);
    assert_eq!(told[0], (1, ReportKind::Triggered));
    // A trade at 98.5 says that nobody bids more.
    assert_eq!(fills(&told), [(1, 980, 2_000)]);
    assert_eq!(desk.market.resting(), 0);
}

#[test]
fn a_stop_over_a_gap_fills_where_the_market_is() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, stop(TriggerBy::Mid, 985, at_market(Side::Sell, 2_000)));
    let told = desk.play(|t| {
        t.book(&[(990, 0), (980, 0), (900, 4_000)], &[(1_000, 0), (1_010, 0), (905, 4_000)]);
    });
    assert_eq!(fills(&told), [(1, 900, 2_000)]);
}

#[test]
fn a_stop_limit_rests_at_its_limit_once_it_is_set_off() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, stop(TriggerBy::Last, 985, limit(Side::Sell, 1_005, 2_000)));
    assert_eq!(desk.trade(Side::Sell, 980, 10), [(1, ReportKind::Triggered)]);
    assert_eq!(desk.market.queue_ahead(ME, 1), Some(0.0));
    // Once is enough.
    assert_eq!(desk.trade(Side::Sell, 980, 10), []);
    assert_eq!(fills(&desk.trade(Side::Buy, 1_006, 9_000)), [(1, 1_005, 2_000)]);
}

#[test]
fn a_take_profit_is_set_off_from_the_other_side() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, take_profit(1_005, at_market(Side::Sell, 1_000)));
    desk.submit(2, take_profit(985, at_market(Side::Buy, 1_000)));
    assert_eq!(desk.trade(Side::Buy, 1_000, 10), []);
    assert_eq!(fills(&desk.trade(Side::Buy, 1_005, 10)), [(1, 990, 1_000)]);
    assert_eq!(fills(&desk.trade(Side::Sell, 984, 10)), [(2, 1_010, 1_000)]);
}

#[test]
fn a_trailing_stop_follows_the_best_price_since_it_arrived() {
    let mut desk = Desk::new(OrderRules::default());
    desk.trade(Side::Buy, 1_100, 10);
    desk.submit(1, trailing(20, at_market(Side::Sell, 1_000)));
    for price in [1_000, 1_030, 1_011, 1_040] {
        assert_eq!(desk.trade(Side::Buy, price, 10), [], "{price}");
    }
    assert_eq!(fills(&desk.trade(Side::Sell, 1_020, 10)), [(1, 990, 1_000)]);
    desk.play(|t| {
        t.book(&[], &[(1_000, 3_000)]);
    });
    desk.submit(2, trailing(20, at_market(Side::Buy, 1_000)));
    for price in [1_000, 960, 979] {
        assert_eq!(desk.trade(Side::Buy, price, 10), [], "{price}");
    }
    assert_eq!(fills(&desk.trade(Side::Buy, 980, 10)), [(2, 1_000, 1_000)]);
}

#[test]
fn a_trigger_the_market_has_passed_already_sets_off_at_once() {
    let mut desk = Desk::new(OrderRules::default());
    // Nothing has traded: the last price is somewhere from bid to ask.
    assert_eq!(desk.submit(1, stop(TriggerBy::Last, 995, at_market(Side::Sell, 500))), ACCEPTED(1));
    let told = desk.submit(2, stop(TriggerBy::Last, 1_000, at_market(Side::Sell, 500)));
    assert_eq!(fills(&told), [(2, 990, 500)]);
    let told = desk.submit(3, stop(TriggerBy::Mid, 995, at_market(Side::Buy, 500)));
    assert_eq!(fills(&told), [(3, 1_000, 500)]);
}

#[test]
fn a_mark_price_sets_off_what_waits_for_it_and_nothing_else() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, stop(TriggerBy::Mark, 985, at_market(Side::Sell, 500)));
    desk.submit(2, stop(TriggerBy::Last, 985, at_market(Side::Sell, 500)));
    assert_eq!(desk.trade(Side::Sell, 986, 10), []);
    // A step is 0.1; 98.5000001 is still above the trigger.
    let mark = |fine| {
        move |t: &mut Tape| {
            t.message(&[(EventKind::Mark, None, fine, 0)]);
        }
    };
    assert_eq!(desk.play(mark(98_500_000_100)), []);
    assert_eq!(fills(&desk.play(mark(98_500_000_000))), [(1, 980, 500)]);
    assert_eq!(desk.market.resting(), 1);
}

#[test]
fn what_the_data_does_not_tell_sets_nothing_off() {
    let mut desk = Desk::new(OrderRules::default());
    desk.market.set_data(KindSet::of(&[EventKind::BookSet]));
    for by in [TriggerBy::Last, TriggerBy::Mark] {
        let told = desk.submit(1, stop(by, 985, at_market(Side::Sell, 500)));
        assert_eq!(told, [(1, ReportKind::Rejected(Reason::NoTriggerPrice))]);
    }
    assert_eq!(desk.submit(1, stop(TriggerBy::Mid, 985, at_market(Side::Sell, 500))), ACCEPTED(1));
}

#[test]
fn a_venue_refuses_what_it_does_not_take() {
    let set = |text| WordSet::parse(text, &["market", "limit"]).unwrap();
    let takes = OrderSupport { kinds: set("limit"), iceberg: false, ..OrderSupport::default() };
    let (amend, reduce_only) = (Amend::Unsupported, ReduceOnly::Unsupported);
    let mut desk = Desk::new(OrderRules { takes, amend, reduce_only, ..OrderRules::default() });
    let plain = || limit(Side::Buy, 970, 500);
    for request in [
        at_market(Side::Sell, 500),
        OrderRequest { reduce_only: true, ..plain() },
        OrderRequest { display_qty: Some(Qty::new(100)), ..plain() },
    ] {
        assert_eq!(desk.submit(1, request), [(1, ReportKind::Rejected(Reason::Unsupported))]);
    }
    assert_eq!(desk.submit(2, plain()), ACCEPTED(2));
    let told = desk.send_as(ME, replace(2, 960, 500));
    assert_eq!(told, [(2, ReportKind::ReplaceRejected(Reason::Unsupported))]);
    assert_eq!(desk.market.resting(), 1);
}

#[test]
fn a_stop_waits_for_a_book_that_can_be_traded_on() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, stop(TriggerBy::Last, 985, at_market(Side::Sell, 500)));
    desk.play(|t| {
        t.message(&[(EventKind::BookClear, None, 0, 0)]);
    });
    assert_eq!(desk.trade(Side::Sell, 980, 10), []);
    let told = desk.play(|t| {
        t.book(&[(950, 1_000)], &[(960, 1_000)]);
    });
    assert_eq!(fills(&told), [(1, 950, 500)]);
}

#[test]
fn a_stop_that_waits_can_be_changed_cancelled_and_ends_by_time() {
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(1, stop(TriggerBy::Last, 985, limit(Side::Sell, 980, 500)));
    let replaced = ReportKind::Replaced(NewTerms::new(Price::new(970), Qty::new(700)));
    assert_eq!(desk.send_as(ME, replace(1, 970, 700)), [(1, replaced)]);
    assert_eq!(desk.send_as(ME, Command::Cancel { order: 1, market: M0 }), [(1, ReportKind::Cancelled)]);
    desk.submit(2, until(50, stop(TriggerBy::Last, 985, at_market(Side::Sell, 500))));
    assert_eq!(desk.expire(50), [expired(2, Reason::GtdReached)]);
    desk.submit(3, stop(TriggerBy::Last, 985, at_market(Side::Sell, 500)));
    let mut out = Vec::new();
    desk.market.delist(60, &mut out);
    assert_eq!(told(out), [expired(3, Reason::NotListed)]);
}

#[test]
fn the_trigger_of_what_waits_moves_and_acts_at_once_where_the_market_is() {
    let mut desk = Desk::new(OrderRules::default());
    let moves = |order, price, trigger| Command::Replace {
        order,
        market: M0,
        terms: NewTerms {
            trigger: Some(Price::new(trigger)),
            ..NewTerms::new(Price::new(price), Qty::new(500))
        },
    };
    desk.submit(1, stop(TriggerBy::Last, 985, limit(Side::Sell, 980, 500)));
    let Command::Replace { terms, .. } = moves(1, 970, 975) else { unreachable!() };
    assert_eq!(desk.send_as(ME, moves(1, 970, 975)), [(1, ReportKind::Replaced(terms))]);
    assert_eq!(desk.trade(Side::Sell, 980, 10), []);
    let rejected = |reason| [(1, ReportKind::ReplaceRejected(reason))];
    assert_eq!(desk.send_as(ME, moves(1, 970, -1)), rejected(Reason::InvalidTerms));
    assert_eq!(desk.trade(Side::Sell, 975, 10), [(1, ReportKind::Triggered)]);
    // What rests has no trigger any more.
    assert_eq!(desk.send_as(ME, moves(1, 970, 965)), rejected(Reason::InvalidTerms));
    assert_eq!(fills(&desk.trade(Side::Buy, 980, 900)), [(1, 970, 500)]);
    // One that trails keeps the best price so far.
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(2, trailing(50, at_market(Side::Sell, 500)));
    desk.trade(Side::Buy, 1_040, 10);
    assert_eq!(desk.trade(Side::Sell, 1_010, 10), []);
    desk.send_as(ME, moves(2, 990, 20));
    assert_eq!(fills(&desk.trade(Side::Sell, 1_019, 10)), [(2, 990, 500)]);
    // Where the market has passed it already it acts.
    let mut desk = Desk::new(OrderRules::default());
    desk.submit(3, stop(TriggerBy::Mid, 950, at_market(Side::Sell, 500)));
    let told = desk.send_as(ME, moves(3, 1_005, 1_005));
    assert_eq!((told[1], fills(&told)), ((3, ReportKind::Triggered), vec![(3, 990, 500)]));
}

#[test]
fn a_venue_may_replace_orders_and_move_no_triggers() {
    let rules = OrderRules {
        takes: OrderSupport { replace_trigger: false, ..OrderSupport::default() },
        ..OrderRules::default()
    };
    let mut desk = Desk::new(rules);
    desk.submit(1, stop(TriggerBy::Last, 985, limit(Side::Sell, 980, 500)));
    let terms = NewTerms { trigger: Some(Price::new(975)), ..NewTerms::new(Price::new(980), Qty::new(500)) };
    let told = desk.send_as(ME, Command::Replace { order: 1, market: M0, terms });
    assert_eq!(told, [(1, ReportKind::ReplaceRejected(Reason::Unsupported))]);
    let replaced = ReportKind::Replaced(NewTerms::new(Price::new(970), Qty::new(500)));
    assert_eq!(desk.send_as(ME, replace(1, 970, 500)), [(1, replaced)]);
}

#[test]
fn a_reduce_only_stop_asks_for_the_position_when_it_is_set_off() {
    let mut desk = Desk::new(OrderRules::default());
    // Two of them, for nothing yet, do not stand in each other's way.
    desk.submit(1, stop(TriggerBy::Last, 985, reducing(at_market(Side::Sell, 2_000))));
    desk.submit(2, take_profit(1_005, reducing(at_market(Side::Sell, 2_000))));
    desk.submit(3, at_market(Side::Buy, 1_000));
    let told = desk.trade(Side::Sell, 985, 10);
    let reduced = ReportKind::Reduced { qty: Qty::new(1_000) };
    assert_eq!(told[..2], [(1, ReportKind::Triggered), (1, reduced)]);
    assert_eq!(fills(&told), [(1, 980, 1_000)]);
    let told = desk.trade(Side::Buy, 1_005, 10);
    assert_eq!(told, [(2, ReportKind::Triggered), expired(2, Reason::ReduceOnly)]);
}

#[test]
fn without_a_book_a_stop_takes_the_print_after_the_one_that_set_it_off() {
    let mut desk = Desk::of(FillBasis::Trades, OrderRules::default());
    desk.trade(Side::Buy, 1_000, 1_000);
    desk.submit(1, stop(TriggerBy::Last, 985, at_market(Side::Sell, 500)));
    assert_eq!(desk.trade(Side::Sell, 980, 1_000), [(1, ReportKind::Triggered)]);
    assert_eq!(fills(&desk.trade(Side::Sell, 970, 1_000)), [(1, 970, 500)]);
}

/// Whatever is asked for and whatever happens: no order fills beyond its quantity or before its trigger, and one that
/// only reduces never makes a position larger or turns it over.
#[test]
fn no_session_breaks_the_terms_of_an_order() {
    struct Known {
        account: usize,
        side: Side,
        left: i64,
        waits: bool,
        reduces: bool,
    }
    for seed in 0..60 {
        let (mut random, mut desk) = (Random::new(seed, 7), Desk::new(OrderRules::default()));
        let (mut orders, mut positions) = (BTreeMap::<u64, Known>::new(), [0_i64; 2]);
        for id in 1..300_u64 {
            let mut pick = |n: u64| random.below(n) as i64;
            let (side, price, qty) =
                (if pick(2) == 0 { Side::Buy } else { Side::Sell }, 980 + pick(40), 1 + pick(900));
            let told = match pick(5) {
                0 => desk.trade(side, price, 3 * qty),
                1 => {
                    let (bid, ask) = (price - 1 - pick(3), price);
                    desk.play(|t| {
                        t.message(&[(EventKind::BookClear, None, 0, 0)]);
                        t.book(&[(bid, 2_000), (bid - 5, 900)], &[(ask, 2_000), (ask + 5, 900)]);
                    })
                }
                2 => desk.send_as(AccountId::new(pick(2) as usize), replace(id - 1, price, qty)),
                _ => {
                    let plain = if pick(4) == 0 { at_market(side, qty) } else { limit(side, price, qty) };
                    let by = TriggerBy::ALL[pick(3) as usize];
                    let mut request = match pick(4) {
                        0 => stop(by, 980 + pick(40), plain),
                        1 => take_profit(980 + pick(40), plain),
                        _ => plain,
                    };
                    request.reduce_only = pick(3) == 0;
                    if request.order_type != OrderType::Market && pick(3) == 0 {
                        request.display_qty = Some(Qty::new(1 + pick(qty as u64)));
                    }
                    let (account, waits) = (pick(2) as usize, request.trigger.is_some());
                    let reduces = request.reduce_only;
                    orders.insert(id, Known { account, side, left: qty, waits, reduces });
                    desk.send_as(AccountId::new(account), Command::Submit { order: id, request })
                }
            };
            for (order, kind) in told {
                let Some(known) = orders.get_mut(&order) else { continue };
                match kind {
                    ReportKind::Triggered => assert!(std::mem::take(&mut known.waits)),
                    ReportKind::Replaced(_) => known.left = i64::MAX,
                    ReportKind::Fill { qty, .. } => {
                        assert!(!known.waits, "seed {seed}: {order} before its trigger");
                        known.left -= qty.steps();
                        assert!(known.left >= 0, "seed {seed}: {order} beyond its quantity");
                        let position = &mut positions[known.account];
                        let before = *position;
                        *position += known.side.sign() * qty.steps();
                        let smaller =
                            position.abs() < before.abs() && position.signum() * before.signum() >= 0;
                        assert!(!known.reduces || smaller, "seed {seed}: {order} {before} {position}");
                    }
                    _ => {}
                }
            }
        }
    }
}
