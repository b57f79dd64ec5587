//! An object whose keys are known: the values of those that are read.

use super::error::DecodeError;
use super::json::{Json, Value, set};
use super::parse::{parse_nearest, parse_price, parse_qty, parse_time};
use crate::types::Instrument;

/// Values of the keys of an object, by their place among those that are read.
#[derive(Debug)]
pub(super) struct Entry<'a, const N: usize> {
    message: &'static str,
    keys: &'static [&'static str; N],
    found: [Option<Value<'a>>; N],
}

impl<'a, const N: usize> Entry<'a, N> {
    /// Reads the object that is next, which is part of a message of this name.
    pub(super) fn read(
        json: &mut Json<'a>,
        message: &'static str,
        keys: &'static [&'static str; N],
    ) -> Result<Self, DecodeError> {
        let mut found = [None; N];
        json.object(|json, key| {
            let value = json.value()?;
            match keys.iter().position(|name| name.as_bytes() == key) {
                Some(at) => set(&mut found[at], keys[at], value),
                None => Ok(()),
            }
        })?;
        Ok(Self { message, keys, found })
    }

    /// The name of a key.
    pub(super) fn key(&self, at: usize) -> &'static str {
        self.keys[at]
    }

    /// A value that may be missing.
    pub(super) fn get(&self, at: usize) -> Option<Value<'a>> {
        self.found[at]
    }

    /// A value that has to be there.
    pub(super) fn need(&self, at: usize) -> Result<Value<'a>, DecodeError> {
        self.found[at].ok_or(DecodeError::Missing { message: self.message, field: self.keys[at] })
    }

    /// A price, in increments.
    pub(super) fn price(&self, at: usize, instrument: &Instrument) -> Result<i64, DecodeError> {
        parse_price(self.keys[at], instrument.price_increment, self.need(at)?.decimal())
    }

    /// What a trade was made at, in increments; of prints that are none venues write 0.
    pub(super) fn paid(&self, at: usize, instrument: &Instrument) -> Result<i64, DecodeError> {
        parse_qty(self.keys[at], instrument.price_increment, self.need(at)?.decimal())
    }

    /// A quantity, in increments.
    pub(super) fn qty(&self, at: usize, instrument: &Instrument) -> Result<i64, DecodeError> {
        parse_qty(self.keys[at], instrument.qty_increment, self.need(at)?.decimal())
    }

    /// A sum of quantities, which need not lie on the grid.
    pub(super) fn volume(&self, at: usize, instrument: &Instrument) -> Result<i64, DecodeError> {
        parse_nearest(self.keys[at], instrument.qty_increment, self.need(at)?.decimal())
    }

    /// A time written as a number, ns.
    pub(super) fn time(&self, at: usize) -> Result<i64, DecodeError> {
        parse_time(self.keys[at], self.need(at)?.raw())
    }
}
