//! Venue text made of the synthetic market, and what the targets that read it share.

use std::fmt::Write as _;
use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use tradecore_core::decode::{BinanceMarket, Lines};
use tradecore_core::event::{Columns as _, EventColumns, EventKind};
use tradecore_core::types::Side;

use crate::common::market_data;

/// The markets of a venue.
pub(super) const MARKETS: [BinanceMarket; 3] =
    [BinanceMarket::Spot, BinanceMarket::UsdM, BinanceMarket::CoinM];

/// Rows of the synthetic market.
pub(super) fn rows(count: usize) -> EventColumns {
    market_data(5, count)
}

/// Price and quantity of a row on the grid of the instrument.
pub(super) fn decimals(rows: &EventColumns, row: usize) -> (String, String) {
    let (price, qty) = (rows.view().price.get(row), rows.view().qty.get(row));
    (format!("{}.{}", price / 10, price % 10), format!("{}.{:03}", qty / 1_000, qty % 1_000))
}

/// Rows of each message.
pub(super) fn messages(rows: &EventColumns) -> Vec<std::ops::Range<usize>> {
    rows.view().messages(0, rows.len()).map(|span| span.from..span.to).collect()
}

pub(super) fn levels(rows: &EventColumns, range: std::ops::Range<usize>, side: Side) -> String {
    let level = |row: usize| {
        let (price, qty) = decimals(rows, row);
        format!(r#"["{price}","{qty}"]"#)
    };
    let is_level = |row: &usize| rows.kind[*row] == EventKind::BookSet as u8 && rows.side[*row] == side as i8;
    range.filter(is_level).take(40).map(level).collect::<Vec<_>>().join(",")
}

/// The frames a venue would have sent, with their times of receipt: snapshot, depth updates, trades, quotes, marks,
/// forced orders, open interest.
pub(super) fn frames(market: BinanceMarket, count: usize) -> Vec<(i64, String)> {
    let rows = rows(count);
    let (mut frames, mut id) = (Vec::new(), 10_u64);
    for (at, range) in messages(&rows).into_iter().enumerate() {
        let (recv, ms) = (rows.ts_recv[range.start], rows.ts_event[range.start] / 1_000_000);
        let (price, qty) = decimals(&rows, range.start);
        let times = if market == BinanceMarket::Spot { String::new() } else { format!(r#""T":{ms},"#) };
        let mut say = |text: String| frames.push((recv, text));
        if at == 0 {
            let [bids, asks] = [Side::Buy, Side::Sell].map(|side| levels(&rows, range.clone(), side));
            say(format!(r#"{{"lastUpdateId":{id},"bids":[{bids}],"asks":[{asks}]}}"#));
            say(r#"{"result":null,"id":1}"#.into());
        } else if rows.kind[range.start] == EventKind::Trade as u8 {
            let kind = if at % 2 == 0 { "trade" } else { "aggTrade" };
            say(format!(
                r#"{{"stream":"btcusdt@{kind}","data":{{"e":"{kind}","E":{ms},"T":{ms},"s":"BTCUSDT","t":{at},"a":{at},"p":"{price}","q":"{qty}","m":true}}}}"#
            ));
        } else {
            let [bids, asks] = [Side::Buy, Side::Sell].map(|side| levels(&rows, range.clone(), side));
            let (first, last, previous) = (id + 1, id + 3, id);
            id = last;
            let pu =
                if market == BinanceMarket::Spot { String::new() } else { format!(r#""pu":{previous},"#) };
            say(format!(
                r#"{{"e":"depthUpdate","E":{ms},{times}"s":"BTCUSDT","U":{first},"u":{last},{pu}"b":[{bids}],"a":[{asks}]}}"#
            ));
        }
        match at % 7 {
            2 => say(format!(
                r#"{{"e":"bookTicker","u":{id},{times}"s":"BTCUSDT","b":"{price}","B":"{qty}","a":"{price}","A":"{qty}"}}"#
            )),
            3 => say(format!(
                r#"{{"e":"markPriceUpdate","E":{ms},"s":"BTCUSDT","p":"{price}7","i":"{price}","r":"0.0001","T":{ms}}}"#
            )),
            4 => say(format!(
                r#"{{"e":"forceOrder","E":{ms},"o":{{"s":"BTCUSDT","S":"SELL","q":"{qty}","p":"{price}","ap":"{price}","X":"FILLED","z":"{qty}","T":{ms}}}}}"#
            )),
            5 => say(format!(r#"{{"openInterest":"{qty}","symbol":"BTCUSDT","time":{ms}}}"#)),
            _ => {}
        }
    }
    frames
}

/// Files as the vendor writes them, one a kind.
pub(super) fn vendor_files(count: usize) -> Vec<String> {
    let rows = rows(count);
    let head = "exchange,symbol,timestamp,local_timestamp";
    let mut book = format!("{head},is_snapshot,side,price,amount\n");
    let mut trades = format!("{head},id,side,price,amount\n");
    let mut liquidations = trades.clone();
    let mut quotes = format!("{head},ask_amount,ask_price,bid_price,bid_amount\n");
    let mut snapshots = format!(
        "{head},asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,asks[1].price,asks[1].amount,bids[1].price,bids[1].amount\n"
    );
    let mut ticker = format!(
        "{head},funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price\n"
    );
    for row in 1..rows.len() {
        let (price, qty) = decimals(&rows, row);
        let (us, local) = (rows.ts_event[row] / 1_000, rows.ts_recv[row] / 1_000);
        let stamp = format!("binance,BTCUSDT,{us},{local}");
        let side = if rows.side[row] > 0 { ["bid", "buy"] } else { ["ask", "sell"] };
        // A string takes every line.
        let _ = match (rows.kind[row] == EventKind::Trade as u8, row % 5) {
            (true, 0) => writeln!(liquidations, "{stamp},,{},{price},{qty}", side[1]),
            (true, _) => writeln!(trades, "{stamp},{row},{},{price},{qty}", side[1]),
            (false, 0) if row > 60 => writeln!(quotes, "{stamp},{qty},{price},{price},{qty}"),
            (false, 1) if row > 60 => writeln!(snapshots, "{stamp},{price},{qty},{price},{qty},,,,"),
            (false, 2) if row > 60 => writeln!(ticker, "{stamp},{us},0.0001,,{qty},{price},{price},{price}"),
            (false, _) => writeln!(book, "{stamp},{},{},{price},{qty}", row < 50, side[0]),
        };
    }
    vec![book, trades, quotes, snapshots, ticker, liquidations]
}

/// Gzip of some bytes.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes every byte")
}

/// Hands bytes out a few at a time.
struct Slowly {
    bytes: Vec<u8>,
    at: usize,
    most: usize,
}

impl Read for Slowly {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(self.most).min(self.bytes.len() - self.at);
        buffer[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Lines of bytes that arrive `most` at a time.
pub(super) fn lines(name: &str, bytes: &[u8], most: usize) -> Lines {
    let input = Slowly { bytes: bytes.to_vec(), at: 0, most };
    Lines::new(name.into(), input).expect("memory is read without an error")
}

/// Whether there may be an array of frames in a text, or a wrapper around one.
pub(super) fn has_array(text: &[u8]) -> bool {
    let is_space = |byte: &u8| byte.is_ascii_whitespace();
    let dense: Vec<u8> = text.iter().copied().filter(|byte| !is_space(byte)).collect();
    let after_space = text.split(is_space).any(|part| part.starts_with(b"["));
    after_space || dense.starts_with(b"[") || dense.windows(8).any(|part| part == b"\"data\":[")
}
