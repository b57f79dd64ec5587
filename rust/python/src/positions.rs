//! What strategies hold when a run ends.

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use tradecore_core::book::MarkPrice;
use tradecore_core::kernel::Kernel;
use tradecore_core::ledger::Position;
use tradecore_core::types::{Instrument, MarketId, Money, Qty};

use crate::errors;
use crate::values::{money_to_py, qty_to_py};

/// The positions at the end of a run, and what was traded in it.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct FinalPositions {
    strategies: Vec<String>,
    instruments: Vec<Arc<Instrument>>,
    /// Of every strategy in every market, with what it would bring at its mark.
    held: Vec<Vec<(Position, Money)>>,
    /// What everybody traded in every market of a run.
    traded: Vec<Qty>,
}

impl FinalPositions {
    pub(crate) fn of(
        kernel: &Kernel,
        instruments: &[Arc<Instrument>],
        marks: impl Iterator<Item = Option<MarkPrice>>,
        traded: Vec<Qty>,
    ) -> PyResult<Self> {
        let in_market = |(market, mark)| {
            let market = MarketId::new(market);
            let math = kernel.math(market);
            let unrealized = |position: &Position| {
                let unrealized = position.unrealized(math, position.mark(math, mark));
                unrealized.map_err(|error| errors::money(error.of(kernel.instrument(market))))
            };
            kernel.positions_in(market).map(|held| Ok((held.clone(), unrealized(held)?))).collect()
        };
        Ok(Self {
            strategies: kernel.strategies().map(|(name, _)| name.to_owned()).collect(),
            instruments: instruments.to_vec(),
            held: marks.enumerate().map(in_market).collect::<PyResult<_>>()?,
            traded,
        })
    }
}

#[pymethods]
impl FinalPositions {
    /// Return one row a strategy and instrument, instrument by instrument.
    ///
    /// Each has ``strategy``, ``instrument``, ``qty`` in contracts (spot: base units), ``avg_entry_price`` in quote
    /// currency, ``realized_pnl``, ``unrealized_pnl``, ``fees``, ``funding``, ``interest`` and ``cash`` in the
    /// settlement currency, and ``fills``, their number.
    pub(crate) fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        let names: Vec<_> = self.strategies.iter().map(|name| PyString::new(py, name)).collect();
        for (instrument, held) in self.instruments.iter().zip(&self.held) {
            let id = PyString::new(py, instrument.id.as_str());
            for (strategy, (position, unrealized)) in names.iter().zip(held) {
                let average = position.avg_entry_price();
                let row = PyDict::new(py);
                row.set_item(intern!(py, "strategy"), strategy)?;
                row.set_item(intern!(py, "instrument"), &id)?;
                row.set_item(intern!(py, "qty"), qty_to_py(py, instrument, position.qty)?)?;
                row.set_item(
                    intern!(py, "avg_entry_price"),
                    average.map(|price| price * instrument.price_increment.to_f64(1)),
                )?;
                row.set_item(intern!(py, "realized_pnl"), money_to_py(py, position.realized)?)?;
                row.set_item(intern!(py, "unrealized_pnl"), money_to_py(py, *unrealized)?)?;
                row.set_item(intern!(py, "fees"), money_to_py(py, position.fees)?)?;
                row.set_item(intern!(py, "funding"), money_to_py(py, position.funding)?)?;
                row.set_item(intern!(py, "interest"), money_to_py(py, position.interest)?)?;
                row.set_item(intern!(py, "cash"), money_to_py(py, position.cash)?)?;
                row.set_item(intern!(py, "fills"), position.fills)?;
                row.set_item(intern!(py, "volume"), qty_to_py(py, instrument, position.volume)?)?;
                row.set_item(intern!(py, "turnover"), money_to_py(py, position.turnover)?)?;
                rows.append(row)?;
            }
        }
        Ok(rows)
    }

    /// Return what was filled in the run and traded in its data, ``filled`` and ``traded``, by instrument.
    fn volumes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        for ((instrument, held), traded) in self.instruments.iter().zip(&self.held).zip(&self.traded) {
            let filled = held.iter().fold(0i64, |sum, (position, _)| sum.saturating_add(position.volume));
            let told = PyDict::new(py);
            told.set_item(intern!(py, "filled"), qty_to_py(py, instrument, filled)?)?;
            told.set_item(intern!(py, "traded"), qty_to_py(py, instrument, traded.steps())?)?;
            out.set_item(instrument.id.as_str(), told)?;
        }
        Ok(out)
    }
}
