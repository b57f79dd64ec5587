//! What other venues would have sent of the synthetic market.

use std::fmt::Write as _;
use std::ops::Range;

use tradecore_core::event::{EventColumns, EventKind};
use tradecore_core::types::Side;

use super::text::{decimals, levels, messages, rows};

/// A message of the market, as frames are made of it.
struct Message<'a> {
    rows: &'a EventColumns,
    at: usize,
    range: Range<usize>,
    /// The venue's time, ms.
    ms: i64,
    price: String,
    qty: String,
}

impl Message<'_> {
    fn is_trade(&self) -> bool {
        self.rows.kind[self.range.start] == EventKind::Trade as u8
    }

    fn levels(&self, side: Side) -> String {
        levels(self.rows, self.range.clone(), side)
    }

    /// Levels of both sides, each as `write` has it.
    fn changes(&self, write: impl Fn(&str, &str, &str) -> String) -> String {
        let level = |row: usize| {
            let (price, qty) = decimals(self.rows, row);
            write(if self.rows.side[row] > 0 { "bid" } else { "offer" }, &price, &qty)
        };
        let is_level = |row: &usize| self.rows.kind[*row] == EventKind::BookSet as u8;
        self.range.clone().filter(is_level).take(40).map(level).collect::<Vec<_>>().join(",")
    }
}

/// Makes the frames of each message.
fn each(count: usize, mut make: impl FnMut(&Message<'_>, &mut Vec<String>)) -> Vec<String> {
    let rows = rows(count);
    let mut frames = Vec::new();
    for (at, range) in messages(&rows).into_iter().enumerate() {
        let (price, qty) = decimals(&rows, range.start);
        let ms = rows.ts_event[range.start] / 1_000_000;
        make(&Message { rows: &rows, at, range, ms, price, qty }, &mut frames);
    }
    frames
}

/// Frames of Bybit: depth, best prices, trades, tickers, liquidations, bars, answers.
pub(super) fn bybit_frames(count: usize) -> Vec<String> {
    let mut id = 10_u64;
    each(count, |message, frames| {
        let Message { at, ms, price, qty, .. } = message;
        let mut say = |topic: &str, rest: String| {
            frames.push(format!(r#"{{"topic":"{topic}.BTCUSDT","ts":{ms},{rest}}}"#));
        };
        if message.is_trade() {
            say(
                "publicTrade",
                format!(
                    r#""type":"snapshot","data":[{{"T":{ms},"s":"BTCUSDT","S":"Buy","v":"{qty}","p":"{price}","i":"{at}","BT":false,"RPI":{}}}]"#,
                    at % 9 == 0
                ),
            );
        } else {
            id += 1;
            let kind = if *at == 0 { "snapshot" } else { "delta" };
            let [bids, asks] = [Side::Buy, Side::Sell].map(|side| message.levels(side));
            say(
                "orderbook.50",
                format!(
                    r#""type":"{kind}","data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{id},"seq":{at}7}},"cts":{ms}"#
                ),
            );
        }
        match at % 7 {
            1 => say(
                "orderbook.1",
                format!(
                    r#""type":"snapshot","data":{{"s":"BTCUSDT","b":[["{price}","{qty}"]],"a":[["{price}","{qty}"]],"u":{at},"seq":{at}7}}"#
                ),
            ),
            2 => say(
                "tickers",
                format!(
                    r#""type":"delta","cs":{at},"data":{{"symbol":"BTCUSDT","markPrice":"{price}5","indexPrice":"{price}","fundingRate":"0.0001","nextFundingTime":"{ms}","openInterest":"{qty}","bid1Price":"{price}","bid1Size":"{qty}","ask1Price":"{price}","ask1Size":""}}"#
                ),
            ),
            3 => say(
                "allLiquidation",
                format!(
                    r#""type":"snapshot","data":[{{"T":{ms},"s":"BTCUSDT","S":"Sell","v":"{qty}","p":"{price}"}}]"#
                ),
            ),
            4 => say(
                "kline.1",
                format!(
                    r#""type":"snapshot","data":[{{"start":{},"end":{ms},"interval":"1","open":"{price}","close":"{price}","high":"{price}","low":"{price}","volume":"{qty}","confirm":true}}]"#,
                    ms - 59_999
                ),
            ),
            5 => frames
                .push(r#"{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"1","op":"ping"}"#.into()),
            _ => {}
        }
    })
}

/// A time as dates are written, on the day of the market.
fn date(ms: i64) -> String {
    let within = ms.rem_euclid(86_400_000);
    let (hour, minute) = (within / 3_600_000, within / 60_000 % 60);
    format!("2023-11-14T{hour:02}:{minute:02}:{:02}.{:03}Z", within / 1_000 % 60, within % 1_000)
}

/// Frames of Coinbase's Advanced Trade: numbered messages of every channel.
pub(super) fn advanced_frames(count: usize) -> Vec<String> {
    let mut number = 0;
    each(count, |message, frames| {
        let Message { at, ms, price, qty, .. } = message;
        let time = date(*ms);
        let mut say = |channel: &str, events: String| {
            frames.push(format!(
                r#"{{"channel":"{channel}","timestamp":"{time}","sequence_num":{number},"events":[{events}]}}"#
            ));
            number += 1;
        };
        if message.is_trade() {
            let kind = if at % 5 == 0 { "snapshot" } else { "update" };
            say(
                "market_trades",
                format!(
                    r#"{{"type":"{kind}","trades":[{{"product_id":"BTC-USD","trade_id":"{at}","price":"{price}","size":"{qty}","time":"{time}","side":"BUY"}}]}}"#
                ),
            );
        } else {
            let kind = if *at == 0 { "snapshot" } else { "update" };
            let updates = message.changes(|side, price, qty| {
                format!(r#"{{"side":"{side}","event_time":"{time}","price_level":"{price}","new_quantity":"{qty}"}}"#)
            });
            say("l2_data", format!(r#"{{"type":"{kind}","product_id":"BTC-USD","updates":[{updates}]}}"#));
        }
        match at % 5 {
            1 => say(
                "ticker",
                format!(
                    r#"{{"type":"update","tickers":[{{"type":"ticker","product_id":"BTC-USD","price":"{price}","best_bid":"{price}","best_ask":"{price}","best_bid_quantity":"{qty}","best_ask_quantity":"{qty}"}}]}}"#
                ),
            ),
            2 => say(
                "candles",
                format!(
                    r#"{{"type":"update","candles":[{{"start":"{}","high":"{price}","low":"{price}","open":"{price}","close":"{price}","volume":"{qty}","product_id":"BTC-USD"}}]}}"#,
                    1_700_000_000 + 300 * at
                ),
            ),
            3 => say("subscriptions", r#"{"subscriptions":{"level2":["BTC-USD"]}}"#.into()),
            4 => say("heartbeats", format!(r#"{{"current_time":"{time}","heartbeat_counter":{at}}}"#)),
            _ => {}
        }
    })
}

/// Frames of Coinbase's Exchange feed.
pub(super) fn exchange_frames(count: usize) -> Vec<String> {
    each(count, |message, frames| {
        let Message { at, ms, price, qty, .. } = message;
        let time = date(*ms);
        let mut say = |kind: &str, rest: String| {
            let mut frame = format!(r#"{{"type":"{kind}","product_id":"BTC-USD""#);
            // A string takes every text.
            let _ = write!(frame, r#","time":"{time}",{rest}}}"#);
            frames.push(frame);
        };
        if message.is_trade() {
            let kind = if at % 9 == 0 { "last_match" } else { "match" };
            say(
                kind,
                format!(r#""trade_id":{at},"side":"sell","size":"{qty}","price":"{price}","sequence":{at}"#),
            );
        } else if *at == 0 {
            let [bids, asks] = [Side::Buy, Side::Sell].map(|side| message.levels(side));
            say("snapshot", format!(r#""bids":[{bids}],"asks":[{asks}]"#));
        } else {
            let changes = message.changes(|side, price, qty| {
                let side = if side == "bid" { "buy" } else { "sell" };
                format!(r#"["{side}","{price}","{qty}"]"#)
            });
            say("l2update", format!(r#""changes":[{changes}]"#));
        }
        if at % 3 == 0 {
            say(
                "ticker",
                format!(
                    r#""sequence":{at},"price":"{price}","best_bid":"{price}","best_ask":"{price}","best_bid_size":"{qty}","best_ask_size":"{qty}","trade_id":{at}"#
                ),
            );
        }
    })
}
