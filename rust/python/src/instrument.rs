//! `Instrument`.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};
use tradecore_core::ledger::ContractMath;
use tradecore_core::types::{
    Decimal, FeeCurrency, Instrument, InstrumentKind, InstrumentSpec, KindTerms, OptionSide, OrderTerms,
    OrderTermsSpec, Side, TermsChange, TermsError,
};

use crate::errors;
use crate::values::{decimal_to_py, repr_of, text_of, to_decimal, to_f64, to_integer, to_side, to_steps};

/// What is traded: identity, grid, contract kind, fees. Immutable, hashable, picklable.
///
/// Parameters
/// ----------
/// id : str
///     ``SYMBOL.VENUE`` with the venue's own symbol.
/// kind : str
///     ``spot``, ``linear``, ``inverse``, ``quanto``, ``option`` or ``binary``; see
///     :class:`~tradecore.types.InstrumentKind`.
/// base, quote : str
///     Currencies.
/// price_increment, qty_increment : Decimal, str or int
///     Finest steps ever quoted; the unit of every number inside.
/// settlement : str, optional
///     Currency of profit, loss and fees; the base for inverse, else the quote if not given. A quanto contract has to
///     name it. An option that settles in its base is settled in coin, any other in cash.
/// tick_size, lot_size : Decimal, str or int, optional
///     Steps of an order; the increments if not given.
/// min_qty, min_notional : Decimal, str or int, optional
///     Smallest quantity (one lot if not given) and smallest notional in quote currency (none) of an order.
/// max_qty : Decimal, str or int, optional
///     Largest quantity of an order; none if not given.
/// contract_size : Decimal, str or int, optional
///     Base units (linear, option) or quote units (inverse) a contract stands for, or settlement units it gains with
///     a unit of price (quanto); 1 if not given.
/// maker_fee_bps, taker_fee_bps : Decimal, str or int, optional
///     Fees in basis points of a fill's value, negative for a rebate; 0 if not given.
/// fee_currency : str, optional
///     Currency in which the fees of a spot instrument are paid, or ``received`` for the one that is bought: the base
///     of a buy, the quote of a sell; the quote if not given. It matters where a venue has ``balances``.
/// expiry_ns : int or str, optional
///     When it expires, ns UTC. Options need it; a contract without is perpetual.
/// strike : Decimal, str or int, optional
///     An option's price of exercise, in quote currency.
/// option_side : str, optional
///     ``call`` or ``put``.
/// outcome : str, optional
///     What a binary token pays on, in the venue's words.
/// listing_ns : int or str, optional
///     When trading in it begins, ns UTC; it always has been traded if not given.
/// settlement_price : Decimal, str or int, optional
///     What it is settled at when it expires: the price of what it is written on, in quote currency; of a binary token
///     1 if its outcome came true, else 0. If not given it is the last index price of the data, of a future else its
///     mark or mid.
/// changes : sequence of mapping, optional
///     What became another, in order of time: ``from`` (a time with its zone, as text in ISO 8601 or as a datetime) or
///     ``from_ns``, and ``tick_size``, ``lot_size``, ``min_qty``, ``max_qty`` or ``min_notional`` as of then; what
///     is not named stays. What stands outside of the changes holds before the first.
///
/// Raises
/// ------
/// InstrumentError
///     Naming the field that does not hold.
///
/// Examples
/// --------
/// >>> perpetual = tc.Instrument(
/// ...     "BTCUSDT.TEST",
/// ...     kind="linear",
/// ...     base="BTC",
/// ...     quote="USDT",
/// ...     price_increment="0.1",
/// ...     qty_increment="0.001",
/// ...     taker_fee_bps="4",
/// ... )
/// >>> perpetual.settlement, perpetual.tick_size, perpetual.is_perpetual
/// ('USDT', Decimal('0.1'), True)
#[pyclass(frozen, name = "Instrument", module = "tradecore", eq, from_py_object)]
#[derive(Clone, PartialEq)]
pub(crate) struct PyInstrument(pub(crate) Arc<Instrument>);

fn optional(field: &str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Decimal>> {
    value.map(|v| to_decimal(field, v)).transpose()
}

/// A change of what orders have to keep to: from when, ns, and what.
fn terms_change(id: &str, number: usize, given: &Bound<'_, PyMapping>) -> PyResult<(i64, OrderTermsSpec)> {
    let py = given.py();
    let fail = |problem: String| {
        errors::terms(id, TermsError { field: "changes", problem: format!("number {number}: {problem}") })
    };
    let (mut from, mut terms) = (None, OrderTermsSpec::default());
    for item in given.items()? {
        let (key, value) = item.extract::<(String, Bound<'_, PyAny>)>()?;
        let term = match key.as_str() {
            "from" | "from_ns" => {
                if from.is_some() {
                    return Err(fail("from is given as from_ns too".into()));
                }
                let time = if key == "from" {
                    py.import("tradecore.instruments")?.call_method1("time_ns", (id, "changes", value))?
                } else {
                    value
                };
                from = Some(to_integer("from_ns", &time)?);
                continue;
            }
            "tick_size" => &mut terms.tick_size,
            "lot_size" => &mut terms.lot_size,
            "min_qty" => &mut terms.min_qty,
            "max_qty" => &mut terms.max_qty,
            "min_notional" => &mut terms.min_notional,
            _ => return Err(fail(format!("unknown field {key}"))),
        };
        *term = Some(to_decimal(&key, &value)?);
    }
    let from = from.ok_or_else(|| fail("from is missing: when it came into force".into()))?;
    Ok((from, terms))
}

/// An instrument given as itself, or by the id of a shipped one.
pub(crate) struct Named(pub(crate) PyInstrument);

impl<'py> FromPyObject<'_, 'py> for Named {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(instrument) = given.cast::<PyInstrument>() {
            return Ok(Self(instrument.get().clone()));
        }
        if given.is_instance_of::<PyString>() {
            let found =
                given.py().import("tradecore.instruments")?.call_method1("find_instrument", (given,))?;
            return Ok(Self(found.cast::<PyInstrument>()?.get().clone()));
        }
        Err(no_instrument(&given))
    }
}

/// What to say of something that is no instrument.
pub(crate) fn no_instrument(given: &Bound<'_, PyAny>) -> PyErr {
    let shown = repr_of(given);
    errors::invalid(
        "instrument",
        format!("expected an Instrument or its id, such as 'BTCUSDT.BINANCE', got {shown}"),
    )
}

/// The nearest price an order may have that is no worse for its sender.
pub(crate) fn rounded_price(
    instrument: &Instrument,
    terms: &OrderTerms,
    side: Side,
    price: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let steps = instrument.round_price(terms, side, to_f64("price", price)?);
    steps.map(|steps| instrument.price_increment.to_f64(steps)).ok_or_else(|| no_number("price", price))
}

/// The largest quantity an order may have that is not above `qty`.
pub(crate) fn rounded_qty(
    instrument: &Instrument,
    terms: &OrderTerms,
    qty: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let steps = instrument.round_qty(terms, to_f64("qty", qty)?);
    steps.map(|steps| instrument.qty_increment.to_f64(steps)).ok_or_else(|| no_number("qty", qty))
}

fn no_number(field: &str, value: &Bound<'_, PyAny>) -> PyErr {
    errors::invalid(field, format!("{value} is no number that could be rounded"))
}

/// What an order has to keep to, as text by field.
fn terms_text(i: &Instrument, terms: &OrderTerms) -> [(&'static str, Option<String>); 5] {
    let qty = |steps| i.qty_increment.to_decimal(steps).to_string();
    [
        ("tick_size", Some(i.price_increment.to_decimal(terms.tick_size).to_string())),
        ("lot_size", Some(qty(terms.lot_size))),
        ("min_qty", Some(qty(terms.min_qty))),
        ("max_qty", terms.max_qty.map(qty)),
        ("min_notional", Some(terms.min_notional.to_string())),
    ]
}

#[pymethods]
impl PyInstrument {
    #[new]
    #[pyo3(signature = (id, *, kind, base, quote, price_increment, qty_increment, settlement=None, tick_size=None,
        lot_size=None, min_qty=None, max_qty=None, min_notional=None, contract_size=None, maker_fee_bps=None, taker_fee_bps=None,
        fee_currency=None, expiry_ns=None, strike=None, option_side=None, outcome=None, listing_ns=None,
        settlement_price=None, changes=None))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of a specification")]
    fn new(
        id: &str,
        kind: &str,
        base: String,
        quote: String,
        price_increment: &Bound<'_, PyAny>,
        qty_increment: &Bound<'_, PyAny>,
        settlement: Option<String>,
        tick_size: Option<&Bound<'_, PyAny>>,
        lot_size: Option<&Bound<'_, PyAny>>,
        min_qty: Option<&Bound<'_, PyAny>>,
        max_qty: Option<&Bound<'_, PyAny>>,
        min_notional: Option<&Bound<'_, PyAny>>,
        contract_size: Option<&Bound<'_, PyAny>>,
        maker_fee_bps: Option<&Bound<'_, PyAny>>,
        taker_fee_bps: Option<&Bound<'_, PyAny>>,
        fee_currency: Option<String>,
        expiry_ns: Option<&Bound<'_, PyAny>>,
        strike: Option<&Bound<'_, PyAny>>,
        option_side: Option<&str>,
        outcome: Option<String>,
        listing_ns: Option<&Bound<'_, PyAny>>,
        settlement_price: Option<&Bound<'_, PyAny>>,
        changes: Option<Vec<Bound<'_, PyMapping>>>,
    ) -> PyResult<Self> {
        let terms = |error: TermsError| errors::terms(id, error);
        let given = KindTerms {
            expiry: expiry_ns.map(|ns| to_integer("expiry_ns", ns)).transpose()?,
            strike: optional("strike", strike)?,
            option_side: option_side.map(str::parse).transpose().map_err(terms)?,
            outcome,
        };
        let settles_in_base = settlement.as_ref() == Some(&base);
        let kind = InstrumentKind::from_terms(kind, given, settles_in_base).map_err(terms)?;
        let settlement = match settlement {
            Some(settlement) => settlement,
            None => kind
                .default_settlement(&base, &quote)
                .ok_or_else(|| {
                    let problem = format!("missing: a {} contract has to name it", kind.as_str());
                    errors::terms(id, TermsError { field: "settlement", problem })
                })?
                .to_owned(),
        };
        let spec = InstrumentSpec {
            id: id.parse().map_err(errors::instrument)?,
            kind,
            base,
            quote,
            settlement,
            price_increment: to_decimal("price_increment", price_increment)?,
            qty_increment: to_decimal("qty_increment", qty_increment)?,
            terms: OrderTermsSpec {
                tick_size: optional("tick_size", tick_size)?,
                lot_size: optional("lot_size", lot_size)?,
                min_qty: optional("min_qty", min_qty)?,
                max_qty: optional("max_qty", max_qty)?,
                min_notional: optional("min_notional", min_notional)?,
            },
            changes: (1..)
                .zip(changes.unwrap_or_default())
                .map(|(number, change)| terms_change(id, number, &change))
                .collect::<PyResult<_>>()?,
            contract_size: optional("contract_size", contract_size)?.unwrap_or(Decimal::ONE),
            maker_fee_bps: optional("maker_fee_bps", maker_fee_bps)?.unwrap_or(Decimal::ZERO),
            taker_fee_bps: optional("taker_fee_bps", taker_fee_bps)?.unwrap_or(Decimal::ZERO),
            fee_currency: FeeCurrency::from_word(fee_currency),
            listing: listing_ns.map(|ns| to_integer("listing_ns", ns)).transpose()?,
            settlement_price: optional("settlement_price", settlement_price)?,
        };
        let instrument = Instrument::new(spec).map_err(errors::instrument)?;
        ContractMath::new(&instrument)
            .map_err(|error| terms(TermsError { field: "contract_size", problem: error.to_string() }))?;
        Ok(Self(Arc::new(instrument)))
    }

    /// ``SYMBOL.VENUE``: what names the instrument everywhere else.
    #[getter]
    fn id(&self) -> &str {
        self.0.id.as_str()
    }

    /// The venue's own symbol: the part of the id in front of the last dot.
    #[getter]
    fn symbol(&self) -> &str {
        self.0.id.symbol()
    }

    /// The venue's name: the part of the id behind the last dot.
    #[getter]
    fn venue(&self) -> &str {
        self.0.id.venue()
    }

    /// ``spot``, ``linear``, ``inverse``, ``quanto``, ``option`` or ``binary``.
    ///
    /// See :class:`~tradecore.types.InstrumentKind`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.as_str()
    }

    /// When it expires, ns UTC; None if it never does.
    #[getter]
    fn expiry_ns(&self) -> Option<i64> {
        self.0.kind.expiry()
    }

    /// Whether venues that keep margin ask it for this: linear, inverse and quanto contracts.
    #[getter]
    fn is_margined(&self) -> bool {
        self.0.kind.is_margined()
    }

    /// When trading in it begins, ns UTC; None if it always has been traded.
    #[getter]
    fn listing_ns(&self) -> Option<i64> {
        self.0.listing
    }

    /// What it is settled at when it expires, in quote currency, a binary token at 0 or 1; None where data says.
    #[getter]
    fn settlement_price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.settlement_price.map(|price| decimal_to_py(py, price)).transpose()
    }

    /// An option's price of exercise, in quote currency; None for other kinds.
    #[getter]
    fn strike<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.kind.terms().strike.map(|strike| decimal_to_py(py, strike)).transpose()
    }

    /// ``call`` or ``put``, see :class:`~tradecore.types.OptionSide`; None for other kinds.
    #[getter]
    fn option_side(&self) -> Option<&'static str> {
        self.0.kind.terms().option_side.map(OptionSide::as_str)
    }

    /// What a binary token pays on, in the venue's words; None for other kinds, or if not given.
    #[getter]
    fn outcome(&self) -> Option<String> {
        self.0.kind.terms().outcome
    }

    /// Whether value is in inverse proportion to price.
    #[getter]
    fn is_inverse(&self) -> bool {
        self.0.kind.is_inverse()
    }

    /// Whether it is a contract that never expires.
    #[getter]
    fn is_perpetual(&self) -> bool {
        self.0.kind.is_perpetual()
    }

    /// Least and greatest price of an order, in quote currency, where the kind limits it; None where not.
    ///
    /// A binary's lie a tick within 0 and 1.
    #[getter]
    fn price_limits<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let price = |steps| decimal_to_py(py, self.0.price_increment.to_decimal(steps));
        let limits = self.0.price_limits(&self.0.terms);
        limits.map(|limits| Ok((price(*limits.start())?, price(*limits.end())?))).transpose()
    }

    /// Base currency: what is bought.
    #[getter]
    fn base(&self) -> &str {
        &self.0.base
    }

    /// Quote currency: what prices are in.
    #[getter]
    fn quote(&self) -> &str {
        &self.0.quote
    }

    /// Currency of profit, loss and fees.
    #[getter]
    fn settlement(&self) -> &str {
        &self.0.settlement
    }

    /// Finest step of a price, in quote currency: the unit of prices in event columns.
    #[getter]
    fn price_increment<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.price_increment.value())
    }

    /// Finest step of a quantity, in contracts (spot: base units): the unit of quantities in event columns.
    #[getter]
    fn qty_increment<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.qty_increment.value())
    }

    /// Step of an order's price, in quote currency, before any change; a multiple of the price increment.
    #[getter]
    fn tick_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.price_increment.to_decimal(self.0.terms.tick_size))
    }

    /// Step of an order's quantity before any change, in contracts (spot: base units); whole increments.
    #[getter]
    fn lot_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.qty_increment.to_decimal(self.0.terms.lot_size))
    }

    /// Smallest quantity of an order, in contracts (spot: base units), before any change.
    #[getter]
    fn min_qty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.qty_increment.to_decimal(self.0.terms.min_qty))
    }

    /// Largest quantity of an order before any change, in contracts (spot: base units); None without limit.
    #[getter]
    fn max_qty<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0
            .terms
            .max_qty
            .map(|steps| decimal_to_py(py, self.0.qty_increment.to_decimal(steps)))
            .transpose()
    }

    /// Smallest notional of an order, in quote currency, before any change; 0 if there is no limit.
    #[getter]
    fn min_notional<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        crate::values::money_to_py(py, self.0.terms.min_notional)
    }

    /// What a contract stands for: base units (linear, option) or quote units (inverse); 1 for spot.
    ///
    /// Of a quanto contract, the settlement units it gains with a unit of price.
    #[getter]
    fn contract_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.contract_size)
    }

    /// Fee of a fill that made liquidity, in basis points of its value; negative is a rebate.
    #[getter]
    fn maker_fee_bps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.maker_fee_bps)
    }

    /// Fee of a fill that took liquidity, in basis points of its value; negative is a rebate.
    #[getter]
    fn taker_fee_bps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.taker_fee_bps)
    }

    /// What became another over time, as text by field, in order of time: ``from_ns`` and what changed then.
    #[getter]
    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let i = &self.0;
        let mut before = i.terms;
        let change = |change: &TermsChange| {
            let dict = PyDict::new(py);
            dict.set_item("from_ns", change.from.to_string())?;
            for ((key, value), (_, old)) in
                terms_text(i, &change.terms).into_iter().zip(terms_text(i, &before))
            {
                if let Some(value) = value.filter(|value| old.as_ref() != Some(value)) {
                    dict.set_item(key, value)?;
                }
            }
            before = change.terms;
            Ok(dict)
        };
        i.changes.iter().map(change).collect()
    }

    /// Return the instrument as it is from a time on, ns UTC: with the steps and sizes of an order in force then.
    ///
    /// Its changes are those still to come. Without changes it is the instrument itself.
    ///
    /// Examples
    /// --------
    /// >>> spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")
    /// >>> spec.at(1612137600000000000).tick_size, spec.tick_size  # on 2021-02-01, and today
    /// (Decimal('0.01'), Decimal('0.1'))
    fn at(&self, ts_ns: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(Arc::new(self.0.from_time(to_integer("ts_ns", ts_ns)?))))
    }

    /// Currency in which fees are paid, or ``received``; see the parameter. The settlement currency if not given.
    #[getter]
    fn fee_currency(&self) -> &str {
        self.0.fee_currency.word().unwrap_or(&self.0.settlement)
    }

    /// Return a price, in quote currency, as a count of price increments.
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When it lies between two increments.
    /// InvalidValueError
    ///     When it is no number, or out of range.
    ///
    /// Examples
    /// --------
    /// >>> tc.find_instrument("BTCUSDT.SYNTH").price_to_steps("60000.1")
    /// 600001
    pub(crate) fn price_to_steps(&self, price: &Bound<'_, PyAny>) -> PyResult<i64> {
        to_steps("price", self.id(), self.0.price_increment, price)
    }

    /// Return a quantity, in contracts (spot: base units), as a count of quantity increments.
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When it lies between two increments.
    /// InvalidValueError
    ///     When it is no number, or out of range.
    pub(crate) fn qty_to_steps(&self, qty: &Bound<'_, PyAny>) -> PyResult<i64> {
        to_steps("qty", self.id(), self.0.qty_increment, qty)
    }

    /// Return the nearest price of an order, in quote currency, that is no worse for its sender.
    ///
    /// Not above ``price`` for a buy, not below it for a sell.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For what is no number, or no side.
    ///
    /// Examples
    /// --------
    /// >>> spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")
    /// >>> spec.round_price(60000.13, "buy"), spec.round_price(60000.13, "sell")
    /// (60000.1, 60000.2)
    fn round_price(&self, price: &Bound<'_, PyAny>, side: &Bound<'_, PyAny>) -> PyResult<f64> {
        rounded_price(&self.0, &self.0.terms, to_side(side)?, price)
    }

    /// Return the largest quantity of an order, in contracts (spot: base units), that is not above ``qty``.
    ///
    /// It is 0 below one lot.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For what is no number.
    fn round_qty(&self, qty: &Bound<'_, PyAny>) -> PyResult<f64> {
        rounded_qty(&self.0, &self.0.terms, qty)
    }

    /// Return the price, in quote currency, of a count of price increments.
    fn price_from_steps<'py>(&self, py: Python<'py>, steps: i64) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.price_increment.to_decimal(steps))
    }

    /// Return the quantity, in contracts (spot: base units), of a count of quantity increments.
    fn qty_from_steps<'py>(&self, py: Python<'py>, steps: i64) -> PyResult<Bound<'py, PyAny>> {
        decimal_to_py(py, self.0.qty_increment.to_decimal(steps))
    }

    /// Return a price, given in increments, as text with the decimals of the tick.
    fn format_price(&self, steps: i64) -> String {
        self.0.format_price(steps)
    }

    /// Return a quantity, given in increments, as text with the decimals of the lot.
    fn format_qty(&self, steps: i64) -> String {
        self.0.format_qty(steps)
    }

    /// Return the specification as text by field; :func:`tradecore.instruments.instrument_from_dict` reads it.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let i = &self.0;
        let dict = PyDict::new(py);
        for (key, value) in [
            ("id", i.id.to_string()),
            ("kind", i.kind.as_str().to_owned()),
            ("base", i.base.clone()),
            ("quote", i.quote.clone()),
            ("settlement", i.settlement.clone()),
            ("price_increment", i.price_increment.to_string()),
            ("qty_increment", i.qty_increment.to_string()),
            ("contract_size", i.contract_size.to_string()),
            ("maker_fee_bps", i.maker_fee_bps.to_string()),
            ("taker_fee_bps", i.taker_fee_bps.to_string()),
        ] {
            dict.set_item(key, value)?;
        }
        let KindTerms { expiry, strike, option_side, outcome } = i.kind.terms();
        for (key, value) in terms_text(i, &i.terms).into_iter().chain([
            ("expiry_ns", expiry.map(|ns| ns.to_string())),
            ("strike", strike.map(|strike| strike.to_string())),
            ("option_side", option_side.map(|side| side.to_string())),
            ("outcome", outcome),
            ("listing_ns", i.listing.map(|ns| ns.to_string())),
            ("settlement_price", i.settlement_price.map(|price| price.to_string())),
            ("fee_currency", i.fee_currency.word().map(str::to_owned)),
        ]) {
            // Left out where there is none, as in specifications from before there were any.
            if let Some(value) = value {
                dict.set_item(key, value)?;
            }
        }
        if !i.changes.is_empty() {
            dict.set_item("changes", self.changes(py)?)?;
        }
        Ok(dict)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.id.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let dict = self.to_dict(py)?;
        let mut parts = Vec::new();
        for (key, value) in dict.iter() {
            let (key, shown) = (text_of(&key)?, value.repr()?);
            let shown = shown.to_cow()?;
            parts.push(if key == "id" { shown.into_owned() } else { format!("{key}={shown}") });
        }
        Ok(format!("Instrument({})", parts.join(", ")))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyDict>,))> {
        let py = slf.py();
        let rebuild = py.import("tradecore.instruments")?.getattr("instrument_from_dict")?;
        Ok((rebuild, (slf.get().to_dict(py)?,)))
    }
}
