//! What the profit of fills is made of.

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use tradecore_core::ledger::{ContractMath, ProfitParts};
use tradecore_core::types::{Price, Qty, Side};

use crate::columns::slice_of;
use crate::errors;
use crate::instrument::PyInstrument;
use crate::values::money_to_py;

/// Spread, adverse selection and inventory of a group.
type Parts<'py> = [Bound<'py, PyAny>; 3];

/// Split the profit of an instrument's fills, before fees, and sum it up by group.
///
/// Parameters
/// ----------
/// instrument : Instrument
/// groups : uint32 (n,)
///     The group of each fill.
/// count : int
///     How many groups there are.
/// sides : int8 (n,)
///     1 of what was bought, -1 of what was sold.
/// prices, quantities : float64 (n,)
///     On the instrument's grid; quote currency, contracts (spot: base units).
/// mids_at_fill, mids_later, mids_at_end : float64 (n,)
///     The mid right before each fill, at its horizon, and where its position is marked, quote currency; NaN for one
///     that is not known, which is taken to be the one before it, the first of all the price.
///
/// Returns
/// -------
/// list of list of Decimal
///     Of each group ``spread, adverse_selection, inventory`` in the settlement currency, exact.
///
/// Raises
/// ------
/// InvalidValueError
///     For arrays that differ in length, and a group that is not there.
/// RunError
///     For sums beyond exact money.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "keywords in Python")]
#[pyo3(signature = (instrument, groups, count, *, sides, prices, quantities, mids_at_fill, mids_later, mids_at_end))]
pub(crate) fn profit_parts<'py>(
    py: Python<'py>,
    instrument: &PyInstrument,
    groups: PyReadonlyArray1<'py, u32>,
    count: usize,
    sides: PyReadonlyArray1<'py, i8>,
    prices: PyReadonlyArray1<'py, f64>,
    quantities: PyReadonlyArray1<'py, f64>,
    mids_at_fill: PyReadonlyArray1<'py, f64>,
    mids_later: PyReadonlyArray1<'py, f64>,
    mids_at_end: PyReadonlyArray1<'py, f64>,
) -> PyResult<Vec<Parts<'py>>> {
    let instrument = &instrument.0;
    let (groups, sides) = (slice_of(&groups, "groups")?, slice_of(&sides, "sides")?);
    let (prices, quantities) = (slice_of(&prices, "prices")?, slice_of(&quantities, "quantities")?);
    let mids = [
        slice_of(&mids_at_fill, "mids_at_fill")?,
        slice_of(&mids_later, "mids_later")?,
        slice_of(&mids_at_end, "mids_at_end")?,
    ];
    let columns = [sides.len(), prices.len(), quantities.len(), mids[0].len(), mids[1].len(), mids[2].len()];
    if columns.into_iter().any(|len| len != groups.len()) {
        return Err(errors::invalid("groups", "the arrays differ in length"));
    }
    let refused = |error: tradecore_core::ledger::MoneyOverflow| errors::money(error.of(instrument));
    let math = ContractMath::new(instrument).map_err(refused)?;
    let [price_step, qty_step] =
        [&instrument.price_increment, &instrument.qty_increment].map(|i| i.to_f64(1));
    let steps = |value: f64, step: f64| (value / step).round() as i64;
    let mut sums = vec![ProfitParts::default(); count];
    for (row, &group) in groups.iter().enumerate() {
        let Some(sum) = sums.get_mut(group as usize) else {
            return Err(errors::invalid("groups", format!("there is no group {group} of {count}")));
        };
        let side = if sides[row] < 0 { Side::Sell } else { Side::Buy };
        let (price, qty) = (steps(prices[row], price_step), steps(quantities[row], qty_step));
        let twice_mids = mids.map(|mids| {
            let mid = mids[row];
            (!mid.is_nan()).then(|| steps(mid * 2.0, price_step))
        });
        let parts = ProfitParts::of(&math, side, Price::new(price), Qty::new(qty), twice_mids);
        *sum = parts.and_then(|parts| sum.plus(parts)).map_err(refused)?;
    }
    let told = |sum: ProfitParts| {
        let ProfitParts { spread, adverse_selection, inventory } = sum;
        Ok([money_to_py(py, spread)?, money_to_py(py, adverse_selection)?, money_to_py(py, inventory)?])
    };
    sums.into_iter().map(told).collect()
}
