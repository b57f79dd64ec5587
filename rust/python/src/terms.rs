//! The terms of an order as Python gives them.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDateTime, PyString, PyType};
use tradecore_core::orders as core;
use tradecore_core::orders::{
    NewTerms, ORDER_KINDS, OrderKind, OrderRequest, OrderType, TimeInForce, Trigger, TriggerAt, TriggerBy,
    TriggerKind,
};
use tradecore_core::types::{Instrument, MarketId, Price, Qty, Side, TIME_LIMIT};

use crate::errors;
use crate::values::{repr_of, to_duration, to_price, to_qty, to_steps, unexpected};

/// Whether an order takes liquidity, is rejected rather, or is given another price: ``False``, ``True``, ``"slide"``.
#[derive(Clone, Copy)]
pub(crate) struct PostOnly(pub(crate) core::PostOnly);

impl PostOnly {
    pub(crate) const OFF: Self = Self(core::PostOnly::Off);
    pub(crate) const REJECTED: Self = Self(core::PostOnly::Rejected);
}

impl<'py> FromPyObject<'_, 'py> for PostOnly {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if given.is_instance_of::<PyBool>() {
            return Ok(Self(given.is_truthy()?.into()));
        }
        if given.cast::<PyString>().is_ok_and(|word| word == "slide") {
            return Ok(Self(core::PostOnly::Slides));
        }
        Err(unexpected("post_only", "True, False or \"slide\"", &given))
    }
}

/// What an order may say beside side, quantity and price.
pub(crate) struct OrderTerms<'a, 'py> {
    pub(crate) kind: Option<&'a Bound<'py, PyAny>>,
    pub(crate) trigger_price: Option<&'a Bound<'py, PyAny>>,
    pub(crate) trigger: Option<&'a Bound<'py, PyAny>>,
    pub(crate) trailing_offset: Option<&'a Bound<'py, PyAny>>,
    pub(crate) time_in_force: Option<&'a Bound<'py, PyAny>>,
    pub(crate) expires_at: Option<&'a Bound<'py, PyAny>>,
    pub(crate) post_only: PostOnly,
    pub(crate) reduce_only: bool,
    pub(crate) display_qty: Option<&'a Bound<'py, PyAny>>,
    pub(crate) client_id: Option<String>,
}

/// What an order is asked to have from now on; what is not given stays.
pub(crate) struct Changes<'a, 'py> {
    pub(crate) price: Option<&'a Bound<'py, PyAny>>,
    pub(crate) qty: Option<&'a Bound<'py, PyAny>>,
    pub(crate) trigger_price: Option<&'a Bound<'py, PyAny>>,
    pub(crate) trailing_offset: Option<&'a Bound<'py, PyAny>>,
}

/// The terms an order is to have at a time that was to have these before and is set off by that.
pub(crate) fn new_terms(
    py: Python<'_>,
    instrument: &Instrument,
    now: i64,
    before: ((Option<Price>, Qty), Option<Trigger>),
    changes: &Changes<'_, '_>,
) -> PyResult<NewTerms> {
    changes.terms(instrument, before).map_err(|error| errors::in_force(py, error, instrument, now))
}

impl Changes<'_, '_> {
    fn terms(
        &self,
        instrument: &Instrument,
        (intended, trigger): ((Option<Price>, Qty), Option<Trigger>),
    ) -> PyResult<NewTerms> {
        let trigger = self.trigger(instrument, trigger)?;
        let price = match (self.price, intended.0) {
            (Some(_), None) => {
                let problem = "not expected: the order has no limit that could be replaced";
                return Err(errors::invalid("price", problem));
            }
            (Some(price), Some(_)) => to_price(instrument, price)?,
            // What has none keeps it: a market order, which the kernel does not replace, or one that waits.
            (None, limit) => limit.unwrap_or_default(),
        };
        let qty = self.qty.map_or(Ok(intended.1), |qty| to_qty("qty", instrument, qty))?;
        Ok(NewTerms { price, qty, trigger })
    }

    /// Where what sets an order off is to lie, or how far that is to trail.
    fn trigger(&self, instrument: &Instrument, trigger: Option<Trigger>) -> PyResult<Option<Price>> {
        let (price, offset) = (trigger.and_then(Trigger::price), trigger.and_then(Trigger::offset));
        let mut moved = None;
        for (field, value, has) in [
            ("trigger_price", self.trigger_price, price.is_some()),
            ("trailing_offset", self.trailing_offset, offset.is_some()),
        ] {
            match value {
                Some(_) if !has => {
                    return Err(errors::invalid(
                        field,
                        "not expected: the order has none that could be replaced",
                    ));
                }
                Some(value) => {
                    let (id, grid) = (instrument.id.as_str(), instrument.price_increment);
                    moved = Some(Price::new(to_steps(field, id, grid, value)?));
                }
                None => {}
            }
        }
        Ok(moved)
    }
}

impl OrderTerms<'_, '_> {
    /// The order; a market order without a price.
    pub(crate) fn request(
        self,
        market: MarketId,
        instrument: &Instrument,
        side: impl FnOnce() -> PyResult<Side>,
        qty: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<OrderRequest> {
        let price = price.map(|price| to_price(instrument, price)).transpose()?;
        let trigger = self.set_off(instrument, price)?;
        let order_type = price.map_or(OrderType::Market, |price| OrderType::Limit { price });
        let plain = OrderRequest::new(market, side()?, order_type, to_qty("qty", instrument, qty)?);
        let (post_only, slides) = self.post_only.0.terms();
        Ok(OrderRequest {
            time_in_force: self.lives()?,
            post_only,
            slides,
            reduce_only: self.reduce_only,
            display_qty: self.display_qty.map(|qty| to_qty("display_qty", instrument, qty)).transpose()?,
            trigger,
            client_id: self.client_id.map(Into::into),
            ..plain
        })
    }

    /// What sets it off, with its kind held against the prices it has and has not.
    fn set_off(&self, instrument: &Instrument, price: Option<Price>) -> PyResult<Option<Trigger>> {
        let steps = |field: &str, value: Option<&Bound<'_, PyAny>>| -> PyResult<Option<Price>> {
            let (id, grid) = (instrument.id.as_str(), instrument.price_increment);
            value.map(|value| to_steps(field, id, grid, value).map(Price::new)).transpose()
        };
        let trigger_price = steps("trigger_price", self.trigger_price)?;
        let offset = steps("trailing_offset", self.trailing_offset)?;
        let kind = match self.kind {
            Some(kind) => to_order_kind(kind)?,
            None if trigger_price.is_some() => {
                let words = words_of(OrderKind::has_trigger_price);
                return Err(errors::invalid(
                    "type",
                    format!("missing: with a trigger_price it is one of {words}"),
                ));
            }
            None => OrderKind::plain(price.is_some(), offset.is_some()),
        };
        let word = kind.word;
        for (field, has, needs) in [
            ("price", price.is_some(), kind.is_limit),
            ("trigger_price", trigger_price.is_some(), kind.has_trigger_price()),
            ("trailing_offset", offset.is_some(), kind.trails()),
        ] {
            if has != needs {
                let problem = if needs { "missing: a" } else { "not expected: no part of a" };
                let problem = format!("{problem} {word} order{}", if needs { " needs it" } else { "" });
                return Err(errors::invalid(field, problem));
            }
        }
        let at = match (kind.trigger, trigger_price, offset) {
            (Some(TriggerKind::Stop), Some(price), _) => TriggerAt::Stop { price },
            (Some(TriggerKind::TakeProfit), Some(price), _) => TriggerAt::TakeProfit { price },
            (Some(TriggerKind::Trailing), _, Some(offset)) => TriggerAt::Trailing { offset },
            _ if self.trigger.is_some() => {
                return Err(errors::invalid("trigger", format!("not expected: no part of a {word} order")));
            }
            _ => return Ok(None),
        };
        let by = self.trigger.map_or(Ok(TriggerBy::Last), to_trigger_by)?;
        Ok(Some(Trigger { at, by }))
    }

    fn lives(&self) -> PyResult<TimeInForce> {
        let given = self.time_in_force.map(to_time_in_force).transpose()?;
        let expires_at = self.expires_at.map(to_time).transpose()?;
        match (given, expires_at) {
            (None | Some(TimeInForce::Gtd { .. }), Some(expires_at)) => Ok(TimeInForce::Gtd { expires_at }),
            (Some(TimeInForce::Gtd { .. }), None) => {
                Err(errors::invalid("expires_at", "missing: a gtd order says when it ends"))
            }
            (Some(other), Some(_)) => {
                let word = other.as_str();
                Err(errors::invalid("expires_at", format!("only a gtd order has it, and this one is {word}")))
            }
            (given, None) => Ok(given.unwrap_or(TimeInForce::Gtc)),
        }
    }
}

/// The words of some kinds of orders, for people.
fn words_of(kinds: impl Fn(OrderKind) -> bool) -> String {
    let words = OrderKind::ALL.into_iter().filter(|kind| kinds(*kind)).map(|kind| kind.word);
    words.collect::<Vec<_>>().join(", ")
}

/// A kind of order given as `OrderType` or a word.
fn to_order_kind(value: &Bound<'_, PyAny>) -> PyResult<OrderKind> {
    let found = if let Ok(number) = value.extract::<usize>() {
        OrderKind::ALL.get(number).copied()
    } else if let Ok(word) = value.cast::<PyString>() {
        let word = word.to_cow()?.to_ascii_lowercase();
        // As venues call the same things.
        let word = match word.as_str() {
            "stop" => "stop_market",
            "take_profit" => "take_profit_market",
            "trailing_stop_market" => "trailing_stop",
            other => other,
        };
        OrderKind::ALL.into_iter().find(|kind| kind.word == word)
    } else {
        None
    };
    found.ok_or_else(|| unexpected("type", &format!("one of {}", ORDER_KINDS.join(", ")), value))
}

pub(crate) fn to_trigger_by(value: &Bound<'_, PyAny>) -> PyResult<TriggerBy> {
    let word = value.cast::<PyString>().ok();
    let found = TriggerBy::ALL.into_iter().find(|by| word.is_some_and(|word| word == by.as_str()));
    found.ok_or_else(|| unexpected("trigger", "\"last\", \"mark\" or \"mid\"", value))
}

/// A time in force given as `TimeInForce` or a word; that of gtd is not known yet.
fn to_time_in_force(value: &Bound<'_, PyAny>) -> PyResult<TimeInForce> {
    let found = if let Ok(number) = value.extract::<u8>() {
        TimeInForce::ALL.into_iter().find(|known| known.code() == number)
    } else if let Ok(word) = value.cast::<PyString>() {
        let word = word.to_cow()?.to_ascii_lowercase();
        TimeInForce::ALL.into_iter().find(|known| known.as_str() == word)
    } else {
        None
    };
    found.ok_or_else(|| {
        errors::invalid("time_in_force", format!("{} is not gtc, ioc, fok, gtd or day", repr_of(value)))
    })
}

/// A point in time given in ns UTC, or as a datetime with a zone.
fn to_time(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let field = "expires_at";
    let what = "a time in ns UTC before 2116, or a datetime with a time zone";
    let py = value.py();
    if value.is_instance_of::<PyDateTime>() && !value.getattr("tzinfo")?.is_none() {
        let epoch = EPOCH.get_or_try_init(py, || {
            let datetime = py.import("datetime")?;
            let utc = datetime.getattr("timezone")?.getattr("utc")?;
            let made =
                datetime.getattr("datetime")?.cast_into::<PyType>()?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
            PyResult::Ok(made.unbind())
        })?;
        return to_duration(field, &value.call_method1("__sub__", (epoch,))?, i64::MIN);
    }
    let ns = if value.is_instance_of::<PyBool>() { None } else { value.extract::<i64>().ok() };
    ns.filter(|ns| (0..=TIME_LIMIT).contains(ns)).ok_or_else(|| unexpected(field, what, value))
}
