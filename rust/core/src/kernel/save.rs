//! The kernel's state as bytes, to go on from in another process.
//!
//! What is saved follows from the inputs so far; what a session has already handed out (rows of the record, the
//! journal) is not part of it. Strategies save what they have to remember by hooks of their own.

mod desk;

use std::sync::Arc;

use self::desk::{load_desk, save_desk};
use super::accounts::Accounts;
use super::executions::Executions;
use super::feature_feed::FeedsError;
use super::groups::Groups;
use super::holds::Holds;
use super::journal::Journal;
use super::machine::{Kernel, KernelConfig, MarketSpec, SetupError, StrategySetup};
use super::market::Market;
use super::strategy::HookError;
use super::timers::Timers;
use super::topics::Subscriber;
use super::view::MarketView;
use crate::book::{Cover, Mark};
use crate::event::{STEPS_LIMIT, is_qty};
use crate::ledger::{CostBasis, Position};
use crate::types::{AccountId, CodecError, CurrencyId, Decoded, MarketId, Reader, Side, StrategyId, Writer};

/// First bytes of a saved state, with the version of its form.
const MAGIC: &str = "tradecore kernel 20";

/// Why a state was not saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// Commands or questions have not been drained.
    #[error("{0} commands or questions have not been drained")]
    Undrained(usize),
    /// A strategy could not save itself.
    #[error("strategy {name} could not be saved: {error:?}")]
    Strategy {
        /// Its name.
        name: String,
        /// What its hook said.
        error: HookError,
    },
}

/// Why a state was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no saved state.
    #[error("no saved state: {0}")]
    Codec(#[from] CodecError),
    /// The state is that of another set-up.
    #[error("saved with {saved}, set up with {given}")]
    Differs {
        /// What the state has.
        saved: String,
        /// What it was to be loaded into.
        given: String,
    },
    /// A strategy could not go on from what it had saved.
    #[error("strategy {name} could not be loaded: {error:?}")]
    Strategy {
        /// Its name.
        name: String,
        /// What its hook said.
        error: HookError,
    },
    /// There is no kernel of the set-up.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

impl Kernel {
    /// The state after the inputs so far.
    ///
    /// # Errors
    /// [`SaveError`]; nothing has changed then but what a strategy's own hook did.
    pub fn save(&mut self) -> Result<Vec<u8>, SaveError> {
        let core = self.ctx.core_mut();
        let waiting = core.desk.waiting() + core.signals.questions().len();
        if waiting > 0 {
            return Err(SaveError::Undrained(waiting));
        }
        let mut bytes = Vec::new();
        let mut w = Writer(&mut bytes);
        for word in [MAGIC, core.session.as_str(), core.accounts.basis().as_str()] {
            w.text(word);
        }
        w.i64(core.now);
        w.flag(self.is_stopped);
        w.bytes(&core.journal.state());
        w.u64(core.record.fill_count);
        w.u64(core.record.maker_fill_count);
        w.index(core.record.rejected.len());
        for times in core.record.rejected {
            w.u64(times);
        }
        w.u64(core.record.reconcile_count);

        w.index(core.markets.len());
        for market in &mut core.markets {
            w.text(market.instrument.id.as_str());
            w.flag(market.is_listed);
            market.view.save(&mut w);
            market.bars.save(&mut w);
            market.features.save(&mut w).map_err(|failure| SaveError::Strategy {
                name: format!("of the feature {}", failure.feature),
                error: failure.error,
            })?;
        }
        w.index(self.runners.len());
        for (runner, account) in self.runners.iter().zip(&core.trades_on) {
            w.text(&runner.name);
            w.index(account.index());
            w.option(runner.failure.as_deref(), Writer::text);
        }

        save_desk(&mut w, &mut core.desk);
        core.save_closing(&mut w);
        for (strategy, market, position) in core.accounts.all() {
            save_position(&mut w, position);
            for quote in core.quotes.of(strategy, market) {
                w.option(quote, Writer::u64);
            }
        }
        save_balances(&mut w, &core.accounts);
        core.timers.save(&mut w);
        core.executions.save(&mut w);
        core.groups.save(&mut w);
        core.holds.save(&mut w);
        let topics: Vec<_> = core.topics.list().collect();
        w.index(topics.len());
        for (market, subscriber) in topics {
            w.index(market.index());
            w.index(subscriber.strategy.index());
            w.u16(subscriber.topics.bits());
        }
        w.index(core.signals.list().count());
        for (strategy, market, signal, waits) in core.signals.list() {
            w.index(strategy.index());
            w.index(market.index());
            w.signal(signal);
            w.flag(waits);
        }
        for runner in &mut self.runners {
            let state = runner.strategy.save().map_err(|error| {
                let name = runner.name.clone();
                SaveError::Strategy { name, error }
            })?;
            w.bytes(&state);
        }
        Ok(bytes)
    }

    /// A kernel that goes on from a saved state; it is set up as the one that was saved.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(
        config: KernelConfig,
        markets: Vec<MarketSpec>,
        strategies: Vec<StrategySetup>,
        state: &[u8],
    ) -> Result<Self, LoadError> {
        let (keeps_journal, cost_basis) = (config.keeps_journal, config.cost_basis);
        let mut kernel = Self::new(config, markets, strategies)?;
        let mut r = Reader::new(state);
        if r.text()? != MAGIC {
            return r.error("a saved state of this version")?;
        }
        let core = kernel.ctx.core_mut();
        same("session", r.text()?, core.session.as_str())?;
        same("cost basis", r.text()?, cost_basis.as_str())?;
        core.now = r.i64()?;
        kernel.is_stopped = r.flag()?;
        core.journal = match Journal::restore(r.bytes()?, keeps_journal) {
            Some(journal) => journal,
            None => return r.error("the state of a digest")?,
        };
        core.record.fill_count = r.u64()?;
        core.record.maker_fill_count = r.u64()?;
        same("reasons", &r.index()?, &core.record.rejected.len())?;
        for times in &mut core.record.rejected {
            *times = r.u64()?;
        }
        core.record.reconcile_count = r.u64()?;

        same("instruments", &r.index()?, &core.markets.len())?;
        for market in &mut core.markets {
            same("instrument", r.text()?, market.instrument.id.as_str())?;
            market.is_listed = r.flag()?;
            market.view.load(&mut r)?;
            market.bars.load(&mut r, &market.instrument, kernel.runners.len())?;
            if market.bars.are_followed() {
                market.view.follow();
            }
            let Market { features, view, instrument, .. } = market;
            features.load(&mut r, view, instrument).map_err(|error| match error {
                FeedsError::Codec(error) => LoadError::Codec(error),
                FeedsError::Unknown(saved) => {
                    LoadError::Differs { saved, given: "no such features".to_owned() }
                }
            })?;
        }
        for market in (0..core.markets.len()).map(MarketId::new) {
            core.set_bars_due(market);
        }
        same("strategies", &r.index()?, &kernel.runners.len())?;
        for (runner, account) in kernel.runners.iter_mut().zip(&mut core.trades_on) {
            same("strategy", r.text()?, runner.name.as_str())?;
            *account = AccountId::new(r.index()?);
            runner.failure = r.option(|r| r.text().map(str::to_owned))?;
        }

        let (strategies, markets) = (kernel.runners.len(), core.markets.len());
        let gate = core.desk.take_gate();
        core.desk = load_desk(&mut r, gate, || core.bare_engine(), strategies, markets)?;
        core.load_closing(&mut r)?;
        for strategy in (0..strategies).map(StrategyId::new) {
            for market in (0..markets).map(MarketId::new) {
                let position = load_position(&mut r, cost_basis)?;
                core.accounts.set_position(strategy, market, position);
                let quotes = [r.option(Reader::u64)?, r.option(Reader::u64)?];
                core.quotes.set(strategy, market, quotes);
            }
        }
        for _ in 0..r.index()? {
            let (account, currency) = (AccountId::new(r.index()?), CurrencyId::new(r.index()?));
            core.accounts.set_balance(account, currency, r.money()?);
        }
        let taken = r.list(|r| Ok((r.strategy_of(strategies)?, r.market_of(markets)?, r.money()?)))?;
        for (strategy, market, amount) in taken {
            core.accounts.set_taken(strategy, market, amount);
        }
        core.timers = Timers::load(&mut r, strategies)?;
        core.executions = Executions::load(&mut r, strategies, markets)?;
        core.groups = Groups::load(&mut r, strategies, markets)?;
        core.holds = Holds::load(&mut r, core.desk.orders())?;
        let mut followed = Vec::new();
        for _ in 0..r.index()? {
            let (market, strategy) = (r.market_of(markets)?, r.strategy_of(strategies)?);
            followed.push((market, Subscriber { strategy, topics: r.topics()? }));
        }
        core.topics.replace(followed);
        for _ in 0..r.index()? {
            let (strategy, market) = (r.strategy_of(strategies)?, r.market_of(markets)?);
            core.signals.restore(strategy, market, r.signal()?, r.flag()?);
        }
        for runner in &mut kernel.runners {
            let saved = r.bytes()?;
            runner.strategy.load(saved).map_err(|error| {
                let name = runner.name.clone();
                LoadError::Strategy { name, error }
            })?;
        }
        if r.is_done() { Ok(kernel) } else { r.error("the end of the state")? }
    }
}

/// Refuses a state of another set-up.
fn same<T: PartialEq + std::fmt::Display + ?Sized>(
    what: &str,
    saved: &T,
    given: &T,
) -> Result<(), LoadError> {
    if saved == given {
        return Ok(());
    }
    Err(LoadError::Differs { saved: format!("{what} {saved}"), given: format!("{what} {given}") })
}

fn save_balances(w: &mut Writer<'_>, accounts: &Accounts) {
    let balances: Vec<_> = accounts.balances().collect();
    w.index(balances.len());
    for (account, currency, total) in balances {
        w.index(account.index());
        w.index(currency.index());
        w.money(total);
    }
    w.list(accounts.all_taken(), |w, (strategy, market, taken)| {
        w.index(strategy.index());
        w.index(market.index());
        w.money(taken);
    });
}

fn save_position(w: &mut Writer<'_>, position: &Position) {
    w.position(position);
    w.money(position.funding);
    w.money(position.interest);
    w.f64(position.quotients());
    w.index(position.lots().len());
    for (qty, cost, price) in position.lots() {
        w.i64(qty);
        w.money(cost);
        w.i64(price);
    }
}

fn load_position(r: &mut Reader<'_>, basis: CostBasis) -> Result<Position, CodecError> {
    let mut position = r.position()?;
    position.funding = r.money()?;
    position.interest = r.money()?;
    let quotients = r.f64()?;
    let mut lots = Vec::new();
    for _ in 0..r.index()? {
        lots.push((r.i64()?, r.money()?, r.i64()?));
    }
    position.with_lots(basis, &lots, quotients).map_or_else(|| r.error("the parts of a position"), Ok)
}

fn save_cover(w: &mut Writer<'_>, cover: &Cover) {
    let Cover { key, quoted, traded, quote, traded_at } = *cover;
    w.i64(key);
    w.option(quoted, Writer::i64);
    w.i64(traded);
    w.i64(quote.at);
    w.u64(quote.id);
    w.i64(traded_at);
}

fn load_cover(r: &mut Reader<'_>) -> Decoded<Cover> {
    let (key, quoted, traded) = (r.i64()?, r.option(Reader::i64)?, r.i64()?);
    let (at, id, traded_at) = (r.i64()?, r.u64()?, r.i64()?);
    let is_key = key == i64::MIN || (-STEPS_LIMIT - 1..=STEPS_LIMIT).contains(&key);
    if !is_key || !quoted.is_none_or(is_qty) || traded < 0 {
        return r.error("what lies over a side of a book");
    }
    Ok(Cover { key, quoted, traded, quote: Mark { at, id }, traded_at })
}

impl MarketView {
    fn save(&mut self, w: &mut Writer<'_>) {
        w.text(self.basis().as_str());
        w.u64(self.known());
        w.text(self.marks().as_str());
        w.option(self.twice_mid(), Writer::i64);
        w.option(self.published(), Writer::i64);
        w.option(self.reason().map(AsRef::as_ref), Writer::text);
        let covers = self.book().covers();
        let book = self.depth();
        w.u8(book.state() as u8);
        w.i64(book.stamp());
        w.u64(book.id());
        for side in [Side::Buy, Side::Sell] {
            w.index(book.levels(side));
            for level in book.iter(side) {
                w.i64(level.price);
                w.i64(level.qty);
            }
        }
        for cover in covers {
            w.option(cover.as_ref(), save_cover);
        }
    }

    fn load(&mut self, r: &mut Reader<'_>) -> Result<(), LoadError> {
        same("basis", r.text()?, self.basis().as_str())?;
        let known = r.u64()?;
        same("mark source", r.text()?, self.marks().as_str())?;
        let marks = (r.option(Reader::i64)?, r.option(Reader::i64)?);
        let reason: Option<Arc<str>> = r.option(Reader::text)?.map(Arc::from);
        let (state, stamp, id) = (r.book_state()?, r.i64()?, r.u64()?);
        let mut book = self.basis().book();
        for side in [Side::Buy, Side::Sell] {
            for _ in 0..r.index()? {
                let (price, qty) = (r.i64()?, r.i64()?);
                // As in columns, where a price may be 0 or below.
                if !(-STEPS_LIMIT - 1..=STEPS_LIMIT).contains(&price) || !is_qty(qty) {
                    return r.error("a level of a book")?;
                }
                book.set(side, price, qty);
            }
        }
        book.mark(state);
        book.set_stamp(stamp);
        book.set_id(id);
        book.set_covers([r.option(load_cover)?, r.option(load_cover)?]);
        self.restore(known, book, marks, reason);
        Ok(())
    }
}
