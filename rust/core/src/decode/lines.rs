//! Lines of a possibly compressed stream, in bounded memory.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use flate2::bufread::MultiGzDecoder;

use super::error::{DecodeError, PlacedError};
use super::text::Utf8;

/// Longest line that is taken for one: the deepest snapshots have half a megabyte.
const MAX_LINE: usize = 8 << 20;
/// What there is too much of then.
pub(super) const BYTES_IN_LINE: &str = "bytes in a line";
/// Size of the pieces a background thread inflates ahead.
const PIECE: usize = 1 << 18;
/// Pieces it may be ahead.
const AHEAD: usize = 8;

/// Numbered lines of a named stream.
pub struct Lines {
    name: String,
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// Lines of `input` in UTF-8, inflated on a thread of its own if it is gzip.
    ///
    /// # Errors
    /// [`PlacedError`] when the first bytes cannot be read.
    pub fn new(name: String, input: impl Read + Send + 'static) -> Result<Self, PlacedError> {
        let (mut input, mut head) = (input, Vec::new());
        // A pipe may hand out its first byte alone.
        input.by_ref().take(2).read_to_end(&mut head).map_err(|e| PlacedError {
            source_name: name.clone(),
            line: 1,
            error: DecodeError::Io(e.to_string()),
        })?;
        let is_gzip = head == [0x1f, 0x8b];
        let input = std::io::Cursor::new(head).chain(input);
        let input: Box<dyn BufRead + Send> = if is_gzip {
            let packed = BufReader::with_capacity(PIECE, input);
            Box::new(Ahead::new(Utf8::new(MultiGzDecoder::new(packed))))
        } else {
            Box::new(BufReader::with_capacity(PIECE, Utf8::new(input)))
        };
        Ok(Self { name, input, line: Vec::new(), number: 0 })
    }

    /// The first bytes that are left, at most so many. They stay to be read, and so does an error behind them.
    pub(super) fn look(&mut self, most: usize) -> Arc<[u8]> {
        let mut head = Vec::new();
        let result = (&mut self.input).take(most as u64).read_to_end(&mut head);
        let head: Arc<[u8]> = head.into();
        let rest = std::mem::replace(&mut self.input, Box::new(std::io::empty()));
        let seen = std::io::Cursor::new(Arc::clone(&head));
        self.input = match result {
            Ok(_) => Box::new(seen.chain(rest)),
            Err(error) => Box::new(BufReader::new(seen.chain(Broken(Some(error))))),
        };
        head
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
        let (name, line) = (&self.name, self.number + 1);
        self.input.fill_buf().map_err(|error| PlacedError {
            source_name: name.clone(),
            line,
            error: io_error(&error),
        })
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
        let place = |number, error| PlacedError { source_name: self.name.clone(), line: number, error };
        // The common case: the whole line lies in the buffer.
        let buffer = match self.input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) => return Err(place(self.number, io_error(&error))),
        };
        if buffer.is_empty() {
            return Ok(None);
        }
        if let Some(end) = memchr::memchr(b'\n', buffer) {
            let result = each(trim(&buffer[..end]));
            self.input.consume(end + 1);
            return result.map(Some).map_err(|error| place(self.number, error));
        }
        self.line.clear();
        let mut limited = (&mut self.input).take(MAX_LINE as u64);
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
        std::io::ErrorKind::UnexpectedEof => "the gzip stream is cut off".into(),
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

impl Ahead {
    fn new(mut input: impl Read + Send + 'static) -> Self {
        let (full_out, full_in) = sync_channel(AHEAD);
        let (spent_out, spent_in) = sync_channel::<Vec<u8>>(AHEAD + 2);
        std::thread::spawn(move || {
            loop {
                let mut piece = spent_in.try_recv().unwrap_or_default();
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
                // What came before an error is still delivered, so that the error's place is right.
                let more = filled == PIECE && result.is_ok();
                if filled > 0 && full_out.send(Ok(piece)).is_err() {
                    return;
                }
                if let Err(error) = result {
                    // The reader may be gone; there is nobody to tell then.
                    let _ = full_out.send(Err(error));
                }
                if !more {
                    return;
                }
            }
        });
        Self { pieces: full_in, spent: spent_out, piece: Vec::new(), at: 0 }
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
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn all(bytes: Vec<u8>) -> Result<Vec<String>, PlacedError> {
        let mut lines = Lines::new("file".into(), std::io::Cursor::new(bytes))?;
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
            let mut lines = Lines::new("file".into(), std::io::Cursor::new(bytes)).unwrap();
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
        let mut lines = Lines::new("file".into(), std::io::Cursor::new(cut)).unwrap();
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
            let mut lines =
                Lines::new("file".into(), std::io::Cursor::new(b"one\ntwo\nthree".to_vec())).unwrap();
            assert_eq!(*lines.look(most), b"one\ntwo\nthree"[..most.min(13)]);
            let read: Vec<_> =
                std::iter::from_fn(|| lines.next_with(|line| Ok(line.to_vec())).unwrap()).collect();
            assert_eq!(read, [&b"one"[..], b"two", b"three"]);
        }
    }

    #[test]
    fn gzip_is_told_by_its_first_bytes_however_they_arrive() {
        let bytes = gzip(b"a\nb\n");
        let (first, rest) =
            (std::io::Cursor::new(bytes[..1].to_vec()), std::io::Cursor::new(bytes[1..].to_vec()));
        let mut lines = Lines::new("pipe".into(), first.chain(rest)).unwrap();
        assert_eq!(lines.next_with(|line| Ok(line.to_vec())), Ok(Some(b"a".to_vec())));
        assert_eq!(all(bytes[..1].to_vec()).unwrap(), ["\u{1f}"]);
    }
}
