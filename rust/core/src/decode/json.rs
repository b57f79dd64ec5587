//! A reading position in JSON text that hands out borrowed pieces.
//!
//! Venue frames are small, flat and regular; nothing is gained by building a tree. Objects are walked key by key,
//! a value is taken as its raw text. Strings come without their quotes and with escapes as they stand: no price,
//! symbol or id holds one. Nesting is limited, nothing recurses.

use super::error::DecodeError;
use super::levels::LevelReader;
use super::parse::parse_u64;
use crate::types::words;

/// Deepest nesting of a value that is stepped over.
const MAX_DEPTH: usize = 64;

/// A reading position.
#[derive(Debug, Clone)]
pub(crate) struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Json<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[cold]
    fn error(&self, expected: &'static str) -> DecodeError {
        DecodeError::Json { at: self.at, expected }
    }

    /// The next byte that is not white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(&c) = self.bytes.get(self.at) {
            if !matches!(c, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(c);
            }
            self.at += 1;
        }
        None
    }

    /// Steps over `byte` if it is next.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), DecodeError> {
        if self.eat(byte) { Ok(()) } else { Err(self.error(expected)) }
    }

    /// The end of the text.
    pub(crate) fn end(&mut self) -> Result<(), DecodeError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.error("the end of the frame")) }
    }

    /// Steps over `text` if just that is next.
    #[inline(always)]
    pub(crate) fn skip(&mut self, text: &[u8]) -> Option<()> {
        let rest = self.bytes[self.at..].strip_prefix(text)?;
        self.at = self.bytes.len() - rest.len();
        Some(())
    }

    /// An unsigned integer, if one is next.
    #[inline(always)]
    pub(crate) fn integer(&mut self) -> Option<u64> {
        let start = self.at;
        self.skip_digits();
        parse_u64("", &self.bytes[start..self.at]).ok()
    }

    /// A string without its quotes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a [u8], DecodeError> {
        self.expect(b'"', "a string")?;
        let start = self.at;
        while let Some(word) = words::word(&self.bytes[self.at..]) {
            let plain = words::before(word, b'"').min(words::before(word, b'\\'));
            self.at += plain;
            if plain < 8 {
                break;
            }
        }
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(self.error("the end of a string")),
            }
        }
        let text = &self.bytes[start..self.at];
        self.at += 1;
        Ok(text)
    }

    #[inline(always)]
    fn skip_digits(&mut self) {
        while let Some(word) = words::word(&self.bytes[self.at..]) {
            let digits = words::leading_digits(word);
            self.at += digits;
            if digits < 8 {
                return;
            }
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    /// The text of a string or a number: venues write decimals either way.
    #[inline]
    pub(crate) fn scalar(&mut self) -> Result<&'a [u8], DecodeError> {
        if self.peek() == Some(b'"') {
            return self.string();
        }
        let start = self.at;
        self.skip_digits();
        while let Some(c) = self.bytes.get(self.at) {
            if matches!(c, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t') {
                break;
            }
            self.at += 1;
        }
        if start == self.at { Err(self.error("a value")) } else { Ok(&self.bytes[start..self.at]) }
    }

    /// The raw text of any value; strings come without their quotes.
    pub(crate) fn value(&mut self) -> Result<&'a [u8], DecodeError> {
        match self.peek() {
            Some(b'{' | b'[') => {
                let start = self.at;
                self.skip_nested()?;
                Ok(&self.bytes[start..self.at])
            }
            _ => self.scalar(),
        }
    }

    /// Steps over an object or an array.
    fn skip_nested(&mut self) -> Result<(), DecodeError> {
        // One bit per open bracket: 1 for an object.
        let (mut kinds, mut depth) = (0u64, 0usize);
        while let Some(&c) = self.bytes.get(self.at) {
            match c {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => {
                    if depth == MAX_DEPTH {
                        return Err(self.error("less nesting"));
                    }
                    kinds = kinds << 1 | u64::from(c == b'{');
                    depth += 1;
                }
                b'}' | b']' => {
                    if (kinds & 1 == 1) != (c == b'}') {
                        return Err(self.error("the matching bracket"));
                    }
                    kinds >>= 1;
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Ok(());
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Err(self.error("a closing bracket"))
    }

    /// Walks an object: `each` is called with every key and must take its value.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &'a [u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.expect(b'{', "an object")?;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            let key = if let Some([b'"', letter, b'"', b':', ..]) = self.bytes.get(self.at..)
                && letter.is_ascii_alphabetic()
            {
                self.at += 4;
                std::slice::from_ref(letter)
            } else {
                let key = self.string()?;
                self.expect(b':', "a colon")?;
                key
            };
            self.peek();
            each(self, key)?;
            if !self.eat(b',') {
                return self.expect(b'}', "a comma or a closing brace");
            }
        }
    }

    /// Walks an array of `[price, quantity, ...]` levels.
    ///
    /// What venues mostly write is read by the `reader` in one pass; anything else goes through `parse`, which
    /// turns the text of a price (0) or a quantity (1) into steps and finds the words for what is wrong with it.
    #[inline]
    pub(crate) fn levels(
        &mut self,
        reader: &mut LevelReader,
        parse: impl Fn(usize, &'a [u8]) -> Result<i64, DecodeError>,
        mut each: impl FnMut(i64, i64) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.expect(b'[', "an array")?;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            let (price, qty) = match reader.read(&self.bytes[self.at..]) {
                Some((price, qty, used)) => {
                    self.at += used;
                    (price, qty)
                }
                None => self.any_level(&parse)?,
            };
            each(price, qty)?;
            if !self.eat(b',') {
                return self.expect(b']', "a comma or a closing bracket");
            }
        }
    }

    fn any_level(
        &mut self,
        parse: impl Fn(usize, &'a [u8]) -> Result<i64, DecodeError>,
    ) -> Result<(i64, i64), DecodeError> {
        self.expect(b'[', "a [price, quantity] level")?;
        let price = self.scalar()?;
        self.expect(b',', "a comma")?;
        let qty = self.scalar()?;
        while self.eat(b',') {
            self.value()?;
        }
        let level = (parse(0, price)?, parse(1, qty)?);
        self.expect(b']', "the end of a level")?;
        Ok(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Increment;
    use proptest::prelude::*;

    #[test]
    fn walks_what_venues_send() {
        let text =
            br#" { "e" : "x" , "n":12, "b":[["1.5","2"],["3", "0", 7],[ 4,"1e1"],["5","6"]], "o":{"k":["}", "\""]}, "z":[] } "#;
        let mut json = Json::new(text);
        let (mut keys, mut levels) = (Vec::new(), Vec::new());
        let tenth: Increment = "0.1".parse().unwrap();
        let mut reader = LevelReader::new([tenth; 2]);
        json.object(|json, key| {
            keys.push(key);
            if key == b"b" {
                let parse = |_, text: &[u8]| tenth.parse(text).map_err(|e| DecodeError::decimal("b", &e));
                return json.levels(&mut reader, parse, |p, q| {
                    levels.push((p, q));
                    Ok(())
                });
            }
            json.value().map(|_| ())
        })
        .unwrap();
        json.end().unwrap();
        assert_eq!(keys, [b"e", b"n", b"b", b"o", b"z"]);
        assert_eq!(levels, [(15, 20), (30, 0), (40, 100), (50, 60)]);
    }

    #[test]
    fn broken_text_is_an_error_with_a_place() {
        for text in [
            "",
            "{",
            "{\"a\"",
            "{\"a\":1",
            "{\"a\":[1}",
            "{\"a\":\"b",
            "[1]",
            "{\"a\":1} x",
            "{a:1}",
            "{\"a\":}",
            "{,}",
        ] {
            let mut json = Json::new(text.as_bytes());
            let result = json.object(|j, _| j.value().map(|_| ())).and_then(|()| json.end());
            assert!(matches!(result, Err(DecodeError::Json { .. })), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(80), "]".repeat(80));
        assert!(Json::new(deep.as_bytes()).object(|j, _| j.value().map(|_| ())).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}\\[\\]\",:a-c0-9. \\\\]{0,60}") {
            let mut json = Json::new(text.as_bytes());
            let tenth: Increment = "0.1".parse().unwrap();
            let mut reader = LevelReader::new([tenth; 2]);
            let _ = json.object(|j, _| j.levels(&mut reader, |_, _| Ok(0), |_, _| Ok(())));
            let mut json = Json::new(text.as_bytes());
            let _ = json.object(|j, _| j.value().map(|_| ()));
        }
    }
}
