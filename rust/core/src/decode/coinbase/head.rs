//! What the keys of a frame say, of either feed.

use super::book::{BookEvent, book_events};
use super::stamp::{stamp, whole};
use crate::decode::error::DecodeError;
use crate::decode::json::{Json, Value, set, unescaped};
use crate::decode::symbol::Symbol;
use crate::types::Level;

/// A key that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Channel,
    Timestamp,
    SequenceNum,
    Events,
    Type,
    ProductId,
    Time,
    Bids,
    Asks,
    Changes,
    Side,
    Size,
    Price,
    TradeId,
    Sequence,
    BestBid,
    BestBidSize,
    BestAsk,
    BestAskSize,
    Message,
    Reason,
    Channels,
    OrderId,
    MakerOrderId,
    RemainingSize,
    NewSize,
    NewPrice,
}

impl Key {
    const ALL: [(Self, &'static str); 27] = [
        (Self::Channel, "channel"),
        (Self::Timestamp, "timestamp"),
        (Self::SequenceNum, "sequence_num"),
        (Self::Events, "events"),
        (Self::Type, "type"),
        (Self::ProductId, "product_id"),
        (Self::Time, "time"),
        (Self::Bids, "bids"),
        (Self::Asks, "asks"),
        (Self::Changes, "changes"),
        (Self::Side, "side"),
        (Self::Size, "size"),
        (Self::Price, "price"),
        (Self::TradeId, "trade_id"),
        (Self::Sequence, "sequence"),
        (Self::BestBid, "best_bid"),
        (Self::BestBidSize, "best_bid_size"),
        (Self::BestAsk, "best_ask"),
        (Self::BestAskSize, "best_ask_size"),
        (Self::Message, "message"),
        (Self::Reason, "reason"),
        (Self::Channels, "channels"),
        (Self::OrderId, "order_id"),
        (Self::MakerOrderId, "maker_order_id"),
        (Self::RemainingSize, "remaining_size"),
        (Self::NewSize, "new_size"),
        (Self::NewPrice, "new_price"),
    ];

    /// As the venue writes it.
    pub(super) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    fn of(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.as_bytes() == name).map(|(key, _)| *key)
    }
}

/// A frame: where the values of its keys stand.
#[derive(Default)]
pub(super) struct Head<'a> {
    at: [Option<Json<'a>>; Key::ALL.len()],
    /// The events of a book's channel, whose levels were read where they stand.
    pub(super) book: Option<Vec<BookEvent>>,
}

impl<'a> Head<'a> {
    pub(super) fn read(
        frame: &'a [u8],
        symbols: &[Symbol],
        levels: &mut [Vec<Level>; 2],
    ) -> Result<Self, DecodeError> {
        let mut head = Self::default();
        let mut json = Json::new(frame);
        json.object(|json, name| {
            let Some(key) = Key::of(name) else { return json.value().map(|_| ()) };
            let start = json.clone();
            if key == Key::Events && head.text(Key::Channel) == Some(&b"l2_data"[..]) {
                set(&mut head.book, key.name(), book_events(json, symbols, levels)?)?;
            } else {
                json.value()?;
            }
            set(&mut head.at[key as usize], key.name(), start)
        })?;
        json.end()?;
        Ok(head)
    }

    /// Where the value of a key stands.
    pub(super) fn start(&self, key: Key) -> Option<Json<'a>> {
        self.at[key as usize].clone()
    }

    /// The value of a key.
    pub(super) fn value(&self, key: Key) -> Option<Value<'a>> {
        // It was stepped over, so it is sound.
        self.start(key).and_then(|mut json| json.value().ok())
    }

    /// What stands between the quotes of a key's value; nothing for any other value.
    pub(super) fn text(&self, key: Key) -> Option<&'a [u8]> {
        self.value(key).map(Value::text)
    }

    /// The same, as people read it.
    pub(super) fn words(&self, key: Key) -> String {
        let text = self.text(key).map(|text| unescaped(text).into_owned()).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The value of a key that has to be there.
    pub(super) fn need(&self, message: &'static str, key: Key) -> Result<Value<'a>, DecodeError> {
        self.value(key).ok_or(DecodeError::Missing { message, field: key.name() })
    }

    /// Where the value of a key that has to be there stands.
    pub(super) fn need_start(&self, message: &'static str, key: Key) -> Result<Json<'a>, DecodeError> {
        self.start(key).ok_or(DecodeError::Missing { message, field: key.name() })
    }

    /// A time, where it is there and set.
    pub(super) fn time(&self, key: Key) -> Result<Option<i64>, DecodeError> {
        self.value(key).map_or(Ok(None), |value| stamp(key.name(), value.text()))
    }

    /// A whole number, in quotes or not.
    pub(super) fn number(&self, message: &'static str, key: Key) -> Result<u64, DecodeError> {
        whole(key.name(), self.need(message, key)?)
    }
}
