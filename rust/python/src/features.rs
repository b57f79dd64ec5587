//! Features of a market: schemas, the incremental engine, tables over streams, and what a strategy is given of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::PyArray1;
use pyo3::exceptions::{PyAttributeError, PyException, PyKeyError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use tradecore_catalog::PartError;
use tradecore_core::bars::{BarSpec, BarSpecError};
use tradecore_core::book::{BookState, FillBasis, L2Book, MarketChunks, Touch};
use tradecore_core::decode::TradeSieve;
use tradecore_core::event::{Chunk, Columns, Event, FeedError, Latencies};
use tradecore_core::features::{
    Custom, FeatureEngine as CoreEngine, FeatureFailure, FeatureSampler, FeatureSet, SpecError, When,
    adjustments, definitions, fit_microprice as core_fit,
};
use tradecore_core::kernel::Trade;
use tradecore_core::types::{HookError, Instrument, MarketId, Side};

use crate::book::{measures, to_levels};
use crate::catalog::{EventStream, Leased};
use crate::columns::{NumpyColumns, import_numpy, slice_of};
use crate::errors;
use crate::instrument::PyInstrument;
use crate::memory::MemoryColumns;
use crate::raised::Raised;
use crate::shared::lock;
use crate::shared::{GilCell, Shared};
use crate::values::{arguments, basis, to_whole};
use crate::views::TradeView;

/// What comes before bars by which rows are wanted.
const BARS: &str = "bar:";

#[allow(clippy::needless_pass_by_value, reason = "it is mapped to")]
fn bars_error(error: BarSpecError) -> PyErr {
    errors::invalid("at", error.to_string())
}

fn spec_error(error: SpecError) -> PyErr {
    errors::invalid("features", error.to_string())
}

/// Return what features there are: name, unit, formula, warm-up and parameters (name, what it takes, default).
#[pyfunction]
pub(crate) fn feature_definitions(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let definition = |definition: &tradecore_core::features::Definition| {
        let row = PyDict::new(py);
        row.set_item("name", definition.name)?;
        row.set_item("unit", definition.unit)?;
        row.set_item("formula", definition.summary)?;
        row.set_item("warm_up", definition.warm_up)?;
        let parameters = definition.parameters.iter().map(|p| (p.name, p.expected(), p.default));
        row.set_item("parameters", parameters.collect::<Vec<_>>())?;
        Ok(row)
    };
    definitions().iter().map(definition).collect()
}

/// What the features of a set are: names and parameters in order, and their hash.
///
/// Parameters
/// ----------
/// name, version : str
/// features : sequence of str or (str, str)
///     As they are written, or name and identity of one that a class computes.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct FeatureSchema {
    pub(crate) set: Arc<FeatureSet>,
    names: Py<PyTuple>,
    hash: String,
}

/// A feature as it is written, or name and identity of a class's.
#[derive(FromPyObject)]
enum Asked {
    Written(String),
    Class(String, String),
}

#[pymethods]
impl FeatureSchema {
    #[new]
    fn new(py: Python<'_>, name: &str, version: &str, features: Vec<Asked>) -> PyResult<Self> {
        let mut set = FeatureSet::new(name, version).map_err(spec_error)?;
        for feature in features {
            match feature {
                Asked::Written(text) => set.add(&text),
                Asked::Class(name, identity) => set.add_custom(&name, &identity),
            }
            .map_err(spec_error)?;
        }
        if set.names().is_empty() {
            return Err(spec_error(SpecError::Empty));
        }
        let names = PyTuple::new(py, set.names())?.unbind();
        Ok(Self { hash: set.schema_hash(), set: Arc::new(set), names })
    }

    /// Names of the features, in order.
    #[getter]
    fn names(&self, py: Python<'_>) -> Py<PyTuple> {
        self.names.clone_ref(py)
    }

    /// The features as they are written, in order; None for one that a class computes.
    #[getter]
    fn texts(&self) -> Vec<Option<String>> {
        self.set.texts().collect()
    }

    /// SHA-256 of the version and of the names and parameters of the features, in order.
    #[getter]
    fn schema_hash(&self) -> &str {
        &self.hash
    }
}

/// The book a feature of one's own is told of. Valid only inside ``update``, and only to be read.
///
/// An empty side is None. Prices are in quote currency, quantities in contracts (spot: base units).
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct FeatureBook {
    spec: Arc<Instrument>,
    /// The book, and whether it is the market's, as it is while ``update`` runs.
    book: GilCell<(Box<L2Book>, bool)>,
}

impl FeatureBook {
    fn with<T>(&self, py: Python<'_>, read: impl FnOnce(&L2Book) -> T) -> PyResult<T> {
        let read = self.book.with(py, |(book, is_lent)| is_lent.then(|| read(book)));
        read.ok_or_else(|| errors::ContextError::new_err(("a book".to_owned(),)))
    }

    /// Exchanges the book for a market's, and back.
    fn exchange(&self, py: Python<'_>, book: &mut L2Book) {
        self.book.with(py, |(own, is_lent)| {
            std::mem::swap(&mut **own, book);
            *is_lent = !*is_lent;
        });
    }

    fn touch(&self, py: Python<'_>) -> PyResult<Touch> {
        self.with(py, Touch::of)
    }
}

#[pymethods]
impl FeatureBook {
    /// Id of the instrument.
    #[getter]
    fn instrument(&self) -> &str {
        self.spec.id.as_str()
    }

    /// Whether the book equals the venue's; without that its prices mean nothing.
    #[getter]
    fn is_synced(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.touch(py)?.state == BookState::Synced)
    }

    /// Whether the best bid is at or above the best ask.
    #[getter]
    fn is_crossed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.touch(py)?.is_crossed())
    }

    /// Highest price of a bid, in quote currency; None if there are no bids.
    #[getter]
    fn best_bid(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::price(&self.spec, self.touch(py)?.best_bid()))
    }

    /// Lowest price of an ask, in quote currency; None if there are no asks.
    #[getter]
    fn best_ask(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::price(&self.spec, self.touch(py)?.best_ask()))
    }

    /// Quantity at the best bid, in contracts (spot: base units); None if there are no bids.
    #[getter]
    fn bid_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::qty(&self.spec, self.touch(py)?.best(Side::Buy)))
    }

    /// Quantity at the best ask, in contracts (spot: base units); None if there are no asks.
    #[getter]
    fn ask_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::qty(&self.spec, self.touch(py)?.best(Side::Sell)))
    }

    /// Half way between best bid and best ask, in quote currency; None if a side is empty.
    #[getter]
    fn mid(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(measures::fine_price(&self.spec, self.touch(py)?.mid()))
    }

    /// Return ``(bids - asks) / (bids + asks)`` of the quantities on the best ``n`` levels a side.
    #[pyo3(signature = (n=1))]
    fn imbalance(&self, py: Python<'_>, #[pyo3(from_py_with = to_levels)] n: usize) -> PyResult<Option<f64>> {
        self.with(py, |book| book.imbalance(n))
    }

    /// Return the best ``n`` bids and asks, best first: float64 (levels, 2) each, of price and quantity.
    #[pyo3(signature = (n=10))]
    fn depth<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = to_levels)] n: usize,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let levels = self.with(py, |book| measures::top(book, n))?;
        measures::depth(py, &self.spec, &levels)?.into_pyobject(py)
    }
}

/// A feature that a Python class computes.
struct PyCustom {
    object: Py<PyAny>,
    update: Py<PyAny>,
    book: Py<FeatureBook>,
    spec: Arc<Instrument>,
    id: Py<PyString>,
    raised: Raised,
}

impl PyCustom {
    /// Of a copy of its own: an object in a set is a pattern, and every market gets another.
    fn new(pattern: &Bound<'_, PyAny>, spec: &Arc<Instrument>, raised: &Raised) -> PyResult<Self> {
        let py = pattern.py();
        let object = py.import("copy")?.call_method1("deepcopy", (pattern,))?;
        let book =
            Py::new(py, FeatureBook { spec: Arc::clone(spec), book: GilCell::new((Box::default(), false)) })?;
        Ok(Self {
            update: object.getattr("update")?.unbind(),
            object: object.unbind(),
            book,
            spec: Arc::clone(spec),
            id: PyString::new(py, spec.id.as_str()).unbind(),
            raised: raised.clone(),
        })
    }

    fn failed(&self, py: Python<'_>, error: PyErr) -> HookError {
        if error.is_instance_of::<PyException>(py) {
            return HookError::Failed(errors::traceback(py, &error));
        }
        self.raised.keep(py, error);
        HookError::Interrupted
    }

    fn helper<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        py.import("tradecore.features.custom")?.getattr(name)
    }
}

impl Custom for PyCustom {
    fn update(&mut self, book: &mut L2Book, trade: Option<Event>) -> Result<f64, HookError> {
        Python::attach(|py| {
            let trade = trade.map(|event| {
                let trade = Trade {
                    price: event.price,
                    qty: event.qty,
                    aggressor_side: Side::from_column(event.side),
                    ts_event: event.ts_event,
                    ts_recv: event.ts_recv,
                    id: event.id,
                };
                TradeView::of(trade, &self.spec, self.id.clone_ref(py))
            });
            let view = self.book.get();
            view.exchange(py, book);
            let value = self.update.call1(py, (&self.book, trade)).and_then(|value| {
                value.extract::<f64>(py).map_err(|error| {
                    errors::invalid("update", format!("update has to return a number: {error}"))
                })
            });
            view.exchange(py, book);
            value.map_err(|error| self.failed(py, error))
        })
    }

    fn save(&mut self) -> Result<Vec<u8>, HookError> {
        Python::attach(|py| {
            let save = || -> PyResult<Vec<u8>> {
                let state = Self::helper(py, "saved")?.call1((&self.object,))?;
                Ok(state.cast::<PyBytes>()?.as_bytes().to_vec())
            };
            save().map_err(|error| self.failed(py, error))
        })
    }

    fn load(&mut self, state: &[u8]) -> Result<(), HookError> {
        Python::attach(|py| {
            let load =
                || Self::helper(py, "load")?.call1((&self.object, PyBytes::new(py, state))).map(|_| ());
            load().map_err(|error| self.failed(py, error))
        })
    }
}

/// A set as Python has it: its schema, and the objects that compute features of one's own.
pub(crate) struct Given<'py> {
    schema: Bound<'py, FeatureSchema>,
    objects: Vec<Bound<'py, PyAny>>,
}

impl<'py> Given<'py> {
    /// Of a `tradecore.features.FeatureSet`.
    pub(crate) fn of(set: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = set.py();
        let class = py.import("tradecore.features.sets")?.getattr("FeatureSet")?;
        if !set.is_instance(&class)? {
            let found = set.get_type().name()?;
            return Err(errors::invalid("features", format!("expected a FeatureSet, got a {found}")));
        }
        let schema = set.getattr(intern!(py, "_schema"))?.cast_into::<FeatureSchema>()?;
        Ok(Self { schema, objects: set.getattr(intern!(py, "_objects"))?.extract()? })
    }

    pub(crate) fn engine(&self, instrument: &Arc<Instrument>, raised: &Raised) -> PyResult<CoreEngine> {
        let customs = self
            .objects
            .iter()
            .map(|object| Ok(Box::new(PyCustom::new(object, instrument, raised)?) as Box<dyn Custom>))
            .collect::<PyResult<_>>()?;
        let set = Arc::clone(&self.schema.get().set);
        CoreEngine::new(set, Arc::clone(instrument), customs).map_err(spec_error)
    }
}

/// A feature of one's own that failed, or Ctrl-C in it.
fn failure(failure: FeatureFailure, raised: &Raised) -> PyErr {
    match failure.error {
        HookError::Failed(traceback) => errors::FeatureError::new_err((failure.feature, traceback)),
        HookError::Interrupted => raised.or(pyo3::exceptions::PyKeyboardInterrupt::new_err(())),
    }
}

/// Features as known at a time: a value that may be kept.
///
/// Examples
/// --------
/// >>> f = ctx.features("BTCUSDT.SYNTH", tc.FeatureSet(["spread", "ofi"]))
/// >>> f["spread"], f.spread
/// (0.1, 0.1)
/// >>> f.names, f.is_ready
/// (('spread', 'ofi'), False)
/// >>> f.values.round(3).tolist()
/// [0.1, nan]
#[pyclass(frozen, mapping, module = "tradecore")]
pub(crate) struct FeatureVector {
    schema: Py<FeatureSchema>,
    numbers: Vec<f64>,
}

impl FeatureVector {
    fn new(schema: &Bound<'_, FeatureSchema>, read: impl FnOnce(&mut [f64])) -> Self {
        let mut numbers = vec![f64::NAN; schema.get().set.names().len()];
        read(&mut numbers);
        Self { schema: schema.clone().unbind(), numbers }
    }

    fn find(&self, name: &str) -> Option<f64> {
        self.schema.get().set.find(name).map(|at| self.numbers[at])
    }
}

#[pymethods]
impl FeatureVector {
    /// Names of the features, in order.
    #[getter]
    fn names(&self, py: Python<'_>) -> Py<PyTuple> {
        self.schema.get().names.clone_ref(py)
    }

    /// SHA-256 of the schema, by which a model knows its inputs again.
    #[getter]
    fn schema_hash(&self) -> &str {
        &self.schema.get().hash
    }

    /// Their values, float64 (features,); NaN where nothing is known (yet).
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        import_numpy(py)?;
        Ok(PyArray1::from_slice(py, &self.numbers))
    }

    /// Which of them are known, bool (features,).
    #[getter]
    fn mask<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<bool>>> {
        import_numpy(py)?;
        Ok(PyArray1::from_iter(py, self.numbers.iter().map(|number| !number.is_nan())))
    }

    /// Whether all of them are known.
    #[getter]
    fn is_ready(&self) -> bool {
        !self.numbers.iter().any(|number| number.is_nan())
    }

    fn __len__(&self) -> usize {
        self.numbers.len()
    }

    fn __getitem__(&self, name: &str) -> PyResult<f64> {
        let unknown = || {
            let known = self.schema.get().set.names().join(", ");
            PyKeyError::new_err(format!("no feature {name:?}; there are: {known}"))
        };
        self.find(name).ok_or_else(unknown)
    }

    fn __contains__(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn __getattr__(&self, name: &str) -> PyResult<f64> {
        self.find(name).ok_or_else(|| PyAttributeError::new_err(format!("no feature {name:?}")))
    }

    fn __repr__(&self) -> String {
        let names = self.schema.get().set.names().iter();
        let shown = names.zip(&self.numbers).map(|(name, number)| format!("{name}: {number}"));
        format!("<Features {}>", shown.collect::<Vec<_>>().join(", "))
    }
}

arguments! {
    buckets: usize = to_whole("buckets", 2..=1_000usize);
    spreads: usize = to_whole("spreads", 1..=500usize);
    terms: usize = to_whole("terms", 1..=10_000usize);
    rows_at_most: usize = to_whole("rows", 1..=1usize << 24);
}

/// Computes features message by message.
///
/// Parameters
/// ----------
/// instrument : Instrument
/// features : FeatureSet
/// basis : {"l2", "l1"}
///     Whether levels or quotes make the book.
///
/// Raises
/// ------
/// InvalidValueError
///     For a value of a parameter that the instrument does not allow, such as a bucket below its increment.
///
/// Examples
/// --------
/// >>> import numpy as np
/// >>> from tradecore import features
/// >>> inst = tc.find_instrument("BTCUSDT.SYNTH")
/// >>> engine = features.FeatureEngine(inst, features.FeatureSet(["mid", "imbalance"], name="touch", version="1"))
/// >>> engine.update(
/// ...     {
/// ...         "ts_event": np.array([1, 1]),
/// ...         "ts_recv": np.array([1, 1]),
/// ...         "kind": np.array([1, 1], np.uint8),
/// ...         "side": np.array([1, -1], np.int8),
/// ...         "flags": np.array([0, 1], np.uint8),
/// ...         "price": np.array([1000, 1002]),
/// ...         "qty": np.array([5, 15]),
/// ...     }
/// ... )
/// >>> engine.values()
/// <Features mid: 100.10000000000001, imbalance: 0.25>
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct FeatureEngine {
    schema: Py<FeatureSchema>,
    engine: Mutex<Box<CoreEngine>>,
    sieve: Mutex<TradeSieve>,
    raised: Raised,
}

impl FeatureEngine {
    fn engine(&self) -> MutexGuard<'_, Box<CoreEngine>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl FeatureEngine {
    #[new]
    #[pyo3(signature = (instrument, features, *, basis="l2"))]
    fn new(instrument: &PyInstrument, features: &Bound<'_, PyAny>, basis: &str) -> PyResult<Self> {
        let (given, raised) = (Given::of(features)?, Raised::default());
        let engine = given.engine(&instrument.0, &raised)?.of(self::basis(basis)?);
        let (engine, sieve) = (Mutex::new(Box::new(engine)), Mutex::default());
        Ok(Self { schema: given.schema.unbind(), engine, sieve, raised })
    }

    /// Take event columns: whole messages, received not before those taken last.
    ///
    /// Trades that are none are left out as everywhere: without price or size, or of an id that it has taken before.
    ///
    /// Parameters
    /// ----------
    /// columns : mapping of str to array, or DataFrame
    ///     As :meth:`tradecore.Catalog.stream` gives them.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     When a row breaks a rule of events; nothing was taken then.
    /// FeatureError
    ///     When a feature of one's own raises.
    fn update(&self, py: Python<'_>, columns: &Bound<'_, PyAny>) -> PyResult<()> {
        let columns = NumpyColumns::new(columns)?;
        py.detach(|| {
            let mut engine = self.engine();
            let (view, previous) = (columns.view(), engine.last_message().unwrap_or(i64::MIN));
            let checked = view.check_lengths().and_then(|()| view.check_rows(0, view.len(), previous));
            checked.map_err(|error| errors::DataError::new_err(("columns", 0, error.to_string())))?;
            let left = lock(&self.sieve).sift(&view);
            let view = left.as_ref().map_or(view, Columns::view);
            engine.read(&view, 0, view.len()).map_err(|error| failure(error, &self.raised))
        })
    }

    /// Return the features as known at ``now_ns``, ns UTC; with the last message if not given, or before it.
    #[pyo3(signature = (now_ns=None))]
    fn values(&self, py: Python<'_>, now_ns: Option<i64>) -> FeatureVector {
        // Whoever computes one's own features waits for the interpreter with the engine locked.
        FeatureVector::new(self.schema.bind(py), |out| {
            py.detach(|| self.engine().values(now_ns.unwrap_or(i64::MIN), out));
        })
    }

    /// Return its state, to go on from in another process with the same bits to come.
    ///
    /// Raises
    /// ------
    /// FeatureError
    ///     When a feature of one's own cannot be saved.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let saved = py.detach(|| self.engine().save()).map_err(|error| failure(error, &self.raised))?;
        Ok(PyBytes::new(py, &saved))
    }

    /// Go on from what :meth:`save` returned, which knows no ids of trades.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For a state that is none of such features.
    fn load(&self, py: Python<'_>, state: &[u8]) -> PyResult<()> {
        *lock(&self.sieve) = TradeSieve::default();
        py.detach(|| self.engine().load(state)).map_err(|error| errors::invalid("state", error.to_string()))
    }
}

/// Where the events of a table come from.
enum Source {
    Stream(Leased),
    Memory(Option<Arc<dyn Columns>>),
}

/// A table in the making.
struct Making {
    source: Source,
    chunks: MarketChunks,
    sampler: FeatureSampler,
    /// Rows of events read.
    rows: u64,
    /// Whether all messages have been taken.
    is_at_end: bool,
}

impl Making {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, FeedError<PartError>> {
        let Self { source, chunks, .. } = self;
        let chunk = chunks.pull(|| match source {
            Source::Stream(stream) => {
                Ok(stream.next_piece()?.map(|piece| Arc::new(piece) as Arc<dyn Columns>))
            }
            Source::Memory(columns) => Ok(columns.take()),
        })?;
        self.rows += chunk.as_ref().map_or(0, |chunk| (chunk.end() - chunk.start()) as u64);
        Ok(chunk)
    }
}

/// Why a table ends early.
enum Ended {
    Feed(FeedError<PartError>),
    Feature(FeatureFailure),
}

/// Rows of a table: times, a column for each feature, and whether there may be more.
type Piece = (Vec<i64>, Vec<Vec<f64>>, bool);

/// Makes a table of the features of an instrument's events, piece by piece. It takes a stream over as it stands.
///
/// Parameters
/// ----------
/// instrument : Instrument
/// features : FeatureSet
/// events : EventStream or MemoryColumns
/// basis : {"l2", "l1"}
/// at : int or str
///     A row every so many ns, or for each ``trade``, ``message`` or bar, such as ``bar:1m``.
/// from_ns : int
///     The first time wanted, ns.
#[pyclass(frozen, module = "tradecore")]
pub(crate) struct FeatureReader {
    instrument: PyInstrument,
    making: Mutex<Option<Box<Making>>>,
    width: usize,
    raised: Raised,
}

/// When rows are wanted.
#[derive(FromPyObject)]
enum At {
    Every(i64),
    Word(String),
}

#[pymethods]
impl FeatureReader {
    #[new]
    #[pyo3(signature = (instrument, features, events, *, basis, at, from_ns))]
    fn new(
        instrument: &PyInstrument,
        features: &Bound<'_, PyAny>,
        events: &Bound<'_, PyAny>,
        basis: &str,
        at: At,
        from_ns: i64,
    ) -> PyResult<Self> {
        let (given, raised) = (Given::of(features)?, Raised::default());
        let engine = given.engine(&instrument.0, &raised)?.of(self::basis(basis)?);
        let when = match at {
            At::Every(ns) if ns > 0 => When::Every(ns),
            At::Word(word) if word == "trade" => When::Trade,
            At::Word(word) if word == "message" => When::Message,
            At::Word(word) if word.starts_with(BARS) => {
                When::Bar(BarSpec::parse(&word[BARS.len()..]).map_err(bars_error)?)
            }
            At::Every(_) | At::Word(_) => {
                return Err(errors::invalid(
                    "at",
                    "expected a length of time, 'trade', 'message' or 'bar:1m'",
                ));
            }
        };
        let source = if let Ok(columns) = events.cast::<MemoryColumns>() {
            Some(Source::Memory(Some(Arc::clone(&columns.get().columns))))
        } else {
            events.cast::<EventStream>()?.get().take().map(Source::Stream)
        };
        let sampler = FeatureSampler::new(engine, when, from_ns).map_err(bars_error)?;
        let has_book = self::basis(basis)? == FillBasis::L2;
        let making = source.map(|source| Making {
            chunks: match &source {
                Source::Stream(stream) => stream.chunks(),
                Source::Memory(columns) => {
                    let latencies = columns.as_ref().map(|columns| Latencies::of(&columns.view()));
                    MarketChunks::measured(has_book, &latencies.unwrap_or_default())
                }
            },
            source,
            sampler,
            rows: 0,
            is_at_end: false,
        });
        let width = given.schema.get().set.names().len();
        Ok(Self { instrument: instrument.clone(), making: Mutex::new(making.map(Box::new)), width, raised })
    }

    /// Read about ``events`` rows of events, and return what became of them, None at the end.
    ///
    /// Returns
    /// -------
    /// ts : int64 (n,)
    ///     Our clock, ns.
    /// columns : list of float64 (n,)
    /// rows : int
    ///     Rows of events read so far.
    ///
    /// Raises
    /// ------
    /// CatalogError, DataError
    ///     When a file cannot be read, or its rows break a rule of events.
    /// FeatureError
    ///     When a feature of one's own raises.
    #[allow(clippy::type_complexity, reason = "what Python unpacks")]
    fn read<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = rows_at_most)] rows: usize,
    ) -> PyResult<Option<(Bound<'py, PyArray1<i64>>, Vec<Bound<'py, PyArray1<f64>>>, u64)>> {
        let mut read = 0;
        let piece = py.detach(|| {
            let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(own) = &mut *making else { return Ok(None) };
            if let Source::Stream(stream) = &own.source {
                stream.check()?;
            }
            let piece = self.table(own, rows);
            read = own.rows;
            match piece {
                Ok((ts, columns, true)) => Ok(Some((ts, columns))),
                Ok((ts, columns, false)) => {
                    *making = None;
                    Ok((!ts.is_empty()).then_some((ts, columns)))
                }
                Err(ended) => {
                    *making = None;
                    Err(self.failed(ended))
                }
            }
        })?;
        let Some((ts, columns)) = piece else { return Ok(None) };
        import_numpy(py)?;
        let columns = columns.into_iter().map(|column| PyArray1::from_vec(py, column)).collect();
        Ok(Some((PyArray1::from_vec(py, ts), columns, read)))
    }

    /// End what reads the events; nothing comes from then on.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.making.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }
}

impl FeatureReader {
    fn failed(&self, ended: Ended) -> PyErr {
        match ended {
            Ended::Feed(failure) => errors::feed(&self.instrument.0, failure),
            Ended::Feature(error) => failure(error, &self.raised),
        }
    }

    /// What becomes of about so many rows of events.
    fn table(&self, own: &mut Making, rows: usize) -> Result<Piece, Ended> {
        let (mut ts, mut columns) = (Vec::new(), vec![Vec::new(); self.width]);
        let mut row = vec![f64::NAN; self.width];
        let until = own.rows + rows as u64;
        loop {
            let next = if own.is_at_end { own.sampler.advance_at_end() } else { own.sampler.advance() }
                .map_err(Ended::Feature)?;
            if let Some(at) = next {
                own.sampler.values(at, &mut row);
                ts.push(at);
                for (column, number) in columns.iter_mut().zip(&row) {
                    column.push(*number);
                }
                if ts.len() >= rows {
                    return Ok((ts, columns, true));
                }
            } else if own.is_at_end {
                return Ok((ts, columns, false));
            } else if own.rows >= until {
                return Ok((ts, columns, true));
            } else {
                match own.next_chunk().map_err(Ended::Feed)? {
                    Some(chunk) => own.sampler.push(chunk),
                    None => own.is_at_end = true,
                }
            }
        }
    }
}

/// What a strategy follows of features: the set it declares.
#[derive(Default)]
pub(crate) struct Declared(Mutex<Option<Py<PyAny>>>);

impl Declared {
    /// Says the set.
    pub(crate) fn set(&self, set: &Bound<'_, PyAny>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(set.clone().unbind());
    }

    fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.as_ref().map(|set| set.bind(py).clone())
    }

    /// The features of a market, of a set or the one that is declared, as known now.
    pub(crate) fn vector(
        &self,
        py: Python<'_>,
        shared: &Shared,
        raised: &Raised,
        market: MarketId,
        set: Option<Bound<'_, PyAny>>,
    ) -> PyResult<FeatureVector> {
        let Some(set) = set.or_else(|| self.get(py)) else {
            let problem =
                "the strategy declares none: say features = FeatureSet(...) in its class, or pass one";
            return Err(errors::invalid("features", problem));
        };
        let given = Given::of(&set)?;
        let hash = &given.schema.get().hash;
        let place = match shared.with(py, |ctx| ctx.find_features(market, hash))? {
            Some(place) => place,
            None => {
                let engine = given.engine(shared.instrument(market), raised)?;
                shared.with(py, |ctx| ctx.follow_features(market, engine))?
            }
        };
        let mut told = Ok(());
        let vector = FeatureVector::new(&given.schema, |out| {
            told = shared.with(py, |ctx| ctx.read_features(market, place, out));
        });
        told.map(|()| vector)
    }
}

/// Fit Stoikov's microprice: how far the mid is expected to move, by imbalance and spread.
///
/// States are pairs of an imbalance bucket and a spread in ticks; with every observation its mirror image is counted.
/// The adjustment is ``G1 + B G1 + B^2 G1 + ...`` with ``G1 = (I - Q)^-1 R1 K`` and ``B = (I - Q)^-1 R2``, of ``terms``
/// terms. Pass the table to the feature ``stoikov_microprice(table=[...], buckets=...)``.
///
/// Parameters
/// ----------
/// imbalance : float64 (n,)
///     The bid's share of the quantity at the best prices, of books one after the other.
/// spread, mid : float64 (n,)
///     In ticks.
/// buckets, spreads : int
///     Buckets of the imbalance, and the widest spread in ticks.
/// terms : int
///
/// Returns
/// -------
/// list of float
///     Adjustments in ticks, a row of ``buckets`` for each spread; NaN for what was never seen.
///
/// Raises
/// ------
/// InvalidValueError
///     For columns that differ in length, too many states, and data from which nothing follows.
///
/// Examples
/// --------
/// >>> import numpy as np
/// >>> up = np.tile([0.9, 0.1], 50)
/// >>> mid = np.tile([100.0, 101.0], 50)
/// >>> [round(x, 3) for x in tc.features.fit_microprice(up, np.ones(100), mid, buckets=2, spreads=1)]
/// [0.0, 0.0]
#[pyfunction]
#[pyo3(signature = (imbalance, spread, mid, *, buckets=10, spreads=3, terms=6))]
pub(crate) fn fit_microprice(
    py: Python<'_>,
    imbalance: numpy::PyReadonlyArray1<'_, f64>,
    spread: numpy::PyReadonlyArray1<'_, f64>,
    mid: numpy::PyReadonlyArray1<'_, f64>,
    #[pyo3(from_py_with = buckets)] buckets: usize,
    #[pyo3(from_py_with = spreads)] spreads: usize,
    #[pyo3(from_py_with = terms)] terms: usize,
) -> PyResult<Vec<f64>> {
    let columns = (slice_of(&imbalance, "imbalance")?, slice_of(&spread, "spread")?, slice_of(&mid, "mid")?);
    let fitted = py.detach(|| core_fit(columns.0, columns.1, columns.2, buckets, spreads, terms));
    fitted
        .map(|fitted| fitted.table)
        .map_err(|error| errors::invalid("imbalance, spread, mid", error.to_string()))
}

/// Return Stoikov's adjustments from matrices that are known: ``terms`` terms of ``G1 + B G1 + B^2 G1 + ...``.
///
/// Parameters
/// ----------
/// q, r1, r2 : list of list of float
///     By state: probabilities of the next state without a move of the mid, of each move, of the next state with one.
/// k : list of float
///     The moves.
/// terms : int
///
/// Raises
/// ------
/// InvalidValueError
///     For matrices that do not fit each other, or states that never lead to a move.
///
/// Examples
/// --------
/// >>> from tradecore._core import microprice_adjustments
/// >>> stay, move = [[0.5, 0.1], [0.1, 0.5]], [[0.3, 0.1], [0.1, 0.3]]
/// >>> [round(x, 6) for x in microprice_adjustments(stay, move, [-0.5, 0.5], [[0.2, 0.2], [0.2, 0.2]], terms=1)]
/// [-0.166667, 0.166667]
#[pyfunction]
#[pyo3(signature = (q, r1, k, r2, *, terms=6))]
pub(crate) fn microprice_adjustments(
    q: Vec<Vec<f64>>,
    r1: Vec<Vec<f64>>,
    k: Vec<f64>,
    r2: Vec<Vec<f64>>,
    #[pyo3(from_py_with = terms)] terms: usize,
) -> PyResult<Vec<f64>> {
    adjustments(&q, &r1, &k, &r2, terms).map_err(|error| errors::invalid("q, r1, k, r2", error.to_string()))
}
