//! What kernels are told on the way: messages one by one where somebody follows them, of other markets how much is
//! known before a kernel is woken; and what they send in turn.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;

use super::Replay;
use crate::backtest::arrivals::Arrival;
use crate::backtest::lane::Delivery;
use crate::backtest::run::RunError;
use crate::backtest::sessions::Seat;
use crate::kernel::{Input, KernelError, Outgoing};
use crate::types::MarketId;

impl Replay {
    /// Delivers a message to those who follow its market, or to the limits that have to be told of its mid.
    #[inline]
    pub(super) fn deliver(&mut self, market: MarketId, arrival: Arrival) -> Result<(), RunError> {
        if let Some(only) = self.sessions.only() {
            let input = if self.lanes[market.index()].is_followed() {
                Input::Message { market, rows: arrival.alone() }
            } else {
                Input::Known { market, rows: arrival.with_earlier() }
            };
            return self.tell(only, arrival.visible, input);
        }
        for seat in self.sessions.deliver(market, arrival) {
            self.tell(seat, arrival.visible, Input::Message { market, rows: arrival.alone() })?;
        }
        Ok(())
    }

    /// Tells the kernel what it knows of markets nobody follows: all that reaches us before this time, and, in markets
    /// before this one, at it.
    #[inline]
    pub(super) fn know(&mut self, until: (i64, MarketId)) -> Result<(), RunError> {
        match self.awaited.peek() {
            Some(Reverse(next)) if *next < until => self.know_awaited(until),
            _ => Ok(()),
        }
    }

    fn know_awaited(&mut self, until: (i64, MarketId)) -> Result<(), RunError> {
        while let Some(mut next) = self.awaited.peek_mut() {
            let Reverse((at, market)) = *next;
            if (at, market) >= until {
                break;
            }
            let limit = until.0.saturating_add(i64::from(market < until.1));
            let lane = &mut self.lanes[market.index()];
            let known = if lane.is_followed() { None } else { lane.receive_before(limit) };
            match lane.next_arrival().filter(|_| !lane.is_followed()) {
                Some(at) => *next = Reverse((at, market)),
                None => {
                    lane.is_awaited = false;
                    PeekMut::pop(next);
                }
            }
            if let Some(arrival) = known {
                self.sessions.know(market, arrival)?;
            }
        }
        Ok(())
    }

    /// Hands a kernel an input and sends what its strategies ask for on its way.
    #[inline]
    pub(super) fn tell(&mut self, seat: Seat, at: i64, input: Input<'_>) -> Result<(), RunError> {
        let told = self.sessions.handle(seat, at, input);
        let mut first = Vec::new();
        let accounts = self.sessions.accounts(seat);
        for Outgoing { at, account, command, .. } in self.sessions.kernel(seat).drain() {
            let market = command.get().market();
            if !std::mem::replace(&mut self.lanes[market.index()].has_orders, true) {
                first.push((market, at));
            }
            self.venue.on_command(accounts.unwrap_or(account), command, at);
        }
        for (market, at) in first {
            self.go_back(seat, market, at);
            self.note_mid(market, at);
        }
        for refusal in self.sessions.kernel(seat).refusals() {
            self.venue.refuse(
                accounts.unwrap_or(refusal.account),
                &refusal.command,
                refusal.reason,
                refusal.at,
            );
        }
        self.ask_models(seat)?;
        if self.sessions.has_changed_topics(seat) {
            self.follow_all();
        }
        while let Some(market) = self.sessions.take_redrawn() {
            self.follow(market);
        }
        Ok(told?)
    }

    /// Takes what strategies ask to their models.
    #[inline]
    fn ask_models(&mut self, seat: Seat) -> Result<(), KernelError> {
        if self.sessions.kernel(seat).questions().is_empty() {
            return Ok(());
        }
        let questions = std::mem::take(self.sessions.kernel(seat).questions());
        questions.into_iter().try_for_each(|question| {
            let strategy = self.sessions.place_of(seat, question.strategy);
            self.models.ask(seat, strategy, question)
        })
    }

    /// Has those messages of a market be told that somebody asks for now. What reaches us in another order than the
    /// venue's is not known before it does: of that all is delivered where a mid may have to be.
    fn follow(&mut self, market: MarketId) {
        let lane = &mut self.lanes[market.index()];
        let delivery = match self.sessions.delivery(market) {
            Delivery::Beyond(_) if lane.receipts.is_some() => Delivery::Each,
            delivery => delivery,
        };
        let before = std::mem::replace(&mut lane.delivery, delivery);
        self.banded += usize::from(delivery.band().is_some());
        self.banded -= usize::from(before.band().is_some());
        self.followed.set(market.index(), lane.next_told());
        self.await_next(market);
    }

    /// Has a market be known in time that nobody follows, where something of it is on its way.
    #[inline]
    pub(super) fn await_next(&mut self, market: MarketId) {
        let lane = &mut self.lanes[market.index()];
        if !lane.is_followed()
            && !lane.is_awaited
            && let Some(at) = lane.next_arrival()
        {
            lane.is_awaited = true;
            self.awaited.push(Reverse((at, market)));
        }
    }

    /// The same of every market.
    pub(super) fn follow_all(&mut self) {
        for market in (0..self.lanes.len()).map(MarketId::new) {
            self.follow(market);
        }
    }
}
