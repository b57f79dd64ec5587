//! Commands as Python objects, on their way to a venue.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::kernel::{Entry, Kernel, Outgoing, OwnedInput, entries};
use tradecore_core::orders::{
    BadSession, ClientId, Command as CoreCommand, NewTerms, OrderKey, OrderRequest, OrderType, SessionId,
    TimeInForce, Trigger, TriggerAt, VenueKey, order_kind,
};
use tradecore_core::risk::Approved;
use tradecore_core::types::{AccountId, Instrument, Price, Qty, Side, StrategyId};

use crate::columns::to_arrays;
use crate::errors;
use crate::instrument::PyInstrument;
use crate::records::{order_type_to_py, side_to_py, time_in_force_to_py};
use crate::values::decimal_from_text;

/// A command on its way to a venue: a new order, a replacement or a cancel.
///
/// What it leaves open is the order's: of a cancel and a replacement, side, type and terms are those of their order.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Command {
    outgoing: Outgoing,
    client_id: ClientId,
    venue_id: Option<VenueKey>,
    parent: Option<u64>,
    strategy: String,
    instrument: Arc<Instrument>,
    side: Side,
    order_type: OrderType,
    time_in_force: TimeInForce,
    post_only: bool,
    slides: bool,
    reduce_only: bool,
    display_qty: Option<Qty>,
    trigger: Option<Trigger>,
}

impl Command {
    /// A command with what its order says; `None` for an order that ended so long ago that nobody knows it.
    pub(crate) fn new(kernel: &Kernel, outgoing: Outgoing, strategy: String) -> Option<Self> {
        let command = outgoing.command.get();
        let order = kernel.order(&OrderKey::Id(command.order()))?;
        Some(Self {
            client_id: kernel.session().client_id(outgoing.strategy, order.id),
            venue_id: order.venue_id.clone(),
            parent: order.parent,
            strategy,
            instrument: Arc::clone(kernel.instrument(command.market())),
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            post_only: order.post_only,
            slides: order.slides,
            reduce_only: order.reduce_only,
            display_qty: order.display_qty,
            trigger: order.trigger,
            outgoing,
        })
    }

    /// What the gate has approved, once more: a driver may send a command again.
    pub(crate) fn approved(&self) -> Approved<CoreCommand> {
        self.outgoing.command.clone()
    }

    pub(crate) fn account_id(&self) -> AccountId {
        self.outgoing.account
    }

    fn command(&self) -> &CoreCommand {
        self.outgoing.command.get()
    }

    /// What it asks for, where it asks for it.
    fn terms(&self) -> (Option<Price>, Option<Qty>) {
        match self.command() {
            CoreCommand::Submit { request, .. } => (request.order_type.price(), Some(request.qty)),
            CoreCommand::Cancel { .. } => (None, None),
            CoreCommand::Replace { terms, .. } => (Some(terms.price), Some(terms.qty)),
        }
    }

    /// What sets the order off; of a replacement, where that is moved.
    fn set_off(&self) -> Option<Trigger> {
        match self.command() {
            CoreCommand::Replace { terms, .. } => Some(self.trigger?.moved(terms.trigger?)),
            CoreCommand::Submit { .. } | CoreCommand::Cancel { .. } => self.trigger,
        }
    }

    fn price_to_py<'py>(&self, py: Python<'py>, price: Option<Price>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let text = price.map(|price| self.instrument.format_price(price.steps()));
        text.map(|text| decimal_from_text(py, &text)).transpose()
    }

    fn qty_to_py<'py>(&self, py: Python<'py>, qty: Option<Qty>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let text = qty.map(|qty| self.instrument.format_qty(qty.steps()));
        text.map(|text| decimal_from_text(py, &text)).transpose()
    }
}

#[pymethods]
impl Command {
    /// ``submit``, ``replace`` or ``cancel``.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.command() {
            CoreCommand::Submit { .. } => "submit",
            CoreCommand::Cancel { .. } => "cancel",
            CoreCommand::Replace { .. } => "replace",
        }
    }

    /// Our number of the order within the session.
    #[getter]
    fn order_id(&self) -> u64 {
        self.command().order()
    }

    /// Our number of the order that it is a part of, where the kernel shows an order in parts; None of any other.
    #[getter]
    fn parent_id(&self) -> Option<u64> {
        self.parent
    }

    /// What the venue carries for us: ``<session>-<strategy>-<order>``, the numbers in base 36.
    #[getter]
    fn client_id(&self) -> String {
        self.client_id.to_string()
    }

    /// The venue's own id of the order, where a report has told it.
    #[getter]
    fn venue_id(&self) -> Option<String> {
        self.venue_id.as_ref().map(ToString::to_string)
    }

    /// Name of the strategy that sent it.
    #[getter]
    fn strategy(&self) -> &str {
        &self.strategy
    }

    /// Index of the account it trades on.
    #[getter]
    fn account(&self) -> usize {
        self.outgoing.account.index()
    }

    /// Index of the market, as :meth:`Kernel.add_market` returned it.
    #[getter]
    fn market(&self) -> usize {
        self.command().market().index()
    }

    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.instrument.id.as_str()
    }

    /// ``Side.BUY`` or ``Side.SELL``.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        side_to_py(py, self.side.sign())
    }

    /// What kind of order it is; see :class:`~tradecore.types.OrderType`.
    #[getter]
    fn order_type<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        order_type_to_py(py, i64::from(order_kind(self.order_type, self.trigger)))
    }

    /// In quote currency, with the places of the instrument's grid; None for a market order and a cancel.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.price_to_py(py, self.terms().0)
    }

    /// In contracts (spot: base units); None for a cancel.
    ///
    /// Of a replacement the new total, what has been filled included.
    #[getter]
    fn qty<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.qty_to_py(py, self.terms().1)
    }

    /// The price as venues are told it, in plain digits; empty for a market order and a cancel.
    #[getter]
    fn price_text(&self) -> String {
        self.terms().0.map_or_else(String::new, |price| self.instrument.format_price(price.steps()))
    }

    /// The quantity likewise; empty for a cancel.
    #[getter]
    fn qty_text(&self) -> String {
        self.terms().1.map_or_else(String::new, |qty| self.instrument.format_qty(qty.steps()))
    }

    /// Where the order is set off, in quote currency; None for one that acts at once or trails.
    ///
    /// Of a replacement where it is to be set off from now on, None where that stays.
    #[getter]
    fn trigger_price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.price_to_py(py, self.set_off().and_then(Trigger::price))
    }

    /// By which price the order is set off: ``last``, ``mark`` or ``mid``; None for one that acts at once.
    #[getter]
    fn trigger(&self) -> Option<&'static str> {
        self.trigger.map(|trigger| trigger.by.as_str())
    }

    /// How far the market has to come back, in quote currency; None for one that does not trail.
    ///
    /// Of a replacement how far from now on, None where that stays.
    #[getter]
    fn trailing_offset<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.price_to_py(py, self.set_off().and_then(Trigger::offset))
    }

    /// How long the order lives; see :class:`~tradecore.types.TimeInForce`.
    #[getter]
    fn time_in_force<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time_in_force_to_py(py, i64::from(self.time_in_force.code()))
    }

    /// When a good-till-date order ends at the venue, ns UTC; None for any other.
    #[getter]
    fn expires_at(&self) -> Option<i64> {
        self.time_in_force.expires_at()
    }

    /// Whether the order rests rather than take liquidity.
    #[getter]
    fn post_only(&self) -> bool {
        self.post_only
    }

    /// Whether, as a post-only order, it is given another price rather than to be rejected.
    #[getter]
    fn slides(&self) -> bool {
        self.slides
    }

    /// Whether the order only makes a position smaller.
    #[getter]
    fn reduce_only(&self) -> bool {
        self.reduce_only
    }

    /// How much of the order is displayed at a time, in contracts (spot: base units); None for all of it.
    #[getter]
    fn display_qty<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.qty_to_py(py, self.display_qty)
    }

    /// When it was sent, ns UTC.
    #[getter]
    fn at_ns(&self) -> i64 {
        self.outgoing.at
    }

    fn __repr__(&self) -> String {
        let mut text = format!("<Command {} {} {}", self.kind(), self.client_id, self.instrument.id);
        let (price, qty) = (self.price_text(), self.qty_text());
        if !qty.is_empty() {
            let price = if price.is_empty() { "market" } else { &price };
            let _ = write!(text, " {} {qty} @ {price}", self.side);
        }
        text + ">"
    }
}

/// Return what venues carry for an order: ``<session>-<strategy>-<order>``, the numbers in base 36.
///
/// Parameters
/// ----------
/// session : str
/// strategy : int
///     Its place among the strategies of the session.
/// order : int
///     Our number of the order within the session.
#[pyfunction]
pub(crate) fn client_id_of(session: &str, strategy: usize, order: u64) -> PyResult<String> {
    let session: SessionId =
        session.parse().map_err(|error: BadSession| errors::invalid("session", error.to_string()))?;
    Ok(session.client_id(StrategyId::new(strategy), order).to_string())
}

/// Return when the first entry of a journal happened, ns UTC; None for an empty one.
///
/// Raises
/// ------
/// DataError
///     For a journal that is damaged.
#[pyfunction]
pub(crate) fn journal_begins(journal: &[u8]) -> PyResult<Option<i64>> {
    let first = entries(journal).next().transpose().map_err(|error| damaged(&error))?;
    Ok(first.map(|entry| match entry {
        Entry::Input { at, .. } | Entry::Command { at, .. } => at,
    }))
}

/// Return the market data of a journal, message by message.
///
/// Returns
/// -------
/// list of (int, int, dict)
///     When a message was taken (ns UTC), the index of its market, and its event columns: arrays (n,) by name, prices
///     and quantities in increments.
///
/// Raises
/// ------
/// DataError
///     For a journal that is damaged.
#[pyfunction]
pub(crate) fn journal_messages<'py>(
    py: Python<'py>,
    journal: &[u8],
) -> PyResult<Vec<(i64, usize, Bound<'py, PyDict>)>> {
    let mut told = Vec::new();
    for entry in entries(journal) {
        if let Entry::Input { at, input: OwnedInput::Message(market, columns) } =
            entry.map_err(|error| damaged(&error))?
        {
            told.push((at, market.index(), to_arrays(py, columns)?));
        }
    }
    Ok(told)
}

fn damaged(problem: &impl ToString) -> PyErr {
    errors::DataError::new_err(("journal", 0, problem.to_string()))
}

/// Return the commands of a journal in the order they left.
///
/// Of each there is when it left (ns UTC), the index of its strategy, and the command in words, which name an order by
/// its terms. Of a journal that is read in pieces, ``terms`` has those of orders by number, and is added to.
///
/// Raises
/// ------
/// DataError
///     For a journal that is damaged, or of other instruments.
#[pyfunction]
#[pyo3(signature = (journal, instruments, *, terms=None))]
pub(crate) fn journal_commands(
    journal: &[u8],
    instruments: Vec<PyRef<'_, PyInstrument>>,
    terms: Option<&Bound<'_, PyDict>>,
) -> PyResult<Vec<(i64, usize, String)>> {
    let pieces = terms;
    let mut terms = HashMap::new();
    let mut told = Vec::new();
    for entry in entries(journal) {
        let entry = entry.map_err(|error| damaged(&error))?;
        let Entry::Command { at, strategy, command } = entry else { continue };
        let market = command.market().index();
        let instrument =
            instruments.get(market).ok_or_else(|| damaged(&format!("no instrument {market}")))?;
        if let Some(before) = pieces.map(|pieces| pieces.get_item(command.order())).transpose()?.flatten() {
            terms.insert(command.order(), before.extract()?);
        }
        let text = in_words(&command, &instrument.0, &mut terms);
        told.push((at, strategy.index(), text));
    }
    if let Some(pieces) = pieces {
        terms.iter().try_for_each(|(order, text)| pieces.set_item(order, text))?;
    }
    Ok(told)
}

/// A command in words; `terms` are those of the orders before.
fn in_words(command: &CoreCommand, instrument: &Instrument, terms: &mut HashMap<u64, String>) -> String {
    let priced = |price: Price| format!("@ {}", instrument.format_price(price.steps()));
    match command {
        CoreCommand::Submit { order, request } => {
            let OrderRequest { side, qty, order_type, .. } = request;
            let qty = instrument.format_qty(qty.steps());
            let price = order_type.price().map_or_else(|| "at market".to_owned(), priced);
            let order_text = format!("{side} {qty} {} {price}", instrument.id);
            terms.insert(*order, order_text.clone());
            order_text + &terms_in_words(request, instrument)
        }
        CoreCommand::Cancel { order, .. } => {
            format!("cancel {}", terms.get(order).map_or("an order", String::as_str))
        }
        CoreCommand::Replace { order, terms: NewTerms { price, qty, trigger }, .. } => {
            let before = terms.get(order).map_or("an order", String::as_str);
            let moved = trigger.map(|to| format!(", set off {}", priced(to))).unwrap_or_default();
            format!("replace {before} by {} {}{moved}", instrument.format_qty(qty.steps()), priced(*price))
        }
    }
}

/// What an order says beside side, quantity and price.
fn terms_in_words(request: &OrderRequest, instrument: &Instrument) -> String {
    let mut words = String::new();
    if let Some(Trigger { at, by }) = request.trigger {
        let (what, price) = match at {
            TriggerAt::Stop { price } => ("stop at", price),
            TriggerAt::TakeProfit { price } => ("take profit at", price),
            TriggerAt::Trailing { offset } => ("trailing by", offset),
        };
        let _ = write!(words, " {what} {} {}", by.as_str(), instrument.format_price(price.steps()));
    }
    let lives = request.time_in_force;
    match lives {
        TimeInForce::Gtc => {}
        TimeInForce::Gtd { expires_at } => {
            let _ = write!(words, " gtd {expires_at}");
        }
        TimeInForce::Ioc | TimeInForce::Fok | TimeInForce::Day => {
            let _ = write!(words, " {}", lives.as_str());
        }
    }
    for (is_so, word) in
        [(request.post_only, " post_only"), (request.slides, " slide"), (request.reduce_only, " reduce_only")]
    {
        words.push_str(if is_so { word } else { "" });
    }
    if let Some(display) = request.display_qty {
        let _ = write!(words, " displaying {}", instrument.format_qty(display.steps()));
    }
    words
}
