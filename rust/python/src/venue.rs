//! A simulated venue's settings as Python declares them: `tradecore.SimVenue`.

use std::sync::Arc;

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tradecore_core::event::EventKind;
use tradecore_core::ledger::{ACCOUNT_LIMIT, BadOptionRates};
use tradecore_core::sim::{
    BadFees, BadFunding, BadLatency, BadSeries, Balances, Basis, ClockLead, FeeSettings, FeeToken,
    FundingSource, Impact, InterestRates, Latency, LatencyFit, LatencyModel, Leg, Maintenance, MarginMode,
    MarginRules, Matching, Measured, OrderRules, QueueRule, SupportWords, UnknownQueueModel, VenueSettings,
    fit_latency, fraction, mark_source, read_rates, read_series,
};
use tradecore_core::types::{BySymbol, Decimal, FeeCurrency, Fees, Instrument, Money, OrderSupport};

use crate::columns::slice_of;
use crate::custom_models::{fee_model, latency_model, queue_model};
use crate::errors;
use crate::files::{brackets_of, read_file};
use crate::instrument::PyInstrument;
use crate::values::{money_to_py, to_duration, unexpected};

/// The attributes of a `SimVenue`, all of them.
#[derive(FromPyObject)]
struct Attributes<'py> {
    name: Bound<'py, PyAny>,
    latency: Bound<'py, PyAny>,
    queue: Bound<'py, PyAny>,
    granularity: Bound<'py, PyAny>,
    maker_fee_bps: Bound<'py, PyAny>,
    taker_fee_bps: Bound<'py, PyAny>,
    fees: Bound<'py, PyAny>,
    fee_tier: Bound<'py, PyAny>,
    fee_volume: Bound<'py, PyAny>,
    fee_currency: Bound<'py, PyAny>,
    fee_token: Bound<'py, PyAny>,
    fee_discount: Bound<'py, PyAny>,
    fee_token_price: Bound<'py, PyAny>,
    option_fee: Bound<'py, PyAny>,
    outcome_fee: Bound<'py, PyAny>,
    delivery_fee: Bound<'py, PyAny>,
    basis: Bound<'py, PyAny>,
    clock_lead: Bound<'py, PyAny>,
    wrong_stamps: Bound<'py, PyAny>,
    stale_after: Bound<'py, PyAny>,
    mark_source: Bound<'py, PyAny>,
    uncross: Bound<'py, PyAny>,
    impact: Bound<'py, PyAny>,
    accounts: Bound<'py, PyAny>,
    self_trade: Bound<'py, PyAny>,
    balances: Bound<'py, PyAny>,
    borrowing: Bound<'py, PyAny>,
    borrow_rate: Bound<'py, PyAny>,
    funding: Bound<'py, PyAny>,
    margin: Bound<'py, PyAny>,
    leverage: Bound<'py, PyAny>,
    maintenance: Bound<'py, PyAny>,
    liquidation_fee_bps: Bound<'py, PyAny>,
    option_margin: Bound<'py, PyAny>,
    insurance: Bound<'py, PyAny>,
    amend: Bound<'py, PyAny>,
    amend_crossing: Bound<'py, PyAny>,
    reduce_only: Bound<'py, PyAny>,
    day_begins: Bound<'py, PyAny>,
    order_types: Bound<'py, PyAny>,
    times_in_force: Bound<'py, PyAny>,
    post_only: Bound<'py, PyAny>,
    triggers: Bound<'py, PyAny>,
    iceberg: Bound<'py, PyAny>,
    amend_trigger: Bound<'py, PyAny>,
}

/// The attributes of a `Latency`.
#[derive(FromPyObject)]
struct Legs<'py> {
    entry: Bound<'py, PyAny>,
    response: Bound<'py, PyAny>,
    feed: Bound<'py, PyAny>,
}

/// A venue's settings.
pub(crate) struct SimVenue {
    settings: Arc<VenueSettings>,
}

impl SimVenue {
    /// The same with what its files of measured latencies hold, which are not read where a venue is declared.
    pub(crate) fn reading(mut self) -> PyResult<Self> {
        let settings = Arc::make_mut(&mut self.settings);
        settings.latency.load(measured)?;
        if let FundingSource::Series { file, rates } = &mut settings.funding {
            *rates = read_file(file, read_rates)?;
        }
        if let Some(rules) = &mut settings.margin
            && let Maintenance::File(file) = &rules.maintenance
        {
            rules.maintenance = Maintenance::Given(brackets_of(file)?);
        }
        Ok(self)
    }

    /// An instrument of which the venue takes what its settings say, simulated or real.
    fn taking(&self, instrument: &Instrument, is_real: bool) -> Arc<Instrument> {
        Arc::new(instrument.with_support(self.settings.supports(instrument, is_real)))
    }

    /// The settings, and an instrument as the venue trades it.
    pub(crate) fn trading(&self, instrument: &Arc<Instrument>) -> (Arc<VenueSettings>, Arc<Instrument>) {
        let Self { settings } = self;
        let supports = settings.supports(instrument, false);
        let as_it_is = settings.fees == FeeSettings::default() && supports == OrderSupport::default();
        let own = || Arc::new(settings.fees.charged(instrument).with_support(supports));
        (Arc::clone(settings), if as_it_is { Arc::clone(instrument) } else { own() })
    }
}

/// Return an instrument of which its venue takes the orders that its settings, a ``SimVenue``, say.
///
/// A real one sets aside what each order of spot would pay, unless accounts may borrow there.
#[pyfunction]
#[pyo3(signature = (instrument, venue, *, is_real))]
pub(crate) fn taken_at(
    instrument: &PyInstrument,
    venue: &Bound<'_, PyAny>,
    is_real: bool,
) -> PyResult<PyInstrument> {
    Ok(PyInstrument(venue.extract::<SimVenue>()?.taking(&instrument.0, is_real)))
}

impl<'py> FromPyObject<'_, 'py> for SimVenue {
    type Error = PyErr;
    fn extract(venue: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let given: Attributes<'py> = venue.extract()?;
        if to_text("name", "the name of a venue", &given.name)?.is_empty() {
            return Err(unexpected("name", "the name of a venue", &given.name));
        }
        Ok(Self { settings: Arc::new(VenueSettings::try_from(&given)?) })
    }
}

impl TryFrom<&Attributes<'_>> for VenueSettings {
    type Error = PyErr;
    fn try_from(given: &Attributes<'_>) -> PyResult<Self> {
        let custom_queue = queue_model(&given.queue)?;
        let queue = match custom_queue {
            Some(_) => QueueRule::Custom.into(),
            None => to_text("queue", "the name of a queue model, or a QueueModel", &given.queue)?
                .parse()
                .map_err(|error: UnknownQueueModel| errors::invalid("queue", error.to_string()))?,
        };
        let settings = Self {
            latency: to_latency(&given.latency)?,
            queue,
            custom_queue,
            granularity: to_auto("granularity", &given.granularity)?,
            basis: to_text("basis", "a word", &given.basis)?.parse().map_err(errors::settings)?,
            clock_lead: to_auto("clock_lead", &given.clock_lead)?.map_or(ClockLead::Auto, ClockLead::Ns),
            wrong_stamps: to_text("wrong_stamps", "a word", &given.wrong_stamps)?
                .parse()
                .map_err(errors::settings)?,
            stale_ns: to_duration("stale_after", &given.stale_after, 1)?,
            mark_source: mark_source(&to_text("mark_source", "a word", &given.mark_source)?)
                .map_err(errors::settings)?,
            uncross: to_text("uncross", "a word", &given.uncross)?.parse().map_err(errors::settings)?,
            impact: to_impact(&given.impact)?,
            matching: Matching {
                accounts: to_text("accounts", "a word", &given.accounts)?
                    .parse()
                    .map_err(errors::settings)?,
                self_trade: to_text("self_trade", "a word", &given.self_trade)?
                    .parse()
                    .map_err(errors::settings)?,
            },
            balances: to_balances(given)?,
            margin: to_margin(given)?,
            orders: OrderRules {
                amend: to_text("amend", "a word", &given.amend)?.parse().map_err(errors::settings)?,
                amend_crossing: to_text("amend_crossing", "a word", &given.amend_crossing)?
                    .parse()
                    .map_err(errors::settings)?,
                reduce_only: to_text("reduce_only", "a word", &given.reduce_only)?
                    .parse()
                    .map_err(errors::settings)?,
                day_begins: to_duration("day_begins", &given.day_begins, 0)?,
                takes: to_support(given)?,
            },
            fees: to_fees(given)?,
            funding: to_text("funding", "a word", &given.funding)?
                .parse()
                .map_err(|error: BadFunding| errors::invalid("funding", error.to_string()))?,
        };
        settings.check().map_err(errors::settings)?;
        Ok(settings)
    }
}

/// Which orders a venue takes.
fn to_support(given: &Attributes<'_>) -> PyResult<OrderSupport> {
    let words = |field, given| to_text(field, "words with commas between them, any or none", given);
    let support = SupportWords {
        order_types: &words("order_types", &given.order_types)?,
        times_in_force: &words("times_in_force", &given.times_in_force)?,
        post_only: &words("post_only", &given.post_only)?,
        triggers: &words("triggers", &given.triggers)?,
        iceberg: &to_text("iceberg", "a word", &given.iceberg)?,
        amend_trigger: &to_text("amend_trigger", "a word", &given.amend_trigger)?,
    };
    support.parse().map_err(errors::settings)
}

/// What each account holds, where that is asked for.
fn to_balances(given: &Attributes<'_>) -> PyResult<Option<Balances>> {
    let may_borrow = match to_text("borrowing", "a word", &given.borrowing)?.as_str() {
        "refused" => false,
        "allowed" => true,
        other => return Err(errors::invalid("borrowing", format!("{other:?} is not refused or allowed"))),
    };
    let interest = to_interest(&given.borrow_rate)?;
    if interest.is_some() && (!may_borrow || given.balances.is_none()) {
        let problem = "is of what accounts borrow: it needs balances, and borrowing allowed";
        return Err(errors::invalid("borrow_rate", problem));
    }
    if given.balances.is_none() {
        return Ok(None);
    }
    let what = "amounts of currencies such as \"0.5 BTC, 1000 USDT\"";
    let text = to_text("balances", what, &given.balances)?;
    let balances = Balances::parse(&text, may_borrow).map_err(errors::settings)?;
    Ok(Some(Balances { interest, ..balances }))
}

/// How far what was taken moves prices, where it does.
fn to_impact(given: &Bound<'_, PyAny>) -> PyResult<Option<BySymbol<Impact>>> {
    if given.is_none() {
        return Ok(None);
    }
    let what = "a law such as \"sqrt(volatility=0.02, volume=20000)\", or laws by symbol";
    let laws = BySymbol::parse(&to_text("impact", what, given)?, str::parse);
    laws.map(Some).map_err(|problem| errors::invalid("impact", problem))
}

/// What loans cost, where they cost something.
fn to_interest(given: &Bound<'_, PyAny>) -> PyResult<Option<InterestRates>> {
    if given.is_none() {
        return Ok(None);
    }
    let text = to_text("borrow_rate", "a rate such as \"0.00001 every 1h\", or rates by currency", given)?;
    let rates = InterestRates::parse(&text, str::parse);
    rates.map(Some).map_err(|problem| errors::invalid("borrow_rate", problem))
}

/// How contracts are margined, where they are. What is said of it is checked in any case.
fn to_margin(given: &Attributes<'_>) -> PyResult<Option<MarginRules>> {
    let word = to_text("margin", "a word", &given.margin)?;
    let mode = match word.as_str() {
        "off" => None,
        "cross" => Some(MarginMode::Cross),
        "isolated" => Some(MarginMode::Isolated),
        other => {
            return Err(errors::invalid("margin", format!("{other:?} is not off, cross or isolated")));
        }
    };
    let insured = match to_text("insurance", "a word", &given.insurance)?.as_str() {
        "fund" => true,
        "none" => false,
        other => return Err(errors::invalid("insurance", format!("{other:?} is not fund or none"))),
    };
    let leverage = to_text("leverage", "a number such as 20, or numbers by symbol", &given.leverage)?;
    let maintenance = to_text("maintenance", "a rate such as \"0.005\", or brackets", &given.maintenance)?;
    let fee = to_number("liquidation_fee_bps", &given.liquidation_fee_bps)?.map(|bps| {
        let problem = || format!("{bps} is not from 0 to 10000 of up to 5 decimals");
        MarginRules::fraction_of_bps(bps).ok_or_else(|| errors::invalid("liquidation_fee_bps", problem()))
    });
    let leverage =
        MarginRules::leverage(&leverage).map_err(|problem| errors::invalid("leverage", problem))?;
    let maintenance =
        MarginRules::maintenance(&maintenance).map_err(|problem| errors::invalid("maintenance", problem))?;
    let liquidation_fee = fee.transpose()?;
    let option = to_text("option_margin", "rates such as \"0.15, 0.1, 0.075\"", &given.option_margin)?
        .parse()
        .map_err(|error: BadOptionRates| errors::invalid("option_margin", error.to_string()))?;
    Ok(mode.map(|mode| MarginRules { mode, leverage, maintenance, liquidation_fee, option, insured }))
}

fn to_text(field: &str, what: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = given.cast::<PyString>().map_err(|_| unexpected(field, what, given))?;
    Ok(text.to_cow()?.into_owned())
}

/// What a venue charges.
fn to_fees(given: &Attributes<'_>) -> PyResult<FeeSettings> {
    let bad = |error: BadFees| errors::invalid(error.field, error.problem);
    let rates = Fees::new(
        to_number("maker_fee_bps", &given.maker_fee_bps)?,
        to_number("taker_fee_bps", &given.taker_fee_bps)?,
    );
    let text = |field: &'static str, what, value: &Bound<'_, PyAny>| {
        (!value.is_none()).then(|| to_text(field, what, value)).transpose()
    };
    let custom = fee_model(&given.fees)?;
    let schedule = match custom {
        Some(_) => None,
        None => text("fees", "tiers such as \"0: 2/5, 15000000: 1.6/4\", or a FeeModel", &given.fees)?,
    };
    let tier = to_number("fee_tier", &given.fee_tier)?;
    let tier = tier.map(|tier| {
        let place = (tier.scale() == 0).then(|| usize::try_from(tier.mantissa()).ok()).flatten();
        place.ok_or_else(|| errors::invalid("fee_tier", format!("{tier} is no number of a tier, from 0 on")))
    });
    let volume = to_number("fee_volume", &given.fee_volume)?.unwrap_or(Decimal::ZERO);
    let volume = Money::from_decimal(volume).ok().filter(|volume| volume.is_within(ACCOUNT_LIMIT));
    let discount = to_number("fee_discount", &given.fee_discount)?;
    let price = to_number("fee_token_price", &given.fee_token_price)?;
    let token = text("fee_token", "a currency", &given.fee_token)?;
    if token.is_none() {
        for (field, is_given) in [("fee_discount", discount.is_some()), ("fee_token_price", price.is_some())]
        {
            if is_given {
                return Err(errors::invalid(field, "is of a fee_token, and there is none"));
            }
        }
    }
    if !given.fee_volume.is_none() && given.fees.is_none() {
        return Err(errors::invalid("fee_volume", "is of fees by volume, and there are none: say fees"));
    }
    let discount = fraction("fee_discount", discount.unwrap_or(Decimal::ZERO)).map_err(bad)?;
    let option = text("option_fee", "a rate and a share such as \"0.0003, 0.125\"", &given.option_fee)?;
    let outcome = to_number("outcome_fee", &given.outcome_fee)?;
    let delivery =
        text("delivery_fee", "fees by kind such as \"option: 0.00015, 0.125\"", &given.delivery_fee)?;
    let currency = text("fee_currency", "a currency, or received", &given.fee_currency)?;
    if currency.as_deref() == Some("") {
        return Err(errors::invalid("fee_currency", "must not be empty"));
    }
    Ok(FeeSettings {
        rates: rates.map_err(|error| errors::invalid(error.field, error.problem))?,
        schedule: schedule.map(|text| text.parse()).transpose().map_err(bad)?,
        tier: tier.transpose()?,
        volume: volume.ok_or_else(|| errors::invalid("fee_volume", "is beyond 10^21"))?,
        currency: currency.map(|word| FeeCurrency::from_word(Some(word))),
        token: token.map(|name| FeeToken { name, discount, price }),
        option: option.map(|text| text.parse()).transpose().map_err(bad)?,
        delivery: delivery.map(|text| text.parse()).transpose().map_err(bad)?.unwrap_or_default(),
        custom,
        outcome: outcome.map(|rate| fraction("outcome_fee", rate)).transpose().map_err(bad)?,
    })
}

/// A number, exactly as it is written.
fn to_number(field: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<Decimal>> {
    if given.is_none() {
        return Ok(None);
    }
    given.str()?.to_cow()?.parse().map(Some).map_err(|error| errors::decimal(field, "", error))
}

fn to_latency(given: &Bound<'_, PyAny>) -> PyResult<Latency> {
    let legs: Legs<'_> = given.extract().map_err(|_| unexpected("latency", "a Latency", given))?;
    Ok(Latency {
        entry: to_leg("entry", &legs.entry)?,
        response: to_leg("response", &legs.response)?,
        feed: if legs.feed.is_none() { None } else { Some(to_leg("feed", &legs.feed)?) },
    })
}

/// What a leg takes: a length of time, the text of a model, or a model of the user's.
fn to_leg(field: &'static str, given: &Bound<'_, PyAny>) -> PyResult<LatencyModel> {
    if let Ok(text) = given.cast::<PyString>() {
        let text = text.to_cow()?;
        if text.contains('(') || text.contains(':') {
            return text.parse().map_err(|error: BadLatency| errors::invalid(field, error.to_string()));
        }
    }
    if let Some(source) = latency_model(field, given)? {
        return Ok(LatencyModel::Custom(source));
    }
    to_duration(field, given, 0).map(LatencyModel::Constant)
}

/// What a file of acknowledged orders says of a leg.
fn measured(file: &str, leg: Leg) -> PyResult<Measured> {
    read_file(file, |text| read_series(text, leg).map_err(|BadSeries { line, problem }| (line, problem)))
}

/// A length of time in ns, or none for `auto`.
fn to_auto(field: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    let Ok(text) = given.cast::<PyString>() else {
        return to_duration(field, given, 0).map(Some);
    };
    if text.to_cow()? == "auto" {
        return Ok(None);
    }
    let what = "\"auto\" or a length of time such as \"5ms\"";
    to_duration(field, given, 0).map(Some).map_err(|_| unexpected(field, what, given))
}

/// Raise InvalidValueError naming the first setting that a venue cannot have.
#[pyfunction]
pub(crate) fn check_venue(venue: &Bound<'_, PyAny>) -> PyResult<()> {
    venue.extract::<SimVenue>().map(drop)
}

/// Return the legs of a latency, each with the least it takes, ns, and its text.
///
/// Raises
/// ------
/// InvalidValueError
///     Naming the first leg that is neither a length of time nor a model.
#[pyfunction]
pub(crate) fn latency_legs(latency: &Bound<'_, PyAny>) -> PyResult<[Option<(i64, String)>; 3]> {
    let Latency { entry, response, feed } = to_latency(latency)?;
    Ok([Some(entry), Some(response), feed].map(|leg| leg.map(|leg| (leg.least(), leg.to_string()))))
}

/// A model's text, how many latencies it was made of and how many were left out, and their quantiles, ns.
type Fitted = (String, usize, usize, [i64; 4]);

/// Fit a latency model to latencies, int64 ns (n,).
///
/// Returns
/// -------
/// tuple
///     The model's text, how many latencies it was made of, how many were left out because they are negative, and the
///     latencies that 50, 90, 99 and 99.9 % did not exceed, ns.
///
/// Raises
/// ------
/// InvalidValueError
///     For fewer than 20 latencies that are not negative.
#[pyfunction]
pub(crate) fn fit_latencies(py: Python<'_>, latencies: PyReadonlyArray1<'_, i64>) -> PyResult<Fitted> {
    let latencies = slice_of(&latencies, "latencies")?;
    let fitted = py.detach(|| fit_latency(latencies));
    let LatencyFit { model, used, negative, quantiles } =
        fitted.map_err(|error| errors::invalid("latencies", error.to_string()))?;
    Ok((model.to_string(), used, negative, quantiles))
}

/// Return what each account of a venue holds at first, Decimal by currency.
#[pyfunction]
pub(crate) fn venue_balances<'py>(
    py: Python<'py>,
    venue: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let venue: SimVenue = venue.extract()?;
    let held = PyDict::new(py);
    for (currency, amount) in venue.settings.balances.iter().flat_map(|balances| &balances.begin) {
        held.set_item(currency, money_to_py(py, *amount)?)?;
    }
    Ok(held)
}

/// Return the file that a venue's funding comes from and when it is paid, ns; None where it comes from no file.
#[pyfunction]
pub(crate) fn venue_funding(venue: &Bound<'_, PyAny>) -> PyResult<Option<(String, Vec<i64>)>> {
    let venue: SimVenue = venue.extract()?;
    let FundingSource::Series { file, .. } = &venue.settings.funding else { return Ok(None) };
    let times = read_file(file, read_rates)?.iter().map(|(at, _)| *at).collect();
    Ok(Some((file.clone(), times)))
}

/// Return the kinds of events by which funding from a source is paid and valued.
#[pyfunction]
pub(crate) fn funding_kinds(funding: &str) -> PyResult<Vec<u8>> {
    let source: FundingSource =
        funding.parse().map_err(|error: BadFunding| errors::invalid("funding", error.to_string()))?;
    Ok(source.kinds().iter().map(|kind| *kind as u8).collect())
}

/// Return what orders fill against by a venue's ``basis`` over data that holds these kinds of events.
#[pyfunction]
pub(crate) fn fill_basis(basis: &str, holds: Vec<u8>) -> PyResult<&'static str> {
    let basis: Basis = basis.parse().map_err(errors::settings)?;
    let holds = holds.into_iter().filter_map(EventKind::from_column).collect();
    Ok(basis.resolve(holds).as_str())
}
