//! The keys of a payload.

use std::ops::Range;

use super::symbol::{Symbol, find};
use crate::decode::error::DecodeError;
use crate::decode::json::Json;
use crate::decode::parse::parse_time;
use crate::types::Level;

/// The levels of one side of a message.
pub(super) enum Side<'a> {
    /// Rows of the decoder's levels.
    Read(Range<usize>),
    /// Not read: the message had not named its symbol yet.
    Text(&'a [u8]),
}

/// The single-letter keys that are read. Few, because every frame begins with none of them set.
const LETTERS: &[u8; 16] = b"AaBbEeimpqrsTtUu";

/// Where each letter from `A` on stands in [`LETTERS`].
const PLACES: [u8; 58] = {
    let mut places = [u8::MAX; 58];
    let mut place = 0;
    while place < LETTERS.len() {
        places[(LETTERS[place] - b'A') as usize] = place as u8;
        place += 1;
    }
    places
};

/// Where the venue's time stands.
const TIME: usize = PLACES[(b'T' - b'A') as usize] as usize;

/// What only rare messages hold; in one place, because every frame begins without.
#[derive(Clone, Copy)]
pub(super) enum Rare<'a> {
    /// The object of a `forceOrder`.
    Order(&'a [u8]),
    /// The quantity of an answer.
    OpenInterest(&'a [u8]),
}

/// The place of a key among [`LETTERS`].
#[inline(always)]
fn place(letter: u8) -> Option<usize> {
    PLACES.get(usize::from(letter.wrapping_sub(b'A'))).map(|place| usize::from(*place))
}

/// Raw values of a payload's keys.
pub(super) struct Fields<'a> {
    /// Values of [`LETTERS`].
    letters: [Option<&'a [u8]>; LETTERS.len()],
    pub(super) previous: Option<&'a [u8]>,
    pub(super) last_update_id: Option<&'a [u8]>,
    pub(super) bids: Option<Side<'a>>,
    pub(super) asks: Option<Side<'a>>,
    pub(super) symbol: Option<&'a [u8]>,
    /// What a rare message is about.
    pub(super) rare: Option<Rare<'a>>,
    pub(super) is_answer: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new() -> Self {
        Self {
            letters: [None; LETTERS.len()],
            previous: None,
            last_update_id: None,
            bids: None,
            asks: None,
            symbol: None,
            rare: None,
            is_answer: false,
        }
    }

    #[inline(always)]
    pub(super) fn take(
        &mut self,
        json: &mut Json<'a>,
        key: &'a [u8],
        symbols: &mut [Symbol],
        levels: &mut Vec<Level>,
    ) -> Result<(), DecodeError> {
        match key {
            b"b" | b"bids" if json.peek() == Some(b'[') => {
                self.bids = Some(self.side("b", json, symbols, levels)?);
            }
            b"a" | b"asks" if json.peek() == Some(b'[') => {
                self.asks = Some(self.side("a", json, symbols, levels)?);
            }
            [letter] => {
                let value = json.value()?;
                if let Some(field) = place(*letter).and_then(|place| self.letters.get_mut(place)) {
                    *field = Some(value);
                } else if *letter == b'o' {
                    self.rare = Some(Rare::Order(value));
                }
            }
            b"pu" => self.previous = Some(json.value()?),
            b"lastUpdateId" => self.last_update_id = Some(json.value()?),
            b"symbol" => self.symbol = Some(json.value()?),
            b"openInterest" => self.rare = Some(Rare::OpenInterest(json.value()?)),
            // Answers spell it out.
            b"time" => self.letters[TIME] = Some(json.value()?),
            b"result" | b"error" | b"code" => {
                json.value()?;
                self.is_answer = true;
            }
            _ => {
                json.value()?;
            }
        }
        Ok(())
    }

    fn side(
        &self,
        field: &'static str,
        json: &mut Json<'a>,
        symbols: &mut [Symbol],
        levels: &mut Vec<Level>,
    ) -> Result<Side<'a>, DecodeError> {
        Ok(match self.get(b's').and_then(|symbol| find(symbols, symbol)) {
            Some(index) => Side::Read(symbols[index].levels(field, json, levels)?),
            None => Side::Text(json.value()?),
        })
    }

    /// The rows of both sides of a message.
    pub(super) fn both_sides(
        &self,
        message: &'static str,
        symbol: &mut Symbol,
        levels: &mut Vec<Level>,
    ) -> Result<[Range<usize>; 2], DecodeError> {
        let mut read = |field, side: &Option<Side<'_>>| match side {
            Some(Side::Read(rows)) => Ok(rows.clone()),
            Some(Side::Text(text)) => symbol.levels(field, &mut Json::new(text), levels),
            None => Err(DecodeError::Missing { message, field }),
        };
        Ok([read("b", &self.bids)?, read("a", &self.asks)?])
    }

    #[inline]
    pub(super) fn get(&self, letter: u8) -> Option<&'a [u8]> {
        debug_assert!(LETTERS.contains(&letter), "a key that is asked for has to be among the letters");
        place(letter).and_then(|place| self.letters.get(place).copied().flatten())
    }

    pub(super) fn need(
        &self,
        message: &'static str,
        letter: u8,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        self.get(letter).ok_or(DecodeError::Missing { message, field })
    }

    /// The venue's time: transaction time, else event time.
    pub(super) fn time(&self) -> Result<Option<i64>, DecodeError> {
        match (self.get(b'T'), self.get(b'E')) {
            (Some(t), _) => parse_time("T", t).map(Some),
            (None, Some(e)) => parse_time("E", e).map(Some),
            (None, None) => Ok(None),
        }
    }
}
