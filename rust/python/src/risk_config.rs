//! Limits and stops as Python declares them: `tradecore.RiskLimits`.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use tradecore_core::ledger::Brackets;
use tradecore_core::orders::TriggerBy;
use tradecore_core::risk::{
    BadLimit, Check, Counts, Distance, Limits, MarginTerms, OnTrip, RiskConfig, Rung, StopConfig, StopTerms,
    parse_amount,
};
use tradecore_core::sim::{Maintenance, MarginRules};
use tradecore_core::types::{BySymbol, format_duration};

use crate::errors;
use crate::files::brackets_of;
use crate::values::{text_of, to_duration};

pub(crate) fn bad(error: BadLimit) -> PyErr {
    errors::invalid(&error.field, error.problem)
}

/// A limit as it is given: lengths of time may be a `timedelta`.
pub(crate) fn set(limits: &mut Limits, check: Check, given: &Bound<'_, PyAny>) -> PyResult<()> {
    let text = if check.counts() == Counts::Length {
        format_duration(to_duration(check.as_str(), given, 1)?)
    } else {
        text_of(given)?
    };
    limits.parse(check, &text).map_err(bad)
}

/// The limits among the attributes of an object.
fn to_limits(given: &Bound<'_, PyAny>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    for check in Check::ALL.into_iter().filter(|check| check.is_limit()) {
        let value = given.getattr(check.as_str())?;
        if !value.is_none() {
            set(&mut limits, check, &value)?;
        }
    }
    Ok(limits)
}

/// Sets of limits by a name.
fn to_named(field: &str, given: &Bound<'_, PyAny>) -> PyResult<BTreeMap<String, Limits>> {
    let mut named = BTreeMap::new();
    for item in given.call_method0("items")?.try_iter()? {
        let (name, set): (String, Bound<'_, PyAny>) = item?.extract()?;
        let limits =
            to_limits(&set).map_err(|error| inside(&format!("{field}.{name}"), given.py(), error))?;
        named.insert(name, limits);
    }
    Ok(named)
}

/// Stops by a name, of the sets of limits that have some.
fn to_named_stops(field: &str, given: &Bound<'_, PyAny>) -> PyResult<BTreeMap<String, Arc<StopTerms>>> {
    let mut named = BTreeMap::new();
    for item in given.call_method0("items")?.try_iter()? {
        let (name, set): (String, Bound<'_, PyAny>) = item?.extract()?;
        let place = format!("{field}.{name}");
        if let Some(stops) = stops_of(&set).map_err(|error| inside(&place, given.py(), error))? {
            named.insert(name, stops);
        }
    }
    Ok(named)
}

/// The stops among limits, where there are any.
fn stops_of(given: &Bound<'_, PyAny>) -> PyResult<Option<Arc<StopTerms>>> {
    let stops = given.getattr("stops")?;
    if stops.is_none() {
        return Ok(None);
    }
    to_stops(&stops).map(|stops| Some(Arc::new(stops))).map_err(|error| inside("stops", given.py(), error))
}

/// Stops as Python declares them: `tradecore.Stops`.
pub(crate) fn to_stops(given: &Bound<'_, PyAny>) -> PyResult<StopTerms> {
    let field = |name: &str| given.getattr(name).map(|value| (!value.is_none()).then_some(value));
    let distance = |name: &str| {
        field(name)?.map(|value| Distance::parse(name, &text_of(&value)?).map_err(bad)).transpose()
    };
    let mut take_profit = Vec::new();
    for rung in given.getattr("take_profit")?.try_iter()? {
        let (at, share): (Bound<'_, PyAny>, Bound<'_, PyAny>) = rung?.extract()?;
        take_profit.push(Rung {
            at: Distance::parse("take_profit", &text_of(&at)?).map_err(bad)?,
            share: parse_amount("take_profit", &text_of(&share)?).map_err(bad)?,
        });
    }
    let word = text_of(&given.getattr("trigger")?)?;
    let trigger = TriggerBy::ALL.into_iter().find(|by| by.as_str() == word);
    let stops = StopTerms {
        stop_loss: distance("stop_loss")?,
        trailing: distance("trailing")?,
        trailing_from: distance("trailing_from")?,
        take_profit,
        break_even: distance("break_even")?,
        time: field("time")?.map(|time| to_duration("time", &time, 1)).transpose()?,
        max_loss: field("max_loss")?
            .map(|most| parse_amount("max_loss", &text_of(&most)?).map_err(bad))
            .transpose()?,
        trigger: trigger.ok_or_else(|| {
            let words = TriggerBy::ALL.map(TriggerBy::as_str).join(", ");
            errors::invalid("trigger", format!("{word:?} is none of {words}"))
        })?,
    };
    stops.check().map_err(bad)?;
    Ok(stops)
}

/// Raise InvalidValueError naming the first field of stops that cannot be one.
#[pyfunction]
pub(crate) fn check_stops(stops: &Bound<'_, PyAny>) -> PyResult<()> {
    to_stops(stops).map(drop)
}

/// The same error of a field of a set inside.
fn inside(place: &str, py: Python<'_>, error: PyErr) -> PyErr {
    let text = |name: &str| error.value(py).getattr(name).and_then(|value| value.extract::<String>());
    match (text("field"), text("problem")) {
        (Ok(field), Ok(problem)) => errors::invalid(&format!("{place}.{field}"), problem),
        _ => error,
    }
}

/// Brackets of a file, none where it is not to be looked at yet.
type ReadBrackets = PyResult<Option<BySymbol<Brackets>>>;

/// The brackets of a file, where limits are to be held.
pub(crate) fn held(file: &str) -> ReadBrackets {
    brackets_of(file).map(Some)
}

/// What initial margin is counted by.
fn to_margin(
    given: &Bound<'_, PyAny>,
    brackets: impl Fn(&str) -> ReadBrackets,
) -> PyResult<Option<MarginTerms>> {
    let (leverage, maintenance) = (given.getattr("leverage")?, given.getattr("maintenance")?);
    if leverage.is_none() {
        return if maintenance.is_none() {
            Ok(None)
        } else {
            Err(errors::invalid("leverage", "missing: maintenance goes with it"))
        };
    }
    let said = |field: &'static str| move |problem: String| errors::invalid(field, problem);
    let leverage = MarginRules::leverage(&text_of(&leverage)?).map_err(said("leverage"))?;
    let brackets = if maintenance.is_none() {
        None
    } else {
        match MarginRules::maintenance(&text_of(&maintenance)?).map_err(said("maintenance"))? {
            Maintenance::Given(given) => Some(given),
            Maintenance::File(file) => brackets(&file)?,
        }
    };
    Ok(Some(MarginTerms { leverage, brackets }))
}

/// The limits of a session.
pub(crate) fn to_risk(
    given: &Bound<'_, PyAny>,
    brackets: impl Fn(&str) -> ReadBrackets,
) -> PyResult<RiskConfig> {
    let text = |field: &str| text_of(&given.getattr(field)?);
    let capital = given.getattr("capital")?;
    let on_trip = text("on_trip")?;
    let config = RiskConfig {
        account: to_limits(given)?,
        venues: to_named("venues", &given.getattr("venues")?)?,
        instruments: to_named("instruments", &given.getattr("instruments")?)?,
        strategies: to_named("strategies", &given.getattr("strategies")?)?,
        capital: if capital.is_none() {
            None
        } else {
            Some(parse_amount("capital", &text_of(&capital)?).map_err(bad)?)
        },
        margin: to_margin(given, brackets)?,
        on_trip: OnTrip::ALL.into_iter().find(|does| does.as_str() == on_trip).ok_or_else(|| {
            let words = OnTrip::ALL.map(OnTrip::as_str).join(", ");
            errors::invalid("on_trip", format!("{on_trip:?} is none of {words}"))
        })?,
        cooldown: to_duration("cooldown", &given.getattr("cooldown")?, 0)?,
        auto_resume: given
            .getattr("auto_resume")?
            .extract()
            .map_err(|_| errors::invalid("auto_resume", "is not True or False"))?,
        day_begins: to_duration("day_begins", &given.getattr("day_begins")?, 0)?,
        stops: StopConfig {
            account: stops_of(given)?,
            venues: to_named_stops("venues", &given.getattr("venues")?)?,
            instruments: to_named_stops("instruments", &given.getattr("instruments")?)?,
            strategies: to_named_stops("strategies", &given.getattr("strategies")?)?,
        },
    };
    config.check_sets().map_err(bad)?;
    Ok(config)
}

/// The limits of a session, where there are any.
pub(crate) fn to_optional_risk(given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Arc<RiskConfig>>> {
    let Some(given) = given else { return Ok(None) };
    let config = to_risk(given, held)?;
    config.check().map_err(|error| errors::invalid(&format!("risk.{}", error.field), error.problem))?;
    Ok(Some(Arc::new(config)))
}

/// Raise InvalidValueError naming the first limit that cannot be one.
#[pyfunction]
pub(crate) fn check_risk(limits: &Bound<'_, PyAny>) -> PyResult<()> {
    to_risk(limits, |_| Ok(None)).map(drop)
}
