//! The kernel from Python, one input at a time: the seam for paper and live trading, and for journals.
//!
//! A kernel takes one input after the other. Who comes while it is at work, from a hook or from another thread, is
//! refused, so nobody waits for a lock that he holds himself.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use tradecore_core::book::BookState;
use tradecore_core::event::{Columns as _, EventColumns, FLAG_LAST, View, is_qty};
use tradecore_core::kernel::{
    Control, FeedUpdate, Input, Kernel, KernelConfig, KernelError, Listing, MarketSpec, OnError, Outgoing,
    Passed, Question as CoreQuestion, Rows, Topics, check_entries,
};
use tradecore_core::ledger::Position;
use tradecore_core::orders::{BadSession, Order as CoreOrder, OrderKey, Report};
use tradecore_core::risk::{Hold, Trading};
use tradecore_core::sim::Notice as CoreNotice;
use tradecore_core::types::{AccountId, CurrencyId, Instrument, Level, MarketId, Money, Side, StrategyId};

use crate::columns::NumpyColumns;
use crate::commands::Command;
use crate::errors;
use crate::events::Bus;
use crate::feeds::FeedDecoder;
use crate::instrument::PyInstrument;
use crate::levels::LevelMessage;
use crate::notices::{Notice, Refusal};
use crate::positions::FinalPositions;
use crate::reconcile::known_to_py;
use crate::records::{Order, book_state_to_py};
use crate::reports::{Terms, order_key, venue_key};
use crate::risk::uses_to_py;
use crate::risk_config::to_optional_risk;
use crate::roster::Roster;
use crate::run_tables::{failures, orders_table, tables};
use crate::signals::{Question, to_opinion};
use crate::terms::{Changes, OrderTerms, PostOnly, new_terms};
use crate::values::{
    basis, to_at, to_cost_basis, to_decimal, to_duration, to_event, to_integer, to_qty, to_side,
};

/// What a kernel is made of until its first input, and the kernel from then on.
struct State {
    config: KernelConfig,
    markets: Vec<MarketSpec>,
    roster: Roster,
    names: Vec<String>,
    kernel: Option<Kernel>,
    /// Who listens.
    bus: Option<Bus>,
    is_started: bool,
    is_finished: bool,
    /// The rows of the message at hand; its memory is used again.
    rows: EventColumns,
    /// Its bids and asks, likewise.
    sides: [Vec<Level>; 2],
}

impl State {
    /// Refuses to change the set-up of a kernel that is at work.
    fn setting_up(&mut self) -> PyResult<&mut Self> {
        if self.kernel.is_some() {
            return Err(errors::RunError::new_err("the kernel is at work: its set-up cannot change"));
        }
        Ok(self)
    }

    /// The kernel and the rows of a message, set up now at the latest.
    fn open(&mut self) -> PyResult<(&mut Kernel, &mut EventColumns)> {
        if self.is_finished {
            return Err(errors::RunError::new_err("the session has been closed"));
        }
        let kernel = match &mut self.kernel {
            Some(kernel) => kernel,
            none => {
                let strategies = std::mem::take(&mut self.roster.strategies);
                let kernel = Kernel::new(self.config.clone(), self.markets.clone(), strategies);
                let kernel = none.insert(kernel.map_err(errors::setup)?);
                listen(self.bus.as_ref(), kernel, &self.roster)?;
                kernel
            }
        };
        Ok((kernel, &mut self.rows))
    }

    /// The kernel, for inputs that call hooks: `on_start` comes before any of them.
    fn started(&mut self) -> PyResult<(&mut Kernel, &mut EventColumns)> {
        if !self.is_started {
            return Err(errors::RunError::new_err("start the kernel first, or restore a saved one"));
        }
        self.open()
    }

    fn strategy(&self, name: &str) -> PyResult<StrategyId> {
        let at = self.names.iter().position(|known| known == name);
        at.map(StrategyId::new)
            .ok_or_else(|| errors::invalid("strategy", format!("no strategy is called {name:?}")))
    }

    /// An order that may still be cancelled or replaced.
    fn changeable(&mut self, id: u64) -> PyResult<Option<&CoreOrder>> {
        let (kernel, _) = self.started()?;
        Ok(kernel.order(&OrderKey::Id(id)).filter(|order| order.is_changeable()))
    }

    fn instrument(&self, market: usize) -> PyResult<(MarketId, Arc<Instrument>)> {
        let market = self.roster.market(market)?;
        Ok((market, Arc::clone(&self.roster.instruments[market.index()])))
    }

    /// What an input led to: an exception of a strategy that has to be raised as it was comes first.
    fn outcome<T>(&self, result: Result<T, KernelError>) -> PyResult<T> {
        result.map_err(|error| self.roster.raised.or(errors::kernel(error)))
    }

    fn control(&mut self, at: i64, control: &Control) -> PyResult<()> {
        let (kernel, _) = self.started()?;
        let told = kernel.handle(at, Input::Control(control));
        self.outcome(told)
    }

    /// Delivers the messages that `rows` hold, which are whole.
    fn deliver(&mut self, at: i64, market: MarketId) -> PyResult<()> {
        let (kernel, rows) = self.started()?;
        let told = deliver(kernel, at, market, rows.view());
        rows.clear();
        self.outcome(told)
    }
}

/// Has a bus, where there is one, listen to a kernel.
fn listen(bus: Option<&Bus>, kernel: &mut Kernel, roster: &Roster) -> PyResult<()> {
    let listen = |bus: &Bus| Python::attach(|py| bus.listen(py, kernel, &roster.instruments, &roster.raised));
    bus.map_or(Ok(()), listen)
}

fn deliver(kernel: &mut Kernel, at: i64, market: MarketId, view: View<'_>) -> Result<(), KernelError> {
    let mut from = 0;
    for row in 0..view.len() {
        if view.flags[row] & FLAG_LAST != 0 {
            let rows = Rows::Here { view, from, to: row + 1 };
            kernel.handle(at, Input::Message { market, rows })?;
            from = row + 1;
        }
    }
    Ok(())
}

/// The kernel, one input at a time: what paper and live trading and the replay of a journal are driven through.
///
/// Add markets, then strategies, then :meth:`start` it or :meth:`restore` it from a saved state; from then on the
/// set-up is closed. Every input takes the time at which it arrives, ns UTC from 1970 to 2116; the kernel's time does
/// not go back. The driver keeps the order: what :meth:`next_due` names comes before anything later, and at one
/// nanosecond reports come first, then messages, what is due, control. Commands are taken with :meth:`drain` after
/// each input.
///
/// An input that is refused has changed nothing. A hook that raises stops its strategy (see :attr:`failures`), or,
/// with ``stop_run_on_error``, the input that called it raises StrategyError; Ctrl-C in a hook raises
/// KeyboardInterrupt. The kernel takes one input at a time: from inside a hook or from a second thread meanwhile every
/// call raises RunError.
///
/// Parameters
/// ----------
/// session : str
///     1 to 12 letters and digits, another for every start: part of every client id.
/// candle_interval : duration, optional
///     Length of recorded candles.
/// stop_run_on_error : bool
///     Whether a raising hook ends more than its strategy.
/// keeps_journal : bool
///     Whether inputs and commands are kept for :meth:`take_journal`.
/// risk : RiskLimits, optional
///     Limits; none if not given.
/// events : EventBus, optional
///     What is told of all that happens, each time an input has been taken.
///
/// Raises
/// ------
/// InvalidValueError
///     By every method, naming the argument that is none: a market out of range, a time, a price off the grid.
/// RunError
///     By inputs before :meth:`start` and after :meth:`finish`, and by changes of the set-up after :meth:`start`.
#[pyclass(frozen, name = "Kernel", module = "tradecore")]
pub(crate) struct PyKernel(Mutex<State>);

impl PyKernel {
    /// The market of an index.
    pub(crate) fn market(&self, index: usize) -> PyResult<MarketId> {
        self.state()?.roster.market(index)
    }

    /// What each strategy holds in a market.
    pub(crate) fn positions_in(&self, market: MarketId) -> PyResult<Vec<Position>> {
        let mut state = self.state()?;
        let market = state.roster.market(market.index())?;
        Ok(state.open()?.0.positions_in(market).cloned().collect())
    }

    /// Delivers what a decoder has of a market; whether anything waits for whoever drives the kernel then, and nothing
    /// where they were not delivered, since something is due before.
    pub(crate) fn take_decoded(
        &self,
        at: i64,
        market: MarketId,
        decoder: &FeedDecoder,
        index: usize,
    ) -> PyResult<Option<bool>> {
        let mut state = self.state()?;
        let (kernel, rows) = state.started()?;
        if kernel.next_due().is_some_and(|due| due <= at) {
            return Ok(None);
        }
        rows.clear();
        decoder.swap_rows(index, rows);
        state.deliver(at, market)?;
        let (kernel, _) = state.started()?;
        Ok(Some(kernel.has_outgoing()))
    }

    fn set_hold(&self, at: i64, strategy: &str, hold: Option<Hold>) -> PyResult<()> {
        let mut state = self.state()?;
        let strategy = state.strategy(strategy)?;
        state.control(at, &Control::Hold { strategy, hold })
    }

    #[inline]
    fn state(&self) -> PyResult<MutexGuard<'_, State>> {
        match self.0.try_lock() {
            Ok(state) => Ok(state),
            // A panic is a bug of ours; what it left behind is as good as before.
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(errors::RunError::new_err("the kernel is at work: a hook or another thread uses it"))
            }
        }
    }
}

#[pymethods]
impl PyKernel {
    #[new]
    #[pyo3(signature = (session, *, candle_interval=None, stop_run_on_error=false, keeps_journal=false,
        cost_basis="average", debug_checks=false, risk=None, events=None))]
    #[allow(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        session: &str,
        candle_interval: Option<&Bound<'_, PyAny>>,
        stop_run_on_error: bool,
        keeps_journal: bool,
        cost_basis: &str,
        debug_checks: bool,
        risk: Option<&Bound<'_, PyAny>>,
        events: Option<Bus>,
    ) -> PyResult<Self> {
        let config = KernelConfig {
            cost_basis: to_cost_basis(cost_basis)?,
            checks: debug_checks,
            session: session.parse().map_err(|e: BadSession| errors::invalid("session", e.to_string()))?,
            on_error: if stop_run_on_error { OnError::StopRun } else { OnError::StopStrategy },
            candle_ns: candle_interval.map(|c| to_duration("candle_interval", c, 1)).transpose()?,
            keeps_journal,
            risk: to_optional_risk(risk)?,
        };
        let roster = Roster::default();
        roster.outlet.set(events.as_ref());
        Ok(Self(Mutex::new(State {
            config,
            markets: Vec::new(),
            roster,
            names: Vec::new(),
            kernel: None,
            bus: events,
            is_started: false,
            is_finished: false,
            rows: EventColumns::default(),
            sides: [const { Vec::new() }; 2],
        })))
    }

    /// Add an instrument and return its index.
    ///
    /// ``basis``: ``l2`` full depth, ``l1`` top-of-book quotes. Positions in it are valued by ``mark_source``: ``mid``,
    /// ``mark`` or ``last``.
    #[pyo3(signature = (instrument, *, basis="l2", mark_source="mid"))]
    fn add_market(&self, instrument: &PyInstrument, basis: &str, mark_source: &str) -> PyResult<usize> {
        let mut state = self.state()?;
        let state = state.setting_up()?;
        let basis = self::basis(basis)?;
        let marks = tradecore_core::sim::mark_source(mark_source).map_err(errors::settings)?;
        let index = state.roster.add_instrument(&instrument.0)?;
        let instrument = Arc::clone(&instrument.0);
        state.markets.push(MarketSpec { instrument, basis, marks });
        Ok(index)
    }

    /// Add a strategy by the bound methods of its hooks and the object they are methods of.
    #[pyo3(signature = (name, markets, hooks, book_events, owner, *, account=0))]
    #[allow(clippy::too_many_arguments, reason = "what a strategy is made of")]
    fn add_strategy(
        &self,
        py: Python<'_>,
        name: String,
        markets: Vec<usize>,
        hooks: &Bound<'_, PyDict>,
        book_events: &str,
        owner: &Bound<'_, PyAny>,
        account: u32,
    ) -> PyResult<()> {
        let mut state = self.state()?;
        let state = state.setting_up()?;
        let account = Some(AccountId::new(account as usize));
        state.roster.add_strategy(py, name.clone(), &markets, account, hooks, book_events, owner)?;
        state.names.push(name);
        Ok(())
    }

    /// Add a compiled strategy.
    #[pyo3(signature = (name, markets, kind, params, *, account=0))]
    fn add_compiled(
        &self,
        name: String,
        markets: Vec<usize>,
        kind: &str,
        params: &Bound<'_, PyDict>,
        account: u32,
    ) -> PyResult<()> {
        let mut state = self.state()?;
        let state = state.setting_up()?;
        let account = Some(AccountId::new(account as usize));
        state.roster.add_compiled(name.clone(), &markets, account, kind, params)?;
        state.names.push(name);
        Ok(())
    }

    /// Call ``on_start`` of every strategy. Balances and listings may be told before.
    ///
    /// One that was stopped starts again: timers are gone, executions and groups go on where an order of theirs is
    /// open, and books are ``STALE`` until they are told anew.
    fn start(&self, #[pyo3(from_py_with = to_at)] at_ns: i64) -> PyResult<()> {
        let mut state = self.state()?;
        if state.is_started && !state.kernel.as_ref().is_some_and(Kernel::is_stopped) {
            return Err(errors::RunError::new_err("the kernel has been started"));
        }
        state.open()?;
        state.is_started = true;
        state.control(at_ns, &Control::Start)
    }

    /// Call ``on_stop`` of every strategy, their last hook; reports are still booked after it.
    fn stop(&self, #[pyo3(from_py_with = to_at)] at_ns: i64) -> PyResult<()> {
        self.state()?.control(at_ns, &Control::Stop)
    }

    /// Whether it was stopped, and not started again.
    #[getter]
    fn is_stopped(&self) -> PyResult<bool> {
        Ok(self.state()?.kernel.as_ref().is_some_and(Kernel::is_stopped))
    }

    /// Refuse everything but cancels.
    fn pause(&self, #[pyo3(from_py_with = to_at)] at_ns: i64) -> PyResult<()> {
        self.state()?.control(at_ns, &Control::Pause)
    }

    /// Go on after :meth:`pause`, :meth:`kill`, or where limits have stopped somebody: losses count anew.
    fn resume(&self, #[pyo3(from_py_with = to_at)] at_ns: i64) -> PyResult<()> {
        self.state()?.control(at_ns, &Control::Resume)
    }

    /// Cancel all orders, close all positions, and refuse everything but cancels.
    ///
    /// Positions are closed by reduce-only market orders; what is left of them is sent again ten times a second, when
    /// :meth:`next_due` says, until nothing is held.
    fn kill(&self, #[pyo3(from_py_with = to_at)] at_ns: i64) -> PyResult<()> {
        self.state()?.control(at_ns, &Control::Kill)
    }

    /// Send a person's order on behalf of a strategy, with the terms of :meth:`Context.submit`; return its id.
    ///
    /// Raises
    /// ------
    /// OrderError
    ///     When no venue could be asked for it.
    #[pyo3(signature = (at_ns, strategy, market, side, qty, price=None, *, r#type=None,
        trigger_price=None, trigger=None, trailing_offset=None, time_in_force=None, expires_at=None,
        post_only=PostOnly::OFF, reduce_only=false, display_qty=None),
        text_signature = "($self, at_ns, strategy, market, side, qty, price=None, *, type=None, \
        trigger_price=None, trigger=None, trailing_offset=None, time_in_force=None, expires_at=None, post_only=False, reduce_only=False, display_qty=None)")]
    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn order(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        strategy: &str,
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
    ) -> PyResult<u64> {
        let mut state = self.state()?;
        let (market, instrument) = state.instrument(market)?;
        let strategy = state.strategy(strategy)?;
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
        let request = terms
            .request(market, &instrument, || to_side(side), qty, price)
            .map_err(|error| errors::in_force(qty.py(), error, &instrument, at_ns))?;
        state.control(at_ns, &Control::Order { strategy, request })?;
        // Nothing was sent after it.
        Ok(state.kernel.as_ref().map_or(0, Kernel::order_count))
    }

    /// Ask for an order to be cancelled, whoever's it is; return whether there was anything to ask for.
    fn cancel(&self, #[pyo3(from_py_with = to_at)] at_ns: i64, order: u64) -> PyResult<bool> {
        let mut state = self.state()?;
        let Some(&CoreOrder { strategy, .. }) = state.changeable(order)? else { return Ok(false) };
        state.control(at_ns, &Control::Cancel { strategy, order })?;
        Ok(true)
    }

    /// Ask for every open order of a strategy to be cancelled, in one market or in all; return how many.
    ///
    /// Executions and groups there end, too.
    #[pyo3(signature = (at_ns, strategy, market=None))]
    fn cancel_all(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        strategy: &str,
        market: Option<usize>,
    ) -> PyResult<usize> {
        let mut state = self.state()?;
        let strategy = state.strategy(strategy)?;
        let market = market.map(|market| state.roster.market(market)).transpose()?;
        let left =
            |state: &State| state.kernel.as_ref().map_or(0, |kernel| kernel.cancellable(strategy, market));
        let before = left(&state);
        state.control(at_ns, &Control::CancelAll { strategy, market })?;
        Ok(before.saturating_sub(left(&state)))
    }

    /// Ask for new terms of an order, whoever's it is; return whether there was anything to ask for.
    ///
    /// What is not given stays as it is; ``qty`` is the total, what has been filled included; the rest as in
    /// :meth:`Context.replace`.
    ///
    /// Raises
    /// ------
    /// OrderError
    ///     When no venue could be asked for them, as of a market order.
    #[pyo3(signature = (at_ns, order, *, price=None, qty=None, trigger_price=None, trailing_offset=None))]
    #[allow(clippy::too_many_arguments, reason = "what an order may be given")]
    fn replace(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        order: u64,
        price: Option<&Bound<'_, PyAny>>,
        qty: Option<&Bound<'_, PyAny>>,
        trigger_price: Option<&Bound<'_, PyAny>>,
        trailing_offset: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let mut state = self.state()?;
        let Some(known) = state.changeable(order)? else { return Ok(false) };
        let (strategy, market) = (known.strategy, known.market);
        let before = (known.intended(), known.trigger);
        let changes = Changes { price, qty, trigger_price, trailing_offset };
        let terms = new_terms(py, &state.roster.instruments[market.index()], at_ns, before, &changes)?;
        state.control(at_ns, &Control::Replace { strategy, order, terms })?;
        Ok(true)
    }

    /// Refuse everything but cancels of one strategy, until :meth:`release`; its orders stay.
    fn hold(&self, #[pyo3(from_py_with = to_at)] at_ns: i64, strategy: &str) -> PyResult<()> {
        self.set_hold(at_ns, strategy, Some(Hold::Paused))
    }

    /// Hold a strategy as stopped: its orders, executions and groups are cancelled, and it stays so when held.
    fn stop_strategy(&self, #[pyo3(from_py_with = to_at)] at_ns: i64, strategy: &str) -> PyResult<()> {
        self.set_hold(at_ns, strategy, Some(Hold::Stopped))
    }

    /// Let a strategy go on after :meth:`hold` or :meth:`stop_strategy`.
    fn release(&self, #[pyo3(from_py_with = to_at)] at_ns: i64, strategy: &str) -> PyResult<()> {
        self.set_hold(at_ns, strategy, None)
    }

    /// Start a strategy that has failed once more: it follows what it did at first, and its ``on_start`` is called.
    ///
    /// It stays as it is where its features have failed, and in a session that was stopped.
    fn rearm(&self, #[pyo3(from_py_with = to_at)] at_ns: i64, strategy: &str) -> PyResult<()> {
        let mut state = self.state()?;
        let strategy = state.strategy(strategy)?;
        state.control(at_ns, &Control::Rearm { strategy })
    }

    /// Give parameters of a strategy new values: a JSON object, which :meth:`Strategy.check_changes` has passed.
    ///
    /// A strategy that does not take them has failed, as by any hook that raises.
    fn set_parameters(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        strategy: &str,
        values: &str,
    ) -> PyResult<()> {
        let mut state = self.state()?;
        let strategy = state.strategy(strategy)?;
        state.control(at_ns, &Control::Parameters { strategy, values: values.into() })
    }

    /// Deliver event columns of one or several whole messages, one after the other.
    fn message(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        market: usize,
        columns: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let mut state = self.state()?;
        let market = state.roster.market(market)?;
        let columns = NumpyColumns::whole_messages(columns)?;
        let (kernel, _) = state.started()?;
        let told = deliver(kernel, at_ns, market, columns.view());
        state.outcome(told)
    }

    /// Deliver a book update as one message.
    ///
    /// Levels are ``(price, qty)`` pairs in units, best as lists or as float64 arrays of shape (n, 2); a quantity of 0
    /// removes the level. A ``snapshot`` replaces the book. ``ts_event`` is the venue's time, ns UTC.
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
        let mut state = self.state()?;
        let State { roster, rows, sides, .. } = &mut *state;
        let market = roster.market(market)?;
        let instrument = &roster.instruments[market.index()];
        LevelMessage { instrument, rows, sides }.read((at_ns, ts_event), bids, asks, snapshot)?;
        state.deliver(at_ns, market)
    }

    /// Deliver what a decoder has decoded of the market's instrument since the last call, message by message.
    fn decoded(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        market: usize,
        decoder: &FeedDecoder,
    ) -> PyResult<()> {
        let mut state = self.state()?;
        let (market, instrument) = state.instrument(market)?;
        state.started()?;
        state.rows.clear();
        decoder.with_events(instrument.id.as_str(), |events| std::mem::swap(events, &mut state.rows))?;
        state.deliver(at_ns, market)
    }

    /// Deliver a venue's word on an order.
    ///
    /// A report on an order nobody knows, or one that contradicts what is known, is kept for reconciliation.
    ///
    /// Parameters
    /// ----------
    /// at_ns, market
    ///     When it reached us, and the order's market.
    /// kind : str
    ///     ``accepted``, ``rejected``, ``fill``, ``cancelled``, ``cancel_rejected``, ``replaced``, ``reduced`` or
    ///     ``repriced`` (by the venue, on its own), ``replace_rejected``, ``triggered``, ``expired`` or ``unknown`` (no
    ///     answer came); or where the order stands now, by the words of :class:`~tradecore.types.OrderStatus`.
    /// order : int or str, optional
    ///     Our number of the order, or the client id; without it ``venue_id`` names the order.
    /// venue_id : str or int, optional
    ///     The venue's id of the order.
    /// execution : str or int, optional
    ///     The venue's id of a fill, by which one told twice is known.
    /// cumulative : number, optional
    ///     Filled so far by the venue's count, in units.
    /// ts_event : int, optional
    ///     The venue's time; that of receipt if not given.
    /// price, qty : number
    ///     Of a fill, and what an order was replaced by or reduced to (the total, what is filled included), in units.
    /// liquidity : str
    ///     Of a fill: ``maker`` or ``taker``.
    /// fee : Decimal, str or int
    ///     Of a fill, in the settlement currency; negative is a rebate.
    /// reason : str
    ///     Of a refusal or an expiry, such as ``post_only_would_cross``; ``venue`` for any other.
    /// trigger_price : number, optional
    ///     Of an order that was replaced and waits: where it is set off from now on, or how far it trails, where that
    ///     was moved.
    #[pyo3(signature = (at_ns, market, kind, order=None, *, venue_id=None, execution=None, cumulative=None,
        ts_event=None, price=None, qty=None, liquidity=None, fee=None, reason=None, trigger_price=None))]
    #[allow(clippy::too_many_arguments, reason = "what venues say of orders")]
    fn report(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        market: usize,
        kind: &str,
        order: Option<&Bound<'_, PyAny>>,
        venue_id: Option<&Bound<'_, PyAny>>,
        execution: Option<&Bound<'_, PyAny>>,
        cumulative: Option<&Bound<'_, PyAny>>,
        ts_event: Option<&Bound<'_, PyAny>>,
        price: Option<&Bound<'_, PyAny>>,
        qty: Option<&Bound<'_, PyAny>>,
        liquidity: Option<&str>,
        fee: Option<&Bound<'_, PyAny>>,
        reason: Option<&str>,
        trigger_price: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let mut state = self.state()?;
        let (market, instrument) = state.instrument(market)?;
        let terms =
            Terms { instrument: &instrument, kind, price, qty, liquidity, fee, reason, trigger_price };
        let venue_id = venue_id.map(|key| venue_key("venue_id", key)).transpose()?;
        let key = match (order, &venue_id) {
            (Some(order), _) => order_key(order)?,
            (None, Some(key)) => OrderKey::Venue(key.clone()),
            (None, None) => {
                return Err(errors::invalid("order", "a report names its order, or its venue_id"));
            }
        };
        let cumulative = match cumulative {
            None => None,
            Some(total) => {
                let total = to_qty("cumulative", &instrument, total)?;
                Some(total).filter(|total| is_qty(total.steps())).map(Some).ok_or_else(|| {
                    errors::invalid("cumulative", format!("{total} steps are no quantity filled so far"))
                })?
            }
        };
        let report = Report {
            order: key,
            venue_id,
            execution: execution.map(|key| venue_key("execution", key)).transpose()?,
            cumulative,
            ts_event: ts_event.map_or(Ok(at_ns), to_event)?,
            kind: terms.kind()?,
            paid: None,
            origin: None,
        };
        let (kernel, _) = state.started()?;
        if let Some(order) = kernel.order(&report.order)
            && order.market != market
        {
            let other = kernel.instrument(order.market);
            return Err(errors::invalid("market", format!("order {} is one in {}", order.id, other.id)));
        }
        let told = kernel.handle(at_ns, Input::Report(&report));
        state.outcome(told)
    }

    /// Deliver what a simulated exchange tells, as it is and when it arrives.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For a notice of a market that the kernel does not have; money that is moved in it has no place either.
    fn notice(&self, notice: &Notice) -> PyResult<()> {
        let mut state = self.state()?;
        let (kernel, _) = state.started()?;
        let told = match &notice.what {
            CoreNotice::Report(_, _, report) => kernel.handle(notice.at, Input::Report(report)),
            CoreNotice::Payment(payment) => kernel.handle(notice.at, Input::Payment(payment)),
        };
        state.outcome(told)
    }

    /// Tell what an account holds of a settlement currency.
    #[pyo3(signature = (at_ns, currency, total, *, account=0))]
    fn balance(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        currency: &str,
        total: &Bound<'_, PyAny>,
        account: u32,
    ) -> PyResult<()> {
        let mut state = self.state()?;
        let total = Money::from_decimal(to_decimal("total", total)?);
        let total = total.map_err(|e| errors::decimal("total", "", e))?;
        let (kernel, _) = state.open()?;
        let Some(index) = kernel.currencies().iter().position(|known| known == currency) else {
            return Err(errors::invalid("currency", format!("{currency:?} settles no instrument here")));
        };
        let (account, currency) = (AccountId::new(account as usize), CurrencyId::new(index));
        let told = kernel.handle(at_ns, Input::Balance { account, currency, total });
        state.outcome(told)
    }

    /// Tell the state of a market's feed, as its connection knows it.
    fn feed(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        market: usize,
        state: &Bound<'_, PyAny>,
        reason: &str,
    ) -> PyResult<()> {
        let feed = match to_integer("state", state)? {
            0 => BookState::Empty,
            1 => BookState::Buffering,
            2 => BookState::Synced,
            3 => BookState::Gap,
            4 => BookState::Stale,
            other => return Err(errors::invalid("state", format!("{other} is no BookState"))),
        };
        let mut state = self.state()?;
        let market = state.roster.market(market)?;
        let update = FeedUpdate { state: feed, reason: reason.into() };
        let (kernel, _) = state.started()?;
        let told = kernel.handle(at_ns, Input::Feed { market, update: &update });
        state.outcome(told)
    }

    /// Tell whether an instrument can be traded from now on.
    fn listing(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        market: usize,
        is_listed: bool,
    ) -> PyResult<()> {
        let mut state = self.state()?;
        let listing = Listing { market: state.roster.market(market)?, is_listed };
        let (kernel, _) = state.open()?;
        let told = kernel.handle(at_ns, Input::Listing(&listing));
        state.outcome(told)
    }

    /// Let what :meth:`next_due` named happen: one timer, or refusals of our own.
    fn due(&self, #[pyo3(from_py_with = to_at)] at_ns: i64) -> PyResult<()> {
        let mut state = self.state()?;
        let (kernel, _) = state.started()?;
        let told = kernel.handle(at_ns, Input::Due);
        state.outcome(told)
    }

    /// Return when :meth:`due` is next to be called, ns UTC; None for nothing to wait for.
    fn next_due(&self) -> PyResult<Option<i64>> {
        Ok(self.state()?.kernel.as_ref().and_then(Kernel::next_due))
    }

    /// How many times it has changed what :meth:`followed` returns: a count that only grows.
    #[getter]
    fn followed_version(&self) -> PyResult<u64> {
        Ok(self.state()?.open()?.0.followed_version())
    }

    /// Return what strategies follow now: hooks they override, and what they asked for while running.
    ///
    /// Returns
    /// -------
    /// list of (str, int, list of str)
    ///     The strategy, the market and its topics, as ``ctx.subscribe`` takes them; ``bars`` for bars of any kind.
    fn followed(&self) -> PyResult<Vec<(String, usize, Vec<&'static str>)>> {
        let mut state = self.state()?;
        let followed: Vec<_> = state.open()?.0.followed().collect();
        let row = |(market, strategy, topics): (MarketId, StrategyId, Topics)| {
            (state.names[strategy.index()].clone(), market.index(), topics.words().collect())
        };
        Ok(followed.into_iter().map(row).collect())
    }

    /// Take the commands that may go to their venues, in the order they were sent.
    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut state = self.state()?;
        let State { kernel, names, .. } = &mut *state;
        let list = PyList::empty(py);
        if let Some(kernel) = kernel {
            let sent: Vec<Outgoing> = kernel.drain().collect();
            for outgoing in sent {
                let name = names[outgoing.strategy.index()].clone();
                if let Some(command) = Command::new(kernel, outgoing, name) {
                    list.append(Py::new(py, command)?)?;
                }
            }
        }
        Ok(list)
    }

    /// Leave it to the driver from now on to bring refusals of our own back, as late as a venue's answers.
    fn carry_refusals(&self, #[pyo3(from_py_with = to_at)] at_ns: i64) -> PyResult<()> {
        let mut state = self.state()?;
        let (kernel, _) = state.open()?;
        let told = kernel.handle(at_ns, Input::Control(&Control::CarryRefusals));
        state.outcome(told)
    }

    /// Take the commands that were refused since :meth:`carry_refusals`, for :meth:`SimExchange.refuse`.
    fn refusals(&self) -> PyResult<Vec<Refusal>> {
        let mut state = self.state()?;
        let refused = state.kernel.as_mut().map(Kernel::refusals).unwrap_or_default();
        Ok(refused.into_iter().map(Refusal).collect())
    }

    /// Take what strategies ask their models, in the order they asked. Each is to be answered by :meth:`answer`.
    fn questions(&self) -> PyResult<Vec<Question>> {
        let mut state = self.state()?;
        let State { kernel, names, roster, .. } = &mut *state;
        let asked = kernel.as_mut().map(|kernel| std::mem::take(kernel.questions())).unwrap_or_default();
        let of_python = |question: CoreQuestion| {
            let strategy = names[question.strategy.index()].clone();
            let instrument = &roster.instruments[question.market.index()];
            Question::new(question, strategy, instrument)
        };
        Ok(asked.into_iter().map(of_python).collect())
    }

    /// Deliver what a model says to a question, or why it says nothing.
    ///
    /// Parameters
    /// ----------
    /// at_ns, question
    ///     When the answer arrives, and the question it is to.
    /// action : SignalAction or int
    ///     1 for buy, 0 for hold, -1 for sell.
    /// confidence : float
    ///     From 0 to 1.
    /// value : float
    ///     What the action was made from.
    /// model_id : str
    ///     Which model it was.
    /// problem : str, optional
    ///     Why there is no signal; the rest does not count then.
    #[pyo3(signature = (at_ns, question, action=0, confidence=0.0, value=0.0, *, model_id="", problem=None))]
    #[allow(clippy::too_many_arguments, reason = "what a model says")]
    fn answer(
        &self,
        #[pyo3(from_py_with = to_at)] at_ns: i64,
        question: &Question,
        action: i64,
        confidence: f64,
        value: f64,
        model_id: &str,
        problem: Option<&str>,
    ) -> PyResult<()> {
        let outcome = match problem {
            Some(problem) => Err(problem.into()),
            None => Ok(to_opinion(action, confidence, value, model_id.into())?),
        };
        let mut state = self.state()?;
        let answer = question.asked.clone().answered(outcome);
        let (kernel, _) = state.started()?;
        let told = kernel.handle(at_ns, Input::Signal(&answer));
        state.outcome(told)
    }

    /// Return the state after the inputs so far, for :meth:`restore` in another process.
    ///
    /// Raises
    /// ------
    /// RunError
    ///     While commands have not been drained.
    /// InvalidValueError
    ///     Where a strategy's timer calls something else than a method of it, or its own ``save`` returned what is
    ///     not plain data.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut state = self.state()?;
        let (kernel, _) = state.started()?;
        let saved = kernel.save();
        let bytes = saved.map_err(|error| state.roster.raised.or(errors::save(error)))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Go on from a saved state, in place of :meth:`start`. The set-up is that of the kernel that was saved.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For bytes that are no state, or one of another set-up. The kernel cannot be used then: strategies may
    ///     have loaded a part.
    fn restore(&self, saved: &[u8]) -> PyResult<()> {
        let mut state = self.state()?;
        let state = state.setting_up()?;
        // A kernel that could not be loaded has taken the strategies with it: they may have loaded a part.
        let strategies = std::mem::take(&mut state.roster.strategies);
        let kernel = Kernel::load(state.config.clone(), state.markets.clone(), strategies, saved);
        match kernel {
            Ok(mut kernel) => {
                listen(state.bus.as_ref(), &mut kernel, &state.roster)?;
                state.kernel = Some(kernel);
                state.is_started = true;
                Ok(())
            }
            Err(error) => {
                state.is_finished = true;
                Err(state.roster.raised.or(errors::load(error)))
            }
        }
    }

    /// Take the inputs of a journal, or of a piece of one that ends with an entry; its commands are not sent.
    ///
    /// Where ``sent`` is a list, each command that would have left is appended to it, with when it would have (ns UTC);
    /// where ``told`` is one, each report on an order that is open or ended a short while ago, a :class:`Notice`. What
    /// came after the failure of a strategy that ended its session is taken as well; see :attr:`failures`.
    ///
    /// Returns
    /// -------
    /// diverged_ns : int or None
    ///     Time of the first input after which a command differed from the journal.
    /// rest : bytes
    ///     What follows from the last input and is not in the journal, which was cut behind it.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     For a journal that is damaged or was cut within an entry; nothing of it was taken.
    /// RunError
    ///     For a kernel that keeps no journal.
    #[pyo3(signature = (journal, *, sent=None, told=None))]
    fn replay<'py>(
        &self,
        py: Python<'py>,
        journal: &[u8],
        sent: Option<&Bound<'py, PyList>>,
        told: Option<&Bound<'py, PyList>>,
    ) -> PyResult<(Option<i64>, Bound<'py, PyBytes>)> {
        let mut state = self.state()?;
        if !state.config.keeps_journal {
            return Err(errors::RunError::new_err(
                "a kernel that takes a journal keeps one: keeps_journal=True",
            ));
        }
        // All of it is read before any of it is taken: a damaged journal changes nothing.
        py.detach(|| check_entries(journal))
            .map_err(|error| errors::DataError::new_err(("journal", 0, error.to_string())))?;
        state.open()?;
        state.is_started = true;
        let names = state.names.clone();
        let (kernel, _) = state.started()?;
        let (keeps_sent, keeps_told) = (sent.is_some(), told.is_some());
        let (mut commands, mut notices) = (Vec::new(), Vec::new());
        let keep = |kernel: &Kernel, at: i64, passed: Passed<'_>| match passed {
            Passed::Sent(outgoing) if keeps_sent => {
                let name = names[outgoing.strategy.index()].clone();
                commands.extend(Command::new(kernel, outgoing, name).map(|command| (at, command)));
            }
            Passed::Told(report) if keeps_told => notices.extend(Notice::on_order(kernel, at, report)),
            Passed::Sent(_) | Passed::Told(_) => {}
        };
        let mut signal = None;
        // Every input calls hooks, so the GIL is not let go between them; others have their turn in hooks, and here.
        let goes_on = || {
            py.detach(|| ());
            signal = py.check_signals().err();
            signal.is_none()
        };
        let replayed = kernel.feed_back(journal, goes_on, keep);
        let (diverged, rest) = match signal {
            Some(signal) => return Err(signal),
            None => state.outcome(replayed)?,
        };
        if let Some(sent) = sent {
            for command in commands {
                sent.append(command)?;
            }
        }
        if let Some(told) = told {
            for notice in notices {
                told.append(notice)?;
            }
        }
        Ok((diverged, PyBytes::new(py, &rest)))
    }

    /// Take the entries since the last call; empty if they are not kept.
    fn take_journal<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut state = self.state()?;
        let journal = state.kernel.as_mut().map(Kernel::take_journal).unwrap_or_default();
        Ok(PyBytes::new(py, &journal))
    }

    /// Take the rows of orders that ended, fills and candles since the last call, as :meth:`Simulation.run`.
    fn take_tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let mut state = self.state()?;
        let State { kernel: Some(kernel), roster, .. } = &mut *state else {
            return Err(errors::RunError::new_err("start the kernel first, or restore a saved one"));
        };
        let record = kernel.record();
        let taken = tables(py, record, &roster.instruments)?;
        record.clear();
        Ok(taken)
    }

    /// Return orders that :meth:`take_tables` has not given yet, open or ended a short while ago, as columns.
    fn known_orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = self.state()?;
        let orders: Vec<_> = state.kernel.iter().flat_map(|kernel| kernel.known_orders().cloned()).collect();
        orders_table(py, &orders, &state.roster.instruments)
    }

    /// How many inputs this kernel took, those of :meth:`replay` with them, where it keeps its journal.
    #[getter]
    fn inputs(&self) -> PyResult<u64> {
        Ok(self.state()?.kernel.as_ref().map_or(0, Kernel::inputs))
    }

    /// The time of the newest input, ns UTC; 0 before any.
    #[getter]
    fn now_ns(&self) -> PyResult<i64> {
        let state = self.state()?;
        Ok(state.kernel.as_ref().map_or(0, |kernel| kernel.now_ns().max(0)))
    }

    /// Return so many levels of a market's book: its state, the venue's time of it (ns UTC), bids and asks.
    ///
    /// Sides are lists of ``(price, qty)``, best first, in quote currency and contracts (spot: base units), as text.
    #[pyo3(signature = (market, depth=20))]
    fn book<'py>(&self, py: Python<'py>, market: usize, depth: usize) -> PyResult<Bound<'py, PyTuple>> {
        let mut state = self.state()?;
        let (market, instrument) = state.instrument(market)?;
        let (kernel, _) = state.open()?;
        let book = kernel.book(market);
        let side = |side: Side| -> Vec<(String, String)> {
            let text =
                |level: Level| (instrument.format_price(level.price), instrument.format_qty(level.qty));
            book.iter(side).take(depth).map(text).collect()
        };
        let (bids, asks) = (side(Side::Buy), side(Side::Sell));
        let state = book_state_to_py(py, book.state() as i64)?;
        (state, book.stamp(), bids, asks).into_pyobject(py)
    }

    /// Return the open orders of all strategies, oldest first, each with the name of its strategy.
    fn orders(&self) -> PyResult<Vec<(String, Order)>> {
        let state = self.state()?;
        let Some(kernel) = &state.kernel else { return Ok(Vec::new()) };
        let shown = |order: &CoreOrder| {
            let instrument = Arc::clone(&state.roster.instruments[order.market.index()]);
            (state.names[order.strategy.index()].clone(), Order::new(order.clone(), instrument))
        };
        Ok(kernel.orders().map(shown).collect())
    }

    /// Whether orders may be sent at all: ``active``, ``paused`` or ``killed``, by a person or a strategy.
    #[getter]
    fn gate(&self) -> PyResult<&'static str> {
        let trading = self.state()?.kernel.as_ref().map_or_else(Trading::default, Kernel::trading);
        Ok(match trading {
            Trading::Active => "active",
            Trading::Paused => "paused",
            Trading::Killed => "killed",
        })
    }

    /// Return what is known of an account, to be compared with what its venue says.
    ///
    /// The fields of an :class:`~tradecore.reconcile.AccountState`, orders and executions as far as they are open or
    /// ended a short while ago.
    #[pyo3(signature = (account=0))]
    fn account_state<'py>(&self, py: Python<'py>, account: u32) -> PyResult<Bound<'py, PyDict>> {
        let mut state = self.state()?;
        let (kernel, _) = state.open()?;
        let known = kernel.account_state(AccountId::new(account as usize));
        let currencies = kernel.currencies().to_vec();
        known_to_py(py, &known, &state.roster.instruments, &currencies)
    }

    /// Return the client id of an order that is open or ended a short while ago; None of any other.
    fn client_id(&self, order: u64) -> PyResult<Option<String>> {
        let mut state = self.state()?;
        Ok(state.open()?.0.client_id(order).map(|id| id.to_string()))
    }

    /// Time, ns UTC: :meth:`account_state` tells no more of orders that ended before it; 0 while it tells of all.
    #[getter]
    fn forgotten_before_ns(&self) -> PyResult<i64> {
        let mut state = self.state()?;
        Ok(state.open()?.0.forgotten_before())
    }

    /// Every limit and what it stands at, as :attr:`Result.risk <tradecore.Result.risk>` has them in ``limits``.
    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        match &self.state()?.kernel {
            Some(kernel) => uses_to_py(py, kernel),
            None => Ok(PyList::empty(py)),
        }
    }

    /// What each strategy holds of each instrument, at its mark now.
    ///
    /// Each has ``strategy``, ``instrument``, ``qty`` in contracts (spot: base units), ``avg_entry_price`` in quote
    /// currency, ``realized_pnl``, ``unrealized_pnl``, ``fees``, ``funding``, ``interest`` and ``cash`` in the
    /// settlement currency, ``fills``, their number, and what they came to as ``volume`` and ``turnover``.
    #[getter]
    fn positions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let state = self.state()?;
        let Some(kernel) = &state.kernel else { return Ok(PyList::empty(py)) };
        let instruments = &state.roster.instruments;
        let marks = (0..instruments.len()).map(|market| kernel.mark(MarketId::new(market)));
        FinalPositions::of(kernel, instruments, marks, Vec::new())?.rows(py)
    }

    /// What every strategy may do, by name: ``active``, ``reducing``, ``paused``, ``stopped`` or ``halted``.
    #[getter]
    fn trading<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        if let Some(kernel) = &self.state()?.kernel {
            for (at, (name, _)) in kernel.strategies().enumerate() {
                out.set_item(name, kernel.trading_state(StrategyId::new(at)).as_str())?;
            }
        }
        Ok(out)
    }

    /// Tracebacks of strategies that failed, by name.
    #[getter]
    fn failures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match &self.state()?.kernel {
            Some(kernel) => failures(py, kernel),
            None => Ok(PyDict::new(py)),
        }
    }

    /// Close the session: open orders go to the tables. Return the digest.
    fn finish(&self) -> PyResult<String> {
        let mut state = self.state()?;
        let (kernel, _) = state.open()?;
        let digest = kernel.finish();
        state.is_finished = true;
        Ok(digest)
    }
}
