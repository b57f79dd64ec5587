//! One match from each core error to the Python exception that carries its fields.

use std::fmt::Display;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyString;
use tradecore_catalog::PartError;
use tradecore_core::backtest::{BadReporting, RunError as CoreRunError};
use tradecore_core::decode::{DecodeError, PlacedError};
use tradecore_core::event::FeedError;
use tradecore_core::kernel::{HookError as CoreHookError, KernelError, LoadError, SaveError, SetupError};
use tradecore_core::orders::OrderError as CoreOrderError;
use tradecore_core::sim::SettingsError;
use tradecore_core::types::{
    BadName, DecimalError, Instrument, InstrumentError as CoreInstrumentError, TermsError,
};

mod python {
    pyo3::import_exception!(tradecore.errors, CatalogError);
    pyo3::import_exception!(tradecore.errors, ContextError);
    pyo3::import_exception!(tradecore.errors, DataError);
    pyo3::import_exception!(tradecore.errors, FeatureError);
    pyo3::import_exception!(tradecore.errors, GridError);
    pyo3::import_exception!(tradecore.errors, HookError);
    pyo3::import_exception!(tradecore.errors, InstrumentError);
    pyo3::import_exception!(tradecore.errors, InvalidValueError);
    pyo3::import_exception!(tradecore.errors, OffGridError);
    pyo3::import_exception!(tradecore.errors, OrderError);
    pyo3::import_exception!(tradecore.errors, RunError);
    pyo3::import_exception!(tradecore.errors, StrategyError);
    pyo3::import_exception!(tradecore.errors, UnknownInstrumentError);
    pyo3::import_exception!(tradecore.errors, UnsupportedOrderError);
}
pub(crate) use python::{
    CatalogError, ContextError, DataError, FeatureError, GridError, HookError, InstrumentError,
    InvalidValueError, OffGridError, OrderError, RunError, StrategyError, UnknownInstrumentError,
    UnsupportedOrderError,
};

/// A decimal that is no `field` of `instrument`.
pub(crate) fn decimal(field: &str, instrument: &str, error: DecimalError) -> PyErr {
    match error {
        DecimalError::OffGrid { value, step } => {
            OffGridError::new_err((field.to_owned(), value, step, instrument.to_owned()))
        }
        other => InvalidValueError::new_err((field.to_owned(), other.to_string())),
    }
}

pub(crate) fn invalid(field: &str, problem: impl Into<String>) -> PyErr {
    InvalidValueError::new_err((field.to_owned(), problem.into()))
}

pub(crate) fn instrument(error: CoreInstrumentError) -> PyErr {
    match error {
        CoreInstrumentError::BadField { id, field, problem } => {
            InstrumentError::new_err((id, field, problem))
        }
        CoreInstrumentError::BadName(error) => {
            InstrumentError::new_err((error.text, "id", error.problem.to_string()))
        }
        CoreInstrumentError::BadId(id) => InstrumentError::new_err((id, "id", "is not SYMBOL.VENUE")),
        other => InstrumentError::new_err(("", "", other.to_string())),
    }
}

/// A term of a specification that does not fit its kind.
pub(crate) fn terms(id: &str, error: TermsError) -> PyErr {
    InstrumentError::new_err((id.to_owned(), error.field, error.problem))
}

pub(crate) fn part(error: PartError) -> PyErr {
    CatalogError::new_err((error.path.into_os_string(), error.problem.to_string()))
}

/// What becomes of a capture with lines that are no messages.
pub(crate) const SKIP_HINT: &str =
    "--on-error skip (on_error=\"skip\") leaves out what is no message and keeps the rest";

pub(crate) fn placed(error: PlacedError) -> PyErr {
    let problem = match &error.error {
        DecodeError::Rubbish(problem) => format!("{problem}; {SKIP_HINT}"),
        problem => problem.to_string(),
    };
    undecoded((error.source_name, error.line), problem, error.error)
}

/// A frame that cannot be decoded.
pub(crate) fn frame(error: DecodeError) -> PyErr {
    undecoded(("frame".into(), 0), error.to_string(), error)
}

/// What cannot be decoded at a place, and the problem with it in words.
fn undecoded((source, line): (String, u64), problem: String, error: DecodeError) -> PyErr {
    match error {
        DecodeError::Grid { value, step, .. } => GridError::new_err((source, line, problem, value, step)),
        _ => DataError::new_err((source, line, problem)),
    }
}

/// An amount that is beyond exact money.
pub(crate) fn money(error: impl Display) -> PyErr {
    RunError::new_err(error.to_string())
}

pub(crate) fn order(error: CoreOrderError) -> PyErr {
    match error {
        CoreOrderError::OffGrid { instrument, field, value, step, since } => {
            OffGridError::new_err((field, value, step, instrument, since))
        }
        CoreOrderError::NotPositive { instrument, field, value } => {
            invalid(field, format!("{value} of {instrument} must be greater than zero"))
        }
        CoreOrderError::OutOfRange { .. } => invalid("price", error.to_string()),
        CoreOrderError::TooLarge { field, .. } => invalid(field, error.to_string()),
        CoreOrderError::Name(error) => name("client_id", &error),
        CoreOrderError::Unsupported { instrument, field, value, takes } => {
            UnsupportedOrderError::new_err((instrument, field, value, takes))
        }
        other => OrderError::new_err(other.to_string()),
    }
}

/// The same error of an order, but that a price or quantity off the grid is told the step of orders at a time.
pub(crate) fn in_force(py: Python<'_>, error: PyErr, instrument: &Instrument, at: i64) -> PyErr {
    if !error.is_instance_of::<OffGridError>(py) {
        return error;
    }
    let text = |name: &str| error.value(py).getattr(name)?.extract::<String>();
    let (Ok(field), Ok(value)) = (text("field"), text("value")) else { return error };
    let terms = instrument.terms_at(at);
    let step = match field.as_str() {
        "price" | "trigger_price" | "trailing_offset" => {
            instrument.price_increment.to_decimal(terms.tick_size)
        }
        _ => instrument.qty_increment.to_decimal(terms.lot_size),
    };
    let id = instrument.id.to_string();
    OffGridError::new_err((field, value, step.to_string(), id, instrument.since(at)))
}

/// What cannot be a name.
pub(crate) fn name(field: &str, error: &BadName) -> PyErr {
    invalid(field, format!("{:?} {}", error.text, error.problem))
}

/// A setting no venue can have.
pub(crate) fn settings(error: SettingsError) -> PyErr {
    invalid(error.field, error.problem)
}

pub(crate) fn run(error: CoreRunError) -> PyErr {
    match error {
        CoreRunError::Kernel(error) => kernel(error),
        CoreRunError::Source { instrument, message } => DataError::new_err((instrument, 0, message)),
        CoreRunError::Columns { instrument, rows, error } => {
            DataError::new_err((instrument, 0, format!("after {rows} rows: {error}")))
        }
        CoreRunError::Settings { error, .. } => settings(error),
        CoreRunError::Reporting(error) => reporting(error),
        CoreRunError::Setup(error) => setup(error),
        other => RunError::new_err(other.to_string()),
    }
}

/// A set-up of which there is no kernel.
pub(crate) fn setup(error: SetupError) -> PyErr {
    match error {
        SetupError::Risk(error) => invalid(&error.field, error.problem),
        other => RunError::new_err(other.to_string()),
    }
}

/// What a run cannot be reported in.
pub(crate) fn reporting(error: BadReporting) -> PyErr {
    invalid(&error.field, error.problem)
}

/// What ended a stream of a catalog's events, those of an instrument.
pub(crate) fn feed(instrument: &Instrument, failure: FeedError<PartError>) -> PyErr {
    match failure {
        FeedError::Source(error) => part(error),
        FeedError::Columns(rows, error) => {
            run(CoreRunError::Columns { instrument: instrument.id.to_string(), rows, error })
        }
    }
}

/// What a kernel did not take, or cannot go on from.
pub(crate) fn kernel(error: KernelError) -> PyErr {
    match error {
        KernelError::StrategyFailed { name, traceback } => StrategyError::new_err((name, traceback)),
        KernelError::UnknownMarket(market) => invalid("market", format!("{market} is none of this session")),
        KernelError::UnknownStrategy(strategy) => {
            invalid("strategy", format!("{strategy} is none of this session"))
        }
        KernelError::Order(error) => order(error),
        KernelError::Interrupted => PyKeyboardInterrupt::new_err(()),
        other => RunError::new_err(other.to_string()),
    }
}

/// A state that was not saved.
pub(crate) fn save(error: SaveError) -> PyErr {
    match error {
        SaveError::Strategy { name, error: CoreHookError::Failed(text) } => {
            StrategyError::new_err((name, text))
        }
        SaveError::Strategy { error: CoreHookError::Interrupted, .. } => PyKeyboardInterrupt::new_err(()),
        other => RunError::new_err(other.to_string()),
    }
}

/// A state that was not loaded.
pub(crate) fn load(error: LoadError) -> PyErr {
    match error {
        LoadError::Strategy { name, error: CoreHookError::Failed(text) } => {
            StrategyError::new_err((name, text))
        }
        LoadError::Strategy { error: CoreHookError::Interrupted, .. } => PyKeyboardInterrupt::new_err(()),
        other => invalid("state", other.to_string()),
    }
}

/// An exception as text with its traceback, as Python would print it.
pub(crate) fn traceback(py: Python<'_>, error: &PyErr) -> String {
    let format = || -> PyResult<String> {
        let parts = (error.get_type(py), error.value(py), error.traceback(py));
        let lines = py.import("traceback")?.call_method1("format_exception", parts)?;
        PyString::new(py, "").call_method1("join", (lines,))?.extract()
    };
    format().unwrap_or_else(|_| error.to_string())
}
