//! The data of `tickers` topics. A field that a change lacks is as it was.

use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value, set};
use crate::decode::parse::{parse_fine, parse_nearest, parse_qty, parse_time};
use crate::types::Instrument;

/// Price and quantity of the best bid and the best ask; a quantity of 0 is an empty side.
pub(super) type Quoted = [(i64, i64); 2];

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

/// Raw values of a ticker.
pub(super) struct TickerData<'a>([Option<Value<'a>>; KEYS.len()]);

/// What a ticker says, or what all of them have said.
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

impl<'a> TickerData<'a> {
    pub(super) fn read(mut json: Json<'a>) -> Result<Self, DecodeError> {
        let mut found = [None; KEYS.len()];
        json.object(|json, key| {
            let value = json.value()?;
            match KEYS.iter().position(|name| name.as_bytes() == key) {
                Some(at) => set(&mut found[at], KEYS[at], value),
                None => Ok(()),
            }
        })?;
        Ok(Self(found))
    }

    /// The text between the quotes of its symbol.
    pub(super) fn symbol(&self) -> Result<&'a [u8], DecodeError> {
        self.0[0].map(Value::text).ok_or(DecodeError::Missing { message: "tickers", field: "symbol" })
    }

    /// A field that is there and not empty, as venues leave what they have no number for.
    fn given(&self, at: usize) -> Option<(&'static str, Value<'a>)> {
        self.0[at].filter(|value| !matches!(value.raw(), b"\"\"" | b"null")).map(|value| (KEYS[at], value))
    }

    /// What it says of an instrument.
    pub(super) fn news(&self, instrument: &Instrument) -> Result<News, DecodeError> {
        let fine = |at| self.given(at).map(|(name, value)| parse_fine(name, value.decimal())).transpose();
        let on = |at: usize, grid| {
            let given = self.given(at).or_else(|| self.given(at + 4));
            given.map(|(name, value)| parse_qty(name, grid, value.decimal())).transpose()
        };
        let time = |(name, value): (&'static str, Value<'a>)| {
            let text = if value.text().is_empty() { value.raw() } else { value.text() };
            parse_time(name, text)
        };
        let (prices, quantities) = (instrument.price_increment, instrument.qty_increment);
        let interest = self.given(5);
        Ok(News {
            mark: fine(1)?,
            index: fine(2)?,
            funding: fine(3)?,
            next_funding: self.given(4).map(time).transpose()?,
            open_interest: interest
                .map(|(name, value)| parse_nearest(name, quantities, value.decimal()))
                .transpose()?,
            quote: [on(6, prices)?, on(7, quantities)?, on(8, prices)?, on(9, quantities)?],
        })
    }
}

impl News {
    /// Takes over what a newer ticker says.
    pub(super) fn merge(&mut self, newer: &Self) {
        let over = |old: &mut Option<i64>, new: Option<i64>| *old = new.or(*old);
        over(&mut self.mark, newer.mark);
        over(&mut self.index, newer.index);
        over(&mut self.funding, newer.funding);
        over(&mut self.next_funding, newer.next_funding);
        over(&mut self.open_interest, newer.open_interest);
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
