//! The core's vocabulary by name and value, so that Python's can be held against it.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::book::BookState;
use tradecore_core::event::{EventKind, FLAG_LAST, FLAG_SNAPSHOT};
use tradecore_core::kernel::SignalAction;
use tradecore_core::orders::{FillEvent, Liquidity, ORDER_KINDS, OrderStatus, TimeInForce, UnknownStatus};
use tradecore_core::risk::Check;
use tradecore_core::types::{InstrumentKind, OptionSide, Side, UnknownSide, snake_case};

use crate::errors;

/// A dictionary of an enum's variants, all of them: one that is not listed does not compile.
macro_rules! words {
    ($py:expr, $value:expr, $name:ident { $($variant:ident),+ }) => {{
        let value: fn($name) -> _ = $value;
        let word = |variant: $name| match variant {
            $($name::$variant => snake_case(stringify!($variant)),)+
        };
        let dict = PyDict::new($py);
        for variant in [$($name::$variant),+] {
            dict.set_item(word(variant), value(variant))?;
        }
        (stringify!($name), dict)
    }};
}

/// Return the value of the ``Side`` that a word means: ``buy`` or ``bid``, ``sell`` or ``ask``.
///
/// Raises
/// ------
/// InvalidValueError
///     For any other word.
#[pyfunction]
pub(crate) fn side_of(word: &str) -> PyResult<i64> {
    word.parse().map(Side::sign).map_err(|error: UnknownSide| errors::invalid("side", error.to_string()))
}

/// Return the value of the ``OrderStatus`` that a word means, ours or one of others for the same.
///
/// Raises
/// ------
/// InvalidValueError
///     For any other word.
#[pyfunction]
pub(crate) fn order_status_of(word: &str) -> PyResult<i64> {
    let status: Result<OrderStatus, UnknownStatus> = word.parse();
    status.map(|status| status as i64).map_err(|error| errors::invalid("status", error.to_string()))
}

/// Return the words of the core's enums and flags with their values, by the name of the enum.
#[pyfunction]
pub(crate) fn vocabulary(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let flags = PyDict::new(py);
    flags.set_item("last", FLAG_LAST)?;
    flags.set_item("snapshot", FLAG_SNAPSHOT)?;
    let option_sides = PyDict::new(py);
    for side in [OptionSide::Call, OptionSide::Put] {
        option_sides.set_item(side.as_str(), side.as_str())?;
    }
    // These hold data: their words stand in the core.
    let kinds = PyDict::new(py);
    for word in InstrumentKind::WORDS {
        kinds.set_item(word, word)?;
    }
    let order_types = PyDict::new(py);
    for (code, word) in ORDER_KINDS.into_iter().enumerate() {
        order_types.set_item(word, code)?;
    }
    let lives = PyDict::new(py);
    for time_in_force in TimeInForce::ALL {
        lives.set_item(time_in_force.as_str(), time_in_force.code())?;
    }
    let checks = PyDict::new(py);
    for check in Check::ALL {
        checks.set_item(check.as_str(), check.as_str())?;
    }
    let out = PyDict::new(py);
    for (name, words) in [
        ("InstrumentKind", kinds),
        ("OptionSide", option_sides),
        ("RiskCheck", checks),
        words!(py, |side| side as i64, Side { Buy, Sell }),
        words!(py, |action| action as i64, SignalAction { Buy, Hold, Sell }),
        words!(
            py,
            |kind| kind as i64,
            EventKind {
                BookClear,
                BookSet,
                Trade,
                Quote,
                Mark,
                Index,
                Funding,
                OpenInterest,
                Liquidation,
                OrderAdd,
                OrderModify,
                OrderCancel,
                OrderExecute,
                OffBookTrade,
                BarOpen,
                BarHigh,
                BarLow,
                BarClose
            }
        ),
        ("EventFlag", flags),
        words!(py, |state| state as i64, BookState { Empty, Buffering, Synced, Gap, Stale }),
        ("OrderType", order_types),
        ("TimeInForce", lives),
        words!(
            py,
            |status| status as i64,
            OrderStatus {
                PendingNew,
                New,
                PartiallyFilled,
                Filled,
                Cancelled,
                Rejected,
                Expired,
                PendingCancel,
                PendingReplace,
                Unknown
            }
        ),
        words!(py, |event| event as i64, FillEvent { Print, Book, Taker, OwnOrder }),
        words!(py, |liquidity| liquidity as i64, Liquidity { Maker, Taker }),
    ] {
        out.set_item(name, words)?;
    }
    Ok(out)
}
