//! The lines of a stream, packed or not, whole or cut.

use std::io::Read as _;

use flate2::bufread::GzDecoder;

use super::Target;
use super::text::{gzip, lines};

pub(super) const TARGET: Target = Target {
    name: "lines",
    run,
    seeds: || {
        let text: &[u8] = b"one\ntwo\r\n\n\nthree\r\r\n\xff";
        let packed = gzip(text);
        let wide = b"\xff\xfeo\0n\0e\0\r\0\x3d\xd8\x1e\xdd\n\0".to_vec();
        let marked = [b"\xef\xbb\xbf", text].concat();
        let returns = b"one\rtwo\r\rthree".to_vec();
        let twice = [packed.clone(), vec![0; 9], packed.clone(), vec![0; 3]].concat();
        vec![text.to_vec(), b"\n".to_vec(), packed, twice, wide, marked, returns]
    },
    tokens: &["\n", "\r\n", "\r", "\0", "\u{feff}", "\u{1f}", "PK\u{3}\u{4}", "PK\u{5}\u{6}"],
    iterations: 2_000,
};

/// How what is packed begins: with gzip (after three of them), zstd, xz, zip.
const PACKED: [&[u8]; 5] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"PK\x03\x04", b"PK\x05\x06"];

/// The lines, and whether the stream broke.
fn read(bytes: &[u8], most: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut lines, mut found) = (lines("a", bytes, most), Vec::new());
    loop {
        let mut line = Vec::new();
        let next = lines.next_with(|text| {
            line = text.to_vec();
            Ok(())
        });
        match next {
            Ok(Some(())) => found.push(line),
            Ok(None) => return (found, false),
            Err(error) => {
                assert_eq!(error.line, found.len() as u64 + 1);
                return (found, true);
            }
        }
    }
}

/// What gzip streams unpack to, with nothing or zero bytes behind each; whether all was whole.
fn gunzip(mut packed: &[u8], plain: &mut Vec<u8>) -> bool {
    while let Some(start) = packed.iter().position(|byte| *byte != 0) {
        let mut stream = GzDecoder::new(&packed[start..]);
        if stream.read_to_end(plain).is_err() {
            return false;
        }
        packed = stream.into_inner();
    }
    true
}

fn run(input: &[u8]) {
    let (mut plain, mut is_broken) = (input.to_vec(), false);
    for _ in 0..3 {
        if plain.starts_with(&[0x1f, 0x8b]) && !is_broken {
            let packed = std::mem::take(&mut plain);
            is_broken = !gunzip(&packed, &mut plain);
        }
    }
    if PACKED.iter().any(|magic| plain.starts_with(magic)) {
        // What there is to unpack is asked of nobody else; it ends, and not in a panic.
        read(input, 1);
        return;
    }
    if matches!(plain.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, _, 0, ..] | [0, _, 0, _, ..]) {
        // Text in UTF-16 is the same in whatever pieces it comes.
        let whole = read(input, usize::MAX);
        assert!(is_broken || read(input, 1) == whole);
        return;
    }
    if plain.starts_with(b"\xef\xbb\xbf") {
        plain.drain(..3);
    }
    if !plain.contains(&b'\n') {
        plain.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
    }
    let mut expected: Vec<&[u8]> = plain.split(|byte| *byte == b'\n').collect();
    // What is behind the last end of a line is one only if there is something; of a broken stream it is lost.
    if is_broken || expected.last().is_some_and(|last| last.is_empty()) {
        expected.pop();
    }
    let expected: Vec<&[u8]> =
        expected.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    for most in [usize::MAX, 1] {
        let (found, broke) = read(input, most);
        assert_eq!(broke, is_broken);
        // How much a decoder hands out before it fails depends on how it is asked.
        assert!(broke || found.len() == expected.len());
        assert!(found.iter().zip(&expected).all(|(found, expected)| found == expected));
    }
}
