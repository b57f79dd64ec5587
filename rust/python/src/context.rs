//! What a Python strategy sees inside a hook: `Context`, and the state behind it and its views.
//!
//! While a hook runs, the kernel's state lies in [`Shared`]; outside of hooks it does not, and every access raises
//! `ContextError`. The views are made once per run and read the state when asked, so nothing is built per event.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use tradecore_core::kernel::{Core, Trade};
use tradecore_core::orders::{OrderId, OrderRequest, Reason};
use tradecore_core::types::{Instrument, Side};

use crate::errors;
use crate::instrument::PyInstrument;
use crate::records::Order;
use crate::values::{money_to_py, order_type_of, to_duration, to_side, to_steps, to_time_in_force};
use crate::views::{BookView, PositionView, QuoteView, TradeView};

/// The kernel's state while a hook runs, and what never changes about it.
pub(crate) struct Shared {
    core: Mutex<Option<Box<Core>>>,
    pub(crate) instruments: Vec<Arc<Instrument>>,
    index: HashMap<String, usize>,
}

impl Shared {
    pub(crate) fn new(instruments: Vec<Arc<Instrument>>) -> Self {
        let index = instruments.iter().enumerate().map(|(i, x)| (x.id.to_string(), i)).collect();
        Self { core: Mutex::new(None), instruments, index }
    }

    pub(crate) fn put(&self, core: Box<Core>) {
        *self.core.lock().unwrap_or_else(PoisonError::into_inner) = Some(core);
    }

    pub(crate) fn take(&self) -> Option<Box<Core>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    #[inline]
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Core) -> T) -> PyResult<T> {
        match self.core.lock().unwrap_or_else(PoisonError::into_inner).as_deref_mut() {
            Some(core) => Ok(act(core)),
            None => Err(errors::ContextError::new_err(())),
        }
    }

    fn market(&self, instrument: &Bound<'_, PyAny>) -> PyResult<usize> {
        let unknown = |id: &str| {
            let known: Vec<String> = self.instruments.iter().map(|i| i.id.to_string()).collect();
            let known = PyTuple::new(instrument.py(), known)?;
            Ok::<_, PyErr>(errors::UnknownInstrumentError::new_err((id.to_owned(), known.unbind())))
        };
        if let Ok(text) = instrument.cast::<PyString>() {
            let id = text.to_cow()?;
            return match self.index.get(id.as_ref()) {
                Some(index) => Ok(*index),
                None => Err(unknown(&id)?),
            };
        }
        let given = instrument.extract::<PyRef<'_, PyInstrument>>()?;
        match self.index.get(given.0.id.as_str()) {
            Some(index) => Ok(*index),
            None => Err(unknown(given.0.id.as_str())?),
        }
    }
}

/// A hook or callback must be an ordinary function: nothing would ever run what an `async def` returns.
pub(crate) fn check_callable(name: &str, function: &Bound<'_, PyAny>) -> PyResult<()> {
    let inspect = function.py().import("inspect")?;
    if inspect.call_method1("iscoroutinefunction", (function,))?.is_truthy()? {
        return Err(errors::invalid(name, "an async def is never awaited: expected a plain function"));
    }
    if !function.is_callable() {
        return Err(errors::invalid(name, format!("{} cannot be called", function.repr()?)));
    }
    Ok(())
}

/// What a strategy can read and do inside a hook.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) books: Vec<Py<BookView>>,
    positions: Vec<Py<PositionView>>,
    pub(crate) trades: Vec<Py<TradeView>>,
    pub(crate) quotes: Vec<Py<QuoteView>>,
    /// Callbacks of timers that have one of their own, and whether the timer goes off once.
    timers: Mutex<HashMap<u64, (Py<PyAny>, bool)>>,
    #[pyo3(get)]
    strategy: String,
}

impl Context {
    pub(crate) fn new(py: Python<'_>, shared: &Arc<Shared>, strategy: String) -> PyResult<Self> {
        let no_trade = Trade { price: 0, qty: 0, aggressor_side: None, ts_event: 0, id: 0 };
        let mut context = Self {
            shared: Arc::clone(shared),
            books: Vec::new(),
            positions: Vec::new(),
            trades: Vec::new(),
            quotes: Vec::new(),
            timers: Mutex::new(HashMap::new()),
            strategy,
        };
        for (market, spec) in shared.instruments.iter().enumerate() {
            let instrument = PyString::new(py, spec.id.as_str()).unbind();
            let book = BookView {
                shared: Arc::clone(shared),
                market,
                instrument: instrument.clone_ref(py),
                tick_size: spec.price_increment.to_f64(spec.tick_size),
                lot_size: spec.qty_increment.to_f64(spec.lot_size),
            };
            let position =
                PositionView { shared: Arc::clone(shared), market, instrument: instrument.clone_ref(py) };
            let trade = TradeView {
                trade: Mutex::new(no_trade),
                spec: Arc::clone(spec),
                instrument: instrument.clone_ref(py),
            };
            let quote = QuoteView { quote: Mutex::default(), spec: Arc::clone(spec), instrument };
            context.books.push(Py::new(py, book)?);
            context.positions.push(Py::new(py, position)?);
            context.trades.push(Py::new(py, trade)?);
            context.quotes.push(Py::new(py, quote)?);
        }
        Ok(context)
    }

    /// The callback of a timer that goes off, if it has one of its own.
    pub(crate) fn timer(&self, py: Python<'_>, timer: u64) -> Option<Py<PyAny>> {
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        match timers.get(&timer)? {
            (_, true) => timers.remove(&timer).map(|(callback, _)| callback),
            (callback, false) => Some(callback.clone_ref(py)),
        }
    }

    /// Sets a timer and keeps its callback.
    fn set_timer(
        &self,
        callback: Option<Bound<'_, PyAny>>,
        once: bool,
        set: impl FnOnce(&mut Core) -> u64,
    ) -> PyResult<u64> {
        if let Some(callback) = &callback {
            check_callable("callback", callback)?;
        }
        let timer = self.shared.with(set)?;
        if let Some(callback) = callback {
            let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
            timers.insert(timer, (callback.unbind(), once));
        }
        Ok(timer)
    }

    fn price(&self, market: usize, price: &Bound<'_, PyAny>) -> PyResult<i64> {
        let i = &self.shared.instruments[market];
        to_steps("price", i.id.as_str(), i.price_increment, price)
    }

    fn qty(&self, market: usize, qty: &Bound<'_, PyAny>) -> PyResult<i64> {
        let i = &self.shared.instruments[market];
        to_steps("qty", i.id.as_str(), i.qty_increment, qty)
    }

    /// An order named by its id or by the strategy's own name for it.
    fn order_id(&self, order: &Bound<'_, PyAny>) -> PyResult<Option<OrderId>> {
        if let Ok(name) = order.cast::<PyString>() {
            let name = name.to_cow()?;
            return self.shared.with(|core| core.order_by_client_id(&name));
        }
        if let Ok(object) = order.getattr("order_id") {
            return Ok(Some(object.extract()?));
        }
        Ok(Some(order.extract()?))
    }

    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn send(
        &self,
        market: usize,
        side: Side,
        qty: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        time_in_force: Option<&Bound<'_, PyAny>>,
        post_only: bool,
        client_id: Option<String>,
    ) -> PyResult<OrderId> {
        let price = price.map(|p| self.price(market, p)).transpose()?;
        let (order_type, price) = order_type_of(price);
        let request = OrderRequest {
            market,
            side,
            order_type,
            price,
            qty: self.qty(market, qty)?,
            time_in_force: time_in_force
                .map_or(Ok(tradecore_core::orders::TimeInForce::Gtc), |t| to_time_in_force(t))?,
            post_only,
            client_id: client_id.map(Into::into),
        };
        self.shared.with(|core| core.submit(request))?.map_err(errors::order)
    }
}

#[pymethods]
impl Context {
    #[getter]
    fn now_ns(&self) -> PyResult<i64> {
        self.shared.with(|core| core.now_ns())
    }

    #[getter]
    fn equity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let equity = self.shared.with(|core| match core.currencies() {
            [_] => Ok(core.equity(0)),
            several => Err(several.join(", ")),
        })?;
        match equity {
            Ok(amount) => money_to_py(py, amount.map_err(errors::money)?),
            Err(several) => Err(errors::OrderError::new_err(format!(
                "equity is in {several}: ask for one with equity_in(currency)"
            ))),
        }
    }

    fn equity_in<'py>(&self, py: Python<'py>, currency: &str) -> PyResult<Bound<'py, PyAny>> {
        let amount = self.shared.with(|core| {
            let index = core.currencies().iter().position(|c| c == currency)?;
            Some(core.equity(index))
        })?;
        match amount {
            Some(amount) => money_to_py(py, amount.map_err(errors::money)?),
            None => {
                Err(errors::invalid("currency", format!("{currency:?} settles no instrument of this run")))
            }
        }
    }

    fn book(&self, py: Python<'_>, instrument: &Bound<'_, PyAny>) -> PyResult<Py<BookView>> {
        Ok(self.books[self.shared.market(instrument)?].clone_ref(py))
    }

    fn position(&self, py: Python<'_>, instrument: &Bound<'_, PyAny>) -> PyResult<Py<PositionView>> {
        Ok(self.positions[self.shared.market(instrument)?].clone_ref(py))
    }

    #[pyo3(signature = (instrument=None))]
    fn orders<'py>(
        &self,
        py: Python<'py>,
        instrument: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let market = instrument.map(|i| self.shared.market(i)).transpose()?;
        let orders: Vec<_> = self.shared.with(|core| {
            core.open_orders().filter(|o| market.is_none_or(|m| m == o.market)).cloned().collect()
        })?;
        let list = PyList::empty(py);
        for order in orders {
            let instrument = Arc::clone(&self.shared.instruments[order.market]);
            list.append(Py::new(py, Order::new(order, instrument))?)?;
        }
        Ok(list)
    }

    fn order(&self, order: &Bound<'_, PyAny>) -> PyResult<Option<Order>> {
        let Some(id) = self.order_id(order)? else { return Ok(None) };
        let found = self.shared.with(|core| core.order(id).cloned())?;
        Ok(found.map(|o| {
            let instrument = Arc::clone(&self.shared.instruments[o.market]);
            Order::new(o, instrument)
        }))
    }

    #[pyo3(signature = (instrument, side, qty, price=None, *, time_in_force=None, post_only=false, client_id=None))]
    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn submit(
        &self,
        instrument: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        time_in_force: Option<&Bound<'_, PyAny>>,
        post_only: bool,
        client_id: Option<String>,
    ) -> PyResult<OrderId> {
        let market = self.shared.market(instrument)?;
        self.send(market, to_side(side)?, qty, price, time_in_force, post_only, client_id)
    }

    #[pyo3(signature = (instrument, qty, price=None, *, time_in_force=None, post_only=false, client_id=None))]
    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn buy(
        &self,
        instrument: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        time_in_force: Option<&Bound<'_, PyAny>>,
        post_only: bool,
        client_id: Option<String>,
    ) -> PyResult<OrderId> {
        let market = self.shared.market(instrument)?;
        self.send(market, Side::Buy, qty, price, time_in_force, post_only, client_id)
    }

    #[pyo3(signature = (instrument, qty, price=None, *, time_in_force=None, post_only=false, client_id=None))]
    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn sell(
        &self,
        instrument: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        time_in_force: Option<&Bound<'_, PyAny>>,
        post_only: bool,
        client_id: Option<String>,
    ) -> PyResult<OrderId> {
        let market = self.shared.market(instrument)?;
        self.send(market, Side::Sell, qty, price, time_in_force, post_only, client_id)
    }

    #[pyo3(signature = (instrument, *, bid=None, ask=None, qty=None, bid_qty=None, ask_qty=None, post_only=true))]
    #[allow(clippy::too_many_arguments, reason = "a two-sided quote")]
    fn quote(
        &self,
        instrument: &Bound<'_, PyAny>,
        bid: Option<&Bound<'_, PyAny>>,
        ask: Option<&Bound<'_, PyAny>>,
        qty: Option<&Bound<'_, PyAny>>,
        bid_qty: Option<&Bound<'_, PyAny>>,
        ask_qty: Option<&Bound<'_, PyAny>>,
        post_only: bool,
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
        self.shared.with(|core| core.quote(market, bid, ask, post_only))?.map_err(errors::order)
    }

    fn cancel(&self, order: &Bound<'_, PyAny>) -> PyResult<bool> {
        match self.order_id(order)? {
            Some(id) => self.shared.with(|core| core.cancel(id)),
            None => Ok(false),
        }
    }

    #[pyo3(signature = (instrument=None))]
    fn cancel_all(&self, instrument: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
        let market = instrument.map(|i| self.shared.market(i)).transpose()?;
        self.shared.with(|core| core.cancel_all(market, Reason::None))
    }

    #[pyo3(signature = (order, *, price=None, qty=None))]
    fn replace(
        &self,
        order: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        qty: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let Some(id) = self.order_id(order)? else { return Ok(false) };
        let Some((market, intended)) =
            self.shared.with(|core| core.order(id).map(|o| (o.market, o.intended())))?
        else {
            return Ok(false);
        };
        let price = price.map_or(Ok(intended.0), |p| self.price(market, p))?;
        let qty = qty.map_or(Ok(intended.1), |q| self.qty(market, q))?;
        self.shared.with(|core| core.replace(id, price, qty))?.map_err(errors::order)
    }

    #[pyo3(signature = (interval, callback=None))]
    fn every(&self, interval: &Bound<'_, PyAny>, callback: Option<Bound<'_, PyAny>>) -> PyResult<u64> {
        let interval = to_duration("interval", interval, 1)?;
        self.set_timer(callback, false, |core| core.every(interval))
    }

    #[pyo3(signature = (ts_ns, callback=None))]
    fn at(&self, ts_ns: i64, callback: Option<Bound<'_, PyAny>>) -> PyResult<u64> {
        self.set_timer(callback, true, |core| core.at(ts_ns))
    }

    fn log(&self, py: Python<'_>, message: &str) -> PyResult<()> {
        let now = self.now_ns()?;
        let logger = py.import("logging")?.call_method1("getLogger", ("tradecore.strategy",))?;
        logger.call_method1("info", ("%d %s: %s", now, &self.strategy, message))?;
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<Context of {}>", self.strategy)
    }
}
