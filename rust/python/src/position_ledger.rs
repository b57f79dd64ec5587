//! A position of one instrument, booked by hand.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::book::MarkPrice;
use tradecore_core::event::STEPS_LIMIT;
use tradecore_core::ledger;
use tradecore_core::types::{Money, Price, Qty, Side};

use crate::errors;
use crate::instrument::{Named, PyInstrument};
use crate::values::{money_to_py, to_cost_basis, to_side};

/// A position of one instrument, booked fill by fill with exact money in the settlement currency.
///
/// Parameters
/// ----------
/// instrument : Instrument
///     Gives grid, contract and fees.
/// cost_basis : "average", "fifo" or "lifo"
///     Which part of a position a fill closes: a share of all of it, what was opened first, or last.
///
/// Examples
/// --------
/// >>> ledger = tc.PositionLedger(tc.find_instrument("BTCUSDT.SYNTH"))
/// >>> ledger.apply("buy", 60000, 1)
/// Decimal('0')
/// >>> ledger.apply("sell", 60100, 1, maker=True)
/// Decimal('100')
/// >>> ledger.position(60100)["fees"]
/// Decimal('24')
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct PositionLedger {
    instrument: PyInstrument,
    math: ledger::ContractMath,
    position: Mutex<ledger::Position>,
}

impl PositionLedger {
    /// Price and quantity of a fill, in increments.
    fn terms(&self, price: &Bound<'_, PyAny>, qty: &Bound<'_, PyAny>) -> PyResult<(Price, Qty)> {
        let (price, qty) = (self.instrument.price_to_steps(price)?, self.instrument.qty_to_steps(qty)?);
        check_steps("price", price, 1)?;
        check_steps("qty", qty, 0)?;
        Ok((Price::new(price), Qty::new(qty)))
    }

    /// An amount, unless it is beyond exact money.
    fn counted(&self, amount: Result<Money, ledger::MoneyOverflow>) -> PyResult<Money> {
        amount.map_err(|error| errors::money(error.of(&self.instrument.0)))
    }
}

#[pymethods]
impl PositionLedger {
    #[new]
    #[pyo3(signature = (instrument, *, cost_basis="average"))]
    fn new(instrument: Named, cost_basis: &str) -> PyResult<Self> {
        let basis = to_cost_basis(cost_basis)?;
        let math = ledger::ContractMath::new(&instrument.0.0);
        let math = math.map_err(|error| errors::money(error.of(&instrument.0.0)))?;
        Ok(Self { instrument: instrument.0, math, position: Mutex::new(ledger::Position::new(basis)) })
    }

    /// Return the value of a quantity, in contracts (spot: base units), at a price, in the settlement currency.
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When price or quantity lie between two increments; of every method.
    /// InvalidValueError
    ///     When the price is not above 0, or the quantity is negative; of every method.
    /// RunError
    ///     When the value, or a sum of the account, is beyond 10^21 of the currency; of every method.
    fn value<'py>(
        &self,
        py: Python<'py>,
        price: &Bound<'py, PyAny>,
        qty: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (price, qty) = self.terms(price, qty)?;
        money_to_py(py, self.counted(self.math.value(price, qty))?)
    }

    /// Return the fee of a fill, in the settlement currency; negative is a rebate.
    #[pyo3(signature = (price, qty, *, maker))]
    fn fee<'py>(
        &self,
        py: Python<'py>,
        price: &Bound<'py, PyAny>,
        qty: &Bound<'py, PyAny>,
        maker: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (price, qty) = self.terms(price, qty)?;
        let fee = self.math.value(price, qty).and_then(|value| self.math.fee(value, maker));
        money_to_py(py, self.counted(fee)?)
    }

    /// Book a fill with its fee and return the profit it realised, before the fee, in the settlement currency.
    #[pyo3(signature = (side, price, qty, *, maker=false))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        side: &Bound<'py, PyAny>,
        price: &Bound<'py, PyAny>,
        qty: &Bound<'py, PyAny>,
        maker: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let side: Side = to_side(side)?;
        let (price, qty) = self.terms(price, qty)?;
        let fee = self.math.value(price, qty).and_then(|value| self.math.fee(value, maker));
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        let realized = fee.and_then(|fee| position.apply(&self.math, side, price, qty, fee));
        money_to_py(py, self.counted(realized)?)
    }

    /// Return the position marked at a price.
    ///
    /// A dictionary of ``qty`` in contracts (spot: base units), ``avg_entry_price`` in quote currency, and, in the
    /// settlement currency, ``realized_pnl``, ``unrealized_pnl``, ``fees``, ``cash`` and ``equity``.
    fn position<'py>(&self, py: Python<'py>, mark: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let mark = self.instrument.price_to_steps(mark)?;
        check_steps("mark", mark, 1)?;
        let worth_at = Some(MarkPrice::Twice(mark * 2));
        let i = &self.instrument.0;
        let position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        let out = PyDict::new(py);
        out.set_item("qty", crate::values::decimal_from_text(py, &i.format_qty(position.qty))?)?;
        let average = position.avg_entry_price();
        out.set_item("avg_entry_price", average.map(|p| p * i.price_increment.to_f64(1)))?;
        out.set_item("realized_pnl", money_to_py(py, position.realized)?)?;
        let unrealized = self.counted(position.unrealized(&self.math, worth_at))?;
        out.set_item("unrealized_pnl", money_to_py(py, unrealized)?)?;
        out.set_item("fees", money_to_py(py, position.fees)?)?;
        out.set_item("cash", money_to_py(py, position.cash)?)?;
        let equity = self.counted(position.equity(&self.math, worth_at))?;
        out.set_item("equity", money_to_py(py, equity)?)?;
        Ok(out)
    }
}

/// Raises what is said of steps that are not within bounds.
fn check_steps(name: &str, steps: i64, least: i64) -> PyResult<()> {
    if (least..=STEPS_LIMIT).contains(&steps) {
        return Ok(());
    }
    Err(errors::invalid(name, format!("{steps} increments are not from {least} to 2^60 - 1")))
}
