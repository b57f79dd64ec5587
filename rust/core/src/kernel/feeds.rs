//! Bars of a market as it is known: candles for the record, and those that strategies follow.
//!
//! Candles are made of the rows alone, so that they are the same whether somebody follows the market or its rows are
//! told of later, many at once: trades close them, and the stamps of receipt are those of the data. What strategies follow
//! goes by the kernel's clock, which closes bars where the market is silent ([`BarFeeds::elapse`]); all of it passes
//! [`BarFeeds::finished`] before anybody hears of it.

use super::published::Trade;
use super::reader::{CodecError, Reader};
use super::writer::Writer;
use crate::bars::{Bar, BarSource, BarSpec, BarSpecError, Builder, Tick, TooManyBars};
use crate::event::{EventKind, View};
use crate::types::{Instrument, StrategyId};

/// Bars that strategies follow.
struct BarFeed {
    spec: BarSpec,
    builder: Builder,
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

    /// Whether bars are made of the venue's own best prices.
    pub(super) fn need_quotes(&self) -> bool {
        self.feeds.iter().any(|feed| feed.spec.source() == BarSource::Quotes)
    }

    /// Tells a strategy of bars from now on.
    pub(super) fn follow(
        &mut self,
        strategy: StrategyId,
        spec: &BarSpec,
        instrument: &Instrument,
    ) -> Result<(), BarSpecError> {
        let feed = self.feed(spec, instrument)?;
        if let Err(at) = feed.followers.binary_search(&strategy) {
            feed.followers.insert(at, strategy);
        }
        Ok(())
    }

    /// The feed of these bars, which begins now if there was none.
    fn feed(&mut self, spec: &BarSpec, instrument: &Instrument) -> Result<&mut BarFeed, BarSpecError> {
        let at = match self.feeds.iter().position(|feed| feed.spec == *spec) {
            Some(at) => at,
            None => {
                let builder = Builder::new(spec.rule_of(instrument)?);
                self.feeds.push(BarFeed { spec: *spec, builder, followers: Vec::new(), mid: None });
                self.feeds.len() - 1
            }
        };
        Ok(&mut self.feeds[at])
    }

    /// Tells a strategy of these bars no longer, of any if none are named. What nobody follows ends.
    pub(super) fn unfollow(&mut self, strategy: StrategyId, spec: Option<&BarSpec>) {
        for feed in self.feeds.iter_mut().filter(|feed| spec.is_none_or(|spec| feed.spec == *spec)) {
            feed.followers.retain(|follower| *follower != strategy);
        }
        self.feeds.retain(|feed| !feed.followers.is_empty());
    }

    /// Whether a strategy follows any of these bars, or any at all.
    pub(super) fn has_follower(&self, strategy: StrategyId, spec: Option<&BarSpec>) -> bool {
        let mut feeds = self.feeds.iter().filter(|feed| spec.is_none_or(|spec| feed.spec == *spec));
        feeds.any(|feed| feed.followers.contains(&strategy))
    }

    /// When the kernel's clock will next close a bar, and whether that has changed since it was last asked.
    #[inline]
    pub(super) fn deadline(&mut self) -> (Option<i64>, bool) {
        let deadline = self.feeds.iter().filter_map(|feed| feed.builder.deadline()).min();
        (deadline, std::mem::replace(&mut self.deadline, deadline) != deadline)
    }

    /// Takes rows for candles.
    pub(super) fn record_rows(&mut self, view: &View<'_>, from: usize, to: usize, mut out: impl FnMut(Bar)) {
        let Some(candles) = &mut self.candles else { return };
        for row in from..to {
            if view.kind[row] == EventKind::Trade as u8 {
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
    pub(super) fn hear(
        &mut self,
        trades: &[Trade],
        heard: Heard,
    ) -> Result<(), (TooManyBars, Vec<StrategyId>)> {
        let Self { feeds, finished, .. } = self;
        let mut failed = Ok(());
        feeds.retain_mut(|feed| match feed.hear(trades, heard, finished) {
            Ok(()) => true,
            Err(error) => {
                failed = Err((error, std::mem::take(&mut feed.followers)));
                false
            }
        });
        failed
    }

    /// Closes the bars that are due by `now`.
    ///
    /// # Errors
    /// As [`Self::hear`].
    pub(super) fn elapse(&mut self, now: i64) -> Result<(), (TooManyBars, Vec<StrategyId>)> {
        let Self { feeds, finished, .. } = self;
        let mut failed = Ok(());
        feeds.retain_mut(|feed| {
            let BarFeed { spec, builder, followers, .. } = &mut *feed;
            let elapsed = builder.elapse(now, &mut |bar| finish(finished, spec, bar, now));
            if let Err(error) = elapsed {
                failed = Err((error, std::mem::take(followers)));
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
        }
    }

    pub(super) fn load(
        &mut self,
        r: &mut Reader<'_>,
        instrument: &Instrument,
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
            let mut followers = Vec::new();
            for _ in 0..r.index()? {
                followers.push(r.strategy_of(strategies)?);
            }
            self.feeds.push(BarFeed { spec, builder, followers, mid });
        }
        Ok(())
    }
}

impl BarFeed {
    fn hear(
        &mut self,
        trades: &[Trade],
        heard: Heard,
        finished: &mut Vec<Finished>,
    ) -> Result<(), TooManyBars> {
        let Self { spec, builder, mid, .. } = self;
        let Heard { now, ts_event, .. } = heard;
        let mut out = |bar: &Bar| finish(finished, spec, bar, now);
        let price = match spec.source() {
            BarSource::Trades => {
                for trade in trades {
                    builder.push(tick(trade, now), &mut out)?;
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

/// The one place that every bar passes that strategies follow: it is available now.
fn finish(finished: &mut Vec<Finished>, spec: &BarSpec, bar: &Bar, now: i64) {
    finished.push(Finished { spec: *spec, bar: Bar { ts_available: now, ..*bar } });
}

fn tick(trade: &Trade, clock: i64) -> Tick<i64> {
    let side = trade.aggressor_side.map_or(0, |side| side.sign() as i8);
    Tick { ts_event: trade.ts_event, clock, price: trade.price, qty: trade.qty, side }
}

#[inline]
fn push_candle(candles: &mut Builder, tick: Tick<i64>, out: &mut impl FnMut(Bar)) {
    // Candles carry no empty windows, so one trade ends one at most.
    let _ = candles.push(tick, &mut |bar| out(*bar));
}
