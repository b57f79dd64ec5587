//! Which trades of a stream were read, by their ids, in bounded memory.
//!
//! Numbers that grow, as most venues' do, are kept as runs without a hole: a whole day of them costs next to nothing.
//! Of ids in no order the newest quarter of a million at least are known.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};

use rustc_hash::FxHashSet;

use super::parse::parse_u64;
use super::text::{is_blank, whole};

/// Runs that are kept: the newest.
const MOST_RUNS: usize = 1 << 19;
/// Ids of no order after which those before the last as many are forgotten.
const GENERATION: usize = 1 << 18;

/// Both where only what came a moment ago may come again.
const RECENT: usize = 1 << 12;

/// Ids that were read.
#[derive(Debug)]
pub(super) struct TradeIds {
    most_runs: usize,
    generation: usize,
    /// First and last number of runs, growing.
    runs: VecDeque<(u64, u64)>,
    young: FxHashSet<u64>,
    old: FxHashSet<u64>,
}

impl Default for TradeIds {
    fn default() -> Self {
        Self::within(MOST_RUNS, GENERATION)
    }
}

impl TradeIds {
    /// Ids of a live stream, of which the last few thousand are known.
    pub(super) fn recent() -> Self {
        Self::within(RECENT, RECENT)
    }

    fn within(most_runs: usize, generation: usize) -> Self {
        let (runs, young, old) = Default::default();
        Self { most_runs, generation, runs, young, old }
    }

    /// Takes an id as it is written; `false` if it was there before.
    #[inline]
    pub(super) fn insert(&mut self, id: &[u8]) -> bool {
        // A mere look: an error would be written for nothing.
        let is_number = id.len() <= 20 && id.iter().all(u8::is_ascii_digit);
        match is_number.then(|| parse_u64("id", id).ok()).flatten() {
            Some(number) => self.insert_number(number),
            None => self.insert_unordered(id),
        }
    }

    /// Takes an id that is a number; `false` if it was there before.
    #[inline]
    pub(super) fn insert_number(&mut self, number: u64) -> bool {
        match self.runs.back_mut() {
            Some((_, last)) if number.checked_sub(1) == Some(*last) => *last = number,
            Some((_, last)) if number <= *last => {
                let at = self.runs.partition_point(|(_, last)| *last < number);
                let is_known = self.runs.get(at).is_some_and(|(first, _)| *first <= number);
                return !is_known && self.insert_unordered(&number.to_le_bytes());
            }
            _ => {
                if self.runs.len() == self.most_runs {
                    self.runs.pop_front();
                }
                self.runs.push_back((number, number));
            }
        }
        true
    }

    fn insert_unordered(&mut self, id: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write(id);
        let hash = hasher.finish();
        if self.old.contains(&hash) || !self.young.insert(hash) {
            return false;
        }
        if self.young.len() == self.generation {
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear();
        }
        true
    }
}

/// Which trades of a file are copies, by their ids.
#[derive(Debug)]
pub(super) struct Copies {
    ids: TradeIds,
    /// The newest stamp, ns.
    newest: i64,
}

impl Default for Copies {
    fn default() -> Self {
        Self { ids: TradeIds::default(), newest: i64::MIN }
    }
}

impl Copies {
    /// Takes a trade that the venue stamped `ts_event`, by what takes its id; `false` if it was there before. An id that
    /// was and has a newer stamp is of a venue that counts anew.
    #[inline]
    pub(super) fn take(&mut self, ts_event: i64, insert: impl Fn(&mut TradeIds) -> bool) -> bool {
        let is_newer = ts_event > self.newest;
        self.newest = self.newest.max(ts_event);
        if insert(&mut self.ids) {
            return true;
        }
        if is_newer {
            self.ids = TradeIds::default();
            insert(&mut self.ids);
        }
        is_newer
    }
}

/// The id that a cell of a table holds, without the fraction that pandas gives to numbers; empty where it says nothing or
/// 0, which is nobody's.
#[inline]
pub(super) fn trade_id(cell: &[u8]) -> &[u8] {
    let id = whole(cell);
    if id == b"0" || is_blank(id) { b"" } else { id }
}

/// A trade id as a number: a numeric id as it is, the last 16 digits of a hexadecimal one, such as a UUID, and a hash of
/// any other; 0 when empty.
pub(super) fn trade_number(text: &[u8]) -> u64 {
    if text.len() <= 20
        && let Some(id) = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok())
    {
        return id;
    }
    if !text.iter().all(|c| c.is_ascii_hexdigit() || *c == b'-') {
        // FNV-1a: the same wherever it is made.
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        return text.iter().fold(0xcbf2_9ce4_8422_2325, step);
    }
    let digits = text.iter().rev().filter_map(|c| char::from(*c).to_digit(16)).take(16);
    digits.enumerate().fold(0, |id, (place, digit)| id | u64::from(digit) << (4 * place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once() {
        let mut ids = TradeIds::default();
        for (id, is_new) in [
            ("5", true),
            ("6", true),
            ("6", false),
            ("9", true),
            ("7", true),
            ("7", false),
            ("5", false),
            ("1", true),
            ("1", false),
            ("10", true),
            ("0b-a1", true),
            ("0b-a2", true),
            ("0b-a1", false),
            ("18446744073709551615", true),
            ("18446744073709551616", true),
            ("18446744073709551615", false),
            ("18446744073709551616", false),
        ] {
            assert_eq!(ids.insert(id.as_bytes()), is_new, "{id}");
        }
    }

    #[test]
    fn names_are_numbers_of_their_own() {
        assert_eq!(trade_number(b""), 0);
        assert_eq!(trade_number(b"00000000-0000-0000-0000-0000000000a1"), 0xa1);
        assert_eq!(trade_number(b"x-1"), 0xbed6_fd19_7f34_109d);
        assert_ne!(trade_number(b"x-1"), trade_number(b"y-1"));
    }

    #[test]
    fn what_is_known_does_not_grow_with_the_day() {
        let mut ids = TradeIds::default();
        for number in 0..3_000_000_u64 {
            assert!(ids.insert(number.to_string().as_bytes()));
        }
        assert!((0..3_000_000_u64).step_by(999).all(|number| !ids.insert(number.to_string().as_bytes())));
        assert_eq!(ids.runs.len(), 1);
        for number in 0..3 * GENERATION {
            assert!(ids.insert(format!("t{number}").as_bytes()));
        }
        assert!(!ids.insert(format!("t{}", 2 * GENERATION).as_bytes()));
        assert!(ids.young.len() + ids.old.len() <= 2 * GENERATION);
    }

    #[test]
    fn of_a_live_stream_the_newest_are_known() {
        let mut ids = TradeIds::recent();
        for number in 0..4 * RECENT as u64 {
            assert!(ids.insert((7 * number).to_string().as_bytes()));
            assert!(ids.insert(format!("t{number}").as_bytes()));
        }
        assert!(!ids.insert((7 * (3 * RECENT as u64 + 1)).to_string().as_bytes()));
        assert!(!ids.insert(format!("t{}", 3 * RECENT).as_bytes()));
        assert!(ids.runs.len() == RECENT && ids.young.len() + ids.old.len() <= 2 * RECENT);
    }

    proptest::proptest! {
        #[test]
        fn it_is_a_set(numbers in proptest::collection::vec(0_u64..60, 0..120)) {
            let (mut ids, mut model) = (TradeIds::default(), std::collections::BTreeSet::new());
            for number in numbers {
                proptest::prop_assert_eq!(ids.insert(number.to_string().as_bytes()), model.insert(number));
            }
        }
    }
}
