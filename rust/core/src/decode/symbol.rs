//! An instrument as frames name it, with the levels of its book as they write them.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::decode::error::DecodeError;
use crate::decode::json::{Json, unescaped};
use crate::decode::levels::LevelReader;
use crate::decode::parse::Written;
use crate::event::{is_price, is_qty};
use crate::types::{Instrument, Level};

/// An instrument's name in frames, and how its levels are read.
#[derive(Debug)]
pub(super) struct Symbol {
    instrument: Arc<Instrument>,
    reader: LevelReader,
}

/// Most levels that are taken of one frame: the deepest snapshot has ten thousand.
pub(super) const MAX_LEVELS: usize = 1 << 17;

/// Which instrument a frame names, by the text between the quotes.
#[inline]
pub(super) fn find(symbols: &[Symbol], name: &[u8]) -> Option<usize> {
    let find = |name| symbols.iter().position(|symbol| symbol.instrument.id.symbol().as_bytes() == name);
    match find(name) {
        Some(index) => Some(index),
        // What stands for itself can only be found as it is.
        None => match unescaped(name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(name) => find(&name),
        },
    }
}

impl Symbol {
    /// As the venue writes it in payloads.
    pub(super) fn name(&self) -> &str {
        self.instrument.id.symbol()
    }

    pub(super) fn instrument(&self) -> &Arc<Instrument> {
        &self.instrument
    }

    pub(super) fn new(instrument: Arc<Instrument>) -> Self {
        let reader = LevelReader::new([instrument.price_increment, instrument.qty_increment]);
        Self { instrument, reader }
    }

    /// Reads an array of levels and returns the rows they take.
    #[inline]
    pub(super) fn levels(
        &mut self,
        field: &'static str,
        json: &mut Json<'_>,
        levels: &mut Vec<Level>,
    ) -> Result<Range<usize>, DecodeError> {
        let start = levels.len();
        let grids = [self.instrument.price_increment, self.instrument.qty_increment];
        let read = |which: usize, written: Written<'_>| written.steps(field, grids[which]);
        json.levels(&mut self.reader, read, |price, qty| {
            if !(is_price(price) && is_qty(qty)) {
                for (grid, steps) in [(grids[0], price), (grids[1], qty)] {
                    if steps > 0 && !is_qty(steps) {
                        return Err(DecodeError::grid(field, grid, grid.to_decimal(steps)));
                    }
                }
                let level = format!("{} x {}", grids[0].format(price), grids[1].format(qty));
                let expected = "a positive price x a quantity that is not negative";
                return Err(DecodeError::value(field, level.as_bytes(), expected));
            }
            if levels.len() == MAX_LEVELS {
                return Err(DecodeError::TooMany { what: "levels in a frame", limit: MAX_LEVELS });
            }
            levels.push(Level { price, qty });
            Ok(())
        })?;
        Ok(start..levels.len())
    }
}
