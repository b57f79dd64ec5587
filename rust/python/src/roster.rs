//! The instruments and strategies of a session, gathered from Python before it begins.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustc_hash::FxHashSet;
use tradecore_core::backtest::ModelSetup;
use tradecore_core::kernel::{Strategy, StrategySetup};
use tradecore_core::types::{AccountId, Instrument, MarketId};

use crate::errors;
use crate::hooks::Calls;
use crate::outlet::Outlet;
use crate::raised::Raised;
use crate::shared::{Instruments, Shared};
use crate::signals::model_of;
use crate::strategy::{PyStrategy, check_strategy_name, compiled};

/// The instruments and strategies of a session. Instruments come first: a Python strategy is made with a view of each.
#[derive(Default)]
pub(crate) struct Roster {
    pub(crate) instruments: Vec<Arc<Instrument>>,
    pub(crate) strategies: Vec<StrategySetup>,
    pub(crate) raised: Raised,
    /// The models of the strategies, for a backtest; who drives a kernel from Python has them himself.
    pub(crate) models: Vec<Option<ModelSetup>>,
    /// How often the hooks of strategies in Python are called.
    pub(crate) calls: Vec<(String, Arc<Calls>)>,
    /// Where what the strategies publish goes.
    pub(crate) outlet: Outlet,
    ids: FxHashSet<String>,
    /// Where the strategies begin among which names are distinct.
    group: usize,
    known: Option<Arc<Instruments>>,
}

impl Roster {
    /// Takes an instrument and returns its index.
    pub(crate) fn add_instrument(&mut self, instrument: &Arc<Instrument>) -> PyResult<usize> {
        if !self.strategies.is_empty() {
            return Err(errors::RunError::new_err("instruments are added before strategies"));
        }
        if !self.ids.insert(instrument.id.as_str().to_owned()) {
            return Err(errors::invalid("instrument", format!("{} was added before", instrument.id)));
        }
        self.instruments.push(Arc::clone(instrument));
        Ok(self.instruments.len() - 1)
    }

    /// A strategy by its index in order of addition, where it trades and on which account.
    fn add(
        &mut self,
        name: String,
        markets: Vec<MarketId>,
        account: Option<AccountId>,
        strategy: Box<dyn Strategy>,
        model: Option<ModelSetup>,
    ) {
        self.models.push(model);
        let account = account.unwrap_or(AccountId::new(self.strategies.len()));
        self.strategies.push(StrategySetup { name, markets, account, strategy });
    }

    /// Takes a Python strategy: the bound methods of its hooks, and the object they are methods of. Without an account
    /// it has one of its own.
    #[allow(clippy::too_many_arguments, reason = "what a strategy is made of")]
    pub(crate) fn add_strategy(
        &mut self,
        py: Python<'_>,
        name: String,
        markets: &[usize],
        account: Option<AccountId>,
        hooks: &Bound<'_, PyDict>,
        book_events: &str,
        owner: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let markets = self.check(&name, markets)?;
        let known = self.known.get_or_insert_with(|| Arc::new(Instruments::new(self.instruments.clone())));
        let shared = Arc::new(Shared::new(Arc::clone(known)));
        let raised = self.raised.clone();
        // Who runs beside the others as a copy is not heard.
        let outlet = if self.group == 0 { self.outlet.clone() } else { Outlet::default() };
        let told = (raised, outlet);
        let mut strategy = PyStrategy::new(py, &shared, told, name.clone(), hooks, book_events, owner)?;
        strategy.declare(py, &markets)?;
        self.calls.push((name.clone(), strategy.calls()));
        let model = model_of(owner, &self.instruments, &self.raised)?;
        self.add(name, markets, account, Box::new(strategy), model);
        Ok(())
    }

    /// Takes a compiled strategy by its kind.
    pub(crate) fn add_compiled(
        &mut self,
        name: String,
        markets: &[usize],
        account: Option<AccountId>,
        kind: &str,
        params: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let markets = self.check(&name, markets)?;
        let strategy = compiled(kind, params, &markets, &self.instruments)?;
        self.add(name, markets, account, strategy, None);
        Ok(())
    }

    /// What is added from here on are the same strategies once more.
    pub(crate) fn begin_again(&mut self) {
        self.group = self.strategies.len();
    }

    fn check(&self, name: &str, markets: &[usize]) -> PyResult<Vec<MarketId>> {
        check_strategy_name(name)?;
        if self.strategies[self.group..].iter().any(|setup| setup.name == name) {
            return Err(errors::invalid("name", format!("a strategy {name:?} was added before")));
        }
        markets.iter().map(|market| self.market(*market)).collect()
    }

    /// The market of an index.
    pub(crate) fn market(&self, index: usize) -> PyResult<MarketId> {
        market_of(&self.instruments, index)
    }
}

/// The market of an index among these.
pub(crate) fn market_of(instruments: &[Arc<Instrument>], index: usize) -> PyResult<MarketId> {
    if index < instruments.len() {
        return Ok(MarketId::new(index));
    }
    Err(errors::invalid("market", format!("{index} is none of {} markets", instruments.len())))
}
