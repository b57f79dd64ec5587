//! Channels of Advanced Trade whose events are lists: trades, tickers, candles, subscriptions.

use super::market::Print;
use super::product::product;
use super::stamp::{stamp, whole};
use crate::decode::entry::Entry;
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, unescaped};
use crate::decode::parse::{parse_qty, parse_time};
use crate::decode::stamps::Quoted;
use crate::decode::symbol::Symbol;
use crate::event::{Event, EventKind, FLAG_LAST, VenueBar};

/// Calls `take` with every entry under `name` of every event, and with whether its event is a snapshot.
fn each<'a>(
    mut events: Json<'a>,
    message: &'static str,
    name: &'static str,
    mut take: impl FnMut(&mut Json<'a>, bool) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    events.array(|json| {
        let (mut kind, mut list) = (None, None);
        json.object(|json, key| {
            let start = json.clone();
            let value = json.value()?;
            if key == b"type" {
                kind = Some(value);
            } else if key == name.as_bytes() {
                list = Some(start);
            }
            Ok(())
        })?;
        let kind = kind.ok_or(DecodeError::Missing { message, field: "type" })?;
        let is_snapshot = kind.text() == b"snapshot";
        let mut list = list.ok_or(DecodeError::Missing { message, field: name })?;
        list.array(|json| take(json, is_snapshot))
    })
}

/// Trades of products that are asked for, the oldest first. Those of snapshots are history.
pub(super) fn trades(events: Json<'_>, symbols: &[Symbol], ts_recv: i64) -> Result<Vec<Print>, DecodeError> {
    const KEYS: [&str; 6] = ["product_id", "trade_id", "price", "size", "time", "side"];
    let mut prints = Vec::new();
    each(events, "market_trades", "trades", |json, is_history| {
        let entry = Entry::read(json, "market_trades", &KEYS)?;
        let Some(index) = product(symbols, entry.need(0)?.text()) else { return Ok(()) };
        let instrument = symbols[index].instrument();
        let time = entry.need(4)?.text();
        let event = Event {
            ts_event: stamp("time", time)?
                .ok_or_else(|| DecodeError::value("time", time, "the time of a trade"))?,
            ts_recv,
            kind: EventKind::Trade,
            side: match entry.need(5)?.text() {
                // The maker's: whoever crossed the spread is on the other side.
                b"BUY" => -1,
                b"SELL" => 1,
                other => return Err(DecodeError::value("side", other, "BUY or SELL")),
            },
            flags: FLAG_LAST,
            price: entry.paid(2, instrument)?,
            qty: entry.qty(3, instrument)?,
            id: whole("trade_id", entry.need(1)?)?,
        };
        prints.push(Print { instrument: index, is_history, event });
        Ok(())
    })?;
    prints.sort_by_key(|print| print.event.id);
    Ok(prints)
}

/// Best prices by product; none where the venue leaves them out, as those of five seconds do.
pub(super) fn tickers(events: Json<'_>, symbols: &[Symbol]) -> Result<Vec<(usize, Quoted)>, DecodeError> {
    const KEYS: [&str; 5] = ["product_id", "best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity"];
    let mut quotes = Vec::new();
    each(events, "ticker", "tickers", |json, _| {
        let entry = Entry::read(json, "ticker", &KEYS)?;
        let Some(index) = product(symbols, entry.need(0)?.text()) else { return Ok(()) };
        if (1..KEYS.len()).any(|at| entry.get(at).is_none_or(|value| value.raw() == b"\"\"")) {
            return Ok(());
        }
        let instrument = symbols[index].instrument();
        // A side that is empty has no price either.
        let price = |at: usize| parse_qty(KEYS[at], instrument.price_increment, entry.need(at)?.decimal());
        let sides = [(price(1)?, entry.qty(2, instrument)?), (price(3)?, entry.qty(4, instrument)?)];
        quotes.push((index, sides));
        Ok(())
    })?;
    Ok(quotes)
}

/// Bars of five minutes as they stand, the oldest first, each with whether it is history.
pub(super) fn candles(
    events: Json<'_>,
    symbols: &[Symbol],
    ts_recv: i64,
) -> Result<Vec<(usize, VenueBar, bool)>, DecodeError> {
    const KEYS: [&str; 7] = ["product_id", "start", "open", "high", "low", "close", "volume"];
    const LENGTH: i64 = 300_000_000_000;
    let mut bars = Vec::new();
    each(events, "candles", "candles", |json, is_history| {
        let entry = Entry::read(json, "candles", &KEYS)?;
        let Some(index) = product(symbols, entry.need(0)?.text()) else { return Ok(()) };
        let instrument = symbols[index].instrument();
        let ts_open = parse_time("start", entry.need(1)?.unquoted())?;
        let bar = VenueBar {
            ts_open,
            ts_close: ts_open.saturating_add(LENGTH),
            ts_recv,
            open: entry.price(2, instrument)?,
            high: entry.price(3, instrument)?,
            low: entry.price(4, instrument)?,
            close: entry.price(5, instrument)?,
            volume: entry.volume(6, instrument)?,
            buy_volume: None,
            trades: 0,
        };
        bar.check()?;
        bars.push((index, bar, is_history));
        Ok(())
    })?;
    bars.sort_by_key(|(_, bar, _)| bar.ts_open);
    Ok(bars)
}

/// What is subscribed to, as `channel:product`.
pub(super) fn subscriptions(mut events: Json<'_>) -> Result<Vec<String>, DecodeError> {
    let mut channels = Vec::new();
    events.array(|json| {
        json.object(|json, key| {
            if key != b"subscriptions" {
                return json.value().map(|_| ());
            }
            json.object(|json, channel| {
                json.array(|json| {
                    let product = json.value()?;
                    channels.push(named(channel, product.text()));
                    Ok(())
                })
            })
        })
    })?;
    Ok(channels)
}

/// A channel with a product.
pub(super) fn named(channel: &[u8], product: &[u8]) -> String {
    let text = |name| String::from_utf8_lossy(&unescaped(name)).into_owned();
    text(channel) + ":" + &text(product)
}
