//! The venue's side of one instrument: the replayed book, our resting orders in it, and their fills.
//!
//! Our orders never change the replayed market. When an order trades:
//!
//! * it takes what is displayed on the other side, level by level, up to its limit; what it took is gone for us
//!   until the venue says the level changed;
//! * resting at `P`, it fills whole when the other side's best price reaches `P` or a trade prints through `P`;
//!   at `P` itself a trade first works off the queue ahead (see [`QueueModel`]); orders of ours at one price share
//!   a trade in order of arrival;
//! * a maker fill is at the order's own price.

use super::queue::{QueueModel, QueuePosition};
use crate::book::{FillBasis, L2Book};
use crate::event::{EventKind, View};
use crate::ledger::{ContractMath, MoneyOverflow};
use crate::orders::{
    Command, Liquidity, OrderId, OrderRequest, OrderType, Reason, TimeInForce, Update, UpdateKind,
};
use crate::random::Random;
use crate::types::{Instrument, Side};

/// An order of ours in the venue's book.
#[derive(Debug, Clone)]
struct Resting {
    id: OrderId,
    side: Side,
    price: i64,
    /// Total quantity and what has been filled of it.
    qty: i64,
    filled: i64,
    post_only: bool,
    place: QueuePosition,
    /// Displayed size of its level when last looked at.
    displayed: i64,
}

impl Resting {
    fn leaves(&self) -> i64 {
        self.qty - self.filled
    }
}

/// Liquidity of a level that we have already taken.
#[derive(Debug, Clone, Copy)]
struct Taken {
    side: Side,
    price: i64,
    displayed: i64,
    qty: i64,
}

/// A venue's side of one instrument.
#[derive(Debug)]
pub struct Market {
    book: L2Book,
    basis: FillBasis,
    orders: Vec<Resting>,
    taken: Vec<Taken>,
    queue: QueueModel,
    random: Random,
    lot: i64,
    unit: f64,
    math: ContractMath,
    /// Sum of the last two-sided best prices, for marking.
    twice_mid: Option<i64>,
    /// Whether the last message held a trade.
    traded: bool,
}

impl Market {
    /// An empty market.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when the instrument's increments are beyond any arithmetic.
    pub fn new(
        instrument: &Instrument,
        basis: FillBasis,
        queue: QueueModel,
        random: Random,
    ) -> Result<Self, MoneyOverflow> {
        Ok(Self {
            book: L2Book::new(),
            basis,
            orders: Vec::new(),
            taken: Vec::new(),
            queue,
            random,
            lot: instrument.lot_size,
            unit: instrument.qty_increment.to_f64(1),
            math: ContractMath::new(instrument)?,
            twice_mid: None,
            traded: false,
        })
    }

    /// The venue's book as of the last message.
    pub fn book(&self) -> &L2Book {
        &self.book
    }

    /// Sum of best bid and best ask, the last time there were both.
    pub fn twice_mid(&self) -> Option<i64> {
        match (self.book.best_bid(), self.book.best_ask()) {
            (Some(bid), Some(ask)) => Some(bid + ask),
            _ => self.twice_mid,
        }
    }

    /// Whether the last message held a trade.
    #[inline]
    pub fn has_traded(&self) -> bool {
        self.traded
    }

    /// Number of our orders resting here.
    pub fn resting(&self) -> usize {
        self.orders.len()
    }

    /// Quantity ahead of a resting order.
    pub fn queue_ahead(&self, id: OrderId) -> Option<f64> {
        self.orders.iter().find(|o| o.id == id).map(|o| o.place.front)
    }

    /// Takes the message in rows `from..to` of a checked view, which happens at `now`.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when a fill's value is out of range.
    #[inline]
    pub fn on_message(
        &mut self,
        view: &View<'_>,
        from: usize,
        to: usize,
        now: i64,
        out: &mut Vec<Update>,
    ) -> Result<(), MoneyOverflow> {
        self.traded = false;
        if self.basis == FillBasis::L2 && view.kind[from..to].iter().all(|k| *k == EventKind::BookSet as u8) {
            self.book.apply_levels(view, from, to);
        } else {
            for row in from..to {
                self.on_row(view, row, now, out)?;
            }
        }
        if !(self.orders.is_empty() && self.taken.is_empty()) {
            self.on_book_changed(now, out)?;
        }
        Ok(())
    }

    fn on_row(
        &mut self,
        view: &View<'_>,
        row: usize,
        now: i64,
        out: &mut Vec<Update>,
    ) -> Result<(), MoneyOverflow> {
        match EventKind::from_column(view.kind[row]) {
            Some(EventKind::Trade) => {
                self.traded = true;
                if self.orders.is_empty() {
                    return Ok(());
                }
                let (price, qty) = (view.price.get(row), view.qty.get(row));
                if let Some(side) = self.aggressor(view.side[row], price) {
                    self.on_trade(side, price, qty, now, out)?;
                }
            }
            Some(EventKind::BookClear) if self.basis == FillBasis::L2 => {
                self.twice_mid = self.twice_mid();
                self.book.apply_event(self.basis, view, row);
            }
            _ => {
                if self.basis == FillBasis::L1 {
                    self.twice_mid = self.twice_mid();
                }
                self.book.apply_event(self.basis, view, row);
            }
        }
        Ok(())
    }

    /// The aggressor of a trade; when the venue does not say, the side of the book it printed on.
    fn aggressor(&self, column: i8, price: i64) -> Option<Side> {
        Side::from_column(column).or_else(|| {
            if self.book.best_ask().is_some_and(|ask| price >= ask) {
                Some(Side::Buy)
            } else if self.book.best_bid().is_some_and(|bid| price <= bid) {
                Some(Side::Sell)
            } else {
                None
            }
        })
    }

    fn on_trade(
        &mut self,
        aggressor: Side,
        price: i64,
        qty: i64,
        now: i64,
        out: &mut Vec<Update>,
    ) -> Result<(), MoneyOverflow> {
        let passive = aggressor.opposite();
        let mut left = qty;
        for order in &mut self.orders {
            if order.side != passive {
                continue;
            }
            // Above zero: the trade printed through the order's price.
            let through = (order.price - price) * passive.sign();
            let fill = if through > 0 {
                order.leaves()
            } else if through == 0 && left > 0 {
                let reach =
                    self.queue.on_trade(&mut order.place, left, order.displayed, self.lot, &mut self.random);
                let fill = reach.min(order.leaves());
                left -= fill;
                fill
            } else {
                0
            };
            if fill > 0 {
                order.filled += fill;
                out.push(maker_fill(&self.math, order.id, order.price, fill, now)?);
            }
        }
        self.orders.retain(|o| o.leaves() > 0);
        Ok(())
    }

    /// After a message: queues of levels that changed, orders the other side has reached.
    fn on_book_changed(&mut self, now: i64, out: &mut Vec<Update>) -> Result<(), MoneyOverflow> {
        if !self.taken.is_empty() {
            self.taken.retain(|t| self.book.qty_at(t.side, t.price) == t.displayed);
        }
        if !self.book.is_synced() {
            return Ok(());
        }
        let reach = [self.best_available(Side::Sell), self.best_available(Side::Buy)];
        let mut filled = false;
        for order in &mut self.orders {
            let other = reach[order.side.index()];
            if other.is_some_and(|other| (order.price - other) * order.side.sign() >= 0) {
                let fill = order.leaves();
                order.filled += fill;
                filled = true;
                out.push(maker_fill(&self.math, order.id, order.price, fill, now)?);
                continue;
            }
            let displayed = self.book.qty_at(order.side, order.price);
            if displayed != order.displayed {
                self.queue.on_depth(&mut order.place, order.displayed, displayed, self.unit);
                order.displayed = displayed;
            }
        }
        if filled {
            self.orders.retain(|o| o.leaves() > 0);
        }
        Ok(())
    }

    /// Best price of a side at which something is left for us.
    fn best_available(&self, side: Side) -> Option<i64> {
        if self.taken.is_empty() {
            return if side == Side::Buy { self.book.best_bid() } else { self.book.best_ask() };
        }
        self.book.iter(side).find(|l| l.qty > self.taken_at(side, l.price)).map(|l| l.price)
    }

    fn taken_at(&self, side: Side, price: i64) -> i64 {
        self.taken.iter().find(|t| t.side == side && t.price == price).map_or(0, |t| t.qty)
    }

    /// Takes a command that arrives at `now`.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when a fill's value is out of range.
    pub fn on_command(
        &mut self,
        command: Command,
        now: i64,
        out: &mut Vec<Update>,
    ) -> Result<(), MoneyOverflow> {
        match command {
            Command::Submit { order, request } => self.submit(order, &request, now, out),
            Command::Cancel { order, .. } => {
                let kind = match self.orders.iter().position(|o| o.id == order) {
                    Some(at) => {
                        self.orders.remove(at);
                        UpdateKind::Cancelled
                    }
                    None => UpdateKind::CancelRejected(Reason::UnknownOrder),
                };
                out.push(Update { order, ts_event: now, kind });
                Ok(())
            }
            Command::Replace { order, price, qty, .. } => self.replace(order, price, qty, now, out),
        }
    }

    fn submit(
        &mut self,
        id: OrderId,
        request: &OrderRequest,
        now: i64,
        out: &mut Vec<Update>,
    ) -> Result<(), MoneyOverflow> {
        let mut say = |kind| out.push(Update { order: id, ts_event: now, kind });
        if !self.book.is_synced() {
            say(UpdateKind::Rejected(Reason::BookNotSynced));
            return Ok(());
        }
        let side = request.side;
        let limit = (request.order_type == OrderType::Limit).then_some(request.price);
        if request.post_only && self.would_take(side, request.price) {
            say(UpdateKind::Rejected(Reason::PostOnlyWouldCross));
            return Ok(());
        }
        say(UpdateKind::Accepted);
        if request.time_in_force == TimeInForce::Fok && self.available(side, limit) < request.qty {
            say(UpdateKind::Expired(Reason::FokNotFillable));
            return Ok(());
        }
        let filled = self.take(id, side, limit, request.qty, now, out)?;
        if filled == request.qty {
            return Ok(());
        }
        let expired = match (request.order_type, request.time_in_force) {
            (OrderType::Market, _) => Some(Reason::NoLiquidity),
            (OrderType::Limit, TimeInForce::Gtc) => None,
            (OrderType::Limit, TimeInForce::Ioc | TimeInForce::Fok) => Some(Reason::IocRemainder),
        };
        if let Some(reason) = expired {
            out.push(Update { order: id, ts_event: now, kind: UpdateKind::Expired(reason) });
            return Ok(());
        }
        let displayed = self.book.qty_at(side, request.price);
        self.orders.push(Resting {
            id,
            side,
            price: request.price,
            qty: request.qty,
            filled,
            post_only: request.post_only,
            place: QueuePosition::behind(displayed),
            displayed,
        });
        Ok(())
    }

    /// A replacement keeps the queue place only when the price stays and the quantity shrinks. It is refused, and
    /// the order stays as it was, when it is post-only and would cross.
    fn replace(
        &mut self,
        id: OrderId,
        price: i64,
        qty: i64,
        now: i64,
        out: &mut Vec<Update>,
    ) -> Result<(), MoneyOverflow> {
        let mut say = |kind| out.push(Update { order: id, ts_event: now, kind });
        let Some(at) = self.orders.iter().position(|o| o.id == id) else {
            say(UpdateKind::ReplaceRejected(Reason::UnknownOrder));
            return Ok(());
        };
        let order = &self.orders[at];
        let (side, filled) = (order.side, order.filled);
        if qty <= filled {
            self.orders.remove(at);
            say(UpdateKind::Cancelled);
            return Ok(());
        }
        if price == order.price && qty <= order.qty {
            self.orders[at].qty = qty;
            say(UpdateKind::Replaced { price, qty });
            return Ok(());
        }
        if !self.book.is_synced() {
            say(UpdateKind::ReplaceRejected(Reason::BookNotSynced));
            return Ok(());
        }
        if order.post_only && self.would_take(side, price) {
            say(UpdateKind::ReplaceRejected(Reason::PostOnlyWouldCross));
            return Ok(());
        }
        let mut order = self.orders.remove(at);
        say(UpdateKind::Replaced { price, qty });
        order.filled += self.take(id, side, Some(price), qty - filled, now, out)?;
        if order.filled < qty {
            let displayed = self.book.qty_at(side, price);
            order.price = price;
            order.qty = qty;
            order.place = QueuePosition::behind(displayed);
            order.displayed = displayed;
            self.orders.push(order);
        }
        Ok(())
    }

    /// Whether a limit order at `price` would find something to take.
    fn would_take(&self, side: Side, price: i64) -> bool {
        self.best_available(side.opposite()).is_some_and(|other| (price - other) * side.sign() >= 0)
    }

    /// What a taker of `side` finds up to `limit`.
    fn available(&self, side: Side, limit: Option<i64>) -> i64 {
        self.reachable(side, limit).fold(0i64, |sum, (_, _, free)| sum.saturating_add(free))
    }

    /// Levels a taker of `side` reaches up to `limit`: price, displayed, whole lots left for us.
    fn reachable(&self, side: Side, limit: Option<i64>) -> impl Iterator<Item = (i64, i64, i64)> + '_ {
        let other = side.opposite();
        self.book
            .iter(other)
            .take_while(move |l| limit.is_none_or(|limit| (limit - l.price) * side.sign() >= 0))
            .map(move |l| (l.price, l.qty, (l.qty - self.taken_at(other, l.price)) / self.lot * self.lot))
            .filter(|(_, _, free)| *free > 0)
    }

    fn take(
        &mut self,
        id: OrderId,
        side: Side,
        limit: Option<i64>,
        qty: i64,
        now: i64,
        out: &mut Vec<Update>,
    ) -> Result<i64, MoneyOverflow> {
        let mut left = qty;
        let mut hits = Vec::new();
        for (price, displayed, free) in self.reachable(side, limit) {
            let fill = free.min(left);
            hits.push((price, displayed, fill));
            left -= fill;
            if left == 0 {
                break;
            }
        }
        for (price, displayed, fill) in hits {
            let other = side.opposite();
            match self.taken.iter_mut().find(|t| t.side == other && t.price == price) {
                Some(taken) => taken.qty += fill,
                None => self.taken.push(Taken { side: other, price, displayed, qty: fill }),
            }
            let value = self.math.value(price, fill)?;
            let fee = self.math.fee(value, false).ok_or(MoneyOverflow { price, qty: fill })?;
            let kind = UpdateKind::Fill { price, qty: fill, liquidity: Liquidity::Taker, fee };
            out.push(Update { order: id, ts_event: now, kind });
        }
        Ok(qty - left)
    }
}

fn maker_fill(
    math: &ContractMath,
    order: OrderId,
    price: i64,
    qty: i64,
    now: i64,
) -> Result<Update, MoneyOverflow> {
    let value = math.value(price, qty)?;
    let fee = math.fee(value, true).ok_or(MoneyOverflow { price, qty })?;
    let kind = UpdateKind::Fill { price, qty, liquidity: Liquidity::Maker, fee };
    Ok(Update { order, ts_event: now, kind })
}
