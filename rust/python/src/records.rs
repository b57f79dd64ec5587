//! Orders, fills and payments as Python objects.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use tradecore_core::kernel::{FillRow, PaymentRow};
use tradecore_core::orders as core;
use tradecore_core::risk::Breach;
use tradecore_core::types::Instrument;

use crate::risk::breaches_to_py;
use crate::values::{fine, money_to_py};

macro_rules! python_enum {
    ($name:ident, $class:literal) => {
        pub(crate) fn $name(py: Python<'_>, value: i64) -> PyResult<Bound<'_, PyAny>> {
            // A call of the class is one of several of Python's functions, each time.
            static MEMBERS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
            let members = MEMBERS.get_or_try_init(py, || members(py, $class))?.bind(py);
            members.as_any().get_item(value)
        }
    };
}

/// The members of an enumeration of ours by their values.
fn members(py: Python<'_>, class: &str) -> PyResult<Py<PyDict>> {
    let found = PyDict::new(py);
    for member in py.import("tradecore.types")?.getattr(class)?.try_iter()? {
        let member = member?;
        found.set_item(&member, &member)?;
    }
    Ok(found.unbind())
}

python_enum!(side_to_py, "Side");
python_enum!(book_state_to_py, "BookState");
python_enum!(event_kind_to_py, "EventKind");
python_enum!(order_type_to_py, "OrderType");
python_enum!(time_in_force_to_py, "TimeInForce");
python_enum!(order_status_to_py, "OrderStatus");
python_enum!(liquidity_to_py, "Liquidity");
python_enum!(signal_action_to_py, "SignalAction");

/// An order as it stood when it was asked for. A value that may be kept; :meth:`Context.order` returns a newer one.
///
/// Examples
/// --------
/// >>> order_id = ctx.sell("BTCUSDT.SYNTH", 1, 60001, post_only=True)
/// >>> order = ctx.order(order_id)
/// >>> order.side.name, order.price, order.leaves_qty, order.status.name
/// ('SELL', 60001.0, 1.0, 'PENDING_NEW')
#[pyclass(frozen, module = "tradecore")]
#[allow(clippy::struct_field_names, reason = "the order it is a view of")]
pub(crate) struct Order {
    order: core::Order,
    instrument: std::sync::Arc<Instrument>,
    /// What limits say of the request that is being told of.
    breaches: std::sync::Arc<[Breach]>,
}

impl Order {
    pub(crate) fn new(order: core::Order, instrument: std::sync::Arc<Instrument>) -> Self {
        Self { order, instrument, breaches: std::sync::Arc::default() }
    }

    /// The same, with why limits refused what its strategy is being told of.
    pub(crate) fn with_breaches(self, breaches: std::sync::Arc<[Breach]>) -> Self {
        Self { breaches, ..self }
    }
}

#[pymethods]
impl Order {
    /// Our id of the order: a number from 1 on, unique in a run.
    #[getter]
    fn order_id(&self) -> u64 {
        self.order.id
    }

    /// The strategy's own name for it; None if it gave none.
    #[getter]
    fn client_id(&self) -> Option<&str> {
        self.order.client_id.as_deref()
    }

    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.instrument.id.as_str()
    }

    /// ``Side.BUY`` or ``Side.SELL``.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        side_to_py(py, self.order.side.sign())
    }

    /// What kind of order it is; see :class:`~tradecore.types.OrderType`.
    #[getter]
    fn order_type<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        order_type_to_py(py, i64::from(self.order.kind()))
    }

    /// How long it lives; see :class:`~tradecore.types.TimeInForce`.
    #[getter]
    fn time_in_force<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time_in_force_to_py(py, i64::from(self.order.time_in_force.code()))
    }

    /// When a good-till-date order ends at the venue, ns UTC; None for any other.
    #[getter]
    fn expires_at(&self) -> Option<i64> {
        self.order.time_in_force.expires_at()
    }

    /// Whether it rests rather than take liquidity.
    #[getter]
    fn post_only(&self) -> bool {
        self.order.post_only
    }

    /// Whether, as a post-only order, it is given another price rather than to be rejected.
    #[getter]
    fn slides(&self) -> bool {
        self.order.slides
    }

    /// Whether it only makes a position smaller.
    #[getter]
    fn reduce_only(&self) -> bool {
        self.order.reduce_only
    }

    /// How much of it is displayed at a time, in contracts (spot: base units); None for all of it.
    #[getter]
    fn display_qty(&self) -> Option<f64> {
        self.order.display_qty.map(|qty| self.instrument.qty_increment.to_f64(qty.steps()))
    }

    /// Where it is set off, in quote currency; None for one that acts at once or trails.
    #[getter]
    fn trigger_price(&self) -> Option<f64> {
        let price = self.order.trigger.and_then(core::Trigger::price);
        price.map(|price| self.instrument.price_increment.to_f64(price.steps()))
    }

    /// By which price it is set off: ``last``, ``mark`` or ``mid``; None for one that acts at once.
    #[getter]
    fn trigger(&self) -> Option<&'static str> {
        self.order.trigger.map(|trigger| trigger.by.as_str())
    }

    /// How far the market has to come back, in quote currency; None for one that does not trail.
    #[getter]
    fn trailing_offset(&self) -> Option<f64> {
        let offset = self.order.trigger.and_then(core::Trigger::offset);
        offset.map(|offset| self.instrument.price_increment.to_f64(offset.steps()))
    }

    /// Whether it has been set off, as far as is known; None for one that acts at once.
    #[getter]
    fn is_triggered(&self) -> Option<bool> {
        self.order.trigger.map(|_| self.order.ts_trigger != 0)
    }

    /// Its limit, in quote currency; None for one that takes at any price.
    #[getter]
    fn price(&self) -> Option<f64> {
        self.order.price().map(|price| self.instrument.price_increment.to_f64(price.steps()))
    }

    /// Its total quantity, what has been filled included, in contracts (spot: base units).
    #[getter]
    fn qty(&self) -> f64 {
        self.instrument.qty_increment.to_f64(self.order.qty.steps())
    }

    /// Quantity filled, in contracts (spot: base units).
    #[getter]
    fn filled_qty(&self) -> f64 {
        self.instrument.qty_increment.to_f64(self.order.filled.steps())
    }

    /// Quantity not filled, in contracts (spot: base units).
    #[getter]
    fn leaves_qty(&self) -> f64 {
        self.instrument.qty_increment.to_f64(self.order.leaves().steps())
    }

    /// Average price of its fills, in quote currency; None if there is none.
    #[getter]
    fn avg_fill_price(&self) -> Option<f64> {
        self.order.average_price().map(|p| p * self.instrument.price_increment.to_f64(1))
    }

    /// Where it stands; see :class:`~tradecore.types.OrderStatus`.
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        order_status_to_py(py, self.order.status() as i64)
    }

    /// Whether nothing can happen to it any more.
    #[getter]
    fn is_closed(&self) -> bool {
        self.order.is_closed()
    }

    /// Whether an answer of the venue is awaited: to the order itself, a cancel or a replacement.
    #[getter]
    fn is_pending(&self) -> bool {
        self.order.pending() != core::Pending::Nothing || self.order.status() == core::OrderStatus::PendingNew
    }

    /// Why it ended, such as ``post_only_would_cross``; empty for none.
    ///
    /// Of an open order: why the last request to change it was refused.
    #[getter]
    fn reason(&self) -> &'static str {
        self.order.reason.map_or("", core::Reason::as_str)
    }

    /// Every limit that the request would have passed, where ``on_order`` tells that limits refused it (``risk``).
    ///
    /// A tuple of :class:`RiskBreach`, each with ``check``, ``scope``, ``name``, ``limit`` and ``value``; empty for
    /// anything else, and for an order that was asked for with :meth:`Context.order`.
    #[getter]
    fn breaches<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
        breaches_to_py(py, &self.breaches)
    }

    /// Number of the group it belongs to, of ``ctx.oco``, ``ctx.bracket`` or ``ctx.oto``; None for none.
    #[getter]
    fn group_id(&self) -> Option<u64> {
        self.order.group.map(|of| of.group)
    }

    /// What it is to its group, such as ``entry`` or ``stop_loss``; None without one.
    #[getter]
    fn role(&self) -> Option<&'static str> {
        self.order.group.map(|of| of.role.as_str())
    }

    /// What the kernel does of it in the venue's place; empty for nothing.
    ///
    /// Words of ``trigger``, ``reduce_only``, ``display_qty``.
    #[getter]
    fn emulated<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
        pyo3::types::PyTuple::new(py, self.order.emulated.words().collect::<Vec<_>>())
    }

    /// When it was sent, ns UTC.
    #[getter]
    fn ts_submit(&self) -> i64 {
        self.order.ts_submit
    }

    fn __repr__(&self) -> String {
        let (o, i) = (&self.order, &self.instrument);
        let price = o.price().map_or_else(|| "market".to_owned(), |price| i.format_price(price.steps()));
        format!(
            "<Order {} {} {} {} @ {price}, {} filled, {:?}>",
            o.id,
            i.id,
            o.side,
            i.format_qty(o.qty.steps()),
            i.format_qty(o.filled.steps()),
            o.status()
        )
    }
}

/// A fill of an own order. A value that may be kept.
///
/// Examples
/// --------
/// >>> class Hedger(tc.Strategy):
/// ...     def on_start(self, ctx):
/// ...         ctx.buy("BTCUSDT.SYNTH", 1)
/// ...
/// ...     def on_fill(self, ctx, fill):
/// ...         if fill.liquidity is tc.Liquidity.TAKER:
/// ...             self.cost = fill.qty * fill.price + float(fill.fee)
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Fill {
    fill: FillRow,
    instrument: std::sync::Arc<Instrument>,
}

impl Fill {
    pub(crate) fn new(fill: FillRow, instrument: std::sync::Arc<Instrument>) -> Self {
        Self { fill, instrument }
    }
}

#[pymethods]
impl Fill {
    /// Our id of the order: a number from 1 on, unique in a run.
    #[getter]
    fn order_id(&self) -> u64 {
        self.fill.order
    }

    /// The strategy's own name for the order; None if it gave none.
    #[getter]
    fn client_id(&self) -> Option<&str> {
        self.fill.client_id.as_deref()
    }

    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.instrument.id.as_str()
    }

    /// ``Side.BUY`` or ``Side.SELL``.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        side_to_py(py, self.fill.side.sign())
    }

    /// Price, in quote currency.
    #[getter]
    fn price(&self) -> f64 {
        self.instrument.price_increment.to_f64(self.fill.price.steps())
    }

    /// Quantity, in contracts (spot: base units).
    #[getter]
    fn qty(&self) -> f64 {
        self.instrument.qty_increment.to_f64(self.fill.qty.steps())
    }

    /// Whether the order made or took liquidity.
    #[getter]
    fn liquidity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        liquidity_to_py(py, self.fill.liquidity as i64)
    }

    /// Fee, in the settlement currency; negative is a rebate.
    #[getter]
    fn fee<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.fill.fee)
    }

    /// Coin that the fee was paid in, or None for the settlement currency.
    #[getter]
    fn fee_coin(&self) -> Option<&str> {
        Some(fee_coin(&self.fill, &self.instrument)).filter(|coin| !coin.is_empty())
    }

    /// What was paid of ``fee_coin`` in place of the fee in settlement currency; None where that was paid.
    #[getter]
    fn fee_paid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.fill.paid.map(|paid| money_to_py(py, paid.amount)).transpose()
    }

    /// Profit of what the fill closed, before its fee, in the settlement currency; 0 where it closed nothing.
    #[getter]
    fn realized_pnl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.fill.realized)
    }

    /// What the strategy holds after it, in contracts (spot: base units); negative is short.
    #[getter]
    fn position_qty(&self) -> f64 {
        self.instrument.qty_increment.to_f64(self.fill.position_qty)
    }

    /// Whether nothing of the order is left.
    #[getter]
    fn completes_order(&self) -> bool {
        self.fill.completes
    }

    /// When it happened by the venue's clock, ns UTC.
    #[getter]
    fn ts_event(&self) -> i64 {
        self.fill.ts_event
    }

    /// When it was known to the strategy, ns UTC.
    #[getter]
    fn ts_recv(&self) -> i64 {
        self.fill.ts_recv
    }

    fn __repr__(&self) -> String {
        let (f, i) = (&self.fill, &self.instrument);
        format!(
            "<Fill of order {} {} {} {} @ {} {:?} fee {}>",
            f.order,
            i.id,
            f.side,
            i.format_qty(f.qty.steps()),
            i.format_price(f.price.steps()),
            f.liquidity,
            f.fee
        )
    }
}

/// Money that a venue moved by itself: funding, a settlement, a liquidation, interest. A value that may be kept.
///
/// Examples
/// --------
/// >>> def rate_bps(payment):  # of what on_payment is called with
/// ...     return payment.rate * 10_000 if payment.why == "funding" else 0.0
#[pyclass(frozen, module = "tradecore.strategy")]
pub(crate) struct Payment {
    row: PaymentRow,
    instrument: std::sync::Arc<Instrument>,
}

impl Payment {
    pub(crate) fn new(row: PaymentRow, instrument: std::sync::Arc<Instrument>) -> Self {
        Self { row, instrument }
    }
}

#[pymethods]
impl Payment {
    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.instrument.id.as_str()
    }

    /// Why money moved.
    ///
    /// ``funding``, ``settlement``, ``delivery_fee``, ``liquidation``, ``liquidation_fee`` or ``interest``.
    #[getter]
    fn why(&self) -> &'static str {
        self.row.payment.kind.as_str()
    }

    /// What was paid, in the settlement currency; negative is received.
    #[getter]
    fn paid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        money_to_py(py, self.row.payment.paid)
    }

    /// The position it was paid on, or what of it was closed, in contracts (spot: base units); negative is short.
    #[getter]
    fn position_qty(&self) -> f64 {
        self.instrument.qty_increment.to_f64(self.row.payment.qty)
    }

    /// The price the position was valued at, in quote currency: mark, else index, else mid; or closed at.
    ///
    /// Of interest it is what one of the currency that is owed is worth.
    #[getter]
    fn price(&self) -> f64 {
        fine(self.row.payment.price)
    }

    /// Fraction of the position's value that longs pay to shorts, negative for the reverse, or of a fee; else 0.
    ///
    /// Of interest it is that of what is owed.
    #[getter]
    fn rate(&self) -> f64 {
        fine(self.row.payment.rate)
    }

    /// When it was paid by the venue's clock, ns UTC.
    #[getter]
    fn ts_event(&self) -> i64 {
        self.row.payment.ts_event
    }

    /// When it was known to the strategy, ns UTC.
    #[getter]
    fn ts_recv(&self) -> i64 {
        self.row.ts_recv
    }

    fn __repr__(&self) -> String {
        let payment = &self.row.payment;
        format!("<Payment {} {} {}>", self.instrument.id, payment.kind.as_str(), payment.paid)
    }
}

/// The coin in which a fill's fee was paid; nothing for the settlement currency.
pub(crate) fn fee_coin<'a>(fill: &FillRow, instrument: &'a Instrument) -> &'a str {
    match fill.paid.map(|paid| paid.coin) {
        None => "",
        Some(core::FeeCoin::Base) => &instrument.base,
        // An instrument that was told apart from its venue does not say which.
        Some(core::FeeCoin::Token) => instrument.third_fee_coin().unwrap_or("token"),
    }
}
