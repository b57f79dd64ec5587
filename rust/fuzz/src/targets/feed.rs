//! What holds of every venue's frames: whatever is refused leaves nothing behind, the way that is written for the usual
//! text reads as the general one, and a book that takes the events directly is the book of their columns.

use std::sync::Arc;

use tradecore_core::book::{BookState, L2Book};
use tradecore_core::decode::{Decoder as _, FeedDecoder, FeedMessage};
use tradecore_core::event::{Columns as _, EventColumns};
use tradecore_core::types::{InstrumentKind, Side};

use crate::common::{WithBars, instrument};

/// A time of receipt.
const RECV: i64 = 1_700_000_000_000_000_000;

/// A line at which the connection ends.
const END: &[u8] = b"#";

/// Feeds lines to decoders of a venue. Of a frame that `may_be_taken` in part, an error may leave something behind.
pub(super) fn hold(venue: &str, ids: &[&str], text: &[u8], may_be_taken: impl Fn(&[u8]) -> bool) {
    let instruments =
        || ids.iter().map(|id| instrument(id, InstrumentKind::LINEAR_PERPETUAL)).collect::<Vec<Arc<_>>>();
    let decoder = || FeedDecoder::new(venue, instruments()).expect("a venue whose frames are decoded");
    let (mut usual, mut general, mut direct) = (decoder(), decoder(), decoder());
    let mut events = vec![WithBars::<EventColumns>::default(); ids.len()];
    let (mut other_events, mut books) = (events.clone(), vec![WithBars::<L2Book>::default(); ids.len()]);
    for (at, frame) in text.split(|byte| *byte == b'\n').enumerate() {
        let recv = RECV + at as i64;
        if frame == END {
            for at in 0..ids.len() {
                usual.disconnect(at, recv, &mut events[at]);
                general.disconnect(at, recv, &mut other_events[at]);
                direct.disconnect(at, recv, &mut books[at]);
            }
            assert!((0..ids.len()).all(|at| usual.state(at) != BookState::Synced));
            continue;
        }
        let seen = |decoder: &FeedDecoder, events: &[WithBars<EventColumns>]| {
            let rows: Vec<usize> = events.iter().map(|kept| kept.events.len() + kept.bars.len()).collect();
            let books: Vec<_> = (0..ids.len()).map(|at| (decoder.state(at), decoder.gaps(at))).collect();
            (rows, books, decoder.log().control().cloned(), decoder.log().unknown().clone())
        };
        let before = seen(&usual, &events);
        let said = usual.feed(frame, recv, &mut events);
        if said.is_err() && !may_be_taken(frame) {
            assert_eq!(seen(&usual, &events), before);
        }
        // White space in front is no part of the usual text.
        let spaced = [b" ", frame].concat();
        assert_eq!(general.feed(&spaced, recv, &mut other_events).is_ok(), said.is_ok());
        assert_eq!(direct.feed(frame, recv, &mut books), said);
        if let Ok(outcome) = said {
            assert!(outcome.instrument.is_none_or(|at| at < ids.len()));
            let unknown: u64 = usual.log().unknown().values().sum();
            assert!(outcome.message != FeedMessage::Unknown || unknown > 0);
        }
    }
    for ((kept, other), book) in events.iter().zip(&other_events).zip(&books) {
        assert!(kept.events == other.events && kept.bars == other.bars && kept.bars == book.bars);
        let (events, book) = (&kept.events, &book.events);
        events.view().check().expect("decoded rows keep the rules of columns");
        let mut replayed = L2Book::new();
        replayed.apply(&events.view(), 0, events.len());
        assert_eq!(replayed.state(), book.state());
        for side in [Side::Buy, Side::Sell] {
            assert!(replayed.iter(side).eq(book.iter(side)));
        }
    }
}
