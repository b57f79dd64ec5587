//! The queue models as published for hftbacktest, for comparison with it.
//!
//! * A trade of `v` at the order's price: `front -= v; traded += v`. When that leaves `-front` of at least half a
//!   lot, that much (in whole lots) reaches the order and `front` becomes 0.
//! * The displayed size goes from `prev` to `new`: `c = prev - new - traded` left without trading; `traded = 0`.
//!   If it grew (`c < 0`) only `front = min(front, new)`. Otherwise, with `back = prev - front` and `p` the
//!   probability that a departure happened behind the order,
//!   `front = min(front - (1 - p) c + min(back - p c, 0), new)`.
//!
//! So a trade that is told after the change that shows it counts twice, `front` can fall below 0 and more than the
//! trade reach the order, and a fractional exponent of a negative number puts the first order at the end.

use super::place::{QueuePosition, QueueRule};
use super::power::pow;

pub(super) fn on_trade(rule: QueueRule, place: &mut QueuePosition, qty: i64, lot: i64) -> i64 {
    place.front -= qty as f64;
    on_trade_ahead(rule, place, qty as f64);
    let lots = libm::round(-place.front / lot as f64) as i64;
    if lots > 0 {
        place.front = 0.0;
        lots.saturating_mul(lot)
    } else {
        0
    }
}

pub(super) fn on_trade_ahead(rule: QueueRule, place: &mut QueuePosition, qty: f64) {
    if rule != QueueRule::Conservative {
        place.traded += qty;
    }
}

pub(super) fn on_depth(rule: QueueRule, place: &mut QueuePosition, prev: f64, new: f64, unit: f64) {
    if rule == QueueRule::Conservative {
        place.front = place.front.min(new);
        return;
    }
    let departed = prev - new - place.traded;
    place.traded = 0.0;
    if departed < 0.0 {
        place.front = place.front.min(new);
        return;
    }
    let (front, back) = (place.front, prev - place.front);
    let p = chance_behind(rule, front, back, unit);
    place.front = if p.is_nan() {
        new
    } else {
        (front - (1.0 - p) * departed + (back - p * departed).min(0.0)).min(new)
    };
}

/// The probability that a departure happened behind the order; NaN for an empty level.
fn chance_behind(rule: QueueRule, front: f64, back: f64, unit: f64) -> f64 {
    let log = |x: f64| libm::log1p(x * unit);
    let p = match rule {
        QueueRule::Power(n) => pow(back, n) / (pow(back, n) + pow(front, n)),
        QueueRule::Power2(n) => pow(back, n) / pow(back + front, n),
        QueueRule::Power3(n) => 1.0 - pow(front / (front + back), n),
        QueueRule::Log => log(back) / (log(back) + log(front)),
        QueueRule::Log2 => log(back) / log(back + front),
        _ => 0.0,
    };
    if p.is_infinite() { 1.0 } else { p }
}
