//! Records of a file that is only appended to: what is found in any bytes is what was written.

use tradecore_core::decode::{RECORD_HEAD, RecordRest, index_records, record_head};

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
