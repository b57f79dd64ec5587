//! Latency, queue and fee models that somebody else implements, such as a user's class.
//!
//! A setting says where models come from; each one that begins is as the setting was. A market has one for each leg and
//! for its queues, and so has each group of accounts that is alone with it: what a group meets is what it would meet in
//! a run of its own. One that fails is not asked again, and whoever drives the venue is told.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::charged::ChargedFill;
use crate::ledger::ACCOUNT_LIMIT;
use crate::types::{AccountId, HookError, Instrument, Money, Side};

/// A model of somebody else's that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFailure {
    /// The model.
    pub model: String,
    /// What was asked of it.
    pub method: &'static str,
    /// How it failed.
    pub error: HookError,
}

impl fmt::Display for ModelFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if let HookError::Failed(text) = &self.error { text } else { "interrupted" };
        write!(f, "{}.{}: {how}", self.model, self.method)
    }
}

/// How long one leg takes, thing by thing.
pub trait CustomLatency: fmt::Debug + Send {
    /// What something sent at `at` takes, ns.
    ///
    /// # Errors
    /// [`HookError`].
    fn draw(&mut self, at: i64) -> Result<i64, HookError>;
}

/// Where latency models come from.
pub trait LatencySource: fmt::Debug + Send + Sync {
    /// What it is called, with its parameters.
    fn name(&self) -> &str;
    /// What is asked of it for a latency.
    fn method(&self) -> &'static str;
    /// The least anything will ever take, ns.
    fn least(&self) -> i64;
    /// The same for an instrument.
    fn of(&self, instrument: &str) -> Arc<dyn LatencySource>;
    /// A model as it was set.
    fn begin(&self) -> Box<dyn CustomLatency>;
}

/// What a queue model keeps of an order for as long as it rests.
pub type Memory = Arc<dyn Any + Send + Sync>;

/// An order in its queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Its side.
    pub side: Side,
    /// Its price, increments.
    pub price: i64,
    /// What of it is not filled, increments.
    pub leaves: i64,
    /// What its level displays, increments.
    pub displayed: i64,
    /// What is ahead of it, increments; of one that joins all that is displayed and not taken.
    pub ahead: f64,
    /// Venue's time of what is told, ns.
    pub at: i64,
}

/// What happens to an order in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueEvent {
    /// It joins.
    Join,
    /// Something trades at its price.
    Trade {
        /// As much of it as own orders ahead left, increments.
        qty: i64,
        /// What these got of it, increments.
        own: i64,
        /// Whether it had happened when the displayed size last shrank.
        is_shown: bool,
    },
    /// Its level displays another size, increments.
    Change {
        /// Before.
        prev: i64,
        /// Now.
        new: i64,
    },
}

impl QueueEvent {
    /// What is asked of a model.
    pub fn method(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Trade { .. } => "trade",
            Self::Change { .. } => "change",
        }
    }
}

/// How orders queue.
pub trait CustomQueue: fmt::Debug + Send {
    /// What is ahead of an order after an event, increments.
    ///
    /// # Errors
    /// [`HookError`].
    fn ahead(
        &mut self,
        memory: &mut Option<Memory>,
        order: &Standing,
        event: QueueEvent,
    ) -> Result<f64, HookError>;
}

/// Where queue models come from.
pub trait QueueSource: fmt::Debug + Send + Sync {
    /// What it is called, with its parameters.
    fn name(&self) -> &str;
    /// A model for an instrument.
    fn begin(&self, instrument: &Arc<Instrument>) -> Box<dyn CustomQueue>;
}

/// What fills cost.
pub trait CustomFees: fmt::Debug + Send {
    /// The fee of a fill in the settlement currency, negative for a rebate.
    ///
    /// # Errors
    /// [`HookError`].
    fn fee(&mut self, fill: &ChargedFill<'_>) -> Result<Money, HookError>;
}

/// Where fee models come from.
pub trait FeeSource: fmt::Debug + Send + Sync {
    /// What it is called, with its parameters.
    fn name(&self) -> &str;
    /// A model for an instrument.
    fn begin(&self, instrument: &Instrument) -> Box<dyn CustomFees>;
}

/// A source, equal to itself alone.
pub struct Source<T: ?Sized>(pub Arc<T>);

impl<T: ?Sized> Clone for Source<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Eq for Source<T> {}

impl<T: ?Sized> PartialEq for Source<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a model has failed, and how, until somebody has been told.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) has_failed: bool,
    pub(super) untold: Option<ModelFailure>,
}

impl Outcome {
    fn fail(&mut self, model: &str, method: &'static str, error: HookError) {
        (self.has_failed, self.untold) =
            (true, Some(ModelFailure { model: model.to_owned(), method, error }));
    }
}

/// A latency model in use.
#[derive(Debug)]
pub(super) struct LatencyInUse {
    source: Source<dyn LatencySource>,
    model: Box<dyn CustomLatency>,
    outcome: Outcome,
}

impl LatencyInUse {
    pub(super) fn new(source: Source<dyn LatencySource>) -> Self {
        let model = source.0.begin();
        Self { source, model, outcome: Outcome::default() }
    }

    pub(super) fn outcome(&mut self) -> &mut Outcome {
        &mut self.outcome
    }

    /// What something sent at `at` takes, ns; the least it may take once the model has failed.
    pub(super) fn draw(&mut self, at: i64) -> i64 {
        let source = &self.source.0;
        let least = source.least();
        if self.outcome.has_failed {
            return least;
        }
        let drawn = self.model.draw(at).and_then(|ns| {
            let problem = || HookError::Failed(format!("returned {ns}, less than its least, {least} ns"));
            if ns < least { Err(problem()) } else { Ok(ns) }
        });
        drawn.unwrap_or_else(|error| {
            self.outcome.fail(source.name(), source.method(), error);
            least
        })
    }
}

/// A queue model in use.
#[derive(Debug)]
pub(super) struct QueueInUse {
    name: String,
    model: Box<dyn CustomQueue>,
    outcome: Outcome,
}

impl QueueInUse {
    pub(super) fn new(source: &dyn QueueSource, instrument: &Arc<Instrument>) -> Self {
        Self { name: source.name().to_owned(), model: source.begin(instrument), outcome: Outcome::default() }
    }

    pub(super) fn outcome(&mut self) -> &mut Outcome {
        &mut self.outcome
    }

    /// What is ahead of an order after an event; what was ahead of it before, once the model has failed.
    pub(super) fn ahead(&mut self, memory: &mut Option<Memory>, order: &Standing, event: QueueEvent) -> f64 {
        if self.outcome.has_failed {
            return order.ahead;
        }
        let told = self.model.ahead(memory, order, event).and_then(|ahead| {
            let problem = || HookError::Failed(format!("returned {ahead}, expected a quantity from 0 on"));
            if ahead.is_finite() && ahead >= 0.0 { Ok(ahead) } else { Err(problem()) }
        });
        told.unwrap_or_else(|error| {
            self.outcome.fail(&self.name, event.method(), error);
            order.ahead
        })
    }
}

/// Fee models in use: each group of accounts has one, of an instrument.
#[derive(Debug)]
pub(super) struct FeesInUse {
    source: Source<dyn FeeSource>,
    /// So many accounts are a group.
    group: Option<usize>,
    each: Vec<(Box<dyn CustomFees>, Outcome)>,
}

impl FeesInUse {
    pub(super) fn new(source: Source<dyn FeeSource>, group: Option<usize>) -> Self {
        Self { source, group, each: Vec::new() }
    }

    /// The fee of a fill; none once the model has failed.
    pub(super) fn fee(&mut self, fill: &ChargedFill<'_>) -> Money {
        let at = self.group.map_or(0, |accounts| fill.account.index() / accounts);
        while self.each.len() <= at {
            self.each.push((self.source.0.begin(fill.instrument), Outcome::default()));
        }
        let (model, outcome) = &mut self.each[at];
        if outcome.has_failed {
            return Money::ZERO;
        }
        let told = model.fee(fill).and_then(|fee| {
            let problem = || HookError::Failed(format!("returned {fee}, which cannot be counted"));
            if fee.is_within(ACCOUNT_LIMIT) { Ok(fee) } else { Err(problem()) }
        });
        told.unwrap_or_else(|error| {
            outcome.fail(self.source.0.name(), "fee", error);
            Money::ZERO
        })
    }

    /// How one failed, if one did and nobody has been told, and an account that it charged.
    pub(super) fn take_failure(&mut self) -> Option<(AccountId, ModelFailure)> {
        let accounts = self.group.unwrap_or(1);
        let mut each = self.each.iter_mut().enumerate();
        each.find_map(|(at, (_, outcome))| Some((AccountId::new(at * accounts), outcome.untold.take()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draws, LatencyModel, Traffic};
    use super::*;
    use crate::random::Random;

    /// Says its numbers in turn.
    #[derive(Debug, Clone)]
    struct Told(Vec<i64>);

    impl CustomLatency for Told {
        fn draw(&mut self, _at: i64) -> Result<i64, HookError> {
            Ok(self.0.remove(0))
        }
    }

    impl LatencySource for Told {
        fn name(&self) -> &'static str {
            "Told"
        }

        fn method(&self) -> &'static str {
            "entry"
        }

        fn least(&self) -> i64 {
            2
        }

        fn of(&self, _instrument: &str) -> Arc<dyn LatencySource> {
            Arc::new(self.clone())
        }

        fn begin(&self) -> Box<dyn CustomLatency> {
            Box::new(self.clone())
        }
    }

    #[test]
    fn a_model_that_says_less_than_its_least_has_failed_and_is_not_asked_again() {
        let model = LatencyModel::Custom(Source(Arc::new(Told(vec![5, 1, 9]))));
        assert_eq!((model.least(), model.window(), model.to_string().as_str()), (2, 0, "Told"));
        let mut draws = Draws::new(model.clone(), Random::new(0, 0));
        let mut draw = || draws.draw(0, &Traffic::default());
        assert_eq!([draw(), draw(), draw()], [5, 2, 2]);
        let failure = draws.take_failure().unwrap();
        assert_eq!(failure.to_string(), "Told.entry: returned 1, less than its least, 2 ns");
        assert_eq!(draws.take_failure(), None, "it is told once");
        // Each one that begins is as the setting was.
        assert_eq!(Draws::new(model, Random::new(0, 0)).draw(0, &Traffic::default()), 5);
    }

    impl CustomQueue for Told {
        fn ahead(
            &mut self,
            memory: &mut Option<Memory>,
            _order: &Standing,
            event: QueueEvent,
        ) -> Result<f64, HookError> {
            *memory = Some(Arc::new(event));
            Ok(if event == QueueEvent::Join { 7.0 } else { f64::NAN })
        }
    }

    impl QueueSource for Told {
        fn name(&self) -> &'static str {
            "Told"
        }

        fn begin(&self, _instrument: &Arc<Instrument>) -> Box<dyn CustomQueue> {
            Box::new(self.clone())
        }
    }

    #[test]
    fn what_is_ahead_is_a_number_from_0_on() {
        let model: Box<dyn CustomQueue> = Box::new(Told(Vec::new()));
        let mut queue = QueueInUse { name: "Told".into(), model, outcome: Outcome::default() };
        let order = Standing { side: Side::Buy, price: 1, leaves: 1, displayed: 3, ahead: 3.0, at: 0 };
        let mut memory = None;
        let mut ahead = |event| queue.ahead(&mut memory, &order, event).to_bits();
        assert_eq!(ahead(QueueEvent::Join), 7.0f64.to_bits());
        let change = QueueEvent::Change { prev: 3, new: 2 };
        assert_eq!([ahead(change), ahead(QueueEvent::Join)], [3.0f64.to_bits(); 2], "as it was before");
        let failure = queue.outcome().untold.take().unwrap();
        assert_eq!(failure.to_string(), "Told.change: returned NaN, expected a quantity from 0 on");
        assert_eq!(memory.and_then(|kept| kept.downcast_ref::<QueueEvent>().copied()), Some(change));
    }
}
