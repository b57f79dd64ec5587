//! A venue's reports as Python tells them.

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use tradecore_core::event::{is_price, is_qty};
use tradecore_core::orders::{Liquidity, NewTerms, OrderKey, OrderStatus, Reason, ReportKind, VenueKey};
use tradecore_core::types::{Instrument, Money, Price, Qty};

use crate::errors;
use crate::values::{to_decimal, to_price, to_qty};

const OUT_OF_RANGE: &str = "expected more than zero, and less than 2^60 increments";

/// The keyword arguments of a report that belong to some kinds only.
pub(crate) struct Terms<'a, 'py> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) kind: &'a str,
    pub(crate) price: Option<&'a Bound<'py, PyAny>>,
    pub(crate) qty: Option<&'a Bound<'py, PyAny>>,
    pub(crate) liquidity: Option<&'a str>,
    pub(crate) fee: Option<&'a Bound<'py, PyAny>>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) trigger_price: Option<&'a Bound<'py, PyAny>>,
}

impl Terms<'_, '_> {
    fn need<T>(&self, field: &str, value: Option<T>) -> PyResult<T> {
        value.ok_or_else(|| errors::invalid(field, format!("a report of kind {:?} needs it", self.kind)))
    }

    fn price(&self) -> PyResult<Price> {
        self.price_of("price", self.need("price", self.price)?)
    }

    fn price_of(&self, field: &str, value: &Bound<'_, PyAny>) -> PyResult<Price> {
        let price = to_price(self.instrument, value)?;
        if is_price(price.steps()) { Ok(price) } else { Err(errors::invalid(field, OUT_OF_RANGE)) }
    }

    fn new_terms(&self) -> PyResult<NewTerms> {
        let trigger = self.trigger_price.map(|price| self.price_of("trigger_price", price)).transpose()?;
        Ok(NewTerms { price: self.price()?, qty: self.qty()?, trigger })
    }

    fn qty(&self) -> PyResult<Qty> {
        let qty = self.need("qty", self.qty)?;
        let qty = to_qty("qty", self.instrument, qty)?;
        let is_sound = qty.is_positive() && is_qty(qty.steps());
        if is_sound { Ok(qty) } else { Err(errors::invalid("qty", OUT_OF_RANGE)) }
    }

    fn reason(&self) -> PyResult<Reason> {
        let word = self.need("reason", self.reason)?;
        Reason::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or_else(|| {
            let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
            errors::invalid("reason", format!("{word:?} is none of {}", known.join(", ")))
        })
    }

    fn fill(&self) -> PyResult<ReportKind> {
        let fee = to_decimal("fee", self.need("fee", self.fee)?)?;
        Ok(ReportKind::Fill {
            price: self.price()?,
            qty: self.qty()?,
            liquidity: match self.need("liquidity", self.liquidity)? {
                "maker" => Liquidity::Maker,
                "taker" => Liquidity::Taker,
                other => {
                    return Err(errors::invalid("liquidity", format!("{other:?} is not maker or taker")));
                }
            },
            fee: Money::from_decimal(fee).map_err(|e| errors::decimal("fee", "", e))?,
        })
    }

    /// The kind's word, also of a venue that says where the order stands now.
    fn word(&self) -> String {
        let word = self.kind.to_ascii_lowercase();
        match word.parse() {
            Ok(OrderStatus::New) if word != "replaced" => "accepted".to_owned(),
            Ok(OrderStatus::PartiallyFilled | OrderStatus::Filled) => "fill".to_owned(),
            Ok(OrderStatus::Cancelled) => "cancelled".to_owned(),
            _ => word,
        }
    }

    /// What happened, by the kind's word.
    pub(crate) fn kind(&self) -> PyResult<ReportKind> {
        // What a kind does not have is refused: it would be lost without a word.
        const NOTHING: &[&str] = &[];
        let (kind, takes): (ReportKind, &[&str]) = match self.word().as_str() {
            "accepted" => (ReportKind::Accepted, NOTHING),
            "rejected" => (ReportKind::Rejected(self.reason()?), &["reason"]),
            "fill" => (self.fill()?, &["price", "qty", "liquidity", "fee"]),
            "cancelled" => (ReportKind::Cancelled, NOTHING),
            "cancel_rejected" => (ReportKind::CancelRejected(self.reason()?), &["reason"]),
            "replaced" => (ReportKind::Replaced(self.new_terms()?), &["price", "qty", "trigger_price"]),
            "reduced" => (ReportKind::Reduced { qty: self.qty()? }, &["qty"]),
            "repriced" => (ReportKind::Repriced { price: self.price()? }, &["price"]),
            "replace_rejected" => (ReportKind::ReplaceRejected(self.reason()?), &["reason"]),
            "expired" => (ReportKind::Expired(self.reason()?), &["reason"]),
            "triggered" => (ReportKind::Triggered, NOTHING),
            "unknown" => (ReportKind::Unknown, NOTHING),
            _ => {
                let known = "accepted, rejected, fill, cancelled, cancel_rejected, replaced, reduced, \
                             repriced, replace_rejected, triggered, expired, unknown";
                return Err(errors::invalid("kind", format!("{:?} is none of {known}", self.kind)));
            }
        };
        for (field, given) in [
            ("price", self.price.is_some()),
            ("qty", self.qty.is_some()),
            ("liquidity", self.liquidity.is_some()),
            ("fee", self.fee.is_some()),
            ("reason", self.reason.is_some()),
            ("trigger_price", self.trigger_price.is_some()),
        ] {
            if given && !takes.contains(&field) {
                return Err(errors::invalid(field, format!("a report of kind {:?} has none", self.kind)));
            }
        }
        Ok(kind)
    }
}

/// A venue's key: a number or a text.
pub(crate) fn venue_key(field: &str, value: &Bound<'_, PyAny>) -> PyResult<VenueKey> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(VenueKey::from(text.to_cow()?.as_ref()));
    }
    value.extract().map(VenueKey::Number).map_err(|_| errors::invalid(field, "expected a text or a number"))
}

/// Our number of an order, or the client id we sent with it.
pub(crate) fn order_key(order: &Bound<'_, PyAny>) -> PyResult<OrderKey> {
    if let Ok(text) = order.cast::<PyString>() {
        return Ok(OrderKey::Client(text.to_cow()?.as_ref().into()));
    }
    let number = order.cast::<PyInt>().ok().and_then(|number| number.extract().ok());
    number
        .map(OrderKey::Id)
        .ok_or_else(|| errors::invalid("order", "expected our number of it, or its client id as text"))
}
