//! The gate every command passes: new orders, replacements and cancels.

use super::check::Breach;
use super::engine::Engine;
use super::review::Exposure;
use crate::ledger::ContractMath;
use crate::orders::{Command, NewTerms, OrderError, Reason, check_replace, check_request};
use crate::types::{Instrument, Price, Qty};

/// What has passed the gate. Only [`Gate::review`] makes one; venues take nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was approved, to be sent.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// What the gate says to a sound command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may go to the venue.
    Approved(Approved<Command>),
    /// It may not, for this reason; of [`Reason::Risk`] with every limit it would pass.
    Refused(Command, Reason, Vec<Breach>),
}

/// Whether orders may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Trading {
    /// They may.
    #[default]
    Active = 0,
    /// Nothing but cancels, until it is resumed.
    Paused = 1,
    /// Nothing but cancels and what closes positions for the kill switch, until it is armed again.
    Killed = 2,
}

/// How a person holds a strategy back from everything but cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// For a while: what it has at work stays.
    Paused,
    /// Until it is started: what it has at work has been cancelled.
    Stopped,
}

impl Hold {
    /// Why its orders are refused.
    fn reason(self) -> Reason {
        match self {
            Self::Paused => Reason::Paused,
            Self::Stopped => Reason::StrategyStopped,
        }
    }
}

/// What the gate holds a command against.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// Its arithmetic.
    pub math: &'a ContractMath,
    /// Whether it can be traded.
    pub is_listed: bool,
    /// When it is reviewed, ns.
    pub now: i64,
    /// What is filled of the order a replacement is for.
    pub filled: Qty,
    /// What it comes to and what is held and works besides, where there are limits.
    pub exposure: Option<&'a Exposure>,
    /// Whether whoever sends it may do nothing but cancel, and how.
    pub hold: Option<Hold>,
    /// Whether it closes a position for the kill switch or the circuit breaker: no limit holds it back.
    pub is_exit: bool,
}

/// The gate.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    trading: Trading,
    /// The limits, where there are any.
    engine: Option<Box<Engine>>,
}

impl Gate {
    /// Whether orders may be sent.
    pub fn trading(&self) -> Trading {
        self.trading
    }

    /// Opens or shuts the gate for everything but cancels.
    pub fn set_trading(&mut self, trading: Trading) {
        self.trading = trading;
    }

    /// The limits.
    #[inline]
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.as_deref()
    }

    /// The limits, to tell them of what happens.
    #[inline]
    pub fn engine_mut(&mut self) -> Option<&mut Engine> {
        self.engine.as_deref_mut()
    }

    /// Puts limits in place.
    pub fn set_engine(&mut self, engine: Engine) {
        self.engine = Some(Box::new(engine));
    }

    /// Judges a command, which changes nothing. `market_price` is what a market order would be valued at, if there is a price.
    ///
    /// # Errors
    /// [`OrderError`] when the command is not one a venue could be asked.
    pub fn review(
        &self,
        command: Command,
        rules: &Rules<'_>,
        market_price: impl FnOnce() -> Option<Price>,
    ) -> Result<Verdict, OrderError> {
        let refusal = match &command {
            // Whoever wants out gets out.
            Command::Cancel { .. } => None,
            Command::Submit { request, .. } => {
                let refusal = check_request(rules.instrument, rules.math, rules.now, request, market_price)?;
                self.shut(rules).or(refusal)
            }
            Command::Replace { terms: NewTerms { price, qty, .. }, .. } => {
                let refusal =
                    check_replace(rules.instrument, rules.math, rules.now, *price, *qty, rules.filled)?;
                // No more than what is filled asks for the rest to be cancelled.
                if *qty <= rules.filled { None } else { self.shut(rules).or(refusal) }
            }
        };
        let is_cancel = matches!(command, Command::Cancel { .. });
        let breaches = match (&self.engine, rules.exposure) {
            (Some(engine), Some(held)) if refusal.is_none() && !is_cancel && !rules.is_exit => {
                engine.review(&held.ask, &held.amounts, &held.standing)
            }
            _ => Vec::new(),
        };
        Ok(match refusal {
            None if breaches.is_empty() => Verdict::Approved(Approved(command)),
            None => Verdict::Refused(command, Reason::Risk, breaches),
            Some(reason) => Verdict::Refused(command, reason, Vec::new()),
        })
    }

    fn shut(&self, rules: &Rules<'_>) -> Option<Reason> {
        match self.trading {
            Trading::Paused if !rules.is_exit => Some(Reason::Paused),
            Trading::Killed if !rules.is_exit => Some(Reason::Killed),
            _ => match rules.hold.filter(|_| !rules.is_exit) {
                Some(hold) => Some(hold.reason()),
                None if rules.is_listed => None,
                None => Some(Reason::NotListed),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{OrderRequest, OrderType};
    use crate::types::instrument::tests::linear;
    use crate::types::{MarketId, Side};

    const MARKET: MarketId = MarketId::new(0);

    fn submit(qty: i64) -> Command {
        let request =
            OrderRequest::new(MARKET, Side::Buy, OrderType::Limit { price: Price::new(100) }, Qty::new(qty));
        Command::Submit { order: 1, request }
    }

    fn review(gate: &Gate, is_listed: bool, filled: i64, command: &Command) -> Option<Reason> {
        let instrument = linear();
        let math = ContractMath::new(&instrument).unwrap();
        let rules = Rules {
            instrument: &instrument,
            math: &math,
            is_listed,
            now: 0,
            filled: Qty::new(filled),
            exposure: None,
            hold: None,
            is_exit: false,
        };
        match gate.review(command.clone(), &rules, || None).unwrap() {
            Verdict::Approved(approved) => {
                assert_eq!(approved.get(), command);
                None
            }
            Verdict::Refused(refused, reason, _) => {
                assert_eq!(&refused, command);
                Some(reason)
            }
        }
    }

    #[test]
    fn a_shut_gate_lets_cancels_out_and_nothing_in() {
        let mut gate = Gate::default();
        let replace = |qty| Command::Replace {
            order: 1,
            market: MARKET,
            terms: NewTerms::new(Price::new(100), Qty::new(qty)),
        };
        assert_eq!(review(&gate, true, 0, &submit(1_000)), None);
        assert_eq!(review(&gate, false, 0, &submit(1_000)), Some(Reason::NotListed));
        for (trading, reason) in [(Trading::Paused, Reason::Paused), (Trading::Killed, Reason::Killed)] {
            gate.set_trading(trading);
            assert_eq!(review(&gate, true, 0, &submit(1_000)), Some(reason));
            assert_eq!(review(&gate, true, 500, &replace(1_000)), Some(reason));
            assert_eq!(review(&gate, true, 500, &replace(500)), None);
            assert_eq!(review(&gate, false, 0, &Command::Cancel { order: 1, market: MARKET }), None);
        }
    }
}
