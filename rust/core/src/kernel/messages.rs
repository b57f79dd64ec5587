//! What a market says: its messages, what is known of it, and the bars that are made of both.

use super::feature_feed::FailedFeed;
use super::feeds::{Finished, Heard, Told};
use super::input::{FeedUpdate, Rows};
use super::machine::{Kernel, KernelError};
use super::market::Market;
use super::record::{CandleRow, PublishedRow};
use super::topics::Topics;
use super::view::Content;
use crate::bars::{BarSource, BarsError};
use crate::book::{BookState, FillBasis, Touch};
use crate::event::View;
use crate::types::{MarketId, StrategyId};

impl Kernel {
    /// Closes the bars of a market that are due.
    pub(super) fn close_bars(&mut self, market: MarketId) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let now = core.now;
        let bars = &mut core.markets[market.index()].bars;
        let elapsed = bars.elapse(now);
        bars.finished(&mut self.finished);
        core.set_bars_due(market);
        self.content.clear();
        self.announce_all(market)?;
        elapsed.or_else(|failed| self.fail_followers(failed))
    }

    /// Those who follow bars that cannot be made fail.
    #[cold]
    fn fail_followers(
        &mut self,
        (error, followers): (BarsError, Vec<StrategyId>),
    ) -> Result<(), KernelError> {
        followers.into_iter().try_for_each(|strategy| self.failed(strategy, error.to_string()))
    }

    pub(super) fn on_known(&mut self, market: MarketId, rows: Rows<'_>) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let state = &mut core.markets[market.index()];
        if state.bars.are_idle() && state.features.is_empty() {
            state.view.know(rows, |_, _, _| ());
            core.mark(market, false);
            core.stops_know(market);
            return Ok(());
        }
        let Market { view, bars, features, .. } = state;
        let (basis, record, mut failure) = (view.basis(), &mut core.record, None);
        view.know(rows, |view: &View<'_>, from, to| {
            bars.record_rows(basis, view, from, to, |bar| record.candles.push(CandleRow { market, bar }));
            failure = failure.take().or(features.read(view, from, to));
        });
        core.mark(market, false);
        core.stops_know(market);
        failure.map_or(Ok(()), |failure| self.feature_failed(failure))
    }

    /// Those who follow features of which one failed fail with it.
    #[cold]
    fn feature_failed(&mut self, failure: FailedFeed) -> Result<(), KernelError> {
        let Some(problem) = failure.problem else { return Err(KernelError::Interrupted) };
        for strategy in failure.followers {
            self.failed(strategy, problem.clone())?;
        }
        Ok(())
    }

    pub(super) fn on_message(
        &mut self,
        at: i64,
        market: MarketId,
        rows: Rows<'_>,
    ) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let mut wanted = core.topics.followed(market);
        let (executes, holds) = (wanted.has(Topics::EXECUTION), wanted.has(Topics::HELD));
        if executes || holds || core.limits_need_trades() || core.stops_need_trades(market) {
            wanted = wanted.with(Topics::TRADES);
        }
        wanted = wanted.with(core.event_topics());
        let stamps = core.limits_need_stamps();
        if stamps {
            wanted = wanted.with(Topics::STAMPS);
        }
        let state = &mut core.markets[market.index()];
        if !state.bars.are_idle() {
            wanted = wanted.with(Topics::TRADES);
            if state.bars.are_followed() {
                wanted = wanted.with(Topics::BARS);
            }
            if state.bars.need(BarSource::Quotes) {
                wanted = wanted.with(Topics::QUOTES);
            }
        }
        if state.features.is_empty() {
            state.view.read(rows, wanted, &mut self.content, |_, _, _| ());
        } else {
            let (features, mut failure) = (&mut state.features, None);
            state.view.read(rows, wanted, &mut self.content, |view, from, to| {
                failure = failure.take().or(features.read(view, from, to));
            });
            if let Some(failure) = failure {
                self.feature_failed(failure)?;
            }
        }
        let core = self.ctx.core_mut();
        let state = &mut core.markets[market.index()];
        let mut heard = Ok(());
        if !state.bars.are_idle() {
            let is_barred = state.view.basis() == FillBasis::Bars;
            for trade in self.content.trades.iter().filter(|_| !is_barred) {
                state.bars.record(trade, |bar| core.record.candles.push(CandleRow { market, bar }));
            }
            let bars: &[_] = if is_barred { &self.content.bars } else { &[] };
            for bar in bars {
                state.bars.record_bar(bar, |bar| core.record.candles.push(CandleRow { market, bar }));
            }
            if state.bars.are_followed() {
                let Content { trades, quote, ts_event, .. } = &self.content;
                let quoted = quote.as_ref().and_then(Touch::twice_mid);
                // As everywhere else bars are made of the depth as it was recorded.
                let mid = state.bars.need(BarSource::Mid).then(|| state.view.depth_twice_mid()).flatten();
                let told = Told { trades: if is_barred { &[] } else { trades }, bars };
                heard = state.bars.hear(told, Heard { now: core.now, ts_event: *ts_event, quoted, mid });
                state.bars.finished(&mut self.finished);
                core.set_bars_due(market);
            }
        }
        if !self.content.stats.is_empty() && (core.is_followed(market) || !core.events_follow()) {
            let ts_recv = core.now;
            let rows = self.content.stats.iter().map(|stat| PublishedRow { ts_recv, market, stat: *stat });
            core.record.published.extend(rows);
        }
        if executes {
            core.count_volume(market, &self.content);
        }
        let core = self.ctx.core_mut();
        if core.limits_need_trades()
            && let (Some(trade), Some(engine)) = (self.content.trades.last(), core.desk.engine_mut())
        {
            engine.traded(market, trade.price);
        }
        if stamps && let Some(engine) = core.desk.engine_mut() {
            // By the clock as it is, which may have gone back.
            engine.stamped(at, market, self.content.ts_event);
        }
        if core.events.is_some() {
            core.tell_message(market, &self.content);
        }
        core.mark(market, false);
        if core.watches_stops(market) {
            core.watch_stops(market, Some(&self.content));
        }
        if holds {
            core.watch_held(market, &self.content);
        }
        self.announce_all(market)?;
        if executes {
            self.on_execution_message(market)?;
        }
        heard.or_else(|failed| self.fail_followers(failed))
    }

    /// Tells those who follow a market what they want to know.
    #[inline]
    fn announce_all(&mut self, market: MarketId) -> Result<(), KernelError> {
        let mut next = self.ctx.core().topics.of(market).first().copied();
        while let Some(subscriber) = next {
            self.announce(subscriber.strategy, subscriber.topics, market)?;
            // A hook may have changed the list, but only its own strategy's place in it.
            let subscribers = self.ctx.core().topics.of(market);
            let at = subscribers.partition_point(|s| s.strategy <= subscriber.strategy);
            next = subscribers.get(at).copied();
        }
        Ok(())
    }

    /// Tells one strategy what it wants to know of the message being delivered.
    #[inline]
    fn announce(
        &mut self,
        strategy: StrategyId,
        topics: Topics,
        market: MarketId,
    ) -> Result<(), KernelError> {
        if topics.has(Topics::BOOK_STATE)
            && let Some(state) = self.content.new_state
        {
            self.call(strategy, |s, ctx| s.on_book_state(ctx, market, state))?;
        }
        if topics.has(Topics::BARS) {
            for at in 0..self.finished.len() {
                let Finished { spec, bar } = self.finished[at];
                if self.ctx.core().market(market).bars.has_follower(strategy, &spec) {
                    self.call(strategy, |s, ctx| s.on_bar(ctx, market, &spec, &bar))?;
                }
            }
        }
        if topics.has(Topics::TRADES) {
            for at in 0..self.content.trades.len() {
                let trade = self.content.trades[at];
                self.call(strategy, |s, ctx| s.on_trade(ctx, market, trade))?;
            }
        }
        if topics.has(Topics::QUOTES)
            && let Some(quote) = self.content.quote
        {
            self.call(strategy, |s, ctx| s.on_quote(ctx, market, quote))?;
        }
        for at in 0..self.content.stats.len() {
            let stat = self.content.stats[at];
            if topics.has(stat.topic()) {
                self.call(strategy, |s, ctx| s.on_stat(ctx, market, stat))?;
            }
        }
        let book = topics.has(Topics::BOOK) && self.content.book
            || topics.has(Topics::TOUCH) && self.content.touch_moved;
        if book { self.call(strategy, |s, ctx| s.on_book(ctx, market)) } else { Ok(()) }
    }

    /// The feed of a market is in another state.
    pub(super) fn on_feed(&mut self, market: MarketId, update: &FeedUpdate) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let state = &mut core.markets[market.index()];
        let Some(book_state) = state.view.set_feed(update) else { return Ok(()) };
        state.features.set_state(core.now, book_state);
        core.tell_book_state(market, book_state, Some(&update.reason));
        self.on_book_state(market, book_state)
    }

    fn on_book_state(&mut self, market: MarketId, state: BookState) -> Result<(), KernelError> {
        for at in 0..self.runners.len() {
            let strategy = StrategyId::new(at);
            if self.ctx.core().topics.topics(strategy, market).has(Topics::BOOK_STATE) {
                self.call(strategy, |s, ctx| s.on_book_state(ctx, market, state))?;
            }
        }
        Ok(())
    }
}
