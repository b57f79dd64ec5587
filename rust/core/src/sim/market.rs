//! The venue's side of one instrument: the replayed book, our resting orders in it, and their fills.
//!
//! Our orders never change the replayed market. When an order trades:
//!
//! * it takes what is displayed on the other side, in whole lots, level by level, up to its limit; what it took is
//!   gone for us until the venue says the level changed;
//! * resting at `P`, it fills whole when the other side's best price reaches `P` or a trade prints through `P`;
//!   at `P` itself a trade first works off the queue ahead (see [`QueueModel`]); orders of ours share
//!   a trade, better prices first, then in order of arrival;
//! * an order that rests against liquidity it could not take is not one the market came to: when the other side
//!   reaches it, it fills up to what is displayed there and left for us;
//! * a maker fill is at the order's own price;
//! * a crossed book is a fault of the data: nothing is taken from it and it reaches nobody.
//!
//! What rests beyond the deepest level a side shows is unknown, not nothing: an order there keeps its place in the
//! queue, and one that arrives there joins the queue when the level is first seen.

use super::queue::{QueueModel, QueuePosition};
use crate::book::{FillBasis, L2Book, Level};
use crate::event::{EventKind, View};
use crate::ledger::{ContractMath, MoneyOverflow};
use crate::orders::{
    Command, Liquidity, OrderId, OrderRequest, OrderType, Reason, Report, ReportKind, TimeInForce,
};
use crate::random::Random;
use crate::types::{AccountId, Instrument, Side};

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
    /// Whether the other side displayed something at or inside its price when it came to rest.
    remainder: bool,
    place: QueuePosition,
    /// Displayed size of its level when last seen.
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

    /// Where its book comes from.
    pub fn basis(&self) -> FillBasis {
        self.basis
    }

    /// Sum of best bid and best ask, the last time there were both.
    pub fn twice_mid(&self) -> Option<i64> {
        self.twice_mid
    }

    /// Whether the last message held a trade.
    #[inline]
    pub fn has_traded(&self) -> bool {
        self.traded
    }

    /// Whether nothing of ours is left here: no order, and no quantity taken that the data still shows.
    #[inline]
    pub(crate) fn is_untouched(&self) -> bool {
        self.orders.is_empty() && self.taken.is_empty()
    }

    /// Number of our orders resting here.
    pub fn resting(&self) -> usize {
        self.orders.len()
    }

    /// Quantity ahead of a resting order; infinite while its level has not been seen.
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
        out: &mut Vec<(AccountId, Report)>,
    ) -> Result<(), MoneyOverflow> {
        self.traded = false;
        if self.basis == FillBasis::L2 && view.are_levels(from, to) {
            self.book.apply_levels(view, from, to);
        } else {
            for row in from..to {
                self.on_row(view, row, now, out)?;
            }
        }
        if let (Some(bid), Some(ask)) = (self.book.best_bid(), self.book.best_ask()) {
            self.twice_mid = Some(bid + ask);
        }
        if !self.is_untouched() {
            self.on_book_changed(now, out)?;
        }
        Ok(())
    }

    fn on_row(
        &mut self,
        view: &View<'_>,
        row: usize,
        now: i64,
        out: &mut Vec<(AccountId, Report)>,
    ) -> Result<(), MoneyOverflow> {
        let Some(kind) = EventKind::from_column(view.kind[row]) else { return Ok(()) };
        match kind {
            EventKind::Trade => {
                self.traded = true;
                if self.orders.is_empty() {
                    return Ok(());
                }
                let (price, qty) = (view.price.get(row), view.qty.get(row));
                if price > 0
                    && qty > 0
                    && let Some(side) = self.aggressor(view.side[row], price)
                {
                    self.on_trade(side, price, qty, now, out)?;
                }
            }
            // The book picks what it is made of.
            EventKind::BookClear
            | EventKind::BookSet
            | EventKind::Quote
            | EventKind::OrderAdd
            | EventKind::OrderModify
            | EventKind::OrderCancel
            | EventKind::OrderExecute => self.book.apply_event(self.basis, view, row),
            // What a liquidation took is printed as trades too; statistics fill nothing.
            EventKind::Liquidation
            | EventKind::Mark
            | EventKind::Index
            | EventKind::Funding
            | EventKind::OpenInterest => {}
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
        out: &mut Vec<(AccountId, Report)>,
    ) -> Result<(), MoneyOverflow> {
        let passive = aggressor.opposite();
        let mut left = qty;
        // Better prices trade first, whenever they came.
        for order in self.orders.iter_mut().filter(|o| o.side == passive) {
            if (order.price - price) * passive.sign() > 0 {
                let fill = order.leaves();
                left = (left - fill).max(0);
                order.filled += fill;
                out.push((AccountId::default(), maker_fill(&self.math, order.id, order.price, fill, now)?));
            }
        }
        for order in self.orders.iter_mut().filter(|o| o.side == passive && o.price == price) {
            self.queue.on_trade_ahead(&mut order.place, qty - left);
            if left == 0 {
                continue;
            }
            let reach =
                self.queue.on_trade(&mut order.place, left, order.displayed, self.lot, &mut self.random);
            let fill = reach.min(order.leaves());
            if fill > 0 {
                left = (left - fill).max(0);
                order.filled += fill;
                out.push((AccountId::default(), maker_fill(&self.math, order.id, order.price, fill, now)?));
            }
        }
        self.orders.retain(|o| o.leaves() > 0);
        Ok(())
    }

    /// After a message: queues of levels that changed, orders the other side has reached.
    fn on_book_changed(&mut self, now: i64, out: &mut Vec<(AccountId, Report)>) -> Result<(), MoneyOverflow> {
        if !self.taken.is_empty() {
            self.taken.retain(|t| self.book.qty_at(t.side, t.price) == t.displayed);
        }
        if !self.book.is_synced() {
            return Ok(());
        }
        // Best prices that could reach our buys and sells; most often they do not come near.
        let best = [self.book.best_ask(), self.book.best_bid()];
        let mut filled = false;
        for at in 0..self.orders.len() {
            let (side, price, leaves) =
                (self.orders[at].side, self.orders[at].price, self.orders[at].leaves());
            let near = best[side.index()].is_some_and(|other| reaches(side, price, other));
            if near && !self.book.is_crossed() && self.would_take(side, price) {
                let fill = if self.orders[at].remainder {
                    self.use_up(side, Some(price), leaves).iter().map(|(_, qty)| qty).sum()
                } else {
                    leaves
                };
                let order = &mut self.orders[at];
                order.filled += fill;
                out.push((AccountId::default(), maker_fill(&self.math, order.id, price, fill, now)?));
                if fill == leaves {
                    filled = true;
                    continue;
                }
            }
            let Some(displayed) = self.shown_at(side, price) else { continue };
            let order = &mut self.orders[at];
            if order.place.is_unknown() {
                order.place = QueuePosition::behind(displayed);
            } else if displayed != order.displayed {
                self.queue.on_depth(&mut order.place, order.displayed, displayed, self.unit);
            }
            order.displayed = displayed;
        }
        if filled {
            self.orders.retain(|o| o.leaves() > 0);
        }
        Ok(())
    }

    /// What the data shows of a price; of a quote nothing behind it.
    fn shown_at(&self, side: Side, price: i64) -> Option<i64> {
        let behind = |best: Level| (best.price - price) * side.sign() > 0;
        if self.basis == FillBasis::L1 && self.book.best(side).is_some_and(behind) {
            return None;
        }
        self.book.shown_at(side, price)
    }

    /// Best price of a side at which something is left for us.
    fn best_available(&self, side: Side) -> Option<i64> {
        self.free_levels(side).next().map(|(level, _)| level.price)
    }

    /// Levels of a side at which at least a lot is left for us, and how much.
    fn free_levels(&self, side: Side) -> impl Iterator<Item = (Level, i64)> + '_ {
        self.book
            .iter(side)
            .map(move |level| (level, level.qty - self.taken_at(side, level.price)))
            .filter(|(_, free)| *free >= self.lot)
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
        _account: AccountId,
        command: Command,
        now: i64,
        out: &mut Vec<(AccountId, Report)>,
    ) -> Result<(), MoneyOverflow> {
        match command {
            Command::Submit { order, request } => self.submit(order, &request, now, out),
            Command::Cancel { order, .. } => {
                let kind = match self.orders.iter().position(|o| o.id == order) {
                    Some(at) => {
                        self.orders.remove(at);
                        ReportKind::Cancelled
                    }
                    None => ReportKind::CancelRejected(Reason::UnknownOrder),
                };
                out.push((AccountId::default(), Report::on(order, now, kind)));
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
        out: &mut Vec<(AccountId, Report)>,
    ) -> Result<(), MoneyOverflow> {
        let mut say = |kind| out.push((AccountId::default(), Report::on(id, now, kind)));
        if !self.book.is_synced() {
            say(ReportKind::Rejected(Reason::BookNotSynced));
            return Ok(());
        }
        let side = request.side;
        let limit = request.order_type.price();
        if let Some(reason) = self.refuses(side, limit, request.post_only) {
            say(ReportKind::Rejected(reason));
            return Ok(());
        }
        say(ReportKind::Accepted);
        if request.time_in_force == TimeInForce::Fok && self.available(side, limit) < request.qty {
            say(ReportKind::Expired(Reason::FokNotFillable));
            return Ok(());
        }
        let filled = self.take(id, side, limit, request.qty, now, out)?;
        if filled == request.qty {
            return Ok(());
        }
        let expires = |reason| Report::on(id, now, ReportKind::Expired(reason));
        let price = match (request.order_type, request.time_in_force) {
            (OrderType::Market, _) => {
                out.push((AccountId::default(), expires(Reason::NoLiquidity)));
                return Ok(());
            }
            (OrderType::Limit { .. }, TimeInForce::Ioc | TimeInForce::Fok) => {
                out.push((AccountId::default(), expires(Reason::IocRemainder)));
                return Ok(());
            }
            (OrderType::Limit { price }, TimeInForce::Gtc) => price,
        };
        self.rest(Resting {
            id,
            side,
            price,
            qty: request.qty,
            filled,
            post_only: request.post_only,
            remainder: false,
            place: QueuePosition::default(),
            displayed: 0,
        });
        Ok(())
    }

    /// Puts an order at the end of the queue of its price.
    fn rest(&mut self, mut order: Resting) {
        let shown = self.shown_at(order.side, order.price);
        order.place = shown.map_or(QueuePosition::UNKNOWN, QueuePosition::behind);
        order.displayed = shown.unwrap_or(0);
        order.remainder |= self
            .book
            .best(order.side.opposite())
            .is_some_and(|other| reaches(order.side, order.price, other.price));
        self.orders.push(order);
    }

    /// Why an order that would take liquidity at once is not let in.
    fn refuses(&self, side: Side, limit: Option<i64>, post_only: bool) -> Option<Reason> {
        if !limit.is_none_or(|limit| self.would_take(side, limit)) {
            return None;
        }
        if post_only {
            return Some(Reason::PostOnlyWouldCross);
        }
        self.book.is_crossed().then_some(Reason::BookCrossed)
    }

    /// A replacement keeps the queue place only when the price stays and the quantity shrinks. It is refused, and
    /// the order stays as it was, where a new order would be.
    fn replace(
        &mut self,
        id: OrderId,
        price: i64,
        qty: i64,
        now: i64,
        out: &mut Vec<(AccountId, Report)>,
    ) -> Result<(), MoneyOverflow> {
        let mut say = |kind| out.push((AccountId::default(), Report::on(id, now, kind)));
        let Some(at) = self.orders.iter().position(|o| o.id == id) else {
            say(ReportKind::ReplaceRejected(Reason::UnknownOrder));
            return Ok(());
        };
        let order = &self.orders[at];
        let (side, filled) = (order.side, order.filled);
        if qty <= filled {
            self.orders.remove(at);
            say(ReportKind::Cancelled);
            return Ok(());
        }
        if price == order.price && qty <= order.qty {
            self.orders[at].qty = qty;
            say(ReportKind::Replaced { price, qty });
            return Ok(());
        }
        if !self.book.is_synced() {
            say(ReportKind::ReplaceRejected(Reason::BookNotSynced));
            return Ok(());
        }
        if let Some(reason) = self.refuses(side, Some(price), order.post_only) {
            say(ReportKind::ReplaceRejected(reason));
            return Ok(());
        }
        let mut order = self.orders.remove(at);
        say(ReportKind::Replaced { price, qty });
        order.filled += self.take(id, side, Some(price), qty - filled, now, out)?;
        if order.filled < qty {
            order.price = price;
            order.qty = qty;
            self.rest(order);
        }
        Ok(())
    }

    /// Whether a limit order at `price` would find something to take.
    fn would_take(&self, side: Side, price: i64) -> bool {
        self.best_available(side.opposite()).is_some_and(|other| reaches(side, price, other))
    }

    /// What a taker of `side` finds up to `limit`.
    fn available(&self, side: Side, limit: Option<i64>) -> i64 {
        self.reachable(side, limit).fold(0i64, |sum, (_, free)| sum.saturating_add(free))
    }

    /// Levels a taker of `side` reaches up to `limit`, and the whole lots left for us.
    fn reachable(&self, side: Side, limit: Option<i64>) -> impl Iterator<Item = (Level, i64)> + '_ {
        self.free_levels(side.opposite())
            .take_while(move |(level, _)| limit.is_none_or(|limit| reaches(side, limit, level.price)))
            .map(|(level, free)| (level, free / self.lot * self.lot))
    }

    fn take(
        &mut self,
        id: OrderId,
        side: Side,
        limit: Option<i64>,
        qty: i64,
        now: i64,
        out: &mut Vec<(AccountId, Report)>,
    ) -> Result<i64, MoneyOverflow> {
        let mut filled = 0;
        for (price, qty) in self.use_up(side, limit, qty) {
            filled += qty;
            let value = self.math.value(price, qty)?;
            let fee = self.math.fee(value, false).ok_or(MoneyOverflow { price, qty })?;
            let kind = ReportKind::Fill { price, qty, liquidity: Liquidity::Taker, fee };
            out.push((AccountId::default(), Report::on(id, now, kind)));
        }
        Ok(filled)
    }

    /// Takes up to `qty` of what a taker of `side` reaches off the book, as far as we are concerned; returns prices
    /// and quantities.
    fn use_up(&mut self, side: Side, limit: Option<i64>, qty: i64) -> Vec<(i64, i64)> {
        let mut left = qty;
        let mut hits = Vec::new();
        for (level, free) in self.reachable(side, limit) {
            let qty = free.min(left);
            hits.push((level, qty));
            left -= qty;
            if left == 0 {
                break;
            }
        }
        let other = side.opposite();
        for &(Level { price, qty: displayed }, qty) in &hits {
            match self.taken.iter_mut().find(|t| t.side == other && t.price == price) {
                Some(taken) => taken.qty += qty,
                None => self.taken.push(Taken { side: other, price, displayed, qty }),
            }
        }
        hits.into_iter().map(|(level, qty)| (level.price, qty)).collect()
    }
}

/// Whether an order of `side` at `price` is good enough for the other side's `other`.
fn reaches(side: Side, price: i64, other: i64) -> bool {
    price * side.sign() >= other * side.sign()
}

fn maker_fill(
    math: &ContractMath,
    order: OrderId,
    price: i64,
    qty: i64,
    now: i64,
) -> Result<Report, MoneyOverflow> {
    let value = math.value(price, qty)?;
    let fee = math.fee(value, true).ok_or(MoneyOverflow { price, qty })?;
    let kind = ReportKind::Fill { price, qty, liquidity: Liquidity::Maker, fee };
    Ok(Report::on(order, now, kind))
}
