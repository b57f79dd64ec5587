//! Records of a file that is only appended to: what is found in any bytes is what was written.

use tradecore_core::decode::{RECORD_HEAD, RecordIndex, RecordRest, RecordScan, index_records, record_head};

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "records",
    run,
    seeds: || {
        let whole = written(&[(1, b"{}"), (2, b"entries"), (2, b""), (4, &[7; 300])]);
        let allocated = [whole.as_slice(), &[0; 64]].concat();
        vec![whole[..whole.len() - 5].to_vec(), whole, allocated]
    },
    tokens: &["\0\0\0\0", "\0\0\0\0\0\0\0\0\0"],
    iterations: 2_000,
};

fn written(records: &[(u8, &[u8])]) -> Vec<u8> {
    records.iter().flat_map(|(kind, data)| [&record_head(*kind, data), *data].concat()).collect()
}

fn run(input: &[u8]) {
    let index = index_records(input);
    assert_eq!(scanned(input), index);
    let starts = [0].into_iter().chain(index.ends.iter().copied());
    let records: Vec<_> = starts
        .zip(&index.ends)
        .zip(&index.kinds)
        .map(|((start, end), kind)| (*kind, &input[start + RECORD_HEAD..*end]))
        .collect();
    let end = index.ends.last().copied().unwrap_or(0);
    assert_eq!(written(&records), input[..end]);
    if index.rest == RecordRest::Nothing {
        assert!(input[end..].iter().all(|byte| *byte == 0));
    }
    let again = index_records(&input[..end]);
    assert_eq!((again.ends, again.rest), (index.ends, RecordRest::Nothing));
}

/// What is found by blocks, some of them of a byte.
fn scanned(input: &[u8]) -> RecordIndex {
    let (mut scan, mut found) = (RecordScan::new(false), RecordIndex::default());
    let mut each = |kind, record: &[u8], at: usize| {
        found.kinds.push(kind);
        found.ends.push(at + RECORD_HEAD + record.len());
    };
    let (first, rest) = input.split_at(input.len().min(16));
    for block in first.chunks(1).chain(rest.chunks(1000)) {
        scan.push(block, &mut each).expect("nothing is packed");
    }
    let (_, rest) = scan.end(each).expect("nothing is packed");
    RecordIndex { rest, ..found }
}
