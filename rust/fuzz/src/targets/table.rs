//! Tables, separated by a zero byte, and depth of Bybit: read in pieces of any size they are the same, packed or not,
//! and what is taken keeps the rules of columns.

use std::sync::Arc;

use tradecore_core::decode::{
    BybitCounts, BybitReader, Lines, PlacedError, Strictness, TableCounts, TableOptions, TableReader,
};
use tradecore_core::event::{Columns as _, EventColumns};
use tradecore_core::types::InstrumentKind;

use super::Target;
use super::text::{gzip, lines};
use crate::common::instrument;

pub(super) const TARGET: Target = Target {
    name: "table",
    run,
    seeds: || {
        [
            "\0agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n\
             1,100.1,2,1,1,1723075200101,true\n2,100.0,3,2,4,1723075200102,false\n2,100.0,3,2,4,1723075200102,false\n",
            "\u{1}1,100.1,2,200.2,1723075200101123,True,True\n3,100.1,0,200.2,1723075200101124,False,True\n",
            "\u{0}10,100.0,2,100.1,3,1723075200101,1723075200103\n9,100.0,2,100.1,3,1723075200100,1723075200104\n",
            "\0BTCUSDT,1723075200001,1,5,b,snap,100.0,1,-1\nBTCUSDT,1723075200001,1,5,a,snap,100.1,1,-1\n\0\
             BTCUSDT,1723075200002,5,7,b,set,100.0,0,4\nBTCUSDT,1723075200003,9,9,a,set,100.1,2,8\n",
            "\0timestamp,symbol,side,size,price,trdMatchID,RPI\n1723075200.1012,BTCUSDT,Buy,0.5,100.1,a-b,0\n",
            "\0trade_id,side,size,price,time\n7,buy,0.5,100.1,2024-08-08T00:00:00.101Z\n",
            "\u{4}a,b,c,d\n1723075200101,100.1,1,bid\n1723075200101,100.1,0,ask\n",
            "\u{2}{\"topic\":\"orderbook.500.BTCUSDT\",\"type\":\"snapshot\",\"ts\":1723075200100,\"data\":{\"s\":\"BTCUSDT\",\
             \"b\":[[\"100.0\",\"1\"]],\"a\":[[\"100.1\",\"2\"]],\"u\":5,\"seq\":7},\"cts\":1723075200090}\n\
             {\"topic\":\"orderbook.500.BTCUSDT\",\"type\":\"delta\",\"ts\":1723075200110,\"data\":{\"s\":\"BTCUSDT\",\"b\":\
             [],\"a\":[[\"100.1\",\"0\"]],\"u\":6,\"seq\":9}}\n",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
    },
    tokens: &[
        ",",
        "\n",
        "\0",
        "true",
        "False",
        "1723075200101",
        "1723075200.1",
        "BTCUSDT",
        "snap",
        "set",
        "100.1",
        "update_id",
        "time",
        "price",
        "symbol",
        "delta",
        "snapshot",
        "\"u\":",
        "-1",
    ],
    iterations: 1_500,
};

type Read = (EventColumns, Option<(TableCounts, BybitCounts)>, Option<PlacedError>);

/// What is read until the end or an error, `rows` at a time.
fn all(
    rows: usize,
    mut read: impl FnMut(&mut EventColumns, usize) -> Result<bool, PlacedError>,
) -> (EventColumns, Option<PlacedError>) {
    let mut all = EventColumns::default();
    loop {
        let mut out = EventColumns::default();
        let more = read(&mut out, rows);
        all.extend_from(&out, 0, out.len());
        match more {
            Ok(true) => {}
            Ok(false) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

fn read(inputs: Vec<Lines>, first: u8, rows: usize) -> Read {
    let spec = Arc::clone(&instrument("BTCUSDT.X", InstrumentKind::LINEAR_PERPETUAL));
    let strictness = if first & 1 == 0 { Strictness::Strict } else { Strictness::Lenient };
    let mapped = || {
        let fields = [("time", "a"), ("price", "b"), ("amount", "c"), ("side", "d")];
        fields.map(|(field, column)| (field.to_owned(), column.to_owned())).to_vec()
    };
    let options = TableOptions {
        latency: Some(10_000_000),
        columns: (first & 4 != 0).then(mapped),
        starts_empty: first & 8 != 0,
    };
    if first & 2 != 0 {
        let mut reader = match BybitReader::new(&spec, inputs, &options, strictness) {
            Ok(reader) => reader,
            Err(error) => return (EventColumns::default(), None, Some(error)),
        };
        let (events, error) = all(rows, |out, rows| reader.read(out, rows));
        return (events, Some((TableCounts::default(), reader.counts())), error);
    }
    let mut reader = match TableReader::new(inputs, &spec, &options, strictness) {
        Ok(reader) => reader,
        Err(error) => return (EventColumns::default(), None, Some(error)),
    };
    let (events, error) = all(rows, |out, rows| reader.read(out, rows));
    (events, Some((reader.counts(), BybitCounts::default())), error)
}

fn run(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let texts: Vec<Vec<u8>> = text.split(|byte| *byte == 0).take(8).map(<[u8]>::to_vec).collect();
    let inputs = |most: usize| texts.iter().map(|text| lines("a.csv", text, most)).collect();
    let whole = read(inputs(usize::MAX), *first, usize::MAX);
    whole.0.view().check().expect("decoded rows keep the rules of columns");
    let pieces = read(inputs(7), *first, 1);
    if whole.2.is_some() {
        // Where an error is found depends on how far ahead files are read, what it says does not.
        assert_eq!(pieces.2, whole.2);
        return;
    }
    assert_eq!(pieces, whole);
    if !texts.iter().any(|text| text.starts_with(&[0x1f, 0x8b])) {
        let packed = texts.iter().map(|text| lines("a.csv", &gzip(text), usize::MAX)).collect();
        assert_eq!(read(packed, *first, 9), whole);
    }
}
