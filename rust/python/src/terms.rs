//! The terms of an order as Python gives them.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDateTime, PyString, PyType};
use tradecore_core::orders::{OrderRequest, OrderType, TimeInForce};
use tradecore_core::types::{Instrument, MarketId, Side, TIME_LIMIT};

use crate::errors;
use crate::values::{repr_of, to_duration, to_price, to_qty, unexpected};

/// Whether an order takes liquidity, is rejected rather, or is given another price: ``False``, ``True``, ``"slide"``.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostOnly {
    Off,
    Rejected,
    Slides,
}

impl<'py> FromPyObject<'_, 'py> for PostOnly {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if given.is_instance_of::<PyBool>() {
            return Ok(if given.is_truthy()? { Self::Rejected } else { Self::Off });
        }
        if given.cast::<PyString>().is_ok_and(|word| word == "slide") {
            return Ok(Self::Slides);
        }
        Err(unexpected("post_only", "True, False or \"slide\"", &given))
    }
}

/// What an order may say beside side, quantity and price.
pub(crate) struct OrderTerms<'a, 'py> {
    pub(crate) time_in_force: Option<&'a Bound<'py, PyAny>>,
    pub(crate) expires_at: Option<&'a Bound<'py, PyAny>>,
    pub(crate) post_only: PostOnly,
    pub(crate) reduce_only: bool,
    pub(crate) display_qty: Option<&'a Bound<'py, PyAny>>,
    pub(crate) client_id: Option<String>,
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
        let order_type = price.map_or(OrderType::Market, |price| OrderType::Limit { price });
        let plain = OrderRequest::new(market, side()?, order_type, to_qty("qty", instrument, qty)?);
        Ok(OrderRequest {
            time_in_force: self.lives()?,
            post_only: self.post_only != PostOnly::Off,
            slides: self.post_only == PostOnly::Slides,
            reduce_only: self.reduce_only,
            display_qty: self.display_qty.map(|qty| to_qty("display_qty", instrument, qty)).transpose()?,
            client_id: self.client_id.map(Into::into),
            ..plain
        })
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
