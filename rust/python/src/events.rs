//! Events of a session as Python objects, for the bus that listens to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use tradecore_core::book::Touch;
use tradecore_core::exec::Execution;
use tradecore_core::kernel::{
    Answer, EventListener, FillRow, Halt, HookError, Kernel, PaymentRow, Reconcile, SessionEvent,
    SessionEventKind, SessionEventKinds, Stat, StopMove, StopRow, Trade,
};
use tradecore_core::orders::{Group, Membership, Order, Reason, Trigger};
use tradecore_core::risk::{Breach, FinePrice, OnTrip, fine_to_f64};
use tradecore_core::types::{Instrument, MarketId, Money, Price, Qty, Side, StrategyId};

use crate::errors;
use crate::raised::Raised;
use crate::records::{
    book_state_to_py, event_kind_to_py, liquidity_to_py, order_type_to_py, side_to_py, signal_action_to_py,
};
use crate::risk::breaches_to_py;
use crate::values::{money_to_py, price_to_py, qty_to_py};

type Value<'py> = PyResult<Bound<'py, PyAny>>;
/// What the class of an event is called with.
type Fields<'py> = PyResult<Bound<'py, PyTuple>>;

/// Which events of a session a bus wants to be told: what is in none is not made.
#[pyclass(frozen, module = "tradecore.bus")]
pub(crate) struct EventInterest(AtomicU32);

#[pymethods]
impl EventInterest {
    #[new]
    fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Want these kinds, by the names of their classes, and no others, from the next input of a session on.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For a name that is none of :func:`session_event_names`.
    #[allow(clippy::needless_pass_by_value, reason = "as Python hands it over")]
    fn set(&self, names: Vec<String>) -> PyResult<()> {
        let mut bits = 0;
        for name in &names {
            let kind = SessionEventKind::ALL.iter().find(|kind| kind.as_str() == name);
            let kind = kind.ok_or_else(|| errors::invalid("names", format!("{name:?} is no event")))?;
            bits |= 1 << *kind as u32;
        }
        self.0.store(bits, Ordering::Relaxed);
        Ok(())
    }
}

/// Return the names of the events that sessions tell, each that of a class of :mod:`tradecore.bus.events`.
#[pyfunction]
pub(crate) fn session_event_names() -> Vec<&'static str> {
    SessionEventKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// A bus that listens to a session.
pub(crate) struct Listener {
    interest: Py<EventInterest>,
    take: Py<PyAny>,
    /// The class of each kind.
    classes: Vec<Py<PyAny>>,
    instruments: Vec<Arc<Instrument>>,
    strategies: Vec<String>,
    raised: Raised,
}

/// What of a bus listens, as it is handed over: its interest, and what it takes events with.
#[derive(FromPyObject)]
pub(crate) struct Bus {
    #[pyo3(attribute("_interest"))]
    interest: Py<EventInterest>,
    #[pyo3(attribute("_take"))]
    take: Py<PyAny>,
}

impl Bus {
    /// What takes events.
    pub(crate) fn taker(&self) -> Py<PyAny> {
        Python::attach(|py| self.take.clone_ref(py))
    }

    /// Has it listen to a kernel.
    pub(crate) fn listen(
        &self,
        py: Python<'_>,
        kernel: &mut Kernel,
        instruments: &[Arc<Instrument>],
        raised: &Raised,
    ) -> PyResult<()> {
        let module = py.import(intern!(py, "tradecore.bus.events"))?;
        let class = |kind: &SessionEventKind| Ok(module.getattr(kind.as_str())?.unbind());
        let listener = Listener {
            interest: self.interest.clone_ref(py),
            take: self.take.clone_ref(py),
            classes: SessionEventKind::ALL.iter().map(class).collect::<PyResult<_>>()?,
            instruments: instruments.to_vec(),
            strategies: kernel.strategies().map(|(name, _)| name.to_owned()).collect(),
            raised: raised.clone(),
        };
        kernel.listen(Box::new(listener));
        Ok(())
    }
}

impl EventListener for Listener {
    fn wanted(&self) -> SessionEventKinds {
        SessionEventKinds::from_bits(self.interest.get().0.load(Ordering::Relaxed))
    }

    fn take(&mut self, told: &mut Vec<(i64, SessionEvent)>) -> Result<(), HookError> {
        Python::attach(|py| {
            let hand_over = || -> PyResult<()> {
                let events = PyList::empty(py);
                for (at, event) in &*told {
                    events.append(self.object(py, *at, event)?)?;
                }
                self.take.call1(py, (events,)).map(drop)
            };
            let taken = hand_over();
            told.clear();
            taken.map_err(|error| self.raised.keep(py, error))
        })
    }
}

impl Listener {
    fn instrument(&self, market: MarketId) -> &Instrument {
        &self.instruments[market.index()]
    }

    fn strategy(&self, strategy: StrategyId) -> &str {
        &self.strategies[strategy.index()]
    }

    fn object<'py>(&self, py: Python<'py>, at: i64, event: &SessionEvent) -> Value<'py> {
        let (kind, fields) = match event {
            SessionEvent::Touch { kind, market, touch } => (*kind, self.touch(py, at, *market, touch)?),
            SessionEvent::Trade { market, trade } => {
                (SessionEventKind::TradePrinted, self.trade(py, at, *market, trade)?)
            }
            SessionEvent::BookState { market, state, reason } => {
                let (id, state) =
                    (self.instrument(*market).id.as_str(), book_state_to_py(py, *state as i64)?);
                let fields = (at, id, state, reason.as_deref().unwrap_or_default());
                (SessionEventKind::BookStateChanged, fields.into_pyobject(py)?)
            }
            SessionEvent::Stat { market, stat } => {
                (SessionEventKind::StatPublished, self.stat(py, at, *market, stat)?)
            }
            SessionEvent::Signal(answer) => (SessionEventKind::SignalGenerated, self.signal(py, at, answer)?),
            SessionEvent::Order { kind, order, breaches } => (*kind, self.order(py, at, order, breaches)?),
            SessionEvent::Fill { kind, fill, qty } => (*kind, self.fill(py, at, *kind, fill, *qty)?),
            SessionEvent::Payment { kind, row } => (*kind, self.payment(py, at, *kind, row)?),
            SessionEvent::Execution(execution) => {
                (SessionEventKind::ExecutionEnded, self.execution(py, at, execution)?)
            }
            SessionEvent::Stop(row) => (SessionEventKind::StopTriggered, self.stop(py, at, row)?),
            SessionEvent::StopMoved(moved) => (SessionEventKind::StopMoved, self.stop_move(py, at, moved)?),
            SessionEvent::GroupLeg(order, of) => {
                (SessionEventKind::GroupLegCancelled, self.leg(py, at, order, *of)?)
            }
            SessionEvent::Group(group) => (SessionEventKind::GroupEnded, self.group(py, at, group)?),
            SessionEvent::Halt(halt) => (SessionEventKind::RiskHalt, halted(py, at, halt)?),
            SessionEvent::Resumed(trip) => {
                let (scope, name) =
                    trip.as_ref().map_or(("session", ""), |trip| (trip.scope.as_str(), &*trip.name));
                (SessionEventKind::RiskResumed, (at, scope, name).into_pyobject(py)?)
            }
            SessionEvent::Session(kind) => (*kind, (at,).into_pyobject(py)?),
            SessionEvent::Failed { strategy, problem } => {
                let fields = (at, "strategy", self.strategy(*strategy), &**problem);
                (SessionEventKind::Error, fields.into_pyobject(py)?)
            }
            SessionEvent::Mismatch(entry) => (SessionEventKind::Error, mismatch(py, at, entry)?),
        };
        self.classes[kind as usize].bind(py).call1(fields)
    }

    fn touch<'py>(&self, py: Python<'py>, at: i64, market: MarketId, touch: &Touch) -> Fields<'py> {
        let of = self.instrument(market);
        let price = |side| touch.best(side).map(|best| price_to_py(py, of, best.price)).transpose();
        let qty = |side| touch.best(side).map(|best| qty_to_py(py, of, best.qty)).transpose();
        let state = book_state_to_py(py, touch.state as i64)?;
        let (bid, ask) = (Side::Buy, Side::Sell);
        (at, of.id.as_str(), price(bid)?, price(ask)?, qty(bid)?, qty(ask)?, state).into_pyobject(py)
    }

    fn trade<'py>(&self, py: Python<'py>, at: i64, market: MarketId, trade: &Trade) -> Fields<'py> {
        let of = self.instrument(market);
        let side = trade.aggressor_side.map(|side| side_to_py(py, side.sign())).transpose()?;
        let (price, qty) = (price_to_py(py, of, trade.price)?, qty_to_py(py, of, trade.qty)?);
        (at, of.id.as_str(), price, qty, side, trade.ts_event).into_pyobject(py)
    }

    fn stat<'py>(&self, py: Python<'py>, at: i64, market: MarketId, stat: &Stat) -> Fields<'py> {
        let of = self.instrument(market);
        let (mut qty, mut side, mut next) = (None, None, None);
        let value = match *stat {
            Stat::Mark { price, .. } | Stat::Index { price, .. } => Some(fine_of(py, price)?),
            Stat::Funding(funding) => {
                next = funding.next_ts;
                Some(fine_of(py, funding.rate)?)
            }
            Stat::OpenInterest { qty: held, .. } => {
                qty = Some(qty_to_py(py, of, held)?);
                None
            }
            Stat::Liquidation(trade) => {
                qty = Some(qty_to_py(py, of, trade.qty)?);
                side = trade.aggressor_side.map(|side| side_to_py(py, side.sign())).transpose()?;
                Some(price_to_py(py, of, trade.price)?)
            }
        };
        let what = event_kind_to_py(py, stat.kind() as i64)?;
        (at, of.id.as_str(), what, value, qty, side, next, stat.ts_event()).into_pyobject(py)
    }

    fn signal<'py>(&self, py: Python<'py>, at: i64, answer: &Answer) -> Fields<'py> {
        let signal =
            answer.outcome.as_ref().map_err(|problem| errors::RunError::new_err(problem.to_string()))?;
        let opinion = &signal.opinion;
        (
            at,
            self.instrument(answer.market).id.as_str(),
            self.strategy(answer.strategy),
            signal_action_to_py(py, opinion.action as i64)?,
            opinion.confidence.get(),
            opinion.value,
            &*opinion.model,
            signal.expires,
        )
            .into_pyobject(py)
    }

    fn order<'py>(&self, py: Python<'py>, at: i64, order: &Order, breaches: &[Breach]) -> Fields<'py> {
        let of = self.instrument(order.market);
        let price = |price: Option<Price>| price.map(|price| price_to_py(py, of, price.steps())).transpose();
        (
            at,
            of.id.as_str(),
            self.strategy(order.strategy),
            order.id,
            order.client_id.as_deref(),
            side_to_py(py, order.side.sign())?,
            order_type_to_py(py, i64::from(order.kind()))?,
            qty_to_py(py, of, order.qty.steps())?,
            price(order.price())?,
            price(order.trigger.and_then(Trigger::price))?,
            qty_to_py(py, of, order.filled.steps())?,
            order.reason.map_or("", Reason::as_str),
        )
            .into_pyobject(py)?
            .add(PyTuple::new(py, [breaches_to_py(py, breaches)?])?)?
            .cast_into()
            .map_err(PyErr::from)
    }

    fn fill<'py>(
        &self,
        py: Python<'py>,
        at: i64,
        kind: SessionEventKind,
        fill: &FillRow,
        qty: Qty,
    ) -> Fields<'py> {
        let of = self.instrument(fill.market);
        let (id, strategy) = (of.id.as_str(), self.strategy(fill.strategy));
        let side = side_to_py(py, fill.side.sign())?;
        let (price, qty) = (price_to_py(py, of, fill.price.steps())?, qty_to_py(py, of, qty.steps())?);
        if kind == SessionEventKind::OrderFilled {
            let (liquidity, fee) = (liquidity_to_py(py, fill.liquidity as i64)?, money_to_py(py, fill.fee)?);
            let client_id = fill.client_id.as_deref();
            let (order, completes, ts_event) = (fill.order, fill.completes, fill.ts_event);
            return (
                at, id, strategy, order, client_id, side, price, qty, liquidity, fee, completes, ts_event,
            )
                .into_pyobject(py);
        }
        let held = qty_to_py(py, of, fill.position_qty)?;
        if kind == SessionEventKind::TradeExecuted {
            let entry = fill.avg_entry_price.map(|price| price * of.price_increment.to_f64(1));
            return (at, id, strategy, fill.order, side, price, qty, held, entry).into_pyobject(py);
        }
        let realized = money_to_py(py, fill.realized)?;
        (at, id, strategy, fill.order, side, price, qty, held, realized, "fill").into_pyobject(py)
    }

    fn payment<'py>(
        &self,
        py: Python<'py>,
        at: i64,
        kind: SessionEventKind,
        row: &PaymentRow,
    ) -> Fields<'py> {
        let payment = &row.payment;
        let of = self.instrument(payment.market);
        let (id, strategy, why) = (of.id.as_str(), self.strategy(row.strategy), payment.kind.as_str());
        let price = fine_of(py, payment.price)?;
        if kind == SessionEventKind::PaymentBooked {
            let (paid, held) = (money_to_py(py, payment.paid)?, qty_to_py(py, of, payment.qty)?);
            return (at, id, strategy, why, paid, price, held, payment.ts_event).into_pyobject(py);
        }
        let side = side_to_py(py, -payment.qty.signum())?;
        let (qty, held) =
            (qty_to_py(py, of, payment.qty.saturating_abs())?, qty_to_py(py, of, row.position_qty)?);
        let (order, realized) = (None::<u64>, money_to_py(py, row.realized)?);
        (at, id, strategy, order, side, price, qty, held, realized, why).into_pyobject(py)
    }

    fn stop<'py>(&self, py: Python<'py>, at: i64, row: &StopRow) -> Fields<'py> {
        let of = self.instrument(row.market);
        let price = |price: Option<FinePrice>| price.map(|price| fine_to_f64(price, of.price_increment));
        (
            at,
            of.id.as_str(),
            self.strategy(row.strategy),
            row.kind.as_str(),
            row.trigger.as_str(),
            price(row.price),
            price(row.level),
            qty_to_py(py, of, row.qty)?,
            qty_to_py(py, of, row.position_qty)?,
            row.scope.as_str(),
            &*row.name,
        )
            .into_pyobject(py)
    }

    fn stop_move<'py>(&self, py: Python<'py>, at: i64, moved: &StopMove) -> Fields<'py> {
        let of = self.instrument(moved.market);
        let price = |price| fine_to_f64(price, of.price_increment);
        let (id, strategy, kind) = (of.id.as_str(), self.strategy(moved.strategy), moved.kind.as_str());
        let (level, before) = (price(moved.level), moved.before.map(price));
        (at, id, strategy, kind, level, before, moved.scope.as_str(), &*moved.name).into_pyobject(py)
    }

    fn leg<'py>(&self, py: Python<'py>, at: i64, order: &Order, of: Membership) -> Fields<'py> {
        let on = self.instrument(order.market);
        let filled = qty_to_py(py, on, order.filled.steps())?;
        let (id, strategy, role) = (on.id.as_str(), self.strategy(order.strategy), of.role.as_str());
        (at, id, strategy, of.group, order.id, role, filled).into_pyobject(py)
    }

    fn group<'py>(&self, py: Python<'py>, at: i64, group: &Group) -> Fields<'py> {
        let of = self.instrument(group.market);
        let (id, strategy) = (of.id.as_str(), self.strategy(group.strategy));
        let (kind, state) = (group.kind.as_str(), group.state.as_str());
        let reason = group.reason.map_or("", Reason::as_str);
        (at, id, strategy, group.id, kind, state, reason).into_pyobject(py)
    }

    fn execution<'py>(&self, py: Python<'py>, at: i64, execution: &Execution) -> Fields<'py> {
        let request = &execution.request;
        let of = self.instrument(request.market);
        (
            at,
            of.id.as_str(),
            self.strategy(execution.strategy),
            execution.id,
            request.algorithm.as_str(),
            side_to_py(py, request.side.sign())?,
            qty_to_py(py, of, request.qty.steps())?,
            qty_to_py(py, of, execution.filled.steps())?,
            execution.average_price().map(|price| price * of.price_increment.to_f64(1)),
            execution.slippage_bps(),
            execution.state.as_str(),
            execution.reason.map_or("", Reason::as_str),
        )
            .into_pyobject(py)
    }
}

/// A number in units of 10^-9.
fn fine_of(py: Python<'_>, value: i64) -> Value<'_> {
    money_to_py(py, Money::from_units(i128::from(value) * 1_000))
}

fn halted<'py>(py: Python<'py>, at: i64, halt: &Halt) -> Fields<'py> {
    let none = None::<Bound<'py, PyAny>>;
    match halt {
        Halt::Trip(trip) => {
            let amount = |units| money_to_py(py, Money::from_units(units));
            let (limit, value) = (amount(trip.limit)?, amount(trip.value)?);
            let reason = tradecore_core::kernel::trip_word(trip);
            (at, reason, trip.does.as_str(), trip.scope.as_str(), &*trip.name, limit, value).into_pyobject(py)
        }
        Halt::Kill => (at, "kill", OnTrip::Flatten.as_str(), "session", "", &none, &none).into_pyobject(py),
        Halt::Pause => (at, "pause", OnTrip::Refuse.as_str(), "session", "", &none, &none).into_pyobject(py),
    }
}

fn mismatch<'py>(py: Python<'py>, at: i64, entry: &Reconcile) -> Fields<'py> {
    let problem = match &entry.mismatch {
        Some(mismatch) => mismatch.to_string(),
        None => "a report on an order that nobody knows".to_owned(),
    };
    (at, "report", entry.order.to_string(), problem).into_pyobject(py)
}
