//! What a venue publishes beside book and trades, and bars: values a strategy is told and may keep.

use std::sync::Arc;

use pyo3::prelude::*;
use tradecore_core::bars;
use tradecore_core::kernel::{Funding, Stat, Trade};
use tradecore_core::types::Instrument;

use crate::records::side_to_py;
use crate::values::fine;

/// A mark or index price as the venue published it. A value that may be kept.
///
/// Examples
/// --------
/// >>> class Basis(tc.Strategy):
/// ...     def on_mark(self, ctx, mark):
/// ...         mid = ctx.book(mark.instrument).mid
/// ...         self.basis = None if mid is None else mid - mark.price
#[pyclass(frozen, get_all, module = "tradecore.strategy")]
pub(crate) struct ReferencePrice {
    /// Id of the instrument.
    instrument: String,
    /// The price, in quote currency, with up to nine decimals: not on the instrument's grid.
    price: f64,
    /// When it was published by the venue's clock, ns UTC.
    ts_event: i64,
}

#[pymethods]
impl ReferencePrice {
    fn __repr__(&self) -> String {
        format!("<ReferencePrice {} {}>", self.instrument, self.price)
    }
}

/// A funding rate as the venue published it. A value that may be kept.
///
/// Examples
/// --------
/// >>> class Carry(tc.Strategy):
/// ...     def on_funding(self, ctx, funding):
/// ...         self.rate_bps = funding.rate * 10_000
#[pyclass(frozen, get_all, module = "tradecore.strategy")]
pub(crate) struct FundingRate {
    /// Id of the instrument.
    instrument: String,
    /// Fraction of a position's value that longs pay to shorts at the next payment; negative for the reverse.
    rate: f64,
    /// When it is paid, ns UTC; None where the venue does not say.
    next_funding_ns: Option<i64>,
    /// When it was published by the venue's clock, ns UTC.
    ts_event: i64,
}

#[pymethods]
impl FundingRate {
    fn __repr__(&self) -> String {
        format!("<FundingRate {} {}>", self.instrument, self.rate)
    }
}

/// Open interest as the venue published it. A value that may be kept.
///
/// Examples
/// --------
/// >>> class Crowd(tc.Strategy):
/// ...     def on_open_interest(self, ctx, open_interest):
/// ...         self.crowd = open_interest.qty
#[pyclass(frozen, get_all, module = "tradecore.strategy")]
pub(crate) struct OpenInterest {
    /// Id of the instrument.
    instrument: String,
    /// How much is open, in contracts (spot: base units).
    qty: f64,
    /// When it was published by the venue's clock, ns UTC.
    ts_event: i64,
}

#[pymethods]
impl OpenInterest {
    fn __repr__(&self) -> String {
        format!("<OpenInterest {} {}>", self.instrument, self.qty)
    }
}

/// The liquidation of somebody's position, as the venue published it. A value that may be kept.
///
/// It is no trade: what the liquidation order traded is told by ``on_trade``, too.
///
/// Examples
/// --------
/// >>> class Cascade(tc.Strategy):
/// ...     def on_liquidation(self, ctx, liquidation):
/// ...         if liquidation.side is tc.Side.SELL:
/// ...             self.forced_selling = liquidation.qty
#[pyclass(frozen, module = "tradecore.strategy")]
pub(crate) struct Liquidation {
    trade: Trade,
    spec: Arc<Instrument>,
}

#[pymethods]
impl Liquidation {
    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.spec.id.as_str()
    }

    /// Side of the liquidation order: ``SELL`` closes a long; None where the venue does not say.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.trade.aggressor_side.map(|side| side_to_py(py, side.sign())).transpose()
    }

    /// Price of the liquidation order, in quote currency.
    #[getter]
    fn price(&self) -> f64 {
        self.spec.price_increment.to_f64(self.trade.price)
    }

    /// Its quantity, in contracts (spot: base units).
    #[getter]
    fn qty(&self) -> f64 {
        self.spec.qty_increment.to_f64(self.trade.qty)
    }

    /// When it happened by the venue's clock, ns UTC.
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

/// A finished bar of trades over one window of the UTC clock. A value that may be kept.
///
/// It is finished by the first trade of a later window; windows without a trade have none.
///
/// Examples
/// --------
/// >>> class Momentum(tc.Strategy):
/// ...     def on_start(self, ctx):
/// ...         ctx.subscribe("BTCUSDT.SYNTH", "bars:1s")
/// ...
/// ...     def on_bar(self, ctx, bar):
/// ...         self.rises = bar.close > bar.open
#[pyclass(frozen, get_all, module = "tradecore.strategy")]
pub(crate) struct Bar {
    /// Id of the instrument.
    instrument: String,
    /// Length of the window, ns.
    interval_ns: i64,
    /// Start of the window, ns UTC, which it includes; trades are sorted in by the time they were received.
    ts_open: i64,
    /// First price, in quote currency.
    open: f64,
    /// Highest price, in quote currency.
    high: f64,
    /// Lowest price, in quote currency.
    low: f64,
    /// Last price, in quote currency.
    close: f64,
    /// Quantity traded, in contracts (spot: base units).
    volume: f64,
    /// Number of trades.
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
