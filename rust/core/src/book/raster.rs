//! A book over time as a picture: a column for each time, a row for each stretch of prices, a shade for what rests there.
//!
//! Which prices matter is known when all of it has been seen, so the levels of each time are kept, so many of each side,
//! and painted in the end.

use super::l2::L2Book;
use crate::types::Side;

/// Levels of a side that are kept at a time.
const LEVELS: usize = 400;
/// The share of the cells with something in them that are no brighter than the brightest shade.
const BRIGHTEST: f64 = 0.995;

/// What a book showed at one time.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    /// Price and quantity.
    levels: Vec<(i64, i64)>,
    bid: Option<i64>,
    ask: Option<i64>,
}

/// A book at regular times, to be painted.
#[derive(Debug, Clone)]
pub struct BookRaster {
    snapshots: Vec<Snapshot>,
}

/// A painted book.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Rows from the highest price to the lowest, columns from the first time to the last: 0 for nothing, else 1 to 255.
    pub shades: Vec<u8>,
    /// Rows.
    pub rows: usize,
    /// The lowest price of the picture, in price increments.
    pub low: i64,
    /// The first price above it.
    pub high: i64,
    /// The quantity of a cell at which the brightest shade is reached, in quantity increments.
    pub brightest: i64,
}

impl BookRaster {
    /// So many times, of which nothing is known yet.
    pub fn new(columns: usize) -> Self {
        Self { snapshots: vec![Snapshot::default(); columns] }
    }

    /// Takes the book as it is at one of the times.
    pub fn see(&mut self, column: usize, book: &L2Book) {
        let Some(snapshot) = self.snapshots.get_mut(column) else { return };
        snapshot.levels.clear();
        (snapshot.bid, snapshot.ask) = (None, None);
        if book.is_synced() {
            for side in [Side::Buy, Side::Sell] {
                snapshot.levels.extend(book.iter(side).take(LEVELS).map(|level| (level.price, level.qty)));
            }
            (snapshot.bid, snapshot.ask) = (book.best_bid(), book.best_ask());
        }
    }

    /// Best bid and ask at each time, in price increments.
    pub fn touch(&self) -> impl Iterator<Item = (Option<i64>, Option<i64>)> + '_ {
        self.snapshots.iter().map(|snapshot| (snapshot.bid, snapshot.ask))
    }

    /// The prices that the touch went through, with as much again around them.
    pub fn reach(&self) -> Option<(i64, i64)> {
        let low = self.snapshots.iter().filter_map(|s| s.bid.or(s.ask)).min()?;
        let high = self.snapshots.iter().filter_map(|s| s.ask.or(s.bid)).max()?;
        let around = ((high - low) / 2).max(10);
        Some((low.saturating_sub(around), high.saturating_add(around)))
    }

    /// Paints the prices from `low` to `high`, on at most so many rows.
    pub fn paint(&self, low: i64, high: i64, most_rows: usize) -> Picture {
        let prices = high.abs_diff(low) as usize + 1;
        let each = prices.div_ceil(most_rows.max(1)).max(1);
        let (rows, columns) = (prices.div_ceil(each), self.snapshots.len());
        let high = low.saturating_add((rows * each) as i64);
        let mut cells = vec![0_i64; rows * columns];
        for (column, snapshot) in self.snapshots.iter().enumerate() {
            for &(price, qty) in snapshot.levels.iter().filter(|(price, _)| (low..high).contains(price)) {
                let row = (high - 1).abs_diff(price) as usize / each;
                let cell = &mut cells[row * columns + column];
                *cell = cell.saturating_add(qty);
            }
        }
        let mut filled: Vec<i64> = cells.iter().copied().filter(|qty| *qty > 0).collect();
        let at = (filled.len().saturating_sub(1) as f64 * BRIGHTEST) as usize;
        let brightest = if filled.is_empty() { 1 } else { *filled.select_nth_unstable(at).1 };
        // Most levels are small beside the largest ones: shades by the logarithm.
        let shade = |qty: i64| {
            let share =
                libm::log1p(9.0 * (qty as f64 / brightest as f64).min(1.0)) / core::f64::consts::LN_10;
            if qty > 0 { 1 + (share * 254.0) as u8 } else { 0 }
        };
        Picture { shades: cells.into_iter().map(shade).collect(), rows, low, high, brightest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::BookState;

    fn book(levels: &[(Side, i64, i64)]) -> L2Book {
        let mut book = L2Book::new();
        book.set_state(BookState::Synced);
        for &(side, price, qty) in levels {
            book.set(side, price, qty);
        }
        book
    }

    #[test]
    fn a_level_is_where_its_price_and_time_are() {
        let mut raster = BookRaster::new(3);
        raster.see(0, &book(&[(Side::Buy, 99, 10), (Side::Sell, 101, 100)]));
        raster.see(2, &book(&[(Side::Buy, 98, 100), (Side::Sell, 102, 10)]));
        raster.see(3, &book(&[(Side::Buy, 1, 1)]));
        let picture = raster.paint(98, 102, 100);
        assert_eq!((picture.rows, picture.low, picture.high, picture.brightest), (5, 98, 103, 100));
        let lit: Vec<_> =
            picture.shades.iter().enumerate().filter(|(_, s)| **s > 0).map(|(at, s)| (at, *s)).collect();
        let small = picture.shades[2];
        assert_eq!(lit, [(2, small), (3, 255), (9, small), (14, 255)], "from the highest price down");
        assert!(small > 1 && small < 255);
        assert_eq!(
            raster.touch().collect::<Vec<_>>(),
            [(Some(99), Some(101)), (None, None), (Some(98), Some(102))]
        );
        assert_eq!(raster.reach(), Some((88, 112)));
    }

    #[test]
    fn prices_that_share_a_row_add_up() {
        let mut raster = BookRaster::new(1);
        raster.see(0, &book(&[(Side::Buy, 90, 1), (Side::Buy, 91, 2), (Side::Buy, 95, 3)]));
        let picture = raster.paint(90, 99, 5);
        assert_eq!((picture.rows, picture.brightest), (5, 3));
        assert_eq!(
            picture.shades.iter().map(|s| *s > 0).collect::<Vec<_>>(),
            [false, false, true, false, true]
        );
        assert_eq!(picture.shades[2], picture.shades[4], "1 and 2 are as much as 3");
    }

    #[test]
    fn nothing_seen_is_an_empty_picture() {
        let raster = BookRaster::new(2);
        assert_eq!(raster.reach(), None);
        assert!(raster.paint(1, 3, 2).shades.iter().all(|shade| *shade == 0));
    }
}
