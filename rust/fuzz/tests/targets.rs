//! Every target on its seeds, its corpus, its regressions and a fixed number of mutations of them.
#![allow(missing_docs, reason = "tests")]

use tradecore_fuzz::{Fuzzer, TARGETS, save};

const SEED: u64 = 1;

fn try_target(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    let tried = Fuzzer::new(target, SEED).and_then(|mut fuzzer| {
        for _ in 0..target.iterations {
            fuzzer.step()?;
        }
        Ok(fuzzer.tried)
    });
    match tried {
        Ok(tried) => assert!(tried > target.iterations, "{name} has no seeds"),
        Err(failure) => {
            let path = save(target, "regressions", &failure.input).expect("a regression file");
            panic!("{name}, {}: {}\n{}", path.display(), failure.place, failure.message);
        }
    }
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            try_target(stringify!($name));
        })*

        #[test]
        fn every_target_is_tried() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets!(
    backtest, binance, book, bybit, capture, coinbase, columns, hft, instrument, journal, kernel, ledger,
    lines, market, numbers, order, part, records, state, sync, table, tardis,
);
