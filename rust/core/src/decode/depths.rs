//! What the beginning of a capture says of the depth in it, so that one stream is the book from the first frame on.

use std::collections::BTreeSet;

use super::binance::{Depth, DepthSource, PARTIAL_LEVELS, names};
use super::json::{Json, Value, unescaped};

/// Snapshots of so few levels that are no answers to a request when there are deeper ones, too.
const MANY: usize = 3;

/// A frame with depth in it.
#[derive(Default)]
struct Glimpse<'a> {
    event: Option<Value<'a>>,
    symbol: Option<Value<'a>>,
    previous: Option<Value<'a>>,
    first: Option<Value<'a>>,
    last: Option<Value<'a>>,
    last_update_id: Option<Value<'a>>,
    bids: Option<Value<'a>>,
    asks: Option<Value<'a>>,
}

impl<'a> Glimpse<'a> {
    fn take(&mut self, key: &[u8], value: Value<'a>) {
        match key {
            b"e" => self.event = Some(value),
            b"s" => self.symbol = Some(value),
            b"pu" => self.previous = Some(value),
            b"U" => self.first = Some(value),
            b"u" => self.last = Some(value),
            b"lastUpdateId" => self.last_update_id = Some(value),
            b"b" | b"bids" => self.bids = Some(value),
            b"a" | b"asks" => self.asks = Some(value),
            _ => {}
        }
    }

    /// The update id that it goes on from.
    fn begins_after(&self) -> Option<u64> {
        self.previous.and_then(number).or_else(|| self.first.and_then(number)?.checked_sub(1))
    }

    /// Levels of the deeper side, if there are some on both and none of them is removed.
    fn whole(&self) -> Option<usize> {
        Some(levels(self.bids?)?.max(levels(self.asks?)?))
    }
}

/// An update id.
fn number(value: Value<'_>) -> Option<u64> {
    std::str::from_utf8(value.raw()).ok()?.parse().ok()
}

/// How many levels a side has; `None` if there is none, or one that is removed.
fn levels(side: Value<'_>) -> Option<usize> {
    let mut count = 0;
    for level in Json::new(side.raw()).elements().ok()? {
        let qty = Json::new(level.raw()).elements().ok()?.nth(1)?;
        if qty.unquoted().iter().all(|c| matches!(c, b'0' | b'.')) {
            return None;
        }
        count += 1;
    }
    (count > 0).then_some(count)
}

/// The frames of a stream.
struct Stream {
    name: String,
    /// Whether they are updates; else they are partial depth.
    are_updates: bool,
    frames: usize,
    /// What the first of them goes on from, where it says so.
    begins_after: Option<u64>,
}

/// The depth of one instrument in the beginning of a capture.
#[derive(Default)]
pub(super) struct DepthSurvey {
    /// Those with a name, as they appear first.
    named: Vec<Stream>,
    /// The smallest update id of a snapshot without a name.
    base: Option<u64>,
    /// Updates without a name.
    bare: usize,
    /// Those of them that show a few levels of both sides and remove none.
    bare_whole: usize,
    /// Those of them that continue the one before.
    bare_linked: usize,
    bare_last: Option<Vec<u8>>,
    /// Update ids of snapshots without a name that have few levels: one may be there in two files.
    shallow: BTreeSet<Vec<u8>>,
    /// Those that have more.
    deep: usize,
}

impl DepthSurvey {
    /// Takes a frame; what is broken or of something else says nothing here.
    pub(super) fn take(&mut self, frame: &[u8], symbol: &str) {
        let (mut glimpse, mut stream) = (Glimpse::default(), None);
        let read = Json::new(frame).object(|json, key| match key {
            b"data" if json.peek() == Some(b'{') => json.object(|json, key| {
                let value = json.value()?;
                glimpse.take(key, value);
                Ok(())
            }),
            b"stream" => json.value().map(|value| stream = Some(unescaped(value.text()))),
            _ => json.value().map(|value| glimpse.take(key, value)),
        });
        let is_update = glimpse.event.is_some_and(|event| event.text() == b"depthUpdate");
        if read.is_err() || !(is_update || glimpse.last_update_id.is_some()) {
            return;
        }
        let is_ours = match (glimpse.symbol, &stream) {
            (Some(named), _) => *unescaped(named.text()) == *symbol.as_bytes(),
            (None, Some(stream)) => names(stream, symbol),
            (None, None) => true,
        };
        if !is_ours {
            return;
        }
        match Depth::of(stream.as_deref().unwrap_or_default()) {
            Depth::Updates(name) => self.named(true, name, glimpse.begins_after()),
            Depth::Partial(name) => self.named(false, name, None),
            Depth::Rpi => {}
            Depth::Unnamed if is_update => {
                if glimpse.last.map(Value::raw) == self.bare_last.as_deref() {
                    return;
                }
                self.bare += 1;
                self.bare_whole += usize::from(glimpse.whole().is_some_and(|whole| whole <= PARTIAL_LEVELS));
                let previous = glimpse.previous.map(Value::raw);
                self.bare_linked += usize::from(previous.is_some() && previous == self.bare_last.as_deref());
                self.bare_last = glimpse.last.map(|last| last.raw().to_vec());
            }
            Depth::Unnamed => {
                let id = glimpse.last_update_id.and_then(number);
                self.base = self.base.into_iter().chain(id).min();
                match glimpse.whole() {
                    Some(whole) if whole > PARTIAL_LEVELS => self.deep += 1,
                    _ => self.shallow.extend(glimpse.last_update_id.map(|id| id.raw().to_vec())),
                }
            }
        }
    }

    fn named(&mut self, are_updates: bool, name: &[u8], begins_after: Option<u64>) {
        let name = String::from_utf8_lossy(name);
        match self.named.iter_mut().find(|known| known.name == name) {
            Some(known) => known.frames += 1,
            None => {
                self.named.push(Stream { name: name.into_owned(), are_updates, frames: 1, begins_after });
            }
        }
    }

    /// Whether a stream was there when the book began: one that joined it later does not go on from a snapshot.
    fn is_there(&self, stream: &Stream) -> bool {
        stream.begins_after.zip(self.base).is_none_or(|(after, base)| after <= base)
    }

    /// The stream that is the book: of updates before partial depth, then of those that were there when it began, then the
    /// one with most frames, then the first.
    pub(super) fn source(&self) -> DepthSource {
        let most = |updates: bool| {
            let streams = self.named.iter().rev().filter(|known| known.are_updates == updates);
            streams.max_by_key(|known| (self.is_there(known), known.frames)).map(|known| known.name.clone())
        };
        if let Some(name) = most(true) {
            return DepthSource::Updates(name);
        }
        // Updates that never remove a level nor continue one another show the best levels anew each time.
        if self.bare > 1 && self.bare_whole == self.bare && self.bare_linked == 0 {
            return DepthSource::Partial(None);
        }
        match most(false) {
            Some(name) if self.bare == 0 && self.deep == 0 => DepthSource::Partial(Some(name)),
            _ => DepthSource::First,
        }
    }

    /// Whether snapshots without a name that have few levels are partial depth beside updates.
    pub(super) fn has_bare_partial(&self) -> bool {
        let has_updates = self.bare > 0 || self.named.iter().any(|known| known.are_updates);
        has_updates && self.deep > 0 && self.shallow.len() >= MANY
    }
}
