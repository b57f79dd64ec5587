//! The kernel's state as a strategy may read and change it from inside a hook.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::market_view::MarketView;
use super::record::{Record, RunDigest};
use crate::book::{L2Book, Touch};
use crate::event::FeedClock;
use crate::ledger::{ContractMath, MoneyOverflow, Position};
use crate::orders::{
    Command, Order, OrderId, OrderRequest, OrderType, Pending, Reason, TimeInForce, Update, UpdateKind,
};
use crate::types::{Instrument, Money, Side};

/// Why a request cannot even be sent: a mistake in the strategy, not a venue's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// A price or quantity between two steps.
    #[error("{instrument}: {field} {value} is not a multiple of {step}")]
    OffGrid {
        /// The instrument.
        instrument: String,
        /// `price` or `qty`.
        field: &'static str,
        /// The value.
        value: String,
        /// The step.
        step: String,
    },
    /// A price or quantity that is zero or negative.
    #[error("{instrument}: {field} {value} must be greater than zero")]
    NotPositive {
        /// The instrument.
        instrument: String,
        /// `price` or `qty`.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// Terms that contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The strategy already has an open order of that name.
    #[error("client id {0:?} is in use by an open order")]
    DuplicateClientId(String),
    /// An amount is out of range.
    #[error(transparent)]
    Money(#[from] MoneyOverflow),
}

/// What a strategy wants to quote on one side.
pub type QuoteSide = Option<(i64, i64)>;

/// What the kernel knows about one traded instrument.
pub struct MarketState {
    /// The instrument.
    pub instrument: Arc<Instrument>,
    /// Its contract arithmetic.
    pub math: ContractMath,
    /// Index of its settlement currency.
    pub currency: usize,
    /// How its messages are stamped.
    pub clock: FeedClock,
    /// The strategies' view of it.
    pub view: MarketView,
}

/// What one strategy has in one instrument.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Its position.
    pub position: Position,
    /// The orders behind its two-sided quote: bid, ask.
    quotes: [Option<OrderId>; 2],
}

/// The kernel's state. Strategies reach it through [`Context`].
pub struct Core {
    pub(crate) now: i64,
    pub(crate) markets: Vec<MarketState>,
    pub(crate) currencies: Vec<String>,
    /// Open orders by ascending id.
    pub(crate) orders: Vec<Order>,
    pub(crate) accounts: Vec<Vec<Account>>,
    /// Timers: time, order of creation, strategy, interval (0 for once).
    pub(crate) timers: BinaryHeap<Reverse<(i64, u64, usize, i64)>>,
    next_timer: u64,
    pub(crate) commands: Vec<Command>,
    /// Refusals of our own, to be delivered like a venue's.
    pub(crate) refusals: Vec<Update>,
    /// Index of the strategy whose hook runs.
    pub(crate) active: usize,
    next_order: OrderId,
    /// Tables and digest of the run.
    pub record: Record,
    pub(crate) digest: RunDigest,
}

impl Core {
    pub(crate) fn new(markets: Vec<MarketState>, currencies: Vec<String>, strategies: usize) -> Self {
        let accounts = vec![vec![Account::default(); markets.len()]; strategies];
        Self {
            now: i64::MIN,
            markets,
            currencies,
            orders: Vec::new(),
            accounts,
            timers: BinaryHeap::new(),
            next_timer: 1,
            commands: Vec::new(),
            refusals: Vec::new(),
            active: 0,
            next_order: 1,
            record: Record::default(),
            digest: RunDigest::default(),
        }
    }

    /// The kernel's time, ns UTC.
    #[inline]
    pub fn now_ns(&self) -> i64 {
        self.now
    }

    /// Number of instruments.
    pub fn markets(&self) -> usize {
        self.markets.len()
    }

    /// An instrument.
    pub fn instrument(&self, market: usize) -> &Arc<Instrument> {
        &self.markets[market].instrument
    }

    /// What is known about an instrument.
    pub fn market(&self, market: usize) -> &MarketState {
        &self.markets[market]
    }

    /// Settlement currencies in use, by index.
    pub fn currencies(&self) -> &[String] {
        &self.currencies
    }

    /// Best prices of an instrument as known now.
    #[inline]
    pub fn touch(&mut self, market: usize) -> Touch {
        self.markets[market].view.touch(self.now)
    }

    /// The book of an instrument as known now.
    pub fn book(&mut self, market: usize) -> &L2Book {
        self.markets[market].view.book(self.now)
    }

    /// The active strategy's position in an instrument.
    #[inline]
    pub fn position(&self, market: usize) -> &Position {
        &self.accounts[self.active][market].position
    }

    /// The average entry price of that position in price increments.
    pub fn avg_entry_price(&self, market: usize) -> Option<f64> {
        self.position(market).avg_entry_price(&self.markets[market].math)
    }

    /// Profit of that position at the mid as known now (or last known), before fees.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn unrealized(&mut self, market: usize) -> Result<Money, MoneyOverflow> {
        let MarketState { math, view, .. } = &mut self.markets[market];
        match view.twice_mid(self.now) {
            Some(twice_mid) => self.accounts[self.active][market].position.unrealized(math, twice_mid),
            None => Ok(Money::ZERO),
        }
    }

    /// The active strategy's cash plus marked positions in one settlement currency, after fees.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn equity(&mut self, currency: usize) -> Result<Money, MoneyOverflow> {
        let mut total = Money::ZERO;
        for market in 0..self.markets.len() {
            let MarketState { math, view, currency: settles, .. } = &mut self.markets[market];
            if *settles != currency {
                continue;
            }
            let position = &self.accounts[self.active][market].position;
            total += position.cash;
            if position.qty != 0 {
                total += match view.twice_mid(self.now) {
                    Some(twice_mid) => position.marked(math, twice_mid)?,
                    // Never seen a price: worth what was paid.
                    None if (position.qty > 0) == math.is_inverse() => -position.open_cost,
                    None => position.open_cost,
                };
            }
        }
        Ok(total)
    }

    /// The active strategy's open orders, oldest first.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> + '_ {
        self.orders.iter().filter(|o| o.strategy == self.active && !o.status.is_closed())
    }

    /// Open orders of all strategies.
    pub fn orders_open(&self) -> usize {
        self.orders.len()
    }

    /// What every strategy has in an instrument.
    pub fn accounts_in(&self, market: usize) -> impl Iterator<Item = &Account> + '_ {
        self.accounts.iter().map(move |accounts| &accounts[market])
    }

    /// An open order of the active strategy.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.find(id).map(|at| &self.orders[at]).filter(|o| o.strategy == self.active)
    }

    /// The id of the active strategy's open order of that name.
    pub fn order_by_client_id(&self, client_id: &str) -> Option<OrderId> {
        self.open_orders().find(|o| o.client_id.as_deref() == Some(client_id)).map(|o| o.id)
    }

    pub(crate) fn find(&self, id: OrderId) -> Option<usize> {
        self.orders.binary_search_by_key(&id, |o| o.id).ok()
    }

    /// Sends a new order and returns its id.
    ///
    /// # Errors
    /// [`OrderError`] when the request is not one a venue could be asked.
    pub fn submit(&mut self, request: OrderRequest) -> Result<OrderId, OrderError> {
        let reason = self.check(&request)?;
        if let Some(name) = &request.client_id
            && self.order_by_client_id(name).is_some()
        {
            return Err(OrderError::DuplicateClientId(name.to_string()));
        }
        let id = self.next_order;
        self.next_order += 1;
        self.orders.push(Order::new(id, self.active, &request, self.now));
        self.record.order_count += 1;
        let command = Command::Submit { order: id, request };
        self.digest.command(self.now, self.active, &command);
        match reason {
            Reason::None => self.commands.push(command),
            reason => {
                let kind = UpdateKind::Rejected(reason);
                self.refusals.push(Update { order: id, ts_event: self.now, kind });
            }
        }
        Ok(id)
    }

    /// The one place where prices and quantities of orders are held against the instrument.
    fn check(&mut self, request: &OrderRequest) -> Result<Reason, OrderError> {
        let market = request.market;
        self.check_qty(market, request.qty)?;
        let limit = request.order_type == OrderType::Limit;
        if limit {
            self.check_price(market, request.price)?;
        }
        if request.post_only && !(limit && request.time_in_force == TimeInForce::Gtc) {
            return Err(OrderError::Contradiction(
                "a post-only order must be a limit order that is good till cancelled",
            ));
        }
        if request.qty < self.markets[market].instrument.min_qty {
            return Ok(Reason::MinQty);
        }
        let price = if limit {
            Some(request.price)
        } else {
            let touch = self.touch(market);
            if request.side == Side::Buy { touch.best_ask() } else { touch.best_bid() }
        };
        let MarketState { instrument, math, .. } = &self.markets[market];
        if instrument.min_notional > Money::ZERO
            && let Some(price) = price
            && math.notional(instrument, price, request.qty)? < instrument.min_notional
        {
            return Ok(Reason::MinNotional);
        }
        Ok(Reason::None)
    }

    fn check_price(&self, market: usize, price: i64) -> Result<(), OrderError> {
        let instrument = &self.markets[market].instrument;
        let grid = instrument.price_increment;
        check_step(instrument, "price", price, instrument.tick_size, |steps| {
            grid.to_decimal(steps).to_string()
        })
    }

    fn check_qty(&self, market: usize, qty: i64) -> Result<(), OrderError> {
        let instrument = &self.markets[market].instrument;
        let grid = instrument.qty_increment;
        check_step(instrument, "qty", qty, instrument.lot_size, |steps| grid.to_decimal(steps).to_string())
    }

    /// Asks to cancel an order of the active strategy; `false` when there is nothing to cancel.
    pub fn cancel(&mut self, id: OrderId) -> bool {
        let Some(at) = self.find(id).filter(|at| self.orders[*at].strategy == self.active) else {
            return false;
        };
        self.cancel_at(at, Reason::None)
    }

    fn cancel_at(&mut self, at: usize, reason: Reason) -> bool {
        let order = &mut self.orders[at];
        if order.status.is_closed() || order.pending == Pending::Cancel {
            return false;
        }
        order.pending = Pending::Cancel;
        order.reason = reason;
        let command = Command::Cancel { order: order.id, market: order.market };
        self.digest.command(self.now, order.strategy, &command);
        self.commands.push(command);
        true
    }

    /// Asks to cancel every open order of the active strategy, in one instrument or in all.
    pub fn cancel_all(&mut self, market: Option<usize>, reason: Reason) -> usize {
        let mut asked = 0;
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            if order.strategy == self.active && market.is_none_or(|m| m == order.market) {
                asked += usize::from(self.cancel_at(at, reason));
            }
        }
        asked
    }

    /// Asks to give an order of the active strategy a new price and total quantity; `false` when it is no longer
    /// open or already being cancelled.
    ///
    /// # Errors
    /// [`OrderError`] when price or quantity do not fit the instrument.
    pub fn replace(&mut self, id: OrderId, price: i64, qty: i64) -> Result<bool, OrderError> {
        let Some(at) = self.find(id).filter(|at| self.orders[*at].strategy == self.active) else {
            return Ok(false);
        };
        let order = &self.orders[at];
        if order.status.is_closed() || order.pending == Pending::Cancel {
            return Ok(false);
        }
        if order.order_type == OrderType::Market {
            return Err(OrderError::Contradiction("a market order cannot be replaced"));
        }
        let market = order.market;
        self.check_price(market, price)?;
        self.check_qty(market, qty)?;
        let order = &mut self.orders[at];
        order.pending = Pending::Replace { price, qty };
        order.replaces_in_flight += 1;
        let command = Command::Replace { order: id, market, price, qty };
        self.digest.command(self.now, order.strategy, &command);
        self.commands.push(command);
        Ok(true)
    }

    /// Makes the active strategy's two-sided quote what it is asked to be, with as few requests as possible.
    ///
    /// A side that already rests (or is on its way) at that price and quantity is left alone and keeps its queue
    /// place; another price or quantity replaces it; `None` cancels it.
    ///
    /// # Errors
    /// [`OrderError`] when a price or quantity does not fit the instrument.
    pub fn quote(
        &mut self,
        market: usize,
        bid: QuoteSide,
        ask: QuoteSide,
        post_only: bool,
    ) -> Result<(), OrderError> {
        for (side, target) in [(Side::Buy, bid), (Side::Sell, ask)] {
            let slot = self.accounts[self.active][market].quotes[side.index()];
            let working = slot.and_then(|id| self.find(id)).filter(|at| {
                !self.orders[*at].status.is_closed() && self.orders[*at].pending != Pending::Cancel
            });
            match (working, target) {
                (None, None) => {}
                (Some(at), None) => {
                    self.cancel_at(at, Reason::None);
                }
                (Some(at), Some((price, qty))) => {
                    let order = &self.orders[at];
                    if order.intended() != (price, qty) {
                        let id = order.id;
                        self.replace(id, price, qty)?;
                    }
                }
                (None, Some((price, qty))) => {
                    let id = self.submit(OrderRequest {
                        market,
                        side,
                        order_type: OrderType::Limit,
                        price,
                        qty,
                        time_in_force: TimeInForce::Gtc,
                        post_only,
                        client_id: None,
                    })?;
                    self.accounts[self.active][market].quotes[side.index()] = Some(id);
                }
            }
        }
        Ok(())
    }

    /// Calls [`super::Strategy::on_timer`] every `interval_ns`, first one interval from now.
    pub fn every(&mut self, interval_ns: i64) -> u64 {
        let interval = interval_ns.max(1);
        self.add_timer(self.now.saturating_add(interval), interval)
    }

    /// Calls [`super::Strategy::on_timer`] once, at `ts_ns` (at once if that has passed).
    pub fn at(&mut self, ts_ns: i64) -> u64 {
        self.add_timer(ts_ns.max(self.now), 0)
    }

    fn add_timer(&mut self, at: i64, interval: i64) -> u64 {
        let id = self.next_timer;
        self.next_timer += 1;
        self.timers.push(Reverse((at, id, self.active, interval)));
        id
    }

    /// Books what an update says and returns the profit a fill realised.
    pub(crate) fn book_fill(&mut self, at: usize, update: &Update) -> Result<Money, MoneyOverflow> {
        let UpdateKind::Fill { price, qty, fee, .. } = update.kind else {
            return Ok(Money::ZERO);
        };
        let order = &self.orders[at];
        let math = self.markets[order.market].math;
        self.accounts[order.strategy][order.market].position.apply(&math, order.side, price, qty, fee)
    }

    /// Moves an order that has ended to the record.
    pub(crate) fn retire(&mut self, at: usize) {
        if self.orders[at].status.is_closed() {
            let order = self.orders.remove(at);
            self.record.orders.push(order);
        }
    }
}

fn check_step(
    instrument: &Instrument,
    field: &'static str,
    value: i64,
    step: i64,
    show: impl Fn(i64) -> String,
) -> Result<(), OrderError> {
    if value <= 0 {
        return Err(OrderError::NotPositive {
            instrument: instrument.id.to_string(),
            field,
            value: show(value),
        });
    }
    if value % step != 0 {
        return Err(OrderError::OffGrid {
            instrument: instrument.id.to_string(),
            field,
            value: show(value),
            step: show(step),
        });
    }
    Ok(())
}

/// The core while a hook runs. It can be taken out and put back, so that a strategy in another language can own
/// it for the length of a hook.
pub struct Context(Option<Box<Core>>);

impl Context {
    pub(crate) fn new(core: Core) -> Self {
        Self(Some(Box::new(core)))
    }

    /// Takes the core out. The context is unusable until [`Context::restore`].
    ///
    /// # Panics
    /// When it has already been taken.
    pub fn take(&mut self) -> Box<Core> {
        self.0.take().expect("the core is in place")
    }

    /// Puts the core back.
    pub fn restore(&mut self, core: Box<Core>) {
        self.0 = Some(core);
    }
}

impl Deref for Context {
    type Target = Core;
    #[inline]
    fn deref(&self) -> &Core {
        self.0.as_deref().expect("the core is in place")
    }
}

impl DerefMut for Context {
    #[inline]
    fn deref_mut(&mut self) -> &mut Core {
        self.0.as_deref_mut().expect("the core is in place")
    }
}
