//! How inputs are changed.

use tradecore_core::random::Random;

use crate::dice::EDGES;

/// Longest input.
pub(crate) const LONGEST: usize = 1 << 14;

/// Numbers as people and venues write them, and what passes for one.
const NUMBERS: [&[u8]; 20] = [
    b"0",
    b"-0",
    b"1",
    b"-1",
    b"0.1",
    b".5",
    b"5.",
    b"+1",
    b"007",
    b"1e9",
    b"1E-9",
    b"1e400",
    b"NaN",
    b"inf",
    b"99999999999999",
    b"1152921504606846976",
    b"9223372036854775807",
    b"18446744073709551616",
    b"170141183460469231731687303715884105728",
    b"0.000000000000000000000000000000000000001",
];

/// Changes an input in a few places; `tokens` are the words of its format, `others` what may be spliced in.
pub(crate) fn mutate(random: &mut Random, input: &mut Vec<u8>, tokens: &[&str], others: &[Vec<u8>]) {
    for _ in 0..1 << random.below(4) {
        mutate_once(random, input, tokens, others);
    }
    input.truncate(LONGEST);
}

fn mutate_once(random: &mut Random, input: &mut Vec<u8>, tokens: &[&str], others: &[Vec<u8>]) {
    if input.is_empty() {
        input.extend((0..=random.below(16)).map(|_| random.bits() as u8));
        return;
    }
    let (start, end) = range(random, input.len());
    match random.below(14) {
        0 => input[start] ^= 1 << random.below(8),
        1 => input[start] = random.bits() as u8,
        2 => input[start] = input[start].wrapping_add([1, 255][random.below(2) as usize]),
        3 => {
            let edge = EDGES[random.below(EDGES.len() as u64) as usize].to_le_bytes();
            for (byte, new) in input[start..].iter_mut().zip(&edge[..1 << random.below(4)]) {
                *byte = *new;
            }
        }
        4 => drop(input.drain(start..end)),
        5 => input.truncate(start),
        6 => {
            let piece = input[start..end].to_vec();
            insert(input, start, &piece);
        }
        7 => {
            let piece = input[start..end].to_vec();
            let place = random.below(input.len() as u64 + 1) as usize;
            insert(input, place, &piece);
        }
        8 if !tokens.is_empty() => {
            insert(input, start, tokens[random.below(tokens.len() as u64) as usize].as_bytes());
        }
        9 => number(random, input, start),
        10 if !others.is_empty() => {
            let other = &others[random.below(others.len() as u64) as usize];
            let (from, to) = range(random, other.len().max(1));
            insert(input, start, other.get(from..to).unwrap_or_default());
        }
        11 if !others.is_empty() => {
            let other = &others[random.below(others.len() as u64) as usize];
            let from = random.below(other.len() as u64 + 1) as usize;
            input.truncate(start);
            input.extend_from_slice(&other[from..]);
        }
        12 => line(random, input),
        _ => {
            let piece: Vec<u8> = (0..=random.below(8)).map(|_| random.bits() as u8).collect();
            insert(input, start, &piece);
        }
    }
}

/// A range of at least one place: short ones are more likely.
fn range(random: &mut Random, len: usize) -> (usize, usize) {
    let start = random.below(len as u64) as usize;
    let most = (len - start) as u64;
    let longest = most.min(1 << random.below(12));
    (start, start + 1 + random.below(longest) as usize)
}

fn insert(input: &mut Vec<u8>, place: usize, piece: &[u8]) {
    input.splice(place..place, piece.iter().copied());
}

/// Writes another number in the place of the next one.
fn number(random: &mut Random, input: &mut Vec<u8>, start: usize) {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let Some(from) = input[start..].iter().position(is_part).map(|at| start + at) else { return };
    let to = input[from..].iter().position(|byte| !is_part(byte)).map_or(input.len(), |at| from + at);
    let new: &[u8] = NUMBERS[random.below(NUMBERS.len() as u64) as usize];
    input.splice(from..to, new.iter().copied());
}

/// Moves, doubles or drops a line.
fn line(random: &mut Random, input: &mut Vec<u8>) {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    let at = random.below(lines.len() as u64) as usize;
    let line = match random.below(3) {
        0 => lines[at],
        _ => lines.remove(at),
    };
    if random.chance(0.7) {
        lines.insert(random.below(lines.len() as u64 + 1) as usize, line);
    }
    *input = lines.concat();
}
