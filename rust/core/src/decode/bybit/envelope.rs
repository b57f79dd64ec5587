//! The frame around a message: its topic, its stamps and where its data stand, or what answers a request.

use super::answer::AnsweredBook;
use super::book::{BookData, BookUpdate};
use crate::decode::error::DecodeError;
use crate::decode::feed::{Control, ControlKind};
use crate::decode::json::{Json, Value, set, unescaped};
use crate::decode::parse::{parse_time, parse_u64};
use crate::decode::symbol::{Symbol, find};
use crate::types::Level;

/// What a topic's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic<'a> {
    /// `orderbook.N.SYMBOL`.
    Book { depth: u32, symbol: &'a [u8] },
    /// Depth that is none of the book: with orders not everybody trades with, or such as needs an answer by REST.
    OtherBook,
    /// `publicTrade.SYMBOL`; each trade says its symbol.
    Trades,
    /// `tickers.SYMBOL`; the data say the symbol, and it may differ.
    Tickers,
    /// `allLiquidation.SYMBOL`, and `liquidation.SYMBOL` until 2025.
    Liquidations,
    /// `kline.INTERVAL.SYMBOL`.
    Klines { symbol: &'a [u8] },
    /// Any other, by what stands before the first point.
    Other(&'a [u8]),
}

impl<'a> Topic<'a> {
    pub(super) fn of(topic: &'a [u8]) -> Self {
        let (name, rest) = match memchr::memchr(b'.', topic) {
            Some(at) => (&topic[..at], &topic[at + 1..]),
            None => (topic, &b""[..]),
        };
        let split = || memchr::memchr(b'.', rest).map(|at| (&rest[..at], &rest[at + 1..]));
        match name {
            b"orderbook" => match split() {
                Some((depth, symbol)) => {
                    match parse_u64("", depth).ok().and_then(|depth| depth.try_into().ok()) {
                        Some(depth) => Self::Book { depth, symbol },
                        None => Self::OtherBook,
                    }
                }
                None => Self::Other(name),
            },
            b"publicTrade" => Self::Trades,
            b"tickers" => Self::Tickers,
            b"allLiquidation" | b"liquidation" => Self::Liquidations,
            b"kline" => split().map_or(Self::Other(name), |(_, symbol)| Self::Klines { symbol }),
            _ => Self::Other(name),
        }
    }
}

/// A frame.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    pub(super) topic: Option<Topic<'a>>,
    kind: Option<Value<'a>>,
    sent: Option<Value<'a>>,
    engine: Option<Value<'a>>,
    sequence: Option<Value<'a>>,
    data: Option<Json<'a>>,
    /// What a request by REST was answered with.
    result: Option<Json<'a>>,
    /// The data of a book whose symbol was known when they came.
    book: Option<BookData<'a>>,
    operation: Option<Value<'a>>,
    success: Option<Value<'a>>,
    code: Option<Value<'a>>,
    words: Option<Value<'a>>,
    request: Option<Value<'a>>,
}

impl<'a> Envelope<'a> {
    pub(super) fn read(
        frame: &'a [u8],
        symbols: &mut [Symbol],
        levels: &mut Vec<Level>,
    ) -> Result<Self, DecodeError> {
        let mut envelope = Self::default();
        let mut json = Json::new(frame);
        json.object(|json, key| {
            let (slot, name) = match key {
                b"topic" => {
                    let topic = json.value()?;
                    let text = topic.text();
                    // A symbol is found as it is written; what stands before it is told by its bytes.
                    let head = &text[..memchr::memrchr(b'.', text).unwrap_or(text.len())];
                    if head.contains(&b'\\') {
                        return Err(DecodeError::value("topic", text, "a name without escapes"));
                    }
                    return set(&mut envelope.topic, "topic", Topic::of(text));
                }
                b"data" => return envelope.take_data(json, symbols, levels),
                b"result" => {
                    set(&mut envelope.result, "result", json.clone())?;
                    return json.value().map(|_| ());
                }
                b"type" => (&mut envelope.kind, "type"),
                b"ts" => (&mut envelope.sent, "ts"),
                b"cts" => (&mut envelope.engine, "cts"),
                b"cs" => (&mut envelope.sequence, "cs"),
                b"op" => (&mut envelope.operation, "op"),
                b"success" => (&mut envelope.success, "success"),
                b"retCode" => (&mut envelope.code, "retCode"),
                b"ret_msg" | b"retMsg" => (&mut envelope.words, "ret_msg"),
                b"req_id" | b"reqId" => (&mut envelope.request, "req_id"),
                _ => return json.value().map(|_| ()),
            };
            set(slot, name, json.value()?)
        })?;
        json.end()?;
        Ok(envelope)
    }

    /// Reads the levels of a book where they stand, if it is known whose they are, and steps over anything else.
    fn take_data(
        &mut self,
        json: &mut Json<'a>,
        symbols: &mut [Symbol],
        levels: &mut Vec<Level>,
    ) -> Result<(), DecodeError> {
        let start = json.clone();
        set(&mut self.data, "data", start)?;
        if let Some(Topic::Book { symbol, .. }) = self.topic
            && let Some(index) = find(symbols, symbol)
        {
            self.book = Some(BookData::read(json, &mut symbols[index], levels)?);
            return Ok(());
        }
        json.value().map(|_| ())
    }

    /// The data of a book by the place of its symbol, read now if the topic stands behind them.
    pub(super) fn book(
        &mut self,
        index: usize,
        symbols: &mut [Symbol],
        levels: &mut Vec<Level>,
    ) -> Result<BookData<'a>, DecodeError> {
        match self.book.take() {
            Some(data) => Ok(data),
            None => BookData::read(&mut self.data()?, &mut symbols[index], levels),
        }
    }

    /// The book that a request for one was answered with; `None` for anything else.
    pub(super) fn answered(&self) -> Result<Option<AnsweredBook<'a>>, DecodeError> {
        self.result.as_ref().map_or(Ok(None), AnsweredBook::read)
    }

    /// Where the data stand.
    pub(super) fn data(&self) -> Result<Json<'a>, DecodeError> {
        self.data.clone().ok_or(DecodeError::Missing { message: "topic", field: "data" })
    }

    /// The name of an operation, as it is written.
    pub(super) fn operation(&self) -> Option<&'a [u8]> {
        self.operation.map(Value::text)
    }

    /// When the venue sent it.
    pub(super) fn sent(&self) -> Result<i64, DecodeError> {
        let sent = self.sent.ok_or(DecodeError::Missing { message: "topic", field: "ts" })?;
        parse_time("ts", sent.raw())
    }

    /// Its place in the sequence of all topics, 0 without one.
    pub(super) fn sequence(&self) -> Result<u64, DecodeError> {
        self.sequence.map_or(Ok(0), |value| parse_u64("cs", value.raw()))
    }

    /// What the message of a book says of itself.
    pub(super) fn update(&self, data: &BookData<'_>) -> Result<BookUpdate, DecodeError> {
        let kind = self.kind.ok_or(DecodeError::Missing { message: "orderbook", field: "type" })?;
        let is_snapshot = match &*unescaped(kind.text()) {
            b"snapshot" => true,
            b"delta" => false,
            other => return Err(DecodeError::value("type", other, "snapshot or delta")),
        };
        let engine = self.engine.map(|value| parse_time("cts", value.raw())).transpose()?;
        let (id, sequence) = data.ids()?;
        Ok(BookUpdate { is_snapshot, sent: self.sent()?, engine, id, sequence })
    }

    /// What an answer to a request says; `None` if it is none.
    pub(super) fn control(&self) -> Option<Control> {
        let text = |value: Option<Value<'_>>| {
            let text = value.map(|value| unescaped(value.text()).into_owned()).unwrap_or_default();
            String::from_utf8_lossy(&text).into_owned()
        };
        let operation = text(self.operation);
        let is_pong = operation == "pong" || operation == "ping";
        if !(is_pong || self.success.is_some() || self.code.is_some()) {
            return None;
        }
        Some(Control {
            success: self.success.is_none_or(|value| value.raw() == b"true")
                && self.code.is_none_or(|value| value.raw() == b"0"),
            request: text(self.request),
            text: text(self.words),
            operation,
            ..Control::of(if is_pong { ControlKind::Pong } else { ControlKind::Answer })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_told_by_its_name() {
        for (name, topic) in [
            ("orderbook.50.BTCUSDT", Topic::Book { depth: 50, symbol: b"BTCUSDT" }),
            ("orderbook.1.BTC-29DEC26-60000-P", Topic::Book { depth: 1, symbol: b"BTC-29DEC26-60000-P" }),
            ("orderbook.rpi.BTCUSDT", Topic::OtherBook),
            ("orderbook.full.BTCUSDT", Topic::OtherBook),
            ("orderbook", Topic::Other(b"orderbook")),
            ("publicTrade.BTC", Topic::Trades),
            ("tickers.BTCUSDT", Topic::Tickers),
            ("allLiquidation.BTCUSDT", Topic::Liquidations),
            ("kline.D.BTCUSDT", Topic::Klines { symbol: b"BTCUSDT" }),
            ("execution.fast", Topic::Other(b"execution")),
        ] {
            assert_eq!(Topic::of(name.as_bytes()), topic, "{name}");
        }
    }
}
