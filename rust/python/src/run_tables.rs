//! Tables of a run: plain bytes by column.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tradecore_core::exec::Execution;
use tradecore_core::kernel::{
    CandleRow, EquityRow, FillRow, Kernel, MidRow, PaymentRow, PublishedRow, Record, RefusalRow, Signal,
    SignalRow, Stat, StopRow, Trade, trip_word,
};
use tradecore_core::orders as core;
use tradecore_core::risk::{Breach, FinePrice, Trip, fine_to_f64};
use tradecore_core::types::{Instrument, MarketId, Money, Side};

use crate::errors;
use crate::records::fee_coin;
use crate::values::fine;

/// A value of a table column: the bytes of each row lie one after the other.
trait Cell: Sized {
    /// What numpy calls the type, or `money`.
    const TYPE: &str;

    /// Fills as many bytes as the values have.
    fn fill(bytes: &mut [u8], values: impl Iterator<Item = Self>);
}

macro_rules! cells {
    ($($type:ty => $name:literal, |$value:ident| $plain:expr;)+) => {
        $(impl Cell for $type {
            const TYPE: &str = $name;

            fn fill(bytes: &mut [u8], values: impl Iterator<Item = Self>) {
                let (cells, _) = bytes.as_chunks_mut::<{ size_of::<$type>() }>();
                for (cell, $value) in cells.iter_mut().zip(values) {
                    *cell = $plain.to_ne_bytes();
                }
            }
        })+
    };
}

cells! {
    u8 => "uint8", |value| value;
    i8 => "int8", |value| value;
    u32 => "uint32", |value| value;
    u64 => "uint64", |value| value;
    i64 => "int64", |value| value;
    f64 => "float64", |value| value;
    bool => "bool", |value| u8::from(value);
    // All of its units, which [`money_text`] reads: nothing is lost or formatted during a run.
    Money => "money", |value| value.units();
}

/// Columns of one table under construction, as plain bytes: a run needs no arrays, only those who look at it do.
struct Table<'py> {
    dict: Bound<'py, PyDict>,
}

impl<'py> Table<'py> {
    fn new(py: Python<'py>) -> Self {
        Self { dict: PyDict::new(py) }
    }

    /// Numbers, as the name of their type and their bytes.
    fn array<T: Cell>(&self, name: &str, values: impl ExactSizeIterator<Item = T>) -> PyResult<()> {
        let bytes = PyBytes::new_with(self.dict.py(), size_of::<T>() * values.len(), |bytes| {
            T::fill(bytes, values);
            Ok(())
        })?;
        self.dict.set_item(name, (T::TYPE, bytes))
    }

    /// Texts, empty for none; `None` for a column without any.
    fn text<'a>(&self, name: &str, values: impl Iterator<Item = &'a str> + Clone) -> PyResult<()> {
        if values.clone().all(str::is_empty) {
            return self.dict.set_item(name, self.dict.py().None());
        }
        self.dict.set_item(name, values.collect::<Vec<_>>())
    }
}

/// Return money of a result table as decimal text.
///
/// Parameters
/// ----------
/// column : bytes
///     16 for each amount, a count of 10^-12 units in the byte order of the machine.
#[pyfunction]
pub(crate) fn money_text(column: &[u8]) -> PyResult<Vec<String>> {
    let (rows, rest) = column.as_chunks();
    if !rest.is_empty() {
        return Err(errors::invalid("column", format!("{} bytes are no column of money", column.len())));
    }
    Ok(rows.iter().map(|units| Money::from_units(i128::from_ne_bytes(*units)).to_string()).collect())
}

/// Tracebacks of strategies that failed, by name.
pub(crate) fn failures<'py>(py: Python<'py>, kernel: &Kernel) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    for (name, failure) in kernel.strategies() {
        if let Some(text) = failure {
            out.set_item(name, text)?;
        }
    }
    Ok(out)
}

type Instruments = [std::sync::Arc<Instrument>];

pub(crate) fn orders_table<'py>(
    py: Python<'py>,
    rows: &[core::Order],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let price_unit = |m: MarketId| instruments[m.index()].price_increment.to_f64(1);
    let price = |m: MarketId, steps| instruments[m.index()].price_increment.to_f64(steps);
    let qty = |m: MarketId, steps| instruments[m.index()].qty_increment.to_f64(steps);
    let t = Table::new(py);
    t.array("order_id", rows.iter().map(|o| o.id))?;
    t.text("client_id", rows.iter().map(|o| o.client_id.as_deref().unwrap_or_default()))?;
    t.array("strategy", rows.iter().map(|o| o.strategy.index() as u32))?;
    t.array("instrument", rows.iter().map(|o| o.market.index() as u32))?;
    t.array("side", rows.iter().map(|o| o.side as i8))?;
    t.array("order_type", rows.iter().map(core::Order::kind))?;
    t.text("trigger", rows.iter().map(|o| o.trigger.map_or("", |trigger| trigger.by.as_str())))?;
    let at = |m: MarketId, steps: Option<tradecore_core::types::Price>| {
        steps.map_or(f64::NAN, |steps| price(m, steps.steps()))
    };
    t.array("trigger_price", rows.iter().map(|o| at(o.market, o.trigger.and_then(core::Trigger::price))))?;
    t.array("trailing_offset", rows.iter().map(|o| at(o.market, o.trigger.and_then(core::Trigger::offset))))?;
    t.array("time_in_force", rows.iter().map(|o| o.time_in_force.code()))?;
    t.array("expires_at", rows.iter().map(|o| o.time_in_force.expires_at().unwrap_or(0)))?;
    t.array("post_only", rows.iter().map(|o| o.post_only))?;
    t.array("slides", rows.iter().map(|o| o.slides))?;
    t.array("reduce_only", rows.iter().map(|o| o.reduce_only))?;
    t.array(
        "display_qty",
        rows.iter().map(|o| o.display_qty.map_or(f64::NAN, |display| qty(o.market, display.steps()))),
    )?;
    t.array("price", rows.iter().map(|o| o.price().map_or(f64::NAN, |p| price(o.market, p.steps()))))?;
    t.array("qty", rows.iter().map(|o| qty(o.market, o.qty.steps())))?;
    t.array("filled_qty", rows.iter().map(|o| qty(o.market, o.filled.steps())))?;
    t.array(
        "avg_fill_price",
        rows.iter().map(|o| o.average_price().map_or(f64::NAN, |p| p * price_unit(o.market))),
    )?;
    t.array("status", rows.iter().map(|o| o.status() as u8))?;
    t.text("reason", rows.iter().map(|o| o.reason.map_or("", core::Reason::as_str)))?;
    t.array("replaced", rows.iter().map(|o| o.replaced))?;
    let emulated: Vec<_> = rows.iter().map(|o| o.emulated.words().collect::<Vec<_>>().join(", ")).collect();
    t.text("emulated", emulated.iter().map(String::as_str))?;
    t.array("group", rows.iter().map(|o| o.group.map_or(0, |of| of.group)))?;
    t.text("role", rows.iter().map(|o| o.group.map_or("", |of| of.role.as_str())))?;
    t.array("ts_submit", rows.iter().map(|o| o.ts_submit))?;
    t.array("ts_accept", rows.iter().map(|o| o.ts_accept))?;
    t.array("ts_trigger", rows.iter().map(|o| o.ts_trigger))?;
    t.array("ts_close", rows.iter().map(|o| o.ts_close))?;
    Ok(t.dict)
}

pub(crate) fn fills_table<'py>(
    py: Python<'py>,
    rows: &[FillRow],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let price_unit = |m: MarketId| instruments[m.index()].price_increment.to_f64(1);
    let qty = |m: MarketId, steps| instruments[m.index()].qty_increment.to_f64(steps);
    let t = Table::new(py);
    t.array("ts_event", rows.iter().map(|f| f.ts_event))?;
    t.array("ts_recv", rows.iter().map(|f| f.ts_recv))?;
    t.array("order_id", rows.iter().map(|f| f.order))?;
    t.text("client_id", rows.iter().map(|f| f.client_id.as_deref().unwrap_or_default()))?;
    t.array("strategy", rows.iter().map(|f| f.strategy.index() as u32))?;
    t.array("instrument", rows.iter().map(|f| f.market.index() as u32))?;
    t.array("side", rows.iter().map(|f| f.side as i8))?;
    t.array(
        "price",
        rows.iter().map(|f| instruments[f.market.index()].price_increment.to_f64(f.price.steps())),
    )?;
    t.array("qty", rows.iter().map(|f| qty(f.market, f.qty.steps())))?;
    t.array("liquidity", rows.iter().map(|f| f.liquidity as u8))?;
    t.array("fee", rows.iter().map(|f| f.fee))?;
    t.text("fee_coin", rows.iter().map(|f| fee_coin(f, &instruments[f.market.index()])))?;
    t.array("fee_paid", rows.iter().map(|f| f.paid.map_or(Money::ZERO, |paid| paid.amount)))?;
    t.array("realized_pnl", rows.iter().map(|f| f.realized))?;
    t.array("flow", rows.iter().map(|f| f.flow))?;
    t.array("completes_order", rows.iter().map(|f| f.completes))?;
    t.array("position_qty", rows.iter().map(|f| qty(f.market, f.position_qty)))?;
    t.array(
        "avg_entry_price",
        rows.iter().map(|f| f.avg_entry_price.map_or(f64::NAN, |p| p * price_unit(f.market))),
    )?;
    t.array("realized_pnl_total", rows.iter().map(|f| f.realized_total))?;
    t.array("fees_total", rows.iter().map(|f| f.fees_total))?;
    t.array("cash", rows.iter().map(|f| f.cash))?;
    let ahead = |f: &FillRow, of: fn(&core::FillOrigin) -> Option<i64>| {
        f.origin.as_ref().and_then(of).map_or(f64::NAN, |steps| qty(f.market, steps))
    };
    t.array("event", rows.iter().map(|f| f.origin.map_or(0, |origin| origin.event as u8)))?;
    t.array("ts_sent", rows.iter().map(|f| f.origin.map_or(0, |origin| origin.sent)))?;
    t.array("ts_arrive", rows.iter().map(|f| f.origin.map_or(0, |origin| origin.arrived)))?;
    t.array("queue_ahead_at_entry", rows.iter().map(|f| ahead(f, |origin| origin.ahead_at_entry)))?;
    t.array("queue_ahead_at_fill", rows.iter().map(|f| ahead(f, |origin| origin.ahead_at_fill)))?;
    Ok(t.dict)
}

pub(crate) fn mids_table<'py>(
    py: Python<'py>,
    rows: &[MidRow],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let mid = |row: &MidRow| instruments[row.market.index()].price_increment.to_f64(row.twice_mid) / 2.0;
    let t = Table::new(py);
    t.array("ts", rows.iter().map(|row| row.ts))?;
    t.array("instrument", rows.iter().map(|row| row.market.index() as u32))?;
    t.array("mid", rows.iter().map(mid))?;
    Ok(t.dict)
}

pub(crate) fn payments_table<'py>(
    py: Python<'py>,
    rows: &[PaymentRow],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let of = |row: &PaymentRow| &instruments[row.payment.market.index()];
    let qty = |row: &PaymentRow, qty: i64| of(row).qty_increment.to_f64(qty);
    let entry = |row: &PaymentRow| {
        row.avg_entry_price.map_or(f64::NAN, |price| price * of(row).price_increment.to_f64(1))
    };
    let t = Table::new(py);
    t.array("ts_event", rows.iter().map(|row| row.payment.ts_event))?;
    t.array("ts_recv", rows.iter().map(|row| row.ts_recv))?;
    t.array("strategy", rows.iter().map(|row| row.strategy.index() as u32))?;
    t.array("instrument", rows.iter().map(|row| row.payment.market.index() as u32))?;
    t.text("why", rows.iter().map(|row| row.payment.kind.as_str()))?;
    t.array("position_qty", rows.iter().map(|row| qty(row, row.payment.qty)))?;
    t.array("price", rows.iter().map(|row| fine(row.payment.price)))?;
    t.array("rate", rows.iter().map(|row| fine(row.payment.rate)))?;
    t.array("paid", rows.iter().map(|row| row.payment.paid))?;
    t.array("realized_pnl", rows.iter().map(|row| row.realized))?;
    t.array("held_qty", rows.iter().map(|row| qty(row, row.position_qty)))?;
    t.array("avg_entry_price", rows.iter().map(entry))?;
    t.array("realized_pnl_total", rows.iter().map(|row| row.realized_total))?;
    t.array("fees_total", rows.iter().map(|row| row.fees_total))?;
    t.array("cash", rows.iter().map(|row| row.cash))?;
    Ok(t.dict)
}

pub(crate) fn equity_table<'py>(py: Python<'py>, rows: &[EquityRow]) -> PyResult<Bound<'py, PyDict>> {
    let t = Table::new(py);
    t.array("ts", rows.iter().map(|e| e.ts))?;
    t.array("currency", rows.iter().map(|e| e.currency.index() as u32))?;
    t.array("equity", rows.iter().map(|e| e.equity))?;
    Ok(t.dict)
}

fn reported_table<'py>(py: Python<'py>, rows: &[(i64, Money)]) -> PyResult<Bound<'py, PyDict>> {
    let t = Table::new(py);
    t.array("ts", rows.iter().map(|(ts, _)| *ts))?;
    t.array("equity", rows.iter().map(|(_, equity)| *equity))?;
    Ok(t.dict)
}

pub(crate) fn candles_table<'py>(
    py: Python<'py>,
    rows: &[CandleRow],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let price = |c: &CandleRow, steps| instruments[c.market.index()].price_increment.to_f64(steps);
    let t = Table::new(py);
    t.array("instrument", rows.iter().map(|c| c.market.index() as u32))?;
    t.array("ts_open", rows.iter().map(|c| c.bar.ts_open))?;
    t.array("open", rows.iter().map(|c| price(c, c.bar.open)))?;
    t.array("high", rows.iter().map(|c| price(c, c.bar.high)))?;
    t.array("low", rows.iter().map(|c| price(c, c.bar.low)))?;
    t.array("close", rows.iter().map(|c| price(c, c.bar.close)))?;
    t.array("volume", rows.iter().map(|c| instruments[c.market.index()].qty_increment.to_f64(c.bar.volume)))?;
    t.array("trades", rows.iter().map(|c| c.bar.trades))?;
    Ok(t.dict)
}

pub(crate) fn published_table<'py>(
    py: Python<'py>,
    rows: &[PublishedRow],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let value = |row: &PublishedRow| match row.stat {
        Stat::Mark { price, .. } | Stat::Index { price, .. } => fine(price),
        Stat::Funding(funding) => fine(funding.rate),
        Stat::OpenInterest { .. } => f64::NAN,
        Stat::Liquidation(trade) => instruments[row.market.index()].price_increment.to_f64(trade.price),
    };
    let qty = |row: &PublishedRow| match row.stat {
        Stat::OpenInterest { qty, .. } | Stat::Liquidation(Trade { qty, .. }) => {
            instruments[row.market.index()].qty_increment.to_f64(qty)
        }
        Stat::Mark { .. } | Stat::Index { .. } | Stat::Funding(_) => f64::NAN,
    };
    let side = |row: &PublishedRow| match row.stat {
        Stat::Liquidation(trade) => trade.aggressor_side.map_or("", Side::as_str),
        Stat::Mark { .. } | Stat::Index { .. } | Stat::Funding(_) | Stat::OpenInterest { .. } => "",
    };
    let next = |row: &PublishedRow| match row.stat {
        Stat::Funding(funding) => funding.next_ts.unwrap_or(0),
        Stat::Mark { .. } | Stat::Index { .. } | Stat::OpenInterest { .. } | Stat::Liquidation(_) => 0,
    };
    let t = Table::new(py);
    t.array("ts_event", rows.iter().map(|r| r.stat.ts_event()))?;
    t.array("ts_recv", rows.iter().map(|r| r.ts_recv))?;
    t.array("instrument", rows.iter().map(|r| r.market.index() as u32))?;
    t.array("kind", rows.iter().map(|r| r.stat.kind() as u8))?;
    t.array("value", rows.iter().map(value))?;
    t.array("qty", rows.iter().map(qty))?;
    t.text("order_side", rows.iter().map(side))?;
    t.array("next_funding_ns", rows.iter().map(next))?;
    Ok(t.dict)
}

pub(crate) fn signals_table<'py>(py: Python<'py>, rows: &[SignalRow]) -> PyResult<Bound<'py, PyDict>> {
    let t = Table::new(py);
    t.array("ts_recv", rows.iter().map(|r| r.ts_recv))?;
    t.array("ts", rows.iter().map(|r| r.answer.ts))?;
    t.array("expires", rows.iter().map(|r| said(r).map_or(0, |s| s.expires)))?;
    t.array("strategy", rows.iter().map(|r| r.answer.strategy.index() as u32))?;
    t.array("instrument", rows.iter().map(|r| r.answer.market.index() as u32))?;
    t.text("action", rows.iter().map(|r| said(r).map_or("", |s| s.opinion.action.word())))?;
    t.array("confidence", rows.iter().map(|r| said(r).map_or(f64::NAN, |s| s.opinion.confidence.get())))?;
    t.array("value", rows.iter().map(|r| said(r).map_or(f64::NAN, |s| s.opinion.value)))?;
    t.text("model_id", rows.iter().map(|r| said(r).map_or("", |s| &s.opinion.model)))?;
    t.text("problem", rows.iter().map(|r| r.problem.as_deref().unwrap_or_default()))?;
    Ok(t.dict)
}

/// A row for each limit that a refused request would have passed.
pub(crate) fn refusals_table<'py>(
    py: Python<'py>,
    rows: &[RefusalRow],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let rows: Vec<(&RefusalRow, &Breach)> =
        rows.iter().flat_map(|row| row.breaches.iter().map(move |breach| (row, breach))).collect();
    let of = |market: MarketId| &instruments[market.index()];
    let price = |row: &RefusalRow| {
        row.price.map_or(f64::NAN, |price| of(row.market).price_increment.to_f64(price.steps()))
    };
    let t = Table::new(py);
    t.array("ts", rows.iter().map(|(row, _)| row.ts))?;
    t.array("strategy", rows.iter().map(|(row, _)| row.strategy.index() as u32))?;
    t.array("instrument", rows.iter().map(|(row, _)| row.market.index() as u32))?;
    t.array("order_id", rows.iter().map(|(row, _)| row.order))?;
    t.text("request", rows.iter().map(|(row, _)| if row.is_new { "new" } else { "replace" }))?;
    t.array("side", rows.iter().map(|(row, _)| row.side as i8))?;
    t.array("qty", rows.iter().map(|(row, _)| of(row.market).qty_increment.to_f64(row.qty.steps())))?;
    t.array("price", rows.iter().map(|(row, _)| price(row)))?;
    t.text("check", rows.iter().map(|(_, breach)| breach.check.as_str()))?;
    t.text("scope", rows.iter().map(|(_, breach)| breach.scope.as_str()))?;
    t.text("name", rows.iter().map(|(_, breach)| &*breach.name))?;
    t.array("limit", rows.iter().map(|(_, breach)| Money::from_units(breach.limit)))?;
    t.array("value", rows.iter().map(|(_, breach)| Money::from_units(breach.value)))?;
    Ok(t.dict)
}

pub(crate) fn trips_table<'py>(py: Python<'py>, rows: &[Trip]) -> PyResult<Bound<'py, PyDict>> {
    let t = Table::new(py);
    t.array("ts", rows.iter().map(|trip| trip.ts))?;
    t.text("check", rows.iter().map(trip_word))?;
    t.text("does", rows.iter().map(|trip| trip.check.map_or("", |_| trip.does.as_str())))?;
    t.text("scope", rows.iter().map(|trip| trip.scope.as_str()))?;
    t.text("name", rows.iter().map(|trip| &*trip.name))?;
    t.array("limit", rows.iter().map(|trip| Money::from_units(trip.limit)))?;
    t.array("value", rows.iter().map(|trip| Money::from_units(trip.value)))?;
    Ok(t.dict)
}

/// A row for each stop that fired.
pub(crate) fn stops_table<'py>(
    py: Python<'py>,
    rows: &[StopRow],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let of = |row: &StopRow| &instruments[row.market.index()];
    let price = |row: &StopRow, price: Option<FinePrice>| {
        price.map_or(f64::NAN, |price| fine_to_f64(price, of(row).price_increment))
    };
    let entry = |row: &StopRow| {
        row.avg_entry_price.map_or(f64::NAN, |price| price * of(row).price_increment.to_f64(1))
    };
    let qty = |row: &StopRow, steps: i64| of(row).qty_increment.to_f64(steps);
    let t = Table::new(py);
    t.array("ts", rows.iter().map(|row| row.ts))?;
    t.array("strategy", rows.iter().map(|row| row.strategy.index() as u32))?;
    t.array("instrument", rows.iter().map(|row| row.market.index() as u32))?;
    t.text("stop", rows.iter().map(|row| row.kind.as_str()))?;
    t.text("trigger", rows.iter().map(|row| row.trigger.as_str()))?;
    t.array("price", rows.iter().map(|row| price(row, row.price)))?;
    t.array("level", rows.iter().map(|row| price(row, row.level)))?;
    t.array("avg_entry_price", rows.iter().map(entry))?;
    t.array("position_qty", rows.iter().map(|row| qty(row, row.position_qty)))?;
    t.array("qty", rows.iter().map(|row| qty(row, row.qty)))?;
    t.text("scope", rows.iter().map(|row| row.scope.as_str()))?;
    t.text("name", rows.iter().map(|row| &*row.name))?;
    Ok(t.dict)
}

fn said(row: &SignalRow) -> Option<&Signal> {
    row.answer.outcome.as_ref().ok()
}

pub(crate) fn executions_table<'py>(
    py: Python<'py>,
    rows: &[Execution],
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let of = |row: &Execution| &instruments[row.request.market.index()];
    let price = |row: &Execution, steps: Option<f64>| {
        steps.map_or(f64::NAN, |steps| steps * of(row).price_increment.to_f64(1))
    };
    let t = Table::new(py);
    t.array("execution_id", rows.iter().map(|r| r.id))?;
    t.array("ts_start", rows.iter().map(|r| r.started))?;
    t.array("ts_end", rows.iter().map(|r| r.ended))?;
    t.array("strategy", rows.iter().map(|r| r.strategy.index() as u32))?;
    t.array("instrument", rows.iter().map(|r| r.request.market.index() as u32))?;
    t.text("algorithm", rows.iter().map(|r| r.request.algorithm.as_str()))?;
    t.array("side", rows.iter().map(|r| r.request.side as i8))?;
    t.array("qty", rows.iter().map(|r| of(r).qty_increment.to_f64(r.request.qty.steps())))?;
    t.array("filled_qty", rows.iter().map(|r| of(r).qty_increment.to_f64(r.filled.steps())))?;
    t.array("arrival_price", rows.iter().map(|r| price(r, r.arrival.map(|twice| twice as f64 / 2.0))))?;
    t.array("average_price", rows.iter().map(|r| price(r, r.average_price())))?;
    t.array("slippage_bps", rows.iter().map(|r| r.slippage_bps().unwrap_or(f64::NAN)))?;
    t.array("participation", rows.iter().map(|r| r.participation().unwrap_or(f64::NAN)))?;
    t.array("children", rows.iter().map(|r| r.children.len() as u64))?;
    t.text("state", rows.iter().map(|r| r.state.as_str()))?;
    t.text("reason", rows.iter().map(|r| r.reason.map_or("", core::Reason::as_str)))?;
    Ok(t.dict)
}

/// Every table of a record.
pub(crate) fn tables<'py>(
    py: Python<'py>,
    record: &Record,
    instruments: &Instruments,
) -> PyResult<Bound<'py, PyDict>> {
    let tables = PyDict::new(py);
    tables.set_item("orders", orders_table(py, &record.orders, instruments)?)?;
    tables.set_item("fills", fills_table(py, &record.fills, instruments)?)?;
    tables.set_item("payments", payments_table(py, &record.payments, instruments)?)?;
    tables.set_item("equity", equity_table(py, &record.equity)?)?;
    tables.set_item("reported", reported_table(py, &record.reported)?)?;
    tables.set_item("candles", candles_table(py, &record.candles, instruments)?)?;
    tables.set_item("published", published_table(py, &record.published, instruments)?)?;
    tables.set_item("signals", signals_table(py, &record.signals)?)?;
    tables.set_item("executions", executions_table(py, &record.executions, instruments)?)?;
    tables.set_item("refusals", refusals_table(py, &record.refusals, instruments)?)?;
    tables.set_item("trips", trips_table(py, &record.trips)?)?;
    tables.set_item("stops", stops_table(py, &record.stops, instruments)?)?;
    tables.set_item("mids", mids_table(py, &record.mids, instruments)?)?;
    Ok(tables)
}
