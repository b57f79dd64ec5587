//! Indicators by name: over columns, from value to value, and many at once.

use numpy::{
    PyArray1, PyArray2, PyArrayMethods as _, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods as _,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString, PyTuple, PyType};
use tradecore_core::indicators as core;
use tradecore_core::indicators::{Given, IndicatorError, Kind, MOST_OUTPUTS, NanPolicy, Spec};

use crate::columns::{import_numpy, slice_of};
use crate::errors;
use crate::outputs::into_columns;
use crate::shared::GilCell;
use crate::values::{arguments, repr_of, unexpected};

fn refused(error: IndicatorError) -> PyErr {
    match error {
        IndicatorError::Value { param, expected } => errors::invalid(param, expected),
        IndicatorError::State => errors::invalid("state", error.to_string()),
        IndicatorError::NoParameter { .. } => PyTypeError::new_err(error.to_string()),
        other => errors::invalid("name", other.to_string()),
    }
}

/// A value of a parameter as the core takes it; `None` for what is neither a number nor a text.
fn given<'a>(value: &'a Bound<'_, PyAny>, text: &'a mut String) -> PyResult<Option<Given<'a>>> {
    if value.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    if let Ok(word) = value.cast::<PyString>() {
        *text = word.to_cow()?.into_owned();
        return Ok(Some(Given::Word(text)));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(Some(Given::Number(number.value())));
    }
    // Integers of other libraries (numpy) say so through __index__, as their floats do through __float__.
    if value.is_instance_of::<PyInt>() || value.hasattr("__index__")? {
        return Ok(value.extract().ok().map(Given::Whole));
    }
    Ok(value.extract().ok().map(Given::Number))
}

/// What a row without a number means, by its word.
fn policy(value: &Bound<'_, PyAny>) -> PyResult<NanPolicy> {
    match value.extract::<String>().as_deref() {
        Ok("restart") => Ok(NanPolicy::Restart),
        Ok("talib") => Ok(NanPolicy::Talib),
        _ => Err(errors::invalid("nan", format!("expected restart or talib, got {}", repr_of(value)))),
    }
}

/// An indicator of parameters as a call gives them.
pub(crate) fn parse(
    name: &str,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<core::Stream> {
    let spec = core::find(name).map_err(refused)?;
    if args.len() > spec.params.len() {
        let problem = format!("{name} takes {} parameters, got {}", spec.params.len(), args.len());
        return Err(PyTypeError::new_err(problem));
    }
    let mut named: Vec<(String, Bound<'_, PyAny>)> =
        spec.params.iter().zip(args).map(|(param, value)| (param.name.to_owned(), value)).collect();
    let mut nan = NanPolicy::default();
    for (key, value) in kwargs.into_iter().flatten() {
        let key: String = key.extract()?;
        if key == "nan" {
            nan = policy(&value)?;
        } else if named.iter().any(|(name, _)| *name == key) {
            return Err(PyTypeError::new_err(format!("{name} got {key} twice")));
        } else {
            named.push((key, value));
        }
    }
    let mut texts = vec![String::new(); named.len()];
    let mut taken = Vec::with_capacity(named.len());
    for ((key, value), text) in named.iter().zip(&mut texts) {
        let param = spec.params.iter().find(|param| param.name == key);
        let known = given(value, text)?;
        // Said here, where the value can be shown.
        if let Some(param) = param
            && known.and_then(|known| param.take(known)).is_none()
        {
            let problem = format!("{}, got {}", param.expected(), repr_of(value));
            return Err(errors::invalid(param.name, problem));
        }
        taken.push((key.as_str(), known.unwrap_or(Given::Whole(0))));
    }
    core::Stream::parse(name, &taken, nan).map_err(refused)
}

/// A value of a parameter as Python shows it.
fn shown(kind: Kind, value: f64) -> String {
    match kind {
        Kind::Whole(..) => format!("{value:.0}"),
        Kind::Number(..) => format!("{value:?}"),
        Kind::Word(words) => format!("'{}'", words[value as usize]),
    }
}

/// Describe every indicator: names, parameters, inputs, outputs and words about them, a dictionary each.
#[pyfunction]
pub(crate) fn indicator_specs(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let mut all = Vec::new();
    for (family, specs) in core::families() {
        for spec in specs {
            all.push(described(py, family, spec)?);
        }
    }
    Ok(all)
}

fn described<'py>(py: Python<'py>, family: &str, spec: &Spec) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("name", spec.name)?;
    out.set_item("class", spec.class)?;
    out.set_item("family", family)?;
    out.set_item("summary", spec.summary)?;
    out.set_item("notes", spec.notes)?;
    out.set_item("inputs", core::input_names(spec))?;
    out.set_item("outputs", spec.outputs.to_vec())?;
    let params: PyResult<Vec<_>> = spec
        .params
        .iter()
        .map(|param| {
            let one = PyDict::new(py);
            one.set_item("name", param.name)?;
            one.set_item("doc", param.doc)?;
            match param.kind {
                Kind::Whole(least, most) => {
                    one.set_item("type", "int")?;
                    one.set_item("default", param.default as u64)?;
                    one.set_item("bounds", (least, most))?;
                }
                Kind::Number(least, most) => {
                    one.set_item("type", "float")?;
                    one.set_item("default", param.default)?;
                    one.set_item("bounds", (least, most))?;
                }
                Kind::Word(words) => {
                    one.set_item("type", "str")?;
                    one.set_item("default", words[param.default as usize])?;
                    one.set_item("bounds", words.to_vec())?;
                }
            }
            Ok(one)
        })
        .collect();
    out.set_item("params", params?)?;
    Ok(out)
}

/// Borrowed columns of one length.
fn slices<'a>(names: &[&str], columns: &'a [PyReadonlyArray1<'_, f64>]) -> PyResult<Vec<&'a [f64]>> {
    if names.len() != columns.len() {
        let problem = format!("expected {} ({}), got {}", names.len(), names.join(", "), columns.len());
        return Err(PyTypeError::new_err(problem));
    }
    let slices: Vec<&[f64]> =
        columns.iter().zip(names).map(|(column, name)| slice_of(column, name)).collect::<PyResult<_>>()?;
    match slices.iter().zip(names).find(|(slice, _)| slice.len() != slices[0].len()) {
        None => Ok(slices),
        Some((slice, name)) => Err(errors::invalid(
            name,
            format!("has {} rows where {} has {}", slice.len(), names[0], slices[0].len()),
        )),
    }
}

/// Return the weights of a fractional difference, newest first; None where a million do not reach ``tau``.
#[pyfunction]
pub(crate) fn fractional_weights(
    py: Python<'_>,
    d: f64,
    tau: f64,
) -> PyResult<Option<Bound<'_, PyArray1<f64>>>> {
    const MOST: usize = 1_000_000;
    import_numpy(py)?;
    Ok(core::fractional_weights(d, tau, MOST).map(|weights| PyArray1::from_vec(py, weights)))
}

/// Compute an indicator by name over contiguous float64 arrays; an array for each output.
#[pyfunction]
#[pyo3(signature = (name, columns, args, kwargs))]
pub(crate) fn compute_indicator<'py>(
    py: Python<'py>,
    name: &str,
    columns: Vec<PyReadonlyArray1<'py, f64>>,
    args: &Bound<'py, PyTuple>,
    kwargs: &Bound<'py, PyDict>,
) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
    let mut stream = parse(name, args, Some(kwargs))?;
    let spec = stream.spec();
    let columns = slices(&core::input_names(spec), &columns)?;
    let rows = columns[0].len();
    into_columns(py, (spec.outputs.len(), rows), |out| {
        stream.batch_on(&columns, out, core::threads_for(rows));
    })
}

/// Compute an indicator by name over several series at once, a row of a 2-D array each; an array for each output.
#[pyfunction]
#[pyo3(signature = (name, columns, args, kwargs))]
pub(crate) fn compute_panel<'py>(
    py: Python<'py>,
    name: &str,
    columns: Vec<PyReadonlyArray2<'py, f64>>,
    args: &Bound<'py, PyTuple>,
    kwargs: &Bound<'py, PyDict>,
) -> PyResult<Vec<Bound<'py, PyArray2<f64>>>> {
    let stream = parse(name, args, Some(kwargs))?;
    let names = core::input_names(stream.spec());
    if names.len() != columns.len() {
        let problem = format!("expected {} ({}), got {}", names.len(), names.join(", "), columns.len());
        return Err(PyTypeError::new_err(problem));
    }
    let shape = columns[0].shape();
    let [symbols, rows] = [shape[0], shape[1]];
    let mut slices = Vec::with_capacity(columns.len());
    for (column, name) in columns.iter().zip(&names) {
        if column.shape() != shape {
            let problem = format!("has the shape {:?} where {} has {shape:?}", column.shape(), names[0]);
            return Err(errors::invalid(name, problem));
        }
        slices.push(slice_of(column, name)?);
    }
    let outputs = stream.spec().outputs.len();
    let done = into_columns(py, (outputs, symbols * rows), |out| {
        stream.panel(rows, &slices, out, core::threads_for(symbols * rows));
    })?;
    done.iter().map(|column| column.reshape([symbols, rows])).collect()
}

/// An indicator that takes a row at a time.
///
/// Its classes are named after the indicators, and take their parameters. What it remembers can be saved, pickled and
/// copied; two of them are equal when they will say the same of whatever comes.
#[pyclass(frozen, subclass, module = "tradecore.indicators")]
pub(crate) struct Indicator(pub(crate) GilCell<core::Stream>);

/// What is known after a row, taken out of its indicator: an object of Python that is made can run code of Python, which
/// may ask the indicator again.
enum Known {
    One(f64),
    Several([f64; MOST_OUTPUTS], usize),
}

impl Known {
    #[inline(always)]
    fn of(given: &[f64]) -> Self {
        if let [value] = given {
            return Self::One(*value);
        }
        let mut values = [0.0; MOST_OUTPUTS];
        values[..given.len()].copy_from_slice(given);
        Self::Several(values, given.len())
    }
}

impl Indicator {
    fn save_in(&self, py: Python<'_>) -> Vec<u8> {
        self.0.with(py, |stream| stream.save())
    }

    fn spec(&self, py: Python<'_>) -> &'static Spec {
        self.0.with(py, |stream| stream.spec())
    }

    /// What is wrong with a row: how many values it has, or the first that is no number.
    #[cold]
    fn no_row(&self, py: Python<'_>, given: GivenRow<'_, '_>) -> PyErr {
        let names = core::input_names(self.spec(py));
        if given.iter().flatten().count() == names.len() {
            let wrong = names.iter().zip(given.iter().flatten()).find_map(|(name, x)| number(name, x).err());
            if let Some(error) = wrong {
                return error;
            }
        }
        PyTypeError::new_err(format!("expected {} numbers: {}", names.len(), names.join(", ")))
    }

    /// A new object of a class of Python.
    fn object<'py>(class: &Bound<'py, PyType>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        class.call_method1("load", (PyBytes::new(class.py(), bytes),))
    }
}

/// Values of a row as a call gives them.
type GivenRow<'a, 'py> = [Option<&'a Bound<'py, PyAny>>; 5];

/// Its numbers, 0 where none is given; `None` where one is none.
#[inline(always)]
fn row_of(given: GivenRow<'_, '_>) -> Option<[f64; 5]> {
    let mut row = [0.0; 5];
    for (number, value) in row.iter_mut().zip(given) {
        if let Some(value) = value {
            *number = value.extract().ok()?;
        }
    }
    Some(row)
}

/// A number of any size, or NaN where there is none.
fn number(field: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    value.extract().map_err(|_| unexpected(field, "a number", value))
}

arguments! {
    pub(crate) open: f64 = number("open");
    pub(crate) high: f64 = number("high");
    pub(crate) low: f64 = number("low");
    pub(crate) close: f64 = number("close");
    pub(crate) volume: f64 = number("volume");
    pub(crate) ts: f64 = number("ts");
}

fn name_of(class: &Bound<'_, PyType>) -> PyResult<String> {
    let name = class.getattr_opt("_name")?.and_then(|name| name.extract().ok());
    name.ok_or_else(|| PyTypeError::new_err("take one of the classes of tradecore.indicators, such as RSI"))
}

#[pymethods]
impl Indicator {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*args, **kwargs))]
    fn new(
        class: &Bound<'_, PyType>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        // How `load` hands over what it has read.
        if let Some(bytes) = kwargs.and_then(|kwargs| kwargs.get_item("_state").ok()?) {
            let stream = core::Stream::load(bytes.cast::<PyBytes>()?.as_bytes()).map_err(refused)?;
            let name = name_of(class)?;
            if stream.spec().name != name {
                let problem = format!("is that of {}, not of {name}", stream.spec().name);
                return Err(errors::invalid("state", problem));
            }
            return Ok(Self(GilCell::new(stream)));
        }
        parse(&name_of(class)?, args, kwargs).map(|stream| Self(GilCell::new(stream)))
    }

    /// Take the next row, a number for each input, and return what is known after it, NaN during the warm-up.
    ///
    /// Returns
    /// -------
    /// float, or tuple of float
    ///     Of several outputs a tuple, in the order of ``outputs``.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For what is no number, naming the input.
    /// TypeError
    ///     For too few or too many of them.
    #[allow(clippy::many_single_char_names, reason = "numbers of a row, whatever they are")]
    #[pyo3(signature = (a, b=None, c=None, d=None, e=None, /))]
    fn update<'py>(
        &self,
        a: &Bound<'py, PyAny>,
        b: Option<&Bound<'py, PyAny>>,
        c: Option<&Bound<'py, PyAny>>,
        d: Option<&Bound<'py, PyAny>>,
        e: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, given) = (a.py(), [Some(a), b, c, d, e]);
        let Some(row) = row_of(given) else { return Err(self.no_row(py, given)) };
        let known = self.0.with(py, |stream| {
            let inputs = stream.spec().inputs.len();
            let is_whole = given.iter().enumerate().all(|(i, x)| x.is_some() == (i < inputs));
            is_whole.then(|| Known::of(stream.update(&row)))
        });
        match known {
            Some(Known::One(value)) => Ok(PyFloat::new(py, value).into_any()),
            Some(Known::Several(values, count)) => Ok(PyTuple::new(py, &values[..count])?.into_any()),
            None => Err(self.no_row(py, given)),
        }
    }

    /// What the last row gave; NaN before the first one. Of several outputs a named tuple.
    #[getter]
    fn value<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match slf.get().0.with(py, |stream| Known::of(stream.value())) {
            Known::One(value) => Ok(PyFloat::new(py, value).into_any()),
            Known::Several(values, count) => {
                slf.getattr("_values")?.call1(PyTuple::new(py, &values[..count])?)
            }
        }
    }

    /// Whether the warm-up is over: whether the last row gave something.
    #[getter]
    fn is_ready(&self, py: Python<'_>) -> bool {
        self.0.with(py, |stream| stream.is_ready())
    }

    /// Number of rows before the first one that gives something.
    #[getter]
    fn warm_up(&self, py: Python<'_>) -> usize {
        self.0.with(py, |stream| stream.warm_up())
    }

    /// Names of the outputs.
    #[getter]
    fn outputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.spec(py).outputs.iter().map(|output| output.0))
    }

    /// Names of the inputs, in the order in which :meth:`update` takes them.
    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, core::input_names(self.spec(py)))
    }

    /// Values of the parameters by name.
    #[getter]
    fn params<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let values = self.0.with(py, |stream| stream.values().to_vec());
        let out = PyDict::new(py);
        for (param, value) in self.spec(py).params.iter().zip(&values) {
            match param.kind {
                Kind::Whole(..) => out.set_item(param.name, *value as u64)?,
                Kind::Number(..) => out.set_item(param.name, value)?,
                Kind::Word(words) => out.set_item(param.name, words[*value as usize])?,
            }
        }
        Ok(out)
    }

    /// Forget all rows.
    fn reset(&self, py: Python<'_>) {
        self.0.with(py, core::Stream::reset);
    }

    /// Return what it is and remembers, as bytes: they are the same on every platform.
    fn save<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.save_in(py))
    }

    /// Return one that goes on from saved bytes.
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     For bytes that are not of :meth:`save`, or of another indicator.
    #[classmethod]
    #[pyo3(signature = (state, /))]
    fn load<'py>(class: &Bound<'py, PyType>, state: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let kwargs = PyDict::new(class.py());
        kwargs.set_item("_state", state)?;
        class.call((), Some(&kwargs))
    }

    /// Return another one that remembers the same.
    fn copy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let bytes = slf.get().save_in(slf.py());
        Self::object(&slf.get_type(), &bytes)
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::copy(slf)
    }

    fn __deepcopy__<'py>(slf: &Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Self::copy(slf)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((slf.get_type().getattr("load")?, (slf.get().save(slf.py()),)))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let py = other.py();
        other.cast::<Self>().is_ok_and(|other| self.save_in(py) == other.get().save_in(py))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.0.with(py, |stream| {
            let spec = stream.spec();
            let mut parts: Vec<String> = (spec.params.iter().zip(stream.values()))
                .map(|(param, value)| format!("{}={}", param.name, shown(param.kind, *value)))
                .collect();
            if stream.policy() == NanPolicy::Talib {
                parts.push("nan='talib'".into());
            }
            format!("{}({})", spec.class, parts.join(", "))
        })
    }
}
