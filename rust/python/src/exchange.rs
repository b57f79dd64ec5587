//! The simulated exchange from Python: pushed to by paper trading and by the servers that speak a venue's protocol.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::sync::MutexExt as _;
use pyo3::types::PyDict;
use tradecore_core::event::{Columns as _, EventColumns, EventKind};
use tradecore_core::kernel::HookError;
use tradecore_core::ledger::{Payment, PaymentKind};
use tradecore_core::orders::{Command as CoreCommand, NewTerms, OrderId, OrderType, Trigger, order_kind};
use tradecore_core::sim::{
    Added, Exchange, ExchangeError, ModelFailure, Move, Moved, OpenOrder as CoreOpenOrder, Venue,
    VenueBuilder, VenueError, in_order,
};
use tradecore_core::types::{AccountId, Instrument, Level, MarketId, Money, Price, Qty, Side};

use crate::columns::NumpyColumns;
use crate::commands::Command;
use crate::errors;
use crate::feeds::FeedDecoder;
use crate::instrument::PyInstrument;
use crate::kernel::PyKernel;
use crate::levels::LevelMessage;
use crate::notices::{Notice, Refusal};
use crate::records::{order_type_to_py, side_to_py, time_in_force_to_py};
use crate::roster::market_of;
use crate::terms::{OrderTerms, PostOnly};
use crate::values::{
    decimal_from_text, fine, money_to_py, price_to_py, qty_to_py, text_of, to_at, to_count, to_decimal,
    to_event, to_price, to_qty, to_seed, to_side, to_until,
};
use crate::venue::SimVenue;

/// Prices and quantities in increments.
type Levels = Vec<(i64, i64)>;

/// Market, time, strategy, side, price and quantity of a fill.
type KnownFill<'py> = (usize, i64, usize, Bound<'py, PyAny>, f64, f64);

/// Market, time, strategy, why, quantity and amount of a payment.
type KnownPayment<'py> = (usize, i64, usize, String, f64, Bound<'py, PyAny>);

/// A venue that is being put together, and of each market whether orders look back at it and how fine its book is.
struct Setup {
    builder: VenueBuilder,
    added: Vec<(Added, bool, Option<i64>)>,
}

/// What an exchange is made of until something happens in it, and the exchange from then on.
enum Stage {
    SettingUp(Box<Setup>),
    Open(Box<Exchange>),
    /// What it is made of did not fit together.
    Failed,
}

struct State {
    stage: Stage,
    instruments: Vec<Arc<Instrument>>,
    /// The rows of the message at hand; its memory is used again.
    rows: EventColumns,
    /// Its bids and asks, likewise.
    sides: [Vec<Level>; 2],
}

impl State {
    fn instrument(&self, market: usize) -> PyResult<(MarketId, Arc<Instrument>)> {
        let market = market_of(&self.instruments, market)?;
        Ok((market, Arc::clone(&self.instruments[market.index()])))
    }

    /// The exchange, opened now at the latest.
    fn open(&mut self) -> PyResult<&mut Exchange> {
        if let Stage::SettingUp(_) = self.stage
            && let Stage::SettingUp(setup) = std::mem::replace(&mut self.stage, Stage::Failed)
        {
            let Setup { builder, added } = *setup;
            let venue = builder.open().map_err(venue_error)?;
            self.stage = Stage::Open(Box::new(Exchange::new(venue, &added)));
        }
        match &mut self.stage {
            Stage::Open(exchange) => Ok(exchange),
            _ => Err(errors::RunError::new_err("the exchange could not be opened")),
        }
    }

    fn tell(&mut self, at: i64, account: u32, command: CoreCommand) -> PyResult<()> {
        self.open()?.ask(at, account_of(account), &command).map_err(exchange_error)
    }
}

fn venue_error(error: VenueError) -> PyErr {
    match error {
        VenueError::Settings { error, .. } => errors::settings(error),
        VenueError::Money(error) => errors::money(error),
    }
}

fn exchange_error(error: ExchangeError) -> PyErr {
    match error {
        ExchangeError::Past { .. } => errors::invalid("at_ns", error.to_string()),
        ExchangeError::Model(ModelFailure { error: HookError::Interrupted, .. }) => {
            PyKeyboardInterrupt::new_err(())
        }
        ExchangeError::Model(failure) => errors::RunError::new_err(failure.to_string()),
    }
}

fn account_of(account: u32) -> AccountId {
    AccountId::new(account as usize)
}

/// An order that is open at a simulated exchange.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct OpenOrder {
    market: MarketId,
    order: CoreOpenOrder,
    instrument: Arc<Instrument>,
}

impl OpenOrder {
    fn price_of<'py>(&self, py: Python<'py>, price: Option<Price>) -> PyResult<Option<Bound<'py, PyAny>>> {
        price.map(|price| price_to_py(py, &self.instrument, price.steps())).transpose()
    }
}

#[pymethods]
impl OpenOrder {
    /// Index of the account.
    #[getter]
    fn account(&self) -> usize {
        self.order.account.index()
    }

    /// Number of the order among those of its account.
    #[getter]
    fn order(&self) -> u64 {
        self.order.order
    }

    /// Index of the market.
    #[getter]
    fn market(&self) -> usize {
        self.market.index()
    }

    /// ``Side.BUY`` or ``Side.SELL``.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        side_to_py(py, self.order.side.sign())
    }

    /// What kind of order it is; see :class:`~tradecore.types.OrderType`.
    #[getter]
    fn order_type<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let plain = self.order.price.map_or(OrderType::Market, |price| OrderType::Limit { price });
        order_type_to_py(py, i64::from(order_kind(plain, self.order.trigger)))
    }

    /// Its limit in quote currency; None of a market order that waits.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.price_of(py, self.order.price)
    }

    /// What it is set off by, in quote currency; None where it waits for nothing, or trails.
    #[getter]
    fn trigger_price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.price_of(py, self.order.trigger.and_then(Trigger::price))
    }

    /// In contracts (spot: base units), what is filled of it included.
    #[getter]
    fn qty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        qty_to_py(py, &self.instrument, self.order.qty.steps())
    }

    /// What is filled of it, in contracts (spot: base units).
    #[getter]
    fn filled_qty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        qty_to_py(py, &self.instrument, self.order.filled.steps())
    }

    /// How long it lives; see :class:`~tradecore.types.TimeInForce`.
    #[getter]
    fn time_in_force<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time_in_force_to_py(py, i64::from(self.order.time_in_force.code()))
    }

    /// Whether it rests rather than take liquidity.
    #[getter]
    fn post_only(&self) -> bool {
        self.order.post_only
    }

    /// Whether it only makes a position smaller.
    #[getter]
    fn reduce_only(&self) -> bool {
        self.order.reduce_only
    }

    /// When it arrived at the venue, or what replaced it did, ns UTC.
    #[getter]
    fn arrived_ns(&self) -> i64 {
        self.order.arrived
    }

    fn __repr__(&self) -> String {
        let CoreOpenOrder { order, account, side, qty, .. } = self.order;
        let (id, qty) = (&self.instrument.id, self.instrument.format_qty(qty.steps()));
        let price = self.order.price.map(|price| self.instrument.format_price(price.steps()));
        let price = price.unwrap_or_else(|| "market".to_owned());
        format!("<OpenOrder {order} of account {}: {side} {qty} {id} @ {price}>", account.index())
    }
}

/// A simulated exchange that is driven from outside: what paper trading and local venue servers trade against.
///
/// Add markets; from the first thing that happens on the set-up is closed. Market data is pushed by venue time,
/// commands by the time they are sent; :meth:`advance` lets happen what is due, :meth:`receive` takes what came of
/// it. It is the venue of backtests: the same rows, commands and times make the same reports.
///
/// Its time does not go back. At one nanosecond messages act first, then commands: push messages before
/// :meth:`advance`. What was due before a message happens before it by itself. The rows are taken as they are: a book
/// that stays crossed is not put right, and stamps play no part in when a message acts.
///
/// Accounts are numbers from 0 on. An order's number is its account's own.
///
/// Parameters
/// ----------
/// seed : int
///     Of everything that is drawn.
///
/// Raises
/// ------
/// InvalidValueError
///     By every method, naming the argument that is none: a market out of range, a time that lies back, a price off the
///     grid. Nothing has changed then.
/// RunError
///     Where a model of the user's fails, and by changes of the set-up once something has happened.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct SimExchange(Mutex<State>);

impl SimExchange {
    fn state(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl SimExchange {
    #[new]
    #[pyo3(signature = (*, seed=0))]
    fn new(#[pyo3(from_py_with = to_seed)] seed: u64) -> Self {
        Self(Mutex::new(State {
            stage: Stage::SettingUp(Box::new(Setup {
                builder: VenueBuilder::new(Venue::new(), seed),
                added: Vec::new(),
            })),
            instruments: Vec::new(),
            rows: EventColumns::default(),
            sides: [const { Vec::new() }; 2],
        }))
    }

    /// Add a market and return its index; ``holds`` are the kinds of events that will be pushed.
    ///
    /// They decide what ``basis="auto"`` is. ``granularity="auto"`` is told by the messages so far: give it where runs
    /// are to be compared. ``clock_lead``, ``wrong_stamps``, ``uncross``, ``stale_after`` and the latency of the feed
    /// are its driver's to keep.
    fn add_market(
        &self,
        instrument: &PyInstrument,
        venue: &Bound<'_, PyAny>,
        holds: Vec<u8>,
    ) -> PyResult<usize> {
        let (settings, traded) = venue.extract::<SimVenue>()?.reading()?.trading(&instrument.0);
        let mut state = self.state(venue.py());
        let State { stage: Stage::SettingUp(setup), instruments, .. } = &mut *state else {
            return Err(errors::RunError::new_err("the exchange is open: its set-up cannot change"));
        };
        if instruments.iter().any(|known| known.id == traded.id) {
            return Err(errors::invalid("instrument", format!("{} was added before", traded.id)));
        }
        let holds = holds.into_iter().filter_map(EventKind::from_column).collect();
        let new = setup.builder.add(&traded, &settings, holds, None).map_err(venue_error)?;
        setup.added.push((new, settings.queue.is_tracked(), settings.granularity));
        instruments.push(traded);
        Ok(new.market.index())
    }

    /// Return the instrument of a market as the venue trades it: with its fees, and the orders it takes.
    fn instrument(&self, py: Python<'_>, market: usize) -> PyResult<PyInstrument> {
        Ok(PyInstrument(self.state(py).instrument(market)?.1))
    }

    /// Let event columns of one or several whole messages happen, one after the other.
    fn message(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        market: usize,
        columns: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let mut state = self.state(columns.py());
        let (market, _) = state.instrument(market)?;
        let columns = NumpyColumns::whole_messages(columns)?;
        state.open()?.on_messages(at_ns, market, &columns.view()).map_err(exchange_error)
    }

    /// Let a book update happen, as :meth:`Kernel.levels` has it.
    #[pyo3(signature = (at_ns, market, ts_event, bids, asks, *, snapshot=false))]
    fn levels(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        market: usize,
        #[pyo3(from_py_with = to_event)] ts_event: i64,
        bids: &Bound<'_, PyAny>,
        asks: &Bound<'_, PyAny>,
        snapshot: bool,
    ) -> PyResult<()> {
        let mut state = self.state(bids.py());
        let (market, instrument) = state.instrument(market)?;
        let State { rows, sides, .. } = &mut *state;
        let message = LevelMessage { instrument: &instrument, rows, sides };
        message.read((at_ns, ts_event), bids, asks, snapshot)?;
        happen(&mut state, at_ns, market)
    }

    /// Let happen what a decoder has decoded of the market's instrument and nobody has taken, message by message.
    ///
    /// It stays there: the kernel that is told of it takes it.
    fn decoded(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        market: usize,
        decoder: &FeedDecoder,
    ) -> PyResult<()> {
        let mut state = self.state(py);
        let (market, instrument) = state.instrument(market)?;
        let exchange = state.open()?;
        decoder.with_events(instrument.id.as_str(), |events| {
            exchange.on_messages(at_ns, market, &events.view()).map_err(exchange_error)
        })?
    }

    /// Take a command that the gate of a kernel has approved, sent at ``at_ns``.
    ///
    /// Markets are those of the kernel: add the same in the same order. ``account`` is the command's own if not given.
    #[pyo3(signature = (at_ns, command, *, account=None))]
    fn command(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        command: &Command,
        account: Option<u32>,
    ) -> PyResult<()> {
        let mut state = self.state(py);
        let approved = command.approved();
        state.instrument(approved.get().market().index())?;
        let account = account.map_or(command.account_id(), account_of);
        state.open()?.on_command(at_ns, account, approved).map_err(exchange_error)
    }

    /// Bring a refusal of a kernel's gate back, when the venue's own would have come.
    #[pyo3(signature = (refusal, *, account=None))]
    fn refuse(&self, py: Python<'_>, refusal: &Refusal, account: Option<u32>) -> PyResult<()> {
        let mut state = self.state(py);
        let refusal = &refusal.0;
        state.instrument(refusal.command.market().index())?;
        let account = account.map_or(refusal.account, account_of);
        let exchange = state.open()?;
        exchange.refuse(refusal.at, account, &refusal.command, refusal.reason).map_err(exchange_error)
    }

    /// Take an order of an outside client, sent at ``at_ns``, with the terms of :meth:`Context.submit`.
    ///
    /// It passes a gate without limits. What that or the venue refuses comes back as a notice.
    #[pyo3(signature = (at_ns, account, order, market, side, qty, price=None, *, r#type=None,
        trigger_price=None, trigger=None, trailing_offset=None, time_in_force=None, expires_at=None,
        post_only=PostOnly::OFF, reduce_only=false, display_qty=None),
        text_signature = "($self, at_ns, account, order, market, side, qty, price=None, *, type=None, \
        trigger_price=None, trigger=None, trailing_offset=None, time_in_force=None, expires_at=None, post_only=False, reduce_only=False, display_qty=None)")]
    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn submit(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        account: u32,
        order: OrderId,
        market: usize,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        r#type: Option<&Bound<'_, PyAny>>,
        trigger_price: Option<&Bound<'_, PyAny>>,
        trigger: Option<&Bound<'_, PyAny>>,
        trailing_offset: Option<&Bound<'_, PyAny>>,
        time_in_force: Option<&Bound<'_, PyAny>>,
        expires_at: Option<&Bound<'_, PyAny>>,
        post_only: PostOnly,
        reduce_only: bool,
        display_qty: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let mut state = self.state(side.py());
        let (market, instrument) = state.instrument(market)?;
        let terms = OrderTerms {
            kind: r#type,
            trigger_price,
            trigger,
            trailing_offset,
            time_in_force,
            expires_at,
            post_only,
            reduce_only,
            display_qty,
            client_id: None,
        };
        let request = terms.request(market, &instrument, || to_side(side), qty, price)?;
        state.tell(at_ns, account, CoreCommand::Submit { order, request })
    }

    /// Change price and total quantity of an order of an outside client, and where it is set off if it waits.
    ///
    /// Of an order without a limit the price is what it is valued at.
    #[pyo3(signature = (at_ns, account, order, market, price, qty, *, trigger_price=None))]
    #[allow(clippy::too_many_arguments, reason = "what a venue is asked")]
    fn replace(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        account: u32,
        order: OrderId,
        market: usize,
        price: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        trigger_price: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let mut state = self.state(price.py());
        let (market, instrument) = state.instrument(market)?;
        let terms = NewTerms {
            price: to_price(&instrument, price)?,
            qty: to_qty("qty", &instrument, qty)?,
            trigger: trigger_price.map(|price| to_price(&instrument, price)).transpose()?,
        };
        state.tell(at_ns, account, CoreCommand::Replace { order, market, terms })
    }

    /// Cancel an order of an outside client.
    fn cancel(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        account: u32,
        order: OrderId,
        market: usize,
    ) -> PyResult<()> {
        let mut state = self.state(py);
        let (market, _) = state.instrument(market)?;
        state.tell(at_ns, account, CoreCommand::Cancel { order, market })
    }

    /// Let happen what is due by a time: commands arrive, orders end, instruments come and go, funding is paid.
    fn advance(&self, py: Python<'_>, #[pyo3(from_py_with = to_until)] until_ns: i64) -> PyResult<()> {
        self.state(py).open()?.advance(until_ns).map_err(exchange_error)
    }

    /// Return when something is next due by itself, ns UTC; None for nothing.
    fn next_due(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(self.state(py).open()?.next_due())
    }

    /// Return when the next notice arrives, ns UTC; None for none on its way.
    fn next_report(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(self.state(py).open()?.next_report())
    }

    /// Take what has arrived by a time, in order.
    fn receive(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = to_until)] until_ns: i64,
    ) -> PyResult<Vec<Notice>> {
        let mut state = self.state(py);
        state.open()?;
        let State { stage: Stage::Open(exchange), instruments, .. } = &mut *state else {
            return Ok(Vec::new());
        };
        let told = std::iter::from_fn(|| exchange.receive(until_ns));
        let instrument = |market: MarketId| Arc::clone(&instruments[market.index()]);
        Ok(told.map(|(at, notice)| Notice::new(at, notice, &instrument)).collect())
    }

    /// How far it has got, ns UTC; None before anything has happened.
    #[getter]
    fn now_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(Some(self.state(py).open()?.now_ns()).filter(|now| *now > i64::MIN))
    }

    /// Return the open orders of an account, by market: those that rest, that wait for a print, for a trigger.
    fn open_orders(&self, py: Python<'_>, account: u32) -> PyResult<Vec<OpenOrder>> {
        let mut state = self.state(py);
        let open: Vec<_> = state.open()?.open_orders(account_of(account)).collect();
        let view = |(market, order): (MarketId, CoreOpenOrder)| {
            let instrument = Arc::clone(&state.instruments[market.index()]);
            OpenOrder { market, order, instrument }
        };
        Ok(open.into_iter().map(view).collect())
    }

    /// Return what an account has of each currency, Decimal, as ``{currency: (held, locked)}``, by venue.
    ///
    /// ``locked`` is the part of what is held that open spot orders may pay. Empty for venues without ``balances``.
    fn balances<'py>(&self, py: Python<'py>, account: u32) -> PyResult<Bound<'py, PyDict>> {
        let mut state = self.state(py);
        let out = PyDict::new(py);
        for (venue, balance) in state.open()?.venue().balances(account_of(account)) {
            let held = match out.get_item(venue)? {
                Some(held) => held.cast_into::<PyDict>()?,
                None => PyDict::new(py),
            };
            let amounts = (money_to_py(py, balance.held)?, money_to_py(py, balance.locked)?);
            held.set_item(balance.currency, amounts)?;
            out.set_item(venue, held)?;
        }
        Ok(out)
    }

    /// Return what an account has in a market.
    ///
    /// ``qty`` in contracts (spot: base units, of what was traded here). Where it is traded on margin also
    /// ``avg_entry_price`` (float or None), ``mark_price`` (float or None), and Decimal in the settlement currency
    /// ``unrealized_pnl``, ``realized_pnl``, ``value``, ``initial_margin`` (open orders included),
    /// ``maintenance_margin`` and ``isolated_margin`` (None where margin is cross), and ``leverage``.
    fn position<'py>(&self, py: Python<'py>, account: u32, market: usize) -> PyResult<Bound<'py, PyDict>> {
        let mut state = self.state(py);
        let (market, instrument) = state.instrument(market)?;
        let venue = state.open()?.venue();
        let out = PyDict::new(py);
        let qty = venue.held(account_of(account), market);
        out.set_item("qty", qty_to_py(py, &instrument, qty)?)?;
        if let Some(margined) = venue.margined(account_of(account), market) {
            let step = instrument.price_increment;
            let average = margined.position.avg_entry_price().map(|price| price * step.to_f64(1));
            out.set_item("avg_entry_price", average)?;
            out.set_item("mark_price", margined.mark.map(fine))?;
            for (name, amount) in [
                ("unrealized_pnl", margined.unrealized),
                ("realized_pnl", margined.position.realized),
                ("value", margined.value),
                ("initial_margin", margined.initial),
                ("maintenance_margin", margined.maintenance),
            ] {
                out.set_item(name, money_to_py(py, amount)?)?;
            }
            let isolated = margined.isolated.map(|margin| money_to_py(py, margin)).transpose()?;
            out.set_item("isolated_margin", isolated)?;
            out.set_item("leverage", decimal_from_text(py, &margined.leverage.to_string())?)?;
        }
        Ok(out)
    }

    /// Let an account have what the strategies of a kernel came to, which has the same markets.
    ///
    /// Positions, what stands behind them and balances are those of an account that came to it here, to the last unit.
    /// For an exchange that begins anew.
    ///
    /// Parameters
    /// ----------
    /// kernel : Kernel
    /// fills : sequence of tuple
    ///     All of them as they became known: market, time at the venue (ns), strategy, side, price, quantity.
    /// payments : sequence of tuple
    ///     What the venue moved of its own accord: market, time at the venue (ns), strategy, why, the quantity it was
    ///     paid on, amount.
    /// account : int
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For others than those of the kernel.
    #[pyo3(signature = (kernel, fills, payments, *, account=0))]
    fn take_over(
        &self,
        py: Python<'_>,
        kernel: &PyKernel,
        fills: Vec<KnownFill<'_>>,
        payments: Vec<KnownPayment<'_>>,
        account: u32,
    ) -> PyResult<()> {
        let mut state = self.state(py);
        let account = account_of(account);
        let (mut bought, mut paid) =
            (vec![Vec::new(); state.instruments.len()], vec![Vec::new(); state.instruments.len()]);
        for (market, ts_event, strategy, side, price, qty) in fills {
            let (market, of) = state.instrument(market)?;
            let price = Price::new(to_count("price", price, of.price_increment.to_f64(1))?);
            let qty = Qty::new(to_count("qty", qty, of.qty_increment.to_f64(1))?);
            let moved = Moved::Fill { side: to_side(&side)?, price, qty };
            bought[market.index()].push(Move { ts_event, strategy, moved });
        }
        for (market, ts_event, strategy, why, qty, amount) in payments {
            let (market, of) = state.instrument(market)?;
            let kind = PaymentKind::ALL.into_iter().find(|kind| kind.as_str() == why);
            let kind = kind
                .ok_or_else(|| errors::invalid("why", format!("expected a kind of payment, got {why:?}")))?;
            let qty = to_count("qty", qty, of.qty_increment.to_f64(1))?;
            let amount = Money::from_decimal(to_decimal("paid", &amount)?);
            let amount = amount.map_err(|error| errors::invalid("paid", error.to_string()))?;
            let payment = Payment { account, market, ts_event, kind, qty, price: 0, rate: 0, paid: amount };
            paid[market.index()].push(Move { ts_event, strategy, moved: Moved::Payment(payment) });
        }
        for (at, (fills, payments)) in bought.into_iter().zip(paid).enumerate() {
            let (market, of) = state.instrument(at)?;
            let moves = in_order(fills, payments);
            let known = kernel.positions_in(market)?;
            let qty = known.iter().fold(0_i64, |sum, position| sum.saturating_add(position.qty));
            let cash = known.iter().try_fold(Money::ZERO, |sum, position| sum.checked_add(position.cash));
            let moved = Moved::held(&moves);
            if moved != qty {
                let problem = format!("come to {moved} lots of {}, the kernel holds {qty}", of.id);
                return Err(errors::invalid("fills", problem));
            }
            let cash = cash.ok_or_else(|| {
                errors::invalid("kernel", format!("cash in {} is beyond exact money", of.id))
            })?;
            state.open()?.take_over(account, market, cash, &moves);
        }
        Ok(())
    }

    /// Lever what an account trades in a market from now on.
    ///
    /// Return False where its equity does not allow it, or there is no margin.
    fn set_leverage(&self, account: u32, market: usize, leverage: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mut state = self.state(leverage.py());
        let (market, _) = state.instrument(market)?;
        let leverage = text_of(leverage)?.parse();
        let leverage = leverage.map_err(|error: tradecore_core::ledger::BadLeverage| {
            errors::invalid("leverage", error.to_string())
        })?;
        Ok(state.open()?.set_leverage(account_of(account), market, leverage))
    }

    /// Return the best bids and asks of a market as ``(price, qty)`` in increments, best first.
    ///
    /// With ``own``, as the venue shows them: with open orders in them, and without what these have taken. Else as they
    /// were pushed.
    #[pyo3(signature = (market, levels, *, own=true))]
    fn depth(&self, py: Python<'_>, market: usize, levels: usize, own: bool) -> PyResult<(Levels, Levels)> {
        let mut state = self.state(py);
        let (market, _) = state.instrument(market)?;
        let market = state.open()?.market(market);
        let side = |side| market.depth(side, levels, own).into_iter().map(|level| (level.price, level.qty));
        Ok((side(Side::Buy).collect(), side(Side::Sell).collect()))
    }

    /// Return price and quantity of the last trade that was pushed to a market, in increments; None before any.
    fn last_trade(&self, py: Python<'_>, market: usize) -> PyResult<Option<(i64, i64)>> {
        let mut state = self.state(py);
        let (market, _) = state.instrument(market)?;
        let last = state.open()?.last_trade(market);
        Ok(last.map(|(price, qty)| (price.steps(), qty.steps())))
    }

    /// Return the price positions in a market are valued at, in quote currency: mark, else index, else the mid.
    fn mark_price(&self, py: Python<'_>, market: usize) -> PyResult<Option<f64>> {
        let mut state = self.state(py);
        let (market, _) = state.instrument(market)?;
        Ok(state.open()?.venue().mark(market).map(fine))
    }
}

/// Lets the messages happen that `rows` hold.
fn happen(state: &mut State, at: i64, market: MarketId) -> PyResult<()> {
    let mut rows = std::mem::take(&mut state.rows);
    let told = state
        .open()
        .and_then(|exchange| exchange.on_messages(at, market, &rows.view()).map_err(exchange_error));
    rows.clear();
    state.rows = rows;
    told
}
