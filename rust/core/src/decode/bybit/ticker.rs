//! The data of `tickers` topics. A field that a change lacks is as it was.

use crate::decode::entry::Entry;
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value};
use crate::decode::parse::{parse_fine, parse_nearest, parse_qty, parse_time};
use crate::decode::stamps::Quoted;
use crate::types::Instrument;

/// What is read, options' names of best prices among them.
const KEYS: [&str; 14] = [
    "symbol",
    "markPrice",
    "indexPrice",
    "fundingRate",
    "nextFundingTime",
    "openInterest",
    "bid1Price",
    "bid1Size",
    "ask1Price",
    "ask1Size",
    "bidPrice",
    "bidSize",
    "askPrice",
    "askSize",
];

/// What a ticker says, or what of all of them a later one builds on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct News {
    /// Counts of 10^-9.
    pub(super) mark: Option<i64>,
    pub(super) index: Option<i64>,
    pub(super) funding: Option<i64>,
    /// ns.
    pub(super) next_funding: Option<i64>,
    pub(super) open_interest: Option<i64>,
    /// Prices and quantities of bid and ask.
    quote: [Option<i64>; 4],
}

/// A ticker.
pub(super) struct TickerData<'a>(Entry<'a, { KEYS.len() }>);

impl<'a> TickerData<'a> {
    pub(super) fn read(mut json: Json<'a>) -> Result<Self, DecodeError> {
        Entry::read(&mut json, "tickers", &KEYS).map(Self)
    }

    /// The text between the quotes of its symbol.
    pub(super) fn symbol(&self) -> Result<&'a [u8], DecodeError> {
        self.0.need(0).map(Value::text)
    }

    /// What it says of an instrument.
    pub(super) fn news(&self, instrument: &Instrument) -> Result<News, DecodeError> {
        // Venues leave empty what they have no number for.
        let is_empty = |value: Value<'_>| matches!(value.raw(), b"\"\"" | b"null");
        let given =
            |at: usize| self.0.get(at).filter(|value| !is_empty(*value)).map(|value| (KEYS[at], value));
        let fine = |at| given(at).map(|(name, value)| parse_fine(name, value.decimal())).transpose();
        let on = |at: usize, grid| {
            let given = given(at).or_else(|| given(at + 4));
            given.map(|(name, value)| parse_qty(name, grid, value.decimal())).transpose()
        };
        let (prices, quantities) = (instrument.price_increment, instrument.qty_increment);
        Ok(News {
            mark: fine(1)?,
            index: fine(2)?,
            funding: fine(3)?,
            next_funding: given(4).map(|(name, value)| parse_time(name, value.unquoted())).transpose()?,
            open_interest: given(5)
                .map(|(name, value)| parse_nearest(name, quantities, value.decimal()))
                .transpose()?,
            quote: [on(6, prices)?, on(7, quantities)?, on(8, prices)?, on(9, quantities)?],
        })
    }
}

impl News {
    /// Takes over what a newer ticker says, of what is told together with what it leaves out.
    pub(super) fn merge(&mut self, newer: &Self) {
        let over = |old: &mut Option<i64>, new: Option<i64>| *old = new.or(*old);
        over(&mut self.funding, newer.funding);
        over(&mut self.next_funding, newer.next_funding);
        for (old, new) in self.quote.iter_mut().zip(newer.quote) {
            over(old, new);
        }
    }

    /// Whether it says anything of best prices.
    pub(super) fn has_quote(&self) -> bool {
        self.quote.iter().any(Option::is_some)
    }

    /// Both sides, once all four numbers are known.
    pub(super) fn quoted(&self) -> Option<Quoted> {
        match self.quote {
            [Some(bid), Some(bid_qty), Some(ask), Some(ask_qty)] => Some([(bid, bid_qty), (ask, ask_qty)]),
            _ => None,
        }
    }
}
