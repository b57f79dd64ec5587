//! The kernels of a run: one for all strategies, or one for each where each is alone with the market.
//!
//! Kernels that are alone share the replayed market and nothing else. Each is told what it would be told in a run of its
//! own: order ids, journal, record and digest are those of that run. What the others are woken for is known to it a
//! moment before its own next input, summed up, because a view is a count of rows and nobody can look in between.

use std::sync::Arc;

use super::arrivals::Arrival;
use super::lane::Delivery;
use super::reporting::Reporting;
use super::stats::{CurrencyTotals, EquityStats};
use crate::book::L2Book;
use crate::event::{Chunk, Heads};
use crate::kernel::{
    Control, EquityRow, Input, Kernel, KernelConfig, KernelError, MarketSpec, Record, SetupError,
    StrategySetup, Supply,
};
use crate::ledger::{MoneyOverflow, Position};
use crate::sim::Venue;
use crate::types::{AccountId, CurrencyId, MarketId, Money, StrategyId};

/// Equity of one currency as it is sampled: of equal samples in a row the first and the last are kept, so that the rows
/// do not depend on how often somebody looked.
#[derive(Debug, Default)]
struct Curve {
    written: Option<Money>,
    /// The last sample, where it is equal to the one written.
    held: Option<EquityRow>,
    /// The last sample, where it is to be written behind what others hold.
    fresh: Option<EquityRow>,
}

impl Curve {
    /// Takes a sample. Returns the one before it, if that is to be written now.
    fn sample(&mut self, row: EquityRow) -> Option<EquityRow> {
        if self.written == Some(row.equity) {
            self.held = Some(row);
            return None;
        }
        (self.written, self.fresh) = (Some(row.equity), Some(row));
        self.held.take()
    }
}

/// Equity in the one currency a run is reported in.
struct Reported {
    reporting: Arc<Reporting>,
    curve: Curve,
    stats: EquityStats,
    /// Samples for which a rate was not known yet.
    unknown: u64,
    /// What it all came to, once that is known.
    total: Option<CurrencyTotals>,
}

impl Reported {
    fn keep(&mut self, row: Option<EquityRow>, record: &mut Record) {
        if let Some(EquityRow { ts, equity, .. }) = row {
            self.stats.push(ts, equity.to_f64());
            record.reported.push((ts, equity));
        }
    }

    /// Takes a sample of the equity in each settlement currency.
    fn sample(
        &mut self,
        ts: i64,
        equities: &[Money],
        venue: &Venue,
        record: &mut Record,
    ) -> Result<(), MoneyOverflow> {
        match self.reporting.sum(equities, |market| venue.market(market).twice_mid())? {
            Some(equity) => {
                let held = self.curve.sample(EquityRow { ts, currency: CurrencyId::new(0), equity });
                self.keep(held, record);
                let fresh = self.curve.fresh.take();
                self.keep(fresh, record);
            }
            None => self.unknown += 1,
        }
        Ok(())
    }

    /// The last sample and the total.
    fn close(
        &mut self,
        totals: &[CurrencyTotals],
        venue: &Venue,
        record: &mut Record,
    ) -> Result<(), MoneyOverflow> {
        let last = self.curve.held.take();
        self.keep(last, record);
        let stats = self.stats.clone();
        self.total = self.reporting.total(totals, stats, |market| venue.market(market).twice_mid())?;
        Ok(())
    }
}

/// A kernel with what is kept about it.
struct Session {
    kernel: Kernel,
    totals: Vec<CurrencyTotals>,
    curves: Vec<Curve>,
    reported: Option<Reported>,
    topics_version: u64,
    /// Markets of which it has not been told the latest.
    behind: Vec<MarketId>,
    /// Whether a market is one of them.
    is_behind: Vec<bool>,
    /// What the kernel is to be told of strategies whose account cannot be counted any more.
    uncounted: Vec<Control>,
}

impl Session {
    /// Whether every message of a market is to be delivered, of several kernels to this one.
    fn needs_each(&self, market: MarketId) -> bool {
        self.kernel.is_followed(market) || self.kernel.needs_mids()
    }

    #[inline]
    fn fall_behind(&mut self, market: MarketId) {
        if !std::mem::replace(&mut self.is_behind[market.index()], true) {
            self.behind.push(market);
        }
    }

    /// Tells of the markets it is behind with.
    fn catch_up(&mut self, latest: &[Option<Arrival>]) -> Result<(), KernelError> {
        while let Some(market) = self.behind.pop() {
            self.is_behind[market.index()] = false;
            if let Some(arrival) = latest[market.index()] {
                let rows = arrival.with_earlier();
                self.kernel.handle(arrival.visible, Input::Known { market, rows })?;
            }
        }
        Ok(())
    }

    /// Samples equity at the venue's marks. What cannot be counted at them counts at cost, and is remembered.
    fn sample(&mut self, ts: i64, venue: &Venue) -> Result<(), MoneyOverflow> {
        let mut equities = Vec::new();
        for index in 0..self.totals.len() {
            let currency = CurrencyId::new(index);
            let mut equity = Money::ZERO;
            for &market in self.kernel.traded().iter().filter(|m| self.kernel.currency_of(**m) == currency) {
                let (math, mark) = (self.kernel.math(market), venue.worth(market));
                for (strategy, position) in self.kernel.positions_in(market).enumerate() {
                    let counted = position.equity(math, mark).or_else(|error| {
                        let strategy = StrategyId::new(strategy);
                        if !self.kernel.has_failed(strategy) {
                            let problem = error.of(self.kernel.instrument(market)).to_string().into();
                            self.uncounted.push(Control::Fail { strategy, problem });
                        }
                        position.equity(math, None)
                    });
                    debug_assert!(position.balances(math), "{position:?}");
                    equity = sum(equity, counted?)?;
                }
            }
            if self.reported.is_some() {
                equities.push(equity);
            }
            let held = self.curves[index].sample(EquityRow { ts, currency, equity });
            self.keep(held);
        }
        for index in 0..self.totals.len() {
            let fresh = self.curves[index].fresh.take();
            self.keep(fresh);
        }
        match &mut self.reported {
            Some(reported) => reported.sample(ts, &equities, venue, self.kernel.record()),
            None => Ok(()),
        }
    }

    fn keep(&mut self, row: Option<EquityRow>) {
        if let Some(row) = row {
            self.totals[row.currency.index()].stats.push(row.ts, row.equity.to_f64());
            self.kernel.record().equity.push(row);
        }
    }

    /// The last sample and the totals.
    fn close(&mut self, end: i64, venue: &Venue) -> Result<(), MoneyOverflow> {
        if end > i64::MIN {
            self.sample(end, venue)?;
        }
        for index in 0..self.totals.len() {
            let last = self.curves[index].held.take();
            self.keep(last);
        }
        for market in (0..self.is_behind.len()).map(MarketId::new) {
            let mark = venue.worth(market);
            let total = &mut self.totals[self.kernel.currency_of(market).index()];
            let math = self.kernel.math(market);
            for position in self.kernel.positions_in(market) {
                let Position { realized, fees, funding, interest, turnover, .. } = *position;
                let unrealized = position.unrealized(math, position.mark(math, mark))?;
                total.gross = sum(total.gross, sum(realized, unrealized)?)?;
                total.fees = sum(total.fees, fees)?;
                total.funding = sum(total.funding, funding)?;
                total.interest = sum(total.interest, interest)?;
                total.turnover = sum(total.turnover, turnover)?;
            }
        }
        match &mut self.reported {
            Some(reported) => reported.close(&self.totals, venue, self.kernel.record()),
            None => Ok(()),
        }
    }
}

/// A sum over accounts.
fn sum(a: Money, b: Money) -> Result<Money, MoneyOverflow> {
    a.checked_add(b).ok_or(MoneyOverflow::Sum)
}

/// One of the kernels of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat(usize);

/// The kernels of a run. Where there are several, each is known by its account at the venue.
pub(super) struct Sessions {
    each: Vec<Session>,
    /// Strategies of each, where there are several.
    group: usize,
    /// Whether of several the rows of the first are kept, and of the others their totals alone.
    keeps_first: bool,
    /// When each has something to do by itself, where there are several.
    dues: Heads,
    /// Of each market the last message that is known, where there are several.
    latest: Vec<Option<Arrival>>,
    /// What kernels are to be told of strategies whose account cannot be counted any more.
    uncounted: Vec<(Seat, Control)>,
}

impl Sessions {
    /// A kernel for each of these groups of strategies.
    pub(super) fn new(
        config: &KernelConfig,
        markets: &[MarketSpec],
        groups: Vec<Vec<StrategySetup>>,
        sample_ns: i64,
        keeps_first: bool,
    ) -> Result<Self, SetupError> {
        let mut each = Vec::with_capacity(groups.len());
        let group = groups.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for strategies in groups {
            let is_kept = !keeps_first || each.is_empty();
            let config = KernelConfig {
                keeps_journal: config.keeps_journal && is_kept,
                candle_ns: config.candle_ns.filter(|_| is_kept),
                ..config.clone()
            };
            let kernel = Kernel::new(config, markets.to_vec(), strategies)?;
            let total = |currency: &String| CurrencyTotals::new(currency.clone(), sample_ns);
            let totals: Vec<_> = kernel.currencies().iter().map(total).collect();
            each.push(Session {
                curves: totals.iter().map(|_| Curve::default()).collect(),
                totals,
                kernel,
                reported: None,
                topics_version: 0,
                behind: Vec::new(),
                is_behind: vec![false; markets.len()],
                uncounted: Vec::new(),
            });
        }
        let (dues, latest) = (Heads::new(each.len()), vec![None; markets.len()]);
        Ok(Self { each, group, keeps_first, dues, latest, uncounted: Vec::new() })
    }

    /// Has all of them reported in one currency, too.
    pub(super) fn report_in(&mut self, reporting: &Arc<Reporting>, sample_ns: i64) {
        for session in &mut self.each {
            session.reported = Some(Reported {
                reporting: Arc::clone(reporting),
                curve: Curve::default(),
                stats: EquityStats::new(sample_ns),
                unknown: 0,
                total: None,
            });
        }
    }

    /// What a kernel's strategies came to in the currency that is reported in, once that is known, and for how many samples
    /// it was not; `None` where none was asked for.
    pub(super) fn reported(&self, seat: Seat) -> Option<(Option<&CurrencyTotals>, u64)> {
        self.each[seat.0].reported.as_ref().map(|reported| (reported.total.as_ref(), reported.unknown))
    }

    /// Settlement currencies in use.
    pub(super) fn currencies(&self) -> &[String] {
        self.each.first().map_or(&[], |session| session.kernel.currencies())
    }

    /// All of them.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> + use<> {
        (0..self.each.len()).map(Seat)
    }

    /// Where a strategy is, counted over all of them.
    pub(super) fn seat_of(&self, strategy: StrategyId) -> Seat {
        Seat(if self.each.len() == 1 { 0 } else { strategy.index() / self.group })
    }

    /// Where a strategy of a kernel is, counted over all of them.
    pub(super) fn place_of(&self, seat: Seat, strategy: StrategyId) -> usize {
        seat.0 * self.group + strategy.index()
    }

    /// Whose an account at the venue is.
    #[inline]
    pub(super) fn owner(&self, account: AccountId) -> Seat {
        Seat(if self.each.len() == 1 { 0 } else { account.index() / self.group })
    }

    /// The account by which a kernel knows one at the venue.
    pub(super) fn account_in(&self, seat: Seat, account: AccountId) -> AccountId {
        if self.each.len() == 1 || self.group > 1 {
            account
        } else {
            self.each[seat.0].kernel.account_of(StrategyId::new(0))
        }
    }

    /// The account at the venue of all that a kernel sends, where there are several kernels of one strategy each. Those
    /// of more number their accounts on from the kernel before.
    #[inline]
    pub(super) fn accounts(&self, seat: Seat) -> Option<AccountId> {
        (self.each.len() > 1 && self.group == 1).then(|| AccountId::new(seat.0))
    }

    /// The account at the venue of each of a kernel's strategies.
    pub(super) fn accounts_of(&self, seat: Seat) -> impl Iterator<Item = AccountId> + '_ {
        let (kernel, shared) = (&self.each[seat.0].kernel, self.accounts(seat));
        let count = kernel.strategies().count();
        (0..count).map(move |at| shared.unwrap_or_else(|| kernel.account_of(StrategyId::new(at))))
    }

    /// The only kernel, if there is no other.
    #[inline]
    pub(super) fn only(&self) -> Option<Seat> {
        (self.each.len() == 1).then_some(Seat(0))
    }

    /// A kernel.
    #[inline]
    pub(super) fn kernel(&mut self, seat: Seat) -> &mut Kernel {
        &mut self.each[seat.0].kernel
    }

    /// What a kernel's strategies came to.
    pub(super) fn totals(&self, seat: Seat) -> &[CurrencyTotals] {
        &self.each[seat.0].totals
    }

    /// How far the furthest has got, ns.
    pub(super) fn now_ns(&self) -> i64 {
        self.each.iter().map(|session| session.kernel.now_ns()).max().unwrap_or(i64::MIN)
    }

    /// Hands a kernel an input, after what it is behind with.
    #[inline]
    pub(super) fn handle(&mut self, seat: Seat, at: i64, input: Input<'_>) -> Result<(), KernelError> {
        if self.each.len() == 1 {
            return self.each[0].kernel.handle(at, input);
        }
        let session = &mut self.each[seat.0];
        session.catch_up(&self.latest)?;
        let told = session.kernel.handle(at, input);
        self.dues.set(seat.0, session.kernel.next_due());
        told
    }

    /// Rows of a market are known, up to this message; nobody is woken.
    #[inline]
    pub(super) fn know(&mut self, market: MarketId, arrival: Arrival) -> Result<(), KernelError> {
        if let [only] = self.each.as_mut_slice() {
            let rows = arrival.with_earlier();
            return only.kernel.handle(arrival.visible, Input::Known { market, rows });
        }
        self.latest[market.index()] = Some(arrival);
        for session in &mut self.each {
            session.fall_behind(market);
        }
        Ok(())
    }

    /// The same to be told at once, so that nothing need be kept for it.
    pub(super) fn know_at_once(&mut self, market: MarketId, arrival: Arrival) -> Result<(), KernelError> {
        self.know(market, arrival)?;
        for session in &mut self.each {
            session.catch_up(&self.latest)?;
        }
        Ok(())
    }

    /// Those a message of a market is delivered to. It is known to the others, as if it were handed to
    /// [`Sessions::know`] after it was delivered.
    pub(super) fn deliver(&mut self, market: MarketId, arrival: Arrival) -> Vec<Seat> {
        self.latest[market.index()] = Some(arrival);
        let mut followers = Vec::new();
        for (index, session) in self.each.iter_mut().enumerate() {
            if session.needs_each(market) {
                debug_assert!(!session.is_behind[market.index()], "a follower sees every message");
                followers.push(Seat(index));
            } else {
                session.fall_behind(market);
            }
        }
        followers
    }

    /// Hands all of them columns ahead.
    pub(super) fn supply_chunk(&mut self, market: MarketId, chunk: &Chunk) -> Result<(), KernelError> {
        self.each.iter_mut().try_for_each(|session| {
            let supply = Supply::Chunk(chunk.clone());
            session.kernel.handle(i64::MIN, Input::Supply { market, supply })
        })
    }

    /// Offers all of them a book that is so many rows ahead.
    pub(super) fn supply_checkpoint(
        &mut self,
        market: MarketId,
        passed: u64,
        book: &L2Book,
    ) -> Result<(), KernelError> {
        self.each.iter_mut().try_for_each(|session| {
            let supply = Supply::Checkpoint { passed, book };
            session.kernel.handle(i64::MIN, Input::Supply { market, supply })
        })
    }

    /// When one next has something to do by itself, and which.
    #[inline]
    pub(super) fn next_due(&self) -> Option<(i64, Seat)> {
        match self.each.as_slice() {
            [only] => only.kernel.next_due().map(|at| (at, Seat(0))),
            _ => self.dues.first().map(|(seat, at)| (at, Seat(seat))),
        }
    }

    /// Whether a kernel has changed which markets it follows since it was last asked.
    #[inline]
    pub(super) fn has_changed_topics(&mut self, seat: Seat) -> bool {
        let session = &mut self.each[seat.0];
        let version = session.kernel.topics_version();
        std::mem::replace(&mut session.topics_version, version) != version
    }

    /// Which messages of a market somebody asks for. Of several kernels one that needs its mids asks for each: what each
    /// knows of what was summed up for the others is only the last of it.
    pub(super) fn delivery(&self, market: MarketId) -> Delivery {
        let (is_followed, band) = match self.each.as_slice() {
            [only] => (only.kernel.is_followed(market), only.kernel.mid_band(market)),
            each => (each.iter().any(|session| session.needs_each(market)), None),
        };
        if is_followed { Delivery::Each } else { band.map_or(Delivery::Last, Delivery::Beyond) }
    }

    /// Takes a market whose band of mids has changed.
    #[inline]
    pub(super) fn take_redrawn(&mut self) -> Option<MarketId> {
        match self.each.as_mut_slice() {
            [only] => only.kernel.take_redrawn(),
            _ => None,
        }
    }

    /// Whether somebody has open orders.
    #[inline]
    pub(super) fn have_open_orders(&self) -> bool {
        self.each.iter().any(|session| session.kernel.open_orders() > 0)
    }

    /// Whether somebody ever held something in a market.
    #[inline]
    pub(super) fn have_traded(&self, market: MarketId) -> bool {
        self.each.iter().any(|session| session.kernel.has_traded(market))
    }

    /// Whether every strategy has failed and left nothing behind.
    #[inline]
    pub(super) fn are_over(&self) -> bool {
        !self.each.is_empty()
            && self
                .each
                .iter()
                .all(|session| session.kernel.all_failed() && session.kernel.open_orders() == 0)
    }

    /// Samples everybody's equity at the venue's mid prices.
    pub(super) fn sample(&mut self, ts: i64, venue: &Venue) -> Result<(), MoneyOverflow> {
        self.each.iter_mut().try_for_each(|session| session.sample(ts, venue))?;
        self.note_uncounted();
        Ok(())
    }

    #[inline]
    fn note_uncounted(&mut self) {
        for (index, session) in self.each.iter_mut().enumerate() {
            self.uncounted.extend(session.uncounted.drain(..).map(|control| (Seat(index), control)));
        }
    }

    /// A strategy whose account could not be counted when it was last sampled, as a kernel is to be told.
    #[inline]
    pub(super) fn next_uncounted(&mut self) -> Option<(Seat, Control)> {
        self.uncounted.pop()
    }

    /// The last sample and the totals, of a run that ended at `end`.
    pub(super) fn close(&mut self, end: i64, venue: &Venue) -> Result<(), MoneyOverflow> {
        self.each.iter_mut().try_for_each(|session| session.close(end, venue))?;
        self.note_uncounted();
        Ok(())
    }

    /// Their digests, once nothing more can happen.
    pub(super) fn finish(&mut self) -> Vec<String> {
        self.each.iter_mut().map(|session| session.kernel.finish()).collect()
    }

    /// The record of the only kernel whose rows are kept.
    #[inline]
    pub(super) fn only_record(&mut self) -> Option<&mut Record> {
        match self.each.as_mut_slice() {
            [only] => Some(only.kernel.record()),
            [first, ..] if self.keeps_first => Some(first.kernel.record()),
            _ => None,
        }
    }

    /// The records of all of them.
    pub(super) fn records(&mut self) -> impl Iterator<Item = &mut Record> {
        self.each.iter_mut().map(|session| session.kernel.record())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(samples: &[(i64, i64)]) -> Vec<(i64, i128)> {
        let (mut curve, mut kept): (_, Vec<EquityRow>) = (Curve::default(), Vec::new());
        for &(ts, equity) in samples {
            let equity = Money::from_units(equity.into());
            kept.extend(curve.sample(EquityRow { ts, currency: CurrencyId::new(0), equity }));
            kept.extend(curve.fresh.take());
        }
        kept.extend(curve.held.take());
        kept.into_iter().map(|row| (row.ts, row.equity.units())).collect()
    }

    #[test]
    fn of_equal_samples_the_first_and_the_last_are_kept() {
        let samples = [(1, 0), (2, 0), (3, 0), (4, 5), (5, 6), (6, 6)];
        assert_eq!(rows(&samples), [(1, 0), (3, 0), (4, 5), (5, 6), (6, 6)]);
        assert_eq!(rows(&[(1, 7)]), [(1, 7)]);
        assert_eq!(rows(&[]), []);
    }

    proptest! {
        #[test]
        fn looking_less_often_where_nothing_changes_keeps_the_same_rows(
            values in proptest::collection::vec((0i64..3, 1usize..5), 1..20),
            skip in proptest::collection::vec(any::<bool>(), 100),
        ) {
            let runs = values.iter().flat_map(|(value, times)| (0..*times).map(move |at| (*value, at, *times)));
            let all: Vec<_> = runs.enumerate().map(|(ts, run)| (ts as i64, run)).collect();
            let inside = |at: usize, times: usize| at > 0 && at + 1 < times;
            let few = all.iter().filter(|(ts, (_, at, times))| !(inside(*at, *times) && skip[*ts as usize]));
            let plain = |(ts, (value, ..)): &(i64, (i64, usize, usize))| (*ts, *value);
            prop_assert_eq!(
                rows(&few.map(plain).collect::<Vec<_>>()),
                rows(&all.iter().map(plain).collect::<Vec<_>>())
            );
        }
    }
}
