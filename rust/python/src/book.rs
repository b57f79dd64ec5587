//! `L2Book`, and the measures every view of a book shares.

use std::sync::{Arc, Mutex, MutexGuard};

use numpy::{PyArray1, PyArray2, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tradecore_core::book::{L2Book, Level};
use tradecore_core::event::{Columns as _, is_price, is_qty};
use tradecore_core::types::{Instrument, Side};

use crate::columns::NumpyColumns;
use crate::errors;
use crate::instrument::PyInstrument;
use crate::records::book_state_to_py;
use crate::values::{to_side, to_steps};

/// What a book says about itself, in units of the instrument.
pub(crate) mod measures {
    use super::*;

    pub(crate) fn price(instrument: &Instrument, steps: Option<i64>) -> Option<f64> {
        steps.map(|p| instrument.price_increment.to_f64(p))
    }

    /// A price that may lie between two steps.
    pub(crate) fn fine_price(instrument: &Instrument, steps: Option<f64>) -> Option<f64> {
        steps.map(|p| p * instrument.price_increment.to_f64(1))
    }

    pub(crate) fn qty(instrument: &Instrument, level: Option<Level>) -> Option<f64> {
        level.map(|l| instrument.qty_increment.to_f64(l.qty))
    }

    type Depth<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>);

    pub(crate) fn depth<'py>(
        py: Python<'py>,
        instrument: &Instrument,
        levels: &[Vec<Level>; 2],
    ) -> PyResult<Depth<'py>> {
        let side = |levels: &[Level]| -> PyResult<Bound<'py, PyArray2<f64>>> {
            let flat: Vec<f64> = levels
                .iter()
                .flat_map(|l| {
                    [instrument.price_increment.to_f64(l.price), instrument.qty_increment.to_f64(l.qty)]
                })
                .collect();
            PyArray1::from_vec(py, flat).reshape([levels.len(), 2])
        };
        Ok((side(&levels[0])?, side(&levels[1])?))
    }

    pub(crate) fn top(book: &L2Book, n: usize) -> [Vec<Level>; 2] {
        [Side::Buy, Side::Sell].map(|side| book.iter(side).take(n).collect())
    }

    type Walked = (Option<f64>, Option<f64>, f64);

    pub(crate) fn walk(instrument: &Instrument, book: &L2Book, taker: Side, qty: i64) -> Walked {
        let walk = book.walk(taker.opposite(), qty);
        (
            fine_price(instrument, walk.average),
            price(instrument, walk.worst),
            instrument.qty_increment.to_f64(walk.unfilled),
        )
    }
}

/// Best bid and best ask after every row, in increments.
type Traced<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

#[pyclass(frozen, name = "L2Book", module = "tradecore")]
pub(crate) struct PyL2Book {
    instrument: PyInstrument,
    book: Arc<Mutex<L2Book>>,
}

impl PyL2Book {
    /// A Python view of a book somebody else keeps up to date.
    pub(crate) fn shared(instrument: PyInstrument, book: Arc<Mutex<L2Book>>) -> Self {
        Self { instrument, book }
    }

    fn lock(&self) -> MutexGuard<'_, L2Book> {
        self.book.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn set_level(&self, side: Side, price: i64, qty: i64) -> PyResult<i64> {
        if !(is_price(price) && is_qty(qty)) {
            let problem = "price must be positive and qty not negative, both below 2^60 steps";
            return Err(errors::invalid("level", problem));
        }
        Ok(self.lock().set(side, price, qty))
    }

    fn read<T>(&self, read: impl FnOnce(&Instrument, &L2Book) -> T) -> T {
        read(&self.instrument.0, &self.lock())
    }
}

#[pymethods]
impl PyL2Book {
    #[new]
    fn new(instrument: &PyInstrument) -> Self {
        Self::shared(instrument.clone(), Arc::default())
    }

    #[getter]
    fn instrument(&self) -> PyInstrument {
        self.instrument.clone()
    }

    /// Sets one level.
    fn set(&self, side: &Bound<'_, PyAny>, price: &Bound<'_, PyAny>, qty: &Bound<'_, PyAny>) -> PyResult<()> {
        let i = &self.instrument.0;
        let side = to_side(side)?;
        let price = to_steps("price", i.id.as_str(), i.price_increment, price)?;
        let qty = to_steps("qty", i.id.as_str(), i.qty_increment, qty)?;
        self.set_level(side, price, qty)?;
        Ok(())
    }

    /// Sets one level in increments and returns the quantity it held.
    fn set_steps(&self, side: i8, price: i64, qty: i64) -> PyResult<i64> {
        let Some(side) = Side::from_column(side) else {
            return Err(errors::invalid("side", format!("{side} is neither 1 nor -1")));
        };
        self.set_level(side, price, qty)
    }

    /// Applies event columns.
    fn apply(&self, py: Python<'_>, columns: &Bound<'_, PyAny>) -> PyResult<()> {
        let columns = NumpyColumns::new(columns)?;
        py.detach(|| {
            let view = columns.view();
            view.check()?;
            self.lock().apply(&view, 0, view.len());
            Ok(())
        })
        .map_err(|e: tradecore_core::event::ColumnsError| {
            errors::DataError::new_err((self.instrument.0.id.to_string(), 0, e.to_string()))
        })
    }

    /// Applies event columns and returns both best prices after every row, in increments.
    fn apply_and_trace<'py>(&self, py: Python<'py>, columns: &Bound<'py, PyAny>) -> PyResult<Traced<'py>> {
        let columns = NumpyColumns::new(columns)?;
        let view = columns.view();
        // numpy's own memory, which comes in large pages: touching it anew is a good part of the work otherwise.
        let [bid, ask] = [(); 2].map(|()| PyArray1::<i64>::zeros(py, view.len(), false));
        {
            let (mut bid, mut ask) = (bid.readwrite(), ask.readwrite());
            let (bid, ask) = (bid.as_slice_mut()?, ask.as_slice_mut()?);
            py.detach(|| {
                view.check()?;
                self.lock().apply_and_trace(&view, bid, ask);
                Ok(())
            })
            .map_err(|e: tradecore_core::event::ColumnsError| {
                errors::DataError::new_err((self.instrument.0.id.to_string(), 0, e.to_string()))
            })?;
        }
        Ok((bid, ask))
    }

    /// Empties the book.
    fn clear(&self) {
        self.lock().clear();
    }

    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        book_state_to_py(py, self.lock().state() as i64)
    }

    #[getter]
    fn is_synced(&self) -> bool {
        self.lock().is_synced()
    }

    #[getter]
    fn is_crossed(&self) -> bool {
        self.lock().is_crossed()
    }

    #[getter]
    fn best_bid(&self) -> Option<f64> {
        self.read(|i, b| measures::price(i, b.best_bid()))
    }

    #[getter]
    fn best_ask(&self) -> Option<f64> {
        self.read(|i, b| measures::price(i, b.best_ask()))
    }

    #[getter]
    fn bid_qty(&self) -> Option<f64> {
        self.read(|i, b| measures::qty(i, b.best(Side::Buy)))
    }

    #[getter]
    fn ask_qty(&self) -> Option<f64> {
        self.read(|i, b| measures::qty(i, b.best(Side::Sell)))
    }

    #[getter]
    fn mid(&self) -> Option<f64> {
        self.read(|i, b| measures::fine_price(i, b.mid()))
    }

    #[getter]
    fn microprice(&self) -> Option<f64> {
        self.read(|i, b| measures::fine_price(i, b.microprice()))
    }

    #[getter]
    fn spread(&self) -> Option<f64> {
        self.read(|i, b| measures::price(i, b.spread()))
    }

    #[getter]
    fn bid_levels(&self) -> usize {
        self.lock().levels(Side::Buy)
    }

    #[getter]
    fn ask_levels(&self) -> usize {
        self.lock().levels(Side::Sell)
    }

    #[pyo3(signature = (n=1))]
    fn imbalance(&self, n: usize) -> Option<f64> {
        self.lock().imbalance(n)
    }

    #[pyo3(signature = (n=10))]
    fn depth<'py>(&self, py: Python<'py>, n: usize) -> PyResult<Bound<'py, PyTuple>> {
        let levels = self.read(|_, b| measures::top(b, n));
        measures::depth(py, &self.instrument.0, &levels)?.into_pyobject(py)
    }

    fn walk(
        &self,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
    ) -> PyResult<(Option<f64>, Option<f64>, f64)> {
        let i = &self.instrument.0;
        let side = to_side(side)?;
        let qty = to_steps("qty", i.id.as_str(), i.qty_increment, qty)?;
        Ok(self.read(|i, b| measures::walk(i, b, side, qty)))
    }

    fn __repr__(&self) -> String {
        self.read(|i, b| {
            let level = |side| {
                b.best(side).map_or_else(
                    || "none".to_owned(),
                    |l: Level| format!("{} x {}", i.format_price(l.price), i.format_qty(l.qty)),
                )
            };
            format!("<L2Book {} bid {} ask {}>", i.id, level(Side::Buy), level(Side::Sell))
        })
    }
}
