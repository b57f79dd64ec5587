//! Kinds of messages that are known and no market data that is decoded, and what concerns the connection.

use crate::decode::error::DecodeError;
use crate::decode::feed::{Control, ControlKind};
use crate::decode::json::{Json, Value, unescaped};

/// Streams of statistics, and what the venue says of an account.
const KNOWN: [&[u8]; 33] = [
    b"depthUpdate",
    b"trade",
    b"aggTrade",
    b"bookTicker",
    b"markPriceUpdate",
    b"kline",
    b"24hrTicker",
    b"24hrMiniTicker",
    b"1hTicker",
    b"4hTicker",
    b"1dTicker",
    b"avgPrice",
    b"continuous_kline",
    b"indexPrice_kline",
    b"markPrice_kline",
    b"indexPriceUpdate",
    b"compositeIndex",
    b"contractInfo",
    b"assetIndexUpdate",
    b"executionReport",
    b"outboundAccountPosition",
    b"balanceUpdate",
    b"externalLockUpdate",
    b"listStatus",
    b"eventStreamTerminated",
    b"ORDER_TRADE_UPDATE",
    b"TRADE_LITE",
    b"ALGO_UPDATE",
    b"ACCOUNT_UPDATE",
    b"ACCOUNT_CONFIG_UPDATE",
    b"MARGIN_CALL",
    b"listenKeyExpired",
    b"CONDITIONAL_ORDER_TRIGGER_REJECT",
];

/// Whether a kind of message is known, decoded or not.
pub(super) fn is_known(kind: &[u8]) -> bool {
    KNOWN.contains(&kind)
}

/// What an answer to a request says, or the message before a shutdown.
#[cold]
pub(super) fn answer(frame: &[u8]) -> Result<Control, DecodeError> {
    let mut control = Control::of(ControlKind::Answer);
    Json::new(frame).object(|json, key| walk(json, key, &mut control))?;
    Ok(control)
}

fn walk(json: &mut Json<'_>, key: &[u8], control: &mut Control) -> Result<(), DecodeError> {
    match key {
        b"data" | b"error" if json.peek() == Some(b'{') => {
            control.success &= key != b"error";
            return json.object(|json, key| walk(json, key, control));
        }
        _ => {}
    }
    let value = json.value()?;
    match key {
        b"id" => control.request = shown(value),
        b"code" => control.success = false,
        b"msg" => control.text = shown(value),
        b"e" if value.text() == b"serverShutdown" => control.kind = ControlKind::Closing,
        _ => {}
    }
    Ok(())
}

/// A value as people read it: a string without its quotes, nothing for null.
fn shown(value: Value<'_>) -> String {
    let text = match value.raw() {
        b"null" => return String::new(),
        [b'"', ..] => unescaped(value.text()),
        raw => raw.into(),
    };
    String::from_utf8_lossy(&text).into_owned()
}
