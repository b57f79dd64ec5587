//! Groups of orders of a strategy: how one is asked for, and the handle to watch it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyString;
use tradecore_core::orders::{
    Group, GroupId, GroupKind, GroupRequest, OnReject, OrderId, OrderRequest, OrderType, Reason, Role,
    Trigger, TriggerAt, TriggerBy,
};
use tradecore_core::types::{Instrument, MarketId, Price};

use crate::errors;
use crate::records::Order;
use crate::shared::Shared;
use crate::terms::{OrderTerms, PostOnly, to_trigger_by};
use crate::values::{to_side, to_steps, unexpected};

/// What becomes of a group whose leg is refused.
pub(crate) fn to_on_reject(value: &Bound<'_, PyAny>, allowed: &[OnReject]) -> PyResult<OnReject> {
    let word = value.cast::<PyString>().ok();
    let found = allowed.iter().find(|known| word.is_some_and(|word| word == known.as_str()));
    found.copied().ok_or_else(|| {
        let words: Vec<_> = allowed.iter().map(|known| format!("{:?}", known.as_str())).collect();
        unexpected("if_rejected", &words.join(" or "), value)
    })
}

/// The order that an `OrderSpec` describes.
pub(crate) fn to_request(
    market: MarketId,
    instrument: &Instrument,
    spec: &Bound<'_, PyAny>,
) -> PyResult<OrderRequest> {
    let field =
        |name: &str| spec.getattr(name).map_err(|_| unexpected("orders", "tc.OrderSpec objects", spec));
    let some = |name: &str| Ok::<_, PyErr>(Some(field(name)?).filter(|value| !value.is_none()));
    let (side, qty, price) = (field("side")?, field("qty")?, some("price")?);
    let [kind, trigger_price, trigger, trailing_offset] =
        [some("type")?, some("trigger_price")?, some("trigger")?, some("trailing_offset")?];
    let [time_in_force, expires_at, display_qty] =
        [some("time_in_force")?, some("expires_at")?, some("display_qty")?];
    let terms = OrderTerms {
        kind: kind.as_ref(),
        trigger_price: trigger_price.as_ref(),
        trigger: trigger.as_ref(),
        trailing_offset: trailing_offset.as_ref(),
        time_in_force: time_in_force.as_ref(),
        expires_at: expires_at.as_ref(),
        post_only: field("post_only")?.extract::<PostOnly>()?,
        reduce_only: field("reduce_only")?.is_truthy()?,
        display_qty: display_qty.as_ref(),
        client_id: some("client_id")?.map(|name| name.extract()).transpose()?,
    };
    terms.request(market, instrument, || to_side(&side), &qty, price.as_ref())
}

/// The legs of a bracket as Python gives them.
pub(crate) struct Legs<'a, 'py> {
    pub(crate) stop_loss: Option<&'a Bound<'py, PyAny>>,
    pub(crate) stop_limit: Option<&'a Bound<'py, PyAny>>,
    pub(crate) trailing_offset: Option<&'a Bound<'py, PyAny>>,
    pub(crate) take_profit: Option<&'a Bound<'py, PyAny>>,
    pub(crate) trigger: Option<&'a Bound<'py, PyAny>>,
}

impl Legs<'_, '_> {
    /// The bracket of an entry.
    pub(crate) fn around(
        self,
        instrument: &Instrument,
        entry: OrderRequest,
        on_reject: OnReject,
        emulate: bool,
    ) -> PyResult<GroupRequest> {
        let (id, grid) = (instrument.id.as_str(), instrument.price_increment);
        let steps = |field: &str, value: Option<&Bound<'_, PyAny>>| -> PyResult<Option<Price>> {
            value.map(|value| to_steps(field, id, grid, value).map(Price::new)).transpose()
        };
        let (stop, limit) = (steps("stop_loss", self.stop_loss)?, steps("stop_limit", self.stop_limit)?);
        let (offset, profit) =
            (steps("trailing_offset", self.trailing_offset)?, steps("take_profit", self.take_profit)?);
        let at = match (stop, offset) {
            (Some(_), Some(_)) => {
                let problem = "not expected: the stop is at stop_loss, or trails";
                return Err(errors::invalid("trailing_offset", problem));
            }
            (Some(price), None) => Some(TriggerAt::Stop { price }),
            (None, Some(offset)) => Some(TriggerAt::Trailing { offset }),
            (None, None) => None,
        };
        if limit.is_some() && stop.is_none() {
            return Err(errors::invalid("stop_limit", "not expected without stop_loss"));
        }
        if at.is_none() && profit.is_none() {
            let problem = "missing: a bracket has a stop_loss, a trailing_offset or a take_profit";
            return Err(errors::invalid("stop_loss", problem));
        }
        let leg = |limit: Option<Price>, at: Option<TriggerAt>| {
            let order_type = limit.map_or(OrderType::Market, |price| OrderType::Limit { price });
            let by = self.trigger.map_or(Ok(TriggerBy::Last), to_trigger_by)?;
            Ok::<_, PyErr>(OrderRequest {
                reduce_only: instrument.supports.reduce_only || emulate,
                trigger: at.map(|at| Trigger { at, by }),
                ..OrderRequest::new(entry.market, entry.side.opposite(), order_type, entry.qty)
            })
        };
        let mut orders = vec![(Role::Entry, entry.clone())];
        if at.is_some() {
            orders.push((Role::StopLoss, leg(limit, at)?));
        }
        if profit.is_some() {
            orders.push((Role::TakeProfit, leg(profit, None)?));
        }
        Ok(GroupRequest { kind: GroupKind::Bracket, market: entry.market, orders, on_reject, emulate })
    }
}

/// Orders that depend on each other, to watch and to cancel: what ``ctx.bracket``, ``oco`` and ``oto`` return.
///
/// Valid only inside a hook: it shows what is known at ``ctx.now_ns``. What became of its orders is in
/// ``result.orders``, with ``group`` and ``role``. A handle is no plain data: keep ``group_id`` in what a strategy
/// saves, and ask ``ctx.group(group_id)``.
///
/// Examples
/// --------
/// >>> group = ctx.bracket("BTCUSDT.SYNTH", "buy", 1, 59990, stop_loss=59900, take_profit=60100)
/// >>> group
/// <OrderGroup 1 bracket BTCUSDT.SYNTH, working>
/// >>> [(order.role, order.price) for order in group.orders]
/// [('entry', 59990.0)]
/// >>> group.cancel()
/// True
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct OrderGroup {
    shared: Arc<Shared>,
    /// Number of the group in the run: 1, 2, 3 ... in the order they were made.
    #[pyo3(get)]
    group_id: GroupId,
}

impl OrderGroup {
    pub(crate) fn new(shared: &Arc<Shared>, group_id: GroupId) -> Self {
        Self { shared: Arc::clone(shared), group_id }
    }

    fn read<T>(&self, py: Python<'_>, read: impl FnOnce(&Group) -> T) -> PyResult<T> {
        self.shared.with(py, |ctx| ctx.group(self.group_id).map(read))?.ok_or_else(|| {
            let id = self.group_id;
            errors::invalid("group", format!("{id} ended too long ago: see group in the result's orders"))
        })
    }

    fn qty(&self, py: Python<'_>, qty: impl FnOnce(&Group) -> i64) -> PyResult<f64> {
        self.read(py, |of| self.shared.instrument(of.market).qty_increment.to_f64(qty(of)))
    }

    fn order_of(&self, py: Python<'_>, id: OrderId) -> PyResult<Option<Order>> {
        let found = self.shared.with(py, |ctx| ctx.recent_order(id).cloned())?;
        Ok(found.map(|order| {
            let instrument = Arc::clone(self.shared.instrument(order.market));
            Order::new(order, instrument)
        }))
    }
}

#[pymethods]
impl OrderGroup {
    /// How its orders depend on each other: ``oco``, ``bracket`` or ``oto``.
    #[getter]
    fn kind(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, |of| of.kind.as_str())
    }

    /// Id of the instrument.
    #[getter]
    fn instrument(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |of| self.shared.instrument(of.market).id.to_string())
    }

    /// Where it stands: ``working``, ``cancelling``, ``closing``, ``done``, ``cancelled`` or ``failed``.
    ///
    /// ``closing``: its orders are cancelled, and what must not stay open is closed at the market.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, |of| of.state.as_str())
    }

    /// Why it did not come to its proper end, such as ``post_only_would_cross``; None where it did or may.
    #[getter]
    fn reason(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        self.read(py, |of| of.reason.map(Reason::as_str))
    }

    /// Whether nothing happens to it any more.
    #[getter]
    fn is_done(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, |of| of.state.is_done())
    }

    /// Of a bracket: quantity the entry has filled and no leg has, in contracts (spot: base units).
    #[getter]
    fn open_qty(&self, py: Python<'_>) -> PyResult<f64> {
        self.qty(py, Group::open_qty)
    }

    /// Quantity that legs filled beyond what there was and was undone, in contracts (spot: base units).
    #[getter]
    fn over_qty(&self, py: Python<'_>) -> PyResult<f64> {
        self.qty(py, |of| of.over)
    }

    /// The newest order of each role that has one, the first one first; those that ended long ago are left out.
    #[getter]
    fn orders(&self, py: Python<'_>) -> PyResult<Vec<Order>> {
        let ids: Vec<_> = self
            .read(py, |of| of.members.iter().filter_map(|member| member.orders.last().copied()).collect())?;
        ids.into_iter().filter_map(|id| self.order_of(py, id).transpose()).collect()
    }

    /// Number of each of its orders, role by role in the order they were sent.
    #[getter]
    fn order_ids(&self, py: Python<'_>) -> PyResult<Vec<OrderId>> {
        self.read(py, |of| of.members.iter().flat_map(|member| member.orders.iter().copied()).collect())
    }

    /// Return the newest order of a role; None where none was sent, or it ended long ago.
    ///
    /// Roles are ``entry``, ``stop_loss``, ``take_profit`` of a bracket, ``leg`` of one-cancels-other, ``first`` and
    /// ``then`` of one-triggers-other, and ``close`` of what closes at the market. Of several, it is the last.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For another role.
    fn order(&self, py: Python<'_>, role: &str) -> PyResult<Option<Order>> {
        let Some(known) = Role::ALL.into_iter().find(|known| known.as_str() == role) else {
            let roles = Role::ALL.map(Role::as_str).join(", ");
            return Err(errors::invalid("role", format!("{role:?} is not one of {roles}")));
        };
        let newest = |of: &Group| {
            let of_role = of.members.iter().filter(|member| member.role == known);
            of_role.filter_map(|member| member.orders.last().copied()).next_back()
        };
        self.read(py, newest)?.map_or(Ok(None), |id| self.order_of(py, id))
    }

    /// Ask to cancel all its orders; False when there is nothing to cancel. What it has filled stays as it is.
    fn cancel(&self, py: Python<'_>) -> PyResult<bool> {
        self.shared.with(py, |ctx| ctx.cancel_group(self.group_id))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            other.group_id == self.group_id && Arc::ptr_eq(&other.shared, &self.shared)
        })
    }

    fn __hash__(&self) -> u64 {
        self.group_id
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |of| {
            let id = &self.shared.instrument(of.market).id;
            format!("<OrderGroup {} {} {id}, {}>", of.id, of.kind.as_str(), of.state.as_str())
        })
    }
}
