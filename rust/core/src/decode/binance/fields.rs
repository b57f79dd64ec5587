//! The keys of a payload.

use std::ops::Range;

use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value, set, twice};
use crate::decode::parse::parse_time;
use crate::decode::symbol::{Symbol, find};
use crate::types::Level;

/// The levels of one side of a message.
pub(super) enum Side<'a> {
    /// Rows of the decoder's levels.
    Read(Range<usize>),
    /// Where it stands: the message had not named its symbol yet.
    Unread(Json<'a>),
}

/// The single-letter keys that are read. Few, because every frame begins with none of them set.
const LETTERS: &[u8; 17] = b"AaBbEeimpqrsTtUuX";

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

/// The letters as text, to be named in errors.
const NAMES: [&str; 17] =
    ["A", "a", "B", "b", "E", "e", "i", "m", "p", "q", "r", "s", "T", "t", "U", "u", "X"];

/// The place of a key among [`LETTERS`].
#[inline(always)]
fn place(letter: u8) -> Option<usize> {
    PLACES.get(usize::from(letter.wrapping_sub(b'A'))).map(|place| usize::from(*place))
}

/// Raw values of a payload's keys.
pub(super) struct Fields<'a> {
    /// Values of [`LETTERS`].
    letters: [Option<Value<'a>>; LETTERS.len()],
    pub(super) previous: Option<Value<'a>>,
    pub(super) last_update_id: Option<Value<'a>>,
    /// Levels under `b` and `a`, of an update.
    update: [Option<Side<'a>>; 2],
    /// Levels under `bids` and `asks`, of a snapshot.
    snapshot: [Option<Side<'a>>; 2],
    pub(super) symbol: Option<Value<'a>>,
    /// The time of an answer, which spells the key out.
    time: Option<Value<'a>>,
    /// Where the object of a `forceOrder` stands.
    pub(super) order: Option<Json<'a>>,
    /// Where the object of a `kline` stands.
    pub(super) kline: Option<Json<'a>>,
    /// The quantity of an answer.
    pub(super) open_interest: Option<Value<'a>>,
    pub(super) is_answer: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new() -> Self {
        Self {
            letters: [None; LETTERS.len()],
            previous: None,
            last_update_id: None,
            update: [None, None],
            snapshot: [None, None],
            symbol: None,
            time: None,
            order: None,
            kline: None,
            open_interest: None,
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
            b"b" | b"a" | b"bids" | b"asks" if json.peek() == Some(b'[') => {
                let (sides, at, name) = match key {
                    b"b" => (&mut self.update, 0, "b"),
                    b"a" => (&mut self.update, 1, "a"),
                    b"bids" => (&mut self.snapshot, 0, "bids"),
                    _ => (&mut self.snapshot, 1, "asks"),
                };
                let symbol = place(b's').and_then(|place| self.letters.get(place).copied().flatten());
                set(&mut sides[at], name, side(name, symbol, json, symbols, levels)?)
            }
            b"o" | b"k" => {
                let start = json.clone();
                json.value()?;
                if key == b"o" { set(&mut self.order, "o", start) } else { set(&mut self.kline, "k", start) }
            }
            [letter] => {
                let value = json.value()?;
                match place(*letter).and_then(|place| Some((self.letters.get_mut(place)?, NAMES[place]))) {
                    Some((field, name)) => set(field, name, value),
                    None => Ok(()),
                }
            }
            b"pu" => set(&mut self.previous, "pu", json.value()?),
            b"lastUpdateId" => set(&mut self.last_update_id, "lastUpdateId", json.value()?),
            b"symbol" => set(&mut self.symbol, "symbol", json.value()?),
            b"openInterest" => set(&mut self.open_interest, "openInterest", json.value()?),
            b"time" => set(&mut self.time, "time", json.value()?),
            b"result" if json.peek() == Some(b'{') => self.result(json, symbols, levels),
            b"result" | b"error" | b"code" => {
                json.value()?;
                self.is_answer = true;
                Ok(())
            }
            _ => json.value().map(|_| ()),
        }
    }

    /// Takes what the WebSocket API answers: of a snapshot it is what REST answers.
    #[cold]
    fn result(
        &mut self,
        json: &mut Json<'a>,
        symbols: &mut [Symbol],
        levels: &mut Vec<Level>,
    ) -> Result<(), DecodeError> {
        self.is_answer = true;
        json.object(|json, key| match key {
            b"lastUpdateId" | b"bids" | b"asks" | b"E" | b"T" => self.take(json, key, symbols, levels),
            _ => json.value().map(|_| ()),
        })
    }

    /// Refuses a side of an update that is there as a number, too.
    pub(super) fn check_sides(&self) -> Result<(), DecodeError> {
        for (key, letter, levels) in [("b", b'b', &self.update[0]), ("a", b'a', &self.update[1])] {
            if levels.is_some() && self.get(letter).is_some() {
                return Err(twice(key));
            }
        }
        Ok(())
    }

    /// The rows of both sides of an update.
    pub(super) fn update(
        &self,
        message: &'static str,
        symbol: &mut Symbol,
        levels: &mut Vec<Level>,
    ) -> Result<[Range<usize>; 2], DecodeError> {
        let [bids, asks] = &self.update;
        Ok([
            rows(message, "b", bids.as_ref(), symbol, levels)?,
            rows(message, "a", asks.as_ref(), symbol, levels)?,
        ])
    }

    /// The rows of both sides of a snapshot.
    pub(super) fn snapshot(
        &self,
        message: &'static str,
        symbol: &mut Symbol,
        levels: &mut Vec<Level>,
    ) -> Result<[Range<usize>; 2], DecodeError> {
        let [bids, asks] = &self.snapshot;
        let bids = rows(message, "bids", bids.as_ref(), symbol, levels)?;
        Ok([bids, rows(message, "asks", asks.as_ref(), symbol, levels)?])
    }

    #[inline]
    pub(super) fn get(&self, letter: u8) -> Option<Value<'a>> {
        debug_assert!(LETTERS.contains(&letter), "a key that is asked for has to be among the letters");
        place(letter).and_then(|place| self.letters.get(place).copied().flatten())
    }

    #[allow(
        clippy::unnecessary_lazy_evaluations,
        reason = "what is made beforehand is dropped for every field there is"
    )]
    pub(super) fn need(
        &self,
        message: &'static str,
        letter: u8,
        field: &'static str,
    ) -> Result<Value<'a>, DecodeError> {
        self.get(letter).ok_or_else(|| DecodeError::Missing { message, field })
    }

    /// The venue's time: transaction time, else event time.
    pub(super) fn time(&self) -> Result<Option<i64>, DecodeError> {
        match (self.get(b'T'), self.get(b'E')) {
            (Some(t), _) => parse_time("T", t.raw()).map(Some),
            (None, Some(e)) => parse_time("E", e.raw()).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// When the venue sent it: event time, else transaction time.
    pub(super) fn sent(&self) -> Result<Option<i64>, DecodeError> {
        match self.get(b'E') {
            Some(e) => parse_time("E", e.raw()).map(Some),
            None => self.time(),
        }
    }

    /// The venue's time in an answer.
    pub(super) fn time_of_answer(&self) -> Result<Option<i64>, DecodeError> {
        match self.time {
            Some(value) => parse_time("time", value.raw()).map(Some),
            None => self.time(),
        }
    }
}

/// Reads the levels of a side if the message has named its symbol, and steps over them if not.
#[inline(never)]
fn side<'a>(
    field: &'static str,
    symbol: Option<Value<'a>>,
    json: &mut Json<'a>,
    symbols: &mut [Symbol],
    levels: &mut Vec<Level>,
) -> Result<Side<'a>, DecodeError> {
    Ok(match symbol.and_then(|symbol| find(symbols, symbol.text())) {
        Some(index) => Side::Read(symbols[index].levels(field, json, levels)?),
        None => {
            let start = json.clone();
            json.value()?;
            Side::Unread(start)
        }
    })
}

/// The rows of a side.
fn rows(
    message: &'static str,
    field: &'static str,
    side: Option<&Side<'_>>,
    symbol: &mut Symbol,
    levels: &mut Vec<Level>,
) -> Result<Range<usize>, DecodeError> {
    match side {
        Some(Side::Read(rows)) => Ok(rows.clone()),
        Some(Side::Unread(start)) => symbol.levels(field, &mut start.clone(), levels),
        None => Err(DecodeError::Missing { message, field }),
    }
}
