//! Markets without a book: orders against trades, or against bars that the venue published.
//!
//! What was asked for is not known, only what was paid. So nothing is taken at once:
//!
//! * An order that takes (a market order, one that is immediate or cancel, fill or kill, or has a limit beyond the last
//!   price) waits for the next print: the next trade, or the open of the next bar. It fills there as a taker, at that
//!   price, if its limit allows it. A market order goes on with the prints after it until it is filled; what is left of
//!   a limit order rests, or expires as its time in force says.
//! * An order that rests fills whole, at its own price, when a trade prints through it: below a buy, above a sell. At its
//!   own price there is a queue that nobody knows, so nothing fills.
//! * Of a bar the open comes first, then the high, then the low. All lie behind the orders that were sent when it
//!   began; one that was sent later waits for the next bar, for its high may have been before.
//! * A stop and an order that rests may both be met by one bar, and only one of them takes a position back. Which came first nobody
//!   knows: the stop did. What rests fills no more than stops leave, and such bars are counted.
//! * Where accounts pay, what has no limit is asked for before the message that it would meet, at the worst price of that, and
//!   expires where the account does not have it.
//! * Nobody gets more of a trade than it was, nor of a bar; of a trade through a resting order that is not asked.
//!
//! A latency shorter than a bar changes nothing but when we know: orders are held against a bar by when they were sent.
//! Orders of ours do not meet each other here.

use super::Market;
use super::armed::{Armed, AskedFor};
use super::fills::{reaches, taker_fill};
use super::matching::Taker;
use super::resting::{Placed, Resting};
use super::waiting::{Current, Waiting};
use crate::book::FillBasis;
use crate::event::{EventKind, Span, View, is_bar_begin};
use crate::orders::{
    FillEvent, NewTerms, OrderId, PriceRange, Reason, ReportKind, TimeInForce, TriggerAt, TriggerBy,
};
use crate::sim::update::Update;
use crate::types::{AccountId, Price, Qty, Side};

/// A trade, or the open of a bar.
#[derive(Debug, Clone, Copy)]
struct Print {
    price: i64,
    qty: i64,
    /// Orders that were sent later do not meet it.
    before: i64,
}

impl Market {
    /// The last price, if there is no book.
    pub(super) fn last_print(&self) -> Option<i64> {
        self.twice_mid.map(|twice| twice / 2)
    }

    pub(super) fn is_beyond_last(&self, side: Side, limit: i64) -> bool {
        self.last_print().is_some_and(|last| last != limit && reaches(side, limit, last))
    }

    /// Lets an order wait for the next print, or rest.
    pub(super) fn place_print(&mut self, order: Waiting, now: i64, out: &mut Vec<(AccountId, Update)>) {
        let Taker { side, limit, .. } = order.taker;
        match limit {
            Some(limit) if order.terms.time_in_force.rests() && !self.is_beyond_last(side, limit) => {
                self.rest_print(order, limit);
            }
            _ => {
                self.prints.waiting.push(order);
                // A bar that began when it was sent, or later, has its open still to give.
                if let Some(bar) =
                    self.prints.bar.filter(|bar| bar.volume > 0 && order.taker.placed.sent <= bar.began)
                {
                    let print = Print { price: bar.open, qty: bar.volume, before: bar.began };
                    self.take_print(print, now, out);
                }
            }
        }
    }

    /// Gives an order other terms, as a new one that keeps what is filled of it.
    pub(super) fn replace_print(
        &mut self,
        account: AccountId,
        id: OrderId,
        terms: NewTerms,
        sent: i64,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        let mut say = |kind| out.push((account, Update::on(id, now, kind)));
        let waits = self.prints.find(account, id);
        let rests = self.orders.find(account, id);
        let order = match (waits, rests) {
            (Some(at), _) => self.prints.waiting[at],
            (None, Some(slot)) => Waiting::resting(self.orders.get(slot)),
            (None, None) => return say(ReportKind::ReplaceRejected(Reason::UnknownOrder)),
        };
        let filled = order.taker.filled;
        let (price, qty) = match self.new_print_terms(&order, terms, now) {
            Ok(terms) => terms,
            Err(reason) => {
                say(ReportKind::ReplaceRejected(reason));
                return self.end_crossing(account, id, reason, now, out);
            }
        };
        if let Some(at) = waits {
            self.prints.remove(at);
        } else if let Some(slot) = rests {
            self.orders.remove(slot);
        }
        if qty <= filled {
            return say(ReportKind::Cancelled);
        }
        say(ReportKind::Replaced(NewTerms::new(Price::new(price), Qty::new(qty))));
        // Less at the same price is the same order.
        let is_same = order.taker.limit == Some(price) && qty <= order.taker.qty;
        let placed = if is_same { order.taker.placed } else { Placed { sent, arrived: now } };
        let taker = Taker { limit: Some(price), qty, placed, ..order.taker };
        self.place_print(Waiting { taker, ..order }, now, out);
    }

    /// The price and quantity an order gets that asks for these, or why it does not.
    fn new_print_terms(&self, order: &Waiting, asked: NewTerms, now: i64) -> Result<(i64, i64), Reason> {
        let Waiting { taker: Taker { id, account, side, pool, limit, filled, .. }, terms, .. } = *order;
        if let Some(reason) = self.refuses_terms(asked, filled, None, now) {
            return Err(reason);
        }
        if limit.is_none() {
            return Err(Reason::InvalidTerms);
        }
        let (price, qty) = (asked.price.steps(), asked.qty.steps());
        if qty <= filled {
            return Ok((price, qty));
        }
        let qty = if terms.reduce_only {
            filled + self.reduces(account, side, qty - filled, Some(id), false)?
        } else {
            qty
        };
        let settled = self.settle_price(side, Some(price), (terms.post_only, terms.slides), pool, now)?;
        Ok((settled.unwrap_or(price), qty))
    }

    fn rest_print(&mut self, order: Waiting, price: i64) {
        self.orders.push(order.taker.resting(price, order.terms));
    }

    /// Takes a message of a market without a book.
    #[inline(never)]
    pub(super) fn on_prints(
        &mut self,
        view: &View<'_>,
        from: usize,
        to: usize,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        self.keep_lot(now);
        for row in from..to {
            let (price, qty) = (view.price.get(row), view.qty.get(row));
            match (self.basis, EventKind::from_column(view.kind[row])) {
                (_, Some(EventKind::Mark)) if self.touched => self.see_mark(price),
                _ if price <= 0 => {}
                (FillBasis::Bars, Some(EventKind::BarOpen)) if is_bar_begin(view, row) => {
                    self.prints.bar = Some(Current { began: view.ts_event[row], open: price, volume: qty });
                }
                (FillBasis::Bars, Some(kind @ (EventKind::BarHigh | EventKind::BarLow))) => {
                    if kind == EventKind::BarHigh {
                        self.note_stopped(view, row, to);
                    }
                    if let Some(bar) = self.prints.bar.filter(|bar| bar.volume > 0) {
                        self.fill_through(Print { price, qty: bar.volume, before: bar.began }, now, out);
                        self.see_last(price, bar.began);
                    }
                }
                (FillBasis::Bars, Some(EventKind::BarClose)) => {
                    self.prints.bar = None;
                    self.prints.stopped.clear();
                    self.prints.undecided += u64::from(std::mem::take(&mut self.prints.is_undecided));
                }
                _ => {}
            }
            if let Some(print) = self.print_of(view, row) {
                self.on_print(print, now, out);
            }
            self.twice_mid = self.basis.twice_print(view, row, row + 1).or(self.twice_mid);
            self.set_off(now, out);
        }
        if self.touched {
            self.follow_fills(now, out);
            self.watch_again();
        }
    }

    /// Notes what stops take back in a bar, of which the rest of a message tells the high and the low.
    fn note_stopped(&mut self, view: &View<'_>, from: usize, to: usize) {
        self.prints.stopped.clear();
        let Some(bar) = self.prints.bar.filter(|_| !self.triggers.is_empty() || !self.prints.is_empty())
        else {
            return;
        };
        let is_extreme = |row: &usize| {
            matches!(EventKind::from_column(view.kind[*row]), Some(EventKind::BarHigh | EventKind::BarLow))
        };
        let met = |order: &&Armed| {
            let mut watch = order.watch;
            let is_adverse = !matches!(watch.trigger.at, TriggerAt::TakeProfit { .. });
            let is_seen = order.taker.placed.sent <= bar.began && watch.trigger.by == TriggerBy::Last;
            let mut extremes =
                (from..to).filter(is_extreme).map(|row| PriceRange::exactly(view.price.get(row)));
            is_adverse && is_seen && extremes.any(|price| watch.sees(price))
        };
        let armed = self.triggers.armed.iter().filter(met).map(|order| order.taker);
        let waits = self.prints.waiting.iter().filter(|order| order.was_set_off).map(|order| order.taker);
        let takes = armed.chain(waits).map(|taker| (taker.account, taker.side, taker.qty - taker.filled));
        self.prints.stopped = takes.collect();
    }

    /// How much of a position stops leave in the bar to an order that rests.
    fn left_by_stops(&self, account: AccountId, side: Side) -> i64 {
        let own = self.prints.stopped.iter().filter(|(of, taken, _)| (*of, *taken) == (account, side));
        let (stops, held) = (own.map(|(_, _, qty)| qty).sum::<i64>(), self.reducible(account, side));
        if stops == 0 || held == 0 { i64::MAX } else { (held - stops).max(0) }
    }

    /// Bars that met a stop and what rests, of which only one could take a position back: the stop did.
    pub fn undecided(&self) -> u64 {
        self.prints.undecided
    }

    /// What a row lets orders take. Nobody traded in a bar without a volume.
    fn print_of(&self, view: &View<'_>, row: usize) -> Option<Print> {
        let before = match (self.basis, EventKind::from_column(view.kind[row])?) {
            (FillBasis::Trades, EventKind::Trade) => i64::MAX,
            (FillBasis::Bars, EventKind::BarOpen) if is_bar_begin(view, row) => view.ts_event[row],
            _ => return None,
        };
        let (price, qty) = (view.price.get(row), view.qty.get(row));
        (price > 0 && qty > 0).then_some(Print { price, qty, before })
    }

    /// Whether a message may let orders without a limit take, which are to be asked for first.
    #[inline]
    pub(in crate::sim) fn has_unpriced(&self) -> bool {
        self.triggers.asks != AskedFor::None && !self.prints.is_empty()
    }

    /// These orders: whose, which, the worst price that a message prints for one, and its quantity.
    pub(in crate::sim) fn unpriced(
        &self,
        view: &View<'_>,
        rows: Span,
    ) -> Vec<(AccountId, OrderId, Price, Qty)> {
        let worst = |order: &Waiting| {
            let Taker { account, id, side, pool, limit: None, qty, placed, .. } = order.taker else {
                return None;
            };
            let prints = (rows.from..rows.to).filter_map(|row| self.print_of(view, row));
            let met = prints.filter(|print| placed.sent <= print.before);
            let price = met.map(|print| print.price * side.sign()).max()? * side.sign();
            let passive = side.opposite();
            let moved = self.moved(passive, price, self.shift(passive, pool));
            Some((account, id, Price::new(moved), Qty::new(qty)))
        };
        self.prints.waiting.iter().filter_map(worst).collect()
    }

    /// Ends an order that waits for a print.
    pub(in crate::sim) fn end_unpriced(
        &mut self,
        (account, id): (AccountId, OrderId),
        reason: Reason,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        if let Some(at) = self.prints.find(account, id) {
            self.prints.remove(at);
            out.push((account, Update::on(id, now, ReportKind::Expired(reason))));
        }
    }

    fn on_print(&mut self, print: Print, now: i64, out: &mut Vec<(AccountId, Update)>) {
        self.trades += 1;
        // What rests was there before; what is left of those who take rests behind this print.
        self.fill_through(print, now, out);
        self.take_print(print, now, out);
        self.see_last(print.price, print.before);
    }

    /// Lets those who wait take of a print.
    fn take_print(&mut self, print: Print, now: i64, out: &mut Vec<(AccountId, Update)>) {
        for mut order in std::mem::take(&mut self.prints.waiting) {
            if order.taker.placed.sent > print.before {
                self.prints.waiting.push(order);
                continue;
            }
            let Taker { id, account, pool, side, limit, .. } = order.taker;
            let time_in_force = order.terms.time_in_force;
            let expires = |reason| (account, Update::on(id, now, ReportKind::Expired(reason)));
            let wanted = self.taker_leaves(&order.taker, &order.terms);
            if wanted == 0 {
                out.push(expires(Reason::ReduceOnly));
                continue;
            }
            let price = self.moved(side.opposite(), print.price, self.shift(side.opposite(), pool));
            let suits = limit.is_none_or(|limit| reaches(side, limit, price));
            let lot = self.lot;
            let left = self.left_of_trade(pool, print.qty);
            let qty = if suits { wanted.min(*left) / lot * lot } else { 0 };
            if time_in_force == TimeInForce::Fok && qty < wanted {
                out.push(expires(Reason::FokNotFillable));
                continue;
            }
            if qty > 0 {
                *left -= qty;
                order.taker.filled += qty;
                self.count(account, side, qty);
                self.press(side.opposite(), pool, qty);
                out.push(taker_fill(&self.math, &order.taker, price, qty, now));
            }
            if order.taker.filled == order.taker.qty {
                continue;
            }
            match limit {
                None => self.prints.waiting.push(order),
                Some(limit) if time_in_force.rests() => self.rest_print(order, limit),
                Some(_) => out.push(expires(Reason::IocRemainder)),
            }
        }
    }

    /// Fills what rests and was traded through, better prices first, then in order of arrival.
    fn fill_through(&mut self, print: Print, now: i64, out: &mut Vec<(AccountId, Update)>) {
        for side in [Side::Buy, Side::Sell] {
            let mut through = std::mem::take(&mut self.reached);
            self.orders.down_to(side, print.price * side.sign() + 1, &mut through);
            for slot in through.drain(..) {
                let Resting { account, pool, placed, .. } = *self.orders.get(slot);
                if placed.sent > print.before {
                    continue;
                }
                let qty = if self.basis == FillBasis::Bars {
                    let (lot, leaves) = (self.lot, self.fillable(slot));
                    let beside = self.left_by_stops(account, side);
                    let left = self.left_of_trade(pool, print.qty);
                    let wanted = leaves.min(*left);
                    let qty = wanted.min(beside) / lot * lot;
                    *left -= qty;
                    self.prints.is_undecided |= beside < wanted;
                    qty
                } else {
                    self.fillable(slot)
                };
                if qty > 0 {
                    out.push(self.fill_resting(slot, qty, FillEvent::Print, now));
                }
            }
            self.reached = through;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::{Columns as _, Event, EventColumns, FLAG_LAST, VenueBar};
    use crate::orders::{Command, OrderRequest, OrderType};
    use crate::random::Random;
    use crate::sim::market::Matching;
    use crate::sim::queue::QueueRule;
    use crate::types::MarketId;
    use crate::types::instrument::tests::linear;

    const ME: AccountId = AccountId::new(0);

    struct Desk {
        market: Market,
        out: Vec<(AccountId, Update)>,
    }

    impl Desk {
        fn new(basis: FillBasis) -> Self {
            let (queue, matching) = (QueueRule::Conservative.into(), Matching::default());
            let market = Market::new(Arc::new(linear()), basis, queue, matching, Random::new(1, 0)).unwrap();
            Self { market, out: Vec::new() }
        }

        fn play(&mut self, columns: &EventColumns) -> Vec<(i64, i64)> {
            let view = columns.view();
            for rows in view.messages(0, view.len()) {
                self.market.on_message(&view, rows, view.ts_event[rows.from], &mut self.out);
            }
            self.fills()
        }

        fn trade(&mut self, now: i64, price: i64, qty: i64) -> Vec<(i64, i64)> {
            let mut columns = EventColumns::default();
            let kind = EventKind::Trade;
            columns.push(Event {
                ts_event: now,
                ts_recv: now,
                kind,
                side: 0,
                flags: FLAG_LAST,
                price,
                qty,
                id: 0,
            });
            self.play(&columns)
        }

        /// A bar of a minute from `begin` on: open, high, low, close, volume.
        fn bar(&mut self, begin: i64, [open, high, low, close, volume]: [i64; 5]) -> Vec<(i64, i64)> {
            let (ts_close, buy_volume, trades) = (begin + 60, None, 1);
            let bar = VenueBar {
                ts_open: begin,
                ts_close,
                ts_recv: ts_close,
                open,
                high,
                low,
                close,
                volume,
                buy_volume,
                trades,
            };
            let mut columns = EventColumns::default();
            bar.push(&mut columns);
            self.play(&columns)
        }

        fn send(
            &mut self,
            order: OrderId,
            side: Side,
            price: Option<i64>,
            qty: i64,
            sent: i64,
            now: i64,
        ) -> Vec<(i64, i64)> {
            let order_type =
                price.map_or(OrderType::Market, |price| OrderType::Limit { price: Price::new(price) });
            let request = OrderRequest::new(MarketId::new(0), side, order_type, Qty::new(qty));
            self.market.on_sent_command(ME, Command::Submit { order, request }, sent, now, &mut self.out);
            self.fills()
        }

        /// Prices and quantities of the fills since it was last asked.
        fn fills(&mut self) -> Vec<(i64, i64)> {
            let fill = |(_, update): (AccountId, Update)| match update.kind {
                ReportKind::Fill { price, qty, .. } => Some((price.steps(), qty.steps())),
                _ => None,
            };
            self.out.drain(..).filter_map(fill).collect()
        }
    }

    #[test]
    fn nothing_is_taken_before_the_next_trade_nor_more_of_it_than_it_was() {
        let mut desk = Desk::new(FillBasis::Trades);
        desk.trade(1, 1_000, 10);
        assert_eq!(desk.send(1, Side::Buy, None, 7, 2, 2), []);
        assert_eq!(desk.send(2, Side::Sell, None, 2, 2, 2), []);
        assert_eq!(desk.trade(3, 1_001, 5), [(1_001, 5)]);
        assert_eq!(desk.trade(4, 1_002, 5), [(1_002, 2), (1_002, 2)]);
        assert!(desk.market.is_untouched() && desk.market.resting() == 0);
    }

    #[test]
    fn what_is_left_of_a_limit_rests_behind_the_trade_it_took() {
        let mut desk = Desk::new(FillBasis::Trades);
        desk.trade(1, 1_000, 10);
        desk.send(1, Side::Buy, Some(1_003), 7, 2, 2);
        assert_eq!(desk.trade(3, 1_002, 5), [(1_002, 5)]);
        assert_eq!(desk.trade(4, 1_003, 5), []);
        assert_eq!(desk.trade(5, 1_002, 1), [(1_003, 2)]);
    }

    #[test]
    fn a_bar_is_for_orders_that_were_sent_when_it_began() {
        let mut desk = Desk::new(FillBasis::Bars);
        desk.bar(60, [100, 110, 90, 105, 50]);
        // Sent at the end of the first, it arrives in the second, whose open it takes.
        let mut second = EventColumns::default();
        let bar = VenueBar {
            ts_open: 120,
            ts_close: 180,
            ts_recv: 180,
            open: 106,
            high: 120,
            low: 100,
            close: 101,
            volume: 30,
            buy_volume: None,
            trades: 3,
        };
        bar.push(&mut second);
        let view = second.view();
        let mut messages = view.messages(0, view.len());
        let opens = messages.next().unwrap();
        desk.market.on_message(&view, opens, 120, &mut desk.out);
        assert_eq!(desk.send(1, Side::Buy, None, 10, 120, 125), [(106, 10)]);
        // One that is sent within waits for the next open, and one that rests for the next bar.
        assert_eq!(desk.send(2, Side::Buy, None, 10, 130, 135), []);
        assert_eq!(desk.send(3, Side::Sell, Some(115), 10, 130, 135), []);
        assert_eq!(desk.send(4, Side::Sell, Some(115), 25, 120, 135), []);
        let over = messages.next().unwrap();
        desk.market.on_message(&view, over, 180, &mut desk.out);
        assert_eq!(desk.fills(), [(115, 20)], "10 of its 30 are gone");
        assert_eq!(desk.bar(180, [102, 116, 102, 110, 40]), [(102, 10), (115, 10), (115, 5)]);
        assert!(desk.market.is_untouched());
    }

    #[test]
    fn a_bar_in_which_nobody_traded_fills_nothing() {
        let mut desk = Desk::new(FillBasis::Bars);
        desk.bar(60, [100, 110, 90, 105, 50]);
        desk.send(1, Side::Buy, None, 10, 120, 120);
        assert_eq!(desk.bar(120, [105, 105, 105, 105, 0]), []);
        assert_eq!(desk.bar(180, [107, 107, 107, 107, 4]), [(107, 4)]);
    }
}
