//! Klines of Binance's public data (`data.binance.vision`): spot, USD-M and coin-M, with a header or without one, times in
//! milliseconds or microseconds.
//!
//! `open_time, open, high, low, close, volume, close_time, quote_volume, count, taker_buy_volume, ...`: a line is a bar
//! that ends right after its `close_time`. The files do not say when anything was received: a bar is taken to have been
//! received when it ended.

use super::error::{DecodeError, PlacedError};
use super::lines::Lines;
use super::named;
use super::parse::{Written, epoch_ns, epoch_unit};
use crate::event::{EventColumns, VenueBar};
use crate::types::{Increment, Instrument};

/// Columns that are read; one more is there for the quotes that takers bought, and one that means nothing.
const READ: usize = 10;
/// Columns of a line.
const CELLS: usize = 12;

/// Whether a first line is one of klines: their header, or a bar.
pub fn is_kline(line: &[u8]) -> bool {
    let cells: Vec<&[u8]> = line.trim_ascii().splitn(CELLS + 1, |byte| *byte == b',').collect();
    let is_time = |cell: &[u8]| !cell.is_empty() && cell.iter().all(u8::is_ascii_digit);
    cells.len() == CELLS && (cells[0] == b"open_time" || (is_time(cells[0]) && is_time(cells[6])))
}

/// The symbol and the venue that the path of a file of klines tells, as far as it does:
/// `.../spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-08-08.zip`.
pub fn kline_origin(path: &str) -> (Option<&str>, Option<&'static str>) {
    let symbol = named::kline_symbol(path);
    (symbol, named::venue(&["BINANCE", "BINANCE_USDM", "BINANCE_COINM"], symbol, path, false))
}

/// Reads klines of one instrument, file by file.
pub struct KlineReader {
    inputs: std::vec::IntoIter<Lines>,
    current: Option<Lines>,
    price: Increment,
    qty: Increment,
    /// When the last bar ended, ns.
    ended: i64,
    bars: u64,
}

impl KlineReader {
    /// Klines of these files, in order.
    pub fn new(instrument: &Instrument, inputs: Vec<Lines>) -> Self {
        Self {
            inputs: inputs.into_iter(),
            current: None,
            price: instrument.price_increment,
            qty: instrument.qty_increment,
            ended: i64::MIN,
            bars: 0,
        }
    }

    /// Bars read so far.
    pub fn bars(&self) -> u64 {
        self.bars
    }

    /// Adds the messages of the next bars, at least `rows` rows; `false` at the end.
    ///
    /// # Errors
    /// [`PlacedError`] with file and line.
    pub fn read(&mut self, out: &mut EventColumns, rows: usize) -> Result<bool, PlacedError> {
        while out.len() < rows {
            if self.current.is_none() {
                self.current = self.inputs.next();
            }
            let Some(mut lines) = self.current.take() else { return Ok(false) };
            let is_first = lines.number() == 0;
            let Some(bar) = lines.next_with(|line| self.line(line, is_first))? else { continue };
            self.current = Some(lines);
            if let Some(bar) = bar {
                (self.ended, self.bars) = (bar.ts_close, self.bars + 1);
                bar.push(out);
            }
        }
        Ok(true)
    }

    /// The bar of a line; a header and an empty line have none.
    fn line(&self, line: &[u8], is_first: bool) -> Result<Option<VenueBar>, DecodeError> {
        let is_header = is_first && line.first().is_some_and(u8::is_ascii_alphabetic);
        if line.is_empty() || is_header && line.starts_with(b"open_time,") {
            return Ok(None);
        }
        let (mut cells, mut got) = ([&[][..]; READ], 0);
        for cell in line.split(|byte| *byte == b',') {
            if let Some(place) = cells.get_mut(got) {
                *place = cell;
            }
            got += 1;
        }
        if is_header || got != CELLS {
            let expected = CELLS;
            return Err(if is_header {
                DecodeError::Column("open_time".into())
            } else {
                DecodeError::Cells { got, expected }
            });
        }
        let [begin, open, high, low, close, volume, end, _, count, bought] = cells;
        let (volume, trades) = (Written::plain(volume).steps("volume", self.qty)?, whole("count", count)?);
        if volume == 0 && trades > 0 {
            return Err(DecodeError::Row(
                "nothing was traded in a bar that counts prices: klines of a mark price, an index or a premium are no bars of \
                 trades and not read",
            ));
        }
        let (ts_open, _) = time("open_time", begin)?;
        let (last, unit) = time("close_time", end)?;
        let ts_close = last.saturating_add(unit);
        let price = |field, text| Written::plain(text).steps(field, self.price);
        let qty = |field, text| Written::plain(text).steps(field, self.qty);
        let bar = VenueBar {
            ts_open,
            ts_close,
            ts_recv: ts_close,
            open: price("open", open)?,
            high: price("high", high)?,
            low: price("low", low)?,
            close: price("close", close)?,
            volume,
            buy_volume: Some(qty("taker_buy_volume", bought)?),
            trades,
        };
        if ts_open < self.ended {
            let field = "open_time";
            return Err(DecodeError::Unsorted { field, got: ts_open, previous: self.ended });
        }
        bar.check()?;
        Ok(Some(bar))
    }
}

fn whole(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| DecodeError::value(field, text, "a whole number"))
}

/// A time in ns, and its unit, as [`epoch_ns`] tells it by its size; none that is 0 or so small.
fn time(field: &'static str, text: &[u8]) -> Result<(i64, i64), DecodeError> {
    let number = u64::try_from(whole(field, text)?).unwrap_or(0);
    let ns = epoch_ns(number).filter(|_| number >= 100_000_000);
    let ns = ns.ok_or_else(|| DecodeError::value(field, text, "a time in s, ms, us or ns since 1970"))?;
    Ok((ns, epoch_unit(number).cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Columns as _;
    use crate::types::instrument::tests::linear;

    const SECOND: i64 = 1_000_000_000;

    fn read(text: &'static str) -> Result<EventColumns, String> {
        let lines = Lines::new("k.csv".into(), text.as_bytes()).unwrap();
        let mut reader = KlineReader::new(&linear(), vec![lines]);
        let mut columns = EventColumns::default();
        while reader.read(&mut columns, 1 << 20).map_err(|error| error.to_string())? {}
        Ok(columns)
    }

    #[test]
    fn a_line_is_a_bar_with_or_without_a_header_in_ms_or_us() {
        for text in [
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n\
             1723075200000,100.1,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n",
            "1723075200000000,100.1,101,99.9,100.5,3.5,1723075259999999,350,7,1.25,125,0\r\n\n",
        ] {
            let columns = read(text).unwrap();
            let view = columns.view();
            let bar = VenueBar::read(&view, 4, 1).unwrap();
            let begin = 1_723_075_200 * SECOND;
            assert_eq!(
                (view.len(), bar.ts_open, bar.ts_close, bar.ts_recv),
                (5, begin, begin + 60 * SECOND, begin + 60 * SECOND)
            );
            assert_eq!((bar.open, bar.high, bar.low, bar.close), (1_001, 1_010, 999, 1_005));
            assert_eq!((bar.volume, bar.buy_volume, bar.trades), (3_500, Some(1_250), 7));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let line = "1723075200000,100.1,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n";
        for (text, told) in [
            ("id,price,qty,quote_qty,time,is_buyer_maker\n", "k.csv:1: no column open_time"),
            ("1,2,3\n", "k.csv:1: 3 cells, expected 12"),
            (
                "17,100.1,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n",
                "k.csv:1: open_time: \"17\" is not a time",
            ),
            (
                "1723075200000,100.123,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n",
                "open: 100.123 is not a multiple",
            ),
            (
                "1723075200000,102,101,99.9,100.5,3.5,1723075259999,350,7,1.25,125,0\n",
                "high: 1010: expected no price below",
            ),
            (
                "1723075200000,-0.00016,-0.0001,-0.0002,-0.00017,0,1723075259999,0,60,0,0,0\n",
                "k.csv:1: nothing was traded in a bar that counts prices: klines of a mark price",
            ),
            (
                "1723075200000,100,101,99.9,100.5,3.5,1723075259999,350,7,9,125,0\n",
                "buy_volume: 9000: expected zero to the volume",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let twice: &'static str = Box::leak(line.repeat(2).into_boxed_str());
        assert!(read(twice).unwrap_err().contains("k.csv:2: open_time 1723075200000000000 is before"));
    }
}
