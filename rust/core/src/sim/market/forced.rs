//! What a venue does of its own accord: it ends orders, and closes positions against the market.

use super::Market;
use super::fills::reaches;
use super::matching::Taker;
use super::resting::Placed;
use crate::orders::{OrderId, Reason, ReportKind};
use crate::sim::update::Update;
use crate::types::{AccountId, Side};

/// The number of an order that nobody sent.
const NOBODY: OrderId = OrderId::MAX;

impl Market {
    /// Ends an order of an account, if it is still here.
    pub(in crate::sim) fn end_order(
        &mut self,
        account: AccountId,
        id: OrderId,
        reason: Reason,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        if self.take_out(account, id).is_some() {
            out.push((account, Update::on(id, now, ReportKind::Expired(reason))));
            self.watch_again();
        }
    }

    /// Lets an account trade up to so much at once, at the limit or better. Returns prices and quantities; `None` where
    /// the market cannot be traded on now. Others' orders that it meets are told as ever, its own fills are not.
    ///
    /// Without a book it trades at the last price.
    pub(in crate::sim) fn force(
        &mut self,
        account: AccountId,
        side: Side,
        (limit, qty): (Option<i64>, i64),
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) -> Option<Vec<(i64, i64)>> {
        self.keep_lot(now);
        if !self.basis.has_book() {
            let (pool, passive) = (self.pool(account), side.opposite());
            let last = self.moved(passive, self.last_print()?, self.shift(passive, pool));
            if limit.is_some_and(|limit| !reaches(side, limit, last)) {
                return Some(Vec::new());
            }
            self.press(passive, pool, qty);
            self.count(account, side, qty);
            self.follow_fills(now, out);
            return Some(vec![(last, qty)]);
        }
        if !self.book.is_synced() || self.book.is_crossed() {
            return None;
        }
        let pool = self.pool(account);
        let placed = Placed { sent: now, arrived: now };
        let taker = Taker { id: NOBODY, account, pool, side, limit, qty, filled: 0, placed };
        let mut steps = std::mem::take(&mut self.steps);
        self.plan(side, limit, pool, Some(account), qty, &mut steps);
        let mut told = Vec::new();
        self.execute(taker, &steps, now, &mut told);
        self.steps = steps;
        let mut fills = Vec::new();
        for (of, update) in told {
            match update.kind {
                ReportKind::Fill { price, qty, .. } if update.order == NOBODY => {
                    fills.push((price.steps(), qty.steps()));
                }
                _ => out.push((of, update)),
            }
        }
        self.follow_fills(now, out);
        self.watch_again();
        Some(fills)
    }
}
