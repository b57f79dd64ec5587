//! Strategies from Python: a Python object as one implementor of the kernel's trait, and the compiled ones by name.

use std::sync::Arc;

use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use tradecore_core::bars::Bar as CoreBar;
use tradecore_core::book::{BookState, Touch};
use tradecore_core::indicators::FitMethod;
use tradecore_core::kernel::{
    Context as CoreContext, FillRow, HookError, HookResult, Interest, Stat, Strategy, Topics, Trade,
};
use tradecore_core::orders::Order as CoreOrder;
use tradecore_core::strategies::{
    AvellanedaStoikov, AvellanedaStoikovParams, QuoteSize, QuotingModel, TouchMaker,
};
use tradecore_core::types::{Instrument, MarketId};

use crate::context::Context;
use crate::errors;
use crate::hooks::{Hook, Hooks};
use crate::instrument::PyInstrument;
use crate::raised::Raised;
use crate::records::{Fill, Order, book_state_to_py};
use crate::shared::Shared;
use crate::updates::{Bar, stat_to_py};
use crate::values::to_qty;

/// A strategy written in Python.
pub(crate) struct PyStrategy {
    shared: Arc<Shared>,
    raised: Raised,
    context: Py<Context>,
    /// The object: what it remembers, and the methods its timers call.
    owner: Py<PyAny>,
    hooks: Hooks,
    book_topic: Topics,
    /// Arguments `(ctx,)`, and `(ctx, view)` by instrument, each made when it is first needed.
    alone: Py<PyTuple>,
    with_book: Vec<PyOnceLock<Py<PyTuple>>>,
    with_trade: Vec<PyOnceLock<Py<PyTuple>>>,
    with_quote: Vec<PyOnceLock<Py<PyTuple>>>,
}

impl PyStrategy {
    /// Wraps a strategy. `hooks` maps the names of overridden hooks to bound methods, `book_events` says which book
    /// updates wake it; `owner` is the object they are methods of.
    pub(crate) fn new(
        py: Python<'_>,
        shared: &Arc<Shared>,
        raised: Raised,
        name: String,
        hooks: &Bound<'_, PyDict>,
        book_events: &str,
        owner: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let hooks = Hooks::new(hooks)?;
        let context = Py::new(py, Context::new(shared, name, hooks.hears()))?;
        let none = || shared.instruments.iter().map(|_| PyOnceLock::new()).collect();
        let alone = PyTuple::new(py, [context.clone_ref(py)])?.unbind();
        let book_topic = match (hooks.get(Hook::Book), book_events) {
            (None, _) => Topics::NONE,
            (Some(_), "message") => Topics::BOOK,
            (Some(_), "touch") => Topics::TOUCH,
            (Some(_), other) => {
                return Err(errors::invalid("book_events", format!("{other:?} is not message or touch")));
            }
        };
        Ok(Self {
            shared: Arc::clone(shared),
            raised,
            owner: owner.clone().unbind(),
            hooks,
            book_topic,
            alone,
            with_book: none(),
            with_trade: none(),
            with_quote: none(),
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
        Python::attach(|py| {
            self.shared.swap(py, ctx);
            let result = call(py);
            self.shared.swap(py, ctx);
            result.map_err(|error| self.failure(py, error))
        })
    }

    #[inline]
    fn call(&self, ctx: &mut CoreContext, hook: Option<&Py<PyAny>>, arguments: &Py<PyTuple>) -> HookResult {
        let Some(hook) = hook else { return Ok(()) };
        self.lend(ctx, |py| hook.call1(py, arguments.bind(py)).map(|_| ()))
    }

    /// Arguments of a hook that takes a view.
    #[inline]
    fn with<'a, T>(
        &self,
        py: Python<'_>,
        arguments: &'a PyOnceLock<Py<PyTuple>>,
        view: impl FnOnce() -> PyResult<&'a Py<T>>,
    ) -> PyResult<&'a Py<PyTuple>>
    where
        T: 'a,
    {
        arguments.get_or_try_init(py, || {
            let pair = [self.context.clone_ref(py).into_any(), view()?.clone_ref(py).into_any()];
            Ok(PyTuple::new(py, pair)?.unbind())
        })
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
            topics: self.book_topic.with(self.hooks.topics()),
            fill: self.hooks.get(Hook::Fill).is_some(),
            order: self.hooks.get(Hook::Order).is_some(),
        }
    }

    fn on_start(&mut self, ctx: &mut CoreContext) -> HookResult {
        self.call(ctx, self.hooks.get(Hook::Start), &self.alone)
    }

    fn on_book(&mut self, ctx: &mut CoreContext, market: MarketId) -> HookResult {
        let Some(hook) = self.hooks.get(Hook::Book) else { return Ok(()) };
        self.lend(ctx, |py| {
            let made = &self.with_book[market.index()];
            let arguments = self.with(py, made, || self.context.get().book_view(py, market))?;
            hook.call1(py, arguments.bind(py)).map(|_| ())
        })
    }

    fn on_trade(&mut self, ctx: &mut CoreContext, market: MarketId, trade: Trade) -> HookResult {
        let Some(hook) = self.hooks.get(Hook::Trade) else { return Ok(()) };
        self.lend(ctx, |py| {
            let view = self.context.get().trade_view(py, market)?;
            view.get().set(trade);
            let arguments = self.with(py, &self.with_trade[market.index()], || Ok(view))?;
            hook.call1(py, arguments.bind(py)).map(|_| ())
        })
    }

    fn on_quote(&mut self, ctx: &mut CoreContext, market: MarketId, quote: Touch) -> HookResult {
        let Some(hook) = self.hooks.get(Hook::Quote) else { return Ok(()) };
        self.lend(ctx, |py| {
            let view = self.context.get().quote_view(py, market)?;
            view.get().set(quote);
            let arguments = self.with(py, &self.with_quote[market.index()], || Ok(view))?;
            hook.call1(py, arguments.bind(py)).map(|_| ())
        })
    }

    fn on_book_state(&mut self, ctx: &mut CoreContext, market: MarketId, state: BookState) -> HookResult {
        let Some(hook) = self.hooks.get(Hook::BookState) else { return Ok(()) };
        self.lend(ctx, |py| {
            let book = self.context.get().book_view(py, market)?.clone_ref(py);
            let state = book_state_to_py(py, state as i64)?;
            hook.call1(py, (&self.context, book, state)).map(|_| ())
        })
    }

    fn on_stat(&mut self, ctx: &mut CoreContext, market: MarketId, stat: Stat) -> HookResult {
        let hook = match stat {
            Stat::Mark { .. } => Hook::Mark,
            Stat::Index { .. } => Hook::Index,
            Stat::Funding(_) => Hook::Funding,
            Stat::OpenInterest { .. } => Hook::OpenInterest,
            Stat::Liquidation(_) => Hook::Liquidation,
        };
        let Some(hook) = self.hooks.get(hook) else { return Ok(()) };
        self.lend(ctx, |py| {
            let value = stat_to_py(py, self.shared.instrument(market), stat)?;
            hook.call1(py, (&self.context, value)).map(|_| ())
        })
    }

    fn on_bar(
        &mut self,
        ctx: &mut CoreContext,
        market: MarketId,
        interval_ns: i64,
        bar: &CoreBar,
    ) -> HookResult {
        let Some(hook) = self.hooks.get(Hook::Bar) else { return Ok(()) };
        self.lend(ctx, |py| {
            let bar = Py::new(py, Bar::new(self.shared.instrument(market), interval_ns, bar))?;
            hook.call1(py, (&self.context, bar)).map(|_| ())
        })
    }

    fn on_fill(&mut self, ctx: &mut CoreContext, fill: &FillRow) -> HookResult {
        let Some(hook) = self.hooks.get(Hook::Fill) else { return Ok(()) };
        let instrument = Arc::clone(self.shared.instrument(fill.market));
        self.lend(ctx, |py| {
            let fill = Py::new(py, Fill::new(fill.clone(), instrument))?;
            hook.call1(py, (&self.context, fill)).map(|_| ())
        })
    }

    fn on_order(&mut self, ctx: &mut CoreContext, order: &CoreOrder) -> HookResult {
        let Some(hook) = self.hooks.get(Hook::Order) else { return Ok(()) };
        let instrument = Arc::clone(self.shared.instrument(order.market));
        self.lend(ctx, |py| {
            let order = Py::new(py, Order::new(order.clone(), instrument))?;
            hook.call1(py, (&self.context, order)).map(|_| ())
        })
    }

    fn on_timer(&mut self, ctx: &mut CoreContext, timer: u64) -> HookResult {
        self.lend(ctx, |py| match self.context.get().timer(py, timer) {
            Some(callback) => callback.call1(py, self.alone.bind(py)).map(|_| ()),
            None => match self.hooks.get(Hook::Timer) {
                Some(hook) => hook.call1(py, (&self.context, timer)).map(|_| ()),
                None => Ok(()),
            },
        })
    }

    fn on_stop(&mut self, ctx: &mut CoreContext) -> HookResult {
        self.call(ctx, self.hooks.get(Hook::Stop), &self.alone)
    }

    fn save(&mut self) -> Result<Vec<u8>, HookError> {
        Python::attach(|py| {
            let save = || -> PyResult<Vec<u8>> {
                let timers = self.context.get().timers(py);
                let state = self.owner.bind(py).call_method1(intern!(py, "_save_state"), (timers,))?;
                Ok(state.cast::<PyBytes>()?.as_bytes().to_vec())
            };
            save().map_err(|error| self.raised.keep(py, error))
        })
    }

    fn load(&mut self, state: &[u8]) -> HookResult {
        Python::attach(|py| {
            let load = || -> PyResult<()> {
                let state = PyBytes::new(py, state);
                let timers = self.owner.bind(py).call_method1(intern!(py, "_load_state"), (state,))?;
                self.context.get().restore_timers(timers.extract()?);
                Ok(())
            };
            load().map_err(|error| self.raised.keep(py, error))
        })
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

    fn sizes(
        &self,
        markets: &[MarketId],
        instruments: &[Arc<Instrument>],
    ) -> PyResult<Vec<(MarketId, QuoteSize)>> {
        let (qty, max_position) = (self.get("quote_qty")?, self.get("max_position")?);
        markets
            .iter()
            .map(|&market| Ok((market, quote_size(&instruments[market.index()], &qty, &max_position)?)))
            .collect()
    }
}

fn quote_size(
    instrument: &Instrument,
    qty: &Bound<'_, PyAny>,
    max_position: &Bound<'_, PyAny>,
) -> PyResult<QuoteSize> {
    let steps = |name, value| to_qty(name, instrument, value);
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
    markets: &[MarketId],
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
