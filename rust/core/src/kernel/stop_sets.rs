//! The stops of a session: the sets there are, the positions they watch, and the prices they look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::market::Market;
use super::view::Content;
use crate::book::{BookState, FillBasis, MarkPrice};
use crate::orders::{OrderId, TriggerBy};
use crate::risk::{BadLimit, PositionStops, Scope, StopConfig, StopTerms};
use crate::types::{AccountId, Decoded, MarketId, Reader, StrategyId, Writer};

/// Whose position, by market and then by strategy.
pub(super) type Pair = (MarketId, StrategyId);

/// A set of stops that came with the limits.
#[derive(Debug)]
pub(super) struct StopSet {
    pub(super) scope: Scope,
    pub(super) name: Arc<str>,
    terms: Arc<StopTerms>,
    /// The markets it is of, and the strategy, where it is one's.
    markets: Vec<bool>,
    strategy: Option<StrategyId>,
}

impl StopSet {
    fn covers(&self, (market, strategy): Pair) -> bool {
        self.markets[market.index()] && self.strategy.is_none_or(|own| own == strategy)
    }
}

/// A position that stops watch.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) stops: PositionStops,
    /// The orders that were to close it, as far as they are at the venue.
    pub(super) exits: Vec<OrderId>,
}

/// A market as stops see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Whether somebody's positions in it are watched, and by trades.
    pub(super) is_watched: bool,
    pub(super) needs_trades: bool,
    /// The last trade's price and the venue's mark, as columns have them, once they are known.
    last: Option<i64>,
    mark: Option<i64>,
}

/// The stops of a session.
#[derive(Debug, Default)]
pub(super) struct Stopping {
    sets: Vec<StopSet>,
    /// Those that strategies set themselves.
    pub(super) own: BTreeMap<Pair, Arc<StopTerms>>,
    pub(super) positions: BTreeMap<Pair, Guarded>,
    pub(super) seen: Vec<Seen>,
    /// When what is left of exits is sent again, ns.
    pub(super) round: Option<i64>,
    /// When something is to be done, ns.
    due: Option<i64>,
    version: u64,
}

impl Stopping {
    /// The stops of a configuration; none where it has none.
    ///
    /// # Errors
    /// [`BadLimit`] for a price that its instrument cannot have.
    pub(super) fn new(
        config: &StopConfig,
        markets: &[Market],
        strategies: &[(String, AccountId)],
    ) -> Result<Option<Self>, BadLimit> {
        let mut sets = Vec::new();
        for (scope, name, terms) in config.sets() {
            let is_in = |market: &Market| {
                let id = &market.instrument.id;
                match scope {
                    Scope::Venue => id.venue() == name,
                    Scope::Instrument => id.as_str() == name,
                    Scope::Account | Scope::Strategy => true,
                }
            };
            let strategy = strategies.iter().position(|(other, _)| other == name).map(StrategyId::new);
            for market in markets.iter().filter(|market| scope == Scope::Instrument && is_in(market)) {
                terms.check_on(&market.instrument).map_err(|BadLimit { field, problem }| {
                    BadLimit::new(format!("risk.instruments.{name}.stops.{field}"), problem)
                })?;
            }
            sets.push(StopSet {
                scope,
                name: name.into(),
                terms: Arc::clone(terms),
                markets: markets.iter().map(is_in).collect(),
                strategy: strategy.filter(|_| scope == Scope::Strategy),
            });
        }
        if sets.is_empty() {
            return Ok(None);
        }
        let mut stopping = Self { sets, ..Self::bare(markets.len()) };
        stopping.look_again(markets);
        Ok(Some(stopping))
    }

    /// Stops of which none is set.
    pub(super) fn bare(markets: usize) -> Self {
        Self { seen: vec![Seen::default(); markets], ..Self::default() }
    }

    /// Works out what has to be seen of each market.
    pub(super) fn look_again(&mut self, markets: &[Market]) {
        for (at, (seen, market)) in self.seen.iter_mut().zip(markets).enumerate() {
            let given = self.sets.iter().filter(|set| set.markets[at]).map(|set| &set.terms);
            let id = MarketId::new(at);
            let own = self.own.range((id, StrategyId::new(0))..).take_while(|((m, _), _)| *m == id);
            let (mut is_watched, mut needs_trades) = (false, false);
            for terms in given.chain(own.map(|(_, terms)| terms)) {
                is_watched = true;
                needs_trades |= terms.trigger == TriggerBy::Last || !market.view.basis().has_book();
            }
            self.version += u64::from(is_watched != seen.is_watched);
            (seen.is_watched, seen.needs_trades) = (is_watched, needs_trades);
        }
    }

    /// When something is to be done, ns.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        self.due
    }

    /// Grows where the markets change whose every message has to be seen.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// A set that came with the limits.
    pub(super) fn set(&self, set: usize) -> Option<&StopSet> {
        self.sets.get(set)
    }

    /// Every set that watches somebody's positions.
    pub(super) fn of(&self, pair: Pair) -> impl Iterator<Item = (Option<usize>, Arc<StopTerms>)> + '_ {
        let sets = self.sets.iter().enumerate().filter(move |(_, set)| set.covers(pair));
        let given = sets.map(|(at, set)| (Some(at), Arc::clone(&set.terms)));
        given.chain(self.own.get(&pair).map(|terms| (None, Arc::clone(terms))))
    }

    /// Works out when something is to be done.
    pub(super) fn refresh(&mut self) {
        let waits = self.positions.values().filter_map(|guarded| guarded.stops.due());
        self.due = waits.chain(self.round).min();
    }

    /// The positions in a market, with whose they are.
    pub(super) fn in_market(&mut self, market: MarketId) -> impl Iterator<Item = (Pair, &mut Guarded)> {
        let from = self.positions.range_mut((market, StrategyId::new(0))..);
        from.take_while(move |((m, _), _)| *m == market).map(|(pair, guarded)| (*pair, guarded))
    }

    /// Writes down what strategies have set and what prices have done.
    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.option(self.round, Writer::i64);
        w.index(self.own.len());
        for (pair, terms) in &self.own {
            save_pair(w, *pair);
            w.stop_terms(terms);
        }
        w.index(self.positions.len());
        for (pair, guarded) in &self.positions {
            save_pair(w, *pair);
            guarded.stops.save(w);
            w.list(guarded.exits.iter(), |w, id| w.u64(*id));
        }
        for seen in &self.seen {
            w.option(seen.last, Writer::i64);
            w.option(seen.mark, Writer::i64);
        }
    }

    /// Goes on from what [`Stopping::save`] wrote of stops that were set up alike.
    pub(super) fn load(&mut self, r: &mut Reader<'_>, strategies: usize, markets: &[Market]) -> Decoded<()> {
        let pair_of = |r: &mut Reader<'_>| Ok((r.market_of(markets.len())?, r.strategy_of(strategies)?));
        self.round = r.option(Reader::i64)?;
        for _ in 0..r.index()? {
            self.own.insert(pair_of(r)?, Arc::new(r.stop_terms()?));
        }
        for _ in 0..r.index()? {
            let pair = pair_of(r)?;
            let step = markets[pair.0.index()].instrument.price_increment;
            let terms_of = |set: Option<usize>| match set {
                Some(at) => self.sets.get(at).filter(|set| set.covers(pair)).map(|set| &set.terms).cloned(),
                None => self.own.get(&pair).cloned(),
            };
            let stops = PositionStops::load(r, step, terms_of)?;
            self.positions.insert(pair, Guarded { stops, exits: r.list(Reader::u64)? });
        }
        for seen in &mut self.seen {
            (seen.last, seen.mark) = (r.option(Reader::i64)?, r.option(Reader::i64)?);
        }
        self.look_again(markets);
        self.refresh();
        Ok(())
    }
}

fn save_pair(w: &mut Writer<'_>, (market, strategy): Pair) {
    w.index(market.index());
    w.index(strategy.index());
}

impl Seen {
    /// Takes what a message says of the last trade and the mark.
    pub(super) fn note(&mut self, content: &Content) {
        self.last = content.trades.last().map(|trade| trade.price).or(self.last);
        self.mark = content.marks().last().or(self.mark);
    }

    /// The prices of a kind that a message told, in order; a mid where that kind has never been known. In bars, of
    /// which nobody knows what came first, the worst price does.
    pub(super) fn each_price(
        &self,
        trigger: TriggerBy,
        is_long: bool,
        market: &Market,
        content: Option<&Content>,
        mut look: impl FnMut(MarkPrice),
    ) {
        let view = &market.view;
        let Some(content) = content else { return mid(market).into_iter().for_each(look) };
        if view.basis() == FillBasis::Bars {
            for bar in &content.bars {
                let (worst, best) = if is_long { (bar.low, bar.high) } else { (bar.high, bar.low) };
                [worst, best, bar.close].into_iter().map(traded).for_each(&mut look);
            }
            return;
        }
        let trades = content.trades.iter().map(|trade| traded(trade.price));
        match trigger {
            _ if !view.basis().has_book() => trades.for_each(look),
            TriggerBy::Last if self.last.is_some() => trades.for_each(look),
            TriggerBy::Mark if self.mark.is_some() => content.marks().map(MarkPrice::Fine).for_each(look),
            TriggerBy::Last | TriggerBy::Mark | TriggerBy::Mid => mid(market).into_iter().for_each(look),
        }
    }

    /// A price of a kind as it is known now.
    pub(super) fn now(&self, trigger: TriggerBy, market: &Market) -> Option<MarkPrice> {
        let told = match trigger {
            TriggerBy::Last => self.last.map(traded),
            TriggerBy::Mark => self.mark.map(MarkPrice::Fine),
            TriggerBy::Mid => None,
        };
        told.or_else(|| mid(market))
    }
}

/// A price of a trade, as a price that a market is at.
fn traded(price: i64) -> MarkPrice {
    MarkPrice::Twice(price.saturating_mul(2))
}

/// The middle of a book that can be traded on; the last print of a market without one.
fn mid(market: &Market) -> Option<MarkPrice> {
    let touch = market.view.touch();
    let is_sound = touch.state == BookState::Synced && !touch.is_crossed();
    let twice = if market.view.basis().has_book() {
        touch.twice_mid().filter(|_| is_sound)
    } else {
        market.view.twice_mid()
    };
    twice.map(MarkPrice::Twice)
}
