//! Orders that the kernel shows in parts, against a venue that answers late, refuses and fills as it likes.

use proptest::prelude::*;

use super::groups::Toy;
use super::*;
use crate::orders::{NewTerms, OrderId};
use crate::types::OrderSupport;

const QTY: i64 = 10_000;
const SHOWN: i64 = 3_000;
/// The order of the strategy.
const WHOLE: OrderId = 1;

fn iceberg() -> OrderRequest {
    let price = OrderType::Limit { price: Price::new(100_000) };
    OrderRequest {
        display_qty: Some(Qty::new(SHOWN)),
        ..OrderRequest::new(M0, Side::Buy, price, Qty::new(QTY))
    }
}

fn toy(supports: OrderSupport, request: OrderRequest) -> Toy {
    let supports = OrderSupport { iceberg: false, ..supports };
    let mut toy = Toy::begin(&linear().with_support(supports), |kernel| {
        assert_eq!(kernel.ctx.core_mut().submit_emulated(S0, request), Ok(WHOLE));
    });
    toy.collect();
    toy
}

fn at_rest() -> Toy {
    let mut toy = toy(OrderSupport::default(), iceberg());
    toy.settle();
    toy
}

impl Toy {
    /// The order as its strategy knows it.
    fn whole(&self) -> &Order {
        self.kernel.order(&OrderKey::Id(WHOLE)).unwrap()
    }

    /// Where it stands, what is filled of it and what is at the venue.
    fn stands(&self) -> (OrderStatus, i64, Vec<i64>) {
        let there = self.orders.iter().map(|there| there.qty - there.filled).collect();
        (self.whole().status(), self.whole().filled.steps(), there)
    }

    fn replace(&mut self, price: i64, qty: i64) -> bool {
        let terms = NewTerms::new(Price::new(price), Qty::new(qty));
        let is_asked = self.kernel.ctx.core_mut().replace(S0, WHOLE, terms).unwrap();
        self.collect();
        is_asked
    }

    fn cancel(&mut self) -> bool {
        let is_asked = self.kernel.ctx.core_mut().cancel(S0, WHOLE, None);
        self.collect();
        is_asked
    }

    /// What is at the venue fills so much.
    fn fill_shown(&mut self, qty: i64) {
        self.fill(0, qty);
        self.settle();
    }
}

#[test]
fn parts_follow_each_other_and_fill_one_order() {
    let mut toy = at_rest();
    toy.restart();
    assert_eq!(toy.stands(), (OrderStatus::New, 0, vec![SHOWN]));
    toy.fill_shown(1_000);
    assert_eq!(
        toy.stands(),
        (OrderStatus::PartiallyFilled, 1_000, vec![2_000]),
        "none follows before it has filled"
    );
    for (filled, left) in [(3_000, vec![3_000]), (6_000, vec![3_000]), (9_000, vec![1_000]), (QTY, vec![])] {
        toy.fill_shown(SHOWN);
        let status = if filled == QTY { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        assert_eq!(toy.stands(), (status, filled, left));
    }
    assert_eq!(toy.whole().average_price(), Some(100_000.0));
    let orders: Vec<_> = toy.kernel.known_orders().map(|order| order.id).collect();
    let fills = toy.kernel.record_ref().fills.iter().map(|fill| (fill.order, fill.position_qty));
    assert_eq!(orders, [WHOLE], "its strategy knows one order");
    assert_eq!(fills.collect::<Vec<_>>(), [1_000, 3_000, 6_000, 9_000, QTY].map(|held| (WHOLE, held)));
}

#[test]
fn new_terms_hold_for_what_is_there_and_for_the_rest() {
    for replaces in [true, false] {
        let supports = OrderSupport { replace: replaces, ..OrderSupport::default() };
        let mut toy = toy(supports, iceberg());
        toy.settle();
        toy.fill_shown(1_000);
        assert!(toy.replace(99_000, 12_000));
        assert_eq!(toy.whole().status(), OrderStatus::PendingReplace, "until what is there has them");
        let is_replaced = matches!(toy.to_venue.front(), Some(Command::Replace { .. }));
        assert_eq!(is_replaced, replaces);
        toy.settle();
        let shown = if replaces { 2_000 } else { SHOWN };
        assert_eq!(toy.stands(), (OrderStatus::PartiallyFilled, 1_000, vec![shown]));
        assert_eq!((toy.whole().price(), toy.whole().qty.steps()), (Some(Price::new(99_000)), 12_000));
        // No more is left than a part of what is there.
        assert!(toy.replace(99_000, 1_500));
        toy.settle();
        assert_eq!(toy.stands().2, [500]);
        assert!(toy.replace(99_000, 1_000));
        toy.settle();
        assert_eq!(toy.stands(), (OrderStatus::Filled, 1_000, vec![]), "nothing is left");
    }
}

#[test]
fn a_part_that_its_venue_does_not_change_makes_room_for_the_next() {
    let mut toy = at_rest();
    assert!(toy.replace(99_000, QTY));
    toy.arrive(true);
    toy.settle();
    assert_eq!(toy.stands(), (OrderStatus::New, 0, vec![SHOWN]));
    assert_eq!((toy.orders[0].id, toy.whole().price()), (3, Some(Price::new(99_000))));
}

#[test]
fn fills_that_cross_new_terms_count() {
    let mut toy = at_rest();
    assert!(toy.replace(100_000, 4_000));
    toy.fill_shown(SHOWN);
    assert_eq!(toy.stands(), (OrderStatus::PartiallyFilled, 3_000, vec![1_000]));
    // More than is asked for by the time it is known.
    let mut toy = at_rest();
    assert!(toy.replace(100_000, 2_000));
    toy.fill_shown(SHOWN);
    assert_eq!(toy.stands(), (OrderStatus::Filled, 3_000, vec![]));
    assert_eq!(toy.whole().qty.steps(), 3_000);
    // A fill of all there was ends nothing where there is more of it.
    let mut toy = at_rest();
    for _ in 0..3 {
        toy.fill_shown(SHOWN);
    }
    assert!(toy.replace(99_000, 12_000));
    toy.fill_shown(SHOWN);
    assert_eq!(toy.stands(), (OrderStatus::PartiallyFilled, QTY, vec![2_000]));
}

#[test]
fn a_cancel_is_told_when_the_part_that_is_there_has_ended() {
    let mut toy = at_rest();
    assert!(toy.cancel());
    assert!(!toy.cancel(), "it is on its way");
    assert_eq!(toy.whole().status(), OrderStatus::PendingCancel);
    toy.fill(0, 1_000);
    toy.settle();
    assert_eq!(toy.stands(), (OrderStatus::Cancelled, 1_000, vec![]));
    // One that crosses the fill of a part.
    let mut toy = at_rest();
    assert!(toy.cancel());
    toy.fill(0, SHOWN);
    toy.settle();
    assert_eq!(toy.stands(), (OrderStatus::Cancelled, SHOWN, vec![]));
}

#[test]
fn the_refusal_of_the_first_part_is_that_of_the_order_and_of_a_later_one_is_not() {
    let mut toy = toy(OrderSupport::default(), iceberg());
    toy.arrive(true);
    toy.settle();
    assert_eq!(toy.stands(), (OrderStatus::Rejected, 0, vec![]));
    assert_eq!(toy.whole().reason, Some(Reason::Venue));
    let mut toy = at_rest();
    toy.fill(0, SHOWN);
    toy.tell();
    toy.arrive(true);
    toy.tell();
    assert_eq!(toy.stands(), (OrderStatus::PartiallyFilled, SHOWN, vec![]), "it waits");
    toy.settle();
    assert_eq!(toy.stands().2, [SHOWN]);
    // It does not go on for ever.
    toy.fill(0, SHOWN);
    for _ in 0..10 {
        while toy.to_venue.is_empty() {
            if toy.to_us.is_empty() { toy.wait() } else { toy.tell() }
        }
        toy.arrive(true);
    }
    toy.settle();
    assert_eq!(toy.stands(), (OrderStatus::Expired, 6_000, vec![]));
    assert_eq!(toy.whole().reason, Some(Reason::Venue));
}

#[test]
fn what_its_venue_ends_ends_the_order() {
    let mut toy = at_rest();
    let part = toy.orders.remove(0).id;
    toy.to_us.push_back(Report::on(part, 1, ReportKind::Expired(Reason::SelfTrade)));
    toy.settle();
    assert_eq!(
        (toy.stands(), toy.whole().reason),
        ((OrderStatus::Expired, 0, vec![]), Some(Reason::SelfTrade))
    );
    // A fill that is told late is the order's all the same.
    toy.to_us.push_back(Report::on(part, 1, fill(500)));
    toy.settle();
    assert_eq!(toy.stands(), (OrderStatus::Expired, 500, vec![]));
}

#[test]
fn what_is_to_be_compared_with_a_venue_is_what_the_venue_knows() {
    let toy = at_rest();
    let known = toy.kernel.account_state(AccountId::new(0));
    assert_eq!(known.orders.keys().collect::<Vec<_>>(), [&2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever comes first, refuses or crosses: one part is there at a time and no larger than may be shown, and what
    /// parts fill is what the order fills.
    #[test]
    fn no_more_is_shown_than_may_be_and_parts_come_to_the_order(
        steps in proptest::collection::vec((0..13u8, 1..=15i64), 1..80),
        replaces in any::<bool>(),
    ) {
        let supports = OrderSupport { replace: replaces, ..OrderSupport::default() };
        let mut toy = toy(supports, iceberg());
        let mut most = QTY;
        for (what, number) in steps {
            match what {
                0..=2 => toy.tell(),
                3..=5 => toy.arrive(false),
                6 => toy.arrive(number <= 3),
                7..=8 => toy.fill(0, number * SHOWN / 10),
                9 => toy.wait(),
                10 => {
                    let (price, qty) = (99_990 + number, number * 1_000);
                    if !toy.whole().is_closed() && toy.replace(price, qty) {
                        most = most.max(qty);
                    }
                }
                11 if number == 1 => drop(toy.cancel()),
                _ => toy.restart(),
            }
            let shown: i64 = toy.orders.iter().map(|there| there.qty - there.filled).sum();
            prop_assert!(toy.orders.len() <= 1 && shown <= SHOWN, "{:?}", toy.orders);
            prop_assert!(toy.position <= most, "{} of {most}", toy.position);
            let told = toy.kernel.ctx.core().accounts.position(S0, M0).qty;
            prop_assert_eq!(toy.whole().filled.steps(), told);
        }
        toy.settle();
        let (status, filled, shown) = toy.stands();
        prop_assert_eq!(filled, toy.position);
        let fills = &toy.kernel.record_ref().fills;
        prop_assert!(fills.iter().all(|fill| fill.order == WHOLE));
        prop_assert_eq!(status.is_closed(), shown.is_empty());
        prop_assert!(status != OrderStatus::Filled || filled == toy.whole().qty.steps());
        prop_assert!(toy.kernel.record_ref().reconcile.is_empty(), "{:?}", toy.kernel.record_ref().reconcile);
        if let Some(there) = toy.orders.first() {
            let part = toy.kernel.order(&OrderKey::Id(there.id)).unwrap();
            prop_assert_eq!(part.price(), toy.whole().price());
            prop_assert!(there.qty - there.filled <= toy.whole().leaves().steps());
            prop_assert_eq!(toy.whole().pending(), crate::orders::Pending::Nothing);
        }
    }
}
