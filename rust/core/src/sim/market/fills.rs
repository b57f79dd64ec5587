//! What a fill is for its account.

use super::matching::Taker;
use super::resting::{Placed, Resting};
use crate::ledger::ContractMath;
use crate::orders::{FillEvent, FillOrigin, Liquidity, OrderId, ReportKind};
use crate::sim::update::Update;
use crate::types::{AccountId, Price, Qty, Side};

/// Whether an order of `side` at `price` is good enough for the other side's `other`.
pub(super) fn reaches(side: Side, price: i64, other: i64) -> bool {
    price * side.sign() >= other * side.sign()
}

pub(super) fn maker_fill(
    math: &ContractMath,
    order: &Resting,
    qty: i64,
    event: FillEvent,
    now: i64,
) -> (AccountId, Update) {
    let update = fill(math, order.id, order.price, qty, Liquidity::Maker, now);
    let [ahead_at_entry, ahead_at_fill] = [order.ahead_at_entry, order.ahead]
        .map(|ahead| (ahead < f64::INFINITY).then(|| libm::round(ahead) as i64));
    let Placed { sent, arrived } = order.placed;
    let origin = FillOrigin { event, sent, arrived, ahead_at_entry, ahead_at_fill };
    let change = order.side.sign() * qty;
    (order.account, Update { filled: order.filled, change, origin: Some(origin), ..update })
}

pub(super) fn taker_fill(
    math: &ContractMath,
    taker: &Taker,
    price: i64,
    qty: i64,
    now: i64,
) -> (AccountId, Update) {
    let update = fill(math, taker.id, price, qty, Liquidity::Taker, now);
    let Placed { sent, arrived } = taker.placed;
    let origin =
        FillOrigin { event: FillEvent::Taker, sent, arrived, ahead_at_entry: None, ahead_at_fill: None };
    let change = taker.side.sign() * qty;
    (taker.account, Update { filled: taker.filled, change, origin: Some(origin), ..update })
}

/// A fill. Of one that is worth more than can be counted the fee is not known: no account books it.
fn fill(math: &ContractMath, order: OrderId, price: i64, qty: i64, liquidity: Liquidity, now: i64) -> Update {
    let (price, qty) = (Price::new(price), Qty::new(qty));
    let fee = math.value(price, qty).and_then(|value| math.fee(value, liquidity == Liquidity::Maker));
    let fee = fee.unwrap_or_default();
    Update::on(order, now, ReportKind::Fill { price, qty, liquidity, fee })
}
