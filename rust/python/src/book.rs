//! `L2Book`, and the measures every view of a book shares.

use std::sync::{Arc, Mutex, MutexGuard};

use numpy::{PyArray1, PyArray2, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tradecore_core::book::{L2Book, Level};
use tradecore_core::event::{Columns as _, STEPS_LIMIT, is_price, is_qty};
use tradecore_core::types::{Instrument, Side};

use crate::columns::{NumpyColumns, import_numpy};
use crate::errors;
use crate::instrument::{Named, PyInstrument};
use crate::records::book_state_to_py;
use crate::values::{arguments, to_side, to_steps, to_whole};

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
        import_numpy(py)?;
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

arguments! {
    pub(crate) to_levels: usize = to_whole("n", 0..=usize::MAX);
    price_steps: i64 = to_whole("price", 1..=STEPS_LIMIT);
    qty_steps: i64 = to_whole("qty", 0..=STEPS_LIMIT);
}

/// Best bid and best ask after every row, in increments.
type Traced<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

/// An order book aggregated by price.
///
/// It mirrors what it is told: it may be one-sided or crossed, and an empty side is ``None``. Safe to share between
/// threads.
///
/// Parameters
/// ----------
/// instrument : Instrument
///     Gives the grid.
///
/// Examples
/// --------
/// >>> book = tc.L2Book(tc.find_instrument("BTCUSDT.SYNTH"))
/// >>> book.set("bid", "60000.0", 2)
/// >>> book.set("ask", "60000.1", 1)
/// >>> book
/// <L2Book BTCUSDT.SYNTH bid 60000.0 x 2.000 ask 60000.1 x 1.000>
/// >>> book.spread
/// 0.1
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

    pub(crate) fn read<T>(&self, read: impl FnOnce(&Instrument, &L2Book) -> T) -> T {
        read(&self.instrument.0, &self.lock())
    }
}

#[pymethods]
impl PyL2Book {
    #[new]
    fn new(instrument: Named) -> Self {
        Self::shared(instrument.0, Arc::default())
    }

    /// The instrument whose grid the book has.
    #[getter]
    fn instrument(&self) -> PyInstrument {
        self.instrument.clone()
    }

    /// Set a level: price in quote currency, quantity in contracts (spot: base units); quantity 0 removes it.
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When price or quantity lie between two increments.
    /// InvalidValueError
    ///     When the side is neither buy (bid) nor sell (ask), or a number is out of range.
    fn set(&self, side: &Bound<'_, PyAny>, price: &Bound<'_, PyAny>, qty: &Bound<'_, PyAny>) -> PyResult<()> {
        let i = &self.instrument.0;
        let side = to_side(side)?;
        let price = to_steps("price", i.id.as_str(), i.price_increment, price)?;
        let qty = to_steps("qty", i.id.as_str(), i.qty_increment, qty)?;
        self.set_level(side, price, qty)?;
        Ok(())
    }

    /// Set a level in increments and return the quantity it held before; ``side`` is 1 (bid) or -1 (ask).
    ///
    /// Raises
    /// ------
    /// InvalidValueError
    ///     When the side is neither, or a number is out of range.
    fn set_steps(
        &self,
        side: i8,
        #[pyo3(from_py_with = price_steps)] price: i64,
        #[pyo3(from_py_with = qty_steps)] qty: i64,
    ) -> PyResult<i64> {
        let Some(side) = Side::from_column(side) else {
            return Err(errors::invalid("side", format!("{side} is neither 1 nor -1")));
        };
        self.set_level(side, price, qty)
    }

    /// Apply event columns in order; rows that are no book rows are ignored.
    ///
    /// Parameters
    /// ----------
    /// columns : mapping of str to contiguous array (n,)
    ///     ``ts_event, ts_recv`` int64, ``kind, flags`` uint8, ``side`` int8, ``price, qty`` int32 or int64
    ///     (increments). Read in place without the GIL: do not change them meanwhile.
    ///
    /// Raises
    /// ------
    /// DataError
    ///     Naming the first row and value that breaks a rule.
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

    /// Apply event columns and return best bid and best ask after every row, int64 (n,), increments.
    ///
    /// An empty side is the smallest (bid) or largest (ask) int64. Takes and raises what :meth:`apply` does.
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

    /// Empty the book; it counts as a gap until levels arrive again.
    fn clear(&self) {
        self.lock().clear();
    }

    /// What is known about the book; see :class:`~tradecore.types.BookState`.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        book_state_to_py(py, self.lock().state() as i64)
    }

    /// Whether the book equals the venue's, as the event columns say that were applied.
    #[getter]
    fn is_synced(&self) -> bool {
        self.lock().is_synced()
    }

    /// Whether the best bid is at or above the best ask.
    #[getter]
    fn is_crossed(&self) -> bool {
        self.lock().is_crossed()
    }

    /// Highest price of a bid, in quote currency; None if there are no bids.
    #[getter]
    fn best_bid(&self) -> Option<f64> {
        self.read(|i, b| measures::price(i, b.best_bid()))
    }

    /// Lowest price of an ask, in quote currency; None if there are no asks.
    #[getter]
    fn best_ask(&self) -> Option<f64> {
        self.read(|i, b| measures::price(i, b.best_ask()))
    }

    /// Quantity at the best bid, in contracts (spot: base units); None if there are no bids.
    #[getter]
    fn bid_qty(&self) -> Option<f64> {
        self.read(|i, b| measures::qty(i, b.best(Side::Buy)))
    }

    /// Quantity at the best ask, in contracts (spot: base units); None if there are no asks.
    #[getter]
    fn ask_qty(&self) -> Option<f64> {
        self.read(|i, b| measures::qty(i, b.best(Side::Sell)))
    }

    /// Half way between best bid and best ask, in quote currency; None if a side is empty.
    #[getter]
    fn mid(&self) -> Option<f64> {
        self.read(|i, b| measures::fine_price(i, b.mid()))
    }

    /// ``(bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)`` at the best prices, in quote currency.
    ///
    /// It leans to the side with the smaller quantity; None if a side is empty.
    #[getter]
    fn microprice(&self) -> Option<f64> {
        self.read(|i, b| measures::fine_price(i, b.microprice()))
    }

    /// Best ask minus best bid, in quote currency, negative when crossed; None if a side is empty.
    #[getter]
    fn spread(&self) -> Option<f64> {
        self.read(|i, b| measures::price(i, b.spread()))
    }

    /// How many prices have bids.
    #[getter]
    fn bid_levels(&self) -> usize {
        self.lock().levels(Side::Buy)
    }

    /// How many prices have asks.
    #[getter]
    fn ask_levels(&self) -> usize {
        self.lock().levels(Side::Sell)
    }

    /// Return ``(bids - asks) / (bids + asks)``, a fraction from -1 to 1, over the best ``n`` levels a side.
    ///
    /// Of their quantities; None if both sides are empty.
    #[pyo3(signature = (n=1))]
    fn imbalance(&self, #[pyo3(from_py_with = to_levels)] n: usize) -> Option<f64> {
        self.lock().imbalance(n)
    }

    /// Return the best ``n`` bids and the best ``n`` asks, best first.
    ///
    /// Returns
    /// -------
    /// bids, asks : float64 (levels, 2)
    ///     Price in quote currency and quantity in contracts (spot: base units); fewer than ``n`` rows where there are
    ///     fewer levels.
    #[pyo3(signature = (n=10))]
    fn depth<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = to_levels)] n: usize,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let levels = self.read(|_, b| measures::top(b, n));
        measures::depth(py, &self.instrument.0, &levels)?.into_pyobject(py)
    }

    /// Return what taking a quantity at once would pay; the book does not change.
    ///
    /// Parameters
    /// ----------
    /// side : Side or str
    ///     Of the taker: ``buy`` goes through the asks, ``sell`` through the bids.
    /// qty : Decimal, str, int or float
    ///     Quantity in contracts (spot: base units).
    ///
    /// Returns
    /// -------
    /// average, worst : float or None
    ///     Price on average and of the last level, in quote currency; None if the side is empty.
    /// unfilled : float
    ///     What the book does not hold, in contracts (spot: base units).
    ///
    /// Raises
    /// ------
    /// OffGridError
    ///     When the quantity lies between two increments.
    /// InvalidValueError
    ///     When the side is neither buy nor sell, or the quantity is out of range.
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
