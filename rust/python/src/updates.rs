//! What a venue publishes beside book and trades, and bars: values a strategy is told and may keep.

use std::sync::Arc;

use pyo3::prelude::*;
use tradecore_core::bars;
use tradecore_core::kernel::{Funding, Stat, Trade};
use tradecore_core::types::Instrument;

use crate::records::side_to_py;
use crate::values::fine;

/// A mark or index price.
#[pyclass(frozen, get_all, module = "tradecore")]
pub(crate) struct ReferencePrice {
    instrument: String,
    price: f64,
    ts_event: i64,
}

#[pymethods]
impl ReferencePrice {
    fn __repr__(&self) -> String {
        format!("<ReferencePrice {} {}>", self.instrument, self.price)
    }
}

/// A funding rate as the venue published it.
#[pyclass(frozen, get_all, module = "tradecore")]
pub(crate) struct FundingRate {
    instrument: String,
    rate: f64,
    next_funding_ns: Option<i64>,
    ts_event: i64,
}

#[pymethods]
impl FundingRate {
    fn __repr__(&self) -> String {
        format!("<FundingRate {} {}>", self.instrument, self.rate)
    }
}

/// Open interest as the venue published it.
#[pyclass(frozen, get_all, module = "tradecore")]
pub(crate) struct OpenInterest {
    instrument: String,
    qty: f64,
    ts_event: i64,
}

#[pymethods]
impl OpenInterest {
    fn __repr__(&self) -> String {
        format!("<OpenInterest {} {}>", self.instrument, self.qty)
    }
}

/// The liquidation of somebody's position.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Liquidation {
    trade: Trade,
    spec: Arc<Instrument>,
}

#[pymethods]
impl Liquidation {
    #[getter]
    fn instrument(&self) -> &str {
        self.spec.id.as_str()
    }

    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.trade.aggressor_side.map(|side| side_to_py(py, side.sign())).transpose()
    }

    #[getter]
    fn price(&self) -> f64 {
        self.spec.price_increment.to_f64(self.trade.price)
    }

    #[getter]
    fn qty(&self) -> f64 {
        self.spec.qty_increment.to_f64(self.trade.qty)
    }

    #[getter]
    fn ts_event(&self) -> i64 {
        self.trade.ts_event
    }

    fn __repr__(&self) -> String {
        let (trade, spec) = (&self.trade, &self.spec);
        let (qty, price) = (spec.format_qty(trade.qty), spec.format_price(trade.price));
        format!("<Liquidation {} {qty} @ {price}>", spec.id)
    }
}

/// A finished bar.
#[pyclass(frozen, get_all, module = "tradecore")]
pub(crate) struct Bar {
    instrument: String,
    interval_ns: i64,
    ts_open: i64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
    trades: u32,
}

#[pymethods]
impl Bar {
    fn __repr__(&self) -> String {
        format!(
            "<Bar {} {} open {} high {} low {} close {} volume {}>",
            self.instrument, self.ts_open, self.open, self.high, self.low, self.close, self.volume
        )
    }
}

impl Bar {
    pub(crate) fn new(spec: &Instrument, interval_ns: i64, bar: &bars::Bar) -> Self {
        let price = |steps| spec.price_increment.to_f64(steps);
        Self {
            instrument: spec.id.to_string(),
            interval_ns,
            ts_open: bar.ts_open,
            open: price(bar.open),
            high: price(bar.high),
            low: price(bar.low),
            close: price(bar.close),
            volume: spec.qty_increment.to_f64(bar.volume),
            trades: bar.trades,
        }
    }
}

/// A published value as its Python object.
pub(crate) fn stat_to_py<'py>(
    py: Python<'py>,
    spec: &Arc<Instrument>,
    stat: Stat,
) -> PyResult<Bound<'py, PyAny>> {
    let instrument = spec.id.to_string();
    Ok(match stat {
        Stat::Mark { price, ts_event } | Stat::Index { price, ts_event } => {
            Bound::new(py, ReferencePrice { instrument, price: fine(price), ts_event })?.into_any()
        }
        Stat::Funding(Funding { rate, next_ts, ts_event }) => {
            let funding = FundingRate { instrument, rate: fine(rate), next_funding_ns: next_ts, ts_event };
            Bound::new(py, funding)?.into_any()
        }
        Stat::OpenInterest { qty, ts_event } => {
            let qty = spec.qty_increment.to_f64(qty);
            Bound::new(py, OpenInterest { instrument, qty, ts_event })?.into_any()
        }
        Stat::Liquidation(trade) => Bound::new(py, Liquidation { trade, spec: Arc::clone(spec) })?.into_any(),
    })
}
