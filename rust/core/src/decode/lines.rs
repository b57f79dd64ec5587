//! Lines of a possibly packed stream, in bounded memory.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::error::{DecodeError, PlacedError};
use super::packed::{Member, Packing, members, packing_of, unpack};
use super::text::Utf8;

/// Longest line that is taken for one: the deepest snapshots have half a megabyte.
const MAX_LINE: usize = 8 << 20;
/// What there is too much of then.
pub(super) const BYTES_IN_LINE: &str = "bytes in a line";
/// Size of the pieces a background thread inflates ahead.
const PIECE: usize = 1 << 18;
/// Pieces it may be ahead.
const AHEAD: usize = 8;

/// The bytes of a file.
pub trait FileBytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> FileBytes for T {}

/// Opens a file, as often as it is asked to.
pub type OpenFile = Arc<dyn Fn() -> std::io::Result<Box<dyn FileBytes>> + Send + Sync>;

/// Numbered lines of a named stream.
pub struct Lines {
    name: String,
    /// Where they come from, if that can be opened again.
    source: Option<Source>,
    /// Open since the first line was asked for: a thousand files may wait for their turn.
    input: Option<Box<dyn BufRead + Send>>,
    line: Vec<u8>,
    number: u64,
}

/// A file, or the member of the zip archive that it is.
#[derive(Clone)]
struct Source {
    open: OpenFile,
    member: Option<Member>,
}

impl Source {
    fn read(&self) -> std::io::Result<Box<dyn BufRead + Send>> {
        let file = (self.open)()?;
        match self.member.clone() {
            None => buffered(Box::new(file)),
            Some(member) => Ok(Box::new(Ahead::new(move |pieces| {
                member.read(file, |input| pieces.fill(&mut Utf8::new(input)))
            }))),
        }
    }
}

/// A stream in UTF-8 behind a buffer, unpacked on a thread of its own if it is packed.
fn buffered(input: Box<dyn Read + Send>) -> std::io::Result<Box<dyn BufRead + Send>> {
    let (packing, input) = packing_of(input)?;
    Ok(match packing {
        Packing::Plain => Box::new(BufReader::with_capacity(PIECE, Utf8::new(input))),
        _ => Box::new(Ahead::new(move |pieces| pieces.fill(&mut Utf8::new(unpack(input)?)))),
    })
}

impl Lines {
    /// Lines of `input` in UTF-8, unpacked on a thread of its own if it is packed.
    ///
    /// # Errors
    /// [`PlacedError`] when the first bytes cannot be read.
    pub fn new(name: String, input: impl Read + Send + 'static) -> Result<Self, PlacedError> {
        match buffered(Box::new(input)) {
            Ok(input) => Ok(Self { name, source: None, input: Some(input), line: Vec::new(), number: 0 }),
            Err(error) => Err(PlacedError { source_name: name, line: 1, error: io_error(&error) }),
        }
    }

    /// The streams of a file: itself, or the members of the zip archive that it is, in its order and named
    /// `archive.zip/member.csv`. A stream is opened when its first line is asked for.
    ///
    /// # Errors
    /// [`PlacedError`] when the file cannot be opened, or is an archive that holds no data.
    pub fn of_file(name: &str, open: &OpenFile) -> Result<Vec<Self>, PlacedError> {
        let fail =
            |problem: DecodeError| PlacedError { source_name: name.to_owned(), line: 1, error: problem };
        let mut file = open().map_err(|e| fail(DecodeError::Io(format!("cannot be opened: {e}"))))?;
        let mut head = Vec::new();
        file.by_ref().take(4).read_to_end(&mut head).map_err(|e| fail(io_error(&e)))?;
        let lines = |name: String, member: Option<Member>| Self {
            name,
            source: Some(Source { open: Arc::clone(open), member }),
            input: None,
            line: Vec::new(),
            number: 0,
        };
        if Packing::of(&head) != Packing::Zip {
            return Ok(vec![lines(name.to_owned(), None)]);
        }
        let members =
            file.seek(SeekFrom::Start(0)).and_then(|_| members(&mut file)).map_err(|e| fail(io_error(&e)))?;
        Ok(members.into_iter().map(|member| lines(format!("{name}/{}", member.name), Some(member))).collect())
    }

    /// Closes a file, so that many can be looked at before one is read: it is read from its first line then. `false` for
    /// any other stream, which goes on where it is.
    pub fn rewind(&mut self) -> bool {
        if self.source.is_some() {
            self.input = None;
            self.number = 0;
        }
        self.source.is_some()
    }

    /// The first bytes that are left, at most so many. They stay to be read, and so does an error behind them.
    pub(super) fn look(&mut self, most: usize) -> Arc<[u8]> {
        let mut head = Vec::new();
        let Ok(input) = self.opened() else { return head.into() };
        let result = input.take(most as u64).read_to_end(&mut head);
        let head: Arc<[u8]> = head.into();
        let rest = std::mem::replace(input, Box::new(std::io::empty()));
        let seen = std::io::Cursor::new(Arc::clone(&head));
        *input = match result {
            Ok(_) => Box::new(seen.chain(rest)),
            Err(error) => Box::new(BufReader::new(seen.chain(Broken(Some(error))))),
        };
        head
    }

    /// The stream, opened if it is not.
    fn opened(&mut self) -> std::io::Result<&mut Box<dyn BufRead + Send>> {
        match (&mut self.input, &self.source) {
            (Some(input), _) => Ok(input),
            (empty, Some(source)) => Ok(empty.insert(source.read()?)),
            (empty, None) => Ok(empty.insert(Box::new(std::io::empty()))),
        }
    }

    /// Name of the stream.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of the line read last, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What lies in memory of what follows, as much as a whole row at least if there is as much.
    ///
    /// # Errors
    /// [`PlacedError`] when the stream breaks.
    pub(super) fn ahead(&mut self) -> Result<&[u8], PlacedError> {
        let (name, line) = (self.name.clone(), self.number + 1);
        let ahead = self.opened().and_then(|input| input.fill_buf());
        ahead.map_err(|error| PlacedError { source_name: name, line, error: io_error(&error) })
    }

    /// An error at the line read last.
    pub fn error(&self, error: DecodeError) -> PlacedError {
        PlacedError { source_name: self.name.clone(), line: self.number.max(1), error }
    }

    /// Calls `each` with the next line, without its end; `None` at the end of the stream.
    ///
    /// # Errors
    /// [`PlacedError`] when the stream breaks, or what `each` returns.
    pub fn next_with<T>(
        &mut self,
        each: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, PlacedError> {
        self.number += 1;
        if let Err(error) = self.opened() {
            let error = io_error(&error);
            return Err(PlacedError { source_name: self.name.clone(), line: self.number, error });
        }
        let place = |number, error| PlacedError { source_name: self.name.clone(), line: number, error };
        let Some(input) = &mut self.input else { return Ok(None) };
        // The common case: the whole line lies in the buffer.
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) => return Err(place(self.number, io_error(&error))),
        };
        if buffer.is_empty() {
            return Ok(None);
        }
        if let Some(end) = memchr::memchr(b'\n', buffer) {
            let result = each(trim(&buffer[..end]));
            input.consume(end + 1);
            return result.map(Some).map_err(|error| place(self.number, error));
        }
        self.line.clear();
        let mut limited = input.take(MAX_LINE as u64);
        if let Err(error) = limited.read_until(b'\n', &mut self.line) {
            return Err(place(self.number, io_error(&error)));
        }
        if self.line.len() == MAX_LINE {
            let error = DecodeError::TooMany { what: BYTES_IN_LINE, limit: MAX_LINE };
            return Err(place(self.number, error));
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        each(trim(&self.line)).map(Some).map_err(|error| place(self.number, error))
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn io_error(error: &std::io::Error) -> DecodeError {
    DecodeError::Io(match error.kind() {
        // In words already.
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData => error.to_string(),
        _ => format!("cannot be read: {error}"),
    })
}

/// A stream that breaks.
struct Broken(Option<std::io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Reads a stream ahead on a thread.
struct Ahead {
    pieces: Receiver<std::io::Result<Vec<u8>>>,
    spent: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

/// Where the thread puts what it has read.
struct Pieces {
    full: SyncSender<std::io::Result<Vec<u8>>>,
    spent: Receiver<Vec<u8>>,
}

impl Pieces {
    /// Passes on all of a stream, or as long as somebody wants it. What came before an error is delivered, so that the
    /// error's place is right.
    fn fill(&self, input: &mut dyn Read) -> std::io::Result<()> {
        loop {
            let mut piece = self.spent.try_recv().unwrap_or_default();
            piece.resize(PIECE, 0);
            let mut filled = 0;
            let result = loop {
                match input.read(&mut piece[filled..]) {
                    Ok(0) => break Ok(()),
                    Ok(n) => {
                        filled += n;
                        if filled == PIECE {
                            break Ok(());
                        }
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) => break Err(e),
                }
            };
            piece.truncate(filled);
            let is_wanted = filled == 0 || self.full.send(Ok(piece)).is_ok();
            result?;
            if filled < PIECE || !is_wanted {
                return Ok(());
            }
        }
    }
}

impl Ahead {
    fn new(read: impl FnOnce(&Pieces) -> std::io::Result<()> + Send + 'static) -> Self {
        let (full, pieces) = sync_channel(AHEAD);
        let (spent, spent_in) = sync_channel(AHEAD + 2);
        std::thread::spawn(move || {
            let pieces = Pieces { full, spent: spent_in };
            if let Err(error) = read(&pieces) {
                // The reader may be gone; there is nobody to tell then.
                let _ = pieces.full.send(Err(error));
            }
        });
        Self { pieces, spent, piece: Vec::new(), at: 0 }
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.at == self.piece.len()
            && let Ok(piece) = self.pieces.recv()
        {
            let spent = std::mem::replace(&mut self.piece, piece?);
            // A full channel only means that the memory is freed instead of reused.
            let _ = self.spent.try_send(spent);
            self.at = 0;
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::packed::tests::gzip;
    use super::*;

    fn all(bytes: Vec<u8>) -> Result<Vec<String>, PlacedError> {
        let mut lines = Lines::new("file".into(), Cursor::new(bytes))?;
        let mut out = Vec::new();
        while let Some(line) = lines.next_with(|l| Ok(String::from_utf8_lossy(l).into_owned()))? {
            out.push(line);
        }
        Ok(out)
    }

    #[test]
    fn plain_and_gzip_give_the_same_lines() {
        let text: String = (0..60_000).map(|i| format!("line {i} {}\r\n", "x".repeat(i % 50))).collect();
        let plain = all(text.clone().into_bytes()).unwrap();
        assert_eq!(plain.len(), 60_000);
        assert_eq!(all(gzip(text.as_bytes())).unwrap(), plain);
        // Several gzip members after one another are one stream.
        let mut twice = gzip(b"a\nb\n");
        twice.extend(gzip(b"c"));
        assert_eq!(all(twice).unwrap(), ["a", "b", "c"]);
        assert!(all(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn a_line_without_an_end_is_an_error_and_not_read_to_its_end() {
        let text = [b"first\n".to_vec(), vec![b'x'; 2 * MAX_LINE]].concat();
        for bytes in [gzip(&text), text] {
            let mut lines = Lines::new("file".into(), Cursor::new(bytes)).unwrap();
            assert_eq!(lines.next_with(|line| Ok(line.len())), Ok(Some(5)));
            let error = lines.next_with(|_| Ok(())).unwrap_err();
            assert_eq!(error.to_string(), "file:2: more than 8388608 bytes in a line");
            assert!(lines.line.capacity() <= 2 * MAX_LINE);
        }
    }

    #[test]
    fn a_cut_gzip_is_an_error_at_its_line() {
        let text: String = (0..50_000).map(|i| format!("{i} {}\n", i * 7919)).collect();
        let whole = gzip(text.as_bytes());
        let cut = whole[..whole.len() / 2].to_vec();
        let error = all(cut.clone()).unwrap_err();
        assert!(error.line > 1_000, "{error}");
        // It is the same after a look at what is there.
        let mut lines = Lines::new("file".into(), Cursor::new(cut)).unwrap();
        let head = lines.look(usize::MAX);
        assert!(head.starts_with(b"0 0\n1 7919\n"));
        while error.line > lines.number() + 1 {
            lines.next_with(|_| Ok(())).unwrap();
        }
        assert_eq!(lines.next_with(|_| Ok(())).unwrap_err(), error);
        assert!(error.to_string().contains("cut off"), "{error}");
    }

    #[test]
    fn what_was_looked_at_stays() {
        for most in [0, 3, 7, 100] {
            let mut lines = Lines::new("file".into(), Cursor::new(b"one\ntwo\nthree".to_vec())).unwrap();
            assert_eq!(*lines.look(most), b"one\ntwo\nthree"[..most.min(13)]);
            let read: Vec<_> =
                std::iter::from_fn(|| lines.next_with(|line| Ok(line.to_vec())).unwrap()).collect();
            assert_eq!(read, [&b"one"[..], b"two", b"three"]);
        }
    }

    #[test]
    fn gzip_is_told_by_its_first_bytes_however_they_arrive() {
        let bytes = gzip(b"a\nb\n");
        let (first, rest) = (Cursor::new(bytes[..1].to_vec()), Cursor::new(bytes[1..].to_vec()));
        let mut lines = Lines::new("pipe".into(), first.chain(rest)).unwrap();
        assert_eq!(lines.next_with(|line| Ok(line.to_vec())), Ok(Some(b"a".to_vec())));
        assert_eq!(all(bytes[..1].to_vec()).unwrap(), ["\u{1f}"]);
    }
}
