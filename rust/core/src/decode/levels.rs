//! Levels written alike: `["61737.60","0.125"]`.
//!
//! A venue writes one level like the next: as many digits before the points and behind them. Where they stand is
//! learnt from one level; the next one is compared with it in four words and its digits are taken all at once, so
//! that nothing is searched for. Longer levels are read digit by digit.

use std::ops::Range;

use crate::types::{Increment, POW10, words};

/// Bytes a level may take to be learnt.
const ROOM: usize = 32;
/// Bytes read at a time.
const WORD: usize = 8;
/// The largest power of ten eight digits may be multiplied with: the sum of two parts still fits.
const MAX_EXPONENT: usize = 10;
/// Most shapes that are remembered: quantities come in a few lengths.
const MAX_SHAPES: usize = 16;

/// Reads the levels of one instrument.
#[derive(Debug)]
pub(crate) struct LevelReader {
    grids: [Increment; 2],
    /// What levels looked like.
    shapes: Vec<Shape>,
    /// The shape of the level before.
    latest: usize,
}

impl LevelReader {
    /// A reader of prices and quantities on these grids.
    pub(crate) fn new(grids: [Increment; 2]) -> Self {
        Self { grids, shapes: Vec::new(), latest: 0 }
    }

    /// Price and quantity of the level a text begins with, and the bytes it takes.
    ///
    /// `None` unless it is written `["price","quantity"]` with plain decimals on the grids.
    #[inline(always)]
    pub(crate) fn read(&mut self, text: &[u8]) -> Option<(i64, i64, usize)> {
        if let Some(shape) = self.shapes.get(self.latest)
            && let Some(level) = shape.read(self.grids, text)
        {
            return Some(level);
        }
        self.read_otherwise(text)
    }

    /// Reads a level written unlike the one before.
    #[inline(never)]
    fn read_otherwise(&mut self, text: &[u8]) -> Option<(i64, i64, usize)> {
        if let Some(end) = memchr::memchr(b']', &text[..text.len().min(ROOM)])
            && let Some((at, level)) = (0..self.shapes.len())
                .filter(|at| self.shapes[*at].len == end + 1)
                .find_map(|at| Some((at, self.shapes[at].read(self.grids, text)?)))
        {
            self.latest = at;
            return Some(level);
        }
        self.learn(text)
    }

    /// Reads a level unlike any before.
    fn learn(&mut self, text: &[u8]) -> Option<(i64, i64, usize)> {
        let rest = text.strip_prefix(b"[\"")?;
        let (price, price_len) = self.grids[0].read(rest)?;
        let rest = rest[price_len..].strip_prefix(b"\",\"")?;
        let (qty, qty_len) = self.grids[1].read(rest)?;
        let rest = rest[qty_len..].strip_prefix(b"\"]")?;
        let level = &text[..text.len() - rest.len()];
        let numbers = [2..2 + price_len, 5 + price_len..level.len() - 2];
        if let Some(shape) = Shape::of(self.grids, level, &numbers) {
            self.remember(&shape);
        }
        Some((price, qty, level.len()))
    }

    fn remember(&mut self, shape: &Shape) {
        if self.shapes.len() < MAX_SHAPES {
            self.latest = self.shapes.len();
            self.shapes.push(*shape);
        } else {
            self.latest = (self.latest + 1) % MAX_SHAPES;
            self.shapes[self.latest] = *shape;
        }
    }
}

/// How a level is written.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Bytes it takes.
    len: usize,
    /// The text, with the least digit there may be for each that counts: one at the head of several, else zero.
    least: [u64; ROOM / WORD],
    /// What a byte may exceed it by before bit 7 shows: up to 9 for such a digit, nothing elsewhere.
    slack: [u64; ROOM / WORD],
    /// Bit 7 of every byte of the text.
    mask: [u64; ROOM / WORD],
    numbers: [Number; 2],
}

/// Where a number of a level stands.
#[derive(Debug, Clone, Copy)]
struct Number {
    /// What counts of it; if that is too long, the part before the point.
    first: Part,
    /// The part behind the point then.
    second: Option<Part>,
}

/// Digits of a number, perhaps with the point between them.
#[derive(Debug, Clone, Copy)]
struct Part {
    at: usize,
    /// The text from there on, zeros for the digits that count.
    zeros: u64,
    /// Moves the bytes that count to the end of the word.
    shift: u32,
    /// Where those behind the point are then.
    fraction: u64,
    /// Units of the grid in one of the last digit.
    factor: i64,
}

impl Shape {
    /// The shape of a level with its numbers at these places; `None` if it is too long.
    fn of(grids: [Increment; 2], level: &[u8], numbers: &[Range<usize>; 2]) -> Option<Self> {
        if level.len() > ROOM {
            return None;
        }
        let (mut zeros, mut slack, mut mask) = ([0; ROOM], [0x7f; ROOM], [0; ROOM]);
        zeros[..level.len()].copy_from_slice(level);
        let mut least = zeros;
        mask[..level.len()].fill(0x80);
        let [price, qty] = [0, 1].map(|which| {
            let number = numbers[which].clone();
            let scale = grids[which].scale() as usize;
            let point = level[number.clone()]
                .iter()
                .position(|c| *c == b'.')
                .map_or(number.end, |at| number.start + at);
            // Zeros behind the grid are part of the shape, they do not count.
            let places = number.end.saturating_sub(point + 1).min(scale);
            let end = if places == 0 { point } else { point + 1 + places };
            for at in (number.start..end).filter(|at| *at != point) {
                zeros[at] = b'0';
                least[at] = b'0' + u8::from(at == number.start && point - at > 1);
                slack[at] = 0x7f - (b'9' - least[at]);
            }
            let missing = scale - places;
            if end - number.start <= WORD {
                let first = Part::of(&zeros, number.start..end, places, missing)?;
                return Some(Number { first, second: None });
            }
            let first = Part::of(&zeros, number.start..point, 0, places + missing)?;
            Some(Number { first, second: Some(Part::of(&zeros, point + 1..end, 0, missing)?) })
        });
        Some(Self {
            len: level.len(),
            least: words::four(&least),
            slack: words::four(&slack),
            mask: words::four(&mask),
            numbers: [price?, qty?],
        })
    }

    /// Price and quantity of the level a text begins with, and the bytes it takes, if it has this shape.
    #[inline(always)]
    fn read(&self, grids: [Increment; 2], text: &[u8]) -> Option<(i64, i64, usize)> {
        let padded;
        let level = match text.first_chunk::<ROOM>() {
            Some(level) => level,
            None => {
                padded = end_of_text(text);
                &padded
            }
        };
        let mut strange = 0;
        for (at, word) in words::four(level).into_iter().enumerate() {
            // A byte below its least borrows from the next, but it shows bit 7 itself.
            let above = word.wrapping_sub(self.least[at]);
            strange |= (above.wrapping_add(self.slack[at]) | above) & self.mask[at];
        }
        if strange != 0 {
            return None;
        }
        let [price, qty] = &self.numbers;
        Some((
            grids[0].steps_of_units(price.units(level)?)?,
            grids[1].steps_of_units(qty.units(level)?)?,
            self.len,
        ))
    }
}

impl Number {
    /// Units of the grid.
    #[inline(always)]
    fn units(&self, level: &[u8; ROOM]) -> Option<i64> {
        let first = self.first.units(level)?;
        match &self.second {
            None => Some(first),
            Some(second) => Some(first + second.units(level)?),
        }
    }
}

impl Part {
    /// The digits at `range` of a level, `places` of them behind a point, the last worth `10^exponent` units.
    fn of(zeros: &[u8; ROOM], range: Range<usize>, places: usize, exponent: usize) -> Option<Self> {
        if range.len() > WORD || exponent > MAX_EXPONENT {
            return None;
        }
        Some(Self {
            at: range.start,
            zeros: words::word(&zeros[range.start..])?,
            shift: 8 * (WORD - range.len()) as u32,
            fraction: if places == 0 { u64::MAX } else { u64::MAX << (8 * (WORD - places)) },
            factor: POW10[exponent],
        })
    }

    #[inline(always)]
    fn units(&self, level: &[u8; ROOM]) -> Option<i64> {
        let digits = (words::word(level.get(self.at..)?)? ^ self.zeros) << self.shift;
        // The point, a zero by now, gives way.
        let digits = digits & self.fraction | (digits & !self.fraction) << 8;
        Some(words::eight_digits(digits) as i64 * self.factor)
    }
}

/// The last bytes of a text, filled up.
#[cold]
#[inline(never)]
fn end_of_text(text: &[u8]) -> [u8; ROOM] {
    let mut padded = [0; ROOM];
    padded[..text.len()].copy_from_slice(text);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reader(grids: [&str; 2]) -> LevelReader {
        LevelReader::new(grids.map(|step| step.parse().unwrap()))
    }

    /// Whether the level after `learnt` is read by its shape, and what it says.
    fn alike(grids: [&str; 2], learnt: &str, level: &str) -> Option<(i64, i64)> {
        let mut reader = reader(grids);
        reader.read(learnt.as_bytes()).unwrap();
        let (price, qty, len) = reader.shapes.first()?.read(reader.grids, level.as_bytes())?;
        assert_eq!(len, level.len());
        Some((price, qty))
    }

    #[test]
    fn what_is_written_alike_is_read() {
        for (grids, learnt, level, steps) in [
            (["0.1", "0.001"], r#"["60000.10","0.125"]"#, r#"["61234.50","7.004"]"#, (612_345, 7_004)),
            (
                ["0.01", "0.00001"],
                r#"["61737.63000000","0.12000000"]"#,
                r#"["61738.07000000","3.45678000"]"#,
                (6_173_807, 345_678),
            ),
            (
                ["0.01", "0.00000001"],
                r#"["1.63","10.12000000"]"#,
                r#"["2.07","99.45678901"]"#,
                (207, 9_945_678_901),
            ),
            (["0.5", "1"], r#"["100.5","12.00"]"#, r#"["234.0","98.00"]"#, (468, 98)),
            (["1", "0.001"], r#"["12345678","12"]"#, r#"["87654321","34"]"#, (87_654_321, 34_000)),
        ] {
            assert_eq!(alike(grids, learnt, level), Some(steps), "{level}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_not() {
        let learnt = r#"["60000.10","0.125"]"#;
        for level in [
            r#"["60000.15","0.125"]"#,
            r#"["6000.100","0.125"]"#,
            r#"["6000a.10","0.125"]"#,
            r#"["6000:.10","0.125"]"#,
            r#"["-0000.10","0.125"]"#,
            r#"["60000.10","0.125" "#,
            r#"["60000.10" "0.125"]"#,
            r#"["60000.10","01.25"]"#,
            r#"["00000.10","0.125"]"#,
            "[\"60000.10\",\"0.125\"\u{7f}",
            "[\"60000.10\"\u{0},\"0.125\"]",
        ] {
            assert_eq!(alike(["0.1", "0.001"], learnt, level), None, "{level}");
        }
        assert_eq!(alike(["0.5", "1"], r#"["100.5","1"]"#, r#"["100.3","1"]"#), None);
        assert_eq!(alike(["0.01", "1"], r#"["123456789","1"]"#, r#"["123456789","1"]"#), None);
        assert_eq!(alike(["0.1", "1"], r#"["9.5","10"]"#, r#"["0.5","01"]"#), None);
        assert_eq!(alike(["0.1", "1"], r#"["9.5","10"]"#, r#"["0.5","30"]"#), Some((5, 30)));
    }

    proptest! {
        #[test]
        fn it_says_what_the_grids_say(
            grids in prop::sample::select(vec![["0.1", "0.001"], ["0.01", "0.00000001"], ["0.5", "1"], ["25", "10"]]),
            levels in prop::collection::vec(
                ("-?[0-9]{1,6}(\\.[0-9]{0,3}0{0,6})?e?", "[0-9]{1,9}(\\.[0-9]{1,8})?", "\\]|,3\\]| \\]"),
                1..12,
            ),
        ) {
            let mut reader = reader(grids);
            for (price, qty, close) in levels {
                let text = format!("[\"{price}\",\"{qty}\"{close}");
                let plain = |grid: Increment, text: &str| {
                    grid.read(text.as_bytes()).filter(|(_, used)| *used == text.len()).map(|(steps, _)| steps)
                };
                let said = match (plain(reader.grids[0], &price), plain(reader.grids[1], &qty)) {
                    (Some(price), Some(qty)) if close == "]" => Some((price, qty, text.len())),
                    _ => None,
                };
                for behind in ["", "]}", ",[\"61737.63\",\"0.5\"],[\"61737.63\",\"0.5\"]"] {
                    prop_assert_eq!(reader.read(format!("{text}{behind}").as_bytes()), said, "{}", text);
                }
            }
        }
    }
}
