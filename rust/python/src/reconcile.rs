//! Reconciliation: what a venue says against what we know, from Python values to the core's and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tradecore_core::orders::VenueKey;
use tradecore_core::orders::reconcile::{
    self as core, Action, Difference, Known, KnownOrder, VenueExecution, VenueOrder, VenueState,
};
use tradecore_core::types::{CurrencyId, Instrument, InstrumentKind, MarketId, Money, Price, Qty, Side};

use crate::errors;
use crate::instrument::PyInstrument;
use crate::records::side_to_py;
use crate::values::{decimal_from_text, money_to_py, to_decimal, to_price, to_qty, to_side};

/// The instruments and currencies of both sides, by the numbers the core uses.
struct Names<'py> {
    instruments: Vec<PyInstrument>,
    currencies: Vec<String>,
    known: Bound<'py, PyAny>,
    venue: Bound<'py, PyAny>,
}

/// What is written of an order on both sides.
struct Terms {
    market: MarketId,
    side: Side,
    price: Option<Price>,
    qty: Qty,
    filled: Qty,
}

impl<'py> Names<'py> {
    fn instrument(&self, market: MarketId) -> &Instrument {
        &self.instruments[market.index()].0
    }

    fn market(&self, id: &str) -> PyResult<MarketId> {
        let found = self.instruments.iter().position(|known| known.0.id.as_str() == id);
        found.map(MarketId::new).ok_or_else(|| {
            errors::invalid("instruments", format!("{id:?} is not among those that were given"))
        })
    }

    fn market_of(&self, row: &Bound<'py, PyAny>) -> PyResult<MarketId> {
        self.market(&row.getattr("instrument")?.extract::<String>()?)
    }

    fn currency(&mut self, name: &str) -> CurrencyId {
        let at = self.currencies.iter().position(|known| known == name).unwrap_or_else(|| {
            self.currencies.push(name.to_owned());
            self.currencies.len() - 1
        });
        CurrencyId::new(at)
    }

    fn qty(&self, market: MarketId, row: &Bound<'py, PyAny>, name: &str) -> PyResult<Qty> {
        to_qty(name, self.instrument(market), &row.getattr(name)?)
    }

    fn terms(&self, row: &Bound<'py, PyAny>) -> PyResult<Terms> {
        let market = self.market_of(row)?;
        let price = row.getattr("price")?;
        Ok(Terms {
            market,
            side: to_side(&row.getattr("side")?)?,
            price: if price.is_none() { None } else { Some(to_price(self.instrument(market), &price)?) },
            qty: self.qty(market, row, "qty")?,
            filled: self.qty(market, row, "filled")?,
        })
    }

    fn positions(&self, side: &Bound<'py, PyAny>) -> PyResult<BTreeMap<MarketId, Qty>> {
        let positions = side.getattr("positions")?;
        let mut held = BTreeMap::new();
        for item in positions.call_method0("items")?.try_iter()? {
            let (id, qty): (String, Bound<'py, PyAny>) = item?.extract()?;
            let market = self.market(&id)?;
            held.insert(market, to_qty("positions", self.instrument(market), &qty)?);
        }
        Ok(held)
    }

    fn balances(&mut self, side: &Bound<'py, PyAny>) -> PyResult<BTreeMap<CurrencyId, Money>> {
        let mut held = BTreeMap::new();
        for item in side.getattr("balances")?.call_method0("items")?.try_iter()? {
            let (name, total): (String, Bound<'py, PyAny>) = item?.extract()?;
            let total = Money::from_decimal(to_decimal("balances", &total)?);
            let total = total.map_err(|error| errors::invalid("balances", error.to_string()))?;
            held.insert(self.currency(&name), total);
        }
        Ok(held)
    }

    fn known(&mut self) -> PyResult<Known> {
        let side = self.known.clone();
        let mut known =
            Known { positions: self.positions(&side)?, balances: self.balances(&side)?, ..Known::default() };
        for row in side.getattr("orders")?.try_iter()? {
            let row = row?;
            let Terms { market, side, price, qty, filled } = self.terms(&row)?;
            let id = row.getattr("order_id")?.extract()?;
            let venue_id = row.getattr("venue_id")?.extract::<Option<String>>()?;
            let order = KnownOrder {
                id,
                venue_id: venue_id.as_deref().map(VenueKey::from),
                market,
                side,
                price,
                qty,
                filled,
                is_open: row.getattr("is_open")?.extract()?,
                is_acknowledged: row.getattr("is_acknowledged")?.extract()?,
                cancel_pending: row.getattr("cancel_pending")?.extract()?,
                replaces_pending: row.getattr("replaces_pending")?.extract()?,
            };
            if known.orders.insert(id, order).is_some() {
                return Err(errors::invalid("orders", format!("order {id} is listed twice")));
            }
        }
        for pair in side.getattr("executions")?.try_iter()? {
            let (id, execution): (String, String) = pair?.extract()?;
            known.executions.insert((self.market(&id)?, VenueKey::from(execution.as_str())));
        }
        Ok(known)
    }

    fn venue(&mut self) -> PyResult<VenueState> {
        let side = self.venue.clone();
        let key = |row: &Bound<'py, PyAny>, name: &str| -> PyResult<VenueKey> {
            Ok(VenueKey::from(row.getattr(name)?.extract::<String>()?.as_str()))
        };
        let mut venue = VenueState {
            positions: self.positions(&side)?,
            balances: self.balances(&side)?,
            ..VenueState::default()
        };
        let kinds = self.instruments.iter().map(|instrument| &instrument.0.kind).enumerate();
        let spot = kinds.filter(|(_, kind)| matches!(kind, InstrumentKind::Spot));
        venue.without_positions = spot.map(|(index, _)| MarketId::new(index)).collect();
        for row in side.getattr("orders")?.try_iter()? {
            let row = row?;
            let Terms { market, side, price, qty, filled } = self.terms(&row)?;
            let ours = row.getattr("order_id")?.extract()?;
            let venue_id = key(&row, "venue_id")?;
            venue.orders.push(VenueOrder { venue_id, ours, market, side, price, qty, filled });
        }
        for row in side.getattr("executions")?.try_iter()? {
            let row = row?;
            let market = self.market_of(&row)?;
            venue.executions.push(VenueExecution {
                execution: key(&row, "execution_id")?,
                venue_id: key(&row, "venue_id")?,
                ours: row.getattr("order_id")?.extract()?,
                market,
                side: to_side(&row.getattr("side")?)?,
                price: to_price(self.instrument(market), &row.getattr("price")?)?,
                qty: self.qty(market, &row, "qty")?,
                ts_event: row.getattr("ts_event")?.extract()?,
            });
        }
        Ok(venue)
    }

    fn show(&self, py: Python<'py>, known: &Known, action: &Action) -> PyResult<Bound<'py, PyDict>> {
        let shown = PyDict::new(py);
        let of_order = |order: u64| self.instrument(known.orders[&order].market);
        let qty = |i: &Instrument, qty: Qty| {
            decimal_from_text(py, &i.qty_increment.to_decimal(qty.steps()).to_string())
        };
        let price = |i: &Instrument, price: Price| {
            decimal_from_text(py, &i.price_increment.to_decimal(price.steps()).to_string())
        };
        let kind = match action {
            Action::Replay { order, execution } => {
                let i = self.instrument(execution.market);
                shown.set_item("instrument", i.id.as_str())?;
                shown.set_item("order_id", order)?;
                shown.set_item("venue_id", execution.venue_id.to_string())?;
                shown.set_item("execution_id", execution.execution.to_string())?;
                shown.set_item("side", side_to_py(py, execution.side as i64)?)?;
                shown.set_item("price", price(i, execution.price)?)?;
                shown.set_item("qty", qty(i, execution.qty)?)?;
                shown.set_item("ts_event", execution.ts_event)?;
                "replay"
            }
            Action::Acknowledge { order, venue_id } => {
                shown.set_item("instrument", of_order(*order).id.as_str())?;
                shown.set_item("order_id", order)?;
                shown.set_item("venue_id", venue_id.to_string())?;
                "acknowledge"
            }
            Action::Amend { order, price: limit, qty: total } => {
                let i = of_order(*order);
                shown.set_item("instrument", i.id.as_str())?;
                shown.set_item("order_id", order)?;
                shown.set_item("price", limit.map(|limit| price(i, limit)).transpose()?)?;
                shown.set_item("qty", qty(i, *total)?)?;
                "amend"
            }
            Action::End { order } => {
                shown.set_item("instrument", of_order(*order).id.as_str())?;
                shown.set_item("order_id", order)?;
                "end"
            }
            Action::Cancel { order, venue_id, market } => {
                shown.set_item("instrument", self.instrument(*market).id.as_str())?;
                shown.set_item("order_id", order)?;
                shown.set_item("venue_id", venue_id.to_string())?;
                "cancel"
            }
            Action::SetBalance { currency, total } => {
                shown.set_item("currency", &self.currencies[currency.index()])?;
                shown.set_item("total", money_to_py(py, *total)?)?;
                "set_balance"
            }
            Action::Halt { market, difference } => {
                let i = self.instrument(*market);
                shown.set_item("instrument", i.id.as_str())?;
                let what = match difference {
                    Difference::UnknownExecution { execution, venue_id, qty: traded } => {
                        shown.set_item("execution_id", execution.to_string())?;
                        shown.set_item("venue_id", venue_id.to_string())?;
                        shown.set_item("theirs", qty(i, *traded)?)?;
                        "unknown_execution"
                    }
                    Difference::UnknownOrder { venue_id } => {
                        shown.set_item("venue_id", venue_id.to_string())?;
                        "unknown_order"
                    }
                    Difference::Filled { order, ours, theirs } => {
                        shown.set_item("order_id", order)?;
                        shown.set_item("ours", qty(i, *ours)?)?;
                        shown.set_item("theirs", qty(i, *theirs)?)?;
                        "filled"
                    }
                    Difference::Position { ours, theirs } => {
                        shown.set_item("ours", qty(i, *ours)?)?;
                        shown.set_item("theirs", qty(i, *theirs)?)?;
                        "position"
                    }
                };
                shown.set_item("difference", what)?;
                "halt"
            }
        };
        shown.set_item("kind", kind)?;
        Ok(shown)
    }
}

/// What is known of an account as the fields of `AccountState`, orders as those of `KnownOrder`.
pub(crate) fn known_to_py<'py>(
    py: Python<'py>,
    known: &Known,
    instruments: &[Arc<Instrument>],
    currencies: &[String],
) -> PyResult<Bound<'py, PyDict>> {
    let of = |market: MarketId| &*instruments[market.index()];
    let qty = |market: MarketId, qty: Qty| {
        decimal_from_text(py, &of(market).qty_increment.to_decimal(qty.steps()).to_string())
    };
    let orders = PyList::empty(py);
    for order in known.orders.values() {
        let price =
            order.price.map(|price| of(order.market).price_increment.to_decimal(price.steps()).to_string());
        let row = PyDict::new(py);
        row.set_item("order_id", order.id)?;
        row.set_item("instrument", of(order.market).id.as_str())?;
        row.set_item("side", side_to_py(py, order.side as i64)?)?;
        row.set_item("qty", qty(order.market, order.qty)?)?;
        row.set_item("filled", qty(order.market, order.filled)?)?;
        row.set_item("price", price.map(|text| decimal_from_text(py, &text)).transpose()?)?;
        row.set_item("venue_id", order.venue_id.as_ref().map(ToString::to_string))?;
        row.set_item("is_open", order.is_open)?;
        row.set_item("is_acknowledged", order.is_acknowledged)?;
        row.set_item("cancel_pending", order.cancel_pending)?;
        row.set_item("replaces_pending", order.replaces_pending)?;
        orders.append(row)?;
    }
    let executions = known.executions.iter().map(|(market, key)| (of(*market).id.as_str(), key.to_string()));
    let positions = PyDict::new(py);
    for (market, held) in &known.positions {
        positions.set_item(of(*market).id.as_str(), qty(*market, *held)?)?;
    }
    let balances = PyDict::new(py);
    for (currency, total) in &known.balances {
        balances.set_item(&currencies[currency.index()], money_to_py(py, *total)?)?;
    }
    let shown = PyDict::new(py);
    shown.set_item("orders", orders)?;
    shown.set_item("executions", executions.collect::<Vec<_>>())?;
    shown.set_item("positions", positions)?;
    shown.set_item("balances", balances)?;
    Ok(shown)
}

/// Return what is to be done so that what we know is what a venue says, one dictionary an action.
///
/// It is the core of :func:`tradecore.reconcile.reconcile`, which says what the values are.
#[pyfunction]
pub(crate) fn reconcile_account<'py>(
    known: Bound<'py, PyAny>,
    venue: Bound<'py, PyAny>,
    instruments: Vec<Bound<'py, PyInstrument>>,
) -> PyResult<Bound<'py, PyList>> {
    let py = known.py();
    let instruments = instruments.iter().map(|i| i.get().clone()).collect();
    let mut names = Names { instruments, currencies: Vec::new(), known, venue };
    let (known, venue) = (names.known()?, names.venue()?);
    let shown: Vec<_> = core::reconcile(&known, &venue)
        .iter()
        .map(|action| names.show(py, &known, action))
        .collect::<PyResult<_>>()?;
    PyList::new(py, shown)
}
