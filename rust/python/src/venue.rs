//! A simulated venue's settings as Python declares them: `tradecore.SimVenue`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyString;
use tradecore_core::event::EventKind;
use tradecore_core::sim::{
    Balances, Basis, ClockLead, Latency, LatencyModel, Matching, UnknownQueueModel, VenueSettings,
};
use tradecore_core::types::{Decimal, Fees, Instrument};

use crate::errors;
use crate::values::to_duration;

/// The attributes of a `SimVenue`, all of them.
#[derive(FromPyObject)]
struct Attributes<'py> {
    name: Bound<'py, PyAny>,
    latency: Bound<'py, PyAny>,
    queue: Bound<'py, PyAny>,
    maker_fee_bps: Bound<'py, PyAny>,
    taker_fee_bps: Bound<'py, PyAny>,
    basis: Bound<'py, PyAny>,
    clock_lead: Bound<'py, PyAny>,
    uncross: Bound<'py, PyAny>,
    accounts: Bound<'py, PyAny>,
    self_trade: Bound<'py, PyAny>,
    balances: Bound<'py, PyAny>,
    borrowing: Bound<'py, PyAny>,
}

/// The attributes of a `Latency`.
#[derive(FromPyObject)]
struct Legs<'py> {
    entry: Bound<'py, PyAny>,
    response: Bound<'py, PyAny>,
    feed: Bound<'py, PyAny>,
}

/// A venue's settings, and the fees that go before those of its instruments.
pub(crate) struct SimVenue {
    settings: VenueSettings,
    fees: Fees,
}

impl SimVenue {
    /// The settings, and an instrument as the venue trades it.
    pub(crate) fn trading(&self, instrument: &Arc<Instrument>) -> (VenueSettings, Arc<Instrument>) {
        let Self { settings, fees } = self;
        let own = *fees != Fees::default();
        (settings.clone(), if own { Arc::new(instrument.with_fees(*fees)) } else { Arc::clone(instrument) })
    }
}

impl<'py> FromPyObject<'_, 'py> for SimVenue {
    type Error = PyErr;
    fn extract(venue: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let given: Attributes<'py> = venue.extract()?;
        if to_text("name", "the name of a venue", &given.name)?.is_empty() {
            return Err(unexpected("name", "the name of a venue", &given.name));
        }
        let fees = Fees::new(
            to_fee("maker_fee_bps", &given.maker_fee_bps)?,
            to_fee("taker_fee_bps", &given.taker_fee_bps)?,
        );
        Ok(Self {
            settings: VenueSettings::try_from(&given)?,
            fees: fees.map_err(|error| errors::invalid(error.field, error.problem))?,
        })
    }
}

impl TryFrom<&Attributes<'_>> for VenueSettings {
    type Error = PyErr;
    fn try_from(given: &Attributes<'_>) -> PyResult<Self> {
        let settings = Self {
            latency: to_latency(&given.latency)?,
            queue: to_text("queue", "the name of a queue model", &given.queue)?
                .parse()
                .map_err(|error: UnknownQueueModel| errors::invalid("queue", error.to_string()))?,
            basis: to_text("basis", "a word", &given.basis)?.parse().map_err(errors::settings)?,
            clock_lead: to_clock_lead(&given.clock_lead)?,
            uncross: to_text("uncross", "a word", &given.uncross)?.parse().map_err(errors::settings)?,
            matching: Matching {
                accounts: to_text("accounts", "a word", &given.accounts)?
                    .parse()
                    .map_err(errors::settings)?,
                self_trade: to_text("self_trade", "a word", &given.self_trade)?
                    .parse()
                    .map_err(errors::settings)?,
            },
            balances: to_balances(&given.balances, &given.borrowing)?,
        };
        settings.check().map_err(errors::settings)?;
        Ok(settings)
    }
}

/// What each account holds, where that is asked for.
fn to_balances(given: &Bound<'_, PyAny>, borrowing: &Bound<'_, PyAny>) -> PyResult<Option<Balances>> {
    let may_borrow = match to_text("borrowing", "a word", borrowing)?.as_str() {
        "refused" => false,
        "allowed" => true,
        other => return Err(errors::invalid("borrowing", format!("{other:?} is not refused or allowed"))),
    };
    if given.is_none() {
        return Ok(None);
    }
    let text = to_text("balances", "amounts of currencies such as \"0.5 BTC, 1000 USDT\"", given)?;
    Balances::parse(&text, may_borrow).map(Some).map_err(errors::settings)
}

fn unexpected(field: &str, what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    given
        .repr()
        .map_or_else(|error| error, |shown| errors::invalid(field, format!("expected {what}, got {shown}")))
}

fn to_text(field: &str, what: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = given.cast::<PyString>().map_err(|_| unexpected(field, what, given))?;
    Ok(text.to_cow()?.into_owned())
}

/// A fee in basis points, exactly as it is written.
fn to_fee(field: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<Decimal>> {
    if given.is_none() {
        return Ok(None);
    }
    given.str()?.to_cow()?.parse().map(Some).map_err(|error| errors::decimal(field, "", error))
}

fn to_latency(given: &Bound<'_, PyAny>) -> PyResult<Latency> {
    let legs: Legs<'_> = given.extract().map_err(|_| unexpected("latency", "a Latency", given))?;
    let leg = |field: &str, ns| to_duration(field, ns, 0).map(LatencyModel::Constant);
    Ok(Latency {
        entry: leg("entry", &legs.entry)?,
        response: leg("response", &legs.response)?,
        feed: if legs.feed.is_none() { None } else { Some(leg("feed", &legs.feed)?) },
    })
}

fn to_clock_lead(given: &Bound<'_, PyAny>) -> PyResult<ClockLead> {
    let field = "clock_lead";
    let Ok(text) = given.cast::<PyString>() else {
        return to_duration(field, given, 0).map(ClockLead::Ns);
    };
    if text.to_cow()? == "auto" {
        return Ok(ClockLead::Auto);
    }
    let what = "\"auto\" or a length of time such as \"5ms\"";
    to_duration(field, given, 0).map(ClockLead::Ns).map_err(|_| unexpected(field, what, given))
}

/// Raise InvalidValueError naming the first setting that a venue cannot have.
#[pyfunction]
pub(crate) fn check_venue(venue: &Bound<'_, PyAny>) -> PyResult<()> {
    venue.extract::<SimVenue>().map(drop)
}

/// Raise InvalidValueError naming the first leg that takes no length of time.
#[pyfunction]
pub(crate) fn check_latency(latency: &Bound<'_, PyAny>) -> PyResult<()> {
    to_latency(latency).map(drop)
}

/// Return what orders fill against by a venue's ``basis`` over data that holds these kinds of events.
#[pyfunction]
pub(crate) fn fill_basis(basis: &str, holds: Vec<u8>) -> PyResult<&'static str> {
    let basis: Basis = basis.parse().map_err(errors::settings)?;
    let holds = holds.into_iter().filter_map(EventKind::from_column).collect();
    Ok(basis.resolve(holds).as_str())
}
