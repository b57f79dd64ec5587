//! What limits say: `ctx.risk`, profiles and sizes.

use std::sync::Arc;

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use tradecore_core::kernel::{Kernel, StopUse};
use tradecore_core::ledger::ContractMath;
use tradecore_core::risk::{
    self as core, Check, Counts, Limits, Profile, SizeTerms, Units, fine_to_f64, parse_amount, to_decimal,
};
use tradecore_core::types::{Price, Qty, Side, format_duration};

use crate::columns::slice_of;
use crate::errors;
use crate::instrument::PyInstrument;
use crate::risk_config::{bad, held, set, to_risk};
use crate::shared::Shared;
use crate::terms::{OrderTerms, PostOnly};
use crate::values::{decimal_to_py, text_of, to_number, to_side, to_steps, unexpected};

/// Return the checks there are, in order: name of the limit, what it counts, whether it trips the breaker.
#[pyfunction]
pub(crate) fn risk_checks() -> Vec<(&'static str, &'static str, bool)> {
    let word = |counts: Counts| match counts {
        Counts::Qty => "qty",
        Counts::Money => "money",
        Counts::Number => "number",
        Counts::Ratio => "ratio",
        Counts::Bps => "bps",
        Counts::Rate => "rate",
        Counts::BpsIn => "bps_in",
        Counts::Length => "duration",
        Counts::Flag => "flag",
    };
    let limits = Check::ALL.into_iter().filter(|check| check.is_limit());
    limits.map(|check| (check.as_str(), word(check.counts()), check.trips())).collect()
}

/// Return what a profile limits for a capital, by field of RiskLimits, and its percent at risk in a trade.
///
/// Raises
/// ------
/// InvalidValueError
///     For another name, or a capital that is no amount above 0.
#[pyfunction]
pub(crate) fn risk_profile<'py>(
    py: Python<'py>,
    name: &str,
    capital: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let profile = Profile::ALL.into_iter().find(|profile| profile.as_str() == name).ok_or_else(|| {
        let words = Profile::ALL.map(Profile::as_str).join(", ");
        errors::invalid("name", format!("{name:?} is none of {words}"))
    })?;
    let capital = parse_amount("capital", &text_of(capital)?).map_err(bad)?;
    let out = PyDict::new(py);
    for (check, limit) in profile.limits(capital).account.iter() {
        out.set_item(check.as_str(), units_to_py(py, limit.value)?)?;
    }
    out.set_item("capital", units_to_py(py, capital)?)?;
    out.set_item("risk_per_trade_pct", profile.risk_pct())?;
    Ok(out)
}

fn units_to_py(py: Python<'_>, units: Units) -> PyResult<Bound<'_, PyAny>> {
    decimal_to_py(py, to_decimal(units))
}

/// Return how much to trade, in whole lots, and what it is bound by; see :func:`tradecore.risk.size`.
#[pyfunction]
#[pyo3(signature = (instrument, capital, entry, *, stop=None, risk_pct=None, volatility=None, target_volatility=None,
    win_rate=None, win_loss_ratio=None, kelly_cap=None, limits=None, at_ns=None))]
#[allow(clippy::too_many_arguments, reason = "the terms of a size")]
pub(crate) fn size_position<'py>(
    py: Python<'py>,
    instrument: &PyInstrument,
    capital: &Bound<'py, PyAny>,
    entry: &Bound<'py, PyAny>,
    stop: Option<&Bound<'py, PyAny>>,
    risk_pct: Option<&Bound<'py, PyAny>>,
    volatility: Option<&Bound<'py, PyAny>>,
    target_volatility: Option<&Bound<'py, PyAny>>,
    win_rate: Option<&Bound<'py, PyAny>>,
    win_loss_ratio: Option<&Bound<'py, PyAny>>,
    kelly_cap: Option<&Bound<'py, PyAny>>,
    limits: Option<&Bound<'py, PyAny>>,
    at_ns: Option<i64>,
) -> PyResult<(Bound<'py, PyAny>, &'static str)> {
    let spec = &instrument.0;
    let math = ContractMath::new(spec).map_err(|error| errors::money(error.of(spec)))?;
    let number = |field: &str, given: Option<&Bound<'py, PyAny>>, most: f64| -> PyResult<Option<f64>> {
        given.map(|given| to_number(field, given, f64::MIN_POSITIVE..=most)).transpose()
    };
    let price = |field: &str, given: &Bound<'py, PyAny>| -> PyResult<i64> {
        to_steps(field, spec.id.as_str(), spec.price_increment, given)
    };
    let pair = |first: (&str, Option<f64>), second: (&str, Option<f64>)| match (first.1, second.1) {
        (Some(a), Some(b)) => Ok(Some((a, b))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(errors::invalid(second.0, format!("missing: it goes with {}", first.0))),
        (None, Some(_)) => Err(errors::invalid(first.0, format!("missing: it goes with {}", second.0))),
    };
    let kelly = pair(
        ("win_rate", number("win_rate", win_rate, 1.0)?),
        ("win_loss_ratio", number("win_loss_ratio", win_loss_ratio, 1e9)?),
    )?;
    let cap = number("kelly_cap", kelly_cap, 1.0)?;
    let volatility = pair(
        ("volatility", number("volatility", volatility, 1e9)?),
        ("target_volatility", number("target_volatility", target_volatility, 1e9)?),
    )?;
    let mut terms = SizeTerms {
        capital: parse_amount("capital", &text_of(capital)?).map_err(bad)?,
        entry: price("entry", entry)?,
        stop: stop.map(|stop| price("stop", stop)).transpose()?,
        risk: number("risk_pct", risk_pct, 100.0)?.map(|percent| percent / 100.0),
        volatility,
        kelly: kelly.map(|(chance, odds)| (chance, odds, cap.unwrap_or(0.25))),
        margin: None,
    };
    let config = limits.map(|given| to_risk(given, held)).transpose()?.unwrap_or_default();
    let limits = config.of_instrument(spec);
    if limits.get(Check::MaxMarginUse).is_some() {
        terms.margin = Some(config.margin_of(spec).map_err(bad)?);
    }
    let now = at_ns.unwrap_or(i64::MAX);
    let sized = core::size(spec, &math, now, &terms, &limits).map_err(bad)?;
    Ok((decimal_to_py(py, spec.qty_increment.to_decimal(sized.qty.steps()))?, sized.by))
}

/// A limit that a request would have passed.
///
/// Examples
/// --------
/// >>> def names(order):  # of what on_order is called with
/// ...     return [breach.check.value for breach in order.breaches]
#[pyclass(frozen, module = "tradecore.risk")]
pub(crate) struct RiskBreach(pub(crate) core::Breach);

#[pymethods]
impl RiskBreach {
    /// The check that failed; see :class:`~tradecore.types.RiskCheck`.
    #[getter]
    fn check<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        check_to_py(py, self.0.check)
    }

    /// Whose limit it is: ``account``, ``venue``, ``instrument`` or ``strategy``.
    #[getter]
    fn scope(&self) -> &'static str {
        self.0.scope.as_str()
    }

    /// The name of the venue, instrument or strategy; the number of the account.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The limit, in what it counts: units, currency, orders, basis points, ns.
    #[getter]
    fn limit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        units_to_py(py, self.0.limit)
    }

    /// What it would have come to, as the limit counts: base units, quote currency, basis points, ns.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        units_to_py(py, self.0.value)
    }

    fn __repr__(&self) -> String {
        let core::Breach { check, scope, name, limit, value } = &self.0;
        let (limit, value) = (to_decimal(*limit), to_decimal(*value));
        format!("<RiskBreach {} of {} {name}: {value}, the limit is {limit}>", check.as_str(), scope.as_str())
    }
}

fn check_to_py(py: Python<'_>, check: Check) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: pyo3::sync::PyOnceLock<Py<pyo3::types::PyType>> = pyo3::sync::PyOnceLock::new();
    CLASS.import(py, "tradecore.types", "RiskCheck")?.call1((check.as_str(),))
}

/// Breaches as Python has them.
pub(crate) fn breaches_to_py<'py>(
    py: Python<'py>,
    breaches: &[core::Breach],
) -> PyResult<Bound<'py, PyTuple>> {
    let made: Vec<_> =
        breaches.iter().map(|breach| Py::new(py, RiskBreach(breach.clone()))).collect::<PyResult<_>>()?;
    PyTuple::new(py, made)
}

/// A limit and what it stands at, as a dictionary.
fn use_to_py<'py>(py: Python<'py>, of: &core::Use) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("check", of.check.as_str())?;
    out.set_item("scope", of.scope.as_str())?;
    out.set_item("name", &*of.name)?;
    out.set_item("limit", units_to_py(py, of.limit.value)?)?;
    out.set_item("window", (of.limit.window > 0).then(|| format_duration(of.limit.window)))?;
    out.set_item("value", of.value.map(|value| units_to_py(py, value)).transpose()?)?;
    let used = of.value.filter(|_| of.limit.value > 0);
    out.set_item("used_pct", used.map(|value| value as f64 / of.limit.value as f64 * 100.0))?;
    Ok(out)
}

/// What the limits of all strategies of a kernel stand at, each once.
pub(crate) fn uses_to_py<'py>(py: Python<'py>, kernel: &Kernel) -> PyResult<Bound<'py, PyList>> {
    let uses = kernel.all_limit_uses();
    let rows = uses.iter().map(|of| use_to_py(py, of)).collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, rows)
}

/// Limits while a hook runs: what holds for the strategy, what it stands at, and what may be done about it.
///
/// Examples
/// --------
/// >>> ctx.risk.state
/// 'active'
/// >>> ctx.risk.tighten(max_position_qty="0.5")
/// >>> ctx.risk.check("BTCUSDT.SYNTH", "buy", 1)[0].check.value
/// 'max_position_qty'
#[pyclass(frozen, module = "tradecore.risk")]
pub(crate) struct RiskView {
    shared: Arc<Shared>,
}

impl RiskView {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }
}

impl RiskView {
    fn stop_to_py<'py>(&self, py: Python<'py>, of: &StopUse) -> PyResult<Bound<'py, PyDict>> {
        let instrument = self.shared.instrument(of.market);
        let price = |price| fine_to_f64(price, instrument.price_increment);
        let levels = &of.levels;
        let out = PyDict::new(py);
        out.set_item("instrument", instrument.id.as_str())?;
        out.set_item("scope", of.scope.as_str())?;
        out.set_item("name", &*of.name)?;
        out.set_item("trigger", levels.trigger.as_str())?;
        out.set_item("stop", levels.stop.map(|(_, kind)| kind.as_str()))?;
        out.set_item("level", levels.stop.map(|(level, _)| price(level)))?;
        out.set_item("take_profit", levels.take_profit.map(price))?;
        out.set_item("until_ns", levels.until)?;
        out.set_item("max_loss", levels.max_loss.map(|most| units_to_py(py, most)).transpose()?)?;
        out.set_item("is_closing", of.is_closing)?;
        Ok(out)
    }
}

#[pymethods]
impl RiskView {
    /// What the strategy may do: ``active``, ``reducing``, ``paused``, ``stopped`` or ``halted``.
    ///
    /// While it is ``reducing`` only orders that make a position smaller pass, or, after the kill switch, nothing while
    /// positions are being closed.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.shared.with(py, |ctx| ctx.trading_state().as_str())
    }

    /// Every limit that holds for the strategy and what it stands at, a dictionary each.
    ///
    /// ``check, scope, name, limit, window, value, used_pct``: ``window`` is text, None where it counts over none;
    /// ``value`` and its percent of the limit are None for limits of single orders.
    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let uses = self.shared.with(py, |ctx| ctx.limit_uses())?;
        PyList::new(py, uses.iter().map(|of| use_to_py(py, of)).collect::<PyResult<Vec<_>>>()?)
    }

    /// What stops say of every position that they watch, a dictionary for each set and position.
    ///
    /// ``instrument, scope, name, trigger, stop, level, take_profit, until_ns, max_loss, is_closing``: ``level`` is
    /// the price at which ``stop`` cuts the loss, ``take_profit`` where the next gain is taken, ``until_ns`` when it
    /// has been held long enough; what a set does not say is None. ``is_closing`` is whether one is closing all of it.
    #[getter]
    fn stops<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let uses = self.shared.with(py, |ctx| ctx.stop_uses())?;
        let rows = uses.iter().map(|of| self.stop_to_py(py, of)).collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, rows)
    }

    /// How many percent are used of the limits that count something, by name; of several of one name the most.
    #[getter]
    fn used_pct<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        for of in self.shared.with(py, |ctx| ctx.limit_uses())? {
            let Some(value) = of.value.filter(|_| of.limit.value > 0) else { continue };
            let used = value as f64 / of.limit.value as f64 * 100.0;
            let before: Option<f64> = match out.get_item(of.check.as_str())? {
                Some(before) => Some(before.extract()?),
                None => None,
            };
            if before.is_none_or(|before| used > before) {
                out.set_item(of.check.as_str(), used)?;
            }
        }
        Ok(out)
    }

    /// Return every limit that a new order would pass, with limit and value; empty where no limit is in its way.
    ///
    /// Nothing is sent and nothing is counted. Rules of the venue, and a session that is paused or killed, are not
    /// looked at. Without a price it is a market order.
    #[pyo3(signature = (instrument, side, qty, price=None, *, reduce_only=false))]
    fn check<'py>(
        &self,
        instrument: &Bound<'py, PyAny>,
        side: &Bound<'py, PyAny>,
        qty: &Bound<'py, PyAny>,
        price: Option<&Bound<'py, PyAny>>,
        reduce_only: bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let py = instrument.py();
        let market = self.shared.market(instrument)?;
        let terms = OrderTerms {
            kind: None,
            trigger_price: None,
            trigger: None,
            trailing_offset: None,
            time_in_force: None,
            expires_at: None,
            post_only: PostOnly::OFF,
            reduce_only,
            display_qty: None,
            client_id: None,
        };
        let request = terms.request(market, self.shared.instrument(market), || to_side(side), qty, price)?;
        let breaches = self.shared.with(py, |ctx| ctx.breaches(&request))?;
        if breaches.is_empty() {
            return Ok(PyTuple::empty(py));
        }
        breaches_to_py(py, &breaches)
    }

    /// Return of many limit orders whether each by itself would pass, bool (n,).
    ///
    /// Parameters
    /// ----------
    /// instrument : str or Instrument
    /// sides : int8 (n,)
    ///     1 to buy, -1 to sell.
    /// prices, qtys : int64 (n,)
    ///     In price and quantity increments of the instrument.
    fn check_many<'py>(
        &self,
        instrument: &Bound<'py, PyAny>,
        sides: PyReadonlyArray1<'py, i8>,
        prices: PyReadonlyArray1<'py, i64>,
        qtys: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Bound<'py, PyArray1<bool>>> {
        let py = instrument.py();
        let market = self.shared.market(instrument)?;
        let sides = slice_of(&sides, "sides")?;
        let (prices, qtys) = (slice_of(&prices, "prices")?, slice_of(&qtys, "qtys")?);
        if sides.len() != prices.len() || sides.len() != qtys.len() {
            let problem = format!("{} of {} sides", prices.len().min(qtys.len()), sides.len());
            return Err(errors::invalid("prices", problem));
        }
        if let Some(at) = sides.iter().position(|side| !matches!(side, -1 | 1)) {
            return Err(errors::invalid("sides", format!("{} at {at}, expected 1 or -1", sides[at])));
        }
        let mut passes = Vec::with_capacity(sides.len());
        let orders = sides.iter().zip(prices).zip(qtys).map(|((side, price), qty)| {
            (if *side > 0 { Side::Buy } else { Side::Sell }, Price::new(*price), Qty::new(*qty))
        });
        self.shared.with(py, |ctx| ctx.pass_limits(market, orders, |pass| passes.push(pass)))?;
        Ok(PyArray1::from_vec(py, passes))
    }

    /// Tighten limits of the strategy's own; those of others still hold, and no limit becomes wider.
    ///
    /// Parameters are those of :class:`tradecore.RiskLimits` that are limits.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For what is no limit, and one that would be wider than the one that holds; nothing has changed then.
    #[pyo3(signature = (**limits))]
    fn tighten(&self, py: Python<'_>, limits: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let mut tighter = Limits::default();
        for (name, value) in limits.into_iter().flatten() {
            let name = name.cast::<PyString>()?.to_cow()?.into_owned();
            let check = Check::ALL.into_iter().find(|check| check.is_limit() && check.as_str() == name);
            let check = check.ok_or_else(|| errors::invalid(&name, "is no limit"))?;
            if value.is_none() {
                return Err(unexpected(&name, "a limit", &value));
            }
            set(&mut tighter, check, &value)?;
        }
        self.shared.with(py, |ctx| ctx.tighten(&tighter))?.map_err(bad)
    }

    /// Cancel all orders and close all positions, of every strategy of the session.
    ///
    /// Nothing else passes from now on until a person resumes trading. Positions are closed by reduce-only market
    /// orders; what a thin book leaves of them is sent again ten times a second until nothing is held.
    fn kill(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.with(py, tradecore_core::kernel::Context::kill)
    }

    fn __repr__(&self) -> String {
        format!("<RiskView of {} instruments>", self.shared.markets())
    }
}
