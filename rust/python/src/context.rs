//! What a Python strategy sees inside a hook: `Context`, with views made at most once per run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use tradecore_core::kernel::{Context as CoreContext, SHORTEST_INTERVAL, TooManyAtOnce};
use tradecore_core::orders::{GroupKind, GroupRequest, OnReject, OrderId, Role};
use tradecore_core::types::{CurrencyId, MarketId, Price, Qty, Side};

use crate::bars::{refused as refused_bars, spec_of};
use crate::errors;
use crate::execution::{Slippage, SlippageTerms};
use crate::executions::{Asked, Execution};
use crate::features::{Declared, FeatureVector};
use crate::groups::{Legs, OrderGroup, to_on_reject, to_request};
use crate::hooks::{Checked, Hears};
use crate::indicators::parse as parse_indicator;
use crate::lending::{Lease, Lent};
use crate::outlet::Outlet;
use crate::raised::Raised;
use crate::readings::IndicatorReading;
use crate::records::Order;
use crate::risk::RiskView;
use crate::risk_config::{bad, to_stops};
use crate::routes;
use crate::shared::Shared;
use crate::signals::{Signal, to_features};
use crate::terms::{Changes, OrderTerms, PostOnly, new_terms};
use crate::values::{
    arguments, money_to_py, repr_of, to_duration, to_f64, to_price, to_qty, to_side, to_whole, unexpected,
};
use crate::views::{BookView, PositionView};

/// The function a timer calls, as far as one was given: None is what a call of one returns.
#[derive(Default)]
pub(crate) enum Callback<'py> {
    #[default]
    Absent,
    Given(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for Callback<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self::Given(given.to_owned()))
    }
}

/// What a strategy can read and do inside a hook.
///
/// Outside of its hooks, and from another thread than that of the hook, every access raises ``ContextError``.
///
/// An instrument is named by its id or given as an :class:`Instrument`; one that is not in the run raises
/// ``UnknownInstrumentError``. Prices are in quote currency, quantities in contracts (spot: base units), both given as
/// ``Decimal``, ``str``, ``int`` or a ``float`` on the grid; money is exact, in a settlement currency.
///
/// Requests are sent at once and act at the venue one entry latency later; what comes of them arrives in ``on_order``
/// and ``on_fill``. A price or quantity off the grid raises ``OffGridError``; what a venue would refuse (too small,
/// post-only that crosses) comes back as a rejected order.
///
/// Examples
/// --------
/// >>> class Quoter(tc.Strategy):
/// ...     def on_start(self, ctx):
/// ...         ctx.every("100ms", self.requote)
/// ...
/// ...     def requote(self, ctx):
/// ...         for instrument in self.instruments:
/// ...             book = ctx.book(instrument)
/// ...             if book.is_synced:
/// ...                 ctx.quote(instrument, bid=book.best_bid, ask=book.best_ask, qty="0.01")
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    /// Views of the markets, each made when it is first asked for: a strategy may look at few of many.
    books: Lent<BookView>,
    depths: Lent<BookView>,
    positions: Lent<PositionView>,
    /// Callbacks of timers that have one of their own, and whether the timer goes off once.
    timers: Mutex<HashMap<u64, (Py<PyAny>, bool)>>,
    checked: Checked,
    hears: Hears,
    /// Whether it has a hook for timers without a callback.
    has_on_timer: bool,
    /// Whether it has somebody to ask.
    has_predictor: bool,
    /// Features it declares, and what their classes raise.
    pub(crate) declared: Declared,
    raised: Raised,
    outlet: Outlet,
    /// Name of the strategy.
    #[pyo3(get)]
    strategy: String,
}

impl Context {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        (raised, outlet): (Raised, Outlet),
        strategy: String,
        hears: Hears,
        has_on_timer: bool,
        has_predictor: bool,
    ) -> Self {
        let count = shared.markets();
        Self {
            shared: Arc::clone(shared),
            books: Lent::new(count),
            depths: Lent::new(count),
            positions: Lent::new(count),
            timers: Mutex::new(HashMap::new()),
            checked: Checked::default(),
            hears,
            has_on_timer,
            has_predictor,
            declared: Declared::default(),
            raised,
            outlet,
            strategy,
        }
    }

    fn new_book<'py>(
        &self,
        py: Python<'py>,
        market: MarketId,
        is_depth: bool,
    ) -> PyResult<Bound<'py, BookView>> {
        let basis = self.shared.with(py, |ctx| ctx.basis(market))?;
        if !basis.has_book() {
            let (id, basis) = (&self.shared.instrument(market).id, basis.as_str());
            return Err(errors::invalid(
                "instrument",
                format!(
                    "{id} has no book: orders are filled against its {basis}; read those with on_bar or on_trade"
                ),
            ));
        }
        let book = BookView {
            shared: Arc::clone(&self.shared),
            market,
            instrument: self.shared.id(py, market),
            is_depth,
            lease: Lease::default(),
        };
        Bound::new(py, book)
    }

    /// The view of a market's book.
    pub(crate) fn book_view<'py>(&self, py: Python<'py>, market: MarketId) -> PyResult<Bound<'py, BookView>> {
        self.books.get(py, market, || self.new_book(py, market, false))
    }

    /// The same, lent until the hook that runs is over.
    #[inline]
    pub(crate) fn give_book<'py>(&self, py: Python<'py>, market: MarketId) -> PyResult<Bound<'py, BookView>> {
        self.books.give(py, market, || self.new_book(py, market, false))
    }

    /// When a hook is over: ends the views given in it that are still held. Arguments of `on_book` hold books, too.
    #[inline]
    pub(crate) fn take_back(&self, py: Python<'_>, in_arguments: impl Fn(MarketId) -> u32) {
        self.books.take_back(py, in_arguments);
        self.depths.take_back(py, |_| 0);
        self.positions.take_back(py, |_| 0);
    }

    /// The callback of a timer that goes off, if it has one of its own.
    pub(crate) fn timer(&self, py: Python<'_>, timer: u64) -> Option<Py<PyAny>> {
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        match timers.get(&timer)? {
            (_, true) => timers.remove(&timer).map(|(callback, _)| callback),
            (callback, false) => Some(callback.clone_ref(py)),
        }
    }

    /// Timers that have a callback of their own, in order of creation: id, callback, whether it goes off once.
    pub(crate) fn timers(&self, py: Python<'_>) -> Vec<(u64, Py<PyAny>, bool)> {
        let timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<_> =
            timers.iter().map(|(id, (callback, once))| (*id, callback.clone_ref(py), *once)).collect();
        list.sort_unstable_by_key(|(id, ..)| *id);
        list
    }

    /// What [`Context::timers`] told.
    pub(crate) fn restore_timers(&self, list: Vec<(u64, Py<PyAny>, bool)>) {
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        *timers = list.into_iter().map(|(id, callback, once)| (id, (callback, once))).collect();
    }

    /// Forgets the callbacks of timers: a strategy that keeps its context, and a method of which is one of them, would
    /// stay for ever.
    pub(crate) fn forget_timers(&self) {
        let timers = std::mem::take(&mut *self.timers.lock().unwrap_or_else(PoisonError::into_inner));
        drop(timers);
    }

    /// Sets a timer and keeps its callback.
    fn set_timer(
        &self,
        py: Python<'_>,
        callback: Callback<'_>,
        once: bool,
        set: impl FnOnce(&mut CoreContext) -> Result<u64, TooManyAtOnce>,
    ) -> PyResult<u64> {
        let callback = match callback {
            Callback::Given(callback) if callback.is_none() => {
                return Err(errors::invalid(
                    "callback",
                    "None was given: pass the function itself, self.requote, not a call of it, self.requote(ctx)",
                ));
            }
            Callback::Given(callback) => {
                self.checked.check(&callback)?;
                Some(callback)
            }
            Callback::Absent if self.has_on_timer => None,
            Callback::Absent => {
                let problem = "missing, and the strategy has no on_timer: the timer would call nothing";
                return Err(errors::invalid("callback", problem));
            }
        };
        let timer =
            self.shared.with(py, set)?.map_err(|error| errors::invalid("ts_ns", error.to_string()))?;
        if let Some(callback) = callback {
            let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
            timers.insert(timer, (callback.unbind(), once));
        }
        Ok(timer)
    }

    /// A settlement currency of the run.
    fn currency(&self, py: Python<'_>, name: &str) -> PyResult<CurrencyId> {
        let found = self.shared.with(py, |ctx| ctx.currencies().iter().position(|c| c == name))?;
        found
            .map(CurrencyId::new)
            .ok_or_else(|| errors::invalid("currency", format!("{name:?} settles no instrument of this run")))
    }

    fn price(&self, market: MarketId, price: &Bound<'_, PyAny>) -> PyResult<Price> {
        to_price(self.shared.instrument(market), price)
            .map_err(|error| self.in_force(price.py(), market, error))
    }

    fn qty(&self, market: MarketId, qty: &Bound<'_, PyAny>) -> PyResult<Qty> {
        to_qty("qty", self.shared.instrument(market), qty)
            .map_err(|error| self.in_force(qty.py(), market, error))
    }

    /// An error of an order, as of now.
    fn in_force(&self, py: Python<'_>, market: MarketId, error: PyErr) -> PyErr {
        match self.shared.with(py, |ctx| ctx.now_ns()) {
            Ok(now) => errors::in_force(py, error, self.shared.instrument(market), now),
            Err(not_here) => not_here,
        }
    }

    /// An order named by its id or by the strategy's own name for it.
    fn order_id(&self, order: &Bound<'_, PyAny>) -> PyResult<Option<OrderId>> {
        if let Ok(name) = order.cast::<PyString>() {
            let name = name.to_cow()?;
            return self.shared.with(order.py(), |ctx| ctx.order_by_client_id(&name));
        }
        if let Ok(object) = order.getattr("order_id") {
            return Ok(Some(object.extract()?));
        }
        order.extract().map(Some).map_err(|_| {
            let shown = repr_of(order);
            errors::invalid(
                "order",
                format!("expected an order, its id, or your own name for it, got {shown}"),
            )
        })
    }

    /// Refuses a price and a quantity that make sense only the other way round: other libraries take the price first.
    fn check_order(
        &self,
        market: MarketId,
        qty: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = qty.py();
        let (Ok(qty), Ok(price)) = (to_f64("qty", qty), to_f64("price", price)) else { return Ok(()) };
        let Some(mid) = self.shared.with(py, |ctx| ctx.touch(market).mid())? else { return Ok(()) };
        let mid = mid * self.shared.instrument(market).price_increment.to_f64(1);
        let is_far = price < mid / 10.0 || price > mid * 10.0;
        if is_far && qty > mid / 2.0 && qty < mid * 2.0 {
            return Err(errors::invalid(
                "price",
                format!(
                    "{price} is far from the market at {mid}, where the quantity {qty} would be: the order is \
                     (instrument, qty, price); both may be given by keyword"
                ),
            ));
        }
        Ok(())
    }

    fn send(
        &self,
        market: MarketId,
        side: Side,
        (qty, price): (&Bound<'_, PyAny>, Option<&Bound<'_, PyAny>>),
        terms: OrderTerms<'_, '_>,
        emulate: bool,
    ) -> PyResult<OrderId> {
        if let Some(price) = price {
            self.check_order(market, qty, price)?;
        }
        let instrument = self.shared.instrument(market);
        let request = terms
            .request(market, instrument, || Ok(side), qty, price)
            .map_err(|error| self.in_force(qty.py(), market, error))?;
        let send =
            |ctx: &mut CoreContext| if emulate { ctx.submit_emulated(request) } else { ctx.submit(request) };
        self.shared.with(qty.py(), send)?.map_err(errors::order)
    }

    /// Makes a group of the orders that these describe.
    fn group_of<'py>(
        &self,
        instrument: &Bound<'py, PyAny>,
        (kind, on_reject, emulate): (GroupKind, OnReject, bool),
        specs: impl Iterator<Item = (Role, Bound<'py, PyAny>)>,
    ) -> PyResult<OrderGroup> {
        let market = self.shared.market(instrument)?;
        let read = |(role, spec): (Role, Bound<'py, PyAny>)| {
            let request = to_request(market, self.shared.instrument(market), &spec);
            Ok((role, request.map_err(|error| self.in_force(spec.py(), market, error))?))
        };
        let orders = specs.map(read).collect::<PyResult<Vec<_>>>()?;
        self.start_group(instrument.py(), GroupRequest { kind, market, orders, on_reject, emulate })
    }

    fn start_group(&self, py: Python<'_>, request: GroupRequest) -> PyResult<OrderGroup> {
        let id = self.shared.with(py, |ctx| ctx.start_group(request))?.map_err(errors::order)?;
        Ok(OrderGroup::new(&self.shared, id))
    }
}

arguments! {
    to_time: i64 = to_whole("ts_ns", i64::MIN..=i64::MAX);
}

#[pymethods]
impl Context {
    /// The time of the run, ns UTC: that of the newest thing known. It does not move during a hook.
    #[getter]
    fn now_ns(&self, py: Python<'_>) -> PyResult<i64> {
        self.shared.with(py, |ctx| ctx.now_ns())
    }

    /// Cash from trading plus marked positions, after fees, where all instruments of the run settle in one currency.
    ///
    /// Exact, in that settlement currency; it begins at 0. Positions are marked at the mid, or the last there was.
    ///
    /// Raises
    /// ------
    /// OrderError
    ///     When there are several currencies: ask for one with :meth:`equity_in`.
    #[getter]
    fn equity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let equity = self.shared.with(py, |ctx| match ctx.currencies() {
            [_] => Ok(ctx.equity(CurrencyId::new(0))),
            several => Err(several.join(", ")),
        })?;
        match equity {
            Ok(amount) => money_to_py(py, amount.map_err(errors::money)?),
            Err(several) => Err(errors::OrderError::new_err(format!(
                "equity is in {several}: ask for one with equity_in(currency)"
            ))),
        }
    }

    /// Return cash from trading plus marked positions, after fees, in one settlement currency.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When no instrument of the run settles in the currency.
    fn equity_in<'py>(&self, py: Python<'py>, currency: &str) -> PyResult<Bound<'py, PyAny>> {
        let currency = self.currency(py, currency)?;
        let amount = self.shared.with(py, |ctx| ctx.equity(currency))?;
        money_to_py(py, amount.map_err(errors::money)?)
    }

    /// Return the book of an instrument as known now.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    /// view : "merged" or "depth"
    ///     ``merged``: of depth, top-of-book quotes and trades what is newest, as orders meet it. ``depth``: the depth
    ///     alone, however old it is.
    ///
    /// Raises
    /// ------
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    /// InvalidValueError
    ///     For another view, or an instrument that has no book.
    ///
    /// Examples
    /// --------
    /// >>> ctx.book("BTCUSDT.SYNTH").best_bid
    /// 60000.0
    /// >>> ctx.book("BTCUSDT.SYNTH", view="depth").best_bid
    /// 60000.0
    #[pyo3(signature = (instrument, *, view="merged"))]
    fn book<'py>(&self, instrument: &Bound<'py, PyAny>, view: &str) -> PyResult<Bound<'py, BookView>> {
        let (py, market) = (instrument.py(), self.shared.market(instrument)?);
        self.shared.with(py, |_| ())?;
        match view {
            "merged" => self.give_book(py, market),
            "depth" => self.depths.give(py, market, || self.new_book(py, market, true)),
            _ => Err(errors::invalid("view", format!("{view:?} is not merged or depth"))),
        }
    }

    /// Limits that hold for the strategy, and what may be done about them; see :class:`RiskView`.
    #[getter]
    fn risk(&self, py: Python<'_>) -> PyResult<RiskView> {
        self.shared.with(py, |_| ())?;
        Ok(RiskView::new(&self.shared))
    }

    /// Set stops of the strategy's own on its positions in an instrument, the one it holds and later ones.
    ///
    /// They take the place of those it had set before, and hold beside those that came with limits, which stay. While
    /// a position is held they are only tightened: no level of theirs lies further from the market than before, no
    /// time or loss is longer or larger. None takes them away, while nothing is held.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    /// stops : Stops or None
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     Naming what would be wider, or a price that the market is at already; nothing has changed then.
    ///
    /// Examples
    /// --------
    /// >>> ctx.protect("BTCUSDT.SYNTH", tc.Stops(stop_loss="1%", take_profit="2%"))
    /// >>> ctx.risk.stops
    /// []
    fn protect(&self, instrument: &Bound<'_, PyAny>, stops: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, market) = (instrument.py(), self.shared.market(instrument)?);
        let class = py.import("tradecore.risk")?.getattr("Stops")?;
        if !stops.is_none() && !stops.is_instance(&class)? {
            return Err(unexpected("stops", "Stops or None", stops));
        }
        let terms = if stops.is_none() { None } else { Some(Arc::new(to_stops(stops)?)) };
        self.shared.with(py, |ctx| ctx.protect(market, terms))?.map_err(bad)
    }

    /// Return features of an instrument as known now: of the set the strategy declares, or of another one.
    ///
    /// A set that is declared (``features`` of the class or the object) sees every message from the first one on. One
    /// that is first asked for here begins with the book as it is now, and warms up from then on. Sets of one schema
    /// are computed once, however many strategies follow them.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    /// features : FeatureSet, optional
    ///     The declared set if not given.
    ///
    /// Returns
    /// -------
    /// FeatureVector
    ///     A value that may be kept; NaN where nothing is known yet.
    ///
    /// Raises
    /// ------
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    /// InvalidValueError
    ///     Without a set, or for a value of a parameter that the instrument does not allow.
    #[pyo3(signature = (instrument, features=None))]
    fn features(
        &self,
        instrument: &Bound<'_, PyAny>,
        features: Option<Bound<'_, PyAny>>,
    ) -> PyResult<FeatureVector> {
        let (py, market) = (instrument.py(), self.shared.market(instrument)?);
        self.declared.vector(py, &self.shared, &self.raised, market, features)
    }

    /// Return what an indicator of an instrument's bars says now.
    ///
    /// The first call makes it, from the next bar on: make it in ``on_start``. Later ones, by whichever strategy, read
    /// it. Bars are in units of the instrument; one that is amended later counts as it was first told.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     A name of :mod:`tradecore.indicators`, such as ``rsi``.
    /// instrument : str or Instrument
    ///     Any instrument of the run.
    /// bars : str
    ///     Which bars, as ``ctx.subscribe`` takes them: ``1m``, ``tick:100``, ``volume:5``.
    /// **parameters
    ///     Those of the indicator, such as ``period=14``.
    ///
    /// Returns
    /// -------
    /// IndicatorReading
    ///     ``value``, the other outputs by name, ``is_ready``; NaN before it is ready.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For an unknown indicator, bars that cannot be, or a parameter out of bounds.
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> rsi = ctx.indicator("rsi", "BTCUSDT.SYNTH", bars="1m", period=14)
    /// >>> rsi.is_ready, rsi.value
    /// (False, nan)
    #[pyo3(signature = (name, instrument, *, bars, **parameters))]
    fn indicator(
        &self,
        name: &str,
        instrument: &Bound<'_, PyAny>,
        bars: &Bound<'_, PyAny>,
        parameters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<IndicatorReading> {
        let (py, market) = (instrument.py(), self.shared.market(instrument)?);
        let stream = parse_indicator(name, &PyTuple::empty(py), parameters)?;
        let bars = spec_of(bars)?;
        if !stream.spec().reads_bars() {
            return Err(errors::invalid("name", format!("{name} does not read bars")));
        }
        let found =
            self.shared.with(py, |ctx| ctx.indicator(market, &bars, &stream).map(IndicatorReading::of))?;
        if let Some(reading) = found {
            return Ok(reading);
        }
        let reading = |ctx: &mut CoreContext| {
            ctx.follow_indicator(market, &bars, stream.clone())?;
            Ok(ctx.indicator(market, &bars, &stream).map(IndicatorReading::of))
        };
        let reading = self.shared.with(py, reading)?.map_err(refused_bars)?;
        Ok(reading.unwrap_or_else(|| IndicatorReading::of(&stream)))
    }

    /// Return this strategy's position in an instrument.
    ///
    /// Raises
    /// ------
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    fn position<'py>(&self, instrument: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PositionView>> {
        let (py, market) = (instrument.py(), self.shared.market(instrument)?);
        self.shared.with(py, |_| ())?;
        self.positions.give(py, market, || {
            let position = PositionView {
                shared: Arc::clone(&self.shared),
                market,
                instrument: self.shared.id(py, market),
                lease: Lease::default(),
                held: None,
            };
            Bound::new(py, position)
        })
    }

    /// Return this strategy's open orders, oldest first, in one instrument or in all.
    ///
    /// Raises
    /// ------
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> ids = [ctx.buy("BTCUSDT.SYNTH", "0.5", price, post_only=True) for price in (59999, 59998)]
    /// >>> [order.price for order in ctx.orders("BTCUSDT.SYNTH")]
    /// [59999.0, 59998.0]
    #[pyo3(signature = (instrument=None))]
    fn orders<'py>(
        &self,
        py: Python<'py>,
        instrument: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let market = instrument.map(|i| self.shared.market(i)).transpose()?;
        let orders: Vec<_> = self.shared.with(py, |ctx| {
            ctx.open_orders().filter(|o| market.is_none_or(|m| m == o.market)).cloned().collect()
        })?;
        let list = PyList::empty(py);
        for order in orders {
            let instrument = Arc::clone(self.shared.instrument(order.market));
            list.append(Py::new(py, Order::new(order, instrument))?)?;
        }
        Ok(list)
    }

    /// Return an open order by its id, client id or an older copy; None when it is closed.
    fn order(&self, order: &Bound<'_, PyAny>) -> PyResult<Option<Order>> {
        let Some(id) = self.order_id(order)? else { return Ok(None) };
        let found = self.shared.with(order.py(), |ctx| ctx.order(id).cloned())?;
        Ok(found.map(|o| {
            let instrument = Arc::clone(self.shared.instrument(o.market));
            Order::new(o, instrument)
        }))
    }

    /// Send an order and return its id; without a price it is a market order.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    ///     What to trade.
    /// side : Side or str
    ///     ``buy`` or ``sell``.
    /// qty : Decimal, str, int or float
    ///     Quantity in contracts (spot: base units), a multiple of the lot size.
    /// price : Decimal, str, int or float, optional
    ///     Limit in quote currency, a multiple of the tick size; a market order if not given.
    /// type : OrderType or str, optional
    ///     ``market``, ``limit``, ``stop_market``, ``stop_limit``, ``take_profit_market``, ``take_profit_limit`` or
    ///     ``trailing_stop``; if not given, market or limit by its price, or a trailing stop by its offset. All but the
    ///     first two wait at the venue until they are set off, and take no place in a queue before.
    /// trigger_price : Decimal, str, int or float, optional
    ///     Where it is set off, in quote currency, a multiple of the tick size: a stop that buys at it or above, one
    ///     that sells at it or below; a take profit the other way round.
    /// trigger : "last", "mark" or "mid", optional
    ///     By which price: of the last trade (if not given), the venue's mark price, or the middle of the best prices.
    /// trailing_offset : Decimal, str, int or float, optional
    ///     How far the market has to come back from its best price since the order arrived, in quote currency.
    /// time_in_force : TimeInForce or str, optional
    ///     ``gtc`` (until cancelled; if not given), ``ioc`` (what can be had at once), ``fok`` (all or nothing),
    ///     ``gtd`` (until ``expires_at``) or ``day`` (until the venue's day is over).
    /// expires_at : int or datetime, optional
    ///     When it ends at the venue: ns UTC, or a datetime with a time zone; makes it ``gtd``.
    /// post_only : bool or "slide"
    ///     Whether it is rejected rather than take liquidity, or, with ``"slide"``, rests at the best price that takes
    ///     nothing; for limit orders that rest.
    /// reduce_only : bool
    ///     Whether it only makes the position smaller: it fills no more than that, whatever else fills.
    /// display_qty : Decimal, str, int or float, optional
    ///     How much of it is displayed at a time (an iceberg); all of it if not given. When that has filled, the next
    ///     part queues behind all others.
    /// client_id : str, optional
    ///     The strategy's own name for it, unique among its open orders; 36 characters at most.
    /// emulate : bool
    ///     Whether the kernel does what the venue lacks: keeps a stop, take profit or trailing stop until it is set off
    ///     by what is known here, holds a reduce-only order to the position, sends the parts of an iceberg one by one.
    ///     ``order.emulated`` says what it is. Such an order is not at the venue: while the session is not connected or
    ///     down, nothing sets it off, and no part follows.
    ///
    /// Returns
    /// -------
    /// int
    ///     Our id of the order, for :meth:`order`, :meth:`cancel` and :meth:`replace`.
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When price or quantity lie between two steps.
    /// InvalidValueError
    ///     When price or quantity is no number above 0 and below 2^60 increments, a word is none of those above, or the
    ///     client id is no name.
    /// OrderError
    ///     When the terms contradict each other, a time is over, the client id is in use, or the order is worth more
    ///     than 10^21 of the settlement currency.
    /// UnsupportedOrderError
    ///     When the venue takes no such order, and it is not or cannot be emulated.
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> order_id = ctx.submit("BTCUSDT.SYNTH", "buy", "0.5", 60000.1, time_in_force="ioc")
    /// >>> ctx.order(order_id).time_in_force.name
    /// 'IOC'
    #[pyo3(signature = (instrument, side, qty, price=None, *, r#type=None,
        trigger_price=None, trigger=None, trailing_offset=None, time_in_force=None, expires_at=None,
        post_only=PostOnly::OFF, reduce_only=false, display_qty=None, client_id=None, emulate=false),
        text_signature = "($self, instrument, side, qty, price=None, *, type=None, trigger_price=None, trigger=None, \
        trailing_offset=None, time_in_force=None, expires_at=None, post_only=False, \
        reduce_only=False, display_qty=None, client_id=None, emulate=False)")]
    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn submit(
        &self,
        instrument: &Bound<'_, PyAny>,
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
        client_id: Option<String>,
        emulate: bool,
    ) -> PyResult<OrderId> {
        let market = self.shared.market(instrument)?;
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
            client_id,
        };
        self.send(market, to_side(side)?, (qty, price), terms, emulate)
    }

    /// Send a buy order and return its id; parameters and errors are those of :meth:`submit`.
    ///
    /// The quantity comes before the price: ``ctx.buy(instrument, qty, price)``. Without a price it is a market order.
    ///
    /// Examples
    /// --------
    /// >>> order_id = ctx.buy("BTCUSDT.SYNTH", "0.5", 59999.9, post_only=True, client_id="entry")
    /// >>> order = ctx.order("entry")
    /// >>> order.order_id == order_id, order.qty, order.price
    /// (True, 0.5, 59999.9)
    #[pyo3(signature = (instrument, qty, price=None, *, r#type=None,
        trigger_price=None, trigger=None, trailing_offset=None, time_in_force=None, expires_at=None,
        post_only=PostOnly::OFF, reduce_only=false, display_qty=None, client_id=None, emulate=false),
        text_signature = "($self, instrument, qty, price=None, *, type=None, trigger_price=None, trigger=None, \
        trailing_offset=None, time_in_force=None, expires_at=None, post_only=False, \
        reduce_only=False, display_qty=None, client_id=None, emulate=False)")]
    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn buy(
        &self,
        instrument: &Bound<'_, PyAny>,
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
        client_id: Option<String>,
        emulate: bool,
    ) -> PyResult<OrderId> {
        let market = self.shared.market(instrument)?;
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
            client_id,
        };
        self.send(market, Side::Buy, (qty, price), terms, emulate)
    }

    /// Send a sell order and return its id; parameters and errors are those of :meth:`submit`.
    ///
    /// The quantity comes before the price: ``ctx.sell(instrument, qty, price)``. Without a price it is a market order.
    ///
    /// Examples
    /// --------
    /// >>> order_id = ctx.sell("BTCUSDT.SYNTH", 1)
    /// >>> ctx.order(order_id).order_type.name
    /// 'MARKET'
    #[pyo3(signature = (instrument, qty, price=None, *, r#type=None,
        trigger_price=None, trigger=None, trailing_offset=None, time_in_force=None, expires_at=None,
        post_only=PostOnly::OFF, reduce_only=false, display_qty=None, client_id=None, emulate=false),
        text_signature = "($self, instrument, qty, price=None, *, type=None, trigger_price=None, trigger=None, \
        trailing_offset=None, time_in_force=None, expires_at=None, post_only=False, \
        reduce_only=False, display_qty=None, client_id=None, emulate=False)")]
    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn sell(
        &self,
        instrument: &Bound<'_, PyAny>,
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
        client_id: Option<String>,
        emulate: bool,
    ) -> PyResult<OrderId> {
        let market = self.shared.market(instrument)?;
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
            client_id,
        };
        self.send(market, Side::Sell, (qty, price), terms, emulate)
    }

    /// Make the two-sided quote of an instrument what it is asked to be, with as few requests as possible.
    ///
    /// The quantity is what shall rest, whatever has been filled before. An order of which that much rests at that
    /// price is left alone and keeps its queue place; another price or quantity replaces it; another ``post_only``
    /// makes it a new order; a side that is None is cancelled. Nothing is sent unless both sides are sound. Orders sent
    /// by :meth:`submit`, :meth:`buy` and :meth:`sell` are not touched.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    ///     What to quote.
    /// bid, ask : Decimal, str, int or float, optional
    ///     Prices in quote currency, multiples of the tick size; no order on that side if not given.
    /// qty : Decimal, str, int or float, optional
    ///     Quantity of both sides in contracts (spot: base units), a multiple of the lot size.
    /// bid_qty, ask_qty : Decimal, str, int or float, optional
    ///     Quantity of one side; ``qty`` if not given.
    /// post_only : bool or "slide"
    ///     Whether a side is rejected rather than take liquidity, or rests at the best price that takes nothing.
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When a price or quantity lies between two steps.
    /// InvalidValueError
    ///     When a side has no quantity, or a number is not above 0 and below 2^60 increments.
    /// OrderError
    ///     When a side is worth more than 10^21 of the settlement currency.
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> ctx.quote("BTCUSDT.SYNTH", bid=60000.0, ask=60000.1, qty=1)
    /// >>> [(order.side.name, order.price) for order in ctx.orders()]
    /// [('BUY', 60000.0), ('SELL', 60000.1)]
    #[pyo3(signature = (instrument, *, bid=None, ask=None, qty=None, bid_qty=None, ask_qty=None,
        post_only=PostOnly::REJECTED), text_signature = "($self, instrument, *, bid=None, ask=None, qty=None, bid_qty=None, \
        ask_qty=None, post_only=True)")]
    #[allow(clippy::too_many_arguments, reason = "a two-sided quote")]
    fn quote(
        &self,
        instrument: &Bound<'_, PyAny>,
        bid: Option<&Bound<'_, PyAny>>,
        ask: Option<&Bound<'_, PyAny>>,
        qty: Option<&Bound<'_, PyAny>>,
        bid_qty: Option<&Bound<'_, PyAny>>,
        ask_qty: Option<&Bound<'_, PyAny>>,
        post_only: PostOnly,
    ) -> PyResult<()> {
        let market = self.shared.market(instrument)?;
        let common = qty.map(|q| self.qty(market, q)).transpose()?;
        let side = |price: Option<&Bound<'_, PyAny>>, own: Option<&Bound<'_, PyAny>>, name| {
            let Some(price) = price else { return Ok(None) };
            let qty = match own {
                Some(own) => self.qty(market, own)?,
                None => common.ok_or_else(|| errors::invalid(name, "a quote needs a quantity"))?,
            };
            Ok::<_, PyErr>(Some((self.price(market, price)?, qty)))
        };
        let (bid, ask) = (side(bid, bid_qty, "bid_qty")?, side(ask, ask_qty, "ask_qty")?);
        self.shared
            .with(instrument.py(), |ctx| ctx.quote(market, bid, ask, post_only.0))?
            .map_err(errors::order)
    }

    /// Return what taking a quantity at once would cost now; None where the book has no two sides.
    ///
    /// It is :func:`tradecore.exec.slippage` against the book as it is known, and takes and raises what that does.
    ///
    /// Raises
    /// ------
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> ctx.slippage("BTCUSDT.SYNTH", "buy", 2, reference="touch").average_price
    /// 60000.15
    #[pyo3(signature = (instrument, side, qty, *, reference="mid", volatility=None, daily_volume=None, y=None))]
    #[allow(clippy::too_many_arguments, reason = "an estimate with its law")]
    fn slippage(
        &self,
        instrument: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        reference: &str,
        volatility: Option<&Bound<'_, PyAny>>,
        daily_volume: Option<&Bound<'_, PyAny>>,
        y: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Slippage>> {
        let (py, market) = (instrument.py(), self.shared.market(instrument)?);
        let terms = SlippageTerms { side, qty, reference, volatility, daily_volume, y };
        terms
            .estimate(self.shared.instrument(market), |act| self.shared.with(py, |ctx| act(ctx.book(market))))
    }

    /// Start an execution: an order that is worked off by smaller ones, and return a handle to watch it.
    ///
    /// Its orders are the strategy's own, pass the same checks as any other, and one at most is at the venue at a time.
    /// Their quantities sum to that of the execution. ``on_execution`` is called once when it has ended.
    ///
    /// ================== ============================================================================================
    /// ``twap``           equal parts: ``duration``, ``slices=10``, ``style="take"``
    /// ``vwap``           parts in proportion to a volume curve: ``duration``, ``curve``, ``style="take"``
    /// ``pov``            a share of all volume, its own included: ``rate``
    /// ``iceberg``        rests at ``limit`` and shows ``display`` at a time: ``post_only=False``
    /// ``peg``            rests at a best price and follows it: ``to="touch"`` or ``"mid"``, ``offset_ticks=0`` behind
    ///                    it, ``max_moves``, ``interval`` between two moves
    /// ``almgren_chriss`` parts that weigh cost against risk: ``duration``, ``slices=10``, ``sigma`` (price by square
    ///                    root of a day), ``eta`` (price by quantity a day), ``gamma=0``, ``risk_aversion``,
    ///                    ``style="take"``
    /// ``sniper``         takes when ``size`` (all that is left, if not given) is on display
    /// ================== ============================================================================================
    ///
    /// Each takes ``limit``, a price that none of its orders is worse than, ``reduce_only``, and ``duration``, after
    /// which it ends. Parts of style ``"take"`` take at once; of style ``"make"`` they rest at the best price of their
    /// own side until the next one is due, and what is left at the end is taken.
    ///
    /// Parameters
    /// ----------
    /// algorithm : str
    ///     One of these.
    /// instrument : str or Instrument
    /// side : Side or str
    /// qty : Decimal, str, int or float
    ///     The whole quantity in contracts (spot: base units).
    /// **parameters
    ///     Of the algorithm, as above.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     Naming the algorithm or parameter that there is none of, is missing, or cannot be.
    /// OffGridError
    ///     When a price or quantity lies between two steps.
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> class Buyer(tc.Strategy):
    /// ...     def on_start(self, ctx):
    /// ...         (instrument,) = self.instruments
    /// ...         ctx.execute("twap", instrument, "buy", 2, duration="2s", slices=2)
    /// ...
    /// ...     def on_execution(self, ctx, execution):
    /// ...         ctx.log(f"{execution.state}: {execution.filled} at {execution.average_price}")
    #[pyo3(signature = (algorithm, instrument, side, qty, **parameters))]
    fn execute(
        &self,
        algorithm: &Bound<'_, PyAny>,
        instrument: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        parameters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Execution> {
        let (py, market) = (instrument.py(), self.shared.market(instrument)?);
        let (now, terms) = self.shared.with(py, |ctx| (ctx.now_ns(), *ctx.terms(market)))?;
        let spec = self.shared.instrument(market);
        let asked = Asked { market, instrument: spec, terms, now };
        let request = asked
            .request(algorithm, side, qty, parameters)
            .map_err(|error| errors::in_force(py, error, spec, now))?;
        let id = self.shared.with(py, |ctx| ctx.execute(request))?.map_err(errors::order)?;
        Ok(Execution::new(&self.shared, id))
    }

    /// Buy or sell over the venues that trade one asset; return an execution for each part that a venue gets.
    ///
    /// The books are walked as they are known, at what each level costs with the taker fee of its venue. Each part is
    /// one order that takes at once and no deeper than its part of the book, in whole lots and no smaller than its
    /// venue takes. Venues whose book is not known get none, and there is no part where nothing is on display. What is
    /// not filled, because a market moved meanwhile, ends with its execution: route it again in ``on_execution``.
    ///
    /// Parameters
    /// ----------
    /// instruments : sequence of str or Instrument
    ///     At most 8, spot or linear, with one base and one quote currency.
    /// side : Side or str
    /// qty : Decimal, str, int or float
    ///     The whole quantity in base units.
    /// limit : Decimal, str, int or float, optional
    ///     No order is worse than this price, in quote currency.
    /// latencies : dict of str or Instrument to duration, optional
    ///     How long an order takes to a venue; no time if not given.
    /// drift_bps : float
    ///     How far a market is thought to move away in a second, basis points; a venue costs as much more as that
    ///     comes to in its latency.
    /// reduce_only : bool
    ///     Whether the orders only make positions smaller.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     Naming the parameter that cannot be, such as instruments of different assets.
    /// UnknownInstrumentError
    ///     When an instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> [(part.instrument, part.qty) for part in ctx.route(["BTCUSDT.SYNTH"], "buy", "0.01", limit=60_100)]
    /// [('BTCUSDT.SYNTH', 0.01)]
    #[pyo3(signature = (instruments, side, qty, limit=None, *, latencies=None, drift_bps=None, reduce_only=false),
        text_signature = "($self, instruments, side, qty, limit=None, *, latencies=None, drift_bps=0, reduce_only=False)")]
    #[allow(clippy::too_many_arguments, reason = "keywords in Python")]
    fn route(
        &self,
        instruments: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        limit: Option<&Bound<'_, PyAny>>,
        latencies: Option<&Bound<'_, PyDict>>,
        drift_bps: Option<&Bound<'_, PyAny>>,
        reduce_only: bool,
    ) -> PyResult<Vec<Execution>> {
        let asked = routes::Asked { limit, latencies, drift_bps, reduce_only };
        let request = asked.request(&self.shared, instruments, side, qty)?;
        let ids = self.shared.with(qty.py(), |ctx| ctx.route(&request))?.map_err(routes::route_error)?;
        Ok(ids.into_iter().map(|id| Execution::new(&self.shared, id)).collect())
    }

    /// Executions of this strategy that are at work, oldest first.
    #[getter]
    fn executions(&self, py: Python<'_>) -> PyResult<Vec<Execution>> {
        let ids: Vec<_> = self.shared.with(py, |ctx| ctx.executions().map(|open| open.id).collect())?;
        Ok(ids.into_iter().map(|id| Execution::new(&self.shared, id)).collect())
    }

    /// Return an execution of this strategy by its id, as to go on after a restart; None where there is none.
    ///
    /// The newest 10,000 that have ended can still be asked for.
    fn execution(&self, py: Python<'_>, execution_id: u64) -> PyResult<Option<Execution>> {
        let is_there = self.shared.with(py, |ctx| ctx.execution(execution_id).is_some())?;
        Ok(is_there.then(|| Execution::new(&self.shared, execution_id)))
    }

    /// Send orders of which what one fills the others lose (one-cancels-other), and return the group.
    ///
    /// They share one quantity, and may be of both sides. When one fills in part, the others get as much less; when
    /// nothing is left, they are cancelled. One that is cancelled or ends by its own terms leaves the others alone.
    /// Where several fill on their way, what they fill beyond the quantity is undone at the market, and counted in
    /// ``group.over_qty``.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    /// *orders : OrderSpec
    ///     Two or more.
    /// if_rejected : "cancel" or "keep"
    ///     Whether the others are cancelled when one is refused, or ended by its venue.
    /// emulate : bool
    ///     Whether the kernel does what the venue lacks for its orders, as for :meth:`submit`.
    ///
    /// Raises
    /// ------
    /// OrderError
    ///     When there is but one, or their quantities differ; and as :meth:`submit` does, which nothing is sent after.
    /// InvalidValueError, OffGridError, UnknownInstrumentError
    ///     As :meth:`submit` does.
    ///
    /// Examples
    /// --------
    /// >>> group = ctx.oco(
    /// ...     "BTCUSDT.SYNTH",
    /// ...     tc.OrderSpec("sell", 1, 60100),
    /// ...     tc.OrderSpec("sell", 1, type="stop_market", trigger_price=59900),
    /// ... )
    /// >>> [(order.role, order.order_type.name) for order in group.orders]
    /// [('leg', 'LIMIT'), ('leg', 'STOP_MARKET')]
    #[pyo3(signature = (instrument, *orders, if_rejected=None, emulate=false),
        text_signature = "($self, instrument, *orders, if_rejected='cancel', emulate=False)")]
    fn oco(
        &self,
        instrument: &Bound<'_, PyAny>,
        orders: &Bound<'_, PyTuple>,
        if_rejected: Option<&Bound<'_, PyAny>>,
        emulate: bool,
    ) -> PyResult<OrderGroup> {
        let allowed = [OnReject::Cancel, OnReject::Keep];
        let on_reject = if_rejected.map_or(Ok(allowed[0]), |word| to_on_reject(word, &allowed))?;
        self.group_of(
            instrument,
            (GroupKind::Oco, on_reject, emulate),
            orders.iter().map(|order| (Role::Leg, order)),
        )
    }

    /// Send an entry, whose fills are protected by a stop and a take profit, and return the group.
    ///
    /// The legs are sent when the entry fills, and are as large as what it has filled and no leg has. They are
    /// reduce-only where the venue takes such orders. The first fill of a leg ends the entry, and what one leg fills
    /// the other loses. Where the venue replaces no orders a leg of another size is sent once the end of the old one
    /// is certain.
    /// Legs that fill both on their way are undone at the market, as in :meth:`oco`.
    ///
    /// An entry that ends without a fill ends the group. Cancelling the group cancels all its orders, and leaves what
    /// is held.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    /// side : Side or str
    ///     Of the entry.
    /// qty : Decimal, str, int or float
    ///     Of the entry, in contracts (spot: base units).
    /// price : Decimal, str, int or float, optional
    ///     Limit of the entry in quote currency; it is a market order if not given.
    /// stop_loss : Decimal, str, int or float, optional
    ///     Where the stop is set off, in quote currency.
    /// stop_limit : Decimal, str, int or float, optional
    ///     Its limit from then on; it takes what the book offers if not given.
    /// trailing_offset : Decimal, str, int or float, optional
    ///     In place of ``stop_loss``: how far the market may come back, in quote currency, before the stop is set off.
    /// take_profit : Decimal, str, int or float, optional
    ///     Limit of the order that takes the profit, in quote currency.
    /// trigger : "last", "mark" or "mid"
    ///     By which price the stop is set off.
    /// post_only, time_in_force, expires_at, client_id : optional
    ///     Of the entry, as :meth:`submit` takes them.
    /// if_rejected : "close", "cancel" or "keep"
    ///     What becomes of the group when a leg is refused, or ended by the venue: all others are cancelled and what is
    ///     open is closed at the market; only the former; or nothing.
    /// emulate : bool
    ///     Whether the kernel does what the venue lacks for its orders, as for :meth:`submit`.
    ///
    /// Raises
    /// ------
    /// OrderError
    ///     When stop, entry and take profit do not lie in this order; and as :meth:`submit` does, which nothing is sent
    ///     after.
    /// InvalidValueError
    ///     Without any leg, and as :meth:`submit` does.
    /// OffGridError, UnknownInstrumentError
    ///     As :meth:`submit` does.
    ///
    /// Examples
    /// --------
    /// >>> group = ctx.bracket("BTCUSDT.SYNTH", "buy", "0.5", stop_loss=59900, take_profit=60100)
    /// >>> group.state, group.open_qty, group.order("entry").order_type.name
    /// ('working', 0.0, 'MARKET')
    #[pyo3(signature = (instrument, side, qty, price=None, *, stop_loss=None, stop_limit=None,
        trailing_offset=None, take_profit=None, trigger=None, post_only=PostOnly::OFF, time_in_force=None,
        expires_at=None, client_id=None, if_rejected=None, emulate=false),
        text_signature = "($self, instrument, side, qty, price=None, *, stop_loss=None, stop_limit=None, \
        trailing_offset=None, take_profit=None, trigger='last', post_only=False, time_in_force=None, \
        expires_at=None, client_id=None, if_rejected='close', emulate=False)")]
    #[allow(clippy::too_many_arguments, reason = "an entry with its legs")]
    fn bracket(
        &self,
        instrument: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        stop_loss: Option<&Bound<'_, PyAny>>,
        stop_limit: Option<&Bound<'_, PyAny>>,
        trailing_offset: Option<&Bound<'_, PyAny>>,
        take_profit: Option<&Bound<'_, PyAny>>,
        trigger: Option<&Bound<'_, PyAny>>,
        post_only: PostOnly,
        time_in_force: Option<&Bound<'_, PyAny>>,
        expires_at: Option<&Bound<'_, PyAny>>,
        client_id: Option<String>,
        if_rejected: Option<&Bound<'_, PyAny>>,
        emulate: bool,
    ) -> PyResult<OrderGroup> {
        let (py, market) = (instrument.py(), self.shared.market(instrument)?);
        if let Some(price) = price {
            self.check_order(market, qty, price)?;
        }
        let on_reject = if_rejected.map_or(Ok(OnReject::Close), |word| to_on_reject(word, &OnReject::ALL))?;
        let terms = OrderTerms {
            kind: None,
            trigger_price: None,
            trigger: None,
            trailing_offset: None,
            time_in_force,
            expires_at,
            post_only,
            reduce_only: false,
            display_qty: None,
            client_id,
        };
        let spec = self.shared.instrument(market);
        let legs = Legs { stop_loss, stop_limit, trailing_offset, take_profit, trigger };
        let request = terms
            .request(market, spec, || to_side(side), qty, price)
            .and_then(|entry| legs.around(spec, entry, on_reject, emulate))
            .map_err(|error| self.in_force(py, market, error))?;
        self.start_group(py, request)
    }

    /// Send an order, and others once it has filled whole (one-triggers-other), and return the group.
    ///
    /// The others are orders of their own from then on. None is sent when the first ends otherwise.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    /// first : OrderSpec
    /// *then : OrderSpec
    ///     One or more.
    /// emulate : bool
    ///     Whether the kernel does what the venue lacks for its orders, as for :meth:`submit`.
    ///
    /// Raises
    /// ------
    /// OrderError
    ///     When there is nothing to be triggered; and as :meth:`submit` does, which nothing is sent after.
    /// InvalidValueError, OffGridError, UnknownInstrumentError
    ///     As :meth:`submit` does.
    ///
    /// Examples
    /// --------
    /// >>> group = ctx.oto("BTCUSDT.SYNTH", tc.OrderSpec("buy", 1, 59990), tc.OrderSpec("sell", 1, 60100))
    /// >>> group.kind, [order.role for order in group.orders]
    /// ('oto', ['first'])
    #[pyo3(signature = (instrument, first, *then, emulate=false))]
    fn oto<'py>(
        &self,
        instrument: &Bound<'py, PyAny>,
        first: Bound<'py, PyAny>,
        then: &Bound<'py, PyTuple>,
        emulate: bool,
    ) -> PyResult<OrderGroup> {
        let orders = [(Role::First, first)].into_iter().chain(then.iter().map(|order| (Role::Then, order)));
        self.group_of(instrument, (GroupKind::Oto, OnReject::Keep, emulate), orders)
    }

    /// Groups of this strategy that are at work, oldest first.
    #[getter]
    fn groups(&self, py: Python<'_>) -> PyResult<Vec<OrderGroup>> {
        let ids: Vec<_> = self.shared.with(py, |ctx| ctx.groups().map(|group| group.id).collect())?;
        Ok(ids.into_iter().map(|id| OrderGroup::new(&self.shared, id)).collect())
    }

    /// Return a group of this strategy by its id, as to go on after a restart; None where there is none.
    ///
    /// The newest 1,000 that have ended can still be asked for.
    fn group(&self, py: Python<'_>, group_id: u64) -> PyResult<Option<OrderGroup>> {
        let is_there = self.shared.with(py, |ctx| ctx.group(group_id).is_some())?;
        Ok(is_there.then(|| OrderGroup::new(&self.shared, group_id)))
    }

    /// Ask to cancel an order, given by id, client id or a copy; False when there is nothing to cancel.
    ///
    /// There is nothing when the order is closed, not this strategy's, or already being cancelled.
    ///
    /// Examples
    /// --------
    /// >>> order_id = ctx.buy("BTCUSDT.SYNTH", 1, 59000)
    /// >>> ctx.cancel(order_id), ctx.cancel(order_id)
    /// (True, False)
    fn cancel(&self, order: &Bound<'_, PyAny>) -> PyResult<bool> {
        match self.order_id(order)? {
            Some(id) => self.shared.with(order.py(), |ctx| ctx.cancel(id)),
            None => Ok(false),
        }
    }

    /// Ask to cancel every open order of this strategy, in one instrument or in all; returns how many.
    ///
    /// Executions and groups there end, too.
    #[pyo3(signature = (instrument=None))]
    fn cancel_all(&self, py: Python<'_>, instrument: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
        let market = instrument.map(|i| self.shared.market(i)).transpose()?;
        self.shared.with(py, |ctx| ctx.cancel_all(market))
    }

    /// Ask for a new price and total quantity of an order; False when it is no longer open.
    ///
    /// The queue place is kept only when the price stays and the quantity shrinks. A refused replacement leaves the
    /// order as it was and is told through ``on_order``, with the reason in ``order.reason``. What sets off an order
    /// that waits can be moved, too; if the market is there already, it acts at once.
    ///
    /// Parameters
    /// ----------
    /// order : int, str or Order
    ///     An order's id, client id or a copy.
    /// price : Decimal, str, int or float, optional
    ///     New limit in quote currency; as it is if not given.
    /// qty : Decimal, str, int or float, optional
    ///     New total quantity in contracts (spot: base units), what has been filled included; as it is if not given.
    /// trigger_price : Decimal, str, int or float, optional
    ///     Of a stop or take profit that waits: where it is set off, in quote currency; as it is if not given.
    /// trailing_offset : Decimal, str, int or float, optional
    ///     Of a trailing stop that waits: how far the market has to come back from the best price so far.
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When price or quantity lie between two steps.
    /// InvalidValueError
    ///     When a number is not above 0 and below 2^60 increments, or the order has no such price.
    /// UnsupportedOrderError
    ///     When the venue replaces nothing, or moves no triggers.
    /// OrderError
    ///     For a market order, a trigger of an order that was set off, and for one that would be worth more than 10^21
    ///     of the settlement currency.
    ///
    /// Examples
    /// --------
    /// >>> order_id = ctx.buy("BTCUSDT.SYNTH", 1, 59999, post_only=True)
    /// >>> ctx.replace(order_id, price=59999.5)
    /// True
    #[pyo3(signature = (order, *, price=None, qty=None, trigger_price=None, trailing_offset=None))]
    fn replace(
        &self,
        order: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        qty: Option<&Bound<'_, PyAny>>,
        trigger_price: Option<&Bound<'_, PyAny>>,
        trailing_offset: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let Some(id) = self.order_id(order)? else { return Ok(false) };
        let py = order.py();
        let known = |ctx: &mut CoreContext| {
            let order = ctx.order(id)?;
            Some((order.market, (order.intended(), order.trigger), ctx.now_ns()))
        };
        let Some((market, before, now)) = self.shared.with(py, known)? else { return Ok(false) };
        let changes = Changes { price, qty, trigger_price, trailing_offset };
        let terms = new_terms(py, self.shared.instrument(market), now, before, &changes)?;
        self.shared.with(py, |ctx| ctx.replace(id, terms))?.map_err(errors::order)
    }

    /// Call ``callback(ctx)`` every interval, first one interval from now, and return the timer's id.
    ///
    /// Parameters
    /// ----------
    /// interval : duration
    ///     Text such as ``"100ms"``, ``"1s"`` or ``"5m"``, a ``timedelta``, or a parameter that is a ``tc.Duration``;
    ///     at least ``1us``.
    /// callback : function of the context, optional
    ///     Mostly a method of the strategy; ``on_timer(ctx, timer)`` if not given.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When the interval is no length of time or too short a one, or the callback cannot be called.
    ///
    /// Examples
    /// --------
    /// >>> class Clock(tc.Strategy):
    /// ...     def on_start(self, ctx):
    /// ...         ctx.every("100ms", self.tick)
    /// ...
    /// ...     def tick(self, ctx):
    /// ...         ctx.log(f"equity {ctx.equity}")
    #[pyo3(signature = (interval, callback=Callback::Absent))]
    fn every(&self, interval: &Bound<'_, PyAny>, callback: Callback<'_>) -> PyResult<u64> {
        let py = interval.py();
        let interval = to_duration("interval", interval, SHORTEST_INTERVAL)?;
        self.set_timer(py, callback, false, |ctx| Ok(ctx.every(interval)))
    }

    /// Call ``callback(ctx)`` once, at a time (at once if that has passed), and return the timer's id.
    ///
    /// Parameters
    /// ----------
    /// ts_ns : int
    ///     The time, ns UTC.
    /// callback : function of the context, optional
    ///     Mostly a method of the strategy; ``on_timer(ctx, timer)`` if not given.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When the time is none, or the callback cannot be called; for the 10,001st timer that was set at one moment
    ///     for that very moment, and for one less than 1 us ahead after 100,000 went off within 100 ms: a callback
    ///     that sets itself again so keeps time from going on.
    ///
    /// Examples
    /// --------
    /// >>> class Patient(tc.Strategy):
    /// ...     def on_start(self, ctx):
    /// ...         ctx.at(ctx.now_ns + 50_000_000)
    /// ...
    /// ...     def on_timer(self, ctx, timer):
    /// ...         ctx.buy("BTCUSDT.SYNTH", 1)
    #[pyo3(signature = (ts_ns, callback=Callback::Absent))]
    fn at(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = to_time)] ts_ns: i64,
        callback: Callback<'_>,
    ) -> PyResult<u64> {
        self.set_timer(py, callback, true, |ctx| ctx.at(ts_ns))
    }

    /// Follow something of an instrument from the next message on.
    ///
    /// A hook that is overridden follows its topic for the strategy's own instruments from the start; this is for bars,
    /// for other instruments of the run, and for what is to be followed at times.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    ///     Any instrument of the run.
    /// topic : str
    ///     ``book``, ``touch``, ``trades``, ``quotes``, ``book_state``, ``mark``, ``index``, ``funding``,
    ///     ``open_interest``, ``liquidations``, or ``bars:`` and which ones, such as ``bars:1m`` or ``bars:tick:100``
    ///     (see ``tc.bars``); told by the hook of that name.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When there is no such topic, or the strategy does not have the hook that tells of it.
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> class Candles(tc.Strategy):
    /// ...     def on_start(self, ctx):
    /// ...         for instrument in self.instruments:
    /// ...             ctx.subscribe(instrument, "bars:1s")
    /// ...
    /// ...     def on_bar(self, ctx, bar):
    /// ...         self.last_close = bar.close
    fn subscribe(&self, instrument: &Bound<'_, PyAny>, topic: &str) -> PyResult<()> {
        let market = self.shared.market(instrument)?;
        let topic = self.hears.subscription(topic)?;
        let followed = self.shared.with(instrument.py(), |ctx| ctx.subscribe(market, topic))?;
        followed.map_err(|error| errors::invalid("topic", error.to_string()))
    }

    /// Follow something of an instrument no longer; topics and errors are those of :meth:`subscribe`.
    fn unsubscribe(&self, instrument: &Bound<'_, PyAny>, topic: &str) -> PyResult<()> {
        let market = self.shared.market(instrument)?;
        let topic = self.hears.subscription(topic)?;
        self.shared.with(instrument.py(), |ctx| ctx.unsubscribe(market, topic))
    }

    /// Ask the strategy's predictor what it makes of these features.
    ///
    /// The answer comes after the time that the predictor takes, in ``on_signal``; :meth:`signal` returns it from then
    /// on, until it expires.
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    ///     What it is about.
    /// features : float64 (n,)
    ///     What the predictor is to see.
    /// lifetime : duration
    ///     How long the answer holds, from now on: text such as ``"5s"``, a ``timedelta`` or a ``tc.Duration``.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For what is no array of numbers, no length of time, or where the strategy has no ``predictor``; for the
    ///     10,001st question that was asked at one moment.
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    ///
    /// Examples
    /// --------
    /// >>> class Imbalance:
    /// ...     model_id, latency = "imbalance", "1ms"
    /// ...
    /// ...     def opinion(self, instrument, ts_ns, features):
    /// ...         return (1 if features[0] > 0 else -1), abs(features[0]), features[0]
    /// >>> class Asker(tc.Strategy):
    /// ...     predictor = Imbalance()
    /// ...
    /// ...     def on_start(self, ctx):
    /// ...         ctx.every("1s", self.ask)
    /// ...
    /// ...     def ask(self, ctx):
    /// ...         for instrument in self.instruments:
    /// ...             book = ctx.book(instrument)
    /// ...             if book.is_synced:
    /// ...                 ctx.predict(instrument, [book.imbalance(), book.spread], lifetime="3s")
    #[pyo3(signature = (instrument, features, *, lifetime))]
    fn predict(
        &self,
        instrument: &Bound<'_, PyAny>,
        features: &Bound<'_, PyAny>,
        lifetime: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if !self.has_predictor {
            return Err(errors::invalid("predictor", "the strategy has none that could be asked"));
        }
        let market = self.shared.market(instrument)?;
        let (features, lifetime) = (to_features(features)?, to_duration("lifetime", lifetime, 1)?);
        self.shared
            .with(instrument.py(), |ctx| ctx.ask(market, features, lifetime))?
            .map_err(|error| errors::invalid("predictor", error.to_string()))
    }

    /// Return what the strategy's predictor last said of an instrument; None before that, and once it has expired.
    ///
    /// Raises
    /// ------
    /// UnknownInstrumentError
    ///     When the instrument is not in the run.
    fn signal(&self, instrument: &Bound<'_, PyAny>) -> PyResult<Option<Signal>> {
        let market = self.shared.market(instrument)?;
        let found = self.shared.with(instrument.py(), |ctx| ctx.signal(market).cloned())?;
        Ok(found.map(|signal| Signal::new(signal, self.shared.instrument(market))))
    }

    /// All signals that hold now, by id of their instrument.
    #[getter]
    fn signals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let holding = |ctx: &mut CoreContext| -> Vec<_> {
            ctx.signals().map(|(market, signal)| (market, signal.clone())).collect()
        };
        let signals = PyDict::new(py);
        for (market, signal) in self.shared.with(py, holding)? {
            signals
                .set_item(self.shared.id(py, market), Signal::new(signal, self.shared.instrument(market)))?;
        }
        Ok(signals)
    }

    /// Return what this strategy's account holds of a settlement currency; None where the venue has not said.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When no instrument of the run settles in the currency.
    fn balance<'py>(&self, py: Python<'py>, currency: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let currency = self.currency(py, currency)?;
        self.shared.with(py, |ctx| ctx.balance(currency))?.map(|total| money_to_py(py, total)).transpose()
    }

    /// Return whether an instrument can be traded now: in a backtest from its listing (or the start) to its expiry.
    ///
    /// At its expiry its resting orders expire with the reason ``not_listed``; before its listing and from then on
    /// orders are refused with it.
    fn is_listed(&self, instrument: &Bound<'_, PyAny>) -> PyResult<bool> {
        let market = self.shared.market(instrument)?;
        self.shared.with(instrument.py(), |ctx| ctx.is_listed(market))
    }

    /// Write to the logger ``tradecore.strategy``, level INFO, with the time (ns UTC) and the strategy's name.
    fn log(&self, py: Python<'_>, message: &str) -> PyResult<()> {
        let now = self.now_ns(py)?;
        let logger = py.import("logging")?.call_method1("getLogger", ("tradecore.strategy",))?;
        logger.call_method1("info", ("%d %s: %s", now, &self.strategy, message))?;
        Ok(())
    }

    /// Show something of the strategy to whoever watches it: on the dashboard, and as event ``Published`` on a bus.
    ///
    /// It decides nothing, and a backtest without a bus forgets it; what cannot be shown is refused there, too.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     What it is called; 1 to 64 characters.
    /// value : object
    ///     By ``kind``: of ``"value"`` a text, a number, a bool or None, which takes the place of the one before; of
    ///     ``"series"`` the next number; of ``"table"`` a list of rows, each a mapping of columns to such values, in
    ///     place of the table before; of ``"log"`` a line of text.
    /// kind : "value", "series", "table" or "log"
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When the value is none of its kind.
    ///
    /// Examples
    /// --------
    /// >>> ctx.publish("half spread", 2)
    /// >>> ctx.publish("fair", 60000.25, "series")
    #[pyo3(signature = (name, value, kind="value"))]
    fn publish(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>, kind: &str) -> PyResult<()> {
        let module = py.import("tradecore.strategy.publishing")?;
        let given = (self.now_ns(py)?, &self.strategy, name, value, kind);
        let event = module.call_method1("published", given)?;
        self.outlet.give(py, event)
    }

    fn __repr__(&self) -> String {
        format!("<Context of {}>", self.strategy)
    }
}
