//! Recordings of one instrument as one: the lines of several capture files in order of receipt.
//!
//! Files that follow one another are read one after the other, whatever order they are given in. Where two overlap, two
//! sockets or two machines recorded at the same time: their lines are merged by receive time, and a message that both
//! hold counts once, as it was received first. Messages are equal when the venue's bytes are, without spaces and the
//! wrapper that names a stream.
//!
//! Clocks: what both hold tells how far the clock of a recording that joins is from that of the one it joins. The offset
//! is the median of the differences of their receipts, which a few late messages do not move. From [`CLOCK_NS`] on no
//! network explains it, so it is a clock: that recording's receipts are moved by it. A smaller one is only told.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hasher};

use super::error::{DecodeError, PlacedError};
use super::lines::Lines;
use super::parse::parse_stamp;

/// Differences of receipts from which on clocks differ, ns; the longest ways of a network take less.
const CLOCK_NS: i64 = 300_000_000;
/// Equal messages that it takes to move receipts.
const ENOUGH: usize = 3;
/// How long before its first line a file joins those that are being read, ns: a clock may be ahead by as much.
const MARGIN_NS: i64 = 10_000_000_000;
/// What is read ahead of each file when one joins, lines and bytes.
const LOOK_LINES: usize = 1 << 15;
const LOOK_BYTES: usize = 16 << 20;
/// How long a message is remembered, ns, and how many are.
const MEMORY_NS: i64 = 60_000_000_000;
const MEMORY: usize = 1 << 20;

/// The receive time, ns, and the frame of a line of a capture.
///
/// # Errors
/// [`DecodeError`] when there is no time or no space behind it.
pub fn receipt(line: &[u8]) -> Result<(i64, &[u8]), DecodeError> {
    let space = memchr::memchr2(b' ', b'\t', line).ok_or_else(|| {
        DecodeError::value("line", line, "a receive time in s, ms, us or ns, a space and a JSON frame")
    })?;
    Ok((parse_stamp("ts_recv", &line[..space])?, &line[space + 1..]))
}

/// How the clock of a recording stood to that of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockOffset {
    /// The recording that joined.
    pub file: String,
    /// The one it joined.
    pub other: String,
    /// Messages that both hold.
    pub equal: u64,
    /// Median of its receipts less those of the other, ns.
    pub offset_ns: i64,
    /// Half of the differences lie within this around the median, ns.
    pub spread_ns: i64,
    /// Whether its receipts were moved by it.
    pub moved: bool,
}

/// A line read ahead.
struct Ahead {
    number: u64,
    /// Its receive time; `None` where it has none.
    ts: Option<i64>,
    /// What makes its message equal to another; `None` for a line that is none.
    key: Option<u64>,
    text: Vec<u8>,
}

/// A file that is being read.
struct Open {
    lines: Lines,
    /// Its place among those given.
    place: usize,
    ahead: VecDeque<Ahead>,
    bytes: usize,
    has_ended: bool,
    /// What is added to its receive times, ns.
    shift: i64,
    /// Receipt of its line handed out last, as it stands there.
    last: i64,
}

impl Open {
    /// Reads a line ahead.
    fn fetch(&mut self) -> Result<(), PlacedError> {
        let read = self.lines.next_with(|text| {
            let told = receipt(text).ok();
            Ok((told.map(|(ts, _)| ts), told.map(|(_, frame)| key(frame)), text.to_vec()))
        })?;
        let Some((ts, key, text)) = read else {
            self.has_ended = true;
            return Ok(());
        };
        self.bytes += text.len();
        self.ahead.push_back(Ahead { number: self.lines.number(), ts, key, text });
        Ok(())
    }

    /// Calls `each` with the next line, unless it was received at `limit` or after: then it is ahead.
    fn read_until<T>(
        &mut self,
        limit: i64,
        each: &mut impl FnMut(&Line<'_>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, PlacedError> {
        let (number, file, shift, last) = (self.lines.number() + 1, self.place, self.shift, &mut self.last);
        let mut held = None;
        let made = self.lines.next_with(|text| {
            if limit < i64::MAX
                && let Ok((ts, frame)) = receipt(text)
            {
                if ts.saturating_add(shift) >= limit {
                    held = Some(Ahead { number, ts: Some(ts), key: Some(key(frame)), text: text.to_vec() });
                    return Ok(None);
                }
                *last = ts;
            }
            each(&Line { file, text, number, shift, is_copy: false }).map(Some)
        })?;
        self.has_ended = made.is_none();
        self.bytes += held.as_ref().map_or(0, |line| line.text.len());
        self.ahead.extend(held);
        Ok(made.flatten())
    }

    /// Reads ahead so far that a line is there, unless the file has ended.
    fn have_one(&mut self) -> Result<(), PlacedError> {
        if self.ahead.is_empty() && !self.has_ended { self.fetch() } else { Ok(()) }
    }

    fn look_ahead(&mut self) -> Result<(), PlacedError> {
        while !self.has_ended && self.ahead.len() < LOOK_LINES && self.bytes < LOOK_BYTES {
            self.fetch()?;
        }
        Ok(())
    }

    /// When the next line counts as received; one without a time as the one before.
    fn next_ts(&self) -> Option<i64> {
        self.ahead.front().map(|line| line.ts.unwrap_or(self.last).saturating_add(self.shift))
    }

    /// Receipts of the messages read ahead that are there once.
    fn receipts(&self) -> HashMap<u64, i64> {
        let (mut receipts, mut twice) = (HashMap::new(), HashSet::new());
        for line in &self.ahead {
            if let (Some(ts), Some(key)) = (line.ts, line.key)
                && receipts.insert(key, ts.saturating_add(self.shift)).is_some()
            {
                twice.insert(key);
            }
        }
        receipts.retain(|key, _| !twice.contains(key));
        receipts
    }

    /// How its clock stands to that of another file, by what both have read ahead; the offset is the median.
    fn offset_to(&self, other: &Self) -> Option<ClockOffset> {
        let (own, others) = (self.receipts(), other.receipts());
        let mut differences: Vec<i64> =
            own.iter().filter_map(|(key, ts)| others.get(key).map(|at| ts - at)).collect();
        differences.sort_unstable();
        let offset_ns = *differences.get(differences.len() / 2)?;
        let mut spreads: Vec<i64> = differences.iter().map(|each| (each - offset_ns).abs()).collect();
        spreads.sort_unstable();
        Some(ClockOffset {
            file: self.lines.name().to_owned(),
            other: other.lines.name().to_owned(),
            equal: differences.len() as u64,
            offset_ns,
            spread_ns: spreads[spreads.len() / 2],
            moved: differences.len() >= ENOUGH && offset_ns.abs() >= CLOCK_NS,
        })
    }
}

/// A number for a message that no other one shares, but by an accident that never happens.
fn key(frame: &[u8]) -> u64 {
    const DATA: &[u8] = b"\"data\":";
    let message = match memchr::memmem::find(&frame[..frame.len().min(256)], DATA) {
        Some(at) if frame.starts_with(b"{\"stream\"") => frame[at + DATA.len()..].strip_suffix(b"}"),
        _ => None,
    };
    let mut hasher = DefaultHasher::new();
    // Who parsed a frame and wrote it anew may have put spaces in.
    message.unwrap_or(frame).split(|byte| *byte == b' ').for_each(|part| hasher.write(part));
    hasher.finish()
}

/// Messages that were handed out lately, and of which file each was.
#[derive(Default)]
struct Memory {
    places: HashMap<u64, usize>,
    order: VecDeque<(u64, i64)>,
}

impl Memory {
    /// Whether another file had the message; if not, this one has it from here on, where others are near.
    fn is_known(&mut self, key: u64, place: usize, ts: i64, is_near: bool) -> bool {
        while self.order.len() > MEMORY || self.order.front().is_some_and(|(_, at)| ts - at > MEMORY_NS) {
            if let Some((key, _)) = self.order.pop_front() {
                self.places.remove(&key);
            }
        }
        match self.places.get(&key) {
            Some(had) => *had != place,
            None if is_near => {
                self.places.insert(key, place);
                self.order.push_back((key, ts));
                false
            }
            None => {
                // What comes this long after the others ended is in none of them.
                if self.order.back().is_none_or(|(_, at)| ts - at > MARGIN_NS) {
                    *self = Self::default();
                }
                false
            }
        }
    }
}

/// Capture files of one instrument as one stream of lines.
#[derive(Default)]
pub(super) struct Recordings {
    /// Not begun, the first to begin at the end; with the receipts of their first lines.
    waiting: Vec<(i64, Open)>,
    open: Vec<Open>,
    memory: Memory,
    /// When the line handed out last counts as received.
    last: i64,
    is_sorted: bool,
    /// Files that overlap, in order of joining.
    pub(super) clocks: Vec<ClockOffset>,
}

/// A line of a file.
pub(super) struct Line<'a> {
    /// The place of its file among those given.
    pub(super) file: usize,
    pub(super) text: &'a [u8],
    pub(super) number: u64,
    /// What is added to its receive time, ns.
    pub(super) shift: i64,
    /// Whether another file had its message.
    pub(super) is_copy: bool,
}

impl Recordings {
    pub(super) fn new(inputs: Vec<Lines>) -> Self {
        let waiting = inputs.into_iter().enumerate().map(|(place, lines)| {
            let (ahead, last) = (VecDeque::new(), i64::MIN);
            (i64::MIN, Open { lines, place, ahead, bytes: 0, has_ended: false, shift: 0, last })
        });
        Self { waiting: waiting.rev().collect(), last: i64::MIN, ..Self::default() }
    }

    /// Calls `each` with the next line; `None` at the end of all files.
    ///
    /// # Errors
    /// [`PlacedError`] when a file breaks, or what `each` returns.
    pub(super) fn next_with<T>(
        &mut self,
        mut each: impl FnMut(&Line<'_>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, PlacedError> {
        if !self.is_sorted {
            self.sort()?;
        }
        loop {
            // The common case: nothing else is near.
            let limit = self.waiting.last().map_or(i64::MAX, |(begin, _)| begin.saturating_sub(MARGIN_NS));
            if let [only] = self.open.as_mut_slice()
                && only.ahead.is_empty()
                && self.memory.order.is_empty()
            {
                match only.read_until(limit, &mut each)? {
                    Some(made) => {
                        self.last = self.last.max(only.last.saturating_add(only.shift));
                        return Ok(Some(made));
                    }
                    None if self.waiting.is_empty() => return Ok(None),
                    None => {}
                }
            }
            if let Some(index) = self.next_index()? {
                if let Some(made) = self.hand_out(index, &mut each)? {
                    return Ok(Some(made));
                }
            } else if self.waiting.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Reads the first line of each file, which tells when it begins.
    fn sort(&mut self) -> Result<(), PlacedError> {
        if self.waiting.len() > 1 {
            for (begin, file) in &mut self.waiting {
                file.fetch()?;
                *begin = file.ahead.back().and_then(|line| line.ts).unwrap_or(i64::MIN);
            }
            self.waiting.sort_by_key(|(begin, file)| std::cmp::Reverse((*begin, file.place)));
        }
        if let Some((_, first)) = self.waiting.pop() {
            self.open.push(first);
        }
        self.is_sorted = true;
        Ok(())
    }

    /// The file whose line is next, once every file that may begin before has joined; `None` if none is open.
    fn next_index(&mut self) -> Result<Option<usize>, PlacedError> {
        for file in &mut self.open {
            file.have_one()?;
        }
        self.open.retain(|file| !file.ahead.is_empty());
        loop {
            let heads =
                self.open.iter().enumerate().filter_map(|(i, file)| Some((file.next_ts()?, file.place, i)));
            let next = heads.min();
            match (next, self.waiting.last()) {
                (Some((ts, _, index)), Some((begin, _))) if ts < begin.saturating_sub(MARGIN_NS) => {
                    return Ok(Some(index));
                }
                (_, Some(_)) => self.join()?,
                (next, None) => return Ok(next.map(|(_, _, index)| index)),
            }
        }
    }

    /// Takes the next file in and compares its clock with those that are being read.
    fn join(&mut self) -> Result<(), PlacedError> {
        let Some((_, mut file)) = self.waiting.pop() else { return Ok(()) };
        if !self.open.is_empty() {
            file.look_ahead()?;
            for other in &mut self.open {
                other.look_ahead()?;
            }
            let offsets = self.open.iter().filter_map(|other| file.offset_to(other));
            if let Some(offset) = offsets.max_by_key(|offset| offset.equal) {
                if offset.moved {
                    file.shift = -offset.offset_ns;
                }
                self.clocks.push(offset);
            }
        }
        self.open.push(file);
        Ok(())
    }

    /// Hands out the next line of a file.
    fn hand_out<T>(
        &mut self,
        index: usize,
        each: &mut impl FnMut(&Line<'_>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, PlacedError> {
        let limit = self.waiting.last().map_or(i64::MAX, |(begin, _)| begin.saturating_sub(MARGIN_NS));
        let is_near = self.open.len() > 1 || self.last >= limit;
        let file = &mut self.open[index];
        let Some(line) = file.ahead.pop_front() else { return Ok(None) };
        file.bytes -= line.text.len();
        let (mut shift, mut is_copy) = (file.shift, false);
        if let Some(ts) = line.ts {
            // What a clock that was moved put before lines handed out already counts as received with them; within
            // a file it is a fault, which is found where it is read.
            if ts >= file.last && ts.saturating_add(shift) < self.last {
                shift = self.last - ts;
            }
            file.last = ts;
            self.last = self.last.max(ts.saturating_add(shift));
            let place = file.place;
            is_copy = line.key.is_some_and(|key| self.memory.is_known(key, place, self.last, is_near));
        }
        let made = each(&Line { file: file.place, text: &line.text, number: line.number, shift, is_copy });
        made.map(Some).map_err(|error| PlacedError {
            source_name: self.open[index].lines.name().to_owned(),
            line: line.number,
            error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_723_075_200_000_000_000;

    /// What is handed out of some files, given as lines of milliseconds and a frame: times and frames.
    fn merged(files: &[&[(i64, &str)]]) -> (Vec<(i64, String)>, Recordings, usize) {
        let inputs = files.iter().enumerate().map(|(at, lines)| {
            let text: String =
                lines.iter().map(|(ms, frame)| format!("{} {frame}\n", START + ms * 1_000_000)).collect();
            Lines::new(format!("f{at}"), std::io::Cursor::new(text.into_bytes())).unwrap()
        });
        let mut recordings = Recordings::new(inputs.collect());
        let (mut out, mut copies) = (Vec::new(), 0);
        while let Some(line) = recordings
            .next_with(|line| {
                let (ts, frame) = receipt(line.text)?;
                if line.is_copy {
                    copies += 1;
                    return Ok(None);
                }
                let ms = (ts + line.shift - START) / 1_000_000;
                Ok(Some((ms, String::from_utf8_lossy(frame).into_owned())))
            })
            .unwrap()
        {
            out.extend(line);
        }
        (out, recordings, copies)
    }

    fn times(lines: &[(i64, String)]) -> Vec<i64> {
        lines.iter().map(|(ts, _)| *ts).collect()
    }

    #[test]
    fn files_that_follow_one_another_are_read_in_the_order_of_their_times() {
        let (first, second, third) =
            ([(1, "a"), (2, "b")], [(60_000, "c")], [(120_000, "d"), (120_000, "e")]);
        for files in [[&first[..], &second, &third], [&third, &first, &second]] {
            let (lines, recordings, copies) = merged(&files);
            assert_eq!(times(&lines), [1, 2, 60_000, 120_000, 120_000]);
            assert_eq!((copies, recordings.clocks.len()), (0, 0));
        }
        assert!(merged(&[&[], &[], &[]]).0.is_empty());
        assert!(merged(&[]).0.is_empty());
    }

    #[test]
    fn different_streams_are_merged_by_receive_time_and_equal_messages_count_as_received_first() {
        let one = [(10, "x1"), (20, "x2"), (31, "x3"), (40, "x4")];
        let two = [(12, "y1"), (19, r#"{"stream":"s", "data": x2}"#), (33, "x3"), (39, "x4"), (50, "y2")];
        let (lines, recordings, copies) = merged(&[&one, &two]);
        assert_eq!(times(&lines), [10, 12, 19, 31, 39, 50]);
        assert_eq!(copies, 3);
        let [clock] = &recordings.clocks[..] else { panic!("{:?}", recordings.clocks) };
        assert_eq!((clock.equal, clock.offset_ns, clock.moved), (3, -1_000_000, false));
        // Of one file nothing is left out.
        assert_eq!(merged(&[&[(1, "a"), (1, "a")]]).0.len(), 2);
    }

    #[test]
    fn a_clock_that_is_off_is_found_by_what_both_hold_and_brought_back() {
        for off in [-2_500, 2_500, 700, 9_000] {
            let names: Vec<String> = (0..400).map(|at| format!("m{at}")).collect();
            let one: Vec<(i64, &str)> = (0..400)
                .filter(|at| at % 50 != 7)
                .map(|at| (20_000 + at * 100, &*names[at as usize]))
                .collect();
            let late = |at: i64| if at % 10 == 3 { 400 } else { at % 3 };
            let mut two: Vec<(i64, &str)> =
                (30..400).map(|at| (20_000 + at * 100 + off + late(at), &*names[at as usize])).collect();
            two.sort_unstable();
            let (lines, recordings, _) = merged(&[&one, &two]);
            let [clock] = &recordings.clocks[..] else { panic!("{:?}", recordings.clocks) };
            assert!(clock.moved && (clock.offset_ns / 1_000_000 - off).abs() <= 1, "{clock:?}");
            assert!(clock.spread_ns <= 1_000_000, "{clock:?}");
            // What the first one lost is there, where it belongs.
            let held: HashSet<&str> = lines.iter().map(|(_, frame)| frame.as_str()).collect();
            assert_eq!(held.len(), 400 - 1, "{off}");
            assert_eq!(lines.len(), 400 - 1);
            let times = times(&lines);
            assert!(times.is_sorted());
            let at =
                |frame: &str| lines.iter().position(|(_, each)| each == frame).map(|row| times[row]).unwrap();
            assert!((at("m57") - 25_700).abs() <= 2, "{off}: {}", at("m57"));
        }
    }

    #[test]
    fn a_line_that_is_none_is_said_to_be_where_it_stands() {
        let texts = ["1723075201 a\nrubbish\n1723075203 c\n", "1723075202 b\n"];
        let inputs = texts.iter().enumerate().map(|(at, text)| {
            Lines::new(format!("f{at}"), std::io::Cursor::new(text.as_bytes().to_vec())).unwrap()
        });
        let mut recordings = Recordings::new(inputs.collect());
        let mut read =
            || recordings.next_with(|line| receipt(line.text).map(|(ts, _)| (ts - START) / 1_000_000_000));
        assert_eq!(read(), Ok(Some(1)));
        let error = read().unwrap_err().to_string();
        assert!(error.starts_with("f0:2: line: \"rubbish\" is not a receive time"), "{error}");
        assert_eq!([read(), read(), read()], [Ok(Some(2)), Ok(Some(3)), Ok(None)]);
    }
}
