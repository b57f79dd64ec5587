//! Text of CSV files as programs write it, brought to one form.
//!
//! [`Utf8`] deals with what is said of a stream as a whole: UTF-16 and byte order marks become UTF-8, lines that end
//! with a carriage return alone end with a line feed. [`Cells`] takes a line apart: the separator is told by the
//! header, cells may be quoted (`""` is a quote inside) and have spaces around them. A plain line, with bare cells and
//! commas, is never copied.

use std::io::{Error, ErrorKind, Read, Result as IoResult};

use super::error::DecodeError;

/// Bytes at the beginning of a stream that its encoding and its ends of lines are told by: more than any row has.
const HEAD: usize = MAX_ROW + 1;
/// Bytes that are converted at a time.
const PIECE: usize = 1 << 14;
/// The byte order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Longest row: a known header with cells of six hundred bytes.
pub(super) const MAX_ROW: usize = 1 << 16;

/// A stream as text in UTF-8 with lines that end with a line feed; looked at when it is first read.
pub(super) struct Utf8<R> {
    input: R,
    /// What the beginning told; `None` before it was read.
    form: Option<Form>,
    /// Text that was not handed out yet, and how much of it was.
    ready: Vec<u8>,
    at: usize,
    /// Bytes of a character that is not whole yet.
    partial: Vec<u8>,
    /// What comes behind the text that is ready.
    failure: Option<Error>,
}

/// A unit of UTF-16 of its bytes.
type Unit = fn([u8; 2]) -> u16;

/// How a stream is written.
#[derive(Clone, Copy)]
struct Form {
    unit: Option<Unit>,
    /// Whether lines end with a carriage return alone.
    has_returns: bool,
}

impl<R: Read> Utf8<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, form: None, ready: Vec::new(), at: 0, partial: Vec::new(), failure: None }
    }

    /// Reads the beginning and tells the form by it.
    fn begin(&mut self) -> Form {
        let mut head = Vec::new();
        self.failure = self.input.by_ref().take(HEAD as u64).read_to_end(&mut head).err();
        let (unit, mark): (Option<Unit>, usize) = match head.as_slice() {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
                self.failure = Some(no_text("text in UTF-32; write it as UTF-8"));
                (None, head.len())
            }
            [0xff, 0xfe, ..] => (Some(u16::from_le_bytes), 2),
            [0xfe, 0xff, ..] => (Some(u16::from_be_bytes), 2),
            // Without a mark the zeros of Latin letters tell.
            [1..=255, 0, 1..=255, 0, ..] => (Some(u16::from_le_bytes), 0),
            [0, 1..=255, 0, 1..=255, ..] => (Some(u16::from_be_bytes), 0),
            head => (None, if head.starts_with(MARK) { MARK.len() } else { 0 }),
        };
        let mut form = Form { unit, has_returns: false };
        self.take(&head[mark..], form);
        let (text, is_all) = (&self.ready, head.len() < HEAD);
        let first = memchr::memchr(b'\r', text).filter(|at| is_all || at + 1 < text.len());
        if first.is_some() && memchr::memchr(b'\n', text).is_none() {
            form.has_returns = true;
            feed_lines(&mut self.ready);
        }
        form
    }

    /// Appends bytes to what is ready, as text.
    fn take(&mut self, bytes: &[u8], form: Form) {
        let Some(unit) = form.unit else {
            self.ready.extend_from_slice(bytes);
            return;
        };
        self.partial.extend_from_slice(bytes);
        let (pairs, odd) = self.partial.as_chunks::<2>();
        let mut units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        let mut rest = odd.to_vec();
        if let (Some(0xd800..=0xdbff), Some(last)) = (units.last(), pairs.last()) {
            rest = [last.as_slice(), odd].concat();
            units.pop();
        }
        self.partial = rest;
        for letter in char::decode_utf16(units) {
            let Ok(letter) = letter else {
                self.failure = Some(no_text("broken text in UTF-16"));
                return;
            };
            self.ready.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// Makes more text ready, if there is more.
    fn fill(&mut self, form: Form) -> IoResult<()> {
        self.ready.clear();
        self.at = 0;
        let mut piece = [0; PIECE];
        while self.ready.is_empty() && self.failure.is_none() {
            let n = self.input.read(&mut piece)?;
            if n == 0 {
                if !self.partial.is_empty() {
                    self.failure = Some(no_text("text in UTF-16 that ends inside of a character"));
                }
                break;
            }
            self.take(&piece[..n], form);
        }
        if form.has_returns {
            feed_lines(&mut self.ready);
        }
        Ok(())
    }
}

fn no_text(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, problem)
}

fn feed_lines(text: &mut [u8]) {
    text.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let form = match self.form {
            Some(form) => form,
            None => {
                let form = self.begin();
                *self.form.insert(form)
            }
        };
        if self.at == self.ready.len() && self.failure.is_none() {
            if form.unit.is_none() && !form.has_returns {
                return self.input.read(buffer);
            }
            self.fill(form)?;
        }
        // A failure comes where it lies: behind the text before it.
        if self.at == self.ready.len()
            && let Some(failure) = self.failure.take()
        {
            return Err(failure);
        }
        let n = buffer.len().min(self.ready.len() - self.at);
        buffer[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Whether a line may stand above the header: a blank one, a comment that `#` begins, and what Excel writes to name the
/// separator.
pub(super) fn is_above_header(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line[0] == b'#' || (line.len() == 5 && line[..4].eq_ignore_ascii_case(b"sep="))
}

/// Takes the lines of a file apart, as its header is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells {
    separator: u8,
    /// Where the cells of the line end.
    ends: Vec<usize>,
    /// A line that was not plain, with its cells bare.
    bare: Vec<u8>,
}

/// A row's cells.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    line: &'a [u8],
    /// Where each cell ends.
    ends: &'a [usize],
}

impl<'a> Row<'a> {
    /// Cells there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell.
    #[inline]
    pub(super) fn cell(&self, column: usize) -> &'a [u8] {
        let start = if column == 0 { 0 } else { self.ends[column - 1] + 1 };
        &self.line[start..self.ends[column]]
    }

    /// The cells in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let row = *self;
        (0..row.len()).map(move |column| row.cell(column))
    }

    /// The line up to and with the separator behind a cell, if that is how it stands in the file.
    #[inline]
    pub(super) fn up_to(&self, column: usize, line: &[u8]) -> Option<&'a [u8]> {
        std::ptr::eq(self.line, line).then(|| &self.line[..=self.ends[column]])
    }
}

impl Cells {
    /// For a file with this header: of comma, semicolon, tab and bar what stands in it most.
    pub(super) fn of(header: &[u8]) -> Self {
        let count = |separator: u8| memchr::memchr_iter(separator, header).count();
        // The last of equal ones wins.
        let separator = [b'|', b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator));
        Self { separator: separator.unwrap_or(b','), ends: Vec::new(), bare: Vec::new() }
    }

    /// Whether cells stand between commas.
    pub(super) fn has_commas(&self) -> bool {
        self.separator == b','
    }

    /// The cells of a line.
    ///
    /// # Errors
    /// [`DecodeError`] for a line that is too long, no text, or wrongly quoted.
    #[inline]
    pub(super) fn split<'a>(&'a mut self, line: &'a [u8]) -> Result<Row<'a>, DecodeError> {
        if line.len() > MAX_ROW {
            return Err(DecodeError::TooMany { what: "bytes in a row", limit: MAX_ROW });
        }
        self.ends.clear();
        if !separators(line, self.separator, &mut self.ends) {
            self.ends.clear();
            return self.split_unusual(line);
        }
        self.ends.push(line.len());
        Ok(Row { line, ends: &self.ends })
    }

    /// A line with quotes, spaces, tabs or letters beyond ASCII.
    #[cold]
    fn split_unusual<'a>(&'a mut self, line: &'a [u8]) -> Result<Row<'a>, DecodeError> {
        if std::str::from_utf8(line).is_err() {
            return Err(DecodeError::Row("the row is no text in UTF-8"));
        }
        // Of files that were put together each may have one.
        let mut rest = line.strip_prefix(MARK).unwrap_or(line);
        self.bare.clear();
        loop {
            rest = trim_start(rest, self.separator);
            let start = self.bare.len();
            if let Some(quoted) = rest.strip_prefix(b"\"") {
                rest = self.unquote(quoted)?;
            } else {
                let end = memchr::memchr(self.separator, rest).unwrap_or(rest.len());
                self.bare.extend_from_slice(rest[..end].trim_ascii_end());
                rest = &rest[end..];
                if self.bare[start..].contains(&b'"') {
                    return Err(DecodeError::Row(
                        "a quote or a control character inside of a bare cell; is this the right kind of file?",
                    ));
                }
            }
            if self.bare[start..].iter().any(u8::is_ascii_control) {
                return Err(DecodeError::Row(
                    "a quote or a control character inside of a cell; is this the right kind of file?",
                ));
            }
            self.ends.push(self.bare.len());
            self.bare.push(self.separator);
            match rest.split_first() {
                Some((_, behind)) => rest = behind,
                None => return Ok(Row { line: &self.bare, ends: &self.ends }),
            }
        }
    }

    /// Appends a quoted cell, of which the first quote was read; returns what stands behind it.
    fn unquote<'a>(&mut self, mut rest: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        loop {
            let Some(end) = memchr::memchr(b'"', rest) else {
                return Err(DecodeError::Row("a quoted cell that does not end in its line"));
            };
            self.bare.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix(b"\"") {
                Some(behind) => {
                    self.bare.push(b'"');
                    rest = behind;
                }
                None => break,
            }
        }
        rest = trim_start(rest, self.separator);
        if rest.first().is_some_and(|c| *c != self.separator) {
            return Err(DecodeError::Row("text behind the quote that ends a cell"));
        }
        Ok(rest)
    }
}

/// A text without the spaces and tabs in front that separate nothing.
fn trim_start(text: &[u8], separator: u8) -> &[u8] {
    let blank = text.iter().take_while(|c| matches!(c, b' ' | b'\t') && **c != separator).count();
    &text[blank..]
}

/// Appends where a separator stands in a line, eight bytes at a time: cells are too short for a search of each.
/// Returns whether the line is plain: no spaces, quotes or control characters, nothing beyond ASCII.
#[inline]
fn separators(line: &[u8], separator: u8, places: &mut Vec<usize>) -> bool {
    const HIGH: u64 = each(0x80);
    let wanted = each(separator);
    let mut unusual = 0;
    let mut find = |word: [u8; 8], start: usize| {
        let word = u64::from_le_bytes(word);
        // The highest bit of a byte of 0x7f or more, below `!`, and of a quote; a borrow only follows one of them.
        let quotes = word ^ each(b'"');
        unusual |= word | word.wrapping_add(each(1));
        unusual |= (word.wrapping_sub(each(b'!')) & !word) | (quotes.wrapping_sub(each(1)) & !quotes);
        let differs = word ^ wanted;
        let mut found = !(((differs & !HIGH) + !HIGH) | differs | !HIGH);
        while found != 0 {
            places.push(start + found.trailing_zeros() as usize / 8);
            found &= found - 1;
        }
    };
    let (words, tail) = line.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        find(*word, 8 * at);
    }
    // A byte that is plain and no separator.
    let mut last = [b'.'; 8];
    last[..tail.len()].copy_from_slice(tail);
    find(last, 8 * words.len());
    unusual & HIGH == 0
}

/// A word of eight equal bytes.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// A yes or no as vendors, pandas, databases and spreadsheets write it. Of a column with gaps pandas makes numbers.
#[inline]
pub(super) fn flag(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"1" | b"t" | b"1.0" => Some(true),
        b"false" | b"0" | b"f" | b"0.0" => Some(false),
        _ if text.eq_ignore_ascii_case(b"true") => Some(true),
        _ if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// What programs write for nothing: pandas, polars, Python, databases, spreadsheets.
const NOTHING: [&[u8]; 8] = [b"nan", b"null", b"none", b"na", b"n/a", b"<na>", b"nat", b"\\n"];

/// Whether a cell says nothing: it is empty, or has a word for that.
#[inline]
pub(super) fn is_blank(cell: &[u8]) -> bool {
    cell.first().is_none_or(|first| {
        !first.is_ascii_digit() && NOTHING.iter().any(|word| cell.eq_ignore_ascii_case(word))
    })
}

/// Whether a price says that there is no level, or a time that none is known: nothing is written, or zero.
pub(super) fn is_nothing(cell: &[u8]) -> bool {
    cell.iter().all(|byte| matches!(byte, b'0' | b'.')) || is_blank(cell)
}

/// Whether a price is written, and is zero.
pub(super) fn is_zero(cell: &[u8]) -> bool {
    !is_blank(cell) && is_nothing(cell)
}

/// A whole number without the fraction of zeros that pandas gives to columns with gaps.
pub(super) fn whole(text: &[u8]) -> &[u8] {
    let point = memchr::memchr(b'.', text).filter(|at| text.len() > at + 1);
    match point {
        Some(at) if text[at + 1..].iter().all(|c| *c == b'0') => &text[..at],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn read(bytes: &[u8]) -> IoResult<String> {
        let mut text = String::new();
        Utf8::new(Cursor::new(bytes.to_vec())).read_to_string(&mut text)?;
        // A byte at a time it is the same.
        let mut slow = String::new();
        Utf8::new(Slow(Cursor::new(bytes.to_vec()))).read_to_string(&mut slow)?;
        assert_eq!(slow, text);
        Ok(text)
    }

    struct Slow(Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
            let n = buffer.len().min(1);
            self.0.read(&mut buffer[..n])
        }
    }

    #[test]
    fn every_encoding_and_end_of_line_is_the_same_text() {
        let long: String = (0..20_000).map(|i| format!("€,𝄞{i}\n")).collect();
        for text in ["", "a", "a,b\nc,d\n", long.as_str()] {
            assert_eq!(read(text.as_bytes()).unwrap(), text);
            assert_eq!(read(&[MARK, text.as_bytes()].concat()).unwrap(), text);
            for big in [false, true] {
                let marked = utf16(&format!("\u{feff}{text}"), big);
                assert_eq!(read(&marked).unwrap(), text);
                let returns = utf16(&format!("\u{feff}{}", text.replace('\n', "\r")), big);
                assert_eq!(read(&returns).unwrap(), text);
            }
            assert_eq!(read(text.replace('\n', "\r").as_bytes()).unwrap(), text);
            let windows = text.replace('\n', "\r\n");
            assert_eq!(read(windows.as_bytes()).unwrap(), windows, "two bytes end a line as they do");
        }
        assert_eq!(read(&utf16("exchange\n", false)).unwrap(), "exchange\n");
        assert_eq!(read(&utf16("exchange\n", true)).unwrap(), "exchange\n");
    }

    #[test]
    fn what_is_no_text_says_why() {
        let problem = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(problem(b"\xff\xfe\0\0a\0\0\0"), "text in UTF-32; write it as UTF-8");
        assert_eq!(
            problem(&utf16("\u{feff}ab", false)[..5]),
            "text in UTF-16 that ends inside of a character"
        );
        assert_eq!(problem(b"\xff\xfea\0\0\xdcb\0"), "broken text in UTF-16");
    }

    fn cells(header: &str, line: &str) -> Result<Vec<String>, String> {
        let mut cells = Cells::of(header.as_bytes());
        let row = cells.split(line.as_bytes()).map_err(|error| error.to_string())?;
        Ok(row.iter().map(|cell| String::from_utf8(cell.to_vec()).unwrap()).collect())
    }

    #[test]
    fn cells_are_the_same_however_they_are_written() {
        for (header, line) in [
            ("a,b,c", "x y,1.5,"),
            ("a,b,c", "\u{feff}x y,1.5,"),
            ("a,b,c", r#""x y","1.5","""#),
            ("a,b,c", " x y , \"1.5\" ,"),
            ("\"a\",\"b\",\"c\"", "x y,1.5,"),
            ("a;b;c", "x y;1.5;"),
            ("a|b|c", "x y|1.5|"),
            ("a\tb\tc", "x y\t1.5\t"),
            ("a\tb\tc", " x y \t\"1.5\"\t"),
        ] {
            assert_eq!(cells(header, line).unwrap(), ["x y", "1.5", ""], "{line}");
        }
        assert_eq!(cells("a,b", r#""1,5","a""b""#).unwrap(), ["1,5", "a\"b"]);
        assert_eq!(cells("a", "").unwrap(), [""]);
        assert_eq!(cells("a,b", "€,ß").unwrap(), ["€", "ß"]);
    }

    #[test]
    fn what_is_no_row_says_why() {
        for (line, problem) in [
            ("a\"b,c", "a quote or a control character inside of a bare cell"),
            ("a\0b,c", "a quote or a control character inside of a cell"),
            ("a\rb,c", "a quote or a control character inside of a cell"),
            ("\"a,c", "a quoted cell that does not end"),
            ("\"a\"b,c", "text behind the quote"),
        ] {
            assert!(cells("a,b", line).unwrap_err().contains(problem), "{line}");
        }
    }

    #[test]
    fn words_and_whole_numbers_are_read_as_programs_write_them() {
        let read =
            ["true", "True", "TRUE", "1", "false", "False", "0", "yes", ""].map(|t| flag(t.as_bytes()));
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(read, [yes, yes, yes, yes, no, no, no, None, None]);
        for (text, want) in [("17", "17"), ("17.0", "17"), ("17.00", "17"), ("17.", "17."), ("17.5", "17.5")]
        {
            assert_eq!(whole(text.as_bytes()), want.as_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn separators_are_where_they_are(line in "([a-c,;!#~]{0,40}|[a-c,;!#~ \"\t\u{0}\u{7f}-\u{ff}]{0,40})") {
            for separator in *b",;" {
                let mut places = Vec::new();
                let is_plain = separators(line.as_bytes(), separator, &mut places);
                let want: Vec<_> = (0..line.len()).filter(|at| line.as_bytes()[*at] == separator).collect();
                proptest::prop_assert_eq!(places, want);
                let usual = |c: u8| c > b' ' && c < 0x7f && c != b'"';
                proptest::prop_assert_eq!(is_plain, line.bytes().all(usual));
            }
        }

        #[test]
        fn a_row_is_read_back_from_its_quoted_form(row in proptest::collection::vec("[a-z0-9.,;\" ]{0,9}", 1..6)) {
            let quoted: Vec<_> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            for separator in [",", ";", "\t"] {
                let header = vec!["h"; row.len().max(2)].join(separator);
                proptest::prop_assert_eq!(cells(&header, &quoted.join(separator)).unwrap(), row.clone());
            }
        }
    }
}
