//! What moved the positions of an account elsewhere, in the order in which its venue had it happen.

use rustc_hash::FxHashMap;

use crate::ledger::Payment;
use crate::types::{Price, Qty, Side};

/// What moved a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It was traded.
    Fill {
        /// Bought or sold.
        side: Side,
        /// At this price.
        price: Price,
        /// So much.
        qty: Qty,
    },
    /// Its venue took something of its own accord.
    Payment(Payment),
}

impl Moved {
    /// By how much it has changed what is held, in quantity increments.
    pub fn change(self) -> i64 {
        match self {
            Self::Fill { side, qty, .. } => side.sign() * qty.steps(),
            Self::Payment(payment) if payment.kind.closes() => -payment.qty,
            Self::Payment(_) => 0,
        }
    }

    /// What is held after some, in quantity increments.
    pub fn held(moves: &[Self]) -> i64 {
        moves.iter().fold(0, |held, moved| held.saturating_add(moved.change()))
    }
}

/// That, with when it was and whose.
#[derive(Debug, Clone, Copy)]
pub struct Move {
    /// By the venue's clock, ns.
    pub ts_event: i64,
    /// The strategy.
    pub strategy: usize,
    /// What.
    pub moved: Moved,
}

/// Puts the fills and the payments of a market, each in the order they became known, into the venue's. Of one moment
/// a payment stands where what it was paid on was held.
pub fn in_order(mut fills: Vec<Move>, mut payments: Vec<Move>) -> Vec<Moved> {
    fills.sort_by_key(|fill| fill.ts_event);
    payments.sort_by_key(|payment| payment.ts_event);
    let mut moves = Vec::with_capacity(fills.len() + payments.len());
    let mut held: FxHashMap<usize, i64> = FxHashMap::default();
    let (mut fills, mut payments) = (fills.into_iter().peekable(), payments.into_iter().peekable());
    loop {
        let next = match (fills.peek(), payments.peek()) {
            (Some(fill), Some(payment)) if is_first(payment, fill, &held) => payments.next(),
            (Some(_), _) => fills.next(),
            (None, _) => payments.next(),
        };
        let Some(Move { strategy, moved, .. }) = next else { return moves };
        let now = held.entry(strategy).or_default();
        *now = now.saturating_add(moved.change());
        moves.push(moved);
    }
}

/// Whether a payment was before a fill, with so much held before both.
fn is_first(payment: &Move, fill: &Move, held: &FxHashMap<usize, i64>) -> bool {
    let Moved::Payment(paid) = payment.moved else { return false };
    let is_held = paid.qty == held.get(&payment.strategy).copied().unwrap_or_default();
    payment.ts_event < fill.ts_event || (payment.ts_event == fill.ts_event && is_held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::PaymentKind;
    use crate::types::{AccountId, MarketId, Money};

    fn fill(ts_event: i64, side: Side, qty: i64) -> Move {
        let moved = Moved::Fill { side, price: Price::new(100), qty: Qty::new(qty) };
        Move { ts_event, strategy: 0, moved }
    }

    fn paid(ts_event: i64, kind: PaymentKind, qty: i64) -> Move {
        let (account, market, paid) = (AccountId::new(0), MarketId::new(0), Money::ZERO);
        let payment = Payment { account, market, ts_event, kind, qty, price: 0, rate: 0, paid };
        Move { ts_event, strategy: 0, moved: Moved::Payment(payment) }
    }

    #[test]
    fn a_payment_stands_where_what_it_was_paid_on_was_held() {
        let fills =
            vec![fill(3, Side::Buy, 5), fill(3, Side::Buy, 2), fill(1, Side::Buy, 1), fill(9, Side::Sell, 4)];
        let payments = vec![
            paid(2, PaymentKind::Funding, 1),
            paid(3, PaymentKind::Funding, 6),
            paid(9, PaymentKind::Liquidation, 4),
        ];
        let told = |moved: Moved| match moved {
            Moved::Fill { side, qty, .. } => side.sign() * qty.steps(),
            Moved::Payment(payment) => 100 + payment.qty,
        };
        let moves: Vec<_> = in_order(fills, payments).into_iter().map(told).collect();
        assert_eq!(moves, [1, 101, 5, 106, 2, -4, 104]);
    }
}
