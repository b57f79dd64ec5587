//! Who wants to hear of what: a registry of (market, strategy, topics), changeable while a session runs.

use crate::bars::{BarSpec, BarSpecError};
use crate::types::{MarketId, StrategyId, did_you_mean, nearest};

/// A set of topics a strategy may follow in a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Topics(u16);

impl Topics {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Every message that changes the book.
    pub const BOOK: Self = Self(1);
    /// Messages that move a best price.
    pub const TOUCH: Self = Self(1 << 1);
    /// Trades.
    pub const TRADES: Self = Self(1 << 2);
    /// The venue's own best prices.
    pub const QUOTES: Self = Self(1 << 3);
    /// Changes of a book's state.
    pub const BOOK_STATE: Self = Self(1 << 4);
    /// Mark prices.
    pub const MARK: Self = Self(1 << 5);
    /// Index prices.
    pub const INDEX: Self = Self(1 << 6);
    /// Funding rates.
    pub const FUNDING: Self = Self(1 << 7);
    /// Open interest.
    pub const OPEN_INTEREST: Self = Self(1 << 8);
    /// Liquidations.
    pub const LIQUIDATIONS: Self = Self(1 << 9);
    /// Bars; which ones is kept beside.
    pub const BARS: Self = Self(1 << 10);
    /// Messages for executions; no hook tells of them.
    pub(super) const EXECUTION: Self = Self(1 << 11);
    /// Stamps of all messages, for limits; no hook tells of them.
    pub(super) const STAMPS: Self = Self(1 << 12);
    /// Messages for orders that the kernel keeps; no hook tells of them.
    pub(super) const HELD: Self = Self(1 << 13);

    /// Words for those that stand alone.
    const WORDS: [(&'static str, Self); 10] = [
        ("book", Self::BOOK),
        ("touch", Self::TOUCH),
        ("trades", Self::TRADES),
        ("quotes", Self::QUOTES),
        ("book_state", Self::BOOK_STATE),
        ("mark", Self::MARK),
        ("index", Self::INDEX),
        ("funding", Self::FUNDING),
        ("open_interest", Self::OPEN_INTEREST),
        ("liquidations", Self::LIQUIDATIONS),
    ];

    /// All that have a word, and bars.
    const NAMED: Self = {
        let (mut all, mut at) = (Self::BARS, 0);
        while at < Self::WORDS.len() {
            all = all.with(Self::WORDS[at].1);
            at += 1;
        }
        all
    };

    /// The words of those that have one; of bars it is `bars`, whichever they are.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let all = Self::WORDS.into_iter().chain([("bars", Self::BARS)]);
        all.filter(move |(_, topic)| self.has(*topic)).map(|(word, _)| word)
    }

    /// The topics in both or either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether one of `other`'s is among them.
    #[inline(always)]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits, for the journal.
    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    /// From [`Topics::bits`].
    pub(super) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

/// What [`Subscription::parse`] could not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownTopic {
    /// There is none of this name.
    #[error(
        "unknown topic {0:?}; expected book, touch, trades, quotes, book_state, mark, index, funding, open_interest, liquidations or bars:SPEC (bars:1m, bars:tick:100){hint}",
        hint = did_you_mean(near_topic(.0).as_deref())
    )]
    Word(String),
    /// There are no such bars.
    #[error("unknown topic {0:?}: {1}")]
    Bars(String, BarSpecError),
}

/// The topic that was meant: bars that lack the word, or the nearest one.
fn near_topic(text: &str) -> Option<String> {
    let spec = text.strip_prefix("bar:").unwrap_or(text);
    if BarSpec::parse(spec).is_ok() {
        return Some(format!("bars:{spec}"));
    }
    if text.starts_with("bar") {
        return None;
    }
    nearest(text, Topics::WORDS.into_iter().map(|(word, _)| word)).map(str::to_owned)
}

/// One thing to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// Topics that stand alone.
    Topics(Topics),
    /// Bars.
    Bars(BarSpec),
}

impl Subscription {
    /// The topics it is about.
    pub fn topics(self) -> Topics {
        match self {
            Self::Topics(topics) => topics,
            Self::Bars(_) => Topics::BARS,
        }
    }

    /// Reads a topic: `book`, `trades`, `bars:1m`, `bars:tick:100` ...
    ///
    /// # Errors
    /// [`UnknownTopic`].
    pub fn parse(text: &str) -> Result<Self, UnknownTopic> {
        if let Some(spec) = text.strip_prefix("bars:") {
            let spec = BarSpec::parse(spec).map_err(|error| UnknownTopic::Bars(text.to_owned(), error))?;
            return Ok(Self::Bars(spec));
        }
        let found = Topics::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, topic)| Self::Topics(*topic)).ok_or_else(|| UnknownTopic::Word(text.to_owned()))
    }
}

/// What a strategy follows in a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subscriber {
    pub(super) strategy: StrategyId,
    pub(super) topics: Topics,
}

/// Who follows what, by market. All in two short columns: it is asked at every message of every market.
#[derive(Debug)]
pub(super) struct Registry {
    /// By market, and within one by ascending strategy.
    subscribers: Vec<Subscriber>,
    /// Where those of each market begin, and behind the last market.
    starts: Vec<u32>,
    /// Grows with every change of whether somebody follows a market.
    version: u64,
    /// Grows with every change of what somebody follows that has a word.
    changes: u64,
}

impl Registry {
    /// Nobody follows any of so many markets.
    pub(super) fn new(markets: usize) -> Self {
        Self { subscribers: Vec::new(), starts: vec![0; markets + 1], version: 0, changes: 0 }
    }

    fn place(&self, market: MarketId) -> std::ops::Range<usize> {
        let at = market.index();
        self.starts[at] as usize..self.starts[at + 1] as usize
    }

    /// Those who follow something in a market, by ascending strategy.
    #[inline]
    pub(super) fn of(&self, market: MarketId) -> &[Subscriber] {
        &self.subscribers[self.place(market)]
    }

    /// Everything that somebody follows in a market.
    #[inline]
    pub(super) fn followed(&self, market: MarketId) -> Topics {
        self.of(market).iter().fold(Topics::NONE, |all, subscriber| all.with(subscriber.topics))
    }

    /// What a strategy follows in a market.
    pub(super) fn topics(&self, strategy: StrategyId, market: MarketId) -> Topics {
        let subscribers = self.of(market);
        subscribers.iter().find(|s| s.strategy == strategy).map_or(Topics::NONE, |s| s.topics)
    }

    /// A strategy follows these in a market, too, from now on.
    pub(super) fn add(&mut self, strategy: StrategyId, market: MarketId, topics: Topics) {
        self.set(strategy, market, self.topics(strategy, market).with(topics));
    }

    /// A strategy follows these in a market no longer.
    pub(super) fn remove(&mut self, strategy: StrategyId, market: MarketId, topics: Topics) {
        self.set(strategy, market, self.topics(strategy, market).without(topics));
    }

    /// Says what a strategy follows in a market from now on.
    fn set(&mut self, strategy: StrategyId, market: MarketId, topics: Topics) {
        let before = self.topics(strategy, market);
        self.changes += u64::from(before.without(topics).with(topics.without(before)).has(Topics::NAMED));
        let place = self.place(market);
        let found = self.of(market).binary_search_by_key(&strategy, |s| s.strategy);
        match found {
            Ok(at) if topics.is_empty() => {
                self.subscribers.remove(place.start + at);
                self.starts[market.index() + 1..].iter_mut().for_each(|start| *start -= 1);
            }
            Ok(at) => self.subscribers[place.start + at].topics = topics,
            Err(_) if topics.is_empty() => {}
            Err(at) => {
                self.subscribers.insert(place.start + at, Subscriber { strategy, topics });
                self.starts[market.index() + 1..].iter_mut().for_each(|start| *start += 1);
            }
        }
        if place.is_empty() != self.place(market).is_empty() {
            self.version += 1;
        }
    }

    /// Ends everything a strategy follows.
    pub(super) fn forget(&mut self, strategy: StrategyId) {
        let others = self.list().filter(|(_, subscriber)| subscriber.strategy != strategy).collect();
        self.replace(others);
    }

    /// Says all that is followed from now on.
    pub(super) fn replace(&mut self, mut list: Vec<(MarketId, Subscriber)>) {
        list.retain(|(_, subscriber)| !subscriber.topics.is_empty());
        list.sort_unstable_by_key(|(market, subscriber)| (*market, subscriber.strategy));
        list.dedup_by_key(|(market, subscriber)| (*market, subscriber.strategy));
        let behind = |market: usize| list.partition_point(|(other, _)| other.index() < market) as u32;
        let starts: Vec<u32> = (0..self.starts.len()).map(behind).collect();
        let is_empty = |starts: &[u32]| starts.windows(2).map(|ends| ends[0] == ends[1]).collect::<Vec<_>>();
        self.version += u64::from(is_empty(&starts) != is_empty(&self.starts));
        self.changes += 1;
        self.starts = starts;
        self.subscribers = list.into_iter().map(|(_, subscriber)| subscriber).collect();
    }

    /// Grows with every change of whether somebody follows a market.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Grows with every change of what somebody follows.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// All subscriptions.
    pub(super) fn list(&self) -> impl Iterator<Item = (MarketId, Subscriber)> + '_ {
        (0..self.starts.len() - 1)
            .map(MarketId::new)
            .flat_map(|market| self.of(market).iter().map(move |subscriber| (market, *subscriber)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_from_words() {
        assert_eq!(Subscription::parse("trades"), Ok(Subscription::Topics(Topics::TRADES)));
        let minute = BarSpec::time(60_000_000_000);
        assert_eq!(Subscription::parse("bars:1m"), Ok(Subscription::Bars(minute)));
        for bad in ["", "Trades", "bars", "bars:", "bars:0s", "bars:x", "on_trade"] {
            assert!(Subscription::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_registry_tells_when_a_market_gains_or_loses_its_followers() {
        let mut registry = Registry::new(2);
        let (market, a, b) = (MarketId::new(1), StrategyId::new(0), StrategyId::new(1));
        registry.set(b, market, Topics::TRADES);
        registry.set(a, market, Topics::BOOK.with(Topics::QUOTES));
        assert_eq!((registry.version(), registry.changes()), (1, 2));
        registry.add(a, market, Topics::EXECUTION);
        registry.add(a, market, Topics::QUOTES);
        assert_eq!((registry.topics(a, market).has(Topics::EXECUTION), registry.changes()), (true, 2));
        registry.remove(a, market, Topics::EXECUTION);
        assert_eq!(registry.topics(a, market).words().collect::<Vec<_>>(), ["book", "quotes"]);
        assert_eq!(registry.of(market).iter().map(|s| s.strategy).collect::<Vec<_>>(), [a, b]);
        let all = Topics::TRADES.with(Topics::BOOK).with(Topics::QUOTES);
        assert_eq!((registry.followed(market), registry.followed(MarketId::new(0))), (all, Topics::NONE));
        registry.set(b, MarketId::new(0), Topics::BOOK);
        assert_eq!(
            registry.list().map(|(m, s)| (m.index(), s.strategy)).collect::<Vec<_>>(),
            [(0, b), (1, a), (1, b)]
        );
        registry.set(b, MarketId::new(0), Topics::NONE);
        assert_eq!((registry.version(), registry.followed(market)), (3, all));
        registry.set(a, market, registry.topics(a, market).without(Topics::BOOK));
        assert!(
            !registry.topics(a, market).has(Topics::BOOK) && registry.topics(a, market).has(Topics::QUOTES)
        );
        let same = registry.list().collect();
        registry.replace(same);
        assert_eq!((registry.version(), registry.of(market).len()), (3, 2));
        registry.forget(a);
        assert_eq!(registry.of(market).iter().map(|s| s.strategy).collect::<Vec<_>>(), [b]);
        registry.forget(b);
        assert_eq!((registry.version(), registry.of(market).len()), (4, 0));
    }
}
