//! The models of strategies in a backtest: what they say, and how long they take to say it.

use std::collections::BTreeMap;

use super::sessions::Seat;
use crate::kernel::{Answer, HookError, KernelError, Opinion, Question};
use crate::random::Random;
use crate::sim::{Draws, LatencyModel, Traffic};

/// A model: what it says of features follows from them, and from what it was asked before.
pub trait Model: Send {
    /// Says something to a question.
    ///
    /// # Errors
    /// Why it cannot; that is an answer, too. [`HookError::Interrupted`] ends the run.
    fn opinion(&mut self, question: &Question) -> Result<Opinion, HookError>;
}

/// A model and the time it takes.
pub struct ModelSetup {
    /// The model.
    pub model: Box<dyn Model>,
    /// From a question to its answer.
    pub latency: LatencyModel,
}

/// The models of all strategies, and their answers on the way back.
#[derive(Default)]
pub(super) struct Models {
    /// By strategy, counted over all kernels.
    each: Vec<Option<(Box<dyn Model>, Draws)>>,
    /// By when they arrive, those of one instant in the order of their questions.
    answers: BTreeMap<(i64, u64), (Seat, Answer)>,
    asked: u64,
}

impl Models {
    /// These, each with what its latencies are drawn from.
    pub(super) fn new(each: Vec<Option<ModelSetup>>, random: impl Fn(usize) -> Random) -> Self {
        let with_draws = |(at, setup): (usize, Option<ModelSetup>)| {
            setup.map(|ModelSetup { model, latency }| (model, Draws::new(latency, random(at))))
        };
        Self { each: each.into_iter().enumerate().map(with_draws).collect(), ..Self::default() }
    }

    /// Has the model of a strategy answer; `strategy` counts over all kernels.
    pub(super) fn ask(&mut self, seat: Seat, strategy: usize, question: Question) -> Result<(), KernelError> {
        let (said, latency) = match self.each.get_mut(strategy) {
            Some(Some((model, draws))) => {
                (model.opinion(&question), draws.draw(question.ts, &Traffic::default()))
            }
            _ => (Err(HookError::Failed("the strategy has no model".into())), 0),
        };
        let outcome = match said {
            Ok(opinion) => Ok(opinion),
            Err(HookError::Failed(problem)) => Err(problem.into()),
            Err(HookError::Interrupted) => return Err(KernelError::Interrupted),
        };
        let at = question.ts.saturating_add(latency);
        self.answers.insert((at, self.asked), (seat, question.answered(outcome)));
        self.asked += 1;
        Ok(())
    }

    /// When the next answer arrives.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        self.answers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next answer.
    pub(super) fn pop(&mut self) -> Option<(Seat, Answer)> {
        self.answers.pop_first().map(|(_, answer)| answer)
    }
}
