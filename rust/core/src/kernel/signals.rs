//! Signals: what the models of strategies say.
//!
//! A strategy asks with the features it sees ([`super::Context::ask`]). Whoever drives the kernel has the model, takes
//! the question ([`super::Kernel::questions`]) and hands the answer back as an input, when the model has had its time:
//! so decisions follow from inputs alone, and a journal needs no model. A signal holds until it expires or a younger
//! one arrives; what was asked earlier never replaces what was asked later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bursts::{Bursts, TooManyAtOnce};
use crate::types::{MarketId, StrategyId};

/// What a signal says to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i8)]
pub enum SignalAction {
    /// Be long.
    Buy = 1,
    /// Neither.
    Hold = 0,
    /// Be short.
    Sell = -1,
}

impl SignalAction {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Hold => "hold",
            Self::Sell => "sell",
        }
    }

    /// From 1, 0 or -1.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Buy),
            0 => Some(Self::Hold),
            -1 => Some(Self::Sell),
            _ => None,
        }
    }
}

/// How sure a model is: a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Confidence(f64);

impl Confidence {
    /// `None` for what is not from 0 to 1.
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// What a model said.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// What to do.
    pub action: SignalAction,
    /// How sure it is.
    pub confidence: Confidence,
    /// What the action was made from: a difference of probabilities, an expected return.
    pub value: f64,
    /// Which model it was.
    pub model: Arc<str>,
}

/// What a strategy asks its model.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// When, ns.
    pub ts: i64,
    /// Who.
    pub strategy: StrategyId,
    /// About which market.
    pub market: MarketId,
    /// What it sees.
    pub features: Arc<[f64]>,
    /// How long an answer holds from `ts` on, ns.
    pub lifetime_ns: i64,
}

impl Question {
    /// Its answer: an opinion, or why there is none.
    pub fn answered(self, outcome: Result<Opinion, Arc<str>>) -> Answer {
        Answer {
            outcome: outcome.map(|opinion| Signal {
                opinion,
                ts: self.ts,
                expires: self.ts.saturating_add(self.lifetime_ns),
                features: self.features,
            }),
            ts: self.ts,
            strategy: self.strategy,
            market: self.market,
        }
    }
}

/// A signal: an opinion on a market for as long as it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// What the model said.
    pub opinion: Opinion,
    /// When the features were taken, ns.
    pub ts: i64,
    /// From when on it says nothing any more, ns.
    pub expires: i64,
    /// What the model saw.
    pub features: Arc<[f64]>,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whose question it was.
    pub strategy: StrategyId,
    /// About which market.
    pub market: MarketId,
    /// When it was asked, ns.
    pub ts: i64,
    /// The signal, or why there is none.
    pub outcome: Result<Signal, Arc<str>>,
}

/// The signals that hold, and the questions on their way out.
#[derive(Debug, Default)]
pub(super) struct Signals {
    questions: Vec<Question>,
    asked: Bursts,
    /// The last signal of each strategy in each market.
    latest: BTreeMap<(StrategyId, MarketId), Signal>,
    /// When those that still hold expire.
    expiries: BTreeSet<(i64, StrategyId, MarketId)>,
}

impl Signals {
    pub(super) fn ask(&mut self, question: Question) -> Result<(), TooManyAtOnce> {
        self.asked.take(question.strategy, question.ts, "questions to a model were asked at one moment")?;
        self.questions.push(question);
        Ok(())
    }

    pub(super) fn questions(&mut self) -> &mut Vec<Question> {
        &mut self.questions
    }

    /// Whether strategies have asked what nobody has taken.
    pub(super) fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// The signal that holds at `now`.
    pub(super) fn holding(&self, strategy: StrategyId, market: MarketId, now: i64) -> Option<&Signal> {
        self.latest.get(&(strategy, market)).filter(|signal| now < signal.expires)
    }

    /// All of a strategy's that hold at `now`, by market.
    pub(super) fn all_holding(
        &self,
        strategy: StrategyId,
        now: i64,
    ) -> impl Iterator<Item = (MarketId, &Signal)> + '_ {
        let own = (strategy, MarketId::new(0))..=(strategy, MarketId::new(u32::MAX as usize));
        let all = self.latest.range(own).map(|((_, market), signal)| (*market, signal));
        all.filter(move |(_, signal)| now < signal.expires)
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// Why it is not the signal that holds now: there is none, it has expired on its way, or one that was asked for later
    /// is there.
    pub(super) fn take(&mut self, answer: &Answer, now: i64) -> Result<(), Arc<str>> {
        let signal = answer.outcome.as_ref().map_err(Arc::clone)?;
        let key = (answer.strategy, answer.market);
        let before = self.latest.get(&key);
        if signal.expires <= now {
            return Err("expired before it came".into());
        }
        if before.is_some_and(|before| before.ts > signal.ts) {
            return Err("a later question was answered before".into());
        }
        if let Some(before) = before {
            self.expiries.remove(&(before.expires, key.0, key.1));
        }
        self.expiries.insert((signal.expires, key.0, key.1));
        self.latest.insert(key, signal.clone());
        Ok(())
    }

    /// When the next one expires.
    #[inline]
    pub(super) fn next_expiry(&self) -> Option<i64> {
        self.expiries.first().map(|(at, ..)| *at)
    }

    /// Takes the next one that has expired by `now`.
    pub(super) fn expire(&mut self, now: i64) -> Option<(StrategyId, MarketId, Signal)> {
        let (at, strategy, market) = *self.expiries.first().filter(|(at, ..)| *at <= now)?;
        self.expiries.remove(&(at, strategy, market));
        self.latest.get(&(strategy, market)).map(|signal| (strategy, market, signal.clone()))
    }

    /// Forgets those of a strategy, and what it asked.
    pub(super) fn forget(&mut self, strategy: StrategyId) {
        self.questions.retain(|question| question.strategy != strategy);
        self.latest.retain(|(whose, _), _| *whose != strategy);
        self.expiries.retain(|(_, whose, _)| *whose != strategy);
    }

    /// The last ones of all, and whether their end is still to be told.
    pub(super) fn list(&self) -> impl Iterator<Item = (StrategyId, MarketId, &Signal, bool)> + '_ {
        self.latest.iter().map(|(&(strategy, market), signal)| {
            let waits = self.expiries.contains(&(signal.expires, strategy, market));
            (strategy, market, signal, waits)
        })
    }

    /// Adds one that [`Signals::list`] told.
    pub(super) fn restore(&mut self, strategy: StrategyId, market: MarketId, signal: Signal, waits: bool) {
        if waits {
            self.expiries.insert((signal.expires, strategy, market));
        }
        self.latest.insert((strategy, market), signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKET: MarketId = MarketId::new(1);
    const WHO: StrategyId = StrategyId::new(2);

    fn answer(ts: i64, lifetime_ns: i64, action: SignalAction) -> Answer {
        let features: Arc<[f64]> = Arc::from([ts as f64]);
        let confidence = Confidence::new(0.5).unwrap();
        let opinion = Opinion { action, confidence, value: 0.0, model: "m".into() };
        Question { ts, strategy: WHO, market: MARKET, features, lifetime_ns }.answered(Ok(opinion))
    }

    #[test]
    fn a_signal_holds_until_it_expires_and_expires_once() {
        let mut signals = Signals::default();
        signals.take(&answer(10, 5, SignalAction::Buy), 12).unwrap();
        assert_eq!(signals.next_expiry(), Some(15));
        assert!(signals.holding(WHO, MARKET, 14).is_some());
        assert!(
            signals.holding(WHO, MARKET, 15).is_none()
                && signals.holding(WHO, MarketId::new(0), 14).is_none()
        );
        assert_eq!(signals.expire(14), None);
        assert_eq!(signals.expire(15).map(|(who, market, _)| (who, market)), Some((WHO, MARKET)));
        assert_eq!((signals.expire(99), signals.next_expiry()), (None, None));
    }

    #[test]
    fn what_was_asked_earlier_or_has_expired_replaces_nothing() {
        let mut signals = Signals::default();
        let mut taken = |ts, lifetime_ns, action, now| signals.take(&answer(ts, lifetime_ns, action), now);
        assert_eq!(taken(10, 5, SignalAction::Buy, 15).unwrap_err().as_ref(), "expired before it came");
        taken(20, 50, SignalAction::Buy, 21).unwrap();
        let late = "a later question was answered before";
        assert_eq!(taken(19, 50, SignalAction::Sell, 22).unwrap_err().as_ref(), late);
        taken(20, 60, SignalAction::Sell, 23).unwrap();
        let held: Vec<_> = signals.all_holding(WHO, 30).map(|(m, s)| (m, s.opinion.action)).collect();
        assert_eq!(held, [(MARKET, SignalAction::Sell)]);
        assert_eq!(signals.next_expiry(), Some(80));
        let failed = Question { ts: 25, ..question() }.answered(Err("no".into()));
        assert_eq!(signals.take(&failed, 26).unwrap_err().as_ref(), "no");
        signals.forget(WHO);
        assert_eq!((signals.next_expiry(), signals.all_holding(WHO, 30).count()), (None, 0));
    }

    fn question() -> Question {
        Question { ts: 0, strategy: WHO, market: MARKET, features: Arc::from([]), lifetime_ns: 1 }
    }
}
