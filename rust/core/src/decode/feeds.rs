//! The decoders of live messages, by venue.

use std::sync::Arc;

use super::binance::{BinanceDecoder, BinanceMarket};
use super::bybit::BybitDecoder;
use super::coinbase::CoinbaseDecoder;
use super::error::DecodeError;
use super::feed::{Decoder, FeedLog, FeedOutcome, FeedSink, last_of, nested};
use super::json::{Json, Value};
use crate::book::{BookState, GapReason};
use crate::types::Instrument;

/// Venues whose live messages are decoded.
pub const FEED_VENUES: [&str; 6] =
    ["BINANCE", "BINANCE_USDM", "BINANCE_COINM", "BYBIT", "BYBIT_SPOT", "COINBASE"];

/// A decoder of the live messages of any venue.
#[derive(Debug)]
pub enum FeedDecoder {
    /// Binance.
    Binance(BinanceDecoder),
    /// Bybit.
    Bybit(BybitDecoder),
    /// Coinbase.
    Coinbase(CoinbaseDecoder),
}

impl FeedDecoder {
    /// The decoder of a venue for these instruments; `None` if the venue is none of [`FEED_VENUES`].
    pub fn new(venue: &str, instruments: Vec<Arc<Instrument>>) -> Option<Self> {
        match venue {
            "BYBIT" | "BYBIT_SPOT" => Some(Self::Bybit(BybitDecoder::new(instruments))),
            "COINBASE" => Some(Self::Coinbase(CoinbaseDecoder::new(instruments))),
            venue => BinanceMarket::from_venue(venue)
                .map(|market| Self::Binance(BinanceDecoder::new(market, instruments))),
        }
    }
}

/// Asks the decoder that there is.
macro_rules! of {
    ($self:expr, $decoder:ident => $ask:expr) => {
        match $self {
            FeedDecoder::Binance($decoder) => $ask,
            FeedDecoder::Bybit($decoder) => $ask,
            FeedDecoder::Coinbase($decoder) => $ask,
        }
    };
}

impl Decoder for FeedDecoder {
    fn feed<S: FeedSink>(
        &mut self,
        frame: &[u8],
        ts_recv: i64,
        out: &mut [S],
    ) -> Result<FeedOutcome, DecodeError> {
        if matches!(self, Self::Binance(_)) || Json::new(frame).peek() != Some(b'[') {
            return of!(self, decoder => decoder.feed(frame, ts_recv, out));
        }
        last_of(elements(frame)?, |part| of!(self, decoder => decoder.feed(part, ts_recv, out)))
    }

    fn check_clocks(&mut self) {
        of!(self, decoder => decoder.check_clocks());
    }

    fn start_empty(&mut self) {
        of!(self, decoder => decoder.start_empty());
    }

    fn connection(&mut self, number: usize) {
        of!(self, decoder => decoder.connection(number));
    }

    fn disconnect<S: FeedSink>(&mut self, instrument: usize, ts_recv: i64, out: &mut S) {
        of!(self, decoder => decoder.disconnect(instrument, ts_recv, out));
    }

    fn state(&self, instrument: usize) -> BookState {
        of!(self, decoder => decoder.state(instrument))
    }

    fn gaps(&self, instrument: usize) -> u64 {
        of!(self, decoder => decoder.gaps(instrument))
    }

    fn gap_reason(&self, instrument: usize) -> Option<GapReason> {
        of!(self, decoder => decoder.gap_reason(instrument))
    }

    fn log(&self) -> &FeedLog {
        of!(self, decoder => decoder.log())
    }
}

/// The frames of an array and where each begins. Binance sends some; of other venues programs make them that write down
/// at once what came at once.
fn elements(frame: &[u8]) -> Result<Vec<(usize, &[u8])>, DecodeError> {
    let mut json = Json::new(frame);
    let found: Vec<&[u8]> = json.elements()?.map(Value::raw).collect();
    json.end()?;
    let places = found.into_iter().map(|part| (part.as_ptr().addr() - frame.as_ptr().addr(), part));
    places
        .map(|(at, part)| match part.first() {
            Some(b'[') => Err(nested(at)),
            _ => Ok((at, part)),
        })
        .collect()
}
