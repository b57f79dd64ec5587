//! Bars of a market as it is known: candles for the record, and those that strategies follow.
//!
//! Candles are made of the rows alone, so that they are the same whether somebody follows the market or its rows are
//! told of later, many at once: trades close them, and the stamps of receipt are those of the data. What strategies follow
//! goes by the kernel's clock, which closes bars where the market is silent ([`BarFeeds::elapse`]); all of it passes
//! [`BarFeeds::finished`] before anybody hears of it.

use super::published::Trade;
use crate::bars::{Bar, BarSource, BarSpec, BarSpecError, BarsError, Builder, Tick};
use crate::book::FillBasis;
use crate::event::{EventKind, VenueBar, View};
use crate::indicators::Stream;
use crate::types::{CodecError, Instrument, Reader, StrategyId, Writer};
use std::sync::Arc;

/// An indicator of the bars of a feed.
struct Attached {
    stream: Stream,
    /// Who looks at it, in ascending order.
    users: Vec<StrategyId>,
}

/// Bars that strategies follow, and the indicators made of them.
struct BarFeed {
    spec: BarSpec,
    builder: Builder,
    instrument: Arc<Instrument>,
    indicators: Vec<Attached>,
    /// Who is told, in ascending order.
    followers: Vec<StrategyId>,
    /// The sum of best prices last taken, of bars of mid prices.
    mid: Option<i64>,
}

/// A finished bar, and which it is one of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finished {
    pub(super) spec: BarSpec,
    pub(super) bar: Bar,
}

/// What a message says beside its trades.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    /// Our clock, ns.
    pub(super) now: i64,
    /// Venue's clock at its end, ns.
    pub(super) ts_event: i64,
    /// Sum of the venue's own best prices, if it quotes them.
    pub(super) quoted: Option<i64>,
    /// Sum of the best prices of the book after it.
    pub(super) mid: Option<i64>,
}

/// What a message tells bars of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    /// Its trades.
    pub(super) trades: &'a [Trade],
    /// Its bars of the venue, where orders are filled against those: else bars are made of trades.
    pub(super) bars: &'a [VenueBar],
}

/// All bars of one market.
#[derive(Default)]
pub(super) struct BarFeeds {
    candles: Option<Builder>,
    feeds: Vec<BarFeed>,
    /// When the kernel's clock closes the next bar, as last told.
    deadline: Option<i64>,
    /// What was finished by the input being handled.
    finished: Vec<Finished>,
}

impl BarFeeds {
    /// With candles of this length for the record, ns.
    pub(super) fn new(candle_ns: Option<i64>) -> Self {
        let rule = |interval| BarSpec::time(interval).rule_of_windows();
        let candles = candle_ns.and_then(rule).map(Builder::without_clock);
        Self { candles, ..Self::default() }
    }

    /// Whether nobody needs the rows.
    #[inline(always)]
    pub(super) fn are_idle(&self) -> bool {
        self.candles.is_none() && self.feeds.is_empty()
    }

    /// Whether a strategy follows bars.
    #[inline(always)]
    pub(super) fn are_followed(&self) -> bool {
        !self.feeds.is_empty()
    }

    /// Whether bars are made of something.
    pub(super) fn need(&self, source: BarSource) -> bool {
        self.feeds.iter().any(|feed| feed.spec.source() == source)
    }

    /// Tells a strategy of bars from now on.
    pub(super) fn follow(
        &mut self,
        strategy: StrategyId,
        spec: &BarSpec,
        instrument: &Arc<Instrument>,
    ) -> Result<(), BarSpecError> {
        let feed = self.feed(spec, instrument)?;
        if let Err(at) = feed.followers.binary_search(&strategy) {
            feed.followers.insert(at, strategy);
        }
        Ok(())
    }

    /// The feed of these bars, which begins now if there was none.
    fn feed(&mut self, spec: &BarSpec, instrument: &Arc<Instrument>) -> Result<&mut BarFeed, BarSpecError> {
        let at = match self.feeds.iter().position(|feed| feed.spec == *spec) {
            Some(at) => at,
            None => {
                let builder = Builder::new(spec.rule_of(instrument)?);
                let (instrument, indicators) = (Arc::clone(instrument), Vec::new());
                self.feeds.push(BarFeed {
                    spec: *spec,
                    builder,
                    instrument,
                    indicators,
                    followers: Vec::new(),
                    mid: None,
                });
                self.feeds.len() - 1
            }
        };
        Ok(&mut self.feeds[at])
    }

    /// Tells a strategy of these bars no longer. What nobody needs ends.
    pub(super) fn unfollow(&mut self, strategy: StrategyId, spec: &BarSpec) {
        for feed in self.feeds.iter_mut().filter(|feed| feed.spec == *spec) {
            feed.followers.retain(|follower| *follower != strategy);
        }
        self.feeds.retain(BarFeed::is_needed);
    }

    /// A strategy needs nothing any more.
    pub(super) fn forget(&mut self, strategy: StrategyId) {
        for feed in &mut self.feeds {
            feed.followers.retain(|follower| *follower != strategy);
            feed.indicators.iter_mut().for_each(|i| i.users.retain(|user| *user != strategy));
            feed.indicators.retain(|indicator| !indicator.users.is_empty());
        }
        self.feeds.retain(BarFeed::is_needed);
    }

    /// Makes an indicator of bars for a strategy, from the next one on. One that is there already goes on.
    pub(super) fn attach(
        &mut self,
        strategy: StrategyId,
        spec: &BarSpec,
        instrument: &Arc<Instrument>,
        stream: Stream,
    ) -> Result<(), BarSpecError> {
        let indicators = &mut self.feed(spec, instrument)?.indicators;
        let at = indicators.iter().position(|other| is_same(&other.stream, &stream)).unwrap_or_else(|| {
            indicators.push(Attached { stream, users: Vec::new() });
            indicators.len() - 1
        });
        if let Err(place) = indicators[at].users.binary_search(&strategy) {
            indicators[at].users.insert(place, strategy);
        }
        Ok(())
    }

    /// An indicator that a strategy has asked for.
    pub(super) fn indicator(&self, strategy: StrategyId, spec: &BarSpec, like: &Stream) -> Option<&Stream> {
        let mut feeds = self.feeds.iter().filter(|feed| feed.spec == *spec);
        let indicators = &feeds.next()?.indicators;
        let found = indicators.iter().find(|other| is_same(&other.stream, like))?;
        found.users.contains(&strategy).then_some(&found.stream)
    }

    /// Whether a strategy needs any bars.
    pub(super) fn are_needed_by(&self, strategy: StrategyId) -> bool {
        self.feeds.iter().any(|feed| {
            feed.followers.contains(&strategy) || feed.indicators.iter().any(|i| i.users.contains(&strategy))
        })
    }

    /// Whether a strategy is told of these bars.
    pub(super) fn has_follower(&self, strategy: StrategyId, spec: &BarSpec) -> bool {
        self.feeds.iter().any(|feed| feed.spec == *spec && feed.followers.contains(&strategy))
    }

    /// When the kernel's clock will next close a bar, and whether that has changed since it was last asked.
    #[inline]
    pub(super) fn deadline(&mut self) -> (Option<i64>, bool) {
        let deadline = self.feeds.iter().filter_map(|feed| feed.builder.deadline()).min();
        (deadline, std::mem::replace(&mut self.deadline, deadline) != deadline)
    }

    /// Takes rows for candles: trades, or bars of the venue where orders are filled against those.
    pub(super) fn record_rows(
        &mut self,
        basis: FillBasis,
        view: &View<'_>,
        from: usize,
        to: usize,
        mut out: impl FnMut(Bar),
    ) {
        let Some(candles) = &mut self.candles else { return };
        for row in from..to {
            if basis == FillBasis::Bars {
                if let Some(bar) = VenueBar::read(view, row, from) {
                    merge_candle(candles, &bar, &mut out);
                }
            } else if view.kind[row] == EventKind::Trade as u8 {
                push_candle(
                    candles,
                    Tick {
                        ts_event: view.ts_event[row],
                        clock: view.ts_recv[row],
                        price: view.price.get(row),
                        qty: view.qty.get(row),
                        side: view.side[row],
                    },
                    &mut out,
                );
            }
        }
    }

    /// Takes a trade for candles.
    #[inline]
    pub(super) fn record(&mut self, trade: &Trade, mut out: impl FnMut(Bar)) {
        if let Some(candles) = &mut self.candles {
            push_candle(candles, tick(trade, trade.ts_recv), &mut out);
        }
    }

    /// Takes a bar of the venue for candles.
    pub(super) fn record_bar(&mut self, bar: &VenueBar, mut out: impl FnMut(Bar)) {
        if let Some(candles) = &mut self.candles {
            merge_candle(candles, bar, &mut out);
        }
    }

    /// The last candle, as far as it goes.
    pub(super) fn last_candle(&mut self, mut out: impl FnMut(Bar)) {
        if let Some(candles) = &mut self.candles {
            // Candles carry no empty windows.
            let _ = candles.flush(&mut |bar| out(*bar));
        }
    }

    /// Takes a message for bars that are followed; those that are finished by it can be had from [`Self::finished`].
    ///
    /// # Errors
    /// What the followers of some bars are told, which end.
    pub(super) fn hear(&mut self, told: Told<'_>, heard: Heard) -> Result<(), (BarsError, Vec<StrategyId>)> {
        let Self { feeds, finished, .. } = self;
        let mut failed = Ok(());
        feeds.retain_mut(|feed| match feed.hear(told, heard, finished) {
            Ok(()) => true,
            Err(error) => {
                failed = Err((error, feed.everybody()));
                false
            }
        });
        failed
    }

    /// Closes the bars that are due by `now`.
    ///
    /// # Errors
    /// As [`Self::hear`].
    pub(super) fn elapse(&mut self, now: i64) -> Result<(), (BarsError, Vec<StrategyId>)> {
        let Self { feeds, finished, .. } = self;
        let mut failed = Ok(());
        feeds.retain_mut(|feed| {
            let BarFeed { spec, builder, instrument, indicators, .. } = &mut *feed;
            let mut out = |bar: &Bar| finish(finished, spec, instrument, indicators, bar, now);
            let elapsed = builder.elapse(now, &mut out);
            if let Err(error) = elapsed {
                failed = Err((error, feed.everybody()));
            }
            elapsed.is_ok()
        });
        failed
    }

    /// Moves the bars that were finished to where they are told from.
    #[inline]
    pub(super) fn finished(&mut self, told: &mut Vec<Finished>) {
        told.clear();
        told.append(&mut self.finished);
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.option(self.candles.as_ref(), |w, candles| w.bytes(&candles.save()));
        w.index(self.feeds.len());
        for feed in &self.feeds {
            w.text(&feed.spec.to_string());
            w.option(feed.mid, Writer::i64);
            w.bytes(&feed.builder.save());
            w.index(feed.followers.len());
            for strategy in &feed.followers {
                w.index(strategy.index());
            }
            w.index(feed.indicators.len());
            for Attached { stream, users } in &feed.indicators {
                w.bytes(&stream.save());
                w.index(users.len());
                for strategy in users {
                    w.index(strategy.index());
                }
            }
        }
    }

    pub(super) fn load(
        &mut self,
        r: &mut Reader<'_>,
        instrument: &Arc<Instrument>,
        strategies: usize,
    ) -> Result<(), CodecError> {
        let candles = r.option(|r| r.bytes().map(<[u8]>::to_vec))?;
        self.candles = match (self.candles.take(), candles) {
            (Some(candles), Some(state)) => match candles.load(&state) {
                Some(candles) => Some(candles),
                None => return r.error("candles"),
            },
            (candles, _) => candles,
        };
        for _ in 0..r.index()? {
            let Ok(spec) = BarSpec::parse(r.text()?) else { return r.error("bars") };
            let Ok(rule) = spec.rule_of(instrument) else { return r.error("bars of the instrument") };
            let mid = r.option(Reader::i64)?;
            let Some(builder) = Builder::new(rule).load(r.bytes()?) else { return r.error("an open bar") };
            let followers = load_strategies(r, strategies)?;
            let mut indicators = Vec::new();
            for _ in 0..r.index()? {
                let Ok(stream) = Stream::load(r.bytes()?) else { return r.error("an indicator") };
                indicators.push(Attached { stream, users: load_strategies(r, strategies)? });
            }
            let instrument = Arc::clone(instrument);
            self.feeds.push(BarFeed { spec, builder, instrument, indicators, followers, mid });
        }
        Ok(())
    }
}

fn load_strategies(r: &mut Reader<'_>, strategies: usize) -> Result<Vec<StrategyId>, CodecError> {
    (0..r.index()?).map(|_| r.strategy_of(strategies)).collect()
}

/// Whether two indicators are the same, whatever they have seen.
fn is_same(a: &Stream, b: &Stream) -> bool {
    std::ptr::eq(a.spec(), b.spec()) && a.values() == b.values() && a.policy() == b.policy()
}

impl BarFeed {
    fn is_needed(&self) -> bool {
        !(self.followers.is_empty() && self.indicators.is_empty())
    }

    /// Who is told of its bars, or looks at what is made of them.
    fn everybody(&self) -> Vec<StrategyId> {
        let users = self.indicators.iter().flat_map(|indicator| &indicator.users);
        let mut all: Vec<_> = self.followers.iter().chain(users).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn hear(&mut self, told: Told<'_>, heard: Heard, finished: &mut Vec<Finished>) -> Result<(), BarsError> {
        let Self { spec, builder, instrument, indicators, mid, .. } = self;
        let Heard { now, ts_event, .. } = heard;
        let mut out = |bar: &Bar| finish(finished, spec, instrument, indicators, bar, now);
        let price = match spec.source() {
            BarSource::Trades => {
                for trade in told.trades {
                    builder.push(tick(trade, now), &mut out)?;
                }
                for bar in told.bars {
                    builder.merge(bar, now, &mut out)?;
                }
                None
            }
            BarSource::Quotes => heard.quoted,
            BarSource::Mid if heard.mid == *mid => None,
            BarSource::Mid => {
                *mid = heard.mid;
                heard.mid
            }
        };
        if let Some(price) = price {
            builder.push(Tick { ts_event, clock: now, price, qty: 0, side: 0 }, &mut out)?;
        }
        builder.watermark(ts_event, now, &mut out)
    }
}

/// The one place that every bar passes that strategies follow: it is available now. Indicators take it once; they cannot
/// go back when it is amended.
fn finish(
    finished: &mut Vec<Finished>,
    spec: &BarSpec,
    instrument: &Instrument,
    indicators: &mut [Attached],
    bar: &Bar,
    now: i64,
) {
    if bar.revision == 0 && !indicators.is_empty() {
        let bars = bar.to_floats(spec, instrument);
        let numbers = [bars.open, bars.high, bars.low, bars.close, bars.volume, bar.ts_open as f64];
        for indicator in indicators {
            indicator.stream.update_bar(&numbers);
        }
    }
    finished.push(Finished { spec: *spec, bar: Bar { ts_available: now, ..*bar } });
}

fn tick(trade: &Trade, clock: i64) -> Tick<i64> {
    let side = trade.aggressor_side.map_or(0, |side| side.sign() as i8);
    Tick { ts_event: trade.ts_event, clock, price: trade.price, qty: trade.qty, side }
}

fn merge_candle(candles: &mut Builder, bar: &VenueBar, out: &mut impl FnMut(Bar)) {
    // As of trades.
    let _ = candles.merge(bar, bar.ts_recv, &mut |bar| out(*bar));
}

#[inline]
fn push_candle(candles: &mut Builder, tick: Tick<i64>, out: &mut impl FnMut(Bar)) {
    // Candles carry no empty windows, so one trade ends one at most.
    let _ = candles.push(tick, &mut |bar| out(*bar));
}
