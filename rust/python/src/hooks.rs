//! The hooks a Python strategy may override, and what they can tell it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};
use tradecore_core::kernel::{Subscription, Topics};

use crate::errors;
use crate::raised::answered;
use crate::shared::lock;

/// A hook or callback must be an ordinary function: nothing would ever run what an `async def` or a generator returns.
pub(crate) fn check_callable(name: &str, function: &Bound<'_, PyAny>) -> PyResult<()> {
    if !function.is_callable() {
        return Err(errors::invalid(name, format!("{} cannot be called", function.repr()?)));
    }
    let inspect = function.py().import("inspect")?;
    let code = function.getattr("__call__")?;
    let is = |kind| -> PyResult<bool> {
        Ok(inspect.call_method1(kind, (function,))?.is_truthy()?
            || inspect.call_method1(kind, (&code,))?.is_truthy()?)
    };
    if is("iscoroutinefunction")? {
        return Err(errors::invalid(name, "an async def is never awaited: expected a plain function"));
    }
    if is("isgeneratorfunction")? || is("isasyncgenfunction")? {
        return Err(errors::invalid(name, "a generator is never run: expected a function without yield"));
    }
    Ok(())
}

/// Code of callbacks that was looked at, and whether a method ran it: to look takes a hundred times as long as to call one,
/// and a strategy may set one each time.
#[derive(Debug, Default)]
pub(crate) struct Checked(Mutex<Vec<(Py<PyAny>, bool)>>);

impl Checked {
    /// Code beyond this is looked at each time.
    const MOST: usize = 32;

    /// Checks the callback of a timer, unless its code was: a lambda is another object each time.
    pub(crate) fn check(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        let code = code_of(callback)?;
        if let Some((code, is_method)) = &code
            && lock(&self.0).iter().any(|(checked, of_method)| checked.is(code) && of_method == is_method)
        {
            return Ok(());
        }
        check_callable("callback", callback)?;
        check_takes_context(callback)?;
        if let Some((code, is_method)) = code {
            let mut known = lock(&self.0);
            if known.len() < Self::MOST {
                known.push((code.unbind(), is_method));
            }
        }
        Ok(())
    }
}

/// The code of a plain function or method, and whether it is a method; none of what may say otherwise what it takes.
fn code_of<'py>(callback: &Bound<'py, PyAny>) -> PyResult<Option<(Bound<'py, PyAny>, bool)>> {
    static FUNCTION: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static METHOD: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = callback.py();
    let is_method = callback.is_exact_instance(METHOD.import(py, "types", "MethodType")?);
    let function = if is_method { callback.getattr("__func__")? } else { callback.clone() };
    if !function.is_exact_instance(FUNCTION.import(py, "types", "FunctionType")?)
        || function.getattr("__dict__")?.is_truthy()?
    {
        return Ok(None);
    }
    Ok(Some((function.getattr("__code__")?, is_method)))
}

/// A timer's callback is called with the context alone, which it has to take.
fn check_takes_context(function: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = function.py();
    // What is not written in Python does not say what it takes.
    let signature = py.import("inspect")?.call_method1("signature", (function,));
    let Some(signature) = answered(py, signature)? else { return Ok(()) };
    if answered(py, signature.call_method1("bind", ("ctx",)))?.is_none() {
        let problem = format!("takes {signature} and is called with (ctx)");
        return Err(errors::invalid("callback", problem));
    }
    Ok(())
}

/// The hooks a Python strategy may override.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hook {
    Start,
    Book,
    Trade,
    Quote,
    BookState,
    Mark,
    Index,
    Funding,
    OpenInterest,
    Liquidation,
    Bar,
    Fill,
    Order,
    Payment,
    Execution,
    Signal,
    SignalExpired,
    Timer,
    Stop,
}

impl Hook {
    /// All of them with their names in Python, in the order of their declaration.
    const ALL: [(Self, &'static str); 19] = [
        (Self::Start, "on_start"),
        (Self::Book, "on_book"),
        (Self::Trade, "on_trade"),
        (Self::Quote, "on_quote"),
        (Self::BookState, "on_book_state"),
        (Self::Mark, "on_mark"),
        (Self::Index, "on_index"),
        (Self::Funding, "on_funding"),
        (Self::OpenInterest, "on_open_interest"),
        (Self::Liquidation, "on_liquidation"),
        (Self::Bar, "on_bar"),
        (Self::Fill, "on_fill"),
        (Self::Order, "on_order"),
        (Self::Payment, "on_payment"),
        (Self::Execution, "on_execution"),
        (Self::Signal, "on_signal"),
        (Self::SignalExpired, "on_signal_expired"),
        (Self::Timer, "on_timer"),
        (Self::Stop, "on_stop"),
    ];

    /// Its name in Python.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// What overriding it subscribes to.
    const TOPICS: [(Self, Topics); 8] = [
        (Self::Trade, Topics::TRADES),
        (Self::Quote, Topics::QUOTES),
        (Self::BookState, Topics::BOOK_STATE),
        (Self::Mark, Topics::MARK),
        (Self::Index, Topics::INDEX),
        (Self::Funding, Topics::FUNDING),
        (Self::OpenInterest, Topics::OPEN_INTEREST),
        (Self::Liquidation, Topics::LIQUIDATIONS),
    ];
}

/// The bound methods of the hooks a Python strategy overrides.
pub(crate) struct Hooks([Option<Py<PyAny>>; Hook::ALL.len()]);

impl Hooks {
    pub(crate) fn new(overridden: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut hooks = [const { None }; Hook::ALL.len()];
        for (hook, name) in Hook::ALL {
            if let Some(method) = overridden.get_item(name)? {
                check_callable(name, &method)?;
                hooks[hook as usize] = Some(method.unbind());
            }
        }
        Ok(Self(hooks))
    }

    /// What overriding them subscribes to, books apart.
    pub(crate) fn topics(&self) -> Topics {
        let wanted = Hook::TOPICS.into_iter().filter(|(hook, _)| self.get(*hook).is_some());
        wanted.fold(Topics::NONE, |topics, (_, topic)| topics.with(topic))
    }

    /// What can be told at all.
    pub(crate) fn hears(&self) -> Hears {
        let told = |hook, topics| if self.get(hook).is_some() { topics } else { Topics::NONE };
        let books = told(Hook::Book, Topics::BOOK.with(Topics::TOUCH));
        Hears(self.topics().with(books).with(told(Hook::Bar, Topics::BARS)))
    }

    #[inline(always)]
    pub(crate) fn get(&self, hook: Hook) -> Option<&Py<PyAny>> {
        self.0[hook as usize].as_ref()
    }
}

/// How often each hook of a strategy was called.
#[derive(Default)]
pub(crate) struct Calls([AtomicU64; Hook::ALL.len()]);

impl Calls {
    #[inline(always)]
    pub(crate) fn count(&self, hook: Hook) {
        // Only the thread of the run counts: no need to lock the line.
        let calls = &self.0[hook as usize];
        calls.store(calls.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The hooks and their calls.
    pub(crate) fn told(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Hook::ALL.iter().map(|(hook, name)| (*name, self.0[*hook as usize].load(Ordering::Relaxed)))
    }
}

/// The topics a strategy has hooks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hears(Topics);

impl Hears {
    /// Reads a topic that the strategy can be told of.
    pub(crate) fn subscription(self, topic: &str) -> PyResult<Subscription> {
        let subscription =
            Subscription::parse(topic).map_err(|error| errors::invalid("topic", error.to_string()))?;
        let topics = subscription.topics();
        if self.0.has(topics) {
            return Ok(subscription);
        }
        let hook = Hook::TOPICS.into_iter().find(|(_, told)| told.has(topics)).map(|(hook, _)| hook);
        let hook = hook.unwrap_or(if topics.has(Topics::BARS) { Hook::Bar } else { Hook::Book });
        Err(errors::invalid(
            "topic",
            format!("{topic:?} is told by {}, which the strategy does not have", hook.name()),
        ))
    }
}
