//! Strategies from Python: a Python object as one implementor of the kernel's trait, and the compiled ones by name.

use std::sync::Arc;

use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use tradecore_core::bars::{Bar as CoreBar, BarSpec};
use tradecore_core::book::{BookState, Touch};
use tradecore_core::exec::ExecutionId;
use tradecore_core::features::FeatureEngine;
use tradecore_core::indicators::FitMethod;
use tradecore_core::kernel::{
    Context as CoreContext, FillRow, HookError, HookResult, Interest, PaymentRow, Signal as CoreSignal, Stat,
    Strategy, Topics, Trade,
};
use tradecore_core::orders::Order as CoreOrder;
use tradecore_core::strategies::{
    AvellanedaStoikov, AvellanedaStoikovParams, QuoteSize, QuotingModel, TouchMaker,
};
use tradecore_core::types::{Instrument, MarketId, Named};

use crate::context::Context;
use crate::errors;
use crate::executions::Execution;
use crate::features::Given;
use crate::hooks::{Calls, Hook, Hooks};
use crate::instrument::PyInstrument;
use crate::lending::Arguments;
use crate::outlet::Outlet;
use crate::raised::Raised;
use crate::records::{Fill, Order, Payment, book_state_to_py};
use crate::shared::Shared;
use crate::signals::{Signal, predictor};
use crate::updates::{Bar, stat_to_py};
use crate::values::{repr_of, to_qty};
use crate::views::{BookView, QuoteView, TradeView};

/// A strategy written in Python.
pub(crate) struct PyStrategy {
    shared: Arc<Shared>,
    raised: Raised,
    context: Py<Context>,
    /// The object: what it remembers, and the methods its timers call.
    owner: Py<PyAny>,
    hooks: Hooks,
    calls: Arc<Calls>,
    book_topic: Topics,
    /// Features it declares, until the kernel takes them.
    features: Vec<(MarketId, FeatureEngine)>,
    /// Arguments `(ctx,)`, and `(ctx, view)` by instrument.
    alone: Py<PyTuple>,
    with_book: Arguments<BookView>,
    with_trade: Arguments<TradeView>,
    with_quote: Arguments<QuoteView>,
}

impl PyStrategy {
    /// Wraps a strategy. `hooks` maps the names of overridden hooks to bound methods, `book_events` says which book
    /// updates wake it; `owner` is the object they are methods of.
    pub(crate) fn new(
        py: Python<'_>,
        shared: &Arc<Shared>,
        (raised, outlet): (Raised, Outlet),
        name: String,
        hooks: &Bound<'_, PyDict>,
        book_events: &str,
        owner: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let hooks = Hooks::new(hooks)?;
        let context = Py::new(
            py,
            Context::new(
                shared,
                (raised.clone(), outlet),
                name,
                hooks.hears(),
                hooks.get(Hook::Timer).is_some(),
                predictor(owner)?.is_some(),
            ),
        )?;
        let markets = shared.markets();
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
            calls: Arc::default(),
            book_topic,
            features: Vec::new(),
            alone,
            // The context has the books, too.
            with_book: Arguments::new(markets, 1),
            with_trade: Arguments::new(markets, 0),
            with_quote: Arguments::new(markets, 0),
            context,
        })
    }

    /// Takes the features that the strategy declares for its markets.
    pub(crate) fn declare(&mut self, py: Python<'_>, markets: &[MarketId]) -> PyResult<()> {
        let Some(set) = self.owner.bind(py).getattr_opt(intern!(py, "features"))? else { return Ok(()) };
        if set.is_none() {
            return Ok(());
        }
        let given = Given::of(&set)?;
        for market in markets {
            self.features.push((*market, given.engine(self.shared.instrument(*market), &self.raised)?));
        }
        self.context.get().declared.set(&set);
        Ok(())
    }

    /// How often its hooks were called, to be looked at when the run is over.
    pub(crate) fn calls(&self) -> Arc<Calls> {
        Arc::clone(&self.calls)
    }

    /// Lends the kernel's state to Python for the length of a call, and takes back what was given in it.
    #[inline]
    fn lend(
        &mut self,
        ctx: &mut CoreContext,
        call: impl for<'py> FnOnce(&mut Self, Python<'py>) -> PyResult<()>,
    ) -> HookResult {
        Python::attach(|py| {
            self.shared.swap(py, ctx);
            let result = call(self, py);
            self.context.get().take_back(py, |market| self.with_book.held(market));
            self.shared.swap(py, ctx);
            result.map_err(|error| self.failure(py, error))
        })
    }

    /// Calls a hook, if it is overridden, with arguments that are made when it is.
    #[inline]
    fn call(
        &mut self,
        ctx: &mut CoreContext,
        hook: Hook,
        call: impl for<'py> FnOnce(&mut Self, Python<'py>, &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
    ) -> HookResult {
        if self.hooks.get(hook).is_none() {
            return Ok(());
        }
        self.lend(ctx, |me, py| me.run(py, hook, call))
    }

    /// The same while the kernel's state is lent.
    #[inline]
    fn run<'py>(
        &mut self,
        py: Python<'py>,
        hook: Hook,
        call: impl FnOnce(&mut Self, Python<'py>, &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let Some(method) = self.hooks.get(hook).map(|method| method.bind(py).clone()) else { return Ok(()) };
        self.calls.count(hook);
        let returned = call(self, py, &method)?;
        if returned.is_none() { Ok(()) } else { Err(self.returned(hook, &returned)) }
    }

    #[inline]
    fn call_alone(&mut self, ctx: &mut CoreContext, hook: Hook) -> HookResult {
        self.call(ctx, hook, |me, py, method| method.call1(me.alone.bind(py)))
    }

    /// What to say of a hook that returned something, which nobody would ever look at.
    #[cold]
    fn returned(&self, hook: Hook, value: &Bound<'_, PyAny>) -> PyErr {
        let py = value.py();
        let class =
            self.owner.bind(py).get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
        let mut shown = repr_of(value);
        if shown.chars().count() > 80 {
            shown = format!("{}...", shown.chars().take(80).collect::<String>());
        }
        let problem =
            format!("returned {shown}: what a hook returns is never looked at; orders are sent with ctx");
        errors::HookError::new_err((class, hook.name(), problem))
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

impl Drop for PyStrategy {
    fn drop(&mut self) {
        // What the strategy kept of its context must not keep the strategy.
        self.context.get().forget_timers();
    }
}

impl Strategy for PyStrategy {
    fn interest(&self) -> Interest {
        Interest {
            topics: self.book_topic.with(self.hooks.topics()),
            fill: self.hooks.get(Hook::Fill).is_some(),
            order: self.hooks.get(Hook::Order).is_some(),
            payment: self.hooks.get(Hook::Payment).is_some(),
            execution: self.hooks.get(Hook::Execution).is_some(),
        }
    }

    fn features(&mut self) -> Vec<(MarketId, FeatureEngine)> {
        std::mem::take(&mut self.features)
    }

    fn on_start(&mut self, ctx: &mut CoreContext) -> HookResult {
        self.context.get().forget_timers();
        self.call_alone(ctx, Hook::Start)
    }

    fn on_parameters(&mut self, ctx: &mut CoreContext, values: &str) -> HookResult {
        self.lend(ctx, |me, py| {
            me.owner.bind(py).call_method1(intern!(py, "_change"), (values,))?;
            Ok(())
        })
    }

    fn on_book(&mut self, ctx: &mut CoreContext, market: MarketId) -> HookResult {
        self.call(ctx, Hook::Book, |me, py, method| {
            let book = || me.context.get().book_view(py, market);
            me.with_book.call(market, &me.context, method, book, |_| ())
        })
    }

    fn on_trade(&mut self, ctx: &mut CoreContext, market: MarketId, trade: Trade) -> HookResult {
        self.call(ctx, Hook::Trade, |me, py, method| {
            let view = || TradeView::new(py, &me.shared, market);
            me.with_trade.call(market, &me.context, method, view, |view| view.set(trade))
        })
    }

    fn on_quote(&mut self, ctx: &mut CoreContext, market: MarketId, quote: Touch) -> HookResult {
        self.call(ctx, Hook::Quote, |me, py, method| {
            let view = || QuoteView::new(py, &me.shared, market);
            me.with_quote.call(market, &me.context, method, view, |view| view.set(quote))
        })
    }

    fn on_book_state(&mut self, ctx: &mut CoreContext, market: MarketId, state: BookState) -> HookResult {
        self.call(ctx, Hook::BookState, |me, py, method| {
            let book = me.context.get().give_book(py, market)?;
            method.call1((&me.context, book, book_state_to_py(py, state as i64)?))
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
        self.call(ctx, hook, |me, py, method| {
            let value = stat_to_py(py, me.shared.instrument(market), stat)?;
            method.call1((&me.context, value))
        })
    }

    fn on_bar(
        &mut self,
        ctx: &mut CoreContext,
        market: MarketId,
        spec: &BarSpec,
        bar: &CoreBar,
    ) -> HookResult {
        self.call(ctx, Hook::Bar, |me, py, method| {
            let bar = Py::new(py, Bar::new(me.shared.instrument(market), spec, bar))?;
            method.call1((&me.context, bar))
        })
    }

    fn on_fill(&mut self, ctx: &mut CoreContext, fill: &FillRow) -> HookResult {
        self.call(ctx, Hook::Fill, |me, py, method| {
            let fill = Py::new(py, Fill::new(fill.clone(), Arc::clone(me.shared.instrument(fill.market))))?;
            method.call1((&me.context, fill))
        })
    }

    fn on_order(&mut self, ctx: &mut CoreContext, order: &CoreOrder) -> HookResult {
        let breaches = ctx.refusal().map(|refusal| Arc::clone(&refusal.breaches)).unwrap_or_default();
        self.call(ctx, Hook::Order, |me, py, method| {
            let told = Order::new(order.clone(), Arc::clone(me.shared.instrument(order.market)));
            let order = Py::new(py, told.with_breaches(breaches))?;
            method.call1((&me.context, order))
        })
    }

    fn on_payment(&mut self, ctx: &mut CoreContext, payment: &PaymentRow) -> HookResult {
        self.call(ctx, Hook::Payment, |me, py, method| {
            let instrument = Arc::clone(me.shared.instrument(payment.payment.market));
            method.call1((&me.context, Py::new(py, Payment::new(*payment, instrument))?))
        })
    }

    fn on_execution(&mut self, ctx: &mut CoreContext, execution: ExecutionId) -> HookResult {
        self.call(ctx, Hook::Execution, |me, py, method| {
            method.call1((&me.context, Py::new(py, Execution::new(&me.shared, execution))?))
        })
    }

    fn on_signal(&mut self, ctx: &mut CoreContext, market: MarketId, signal: &CoreSignal) -> HookResult {
        self.call(ctx, Hook::Signal, |me, py, method| {
            let signal = Py::new(py, Signal::new(signal.clone(), me.shared.instrument(market)))?;
            method.call1((&me.context, signal))
        })
    }

    fn on_signal_expired(
        &mut self,
        ctx: &mut CoreContext,
        market: MarketId,
        signal: &CoreSignal,
    ) -> HookResult {
        self.call(ctx, Hook::SignalExpired, |me, py, method| {
            let signal = Py::new(py, Signal::new(signal.clone(), me.shared.instrument(market)))?;
            method.call1((&me.context, signal))
        })
    }

    fn on_timer(&mut self, ctx: &mut CoreContext, timer: u64) -> HookResult {
        self.lend(ctx, |me, py| match me.context.get().timer(py, timer) {
            // What a callback returns is its own affair: a lambda always returns something.
            Some(callback) => callback.call1(py, me.alone.bind(py)).map(|_| ()),
            None => me.run(py, Hook::Timer, |me, _, method| method.call1((&me.context, timer))),
        })
    }

    fn on_stop(&mut self, ctx: &mut CoreContext) -> HookResult {
        self.call_alone(ctx, Hook::Stop)
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

/// Raise InvalidValueError naming the size that a maker cannot quote in an instrument.
#[pyfunction]
pub(crate) fn check_quote_size(
    instrument: &PyInstrument,
    quote_qty: &Bound<'_, PyAny>,
    max_position: &Bound<'_, PyAny>,
) -> PyResult<()> {
    quote_size(&instrument.0, quote_qty, max_position).map(|_| ())
}

/// Raise InvalidValueError for what cannot be the name of a strategy.
#[pyfunction]
pub(crate) fn check_strategy_name(name: &str) -> PyResult<()> {
    Named::Strategy.check(name).map_err(|error| errors::name("name", &error))
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
