//! Strategies from Python: a Python object as one implementor of the kernel's trait, and the compiled ones by name.

use std::sync::Arc;

use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tradecore_core::book::{BookState, Touch};
use tradecore_core::indicators::FitMethod;
use tradecore_core::kernel::{
    BookFilter, Context as CoreContext, FillRow, HookError, HookResult, Interest, Strategy, Trade,
};
use tradecore_core::orders::Order as CoreOrder;
use tradecore_core::strategies::{
    AvellanedaStoikov, AvellanedaStoikovParams, QuoteSize, QuotingModel, TouchMaker,
};
use tradecore_core::types::Instrument;

use crate::context::{Context, Shared, check_callable};
use crate::errors;
use crate::instrument::PyInstrument;
use crate::records::{Fill, Order, book_state_to_py};
use crate::simulation::Raised;
use crate::values::to_steps;

/// The bound methods of the hooks a Python strategy overrides.
struct Hooks {
    start: Option<Py<PyAny>>,
    book: Option<Py<PyAny>>,
    trade: Option<Py<PyAny>>,
    quote: Option<Py<PyAny>>,
    book_state: Option<Py<PyAny>>,
    fill: Option<Py<PyAny>>,
    order: Option<Py<PyAny>>,
    timer: Option<Py<PyAny>>,
    stop: Option<Py<PyAny>>,
}

/// A strategy written in Python.
pub(crate) struct PyStrategy {
    shared: Arc<Shared>,
    raised: Raised,
    context: Py<Context>,
    hooks: Hooks,
    book_filter: BookFilter,
    /// Arguments `(ctx,)`, and `(ctx, view)` by instrument, made once.
    alone: Py<PyTuple>,
    with_book: Vec<Py<PyTuple>>,
    with_trade: Vec<Py<PyTuple>>,
    with_quote: Vec<Py<PyTuple>>,
}

impl PyStrategy {
    /// Wraps a strategy. `hooks` maps the names of overridden hooks to bound methods, `book_events` says which book
    /// updates wake it.
    pub(crate) fn new(
        py: Python<'_>,
        shared: &Arc<Shared>,
        raised: Raised,
        name: String,
        hooks: &Bound<'_, PyDict>,
        book_events: &str,
    ) -> PyResult<Self> {
        let hook = |name: &str| -> PyResult<Option<Py<PyAny>>> {
            let Some(hook) = hooks.get_item(name)? else { return Ok(None) };
            check_callable(name, &hook)?;
            Ok(Some(hook.unbind()))
        };
        let context = Py::new(py, Context::new(py, shared, name)?)?;
        let pair = |view: Py<PyAny>| -> PyResult<Py<PyTuple>> {
            Ok(PyTuple::new(py, [context.clone_ref(py).into_any(), view])?.unbind())
        };
        let inner = context.get();
        let with_book =
            inner.books.iter().map(|b| pair(b.clone_ref(py).into_any())).collect::<PyResult<_>>()?;
        let with_trade =
            inner.trades.iter().map(|t| pair(t.clone_ref(py).into_any())).collect::<PyResult<_>>()?;
        let with_quote =
            inner.quotes.iter().map(|q| pair(q.clone_ref(py).into_any())).collect::<PyResult<_>>()?;
        let alone = PyTuple::new(py, [context.clone_ref(py)])?.unbind();
        let book = hook("on_book")?;
        let book_filter = match (&book, book_events) {
            (None, _) => BookFilter::Off,
            (Some(_), "message") => BookFilter::Message,
            (Some(_), "touch") => BookFilter::Touch,
            (Some(_), other) => {
                return Err(errors::invalid("book_events", format!("{other:?} is not message or touch")));
            }
        };
        Ok(Self {
            shared: Arc::clone(shared),
            raised,
            hooks: Hooks {
                start: hook("on_start")?,
                book,
                trade: hook("on_trade")?,
                quote: hook("on_quote")?,
                book_state: hook("on_book_state")?,
                fill: hook("on_fill")?,
                order: hook("on_order")?,
                timer: hook("on_timer")?,
                stop: hook("on_stop")?,
            },
            book_filter,
            alone,
            with_book,
            with_trade,
            with_quote,
            context,
        })
    }

    /// Lends the kernel's state to Python for the length of a call.
    #[inline]
    fn lend(
        &self,
        ctx: &mut CoreContext,
        call: impl for<'py> FnOnce(Python<'py>) -> PyResult<()>,
    ) -> HookResult {
        self.shared.put(ctx.take());
        let result = Python::attach(|py| call(py).map_err(|error| self.failure(py, error)));
        match self.shared.take() {
            Some(core) => ctx.restore(core),
            // Only this function takes the state out while a hook runs.
            None => return Err(HookError::Failed("the kernel's state is gone".into())),
        }
        result
    }

    #[inline]
    fn call(&self, ctx: &mut CoreContext, hook: Option<&Py<PyAny>>, arguments: &Py<PyTuple>) -> HookResult {
        let Some(hook) = hook else { return Ok(()) };
        self.lend(ctx, |py| hook.call1(py, arguments.bind(py)).map(|_| ()))
    }

    /// What a raising hook means to the kernel.
    fn failure(&self, py: Python<'_>, error: PyErr) -> HookError {
        if error.is_instance_of::<PyException>(py) {
            return HookError::Failed(errors::traceback(py, &error));
        }
        // Ctrl-C, SystemExit and the like end the run, not the strategy.
        self.raised.keep(py, error);
        HookError::Interrupted
    }
}

impl Strategy for PyStrategy {
    fn interest(&self) -> Interest {
        Interest {
            book: self.book_filter,
            trade: self.hooks.trade.is_some(),
            quote: self.hooks.quote.is_some(),
            book_state: self.hooks.book_state.is_some(),
            fill: self.hooks.fill.is_some(),
            order: self.hooks.order.is_some(),
        }
    }

    fn on_start(&mut self, ctx: &mut CoreContext) -> HookResult {
        self.call(ctx, self.hooks.start.as_ref(), &self.alone)
    }

    fn on_book(&mut self, ctx: &mut CoreContext, market: usize) -> HookResult {
        self.call(ctx, self.hooks.book.as_ref(), &self.with_book[market])
    }

    fn on_trade(&mut self, ctx: &mut CoreContext, market: usize, trade: Trade) -> HookResult {
        let Some(hook) = &self.hooks.trade else { return Ok(()) };
        self.lend(ctx, |py| {
            self.context.get().trades[market].get().set(trade);
            hook.call1(py, self.with_trade[market].bind(py)).map(|_| ())
        })
    }

    fn on_quote(&mut self, ctx: &mut CoreContext, market: usize, quote: Touch) -> HookResult {
        let Some(hook) = &self.hooks.quote else { return Ok(()) };
        self.lend(ctx, |py| {
            self.context.get().quotes[market].get().set(quote);
            hook.call1(py, self.with_quote[market].bind(py)).map(|_| ())
        })
    }

    fn on_book_state(&mut self, ctx: &mut CoreContext, market: usize, state: BookState) -> HookResult {
        let Some(hook) = &self.hooks.book_state else { return Ok(()) };
        self.lend(ctx, |py| {
            let book = self.context.get().books[market].clone_ref(py);
            let state = book_state_to_py(py, state as i64)?;
            hook.call1(py, (&self.context, book, state)).map(|_| ())
        })
    }

    fn on_fill(&mut self, ctx: &mut CoreContext, fill: &FillRow) -> HookResult {
        let Some(hook) = &self.hooks.fill else { return Ok(()) };
        let instrument = Arc::clone(&self.shared.instruments[fill.market]);
        self.lend(ctx, |py| {
            let fill = Py::new(py, Fill::new(fill.clone(), instrument))?;
            hook.call1(py, (&self.context, fill)).map(|_| ())
        })
    }

    fn on_order(&mut self, ctx: &mut CoreContext, order: &CoreOrder) -> HookResult {
        let Some(hook) = &self.hooks.order else { return Ok(()) };
        let instrument = Arc::clone(&self.shared.instruments[order.market]);
        self.lend(ctx, |py| {
            let order = Py::new(py, Order::new(order.clone(), instrument))?;
            hook.call1(py, (&self.context, order)).map(|_| ())
        })
    }

    fn on_timer(&mut self, ctx: &mut CoreContext, timer: u64) -> HookResult {
        self.lend(ctx, |py| match self.context.get().timer(py, timer) {
            Some(callback) => callback.call1(py, self.alone.bind(py)).map(|_| ()),
            None => match &self.hooks.timer {
                Some(hook) => hook.call1(py, (&self.context, timer)).map(|_| ()),
                None => Ok(()),
            },
        })
    }

    fn on_stop(&mut self, ctx: &mut CoreContext) -> HookResult {
        self.call(ctx, self.hooks.stop.as_ref(), &self.alone)
    }
}

/// Reads validated parameters out of a dictionary.
struct Params<'a, 'py>(&'a Bound<'py, PyDict>);

impl<'py> Params<'_, 'py> {
    fn get(&self, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.0.get_item(name)?.ok_or_else(|| errors::invalid(name, "missing"))
    }

    fn value<T: FromPyObjectOwned<'py>>(&self, name: &str) -> PyResult<T> {
        self.get(name)?.extract::<T>().map_err(|error| {
            let error: PyErr = error.into();
            errors::invalid(name, error.to_string())
        })
    }

    fn sizes(&self, markets: &[usize], instruments: &[Arc<Instrument>]) -> PyResult<Vec<(usize, QuoteSize)>> {
        let (qty, max_position) = (self.get("quote_qty")?, self.get("max_position")?);
        markets
            .iter()
            .map(|&market| Ok((market, quote_size(&instruments[market], &qty, &max_position)?)))
            .collect()
    }
}

fn quote_size(
    instrument: &Instrument,
    qty: &Bound<'_, PyAny>,
    max_position: &Bound<'_, PyAny>,
) -> PyResult<QuoteSize> {
    let steps = |name, value| to_steps(name, instrument.id.as_str(), instrument.qty_increment, value);
    let (qty, max_position) = (steps("quote_qty", qty)?, steps("max_position", max_position)?);
    QuoteSize::new(instrument, qty, max_position).map_err(errors::order)
}

/// Raises `InvalidValueError` naming the size a maker cannot quote in an instrument.
#[pyfunction]
pub(crate) fn check_quote_size(
    instrument: &PyInstrument,
    quote_qty: &Bound<'_, PyAny>,
    max_position: &Bound<'_, PyAny>,
) -> PyResult<()> {
    quote_size(&instrument.0, quote_qty, max_position).map(|_| ())
}

/// A compiled strategy by name.
pub(crate) fn compiled(
    kind: &str,
    params: &Bound<'_, PyDict>,
    markets: &[usize],
    instruments: &[Arc<Instrument>],
) -> PyResult<Box<dyn Strategy>> {
    let p = Params(params);
    let sizes = p.sizes(markets, instruments)?;
    match kind {
        "avellaneda_stoikov" => {
            let model: String = p.value("model")?;
            let fit: String = p.value("fit")?;
            let (a, k): (Option<f64>, Option<f64>) = (p.value("arrival_rate")?, p.value("depth_decay")?);
            let params = AvellanedaStoikovParams {
                model: match model.as_str() {
                    "glft" => QuotingModel::Glft,
                    "avellaneda_stoikov" => QuotingModel::AvellanedaStoikov,
                    other => return Err(errors::invalid("model", format!("unknown model {other:?}"))),
                },
                gamma: p.value("gamma")?,
                xi: p.value("xi")?,
                delta: p.value("delta")?,
                horizon_s: p.value("horizon_s")?,
                interval_ns: p.value("interval_ns")?,
                volatility_window: p.value("volatility_window")?,
                volatility_half_life_s: p.value("volatility_half_life_s")?,
                sigma_min: p.value("sigma_min")?,
                sigma_max: p.value("sigma_max")?,
                intensity_window: p.value("intensity_window")?,
                intensity_bins: p.value("intensity_bins")?,
                bin_ticks: p.value("bin_ticks")?,
                fit: match fit.as_str() {
                    "weighted" => FitMethod::Weighted,
                    "ols" => FitMethod::Ols,
                    other => return Err(errors::invalid("fit", format!("unknown fit {other:?}"))),
                },
                fixed_sigma: p.value("sigma")?,
                fixed_intensity: a.zip(k),
                join_touch: p.value("join_touch")?,
            };
            Ok(Box::new(AvellanedaStoikov::new(params, &sizes)))
        }
        "touch_maker" => Ok(Box::new(TouchMaker {
            markets: sizes,
            offset_ticks: p.value("offset_ticks")?,
            interval_ns: p.value("interval_ns")?,
        })),
        other => Err(errors::invalid("strategy", format!("unknown compiled strategy {other:?}"))),
    }
}
