//! Every indicator by its name: columns and rows agree, and what was saved goes on as if nothing had been.

use proptest::prelude::*;
use tradecore_core::indicators::{Given, IndicatorError, Kind, NanPolicy, Spec, Stream, find, specs};

/// With a warm-up that is soon over.
fn short(spec: &'static Spec, policy: NanPolicy) -> Stream {
    let whole = spec.params.iter().filter(|param| matches!(param.kind, Kind::Whole(..)));
    let given: Vec<_> =
        whole.enumerate().map(|(i, param)| (param.name, Given::Whole(3 + i as i64))).collect();
    Stream::parse(spec.name, &given, policy).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }).collect()
}

proptest! {
    #[test]
    fn a_batch_is_the_stream_in_a_loop_also_from_a_saved_state(
        rows in proptest::collection::vec(
            proptest::array::uniform5(prop_oneof![8 => 1.0f64..200.0, 1 => any::<f64>(), 1 => Just(7.0)]), 0..80,
        ),
        cut in 0usize..80,
        is_talib: bool,
    ) {
        let policy = if is_talib { NanPolicy::Talib } else { NanPolicy::Restart };
        for spec in specs() {
            let (inputs, outputs) = (spec.inputs.len(), spec.outputs.len());
            let columns: Vec<Vec<f64>> = (0..inputs).map(|i| rows.iter().map(|row| row[i]).collect()).collect();
            let mut out = vec![vec![0.0; rows.len()]; outputs];
            short(spec, policy).batch(
                &columns.iter().map(Vec::as_slice).collect::<Vec<_>>(),
                &mut out.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
            );
            let mut stream = short(spec, policy);
            for (at, row) in rows.iter().enumerate() {
                if at == cut {
                    stream = Stream::load(&stream.save()).unwrap();
                }
                let want: Vec<f64> = out.iter().map(|column| column[at]).collect();
                prop_assert_eq!(bits(stream.update(row)), bits(&want), "{} at {}", spec.name, at);
            }
        }
    }

    #[test]
    fn no_bytes_are_a_state_that_panics(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..40), at in 0usize..400, with: u8,
    ) {
        prop_assert!(Stream::load(&bytes).is_err());
        for spec in specs() {
            let mut stream = short(spec, NanPolicy::Restart);
            (0..9).for_each(|_| { stream.update(&[1.0; 5]); });
            bytes = stream.save();
            let length = bytes.len();
            bytes[at % length] = with;
            if let Ok(mut other) = Stream::load(&bytes) {
                (0..9).for_each(|_| { other.update(&[2.0; 5]); });
            }
        }
    }
}

#[test]
fn a_long_column_is_the_stream_in_a_loop_with_holes_in_it() {
    // Longer than what is worked off together, with holes in the first, within and at the end, and parts without any.
    let holes = [3, 700, 9_001, 9_002, 10_600, 19_998];
    let price = |row: usize| 100.0 + ((row * 7_919) % 613) as f64 / 17.0;
    for spec in specs() {
        let rows: Vec<[f64; 5]> = (0..19_999)
            .map(|row| {
                std::array::from_fn(|i| if holes.contains(&row) { f64::NAN } else { price(row + 3 * i) })
            })
            .collect();
        let columns: Vec<Vec<f64>> =
            (0..spec.inputs.len()).map(|i| rows.iter().map(|row| row[i]).collect()).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let mut out = vec![vec![0.0; rows.len()]; spec.outputs.len()];
        let mut into: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        short(spec, NanPolicy::Restart).batch(&columns, &mut into);
        let mut stream = short(spec, NanPolicy::Restart);
        for (at, row) in rows.iter().enumerate() {
            let known = bits(stream.update(&row[..spec.inputs.len()]));
            let batch: Vec<f64> = out.iter().map(|column| column[at]).collect();
            assert_eq!(known, bits(&batch), "{} in row {at}", spec.name);
        }
    }
}

#[test]
fn several_threads_give_what_one_gives() {
    const ROWS: usize = 270_001;
    let price = |row: usize| 100.0 + ((row * 7_919) % 613) as f64 / 17.0 + (row % 5_003) as f64 / 99.0;
    let of = |value: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..ROWS).map(value).collect() };
    let markets = [
        of(&price),
        // What is first known later, a hole in what others are to begin with, and nothing that moves.
        of(&|row| if row < 7 { f64::NAN } else { price(row) }),
        of(&|row| if row == 65_000 { f64::INFINITY } else { price(row) }),
        of(&|_| 0.1),
    ];
    for name in ["macd", "adx", "bbands", "obv"] {
        let spec = find(name).unwrap();
        for (market, column) in markets.iter().enumerate() {
            let columns = vec![column.as_slice(); spec.inputs.len()];
            let of = |threads: usize| {
                let mut stream = short(spec, NanPolicy::Restart);
                let mut out = vec![vec![0.0; ROWS]; spec.outputs.len()];
                let mut into: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
                stream.batch_on(&columns, &mut into, threads);
                (out.iter().map(|column| bits(column)).collect::<Vec<_>>(), stream.save())
            };
            assert!(of(3) == of(1), "{name} of market {market}");
        }
    }
}

#[test]
fn names_are_told_apart_and_nearly_right_ones_are_suggested() {
    let mut names: Vec<&str> = specs().flat_map(|spec| [spec.name, spec.class]).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    let unknown = |close: &str| IndicatorError::Unknown { name: "emma".into(), close: close.into() };
    assert_eq!(find("emma").unwrap_err(), unknown("ema"));
}
