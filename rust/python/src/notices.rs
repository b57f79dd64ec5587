//! What a simulated venue tells, and what a gate refused on the way to it, as Python objects.

use std::sync::Arc;

use pyo3::prelude::*;
use tradecore_core::kernel::{Kernel, Refusal as CoreRefusal};
use tradecore_core::ledger::Payment;
use tradecore_core::orders::{FeeCoin, FillEvent, Liquidity, NewTerms, OrderKey, Report, ReportKind};
use tradecore_core::sim::Notice as CoreNotice;
use tradecore_core::types::{AccountId, Instrument, MarketId, Price, Qty};

use crate::values::{fine, money_to_py, price_to_py, qty_to_py};

/// What a simulated venue tells an account: a report on an order, or money that it moved.
///
/// :meth:`Kernel.notice` takes it whole. What does not go with its kind is None.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Notice {
    pub(crate) at: i64,
    pub(crate) what: CoreNotice,
    instrument: Arc<Instrument>,
}

impl Notice {
    pub(crate) fn new(at: i64, notice: CoreNotice, instrument: &dyn Fn(MarketId) -> Arc<Instrument>) -> Self {
        let (CoreNotice::Report(_, market, _) | CoreNotice::Payment(Payment { market, .. })) = &notice;
        let instrument = instrument(*market);
        Self { at, what: notice, instrument }
    }

    /// A venue's word on an order that a kernel knows, by our number of it, at the time of its input.
    pub(crate) fn on_order(kernel: &Kernel, at: i64, report: &Report) -> Option<Self> {
        let order = kernel.order(&report.order)?;
        let report = Report { order: OrderKey::Id(order.id), ..report.clone() };
        let told = CoreNotice::Report(kernel.account_of(order.strategy), order.market, report);
        Some(Self::new(at, told, &|market| Arc::clone(kernel.instrument(market))))
    }

    fn place(&self) -> (AccountId, MarketId) {
        match &self.what {
            CoreNotice::Report(account, market, _) => (*account, *market),
            CoreNotice::Payment(payment) => (payment.account, payment.market),
        }
    }

    fn report(&self) -> Option<&Report> {
        if let CoreNotice::Report(_, _, report) = &self.what { Some(report) } else { None }
    }

    fn told(&self) -> Option<ReportKind> {
        self.report().map(|report| report.kind)
    }

    fn payment(&self) -> Option<&Payment> {
        if let CoreNotice::Payment(payment) = &self.what { Some(payment) } else { None }
    }

    /// Of a fill, and what an order was replaced by or given.
    fn terms(&self) -> (Option<Price>, Option<Qty>) {
        match self.told() {
            Some(ReportKind::Fill { price, qty, .. } | ReportKind::Replaced(NewTerms { price, qty, .. })) => {
                (Some(price), Some(qty))
            }
            Some(ReportKind::Reduced { qty }) => (None, Some(qty)),
            Some(ReportKind::Repriced { price }) => (Some(price), None),
            _ => (None, None),
        }
    }

    fn qty_of<'py>(&self, py: Python<'py>, qty: Option<i64>) -> PyResult<Option<Bound<'py, PyAny>>> {
        qty.map(|qty| qty_to_py(py, &self.instrument, qty)).transpose()
    }
}

#[pymethods]
impl Notice {
    /// When it reaches the account, ns UTC.
    #[getter]
    fn at_ns(&self) -> i64 {
        self.at
    }

    /// Index of the account.
    #[getter]
    fn account(&self) -> usize {
        self.place().0.index()
    }

    /// Index of the market.
    #[getter]
    fn market(&self) -> usize {
        self.place().1.index()
    }

    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.instrument.id.as_str()
    }

    /// What happened.
    ///
    /// Of a report as :meth:`Kernel.report` has it, such as ``fill``; of money ``funding``, ``settlement``,
    /// ``delivery_fee``, ``liquidation``, ``liquidation_fee`` or ``interest``.
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.what {
            CoreNotice::Report(_, _, report) => report.kind.as_str(),
            CoreNotice::Payment(payment) => payment.kind.as_str(),
        }
    }

    /// Number of the order; None of money.
    #[getter]
    fn order(&self) -> Option<u64> {
        match self.report()?.order {
            OrderKey::Id(order) => Some(order),
            OrderKey::Client(_) | OrderKey::Venue(_) => None,
        }
    }

    /// Number of a fill at the venue.
    #[getter]
    fn execution(&self) -> Option<String> {
        self.report()?.execution.as_ref().map(ToString::to_string)
    }

    /// What is filled of the order after a fill, in contracts (spot: base units).
    #[getter]
    fn cumulative<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.qty_of(py, self.report().and_then(|report| report.cumulative).map(Qty::steps))
    }

    /// When it happened at the venue, ns UTC.
    #[getter]
    fn ts_event(&self) -> i64 {
        match &self.what {
            CoreNotice::Report(_, _, report) => report.ts_event,
            CoreNotice::Payment(payment) => payment.ts_event,
        }
    }

    /// Of a fill, and what an order is replaced by or given, in quote currency.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let price = self.terms().0;
        price.map(|price| price_to_py(py, &self.instrument, price.steps())).transpose()
    }

    /// Where an order is set off from now on, or how far it trails, in quote currency; None where that stays.
    #[getter]
    fn trigger_price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(ReportKind::Replaced(NewTerms { trigger: Some(price), .. })) = self.told() else {
            return Ok(None);
        };
        price_to_py(py, &self.instrument, price.steps()).map(Some)
    }

    /// In contracts (spot: base units): of a fill, of an order's new total, of what money is paid on (signed).
    #[getter]
    fn qty<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let paid_on = self.payment().map(|payment| payment.qty);
        self.qty_of(py, self.terms().1.map(Qty::steps).or(paid_on))
    }

    /// Of a fill: ``maker`` or ``taker``.
    #[getter]
    fn liquidity(&self) -> Option<&'static str> {
        match self.told() {
            Some(ReportKind::Fill { liquidity: Liquidity::Maker, .. }) => Some("maker"),
            Some(ReportKind::Fill { liquidity: Liquidity::Taker, .. }) => Some("taker"),
            _ => None,
        }
    }

    /// Of a fill: its fee in the settlement currency; negative is a rebate.
    #[getter]
    fn fee<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(ReportKind::Fill { fee, .. }) = self.told() else { return Ok(None) };
        money_to_py(py, fee).map(Some)
    }

    /// Of a fill whose fee is not paid in the settlement currency: the coin it is paid in, and how much of it.
    #[getter]
    fn fee_paid<'py>(&self, py: Python<'py>) -> PyResult<Option<(String, Bound<'py, PyAny>)>> {
        let Some(paid) = self.report().and_then(|report| report.paid) else { return Ok(None) };
        let token = || self.instrument.third_fee_coin().unwrap_or_default();
        let coin = if paid.coin == FeeCoin::Base { &*self.instrument.base } else { token() };
        Ok(Some((coin.to_owned(), money_to_py(py, paid.amount)?)))
    }

    /// Why an order was refused, or ended.
    #[getter]
    fn reason(&self) -> Option<&'static str> {
        match self.told() {
            Some(
                ReportKind::Rejected(reason)
                | ReportKind::CancelRejected(reason)
                | ReportKind::ReplaceRejected(reason)
                | ReportKind::Expired(reason),
            ) => Some(reason.as_str()),
            _ => None,
        }
    }

    /// Of a fill, what made the order trade.
    ///
    /// ``print`` (a trade of the market), ``book`` (the other side came to its price), ``taker`` (it took what was
    /// there) or ``own_order`` (an order of another account took it).
    #[getter]
    fn made_by(&self) -> Option<&'static str> {
        self.report()?.origin.map(|origin| match origin.event {
            FillEvent::Print => "print",
            FillEvent::Book => "book",
            FillEvent::Taker => "taker",
            FillEvent::OwnOrder => "own_order",
        })
    }

    /// Of money: what the account pays in the settlement currency; negative is received.
    #[getter]
    fn paid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.payment().map(|payment| money_to_py(py, payment.paid)).transpose()
    }

    /// Of money: the price the position was valued or closed at, in quote currency.
    #[getter]
    fn valued_at(&self) -> Option<f64> {
        self.payment().map(|payment| fine(payment.price))
    }

    /// Of money: the fraction of the position's value that a long pays, or a fee is.
    #[getter]
    fn rate(&self) -> Option<f64> {
        self.payment().map(|payment| fine(payment.rate))
    }

    fn __repr__(&self) -> String {
        let order = self.order().map_or(String::new(), |order| format!(" order {order}"));
        format!("<Notice {} {}{order} account {}>", self.kind(), self.instrument.id, self.account())
    }
}

/// A command that the gate of its kernel refused, to be brought back by its driver.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Refusal(pub(crate) CoreRefusal);

#[pymethods]
impl Refusal {
    /// When the command was sent, ns UTC.
    #[getter]
    fn at_ns(&self) -> i64 {
        self.0.at
    }

    /// Index of the account it was for.
    #[getter]
    fn account(&self) -> usize {
        self.0.account.index()
    }

    /// Number of the order.
    #[getter]
    fn order_id(&self) -> u64 {
        self.0.command.order()
    }

    /// Index of the market.
    #[getter]
    fn market(&self) -> usize {
        self.0.command.market().index()
    }

    /// Why it was refused.
    #[getter]
    fn reason(&self) -> &'static str {
        self.0.reason.as_str()
    }

    fn __repr__(&self) -> String {
        format!("<Refusal of order {}: {}>", self.order_id(), self.reason())
    }
}
