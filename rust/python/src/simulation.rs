//! A backtest as Python sets it up and runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::MutexExt as _;
use pyo3::types::{IntoPyDict as _, PyBytes, PyDict, PyList, PyString};
use tradecore_core::backtest::{
    By, ChunkSource, CurrencyTotals, MarketSetup, Monitor, Progress, Replay, Reporting, ReportingSettings,
    RunConfig, RunEnd, RunError,
};
use tradecore_core::event::{Columns, EventKind};
use tradecore_core::kernel::{HookError, Kernel, OnError, Record, StrategySetup};
use tradecore_core::ledger::MoneyOverflow;
use tradecore_core::orders::BadSession;
use tradecore_core::sim::ModelFailure;
use tradecore_core::types::{Decimal, Instrument, MarketId, Moments, Money, Qty, StrategyId};

use crate::catalog::EventStream;
use crate::columns::NumpyColumns;
use crate::errors;
use crate::events::Bus;
use crate::hooks::Calls;
use crate::instrument::PyInstrument;
use crate::memory::MemoryColumns;
use crate::positions::FinalPositions;
use crate::raised::Raised;
use crate::risk::uses_to_py;
use crate::risk_config::to_optional_risk;
use crate::roster::Roster;
use crate::run_tables::{failures, tables};
use crate::stamps::{leads_to_py, steps_to_py, to_latencies, wrong_stamps_to_py};
use crate::values::{money_to_py, to_cost_basis, to_duration, to_seed};
use crate::venue::SimVenue;

/// The name of a backtest's session: client ids of backtests are the same every time.
const SESSION: &str = "backtest";
/// Time between calls of the progress function.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Columns that are in memory.
struct Given(Option<Arc<dyn Columns>>);

impl ChunkSource for Given {
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError> {
        Ok(self.0.take())
    }
}

/// A Python iterator of event columns.
struct PySource {
    iterator: Py<PyAny>,
    raised: Raised,
}

impl ChunkSource for PySource {
    fn next_columns(&mut self) -> Result<Option<Arc<dyn Columns>>, HookError> {
        Python::attach(|py| {
            let next = || -> PyResult<Option<Arc<dyn Columns>>> {
                match self.iterator.bind(py).call_method0(intern!(py, "__next__")) {
                    Ok(columns) => Ok(Some(NumpyColumns::shared(&columns)?)),
                    Err(e) if e.is_instance_of::<pyo3::exceptions::PyStopIteration>(py) => Ok(None),
                    Err(e) => Err(e),
                }
            };
            next().map_err(|error| self.raised.keep(py, error))
        })
    }
}

/// Where rows of a run's tables go once there are many.
enum Tables<'a> {
    /// Nowhere: they are kept.
    Kept,
    /// To this function, when there are so many.
    Spilled(&'a Py<PyAny>, usize),
    /// Nobody wants them.
    Dropped,
}

/// Looks after Ctrl-C, progress and memory while a run goes on without the GIL.
struct PyMonitor<'a> {
    progress: Option<&'a Py<PyAny>>,
    tables: Tables<'a>,
    instruments: &'a [Arc<Instrument>],
    /// When progress was last told.
    reported: Option<Instant>,
    /// How many times rows were moved.
    moved: usize,
    raised: Raised,
}

impl Monitor for PyMonitor<'_> {
    fn poll(&mut self, progress: Progress) -> bool {
        let due = self.progress.filter(|_| self.reported.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY));
        if due.is_some() {
            self.reported = Some(Instant::now());
        }
        Python::attach(|py| {
            let look = || -> PyResult<()> {
                py.check_signals()?;
                if let Some(report) = due {
                    report.call1(py, (progress.rows, progress.now_ns))?;
                }
                Ok(())
            };
            look().map_err(|error| self.raised.keep(py, error)).is_ok()
        })
    }

    fn spill(&mut self, record: &mut Record) -> Result<(), HookError> {
        match self.tables {
            Tables::Spilled(spill, most) if record.len() >= most => Python::attach(|py| {
                let write = || -> PyResult<()> {
                    spill.call1(py, (tables(py, record, self.instruments)?, self.moved))?;
                    Ok(())
                };
                write().map_err(|error| self.raised.keep(py, error))
            })?,
            Tables::Dropped => {}
            _ => return Ok(()),
        }
        self.moved += 1;
        record.clear();
        Ok(())
    }
}

/// What a run is reported in, as Python says it.
fn to_reporting(currency: String, given: BTreeMap<String, String>) -> PyResult<ReportingSettings> {
    let mut rates = BTreeMap::new();
    for (name, rate) in given {
        let field = format!("reporting_rates.{name}");
        let rate: Decimal = rate.parse().map_err(|error| errors::decimal(&field, "", error))?;
        rates.insert(name, rate);
    }
    Ok(ReportingSettings { currency, rates })
}

/// What a simulation is made of until it runs.
#[derive(Default)]
struct Parts {
    markets: Vec<MarketSetup>,
    /// The venue of the last market, which is mostly that of the next one, and what it says.
    venue: Option<(Py<PyAny>, SimVenue)>,
    roster: Roster,
}

/// A backtest under construction: add markets, then strategies, then run it once.
///
/// Parameters
/// ----------
/// seed : int
///     Of everything that is drawn.
/// sample_interval : duration
///     Time between samples of equity.
/// candle_interval : duration, optional
///     Length of recorded candles; none if not given.
/// stop_run_on_error : bool
///     Whether a raising hook ends more than its strategy.
/// keeps_journal : bool
///     Whether inputs and commands are kept and returned as ``journal``.
/// cost_basis : str
///     Which part of a position a fill closes first: ``average``, ``fifo`` or ``lifo``.
/// debug_checks : bool
///     Whether accounts are checked after everything that moves money.
/// reporting_currency : str, optional
///     What the run is reported in beside its settlement currencies.
/// reporting_rates : dict of str to str, optional
///     What one of another currency is worth in it, where that is stated.
/// risk : RiskLimits, optional
///     Limits; none if not given.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct Simulation {
    config: RunConfig,
    parts: Mutex<Parts>,
}

impl Simulation {
    /// Without the GIL while another thread, which may wait for it, has the parts.
    fn parts(&self, py: Python<'_>) -> std::sync::MutexGuard<'_, Parts> {
        self.parts.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Simulation {
    #[new]
    #[pyo3(signature = (*, seed=0, sample_interval, candle_interval=None, stop_run_on_error=false,
        keeps_journal=false, cost_basis="average", debug_checks=false, reporting_currency=None,
        reporting_rates=None, risk=None))]
    #[allow(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        #[pyo3(from_py_with = to_seed)] seed: u64,
        sample_interval: &Bound<'_, PyAny>,
        candle_interval: Option<&Bound<'_, PyAny>>,
        stop_run_on_error: bool,
        keeps_journal: bool,
        cost_basis: &str,
        debug_checks: bool,
        reporting_currency: Option<String>,
        reporting_rates: Option<BTreeMap<String, String>>,
        risk: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let rates = reporting_rates.unwrap_or_default();
        let reporting = reporting_currency.map(|currency| to_reporting(currency, rates)).transpose()?;
        let cost_basis = to_cost_basis(cost_basis)?;
        let config = RunConfig {
            session: SESSION.parse().map_err(|e: BadSession| errors::invalid("session", e.to_string()))?,
            keeps_journal,
            risk: to_optional_risk(risk)?,
            cost_basis,
            checks: debug_checks,
            reporting,
            seed,
            sample_ns: to_duration("sample_interval", sample_interval, 1)?,
            candle_ns: candle_interval.map(|c| to_duration("candles", c, 1)).transpose()?,
            on_error: if stop_run_on_error { OnError::StopRun } else { OnError::StopStrategy },
        };
        Ok(Self { config, parts: Mutex::default() })
    }

    /// Add a market and return its index.
    ///
    /// ``holds``, the kinds of events in the data, and ``latencies`` decide what the venue's settings leave open. The
    /// latter are of the pieces of the data: the text of :func:`latencies_of`, or None where nothing is known but the
    /// smallest one; and that one, ns. ``is_sound`` says that the book is known never to stay locked or crossed: it is
    /// not looked at for that. ``in_order`` says that messages are known to lie in the order in which they acted at the
    /// venue; else they are brought into it.
    #[pyo3(signature = (instrument, chunks, venue, *, holds, latencies, is_sound=false, in_order=false))]
    #[allow(clippy::too_many_arguments, reason = "keywords in Python")]
    fn add_market(
        &self,
        instrument: &PyInstrument,
        chunks: &Bound<'_, PyAny>,
        venue: &Bound<'_, PyAny>,
        holds: Vec<u8>,
        latencies: Vec<(Option<String>, i64)>,
        is_sound: bool,
        in_order: bool,
    ) -> PyResult<usize> {
        let latencies = to_latencies(latencies)?;
        let mut parts = self.parts(chunks.py());
        let (settings, instrument) = match &parts.venue {
            Some((last, settings)) if last.is(venue) => settings.trading(&instrument.0),
            _ => {
                let settings = venue.extract::<SimVenue>()?.reading()?;
                let trading = settings.trading(&instrument.0);
                parts.venue = Some((venue.clone().unbind(), settings));
                trading
            }
        };
        let raised = parts.roster.raised.clone();
        let index = parts.roster.add_instrument(&instrument)?;
        let source: Box<dyn ChunkSource> = if let Ok(columns) = chunks.cast::<MemoryColumns>() {
            Box::new(Given(Some(Arc::clone(&columns.get().columns))))
        } else {
            let stream = chunks.cast::<EventStream>().ok();
            let source = stream.and_then(|stream| stream.get().source(raised.clone()));
            source.unwrap_or_else(|| Box::new(PySource { iterator: chunks.clone().unbind(), raised }))
        };
        let holds = holds.into_iter().filter_map(EventKind::from_column).collect();
        parts.markets.push(MarketSetup {
            instrument,
            settings,
            source,
            holds,
            is_sound,
            in_order,
            latencies,
        });
        Ok(index)
    }

    /// Raise InvalidValueError where what these instruments settle in cannot be reported in the one currency.
    fn check_reporting(&self, instruments: Vec<PyRef<'_, PyInstrument>>) -> PyResult<()> {
        let Some(settings) = &self.config.reporting else { return Ok(()) };
        let instruments: Vec<_> = instruments.iter().map(|instrument| Arc::clone(&instrument.0)).collect();
        let currencies: BTreeSet<_> = instruments.iter().map(|i| i.settlement.clone()).collect();
        let currencies: Vec<_> = currencies.into_iter().collect();
        Reporting::new(settings, &instruments, &currencies).map(drop).map_err(errors::reporting)
    }

    /// Add a strategy by the bound methods of its hooks and the object they are methods of.
    fn add_strategy(
        &self,
        py: Python<'_>,
        name: String,
        markets: Vec<usize>,
        hooks: &Bound<'_, PyDict>,
        book_events: &str,
        owner: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.parts(py).roster.add_strategy(py, name, &markets, None, hooks, book_events, owner)
    }

    /// Add a compiled strategy.
    fn add_compiled(
        &self,
        name: String,
        markets: Vec<usize>,
        kind: &str,
        params: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        self.parts(params.py()).roster.add_compiled(name, &markets, None, kind, params)
    }

    /// Add the same strategies once more, beside those that were added.
    fn begin_again(&self, py: Python<'_>) {
        self.parts(py).roster.begin_again();
    }

    /// Run to the end of the data and return figures and tables.
    ///
    /// With ``bounds`` there are the same strategies three times, and ``bounds`` are what the second and the third
    /// came to, which filled by what is surely a fill and by what may be one.
    ///
    /// A column of a table is the name of its type and its bytes, or texts; None for no text in any row.
    /// ``events`` is an EventBus that is told of all that happens; of the first of three.
    ///
    /// ``spill`` is called with tables of so many rows and how often it was called before without an error, as
    /// ``spills`` says in the end; ``ended`` once when the run is over, which Ctrl-C before that interrupts.
    #[pyo3(signature = (*, progress=None, spill=None, spill_rows=100_000, ended=None, bounds=false, events=None))]
    #[allow(clippy::too_many_arguments, reason = "keywords in Python")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        progress: Option<Py<PyAny>>,
        spill: Option<Py<PyAny>>,
        spill_rows: usize,
        ended: Option<&Bound<'py, PyAny>>,
        bounds: bool,
        events: Option<Bus>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let tables = spill.as_ref().map_or(Tables::Kept, |spill| Tables::Spilled(spill, spill_rows));
        let assemble = if bounds { Replay::bounded } else { Replay::new };
        let mut ran = self.simulate(py, assemble, progress.as_ref(), tables, events.as_ref())?;
        if bounds {
            // Those of the first of three.
            ran.calls.truncate(ran.calls.len() / 3);
        }
        if let Some(ended) = ended {
            ran.end(py, ended)?;
        }
        let out = summary(py, &mut ran, StrategyId::new(0))?;
        out.set_item("spills", ran.moved)?;
        if bounds {
            let [bounds, reported] = bounds_to_py(py, &ran.replay)?;
            out.set_item("bounds", bounds)?;
            out.set_item("reported_bounds", reported)?;
        }
        Ok(out)
    }

    /// Run to the end of the data, each strategy as if it were alone, and return the figures of each.
    ///
    /// They are those of a run of its own, its digest too. Of tables there is what was not dropped on the way.
    #[pyo3(signature = (*, progress=None))]
    fn run_apart<'py>(
        &self,
        py: Python<'py>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let mut ran = self.simulate(py, Replay::apart, progress.as_ref(), Tables::Dropped, None)?;
        (0..ran.digests.len()).map(|strategy| summary(py, &mut ran, StrategyId::new(strategy))).collect()
    }
}

/// A run that is over.
struct Ran {
    replay: Replay,
    end: RunEnd,
    /// Of the kernel all strategies are in, or of each strategy's own.
    digests: Vec<String>,
    instruments: Vec<Arc<Instrument>>,
    /// How often hooks were called, by strategy.
    calls: Vec<(String, Arc<Calls>)>,
    /// How many times rows were moved.
    moved: usize,
}

impl Ran {
    /// Tells that the run is over. Ctrl-C that comes before it is told still interrupts the run; a second one is raised.
    fn end(&mut self, py: Python<'_>, ended: &Bound<'_, PyAny>) -> PyResult<()> {
        while let Err(error) = py.check_signals().and_then(|()| ended.call0()) {
            if !error.is_instance_of::<PyKeyboardInterrupt>(py) || self.end == RunEnd::Interrupted {
                return Err(error);
            }
            self.end = RunEnd::Interrupted;
        }
        Ok(())
    }
}

type Assemble = fn(RunConfig, Vec<MarketSetup>, Vec<StrategySetup>) -> Result<Replay, RunError>;

impl Simulation {
    fn simulate(
        &self,
        py: Python<'_>,
        assemble: Assemble,
        progress: Option<&Py<PyAny>>,
        tables: Tables<'_>,
        bus: Option<&Bus>,
    ) -> PyResult<Ran> {
        let Parts { markets, roster, .. } = std::mem::take(&mut *self.parts(py));
        let Roster { instruments, strategies, models, raised, calls, outlet, .. } = roster;
        outlet.set(bus);
        if markets.is_empty() {
            return Err(errors::RunError::new_err("a run needs at least one market, and runs once"));
        }
        let mut replay = assemble(self.config.clone(), markets, strategies).map_err(errors::run)?;
        replay.set_models(models);
        if let Some(bus) = bus {
            bus.listen(py, replay.kernel(), &instruments, &raised)?;
        }
        let mut monitor = PyMonitor {
            progress,
            tables,
            instruments: &instruments,
            reported: None,
            moved: 0,
            raised: raised.clone(),
        };
        let outcome = py.detach(|| replay.run_all(&mut monitor));
        if let Some(error) = raised.take() {
            return Err(error);
        }
        let (end, digests) = outcome.map_err(errors::run)?;
        let moved = monitor.moved;
        Ok(Ran { replay, end, digests, instruments, calls, moved })
    }
}

/// What the strategies of a run with bounds came to by the low and by the high rule: net profit by currency, and in the
/// one that is reported in.
fn bounds_to_py<'py>(py: Python<'py>, replay: &Replay) -> PyResult<[Bound<'py, PyDict>; 2]> {
    let out = PyDict::new(py);
    let reported = PyDict::new(py);
    for (place, name) in [(1, "low"), (2, "high")] {
        let nets = PyDict::new(py);
        for total in replay.bound_totals(place) {
            nets.set_item(&total.currency, money_to_py(py, net_of(total)?)?)?;
        }
        if let Some(total) = replay.bound_reported(place) {
            reported.set_item(name, money_to_py(py, net_of(total)?)?)?;
        }
        out.set_item(name, nets)?;
    }
    Ok([out, reported])
}

fn net_of(total: &CurrencyTotals) -> PyResult<Money> {
    total.net().ok_or_else(|| errors::RunError::new_err(MoneyOverflow::Sum.to_string()))
}

/// How often the hooks of a kernel's Python strategies were called, by strategy and hook.
fn calls_to_py<'py>(
    py: Python<'py>,
    calls: &[(String, Arc<Calls>)],
    kernel: &Kernel,
) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    let is_here = |name: &str| kernel.strategies().any(|(strategy, _)| strategy == name);
    for (strategy, calls) in calls.iter().filter(|(name, _)| is_here(name)) {
        let hooks = PyDict::new(py);
        for (hook, times) in calls.told() {
            hooks.set_item(hook, times)?;
        }
        out.set_item(strategy, hooks)?;
    }
    Ok(out)
}

/// What each strategy has at venues with balances: whose, where, of what, in the beginning, in the end, and at the least.
fn balances_to_py<'py>(py: Python<'py>, replay: &mut Replay, of: StrategyId) -> PyResult<Bound<'py, PyList>> {
    let names: Vec<String> = replay.kernel_of(of).strategies().map(|(name, _)| name.to_owned()).collect();
    let out = PyList::empty(py);
    for (strategy, venue, balance) in replay.balances_of(of) {
        let [begin, held, least] =
            [balance.begin, balance.held, balance.least].map(|amount| money_to_py(py, amount));
        out.append((&names[strategy.index()], venue, balance.currency, begin?, held?, least?))?;
    }
    Ok(out)
}

/// Times at which something was so.
fn moments_to_py<'py>(py: Python<'py>, moments: &Moments) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("times", moments.times)?;
    told.set_item("total_ns", moments.total_ns)?;
    told.set_item("longest_ns", moments.longest_ns)?;
    told.set_item("moments", &moments.kept)?;
    Ok(told)
}

/// When the data of each market told too little, or what cannot be.
fn tell_moments<'py>(
    out: &Bound<'py, PyDict>,
    simulation: &Replay,
    ids: &[Bound<'py, PyString>],
) -> PyResult<()> {
    let py = out.py();
    let [gaps, silences, unmarked, crossings, uncrossed, crossed, undecided] =
        std::array::from_fn(|_| PyDict::new(py));
    for (market, name) in ids.iter().enumerate() {
        let id = MarketId::new(market);
        let watched = simulation.watched(id);
        for (all, moments) in [
            (&gaps, watched.gaps),
            (&silences, watched.silences),
            (&unmarked, watched.unmarked),
            (&crossings, simulation.crossings(id)),
        ] {
            if moments.times > 0 {
                all.set_item(name, moments_to_py(py, &moments)?)?;
            }
        }
        if simulation.undecided(id) > 0 {
            undecided.set_item(name, simulation.undecided(id))?;
        }
        let done = simulation.uncrossed(id);
        if done.times > 0 {
            let told = PyDict::new(py);
            told.set_item("times", done.times)?;
            told.set_item("levels", done.levels)?;
            told.set_item("first_ts_recv", done.first)?;
            uncrossed.set_item(name, told)?;
            crossed.set_item(name, simulation.crossed(id))?;
        }
    }
    out.set_item("gaps", gaps)?;
    out.set_item("silences", silences)?;
    out.set_item("unmarked", unmarked)?;
    out.set_item("crossings", crossings)?;
    out.set_item("uncrossed", uncrossed)?;
    out.set_item("undecided", undecided)?;
    out.set_item("crossed", crossed)
}

/// What a run came to in a currency.
fn total_to_py<'py>(py: Python<'py>, total: &CurrencyTotals) -> PyResult<Bound<'py, PyDict>> {
    let ratios = total.stats.ratios();
    let row = PyDict::new(py);
    row.set_item("currency", &total.currency)?;
    row.set_item("gross_pnl", money_to_py(py, total.gross)?)?;
    row.set_item("fees", money_to_py(py, total.fees)?)?;
    row.set_item("funding", money_to_py(py, total.funding)?)?;
    row.set_item("interest", money_to_py(py, total.interest)?)?;
    row.set_item("net_pnl", money_to_py(py, net_of(total)?)?)?;
    row.set_item("turnover", money_to_py(py, total.turnover)?)?;
    row.set_item("max_drawdown", total.stats.max_drawdown())?;
    for (name, why, ratio) in
        [("sharpe", "sharpe_why", ratios.sharpe), ("sortino", "sortino_why", ratios.sortino)]
    {
        row.set_item(name, ratio.ok())?;
        row.set_item(why, ratio.err().map(|why| why.to_string()))?;
    }
    row.set_item("sharpe_period_ns", ratios.period)?;
    Ok(row)
}

/// What a run came to in the currency it is reported in, and how amounts of others became amounts of it.
fn reported_to_py<'py>(
    py: Python<'py>,
    replay: &Replay,
    of: StrategyId,
    instruments: &[Arc<Instrument>],
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let (Some(reporting), Some((total, unknown))) = (replay.reporting(), replay.reported_of(of)) else {
        return Ok(None);
    };
    let rates = PyDict::new(py);
    for (currency, by, rate) in reporting.told(|market| replay.market(market).twice_mid()) {
        let by = by.into_iter().map(|by| match by {
            By::Market(market) => instruments[market.index()].id.as_str(),
            By::Stated => "stated",
        });
        let told = PyDict::new(py);
        told.set_item("rate", rate.map(|rate| money_to_py(py, rate)).transpose()?)?;
        told.set_item("by", by.collect::<Vec<_>>())?;
        rates.set_item(currency, told)?;
    }
    let out = PyDict::new(py);
    out.set_item("total", total.map(|total| total_to_py(py, total)).transpose()?)?;
    out.set_item("rates", rates)?;
    out.set_item("unknown_samples", unknown)?;
    Ok(Some(out))
}

/// Everything a run leaves behind of the kernel that a strategy is in, as plain Python values.
fn summary<'py>(py: Python<'py>, ran: &mut Ran, of: StrategyId) -> PyResult<Bound<'py, PyDict>> {
    let Ran { replay: simulation, end, digests, instruments, calls, .. } = ran;
    let out = PyDict::new(py);
    out.set_item("digest", &digests[of.index()])?;
    out.set_item("calls", calls_to_py(py, calls, simulation.kernel_of(of))?)?;
    let broken = simulation.model_failure(of).map(|failure| {
        let ModelFailure { model, method, error } = failure;
        let how = if let HookError::Failed(how) = error { how.as_str() } else { "" };
        (model.as_str(), *method, how)
    });
    out.set_item("model_failure", broken)?;
    out.set_item("interrupted", *end == RunEnd::Interrupted)?;
    out.set_item("events", simulation.rows())?;
    out.set_item("span_ns", simulation.span())?;

    let totals = PyList::empty(py);
    for total in simulation.totals_of(of) {
        totals.append(total_to_py(py, total)?)?;
    }
    out.set_item("totals", totals)?;
    out.set_item("reported", reported_to_py(py, simulation, of, instruments)?)?;

    let ids: Vec<_> = instruments.iter().map(|i| PyString::new(py, i.id.as_str())).collect();
    let [bases, granularities, steps, leads, wrong, valued] = std::array::from_fn(|_| PyDict::new(py));
    let mut marks = Vec::with_capacity(instruments.len());
    let mut venue = "";
    for (market, instrument) in instruments.iter().enumerate() {
        let id = MarketId::new(market);
        bases.set_item(&ids[market], PyString::intern(py, simulation.market(id).basis().as_str()))?;
        if let Some(ns) = simulation.market(id).granularity() {
            granularities.set_item(&ids[market], ns)?;
        }
        let clock = simulation.clock(id);
        // Its instruments have one clock, and mostly follow each other.
        let before = std::mem::replace(&mut venue, instrument.id.venue());
        if before != venue {
            steps.set_item(venue, steps_to_py(clock.steps()))?;
            let led = leads_to_py(clock.steps());
            if !led.is_empty() {
                leads.set_item(venue, led)?;
            }
        }
        if let Some(stamps) = wrong_stamps_to_py(py, &simulation.wrong_stamps(id))? {
            wrong.set_item(&ids[market], stamps)?;
        }
        let (source, mark) = simulation.mark(id);
        marks.push(mark);
        let price = mark.map(|mark| mark.to_f64(instrument.price_increment));
        valued.set_item(&ids[market], (PyString::intern(py, source.as_str()), price))?;
    }
    let traded: Vec<PyInstrument> = instruments.iter().cloned().map(PyInstrument).collect();
    out.set_item("instruments", traded)?;
    out.set_item("fill_basis", bases)?;
    out.set_item("granularity_ns", granularities)?;
    out.set_item("clock_steps", steps)?;
    out.set_item("clock_leads", leads)?;
    out.set_item("wrong_stamps", wrong)?;
    tell_moments(&out, simulation, &ids)?;
    out.set_item("balances", balances_to_py(py, simulation, of)?)?;
    out.set_item("marks", valued)?;

    let traded: Vec<Qty> = (0..instruments.len()).map(|m| simulation.volume(MarketId::new(m))).collect();
    let kernel = simulation.kernel_of(of);
    out.set_item("journal", PyBytes::new(py, &kernel.take_journal()))?;
    out.set_item("failures", failures(py, kernel)?)?;

    out.set_item("positions", FinalPositions::of(kernel, instruments, marks.into_iter(), traded)?)?;
    out.set_item("risk", uses_to_py(py, kernel)?)?;
    out.set_item("orders", kernel.order_count())?;
    let record = kernel.record();
    out.set_item("fills", record.fill_count)?;
    out.set_item("maker_fills", record.maker_fill_count)?;
    let rejected = record.rejections().map(|(reason, times)| (reason.as_str(), times));
    out.set_item("rejected", rejected.collect::<Vec<_>>().into_py_dict(py)?)?;
    out.set_item("tables", tables(py, record, instruments)?)?;
    record.clear();
    Ok(out)
}
