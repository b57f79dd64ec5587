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

/// What is sent to change one side of a quote.
enum QuoteStep {
    Nothing,
    Cancel(OrderId),
    Replace { id: OrderId, price: i64, qty: i64, reason: Reason },
    Submit { instead_of: Option<OrderId>, request: OrderRequest, reason: Reason },
}

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
        self.position(market).avg_entry_price()
    }

    /// Profit of that position at the mid as known now (or last known), before fees.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn unrealized(&mut self, market: usize) -> Result<Money, MoneyOverflow> {
        let MarketState { math, view, .. } = &mut self.markets[market];
        self.accounts[self.active][market].position.unrealized(math, view.twice_mid(self.now))
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
            total += self.accounts[self.active][market].position.equity(math, view.twice_mid(self.now))?;
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
        Ok(self.send_order(request, reason))
    }

    /// Sends a new order that has been checked, or refuses it for the reason found.
    fn send_order(&mut self, request: OrderRequest, reason: Reason) -> OrderId {
        let id = self.next_order;
        self.next_order += 1;
        self.orders.push(Order::new(id, self.active, &request, self.now));
        self.record.order_count += 1;
        self.send(Command::Submit { order: id, request }, reason);
        id
    }

    fn send(&mut self, command: Command, refused: Reason) {
        self.digest.command(self.now, self.active, &command);
        match refused {
            Reason::None => self.commands.push(command),
            reason => self.refusals.push(command.refused(reason, self.now)),
        }
    }

    fn check(&mut self, request: &OrderRequest) -> Result<Reason, OrderError> {
        let limit = request.order_type == OrderType::Limit;
        let price = limit.then_some(request.price);
        let reason = self.check_terms(request.market, request.side, price, request.qty)?;
        if request.post_only && !(limit && request.time_in_force == TimeInForce::Gtc) {
            return Err(OrderError::Contradiction(
                "a post-only order must be a limit order that is good till cancelled",
            ));
        }
        Ok(reason)
    }

    /// The one place where prices and quantities of orders are held against the instrument; without a price it is
    /// the market's. Returns why a venue would refuse them.
    fn check_terms(
        &mut self,
        market: usize,
        side: Side,
        price: Option<i64>,
        qty: i64,
    ) -> Result<Reason, OrderError> {
        self.check_qty(market, qty)?;
        let price = match price {
            Some(price) => {
                self.check_price(market, price)?;
                Some(price)
            }
            None => {
                let touch = self.touch(market);
                if side == Side::Buy { touch.best_ask() } else { touch.best_bid() }
            }
        };
        let MarketState { instrument, math, .. } = &self.markets[market];
        if qty < instrument.min_qty {
            return Ok(Reason::MinQty);
        }
        if instrument.min_notional > Money::ZERO
            && let Some(price) = price
            && math.notional(instrument, price, qty)? < instrument.min_notional
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
        check_qty(&self.markets[market].instrument, "qty", qty)
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
        let (market, side, filled) = (order.market, order.side, order.filled);
        let reason = self.check_terms(market, side, Some(price), qty)?;
        // No more than what is filled asks for the rest to be cancelled, which has no smallest size.
        let reason = if qty <= filled { Reason::None } else { reason };
        self.send_replace(id, market, price, qty, reason);
        Ok(true)
    }

    /// Sends a replacement that has been checked, or refuses it for the reason found.
    fn send_replace(&mut self, id: OrderId, market: usize, price: i64, qty: i64, reason: Reason) {
        if let Some(at) = self.find(id) {
            let order = &mut self.orders[at];
            order.replaces_in_flight += 1;
            if reason == Reason::None {
                order.pending = Pending::Replace { price, qty };
            }
        }
        self.send(Command::Replace { order: id, market, price, qty }, reason);
    }

    /// Makes the active strategy's two-sided quote what it is asked to be, with as few requests as possible.
    ///
    /// The quantity is what shall rest, whatever has been filled before. A side of which that much already rests (or
    /// is on its way) at that price is left alone and keeps its queue place; another price or quantity replaces it,
    /// another `post_only` makes it a new order; `None` cancels it. Nothing is sent unless both sides are sound.
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
        let steps = [
            (Side::Buy, self.plan_quote(market, Side::Buy, bid, post_only)?),
            (Side::Sell, self.plan_quote(market, Side::Sell, ask, post_only)?),
        ];
        for (side, step) in steps {
            match step {
                QuoteStep::Nothing => {}
                QuoteStep::Cancel(id) => {
                    self.cancel(id);
                }
                QuoteStep::Replace { id, price, qty, reason } => {
                    self.send_replace(id, market, price, qty, reason);
                }
                QuoteStep::Submit { instead_of, request, reason } => {
                    if let Some(id) = instead_of {
                        self.cancel(id);
                    }
                    let id = self.send_order(request, reason);
                    self.accounts[self.active][market].quotes[side.index()] = Some(id);
                }
            }
        }
        Ok(())
    }

    /// What brings one side of a quote to where it shall be.
    fn plan_quote(
        &mut self,
        market: usize,
        side: Side,
        target: QuoteSide,
        post_only: bool,
    ) -> Result<QuoteStep, OrderError> {
        let working = self.accounts[self.active][market].quotes[side.index()]
            .and_then(|id| self.find(id))
            .map(|at| &self.orders[at])
            .filter(|order| !order.status.is_closed() && order.pending != Pending::Cancel);
        let Some((price, qty)) = target else {
            return Ok(working.map_or(QuoteStep::Nothing, |order| QuoteStep::Cancel(order.id)));
        };
        let instead_of = working.map(|order| order.id);
        if let Some(order) = working
            && order.post_only == post_only
        {
            let (id, total) = (order.id, order.filled.saturating_add(qty));
            if order.intended() == (price, total) {
                return Ok(QuoteStep::Nothing);
            }
            self.check_qty(market, qty)?;
            let reason = self.check_terms(market, side, Some(price), total)?;
            return Ok(QuoteStep::Replace { id, price, qty: total, reason });
        }
        let request = OrderRequest {
            market,
            side,
            order_type: OrderType::Limit,
            price,
            qty,
            time_in_force: TimeInForce::Gtc,
            post_only,
            client_id: None,
        };
        let reason = self.check(&request)?;
        Ok(QuoteStep::Submit { instead_of, request, reason })
    }

    /// Calls [`super::Strategy::on_timer`] every `interval_ns`, first one interval from now.
    pub fn every(&mut self, interval_ns: i64) -> u64 {
        let interval = interval_ns.max(1);
        self.add_timer(self.now.checked_add(interval), interval)
    }

    /// Calls [`super::Strategy::on_timer`] once, at `ts_ns` (at once if that has passed).
    pub fn at(&mut self, ts_ns: i64) -> u64 {
        self.add_timer(Some(ts_ns.max(self.now)), 0)
    }

    /// A timer that first goes off at `at`, or never when that lies beyond the end of time.
    fn add_timer(&mut self, at: Option<i64>, interval: i64) -> u64 {
        let id = self.next_timer;
        self.next_timer += 1;
        if let Some(at) = at {
            self.timers.push(Reverse((at, id, self.active, interval)));
        }
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

/// Whether an order of this quantity may be sent.
pub(crate) fn check_qty(instrument: &Instrument, field: &'static str, qty: i64) -> Result<(), OrderError> {
    let grid = instrument.qty_increment;
    check_step(instrument, field, qty, instrument.lot_size, |steps| grid.to_decimal(steps).to_string())
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
