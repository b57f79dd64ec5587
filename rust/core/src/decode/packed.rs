//! Packed bytes: what they are packed with is told by how they begin, never by a name.
//!
//! gzip, zstd and xz streams, also several after one another, and the members of zip archives, which may hold packed
//! streams in turn. Everything is unpacked as it is read, in bounded memory and never to a disk.

use std::io::{BufRead, BufReader, Cursor, Error, ErrorKind, Read, Result, Seek};

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// Bytes that tell what a stream is.
const HEAD: usize = 24;
/// Memory that xz may take for its dictionary: the most that its own levels need is 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;
/// Streams packed into one another at most.
const MAX_NESTED: usize = 3;
/// Bytes asked for at a time.
const PIECE: usize = 1 << 18;
/// Names of members that hold data, by how they end; also of packed ones.
const DATA: [&str; 9] = ["csv", "tsv", "txt", "json", "jsonl", "ndjson", "data", "dat", "log"];
const PACKED: [&str; 3] = [".gz", ".zst", ".xz"];

/// Unpacks a gzip file that is small enough for memory.
///
/// # Errors
/// For bytes that are none, or that were cut.
pub fn gunzip(packed: &[u8]) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    Gzip::new(packed).read_to_end(&mut plain)?;
    Ok(plain)
}

/// What a stream is packed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Zip,
}

impl Packing {
    /// Told by the first bytes.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // With a member, or with the end of an empty list.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ => Self::Plain,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Zip => "zip",
        }
    }
}

/// What a stream begins with that is known and not read, and why not.
fn foreign(head: &[u8]) -> Option<String> {
    let packed = |name| {
        format!("is packed with {name}, which is not read; unpack it, or pack it with gzip, zip, zstd or xz")
    };
    let stored = |name| format!("is {name}, which is not read; write it as CSV or Parquet");
    Some(match head {
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', ..] => packed("bzip2"),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => packed("7-Zip"),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => packed("RAR"),
        [4, 0x22, 0x4d, 0x18, ..] => packed("LZ4"),
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, ..] => stored("a workbook of Excel"),
        [0x89, b'H', b'D', b'F', b'\r', b'\n', ..] => stored("a file of HDF5"),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => stored("a file of Arrow (Feather)"),
        [b'S', b'Q', b'L', b'i', b't', b'e', ..] => stored("a database of SQLite"),
        _ if head.starts_with(b"version https://git-lfs") => {
            "is a pointer of Git LFS and not the file itself; fetch that with git lfs pull".to_owned()
        }
        // Columns of tables may be called <DATE>.
        _ if [&b"<?xml"[..], b"<!doctype", b"<html"].iter().any(|begin| begins_with(head, begin)) => {
            "is a page of HTML or XML, such as a server answers with in place of a file; download it anew"
                .to_owned()
        }
        _ => return None,
    })
}

fn begins_with(head: &[u8], word: &[u8]) -> bool {
    head.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

fn broken(problem: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidData, problem.into())
}

/// What a stream is packed with, and the stream, whole.
pub(super) fn packing_of<'a>(
    mut input: Box<dyn Read + Send + 'a>,
) -> Result<(Packing, Box<dyn Read + Send + 'a>)> {
    let mut head = Vec::with_capacity(HEAD);
    // A pipe may hand out its first byte alone.
    input.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    if let Some(problem) = foreign(&head) {
        return Err(broken(problem));
    }
    Ok((Packing::of(&head), Box::new(Cursor::new(head).chain(input))))
}

/// The plain bytes of a stream.
pub(super) fn unpack<'a>(input: Box<dyn Read + Send + 'a>) -> Result<Box<dyn Read + Send + 'a>> {
    let (mut packing, mut input) = packing_of(input)?;
    for _ in 0..MAX_NESTED {
        let bytes = match packing {
            Packing::Plain => return Ok(input),
            _ => BufReader::with_capacity(PIECE, input),
        };
        let inner: Box<dyn Read + Send + 'a> = match packing {
            Packing::Gzip => Box::new(Gzip::new(bytes)),
            Packing::Zstd => Box::new(zstd::Decoder::with_buffer(bytes)?),
            Packing::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED).map_err(Error::from)?;
                Box::new(XzDecoder::new_stream(bytes, stream))
            }
            Packing::Zip | Packing::Plain => {
                return Err(broken("a zip archive inside of another stream is not read; unpack it"));
            }
        };
        (packing, input) = packing_of(Box::new(InWords { inner, packing }))?;
    }
    match packing {
        Packing::Plain => Ok(input),
        _ => Err(broken(format!("is packed more than {MAX_NESTED} times over"))),
    }
}

/// gzip streams after one another. Zero bytes behind one are padding: tapes and disks fill their last block with them.
struct Gzip<R> {
    /// The stream that is being read; none at the end.
    stream: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    fn new(input: R) -> Self {
        Self { stream: Some(GzDecoder::new(input)) }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while let Some(stream) = &mut self.stream {
            let read = stream.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let is_another_behind = skip_padding(stream.get_mut())?;
            let ended = self.stream.take().filter(|_| is_another_behind);
            self.stream = ended.map(|ended| GzDecoder::new(ended.into_inner()));
        }
        Ok(0)
    }
}

/// Steps over zero bytes; whether another gzip stream is behind them.
fn skip_padding(input: &mut impl BufRead) -> Result<bool> {
    loop {
        let bytes = input.fill_buf()?;
        let (padding, length) = (bytes.iter().take_while(|byte| **byte == 0).count(), bytes.len());
        let behind = bytes.get(padding).copied();
        input.consume(padding);
        match behind {
            Some(0x1f) => return Ok(true),
            Some(_) => return Err(broken("what is behind the gzip stream is none, and no padding")),
            None if length == 0 => return Ok(false),
            None => {}
        }
    }
}

/// Says what is wrong with a packed stream in words.
struct InWords<R> {
    inner: R,
    packing: Packing,
}

impl<R: Read> Read for InWords<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let name = self.packing.name();
        self.inner.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            // What its decoder finds damaged is of another kind: this is said in words already.
            ErrorKind::InvalidData if self.packing == Packing::Gzip => error,
            ErrorKind::UnexpectedEof => Error::new(error.kind(), format!("the {name} stream is cut off")),
            _ => broken(format!("cannot be read: the {name} stream is damaged: {error}")),
        })
    }
}

/// A file in a zip archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its path in the archive.
    pub(super) name: String,
    index: usize,
}

fn archive<R: Read + Seek>(file: R) -> Result<ZipArchive<BufReader<R>>> {
    ZipArchive::new(BufReader::with_capacity(PIECE, file)).map_err(|error| damaged(&error))
}

fn damaged(error: &ZipError) -> Error {
    broken(format!("the zip archive is cut off or damaged: {error}"))
}

/// The members of an archive that hold data, in the archive's order: the only one it has, or those with an extension
/// of data.
pub(super) fn members(file: impl Read + Seek) -> Result<Vec<Member>> {
    let archive = archive(file)?;
    let mut all = Vec::new();
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).transpose().map_err(|error| damaged(&error))?;
        if let Some(name) = name.filter(|name| is_file(name)) {
            all.push(Member { name: name.into_owned(), index });
        }
    }
    if all.is_empty() {
        return Err(broken("the zip archive holds no file"));
    }
    if all.len() > 1 {
        let names = all.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
        all.retain(|member| is_data(&member.name));
        if all.is_empty() {
            return Err(broken(format!("no member of the zip archive is a table or a recording: {names}")));
        }
    }
    Ok(all)
}

/// What a method is called that is not read.
const fn name_of(method: CompressionMethod) -> &'static str {
    match method {
        CompressionMethod::DEFLATE64 => "deflate64",
        CompressionMethod::BZIP2 => "bzip2",
        CompressionMethod::LZMA => "LZMA",
        CompressionMethod::ZSTD => "zstd",
        CompressionMethod::XZ => "xz",
        _ => "another method than deflate",
    }
}

fn is_file(name: &str) -> bool {
    let is_hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
    !is_hidden && !name.ends_with('/')
}

fn is_data(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let bare = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let file = bare.rsplit('/').next().unwrap_or(bare);
    file.rsplit_once('.').is_none_or(|(_, end)| DATA.contains(&end))
}

impl Member {
    /// Calls `each` with what the member unpacks to.
    pub(super) fn read<T>(
        &self,
        file: impl Read + Seek + Send,
        each: impl FnOnce(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        let mut archive = archive(file)?;
        let unread = |error| broken(format!("cannot be read in the zip archive: {error}"));
        let method = archive.by_index_raw(self.index).map_err(unread)?.compression();
        if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(broken(format!(
                "is packed in the zip archive with {}, which is not read; unpack it, or pack it with deflate",
                name_of(method)
            )));
        }
        let member = archive.by_index(self.index).map_err(unread)?;
        each(&mut unpack(Box::new(InWords { inner: member, packing: Packing::Zip }))?)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;
    use std::result::Result;
    use std::sync::Arc;

    use ::zip::write::SimpleFileOptions;

    use super::*;
    use crate::decode::error::PlacedError;
    use crate::decode::lines::{Lines, OpenFile};

    pub(in crate::decode) fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ::zstd::encode_all(text, 1).unwrap()
    }

    fn xz(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        liblzma::read::XzEncoder::new(text, 1).read_to_end(&mut out).unwrap();
        out
    }

    /// An archive of members, deflated but for those whose name ends in `.stored`.
    fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in members {
            let is_stored = name.ends_with(".stored");
            let method = if is_stored { CompressionMethod::Stored } else { CompressionMethod::Deflated };
            archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            archive.write_all(text).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn open(bytes: &[u8]) -> Result<Vec<Lines>, PlacedError> {
        let bytes: Arc<[u8]> = bytes.into();
        let open: OpenFile = Arc::new(move || Ok(Box::new(Cursor::new(Arc::clone(&bytes)))));
        Lines::of_file("file", &open)
    }

    /// Every line behind the name of its stream, or the error.
    fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        for mut lines in open(bytes).map_err(|e| e.to_string())? {
            let name = lines.name().to_owned();
            let line = |line: &[u8]| Ok(format!("{name}:{}", String::from_utf8_lossy(line)));
            while let Some(line) = lines.next_with(line).map_err(|e| e.to_string())? {
                out.push(line);
            }
        }
        Ok(out)
    }

    #[test]
    fn a_packing_is_told_by_the_first_bytes_and_may_be_repeated() {
        let text: &[u8] = b"a,1\nb,2\n";
        let lines = Ok(vec!["file:a,1".to_owned(), "file:b,2".into()]);
        for pack in [gzip, zstd, xz] {
            assert_eq!(read(&pack(text)), lines);
            assert_eq!(
                read(&[pack(b"a,1\n"), pack(b"b,2\n")].concat()),
                lines,
                "two streams after one another"
            );
            assert_eq!(read(&gzip(&pack(text))), lines);
        }
        assert_eq!(read(text), lines);
        let often = gzip(&gzip(&gzip(&gzip(&gzip(text)))));
        assert!(read(&often).unwrap_err().contains("more than 3 times over"));
    }

    #[test]
    fn zero_bytes_behind_gzip_are_padding_and_anything_else_is_not() {
        let (one, two) = (gzip(b"1\n"), gzip(b"2\n"));
        // More than is asked for at a time.
        for padding in [1, 511, PIECE + 7] {
            let zeros = vec![0; padding];
            assert_eq!(read(&[&one[..], &zeros].concat()).unwrap(), ["file:1"]);
            let both = [&one[..], &zeros, &two, &zeros].concat();
            assert_eq!(read(&both).unwrap(), ["file:1", "file:2"]);
            assert_eq!(gunzip(&both).unwrap(), b"1\n2\n");
            for behind in [&b"3,4\n"[..], b"\n", b"<html>"] {
                let error = read(&[&one[..], &zeros, behind].concat()).unwrap_err();
                let told = "what is behind the gzip stream is none, and no padding";
                assert!(error.ends_with(told), "{error}");
            }
        }
        let error = read(&[&one[..], &two[..two.len() - 1]].concat()).unwrap_err();
        assert!(error.ends_with("the gzip stream is cut off"), "{error}");
        let error = read(&[&one[..], b"\x1fjunk"].concat()).unwrap_err();
        assert!(error.contains("the gzip stream is"), "{error}");
    }

    #[test]
    fn members_of_an_archive_are_streams_of_their_own() {
        let packed = gzip(b"3\n");
        let bytes = zip(&[
            ("b.csv", b"1\n2\n"),
            ("__MACOSX/b.csv", b"junk"),
            ("folder/", b""),
            ("LICENSE.md", b"words"),
            ("folder/a.csv.gz", &packed),
        ]);
        let expected = ["file/b.csv:1", "file/b.csv:2", "file/folder/a.csv.gz:3"];
        assert_eq!(read(&bytes).unwrap(), expected);
        // A name does not matter where it is the only one.
        assert_eq!(read(&zip(&[("x.stored", b"1\n")])).unwrap(), ["file/x.stored:1"]);
        assert!(read(&zip(&[])).unwrap_err().ends_with("the zip archive holds no file"));
        let error = read(&zip(&[("a.png", b"1"), ("b.pdf", b"2")])).unwrap_err();
        assert!(
            error.ends_with("no member of the zip archive is a table or a recording: a.png, b.pdf"),
            "{error}"
        );
    }

    #[test]
    fn what_is_cut_or_damaged_is_read_up_to_there() {
        let text: String = (0..50_000).map(|i| format!("{i} {}\n", i * 7919)).collect();
        for (pack, word) in
            [(gzip(text.as_bytes()), "gzip"), (zstd(text.as_bytes()), "zstd"), (xz(text.as_bytes()), "xz")]
        {
            let mut lines = open(&pack[..pack.len() / 2]).unwrap().remove(0);
            let error = loop {
                if let Err(error) = lines.next_with(|_| Ok(())) {
                    break error;
                }
            };
            // A block of xz is unpacked as a whole or not at all.
            assert!(error.line > 1_000 || word == "xz", "{error}");
            assert!(error.to_string().ends_with(&format!("the {word} stream is cut off")), "{error}");
        }
        let archive = zip(&[("a.csv", text.as_bytes())]);
        let error = read(&archive[..archive.len() / 2]).unwrap_err();
        assert!(error.starts_with("file:1: the zip archive is cut off or damaged: "), "{error}");
        let end = archive.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
        let mut damaged = archive.clone();
        damaged[end + 16] ^= 1; // its checksum in the list
        let error = read(&damaged).unwrap_err();
        assert!(
            error.starts_with("file/a.csv:50001: cannot be read: the zip stream is damaged: "),
            "{error}"
        );
        let mut cut = archive;
        cut[end / 2] ^= 0xff;
        assert!(read(&cut).unwrap_err().starts_with("file/a.csv:"));
    }

    #[test]
    fn a_file_can_be_looked_at_before_it_is_read() {
        let bytes = gzip(b"a\nb\n");
        let mut of_stream = Lines::new("pipe".into(), Cursor::new(bytes.clone())).unwrap();
        let mut of_file = open(&bytes).unwrap().remove(0);
        for (lines, second) in [(&mut of_file, b"a"), (&mut of_stream, b"b")] {
            assert_eq!(lines.next_with(|line| Ok(line.to_vec())), Ok(Some(b"a".to_vec())));
            assert_eq!(lines.rewind(), second == b"a");
            assert_eq!(lines.next_with(|line| Ok(line.to_vec())), Ok(Some(second.to_vec())));
        }
        assert_eq!((of_file.number(), of_stream.number()), (1, 2));
    }
}
