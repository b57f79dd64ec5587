//! Recorded data passing the simulated venue: how far each market goes on before another one, or us, has to be looked
//! after.

use super::Replay;
use crate::backtest::arrivals::Arrival;
use crate::backtest::lane::Upcoming;
use crate::backtest::run::{Monitor, RunError};
use crate::backtest::sessions::Seat;
use crate::book::Touch;
use crate::event::{FeedError, Span};
use crate::kernel::{HookError, KernelError, Known, MidRow, Seen};
use crate::sim::Stamp;
use crate::types::MarketId;

/// A market of which fewer messages were due at once runs ahead: what is far away in memory is fetched once for many.
const FEW: usize = 4;
/// By so many messages.
const AHEAD: usize = 8;

/// How far a market may go on by itself.
struct Limits {
    /// Whether nothing of ours is in it.
    is_alone: bool,
    /// The last time at which it is still the next of all markets.
    leads_until: i64,
    /// We are not woken before.
    wake: i64,
    /// Its last message is not later.
    stop: i64,
    /// The shortest way from a venue back to us, ns.
    least_response: i64,
}

impl Limits {
    /// When we can be woken at the earliest after a message at `now` that is followed by one at `next`.
    #[inline]
    fn woken(&self, now: i64, next: i64, touched: bool) -> i64 {
        if self.is_alone {
            return self.wake;
        }
        let happens = if touched { now } else { next.min(self.leads_until) };
        self.wake.min(happens.saturating_add(self.least_response))
    }
}

impl Replay {
    /// Lets the venue take every message up to `horizon`. Returns `false` when own orders were touched on the way
    /// and the horizon may have come closer.
    pub(super) fn advance(&mut self, horizon: i64, monitor: &mut dyn Monitor) -> Result<bool, RunError> {
        while let Some((market, time)) = self.heads.first() {
            let sample = self.next_sample;
            if time > horizon || time > sample {
                if sample > horizon {
                    return Ok(true);
                }
                self.sample_until(horizon.min(time - 1))?;
                self.poll(monitor)?;
                continue;
            }
            let market = MarketId::new(market);
            let limits = self.limits(market, horizon);
            loop {
                let touched = self.pass(market, &limits)?;
                self.poll(monitor)?;
                if touched {
                    return Ok(false);
                }
                if self.lanes[market.index()].next_venue().is_none_or(|next| next > limits.stop) {
                    break;
                }
            }
        }
        let until = horizon.min(self.latest.saturating_sub(1));
        if self.next_sample <= until {
            self.sample_until(until)?;
        }
        Ok(true)
    }

    /// How far a market may go on by itself when we are not woken before `horizon`, or what comes of orders.
    ///
    /// A market with orders of ours goes on as long as it is the next one. One without concerns no other: it goes on
    /// until something could come of the others. One in which nothing was ever held is not sampled either.
    fn limits(&self, market: MarketId, horizon: i64) -> Limits {
        let is_alone = self.venue.is_quiet(market);
        let leads_until = self.heads.leads_until(market.index());
        let wake = if is_alone && (self.sessions.have_open_orders() || self.venue.is_watching()) {
            horizon.min(leads_until.saturating_add(self.least_response))
        } else {
            horizon
        };
        // What limits are told of in another market may wake us before this one has passed.
        let wake = if self.banded > 0 { wake.min(leads_until) } else { wake };
        let stop = if is_alone { wake } else { wake.min(leads_until) };
        let is_sampled =
            !is_alone || self.lanes[market.index()].converts() || self.sessions.have_traded(market);
        Limits {
            is_alone,
            leads_until,
            wake,
            stop: if is_sampled { stop.min(self.next_sample) } else { stop },
            least_response: self.least_response,
        }
    }

    /// Takes the messages of a market that have been looked at, within its limits. Returns whether own orders were
    /// touched.
    fn pass(&mut self, market: MarketId, limits: &Limits) -> Result<bool, RunError> {
        let lane = &mut self.lanes[market.index()];
        let Some((chunk, first)) = lane.cursor.front() else {
            return Ok(false);
        };
        let (columns, end, passed) = (chunk.view(), chunk.end(), lane.cursor.passed());
        let (mut row, mut now, mut touched) = (first, self.end, false);
        let (mut taken, mut ahead) = (0, 0);
        let (band, is_followed, mut has_left) = (lane.delivery.band(), lane.is_followed(), false);
        let day_end = band.map_or(i64::MAX, |band| band.until);
        let mut record = if lane.has_orders { self.sessions.only_record() } else { None };
        while let Some(&Upcoming { stamp, to, only_levels }) = lane.upcoming.get(lane.at) {
            lane.at += 1;
            if !only_levels {
                lane.volume = lane.volume.saturating_add(columns.qty_of(lane.volume_in, row, to));
            }
            touched |=
                self.venue.on_message(market, &columns, Span { from: row, to, only_levels }, stamp.venue);
            (row, now) = (to, stamp.venue);
            if let Some(record) = &mut record {
                let mid = self.venue.market(market).twice_mid();
                if mid != lane.twice_mid {
                    lane.twice_mid = mid;
                    record.mids.extend(mid.map(|twice_mid| MidRow { ts: now, market, twice_mid }));
                }
            }
            let next = lane.upcoming.get(lane.at).map(|next| next.stamp);
            if ahead == 0 {
                (self.latest, self.end) = (self.latest.max(now), self.end.max(stamp.visible));
                taken += 1;
            }
            let leaves =
                band.is_some_and(|band| !band.holds(self.venue.market(market).twice_mid(), stamp.visible));
            // Between messages that reach us before anything can wake us nobody can look.
            let may_look = |next: Stamp| next.visible >= limits.woken(now, next.venue, touched).min(day_end);
            if lane.receipts.is_none() && (is_followed || leaves || next.is_none_or(may_look)) {
                let side = self.venue.market(market);
                let published = self.venue.published(market);
                let seen = Seen { touch: Touch::of(side.book()), twice_mid: side.twice_mid(), published };
                if !is_followed && ahead == 0 {
                    lane.arrivals.forget_before(now);
                }
                let upto = passed + (row - first) as u64;
                lane.arrivals.push(Arrival { visible: stamp.visible, upto, seen, only_levels });
            }
            has_left |= leaves;
            touched |= leaves;
            if touched || next.is_none() {
                break;
            }
            if next.is_some_and(|next| next.venue > limits.stop) {
                // The last one is kept: with it all that was looked at would be gone, and there were no way back.
                let may = limits.is_alone && lane.may_run_ahead() && taken < FEW && ahead < AHEAD;
                if !may || lane.at + 1 == lane.upcoming.len() {
                    break;
                }
                ahead += 1;
            }
        }
        lane.advance_to(row);
        if has_left {
            self.followed.set(market.index(), lane.next_told());
        }
        self.await_next(market);
        if row == end {
            self.let_go(market, now)?;
        }
        match self.lanes[market.index()].next_venue() {
            Some(next) => self.heads.set(market.index(), Some(next)),
            None => self.load(market)?,
        }
        Ok(touched)
    }

    /// Writes the mid of a market down at its first order: the changes to come follow it.
    #[cold]
    pub(super) fn note_mid(&mut self, market: MarketId, now: i64) {
        let mid = self.venue.market(market).twice_mid();
        self.lanes[market.index()].twice_mid = mid;
        if let Some(record) = self.sessions.only_record() {
            record.mids.extend(mid.map(|twice_mid| MidRow { ts: now, market, twice_mid }));
        }
    }

    /// At the end of a chunk: a view that is far behind need not keep it.
    fn let_go(&mut self, market: MarketId, now: i64) -> Result<(), RunError> {
        let lane = &mut self.lanes[market.index()];
        if lane.is_ended() {
            return Ok(());
        }
        if !lane.is_followed()
            && let Some(arrival) = lane.receive_before(now)
        {
            self.sessions.know_at_once(market, arrival)?;
        }
        // What the venue has is only what we will have where it has passed the same rows.
        let (passed, book) = lane.received_book().unwrap_or((lane.cursor.passed(), self.venue.book(market)));
        self.sessions.supply_checkpoint(market, passed, book)?;
        Ok(())
    }

    /// Says how fine the book of a market is, by its first messages if that is not given.
    pub(super) fn tell_granularity(&mut self, market: MarketId) -> Result<(), RunError> {
        let (sessions, mut supplied) = (&mut self.sessions, Ok(()));
        let ns = match self.granularities[market.index()] {
            (false, _) => return Ok(()),
            (true, Some(ns)) => ns,
            (true, None) => self.lanes[market.index()].granularity(|chunk| {
                if supplied.is_ok() {
                    supplied = sessions.supply_chunk(market, &chunk);
                }
            }),
        };
        supplied?;
        self.venue.set_granularity(market, ns);
        Ok(())
    }

    /// Makes the next message of a market known, reading more data if needed.
    pub(super) fn load(&mut self, market: MarketId) -> Result<(), RunError> {
        let (sessions, mut supplied) = (&mut self.sessions, Ok(()));
        let loaded =
            self.lanes[market.index()].load(|chunk| supplied = sessions.supply_chunk(market, &chunk));
        supplied?;
        self.custom.feeds.extend(self.lanes[market.index()].take_failure());
        let name = || self.venue.market(market).instrument().id.to_string();
        let head = match loaded {
            Ok(head) => head,
            Err(FeedError::Source(HookError::Interrupted)) => return Err(KernelError::Interrupted.into()),
            Err(FeedError::Source(HookError::Failed(message))) => {
                return Err(RunError::Source { instrument: name(), message });
            }
            Err(FeedError::Columns(rows, error)) => {
                return Err(RunError::Columns { instrument: name(), rows, error });
            }
        };
        self.heads.set(market.index(), head);
        Ok(())
    }

    /// Takes a market back to `now`, at its first order. Its book is made again of what whoever sent it knows, and what
    /// has happened since.
    #[cold]
    pub(super) fn go_back(&mut self, seat: Seat, market: MarketId, now: i64) {
        let lane = &mut self.lanes[market.index()];
        let Some(upto) = lane.go_back(now) else { return };
        let Known { book, twice_mid, mut cursor } = self.sessions.kernel(seat).known(market);
        self.venue.restart(market, book, twice_mid, now);
        cursor.read_until(upto, |view, from, to| {
            for rows in view.messages(from, to) {
                self.venue.on_message(market, view, rows, now);
            }
        });
        lane.cursor = cursor;
        self.heads.set(market.index(), lane.next_venue());
        self.followed.set(market.index(), lane.next_told());
    }
}
