//! Files of the vendor, separated by a zero byte: read in pieces of any size they are the same, and every row that is
//! taken or left out is counted. However their text is written, they say the same, and none is read twice.

use tradecore_core::decode::{PlacedError, Strictness, TardisCounts, TardisReader};
use tradecore_core::event::{Columns as _, EventColumns, EventKind};
use tradecore_core::types::InstrumentKind;

use super::Target;
use super::text::{gzip, lines, vendor_files};
use crate::common::instrument;

pub(super) const TARGET: Target = Target {
    name: "tardis",
    run,
    seeds: || {
        let files = vendor_files(700);
        let short = |text: &String| text.split_inclusive('\n').take(60).collect::<String>();
        let mut seeds: Vec<Vec<u8>> =
            files.iter().map(|text| [b"\0", short(text).as_bytes()].concat()).collect();
        let few = |text: &String| text.split_inclusive('\n').take(12).collect::<String>();
        seeds.push(format!("\u{1}{}", files.iter().map(few).collect::<Vec<_>>().join("\0")).into_bytes());
        // In other forms, once more behind itself, and with rows of others.
        let book = few(&files[0]);
        seeds.push(
            format!("\0{}", book.replace(',', ";").replace("true", "True").replace('\n', "\r")).into_bytes(),
        );
        seeds.push(format!("\0\u{feff}{}", book.replace(',', "\",\"").replace('\n', "\"\n\"")).into_bytes());
        seeds.push(format!("\u{1}{book}{}", book.replace("BTCUSDT", "ETHUSDT")).into_bytes());
        seeds.push(format!("\u{2}{}\0{}", few(&files[1]), few(&files[1])).into_bytes());
        seeds
    },
    tokens: &[
        ",",
        "\n",
        "\0",
        "true",
        "false",
        "bid",
        "ask",
        "buy",
        "sell",
        "unknown",
        "BTCUSDT",
        "is_snapshot",
        "side",
        "price",
        "amount",
        "asks[0].price",
        "asks[2].price",
        "bids[0].amount",
        "funding_rate",
        "ask_amount",
        "symbol",
        "timestamp",
        "local_timestamp",
        "id",
        "strike_price",
        "exchange",
        "binance",
        ";",
        "\t",
        "\"",
        "\r",
        " ",
        "True",
        "1",
        "\u{feff}",
        "sep=;",
    ],
    iterations: 1_500,
};

type Read = (EventColumns, Option<TardisCounts>, Option<PlacedError>);

fn read(texts: &[Vec<u8>], names: &[&str], strictness: Strictness, rows: usize, most: usize) -> Read {
    let spec = instrument("BTCUSDT.BINANCE", InstrumentKind::LINEAR_PERPETUAL);
    let inputs = texts.iter().zip(names.iter().cycle()).map(|(text, name)| lines(name, text, most)).collect();
    let mut all = EventColumns::default();
    let mut reader = match TardisReader::new(inputs, &spec, strictness) {
        Ok(reader) => reader,
        Err(error) => return (all, None, Some(error)),
    };
    assert_eq!(reader.kinds().count(), texts.len());
    loop {
        let mut out = EventColumns::default();
        let more = reader.read(&mut out, rows);
        all.extend_from(&out, 0, out.len());
        match more {
            Ok(true) => {}
            Ok(false) => return (all, Some(reader.counts()), None),
            Err(error) => return (all, Some(reader.counts()), Some(error)),
        }
    }
}

/// A text in UTF-16.
fn wide(text: &[u8]) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.iter().flat_map(|byte| [*byte, 0])).collect()
}

/// A text with quotes around its cells, but for lines without any.
fn quoted(text: &[u8]) -> Vec<u8> {
    let line = |line: &[u8]| match line {
        [] => Vec::new(),
        line => {
            [b"\"".as_slice(), &line.split(|c| *c == b',').collect::<Vec<_>>().join(&b"\",\""[..]), b"\""]
                .concat()
        }
    };
    text.split(|c| *c == b'\n').map(line).collect::<Vec<_>>().join(&b'\n')
}

/// A text with tabs between its cells.
fn separated(text: &[u8]) -> Vec<u8> {
    text.iter().map(|c| if *c == b',' { b'\t' } else { *c }).collect()
}

fn run(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let texts: Vec<Vec<u8>> = text.split(|byte| *byte == 0).take(8).map(<[u8]>::to_vec).collect();
    let names: &[&str] = if first & 2 == 0 { &["a.csv"] } else { &["liquidations/a.csv", "x_trades_y.csv"] };
    let strictness = if first & 1 == 0 { Strictness::Strict } else { Strictness::Lenient };
    let whole = read(&texts, names, strictness, usize::MAX, usize::MAX);
    whole.0.view().check().expect("decoded rows keep the rules of columns");
    if whole.2.is_some() {
        // Where an error is found depends on how far ahead files are read, what it says does not.
        assert_eq!(read(&texts, names, strictness, 1, 7).2, whole.2);
        return;
    }
    assert_eq!(read(&texts, names, strictness, 1, 7), whole);
    if let Some(counts) = &whole.1 {
        let rows = |kind: EventKind| {
            whole.0.kind.iter().filter(|row| EventKind::from_column(**row) == Some(kind)).count() as u64
        };
        assert_eq!(rows(EventKind::Trade), counts.trades);
        assert_eq!(rows(EventKind::Liquidation), counts.liquidations);
    }
    // Written in another form, files that are plain text say the same.
    let is_plain =
        |text: &Vec<u8>| text.iter().all(|c| *c == b'\n' || (c.is_ascii_graphic() && !b"\";=".contains(c)));
    if texts.iter().all(is_plain) && texts.iter().all(|text| text.contains(&b'\n')) {
        for other in [wide, quoted, separated] {
            let again: Vec<Vec<u8>> = texts.iter().map(|text| other(text)).collect();
            assert_eq!(read(&again, names, strictness, usize::MAX, usize::MAX), whole);
        }
    }
    if !texts.iter().any(|text| text.starts_with(&[0x1f, 0x8b])) {
        let packed: Vec<Vec<u8>> = texts.iter().map(|text| gzip(text)).collect();
        assert_eq!(read(&packed, names, strictness, 9, usize::MAX), whole);
    }
}
