//! A reading position in JSON text that hands out borrowed pieces.
//!
//! Venue frames are small, flat and regular; nothing is gained by building a tree. Objects are walked key by key,
//! a value is taken as it stands. Whatever is passed is held to the grammar of RFC 8259, also what nobody asks for:
//! numbers and words, escapes and surrogates, UTF-8 and control characters inside of strings. Nesting is limited,
//! nothing recurses.

use std::borrow::Cow;

use super::error::DecodeError;
use super::levels::LevelReader;
use super::parse::{Written, parse_u64};
use crate::types::words;

/// Deepest nesting of a value that is stepped over.
const MAX_DEPTH: usize = 64;

/// A value as it stands in the text: a string with its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    /// The text as it stands.
    pub(crate) fn raw(self) -> &'a [u8] {
        self.0
    }

    /// What stands between the quotes of a string, with escapes as they stand; nothing for any other value.
    #[inline]
    pub(crate) fn text(self) -> &'a [u8] {
        match self.0 {
            [b'"', text @ .., b'"'] => text,
            _ => b"",
        }
    }

    /// A number as it is written, in quotes or not.
    pub(crate) fn unquoted(self) -> &'a [u8] {
        if self.text().is_empty() { self.0 } else { self.text() }
    }

    /// A decimal: venues write it as a number or in quotes, and in quotes without an exponent.
    #[inline]
    pub(crate) fn decimal(self) -> Written<'a> {
        match self.0 {
            [b'"', text @ .., b'"'] => Written::plain(text),
            number => Written::number(number),
        }
    }
}

/// The text that a string without its quotes stands for.
///
/// The string has passed the reader, so its escapes are sound.
pub(crate) fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    let mut utf8 = [0; 4];
    while let Some((&c, tail)) = rest.split_first() {
        rest = tail;
        if c != b'\\' {
            out.push(c);
            continue;
        }
        let Some((&letter, tail)) = rest.split_first() else { break };
        rest = tail;
        match letter {
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let Some((letter, used)) = code_point(rest) else { break };
                out.extend_from_slice(letter.encode_utf8(&mut utf8).as_bytes());
                rest = &rest[used..];
            }
            itself => out.push(itself),
        }
    }
    Cow::Owned(out)
}

/// The character that the hexadecimal digits behind `\u` name, with a second escape if they are half of a pair, and
/// the bytes they take.
fn code_point(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 4)?;
        digits.iter().try_fold(0, |unit, c| Some(unit << 4 | char::from(*c).to_digit(16)?))
    };
    let first = unit(0)?;
    if let Some(letter) = char::from_u32(first) {
        return Some((letter, 4));
    }
    let second = unit(6).filter(|_| text[4..6] == *b"\\u")?;
    let letter = char::decode_utf16([first, second].map(|unit| unit as u16)).next()?.ok()?;
    Some((letter, 10))
}

/// Sets the value of a key that had none: nothing tells which of two the venue meant.
#[inline(always)]
pub(super) fn set<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), DecodeError> {
    if slot.is_some() {
        return Err(twice(key));
    }
    *slot = Some(value);
    Ok(())
}

/// A key that stands there twice.
#[cold]
#[inline(never)]
pub(super) fn twice(key: &str) -> DecodeError {
    DecodeError::Duplicate(key.to_owned())
}

/// Values of an array, which is known to be sound.
pub(crate) struct Elements<'a>(Json<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.0.eat(b',');
        self.0.value().ok()
    }
}

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

    /// A string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Value<'a>, DecodeError> {
        self.expect(b'"', "a string")?;
        let start = self.at - 1;
        self.skip_plain();
        if self.bytes.get(self.at) != Some(&b'"') {
            return self.unusual_string(start);
        }
        self.at += 1;
        Ok(Value(&self.bytes[start..self.at]))
    }

    /// The text of a string without escapes, all of it ASCII, if one is next.
    #[inline(always)]
    pub(crate) fn plain_string(&mut self) -> Option<&'a [u8]> {
        self.skip(b"\"")?;
        let start = self.at;
        self.skip_plain();
        let text = &self.bytes[start..self.at];
        self.skip(b"\"")?;
        Some(text)
    }

    /// Steps over what stands for itself in a string.
    #[inline(always)]
    fn skip_plain(&mut self) {
        while let Some(word) = words::word(&self.bytes[self.at..]) {
            let plain = words::plain(word);
            self.at += plain;
            if plain < 8 {
                return;
            }
        }
        while let Some(b' '..=b'!' | b'#'..=b'[' | b']'..=b'\x7f') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// The rest of a string with escapes or letters beyond ASCII in it.
    #[cold]
    #[inline(never)]
    fn unusual_string(&mut self, start: usize) -> Result<Value<'a>, DecodeError> {
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0..b' ') => return Err(self.error("no control character in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.error("the end of a string")),
            }
        }
        self.at += 1;
        let string = &self.bytes[start..self.at];
        if let Err(error) = std::str::from_utf8(string) {
            self.at = start + error.valid_up_to();
            return Err(self.error("text in UTF-8"));
        }
        Ok(Value(string))
    }

    /// Steps over an escape in a string.
    fn escape(&mut self) -> Result<(), DecodeError> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match code_point(&self.bytes[self.at + 2..]) {
                Some((_, used)) => self.at += 2 + used,
                None => {
                    return Err(self.error("a character behind \\u, as four digits or a pair of surrogates"));
                }
            },
            _ => return Err(self.error("an escape of JSON")),
        }
        Ok(())
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

    /// A string, a number, true, false or null.
    #[inline]
    pub(crate) fn scalar(&mut self) -> Result<Value<'a>, DecodeError> {
        let start = match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.number()?;
                start
            }
            _ => {
                let start = self.at;
                let word = [&b"true"[..], b"false", b"null"].into_iter().find_map(|word| self.skip(word));
                word.ok_or_else(|| self.error("a value"))?;
                start
            }
        };
        Ok(Value(&self.bytes[start..self.at]))
    }

    /// Steps over a number.
    #[inline]
    fn number(&mut self) -> Result<(), DecodeError> {
        self.at += usize::from(self.bytes[self.at] == b'-');
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// Steps over digits, at least one.
    #[inline]
    fn digits(&mut self) -> Result<(), DecodeError> {
        let start = self.at;
        self.skip_digits();
        if self.at == start { Err(self.error("a digit")) } else { Ok(()) }
    }

    /// Any value.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, DecodeError> {
        match self.peek() {
            Some(b'{' | b'[') => {
                let start = self.at;
                self.skip_nested()?;
                Ok(Value(&self.bytes[start..self.at]))
            }
            _ => self.scalar(),
        }
    }

    /// Steps over an object or an array.
    fn skip_nested(&mut self) -> Result<(), DecodeError> {
        // One bit per open bracket: 1 for an object.
        let (mut kinds, mut depth) = (0u64, 0usize);
        loop {
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH {
                        return Err(self.error("less nesting"));
                    }
                    self.at += 1;
                    kinds = kinds << 1 | u64::from(open == b'{');
                    depth += 1;
                    if open == b'{' && self.peek() != Some(b'}') {
                        self.key()?;
                        continue;
                    }
                    if open == b'[' && self.peek() != Some(b']') {
                        continue;
                    }
                }
                _ => {
                    self.scalar()?;
                    if self.eat(b',') {
                        if kinds & 1 == 1 {
                            self.key()?;
                        }
                        continue;
                    }
                }
            }
            // A value has ended, and so do as many objects and arrays as close here.
            loop {
                if kinds & 1 == 1 {
                    self.expect(b'}', "a comma or a closing brace")?;
                } else {
                    self.expect(b']', "a comma or a closing bracket")?;
                }
                kinds >>= 1;
                depth -= 1;
                if depth == 0 {
                    return Ok(());
                }
                if self.eat(b',') {
                    if kinds & 1 == 1 {
                        self.key()?;
                    }
                    break;
                }
            }
        }
    }

    /// A key and the colon behind it.
    #[inline]
    fn key(&mut self) -> Result<Value<'a>, DecodeError> {
        let key = self.string()?;
        self.expect(b':', "a colon")?;
        Ok(key)
    }

    /// Walks an object: `each` is called with every key and must take its value.
    ///
    /// A key with an escape is refused, since it may be one that is asked for; no venue writes any.
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
                self.peek();
                let start = self.at;
                let key = self.key()?.text();
                if key.contains(&b'\\') {
                    self.at = start;
                    return Err(self.error("a key without escapes"));
                }
                key
            };
            self.peek();
            each(self, key)?;
            if !self.eat(b',') {
                return self.expect(b'}', "a comma or a closing brace");
            }
        }
    }

    /// Walks an array: `each` is called for every value and must take it.
    #[inline]
    pub(crate) fn array(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.expect(b'[', "an array")?;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            self.peek();
            each(self)?;
            if !self.eat(b',') {
                return self.expect(b']', "a comma or a closing bracket");
            }
        }
    }

    /// The values of an array, which is read to its end before the first of them is handed out.
    pub(crate) fn elements(&mut self) -> Result<Elements<'a>, DecodeError> {
        self.peek();
        let mut elements = Self { bytes: self.bytes, at: self.at };
        elements.expect(b'[', "an array")?;
        self.value()?;
        Ok(Elements(elements))
    }

    /// Walks an array of `[price, quantity, ...]` levels.
    ///
    /// What venues mostly write is read by the `reader` in one pass; anything else goes through `parse`, which
    /// turns a price (0) or a quantity (1) into steps and finds the words for what is wrong with it.
    #[inline]
    pub(crate) fn levels(
        &mut self,
        reader: &mut LevelReader,
        parse: impl Fn(usize, Written<'a>) -> Result<i64, DecodeError>,
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
        parse: impl Fn(usize, Written<'a>) -> Result<i64, DecodeError>,
    ) -> Result<(i64, i64), DecodeError> {
        self.expect(b'[', "a [price, quantity] level")?;
        let price = self.scalar()?.decimal();
        self.expect(b',', "a comma")?;
        let qty = self.scalar()?.decimal();
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
            br#" { "e" : "x" , "n":12, "b":[["1.5","2"],["3", "0", 7],[ 4,1e1],["5","6"]], "o":{"k":["}", "\""]}, "z":[] } "#;
        let mut json = Json::new(text);
        let (mut keys, mut levels) = (Vec::new(), Vec::new());
        let tenth: Increment = "0.1".parse().unwrap();
        let mut reader = LevelReader::new([tenth; 2]);
        json.object(|json, key| {
            keys.push(key);
            if key == b"b" {
                let parse = |_, written: Written<'_>| written.steps("b", tenth);
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

    /// Reads the whole of a text as an object whose values are stepped over.
    fn walk(text: &[u8]) -> Result<(), DecodeError> {
        let mut json = Json::new(text);
        json.object(|json, _| json.value().map(|_| ()))?;
        json.end()
    }

    #[test]
    fn broken_text_is_an_error_with_a_place() {
        for (text, at, expected) in [
            ("", 0, "an object"),
            ("\u{feff}{}", 0, "an object"),
            ("[1]", 0, "an object"),
            ("{", 1, "a string"),
            ("{\"a\"", 4, "a colon"),
            ("{\"a\":1", 6, "a comma or a closing brace"),
            ("{\"a\":[1}", 7, "a comma or a closing bracket"),
            ("{\"a\":[1 2]}", 8, "a comma or a closing bracket"),
            ("{\"a\":{\"b\":1]}", 11, "a comma or a closing brace"),
            ("{\"a\":{1:2}}", 6, "a string"),
            ("{\"a\":{\"b\" 2}}", 10, "a colon"),
            ("{\"a\":[1,]}", 8, "a value"),
            ("{\"a\":1,}", 7, "a string"),
            ("{\"a\":\"b", 7, "the end of a string"),
            ("{\"a\":1} x", 8, "the end of the frame"),
            ("{a:1}", 1, "a string"),
            ("{\"a\":}", 5, "a value"),
            ("{,}", 1, "a string"),
            ("{\"a\":+1}", 5, "a value"),
            ("{\"a\":.5}", 5, "a value"),
            ("{\"a\":5.}", 7, "a digit"),
            ("{\"a\":-}", 6, "a digit"),
            ("{\"a\":1e+}", 8, "a digit"),
            ("{\"a\":007}", 6, "a comma or a closing brace"),
            ("{\"a\":NaN}", 5, "a value"),
            ("{\"a\":Infinity}", 5, "a value"),
            ("{\"a\":truely}", 9, "a comma or a closing brace"),
            ("{\"a\":\"\u{1}\"}", 6, "no control character in a string"),
            ("{\"a\":\"\\x\"}", 6, "an escape of JSON"),
            ("{\"a\":\"\\u12g4\"}", 6, "a character behind \\u, as four digits or a pair of surrogates"),
            ("{\"a\":\"\\ud800\"}", 6, "a character behind \\u, as four digits or a pair of surrogates"),
            (
                "{\"a\":\"\\udc00\\ud800\"}",
                6,
                "a character behind \\u, as four digits or a pair of surrogates",
            ),
            ("{\"\\u0061\":1}", 1, "a key without escapes"),
        ] {
            assert_eq!(walk(text.as_bytes()), Err(DecodeError::Json { at, expected }), "{text}");
        }
        let bytes = b"{\"a\":\"bc\xff\"}";
        assert_eq!(walk(bytes), Err(DecodeError::Json { at: 8, expected: "text in UTF-8" }));
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(walk(nested(MAX_DEPTH).as_bytes()), Ok(()));
        for depth in [MAX_DEPTH + 1, 1_000_000] {
            let error = DecodeError::Json { at: 5 + MAX_DEPTH, expected: "less nesting" };
            assert_eq!(walk(nested(depth).as_bytes()), Err(error));
        }
    }

    /// Whether a text is JSON to a full parser; `None` if it stops at a number beyond any float, which is JSON too.
    fn is_json(text: &[u8]) -> Option<bool> {
        match serde_json::from_slice::<serde_json::Value>(text) {
            Ok(_) => Some(true),
            Err(error) => (!error.to_string().starts_with("number out of range")).then_some(false),
        }
    }

    /// Pieces that JSON is made of, and some that it is not.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\"a\":",
            "\"ab\"",
            "0",
            "-",
            "12",
            ".5",
            "1.50",
            "e",
            "E+7",
            "+",
            "true",
            "false",
            "null",
            "nul",
            " ",
            "\t\n",
            "\\",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\ud83d",
            "é",
            "\u{0}",
            "\u{1f}",
            "\u{7f}",
            "\\/",
            "\\\"",
            "NaN",
            "abcdefgh",
        ]);
        let bytes = prop_oneof![
            30 => piece.prop_map(|piece| piece.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 1..3),
        ];
        prop::collection::vec(bytes, 0..16).prop_map(|pieces| pieces.concat())
    }

    /// Sound JSON, with a few bytes of it changed, cut or doubled, or not.
    fn damaged() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|b| b.to_string()),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,10})?([eE][+-]?[0-9]{1,2})?",
            "\"([ -!#-\\[\\]-~é€😀]|\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-fA-F]{2}|\\\\ud83d\\\\ude00){0,12}\"",
        ];
        let value = leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(","))),
                prop::collection::vec(("[a-z]{0,3}", inner), 0..4).prop_map(|v| {
                    let members: Vec<_> = v.into_iter().map(|(k, v)| format!(" \"{k}\" : {v}")).collect();
                    format!("{{{}\n}}", members.join(","))
                }),
            ]
        });
        let damage = (0usize..4, any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>());
        (value, prop::collection::vec(damage, 0..3)).prop_map(|(text, damages)| {
            let mut bytes = text.into_bytes();
            for (kind, at, to, byte) in damages {
                if bytes.is_empty() {
                    break;
                }
                let (at, to) = (at.index(bytes.len()), to.index(bytes.len()));
                match kind {
                    0 => bytes[at] = byte,
                    1 => bytes.truncate(at),
                    2 => drop(bytes.drain(at.min(to)..at.max(to))),
                    _ => bytes = [&bytes[..at], &bytes[to..]].concat(),
                }
            }
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn what_is_stepped_over_is_what_a_full_parser_takes(text in prop_oneof![pieces(), damaged()]) {
            let mut json = Json::new(&text);
            let read = json.value().and_then(|value| json.end().map(|()| value));
            if let Some(is_json) = is_json(&text) {
                prop_assert_eq!(read.is_ok(), is_json, "{:?} {:?}", read, String::from_utf8_lossy(&text));
            }
            if let Ok(value) = read {
                if let Ok(serde_json::Value::String(said)) = serde_json::from_slice(&text) {
                    let unescaped = unescaped(value.text());
                    prop_assert_eq!(&*unescaped, said.as_bytes());
                } else {
                    prop_assert_eq!(value.text(), b"");
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in pieces()) {
            let tenth: Increment = "0.1".parse().unwrap();
            let mut reader = LevelReader::new([tenth; 2]);
            let _ = Json::new(&text).object(|j, _| j.levels(&mut reader, |_, _| Ok(0), |_, _| Ok(())));
            let _ = walk(&text);
        }
    }
}
