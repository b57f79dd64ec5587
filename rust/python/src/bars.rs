//! Bars of arrays and of single trades.

use std::sync::{Mutex, PoisonError};

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use tradecore_core::bars::{
    Bar as CoreBar, BarColumns, BarFloats, BarSpec, BarSpecError, BarsError, Builder, Tape, TapeError, Tick,
    is_price, is_qty,
};

use crate::columns::{import_numpy, slice_of};
use crate::errors;
use crate::updates::Bar;
use crate::values::{arguments, optional, repr_of, to_whole, unexpected};

pub(crate) fn refused(error: BarSpecError) -> PyErr {
    errors::invalid("bars", error.to_string())
}

/// The bars that a text says.
pub(crate) fn spec_of(text: &Bound<'_, PyAny>) -> PyResult<BarSpec> {
    let Ok(text) = text.extract::<&str>() else {
        let problem = format!("expected a text such as \"1m\" or \"tick:100\", got {}", repr_of(text));
        return Err(errors::invalid("bars", problem));
    };
    BarSpec::parse(text).map_err(refused)
}

fn too_many(error: BarsError) -> PyErr {
    errors::invalid("bars", error.to_string())
}

/// Which bars to make: a kind with its size, and options.
///
/// Parameters
/// ----------
/// text : str
///     Such as ``1m``, ``1d+8h,empty=carry``, ``tick:100``, ``volume:5,excess=split``; see ``tc.bars``.
///
/// Raises
/// ------
/// InvalidValueError
///     When there are no such bars; it says what is wrong and what is expected.
///
/// Examples
/// --------
/// >>> spec = tc.bars.BarSpec("60s, empty = carry")
/// >>> str(spec), spec.kind, spec.interval_ns
/// ('1m,empty=carry', 'time', 60000000000)
#[pyclass(frozen, eq, hash, name = "BarSpec", module = "tradecore.bars")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct PyBarSpec(BarSpec);

#[pymethods]
impl PyBarSpec {
    #[new]
    fn new(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        spec_of(text).map(Self)
    }

    /// ``time``, ``tick``, ``volume``, ``notional``, ``imbalance``, ``run``, ``renko`` or ``range``.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.word()
    }

    /// What they are made of: ``trades``, ``quotes`` or ``mid``.
    #[getter]
    fn source(&self) -> &'static str {
        self.0.source_word()
    }

    /// Length of the windows, ns; None of bars that are no windows.
    #[getter]
    fn interval_ns(&self) -> Option<i64> {
        self.0.interval_ns()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("BarSpec({:?})", self.0.to_string())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyAny>, (String,)) {
        (py.get_type::<Self>().into_any(), (self.0.to_string(),))
    }
}

/// Return the bars of columns of trades as a dict of arrays, and the number of late trades.
///
/// Parameters
/// ----------
/// spec : BarSpec
/// ts_event, ts_recv : int64 (n,)
///     Times by the venue's clock and by ours, ns; the second may be None.
/// price, qty : float64 (n,)
///     Above zero, and zero or more; quantities may be None.
/// side : int8 (n,)
///     1 where the aggressor bought, -1 where it sold, 0 unknown; may be None.
/// partial : bool
///     Whether the last bar is returned, which nothing has finished.
///
/// Raises
/// ------
/// DataError
///     Naming the row of a price or quantity that is none.
/// InvalidValueError
///     For arrays that differ in length or are not contiguous, and for bars so small that a trade makes more than a
///     million.
#[pyfunction]
#[pyo3(signature = (spec, ts_event, ts_recv, price, qty, side, partial))]
#[allow(clippy::too_many_arguments, reason = "one for each column")]
pub(crate) fn bars_of<'py>(
    py: Python<'py>,
    spec: &PyBarSpec,
    ts_event: PyReadonlyArray1<'py, i64>,
    ts_recv: Option<PyReadonlyArray1<'py, i64>>,
    price: PyReadonlyArray1<'py, f64>,
    qty: Option<PyReadonlyArray1<'py, f64>>,
    side: Option<PyReadonlyArray1<'py, i8>>,
    partial: bool,
) -> PyResult<(Bound<'py, PyDict>, u64)> {
    let tape = Tape {
        ts_event: slice_of(&ts_event, "ts_event")?,
        ts_recv: ts_recv.as_ref().map(|ts_recv| slice_of(ts_recv, "ts_recv")).transpose()?,
        price: slice_of(&price, "price")?,
        qty: qty.as_ref().map(|qty| slice_of(qty, "qty")).transpose()?,
        side: side.as_ref().map(|side| slice_of(side, "side")).transpose()?,
    };
    let columns = py.detach(|| tape.bars(&spec.0, partial)).map_err(|error| match &error {
        TapeError::Length { name, .. } => errors::invalid(name, error.to_string()),
        TapeError::Value { row, .. } => errors::DataError::new_err(("trades", row + 1, error.to_string())),
        _ => errors::invalid("bars", error.to_string()),
    })?;
    let BarColumns { stamps, numbers, trades, revision, is_partial, late } = columns;
    import_numpy(py)?;
    let arrays = PyDict::new(py);
    for (name, column) in ["ts_open", "ts_close", "ts_available"].into_iter().zip(stamps) {
        arrays.set_item(name, PyArray1::from_vec(py, column))?;
    }
    for (name, column) in BarFloats::NAMES.into_iter().zip(numbers) {
        arrays.set_item(name, PyArray1::from_vec(py, column))?;
    }
    arrays.set_item("trades", PyArray1::from_vec(py, trades))?;
    arrays.set_item("revision", PyArray1::from_vec(py, revision))?;
    arrays.set_item("is_partial", PyArray1::from_vec(py, is_partial))?;
    Ok((arrays, late))
}

/// Makes bars of single trades, one after the other, by the same rules as the functions of ``tc.bars``.
///
/// Parameters
/// ----------
/// spec : str or BarSpec
///     Which bars, such as ``1m`` or ``tick:100``.
///
/// Raises
/// ------
/// InvalidValueError
///     When there are no such bars.
///
/// Examples
/// --------
/// >>> builder = tc.bars.BarBuilder("1s")
/// >>> builder.push(1_000_000_000, 100.0, 2.0, side="buy")
/// []
/// >>> [bar] = builder.push(2_500_000_000, 101.0, 1.0)
/// >>> bar.open, bar.volume, bar.ts_available
/// (100.0, 2.0, 2500000000)
/// >>> [bar] = builder.advance(3_000_000_000)
/// >>> bar.close
/// 101.0
#[pyclass(frozen, module = "tradecore.bars")]
pub(crate) struct BarBuilder {
    spec: BarSpec,
    text: String,
    /// The builder, and whether our clock is told.
    inner: Mutex<State>,
}

struct State {
    builder: Builder<f64>,
    has_clock: bool,
    clock: i64,
}

impl State {
    fn new(spec: &BarSpec, has_clock: bool) -> Self {
        let rule = spec.rule_of_floats();
        let builder = if has_clock { Builder::new(rule) } else { Builder::without_clock(rule) };
        Self { builder, has_clock, clock: i64::MIN }
    }

    /// The time by our clock: that of the venue where nobody says.
    fn at(&mut self, ts: i64, ts_recv: Option<i64>) -> i64 {
        self.clock = self.clock.max(ts_recv.unwrap_or(ts));
        self.clock
    }
}

impl BarBuilder {
    fn made(
        &self,
        make: impl FnOnce(&mut State, &mut dyn FnMut(&CoreBar<f64>)) -> Result<(), BarsError>,
    ) -> PyResult<Vec<Bar>> {
        let mut state = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bars = Vec::new();
        make(&mut state, &mut |bar| bars.push(Bar::of_floats(&self.text, &self.spec, bar)))
            .map_err(too_many)?;
        Ok(bars)
    }
}

#[pymethods]
impl BarBuilder {
    #[new]
    fn new(spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec = match spec.cast::<PyBarSpec>() {
            Ok(spec) => spec.get().0,
            Err(_) => spec_of(spec)?,
        };
        Ok(Self { spec, text: spec.to_string(), inner: Mutex::new(State::new(&spec, false)) })
    }

    /// Take a trade (or the middle of a quote) and return the bars it finished.
    ///
    /// Parameters
    /// ----------
    /// ts : int
    ///     Time by the venue's clock, ns UTC.
    /// price : float
    /// qty : float
    ///     Zero or more.
    /// side : str or int, optional
    ///     The aggressor: ``buy`` or 1, ``sell`` or -1; unknown if not given.
    /// ts_recv : int, optional
    ///     Time by our clock, ns UTC. From the first one on that is given our clock closes bars, too.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For a time that is no whole number of 64 bits, a price that is not above zero, a quantity below it, another
    ///     side, or bars so small that a trade makes more than a million. Nothing has changed then.
    #[pyo3(signature = (ts, price, qty=0.0, side=None, ts_recv=None))]
    fn push(
        &self,
        #[pyo3(from_py_with = ts)] ts: i64,
        #[pyo3(from_py_with = price)] price: f64,
        #[pyo3(from_py_with = qty)] qty: f64,
        #[pyo3(from_py_with = side)] side: Option<i8>,
        #[pyo3(from_py_with = ts_recv)] ts_recv: Option<i64>,
    ) -> PyResult<Vec<Bar>> {
        self.made(|state, mut out| {
            if ts_recv.is_some() && !state.has_clock {
                state.builder = state.builder.clone().with_clock(&self.spec.rule_of_floats());
                state.has_clock = true;
            }
            let clock = state.at(ts, ts_recv);
            state.builder.push(Tick { ts_event: ts, clock, price, qty, side: side.unwrap_or(0) }, &mut out)
        })
    }

    /// Say that the venue's clock has reached a time, and return the bars whose windows have ended by then.
    ///
    /// Parameters
    /// ----------
    /// ts : int
    ///     Time by the venue's clock, ns UTC: of anything else it sent.
    /// ts_recv : int, optional
    ///     Time by our clock, ns UTC.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For a time that is no whole number of 64 bits, and when more than a million empty windows would be carried
    ///     on.
    #[pyo3(signature = (ts, ts_recv=None))]
    fn advance(
        &self,
        #[pyo3(from_py_with = ts)] ts: i64,
        #[pyo3(from_py_with = ts_recv)] ts_recv: Option<i64>,
    ) -> PyResult<Vec<Bar>> {
        self.made(|state, mut out| {
            let clock = state.at(ts, ts_recv);
            state.builder.watermark(ts, clock, &mut out)
        })
    }

    /// Return the open bar as it is, with what our clock has finished before; the next trade opens another.
    fn flush(&self) -> PyResult<Vec<Bar>> {
        self.made(|state, mut out| state.builder.flush(&mut out))
    }

    /// Number of late trades so far: dropped, or added to their bars.
    #[getter]
    fn late(&self) -> u64 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).builder.late()
    }

    /// Which bars it makes.
    #[getter]
    fn spec(&self) -> PyBarSpec {
        PyBarSpec(self.spec)
    }

    /// Return what it remembers, for :meth:`load`.
    fn save<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let state = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![u8::from(state.has_clock)];
        bytes.extend(state.clock.to_le_bytes());
        bytes.extend(state.builder.save());
        PyBytes::new(py, &bytes)
    }

    /// Go on from what :meth:`save` returned of a builder of the same bars.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When these are not such bytes.
    fn load(&self, state: &[u8]) -> PyResult<()> {
        let bad = || errors::invalid("state", "expected what save() of a builder of the same bars returned");
        let (head, state) = state.split_first_chunk::<9>().ok_or_else(bad)?;
        let (has_clock, clock) = head.split_first_chunk::<1>().ok_or_else(bad)?;
        let clock = i64::from_le_bytes(clock.try_into().map_err(|_| bad())?);
        let fresh = State::new(&self.spec, has_clock[0] != 0);
        let builder = fresh.builder.load(state).ok_or_else(bad)?;
        let loaded = State { builder, has_clock: has_clock[0] != 0, clock };
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    fn __getstate__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.save(py)
    }

    fn __setstate__(&self, state: &[u8]) -> PyResult<()> {
        self.load(state)
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, [&self.text])
    }

    fn __repr__(&self) -> String {
        format!("BarBuilder({:?})", self.text)
    }
}

arguments! {
    ts: i64 = to_whole("ts", i64::MIN..=i64::MAX);
    own_ts: i64 = to_whole("ts_recv", i64::MIN..=i64::MAX);
}

fn ts_recv(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    optional(value, own_ts)
}

fn price(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let found = value.extract().ok().filter(|price| is_price(*price));
    found.ok_or_else(|| unexpected("price", "a finite number above zero", value))
}

fn qty(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let found = value.extract().ok().filter(|qty| is_qty(*qty));
    found.ok_or_else(|| unexpected("qty", "a finite number of zero or more", value))
}

fn side(value: &Bound<'_, PyAny>) -> PyResult<Option<i8>> {
    optional(value, side_of)
}

fn side_of(value: &Bound<'_, PyAny>) -> PyResult<i8> {
    if let Ok(number @ -1..=1) = value.extract::<i8>() {
        return Ok(number);
    }
    match value.extract::<&str>() {
        Ok("buy") => Ok(1),
        Ok("sell") => Ok(-1),
        _ => Err(unexpected("side", "'buy', 'sell', 1 or -1", value)),
    }
}
