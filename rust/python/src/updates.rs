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

/// A finished bar. A value that may be kept.
///
/// A bar of a window of the venue's clock is finished by the first thing the venue stamps at the window's end or
/// later, or by our clock a second after it; other bars by the trade that completes them. A late trade changes its bar
/// only if the bars were asked for with ``late=amend``.
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
    /// Id of the instrument; empty of a :class:`BarBuilder`, which knows none.
    instrument: String,
    /// Which bars it is one of: ``1m``, ``tick:100``.
    spec: String,
    /// Length of the window, ns; None of bars that are no windows.
    interval_ns: Option<i64>,
    /// Start of the window, which it includes, or time of the first trade; by the venue's clock, ns UTC.
    ts_open: i64,
    /// End of the window, which it does not include, or latest time of a trade; by the venue's clock, ns UTC.
    ts_close: i64,
    /// When it was finished by our clock, ns UTC: now, in the hook that is told of it.
    ts_available: i64,
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
    /// Sum of price times quantity, in quote currency where a contract is one base unit.
    quote_volume: f64,
    /// Quantity of trades whose aggressor bought, in contracts (spot: base units).
    buy_volume: f64,
    /// Quantity of trades whose aggressor sold, in contracts (spot: base units).
    sell_volume: f64,
    /// ``quote_volume / volume``, in quote currency; NaN without a quantity.
    vwap: f64,
    /// Number of trades, or of quotes where those make the bars.
    trades: u32,
    /// How many times late trades have changed it.
    revision: u32,
    /// Whether the data ended before it was finished; never in a hook.
    is_partial: bool,
}

#[pymethods]
impl Bar {
    fn __repr__(&self) -> String {
        format!(
            "<Bar {} {} {} open {} high {} low {} close {} volume {}>",
            self.instrument, self.spec, self.ts_open, self.open, self.high, self.low, self.close, self.volume
        )
    }
}

impl Bar {
    pub(crate) fn new(instrument: &Instrument, spec: &bars::BarSpec, bar: &bars::Bar) -> Self {
        Self::of(instrument.id.to_string(), spec.to_string(), spec, bar, bar.to_floats(spec, instrument))
    }

    /// A bar of nobody's instrument in particular.
    pub(crate) fn of_floats(text: &str, spec: &bars::BarSpec, bar: &bars::Bar<f64>) -> Self {
        Self::of(String::new(), text.to_owned(), spec, bar, bar.to_floats())
    }

    fn of<N: bars::Number>(
        instrument: String,
        text: String,
        spec: &bars::BarSpec,
        bar: &bars::Bar<N>,
        numbers: bars::BarFloats,
    ) -> Self {
        let bars::BarFloats { open, high, low, close, volume, quote_volume, buy_volume, sell_volume, vwap } =
            numbers;
        Self {
            instrument,
            spec: text,
            interval_ns: spec.interval_ns(),
            ts_open: bar.ts_open,
            ts_close: bar.ts_close,
            ts_available: bar.ts_available,
            open,
            high,
            low,
            close,
            volume,
            quote_volume,
            buy_volume,
            sell_volume,
            vwap,
            trades: bar.trades,
            revision: bar.revision,
            is_partial: bar.is_partial,
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
